"""A network in an ONNX file, called with arrays: run without torch, on ONNX Runtime or, where that is faster, on OpenVINO.

**The same picture from the same command.** All is computed in float32, unless bfloat16 is asked for by name. Which of ONNX Runtime
and OpenVINO is faster depends on model and machine, so it is measured before the first answer and remembered: every answer on
one machine comes from one of them. They differ by rounding, under half a level of 255.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from atelier.engines.network import measuring
from atelier.engines.network.backends import BFLOAT16, ONNXRUNTIME, OPENVINO, Array, Run, choose_device, cores, has_openvino, load
from atelier.engines.network.onnx_file import LIMIT, Model, read_model
from atelier.errors import MissingExtra, SettingError, WeightsError

BACKENDS = ("auto", ONNXRUNTIME, OPENVINO, BFLOAT16)


class Runner:
    """A loaded model. Called with NumPy arrays by name, gives its outputs, in their order, as NumPy arrays.

    inputs, outputs: what it takes and gives. metadata: what the file says of itself. label: its name, for messages.
    device: where it runs: cpu, cuda, coreml or directml. backend: what runs it, with its precision: onnxruntime, openvino or
    openvino-bfloat16; it may change with the first call and no more. seconds: of one run of each backend, where they were measured
    by this call, else empty.

    Sizes may change from call to call. It may be called from several threads. Made by `open_model`.
    """

    def __init__(self, model: Model, device: str, threads: int, backend: str) -> None:
        self.inputs, self.outputs, self.metadata, self.label = model.inputs, model.outputs, model.metadata, model.label
        self.seconds: dict[str, float] = {}
        self._model, self._threads, self._asked = model, threads or cores(), backend
        self._lock = threading.Lock()
        self.device = choose_device(device, backend)
        self.backend = ONNXRUNTIME if backend == "auto" else backend
        self._measured = not (backend == "auto" and self.device == "cpu" and has_openvino())
        if not self._measured and (choice := measuring.recall(self._key)):
            self.backend, self._measured = choice, True
        try:
            self._run = self._load(self.backend)
        except (SettingError, WeightsError, MissingExtra) as error:
            if device == "auto" and self.device != "cpu":  # it is installed, but not so that it starts
                self.device = "cpu"
            else:
                self.backend = self._next_best(error)
            self._run = self._load(self.backend)

    def __call__(self, /, **arrays: Array) -> tuple[Array, ...]:
        """Run. arrays: one for each input, of a shape that fits it; converted to its type.

        Raises SettingError for inputs that do not fit; WeightsError where the model cannot be run on them; AtelierError, and neither of
        those, where there is not the memory for it.
        """
        given = self._fit(arrays)
        self.settle()
        try:
            return tuple(self._run(given))
        except WeightsError as error:
            backend = self._next_best(error)
            run = self._load(backend)
            answer = tuple(run(given))  # where this fails too it is the input's fault, and nothing changes
            self.backend, self._run = backend, run
            return answer

    def settle(self) -> None:
        """Find out which backend runs it, where that is open; the first call does it otherwise."""
        with self._lock:
            if not self._measured:
                self._measure()
                self._measured = True

    def _load(self, backend: str) -> Run:
        return load(self._model, backend, self.device, self._threads)

    def _next_best(self, error: Exception) -> str:
        """What to run on where the present backend fails: OpenVINO has fewer operations than ONNX Runtime. Raises the error
        where there is nothing else."""
        if self._asked != "auto" or self.backend == ONNXRUNTIME:
            raise error
        return ONNXRUNTIME

    def _fit(self, arrays: Mapping[str, Array]) -> dict[str, Array]:
        """The arrays in the types that the model takes. Raises SettingError."""
        names = [port.name for port in self.inputs]
        if set(arrays) != set(names):
            raise SettingError("arrays", f"{self.label} takes {', '.join(names) or 'nothing'}, not {', '.join(arrays) or 'nothing'}")
        given = {}
        for port in self.inputs:
            array = np.asarray(arrays[port.name])
            if port.shape is not None and not (
                array.ndim == len(port.shape) and all(side in (None, got) for side, got in zip(port.shape, array.shape, strict=True))
            ):
                shape = " × ".join("any" if side is None else str(side) for side in port.shape)
                raise SettingError("arrays", f"{self.label} takes {port.name} of {shape}, not {' × '.join(map(str, array.shape))}")
            given[port.name] = np.asarray(array, port.dtype or None, order="C")
        return given

    # Measuring --------------------------------------------------------------------------------------------------------

    def _measure(self) -> None:
        """Find the faster backend, go on with it, and remember it."""
        if not measuring.can_remember():
            return
        loaders = {ONNXRUNTIME: lambda: self._run, OPENVINO: lambda: self._load(OPENVINO)}
        backend, run, seconds = measuring.fastest(ONNXRUNTIME, loaders, self._examples())
        if choice := measuring.recall(self._key):  # another process was quicker, and has begun to paint
            backend, run = choice, run if choice == backend else self._load(choice)
        else:
            measuring.remember(self._key, backend)
        self.backend, self._run, self.seconds = backend, run, seconds

    def _examples(self) -> Iterator[dict[str, Array]]:
        """What to measure with: arrays of the shapes that the file's metadata says (`atelier.example`: JSON, name -> shape), else
        pictures of 128 and 256 px, where that is the one input; nothing where none can be thought of."""
        example = "atelier.example" in self.metadata
        for side in (128,) if example else (128, 256):
            if shapes := self._shapes_told() if example else self._shapes_of_pictures(side):
                rng = np.random.default_rng(0)
                yield self._fit({name: rng.random(shape, np.float32) for name, shape in shapes.items()})

    def _shapes_told(self) -> dict[str, tuple[int, ...]]:
        try:
            example = json.loads(self.metadata["atelier.example"])
            shapes = {str(name): tuple(int(n) for n in shape) for name, shape in example.items()}
        except (ValueError, TypeError, AttributeError):
            return {}
        return shapes if all(0 < n <= 4096 for shape in shapes.values() for n in shape) else {}

    def _shapes_of_pictures(self, side: int) -> dict[str, tuple[int, ...]]:
        if len(self.inputs) != 1 or self.inputs[0].shape is None or len(self.inputs[0].shape) != 4:
            return {}
        (port,) = self.inputs
        assert port.shape is not None
        defaults = (1, side, side, 3) if port.shape[3] == 3 else (1, 3, side, side)
        return {port.name: tuple(default if n is None else n for n, default in zip(port.shape, defaults, strict=True))}

    @property
    def _key(self) -> str:
        return measuring.key_of(self._model, self._threads)


def open_model(source: Path | bytes, *, device: str = "auto", threads: int = 0, backend: str = "auto", limit: int = LIMIT) -> Runner:
    """Load a model.

    source: an ONNX file, or its bytes (which may then name no external data). device: auto (cuda or directml where ONNX
    Runtime has them, else cpu), cpu, cuda, cuda:1, directml, coreml or mps (the same). threads: 0 for one a core. backend: auto,
    onnxruntime, or openvino and openvino-bfloat16 (the processor alone; both need the extra `fast`). limit: bytes it may have.

    Raises SettingError for a device or backend that is not there, MissingExtra for OpenVINO, SourceError for a file that
    cannot be read or is too large, WeightsError for one that is no model that can be run.
    """
    if backend not in BACKENDS:
        raise SettingError("backend", f"choose from {', '.join(BACKENDS)}", backend)
    if threads < 0:
        raise SettingError("threads", "must be 0 (one a core) or more", threads)
    return Runner(read_model(source, limit), device, threads, backend)
