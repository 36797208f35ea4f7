"""What the canvas is painted towards: content, style and smoothness, seen through a perceptual network.

The style terms depend on the picture only through sums over positions. A picture too large to be seen at once is
therefore seen in tiles, twice: the first pass adds up the sums, the loss is differentiated with respect to them, and the
second pass takes that derivative back to the pixels tile by tile. The result is the untiled one, since a tile's margin covers
half the deepest receptive field and tiles begin on whole cells of the coarsest grid.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from atelier.errors import SettingError
from atelier.losses import (
    chained,
    content_loss,
    correlation,
    gram_loss,
    histogram_loss,
    in_metric,
    moments,
    moments_loss,
    quantiles,
    symmetric_root,
    total_variation,
    wasserstein_loss,
)
from atelier.perception.network import CONVS, Network, layer_name
from atelier.request import LayerWeights, Settings

MARGIN = 96
"""Pixels a tile sees beyond its own: half of conv5_1's receptive field is 78, and 96 is a multiple of 16."""

Sums = dict[str, Tensor]


@dataclass(frozen=True)
class Tile:
    """Rows and columns [y0, y1) x [x0, x1) of the picture, and the larger window that is looked at to know them."""

    y0: int
    y1: int
    x0: int
    x1: int
    height: int
    width: int

    @property
    def window(self) -> tuple[slice, slice]:
        return (
            slice(max(0, self.y0 - MARGIN), min(self.height, self.y1 + MARGIN)),
            slice(max(0, self.x0 - MARGIN), min(self.width, self.x1 + MARGIN)),
        )

    def inner(self, features: Tensor, layer: str) -> Tensor:
        """The part of the window's features that is the tile's own."""
        k = int(layer[4]) - 1
        ys, xs = self.window
        top, left = (self.y0 - ys.start) >> k, (self.x0 - xs.start) >> k
        bottom = features.shape[2] if self.y1 == self.height else (self.y1 - ys.start) >> k
        right = features.shape[3] if self.x1 == self.width else (self.x1 - xs.start) >> k
        if (top, left, bottom, right) == (0, 0, *features.shape[2:]):
            return features
        return features[:, :, top:bottom, left:right]

    def part(self, features: Tensor, layer: str) -> Tensor:
        """The tile's own part of the whole picture's features."""
        k = int(layer[4]) - 1
        bottom = features.shape[2] if self.y1 == self.height else self.y1 >> k
        right = features.shape[3] if self.x1 == self.width else self.x1 >> k
        return features[:, :, self.y0 >> k : bottom, self.x0 >> k : right]


