"""Measuring: each engine in turn, at every size."""

from __future__ import annotations

import datetime
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from atelier import run
from atelier.bench.machine import machine, processor
from atelier.bench.pictures import crop_square, make_up
from atelier.bench.plan import SMALLEST, Plan
from atelier.bench.result import Result, Row
from atelier.engines.network.kind import KIND as NETWORK
from atelier.engines.optimize.kind import KIND as OPTIMIZE
from atelier.engines.optimize.recipes import recipe
from atelier.errors import AtelierError, Cancelled
from atelier.image import Image, resize
from atelier.media import open_still, write_still
from atelier.progress import Progress, Report, silent
from atelier.request import Request, Style

Clock = Callable[[], float]
QUICK_SETTINGS = {"iterations": 2, "warm_iterations": 0, "coarse_iterations": 1}
COMMAND = (sys.executable, "-m", "atelier")
"""How a process of atelier is started."""
# The optimiser tells every iteration; in the bar it counts for as many steps as it may take longer than a network's run.
WHOLE_OF_OPTIMISING = 10


def measure(plan: Plan, *, report: Report = silent, clock: Clock = time.perf_counter, command: Sequence[str] = ()) -> Result:
    """Measure. A report that raises Cancelled ends it with what there is; a column that cannot be measured is left empty, with a note.

    clock: seconds. command: how to start atelier for the cold runs, COMMAND if empty. Raises SourceError and ImageError for photo
    and style, and where nothing at all can be measured, the first reason.
    """
    photo = crop_square(open_still(plan.photo).flat() if plan.photo else make_up(min(max(plan.sizes), 1024), plan.seed))
    style = run.open_style(plan.style) if plan.style else make_up(512, plan.seed + 1)
    plain = recipe("gatys").settings.iterations
    when = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    bench = Bench(plan, photo, style, report, clock, command or COMMAND, Result(plan, machine(), plain_iterations=plain, when=when))
    try:
        bench()
    except Cancelled:
        return bench.result
    if bench.failures and not any(row.optimize or row.network or row.cold for row in bench.result.rows):
        raise bench.failures[0]
    bench.result.finished = True
    return bench.result


@dataclass
class Bench:
    """A measurement on its way. result: what there is of it."""

    plan: Plan
    photo: Image
    painting: run.Painting
    report: Report
    clock: Clock
    command: Sequence[str]
    result: Result
    failures: list[AtelierError] = field(default_factory=list)
    done: int = 0

    def __call__(self) -> None:
        columns = {"the network": self.network, "the network from start to file": self.cold, "the optimiser": self.optimize}
        for size in self.plan.sizes:
            row = Row(size)
            self.result.rows.append(row)
            content = resize(self.photo, (size, size))
            for name, column in list(columns.items()):
                try:
                    column(row, content)
                except Cancelled:
                    raise
                except AtelierError as error:
                    del columns[name]  # the next size would fare no better
                    self.failures.append(error)
                    self.result.notes.append(f"{name} was not measured: {error}")

    def open(self, content: Image, engine: str, settings: Mapping[str, Any] = {}) -> run.Job:
        """The job of painting an opened picture; its engine is that of the picture before, if that was the same."""
        plan, values = self.plan, run.Values()
        styles = (Style(values.name(self.painting)),)
        request = Request("stylize", values.name(content), styles, settings=settings, seed=plan.seed, device=plan.device, engine=engine)
        return run.open(request, values, self.session)

    @cached_property
    def session(self) -> run.Session:
        return run.Session()

    def say(self, stage: str, ahead: int = 0) -> None:
        total = len(self.plan.sizes) * (1 + 2 * self.plan.runs + WHOLE_OF_OPTIMISING)
        self.report(Progress("measuring", min(self.done + ahead, total), total, subject=stage))

    def step(self, stage: str, count: int = 1) -> None:
        self.done += count
        self.say(stage)

    def timed(self, work: Callable[[], Any]) -> float:
        began = self.clock()
        work()
        return self.clock() - began

    def network(self, row: Row, content: Image) -> None:
        stage = f"{row.size} px, network"
        job = self.open(content, NETWORK.name)
        list(job.frames())  # loads what is loaded late, and may settle which backend is faster
        self.step(stage)
        for _ in range(self.plan.runs):
            row.network.append(self.timed(lambda: list(job.frames())))
            self.step(stage)
        self.result.network = dict(getattr(job.engine, "about", {}))

    def cold(self, row: Row, content: Image) -> None:
        """From the start of a process to the file. The files it reads are in the system's memory by then, from the engine's use of them."""
        stage = f"{row.size} px, network from start to file"
        with tempfile.TemporaryDirectory(prefix="atelier-bench-") as name:
            folder = Path(name)
            photo, out = folder / "photo.jpg", folder / "out.jpg"
            write_still(content, photo, quality=95)
            style = self.plan.style
            if not style:
                assert isinstance(self.painting, Image)
                style = str(folder / "painting.jpg")
                write_still(self.painting, style, quality=95)
            words = [*self.command, "stylize", str(photo), "--style", style, "--engine", NETWORK.name, "--out", str(out), "--quiet"]
            words += ["--device", self.plan.device, "--seed", str(self.plan.seed)]
            for _ in range(self.plan.runs):
                ended: list[subprocess.CompletedProcess[str]] = []
                took = self.timed(lambda: ended.append(subprocess.run(words, capture_output=True, text=True, check=False)))  # noqa: B023
                self.say(stage)  # Ctrl-C stops the process too, and that is no failure of its own
                if ended[0].returncode:
                    last = ended[0].stderr.strip().splitlines()[-1:] or [f"it ended with {ended[0].returncode}"]
                    raise AtelierError(last[0].removeprefix("atelier: "))
                row.cold.append(took)
                self.step(stage)

    def optimize(self, row: Row, content: Image) -> None:
        stage = f"{row.size} px, optimiser"
        stopped, count, counting = False, 0, False

        def inner(progress: Progress) -> None:
            nonlocal stopped, count
            if progress.losses:
                count = progress.step
            try:
                self.say(stage, WHOLE_OF_OPTIMISING * progress.step // progress.of if counting and progress.of else 0)
            except Cancelled:
                stopped = True
                raise

        def paint(picture: Image, given: Mapping[str, Any]) -> None:
            self.session.close()
            list(self.open(picture, OPTIMIZE.name, given).frames(inner))
            if stopped:  # the engine answers with the picture so far, but its time is not the whole's
                raise Cancelled

        if row is self.result.rows[0]:  # a little one first, so that importing PyTorch is no part of it
            paint(resize(content, (SMALLEST, SMALLEST)), QUICK_SETTINGS)
        counting = True
        took = self.timed(lambda: paint(content, QUICK_SETTINGS if self.plan.quick else {}))
        row.optimize.append(took)
        row.iterations = count
        self.result.optimizer = {"device": processor(self.plan.device)}
        self.step(stage, WHOLE_OF_OPTIMISING)
