"""One picture's colours on another.

`recolour` is the door: a picture, a source of colours, a method and a space by name. The parts are there to be used
alone: moments and the linear maps between them, curves between histograms, palettes, and what is done with colours that
cannot be shown. Pixels are sRGB, float32 (H, W, 3) in [0, 1]; masks are (H, W) in [0, 1] or bool.

Everything but the luminance methods is a function of colour alone, so a picture goes through in bands of rows, in memory
that does not grow with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from atelier.errors import ImageError, SettingError
from atelier.image.spaces import SPACES, Space, named
from atelier.image.value import Pixels

Floats = NDArray[np.float64]
T = TypeVar("T")

_BAND = 1 << 14  # pixels worked on at once: temporaries stay in the cache
_SAMPLE = 1 << 17  # pixels that histograms are read from
_FEW = 1 << 14  # and those that what iterates is fitted to

# Added to variances (in units of the scale squared), so that what does not vary can be divided by: a fortieth of an 8-bit step.
_RIDGE = 1e-8


@dataclass(frozen=True)
class Method:
    """A way of moving colours, as a list of them shows it.

    aligned: whether picture and source must be of one size, because pixel answers pixel.
    space: the space that suits it best. needs_luminance: whether it works only in spaces that have one.
    """

    name: str
    summary: str
    source: str
    space: str
    plan: Callable[[Task], Paint]
    aligned: bool = False
    needs_luminance: bool = False


@dataclass(frozen=True, eq=False)
class Task:
    """What a method is given: pictures as sRGB (H, W, 3), and how much each of their pixels counts in statistics."""

    picture: Pixels
    source: Pixels
    space: Space
    weights: Pixels | None
    source_weights: Pixels | None
    stretch: float
    seed: int


Paint = Callable[[Pixels, slice], Pixels]
"""A band of the picture and the rows it is from to the band recoloured: sRGB, perhaps outside [0, 1]."""


def recolour(
    picture: Pixels,
    source: Pixels,
    *,
    method: str = "transport",
    space: str = "",
    mask: NDArray[Any] | None = None,
    source_mask: NDArray[Any] | None = None,
    counted: NDArray[Any] | None = None,
    stretch: float = 3.0,
    gamut: str = "soft",
    seed: int = 0,
) -> Pixels:
    """The picture with the colours of the source.

    picture, source: float (H, W, 3) sRGB in [0, 1], of any two sizes, or of one for the luminance methods.
    method: a name in METHODS. space: a name in SPACES; empty is the one that suits the method.
    mask: (H, W) of the picture, 1 where colours change and 0 where they stay, bit for bit; soft between. Only what is
        marked counts in the picture's statistics. One that marks nothing changes nothing.
    counted: (H, W) of the picture: what counts in its statistics, where that is not what the mask marks.
    source_mask: (H, W) of the source: where the colours are taken from. Where pixel answers pixel it is the mask unless given.
    stretch: how far a difference of colour may be stretched, at least 1. A dull photo has noise where a painting has colour,
        and 3 leaves it quiet; infinity is every method as it was published.
    gamut: what becomes of colours that cannot be shown, a name in GAMUTS.
    seed: of what is drawn by chance (samples of large pictures, rotations); the same seed, the same picture.

    Returns float32 (H, W, 3) in [0, 1] (for gamut "open" anywhere). Raises SettingError for names that are not there, a
    method and a space that do not go together, a stretch under 1 and a source_mask that marks nothing, and ImageError for
    arrays that are not as stated.
    """
    way, bring = _named(METHODS, "colour method", method), _named(GAMUTS, "gamut", gamut)
    where = named(space or way.space)
    if way.needs_luminance and not where.luminance:
        fit = ", ".join(each.name for each in SPACES.values() if each.luminance)
        raise SettingError(f"colour space {where.name!r} has no luminance, which {method!r} needs: choose from {fit}")
    if not stretch >= 1:  # NaN neither
        raise SettingError(f"stretch {stretch:g}: must be at least 1")
    picture, source = _checked(picture, "picture"), _checked(source, "source")
    if way.aligned and picture.shape != source.shape:
        raise ImageError(f"{method!r} needs pictures of one size, got {_size(picture)} and {_size(source)}; resize one of them")
    marked = None if mask is None else _mask(mask, picture, "mask")
    taken = marked if way.aligned else None
    if source_mask is not None:
        taken = _mask(source_mask, source, "source_mask")
        if not taken.any():
            raise SettingError("source_mask marks nothing: there is no colour to take")
    if marked is not None and not marked.any():
        return picture.copy()
    seen = marked if counted is None else _mask(counted, picture, "counted")
    paint = way.plan(Task(picture, source, where, seen, taken, stretch, seed))
    some = slice(0, None, max(1, picture.shape[0] * picture.shape[1] // _SAMPLE))  # rows to judge the whole by
    tried = paint(picture[some], some).reshape(-1, 3)
    limited = bring(tried if seen is None else tried[seen[some].reshape(-1) > 0], where)
    out = np.empty_like(picture)
    for rows in _bands(picture):
        band = limited(paint(picture[rows], rows))
        if marked is not None:
            share = marked[rows, :, None]
            band = np.where(share == 0, picture[rows], (1 - share) * picture[rows] + share * band)
        out[rows] = band
    return out


# Luminance (Gatys et al. 2016, "Preserving color in neural artistic style transfer", section 3.2) ---------------------


def _luminance(task: Task) -> Paint:
    def paint(band: Pixels, rows: slice) -> Pixels:
        values = task.space.from_srgb(task.source[rows])
        values[..., 0] = task.space.from_srgb(band)[..., 0]
        return task.space.to_srgb(values)

    return paint


def _luminance_matched(task: Task) -> Paint:
    gain, offset = luminance_line(*_both(task), task.space, task.stretch)

    def paint(band: Pixels, rows: slice) -> Pixels:
        values = task.space.from_srgb(task.source[rows])
        values[..., 0] = task.space.from_srgb(band)[..., 0] * np.float32(gain) + np.float32(offset)
        return task.space.to_srgb(values)

    return paint


def luminance_line(of: Moments, to: Moments, space: Space, stretch: float = np.inf) -> tuple[float, float]:
    """(gain, offset) that give luminance the mean and deviation of another's: L' = (σ_to/σ_of)(L − µ_of) + µ_to, as Gatys
    et al. do to the style before painting. A gain beyond stretch is cut to it; luminance that does not vary is only moved."""
    ridge = _RIDGE * space.scale**2
    gain = min(float(np.sqrt((to.covariance[0, 0] + ridge) / (of.covariance[0, 0] + ridge))), stretch)
    return gain, float(to.mean[0] - gain * of.mean[0])


# Mean and covariance --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Moments:
    """mean (3,) and covariance (3, 3) of colours in some space, float64."""

    mean: Floats
    covariance: Floats


def moments(pixels: Pixels, space: Space, weights: Pixels | None = None) -> Moments:
    """Mean and covariance of a picture's colours in a space. pixels: (H, W, 3) sRGB; weights: (H, W), not all 0."""
    total, first, second = 0.0, np.zeros(3, np.float64), np.zeros((3, 3), np.float64)
    for rows in _bands(pixels):
        x = space.from_srgb(pixels[rows]).reshape(-1, 3).astype(np.float64)
        weighted = x if weights is None else x * weights[rows].reshape(-1, 1)
        total += len(x) if weights is None else float(weights[rows].sum(dtype=np.float64))
        first += weighted.sum(0)
        second += x.T @ weighted
    mean = first / total
    return Moments(mean, second / total - np.outer(mean, mean))


