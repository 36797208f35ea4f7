"""Painting by a trained network: opens what a request names, paints, polishes if there is time, writes."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np

from atelier.engines.guide import Guide, Sample
from atelier.errors import MissingExtra, SettingError, SourceError, WeightsError
from atelier.image import Image, Limits
from atelier.image.value import Pixels
from atelier.media import STANDARD, Unstreamable, open_still, open_stream, write_stream
from atelier.progress import Progress, Report, silent
from atelier.request import InstantSettings, Request
from atelier.run.opening import at_size, open_style, settled_instant
from atelier.run.outputs import Made, Watch, signed, write_result
from atelier.run.painting import changed, check_painting, check_side, paint
from atelier.run.places import Outputs
from atelier.run.regions import finished, laid_out, made_from, open_places, places_read

HELD_PIXELS = 64_000_000
"""Pictures from this many pixels on are painted from window to window where their format allows: held whole, they take 40 bytes a
pixel and more."""
STREAMED_PIXELS = 4_000_000_000
"""Those painted from window to window may have so many, unless a limit is given: it is there for pictures that are held."""

WORTH_POLISHING = 1.5
"""Seconds that must be left for the optimiser to be called: it takes about one to begin."""


def paint_instant(
    request: Request, content: Image, samples: Sequence[Sample], guide: Guide | None = None, *, report: Report = silent
) -> Image:
    """Content and samples, opened and of the size to work at, to the picture."""
    settings = settled_instant(request)
    return finished(_painted(request, settings, content, samples, guide, report), content, settings, guide)


def _painted(
    request: Request, settings: InstantSettings, content: Image, samples: Sequence[Sample], guide: Guide | None, report: Report
) -> Image:
    began = time.monotonic()
    if settings.model:
        from atelier.engines.network.foreign import open_foreign

        try:
            engine = open_foreign(settings, request.device, report=report)
        except WeightsError as error:  # a file that the user named
            raise SourceError(str(error)) from error
        return engine(content, report=report)
    from atelier.engines.network.engine import InstantEngine

    painted = InstantEngine(samples, settings, request.device, request.seed, guide)(content, report=report)
    left = settings.seconds - (time.monotonic() - began)
    if left < WORTH_POLISHING:
        return painted
    return polished(request, settings, content, painted, samples, guide, left, report)


def polished(
    request: Request, settings: InstantSettings, content: Image, painted: Image, samples: Sequence[Sample], guide: Guide | None,
    seconds: float, report: Report,
) -> Image:  # fmt: skip
    """The network's picture, painted on by the optimiser for so many seconds."""
    given = {
        "start": "given", "style_size": settings.style_size, "tile": settings.tile, "seconds": seconds, "coarse_iterations": 0,
        "iterations": 100_000,
    }  # fmt: skip
    onwards = dataclasses.replace(request, engine="optimize", settings=given)
    try:
        return paint(onwards, content, samples, guide, start=painted, report=report)
    except MissingExtra as error:
        report(Progress("painting", note=f"the network's picture is not painted on: {error}"))
        return painted


def make_instant(
    request: Request, outputs: Outputs, *, limits: Limits = Limits(), report: Report = silent, known: Mapping[str, Any] | None = None
) -> Made:
    """Open, paint, write. known: as for `make_painting`."""
    settings = settled_instant(request)
    refuse(request, outputs, settings)
    check_painting(outputs, sources_instant(request))
    if made := make_streamed(request, outputs, settings, limits, report, known):
        return made
    began = time.monotonic()
    styles = [open_style(style.source, limits, report) for style in request.styles]
    where = open_places(request, limits, report)
    assert request.content is not None
    photo = open_still(request.content, limits, report)
    content = at_size(photo, request.size, report, limits, largest=math.inf)
    check_side(outputs, content)
    samples, guide = laid_out(request, content, styles, where, photo=photo, report=report)
    inputs = made_from(content, samples, guide)
    if note := changed(inputs, known):
        report(Progress("opening", note=note))
    progress = Watch(outputs, report, began)
    image = paint_instant(request, content, samples, guide, report=progress)
    image = signed(image, request, progress.seconds, inputs)
    write_result(image, outputs)
    return Made(image, not progress.cancelled, progress.seconds, progress.last.step, dict(progress.last.losses), progress.missed)


