"""From photos and styles, or from a list in a file, to items: which picture goes where."""

from __future__ import annotations

import csv
import dataclasses
import io
import itertools
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any

from atelier.batch.item import Item
from atelier.errors import SettingError, SourceError
from atelier.media import expand, name_results
from atelier.media.films import FILMS, is_film
from atelier.media.stills import SUFFIXES
from atelier.request import Outputs, Request, Style
from atelier.run import check_apart, names_read

Mix = tuple[Style, ...]
"""The styles of one picture: one, or several that blend."""
FIELDS = ("stem", "style", "folder", "number")
"""What names are made of: the photo's name, the style's, the photo's folder below the one that was given, a count from 1."""
Parse = Callable[[str], Style]


@dataclass(frozen=True)
class Found:
    """A photo, and the folder below the one that was given in which it was found; "" for itself."""

    name: str
    folder: str = ""


@dataclass(frozen=True)
class Making:
    """How all items are made. request, outputs: what they have besides sources, styles and targets. settings: of the engine."""

    request: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    outputs: Mapping[str, Any] = field(default_factory=dict)
    suffix: str = ".png"

    def item(self, photo: str, mix: Mix, target: str) -> Item:
        request = Request("stylize", photo, mix, settings=dict(self.settings), **self.request)
        return Item(request, Outputs(target, **self.outputs))


def find_photos(patterns: Sequence[str], out: str = "") -> list[Found]:
    """The photos and films meant by paths, globs, URLs and folders; folders with all that is below them, but for hidden files and `out`.

    Raises SourceError for what is not there.
    """
    found: list[Found] = []
    for pattern in patterns:
        if pattern and "://" not in pattern and Path(pattern).is_dir():
            below = _below(Path(pattern), Path(out).resolve() if out else None)
            if not below:
                raise SourceError(f"there are no pictures in the folder {pattern}")
            found += below
        else:
            found += [Found(name) for name in expand([pattern])]
    return found


def plan(photos: Sequence[Found], mixes: Sequence[Mix], out: str, making: Making, name: str = "") -> list[Item]:
    """Every photo in every mix, folders mirrored below `out`. name: of the files, of FIELDS in braces.

    Raises SettingError for a name that makes two files one, TargetError for a target that is also read.
    """
    name = name or ("{folder}/{stem}" if len(mixes) < 2 else "{style}/{folder}/{stem}")
    check_name(name)
    stems = _stems(photos)
    labels = name_results([_label(mix) for mix in mixes])
    items = []
    for number, (photo, (label, mix)) in enumerate(itertools.product(photos, zip(labels, mixes, strict=True)), 1):
        fields = {"stem": stems[photo], "style": label, "folder": photo.folder, "number": number}
        own = re.sub("/+", "/", name.format(**fields)).strip("/")
        items.append(making.item(photo.name, mix, str(Path(out) / f"{own}{_suffix(photo.name, making)}")))
    check_items(items)
    return items


def read_plan(path: str, out: str, making: Making, parse: Parse = Style) -> list[Item]:
    """Items out of a file: JSON lines or CSV, an item a line, with `input`, and `output`, `style` and any option where it has its own.

    Paths in it are meant from its folder, `output` from `out`. parse: a style as it is typed. Raises SourceError, SettingError.
    """
    folder, items = Path(path).parent, []
    lines = _lines(path)
    stems = name_results([str(line.get("input", "")) for line in lines])
    for number, (line, stem) in enumerate(zip(lines, stems, strict=True), 1):
        try:
            items.append(_item(dict(line), stem, folder, out, making, parse))
        except (SettingError, TypeError, ValueError) as error:
            raise SettingError("photos", f"{path}, item {number}: {error}") from error
    check_items(items)
    return items


def check_items(items: Sequence[Item]) -> None:
    """Raise TargetError where two items have one target, or one is also read."""
    read = {name for item in items for name in names_read(item.request) if name != "-" and "://" not in name}
    check_apart([("out", item.output) for item in items], sorted(read))


def check_name(name: str) -> None:
    """Raise SettingError for a name that has other fields than FIELDS, or leads out of the folder."""
    try:
        name.format(**dict.fromkeys(FIELDS, ""))
    except (KeyError, IndexError, ValueError, AttributeError) as error:
        known = ", ".join("{" + each + "}" for each in FIELDS)
        raise SettingError("name", f"a name is made of {known}, and this is none of them: {error}", name) from error
    if ".." in PurePath(name).parts or PurePath(name).is_absolute():
        raise SettingError("name", "must stay in the folder of the results", name)


