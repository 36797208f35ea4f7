"""Painting by optimisation: opens what a request names, builds the engine, moves pictures through it, writes.

`paint` is values in, value out. `make_painting` is the whole way from a request to a file, with what makes a long run
bearable: pictures on the way, a loss log, a checkpoint, and the request embedded in what was made.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from atelier.engines.guide import Guide, Sample
from atelier.errors import Cancelled, MissingExtra, OutputError, SettingError, SourceError
from atelier.image import Image, Limits, encode, fit
from atelier.media import STANDARD, check_animation, check_place, check_target, open_still, write_animation
from atelier.perception.weights import identity
from atelier.progress import Progress, Report, silent
from atelier.request import Request
from atelier.run.opening import LARGEST, as_picture, at_size, blank, open_style, settled_painting
from atelier.run.outputs import (
    Checkpoint,
    Made,
    Watch,
    fingerprint,
    frame,
    signed,
    write_result,
)
from atelier.run.places import Outputs, beforehand, check_outputs
from atelier.run.regions import finished, laid_out, made_from, open_places, places_read, rotated

STARTS = ("photo", "recoloured", "noise", "grey")


def paint(
    request: Request,
    content: Image,
    samples: Sequence[Sample],
    guide: Guide | None = None,
    *,
    start: Image | None = None,
    report: Report = silent,
    **engine_call: Any,
) -> Image:
    """Content and samples, opened and of the size to work at, to the picture. For a texture the content only gives the size."""
    try:
        from atelier.engines.optimize.engine import OptimizeEngine
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise MissingExtra("painting by optimisation", "torch") from error
    settings = settled_painting(request)
    pictures = [replace(sample, picture=as_picture(sample.picture)) for sample in samples]
    engine = OptimizeEngine(pictures, settings, request.device, request.seed, guide)
    timed = Until(report, settings.seconds)
    painted = engine(content, start=start, report=timed, **engine_call)
    timed.close()
    return finished(painted, content, settings, guide)


class Until:
    """A report that says stop once so many seconds, if not 0, have passed; to the report it passes on to, the run was not stopped.

    Where the time will be up before the iterations are made, their total is what they come to by then at the pace so far. So the share
    that is done only grows, and ends at the whole; `close` sees to that where a run has converged before.
    """

    def __init__(self, report: Report, seconds: float) -> None:
        self.report, self.seconds, self.began = report, seconds, time.monotonic()
        self.before: int | None = None  # iterations that were made in another run
        self.last = Progress("painting")
        self.stopped = False

    def __call__(self, progress: Progress) -> None:
        spent = time.monotonic() - self.began
        if self.before is None and progress.losses:
            self.before = progress.step - 1
        if self.seconds and progress.total:
            progress = replace(progress, total=self.total(progress, spent))
        self.last = progress
        try:
            self.report(progress)
        except Cancelled:
            self.stopped = True
            raise
        if self.seconds and progress.losses and spent >= self.seconds:
            raise Cancelled

    def total(self, progress: Progress, spent: float) -> int:
        """How many iterations there will be, after so many seconds."""
        step, last = progress.step, self.last
        if step == last.step and last.total:
            return last.total
        before = self.before or 0
        total = min(progress.total, before + math.ceil((step - before) * self.seconds / max(spent, 1e-9)))
        if last.step:
            total = min(total, last.total * step // last.step)
        return max(total, step)

    def close(self) -> None:
        """Say that all is done, unless that was said, or it was stopped."""
        if not self.stopped and self.last.step < self.last.total:
            with suppress(Cancelled):  # the picture is there
                self.report(replace(self.last, step=self.last.total, losses={}, preview=None, note=""))


def sources_painting(request: Request) -> list[str]:
    """All that a request reads: its pictures, and weights that are files."""
    settings = settled_painting(request)
    weights = [name for name in (settings.features, settings.warm_features) if Path(name).is_file()]
    start = [] if settings.start in STARTS else [settings.start]
    styles = [style.source for style in request.styles]
    return [*([request.content] if request.content else []), *styles, *places_read(request), *start, *weights]


@dataclass(frozen=True)
class Opened:
    """A request's content at its working size, what is learned from, which of it goes where, and the picture it starts from."""

    content: Image
    samples: list[Sample]
    guide: Guide | None = None
    start: Image | None = None

    @property
    def styles(self) -> list[tuple[Image, float]]:
        """The pictures of the samples with their weights."""
        return [(as_picture(sample.picture), sample.weight) for sample in self.samples]


