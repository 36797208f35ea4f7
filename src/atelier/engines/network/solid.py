"""Painting the texture of a surface with the networks: each view by itself, all of them fused on the texture."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import numpy as np

from atelier.engines.engine import Engine, Frame
from atelier.engines.solid import Sitting, picture_of
from atelier.errors import Cancelled
from atelier.image import Image
from atelier.image.value import Pixels
from atelier.progress import Progress, Report, silent
from atelier.solid.hidden import sights
from atelier.solid.model import Floats

SHARP = 8
"""Power of the cosine that a view counts with on a texel: the one that looks straight at it has nearly all the say, so that strokes are
not blurred by those of the others, and yet no border between two is seen."""


class FusedEngine:
    """An engine for pictures that paints the views of a surface, one after the other; see `engines.solid.SolidEngine`."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def __call__(self, sitting: Sitting, report: Report = silent) -> Pixels:
        """Paint. Stopped, it gives what was painted by then over the texture before."""
        total, weight = np.zeros((sitting.size**2, 3), np.float32), np.zeros((sitting.size**2, 1), np.float32)
        raster = sitting.surface.texels(sitting.size)
        hit, count = raster.hit, len(sitting.cameras)
        with suppress(Cancelled):
            for at, sight in enumerate(sights(sitting.surface, sitting.cameras, sitting.sizes, sitting.size)):
                pixels, _ = sitting.view(sitting.texture, at)
                painted = self.engine(Frame(np.ascontiguousarray(pixels, np.float32), guide=sitting.guide_at(at)))
                assert isinstance(painted, Frame)
                own = sight.facing[:, None] ** SHARP
                total[hit] += own * bilinear(painted.pixels, sight.at)
                weight[hit] += own
                report(Progress("painting", at + 1, count, preview=preview(sitting, total, weight), size=(sitting.side, sitting.side)))
        return finished(sitting, total, weight)


def finished(sitting: Sitting, total: Pixels, weight: Pixels) -> Pixels:
    """The texture (S, S, 3) of sums of colours and weights (S * S, ...): what nobody sees takes the colours of what is near."""
    mean = np.where(weight > 0, total / np.maximum(weight, 1e-12), sitting.texture.reshape(-1, 3))
    found = mean[sitting.sources(sitting.size)].reshape(sitting.size, sitting.size, 3)
    return np.ascontiguousarray(found.clip(0, 1), np.float32)


def preview(sitting: Sitting, total: Pixels, weight: Pixels) -> Callable[[], Image]:
    return lambda: picture_of(finished(sitting, total, weight))


def bilinear(pixels: Pixels, at: Floats) -> Pixels:
    """Colours (n, 3) of a picture (H, W, 3) at places (n, 2), px right and down from the corner, linear between centres."""
    height, width = pixels.shape[:2]
    x, y = np.clip(at[:, 0] - 0.5, 0, width - 1), np.clip(at[:, 1] - 0.5, 0, height - 1)
    left, top = np.minimum(x.astype(np.int64), max(width - 2, 0)), np.minimum(y.astype(np.int64), max(height - 2, 0))
    right, down = (x - left)[:, None].astype(np.float32), (y - top)[:, None].astype(np.float32)
    below, beside = np.minimum(top + 1, height - 1), np.minimum(left + 1, width - 1)
    upper = pixels[top, left] * (1 - right) + pixels[top, beside] * right
    lower = pixels[below, left] * (1 - right) + pixels[below, beside] * right
    return np.asarray(upper * (1 - down) + lower * down, np.float32)