def _both(task: Task) -> tuple[Moments, Moments]:
    return moments(task.picture, task.space, task.weights), moments(task.source, task.space, task.source_weights)


def transport(of: Floats, to: Floats) -> Floats:
    """The optimal-transport map between Gaussians, which moves colours least (Pitié & Kokaram 2007, "The linear
    Monge-Kantorovitch linear colour mapping", equation 12)."""
    root, inverse = _power(of, 0.5), _power(of, -0.5)
    middle: Floats = inverse @ _power(root @ to @ root, 0.5) @ inverse
    return middle


def symmetric_root(of: Floats, to: Floats) -> Floats:
    """Σ_to^{1/2} Σ_of^{-1/2} (Gatys et al. 2016, after Hertzmann's image analogies)."""
    product: Floats = _power(to, 0.5) @ _power(of, -0.5)
    return product


def cholesky(of: Floats, to: Floats) -> Floats:
    """L_to L_of^{-1} with Σ = L Lᵀ (Gatys et al. 2016). It depends on the order of the channels."""
    return np.asarray(np.linalg.cholesky(to) @ np.linalg.inv(np.linalg.cholesky(of)), np.float64)


Root = Callable[[Floats, Floats], Floats]
"""Covariances Σ_of and Σ_to, both positive definite, to an A with A Σ_of Aᵀ = Σ_to."""


