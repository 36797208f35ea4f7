"""Networks in ONNX files, run without torch: on ONNX Runtime, or on OpenVINO where that is installed and faster.

**What a file may do.** An ONNX file is numbers and a graph of known operations. It is read here first, as far as the
message's outline goes (onnx.proto of the ONNX specification: the fields are numbered there), before a runtime sees it:
what is no ONNX model, or names files outside its own folder, is refused. Libraries of custom operations are never
registered, so a graph that needs them fails to load. ONNX Runtime checks where external data lies only since 2026, and has a
notation for data at an address of memory; both are refused here, whatever its version.

**What runs it.** Which of ONNX Runtime and OpenVINO is faster depends on model and machine. So it is measured, once, after
the first answer (which is ONNX Runtime's), for at most `BUDGET` seconds or little more, and remembered in the user's cache; on a
machine too slow or too busy for that, after `TRIES` tries whatever came of them.
OpenVINO's bfloat16 takes part where the hardware has it. Nobody is chosen who does not agree with the first (`agrees`).
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import json
import os
import platform
import re
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from atelier.errors import AtelierError, MissingExtra, SettingError, SourceError, WeightsError

Array = NDArray[Any]
Run = Callable[[Mapping[str, Array]], list[Array]]

LIMIT = 1 << 30
"""Bytes a model may have, with its external data, unless the caller says otherwise."""
BUDGET = 0.8
"""Seconds that measuring may take. A run that has begun is not broken off."""
TRIES, PATIENCE = 3, 5
"""A model that cannot be measured within them, as on a busy machine, is tried again so often the next times it is opened. The last try
may take so many times as long; where that is too little as well, it stays with what it runs on."""
WORTH = 0.95
"""The share of the time of the one before that the next must stay under to be chosen: less is noise."""
ROUGHLY, CLOSELY = (0.01, 0.1), (1e-4, 2e-3)
"""How far bfloat16 and float32 may be from the first backend's answer: root mean square and greatest difference, as shares of
the span of its values. 1 % is 2.5 levels of 255; bfloat16 rounds each value to 0.4 %."""
REMEMBERED = 200
"""Choices that are kept, the latest ones."""
DEPTH = 64
"""How deep graphs may lie within graphs, as messages within messages."""
BACKENDS = ("auto", "onnxruntime", "openvino")
PROVIDERS = {
    "cuda": ("CUDAExecutionProvider", "pip install onnxruntime-gpu in place of onnxruntime"),
    "directml": ("DmlExecutionProvider", "on Windows, pip install onnxruntime-directml in place of onnxruntime"),
    "coreml": ("CoreMLExecutionProvider", "on a Mac, pip install onnxruntime"),
}
"""Device -> ONNX Runtime's name of what runs on it, and what to do where that is missing."""

# The types of tensors (TensorProto.DataType) that NumPy has.
_TYPES = {1: "float32", 2: "uint8", 3: "int8", 4: "uint16", 5: "int16", 6: "int32", 7: "int64", 9: "bool", 10: "float16", 11: "float64"}
_CHOICES = ("onnxruntime", "openvino-float32", "openvino-bfloat16")
# What is measured against each other; the first of them answers first, and whenever the others fail.
_CANDIDATES = {"auto": _CHOICES, "onnxruntime": _CHOICES[:1], "openvino": _CHOICES[1:]}


@dataclass(frozen=True)
class Port:
    """An input or output: its name, NumPy's name of its type ("" for one NumPy has not), and its shape, where None is a side
    that may be anything; None for a shape that the file does not tell."""

    name: str
    dtype: str
    shape: tuple[int | None, ...] | None


