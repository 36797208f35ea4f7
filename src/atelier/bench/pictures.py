"""Pictures to measure with, since none ships."""

from __future__ import annotations

import numpy as np

from atelier.image import Image
from atelier.image.value import Pixels


def crop_square(image: Image) -> Image:
    """Cut the middle out of a picture, as wide as high."""
    side = min(image.size)
    left, top = (image.size[0] - side) // 2, (image.size[1] - side) // 2
    return Image(np.ascontiguousarray(image.pixels[top : top + side, left : left + side]))


def make_up(side: int, seed: int = 0) -> Image:
    """Make up a square picture with the statistics of photos. The same for the same seed. side: px.

    Discs of all sizes hide each other, their number falling with the cube of the radius, which gives edges at all scales (the dead
    leaves of Lee, Mumford & Huang 2001). Each has a texture whose spectrum falls with the frequency (Field 1987).
    """
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:side, :side].astype(np.float32) / side
    pixels: Pixels = np.empty((side, side, 3), np.float32)
    pixels[:] = 0.35 + 0.4 * y[:, :, None] * np.array([0.6, 0.8, 1.0], np.float32)
    smallest, largest = 0.02, 0.4
    for share in rng.random(300):  # from the back to the front; 1/r² is even between the squares' inverses
        radius = (share * smallest**-2 + (1 - share) * largest**-2) ** -0.5
        centre, color, slope = rng.random(2), rng.uniform(0.08, 0.92, 3), rng.uniform(-0.3, 0.3, 2)
        low = np.floor((centre - radius) * side).astype(int).clip(0, side)
        high = np.ceil((centre + radius) * side + 1).astype(int).clip(0, side)
        window = slice(low[1], high[1]), slice(low[0], high[0])
        dx, dy = x[window] - centre[0], y[window] - centre[1]
        cover = ((radius - np.hypot(dx, dy)) * side).clip(0, 1)[:, :, None]
        shade = 1 + (dx * slope[0] + dy * slope[1])[:, :, None] / radius
        pixels[window] += cover * (color * shade - pixels[window])
    frequency = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None])
    frequency[0, 0] = np.inf
    grain = np.fft.irfft2(np.fft.rfft2(rng.standard_normal((side, side))) / frequency, (side, side))
    return Image((pixels + 0.06 * (grain / grain.std())[:, :, None].astype(np.float32)).clip(0, 1).astype(np.float32))
