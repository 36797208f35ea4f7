"""Frames as they happen: a camera, or a film at its own speed. The newest is given; what nobody took in time is dropped."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from atelier.errors import MissingExtra, SourceError
from atelier.image import Limits, fit
from atelier.media.films.moment import Levels, Moment
from atelier.media.films.reading import open_film
from atelier.progress import Report, silent

TICK = Fraction(1, 90_000)
"""s, of the times of what happens now."""
WAIT = 10.0
"""Seconds without a frame after which a camera is given up."""


@dataclass(eq=False)
class Camera:
    """A source of frames as they happen, read in a thread of its own. Made by `open_camera`; to be closed.

    size: (width, height) of its frames, px. seen: frames so far. captured: by `time.monotonic`, when the frame that was given last
    happened. live: nothing of it may be read ahead.
    """

    name: str
    size: tuple[int, int]
    rate: Fraction
    reader: Iterator[Levels]
    seen: int = 0
    captured: float = 0.0
    live: bool = True
    count: int | None = None
    deep: bool = False
    colors: tuple[int, int] = (1, 1)
    time_base: Fraction = TICK
    _newest: tuple[Levels, float] | None = None
    _ended: bool = False
    _error: BaseException | None = None
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _began: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def at_rate(self) -> Camera:
        return self

    def moments(self, size: tuple[int, int] | None = None, after: int | None = None, report: Report = silent) -> Iterator[Moment]:
        """The newest frame, whenever one is asked for, each once, until it ends. size: what they are brought to. Raises SourceError."""
        last = 0.0
        while (found := self._after(last)) is not None:
            levels, last = found
            self.captured = last
            yield Moment(_sized(levels, size or self.size), round((last - self._began) / TICK), last - self._began)

    def close(self) -> None:
        """Let go of the camera."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()
        self._thread.join(2)

    def _after(self, last: float) -> tuple[Levels, float] | None:
        """The newest frame, once it is newer than that."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._ended or (self._newest is not None and self._newest[1] > last), WAIT):
                raise SourceError(f"{self.name} gives no frames")
            if self._error is not None:
                raise self._error
            newest = self._newest
        return newest if newest is not None and newest[1] > last and not self._ended else None

    def _read(self) -> None:
        try:
            for levels in self.reader:
                with self._changed:
                    if self._ended:
                        break
                    self._newest, self.seen = (levels, time.monotonic()), self.seen + 1
                    self._changed.notify_all()
        except BaseException as error:
            self._error = error
        finally:
            with contextlib.suppress(Exception):
                self.reader.close()  # type: ignore[attr-defined]
            with self._changed:
                self._ended = True
                self._changed.notify_all()


def open_camera(name: str, size: int | None = None, *, again: bool = False, limits: Limits = Limits()) -> Camera:
    """Open a camera by its number ("0" is the first), or a film to be shown at its own speed.

    size: long side, px, that frames are brought to at once. again: whether a film begins anew when it ends. Raises SourceError,
    MissingExtra.
    """
    if name.isdigit():
        return _open_device(int(name), size)
    film = open_film(name, limits=limits)
    shown = film.size if size is None else fit(film.size, min(size, max(film.size)))

    def played() -> Iterator[Levels]:
        while True:
            began = time.monotonic()
            for moment in film.moments(shown):
                time.sleep(max(0.0, began + moment.time - time.monotonic()))
                yield moment.levels
            if not again:
                return
            time.sleep(float(1 / film.rate))

    return Camera(name, shown, film.rate, played())


def _open_device(number: int, size: int | None) -> Camera:
    cv2 = _import_cv2()
    cv2.utils.logging.setLogLevel(0)  # faces speak, libraries do not
    device = cv2.VideoCapture(number)
    device.set(cv2.CAP_PROP_BUFFERSIZE, 1)
    fine, first = device.read() if device.isOpened() else (False, None)
    if not fine or first is None:
        device.release()
        raise SourceError(f"there is no camera {number}: give another number, or a film's name")
    own = int(first.shape[1]), int(first.shape[0])
    shown = own if size is None else fit(own, min(size, max(own)))

    def grabbed() -> Iterator[Levels]:
        try:
            while (got := device.read())[0]:
                yield _sized(cv2.cvtColor(got[1], cv2.COLOR_BGR2RGB), shown)
        finally:
            device.release()

    rate = Fraction(device.get(cv2.CAP_PROP_FPS) or 30).limit_denominator(1001)
    return Camera(f"camera {number}", shown, rate, grabbed())


def _sized(levels: Any, size: tuple[int, int]) -> Levels:
    if levels.shape[1::-1] == size:
        return levels  # type: ignore[no-any-return]
    cv2 = _import_cv2()
    return cv2.resize(levels, size, interpolation=cv2.INTER_AREA)  # type: ignore[no-any-return]


def _import_cv2() -> Any:
    """OpenCV. Raises MissingExtra."""
    try:
        import cv2
    except ImportError as error:
        raise MissingExtra("a camera", "video") from error
    return cv2
