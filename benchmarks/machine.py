"""The machine and its yardsticks: what it is, how fast it multiplies, how much memory a piece of work takes, and how close a
picture is to its photo and its painting.

    python benchmarks/machine.py                                  the machine and its matrix products
    python benchmarks/machine.py PHOTO PAINTING PICTURE...        style errors by layer, strokes and content error of pictures
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image as Pillow
from torch import Tensor

import pairs
from atelier import bench
from atelier.image import Image
from atelier.media import open_still
from atelier.perception.network import STYLE_LAYERS, activations, fastest
from atelier.perception.weights import load

CONTENT_LAYER = "conv4_2"

# The machine ----------------------------------------------------------------------------------------------------------


def describe() -> dict[str, Any]:
    """As `atelier bench` tells it, and what PyTorch makes of it."""
    return {**bench.machine(), "threads": torch.get_num_threads(), "bf16": fastest("cpu") == torch.bfloat16}


def introduce() -> dict[str, Any]:
    """Print and return the machine."""
    machine = describe()
    print(", ".join(f"{key} {value}" for key, value in machine.items()))
    if machine["load"] is not None and machine["load"] > 0.5:
        print(f"note: other work is running (load {machine['load']}); trust ratios more than seconds")
    return machine


def times(work: Callable[[], Any], repeats: int, warm: int = 1) -> list[float]:
    """Seconds of each of `repeats` runs, after `warm` that do not count."""
    for _ in range(warm):
        work()
    seconds = []
    for _ in range(repeats):
        began = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - began)
    return seconds


def in_turn(works: Mapping[str, Callable[[], Any]], repeats: int, warm: int = 1) -> dict[str, list[float]]:
    """The same of several, one after the other in every round, so that what else the machine does falls on all alike."""
    seconds: dict[str, list[float]] = {name: [] for name in works}
    for round_ in range(warm + repeats):
        for name, work in works.items():
            (took,) = times(work, 1, warm=0)
            if round_ >= warm:
                seconds[name].append(took)
    return seconds


def gemm_rate(dtype: torch.dtype = torch.float32, side: int = 4096, repeats: int = 5) -> float:
    """FLOP/s of the best of several products of two side x side matrices."""
    a, b = torch.randn(side, side).to(dtype), torch.randn(side, side).to(dtype)
    out = torch.empty(side, side, dtype=dtype)
    return 2.0 * side**3 / min(times(lambda: torch.mm(a, b, out=out), repeats))


# Memory ---------------------------------------------------------------------------------------------------------------

# Runs a command and tells what it took. It is a process of its own, and small, because the peak that the system reports of a
# process is never less than that of the process it was forked from.
_LAUNCHER = """
import json, os, subprocess, sys, time
began = time.perf_counter()
child = subprocess.Popen(sys.argv[2:])
_, status, usage = os.wait4(child.pid, 0)
seconds = time.perf_counter() - began
unit = 1 if sys.platform == "darwin" else 1024
with open(sys.argv[1], "w") as file:
    json.dump({"seconds": seconds, "peak_mib": usage.ru_maxrss * unit / 2**20, "code": os.waitstatus_to_exitcode(status)}, file)