class Runner:
    """A loaded model. Called with NumPy arrays by name, gives its outputs, in their order, as NumPy arrays.

    inputs, outputs: what it takes and gives. metadata: what the file says of itself. label: its name, for messages.
    device: where it runs: cpu, cuda, coreml or directml. backend: what runs it now: onnxruntime, openvino-float32 or
    openvino-bfloat16. seconds: of one run of each backend, where they have just been measured, else empty.

    Sizes may change from call to call. It may be called from several threads. Made by `open_model`.
    """

    def __init__(self, model: _Model, device: str, threads: int, backend: str) -> None:
        self.inputs, self.outputs, self.metadata, self.label = model.inputs, model.outputs, model.metadata, model.label
        self.seconds: dict[str, float] = {}
        self._model, self._threads, self._asked = model, threads or cores(), backend
        self._lock = threading.Lock()
        self.device = _device(device, backend)
        self._open_question = self.device == "cpu" and (backend == "openvino" or (backend == "auto" and _has_openvino()))
        self.backend = "openvino-float32" if backend == "openvino" else "onnxruntime"
        if self._open_question and isinstance(choice := _read_choices().get(self._key), str) and choice in _CANDIDATES[backend]:
            self.backend, self._open_question = choice, False
        try:
            self._run = self._opened(self.backend)
        except (SettingError, WeightsError, MissingExtra) as error:
            if device == "auto" and self.device != "cpu":  # it is installed, but not so that it starts
                self.device = "cpu"
                self._run = self._opened(self.backend)
            else:
                self.backend = self._next_best(error)
                self._run = self._opened(self.backend)

    @property
    def settled(self) -> bool:
        """Whether it is known what runs it; until then another backend may answer the next call."""
        return not self._open_question

    def __call__(self, /, **arrays: Array) -> tuple[Array, ...]:
        """Run. arrays: one for each input, of a shape that fits it; converted to its type.

        Raises SettingError for inputs that do not fit; WeightsError where the model cannot be run on them; AtelierError, and neither of
        those, where there is not the memory for it.
        """
        given = self._fitting(arrays)
        try:
            answer = self._run(given)
        except WeightsError as error:
            backend = self._next_best(error)
            run = self._opened(backend)
            answer = run(given)  # where this fails too it is the input's fault, and nothing changes
            self.backend, self._run = backend, run
        with self._lock:
            question, self._open_question = self._open_question, False
        if question:
            self._measure()
        return tuple(answer)

    def _next_best(self, error: Exception) -> str:
        """What to run on where the present backend fails: OpenVINO has fewer operations than ONNX Runtime. Raises the error
        where there is nothing else."""
        first = _CANDIDATES[self._asked][0]
        if self.backend == first:
            raise error
        return first

    def _fitting(self, arrays: Mapping[str, Array]) -> dict[str, Array]:
        names = [port.name for port in self.inputs]
        if set(arrays) != set(names):
            raise SettingError(f"{self.label} takes {', '.join(names) or 'nothing'}, not {', '.join(arrays) or 'nothing'}")
        given = {}
        for port in self.inputs:
            array = np.asarray(arrays[port.name])
            if port.shape is not None and not (
                array.ndim == len(port.shape) and all(side in (None, got) for side, got in zip(port.shape, array.shape, strict=True))
            ):
                shape = " × ".join("any" if side is None else str(side) for side in port.shape)
                raise SettingError(f"{self.label} takes {port.name} of {shape}, not {' × '.join(map(str, array.shape))}")
            given[port.name] = np.asarray(array, port.dtype or None, order="C")
        return given

    def _opened(self, backend: str) -> Run:
        if backend == "onnxruntime":
            return _on_onnxruntime(self._model, self.device, self._threads)
        return _on_openvino(self._model, self._threads, backend.removeprefix("openvino-"))

    # Measuring --------------------------------------------------------------------------------------------------------

    def _measure(self) -> None:
        """Find the fastest backend that agrees with the present one, go on with it, and remember it."""
        until = time.perf_counter() + BUDGET
        before = _read_choices().get(self._key)
        tries = 1 + (before if isinstance(before, int) else 0)
        try:
            example, expected, took = self._example()
        except AtelierError:
            example, expected, took = {}, [], np.inf
        if example is None:
            return  # nothing to measure with, which takes no time to find out again
        if 3 * took > BUDGET * (PATIENCE if tries == TRIES else 1):
            _remember(self._key, self.backend if tries == TRIES else tries)
            return
        runs, seconds = {self.backend: self._run}, {self.backend: took}
        for backend in _CANDIDATES[self._asked][1:]:
            with contextlib.suppress(AtelierError):  # then it takes no part
                run = self._opened(backend)
                if agrees(run(example), expected, ROUGHLY if backend.endswith("bfloat16") else CLOSELY):
                    runs[backend], seconds[backend] = run, np.inf  # its first run, just now, is slower than it will be
        rounds = 0
        while len(runs) > 1 and rounds < 5 and (rounds == 0 or time.perf_counter() < until):
            for backend, run in runs.items():  # in turns, so that what else the machine does is shared
                began = time.perf_counter()
                run(example)
                seconds[backend] = min(seconds[backend], time.perf_counter() - began)
            rounds += 1
        fastest = self.backend
        for backend in runs:
            if seconds[backend] < WORTH * seconds[fastest]:
                fastest = backend
        self.backend, self._run, self.seconds = fastest, runs[fastest], seconds
        _remember(self._key, fastest)

    def _example(self) -> tuple[dict[str, Array] | None, list[Array], float]:
        """Arrays to measure with, what is made of them, and the seconds that took; no arrays where none can be thought of.

        Their shapes are what the file's metadata says (`atelier.example`: JSON, name -> shape); else of a picture, where that is
        the one input: 128 px, or 256 px where that is quick.
        """
        example, answer, took = None, list[Array](), 0.0
        for side in (128, 256):
            if (shapes := self._shapes(side)) is None:
                break
            rng = np.random.default_rng(0)
            example = self._fitting({name: rng.random(shape, np.float32) for name, shape in shapes.items()})
            began = time.perf_counter()
            answer = self._run(example)
            took = time.perf_counter() - began
            if 40 * took > BUDGET or "atelier.example" in self.metadata:
                break
        return example, answer, took

    def _shapes(self, side: int) -> dict[str, tuple[int, ...]] | None:
        try:
            said = json.loads(self.metadata.get("atelier.example", "null"))
            if said is not None:
                shapes = {str(name): tuple(int(n) for n in shape) for name, shape in said.items()}
                return shapes if all(0 < n <= 4096 for shape in shapes.values() for n in shape) else None
        except (ValueError, TypeError, AttributeError):
            return None
        if len(self.inputs) != 1 or self.inputs[0].shape is None or len(self.inputs[0].shape) != 4:
            return None
        (port,) = self.inputs
        assert port.shape is not None
        defaults = (1, side, side, 3) if port.shape[3] == 3 else (1, 3, side, side)
        return {port.name: tuple(default if n is None else n for n, default in zip(port.shape, defaults, strict=True))}

    @property
    def _key(self) -> str:
        """What a choice is remembered for: model, libraries, processor, threads."""
        versions = [_version(name) for name in ("onnxruntime", "openvino")]
        parts = (self._model.digest, *versions, _processor(), str(self._threads), self._asked)
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:40]


