"""A photo painted in many ways: explore."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from atelier.cli.base import (
    AllowPrivate,
    Device,
    Effort,
    EngineOption,
    MaxBytes,
    MaxPixels,
    Quiet,
    RecipeOption,
    Seed,
    StyleOption,
    app,
    declared,
    explained,
    limits,
    say,
)
from atelier.cli.flags import with_settings
from atelier.cli.painting import RegionFlags, with_options
from atelier.cli.style_words import parse_style
from atelier.cli.watching import watching
from atelier.errors import Cancelled, SettingError
from atelier.request import Exploring, InstantSettings, Outputs, Settings, Style

if TYPE_CHECKING:
    from atelier.run.explore import Axis, Exploration

Vary = Annotated[
    list[str] | None,
    typer.Option(
        "--vary", "-v",
        help="What to vary: OPTION=VALUE,VALUE (`;` between values with commas in them, ` + ` in those of several parts): a setting of "
        "any engine, or style, regions, mask, style-regions, feather, blend, keep-flat, engine, effort, recipe, seed, size, device; the "
        "first --vary goes across, the second down, more make more tables",
    ),
]  # fmt: skip


@app.command()
@partial(with_settings, kinds=(InstantSettings, Settings))
@with_options
def explore(
    photo: Annotated[str, typer.Argument(help="Photo: path or URL")],
    out: Annotated[str, declared(Outputs, "picture", "-o", more="; the sheet of all, or a page (.html)")],
    vary: Vary = None,
    style: StyleOption = None,
    blend: Annotated[
        tuple[str, str] | None,
        typer.Option("--blend", help="Two styles: paint the way from one to the other", metavar="STYLE STYLE", show_default=False),
    ] = None,
    third: Annotated[str | None, typer.Option("--third", help="A third style to --blend: paint all mixtures, as a triangle")] = None,
    steps: Annotated[int, declared(Exploring, "steps")] = 7,
    engine: EngineOption = "auto",
    effort: Effort = "",
    recipe: RecipeOption = "",
    size: Annotated[int | None, declared(Exploring, "size")] = None,
    seed: Seed = 0,
    device: Device = "auto",
    html: Annotated[bool, typer.Option("--html", help="Write the sheet as a page as well, beside it")] = False,
    plot: Annotated[Path | None, declared(Exploring, "plot")] = None,
    cells: Annotated[Path | None, declared(Exploring, "cells")] = None,
    side: Annotated[int, declared(Exploring, "side", min=48, max=4096)] = 256,
    judge: Annotated[bool | None, declared(Exploring, "judge", flags="--judge/--no-judge", show_default=False)] = None,
    max_pixels: MaxPixels = None,
    max_bytes: MaxBytes = None,
    allow_private: AllowPrivate = False,
    quiet: Quiet = False,
    *,
    layout: RegionFlags,
    settings: dict[str, Any],
) -> None:
    """Paint a photo in many ways onto one sheet.

    Every combination of settings, or the way from one style to another. The pictures are kept in a folder beside it; the same command
    goes on where it was stopped.
    """
    from atelier.run.explore import Sheets
    from atelier.run.explore import explore as make

    if out == "-":
        raise SettingError("out", "the pictures are kept beside the sheet: give `out` a file")
    targets = dict.fromkeys((Path(out), *([Path(out).with_suffix(".html")] if html else [])))
    axes, styles = _axes(vary, style, blend, third, steps)
    common = {
        "content": photo, "styles": styles, "recipe": recipe, "settings": settings, "size": size, "seed": seed, "device": device,
        "engine": engine, "effort": effort, **layout.fields,
    }  # fmt: skip
    folder = cells or Path(out).with_name(f"{Path(out).stem}-cells")
    sheets, most = Sheets(tuple(targets), plot, side), limits(max_pixels, max_bytes, allow_private)
    with watching(quiet) as report:
        explored = make(common, axes, folder, sheets, judged=judge, limits=most, report=report, explain=explained)
    _tell(explored, [name for _, name in sheets.targets], folder, quiet)
    failed = [variant.exit_code for variant in explored if variant.state == "failed"]
    if not explored.finished:
        raise typer.Exit(Cancelled.exit_code)
    if failed:
        raise typer.Exit(max(failed))


def _axes(
    vary: list[str] | None, style: list[str] | None, blend: tuple[str, str] | None, third: str | None, steps: int
) -> tuple[list[Axis], tuple[Style, ...]]:
    """What is varied, and the styles that all have."""
    from atelier.run.explore import blend_axes, parse_axis

    if third is not None and blend is None:
        raise SettingError("third", "`third` is a third style to blend: give `blend` two")
    if blend is not None and (style or any(text.split("=")[0].strip().lstrip("-") == "style" for text in vary or ())):
        raise SettingError("style", "`blend` names its styles: leave `style` out")
    axes = [parse_axis(text, parse_style) for text in vary or ()]
    if blend is None:
        if not axes:
            raise SettingError("vary", "say what to vary, as in `vary` style_weight=1,10,100, or give `blend` two styles")
        return axes, tuple(parse_style(text) for text in style or ())
    mixed = [parse_style(text) for text in (*blend, *([third] if third is not None else []))]
    return [*blend_axes([each.source for each in mixed], steps), *axes], tuple(mixed)


def _tell(explored: Exploration, written: Sequence[str], folder: Path, quiet: bool) -> None:
    """What came of it; failures are errors, and said to the quiet too."""
    failed = [variant for variant in explored if variant.state == "failed"]
    for message in dict.fromkeys(variant.error for variant in failed):
        alike = [variant for variant in failed if variant.error == message]
        where = ", ".join(label.replace("\n", ", ") for label in alike[0].labels.values())
        say(f"{len(alike)} of {len(explored)} pictures were not painted ({where}{', ...' if len(alike) > 1 else ''}): {message}")
    if quiet:
        return
    there = sum(variant.state == "painted" for variant in explored)
    before = sum(variant.before for variant in explored)
    word = "Explored" if explored.finished else "Stopped"
    kept = f", {before} of them from before" if before else ""
    shown = ", ".join(written) if explored.begun else "nothing yet"
    typer.echo(f"{word}: {shown}  {there} of {len(explored)} pictures{kept}, in {folder}", err=True)
    if word == "Stopped":
        typer.echo("The same command goes on from there.", err=True)
