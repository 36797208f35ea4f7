"""Three corners, none sharper than 15 degrees: slivers look like scratches."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from atelier.engines.primitives import spans
from atelier.engines.primitives.canvas import draw_position, worth
from atelier.engines.primitives.climb import search as climb
from atelier.engines.primitives.compiled import compiled
from atelier.engines.primitives.shapes.shape import Corners, Shape, State, fill, number

BLUNT = math.cos(math.radians(15))


@njit
def random(state, task):  # type: ignore[no-untyped-def]
    x, y, size = draw_position(task)
    for i in range(3):
        state[2 * i] = x + np.random.normal() * size
        state[2 * i + 1] = y + np.random.normal() * size


@njit
def mutate(state, task, step):  # type: ignore[no-untyped-def]
    step *= task.step
    which = np.random.randint(4)
    if which == 3:  # all of it
        dx, dy = np.random.normal() * step, np.random.normal() * step
        for i in range(3):
            state[2 * i] += dx
            state[2 * i + 1] += dy
    else:
        state[2 * which] += np.random.normal() * step
        state[2 * which + 1] += np.random.normal() * step


@njit
def sharp(state):  # type: ignore[no-untyped-def]
    """Whether an angle is under 15 degrees."""
    for i in range(3):
        ax, ay = state[2 * i], state[2 * i + 1]
        ux, uy = state[(2 * i + 2) % 6] - ax, state[(2 * i + 3) % 6] - ay
        vx, vy = state[(2 * i + 4) % 6] - ax, state[(2 * i + 5) % 6] - ay
        if ux * vx + uy * vy > BLUNT * math.sqrt((ux * ux + uy * uy) * (vx * vx + vy * vy)):
            return True
    return False


@compiled
def cover(state, width, height, stride, runs):  # type: ignore[no-untyped-def]
    return spans.convex(state.reshape(3, 2), 3, width, height, stride, runs)


@njit
def energy(state, task, stride):  # type: ignore[no-untyped-def]
    if sharp(state):
        return np.inf
    height, width = task.likely.shape[0], task.likely.shape[1] - 1
    return worth(cover(state, width, height, stride, task.runs), task)


@compiled
def search(task, how, tries, stride, age, seed, state):  # type: ignore[no-untyped-def]
    return climb(random, mutate, energy, task, how, tries, stride, age, seed, state)


def outline(state: State, detail: int) -> Corners:
    return state.reshape(3, 2)


def svg(state: State, color: str, opacity: str) -> str:
    return f'<polygon {fill(color, opacity)} points="{" ".join(map(number, state))}"/>'


SHAPE = Shape("triangle", 6, search, cover, outline, svg)
