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
from functools import partial

import torch
from torch import Tensor

from atelier.engines.optimize.layers import gives, named
from atelier.engines.optimize.matching import GRAM, Matching, Source
from atelier.engines.optimize.tiles import Tile, tiles
from atelier.engines.optimize.zones import Zones, guided
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
from atelier.perception.bands import Sum
from atelier.perception.network import CONVS, Network
from atelier.request import Settings

Sums = dict[str, Tensor]
"""By name, (R, ...): one for each region, and just one where there are none."""
Positions = dict[str, list[float]]
"""How many positions of a layer each region has."""
Targets = dict[str, tuple[Tensor, ...]]


@dataclass(frozen=True, eq=False)
class Exemplar:
    """What a style is learned from: a picture (1, 3, H, W), its weight among those of its region, which strokes of it are taken (`all`,
    `coarse` or `fine`), and how much of what is seen where is learned from, (H, W) in [0, 1]; None for all of it."""

    picture: Tensor
    weight: float = 1.0
    region: int = 0
    strokes: str = "all"
    part: Tensor | None = None


class Objective:
    """A number to make small, and the direction in which it falls: `objective(pixels) -> (gradient, losses)`.

    content (1, 3, H, W) or None; exemplars: pictures of any sizes; all RGB in [0, 1] on the network's device.
    regions: (R, H, W) in [0, 1], how much of each region is where, adding up to at most 1; None for one everywhere. A region's
    style loss is over its own positions (see `zones.guided`) and counts by its area, so that a pixel is drawn to it as strongly
    as if it were everywhere; what of a loss would move pixels outside its region is left out of the gradient.
    share: of the full size that this one is, which tells coarse strokes from fine ones.
    The losses by name: `content`, `style`, `tv` and `histogram` unweighted, and `total`.
    """

    def __init__(
        self,
        network: Network,
        settings: Settings,
        content: Tensor | None,
        exemplars: Sequence[Exemplar],
        tile: int = 0,
        regions: Tensor | None = None,
        share: float = 1.0,
    ) -> None:
        self.network, self.settings, self.tile = network, settings, tile
        self.content_layers = named(settings.content_layers) if content is not None and settings.content_weight else {}
        styled = exemplars and (settings.style_weight or settings.histogram_weight)
        layers = named(settings.style_layers) if styled else {}
        self.style_layers = {n: w for n, w in layers.items() if any(gives(each.strokes, n, share) for each in exemplars)}
        # Histograms are of the whole picture: they are not sums over tiles.
        self.histogram = bool(settings.histogram_weight and self.style_layers)
        self.layers = sorted({*self.content_layers, *self.style_layers}, key=CONVS.index)
        self.chain = list(zip(self.ordered, self.ordered[1:], strict=False)) if settings.chained else []
        if (settings.chained or settings.shift) and settings.style_loss != "gram":
            raise SettingError("--chained and --shift go with --style-loss gram only")
        if settings.chained and layers and len(layers) < 2:
            raise SettingError("--chained needs at least two style layers")
        self.style_weight = settings.style_weight
        self.zones = None if regions is None else Zones(regions)
        self.matching: Matching | None = None
        if settings.match == "semantic" and self.style_layers and content is not None:
            sources = [
                Source(each.picture, each.weight, each.region, frozenset(n for n in layers if gives(each.strokes, n, share)), each.part)
                for each in exemplars
            ]
            parts = partial(tiles, side=tile)
            self.matching = Matching(network, layers, settings.pooling, content, sources, parts, self.features_of, self.zones)
            self.style_weight *= GRAM
        self.painted = None if regions is None else (regions > 0).any(0)
        self.areas = [1.0] if regions is None else regions.double().mean((1, 2)).tolist()
        with torch.no_grad():
            self.content = self.features_of(content, tuple(self.content_layers)) if content is not None else {}
            self.targets = [self.learned(exemplars, at, share) for at in range(len(self.areas))] if self.style_layers else []

    @property
    def ordered(self) -> list[str]:
        return sorted(self.style_layers, key=CONVS.index)

    def __call__(self, pixels: Tensor) -> tuple[Tensor, dict[str, float]]:
        """pixels (1, 3, H, W) -> gradient of the total with respect to them, and the losses."""
        pixels = pixels.detach()
        parts = tiles(pixels.shape[2], pixels.shape[3], self.tile)
        if self.histogram and len(parts) > 1:
            raise SettingError("--histogram-weight needs the whole picture at once: raise --tile or lower --size")
        if self.matching:
            self.matching.look(pixels)
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
        return gradient if self.painted is None else gradient.mul_(self.painted), losses

    def see(self, pixels: Tensor, tile: Tile) -> dict[str, Tensor]:
        """What of the tile's window, pixels, the losses look at."""
        if self.zones is None:
            return self.network.see(pixels, self.layers, self.settings.pooling, self.summed(tile))
        return self.zones.see(self.network, pixels, self.layers, self.settings.pooling, tile.window)

    def summed(self, tile: Tile) -> dict[str, Sum]:
        """Of layers of which nothing is wanted but the sum in their Gram matrices, that sum. It comes in place of the layer."""
        if self.matching or self.histogram or self.chain or self.settings.style_loss != "gram":
            return {}
        of = partial(correlation, shift=self.settings.shift)
        return {name: Sum(of, *tile.inside(int(name[4]) - 1)) for name in self.style_layers if name not in self.content_layers}

    def whole(self, pixels: Tensor, tile: Tile) -> tuple[Tensor, dict[str, float]]:
        x = pixels.clone().requires_grad_()
        seen = self.see(x, tile)
        losses = {}
        total = x.new_zeros(())
        if self.style_layers:
            losses["style"] = self.style_error(self.sums(seen, tile, self.zones), self.positions(pixels, self.zones))
            total = total + self.style_weight * losses["style"]
        if self.matching:
            losses["match"] = self.matching.error(seen, tile)
            total = total + self.settings.style_weight * losses["match"]
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
                added = self.added(pixels, parts, self.zones)
            leaves = {k: v.requires_grad_() for k, v in added.items()}
            style = self.style_error(leaves, self.positions(pixels, self.zones))
            found = torch.autograd.grad(style, list(leaves.values()), materialize_grads=True)
            slopes = dict(zip(leaves, found, strict=True))
            losses["style"] = float(style.detach())
        gradient = torch.zeros_like(pixels)
        if self.matching:
            losses["match"] = 0.0
        for tile in parts:
            x = pixels[:, :, *tile.window].clone().requires_grad_()
            seen = self.see(x, tile)
            total = x.new_zeros(())
            if self.style_layers:
                sums = self.sums(seen, tile, self.zones)
                total = total + self.style_weight * sum((sums[k] * slopes[k]).sum() for k in sums)
            if self.matching:
                match = self.matching.error(seen, tile)
                losses["match"] += float(match.detach())
                total = total + self.settings.style_weight * match
            if self.content_layers:
                content = self.content_error(seen, tile)
                losses["content"] += float(content.detach())
                total = total + self.settings.content_weight * content
            if total.requires_grad:
                (slope,) = torch.autograd.grad(total, x)
                gradient[:, :, *tile.window] += slope
        weights = {"style": self.style_weight, "match": self.settings.style_weight, "content": self.settings.content_weight}
        losses["total"] = sum(losses[k] * weights[k] for k in losses)
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

    def positions(self, picture: Tensor, zones: Zones | None = None) -> Positions:
        """How many positions of each layer a picture's regions have."""
        if zones is not None:
            return {n: zones.masks[int(n[4]) - 1].double().sum((1, 2)).tolist() for n in self.style_layers}
        return {n: [(picture.shape[2] >> (int(n[4]) - 1)) * (picture.shape[3] >> (int(n[4]) - 1))] for n in self.style_layers}

    def sums(self, seen: dict[str, Tensor], tile: Tile, zones: Zones | None = None) -> Sums:
        """What the style loss depends on: sums over the tile's positions, in the network's own channels."""
        shift = self.settings.shift
        summed = self.summed(tile) if zones is None else {}
        out: Sums = {f"{name}²": seen[name] for name in summed}
        own = {name: tile.inner(seen[name], name) for name in self.style_layers if name not in summed}
        if self.chain:
            return {f"{a}*{b}": self.chained_sums(a, b, own, tile, zones) for a, b in self.chain}
        moment = self.settings.style_loss != "gram"
        for name, f in own.items():
            level, total = int(name[4]) - 1, None
            if zones is not None:
                out[f"{name}²"], total = guided(f, zones.cells(level, tile.grid(level)), shift, moment)
            else:
                out[f"{name}²"] = correlation(f, shift)
                total = f.float().sum((2, 3)) if moment else None
            if total is not None:
                out[name] = total
        return out

    def chained_sums(self, a: str, b: str, own: dict[str, Tensor], tile: Tile, zones: Zones | None) -> Tensor:
        factor, shift = 2 ** (int(b[4]) - int(a[4])), self.settings.shift
        if zones is None:
            return chained(own[a], own[b], factor, shift)
        found = []
        for at in range(len(zones.masks[0])):
            ends = [zones.bounded(own[name], int(name[4]) - 1, tile.grid(int(name[4]) - 1), at) for name in (a, b)]
            level = int(a[4]) - 1
            found.append(chained(ends[0], ends[1], factor, shift, zones.masks[level][at][tile.grid(level)]))
        return torch.cat(found)

    def added(self, picture: Tensor, parts: Sequence[Tile], zones: Zones | None = None) -> Sums:
        total: Sums = {}
        for tile in parts:
            summed = self.summed(tile) if zones is None else {}
            seen = self.network.see(picture[:, :, *tile.window], self.ordered, self.settings.pooling, summed)
            for k, v in self.sums(seen, tile, zones).items():
                total[k] = total[k] + v if k in total else v
        return total

    def statistics(self, sums: Sums, positions: Positions, region: int = 0) -> Iterator[tuple[str, float, tuple[Tensor, ...]]]:
        """(layer, weight, what is compared) of one region, in the metric of the network; of layers on which it has positions."""
        here = slice(region, region + 1)
        if self.chain:
            for a, b in self.chain:
                left, right = self.network.metric.get(a), self.network.metric.get(b)
                if count := positions[a][region]:
                    yield f"{a}*{b}", self.style_layers[a], (in_metric(sums[f"{a}*{b}"][here] / count, left, right),)
            return
        for name, weight in self.style_layers.items():
            r = self.network.metric.get(name)
            if not (count := positions[name][region]):
                continue
            if self.settings.style_loss == "gram":
                yield name, weight, (in_metric(sums[f"{name}²"][here] / count, r, r),)
            else:
                mean, covariance = moments(sums[f"{name}²"][here], sums[name][here], count)
                yield name, weight, (mean if r is None else mean @ r.T, in_metric(covariance, r, r))

    def style_targets(self, exemplar: Exemplar, share: float = 1.0) -> Targets:
        """What is wanted of each layer that the exemplar's strokes are on."""
        picture = exemplar.picture
        parts = tiles(picture.shape[2], picture.shape[3], self.tile)
        zones = None if exemplar.part is None else Zones(exemplar.part[None])
        sums, positions = self.added(picture, parts, zones), self.positions(picture, zones)
        targets = {name: value for name, _, value in self.statistics(sums, positions) if gives(exemplar.strokes, name, share)}
        if self.histogram:
            for name, f in self.network.see(picture, self.ordered, self.settings.pooling).items():
                own = f if zones is None else zones.chosen(f, int(name[4]) - 1, 0)
                if own.numel() and gives(exemplar.strokes, name, share):
                    targets[f"{name} histogram"] = (quantiles(own),)
        return targets

    def learned(self, exemplars: Sequence[Exemplar], region: int, share: float) -> Targets:
        """What is wanted of a region: of each layer, the weighted mean of the statistics of its exemplars that say something of it."""
        own = [each for each in exemplars if each.region == region]
        whole = sum(each.weight for each in own)
        if not 0 < whole < math.inf or any(each.weight < 0 for each in own):
            raise SettingError(f"the styles' weights add up to {whole:g}: give finite ones, at least one of them above 0")
        found = [(self.style_targets(each, share), each.weight) for each in own if each.weight]
        blended: Targets = {}
        for name in dict.fromkeys(name for targets, _ in found for name in targets):
            values = [(targets[name], weight) for targets, weight in found if name in targets]
            total = sum(weight for _, weight in values)
            blended[name] = tuple(
                torch.stack([value[i] * (weight / total) for value, weight in values]).sum(0) for i in range(len(values[0][0]))
            )
        if self.settings.style_loss == "wasserstein":
            blended |= {n: (v[0], symmetric_root(v[1])) for n, v in blended.items() if len(v) == 2}
        return blended

    def style_error(self, sums: Sums, positions: Positions) -> Tensor:
        """Of all regions, by their areas."""
        total = torch.zeros((), device=self.network.mean.device)
        for region, area in enumerate(self.areas):
            error = self.style_error_of(region, sums, positions)
            total = total + (error if self.zones is None else area * error)
        return total

    def style_error_of(self, region: int, sums: Sums, positions: Positions) -> Tensor:
        total = torch.zeros((), device=self.network.mean.device)
        relative, weights = self.settings.normalise == "relative", 0.0
        for name, weight, values in self.statistics(sums, positions, region):
            if name not in self.targets[region]:
                continue
            target = self.targets[region][name]
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
        return total / weights if relative and weights else total

    def histogram_error(self, seen: dict[str, Tensor]) -> Tensor:
        whole = torch.zeros((), device=self.network.mean.device)
        relative = self.settings.normalise == "relative"
        for region, area in enumerate(self.areas):
            total, weights = torch.zeros_like(whole), 0.0
            for name, weight in self.style_layers.items():
                features = seen[name] if self.zones is None else self.zones.chosen(seen[name], int(name[4]) - 1, region)
                if not features.numel() or f"{name} histogram" not in self.targets[region]:
                    continue
                (target,) = self.targets[region][f"{name} histogram"]
                error = histogram_loss(features, target)
                total = total + weight * (error / target.square().mean().clamp_min(1e-12) if relative else error)
                weights += weight
            total = total / weights if relative and weights else total
            whole = whole + (total if self.zones is None else area * total)
        return whole
