"""The newest frame of a camera, painted over and over, and how fast that goes."""

from __future__ import annotations

import contextlib
import statistics
import threading
import time
from collections import deque
from dataclasses import dataclass, field, replace
from typing import Any

from atelier.errors import AtelierError, Cancelled
from atelier.image import Image, encode
from atelier.media.films.camera import Camera
from atelier.progress import Progress
from atelier.request import Request, Style
from atelier.run import LOCAL, Resolver, Session
from atelier.run import open as open_job
from atelier.run.film.painting import Painted

REMEMBERED = 60
"""Frames over which speed and latency are told."""
QUALITY = 85
"""Of the JPEG that are shown, 1 to 100."""
CAMERA = "live.mp4"
"""What the camera is called in requests."""


@dataclass(frozen=True)
class Wanted:
    """What is to be painted with. strength: 0 to 1."""

    style: str
    strength: float = 1.0


@dataclass(eq=False)
class Opener:
    """A resolver to which the camera is the film. others: what opens everything else."""

    camera: Camera
    others: Resolver = LOCAL

    def film(self, name: str, span: Any, report: Any = None) -> Any:
        return self.camera

    def __getattr__(self, name: str) -> Any:
        return getattr(self.others, name)


@dataclass(eq=False)
class Show:
    """A camera, painted in a thread of its own. wanted: may be changed by anyone at any time; told: the last thing that went wrong."""

    camera: Camera
    wanted: Wanted
    request: Request
    told: str = ""
    ended: bool = False
    painted: int = 0
    frame: bytes = b""
    _latencies: deque[float] = field(default_factory=lambda: deque(maxlen=REMEMBERED))
    _times: deque[float] = field(default_factory=lambda: deque(maxlen=REMEMBERED))
    _changed: threading.Condition = field(default_factory=threading.Condition)

    @classmethod
    def of(cls, camera: Camera, style: str, strength: float = 1.0, device: str = "auto", backend: str = "auto") -> Show:
        """device, backend: as the options of `stylize` have them."""
        request = Request("stylize", CAMERA, (), "", {"backend": backend}, device=device)
        return cls(camera, Wanted(style, strength), request)

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop painting, and let go of the camera."""
        self.ended = True
        self.camera.close()
        self._thread.join(10)

    def after(self, number: int, seconds: float = 2.0) -> tuple[int, bytes]:
        """The newest painted frame as JPEG, once it has a higher number; the same one where nothing came for so long."""
        with self._changed:
            self._changed.wait_for(lambda: self.ended or self.painted > number, seconds)
            return self.painted, self.frame

    def state(self) -> dict[str, Any]:
        """What a page shows: what is painted with, frames a second, ms from camera to picture, frames dropped."""
        times, latencies = list(self._times), list(self._latencies)
        span = times[-1] - times[0] if len(times) > 1 else 0.0
        return {
            "style": self.wanted.style,
            "strength": self.wanted.strength,
            "frames_per_second": round((len(times) - 1) / span, 1) if span else 0.0,
            "latency_ms": round(1000 * statistics.median(latencies)) if latencies else 0,
            "painted": self.painted,
            "dropped": max(0, self.camera.seen - self.painted),
            "size": self.camera.size,
            "told": self.told,
            "ended": self.ended,
        }

    def _run(self) -> None:
        session = Session()
        while not self.ended:
            wanted = self.wanted
            try:
                self._paint(wanted, session)
                if self.wanted == wanted:
                    self._end("the camera ended")
            except AtelierError as error:
                self.told = str(error)
                if self.wanted == wanted:
                    self._end(str(error))

    def _paint(self, wanted: Wanted, session: Session) -> None:
        """Paint with what is wanted, until something else is, or the camera ends."""

        def watch(progress: Progress) -> None:
            if self.ended or self.wanted != wanted:
                raise Cancelled("something else is wanted")

        request = replace(self.request, styles=(Style(wanted.style),), settings={**self.request.settings, "strength": wanted.strength})
        with contextlib.closing(open_job(request, Opener(self.camera), session, film=True)) as job:
            for painted in job.frames(watch):
                assert isinstance(painted, Painted)
                self._put(painted.frame.pixels, self.camera.captured)

    def _put(self, pixels: Any, captured: float) -> None:
        frame = encode(Image(pixels), "jpg", quality=QUALITY)
        with self._changed:
            self.frame, self.painted = frame, self.painted + 1
            now = time.monotonic()
            self._times.append(now)
            self._latencies.append(now - captured)
            self._changed.notify_all()

    def _end(self, word: str) -> None:
        with self._changed:
            self.told, self.ended = word, True
            self._changed.notify_all()
