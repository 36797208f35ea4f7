"""Styles by name: those that ship, and the user's own. What a style is to the networks that paint.

A file of styles is safetensors. For each style NAME it holds `NAME.numbers` (N,) float16, what the body for named styles
takes; `NAME.colours` (4, 3) float32, mean and covariance of its colours; `NAME.swatch`, bytes of a JPEG with its texture, for
whatever wants a picture. `photo.numbers` is the style of a photo that is left
as it is. Metadata `styles` is JSON: name -> title, painter, year; `body` names the body that the numbers are for.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from atelier.engines.network.painter import StyleCode
from atelier.errors import WeightsError
from atelier.image.moments import Moments

BODY = "painter-6"
"""The bodies that ship. Style codes trained for others mean nothing to them."""
SUFFIX = ".safetensors"
NAME = r"\w[\w-]{0,63}"
"""What a style may be called, as a regular expression."""


@dataclass(frozen=True, eq=False)
class Entry:
    """A style by name. swatch: a JPEG of its texture, or empty."""

    name: str
    title: str
    painter: str
    year: str
    code: StyleCode
    colors: Moments
    swatch: bytes = field(repr=False)
    source: str


def own_folder() -> Path:
    """Where the user's own styles are: $ATELIER_STYLES, else the user's data folder."""
    if given := os.environ.get("ATELIER_STYLES"):
        return Path(given).expanduser()
    if sys.platform == "win32":
        base = Path(os.environ.get("APPDATA", "~/AppData/Roaming"))
    elif sys.platform == "darwin":
        base = Path("~/Library/Application Support")
    else:
        base = Path(os.environ.get("XDG_DATA_HOME") or "~/.local/share")
    try:
        return base.expanduser() / "atelier" / "styles"
    except RuntimeError:  # nobody knows where home is
        return Path(os.devnull) / "styles"


def models_folder() -> Path:
    """Where the networks are: $ATELIER_MODELS, for networks of one's own, else the package."""
    if given := os.environ.get("ATELIER_MODELS"):
        return Path(given).expanduser()
    return Path(str(files("atelier") / "models"))


def is_file(name: str | Path) -> bool:
    """Whether there is a file of that name; what can be no name of a file, or may not be looked at, is none."""
    try:
        return Path(name).is_file()
    except (OSError, ValueError):
        return False


@cache
def shipped() -> Mapping[str, Entry]:
    """The styles that ship, by name; none beside a network of one's own that knows none."""
    if os.environ.get("ATELIER_MODELS") and not (models_folder() / f"styles{SUFFIX}").exists():
        return {}
    return {entry.name: entry for entry in read_styles(models_folder() / f"styles{SUFFIX}")}


@cache
def left_as_it_is() -> StyleCode:
    """The numbers with which the body for named styles leaves a photo as it is. Raises WeightsError."""
    return read_photo(models_folder() / f"styles{SUFFIX}")


def entry(name: str) -> Entry | None:
    """A style by its name, or by the path of a file: `FILE.safetensors` of one that holds just one style, `FILE.safetensors#NAME` of any;
    None where there is none such.

    Of one's own files the one called as the style is comes first. Raises WeightsError for a file that is no style's, or holds several
    and none of that name.
    """
    path, _, part = (name, "", "") if name.endswith(SUFFIX) else name.rpartition("#")
    if path.endswith(SUFFIX) and is_file(path):
        return one_of(Path(path), part)
    if name in shipped():
        return shipped()[name]
    if not re.fullmatch(NAME, name):
        return None
    own = own_folder() / f"{name}{SUFFIX}"
    if is_file(own):
        return one_of(own, name, alone=True)
    return next((each for each in every() if each.name == name), None)


def is_own_style(name: str) -> bool:
    """Whether that is a style of the user's own, by its name or its file, and not a picture's or one that ships."""
    if name.endswith(SUFFIX) or name.rpartition("#")[0].endswith(SUFFIX):
        return True
    return bool(re.fullmatch(NAME, name)) and name not in shipped() and not is_file(Path(name)) and entry(name) is not None


def one_of(path: Path, name: str = "", alone: bool = False) -> Entry:
    """The style of that name in a file; the only one there is where no name is given, or `alone` lets it have another."""
    found = list(read_styles(path))
    for each in found:
        if each.name == name:
            return each
    if len(found) == 1 and (alone or not name):
        return found[0]
    if not found:
        raise WeightsError(f"{path} holds no style: train one anew with atelier train")
    names = ", ".join(each.name for each in found)
    if alone:
        raise WeightsError(f"{path} holds {len(found)} styles: give one by its own name, {names}")
    raise WeightsError(f"{path} {f'has no style {name}' if name else f'holds {len(found)} styles'}: give {path}#NAME, of {names}")


def every() -> list[Entry]:
    """All there are: shipped, then own, each by name. Files of one's own that cannot be read are left out."""
    own: list[Entry] = []
    try:
        paths = sorted(own_folder().glob(f"*{SUFFIX}"))
    except OSError:
        paths = []
    for path in paths:
        try:
            own += read_styles(path)
        except WeightsError:
            continue
    return [*sorted(shipped().values(), key=lambda each: each.name), *own]


def read_styles(path: Path) -> Iterator[Entry]:
    """The styles in a file. Raises WeightsError."""
    tensors, metadata = _tensors(path)
    if (body := metadata.get("body")) != BODY:
        raise WeightsError(f"{path} is made for the body {body or 'of nobody knows what'}, not {BODY}: train it anew with atelier train")
    try:
        for name, about in json.loads(metadata["styles"]).items():
            colors = tensors[f"{name}.colours"].astype(np.float64)
            yield Entry(
                name, about.get("title", name), about.get("painter", ""), str(about.get("year", "")),
                tensors[f"{name}.numbers"].astype(np.float32),
                Moments(colors[0], colors[1:]), bytes(tensors[f"{name}.swatch"]) if f"{name}.swatch" in tensors else b"", str(path),
            )  # fmt: skip
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise WeightsError(f"{path} is no file of styles: {error}") from error


def read_photo(path: Path) -> StyleCode:
    """The numbers in a file of styles with which its body leaves a photo as it is. Raises WeightsError."""
    try:
        return _tensors(path)[0]["photo.numbers"].astype(np.float32)
    except KeyError:
        raise WeightsError(f"{path} has no numbers for a photo left as it is: it goes with no body") from None


def _tensors(path: Path) -> tuple[dict[str, np.ndarray[Any, Any]], dict[str, str]]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "np") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {}  # noqa: SIM118  (no mapping)
    except (SafetensorError, OSError, ValueError) as error:
        raise WeightsError(f"{path} cannot be read as a file of styles: {error}") from error
