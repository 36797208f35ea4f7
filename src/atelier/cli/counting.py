"""What is said of many pictures: each failure as it comes, and a list of them at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from atelier.cli.base import explained, say, spell
from atelier.errors import Cancelled

if TYPE_CHECKING:
    from atelier.batch import Outcome


class Tally:
    """Counts outcomes, of so many. The exit code is the worst."""

    def __init__(self, of: int) -> None:
        self.of, self.failed, self.worst, self._before = of, list[str](), 0, ""

    def add(self, outcome: Outcome) -> None:
        """Say what is wrong with an outcome. Raises its error where that is a fault of the program, and Cancelled."""
        for what in outcome.missed:
            say(spell(f"the picture is written, but not all beside it: {what}"))
            self.worst = max(self.worst, 1)
        if outcome.error is None:
            if not outcome.finished:
                raise typer.Exit(Cancelled.exit_code)
            return
        from atelier.batch import ends_all

        if ends_all(outcome.error):
            return  # it is raised next, and said then
        answer = explained(outcome.error)
        if answer is None or isinstance(outcome.error, Cancelled):
            raise outcome.error
        name = outcome.item.input
        self.failed.append(name)
        self.worst = max(self.worst, answer[1])
        if answer[0] != self._before:  # what ails all photos alike is said once
            say(answer[0] if name in answer[0] else f"{name}: {answer[0]}")
        self._before = answer[0]

    def end(self) -> None:
        """Say what was not painted, and end with the exit code there is for it. Raises typer.Exit unless all is well."""
        if self.failed:
            some = self.failed if len(self.failed) < self.of else []
            say(f"{len(self.failed)} of {self.of} photos were not painted{':' if some else ''}")
            for name in some:
                say(f"not painted: {name}")
        if self.worst:
            raise typer.Exit(self.worst)
