"""The one orchestrator: opens what a request names, builds one engine, moves pictures through it, writes.

`paint` is values in, value out. `make` is the whole way from a request to a file, with what makes a long run bearable: pictures on
the way, a loss log, a checkpoint, and the request embedded in what was made.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

import atelier
from atelier.errors import Cancelled, ImageError, MissingExtra, OutputError, SettingError, SourceError
from atelier.image import Image, Limits, fit, resize
from atelier.media import atomic_write, check_animation, check_place, check_target, open_still, write_animation, write_still
from atelier.progress import Progress, Report, silent
from atelier.request import Request, Settings, Style, override

LARGEST = 4096
"""Long side, px, that a photo is painted at unless a size is asked for: minutes, not hours, on two cores."""
STARTS = ("photo", "recoloured", "noise", "grey")
CHECKPOINT_SECONDS = 20.0


@dataclass(frozen=True)
class Outputs:
    """Where things go. picture: the result. every: iterations between pictures on the way, written beside it. animation:
    a GIF, WebP or PNG of them. log: losses as JSON lines. checkpoint: state to resume from; deleted when the run is complete."""

    picture: str
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


def settled(request: Request) -> Settings:
    """The recipe's settings with those given put in, and what the task means by itself. Raises SettingError."""
    from atelier.engines.optimize.recipes import recipe

    base = recipe(request.recipe).settings
    if request.task == "texture":
        base = dataclasses.replace(base, content_weight=0.0, start="noise", style_fit="own")
    elif request.task == "reconstruct":
        # One scale from noise, since the point is what one layer holds; a little smoothness picks among the many
        # pictures that a deep layer cannot tell apart (Mahendran & Vedaldi 2015).
        base = dataclasses.replace(
            base, style_weight=0.0, start="noise", warm_features="", coarse_iterations=0, iterations=200, tv_weight=0.02
        )
    return override(base, request.settings)


def paint(
    request: Request,
    content: Image,
    styles: list[tuple[Image, float]],
    *,
    start: Image | None = None,
    report: Report = silent,
    **engine_call: Any,
) -> Image:
    """Content and styles, opened and of the size to work at, to the picture. For a texture the content only gives the size."""
    try:
        from atelier.engines.optimize.engine import OptimizeEngine
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise MissingExtra("painting by optimisation", "torch") from error
    engine = OptimizeEngine(styles, settled(request), request.device, request.seed)
    return engine(content, start=start, report=report, **engine_call)


def open_all(request: Request, limits: Limits = Limits(), report: Report = silent) -> tuple[Image, list[tuple[Image, float]], Image | None]:
    """The request's content at its working size, its styles, and the picture it starts from, if any."""
    settings = settled(request)
    names = [name for name in (request.content, *(s.source for s in request.styles), settings.start) if name == "-"]
    if len(names) > 1:
        raise SourceError("only one picture can come from standard input")
    styles = [(open_still(style.source, limits, report), style.weight) for style in request.styles]
    if request.content is not None:
        content = open_still(request.content, limits, report)
    elif styles:
        own = styles[0][0].size
        content = blank(*(request.canvas or (own if request.size is None else fit(own, request.size))))
    else:
        raise SettingError("nothing to paint: give a picture")
    start = open_still(settings.start, limits, report) if settings.start not in STARTS else None
    return at_size(content, request.size, report), [(image.flat(), weight) for image, weight in styles], start


def blank(width: int, height: int) -> Image:
    """A grey picture that only says how large a texture is to be. Raises ImageError over the limits."""
    if min(width, height) < 1 or width * height > Limits().pixels:
        raise ImageError(f"a texture of {width}x{height} px: must be from 1x1 to {Limits().pixels:,} pixels in all")
    return Image(np.full((height, width, 3), 0.5, np.float32))


def at_size(content: Image, size: int | None, report: Report = silent) -> Image:
    """The picture with a long side of `size` px, or as it is where that is within the limit."""
    if size is None:
        if max(content.size) <= LARGEST:
            return content
        size = LARGEST
        report(Progress("opening", note=f"{content.size[0]}x{content.size[1]} is painted at {LARGEST} px; --size asks for more"))
    if size < 1:
        raise SettingError(f"--size {size}: must be at least 1")
    target = fit(content.size, size)
    if target[0] * target[1] > Limits().pixels:
        raise ImageError(f"--size {size} would be {target[0]}x{target[1]} px, over the limit of {Limits().pixels:,} pixels")
    return content if target == content.size else resize(content, target)


