"""Waiting for jobs to change: one look at the database for all who wait."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from anyio.to_thread import run_sync

from atelier.service.store import Job, Store

EVERY = 0.5
"""Seconds between looks where no worker of this machine says that something changed."""


class Changes:
    """Tells those who wait for a job when it is not what it was. Lives in the server's event loop."""

    def __init__(self, store: Store, poke: int | None = None) -> None:
        self.store, self.poke = store, poke
        self._waiting: dict[asyncio.Future[Job | None], tuple[str, str]] = {}
        self._again = asyncio.Event()

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """Look while the block runs."""
        loop = asyncio.get_running_loop()
        if self.poke is not None:
            os.set_blocking(self.poke, False)
            loop.add_reader(self.poke, self._poked)
        task = asyncio.create_task(self._look())
        try:
            yield
        finally:
            if self.poke is not None:
                loop.remove_reader(self.poke)
            task.cancel()
            for future in self._waiting:
                future.cancel()

    async def wait(self, job: Job, seconds: float) -> Job | None:
        """The job once it has changed, or as it is after so long; None where it is gone."""
        future: asyncio.Future[Job | None] = asyncio.get_running_loop().create_future()
        self._waiting[future] = job.id, version(job)
        self._again.set()
        try:
            return await asyncio.wait_for(future, seconds)
        except TimeoutError:
            return job
        finally:
            self._waiting.pop(future, None)

    def _poked(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(self.poke, 65536)  # type: ignore[arg-type]
        self._again.set()

    async def _look(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError, asyncio.TimeoutError):
                await asyncio.wait_for(self._again.wait(), EVERY)
            self._again.clear()
            if not self._waiting:
                continue
            ids = {id for id, _ in self._waiting.values()}
            try:
                found = await run_sync(self.store.states, sorted(ids))
            except Exception:  # a database that is away for a moment
                await asyncio.sleep(EVERY)
                continue
            for future, (id, known) in list(self._waiting.items()):
                job = found.get(id)
                if id in ids and not future.done() and (job is None or version(job) != known):
                    future.set_result(job)


def version(job: Job) -> str:
    """What changes when a job does."""
    return f"{job.state} {job.attempt} {job.stopping} {job.progress}"
