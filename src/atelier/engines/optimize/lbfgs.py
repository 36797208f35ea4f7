"""L-BFGS in matrices: a step reads its history twice, and once more to learn."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from atelier.engines.optimize.descent import flat, move
from atelier.engines.optimize.pyramid import Guess

FIRST_STEP = 0.02
"""Mean absolute change of a value in the first step, when nothing is known of the curvature."""
LEAST_BEND = 1e-10
"""A pair of vectors whose product is less says nothing of the curvature, or that it is none to go by."""


class LBFGS:
    """Limited-memory BFGS (Nocedal 1980, "Updating quasi-Newton matrices with limited storage") without line search: one evaluation a
    step is cheaper per unit of progress here.

    history: pairs of vectors that are kept. The first step's length is FIRST_STEP a value, all others' are `rate` of what the curvature
    says. guess: the inverse of the curvature before anything is known of it, but for its scale; None for the identity. bounds: (least,
    greatest) that a value may be, if whoever owns them sees to it.

    The inverse of the curvature is the two loops' of Nocedal & Wright, algorithm 7.4, as the product of matrices that Byrd, Nocedal &
    Schnabel 1994 ("Representations of quasi-Newton matrices", theorem 2.2) write it as. With S how the values moved, Y how the gradient
    changed, P the guess and γ its scale it is γ P + S A Sᵀ - γ (S R⁻ᵀ Yᵀ P + P Y R⁻¹ Sᵀ), where R is the upper triangle of SᵀY and
    A = R⁻ᵀ (diag R + γ Yᵀ P Y) R⁻¹. S and P Y are all that has to be kept: Y comes in products alone.

    Whoever owns the values may change them between steps, as clamping does: a pair is of where they are and where they were, not of the
    step that was meant. With the latter, pixels at a bound teach a curvature that is not there."""

    def __init__(self, rate: float, history: int, guess: Guess | None = None, bounds: tuple[float, float] = (-math.inf, math.inf)) -> None:
        self.rate, self.history, self.guess, self.bounds = rate, history, guess, bounds
        self.pairs: Tensor | None = None  # (2, history, n): how the values moved, and the guess times how the gradient changed
        self.count = 0
        self.products = torch.zeros(2, history, history, dtype=torch.float64)  # SᵀY and YᵀPY, rows and columns as the pairs are held
        self.scale = 1.0
        self.before: Tensor | None = None
        self.slope: Tensor | None = None

    def step(self, values: Sequence[Tensor], slopes: Sequence[Tensor], loss: float = math.nan) -> None:
        slope, here = flat(slopes), flat(values)
        total = float(slope.abs().sum())
        if not total:
            return
        free = self.free(here, slope)
        if self.before is not None and self.slope is not None:
            self.learn(self.before.neg_().add_(here), self.slope.neg_().add_(slope))
            self.before.copy_(here)
            self.slope.copy_(slope)
        else:
            self.before, self.slope = here.clone(), slope.clone()
        way = slope.clone() if free is None else slope * free
        if self.count:
            way = self.bent(way)
            scale = -self.rate
        else:
            if self.guess:
                self.guess.apply(way)
            scale = -FIRST_STEP * min(1.0, self.rate)
        if free is not None:
            way.mul_(free)
        if not self.count:
            count = way.numel() if free is None else float(free.sum())
            scale *= count / max(float(way.abs().sum()), 1e-30)
        move(values, way, scale)

    def free(self, here: Tensor, slope: Tensor) -> Tensor | None:
        """1 for values that may move, 0 for those at a bound that their slope leads beyond. These take no part in a step: others, reckoning
        with moves that are not to be, would go astray, and with a guess that binds neighbours never arrive (Bertsekas 1982, "Projected
        Newton methods for optimization problems with simple constraints"). As numbers: multiplying is many times as fast as masking."""
        low, high = self.bounds
        if math.isinf(low) and math.isinf(high):
            return None
        sign = slope.sign()
        moves = (here - sign).clamp_(low, high).sub_(here).sign_().abs_()
        return moves.add_(1.0).sub_(sign.abs_())  # without a slope nothing is led anywhere

    def learn(self, moved: Tensor, changed: Tensor) -> None:
        """Take in how far the values moved and by how much their slopes changed: the latter of those that moved, else what the others
        would have had to do with it is carried to their neighbours by the guess."""
        if not (math.isinf(self.bounds[0]) and math.isinf(self.bounds[1])):
            changed.mul_(moved.sign().abs_())
        product = float(changed.dot(moved))
        if product <= LEAST_BEND:
            return
        if self.pairs is None:
            self.pairs = moved.new_empty(2, self.history, len(moved))
        at = self.count % self.history
        self.pairs[0, at].copy_(moved)
        guessed = self.pairs[1, at].copy_(changed)
        if self.guess:
            self.guess.apply(guessed)
        self.count += 1
        self.products[:, : self.kept, at] = self.dots(changed)
        self.products[1, at] = self.products[1, :, at]
        self.scale = product / float(self.products[1, at, at])

    @property
    def kept(self) -> int:
        """How many pairs there are."""
        return min(self.count, self.history)

    def dots(self, vector: Tensor) -> Tensor:
        """The products of all pairs with a vector, (2, kept)."""
        assert self.pairs is not None
        return torch.stack([half @ vector for half in self.pairs[:, : self.kept]]).cpu().double()

    def bent(self, slope: Tensor) -> Tensor:
        """The inverse of the curvature times a slope (n,), in place."""
        assert self.pairs is not None
        order = [(self.count + age) % self.kept for age in range(self.kept)]  # from the oldest to the newest
        moved, bend = self.dots(slope)[:, order]
        products, gram = self.products[:, order][:, :, order]
        upper = products.triu()
        inner = torch.linalg.solve_triangular(upper, moved[:, None], upper=True)[:, 0]  # R⁻¹ Sᵀ g
        right = products.diagonal() * inner + self.scale * (gram @ inner - bend)
        outer = torch.linalg.solve_triangular(upper.T, right[:, None], upper=False)[:, 0]
        shares = torch.empty(2, self.kept, dtype=torch.float64)
        shares[:, order] = torch.stack([outer, -self.scale * inner])
        if self.guess:
            self.guess.apply(slope)
        slope.mul_(self.scale)
        for half, share in zip(self.pairs[:, : self.kept], shares.to(slope.dtype).to(slope.device), strict=True):
            slope.addmv_(half.T, share)
        return slope

    def state(self) -> dict[str, Any]:
        pairs = None if self.pairs is None else self.pairs[:, : self.kept]
        return {
            "pairs": pairs, "count": self.count, "products": self.products.tolist(), "scale": self.scale,
            "before": self.before, "slope": self.slope,
        }  # fmt: skip

    def restore(self, state: Mapping[str, Any]) -> None:
        self.count, self.scale, self.before, self.slope = (state[name] for name in ("count", "scale", "before", "slope"))
        self.products = torch.tensor(state["products"], dtype=torch.float64)
        if (pairs := state["pairs"]) is not None:
            self.pairs = pairs.new_empty(2, self.history, pairs.shape[2])
            self.pairs[:, : pairs.shape[1]] = pairs
