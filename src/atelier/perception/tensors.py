"""The file format of weights: safetensors, which hold numbers and nothing that could run.

https://github.com/huggingface/safetensors, "Format": a length, a JSON header, numbers. Read by a reader of our own, which serves
files and HTTP ranges, checks every header in full before it is trusted, and needs no torch. Pickles are refused unread.
"""

from __future__ import annotations

import json
import math
import os
import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from atelier.errors import WeightsError

Array = NDArray[np.floating[Any]]

HEADER_LIMIT = 16 << 20
"""Bytes of header a file may have. Real ones have a few thousand."""

SIZES = {
    "BOOL": 1, "U8": 1, "I8": 1, "F8_E5M2": 1, "F8_E4M3": 1, "U16": 2, "I16": 2, "F16": 2, "BF16": 2,
    "U32": 4, "I32": 4, "F32": 4, "U64": 8, "I64": 8, "F64": 8,
}  # fmt: skip
"""Bytes of a number, by its safetensors type."""

FLOATS = {"F16": "<f2", "BF16": "<u2", "F32": "<f4", "F64": "<f8"}
"""The types a convolution may be in, and how NumPy reads them (bfloat16 as bits: NumPy has no such type)."""


@dataclass(frozen=True)
class Tensor:
    """Where a tensor lies: bytes start..stop of the whole file."""

    dtype: str
    shape: tuple[int, ...]
    start: int
    stop: int


@dataclass(frozen=True)
class Header:
    """What a file declares. end: how long the whole file is by it, in bytes."""

    tensors: Mapping[str, Tensor]
    metadata: Mapping[str, str]
    end: int


def header_length(first: bytes, label: str) -> int:
    if first[:4] == b"PK\x03\x04" or (first[:1] == b"\x80" and first[1:2] in {b"\x02", b"\x03", b"\x04", b"\x05"}):
        raise WeightsError(f"{label} is a pickle, which could run code when opened: convert it to .safetensors first")
    if len(first) < 8:
        raise WeightsError(f"{label} is cut short or no safetensors file")
    (length,) = struct.unpack("<Q", first)
    if not 2 <= length <= HEADER_LIMIT:
        raise WeightsError(f"{label} is no safetensors file: its header would be {length} bytes long")
    return int(length)


def parse_header(blob: bytes, label: str) -> Header:
    """Check everything in a header; afterwards it is trusted."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(result := dict(pairs)) != len(pairs):
            raise ValueError("a name twice")
        return result

    try:
        content = json.loads(blob.decode("utf-8"), object_pairs_hook=once)
        metadata = content.pop("__metadata__", {}) or {}
        if not all(isinstance(value, str) for value in metadata.values()):
            raise ValueError("metadata that is not text")
        base = 8 + len(blob)
        tensors = {}
        for key, entry in content.items():
            dtype, shape, (start, stop) = entry["dtype"], tuple(entry["shape"]), entry["data_offsets"]
            if not isinstance(dtype, str) or len(shape) > 8 or not all(type(n) is int and n >= 0 for n in (*shape, start, stop)):
                raise ValueError(f"{key[:80]!r} with a type, shape or offset that makes no sense")
            if stop < start or (dtype in SIZES and stop - start != math.prod(shape) * SIZES[dtype]):
                raise ValueError(f"{key[:80]!r} with offsets that do not fit its shape")
            tensors[key] = Tensor(dtype, shape, base + start, base + stop)
        end = base
        for tensor in sorted(tensors.values(), key=lambda tensor: (tensor.start, tensor.stop)):
            if tensor.start != end:
                raise ValueError("tensors that overlap or leave gaps")
            end = tensor.stop
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        what = f"has {error}" if type(error) is ValueError else "cannot be read"
        raise WeightsError(f"{label} is damaged or no safetensors file: its header {what}") from None
    return Header(tensors, metadata, end)


def read_header(file: IO[bytes], label: str) -> Header:
    length = header_length(file.read(8), label)
    size = os.fstat(file.fileno()).st_size
    if len(blob := file.read(length)) < length:
        raise WeightsError(f"{label} is cut short: pull or copy it again")
    header = parse_header(blob, label)
    if size != header.end:
        state = "cut short" if size < header.end else "damaged"
        raise WeightsError(f"{label} is {state} ({size} of {header.end} bytes): pull or copy it again")
    return header


@contextmanager
def open_file(path: Path, label: str) -> Iterator[IO[bytes]]:
    try:
        with path.open("rb") as file:
            yield file
    except OSError as error:
        raise WeightsError(f"cannot read {label}: {error.strerror or error}") from error


def read_array(file: IO[bytes], tensor: Tensor, label: str) -> Array:
    """Read the numbers of a tensor as float16 (from F16) or float32 (from all others)."""
    file.seek(tensor.start)
    flat = np.frombuffer(file.read(tensor.stop - tensor.start), "i1" if tensor.dtype == "I8" else FLOATS[tensor.dtype])
    if tensor.dtype == "BF16":
        flat = (flat.astype("<u4") << 16).view("<f4")
    kind: type[np.floating[Any]] = np.float16 if tensor.dtype == "F16" else np.float32
    with np.errstate(over="ignore"):
        array = flat.reshape(tensor.shape).astype(kind)
    if not np.isfinite(array).all():
        raise WeightsError(f"{label} holds NaN or infinity: the file is damaged, pull or copy it again")
    return array


def compose_header(plan: Mapping[str, Tensor], metadata: Mapping[str, str]) -> bytes:
    """Write a safetensors header for these tensors, one after the other, padded so that they are aligned to 8 bytes."""
    content: dict[str, Any] = {"__metadata__": dict(metadata)}
    end = 0
    for key, tensor in plan.items():
        start, end = end, end + tensor.stop - tensor.start
        content[key] = {"dtype": tensor.dtype, "shape": tensor.shape, "data_offsets": [start, end]}
    blob = json.dumps(content, separators=(",", ":")).encode()
    return blob + b" " * (-len(blob) % 8)