def make(request: Request, outputs: Outputs, *, limits: Limits = Limits(), report: Report = silent) -> Made:
    """The whole way: open, paint, write. What can be refused is refused before the first iteration.

    Raises AtelierError; a report that raises Cancelled ends the run with the best picture so far written.
    """
    check_target(outputs.picture, format=outputs.format, quality=outputs.quality, depth=outputs.depth, overwrite=outputs.overwrite)
    if outputs.animation:
        check_animation(outputs.animation)
    for place in (outputs.log, outputs.checkpoint):
        if place:
            check_place(place)
    inputs = [request.content, *(style.source for style in request.styles)]
    if any(name and Path(name).exists() and Path(outputs.picture).exists() and Path(name).samefile(outputs.picture) for name in inputs):
        raise OutputError(f"{outputs.picture} is one of the pictures to paint from: give --out another name")
    if outputs.every < 0:
        raise SettingError(f"--every {outputs.every}: must be at least 0")
    if outputs.every and outputs.picture == "-":
        raise SettingError("--every writes pictures beside the result, which goes to standard output here: give --out a file")
    content, styles, start = open_all(request, limits, report)
    began = time.monotonic()
    progress = _Watch(request, outputs, content, report, began)
    checkpoint = _Checkpoint(Path(outputs.checkpoint), _fingerprint(request, content, styles, start)) if outputs.checkpoint else None
    progress.checkpoint = checkpoint
    resume = checkpoint.load() if checkpoint else None
    if resume:
        report(Progress("resuming", resume["done"], note=f"going on from iteration {resume['done']} of {outputs.checkpoint}"))
        progress.resumed(resume["done"])
    try:
        image = paint(request, content, styles, start=start, report=progress, resume=resume, keep=checkpoint.keep if checkpoint else None)
    finally:
        progress.close()
    seconds = time.monotonic() - began
    text = request.to_json(version=atelier.__version__, resolved=dataclasses.asdict(settled(request)), seconds=round(seconds, 2))
    image = dataclasses.replace(image, text={**image.text, "atelier": text})
    write_still(image, outputs.picture, quality=outputs.quality, depth=outputs.depth, format=outputs.format, overwrite=outputs.overwrite)
    if outputs.animation:
        write_animation([*progress.frames, _frame(image)], outputs.animation)
    if checkpoint and not progress.cancelled:
        checkpoint.delete()
    return Made(image, not progress.cancelled, seconds, progress.last.step, dict(progress.last.losses))


class _Watch:
    """A report that writes pictures and losses on the way, then passes on to the user's."""

    def __init__(self, request: Request, outputs: Outputs, content: Image, report: Report, began: float) -> None:
        self.outputs, self.report, self.began = outputs, report, began
        self.every = outputs.every or (10 if outputs.animation else 0)
        self.frames: list[Image] = []
        self.last = Progress("starting")
        self.cancelled = False
        self.checkpoint: _Checkpoint | None = None
        self.lines: list[str] = []
        self.log = Path(outputs.log) if outputs.log else None

    def resumed(self, done: int) -> None:
        """Keep what the log says of the iterations before."""
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
            if self.every and progress.preview and progress.step % self.every == 0:
                picture = progress.preview()
                if self.outputs.animation:
                    self.frames.append(_frame(picture))
                if self.outputs.every:
                    target = Path(self.outputs.picture)
                    write_still(
                        picture, target.with_name(f"{target.stem}-{progress.step:05d}{target.suffix}"), quality=self.outputs.quality
                    )
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


def _frame(image: Image, side: int = 640) -> Image:
    """Small enough that hundreds of frames fit in memory and in a GIF."""
    return resize(image, fit(image.size, side)) if max(image.size) > side else image


def _step_of(line: str) -> float:
    try:
        return float(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError):
        return math.inf


def _fingerprint(request: Request, content: Image, styles: list[tuple[Image, float]], start: Image | None) -> str:
    """What a checkpoint belongs to: the settings and the very pixels."""
    digest = hashlib.sha256(json.dumps([dataclasses.asdict(settled(request)), request.seed, request.task]).encode())
    for image, weight in [(content, 1.0), *styles, *([(start, 1.0)] if start else [])]:
        digest.update(np.float64(weight).tobytes())
        digest.update(repr(image.pixels.shape).encode())
        digest.update(image.pixels.tobytes())
    return digest.hexdigest()


class _Checkpoint:
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
        import io

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


def embedded(source: str) -> Request:
    """The request that made a picture, out of the picture. Raises SourceError where it holds none."""
    image = open_still(source)
    if "atelier" not in image.text:
        raise SourceError(f"{source} was not made by atelier, or another program has removed what it says about itself")
    return Request.from_json(image.text["atelier"])


__all__ = ["LARGEST", "Made", "Outputs", "Style", "embedded", "make", "open_all", "paint", "settled"]
