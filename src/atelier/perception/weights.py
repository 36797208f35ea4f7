"""The weights of perceptual networks: find them, load them, pull them, verify them. Needs no torch.

`pocket` ships with the package. `vgg19` is pulled once into the user's cache: of the public 548 MB file only the 52 MB of
convolutions are fetched, by HTTP ranges. Files are safetensors, which hold numbers and nothing that could run; pickles are
refused unread.

**Conventions.** The public VGG-19s differ in what they take as input. A file's metadata decides where it speaks, else the
names of its tensors:

| names                                        | input, unless metadata `input` says otherwise               |
|----------------------------------------------|-------------------------------------------------------------|
| `conv1_1.weight`, `block1_conv1.weight`      | 0..255 minus the ImageNet mean (Simonyan & Zisserman 2014)  |
| `features.0.weight` (torchvision's numbers)  | (RGB / 255 - mean) / std (torchvision)                      |

Metadata understood: `input` ("RGB 0..255 minus mean", or "(RGB / 255 - mean) / std"), `channels` ("RGB" or "BGR", the order
of the input's channels), `mean` and `std` (three numbers, comma separated, in that order and in the units of `input`). The
numbers themselves do not tell: conv1_1 of the original net, made for 0..255, has a standard deviation of 0.19 and reaches
0.65, as large as that of nets made for inputs of unit variance. So a Caffe conversion under torchvision's names has to carry
metadata.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import math
import os
import re
import ssl
import struct
import sys
import tempfile
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

from atelier.errors import AtelierError, OutputError, SettingError, WeightsError
from atelier.progress import Progress, Report, silent

Array = NDArray[np.floating[Any]]

LAYERS = tuple(f"conv{block}_{i}" for block, count in ((1, 2), (2, 2), (3, 4), (4, 4), (5, 1)) for i in range(1, count + 1))
"""The layers a file must hold; the same as `network.CONVS`, which cannot be imported here without torch."""

FEATURES = dict(zip((0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28), LAYERS, strict=True))
"""torchvision's number of each convolution within `features` of VGG-19 (configuration E, no batch normalisation)."""

MEAN = (123.68, 116.779, 103.939)
"""Channel means (R, G, B) of ImageNet in 0..255 that the original VGGs subtract."""

HEADER_LIMIT = 16 << 20
"""Bytes of header a file may have. Real ones have a few thousand."""


# The networks there are -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Known:
    """A network atelier knows by name.

    widths: output channels of each of LAYERS, where a pulled file must have just these. url: a public safetensors file to
    pull from, None for networks that ship. download: how much that fetches, for people. digest: of its tensors, as
    `digest` computes it, where it is known.
    """

    name: str
    description: str
    licence: str
    widths: tuple[int, ...] | None = None
    url: str | None = None
    download: str = ""
    digest: str | None = None

    @property
    def shipped(self) -> bool:
        """Whether the weights come with the package."""
        return self.url is None


NETWORKS: dict[str, Known] = {
    network.name: network
    for network in (
        Known("pocket", "a small student of VGG-19, fast on any machine", "CC BY 4.0 (student of Oxford's VGG-19)"),
        Known(
            "vgg19",
            "VGG-19 as torchvision trained it, up to conv5_1",
            "BSD-3-Clause",
            widths=(64, 64, 128, 128, 256, 256, 256, 256, 512, 512, 512, 512, 512),
            url="https://huggingface.co/timm/vgg19.tv_in1k/resolve/main/model.safetensors",
            download="about 50 MB",
            # No digest yet: nobody has pulled and vouched for these tensors. Layer statistics of another training of
            # VGG-19 would not do in its place, so a first pull checks names, shapes and finiteness, and records a digest.
        ),
    )
}


@dataclass(frozen=True)
class Status:
    """A known network and where it is: path None and size 0 (bytes) where it has not been found."""

    name: str
    description: str
    licence: str
    shipped: bool
    path: Path | None
    size: int


def known() -> list[Status]:
    """Every known network, found or not."""
    statuses = []
    for network in NETWORKS.values():
        path = _search(network.name)
        size = path.stat().st_size if path else 0
        statuses.append(Status(network.name, network.description, network.licence, network.shipped, path, size))
    return statuses


# Find -----------------------------------------------------------------------------------------------------------------


