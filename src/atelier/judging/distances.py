"""How far two pictures are apart, as pure functions of arrays. NumPy alone; checked against closed forms.

Colours are sRGB in [0, 1]. Randomness is an argument, a seed of at least 0: the same seed, the same number.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from atelier.image.spaces import lab_from_srgb, yuv_from_srgb
from atelier.image.value import Pixels

Floats = NDArray[np.float32]

PATCH = 7
"""Side of the patches that show texture, px (Karras et al. 2018)."""
SCALES = 4
"""Octaves of detail, where the picture is large enough. What is left below them is one scale more."""
SAMPLES = 4096
"""Patches, or positions of features, that stand for a picture at one scale."""
COLORS = 16384
"""Pixels that stand for a picture's palette."""
_LEVEL = np.float32(1 / 255)

# Distributions --------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=16)
def draw_directions(d: int, seed: int, least: int = 64) -> Floats:
    """Draw whole random orthonormal bases of d dimensions, at least `least` directions together: (d, K), read-only."""
    rng = np.random.default_rng((seed, d))
    bases = [np.linalg.qr(rng.standard_normal((d, d)))[0] for _ in range(-(-least // d))]
    both = np.concatenate(bases, axis=1).astype(np.float32)
    both.flags.writeable = False
    return both


def sliced_wasserstein(a: Floats, b: Floats, seed: int) -> float:
    """Measure the squared sliced 2-Wasserstein distance of two clouds of points, times their dimension d: a (n, d), b (m, d).

    d · mean over directions of W₂² of the projections (Rabin et al. 2012, eq. 9). The directions are whole orthonormal
    bases, so that moving a cloud by t counts |t|² exactly. In one dimension W₂ is the distance of the sorted values; of
    clouds of different sizes, that of min(n, m) evenly spaced quantiles.
    """
    d, count = a.shape[1], min(len(a), len(b))
    across = draw_directions(d, seed).T
    one, other = (_quantiles(np.sort(across @ cloud.T, axis=1), count) for cloud in (a, b))
    return float(d * np.mean(np.square(one - other, dtype=np.float64)))


def _quantiles(ordered: Floats, count: int) -> Floats:
    """(K, n) sorted along the rows -> (K, count), at the middles of `count` equal shares."""
    n = ordered.shape[1]
    if n == count:
        return ordered
    at = (np.arange(count) + 0.5) * n / count - 0.5
    low = np.floor(at).astype(int)
    part = (at - low).astype(np.float32)
    between: Floats = ordered[:, low] * (1 - part) + ordered[:, np.minimum(low + 1, n - 1)] * part
    return between


def relative_wasserstein(a: Floats, b: Floats, seed: int, floor: float = 0.0) -> float:
    """√(`sliced_wasserstein` / total variance of b): 0 for the same distribution, 1 for b's mean alone.

    floor: least variance a dimension.
    """
    spread = float(b.var(axis=0, dtype=np.float64).sum()) + floor * b.shape[1]
    return float(np.sqrt(sliced_wasserstein(a, b, seed) / max(spread, 1e-12)))


def choose_positions(height: int, width: int, limit: int, rng: np.random.Generator) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Choose up to `limit` positions (rows, columns), evenly spread with a jitter; all of them where there are no more."""
    if height * width <= limit:
        rows, columns = np.divmod(np.arange(height * width), width)
        return rows, columns
    down = min(height, max(1, int(np.sqrt(limit * height / width))))
    across = min(width, limit // down)
    y, x = np.divmod(np.arange(down * across), across)
    rows = ((y + rng.random(len(y))) * height / down).astype(np.intp)
    columns = ((x + rng.random(len(x))) * width / across).astype(np.intp)
    return np.minimum(rows, height - 1), np.minimum(columns, width - 1)


def split_octaves(pixels: Pixels) -> list[Pixels]:
    """Split a picture by scales: what a blur of 5 px takes away, at each of up to `SCALES` octaves, and what is left.

    (H, W, 3) -> the finest band (H, W, 3), the next of half its size, and so on; the last one is a small picture.
    Each is at least `PATCH` px a side if the picture is at least 2 · PATCH.
    """
    found = []
    for _ in range(SCALES):
        if min(pixels.shape[:2]) < 2 * PATCH:
            break
        low = _blurred(pixels)
        found.append(pixels - low)
        pixels = low[::2, ::2]
    return [*found, pixels]


def _blurred(pixels: Pixels) -> Pixels:
    """Along both sides by 1 4 6 4 1 / 16 (Burt & Adelson 1983), mirrored at the borders."""
    for axis in (0, 1):
        n = pixels.shape[axis]
        padded = np.pad(pixels, [(2, 2) if a == axis else (0, 0) for a in range(3)], mode="reflect")
        taps = [padded[i : i + n] if axis == 0 else padded[:, i : i + n] for i in range(5)]
        pixels = (taps[0] + taps[4] + 4 * (taps[1] + taps[3]) + 6 * taps[2]) / np.float32(16)
    return pixels


def sample_patches(pixels: Pixels, seed: int) -> list[Floats]:
    """Sample up to `SAMPLES` patches of every scale of a picture: (n, PATCH · PATCH · 3) each."""
    rng = np.random.default_rng(seed)
    found = []
    for band in split_octaves(pixels):
        windows = sliding_window_view(band, (PATCH, PATCH), axis=(0, 1))  # (H', W', 3, PATCH, PATCH)
        rows, columns = choose_positions(windows.shape[0], windows.shape[1], SAMPLES, rng)
        found.append(windows[rows, columns].reshape(len(rows), -1))
    return found


def patch_distance(picture: list[Floats], painting: list[Floats], seed: int) -> float:
    """Mean over scales of the `relative_wasserstein` distance of patches, on the scales that both have; a variance under that of one
    level of 255 counts as one level."""
    return float(np.mean([relative_wasserstein(a, b, seed, float(_LEVEL**2)) for a, b in zip(picture, painting, strict=False)]))


def sample_colors(pixels: Pixels, seed: int) -> Floats:
    """Sample up to `COLORS` of a picture's colours, in CIELAB: (n, 3)."""
    rows, columns = choose_positions(pixels.shape[0], pixels.shape[1], COLORS, np.random.default_rng(seed))
    return lab_from_srgb(pixels[rows, columns])


def palette_distance(picture: Floats, painting: Floats, seed: int) -> float:
    """√`sliced_wasserstein` of colours in CIELAB: a palette that is moved by ΔE is ΔE away."""
    return float(np.sqrt(sliced_wasserstein(picture, painting, seed)))


# Structure ------------------------------------------------------------------------------------------------------------

_GAUSS = np.exp(-(np.arange(-5, 6) ** 2) / (2 * 1.5**2))
_GAUSS /= _GAUSS.sum()


def luminance(pixels: Pixels) -> NDArray[np.float64]:
    """(H, W, 3) -> (H, W): BT.601 luma of the encoded values, as SSIM is usually computed."""
    return yuv_from_srgb(pixels)[:, :, 0].astype(np.float64)


def _smoothed(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """By a Gaussian window of 11 px, sigma 1.5, where it fits: (H, W) -> (H - 10, W - 10)."""
    h, w = x.shape[0] - 10, x.shape[1] - 10
    down, smooth = np.zeros((h, x.shape[1])), np.zeros((h, w))
    for i, weight in enumerate(_GAUSS):
        down += weight * x[i : i + h]
    for i, weight in enumerate(_GAUSS):
        smooth += weight * down[:, i : i + w]
    return smooth


def ssim(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    """Mean structural similarity (Wang et al. 2004, eq. 13, with K₁ .01, K₂ .03, L 1) of two luminances of one size, at least
    11 px a side. Borders where the window does not fit are left out."""
    mx, my = _smoothed(x), _smoothed(y)
    vx, vy, vxy = _smoothed(x * x) - mx * mx, _smoothed(y * y) - my * my, _smoothed(x * y) - mx * my
    c1, c2 = 0.01**2, 0.03**2
    return float(np.mean((2 * mx * my + c1) * (2 * vxy + c2) / ((mx * mx + my * my + c1) * (vx + vy + c2))))


def edge_correlation(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    """Pearson's correlation of gradient magnitudes of two smoothed luminances of one size, at least 13 px a side.

    0 where one of them has no edges.
    """
    one, other = (_edges(each) for each in (x, y))
    one, other = one - one.mean(), other - other.mean()
    size = float(np.sqrt(np.mean(one * one) * np.mean(other * other)))
    return float(np.mean(one * other)) / size if size > 1e-12 else 0.0


def _edges(x: NDArray[np.float64]) -> NDArray[np.float64]:
    x = _smoothed(x)
    magnitude: NDArray[np.float64] = np.hypot(x[2:, 1:-1] - x[:-2, 1:-1], x[1:-1, 2:] - x[1:-1, :-2])
    return magnitude


def self_similarity_distance(picture: Floats, content: Floats) -> float:
    """Half the mean over columns of Σᵢ |Dˣᵢⱼ/Σᵢ Dˣᵢⱼ - Dᶜᵢⱼ/Σᵢ Dᶜᵢⱼ|, D the cosine distances between the features of a
    picture's own positions: 0 where the positions are to each other as in the content, 1 at the most.

    picture, content: features at the same positions, (n, C). Kolkin et al. 2019 (STROTSS), eq. 5, times n/2, so that it does not depend
    on how many positions are looked at.
    """
    return 0.5 * float(np.abs(_own_distances(picture) - _own_distances(content)).sum(axis=0).mean())


def _own_distances(features: Floats) -> NDArray[np.float64]:
    """(n, C) -> (n, n), columns adding up to 1; even where all positions are alike."""
    unit = features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-12)
    apart = np.maximum(1.0 - (unit @ unit.T).astype(np.float64), 0.0) + 1e-6
    np.fill_diagonal(apart, 0.0)
    total: NDArray[np.float64] = apart / np.maximum(apart.sum(axis=0, keepdims=True), 1e-12)
    return total
