"""What painters are trained towards: pictures as the losses see them, and how far one is from another.

The loss is Johnson et al. 2016's: content at conv4_2, Gram matrices, each relative to its target, and total variation; and of our own,
what a picture has of a grid. It departs in two points. The layers' errors go under a square root, so that none drowns the others. And
conv5_1 is left out: even a crop of the painting itself is half that layer's norm away from the whole. On crops it teaches noise,
and it took nearly all of the gradient.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from atelier.engines.network.plan import MARGIN
from atelier.image.moments import Moments, linear_map, transport
from atelier.losses import gram, in_metric
from atelier.perception.network import STYLE_LAYERS, Network

CONTENT_LAYER = "conv4_2"
SHALLOW = ("conv1_1", "conv2_1")
"""What the photo itself is asked back in, beside its pixels: edges and grain, which conv4_2 no longer knows."""
GIVEN = ("conv3_1", "conv4_1")
"""The layers whose features a body with `seen` takes."""
RIDGE = 1e-3
"""Share of the mean variance that is added to every feature's: as the engine does it."""
STRETCH = 4.0
"""How much colours are spread at the most: a grey photo has nothing to spread."""
TINY = 1e-8
LAYER_WEIGHTS = {"conv1_1": 0.1, "conv2_1": 0.3, "conv3_1": 1.1, "conv4_1": 2.2}
"""What the loss matches, and how much each layer counts. Forms (conv4_1) are the hardest to learn; colour and grain (conv1_1) come by
themselves, and matched too closely they are a weave in flat places."""
BORDER = 16
"""Pixels along the sides that the losses leave out. A network that sees ends every picture in zeros; what is painted would answer them
with a frame."""
STROKES = ("conv2_1", "conv3_1", "conv4_1")
"""The layers that make strokes: the geometric mean of their errors goes with the eye."""
BEND = 1e-3
"""Error below which the square root turns into a line: no layer need come nearer than that."""
GRID, CELLS = 8, 8
"""Period of the grid that a body of cells may leave in its pictures, px (one of 2 or 4 px has this period too); and how many periods
a side, at the most, are averaged to find it."""
FAINT = 1e-4
"""Variance, of values in [0, 1], far below which detail is no grid."""


@dataclass(frozen=True)
class Sight:
    """Of pictures (B, 3, H, W): Gram matrices (B, C, C) a style layer, content features (B, C, H/8, W/8), both in the teacher's
    metric; and plain features a layer."""

    grams: dict[str, Tensor]
    content: Tensor
    features: Mapping[str, Tensor]