def open_model(source: Path | bytes, *, device: str = "auto", threads: int = 0, backend: str = "auto", limit: int = LIMIT) -> Runner:
    """Load a model.

    source: an ONNX file, or its bytes (which may then name no external data). device: auto (cuda or directml where ONNX
    Runtime has them, else cpu), cpu, cuda, cuda:1, directml, coreml or mps (the same). threads: 0 for one a core. backend:
    auto, onnxruntime, or openvino (the processor alone; needs the extra `fast`). limit: bytes it may have.

    Raises SettingError for a device or backend that is not there, MissingExtra for OpenVINO, SourceError for a file that
    cannot be read or is too large, WeightsError for one that is no model that can be run.
    """
    if backend not in BACKENDS:
        raise SettingError(f"--backend {backend}: choose from {', '.join(BACKENDS)}")
    if threads < 0:
        raise SettingError(f"threads must be 0 (one a core) or more, got {threads}")
    return Runner(_read(source, limit), device, threads, backend)


def agrees(found: Sequence[Array], expected: Sequence[Array], bounds: tuple[float, float]) -> bool:
    """Whether outputs are the same but for rounding. bounds: the greatest root mean square of the differences and the greatest
    difference, as shares of the span of what is expected (of its size, where it is flat)."""
    if len(found) != len(expected):
        return False
    for one, other in zip(found, expected, strict=True):
        if one.shape != other.shape or not np.isfinite(np.asarray(one, np.float64)).all():
            return False
        if not other.size:
            continue
        wanted = np.asarray(other, np.float64)
        span = float(np.ptp(wanted)) or float(abs(wanted).max()) or 1.0
        difference = abs(one - wanted) / span
        if not (float(np.sqrt(np.mean(difference**2))) <= bounds[0] and float(difference.max()) <= bounds[1]):
            return False
    return True


