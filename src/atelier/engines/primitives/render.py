"""A drawing painted anew at any size, from its shapes: never enlarged, every edge as smooth as the pixels allow.

A pixel's coverage is the exact area of the shape's polygon in it, found by adding up signed areas along the outline and then from
left to right (Levien's font-rs, Barrett's stb_truetype 2). Where the outline winds around a pixel more than once the sum is cut
off at 1, which is the non-zero rule but for pixels in which sides cross. Shapes are blended on sRGB values as they are, as SVG is:
c(1 - a·coverage) + k·a·coverage. The picture is painted in bands of rows, each with all shapes while it is in the cache, by several
threads; a pixel's value depends on neither.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from atelier.engines.primitives.compiled import compiled
from atelier.engines.primitives.drawing import Drawing, Mark
from atelier.engines.primitives.shapes import SHAPES
from atelier.errors import SettingError
from atelier.image import Image, fit

BAND = 16  # rows; 8000 px wide they are 1.5 MB of picture, about what a core keeps to itself
BLOCK = 16  # columns; an untouched block is covered evenly and painted as such
TOLERANCE = 0.05  # px, by which chords may miss a curve
MOST_CHORDS = 4096
_SMALL = 1e-4  # coverage that is rounding

Floats = npt.NDArray[np.float32]


class _Outlines(NamedTuple):
    """Shapes in pixels of the picture to be painted."""

    corners: npt.NDArray[np.float64]  # (N, 2) x, y of all shapes in a row
    starts: npt.NDArray[np.int64]  # (M + 1,) shape i has corners starts[i] to starts[i + 1]
    heights: npt.NDArray[np.float64]  # (M, 2) top and bottom
    paints: npt.NDArray[np.float64]  # (M, 4) red, green, blue, opacity in [0, 1]


def render(drawing: Drawing, size: tuple[int, int] | int, *, marks: int | None = None) -> Image:
    """The drawing at (width, height), or with that longer side in the photo's proportions, px. marks: only the first so many shapes.

    A drawing without background gives an image with alpha. Raises SettingError for a size under 1 px. Memory: the
    picture's own 12 bytes a pixel, 16 with alpha, and little else.
    """
    width, height = _size(drawing, size)
    pixels, alpha = _empty(drawing, width, height)
    _paint(_outlines(drawing, drawing.marks[:marks], width, height), pixels, alpha)
    return _image(pixels, alpha)


def frames(drawing: Drawing, size: tuple[int, int] | int, count: int) -> Iterator[Image]:
    """The drawing as it grows, in at most `count` pictures, from none of its shapes (if count > 1) to all of them.

    The number of shapes grows with the square of time, since the first ones change most; no picture is the same as the one before,
    so there are fewer of them where there are few shapes. Each shape is painted once. Raises SettingError for a count or
    size under 1.
    """
    if count < 1:
        raise SettingError("frames", f"an animation needs at least one frame, got {count}")
    width, height = _size(drawing, size)
    return _growing(drawing, width, height, _schedule(len(drawing.marks), count))


def _growing(drawing: Drawing, width: int, height: int, ends: Sequence[int]) -> Iterator[Image]:
    pixels, alpha = _empty(drawing, width, height)
    start = 0
    for end in ends:
        _paint(_outlines(drawing, drawing.marks[start:end], width, height), pixels, alpha)
        yield _image(pixels.copy(), None if alpha is None else alpha.copy())
        start = end


def _schedule(marks: int, count: int) -> list[int]:
    """How many shapes each frame shows: increasing, the last one all."""
    last = min(count, marks + 1) - 1
    return [max(i, round(marks * (i / last) ** 2)) for i in range(last + 1)] if last else [marks]


def _size(drawing: Drawing, size: tuple[int, int] | int) -> tuple[int, int]:
    width, height = fit(drawing.size, size) if isinstance(size, int) else size
    if width < 1 or height < 1:
        raise SettingError("size", "a picture's size must be at least 1 × 1", f"{width} × {height}")
    return width, height


def _empty(drawing: Drawing, width: int, height: int) -> tuple[Floats, Floats | None]:
    """The background: premultiplied pixels (H, W, 3), and alpha (H, W) if it is transparent."""
    if drawing.background is None:
        return np.zeros((height, width, 3), np.float32), np.zeros((height, width), np.float32)
    pixels = np.empty((height, width, 3), np.float32)
    pixels[:] = np.array(drawing.background) / 255
    return pixels, None


def _image(pixels: Floats, alpha: Floats | None) -> Image:
    """The picture of premultiplied pixels, which are changed."""
    if alpha is not None:
        _straight(pixels, alpha)
    return Image(pixels, alpha)


def _outlines(drawing: Drawing, marks: Sequence[Mark], width: int, height: int) -> _Outlines:
    scale = np.array([width / drawing.width, height / drawing.height])
    outlines = [_outline(mark, scale) for mark in marks]
    return _Outlines(
        np.concatenate([np.empty((0, 2)), *outlines]),
        np.cumsum([0, *map(len, outlines)]),
        np.array([[o[:, 1].min(), o[:, 1].max()] for o in outlines]).reshape(-1, 2),
        np.array([mark.paint for mark in marks]).reshape(-1, 4),
    )


def _outline(mark: Mark, scale: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """(N, 2) corners, as many as it takes for a curve of this extent to keep within TOLERANCE: an arc's chord of angle 2π/n
    is away from it by r(1 - cos π/n), about r(π/n)²/2."""
    shape, state = SHAPES[mark.shape], np.array(mark.state)
    extent = float(np.linalg.norm(np.ptp(shape.outline(state, 0), axis=0) * scale))
    chords = math.ceil(math.pi * math.sqrt(extent / 2 / (2 * TOLERANCE)))
    return shape.outline(state, min(chords, MOST_CHORDS)) * scale


def _paint(outlines: _Outlines, pixels: Floats, alpha: Floats | None) -> None:
    """Put shapes on top, in place. pixels: (H, W, 3) premultiplied; alpha: (H, W) or None."""
    height = len(pixels)
    veil = np.empty((0, 0), np.float32) if alpha is None else alpha
    workers = min(os.cpu_count() or 1, math.ceil(height / (4 * BAND)))
    if workers == 1:
        _paint_rows(*outlines, pixels, veil, 0, height)
        return
    share = BAND * math.ceil(height / BAND / (4 * workers))  # more shares than threads: some rows have more shapes
    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(lambda top: _paint_rows(*outlines, pixels, veil, top, min(top + share, height)), range(0, height, share)))


@compiled
def _paint_rows(corners, starts, heights, paints, pixels, alpha, first, end):  # type: ignore[no-untyped-def]
    """Paint all shapes over rows [first, end). alpha: (H, W), or (0, 0) where there is none."""
    width = pixels.shape[1]
    blocks = width // BLOCK + 1
    areas = np.zeros((BAND, width + 1), np.float32)  # by how much coverage changes from the pixel to the left
    touched = np.zeros((BAND, blocks), np.bool_)  # blocks where it does
    for top in range(first, end, BAND):
        bottom = min(top + BAND, end)
        for i in range(len(paints)):
            if heights[i, 0] >= bottom or heights[i, 1] <= top:
                continue
            before = starts[i + 1] - 1
            for j in range(starts[i], starts[i + 1]):
                _side(corners[before, 0], corners[before, 1], corners[j, 0], corners[j, 1], top, bottom, areas, touched, width)
                before = j
            for y in range(max(top, math.floor(heights[i, 0])), min(bottom, math.ceil(heights[i, 1]))):
                _blend(areas[y - top], touched[y - top], paints[i], pixels[y], alpha[y if len(alpha) else 0 : y + 1])


@njit(inline="always")
def _side(x0, y0, x1, y1, top, bottom, areas, touched, width):  # type: ignore[no-untyped-def]
    """Add one side of an outline to rows [top, bottom): positive downwards."""
    sign = 1.0
    if y0 > y1:
        x0, y0, x1, y1, sign = x1, y1, x0, y0, -1.0
    if y1 <= top or y0 >= bottom or y0 == y1:
        return
    slope = (x1 - x0) / (y1 - y0)
    for y in range(max(top, math.floor(y0)), min(bottom, math.ceil(y1))):
        # from the side's own beginning, not step by step, so that rows do not depend on where the band begins
        a, b = max(y0, float(y)), min(y1, y + 1.0)
        left, right = x0 + (a - y0) * slope, x0 + (b - y0) * slope
        if left > right:
            left, right = right, left
        _piece(left, right, sign * (b - a), areas[y - top], touched[y - top], width)


@njit(inline="always")
def _piece(left, right, tall, areas, touched, width):  # type: ignore[no-untyped-def]
    """Add a piece of a side within one row, from x = left to right. tall: its height, signed, px."""
    if left >= width:
        return  # all that it changes is to its right
    if right <= 0:
        left = right = 0.0
    wide = right - left
    if wide < 1e-9:
        column = int(left)
        inside = left - column  # the share of the first pixel that is to its left
        areas[column] += tall * (1 - inside)
        areas[column + 1] += tall * inside
        touched[column // BLOCK] = touched[(column + 1) // BLOCK] = True
        return
    if left < 0:
        areas[0] += tall * (-left / wide)
        touched[0] = True
    end = min(math.ceil(right), width)
    for column in range(max(0, math.floor(left)), end):
        a, b = max(left, float(column)), min(right, column + 1.0)
        part = tall * ((b - a) / wide)
        inside = (a + b) / 2 - column
        areas[column] += part * (1 - inside)
        areas[column + 1] += part * inside
    for block in range(max(0, math.floor(left)) // BLOCK, end // BLOCK + 1):
        touched[block] = True


@njit(inline="always")
def _blend(areas, touched, paint, pixels, alpha):  # type: ignore[no-untyped-def]
    """Paint one row, and clear `areas` and `touched` for the next shape. pixels: (W, 3); alpha: (1, W), or (0, 0) for none."""
    width = len(pixels)
    r, g, b = np.float32(paint[0]), np.float32(paint[1]), np.float32(paint[2])
    one, zero = np.float32(1), np.float32(0)
    total = zero
    block = 0
    while block < len(touched):
        x = block * BLOCK
        if touched[block]:
            touched[block] = False
            for column in range(x, min(x + BLOCK, width)):
                total += areas[column]
                areas[column] = zero
                share = np.float32(paint[3]) * min(abs(total), one)
                pixel = pixels[column]
                pixel[0] += share * (r - pixel[0])
                pixel[1] += share * (g - pixel[1])
                pixel[2] += share * (b - pixel[2])
                if len(alpha):
                    alpha[0, column] += share * (one - alpha[0, column])
            if x + BLOCK > width:
                areas[width] = zero
            block += 1
            continue
        while block < len(touched) and not touched[block]:
            block += 1
        if abs(total) < _SMALL:
            continue
        share = np.float32(paint[3]) * min(abs(total), one)
        rest = one - share
        end = min(block * BLOCK, width)
        for column in range(x, end):
            pixels[column, 0] = pixels[column, 0] * rest + share * r
            pixels[column, 1] = pixels[column, 1] * rest + share * g
            pixels[column, 2] = pixels[column, 2] * rest + share * b
        if len(alpha):
            for column in range(x, end):
                alpha[0, column] = alpha[0, column] * rest + share


@compiled
def _straight(pixels, alpha):  # type: ignore[no-untyped-def]
    """Undo the premultiplication, in place."""
    for y in range(alpha.shape[0]):
        for x in range(alpha.shape[1]):
            if alpha[y, x] > 0:
                for c in range(3):
                    pixels[y, x, c] = min(pixels[y, x, c] / alpha[y, x], np.float32(1))
