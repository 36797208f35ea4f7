"""Ways to hold a shape with a small network: one fitted to it, and autoencoders of its parts, trained on other shapes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from atelier.image.value import Pixels
from atelier.progress import Report, silent
from atelier.representations import networks
from atelier.representations.cloud import REACH, Cloud, Triangles
from atelier.representations.field import BAND, cell_of, signed, signed_grid, surface_at_zero, surface_of
from atelier.representations.networks import Autoencoder, PointAutoencoder, codes_of, parts_of
from atelier.representations.packing import fitted, pack, unpack
from atelier.representations.plain import DEPTHS, VIEWS, celled, depth_maps, fused, gaps, unraveled
from atelier.solid.model import Floats

LOOKED = 112
"""Points a side of the grid on which a fitted network is asked."""
MOST = 20_000
"""Parts of shapes that an autoencoder is trained on."""


@dataclass
class Fitted:
    """A network of sines whose numbers are the shape. steps: of fitting it."""

    steps: int = 1200
    name: str = "implicit network"
    shared: int = 0

    def encode(self, shape: Triangles, budget: int, report: Report = silent) -> bytes:
        width = max(4, int((-8 + np.sqrt(64 + 8 * (budget * 0.97 / 2 - 1))) / 4))  # 2 w² + 7 w + 1 numbers of two bytes
        cloud, random = shape.cloud(), np.random.default_rng(0)
        near = np.concatenate([cloud.points + spread * random.standard_normal(cloud.points.shape) for spread in (0.01, 0.05)])
        far = random.uniform(-REACH, REACH, (len(near) // 4, 3))
        at = np.concatenate([near.clip(-REACH, REACH), far])
        values = signs(cloud, at) * np.minimum(cloud.tree.query(at)[0], 0.2)
        network = networks.fit_implicit(width, at / REACH, values / 0.2, self.steps, report)
        return pack(np.array([width], np.uint16), networks.vector_of(network).view(np.int16))

    def decode(self, data: bytes) -> Triangles:
        width, numbers = unpack(data)
        network = networks.filled(networks.Implicit(int(width[0])), numbers.view(np.float16))
        line = np.linspace(-1, 1, LOOKED)
        places = np.stack(np.meshgrid(line, line, line, indexing="ij"), 3).reshape(-1, 3)
        values = networks.asked(network, places) * 0.2 / cell_of(LOOKED)
        return surface_at_zero(values.reshape((LOOKED,) * 3).clip(-BAND, BAND).astype(np.float32))


def signs(cloud: Cloud, at: Floats, side: int = 96) -> Floats:
    """1 for places (n, 3) outside, -1 inside."""
    grid = signed_grid(cloud, side)
    index = np.clip(np.round((at + REACH) / cell_of(side)).astype(int), 0, side - 1)
    coarse = grid[tuple(index.T)]
    sure = np.abs(coarse) >= BAND
    found = np.sign(coarse).astype(np.float64)
    found[~sure] = np.where(signed(cloud, at[~sure]) < 0, -1.0, 1.0)
    return np.asarray(found, np.float64)


class PointParts:
    """Cells of a grid, the points in each of them by an autoencoder."""

    name, COUNT = "points, autoencoder", 16
    SIDES = (8, 12, 18, 27)

    def __init__(self, others: Sequence[Triangles], steps: int = 1200, report: Report = silent) -> None:
        networks.seeded(0)
        self.network = PointAutoencoder(self.COUNT)
        parts = [self.parts(each.cloud(), side)[1] for each in others for side in self.SIDES]
        networks.train(self.network, thinned(parts), steps, report)
        self.shared = networks.size_of(self.network)

    def parts(self, cloud: Cloud, side: int) -> tuple[Any, Pixels]:
        """Cells that the surface goes through, and of each COUNT points with normals, (m, COUNT * 6), from -1 to 1 in their cell."""
        keys, group = celled(cloud.points, side)
        order = np.argsort(group, kind="stable")
        count = np.bincount(group)
        first = np.cumsum(count) - count
        chosen = order[(first[:, None] + np.arange(self.COUNT) * count[:, None] // self.COUNT).astype(np.int64)]
        within = ((cloud.points[chosen] + REACH) / (2 * REACH) * side - unraveled(keys, side)[:, None]) * 2 - 1
        return keys, np.concatenate([within, cloud.normals[chosen]], 2).reshape(len(keys), -1).astype(np.float32)

    def encode(self, shape: Triangles, budget: int, report: Report = silent) -> bytes:
        cloud = shape.cloud()

        def at(side: int) -> bytes:
            keys, parts = self.parts(cloud, side)
            return pack(np.array([side], np.uint16), gaps(keys), codes_of(self.network, parts).T)

        return fitted(at, budget, 2, 64)

    def decode(self, data: bytes) -> Triangles:
        side, steps, codes = unpack(data)
        keys = np.cumsum(steps.astype(np.int64))
        found = parts_of(self.network, np.ascontiguousarray(codes.T)).reshape(len(keys), self.COUNT, 6).astype(np.float64)
        corner = unraveled(keys, int(side[0]))[:, None]
        points = (corner + found[..., :3] / 2 + 0.5) / int(side[0]) * 2 * REACH - REACH
        normals = found[..., 3:] / np.maximum(np.linalg.norm(found[..., 3:], axis=2, keepdims=True), 1e-9)
        return surface_of(Cloud(points.reshape(-1, 3), normals.reshape(-1, 3)))


class VoxelParts:
    """A grid of signed distances in blocks of 8³, those by an autoencoder through which the surface goes."""

    name, BLOCK = "voxels, autoencoder", 8
    BLOCKS = (3, 5, 8)

    def __init__(self, others: Sequence[Triangles], steps: int = 1200, report: Report = silent) -> None:
        networks.seeded(0)
        self.network = Autoencoder(self.BLOCK**3)
        parts = [self.parts(signed_grid(each.cloud(), count * self.BLOCK))[1] for each in others for count in self.BLOCKS]
        networks.train(self.network, thinned(parts), steps, report)
        self.shared = networks.size_of(self.network)

    def parts(self, grid: Pixels) -> tuple[NDArray[np.int8], Pixels]:
        """What blocks are, (m,): -1 inside, 1 outside, 0 neither; and the distances in the latter, (k, BLOCK³)."""
        count = len(grid) // self.BLOCK
        blocks = grid.reshape((count, self.BLOCK) * 3).transpose(0, 2, 4, 1, 3, 5).reshape(count**3, -1)
        kind = np.where(blocks.min(1) > 0, 1, np.where(blocks.max(1) < 0, -1, 0)).astype(np.int8)
        return kind, blocks[kind == 0] / BAND

    def encode(self, shape: Triangles, budget: int, report: Report = silent) -> bytes:
        cloud = shape.cloud()

        def at(count: int) -> bytes:
            kind, parts = self.parts(signed_grid(cloud, count * self.BLOCK))
            return pack(np.array([count], np.uint8), kind, codes_of(self.network, parts).T)

        return fitted(at, budget, 2, 24)

    def decode(self, data: bytes) -> Triangles:
        count_, kind, codes = unpack(data)
        count = int(count_[0])
        blocks = np.repeat(kind[:, None].astype(np.float32), self.BLOCK**3, 1)
        blocks[kind == 0] = parts_of(self.network, np.ascontiguousarray(codes.T)).clip(-1, 1)
        grid = blocks.reshape((count,) * 3 + (self.BLOCK,) * 3).transpose(0, 3, 1, 4, 2, 5).reshape((count * self.BLOCK,) * 3)
        return surface_at_zero(np.asarray(grid * BAND, np.float32))


class DepthParts:
    """Depth maps in tiles of 8 x 8, by an autoencoder: how far each pixel is from the tile's mean, and whether it is there at all."""

    name, TILE = "depth maps, autoencoder", 8
    SIDES = (32, 64, 96)

    def __init__(self, others: Sequence[Triangles], steps: int = 1200, report: Report = silent) -> None:
        networks.seeded(0)
        self.network = Autoencoder(2 * self.TILE**2)
        parts = [self.parts(depth_maps(each, side))[2] for each in others for side in self.SIDES]
        networks.train(self.network, thinned(parts), steps, report)
        self.shared = networks.size_of(self.network)

    def parts(self, maps: Floats) -> tuple[NDArray[np.uint8], NDArray[np.int16], Pixels]:
        """Which tiles see anything, (m,), their mean depths, of DEPTHS, and the tiles (k, 2 TILE²), depths in pixels' widths."""
        side = maps.shape[1]
        tiles = maps.reshape(VIEWS, side // self.TILE, self.TILE, -1, self.TILE).swapaxes(2, 3).reshape(-1, self.TILE**2)
        here = np.isfinite(tiles)
        shown = here.any(1)
        tiles, here = tiles[shown], here[shown]
        tiles = np.where(here, tiles, 0)
        mean = tiles.sum(1) / here.sum(1)
        level = np.round((mean / REACH * 0.5 + 0.5) * DEPTHS).astype(np.int16)
        apart = np.where(here, tiles - ((level / DEPTHS * 2 - 1) * REACH)[:, None], 0) / (2 * REACH / side * self.TILE)
        return np.asarray(shown, np.uint8), level, np.concatenate([apart.clip(-3, 3), here * 1.0], 1, dtype=np.float32)

    def encode(self, shape: Triangles, budget: int, report: Report = silent) -> bytes:
        def at(count: int) -> bytes:
            shown, level, parts = self.parts(depth_maps(shape, count * self.TILE))
            return pack(
                np.array([count], np.uint8), np.packbits(shown), np.diff(level, prepend=np.int16(0)), codes_of(self.network, parts).T
            )

        return fitted(at, budget, 1, 24)

    def decode(self, data: bytes) -> Triangles:
        count_, bits, steps, codes = unpack(data)
        count, tile = int(count_[0]), self.TILE
        side = count * tile
        shown = np.unpackbits(bits)[: VIEWS * count**2].astype(bool)
        found = parts_of(self.network, np.ascontiguousarray(codes.T))
        level = np.cumsum(steps.astype(np.int64))
        depth = found[:, : tile**2] * (2 * REACH / side * tile) + ((level / DEPTHS * 2 - 1) * REACH)[:, None]
        tiles = np.full((len(shown), tile**2), np.inf)
        tiles[shown] = np.where(found[:, tile**2 :] > 0.5, depth, np.inf)
        return surface_of(fused(tiles.reshape(VIEWS, count, count, tile, tile).swapaxes(2, 3).reshape(VIEWS, side, side)))


def thinned(parts: Sequence[Pixels]) -> Pixels:
    """Parts of all shapes as one (n, size), MOST at the most, as many of each shape and fineness as can be."""
    random, each = np.random.default_rng(0), MOST // max(1, len(parts))
    return np.concatenate([part if len(part) <= each else part[random.choice(len(part), each, replace=False)] for part in parts])
