"""A new style into the body that ships: its numbers alone are trained, so that minutes and a painting are enough (Dumoulin et al. 2017)."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy
import torch
from numpy.typing import NDArray
from torch import nn

from atelier.engines.network.catalogue import BODY, NAME, SUFFIX, Entry, left_as_it_is, models_folder, own_folder, shipped
from atelier.engines.network.plan import Plan
from atelier.errors import SettingError, TargetError, WeightsError
from atelier.image import Image, decode, encode, fit, resize
from atelier.image.moments import Moments
from atelier.media import atomic_write, check_place, open_still
from atelier.perception.network import Network
from atelier.progress import Progress, Report, silent
from atelier.training.data import (
    LARGEST_SPREAD,
    SHORTEST,
    Bytes,
    Opening,
    Pictures,
    find,
    free_photos,
    painting_looks,
    photo_crops,
    planes,
    some,
)  # fmt: skip
from atelier.training.export.reading import read_painter
from atelier.training.loop import Lessons, Trainer, run
from atelier.training.objective import Eye, balance, layer_errors
from atelier.training.painter import Painter
from atelier.training.settings import StyleSettings
from atelier.training.team import team

PHOTO_SHORT = 512
SWATCH = 512
"""Long side of the picture that a style carries, px: what a reader reads where styles and paintings are mixed."""


@dataclass(frozen=True)
class TrainedStyle:
    """A style that was trained. began: the shipped style whose numbers it began with, or empty for their mean."""

    name: str
    path: Path
    began: str
    steps: int
    finished: bool
    seconds: float
    losses: dict[str, float]


def train_style(
    painting: str,
    name: str = "",
    out: str | Path | None = None,
    photos: Path | None = None,
    settings: StyleSettings = StyleSettings(),
    seed: int = 0,
    device: str = "auto",
    report: Report = silent,
) -> TrainedStyle:
    """Learn a painting's style and write it as a file of one style, by default to the folder where `--style NAME` finds it.

    painting: a path or URL. photos: a folder of what is painted while it learns; by default free photos and composed pictures.
    A report that raises Cancelled stops it, and what was learned by then is written. Raises SettingError, SourceError, ImageError,
    WeightsError, OutputError, Diverged; Cancelled before the first step.
    """
    name = named(painting, name)
    path = Path(out) if out else own_folder() / f"{name}{SUFFIX}"
    if path.suffix != SUFFIX:
        raise SettingError("out", f"a style is written as {SUFFIX}", str(path))
    if not out:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise TargetError(f"{path.parent} cannot be made: {error.strerror or error}; say where to with `out`") from error
    check_place(path)
    if settings.threads:
        torch.set_num_threads(settings.threads)
    with team(device) as process:
        if process.size > 1:
            raise SettingError("device", "a style is trained by one process: leave torchrun out")
        painter, plan = open_body("styles")
        image = as_bytes(open_still(painting, report=report))
        eye = Eye(Network.load("pocket", process.device))
        opening = Opening("photos", max(PHOTO_SHORT, settings.crop), SHORTEST, report)
        if photos is None:
            report(Progress("opening photos", note="no `photos`: learning on free photos, composed pictures and the painting itself"))
            found = list(free_photos(image, seed, max(PHOTO_SHORT // 2, settings.crop)))
        else:
            found = list(opening(some(find(photos, "photos"), settings.photo_crops, seed)))
        crops = photo_crops(iter(found), -(-settings.photo_crops // len(found)), settings.crop, seed)
        spread = settings.style_size / LARGEST_SPREAD, settings.style_size * LARGEST_SPREAD
        looks = painting_looks(image, 1, spread, seed, 0)  # a table is taught by the whole painting
        seen = bool(plan.seen)
        own = Pictures(crops, eye, photos=True, seen=seen, read=False)
        lessons = Lessons(own, named=Pictures(looks, eye, photos=False, seen=seen, names=[name]))
        numbers, began = nearest(lessons, eye, settings.style_size)
        if len(numbers) != plan.numbers:
            raise WeightsError("the styles that ship and their body do not go together: install atelier anew")
        rows = nn.Embedding(2, plan.numbers)  # the last row is the photo's, and stays
        with torch.no_grad():
            rows.weight.copy_(torch.from_numpy(np.stack([numbers, left_as_it_is()])))
        parts: dict[str, nn.Module] = {"painter": painter.to(process.device), "table": rows.to(process.device)}
        trainer = Trainer(parts, plan, lessons, settings.full, seed, process, frozen=("painter",))
        finished = run(trainer, report)
        _, averaged = trainer.averaged()
        assert isinstance(averaged, nn.Embedding)
        assert lessons.named is not None
        tensors = style_tensors(name, averaged.weight[0].cpu().numpy(), lessons.named.look(0).colors, image)
        about = {name: {"title": name.replace("-", " ").replace("_", " "), "painter": "", "year": ""}}
        made = {"steps": trainer.step, "seed": seed, "began": began, "content": settings.content}
        metadata = {"body": BODY, "styles": json.dumps(about), "trained": json.dumps(made)}
        atomic_write(safetensors.numpy.save(tensors, metadata), path)
        return TrainedStyle(name, path, began, trainer.step, finished, trainer.seconds, dict(trainer.running))


def named(painting: str, name: str) -> str:
    """The style's name: the one given, or the painting's file's. Raises SettingError for one that cannot be."""
    wanted = name or re.sub(r"[^\w-]+", "-", Path(painting).stem.lower()).strip("-_")
    if not re.fullmatch(NAME, wanted):
        raise SettingError("name", "a style's name is of letters, digits, - and _, 64 at the most", name or painting)
    if wanted == "photo":
        raise SettingError("name", "means the photo itself; choose another", wanted)
    if wanted in shipped():
        raise SettingError("name", "a style that ships has that name; choose another", wanted)
    return wanted


