"""Networks as they were kept, read again: a training's network.safetensors, or the files that the engine takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import safetensors
import safetensors.numpy
import torch
from numpy.typing import NDArray
from torch import Tensor

from atelier.engines.network.catalogue import read_photo, read_styles
from atelier.engines.network.plan import Plan
from atelier.errors import WeightsError
from atelier.perception.store import find as find_weights
from atelier.training.export.reading import read_painter, read_reader


def part_of(tensors: Mapping[str, Tensor], part: str) -> dict[str, Tensor]:
    """Of a network's tensors those of one part, by the names of its state."""
    return {name.removeprefix(f"{part}."): value for name, value in tensors.items() if name.startswith(f"{part}.")}


def style_rows(path: Path, names: Sequence[str]) -> NDArray[np.float32]:
    """Rows to begin a table with, out of a file of styles: of each name its own numbers, or the mean of all; the photo's last. Raises
    WeightsError."""
    photo, known = read_photo(path), {entry.name: entry.code for entry in read_styles(path)}
    mean: NDArray[np.float32] = np.mean(list(known.values()) or [photo], axis=0)
    return np.stack([*(known.get(name, mean) for name in names), photo]).astype(np.float32)


def read_network(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors and metadata of a network.safetensors, or of the folder that it is in. Raises WeightsError."""
    path = path / "network.safetensors" if path.is_dir() else path
    try:
        with safetensors.safe_open(path, "pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {}  # noqa: SIM118  (no mapping)
    except (safetensors.SafetensorError, OSError, ValueError) as error:
        raise WeightsError(f"{path} cannot be read as a network that was trained here: {error}") from error


def plan_of(path: Path, about: Mapping[str, str]) -> Plan:
    """The plan that a network's metadata tells. Raises WeightsError."""
    try:
        return Plan.from_json(about.get("plan", ""))
    except WeightsError as error:
        raise WeightsError(f"{path} does not say its plan: it is no network that was trained here, or by another version") from error


def read_onnx(folder: Path, table: bool) -> dict[str, Tensor]:
    """The tensors, named as in a network.safetensors, of a folder as the engine takes it: of the body for styles by name, or of that for
    any painting and its reader. Raises WeightsError."""
    try:
        painter = (folder / ("styles.onnx" if table else "painter.onnx")).read_bytes()
        reader = b"" if table else (folder / "reader.onnx").read_bytes()
    except OSError as error:
        raise WeightsError(f"`start` {folder}: there is no network to begin with ({error.filename}: {error.strerror})") from error
    found = {f"painter.{name}": value for name, value in read_painter(painter)[0].items()}
    if reader:
        pocket = safetensors.numpy.load_file(find_weights("pocket"))
        found |= {f"reader.{name}": value for name, value in read_reader(reader, pocket).items()}
    return {name: torch.from_numpy(value) for name, value in found.items()}
