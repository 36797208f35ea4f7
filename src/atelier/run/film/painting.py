"""The frames of a film, painted: read ahead, followed, painted, kept alike."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from atelier.engines.engine import Before, Frame
from atelier.engines.steady import SHARE, steady
from atelier.errors import Cancelled
from atelier.image import Image
from atelier.media.films import Ahead, Moment
from atelier.progress import Progress, Report, silent

if TYPE_CHECKING:
    from atelier.perception.motion import Motion
    from atelier.run.job import Job

Arrays = Mapping[str, NDArray[Any]]
ENGINE = "engine."
"""What the names of an engine's arrays begin with."""


@dataclass(frozen=True, eq=False)
class Resume:
    """Where a film is gone on from. pts: of the last frame that is done; count: how many are; arrays: what `Painted.kept` gave."""

    pts: int
    count: int
    arrays: Arrays


@dataclass(frozen=True, eq=False)
class Painted:
    """A painted frame of a film. moment: the frame it was painted from. kept: gives what the next frame needs, as arrays."""

    frame: Frame
    moment: Moment

    def kept(self) -> Arrays:
        """What the next frame needs, as arrays by name."""
        state = self.frame.state if isinstance(self.frame.state, dict) else {}
        return {"painted": self.frame.pixels, "levels": self.moment.levels, **{ENGINE + name: each for name, each in state.items()}}


def paint_film(job: Job, report: Report = silent, resume: Resume | None = None) -> Iterator[Painted]:
    """Paint a film, frame by frame. A report that raises Cancelled ends it before its next frame. Raises AtelierError."""
    film = job.film
    assert film is not None
    done, last = 0, None
    if resume is not None:
        done, last = resume.count, _last(resume.arrays)
    total = max(film.count or 0, done)
    size = job.content.size
    coming = Ahead(film.moments(size, None if resume is None else resume.pts, report))
    share = SHARE[job.request.temporal]
    with contextlib.suppress(Cancelled), contextlib.closing(Ahead(_followed(coming, job.request.temporal, last))) as ahead:
        for moment, motion in ahead:
            frame = Frame(moment.pixels, guide=job.guide, before=None if share == 0 else _before(last, motion), time=moment.time)
            painted = job.engine(frame, _inner(report))
            assert isinstance(painted, Frame)
            painted = steady(replace(painted, before=frame.before), share)
            last = Painted(replace(painted, before=None), moment)
            done += 1
            yield last
            report(Progress("painting", done, max(total, done), preview=_preview(last.frame), size=size))


def _followed(coming: Ahead[Moment], temporal: str, last: Painted | None) -> Iterator[tuple[Moment, Motion | None]]:
    """Each frame with how it moved since the one before; None for the first, and where nobody asks."""
    if temporal == "off":
        yield from ((moment, None) for moment in coming)
        return
    from atelier.perception.motion import BEST, FAST, look, motion_between

    accuracy = BEST if temporal == "best" else FAST
    seen = None if last is None else look(last.moment.levels, accuracy)
    with contextlib.closing(coming):
        for moment in coming:
            now = look(moment.levels, accuracy)
            yield moment, None if seen is None else motion_between(seen, now, accuracy)
            seen = now


def _before(last: Painted | None, motion: Motion | None) -> Before:
    """What a frame takes from the one before it."""
    if last is None or motion is None or motion.cut:
        return Before()
    from atelier.perception.motion import warp

    pixels = last.frame.pixels
    flow, trust, light = motion.at((pixels.shape[1], pixels.shape[0]))
    moved = (warp(pixels, flow) + light[..., None]).clip(0, 1)
    return Before(moved, trust, motion.flow, last.frame.state)


def _last(arrays: Arrays) -> Painted:
    """The frame that was painted before the power went."""
    state = {name.removeprefix(ENGINE): each for name, each in arrays.items() if name.startswith(ENGINE)}
    return Painted(Frame(arrays["painted"], state=state), Moment(arrays["levels"], 0, 0.0))


def _inner(report: Report) -> Report:
    """Of what an engine says of one frame, the notes."""

    def told(progress: Progress) -> None:
        if progress.note:
            report(Progress("painting", note=progress.note))

    return told


def _preview(frame: Frame) -> Callable[[], Image]:
    return lambda: Image(frame.pixels)
