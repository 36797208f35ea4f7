"""The networks that ship beside their peers: seconds a picture in one process, then from the start of a process to the file.

    python benchmarks/instant.py [--sizes 512,1024,720p] [--repeats 5] [--style NAME] [--models DIR] [--large] [--only networks,whole]

The peers are architectures with random weights, whose numbers do not matter for time: Johnson et al. 2016 as PyTorch's own
example has it, and MicroAST (Wang et al. 2023), both eager in float32 under inference_mode, tensor to tensor. Ours run on each
backend through the engine as it ships, from pixels to pixels: recolouring, thumbnail and margins are inside; for any painting also what
is read off painting and photo. MicroAST is given its painting at the size at which ours reads it, and reads it in every run as well.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import machine
import pairs
import startup
from atelier import bench
from atelier.engines.engine import Frame
from atelier.engines.guide import Sample
from atelier.engines.network import catalogue, engine
from atelier.engines.network.engine import STYLE_SIDE, InstantEngine
from atelier.errors import MissingExtra, SettingError
from atelier.image import Image, resize
from atelier.media import write_still
from atelier.request import InstantSettings
from atelier.run import open_style

SIZES = {"720p": (1280, 720), "1080p": (1920, 1080), "8k": (7680, 4320)}
SHIPPED, ANY = "shipped styles", "any painting"
FILES = {SHIPPED: ("styles.onnx", "styles.safetensors"), ANY: ("painter.onnx", "reader.onnx")}
BACKENDS = ("onnxruntime", "openvino")
PARTS = ("networks", "whole")

Take = Callable[[], Any]

# The peers ------------------------------------------------------------------------------------------------------------


def reflected(inputs: int, outputs: int, side: int, stride: int = 1, groups: int = 1) -> nn.Conv2d:
    """A convolution as both peers have it: padded by reflection, with a bias."""
    return nn.Conv2d(inputs, outputs, side, stride, side // 2, groups=groups, padding_mode="reflect")


class JohnsonBlock(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.convs = nn.ModuleList(reflected(channels, channels, 3) for _ in range(2))
        self.norms = nn.ModuleList(nn.InstanceNorm2d(channels, affine=True) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.norms[1](self.convs[1](F.relu(self.norms[0](self.convs[0](x)))))


class Johnson(nn.Sequential):
    """Johnson et al. 2016 in the form of pytorch/examples (fast_neural_style): 9x9 ends, 32-64-128 channels, five residual blocks,
    affine instance normalisation (Ulyanov et al. 2016), nearest neighbours upwards. 1,679,235 weights."""

    def __init__(self) -> None:
        def layer(inputs: int, outputs: int, side: int, stride: int = 1) -> list[nn.Module]:
            return [reflected(inputs, outputs, side, stride), nn.InstanceNorm2d(outputs, affine=True), nn.ReLU()]

        super().__init__(
            *layer(3, 32, 9), *layer(32, 64, 3, 2), *layer(64, 128, 3, 2), *(JohnsonBlock(128) for _ in range(5)),
            nn.Upsample(scale_factor=2), *layer(128, 64, 3), nn.Upsample(scale_factor=2), *layer(64, 32, 3), reflected(32, 3, 9),
        )  # fmt: skip


class Modulated(nn.Module):
    """MicroAST's residual block; w and b (1, C, 1, 1), where given, scale each convolution's result and add so much of its input."""

    def __init__(self, channels: int = 64) -> None:
        super().__init__()
        self.first, self.second = reflected(channels, channels, 3), reflected(channels, channels, 3)

    def forward(self, x: Tensor, w: Tensor | None = None, b: Tensor | None = None) -> Tensor:
        if w is None or b is None:
            return x + self.second(F.relu(self.first(x)))
        y = F.relu(w * self.first(x) + b * x)
        return x + w * self.second(y) + b * y


class MicroEncoder(nn.Module):
    """Features at 1/4 of the resolution (1, 64, H/4, W/4), after one residual block and after two."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = [reflected(3, 16, 9), nn.ReLU()]
        for channels in (16, 32):
            layers += [reflected(channels, 2 * channels, 3, 2, groups=channels), nn.ReLU()]
            layers += [reflected(2 * channels, 2 * channels, 1), nn.ReLU()]
        self.low = nn.Sequential(*layers, Modulated())
        self.high = Modulated()

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        low = self.low(x)
        return low, self.high(low)


