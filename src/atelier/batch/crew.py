"""Who paints: this process, or several worker processes. Each opens its models once."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from typing import Any, Protocol

from atelier.batch.item import FAILED, Item, Outcome, paint_item
from atelier.errors import AtelierError, Cancelled
from atelier.image import Limits
from atelier.progress import Progress, Report, silent
from atelier.run import LOCAL, Local, Resolver, Session

TRIES = 2
"""How often an item is tried whose worker ended without an answer."""


class Crew(Protocol):
    """Paints items, in any order. workers: how many at once."""

    workers: int

    def paint(self, items: Iterable[Item], report: Report = silent) -> Iterator[Outcome]:
        """Paint lazily: items are taken as workers become free. A report that raises Cancelled ends it, once all stand still."""
        ...

    def close(self) -> None:
        """Let the workers go."""
        ...


def hire(workers: int = 1, limits: Limits = Limits(), threads: int | None = None) -> Crew:
    """A crew of so many: of one, this process."""
    return Here(Local(limits)) if workers == 1 else Processes(workers, limits, threads)


class Here:
    """This process, an item after the other. A stopped item ends the run."""

    workers = 1

    def __init__(self, resolver: Resolver = LOCAL, session: Session | None = None) -> None:
        self.resolver, self.session = resolver, session or Session()

    def paint(self, items: Iterable[Item], report: Report = silent) -> Iterator[Outcome]:
        for item in items:
            outcome = paint_item(item, self.resolver, self.session, report)
            yield outcome
            if outcome.state == "stopped":
                raise Cancelled("stopped")

    def close(self) -> None:
        self.session.close()


@dataclass
class _Worker:
    """A worker process at the other end of a pipe, and the item it has."""

    process: Any
    pipe: Connection
    item: Item | None = None
    tries: int = 0


@dataclass
class Processes:
    """Worker processes with a share of the cores each. One that dies fails its item at most; the rest goes on.

    workers: how many, at least 1. threads: cores of each (default: an equal share).
    """

    workers: int
    limits: Limits = Limits()
    threads: int | None = None
    _hired: list[_Worker] = field(default_factory=list)

    def paint(self, items: Iterable[Item], report: Report = silent) -> Iterator[Outcome]:
        left = iter(items)
        again: list[tuple[Item, int]] = []
        stopped = False
        while True:
            if not stopped:
                self._hand_out(left, again)
            busy = [worker for worker in self._hired if worker.item is not None]
            if not busy:
                break
            for pipe in wait([worker.pipe for worker in busy]):
                worker = next(each for each in busy if each.pipe is pipe)
                told = self._heard(worker, again)
                try:
                    if isinstance(told, Progress):
                        report(told)
                    elif told is not None:
                        report(Progress("finishing", subject=told.item.output))
                        yield told
                except Cancelled:
                    stopped = True
                    self._stop()
                    if isinstance(told, Outcome):
                        yield told
        if stopped:
            raise Cancelled("stopped")

    def close(self) -> None:
        for worker in self._hired:
            worker.pipe.close()  # a worker without a pipe ends by itself
        for worker in self._hired:
            worker.process.join(5)
            if worker.process.is_alive():
                worker.process.kill()
        self._hired.clear()

    def _hand_out(self, left: Iterator[Item], again: list[tuple[Item, int]]) -> None:
        """Give every free worker an item."""
        while True:
            free = next((worker for worker in self._hired if worker.item is None), None)
            if free is None and len(self._hired) >= self.workers:
                return
            item, tries = again.pop() if again else (next(left, None), 0)
            if item is None:
                return
            worker = free or self._hire()
            worker.item, worker.tries = item, tries + 1
            with contextlib.suppress(OSError):  # it has died: what is heard of it next says so
                worker.pipe.send(item)

    def _heard(self, worker: _Worker, again: list[tuple[Item, int]]) -> Progress | Outcome | None:
        """What a worker says; of one that has died, the failure of its item, or None where it is tried again."""
        try:
            told = worker.pipe.recv()
        except (EOFError, OSError):
            return self._bury(worker, again)
        if isinstance(told, Outcome):
            worker.item = None
        return told  # type: ignore[no-any-return]

    def _bury(self, worker: _Worker, again: list[tuple[Item, int]]) -> Outcome | None:
        worker.process.join(5)
        self._hired.remove(worker)
        item, code = worker.item, worker.process.exitcode
        assert item is not None
        if worker.tries < TRIES:
            again.append((item, worker.tries))
            return None
        how = f"signal {-code}, perhaps for want of memory" if code and code < 0 else f"exit code {code}"
        return Outcome(item, FAILED, error=AtelierError(f"{item.input}: its worker process ended ({how}), {TRIES} times"))

    def _stop(self) -> None:
        for worker in self._hired:
            if worker.item is not None:
                with contextlib.suppress(OSError):
                    worker.pipe.send(None)

    def _hire(self) -> _Worker:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process: Any = context.Process(target=_work, args=(theirs, self.workers, self.threads, self.limits), daemon=True)
        process.start()
        theirs.close()
        worker = _Worker(process, ours)
        self._hired.append(worker)
        return worker


def share_cores(of: int, threads: int | None = None) -> None:
    """Let this process compute with its share of the cores, one of `of`, or with so many threads. It is not bound to any of them: where
    one worker waits for a disk another may have its core."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    count = str(threads or max(1, cores // of))
    os.environ["ATELIER_THREADS"] = os.environ["OMP_NUM_THREADS"] = count


def _work(pipe: Connection, of: int, threads: int | None, limits: Limits) -> None:
    """Paint what comes through the pipe until it is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the one who handed out the work
    share_cores(of, threads)
    resolver, session = Local(limits), Session()

    def report(progress: Progress) -> None:
        pipe.send(Progress.from_json(progress.to_json()))
        if pipe.poll() and pipe.recv() is None:
            raise Cancelled("stopped")

    with contextlib.suppress(EOFError, OSError):
        while True:
            item = pipe.recv()
            if item is not None:  # a call to stop that came when all was done
                pipe.send(paint_item(item, resolver, session, report))