def find(name_or_path: str | Path) -> Path:
    """The file that holds a network.

    A path (a `Path`, or text with a folder or a suffix in it) is taken as it is. A name is looked for in $ATELIER_WEIGHTS (a
    folder, a file called `<name>.safetensors`, or several of these separated as in $PATH), then among the models that ship,
    then in the user's cache.

    Raises WeightsError, which says what to do, where there is no such file.
    """
    if isinstance(name_or_path, Path) or Path(name_or_path).suffix or Path(name_or_path).name != name_or_path:
        path = _expanded(name_or_path)
        if path.is_file():
            return path
        raise WeightsError(f"no weights at {path}: give the path of a .safetensors file, or one of {', '.join(NETWORKS)}")
    name = name_or_path.strip()
    if path_of_name := _search(name):
        return path_of_name
    if name not in NETWORKS:
        raise WeightsError(f"no network called {name!r}: there are {', '.join(NETWORKS)}, or give the path of a .safetensors file")
    network = NETWORKS[name]
    way = "it comes with atelier, so reinstall that" if network.shipped else f"run `atelier weights pull {name}` ({network.download})"
    raise WeightsError(f"no weights for {name}: {way}, or point $ATELIER_WEIGHTS at a folder that holds {name}.safetensors")


def _search(name: str) -> Path | None:
    if not re.fullmatch(r"[\w-]+", name):
        return None
    entries = [_expanded(entry) for entry in os.environ.get("ATELIER_WEIGHTS", "").split(os.pathsep) if entry.strip()]
    for entry in (*entries, shipped_folder(), cache_folder()):
        path = entry if entry.is_file() else entry / f"{name}.safetensors"
        if path.name == f"{name}.safetensors" and path.is_file():
            return path
    return None


def _expanded(path: str | Path) -> Path:
    try:
        return Path(path).expanduser()
    except RuntimeError:  # there is no such user, or no home
        return Path(path)


def shipped_folder() -> Path:
    """Where the models that ship lie."""
    return Path(str(files("atelier"))) / "models"


def cache_folder() -> Path:
    """Where pulled weights go: $XDG_CACHE_HOME/atelier/weights, or the system's own place for caches."""
    try:
        home = Path.home()
    except RuntimeError:  # a container's user may have none
        home = Path(tempfile.gettempdir())
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    else:
        xdg = Path(os.environ.get("XDG_CACHE_HOME", ""))
        # The XDG specification has relative paths ignored.
        base = xdg if xdg.is_absolute() else home / ("Library/Caches" if sys.platform == "darwin" else ".cache")
    return base / "atelier" / "weights"


# Load -----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class LoadedWeights:
    """A network in the one convention used from here on: conv1_1 acts on RGB in 0..255 minus `mean`.

    layers: for every one of LAYERS, weight (O, I, 3, 3) and bias (O,). metrics: for some layers (O, O), the factor R for
    which |R s| is the distance the network was taught to measure. All of one type: float16 where the file is float16
    throughout and needs no rescaling, else float32. mean: (R, G, B) in 0..255. metadata: what the file says of itself.
    """

    path: Path
    layers: Mapping[str, tuple[Array, Array]]
    metrics: Mapping[str, Array]
    mean: tuple[float, float, float]
    metadata: Mapping[str, str]


def load(name_or_path: str | Path) -> LoadedWeights:
    """Read a network, whichever of the public conventions its file is in. Tensors it does not need are not read.

    Raises WeightsError where the file is absent, is not safetensors, is cut short, lacks layers, has shapes that do not fit
    together, or holds NaN or infinity.
    """
    path = find(name_or_path)
    return _load(path, str(path))


def _load(path: Path, label: str) -> LoadedWeights:
    with _opened(path, label) as file:
        header = _read_header(file, label)
        plan = _plan(header, label)
        arrays = {key: _array(file, tensor, f"{key} in {label}") for key, tensor in plan.items()}
    for layer in LAYERS:  # 8-bit weights come with a scale for each output channel
        if (scales := arrays.pop(f"{layer}.scale", None)) is not None:
            arrays[f"{layer}.weight"] = arrays[f"{layer}.weight"] * scales.astype(np.float32)[:, None, None, None]
    mean, scale, flipped = _convention(header, label)
    weight = arrays["conv1_1.weight"]
    if flipped:
        weight = np.ascontiguousarray(weight[:, ::-1])
    if scale != (1.0, 1.0, 1.0):
        # (x - mean) / scale is a weight divided by scale on x - mean. The mean is kept apart, not folded into the bias: with
        # zero padding that would be wrong along the borders.
        weight = weight.astype(np.float32) / np.array(scale, np.float32)[:, None, None]
    arrays["conv1_1.weight"] = weight
    kind: type[np.floating[Any]] = np.float16 if all(array.dtype == np.float16 for array in arrays.values()) else np.float32
    arrays = {key: array.astype(kind, copy=False) for key, array in arrays.items()}
    return LoadedWeights(
        path,
        {layer: (arrays[f"{layer}.weight"], arrays[f"{layer}.bias"]) for layer in LAYERS},
        {layer: arrays[f"{layer}.metric"] for layer in LAYERS if f"{layer}.metric" in arrays},
        mean,
        header.metadata,
    )


