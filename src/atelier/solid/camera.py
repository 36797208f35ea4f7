"""Where a model is looked at from: without perspective, so that strokes are of one size however far away they are."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from atelier.solid.model import Floats

MARGIN = 0.04
"""Of a view's side that is left free around the model on either side."""

SMALLEST = 64
"""Sides of a part of a view, px, at the least: at a third of it, a network's deepest layers still see something."""


@dataclass(frozen=True, eq=False)
class Camera:
    """An orthographic camera.

    axes: (3, 3), rows right, down and forwards. middle: (2,), what is in the middle of the picture, right and down. span: (width,
    height) of what is seen, in units of the model.
    """

    axes: Floats
    middle: tuple[float, float]
    span: tuple[float, float]

    @property
    def forwards(self) -> Floats:
        return self.axes[2]

    def project(self, points: Floats, width: int, height: int) -> Floats:
        """Points (V, 3) as px right and down from the upper left corner, and how far forwards."""
        seen = points @ self.axes.T
        x = ((seen[:, 0] - self.middle[0]) / self.span[0] + 0.5) * width
        y = ((seen[:, 1] - self.middle[1]) / self.span[1] + 0.5) * height
        return np.stack([x, y, seen[:, 2]], 1)

    def cropped(self, points: Floats, side: int, multiple: int = 16) -> tuple[Camera, tuple[int, int]]:
        """The part of a square view of `side` px in which the points are, as a camera, and its (height, width), multiples of so many px
        where there is room."""
        seen = points @ self.axes.T
        unit = self.span[0] / side
        spans, sizes, middle = [], [], []
        for axis in range(2):
            low, high = float(seen[:, axis].min()), float(seen[:, axis].max())
            need = (high - low) / unit + 2 * MARGIN * side
            size = min(side, max(SMALLEST, math.ceil(need / multiple) * multiple))
            sizes.append(size)
            spans.append(size * unit)
            middle.append((low + high) / 2)
        return replace(self, middle=(middle[0], middle[1]), span=(spans[0], spans[1])), (sizes[1], sizes[0])


def looking(direction: Floats, up: int = 1) -> Floats:
    """Axes (3, 3) of a camera that looks this way; `up` is the axis that points up in its pictures."""
    forwards = direction / np.linalg.norm(direction)
    upwards = np.zeros(3)
    upwards[up] = 1.0
    right = np.cross(forwards, upwards)
    if np.linalg.norm(right) < 1e-6:  # from above or below: what is in front points up
        upwards = np.zeros(3)
        upwards[3 - up] = 1.0 if up == 2 else -1.0
        right = np.cross(forwards, upwards)
    right /= np.linalg.norm(right)
    return np.stack([right, np.cross(forwards, right), forwards])


def directions(count: int, up: int = 1, turn: float = 0.0) -> Floats:
    """Ways to look, (count, 3), spread evenly over the sphere (a spiral; Swinbank & Purser 2006), turned about the upright axis by so
    many radians."""
    golden = math.pi * (3 - math.sqrt(5))
    at = np.arange(count)
    height = 1 - 2 * (at + 0.5) / count
    around = golden * at + turn
    ring = np.sqrt(1 - height**2)
    found = np.empty((count, 3))
    others = [axis for axis in range(3) if axis != up]
    found[:, up], found[:, others[0]], found[:, others[1]] = -height, -ring * np.cos(around), -ring * np.sin(around)
    return found


def spread(points: Floats, count: int, up: int = 1, turn: float = 0.0) -> list[Camera]:
    """Cameras all around, all of the same scale, each with the whole model in view."""
    return framed(points, [looking(each, up) for each in directions(count, up, turn)])


def turntable(points: Floats, count: int, up: int = 1, tilt: float = 15.0) -> list[Camera]:
    """Cameras on a ring around the upright axis, looking down by `tilt` degrees."""
    found = []
    others = [axis for axis in range(3) if axis != up]
    for at in range(count):
        angle = 2 * math.pi * at / count
        way = np.zeros(3)
        way[up] = -math.sin(math.radians(tilt))
        flat = math.cos(math.radians(tilt))
        sign = -1.0 if up == 1 else 1.0  # the front faces +z where y is up, and -y where z is
        way[others[0]], way[others[1]] = -math.sin(angle) * flat, sign * math.cos(angle) * flat
        found.append(looking(way, up))
    return framed(points, found)


def framed(points: Floats, axes: list[Floats]) -> list[Camera]:
    """Cameras of one scale that see all points, each with them in the middle."""
    seen = [points @ each.T for each in axes]
    middles = [(each[:, :2].min(0) + each[:, :2].max(0)) / 2 for each in seen]
    span = max(float(np.ptp(each[:, :2], axis=0).max()) for each in seen) / (1 - 2 * MARGIN)
    return [Camera(each, (float(m[0]), float(m[1])), (span, span)) for each, m in zip(axes, middles, strict=True)]
