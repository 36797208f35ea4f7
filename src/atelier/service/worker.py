"""A worker process: takes jobs by lease, paints them within bounds that the system holds, and gives signs of life.

python -m atelier.service.worker        its Config as a line of JSON on standard input, which it then watches: when it ends, so does this
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import select
import signal
import sys
import threading
import time
from dataclasses import dataclass, field
from typing import Any

from atelier.errors import Cancelled
from atelier.progress import Progress
from atelier.run import Session
from atelier.service.asked import MEDIA, Asked
from atelier.service.config import Config
from atelier.service.files import Files
from atelier.service.logs import log, set_up
from atelier.service.painting import Here, Lost, OnRay
from atelier.service.problem import Problem
from atelier.service.store import Job, Made, Store

PREVIEW = 256
"""Long side of previews, px."""
TOLD = 0.5
"""Seconds from one word of progress to the next."""
LATE = 30.0
"""Seconds that a job may go on after its time before the system ends the worker."""


@dataclass
class Worker:
    """Paints jobs until it is told to stop. wake: a pipe to wait at for new jobs; poke: one to say at that something changed."""

    config: Config
    name: str
    wake: int | None = None
    poke: int | None = None
    stopping: threading.Event = field(default_factory=threading.Event)
    stop_by: float = float("inf")
    job: Job | None = None

    def __post_init__(self) -> None:
        bounds = self.config.bounds
        self.store = Store(self.config.database_url, bounds.tries, bounds.keep)
        self.files = Files(self.config.files_url, self.config.storage)
        self.painter: Here | OnRay = OnRay(self.config.cluster) if self.config.cluster else Here()

    def run(self) -> None:
        """Take and paint until told to stop."""
        while not self.stopping.is_set():
            if not self.step():
                self.wait()

    def step(self) -> bool:
        """Take a job and paint it; False where there is none."""
        job = self.store.take(self.name, self.config.bounds.lease)
        if job is None:
            return False
        log.info("taken", extra={"job": job.id, "attempt": job.attempt, "waited": round(time.time() - job.created, 3)})
        self.changed()
        self.job, held = job, Held(self, job)
        with held.beating():
            outcome = self.paint(job, held)
        self.job = None
        log.info(outcome, extra={"job": job.id, "seconds": round(time.time() - (job.started or 0), 3)})
        self.changed()
        return True

    def paint(self, job: Job, held: Held) -> str:
        """Paint a job, and write down what came of it; a word for the log."""
        try:
            made = self.make(job, held)
        except Exception as error:
            return self.failed(job, held, error)
        if self.store.finish(job, made):
            for attempt in range(1, job.attempt):  # of workers that ended before they could say so
                self.files.delete(made.result.replace(f"-{job.attempt}.", f"-{attempt}."))
            return "done"
        self.files.delete(made.result)  # it is another's by now: this one counts for nothing
        return "lost"

    def make(self, job: Job, held: Held) -> Made:
        asked, began = Asked.from_json(job.asked), time.monotonic()
        painted = self.painter.paint(asked, self.files, job.id, self.config.bounds.pictures, held.report)
        name = f"results/{job.id}-{job.attempt}{asked.suffix}"
        self.files.put(name, painted.data)
        etag, seconds = hashlib.sha256(painted.data).hexdigest()[:32], round(time.monotonic() - began, 4)
        return Made(name, etag, MEDIA[asked.format], len(painted.data), painted.width, painted.height, seconds)

    def failed(self, job: Job, held: Held, error: Exception) -> str:
        if held.state == "lost":
            return "lost"
        if isinstance(error, Cancelled) and held.state == "stopping":
            self.store.stop(job)
            return "cancelled"
        if isinstance(error, Cancelled) and self.stopping.is_set():
            self.store.release(job)
            return "put back"
        if isinstance(error, Lost):
            self.store.abandon(self.name, f"its machine was lost ({error})")
            return "put back"
        problem = Problem.of(error)
        if isinstance(error, Cancelled):
            problem = Problem(422, "the job took too long", f"it took longer than {self.config.bounds.seconds:g} s: ask for less work")
        if problem.status >= 500:
            log.error("a fault", extra={"job": job.id}, exc_info=error)
        self.store.fail(job, problem)
        return "failed"

    def wait(self, seconds: float = 0.5) -> None:
        """Wait for a new job, or a while."""
        if self.wake is None:
            self.stopping.wait(seconds)
        elif select.select([self.wake], [], [], seconds)[0]:
            with contextlib.suppress(BlockingIOError):
                os.read(self.wake, 1)

    def changed(self) -> None:
        """Tell the server that a job is not what it was."""
        if self.poke is not None:
            with contextlib.suppress(OSError):
                os.write(self.poke, b".")

    def stop(self, *_: Any) -> None:
        """Finish what there is time to finish, and end."""
        self.stop_by = time.monotonic() + self.config.grace
        self.stopping.set()


class Held:
    """A job in work: its lease is renewed beside the painting, and its report says when to stop. state: held, stopping or lost."""

    def __init__(self, worker: Worker, job: Job) -> None:
        self.worker, self.job, self.state = worker, job, "held"
        self.until = time.monotonic() + worker.config.bounds.seconds
        self._over = threading.Event()
        self._news: str | None = None
        self._last = 0.0

    def report(self, progress: Progress) -> None:
        """Note how far it is. Raises Cancelled where it has to end."""
        now = time.monotonic()
        if self.state != "held" or now > self.until or now > self.worker.stop_by:
            raise Cancelled("stopped")
        if progress.of and now - self._last >= TOLD:
            self._last = now
            self._news = self._tell(progress)

    @contextlib.contextmanager
    def beating(self) -> Any:
        """Give signs of life until the block ends. A job that does not end in time takes the process with it: the system sees to that."""
        bounds = self.worker.config.bounds
        beat = threading.Thread(target=self._beat, args=(bounds.lease,), daemon=True)
        beat.start()
        if threading.current_thread() is threading.main_thread():
            signal.setitimer(signal.ITIMER_REAL, bounds.seconds + LATE)
        try:
            yield
        finally:
            if threading.current_thread() is threading.main_thread():
                signal.setitimer(signal.ITIMER_REAL, 0)
            self._over.set()
            beat.join()

    def _beat(self, lease: float) -> None:
        while not self._over.wait(min(TOLD, lease / 4)):
            news, self._news = self._news, None
            try:
                self.state = self.worker.store.renew(self.job, lease, news)
            except Exception as error:  # a database that is away for a moment; the lease decides
                log.warning("no sign of life given", extra={"job": self.job.id}, exc_info=error)
                continue
            if news:
                self.worker.changed()

    def _tell(self, progress: Progress) -> str:
        news = json.loads(progress.to_json())
        if progress.preview is not None:
            from atelier.image import encode, fit, resize

            picture = progress.preview()
            small = resize(picture, fit(picture.size, min(PREVIEW, max(picture.size))))
            name = f"previews/{self.job.id}-{self.job.attempt}.jpg"
            self.worker.files.put(name, encode(small, "jpeg", quality=80))
            news["preview"] = name
        return json.dumps(news)


def bound_memory(most: int) -> None:
    """Let the system refuse this process more memory than that, and core files."""
    try:
        import resource
    except ImportError:  # Windows
        return
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def main() -> None:
    """Work for the server at the other end of standard input."""
    config = Config.from_json(sys.stdin.readline())
    set_up()
    given: dict[str, Any] = {name: int(value) for name in ("wake", "poke") if (value := os.environ.get(f"ATELIER_{name.upper()}"))}
    for descriptor in given.values():
        os.set_blocking(descriptor, False)
    from atelier.batch.crew import share_cores

    share_cores(max(1, config.workers))
    os.nice(5)  # requests are answered first
    if not config.cluster:  # whose memory Ray looks after; what it shares counts as everybody's
        bound_memory(config.bounds.memory)
    worker = Worker(config, os.environ.get("ATELIER_WORKER_NAME") or f"{os.uname().nodename}-{os.getpid()}-{os.urandom(4).hex()}", **given)
    signal.signal(signal.SIGTERM, worker.stop)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_watch, args=(worker,), daemon=True).start()
    if isinstance(worker.painter, Here):
        warm_up(worker.painter.session)
    worker.run()


def warm_up(session: Session) -> None:
    """Open the networks that ship, so that the first job need not wait for them."""
    import numpy as np

    from atelier import run
    from atelier.image import Image
    from atelier.request import Request, Style

    values = run.Values()
    photo = values.name(Image(np.full((64, 64, 3), 0.5, np.float32)))
    with contextlib.suppress(Exception):  # whoever asks for a picture is told
        for style in ("starry-night", photo):
            with run.open(Request("stylize", photo, (Style(style),)), values, session) as job:
                next(job.frames())


def _watch(worker: Worker) -> None:
    """End when the server does: put the job back, and go."""
    sys.stdin.read()
    if not worker.stopping.is_set():
        log.warning("the server is gone")
        if worker.job is not None:
            worker.store.release(worker.job)
        os._exit(1)


if __name__ == "__main__":
    main()
