"""What is wanted of the content: the photo's own features."""

from __future__ import annotations

from functools import cached_property

import torch
from torch import Tensor

from atelier.engines.optimize.tiles import Tile, tiles
from atelier.losses import content_loss
from atelier.perception.network import Network


class Content:
    """The content loss of a picture.

    layers: content layers with weights. photo: (1, 3, H, W); relative: the error of a picture that shows nothing counts as 1. side: of the
    tiles that it is looked at in, px; 0 for whole.
    """

    def __init__(self, network: Network, layers: dict[str, float], photo: Tensor | None, pooling: str, relative: bool, side: int) -> None:
        self.network, self.layers, self.relative = network, layers, relative
        with torch.no_grad():
            self.targets = look(network, photo, tuple(layers), pooling, side) if photo is not None else {}

    def error(self, seen: dict[str, Tensor], tile: Tile) -> Tensor:
        """A tile's share of the loss."""
        total = torch.zeros((), device=self.network.mean.device)
        for name in self.layers:
            target, metric = self.targets[name], self.network.metric.get(name)
            total = total + self.factors[name] * content_loss(tile.inner(seen[name], name), tile.part(target, name), metric)
        return total

    @cached_property
    def factors(self) -> dict[str, float]:
        """What each layer's error counts."""
        if not self.relative:
            return self.layers
        total = sum(self.layers.values())
        return {name: weight / total / max(self.power(name), 1e-12) for name, weight in self.layers.items()}

    @torch.no_grad()
    def power(self, name: str) -> float:
        """½ Σ P², the error of a picture that shows nothing."""
        metric = self.network.metric.get(name)
        return sum(float(content_loss(row, torch.zeros_like(row), metric)) for row in self.targets[name].split(64, 2))


def look(network: Network, picture: Tensor, layers: tuple[str, ...], pooling: str, side: int) -> dict[str, Tensor]:
    """A whole picture's features, (1, 3, H, W) to (1, C, h, w) each, looked at in tiles of this side where it is large."""
    if not layers:
        return {}
    parts = tiles(picture.shape[2], picture.shape[3], side)
    if len(parts) == 1:
        return network.see(picture, layers, pooling)
    out: dict[str, Tensor] = {}
    for tile in parts:
        for name, f in network.see(picture[:, :, *tile.window], layers, pooling).items():
            k = int(name[4]) - 1
            if name not in out:
                out[name] = f.new_empty(1, f.shape[1], picture.shape[2] >> k, picture.shape[3] >> k)
            tile.part(out[name], name).copy_(tile.inner(f, name))
    return out
