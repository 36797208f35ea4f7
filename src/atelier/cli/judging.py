"""Judging pictures: evaluate."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from atelier.cli.base import AllowPrivate, MaxBytes, MaxPixels, app, declared, limits
from atelier.cli.telling import labels_of, write_json
from atelier.cli.watching import watching
from atelier.errors import SettingError
from atelier.request import Judging

if TYPE_CHECKING:
    from atelier.image import Limits
    from atelier.judging import Verdict

Named = Sequence[tuple[str, "Verdict"]]


@app.command()
def evaluate(
    pictures: Annotated[list[str], typer.Argument(help="Painted pictures: paths, globs, folders, URLs, or - for standard input")],
    content: Annotated[str | None, declared(Judging, "content", "-c")] = None,
    style: Annotated[str | None, declared(Judging, "style", "-s")] = None,
    source: Annotated[
        str | None, typer.Option("--source", help="They are films, painted from this one: measure whether they hold still where it does")
    ] = None,
    begin: Annotated[str | None, typer.Option("--from", help="Of --source: where the painted film begins, seconds or 1:23.5")] = None,
    flat: Annotated[bool, typer.Option("--flat", help="They were painted from a flat photo: look for a weave and a frame")] = False,
    as_json: Annotated[str | None, typer.Option("--json", help="Write all numbers to this file, or - for standard output, as JSON")] = None,
    plot: Annotated[Path | None, typer.Option("--plot", help="Draw style against content: .png, .svg or .pdf")] = None,
    size: Annotated[int, declared(Judging, "size")] = 512,
    features: Annotated[str, declared(Judging, "features")] = "auto",
    seed: Annotated[int, declared(Judging, "seed")] = 0,
    max_pixels: MaxPixels = None,
    max_bytes: MaxBytes = None,
    allow_private: AllowPrivate = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No table, and nothing but errors")] = False,
) -> None:
    """Measure how near pictures came to painting and photo. And what has gone wrong in them."""
    opened = limits(max_pixels, max_bytes, allow_private)
    _check_kind(source, begin, flat, content, style, plot)
    if source is not None:
        from atelier.cli.clips import evaluate_clips

        evaluate_clips(pictures, source, style, begin, as_json, features, opened, quiet)
        return
    from atelier.media import expand

    sources = expand(pictures)
    _check_files(sources, content, style, as_json, plot)
    if content is None or style is None:
        evaluate_flat(sources, opened, as_json, quiet)
        return
    evaluate_pictures(sources, Judging(content, style, size, features, seed=seed), opened, as_json, plot, quiet)


def _check_kind(source: str | None, begin: str | None, flat: bool, content: str | None, style: str | None, plot: Path | None) -> None:
    """Raise SettingError for options that belong to different kinds of evaluation: of films, of flat photos, of pictures."""
    if source is not None:
        if flat or content is not None or plot is not None:
            raise SettingError("source", "`source` is for films: leave out `content`, `flat` and `plot`")
        return
    if begin is not None:
        raise SettingError("begin", "`begin` is for films: give `source`")
    if flat and (content is not None or style is not None or plot is not None):
        raise SettingError("flat", "`flat` looks at pictures alone: leave out `content`, `style` and `plot`")
    if not flat and (content is None or style is None):
        raise SettingError(
            "content", "`content` and `style` are needed, to measure against; or `flat`, for what was painted of a flat photo"
        )


def _check_files(sources: Sequence[str], content: str | None, style: str | None, as_json: str | None, plot: Path | None) -> None:
    """Refuse files that are two things at once, or cannot be written. Raises SettingError, TargetError, MissingExtra."""
    from atelier.judging.chart import check_chart
    from atelier.media import STANDARD, check_place
    from atelier.run import check_apart
    from atelier.run.targets import beforehand

    read = [*sources, *(name for name in (content, style) if name is not None)]
    if read.count(STANDARD) > 1:
        raise SettingError("pictures", "only one picture can come from standard input")
    written = [(option, str(name)) for option, name in (("json", as_json), ("plot", plot)) if name is not None]
    check_apart(written, [name for name in read if name != STANDARD and "://" not in name])
    if as_json is not None and as_json != STANDARD:
        with beforehand():
            check_place(as_json)
    if plot is not None:
        check_chart(plot)


def evaluate_pictures(
    sources: Sequence[str], how: Judging, opened: Limits, as_json: str | None, plot: Path | None, quiet: bool
) -> None:  # fmt: skip
    """Judge pictures between photo and painting, and print, write or draw what is found."""
    from atelier.judging import Judge
    from atelier.judging.chart import draw_chart
    from atelier.media import STANDARD
    from atelier.progress import Progress
    from atelier.run.resolver import as_picture, open_style

    assert how.content is not None and how.style is not None
    with watching(quiet) as report:
        painting = as_picture(open_style(how.style, opened, report))
        judge = Judge(how.content, painting, size=how.size, features=how.features, seed=how.seed, limits=opened, report=report)
        named = []
        for done, (label, source) in enumerate(zip(labels_of(sources), sources, strict=True), 1):
            named.append((label, judge(source)))
            report(Progress("judging", done, len(sources)))
        ends = dict(zip(("photo", "painting"), judge.extremes(), strict=True))
    if as_json is not None:
        entries = [json.loads(verdict.to_json(picture=source)) for source, (_, verdict) in zip(sources, named, strict=True)]
        extremes = {name: json.loads(end.to_json()) for name, end in ends.items()}
        write_json({"content": how.content, "style": how.style, "pictures": entries, **extremes}, as_json)
    if plot is not None:
        draw_chart(named, ends["photo"], ends["painting"], plot)
    if not quiet and as_json != STANDARD:
        show_table(named, [(f"the {name}", end) for name, end in ends.items()])


def evaluate_flat(sources: Sequence[str], opened: Limits, as_json: str | None, quiet: bool) -> None:
    """Print or write the weave and the frame of what was painted of flat photos."""
    from atelier.judging import flatness
    from atelier.media import STANDARD, open_still

    found = [flatness(open_still(source, opened)) for source in sources]
    if as_json is not None:
        entries = [json.loads(each.to_json(picture=source)) for source, each in zip(sources, found, strict=True)]
        write_json({"pictures": entries}, as_json)
    if not quiet and as_json != STANDARD:
        for label, each in zip(labels_of(sources), found, strict=True):
            typer.echo(f"{label}: weave {each.weave:.3f}, border {each.border:.1f} levels of 255")


def show_table(named: Named, ends: Named) -> None:
    """The table, a column a picture; the best of several is bold. Notes follow, those that all pictures share once."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from atelier.judging import measures

    table = Table(box=None, pad_edge=False)
    for heading in ("", "", "better"):
        table.add_column(heading)
    for label, _ in named:
        table.add_column(Text(label), justify="right", overflow="fold")
    for label, _ in ends:
        table.add_column(label, justify="right", style="dim", overflow="fold")
    group = ""
    for name, how in measures().items():
        values = [getattr(verdict, name) for _, verdict in named]
        there = [value for value in values if value is not None]
        best = (max if how["better"] == "higher" else min)(there, default=None) if len(there) > 1 else None
        cells = [Text(_written(value, how["form"]), "bold" if best is not None and value == best else "") for value in values]
        cells += [Text(_written(getattr(end, name), how["form"])) for _, end in ends]
        table.add_row(how["group"] if how["group"] != group else "", how["title"], "↑" if how["better"] == "higher" else "↓", *cells)
        group = how["group"]
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = 45 + sum(max(len(label), 8) + 3 for label, _ in [*named, *ends])
    console.print(table)
    shared = [note for note in named[0][1].notes if all(note in verdict.notes for _, verdict in named)]
    lines = list(shared) if len(named) > 1 else []
    lines += [f"{label}: {note}" for label, verdict in named for note in verdict.notes if note not in lines]
    for line in lines:
        console.print(line, markup=False, soft_wrap=True)


def _written(value: Any, form: str) -> str:
    return "-" if value is None else format(value, form)
