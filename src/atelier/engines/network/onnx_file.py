"""ONNX files, looked through before a runtime sees them: what a model takes, gives and says of itself.

An ONNX file is numbers and a graph of known operations. It is read here as far as the message's outline goes (onnx.proto of the
ONNX specification, where the fields are numbered). What is no ONNX model, or names files outside its own folder, is refused.
ONNX Runtime checks where external data lies only since 2026, and has a notation for data at an address of memory: both are
refused here, whatever its version. Libraries of custom operations are never registered, so a graph that needs them fails to load.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from atelier.errors import SourceError, WeightsError

LIMIT = 1 << 30
"""Bytes a model may have, with its external data, unless the caller says otherwise."""
DEPTH = 64
"""How deep graphs may lie within graphs, as messages within messages."""

# The types of tensors (TensorProto.DataType) that NumPy has.
_TYPES = {1: "float32", 2: "uint8", 3: "int8", 4: "uint16", 5: "int16", 6: "int32", 7: "int64", 9: "bool", 10: "float16", 11: "float64"}


@dataclass(frozen=True)
class Port:
    """An input or output: its name, NumPy's name of its type ("" for one NumPy has not), and its shape, where None is a side
    that may be anything; None for a shape that the file does not tell."""

    name: str
    dtype: str
    shape: tuple[int | None, ...] | None


@dataclass(frozen=True)
class Model:
    """A model that has been looked through. handed: what runtimes get: bytes, or the path where there is external data."""

    label: str
    handed: bytes | str
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    metadata: Mapping[str, str]
    digest: str


@dataclass
class Outline:
    """What is found in a model while it is looked through. external: where data beside it is said to be."""

    inputs: list[Port] = field(default_factory=list)
    outputs: list[Port] = field(default_factory=list)
    constants: set[str] = field(default_factory=set)
    metadata: dict[str, str] = field(default_factory=dict)
    external: set[str] = field(default_factory=set)


def read_model(source: Path | bytes, limit: int = LIMIT) -> Model:
    """Read a model and look it through.

    source: an ONNX file, or its bytes (which may then name no external data). limit: bytes it may have.
    Raises SourceError for a file that cannot be read or is too large, WeightsError for one that is no model or wants others' files.
    """
    if isinstance(source, bytes):
        label, data, path = "the model", source, None
    else:
        path = Path(source)
        label, data = path.name, _read_bytes(path, limit)
    if len(data) > limit:
        raise SourceError(f"{label} has more than {limit:,} bytes, the limit for models")
    outline = read_outline(data, label)
    inputs = tuple(port for port in outline.inputs if port.name not in outline.constants)
    digest = hashlib.sha256(data)
    handed: bytes | str = data
    if outline.external:
        handed = str(path)
        size = len(data)
        for file in sorted({_file_beside(path, location, label) for location in outline.external}):
            size += file.stat().st_size
            digest.update(f"{file.name} {file.stat().st_size} {file.stat().st_mtime_ns}".encode())
        if size > limit:
            raise SourceError(f"{label} has, with the data beside it, more than {limit:,} bytes, the limit for models")
    return Model(label, handed, inputs, tuple(outline.outputs), outline.metadata, digest.hexdigest())


def _read_bytes(path: Path, limit: int) -> bytes:
    try:
        if not path.is_file():  # a device or a pipe might never end
            raise SourceError(f"there is no file {path}" if not path.exists() else f"{path} is no file")
        if path.stat().st_size > limit:
            raise SourceError(f"{path} has more than {limit:,} bytes, the limit for models")
        with path.open("rb") as file:
            return file.read(limit + 1)
    except (OSError, ValueError) as error:
        if isinstance(error, SourceError):
            raise
        raise SourceError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from error


def _file_beside(path: Path | None, location: str, label: str) -> Path:
    """A file of external data. Raises WeightsError for one that is not in the model's own folder."""
    if path is None:
        raise WeightsError(f"{label} keeps numbers in other files: open it by its path, not as bytes")
    parts = location.replace("\\", "/").split("/")
    plain = location and not re.search(r'[\x00-\x1f*?"<>|:]', location) and all(part not in ("", "..") for part in parts)
    try:
        file = (path.parent / location).resolve(strict=True) if plain else None
        folders = {path.parent.resolve(), path.resolve().parent}
    except (OSError, ValueError, RuntimeError):
        raise WeightsError(f"{label} needs {location[:80]!r} beside it, and that is not there") from None
    if file is None or not file.is_file() or not any(file.is_relative_to(folder) for folder in folders):
        raise WeightsError(f"{label} wants numbers from {location[:80]!r}, outside its own folder: that is refused")
    return file