"""


def measured(command: Sequence[str]) -> dict[str, Any]:
    """Run a command: seconds from its start to its end, peak_mib of resident memory (its children's counted), what it printed.

    Raises RuntimeError with its last words where it fails.
    """
    with tempfile.TemporaryDirectory() as folder:
        told = Path(folder) / "told.json"
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-c", _LAUNCHER, str(told), *command], capture_output=True, text=True, check=False
        )
        if not told.exists():
            raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()[-2000:]}")
        result: dict[str, Any] = json.loads(told.read_text())
    if result["code"]:
        raise RuntimeError(f"{' '.join(command)} ended with {result['code']}: {done.stderr.strip()[-2000:]}")
    return {**result, "output": done.stdout}


def fresh(module: str, function: str, **arguments: Any) -> dict[str, Any]:
    """Call a function of a module of this folder in a fresh process: measured(), and `value`, what it returned.

    arguments and value: what JSON can hold.
    """
    code = (
        f"import json, sys; sys.path.insert(0, {str(pairs.HERE)!r}); import {module}\n"
        f"value = {module}.{function}(**json.loads(sys.argv[1]))\n"
        "print(); print(json.dumps(value))"
    )
    result = measured([sys.executable, "-c", code, json.dumps(arguments)])
    return {**result, "value": json.loads(result["output"].splitlines()[-1])}


def atelier_command() -> list[str]:
    """How to start the command line of the package that this Python has."""
    script = Path(sys.executable).with_name("atelier")
    return [str(script)] if script.exists() else [sys.executable, "-m", "atelier"]


# The yardstick --------------------------------------------------------------------------------------------------------

Picture = Image | str | Path


COLUMNS = ("strokes", "style", "content", *STYLE_LAYERS)
"""The numbers of `Errors`, in the order of a table."""


@dataclass(frozen=True)
class Errors:
    """Of one picture. layers: |G - A|² / |A|² of Gram matrices at conv1_1 .. conv5_1. content: |F - P|² / |P|² at conv4_2."""

    layers: tuple[float, ...]
    content: float

    @property
    def strokes(self) -> float:
        """The geometric mean at conv2_1, conv3_1, conv4_1: look here first."""
        return float(np.exp(np.log(np.maximum(self.layers[1:4], 1e-30)).mean()))

    @property
    def style(self) -> float:
        """The arithmetic mean of all layers."""
        return float(np.mean(self.layers))

    def by_name(self) -> dict[str, float]:
        """All numbers, by their names in `COLUMNS`."""
        return dict(zip(COLUMNS, (self.strokes, self.style, self.content, *self.layers), strict=True))

    def __str__(self) -> str:
        layers = " ".join(f"{error:.3f}" for error in self.layers)
        return f"strokes {self.strokes:.4f} ({layers}), style {self.style:.4f}, content {self.content:.4f}"


def mean_errors(errors: Sequence[Errors]) -> dict[str, float]:
    """The mean of each number of several pictures."""
    return {name: float(np.mean([each.by_name()[name] for each in errors])) for name in COLUMNS}


class Judge:
    """How far pictures are from photos and paintings, seen by VGG-19 in float32 (max pooling, zero padding). 0 is the aim.

    Pictures are compared at the photo's size, its long side brought to `size`; the painting's long
    side is `size` as well. What was seen of photos and paintings is kept.
    """

    def __init__(self, size: int = 512) -> None:
        self.size = size
        loaded = load("vgg19")
        self.mean = torch.tensor(loaded.mean).view(1, 3, 1, 1)
        self.weights = {
            name: (torch.from_numpy(w).float().contiguous(memory_format=torch.channels_last), torch.from_numpy(b).float())
            for name, (w, b) in loaded.layers.items()
        }
        self.grams: dict[str, list[Tensor]] = {}
        self.contents: dict[str, tuple[tuple[int, int], Tensor]] = {}

    @torch.inference_mode()
    def __call__(self, content: Picture, style: Picture, picture: Picture) -> Errors:
        """The errors of a picture."""
        shape, wanted = self.content(content)
        seen = self.see(self.opened(picture), shape)
        grams = [gram(seen[layer]) for layer in STYLE_LAYERS]
        errors = tuple(relative(g, a) for g, a in zip(grams, self.style(style), strict=True))
        return Errors(errors, relative(seen[CONTENT_LAYER], wanted))

    def content(self, picture: Picture) -> tuple[tuple[int, int], Tensor]:
        key = "" if isinstance(picture, Image) else str(picture)
        if not key or key not in self.contents:
            pixels = self.opened(picture)
            found = (pixels.shape[2], pixels.shape[3]), self.see(pixels)[CONTENT_LAYER]
            if not key:
                return found
            self.contents[key] = found
        return self.contents[key]

    def style(self, picture: Picture) -> list[Tensor]:
        key = "" if isinstance(picture, Image) else str(picture)
        if not key or key not in self.grams:
            seen = self.see(self.opened(picture))
            found = [gram(seen[layer]) for layer in STYLE_LAYERS]
            if not key:
                return found
            self.grams[key] = found
        return self.grams[key]

    def opened(self, picture: Picture) -> Tensor:
        """(1, 3, H, W) in [0, 1] with a long side of `size`, resized in 8 bits as a file of that size would hold it."""
        image = picture if isinstance(picture, Image) else open_still(picture)
        small = Pillow.fromarray(image.flat().to_array())
        scale = self.size / max(small.size)
        small = small.resize((round(small.width * scale), round(small.height * scale)), Pillow.Resampling.LANCZOS)
        return torch.tensor(np.asarray(small)).permute(2, 0, 1)[None].float() / 255

    def see(self, pixels: Tensor, shape: tuple[int, int] | None = None) -> dict[str, Tensor]:
        if shape is not None and tuple(pixels.shape[2:]) != shape:
            pixels = F.interpolate(pixels, size=shape, mode="bilinear", antialias=True)
        x = (pixels * 255 - self.mean).contiguous(memory_format=torch.channels_last)
        return activations(self.weights, x, (*STYLE_LAYERS, CONTENT_LAYER), "max")


def gram(features: Tensor) -> Tensor:
    """(1, C, H, W) to (C, C), averaged over positions."""
    flat = features[0].flatten(1)
    return flat @ flat.T / flat.shape[1]


def relative(found: Tensor, wanted: Tensor) -> float:
    return float((found - wanted).square().sum() / wanted.square().sum())


def judge(content: Picture, style: Picture, picture: Picture, size: int = 512) -> Errors:
    """The errors of one picture: see Judge, which is the quicker way for several."""
    return Judge(size)(content, style, picture)


def main() -> None:
    options = pairs.parser(__doc__ or "")
    options.add_argument("pictures", nargs="*", metavar="PHOTO PAINTING PICTURE", help="pictures to judge")
    options.add_argument("--size", type=int, default=512, help="long side they are judged at, px")
    arguments = options.parse_args()
    pairs.ready(arguments)
    machine = introduce()
    if arguments.pictures:
        if len(arguments.pictures) < 3:
            options.error("name a photo, a painting and at least one picture")
        pairs.vgg()
        photo, painting, *made = arguments.pictures
        look = Judge(arguments.size)
        judged = {name: look(photo, painting, name) for name in made}
        pairs.table(
            f"relative error at {arguments.size} px", ("picture", *COLUMNS), [(k, *v.by_name().values()) for k, v in judged.items()]
        )
        pairs.write(arguments, "machine", machine, {name: errors.by_name() for name, errors in judged.items()})
        return
    side, repeats = (1024, 3) if arguments.quick else (4096, 5)
    # without the instructions for it bfloat16 is emulated, at a thousandth of the speed
    kinds = (torch.float32, torch.bfloat16) if machine["bf16"] else (torch.float32,)
    rates = {str(kind).removeprefix("torch."): gemm_rate(kind, side, repeats) / 1e9 for kind in kinds}
    idle = fresh("machine", "describe")
    pairs.table(f"products of {side} x {side}", ("type", "GFLOP/s"), list(rates.items()))
    print(f"A process that has only imported torch: {idle['peak_mib']:.0f} MiB, {idle['seconds']:.2f} s")
    pairs.write(arguments, "machine", machine, {"gflops": rates, "idle_mib": idle["peak_mib"], "idle_seconds": idle["seconds"]})


def median(values: Sequence[float]) -> float:
    return statistics.median(values)


if __name__ == "__main__":
    pairs.run(main)
