"""What comes of a request: the result, and pictures, losses and states on the way to it."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import math
import secrets
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

import atelier
from atelier.errors import AtelierError, Cancelled, MissingExtra, OutputError, SourceError
from atelier.image import Image, fit, resize
from atelier.image.encode import OUR_KEY
from atelier.media import atomic_write, write_still
from atelier.progress import Progress, Report
from atelier.request import Request, plain
from atelier.run.opening import settled
from atelier.run.places import Outputs

CHECKPOINT_SECONDS = 20.0
STATE = 4
"""What the engine's states are like: another number where those of before cannot be gone on from."""


@dataclass(frozen=True)
class Made:
    """What came of a request. finished is False where it was stopped on the way; the picture is then the best so far. seconds:
    of work, that before a checkpoint included. missed: what could not be written beside the picture, and why. size: (width,
    height) of what was written, where that is more than the image here, which then is a small one of it."""

    image: Image
    finished: bool
    seconds: float
    iterations: int
    losses: Mapping[str, float] = field(default_factory=dict)
    missed: tuple[str, ...] = ()
    size: tuple[int, int] = (0, 0)

    def __post_init__(self) -> None:
        if self.size == (0, 0):
            object.__setattr__(self, "size", self.image.size)


# On the way -----------------------------------------------------------------------------------------------------------


class Watch:
    """A report that writes pictures and losses on the way, then passes on to the user's.

    What cannot be written beside the picture is said once and left out from then on: it must not cost the picture.
    """

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
        self.off: dict[str, str] = {}
        self.untold: list[str] = []

    @property
    def seconds(self) -> float:
        """Of work, that before a checkpoint included."""
        return time.monotonic() - self.began

    @property
    def missed(self) -> tuple[str, ...]:
        return tuple(f"{option}: {why}" for option, why in self.off.items())

    def resumed(self, done: int, seconds: float = 0.0) -> None:
        """Keep what the log says of the iterations before, and count their time."""
        self.passed = done // self.every if self.every else 0
        if self.log and self.log.is_file():
            records = [(line, _number_of(line, "step")) for line in self.log.read_text(errors="replace").splitlines()]
            self.lines = [line for line, step in records if step <= done]
            seconds = max([seconds, *(_number_of(line, "seconds", 0.0) for line in self.lines)])
            self.flush()
        self.began -= seconds

    def __call__(self, progress: Progress) -> None:
        if progress.losses:
            self.last = dataclasses.replace(progress, preview=None)  # which would keep the solver's memory
            if self.log:
                record = {"step": progress.step, "stage": progress.stage, "seconds": round(self.seconds, 3)}
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
                    self.aside("--every", lambda: self.write(picture, self.outputs.on_the_way(progress.step)))
        if self.untold:
            progress = dataclasses.replace(progress, note="; ".join([*filter(None, [progress.note]), *self.untold]))
            self.untold = []
        try:
            self.report(progress)
        except Cancelled:
            self.cancelled = True
            if self.checkpoint:
                # now: the engine's answer, which may be an average, takes the place of the last iterate
                self.save()
            raise

    def aside(self, option: str, write: Callable[[], None]) -> None:
        """Write something beside the picture, unless that went wrong before."""
        if option in self.off:
            return
        try:
            write()
        except OutputError as error:
            self.off[option] = str(error)
            self.untold.append(f"{option}: {error}; going on without")

    def write(self, picture: Image, target: Path) -> None:
        write_still(picture, target, quality=self.outputs.quality, depth=self.outputs.depth, format=self.outputs.pixels_as)

    def keep(self, state: Callable[[], dict[str, Any]] | None) -> None:
        """Take the engine's state, and save it when it is time to."""
        assert self.checkpoint
        self.checkpoint.state = state
        if time.monotonic() - self.checkpoint.saved > CHECKPOINT_SECONDS:
            self.save()

    def save(self) -> None:
        if self.checkpoint:
            checkpoint, seconds = self.checkpoint, self.seconds
            self.aside("--checkpoint", lambda: checkpoint.save(seconds))

    def flush(self) -> None:
        if self.log:
            log, data = self.log, "".join(f"{line}\n" for line in self.lines).encode()
            self.aside("--log", lambda: atomic_write(data, log))

    def close(self) -> None:
        self.flush()