def linear_map(of: Moments, to: Moments, root: Root = transport, *, scale: float = 1.0, stretch: float = np.inf) -> tuple[Floats, Floats]:
    """(A, b) such that colours A x + b have the mean and covariance `to` where x have `of`.

    root: transport, symmetric_root or cholesky. scale: of the space. Covariances that are singular (grey pictures, one
    colour) are no harm: both get a ridge far under an 8-bit step. stretch: what the singular values of A are cut to; where
    they are, the covariances do not agree, the means do.
    """
    ridge = np.eye(3) * _RIDGE * scale**2
    left, gains, right = np.linalg.svd(root(of.covariance + ridge, to.covariance + ridge))
    matrix: Floats = left * np.minimum(gains, stretch) @ right
    return matrix, to.mean - matrix @ of.mean


def _linear(root: Root) -> Callable[[Task], Paint]:
    def plan(task: Task) -> Paint:
        matrix, offset = linear_map(*_both(task), root, scale=task.space.scale, stretch=task.stretch)

        def paint(band: Pixels, rows: slice) -> Pixels:
            values = task.space.from_srgb(band).reshape(-1, 3) @ matrix.T + offset
            return task.space.to_srgb(values.reshape(band.shape).astype(np.float32))

        return paint

    return plan


def _power(matrix: Floats, exponent: float) -> Floats:
    values, vectors = np.linalg.eigh(matrix)
    power: Floats = (vectors * np.maximum(values, 0) ** exponent) @ vectors.T  # rounding may leave a negative one
    return power


# Histograms -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Curve:
    """A rising piecewise linear function through (x, y), each (K,); beyond its ends it goes on at slope 1."""

    x: Floats
    y: Floats

    def __call__(self, values: NDArray[Any]) -> Floats:
        inside = np.clip(values, self.x[0], self.x[-1])
        beyond: Floats = np.interp(inside, self.x, self.y) + (values - inside)
        return beyond


def curve(
    values: NDArray[Any],
    weights: NDArray[Any],
    to: NDArray[Any],
    to_weights: NDArray[Any],
    knots: int = 4096,
    stretch: float = np.inf,
) -> Curve:
    """The curve that gives values (N,) the distribution of to (M,), by quantiles: F_to⁻¹ ∘ F.

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


def _histogram(task: Task) -> Paint:
    values, weights = _sample(task.picture, task.weights, _SAMPLE, task.seed)
    to, to_weights = _sample(task.source, task.source_weights, _SAMPLE, task.seed)
    values, to = task.space.from_srgb(values), task.space.from_srgb(to)
    curves = [curve(values[:, c], weights, to[:, c], to_weights, stretch=task.stretch) for c in range(3)]

    def paint(band: Pixels, rows: slice) -> Pixels:
        values = task.space.from_srgb(band)
        moved = [curves[c](values[..., c]) for c in range(3)]
        return task.space.to_srgb(np.stack(moved, axis=-1).astype(np.float32))

    return paint


_ROUNDS = 20


def _sliced(task: Task) -> Paint:
    """Pitié et al. 2005, "N-dimensional probability density function transfer": histograms are matched along the axes of
    one random rotation after another. The function this composes is fitted to a sample and tabulated. What one round
    stretches the next stretches again, so each may do the root of it."""
    rng = np.random.default_rng(task.seed % 2**64)
    values, weights = _sample(task.picture, task.weights, _FEW, task.seed)
    to, to_weights = _sample(task.source, task.source_weights, _FEW, task.seed)
    values, to = task.space.from_srgb(values).astype(np.float64), task.space.from_srgb(to).astype(np.float64)
    nodes = task.space.from_srgb(_lattice()).astype(np.float64)
    for _ in range(_ROUNDS):
        rotation = np.linalg.qr(rng.standard_normal((3, 3)))[0]
        turned, target, turned_nodes = values @ rotation, to @ rotation, nodes @ rotation
        for axis in range(3):
            move = curve(turned[:, axis], weights, target[:, axis], to_weights, knots=256, stretch=task.stretch**0.5)
            turned[:, axis], turned_nodes[:, axis] = move(turned[:, axis]), move(turned_nodes[:, axis])
        values, nodes = turned @ rotation.T, turned_nodes @ rotation.T
    return _tabulated(task.space.to_srgb(nodes.astype(np.float32)))


# Palettes -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Palette:
    """A picture's main colours. colours: (K, 3) sRGB in [0, 1]; shares: (K,) of the picture, falling, adding up to 1."""

    colours: Pixels
    shares: Pixels


