"""Looking a texture up: which texels of which smaller versions of it are seen in a pixel, and how much each counts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from atelier.image.value import Pixels
from atelier.solid.model import Floats

LEVELS = 5
"""Smaller versions of a texture at the most, each of half the side."""


@dataclass(frozen=True, eq=False)
class Taps:
    """For each of n pixels, eight texels of a strip (see `strip`): flat positions index (n, 8), and weight (n, 8), which add up to 1."""

    index: NDArray[np.int64]
    weight: Pixels

    def look(self, texture: Pixels) -> Pixels:
        """What is seen of a strip, (H, W, C) to (n, C)."""
        flat = texture.reshape(-1, texture.shape[2])
        return np.einsum("nkc,nk->nc", flat[self.index], self.weight, dtype=np.float32)


def levels_of(size: int) -> int:
    """How many smaller versions a texture of this side has."""
    return max(0, min(LEVELS, size.bit_length() - 3))


def strip_width(size: int) -> int:
    """Width of the strip of a texture of this side, px."""
    return size + (size // 2 if levels_of(size) else 0)


def strip(texture: Pixels) -> Pixels:
    """A square texture (S, S, C) with its smaller versions beside it, one below the other, as one picture."""
    size = len(texture)
    out = np.zeros((size, strip_width(size), texture.shape[2]), np.float32)
    out[:, :size] = texture
    top, level = 0, texture
    for _ in range(levels_of(size)):
        side = len(level) // 2
        level = level[: 2 * side, : 2 * side].reshape(side, 2, side, 2, -1).mean((1, 3))
        out[top : top + side, size : size + side] = level
        top += side
    return out


def taps(uv: Floats, lod: Floats, size: int) -> Taps:
    """Find what is seen at uv (n, 2) of a square texture of this side, repeated on all sides. lod: (n,), by how many halvings a pixel is
    larger than a texel; linear between texels and between versions."""
    most = levels_of(size)
    lod = np.clip(lod, 0, most)
    low = np.minimum(np.floor(lod), max(most - 1, 0)).astype(np.int64)
    share = lod - low
    index, weight = np.empty((len(uv), 8), np.int64), np.empty((len(uv), 8), np.float32)
    for half in range(2):
        level = np.minimum(low + half, most)
        own = share if half else 1 - share
        index[:, 4 * half : 4 * half + 4], found = _bilinear(uv, level, size)
        weight[:, 4 * half : 4 * half + 4] = found * own[:, None]
    return Taps(index, weight)


def _bilinear(uv: Floats, level: NDArray[np.int64], size: int) -> tuple[NDArray[np.int64], Floats]:
    """Four texels of a version, (n, 4), and their weights."""
    tops = np.concatenate([[0, 0], np.cumsum([size >> (at + 1) for at in range(LEVELS + 1)])])
    side = size >> level
    width = strip_width(size)
    x, y = uv[:, 0] * side - 0.5, (1 - uv[:, 1]) * side - 0.5
    left, top = np.floor(x), np.floor(y)
    right, down = x - left, y - top
    columns = [(left + each).astype(np.int64) % side for each in (0, 1)]
    rows = [(top + each).astype(np.int64) % side for each in (0, 1)]
    offset = tops[level] * width + np.where(level > 0, size, 0)
    index = np.stack([offset + row * width + column for row in rows for column in columns], 1)
    weight = np.stack([a * b for a in (1 - down, down) for b in (1 - right, right)], 1)
    return index, weight
