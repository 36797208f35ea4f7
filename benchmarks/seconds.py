"""What a second buys: the error of what is painted by then, by the trained network, by the optimiser, and by `--seconds`.

    python benchmarks/seconds.py [--photo kodim23] [--painting starry_night] [--times 1,2,4,8,15,30,60] [--plot FILE.png]

In one process whose modules and models are loaded, so that the clock holds what painting costs: the network alone, once; the optimiser
alone (recipe default, coarse to fine, and on at the full size until the last of the times), whose pictures on the way are made outside the
clock; and `seconds=N` for each of the times. The error is that of machine.Judge (VGG-19): style error, and content error times the recipe's
weight of content, so that a picture cannot win by being the photo, nor by losing it.
"""

from __future__ import annotations

import itertools
import math
import time
from pathlib import Path
from typing import Any

import atelier
import machine
import pairs
from atelier.engines.guide import Sample
from atelier.engines.optimize.engine import OptimizeEngine
from atelier.engines.optimize.recipes import recipe
from atelier.errors import Cancelled
from atelier.image import Image
from atelier.media import open_still
from atelier.progress import Progress
from atelier.request import override
from time_to_quality import Clock

COLUMNS = ("way", "seconds", "error", *machine.COLUMNS)
Row = tuple[Any, ...]
"""Of `COLUMNS`."""


def by_optimiser(content: Image, style: Image, times: list[float], **changed: Any) -> list[tuple[float, Image]]:
    """The first picture from each of the times on."""
    settings = override(recipe("default").settled({}), {"iterations": 100_000, **changed})
    clock, waiting = Clock(), sorted(times)
    found: list[tuple[float, Image]] = []

    def keep(progress: Progress) -> None:
        now = clock.read()
        if progress.preview is not None and now >= waiting[0]:
            preview = progress.preview
            clock.stopped(lambda: found.append((now, preview())))
            while waiting and now >= waiting[0]:
                waiting.pop(0)
        if not waiting:
            raise Cancelled

    pairs.paint(OptimizeEngine([Sample(style)], settings, "cpu", 0), content, report=keep)
    return found


def by_both(content: Image, style: Image, seconds: float) -> tuple[float, Image]:
    began = time.perf_counter()
    painted = atelier.stylize(content, style, engine="instant", seconds=seconds, device="cpu")
    return time.perf_counter() - began, painted


def main() -> None:
    options = pairs.parser(__doc__ or "")
    options.add_argument("--photo", default="kodim23")
    options.add_argument("--painting", default="starry_night")
    options.add_argument("--size", type=int, default=512, help="long side, px")
    options.add_argument("--times", default="1,2,4,8,15,30,60", help="seconds, by comma")
    options.add_argument("--plot", type=Path, metavar="FILE", help="draw the curves: .png, .svg or .pdf")
    arguments = options.parse_args()
    if arguments.quick:
        arguments.size, arguments.times = 96, "1,2"
    pairs.ready(arguments)
    folder = pairs.needed(arguments)
    pairs.vgg()
    about = machine.introduce()
    times = [float(text) for text in arguments.times.split(",")]
    content = pairs.sized(open_still(pairs.find(folder, "photos", arguments.photo)), arguments.size)
    style = pairs.sized(open_still(pairs.find(folder, "paintings", arguments.painting)), arguments.size)
    look, weight = machine.Judge(arguments.size), recipe("default").settled({}).content_weight

    def judged(way: str, seconds: float, picture: Image) -> Row:
        found = look(content, style, picture)
        return way, seconds, found.style + weight * found.content, *found.by_name().values()

    for _ in range(2):  # what is paid once in a process, and the choice of a backend
        by_both(content, style, 0)
    by_optimiser(content, style, [1.0], coarse_iterations=2)
    rows = [judged("network", *min((by_both(content, style, 0) for _ in range(3)), key=lambda found: found[0]))]
    rows += [judged("optimiser", *found) for found in by_optimiser(content, style, times)]
    rows += [judged("both", *by_both(content, style, at)) for at in times]
    pairs.table(f"{arguments.photo} x {arguments.painting}, {arguments.size} px", COLUMNS, rows)
    for way in ("network", "optimiser"):
        worst = max((_beaten(rows, row) for row in rows if row[0] == way), default=0.0)
        print(f"both, at the time of {way}'s pictures: its error is at most {worst:.2f} times theirs")
    pairs.write(arguments, "seconds", about, [dict(zip(COLUMNS, row, strict=True)) for row in rows])
    if arguments.plot:
        plot(rows, arguments.plot)


def _beaten(rows: list[Row], alone: Row) -> float:
    """The error of both by the time of a picture of one alone, over that one's; on lines between the times measured."""
    points = sorted((row[1], row[2]) for row in rows if row[0] == "both")
    if alone[1] < points[0][0]:
        return 1.0 if alone[0] == "network" else 0.0  # as early as that, both is the network
    for (a, first), (b, second) in itertools.pairwise(points):
        if a <= alone[1] <= b:
            share = (math.log(alone[1]) - math.log(a)) / (math.log(b) - math.log(a))
            return (first + share * (second - first)) / alone[2]
    return points[-1][1] / alone[2]


def plot(rows: list[Row], file: Path) -> None:
    """Error over time, time as a logarithm."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4), layout="constrained")
    panel = figure.subplots()
    for way, marker in (("network", "s"), ("optimiser", "o"), ("both", "^")):
        points = [(row[1], row[2]) for row in rows if row[0] == way]
        if points:
            panel.plot(*zip(*sorted(points), strict=True), marker=marker, label=way)
    panel.set(xscale="log", xlabel="seconds", ylabel="error")
    panel.grid(alpha=0.3)
    panel.legend()
    figure.savefig(file, dpi=120)


if __name__ == "__main__":
    pairs.run(main)
