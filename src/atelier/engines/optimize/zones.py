"""Regions of a picture, painted side by side: one look of the network for all of them, and yet no style's gradient leaves its region.

A network's features see beyond a border, and their gradient would go back there. It is cut: every cell of every grid belongs to
one zone, and on the way back a convolution or pooling hands nothing on from a cell of one zone to a cell of another. Forwards
nothing is changed. That is the gradient of the loss in which each zone sees the others as given, for one backward pass however many
regions there are; only cells along the borders are computed by hand.

A zone is where one region counts most, so that a narrow feather is divided along its middle. Where regions go over into each other
across more than a feather, what they share is a zone of its own, in which all of them have their say.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from atelier.errors import SettingError
from atelier.perception.convolution import conv3x3, slope3x3
from atelier.perception.network import CONVS, Network, pool

BROAD = 16
"""Half the width, px, from which on an overlap of regions is a zone of its own: narrower ones are of no use to deep layers."""
THIN = 2
"""Half the width, px, up to which what is left between such zones is part of them, like the first column of a gradient."""


@dataclass(frozen=True, eq=False)
class Seam:
    """The cells of a grid that have a neighbour in another zone: their indices (n,), those of the 3 x 3 cells around them that a
    convolution hands on to (n, 9), and which of these are of the same zone (n, 9, 1)."""

    cells: Tensor
    around: Tensor
    same: Tensor


@dataclass(frozen=True, eq=False)
class Cells:
    """The cells of a grid on which a region counts: index (n,); the first `whole` of them are all its own, of the others weight
    (m, 1) says how much, and say (m, 1) the same where the region has a say, and 0 elsewhere. met: whether an earlier region counts on
    some of them as well."""

    index: Tensor
    whole: int
    weight: Tensor
    say: Tensor
    met: bool


class Zones:
    """Regions (R, H, W) in [0, 1], how much of each is where, and their zones, on all grids of a network.

    masks: for each level, 0 for the pixels' own grid, the regions (R, H >> level, W >> level), averaged over cells.
    labels: for each level the zone of each cell. say: (zones, R), whether a region has a say in a zone.
    """

    def __init__(self, regions: Tensor, levels: int = 5) -> None:
        self.masks = [
            regions if level == 0 else F.avg_pool2d(regions[None], 2**level)[0] for level in range(levels) if _holds(regions, level)
        ]
        finest, self.say = _split(regions)
        self.labels = [finest if level == 0 else _coarser(finest, len(self.say), level) for level in range(len(self.masks))]
        self.known: dict[tuple[Any, ...], Any] = {}

    def see(
        self, network: Network, pixels: Tensor, layers: Iterable[str], pooling: str, window: tuple[slice, slice] | None = None
    ) -> dict[str, Tensor]:
        """What `Network.see` does, with the gradient cut along the zones' borders. window: the part of the picture that pixels
        are, on multiples of 16."""
        wanted = set(layers)
        if not wanted:
            return {}
        if int(max(wanted)[4]) > len(self.labels):
            raise SettingError("size", f"{max(wanted)} needs a picture of at least {2 ** (int(max(wanted)[4]) - 1)} px a side")
        x = F.pad((pixels * 255.0 - network.mean).to(network.dtype), (1, 1, 1, 1), mode="replicate")
        x = x.contiguous(memory_format=torch.channels_last)
        seen: dict[str, Tensor] = {}
        level = 0
        for name in CONVS:
            if int(name[4]) - 1 > level:
                shut = self.crossings(level, window)
                x = pool(x if shut is None else _Gate.apply(x, shut), pooling)
                level += 1
            weight, bias = network.weights[name]
            first = name == CONVS[0]
            x = F.relu_(_Within.apply(x, weight, bias, 0 if first else 1, self.seam(level, window, ring=first)))
            if name in wanted:
                seen[name] = x
                if len(seen) == len(wanted):
                    break
        return seen

    @property
    def parts(self) -> list[Tensor]:
        """The pixels (n,) of each zone in which anything is painted, counted through row by row."""
        found = [(self.labels[0].flatten() == zone).nonzero()[:, 0] for zone, say in enumerate(self.say) if say.any()]
        return [part for part in found if len(part)]

    def grid(self, level: int, window: tuple[slice, slice] | None) -> Tensor:
        """The zones of the cells that a window's features have."""
        labels = self.labels[level]
        if window is None:
            return labels
        return labels[tuple(slice(part.start >> level, (part.start >> level) + ((part.stop - part.start) >> level)) for part in window)]

    def seam(self, level: int, window: tuple[slice, slice] | None, ring: bool) -> Seam | None:
        """Of the convolutions of a level. ring: for the first one, whose input is a pixel larger all around."""
        key = ("seam", level, _key(window), ring)
        if key not in self.known:
            labels = self.grid(level, window)
            inputs = F.pad(labels[None].float(), (1, 1, 1, 1), mode="replicate")[0].long() if ring else labels
            self.known[key] = _seam(inputs, labels)
        found: Seam | None = self.known[key]
        return found

    def crossings(self, level: int, window: tuple[slice, slice] | None) -> Tensor | None:
        """The cells of a level (n,) that are of another zone than the cell they are pooled into; None where there are none."""
        key = ("crossings", level, _key(window))
        if key not in self.known:
            fine, coarse = self.grid(level, window), self.grid(level + 1, window)
            height, width = (2 * side for side in coarse.shape)
            above = coarse.repeat_interleave(2, 0).repeat_interleave(2, 1)
            crossing = torch.zeros_like(fine, dtype=torch.bool)
            crossing[:height, :width] = fine[:height, :width] != above
            index = crossing.flatten().nonzero()[:, 0]
            self.known[key] = index if len(index) else None
        found: Tensor | None = self.known[key]
        return found

    def cells(self, level: int, part: tuple[slice, slice]) -> list[Cells]:
        """Of each region, on a part of a level's grid."""
        key = ("cells", level, _key(part))
        if key not in self.known:
            self.known[key] = _counted(self.masks[level][:, *part], self.say[self.labels[level][part]])
        found: list[Cells] = self.known[key]
        return found

    def bounded(self, features: Tensor, level: int, part: tuple[slice, slice], region: int) -> Tensor:
        """Features (1, C, h, w) of a part of a level's grid, as they are, whose gradient comes only to cells where a region has a say."""
        return torch.where(self.say[self.labels[level][part]][..., region], features, features.detach())

    def chosen(self, features: Tensor, level: int, region: int) -> Tensor:
        """Of a whole level's features (1, C, h, w), those where a region counts most, (1, C, n, 1)."""
        masks = self.masks[level]
        most = masks.argmax(0) == region
        return features[:, :, most & (masks[region] > 0) & self.say[self.labels[level]][..., region]][..., None]