class MicroAST(nn.Module):
    """MicroAST (Wang et al. 2023) as its authors published it, slim factor 1: encoders of photo and painting, a modulator, and a
    decoder with AdaIN (Huang & Belongie 2017) before each of its modulated blocks. 471,987 weights."""

    def __init__(self) -> None:
        super().__init__()
        self.photo, self.painting = MicroEncoder(), MicroEncoder()
        self.signals = nn.ModuleList(nn.Sequential(reflected(64, 64, 3, groups=64), nn.AdaptiveAvgPool2d(1)) for _ in range(4))
        self.blocks = nn.ModuleList(Modulated() for _ in range(2))
        layers: list[nn.Module] = []
        for channels in (32, 16):
            layers += [nn.Upsample(scale_factor=2, mode="bilinear"), reflected(2 * channels, channels, 3, groups=channels), nn.ReLU()]
            layers += [reflected(channels, channels, 1), nn.ReLU()]
        self.out = nn.Sequential(*layers, reflected(16, 3, 9))

    def forward(self, photo: Tensor, painting: Tensor) -> Tensor:
        styles = self.painting(painting)
        low, high = (tuple(signal(style) for signal in self.signals[at : at + 2]) for at, style in zip((0, 2), styles, strict=True))
        x = self.blocks[0](adain(self.photo(photo)[1], styles[1]), *high)
        return self.out(self.blocks[1](adain(x, styles[0]), *low))


def adain(x: Tensor, like: Tensor) -> Tensor:
    """x with the means and deviations of another's channels."""
    (variance, mean), (wanted, centre) = (torch.var_mean(each, (2, 3), keepdim=True) for each in (x, like))
    return (x - mean) / (variance + 1e-5).sqrt() * (wanted + 1e-5).sqrt() + centre


# Ours -----------------------------------------------------------------------------------------------------------------


def missing(body: str) -> list[str]:
    """Those of a body's files that are not there."""
    return [str(path) for name in FILES[body] if not (path := engine.models_folder() / name).is_file()]


def ours(content: Image, painting: Image, style: str) -> Iterator[tuple[str, Take, Callable[[], str]]]:
    """Each of our bodies on each backend: its name, a run, and what then tells the backend to the letter. Says what is skipped."""
    for body in FILES:
        if absent := missing(body):
            print(f"skipped: {body}: {' and '.join(absent)} not there")
            continue
        for backend in BACKENDS:
            settings = InstantSettings(backend=backend)
            try:
                if body == SHIPPED:
                    made = InstantEngine([Sample(open_style(style or next(iter(catalogue.shipped()))))], settings, "cpu")
                    take = painted(made, content)
                else:
                    made = InstantEngine([Sample(painting)], settings, "cpu")
                    take = read_and_painted(made, content, painting)
            except MissingExtra as error:
                print(f"skipped: {body}, {backend}: {error}")
                continue
            yield f"{body}, {backend}", take, precisely(made)


def painted(made: InstantEngine, content: Image) -> Take:
    return lambda: made(Frame.of(content))


def read_and_painted(made: InstantEngine, content: Image, painting: Image) -> Take:
    return lambda: painted(InstantEngine([Sample(painting)], made.settings, "cpu", models=made.model), content)()


def precisely(made: InstantEngine) -> Callable[[], str]:
    return lambda: str(made.brushes[0].painter.runner.backend)


# The networks, side by side -------------------------------------------------------------------------------------------


