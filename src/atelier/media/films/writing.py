"""Films that are written: in pieces while they are made, then joined, with the sound and the subtitles of the film they came from."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from atelier.errors import OutputError
from atelier.media.films.codecs import Writing
from atelier.media.films.encoding import Piece
from atelier.media.films.joining import Beside, join
from atelier.media.films.moment import Levels
from atelier.media.films.parts import Part, Parts, State
from atelier.media.films.threads import Behind

PIECE_SECONDS = 20.0
"""Of work in a piece, after which the next begins: what is lost at most when the power goes."""


@dataclass(frozen=True)
class Shape:
    """What the frames of a film are like. size: (width, height), px. time_base: of their times. colors: by H.273."""

    size: tuple[int, int]
    time_base: Fraction
    rate: Fraction
    colors: tuple[int, int] = (1, 1)


@dataclass
class FilmWriter:
    """Takes pictures with their times, and codes them in a thread of its own.

    target: the film; it appears when all is done. fingerprint: of what it is made from: pieces of an earlier run with the same one are
    gone on from. beside: sound and subtitles to copy. metadata: words to write in it. around: whether it is a panorama. Raises OutputError.
    """

    target: Path
    writing: Writing
    shape: Shape
    fingerprint: str
    beside: Beside = field(default_factory=Beside)
    metadata: dict[str, str] = field(default_factory=dict)
    around: bool = False

    def __post_init__(self) -> None:
        codec, size = self.writing.codec, self.shape.size
        if min(size) < codec.least:
            what = f"{self.target}: {size[0]}x{size[1]} px is too small for {codec.word}"
            raise OutputError(f"{what}, which needs {codec.least} a side: choose another `codec`, or a larger `size`")
        self.parts = Parts(self.target, self.fingerprint)
        self._piece: Piece | None = None
        self._began = time.monotonic()
        self._behind: Behind[Callable[[], None]] = Behind(lambda work: work())

    def put(self, levels: Levels, pts: int, state: Callable[[], State]) -> None:
        """Add a picture, (H, W, 3), uint8 or uint16. state: gives what the frame after it needs; it is asked now and then."""
        self._behind.put(lambda: self._put(levels, pts))
        if time.monotonic() - self._began > PIECE_SECONDS:
            kept = state()
            self._behind.put(lambda: self._close(kept))
            self._began = time.monotonic()

    def finish(self) -> tuple[str, ...]:
        """Join the pieces into the film, and remove them. Gives notes on what could not be kept of the sound and the subtitles."""
        self._behind.put(lambda: self._close({}))
        self._behind.close()
        notes = self._join(self.target)
        self.parts.remove()
        self.part.unlink(missing_ok=True)
        return notes

    @property
    def part(self) -> Path:
        """Where what is done goes when it is stopped."""
        return self.target.with_name(f"{self.target.stem}.part{self.target.suffix}")

    def stop(self, state: State | None) -> Path | None:
        """Leave a film of what is done, under a name that says "part"; the pieces stay, to go on from. None where nothing is done.

        state: None where something failed: what was not written before that is left off.
        """
        if state is not None:
            self._behind.put(lambda: self._close(state))
            self._behind.close()
        else:
            with contextlib.suppress(Exception):
                self._behind.close()
        self.drop()
        if not self.parts.list:
            self.parts.remove()
            return None
        self._join(self.part)
        return self.part

    def _join(self, target: Path) -> tuple[str, ...]:
        return join(self.parts, target, self.writing, self.shape.time_base, self.beside, self.metadata, around=self.around)

    def drop(self) -> None:
        """Leave off the piece that is not finished."""
        if self._piece is not None:
            self._piece.drop()
            self._piece = None

    def _put(self, levels: Levels, pts: int) -> None:
        if self._piece is None:
            path, shape = self.parts.path(self.writing.codec.segment), self.shape
            self._piece = Piece(path, self.writing, shape.size, shape.time_base, shape.rate, shape.colors)
        self._piece.put(levels, pts)

    def _close(self, state: State) -> None:
        piece, self._piece = self._piece, None
        if piece is None:
            return
        piece.close()
        assert piece.first is not None
        self.parts.add(Part(piece.path.name, piece.first, piece.last, piece.count), state)
