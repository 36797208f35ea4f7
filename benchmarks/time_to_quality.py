"""How long until the picture is as good as the plain way's after its last iteration.

    python benchmarks/time_to_quality.py [--photos kodim03,kodim15,kodim23] [--paintings starry_night,the_scream]
                                         [--iterations 300] [--set content_weight=0.5,iterations=120] [--objective recipe|same|both]

The plain way (plain.py) runs its iterations; then the recipe paints the same pair on the same network, in the same process. Pictures
on the way are kept outside the clock and looked at afterwards, as 8-bit pictures: the first whose plain loss is no higher than the plain
way's last, and the first whose strokes and content error (machine.Judge) both are no higher. Both clocks hold everything from the
opened pictures on: reading weights, the targets, the iterations.

--objective recipe: the recipe's own losses, with --set to make both aim at the same balance. same: the plain way's very loss
(its scaling, layer weights, alpha and beta, maximum pooling) with the recipe's scales, start, solver and precision.
"""

from __future__ import annotations

import dataclasses
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

import machine
import pairs
import plain
from atelier.engines.guide import Sample
from atelier.engines.optimize.engine import OptimizeEngine
from atelier.engines.optimize.recipes import recipe
from atelier.image import Image
from atelier.media import open_still
from atelier.progress import Progress
from atelier.request import STYLE_LAYERS, Settings, override


@dataclass
class Kept:
    """A picture on the way, (H, W, 3) uint8, and the seconds it took to get there."""

    step: int
    seconds: float
    pixels: np.ndarray[Any, Any]


class Clock:
    """Seconds since it was made, less those spent in `stopped`."""

    def __init__(self) -> None:
        self.began, self.off = time.perf_counter(), 0.0

    def read(self) -> float:
        return time.perf_counter() - self.began - self.off

    def stopped(self, work: Callable[[], None]) -> None:
        began = time.perf_counter()
        work()
        self.off += time.perf_counter() - began


def by_plain(content: Image, style: Image, iterations: int, alpha: float, beta: float, loss: str, every: int) -> list[Kept]:
    """The plain way's pictures, the last one included."""
    kept: list[Kept] = []
    clock = Clock()

    def keep(iteration: int, value: float, picture: torch.Tensor) -> None:
        now = clock.read()
        if iteration and iteration % every == 0:
            clock.stopped(lambda: kept.append(Kept(iteration, now, plain.as_image(picture).to_array())))

    picture = plain.plain(pairs.tensor(content), pairs.tensor(style), iterations, alpha, beta, keep, loss=loss)
    kept.append(Kept(iterations, clock.read(), plain.as_image(picture).to_array()))
    return kept


def by_engine(content: Image, style: Image, settings: Settings, every: int) -> list[Kept]:
    """The engine's pictures, the last one included."""
    kept: list[Kept] = []
    clock = Clock()
    last = [0]

    def keep(progress: Progress) -> None:
        now = clock.read()
        if progress.preview is None:
            return
        last[0] = progress.step
        if progress.step % every == 0:
            preview = progress.preview
            clock.stopped(lambda: kept.append(Kept(progress.step, now, preview().to_array())))

    engine = OptimizeEngine([Sample(style)], settings, "cpu", 0)
    picture = pairs.paint(engine, content, report=keep)
    kept.append(Kept(last[0], clock.read(), picture.to_array()))
    return kept


def same_objective(alpha: float, beta: float, loss: str) -> dict[str, Any]:
    """The settings that make the recipe's total the plain way's."""
    return {
        "normalize": loss, "content_weight": alpha, "style_weight": beta, "content_layers": {plain.CONTENT: 1.0},
        "style_layers": dict.fromkeys(STYLE_LAYERS, 0.2), "pooling": "max", "style_loss": "gram", "shift": 0.0, "chained": False,
        "tv_weight": 0.0, "histogram_weight": 0.0, "style_size": 1.0, "style_fit": "photo",
    }  # fmt: skip


def rated(kept: list[Kept], loss: Callable[[torch.Tensor], float], look: Callable[[Image], machine.Errors]) -> list[dict[str, float]]:
    rows = []
    for each in kept:
        image = Image.from_array(each.pixels)
        rows.append({"step": each.step, "seconds": each.seconds, "loss": loss(pairs.tensor(image)), **look(image).by_name()})
    return rows


def first(rows: list[dict[str, float]], **limits: float) -> float | None:
    """Seconds of the first row that is within all limits."""
    return next((row["seconds"] for row in rows if all(row[name] <= limit for name, limit in limits.items())), None)


