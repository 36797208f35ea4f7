"""The runtimes that run a model on arrays: ONNX Runtime, and OpenVINO where the extra `fast` is installed.

Precision is part of a backend's name, never left to a runtime: float32 unless bfloat16 is asked for. So a picture does not change
with the processor's abilities, with its size, or from one call to the next.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import re
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from atelier.engines.network.onnx_file import Model
from atelier.errors import AtelierError, MissingExtra, SettingError, WeightsError

Array = NDArray[Any]
Run = Callable[[Mapping[str, Array]], list[Array]]
"""Arrays by name to the model's outputs, in their order."""

ONNXRUNTIME, OPENVINO, BFLOAT16 = "onnxruntime", "openvino", "openvino-bfloat16"
"""What can run a model: the first two in float32, OpenVINO in bfloat16 as well. bfloat16 rounds each value to 0.4 %."""
PROVIDERS = {
    "cuda": ("CUDAExecutionProvider", "pip install onnxruntime-gpu in place of onnxruntime"),
    "directml": ("DmlExecutionProvider", "on Windows, pip install onnxruntime-directml in place of onnxruntime"),
    "coreml": ("CoreMLExecutionProvider", "on a Mac, pip install onnxruntime"),
}
"""Device -> ONNX Runtime's name of what runs on it, and what to do where that is missing."""


def load(model: Model, backend: str, device: str, threads: int) -> Run:
    """Load a model into a runtime.

    backend: ONNXRUNTIME, OPENVINO or BFLOAT16. device: as `choose_device` gives it. threads: at least 1.
    Raises WeightsError for a model that the runtime cannot load, SettingError for a device that does not start and for bfloat16
    where the processor has none, MissingExtra where OpenVINO is not installed.
    """
    if backend == ONNXRUNTIME:
        return _on_onnxruntime(model, device, threads)
    return _on_openvino(model, threads, "bfloat16" if backend == BFLOAT16 else "float32")


def _on_onnxruntime(model: Model, device: str, threads: int) -> Run:
    ort = import_onnxruntime()
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
        raise SettingError("device", "ONNX Runtime has it but cannot start it (its libraries or driver are missing); use cpu", device)
    names = [port.name for port in model.outputs]

    def run(arrays: Mapping[str, Array]) -> list[Array]:
        try:
            return [np.asarray(array) for array in session.run(names, dict(arrays))]
        except Exception as error:
            raise _failed(model, error) from error

    return run


def _on_openvino(model: Model, threads: int, precision: str) -> Run:
    ov = import_openvino()
    settings = {
        "PERFORMANCE_HINT": "LATENCY",
        "NUM_STREAMS": "1",
        "INFERENCE_NUM_THREADS": str(threads),
        # Left alone it takes bfloat16 wherever the hardware has it.
        "INFERENCE_PRECISION_HINT": {"float32": "f32", "bfloat16": "bf16"}[precision],
        # Kernels are kept for each size met. By itself it keeps 5000, which in a folder of photos is hundreds of megabytes.
        "CPU_RUNTIME_CACHE_CAPACITY": "256",
    }
    try:
        core = _core(ov)
        if precision == "bfloat16" and "BF16" not in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
            raise SettingError("backend", "this processor has no arithmetic in bfloat16; give openvino", BFLOAT16)
        handed = model.handed
        read = core.read_model(handed) if isinstance(handed, str) else core.read_model(model=handed, weights=b"")
        request = core.compile_model(read, "CPU", settings).create_infer_request()
    except SettingError:
        raise
    except Exception as error:  # RuntimeError mostly; the bindings do not say
        raise WeightsError(f"{model.label} cannot be loaded by OpenVINO: {_reason(error)}") from error
    lock = threading.Lock()  # a request runs once at a time
    unchecked, checked = min(threads, cores()) == 1, set[tuple[tuple[int, ...], ...]]()

    def run(arrays: Mapping[str, Array]) -> list[Array]:
        try:
            with lock:
                # On one thread (seen in 2026.4) shapes that do not go together are not refused: memory beyond the arrays is read.
                if unchecked and (shapes := tuple(array.shape for array in arrays.values())) not in checked:
                    read.reshape(dict(zip(arrays, map(list, shapes), strict=True)))
                    checked.add(shapes)
                results = request.infer(dict(arrays), share_inputs=True, share_outputs=False)
                return [np.asarray(results[i]) for i in range(len(model.outputs))]
        except Exception as error:
            raise _failed(model, error) from error

    return run


