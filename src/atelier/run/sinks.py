"""Where painted frames go: one sink a medium, chosen by the job, and all of what it writes whole or not at all.

A new medium is a class here, or in a file of its own, and its name in `SINKS`.
"""

from __future__ import annotations

import dataclasses
import secrets
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

import numpy as np

from atelier.engines.engine import EngineKind, Frame
from atelier.errors import AtelierError, OutputError
from atelier.image import Image, encode, fit, resize
from atelier.image.value import Pixels
from atelier.media import (
    STANDARD,
    atomic_write,
    check_animation,
    check_place,
    check_target,
    write_animation,
    write_still,
    write_stream,
)
from atelier.media.films import is_pattern
from atelier.progress import Progress, Report, silent
from atelier.request import Outputs
from atelier.run import drawings
from atelier.run.checkpoint import Checkpoint, fingerprint
from atelier.run.film.frames import FrameSink
from atelier.run.film.sink import FilmSink
from atelier.run.job import Job, Streamed
from atelier.run.made import Made
from atelier.run.signing import sign
from atelier.run.solid.sink import MeshSink
from atelier.run.targets import beforehand
from atelier.run.watch import Watch, frame

if TYPE_CHECKING:
    from atelier.engines.primitives.drawing import Drawing

WIDEST = 8192
"""Px of a panorama in a page: graphics hold no wider ones everywhere."""
TRIED_SIDE = 4096
"""Long side, px, of pictures that every format has room for."""


class Sink(Protocol):
    """Takes what a job paints. report: to be given to the job's frames; state: what to go on from, or None; made: what came of it."""

    report: Watch
    state: Any
    made: Made

    def put(self, painted: Any) -> None:
        """Write what was painted. Raises OutputError."""
        ...

    def __enter__(self) -> Sink: ...

    def __exit__(self, *_: object) -> None: ...


class StillSink:
    """One picture in a file, with what is written on the way: pictures, an animation, losses, states."""

    made: Made

    def __init__(self, job: Job, outputs: Outputs, report: Report = silent) -> None:
        check_side(outputs, job.content)
        self.job, self.outputs = job, outputs
        self.report = Watch(outputs, report, time.monotonic())
        self.state: Any = None
        if outputs.checkpoint:
            checkpoint = Checkpoint(Path(outputs.checkpoint), fingerprint(job))
            self.report.checkpoint, self.state = checkpoint, checkpoint.load()
        if self.state:
            done = self.state["done"]
            report(Progress("resuming", done, note=f"going on from iteration {done} of {outputs.checkpoint}"))
            self.report.resumed(done, checkpoint.seconds)

    def put(self, painted: Frame) -> None:
        watch, outputs = self.report, self.outputs
        image = self.job.picture(painted, watch.seconds, outputs.profile)
        try:
            write_result(image, outputs)
        except OutputError:
            watch.save()  # for another try without the work
            raise
        if outputs.animation:
            animation = outputs.animation
            watch.aside("animation", lambda: write_animation([*watch.frames, frame(image)], animation))
        if outputs.html:
            page = outputs.html
            watch.aside("html", lambda: write_around(image, page, Path(outputs.picture).name))
        self.made = made_by(watch, image)

    def __enter__(self) -> StillSink:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self.report.close()
        if kind is None:
            if self.report.checkpoint and not self.report.cancelled:
                self.report.aside("checkpoint", self.report.checkpoint.delete)
            self.made = dataclasses.replace(self.made, missed=self.report.missed)


def write_around(image: Image, target: str, title: str) -> None:
    """Write a page in which one looks around in a painted panorama. Raises OutputError."""
    from atelier.viewer.panorama import panorama_page

    shown = resize(image, fit(image.size, WIDEST)) if max(image.size) > WIDEST else image
    atomic_write(panorama_page(title, encode(shown.flat(), "jpg", quality=90)).encode(), Path(target))


class DrawingSink:
    """A drawing in files of several formats, and growing as a film."""

    made: Made

    def __init__(self, job: Job, outputs: Outputs, report: Report = silent) -> None:
        pixels = any(not drawings.kind(target, outputs.format) for target in (outputs.picture, *outputs.also))
        self.size = drawings.picture_size(job.photo.size, job.request.size, job.limits) if pixels else None
        self.job, self.outputs, self.state = job, outputs, None
        # the film is drawn anew from the result, so the watch need not keep frames
        self.report = Watch(dataclasses.replace(outputs, animation=None), report, time.monotonic())
        if job.drawing is not None:
            self.report.resumed(len(job.drawing.marks))

    def put(self, painted: Drawing) -> None:
        watch, seconds = self.report, self.report.seconds
        watch.close()
        drawn = self.job.signed(painted, seconds)
        image = drawings.write_all(drawn, self.outputs, self.size, self.job.photo)
        if self.outputs.animation:
            film = self.outputs.animation
            watch.aside("animation", lambda: drawings.write_film(drawn, film))
        self.made = Made(image, not watch.cancelled, seconds, len(drawn.marks), {"score": drawn.score}, watch.missed)

    def __enter__(self) -> DrawingSink:
        return self

    def __exit__(self, *_: object) -> None:
        self.report.close()


