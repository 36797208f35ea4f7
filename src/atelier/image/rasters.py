"""Reads everything but TIFF, through Pillow's plugins; 16-bit PNG through imagecodecs, as Pillow cuts it to 8.

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
_PNG_DEPTH = 24  # where in the file the header says how many bits a channel has
_FOREIGN = ("Raw profile type ", "XML:")  # PNG keywords under which other programs keep no words but binaries


def read_raster(data: bytes, kind: str, name: str, limits: Limits) -> Samples:
    """The first frame of a picture of that kind (as `sniff` names it).

    Raises ImageError where it is over the limits, MissingExtra for HEIC without pillow-heif, and whatever the codec
    does where the file is damaged.
    """
    if kind == "webp":
        # its plugin makes room for the whole picture at opening
        check_size(*_webp_size(data), name, limits)
    picture: Pillow.Image = _plugin(kind, name)(io.BytesIO(data))
    check_size(*picture.size, name, limits)
    notes = _animation_note(picture, kind)
    picture.load()
    if kind == "png" and data[_PNG_DEPTH] == 16:
        array = np.asarray(imagecodecs.png_decode(data))
    else:
        picture = _plain_mode(picture)
        array = np.asarray(picture)
    values, alpha = (array, None) if picture.mode == "CMYK" else _split(array)
    exif, orientation, damage = _exif(picture)
    return Samples(
        values=values,
        alpha=alpha,
        profile=picture.info.get("icc_profile"),
        orientation=orientation,
        depth=16 if values.dtype == np.uint16 else 8,
        text=_text(picture, kind),
        notes=notes + damage,
        exif=exif,
    )


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
