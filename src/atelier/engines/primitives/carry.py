"""A drawing carried on to the next frame of a film: its shapes go along with what they show."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from atelier.engines.primitives.drawing import Drawing, Mark
from atelier.engines.primitives.shapes import SHAPES
from atelier.image.value import Pixels

TURNS = 3
"""Steps by which it is found where a place has gone: flow says where it came from."""
FADED, MOST = 0.08, 0.06
"""A shape dies that is worth less than this share of what the middle one is worth; and of all shapes this share at a time."""


def carried(drawing: Drawing, flow: Pixels | None) -> list[Mark]:
    """The shapes of a drawing, each as a whole where it has gone. flow: (h, w, 2), px of its own size, where each pixel was before.

    Those that have left the picture are left out.
    """
    if flow is None:
        return list(drawing.marks)
    moved = (_moved(mark, drawing, flow) for mark in drawing.marks)
    return [mark for mark in moved if _is_inside(mark, drawing)]


def faded(worths: Iterable[float]) -> list[int]:
    """Which shapes are not worth their place any more, the least first."""
    found = np.array(list(worths))
    if not len(found):
        return []
    least = FADED * float(np.median(found))
    order = np.argsort(found, kind="stable")[: max(1, round(MOST * len(found)))]
    return [int(at) for at in order if found[at] <= least]


def _moved(mark: Mark, drawing: Drawing, flow: Pixels) -> Mark:
    """A shape where it has gone, by the mean of its points: one by one they would tear it on what lies before or behind."""
    height, width = flow.shape[:2]
    share = np.array([width / drawing.width, height / drawing.height])
    where = np.array(_points(mark)).reshape(-1, 2)
    now = where.copy()
    for _ in range(TURNS):
        columns, rows = np.rint(now * share).astype(int).T
        now = where - flow[rows.clip(0, height - 1), columns.clip(0, width - 1)] / share
    dx, dy = (now - where).mean(0)
    state = list(mark.state)
    for at, index in enumerate(_coordinates(mark)):
        state[index] = round(state[index] + float(dy if at % 2 else dx), 2)
    return replace(mark, state=tuple(state))


def _coordinates(mark: Mark) -> list[int]:
    """Which of a shape's numbers are x and y, in turn."""
    shape = SHAPES[mark.shape]
    return [at for at in range(shape.parameters) if at != shape.angle and at not in shape.sizes]


def _points(mark: Mark) -> list[float]:
    return [mark.state[at] for at in _coordinates(mark)]


def _is_inside(mark: Mark, drawing: Drawing) -> bool:
    """Whether the middle of a shape is in the picture."""
    x, y = np.array(_points(mark)).reshape(-1, 2).mean(0)
    return bool(-0.5 <= x <= drawing.width - 0.5 and -0.5 <= y <= drawing.height - 0.5)
