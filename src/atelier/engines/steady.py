"""Frames of a film kept alike: what was painted before shows through where it can be trusted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from atelier.engines.engine import Frame
from atelier.image.value import Pixels

SHARE = {"off": 0.0, "fast": 0.75, "best": 0.8}
"""How much of the frame before shows through where it is fully trusted."""
BANDS = (3, 9, 27)
"""Sides, px, of the means between which contrast is given back, each by itself."""
CELL = 8
"""Pixels a side of the parts in which contrast is counted."""
AROUND = 3
"""Parts a side of the neighbourhood over which it is averaged."""
LIGHT = 16
"""Of the picture's sides, the part over which a change of light is averaged."""
MOST = 1.7
"""How much contrast is given back at the most."""
Contrast = tuple[Pixels, ...]
"""(h, w) of each band: mean squares of what is in it, over neighbourhoods."""


def steady(painted: Frame, share: float) -> Frame:
    """A painted frame mixed with the one before it, as its `before` has it."""
    before = painted.before
    if before is None or before.pixels is None or before.trust is None or share == 0:
        return painted
    weight = (np.float32(share) * before.trust)[..., None]
    apart = before.pixels - painted.pixels
    mixed = painted.pixels + weight * (apart - _of_light(apart, before.trust)[..., None])
    return replace(painted, pixels=with_contrast(mixed, contrast(painted.pixels)).clip(0, 1))


def _of_light(apart: Pixels, trust: Pixels) -> Pixels:
    """What of a difference (H, W, 3) is that of the light: its mean over large areas that are trusted, (H, W). The painted frame has the
    light as it is now."""
    from atelier.perception.motion import grown, import_cv2

    cv2 = import_cv2()
    height, width = trust.shape
    small = max(1, width // CELL), max(1, height // CELL)
    sure = cv2.resize(trust, small, interpolation=cv2.INTER_AREA)
    light = cv2.resize(cv2.cvtColor(apart, cv2.COLOR_RGB2GRAY) * trust, small, interpolation=cv2.INTER_AREA)
    sides = [max(3, side // LIGHT * 2 + 1) for side in small]
    return grown(cv2.blur(light, sides) / (cv2.blur(sure, sides) + np.float32(1e-3)), (width, height))


def contrast(pixels: Pixels) -> Contrast:
    """How much contrast there is of fine things, around each place of a picture (H, W, 3)."""
    return tuple(power(band) for band in bands_of(pixels)[0])


def with_contrast(mixed: Pixels, aim: Contrast) -> Pixels:
    """A mixture (H, W, 3) with the contrast that is aimed at, perhaps counted at another size.

    A mean of strokes that lie askew has less contrast than each of them, and would be a blur (Heitz and Neyret 2018).
    """
    from atelier.perception.motion import grown

    bands, out = bands_of(mixed)
    for band, wanted in zip(bands, aim, strict=True):
        has = power(band)
        gain = np.sqrt((grown(wanted, has.shape[::-1]) + np.float32(1e-6)) / (has + np.float32(1e-6))).clip(1, MOST)
        band *= grown(gain, mixed.shape[1::-1])[..., None]
        out += band
    return out


def bands_of(pixels: Pixels) -> tuple[Sequence[Pixels], Pixels]:
    """What a picture has between means of larger and larger parts, and what is left."""
    from atelier.perception.motion import import_cv2

    blur = import_cv2().blur
    bands, rest = list[Pixels](), pixels
    for side in BANDS:
        coarse = blur(rest, (side, side))
        bands.append(rest - coarse)
        rest = coarse
    return bands, rest


def power(band: Pixels) -> Pixels:
    """Mean squares of a band (H, W, 3) over neighbourhoods: (H/8, W/8)."""
    from atelier.perception.motion import import_cv2

    cv2 = import_cv2()
    height, width = band.shape[:2]
    light = cv2.cvtColor(band, cv2.COLOR_RGB2GRAY)
    parts = cv2.resize(light * light, (max(1, width // CELL), max(1, height // CELL)), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.blur(parts, (AROUND, AROUND)))