def palette(pixels: Pixels, count: int = 6, seed: int = 0, mask: NDArray[Any] | None = None) -> Palette:
    """The main colours of a picture: k-means in OKLab on a sample of it, started by k-means++.

    pixels: (H, W, 3) sRGB in [0, 1]. mask: (H, W), where to look. count: at least 1; fewer come back where there are fewer.
    Raises SettingError for a count under 1 and a mask that marks nothing, ImageError for arrays that are not as stated.
    """
    if count < 1:
        raise SettingError(f"a palette has at least 1 colour, got {count}")
    pixels = _checked(pixels, "pixels")
    weights = None if mask is None else _mask(mask, pixels, "mask")
    if weights is not None and not weights.any():
        raise SettingError("the mask marks nothing: there is no colour to take")
    centres, shares = _clusters(pixels, weights, count, seed, SPACES["oklab"])
    return Palette(np.clip(SPACES["oklab"].to_srgb(centres.astype(np.float32)), 0.0, 1.0), shares.astype(np.float32))


def _clusters(pixels: Pixels, weights: Pixels | None, count: int, seed: int, space: Space) -> tuple[Floats, Floats]:
    """Centres (K, 3) in the space and shares (K,), the largest first; K is at most count."""
    rng = np.random.default_rng(seed % 2**64)
    sample, weight = _sample(pixels, weights, _FEW, seed)
    x = space.from_srgb(sample).astype(np.float64)
    centres = x[rng.choice(len(x), 1, p=weight / weight.sum())]
    while len(centres) < count:
        far = weight * _squared(x, centres).min(1)
        if far.sum() <= 1e-12 * weight.sum() * space.scale**2:
            break  # every colour there is, is a centre
        centres = np.concatenate([centres, x[rng.choice(len(x), 1, p=far / far.sum())]])
    for _ in range(30):
        nearest = np.eye(len(centres))[_squared(x, centres).argmin(1)] * weight[:, None]
        shares = nearest.sum(0)
        centres, shares = (nearest.T @ x)[shares > 0] / shares[shares > 0, None], shares[shares > 0]
    order = np.argsort(-shares, kind="stable")
    return centres[order], shares[order] / shares.sum()


_COLOURS = 8


def _palette(task: Task) -> Paint:
    """The picture's palette is carried to the source's by optimal transport between the two (each colour to the mean of
    where its share goes), and every colour moves with the palette colours near it, as in Chang et al. 2015, "Palette-based
    photo recoloring". Shares count by their roots: a painting's accents matter more than their area."""
    centres, shares = _clusters(task.picture, task.weights, _COLOURS, task.seed, task.space)
    to, to_shares = _clusters(task.source, task.source_weights, _COLOURS, task.seed, task.space)
    shares, to_shares = shares**0.5, to_shares**0.5
    flow = _sinkhorn(_squared(centres, to), shares / shares.sum(), to_shares / to_shares.sum())
    moves = flow @ to / flow.sum(1, keepdims=True) - centres
    # As wide as palette colours lie apart: narrower and one thing falls into two colours, wider and all moves as one.
    apart = _squared(centres, centres) + np.diag(np.full(len(centres), np.inf))
    width = float(np.mean(apart.min(1))) if len(centres) > 1 else 1.0
    nodes = task.space.from_srgb(_lattice()).astype(np.float64)
    distance = _squared(nodes, centres) / width
    near = np.exp(distance.min(1, keepdims=True) - distance)
    near /= near.sum(1, keepdims=True)
    return _tabulated(task.space.to_srgb((nodes + near @ moves).astype(np.float32)))


