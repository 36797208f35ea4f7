"""A painted film beside the one it was painted from: does it hold still where that does? docs/films.md says what the numbers mean."""

from __future__ import annotations

import dataclasses
import json
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from atelier.errors import SettingError
from atelier.image import Image, Limits, fit
from atelier.image.value import Pixels
from atelier.media.films import Ahead, Moment, Span, open_film
from atelier.perception.motion import flow_between, import_cv2, luminance, warp
from atelier.perception.motion.motion import trusted
from atelier.progress import Progress, Report, silent
from atelier.request import plain

METHOD = "farneback"
"""Of the flow that is judged by: another than that which is painted by."""
LAGS = (1, 10)
"""Frames between those that are compared."""
SIDE = 640
"""Long side at which films are looked at, px."""
SAMPLES, WINDOW = 1024, 32
"""Pixels whose brightness over time is looked at, and frames of one look."""
SHOWN = 8
"""Frames that style is judged in, over the film."""
PAIRS = 48
"""Pairs of frames that are compared at each lag, over the film."""
SAME = 16 / 255
"""Mean difference, of 1, over 5 px up to which a place of the film is the same thing in both frames."""
LEAST_TRUSTED = 0.02
"""Share of a frame that has to be found again; else the two show different things, as over a cut."""


@dataclass(frozen=True)
class ClipVerdict:
    """Plain numbers about a painted film.

    frames: compared. warping_1, warping_10: mean squared difference, of 1, between a frame and the one 1 or 10 later moved back along
    the film's own motion, over what is there in both; input_1, input_10: the same of the film itself. flicker: power of brightness over
    time, by frequency from slow to every other frame, in 8 bands; input_flicker: the film's own. detail: mean square of what is finer
    than 2 px. strokes: mean of some frames, where a painting was given. seconds: how long the film is.
    """

    frames: int
    seconds: float
    warping_1: float
    input_1: float
    warping_10: float | None
    input_10: float | None
    flicker: tuple[float, ...]
    input_flicker: tuple[float, ...]
    detail: float
    strokes: float | None = None
    style_frames: tuple[float, ...] = ()

    def to_json(self, **more: Any) -> str:
        """Write as one line of JSON. more: further entries."""
        return json.dumps({**dataclasses.asdict(self), **more}, ensure_ascii=False, default=plain)


class WarpingError:
    """The warping error at one lag, pair by pair. Called with frames of film and painting in their order. every: frames from one pair
    to the next."""

    def __init__(self, lag: int, every: int = 1) -> None:
        self.lag, self.every, self._count = lag, every, 0
        self._before: deque[tuple[Any, Pixels, Pixels]] = deque(maxlen=lag)
        self.painted: list[float] = []
        self.own: list[float] = []

    def __call__(self, grey: Any, photo: Pixels, painted: Pixels) -> None:
        """grey: uint8 (H, W) of the film's frame; photo, painted: float32 (H, W, 3)."""
        self._count += 1
        if len(self._before) == self.lag and self._count % self.every == 0:
            past, photo_then, painted_then = self._before[0]
            flow = flow_between(past, grey, METHOD)
            mask = trusted(flow, flow_between(grey, past, METHOD)) > 0.5
            mask &= is_same(photo_then, photo, flow)
            if mask.mean() > LEAST_TRUSTED:
                self.painted.append(warping_error(painted_then, painted, flow, mask))
                self.own.append(warping_error(photo_then, photo, flow, mask))
        self._before.append((grey, photo, painted))


def warping_error(then: Pixels, now: Pixels, flow: Pixels, mask: Any) -> float:
    """Mean squared difference, per channel, between a picture and a later one moved back. flow: (H, W, 2), where each pixel of `then`
    is now."""
    difference = np.square(warp(now, flow) - then).mean(2)
    return float((difference * mask).sum() / max(float(mask.sum()), 1.0))


def is_same(then: Pixels, now: Pixels, flow: Pixels) -> Any:
    """(H, W): where a film shows the same thing in both frames, whatever the flow is believed to be."""
    apart = np.abs(warp(now, flow) - then).mean(2)
    return import_cv2().blur(apart, (5, 5)) < SAME


