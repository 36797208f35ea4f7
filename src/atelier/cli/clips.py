"""Judging painted films: evaluate with --source."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from atelier.cli.telling import labels_of, write_json
from atelier.cli.watching import watching

if TYPE_CHECKING:
    from atelier.image import Limits
    from atelier.judging.clip import ClipVerdict


def evaluate_clips(
    films: Sequence[str], source: str, style: str | None, begin: str | None, as_json: str | None, features: str, opened: Limits,
    quiet: bool,
) -> None:  # fmt: skip
    """Judge painted films beside the one they were painted from, and print or write what is found."""
    from atelier.cli.filming import seconds_of
    from atelier.judging.clip import judge_clip
    from atelier.media import STANDARD, check_place
    from atelier.run.resolver import as_picture, open_style
    from atelier.run.targets import beforehand

    if as_json is not None and as_json != STANDARD:
        with beforehand():
            check_place(as_json)
    start = 0.0 if begin is None else seconds_of(begin, "begin")
    with watching(quiet) as report:
        painting = None if style is None else as_picture(open_style(style, opened, report)).flat()
        found = [judge_clip(film, source, painting, begin=start, limits=opened, features=features, report=report) for film in films]
    if as_json is not None:
        entries = [json.loads(verdict.to_json(film=film)) for film, verdict in zip(films, found, strict=True)]
        write_json({"source": source, "style": style, "films": entries}, as_json)
    if not quiet and as_json != STANDARD:
        show_clips(list(zip(labels_of(films), found, strict=True)))


def show_clips(named: Sequence[tuple[str, ClipVerdict]]) -> None:
    """The table, a column a film, and the source's own numbers last."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    table.add_column("")
    for label, _ in named:
        table.add_column(Text(label), justify="right", overflow="fold")
    table.add_column("the source", justify="right", style="dim")
    first = named[0][1]
    for title, own, theirs in (("warping error, lag 1, x 1000", "warping_1", "input_1"), ("  lag 10", "warping_10", "input_10")):
        table.add_row(title, *(_thousandths(getattr(each, own)) for _, each in named), _thousandths(getattr(first, theirs)))
    for at, title in ((0, "flicker, slow, x 1000"), (-1, "  every other frame")):
        table.add_row(title, *(_thousandths(each.flicker[at]) for _, each in named), _thousandths(first.input_flicker[at]))
    table.add_row("fine detail, x 1000", *(_thousandths(each.detail) for _, each in named), "")
    if any(each.strokes is not None for _, each in named):
        table.add_row("strokes, mean", *("-" if each.strokes is None else f"{each.strokes:.3f}" for _, each in named), "")
    table.add_row("frames", *(str(each.frames) for _, each in named), "")
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = 50 + sum(max(len(label), 8) + 3 for label, _ in named)
    console.print(table)


def _thousandths(value: float | None) -> str:
    return "-" if value is None else f"{1000 * value:.3g}"
