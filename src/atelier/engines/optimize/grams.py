"""Gram and content losses of a picture that is looked at whole, with their gradient written out.

What `objective` finds by automatic differentiation for every kind of loss, in a fraction of the operations, for the kind that most
painting is done with.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from atelier.engines.optimize.content import Content
from atelier.engines.optimize.layers import level
from atelier.engines.optimize.style import Style
from atelier.perception.network import Network
from atelier.perception.trace import Trace, fits
from atelier.request import Settings


class Grams:
    """The losses and the gradient of both together, style_weight and content_weight applied.

    With E = G - A in the network's own channels and M = RᵀR of its metric R, a layer's loss is ⟨E, M E M⟩ / 4 N², and its gradient by
    the features F (positions, C) is F times a small symmetric matrix (Gatys et al. 2016, eq. 6). seen: (H, W), 1 where the picture
    counts, 0 where it does not; None for everywhere.
    """

    def __init__(
        self, network: Network, style: Style, content: Content, weights: tuple[float, float], pooling: str, seen: Tensor | None = None
    ) -> None:
        self.network, self.style, self.content, self.weights, self.pooling = network, style, content, weights, pooling
        self.layers = {*style.layers, *content.layers}
        self.metrics = {name: r.T @ r for name, r in network.metric.items() if name in self.layers}
        self.factors: dict[str, float] = {}
        if style.layers:
            self.factors = self.scales()
        self.masks = {} if seen is None else {name: mask_of(seen, level(name)) for name in self.layers}

    @staticmethod
    def serves(style: Style, content: Content) -> bool:
        """Whether these are all that is wanted."""
        grams = style.grams and style.zones is None and not style.settings.shift
        return bool(style.layers or content.layers) and grams

    def fits(self, pixels: Tensor) -> bool:
        """Whether a picture (1, 3, H, W) is of a size to be looked at this way, and no deeper than it is large."""
        deepest = max(int(name[4]) for name in self.layers)
        return fits(self.network, pixels, self.pooling) and min(pixels.shape[2:]) >= 2 ** (deepest - 1)

    def scales(self) -> dict[str, float]:
        """What ⟨E, M E M⟩ counts of each layer that has a target."""
        targets = self.style.targets[0]
        found = {name: weight for name, weight in self.style.layers.items() if name in targets}
        total = sum(found.values())
        for name, weight in found.items():
            n = self.network.channels[name]
            power = float(targets[name][0].square().sum()) / (4.0 * n * n)
            relative = self.style.settings.normalize == "relative"
            found[name] = weight / (4.0 * n * n) / (total * max(power, 1e-12) if relative else 1.0)
        return found

    @torch.no_grad()
    def __call__(self, pixels: Tensor) -> tuple[Tensor, dict[str, float]]:
        """pixels (1, 3, H, W) -> gradient, and the losses, unweighted, with `total`."""
        trace = Trace(self.network, pixels, self.layers, self.pooling)
        style, products = self.style_slopes(trace)
        content, differences = self.content_slopes(trace)

        def slope(name: str, f: Tensor, g: Tensor | None) -> Tensor | None:
            if name in products:
                g = multiplied(self.counted(name, f), products[name], g)
            if name in differences:
                own = differences[name].to(f.dtype)
                g = own if g is None else g.add_(own)
            return g

        gradient = trace.back(slope)
        found = torch.stack([sum(style, gradient.new_zeros(())), sum(content, gradient.new_zeros(()))]).tolist()
        losses = {name: loss for name, loss, on in zip(("style", "content"), found, (style, content), strict=True) if on}
        losses["total"] = sum(loss * weight for loss, weight in zip(found, self.weights, strict=True))
        return gradient, losses

    def style_slopes(self, trace: Trace) -> tuple[list[Tensor], dict[str, Tensor]]:
        """Each layer's loss, and what its features are to be multiplied with."""
        losses, products = [], {}
        for name, factor in self.factors.items():
            rows, count = rows_of(self.counted(name, trace.features[name])), self.count(name, trace)
            difference = (rows.T @ rows).float() / count - self.style.targets[0][f"{name} own"][0][0]
            metric = self.metrics.get(name)
            bent = difference if metric is None else metric @ difference @ metric
            losses.append(factor * difference.flatten().dot(bent.flatten()))
            products[name] = bent * (4.0 * factor * self.weights[0] / count)
        return losses, products

    def content_slopes(self, trace: Trace) -> tuple[list[Tensor], dict[str, Tensor]]:
        """Each layer's loss, and its gradient by the features, (1, C, h, w)."""
        losses, differences = [], {}
        for name, factor in self.content.factors.items():
            f = trace.features[name]
            difference = rows_of(f).float() - rows_of(self.content.targets[name]).float()
            if name in self.masks:
                difference *= self.masks[name].reshape(-1, 1)
            metric = self.metrics.get(name)
            bent = difference if metric is None else difference @ metric
            losses.append(0.5 * factor * difference.flatten().dot(bent.flatten()))
            bent = bent.mul_(factor * self.weights[1]) if metric is not None else bent * (factor * self.weights[1])
            differences[name] = bent.view(1, *f.shape[2:], -1).permute(0, 3, 1, 2)
        return losses, differences

    def counted(self, name: str, f: Tensor) -> Tensor:
        """Features (1, C, h, w), 0 where the picture does not count."""
        return f * self.masks[name].to(f.dtype) if name in self.masks else f

    def count(self, name: str, trace: Trace) -> float:
        """How many positions of a layer count."""
        found = trace.features[name]
        return max(1.0, float(self.masks[name].sum())) if name in self.masks else float(found.shape[2] * found.shape[3])


def styled_plainly(settings: Settings) -> bool:
    """Whether Gram matrices are all that settings ask for of a style."""
    more = settings.histogram_weight or settings.chained or settings.shift or settings.match == "semantic"
    return not more and settings.style_loss == "gram"


def mask_of(seen: Tensor, level: int) -> Tensor:
    """Cells of a level (1, 1, h, w), 1 where more than half of one counts."""
    return (F.avg_pool2d(seen[None, None].float(), 2**level) > 0.5).float()


def rows_of(f: Tensor) -> Tensor:
    """Features (1, C, h, w) as (h w, C), the same memory where channels are last in it."""
    return f.permute(0, 2, 3, 1).reshape(-1, f.shape[1])


def multiplied(f: Tensor, matrix: Tensor, g: Tensor | None) -> Tensor:
    """g, if any, plus features (1, C, h, w) times a matrix (C, C); g is used up."""
    rows, matrix = rows_of(f), matrix.to(f.dtype)
    found = rows @ matrix if g is None else rows_of(g).addmm_(rows, matrix)
    return found.view(1, *f.shape[2:], -1).permute(0, 3, 1, 2)
