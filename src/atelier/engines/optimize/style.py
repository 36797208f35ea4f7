"""What is wanted of the style: statistics of the paintings' features, and how far the picture's are from them.

They depend on the picture only through sums over positions, so they are had from tiles as well.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from atelier.engines.optimize.layers import gives, level
from atelier.engines.optimize.tiles import Tile, tiles
from atelier.engines.optimize.zones import Zones, guided
from atelier.errors import SettingError
from atelier.losses import (
    chained,
    correlation,
    gram_loss,
    histogram_loss,
    in_metric,
    moments,
    moments_loss,
    quantiles,
    symmetric_root,
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


class Style:
    """The style losses of a picture, `error` and `histogram_error`, against those of exemplars.

    layers: style layers with weights. tile: side of the tiles that pictures are looked at in, px; 0 for whole. zones: where the
    exemplars' regions are; None for one region everywhere. areas: the share of the picture that each region is. share: of the full
    size that this one is, which tells coarse strokes from fine ones.
    """

    def __init__(
        self,
        network: Network,
        settings: Settings,
        layers: dict[str, float],
        exemplars: Sequence[Exemplar],
        tile: int,
        zones: Zones | None,
        areas: Sequence[float],
        share: float,
    ) -> None:
        self.network, self.settings, self.tile, self.zones, self.areas = network, settings, tile, zones, areas
        self.layers = {n: w for n, w in layers.items() if any(gives(each.strokes, n, share) for each in exemplars)}
        self.ordered = sorted(self.layers, key=CONVS.index)
        # Histograms are of the whole picture: they are not sums over tiles.
        self.histogram = bool(settings.histogram_weight and self.layers)
        self.chain = list(zip(self.ordered, self.ordered[1:], strict=False)) if settings.chained else []
        if (settings.chained or settings.shift) and settings.style_loss != "gram":
            raise SettingError("chained", "`chained` and `shift` go with `style_loss` gram only")
        if settings.chained and layers and len(layers) < 2:
            raise SettingError("chained", "`chained` needs at least two style layers")
        with torch.no_grad():
            self.targets = [self.learn(exemplars, at, share) for at in range(len(areas))] if self.layers else []

    @property
    def grams(self) -> bool:
        """Whether the layers' Gram matrices are all that is looked at."""
        return not self.histogram and not self.chain and self.settings.style_loss == "gram"

    def summed(self, tile: Tile) -> dict[str, Sum]:
        """Of layers of which nothing is wanted but the sum in their Gram matrices, that sum. It comes in place of the layer."""
        of = partial(correlation, shift=self.settings.shift)
        return {name: Sum(of, *tile.inside(level(name))) for name in self.layers} if self.grams else {}

    def positions(self, picture: Tensor, zones: Zones | None = None) -> Positions:
        """How many positions of each layer a picture's regions have."""
        if zones is not None:
            return {name: zones.masks[level(name)].double().sum((1, 2)).tolist() for name in self.layers}
        return {name: [(picture.shape[2] >> level(name)) * (picture.shape[3] >> level(name))] for name in self.layers}

    def sums(self, seen: dict[str, Tensor], tile: Tile, zones: Zones | None = None, summed: Collection[str] = ()) -> Sums:
        """What the style loss depends on: sums over the tile's positions, in the network's own channels. summed: of these they are
        what was seen."""
        shift = self.settings.shift
        out: Sums = {f"{name}²": seen[name] for name in summed}
        own = {name: tile.inner(seen[name], name) for name in self.layers if name not in summed}
        if self.chain:
            return {f"{a}*{b}": self.chained_sums(a, b, own, tile, zones) for a, b in self.chain}
        moment = self.settings.style_loss != "gram"
        for name, f in own.items():
            deep, total = level(name), None
            if zones is not None:
                out[f"{name}²"], total = guided(f, zones.cells(deep, tile.grid(deep)), shift, moment)
            else:
                out[f"{name}²"] = correlation(f, shift)
                total = f.float().sum((2, 3)) if moment else None
            if total is not None:
                out[name] = total
        return out

    def chained_sums(self, a: str, b: str, own: dict[str, Tensor], tile: Tile, zones: Zones | None) -> Tensor:
        factor, shift = 2 ** (level(b) - level(a)), self.settings.shift
        if zones is None:
            return chained(own[a], own[b], factor, shift)
        found = []
        for at in range(len(zones.masks[0])):
            ends = [zones.bounded(own[name], level(name), tile.grid(level(name)), at) for name in (a, b)]
            found.append(chained(ends[0], ends[1], factor, shift, zones.masks[level(a)][at][tile.grid(level(a))]))
        return torch.cat(found)

    def add_up(self, picture: Tensor, parts: Sequence[Tile], zones: Zones | None = None) -> Sums:
        """`sums` of a whole picture, had from its tiles."""
        total: Sums = {}
        for tile in parts:
            summed = self.summed(tile) if zones is None else {}
            seen = self.network.see(picture[:, :, *tile.window], self.ordered, self.settings.pooling, summed)
            for k, v in self.sums(seen, tile, zones, summed).items():
                total[k] = total[k] + v if k in total else v
        return total

    def statistics(self, sums: Sums, positions: Positions, region: int = 0) -> Iterator[tuple[str, float, tuple[Tensor, ...]]]:
        """(layer, weight, what is compared) of one region, in the metric of the network; of layers on which it has positions."""
        here = slice(region, region + 1)
        if self.chain:
            for a, b in self.chain:
                left, right = self.network.metric.get(a), self.network.metric.get(b)
                if count := positions[a][region]:
                    yield f"{a}*{b}", self.layers[a], (in_metric(sums[f"{a}*{b}"][here] / count, left, right),)
            return
        for name, weight in self.layers.items():
            r = self.network.metric.get(name)
            if not (count := positions[name][region]):
                continue
            if self.settings.style_loss == "gram":
                yield name, weight, (in_metric(sums[f"{name}²"][here] / count, r, r),)
            else:
                mean, covariance = moments(sums[f"{name}²"][here], sums[name][here], count)
                yield name, weight, (mean if r is None else mean @ r.T, in_metric(covariance, r, r))

    def targets_of(self, exemplar: Exemplar, share: float = 1.0) -> Targets:
        """What is wanted of each layer that the exemplar's strokes are on."""
        picture = exemplar.picture
        parts = tiles(picture.shape[2], picture.shape[3], self.tile)
        zones = None if exemplar.part is None else Zones(exemplar.part[None])
        sums, positions = self.add_up(picture, parts, zones), self.positions(picture, zones)
        targets = {name: value for name, _, value in self.statistics(sums, positions) if gives(exemplar.strokes, name, share)}
        if self.grams:  # in the network's own channels too
            targets |= {f"{name} own": (sums[f"{name}²"] / positions[name][0],) for name in list(targets)}
        if self.histogram:
            for name, f in self.network.see(picture, self.ordered, self.settings.pooling).items():
                own = f if zones is None else zones.chosen(f, level(name), 0)
                if own.numel() and gives(exemplar.strokes, name, share):
                    targets[f"{name} histogram"] = (quantiles(own),)
        return targets

    def learn(self, exemplars: Sequence[Exemplar], region: int, share: float) -> Targets:
        """What is wanted of a region: of each layer, the weighted mean of the statistics of its exemplars that say something of it."""
        own = [each for each in exemplars if each.region == region]
        whole = sum(each.weight for each in own)
        if not 0 < whole < math.inf or any(each.weight < 0 for each in own):
            raise SettingError("styles", f"the styles' weights add up to {whole:g}: give finite ones, at least one of them above 0")
        found = [(self.targets_of(each, share), each.weight) for each in own if each.weight]
        names = dict.fromkeys(name for targets, _ in found for name in targets)
        blended = {name: mean([(targets[name], weight) for targets, weight in found if name in targets]) for name in names}
        if self.settings.style_loss == "wasserstein":
            blended |= {n: (v[0], symmetric_root(v[1])) for n, v in blended.items() if len(v) == 2}
        return blended

    def error(self, sums: Sums, positions: Positions) -> Tensor:
        """Of all regions, by their areas."""
        total = torch.zeros((), device=self.network.mean.device)
        for region, area in enumerate(self.areas):
            error = self.error_of(region, sums, positions)
            total = total + (error if self.zones is None else area * error)
        return total

    def error_of(self, region: int, sums: Sums, positions: Positions) -> Tensor:
        total = torch.zeros((), device=self.network.mean.device)
        relative, weights = self.settings.normalize == "relative", 0.0
        for name, weight, values in self.statistics(sums, positions, region):
            if name not in self.targets[region]:
                continue
            error, scale = self.distance(name, values, self.targets[region][name])
            total = total + weight * (error / scale.clamp_min(1e-12) if relative else error)
            weights += weight
        return total / weights if relative and weights else total

    def distance(self, name: str, values: tuple[Tensor, ...], target: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
        """How far a layer's statistics are from the target, and how far those of a picture are that shows nothing."""
        ends = [self.network.channels[end] for end in name.split("*")]
        n, nothing = math.sqrt(ends[0] * ends[-1]), tuple(torch.zeros_like(each) for each in target)
        match self.settings.style_loss:
            case "gram":
                return gram_loss(values[0], target[0], n), gram_loss(nothing[0], target[0], n)
            case "moments":
                return moments_loss(*values, *target, n), moments_loss(*nothing, *target, n)  # type: ignore[call-arg, arg-type]
            case _:
                scale = (target[0].square().sum() + target[1].square().sum()) / n
                return wasserstein_loss(*values, *target, n), scale  # type: ignore[call-arg, arg-type]

    def histogram_error(self, seen: dict[str, Tensor]) -> Tensor:
        whole = torch.zeros((), device=self.network.mean.device)
        relative = self.settings.normalize == "relative"
        for region, area in enumerate(self.areas):
            total, weights = torch.zeros_like(whole), 0.0
            for name, weight in self.layers.items():
                features = seen[name] if self.zones is None else self.zones.chosen(seen[name], level(name), region)
                if not features.numel() or f"{name} histogram" not in self.targets[region]:
                    continue
                (target,) = self.targets[region][f"{name} histogram"]
                error = histogram_loss(features, target)
                total = total + weight * (error / target.square().mean().clamp_min(1e-12) if relative else error)
                weights += weight
            total = total / weights if relative and weights else total
            whole = whole + (total if self.zones is None else area * total)
        return whole


def mean(values: Sequence[tuple[tuple[Tensor, ...], float]]) -> tuple[Tensor, ...]:
    """The weighted mean of some statistics."""
    total = sum(weight for _, weight in values)
    return tuple(torch.stack([value[i] * (weight / total) for value, weight in values]).sum(0) for i in range(len(values[0][0])))
