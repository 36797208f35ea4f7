"""An exploration as a table of figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from atelier.run.explore.axes import Axis
from atelier.run.explore.variant import Variant


@dataclass(frozen=True)
class Column:
    """A heading, and for every variant what is written and what it is sorted by (None sorts last)."""

    heading: str
    written: Sequence[str]
    values: Sequence[float | str | None]
    numeric: bool = True


def tabulate(variants: Sequence[Variant], axes: Sequence[Axis]) -> list[Column]:
    """Put into columns what there is to say of the variants, and to sort them by."""
    columns = []
    for k, (axis, title) in enumerate(zip(axes, variants[0].labels, strict=True)):
        chosen, numbers = [variant.at[k] for variant in variants], axis.numbers
        values = [numbers[i] if numbers else i for i in chosen]  # words in the order they were given in
        written = [axis.labels[i].replace("\n", ", ") for i in chosen]
        columns.append(Column(title, written, values, numbers is not None and axis.name != "share"))
    for kind in ("losses", "judged"):
        for name in dict.fromkeys(name for variant in variants for name in getattr(variant, kind)):
            values = [getattr(variant, kind).get(name) for variant in variants]
            heading = f"{name} loss" if kind == "losses" and name != "score" else name
            columns.append(Column(heading, ["–" if value is None else f"{value:.4g}" for value in values], values))
    seconds = [variant.seconds if variant.there else None for variant in variants]
    columns.append(Column("seconds", ["–" if value is None else f"{value:.2f}" for value in seconds], seconds))
    varied = set(variants[0].labels)  # which may be called as a figure is: style loss, seconds
    given = len(varied)
    return [replace(c, heading=f"{c.heading}, measured") if i >= given and c.heading in varied else c for i, c in enumerate(columns)]
