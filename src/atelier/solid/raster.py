"""Triangles to pixels, by a z-buffer: the same raster on every machine, without a display.

It needs nothing but Numba, which drawing needs anyway. `benchmarks/meshes.py` times embree's rays beside it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from atelier.image.value import Pixels
from atelier.solid.compiled import compiled
from atelier.solid.model import Floats, Indices


@dataclass(frozen=True, eq=False)
class Raster:
    """What is seen where. face: (H, W), the triangle, -1 for none. bary: (H, W, 3), where in it; depth: (H, W)."""

    face: Indices
    bary: Pixels
    depth: Pixels

    @property
    def hit(self) -> Indices:
        """Flat positions (n,) of pixels in which there is a triangle."""
        return np.flatnonzero(self.face.reshape(-1) >= 0).astype(np.int32)

    def at(self, positions: Indices) -> tuple[Indices, Pixels]:
        """Triangles (n,) and where in them (n, 3)."""
        return self.face.reshape(-1)[positions], self.bary.reshape(-1, 3)[positions]


def rasterize(points: Floats, faces: Indices, width: int, height: int) -> Raster:
    """Draw triangles. points: (V, 3), px right and down from the upper left corner, and depth, the nearest smallest; pixel centres are
    at halves. Of what is equally near, the first triangle is seen; both sides are."""
    face = np.full((height, width), -1, np.int32)
    bary = np.zeros((height, width, 3), np.float32)
    depth = np.full((height, width), np.inf)
    _draw(np.ascontiguousarray(points, np.float64), np.ascontiguousarray(faces, np.int32), face, bary, depth, False)
    return Raster(face, bary, depth.astype(np.float32))


def rasterize_wrapped(corners: Floats, size: int) -> tuple[Raster, int]:
    """Draw triangles (F, 3, 2), px, onto a square that is repeated on all sides, and count pixels that several of them want."""
    face = np.full((size, size), -1, np.int32)
    bary = np.zeros((size, size, 3), np.float32)
    depth = np.full((size, size), np.inf)
    points = np.concatenate([corners.reshape(-1, 2), np.zeros((len(corners) * 3, 1))], 1)
    faces = np.arange(len(corners) * 3, dtype=np.int32).reshape(-1, 3)
    twice = _draw(points, faces, face, bary, depth, True)
    return Raster(face, bary, depth.astype(np.float32)), int(twice)


@compiled
def _draw(points, faces, face, bary, depth, wrapped):  # type: ignore[no-untyped-def]
    height, width = face.shape
    twice = 0
    for at in range(faces.shape[0]):
        ax, ay, az = points[faces[at, 0]]
        bx, by, bz = points[faces[at, 1]]
        cx, cy, cz = points[faces[at, 2]]
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        if not abs(area) > 1e-12:
            continue
        left = int(np.ceil(min(ax, bx, cx) - 0.5))
        right = int(np.floor(max(ax, bx, cx) - 0.5))
        top = int(np.ceil(min(ay, by, cy) - 0.5))
        bottom = int(np.floor(max(ay, by, cy) - 0.5))
        if not wrapped:
            left, top = max(left, 0), max(top, 0)
            right, bottom = min(right, width - 1), min(bottom, height - 1)
        for row in range(top, bottom + 1):
            y = row + 0.5
            for column in range(left, right + 1):
                x = column + 0.5
                u = ((bx - x) * (cy - y) - (by - y) * (cx - x)) / area
                v = ((cx - x) * (ay - y) - (cy - y) * (ax - x)) / area
                w = 1.0 - u - v
                if u < -1e-9 or v < -1e-9 or w < -1e-9:
                    continue
                r, c = row % height, column % width
                z = u * az + v * bz + w * cz
                if wrapped and face[r, c] >= 0:
                    if min(u, v, w) > 1e-3:
                        twice += 1
                elif z < depth[r, c]:
                    depth[r, c], face[r, c] = z, at
                    bary[r, c, 0], bary[r, c, 1], bary[r, c, 2] = u, v, w
    return twice
