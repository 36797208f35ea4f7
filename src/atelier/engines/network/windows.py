"""Pictures of any size through a network of bounded size: windows over the photo, each seen with enough around it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from atelier.engines.network.photo import Read
from atelier.image.value import Pixels


@dataclass(frozen=True)
class Window:
    """A part of the photo to be painted (x, y, width, height) and the part that has to be seen for it, both in the
    coordinates of the padded photo and in multiples of `multiple` (`seen` as left, top, right, bottom)."""

    x: int
    y: int
    width: int
    height: int
    seen: tuple[int, int, int, int]


@dataclass(frozen=True)
class Grid:
    """How a photo (width, height) is cut into windows: `margin` px of reflected photo around it, `reach` px that a pixel of the result
    depends on, sides in multiples of `multiple`, windows of at most `side` px (0: one window).

    A window painted from what it sees is what the whole would be there: where it ends inside the photo it sees `reach`
    further, and where it ends with the padded photo the network's own zero padding is the same as the whole's.
    """

    width: int
    height: int
    margin: int
    multiple: int
    reach: int
    side: int = 0

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of the photo."""
        return self.width, self.height

    @property
    def padded(self) -> tuple[int, int]:
        """(width, height) with the margin, in multiples."""
        width, height = (-(-(n + 2 * self.margin) // self.multiple) * self.multiple for n in (self.width, self.height))
        return width, height

    def is_whole(self, windows: Sequence[Window]) -> bool:
        """Whether windows are one that sees all of the padded photo."""
        return len(windows) == 1 and windows[0].seen == (0, 0, *self.padded)

    def windows(self) -> Iterator[Window]:
        """Row by row."""
        w, h = self.padded
        m = self.multiple
        side = max(m, self.side // m * m) if self.side else max(w, h)
        around = -(-self.reach // m) * m
        columns, rows = (split(n, side, m) for n in (w, h))
        for top, bottom in rows:
            for left, right in columns:
                seen = (max(0, left - around), max(0, top - around), min(w, right + around), min(h, bottom + around))
                yield Window(left, top, right - left, bottom - top, seen)

    def see(self, window: Window, read: Read) -> Pixels:
        """What a window sees: pixels of the photo, reflected beyond its borders."""
        left, top, right, bottom = (v - self.margin for v in window.seen)  # in the photo's coordinates
        # Reflection looks back into the photo as far as it stands out, so that much has to be read.
        x0, y0 = (
            max(0, min(left, self.width - 1 - max(0, right - self.width))),
            max(0, min(top, self.height - 1 - max(0, bottom - self.height))),
        )
        x1, y1 = min(self.width, max(right, -left + 1)), min(self.height, max(bottom, -top + 1))
        pixels = read(x0, y0, x1 - x0, y1 - y0)
        columns, rows = reflected(left, right, self.width) - x0, reflected(top, bottom, self.height) - y0
        within = [
            slice(max(0, -start), min(end, length) - start)
            for start, end, length in ((top, bottom, self.height), (left, right, self.width))
        ]
        if any(part.start >= part.stop for part in within):
            return pixels[rows][:, columns]
        # Most of it lies as it does in the photo, and is quicker moved so than pixel by pixel.
        down, across = within
        out = np.empty((len(rows), len(columns), pixels.shape[2]), pixels.dtype)
        out[down, across] = pixels[rows[down.start] : rows[down.stop - 1] + 1, columns[across.start] : columns[across.stop - 1] + 1]
        for beyond in (slice(across.start), slice(across.stop, None)):
            out[down, beyond] = pixels[rows[down.start] : rows[down.stop - 1] + 1][:, columns[beyond]]
        for beyond in (slice(down.start), slice(down.stop, None)):
            out[beyond] = pixels[rows[beyond]][:, columns]
        return out

    def visible(self) -> list[Window]:
        """The windows that have some of the photo: one at the ends may be all margin."""
        return [window for window in self.windows() if min(self.box(window)[2:]) > 0]

    def box(self, window: Window) -> tuple[int, int, int, int]:
        """x, y, width and height of what a window has of the photo."""
        rows, columns, x, y = self.inside(window)
        return x, y, columns.stop - columns.start, rows.stop - rows.start

    def inside(self, window: Window) -> tuple[slice, slice, int, int]:
        """Where the window's own part lies in what was painted of what it sees (rows, columns), cut to the photo; and its x, y
        in the photo. Empty slices for a window that is all margin."""
        left, top = max(window.x, self.margin), max(window.y, self.margin)
        right = min(window.x + window.width, self.margin + self.width)
        bottom = min(window.y + window.height, self.margin + self.height)
        rows = slice(top - window.seen[1], max(top, bottom) - window.seen[1])
        columns = slice(left - window.seen[0], max(left, right) - window.seen[0])
        return rows, columns, left - self.margin, top - self.margin


def split(length: int, side: int, multiple: int) -> list[tuple[int, int]]:
    """[0, length) in the fewest pieces of at most `side`, about equal, their borders in multiples."""
    count = -(-length // side)
    edges = [round(i * length / count / multiple) * multiple for i in range(count)] + [length]
    return list(itertools.pairwise(edges))


def reflected(start: int, end: int, length: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Where [start, end) lies on a line of `length`, what is beyond its ends reflected (the end itself not repeated)."""
    if length == 1:
        return np.zeros(end - start, np.int64)
    period = 2 * (length - 1)
    at = np.arange(start, end) % period
    return np.minimum(at, period - at)