def open_body(name: str) -> tuple[Painter, Plan]:
    """A body in torch, out of the file that ships. name: `styles`, or `painter` for any painting. Raises WeightsError."""
    path = models_folder() / f"{name}.onnx"
    try:
        data = path.read_bytes()
    except OSError as error:
        raise WeightsError(f"there is no body to train a style into: {path} cannot be read; install atelier anew") from error
    tensors, plan = read_painter(data)
    painter = Painter(plan)
    painter.load_state_dict({k: torch.from_numpy(np.array(v, np.float32)) for k, v in tensors.items()})
    return painter.to(memory_format=torch.channels_last), plan  # type: ignore[call-overload]


def nearest(lessons: Lessons, eye: Eye, size: int) -> tuple[NDArray[np.float32], str]:
    """Numbers to begin with: those of the shipped style whose Gram matrices are nearest the painting's, and its name; or the mean of
    all, or, where there are none, the photo's own, and an empty name."""
    assert lessons.named is not None
    own = {name: gram[None] for name, gram in lessons.named.look(0).grams.items()}
    best: tuple[float, Entry] | None = None
    for entry in shipped().values():
        if not entry.swatch:
            continue
        swatch = decode(entry.swatch)
        x = planes(as_bytes(resize(swatch, fit(swatch.size, size))))
        theirs = {name: gram[None] for name, gram in Pictures([x], eye, photos=False).look(0).grams.items()}
        distance = float(balance(layer_errors(theirs, own)))
        if best is None or distance < best[0]:
            best = distance, entry
    if best:
        return best[1].code.copy(), best[1].name
    every = [entry.code for entry in shipped().values()] or [left_as_it_is()]
    return np.mean(every, axis=0).astype(np.float32), ""


def as_bytes(image: Image) -> Bytes:
    return np.round(image.pixels * 255).astype(np.uint8)


def style_tensors(name: str, numbers: NDArray[Any], hues: Moments, picture: Bytes) -> dict[str, NDArray[Any]]:
    """A style as files of styles hold it. numbers (N,), hues of the painting; picture (H, W, 3) that goes with it."""
    image = Image(np.ascontiguousarray(picture.astype(np.float32) / 255))
    if max(image.size) > SWATCH:
        image = resize(image, fit(image.size, SWATCH))
    return {
        f"{name}.numbers": numbers.astype(np.float16),
        f"{name}.colours": np.concatenate([hues.mean[None], hues.covariance]).astype(np.float32),
        f"{name}.swatch": np.frombuffer(encode(image, "jpeg", quality=85), np.uint8),
    }
