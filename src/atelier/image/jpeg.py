"""JPEGs that Pillow does not read: 12 bits a sample, no end marker, lossless."""

from __future__ import annotations

import io
import struct
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from PIL import JpegImagePlugin

from atelier.errors import ImageError

END = b"\xff\xd9"
_FRAMES = {0xC0 + kind for kind in range(16)} - {0xC4, 0xC8, 0xCC}  # SOF markers
_COMMON = (0xC0, 0xC1, 0xC2)  # baseline, extended and progressive, Huffman-coded
_LONE = {0x01, *range(0xD0, 0xD9)}  # markers without a length
_KINDS = {0xC3: "lossless", 0xC5: "differential", 0xC6: "differential", 0xC7: "lossless", 0xC9: "arithmetically coded",
          0xCA: "arithmetically coded", 0xCB: "lossless"}  # fmt: skip
_PAD = 4096


def find_frame(data: bytes) -> tuple[int, int]:
    """Give the place of the frame header's marker in a JPEG, and its kind (0xC0 to 0xCF). Raises ValueError where there is none."""
    at = 2
    while at + 4 <= len(data):
        if data[at] != 0xFF:
            raise ValueError("no marker where one should be")
        marker = data[at + 1]
        if marker in _FRAMES:
            return at, marker
        if marker == 0xFF:
            at += 1
        elif marker in _LONE:
            at += 2
        else:
            at += 2 + int(struct.unpack_from(">H", data, at + 2)[0])
    raise ValueError("no frame header")


def is_uncommon(data: bytes) -> bool:
    """Tell whether a JPEG is of a kind that Pillow does not read."""
    try:
        at, marker = find_frame(data)
    except (ValueError, struct.error):
        return False
    return marker not in _COMMON or data[at + 4] != 8


def read_uncommon(data: bytes, name: str) -> tuple[NDArray[Any], JpegImagePlugin.JpegImageFile]:
    """Read a JPEG that `is_uncommon`: samples (H, W) or (H, W, C), uint8 or uint16 over their whole range, and what stands beside
    them, as a Pillow picture whose pixels must not be loaded. Raises ImageError where its kind is not read here."""
    at, marker = find_frame(data)
    precision = data[at + 4]
    kind = _KINDS.get(marker, f"{precision}-bit")
    picture = header_of(data)
    try:
        array = np.asarray(imagecodecs.jpeg_decode(data))
        if array.shape[1::-1] != picture.size:
            raise ValueError(f"{array.shape} instead of {picture.size}")
    except Exception as error:
        raise ImageError(f"{name} is a {kind} JPEG, which is not read here, or a damaged one; save it as PNG or TIFF") from error
    if array.ndim == 3 and array.shape[2] not in (1, 3):
        raise ImageError(f"{name} is a {kind} JPEG of inks, which is not read here; save it as PNG or TIFF")
    if precision > 8:
        array = np.rint(array * (65535 / (2**precision - 1))).astype(np.uint16)
    return array, picture


def header_of(data: bytes) -> JpegImagePlugin.JpegImageFile:
    """Open a JPEG as if it were a common one, for its size and what stands beside the pixels."""
    at, _ = find_frame(data)
    common = data[: at + 1] + b"\xc0" + data[at + 2 : at + 4] + b"\x08" + data[at + 5 :]
    return JpegImagePlugin.JpegImageFile(io.BytesIO(common))


def with_end(data: bytes) -> bytes | None:
    """Give a JPEG its end marker, where nothing but that is missing; None where pixels are missing too.

    A decoder stops reading after the last pixel. So what comes behind makes no difference if all pixels are there.
    """
    body = data.rstrip(b"\0").removesuffix(b"\xff")
    mended = body + END
    try:
        seen = [imagecodecs.jpeg8_decode(body + pad * _PAD + END) for pad in (b"\x55", b"\xaa")]
        plain = imagecodecs.jpeg8_decode(mended)
    except Exception:  # it is damaged in other ways
        return None
    return mended if all(np.array_equal(plain, other) for other in seen) else None
