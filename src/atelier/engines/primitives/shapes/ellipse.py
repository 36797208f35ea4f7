"""An ellipse with level axes: centre, radii."""

from __future__ import annotations

import numpy as np
from numba import njit

from atelier.engines.primitives import spans
from atelier.engines.primitives.canvas import draw_position, worth
from atelier.engines.primitives.climb import search as climb
from atelier.engines.primitives.compiled import compiled
from atelier.engines.primitives.shapes.shape import Corners, Shape, State, around, fill, number

MINIMUM = 0.5


@njit
def random(state, task):  # type: ignore[no-untyped-def]
    x, y, size = draw_position(task)
    state[0], state[1] = x, y
    state[2], state[3] = (0.2 + np.random.random()) * size, (0.2 + np.random.random()) * size


@njit
def mutate(state, task, step):  # type: ignore[no-untyped-def]
    step *= task.step
    which = np.random.randint(3)
    if which == 0:
        state[0] += np.random.normal() * step
        state[1] += np.random.normal() * step
    elif which == 1:
        state[2] = max(MINIMUM, state[2] + np.random.normal() * step)
    elif which == 2:
        state[3] = max(MINIMUM, state[3] + np.random.normal() * step)


@compiled
def cover(state, width, height, stride, runs):  # type: ignore[no-untyped-def]
    return spans.ellipse(state[0], state[1], state[2], state[3], 0.0, width, height, stride, runs)


@njit
def energy(state, task, stride):  # type: ignore[no-untyped-def]
    height, width = task.likely.shape[0], task.likely.shape[1] - 1
    return worth(cover(state, width, height, stride, task.runs), task)


@compiled
def search(task, how, tries, stride, age, seed, state):  # type: ignore[no-untyped-def]
    return climb(random, mutate, energy, task, how, tries, stride, age, seed, state)


def outline(state: State, detail: int) -> Corners:
    x, y, rx, ry = state
    return around(x, y, rx, ry, 0.0, detail)


def svg(state: State, color: str, opacity: str) -> str:
    x, y, rx, ry = map(number, state)
    return f'<ellipse {fill(color, opacity)} cx="{x}" cy="{y}" rx="{rx}" ry="{ry}"/>'


SHAPE = Shape("ellipse", 4, search, cover, outline, svg, sizes=(2, 3))
