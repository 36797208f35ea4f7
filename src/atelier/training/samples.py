"""What a training shows and gives: the files that the engine takes, and a sheet of samples."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy
import torch
from torch import nn

from atelier.engines.network.catalogue import BODY, SUFFIX
from atelier.media import atomic_write
from atelier.perception.store import find as find_weights
from atelier.training.export.painter import painter_model
from atelier.training.export.reader import reader_model
from atelier.training.loop import Trainer
from atelier.training.painter import Painter, Reader
from atelier.training.styles import style_tensors

SHEET = 4
"""Photos and styles, at the most, on a sample sheet."""


def export(folder: Path, painter: Painter, style: nn.Module, trainer: Trainer, about: Mapping[str, str]) -> None:
    """The files that the engine takes."""
    pocket = safetensors.numpy.load_file(find_weights("pocket"))
    metadata = {"steps": about["steps"], "seed": about["seed"]}
    model = painter_model(arrays(painter), trainer.plan, pocket, metadata)
    if isinstance(style, Reader):
        atomic_write(model, folder / "painter.onnx")
        atomic_write(reader_model(arrays(style), pocket, metadata), folder / "reader.onnx")
        return
    named = trainer.lessons.named
    assert named is not None
    assert isinstance(style, nn.Embedding)
    numbers = style.weight.cpu().numpy()
    tensors = {"photo.numbers": numbers[-1].astype(np.float16)}
    for i, name in enumerate(named.names):
        whole = named.pixels[i * named.each]
        tensors |= style_tensors(name, numbers[i], named.look(i * named.each).colors, whole.permute(1, 2, 0).numpy())
    titles = {name: {"title": name.replace("_", " "), "painter": "", "year": ""} for name in named.names}
    data = safetensors.numpy.save(tensors, {"body": BODY, "styles": json.dumps(titles)})
    atomic_write(model, folder / "styles.onnx")
    atomic_write(data, folder / f"styles{SUFFIX}")


def arrays(module: nn.Module) -> dict[str, Any]:
    return {name: value.cpu().numpy() for name, value in module.state_dict().items()}


def sheet(trainer: Trainer, painter: Painter, style: nn.Module) -> Any:
    """(H, W, 3): a row a photo, itself first, then in a few styles; always the same ones, with the same noise."""
    lessons = trainer.lessons
    photos = list(range(min(SHEET, len(lessons.photos))))
    x, looks = lessons.photos.batch(photos), [lessons.photos.look(i) for i in photos]
    source = lessons.named or lessons.others
    assert source is not None
    columns = [x.cpu()]
    for i in range(min(SHEET, len(source) // source.each)):
        wanted = [source.look(i * source.each)] * len(photos)
        if isinstance(style, Reader):
            numbers = style({name: torch.stack([look.read[name] for look in wanted]).to(trainer.device) for name in wanted[0].read})
        else:
            numbers = style(torch.full((len(photos),), i, device=trainer.device))
        with torch.no_grad():
            columns.append(trainer.paint(painter, x, looks, wanted, numbers, np.random.default_rng(0)).clamp(0, 1).cpu())
    rows = torch.cat([torch.cat(list(column), 1) for column in columns], 2)
    return np.ascontiguousarray(rows.permute(1, 2, 0).numpy())
