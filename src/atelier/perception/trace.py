"""A look through a network with its gradient written out: fewer and larger operations than automatic differentiation makes of it.

For pictures of a size whose features may all be held; larger ones go by bands (see `bands`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from atelier.perception.convolution import conv3x3, slope3x3
from atelier.perception.network import CONVS, LARGE, Network, pool

KINDS = ("max", "average")
"""The poolings whose gradient is written here."""

Slope = Callable[[str, Tensor, Tensor | None], Tensor | None]
"""A layer, its features (1, C, h, w), and the gradient that comes from beyond it, if any -> that and the layer's own."""


def fits(network: Network, pixels: Tensor, pooling: str) -> bool:
    """Whether a picture (1, 3, H, W) is looked at this way."""
    widest = len(network.weights["conv1_2"][1])
    return pooling in KINDS and pixels.shape[2] * pixels.shape[3] * widest < LARGE


class Trace:
    """What a network sees of a picture, kept for the way back.

    pixels: (1, 3, H, W), RGB in [0, 1]; the border as in `Network.see`. wanted: layers, to the deepest of which is looked.
    features: layer -> (1, C, h, w), of the wanted ones, channels last in memory.
    """

    def __init__(self, network: Network, pixels: Tensor, wanted: set[str], pooling: str) -> None:
        self.network, self.pooling = network, pooling
        self.names = CONVS[: max(CONVS.index(name) for name in wanted) + 1]
        self.inputs: dict[str, Tensor] = {}
        self.outputs: dict[str, Tensor] = {}  # after the ReLU; of a layer that is pooled first, before
        self.pooled: dict[str, tuple[Tensor, Tensor | None]] = {}  # what is gone on with, and where a maximum is from
        with torch.no_grad():
            x = F.pad((pixels.detach() * 255.0 - network.mean).to(network.dtype), (1, 1, 1, 1), mode="replicate")
            x = x.contiguous(memory_format=torch.channels_last)
            for name, following in zip(self.names, (*self.names[1:], ""), strict=True):
                self.inputs[name] = x
                x = self.step(name, x, pools=following[:5] not in ("", name[:5]), bare=name not in wanted)
        self.features: Mapping[str, Tensor] = {name: self.outputs[name] for name in wanted}

    def step(self, name: str, x: Tensor, pools: bool, bare: bool) -> Tensor:
        """One convolution with its ReLU, and the pooling after it. bare: nobody wants the layer itself."""
        weight, bias = self.network.weights[name]
        f = conv3x3(x, weight, bias, 0 if name == CONVS[0] else 1)
        if not pools:
            self.outputs[name] = F.relu_(f)
            return f
        if self.pooling == "max":
            # The largest of what is rectified is the largest, rectified: a quarter of the work.
            self.outputs[name] = f if bare else F.relu_(f)
            small, indices = F.max_pool2d(f, 2, return_indices=True)
            self.pooled[name] = F.relu_(small) if bare else small, indices
        else:
            self.outputs[name] = F.relu_(f)
            self.pooled[name] = pool(f, self.pooling), None
        return self.pooled[name][0]

    @torch.no_grad()
    def back(self, slope: Slope) -> Tensor:
        """The gradient by the pixels, float32 (1, 3, H, W), of what has these slopes at the layers."""
        g: Tensor | None = None
        for name in reversed(self.names):
            f = self.outputs[name]
            masked = False
            if name in self.pooled and g is not None:
                g, masked = self.unpool(name, g)
            if name in self.features:
                g, masked = slope(name, f, g), False
            if g is None:
                continue
            if not masked:
                g = torch.ops.aten.threshold_backward(g, f, 0)
            g = slope3x3(g, self.inputs[name], self.network.weights[name][0], 0 if name == CONVS[0] else 1)
        height, width = (side - 2 for side in self.inputs[CONVS[0]].shape[2:])
        if g is None:
            return self.network.mean.new_zeros(1, 3, height, width)
        return unframe(g.float()).mul_(255.0)

    def unpool(self, name: str, g: Tensor) -> tuple[Tensor, bool]:
        """The gradient before a pooling, and whether it is that before the ReLU too."""
        f, (small, indices) = self.outputs[name], self.pooled[name]
        if indices is None:
            return torch.ops.aten.avg_pool2d_backward(g, f, [2, 2], [2, 2], [0, 0], False, True, None).mul_(2.0), False
        bare = name not in self.features
        if bare:
            g = torch.ops.aten.threshold_backward(g, small, 0)
        once, none = [1, 1], [0, 0]
        return torch.ops.aten.max_pool2d_with_indices_backward(g, f, [2, 2], [2, 2], none, once, False, indices), bare


def unframe(g: Tensor) -> Tensor:
    """Gradient by a picture of that by the picture with its border repeated: (1, C, H + 2, W + 2) -> (1, C, H, W)."""
    g = g.contiguous()
    for side in (2, 3):
        last = g.shape[side] - 1
        g.narrow(side, 1, 1).add_(g.narrow(side, 0, 1))
        g.narrow(side, last - 1, 1).add_(g.narrow(side, last, 1))
        g = g.narrow(side, 1, last - 1)
    return g.contiguous()
