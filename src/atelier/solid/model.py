"""A model: pieces of surface with their materials, placed in a world."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from atelier.image.value import Pixels

Floats = NDArray[np.float64]
Indices = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Material:
    """What a surface looks like. image: (H, W, 3) sRGB in [0, 1], or None; color: (3,) sRGB in [0, 1], which it is multiplied with in
    linear light."""

    name: str = ""
    image: Pixels | None = None
    color: tuple[float, float, float] = (1.0, 1.0, 1.0)


@dataclass(frozen=True, eq=False)
class Piece:
    """One geometry, in coordinates of its own.

    points: (V, 3). faces: (F, 3), indices of points. uv: (V, 2), or None; v points up, and beyond [0, 1] the image is repeated.
    colors: (V, 3) sRGB in [0, 1], or None. normals: (V, 3) of unit length, or None. own_uv: (V, 2), where the material's image was
    seen before the surface was laid out anew. source: (V,), which points of the file these are; None for just them.
    """

    name: str
    points: Floats
    faces: Indices
    uv: Floats | None = None
    material: Material = field(default_factory=Material)
    colors: Pixels | None = None
    normals: Floats | None = None
    own_uv: Floats | None = None
    source: NDArray[np.int64] | None = None


@dataclass(frozen=True, eq=False)
class Placed:
    """A piece, by its index, where it stands: matrix (4, 4) to the world."""

    piece: int
    matrix: Floats


@dataclass(frozen=True, eq=False)
class Model:
    """What a file holds, or what is to be written. up: 1 where y is up, 2 where z is. notes: what was mended, for people. origin: the
    file's own tree, for whoever writes it again."""

    pieces: tuple[Piece, ...]
    placed: tuple[Placed, ...]
    up: int = 1
    notes: tuple[str, ...] = ()
    origin: Any = None
    about: Mapping[str, Any] = field(default_factory=dict)

    @property
    def faces(self) -> int:
        """How many triangles are seen in all."""
        return sum(len(self.pieces[each.piece].faces) for each in self.placed)


def transformed(points: Floats, matrix: Floats) -> Floats:
    """Points (V, 3) under a matrix (4, 4)."""
    return points @ matrix[:3, :3].T + matrix[:3, 3]


def face_normals(points: Floats, faces: Indices) -> Floats:
    """Normals of triangles, (F, 3), as long as twice their areas."""
    a, b, c = (points[faces[:, at]] for at in range(3))
    return np.cross(b - a, c - a)


def welded(points: Floats) -> Indices:
    """The same number for points at the same place, (V,): files split points where textures have seams."""
    span = float(np.ptp(points, axis=0).max()) if len(points) else 1.0
    grid = np.round(points / max(span * 1e-6, 1e-300)).astype(np.int64)
    return np.unique(grid, axis=0, return_inverse=True)[1].reshape(-1).astype(np.int32)


def smooth_normals(points: Floats, faces: Indices, sharp: float = 60.0) -> Floats:
    """Normals of the corners of faces, (F, 3, 3): of all faces around a point that bend less than `sharp` degrees away, by their angles."""
    flat = face_normals(points, faces)
    unit = flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-300)
    weld = welded(points)[faces]
    count = int(weld.max()) + 1 if weld.size else 0
    angles = corner_angles(points, faces)
    around = np.zeros((count, 3))
    for corner in range(3):
        np.add.at(around, weld[:, corner], unit * angles[:, corner : corner + 1])
    found = around[weld]
    found /= np.maximum(np.linalg.norm(found, axis=2, keepdims=True), 1e-300)
    bent = (found * unit[:, None]).sum(2) < np.cos(np.radians(sharp))
    return np.where(bent[..., None], unit[:, None], found)


def corner_angles(points: Floats, faces: Indices) -> Floats:
    """Angles of triangles, (F, 3), radians."""
    corners = points[faces]
    found = np.empty((len(faces), 3))
    for at in range(3):
        one, other = corners[:, (at + 1) % 3] - corners[:, at], corners[:, (at + 2) % 3] - corners[:, at]
        length = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
        found[:, at] = np.arccos(np.clip((one * other).sum(1) / np.maximum(length, 1e-300), -1, 1))
    return found
