"""How a photo with nothing in it was painted: with a weave, with a frame, or calmly. NumPy alone."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from PIL import Image as Pillow

from atelier.errors import SettingError
from atelier.image import Image

Plane = NDArray[np.float64]

SMALLEST = 96
"""Least side of a picture that can be looked at, px."""
STRIP = 8
"""Width of the strip along a side, px."""
NEAR, FAR = 6, 24
"""Shifts at which a weave repeats, px."""
_BLUR, _RIM = 17, 24


@dataclass(frozen=True)
class Flatness:
    """Plain numbers about a painted flat photo; 0 is calm.

    weave: the strongest autocorrelation of fine luminance at shifts of 6 to 24 px, at most 1. A grid repeats, strokes do not.
    border: largest difference between the mean of a strip along a side and that of the middle, in levels of 255.
    """

    weave: float
    border: float

    def to_json(self, **more: Any) -> str:
        """Write as one line of JSON. more: further entries."""
        return json.dumps({**asdict(self), **more}, ensure_ascii=False)


def flatness(picture: Image) -> Flatness:
    """Look for a weave and a frame in what was painted of a flat photo. What is transparent is laid over white.

    Raises SettingError under 96 px a side.
    """
    width, height = picture.size
    if min(width, height) < SMALLEST:
        raise SettingError("size", f"a picture of {width}x{height} px is too small to look for a weave: it needs {SMALLEST} px a side")
    luminance = np.asarray(Pillow.fromarray(picture.flat().to_array()).convert("L"), np.float64)  # (H, W), 0..255
    return Flatness(weave(luminance), border(luminance))


def weave(luminance: Plane) -> float:
    """The strongest autocorrelation of (H, W), less its blur over 17 px, at shifts of 6 to 24 px; 0 for a uniform one.

    A rim of 24 px is left out. Each shift's sum is divided by the number of pixels it is over.
    """
    fine = (luminance - _blurred(luminance))[_RIM:-_RIM, _RIM:-_RIM]
    if fine.std() < 1e-6:
        return 0.0
    sums, counts = _correlation(fine - fine.mean()), _correlation(np.ones_like(fine))
    ratio = sums / np.maximum(counts, 1) / (sums[0, 0] / counts[0, 0])
    shifts = np.arange(-FAR, FAR + 1)
    near = ratio[np.ix_(shifts, shifts)]
    far = np.maximum(np.abs(shifts)[:, None], np.abs(shifts)[None])
    return float(near[far >= NEAR].max())


def border(luminance: Plane) -> float:
    """The largest difference of a side's strip of 8 px from the middle half of (H, W), of their means."""
    height, width = luminance.shape
    middle = luminance[height // 4 : -(height // 4), width // 4 : -(width // 4)].mean()
    strips = luminance[:STRIP], luminance[-STRIP:], luminance[:, :STRIP], luminance[:, -STRIP:]
    return float(max(abs(strip.mean() - middle) for strip in strips))


def _blurred(plane: Plane) -> Plane:
    """The mean over 17 x 17 px of (H, W), mirrored at its borders."""
    wide = np.pad(plane, _BLUR // 2, mode="reflect")
    across = sliding_window_view(wide, _BLUR, axis=1).mean(axis=-1)
    mean: Plane = sliding_window_view(across, _BLUR, axis=0).mean(axis=-1)
    return mean


def _correlation(plane: Plane) -> Plane:
    """The sum of products of (H, W) with itself at every shift, (2H, 2W), negative shifts at the end."""
    sides = 2 * plane.shape[0], 2 * plane.shape[1]
    both: Plane = np.fft.irfft2(np.abs(np.fft.rfft2(plane, s=sides)) ** 2, s=sides)
    return both
