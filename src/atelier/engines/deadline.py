"""An engine that is told to stop once its time is up."""

from __future__ import annotations

import math
import time
from contextlib import suppress
from dataclasses import dataclass, replace

from atelier.engines.engine import Engine, Frame
from atelier.errors import Cancelled
from atelier.progress import Progress, Report, silent


@dataclass
class Deadline:
    """An engine that has so many seconds for a frame, or, if that is 0, all the time it takes.

    spent: seconds that opening it took, which the first frame has less.
    """

    engine: Engine
    seconds: float
    spent: float = 0.0

    def __call__(self, frame: Frame, report: Report = silent) -> Frame:
        timed = Until(report, self.seconds, time.monotonic() - self.spent)
        self.spent = 0.0
        painted = self.engine(frame, timed)
        timed.close()
        assert isinstance(painted, Frame)
        return painted


class Until:
    """A report that says stop once so many seconds, if not 0, have passed; to the report it passes on to, the run was not stopped.

    Where the time will be up before the iterations are made, their count is what they come to by then at the pace so far. So the share
    that is done only grows, and ends at the whole; `close` sees to that where a run has converged before.
    """

    def __init__(self, report: Report, seconds: float, began: float | None = None) -> None:
        self.report, self.seconds, self.began = report, seconds, time.monotonic() if began is None else began
        self.before: int | None = None  # iterations that were made in another run
        self.last = Progress("painting")
        self.stopped = False

    def __call__(self, progress: Progress) -> None:
        spent = time.monotonic() - self.began
        if self.before is None and progress.losses:
            self.before = progress.step - 1
        if self.seconds and progress.of:
            progress = replace(progress, of=self.count(progress, spent))
        self.last = replace(progress, state=None)
        try:
            self.report(progress)
        except Cancelled:
            self.stopped = True
            raise
        if self.seconds and progress.losses and spent >= self.seconds:
            raise Cancelled

    def count(self, progress: Progress, spent: float) -> int:
        """How many iterations there will be, after so many seconds."""
        step, last = progress.step, self.last
        if step == last.step and last.of:
            return last.of
        before = self.before or 0
        total = min(progress.of, before + math.ceil((step - before) * self.seconds / max(spent, 1e-9)))
        if last.step:
            total = min(total, last.of * step // last.step)
        return max(total, step)

    def close(self) -> None:
        """Say that all is done, unless that was said, or it was stopped."""
        if not self.stopped and self.last.step < self.last.of:
            with suppress(Cancelled):  # the picture is there
                self.report(replace(self.last, step=self.last.of, losses={}, preview=None, note=""))
