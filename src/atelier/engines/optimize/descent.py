"""Single steps downhill: plain gradient descent, with Nesterov's step or Armijo's rule, and Adam. L-BFGS is in `lbfgs`.

Each is told the values and their gradient, of any shapes. Adam and plain descent are what torch's optimisers of those names do, step for
step. Those of torch bring its compiler with them when they are built, a second and 70 MiB that painting has no use for.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

ENOUGH = 1e-4
"""Share of the decrease that the gradient promises which Armijo's rule is content with (Nocedal & Wright, section 3.1)."""
SHORTER, SHORTEST = 0.5, 0.1
"""What is left of a step that was too long: between these, where a parabola through what is known has its bottom."""
LONGER = 2.0
"""The next step is tried so much longer where one was short enough at once."""


class Descent(Protocol):
    """Moves values, in place, by what it has learned of their gradients."""

    def step(self, values: Sequence[Tensor], slopes: Sequence[Tensor], loss: float = math.nan) -> None:
        """loss: that of the values as they are; only Armijo's rule asks for it."""

    def state(self) -> dict[str, Any]:
        """What `restore` needs to go on exactly; its tensors are still in use."""

    def restore(self, state: Mapping[str, Any]) -> None:
        """state: its tensors are on the values' device, and are taken over."""


class Plain:
    """Against the gradient, by `rate` of it."""

    def __init__(self, rate: float) -> None:
        self.rate = rate

    def step(self, values: Sequence[Tensor], slopes: Sequence[Tensor], loss: float = math.nan) -> None:
        for value, slope in zip(values, slopes, strict=True):
            value.detach().add_(slope, alpha=-self.rate)

    def state(self) -> dict[str, Any]:
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:
        pass


class Accelerated:
    """Gradient descent with Nesterov's step, Armijo's rule, or both.

    Nesterov 1983 ("A method of solving a convex programming problem with convergence rate O(1/k²)"): from where a step arrives it is gone
    on in the direction of the last two arrivals, by (k - 1) / (k + 2) of their difference, and the next gradient is taken there.

    Armijo 1966 ("Minimization of functions having Lipschitz continuous first partial derivatives"): a step t against the gradient g is
    short enough where the loss falls by ENOUGH t |g|². `rate` is the first one that is tried. What is tried is looked at in the next
    call, so a step that was too long costs one evaluation, and one that was not costs none. Values that were brought back to a bound
    count with the way that they came.
    """

    def __init__(self, rate: float, nesterov: bool, armijo: bool) -> None:
        self.rate, self.nesterov, self.armijo = rate, nesterov, armijo
        self.count = 0
        self.arrived: Tensor | None = None
        self.tried: tuple[Tensor, Tensor, float, bool] | None = None  # from where, its slope and loss, whether it is the first try

    def step(self, values: Sequence[Tensor], slopes: Sequence[Tensor], loss: float = math.nan) -> None:
        here = flat(values)
        if self.tried:
            if not self.short_enough(here, loss):
                origin, slope = self.tried[:2]
                put(values, origin - self.rate * slope)
                return
            self.tried = None
            if self.nesterov:
                put(values, self.beyond(here.clone()))
                return
        slope = flat(slopes)
        target = here - self.rate * slope
        if self.armijo:
            self.tried = here.clone(), slope.clone(), loss, True
        elif self.nesterov:
            target = self.beyond(target)
        put(values, target)

    def short_enough(self, here: Tensor, loss: float) -> bool:
        """Whether Armijo's rule takes the step that was tried; the rate becomes the one to try next."""
        assert self.tried is not None
        origin, slope, before, first = self.tried
        promised = float(slope.dot(origin - here))
        if loss <= before - ENOUGH * promised:
            self.rate *= LONGER if first else 1.0
            return True
        bottom = promised / max(2 * (loss - before + promised), 1e-30)
        self.rate *= min(SHORTER, max(SHORTEST, bottom))
        self.tried = origin, slope, before, False
        return False

    def beyond(self, arrived: Tensor) -> Tensor:
        """Nesterov's point beyond where a step has arrived."""
        self.count += 1
        share = (self.count - 1) / (self.count + 2)
        target = arrived if self.arrived is None else torch.lerp(self.arrived, arrived, 1 + share)
        self.arrived = arrived
        return target

    def state(self) -> dict[str, Any]:
        return {"rate": self.rate, "count": self.count, "arrived": self.arrived, "tried": self.tried}

    def restore(self, state: Mapping[str, Any]) -> None:
        self.rate, self.count, self.arrived, self.tried = (state[name] for name in ("rate", "count", "arrived", "tried"))


