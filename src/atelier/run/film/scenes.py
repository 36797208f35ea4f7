"""A film cut into segments at its scene cuts: each is painted by itself, and joined with the others they are the film."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from atelier.engines.table import settle
from atelier.image import fit
from atelier.media.films import Film, Moment, Span, writing_of
from atelier.media.films.joining import Beside, join
from atelier.media.films.parts import Part
from atelier.progress import Report, silent
from atelier.request import Outputs, Request
from atelier.run.resolver import LOCAL, Resolver
from atelier.run.signing import record_of

SEEN = 320
"""Long side at which cuts are looked for, px."""
LEAST = 2.0
"""Seconds that a segment has at least: each is opened by itself."""


@dataclass(frozen=True)
class Segment:
    """A part of a film, from one cut to another. begin, end: s of the film. first: when it begins, in the result's ticks."""

    begin: float
    end: float | None
    first: int


@dataclass(frozen=True)
class _Listed:
    """Finished segments, as pieces that can be joined."""

    folder: Path
    list: Sequence[Part]


def can_be_cut(request: Request) -> bool:
    """Tell whether segments come out as the whole film would: not where its first frame says what goes where, or is tuned to."""
    where = (request.regions, request.masks, request.blend, request.style_regions, request.keep_flat)
    return not any(where) and request.fps is None and not getattr(settle(request), "tune", 0)


def find_segments(request: Request, most: int, resolver: Resolver = LOCAL, report: Report = silent) -> list[Segment]:
    """Cut a film into `most` segments or fewer, at scene cuts. Raises SourceError, ImageError, MissingExtra."""
    from atelier.perception.motion import FAST, look, steps_between

    assert request.content is not None
    film = resolver.film(request.content, Span(request.begin, request.end), report)
    if not isinstance(film, Film):
        return []
    cuts: list[tuple[Moment, float]] = []
    before = last = None
    total = 0.0
    for moment in film.moments(fit(film.size, SEEN), None, report):
        sight = look(moment.levels, FAST)
        if before is not None and last is not None and steps_between(before, sight, FAST)[0].cut:
            cuts.append((moment, (last.time + moment.time) / 2))
        before, last, total = sight, moment, moment.time
    least = max(LEAST, total / most)
    segments, begin, first = list[Segment](), 0.0, 0
    for moment, between in cuts:
        if moment.time - begin >= least and total - moment.time >= LEAST:
            segments.append(Segment(request.begin + begin, request.begin + between, first))
            begin, first = moment.time, moment.pts
    return [*segments, Segment(request.begin + begin, request.end, first)]


def segment_request(request: Request, segment: Segment) -> Request:
    """The request for a segment."""
    return dataclasses.replace(request, begin=segment.begin, end=segment.end)


def join_segments(
    request: Request, outputs: Outputs, segments: Sequence[Segment], files: Sequence[Path], resolver: Resolver = LOCAL
) -> tuple[str, ...]:
    """Write the film of its painted segments, with sound and subtitles of the source. Gives notes. Raises OutputError, SourceError."""
    assert request.content is not None
    film = resolver.film(request.content, Span(request.begin, request.end))
    assert isinstance(film, Film)
    writing = writing_of(outputs.picture, outputs.codec, outputs.quality, outputs.depth, outputs.format)
    ends = [*(each.first for each in segments[1:]), segments[-1].first + round(((film.seconds or 0) - segments[-1].begin) / film.time_base)]
    parts = [Part(path.name, each.first, max(each.first, end - 1), 0) for each, path, end in zip(segments, files, ends, strict=True)]
    about = {"comment": json.dumps(record_of(request, 0.0), ensure_ascii=False)}
    listed = _Listed(files[0].parent, parts)
    return join(listed, Path(outputs.picture), writing, film.time_base, Beside(film, outputs.sound), about)  # type: ignore[arg-type]
