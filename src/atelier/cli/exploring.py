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
    EngineOption,
    MaxBytes,
    MaxPixels,
    Quiet,
    RecipeOption,
    Seed,
    StyleOption,
    app,
    explained,
    limits,
    say,
    with_settings,
)
from atelier.cli.painting import Parted, style_of, with_options
from atelier.cli.watching import watching
from atelier.errors import Cancelled, SettingError
from atelier.request import InstantSettings, Settings, Style

if TYPE_CHECKING:
    from atelier.run.explore import Axis, Variant

Vary = Annotated[
    list[str] | None,
    typer.Option(
        "--vary", "-v",
        help="What to vary: OPTION=VALUE,VALUE (`;` between values with commas in them, ` + ` in those of several parts): a setting of "
        "any engine, or style, regions, mask, style-regions, feather, blend, engine, recipe, seed, size, device; the first --vary goes "
        "across, the second down, more make more tables",
    ),
]  # fmt: skip


@app.command()
@partial(with_settings, kinds=(InstantSettings, Settings))
@with_options
def explore(
    photo: Annotated[str, typer.Argument(help="Photo: path or URL")],
    out: Annotated[str, typer.Option("--out", "-o", help="Sheet to write: a picture (.png .jpg ...), or a page (.html)")],
    vary: Vary = None,
    style: StyleOption = None,
    blend: Annotated[
        tuple[str, str] | None,
        typer.Option("--blend", help="Two styles: paint the way from one to the other", metavar="STYLE STYLE", show_default=False),
    ] = None,
    third: Annotated[str | None, typer.Option("--third", help="A third style to --blend: paint all mixtures, as a triangle")] = None,
    steps: Annotated[int, typer.Option("--steps", help="Pictures of a --blend from one style to another")] = 7,
    engine: EngineOption = "auto",
    recipe: RecipeOption = "",
    size: Annotated[
        int | None, typer.Option("--size", help="Long side of each picture in px (default: 512, or a smaller photo's own)")
    ] = None,
    seed: Seed = 0,
    device: Device = "auto",
    html: Annotated[bool, typer.Option("--html", help="Write the sheet as a page as well, beside it")] = False,
    plot: Annotated[
        Path | None, typer.Option("--plot", help="Draw losses and time against the one thing varied that is a number: .png, .svg or .pdf")
    ] = None,
    cells: Annotated[Path | None, typer.Option("--cells", help="Folder of the pictures (default: OUT-cells, beside the sheet)")] = None,
    side: Annotated[int, typer.Option("--side", min=48, max=4096, help="Long side of a picture on the sheet, px at the most")] = 256,
    judge: Annotated[
        bool | None, typer.Option("--judge/--no-judge", help="Judge style and content (default: for a page)", show_default=False)
    ] = None,
    max_pixels: MaxPixels = None,
    max_bytes: MaxBytes = None,
    allow_private: AllowPrivate = False,
    quiet: Quiet = False,
    *,
    places: Parted,
    settings: dict[str, Any],
) -> None:
    """Paint a photo in many ways onto one sheet.

    Every combination of settings, or the way from one style to another. The pictures are kept in a folder beside it; the same command
    goes on where it was stopped.
    """
    from atelier.judging import Judge
    from atelier.media import atomic_write, check_place, check_target, write_still
    from atelier.plot import check_plot, draw_against
    from atelier.run import check_apart, one_parting
    from atelier.run.explore import explore as paint
    from atelier.run.explore import judged, names_read, planned
    from atelier.run.page import Exploration, is_page
    from atelier.run.places import beforehand

    if out == "-":
        raise SettingError("the pictures are kept beside the sheet: give --out a file")
    sheet, page = (None, Path(out)) if is_page(out) else (Path(out), Path(out).with_suffix(".html") if html else None)
    with beforehand():
        if sheet is not None:
            check_target(sheet)
        if page is not None:
            check_place(page)
        if plot is not None:
            check_plot(plot)
    written = [(option, str(name)) for option, name in (("--out", sheet), ("--html", page), ("--plot", plot)) if name is not None]
    axes, styles = _axes(vary, style, blend, third, steps)
    if plot is not None and sum(axis.numbers is not None for axis in axes) != 1:
        raise SettingError("--plot draws against a number: vary just one thing that is a number")
    common = {
        "content": photo, "styles": styles, "recipe": recipe, "settings": settings, "size": size, "seed": seed, "device": device,
        "engine": engine, **places.told,
    }  # fmt: skip
    folder = cells or Path(out).with_name(f"{Path(out).stem}-cells")
    most = limits(max_pixels, max_bytes, allow_private)
    with watching(quiet) as report, one_parting():
        variants = planned(common, axes, folder, limits=most, report=report)
        read = dict.fromkeys(name for variant in variants for name in names_read(variant.request) if "://" not in name)
        check_apart(written, list(read))
        variants = paint(variants, limits=most, report=report, explained=explained)
        stopped = any(variant.state in ("waiting", "stopped") for variant in variants)
        if not stopped and (judge or (judge is None and page is not None)):
            variants = judged(variants, lambda *of: Judge(of[0], of[1], size=of[2], limits=most), limits=most, report=report)
    explored = Exploration(tuple(axes), variants, most)
    if any(variant.there or variant.error for variant in variants):
        if sheet is not None:
            write_still(explored.sheet(side), sheet)
        if page is not None:
            atomic_write(explored.page().encode(), page)
        if plot is not None and any(variant.state == "painted" for variant in variants):
            _plotted(variants, axes, plot, draw_against)
    _told(variants, [str(name) for name in (sheet, page, plot) if name is not None], folder, quiet)
    failed = [variant.exit_code for variant in variants if variant.state == "failed"]
    if stopped:
        raise typer.Exit(Cancelled.exit_code)
    if failed:
        raise typer.Exit(max(failed))


