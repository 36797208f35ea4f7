"""A straight stroke: two ends, width."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from atelier.engines.primitives import spans
from atelier.engines.primitives.canvas import draw_position, worth
from atelier.engines.primitives.climb import search as climb
from atelier.engines.primitives.compiled import compiled
from atelier.engines.primitives.shapes.shape import Corners, Shape, State, number, stroke

THINNEST = 1.0


@njit
def random(state, task):  # type: ignore[no-untyped-def]
    x, y, size = draw_position(task)
    angle = np.random.random() * math.pi
    dx, dy = size * math.cos(angle), size * math.sin(angle)
    state[0], state[1], state[2], state[3] = x - dx, y - dy, x + dx, y + dy
    state[4] = max(THINNEST, 0.3 * size * np.random.random())


@njit
def mutate(state, task, step):  # type: ignore[no-untyped-def]
    step *= task.step
    which = np.random.randint(4)
    if which < 2:
        state[2 * which] += np.random.normal() * step
        state[2 * which + 1] += np.random.normal() * step
    elif which == 2:  # all of it
        dx, dy = np.random.normal() * step, np.random.normal() * step
        state[0] += dx
        state[2] += dx
        state[1] += dy
        state[3] += dy
    else:
        state[4] = max(THINNEST, state[4] + np.random.normal() * 0.3 * step)


@compiled
def cover(state, width, height, stride, runs):  # type: ignore[no-untyped-def]
    corners = np.empty((4, 2))
    dx, dy = state[2] - state[0], state[3] - state[1]
    half = 0.5 * state[4] / max(math.sqrt(dx * dx + dy * dy), 1e-9)
    nx, ny = -dy * half, dx * half
    corners[0, 0], corners[0, 1] = state[0] + nx, state[1] + ny
    corners[1, 0], corners[1, 1] = state[2] + nx, state[3] + ny
    corners[2, 0], corners[2, 1] = state[2] - nx, state[3] - ny
    corners[3, 0], corners[3, 1] = state[0] - nx, state[1] - ny
    return spans.convex(corners, 4, width, height, stride, runs)


@njit
def energy(state, task, stride):  # type: ignore[no-untyped-def]
    height, width = task.likely.shape[0], task.likely.shape[1] - 1
    return worth(cover(state, width, height, stride, task.runs), task)


@compiled
def search(task, how, tries, stride, age, seed, state):  # type: ignore[no-untyped-def]
    return climb(random, mutate, energy, task, how, tries, stride, age, seed, state)


def outline(state: State, detail: int) -> Corners:
    x0, y0, x1, y1, width = state
    half = 0.5 * width / max(math.hypot(x1 - x0, y1 - y0), 1e-9)
    nx, ny = -(y1 - y0) * half, (x1 - x0) * half
    return np.array([[x0 + nx, y0 + ny], [x1 + nx, y1 + ny], [x1 - nx, y1 - ny], [x0 - nx, y0 - ny]])


def svg(state: State, color: str, opacity: str) -> str:
    x0, y0, x1, y1, width = map(number, state)
    return f'<path {stroke(color, opacity, width)} d="M{x0} {y0}L{x1} {y1}"/>'


SHAPE = Shape("line", 5, search, cover, outline, svg, sizes=(4,))
