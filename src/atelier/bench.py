"""The source paper's table of seconds, measured on this machine: its traditional method and its implemented one beside ours.

The paper times square pictures of 256, 512 and 1024 px, painted by optimisation (traditional) and by its own program
(implemented). Here the first is `optimize` with the default recipe, from opened pictures to the painted one; the second is `instant`:
warm, from an opened photo to the painted one by an engine that has been built, and cold, from the start of a process to the file.
"""

from __future__ import annotations

import datetime
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from importlib import metadata as packages
from pathlib import Path
from typing import Any

import numpy as np

from atelier import run
from atelier.engines.network.backends import cores
from atelier.engines.network.kind import KIND as NETWORK
from atelier.engines.optimize.kind import KIND as OPTIMIZE
from atelier.engines.optimize.recipes import recipe
from atelier.errors import AtelierError, Cancelled, SettingError
from atelier.image import Image, resize
from atelier.image.value import Pixels
from atelier.media import open_still, write_still
from atelier.progress import Progress, Report, silent
from atelier.request import Request, Style

Clock = Callable[[], float]


@dataclass(frozen=True)
class Published:
    """Seconds a picture in the source paper."""

    traditional: float
    implemented: float


PAPER: Mapping[int, Published] = {256: Published(5.4, 5.0), 512: Published(15.1, 14.7), 1024: Published(30.5, 28.6)}
"""Side of the square picture, px -> what the paper has for it."""
SIZES, QUICK_SIZES = tuple(PAPER), (32, 64)
SMALLEST, LARGEST = 16, 8192
MOST_RUNS = 1000
QUICK_SETTINGS = {"iterations": 2, "warm_iterations": 0, "coarse_iterations": 1}
COMMAND = (sys.executable, "-m", "atelier")
"""How a process of atelier is started."""
PACKAGES = ("torch", "onnxruntime", "openvino", "numpy")
# The optimiser tells every iteration; in the bar it counts for as many steps as it may take longer than a network's run.
WHOLE_OF_OPTIMISING = 10


@dataclass(frozen=True)
class Plan:
    """What to measure. sizes: sides of the square pictures, px. photo: a picture's source, empty for one made up. style: a
    painting's source or a style's name, empty for a painting made up. runs: of the network, warm and cold; the optimiser, whose one
    run is dozens of like iterations, runs once a size. quick: few iterations, which shows that it works and measures nothing.

    Raises SettingError.
    """

    sizes: Sequence[int] = SIZES
    photo: str = ""
    style: str = ""
    runs: int = 5
    quick: bool = False
    device: str = "auto"
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.sizes:
            raise SettingError("sizes", "`sizes` is empty: write 256,512,1024")
        for size in self.sizes:
            if isinstance(size, bool) or not isinstance(size, int) or not SMALLEST <= size <= LARGEST:
                raise SettingError("sizes", f"must be whole numbers from {SMALLEST} to {LARGEST}, as 256,512,1024", str(size))
        if len(set(self.sizes)) < len(self.sizes):
            raise SettingError("sizes", "one is there twice", ",".join(map(str, self.sizes)))
        if isinstance(self.runs, bool) or not isinstance(self.runs, int) or not 1 <= self.runs <= MOST_RUNS:
            raise SettingError("runs", f"must be from 1 to {MOST_RUNS}", self.runs)


def parse_sizes(text: str) -> tuple[int, ...]:
    """`256,512` to numbers. Raises SettingError."""
    try:
        return tuple(int(part) for part in text.split(",") if part.strip())
    except ValueError:
        raise SettingError("sizes", "must be whole numbers, as 256,512,1024", text) from None


