"""Which runtime is the faster for a model on this machine: measured once, and remembered in the user's cache."""

from __future__ import annotations

import contextlib
import hashlib
import json
import platform
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from atelier.engines.network.backends import ONNXRUNTIME, OPENVINO, Array, Run
from atelier.engines.network.onnx_file import Model
from atelier.errors import AtelierError, OutputError

BUDGET, PATIENCE = 0.8, 4.0
"""Seconds that measuring takes, about, and at the most. A run that has begun is not broken off; where three runs would take longer
than the second, nothing is measured and the first backend stays."""
WORTH = 0.95
"""The share of the first one's time that another must stay under to be chosen: less is noise."""
RUNS = 50
"""Runs of the example, about one photo of 3 megapixels, over which what is slow to load must make up for it: every command loads anew."""
CLOSELY = (1e-4, 2e-3)
"""How far another may be from the first backend's answer: root mean square and greatest difference, as shares of the span of its
values."""
REMEMBERED = 200
"""Choices that are kept, the latest ones."""


def fastest(
    first: str, loaders: Mapping[str, Callable[[], Run]], examples: Iterable[Mapping[str, Array]]
) -> tuple[str, Run, dict[str, float]]:
    """Measure backends against each other: the fastest that agrees with the first, what runs it, and seconds of a run of each.

    loaders: what loads each backend; one that fails takes no part. examples: what to measure with, ever larger; the first at
    least is tried, the next where that was quick.
    """
    runs, load = {first: loaders[first]()}, {first: 0.0}
    try:
        arrays, expected, took = _try_examples(runs[first], examples)
    except AtelierError:
        return first, runs[first], {}
    if arrays is None or 3 * took > PATIENCE:
        return first, runs[first], {}
    until, seconds = time.perf_counter() + BUDGET, {first: took}
    for backend in loaders:
        if backend != first:
            with contextlib.suppress(AtelierError):
                began = time.perf_counter()
                run = loaders[backend]()
                load[backend] = time.perf_counter() - began
                if agrees(run(arrays), expected, CLOSELY):
                    runs[backend], seconds[backend] = run, np.inf  # its first run, just now, is slower than it will be
    rounds = 0
    while len(runs) > 1 and rounds < 5 and (rounds == 0 or time.perf_counter() < until):
        for backend, run in runs.items():  # in turns, so that what else the machine does is shared
            began = time.perf_counter()
            run(arrays)
            seconds[backend] = min(seconds[backend], time.perf_counter() - began)
        rounds += 1
    best = min(seconds, key=lambda backend: load[backend] + RUNS * seconds[backend] * (WORTH if backend == first else 1))
    return best, runs[best], seconds


def _try_examples(run: Run, examples: Iterable[Mapping[str, Array]]) -> tuple[Mapping[str, Array] | None, list[Array], float]:
    """The example to measure with, what is made of it, and the seconds that took."""
    arrays: Mapping[str, Array] | None = None
    answer, took = list[Array](), 0.0
    for arrays in examples:
        began = time.perf_counter()
        answer = run(arrays)
        took = time.perf_counter() - began
        if 40 * took > BUDGET:
            break
    return arrays, answer, took


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


# What was measured ----------------------------------------------------------------------------------------------------


def choices_file() -> Path:
    """Where it is remembered what runs a model fastest."""
    from atelier.perception.store import cache_folder

    return cache_folder().parent / "backends.json"


def key_of(model: Model, threads: int) -> str:
    """What a choice is remembered for: model, libraries, processor, threads."""
    versions = [_version(name) for name in ("onnxruntime", "openvino")]
    parts = (model.digest, *versions, _processor(), str(threads))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:40]


def recall(key: str) -> str | None:
    """The backend remembered for a key."""
    return _read_choices().get(key)


def can_remember() -> bool:
    """Whether there is a cache to write to. Where there is none nothing is measured: the next run might choose otherwise."""
    from atelier.media.files import check_place

    try:
        check_place(choices_file())
    except OutputError:
        return False
    return True


def remember(key: str, choice: str) -> None:
    """Write a choice into the cache. What cannot be written is measured again."""
    from atelier.media.files import atomic_write

    choices = _read_choices()
    choices.pop(key, None)
    choices[key] = choice
    text = json.dumps(dict(list(choices.items())[-REMEMBERED:]), indent=1)
    with contextlib.suppress(OutputError):
        atomic_write(text.encode(), choices_file())


def _read_choices() -> dict[str, str]:
    try:
        with choices_file().open("rb") as file:
            choices = json.loads(file.read(1 << 20))
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(choices, dict):
        return {}
    return {key: choice for key, choice in choices.items() if choice in (ONNXRUNTIME, OPENVINO)}


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
