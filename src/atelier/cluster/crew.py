"""A crew of Ray actors. Each keeps a session; one that is lost with its machine loses nothing: its item goes to another."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from atelier.batch import Item, Outcome, paint_item
from atelier.errors import AtelierError, Cancelled, MissingExtra, SourceError
from atelier.image import Limits
from atelier.progress import Progress, Report, silent
from atelier.run import Local, Session

LOCAL = "local"
"""The address that starts Ray on this machine."""
STORE = 200 * 2**20
"""Bytes that Ray may hold on this machine, where it is started here: items and outcomes are small."""
TRIES = 5
"""How often an item is tried whose actor is lost."""
LOOK = 0.5
"""Seconds between calls of the report while nothing ends."""


def start(address: str) -> Any:
    """Ray, joined to a cluster, where it is not yet; its module. Raises MissingExtra, SourceError."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    try:
        import ray
    except ImportError as error:
        raise MissingExtra("a cluster", "cluster") from error
    if ray.is_initialized():
        return ray
    how: dict[str, Any] = {"include_dashboard": False, "object_store_memory": STORE} if address == LOCAL else {"address": address}
    try:
        ray.init(log_to_driver=False, logging_level=logging.ERROR, **how)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise SourceError(f"no Ray cluster answers at {address}: {str(error).splitlines()[0]}") from error
    return ray


class Painter:
    """What runs at the other end: paints items one after the other, its models opened once."""

    def __init__(self, limits: Limits, threads: int) -> None:
        os.environ["ATELIER_THREADS"] = str(threads)
        self.resolver, self.session = Local(limits), Session()

    def ready(self) -> bool:
        """Answer: the actor has a place."""
        return True

    def paint(self, item: Item) -> Outcome:
        """Make one picture."""
        return paint_item(item, self.resolver, self.session)


@dataclass
class _Given:
    """An item that an actor has."""

    actor: Any
    item: Item
    tries: int


class Cluster:
    """Paints items on a Ray cluster. As many are under way as there are actors, so what Ray has to hold does not grow with the list.

    address: of the cluster, `auto`, or `local`. workers: actors, 0 for one a core. threads: cores of each.
    Raises MissingExtra, SourceError.
    """

    def __init__(self, address: str = LOCAL, workers: int = 0, limits: Limits = Limits(), threads: int = 1) -> None:
        loaded = sys.modules.get("ray")
        self._own = loaded is None or not loaded.is_initialized()
        self.ray, self.limits, self.threads = start(address), limits, threads
        found: dict[str, float] = self.ray.cluster_resources()
        self.workers = workers or max(1, int(found.get("CPU", 1)) // threads)
        self._gpus = int(found.get("GPU", 0))
        self._idle: list[Any] = []
        self._hiring: dict[Any, Any] = {}
        for number in range(self.workers):
            self._hire(gpu=number < self._gpus)

    def paint(self, items: Iterable[Item], report: Report = silent) -> Iterator[Outcome]:
        left = iter(items)
        again: list[tuple[Item, int]] = []
        given: dict[Any, _Given] = {}
        while True:
            self._hand_out(left, again, given)
            if not given and not again:
                item = next(left, None)  # while no actor has a place yet
                if item is None:
                    return
                again.append((item, 0))
            done, _ = self.ray.wait([*given, *self._hiring], num_returns=1, timeout=LOOK)
            try:
                report(Progress("waiting"))
            except Cancelled:
                for ref, each in given.items():
                    self.ray.cancel(ref)
                    self._idle.append(each.actor)
                raise
            for ref in done:
                if ref in self._hiring:
                    self._welcome(ref)
                elif (outcome := self._answer(ref, given.pop(ref), again)) is not None:
                    yield outcome

    def close(self) -> None:
        """Let the actors go, and Ray where it was started here."""
        for actor in (*self._idle, *self._hiring.values()):
            self.ray.kill(actor)
        self._idle, self._hiring = [], {}
        if self._own:
            self.ray.shutdown()

    def _hire(self, gpu: bool = False) -> None:
        """Ask for an actor; it is given work once it has a place."""
        kind: Any = self.ray.remote(num_cpus=self.threads, num_gpus=1 if gpu else 0)(Painter)
        actor = kind.remote(self.limits, self.threads)
        self._hiring[actor.ready.remote()] = actor

    def _welcome(self, ref: Any) -> None:
        actor = self._hiring.pop(ref)
        try:
            self.ray.get(ref)
        except self.ray.exceptions.RayError as error:
            if not (self._idle or self._hiring):
                raise AtelierError(f"no actor could be started: {str(error).splitlines()[0]}") from error
            return
        self._idle.append(actor)

    def _hand_out(self, left: Iterator[Item], again: list[tuple[Item, int]], given: dict[Any, _Given]) -> None:
        while self._idle:
            item, tries = again.pop() if again else (next(left, None), 0)
            if item is None:
                return
            actor = self._idle.pop()
            given[actor.paint.remote(item)] = _Given(actor, item, tries + 1)

    def _answer(self, ref: Any, had: _Given, again: list[tuple[Item, int]]) -> Outcome | None:
        """What came of an item; None where its actor is lost, and it goes to another."""
        try:
            outcome: Outcome = self.ray.get(ref)
        except self.ray.exceptions.RayError as error:
            self._hire()
            if had.tries < TRIES:
                again.append((had.item, had.tries))
                return None
            reason = str(error).splitlines()[0]
            return Outcome(had.item, "failed", error=AtelierError(f"{had.item.input}: its actor was lost {TRIES} times ({reason})"))
        self._idle.append(had.actor)
        return outcome
