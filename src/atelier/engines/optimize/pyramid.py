"""A guess at the curvature of a perceptual loss, as a function of a picture's pixels: long waves hardly bend it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

AT_ONCE = 3 * 2**20
"""Values of a canvas that are taken to the coarse scales at once."""
FACTOR, GAIN, LEVELS = 4, 3.0, 3
"""FACTOR 2, GAIN 1.5 and LEVELS 6 take twice the time and bring no more."""


class Guess(Protocol):
    """A symmetric, positive guess at the inverse of a curvature, but for its scale."""

    def apply(self, vector: Tensor) -> None:
        """vector (n,) := H vector, in place."""


@dataclass(frozen=True, eq=False)
class Pyramid:
    """The `Guess` H = I + g U H D, where D makes a picture FACTOR times smaller, smoothly, U is D transposed, with the mean kept, and the
    H within is that of the small picture; LEVELS deep. A long wave is moved further, by g = GAIN for a wave FACTOR times as long.

    What a perceptual network feels of a change are edges, so that long waves hardly bend the loss and short ones do; L-BFGS with a
    handful of pairs is long in finding that out. Where H is right all waves arrive together. What it brings: docs/method.md,
    "Solvers". (Decorrelated spaces do the same for visualised features: Olah, Mordvintsev & Schubert 2017, "Feature visualization"; a sum
    over levels for partial differential equations: Bramble, Pasciak & Xu 1990, "Parallel multilevel preconditioners".)

    size: (height, width) of the picture that flat vectors hold, channel after channel. part: where they hold but some pixels of it,
    positions (n,) counted through row by row; the others are as if they had no slope."""

    size: tuple[int, int]
    part: Tensor | None = None

    @classmethod
    def of(cls, size: tuple[int, int], part: Tensor | None) -> Pyramid:
        """Of a picture of this size or a part of it, and then no larger than what that is within."""
        if part is None or not len(part):
            return cls(size, part)
        rows, columns = part // size[1], part % size[1]
        top, left = int(rows.min()), int(columns.min())
        width = int(columns.max()) - left + 1
        return cls((int(rows.max()) - top + 1, width), (rows - top) * width + columns - left)

    def apply(self, vector: Tensor) -> None:
        for channels in self.channels(vector):
            channels.add_(self.coarse(channels))

    def channels(self, vector: Tensor) -> Sequence[Tensor]:
        """(C * n,) as some of (c, n): a large canvas may be most of the memory there is."""
        height, width = self.size
        each = vector.view(-1, height * width if self.part is None else len(self.part))
        return each.split(max(1, AT_ONCE // (height * width)))

    def spread(self, channels: Tensor) -> Tensor:
        """Some channels (c, n) as pictures (c, 1, height, width)."""
        height, width = self.size
        if self.part is not None:
            channels = channels.new_zeros(len(channels), height * width).scatter_(1, self.part.expand(len(channels), -1), channels)
        return channels.view(-1, 1, height, width)

    def coarse(self, channels: Tensor) -> Tensor:
        """(H - I) times some channels, both (c, n)."""
        found = _coarse(self.spread(channels), LEVELS).flatten(1)
        return found if self.part is None else found.index_select(1, self.part)


def _coarse(x: Tensor, levels: int) -> Tensor:
    """g U H D x, (C, 1, H, W)."""
    if not levels or min(x.shape[2:]) < FACTOR:
        return torch.zeros_like(x)
    small = smaller(x)
    if levels > 1:
        small.add_(_coarse(small, levels - 1))
    return F.interpolate(small, scale_factor=float(FACTOR), mode="bilinear")[:, :, : x.shape[2], : x.shape[3]]


def smaller(x: Tensor) -> Tensor:
    """g D x, (C, 1, H / FACTOR, W / FACTOR). U enlarges bilinearly and cuts what is too much. D is that transposed, which mirrors the
    border, but not what was cut."""
    height, width = x.shape[2:]
    if height % FACTOR or width % FACTOR:
        x = F.pad(x, (0, -width % FACTOR, 0, -height % FACTOR))
    half = FACTOR // 2
    for side in (2, 3):
        x = torch.cat([x.narrow(side, 0, half).flip(side), x, x.narrow(side, x.shape[side] - half, half).flip(side)], side)
    return F.conv2d(x, _taps(x.dtype, x.device), stride=FACTOR)


@cache
def _taps(dtype: torch.dtype, device: torch.device) -> Tensor:
    """The triangle that a bilinear enlargement draws, times GAIN, (1, 1, 2 FACTOR, 2 FACTOR)."""
    taps = (1 - (torch.arange(2 * FACTOR, dtype=dtype, device=device) + 0.5 - FACTOR).abs() / FACTOR) / FACTOR
    return GAIN * (taps[:, None] * taps)[None, None]