def _convention(header: _Header, label: str) -> tuple[tuple[float, float, float], tuple[float, float, float], bool]:
    """What conv1_1 of the file takes: (x - mean) / scale with x RGB in 0..255, and whether its channels are B, G, R."""
    said = header.metadata.get("input", "").lower()
    if re.search(r"std|/ ?255|0\.\.1\b|torchvision", said):
        unit = True
    elif re.search(r"255|caffe", said):
        unit = False
    elif said:
        raise WeightsError(f"{label} says its input is {said[:80]!r}: 'RGB 0..255 minus mean' or '(RGB / 255 - mean) / std' is understood")
    else:
        unit = any(key.startswith("features.") for key in header.tensors)
    channels = header.metadata.get("channels", "BGR" if "bgr" in said else "RGB").strip().upper()
    if channels not in {"RGB", "BGR"}:
        raise WeightsError(f"{label} says its channels are {channels[:80]!r}: RGB or BGR is understood")
    flipped = channels == "BGR"

    def triple(key: str, default: tuple[float, float, float]) -> tuple[float, float, float]:
        if (text := header.metadata.get(key)) is None:
            return default
        try:
            first, second, third = (float(part) for part in text.split(","))
        except ValueError:
            raise WeightsError(f"{label} says its {key} is {text[:80]!r}: three numbers separated by commas are understood") from None
        return (third, second, first) if flipped else (first, second, third)

    mean = triple("mean", (0.485, 0.456, 0.406) if unit else MEAN)
    std = triple("std", (0.229, 0.224, 0.225)) if unit else (1.0, 1.0, 1.0)
    if not all(map(math.isfinite, mean)) or not all(math.isfinite(s) and s > 0 for s in std):
        raise WeightsError(f"{label} has a mean or a std in its metadata that makes no sense")
    unity = 255.0 if unit else 1.0
    (r, g, b), (dr, dg, db) = mean, std
    return (r * unity, g * unity, b * unity), (dr * unity, dg * unity, db * unity), flipped


# The file format (https://github.com/huggingface/safetensors, "Format") --------------------------------------------------

SIZES = {
    "BOOL": 1, "U8": 1, "I8": 1, "F8_E5M2": 1, "F8_E4M3": 1, "U16": 2, "I16": 2, "F16": 2, "BF16": 2,
    "U32": 4, "I32": 4, "F32": 4, "U64": 8, "I64": 8, "F64": 8,
}  # fmt: skip
"""Bytes of a number, by its safetensors type."""

FLOATS = {"F16": "<f2", "BF16": "<u2", "F32": "<f4", "F64": "<f8"}
"""The types a convolution may be in, and how NumPy reads them (bfloat16 as bits: NumPy has no such type)."""


@dataclass(frozen=True)
class _Tensor:
    """Where a tensor lies: bytes start..stop of the whole file."""

    dtype: str
    shape: tuple[int, ...]
    start: int
    stop: int


@dataclass(frozen=True)
class _Header:
    """What a file declares. end: how long the whole file is by it, in bytes."""

    tensors: Mapping[str, _Tensor]
    metadata: Mapping[str, str]
    end: int


def _header_length(first: bytes, label: str) -> int:
    if first[:4] == b"PK\x03\x04" or (first[:1] == b"\x80" and first[1:2] in {b"\x02", b"\x03", b"\x04", b"\x05"}):
        raise WeightsError(f"{label} is a pickle, which could run code when opened: convert it to .safetensors first")
    if len(first) < 8:
        raise WeightsError(f"{label} is cut short or no safetensors file")
    (length,) = struct.unpack("<Q", first)
    if not 2 <= length <= HEADER_LIMIT:
        raise WeightsError(f"{label} is no safetensors file: its header would be {length} bytes long")
    return int(length)


def _parse_header(blob: bytes, label: str) -> _Header:
    """Everything in the header is checked here, and trusted afterwards."""

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
            tensors[key] = _Tensor(dtype, shape, base + start, base + stop)
        end = base
        for tensor in sorted(tensors.values(), key=lambda tensor: (tensor.start, tensor.stop)):
            if tensor.start != end:
                raise ValueError("tensors that overlap or leave gaps")
            end = tensor.stop
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        what = f"has {error}" if type(error) is ValueError else "cannot be read"
        raise WeightsError(f"{label} is damaged or no safetensors file: its header {what}") from None
    return _Header(tensors, metadata, end)