def make_streamed(
    request: Request, outputs: Outputs, settings: InstantSettings, limits: Limits, report: Report, known: Mapping[str, Any] | None
) -> Made | None:
    """A TIFF too large to be held, painted from window to window into a tiled TIFF; None of anything else."""
    source, target = str(request.content), outputs.picture
    if not all(Path(name).suffix.lower() in (".tif", ".tiff") and name != STANDARD for name in (source, target)):
        return None
    if (
        settings.model
        or settings.seconds
        or settings.style_size != 1
        or settings.color != "style"
        or request.size is not None
        or any(style.size != 1 for style in request.styles)
        or not Path(source).is_file()
    ):
        return None
    try:
        most = STREAMED_PIXELS if limits.pixels == Limits().pixels else limits.pixels
        stream = open_stream(source, limits=dataclasses.replace(limits, pixels=most))
    except Unstreamable:
        return None
    with stream:
        width, height = stream.size
        if width * height < HELD_PIXELS:
            return None
        for option, told in (("--regions", request.regions), ("--mask", request.masks), ("--blend", request.blend)):
            if told:
                raise SettingError(
                    f"{source} has {width}x{height} px and is painted from window to window, without {option}: give a --size"
                )
        from atelier.engines.network.engine import InstantEngine
        from atelier.engines.network.painter import THUMBNAIL

        began = time.monotonic()
        report(Progress("opening", note=f"{width}x{height} px are painted from window to window"))
        styles = [open_style(style.source, limits, report) for style in request.styles]
        small = stream.thumbnail(THUMBNAIL)
        samples, _ = laid_out(request, small, styles)
        inputs = made_from(small, samples)
        if note := changed(inputs, known):
            report(Progress("opening", note=note))
        engine = InstantEngine(samples, settings, request.device, request.seed)
        progress = Watch(outputs, report, began)
        windows = engine.windows(stream.window, stream.size, np.asarray(small.pixels), progress)
        if stream.has_alpha:
            windows = (
                (x, y, np.dstack([part, cast(Pixels, stream.window_alpha(x, y, part.shape[1], part.shape[0]))])) for x, y, part in windows
            )
        text = signed(dataclasses.replace(small, text=stream.text), request, 0.0, inputs).text
        depth = outputs.depth or stream.depth
        write_stream(
            windows, target, stream.size, depth=depth, alpha=stream.has_alpha, text=text, exif=stream.exif, overwrite=outputs.overwrite
        )
        return Made(small, True, progress.seconds, progress.last.step, size=stream.size)


def refuse(request: Request, outputs: Outputs, settings: InstantSettings) -> None:
    """Raise SettingError for what makes no sense together."""
    if request.content is None:
        raise SettingError("nothing to paint: give a photo")
    if settings.model and request.styles:
        raise SettingError("--model paints by itself: give no --style with it")
    if not settings.model and not request.styles:
        raise SettingError("give a --style: a painting's file, or a name from `atelier styles`")
    stray = [name for name in ("model_layout", "model_order", "model_range", "model_multiple") if name in request.settings]
    if stray and not settings.model:
        raise SettingError(f"--{stray[0].replace('_', '-')} is about a network from elsewhere: give --model")
    if settings.model and (settings.strength < 1 or settings.style_size != 1 or settings.seconds):
        raise SettingError("--strength, --style-size and --seconds are for the networks that ship, not for --model")
    for option in ("every", "animation", "log", "checkpoint"):
        if getattr(outputs, option):
            raise SettingError(f"--{option} shows the way of a long run: it is for --engine optimize")


def sources_instant(request: Request) -> list[str]:
    """All that a request reads by name of a file."""
    model = settled_instant(request).model
    from atelier.engines.network.catalogue import is_file

    files = [style.source for style in request.styles if is_file(style.source) or style.source == STANDARD]
    names = [*([request.content] if request.content else []), *files, *places_read(request), *([model] if model else [])]
    if names.count(STANDARD) > 1:
        raise SourceError("only one picture can come from standard input")
    return names
