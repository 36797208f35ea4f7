"""A photo painted in many ways: explore."""

from __future__ import annotations

import dataclasses
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
from atelier.errors import AtelierError, Cancelled, SettingError
from atelier.request import ENGINES, DrawSettings, InstantSettings, Request, Settings, Style, options

if TYPE_CHECKING:
    from atelier.image import Limits
    from atelier.progress import Report
    from atelier.run.explore import Axis, Variant

PAGES = (".html", ".htm")
JUDGED = {"held_out": "judged style", "patches": "judged patches", "structure": "judged content", "ssim": "judged SSIM"}
"""What of the judging panel is told: two numbers of style, two of content; the networks' first, which may be missing."""

Vary = Annotated[
    list[str] | None,
    typer.Option(
        "--vary", "-v",
        help="What to vary: SETTING=VALUE,VALUE (`;` between values with commas in them), of any engine, or style, engine, recipe, seed, "
        "size; the first --vary goes across, the second down, more make more tables",
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
    """Paint a photo in many ways onto one sheet: every combination of settings, or the way from one style to another.

    The pictures are kept in a folder beside it; the same command goes on where it was stopped.
    """
    from atelier.media import atomic_write, check_place, check_target, write_still
    from atelier.plot import check_plot, draw_against
    from atelier.run import check_apart
    from atelier.run.explore import explore as paint
    from atelier.run.explore import planned, sheet_of
    from atelier.run.page import page_of
    from atelier.run.places import beforehand

    if out == "-":
        raise SettingError("the pictures are kept beside the sheet: give --out a file")
    sheet, page = _targets(out, html)
    with beforehand():
        if sheet is not None:
            check_target(sheet)
        if page is not None:
            check_place(page)
        if plot is not None:
            check_plot(plot)
    written = [(option, str(name)) for option, name in (("--out", sheet), ("--html", page), ("--plot", plot)) if name is not None]
    check_apart(written, [photo] if "://" not in photo else [])
    axes, styles = _axes(vary, style, blend, third, steps)
    if plot is not None and sum(axis.numbers is not None for axis in axes) != 1:
        raise SettingError("--plot draws against a number: vary just one thing that is a number")
    known = any(name not in options(DrawSettings) for name in settings)
    drawn = not styles and not known and _all_drawn(axes, engine)
    task = "draw" if drawn else "stylize"
    request = Request(
        task, photo, styles, recipe, settings, size, None, seed, "auto" if drawn else device, "auto" if drawn else engine, **places.told
    )
    folder = cells or Path(out).with_name(f"{Path(out).stem}-cells")
    most = limits(max_pixels, max_bytes, allow_private)
    with watching(quiet) as report:
        variants = paint(planned(request, axes, folder, limits=most, report=report), limits=most, report=report, explained=explained)
        stopped = any(variant.state in ("waiting", "stopped") for variant in variants)
        if not stopped and (judge or (judge is None and page is not None)):
            variants = _judged(variants, most, report)
    if any(variant.there or variant.error for variant in variants):
        if sheet is not None:
            write_still(sheet_of(variants, axes, side=side, limits=most), sheet)
        if page is not None:
            atomic_write(page_of(variants, axes, limits=most).encode(), page)
        if plot is not None and any(variant.state == "painted" for variant in variants):
            _plotted(variants, axes, plot, draw_against)
    _told(variants, [str(name) for name in (sheet, page, plot) if name is not None], folder, quiet)
    failed = [variant.exit_code for variant in variants if variant.state == "failed"]
    if stopped:
        raise typer.Exit(Cancelled.exit_code)
    if failed:
        raise typer.Exit(max(failed))


def _targets(out: str, html: bool) -> tuple[Path | None, Path | None]:
    """The sheet and the page."""
    if Path(out).suffix.lower() in PAGES:
        return None, Path(out)
    return Path(out), Path(out).with_suffix(".html") if html else None


def _axes(
    vary: list[str] | None, style: list[str] | None, blend: tuple[str, str] | None, third: str | None, steps: int
) -> tuple[list[Axis], tuple[Style, ...]]:
    """What is varied, and the styles that all have."""
    from atelier.run.explore import axis, shares

    if third is not None and blend is None:
        raise SettingError("--third is a third style to blend: give --blend two")
    if blend is not None and (style or any(text.split("=")[0].strip() == "style" for text in vary or ())):
        raise SettingError("--blend names its styles: leave --style out")
    axes = [axis(text, style_of) for text in vary or ()]
    if blend is None:
        if not axes:
            raise SettingError("say what to vary, as in --vary style_weight=1,10,100, or give --blend two styles")
        return axes, tuple(style_of(text) for text in style or ())
    mixed = [style_of(text) for text in (*blend, *([third] if third is not None else []))]
    return [*shares([each.source for each in mixed], steps), *axes], tuple(mixed)


def _all_drawn(axes: Sequence[Axis], engine: str) -> bool:
    """Whether this is about drawing, where no style is given."""
    names = [axis.name for axis in axes]
    if "style" in names or engine in ("instant", "optimize"):
        return False
    if "engine" in names:
        return all(axis.values == ("primitives",) for axis in axes if axis.name == "engine")
    own = [name for name in names if name in options(DrawSettings)]
    others = [name for name in names if name not in own and any(name in options(kind) for kind in ENGINES.values())]
    return engine == "primitives" or (bool(own) and not others)


def _judged(variants: Sequence[Variant], most: Limits, report: Report) -> tuple[Variant, ...]:
    """The variants with what the panel says of them: of those with one painting to be held against. Stopping it costs no picture."""
    from atelier.judging import Judge
    from atelier.progress import Progress
    from atelier.run import as_picture, open_style

    panels: dict[tuple[str, int], Judge] = {}
    found = list(variants)
    for i, variant in enumerate(variants):
        styles = [style for style in variant.request.styles if style.weight > 0]
        if not variant.there or len(styles) != 1 or variant.request.content is None:
            continue
        try:
            source, size = styles[0].source, min(512, variant.request.size or 512)
            if (source, size) not in panels:
                panels[source, size] = Judge(variant.request.content, as_picture(open_style(source, most)), size=size, limits=most)
            verdict = panels[source, size](variant.path)
            report(Progress("judging", i + 1, len(variants)))
        except Cancelled:
            break
        except AtelierError as error:  # too small to be judged, or a style without a picture
            report(Progress("judging", note=f"{variant.path.name} is not judged: {error}"))
            continue
        numbers = {words: value for name, words in JUDGED.items() if (value := getattr(verdict, name)) is not None}
        found[i] = dataclasses.replace(variant, judged=numbers)
    return tuple(found)


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
