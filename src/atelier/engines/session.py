"""What is kept between the pictures of one caller: opened styles, models and engines. Passed on, never ambient."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")

MOST = {"engine": 1, "models": 2, "style": 32, "regions": 32}
"""How many of a sort are kept: the last ones."""


class Session:
    """Keeps what is made, by sort and key, until newer ones take its place. Several threads may share one.

    most: how many of each sort, where that is not as in MOST.
    """

    def __init__(self, **most: int) -> None:
        self._most = {**MOST, **most}
        self._kept: dict[str, list[tuple[Any, Any]]] = {}
        self._locks: dict[str, threading.RLock] = {}
        self._lock = threading.Lock()

    def keep(self, sort: str, key: Any, make: Callable[[], T]) -> T:
        """What was made for an equal key, or what `make` makes now. What it raises is raised, and nothing is kept then."""
        with self._lock:
            lock = self._locks.setdefault(sort, threading.RLock())
        with lock:
            kept = self._kept.setdefault(sort, [])
            for at, (known, value) in enumerate(kept):
                if known == key:
                    kept.append(kept.pop(at))
                    return value
            if len(kept) >= self._most.get(sort, 1):
                del kept[0]  # before the next one needs the memory
            made = make()
            kept.append((key, made))
            return made

    def close(self) -> None:
        """Let go of all that is kept."""
        with self._lock:
            self._kept.clear()
