"""A picture to a file's bytes."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, cast

import imagecodecs
from PIL import ExifTags, TiffImagePlugin, features
from PIL import Image as Pillow

from atelier.errors import AtelierError, MissingExtra, OutputError, SettingError
from atelier.image import metadata
from atelier.image.jxl import write_jxl
from atelier.image.profiles import from_srgb, srgb_profile
from atelier.image.value import Image

PROFILES = ("srgb", "keep")
OUR_KEY = "atelier"  # under which our own words stand in `Image.text`

_ALIASES = {"jpg": "jpeg", "jpe": "jpeg", "jfif": "jpeg", "tif": "tiff", "heif": "heic", "apng": "png"}
_LONGEST_SIDE = {"jpeg": 65_535, "webp": 16_383, "avif": 65_536, "heic": 65_535}
_FULL_COLOR = 90  # quality from which colour is stored as finely as brightness; a painting's strokes are edges of colour
_PLACEHOLDER = 34664  # a tag nobody uses, next to the pointer to the EXIF directory (34665), which tifffile refuses to write
_JPEG_XMP_ROOM = 65_502  # bytes of XMP a JPEG has room for


def encode(image: Image, format: str, *, quality: int = 92, depth: int | None = None, profile: str = "srgb") -> bytes:
    """Encode a picture as a file of that format: png, jpeg, webp, tiff, avif, jxl, or heic (with `atelier[heif]`).

    Upper case, a leading dot and the usual short forms (jpg, tif) will do.

    quality: 1 to 100, for the formats that lose some (of jxl 100 loses nothing). depth: bits a channel, 8 or 16; None is the
    image's own where the format has it (png, tiff), 8 elsewhere. profile: "srgb", or "keep", the image's own where
    it has one. Every file says its profile, and carries `text` and `exif`.
    Transparency is laid over white in JPEG, which has none.

    Raises OutputError for a format not known, or one that cannot hold this picture; SettingError for a quality, depth or profile
    out of range; MissingExtra.
    """
    kind = format_name(format)
    _check(image, kind, quality, depth, profile)
    if profile == "keep" and image.profile:
        image = replace(image, pixels=from_srgb(image.pixels, image.profile))
    else:
        image = replace(image, profile=srgb_profile())
    try:
        if kind in ("png", "tiff"):
            return {"png": _png, "tiff": _tiff}[kind](image, depth or image.depth)
        return _LOSSY[kind](image, quality)
    except AtelierError:
        raise
    except Exception as error:  # the codecs agree on no type
        raise OutputError(f"the picture cannot be written as {kind.upper()}: {error}") from error


def _check(image: Image, kind: str, quality: int, depth: int | None, profile: str) -> None:
    if not 1 <= quality <= 100:
        raise SettingError("quality", "must be 1 to 100", quality)
    if depth not in (None, 8, 16):
        raise SettingError("depth", "must be 8 or 16 bits a channel", depth)
    if depth == 16 and kind not in ("png", "tiff"):
        raise OutputError(f"{kind.upper()} is written with 8 bits a channel; choose PNG or TIFF for 16")
    if profile not in PROFILES:
        raise SettingError("profile", f"must be one of {', '.join(PROFILES)}", profile)
    if profile == "keep" and kind == "jxl":
        raise OutputError("JXL is written in sRGB; choose another format to keep the photo's colour profile")
    longest = _LONGEST_SIDE.get(kind)
    if longest and max(image.size) > longest:
        raise OutputError(f"{kind.upper()} holds at most {longest:,} pixels a side, this picture is {image.size}; choose PNG or TIFF")


def format_name(format: str) -> str:
    """Give the plain name of a format ("jpeg" for "JPG" or ".jpg"). Raises OutputError, naming the known ones."""
    kind = format.lower().lstrip(".")
    kind = _ALIASES.get(kind, kind)
    if kind not in FORMATS:
        raise OutputError(f"{format!r} is no format atelier writes pictures in; choose one of {', '.join(FORMATS)}")
    return kind


def _profile(image: Image) -> bytes:
    """The profile that an image's samples, as they are to be written, are in."""
    return image.profile or srgb_profile()


