"""Painting by optimisation: opens what a request names, builds the engine, moves pictures through it, writes.

`paint` is values in, value out. `make_painting` is the whole way from a request to a file, with what makes a long run
bearable: pictures on the way, a loss log, a checkpoint, and the request embedded in what was made.
"""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path
from typing import Any

import atelier
from atelier.errors import MissingExtra, SettingError, SourceError
from atelier.image import Image, Limits, fit
from atelier.media import check_animation, check_place, check_target, open_still, write_animation, write_still
from atelier.progress import Progress, Report, silent
from atelier.request import Request
from atelier.run.opening import at_size, blank, settled_painting
from atelier.run.outputs import Checkpoint, Made, Outputs, Watch, check_outputs, fingerprint, frame

STARTS = ("photo", "recoloured", "noise", "grey")


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
    engine = OptimizeEngine(styles, settled_painting(request), request.device, request.seed)
    return engine(content, start=start, report=report, **engine_call)


def open_all(request: Request, limits: Limits = Limits(), report: Report = silent) -> tuple[Image, list[tuple[Image, float]], Image | None]:
    """The request's content at its working size, its styles, and the picture it starts from, if any."""
    settings = settled_painting(request)
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


def make_painting(request: Request, outputs: Outputs, *, limits: Limits = Limits(), report: Report = silent) -> Made:
    """Open, paint, write. What can be refused is refused before the first iteration."""
    check_target(outputs.picture, format=outputs.format, quality=outputs.quality, depth=outputs.depth, overwrite=outputs.overwrite)
    if outputs.animation:
        check_animation(outputs.animation)
    for place in (outputs.log, outputs.checkpoint):
        if place:
            check_place(place)
    check_outputs(outputs, [request.content, *(style.source for style in request.styles)])
    content, styles, start = open_all(request, limits, report)
    began = time.monotonic()
    progress = Watch(outputs, report, began)
    checkpoint = Checkpoint(Path(outputs.checkpoint), fingerprint(request, content, styles, start)) if outputs.checkpoint else None
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
    text = request.to_json(version=atelier.__version__, resolved=dataclasses.asdict(settled_painting(request)), seconds=round(seconds, 2))
    image = dataclasses.replace(image, text={**image.text, "atelier": text})
    write_still(image, outputs.picture, quality=outputs.quality, depth=outputs.depth, format=outputs.format, overwrite=outputs.overwrite)
    if outputs.animation:
        write_animation([*progress.frames, frame(image)], outputs.animation)
    if checkpoint and not progress.cancelled:
        checkpoint.delete()
    return Made(image, not progress.cancelled, seconds, progress.last.step, dict(progress.last.losses))