class Adam:
    """Kingma & Ba 2015, "Adam: a method for stochastic optimization", algorithm 1."""

    def __init__(self, rate: float, decays: tuple[float, float] = (0.9, 0.99), least: float = 1e-8) -> None:
        self.rate, self.decays, self.least = rate, decays, least
        self.steps = 0
        self.means: list[Tensor] = []
        self.squares: list[Tensor] = []

    def step(self, values: Sequence[Tensor], slopes: Sequence[Tensor], loss: float = math.nan) -> None:
        if not self.steps:
            self.means, self.squares = ([torch.zeros_like(slope) for slope in slopes] for _ in range(2))
        self.steps += 1
        first, second = self.decays
        rate, root = self.rate / (1 - first**self.steps), math.sqrt(1 - second**self.steps)
        for value, slope, mean, square in zip(values, slopes, self.means, self.squares, strict=True):
            mean.lerp_(slope, 1 - first)
            square.mul_(second).addcmul_(slope, slope, value=1 - second)
            value.detach().addcdiv_(mean, (square.sqrt() / root).add_(self.least), value=-rate)

    def state(self) -> dict[str, Any]:
        return {"steps": self.steps, "means": self.means, "squares": self.squares}

    def restore(self, state: Mapping[str, Any]) -> None:
        self.steps, self.means, self.squares = state["steps"], list(state["means"]), list(state["squares"])


class PerPart:
    """A descent of its own for each part of the values; what belongs to none stays as it is.

    parts: flat positions (n,) in all values, one after the other."""

    def __init__(self, parts: Sequence[Tensor], own: Sequence[Descent]) -> None:
        self.parts, self.own = parts, own

    def step(self, values: Sequence[Tensor], slopes: Sequence[Tensor], loss: float = math.nan) -> None:
        whole, falls = flat(values), flat(slopes)
        for part, own in zip(self.parts, self.own, strict=True):
            here = whole.index_select(0, part)
            own.step([here], [falls.index_select(0, part)], loss)
            whole.scatter_(0, part, here)
        put(values, whole)

    def state(self) -> dict[str, Any]:
        return {"parts": [own.state() for own in self.own]}

    def restore(self, state: Mapping[str, Any]) -> None:
        for own, known in zip(self.own, state["parts"], strict=True):
            own.restore(known)


def flat(tensors: Sequence[Tensor]) -> Tensor:
    """Tensors of any shapes as one vector (n,): of a single one the same memory."""
    vectors = [each.detach().reshape(-1) for each in tensors]
    return vectors[0] if len(vectors) == 1 else torch.cat(vectors)


def put(values: Sequence[Tensor], vector: Tensor) -> None:
    """The values := a vector (n,), which may be their own memory."""
    for value, part in zip(values, vector.split([value.numel() for value in values]), strict=True):
        if value.data_ptr() != part.data_ptr() or value.is_meta:
            value.detach().copy_(part.view_as(value))


def move(values: Sequence[Tensor], way: Tensor, rate: float) -> None:
    """The values += rate times a vector (n,)."""
    for value, part in zip(values, way.split([value.numel() for value in values]), strict=True):
        value.detach().add_(part.view_as(value), alpha=rate)
