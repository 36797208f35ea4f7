"""Where the painted frames of a film go: a film, or numbered pictures."""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import sys
import tempfile
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from atelier.errors import AtelierError, OutputError, SourceError
from atelier.image import Image, fit, resize
from atelier.media import STANDARD
from atelier.media.films import Film, FilmWriter, writing_of
from atelier.media.films.joining import Beside
from atelier.media.films.moment import to_levels
from atelier.media.films.writing import Shape
from atelier.progress import Progress, Report, silent
from atelier.request import Outputs, plain
from atelier.run.film.painting import Painted, Resume
from atelier.run.made import Made
from atelier.run.signing import record_of
from atelier.run.watch import Watch

if TYPE_CHECKING:
    from atelier.run.job import Job

SEEN = 640
"""Long side of the picture that is given back of a film, px."""


class FilmSink:
    """A film in a file, with the sound and the subtitles of the one it was painted from.

    While it is made its pieces lie in a folder beside it. A run that was stopped leaves a film of what is done, under a name that says
    "part"; the same request goes on where it ended.
    """

    made: Made

    def __init__(self, job: Job, outputs: Outputs, report: Report = silent) -> None:
        film = job.film
        assert film is not None
        self.job, self.outputs = job, outputs
        self.report = Watch(replace(outputs, every=0, animation=None, checkpoint=None), report, time.monotonic())
        self._held = contextlib.ExitStack()
        self.writing = writing_of(outputs.picture, outputs.codec, outputs.quality, outputs.depth, outputs.format)
        beside = Beside(film if isinstance(film, Film) else None, outputs.sound)
        shape = Shape(job.content.size, film.time_base, film.rate, film.colors)
        self.writer = FilmWriter(
            self._path(), self.writing, shape, fingerprint(job, outputs), beside, self._metadata(), job.request.panorama
        )
        self.state = self._resume()
        self._last: Painted | None = None
        self._count = 0 if self.state is None else self.state.count

    def put(self, painted: Painted) -> None:
        self._last, self._count = painted, self._count + 1
        self.writer.put(to_levels(painted.frame.pixels, self.writing.deep), painted.moment.pts, painted.kept)

    def __enter__(self) -> FilmSink:
        return self

    def __exit__(self, kind: object, error: BaseException | None, *_: object) -> None:
        with self._held:
            if kind is not None:
                self._give_up(error)
            elif self.report.cancelled:
                part = self.writer.stop(None if self._last is None else self._last.kept())
                if part is None:
                    raise SourceError(f"stopped before the first frame of {self.outputs.picture} was done: nothing is written")
                self._tell(f"what is done so far is {part}; the same command goes on from there")
                self.made = self._made(False)
            else:
                self._finish()
                self.made = self._made(True)
        self.report.close()

    def _finish(self) -> None:
        """Make the film of its pieces. What was not written till then may fail only here."""
        try:
            notes = self.writer.finish()
        except AtelierError as error:
            self._give_up(error)
            raise
        for note in notes:
            self._tell(note)
        self._hand_over()

    def _give_up(self, error: BaseException | None) -> None:
        """Keep what is done, if that still can be, and say where it is."""
        part = None
        with contextlib.suppress(Exception):
            part = self.writer.stop(None)
        if part is not None and isinstance(error, AtelierError):
            self._tell(f"what is done so far is {part}")

    def _path(self) -> Path:
        """Where the film is made: for standard output, in the folder for temporary files."""
        if self.outputs.picture != STANDARD:
            return Path(self.outputs.picture)
        folder = self._held.enter_context(tempfile.TemporaryDirectory(prefix="atelier-"))
        return Path(folder) / f"film.{(self.outputs.format or 'mkv').lstrip('.')}"

    def _hand_over(self) -> None:
        if self.outputs.picture == STANDARD:
            try:
                with self.writer.target.open("rb") as file:
                    shutil.copyfileobj(file, sys.stdout.buffer, 1 << 20)
                sys.stdout.buffer.flush()
            except OSError as error:
                raise OutputError(f"standard output took only part of the film: {error.strerror}") from error

    def _resume(self) -> Resume | None:
        parts = self.writer.parts
        arrays, done = parts.state, parts.done
        if done is None or arrays is None or "pts" not in arrays:
            if parts.changed:
                self._tell("an unfinished film of that name was made from other things: it is begun anew")
            return None
        self._tell(f"going on after {parts.count} frames that are done")
        return Resume(done, parts.count, arrays)

    def _metadata(self) -> dict[str, str]:
        if not self.job.named:
            return {}
        more = {"inputs": self.job.inputs} | ({"ran": dict(self.job.ran)} if self.job.ran else {})
        return {"comment": json.dumps(record_of(self.job.request, 0.0, **more), ensure_ascii=False)}

    def _tell(self, note: str) -> None:
        with contextlib.suppress(AtelierError):
            self.report.report(Progress("writing", note=note))

    def _made(self, finished: bool) -> Made:
        shown = Image(self._last.frame.pixels) if self._last else self.job.content
        small = resize(shown, fit(shown.size, SEEN)) if max(shown.size) > SEEN else shown
        return Made(small, finished, self.report.seconds, self._count, size=shown.size)


def fingerprint(job: Job, outputs: Outputs) -> str:
    """What pieces of a film belong to: the request, what it reads, and how it is written."""
    film = job.film
    stamp: Any = None
    if isinstance(film, Film) and film.kept is None:
        found = Path(film.path).stat()
        stamp = found.st_size, found.st_mtime_ns
    written = [outputs.codec, outputs.quality, outputs.depth, outputs.format]
    parts = [asdict(job.request), asdict(job.settings), dict(job.inputs), stamp, job.content.size, written]
    return hashlib.sha256(json.dumps(parts, default=plain, sort_keys=True).encode()).hexdigest()