# The runtimes ---------------------------------------------------------------------------------------------------------


def _on_onnxruntime(model: _Model, device: str, threads: int) -> Run:
    ort = _onnxruntime()
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    # The arena saves asking the system for the same memory at every run. The pattern, which lays out a whole run in one
    # block, doubles the peak of large pictures, and is made anew for each size.
    options.enable_cpu_mem_arena, options.enable_mem_pattern = True, False
    options.log_severity_level = 4
    options.add_session_config_entry("session.load_model_format", "ONNX")  # its own format is not looked through here
    provider, _ = PROVIDERS.get(device.partition(":")[0], ("CPUExecutionProvider", ""))
    chosen: list[Any] = [(provider, {"device_id": device.partition(":")[2]}) if ":" in device else provider]
    if provider != "CPUExecutionProvider":
        chosen.append("CPUExecutionProvider")  # for what the device cannot do
    try:
        session = ort.InferenceSession(model.handed, options, providers=chosen, enable_fallback=0)
        session.disable_fallback()  # which would print
    except Exception as error:  # ONNX Runtime's own classes, one for each of its codes, under Exception
        raise WeightsError(f"{model.label} cannot be loaded: {_reason(error)}") from error
    if provider not in session.get_providers():
        raise SettingError(f"--device {device}: ONNX Runtime has it but cannot start it (its libraries or driver are missing); use cpu")
    names = [port.name for port in model.outputs]

    def run(arrays: Mapping[str, Array]) -> list[Array]:
        try:
            return [np.asarray(array) for array in session.run(names, dict(arrays))]
        except Exception as error:
            raise _failed(model, error) from error

    return run


def _on_openvino(model: _Model, threads: int, precision: str) -> Run:
    ov = _openvino()
    settings = {
        "PERFORMANCE_HINT": "LATENCY",
        "NUM_STREAMS": "1",
        "INFERENCE_NUM_THREADS": str(threads),
        # Left alone it would take bfloat16 wherever the hardware has it.
        "INFERENCE_PRECISION_HINT": {"float32": "f32", "bfloat16": "bf16"}[precision],
        # Kernels are kept for each size met. By itself it keeps 5000, which in a folder of photos is hundreds of megabytes.
        "CPU_RUNTIME_CACHE_CAPACITY": "256",
    }
    try:
        core = _core(ov)
        if precision == "bfloat16" and "BF16" not in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
            raise WeightsError("this processor has no arithmetic in bfloat16")
        handed = model.handed
        read = core.read_model(handed) if isinstance(handed, str) else core.read_model(model=handed, weights=b"")
        request = core.compile_model(read, "CPU", settings).create_infer_request()
    except WeightsError:
        raise
    except Exception as error:  # RuntimeError mostly; the bindings do not say
        raise WeightsError(f"{model.label} cannot be loaded by OpenVINO: {_reason(error)}") from error
    lock = threading.Lock()  # a request runs once at a time

    def run(arrays: Mapping[str, Array]) -> list[Array]:
        try:
            with lock:
                results = request.infer(dict(arrays), share_inputs=True, share_outputs=False)
                return [np.asarray(results[i]) for i in range(len(model.outputs))]
        except Exception as error:
            raise _failed(model, error) from error

    return run


