"""Pictures given as values, written into a folder so that a request can name them."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from atelier import run
from atelier.api.given import path_of, read_styles
from atelier.errors import TargetError
from atelier.image import Image, Limits, encode
from atelier.image.maps import write_map
from atelier.image.regions import Regions
from atelier.media import atomic_write
from atelier.request import Style
from atelier.run.values import as_image, as_map, as_mask


@dataclass(frozen=True)
class Filing:
    """A folder for pictures. Each method names what is given as a request does, and writes what has no name yet.

    Raises SourceError, ImageError, TargetError, OutputError.
    """

    folder: Path
    limits: Limits

    def picture(self, given: Any) -> str:
        """Name a picture: its path or word as it is, "" for none."""
        return _named(given) if _has_name(given) else self._write(as_image(given, self.limits))

    def map(self, given: Any) -> str:
        """Name a map of regions, which may be whole numbers (H, W)."""
        return _named(given) if _has_name(given) else self._write(as_map(given, self.limits))

    def masks(self, given: Any) -> tuple[str, ...]:
        """Name a mask or several."""
        return _several(given, lambda mask: self.picture(as_mask(mask)))

    def maps(self, given: Any) -> tuple[str, ...]:
        """Name a map or several."""
        return _several(given, self.map)

    def styles(self, given: Any) -> tuple[Style, ...]:
        """Read styles, as `stylize` takes them, and name their paintings."""
        return tuple(
            style if path_of(picture) else dataclasses.replace(style, source=self.picture(picture)) for picture, style in read_styles(given)
        )

    def value(self, name: str, given: Any) -> Any:
        """Give a value to vary, or a setting, as a request has it."""
        files: dict[str, Callable[[Any], Any]] = {
            "style": self.styles, "mask": self.masks, "style_regions": self.maps, "regions": self.map, "blend": self.picture,
            **dict.fromkeys(run.file_settings(), self.picture),
        }  # fmt: skip
        file = files.get(name.replace("-", "_"))
        return file(given) if file else given

    def _write(self, opened: Image | Regions) -> str:
        """Write a picture as PNG of 16 bits, a map of 8, under a name that its pixels give."""
        picture = write_map(opened) if isinstance(opened, Regions) else Image(opened.pixels, alpha=opened.alpha)
        held = encode(picture, "png", depth=8 if isinstance(opened, Regions) else 16)
        path = self.folder / f"given-{hashlib.sha256(held).hexdigest()[:12]}.png"
        if not path.exists():
            try:
                self.folder.mkdir(exist_ok=True)
            except OSError as error:
                raise TargetError(f"{self.folder} cannot be made: {error.strerror or error}") from error
            atomic_write(held, path)
        return str(path)


def _several(given: Any, name: Callable[[Any], str]) -> tuple[str, ...]:
    return tuple(map(name, given if isinstance(given, (list, tuple)) else [given] if given is not None and _named(given) else []))


def _has_name(given: Any) -> bool:
    return given is None or isinstance(given, (str, Path))


def _named(given: Any) -> str:
    """Name what has a name; "" where there is none, and "given" where it is a value."""
    if given is None or (isinstance(given, str) and not given):
        return ""
    return str(given) if isinstance(given, (str, Path)) else "given"