def _read_header(file: IO[bytes], label: str) -> _Header:
    length = _header_length(file.read(8), label)
    size = os.fstat(file.fileno()).st_size
    if len(blob := file.read(length)) < length:
        raise WeightsError(f"{label} is cut short: pull or copy it again")
    header = _parse_header(blob, label)
    if size != header.end:
        state = "cut short" if size < header.end else "damaged"
        raise WeightsError(f"{label} is {state} ({size} of {header.end} bytes): pull or copy it again")
    return header


@contextmanager
def _opened(path: Path, label: str) -> Iterator[IO[bytes]]:
    try:
        with path.open("rb") as file:
            yield file
    except OSError as error:
        raise WeightsError(f"cannot read {label}: {error.strerror or error}") from error


def _array(file: IO[bytes], tensor: _Tensor, label: str) -> Array:
    """The numbers of a tensor as float16 (from F16) or float32 (from all others)."""
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


def _canonical(key: str) -> str | None:
    """`conv{b}_{i}.weight|bias|metric` for the names of that tensor in the wild; None for all other tensors."""
    match = re.fullmatch(r"(?:features\.(\d{1,2})|(?:conv|block)(\d)_(?:conv)?(\d))\.(weight|bias|metric|scale)", key)
    if not match:
        return None
    layer = FEATURES.get(int(match[1])) if match[1] else f"conv{match[2]}_{match[3]}"
    return f"{layer}.{match[4]}" if layer in LAYERS else None


def _plan(header: _Header, label: str, widths: tuple[int, ...] | None = None) -> dict[str, _Tensor]:
    """The tensors of the network by canonical name, in canonical order; complete and fitting together."""
    found: dict[str, _Tensor] = {}
    for key, tensor in header.tensors.items():
        if canonical := _canonical(key):
            if canonical in found:
                raise WeightsError(f"{label} holds {canonical} under two names")
            found[canonical] = tensor
    if missing := [layer for layer in LAYERS if not {f"{layer}.weight", f"{layer}.bias"} <= found.keys()]:
        raise WeightsError(f"{label} is no VGG-19 or student of it: it has no weight and bias for {', '.join(missing)}")
    channels, plan = 3, {}
    for index, layer in enumerate(LAYERS):
        out = widths[index] if widths else (found[f"{layer}.weight"].shape or (0,))[0]
        shapes = {"weight": (out, channels, 3, 3), "bias": (out,), "metric": (out, out), "scale": (out,)}
        if found[f"{layer}.weight"].dtype == "I8" and f"{layer}.scale" not in found:
            raise WeightsError(f"{layer}.weight in {label} is of 8-bit integers and comes without {layer}.scale")
        for part in shapes:
            if (key := f"{layer}.{part}") not in found:
                continue
            tensor = found[key]
            if tensor.dtype not in FLOATS and not (part == "weight" and tensor.dtype == "I8"):
                raise WeightsError(f"{key} in {label} is of type {tensor.dtype[:80]!r}: {', '.join(FLOATS)} are understood")
            if tensor.shape != shapes[part] or not out:
                raise WeightsError(f"{key} in {label} has shape {tensor.shape}: {shapes[part]} was expected")
            plan[key] = tensor
        channels = out
    return plan


# Verify ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Verified:
    """What came of a check. digest: of the tensors there, "" where the file is damaged. expected: the digest on record, None
    where there is none. ok: the file is sound and, where a digest is on record, the same. detail: a line for people."""

    path: Path
    digest: str
    expected: str | None
    ok: bool
    detail: str


def digest(name_or_path: str | Path) -> str:
    """SHA-256 over the network's tensors: canonical name, type, shape and bytes of each, in canonical order.

    It does not depend on the file around them, so the convolutions pulled out of a larger file have the digest they had in
    it. Raises WeightsError as `load` does.
    """
    path = find(name_or_path)
    with _opened(path, str(path)) as file:
        plan = _plan(_read_header(file, str(path)), str(path))
        return _digest(file, plan)


def identity(name_or_path: str | Path) -> str:
    """SHA-256 of what `load` gives: of the tensors, and of how the file says its input is made. Raises WeightsError as `load` does."""
    path = find(name_or_path)
    with _opened(path, str(path)) as file:
        header = _read_header(file, str(path))
        tensors = _digest(file, _plan(header, str(path)))
    return hashlib.sha256(f"{tensors} {_convention(header, str(path))}".encode()).hexdigest()


