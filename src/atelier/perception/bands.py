"""The first block of a network a band of rows at a time: its layers are the largest, and whole they would be most of the memory that
painting takes.

A band's conv1_1 is made, summed up, gone on from, and forgotten; for the gradient it is made again, which is a hundredth of
VGG-19's arithmetic. What is kept of a band are the block's pooled results, and a byte for each that tells where it was pooled from
(`shrunk`, which serves the other blocks as well).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

BAND = 64
"""Rows at a time. Even, so that no window of the pooling is cut."""

Layer = tuple[Tensor, Tensor]
"""Weight and bias."""


@dataclass(frozen=True)
class Sum:
    """Of a layer's features, all that is wanted: a sum over positions. of: (B, C, h, w) -> what is summed, for any rectangle of positions.
    rows, columns: those that count, of the layer's grid, from first to last and without steps; at least one position."""

    of: Callable[[Tensor], Tensor]
    rows: slice
    columns: slice

    def __call__(self, features: Tensor) -> Tensor:
        return self.of(features[:, :, self.rows, self.columns])


def block(x: Tensor, first: Layer, second: Layer, wanted: Sum | None, kind: str = "max") -> tuple[Tensor, Tensor | None]:
    """conv1_1, conv1_2 with their ReLUs, pooling of this kind; and the sum wanted of conv1_1, if any.

    x (B, 3, H + 2, W + 2), with the pixels around the picture that conv1_1 sees; H, W >= 2. -> (B, C, H//2, W//2)."""
    out, total = _Block.apply(x, *first, *second, wanted, kind)
    return out, total if wanted else None


class _Block(torch.autograd.Function):
    """Gradients are for x alone."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, w1: Tensor, b1: Tensor, w2: Tensor, b2: Tensor, wanted: Sum | None, kind: str
    ) -> tuple[Tensor, Tensor]:
        height, width = x.shape[2] - 2, x.shape[3] - 2
        size = len(x), len(w2), height // 2, width // 2
        out = torch.empty(size, dtype=x.dtype, device=x.device, memory_format=torch.channels_last)
        picks = torch.empty_like(out, dtype=torch.uint8)
        total = x.new_zeros(())
        for top, bottom, above, below in bands(height):
            f = conv1(x, w1, b1, above, below)
            if wanted and (part := _counted(f, wanted, top, bottom, above, height)).numel():
                total = wanted.of(part) + total
            y = F.conv2d(_fenced(f, top, bottom, height), w2, b2, padding=(0, 1))
            rows = slice(top // 2, bottom // 2)
            out[:, :, rows], picks[:, :, rows] = shrunk(y, kind)
        ctx.save_for_backward(x, w1, b1, w2, picks)
        ctx.wanted, ctx.kind = wanted, kind
        return out, total

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, slope: Tensor, slope_of_sum: Tensor) -> tuple[Tensor | None, ...]:
        x, w1, b1, w2, picks = ctx.saved_tensors
        wanted: Sum | None = ctx.wanted
        height, width = x.shape[2] - 2, x.shape[3] - 2
        turned = w2.transpose(0, 1).flip(2, 3).contiguous(memory_format=torch.channels_last)
        gradient = torch.zeros_like(x)
        for top, bottom, above, below in bands(height):
            first, last = above // 2, min(-(-below // 2), picks.shape[2])
            size = len(x), len(w2), 2 * (last - first) + 2, width  # rows to spare: where the height is odd one is in no window
            g = torch.zeros(size, dtype=slope.dtype, device=x.device).contiguous(memory_format=torch.channels_last)
            spread(slope[:, :, first:last], picks[:, :, first:last], ctx.kind, g[:, :, : 2 * (last - first)])
            g = _fenced(g[:, :, above - 2 * first :][:, :, : below - above], top, bottom, height)
            g = F.conv2d(g, turned, padding=(0, 1))
            f = conv1(x, w1, b1, top, bottom)
            if wanted and (part := _counted(f, wanted, top, bottom, top, height)).numel():
                with torch.enable_grad():
                    leaf = part.detach().requires_grad_()
                    (more,) = torch.autograd.grad((wanted.of(leaf) * slope_of_sum).sum(), leaf)
                _counted(g, wanted, top, bottom, top, height).add_(more)
            g.masked_fill_(f <= 0, 0)
            gradient[:, :, top : bottom + 2] += F.conv_transpose2d(g, w1)
        return gradient, None, None, None, None, None, None


def bands(height: int) -> Iterator[tuple[int, int, int, int]]:
    """Of rows: first, one past the last, and the same with the row on either side that a 3x3 convolution sees, where there is one."""
    for top in range(0, height - 1, BAND):
        bottom = height if height - top <= BAND + 1 else top + BAND  # a single row more has no window of its own
        yield top, bottom, max(0, top - 1), min(height, bottom + 1)


def conv1(x: Tensor, weight: Tensor, bias: Tensor, top: int, bottom: int) -> Tensor:
    """Rows [top, bottom) of conv1_1."""
    return F.conv2d(x[:, :, top : bottom + 2], weight, bias).relu_()


class Shrunk(torch.autograd.Function):
    """ReLU and 2x2 pooling in one, that remembers a byte a result where the two would keep their input, and of a maximum 8-byte indices.

    Values and gradients are those of the two, to the last bit: of equals in a window the first gets a maximum's gradient.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, kind: str) -> Tensor:
        y, picks = shrunk(x, kind)
        ctx.shape, ctx.kind = x.shape, kind
        ctx.save_for_backward(picks)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor, None]:
        (picks,) = ctx.saved_tensors
        odd = ctx.shape[2] % 2 or ctx.shape[3] % 2  # the last row or column is in no window
        out = (torch.zeros if odd else torch.empty)(ctx.shape, dtype=slope.dtype, device=slope.device)
        out = out.contiguous(memory_format=torch.channels_last)
        spread(slope, picks, ctx.kind, out)
        return out, None


