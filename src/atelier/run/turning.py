"""Paintings turned, and cut to what is upright."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image as Pillow

from atelier.image import Image
from atelier.image.value import Pixels
from atelier.run.resolver import Painting, as_picture


def turn(painting: Painting, degrees: float) -> Painting:
    """Turn a painting clockwise: by right angles exactly, else bicubic and cut to the largest upright rectangle inside.

    A style by name is turned as the picture of its texture, and is a painting from then on. Raises SettingError where it has none.
    """
    if degrees % 360 == 0:
        return painting
    picture = as_picture(painting)
    channels = [turn_plane(picture.pixels[..., channel], degrees) for channel in range(3)]
    return Image(np.stack(channels, axis=-1).clip(0, 1), depth=picture.depth)


def turn_plane(plane: Pixels, degrees: float) -> Pixels:
    """Turn (H, W) in [0, 1] clockwise, and cut it."""
    quarters = degrees % 360 / 90
    if quarters == int(quarters):
        return np.ascontiguousarray(np.rot90(plane, -int(quarters)))
    height, width = plane.shape
    sheet = Pillow.fromarray(np.ascontiguousarray(plane, np.float32)).rotate(-degrees, Pillow.Resampling.BICUBIC, expand=True)
    inner = _upright(width, height, math.radians(degrees))
    left, top = (sheet.width - inner[0]) // 2, (sheet.height - inner[1]) // 2
    return np.asarray(sheet.crop((left, top, left + inner[0], top + inner[1])), np.float32).clip(0, 1)


def _upright(width: int, height: int, angle: float) -> tuple[int, int]:
    """(width, height) of the largest upright rectangle in one that is turned: its corners lie on all four sides or, in a
    long one, on the two long sides alone, halfway along."""
    sine, cosine = abs(math.sin(angle)), abs(math.cos(angle))
    long, short = max(width, height), min(width, height)
    if short <= 2 * sine * cosine * long or abs(sine - cosine) < 1e-9:
        half = short / 2
        across, up = (half / sine, half / cosine) if width >= height else (half / cosine, half / sine)
    else:
        double = cosine**2 - sine**2
        across, up = (width * cosine - height * sine) / double, (height * cosine - width * sine) / double
    # bicubic looks two pixels beyond, where there is nothing
    return max(1, int(across) - 2), max(1, int(up) - 2)
