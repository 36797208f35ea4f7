"""Which place of the paintings each place of the picture is painted after: `match` is `semantic`.

The picture and the paintings are cut into cells, a few pixels a side, and every cell is described by what all style layers see
there. Each cell of the picture takes the cell of the paintings that is most like it (nearest neighbours of hypercolumns under
the cosine distance: Kolkin et al. 2022, "Neural Neighbor Style Transfer", section 3.1; patches: Li & Wand 2016), with a
preference for what continues its neighbours' (Hertzmann et al. 2001, "Image analogies", section 3.2), so that strokes come over
whole. The loss is a content loss whose target is the paintings' features, put where they were matched to: a sum over
positions, hence had from tiles like any other.

Departures from Kolkin et al.: features themselves are matched instead of their directions, so that contrast and colour are
the paintings' too; the cells of shallow layers keep their inner arrangement instead of being averaged; what is looked for is half
the photo and half the picture so far, at all scales alike; and there is coherence.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from atelier.errors import SettingError
from atelier.losses import content_loss
from atelier.perception.network import Network

CELL, LARGEST_CELL = 4, 16
"""Side of a cell, px: the smallest with which neither the picture nor the paintings have more than CELLS. Tiles begin on cells."""
CELLS = 20_000
MOST_CELLS = 65_536
"""Cells that a picture, or the paintings together, may have at the most, 16.8 megapixels: the time to compare them all grows with
the product of their numbers."""
BLOCK = 2**24
"""Similarities that are held at once: 64 MiB."""
ANCHOR = 0.5
"""Share of the photo in what is looked for; the rest is the picture as it is."""
REFRESH = 10
"""Evaluations after which the cells are matched anew."""
COHERENCE = 0.1
"""Cosine distance that a cell puts up with for each neighbour that it then continues."""
ROUNDS = 12
"""Times that all cells look at what their neighbours have."""
GRAM = 0.3
"""Weight of the statistics' style loss beside that of the match: without it, what occurs once in the painting is nowhere."""

AROUND = ((-1, 0), (1, 0), (0, -1), (0, 1))
"""Neighbours of a cell as (rows, columns); each one's opposite is at index ^ 1."""


Look = Callable[[Tensor, Sequence[str]], dict[str, Tensor]]


