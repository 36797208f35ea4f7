"""Places of a photo that is not held: painted from window to window, and blended there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from PIL import Image as Pillow

from atelier.engines.network.engine import FEW, LEAST, Brush, InstantEngine
from atelier.engines.network.painter import THUMBNAIL, TILE
from atelier.engines.network.places import ASIDE, middle, scaled
from atelier.engines.network.tiles import Read, Tiling, Window
from atelier.image import Image, fit, resize
from atelier.image.moments import moments
from atelier.image.spaces import SPACES
from atelier.image.value import Pixels
from atelier.progress import Progress, Report, silent

FINER = 4
"""A box of the photo is averaged to so many times the size wanted, and resized from there."""
STRIP = 2**22
"""Pixels of it that are read at once, about."""


def paint_places(
    engine: InstantEngine, read: Read, size: tuple[int, int], small: Image, report: Report = silent
) -> Iterator[tuple[int, int, Pixels]]:
    """Paint a photo as an engine with a guide does, window by window, row by row: x, y, painted pixels (h, w, 3).

    read: gives the photo's pixels; size: (width, height); small: the whole of it, THUMBNAIL px or so, which colours are counted in.
    The guide's planes may be coarser than the photo: between their pixels they are straight lines. Where all of them are 0 the photo
    comes through bit for bit. Strokes are of one size. Held are the planes and, at a time, one window.
    """
    assert engine.guide is not None
    tile = engine.settings.tile or TILE
    there = [(brush, plane) for brush, plane in zip(engine.brushes, engine.guide.places, strict=True) if plane.any()]
    whole = engine.brushes[0].painter.tiling(size, tile)
    core = [window for window in whole.windows() if min(_extent(whole, window)) > 0]
    cut: list[list[Window | None]] = []
    painted: list[Iterator[tuple[int, int, Pixels]]] = []
    for brush, plane in there:
        tiling = brush.painter.tiling(size, tile)
        windows = [_filled(tiling, window, plane) for window in core]
        cut.append(windows)
        painted.append(_painted(engine, brush, read, tiling, plane, [window for window in windows if window], small))
    for done, (window, *own) in enumerate(zip(core, *cut, strict=True), 1):
        *_, x, y = whole.inside(window)
        under = read(x, y, *_extent(whole, window))
        out = under.copy()
        for (_, plane), filled, parts in zip(there, own, painted, strict=True):
            if filled:
                left, top, part = next(parts)
                height, width = part.shape[:2]
                box = slice(top - y, top - y + height), slice(left - x, left - x + width)
                out[box] += section(plane, size, left, top, width, height)[..., None] * (part - under[box])
        report(Progress("painting", done, len(core)))
        yield x, y, out.clip(0, 1, out=out)


def section(plane: Pixels, size: tuple[int, int], x: int, y: int, width: int, height: int) -> Pixels:
    """(height, width): of a plane as large as the photo, of this size, what is in a window."""
    across, down = plane.shape[1] / size[0], plane.shape[0] / size[1]
    left, top = max(0, int(x * across) - 2), max(0, int(y * down) - 2)  # what is interpolated there takes in the next
    part = plane[top : int((y + height) * down) + 3, left : int((x + width) * across) + 3]
    box = (x * across - left, y * down - top, (x + width) * across - left, (y + height) * down - top)
    sheet = Pillow.fromarray(np.ascontiguousarray(part, np.float32))
    return np.asarray(sheet.resize((width, height), Pillow.Resampling.BILINEAR, box), np.float32)


def shrunk(read: Read, box: tuple[slice, slice], side: int = THUMBNAIL) -> Pixels:
    """A box (rows, columns) of the photo at a long side of `side` px, or as it is where that is smaller.

    Means over squares of whole pixels first, from strip to strip, so that no more is held than a strip.
    """
    (top, bottom), (left, right) = ((part.start, part.stop) for part in box)
    step = max(1, min(max(bottom - top, right - left) // (FINER * side), bottom - top, right - left))  # of what is long and narrow no more
    width, height = (right - left) // step * step, (bottom - top) // step * step
    rows = max(1, STRIP // (width * step)) * step
    strips = []
    for y in range(0, height, rows):
        strip = read(left, top + y, width, min(rows, height - y))
        strips.append(strip.reshape(strip.shape[0] // step, step, width // step, step, 3).mean((1, 3), dtype=np.float32))
    picture = Image(np.concatenate(strips).clip(0, 1))
    return np.asarray((picture if max(picture.size) <= side else resize(picture, fit(picture.size, side))).pixels)


def _extent(tiling: Tiling, window: Window) -> tuple[int, int]:
    """(width, height) of what a window has of the photo; one at the ends may be all margin."""
    rows, columns, *_ = tiling.inside(window)
    return columns.stop - columns.start, rows.stop - rows.start


def _filled(tiling: Tiling, window: Window, plane: Pixels) -> Window | None:
    """The part of a window that a place is in, in multiples; None where that is nothing.

    It sees all the painter's reach where it ends with the window, and ASIDE where the place ends.
    """
    *_, x, y = tiling.inside(window)
    width, height = _extent(tiling, window)
    inside = section(plane, (tiling.width, tiling.height), x, y, width, height) > 0
    if not inside.any():
        return None
    down, across = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
    m, margin = tiling.multiple, tiling.margin
    left, top = (x + int(across[0]) + margin) // m * m, (y + int(down[0]) + margin) // m * m
    right, bottom = (-(-(end + 1 + margin) // m) * m for end in (x + int(across[-1]), y + int(down[-1])))
    reach, aside = -(-tiling.reach // m) * m, -(-ASIDE // m) * m
    goes_on = (across[0] == 0, down[0] == 0, across[-1] == width - 1, down[-1] == height - 1)
    far = [reach if on else aside for on in goes_on]
    w, h = tiling.padded
    seen = (max(0, left - far[0]), max(0, top - far[1]), min(w, right + far[2]), min(h, bottom + far[3]))
    return Window(left, top, right - left, bottom - top, seen)


def _painted(
    engine: InstantEngine, brush: Brush, read: Read, tiling: Tiling, plane: Pixels, windows: Sequence[Window], small: Image
) -> Iterator[tuple[int, int, Pixels]]:
    """A place's windows, with the statistics of the place."""
    finer = tiling.width / plane.shape[1]
    rows, columns = middle(plane, max(1, round(LEAST / finer)))
    box = (
        slice(int(rows.start * finer), min(tiling.height, round(rows.stop * finer))),
        slice(int(columns.start * finer), min(tiling.width, round(columns.stop * finer))),
    )
    statistics = shrunk(read, box)
    counted = scaled(plane, small.size)
    pixels = small.pixels if counted.sum() >= FEW else statistics
    colours = moments(pixels, SPACES["rgb"], counted if pixels is small.pixels else None)
    style = engine.style(brush, None if brush.named else engine.read(statistics), colours)
    for x, y, part in brush.painter.windows(read, tiling, windows, statistics, style, engine.seed):
        yield x, y, engine.shown(part, read, x, y)
