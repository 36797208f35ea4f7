"""Painting by a trained network: opens what a request names, paints, lets the optimiser follow if there is time, writes."""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import math
import time
from collections.abc import Hashable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from atelier.engines.guide import Guide, Sample
from atelier.errors import Diverged, MissingExtra, SettingError, SourceError, WeightsError
from atelier.image import Image, Limits, fit, resize
from atelier.image.value import Pixels
from atelier.media import STANDARD, Unstreamable, open_still, open_stream, write_stream
from atelier.progress import Progress, Report, silent
from atelier.request import InstantSettings, Request
from atelier.run.opening import Painting, at_size, blank, open_style, settled_instant
from atelier.run.outputs import Made, Watch, signed, write_result
from atelier.run.painting import changed, check_painting, check_side, paint
from atelier.run.places import Outputs
from atelier.run.regions import SEEN, finished, laid_out, made_from, open_places, places_read

if TYPE_CHECKING:
    from atelier.engines.network.engine import InstantEngine, Models
    from atelier.media import StreamSource

HELD_PIXELS = 64_000_000
"""Pictures from this many pixels on are painted from window to window where their format allows: held whole, they take 40 bytes a
pixel and more."""
STREAMED_PIXELS = 4_000_000_000
"""Those painted from window to window may have so many, unless a limit is given: it is there for pictures that are held."""

MAPPED_PIXELS = 8_000_000
"""Pixels at which it is held which style goes where in those."""
UNPAINTED = 1024
"""Pixels a side of the windows in which such a picture is copied where nothing is painted."""

WORTH_BEGINNING = 1.5
"""Seconds that must be left for the optimiser to be called: it takes about one to begin."""
WORTH_SHOWING = 8
"""Iterations at the full size from which on the optimiser's picture is the better one: after about as many it had half the network's
error on the two pairs that were looked at."""


@dataclasses.dataclass
class _Kept:
    """The engine that painted last, and what it was built from."""

    engine: InstantEngine | None = None
    samples: Sequence[Sample] = ()
    settled: Hashable = None


_KEPT: ContextVar[_Kept | None] = ContextVar("_KEPT", default=None)


@contextlib.contextmanager
def one_engine() -> Iterator[None]:
    """Photos painted within it, a folder's, share an engine as long as styles, settings, device and seed are the same."""
    token = _KEPT.set(_Kept())
    try:
        yield
    finally:
        _KEPT.reset(token)


def models_for(request: Request, settings: InstantSettings, styles: Sequence[Painting]) -> Models:
    """The models that ship, those that these styles need on their way in another thread: opening them takes as long as the photo and
    all that goes with it. What fails there fails again, and is told, when the engine asks for it."""
    from atelier.engines.network.engine import Models

    kept = _KEPT.get()
    if kept and kept.engine and (kept.engine.device, kept.engine.settings.backend) == (request.device, settings.backend):
        return kept.engine.model
    models = Models(request.device, settings.backend)
    # a style by name that is turned is a painting
    paintings = [isinstance(each, Image) or style.rotate % 360 != 0 for each, style in zip(styles, request.styles, strict=True)]
    apart = request.regions or request.masks  # a place by names alone has the body for these
    names = ["reader", "painter"] if any(paintings) else []
    if not any(paintings) or (apart and not all(paintings)):
        names.append("styles")
    models.begin(names)
    return models


def engine_for(
    request: Request, settings: InstantSettings, samples: Sequence[Sample], guide: Guide | None = None, models: Models | None = None
) -> InstantEngine:
    """The engine for samples and a guide; within `one_engine` that of the photo before, where it fits. Raises what InstantEngine does."""
    from atelier.engines.network.engine import InstantEngine

    kept = _KEPT.get()
    settled = settings, request.device, request.seed, None if guide is None else len(guide.places)
    if kept and kept.engine and kept.settled == settled and len(kept.samples) == len(samples) and all(map(_alike, kept.samples, samples)):
        engine = copy.copy(kept.engine)
        engine.guide = guide
        return engine
    engine = InstantEngine(samples, settings, request.device, request.seed, guide, models)
    if kept:
        kept.engine, kept.samples, kept.settled = engine, samples, settled
    return engine


def _alike(one: Sample, other: Sample) -> bool:
    """Whether the same is learned from two samples, for the same place."""

    def plain(sample: Sample) -> Hashable:
        style = sample.picture
        named = None if isinstance(style, Image) else (style.name, style.swatch)
        return sample.weight, sample.place, sample.size, sample.strokes, named, sample.part is None

    def arrays(sample: Sample) -> list[np.ndarray[Any, Any]]:
        style, part = sample.picture, [] if sample.part is None else [sample.part]
        if isinstance(style, Image):
            return [style.pixels, *part]
        return [style.numbers, style.colours.mean, style.colours.covariance, *part]

    return plain(one) == plain(other) and all(map(np.array_equal, arrays(one), arrays(other)))


def paint_instant(
    request: Request, content: Image, samples: Sequence[Sample], guide: Guide | None = None, models: Models | None = None, *,
    report: Report = silent,
) -> Image:  # fmt: skip
    """Content and samples, opened and of the size to work at, to the picture. models: those that ship, where they are open already."""
    settings = settled_instant(request)
    return finished(_painted(request, settings, content, samples, guide, models, report), content, settings, guide)