def _digest(file: IO[bytes], plan: Mapping[str, _Tensor]) -> str:
    total = hashlib.sha256()
    for key, tensor in plan.items():
        total.update(f"{key} {tensor.dtype} {','.join(map(str, tensor.shape))}\n".encode())
        file.seek(tensor.start)
        total.update(file.read(tensor.stop - tensor.start))
    return total.hexdigest()


def verify(name_or_path: str | Path) -> Verified:
    """Check a network's file against the digest on record: in `<name>.json` beside it, else in NETWORKS.

    A record beside the file finds damage, not malice: who can write the one can write the other. Raises WeightsError where
    there is no such file; a damaged one is an answer (`ok` False), not an error.
    """
    path = find(name_or_path)
    network = NETWORKS.get(path.stem)
    expected = network.digest if network else None
    record_path = path.with_suffix(".json")
    try:
        expected = _recorded(record_path).get("digest", expected)
        load(path)
        actual = digest(path)
    except WeightsError as error:
        return Verified(path, "", expected, False, str(error))
    if expected is None:
        return Verified(path, actual, None, True, f"{path} is sound; there is no digest on record to compare it with")
    if actual != expected:
        advice = f"delete it and {record_path.name}, and pull or copy it again"
        return Verified(path, actual, expected, False, f"{path} is not what it was: {advice}")
    return Verified(path, actual, expected, True, f"{path} is sound and has the digest on record")


def record(path: Path, **facts: str | int) -> Path:
    """Write `<name>.json` beside a weights file: its digest and any facts worth keeping. Returns the record's path.

    Raises WeightsError as `load` does, OutputError where it cannot be written.
    """
    content = {"digest": digest(path), "bytes": path.stat().st_size, **facts}
    beside = path.with_suffix(".json")
    with _writing(path.parent):
        _replace(beside, (json.dumps(content, indent=2) + "\n").encode())
    return beside


def _recorded(path: Path) -> dict[str, str]:
    if not path.is_file():
        return {}
    try:
        content = json.loads(path.read_text("utf-8"))
        return {key: value for key, value in content.items() if isinstance(value, str)}
    except (OSError, ValueError, AttributeError) as error:
        raise WeightsError(f"the record {path} cannot be read: delete it") from error


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    try:
        yield
    except AtelierError:
        raise
    except OSError as error:
        raise OutputError(f"cannot write to {folder}: {error.strerror or error}") from error


def _replace(path: Path, *pieces: bytes) -> None:
    """Write a file so that there is never half of it under its name."""
    beside = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        with beside.open("wb") as file:
            file.writelines(pieces)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


# Pull -----------------------------------------------------------------------------------------------------------------

PIECE = 64 << 10
"""Bytes between two reports."""

PULL_LIMIT = 256 << 20
"""Bytes a network may have; VGG-19 in float64 has 104 million."""


def pull(
    name: str,
    *,
    url: str | None = None,
    sha256: str | None = None,
    folder: Path | None = None,
    report: Report = silent,
    timeout: float = 30.0,
    retries: int = 4,
    pause: float = 0.5,
) -> Path:
    """Fetch a network's convolutions into `folder` (default: the cache) and return the file, `<name>.safetensors`.

    What is there and sound already is kept. Otherwise only the wanted tensors are fetched from a safetensors file: at `url`,
    else at $ATELIER_WEIGHTS_URL (ending in a slash: a folder of such files), else where NETWORKS says. They keep their type.
    What has come is kept as `<name>.*.part`, so that the next call goes on where this one stopped, as long as the file at
    the source is the same by its ETag or date.

    sha256: the `digest` the tensors must have (what `verify` and `record` tell), 64 hexadecimal digits; a digest of the
    source's whole file cannot be checked without fetching the whole. Where none is known, structure and finiteness are
    checked and the digest is recorded for `verify`. timeout: seconds of silence from the server. retries: tries after a
    failure that brought nothing new. pause: seconds before the first of them, doubled for each.

    `report` hears of KiB done and to do; Cancelled, or anything else raised from it, stops the pull and keeps the part.
    Raises WeightsError (the source is absent, lies, or is not the network), SettingError (url, sha256), OutputError.
    """
    network = NETWORKS.get(name)
    if network is None:
        raise WeightsError(f"no network called {name!r} to pull: there are {', '.join(NETWORKS)}")
    expected = (sha256 or network.digest or "").strip().lower()
    if expected and not re.fullmatch(r"[0-9a-f]{64}", expected):
        raise SettingError(f"sha256 must be 64 hexadecimal digits, not {sha256!r}")
    if network.shipped and not url:
        return find(name)
    source = _source(network, url)
    place = folder or cache_folder()
    target = place / f"{name}.safetensors"
    if _is_there(target, expected, url and _shown(source)):
        report(Progress(f"{name} is here already", 1, 1))
        return target
    with _writing(place):
        place.mkdir(parents=True, exist_ok=True)
    part = _fetch(network, source, place, report, timeout, retries, pause)
    return _install(part, target, source, expected)


