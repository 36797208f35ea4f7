"""The convolutional networks that see: VGG-19 up to conv5_1, and `pocket`, its small student of the same plan.

Layers go by the field's names, `conv{block}_{i}` for the i-th convolution of a block *after* its ReLU (what Gatys et al.
2016 and everyone since calls "the activations of conv4_2"); Keras' `block4_conv2` is understood as well.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from atelier.errors import SettingError
from atelier.perception.bands import Shrunk, Sum, block
from atelier.perception.convolution import conv3x3
from atelier.perception.weights import load as load_weights

CONVS = (
    "conv1_1", "conv1_2", "conv2_1", "conv2_2", "conv3_1", "conv3_2", "conv3_3", "conv3_4",
    "conv4_1", "conv4_2", "conv4_3", "conv4_4", "conv5_1",
)  # fmt: skip
"""Every layer there is, in order. A 2x2 pooling stands between blocks."""

STYLE_LAYERS = ("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1")
TEACHER_CHANNELS = dict(zip(CONVS, (64, 64, 128, 128, 256, 256, 256, 256, 512, 512, 512, 512, 512), strict=True))
MEAN = (123.68, 116.779, 103.939)
"""Channel means (R, G, B) of ImageNet in 0..255, subtracted from the input (Simonyan & Zisserman 2014)."""

LARGE, POOLED = 2**22, 2**21
"""Numbers of a layer from which on memory is saved for a little time: of the first block, by bands; of any, at its pooling."""

HALVED = 2**19
"""Numbers of a layer's weight from which on it stays in 16 bits, where a file has it so, however it is computed."""

BY_BYTES = ("max", "average")
"""The poolings whose gradient needs no more than a byte of each result."""

Weights = Mapping[str, tuple[Tensor, Tensor]]

NOTHING: Mapping[str, Sum] = MappingProxyType({})


def layer_name(name: str) -> str:
    """The canonical name of a layer: `conv4_2` for `conv4_2`, `block4_conv2`, `relu4_2`, whatever the case.

    Raises SettingError for a layer these networks do not have.
    """
    text = name.strip().lower()
    match = re.fullmatch(r"(?:conv|relu)(\d)_(\d)|block(\d)_conv(\d)", text)
    canonical = f"conv{match[1] or match[3]}_{match[2] or match[4]}" if match else ""
    if canonical in CONVS:
        return canonical
    beyond = canonical in ("conv5_2", "conv5_3", "conv5_4")
    deeper = " (of VGG-19's layers, what atelier ships and pulls ends with conv5_1)" if beyond else ""
    raise SettingError("layers", f"no layer {name!r}{deeper}: the layers are {', '.join(CONVS)} (or Keras' block1_conv1 and so on)")


def pool(x: Tensor, kind: str) -> Tensor:
    """2x2 pooling with stride 2. x (B, C, H, W) with H, W >= 2 -> (B, C, H//2, W//2).

    `max` is what VGG was trained with; `average` is what Gatys et al. 2016 prefer for painting. `l2` is the
    root of the sum of squares. Average and L2 are rescaled (x2 and x0.78, found by style-transfer-pytorch) so that deeper
    layers see activations of the size that max pooling gives them.
    """
    if kind == "max":
        return F.max_pool2d(x, 2)
    if kind == "average":
        return F.avg_pool2d(x, 2) * 2.0
    if kind == "l2":
        return (F.avg_pool2d(x.square(), 2) * 4.0).clamp_min(1e-8).sqrt() * 0.78
    raise SettingError("pooling", "choose max, average or l2", kind)


def normalize(x: Tensor) -> Tensor:
    """RGB in [0, 1], (B, 3, H, W), to what the networks take: 0..255 minus the ImageNet mean."""
    return x * 255.0 - torch.tensor(MEAN, dtype=x.dtype, device=x.device).view(1, 3, 1, 1)


def activations(
    weights: Weights, x: Tensor, layers: Iterable[str], pooling: str = "max", border: int = 0, sums: Mapping[str, Sum] = NOTHING
) -> dict[str, Tensor]:
    """Run the plan over normalised input up to the deepest layer asked for, zero-padded by 1 before each convolution.

    x (B, 3, H + 2 border, W + 2 border), border 0 or 1: the pixels that conv1_1 sees beyond the picture are part of x
    already. The result holds (B, C, H/2^(b-1), W/2^(b-1)) for each layer of block b, in x's type; and for
    a layer that is asked for and has one of `sums`, that sum of it in place of its features. Its gradient is then made when that of
    the layers beyond is there, not before: at the beginning, when all features are still held, those of all sums together would be
    what memory has to be there for.
    """
    wanted = set(layers)
    seen: dict[str, Tensor] = {}
    plan = list(zip(CONVS, (*CONVS[1:], ""), strict=True))
    if in_bands(weights, x, wanted, pooling, border, sums):
        x, total = block(x, weights["conv1_1"], weights["conv1_2"], sums["conv1_1"] if "conv1_1" in wanted else None, pooling)
        if total is not None:
            seen["conv1_1"] = total
        plan = plan[2:]
    done = True
    for name, following in plan:
        if not done:
            x = pool(x, pooling)
        weight, bias = weights[name]
        x = conv3x3(x, weight, bias, padding=1 if name != CONVS[0] else 1 - border)
        last = following[:5] != name[:5]  # of its block
        done = not last
        if last and pooling in BY_BYTES and name not in wanted and x.requires_grad and x.numel() >= POOLED:
            x, done = Shrunk.apply(x, pooling), True
        else:
            x = F.relu_(x)
        if name in wanted:
            seen[name] = sums[name](x) if name in sums else x
            if len(seen) == len(wanted):
                break
    return seen


