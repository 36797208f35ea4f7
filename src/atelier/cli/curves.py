"""Live curves of the losses while it trains."""

from __future__ import annotations

import os
import sys
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from atelier.cli.watching import Pace, described, watching

if TYPE_CHECKING:
    from atelier.progress import Progress, Report

SHOWN = ("total", "style", "content", "tv", "grid", "weight", "identity")
POINTS = 60
"""Columns of a live curve."""


def speaks() -> bool:
    """Tell whether this is the first of the processes that torchrun starts."""
    return os.environ.get("RANK", "0") == "0"


@contextmanager
def curves(quiet: bool) -> Iterator[Report]:
    """Watch, as `watching` does, with a live curve of every loss where there is a terminal."""
    quiet = quiet or not speaks()
    if quiet or not sys.stderr.isatty():
        with watching(quiet) as report:
            yield report
        return
    from rich.console import Console
    from rich.live import Live

    console = Console(stderr=True)
    drawn = Curves()
    with watching(True) as stop, Live(console=console, refresh_per_second=4, transient=True) as live:

        def report(progress: Progress) -> None:
            if progress.note:
                console.print(progress.note, style="dim", markup=False, highlight=False)
            live.update(drawn(progress))
            stop(progress)

        yield report


class Curves:
    """The table that is shown while it trains: each loss, its curve so far, its value. Called with progress."""

    def __init__(self) -> None:
        self.pace = Pace()
        self.stage = ""
        self.points: dict[str, Thinned] = {}

    def __call__(self, progress: Progress) -> Any:
        from rich.table import Table
        from rich.text import Text

        if described(progress) != self.stage:
            self.stage, self.pace = described(progress), Pace()
        rate, left = self.pace(progress) if progress.of else ("", "")
        table = Table.grid(padding=(0, 2))
        table.add_row(Text(described(progress)), Text(f"{progress.step}/{progress.of}  {rate}  {left}" if progress.of else ""), "")
        for name in SHOWN:
            if name in progress.losses:
                curve = self.points.setdefault(name, Thinned())
                curve.add(progress.losses[name])
                table.add_row(Text(name), Text(sparkline(list(curve.values))), Text(f"{progress.losses[name]:.4g}"))
        return table


class Thinned:
    """A curve in at most POINTS values, every one of them as many steps apart."""

    def __init__(self) -> None:
        self.values: deque[float] = deque()
        self.stride, self.count = 1, 0

    def add(self, value: float) -> None:
        if self.count % self.stride == 0:
            self.values.append(value)
            if len(self.values) > POINTS:
                self.values = deque(list(self.values)[::2])
                self.stride *= 2
        self.count += 1


def sparkline(values: list[float]) -> str:
    """Write values as ▁ to █, the least to the greatest."""
    low, high = min(values), max(values)
    return "".join("▁▂▃▄▅▆▇█"[round(7 * (value - low) / (high - low))] if high > low else "▁" for value in values)
