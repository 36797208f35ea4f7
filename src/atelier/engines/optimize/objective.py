"""What the canvas is painted towards: content, style and smoothness, seen through a perceptual network.

The style terms depend on the picture only through sums over positions. A picture too large to be seen at once is
therefore seen in tiles, twice: the first pass adds up the sums, the loss is differentiated with respect to them, and the
second pass takes that derivative back to the pixels tile by tile. The result is the untiled one, since a tile's margin covers
half the deepest receptive field and tiles begin on whole cells of the coarsest grid.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor

from atelier.engines.optimize.content import Content, look
from atelier.engines.optimize.grams import Grams, styled_plainly
from atelier.engines.optimize.layers import gives, named
from atelier.engines.optimize.matching import GRAM, Matching, Source
from atelier.engines.optimize.style import Exemplar, Style, Sums
from atelier.engines.optimize.tiles import Tile, tiles
from atelier.engines.optimize.zones import Zones
from atelier.errors import SettingError
from atelier.losses import total_variation
from atelier.perception.bands import Sum
from atelier.perception.network import CONVS, Network
from atelier.perception.trace import fits
from atelier.request import Settings


class Objective:
    """A number to make small, and the direction in which it falls: `objective(pixels) -> (gradient, losses)`.

    content (1, 3, H, W) or None; exemplars: pictures of any sizes; all RGB in [0, 1] on the network's device.
    regions: (R, H, W) in [0, 1], how much of each region is where, adding up to at most 1; None for one everywhere. A region's
    style loss is over its own positions (see `zones.guided`) and counts by its area, so that a pixel is drawn to it as strongly
    as if it were everywhere; what of a loss would move pixels outside its region is left out of the gradient.
    share: of the full size that this one is, which tells coarse strokes from fine ones. seen: (H, W), 1 where the picture counts and 0
    where it does not, without regions; None for everywhere.
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
        seen: Tensor | None = None,
    ) -> None:
        plain = regions is None and content is not None and styled_plainly(settings) and fits(network, content, settings.pooling)
        if seen is not None and not plain:
            regions, seen = seen[None] if regions is None else regions, None  # one region, and nothing beside it
        self.network, self.settings, self.tile = network, settings, tile
        self.zones = None if regions is None else Zones(regions)
        self.painted = None if regions is None else (regions > 0).any(0)
        self.areas = [1.0] if regions is None else regions.double().mean((1, 2)).tolist()
        kept = named(settings.content_layers, "content_layers") if content is not None and settings.content_weight else {}
        self.content = Content(network, kept, content, settings.pooling, settings.normalize == "relative", tile)
        styled = exemplars and (settings.style_weight or settings.histogram_weight)
        layers = named(settings.style_layers, "style_layers") if styled else {}
        self.style = Style(network, settings, layers, exemplars, tile, self.zones, self.areas, share)
        self.layers = sorted({*self.content.layers, *self.style.layers}, key=CONVS.index)
        self.style_weight = settings.style_weight
        self.matching: Matching | None = None
        if settings.match == "semantic" and self.style.layers and content is not None:
            self.matching = self.match(content, exemplars, layers, share)
            self.style_weight *= GRAM
        self.grams: Grams | None = None
        if Grams.serves(self.style, self.content) and not self.matching:
            weights = self.style_weight, settings.content_weight
            self.grams = Grams(network, self.style, self.content, weights, settings.pooling, seen)

    def match(self, content: Tensor, exemplars: Sequence[Exemplar], layers: dict[str, float], share: float) -> Matching:
        """What of the paintings goes where in the picture."""
        sources = [
            Source(each.picture, each.weight, each.region, frozenset(n for n in layers if gives(each.strokes, n, share)), each.part)
            for each in exemplars
        ]
        pooling = self.settings.pooling

        def features_of(picture: Tensor, wanted: Sequence[str]) -> dict[str, Tensor]:
            return look(self.network, picture, tuple(wanted), pooling, self.tile)

        return Matching(self.network, layers, pooling, content, sources, partial(tiles, side=self.tile), features_of, self.zones)

    def __call__(self, pixels: Tensor) -> tuple[Tensor, dict[str, float]]:
        """pixels (1, 3, H, W) -> gradient of the total with respect to them, and the losses."""
        pixels = pixels.detach()
        parts = tiles(pixels.shape[2], pixels.shape[3], self.tile)
        if self.style.histogram and len(parts) > 1:
            raise SettingError("histogram_weight", "`histogram_weight` needs the whole picture at once: raise `tile` or lower `size`")
        if self.matching:
            self.matching.look(pixels)
        if self.grams and len(parts) == 1 and self.grams.fits(pixels):
            gradient, losses = self.grams(pixels)
        else:
            gradient, losses = self.whole(pixels, parts[0]) if len(parts) == 1 else self.in_tiles(pixels, parts)
        if self.settings.tv_weight:
            losses["tv"] = self.smooth(pixels, gradient)
            losses["total"] += self.settings.tv_weight * losses["tv"]
        return gradient if self.painted is None else gradient.mul_(self.painted), losses

    def smooth(self, pixels: Tensor, gradient: Tensor) -> float:
        """The total variation, whose weighted gradient is added to the gradient."""
        x = pixels.clone().requires_grad_()
        # In units of 0..255 like the features, so that weights mean what they mean elsewhere.
        unit = 255.0**2 if self.settings.tv_form == "squared" else 255.0
        unit = 1.0 if self.settings.normalize == "relative" else unit * x.shape[2] * x.shape[3]
        tv = total_variation(x, self.settings.tv_form) * unit
        (slope,) = torch.autograd.grad(tv, x)
        gradient.add_(slope, alpha=self.settings.tv_weight)
        return float(tv.detach())

    def see(self, pixels: Tensor, tile: Tile) -> dict[str, Tensor]:
        """What of the tile's window, pixels, the losses look at."""
        if self.zones is None:
            return self.network.see(pixels, self.layers, self.settings.pooling, self.summed(tile))
        return self.zones.see(self.network, pixels, self.layers, self.settings.pooling, tile.window)

    def summed(self, tile: Tile) -> dict[str, Sum]:
        """Of layers of which nothing is wanted but a sum, that sum."""
        if self.matching or self.zones is not None:
            return {}
        return {name: each for name, each in self.style.summed(tile).items() if name not in self.content.layers}

    def whole(self, pixels: Tensor, tile: Tile) -> tuple[Tensor, dict[str, float]]:
        """Gradient and losses of a picture that is looked at at once."""
        x = pixels.clone().requires_grad_()
        seen = self.see(x, tile)
        losses = {}
        total = x.new_zeros(())
        if self.style.layers:
            sums = self.style.sums(seen, tile, self.zones, self.summed(tile))
            losses["style"] = self.style.error(sums, self.style.positions(pixels, self.zones))
            total = total + self.style_weight * losses["style"]
        if self.matching:
            losses["match"] = self.matching.error(seen, tile)
            total = total + self.settings.style_weight * losses["match"]
        if self.style.histogram:
            losses["histogram"] = self.style.histogram_error(seen)
            total = total + self.settings.histogram_weight * losses["histogram"]
        if self.content.layers:
            losses["content"] = self.content.error(seen, tile)
            total = total + self.settings.content_weight * losses["content"]
        gradient = torch.autograd.grad(total, x)[0] if total.requires_grad else torch.zeros_like(x)
        losses["total"] = total
        return gradient, {k: float(v.detach()) for k, v in losses.items()}

    def in_tiles(self, pixels: Tensor, parts: Sequence[Tile]) -> tuple[Tensor, dict[str, float]]:
        """The same of one that is looked at in tiles."""
        losses: dict[str, float] = {}
        slopes: Sums = {}
        if self.style.layers:
            losses["style"], slopes = self.style_slopes(pixels, parts)
        gradient = torch.zeros_like(pixels)
        for tile in parts:
            x = pixels[:, :, *tile.window].clone().requires_grad_()
            total, own = self.of_tile(x, tile, slopes)
            for name, loss in own.items():
                losses[name] = losses.get(name, 0.0) + loss
            if total.requires_grad:
                (slope,) = torch.autograd.grad(total, x)
                gradient[:, :, *tile.window] += slope
        weights = {"style": self.style_weight, "match": self.settings.style_weight, "content": self.settings.content_weight}
        losses["total"] = sum(losses[k] * weights[k] for k in losses)
        return gradient, losses

    def style_slopes(self, pixels: Tensor, parts: Sequence[Tile]) -> tuple[float, Sums]:
        """The style loss of a picture in tiles, and its gradient by the sums it depends on."""
        with torch.no_grad():
            added = self.style.add_up(pixels, parts, self.zones)
        leaves = {k: v.requires_grad_() for k, v in added.items()}
        style = self.style.error(leaves, self.style.positions(pixels, self.zones))
        found = torch.autograd.grad(style, list(leaves.values()), materialize_grads=True)
        return float(style.detach()), dict(zip(leaves, found, strict=True))

    def of_tile(self, x: Tensor, tile: Tile, slopes: Sums) -> tuple[Tensor, dict[str, float]]:
        """What of a tile's window x is to be differentiated, and the losses that are its own."""
        seen, losses = self.see(x, tile), {}
        total = x.new_zeros(())
        if self.style.layers:
            sums = self.style.sums(seen, tile, self.zones, self.summed(tile))
            total = total + self.style_weight * sum((sums[k] * slopes[k]).sum() for k in sums)
        if self.matching:
            match = self.matching.error(seen, tile)
            losses["match"] = float(match.detach())
            total = total + self.settings.style_weight * match
        if self.content.layers:
            content = self.content.error(seen, tile)
            losses["content"] = float(content.detach())
            total = total + self.settings.content_weight * content
        return total, losses
