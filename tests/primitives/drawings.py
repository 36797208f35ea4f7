"""Drawings at random, and how alike two pictures are."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from atelier.engines.primitives.drawing import Drawing, Mark
from atelier.engines.primitives.shapes import SHAPES
from atelier.image import Image

Array = npt.NDArray[np.float64]


def a_state(name: str, rng: np.random.Generator, width: float, height: float, size: float) -> tuple[float, ...]:
    """Somewhere on the picture or a little off it."""
    x, y = rng.uniform(0, width), rng.uniform(0, height)
    spread = [float(v) for v in rng.normal(0, size, 10)]
    corners = [(x, y)[i % 2] + v for i, v in enumerate(spread)]
    radii = [abs(v) + 1 for v in spread]
    turned = float(rng.uniform(-4, 4))
    return tuple(
        {
            "triangle": corners[:6],
            "rectangle": corners[:4],
            "rotated-rectangle": [x, y, *radii[:2], turned],
            "ellipse": [x, y, *radii[:2]],
            "rotated-ellipse": [x, y, *radii[:2], turned],
            "circle": [x, y, radii[0]],
            "polygon": corners,
            "stroke": [*corners[:6], radii[6] / 3],
            "line": [*corners[:4], radii[4] / 3],
        }[name]
    )


def a_drawing(names: list[str], count: int, *, seed: int = 0, width: int = 64, height: int = 48, **fields: Any) -> Drawing:
    """`count` shapes of these kinds in turn, told to hundredths of a pixel as files tell them, of all colours and opacities."""
    rng = np.random.default_rng(seed)
    marks = []
    for i in range(count):
        name = names[i % len(names)]
        digits = [4 if k == SHAPES[name].angle else 2 for k in range(SHAPES[name].parameters)]
        state = tuple(round(v, d) for v, d in zip(a_state(name, rng, width, height, width / 6), digits, strict=True))
        r, g, b = (int(v) for v in rng.integers(0, 256, 3))
        marks.append(Mark(name, state, (r, g, b), round(float(rng.uniform(0.2, 1)), 2)))
    return Drawing(width, height, **{"size": (width, height), "background": (40, 80, 120), "marks": tuple(marks), **fields})


def one(name: str, *state: float, width: int = 64, height: int = 48) -> Drawing:
    """One opaque black shape on white."""
    return Drawing(width, height, (width, height), (255, 255, 255), (Mark(name, state, (0, 0, 0), 1.0),))


def premultiplied(image: Image) -> Array:
    """(H, W, 4)."""
    alpha = np.ones(image.shape) if image.alpha is None else image.alpha
    return np.dstack([image.pixels * alpha[:, :, None], alpha]).astype(np.float64)


def psnr(a: Array, b: Array) -> float:
    assert a.shape == b.shape
    return float(-10 * np.log10(np.mean((a - b) ** 2) + 1e-12))