def _onnxruntime() -> Any:
    fresh = "onnxruntime" not in sys.modules
    try:
        import onnxruntime
    except ImportError as error:
        raise WeightsError(f"ONNX Runtime, which runs networks, cannot be imported ({_reason(error)}): pip install onnxruntime") from error
    if fresh:
        onnxruntime.set_default_logger_severity(4)  # faces speak, libraries do not
    return onnxruntime


def _openvino() -> Any:
    """OpenVINO without its model converter, which at every import reports to its maker over the Internet, and which takes
    more than half of the time that importing takes."""
    converter = "openvino.tools.ovc"
    hidden = "openvino" not in sys.modules and converter not in sys.modules
    if hidden:
        sys.modules[converter] = None  # type: ignore[assignment]  # makes importing it an ImportError, which OpenVINO expects
    try:
        import openvino
    except ImportError as error:
        raise MissingExtra("running networks on OpenVINO", "fast") from error
    finally:
        if hidden:
            del sys.modules[converter]
    return openvino


_cores: list[Any] = []


def _core(ov: Any) -> Any:
    """OpenVINO's `Core`, made once."""
    if not _cores:
        _cores.append(ov.Core())
    return _cores[0]


def _has_openvino() -> bool:
    with contextlib.suppress(ValueError):
        return importlib.util.find_spec("openvino") is not None
    return False


def _device(asked: str, backend: str) -> str:
    device, _, number = {"mps": "coreml"}.get(asked, asked).partition(":")
    if device not in ("auto", "cpu", *PROVIDERS) or (number and (device != "cuda" or not re.fullmatch(r"\d{1,3}", number))):
        raise SettingError(f"--device {asked}: choose from auto, cpu, cuda, cuda:1 (or another number), directml, coreml")
    if device == "cpu" or backend == "openvino":
        if device not in ("auto", "cpu"):
            raise SettingError(f"--backend openvino runs on the processor: leave out --device {asked}")
        return "cpu"
    there = _onnxruntime().get_available_providers()
    if device == "auto":
        # CoreML comes with every ONNX Runtime for the Mac, and compiles a network anew for each size: only for who asks.
        return next((name for name in ("cuda", "directml") if PROVIDERS[name][0] in there), "cpu")
    provider, advice = PROVIDERS[device]
    if provider not in there:
        raise SettingError(f"--device {asked}: this ONNX Runtime cannot use it: {advice}, or choose cpu")
    return f"{device}:{number}" if number else device


def _failed(model: _Model, error: Exception) -> AtelierError:
    if isinstance(error, MemoryError) or re.search(r"bad.?alloc|allocat|out of memory", str(error), re.IGNORECASE):
        return AtelierError(f"there is not enough memory to run {model.label} on a picture of this size: choose a smaller --size or --tile")
    return WeightsError(f"{model.label} cannot be run on this input: {_reason(error)}")


def _reason(error: Exception) -> str:
    """A library's words, as the end of one line."""
    text = " ".join(str(error).split())
    text = re.sub(r"^\[ONNXRuntimeError\] : \d+ : \w+ : ", "", text)
    text = re.sub(r"/\S*/(?=[\w.]+\.(?:cc|cpp|h|hpp)\b)", "", text)  # where its makers built it
    return text if len(text) <= 200 else f"{text[:197]}..."


