"""A photo as the networks see it: window by window, and whole as a thumbnail. It may be held in memory or not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from atelier.image import Image, fit, resize
from atelier.image.morphology import scale_plane
from atelier.image.value import Pixels

Read = Callable[[int, int, int, int], Pixels]
"""x, y, width, height of a window within the photo -> its pixels (height, width, 3)."""

THUMBNAIL = 512
"""Long side of the picture that statistics are taken from, px. A photo up to this size is its own thumbnail."""
FINER = 4
"""A box of the photo is averaged to so many times the size wanted, and resized from there."""
UNPAINTED = 1024
"""Pixels a side of the windows in which it is copied where nothing is painted."""
STRIP = 2**22
"""Pixels that are read at once for that, about."""


@dataclass(frozen=True, eq=False)
class Photo:
    """read: gives pixels of it. size: (width, height). small: (h, w, 3), the whole of it, THUMBNAIL px or less. image: where it is held.
    seen: (h, w), how much each pixel of that counts in statistics, by its alpha; None for all alike."""

    read: Read
    size: tuple[int, int]
    small: Pixels
    image: Image | None = None
    seen: Pixels | None = None

    @classmethod
    def held(cls, image: Image) -> Photo:
        """Take a photo in memory; of its alpha only what counts in statistics is kept."""
        alpha = image.alpha
        image = image if alpha is None else replace(image, alpha=None)
        size = image.size if max(image.size) <= THUMBNAIL else fit(image.size, THUMBNAIL)
        seen = scale_plane(alpha, size) if alpha is not None and alpha.any() else None
        small = np.asarray(resize(image, size).pixels)
        return cls(lambda x, y, w, h: image.pixels[y : y + h, x : x + w], image.size, small, image, seen)

    def resized(self, size: tuple[int, int]) -> Photo:
        """The photo at (width, height). It has to be held."""
        assert self.image is not None
        own = Photo.held(resize(self.image, size))
        return own if self.seen is None else replace(own, seen=scale_plane(self.seen, own.small.shape[1::-1]))

    def windows(self) -> Iterator[tuple[int, int, Pixels]]:
        """The photo as it is, window by window: x, y, pixels (h, w, 3)."""
        width, height = self.size
        for y in range(0, height, UNPAINTED):
            for x in range(0, width, UNPAINTED):
                yield x, y, self.read(x, y, min(UNPAINTED, width - x), min(UNPAINTED, height - y))

    def thumbnail(self, rows: slice, columns: slice) -> Pixels:
        """A box of the photo at a long side of THUMBNAIL px, or as it is where that is smaller: (h, w, 3)."""
        return shrink(self.read, rows, columns, THUMBNAIL)


def shrink(read: Read, rows: slice, columns: slice, side: int) -> Pixels:
    """A box of a photo at a long side of `side` px, or as it is where that is smaller.

    Means over squares of whole pixels first, from strip to strip, so that no more is held than a strip.
    """
    top, bottom, left, right = rows.start, rows.stop, columns.start, columns.stop
    step = max(1, min(max(bottom - top, right - left) // (FINER * side), bottom - top, right - left))  # of what is long and narrow no more
    width, height = (right - left) // step * step, (bottom - top) // step * step
    count = max(1, STRIP // (width * step)) * step
    strips = []
    for y in range(0, height, count):
        strip = read(left, top + y, width, min(count, height - y))
        strips.append(strip.reshape(strip.shape[0] // step, step, width // step, step, 3).mean((1, 3), dtype=np.float32))
    picture = Image(np.concatenate(strips).clip(0, 1))
    return np.asarray((picture if max(picture.size) <= side else resize(picture, fit(picture.size, side))).pixels)
