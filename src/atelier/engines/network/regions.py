"""Regions of a photo: the box that one fills best, and what of each window it is in. A region is a plane, (H, W) in [0, 1] over the
photo, perhaps coarser than it: between its pixels it is straight lines."""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image as Pillow

from atelier.engines.network.windows import Grid, Window
from atelier.image import fit
from atelier.image.value import Pixels

Box = tuple[int, int, int, int]
"""Left, top, right, bottom, px."""
ASIDE = 96
"""Pixels that are seen beyond a region's end."""
SEARCH, STRAY = 48, 0.5
"""Cells a side of the search for the box that a region fills best, and how much what is not of the region counts against it."""


def scale(plane: Pixels, size: tuple[int, int]) -> Pixels:
    """A plane at (width, height)."""
    return np.asarray(Pillow.fromarray(np.ascontiguousarray(plane, np.float32)).resize(size, Pillow.Resampling.BOX), np.float32)


def middle(plane: Pixels, size: tuple[int, int], least: int = 16) -> tuple[slice, slice]:
    """Rows and columns, px of the photo, of the box that a region fills best: what is of the region counts for it, what is not,
    against it.

    plane: not all 0. size: (width, height) of the photo. least: px that the box has a side, where the photo has them. It is real
    picture and nothing else, for statistics that cannot be weighted.
    """
    finer = size[0] / plane.shape[1]
    rows, columns = _fullest_box(plane, max(1, round(least / finer)))
    return (
        slice(int(rows.start * finer), min(size[1], round(rows.stop * finer))),
        slice(int(columns.start * finer), min(size[0], round(columns.stop * finer))),
    )


def _fullest_box(plane: Pixels, least: int) -> tuple[slice, slice]:
    height, width = plane.shape
    grid = fit((width, height), min(SEARCH, max(plane.shape)))
    small = scale(plane, grid).astype(np.float64)
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


def section(plane: Pixels, size: tuple[int, int], x: int, y: int, width: int, height: int) -> Pixels:
    """(height, width): what is in a window of a region over a photo of `size`."""
    if plane.shape == size[::-1]:
        return plane[y : y + height, x : x + width]
    across, down = plane.shape[1] / size[0], plane.shape[0] / size[1]
    left, top = max(0, int(x * across) - 2), max(0, int(y * down) - 2)  # what is interpolated there takes in the next
    part = plane[top : int((y + height) * down) + 3, left : int((x + width) * across) + 3]
    box = (x * across - left, y * down - top, (x + width) * across - left, (y + height) * down - top)
    sheet = Pillow.fromarray(np.ascontiguousarray(part, np.float32))
    return np.asarray(sheet.resize((width, height), Pillow.Resampling.BILINEAR, box), np.float32)


def spread(plane: Pixels, cell: int, cells: int) -> Pixels:
    """A plane of cells of `cell` px, 1 where a region is or no further than so many cells away."""
    height, width = plane.shape
    around = (scale(plane, (-(-width // cell), -(-height // cell))) > 0).astype(np.float32)
    for axis in (0, 1) * (cells + 1):  # one more, as its cells are not quite those of the plane
        before, after = np.zeros_like(around), np.zeros_like(around)
        np.moveaxis(before, axis, 0)[1:] = np.moveaxis(around, axis, 0)[:-1]
        np.moveaxis(after, axis, 0)[:-1] = np.moveaxis(around, axis, 0)[1:]
        around = np.maximum(around, np.maximum(before, after))
    return around


def frame(grid: Grid, plane: Pixels) -> Box:
    """What is seen for all of a region, of the padded photo, in the grid's multiples: its box and ASIDE around. A plane that is all 0 has
    an empty one."""
    m, (w, h) = grid.multiple, grid.padded
    left, top, right, bottom = _bounds(plane > 0)
    across, down = grid.width / plane.shape[1], grid.height / plane.shape[0]
    far = ASIDE + grid.margin
    return (
        max(0, (int((left - 1) * across) + grid.margin - ASIDE) // m * m),
        max(0, (int((top - 1) * down) + grid.margin - ASIDE) // m * m),
        min(w, -(-(int((right + 1) * across) + 1 + far) // m) * m),
        min(h, -(-(int((bottom + 1) * down) + 1 + far) // m) * m),
    )


def narrow(grid: Grid, window: Window, plane: Pixels, within: Box) -> Window | None:
    """The part of a window that a region is in, in multiples of the grid's; None where that is nothing.

    It sees all the painter's reach, so that no seam is there, but no more than `within`: what the whole region would see.
    """
    x, y, width, height = grid.box(window)
    inside = section(plane, (grid.width, grid.height), x, y, width, height) > 0
    if not inside.any():
        return None
    m, margin = grid.multiple, grid.margin
    left, top, right, bottom = _bounds(inside)
    left, top = (x + left + margin) // m * m, (y + top + margin) // m * m
    right, bottom = (-(-(end + margin) // m) * m for end in (x + right, y + bottom))
    reach = -(-grid.reach // m) * m
    seen = (
        max(within[0], left - reach), max(within[1], top - reach),
        min(within[2], right + reach), min(within[3], bottom + reach),
    )  # fmt: skip
    return Window(left, top, right - left, bottom - top, seen)


def _bounds(inside: np.ndarray[Any, np.dtype[np.bool_]]) -> Box:
    """Left, top, right, bottom of the box of all that is True; of nothing, one of no size."""
    down, across = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
    return (int(across[0]), int(down[0]), int(across[-1]) + 1, int(down[-1]) + 1) if len(down) else (0, 0, 0, 0)