class WindowSink:
    """A picture that is not held, written from window to window as a tiled TIFF."""

    made: Made

    def __init__(self, job: Job, outputs: Outputs, report: Report = silent) -> None:
        self.job, self.outputs, self.state = job, outputs, None
        self.report = Watch(outputs, report, time.monotonic())

    def put(self, painted: Streamed) -> None:
        source, outputs, small = painted.source, self.outputs, painted.small
        windows = painted.windows
        if source.has_alpha:
            windows = (
                (x, y, np.dstack([part, cast(Pixels, source.window_alpha(x, y, part.shape[1], part.shape[0]))])) for x, y, part in windows
            )
        text = sign(small, self.job.request, 0.0, self.job.inputs, self.job.ran, outputs.profile).text
        write_stream(
            windows, outputs.picture, source.size, depth=outputs.depth or source.depth, alpha=source.has_alpha, text=text,
            exif=source.exif, profile=source.profile if outputs.profile == "keep" else None, overwrite=outputs.overwrite,
        )  # fmt: skip
        self.made = Made(small, True, self.report.seconds, self.report.last.step, size=source.size)

    def __enter__(self) -> WindowSink:
        return self

    def __exit__(self, *_: object) -> None:
        self.report.close()


def write(job: Job, outputs: Outputs, report: Report = silent) -> Sink:
    """Open the sink for a job's frames. Raises what can be refused only now that the picture's size is known."""
    if job.film is not None:
        return cast(Sink, (FrameSink if is_pattern(outputs.picture) else FilmSink)(job, outputs, report))
    if job.sitting is not None:
        return cast(Sink, MeshSink(job, outputs, report))
    profile = job.photo.profile if job.stream is None else job.stream.profile
    if outputs.profile == "keep" and profile is None:
        report(Progress("opening", note="the photo has no colour profile of its own to be kept: the result is in sRGB"))
    if job.kind.draws:
        return cast(Sink, DrawingSink(job, outputs, report))
    return cast(Sink, (StillSink if job.stream is None else WindowSink)(job, outputs, report))


def check_targets(kind: EngineKind, outputs: Outputs) -> None:
    """Refuse what needs no picture to be seen as a mistake. Raises TargetError."""
    with beforehand():
        for target in (outputs.picture, *outputs.also):
            if kind.draws:
                drawings.check_drawing(target, outputs)
            else:
                check_target(target, format=outputs.format, quality=outputs.quality, depth=outputs.depth, profile=outputs.profile)
        if outputs.animation:
            (drawings.check_film if kind.draws else check_animation)(outputs.animation)
        for path in (outputs.log, outputs.checkpoint):
            if path:
                check_place(path)


def takes_windows(outputs: Outputs) -> bool:
    """Whether the target can be written from window to window."""
    return outputs.picture != STANDARD and Path(outputs.picture).suffix.lower() in (".tif", ".tiff")


def check_side(outputs: Outputs, content: Image) -> None:
    """Refuse a format that has no room for the picture. Every one has for those up to TRIED_SIDE."""
    if max(content.size) > TRIED_SIDE:
        suffix = "png" if outputs.picture == STANDARD else Path(outputs.picture).suffix
        with beforehand():
            encode(Image(np.zeros((1, max(content.size), 3), np.float32)), outputs.format or suffix, quality=outputs.quality)


def made_by(watch: Watch, image: Image) -> Made:
    """What came of a run that was watched."""
    return Made(image, not watch.cancelled, watch.seconds, watch.last.step, dict(watch.last.losses), watch.missed)


def write_result(image: Image, outputs: Outputs) -> None:
    """Write the picture. Where that fails after all it goes to the folder of temporary files: it may be hours of work.

    Raises OutputError, which says where it is.
    """
    try:
        write_still(
            image,
            outputs.picture,
            quality=outputs.quality,
            depth=outputs.depth,
            profile=outputs.profile,
            format=outputs.format,
            overwrite=outputs.overwrite,
        )
    except OutputError as error:
        refuge = Path(tempfile.gettempdir()) / f"atelier-{secrets.token_hex(4)}.png"
        try:
            write_still(image, refuge, overwrite=False)
        except AtelierError:
            raise error from None
        raise OutputError(f"{error}; the picture is kept as {refuge}") from error
