"""Fit a style code to one painting on one photo, for so many seconds: what a reader misses of a painting it never saw.

The body stays as it is. Its code, some 5,000 numbers, goes downhill on the training loss through `pocket` (Adam, as the trainer has it),
and feedback holds the content error where it was, so that what is gained is style.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import safetensors.numpy
import torch
from numpy.typing import NDArray
from torch import nn

from atelier.engines.network.catalogue import models_folder
from atelier.engines.network.painter import StyleCode
from atelier.errors import AtelierError, Cancelled, WeightsError
from atelier.image import Image, fit, resize
from atelier.media import atomic_write
from atelier.perception.network import Network
from atelier.perception.store import cache_folder
from atelier.progress import Progress, Report, silent
from atelier.training.data import STEP, Pictures, planes
from atelier.training.loop import Lessons, Trainer
from atelier.training.objective import Eye
from atelier.training.settings import TrainSettings
from atelier.training.styles import as_bytes, open_body
from atelier.training.team import Team

SIDE = 512
"""Long side at which photo and painting are looked at, px: as in training."""
RATE = 0.02
"""Step size of Adam for the code."""
HELD = 0.95
"""Share of the content error that it has at first at which it is held: VGG-19 sees it rise where pocket does not."""
MODELS = {"painter": "any painting", "styles": "styles by name"}


def tune_code(
    painting: Image, photo: Image, code: StyleCode, body: str, seconds: float, device: str = "auto", seed: int = 0, report: Report = silent
) -> StyleCode:
    """Fit a code (N,) to a painting for so many seconds, or give what an earlier call found in as many.

    body: `painter` or `styles`, the one the code is for. A report that raises Cancelled ends it with the code so far. Raises
    WeightsError, Diverged.
    """
    key = key_of(painting, code, body, seconds)
    if (known := recall(key)) is not None and known.shape == code.shape:
        report(Progress("tuning", note="the style code is the one fitted to this painting before"))
        return known
    found, finished = fit_code(painting, photo, code, body, seconds, device, seed, report)
    if finished:
        remember(key, found)
    return found


def fit_code(
    painting: Image, photo: Image, code: StyleCode, body: str, seconds: float, device: str = "auto", seed: int = 0, report: Report = silent
) -> tuple[StyleCode, bool]:
    """Fit a code, whatever was found before; the code, and whether there was time for all of it."""
    end = time.monotonic() + seconds
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    painter, plan = open_body(body)
    if len(code) != plan.numbers:
        raise WeightsError(f"the style code and the body for {MODELS[body]} do not go together: install atelier anew")
    eye = Eye(Network.load("pocket", device))
    seen = bool(plan.seen)
    photos = Pictures([planes(whole(photo))], eye, photos=True, seen=seen, read=False)
    named = Pictures([planes(as_bytes(resize(painting, fit(painting.size, SIDE))))], eye, photos=False, seen=seen, names=["tuned"])
    table = nn.Embedding(2, plan.numbers)  # the last row would be the photo's; it is not used
    with torch.no_grad():
        table.weight.copy_(torch.from_numpy(np.stack([code, code])))
    parts: dict[str, nn.Module] = {"painter": painter.to(device), "table": table.to(device)}
    settings = TrainSettings(
        reader=False, seen=seen, whole=1.0, calm=0.0, cross=0.0, batch=1, rate=RATE, table_rate=1.0, warmup=1, content_rate=0.05,
        steps=1, decay=0.5,
    )  # fmt: skip
    trainer = Trainer(parts, plan, Lessons(photos, photos, named), settings, seed, Team(device=device), frozen=("painter",))
    with torch.no_grad():
        _, losses, _ = trainer.loss(np.random.default_rng((seed, 11)), itself=False)
    trainer.contents = [HELD * losses["content"]]
    began = time.monotonic()
    finished = True
    trainer.total = 10**6
    while time.monotonic() < end or not trainer.step:
        trainer.advance()
        share = min(1.0, (time.monotonic() - began) / max(1e-9, end - began))
        trainer.total = max(trainer.step + 1, round(trainer.step / max(share, 1e-9)))  # the step size falls towards the end
        try:
            report(Progress("tuning", round(100 * share), 100, dict(trainer.running)))
        except Cancelled:
            finished = False
            break
    averaged = trainer.averaged()[1].get_parameter("weight")[0]
    return np.array(averaged.detach().cpu().numpy(), np.float32), finished


def whole(photo: Image) -> NDArray[np.uint8]:
    """A photo as a whole at SIDE px or less, both sides multiples of STEP."""
    width, height = fit(photo.size, min(SIDE, max(photo.size)))
    return as_bytes(resize(photo, (max(2 * STEP, round(width / STEP) * STEP), max(2 * STEP, round(height / STEP) * STEP))))


# What was fitted before -----------------------------------------------------------------------------------------------


def key_of(painting: Image, code: StyleCode, body: str, seconds: float) -> str:
    """What a code is remembered for: painting, the code it began with, the body's weights, seconds."""
    digest = hashlib.sha256(repr((painting.shape, body, round(seconds, 1))).encode())
    digest.update(painting.pixels.tobytes())
    digest.update(code.tobytes())
    digest.update((models_folder() / f"{body}.onnx").read_bytes())
    return digest.hexdigest()[:40]


def recall(key: str) -> StyleCode | None:
    """The code remembered for a key."""
    try:
        tensors: Mapping[str, NDArray[np.float32]] = safetensors.numpy.load_file(folder() / f"{key}.safetensors")
        return tensors["code"]
    except (OSError, KeyError, ValueError, safetensors.SafetensorError):
        return None


def remember(key: str, code: StyleCode) -> None:
    """Keep a code in the user's cache. What cannot be written is fitted again."""
    try:
        folder().mkdir(parents=True, exist_ok=True)
        atomic_write(safetensors.numpy.save({"code": code}), folder() / f"{key}.safetensors")
    except (OSError, AtelierError):  # a cache is no reason to fail
        return


def folder() -> Path:
    """Where codes are kept."""
    return cache_folder().parent / "tuned"
