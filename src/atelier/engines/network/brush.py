"""What paints: a painter with the styles of one region, mixed. It paints windows of a photo, held or not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from atelier.engines.network.catalogue import left_as_it_is
from atelier.engines.network.hold import BrushHold
from atelier.engines.network.look import Look, blend_map, match, read_look
from atelier.engines.network.painter import Painter
from atelier.engines.network.photo import Photo
from atelier.engines.network.regions import middle, scale
from atelier.engines.network.runner import Runner
from atelier.engines.network.windows import Window
from atelier.errors import SettingError
from atelier.image import Limits, fit
from atelier.image.moments import Moments, linear_map, moments, transport
from atelier.image.spaces import SPACES
from atelier.image.value import Pixels

CORRECTED, CORRECTED_STRETCH = 0.5, 2.0
"""How far the painted colours are taken to the style's mean and covariance, and how much they may be spread for that."""
LARGEST_WORK = Limits().pixels
"""Strokes so small that the photo would have to be painted at more pixels than this are refused."""
FADE = 0.25
"""Up to this strength the photo itself shines through; beyond, the network alone does what the strength says."""
LEAST = 96
"""Least side, px, of what a region's statistics are taken from: less is too few strokes."""
FEW = 400
"""Pixels of the thumbnail from which a region's colours are its own; fewer would make one of all the style's."""


@dataclass(frozen=True, eq=False)
class Brush:
    """look: of the styles, mixed. reader: None for the body for named styles, which takes no features of the photo. size: of the
    strokes; 2 paints with strokes twice as large. strength: from 0, the photo, to 1, the painting."""

    painter: Painter
    look: Look
    reader: Runner | None
    size: float = 1.0
    strength: float = 1.0
    seed: int = 0

    def work_size(self, size: tuple[int, int]) -> tuple[int, int]:
        """(width, height) that a photo is painted at: strokes twice as large are those of a picture half as large."""
        if self.size == 1:
            return size
        work = fit(size, max(16, round(max(size) / self.size)))
        if work[0] * work[1] > max(LARGEST_WORK, size[0] * size[1]):
            raise SettingError(
                "style_size", f"`style_size` {self.size:g} would paint {work[0]}x{work[1]} px, over the limit of {LARGEST_WORK:,} pixels"
            )
        return work

    def paint(
        self, photo: Photo, windows: Sequence[Window], plane: Pixels | None = None, hold: BrushHold | None = None
    ) -> Iterator[tuple[int, int, Pixels]]:
        """Paint windows of a photo, one after the other: x, y, painted pixels (h, w, 3).

        windows: on the painter's grid. plane: the region that is painted, whose statistics are taken; None for all of the photo.
        hold: of a film, what the frame before has counted.
        """
        grid, correct = self.painter.grid(photo.size), None if self.reader is None else self._correct
        whole = plane is None and grid.is_whole(windows)
        noise = None if hold is None else hold.noise(self.painter.plan.noise, photo.size, grid.padded, self.seed)
        if hold is not None and hold.known is not None and noise is not None:
            parts = self.painter.known_windows(photo.read, grid, windows, hold.known, noise)
        else:
            small, style = self._style(photo, plane, whole)
            keep = None if hold is None else hold.keep
            parts = self.painter.windows(photo.read, grid, windows, small, style, self.seed, correct, noise, keep)
        for x, y, part in parts:
            yield x, y, self._fade(part, photo, x, y)

    def _style(self, photo: Photo, plane: Pixels | None, whole: bool) -> tuple[Pixels, dict[str, Any]]:
        """The picture that statistics are taken from, and what the painter takes beside the photo. whole: the photo itself is that."""
        small, colors = self._statistics(photo, plane)
        own = read_look(self.reader, small, code=self.strength < 1) if self.reader else None
        rest = self.look.code if self.strength == 1 else own.code if own else left_as_it_is()
        if whole:
            small = photo.read(0, 0, *photo.size)  # a body was trained with pictures' own statistics, not those of smaller ones
        return small, match(self.look, rest, colors, own, self.strength)

    def _statistics(self, photo: Photo, plane: Pixels | None) -> tuple[Pixels, Moments]:
        """The picture that statistics are taken from, THUMBNAIL px or less, and the colours of what is painted."""
        if plane is None:
            return photo.small, moments(photo.small, SPACES["rgb"], photo.seen)
        small = photo.thumbnail(*middle(plane, photo.size, LEAST))
        counted = scale(plane, (photo.small.shape[1], photo.small.shape[0]))
        if counted.sum() < FEW:
            return small, moments(small, SPACES["rgb"])
        return small, moments(photo.small, SPACES["rgb"], counted)

    def _correct(self, painted: Pixels) -> Pixels:
        """What brings painted colours back towards the style's: matrix and offset (3, 4), of the painted thumbnail (H, W, 3). The
        network drifts on paintings it never saw."""
        found = linear_map(moments(painted, SPACES["rgb"]), self.look.colors, transport, stretch=CORRECTED_STRETCH)
        return blend_map(*found, CORRECTED * self.strength * self.look.read)[0]

    def _fade(self, part: Pixels, photo: Photo, x: int, y: int) -> Pixels:
        """What is painted, with as much of the photo as shines through it."""
        share = min(1.0, self.strength / FADE)
        if share == 1:
            return part
        under = photo.read(x, y, part.shape[1], part.shape[0])
        return under + np.float32(share) * (part - under)
