"""Values in place of names: pictures of any kind that Python has, under names made up for them."""

from __future__ import annotations

import os
from collections.abc import Hashable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image as Pillow
from PIL import ImageOps

from atelier.errors import ImageError, SettingError, SourceError
from atelier.image import Image, Limits
from atelier.image.color_names import distinct_colors
from atelier.image.regions import BACKGROUND, MOST, Regions
from atelier.media import STANDARD, StreamSource, open_still
from atelier.progress import Report, silent
from atelier.run.maps import NEAR, VOID
from atelier.run.resolver import GIVEN, Local, Map, Painting, open_drawing

if TYPE_CHECKING:
    from atelier.engines.primitives.drawing import Drawing
    from atelier.media.films import Film, FrameFolder, Span
    from atelier.solid.model import Model


class Values:
    """A resolver that knows values by the names it gives them, and any other name as this machine does.

    What was given by path or URL keeps its name. Standard input has none: it is not there the next time.
    """

    def __init__(self, limits: Limits = Limits()) -> None:
        self.local = Local(limits)
        self.values: dict[str, Any] = {}

    @property
    def limits(self) -> Limits:
        return self.local.limits

    def name(self, value: Any) -> str:
        """The name of a value: a path, URL or word itself; "" for nothing."""
        if value is None or (isinstance(value, str) and not value):
            return ""
        if isinstance(value, (str, Path)) and str(value) != STANDARD:
            return os.fspath(value)
        name = f"{GIVEN}@{len(self.values) + 1}"
        if hasattr(value, "faces") or hasattr(value, "geometry"):  # a Trimesh or a Scene of trimesh's
            name += ".glb"
        self.values[name] = value
        return name

    def picture(self, name: str, report: Report = silent) -> Image:
        return as_image(self.values[name], self.limits) if name in self.values else self.local.picture(name, report)

    def style(self, name: str, report: Report = silent) -> Painting:
        if name not in self.values:
            return self.local.style(name, report)
        from atelier.engines.network.catalogue import Entry

        value = self.values[name]
        return value if isinstance(value, Entry) else as_image(value, self.limits).flat()

    def map(self, name: str, report: Report = silent) -> Map:
        return as_map(self.values[name], self.limits) if name in self.values else self.local.map(name, report)

    def drawing(self, name: str) -> Drawing:
        if name not in self.values:
            return self.local.drawing(name)
        value = self.values[name]
        if not isinstance(value, str) and not hasattr(value, "marks"):
            raise SourceError(f"a drawing is what `draw` gives, or the path of its JSON, not {value!r}")
        drawing: Drawing = open_drawing(value) if isinstance(value, str) else value
        return drawing

    def file(self, name: str) -> str:
        return self.local.file(name)

    def stream(self, name: str) -> StreamSource | None:
        return self.local.stream(name)

    def film(self, name: str, span: Span, report: Report = silent) -> Film | FrameFolder:
        return self.local.film(name, span, report)

    def mesh(self, name: str, report: Report = silent) -> Model:
        if name not in self.values:
            return self.local.mesh(name, report)
        from atelier.media.meshes import model_of

        return model_of(self.values[name])

    def stamp(self, name: str) -> Hashable | None:
        return None if name in self.values else self.local.stamp(name)


def as_image(picture: Any, limits: Limits = Limits()) -> Image:
    """Any kind of picture, opened: an Image, an array, a picture of Pillow's, a path or a URL.

    Raises SourceError for what is none, and ImageError.
    """
    if isinstance(picture, Image):
        return picture
    if isinstance(picture, Pillow.Image):
        upright = ImageOps.exif_transpose(picture)
        plain = upright.mode in ("1", "L", "LA", "RGB", "RGBA", "I;16")
        clear = "transparency" in upright.info or "A" in upright.getbands()
        picture = np.asarray(upright if plain else upright.convert("RGBA" if clear else "RGB"))
    if isinstance(picture, np.ndarray):
        try:
            return Image.from_array(picture)
        except (TypeError, ValueError) as error:
            if isinstance(error, ImageError):
                raise
            raise ImageError(f"an array of {picture.dtype} is no picture: {error}") from error
    if not isinstance(picture, (str, Path)) or not str(picture):
        raise SourceError(f"a picture is an Image, an array, a path or a URL, not {picture!r}")
    return open_still(picture, limits)


def as_map(given: Any, limits: Limits = Limits()) -> Map:
    """Regions, or the picture of them. Raises SettingError for whole numbers that are none."""
    if isinstance(given, Regions):
        return given
    if isinstance(given, np.ndarray) and given.ndim == 2 and given.size and given.dtype.kind in "ui":
        numbers = given[given != VOID]
        if numbers.size and 0 <= numbers.min() < numbers.max() < MOST and (numbers.size == given.size or _near(numbers)):
            values, labels = np.unique(given, return_inverse=True)
            if len(values) <= MOST:
                colors = distinct_colors(MOST + 1)  # a number has the same one in every map
                named = tuple(BACKGROUND if value == VOID else str(value) for value in values.tolist())
                own = tuple(colors[min(value, MOST)] for value in values.tolist())
                return Regions(labels.reshape(given.shape).astype(np.uint8), named, own)
        if given.dtype not in (np.uint8, np.uint16):  # which may be pictures
            raise SettingError(
                "regions",
                f"a map of whole numbers has two regions or more, with numbers from 0 to {MOST - 1} ({VOID} for no region): "
                f"this one has {given.min()} to {given.max()}",
            )
    return as_image(given, limits)


def as_mask(mask: Any) -> Any:
    """A mask of whole numbers that are 0 and 1 as one of black and white; anything else as it is."""
    whole = isinstance(mask, np.ndarray) and mask.ndim == 2 and mask.size > 0 and mask.dtype.kind in "ui"
    return mask.astype(np.bool_) if whole and 0 <= mask.min() <= mask.max() <= 1 else mask


def _near(numbers: np.ndarray[Any, Any]) -> bool:
    """Whether these are numbers beside VOID, and not levels of grey beside white."""
    return int(np.diff(np.unique(numbers).astype(int)).min()) <= NEAR
