"""3x3 convolutions with a quarter of the multiplications, where that is faster: wide layers in float32 on a processor.

Winograd's minimal filtering F(4x4, 3x3) (Lavin & Gray 2016, "Fast Algorithms for Convolutional Neural Networks"): of each 6x6 tile of
the input, 4x4 results are made by 36 products a pair of channels in place of 144, and these are matrix products. The tiles are taken a
few rows at a time, so that what is in between stays in the processor's cache and memory hardly grows. Gradients are for the input alone:
a network that sees is not trained here.
"""

from __future__ import annotations

import threading
from functools import cache
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

POINTS = (0.0, 0.75, -0.75, 1.5, -1.5)
"""Where the polynomials are evaluated, besides infinity. With these the error in float32 is half that of the usual 0, 1, -1, 2, -2, and
about twice that of a plain convolution: 1e-6 of the result."""
NARROWEST = 64, 128
"""Fewest channels in (or out) and out (or in) of a convolution that gains."""
TILES = 96
"""Fewest tiles of a layer that gains: for fewer the transformed filters are not worth the making."""
CHUNK = 2**20
"""Numbers of a layer's transformed tiles that are held at a time, about."""
MANY = 2**21
"""Numbers of transformed filters beyond which they are made for some of the results' channels at a time, anew for the next tiles."""

_rooms = threading.local()


def conv3x3(x: Tensor, weight: Tensor, bias: Tensor, padding: int = 1) -> Tensor:
    """As F.conv2d has it; x (B, C, H, W), weight (C', C, 3, 3), bias (C') -> (B, C', H + 2 padding - 2, W + 2 padding - 2). The weight
    may be of another type, float16 to save memory.

    Whoever asks for gradients of weight or bias gets the plain one."""
    if gains(x, weight, padding) and not bias.requires_grad:
        return _Filtered.apply(x, weight, bias, padding)
    return F.conv2d(x, weight.to(x.dtype), bias, padding=padding)


def slope3x3(slope: Tensor, x: Tensor, weight: Tensor, padding: int = 1) -> Tensor:
    """Gradient with respect to x of a convolution whose result has the gradient `slope`."""
    if gains(x, weight, padding):
        return _filtered(slope, weight.transpose(0, 1), None, 2 - padding, turned=True)
    slope = slope.contiguous(memory_format=torch.channels_last)
    around, once, none = [padding] * 2, [1, 1], [0, 0]
    weight = weight.to(x.dtype)
    return torch.ops.aten.convolution_backward(slope, x, weight, None, once, around, once, False, none, 1, [True, False, False])[0]


def gains(x: Tensor, weight: Tensor, padding: int) -> bool:
    """Whether the convolution is faster by tiles."""
    few, many = sorted(weight.shape[:2])
    tiles = len(x) * (x.shape[2] + 2 * padding - 2) * (x.shape[3] + 2 * padding - 2) // 16
    plain = x.device.type == "cpu" and x.dtype is torch.float32 and weight.shape[2:] == (3, 3) and not weight.requires_grad
    plain = plain and not torch.is_autocast_enabled("cpu")
    return plain and few >= NARROWEST[0] and many >= NARROWEST[1] and tiles >= TILES


class _Filtered(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, padding: int) -> Tensor:
        ctx.save_for_backward(weight)
        ctx.padding = padding
        return _filtered(x, weight, bias, padding)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor, None, None, None]:
        (weight,) = ctx.saved_tensors
        return _filtered(slope, weight.transpose(0, 1), None, 2 - ctx.padding, turned=True), None, None, None


