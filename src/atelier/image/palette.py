"""A picture's main colours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from atelier.errors import SettingError
from atelier.image.pixels import FEW, Floats, check_mask, check_pixels, sample_pixels
from atelier.image.spaces import SPACES, Space
from atelier.image.value import Pixels


@dataclass(frozen=True, eq=False)
class Palette:
    """A picture's main colours. colours: (K, 3) sRGB in [0, 1]; shares: (K,) of the picture, falling, adding up to 1."""

    colors: Pixels
    shares: Pixels


def main_colors(pixels: Pixels, count: int = 6, seed: int = 0, mask: NDArray[Any] | None = None) -> Palette:
    """Find the main colours of a picture: k-means in OKLab on a sample of it, started by k-means++.

    pixels: (H, W, 3) sRGB in [0, 1]. mask: (H, W), where to look. count: at least 1; fewer come back where there are fewer.
    Raises SettingError for a count under 1 and a mask that marks nothing, ImageError for arrays that are not as stated.
    """
    if count < 1:
        raise SettingError("count", "a palette has at least 1 colour", count)
    pixels = check_pixels(pixels, "pixels")
    weights = None if mask is None else check_mask(mask, pixels, "mask")
    if weights is not None and not weights.any():
        raise SettingError("mask", "marks nothing: there is no colour to take")
    centres, shares = cluster(pixels, weights, count, seed, SPACES["oklab"])
    return Palette(np.clip(SPACES["oklab"].to_srgb(centres.astype(np.float32)), 0.0, 1.0), shares.astype(np.float32))


def cluster(pixels: Pixels, weights: Pixels | None, count: int, seed: int, space: Space) -> tuple[Floats, Floats]:
    """Give centres (K, 3) in the space and shares (K,), the largest first; K is at most count."""
    rng = np.random.default_rng(seed % 2**64)
    sample, weight = sample_pixels(pixels, weights, FEW, seed)
    x = space.from_srgb(sample).astype(np.float64)
    centres = x[rng.choice(len(x), 1, p=weight / weight.sum())]
    while len(centres) < count:
        far = weight * squared_distances(x, centres).min(1)
        if far.sum() <= 1e-12 * weight.sum() * space.scale**2:
            break  # every colour there is, is a centre
        centres = np.concatenate([centres, x[rng.choice(len(x), 1, p=far / far.sum())]])
    for _ in range(30):
        nearest = np.eye(len(centres))[squared_distances(x, centres).argmin(1)] * weight[:, None]
        shares = nearest.sum(0)
        centres, shares = (nearest.T @ x)[shares > 0] / shares[shares > 0, None], shares[shares > 0]
    order = np.argsort(-shares, kind="stable")
    return centres[order], shares[order] / shares.sum()


def squared_distances(x: Floats, centres: Floats) -> Floats:
    """Give squared distances (N, K) of colours (N, 3) to centres (K, 3)."""
    return np.stack([((x - centre) ** 2).sum(1) for centre in centres], axis=1)
