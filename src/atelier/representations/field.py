"""Signed distances on a grid, of points with normals, and the surface where they are 0."""

from __future__ import annotations

from typing import Any

import numpy as np

from atelier.errors import MissingExtra
from atelier.image.value import Pixels
from atelier.representations.cloud import REACH, Cloud, Triangles, tidy
from atelier.solid.model import Floats

BAND = 2.0
"""Cells from the surface within which distances are told; beyond, there is only inside and outside."""


def cell_of(side: int) -> float:
    """How long a cell of a grid of `side` points a side is."""
    return 2 * REACH / (side - 1)


def signed(cloud: Cloud, at: Floats, nearest: int = 4) -> Floats:
    """How far places (m, 3) are from the planes of the points nearest to them, (m,), below 0 inside (Hoppe et al. 1992; several planes
    are averaged, the nearest counting most)."""
    distance, index = cloud.tree.query(at, min(nearest, len(cloud.points)))
    distance, index = distance.reshape(len(at), -1), index.reshape(len(at), -1)
    weight = np.exp(-0.5 * (distance / np.maximum(1.5 * distance[:, :1], 1e-9)) ** 2)
    along = ((at[:, None] - cloud.points[index]) * cloud.normals[index]).sum(2)
    return np.asarray((along * weight).sum(1) / weight.sum(1), np.float64)


def signed_grid(cloud: Cloud, side: int, nearest: int = 1, wide: int = 2) -> Pixels:
    """Signed distances (side, side, side) in cells, within BAND of 0. wide: cells around each point that are asked for."""
    from scipy.ndimage import binary_dilation, label

    cell = cell_of(side)
    near = np.zeros((side,) * 3, bool)
    near[tuple(np.clip(np.round((cloud.points + REACH) / cell).astype(int), 0, side - 1).T)] = True
    near = binary_dilation(near, np.ones((3, 3, 3), bool), iterations=wide)
    found = np.full(near.shape, BAND, np.float32)
    found[near] = np.clip(signed(cloud, np.asarray(np.argwhere(near) * cell - REACH, np.float64), nearest) / cell, -BAND, BAND)
    parts, _ = label(~near)
    edge = [np.unique(np.take(parts, index, axis)) for axis in range(3) for index in (0, -1)]
    found[~np.isin(parts, np.concatenate([[0], *edge]))] = -BAND
    return found


def surface_at_zero(grid: Pixels) -> Triangles:
    """The surface between what is inside a grid and what is not, by marching cubes. Raises MissingExtra."""
    try:
        from skimage.measure import marching_cubes
    except ModuleNotFoundError as error:
        raise MissingExtra("shapes out of grids", "mesh") from error
    if not grid.min() < 0 < grid.max():
        return Triangles(np.zeros((0, 3)), np.zeros((0, 3), np.int32))
    march: Any = marching_cubes
    points, faces, _, _ = march(np.pad(grid, 1, constant_values=BAND), 0.0)
    return tidy((points - 1.0) * cell_of(len(grid)) - REACH, faces)


def surface_of(cloud: Cloud, finest: int = 128) -> Triangles:
    """The surface through points with normals, on a grid about as fine as they lie close."""
    if len(cloud.points) < 8:
        return Triangles(np.zeros((0, 3)), np.zeros((0, 3), np.int32))
    side = int(np.clip(2 * REACH / cloud.spacing, 16, finest))
    return surface_at_zero(signed_grid(cloud, side, nearest=8, wide=3))
