"""What the functions of colour need of arrays: bands of rows, samples, checks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from atelier.errors import ImageError
from atelier.image.value import Pixels

Floats = NDArray[np.float64]

_BAND = 1 << 14  # pixels worked on at once: temporaries stay in the cache
SAMPLE = 1 << 17  # pixels that histograms are read from
FEW = 1 << 14  # and those that what iterates is fitted to


def bands(pixels: Pixels) -> Iterator[slice]:
    height, width = pixels.shape[:2]
    step = max(1, _BAND // width)
    return (slice(top, min(top + step, height)) for top in range(0, height, step))


def sample_pixels(pixels: Pixels, weights: Pixels | None, most: int, seed: int) -> tuple[Pixels, Floats]:
    """Give at most so many pixels (N, 3) of weight above 0, and their weights (N,): all, or one by chance out of each of so many
    equal runs."""
    flat = pixels.reshape(-1, 3)
    there = None if weights is None else np.flatnonzero(weights)
    count = len(flat) if there is None else len(there)
    if count > most:
        index = ((np.arange(most) + np.random.default_rng(seed % 2**64).random(most)) * (count / most)).astype(np.intp)
    else:
        index = np.arange(count)
    if there is None or weights is None:
        return flat[index], np.ones(len(index))
    return flat[there[index]], weights.reshape(-1)[there[index]].astype(np.float64)


def check_pixels(pixels: NDArray[Any], what: str) -> Pixels:
    if pixels.ndim != 3 or pixels.shape[2] != 3 or 0 in pixels.shape or pixels.dtype.kind != "f":
        raise ImageError(f"{what} must be floats (H, W, 3) and not empty, got {pixels.dtype} {pixels.shape}")
    _within(pixels, what)
    return np.ascontiguousarray(pixels, dtype=np.float32)


def check_mask(mask: NDArray[Any], pixels: Pixels, what: str) -> Pixels:
    if mask.shape != pixels.shape[:2] or mask.dtype.kind not in "fb":
        raise ImageError(f"{what} must be floats or bool {pixels.shape[:2]} like its picture, got {mask.dtype} {mask.shape}")
    _within(mask, what)
    return np.ascontiguousarray(mask, dtype=np.float32)


def _within(array: NDArray[Any], what: str) -> None:
    low, high = float(array.min()), float(array.max())
    if not (low >= 0.0 and high <= 1.0):  # NaN fails both
        raise ImageError(f"{what} must be in [0, 1], got {low:g} to {high:g}")