def import_onnxruntime() -> Any:
    """ONNX Runtime, silent. Raises WeightsError where it is not there.

    Unless told not to, it leaves a device id and events for its maker in the user's cache, and looks up where to send them. It
    reads this when it is loaded; its `disable_telemetry_events` comes too late.
    """
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    fresh = "onnxruntime" not in sys.modules
    try:
        import onnxruntime
    except ImportError as error:
        raise WeightsError(f"ONNX Runtime, which runs networks, cannot be imported ({_reason(error)}): pip install onnxruntime") from error
    if fresh:
        onnxruntime.set_default_logger_severity(4)  # faces speak, libraries do not
    return onnxruntime


def import_openvino() -> Any:
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


def has_openvino() -> bool:
    """Whether OpenVINO is installed. It is not imported for that."""
    with contextlib.suppress(ValueError):
        return importlib.util.find_spec("openvino") is not None
    return False


def is_here(backend: object) -> bool:
    """Whether something so called can run models on this machine."""
    return backend == ONNXRUNTIME or (backend in (OPENVINO, BFLOAT16) and has_openvino())


def choose_device(asked: str, backend: str) -> str:
    """Where a model runs: cpu, cuda, cuda:1, directml or coreml. asked: one of these, auto, or mps. Raises SettingError for what
    is not there."""
    device, _, number = {"mps": "coreml"}.get(asked, asked).partition(":")
    if device not in ("auto", "cpu", *PROVIDERS) or (number and (device != "cuda" or not re.fullmatch(r"\d{1,3}", number))):
        raise SettingError("device", "choose from auto, cpu, cuda, cuda:1 (or another number), directml, coreml", asked)
    if device == "cpu" or backend in (OPENVINO, BFLOAT16):
        if device not in ("auto", "cpu"):
            raise SettingError("backend", f"`backend` {backend} runs on the processor: leave out `device` {asked}")
        return "cpu"
    there = import_onnxruntime().get_available_providers()
    if device == "auto":
        # CoreML comes with every ONNX Runtime for the Mac, and compiles a network anew for each size: only for who asks.
        return next((name for name in ("cuda", "directml") if PROVIDERS[name][0] in there), "cpu")
    provider, advice = PROVIDERS[device]
    if provider not in there:
        raise SettingError("device", f"this ONNX Runtime cannot use it: {advice}, or choose cpu", asked)
    return f"{device}:{number}" if number else device


def _failed(model: Model, error: Exception) -> AtelierError:
    if isinstance(error, MemoryError) or re.search(r"bad.?alloc|allocat|out of memory", str(error), re.IGNORECASE):
        return AtelierError(f"there is not enough memory to run {model.label} on a picture of this size: choose a smaller `size` or `tile`")
    return WeightsError(f"{model.label} cannot be run on this input: {_reason(error)}")


def _reason(error: Exception) -> str:
    """A library's words, as the end of one line."""
    text = " ".join(str(error).split())
    text = re.sub(r"^\[ONNXRuntimeError\] : \d+ : \w+ : ", "", text)
    text = re.sub(r"/\S*/(?=[\w.]+\.(?:cc|cpp|h|hpp)\b)", "", text)  # where its makers built it
    return text if len(text) <= 200 else f"{text[:197]}..."


def cores() -> int:
    """Cores this process may use: real ones where the system tells (two threads of one core share its arithmetic), and no
    more than a container's share. $ATELIER_THREADS says otherwise, where several processes share them."""
    if (threads := os.environ.get("ATELIER_THREADS", "")).isdecimal():
        return max(1, int(threads))
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
