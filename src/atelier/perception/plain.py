"""The networks that see, in NumPy: for one look at a small picture, where torch is not installed or not worth its loading.

A picture of 384 px takes some tenths of a second on one core. For gradients, large pictures and other devices there is
`network.Network`, whose numbers these are but for rounding.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from atelier.errors import SettingError
from atelier.perception.convention import LAYERS
from atelier.perception.weights import LoadedWeights

Plane = NDArray[np.float32]

_STRIP = 1 << 21  # numbers of a strip's neighbourhoods laid out at a time: what a cache holds, more or less


def see(network: LoadedWeights, pixels: Plane, layers: Iterable[str]) -> dict[str, Plane]:
    """Layer -> float32 (H/2^(b-1), W/2^(b-1), C), after its ReLU, b the layer's block. pixels: (H, W, 3), sRGB in [0, 1].

    Max pooling; the border as in `network.Network.see`. In the network's own channels, without its metric.
    Raises SettingError for a layer that is not there, and for a picture too small for the deepest one.
    """
    wanted = set(layers)
    if not wanted <= set(LAYERS):
        raise SettingError("layers", f"no layer {', '.join(sorted(wanted - set(LAYERS)))}: the layers are {', '.join(LAYERS)}")
    if not wanted:
        return {}
    if min(pixels.shape[:2]) < (need := 2 ** (int(max(wanted)[4]) - 1)):
        raise SettingError("size", f"{max(wanted)} needs a picture of at least {need} px a side, not {pixels.shape[1]}x{pixels.shape[0]}")
    x = np.pad(pixels.astype(np.float32) * 255 - np.array(network.mean, np.float32), ((1, 1), (1, 1), (0, 0)), mode="edge")
    seen: dict[str, Plane] = {}
    for layer in LAYERS:
        if layer != LAYERS[0]:
            if layer.endswith("_1"):
                height, width = (side // 2 * 2 for side in x.shape[:2])
                x = x[:height, :width].reshape(height // 2, 2, width // 2, 2, -1).max((1, 3))
            x = np.pad(x, ((1, 1), (1, 1), (0, 0)))
        x = _convolved(x, *network.layers[layer])
        if layer in wanted:
            seen[layer] = x
            if len(seen) == len(wanted):
                break
    return seen


def _convolved(x: Plane, weight: NDArray[np.floating], bias: NDArray[np.floating]) -> Plane:
    """(H + 2, W + 2, I) -> (H, W, O): a 3 × 3 convolution of what is padded already, and a ReLU."""
    height, width, channels = x.shape[0] - 2, x.shape[1] - 2, x.shape[2]
    kernel = np.ascontiguousarray(weight.transpose(2, 3, 1, 0).reshape(9 * channels, -1), np.float32)
    out = np.empty((height, width, kernel.shape[1]), np.float32)
    rows = max(1, _STRIP // (9 * channels * width))
    for top in range(0, height, rows):
        here = min(rows, height - top)
        around = [x[top + dy : top + dy + here, dx : dx + width] for dy in range(3) for dx in range(3)]
        np.matmul(np.concatenate(around, 2).reshape(here * width, -1), kernel, out=out[top : top + here].reshape(here * width, -1))
    out += bias.astype(np.float32)
    return np.maximum(out, 0, out=out)
