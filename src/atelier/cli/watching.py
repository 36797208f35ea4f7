"""Saying how it goes, and stopping when asked to."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import typer

from atelier.cli.base import say, spell
from atelier.errors import Cancelled

if TYPE_CHECKING:
    from atelier.progress import Progress, Report
    from atelier.run import Made


BATCH = "batch"
"""The stage of progress that counts pictures of many; it has a bar of its own."""


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
        pace, whole = Pace(), Pace()
        batch: list[Any] = []

        def show(progress: Progress) -> None:
            if progress.stage == BATCH:
                if not batch:
                    batch.append(bar.add_task("pictures", total=progress.of, rate="", losses=""))
                bar.update(batch[0], completed=progress.step, total=progress.of, rate=whole(progress)[0])
                return
            if progress.note:
                bar.console.print(spell(progress.note), style="dim", markup=False, highlight=False)
            if progress.of:
                if pace.anew(progress):  # what a run that is resumed has behind it was not done at this pace
                    bar.reset(task, total=progress.of, completed=progress.step, description=described(progress))
                rate, _ = pace(progress)
                bar.update(
                    task, description=described(progress), completed=progress.step, total=progress.of, rate=rate, losses=losses(progress)
                )

        yield show


def _lines() -> Callable[[Progress], None]:
    """For logs and pipes: a line at each tenth of the way."""
    tenth = [-1]
    pace = Pace()

    def show(progress: Progress) -> None:
        if progress.stage == BATCH:
            return  # whoever paints many says a line for each
        if progress.note:
            typer.echo(spell(progress.note), err=True)
        if progress.of:
            rate, left = pace(progress)
            if (now := progress.step * 10 // progress.of) != tenth[0]:
                tenth[0] = now
                words = [f"{described(progress)}: {progress.step}/{progress.of}", rate, left, losses(progress)]
                typer.echo("  ".join(filter(None, words)), err=True)

    return show


class Pace:
    """How fast it goes and how long it will take, by what was done since it began here."""

    def __init__(self) -> None:
        self.first = 0, 0.0
        self.last: Progress | None = None

    def anew(self, progress: Progress) -> bool:
        """Whether something else begins, which is counted by itself: the optimiser after the network, say."""
        last = self.last
        return last is None or progress.step < last.step or (progress.step == last.step and what(progress) != what(last))

    def __call__(self, progress: Progress) -> tuple[str, str]:
        """The rate and the time left, as words; empty until they are known."""
        now = time.monotonic()
        if self.anew(progress):
            self.first = progress.step, now
        self.last = replace(progress, preview=None, state=None)  # which would keep the solver's memory
        done, seconds = progress.step - self.first[0], now - self.first[1]
        if done <= 0 or seconds <= 0:
            return "", ""
        left = round((progress.of - progress.step) * seconds / done)
        hours, minutes = left // 3600, left // 60 % 60
        return f"{done / seconds:.1f}/s", f"{f'{hours}:{minutes:02}' if hours else minutes}:{left % 60:02} left"


def what(progress: Progress) -> tuple[object, ...]:
    """What is being done, apart from how far it is."""
    return progress.stage, progress.subject, progress.size


def described(progress: Progress) -> str:
    """What is being done, for people: `painting with pocket at 256x192`."""
    joined = {"painting": " with "}.get(progress.stage, " ")
    subject = f"{joined}{progress.subject}" if progress.subject else ""
    size = f" at {progress.size[0]}x{progress.size[1]}" if progress.size else ""
    return f"{f'{progress.within}: ' if progress.within else ''}{progress.stage}{subject}{size}"


def losses(progress: Progress) -> str:
    return "  ".join(f"{name} {value:.4g}" for name, value in progress.losses.items() if name != "total")


def ended(made: Made) -> None:
    """Say what could not be written beside a picture, and end with the exit code there is for it. Raises typer.Exit unless all is well."""
    for what in made.missed:
        say(spell(f"the picture is written, but not all beside it: {what}"))
    if not made.finished:
        raise typer.Exit(Cancelled.exit_code)
    if made.missed:
        raise typer.Exit(1)
