"""A picture cut into tiles, each with the margin that it takes to know what is seen on it."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

MARGIN = 96
"""Pixels a tile sees beyond its own: half of conv5_1's receptive field is 78, and 96 is a multiple of 16."""


@dataclass(frozen=True)
class Tile:
    """Rows and columns [y0, y1) x [x0, x1) of the picture, and the larger window that is looked at to know them."""

    y0: int
    y1: int
    x0: int
    x1: int
    height: int
    width: int

    @property
    def window(self) -> tuple[slice, slice]:
        return (
            slice(max(0, self.y0 - MARGIN), min(self.height, self.y1 + MARGIN)),
            slice(max(0, self.x0 - MARGIN), min(self.width, self.x1 + MARGIN)),
        )

    def inside(self, level: int) -> tuple[slice, slice]:
        """The tile's own part of the window's grid of cells of 2^level px."""
        ys, xs = self.window
        bottom = None if self.y1 == self.height else (self.y1 - ys.start) >> level
        right = None if self.x1 == self.width else (self.x1 - xs.start) >> level
        return slice((self.y0 - ys.start) >> level, bottom), slice((self.x0 - xs.start) >> level, right)

    def inner(self, features: Tensor, layer: str) -> Tensor:
        """The part of the window's features that is the tile's own."""
        return features[:, :, *self.inside(int(layer[4]) - 1)]

    def grid(self, level: int) -> tuple[slice, slice]:
        """The tile's own part of the whole picture's grid of cells of 2^level px."""
        bottom = (self.height if self.y1 == self.height else self.y1) >> level
        right = (self.width if self.x1 == self.width else self.x1) >> level
        return slice(self.y0 >> level, bottom), slice(self.x0 >> level, right)

    def part(self, features: Tensor, layer: str) -> Tensor:
        """The tile's own part of the whole picture's features."""
        return features[:, :, *self.grid(int(layer[4]) - 1)]


def tiles(height: int, width: int, side: int) -> list[Tile]:
    """The picture cut into tiles of about side x side, on multiples of 16; one tile where side is 0 or large enough."""

    def cuts(length: int) -> list[tuple[int, int]]:
        count = max(1, round(length / side)) if side else 1
        step = max(16, -(-length // count) // 16 * 16)
        starts = list(range(0, length, step))
        if len(starts) > 1 and length - starts[-1] < 16:  # too thin to hold a cell of the coarsest grid
            starts.pop()
        return list(zip(starts, [*starts[1:], length], strict=True))

    return [Tile(y0, y1, x0, x1, height, width) for y0, y1 in cuts(height) for x0, x1 in cuts(width)]