def open_all(request: Request, limits: Limits = Limits(), report: Report = silent) -> Opened:
    """All that a request paints with, opened."""
    if sources_painting(request).count(STANDARD) > 1:
        raise SourceError("only one picture can come from standard input")
    start = settled_painting(request).start
    styles = [as_picture(open_style(style.source, limits, report)).flat() for style in request.styles]
    where = open_places(request, limits, report)
    photo = None
    if request.content is not None:
        photo = open_still(request.content, limits, report)
        content = at_size(photo, request.size, report, limits)
    elif request.canvas and styles:
        content = blank(*request.canvas, limits)  # of just the size that was asked for, whatever it is
    elif styles:
        own = as_picture(rotated(styles[0], request.styles[0].rotate)).size
        content = at_size(blank(*(own if request.size is None else fit(own, request.size)), limits), request.size, report, limits)
    else:
        raise SettingError("nothing to paint: give a picture")
    begin = open_still(start, limits, report) if start not in STARTS else None
    samples, guide = laid_out(request, content, styles, where, photo=photo, report=report)
    return Opened(content, samples, guide, begin)


def make_painting(
    request: Request, outputs: Outputs, *, limits: Limits = Limits(), report: Report = silent, known: Mapping[str, Any] | None = None
) -> Made:
    """Open, paint, write. What can be refused is refused before the first iteration.

    known: the digests of the pictures and networks a run was made with, where it is repeated; what has changed since is noted.
    """
    check_painting(outputs, sources_painting(request))
    opened = open_all(request, limits, report)
    check_side(outputs, opened.content)
    inputs = made_from(opened.content, opened.samples, opened.guide, opened.start)
    inputs["networks"] = seen_through(request)
    if note := changed(inputs, known):
        report(Progress("opening", note=note))
    progress = Watch(outputs, report, time.monotonic())
    resume = None
    if outputs.checkpoint:
        known_by = fingerprint(request, opened.content, opened.styles, opened.start, inputs["networks"]) + inputs["places"]
        progress.checkpoint = Checkpoint(Path(outputs.checkpoint), known_by)
        resume = progress.checkpoint.load()
    if resume and progress.checkpoint:
        report(Progress("resuming", resume["done"], note=f"going on from iteration {resume['done']} of {outputs.checkpoint}"))
        progress.resumed(resume["done"], progress.checkpoint.seconds)
    try:
        image = paint(
            request, opened.content, opened.samples, opened.guide, start=opened.start, report=progress, resume=resume,
            keep=progress.keep if outputs.checkpoint else None,
        )  # fmt: skip
        image = signed(image, request, progress.seconds, inputs)
        try:
            write_result(image, outputs)
        except OutputError:
            progress.save()  # for another try without the work
            raise
    finally:
        progress.close()
    if outputs.animation:
        animation = outputs.animation
        progress.aside("--animation", lambda: write_animation([*progress.frames, frame(image)], animation))
    if progress.checkpoint and not progress.cancelled:
        progress.aside("--checkpoint", progress.checkpoint.delete)
    return Made(image, not progress.cancelled, progress.seconds, progress.last.step, dict(progress.last.losses), progress.missed)


def check_painting(outputs: Outputs, read: Sequence[str]) -> None:
    """Refuse what needs no picture to be seen as a mistake."""
    with beforehand():
        check_target(outputs.picture, format=outputs.format, quality=outputs.quality, depth=outputs.depth)
        if outputs.animation:
            check_animation(outputs.animation)
        for place in (outputs.log, outputs.checkpoint):
            if place:
                check_place(place)
    check_outputs(outputs, read)


def check_side(outputs: Outputs, content: Image) -> None:
    """Refuse a format that has no room for the picture. Every one has for those up to LARGEST."""
    if max(content.size) > LARGEST:
        suffix = "png" if outputs.picture == STANDARD else Path(outputs.picture).suffix
        with beforehand():
            encode(Image(np.zeros((1, max(content.size), 3), np.float32)), outputs.format or suffix, quality=outputs.quality)


def seen_through(request: Request) -> list[str]:
    """Digests of the networks that the request is painted with. Raises WeightsError."""
    settings = settled_painting(request)
    return [identity(name)[:16] for name in dict.fromkeys((settings.features, settings.warm_features)) if name]


def changed(inputs: Mapping[str, Any], known: Mapping[str, Any] | None) -> str:
    """What to say of pictures and weights that are not what they were."""
    names = {"content": "the photo", "styles": "a painting", "start": "the picture it starts from", "named": "a style by name"}
    names |= {"places": "what goes where", "networks": "the weights of a network"}
    found = [name for key, name in names.items() if known and key in inputs and known.get(key, inputs[key]) != inputs[key]]
    return f"{' and '.join(found)} changed since then: the result will be another" if found else ""