def _sinkhorn(cost: Floats, shares: Floats, to_shares: Floats) -> Floats:
    """The flow (K, L) of least cost with these margins, a little blurred by entropy (Cuturi 2013), in logarithms."""
    scaled = -cost / max(0.02 * float(cost.max()), 1e-12)
    f, g = np.zeros(len(shares)), np.zeros(len(to_shares))
    for _ in range(300):
        g = np.log(to_shares) - np.logaddexp.reduce(scaled + f[:, None], axis=0)
        f = np.log(shares) - np.logaddexp.reduce(scaled + g[None, :], axis=1)
    flow: Floats = np.exp(scaled + f[:, None] + g[None, :])
    return flow


def _squared(x: Floats, centres: Floats) -> Floats:
    """Squared distances (N, K) of colours (N, 3) to centres (K, 3)."""
    return np.stack([((x - centre) ** 2).sum(1) for centre in centres], axis=1)


# Tables of colour -----------------------------------------------------------------------------------------------------

_NODES = 33


def _lattice() -> Pixels:
    """Colours (_NODES³, 3) that fill the cube of sRGB, blue fastest."""
    steps = np.linspace(0, 1, _NODES, dtype=np.float32)
    return np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(-1, 3)


def _tabulated(table: Pixels) -> Paint:
    """The function of colour that has the values (_NODES³, 3) on the lattice and is trilinear between: smooth enough to
    tame grain, and as fast for any function."""

    def paint(band: Pixels, rows: slice) -> Pixels:
        place = band.reshape(-1, 3) * np.float32(_NODES - 1)
        corner = np.minimum(place.astype(np.int32), _NODES - 2)
        share = place - corner.astype(np.float32)
        index = (corner[:, 0] * _NODES + corner[:, 1]) * _NODES + corner[:, 2]
        r, g, b = share[:, 0:1], share[:, 1:2], share[:, 2:3]
        along_blue = [(1 - b) * table[index + step] + b * table[index + step + 1] for step in (0, _NODES, _NODES**2, _NODES**2 + _NODES)]
        dark, light = ((1 - g) * along_blue[k] + g * along_blue[k + 1] for k in (0, 2))
        colours: Pixels = (1 - r) * dark + r * light
        return colours.reshape(band.shape)

    return paint


# Gamut ----------------------------------------------------------------------------------------------------------------


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
        return less_chroma(space.to_srgb(values), space)

    return limited


def _bend(room: float, reach: float) -> float:
    """The a for which x / (1 + a x), which leaves 0 at slope 1, brings reach to room; 0 where there is room enough."""
    return max(0.0, 1 / room - 1 / max(reach, room))


def less_chroma(pixels: Pixels, space: Space) -> Pixels:
    """Colours (..., 3) that cannot be shown, brought into [0, 1] by taking away just enough chroma at the same luminance
    and hue of the space (of OKLab for spaces without). Luminance beyond black or white is clipped first."""
    if not space.luminance:
        space = SPACES["oklab"]
    outside = ((pixels < 0) | (pixels > 1)).any(-1)
    if not outside.any():
        return pixels
    values = space.from_srgb(pixels[outside])
    light = np.clip(values[:, :1], 0.0, space.scale)
    colour = values[:, 1:] - np.float32(space.neutral)

    def shown(keep: Pixels) -> Pixels:
        return space.to_srgb(np.concatenate([light, keep * colour + np.float32(space.neutral)], axis=1))

    keep = np.zeros_like(light)
    for halving in range(1, 10):  # to 1/512 of the chroma: no 8-bit step
        more = keep + np.float32(0.5**halving)
        tried = shown(more)
        keep = np.where(((tried >= 0) & (tried <= 1)).all(1, keepdims=True), more, keep)
    out = pixels.copy()
    out[outside] = np.clip(shown(keep), 0.0, 1.0)
    return out


def _chroma(some: Pixels, space: Space) -> Limit:
    return lambda pixels: less_chroma(pixels, space)


