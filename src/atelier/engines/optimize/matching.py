"""Which place of the paintings each place of the picture is painted after: `match` is `semantic`.

The picture and the paintings are cut into cells, a few pixels a side, and every cell is described by what all style layers see
there. Each cell of the picture takes the cell of the paintings that is most like it (nearest neighbours of hypercolumns under
the cosine distance: Kolkin et al. 2022, "Neural Neighbor Style Transfer", section 3.1; patches: Li & Wand 2016), with a
preference for what continues its neighbours' (Hertzmann et al. 2001, "Image analogies", section 3.2), so that strokes come over
whole. The loss is a content loss whose target is the paintings' features, put where they were matched to: a sum over
positions, hence had from tiles like any other.

Where regions part the picture (see `zones`), each zone is matched by itself: described less its own mean, among the cells of the
paintings that go there alone, continued by its own neighbours. A cell on a border is matched once for each zone it is in.

Departures from Kolkin et al.: features themselves are matched instead of their directions, so that contrast and colour are
the paintings' too; the cells of shallow layers keep their inner arrangement instead of being averaged; what is looked for is half
the photo and half the picture so far, at all scales alike; and there is coherence.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from atelier.engines.optimize.cells import Cells, cell_side, rim
from atelier.engines.optimize.layers import level, stride
from atelier.engines.optimize.nearest import coherent, nearest, steps
from atelier.engines.optimize.zones import Zones
from atelier.errors import SettingError
from atelier.perception.network import Network

ANCHOR = 0.5
"""Share of the photo in what is looked for; the rest is the picture as it is."""
REFRESH = 10
"""Evaluations after which the cells are matched anew."""
GRAM = 0.3
"""Weight of the statistics' style loss beside that of the match: without it, what occurs once in the painting is nowhere."""

LEAST_POWER = 0.1
"""Of what is wanted of a layer, beside the paintings' own there: a few dark positions of a small region may ask for next to nothing,
and a loss relative to that would outweigh all others."""
LEAST_WEIGHT = 1e-6
"""Of a painting where its region is next to nothing, beside 1 for the one that has most say there; and of what must not be taken."""
WHOLE = 1 - 1e-4
"""What is painted this much is all painted, but for rounding."""
Look = Callable[[Tensor, Sequence[str]], dict[str, Tensor]]


@dataclass(frozen=True, eq=False)
class Source:
    """A painting that is matched to: picture (1, 3, H, W), RGB in [0, 1]; weight, which divides its distances; the region it goes to;
    layers: those whose features are taken from it; part: (H, W) in [0, 1], what of it is taken; None for all."""

    picture: Tensor
    weight: float
    region: int
    layers: frozenset[str]
    part: Tensor | None = None


@dataclass(frozen=True, eq=False)
class Search:
    """The cells of a zone and all that they may be matched to: where these cells are among all (n,), the photo there (n, D), keys (K, D)
    and their numbers (K,), what is beside them (4, K), which of E kinds each is of (K,), and what each kind's weight is on each cell,
    (E, n), 1 for the largest; None where all have the same. usual: ½ |R F|² of the paintings at a position of each layer."""

    cells: Tensor
    photo: Tensor
    keys: Tensor
    numbers: Tensor
    beside: Tensor
    kinds: Tensor
    weights: Tensor | None
    usual: Mapping[str, Tensor]