def networks(size: tuple[int, int], arguments: argparse.Namespace) -> dict[str, Any]:
    """Seconds of every network at one size (width, height), in turns, every other round backwards."""
    content = resize(bench.make_up(min(1024, max(size))), size)
    painting = bench.make_up(STYLE_SIDE if not arguments.quick else 64, 1)
    photo, style = pairs.tensor(content), pairs.tensor(painting)
    torch.manual_seed(0)
    johnson, micro = Johnson().eval(), MicroAST().eval()
    works: dict[str, Take] = {"Johnson": lambda: johnson(photo), "MicroAST": lambda: micro(photo, style)}
    backends: dict[str, Callable[[], str]] = {}
    for name, take, precise in ours(content, painting, arguments.style):
        works[name], backends[name] = take, precise
    seconds: dict[str, list[float]] = {name: [] for name in works}
    with torch.inference_mode():
        for work in [*works.values()] * 2:  # the second run after the backend has been settled
            work()
        for round_ in range(arguments.repeats):
            order = list(works)[:: -1 if round_ % 2 else 1]
            for name, took in machine.in_turn({name: works[name] for name in order}, 1, warm=0).items():
                seconds[name] += took
    rows = {
        name: {
            "backend": backends[name]() if name in backends else "torch float32", "median": machine.median(each), "least": min(each),
            "fps": 1 / machine.median(each), "seconds": each,
            **{f"of_{peer.lower()}": machine.median(each) / machine.median(seconds[peer]) for peer in ("Johnson", "MicroAST")},
        }
        for name, each in seconds.items()
    }  # fmt: skip
    pairs.table(
        f"{size[0]} x {size[1]}", ("network", "on", "median s", "least s", "pictures/s", "÷ Johnson", "÷ MicroAST"),
        [(n, r["backend"], r["median"], r["least"], r["fps"], share(r["of_johnson"]), share(r["of_microast"])) for n, r in rows.items()],
    )  # fmt: skip
    return rows


def share(ratio: float) -> str:
    """A ratio as people say it: 1/20 for 0.05."""
    return f"1/{1 / ratio:.1f}" if ratio < 1 else f"{ratio:.2f}"


# From the start of a process to the file ------------------------------------------------------------------------------


def launch(models: Path | None) -> list[str]:
    """How to start the command line, with networks from another folder where one was named."""
    if models is None:
        return [sys.executable, "-m", "atelier"]
    code = (
        "from pathlib import Path\nfrom atelier.engines.network import catalogue, engine\n"
        f"folder = Path({str(models.resolve())!r})\nfor module in (catalogue, engine):\n    module.models_folder = lambda: folder\n"
        "from atelier.cli import main\nmain()"
    )
    return [sys.executable, "-c", code]