def _source(network: Known, url: str | None) -> str:
    source = url or os.environ.get("ATELIER_WEIGHTS_URL") or network.url or ""
    try:
        parts = urlsplit(source)
        good = parts.scheme in {"http", "https"} and bool(parts.hostname)
    except ValueError:
        good = False
    if not good:
        raise SettingError(f"cannot pull weights from {source!r}: an http or https address is needed")
    return f"{source}{network.name}.safetensors" if source.endswith("/") else source


def _shown(url: str) -> str:
    """The address without what may be secret in it: a password, a signed query."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _is_there(target: Path, expected: str, shown: str | None) -> bool:
    if not target.is_file():
        return False
    state = verify(target)
    if not state.ok or (expected and state.digest != expected):
        return False
    return shown is None or _recorded(target.with_suffix(".json")).get("url") == shown


class _Dropped(Exception):
    """The connection failed in a way that another try may mend."""


class _Changed(Exception):
    """The file at the source is no longer the one the pull began with."""


@dataclass(frozen=True)
class _Part:
    """The wanted tensors of one version of one source, and the file in which they gather in the order of `spans`."""

    header: _Header
    plan: Mapping[str, _Tensor]
    spans: tuple[tuple[int, int], ...]
    path: Path
    identity: str

    @property
    def size(self) -> int:
        return sum(stop - start for start, stop in self.spans)

    def missing(self, done: int) -> Iterator[tuple[int, int]]:
        """The ranges of the source that still have to come when `done` bytes have."""
        for start, stop in self.spans:
            if done < stop - start:
                yield start + done, stop
            done = max(0, done - (stop - start))

    def local(self) -> dict[str, _Tensor]:
        """The plan, with places in the part's file instead of the source."""
        moved, before = {}, 0
        for start, stop in self.spans:
            for key, tensor in self.plan.items():
                if start <= tensor.start < stop:
                    shift = before - start
                    moved[key] = _Tensor(tensor.dtype, tensor.shape, tensor.start + shift, tensor.stop + shift)
            before += stop - start
        return {key: moved[key] for key in self.plan}


def _fetch(network: Known, source: str, place: Path, report: Report, timeout: float, retries: int, pause: float) -> _Part:
    """Gather the whole part, through failures."""
    shown = _shown(source)
    remote, part = _Remote(source, timeout), None
    done = failures = changes = 0
    try:
        while True:
            before = done
            try:
                part = part or _begin(network, source, remote, place)
                with _writing(place), part.path.open("ab") as file:
                    done = file.tell()
                if done < part.size:
                    _gather(network, remote, part, done, report)
                return part
            except _Changed:
                remote.close()
                remote, part, done = _Remote(source, timeout), None, 0
                changes += 1
                if changes > retries:
                    raise WeightsError(f"{shown} keeps changing while it is read: try again later") from None
                report(Progress(f"fetching {network.name}", note="the file at the source has changed: starting over"))
            except _Dropped as error:
                remote.close()
                done = part.path.stat().st_size if part and part.path.exists() else done
                failures = 1 if done > before else failures + 1
                if failures > retries:
                    kept = "; what has come is kept, so run this again to go on" if done else ""
                    raise WeightsError(f"cannot fetch {shown}: {error}{kept}") from error
                wait = pause * 2 ** (failures - 1)
                report(Progress(f"fetching {network.name}", note=f"{error}: trying again in {wait:g} s"))
                time.sleep(wait)
    finally:
        remote.close()


