"""A surface as points with normals: what every way to hold a shape is made from, and measured by."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from atelier.solid.model import Floats, Indices, Model, face_normals, transformed, welded

DENSE = 120_000
"""Points on a surface, where it is measured."""
REACH = 1.1
"""Half the side of the cube that everything is in, in radii of the shape."""


@dataclass(frozen=True, eq=False)
class Triangles:
    """points: (V, 3); faces: (F, 3), turned outwards."""

    points: Floats
    faces: Indices

    def cloud(self, count: int = 0, seed: int = 0) -> Cloud:
        """Points spread over it by area; as many as DENSE, unless a number is given."""
        count = count or DENSE
        rng = np.random.default_rng(seed)
        flat = face_normals(self.points, self.faces)
        area = np.linalg.norm(flat, axis=1)
        if not len(area) or area.sum() <= 0:
            return Cloud(np.zeros((0, 3)), np.zeros((0, 3)))
        face = np.searchsorted(np.cumsum(area) / area.sum(), (np.arange(count) + rng.random(count)) / count).clip(0, len(area) - 1)
        a, b = np.sqrt(rng.random((count, 1))), rng.random((count, 1))
        one, two, three = (self.points[self.faces[face, at]] for at in range(3))
        return Cloud((1 - a) * one + a * (1 - b) * two + a * b * three, flat[face] / np.maximum(area[face, None], 1e-300))


@dataclass(frozen=True, eq=False)
class Cloud:
    """points: (n, 3); normals: (n, 3), of unit length."""

    points: Floats
    normals: Floats

    @cached_property
    def tree(self) -> Any:
        from scipy.spatial import cKDTree

        return cKDTree(self.points)

    @cached_property
    def spacing(self) -> float:
        """How far a point is from the next, as a rule."""
        return float(np.median(self.tree.query(self.points[:: max(1, len(self.points) // 2000)], 2)[0][:, 1]))


def triangles_of(model: Model) -> Triangles:
    """All of a model as one, moved and scaled into a ball of radius 1, points at the same place being one."""
    points, faces, first = [], [], 0
    for each in model.placed:
        piece = model.pieces[each.piece]
        points.append(transformed(piece.points, each.matrix))
        faces.append(piece.faces + first)
        first += len(piece.points)
    every, triangles = np.concatenate(points), np.concatenate(faces)
    used = every[np.unique(triangles)]
    middle = (used.min(0) + used.max(0)) / 2
    every = (every - middle) / (float(np.linalg.norm(used - middle, axis=1).max()) or 1.0)
    weld = welded(every)
    own = np.zeros((int(weld.max()) + 1, 3))
    own[weld] = every
    return tidy(own, weld[triangles])


def tidy(points: Floats, faces: NDArray[Any]) -> Triangles:
    """Triangles without those of no area, and without points that none has."""
    real = (faces[:, 0] != faces[:, 1]) & (faces[:, 1] != faces[:, 2]) & (faces[:, 2] != faces[:, 0])
    used, index = np.unique(faces[real], return_inverse=True)
    return Triangles(np.asarray(points[used], np.float64), index.reshape(-1, 3).astype(np.int32))