def tiles(height: int, width: int, side: int) -> list[Tile]:
    """The picture cut into tiles of about side x side, on multiples of 16; one tile where side is 0 or large enough."""

    def cuts(length: int) -> list[tuple[int, int]]:
        count = max(1, round(length / side)) if side else 1
        step = max(16, -(-length // count) // 16 * 16)
        starts = list(range(0, length, step))
        if len(starts) > 1 and length - starts[-1] < 16:  # too thin to hold a cell of the coarsest grid
            starts.pop()
        return list(zip(starts, [*starts[1:], length], strict=True))

    return [Tile(y0, y1, x0, x1, height, width) for y0, y1 in cuts(height) for x0, x1 in cuts(width)]


class Objective:
    """A number to make small, and the direction in which it falls: `objective(pixels) -> (gradient, losses)`.

    content (1, 3, H, W) or None; styles: pictures with weights, of any sizes; all RGB in [0, 1] on the network's device.
    The losses by name: `content`, `style`, `tv` and `histogram` unweighted, and `total`.
    """

    def __init__(
        self, network: Network, settings: Settings, content: Tensor | None, styles: Sequence[tuple[Tensor, float]], tile: int = 0
    ) -> None:
        self.network, self.settings, self.tile = network, settings, tile
        self.content_layers = named(settings.content_layers) if content is not None and settings.content_weight else {}
        self.style_layers = named(settings.style_layers) if styles and (settings.style_weight or settings.histogram_weight) else {}
        # Histograms are of the whole picture: they are not sums over tiles.
        self.histogram = bool(settings.histogram_weight and self.style_layers)
        self.layers = sorted({*self.content_layers, *self.style_layers}, key=CONVS.index)
        self.chain = list(zip(self.ordered, self.ordered[1:], strict=False)) if settings.chained else []
        if (settings.chained or settings.shift) and settings.style_loss != "gram":
            raise SettingError("--chained and --shift go with --style-loss gram only")
        if settings.chained and self.style_layers and not self.chain:
            raise SettingError("--chained needs at least two style layers")
        with torch.no_grad():
            self.content = self.features_of(content, tuple(self.content_layers)) if content is not None else {}
            self.targets = self.blend([(self.style_targets(picture), weight) for picture, weight in styles]) if self.style_layers else {}

    @property
    def ordered(self) -> list[str]:
        return sorted(self.style_layers, key=CONVS.index)

    def __call__(self, pixels: Tensor) -> tuple[Tensor, dict[str, float]]:
        """pixels (1, 3, H, W) -> gradient of the total with respect to them, and the losses."""
        pixels = pixels.detach()
        parts = tiles(pixels.shape[2], pixels.shape[3], self.tile)
        if self.histogram and len(parts) > 1:
            raise SettingError("--histogram-weight needs the whole picture at once: raise --tile or lower --size")
        gradient, losses = self.whole(pixels, parts[0]) if len(parts) == 1 else self.in_tiles(pixels, parts)
        if self.settings.tv_weight:
            x = pixels.clone().requires_grad_()
            # In units of 0..255 like the features, so that weights mean what they mean elsewhere.
            unit = 255.0**2 if self.settings.tv_form == "squared" else 255.0
            unit = 1.0 if self.settings.normalise == "relative" else unit * x.shape[2] * x.shape[3]
            tv = total_variation(x, self.settings.tv_form) * unit
            (slope,) = torch.autograd.grad(tv, x)
            gradient.add_(slope, alpha=self.settings.tv_weight)
            losses["tv"] = float(tv.detach())
            losses["total"] += self.settings.tv_weight * losses["tv"]
        return gradient, losses

    def whole(self, pixels: Tensor, tile: Tile) -> tuple[Tensor, dict[str, float]]:
        x = pixels.clone().requires_grad_()
        seen = self.network.see(x, self.layers, self.settings.pooling)
        losses = {}
        total = x.new_zeros(())
        if self.style_layers:
            losses["style"] = self.style_error(self.sums(seen, tile), self.positions(pixels))
            total = total + self.settings.style_weight * losses["style"]
        if self.histogram:
            losses["histogram"] = self.histogram_error(seen)
            total = total + self.settings.histogram_weight * losses["histogram"]
        if self.content_layers:
            losses["content"] = self.content_error(seen, tile)
            total = total + self.settings.content_weight * losses["content"]
        if total.requires_grad:
            (gradient,) = torch.autograd.grad(total, x)
        else:
            gradient = torch.zeros_like(x)
        losses["total"] = total
        return gradient, {k: float(v.detach()) for k, v in losses.items()}

    def in_tiles(self, pixels: Tensor, parts: Sequence[Tile]) -> tuple[Tensor, dict[str, float]]:
        losses = dict.fromkeys((["style"] if self.style_layers else []) + (["content"] if self.content_layers else []), 0.0)
        slopes: Sums = {}
        if self.style_layers:
            with torch.no_grad():
                added = self.added(pixels, parts)
            leaves = {k: v.requires_grad_() for k, v in added.items()}
            style = self.style_error(leaves, self.positions(pixels))
            slopes = dict(zip(leaves, torch.autograd.grad(style, list(leaves.values())), strict=True))
            losses["style"] = float(style.detach())
        gradient = torch.zeros_like(pixels)
        for tile in parts:
            x = pixels[:, :, *tile.window].clone().requires_grad_()
            seen = self.network.see(x, self.layers, self.settings.pooling)
            total = x.new_zeros(())
            if self.style_layers:
                sums = self.sums(seen, tile)
                total = total + self.settings.style_weight * sum((sums[k] * slopes[k]).sum() for k in sums)
            if self.content_layers:
                content = self.content_error(seen, tile)
                losses["content"] += float(content.detach())
                total = total + self.settings.content_weight * content
            if total.requires_grad:
                (slope,) = torch.autograd.grad(total, x)
                gradient[:, :, *tile.window] += slope
        losses["total"] = sum(losses[k] * getattr(self.settings, f"{k}_weight") for k in losses)
        return gradient, losses

    # Content

    def features_of(self, picture: Tensor, layers: Sequence[str]) -> dict[str, Tensor]:
        """The whole picture's features, looked at in tiles where it is large."""
        if not layers:
            return {}
        parts = tiles(picture.shape[2], picture.shape[3], self.tile)
        if len(parts) == 1:
            return self.network.see(picture, layers, self.settings.pooling)
        out: dict[str, Tensor] = {}
        for tile in parts:
            for name, f in self.network.see(picture[:, :, *tile.window], layers, self.settings.pooling).items():
                k = int(name[4]) - 1
                if name not in out:
                    out[name] = f.new_empty(1, f.shape[1], picture.shape[2] >> k, picture.shape[3] >> k)
                tile.part(out[name], name).copy_(tile.inner(f, name))
        return out

    def content_error(self, seen: dict[str, Tensor], tile: Tile) -> Tensor:
        total = torch.zeros((), device=self.network.mean.device)
        relative = self.settings.normalise == "relative"
        for name, weight in self.content_layers.items():
            target, metric = self.content[name], self.network.metric.get(name)
            error = content_loss(tile.inner(seen[name], name), tile.part(target, name), metric)
            if relative:
                error = error / self.content_power(name).clamp_min(1e-12)
            total = total + weight * error
        return total / sum(self.content_layers.values()) if relative else total

    def content_power(self, name: str) -> Tensor:
        """½ Σ P², the error of a picture that shows nothing."""
        if not hasattr(self, "_powers"):
            self._powers: Sums = {}
        if name not in self._powers:
            target = self.content[name]
            with torch.no_grad():
                self._powers[name] = sum(
                    (content_loss(row, torch.zeros_like(row), self.network.metric.get(name)) for row in target.split(64, 2)),
                    torch.zeros((), device=target.device),
                )
        return self._powers[name]

    # Style

    def positions(self, picture: Tensor) -> dict[str, int]:
        """How many positions a layer has for a picture of this size."""
        return {n: (picture.shape[2] >> (int(n[4]) - 1)) * (picture.shape[3] >> (int(n[4]) - 1)) for n in self.style_layers}

    def sums(self, seen: dict[str, Tensor], tile: Tile) -> Sums:
        """What the style loss depends on: sums over the tile's positions, in the network's own channels."""
        own = {name: tile.inner(seen[name], name) for name in self.style_layers}
        shift = self.settings.shift
        if self.chain:
            return {f"{a}*{b}": chained(own[a], own[b], 2 ** (int(b[4]) - int(a[4])), shift) for a, b in self.chain}
        out = {f"{name}²": correlation(f, shift) for name, f in own.items()}
        if self.settings.style_loss != "gram":
            out |= {f"{name}": f.float().sum((2, 3)) for name, f in own.items()}
        return out

    def added(self, picture: Tensor, parts: Sequence[Tile]) -> Sums:
        total: Sums = {}
        for tile in parts:
            seen = self.network.see(picture[:, :, *tile.window], self.ordered, self.settings.pooling)
            for k, v in self.sums(seen, tile).items():
                total[k] = total[k] + v if k in total else v
        return total

    def statistics(self, sums: Sums, positions: dict[str, int]) -> Iterator[tuple[str, float, tuple[Tensor, ...]]]:
        """(layer, weight, what is compared), in the metric of the network."""
        if self.chain:
            for a, b in self.chain:
                left, right = self.network.metric.get(a), self.network.metric.get(b)
                yield f"{a}*{b}", self.style_layers[a], (in_metric(sums[f"{a}*{b}"] / positions[a], left, right),)
            return
        for name, weight in self.style_layers.items():
            r = self.network.metric.get(name)
            if self.settings.style_loss == "gram":
                yield name, weight, (in_metric(sums[f"{name}²"] / positions[name], r, r),)
            else:
                mean, covariance = moments(sums[f"{name}²"], sums[name], positions[name])
                yield name, weight, (mean if r is None else mean @ r.T, in_metric(covariance, r, r))

    def style_targets(self, picture: Tensor) -> dict[str, tuple[Tensor, ...]]:
        parts = tiles(picture.shape[2], picture.shape[3], self.tile)
        targets = {name: value for name, _, value in self.statistics(self.added(picture, parts), self.positions(picture))}
        if self.histogram:
            seen = self.network.see(picture, self.ordered, self.settings.pooling)
            targets |= {f"{name} histogram": (quantiles(f),) for name, f in seen.items()}
        return targets

    def blend(self, targets: Sequence[tuple[dict[str, tuple[Tensor, ...]], float]]) -> dict[str, tuple[Tensor, ...]]:
        """Several styles as one: the weighted mean of their statistics."""
        whole = sum(weight for _, weight in targets)
        if not 0 < whole < math.inf:
            raise SettingError(f"the styles' weights add up to {whole:g}: give finite ones, at least one of them above 0")
        blended = {
            name: tuple(
                sum((t[name][i] * (w / whole) for t, w in targets[1:]), values[i] * (targets[0][1] / whole)) for i in range(len(values))
            )
            for name, values in targets[0][0].items()
        }
        if self.settings.style_loss == "wasserstein":
            blended |= {n: (v[0], symmetric_root(v[1])) for n, v in blended.items() if len(v) == 2}
        return blended

    def style_error(self, sums: Sums, positions: dict[str, int]) -> Tensor:
        total = torch.zeros((), device=self.network.mean.device)
        relative, weights = self.settings.normalise == "relative", 0.0
        for name, weight, values in self.statistics(sums, positions):
            target = self.targets[name]
            match self.settings.style_loss:
                case "gram":
                    ends = [self.network.channels[n] for n in name.split("*")]
                    n: float = math.sqrt(ends[0] * ends[-1])
                    error, scale = gram_loss(values[0], target[0], n), gram_loss(torch.zeros_like(target[0]), target[0], n)
                case "moments":
                    n = self.network.channels[name]
                    error = moments_loss(values[0], values[1], target[0], target[1], n)
                    scale = moments_loss(torch.zeros_like(target[0]), torch.zeros_like(target[1]), target[0], target[1], n)
                case _:
                    n = self.network.channels[name]
                    error = wasserstein_loss(values[0], values[1], target[0], target[1], n)
                    scale = (target[0].square().sum() + target[1].square().sum()) / n
            total = total + weight * (error / scale.clamp_min(1e-12) if relative else error)
            weights += weight
        return total / weights if relative else total

    def histogram_error(self, seen: dict[str, Tensor]) -> Tensor:
        total = torch.zeros((), device=self.network.mean.device)
        relative = self.settings.normalise == "relative"
        for name, weight in self.style_layers.items():
            (target,) = self.targets[f"{name} histogram"]
            error = histogram_loss(seen[name], target)
            total = total + weight * (error / target.square().mean().clamp_min(1e-12) if relative else error)
        return total / sum(self.style_layers.values()) if relative else total


def named(layers: LayerWeights) -> dict[str, float]:
    """Layer weights under canonical names, those of weight 0 left out."""
    out: dict[str, float] = {}
    for name, weight in layers.items():
        canonical = layer_name(name)
        if canonical in out:
            raise SettingError(f"layer {canonical} is given twice")
        if weight:
            out[canonical] = float(weight)
    return out