@dataclass
class Row:
    """Seconds of every run at one size; empty where there was none. iterations: of the optimiser, over all its scales."""

    size: int
    optimize: list[float] = field(default_factory=list)
    iterations: int = 0
    network: list[float] = field(default_factory=list)
    cold: list[float] = field(default_factory=list)

    @property
    def paper(self) -> Published | None:
        return PAPER.get(self.size)

    @property
    def ratios(self) -> dict[str, float | None]:
        """Of medians: how many times as long the former takes as the latter. None where one of them is not known."""
        paper = self.paper
        traditional, implemented = (paper.traditional, paper.implemented) if paper else (None, None)
        optimize, network, cold = (middle(each) for each in (self.optimize, self.network, self.cold))
        return {
            "paper_traditional_to_optimize": ratio(traditional, optimize), "paper_implemented_to_network": ratio(implemented, network),
            "paper_implemented_to_cold": ratio(implemented, cold), "optimize_to_network": ratio(optimize, network),
            "optimize_to_cold": ratio(optimize, cold),
        }  # fmt: skip

    def to_dict(self) -> dict[str, Any]:
        def told(seconds: list[float]) -> dict[str, Any] | None:
            return {"seconds": seconds, "median": middle(seconds), "least": min(seconds)} if seconds else None

        optimize = told(self.optimize)
        return {
            "size": self.size, "paper": vars(self.paper) if self.paper else None,
            "optimize": {**optimize, "iterations": self.iterations} if optimize else None,
            "network": told(self.network), "cold": told(self.cold), "ratios": self.ratios,
        }  # fmt: skip


@dataclass
class Result:
    """What was measured. rows: in the order of the sizes, as far as it came. notes: why a column is empty. network: which body painted,
    and what ran it. optimizer: what that ran on. plain_iterations: of the recipe that is Gatys et al.'s own way. finished: False where
    it was stopped."""

    plan: Plan
    machine: dict[str, Any]
    rows: list[Row] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    network: dict[str, str] = field(default_factory=dict)
    optimizer: dict[str, str] = field(default_factory=dict)
    plain_iterations: int = 0
    finished: bool = False
    when: str = ""

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        plan = self.plan
        return {
            "program": "atelier bench", "when": self.when, "machine": self.machine, "photo": plan.photo or "made up",
            "style": plan.style or "made up", "runs": plan.runs, "quick": plan.quick, "device": plan.device, "seed": plan.seed,
            "recipe": "default", "plain_iterations": self.plain_iterations, "network": self.network, "optimizer": self.optimizer,
            "rows": [row.to_dict() for row in self.rows], "notes": self.notes, "finished": self.finished,
        }  # fmt: skip


def measure(plan: Plan, *, report: Report = silent, clock: Clock = time.perf_counter, command: Sequence[str] = ()) -> Result:
    """Measure. A report that raises Cancelled ends it with what there is; a column that cannot be measured is left empty, with a note.

    clock: seconds. command: how to start atelier for the cold runs, COMMAND if empty. Raises SourceError and ImageError for photo
    and style, and where nothing at all can be measured, the first reason.
    """
    photo = square(open_still(plan.photo).flat() if plan.photo else made_up(min(max(plan.sizes), 1024), plan.seed))
    style = run.open_style(plan.style) if plan.style else made_up(512, plan.seed + 1)
    plain = recipe("gatys").settings.iterations
    when = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    bench = Bench(plan, photo, style, report, clock, command or COMMAND, Result(plan, machine(), plain_iterations=plain, when=when))
    try:
        bench()
    except Cancelled:
        return bench.result
    if bench.failures and not any(row.optimize or row.network or row.cold for row in bench.result.rows):
        raise bench.failures[0]
    bench.result.finished = True
    return bench.result