def _painted(
    request: Request, settings: InstantSettings, content: Image, samples: Sequence[Sample], guide: Guide | None, models: Models | None,
    report: Report,
) -> Image:  # fmt: skip
    began = time.monotonic()
    if settings.model:
        from atelier.engines.network.foreign import open_foreign

        try:
            engine = open_foreign(settings, request.device, report=report)
        except WeightsError as error:  # a file that the user named
            raise SourceError(str(error)) from error
        return engine(content, report=report)
    painted = engine_for(request, settings, samples, guide, models)(content, report=report)
    left = settings.seconds - (time.monotonic() - began)
    if left < WORTH_BEGINNING:
        if settings.seconds:
            least = math.ceil(settings.seconds - left + WORTH_BEGINNING)
            report(Progress("painting", note=f"no time is left for the optimiser, which follows from about --seconds {least} on"))
        return painted
    return optimised(request, settings, content, painted, samples, guide, left, report)


def optimised(
    request: Request, settings: InstantSettings, content: Image, painted: Image, samples: Sequence[Sample], guide: Guide | None,
    seconds: float, report: Report,
) -> Image:  # fmt: skip
    """What the optimiser makes of so many seconds, or the network's picture where it did not come far.

    It begins from the recoloured photo, coarse to fine: from the network's picture on it is ahead in no second, since that one's
    grain and large forms are far from where it goes.
    """
    given = {"style_size": settings.style_size, "tile": settings.tile, "seconds": seconds, "iterations": 100_000}
    onwards = dataclasses.replace(request, engine="optimize", settings=given)
    height, width = content.shape
    made, picture = 0, painted

    def counted(progress: Progress) -> None:
        nonlocal made
        made += bool(progress.losses) and progress.stage.endswith(f" {width}x{height}")
        report(progress if made >= WORTH_SHOWING else dataclasses.replace(progress, losses={}))

    try:
        picture = paint(onwards, content, samples, guide, report=counted)
        why = f"the time was up after {made} iterations of the optimiser at the full size"
    except (MissingExtra, Diverged) as error:
        why = str(error)
    if made < WORTH_SHOWING:
        picture = painted
        report(Progress("painting", note=f"the picture is the network's: {why}"))
    return picture


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
    models = None if settings.model else models_for(request, settings, styles)
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
    image = paint_instant(request, content, samples, guide, models, report=progress)
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
        from atelier.engines.network.photo import THUMBNAIL, Photo

        began = time.monotonic()
        report(Progress("opening", note=f"{width}x{height} px are painted from window to window"))
        styles = [open_style(style.source, limits, report) for style in request.styles]
        if request.regions or request.masks or request.blend:
            seen = stream.thumbnail(SEEN)
            small = resize(seen, fit(seen.size, min(THUMBNAIL, max(seen.size))))
            samples, guide = _laid_out(request, stream.size, seen, styles, limits, report)
        else:
            small = stream.thumbnail(THUMBNAIL)
            samples, guide = laid_out(request, small, styles)
        inputs = made_from(small, samples, guide)
        if note := changed(inputs, known):
            report(Progress("opening", note=note))
        engine = engine_for(request, settings, samples, guide)
        progress = Watch(outputs, report, began)
        if settings.strength == 0:
            windows = unpainted(stream)
        else:
            windows = engine.paint(Photo(stream.window, stream.size, np.asarray(small.pixels)), progress)
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


def _laid_out(
    request: Request, size: tuple[int, int], seen: Image, styles: Sequence[Painting], limits: Limits, report: Report
) -> tuple[list[Sample], Guide | None]:
    """As `laid_out`, for a photo of this size (width, height) that is not held: the guide may be coarser. seen: the photo, SEEN px."""
    share = min(1.0, math.sqrt(MAPPED_PIXELS / (size[0] * size[1])))
    coarse = blank(*fit(size, round(max(size) * share)))
    if request.feather is not None:
        request = dataclasses.replace(request, feather=request.feather * max(coarse.size) / max(size))
    return laid_out(request, coarse, styles, open_places(request, limits, report), photo=seen, size=size, report=report)


def unpainted(stream: StreamSource) -> Iterator[tuple[int, int, Pixels]]:
    """A picture as it is, window by window: x, y, pixels (h, w, 3)."""
    width, height = stream.size
    for y in range(0, height, UNPAINTED):
        for x in range(0, width, UNPAINTED):
            yield x, y, stream.window(x, y, min(UNPAINTED, width - x), min(UNPAINTED, height - y))


def refuse(request: Request, outputs: Outputs, settings: InstantSettings) -> None:
    """Raise SettingError for what makes no sense together."""
    if request.content is None:
        raise SettingError("nothing to paint: give a photo")
    if settings.model and request.styles:
        raise SettingError("--model paints by itself: give no --style with it")
    if not settings.model and not request.styles:
        raise SettingError("give a --style: a painting's file, or a name from `atelier styles`")
    stray = [name for name in request.settings if name.startswith("model_")]
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
