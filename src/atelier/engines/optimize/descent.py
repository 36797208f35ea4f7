"""Single steps downhill: L-BFGS, Adam and plain gradient descent, each told the values and their gradient.

They are what torch's optimisers of the same names do, step for step, but that L-BFGS learns from how far the values really came where
they are bounded, leaves those at a bound out of it, and may be told beforehand what the curvature is like. Those of torch bring its
compiler with them when they are built, a second and 70 MiB that painting has no use for.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

FIRST_STEP = 0.02
"""Mean absolute change of a pixel in the first step of L-BFGS, when nothing is known of the curvature."""
LEAST_BEND = 1e-10
"""A pair of vectors whose product is less says nothing of the curvature, or that it is none to go by."""


class Descent(Protocol):
    """Moves values, in place, by what it has learned of their gradients."""

    def step(self, values: Sequence[Tensor], slopes: Sequence[Tensor]) -> None: ...

    def state(self) -> dict[str, Any]:
        """What `restore` needs to go on exactly; its tensors are still in use."""

    def restore(self, state: Mapping[str, Any]) -> None:
        """state: its tensors are on the values' device, and are taken over."""


class Plain:
    """Against the gradient, by `rate` of it."""

    def __init__(self, rate: float) -> None:
        self.rate = rate

    def step(self, values: Sequence[Tensor], slopes: Sequence[Tensor]) -> None:
        with torch.no_grad():
            for value, slope in zip(values, slopes, strict=True):
                value.add_(slope, alpha=-self.rate)

    def state(self) -> dict[str, Any]:
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:
        pass


class Adam:
    """Kingma & Ba 2015, "Adam: a method for stochastic optimization", algorithm 1."""

    def __init__(self, rate: float, decays: tuple[float, float] = (0.9, 0.99), least: float = 1e-8) -> None:
        self.rate, self.decays, self.least = rate, decays, least
        self.steps = 0
        self.means: list[Tensor] = []
        self.squares: list[Tensor] = []

    def step(self, values: Sequence[Tensor], slopes: Sequence[Tensor]) -> None:
        if not self.steps:
            self.means, self.squares = ([torch.zeros_like(slope) for slope in slopes] for _ in range(2))
        self.steps += 1
        first, second = self.decays
        rate, root = self.rate / (1 - first**self.steps), math.sqrt(1 - second**self.steps)
        with torch.no_grad():
            for value, slope, mean, square in zip(values, slopes, self.means, self.squares, strict=True):
                mean.lerp_(slope, 1 - first)
                square.mul_(second).addcmul_(slope, slope, value=1 - second)
                value.addcdiv_(mean, (square.sqrt() / root).add_(self.least), value=-rate)

    def state(self) -> dict[str, Any]:
        return {"steps": self.steps, "means": self.means, "squares": self.squares}

    def restore(self, state: Mapping[str, Any]) -> None:
        self.steps, self.means, self.squares = state["steps"], list(state["means"]), list(state["squares"])


