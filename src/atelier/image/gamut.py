"""What becomes of colours that cannot be shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np

from atelier.image.spaces import SPACES, Space
from atelier.image.value import Pixels

Limit = Callable[[Pixels], Pixels]
"""sRGB (..., 3), perhaps outside [0, 1], to what is shown of it."""

_SHADOWS, _LIGHTS = 0.25, 0.7  # luminance between them is never touched
_STRAY = 0.002  # the share of pixels that may still be clipped at either end


def _soft(some: Pixels, space: Space) -> Limit:
    """Luminance beyond black or white is bent in with a foot and a shoulder, as film does, so that what would be a flat
    white keeps its drawing; then chroma gives way."""
    if not space.luminance:
        space = SPACES["oklab"]
    if not len(some):
        return _chroma(some, space)
    low, high = np.quantile(space.from_srgb(some)[:, 0] / space.scale, (_STRAY, 1 - _STRAY))
    if low >= 0 and high <= 1:
        return _chroma(some, space)
    shoulder, foot = _bend(1 - _LIGHTS, high - _LIGHTS), _bend(_SHADOWS, _SHADOWS - low)

    def limited(pixels: Pixels) -> Pixels:
        values = space.from_srgb(pixels)
        over = np.maximum(values[..., 0] / space.scale - _LIGHTS, 0)
        under = np.maximum(_SHADOWS - values[..., 0] / space.scale, 0)
        values[..., 0] += (over / (1 + shoulder * over) - over - under / (1 + foot * under) + under) * space.scale
        return reduce_chroma(space.to_srgb(values), space)

    return limited


def _bend(room: float, reach: float) -> float:
    """The a for which x / (1 + a x), which leaves 0 at slope 1, brings reach to room; 0 where there is room enough."""
    return max(0.0, 1 / room - 1 / max(reach, room))


def reduce_chroma(pixels: Pixels, space: Space) -> Pixels:
    """Bring colours (..., 3) that cannot be shown into [0, 1] by taking away just enough chroma at the same luminance
    and hue of the space (of OKLab for spaces without). Luminance beyond black or white is clipped first."""
    if not space.luminance:
        space = SPACES["oklab"]
    outside = ((pixels < 0) | (pixels > 1)).any(-1)
    if not outside.any():
        return pixels
    values = space.from_srgb(pixels[outside])
    light = np.clip(values[:, :1], 0.0, space.scale)
    color = values[:, 1:] - np.float32(space.neutral)

    def shown(keep: Pixels) -> Pixels:
        return space.to_srgb(np.concatenate([light, keep * color + np.float32(space.neutral)], axis=1))

    keep = np.zeros_like(light)
    for halving in range(1, 10):  # to 1/512 of the chroma: no 8-bit step
        more = keep + np.float32(0.5**halving)
        tried = shown(more)
        keep = np.where(((tried >= 0) & (tried <= 1)).all(1, keepdims=True), more, keep)
    out = pixels.copy()
    out[outside] = np.clip(shown(keep), 0.0, 1.0)
    return out


def _chroma(some: Pixels, space: Space) -> Limit:
    return lambda pixels: reduce_chroma(pixels, space)


def _clip(some: Pixels, space: Space) -> Limit:
    return lambda pixels: np.clip(pixels, 0.0, 1.0)


def _open(some: Pixels, space: Space) -> Limit:
    return lambda pixels: pixels


GAMUTS: Mapping[str, Callable[[Pixels, Space], Limit]] = MappingProxyType({"soft": _soft, "chroma": _chroma, "clip": _clip, "open": _open})
"""What becomes of colours that cannot be shown. soft: luminance bent in, then less chroma. chroma: less chroma at the same
luminance. clip: each channel by itself, which shifts hues. open: nothing, the result is anywhere. Each takes colours of the
result (N, 3) to judge it by."""
