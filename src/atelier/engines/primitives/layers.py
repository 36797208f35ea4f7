"""The source paper's way: layers of ever smaller random shapes, of which those are kept that help.

Shapes appear at random positions, in sizes between a minimum and a maximum, in the photo's colour there. How many a pass
makes depends on the maximum and the width; the maximum falls by 2 every 30 passes until it meets the minimum. A shape
stays if it brings the canvas closer to the photo (hill climbing). Where the paper is silent: a pass makes as many shapes as
fit side by side into the width, and the colour is the photo's at the shape's middle.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from atelier.engines.primitives.canvas import worth
from atelier.engines.primitives.shapes.shape import State
from atelier.engines.primitives.sketch import Sketch, settled
from atelier.errors import SettingError

PASSES, FALL = 30, 2
KINDS = ("ellipse", "rectangle", "triangle")


def check(kinds: Sequence[str]) -> None:
    """Raises SettingError for shapes that the paper does not have."""
    if wrong := [kind for kind in kinds if kind not in KINDS]:
        raise SettingError("shape", f"`shape` {wrong[0]} does not go with `method` layers, which draws with {', '.join(KINDS)}")


def passes(sketch: Sketch, smallest: float, largest: float, alpha: float, most: float) -> Iterator[int]:
    """Draw pass by pass, until there are `most` shapes; yields after each how many of its shapes were kept."""
    rng = np.random.default_rng(sketch.seed)
    maximum = max(largest, smallest)
    while True:
        for _ in range(PASSES):
            kept = 0
            for _ in range(max(1, int(sketch.width // maximum))):
                if len(sketch.marks) < most:
                    kept += attempt(sketch, rng, smallest, maximum, alpha)
            yield kept
        if maximum <= smallest:
            return
        maximum = max(smallest, maximum - FALL)


def attempt(sketch: Sketch, rng: np.random.Generator, smallest: float, maximum: float, alpha: float) -> bool:
    """One random shape: drawn if the error falls by it."""
    name = sketch.kinds[rng.integers(len(sketch.kinds))]
    x, y = rng.uniform(0, sketch.width), rng.uniform(0, sketch.height)
    state = placed(name, x, y, rng, smallest, maximum)
    pixel = sketch.target[min(int(y), sketch.height - 1), min(int(x), sketch.width - 1)]
    color = np.clip(pixel[:3] / max(float(pixel[3]), 1e-6), 0, 1).astype(np.float64)
    if len(sketch.palette):
        color = sketch.palette[((sketch.palette - color) ** 2).sum(1).argmin()]
    mark = settled(name, state, np.append(color, alpha))
    runs = sketch.runs(mark)
    if not len(runs):
        return False
    # a palette of one colour: what the shape is worth in just that
    task = sketch.task()._replace(runs=runs, palette=mark.paint[None, :3].copy(), opacities=np.array([alpha]))
    if worth(len(runs), task) >= 0:
        return False
    sketch.draw(mark, runs)
    return True


def placed(name: str, x: float, y: float, rng: np.random.Generator, smallest: float, maximum: float) -> State:
    """A shape with its middle at x, y whose width and height are each between the bounds."""
    w, h = rng.uniform(smallest, maximum, 2) / 2
    if name == "ellipse":
        return np.array([x, y, w, h])
    if name == "rectangle":
        return np.array([x - w, y - h, x + w, y + h])
    corners = rng.uniform(-1, 1, (3, 2)) * (w, h)
    return (corners - corners.mean(0) + (x, y)).ravel()