def _key(window: tuple[slice, slice] | None) -> tuple[int, ...] | None:
    return None if window is None else tuple(side for part in window for side in (part.start, part.stop))


def _holds(regions: Tensor, level: int) -> bool:
    return min(regions.shape[1:]) >= 2**level


def _split(regions: Tensor) -> tuple[Tensor, Tensor]:
    """Zones (H, W) as numbers, and who has a say in them (zones, R): the regions in their order, none, then those that are shared."""
    count = len(regions)
    there = regions > 0
    labels = torch.where(there.any(0), regions.argmax(0), count)
    say = torch.eye(count, dtype=torch.bool, device=regions.device)
    say = torch.cat([say, torch.zeros_like(say[:1])])
    broad = _widened(_narrowed(there.sum(0) > 1, BROAD), BROAD)
    if not broad.any():
        return labels, say
    single = _widened(_narrowed(~broad, THIN), THIN) & ~broad
    thin = ~broad & ~single & there.any(0)
    # What is absorbed counts with all that its neighbours share.
    shared = torch.where(thin, torch.stack([_widened(plane, 2 * THIN) for plane in there]), there)[:, broad | thin]  # (R, n)
    sets, which = torch.unique(shared, dim=1, return_inverse=True)
    labels[broad | thin] = count + 1 + which
    return labels, torch.cat([say, sets.T])


