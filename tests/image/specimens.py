"""Real files of every kind, made by the codecs themselves."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
import tifffile
from PIL import Image as Pillow

P3 = ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060))
ADOBE = ((0.64, 0.33), (0.21, 0.71), (0.15, 0.06))
SRGB = ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06))
D65 = (0.3127, 0.3290)


def to_xyz(primaries: tuple[tuple[float, float], ...]) -> np.ndarray:
    """Linear RGB to XYZ under D65, from chromaticities."""

    def xyz(x: float, y: float) -> np.ndarray:
        return np.array([x / y, 1, (1 - x - y) / y])

    columns = np.stack([xyz(*primary) for primary in primaries], axis=1)
    return columns * np.linalg.solve(columns, xyz(*D65))


def srgb_curve(linear: np.ndarray) -> np.ndarray:
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * np.maximum(linear, 1e-9) ** (1 / 2.4) - 0.055)


def srgb_linear(encoded: np.ndarray) -> np.ndarray:
    return np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)


def _tagged(kind: bytes, space: bytes, connection: bytes, tags: dict[bytes, bytes]) -> bytes:
    table, body = struct.pack(">I", len(tags)), b""
    start = 128 + 4 + 12 * len(tags)
    for name, value in tags.items():
        table += name + struct.pack(">II", start + len(body), len(value))
        body += value + b"\0" * (-len(value) % 4)
    header = b"\0\0\0\0test" + b"\x02\x40\0\0" + kind + space + connection + struct.pack(">6H", 2020, 1, 1, 0, 0, 0)
    header += b"acsp" + b"\0" * 28 + struct.pack(">3i", 63190, 65536, 54061)
    profile = header.ljust(128, b"\0") + table + body
    return struct.pack(">I", len(profile)) + profile[4:]


def _described() -> dict[bytes, bytes]:
    words = b"test\0"
    return {
        b"desc": b"desc\0\0\0\0" + struct.pack(">I", len(words)) + words + b"\0" * 78,
        b"cprt": b"text\0\0\0\0" + words,
        b"wtpt": b"XYZ \0\0\0\0" + struct.pack(">3i", 63190, 65536, 54061),
    }


def matrix_profile(primaries: tuple[tuple[float, float], ...], gamma: float | None) -> bytes:
    """An RGB profile of three primaries under D65 and a curve: gamma, or sRGB's for None."""
    bradford = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
    d65, d50 = to_xyz(primaries).sum(axis=1), np.array([0.9642, 1.0, 0.8249])
    adapt = np.linalg.inv(bradford) @ np.diag((bradford @ d50) / (bradford @ d65)) @ bradford
    columns = np.rint(adapt @ to_xyz(primaries) * 65536).astype(int)
    if gamma is None:
        values = [2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045]
        curve = b"para\0\0\0\0\0\3\0\0" + struct.pack(">5i", *(round(value * 65536) for value in values))
    else:
        curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256))
    tags = _described()
    for index, letter in enumerate((b"r", b"g", b"b")):
        tags[letter + b"XYZ"] = b"XYZ \0\0\0\0" + struct.pack(">3i", *(int(value) for value in columns[:, index]))
        tags[letter + b"TRC"] = curve
    return _tagged(b"mntr", b"RGB ", b"XYZ ", tags)


def gray_profile(gamma: float) -> bytes:
    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256))
    return _tagged(b"mntr", b"GRAY", b"XYZ ", {**_described(), b"kTRC": curve})


def ink_profile(lightness: Callable[[int, int, int, int], float]) -> bytes:
    """A CMYK profile in which every mixture of full inks is a grey of the given lightness (0 to 100)."""
    nodes = bytearray()
    for c in (0, 1):
        for m in (0, 1):
            for y in (0, 1):
                for k in (0, 1):
                    nodes += bytes([round(lightness(c, m, y, k) * 2.55), 128, 128])
    ramp = bytes(range(256))
    lut = b"mft1\0\0\0\0" + bytes([4, 3, 2, 0]) + struct.pack(">9i", 65536, 0, 0, 0, 65536, 0, 0, 0, 65536)
    return _tagged(b"prtr", b"CMYK", b"Lab ", {**_described(), b"A2B0": lut + ramp * 4 + bytes(nodes) + ramp * 3})


def saved(picture: Pillow.Image, format: str, **settings: Any) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, format, **settings)
    return stream.getvalue()


def tiff(array: np.ndarray, **settings: Any) -> bytes:
    stream = io.BytesIO()
    tifffile.imwrite(stream, array, **settings)
    return stream.getvalue()


def photo(height: int = 24, width: int = 17) -> np.ndarray:
    """uint8 (H, W, 3), smooth enough for lossy codecs, with no symmetry."""
    y, x = np.mgrid[0:height, 0:width]
    red, green = 255 * x / max(width - 1, 1), 255 * y / max(height - 1, 1)
    return np.stack([red, green, 60 + 100 * x * y / (height * width)], axis=-1).astype(np.uint8)


def noise16() -> np.ndarray:
    """uint16 (H, W, 4) of every bit."""
    return np.random.default_rng(7).integers(0, 65536, (13, 11, 4), dtype=np.uint16)
