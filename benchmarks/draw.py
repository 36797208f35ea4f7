"""Drawing against fogleman/primitive's procedure, side by side: the time to its score, and the score in its time.

    python benchmarks/draw.py [--photos kodim03,...] [--counts 100,1000]

For each photo and number of triangles (working size 256, opacity 1/2, all cores for both):

plain     primitive.py: the published procedure, pixel by pixel
same      the same procedure (16 climbs, best of 1000, age 100, one shape a round, no refinement) on atelier's kernels; for up
          to 100 shapes
default   `atelier draw` as it comes: its time to the plain way's score with as many shapes, and where it ends
timed     `atelier draw --time`, given the plain way's seconds; only where the default, which takes a part of them, ends less than
          5 % better

Everything is compiled before anything is timed. The plain way takes a minute or so for 1000 shapes of one photo.
"""

from __future__ import annotations

import os
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

import machine
import pairs
from atelier.engines.primitives.engine import DrawEngine
from atelier.engines.primitives.sketch import Effort, Sketch
from atelier.image import Image, fit, resize
from atelier.media import open_still
from atelier.progress import Progress
from atelier.request import DrawSettings
from primitive import Primitive

WORK_SIZE = 256
ALL = "02,03,05,07,08,10,11,13,15,16,18,21,23,24"


def plain(photo: Image, counts: list[int], threads: int) -> dict[int, tuple[float, float]]:
    """Number of shapes -> (seconds, score) of the published procedure, in one run."""
    target = (resize(photo, fit(photo.size, WORK_SIZE)).pixels * 255).round().astype(np.uint8)
    model, out = Primitive(target, threads), {}
    with ThreadPoolExecutor(threads) as pool:
        began = time.perf_counter()
        while model.count < max(counts):
            model.step(pool)
            if model.count in counts:
                out[model.count] = time.perf_counter() - began, model.score
    return out


def same(photo: Image, count: int, threads: int) -> tuple[float, float]:
    """The same search on atelier's kernels: (seconds, score)."""
    small = resize(photo, fit(photo.size, WORK_SIZE)).pixels
    target = np.dstack([small, np.ones(small.shape[:2], np.float32)])
    r, g, b = (round(float(c) * 255) for c in small.mean((0, 1)))
    effort = Effort(climbs=16, tries=1000, stride=1, age=100, together=2.0)
    with ThreadPoolExecutor(threads) as pool:
        began = time.perf_counter()
        sketch = Sketch(
            target, np.ones(small.shape[:2], np.float32), (r, g, b), 128 / 255, np.zeros((0, 3), np.float32), ["triangle"], (4, 64), 0, pool
        )
        while len(sketch.marks) < count:
            sketch.grow(effort, 1)
        return time.perf_counter() - began, sketch.score


def ours(photo: Image, settings: DrawSettings, count: int, score: float = 0.0) -> tuple[float, float, float]:
    """(seconds to `score` with `count` shapes, or infinity; seconds in all; score in the end)."""
    reached = float("inf")
    began = time.perf_counter()

    def watch(progress: Progress) -> None:
        nonlocal reached
        if progress.step >= count and progress.losses["score"] <= score and reached == float("inf"):
            reached = time.perf_counter() - began

    drawing = DrawEngine(settings)(photo, report=watch)
    return reached, time.perf_counter() - began, drawing.score


def main() -> None:
    options = pairs.parser(__doc__ or "")
    options.add_argument("--photos", default=",".join(f"kodim{n}" for n in ALL.split(",")))
    options.add_argument("--counts", default="100,1000", help="numbers of triangles")
    arguments = options.parse_args()
    if arguments.quick:
        arguments.photos, arguments.counts = "kodim23", "10,20"
    pairs.ready(arguments)
    folder = pairs.needed(arguments)
    about = machine.introduce()
    threads = os.cpu_count() or 1
    counts = [int(n) for n in arguments.counts.split(",")]
    warm = Image(np.random.default_rng(0).random((32, 48, 3), np.float32))
    plain(warm, [1], threads), same(warm, 1, threads), ours(warm, DrawSettings(count=9), 9)  # compiled, or out of the cache
    rows: list[dict[str, Any]] = []
    for name in arguments.photos.split(","):
        photo = open_still(pairs.find(folder, "photos", name))
        base = plain(photo, counts, threads)
        for count in counts:
            seconds, score = base[count]
            same_seconds, same_score = same(photo, count, threads) if count <= 100 else (float("nan"), float("nan"))
            reached, whole, end = ours(photo, DrawSettings(count=count), count, score)
            timed_seconds, timed = whole, end
            if end > 0.95 * score or whole > seconds:
                _, timed_seconds, timed = ours(photo, DrawSettings(count=count, time=seconds), count)
            rows.append({
                "photo": name, "shapes": count, "plain_s": seconds, "plain_score": score, "same_s": same_seconds, "same_score": same_score,
                "default_s": whole, "default_score": end, "reached_s": reached, "times_faster_to_score": seconds / reached,
                "timed_s": timed_seconds, "timed_score": timed, "better_in_equal_time": 1 - timed / score,
            })  # fmt: skip
            print({k: round(v, 4) if isinstance(v, float) else v for k, v in rows[-1].items()}, flush=True)
            pairs.write(arguments, "draw", about, rows)
    columns = ("photo", "shapes", "plain s", "score", "same search s", "score", "default s", "score", "s to plain's score", "times faster",
               "score in its time or less", "better by")  # fmt: skip
    cells = [
        (
            r["photo"], str(r["shapes"]), f"{r['plain_s']:.2f}", f"{r['plain_score']:.4f}", f"{r['same_s']:.2f}", f"{r['same_score']:.4f}",
            f"{r['default_s']:.2f}", f"{r['default_score']:.4f}", f"{r['reached_s']:.2f}", f"{r['times_faster_to_score']:.1f}",
            f"{r['timed_score']:.4f}", f"{r['better_in_equal_time']:.1%}",
        )
        for r in rows
    ]  # fmt: skip
    print(pairs.markdown(columns, cells))
    for count in counts:
        chosen = [r for r in rows if r["shapes"] == count]
        faster, better = [r["times_faster_to_score"] for r in chosen], [r["better_in_equal_time"] for r in chosen]
        print(
            f"{count} shapes, {len(chosen)} photos: to the plain way's score {statistics.median(faster):.1f} times as fast "
            f"(least {min(faster):.1f}); "
            f"in its time {statistics.median(better):.1%} better (least {min(better):.1%})"
        )


if __name__ == "__main__":
    pairs.run(main)
