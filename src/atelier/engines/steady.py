"""Frames of a film kept alike: what was painted before shows through where it can be trusted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from atelier.engines.engine import Frame
from atelier.image.value import Pixels

SHARE = {"off": 0.0, "fast": 0.75, "best": 0.8}
"""How much of the frame before shows through where it is fully trusted."""
BANDS = (3, 9)
"""Sides, px, of the means between which contrast is given back, each by itself."""
AROUND = 25
"""Side, px, of the neighbourhood in which contrast is counted."""
MOST = 1.7
"""How much contrast is given back at the most."""


def steady(painted: Frame, share: float) -> Frame:
    """A painted frame mixed with the one before it, as its `before` has it."""
    before = painted.before
    if before is None or before.pixels is None or before.trust is None or share == 0:
        return painted
    weight = (np.float32(share) * before.trust)[..., None]
    mixed = painted.pixels + weight * (before.pixels - painted.pixels)
    return replace(painted, pixels=with_contrast(mixed, painted.pixels).clip(0, 1))


def with_contrast(mixed: Pixels, like: Pixels) -> Pixels:
    """A mixture (H, W, 3) with the contrast of fine things that `like` has.

    A mean of strokes that lie askew has less contrast than each of them, and would be a blur (Heitz and Neyret 2018).
    """
    from atelier.perception.motion import import_cv2

    blur = import_cv2().blur

    def power(part: Pixels) -> Pixels:
        return np.asarray(blur(np.square(part).sum(2), (AROUND, AROUND)))

    out, rest, rest_like = np.zeros_like(mixed), mixed, like
    for side in BANDS:
        coarse, coarse_like = blur(rest, (side, side)), blur(rest_like, (side, side))
        gain = np.sqrt(power(rest_like - coarse_like) / (power(rest - coarse) + np.float32(1e-6))).clip(1, MOST)
        out += gain[..., None] * (rest - coarse)
        rest, rest_like = coarse, coarse_like
    return np.asarray(out + rest, np.float32)