def _widened(mask: Tensor, by: int) -> Tensor:
    across = F.max_pool2d(mask[None, None].float(), (1, 2 * by + 1), 1, (0, by))  # one axis after the other: a square's work is its area
    return F.max_pool2d(across, (2 * by + 1, 1), 1, (by, 0))[0, 0] > 0


def _narrowed(mask: Tensor, by: int) -> Tensor:
    return ~_widened(~mask, by)


def _coarser(labels: Tensor, zones: int, level: int) -> Tensor:
    """The zone that has most of each cell."""
    most, out = None, None
    for zone in range(zones):
        share = F.avg_pool2d((labels == zone)[None, None].float(), 2**level)[0, 0]
        if most is None or out is None:
            most, out = share, torch.zeros_like(share, dtype=torch.long)
            continue
        out = torch.where(share > most, zone, out)
        most = torch.maximum(most, share)
    assert out is not None
    return out


def _seam(inputs: Tensor, outputs: Tensor) -> Seam | None:
    """inputs, outputs: zones of a convolution's input and output, of which the former may be larger, by as much on all sides."""
    height, width = inputs.shape
    by = (height - outputs.shape[0]) // 2
    padded = F.pad(outputs, (1 + by, 1 + by, 1 + by, 1 + by), value=-1)
    # By its weight at (y, x) of 3 x 3 an input enters the output 1 - y below and 1 - x to the right of it.
    ways = [(1 - y, 1 - x) for y in range(3) for x in range(3)]
    near = torch.stack([padded[1 + y : 1 + y + height, 1 + x : 1 + x + width] for y, x in ways])  # (9, H, W)
    cells = ((near != inputs) & (near >= 0)).any(0).flatten().nonzero()[:, 0]
    if not len(cells):
        return None
    same = (near == inputs).flatten(1)[:, cells].T
    steps = torch.tensor(ways, device=cells.device)
    rows, columns = (cells // width - by)[:, None] + steps[:, 0], (cells % width - by)[:, None] + steps[:, 1]
    return Seam(cells, torch.where(same, rows * outputs.shape[1] + columns, 0), same[:, :, None])


def _counted(masks: Tensor, say: Tensor) -> list[Cells]:
    """masks (R, h, w), say (h, w, R)."""
    found: list[Cells] = []
    taken = torch.zeros_like(masks[0], dtype=torch.bool).flatten()
    for mask, allowed in zip(masks.flatten(1), say.flatten(0, 1).T, strict=True):
        whole, there = (mask == 1) & allowed, mask > 0
        own, rest = whole.nonzero()[:, 0], (there & ~whole).nonzero()[:, 0]
        weight = mask[rest][:, None]
        found.append(Cells(torch.cat([own, rest]), len(own), weight, weight * allowed[rest][:, None], bool((taken & there).any())))
        taken |= there
    return found


# What is differentiated -----------------------------------------------------------------------------------------------


class _Within(torch.autograd.Function):
    """A 3 x 3 convolution whose gradient stays in its zone."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, padding: int, seam: Seam | None) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.padding, ctx.seam = padding, seam
        return conv3x3(x, weight, bias, padding)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor, None, None, None, None]:
        x, weight = ctx.saved_tensors
        pad, seam = ctx.padding, ctx.seam
        slope = slope.contiguous(memory_format=torch.channels_last)
        out = slope3x3(slope, x, weight, pad)
        if seam is None:
            return out, None, None, None, None
        out = out.contiguous(memory_format=torch.channels_last)
        ways = weight.to(slope.dtype).permute(2, 3, 0, 1).reshape(-1, weight.shape[1])  # (9 C', C)
        into = _rows(slope)
        for cells, around, same in zip(seam.cells.split(SOME), seam.around.split(SOME), seam.same.split(SOME), strict=True):
            given = into.index_select(0, around.flatten()).view(len(cells), 9, -1) * same
            _rows(out).index_copy_(0, cells, given.flatten(1) @ ways)
        return out, None, None, None, None


HELD = 2**24
"""Numbers of a layer up to which its cells, put in the order of regions, are held for the way back; of larger ones it is done again."""
SOME = 2**14
"""Cells of a seam at once: nine times their channels are held."""


def _rows(x: Tensor) -> Tensor:
    """(1, C, H, W), channels last in memory, as (H W, C), the same memory."""
    return x.permute(0, 2, 3, 1).view(-1, x.shape[1])


class _Gate(torch.autograd.Function):
    """Nothing, but for a gradient that does not come to some cells."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, shut: Tensor) -> Tensor:
        ctx.shut = shut
        return x.as_strided(x.shape, x.stride())  # `view_as` forgets that it is channels last

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor, None]:
        # It comes fresh from a pooling and goes nowhere else, so it may be written to.
        slope = slope.contiguous(memory_format=torch.channels_last)
        _rows(slope).index_fill_(0, ctx.shut, 0)
        return slope, None