def _begin(network: Known, source: str, remote: _Remote, place: Path) -> _Part:
    """Read the source's header and see what is wanted, and what is there of it from before."""
    shown = _shown(source)
    length = _header_length(b"".join(remote.read(0, 8)), shown)
    blob = b"".join(remote.read(8, 8 + length))
    header = _parse_header(blob, shown)
    if remote.total is not None and remote.total != header.end:
        raise WeightsError(f"{shown} is damaged: it has {remote.total} bytes and its header speaks of {header.end}")
    plan = _plan(header, shown, network.widths)
    _convention(header, shown)
    if sum(tensor.stop - tensor.start for tensor in plan.values()) > PULL_LIMIT:
        raise WeightsError(f"{shown} has more than {PULL_LIMIT >> 20} MB of convolutions: it is no VGG-19 or student of it")
    spans: list[tuple[int, int]] = []
    for tensor in sorted(plan.values(), key=lambda tensor: tensor.start):
        if spans and spans[-1][1] == tensor.start:
            spans[-1] = (spans[-1][0], tensor.stop)
        else:
            spans.append((tensor.start, tensor.stop))
    # The name says which version of which file this is a part of, so that a part of another is never gone on with.
    version = hashlib.sha256(repr((shown, remote.identity, header.end)).encode() + blob).hexdigest()[:16]
    path = place / f"{network.name}.{version}.part"
    with _writing(place):
        for old in place.glob(f"{network.name}.*.part"):
            # Without an ETag or a date nobody can tell whether the file is the same as last time.
            if old != path or not remote.identity:
                old.unlink()
        if path.is_file() and path.stat().st_size > sum(stop - start for start, stop in spans):
            path.unlink()
    return _Part(header, plan, tuple(spans), path, remote.identity)


def _gather(network: Known, remote: _Remote, part: _Part, done: int, report: Report) -> None:
    def tell() -> None:
        report(Progress(f"fetching {network.name}", done >> 10, part.size >> 10))

    with _writing(part.path.parent):
        file = part.path.open("r+b")
    with file:
        told = done
        tell()
        for start, stop in part.missing(done):
            for piece in remote.read(start, stop):
                with _writing(part.path.parent):
                    # Always at its own place: two pulls at once then write the same bytes to the same spots.
                    file.seek(done)
                    file.write(piece)
                    file.flush()
                done += len(piece)
                if done - told >= PIECE or done == part.size:
                    told = done
                    tell()


def _install(part: _Part, target: Path, source: str, expected: str) -> Path:
    """Check what has come and put it under its name; what is wrong is thrown away."""
    shown, plan = _shown(source), part.local()
    if not part.path.is_file() and _is_there(target, expected, shown):
        return target  # another pull shared the part and was done first
    try:
        with _opened(part.path, str(part.path)) as file:
            actual = _digest(file, plan)
            if expected and actual != expected:
                raise WeightsError(
                    f"what came from {shown} has the digest {actual} over its tensors, not {expected}: nothing was installed"
                )
            for key, tensor in plan.items():
                _array(file, tensor, f"{key} from {shown}")
            metadata = {key: text for key, text in part.header.metadata.items() if key in {"input", "channels", "mean", "std", "pool"}}
            if "input" not in metadata and any(key.startswith("features.") for key in part.header.tensors):
                # The names that told the convention are not kept, so it is written down.
                metadata["input"] = "(RGB / 255 - mean) / std"
            blob = _compose(plan, metadata)
            pieces = [struct.pack("<Q", len(blob)), blob]
            for tensor in plan.values():
                file.seek(tensor.start)
                pieces.append(file.read(tensor.stop - tensor.start))
    except WeightsError:
        part.path.unlink(missing_ok=True)
        raise
    with _writing(target.parent):
        _replace(target, *pieces)
        date = datetime.now(UTC).isoformat(timespec="seconds")
        record(target, url=shown, source_identity=part.identity, source_bytes=part.header.end, date=date)
        part.path.unlink(missing_ok=True)
    return target


def _compose(plan: Mapping[str, _Tensor], metadata: Mapping[str, str]) -> bytes:
    """A safetensors header for these tensors, one after the other, padded so that they are aligned to 8 bytes."""
    content: dict[str, Any] = {"__metadata__": dict(metadata)}
    end = 0
    for key, tensor in plan.items():
        start, end = end, end + tensor.stop - tensor.start
        content[key] = {"dtype": tensor.dtype, "shape": tensor.shape, "data_offsets": [start, end]}
    blob = json.dumps(content, separators=(",", ":")).encode()
    return blob + b" " * (-len(blob) % 8)


