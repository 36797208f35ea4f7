"""The frames of a film, painted: read ahead, cut into stretches, painted now and then, and made of what is painted in between."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from atelier.engines.engine import Before, Frame
from atelier.engines.guide import Guide
from atelier.engines.steady import SHARE, steady
from atelier.errors import Cancelled
from atelier.image import Image
from atelier.media.films import Ahead, Moment
from atelier.progress import Progress, Report, silent

if TYPE_CHECKING:
    from atelier.engines.primitives.drawing import Drawing
    from atelier.perception.motion import Accuracy, Sight
    from atelier.run.film.stretches import Stretch
    from atelier.run.job import Job

Arrays = Mapping[str, NDArray[Any]]
ENGINE = "engine."
"""What the names of an engine's arrays begin with."""
MOST = {"fast": 8, "best": 2}
"""Frames from one that is painted to the next, at the most."""


@dataclass(frozen=True, eq=False)
class Resume:
    """Where a film is gone on from. pts: of the last frame that is done; count: how many are; arrays: what `Painted.kept` gave."""

    pts: int
    count: int
    arrays: Arrays


@dataclass(frozen=True, eq=False)
class Painted:
    """A painted frame of a film. moment: the frame it was painted from. former: of a frame that was made of two others, the first."""

    frame: Frame
    moment: Moment
    former: Painted | None = None

    def kept(self) -> Arrays:
        """What the next frames need, as arrays by name."""
        key = self.former or self
        state = key.frame.state if isinstance(key.frame.state, dict) else {}
        own = {"painted": key.frame.pixels, "levels": key.moment.levels, "pts": np.array(key.moment.pts)}
        if key.frame.guide is not None:
            own["guide"] = key.frame.guide.regions
        return {**own, **{ENGINE + name: each for name, each in state.items()}}


@dataclass(frozen=True, eq=False)
class _Painting:
    """How the frames of a film are painted, one by one. share: how much of a painted frame shows through in the next, `most` frames later;
    of one that follows sooner more does, so that as much is left after a second."""

    job: Job
    share: float
    most: int
    report: Report

    def __call__(self, moment: Moment, before: Before | None, guide: Guide | None, gap: int) -> Painted:
        frame = Frame(moment.pixels, guide=guide, before=before, time=moment.time)
        painted = self.job.engine(frame, _inner(self.report))
        if not isinstance(painted, Frame):
            return Painted(_shown(painted, frame), moment)
        painted = steady(replace(painted, before=before), self.share ** (gap / self.most))
        if guide is not None:  # what is left to the photo is the photo, as it is now
            opacity = guide.regions.sum(0).clip(0, 1)[..., None]
            painted = replace(painted, pixels=frame.pixels + opacity * (painted.pixels - frame.pixels))
        return Painted(replace(painted, before=None), moment)

    def along(self, stretch: Stretch, last: Painted | None, *, again: bool = True) -> Painted:
        """Paint the end of a stretch, along the painted frame before it. again: as `_before` has it."""
        former = None if stretch.motion is None else last
        return self(stretch.key, _before(former, stretch, again=again), self._guide(stretch, last), 1 + len(stretch.between))

    def guide_alone(self, moment: Moment) -> Guide | None:
        """Which style goes where in a frame that is painted by itself."""
        job = self.job
        if job.guide is None or job.find is None or not job.find.each:
            return job.guide
        from atelier.run.film.guides import Guides

        return Guides(job.guide, job.find).begin(Image(moment.pixels), moment.time)

    def _guide(self, stretch: Stretch, last: Painted | None) -> Guide | None:
        """Which style goes where at the end of a stretch."""
        job = self.job
        if job.guide is None or job.find is None:
            return job.guide
        from atelier.run.film.guides import Guides

        guides, key = Guides(job.guide, job.find), stretch.key
        if stretch.motion is not None and last is not None:
            return guides.follow(last.frame.guide, stretch.motion, key.pixels, key.time)
        return job.guide if last is None else guides.begin(Image(key.pixels), key.time)


def paint_film(job: Job, report: Report = silent, resume: Resume | None = None) -> Iterator[Painted]:
    """Paint a film, frame by frame. A report that raises Cancelled ends it before its next frame. Raises AtelierError."""
    film, temporal = job.film, job.request.temporal
    assert film is not None
    done, last = (0, None) if resume is None else (resume.count, _last(resume.arrays))
    total, size = max(film.count or 0, done), job.content.size
    most = 1 if getattr(film, "live", False) else MOST.get(temporal, 1)
    painting = _Painting(job, SHARE[temporal], most, report)
    with contextlib.ExitStack() as held:
        held.enter_context(contextlib.suppress(Cancelled))
        coming: Iterable[Moment] = film.moments(size, None if last is None else last.moment.pts, report)
        if not getattr(film, "live", False):
            coming = held.enter_context(contextlib.closing(Ahead(coming)))
        frames = held.enter_context(contextlib.closing(_frames(coming, painting, film, temporal, last)))
        for painted in frames:
            if resume is not None and painted.moment.pts <= resume.pts:
                continue
            done += 1
            yield painted
            report(Progress("painting", done, max(total, done), preview=_preview(painted.frame), size=size))


