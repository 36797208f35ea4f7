"""What painters are trained towards: pictures as the losses see them, and how far one is from another.

The loss is Johnson et al. 2016's: content at conv4_2 and Gram matrices at conv1_1..conv5_1, each relative to its target, and total
variation; and of our own, what a picture has of a grid.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from atelier.image.moments import Moments, linear_map, transport
from atelier.losses import gram, in_metric
from atelier.perception.network import STYLE_LAYERS, Network
from atelier.training.painter import MARGIN

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
    """What the losses see, through a perceptual network."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.device = network.mean.device
        self.channels = {name: len(network.metric.get(name, network.weights[name][1])) for name in STYLE_LAYERS}

    def __call__(self, x: Tensor, *, style: bool = True) -> Sight:
        """x (B, 3, H, W) in [0, 1], sides at least 16. Without style there are no Gram matrices."""
        layers = STYLE_LAYERS if style else ()
        seen = self.network.see(x, (*layers, CONTENT_LAYER))
        grams = {}
        for name in layers:
            metric = self.network.metric.get(name)
            grams[name] = in_metric(gram(seen[name]), metric, metric)
        content = seen[CONTENT_LAYER].float()
        metric = self.network.metric.get(CONTENT_LAYER)
        return Sight(grams, content if metric is None else F.conv2d(content, metric[:, :, None, None]), seen)


# Errors ---------------------------------------------------------------------------------------------------------------


def style_error(grams: Mapping[str, Tensor], targets: Mapping[str, Tensor]) -> Tensor:
    """(B,): mean over layers of |G - A|²/|A|²."""
    each = [(grams[n] - targets[n]).square().sum((1, 2)) / targets[n].square().sum((1, 2)).clamp_min(TINY) for n in STYLE_LAYERS]
    return torch.stack(each).mean(0)


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
    detail = painted - F.avg_pool2d(painted, GRID + 1, stride=1, padding=GRID // 2, count_include_pad=False)
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


def coloured(white: Sequence[Tensor], spreads: Sequence[Sequence[Spread]]) -> tuple[Tensor, Tensor]:
    """Whitened features (B, C, H, W) a layer, with the means and covariances of paintings, one list a picture (Li et al. 2017, WCT)."""
    out = []
    for layer, x in enumerate(white):
        roots = torch.stack([each[layer].root for each in spreads]).to(x)
        means = torch.stack([each[layer].mean for each in spreads]).to(x)
        out.append((torch.bmm(roots, x.flatten(2)) + means[:, :, None]).reshape(x.shape).contiguous(memory_format=torch.channels_last))
    return out[0], out[1]


def colours(x: Tensor) -> Moments:
    """Of pixels (3, H, W)."""
    flat = x.flatten(1).double().cpu().numpy()
    return Moments(flat.mean(1), np.cov(flat, bias=True))


def recoloured(x: Tensor, own: Sequence[Moments], wanted: Sequence[Moments]) -> Tensor:
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
