"""Reads everything but TIFF, through Pillow's plugins; what they cut to 8 bits (PNG of 16, HDR) through others.

The plugins are called by name instead of through `PIL.Image.open`: only the formats atelier means to read can be
reached, and Pillow's process-wide bomb limit does not overrule ours.
"""

from __future__ import annotations

import io
import struct
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from PIL import AvifImagePlugin, BmpImagePlugin, GifImagePlugin, ImageFile, JpegImagePlugin, PngImagePlugin, WebPImagePlugin, features
from PIL import Image as Pillow

from atelier.errors import ImageError, MissingExtra
from atelier.image import metadata
from atelier.image.boxes import read_properties
from atelier.image.coding import Coding, coding_of_nclx, coding_of_png
from atelier.image.jpeg import header_of, is_uncommon, read_uncommon, with_end
from atelier.image.limits import Limits, check_size
from atelier.image.samples import Samples

_PLUGINS: dict[str, type[ImageFile.ImageFile]] = {
    "jpeg": JpegImagePlugin.JpegImageFile,
    "png": PngImagePlugin.PngImageFile,
    "webp": WebPImagePlugin.WebPImageFile,
    "gif": GifImagePlugin.GifImageFile,
    "bmp": BmpImagePlugin.BmpImageFile,
    "avif": AvifImagePlugin.AvifImageFile,
}
_ANIMATED = {"png": "animated PNG", "webp": "animated WebP", "gif": "animated GIF", "avif": "animated AVIF"}
_PNG_END = b"\0\0\0\0IEND\xaeB`\x82"
_PNG_DEPTH = 24  # where in the file the header says how many bits a channel has
_FOREIGN = ("Raw profile type ", "XML:")  # PNG keywords under which other programs keep no words but binaries


def read_raster(data: bytes, kind: str, name: str, limits: Limits) -> Samples:
    """Read the first frame of a picture of that kind (as `sniff` names it).

    Raises ImageError where it is over the limits, MissingExtra for HEIC without pillow-heif, and whatever the codec
    does where the file is damaged.
    """
    if kind == "webp":
        # its plugin makes room for the whole picture at opening
        check_size(*_webp_size(data), name, limits)
    uncommon = kind == "jpeg" and is_uncommon(data)
    picture: Pillow.Image = header_of(data) if uncommon else _plugin(kind, name)(io.BytesIO(data))
    check_size(*picture.size, name, limits)
    notes = _animation_note(picture, kind)
    coding, first = _coding(data, kind)
    if uncommon:
        values, alpha = _split(read_uncommon(data, name)[0])
    elif coding and coding.hdr and kind in ("avif", "heic") and (deep := _deep(data, kind, picture.size)) is not None:
        values, alpha = _split(deep)
    else:
        picture, mended = _loaded(picture, data, kind, name)
        notes += mended
        values, alpha = _samples(picture, data, kind)
    profile = picture.info.get("icc_profile")
    exif, orientation, damage = _exif(picture)
    return Samples(
        values=values,
        alpha=alpha,
        profile=profile,
        coding=coding if first or not profile else None,
        orientation=orientation,
        depth=16 if values.dtype == np.uint16 else 8,
        text=_text(picture, kind),
        notes=notes + damage,
        exif=exif,
    )


def _coding(data: bytes, kind: str) -> tuple[Coding | None, bool]:
    """How the file tells its colours beside a profile, and whether that goes before the profile."""
    if kind == "png":
        return coding_of_png(data)
    if kind in ("avif", "heic"):
        return coding_of_nclx(read_properties(data).get(b"colr", b"")), False
    return None, False


def _loaded(picture: Pillow.Image, data: bytes, kind: str, name: str) -> tuple[Pillow.Image, tuple[str, ...]]:
    """The picture with its pixels, and a note where it had to be mended for that."""
    window = getattr(picture, "tile", None)
    extent = window[0][1] if kind == "gif" and window else None
    try:
        picture.load()
    except OSError:
        if kind != "jpeg" or (mended := with_end(data)) is None:
            raise
        picture = _plugin(kind, name)(io.BytesIO(mended))
        picture.load()
        return picture, ("its end marker is missing, but all pixels are there",)
    if extent and extent != (0, 0, *picture.size):
        # a frame smaller than the canvas: transparent around, as browsers have it
        info, inside = picture.info, picture.convert("RGBA").crop(extent)
        picture = Pillow.new("RGBA", picture.size)
        picture.paste(inside, extent[:2])
        picture.info = {key: value for key, value in info.items() if key != "transparency"}
    return picture, ()