class _Damaged(Exception):
    """The bytes are no protobuf message."""


def _fields(data: memoryview) -> Iterator[tuple[int, Any]]:
    """A message's fields, as number and value (protobuf's wire format): varints as int, the rest as memoryview."""
    at, end = 0, len(data)
    while at < end:
        key, at = _varint(data, at)
        number, kind = key >> 3, key & 7
        if kind == 0:
            value, at = _varint(data, at)
            yield number, value
            continue
        if kind == 2:
            length, at = _varint(data, at)
        elif kind in (1, 5):
            length = 8 if kind == 1 else 4
        else:  # groups, which ONNX never had
            raise _Damaged
        if number == 0 or length > end - at:
            raise _Damaged
        yield number, data[at : at + length]
        at += length


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            raise _Damaged
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value & 0xFFFFFFFFFFFFFFFF, at
    raise _Damaged


# Message -> field number -> the message it holds. Only what leads to tensors, wherever they may be.
_WITHIN = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "function": {7: "node", 11: "attribute"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
}


def read_outline(data: bytes, label: str) -> Outline:
    """The outline of a model. Raises WeightsError for what is none."""
    _refuse_others(data, label)
    outline = Outline()
    try:
        top = list(_fields(memoryview(data)))
        graphs = [value for number, value in top if number == 7]
        if not ({1, 7, 8} <= {number for number, _ in top}) or len(graphs) != 1 or isinstance(graphs[0], int):
            raise WeightsError(f"{label} is no ONNX model")
        for number, value in top:
            if number == 14:
                key, text = _pair(value)
                outline.metadata[key] = text
        for number, value in _fields(graphs[0]):
            if number in (11, 12):
                (outline.inputs if number == 11 else outline.outputs).append(_port(value))
            elif number == 5:
                outline.constants.update(_text(name) for number, name in _fields(_message(value)) if number == 8)
        _find_external(memoryview(data), outline, label)
    except _Damaged:
        raise WeightsError(f"{label} is no ONNX model, or it is damaged or cut short") from None
    return outline


def _find_external(data: memoryview, outline: Outline, label: str) -> None:
    waiting: list[tuple[str, memoryview, int]] = [("model", data, 0)]
    while waiting:
        kind, message, depth = waiting.pop()
        if depth > 4 * DEPTH:
            raise WeightsError(f"{label} has graphs within graphs deeper than {DEPTH}: that is refused")
        if kind == "tensor":
            said = dict(_pair(value) for number, value in _fields(message) if number == 13)
            elsewhere = [value for number, value in _fields(message) if number == 14]
            if said or any(elsewhere):
                outline.external.add(said.get("location", ""))
            continue
        for number, value in _fields(message):
            if (inner := _WITHIN[kind].get(number)) is not None:
                waiting.append((inner, _message(value), depth + 1))


def _refuse_others(data: bytes, label: str) -> None:
    """Say of files that are often taken for models what they are."""
    if not data:
        raise WeightsError(f"{label} is empty")
    if data[:2] in (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05") or data[:4] == b"PK\x03\x04":
        raise WeightsError(
            f"{label} is a checkpoint of PyTorch or another archive, which opening might run code of: export it to ONNX first"
        )
    if data[4:8] == b"ORTM":
        raise WeightsError(f"{label} is in ONNX Runtime's own format: give the ONNX file it was made from")


def _message(value: Any) -> memoryview:
    if isinstance(value, int):
        raise _Damaged
    assert isinstance(value, memoryview)
    return value


def _text(value: Any) -> str:
    return bytes(_message(value)).decode("utf-8", "replace")


def _pair(value: Any) -> tuple[str, str]:
    found = {number: _text(part) for number, part in _fields(_message(value)) if number in (1, 2)}
    return found.get(1, ""), found.get(2, "")


def _port(value: Any) -> Port:
    """ValueInfoProto: name 1, type 2; within that tensor_type 1; within that elem_type 1, shape 2; of its dims 1, value 1."""
    name, dtype, shape = "", "", None
    for number, part in _fields(_message(value)):
        if number == 1:
            name = _text(part)
        elif number == 2:
            for _, tensor in (each for each in _fields(_message(part)) if each[0] == 1):
                for inner, found in _fields(_message(tensor)):
                    if inner == 1 and isinstance(found, int):
                        dtype = _TYPES.get(found, "")
                    elif inner == 2:
                        shape = tuple(_side(dim) for number, dim in _fields(_message(found)) if number == 1)
    return Port(name, dtype, shape)


def _side(dim: Any) -> int | None:
    for number, value in _fields(_message(dim)):
        if number == 1 and isinstance(value, int) and 0 < value < 1 << 31:
            return value
    return None
