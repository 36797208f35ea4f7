"""An exploration as one labelled picture: tables of what was varied, with losses and times."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from atelier.engines.table import choose, lacking, settle
from atelier.image import Image, Limits
from atelier.image.sheet import Block, Cell, grid_sheet
from atelier.media import open_still
from atelier.request import Request
from atelier.run.explore.axes import FIELDS, Axis, label_value, short_name
from atelier.run.explore.variant import Variant

ACROSS = 9
"""So many pictures at most are in a row where one thing alone is varied; where two are, as many as there are values."""


def arrange(variants: Sequence[Variant], axes: Sequence[Axis], draw: Callable[[Variant], Cell]) -> list[Block]:
    """Arrange the variants in tables: the first axis across, the second down, and a table for every combination of the others."""
    cells = {variant.at: draw(variant) for variant in variants}
    if not axes:
        return [Block([""], [("", list(cells.values()))])]
    if len(axes) == 1:
        return _arrange_row(cells, axes[0])
    across, down, *more = axes
    columns, rows = range(len(across.values)), range(len(down.values))
    blocks = []
    for rest in itertools.product(*(range(len(axis.values)) for axis in reversed(more))):
        rest = tuple(reversed(rest))
        table = [(down.head(j), [cells.get((i, j, *rest)) for i in columns]) for j in rows]
        heading = ", ".join(axis.head(k).replace("\n", ", ") for axis, k in zip(more, rest, strict=True))
        blocks.append(Block([across.head(i) for i in columns], table, heading))
    return blocks


def _arrange_row(cells: Mapping[tuple[int, ...], Cell], axis: Axis) -> list[Block]:
    """Break the pictures of one axis into rows of about the same length, wider than high."""
    count = len(axis.values)
    width = count if count <= ACROSS else -(-count // -(-count // ACROSS))
    spans = [range(start, min(start + width, count)) for start in range(0, count, width)]
    return [Block([axis.head(i) for i in span], [("", [cells[(i,)] for i in span])]) for span in spans]


def draw_sheet(variants: Sequence[Variant], axes: Sequence[Axis], *, side: int = 256, limits: Limits = Limits()) -> Image:
    """Draw all variants on one labelled picture; those that are not there say why. side: of the pictures on it, px at the most."""

    def cell(variant: Variant) -> Cell:
        words = write_caption(variant, [each for each in axes if each.name == "share"])
        if variant.there:
            return Cell(open_still(variant.path, limits), words)
        if variant.state == "failed":
            return Cell(None, variant.error, "not painted", alarm=True)
        return Cell(None, "", "not yet painted")

    title, subtitle = describe(variants)
    return grid_sheet(arrange(variants, axes, cell), title=title, subtitle=subtitle, side=side, limits=limits)


def write_caption(variant: Variant, blended: Sequence[Axis] = ()) -> str:
    """Write what goes under a picture: losses and time, and of more than two styles their shares."""
    words = []
    if len(blended) > 1:
        words.append(", ".join(f"{style.weight:.0%} {short_name(style.source)}" for style in variant.request.styles if style.weight))
    words += [
        " · ".join(f"{name} {value:.3g}" for name, value in numbers.items() if name != "total")
        for numbers in (variant.losses, variant.judged)
    ]
    words.append(f"{variant.seconds:.1f} s" if variant.state == "painted" else f"stopped after {variant.seconds:.1f} s")
    return "\n".join(filter(None, words))


def describe(variants: Sequence[Variant]) -> tuple[str, str]:
    """Write a title, and what all variants have in common."""
    words = [_words(variant.request) for variant in variants]
    same = [word for name, word in words[0].items() if all(each.get(name) == word for each in words)]
    return Path(str(variants[0].request.without_secrets().content)).name, " · ".join(same)


def _words(request: Request) -> dict[str, str]:
    """Say what a request asks for, in words, by name."""
    full = dataclasses.asdict(settle(request))
    kind = choose(request)
    styles = [short_name(style.source) for style in request.without_secrets().styles]
    words = {"style": f"in the style of {' and '.join(styles)}"} if styles else {}
    words["engine"] = f"engine {kind.name}"
    for name in ("regions", "mask", "style_regions", "feather", "blend"):
        if (value := getattr(request, FIELDS[name])) not in ("", (), None):
            words[name] = f"{name.replace('_', ' ')} {label_value(name, value)}"
    words |= {"keep_flat": "flat background kept"} if request.keep_flat else {}
    words |= {"recipe": f"recipe {request.recipe or 'default'}"} if not lacking(kind, ["recipe"]) else {}
    words |= {name: f"{name.replace('_', ' ')} {label_value(name, full[name])}" for name in request.settings if full[name] != ""}
    words |= {"size": f"{request.size} px"} if request.size else {}
    return words | ({"seed": f"seed {request.seed}"} if request.seed else {})
