"""Ways to hold a shape without a network: a mesh, points, a grid of signed distances, depths from several sides."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from atelier.errors import MissingExtra
from atelier.progress import Report, silent
from atelier.representations.cloud import REACH, Cloud, Triangles, tidy
from atelier.representations.field import BAND, signed_grid, surface_at_zero, surface_of
from atelier.representations.packing import fitted, normals_of, octahedral, pack, unpack
from atelier.solid.camera import Camera, directions, looking
from atelier.solid.model import Floats
from atelier.solid.raster import rasterize


class Representation(Protocol):
    """A way to hold a shape. name: for people. shared: bytes of what it takes beside, the same for all shapes: a network's weights."""

    name: str
    shared: int

    def encode(self, shape: Triangles, budget: int, report: Report = silent) -> bytes:
        """A shape within a cube of side 2 REACH, in at most so many bytes where that can be."""
        ...

    def decode(self, data: bytes) -> Triangles:
        """The shape that is left."""
        ...


class Mesh:
    """Fewer triangles (quadric error metrics, Garland & Heckbert 1997), their points on a grid of 12 bits a side."""

    name, shared = "mesh", 0

    def encode(self, shape: Triangles, budget: int, report: Report = silent) -> bytes:
        def at(faces: int) -> bytes:
            fewer = simplified(shape, faces)
            levels = np.round((fewer.points / REACH * 0.5 + 0.5) * 4095).astype(np.int32)
            order = np.argsort(morton(levels), kind="stable")
            place = np.empty(len(order), np.int32)
            place[order] = np.arange(len(order))
            corners = place[fewer.faces]
            turn = corners.argmin(1)[:, None]
            corners = np.take_along_axis(corners, (turn + np.arange(3)) % 3, 1)
            corners = corners[np.lexsort((corners[:, 1], corners[:, 0]))]
            steps = np.diff(levels[order], axis=0, prepend=0).astype(np.int16)
            first = np.diff(corners[:, 0], prepend=0)
            beside = (corners[:, 1:] - corners[:, :1]).T
            return pack(np.ascontiguousarray(steps.T), first.astype(np.uint16), beside.astype(np.int16 if len(order) < 32768 else np.int32))

        return fitted(at, budget, 8, len(shape.faces))

    def decode(self, data: bytes) -> Triangles:
        steps, first, beside = unpack(data)
        points = (np.cumsum(steps.T.astype(np.int64), 0) / 4095 * 2 - 1) * REACH
        start = np.cumsum(first.astype(np.int64))
        return tidy(points, np.stack([start, start + beside[0], start + beside[1]], 1))


class Points:
    """One point with its normal for each cell of a grid that the surface goes through."""

    name, shared = "points", 0

    def encode(self, shape: Triangles, budget: int, report: Report = silent) -> bytes:
        cloud = shape.cloud()

        def at(side: int) -> bytes:
            keys, group = celled(cloud.points, side)
            points, normals = (means(each, group, len(keys)) for each in (cloud.points, cloud.normals))
            within = (points + REACH) / (2 * REACH) * side - unraveled(keys, side)
            places = np.round(within * 7).clip(0, 7).astype(np.uint8)
            return pack(np.array([side], np.uint16), gaps(keys), places.T, octahedral(normals).T)

        return fitted(at, budget, 3, 160)

    def decode(self, data: bytes) -> Triangles:
        return surface_of(self.cloud(data))

    def cloud(self, data: bytes) -> Cloud:
        """The points that are kept."""
        side, steps, places, normals = unpack(data)
        keys = np.cumsum(steps.astype(np.int64))
        points = (unraveled(keys, int(side[0])) + places.T / 7) / int(side[0]) * 2 * REACH - REACH
        return Cloud(points, normals_of(normals.T))


class Voxels:
    """Signed distances on a grid, in 31 levels within two cells of the surface."""

    name, shared = "voxels (SDF)", 0

    def encode(self, shape: Triangles, budget: int, report: Report = silent) -> bytes:
        cloud = shape.cloud()

        def at(side: int) -> bytes:
            levels = np.round(signed_grid(cloud, side) / BAND * 15).astype(np.int8)
            return pack(np.diff(levels, axis=2, prepend=np.int8(0)))

        return fitted(at, budget, 6, 128)

    def decode(self, data: bytes) -> Triangles:
        (steps,) = unpack(data)
        return surface_at_zero(np.asarray(np.cumsum(steps, 2, dtype=np.int16) / 15 * BAND, np.float32))


VIEWS = 10
"""From how many sides depths are seen."""
DEPTHS = 1023