# The wire -------------------------------------------------------------------------------------------------------------


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows to http and https only, and never from https down to http. Range and If-Range go along."""

    def redirect_request(self, req: urllib.request.Request, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        allowed = {"https"} if req.type == "https" else {"http", "https"}
        if urlsplit(newurl).scheme not in allowed:
            raise WeightsError(f"{_shown(req.full_url)} redirects to {_shown(newurl)}, which is not safe to follow")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


class _Remote:
    """A file behind a URL, read by ranges: from a server that honours them, or out of the stream of one that does not.

    identity: the ETag or date of the file ("" where the server gives neither), total: its bytes (None where not said); both
    are known from the first read on. Reads raise _Dropped, _Changed, or WeightsError where no further try would help.
    """

    def __init__(self, url: str, timeout: float) -> None:
        self.url, self.timeout = url, timeout
        self.identity = ""
        self.total: int | None = None
        self._seen = False
        self._response: http.client.HTTPResponse | None = None
        self._position = 0
        self._whole = False
        self._opener = urllib.request.build_opener(_Redirects)

    def read(self, start: int, stop: int) -> Iterator[bytes]:
        """Bytes start..stop of the file, in pieces of up to PIECE."""
        if not (self._response and self._whole and self._position <= start):
            self._open(start, stop)
        while self._position < stop:
            skipping = self._position < start
            piece = self._take(min((start if skipping else stop) - self._position, PIECE))
            if not skipping:
                yield piece

    def close(self) -> None:
        if self._response:
            self._response.close()
        self._response = None

    def _take(self, count: int) -> bytes:
        assert self._response is not None
        try:
            piece = self._response.read1(count)
        except (OSError, http.client.HTTPException) as error:
            raise _Dropped(_reason(error, self.timeout)) from error
        if not piece:
            raise _Dropped("the connection closed early")
        self._position += len(piece)
        return piece

    def _open(self, start: int, stop: int) -> None:
        self.close()
        request = urllib.request.Request(self.url)
        request.add_header("Range", f"bytes={start}-{stop - 1}")
        request.add_header("Accept-Encoding", "identity")
        request.add_header("User-Agent", "atelier")
        if self.identity and not self.identity.startswith("W/"):
            request.add_header("If-Range", self.identity)
        response = self._respond(request)
        self._response = response
        self._whole = response.status == 200
        if response.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise WeightsError(f"{_shown(self.url)} comes compressed although that was not asked for: try another source")
        if self._whole:
            # No ranges here, or the file is not the one that If-Range named, which the next lines find out.
            self._position = 0
            length = response.headers.get("Content-Length", "")
            total = int(length) if length.isdecimal() else None
        else:
            match = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+|\*)", response.headers.get("Content-Range", "").strip())
            if response.status != 206 or not match or int(match[1]) != start or int(match[2]) >= stop:
                raise WeightsError(f"{_shown(self.url)} answers a range with something else: try another source")
            self._position = start
            total = int(match[3]) if match[3] != "*" else None
        identity = response.headers.get("ETag") or response.headers.get("Last-Modified") or ""
        if self._seen and (identity != self.identity or (total is not None and self.total is not None and total != self.total)):
            raise _Changed
        self.identity, self._seen = identity, True
        self.total = self.total if total is None else total
        if self.total is not None and self.total < stop:
            raise WeightsError(f"{_shown(self.url)} is only {self.total} bytes long: it is cut short or no safetensors file")

    def _respond(self, request: urllib.request.Request) -> http.client.HTTPResponse:
        shown = _shown(self.url)
        try:
            response: http.client.HTTPResponse = self._opener.open(request, timeout=self.timeout)
            return response
        except urllib.error.HTTPError as error:
            error.close()
            answer = f"{error.code} {http.client.responses.get(error.code, '')}".strip()
            if error.code == 416:
                if self._seen:
                    raise _Changed from error
                raise WeightsError(f"{shown} is cut short or no safetensors file") from error
            if error.code in {408, 425, 429} or error.code >= 500:
                raise _Dropped(f"the server answers {answer}") from error
            raise WeightsError(f"cannot fetch {shown}: the server answers {answer}; try another source with --url") from error
        except (OSError, http.client.HTTPException, ValueError) as error:
            reason = error.reason if isinstance(error, urllib.error.URLError) else error
            if isinstance(reason, ssl.SSLCertVerificationError):
                raise WeightsError(f"cannot fetch {shown}: its certificate is not trusted ({reason.verify_message})") from error
            if isinstance(reason, http.client.InvalidURL | UnicodeError):
                raise WeightsError(f"cannot fetch {shown}: the address is malformed") from error
            raise _Dropped(_reason(reason, self.timeout)) from error


def _reason(error: object, timeout: float) -> str:
    if isinstance(error, TimeoutError):
        return f"nothing came for {timeout:g} s"
    if isinstance(error, OSError):
        return (error.strerror or str(error) or type(error).__name__).lower()
    return "the connection closed early"