def judge_clip(
    painted: str, source: str, style: Image | None = None, *, begin: float = 0.0, limits: Limits = Limits(), features: str = "auto",
    report: Report = silent,
) -> ClipVerdict:  # fmt: skip
    """Judge a painted film. source: what it was painted from; begin: s of it at which the painted one begins.

    Raises SettingError for films of other shapes or one frame; SourceError, MissingExtra.
    """
    spots: Any = None
    lines: tuple[list[Pixels], list[Pixels]] = ([], [])
    detail, last, kept = list[float](), 0.0, list[tuple[Pixels, Pixels]]()
    film = open_film(painted, limits=limits)
    every = max(1, (film.count or 100) // SHOWN)
    errors = [WarpingError(lag, max(1, (film.count or 100) // PAIRS)) for lag in LAGS]
    for number, (moment, original) in enumerate(paired(painted, source, begin, limits)):
        photo, picture = original.pixels, moment.pixels
        grey = _grey(original)
        for error in errors:
            error(grey, photo, picture)
        if spots is None:
            spots = np.random.default_rng(0).integers(0, grey.size, SAMPLES)
        for line, pixels in zip(lines, (picture, photo), strict=True):
            line.append(luminance(pixels.reshape(-1, 3)[spots]))
        detail.append(fineness(picture))
        if style is not None and number % every == every // 2 and len(kept) < SHOWN:
            kept.append((photo, picture))
        last = moment.time
        report(Progress("judging", number + 1, film.count or 0))
    if len(detail) < 2:
        raise SettingError("painted", f"{painted}: a film of one frame has nothing to flicker; give one of two or more")
    strokes = _strokes(kept, style, features, report) if style is not None else []
    first, tenth = errors
    return ClipVerdict(
        len(detail), last, _mean(first.painted) or 0.0, _mean(first.own) or 0.0, _mean(tenth.painted), _mean(tenth.own),
        spectrum(np.array(lines[0])), spectrum(np.array(lines[1])), float(np.mean(detail)), _mean(strokes), tuple(strokes),
    )  # fmt: skip


def paired(painted: str, source: str, begin: float, limits: Limits = Limits()) -> Iterator[tuple[Moment, Moment]]:
    """Frames of a painted film, and of its source what was to be seen then, at one size."""
    film, original = open_film(painted, limits=limits), open_film(source, Span(begin), limits)
    size = fit(film.size, min(SIDE, max(film.size)))
    one, other = film.size[0] / film.size[1], original.size[0] / original.size[1]
    if abs(one / other - 1) > 0.02:
        raise SettingError(
            "source",
            f"{painted} is {film.size[0]}x{film.size[1]} px, {source} {original.size[0]}x{original.size[1]}: give what it was painted from",
        )
    half = 0.5 / float(original.rate)
    coming = iter(Ahead(original.moments(size)))
    shown: Moment | None = next(coming, None)
    ahead = next(coming, None)
    for moment in Ahead(film.moments(size)):
        while ahead is not None and ahead.time <= moment.time + min(half, 0.01):
            shown, ahead = ahead, next(coming, None)
        if shown is not None:
            yield moment, shown


def spectrum(lines: Pixels, bands: int = 8) -> tuple[float, ...]:
    """Power of brightness over time (T, N), of 1, in bands from slow to every other frame; the constant part is left out."""
    length = min(WINDOW, len(lines))
    window = np.hanning(length + 2)[1:-1, None]
    power = np.zeros(length // 2 + 1)
    starts = range(0, len(lines) - length + 1, max(1, length // 2))
    for start in starts:
        part = lines[start : start + length]
        power += np.square(np.abs(np.fft.rfft((part - part.mean(0)) * window, axis=0))).mean(1) / np.square(window).sum() / length
    power /= len(starts)
    return tuple(float(band.sum()) for band in np.array_split(power[1:], min(bands, len(power) - 1)))


def fineness(pixels: Pixels) -> float:
    """Mean square of the luminance's Laplacian of 4 neighbours: how much fine detail there is."""
    light = luminance(pixels)
    found = 4 * light[1:-1, 1:-1] - light[:-2, 1:-1] - light[2:, 1:-1] - light[1:-1, :-2] - light[1:-1, 2:]
    return float(np.square(found).mean())


def _strokes(kept: Iterable[tuple[Pixels, Pixels]], style: Image, features: str, report: Report) -> list[float]:
    """`strokes` of some frames."""
    from atelier.judging.panel import Judge

    found = []
    for photo, picture in kept:
        verdict = Judge(Image(photo), style, features=features, report=report)(Image(picture))
        if verdict.strokes is not None:
            found.append(verdict.strokes)
    return found


def _grey(moment: Moment) -> Any:
    levels = moment.levels if moment.levels.dtype == np.uint8 else (moment.levels >> 8).astype(np.uint8)
    return np.rint(levels @ np.array([0.299, 0.587, 0.114], np.float32)).astype(np.uint8)


def _mean(values: list[float]) -> float | None:
    return float(np.mean(values)) if values else None
