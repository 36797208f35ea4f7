"""Ways of moving one picture's colours to another's, by name.

Everything but the luminance methods is a function of colour alone, so a picture goes through in bands of rows, in memory
that does not grow with it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from atelier.image.histograms import fit_curve
from atelier.image.moments import Moments, Root, cholesky, linear_map, luminance_line, moments, symmetric_root, transport
from atelier.image.palette import cluster, squared_distances
from atelier.image.pixels import FEW, SAMPLE, Floats, sample_pixels
from atelier.image.spaces import Space
from atelier.image.value import Pixels


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


# Mean and covariance --------------------------------------------------------------------------------------------------


def _both(task: Task) -> tuple[Moments, Moments]:
    return moments(task.picture, task.space, task.weights), moments(task.source, task.space, task.source_weights)


def _linear(root: Root) -> Callable[[Task], Paint]:
    def plan(task: Task) -> Paint:
        matrix, offset = linear_map(*_both(task), root, scale=task.space.scale, stretch=task.stretch)

        def paint(band: Pixels, rows: slice) -> Pixels:
            values = task.space.from_srgb(band).reshape(-1, 3) @ matrix.T + offset
            return task.space.to_srgb(values.reshape(band.shape).astype(np.float32))

        return paint

    return plan


# Histograms -----------------------------------------------------------------------------------------------------------


def _histogram(task: Task) -> Paint:
    values, weights = sample_pixels(task.picture, task.weights, SAMPLE, task.seed)
    to, to_weights = sample_pixels(task.source, task.source_weights, SAMPLE, task.seed)
    values, to = task.space.from_srgb(values), task.space.from_srgb(to)
    curves = [fit_curve(values[:, c], weights, to[:, c], to_weights, stretch=task.stretch) for c in range(3)]

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
    values, weights = sample_pixels(task.picture, task.weights, FEW, task.seed)
    to, to_weights = sample_pixels(task.source, task.source_weights, FEW, task.seed)
    values, to = task.space.from_srgb(values).astype(np.float64), task.space.from_srgb(to).astype(np.float64)
    nodes = task.space.from_srgb(_lattice()).astype(np.float64)
    for _ in range(_ROUNDS):
        rotation = np.linalg.qr(rng.standard_normal((3, 3)))[0]
        turned, target, turned_nodes = values @ rotation, to @ rotation, nodes @ rotation
        for axis in range(3):
            move = fit_curve(turned[:, axis], weights, target[:, axis], to_weights, knots=256, stretch=task.stretch**0.5)
            turned[:, axis], turned_nodes[:, axis] = move(turned[:, axis]), move(turned_nodes[:, axis])
        values, nodes = turned @ rotation.T, turned_nodes @ rotation.T
    return _tabulate(task.space.to_srgb(nodes.astype(np.float32)))


# Palettes -------------------------------------------------------------------------------------------------------------

_COLORS = 8


def _palette(task: Task) -> Paint:
    """The picture's palette is carried to the source's by optimal transport between the two (each colour to the mean of
    where its share goes), and every colour moves with the palette colours near it, as in Chang et al. 2015, "Palette-based
    photo recoloring". Shares count by their roots: a painting's accents matter more than their area."""
    centres, shares = cluster(task.picture, task.weights, _COLORS, task.seed, task.space)
    to, to_shares = cluster(task.source, task.source_weights, _COLORS, task.seed, task.space)
    shares, to_shares = shares**0.5, to_shares**0.5
    flow = _sinkhorn(squared_distances(centres, to), shares / shares.sum(), to_shares / to_shares.sum())
    moves = flow @ to / flow.sum(1, keepdims=True) - centres
    # As wide as palette colours lie apart: narrower and one thing falls into two colours, wider and all moves as one.
    apart = squared_distances(centres, centres) + np.diag(np.full(len(centres), np.inf))
    width = float(np.mean(apart.min(1))) if len(centres) > 1 else 1.0
    nodes = task.space.from_srgb(_lattice()).astype(np.float64)
    distance = squared_distances(nodes, centres) / width
    near = np.exp(distance.min(1, keepdims=True) - distance)
    near /= near.sum(1, keepdims=True)
    return _tabulate(task.space.to_srgb((nodes + near @ moves).astype(np.float32)))


def _sinkhorn(cost: Floats, shares: Floats, to_shares: Floats) -> Floats:
    """The flow (K, L) of least cost with these margins, a little blurred by entropy (Cuturi 2013), in logarithms."""
    scaled = -cost / max(0.02 * float(cost.max()), 1e-12)
    f, g = np.zeros(len(shares)), np.zeros(len(to_shares))
    for _ in range(300):
        g = np.log(to_shares) - np.logaddexp.reduce(scaled + f[:, None], axis=0)
        f = np.log(shares) - np.logaddexp.reduce(scaled + g[None, :], axis=1)
    flow: Floats = np.exp(scaled + f[:, None] + g[None, :])
    return flow


# Tables of colour -----------------------------------------------------------------------------------------------------

_NODES = 33


def _lattice() -> Pixels:
    """Colours (_NODES³, 3) that fill the cube of sRGB, blue fastest."""
    steps = np.linspace(0, 1, _NODES, dtype=np.float32)
    return np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(-1, 3)


def _tabulate(table: Pixels) -> Paint:
    """The function of colour that has the values (_NODES³, 3) on the lattice and is trilinear between: smooth enough to
    tame grain, and as fast for any function."""

    def paint(band: Pixels, rows: slice) -> Pixels:
        position = band.reshape(-1, 3) * np.float32(_NODES - 1)
        corner = np.minimum(position.astype(np.int32), _NODES - 2)
        share = position - corner.astype(np.float32)
        index = (corner[:, 0] * _NODES + corner[:, 1]) * _NODES + corner[:, 2]
        r, g, b = share[:, 0:1], share[:, 1:2], share[:, 2:3]
        along_blue = [(1 - b) * table[index + step] + b * table[index + step + 1] for step in (0, _NODES, _NODES**2, _NODES**2 + _NODES)]
        dark, light = ((1 - g) * along_blue[k] + g * along_blue[k + 1] for k in (0, 2))
        colors: Pixels = (1 - r) * dark + r * light
        return colors.reshape(band.shape)

    return paint


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
