"""Flat backgrounds: areas of one colour, as behind products and logos."""

from __future__ import annotations

from typing import cast

import numpy as np

from atelier.image.morphology import Bools, dilate, distances, running_extreme
from atelier.image.value import Pixels

_CALM = 6  # levels of 255 that a neighbourhood may be spread, noise included
_ALIKE = 12  # levels by which a colour may miss the background's
_LEAST = 0.04  # share of the picture that a background has at least
_BORDER = 0.1  # share of the picture's border that it has at least
_STEP = 8  # levels of a bin of the histogram that backgrounds are looked for in
_FEATHER = 0.003  # width of the band over a background's edge, as a share of the long side


def find_flat(pixels: Pixels) -> Pixels:
    """Give float32 (H, W) in [0, 1]: 1 within flat backgrounds, 0 elsewhere, a narrow ramp inside their edge.

    pixels: (H, W, 3) sRGB in [0, 1]. A background is of one colour, but for noise, over at least 4 % of the picture, and reaches its
    border. Where there is none, all is 0.
    """
    codes = (pixels * np.float32(255) + np.float32(0.5)).astype(np.uint8)
    high, low = codes, codes
    for axis in (0, 1):
        high, low = running_extreme(np.maximum, high, axis), running_extreme(np.minimum, low, axis)
    calm = (high - low).max(2) <= _CALM  # (H, W)
    border = np.concatenate([codes[0], codes[-1], codes[:, 0], codes[:, -1]]).astype(np.int16)  # (N, 3)
    found = np.zeros(calm.shape, np.bool_)
    for color in _main_colors(codes, calm):
        if np.mean(np.abs(border - color).max(1) <= _ALIKE) < _BORDER:
            continue  # a shape of a logo
        alike = (np.abs(codes.astype(np.int16) - color).max(2) <= _ALIKE) & dilate(calm, 1)
        found |= _open(alike)
    if not found.any():
        return np.zeros(calm.shape, np.float32)
    width = max(2.0, _FEATHER * max(calm.shape))
    inside = distances(~found, round(width) + 1)  # px from what is no background
    return cast(Pixels, np.clip((inside - 0.5) / width, 0, 1).astype(np.float32))


def _main_colors(codes: np.ndarray, calm: Bools) -> list[np.ndarray]:
    """Colours (3,) that fill calm areas of at least _LEAST, the commonest first."""
    some = codes[calm].astype(np.int16)  # (N, 3)
    colors: list[np.ndarray] = []
    while len(some) >= _LEAST * calm.size:
        bins = (some // _STEP).astype(np.int64) @ np.array([1 << 16, 1 << 8, 1])
        values, counts = np.unique(bins, return_counts=True)
        center = np.median(some[bins == values[counts.argmax()]], axis=0)
        near = np.abs(some - center).max(1) <= _ALIKE
        if near.sum() < _LEAST * calm.size:
            break
        colors.append(center)
        some = some[~near]
    return colors


def _open(area: Bools) -> Bools:
    """Without what is narrower than 5 px: strokes of a logo that happen to have the colour."""
    return dilate(~dilate(~area, 2), 2) & area
