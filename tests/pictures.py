"""Pictures and a network that many tests are given. In a file of its own, since there are several called conftest."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import safetensors.numpy

from atelier.image import Image
from atelier.perception.convention import LAYERS

WIDTHS = (4, 4, 5, 5, 6, 6, 6, 6, 8, 8, 8, 8, 8)

WriteNet = Callable[..., Path]
Paint = Callable[..., Image]


def write_net(path: Path, seed: int = 0, widths: tuple[int, ...] = WIDTHS, metrics: tuple[str, ...] = (), **metadata: str) -> Path:
    """A random network of VGG-19's plan (He et al. 2015) as a safetensors file. metrics: layers that come with an R of their own."""
    rng = np.random.default_rng(seed)
    tensors, channels = {}, 3
    for layer, width in zip(LAYERS, widths, strict=True):
        tensors[f"{layer}.weight"] = (rng.standard_normal((width, channels, 3, 3)) * np.sqrt(2 / 9 / channels)).astype(np.float32)
        tensors[f"{layer}.bias"] = (rng.standard_normal(width) * 2).astype(np.float32)
        if layer in metrics:
            tensors[f"{layer}.metric"] = np.triu(rng.standard_normal((width, width)) + 2 * np.eye(width)).astype(np.float32)
        channels = width
    safetensors.numpy.save_file(tensors, path, metadata={"input": "RGB 0..255 minus mean", **metadata})
    return path


def paint(width: int, height: int, seed: int = 0) -> Image:
    """Waves of colour with a little noise: all frequencies, no flat places. The same for the same seed."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    waves = [
        np.sin(x * rng.uniform(0.05, 0.9) + y * rng.uniform(-0.9, 0.9) + rng.uniform(0, 6)) * rng.uniform(0.1, 0.3)
        + rng.uniform(0.35, 0.65)
        for _ in range(3)
    ]
    pixels = np.stack(waves, axis=-1) + rng.standard_normal((height, width, 3)) * 0.03
    return Image(pixels.clip(0, 1).astype(np.float32))
