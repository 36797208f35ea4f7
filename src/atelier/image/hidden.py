"""What lies under full transparency: nobody sees it, so it must not change what is seen."""

from __future__ import annotations

from typing import cast

import numpy as np

from atelier.image.resize import INVISIBLE
from atelier.image.value import Pixels


def fill_hidden(pixels: Pixels, alpha: Pixels | None) -> Pixels:
    """Give pixels whose hidden colours (alpha up to INVISIBLE) go on smoothly from the visible ones near them.

    pixels: float32 (H, W, 3). alpha: (H, W), or None. What is visible stays bit for bit; what comes out depends on it alone. A
    picture of which nothing is visible becomes grey.

    Pull and push (Gortler et al., "The lumigraph", SIGGRAPH 1996): means of what is visible, over squares of twice the side again
    and again, until there is no gap; then back, gaps filled from the coarser level.
    """
    if alpha is None or (hidden := alpha <= INVISIBLE).sum() == 0:
        return pixels
    weight = np.where(hidden, 0, alpha).astype(np.float32)[:, :, None]  # (H, W, 1)
    levels = [(np.where(hidden[:, :, None], 0, pixels), weight)]
    while not levels[-1][1].all() and max(levels[-1][1].shape[:2]) > 1:
        levels.append(_halve(*levels[-1]))
    colors, weight = levels.pop()
    colors = np.where(weight > 0, colors, np.float32(0.5))
    for finer, own in reversed(levels):
        colors = np.where(own > 0, finer, _double(colors, finer.shape[:2]))
    return cast(Pixels, np.where(hidden[:, :, None], colors, pixels).clip(0, 1).astype(np.float32, copy=False))


def _halve(colors: Pixels, weight: Pixels) -> tuple[Pixels, Pixels]:
    """Weighted means over squares of 2 × 2, and of the weights; (H, W, C) to (⌈H/2⌉, ⌈W/2⌉, C)."""
    height, width = weight.shape[:2]
    even = ((0, height % 2), (0, width % 2), (0, 0))
    blocks = (-(-height // 2), 2, -(-width // 2), 2, -1)
    total = np.pad(weight, even).reshape(blocks).sum((1, 3))  # (H/2, W/2, 1)
    mixed = np.pad(colors * weight, even).reshape(blocks).sum((1, 3))  # (H/2, W/2, 3)
    return mixed / np.maximum(total, np.float32(1e-12)), np.minimum(total, np.float32(1))


def _double(colors: Pixels, shape: tuple[int, int]) -> Pixels:
    """Twice the size by straight lines between centres, cut off at the shape."""
    for axis in (0, 1):
        padded = np.concatenate([colors.take([0], axis), colors, colors.take([-1], axis)], axis)
        length = colors.shape[axis]
        before, after = padded.take(range(length), axis), padded.take(range(2, length + 2), axis)
        pair = np.stack([0.75 * colors + 0.25 * before, 0.75 * colors + 0.25 * after], axis + 1)
        doubled = list(colors.shape)
        doubled[axis] *= 2
        colors = pair.reshape(doubled)
    return colors[: shape[0], : shape[1]]
