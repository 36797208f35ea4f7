"""What a visitor may open: the pictures, maps and films given here, and styles by name. No path, no address."""

from __future__ import annotations

import dataclasses
import itertools
import re
import threading
from collections.abc import Hashable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from atelier.engines.network.catalogue import NAME, entry
from atelier.errors import SourceError
from atelier.image import Image, Limits, decode, fit, resize
from atelier.image.encode import OUR_KEY
from atelier.image.regions import Regions
from atelier.media import StreamSource
from atelier.progress import Report, silent
from atelier.run import Map, Painting

if TYPE_CHECKING:
    from atelier.engines.primitives.drawing import Drawing
    from atelier.media.films import Film, FrameFolder, Span
    from atelier.solid.model import Model

LIMITS = Limits(pixels=64_000_000, bytes=64 * 2**20, private_addresses=False, typed_private=False)
"""Of what is given: a phone's largest photo fits."""
FILM_BYTES, MESH_BYTES = 512 * 2**20, 128 * 2**20
MOST = 16
"""Pictures that are kept of those given: the last ones."""
SIDES = (1600, 640, 256)
"""Long sides, px, of the copies that are kept of a picture: most of what is painted here is smaller than the photo."""


@dataclass(frozen=True, eq=False)
class Upload:
    """A picture that was given: its file, and copies of it, largest first. told: the request that made it, of a picture of atelier's."""

    data: bytes
    size: tuple[int, int]
    copies: tuple[Image, ...]
    told: str = ""
    serial: int = field(default_factory=itertools.count().__next__)

    @classmethod
    def of(cls, data: bytes, name: str) -> Upload:
        """Decode a file's bytes. Raises ImageError, MissingExtra."""
        whole = copy = decode(data, name, LIMITS)
        copies = []
        for side in SIDES:
            while max(copy.size) >= 2 * side:
                copy = halved(copy)
            if max(copy.size) > side:
                copy = resize(copy, fit(copy.size, side))
            copies.append(copy)
        return cls(data, whole.size, tuple(copies), whole.text.get(OUR_KEY, ""))

    def at(self, side: int | None) -> Image:
        """The smallest copy with at least that long side; without one, or where none is so large, the picture itself."""
        for copy in reversed(self.copies):
            if max(copy.size) == max(self.size) or (side is not None and max(copy.size) >= side):
                return copy
        return decode(self.data, limits=LIMITS)


def halved(image: Image) -> Image:
    """A picture at half its size: the means of four pixels each, in a fraction of the time that a good filter takes. For the first steps
    down from a photo that is much larger."""
    height, width = (side - side % 2 for side in image.shape)

    def mean(plane: Any) -> Any:
        plane = plane[:height, :width]
        return (plane[::2, ::2] + plane[1::2, ::2] + plane[::2, 1::2] + plane[1::2, 1::2]) * np.float32(0.25)

    return dataclasses.replace(image, pixels=mean(image.pixels), alpha=None if image.alpha is None else mean(image.alpha))


@dataclass(eq=False)
class Uploads:
    """A resolver of one visitor's things. Several threads may share it."""

    pictures: dict[str, Upload] = field(default_factory=dict)
    maps: dict[str, Regions] = field(default_factory=dict)
    films: dict[str, Path] = field(default_factory=dict)
    meshes: dict[str, Path] = field(default_factory=dict)
    limits: Limits = LIMITS
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, data: bytes, name: str) -> str:
        """Take a picture's file; the name it goes by from now on. Raises ImageError, MissingExtra."""
        upload = Upload.of(data, name)
        with self._lock:
            name = self._free(name, data)
            self.pictures[name] = self.pictures.pop(name, upload)
            for old in [*self.pictures][:-MOST]:
                del self.pictures[old]
        return name

    def _free(self, name: str, data: bytes) -> str:
        """The name itself, or one beside it where another picture has it."""
        stem, suffix = Path(clean(name)).stem, Path(clean(name)).suffix
        free, count = f"{stem}{suffix}", 1
        while free in self.pictures and self.pictures[free].data != data:
            count += 1
            free = f"{stem}-{count}{suffix}"
        return free

    def at(self, side: int | None) -> Sized:
        """The same resolver, which gives pictures no larger than is needed."""
        return Sized(self, side)

    def picture(self, name: str, report: Report = silent) -> Image:
        return self._upload(name).at(None)

    def style(self, name: str, report: Report = silent) -> Painting:
        if name in self.pictures:
            return self.pictures[name].at(SIDES[1]).flat()
        if re.fullmatch(NAME, name) and (found := entry(name)):
            return found
        raise SourceError(f"there is no style {name} here: choose one, or drop the painting")

    def map(self, name: str, report: Report = silent) -> Map:
        return self.maps[name] if name in self.maps else self.picture(name, report)

    def drawing(self, name: str) -> Drawing:
        raise SourceError(f"the studio goes on from no drawing: {name}")

    def file(self, name: str) -> str:
        raise SourceError(f"the studio opens no file by its name: {name}")

    def stream(self, name: str) -> StreamSource | None:
        return None

    def film(self, name: str, span: Span, report: Report = silent) -> Film | FrameFolder:
        from atelier.media.films import open_film

        if name not in self.films:
            raise SourceError(f"there is no film {name} here: drop it first")
        return open_film(str(self.films[name]), span, self.limits, report)

    def mesh(self, name: str, report: Report = silent) -> Model:
        from atelier.media.meshes import read_mesh

        if name not in self.meshes:
            raise SourceError(f"there is no mesh {name} here: drop it first")
        return read_mesh(str(self.meshes[name]), self.limits, report)

    def stamp(self, name: str) -> Hashable | None:
        return (name, self.pictures[name].serial) if name in self.pictures else name

    def _upload(self, name: str) -> Upload:
        if name not in self.pictures:
            raise SourceError(f"there is no picture {name} here: drop it first")
        return self.pictures[name]


@dataclass(frozen=True, eq=False)
class Sized:
    """Uploads whose photos come as copies of at least a long side."""

    uploads: Uploads
    side: int | None

    @property
    def limits(self) -> Limits:
        return self.uploads.limits

    def picture(self, name: str, report: Report = silent) -> Image:
        return self.uploads._upload(name).at(self.side)

    def style(self, name: str, report: Report = silent) -> Painting:
        return self.uploads.style(name, report)

    def map(self, name: str, report: Report = silent) -> Map:
        return self.uploads.map(name, report)

    def drawing(self, name: str) -> Drawing:
        return self.uploads.drawing(name)

    def file(self, name: str) -> str:
        return self.uploads.file(name)

    def stream(self, name: str) -> StreamSource | None:
        return None

    def film(self, name: str, span: Span, report: Report = silent) -> Film | FrameFolder:
        return self.uploads.film(name, span, report)

    def mesh(self, name: str, report: Report = silent) -> Model:
        return self.uploads.mesh(name, report)

    def stamp(self, name: str) -> Hashable | None:
        return self.uploads.stamp(name)


def clean(name: str) -> str:
    """A file's name without folders and what no file is called."""
    last = re.split(r"[/\\]", name)[-1]
    return re.sub(r"[^\w .()-]", "_", last).strip(" .")[:80] or "picture"
