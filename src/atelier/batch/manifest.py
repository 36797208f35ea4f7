"""What came of each picture, as JSON lines: `input`, `output`, `settings`, `seconds`, `error`, `digest`. It is also what is gone on from.

A line is added before a picture is begun and after it is done, so that a run that was killed knows what it has: a target that
changed after its first line is whole, since files appear whole or not at all.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
from pathlib import Path
from typing import IO, Any

import atelier
from atelier.batch.item import DONE, Item, Outcome
from atelier.errors import AtelierError, OutputError, TargetError
from atelier.media.files import atomic_write, check_place, sweep
from atelier.request import plain
from atelier.run import names_read

STARTED = "started"
Stamp = list[int] | None
"""Size and time of change of a file, or None where there is none."""


class Manifest:
    """A manifest open for a run; one run at a time has it. Raises OutputError, TargetError."""

    def __init__(self, path: str | Path) -> None:
        self.path = check_place(path)
        self._lines: dict[str, dict[str, Any]] = {}
        self._inputs: dict[str, tuple[Stamp, str]] = {}
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self.path.open("a+", encoding="utf-8")
        except OSError as error:
            raise OutputError(f"{path} cannot be written: {error.strerror or error}") from error
        _lock(self._file, self.path)
        sweep(self.path.parent)
        self._load()

    def made(self, item: Item) -> bool:
        """Tell whether the target is there already, made by the same request from the same files."""
        line, stamp = self._lines.get(_key(item.output)), stamp_of(item.output)
        if line is None or stamp is None or not item.digest or line.get("digest") != item.digest:
            return False
        if line["state"] == STARTED:  # a run that was killed: what changed since then it had finished
            return bool(line.get("before") != stamp)
        return bool(line["state"] == DONE and line.get("stamp") == stamp)

    def begin(self, item: Item) -> None:
        """Note that an item is begun."""
        self._add({**_about(item), "state": STARTED, "before": stamp_of(item.output)})

    def end(self, outcome: Outcome) -> None:
        """Note what came of an item."""
        item, error = outcome.item, outcome.error
        told = None if error is None else {"kind": type(error).__name__, "message": str(error)}
        more = {"state": outcome.state, "seconds": round(outcome.seconds, 3), "error": told}
        if outcome.state == DONE:
            more |= {"size": list(outcome.size), "stamp": stamp_of(item.output)}
        self._add({**_about(item), **more})

    def keep(self, item: Item) -> None:
        """Note that an item was there already."""
        line = self._lines[_key(item.output)]
        if line["state"] == STARTED:
            self._add({**_about(item), "state": DONE, "seconds": None, "error": None, "stamp": stamp_of(item.output)})

    def digest_file(self, name: str) -> str:
        """The SHA-256 of a file, read again only where it has changed; of what is no file, its name."""
        stamp = stamp_of(name)
        if stamp is None:
            return name
        known = self._inputs.get(_key(name))
        if known is None or known[0] != stamp:
            known = stamp, _hash(name)
            self._inputs[_key(name)] = known
        return known[1]

    def close(self) -> None:
        """Write the manifest anew, with one line an output, in the order in which they were first begun."""
        lines = "".join(f"{_line(each)}\n" for each in self._lines.values())
        with contextlib.suppress(AtelierError):  # what was added line by line says it all the same
            atomic_write(lines.encode(), self.path)
        self._file.close()

    def __enter__(self) -> Manifest:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _load(self) -> None:
        self._file.seek(0)
        text = self._file.read()
        if text and not text.endswith("\n"):  # of a run that was killed while it wrote
            self._file.write("\n")
        for line in text.splitlines():
            with contextlib.suppress(ValueError, TypeError, KeyError):
                told = json.loads(line)
                self._lines[_key(told["output"])] = {**told, "state": str(told["state"])}

    def _add(self, line: dict[str, Any]) -> None:
        try:
            self._file.write(_line(line) + "\n")
            self._file.flush()
        except OSError as error:
            raise OutputError(f"{self.path} cannot be written: {error.strerror or error}") from error
        self._lines[_key(line["output"])] = line


def digest_item(item: Item, manifest: Manifest) -> Item:
    """The item with the digest of all that it is made from: its request, its files, how it is written. Raises SettingError."""
    request = item.request
    files = {name: manifest.digest_file(name) for name in names_read(request)}
    outputs = {**dataclasses.asdict(item.outputs), "picture": Path(item.output).suffix, "overwrite": True}
    told = {"request": json.loads(request.to_json(content="")), "files": sorted(files.values()), "outputs": outputs}
    text = json.dumps({**told, "version": atelier.__version__}, sort_keys=True, default=plain)
    return dataclasses.replace(item, digest=hashlib.sha256(text.encode()).hexdigest()[:32])


def stamp_of(name: str) -> Stamp:
    """Size and time of change of a file; None where there is none."""
    try:
        found = Path(name).stat()
    except (OSError, ValueError):
        return None
    return [found.st_size, found.st_mtime_ns]


def _about(item: Item) -> dict[str, Any]:
    request = item.request.without_secrets()
    styles = [{k: v for k, v in dataclasses.asdict(each).items() if v != _PLAIN.get(k)} for each in request.styles]
    settings = {**request.settings, "size": request.size, "seed": request.seed, "engine": request.engine, "recipe": request.recipe}
    settings = {name: value for name, value in settings.items() if value not in (None, "")}
    return {"input": request.content, "output": item.output, "styles": styles, "settings": settings, "digest": item.digest}


_PLAIN = {"weight": 1.0, "region": "", "size": 1.0, "rotate": 0.0, "strokes": "all"}


def _line(line: dict[str, Any]) -> str:
    return json.dumps(line, ensure_ascii=False, default=plain)


def _key(output: str) -> str:
    return os.path.normcase(os.path.realpath(output))


def _hash(name: str) -> str:
    try:
        with Path(name).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return name


def _lock(file: IO[str], path: Path) -> None:
    """Take the manifest for this run. Raises TargetError where another run has it."""
    try:
        import fcntl
    except ImportError:  # Windows
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise TargetError(f"{path}: another batch is at work with this manifest; wait for it, or give `manifest` another name") from None
