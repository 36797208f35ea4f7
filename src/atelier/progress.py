"""How long work tells what it is doing, and how it is told to stop.

A `Report` is any callable that takes a `Progress`. It may raise `atelier.errors.Cancelled` to stop the work; an engine
that has a picture by then answers with it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from atelier.image import Image


@dataclass(frozen=True)
class Progress:
    """Where a piece of work stands.

    stage: what is being done, for people ("painting at 256 px"). step, total: 1-based count of steps in the whole run;
    total is 0 where it is not known. losses: name to value, unweighted names as in the loss log. preview: makes the
    picture so far, when called; None where there is none. note: a word for the user, once.
    """

    stage: str
    step: int = 0
    total: int = 0
    losses: Mapping[str, float] = field(default_factory=dict)
    preview: Callable[[], Image] | None = None
    note: str = ""


Report = Callable[[Progress], None]


def silent(progress: Progress) -> None:
    """The report that says nothing."""
