"""The pixels a shape covers while it is searched for, against every pixel's centre tried by itself."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest
from drawings import Array, a_state, one

from atelier.engines.primitives.render import render
from atelier.engines.primitives.shapes import SHAPES

WIDTH, HEIGHT = 40, 30
Y, X = np.mgrid[:HEIGHT, :WIDTH] + 0.5
Mask = npt.NDArray[np.bool_]


def runs(name: str, state: tuple[float, ...], stride: int = 1) -> npt.NDArray[np.int32]:
    room = np.full((8 * HEIGHT, 3), -1, np.int32)
    return room[: SHAPES[name].cover(np.array(state, float), WIDTH, HEIGHT, stride, room)]


def covered(found: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
    times = np.zeros((HEIGHT, WIDTH), int)
    for y, first, end in found:
        assert 0 <= y < HEIGHT
        assert 0 <= first < end <= WIDTH
        times[y, first:end] += 1
    return times


def wound(corners: Array) -> Mask:
    """Where the winding number, added up from the angles under which the sides are seen, is not zero."""
    turns = np.zeros((HEIGHT, WIDTH))
    for (x0, y0), (x1, y1) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        ax, ay, bx, by = x0 - X, y0 - Y, x1 - X, y1 - Y
        turns += np.arctan2(ax * by - ay * bx, ax * bx + ay * by)
    return np.abs(turns) > math.pi


def turned(x: float, y: float, angle: float) -> tuple[Array, Array]:
    """Pixel centres in the axes of a shape at x, y."""
    c, s = math.cos(angle), math.sin(angle)
    return (X - x) * c + (Y - y) * s, (Y - y) * c - (X - x) * s


def inside(name: str, state: tuple[float, ...]) -> Mask:
    p = np.array(state)
    match name:
        case "triangle" | "polygon":
            return wound(p.reshape(-1, 2))
        case "rectangle":
            return (min(p[0], p[2]) < X) & (max(p[0], p[2]) > X) & (min(p[1], p[3]) < Y) & (max(p[1], p[3]) > Y)
        case "rotated-rectangle":
            u, v = turned(p[0], p[1], p[4])
            return (np.abs(u) < p[2]) & (np.abs(v) < p[3])
        case "circle":
            return np.hypot(X - p[0], Y - p[1]) < p[2]
        case "ellipse" | "rotated-ellipse":
            u, v = turned(p[0], p[1], p[4] if len(p) > 4 else 0.0)
            return np.hypot(u / p[2], v / p[3]) < 1
        case "line":
            u, v = turned(p[0], p[1], math.atan2(p[3] - p[1], p[2] - p[0]))
            return (u > 0) & (u < math.hypot(p[2] - p[0], p[3] - p[1])) & (np.abs(v) < p[4] / 2)
    raise AssertionError(name)


@pytest.mark.parametrize("name", [name for name in SHAPES if name != "stroke"])
def test_every_pixel_whose_center_is_inside_once(name: str) -> None:
    rng = np.random.default_rng(1)
    seen = 0
    for _ in range(60):
        state = a_state(name, rng, WIDTH, HEIGHT, rng.choice([0.5, 5, 30]))
        wanted = inside(name, state)
        assert np.array_equal(covered(runs(name, state)), wanted), state
        seen += wanted.sum()
    assert seen > 1000


@pytest.mark.parametrize("state", [
    (5, 25, 20, -10, 35, 25, 5), (-10, 5, 20, 40, 50, 5, 9), (5.2, 5.1, 20.4, 15.8, 35.6, 26.5, 3.3), (2, 2, 30, 2, 38, 28, 1.5),
])  # fmt: skip
def test_a_gentle_stroke_is_what_is_near_its_curve(state: tuple[float, ...]) -> None:
    """But for what its chords miss of the curve, which is under .6 px here."""
    t = np.linspace(0, 1, 2001)[1:-1, None, None]
    x, y = ((1 - t) ** 2 * a + 2 * t * (1 - t) * b + t**2 * c for a, b, c in (state[0:6:2], state[1:6:2]))
    away = np.hypot(X - x, Y - y)
    near, at_an_end = away.min(axis=0), np.isin(away.argmin(axis=0), (0, 1998))
    times = covered(runs("stroke", state))
    assert times.max() == 1
    assert times[(near < state[6] / 2 - 0.6) & ~at_an_end].all()
    assert not times[near > state[6] / 2 + 0.6].any()
    assert times.sum() > 50


@pytest.mark.parametrize("name", list(SHAPES))
def test_rows_a_stride_apart(name: str) -> None:
    rng = np.random.default_rng(2)
    for _ in range(10):
        state = a_state(name, rng, WIDTH, HEIGHT, 8)
        every, third = runs(name, state), runs(name, state, 3)
        if len(third):
            assert third.tolist() == [run for run in every.tolist() if (run[0] - third[0, 0]) % 3 == 0]
        assert len(every) - 6 <= 3 * len(third) <= len(every) + 6 or name == "polygon"


@pytest.mark.parametrize("name", list(SHAPES))
def test_off_the_picture_and_far_too_large(name: str) -> None:
    rng = np.random.default_rng(3)
    for size in (1e-3, 10, 1e4, 1e7):
        for _ in range(10):
            state = a_state(name, rng, 3 * size, 3 * size, size)
            assert covered(runs(name, state)).max() <= 1


@pytest.mark.parametrize("name", list(SHAPES))
def test_the_outline_is_the_same_shape(name: str) -> None:
    """Where the picture, painted from the outline, is more than half covered there is a pixel of the runs: nearly."""
    rng = np.random.default_rng(4)
    differ = seen = 0
    for _ in range(20):
        state = a_state(name, rng, WIDTH, HEIGHT, 8)
        if name == "stroke":  # a sharp bend has too few chords in a search
            state = (*state[:2], *(np.add(state[:2], state[4:6]) / 2 + rng.normal(0, 2, 2)), *state[4:])
        shade = 1 - render(one(name, *state, width=WIDTH, height=HEIGHT), WIDTH).pixels[:, :, 0]
        differ += np.sum((shade > 0.5) != (covered(runs(name, state)) > 0))
        seen += np.sum(shade > 0.5)
    assert seen > 400
    assert differ < 0.04 * seen
