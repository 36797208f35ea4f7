"""Single pictures: from a path, standard input or the web, and to a path or standard output."""

from __future__ import annotations

import glob
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np

from atelier.errors import OutputError, SourceError
from atelier.image import Image, Limits, decode, encode, format_name
from atelier.media.files import atomic_write, check_place
from atelier.progress import Progress, Report, silent
from atelier.request.near import near

STANDARD = "-"  # standard input or output, where a path is expected

_PIECE = 2**22  # bytes
_DOT = Image(np.zeros((1, 1, 3), np.float32))  # what formats are tried with

# What counts as a picture when a folder is looked through. A file named outright is judged by its bytes instead.
SUFFIXES = (
    ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".webp", ".tif", ".tiff", ".bmp", ".gif", ".avif", ".heic", ".heif", ".jxl",
)  # fmt: skip


def open_still(source: str | Path | bytes | BinaryIO, limits: Limits = Limits(), report: Report = silent) -> Image:
    """Open the picture at a path, "-" (standard input), an http(s) URL, in a file's bytes, or in an open binary file.

    report: told what is being opened and, once each, the image's notes. Raises SourceError for what is not there or may
    not be read, ImageError for what is no picture, MissingExtra for HEIC where it cannot be read.
    """
    name = _name(source)
    report(Progress("opening", subject=name))
    image = decode(_read(source, limits), name, limits)
    for note in image.notes:
        report(Progress("opening", subject=name, note=f"{name}: {note}"))
    return image


def expand(patterns: Sequence[str | Path]) -> list[str]:
    """Expand patterns to the sources meant by paths, globs and folders, in the order given, each one's own in natural order (2 before 10).

    A glob stands for the files it matches (** for any depth), a folder for the pictures in it by suffix, hidden ones left
    out. "-" and URLs stay as they are; so does a path that exists, whatever signs are in its name.
    Raises SourceError for a path that does not exist, an empty one, a glob that matches no file, a folder without pictures.
    """
    return [source for pattern in patterns for source in _expanded(str(pattern))]


def check_target(
    target: str | Path,
    *,
    format: str | None = None,
    quality: int = 92,
    depth: int | None = None,
    profile: str = "srgb",
    overwrite: bool = True,
) -> None:
    """Raise now what `write_still` would raise after a long run: OutputError for an unknown suffix or format, a missing
    folder, a place that may not be written to; SettingError and MissingExtra."""
    encode(_DOT, _target_format(target, format), quality=quality, depth=depth, profile=profile)
    if str(target) != STANDARD:
        check_place(target, overwrite=overwrite)


def write_still(
    image: Image,
    target: str | Path,
    *,
    format: str | None = None,
    quality: int = 92,
    depth: int | None = None,
    profile: str = "srgb",
    overwrite: bool = True,
) -> None:
    """Write a picture to a path, whole or not at all, or to "-", standard output.

    format: as in `encode`; by default what the suffix says, and PNG for "-". quality, depth, profile: as in `encode`.
    Raises OutputError, SettingError, MissingExtra.
    """
    data = encode(image, _target_format(target, format), quality=quality, depth=depth, profile=profile)
    if str(target) == STANDARD:
        to_standard_output(data)
    else:
        atomic_write(data, target, overwrite=overwrite)


def _name(source: str | Path | bytes | BinaryIO) -> str:
    if isinstance(source, (str, Path)):
        return "standard input" if str(source) == STANDARD else str(source)
    return "picture" if isinstance(source, bytes) else str(getattr(source, "name", "picture"))


def is_url(source: str) -> bool:
    """Tell whether a source is an address of the web (any scheme) rather than a path."""
    return "://" in source


