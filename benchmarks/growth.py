"""How time and memory grow with the picture, and that tiles change nothing.

    python benchmarks/growth.py [--sizes 256,512,1024,2048,4096] [--iterations 3] [--plot FILE.png]
    python benchmarks/growth.py --tiles [--size 1024] [--iterations 20]

`atelier stylize` is run as a process for each size and network: seconds from start to file, peak of its memory, and seconds an
iteration from its log. --tiles paints the same picture whole and in tiles, and compares; it also compares the very first gradients, which
no optimiser has had a chance to drive apart.
"""

from __future__ import annotations

import argparse
import json
import math
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as Pillow

import machine
import pairs
from atelier.engines.guide import Sample
from atelier.engines.optimize.engine import OptimizeEngine
from atelier.engines.optimize.objective import Objective
from atelier.engines.optimize.recipes import recipe
from atelier.engines.optimize.samples import scale
from atelier.engines.optimize.tiles import tiles
from atelier.image import Image
from atelier.request import Settings, override

WHOLE = 100_000
"""A tile that any picture here fits in."""


def painted(photo: Path, painting: Path, size: int, features: str, given: dict[str, Any], folder: Path) -> dict[str, Any]:
    """One run of the command line."""
    log = folder / "log.jsonl"
    command = [*machine.atelier_command(), "stylize", str(photo), "--style", str(painting), "--out", str(folder / "out.png"), "--quiet"]
    command += ["--size", str(size), "--log", str(log), *pairs.flags({**given, "features": features})]
    done = machine.measured(command)
    # The iterations of the full size are the last in the log; those before have sizes of their own.
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    last = [line["seconds"] for line in lines if line["stage"] == lines[-1]["stage"]]
    step = float(np.median(np.diff(last))) if len(last) > 1 else None
    width, height = Pillow.open(folder / "out.png").size
    return {
        "features": features, "size": size, "megapixels": width * height / 1e6, "seconds": done["seconds"], "step": step,
        "peak_mib": done["peak_mib"],
    }  # fmt: skip


def grow(arguments: argparse.Namespace) -> list[dict[str, Any]]:
    photo, painting = pairs.one_pair(arguments)
    networks = [name for name in arguments.features.split(",") if name != "vgg19" or pairs.vgg(required=False)]
    given = {"iterations": arguments.iterations, **pairs.parse_settings(arguments.set)}
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        Pillow.fromarray(photo.to_array()).save(folder / "photo.png")
        Pillow.fromarray(painting.to_array()).save(folder / "painting.png")
        for features in networks:
            for size in map(int, arguments.sizes.split(",")):
                rows.append(painted(folder / "photo.png", folder / "painting.png", size, features, given, folder))
                row = rows[-1]
                print(f"{features} at {size} px: {row['seconds']:.1f} s, {row['peak_mib']:.0f} MiB", flush=True)
    return rows


