"""Weights in memory: read from a file in any public convention, and told apart by a digest. Needs no torch."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from atelier.perception.convention import LAYERS, input_convention, plan_tensors
from atelier.perception.store import find
from atelier.perception.tensors import Array, Tensor, open_file, read_array, read_header


@dataclass(frozen=True, eq=False)
class LoadedWeights:
    """A network in the one convention used from here on: conv1_1 acts on RGB in 0..255 minus `mean`.

    layers: for every one of LAYERS, weight (O, I, 3, 3) and bias (O,). metrics: for some layers (O, O), the factor R for
    which |R s| is the distance the network was taught to measure. All of one type: float16 where the file is float16
    throughout and needs no rescaling, else float32. mean: (R, G, B) in 0..255. metadata: what the file says of itself.
    """

    path: Path
    layers: Mapping[str, tuple[Array, Array]]
    metrics: Mapping[str, Array]
    mean: tuple[float, float, float]
    metadata: Mapping[str, str]


def load(name_or_path: str | Path) -> LoadedWeights:
    """Read a network, whichever of the public conventions its file is in. Tensors it does not need are not read.

    Raises WeightsError where the file is absent, is not safetensors, is cut short, lacks layers, has shapes that do not fit
    together, or holds NaN or infinity.
    """
    path = find(name_or_path)
    return _load(path, str(path))


def _load(path: Path, label: str) -> LoadedWeights:
    with open_file(path, label) as file:
        header = read_header(file, label)
        plan = plan_tensors(header, label)
        arrays = {key: read_array(file, tensor, f"{key} in {label}") for key, tensor in plan.items()}
    for layer in LAYERS:  # 8-bit weights come with a scale for each output channel
        if (scales := arrays.pop(f"{layer}.scale", None)) is not None:
            arrays[f"{layer}.weight"] = arrays[f"{layer}.weight"] * scales.astype(np.float32)[:, None, None, None]
    mean, scale, flipped = input_convention(header, label)
    weight = arrays["conv1_1.weight"]
    if flipped:
        weight = np.ascontiguousarray(weight[:, ::-1])
    if scale != (1.0, 1.0, 1.0):
        # (x - mean) / scale is a weight divided by scale on x - mean. The mean is kept apart, not folded into the bias: with
        # zero padding that would be wrong along the borders.
        weight = weight.astype(np.float32) / np.array(scale, np.float32)[:, None, None]
    arrays["conv1_1.weight"] = weight
    kind: type[np.floating[Any]] = np.float16 if all(array.dtype == np.float16 for array in arrays.values()) else np.float32
    arrays = {key: array.astype(kind, copy=False) for key, array in arrays.items()}
    return LoadedWeights(
        path,
        {layer: (arrays[f"{layer}.weight"], arrays[f"{layer}.bias"]) for layer in LAYERS},
        {layer: arrays[f"{layer}.metric"] for layer in LAYERS if f"{layer}.metric" in arrays},
        mean,
        header.metadata,
    )


def digest(name_or_path: str | Path) -> str:
    """Give SHA-256 over the network's tensors: canonical name, type, shape and bytes of each, in canonical order.

    It does not depend on the file around them, so the convolutions pulled out of a larger file have the digest they had in
    it. Raises WeightsError as `load` does.
    """
    path = find(name_or_path)
    with open_file(path, str(path)) as file:
        plan = plan_tensors(read_header(file, str(path)), str(path))
        return digest_tensors(file, plan)


def identity(name_or_path: str | Path) -> str:
    """Give SHA-256 of what `load` gives: of the tensors, and of how the file says its input is made. Raises WeightsError as `load` does."""
    path = find(name_or_path)
    with open_file(path, str(path)) as file:
        header = read_header(file, str(path))
        tensors = digest_tensors(file, plan_tensors(header, str(path)))
    return hashlib.sha256(f"{tensors} {input_convention(header, str(path))}".encode()).hexdigest()


def digest_tensors(file: IO[bytes], plan: Mapping[str, Tensor]) -> str:
    total = hashlib.sha256()
    for key, tensor in plan.items():
        total.update(f"{key} {tensor.dtype} {','.join(map(str, tensor.shape))}\n".encode())
        file.seek(tensor.start)
        total.update(file.read(tensor.stop - tensor.start))
    return total.hexdigest()
