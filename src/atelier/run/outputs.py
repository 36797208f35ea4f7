"""Where things go and what came of it; pictures, losses and states on the way."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from atelier.errors import Cancelled, MissingExtra, OutputError, SettingError, SourceError
from atelier.image import Image, fit, resize
from atelier.media import atomic_write, write_still
from atelier.progress import Progress, Report
from atelier.request import Request
from atelier.run.opening import settled

CHECKPOINT_SECONDS = 20.0
VECTORS = (".svg", ".pdf", ".json")
"""What a drawing can be written as besides pixels."""


@dataclass(frozen=True)
class Outputs:
    """Where things go. picture: the result. also: more files of the same drawing, in other formats. every: iterations (of a
    drawing: shapes) between pictures on the way, written beside it. animation: a GIF, WebP or PNG of them. log: losses as
    JSON lines. checkpoint: state to resume from; deleted when the run is complete."""

    picture: str
    also: tuple[str, ...] = ()
    every: int = 0
    animation: str | None = None
    log: str | None = None
    checkpoint: str | None = None
    quality: int = 92
    depth: int | None = None
    format: str | None = None
    overwrite: bool = True


@dataclass(frozen=True)
class Made:
    """What came of a request. finished is False where it was stopped on the way; the picture is then the best so far."""

    image: Image
    finished: bool
    seconds: float
    iterations: int
    losses: Mapping[str, float] = field(default_factory=dict)


def check_outputs(outputs: Outputs, inputs: Sequence[str | None]) -> None:
    """Refuse what cannot go well, before the work: a result over one of the pictures it is made from, say."""
    for target in (outputs.picture, *outputs.also):
        if any(name and Path(name).exists() and Path(target).exists() and Path(name).samefile(target) for name in inputs):
            raise OutputError(f"{target} is one of the pictures to paint from: give --out another name")
    if outputs.every < 0:
        raise SettingError(f"--every {outputs.every}: must be at least 0")
    if outputs.every and outputs.picture == "-":
        raise SettingError("--every writes pictures beside the result, which goes to standard output here: give --out a file")


class Watch:
    """A report that writes pictures and losses on the way, then passes on to the user's."""

    def __init__(self, outputs: Outputs, report: Report, began: float) -> None:
        self.outputs, self.report, self.began = outputs, report, began
        self.every = outputs.every or (10 if outputs.animation else 0)
        self.passed = 0
        self.frames: list[Image] = []
        self.last = Progress("starting")
        self.cancelled = False
        self.checkpoint: Checkpoint | None = None
        self.lines: list[str] = []
        self.log = Path(outputs.log) if outputs.log else None

    def resumed(self, done: int) -> None:
        """Keep what the log says of the iterations before."""
        self.passed = done // self.every if self.every else 0
        if self.log and self.log.exists():
            kept = [line for line in self.log.read_text().splitlines() if _step_of(line) <= done]
            self.lines = kept
            self.flush()

    def __call__(self, progress: Progress) -> None:
        if progress.losses:
            self.last = dataclasses.replace(progress, preview=None)  # which would keep the solver's memory
            if self.log:
                record = {"step": progress.step, "stage": progress.stage, "seconds": round(time.monotonic() - self.began, 3)}
                self.lines.append(json.dumps({**record, **progress.losses}))
                if len(self.lines) % 20 == 0:
                    self.flush()
            # steps may come several at a time, as shapes do
            if self.every and progress.preview and progress.step // self.every > self.passed:
                self.passed = progress.step // self.every
                picture = progress.preview()
                if self.outputs.animation:
                    self.frames.append(frame(picture))
                if self.outputs.every:
                    target = Path(self.outputs.picture)
                    suffix = ".png" if target.suffix.lower() in VECTORS else target.suffix
                    write_still(picture, target.with_name(f"{target.stem}-{progress.step:05d}{suffix}"), quality=self.outputs.quality)
        try:
            self.report(progress)
        except Cancelled:
            self.cancelled = True
            if self.checkpoint:
                self.checkpoint.save()  # now: the engine's answer, which may be an average, takes the place of the last iterate
            raise

    def flush(self) -> None:
        if self.log:
            atomic_write(("\n".join(self.lines) + "\n").encode() if self.lines else b"", self.log)

    def close(self) -> None:
        self.flush()


def frame(image: Image, side: int = 640) -> Image:
    """Small enough that hundreds of frames fit in memory and in a GIF."""
    return resize(image, fit(image.size, side)) if max(image.size) > side else image


def _step_of(line: str) -> float:
    try:
        return float(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError):
        return math.inf


def fingerprint(request: Request, content: Image, styles: list[tuple[Image, float]], start: Image | None) -> str:
    """What a checkpoint belongs to: the settings and the very pixels."""
    digest = hashlib.sha256(json.dumps([dataclasses.asdict(settled(request)), request.seed, request.task]).encode())
    for image, weight in [(content, 1.0), *styles, *([(start, 1.0)] if start else [])]:
        digest.update(np.float64(weight).tobytes())
        digest.update(repr(image.pixels.shape).encode())
        digest.update(image.pixels.tobytes())
    return digest.hexdigest()


class Checkpoint:
    """The state of a run in a file, written whole every so often and when the run is stopped."""

    def __init__(self, path: Path, fingerprint: str) -> None:
        self.path, self.fingerprint = path, fingerprint
        self.state: Callable[[], dict[str, Any]] | None = None
        self.saved = time.monotonic()

    def keep(self, state: Callable[[], dict[str, Any]]) -> None:
        self.state = state
        if time.monotonic() - self.saved > CHECKPOINT_SECONDS:
            self.save()

    def save(self) -> None:
        if self.state is None:
            return
        import torch

        buffer = io.BytesIO()
        torch.save({"fingerprint": self.fingerprint, "state": self.state()}, buffer)
        atomic_write(buffer.getvalue(), self.path)
        self.saved = time.monotonic()

    def load(self) -> dict[str, Any] | None:
        if not self.path.exists():
            return None
        try:
            import torch
        except ModuleNotFoundError as error:
            raise MissingExtra("painting by optimisation", "torch") from error
        try:
            found = torch.load(self.path, map_location="cpu", weights_only=True)
            fingerprint, state = found["fingerprint"], found["state"]
        except Exception as error:
            raise SourceError(f"{self.path} is no checkpoint of atelier or is damaged: delete it to start again") from error
        if fingerprint != self.fingerprint:
            raise SourceError(f"{self.path} is of another run (other pictures or settings): delete it or name another file")
        return state  # type: ignore[no-any-return]

    def delete(self) -> None:
        self.path.unlink(missing_ok=True)