def _png(image: Image, depth: int) -> bytes:
    # imagecodecs writes 16 bits, which Pillow does not, but nothing beside the pixels: that goes in after the header.
    data = bytes(imagecodecs.png_encode(image.to_array(depth), level=6))
    profile = _profile(image)
    beside = _chunk(b"iCCP", (b"sRGB" if profile == srgb_profile() else b"ICC") + b"\0\0" + zlib.compress(profile))
    if image.exif:
        beside += _chunk(b"eXIf", image.exif.removeprefix(b"Exif\0\0"))
    for key, value in image.text.items():
        if not metadata.is_png_key(key):
            raise OutputError(f"PNG takes text under keys of 1 to 79 Latin letters, not {key!r}")
        beside += _chunk(b"iTXt", key.encode("latin-1") + b"\0\0\0\0\0" + value.encode("utf-8", "replace"))
    header = 8 + 12 + 13  # signature, and the IHDR chunk
    return data[:header] + beside + data[header:]


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _tiff(image: Image, depth: int) -> bytes:
    tags: list[tuple[int, Any, int, Any, bool]] = []
    if image.text:
        packet = metadata.to_xmp(image.text)
        tags.append((700, 1, len(packet), packet, True))
    exif = metadata.load_exif(image.exif) if image.exif else {}
    for tag, value in exif.items():
        if isinstance(value, str):
            words = value.encode("latin-1", "replace") + b"\0"  # as Pillow took it from its bytes
            tags.append((int(tag), 2, len(words), words, True))
    taken = exif.get_ifd(ExifTags.IFD.Exif) if isinstance(exif, Pillow.Exif) else {}
    if taken:
        tags.append((_PLACEHOLDER, 4, 1, 0, True))
    import tifffile  # here, as most pictures are of other formats

    stream = io.BytesIO()
    tifffile.imwrite(
        stream,
        image.to_array(depth),
        byteorder="<",
        photometric="rgb",
        extrasamples=None if image.alpha is None else ("unassalpha",),
        compression="deflate",
        predictor=True,
        rowsperstrip=64,
        iccprofile=_profile(image),
        extratags=tags,
        metadata=None,
        software="atelier",
    )
    data = stream.getvalue()
    return _with_exif_directory(data, taken) if taken else data


def _with_exif_directory(data: bytes, taken: Mapping[int, Any]) -> bytes:
    """Hangs a directory of EXIF tags behind a TIFF and makes the tag reserved for it point there."""
    directory = TiffImagePlugin.ImageFileDirectory_v2()  # little-endian, like the file
    directory.update(taken)
    data += b"\0" * (len(data) % 2)  # directories begin at even offsets
    import tifffile

    with tifffile.TiffFile(io.BytesIO(data)) as file:
        entry = cast(tifffile.TiffPage, file.pages[0]).tags[_PLACEHOLDER].offset
    pointer = struct.pack("<HHII", ExifTags.IFD.Exif, 4, 1, len(data))
    return data[:entry] + pointer + data[entry + len(pointer) :] + directory.tobytes(len(data))


def _jpeg(image: Image, quality: int) -> bytes:
    packet = metadata.to_xmp(image.text)
    if len(packet) > _JPEG_XMP_ROOM:
        # words of other programs (a photo may come with a whole workflow in it) make way for ours
        packet = metadata.to_xmp({key: value for key, value in image.text.items() if key == OUR_KEY})
    if len(packet) > _JPEG_XMP_ROOM:
        raise OutputError("the text is too long to be carried in a JPEG; choose PNG, WebP or TIFF")
    sampling = "4:4:4" if quality >= _FULL_COLOR else "4:2:0"
    return _saved(image.flat(), "JPEG", packet, quality=quality, subsampling=sampling, optimize=True)


def _webp(image: Image, quality: int) -> bytes:
    # exact: the colour under transparent pixels is kept
    return _saved(image, "WEBP", metadata.to_xmp(image.text), quality=quality, exact=True)


def _avif(image: Image, quality: int) -> bytes:
    if not features.check("avif"):
        raise OutputError("this build of Pillow writes no AVIF; pip install --upgrade pillow, or choose another format")
    sampling = "4:4:4" if quality >= _FULL_COLOR else "4:2:0"
    return _saved(image, "AVIF", metadata.to_xmp(image.text), quality=quality, subsampling=sampling)


def _saved(image: Image, plugin: str, packet: bytes, **settings: Any) -> bytes:
    stream = io.BytesIO()
    beside: dict[str, Any] = {"icc_profile": _profile(image)}
    if packet:
        beside["xmp"] = packet
    if image.exif:
        beside["exif"] = image.exif
    Pillow.fromarray(image.to_array()).save(stream, plugin, **beside, **settings)
    return stream.getvalue()


def _heic(image: Image, quality: int) -> bytes:
    try:
        import pillow_heif
    except ImportError:
        raise MissingExtra("HEIC pictures", "heif") from None
    stream = io.BytesIO()
    picture = Pillow.fromarray(image.to_array())
    picture.info["icc_profile"] = _profile(image)
    chroma = 444 if quality >= _FULL_COLOR else 420
    file = pillow_heif.from_pillow(picture)
    file.save(stream, quality=quality, chroma=chroma, exif=image.exif, xmp=metadata.to_xmp(image.text) or None)
    return stream.getvalue()


def _jxl(image: Image, quality: int) -> bytes:
    return write_jxl(image.to_array(), quality, image.exif, metadata.to_xmp(image.text))


_LOSSY: dict[str, Callable[[Image, int], bytes]] = {"jpeg": _jpeg, "webp": _webp, "avif": _avif, "heic": _heic, "jxl": _jxl}
FORMATS = ("png", "jpeg", "webp", "tiff", "avif", "heic", "jxl")