def _filtered(x: Tensor, weight: Tensor, bias: Tensor | None, padding: int, turned: bool = False) -> Tensor:
    """weight (C', C, 3, 3); turned: by half a turn."""
    (batch, inputs, high, wide), outputs = x.shape, len(weight)
    height, width = high + 2 * padding - 2, wide + 2 * padding - 2
    down, along = -(-height // 4), -(-width // 4)
    to_filters, to_tiles, to_results = _matrices(turned)
    share = outputs  # of the results' channels, as many as are made at once
    while 36 * inputs * share > MANY and share % 2 == 0:
        share //= 2

    def made(first: int) -> Tensor:
        room = _room("filters", 36 * inputs * share).view(36, inputs * share)
        torch.mm(to_filters, weight[first : first + share].permute(2, 3, 1, 0).reshape(9, -1).float(), out=room)
        return room.view(36, inputs, share)

    filters = made(0) if share == outputs else None
    rows = x.permute(0, 2, 3, 1)
    out = torch.empty((batch, outputs, height, width), dtype=x.dtype, memory_format=torch.channels_last)
    step = min(down, max(1, CHUNK // (36 * max(inputs, share) * batch * along)))
    most = step * batch * along * max(inputs, share)
    scratch, tiles, results = _room("scratch", 36 * most), _room("tiles", 36 * most), _room("results", 16 * most)
    for first in range(0, down, step):
        some = min(step, down - first)
        top, bottom = 4 * first - padding, 4 * (first + some) + 2 - padding
        edges = 0, 0, padding, 4 * along + 2 - wide - padding, max(0, -top), max(0, bottom - high)
        part = F.pad(rows[:, max(0, top) : bottom], edges)
        of, row, column, one = part.stride()
        windows = part.as_strided((6, 6, batch, some, along, inputs), (row, column, of, 4 * row, 4 * column, one))
        count = batch * some * along
        taken, turned_tiles = (each[: 36 * count * inputs].view(36, -1) for each in (scratch, tiles))
        taken.view(windows.shape).copy_(windows)
        torch.mm(to_tiles, taken, out=turned_tiles)
        product = scratch[: 36 * count * share].view(36, count, share)  # what was taken is not needed any more
        strip = out[:, :, 4 * first : 4 * (first + some)].permute(0, 2, 3, 1)
        for channel in range(0, outputs, share):
            torch.bmm(turned_tiles.view(36, count, inputs), made(channel) if filters is None else filters, out=product)
            result = torch.mm(to_results, product.view(36, -1), out=results[: 16 * count * share].view(16, -1))
            result = result.view(4, 4, batch, some, along, share).permute(2, 3, 0, 4, 1, 5)
            whole = result.reshape(batch, 4 * some, 4 * along, share)[:, : strip.shape[1], :width]
            channels = slice(channel, channel + share)
            strip[..., channels].copy_(whole) if bias is None else torch.add(whole, bias[channels], out=strip[..., channels])
    return out


def _room(name: str, count: int) -> Tensor:
    """So many numbers, to be overwritten at will. A thread keeps them for the next convolution: taken anew and given back each time, they
    would leave holes between what lives longer, and the process would grow by a tenth."""
    kept = _rooms.__dict__.get(name)
    if kept is None or len(kept) < count:
        with torch.inference_mode(False):  # or it could be written to in that mode alone
            kept = _rooms.__dict__[name] = torch.empty(count, dtype=torch.float32, device="cpu")
    return kept[:count]


@cache
def _matrices(turned: bool) -> tuple[Tensor, Tensor, Tensor]:
    """What makes a filter's 9 numbers 36, a tile's 36 numbers the 36 they multiply, and their products the 16 results: Toom and Cook's
    matrices for two directions at once."""
    points = np.array(POINTS)
    others = [np.delete(points, i) for i in range(5)]
    filters = np.vstack([[point ** np.arange(3) / np.prod(point - rest) for point, rest in zip(points, others, strict=True)], [0, 0, 1]])
    tiles = np.zeros((6, 6))
    for i, rest in enumerate(others):
        tiles[i, :5] = np.poly(rest)[::-1]
    tiles[5] = np.poly(points)[::-1]
    results = np.hstack([points ** np.arange(4)[:, None], [[0], [0], [0], [1]]])
    if turned:
        filters = filters[:, ::-1]
    first, second, third = (torch.from_numpy(np.kron(each, each)).float() for each in (filters, tiles, results))
    return first, second, third