def compare(content: Image, style: Image, look: machine.Judge, variants: Mapping[str, Settings], arguments: Any) -> dict[str, Any]:
    """One pair: the plain way and each variant, as rows and as times."""
    every, (alpha, beta) = arguments.every, plain.balance(arguments)
    slow = by_plain(content, style, arguments.iterations, alpha, beta, arguments.loss, max(every, arguments.iterations // 20))
    pictures = {name: by_engine(content, style, settings, every) for name, settings in variants.items()}
    loss = plain.plain_loss(plain.network(), pairs.tensor(content), pairs.tensor(style), alpha, beta, arguments.loss)

    def judged(image: Image) -> machine.Errors:
        return look(content, style, image)

    rows = rated(slow, loss, judged)
    end = rows[-1]
    result: dict[str, Any] = {"plain": {"rows": rows, **end}, "ours": {}}
    for name, kept in pictures.items():
        ours = rated(kept, loss, judged)
        reached = first(ours, loss=end["loss"])
        matched = first(ours, strokes=end["strokes"], content=end["content"])
        result["ours"][name] = {
            "rows": ours, **ours[-1], "to_loss": reached, "to_judge": matched,
            "ratio_loss": end["seconds"] / reached if reached else None, "ratio_judge": end["seconds"] / matched if matched else None,
        }  # fmt: skip
    return result


def warm_up() -> None:
    """What is paid once in a process, paid before the clocks run."""
    small = Image(np.full((48, 64, 3), 0.5, np.float32))
    by_plain(small, small, 1, 1.0, 1.0, "relative", 1)
    by_engine(small, small, override(Settings(), {"features": "vgg19", "iterations": 1}), 1)


def main() -> None:
    options = pairs.parser(__doc__ or "")
    options.add_argument("--photos", default="kodim03,kodim15,kodim23")
    options.add_argument("--paintings", default="starry_night,the_scream")
    options.add_argument("--size", type=int, default=512, help="long side, px")
    options.add_argument("--iterations", type=int, default=300, help="of the plain way")
    plain.add_balance(options)
    options.add_argument("--recipe", default="default")
    options.add_argument("--set", action="append", default=[], metavar="NAME=VALUE,...", help="settings of the recipe")
    options.add_argument("--objective", choices=("recipe", "same", "both"), default="both")
    options.add_argument("--every", type=int, default=5, help="iterations between the pictures that are looked at")
    arguments = options.parse_args()
    if arguments.quick:
        arguments.photos, arguments.paintings, arguments.size, arguments.iterations, arguments.every = "kodim23", "starry_night", 96, 6, 2
    pairs.ready(arguments)
    folder = pairs.needed(arguments)
    pairs.vgg()
    about = machine.introduce()
    alpha, beta = plain.balance(arguments)
    given = {"features": "vgg19", **({"iterations": 6} if arguments.quick else {}), **pairs.parse_settings(arguments.set)}
    own = override(recipe(arguments.recipe).settled(given), given)
    variants = {"recipe": own, "same": dataclasses.replace(own, **same_objective(alpha, beta, arguments.loss))}
    variants = {name: settings for name, settings in variants.items() if arguments.objective in (name, "both")}
    columns = ("pair", "way", "seconds", "loss", *machine.COLUMNS, "to its loss, s", "ratio", "to its judge, s", "ratio")
    look = machine.Judge(arguments.size)
    warm_up()
    results, table = {}, []
    for photo in arguments.photos.split(","):
        for painting in arguments.paintings.split(","):
            content = pairs.sized(open_still(pairs.find(folder, "photos", photo)), arguments.size)
            style = pairs.sized(open_still(pairs.find(folder, "paintings", painting)), arguments.size)
            found = results[f"{photo} x {painting}"] = compare(content, style, look, variants, arguments)
            end = found["plain"]
            shown = ("seconds", "loss", *machine.COLUMNS)
            rows = [(f"{photo} x {painting}", "plain", *(end[key] for key in shown), None, None, None, None)]
            for name, r in found["ours"].items():
                times = r["to_loss"], r["ratio_loss"], r["to_judge"], r["ratio_judge"]
                rows.append(("", name, *(r[key] for key in shown), *times))
            table += rows
            pairs.table("so far", columns, rows)
            pairs.write(arguments, "time_to_quality", about, results)
    pairs.table(f"time to the plain way's quality after {arguments.iterations} iterations, {arguments.size} px", columns, table)
    for name in variants:
        for what, kind in (("plain loss", "ratio_loss"), ("judge's strokes and content", "ratio_judge")):
            ratios = [r["ours"][name][kind] for r in results.values()]
            reached = [ratio for ratio in ratios if ratio is not None]
            told = f"median {statistics.median(reached):.2f}, least {min(reached):.2f}, most {max(reached):.2f}" if reached else "none"
            print(f"{name}, times faster to the same {what}: {told} ({len(reached)} of {len(ratios)} pairs got there)")


if __name__ == "__main__":
    pairs.run(main)
