"""What a picture's file says beside its pixels: which of it is carried, and how our own words are put in.

EXIF. Carried from a photo to its painting: who made it, what it shows, when, and with what camera, lens and
exposure. Left behind: where (GPS), serial numbers, the maker's private notes, thumbnails and sizes. A painting is
made to be shown, and should not tell a stranger where the photographer lives. Orientation is left behind too, as
decoding has turned the pixels.

Text. PNG has a place for words under keys, and they are kept there (iTXt). The other formats all carry an XMP packet,
so there the whole mapping goes as JSON into one property, `atelier:text`. A photo's own XMP is not carried.
"""

from __future__ import annotations

import html
import io
import json
import re
from collections.abc import Mapping
from typing import Any

from PIL import ExifTags
from PIL import Image as Pillow

_BASE = ExifTags.Base
_ABOUT = (_BASE.ImageDescription, _BASE.Make, _BASE.Model, _BASE.DateTime, _BASE.Artist, _BASE.Copyright)
_TAKEN = (
    _BASE.ExposureTime,
    _BASE.FNumber,
    _BASE.ExposureProgram,
    _BASE.ISOSpeedRatings,
    _BASE.DateTimeOriginal,
    _BASE.DateTimeDigitized,
    _BASE.OffsetTime,
    _BASE.OffsetTimeOriginal,
    _BASE.ShutterSpeedValue,
    _BASE.ApertureValue,
    _BASE.ExposureBiasValue,
    _BASE.MeteringMode,
    _BASE.Flash,
    _BASE.FocalLength,
    _BASE.FocalLengthIn35mmFilm,
    _BASE.LensMake,
    _BASE.LensModel,
)
_LONGEST = 2000  # characters of one EXIF value; whoever writes more there is not describing a photo

_XMP = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:atelier="urn:atelier:1.0"><atelier:text>{}</atelier:text></rdf:Description>
{}</rdf:RDF></x:xmpmeta>
<?xpacket end="r"?>"""
SPHERICAL = "panorama"
"""The key under which a picture's text says that it goes all around; its value is the projection."""
_GPANO = (
    '<rdf:Description rdf:about="" xmlns:GPano="http://ns.google.com/photos/1.0/panorama/">'
    "<GPano:ProjectionType>equirectangular</GPano:ProjectionType></rdf:Description>"
)
_XMP_TEXT = re.compile(r"<atelier:text>(.*?)</atelier:text>", re.DOTALL)
_AROUND = re.compile(r"GPano:ProjectionType\s*(?:>|=\s*[\"'])\s*equirectangular\b")
_NOT_XML = re.compile("[\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


def orientation(exif: Pillow.Exif) -> int:
    """Give the EXIF orientation, 1 to 8; 1 where there is none or it makes no sense."""
    value = exif.get(_BASE.Orientation, 1)
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def carry(exif: Pillow.Exif) -> bytes | None:
    """Keep the part of a photo's EXIF worth carrying, as bytes from b"Exif\\0\\0" on; None where there is none of it."""
    about = _kept(exif, _ABOUT)
    taken = _kept(exif.get_ifd(ExifTags.IFD.Exif), _TAKEN)
    if not about and not taken:
        return None
    kept = Pillow.Exif()
    # Pillow reads words as Latin-1 but writes them as ASCII; as bytes they stay what they were ("©", or UTF-8)
    kept.update({tag: value.encode("latin-1", "replace") if isinstance(value, str) else value for tag, value in about.items()})
    kept.get_ifd(ExifTags.IFD.Exif).update(taken)
    return kept.tobytes()


def _kept(tags: Mapping[int, Any], wanted: tuple[int, ...]) -> dict[int, Any]:
    found = {int(tag): tags[tag] for tag in wanted if tag in tags}
    return {tag: value for tag, value in found.items() if not isinstance(value, (str, bytes, tuple)) or 0 < len(value) <= _LONGEST}


def load_exif(data: bytes) -> Pillow.Exif:
    """Load EXIF from its bytes, or from a whole TIFF file's. Raises whatever Pillow does on damage."""
    exif = Pillow.Exif()
    exif.load_from_fp(io.BytesIO(data.removeprefix(b"Exif\0\0")))
    return exif


def to_xmp(text: Mapping[str, str]) -> bytes:
    """Write an XMP packet that holds text; b"" where there is none."""
    if not text:
        return b""
    words = json.dumps(dict(text), ensure_ascii=False)
    words = _NOT_XML.sub(lambda match: f"\\u{ord(match[0]):04x}", words)
    return _XMP.format(html.escape(words, quote=False), _GPANO if SPHERICAL in text else "").encode()


def from_xmp(packet: bytes | str) -> dict[str, str]:
    """Read the text of a packet that `to_xmp` made; of any other, whether it says that the picture is a panorama."""
    if isinstance(packet, bytes):
        packet = packet.decode("utf-8", "replace")
    # No XML parser, on purpose: only our own packet is of interest, and hostile XML has nothing to bite on here.
    match = _XMP_TEXT.search(packet)
    if not match:
        return {SPHERICAL: "equirectangular"} if _AROUND.search(packet) else {}
    try:
        found = json.loads(html.unescape(match[1]))
    except (ValueError, RecursionError):
        return {}
    return {key: value for key, value in found.items() if isinstance(value, str)} if isinstance(found, dict) else {}


def is_png_key(key: str) -> bool:
    """Tell whether PNG takes this as a keyword: 1 to 79 printable Latin-1 characters, no space at either end."""
    return 0 < len(key) <= 79 and key.isprintable() and key == key.strip() and all(ord(letter) < 256 for letter in key)
