"""Single steps downhill: L-BFGS, Adam and plain gradient descent, each told the values and their gradient.

They are what torch's optimisers of the same names do, step for step, but that L-BFGS learns from how far the values really came where
they are bounded. Those of torch bring its compiler with them when they are built, a second and 70 MiB that painting has no use for.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import torch
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


class LBFGS:
    """Limited-memory BFGS (Nocedal 1980, "Updating quasi-Newton matrices with limited storage"; the two loops of Nocedal & Wright,
    algorithm 7.4) without line search: one evaluation a step is cheaper per unit of progress here. history: pairs of vectors
    that are kept. The first step's length is FIRST_STEP a value, all others' are `rate` of what the curvature says.

    Whoever owns the values may change them between steps, as clamping does: a pair is of where they are and where they were, not of the
    step that was meant. With the latter, pixels at a bound teach a curvature that is not there."""

    def __init__(self, rate: float, history: int) -> None:
        self.rate, self.history = rate, history
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
        if self.before is None or self.slope is None:
            move *= min(1.0, 1.0 / float(slope.abs().sum())) * FIRST_STEP * slope.numel() * min(1.0, self.rate)
            self.slope = slope.clone()
        else:
            self.learn(here - self.before, slope - self.slope)
            shares = []
            for moved, bent, product in reversed(self.pairs):
                shares.append(float(moved.dot(move)) / product)
                move.add_(bent, alpha=-shares[-1])
            move *= self.scale
            for (moved, bent, product), share in zip(self.pairs, reversed(shares), strict=True):
                move.add_(moved, alpha=share - float(bent.dot(move)) / product)
            move *= self.rate
            self.slope.copy_(slope)
        self.before = here
        with torch.no_grad():
            for value, part in zip(values, move.split([value.numel() for value in values]), strict=True):
                value.add_(part.view_as(value))

    def learn(self, moved: Tensor, bent: Tensor) -> None:
        product = float(bent.dot(moved))
        if product > LEAST_BEND:
            if len(self.pairs) == self.history:
                self.pairs.pop(0)
            self.pairs.append((moved, bent, product))
            self.scale = product / float(bent.dot(bent))

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
                held = rows[:, part]
                own.step([held], [falls[:, part]])
                rows[:, part] = held

    def state(self) -> dict[str, Any]:
        return {"parts": [own.state() for own in self.own]}

    def restore(self, state: Mapping[str, Any]) -> None:
        for own, known in zip(self.own, state["parts"], strict=True):
            own.restore(known)
