"""The cells that pictures are cut into to be matched, and what is seen in them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from atelier.engines.optimize.layers import stride
from atelier.engines.optimize.tiles import Tile
from atelier.errors import SettingError
from atelier.perception.network import Network

CELL, LARGEST_CELL = 4, 16
"""Side of a cell, px: the smallest with which neither the picture nor the paintings have more than CELLS. Tiles begin on cells."""
CELLS = 20_000
MOST_CELLS = 65_536
"""Cells that a picture, or the paintings together, may have at the most, 16.8 megapixels: the time to compare them all grows with
the product of their numbers."""
RIM = 2
"""Cells along a border that show some of what is beyond it: matched to from along a border alone."""


@dataclass(frozen=True, eq=False)
class Cells:
    """Cells of `side` px, described by what a network sees in them.

    layers: with weights, by which cells are described. parts: the tiles of a picture of a height and a width."""

    network: Network
    layers: Mapping[str, float]
    pooling: str
    parts: Callable[[int, int], Sequence[Tile]]
    side: int

    def grid(self, height: int, width: int) -> tuple[int, int]:
        return -(-height // self.side), -(-width // self.side)

    def described(self, picture: Tensor) -> dict[str, Tensor]:
        """What the layers see in a picture's cells, in the network's metric: (cells, C) each."""
        height, width = picture.shape[2:]
        rows, columns = self.grid(height, width)
        maps: dict[str, Tensor] = {}
        for tile in self.parts(height, width):
            ys, xs = tile.y0 // self.side, tile.x0 // self.side
            size = self.grid(tile.y1 - tile.y0, tile.x1 - tile.x0)
            for name, seen in self.network.see(picture[:, :, *tile.window], self.layers, self.pooling).items():
                f = tile.inner(seen, name).float()
                if (metric := self.network.metric.get(name)) is not None:
                    f = F.conv2d(f, metric[:, :, None, None])
                if name not in maps:
                    maps[name] = f.new_empty(rows, columns, f.shape[1])
                maps[name][ys : ys + size[0], xs : xs + size[1]] = self.celled(f, stride(name), size)[0].permute(1, 2, 0)
        return {name: f.flatten(0, 1) for name, f in maps.items()}

    def directions(self, described: Mapping[str, Tensor], cells: Tensor) -> Tensor:
        """Cells (n,) as directions, (n, D): each layer less its mean over them, all layers with the power of their weight (Kolkin
        et al. 2022 centre both pictures on their own means, so that light and tint do not matter)."""
        joined = []
        for name, weight in self.layers.items():
            f = described[name].index_select(0, cells)
            f = f - f.mean(0)
            power = f.square().sum(1).mean().sqrt().clamp_min(1e-3)  # a blank picture is like nothing
            joined.append(f.mul_(math.sqrt(weight) / power))
        return F.normalize(torch.cat(joined, 1), dim=1)

    def celled(self, features: Tensor, k: int, size: tuple[int, int]) -> Tensor:
        """Features of stride k, one a cell: averaged within it, or repeated; the last ones also for what pooling left over."""
        if k < self.side:
            features = F.avg_pool2d(features, self.side // k, ceil_mode=True)
        elif k > self.side:
            features = features.repeat_interleave(k // self.side, 2).repeat_interleave(k // self.side, 3)
        features = features[:, :, : size[0], : size[1]]
        return F.pad(features, (0, size[1] - features.shape[3], 0, size[0] - features.shape[2]), mode="replicate")


def cell_side(areas: Sequence[int]) -> int:
    """Side of the cells for pictures of these areas, px. Raises SettingError where there would be too many cells."""
    side = CELL
    while side < LARGEST_CELL and max(areas) > CELLS * side * side:
        side *= 2
    if max(areas) > MOST_CELLS * side * side:
        limit = math.isqrt(MOST_CELLS) * LARGEST_CELL
        raise SettingError(
            "match",
            f"`match` semantic compares all of the picture with all of the paintings, at most {limit}x{limit} px: give a smaller `size`",
        )
    return side


def rim(there: Tensor) -> Tensor:
    """Which of some cells (rows, columns) are not farther than RIM from others."""
    outside = (~there)[None, None].to(torch.float32)
    return there & (F.max_pool2d(outside, 2 * RIM + 1, 1, RIM)[0, 0] > 0)
