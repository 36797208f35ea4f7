"""What a job asks for, painted: in this process, or by a Ray actor on some other machine."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from atelier.errors import AtelierError, Cancelled
from atelier.image import Limits
from atelier.progress import Progress, Report, silent
from atelier.request import Outputs
from atelier.run import Resolver, Session, make, names_read
from atelier.service.asked import UPLOAD, Asked
from atelier.service.files import Files
from atelier.service.uploads import Uploads

LOOK = 0.2
"""Seconds between calls of the report while a job is elsewhere."""


class Painted(NamedTuple):
    """A result's file, and its picture's size in px."""

    data: bytes
    width: int
    height: int


class Lost(AtelierError):
    """The actor that painted is gone, with its machine perhaps: another may try."""


def paint(asked: Asked, resolver: Resolver, session: Session, report: Report = silent) -> Painted:
    """Paint what is asked for. Raises AtelierError; Cancelled where it was stopped."""
    folder = Path(tempfile.mkdtemp(prefix="atelier-job-"))
    try:
        target = folder / f"result{asked.suffix}"
        made = make(asked.request, Outputs(str(target), quality=asked.quality, depth=asked.depth), resolver, session, report)
        if not made.finished:
            raise Cancelled("stopped")
        return Painted(target.read_bytes(), *made.size)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class Here:
    """Paints in this process."""

    def __init__(self, session: Session | None = None) -> None:
        self.session = session or Session()

    def paint(self, asked: Asked, files: Files, job: str, limits: Limits, report: Report) -> Painted:
        """Paint a job."""
        return paint(asked, Uploads(files, job, limits), self.session, report)


class Given:
    """The uploads of a job that were sent along, in place of the storage."""

    def __init__(self, uploads: Mapping[str, bytes]) -> None:
        self.uploads = uploads

    def read(self, name: str) -> bytes:
        return self.uploads[name]


class Actor:
    """What runs at the other end: a session, and painting in it."""

    def __init__(self, threads: int) -> None:
        os.environ["ATELIER_THREADS"] = str(threads)
        self.session = Session()

    def paint(self, asked: str, uploads: Mapping[str, bytes], job: str, limits: Limits) -> Painted:
        """Paint a job that came with its uploads."""
        resolver = Uploads(Given(uploads), job, limits)  # type: ignore[arg-type]
        return paint(Asked.from_json(asked), resolver, self.session)


class OnRay:
    """Paints by an actor of a Ray cluster; the storage need not be within its reach. address: `local` starts Ray here.

    Raises MissingExtra, SourceError.
    """

    def __init__(self, address: str, threads: int = 1) -> None:
        from atelier.cluster.crew import start

        self.ray = start(address)
        self.threads = threads
        self.actor: Any = None

    def paint(self, asked: Asked, files: Files, job: str, limits: Limits, report: Report) -> Painted:
        """Paint a job. Raises Lost where the actor is."""
        names = [name.removeprefix(UPLOAD) for name in names_read(asked.request) if name.startswith(UPLOAD)]
        paths = [f"uploads/{job}/{name}" for name in names]
        if self.actor is None:
            self.actor = self.ray.remote(num_cpus=self.threads)(Actor).remote(self.threads)
        actor: Any = self.actor
        ref = actor.paint.remote(asked.to_json(), {path: files.read(path) for path in paths}, job, limits)
        try:
            while not self.ray.wait([ref], timeout=LOOK)[0]:
                report(Progress("painting"))
        except Cancelled:
            self._let_go()
            raise
        try:
            found: Painted = self.ray.get(ref)
        except self.ray.exceptions.RayTaskError as error:
            cause = getattr(error, "cause", None)
            raise cause if isinstance(cause, Exception) else error from None
        except self.ray.exceptions.RayError as error:
            self._let_go()
            raise Lost(str(error).splitlines()[0]) from error
        return found

    def _let_go(self) -> None:
        if self.actor is not None:
            self.ray.kill(self.actor)
            self.actor = None
