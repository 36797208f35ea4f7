"""Who may open which name: a request holds names, and a resolver opens them."""

from __future__ import annotations

import sys
from collections.abc import Hashable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeAlias, Union

from atelier.errors import SettingError, SourceError
from atelier.image import Image, Limits, decode
from atelier.image.regions import Regions
from atelier.media import STANDARD, StreamSource, Unstreamable, open_still, open_stream
from atelier.progress import Report, silent
from atelier.request.near import did_you_mean

if TYPE_CHECKING:
    from atelier.engines.network.catalogue import Entry
    from atelier.engines.primitives.drawing import Drawing
    from atelier.media.films import Film, FrameFolder, Span
    from atelier.solid.model import Model

Painting: TypeAlias = Union[Image, "Entry"]
"""What a style is: a picture, or a style by name."""
Map: TypeAlias = Regions | Image
"""Regions, or the colour-coded picture of them."""

LARGEST_JSON = 2**28  # bytes
GIVEN = "given://"
"""What the names of values begin with that have no name of their own: they are there this once."""
STREAMED_PIXELS = 4_000_000_000
"""Pictures painted from window to window may have so many pixels, unless a limit is given: that is there for pictures that are held."""


class Resolver(Protocol):
    """Opens what a name means to one caller. Every method raises SourceError for what there is not, or what the caller may not have."""

    @property
    def limits(self) -> Limits:
        """On what is opened, and how large it is painted."""
        ...

    def picture(self, name: str, report: Report = silent) -> Image:
        """A picture. Raises ImageError, too."""
        ...

    def style(self, name: str, report: Report = silent) -> Painting:
        """A painting, laid over white, or a style by name."""
        ...

    def map(self, name: str, report: Report = silent) -> Map:
        """A map of regions."""
        ...

    def drawing(self, name: str) -> Drawing:
        """A drawing."""
        ...

    def file(self, name: str) -> str:
        """The path of a file that a library reads by itself: weights, a model."""
        ...

    def stream(self, name: str) -> StreamSource | None:
        """A picture to be read window by window, of any size; None where it has to be opened whole."""
        ...

    def film(self, name: str, span: Span, report: Report = silent) -> Film | FrameFolder:
        """A film, or a folder of frames. Raises ImageError and MissingExtra, too."""
        ...

    def mesh(self, name: str, report: Report = silent) -> Model:
        """A mesh. Raises MeshError and MissingExtra, too."""
        ...

    def stamp(self, name: str) -> Hashable | None:
        """What changes when that which the name means changes; None where nobody can tell."""
        ...


@dataclass(frozen=True)
class Local:
    """Opens paths, URLs and standard input: for whoever sits at this machine."""

    limits: Limits = Limits()

    def picture(self, name: str, report: Report = silent) -> Image:
        return open_still(name, self.limits, report)

    def style(self, name: str, report: Report = silent) -> Painting:
        return open_style(name, self.limits, report)

    def map(self, name: str, report: Report = silent) -> Map:
        return self.picture(name, report)

    def drawing(self, name: str) -> Drawing:
        return open_drawing(name)

    def file(self, name: str) -> str:
        return name

    def stream(self, name: str) -> StreamSource | None:
        if Path(name).suffix.lower() not in (".tif", ".tiff") or not Path(name).is_file():
            return None
        most = STREAMED_PIXELS if self.limits.pixels == Limits().pixels else self.limits.pixels
        try:
            return open_stream(name, limits=replace(self.limits, pixels=most))
        except Unstreamable:
            return None

    def film(self, name: str, span: Span, report: Report = silent) -> Film | FrameFolder:
        from atelier.media.films import open_film

        return open_film(name, span, self.limits, report)

    def mesh(self, name: str, report: Report = silent) -> Model:
        from atelier.media.meshes import read_mesh

        return read_mesh(name, self.limits, report)

    def stamp(self, name: str) -> Hashable | None:
        if name == STANDARD or "://" in name:
            return None
        try:
            found = Path(name).stat()
        except (OSError, ValueError):
            return name  # a style by name
        return name, found.st_mtime_ns, found.st_size


LOCAL = Local()


def shown(name: str) -> str:
    """A name for people: what was given as a value has none."""
    return "given" if name.startswith(GIVEN) else name


def open_style(source: str, limits: Limits = Limits(), report: Report = silent) -> Painting:
    """Open a style: a painting's file, URL or standard input; or a style by name, where there is no file of that name.

    Raises SourceError, which for what is neither file nor name says what names there are.
    """
    from atelier.engines.network.catalogue import SUFFIX, entry, every, is_file

    if source.endswith(SUFFIX) or not (source == STANDARD or "://" in source or is_file(source)):
        if found := entry(source):
            return found
        if not Path(source).suffix and "/" not in source and not (len(source) < 256 and Path(source).is_dir()):
            names = [each.name for each in every()]
            hint = did_you_mean(source, names) or f"the names are {', '.join(names)}"
            raise SourceError(f"there is no file {source}, and no style of that name: {hint}")
    return open_still(source, limits, report).flat()


def as_picture(style: Painting) -> Image:
    """A painting to look at: of a style by name its swatch. Raises SettingError where it has none."""
    if isinstance(style, Image):
        return style
    if not style.swatch:
        raise SettingError(
            "styles", f"the style {style.name} has no picture in it: give the painting; by name it is for the trained networks"
        )
    return decode(style.swatch)


def open_drawing(source: str | Path) -> Drawing:
    """A drawing out of the JSON that was written of it, in a file or from standard input ("-"). Raises SourceError."""
    from atelier.engines.primitives.drawing import Drawing

    try:
        if str(source) == STANDARD:
            text = sys.stdin.buffer.read(LARGEST_JSON + 1).decode("utf-8-sig")
        else:
            with Path(source).open("rb") as file:
                text = file.read(LARGEST_JSON + 1).decode("utf-8-sig")
    except FileNotFoundError:
        raise SourceError(f"there is no file {source}") from None
    except (OSError, ValueError) as error:
        raise SourceError(f"{source} cannot be read as a drawing's JSON: {error}") from error
    if len(text) > LARGEST_JSON:
        raise SourceError(f"{source} is over {LARGEST_JSON // 2**20} MiB, too large for a drawing")
    try:
        return Drawing.from_json(text)
    except SourceError as error:
        raise SourceError(f"{source}: {error}") from error
