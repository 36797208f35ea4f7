"""JPEG XL (ISO/IEC 18181), read and written through imagecodecs. What that does not tell (size beforehand, bits, how colours are coded,
what else is in the file) is read here from the file's header and boxes."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from atelier.errors import OutputError
from atelier.image import metadata
from atelier.image.coding import BT709, PRIMARIES, Chromaticities, Coding, coding_of_codes
from atelier.image.limits import Limits, check_size
from atelier.image.samples import Samples

BARE = b"\xff\x0a"  # how a codestream begins
_RATIOS = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))
_GREY, _XYB = 1, 2  # colour spaces
_CUSTOM = 2  # white points and primaries that are given in numbers
_WHITES = {10: (1 / 3, 1 / 3), 11: (0.314, 0.351)}
_HEADER = 4096  # bytes in which a header ends that has no profile


@dataclass(frozen=True)
class _Header:
    """size: (width, height) upright. coding: None where a profile within the codestream says it, which is not read here."""

    size: tuple[int, int]
    bits: int
    coding: Coding | None


def read_jxl(data: bytes, name: str, limits: Limits) -> Samples:
    """Read the first frame. Raises ImageError where it is over the limits, and whatever the codec does where the file is damaged."""
    boxes = {} if data[:2] == BARE else _read_boxes(data)
    header = _read_header(data if data[:2] == BARE else boxes.get(b"jxlc", boxes.get(b"jxlp", b"")[4:]))
    check_size(*header.size, name, limits)
    array = np.asarray(imagecodecs.jpegxl_decode(data))
    notes: tuple[str, ...] = ()
    if array.ndim == 4 or array.shape[1::-1] != header.size:
        notes = (f"animated JPEG XL: the first of {len(array)} frames",)
        array = array[0]
    array = array[:, :, None] if array.ndim == 2 else array
    if array.dtype.kind == "f":
        array = array.astype(np.float32)
    elif 8 < header.bits < 16 and array.dtype == np.uint16 and int(array.max()) < 2**header.bits:
        array = np.rint(array * np.float32(65535 / (2**header.bits - 1))).astype(np.uint16)
    values, alpha = (array[:, :, :-1], array[:, :, -1]) if array.shape[2] in (2, 4) else (array, None)
    if header.coding is None:
        notes += ("its colour profile is not read, and its colours are taken for sRGB",)
    exif, damage = _read_exif(boxes.get(b"Exif", b""))
    return Samples(
        values=values,
        alpha=alpha,
        coding=header.coding,
        depth=8 if array.dtype == np.uint8 else 16,
        text=metadata.from_xmp(boxes.get(b"xml ", b"")),
        notes=notes + damage,
        exif=exif,
    )


def write_jxl(array: NDArray[Any], quality: int, exif: bytes | None, packet: bytes) -> bytes:
    """Write samples of sRGB, uint8 (H, W, 3 or 4), with EXIF and an XMP packet. quality: 1 to 100, which loses nothing.

    (uint16 would be called linear light by imagecodecs.) Raises OutputError where this build of imagecodecs writes none.
    """
    if not imagecodecs.JPEGXL.available:
        raise OutputError("this build of imagecodecs writes no JPEG XL; pip install --upgrade imagecodecs, or choose another format")
    how: dict[str, Any] = {"lossless": True} if quality == 100 else {"distance": _distance(quality)}
    data = bytes(imagecodecs.jpegxl_encode(array, usecontainer=True, **how))
    more = []
    if exif:
        more.append((b"Exif", b"\0\0\0\0" + exif.removeprefix(b"Exif\0\0")))
    if packet:
        more.append((b"xml ", packet))
    return data + b"".join(struct.pack(">I", 8 + len(body)) + kind + body for kind, body in more)


def _distance(quality: int) -> float:
    """What libjxl makes of a quality (JxlEncoderDistanceFromQuality)."""
    if quality >= 30:
        return 0.1 + (100 - quality) * 0.09
    return 53 / 3000 * quality**2 - 23 / 20 * quality + 25


def _read_boxes(data: bytes) -> dict[bytes, bytes]:
    """The container's boxes by kind, of several of a kind the first."""
    found: dict[bytes, bytes] = {}
    at = 0
    while at + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        start = at + 8
        if length == 1:
            (length,) = struct.unpack_from(">Q", data, start)
            start += 8
        end = at + length if length else len(data)
        if end < start:
            break
        found.setdefault(kind, data[start:end])
        at = end
    return found


def _read_exif(box: bytes) -> tuple[bytes | None, tuple[str, ...]]:
    if len(box) < 8:
        return None, ()
    try:
        return metadata.carry(metadata.load_exif(box[4 + int.from_bytes(box[:4], "big") :])), ()
    except Exception:  # whatever is in there, the pixels are good
        return None, ("its EXIF metadata is damaged and was left out",)


