"""A resolver that knows a job's uploads, public addresses and styles by name, and nothing else."""

from __future__ import annotations

import hashlib
from collections.abc import Hashable
from typing import TYPE_CHECKING

from atelier.engines.network.catalogue import every
from atelier.errors import SourceError
from atelier.image import Image, Limits, decode
from atelier.media import StreamSource
from atelier.media.download import download
from atelier.progress import Progress, Report, silent
from atelier.run import Map, Painting
from atelier.service.asked import UPLOAD
from atelier.service.files import Files

if TYPE_CHECKING:
    from atelier.engines.primitives.drawing import Drawing
    from atelier.media.films import Film, FrameFolder, Span
    from atelier.solid.model import Model


class Uploads:
    """Opens the uploads of one job. job: its id."""

    def __init__(self, files: Files, job: str, limits: Limits) -> None:
        self.files, self.job, self._limits = files, job, limits
        self._read: dict[str, bytes] = {}

    @property
    def limits(self) -> Limits:
        return self._limits

    def picture(self, name: str, report: Report = silent) -> Image:
        report(Progress("opening"))
        shown = name.removeprefix(UPLOAD).rpartition("-")[0] or "picture" if name.startswith(UPLOAD) else "the picture at the address"
        return decode(self._bytes(name), shown, self._limits)

    def style(self, name: str, report: Report = silent) -> Painting:
        if "://" in name:
            return self.picture(name, report).flat()
        entry = next((each for each in every() if each.name == name), None)
        if entry is None:
            raise SourceError(f"there is no style {name!r} here")
        return entry

    def map(self, name: str, report: Report = silent) -> Map:
        return self.picture(name, report)

    def drawing(self, name: str) -> Drawing:
        raise SourceError("drawings are not gone on from here")

    def file(self, name: str) -> str:
        raise SourceError("files of the service's are not for requests")

    def stream(self, name: str) -> StreamSource | None:
        return None

    def film(self, name: str, span: Span, report: Report = silent) -> Film | FrameFolder:
        raise SourceError("films are not painted here")

    def mesh(self, name: str, report: Report = silent) -> Model:
        raise SourceError("meshes are not painted here")

    def stamp(self, name: str) -> Hashable | None:
        if not name.startswith(UPLOAD):
            return name if "://" not in name else None
        return hashlib.sha256(self._bytes(name)).digest()

    def _bytes(self, name: str) -> bytes:
        if name not in self._read:
            if name.startswith(UPLOAD):
                self._read[name] = self.files.read(f"uploads/{self.job}/{name.removeprefix(UPLOAD)}")
            elif name.startswith(("http://", "https://")):
                self._read[name] = download(name, self._limits)
            else:
                raise SourceError("upload a file, or give an http(s) address")
        return self._read[name]