class _Guided(torch.autograd.Function):
    """Σ m (F - s)(F - s)ᵀ of each region, and Σ m F if asked for, whose gradient comes only to cells where the region has a say."""

    @staticmethod
    def forward(ctx: Any, features: Tensor, cells: Sequence[Cells], shift: float, first: bool) -> tuple[Tensor, Tensor | None]:
        ctx.cells, ctx.shift = cells, shift
        ctx.set_materialize_grads(False)
        features = features.contiguous(memory_format=torch.channels_last)
        ctx.save_for_backward(features)
        ctx.rows = []
        squares, sums = [], []
        for own in cells:
            rows = _rows(features).index_select(0, own.index)
            if features.numel() <= HELD and features.requires_grad:
                ctx.rows.append(rows)
            partial, weight = rows[own.whole :], own.weight.to(rows.dtype)
            if first:
                sums.append(rows[: own.whole].float().sum(0) + (partial.float() * own.weight).sum(0))
            if shift:
                rows, partial = rows - shift, partial - shift
            all_own = rows[: own.whole]
            squares.append((all_own.T @ all_own).float() + (partial.T @ (partial * weight)).float())
        return torch.stack(squares), torch.stack(sums) if first else None

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, squares: Tensor | None, sums: Tensor | None) -> tuple[Tensor, None, None, None]:
        (features,) = ctx.saved_tensors
        out = torch.zeros_like(features, memory_format=torch.channels_last)
        into = _rows(out)
        for at, own in enumerate(ctx.cells):
            rows = ctx.rows[at] if ctx.rows else _rows(features).index_select(0, own.index)
            if squares is not None:
                slope = (rows - ctx.shift if ctx.shift else rows) @ (squares[at] + squares[at].T).to(rows.dtype)
            else:
                slope = torch.zeros_like(rows)
            if sums is not None:
                slope += sums[at].to(rows.dtype)
            slope[own.whole :] *= own.say.to(rows.dtype)
            if own.met:
                slope += into.index_select(0, own.index)
            into.index_copy_(0, own.index, slope)
        return out, None, None, None


def guided(features: Tensor, cells: Sequence[Cells], shift: float = 0.0, first: bool = True) -> tuple[Tensor, Tensor | None]:
    """Sums over each region's cells, weighted by how much it counts there: Σ m (F - shift)(F - shift)ᵀ, (R, C, C), and, if first is
    wanted too, Σ m F, (R, C).

    features (1, C, h, w). Divided by Σ m they are the guided statistics of Gatys et al. 2017 ("Controlling perceptual factors", spatial
    control), whatever the size of a region. (The paper normalises the squares of its guidance to a sum of 1; ours are linear, so
    that half of a cell counts half.)
    """
    squares, sums = _Guided.apply(features, cells, shift, first)
    return squares, sums
