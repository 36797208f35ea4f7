"""Pictures of another size."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
from PIL import Image as Pillow

from atelier.errors import SettingError
from atelier.image.value import Image, Pixels

INVISIBLE = 1e-3  # alpha under which a colour divided by it is noise
LARGE = 2**17
"""Numbers a channel from which the channels are worth a thread each."""


def resize(image: Image, size: tuple[int, int]) -> Image:
    """Resize the picture to (width, height): Lanczos with antialiasing, in floats, on sRGB values as they are (not linear
    light: the painters work on the encoded values too). Transparent pixels lend no colour to their neighbours.

    Raises SettingError for a size under 1 × 1.
    """
    width, height = size
    if width < 1 or height < 1:
        raise SettingError("size", "a picture's size must be at least 1 × 1", f"{width} × {height}")
    if size == image.size:
        return image
    pixels = _resampled(image.pixels, size)
    if image.alpha is None:
        return replace(image, pixels=pixels)
    alpha = _resampled(image.alpha[:, :, None], size)
    premultiplied = _resampled(image.pixels * image.alpha[:, :, None], size)
    straight = np.clip(premultiplied / np.maximum(alpha, INVISIBLE), 0.0, 1.0)
    return replace(image, pixels=np.where(alpha > INVISIBLE, straight, pixels), alpha=alpha[:, :, 0])


def fit(size: tuple[int, int], long_side: int) -> tuple[int, int]:
    """Give the (width, height) of the same proportions whose longer side is long_side; each side is at least 1 px.

    Raises SettingError for a long_side under 1.
    """
    if long_side < 1:
        raise SettingError("size", "a picture's longer side must be at least 1 px", long_side)
    longest = max(size)
    width, height = (max(1, round(side * long_side / longest)) for side in size)
    return width, height


def _resampled(array: Pixels, size: tuple[int, int]) -> Pixels:
    out = np.empty((size[1], size[0], array.shape[2]), np.float32)

    def channel(at: int) -> None:
        plane = Pillow.fromarray(np.ascontiguousarray(array[:, :, at])).resize(size, Pillow.Resampling.LANCZOS)
        np.clip(np.asarray(plane, np.float32), 0.0, 1.0, out=out[:, :, at])

    if max(array[:, :, 0].size, size[0] * size[1]) < LARGE:
        for at in range(array.shape[2]):
            channel(at)
    else:
        with ThreadPoolExecutor(array.shape[2]) as pool:  # Pillow works without Python's lock
            list(pool.map(channel, range(array.shape[2])))
    return out