def _read(source: str | Path | bytes | BinaryIO, limits: Limits) -> bytes:
    if isinstance(source, bytes):
        return source
    if isinstance(source, str) and is_url(source):
        from atelier.media.download import download  # which takes long to import

        return download(source, limits)
    if not isinstance(source, (str, Path)):
        return _bounded(source, _name(source), limits)
    if str(source) == STANDARD:
        return _bounded(sys.stdin.buffer, "standard input", limits)
    path = Path(source)
    try:
        if path.is_dir():
            raise SourceError(f"{path} is a folder; name a picture in it")
        with path.open("rb") as file:
            return _bounded(file, str(path), limits)
    except FileNotFoundError:
        raise _missing(path) from None
    except PermissionError as error:
        raise SourceError(f"{path} may not be read (no permission)") from error
    except (OSError, ValueError) as error:  # a name too long, a NUL in it, a disk that fails
        if isinstance(error, SourceError):
            raise
        raise SourceError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from error


def _bounded(file: BinaryIO, name: str, limits: Limits) -> bytes:
    # Counted while reading: pipes and devices have no size to ask for. In pieces: one read(limit) would allocate it all.
    pieces: list[bytes] = []
    left = limits.bytes
    while piece := file.read(min(_PIECE, left + 1)):
        left -= len(piece)
        if left < 0:
            raise SourceError(f"{name} is over the limit of {limits.bytes:,} bytes; raise it (`max_bytes`, or Limits.bytes)")
        pieces.append(piece)
    return b"".join(pieces)


def _missing(path: Path) -> SourceError:
    folder = path.parent
    if not folder.is_dir():
        return SourceError(f"there is no folder {folder}, so no {path}")
    try:
        names = [entry.name for entry in folder.iterdir()]
    except OSError:
        names = []
    stems = near(path.stem.lower(), dict.fromkeys(Path(name).stem.lower() for name in names), 3)  # suffixes are alike anyway
    close = [str(folder / name) for stem in stems for name in names if Path(name).stem.lower() == stem][:3]
    hint = f"; did you mean {' or '.join(close)}?" if close else ""
    return SourceError(f"there is no file {path}{hint}")


def _expanded(pattern: str) -> list[str]:
    if pattern == STANDARD or is_url(pattern):
        return [pattern]
    if not pattern:  # a shell's variable that is not set, say; as a path it would be the folder one is in
        raise SourceError("a photo's name is empty: give a path, a glob, a folder or a URL")
    path = Path(pattern)
    try:
        if path.is_dir():
            found = [str(entry) for entry in path.iterdir() if _is_picture(entry)]
            if not found:
                raise SourceError(f"there are no pictures in the folder {pattern}")
            return sorted(found, key=_natural)
        if path.exists():
            return [pattern]
    except OSError as error:
        raise SourceError(f"{pattern} cannot be read: {error.strerror or error}") from error
    if not glob.has_magic(pattern):
        raise _missing(path)
    found = [name for name in glob.glob(pattern, recursive=True) if Path(name).is_file()]  # noqa: PTH207 (takes absolute patterns)
    if not found:
        raise SourceError(f"no file matches {pattern}")
    return sorted(found, key=_natural)


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file()


def _natural(name: str) -> tuple[tuple[int, int, str], ...]:
    parts = re.split(r"(\d+)", name.casefold())
    numbered = ((1, int(part), "") if part.isdecimal() else (0, 0, part) for part in parts)
    return (*numbered, (0, 0, name))


def _target_format(target: str | Path, format: str | None) -> str:
    if format is not None:
        return format_name(format)
    if str(target) == STANDARD:
        return "png"
    suffix = Path(target).suffix
    if not suffix:
        if os.path.isdir(target):  # noqa: PTH112 (False for a name too long, where a Path's raises)
            raise OutputError(f"{target} is a folder; name a file in it")
        raise OutputError(f"{target} has no suffix that says its format; name it {target}.png, for example")
    return format_name(suffix)


def to_standard_output(data: bytes) -> None:
    try:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    except OSError as error:
        raise OutputError(f"standard output cannot be written: {error.strerror or error}") from error
