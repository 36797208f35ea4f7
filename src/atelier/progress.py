"""How long work says what it is doing, and how it is told to stop.

A `Report` is any callable that takes a `Progress`. It may raise `atelier.errors.Cancelled` to stop the work; an engine
that has a picture by then answers with it.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from atelier.image import Image

State = dict[str, Any]
"""What an engine needs to go on exactly: tensors and plain values."""


@dataclass(frozen=True)
class Progress:
    """Where a piece of work stands, as plain values.

    stage: what is being done, one word: opening, painting, drawing, refining, judging, fetching, training. step, of: 1-based count of
    steps in the whole run; `of` is 0 where it is not known. losses: name to value, unweighted. note: a word for the user, once.
    subject: what it is done to or with: a picture's name, a network's. size: (width, height) in px that is worked at. engine: its name.
    within: what this is a part of, as the one picture of many.

    Two are functions, for whoever is in the same process, and are left out of JSON: preview makes the picture so far, state what it
    takes to go on from here. None where there is none.
    """

    stage: str
    step: int = 0
    of: int = 0
    losses: Mapping[str, float] = field(default_factory=dict)
    preview: Callable[[], Image] | None = None
    note: str = ""
    subject: str = ""
    size: tuple[int, int] | None = None
    engine: str = ""
    within: str = ""
    state: Callable[[], State] | None = field(default=None, compare=False)

    def to_json(self) -> str:
        """As one line of JSON. Losses that are no numbers are words: "nan", "inf", "-inf"."""
        fields = {each.name: getattr(self, each.name) for each in dataclasses.fields(self) if each.name not in ("preview", "state")}
        losses = {name: float(value) if math.isfinite(value) else str(float(value)) for name, value in self.losses.items()}
        return json.dumps({**fields, "losses": losses}, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Progress:
        """What `to_json` wrote, without preview and state. Raises ValueError for anything else."""
        try:
            fields = json.loads(text)
            fields["losses"] = {str(name): float(value) for name, value in fields["losses"].items()}
            fields["size"] = None if fields["size"] is None else (int(fields["size"][0]), int(fields["size"][1]))
            return cls(**fields)
        except (KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
            raise ValueError(f"this is no progress of atelier: {error}") from error


Report = Callable[[Progress], None]


def silent(progress: Progress) -> None:
    """The report that says nothing."""
