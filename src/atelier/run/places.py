"""Where things go, and what is refused of it before the work."""

from __future__ import annotations

import os
import re
from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from atelier.errors import AtelierError, OutputError, SettingError, TargetError
from atelier.image import format_name
from atelier.image.encode import OUR_KEY
from atelier.media import STANDARD, check_target, open_still

VECTORS = (".svg", ".pdf", ".json")
"""What a drawing can be written as besides pixels."""


@dataclass(frozen=True)
class Outputs:
    """Where things go. picture: the result. also: more files of the same drawing, in other formats. every: iterations (of a
    drawing: shapes) between pictures on the way, written beside it. animation: a GIF, WebP or PNG of them. log: losses as
    JSON lines. checkpoint: state to resume from; deleted when the run is complete. overwrite: whether files that exist may be
    replaced (those of a run that is resumed always may)."""

    picture: str
    also: tuple[str, ...] = ()
    every: int = 0
    animation: str | None = None
    log: str | None = None
    checkpoint: str | None = None
    quality: int = 92
    depth: int | None = None
    format: str | None = None
    overwrite: bool = True

    @property
    def named(self) -> list[tuple[str, str]]:
        """Every file there will be, but for the pictures on the way, with the option that names it."""
        beside = (("--animation", self.animation), ("--log", self.log), ("--checkpoint", self.checkpoint))
        return [("--out", name) for name in (self.picture, *self.also)] + [(option, name) for option, name in beside if name]

    @property
    def resuming(self) -> bool:
        return self.checkpoint is not None and Path(self.checkpoint).exists()

    def on_the_way(self, step: int) -> Path:
        """The picture after so many steps, beside the result and like it; PNG where that is none of pixels."""
        target = Path(self.picture)
        suffix = ".png" if target.suffix.lower() in VECTORS else target.suffix or f".{(self.format or 'png').lower().lstrip('.')}"
        return target.with_name(f"{target.stem}-{step:05d}{suffix}")

    @property
    def pixels_as(self) -> str | None:
        """The format of pictures on the way, where their suffix does not say it."""
        return None if Path(self.picture).suffix.lower() in VECTORS else self.format


@contextmanager
def beforehand() -> Iterator[None]:
    """What cannot be written, found out in here, is a mistake in what was asked for."""
    try:
        yield
    except TargetError:
        raise
    except OutputError as error:
        raise TargetError(str(error)) from error


def check_outputs(outputs: Outputs, inputs: Sequence[str | None]) -> None:
    """Refuse what cannot go well, before the work: a file that is to be two things at once, say. inputs: all that is read.

    Raises TargetError, SettingError.
    """
    if outputs.every < 0:
        raise SettingError(f"--every {outputs.every}: must be at least 0")
    if outputs.every and outputs.picture == STANDARD:
        raise SettingError("--every writes pictures beside the result, which goes to standard output here: give --out a file")
    for _, target in outputs.named:
        check_format(target, outputs.format)
    read = [name for name in inputs if name and name != STANDARD and "://" not in name]
    check_apart(outputs.named, read)
    if outputs.every:
        with beforehand():
            check_target(outputs.on_the_way(0), format=outputs.pixels_as, quality=outputs.quality, depth=outputs.depth)
        check_way(outputs, [*read, *(name for option, name in outputs.named if option != "--out")])
    if not outputs.overwrite and not outputs.resuming:
        for option, target in outputs.named:
            if target != STANDARD and Path(target).is_file():
                raise TargetError(f"{option} {target} exists already: name another file, or allow --overwrite")


def check_format(target: str, format: str | None) -> None:
    """Raise SettingError where the suffix says one format and --format another."""
    suffix = Path(target).suffix.lower()
    if format is None or target == STANDARD or suffix in VECTORS or f".{format.lower().lstrip('.')}" in VECTORS:
        return
    try:
        says = format_name(suffix)
    except OutputError:  # a suffix that says nothing
        return
    if says != format_name(format):
        raise SettingError(f"--format {format} does not go with the name {target}: leave it out, or name the file accordingly")


def check_apart(written: Sequence[tuple[str, str]], read: Sequence[str]) -> None:
    """Raise TargetError where two names, of all that is written (with options) and read, mean one file, there or not."""
    if sum(target == STANDARD for _, target in written) > 1:
        raise TargetError("only one thing can go to standard output")
    taken = {key: "one of the pictures or files to work from" for name in read for key in _keys(name)}
    for option, target in written:
        keys = _keys(target) if target != STANDARD else set()
        for key in keys & taken.keys():
            raise TargetError(f"{option} {target} is {taken[key]}: give {option} another name")
        taken |= dict.fromkeys(keys, f"what {option} names as well")


def check_way(outputs: Outputs, names: Sequence[str]) -> None:
    """Raise TargetError where a picture on the way could take the place of one of these files, or of any where none may be."""
    first = outputs.on_the_way(0)
    numbered = re.compile(re.escape(os.path.normcase(Path(outputs.picture).stem)) + r"-\d{5,}" + re.escape(os.path.normcase(first.suffix)))
    folder = os.path.realpath(first.parent)
    known = [Path(name) for name in names]
    if not outputs.overwrite and not outputs.resuming:
        known += first.parent.iterdir()
    for path in known:
        if os.path.realpath(path.parent) == folder and numbered.fullmatch(os.path.normcase(path.name)):
            raise TargetError(f"{path} could be replaced by a picture on the way (--every): give --out another name")


def check_derived(targets: Sequence[str]) -> None:
    """Raise TargetError where a name that nobody typed is that of a file that atelier did not make."""
    for target in targets:
        if Path(target).is_file() and not _made_here(target):
            raise TargetError(f"{target} exists already, and atelier did not make it: choose another place, or allow --overwrite")


def _made_here(path: str) -> bool:
    if Path(path).suffix.lower() == ".json":
        return False
    try:
        return OUR_KEY in open_still(path).text
    except AtelierError:
        return False


def _keys(name: str) -> set[Hashable]:
    """What two names of one file have in common. None for devices and pipes, which may be given twice."""
    path = Path(name)
    try:
        if path.exists() and not path.is_file():
            return set()
        keys: set[Hashable] = {os.path.normcase(os.path.realpath(path))}
        if path.exists():
            found = path.stat()
            keys.add((found.st_dev, found.st_ino))
    except (OSError, ValueError):  # no name of a file: whoever opens it says so
        return set()
    return keys
