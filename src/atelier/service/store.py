"""Jobs in the database: added by servers, taken by workers with leases, each finished once.

A worker holds a job by (worker, attempt); what it writes counts only while it does. A job whose lease is over goes back to the queue,
or fails where it has been tried often enough: the next to look sees to it.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, Row, and_, func, or_, select, update
from sqlalchemy.exc import IntegrityError

from atelier.service.database import connect
from atelier.service.problem import Problem
from atelier.service.tables import jobs, totals

QUEUED, RUNNING, DONE, FAILED, CANCELLED = STATES = ("queued", "running", "done", "failed", "cancelled")
FINAL = (DONE, FAILED, CANCELLED)
Job = Row[Any]
"""A row of `jobs`."""


@dataclass(frozen=True)
class Made:
    """A finished result: the name of its file, its digest, media type, bytes, size in px, seconds of work."""

    result: str
    etag: str
    media: str
    length: int
    width: int
    height: int
    seconds: float


class Store:
    """The jobs of a service. tries, keep: as in Bounds."""

    def __init__(self, database: str | Engine, tries: int = 3, keep: float = 86_400.0) -> None:
        self.engine = connect(database) if isinstance(database, str) else database
        self.tries, self.keep = tries, keep
        self._lock_rows = self.engine.dialect.name == "postgresql"

    # Servers ----------------------------------------------------------------------------------------------------------

    def add(
        self, owner: str, asked: str, body: str, idempotency: str | None = None, *, queue: int, active: int | None, id: str = ""
    ) -> Job:
        """Add a job, or give the one that the same key of idempotency made.

        Raises Problem: 422 for a key that was used for something else, 429 where the queue or the owner's share of it is full.
        """
        id = id or new_id()
        job = {"id": id, "owner": owner, "state": QUEUED, "asked": asked, "body": body, "idempotency": idempotency}
        try:
            with self._writing() as connection:
                if known := self._known(connection, owner, idempotency, body):
                    return known
                waiting = self._count(connection, jobs.c.state == QUEUED)
                if waiting >= queue:
                    raise Problem(429, "the queue is full", f"{waiting} jobs are waiting: try again later", retry=5)
                if active is not None and self._count(connection, jobs.c.owner == owner, jobs.c.state.in_((QUEUED, RUNNING))) >= active:
                    raise Problem(429, "too many jobs at once", f"this key may have {active} jobs waiting or running", retry=2)
                plain = {"attempt": 0, "stopping": False, "progress": "", "error": ""}
                connection.execute(jobs.insert().values(**job, **plain, created=time.time()))
                return self._one(connection, id)
        except IntegrityError:  # the same key at the same time
            with self._reading() as connection:
                if known := self._known(connection, owner, idempotency, body):
                    return known
            raise

    def known(self, owner: str, idempotency: str | None, body: str) -> Job | None:
        """The job that a key of idempotency made, if any. Raises Problem (422) where it was for something else."""
        with self._reading() as connection:
            return self._known(connection, owner, idempotency, body)

    def get(self, id: str, owner: str | None = None) -> Job | None:
        """A job, of this owner only; of any where that is None."""
        with self._reading() as connection:
            job = connection.execute(select(jobs).where(jobs.c.id == id)).first()
        return job if job is not None and owner in (None, job.owner) else None

    def states(self, ids: Sequence[str]) -> dict[str, Job]:
        """Several jobs by id."""
        with self._reading() as connection:
            return {job.id: job for job in connection.execute(select(jobs).where(jobs.c.id.in_(ids)))}

    def page(self, owner: str | None, state: str | None, before: float | None, limit: int) -> list[Job]:
        """Jobs of an owner, the newest first. before: created earlier than that."""
        wanted = [] if owner is None else [jobs.c.owner == owner]
        wanted += [jobs.c.state == state] if state else []
        wanted += [jobs.c.created < before] if before is not None else []
        with self._reading() as connection:
            return list(connection.execute(select(jobs).where(*wanted).order_by(jobs.c.created.desc()).limit(limit)))

    def place(self, job: Job) -> int:
        """How many jobs wait before this one."""
        with self._reading() as connection:
            return self._count(connection, jobs.c.state == QUEUED, jobs.c.created < job.created)

    def cancel(self, id: str, owner: str | None) -> Job | None:
        """Cancel a job that waits; ask the worker of one that runs to stop. What is over stays as it is."""
        with self._writing() as connection:
            mine = [jobs.c.id == id] + ([] if owner is None else [jobs.c.owner == owner])
            over = {"state": CANCELLED, "finished": time.time(), "expires": time.time() + self.keep}
            if connection.execute(update(jobs).where(*mine, jobs.c.state == QUEUED).values(**over)).rowcount:
                self._add_up(connection, CANCELLED)
            connection.execute(update(jobs).where(*mine, jobs.c.state == RUNNING).values(stopping=True))
            return connection.execute(select(jobs).where(*mine)).first()

    def counts(self) -> dict[str, int]:
        """How many jobs there are in each state."""
        with self._reading() as connection:
            rows = connection.execute(select(jobs.c.state, func.count()).group_by(jobs.c.state))
            found = {row[0]: row[1] for row in rows}
        return {state: found.get(state, 0) for state in STATES}

    def oldest(self) -> float | None:
        """When the job that waits longest was added."""
        with self._reading() as connection:
            return connection.execute(select(func.min(jobs.c.created)).where(jobs.c.state == QUEUED)).scalar()

    def sums(self) -> dict[str, float]:
        """The totals by name."""
        with self._reading() as connection:
            return {row.name: row.value for row in connection.execute(select(totals.c.name, totals.c.value))}

    def expire(self, most: int = 200) -> list[Job]:
        """Take out jobs whose time is over; their files are the caller's to delete."""
        with self._writing() as connection:
            old = list(connection.execute(select(jobs).where(jobs.c.expires < time.time()).limit(most)))
            if old:
                connection.execute(jobs.delete().where(jobs.c.id.in_([job.id for job in old])))
            return old

    # Workers ----------------------------------------------------------------------------------------------------------

    def take(self, worker: str, lease: float) -> Job | None:
        """Take a job: of the owner with the fewest running, the one that waits longest. None where none waits."""
        if not self._waiting():
            return None
        with self._writing() as connection:
            self._recover(connection, jobs.c.lease < time.time(), "the worker gave no sign of life")
            running = select(jobs.c.owner, func.count().label("many")).where(jobs.c.state == RUNNING).group_by(jobs.c.owner).subquery()
            fair = (func.coalesce(running.c.many, 0), jobs.c.created, jobs.c.id)
            waiting = select(jobs.c.id).outerjoin(running, running.c.owner == jobs.c.owner).where(jobs.c.state == QUEUED).order_by(*fair)
            if self._lock_rows:
                waiting = waiting.with_for_update(skip_locked=True, of=jobs)
            id = connection.execute(waiting.limit(1)).scalar()
            if id is None:
                return None
            now = time.time()
            values = {"state": RUNNING, "worker": worker, "lease": now + lease, "started": now, "attempt": jobs.c.attempt + 1}
            connection.execute(update(jobs).where(jobs.c.id == id, jobs.c.state == QUEUED).values(**values, progress=""))
            job = self._one(connection, id)
            return job if job.worker == worker else None

    def renew(self, job: Job, lease: float, progress: str | None = None) -> str:
        """Give a sign of life. "held", or "stopping" where somebody cancelled it, or "lost" where it is another's by now."""
        values: dict[str, Any] = {"lease": time.time() + lease}
        with self._writing() as connection:
            held = connection.execute(
                update(jobs).where(_held(job)).values(values if progress is None else {**values, "progress": progress})
            )
            if not held.rowcount:
                return "lost"
            return "stopping" if self._one(connection, job.id).stopping else "held"

    def finish(self, job: Job, made: Made) -> bool:
        """Make a job done. False where it is not the worker's any more: its result then counts for nothing."""
        values = {name: getattr(made, name) for name in made.__dataclass_fields__}
        with self._writing() as connection:
            if not self._end(connection, job, DONE, values):
                return False
            self._add_up(connection, "seconds", made.seconds)
            return True

    def fail(self, job: Job, problem: Problem) -> bool:
        """Make a job failed, with its reason."""
        with self._writing() as connection:
            return self._end(connection, job, FAILED, {"error": problem.to_json()})

    def stop(self, job: Job) -> bool:
        """Make a job cancelled."""
        with self._writing() as connection:
            return self._end(connection, job, CANCELLED, {})

    def release(self, job: Job) -> bool:
        """Put a job back into the queue, at its place, as if it had not been taken."""
        values = {"state": QUEUED, "worker": None, "lease": None, "attempt": jobs.c.attempt - 1, "started": None}
        with self._writing() as connection:
            return bool(connection.execute(update(jobs).where(_held(job)).values(**values)).rowcount)

    def abandon(self, worker: str, reason: str) -> None:
        """Put back, or fail, what a worker had that is known to have ended."""
        with self._writing() as connection:
            self._recover(connection, jobs.c.worker == worker, reason)

    def recover(self) -> None:
        """Put back, or fail, what no worker holds any more."""
        with self._reading() as connection:
            if not self._count(connection, jobs.c.state == RUNNING, jobs.c.lease < time.time()):
                return
        with self._writing() as connection:
            self._recover(connection, jobs.c.lease < time.time(), "the worker gave no sign of life")

    # Inside -----------------------------------------------------------------------------------------------------------

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with self.engine.connect() as connection:
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with self.engine.execution_options(writing=True).begin() as connection:
            yield connection

    def _waiting(self) -> bool:
        """Whether it is worth a look: without locking anything."""
        now = time.time()
        wanted = or_(jobs.c.state == QUEUED, and_(jobs.c.state == RUNNING, jobs.c.lease < now))
        with self._reading() as connection:
            return connection.execute(select(jobs.c.id).where(wanted).limit(1)).first() is not None

    def _recover(self, connection: Connection, which: Any, reason: str) -> None:
        for job in list(connection.execute(select(jobs).where(jobs.c.state == RUNNING, which))):
            if job.stopping:
                self._end(connection, job, CANCELLED, {})
            elif job.attempt >= self.tries:
                problem = Problem(500, "the work was not finished", f"{reason}, {job.attempt} times")
                self._end(connection, job, FAILED, {"error": problem.to_json()})
            elif connection.execute(update(jobs).where(_held(job)).values(state=QUEUED, worker=None, lease=None)).rowcount:
                self._add_up(connection, "retried")

    def _end(self, connection: Connection, job: Job, state: str, values: dict[str, Any]) -> bool:
        now = time.time()
        over = {"state": state, "finished": now, "expires": now + self.keep, "worker": None, "lease": None, **values}
        if not connection.execute(update(jobs).where(_held(job)).values(**over)).rowcount:
            return False
        self._add_up(connection, state)
        return True

    def _add_up(self, connection: Connection, name: str, value: float = 1.0) -> None:
        connection.execute(update(totals).where(totals.c.name == name).values(value=totals.c.value + value))

    def _known(self, connection: Connection, owner: str, idempotency: str | None, body: str) -> Job | None:
        if idempotency is None:
            return None
        job = connection.execute(select(jobs).where(jobs.c.owner == owner, jobs.c.idempotency == idempotency)).first()
        if job is not None and job.body != body:
            detail = "this Idempotency-Key was used for another request: use a new one for each"
            raise Problem(422, "the key of idempotency is taken", detail, field="Idempotency-Key")
        return job

    def _count(self, connection: Connection, *where: Any) -> int:
        return int(connection.execute(select(func.count()).select_from(jobs).where(*where)).scalar() or 0)

    def _one(self, connection: Connection, id: str) -> Job:
        return connection.execute(select(jobs).where(jobs.c.id == id)).one()


def _held(job: Job) -> Any:
    """That a job still is whose it was when it was taken."""
    return and_(jobs.c.id == job.id, jobs.c.state == RUNNING, jobs.c.worker == job.worker, jobs.c.attempt == job.attempt)


def new_id() -> str:
    """A name that nobody can guess."""
    return secrets.token_hex(16)


def error_of(job: Job) -> dict[str, Any]:
    """Why a job failed, as `Problem` has it."""
    return json.loads(job.error) if job.error else {}
