"""The painter that ships: photo and a style's numbers in, picture out, at any size."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from atelier.engines.network.runner import Runner
from atelier.engines.network.tiles import Read, Tiling, reflected
from atelier.image.value import Pixels

Numbers = NDArray[np.float32]
"""(N,): what a style is to a painter."""

MARGIN, MULTIPLE = 16, 8
THUMBNAIL = 384
"""Long side of the picture that the normalisations' statistics are taken from, px. A photo up to this size is its own thumbnail."""
TILE = 1536


@dataclass(frozen=True)
class Painter:
    """A body as `atelier.training.export.painter_model` writes it. runner: the model, called with arrays by name."""

    runner: Runner

    @cached_property
    def plan(self) -> dict[str, Any]:
        plan: dict[str, Any] = json.loads(self.runner.metadata["atelier.plan"])
        return plan

    @cached_property
    def reach(self) -> int:
        """Pixels around one that it depends on."""
        # 3x3 convolutions: two a block at 1/8, three and one at 1/4, one at 1/2; and a cell of the grid
        own = 8 * 2 * int(self.plan["blocks"]) + 3 * 4 + 4 + 2 + MULTIPLE
        # pocket up to conv4_1: two at full size, two at 1/2, four at 1/4, one at 1/8, each block of its own pooling; one to take it in
        seen = 2 + 2 * 2 + 4 * 4 + 8 + 8 + MULTIPLE
        return own + (seen if self.plan["seen"] else 0)

    def noise(self, padded: tuple[int, int], seed: int) -> Pixels:
        """(1, C, height/8, width/8) for a padded picture (width, height): what strokes begin from where the photo has nothing."""
        shape = (1, self.plan["noise"], padded[1] // MULTIPLE, padded[0] // MULTIPLE)
        return np.random.default_rng(seed % 2**64).standard_normal(shape, np.float32)

    def windows(
        self, read: Read, size: tuple[int, int], thumbnail: Pixels, style: Mapping[str, Pixels], *, seed: int = 0, tile: int = TILE
    ) -> Iterator[tuple[int, int, Pixels]]:
        """Paint a photo of `size` (width, height) window by window, row by row: x, y and painted pixels (h, w, 3) in [0, 1].

        thumbnail: (h, w, 3), the whole photo, THUMBNAIL px or less. style: what else the model takes, by name. tile: side of
        the windows, px; 0 for the whole at once.
        """
        tiling = Tiling(*size, MARGIN, MULTIPLE, self.reach, tile)
        small = Tiling(thumbnail.shape[1], thumbnail.shape[0], MARGIN, MULTIPLE, 0)
        rows, columns = (reflected(-MARGIN, n - MARGIN, length) for n, length in zip(small.padded[::-1], thumbnail.shape, strict=False))
        around, around_noise = planes(thumbnail[rows][:, columns]), self.noise(small.padded, seed)
        noise = self.noise(tiling.padded, seed)
        for window in tiling.windows():
            seen = planes(tiling.see(window, read))
            left, top, right, bottom = (v // MULTIPLE for v in window.seen)
            grain = np.ascontiguousarray(noise[:, :, top:bottom, left:right])
            given = {"photo": seen, "noise": grain, "thumbnail": around, "thumbnail_noise": around_noise, **style}
            if not self.runner.settled and window.seen != (0, 0, *tiling.padded):
                self.runner(**given)  # all tiles by the same backend: another one rounds otherwise
            (painted,) = self.runner(**given)
            inner_rows, inner_columns, x, y = tiling.inside(window)
            part = painted[0][:, inner_rows, inner_columns]
            if part.size:
                yield x, y, np.ascontiguousarray(part.transpose(1, 2, 0))


def planes(pixels: Pixels) -> Pixels:
    """(H, W, 3) to (1, 3, H, W)."""
    return np.ascontiguousarray(pixels.transpose(2, 0, 1))[None]