def _axes(
    vary: list[str] | None, style: list[str] | None, blend: tuple[str, str] | None, third: str | None, steps: int
) -> tuple[list[Axis], tuple[Style, ...]]:
    """What is varied, and the styles that all have."""
    from atelier.run.explore import axis, shares

    if third is not None and blend is None:
        raise SettingError("--third is a third style to blend: give --blend two")
    if blend is not None and (style or any(text.split("=")[0].strip().lstrip("-") == "style" for text in vary or ())):
        raise SettingError("--blend names its styles: leave --style out")
    axes = [axis(text, style_of) for text in vary or ()]
    if blend is None:
        if not axes:
            raise SettingError("say what to vary, as in --vary style_weight=1,10,100, or give --blend two styles")
        return axes, tuple(style_of(text) for text in style or ())
    mixed = [style_of(text) for text in (*blend, *([third] if third is not None else []))]
    return [*shares([each.source for each in mixed], steps), *axes], tuple(mixed)


def _plotted(variants: Sequence[Variant], axes: Sequence[Axis], out: Path, draw: Any) -> None:
    """Losses, time and judgements against the one number that was varied, a line for every combination of the rest."""
    (at,) = [k for k, axis in enumerate(axes) if axis.numbers is not None]
    numbers = axes[at].numbers or ()
    lines: dict[str, list[tuple[float, dict[str, float]]]] = {}
    for variant in variants:
        if variant.state == "painted":
            name = ", ".join(axis.head(i) for k, (axis, i) in enumerate(zip(axes, variant.place, strict=True)) if k != at)
            losses = {f"{loss} loss" if loss != "score" else loss: value for loss, value in variant.losses.items() if loss != "total"}
            lines.setdefault(name, []).append((numbers[variant.place[at]], {**losses, **variant.judged, "seconds": variant.seconds}))
    draw(axes[at].title, lines, out)


def _told(variants: Sequence[Variant], written: Sequence[str], folder: Path, quiet: bool) -> None:
    """What came of it; failures are errors, and said to the quiet too."""
    failed = [variant for variant in variants if variant.state == "failed"]
    for message in dict.fromkeys(variant.error for variant in failed):
        alike = [variant for variant in failed if variant.error == message]
        where = ", ".join(label.replace("\n", ", ") for label in alike[0].labels.values())
        say(f"{len(alike)} of {len(variants)} pictures were not painted ({where}{', ...' if len(alike) > 1 else ''}): {message}")
    if quiet:
        return
    there = sum(variant.state == "painted" for variant in variants)
    before = sum(variant.before for variant in variants)
    word = "Stopped" if any(variant.state in ("waiting", "stopped") for variant in variants) else "Explored"
    kept = f", {before} of them from before" if before else ""
    shown = ", ".join(written) if any(variant.there or variant.error for variant in variants) else "nothing yet"
    typer.echo(f"{word}: {shown}  {there} of {len(variants)} pictures{kept}, in {folder}", err=True)
    if word == "Stopped":
        typer.echo("The same command goes on from there.", err=True)
