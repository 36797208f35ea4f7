"""Work in threads: pieces in a queue, quick ones before long ones. What goes wrong in one is its own message."""

from __future__ import annotations

import atexit
import itertools
import logging
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from atelier.errors import AtelierError, Cancelled
from atelier.image import Image
from atelier.progress import Progress

STATES = ("waiting", "working", "done", "stopped", "failed")
LOG = logging.getLogger(__name__)


@dataclass(eq=False)
class Work:
    """A piece of work and how it stands. do: the work itself, given this.

    picture: the picture so far. progress: the last report. losses: of each step that had some, in order. error: what went wrong, as it
    was raised. Written by one thread, read by others.
    """

    do: Callable[[Work], None]
    state: str = STATES[0]
    picture: Image | None = None
    version: int = 0
    progress: Progress | None = None
    losses: list[dict[str, float]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    error: Exception | None = None
    seconds: float = 0.0
    _stop: threading.Event = field(default_factory=threading.Event)
    _changed: threading.Condition = field(default_factory=threading.Condition)

    @property
    def going(self) -> bool:
        return self.state in STATES[:2]

    @property
    def stopping(self) -> bool:
        return self._stop.is_set()

    def stop(self) -> None:
        """Ask it to end with what it has; what has not begun ends at once."""
        self._stop.set()

    def show(self, picture: Image) -> None:
        """Show a picture so far."""
        with self._changed:
            self.picture, self.version = picture, self.version + 1
            self._changed.notify_all()

    def report(self, progress: Progress) -> None:
        """A report for engines: keeps what they tell, shows their previews, and stops them. Raises Cancelled."""
        self.progress = progress
        if progress.note:
            self.notes.append(progress.note)
        if progress.losses:
            self.losses.append({name: float(value) for name, value in progress.losses.items()})
        if progress.preview is not None and time.monotonic() >= self._next:
            began = time.monotonic()
            self.show(progress.preview())
            self._next = began + max(0.25, 8 * (time.monotonic() - began))  # at most an eighth of the time goes into looking
        if self._stop.is_set():
            raise Cancelled("stopped")

    _next: float = 0.0
    _began: float = 0.0

    @property
    def so_far(self) -> float:
        """Seconds since it began."""
        return time.monotonic() - self._began

    def wait(self, seconds: float, version: int = 0) -> None:
        """Wait until there is a picture after that version, or it ended, but no longer than so many seconds."""
        with self._changed:
            self._changed.wait_for(lambda: self.version > version or not self.going, seconds)

    def run(self) -> None:
        """Do it, in this thread. Whatever it raises is kept."""
        if self._stop.is_set():
            self._end("stopped")
            return
        self.state = "working"
        self._began = time.monotonic()
        try:
            self.do(self)
            state = "stopped" if self._stop.is_set() else "done"
        except Cancelled:
            state = "stopped"
        except Exception as error:
            if not isinstance(error, (AtelierError, MemoryError)):
                LOG.exception("a piece of work failed")
            self.error, state = error, "failed"
        self.seconds = self.so_far
        self._end(state)

    def _end(self, state: str) -> None:
        with self._changed:
            self.state = state
            self._changed.notify_all()


class Workshop:
    """Threads that do work, the most pressing first. hands: how many at once."""

    def __init__(self, name: str, hands: int) -> None:
        self._queue: queue.PriorityQueue[tuple[int, int, Work]] = queue.PriorityQueue()
        self._count = itertools.count()
        self._closing = threading.Event()
        self._begun: set[Work] = set()
        self._threads = [threading.Thread(target=self._serve, name=f"{name}-{number}", daemon=True) for number in range(hands)]
        for thread in self._threads:
            thread.start()
        atexit.register(self.close)

    def put(self, work: Work, urgency: int = 0) -> Work:
        """Take work into the queue. urgency: 0 goes first."""
        self._queue.put((urgency, next(self._count), work))
        return work

    def close(self) -> None:
        """Begin nothing more, and wait for what has begun: a runtime that is cut off in its work takes the process down."""
        self._closing.set()
        for work in list(self._begun):
            work.stop()
        for _ in self._threads:
            self.put(Work(lambda work: None), -1)
        for thread in self._threads:
            thread.join(20)

    def _serve(self) -> None:
        while not self._closing.is_set():
            work = self._queue.get()[2]
            self._begun.add(work)
            work.run()
            self._begun.discard(work)
