"""What has gone wrong in a picture and was right in the photo: grids, clipping, flat and grey cells."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from atelier.image.value import Pixels

Floats = NDArray[np.float64]

CELL = 8
"""Side of the cells that are flat or grey, px."""
SMALLEST = 64
"""Pictures with a shorter side than this, px, have too few windows to tell a grid from chance."""
_WINDOWS = 100  # at the most: enough for a large picture, and its time stays that of a small one
_SEEN = 3.0  # dB; peaks under it are chance and count for nothing in the amplitude
_LEVEL = 1 / 255


@dataclass(frozen=True)
class Grid:
    """peak: dB of the strongest line of the grid over its surroundings, and over the content's own. period: of that line, px.
    levels: root mean square of all that stands out, of 255."""

    peak: float
    period: int
    levels: float


def grid(picture: Pixels, content: Pixels) -> Grid | None:
    """Find a grid of period 2, 4 or 8 px over the picture: what transposed convolutions, pixel shuffles and tiles leave
    (Odena et al. 2016). picture and content: (H, W, 3), one size, the picture at its own pixels. None under `SMALLEST` px.

    Power spectra are averaged over windows (Welch 1967): what repeats with exactly this period all over the picture stands out
    as single lines at multiples of 1/8 of the sampling rate, where texture, however fine, fills broad regions. Each line is set
    against the spectrum a few lines beside it, and what the content has there itself is taken off.
    """
    side = min(picture.shape[:2])
    if side < SMALLEST:
        return None
    window = max(s for s in (32, 64, 128) if 2 * s <= side)
    lines, around = _lines(picture, window)
    own_lines, own_around = _lines(content, window)
    floor = _LEVEL**2 / 12 * (1.5 / window) ** 2  # rounding to 8 bits is white noise of a twelfth of a level squared
    over = _decibels(lines + floor, around + floor) - np.maximum(_decibels(own_lines + floor, own_around + floor), 0.0)
    over[0, 0] = 0.0
    excess = np.maximum(lines - around, 0.0) - np.maximum(own_lines - own_around, 0.0)
    power = float(np.maximum(excess, 0.0)[over >= _SEEN].sum())
    a, b = np.unravel_index(int(np.argmax(over)), over.shape)
    period = 8 // int(np.gcd.reduce([int(a), int(b), 8]))
    return Grid(max(float(over[a, b]), 0.0), period, 255 * float(np.sqrt(power)))


def _decibels(power: Floats, reference: Floats) -> Floats:
    ratio: Floats = 10 * np.log10(power / reference)
    return ratio


def _lines(pixels: Pixels, window: int) -> tuple[Floats, Floats]:
    """Power at the frequencies (a/8, b/8), and the geometric mean of the power beside each: (8, 8), (8, 8).

    In squared units of the pixels: a wave of amplitude A has A²/4 at its two frequencies together with A²/4 at the mirrored
    one; [0, 0] means nothing.
    """
    taper = np.hanning(window + 1)[:-1]
    both = np.outer(taper, taper)[:, :, None]
    total = np.zeros((window, window))
    corners = _corners(pixels.shape[0], pixels.shape[1], window)
    for y, x in corners:
        cut = pixels[y : y + window, x : x + window].astype(np.float64)
        total += np.square(np.abs(np.fft.fft2((cut - cut.mean(axis=(0, 1))) * both, axes=(0, 1)))).mean(axis=2)
    spectrum = total / len(corners) / both.sum() ** 2
    step, log = window // 8, np.log(spectrum + 1e-20)
    reach = np.arange(-(step // 2), step // 2 + 1)
    far = np.abs(reach) >= min(max(step // 4, 3), step // 2)  # beyond the taper's own width
    ring = far[:, None] | far[None, :]
    around = np.zeros((8, 8))
    for a in range(8):
        for b in range(8):
            rows, columns = (a * step + reach) % window, (b * step + reach) % window
            # Edges that are upright or level put their power on the axes: a line there is compared with its axis alone.
            if a == 0:
                near = log[0, columns[far]]
            elif b == 0:
                near = log[rows[far], 0]
            else:
                near = log[np.ix_(rows, columns)][ring]
            around[a, b] = np.exp(near.mean())
    return spectrum[::step, ::step], around


def _corners(height: int, width: int, window: int) -> list[tuple[int, int]]:
    """Corners of windows that overlap by half, or are evenly spread where these would be more than `_WINDOWS`."""
    down, across = (max(1, 2 * (side - window) // window + 1) for side in (height, width))
    if down * across > _WINDOWS:
        down = max(1, min(down, round(float(np.sqrt(_WINDOWS * height / width)))))
        across = min(across, _WINDOWS // down)
    rows, columns = (np.linspace(0, side - window, n).round().astype(int) for side, n in ((height, down), (width, across)))
    return [(int(y), int(x)) for y in rows for x in columns]


def clipped(pixels: Pixels) -> NDArray[np.bool_]:
    """(H, W, 3) -> (H, W): where a channel is at either end of its range, to half a level of 255."""
    ends: NDArray[np.bool_] = np.any((pixels <= 0.5 * _LEVEL) | (pixels >= 1 - 0.5 * _LEVEL), axis=2)
    return ends


def flat(pixels: Pixels) -> NDArray[np.bool_]:
    """(H, W, 3) -> (H // CELL, W // CELL): cells in which no channel moves by more than two levels of 255."""
    return _range(_cells(pixels)) <= 2.01 * _LEVEL


def grey(pixels: Pixels) -> NDArray[np.bool_]:
    """(H, W, 3) -> (H // CELL, W // CELL): the grey patches of failed optimisation: cells that hardly move (16 levels of 255), of
    hardly any colour (channels of the mean within 8 levels), neither dark nor light (.15 to .85)."""
    cells = _cells(pixels)
    mean = cells.mean(axis=(1, 3))
    middling = (mean.min(axis=2) >= 0.15) & (mean.max(axis=2) <= 0.85)
    neutral = mean.max(axis=2) - mean.min(axis=2) <= 8 * _LEVEL
    patches: NDArray[np.bool_] = np.logical_and.reduce([_range(cells) <= 16 * _LEVEL, neutral, middling])
    return patches


def _cells(pixels: Pixels) -> Pixels:
    """(h, CELL, w, CELL, 3), what is over at the right and below left out."""
    h, w = (side // CELL for side in pixels.shape[:2])
    return pixels[: h * CELL, : w * CELL].reshape(h, CELL, w, CELL, 3)


def _range(cells: Pixels) -> Pixels:
    widest: Pixels = (cells.max(axis=(1, 3)) - cells.min(axis=(1, 3))).max(axis=2)
    return widest


def shares(picture: NDArray[np.bool_], content: NDArray[np.bool_]) -> tuple[float, float]:
    """The share that is so in the picture, and the share that is so in the picture and not so in the content at the same spot."""
    return float(picture.mean()), float((picture & ~content).mean())
