"""What is refused of targets, the files to write, before the work."""

from __future__ import annotations

import os
import re
from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from atelier.errors import AtelierError, OutputError, SettingError, TargetError
from atelier.image import format_name
from atelier.image.encode import OUR_KEY
from atelier.media import STANDARD, check_target, open_still
from atelier.request import VECTORS, Outputs


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
        raise SettingError("every", "must be at least 0", outputs.every)
    if outputs.every and outputs.picture == STANDARD:
        raise SettingError("every", "`every` writes pictures beside the result, which goes to standard output here: give `picture` a file")
    for _, target in outputs.named:
        check_format(target, outputs.format)
    read = [name for name in inputs if name and name != STANDARD and "://" not in name]
    check_apart(outputs.named, read)
    if outputs.every:
        with beforehand():
            check_target(
                outputs.on_the_way(0), format=outputs.pixels_as, quality=outputs.quality, depth=outputs.depth, profile=outputs.profile
            )
        check_way(outputs, [*read, *(name for option, name in outputs.named if option != "picture")])
    if not outputs.overwrite and not outputs.resuming:
        for option, target in outputs.named:
            if target != STANDARD and Path(target).is_file():
                raise TargetError(f"`{option}` {target} exists already: name another file, or allow `overwrite`")


def check_format(target: str, format: str | None) -> None:
    """Raise SettingError where the suffix says one format and `format` another."""
    suffix = Path(target).suffix.lower()
    if format is None or target == STANDARD or suffix in VECTORS or f".{format.lower().lstrip('.')}" in VECTORS:
        return
    try:
        says = format_name(suffix)
    except OutputError:  # a suffix that says nothing
        return
    if says != format_name(format):
        raise SettingError("format", f"`format` {format} does not go with the name {target}: leave it out, or name the file accordingly")


def check_apart(written: Sequence[tuple[str, str]], read: Sequence[str]) -> None:
    """Raise TargetError where two names, of all that is written (with options) and read, mean one file, there or not."""
    if sum(target == STANDARD for _, target in written) > 1:
        raise TargetError("only one thing can go to standard output")
    taken = {key: "one of the pictures or files to work from" for name in read for key in _keys(name)}
    for option, target in written:
        keys = _keys(target) if target != STANDARD else set()
        for key in keys & taken.keys():
            raise TargetError(f"`{option}` {target} is {taken[key]}: give `{option}` another name")
        taken |= dict.fromkeys(keys, f"what `{option}` names as well")


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
            raise TargetError(f"{path} could be replaced by a picture on the way (`every`): give `picture` another name")


def check_derived(targets: Sequence[str]) -> None:
    """Raise TargetError where a name that nobody typed is that of a file that atelier did not make."""
    for target in targets:
        if Path(target).is_file() and not _made_here(target):
            raise TargetError(f"{target} exists already, and atelier did not make it: choose another place, or allow `overwrite`")


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
