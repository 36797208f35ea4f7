"""An ellipse at any angle: centre, radii, angle."""

from __future__ import annotations

from numba import njit

from atelier.engines.primitives import spans
from atelier.engines.primitives.canvas import worth
from atelier.engines.primitives.climb import search as climb
from atelier.engines.primitives.compiled import compiled
from atelier.engines.primitives.shapes.rotated_rectangle import mutate, random
from atelier.engines.primitives.shapes.shape import Corners, Shape, State, around, degrees, fill, number


@compiled
def cover(state, width, height, stride, runs):  # type: ignore[no-untyped-def]
    return spans.ellipse(state[0], state[1], state[2], state[3], state[4], width, height, stride, runs)


@njit
def energy(state, task, stride):  # type: ignore[no-untyped-def]
    height, width = task.likely.shape[0], task.likely.shape[1] - 1
    return worth(cover(state, width, height, stride, task.runs), task)


@compiled
def search(task, how, tries, stride, age, seed, state):  # type: ignore[no-untyped-def]
    return climb(random, mutate, energy, task, how, tries, stride, age, seed, state)


def outline(state: State, detail: int) -> Corners:
    x, y, rx, ry, angle = state
    return around(x, y, rx, ry, angle, detail)


def svg(state: State, color: str, opacity: str) -> str:
    x, y, rx, ry = map(number, state[:4])
    turn = f'transform="rotate({degrees(state[4])} {x} {y})"'
    return f'<ellipse {fill(color, opacity)} cx="{x}" cy="{y}" rx="{rx}" ry="{ry}" {turn}/>'


SHAPE = Shape("rotated-ellipse", 5, search, cover, outline, svg, angle=4, sizes=(2, 3))
