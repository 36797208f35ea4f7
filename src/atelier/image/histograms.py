"""Curves that give one distribution of numbers another's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from atelier.image.pixels import Floats


@dataclass(frozen=True, eq=False)
class Curve:
    """A rising piecewise linear function through (x, y), each (K,); beyond its ends it goes on at slope 1."""

    x: Floats
    y: Floats

    def __call__(self, values: NDArray[Any]) -> Floats:
        inside = np.clip(values, self.x[0], self.x[-1])
        beyond: Floats = np.interp(inside, self.x, self.y) + (values - inside)
        return beyond


def fit_curve(
    values: NDArray[Any],
    weights: NDArray[Any],
    to: NDArray[Any],
    to_weights: NDArray[Any],
    knots: int = 4096,
    stretch: float = np.inf,
) -> Curve:
    """Fit the curve that gives values (N,) the distribution of to (M,), by quantiles: F_to⁻¹ ∘ F.

    The rank of a level is the middle of its step, so equal values stay equal and a distribution on itself is left alone.
    Between levels, and between knots where there are more levels than knots, it is linear. Weights are above 0.
    stretch: slopes beyond it are cut to it and the mean is kept, so that a plain wall is not torn into a crowd's colours.
    """
    levels, ranks = _quantiles(values, weights)
    to_levels, to_ranks = _quantiles(to, to_weights)
    if len(levels) > knots:
        pick = np.linspace(0, len(levels) - 1, knots).round().astype(np.intp)
        levels, ranks = levels[pick], ranks[pick]
    y = np.interp(ranks, to_ranks, to_levels)
    most = stretch * np.diff(levels) if np.isfinite(stretch) else np.inf
    if (np.diff(y) > most).any():
        gentle = np.concatenate([[0.0], np.cumsum(np.minimum(np.diff(y), most))])
        y = gentle + np.average(y - gentle, weights=np.diff((ranks[1:] + ranks[:-1]) / 2, prepend=0, append=1))
    return Curve(levels, y)


def _quantiles(values: NDArray[Any], weights: NDArray[Any]) -> tuple[Floats, Floats]:
    """Levels (K,), rising, and the rank (K,) of each, in (0, 1)."""
    levels, which = np.unique(values.astype(np.float64), return_inverse=True)
    steps = np.bincount(which, weights)
    ends = np.cumsum(steps)
    return levels, (ends - steps / 2) / ends[-1]
