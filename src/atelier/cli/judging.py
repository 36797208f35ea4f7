"""Judging pictures: evaluate."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from atelier.cli.base import AllowPrivate, MaxBytes, MaxPixels, app, limits
from atelier.cli.telling import labels_of, write_json
from atelier.cli.watching import watching

if TYPE_CHECKING:
    from atelier.image import Limits
    from atelier.judging import Verdict

Named = Sequence[tuple[str, "Verdict"]]


@app.command()
def evaluate(
    pictures: Annotated[list[str], typer.Argument(help="Painted pictures: paths, globs, folders, URLs, or - for standard input")],
    content: Annotated[str | None, typer.Option("--content", "-c", help="The photo they were painted from")] = None,
    style: Annotated[str | None, typer.Option("--style", "-s", help="The painting in whose manner they are, or a style by name")] = None,
    source: Annotated[
        str | None, typer.Option("--source", help="They are films, painted from this one: measure whether they hold still where it does")
    ] = None,
    begin: Annotated[str | None, typer.Option("--from", help="Of --source: where the painted film begins, seconds or 1:23.5")] = None,
    flat: Annotated[bool, typer.Option("--flat", help="They were painted from a flat photo: look for a weave and a frame")] = False,
    as_json: Annotated[str | None, typer.Option("--json", help="Write all numbers to this file, or - for standard output, as JSON")] = None,
    plot: Annotated[Path | None, typer.Option("--plot", help="Draw style against content: .png, .svg or .pdf")] = None,
    size: Annotated[int, typer.Option("--size", help="Long side that the pictures are looked at in, px")] = 512,
    features: Annotated[
        str, typer.Option("--features", help="Network that looks: vgg19, pocket, a safetensors file, none, or auto: vgg19 if it is here")
    ] = "auto",
    seed: Annotated[int, typer.Option("--seed", help="Same seed, same numbers")] = 0,
    max_pixels: MaxPixels = None,
    max_bytes: MaxBytes = None,
    allow_private: AllowPrivate = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No table, and nothing but errors")] = False,
) -> None:
    """Measure how near pictures came to painting and photo. And what has gone wrong in them."""
    from atelier.errors import SettingError
    from atelier.judging import Judge
    from atelier.judging.chart import check_chart, draw_chart
    from atelier.media import STANDARD, check_place, expand
    from atelier.progress import Progress
    from atelier.run import check_apart
    from atelier.run.resolver import as_picture, open_style
    from atelier.run.targets import beforehand

    if source is not None:
        if flat or content is not None or plot is not None:
            raise SettingError("source", "`source` is for films: leave out `content`, `flat` and `plot`")
        from atelier.cli.clips import evaluate_clips

        evaluate_clips(pictures, source, style, begin, as_json, features, limits(max_pixels, max_bytes, allow_private), quiet)
        return
    if begin is not None:
        raise SettingError("begin", "`begin` is for films: give `source`")
    if flat and (content is not None or style is not None or plot is not None):
        raise SettingError("flat", "`flat` looks at pictures alone: leave out `content`, `style` and `plot`")
    if not flat and (content is None or style is None):
        raise SettingError(
            "content", "`content` and `style` are needed, to measure against; or `flat`, for what was painted of a flat photo"
        )
    sources = expand(pictures)
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
    opened = limits(max_pixels, max_bytes, allow_private)
    if content is None or style is None:
        evaluate_flat(sources, opened, as_json, quiet)
        return
    with watching(quiet) as report:
        painted_like = as_picture(open_style(style, opened, report))
        judge = Judge(content, painted_like, size=size, features=features, seed=seed, limits=opened, report=report)
        named = []
        for done, (label, source) in enumerate(zip(labels_of(sources), sources, strict=True), 1):
            named.append((label, judge(source)))
            report(Progress("judging", done, len(sources)))
        photo, painting = judge.extremes()
    if as_json is not None:
        entries = [json.loads(verdict.to_json(picture=source)) for source, (_, verdict) in zip(sources, named, strict=True)]
        ends = {name: json.loads(end.to_json()) for name, end in (("photo", photo), ("painting", painting))}
        write_json({"content": content, "style": style, "pictures": entries, **ends}, as_json)
    if plot is not None:
        draw_chart(named, photo, painting, plot)
    if not quiet and as_json != STANDARD:
        show_table(named, [("the photo", photo), ("the painting", painting)])


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