class Depths:
    """Depths from ten sides, ten bits each, without perspective."""

    name, shared = "depth maps", 0

    def encode(self, shape: Triangles, budget: int, report: Report = silent) -> bytes:
        def at(side: int) -> bytes:
            maps = depth_maps(shape, side)
            seen = np.isfinite(maps)
            levels = np.round((np.where(seen, maps, 0) / REACH * 0.5 + 0.5) * (DEPTHS - 1)).astype(np.int16) + 1
            levels = np.where(seen, levels, 0).astype(np.int16)
            return pack(np.diff(levels, axis=2, prepend=np.int16(0)))

        return fitted(at, budget, 6, 200)

    def decode(self, data: bytes) -> Triangles:
        (steps,) = unpack(data)
        levels = np.cumsum(steps, 2, dtype=np.int32)
        maps = np.where(levels > 0, ((levels - 1) / (DEPTHS - 1) * 2 - 1) * REACH, np.inf)
        return surface_of(fused(maps))


def cameras() -> list[Camera]:
    """Those that see depths: all around, each with the whole cube's ball in view."""
    return [Camera(looking(each), (0.0, 0.0), (2 * REACH, 2 * REACH)) for each in directions(VIEWS)]


def depth_maps(shape: Triangles, side: int) -> Floats:
    """How far away a shape is from each side, (VIEWS, side, side), infinite beside it."""
    return np.stack(
        [rasterize(each.project(shape.points, side, side), shape.faces, side, side).depth.astype(np.float64) for each in cameras()]
    )


def fused(maps: Floats) -> Cloud:
    """The points that depth maps (VIEWS, side, side) see, with normals by their slopes; where depths leap, none."""
    side = maps.shape[1]
    cell = 2 * REACH / side
    across = (np.arange(side) + 0.5) / side * 2 * REACH - REACH
    points, normals = [], []
    for camera, depth in zip(cameras(), maps, strict=True):
        safe = np.where(np.isfinite(depth), depth, 1e3)
        down, right = (leaping(safe, axis) / cell for axis in (0, 1))
        # where the slope is too steep to tell a leap from a wall, other views see it better
        good = np.isfinite(depth) & (np.abs(right) < 3) & (np.abs(down) < 3)
        x, y = np.meshgrid(across, across)
        points.append(np.stack([x[good], y[good], depth[good]], 1) @ camera.axes)
        normal = np.stack([right[good], down[good], -np.ones(int(good.sum()))], 1)
        normals.append(normal / np.linalg.norm(normal, axis=1, keepdims=True) @ camera.axes)
    return Cloud(np.concatenate(points), np.concatenate(normals))


def leaping(depth: Floats, axis: int) -> Floats:
    """Slopes a pixel along an axis: of the two neighbours the one that leaps less."""
    step = np.diff(depth, axis=axis)
    before = np.insert(step, 0, 1e3, axis)
    after = np.insert(step, step.shape[axis], 1e3, axis)
    mean = (before + after) / 2
    one = np.where(np.abs(before) < np.abs(after), before, after)
    return np.where(np.maximum(np.abs(before), np.abs(after)) < 3 * np.abs(one) + 1e-3, mean, one)


# Cells -------------------------------------------------------------------------------------------------------------------


def celled(points: Floats, side: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Which cells of a grid of so many a side points are in: those that are, in order, and of each point the index among them."""
    at = np.clip((points + REACH) / (2 * REACH) * side, 0, side - 1e-9).astype(np.int64)
    keys, group = np.unique((at[:, 0] * side + at[:, 1]) * side + at[:, 2], return_inverse=True)
    return keys, group.reshape(-1)


def unraveled(keys: NDArray[Any], side: int) -> Floats:
    """Cells (m, 3) of their keys."""
    return np.stack([keys // side**2, keys // side % side, keys % side], 1).astype(np.float64)


def gaps(keys: NDArray[Any]) -> NDArray[Any]:
    """How far each key is from the one before, in as few bits as they need."""
    found = np.diff(keys, prepend=0)
    return found.astype(np.uint16 if found.max(initial=0) < 65536 else np.uint32)


def means(values: Floats, group: NDArray[Any], count: int) -> Floats:
    """Means of values (n, 3) by group, (count, 3)."""
    total = np.stack([np.bincount(group, values[:, at], count) for at in range(3)], 1)
    return np.asarray(total / np.maximum(np.bincount(group, minlength=count), 1)[:, None], np.float64)


def morton(levels: NDArray[Any]) -> NDArray[Any]:
    """Numbers along a curve that keeps what is near together, of places (n, 3) on a grid of 12 bits."""
    found = np.zeros(len(levels), np.int64)
    for bit in range(12):
        for axis in range(3):
            found |= (levels[:, axis].astype(np.int64) >> bit & 1) << (3 * bit + axis)
    return found


def simplified(shape: Triangles, faces: int) -> Triangles:
    """The shape with at most so many triangles, or nearly. Raises MissingExtra."""
    if faces >= len(shape.faces):
        return shape
    try:
        from fast_simplification import simplify
    except ModuleNotFoundError as error:
        raise MissingExtra("simpler meshes", "mesh") from error
    points, found = simplify(shape.points.astype(np.float32), shape.faces, target_count=faces)
    return tidy(np.asarray(points, np.float64), np.asarray(found))
