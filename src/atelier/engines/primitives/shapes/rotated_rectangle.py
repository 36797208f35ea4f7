"""A rectangle at any angle: centre, half sides, angle."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from atelier.engines.primitives import spans
from atelier.engines.primitives.canvas import draw_position, worth
from atelier.engines.primitives.climb import search as climb
from atelier.engines.primitives.compiled import compiled
from atelier.engines.primitives.shapes.shape import Corners, Shape, State, degrees, fill, number

MINIMUM = 0.5


@njit
def random(state, task):  # type: ignore[no-untyped-def]
    x, y, size = draw_position(task)
    state[0], state[1] = x, y
    state[2], state[3] = (0.2 + np.random.random()) * size, (0.2 + np.random.random()) * size
    state[4] = np.random.random() * math.pi


@njit
def mutate(state, task, step):  # type: ignore[no-untyped-def]
    step *= task.step
    which = np.random.randint(4)
    if which == 0:
        state[0] += np.random.normal() * step
        state[1] += np.random.normal() * step
    elif which == 1:
        state[2] = max(MINIMUM, state[2] + np.random.normal() * step)
    elif which == 2:
        state[3] = max(MINIMUM, state[3] + np.random.normal() * step)
    else:
        state[4] += np.random.normal() * step / max(state[2], state[3], 1.0)


@compiled
def cover(state, width, height, stride, runs):  # type: ignore[no-untyped-def]
    corners = np.empty((4, 2))
    c, s = math.cos(state[4]), math.sin(state[4])
    for i in range(4):
        u = state[2] if i == 1 or i == 2 else -state[2]
        v = state[3] if i > 1 else -state[3]
        corners[i, 0] = state[0] + c * u - s * v
        corners[i, 1] = state[1] + s * u + c * v
    return spans.convex(corners, 4, width, height, stride, runs)


@njit
def energy(state, task, stride):  # type: ignore[no-untyped-def]
    height, width = task.likely.shape[0], task.likely.shape[1] - 1
    return worth(cover(state, width, height, stride, task.runs), task)


@compiled
def search(task, how, tries, stride, age, seed, state):  # type: ignore[no-untyped-def]
    return climb(random, mutate, energy, task, how, tries, stride, age, seed, state)


def outline(state: State, detail: int) -> Corners:
    x, y, w, h, angle = state
    c, s = math.cos(angle), math.sin(angle)
    u, v = np.array([-w, w, w, -w]), np.array([-h, -h, h, h])
    return np.stack([x + c * u - s * v, y + s * u + c * v], axis=1)


def svg(state: State, color: str, opacity: str) -> str:
    x, y, w, h, angle = state
    box = f'x="{number(x - w)}" y="{number(y - h)}" width="{number(2 * w)}" height="{number(2 * h)}"'
    return f'<rect {fill(color, opacity)} {box} transform="rotate({degrees(angle)} {number(x)} {number(y)})"/>'


SHAPE = Shape("rotated-rectangle", 5, search, cover, outline, svg, angle=4, sizes=(2, 3))
