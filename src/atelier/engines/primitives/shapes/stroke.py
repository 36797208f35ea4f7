"""A brush stroke: a quadratic Bezier curve (two ends and the point it leans to) with a width."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from atelier.engines.primitives import spans
from atelier.engines.primitives.canvas import draw_position, worth
from atelier.engines.primitives.climb import search as climb
from atelier.engines.primitives.compiled import compiled
from atelier.engines.primitives.shapes.shape import Corners, Shape, State, number, stroke

THINNEST, PIECES = 1.0, 8


@njit
def random(state, task):  # type: ignore[no-untyped-def]
    x, y, size = draw_position(task)
    angle = np.random.random() * math.pi
    dx, dy = size * math.cos(angle), size * math.sin(angle)
    state[0], state[1], state[4], state[5] = x - dx, y - dy, x + dx, y + dy
    state[2], state[3] = x + 0.5 * size * np.random.normal(), y + 0.5 * size * np.random.normal()
    state[6] = max(THINNEST, 0.3 * size * np.random.random())


@njit
def mutate(state, task, step):  # type: ignore[no-untyped-def]
    step *= task.step
    which = np.random.randint(5)
    if which < 3:
        state[2 * which] += np.random.normal() * step
        state[2 * which + 1] += np.random.normal() * step
    elif which == 3:  # all of it
        dx, dy = np.random.normal() * step, np.random.normal() * step
        for i in range(3):
            state[2 * i] += dx
            state[2 * i + 1] += dy
    else:
        state[6] = max(THINNEST, state[6] + np.random.normal() * 0.3 * step)


@njit
def border(state, pieces, corners):  # type: ignore[no-untyped-def]
    """The two sides of the stroke, half its width away from the curve, as 2·(pieces + 1) corners."""
    x0, y0, x1, y1, x2, y2, width = state[0], state[1], state[2], state[3], state[4], state[5], state[6]
    nx, ny = 0.0, 1.0
    for i in range(pieces + 1):
        t = i / pieces
        x = (1 - t) ** 2 * x0 + 2 * t * (1 - t) * x1 + t * t * x2
        y = (1 - t) ** 2 * y0 + 2 * t * (1 - t) * y1 + t * t * y2
        dx = (1 - t) * (x1 - x0) + t * (x2 - x1)
        dy = (1 - t) * (y1 - y0) + t * (y2 - y1)
        long = math.sqrt(dx * dx + dy * dy)
        if long > 1e-9:
            nx, ny = -dy / long, dx / long
        corners[i, 0], corners[i, 1] = x + nx * width / 2, y + ny * width / 2
        corners[2 * pieces + 1 - i, 0], corners[2 * pieces + 1 - i, 1] = x - nx * width / 2, y - ny * width / 2


@compiled
def cover(state, width, height, stride, runs):  # type: ignore[no-untyped-def]
    corners = np.empty((2 * (PIECES + 1), 2))
    border(state, PIECES, corners)
    return spans.polygon(corners, len(corners), width, height, stride, runs)


@njit
def sharp(state):  # type: ignore[no-untyped-def]
    """Whether the stroke bends within less than half its width: its tip would be drawn differently by every program."""
    ux, uy = state[2] - state[0], state[3] - state[1]
    vx, vy = state[4] - state[2], state[5] - state[3]
    wx, wy = vx - ux, vy - uy
    bend = wx * wx + wy * wy
    middle = min(max(-(ux * wx + uy * wy) / bend, 0.0), 1.0) if bend > 1e-12 else 0.0
    for t in (0.0, middle, 1.0):
        dx, dy = ux + t * wx, uy + t * wy  # half the derivative; the second is twice w
        speed = dx * dx + dy * dy
        if abs(dx * wy - dy * wx) * state[6] > 4 * speed * math.sqrt(speed) or (speed < 1e-6 and bend > 1e-6):
            return True
    return False


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
    """The two sides, sampled evenly along the curve and evenly in its direction: a sharp bend is short but has the most to show.

    Where the curve turns back on itself the stroke ends in half a circle, as renderers of SVG draw it.
    """
    start, lean, end, half = state[0:2], state[2:4], state[4:6], state[6] / 2
    first, last = lean - start, end - lean
    first, last = (first if first.any() else last), (last if last.any() else first)
    heading = math.atan2(first[1], first[0])
    turn = math.atan2(first[0] * last[1] - first[1] * last[0], first @ last)
    even = np.linspace(0, 1, max(PIECES, detail) + 1)
    along = np.outer(1 - even, first) + np.outer(even, last)
    turned = np.abs(np.arctan2(first[0] * along[:, 1] - first[1] * along[:, 0], along @ first))
    # where the direction, (1-t) first + t last, is turned by a share of it all: by the law of sines
    near, far = math.hypot(*first) * np.sin(turn * even), math.hypot(*last) * np.sin(turn * (1 - even))
    bent = np.abs(near + far) > 1e-12
    # both grow along the curve, so that each can be sorted for itself; together, ties would come in any order
    t = np.sort(np.concatenate([even, near[bent] / (near + far)[bent]]))
    angle = heading + math.copysign(1, turn) * np.sort(np.concatenate([turned, np.abs(turn * even[bent])]))
    middle = np.outer((1 - t) ** 2, start) + np.outer(2 * t * (1 - t), lean) + np.outer(t * t, end)
    aside = half * np.stack([-np.sin(angle), np.cos(angle)], axis=1)
    return np.concatenate([middle + aside, (middle - aside)[::-1]])


def svg(state: State, color: str, opacity: str) -> str:
    x0, y0, x1, y1, x2, y2, width = map(number, state)
    return f'<path {stroke(color, opacity, width)} d="M{x0} {y0}Q{x1} {y1} {x2} {y2}"/>'


SHAPE = Shape("stroke", 7, search, cover, outline, svg, sizes=(6,))
