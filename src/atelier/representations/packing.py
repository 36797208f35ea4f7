"""Numbers to few bytes: integers, their bytes sorted by place value, compressed."""

from __future__ import annotations

import bz2
import lzma
import struct
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from atelier.solid.model import Floats

LZMA = [{"id": lzma.FILTER_LZMA2, "preset": 9}]
WAYS: tuple[tuple[Callable[[bytes], bytes], Callable[[bytes], bytes]], ...] = (
    (lambda raw: zlib.compress(raw, 9), zlib.decompress),
    (lambda raw: bz2.compress(raw, 9), bz2.decompress),
    (lambda raw: lzma.compress(raw, lzma.FORMAT_RAW, filters=LZMA), lambda raw: lzma.decompress(raw, lzma.FORMAT_RAW, filters=LZMA)),
)


def pack(*arrays: NDArray[Any]) -> bytes:
    """Arrays of integers, each after the shortest of three compressors."""
    out = struct.pack("<B", len(arrays))
    for each in arrays:
        raw = np.ascontiguousarray(each)
        planes = raw.reshape(-1).view(np.uint8).reshape(raw.size, raw.itemsize).T.tobytes()
        packed = [write(planes) for write, _ in WAYS]
        way = min(range(len(WAYS)), key=lambda at: len(packed[at]))
        kind = raw.dtype.str[1:].encode()
        out += struct.pack("<BB2sI", way, raw.ndim, kind, len(packed[way])) + struct.pack(f"<{raw.ndim}I", *raw.shape) + packed[way]
    return out


def unpack(data: bytes) -> list[NDArray[Any]]:
    """What `pack` was given."""
    found, at = [], 1
    for _ in range(data[0]):
        way, depth, kind, length = struct.unpack_from("<BB2sI", data, at)
        at += struct.calcsize("<BB2sI")
        shape = struct.unpack_from(f"<{depth}I", data, at)
        at += 4 * depth
        dtype = np.dtype(kind.decode())
        planes = np.frombuffer(WAYS[way][1](data[at : at + length]), np.uint8)
        at += length
        found.append(np.ascontiguousarray(planes.reshape(dtype.itemsize, -1).T).view(dtype).reshape(shape))
    return found


def octahedral(normals: Floats, levels: int = 64) -> NDArray[np.uint8]:
    """Unit normals (n, 3) as two numbers (n, 2) (Meyer et al. 2010)."""
    flat = normals / np.maximum(np.abs(normals).sum(1, keepdims=True), 1e-12)
    sign = np.where(flat[:, :2] >= 0, 1.0, -1.0)
    folded = np.where(flat[:, 2:] < 0, (1 - np.abs(flat[:, 1::-1])) * sign, flat[:, :2])
    return np.asarray(np.round((folded * 0.5 + 0.5) * (levels - 1)).clip(0, levels - 1), np.uint8)


def normals_of(numbers: NDArray[Any], levels: int = 64) -> Floats:
    """What `octahedral` was given, nearly."""
    flat = numbers / (levels - 1) * 2 - 1
    height = 1 - np.abs(flat).sum(1)
    sign = np.where(flat >= 0, 1.0, -1.0)
    flat = np.where(height[:, None] < 0, (1 - np.abs(flat[:, ::-1])) * sign, flat)
    found = np.concatenate([flat, height[:, None]], 1)
    return np.asarray(found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-12), np.float64)


def fitted(encode: Callable[[int], bytes], budget: int, low: int, high: int) -> bytes:
    """The finest encoding within so many bytes: `encode` of the greatest number from low to high that fits; of low, if none does."""
    best, size = b"", low
    while size <= high:  # from below: what is fine takes long
        data = encode(size)
        if len(data) > budget:
            high = size - 1
            break
        best, low, size = data, size + 1, 2 * size
    while low <= high:
        middle = (low + high) // 2
        data = encode(middle)
        if len(data) <= budget:
            best, low = data, middle + 1
        else:
            high = middle - 1
    return best or encode(low)
