"""Files that are written whole or not at all. What is being written has a hidden name beside the target, which tells the process that
writes it, so that what a killed one left can be told from what another is at work on."""

from __future__ import annotations

import contextlib
import errno
import os
import platform
import re
import secrets
import stat
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from atelier.errors import AtelierError, OutputError


def check_place(target: str | Path, *, overwrite: bool = True) -> Path:
    """Give the path, if a file could be written there as things stand: asked before a long run, not after it.

    A folder that is not there yet will be made. Raises OutputError where it cannot be made or may not be written in, where the
    target is a folder or a file that may not be changed, or exists and `overwrite` is False.
    """
    path = Path(target)
    try:
        if path.is_dir():
            raise OutputError(f"{path} is a folder; name a file in it")
        folder = _nearest(path.parent)
        if not folder.is_dir():
            raise OutputError(f"{folder} is no folder to write {path.name} in; choose a folder")
        if path.exists():
            if not overwrite:
                raise OutputError(f"{path} exists already; choose another name, or allow overwriting")
            if not os.access(path, os.W_OK):
                raise OutputError(f"{path} may not be changed (no write permission); choose another name")
        if not os.access(folder, os.W_OK | os.X_OK) and not _is_special(path):
            raise OutputError(f"nothing may be written in {folder} (no write permission); choose another folder")
    except OutputError:
        raise
    except (OSError, ValueError) as error:  # a name too long, a NUL in it
        raise _cannot(path, error) from error
    return path


def atomic_write(data: bytes, target: str | Path, *, overwrite: bool = True) -> None:
    """Write a file that appears whole or not at all, whatever happens meanwhile: an error, Ctrl-C, a full disk.

    It is written under a hidden name beside the target and then takes its place. The folder is made if need be. An existing
    file keeps its permissions and, if it is a link, stays one; devices and pipes are written straight to. Raises OutputError.
    """
    path = check_place(target, overwrite=overwrite)
    try:
        if _is_special(path):
            path.write_bytes(data)
            return
        with _replaced(Path(os.path.realpath(path))) as file:
            file.write(data)
    except (OSError, ValueError) as error:
        raise _cannot(path, error) from error


@contextlib.contextmanager
def atomic_file(target: str | Path, *, overwrite: bool = True) -> Iterator[BinaryIO]:
    """Do as `atomic_write` does for what is too large to be held: give a file, to write to and seek in, that takes the target's
    place when the block ends well, and of which nothing is left when it does not.

    Raises OutputError, also for an OSError within the block, and for devices and pipes, in which nobody can seek.
    """
    path = check_place(target, overwrite=overwrite)
    if _is_special(path):
        raise OutputError(f"{path} is no ordinary file, and this is not written in one go; name a file")
    try:
        with _replaced(Path(os.path.realpath(path))) as file:
            yield file
    except AtelierError:  # an OutputError is an OSError too, and has said what it has to say
        raise
    except OSError as error:
        raise _cannot(path, error) from error


@contextlib.contextmanager
def atomic_path(target: str | Path, *, overwrite: bool = True) -> Iterator[Path]:
    """As `atomic_file`, for a library that opens files by name: gives a path, of the target's suffix, to write to.

    Raises OutputError, also for an OSError within the block.
    """
    path = Path(os.path.realpath(check_place(target, overwrite=overwrite)))
    beside = _beside(path, path.suffix)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield beside
        with contextlib.suppress(OSError):  # there was no file yet, or it is not ours to say
            beside.chmod(stat.S_IMODE(path.stat().st_mode))
        beside.replace(path)
    except AtelierError:
        raise
    except OSError as error:
        raise _cannot(path, error) from error
    finally:
        with contextlib.suppress(OSError):
            beside.unlink()


def sweep(folder: str | Path) -> None:
    """Remove what processes of this machine that are no longer there had begun to write in a folder, such as one that was killed."""
    with contextlib.suppress(OSError, ValueError):  # no such folder, or not ours to change: nothing that need be said
        for path in Path(folder).iterdir():
            found = PART.match(path.name)
            if found and found["host"] == _host() and not _lives(int(found["pid"])):
                with contextlib.suppress(OSError):
                    path.unlink()


PART = re.compile(r"\.atelier-(?P<host>[0-9a-f]{8})-(?P<pid>\d+)-[0-9a-f]{12}\.part")
"""Names of files that are being written: machine, process, chance."""


def _beside(path: Path, suffix: str = "") -> Path:
    return path.with_name(f".atelier-{_host()}-{os.getpid()}-{secrets.token_hex(6)}.part{suffix}")


def _host() -> str:
    return f"{zlib.crc32(platform.node().encode()):08x}"


def _lives(process: int) -> bool:
    """Whether there is a process of this number; where that cannot be asked, whether there may be."""
    if os.name != "posix":  # there `kill` would end it
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True


@contextlib.contextmanager
def _replaced(path: Path) -> Iterator[BinaryIO]:
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = _beside(path)
    try:
        with beside.open("x+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(OSError):  # there was no file yet, or it is not ours to say
            beside.chmod(stat.S_IMODE(path.stat().st_mode))
        beside.replace(path)
    except BaseException:  # Ctrl-C too
        with contextlib.suppress(OSError):
            beside.unlink()
        raise


def _nearest(folder: Path) -> Path:
    """What there is of a folder's path: itself, or the nearest above it."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder


def _is_special(path: Path) -> bool:
    return path.exists() and not path.is_file()


def _cannot(path: Path, error: Exception) -> OutputError:
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return OutputError(f"{path} was not written: no space left on its disk; make room, or choose another folder")
    reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return OutputError(f"{path} cannot be written: {reason}")
