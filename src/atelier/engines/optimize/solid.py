"""Painting the texture of a surface by optimisation, so that it is as wanted from all sides."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import torch
from torch import Tensor

from atelier.engines.guide import Sample
from atelier.engines.optimize.engine import OptimizeEngine
from atelier.engines.optimize.nearby import Nearby
from atelier.engines.optimize.start import begin
from atelier.engines.optimize.texture import SurfaceView, TextureBeginning, TextureCanvas, texture_in
from atelier.engines.solid import Sitting, picture_of
from atelier.image import Image
from atelier.image.value import Pixels
from atelier.progress import Report, silent
from atelier.request import Settings


class TextureEngine:
    """The optimiser, whose canvas is a texture. Built as it is, and raises what it raises."""

    def __init__(self, styles: Sequence[Sample], settings: Settings, device: str = "auto", seed: int = 0) -> None:
        self.inner, self.settings, self.seed = OptimizeEngine(styles, settings, device, seed), settings, seed

    def __call__(self, sitting: Sitting, report: Report = silent) -> Pixels:
        """Paint. See `engines.solid.SolidEngine`."""
        inner, device = self.inner, self.inner.device
        exemplars = [exemplar for _, exemplar in inner.samples]
        texture = inner.tensor(sitting.texture)
        planes = None if sitting.guide is None else torch.tensor(sitting.guide.regions, dtype=torch.float32).to(device)
        counted = inner.tensor(sitting.counted[..., None])[0]
        beginning = begin(self.settings, texture, exemplars, counted if planes is None else planes * counted, None, self.seed)
        before = pixels_of(beginning.picture)

        def sources(size: int) -> Tensor:
            return torch.from_numpy(sitting.sources(size)).to(device)

        views = []
        for at, camera in enumerate(sitting.cameras):
            content, _ = sitting.view(sitting.texture, at, before)
            views.append(SurfaceView.of(sitting.surface, camera, inner.tensor(content), planes, sitting.side))

        def preview(image: Tensor) -> Image:
            return picture_of(pixels_of(texture_in(image)))

        start = TextureBeginning(beginning, sources, sitting.size, sitting.side, partial(Nearby.of, sitting.surface))
        canvas = inner.paint(start, views, preview, size=(sitting.side, sitting.side), report=report)
        assert isinstance(canvas, TextureCanvas)
        painted = canvas if canvas.pixels.pixels.shape[2] == sitting.size else canvas.at((sitting.side, sitting.side))
        found = pixels_of(painted.texture().detach())
        if planes is None:
            return found
        share = planes.sum(0).clamp(0, 1)[..., None].cpu().numpy()
        return found * share + sitting.texture * (1 - share)


def pixels_of(texture: Tensor) -> Pixels:
    """(1, 3, S, S) to (S, S, 3)."""
    return np.ascontiguousarray(texture[0].permute(1, 2, 0).clamp(0, 1).cpu().numpy())
