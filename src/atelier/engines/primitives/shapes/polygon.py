"""Five corners in any order: sides may cross."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from atelier.engines.primitives import spans
from atelier.engines.primitives.canvas import draw_position, worth
from atelier.engines.primitives.climb import search as climb
from atelier.engines.primitives.compiled import compiled
from atelier.engines.primitives.shapes.shape import Corners, Shape, State, fill, number

CORNERS = 5


@njit
def random(state, task):  # type: ignore[no-untyped-def]
    x, y, size = draw_position(task)
    for i in range(CORNERS):  # around the middle, so that sides do not cross to begin with
        angle, away = 2 * math.pi * (i + np.random.random()) / CORNERS, size * (0.3 + np.random.random())
        state[2 * i] = x + away * math.cos(angle)
        state[2 * i + 1] = y + away * math.sin(angle)


@njit
def mutate(state, task, step):  # type: ignore[no-untyped-def]
    step *= task.step
    which = np.random.randint(CORNERS + 1)
    if which == CORNERS:  # all of it
        dx, dy = np.random.normal() * step, np.random.normal() * step
        for i in range(CORNERS):
            state[2 * i] += dx
            state[2 * i + 1] += dy
    else:
        state[2 * which] += np.random.normal() * step
        state[2 * which + 1] += np.random.normal() * step


@compiled
def cover(state, width, height, stride, runs):  # type: ignore[no-untyped-def]
    return spans.polygon(state.reshape(CORNERS, 2), CORNERS, width, height, stride, runs)


@njit
def energy(state, task, stride):  # type: ignore[no-untyped-def]
    height, width = task.likely.shape[0], task.likely.shape[1] - 1
    return worth(cover(state, width, height, stride, task.runs), task)


@compiled
def search(task, how, tries, stride, age, seed, state):  # type: ignore[no-untyped-def]
    return climb(random, mutate, energy, task, how, tries, stride, age, seed, state)


def outline(state: State, detail: int) -> Corners:
    return state.reshape(CORNERS, 2)


def svg(state: State, color: str, opacity: str) -> str:
    return f'<polygon {fill(color, opacity)} points="{" ".join(map(number, state))}"/>'


SHAPE = Shape("polygon", 2 * CORNERS, search, cover, outline, svg)
