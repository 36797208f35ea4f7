"""One picture of many, and what came of it: plain values that travel to other processes and machines."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from atelier.errors import Cancelled, MissingExtra, OutputError, WeightsError
from atelier.progress import Report, silent
from atelier.request import Outputs, Request
from atelier.run import LOCAL, Resolver, Session, make

DONE, FAILED, STOPPED, SKIPPED = "done", "failed", "stopped", "skipped"


@dataclass(frozen=True)
class Item:
    """A picture to make. digest: of all it is made from; "" where nobody asked."""

    request: Request
    outputs: Outputs
    digest: str = ""

    @property
    def input(self) -> str:
        """The photo's name."""
        return str(self.request.content)

    @property
    def output(self) -> str:
        """The target's path."""
        return self.outputs.picture


@dataclass(frozen=True)
class Outcome:
    """What came of an item. state: done, failed, stopped or skipped. seconds: of work. size: (width, height), px. missed: what could not be
    written beside it."""

    item: Item
    state: str
    seconds: float = 0.0
    size: tuple[int, int] = (0, 0)
    iterations: int = 0
    losses: Mapping[str, float] = field(default_factory=dict)
    missed: tuple[str, ...] = ()
    error: Exception | None = None

    @property
    def finished(self) -> bool:
        """Whether it was not stopped on the way."""
        return self.state != STOPPED


def paint_item(item: Item, resolver: Resolver = LOCAL, session: Session | None = None, report: Report = silent) -> Outcome:
    """Make one picture. What goes wrong with it is its outcome, and raises nothing."""
    began = time.monotonic()
    try:
        made = make(item.request, item.outputs, resolver, session, report)
    except Cancelled as error:
        return Outcome(item, STOPPED, time.monotonic() - began, error=error)
    except Exception as error:
        return Outcome(item, FAILED, time.monotonic() - began, error=error)
    state = DONE if made.finished else STOPPED
    return Outcome(item, state, made.seconds, made.size, made.iterations, dict(made.losses), made.missed)


def ends_all(error: Exception | None) -> bool:
    """Tell whether an error would meet every other item too: absent weights, a full disk."""
    return isinstance(error, (WeightsError, MissingExtra)) or type(error) is OutputError
