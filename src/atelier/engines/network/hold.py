"""What a network keeps from frame to frame of a scene: the noise that its strokes begin from, and the statistics it counted.

Left where it is, the noise shines through what moves like dirt on a window. So it moves with the picture. Statistics are each frame's
own, for the camera's exposure changes, and they with it; only the faces of a panorama hold those of the whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from atelier.engines.network.painter import Known, noise_of
from atelier.engines.network.plan import CELL, MARGIN
from atelier.image.value import Pixels

State = Mapping[str, NDArray[Any]]
"""Arrays by name: of each brush its statistics, and where its noise has gone."""
STRAY = 4.0
"""How many times the picture's area the noise may be spread over before it begins anew."""


@dataclass(eq=False)
class Hold:
    """The keeping of one frame. before: what the frame before kept; empty at the start of a scene. flow: (h, w, 2), px of its own
    size, where each pixel was before; None where that is not known. held: whether statistics are those of before. after: what this frame
    keeps."""

    before: State = field(default_factory=dict)
    flow: Pixels | None = None
    held: bool = False
    after: dict[str, NDArray[Any]] = field(default_factory=dict)

    def of(self, brush: int) -> BrushHold:
        """The part of one brush, by its number."""
        return BrushHold(self, f"{brush}.")


@dataclass(frozen=True, eq=False)
class BrushHold:
    """What is held of one brush. name: what its arrays begin with."""

    hold: Hold
    name: str

    @property
    def known(self) -> Known | None:
        """The statistics to paint with, where they are held; None where they are to be counted."""
        arrays = self._all("known.")
        return Known.of(arrays) if self.hold.held and arrays else None

    def keep(self, known: Known) -> None:
        """Keep what was counted."""
        for name, each in known.arrays.items():
            self._put(f"known.{name}", each)

    def noise(self, channels: int, size: tuple[int, int], padded: tuple[int, int], seed: int) -> Pixels:
        """(1, C, height/8, width/8): the noise of the padded photo, moved. size: (width, height) of the photo; padded: with its margin."""
        here = cells(padded)
        where = self._get("where", here)
        if where.shape != here.shape:
            where = here
        elif self.hold.flow is not None:
            where = carry(where, here, self.hold.flow, size)
        spread = float(np.prod(where.reshape(-1, 2).max(0) - where.reshape(-1, 2).min(0) + 1))
        if spread > STRAY * here[..., 0].size + 64:
            where = here
        self._put("where", where)
        return noise_at(where, channels, seed)

    def _get(self, name: str, otherwise: NDArray[Any]) -> NDArray[Any]:
        return self.hold.before.get(self.name + name, otherwise)

    def _all(self, name: str) -> dict[str, NDArray[Any]]:
        whole = self.name + name
        return {key.removeprefix(whole): each for key, each in self.hold.before.items() if key.startswith(whole)}

    def _put(self, name: str, value: NDArray[Any]) -> None:
        self.hold.after[self.name + name] = value


def cells(padded: tuple[int, int]) -> Pixels:
    """(h, w, 2): x and y of each cell of noise of a padded photo (width, height)."""
    xs, ys = np.meshgrid(np.arange(padded[0] // CELL, dtype=np.float32), np.arange(padded[1] // CELL, dtype=np.float32))
    return np.stack([xs, ys], axis=-1)


def carry(where: Pixels, here: Pixels, flow: Pixels, size: tuple[int, int]) -> Pixels:
    """Where in the noise each cell is, after the picture moved. where: the same before; here: (h, w, 2), the cells; flow: (H, W, 2).

    Beyond the picture's edge the noise goes on as it is.
    """
    from atelier.perception.motion import grown, warp

    inner = max(1, size[0] // CELL), max(1, size[1] // CELL)
    own = grown(flow, inner, flow=True)  # of cells
    margin = MARGIN // CELL
    rows, columns = here.shape[0], here.shape[1]
    own = np.pad(own, ((margin, max(0, rows - margin - inner[1])), (margin, max(0, columns - margin - inner[0])), (0, 0)), "edge")[
        :rows, :columns
    ]
    return here + own + warp(where - here, own)


def noise_at(where: Pixels, channels: int, seed: int) -> Pixels:
    """(1, C, h, w): the noise where it has moved to. where: (h, w, 2), cells.

    The second half of the channels are folded 2x2: they are taken apart, moved, and folded again.
    """
    low = np.floor(where.reshape(-1, 2).min(0)).astype(int) - 1
    high = np.ceil(where.reshape(-1, 2).max(0)).astype(int) + 2
    field_ = noise_of(channels, (low[0] * CELL, low[1] * CELL, high[0] * CELL, high[1] * CELL), seed)[0]
    half = channels // 2
    _, rows, columns = field_.shape
    fine = field_[half:].reshape(-1, 2, 2, rows, columns).transpose(0, 3, 1, 4, 2).reshape(half // 4, 2 * rows, 2 * columns)
    own = where - low.astype(np.float32)
    steps = np.arange(2, dtype=np.float32)
    finer = np.repeat(np.repeat(own, 2, 0), 2, 1) * 2  # each of four beside its cell
    finer += np.stack(np.meshgrid(np.tile(steps, own.shape[1]), np.tile(steps, own.shape[0])), -1)
    moved = nearest(fine, finer)
    height, width = where.shape[:2]
    folded = moved.reshape(-1, height, 2, width, 2).transpose(0, 2, 4, 1, 3).reshape(half, height, width)
    return np.concatenate([nearest(field_[:half], own), folded])[None]


def nearest(planes: Pixels, where: Pixels) -> Pixels:
    """Planes (C, H, W) at positions (h, w, 2): (C, h, w). Between them a mean would be no noise any more."""
    column = np.rint(where[..., 0]).astype(int).clip(0, planes.shape[2] - 1)
    row = np.rint(where[..., 1]).astype(int).clip(0, planes.shape[1] - 1)
    return np.ascontiguousarray(planes[:, row, column])
