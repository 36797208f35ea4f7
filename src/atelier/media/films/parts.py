"""The pieces of a film that is being made, in a folder beside it: what is there after Ctrl-C, or after the power went."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from atelier.errors import OutputError
from atelier.media.files import atomic_file, atomic_write

State = Mapping[str, NDArray[Any]]
"""What the frame after the last one needs, as arrays by name."""
LIST, STATE = "pieces.json", "state-{}.npz"


@dataclass(frozen=True)
class Part:
    """A finished piece. name: of its file; first, last: times of its ends; count: pictures in it."""

    name: str
    first: int
    last: int
    count: int


class Parts:
    """The folder of a film's pieces. Only finished pieces are listed, and the list is written last: it is always true.

    fingerprint: of all that the film is made from; pieces of another are thrown away. Raises OutputError.
    """

    def __init__(self, target: Path, fingerprint: str) -> None:
        self.target, self.fingerprint = target, fingerprint
        self.folder = target.with_name(f".{target.name}.parts")
        self.list: list[Part] = []
        self.changed = False
        listed = self._read()
        if listed.get("fingerprint") == fingerprint:
            self.list = [Part(**each) for each in listed["pieces"] if (self.folder / each["name"]).is_file()]
        elif listed:
            self.changed = True
        try:
            if not self.list:
                shutil.rmtree(self.folder, ignore_errors=True)
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"{self.folder}, for what is done so far, cannot be made: {error.strerror}") from error
        self._sweep()

    @property
    def done(self) -> int | None:
        """The time of the last picture that is done; None before the first."""
        return self.list[-1].last if self.list else None

    @property
    def count(self) -> int:
        """Pictures that are done."""
        return sum(part.count for part in self.list)

    @property
    def state(self) -> dict[str, NDArray[Any]] | None:
        """What was kept with the last piece."""
        path = self.folder / STATE.format(len(self.list))
        try:
            with np.load(path, allow_pickle=False) as kept:
                return {name: kept[name] for name in kept.files}
        except (OSError, ValueError):
            return None

    def path(self, suffix: str) -> Path:
        """Where the next piece goes."""
        return self.folder / f"{len(self.list):05d}.{suffix}"

    def add(self, part: Part, state: State) -> None:
        """Count in a piece whose file is finished, with what the next one needs."""
        with atomic_file(self.folder / STATE.format(len(self.list) + 1)) as file:
            np.savez(file, **dict[str, Any](state))
        self.list.append(part)
        listed = {"fingerprint": self.fingerprint, "pieces": [asdict(each) for each in self.list]}
        atomic_write(json.dumps(listed).encode(), self.folder / LIST)
        with contextlib.suppress(OSError):
            (self.folder / STATE.format(len(self.list) - 1)).unlink()

    def remove(self) -> None:
        """All is done."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _read(self) -> dict[str, Any]:
        try:
            listed = json.loads((self.folder / LIST).read_text())
            return listed if isinstance(listed, dict) else {}
        except (OSError, ValueError):
            return {}

    def _sweep(self) -> None:
        """Remove what a run that was killed left unfinished."""
        known = {LIST, STATE.format(len(self.list)), *(part.name for part in self.list)}
        for path in self.folder.iterdir():
            if path.name not in known and path.is_file():
                path.unlink(missing_ok=True)