def shrunk(x: Tensor, kind: str) -> tuple[Tensor, Tensor]:
    """ReLU and 2x2 pooling of x (B, C, H, W), (B, C, H//2, W//2), and where it has its values from: a bit (uint8) for each corner of a
    window. kind: max or average, as `network.pool` has them."""
    a, b, c, d = corners(x)
    if kind == "average":
        picks = (a > 0).to(torch.uint8).add_(b > 0, alpha=2).add_(c > 0, alpha=4).add_(d > 0, alpha=8)
        return F.avg_pool2d(x.relu(), 2).mul_(2.0), picks
    upper, lower = torch.maximum(a, b), torch.maximum(c, d)
    picks = torch.where(lower > upper, (d > c).to(torch.uint8).add_(1).mul_(4), (b > a).to(torch.uint8).add_(1))
    y = torch.maximum(upper, lower).relu_()
    return y, picks.masked_fill_(y <= 0, 0)


def spread(slope: Tensor, picks: Tensor, kind: str, out: Tensor) -> None:
    """Into out (B, C, H, W) the gradient of what `shrunk` took, slope (B, C, H//2, W//2) being that of its result."""
    slope = slope * 0.5 if kind == "average" else slope
    for bit, corner in zip((1, 2, 4, 8), corners(out), strict=True):
        torch.mul(slope, picks.bitwise_and(bit) != 0, out=corner)


def corners(x: Tensor) -> tuple[Tensor, ...]:
    """The four values of each 2x2 window, (B, C, H//2, W//2) each."""
    height, width = (side // 2 * 2 for side in x.shape[2:])
    return tuple(x[:, :, row:height:2, column:width:2] for row in (0, 1) for column in (0, 1))


def _fenced(x: Tensor, top: int, bottom: int, height: int) -> Tensor:
    """A band with a row of zeros where the picture ends."""
    return F.pad(x, (0, 0, int(top == 0), int(bottom == height))) if top == 0 or bottom == height else x


def _counted(band: Tensor, wanted: Sum, top: int, bottom: int, first: int, height: int) -> Tensor:
    """Of a band, whose first row is `first`, what counts of rows [top, bottom)."""
    start, stop, _ = wanted.rows.indices(height)
    start, stop = max(start, top), min(stop, bottom)
    return band[:, :, start - first : max(start, stop) - first, wanted.columns]
