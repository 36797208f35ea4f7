"""What depends on a picture's size in a plain model: padding, noise, and the way back."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto

from atelier.engines.network.painter import noise_of
from atelier.engines.network.plan import CELL, MARGIN, MULTIPLE
from atelier.engines.network.windows import reflected
from atelier.training.export.graph import Graph

PERIODS = (61, 64)
"""Sides of the two patterns that noise for pictures of any size is the sum of: together they repeat after 3904 cells of 8 px."""


class Extent(Protocol):
    """What depends on the size: all of it arithmetic of the model where that is open, constants where it is fixed."""

    @property
    def pixels(self) -> str:
        """How many there are, float32 ()."""

    def flat(self, x: str) -> str:
        """(N, 3, H, W) to (N, 3, H·W)."""

    def raised(self, x: str) -> str:
        """And back."""

    def padded(self, x: str) -> str:
        """With MARGIN px of reflection before, and after as many and those up to a multiple of MULTIPLE."""

    def noise(self, channels: int, seed: int) -> str:
        """(1, C, h, w) for the padded picture."""

    def cropped(self, x: str) -> str:
        """The padded picture without its padding."""


def beside(graph: Graph, x: str, before: str, after: str, axis: int) -> str:
    """x between copies of those of its rows or columns that are named: less to move than picking all of them anew."""
    return graph("Concat", graph("Gather", x, before, axis=axis), x, graph("Gather", x, after, axis=axis), axis=axis)


class FixedExtent:
    def __init__(self, graph: Graph, size: tuple[int, int]) -> None:
        self.graph, self.sides = graph, size[::-1]

    @property
    def pixels(self) -> str:
        return self.graph.single(self.sides[0] * self.sides[1])

    def flat(self, x: str) -> str:
        return self.graph.shaped(x, 1, 3, self.sides[0] * self.sides[1])

    def raised(self, x: str) -> str:
        return self.graph.shaped(x, 1, 3, *self.sides)

    def padded(self, x: str) -> str:
        for axis, (side, end) in enumerate(zip(self.sides, self.ends(), strict=True), 2):
            before, after = (self.graph.constant(reflected(*part, side)) for part in ((-MARGIN, 0), (side, end - MARGIN)))
            x = beside(self.graph, x, before, after, axis)
        return x

    def ends(self) -> list[int]:
        return [-(-(side + 2 * MARGIN) // MULTIPLE) * MULTIPLE for side in self.sides]

    def noise(self, channels: int, seed: int) -> str:
        height, width = self.ends()
        return self.graph.stored("noise", noise_of(channels, (0, 0, width, height), seed))

    def cropped(self, x: str) -> str:
        for axis, side in enumerate(self.sides, 2):
            x = self.graph.slice(x, MARGIN, MARGIN + side, axis)
        return x


class OpenExtent:
    def __init__(self, graph: Graph, photo: str) -> None:
        self.graph = graph
        self.shape = graph("Shape", photo)
        self.sides = [graph.slice(self.shape, axis, axis + 1, 0) for axis in (2, 3)]  # (1,) each, as are all numbers here
        enough, multiple = graph.constant([2 * MARGIN + MULTIPLE - 1]), graph.constant([MULTIPLE])
        self.blocks = [graph("Div", graph("Add", side, enough), multiple) for side in self.sides]
        self.cells = [graph("Mul", count, graph.constant([MULTIPLE // CELL])) for count in self.blocks]

    @property
    def pixels(self) -> str:
        return self.graph("Cast", self.graph("Mul", *self.sides), to=TensorProto.FLOAT)

    def flat(self, x: str) -> str:
        return self.graph.shaped(x, 0, 3, -1)

    def raised(self, x: str) -> str:
        return self.graph("Reshape", x, self.shape)

    def padded(self, x: str) -> str:
        graph = self.graph
        one = graph.constant(1)
        for axis, (side, count) in enumerate(zip(self.sides, self.blocks, strict=True), 2):
            start = graph("Squeeze", side)
            end = graph("Squeeze", graph("Sub", graph("Mul", count, graph.constant([MULTIPLE])), graph.constant([MARGIN])))
            period = graph("Max", graph("Mul", graph("Sub", start, one), graph.constant(2)), one)
            parts = []
            for positions in (graph.constant(np.arange(-MARGIN, 0)), graph("Range", start, end, one)):
                at = graph("Mod", positions, period)  # never negative, as in Python
                parts.append(graph("Min", at, graph("Sub", period, at)))
            x = beside(graph, x, parts[0], parts[1], axis)
        return x

    def noise(self, channels: int, seed: int) -> str:
        graph = self.graph
        parts = []
        for side, cell in zip(PERIODS, cells_of_noise(channels, seed), strict=True):
            last, period = graph.constant([side - 1]), graph.constant([side])
            repeats = [graph("Div", graph("Add", cells, last), period) for cells in self.cells]
            tiled = graph("Tile", graph.stored(f"noise{side}", cell), graph("Concat", graph.constant([1, 1]), *repeats, axis=0))
            ends = graph("Concat", *self.cells, axis=0)
            parts.append(graph("Slice", tiled, graph.constant([0, 0]), ends, graph.constant([2, 3])))
        return graph("Add", *parts)

    def cropped(self, x: str) -> str:
        for axis, side in enumerate(self.sides, 2):
            end = self.graph("Add", side, self.graph.constant([MARGIN]))
            x = self.graph("Slice", x, self.graph.constant([MARGIN]), end, self.graph.constant([axis]))
        return x


def cells_of_noise(channels: int, seed: int) -> list[NDArray[np.float32]]:
    """The patterns whose tilings add up to standard normal noise: (1, C, n, n) for each n of PERIODS, of variance 1/2."""
    rng = np.random.default_rng(seed)
    return [rng.standard_normal((1, channels, side, side), np.float32) * np.float32(0.5**0.5) for side in PERIODS]


def pattern(channels: int, rows: int, columns: int, seed: int = 0) -> NDArray[np.float32]:
    """The noise (1, C, rows, columns) that a model for pictures of any size paints from."""
    total = np.zeros((1, channels, rows, columns), np.float32)
    for side, cell in zip(PERIODS, cells_of_noise(channels, seed), strict=True):
        repeated = np.tile(cell, (1, 1, -(-rows // side), -(-columns // side)))
        total += repeated[:, :, :rows, :columns].astype(np.float16)  # as it is in the file
    return total
