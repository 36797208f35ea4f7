"""A guess at the curvature of a perceptual loss by the texels of a surface: waves are long on the surface, whichever charts it is cut
into."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from atelier.engines.optimize.pyramid import FACTOR, GAIN, smaller
from atelier.solid.model import Floats
from atelier.solid.surface import Surface


@dataclass(frozen=True, eq=False)
class Grid:
    """Cells in space around places. index, weight: (n, 8), the cells around each place, linear between them; total: (m,), what each
    cell has of all."""

    index: Tensor
    weight: Tensor
    total: Tensor

    @classmethod
    def around(cls, places: Floats, cell: float) -> Grid:
        """Cells of this side around places (n, 3)."""
        at = places / cell
        low = np.floor(at).astype(np.int64)
        low, share = low - low.min(0), at - np.floor(at)
        span = low.max(0) + 2
        keys, weights = [], []
        for corner in np.ndindex(2, 2, 2):
            x, y, z = (low + corner).T
            keys.append((x * span[1] + y) * span[2] + z)
            weights.append(np.prod(np.where(corner, share, 1 - share), axis=1))
        cells, index = np.unique(np.stack(keys, 1), return_inverse=True)
        found = torch.from_numpy(index.reshape(-1, 8)), torch.from_numpy(np.stack(weights, 1).astype(np.float32))
        total = torch.zeros(len(cells)).index_add_(0, found[0].flatten(), found[1].flatten())
        return cls(*found, total.clamp_min(1e-6))

    def mean(self, values: Tensor) -> Tensor:
        """Values (n,) smoothed over the cells: symmetric, and what is the same everywhere stays so."""
        own = torch.zeros_like(self.total).index_add_(0, self.index.flatten(), (values[:, None] * self.weight).flatten())
        return ((own / self.total)[self.index] * self.weight).sum(1)


@dataclass(frozen=True, eq=False)
class Nearby:
    """The `Guess` of a square texture of this side: as `Pyramid`, H = I + g U (I + g G + g² G') D, where G and G' are means over cells in
    space, FACTOR and FACTOR² times as large as the texels of the small picture. Seams between charts are none to it: what belongs
    together on the surface moves together, on both sides of a seam.

    hit: flat positions of the small picture's texels that are of the surface."""

    size: int
    hit: Tensor
    grids: tuple[Grid, ...]

    @classmethod
    def of(cls, surface: Surface, size: int) -> Nearby:
        small = -(-size // FACTOR)
        raster = surface.texels(small)
        hit = raster.hit
        places = surface.places(*raster.at(hit))
        texel = float(np.sqrt(surface.area / max(1, len(hit))))
        grids = tuple(Grid.around(places, texel * FACTOR**level) for level in (1, 2)) if len(hit) else ()
        return cls(size, torch.from_numpy(hit.astype(np.int64)), grids)

    def apply(self, vector: Tensor) -> None:
        x = vector.view(-1, 1, self.size, self.size)
        small = smaller(x)
        for channel in small.view(len(small), -1):
            own = channel[self.hit]
            found = own.clone()
            for level, grid in enumerate(self.grids, 1):
                found.add_(grid.mean(own), alpha=GAIN**level)
            channel[self.hit] = found
        x.add_(F.interpolate(small, scale_factor=float(FACTOR), mode="bilinear")[:, :, : self.size, : self.size])