def whole(arguments: argparse.Namespace) -> dict[str, Any]:
    """`atelier stylize photo.jpg --style painting.jpg`: seconds with files in memory and from the disk, imports, peak memory."""
    if absent := missing(ANY):
        print(f"skipped: from start to file: {' and '.join(absent)} not there")
        return {}
    side = 64 if arguments.quick else 1024
    found: dict[str, Any] = {"size": side}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        photo, painting = folder / "photo.jpg", folder / "painting.jpg"
        write_still(resize(bench.make_up(side), (side * 3 // 2, side)), photo)
        write_still(bench.make_up(side, 1), painting)

        def words(source: Path, size: int) -> list[str]:
            return ["stylize", str(source), "--style", str(painting), "--size", str(size), "--out", str(folder / "out.jpg"), "--quiet"]

        command = [*launch(arguments.models), *words(photo, side)]
        machine.measured(command)  # the first of all settles the backend, once for this machine
        machine.measured(command)
        runs = [machine.measured(command) for _ in range(arguments.repeats)]
        found["warm"], found["warm_peak_mib"] = [run["seconds"] for run in runs], max(run["peak_mib"] for run in runs)
        if hasattr(os, "posix_fadvise"):
            found["cold"], found["forgotten_mib"] = [], 0.0
            for _ in range(min(3, arguments.repeats)):
                found["forgotten_mib"] = forget() / 2**20
                found["cold"].append(machine.measured(command)["seconds"])
        else:
            print("skipped: from start to file with cold files: this system has no posix_fadvise")
        found["imports"] = imports(arguments.models, words(photo, side))
        if arguments.large:
            width, height = (512, 288) if arguments.quick else SIZES["8k"]
            write_still(resize(bench.make_up(1024), (width, height)), photo, quality=95)
            found["large"] = {"size": (width, height)} | machine.measured([*launch(arguments.models), *words(photo, width)])
    rows = [
        (f"{label}, {side} px", machine.median(found[key]), min(found[key]), len(found[key]))
        for key, label in (("warm", "files in memory"), ("cold", "files from the disk"))
        if key in found
    ]
    pairs.table("atelier stylize photo.jpg --style painting.jpg, process start to file", ("what", "median s", "least s", "runs"), rows)
    if "cold" in found:
        print(
            f"From the disk: the system was asked to forget {found['forgotten_mib']:,.0f} MiB of files of this Python and its packages; "
            "it keeps those that another process has open, so on a busy machine this is less than cold."
        )
    top = [(each["module"], each["own_ms"]) for each in found["imports"]["slowest"]]
    pairs.table(f"imports on the way, {found['imports']['seconds']:.2f} s in all", ("module", "own ms"), top)
    if "large" in found:
        print(f"{width} x {height}: {found['large']['seconds']:.1f} s, peak {found['large']['peak_mib']:,.0f} MiB")
    return found


def forget() -> int:
    """Ask the system to drop what it keeps in memory of the files of this Python, its packages and our models; bytes of these files."""
    import numpy

    folders = {Path(os.__file__).parent, Path(numpy.__file__).parent.parent, Path(bench.__file__).parent, engine.models_folder()}
    size = 0
    for path in (path for folder in folders for path in folder.rglob("*")):
        # torch is not read on this way, and is most of the bytes
        if path.suffix == ".py" or "torch" in path.parts or path.is_symlink() or not path.is_file():
            continue
        with path.open("rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        size += path.stat().st_size
    return size


def imports(models: Path | None, words: Sequence[str]) -> dict[str, Any]:
    """Seconds that importing takes in the whole of a run, late imports included, and the ten slowest modules.

    The sum of the modules' own times as Python tells them, which tell somewhat more than without being asked; the best of three. Outside
    of it are the modules that Python itself starts with.
    """
    command = launch(models)
    command = [command[0], "-X", "importtime", *command[1:], *words]
    own = set(startup_modules())
    best: list[tuple[str, float]] = []
    for _ in range(3):
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        lines = (startup.IMPORTED.match(line) for line in done.stderr.splitlines())
        told = [(m[4], int(m[1]) / 1e3) for m in lines if m and m[4] not in own]
        if not best or sum(ms for _, ms in told) < sum(ms for _, ms in best):
            best = told
    slowest = sorted(best, key=lambda each: -each[1])[:10]
    return {"seconds": sum(ms for _, ms in best) / 1e3, "slowest": [{"module": name, "own_ms": ms} for name, ms in slowest]}


def startup_modules() -> list[str]:
    return [name for name, _, _ in startup.slowest("pass", rows=1000)]


# What was aimed at ----------------------------------------------------------------------------------------------------


def targets(by_size: dict[str, dict[str, Any]], found: dict[str, Any]) -> list[dict[str, Any]]:
    """Every aim that could be looked at: what, measured, aim, met. Of our backends the faster counts, as it does for users."""
    rows: list[dict[str, Any]] = []

    def add(what: str, value: float, aim: float, shown: Callable[[float], str], more: bool = False) -> None:
        told = {"what": what, "measured": shown(value), "aim": ("at least " if more else "at most ") + shown(aim), "value": value}
        rows.append({**told, "met": bool(value > aim if more else value <= aim)})

    def best(size: str, body: str, key: str) -> float | None:
        there = [row[key] for name, row in by_size.get(size, {}).items() if name.startswith(body)]
        return min(there, default=None)

    for body, aim in ((SHIPPED, 1 / 10), (ANY, 1 / 5)):
        if (value := best("1024", body, "of_johnson")) is not None:
            add(f"{body}, 1024 x 1024, of Johnson's time", value, aim, share)
    for body in FILES:
        if (value := best("720p", body, "median")) is not None:
            add(f"{body}, 720p, pictures a second", 1 / value, 10, lambda v: f"{v:.1f}", more=True)
    if found:
        add(f"process start to file, {found['size']} px, files in memory, s", machine.median(found["warm"]), 1.5, lambda v: f"{v:.2f}")
        if "cold" in found:
            add(f"process start to file, {found['size']} px, from the disk, s", machine.median(found["cold"]), 1.5, lambda v: f"{v:.2f}")
        add("imports of such a run, s", found["imports"]["seconds"], 0.4, lambda v: f"{v:.2f}")
        if "large" in found:
            label = f"peak memory at {' x '.join(map(str, found['large']['size']))}, GiB"
            add(label, found["large"]["peak_mib"] / 1024, 3, lambda v: f"{v:.2f}")
    return rows


def size_of(text: str) -> tuple[int, int]:
    """`1024` or `720p` to (width, height). Raises SettingError."""
    if text in SIZES:
        return SIZES[text]
    if not text.isdigit() or not 16 <= int(text) <= 8192:
        raise SettingError(f"--sizes {text}: must be whole numbers from 16 to 8192, or {', '.join(SIZES)}")
    return int(text), int(text)


def main() -> None:
    options = pairs.parser(__doc__ or "")
    options.add_argument("--sizes", default="512,720p,1024", help="side of a square picture, px, or 720p, 1080p, 8k; several by comma")
    options.add_argument("--repeats", type=int, default=5)
    options.add_argument("--style", default="", help="style by name for the body of shipped styles (default: the first there is)")
    options.add_argument("--models", type=Path, help="folder of the networks, for those in the making (default: those that ship)")
    options.add_argument("--large", action="store_true", help="also paint 7680 x 4320 and say what memory that takes")
    options.add_argument("--only", default=",".join(PARTS), help="networks: in one process; whole: from the start of a process to the file")
    arguments = options.parse_args()
    parts = arguments.only.split(",")
    if unknown := [part for part in parts if part not in PARTS]:
        options.error(f"--only {unknown[0]}: choose from {', '.join(PARTS)}")
    if arguments.repeats < 1:
        options.error("--repeats must be at least 1")
    if arguments.quick:
        arguments.sizes, arguments.repeats = "64,96", 2
    pairs.ready(arguments)
    if arguments.threads and hasattr(os, "sched_setaffinity"):  # ours take a thread for every core they are let
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: arguments.threads])
    if arguments.models is not None:
        if not arguments.models.is_dir():
            options.error(f"--models {arguments.models}: no such folder")
        for module in (catalogue, engine):
            module.models_folder = lambda: arguments.models  # type: ignore[attr-defined]
    about = machine.introduce()
    results: dict[str, Any] = {"networks": {}, "whole": {}}
    if "networks" in parts:
        for text in arguments.sizes.split(","):
            results["networks"][text] = networks(size_of(text.strip()), arguments)
    if "whole" in parts:
        results["whole"] = whole(arguments)
    results["targets"] = targets(results["networks"], results["whole"])
    shown = [(each["what"], each["measured"], each["aim"], "yes" if each["met"] else "NO") for each in results["targets"]]
    if shown:
        pairs.table("what was aimed at", ("what", "measured", "aim", "met"), shown)
    if arguments.quick:
        print("A quick run: these numbers measure nothing.")
    pairs.write(arguments, "instant", about, results)


if __name__ == "__main__":
    pairs.run(main)
