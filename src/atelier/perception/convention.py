"""What a network's file must hold, under which names, and what its first layer takes as input.

The public VGG-19s differ in that. A file's metadata decides where it speaks, else the names of its tensors:

| names                                        | input, unless metadata `input` says otherwise               |
|----------------------------------------------|-------------------------------------------------------------|
| `conv1_1.weight`, `block1_conv1.weight`      | 0..255 minus the ImageNet mean (Simonyan & Zisserman 2014)  |
| `features.0.weight` (torchvision's numbers)  | (RGB / 255 - mean) / std (torchvision)                      |

Metadata understood: `input` ("RGB 0..255 minus mean", or "(RGB / 255 - mean) / std"), `channels` ("RGB" or "BGR", the order
of the input's channels), `mean` and `std` (three numbers, comma separated, in that order and in the units of `input`). The
numbers themselves do not tell: conv1_1 of the original net, made for 0..255, has a standard deviation of 0.19 and reaches
0.65, as large as that of nets made for inputs of unit variance. So a Caffe conversion under torchvision's names has to carry
metadata.
"""

from __future__ import annotations

import math
import re

from atelier.errors import WeightsError
from atelier.perception.tensors import FLOATS, Header, Tensor

LAYERS = tuple(f"conv{block}_{i}" for block, count in ((1, 2), (2, 2), (3, 4), (4, 4), (5, 1)) for i in range(1, count + 1))
"""The layers a file must hold; the same as `network.CONVS`, which cannot be imported here without torch."""

FEATURES = dict(zip((0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28), LAYERS, strict=True))
"""torchvision's number of each convolution within `features` of VGG-19 (configuration E, no batch normalisation)."""

MEAN = (123.68, 116.779, 103.939)
"""Channel means (R, G, B) of ImageNet in 0..255 that the original VGGs subtract."""


def input_convention(header: Header, label: str) -> tuple[tuple[float, float, float], tuple[float, float, float], bool]:
    """Give what conv1_1 of the file takes: (x - mean) / scale with x RGB in 0..255, and whether its channels are B, G, R."""
    said = header.metadata.get("input", "").lower()
    if re.search(r"std|/ ?255|0\.\.1\b|torchvision", said):
        unit = True
    elif re.search(r"255|caffe", said):
        unit = False
    elif said:
        raise WeightsError(f"{label} says its input is {said[:80]!r}: 'RGB 0..255 minus mean' or '(RGB / 255 - mean) / std' is understood")
    else:
        unit = any(key.startswith("features.") for key in header.tensors)
    channels = header.metadata.get("channels", "BGR" if "bgr" in said else "RGB").strip().upper()
    if channels not in {"RGB", "BGR"}:
        raise WeightsError(f"{label} says its channels are {channels[:80]!r}: RGB or BGR is understood")
    flipped = channels == "BGR"

    def triple(key: str, default: tuple[float, float, float]) -> tuple[float, float, float]:
        if (text := header.metadata.get(key)) is None:
            return default
        try:
            first, second, third = (float(part) for part in text.split(","))
        except ValueError:
            raise WeightsError(f"{label} says its {key} is {text[:80]!r}: three numbers separated by commas are understood") from None
        return (third, second, first) if flipped else (first, second, third)

    mean = triple("mean", (0.485, 0.456, 0.406) if unit else MEAN)
    std = triple("std", (0.229, 0.224, 0.225)) if unit else (1.0, 1.0, 1.0)
    if not all(map(math.isfinite, mean)) or not all(math.isfinite(s) and s > 0 for s in std):
        raise WeightsError(f"{label} has a mean or a std in its metadata that makes no sense")
    unity = 255.0 if unit else 1.0
    (r, g, b), (dr, dg, db) = mean, std
    return (r * unity, g * unity, b * unity), (dr * unity, dg * unity, db * unity), flipped


def plan_tensors(header: Header, label: str, widths: tuple[int, ...] | None = None) -> dict[str, Tensor]:
    """Give the tensors of the network by canonical name, in canonical order; complete and fitting together."""
    found: dict[str, Tensor] = {}
    for key, tensor in header.tensors.items():
        if canonical := _canonical_name(key):
            if canonical in found:
                raise WeightsError(f"{label} holds {canonical} under two names")
            found[canonical] = tensor
    if missing := [layer for layer in LAYERS if not {f"{layer}.weight", f"{layer}.bias"} <= found.keys()]:
        raise WeightsError(f"{label} is no VGG-19 or student of it: it has no weight and bias for {', '.join(missing)}")
    channels, plan = 3, {}
    for index, layer in enumerate(LAYERS):
        out = widths[index] if widths else (found[f"{layer}.weight"].shape or (0,))[0]
        shapes = {"weight": (out, channels, 3, 3), "bias": (out,), "metric": (out, out), "scale": (out,)}
        if found[f"{layer}.weight"].dtype == "I8" and f"{layer}.scale" not in found:
            raise WeightsError(f"{layer}.weight in {label} is of 8-bit integers and comes without {layer}.scale")
        for part in shapes:
            if (key := f"{layer}.{part}") not in found:
                continue
            tensor = found[key]
            if tensor.dtype not in FLOATS and not (part == "weight" and tensor.dtype == "I8"):
                raise WeightsError(f"{key} in {label} is of type {tensor.dtype[:80]!r}: {', '.join(FLOATS)} are understood")
            if tensor.shape != shapes[part] or not out:
                raise WeightsError(f"{key} in {label} has shape {tensor.shape}: {shapes[part]} was expected")
            plan[key] = tensor
        channels = out
    return plan


def _canonical_name(key: str) -> str | None:
    """`conv{b}_{i}.weight|bias|metric` for the names of that tensor in the wild; None for all other tensors."""
    match = re.fullmatch(r"(?:features\.(\d{1,2})|(?:conv|block)(\d)_(?:conv)?(\d))\.(weight|bias|metric|scale)", key)
    if not match:
        return None
    layer = FEATURES.get(int(match[1])) if match[1] else f"conv{match[2]}_{match[3]}"
    return f"{layer}.{match[4]}" if layer in LAYERS else None