class Matching:
    """The paintings' features where the picture has its like; to be asked how far the picture is from having them.

    layers: style layers with weights, by which cells are described. content (1, 3, H, W); sources: paintings of any sizes. A
    painting's weight divides its distances: with weight 2 it is taken where it is not twice as far, with 0 nowhere. Where regions
    go over into each other, how much of its region is there counts in the same way. parts: the tiles of a picture of a height
    and a width; features_of: all of a picture's features at some layers, both as the objective has them. zones: where the sources'
    regions are; None for one region everywhere. Raises SettingError for pictures too large, a painting under a cell, and where no
    weight is above 0.
    """

    def __init__(
        self,
        network: Network,
        layers: Mapping[str, float],
        pooling: str,
        content: Tensor,
        sources: Sequence[Source],
        parts: Callable[[int, int], Sequence[Any]],
        features_of: Look,
        zones: Zones | None = None,
    ) -> None:
        self.network, self.layers, self.parts, self.zones = network, layers, parts, zones
        sources = [source for source in sources if source.weight > 0]
        if not sources:
            raise SettingError("match", "`match` semantic needs a painting whose weight is above 0")
        pictures = [content, *(source.picture for source in sources)]
        areas = [picture.shape[2] * picture.shape[3] for picture in pictures]
        self.cell = cell_side([areas[0], sum(areas[1:])])
        self.cells = Cells(network, layers, pooling, parts, self.cell)
        self.size = (content.shape[2], content.shape[3])
        self.rows, self.columns = self.cells.grid(*self.size)
        self.evaluations = 0
        # Layers that the same paintings give are matched alike: coarse and fine strokes of different ones are two matches.
        givers = {name: tuple(at for at, source in enumerate(sources) if name in source.layers) for name in layers}
        groups = sorted({group for group in givers.values() if group})
        self.group = {name: groups.index(group) for name, group in givers.items() if group}
        kinds = 1 if zones is None else len(zones.say)
        self.found = torch.full((len(groups), kinds, self.rows, self.columns), -1, device=content.device)
        self.factors: dict[str, Tensor] = {}
        self.held: dict[str, Tensor] = {}
        with torch.no_grad():
            self.learn(content, sources, groups, features_of)

    # Learning

    def learn(self, content: Tensor, sources: Sequence[Source], groups: Sequence[tuple[int, ...]], features_of: Look) -> None:
        """Keys and what stands behind them, and who is matched to which of them."""
        taken = [self.cells_of(source) for source in sources]
        rims = [rim(there)[there] for there in taken]
        rims = [own & (2 * own.sum() <= own.numel()) for own in rims]  # a thin part has little else
        keys = []
        banks: dict[str, list[Tensor]] = {name: [] for name in self.group}
        behind: dict[str, list[Tensor]] = {name: [] for name in self.group}
        usual: dict[str, dict[int, Tensor]] = {name: {} for name in self.group}
        for at, (source, there) in enumerate(zip(sources, taken, strict=True)):
            rows, columns = there.nonzero().T
            width = self.cells.grid(*source.picture.shape[2:])[1]
            keys.append(self.cells.directions(self.cells.described(source.picture), rows * width + columns))
            features = features_of(source.picture, tuple(name for name in self.group if name in source.layers))
            for name in self.group:
                if name not in features:
                    behind[name].append(rows.new_zeros(len(rows)))  # which nobody asks for
                    continue
                first = sum(len(bank) for bank in banks[name])
                bank, inside = self.bank(features.pop(name), there, stride(name))
                banks[name].append(bank)
                behind[name].append(first + inside)
                usual[name][at] = self.squares(banks[name][-1].T[None, :, :, None], name).mean()
        self.banks = {name: torch.cat(bank) for name, bank in banks.items()}
        self.behind = {name: torch.cat(starts) for name, starts in behind.items()}
        self.under = self.shining(content, features_of)
        starts = [sum(len(key) for key in keys[:at]) for at in range(len(keys))]
        photo = self.cells.described(content)
        self.searches: dict[tuple[int, int], Search] = {}
        for zone, cells in self.cells_in(content.device).items():
            queries = self.cells.directions(photo, cells)
            for at, group in enumerate(groups):
                own = [each for each in group if self.says(zone, sources[each].region)]
                if own:
                    self.searches[at, zone] = Search(
                        cells,
                        queries,
                        torch.cat([keys[each] for each in own]) if len(own) > 1 else keys[own[0]],
                        torch.cat([starts[each] + torch.arange(len(keys[each]), device=cells.device) for each in own]),
                        steps([taken[each] for each in own]),
                        torch.cat([2 * kind + rims[each].long() for kind, each in enumerate(own)]),
                        self.weighed(zone, cells, [sources[each] for each in own], [rims[each] for each in own]),
                        {name: torch.stack([usual[name][each] for each in own]).mean() for name in self.group if self.group[name] == at},
                    )

    def bank(self, f: Tensor, there: Tensor, k: int) -> tuple[Tensor, Tensor]:
        """Features (1, C, h, w) of stride k that keys bring, (N, C), and where among them those of each cell begin, (K,)."""
        rows, columns = there.nonzero().T
        if k <= self.cell:
            q, (height, width) = self.cell // k, there.shape
            cells = f[0, :, : height * q, : width * q].reshape(-1, height, q, width, q).permute(1, 3, 2, 4, 0)
            # A cell's positions one after the other.
            return cells[there].flatten(0, 2), torch.arange(len(rows), device=f.device) * q * q
        ys, xs = ((at * self.cell // k).clamp_max(n - 1) for at, n in zip((rows, columns), f.shape[2:], strict=True))
        return f[0].flatten(1).T.contiguous(), ys * f.shape[3] + xs

    def shining(self, content: Tensor, features_of: Look) -> dict[str, tuple[Tensor, Tensor]]:
        """Where the photo shines through, the positions (m,) of each layer, counted through row by row, and its features there (m, C)."""
        found: dict[str, tuple[Tensor, Tensor]] = {}
        if self.zones is None:
            return found
        if bool((self.zones.masks[0].sum(0) > WHOLE).all()):
            return found
        for name, f in features_of(content, tuple(self.group)).items():
            painted = self.zones.masks[level(name)].sum(0).flatten()
            where = ((painted > 0) & (painted < WHOLE)).nonzero()[:, 0]
            found[name] = where, f[0].flatten(1)[:, where].T.contiguous()
        return found

    def cells_of(self, source: Source) -> Tensor:
        """The cells of a painting that are keys, (rows, columns) bool: whole ones only, so that of one 30 px high 28 are learned from; of a
        part those that are all its own and, should it have none, those that are its own most of all."""
        height, width = source.picture.shape[2] // self.cell, source.picture.shape[3] // self.cell
        if not height * width:
            raise SettingError(
                "style_size",
                f"a painting is {source.picture.shape[3]}x{source.picture.shape[2]} px here, less than the {self.cell} that "
                "`match` semantic goes by: give a larger `style_size`",
            )
        if source.part is None:
            return torch.ones(height, width, dtype=torch.bool, device=source.picture.device)
        share = F.avg_pool2d(source.part[None, None], self.cell)[0, 0]
        return share >= min(float(share.max()), 1 - 1e-4)

    def cells_in(self, device: torch.device) -> dict[int, Tensor]:
        """The cells (n,) of each zone in which anything is painted, counted through row by row."""
        if self.zones is None:
            return {0: torch.arange(self.rows * self.columns, device=device)}
        painted = self.zones.say.any(1).nonzero()[:, 0].tolist()
        found = {zone: (self.covered(self.within(zone)).flatten() > 0).nonzero()[:, 0] for zone in painted}
        return {zone: cells for zone, cells in found.items() if len(cells)}

    def within(self, zone: int) -> Tensor:
        """1 on the zone's pixels and 0 elsewhere, (1, H, W)."""
        assert self.zones is not None
        return (self.zones.labels[0] == zone).to(self.zones.masks[0])[None]

    def covered(self, planes: Tensor) -> Tensor:
        """(n, H, W) to (n, rows, columns), averaged over cells."""
        return F.avg_pool2d(planes[None], self.cell, ceil_mode=True)[0]

    def says(self, zone: int, region: int) -> bool:
        return self.zones is None or bool(self.zones.say[zone, region])

    def weighed(self, zone: int, cells: Tensor, sources: Sequence[Source], rims: Sequence[Tensor]) -> Tensor | None:
        """What the weight of each painting's inner keys and of those on its rim is on each cell of a zone, (2 E, n), the largest being
        1; None where that is all there is."""
        weights = torch.tensor([source.weight for source in sources], device=cells.device)[:, None].expand(-1, len(cells))
        if self.zones is not None and len({source.region for source in sources}) > 1:
            within = self.within(zone)
            masks = self.zones.masks[0][[source.region for source in sources]]
            weights = weights * (self.covered(masks * within) / self.covered(within).clamp_min(1e-6)).flatten(1)[:, cells]
        weights = (weights / weights.amax(0).clamp_min(1e-30)).repeat_interleave(2, 0)
        if self.zones is not None and any(bool(own.any()) for own in rims):
            inner = torch.zeros(self.rows * self.columns, dtype=torch.bool, device=cells.device)
            inner[cells] = True
            inner &= ~rim(inner.view(self.rows, self.columns)).flatten()
            weights[1::2, inner[cells]] = 0
        weights = weights.clamp_min(LEAST_WEIGHT)
        return None if bool((weights == 1).all()) else weights

    # Matching

    def look(self, pixels: Tensor) -> None:
        """Match the cells, if it is time; to be called before each evaluation. pixels (1, 3, H, W)."""
        if self.evaluations % REFRESH == 0:
            with torch.no_grad():
                self.match(pixels)
        self.evaluations += 1

    def match(self, pixels: Tensor) -> None:
        described = self.cells.described(pixels)
        out = torch.full_like(self.found, -1)
        for (group, zone), search in self.searches.items():
            wanted = F.normalize(ANCHOR * search.photo + (1 - ANCHOR) * self.cells.directions(described, search.cells), dim=1)
            found = torch.full_like(out[group, zone], -1)
            found.view(-1)[search.cells] = nearest(wanted, search.keys, search.weights, search.kinds)
            found = coherent(found, wanted, search.keys, search.beside, search.weights, search.kinds)
            out[group, zone] = torch.where(found < 0, -1, search.numbers[found.clamp_min(0)])
        self.put(out)

    def put(self, found: Tensor) -> None:
        """Take a match (groups, zones, rows, columns) as it is: the numbers of keys, -1 where there are none."""
        self.found = found
        self.held = {}
        parts = self.parts(*self.size)
        powers: dict[str, Tensor] = {}
        counts: dict[str, Tensor] = {}
        for tile in parts:
            for name in self.group:
                target = self.target(name, tile)
                squares = self.squares(target, name)
                for sums, plane in ((powers, squares), (counts, torch.ones_like(squares))):
                    own = self.added(plane, name, tile)
                    sums[name] = sums[name] + own if name in sums else own
                if len(parts) == 1:  # of a picture in tiles they are put together for each tile
                    self.held[name] = target
        # Each zone by its area, and in it each layer that has targets there relative to what is wanted of it.
        usual = {name: power.new_tensor(self.usual(name)) for name, power in powers.items()}
        weights = {name: self.layers[name] * ((usual[name] > 0) & (counts[name] > 0)) for name in powers}
        total = torch.stack(list(weights.values())).sum(0).clamp_min(1e-12)
        for name, power in powers.items():
            wanted = torch.maximum(power, LEAST_POWER * usual[name] * counts[name]).clamp_min(1e-12)
            self.factors[name] = (self.areas(power) * weights[name] / total / wanted).float()

    def usual(self, name: str) -> list[float]:
        """½ |R F|² at a position of the paintings that each zone has a layer's targets from, 0 where it has none."""
        searches = [self.searches.get((self.group[name], zone)) for zone in range(self.found.shape[1])]
        return [max(float(search.usual[name]), 1e-12) if search else 0.0 for search in searches]

    def areas(self, like: Tensor) -> Tensor:
        """How much of the picture each zone is, as much of it as is painted, (zones,)."""
        if self.zones is None:
            return torch.ones_like(like)
        labels = self.zones.labels[0]
        return torch.bincount(labels.flatten(), self.zones.masks[0].sum(0).double().flatten(), len(like)) / labels.numel()

    def squares(self, difference: Tensor, name: str) -> Tensor:
        """½ |R d|² at each position: (1, C, h, w) -> (h, w)."""
        if (metric := self.network.metric.get(name)) is not None:
            difference = F.conv2d(difference.float(), metric[:, :, None, None])
        return 0.5 * difference.float().square().sum(1)[0]

    def added(self, squares: Tensor, name: str, tile: Any) -> Tensor:
        """Sums over each zone's positions, as much as they are painted: (h, w) -> (zones,)."""
        if self.zones is None:
            return squares.sum()[None]
        part = tile.grid(level(name))
        weights = squares.double() * self.zones.masks[level(name)][:, *part].sum(0)
        return torch.bincount(self.zones.labels[level(name)][part].flatten(), weights.flatten(), self.found.shape[1])

    def target(self, name: str, tile: Any) -> Tensor:
        """The features that a tile's own part is to have at a layer, (1, C, h, w): the paintings' and, as far as it shines through, the
        photo's. Of the paintings' alone what shines through would be outshouted, and a feather glow."""
        if name in self.held:
            return self.held[name]
        target = self.arranged(name, tile)
        if self.zones is None or name not in self.under:
            return target
        part, (where, photo) = tile.grid(level(name)), self.under[name]
        columns = self.zones.labels[level(name)].shape[1]
        painted = self.zones.masks[level(name)][:, *part].sum(0)
        ys, xs = ((painted > 0) & (painted < WHOLE)).nonzero().T
        own = photo[torch.searchsorted(where, (ys + part[0].start) * columns + xs + part[1].start)]
        target[0, :, ys, xs] = torch.lerp(own.float(), target[0, :, ys, xs].T.float(), painted[ys, xs][:, None]).T.to(target.dtype)
        return target

    def arranged(self, name: str, tile: Any) -> Tensor:
        """The paintings' features, put where they were matched to."""
        k, device = stride(name), self.found.device
        ys, xs = (torch.arange(part.start, part.stop, device=device) for part in tile.grid(level(name)))
        zone = 0 if self.zones is None else self.zones.labels[level(name)][ys[0] : ys[-1] + 1, xs[0] : xs[-1] + 1]
        found, bank, behind = self.found[self.group[name]], self.banks[name], self.behind[name]
        if k <= self.cell:
            q = self.cell // k
            at = behind[found[zone, (ys // q)[:, None], xs // q].clamp_min(0)] + (ys % q)[:, None] * q + xs % q
            return bank.index_select(0, at.flatten()).view(1, len(ys), len(xs), -1).permute(0, 3, 1, 2)
        q = k // self.cell
        inner = torch.arange(q, device=device)
        rows, columns = ((at[:, None] * q + inner).flatten() for at in (ys, xs))
        if isinstance(zone, Tensor):
            zone = zone.repeat_interleave(q, 0).repeat_interleave(q, 1)
        numbers = found[zone, rows[:, None], columns]
        f = bank.index_select(0, behind[numbers.clamp_min(0)].flatten()).view(1, len(rows), len(columns), -1).permute(0, 3, 1, 2)
        # Of several cells that one position of the layer covers, the mean: the nearest to all of them. Those of other zones do not count.
        if self.zones is None:
            return F.avg_pool2d(f, q)
        there = (numbers >= 0).to(f.dtype)[None, None]
        return F.avg_pool2d(f * there, q) / F.avg_pool2d(there, q).clamp_min(1.0 / (2 * q * q))

    def error(self, seen: Mapping[str, Tensor], tile: Any) -> Tensor:
        """A tile's share of the loss: mean over layers, by weight, of |F - T|² / |T|² in the metric of the network; of zones the mean by
        their areas."""
        total = torch.zeros((), device=self.found.device)
        for name in self.group:
            squares = self.squares(tile.inner(seen[name], name).float() - self.target(name, tile).float(), name)
            factor = self.factors[name]
            if self.zones is None:
                total = total + squares.sum() * factor[0]
            else:
                part = tile.grid(level(name))
                painted = self.zones.masks[level(name)][:, *part].sum(0)
                total = total + (squares * (painted * factor[self.zones.labels[level(name)][part]])).sum()
        return total

    # Going on

    def state(self) -> dict[str, Any]:
        """What `restore` needs to go on exactly."""
        return {"evaluations": self.evaluations, "found": self.found.clone()}

    def restore(self, state: Mapping[str, Any]) -> None:
        self.evaluations = state["evaluations"]
        if self.evaluations:
            with torch.no_grad():
                self.put(state["found"].to(self.found.device))