def in_bands(weights: Weights, x: Tensor, wanted: set[str], pooling: str, border: int, sums: Mapping[str, Sum]) -> bool:
    """Whether the first block's features are large and nobody wants them, but for a sum. A graphics processor would wait for the small
    work that bands are; without the border in x the bands at the picture's edge would have to make one."""
    if any(each.requires_grad for name in CONVS[:2] for each in weights[name]):
        return False
    deeper = max(wanted, default="") > "conv1_2" and "conv1_2" not in wanted and ("conv1_1" not in wanted or "conv1_1" in sums)
    large = x.numel() // x.shape[1] * len(weights["conv1_2"][1]) >= LARGE
    return deeper and large and pooling in BY_BYTES and border == 1 and x.device.type == "cpu"


@dataclass(frozen=True)
class Network:
    """A perceptual network, ready to look.

    weights: convolutions by layer, in the type and on the device that computing is done in, but for kernels that may have fewer bits.
    mean: (3,), RGB in 0..255, subtracted from the input. metric: for a distilled network, layer -> R (k, k) such that distances
    between R f are the teacher's distances; a layer that is absent is its own measure. channels: how many channels a layer has in
    the space its losses are stated in (the teacher's, for a student), the N of Gatys' normalisation.
    """

    name: str
    weights: Weights
    mean: Tensor
    metric: Mapping[str, Tensor]
    channels: Mapping[str, int]

    @classmethod
    def load(cls, name: str, device: str = "cpu", dtype: torch.dtype | None = None) -> Network:
        """By name (`pocket`, `vgg19`) or the path of a safetensors file. dtype: that of convolutions; default `fastest`.

        Raises WeightsError where the weights are not to be had.
        """
        dtype = dtype or fastest(device)
        loaded = load_weights(name)

        def kept(layer: str, weight: NDArray[Any]) -> Tensor:
            # On a processor `conv3x3` makes float32 of a large one each time, of a file that has 16 bits: half the memory. What goes by
            # bands has its own way, and is small.
            large = weight.size >= HALVED and layer not in CONVS[:2]
            half = weight.dtype == np.float16 and large and dtype == torch.float32 and device == "cpu"
            return torch.from_numpy(weight).to(device, torch.float16 if half else dtype).contiguous(memory_format=torch.channels_last)

        convs = {layer: (kept(layer, weight), torch.from_numpy(bias).to(device, dtype)) for layer, (weight, bias) in loaded.layers.items()}
        metric = {layer: torch.from_numpy(r).to(device, torch.float32) for layer, r in loaded.metrics.items()}
        channels = {layer: TEACHER_CHANNELS[layer] if metric else len(bias) for layer, (_, bias) in convs.items()}
        mean = torch.tensor(loaded.mean, dtype=torch.float32, device=device).view(1, 3, 1, 1)
        return cls(name, convs, mean, metric, channels)

    @property
    def dtype(self) -> torch.dtype:
        """What is computed in."""
        return self.weights[CONVS[0]][1].dtype

    def see(self, pixels: Tensor, layers: Iterable[str], pooling: str = "max", sums: Mapping[str, Sum] = NOTHING) -> dict[str, Tensor]:
        """pixels (B, 3, H, W), RGB in [0, 1] -> layer -> (B, C, H/2^(b-1), W/2^(b-1)), in this network's type.

        sums: of layers of which a sum is all that is wanted, what is given in place of their features (see `activations`).
        Raises SettingError for a picture too small for the deepest layer.
        """
        layers = tuple(layers)
        if not layers:
            return {}
        if min(pixels.shape[2:]) < (need := 2 ** (int(max(layers)[4]) - 1)):
            raise SettingError(
                "size", f"{max(layers)} needs a picture of at least {need} px a side, not {pixels.shape[3]}x{pixels.shape[2]}"
            )
        # The border pixels are repeated once for conv1_1 (as in style-transfer-pytorch): to its zero padding the picture
        # would end in a hard edge against grey, and the optimiser paints a frame along it.
        x = F.pad((pixels * 255.0 - self.mean).to(self.dtype), (1, 1, 1, 1), mode="replicate")
        return activations(self.weights, x.contiguous(memory_format=torch.channels_last), layers, pooling, border=1, sums=sums)


def fastest(device: str) -> torch.dtype:
    """bfloat16 where the hardware multiplies it faster than float32 (AVX512-BF16 or AMX, NVIDIA from Ampere), else float32."""
    if device.startswith("cuda"):
        return torch.bfloat16 if torch.cuda.get_device_capability(device)[0] >= 8 else torch.float32
    if device == "cpu" and not capped():
        checks = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")  # not public yet, hence the care
        if any(getattr(torch.cpu, check, bool)() for check in checks):
            return torch.bfloat16
    return torch.float32


def capped() -> bool:
    """Whether oneDNN, which makes the convolutions, is told to do without the processor's bfloat16 instructions: it would be ten times
    slower with it than with float32. (https://uxlfoundation.github.io/oneDNN/dev_guide_cpu_dispatcher_control.html)"""
    given = (os.environ.get("ONEDNN_MAX_CPU_ISA") or os.environ.get("DNNL_MAX_CPU_ISA") or "DEFAULT").upper()
    return not any(word in given for word in ("ALL", "DEFAULT", "BF16", "FP16", "AMX", "AVX10"))