# The header (18181-1, annexes A and D) --------------------------------------------------------------------------------


class _Bits:
    def __init__(self, data: bytes) -> None:
        self.value = int.from_bytes(data, "little")
        self.left = 8 * len(data)

    def take(self, count: int) -> int:
        if count > self.left:
            raise ValueError("its header is cut short")
        taken = self.value & ((1 << count) - 1)
        self.value >>= count
        self.left -= count
        return taken

    def flag(self) -> bool:
        return bool(self.take(1))

    def u32(self, *ways: tuple[int, int]) -> int:
        """Read one of four ways to write a number: (what is added, bits)."""
        add, count = ways[self.take(2)]
        return add + self.take(count)

    def enum(self) -> int:
        return self.u32((0, 0), (1, 0), (2, 4), (18, 6))


def _read_header(codestream: bytes) -> _Header:
    if codestream[:2] != BARE:
        raise ValueError("there is no codestream")
    bits = _Bits(codestream[2:_HEADER])
    size = _read_size(bits)
    if bits.flag():  # all as usual
        return _Header(size, 8, Coding())
    turn = 1
    if bits.flag():
        turn = 1 + bits.take(3)
        _skip_extras(bits)
    depth = _read_depth(bits)
    bits.flag()
    for _ in range(bits.u32((0, 0), (1, 0), (2, 4), (1, 12))):
        _skip_channel(bits)
    as_xyb = bits.flag()
    coding = _read_coding(bits)
    if coding is None and as_xyb:
        coding = Coding()  # the codec brings those with a profile to sRGB
    return _Header(size[::-1] if turn >= 5 else size, depth, coding)


def _read_size(bits: _Bits) -> tuple[int, int]:
    small = bits.flag()

    def side() -> int:
        return 8 * (1 + bits.take(5)) if small else 1 + bits.u32((0, 9), (0, 13), (0, 18), (0, 30))

    height = side()
    ratio = bits.take(3)
    if not ratio:
        return side(), height
    across, down = _RATIOS[ratio - 1]
    return height * across // down, height


def _skip_extras(bits: _Bits) -> None:
    if bits.flag():  # another size to be shown at
        _read_size(bits)
    if bits.flag():  # a preview
        eighths = bits.flag()
        ways = ((16, 0), (32, 0), (1, 5), (33, 9)) if eighths else ((1, 6), (65, 8), (321, 10), (1345, 12))
        bits.u32(*ways)
        if not bits.take(3):
            bits.u32(*ways)
    if bits.flag():  # an animation
        bits.u32((100, 0), (1000, 0), (1, 10), (1, 30))
        bits.u32((1, 0), (1001, 0), (1, 8), (1, 10))
        bits.u32((0, 0), (0, 3), (0, 16), (0, 32))
        bits.flag()


def _read_depth(bits: _Bits) -> int:
    if bits.flag():
        depth = bits.u32((32, 0), (16, 0), (24, 0), (1, 6))
        bits.take(4)
        return depth
    return bits.u32((8, 0), (10, 0), (12, 0), (1, 6))


def _skip_channel(bits: _Bits) -> None:
    if bits.flag():
        return
    kind = bits.enum()
    _read_depth(bits)
    bits.u32((0, 0), (3, 0), (4, 0), (1, 3))
    bits.take(8 * bits.u32((0, 0), (0, 4), (16, 5), (48, 10)))
    if kind == 0:
        bits.flag()
    elif kind == 2:
        bits.take(64)
    elif kind == 5:
        bits.u32((1, 0), (0, 2), (3, 4), (19, 8))


def _read_coding(bits: _Bits) -> Coding | None:
    if bits.flag():
        return Coding()
    profile, space = bits.flag(), bits.enum()
    if profile:
        return None
    primaries: Chromaticities = BT709
    if space != _XYB:
        white = bits.enum()
        white_xy = _read_xy(bits) if white == _CUSTOM else _WHITES.get(white, BT709[3])
        if space != _GREY:
            kind = bits.enum()
            own = (_read_xy(bits), _read_xy(bits), _read_xy(bits)) if kind == _CUSTOM else PRIMARIES.get(kind, BT709)[:3]
            primaries = (*own, white_xy)
    if bits.flag():
        return Coding(primaries, gamma=1e7 / max(bits.take(24), 1))
    transfer = coding_of_codes(1, bits.enum())
    return Coding(primaries, transfer.gamma, transfer.hdr)


def _read_xy(bits: _Bits) -> tuple[float, float]:
    def number() -> float:
        packed = bits.u32((0, 19), (524288, 19), (1048576, 20), (2097152, 21))
        return (packed >> 1 if packed % 2 == 0 else -(packed + 1 >> 1)) / 1e6

    return number(), number()
