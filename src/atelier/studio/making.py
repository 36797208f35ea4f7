"""The work itself: a request, painted for the page. Everything goes by `run.open` and the job's frames."""

from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from atelier.image import Image, fit
from atelier.request import Outputs, Request
from atelier.run import Frame, Session, choose, make, picture_of, settle
from atelier.run import open as open_job
from atelier.studio.uploads import Uploads
from atelier.studio.workshop import Work

if TYPE_CHECKING:
    from atelier.engines.primitives.drawing import Drawing

PREVIEW, LOOK, GRADUAL = 512, 1280, 512
"""Long sides, px: of what is seen at once, of what follows while one looks, and of what takes its time."""
Hang = Callable[..., None]


def cores() -> int:
    """How many cores this process has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def is_gradual(request: Request) -> bool:
    """Whether a picture comes by and by: begun when somebody says so, and watched."""
    settings: Any = settle(request)
    return "every" not in choose(request).lacks or bool(getattr(settings, "seconds", 0) or getattr(settings, "tune", 0))


def suffix_of(uploads: Uploads, request: Request) -> str:
    """Of what is made as a file, a film or a mesh, the suffix; "" of pictures."""
    return ".mp4" if request.content in uploads.films else ".glb" if request.content in uploads.meshes else ""


def waits(uploads: Uploads, request: Request) -> bool:
    """Whether it is begun only when somebody says so."""
    return bool(suffix_of(uploads, request)) or is_gradual(request)


def sides(request: Request, photo: tuple[int, int]) -> list[int | None]:
    """The sizes a picture is painted at, one after another. None: the photo's own."""
    own = max(photo)
    if is_gradual(request):
        return [request.size or min(GRADUAL, own)]
    last = request.size or min(LOOK, own)
    return [PREVIEW, last] if last > PREVIEW else [last]


def paint(uploads: Uploads, session: Session, request: Request, hang: Hang) -> Callable[[Work], None]:
    """The work of a picture: a small one at once, then the one that was asked for, which is hung."""

    def do(work: Work) -> None:
        photo = uploads.pictures[str(request.content)]
        drawing = None
        for side in sides(request, photo.size):
            picture, drawing = paint_once(uploads, session, dataclasses.replace(request, size=side), work)
            work.show(picture)
            if work.stopping and not is_gradual(request):
                return  # another one takes its place
        hang(work, request, drawing)

    return do


def paint_once(uploads: Uploads, session: Session, request: Request, work: Work) -> tuple[Image, Drawing | None]:
    """One picture of a request; of a drawing also the shapes. Raises AtelierError."""
    began = time.monotonic()
    with open_job(request, uploads.at(request.size), session, work.report) as job:
        (painted,) = job.frames(work.report)
        if isinstance(painted, Frame):
            return job.picture(painted, time.monotonic() - began), None
        drawing: Any = job.signed(painted, time.monotonic() - began)  # type: ignore[arg-type]
        return picture_of(drawing, fit(drawing.size, LOOK), job.photo), drawing


def paint_small(uploads: Uploads, session: Session, request: Request, side: int) -> Callable[[Work], None]:
    """The work of a picture for the gallery."""

    def do(work: Work) -> None:
        work.show(paint_once(uploads, session, dataclasses.replace(request, size=side), work)[0])

    return do


def write_file(uploads: Uploads, session: Session, request: Request, target: Path, hang: Hang) -> Callable[[Work], None]:
    """The work of a film, a mesh, or a picture at the photo's own size: written to a file, and hung. A mesh has a page beside it."""

    def do(work: Work) -> None:
        page = str(target.with_suffix(".html")) if request.content in uploads.meshes else None
        asked = request
        if suffix_of(uploads, request) and request.size is None:
            asked = dataclasses.replace(request, size=GRADUAL)
        made = make(asked, Outputs(str(target), html=page), uploads, session, work.report)
        work.show(made.image)
        hang(work, request, None, target)

    return do
