"""The convolutional networks that see: VGG-19 up to conv5_1, and `pocket`, its small student of the same plan.

Layers go by the field's names, `conv{block}_{i}` for the i-th convolution of a block *after* its ReLU (what Gatys et al.
2016 and everyone since calls "the activations of conv4_2"); Keras' `block4_conv2` is understood as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from atelier.errors import SettingError

CONVS = (
    "conv1_1", "conv1_2", "conv2_1", "conv2_2", "conv3_1", "conv3_2", "conv3_3", "conv3_4",
    "conv4_1", "conv4_2", "conv4_3", "conv4_4", "conv5_1",
)  # fmt: skip
"""Every layer there is, in order. A 2x2 pooling stands between blocks."""

STYLE_LAYERS = ("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1")
MEAN = (123.68, 116.779, 103.939)
"""Channel means (R, G, B) of ImageNet in 0..255, subtracted from the input (Simonyan & Zisserman 2014)."""

Weights = Mapping[str, tuple[Tensor, Tensor]]


def layer_name(name: str) -> str:
    """The canonical name of a layer: `conv4_2` for `conv4_2`, `block4_conv2`, `relu4_2`, whatever the case.

    Raises SettingError for a layer these networks do not have.
    """
    text = name.strip().lower()
    match = re.fullmatch(r"(?:conv|relu)(\d)_(\d)|block(\d)_conv(\d)", text)
    if match:
        block, index = (match[1], match[2]) if match[1] else (match[3], match[4])
        if (canonical := f"conv{block}_{index}") in CONVS:
            return canonical
    raise SettingError(f"no layer {name!r}: the layers are {', '.join(CONVS)} (or Keras' block1_conv1 and so on)")


def pool(x: Tensor, kind: str) -> Tensor:
    """2x2 pooling with stride 2. x (B, C, H, W) with H, W >= 2 -> (B, C, H//2, W//2).

    `max` is what VGG was trained with; `average` is what Gatys et al. 2016 prefer for painting. `l2` is the root mean
    square. Average and L2 are rescaled (x2 and x0.78, found by style-transfer-pytorch) so that deeper layers see
    activations of the size that max pooling gives them.
    """
    if kind == "max":
        return F.max_pool2d(x, 2)
    if kind == "average":
        return F.avg_pool2d(x, 2) * 2.0
    if kind == "l2":
        return (F.avg_pool2d(x.square(), 2) * 4.0).clamp_min(1e-8).sqrt() * 0.78
    raise SettingError(f"no pooling {kind!r}: max, average or l2")


def normalise(x: Tensor) -> Tensor:
    """RGB in [0, 1], (B, 3, H, W), to what the networks take: 0..255 minus the ImageNet mean."""
    return x * 255.0 - torch.tensor(MEAN, dtype=x.dtype, device=x.device).view(1, 3, 1, 1)


def activations(weights: Weights, x: Tensor, layers: Iterable[str], pooling: str = "max") -> dict[str, Tensor]:
    """Run the plan over normalised input up to the deepest layer asked for.

    x (B, 3, H, W); the result holds (B, C, H/2^(b-1), W/2^(b-1)) for each layer of block b, in float of the weights' type.
    """
    wanted = set(layers)
    seen: dict[str, Tensor] = {}
    previous = CONVS[0]
    for name in CONVS:
        if name[4] != previous[4]:
            x = pool(x, pooling)
        weight, bias = weights[name]
        x = F.relu_(F.conv2d(x, weight, bias, padding=1))
        if name in wanted:
            seen[name] = x
            if len(seen) == len(wanted):
                break
        previous = name
    return seen