def plot(rows: list[dict[str, Any]], file: Path) -> None:
    """Seconds an iteration and peak memory over the long side, both axes logarithmic."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import NullLocator

    figure = Figure(figsize=(8.4, 3.4), layout="constrained")
    for panel, key, title in zip(figure.subplots(1, 2), ("step", "peak_mib"), ("seconds an iteration", "peak memory, MiB"), strict=True):
        for name in dict.fromkeys(row["features"] for row in rows):
            points = [(row["size"], row[key]) for row in rows if row["features"] == name and row[key]]
            if points:
                panel.plot(*zip(*points, strict=True), marker="o", label=name)
        panel.set(title=title, xlabel="long side, px", xscale="log", yscale="log")
        ticks = sorted({row["size"] for row in rows})
        panel.set_xticks(ticks, [str(tick) for tick in ticks])
        panel.xaxis.set_minor_locator(NullLocator())
        panel.grid(alpha=0.3)
        panel.legend()
    figure.savefig(file, dpi=120)


def psnr(a: Image, b: Image) -> float:
    """Decibels between two pictures in [0, 1]; infinity where they are the same."""
    error = float(np.mean((a.pixels.astype(np.float64) - b.pixels) ** 2))
    return 10 * math.log10(1 / error) if error else math.inf


def gradients_differ(engine: OptimizeEngine, content: Image, tile: int) -> float:
    """|g_tiles - g_whole| / |g_whole| of the gradient at the photo."""
    settings = engine.settings
    photo, network = engine.tensor(content.pixels), engine.networks[settings.features]
    sample, exemplar = engine.samples[0]
    model = scale(exemplar, settings, sample, max(content.size), 1.0)
    whole, cut = (Objective(network, settings, photo, [model], side)(0.5 * photo + 0.25)[0] for side in (0, tile))
    return float((cut - whole).norm() / whole.norm())


def compare_tiles(arguments: argparse.Namespace) -> list[dict[str, Any]]:
    photo, painting = pairs.one_pair(arguments)
    content, style = pairs.sized(photo, arguments.size), painting.flat()
    height, width = content.shape
    rows = []
    # What is paid once in a process is paid here.
    pairs.paint(OptimizeEngine([Sample(style)], Settings(iterations=1), "cpu", 0), pairs.sized(photo, 64))
    for features in arguments.features.split(","):
        if features == "vgg19" and not pairs.vgg(required=False):
            continue
        for precision in ("float32", "auto"):
            given = {
                "features": features,
                "precision": precision,
                "iterations": arguments.iterations,
                **pairs.parse_settings(arguments.set),
            }
            settings: Settings = override(recipe("default").settings, given)
            pictures, seconds = [], []
            for side in (WHOLE, arguments.tile):
                engine = OptimizeEngine([Sample(style)], override(settings, {"tile": side}), "cpu", 0)
                began = time.perf_counter()
                pictures.append(pairs.paint(engine, content))
                seconds.append(time.perf_counter() - began)
            difference = gradients_differ(engine, content, arguments.tile)
            rows.append(
                {
                    "features": features, "precision": precision, "tiles": len(tiles(height, width, arguments.tile)),
                    "psnr": psnr(*pictures), "gradient": difference, "whole_seconds": seconds[0], "tiled_seconds": seconds[1],
                }
            )  # fmt: skip
            print(f"{features}, {precision}: {rows[-1]['psnr']:.1f} dB", flush=True)
    return rows


def main() -> None:
    options = pairs.parser(__doc__ or "")
    options.add_argument("--sizes", default="256,512,1024,2048,4096", help="long sides, px")
    options.add_argument("--features", default="pocket,vgg19")
    options.add_argument("--iterations", type=int, help="at the full size (default: 3, for --tiles 20)")
    options.add_argument("--set", action="append", default=[], metavar="NAME=VALUE,...", help="further settings")
    options.add_argument("--plot", type=Path, metavar="FILE", help="draw both curves: .png, .svg or .pdf")
    options.add_argument("--tiles", action="store_true", help="compare tiled with whole instead")
    options.add_argument("--size", type=int, default=1024, help="of --tiles: long side, px")
    options.add_argument("--tile", type=int, default=384, help="of --tiles: side of a tile, px")
    arguments = options.parse_args()
    if arguments.quick:
        arguments.sizes, arguments.iterations, arguments.size, arguments.tile = "64,128", 2, 192, 64
    arguments.iterations = arguments.iterations or (20 if arguments.tiles else 3)
    pairs.ready(arguments)
    about = machine.introduce()
    if arguments.tiles:
        rows = compare_tiles(arguments)
        shown = [tuple(row.values()) for row in rows]
        title = f"tiles of {arguments.tile} px against the whole picture, {arguments.size} px, {arguments.iterations} iterations"
        pairs.table(title, ("network", "precision", "tiles", "PSNR, dB", "gradient differs by", "whole s", "tiled s"), shown)
        pairs.write(arguments, "growth-tiles", about, rows)
        return
    rows = grow(arguments)
    columns = ("network", "long side", "megapixels", "seconds", "seconds an iteration", "peak MiB")
    pairs.table(f"atelier stylize, {arguments.iterations} iterations", columns, [tuple(row.values()) for row in rows])
    if arguments.plot:
        plot(rows, arguments.plot)
        print(f"drawn: {arguments.plot}")
    pairs.write(arguments, "growth", about, rows)


if __name__ == "__main__":
    pairs.run(main)
