"""A rectangle with level sides: two opposite corners, in any order."""

from __future__ import annotations

import numpy as np
from numba import njit

from atelier.engines.primitives import spans
from atelier.engines.primitives.canvas import draw_position, worth
from atelier.engines.primitives.climb import search as climb
from atelier.engines.primitives.compiled import compiled
from atelier.engines.primitives.shapes.shape import Corners, Shape, State, fill, number


@njit
def random(state, task):  # type: ignore[no-untyped-def]
    x, y, size = draw_position(task)
    w, h = (0.2 + np.random.random()) * size, (0.2 + np.random.random()) * size
    state[0], state[1], state[2], state[3] = x - w, y - h, x + w, y + h


@njit
def mutate(state, task, step):  # type: ignore[no-untyped-def]
    step *= task.step
    which = np.random.randint(5)
    if which < 2:  # a corner
        state[2 * which] += np.random.normal() * step
        state[2 * which + 1] += np.random.normal() * step
    elif which < 4:  # a side
        state[np.random.randint(4)] += np.random.normal() * step
    else:  # all of it
        dx, dy = np.random.normal() * step, np.random.normal() * step
        state[0] += dx
        state[2] += dx
        state[1] += dy
        state[3] += dy


@compiled
def cover(state, width, height, stride, runs):  # type: ignore[no-untyped-def]
    left, right = min(state[0], state[2]), max(state[0], state[2])
    first, end = spans.rows(min(state[1], state[3]), max(state[1], state[3]), height)
    a, b = spans.columns(left, right, width)
    n = 0
    if a < b:
        for y in range(first, end, stride):
            runs[n, 0], runs[n, 1], runs[n, 2] = y, a, b
            n += 1
    return n


@njit
def energy(state, task, stride):  # type: ignore[no-untyped-def]
    height, width = task.likely.shape[0], task.likely.shape[1] - 1
    return worth(cover(state, width, height, stride, task.runs), task)


@compiled
def search(task, how, tries, stride, age, seed, state):  # type: ignore[no-untyped-def]
    return climb(random, mutate, energy, task, how, tries, stride, age, seed, state)


def outline(state: State, detail: int) -> Corners:
    x0, y0, x1, y1 = state
    return np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]])


def svg(state: State, color: str, opacity: str) -> str:
    left, top, right, bottom = min(state[0], state[2]), min(state[1], state[3]), max(state[0], state[2]), max(state[1], state[3])
    size = f'width="{number(right - left)}" height="{number(bottom - top)}"'
    return f'<rect {fill(color, opacity)} x="{number(left)}" y="{number(top)}" {size}/>'


SHAPE = Shape("rectangle", 4, search, cover, outline, svg)