def _frames(coming: Iterable[Moment], painting: _Painting, film: Any, temporal: str, last: Painted | None) -> Generator[Painted]:
    from atelier.perception.motion import BEST, FAST, LIVE

    if temporal == "off":
        return _alone(coming, painting)
    if getattr(film, "live", False):
        return _as_they_come(coming, painting, LIVE)
    if painting.job.kind.draws:
        return _as_they_come(coming, painting, BEST if temporal == "best" else FAST, last)
    return _by_keys(coming, painting, temporal, last)


def _as_they_come(coming: Iterable[Moment], painting: _Painting, accuracy: Accuracy, last: Painted | None = None) -> Generator[Painted]:
    """Each frame along the one before it: nothing is known of those to come."""
    from atelier.perception.motion import look, motion_between
    from atelier.run.film.stretches import Stretch

    seen: Sight | None = None if last is None else look(last.moment.levels, accuracy)
    for moment in coming:
        sight = look(moment.levels, accuracy)
        motion = None if seen is None else motion_between(seen, sight, accuracy)
        stretch = Stretch(moment, None if motion is None or motion.cut else motion)
        last = painting.along(stretch, last, again=False)
        seen = sight
        yield last


def _alone(coming: Iterable[Moment], painting: _Painting) -> Generator[Painted]:
    """Each frame by itself."""
    for moment in coming:
        yield painting(moment, None, painting.guide_alone(moment), 1)


def _by_keys(coming: Iterable[Moment], painting: _Painting, temporal: str, last: Painted | None) -> Generator[Painted]:
    """Some of the frames painted, each along the one before it, and the others made of the two that they lie between."""
    from atelier.perception.motion import BEST, FAST
    from atelier.run.film.stretches import stretches

    seen = None if last is None else last.moment
    cut = Ahead(stretches(coming, MOST[temporal], BEST if temporal == "best" else FAST, seen), 1)
    with contextlib.closing(cut), contextlib.closing(Ahead(_keys(cut, painting, last), 1)) as keys:
        for stretch, former, later in keys:
            if former is not None:
                yield from _between(stretch, former, later)
            yield later


def _keys(cut: Iterable[Stretch], painting: _Painting, last: Painted | None) -> Iterator[tuple[Stretch, Painted | None, Painted]]:
    """Each stretch with the painted frames before and after it; None where a scene begins."""
    for stretch in cut:
        former = None if stretch.motion is None else last
        last = painting.along(stretch, last)
        yield stretch, former, last


def _before(former: Painted | None, stretch: Stretch, *, again: bool = True) -> Before:
    """What a key takes from the one before it. again: whether that keeps all its detail as it is moved on, which takes longer."""
    if former is None or stretch.motion is None:
        return Before()
    from atelier.perception.motion import grown
    from atelier.run.film.between import moved

    motion = stretch.motion
    pixels = moved(former.frame.pixels, motion, again=again).clip(0, 1)
    return Before(pixels, grown(motion.trust, (pixels.shape[1], pixels.shape[0])), motion.flow, former.frame.state)


def _between(stretch: Stretch, former: Painted, later: Painted) -> Iterator[Painted]:
    """The frames of a stretch between its ends."""
    from atelier.run.film.between import Fade

    if not stretch.between:
        return
    fade = Fade.of(former.frame.pixels, later.frame.pixels, stretch)
    for number, each in enumerate(stretch.between, 1):
        pixels = fade.at(each, number / (len(stretch.between) + 1))
        yield Painted(Frame(pixels, time=each.moment.time), each.moment, former)


def _shown(drawing: Drawing, frame: Frame) -> Frame:
    """A drawn frame in pixels; its shapes go on to the next."""
    from atelier.engines.primitives.render import render

    return Frame(render(drawing, frame.size).flat().pixels, time=frame.time, state=drawing.arrays)


def _last(arrays: Arrays) -> Painted:
    """The key that was painted before the power went."""
    state = {name.removeprefix(ENGINE): each for name, each in arrays.items() if name.startswith(ENGINE)}
    guide = Guide(arrays["guide"]) if "guide" in arrays else None
    return Painted(Frame(arrays["painted"], guide=guide, state=state), Moment(arrays["levels"], int(arrays["pts"]), 0.0))


def _inner(report: Report) -> Report:
    """Of what an engine says of one frame, the notes."""

    def pass_on(progress: Progress) -> None:
        if progress.note:
            report(Progress("painting", note=progress.note))

    return pass_on


def _preview(frame: Frame) -> Callable[[], Image]:
    return lambda: Image(frame.pixels)
