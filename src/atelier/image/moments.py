"""Mean and covariance of colours, and the linear maps that carry one picture's to another's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from atelier.image.pixels import Floats, bands
from atelier.image.spaces import Space
from atelier.image.value import Pixels

# Added to variances (in units of the scale squared), so that what does not vary can be divided by: a fortieth of an 8-bit step.
RIDGE = 1e-8


@dataclass(frozen=True, eq=False)
class Moments:
    """mean (3,) and covariance (3, 3) of colours in some space, float64."""

    mean: Floats
    covariance: Floats


def moments(pixels: Pixels, space: Space, weights: Pixels | None = None) -> Moments:
    """Give mean and covariance of a picture's colours in a space. pixels: (H, W, 3) sRGB; weights: (H, W), not all 0."""
    total, first, second = 0.0, np.zeros(3, np.float64), np.zeros((3, 3), np.float64)
    for rows in bands(pixels):
        x = space.from_srgb(pixels[rows]).reshape(-1, 3).astype(np.float64)
        weighted = x if weights is None else x * weights[rows].reshape(-1, 1)
        total += len(x) if weights is None else float(weights[rows].sum(dtype=np.float64))
        first += weighted.sum(0)
        second += x.T @ weighted
    mean = first / total
    return Moments(mean, second / total - np.outer(mean, mean))


def transport(of: Floats, to: Floats) -> Floats:
    """Give the optimal-transport map between Gaussians, which moves colours least (Pitié & Kokaram 2007, "The linear
    Monge-Kantorovitch linear colour mapping", equation 12)."""
    root, inverse = _power(of, 0.5), _power(of, -0.5)
    middle: Floats = inverse @ _power(root @ to @ root, 0.5) @ inverse
    return middle


def symmetric_root(of: Floats, to: Floats) -> Floats:
    """Give Σ_to^{1/2} Σ_of^{-1/2} (Gatys et al. 2016, after Hertzmann's image analogies)."""
    product: Floats = _power(to, 0.5) @ _power(of, -0.5)
    return product


def cholesky(of: Floats, to: Floats) -> Floats:
    """Give L_to L_of^{-1} with Σ = L Lᵀ (Gatys et al. 2016). It depends on the order of the channels."""
    return np.asarray(np.linalg.cholesky(to) @ np.linalg.inv(np.linalg.cholesky(of)), np.float64)


Root = Callable[[Floats, Floats], Floats]
"""Covariances Σ_of and Σ_to, both positive definite, to an A with A Σ_of Aᵀ = Σ_to."""


def linear_map(of: Moments, to: Moments, root: Root = transport, *, scale: float = 1.0, stretch: float = np.inf) -> tuple[Floats, Floats]:
    """Give (A, b) such that colours A x + b have the mean and covariance `to` where x have `of`.

    root: transport, symmetric_root or cholesky. scale: of the space. Covariances that are singular (grey pictures, one
    colour) are no harm: both get a ridge far under an 8-bit step. stretch: what the singular values of A are cut to; where
    they are, the covariances do not agree, the means do.
    """
    ridge = np.eye(3) * RIDGE * scale**2
    left, gains, right = np.linalg.svd(root(of.covariance + ridge, to.covariance + ridge))
    matrix: Floats = left * np.minimum(gains, stretch) @ right
    return matrix, to.mean - matrix @ of.mean


def luminance_line(of: Moments, to: Moments, space: Space, stretch: float = np.inf) -> tuple[float, float]:
    """Give (gain, offset) that give luminance the mean and deviation of another's: L' = (σ_to/σ_of)(L − µ_of) + µ_to, as Gatys
    et al. do to the style before painting. A gain beyond stretch is cut to it; luminance that does not vary is only moved."""
    ridge = RIDGE * space.scale**2
    gain = min(float(np.sqrt((to.covariance[0, 0] + ridge) / (of.covariance[0, 0] + ridge))), stretch)
    return gain, float(to.mean[0] - gain * of.mean[0])


def _power(matrix: Floats, exponent: float) -> Floats:
    values, vectors = np.linalg.eigh(matrix)
    power: Floats = (vectors * np.maximum(values, 0) ** exponent) @ vectors.T  # rounding may leave a negative one
    return power