def _clip(some: Pixels, space: Space) -> Limit:
    return lambda pixels: np.clip(pixels, 0.0, 1.0)


def _open(some: Pixels, space: Space) -> Limit:
    return lambda pixels: pixels


GAMUTS: Mapping[str, Callable[[Pixels, Space], Limit]] = MappingProxyType({"soft": _soft, "chroma": _chroma, "clip": _clip, "open": _open})
"""What becomes of colours that cannot be shown. soft: luminance bent in, then less chroma. chroma: less chroma at the same
luminance. clip: each channel by itself, which shifts hues. open: nothing, the result is anywhere. Each takes colours of the
result (N, 3) to judge it by."""


# Arrays ---------------------------------------------------------------------------------------------------------------


def _bands(pixels: Pixels) -> Iterator[slice]:
    height, width = pixels.shape[:2]
    step = max(1, _BAND // width)
    return (slice(top, min(top + step, height)) for top in range(0, height, step))


def _sample(pixels: Pixels, weights: Pixels | None, most: int, seed: int) -> tuple[Pixels, Floats]:
    """At most so many pixels (N, 3) of weight above 0, and their weights (N,): all, or one by chance out of each of so many equal runs."""
    flat = pixels.reshape(-1, 3)
    there = None if weights is None else np.flatnonzero(weights)
    count = len(flat) if there is None else len(there)
    if count > most:
        index = ((np.arange(most) + np.random.default_rng(seed % 2**64).random(most)) * (count / most)).astype(np.intp)
    else:
        index = np.arange(count)
    if there is None or weights is None:
        return flat[index], np.ones(len(index))
    return flat[there[index]], weights.reshape(-1)[there[index]].astype(np.float64)


def _checked(pixels: NDArray[Any], what: str) -> Pixels:
    if pixels.ndim != 3 or pixels.shape[2] != 3 or 0 in pixels.shape or pixels.dtype.kind != "f":
        raise ImageError(f"{what} must be floats (H, W, 3) and not empty, got {pixels.dtype} {pixels.shape}")
    _within(pixels, what)
    return np.ascontiguousarray(pixels, dtype=np.float32)


def _mask(mask: NDArray[Any], pixels: Pixels, what: str) -> Pixels:
    if mask.shape != pixels.shape[:2] or mask.dtype.kind not in "fb":
        raise ImageError(f"{what} must be floats or bool {pixels.shape[:2]} like its picture, got {mask.dtype} {mask.shape}")
    _within(mask, what)
    return np.ascontiguousarray(mask, dtype=np.float32)


def _within(array: NDArray[Any], what: str) -> None:
    low, high = float(array.min()), float(array.max())
    if not (low >= 0.0 and high <= 1.0):  # NaN fails both
        raise ImageError(f"{what} must be in [0, 1], got {low:g} to {high:g}")


def _size(pixels: Pixels) -> str:
    return f"{pixels.shape[1]} × {pixels.shape[0]}"


def _named(table: Mapping[str, T], what: str, name: str) -> T:
    try:
        return table[name]
    except KeyError:
        raise SettingError(f"{what} {name!r}: choose from {', '.join(table)}") from None


_GATYS = "Gatys et al. 2016"
METHODS: Mapping[str, Method] = MappingProxyType(
    {
        method.name: method
        for method in (
            Method("transport", "mean and covariance, moving colours least", "Pitié & Kokaram 2007", "rgb", _linear(transport)),
            Method("root", "mean and covariance, by symmetric roots", _GATYS, "rgb", _linear(symmetric_root)),
            Method("cholesky", "mean and covariance, channel after channel", _GATYS, "oklab", _linear(cholesky)),
            Method("histogram", "the histogram of each channel", "Gonzalez & Fittes 1977", "oklab", _histogram),
            Method("sliced", "the whole distribution of colours", "Pitié et al. 2005", "oklab", _sliced),
            Method("palette", "main colours to main colours, the most gentle", "after Chang et al. 2015", "oklab", _palette),
            Method("luminance", "light and dark stay, colour is the source's", _GATYS, "oklab", _luminance, True, True),
            Method("luminance-matched", "the same, with the source's contrast", _GATYS, "oklab", _luminance_matched, True, True),
        )
    }
)
"""Every method by name."""
