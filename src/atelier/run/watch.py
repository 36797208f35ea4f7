"""What is written on the way: pictures, losses and states, out of the reports of a run."""

from __future__ import annotations

import dataclasses
import json
import math
import time
from collections.abc import Callable
from pathlib import Path

from atelier.errors import Cancelled, OutputError
from atelier.image import Image, fit, resize
from atelier.media import atomic_write, write_still
from atelier.progress import Progress, Report
from atelier.request import Outputs
from atelier.run.checkpoint import CHECKPOINT_SECONDS, Checkpoint


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
        return tuple(f"`{option}`: {why}" for option, why in self.off.items())

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
        self.keep(progress)
        if progress.losses:
            self.last = dataclasses.replace(progress, preview=None, state=None)  # which would keep the solver's memory
            if self.log:
                self.lines.append(json.dumps({**self.record(progress), **progress.losses}))
                if len(self.lines) % 20 == 0:
                    self.flush()
            # steps may come several at a time, as shapes do
            if self.every and progress.preview and progress.step // self.every > self.passed:
                self.passed = progress.step // self.every
                picture = progress.preview()
                if self.outputs.animation:
                    self.frames.append(frame(picture))
                if self.outputs.every:
                    self.aside("every", lambda: self.write(picture, self.outputs.on_the_way(progress.step)))
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

    def record(self, progress: Progress) -> dict[str, object]:
        """What a line of the log says beside the losses."""
        size = f" at {progress.size[0]}x{progress.size[1]}" if progress.size else ""
        stage = f"{progress.subject or progress.stage}{size}"
        return {"step": progress.step, "stage": stage, "seconds": round(self.seconds, 3)}

    def aside(self, option: str, write: Callable[[], None]) -> None:
        """Write something beside the picture, unless that went wrong before."""
        if option in self.off:
            return
        try:
            write()
        except OutputError as error:
            self.off[option] = str(error)
            self.untold.append(f"`{option}`: {error}; going on without")

    def write(self, picture: Image, target: Path) -> None:
        outputs = self.outputs
        write_still(picture, target, quality=outputs.quality, depth=outputs.depth, profile=outputs.profile, format=outputs.pixels_as)

    def keep(self, progress: Progress) -> None:
        """Take the engine's state, and save it when it is time to."""
        if self.checkpoint is None or not progress.losses:
            return
        self.checkpoint.state = progress.state
        if time.monotonic() - self.checkpoint.saved > CHECKPOINT_SECONDS:
            self.save()

    def save(self) -> None:
        if self.checkpoint:
            checkpoint, seconds = self.checkpoint, self.seconds
            self.aside("checkpoint", lambda: checkpoint.save(seconds))

    def flush(self) -> None:
        if self.log:
            log, data = self.log, "".join(f"{line}\n" for line in self.lines).encode()
            self.aside("log", lambda: atomic_write(data, log))

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
