"""Sizes: what a photo is worked at, and what nothing can be."""

from __future__ import annotations

import numpy as np

from atelier.errors import ImageError, SettingError
from atelier.image import Image, Limits, fit, resize
from atelier.progress import Progress, Report, silent


def check_size(size: int | None) -> None:
    """Raise SettingError for a size that nothing has."""
    if size is not None and size < 1:
        raise SettingError("size", "must be at least 1", size)


def blank(width: int, height: int, most: int = 2**62) -> Image:
    """A grey picture that only says how large a texture is to be. Raises ImageError for more than so many pixels."""
    if min(width, height) < 1 or width * height > most:
        raise ImageError(f"a texture of {width}x{height} px: must be from 1x1 to {most:,} pixels in all")
    return Image(np.full((height, width, 3), 0.5, np.float32))


def at_size(content: Image, size: int | None, largest: float, limits: Limits = Limits(), report: Report = silent) -> Image:
    """The picture with a long side of `size` px, or as it is where that is not over the largest there may be untold.

    Raises SettingError, ImageError.
    """
    if size is None:
        if max(content.size) <= largest:
            return content
        size = int(largest)
        report(Progress("opening", note=f"{content.size[0]}x{content.size[1]} is painted at {size} px; `size` asks for more"))
    check_size(size)
    target, most = fit(content.size, size), limits.pixels
    if target[0] * target[1] > most:
        raise ImageError(f"`size` {size} would be {target[0]}x{target[1]} px, over the limit of {most:,} pixels")
    return content if target == content.size else resize(content, target)
