"""Places within a photo: the box that one fills best, and the windows that it is in."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from PIL import Image as Pillow

from atelier.engines.network.tiles import Tiling, Window, even
from atelier.image import fit
from atelier.image.morphology import Bools
from atelier.image.value import Pixels

ASIDE = 96
"""Pixels that are seen beyond a place's end."""
GRID, STRAY = 48, 0.5
"""Cells a side of the search for the box that a place fills best, and how much what is not of the place counts against it."""


def scaled(plane: Pixels, size: tuple[int, int]) -> Pixels:
    """A plane at (width, height)."""
    return np.asarray(Pillow.fromarray(np.ascontiguousarray(plane, np.float32)).resize(size, Pillow.Resampling.BOX), np.float32)


def middle(plane: Pixels, least: int = 16) -> tuple[slice, slice]:
    """Rows and columns of the box that a place fills best: what is of the place counts for it, what is not, against it.

    plane: (H, W) in [0, 1], not all 0. least: px that the box has a side, where the picture has them. It is real picture and
    nothing else, for statistics that cannot be weighted.
    """
    height, width = plane.shape
    side = min(GRID, max(plane.shape))
    grid = fit((width, height), side)
    small = scaled(plane, grid).astype(np.float64)
    worth = np.where(small > 0, small - STRAY * (1 - small), -STRAY)
    if not small.any():
        worth = small
    down = np.cumsum(np.vstack([np.zeros((1, grid[0])), worth]), axis=0)
    tops, bottoms = np.triu_indices(grid[1] + 1, 1)
    sums = np.cumsum(down[bottoms] - down[tops], axis=1)  # of the columns up to here, for every pair of rows
    before = np.concatenate([np.zeros((len(tops), 1)), np.minimum.accumulate(sums, axis=1)[:, :-1].clip(max=0)], axis=1)
    pair, right = np.unravel_index((sums - before).argmax(), sums.shape)
    left = 0 if before[pair, right] == 0 else int(sums[pair, :right].argmin()) + 1
    top, bottom = float(tops[pair]) / grid[1], float(bottoms[pair]) / grid[1]
    return _at_least(top, bottom, height, least), _at_least(left / grid[0], (int(right) + 1) / grid[0], width, least)


def _at_least(begin: float, end: float, length: int, least: int) -> slice:
    """Shares of a length to px, widened about their middle."""
    first, last = round(begin * length), round(end * length)
    size = min(length, max(least, last - first))
    first = min(max(0, (first + last - size) // 2), length - size)
    return slice(first, first + size)


def touching(tiling: Tiling, inside: Bools, tile: int, more: int = 0) -> Iterator[Window]:
    """The windows, of a tile's side at most, that a place is in, and more multiples around it, each no larger than the place is there.

    A window sees all the painter's reach where the place goes on beyond it, so that no seam is there, and ASIDE where it ends.
    """
    m, margin = tiling.multiple, tiling.margin
    width, height = tiling.padded
    padded = np.zeros((height, width), np.bool_)
    padded[margin : margin + tiling.height, margin : margin + tiling.width] = inside
    cells: Bools = np.any(padded.reshape(height // m, m, width // m, m), axis=(1, 3))
    for axis in (0, 1) * more:
        one, other = np.zeros_like(cells), np.zeros_like(cells)
        np.moveaxis(one, axis, 0)[1:] = np.moveaxis(cells, axis, 0)[:-1]
        np.moveaxis(other, axis, 0)[:-1] = np.moveaxis(cells, axis, 0)[1:]
        cells |= one | other
    side, reach, aside = max(1, tile // m), -(-tiling.reach // m), -(-ASIDE // m)
    top, bottom, left, right = _box(cells)
    for row, row_end in even(bottom - top, side, 1):
        for column, column_end in even(right - left, side, 1):
            a, b, c, d = row + top, row_end + top, column + left, column_end + left
            if not cells[a:b, c:d].any():
                continue
            t, u, v, w = _box(cells[a:b, c:d])
            a, b, c, d = a + t, a + u, c + v, c + w
            # where the place goes on beyond the window, it is another window's, and the two must agree
            beyond = [cells[max(0, a - 1) : a, c:d], cells[b : b + 1, c:d], cells[a:b, max(0, c - 1) : c], cells[a:b, d : d + 1]]
            far = [reach if part.any() else aside for part in beyond]
            seen = (max(0, c - far[2]), max(0, a - far[0]), min(width // m, d + far[3]), min(height // m, b + far[1]))
            yield Window(c * m, a * m, (d - c) * m, (b - a) * m, (seen[0] * m, seen[1] * m, seen[2] * m, seen[3] * m))


def _box(inside: Bools) -> tuple[int, int, int, int]:
    """Top, bottom, left and right of what is inside, ends exclusive."""
    rows, columns = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
    return int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1
