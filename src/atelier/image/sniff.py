"""What kind of file some bytes are, by their first bytes; never by the file's name, which may lie."""

from __future__ import annotations

import re

from atelier.errors import ImageError

_STARTS = {
    b"\xff\xd8\xff": "jpeg",
    b"\x89PNG\r\n\x1a\n": "png",
    b"GIF87a": "gif",
    b"GIF89a": "gif",
    b"II*\0": "tiff",
    b"MM\0*": "tiff",
    b"II+\0": "tiff",
    b"MM\0+": "tiff",
    b"\xff\x0a": "jxl",
    b"\0\0\0\x0cJXL ": "jxl",
}
_BMP_HEADERS = (12, 40, 52, 56, 64, 108, 124)
_AVIF_BRANDS = {b"avif", b"avis"}
_HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}

# What people hand in instead of a picture: how it starts, what it is, what to do about it.
_STRANGERS = (
    (rb"%PDF", "a PDF document", "export the page as PNG"),
    (rb"%!PS", "a PostScript file", "export it as PNG"),
    (rb"8BPS", "a Photoshop document", "export it as PNG or TIFF"),
    (rb"gimp xcf", "a GIMP document", "export it as PNG or TIFF"),
    (rb"\0\0\0\x0cjP  |\xff\x4f\xff\x51", "a JPEG 2000 picture", "save it as PNG"),
    (rb"\x76\x2f\x31\x01", "an OpenEXR picture", "save it as 16-bit PNG or TIFF"),
    (rb"#\?(RADIANCE|RGBE)", "a Radiance HDR picture", "save it as 16-bit PNG or TIFF"),
    (rb"\0\0\x01\0", "a Windows icon", "save it as PNG"),
    (rb"FUJIFILMCCD-RAW|IIRO|IIU\0", "a camera's raw file", "develop it to JPEG or TIFF first"),
    (rb"\x1a\x45\xdf\xa3|RIFF....AVI |FLV\x01|\0\0\x01\xba", "a video", "take a frame of it"),
    (rb"RIFF....WAVE|ID3|OggS|fLaC", "a sound file", "give a picture"),
    (rb"glTF|solid |ply\r?\n", "a 3D model", "give a picture"),
    (rb"PK\x03\x04", "a ZIP archive or an office document", "unpack it first"),
    (rb"\x1f\x8b|BZh|\xfd7zXZ|7z\xbc\xaf|Rar!", "a compressed archive", "unpack it first"),
    (rb"(?is)(\xef\xbb\xbf)?\s*(?=<).{0,800}?<svg", "an SVG drawing", "export it as PNG"),
    (rb"(?is)(\xef\xbb\xbf)?\s*(?=<).{0,800}?<(!doctype )?html", "a web page", "save the picture itself and give that"),
)


def sniff(data: bytes, name: str) -> str:
    """Tell the format of a file's bytes: jpeg, png, gif, webp, tiff, bmp, avif, heic or jxl.

    Raises ImageError for anything else, in words that name what it is where that can be told.
    """
    if not data:
        raise ImageError(f"{name} is empty")
    for start, kind in _STARTS.items():
        if data.startswith(start):
            return kind
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp"
    if data[:2] == b"BM" and int.from_bytes(data[14:18], "little") in _BMP_HEADERS:
        return "bmp"
    if data[4:8] == b"ftyp":
        return _isobmff(data, name)
    head = data[:1024]
    for pattern, what, then in _STRANGERS:
        if re.match(pattern, head, re.DOTALL):
            raise ImageError(f"{name} is {what}, which is not a picture atelier can read; {then}")
    looks = " (looks like text)" if _is_text(head) else ""
    raise ImageError(f"{name} is not a picture atelier can read{looks}; give JPEG, PNG, WebP, TIFF, BMP, GIF, AVIF, HEIC or JPEG XL")


def _isobmff(data: bytes, name: str) -> str:
    length = min(int.from_bytes(data[:4], "big"), 256)
    brands = {data[8:12], *(data[i : i + 4] for i in range(16, length, 4))}
    if brands & _AVIF_BRANDS:
        return "avif"
    if brands & _HEIC_BRANDS:
        return "heic"
    raise ImageError(f"{name} is a video (MP4 or QuickTime), which is not a picture atelier can read; take a frame of it")


def _is_text(head: bytes) -> bool:
    # A multi-byte character may be cut at the end, hence "ignore" there; control characters betray binary.
    try:
        words = head.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 4:
            return False
        words = head[: error.start].decode("utf-8-sig")
    return all(letter.isprintable() or letter in "\r\n\t\f\v" for letter in words)
