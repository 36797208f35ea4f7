"""Films cut at scene cuts, so that several workers paint one: a crew around a crew."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from atelier.batch.crew import Crew
from atelier.batch.item import DONE, FAILED, Item, Outcome
from atelier.errors import AtelierError
from atelier.media.films import is_film
from atelier.media.stills import SUFFIXES
from atelier.progress import Report, silent
from atelier.run.film.scenes import Segment, can_be_cut, find_segments, join_segments, segment_request


@dataclass
class _Film:
    """A film in the making. files: of its segments. left: those that are not painted yet."""

    item: Item
    segments: list[Segment]
    files: list[Path]
    left: set[str]
    outcomes: list[Outcome] = field(default_factory=list)


class Segmented:
    """Gives its crew the segments of films in place of films, and joins them. What cannot be cut alike is painted whole.

    Finished segments lie in a hidden folder beside the film until all are there, also after kill -9.
    """

    def __init__(self, crew: Crew, most: int | None = None) -> None:
        self.crew, self.workers = crew, crew.workers
        self.most = most or 2 * crew.workers
        self._films: dict[str, _Film] = {}

    def paint(self, items: Iterable[Item], report: Report = silent) -> Iterator[Outcome]:
        ready: list[Outcome] = []
        for outcome in self.crew.paint(self._cut(items, ready, report), report):
            yield from self._flush(ready)
            film = self._films.get(outcome.item.output)
            if film is None:
                yield outcome
                continue
            film.outcomes.append(outcome)
            film.left.discard(outcome.item.output)
            if not film.left:
                yield self._end(film)
        yield from self._flush(ready)

    def close(self) -> None:
        self.crew.close()

    def _cut(self, items: Iterable[Item], ready: list[Outcome], report: Report) -> Iterator[Item]:
        """Items as they are, and segments of films."""
        for item in items:
            name = str(item.request.content)
            stills = {Path(name).suffix.lower(), Path(item.output).suffix.lower()} & set(SUFFIXES)
            if not is_film(name) or stills or not can_be_cut(item.request):
                yield item
                continue
            try:
                segments = find_segments(item.request, self.most, report=report)
            except AtelierError as error:
                ready.append(Outcome(item, FAILED, error=error))
                continue
            if len(segments) < 2:
                yield item
                continue
            yield from self._segments(item, segments, ready)

    def _segments(self, item: Item, segments: list[Segment], ready: list[Outcome]) -> Iterator[Item]:
        target = Path(item.output)
        folder = target.with_name(f".{target.name}.{item.digest[:12] or 'segments'}")
        files = [folder / f"{number:05d}{target.suffix}" for number in range(len(segments))]
        parts = [
            Item(segment_request(item.request, segment), dataclasses.replace(item.outputs, picture=str(file), sound=False))
            for segment, file in zip(segments, files, strict=True)
            if not (item.digest and file.exists())
        ]
        film = _Film(item, segments, files, {part.output for part in parts})
        self._films |= {part.output: film for part in parts}
        if not parts:
            ready.append(self._end(film))
        yield from parts

    def _end(self, film: _Film) -> Outcome:
        """The film of its segments, or the failure of the first that failed."""
        failed = next((outcome for outcome in film.outcomes if outcome.state != DONE), None)
        seconds = sum(outcome.seconds for outcome in film.outcomes)
        if failed is not None:
            return dataclasses.replace(failed, item=film.item, seconds=seconds)
        try:
            join_segments(film.item.request, film.item.outputs, film.segments, film.files)
        except AtelierError as error:
            return Outcome(film.item, FAILED, seconds, error=error)
        shutil.rmtree(film.files[0].parent, ignore_errors=True)
        size = film.outcomes[0].size if film.outcomes else (0, 0)
        return Outcome(film.item, DONE, seconds, size, sum(outcome.iterations for outcome in film.outcomes))

    def _flush(self, ready: list[Outcome]) -> Iterator[Outcome]:
        while ready:
            yield ready.pop(0)
