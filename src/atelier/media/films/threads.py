"""Work that runs beside other work: what comes ahead of it, and what follows behind. Both hold a few things at the most."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Generic, TypeVar

T = TypeVar("T")
HELD = 4
"""Things that wait between two threads."""


class Ahead(Generic[T]):
    """An iterable that is worked out in a thread of its own, a few steps ahead of who reads it.

    What it raises is raised where it is read. Closed, it stops at its next step, and its generator is closed too.
    """

    def __init__(self, source: Iterable[T], held: int = HELD) -> None:
        self._source = source
        self._queue: queue.Queue[tuple[str, Any]] = queue.Queue(held)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def __iter__(self) -> Iterator[T]:
        try:
            while True:
                kind, value = self._queue.get()
                if kind == "end":
                    return
                if kind == "error":
                    raise value
                yield value
        finally:
            self.close()

    def close(self) -> None:
        """Stop, and wait until it has."""
        self._stopped.set()
        while self._thread.is_alive():
            with contextlib.suppress(queue.Empty):
                self._queue.get_nowait()
            self._thread.join(0.01)

    def _work(self) -> None:
        source = iter(self._source)
        try:
            for value in source:
                if not self._hand(("item", value)):
                    break
            else:
                self._hand(("end", None))
        except BaseException as error:
            self._hand(("error", error))
        finally:
            if close := getattr(source, "close", None):
                with contextlib.suppress(Exception):
                    close()

    def _hand(self, what: tuple[str, Any]) -> bool:
        while not self._stopped.is_set():
            with contextlib.suppress(queue.Full):
                self._queue.put(what, timeout=0.1)
                return True
        return False


class Behind(Generic[T]):
    """A function called with one thing after the other in a thread of its own.

    What it raises is raised by the next `put`, or by `close`; later things are then dropped.
    """

    def __init__(self, work: Callable[[T], None], held: int = HELD) -> None:
        self._work, self._error = work, list[BaseException]()
        self._queue: queue.Queue[tuple[bool, T | None]] = queue.Queue(held)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def put(self, value: T) -> None:
        """Hand over one thing; waits while too many are waiting."""
        self._raise()
        self._queue.put((True, value))

    def flush(self) -> None:
        """Wait until all that was handed over is worked off."""
        self._queue.join()
        self._raise()

    def close(self) -> None:
        """Work off what is waiting, and end."""
        if self._thread.is_alive():
            self._queue.put((False, None))
            self._thread.join()
        self._raise()

    def _raise(self) -> None:
        if self._error:
            raise self._error[0]

    def _run(self) -> None:
        while True:
            going, value = self._queue.get()
            try:
                if going and not self._error:
                    self._work(value)  # type: ignore[arg-type]
            except BaseException as error:
                self._error.append(error)
            finally:
                self._queue.task_done()
            if not going:
                return