def _item(line: dict[str, Any], stem: str, folder: Path, out: str, making: Making, parse: Parse) -> Item:
    photo = line.pop("input", None)
    if not isinstance(photo, str) or not photo:
        raise SettingError("photos", "has no `input`")
    given = line.pop("style", line.pop("styles", None))
    texts = [given] if isinstance(given, (str, dict)) else list(given or ())
    mix = tuple(Style(**text) if isinstance(text, dict) else parse(text) for text in texts)
    mix = tuple(dataclasses.replace(each, source=_from(folder, each.source)) for each in mix)
    target = str(Path(out) / str(line.pop("output", None) or f"{stem}{_suffix(photo, making)}"))
    own = {each.name for each in dataclasses.fields(Request)} - {"task", "content", "styles", "settings"}
    written = {each.name for each in dataclasses.fields(Outputs)} - {"picture", "format"}
    settings = {**making.settings, **line.pop("settings", {})}
    settings |= {name: value for name, value in line.items() if name not in own | written}
    request = {**making.request, **{name: value for name, value in line.items() if name in own}}
    outputs = {**making.outputs, **{name: value for name, value in line.items() if name in written - own}}
    return Making(request, settings, outputs).item(_from(folder, photo), mix, target)


def _lines(path: str) -> list[dict[str, Any]]:
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise SourceError(f"{path} cannot be read: {error}") from error
    if Path(path).suffix.lower() == ".csv":
        return [{name: _value(name, text) for name, text in row.items() if text} for row in csv.DictReader(io.StringIO(text)) if row]
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            try:
                told = json.loads(line)
            except ValueError as error:
                raise SourceError(f"{path}, line {number} is no JSON: {error}") from error
            if not isinstance(told, dict):
                raise SourceError(f'{path}, line {number}: an item is an object, as {{"input": "photo.jpg"}}')
            found.append(told)
    return found


def _value(name: str, text: str) -> Any:
    """A cell of a table: a number, true or false, or text."""
    if name in ("input", "output", "style"):
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text


def _below(folder: Path, out: Path | None) -> list[Found]:
    def kept(path: Path) -> bool:
        parts = path.relative_to(folder).parts
        hidden = any(part.startswith(".") for part in parts)
        wanted = path.suffix.lower() in SUFFIXES or is_film(path.name)
        return not hidden and wanted and path.is_file() and (out is None or out not in path.resolve().parents)

    paths = sorted((path for path in folder.rglob("*") if kept(path)), key=lambda path: [_natural(part) for part in path.parts])
    return [Found(str(path), path.parent.relative_to(folder).as_posix().removeprefix(".")) for path in paths]


def _suffix(source: str, making: Making) -> str:
    """Of what a source is painted to: a film's own, or .mp4, unless films are asked for anyway."""
    own = Path(source).suffix.lower()
    if own in SUFFIXES or not is_film(source) or (making.suffix in FILMS and making.suffix not in SUFFIXES):
        return making.suffix
    return own if own in FILMS else ".mp4"


def _natural(name: str) -> tuple[tuple[int, int, str], ...]:
    parts = re.split(r"(\d+)", name.casefold())
    return (*(((1, int(part), "") if part.isdecimal() else (0, 0, part)) for part in parts), (0, 0, name))


def _stems(photos: Sequence[Found]) -> dict[Found, str]:
    """The name of each photo's result, unlike all others of its folder."""
    found: dict[Found, str] = {}
    for folder in {photo.folder for photo in photos}:
        own = [photo for photo in dict.fromkeys(photos) if photo.folder == folder]
        found |= dict(zip(own, name_results([photo.name for photo in own]), strict=True))
    return found


def _label(mix: Mix) -> str:
    return "+".join(PurePath(style.source.rsplit("#")[-1]).stem for style in mix) or "painted"


def _from(folder: Path, name: str) -> str:
    """A name as meant from a folder, where there is such a file; else as it is."""
    if name == "-" or "://" in name or Path(name).is_absolute():
        return name
    there = folder / name
    try:
        return str(there) if there.exists() else name
    except OSError:
        return name