class Eye:
    """What the losses see, through a perceptual network. border: pixels along the sides that do not count."""

    def __init__(self, network: Network, border: int = BORDER) -> None:
        self.network, self.border = network, border
        self.device = network.mean.device
        self.channels = {name: len(network.metric.get(name, network.weights[name][1])) for name in STYLE_LAYERS}

    def __call__(self, x: Tensor, layers: Sequence[str] = STYLE_LAYERS) -> Sight:
        """x (B, 3, H, W) in [0, 1], sides at least 16. layers: those whose Gram matrices are wanted."""
        seen = self.network.see(x, (*layers, CONTENT_LAYER))
        grams = {}
        for name in layers:
            metric = self.network.metric.get(name)
            grams[name] = in_metric(gram(self.within(name, seen[name])), metric, metric)
        content = self.within(CONTENT_LAYER, seen[CONTENT_LAYER]).float()
        metric = self.network.metric.get(CONTENT_LAYER)
        return Sight(grams, content if metric is None else F.conv2d(content, metric[:, :, None, None]), seen)

    def within(self, layer: str, features: Tensor) -> Tensor:
        """Features (B, C, H, W) of a layer without the border; of a small picture at least half of each side is kept."""
        step = 2 ** (int(layer[4]) - 1)
        cut = min(self.border // step, *(side // 4 for side in features.shape[2:]))
        return features[:, :, cut:-cut, cut:-cut] if cut else features


# Errors ---------------------------------------------------------------------------------------------------------------


def layer_errors(grams: Mapping[str, Tensor], targets: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Layer -> (B,): |G - A|²/|A|², of the layers that both have."""
    return {
        name: (grams[name] - targets[name]).square().sum((1, 2)) / targets[name].square().sum((1, 2)).clamp_min(TINY)
        for name in STYLE_LAYERS
        if name in grams and name in targets
    }


def balance(errors: Mapping[str, Tensor]) -> Tensor:
    """(B,): Σ w √(e + BEND) over LAYER_WEIGHTS."""
    return torch.stack([weight * (errors[name] + BEND).sqrt() for name, weight in LAYER_WEIGHTS.items()]).sum(0)


def strokes(errors: Mapping[str, Tensor]) -> Tensor:
    """(B,): geometric mean of the errors at STROKES."""
    return torch.stack([errors[name].clamp_min(TINY).log() for name in STROKES]).mean(0).exp()


def content_error(features: Tensor, target: Tensor) -> Tensor:
    """(B,): |F - P|²/|P|²."""
    return (features - target).square().sum((1, 2, 3)) / target.square().sum((1, 2, 3)).clamp_min(1e-6)


def identity_error(painted: Tensor, photo: Tensor, seen: Sight, own: Sight) -> Tensor:
    """(B,): how far a picture is from being the photo itself, in content, in shallow features and, twenty times, in pixels."""
    shallow = torch.stack([content_error(seen.features[n].float(), own.features[n].float()) for n in SHALLOW]).mean(0)
    return content_error(seen.content, own.content) + shallow + 20 * (painted - photo).square().mean((1, 2, 3))


def grid_share(painted: Tensor) -> Tensor:
    """(B,): of the detail in pictures (B, 3, H, W), sides at least 16, the share that repeats from one cell of 8 x 8 px to the next,
    as what a network paints out of cells does where the photo has nothing. Between about 1/64, by chance, and 1. What is over of whole
    windows of 64 px, right and below, is not looked at."""
    blurred = painted
    for size, edge in (((GRID + 1, 1), (GRID // 2, 0)), ((1, GRID + 1), (0, GRID // 2))):  # one way, then the other: a quarter of the time
        blurred = F.avg_pool2d(blurred, size, stride=1, padding=edge, count_include_pad=False)
    detail = painted - blurred
    b, c, h, w = detail.shape
    down, along = (min(CELLS, side // GRID) for side in (h, w))
    rows, columns = h // (GRID * down), w // (GRID * along)
    detail = detail[:, :, : rows * down * GRID, : columns * along * GRID]
    windows = detail.reshape(b, c, rows, down, GRID, columns, along, GRID)
    repeated = windows.mean((3, 6))
    repeated = (repeated - repeated.mean((3, 5), keepdim=True)).square().mean((1, 3, 5))
    return (repeated / (windows.square().mean((1, 3, 4, 6, 7)) + FAINT)).mean((1, 2))


# What the painter is given --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Spread:
    """Mean (C,) and covariance (C, C) of features, the latter as its root and its inverse's."""

    mean: Tensor
    root: Tensor
    inverse: Tensor

    @classmethod
    def of(cls, features: Tensor) -> Spread:
        """features (C, H, W)."""
        flat = features.flatten(1).float()
        mean = flat.mean(1)
        flat = flat - mean[:, None]
        covariance = (flat @ flat.T / flat.shape[1]).double()
        values, vectors = torch.linalg.eigh(covariance)
        values = (values.clamp_min(0) + RIDGE * values.mean()).clamp_min(TINY)
        return cls(mean.float(), ((vectors * values.sqrt()) @ vectors.T).float(), ((vectors / values.sqrt()) @ vectors.T).float())

    def whitened(self, features: Tensor) -> Tensor:
        """features (C, H, W) with mean 0 and covariance 1."""
        return (self.inverse @ (features.flatten(1).float() - self.mean[:, None])).reshape(features.shape)


def colored(white: Sequence[Tensor], spreads: Sequence[Sequence[Spread]]) -> tuple[Tensor, Tensor]:
    """Whitened features (B, C, H, W) a layer, with the means and covariances of paintings, one list a picture (Li et al. 2017, WCT)."""
    out = []
    for layer, x in enumerate(white):
        roots = torch.stack([each[layer].root for each in spreads]).to(x)
        means = torch.stack([each[layer].mean for each in spreads]).to(x)
        out.append((torch.bmm(roots, x.flatten(2)) + means[:, :, None]).reshape(x.shape).contiguous(memory_format=torch.channels_last))
    return out[0], out[1]


def colors(x: Tensor) -> Moments:
    """Of pixels (3, H, W)."""
    flat = x.flatten(1).double().cpu().numpy()
    return Moments(flat.mean(1), np.cov(flat, bias=True))


def recolored(x: Tensor, own: Sequence[Moments], wanted: Sequence[Moments]) -> Tensor:
    """Photos (B, 3, H, W) with the colours' means and covariances of paintings: what the painter is given."""
    maps = [linear_map(a, b, transport, stretch=STRETCH) for a, b in zip(own, wanted, strict=True)]
    matrix = torch.from_numpy(np.stack([m for m, _ in maps])).to(x)
    offset = torch.from_numpy(np.stack([b for _, b in maps])).to(x)
    return (torch.bmm(matrix, x.flatten(2)).reshape(x.shape) + offset[:, :, None, None]).clamp(0, 1)


def padded(x: Tensor) -> Tensor:
    return F.pad(x, (MARGIN,) * 4, mode="reflect")


def halved(x: Tensor) -> Tensor:
    """At half the size: what `seen` is seen of."""
    return F.avg_pool2d(x, 2)


def cut(x: Tensor) -> Tensor:
    return x[:, :, MARGIN:-MARGIN, MARGIN:-MARGIN]