def nearest(queries: Tensor, keys: Tensor, weights: Tensor | None = None, block: int = BLOCK) -> Tensor:
    """For each query the index of the key with the least (1 - cosine) / weight: (Q, D), (K, D), (K,) or None -> (Q,).

    Rows of queries and keys are of length one, or zero. block: similarities that are held at once. Of keys that are equally
    near, the first. The products are float32: these are compared, not summed, and bfloat16 cannot tell near ones apart.
    """
    found = torch.empty(len(queries), dtype=torch.long, device=queries.device)
    rows = max(1, block // len(keys))
    for start in range(0, len(queries), rows):
        alike = queries[start : start + rows] @ keys.T
        if weights is not None:
            alike = alike.sub_(1.0).div_(weights)
        found[start : start + rows] = alike.argmax(1)
    return found


def steps(grids: Sequence[tuple[int, int]]) -> Tensor:
    """Where one comes to from each key: grids of (rows, columns), their keys counted through row by row -> (4, K) long.

    Entry [d, k] is the key beside k in direction AROUND[d], and -1 where the painting ends.
    """
    parts, first = [], 0
    for rows, columns in grids:
        own = torch.arange(first, first + rows * columns).view(1, 1, rows, columns)
        framed = F.pad(own, (1, 1, 1, 1), value=-1)[0, 0]
        parts.append(torch.stack([framed[1 + dy : 1 + dy + rows, 1 + dx : 1 + dx + columns].flatten() for dy, dx in AROUND]))
        first += rows * columns
    return torch.cat(parts, 1)


def coherent(
    found: Tensor, queries: Tensor, keys: Tensor, beside: Tensor, weights: Tensor | None = None,
    pull: float = COHERENCE, rounds: int = ROUNDS,
) -> Tensor:  # fmt: skip
    """A match that likes to go on as its neighbours do: found (H, W) -> (H, W).

    Lowers Σ over cells of distance - pull · (neighbours that are continued), where a cell may keep what it has or take
    what continues one of its four neighbours. Black and white cells of a chessboard take turns, `rounds` times (iterated conditional
    modes, Besag 1986): the sum never rises. queries (H · W, D), keys (K, D), beside from `steps`.
    """
    height, width = found.shape
    found = found.clone()
    colour = (torch.arange(height)[:, None] + torch.arange(width)) % 2
    turns = [(colour == side).flatten().nonzero()[:, 0].to(found.device) for side in (0, 1)]
    for _ in range(rounds):
        for cells in turns:
            framed = F.pad(found[None, None], (1, 1, 1, 1), value=-1)[0, 0]
            options = [found.flatten()[cells]]
            for d, (dy, dx) in enumerate(AROUND):
                theirs = framed[1 + dy : 1 + dy + height, 1 + dx : 1 + dx + width].flatten()[cells]
                options.append(torch.where(theirs < 0, -1, beside[d ^ 1][theirs.clamp_min(0)]))
            asked = queries[cells]
            costs = []
            for option in options:
                distance = 1.0 - (asked * keys[option.clamp_min(0)]).sum(1)
                if weights is not None:
                    distance = distance / weights[option.clamp_min(0)]
                continued = sum((option == other).float() for other in options[1:])
                costs.append((distance - pull * continued).masked_fill(option < 0, math.inf))
            best = torch.stack(costs).argmin(0, keepdim=True)
            found.view(-1)[cells] = torch.stack(options).gather(0, best)[0]
    return found


def cell_side(areas: Sequence[int]) -> int:
    """Side of the cells for pictures of these areas, px. Raises SettingError where there would be too many cells."""
    side = CELL
    while side < LARGEST_CELL and max(areas) > CELLS * side * side:
        side *= 2
    if max(areas) > MOST_CELLS * side * side:
        limit = math.isqrt(MOST_CELLS) * LARGEST_CELL
        raise SettingError(
            f"--match semantic compares all of the picture with all of the paintings, at most {limit}x{limit} px: give a smaller --size"
        )
    return side


class Matching:
    """The paintings' features where the picture has its like; to be asked how far the picture is from having them.

    layers: style layers with weights. content (1, 3, H, W); styles: pictures with weights, of any sizes, RGB in [0, 1]. A
    painting's weight divides its distances: with weight 2 it is taken where it is not twice as far, with 0 nowhere. parts: the
    tiles of a picture of a height and a width; features_of: all of a picture's features at some layers, both as the objective has
    them. Raises SettingError for pictures too large, a painting under a cell, and where no weight is above 0.
    """

    def __init__(
        self,
        network: Network,
        layers: Mapping[str, float],
        pooling: str,
        content: Tensor,
        styles: Sequence[tuple[Tensor, float]],
        parts: Callable[[int, int], Sequence[Any]],
        features_of: Look,
    ) -> None:
        self.network, self.layers, self.pooling, self.parts = network, layers, pooling, parts
        styles = [(picture, weight) for picture, weight in styles if weight > 0]
        if not styles:
            raise SettingError("--match semantic needs a painting whose weight is above 0")
        pictures = [content, *(picture for picture, _ in styles)]
        areas = [picture.shape[2] * picture.shape[3] for picture in pictures]
        self.cell = cell_side([areas[0], sum(areas[1:])])
        self.size = (content.shape[2], content.shape[3])
        self.rows, self.columns = self.grid(*self.size)
        self.evaluations = 0
        self.found = torch.zeros(self.rows, self.columns, dtype=torch.long, device=content.device)
        self.powers: dict[str, Tensor] = {}
        self.held: dict[str, Tensor] = {}
        with torch.no_grad():
            self.photo = self.described(content)
            self.learn(styles, features_of)

    def grid(self, height: int, width: int) -> tuple[int, int]:
        return -(-height // self.cell), -(-width // self.cell)

    # Describing

    def described(self, picture: Tensor) -> Tensor:
        """A picture's cells as directions, (cells, D): each layer in its metric, less its mean over the picture, all layers with the
        power of their weight (Kolkin et al. 2022 centre both pictures on their own means, so that light and tint do not matter)."""
        height, width = picture.shape[2:]
        rows, columns = self.grid(height, width)
        maps: dict[str, Tensor] = {}
        for tile in self.parts(height, width):
            ys, xs = tile.y0 // self.cell, tile.x0 // self.cell
            size = self.grid(tile.y1 - tile.y0, tile.x1 - tile.x0)
            for name, seen in self.network.see(picture[:, :, *tile.window], self.layers, self.pooling).items():
                f = tile.inner(seen, name).float()
                if (metric := self.network.metric.get(name)) is not None:
                    f = F.conv2d(f, metric[:, :, None, None])
                if name not in maps:
                    maps[name] = f.new_empty(1, f.shape[1], rows, columns)
                maps[name][:, :, ys : ys + size[0], xs : xs + size[1]] = self.celled(f, stride(name), size)
        joined = []
        for name, f in maps.items():
            f = f - f.mean((2, 3), keepdim=True)
            power = f.square().sum(1).mean().sqrt().clamp_min(1e-3)  # a blank picture is like nothing
            joined.append(f * (math.sqrt(self.layers[name]) / power))
        return F.normalize(torch.cat(joined, 1)[0].flatten(1).T, dim=1)

    def celled(self, features: Tensor, k: int, size: tuple[int, int]) -> Tensor:
        """Features of stride k, one a cell: averaged within it, or repeated; the last ones also for what pooling left over."""
        if k < self.cell:
            features = F.avg_pool2d(features, self.cell // k, ceil_mode=True)
        elif k > self.cell:
            features = features.repeat_interleave(k // self.cell, 2).repeat_interleave(k // self.cell, 3)
        features = features[:, :, : size[0], : size[1]]
        return F.pad(features, (0, size[1] - features.shape[3], 0, size[0] - features.shape[2]), mode="replicate")

    def learn(self, styles: Sequence[tuple[Tensor, float]], features_of: Look) -> None:
        """Keys and what stands behind them, of whole cells only: of a painting 30 px high, 28 are learned from."""
        grids, keys, weights = [], [], []
        banks: dict[str, list[Tensor]] = {name: [] for name in self.layers}
        behind: dict[str, list[Tensor]] = {name: [] for name in self.layers if stride(name) > self.cell}
        for picture, weight in styles:
            height, width = picture.shape[2] // self.cell, picture.shape[3] // self.cell
            if not height * width:
                raise SettingError(
                    f"a painting is {picture.shape[3]}x{picture.shape[2]} px here, less than the {self.cell} that --match semantic "
                    "goes by: give a larger --style-size"
                )
            grids.append((height, width))
            whole = self.described(picture).view(*self.grid(*picture.shape[2:]), -1)
            keys.append(whole[:height, :width].flatten(0, 1))
            weights.append(keys[-1].new_full((height * width,), weight))
            for name, f in features_of(picture, tuple(self.layers)).items():
                k = stride(name)
                if k <= self.cell:
                    f = F.pixel_unshuffle(f[:, :, : height * self.cell // k, : width * self.cell // k], self.cell // k)
                else:
                    ys, xs = (
                        (torch.arange(n) * self.cell // k).clamp_max(m - 1) for n, m in zip((height, width), f.shape[2:], strict=True)
                    )
                    first = sum(len(bank) for bank in banks[name])
                    behind[name].append((first + ys[:, None] * f.shape[3] + xs).flatten())
                banks[name].append(f[0].flatten(1).T.contiguous())
        self.keys, self.weights = torch.cat(keys), torch.cat(weights)
        self.even = len({weight for _, weight in styles}) == 1
        self.beside = steps(grids).to(self.keys.device)
        self.banks = {name: torch.cat(bank) for name, bank in banks.items()}
        self.behind = {name: torch.cat(places).to(self.keys.device) for name, places in behind.items()}

    # Matching

    def look(self, pixels: Tensor) -> None:
        """Match the cells, if it is time; to be called before each evaluation. pixels (1, 3, H, W)."""
        if self.evaluations % REFRESH == 0:
            with torch.no_grad():
                self.match(pixels)
        self.evaluations += 1

    def match(self, pixels: Tensor) -> None:
        wanted = F.normalize(ANCHOR * self.photo + (1 - ANCHOR) * self.described(pixels), dim=1)
        weights = None if self.even else self.weights
        found = nearest(wanted, self.keys, weights).view(self.rows, self.columns)
        self.put(coherent(found, wanted, self.keys, self.beside, weights))

    def put(self, found: Tensor) -> None:
        """Take a match (rows, columns) as it is."""
        self.found = found
        self.powers, self.held = {}, {}
        parts = self.parts(*self.size)
        for tile in parts:
            for name in self.layers:
                target = self.target(name, tile)
                power = content_loss(target, torch.zeros_like(target), self.network.metric.get(name))
                self.powers[name] = self.powers[name] + power if name in self.powers else power
                if len(parts) == 1:  # of a picture in tiles they are put together for each tile
                    self.held[name] = target

    def target(self, name: str, tile: Any) -> Tensor:
        """The features that a tile's own part is to have at a layer, (1, C, h, w)."""
        if name in self.held:
            return self.held[name]
        k = stride(name)
        rows, columns = self.grid(tile.y1 - tile.y0, tile.x1 - tile.x0)
        ys, xs = tile.y0 // self.cell, tile.x0 // self.cell
        places = self.found[ys : ys + rows, xs : xs + columns]
        height, width = (
            (whole // k if end == whole else end // k) - start // k
            for start, end, whole in ((tile.y0, tile.y1, tile.height), (tile.x0, tile.x1, tile.width))
        )
        if k <= self.cell:
            f = self.banks[name][places.flatten()].view(1, rows, columns, -1).permute(0, 3, 1, 2)
            return F.pixel_shuffle(f, self.cell // k)[:, :, :height, :width]
        f = self.banks[name][self.behind[name][places.flatten()]].view(1, rows, columns, -1).permute(0, 3, 1, 2)
        # Of several cells that one position of the layer covers, the mean: the nearest to all of them.
        return F.avg_pool2d(f, k // self.cell)[:, :, :height, :width]

    def error(self, seen: Mapping[str, Tensor], tile: Any) -> Tensor:
        """A tile's share of the loss: mean over layers, by weight, of |F - T|² / |T|² in the metric of the network."""
        total = torch.zeros((), device=self.found.device)
        for name, weight in self.layers.items():
            error = content_loss(tile.inner(seen[name], name), self.target(name, tile), self.network.metric.get(name))
            total = total + weight * error / self.powers[name].clamp_min(1e-12)
        return total / sum(self.layers.values())

    # Going on

    def state(self) -> dict[str, Any]:
        """What `restore` needs to go on exactly."""
        return {"evaluations": self.evaluations, "found": self.found.clone()}

    def restore(self, state: Mapping[str, Any]) -> None:
        self.evaluations = state["evaluations"]
        if self.evaluations:
            with torch.no_grad():
                self.put(state["found"].to(self.keys.device))


def stride(layer: str) -> int:
    """Pixels from one position of a layer to the next."""
    return int(2 ** (int(layer[4]) - 1))