@dataclass
class Bench:
    """A measurement on its way. result: what there is of it."""

    plan: Plan
    photo: Image
    painting: run.Painting
    report: Report
    clock: Clock
    command: Sequence[str]
    result: Result
    failures: list[AtelierError] = field(default_factory=list)
    done: int = 0

    def __call__(self) -> None:
        columns = {"the network": self.network, "the network from start to file": self.cold, "the optimiser": self.optimize}
        for size in self.plan.sizes:
            row = Row(size)
            self.result.rows.append(row)
            content = resize(self.photo, (size, size))
            for name, column in list(columns.items()):
                try:
                    column(row, content)
                except Cancelled:
                    raise
                except AtelierError as error:
                    del columns[name]  # the next size would fare no better
                    self.failures.append(error)
                    self.result.notes.append(f"{name} was not measured: {error}")

    def open(self, content: Image, engine: str, settings: Mapping[str, Any] = {}) -> run.Job:
        """The job of painting an opened picture; its engine is that of the picture before, if that was the same."""
        plan, values = self.plan, run.Values()
        styles = (Style(values.name(self.painting)),)
        request = Request("stylize", values.name(content), styles, settings=settings, seed=plan.seed, device=plan.device, engine=engine)
        return run.open(request, values, self.session)

    @cached_property
    def session(self) -> run.Session:
        return run.Session()

    def told(self, stage: str, ahead: int = 0) -> None:
        total = len(self.plan.sizes) * (1 + 2 * self.plan.runs + WHOLE_OF_OPTIMISING)
        self.report(Progress("measuring", min(self.done + ahead, total), total, subject=stage))

    def step(self, stage: str, count: int = 1) -> None:
        self.done += count
        self.told(stage)

    def timed(self, work: Callable[[], Any]) -> float:
        began = self.clock()
        work()
        return self.clock() - began

    def network(self, row: Row, content: Image) -> None:
        stage = f"{row.size} px, network"
        job = self.open(content, NETWORK.name)
        list(job.frames())  # loads what is loaded late, and may settle which backend is faster
        self.step(stage)
        for _ in range(self.plan.runs):
            row.network.append(self.timed(lambda: list(job.frames())))
            self.step(stage)
        self.result.network = dict(getattr(job.engine, "about", {}))

    def cold(self, row: Row, content: Image) -> None:
        """From the start of a process to the file. The files it reads are in the system's memory by then, from the engine's use of them."""
        stage = f"{row.size} px, network from start to file"
        with tempfile.TemporaryDirectory(prefix="atelier-bench-") as name:
            folder = Path(name)
            photo, out = folder / "photo.jpg", folder / "out.jpg"
            write_still(content, photo, quality=95)
            style = self.plan.style
            if not style:
                assert isinstance(self.painting, Image)
                style = str(folder / "painting.jpg")
                write_still(self.painting, style, quality=95)
            words = [*self.command, "stylize", str(photo), "--style", style, "--engine", NETWORK.name, "--out", str(out), "--quiet"]
            words += ["--device", self.plan.device, "--seed", str(self.plan.seed)]
            for _ in range(self.plan.runs):
                ended: list[subprocess.CompletedProcess[str]] = []
                took = self.timed(lambda: ended.append(subprocess.run(words, capture_output=True, text=True, check=False)))  # noqa: B023
                self.told(stage)  # Ctrl-C stops the process too, and that is no failure of its own
                if ended[0].returncode:
                    last = ended[0].stderr.strip().splitlines()[-1:] or [f"it ended with {ended[0].returncode}"]
                    raise AtelierError(last[0].removeprefix("atelier: "))
                row.cold.append(took)
                self.step(stage)

    def optimize(self, row: Row, content: Image) -> None:
        stage = f"{row.size} px, optimiser"
        stopped, count, counting = False, 0, False

        def inner(progress: Progress) -> None:
            nonlocal stopped, count
            if progress.losses:
                count = progress.step
            try:
                self.told(stage, WHOLE_OF_OPTIMISING * progress.step // progress.of if counting and progress.of else 0)
            except Cancelled:
                stopped = True
                raise

        def paint(picture: Image, given: Mapping[str, Any]) -> None:
            self.session.close()
            list(self.open(picture, OPTIMIZE.name, given).frames(inner))
            if stopped:  # the engine answers with the picture so far, but its time is not the whole's
                raise Cancelled

        if row is self.result.rows[0]:  # a little one first, so that importing PyTorch is no part of it
            paint(resize(content, (SMALLEST, SMALLEST)), QUICK_SETTINGS)
        counting = True
        took = self.timed(lambda: paint(content, QUICK_SETTINGS if self.plan.quick else {}))
        row.optimize.append(took)
        row.iterations = count
        self.result.optimizer = {"device": processor(self.plan.device)}
        self.step(stage, WHOLE_OF_OPTIMISING)


def middle(seconds: Sequence[float]) -> float | None:
    return statistics.median(seconds) if seconds else None


def ratio(longer: float | None, shorter: float | None) -> float | None:
    return longer / shorter if longer is not None and shorter else None


# The machine ----------------------------------------------------------------------------------------------------------


def machine() -> dict[str, Any]:
    """What a measurement is of: cpu, its cores that may be used, memory_gib, versions (None of what is not installed), and load, the mean
    number of running processes in the last minute, before the measurement. Imports nothing heavy."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    memory = memory_bytes()
    return {
        "cpu": names[0] if names else platform.processor() or platform.machine(), "cores": cores(),
        "memory_gib": round(memory / 2**30, 1) if memory else None, "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(), **{name: version(name) for name in ("atelier", *PACKAGES)},
        "load": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
    }  # fmt: skip


def processor(device: str) -> str:
    """What the optimiser runs on where it is told `device`: cpu, mps, or a GPU's own name."""
    import torch

    from atelier.engines.optimize.device import choose_device

    found = choose_device(device)
    return torch.cuda.get_device_name(found) if found.startswith("cuda") else found


def memory_bytes() -> int | None:
    """Memory that this process may use: the machine's, or a container's share of it. None where the system does not tell."""
    found: int | None = None
    with suppress(ValueError, OSError, AttributeError):
        found = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    with suppress(OSError, ValueError):
        share = int(Path("/sys/fs/cgroup/memory.max").read_text())  # "max" is no number
        found = min(found, share) if found else share
    return found


def version(package: str) -> str | None:
    try:
        return packages.version(package)
    except packages.PackageNotFoundError:
        return None


# Pictures made up -----------------------------------------------------------------------------------------------------


def square(image: Image) -> Image:
    """The middle of a picture, as wide as high."""
    side = min(image.size)
    left, top = (image.size[0] - side) // 2, (image.size[1] - side) // 2
    return Image(np.ascontiguousarray(image.pixels[top : top + side, left : left + side]))


def made_up(side: int, seed: int = 0) -> Image:
    """A square picture with the statistics of photos, since none ships: discs of all sizes that hide each other, numbers falling with the
    cube of the radius, which gives edges at all scales (the dead leaves of Lee, Mumford & Huang 2001), each with a texture whose
    spectrum falls with the frequency (Field 1987). The same for the same seed."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:side, :side].astype(np.float32) / side
    pixels: Pixels = np.empty((side, side, 3), np.float32)
    pixels[:] = 0.35 + 0.4 * y[:, :, None] * np.array([0.6, 0.8, 1.0], np.float32)
    smallest, largest = 0.02, 0.4
    for share in rng.random(300):  # from the back to the front; 1/r² is even between the squares' inverses
        radius = (share * smallest**-2 + (1 - share) * largest**-2) ** -0.5
        centre, colour, slope = rng.random(2), rng.uniform(0.08, 0.92, 3), rng.uniform(-0.3, 0.3, 2)
        low = np.floor((centre - radius) * side).astype(int).clip(0, side)
        high = np.ceil((centre + radius) * side + 1).astype(int).clip(0, side)
        window = slice(low[1], high[1]), slice(low[0], high[0])
        dx, dy = x[window] - centre[0], y[window] - centre[1]
        cover = ((radius - np.hypot(dx, dy)) * side).clip(0, 1)[:, :, None]
        shade = 1 + (dx * slope[0] + dy * slope[1])[:, :, None] / radius
        pixels[window] += cover * (colour * shade - pixels[window])
    frequency = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None])
    frequency[0, 0] = np.inf
    grain = np.fft.irfft2(np.fft.rfft2(rng.standard_normal((side, side))) / frequency, (side, side))
    return Image((pixels + 0.06 * (grain / grain.std())[:, :, None].astype(np.float32)).clip(0, 1).astype(np.float32))