def _samples(picture: Pillow.Image, data: bytes, kind: str) -> tuple[NDArray[Any], NDArray[Any] | None]:
    if kind == "png" and data[_PNG_DEPTH] == 16:
        return _split(np.asarray(imagecodecs.png_decode(data if _PNG_END in data[-64:] else data + _PNG_END)))
    picture = _plain_mode(picture)
    array = np.asarray(picture)
    return (array, None) if picture.mode == "CMYK" else _split(array)


def _deep(data: bytes, kind: str, size: tuple[int, int]) -> NDArray[np.uint16] | None:
    """All bits of an AVIF or HEIC of more than 8, (H, W, C), over the whole range of uint16; None where it has 8, or its codec fails."""
    try:
        if kind == "heic":
            import pillow_heif

            file = pillow_heif.open_heif(io.BytesIO(data), convert_hdr_to_8bit=False)
            array, bits = np.asarray(file), int(file.info["bit_depth"])
            array = array >> (16 - bits) if array.dtype == np.uint16 else array
        else:
            array = np.asarray(imagecodecs.avif_decode(data))
            bits = 12 if read_properties(data).get(b"av1C", b"\0\0\0")[2] & 0x20 else 10
    except Exception:  # the other way has it in 8 bits
        return None
    if array.dtype != np.uint16 or array.shape[1::-1] != size:
        return None
    return np.rint(array * np.float32(65535 / (2**bits - 1))).clip(0, 65535).astype(np.uint16)


def _plugin(kind: str, name: str) -> type[ImageFile.ImageFile]:
    if kind == "avif" and not features.check("avif"):
        raise ImageError(f"{name} is an AVIF picture, and this build of Pillow reads none; pip install --upgrade pillow")
    if kind != "heic":
        return _PLUGINS[kind]
    try:
        from pillow_heif import HeifImageFile
    except ImportError:
        raise MissingExtra("HEIC pictures", "heif") from None
    plugin: type[ImageFile.ImageFile] = HeifImageFile
    return plugin


def _webp_size(data: bytes) -> tuple[int, int]:
    """(width, height) from the first chunk, which is one of three kinds."""
    kind = data[12:16]
    if kind == b"VP8X":
        return 1 + int.from_bytes(data[24:27], "little"), 1 + int.from_bytes(data[27:30], "little")
    if kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    width, height = struct.unpack_from("<HH", data, 26)
    return width & 0x3FFF, height & 0x3FFF


def _animation_note(picture: Pillow.Image, kind: str) -> tuple[str, ...]:
    what = _ANIMATED.get(kind)
    if not what or not getattr(picture, "is_animated", False):
        return ()
    return (f"{what}: the first of {getattr(picture, 'n_frames', 'several')} frames",)


def _plain_mode(picture: Pillow.Image) -> Pillow.Image:
    """In one of the modes L, LA, RGB, RGBA, CMYK, which are what their names say."""
    if "transparency" in picture.info and picture.mode in ("1", "L", "I", "RGB", "P"):
        return picture.convert("RGBA")
    if picture.mode in ("L", "LA", "RGB", "RGBA", "CMYK"):
        return picture
    return picture.convert({"1": "L", "La": "LA", "PA": "RGBA", "RGBa": "RGBA"}.get(picture.mode, "RGB"))


def _split(array: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """(H, W), or (H, W, C) with an alpha where C is even, into colours (H, W, 1 or 3) and alpha (H, W)."""
    if array.ndim == 2:
        return array[:, :, None], None
    if array.shape[2] in (2, 4):
        return array[:, :, :-1], array[:, :, -1]
    return array, None


def _exif(picture: Pillow.Image) -> tuple[bytes | None, int, tuple[str, ...]]:
    try:
        exif = picture.getexif()
        return metadata.carry(exif), metadata.orientation(exif), ()
    except Exception:  # whatever is in there, the pixels are good
        return None, 1, ("its EXIF metadata is damaged and was left out",)


def _text(picture: Pillow.Image, kind: str) -> dict[str, str]:
    if kind != "png":
        return metadata.from_xmp(picture.info.get("xmp") or b"")
    # not `picture.text`, which for an animation decodes every frame to look behind the last
    words = {key: str(value) for key, value in picture.info.items() if isinstance(key, str) and isinstance(value, str)}
    return {key: value for key, value in words.items() if metadata.is_png_key(key) and not key.startswith(_FOREIGN)}