def frame(image: Image, side: int = 640) -> Image:
    """Small enough that hundreds of frames fit in memory and in a GIF."""
    return resize(image, fit(image.size, side)) if max(image.size) > side else image


def _number_of(line: str, name: str, otherwise: float = math.inf) -> float:
    try:
        return float(json.loads(line)[name])
    except (ValueError, KeyError, TypeError):
        return otherwise


# The result -----------------------------------------------------------------------------------------------------------


def write_result(image: Image, outputs: Outputs) -> None:
    """Write the picture. Where that fails after all it goes to the folder of temporary files: it may be hours of work.

    Raises OutputError, which says where it is.
    """
    try:
        write_still(
            image, outputs.picture, quality=outputs.quality, depth=outputs.depth, format=outputs.format, overwrite=outputs.overwrite
        )
    except OutputError as error:
        refuge = Path(tempfile.gettempdir()) / f"atelier-{secrets.token_hex(4)}.png"
        try:
            write_still(image, refuge, overwrite=False)
        except AtelierError:
            raise error from None
        raise OutputError(f"{error}; the picture is kept as {refuge}") from error


def signed(image: Image, request: Request, seconds: float, inputs: Mapping[str, Any]) -> Image:
    """The picture with what made it: the request without secrets, its settings in full, digests of what it was made from."""
    request = request.without_secrets()
    resolved = dataclasses.asdict(settled(request))
    told = request.to_json(version=atelier.__version__, resolved=resolved, seconds=round(seconds, 2), inputs=inputs)
    return dataclasses.replace(image, text={**image.text, OUR_KEY: told})


def digests(content: Image | None, styles: Sequence[tuple[Image, float]], start: Image | None) -> dict[str, Any]:
    """What tells, when a run is repeated, whether its pictures are still the same."""

    def digest(image: Image | None) -> str:
        return hashlib.sha256(repr(image.shape).encode() + image.pixels.tobytes()).hexdigest()[:16] if image else ""

    return {"content": digest(content), "styles": [digest(image) for image, _ in styles], "start": digest(start)}


# Going on -------------------------------------------------------------------------------------------------------------


def fingerprint(request: Request, content: Image, styles: list[tuple[Image, float]], start: Image | None, networks: Sequence[str]) -> str:
    """What a checkpoint belongs to: the settings, the very pixels and weights (digests of networks), and what a state is like."""
    told = [STATE, dataclasses.asdict(settled(request)), request.seed, request.task, networks]
    digest = hashlib.sha256(json.dumps(told, default=plain).encode())
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
        self.seconds = 0.0
        """Of work before, once it is loaded."""

    def save(self, seconds: float) -> None:
        """Raises OutputError."""
        if self.state is None:
            return
        import torch

        buffer = io.BytesIO()
        torch.save({"fingerprint": self.fingerprint, "seconds": seconds, "state": self.state()}, buffer)
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
            self.seconds = float(found.get("seconds", 0.0))
        except Exception as error:
            raise SourceError(f"{self.path} is no checkpoint of atelier, or is damaged: name another file") from error
        if fingerprint != self.fingerprint:
            raise SourceError(f"{self.path} is of another run (other pictures, settings, weights or version): name another file")
        return state  # type: ignore[no-any-return]

    def delete(self) -> None:
        """Raises OutputError."""
        try:
            self.path.unlink(missing_ok=True)
        except OSError as error:
            raise OutputError(f"{self.path} cannot be deleted: {error.strerror or error}") from error