def cores() -> int:
    """Cores this process may use: real ones where the system tells (two threads of one core share its arithmetic), and no
    more than a container's share."""
    logical = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set(range(os.cpu_count() or 1))
    found = {str(cpu) for cpu in logical}
    with contextlib.suppress(OSError):
        where = Path("/sys/devices/system/cpu")
        found = {(where / f"cpu{cpu}/topology/thread_siblings_list").read_text().strip() for cpu in logical}
    count = len(found)
    with contextlib.suppress(OSError, ValueError):
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        count = min(count, -(-int(quota) // int(period)))  # "max" is no number
    return max(1, count)


# What was measured ----------------------------------------------------------------------------------------------------


def choices_file() -> Path:
    """Where it is remembered what runs a model fastest."""
    from atelier.perception.store import cache_folder

    return cache_folder().parent / "backends.json"


def _read_choices() -> dict[str, str | int]:
    """What runs each model, or how often it was tried in vain to find out."""
    try:
        with choices_file().open("rb") as file:
            choices = json.loads(file.read(1 << 20))
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(choices, dict):
        return {}
    return {key: choice for key, choice in choices.items() if choice in (*_CHOICES, *range(1, TRIES))}


def _remember(key: str, choice: str | int) -> None:
    choices = _read_choices()
    choices.pop(key, None)
    choices[key] = choice
    text = json.dumps(dict(list(choices.items())[-REMEMBERED:]), indent=1)
    path = choices_file()
    with contextlib.suppress(OSError):  # no cache: then it is measured again
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, beside = tempfile.mkstemp(".part", ".backends-", path.parent)
        try:
            with os.fdopen(handle, "w") as file:
                file.write(text)
            Path(beside).replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                Path(beside).unlink()
            raise


def _version(package: str) -> str:
    from importlib import metadata as packages  # takes longer than all else here

    try:
        return packages.version(package)
    except packages.PackageNotFoundError:  # onnxruntime-gpu goes by another name
        return str(getattr(sys.modules.get(package), "__version__", ""))


def _processor() -> str:
    with contextlib.suppress(OSError):  # a name like "AMD EPYC" says little: what it can do belongs to it
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return "\n".join(dict.fromkeys(line for line in lines if line.startswith(("model", "flags", "Features", "CPU part"))))
    return platform.processor()


# Files ----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Model:
    """A model that has been looked through. handed: what runtimes get: bytes, or the path where there is external data."""

    label: str
    handed: bytes | str
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    metadata: Mapping[str, str]
    digest: str


@dataclass
class _Outline:
    """What is found in a model while it is looked through. external: where data beside it is said to be."""

    inputs: list[Port] = field(default_factory=list)
    outputs: list[Port] = field(default_factory=list)
    constants: set[str] = field(default_factory=set)
    metadata: dict[str, str] = field(default_factory=dict)
    external: set[str] = field(default_factory=set)


def _read(source: Path | bytes, limit: int) -> _Model:
    if isinstance(source, bytes):
        label, data, path = "the model", source, None
    else:
        path = Path(source)
        label, data = path.name, _bytes(path, limit)
    if len(data) > limit:
        raise SourceError(f"{label} has more than {limit:,} bytes, the limit for models")
    outline = _looked_through(data, label)
    inputs = tuple(port for port in outline.inputs if port.name not in outline.constants)
    digest = hashlib.sha256(data)
    handed: bytes | str = data
    if outline.external:
        handed = str(path)
        size = len(data)
        for file in sorted({_beside(path, location, label) for location in outline.external}):
            size += file.stat().st_size
            digest.update(f"{file.name} {file.stat().st_size} {file.stat().st_mtime_ns}".encode())
        if size > limit:
            raise SourceError(f"{label} has, with the data beside it, more than {limit:,} bytes, the limit for models")
    return _Model(label, handed, inputs, tuple(outline.outputs), outline.metadata, digest.hexdigest())


def _bytes(path: Path, limit: int) -> bytes:
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


def _beside(path: Path | None, location: str, label: str) -> Path:
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


def _looked_through(data: bytes, label: str) -> _Outline:
    """The outline of a model. Raises WeightsError for what is none."""
    _refuse_others(data, label)
    outline = _Outline()
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


def _find_external(data: memoryview, outline: _Outline, label: str) -> None:
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
