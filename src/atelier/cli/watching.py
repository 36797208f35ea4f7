"""Saying how it goes, and stopping when asked to."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

from atelier.errors import Cancelled

if TYPE_CHECKING:
    from atelier.progress import Progress, Report


@contextmanager
def watching(quiet: bool) -> Iterator[Report]:
    """A report that shows progress on standard error, and that Ctrl-C (or SIGTERM) makes raise Cancelled, once."""
    stopped: list[int] = []

    def stop(number: int, _: object) -> None:
        if stopped:  # the second time is meant
            signal.signal(signal.SIGINT, signal.default_int_handler)
            raise KeyboardInterrupt
        stopped.append(number)

    before = {s: signal.signal(s, stop) for s in (signal.SIGINT, signal.SIGTERM)}
    try:
        with _display(quiet) as show:

            def report(progress: Progress) -> None:
                show(progress)
                if stopped:
                    raise Cancelled("stopped")

            yield report
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _display(quiet: bool) -> Iterator[Callable[[Progress], None]]:
    if quiet:
        yield lambda progress: None
        return
    if not sys.stderr.isatty():
        yield _lines()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[losses]}"),
    )
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("starting", total=None, rate="", losses="")
        began = time.monotonic()

        def show(progress: Progress) -> None:
            if progress.note:
                bar.console.print(progress.note, style="dim", markup=False, highlight=False)
            if progress.total:
                seconds = max(time.monotonic() - began, 1e-9)
                losses = "  ".join(f"{k} {v:.4g}" for k, v in progress.losses.items() if k != "total")
                unit = f"{progress.step / seconds:.1f}/s"
                bar.update(task, description=progress.stage, completed=progress.step, total=progress.total, rate=unit, losses=losses)

        yield show


def _lines() -> Callable[[Progress], None]:
    """For logs and pipes: a line at each tenth of the way."""
    tenth = [-1]

    def show(progress: Progress) -> None:
        if progress.note:
            typer.echo(progress.note, err=True)
        if progress.total and (now := progress.step * 10 // progress.total) != tenth[0]:
            tenth[0] = now
            losses = "  ".join(f"{k} {v:.4g}" for k, v in progress.losses.items() if k != "total")
            typer.echo(f"{progress.stage}: {progress.step}/{progress.total}  {losses}", err=True)

    return show
