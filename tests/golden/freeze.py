"""Make the frozen networks and the pictures that go in: `python tests/golden/freeze.py`.

Once is enough. Do it again only where a file's format changes so that the old ones are refused, and then look at what moves.
The networks are those that ship in everything but size and worth: random weights, a few channels. None was trained.
"""

from __future__ import annotations

import dataclasses
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image as Pillow
from safetensors.numpy import save_file

from atelier.engines.network.catalogue import BODY
from atelier.engines.network.plan import Plan
from atelier.perception.weights import LAYERS
from atelier.training.export.painter import painter_model
from atelier.training.export.reader import reader_model
from atelier.training.painter import Painter, Reader

HERE = Path(__file__).parent
NETWORKS, INPUTS = HERE / "networks", HERE / "inputs"
PLAN = Plan(fine=8, wide=8, deep=8, half=4, blocks=1, deep_blocks=1, rank=2)
WIDTHS = (4, 4, 5, 5, 6, 6, 6, 6, 8, 8, 8, 8, 8)
NAMED = ("waves", "dots")


def eye(seed: int) -> dict[str, NDArray[Any]]:
    """A perceptual network of VGG-19's plan, with a metric for each layer that a style is taken from."""
    rng = np.random.default_rng(seed)
    tensors, channels = {}, 3
    for layer, width in zip(LAYERS, WIDTHS, strict=True):
        tensors[f"{layer}.weight"] = (rng.standard_normal((width, channels, 3, 3)) * np.sqrt(2 / 9 / channels)).astype(np.float16)
        tensors[f"{layer}.bias"] = (rng.standard_normal(width) * 2).astype(np.float16)
        channels = width
    return tensors


def pocket(seed: int) -> dict[str, NDArray[Any]]:
    """The same as the networks take it: int8 kernels with scales, and metrics."""
    tensors = eye(seed)
    for layer, width in zip(LAYERS, WIDTHS, strict=True):
        kernel = tensors[f"{layer}.weight"].astype(np.float32)
        scale = np.abs(kernel).max((1, 2, 3)) / 127
        tensors[f"{layer}.weight"] = np.round(kernel / scale[:, None, None, None]).astype(np.int8)
        tensors[f"{layer}.scale"] = scale.astype(np.float32)
        tensors[f"{layer}.metric"] = np.eye(width, dtype=np.float16)
    return tensors


def arrays(module: torch.nn.Module) -> dict[str, NDArray[Any]]:
    return {name: tensor.numpy() for name, tensor in module.state_dict().items()}


def write_networks(into: Path) -> None:
    into.mkdir(exist_ok=True)
    torch.manual_seed(0)
    small, rng = pocket(2), np.random.default_rng(3)
    given = len(small["conv3_1.bias"]), len(small["conv4_1.bias"])
    any_plan = dataclasses.replace(PLAN, seen=given)
    for name, plan in (("styles", PLAN), ("painter", any_plan)):
        (into / f"{name}.onnx").write_bytes(painter_model(arrays(Painter(plan)), plan, small, {}))
    channels = {name: len(small[f"{name}.bias"]) for name in ("conv1_1", "conv2_1", "conv3_1", "conv4_1")}
    reader = Reader(any_plan, channels, width=4, hidden=16, code=12)
    with torch.no_grad():
        reader.numbers.weight.mul_(20)  # as it begins, all paintings are nearly one
    (into / "reader.onnx").write_bytes(reader_model(arrays(reader), small, {}))
    styles = {"photo.numbers": np.zeros(PLAN.numbers, np.float16)}
    for at, name in enumerate(NAMED):
        styles[f"{name}.numbers"] = (rng.standard_normal(PLAN.numbers) * 0.3).astype(np.float16)
        mixing = rng.standard_normal((3, 3)) * 0.15
        styles[f"{name}.colours"] = np.vstack([rng.uniform(0.3, 0.7, (1, 3)), mixing @ mixing.T]).astype(np.float32)
        buffer = io.BytesIO()
        Pillow.fromarray(picture(32, 32, 7 + at)).save(buffer, "JPEG", quality=85)
        styles[f"{name}.swatch"] = np.frombuffer(buffer.getvalue(), np.uint8)
    save_file(styles, into / "styles.safetensors", {"body": BODY, "styles": json.dumps({name: {} for name in NAMED})})
    save_file(eye(4), into / "eye.safetensors", {"input": "RGB 0..255 minus mean"})
    save_file(eye(5), into / "other-eye.safetensors", {"input": "RGB 0..255 minus mean"})


def picture(width: int, height: int, seed: int) -> NDArray[np.uint8]:
    """(H, W, 3): slow waves of colour, and discs with edges on them."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    waves = [0.5 + 0.25 * np.sin(x * rng.uniform(0.05, 0.4) + y * rng.uniform(-0.4, 0.4) + rng.uniform(0, 6)) for _ in range(3)]
    pixels = np.stack(waves, axis=-1)
    for _ in range(6):
        inside = np.hypot(x - rng.uniform(0, width), y - rng.uniform(0, height)) < rng.uniform(0.08, 0.25) * min(width, height)
        pixels[inside] = 0.3 * pixels[inside] + 0.7 * rng.uniform(0, 1, 3)
    return np.round(pixels * 255).astype(np.uint8)


def write_inputs(into: Path) -> None:
    into.mkdir(exist_ok=True)
    pictures = {"photo": picture(36, 28, 1), "painting": picture(40, 44, 2), "other": picture(44, 32, 3)}
    regions = np.zeros((28, 36, 3), np.uint8)  # black is no region
    regions[9:, :20], regions[9:, 20:] = (255, 0, 0), (0, 0, 255)
    mask = np.broadcast_to(np.linspace(0, 255, 36).astype(np.uint8), (28, 36))
    y, x = np.mgrid[:28, :36]
    masks = {"mask": mask, "disc": np.hypot(x - 12, y - 14) < 9, "rest": x > 24}
    whole = {name: np.where(inside, 255, 0).astype(np.uint8) if inside.dtype == bool else inside for name, inside in masks.items()}
    for name, pixels in {**pictures, "regions": regions, **whole}.items():
        Pillow.fromarray(pixels).save(into / f"{name}.png", optimize=True)


if __name__ == "__main__":
    write_networks(NETWORKS)
    write_inputs(INPUTS)