@dataclass(frozen=True, eq=False)
class Pyramid:
    """A guess at the inverse of a picture's curvature: H = I + g U H D, where D makes a picture FACTOR times smaller, smoothly, U is D
    transposed, with the mean kept, and the H within is that of the small picture; LEVELS deep. A long wave is moved further, by g = GAIN
    for a wave FACTOR times as long.

    What a perceptual network feels of a change are edges, so that long waves hardly bend the loss and short ones do; L-BFGS with a
    handful of pairs is long in finding that out. Where H is right all waves arrive together. What it brings: docs/method.md,
    "Solvers". (Decorrelated spaces do the same for visualised features: Olah, Mordvintsev & Schubert 2017, "Feature visualization"; a sum
    over levels for partial differential equations: Bramble, Pasciak & Xu 1990, "Parallel multilevel preconditioners".)

    size: (height, width) of the picture that flat vectors hold, channel after channel. part: where they hold but some places of it,
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
        """vector (C * n,) := H vector, in place."""
        for channels in self.channels(vector):
            channels.add_(self.coarse(channels))

    def square(self, vector: Tensor) -> float:
        """vectorᵀ H vector."""
        return sum(_square(self.laid(channels), LEVELS) for channels in self.channels(vector))

    def channels(self, vector: Tensor) -> Sequence[Tensor]:
        """(C * n,) as some of (c, n): a large canvas may be most of the memory there is."""
        height, width = self.size
        each = vector.view(-1, height * width if self.part is None else len(self.part))
        return each.split(max(1, AT_ONCE // (height * width)))

    def laid(self, channels: Tensor) -> Tensor:
        """Some channels (c, n) as pictures (c, 1, height, width)."""
        height, width = self.size
        if self.part is not None:
            channels = channels.new_zeros(len(channels), height * width).scatter_(1, self.part.expand(len(channels), -1), channels)
        return channels.view(-1, 1, height, width)

    def coarse(self, channels: Tensor) -> Tensor:
        """(H - I) times some channels, both (c, n)."""
        found = _coarse(self.laid(channels), LEVELS).flatten(1)
        return found if self.part is None else found.index_select(1, self.part)


AT_ONCE = 3 * 2**20
"""Values of a canvas that are taken to the coarse scales at once."""
FACTOR, GAIN, LEVELS = 4, 3.0, 3
"""FACTOR 2, GAIN 1.5 and LEVELS 6 take twice the time and bring no more."""


def _coarse(x: Tensor, levels: int) -> Tensor:
    """g U H D x, (C, 1, H, W)."""
    if not levels or min(x.shape[2:]) < FACTOR:
        return torch.zeros_like(x)
    small = _smaller(x).mul_(GAIN)
    if levels > 1:
        small.add_(_coarse(small, levels - 1))
    return F.interpolate(small, scale_factor=float(FACTOR), mode="bilinear")[:, :, : x.shape[2], : x.shape[3]]


def _square(x: Tensor, levels: int) -> float:
    """xᵀ H x = xᵀx + g xᵀU H D x, and xᵀU is (FACTOR² D x)ᵀ: nothing has to be enlarged."""
    own = float(x.flatten().dot(x.flatten()))
    if not levels or min(x.shape[2:]) < FACTOR:
        return own
    return own + GAIN * FACTOR**2 * _square(_smaller(x), levels - 1)


def _smaller(x: Tensor) -> Tensor:
    """D x, (C, 1, H / FACTOR, W / FACTOR). U enlarges bilinearly and cuts what is too much. D is that transposed, which mirrors the border,
    but not what was cut."""
    taps = (1 - (torch.arange(2 * FACTOR, dtype=x.dtype, device=x.device) + 0.5 - FACTOR).abs() / FACTOR) / FACTOR
    height, width = x.shape[2:]
    if height % FACTOR or width % FACTOR:
        x = F.pad(x, (0, -width % FACTOR, 0, -height % FACTOR))
    half = FACTOR // 2
    for side in (2, 3):
        x = torch.cat([x.narrow(side, 0, half).flip(side), x, x.narrow(side, x.shape[side] - half, half).flip(side)], side)
    return F.conv2d(x, (taps[:, None] * taps)[None, None], stride=FACTOR)


class LBFGS:
    """Limited-memory BFGS (Nocedal 1980, "Updating quasi-Newton matrices with limited storage"; the two loops of Nocedal & Wright,
    algorithm 7.4) without line search: one evaluation a step is cheaper per unit of progress here. history: pairs of vectors
    that are kept. The first step's length is FIRST_STEP a value, all others' are `rate` of what the curvature says. guess: the inverse
    of the curvature before anything is known of it, but for its scale; the identity where there is none. bounds: (least, greatest) that
    a value may be, if whoever owns them sees to it.

    Whoever owns the values may change them between steps, as clamping does: a pair is of where they are and where they were, not of the
    step that was meant. With the latter, pixels at a bound teach a curvature that is not there."""

    def __init__(
        self, rate: float, history: int, guess: Pyramid | None = None, bounds: tuple[float, float] = (-math.inf, math.inf)
    ) -> None:
        self.rate, self.history, self.guess, self.bounds = rate, history, guess, bounds
        self.pairs: list[tuple[Tensor, Tensor, float]] = []  # how the values moved, how the gradient changed, the product of the two
        self.scale = 1.0
        self.before: Tensor | None = None
        self.slope: Tensor | None = None

    def step(self, values: Sequence[Tensor], slopes: Sequence[Tensor]) -> None:
        slope = torch.cat([slope.flatten() for slope in slopes]) if len(slopes) > 1 else slopes[0].flatten()
        if not bool(slope.any()):
            return
        here = torch.cat([value.detach().flatten() for value in values])
        move = -slope
        held = self.held(here, slope)
        move.masked_fill_(held, 0)
        if self.before is not None and self.slope is not None:
            self.learn(here - self.before, slope - self.slope)
        if self.pairs:
            shares = []
            for moved, bent, product in reversed(self.pairs):
                shares.append(float(moved.dot(move)) / product)
                move.add_(bent, alpha=-shares[-1])
            self.guessed(move)
            move *= self.scale
            for (moved, bent, product), share in zip(self.pairs, reversed(shares), strict=True):
                move.add_(moved, alpha=share - float(bent.dot(move)) / product)
            move *= self.rate
            move.masked_fill_(held, 0)
        else:
            self.guessed(move)
            move.masked_fill_(held, 0)
            total, free = float(move.abs().sum()), move.numel() - int(held.sum())
            move *= min(1.0, 1.0 / max(total, 1e-30)) * FIRST_STEP * free * min(1.0, self.rate)
        self.slope = slope.clone() if self.slope is None else self.slope.copy_(slope)
        self.before = here
        with torch.no_grad():
            for value, part in zip(values, move.split([value.numel() for value in values]), strict=True):
                value.add_(part.view_as(value))

    def held(self, here: Tensor, slope: Tensor) -> Tensor:
        """Which values are at a bound that their slope leads beyond. They take no part in a step: others, reckoning with moves that are not
        to be, would go astray, and with a guess that binds neighbours never arrive (Bertsekas 1982, "Projected Newton methods for
        optimization problems with simple constraints")."""
        low, high = self.bounds
        return (here <= low).logical_and_(slope > 0).logical_or_((here >= high).logical_and_(slope < 0))

    def learn(self, moved: Tensor, bent: Tensor) -> None:
        """Take in how far the values moved and by how much their slopes changed: the latter of those that moved, else what the others
        would have had to do with it is carried to their neighbours by the guess."""
        bent.masked_fill_(moved == 0, 0)
        product = float(bent.dot(moved))
        if product > LEAST_BEND:
            if len(self.pairs) == self.history:
                self.pairs.pop(0)
            self.pairs.append((moved, bent, product))
            self.scale = product / (self.guess.square(bent) if self.guess else float(bent.dot(bent)))

    def guessed(self, move: Tensor) -> None:
        """Multiply by the guess, in place."""
        if self.guess:
            self.guess.apply(move)

    def state(self) -> dict[str, Any]:
        return {"pairs": self.pairs, "scale": self.scale, "before": self.before, "slope": self.slope}

    def restore(self, state: Mapping[str, Any]) -> None:
        self.pairs = list(state["pairs"])
        self.scale, self.before, self.slope = state["scale"], state["before"], state["slope"]


class Parted:
    """One of its own for each part of a canvas (1, C, H, W); what belongs to none stays as it is. parts: positions (n,), counted through
    row by row."""

    def __init__(self, parts: Sequence[Tensor], own: Sequence[Descent]) -> None:
        self.parts, self.own = parts, own

    def step(self, values: Sequence[Tensor], slopes: Sequence[Tensor]) -> None:
        for value, slope in zip(values, slopes, strict=True):
            rows, falls = (x.detach().view(x.shape[1], -1) for x in (value, slope.contiguous()))
            for part, own in zip(self.parts, self.own, strict=True):
                # Several times as fast as rows[:, part].
                here = rows.index_select(1, part)
                own.step([here], [falls.index_select(1, part)])
                rows.scatter_(1, part.expand_as(here), here)

    def state(self) -> dict[str, Any]:
        return {"parts": [own.state() for own in self.own]}

    def restore(self, state: Mapping[str, Any]) -> None:
        for own, known in zip(self.own, state["parts"], strict=True):
            own.restore(known)
