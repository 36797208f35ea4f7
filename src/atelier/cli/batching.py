"""Many pictures: every photo in every style, from folders or a list."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from atelier.cli.base import AtMost, Device, Effort, EngineOption, RecipeOption, Seed, Size, app
from atelier.cli.counting import Tally
from atelier.cli.flags import with_settings
from atelier.cli.painting import LayoutFlags, Writing, with_options
from atelier.cli.style_words import exists, parse_style
from atelier.cli.watching import BATCH, watching
from atelier.errors import SettingError
from atelier.progress import Progress
from atelier.request import InstantSettings, Settings, Style

if TYPE_CHECKING:
    from atelier.batch import Item

LISTS = (".jsonl", ".ndjson", ".csv")
"""Suffixes of files that list what is to be made."""
EACH_STYLE = "Painting or style by name. Each makes a picture of its own; A=0.3+B=0.7 blends"


@app.command()
@partial(with_settings, kinds=(InstantSettings, Settings))
@with_options
def batch(
    photos: Annotated[list[str], typer.Argument(help="Folders (with all below them), paths, globs, URLs; or a list: .jsonl, .csv")],
    out: Annotated[str, typer.Option("--out", "-o", help="Folder for the results")],
    style: Annotated[list[str] | None, typer.Option("--style", "-s", help=EACH_STYLE)] = None,
    name: Annotated[str, typer.Option("--name", help="Names of files, of {stem}, {style}, {folder}, {number}", show_default=False)] = "",
    manifest: Annotated[str, typer.Option("--manifest", help="What came of each, JSON lines (default: manifest.jsonl in the folder)")] = "",
    again: Annotated[bool, typer.Option("--again", help="Paint also what is there already")] = False,
    workers: Annotated[int, typer.Option("--workers", min=0, max=4096, help="Processes, or actors of a cluster (0: one a core)")] = 1,
    cluster: Annotated[str, typer.Option("--cluster", help="Paint on Ray: its address, auto, or local for this machine")] = "",
    engine: EngineOption = "auto",
    effort: Effort = "",
    recipe: RecipeOption = "",
    size: Size = None,
    at_most: AtMost = None,
    seed: Seed = 0,
    device: Device = "auto",
    *,
    layout: LayoutFlags,
    writing: Writing,
    settings: dict[str, Any],
) -> None:
    """Paint many photos in many styles. What the same command has made already is skipped; what fails is noted, and the rest goes on."""
    from atelier.batch import Making, find_photos, plan, read_plan

    request = {
        "engine": engine,
        "effort": effort,
        "recipe": recipe,
        "size": size,
        "at_most": at_most,
        "seed": seed,
        "device": device,
        **layout.fields,
    }
    written = {"quality": writing.quality, "depth": writing.depth, "profile": writing.profile or "srgb"}
    making = Making(request, settings, written, f".{(writing.format or 'png').lower().lstrip('.')}")
    if len(photos) == 1 and Path(photos[0]).suffix.lower() in LISTS:
        if style:
            raise SettingError("style", f"the styles are in {photos[0]}: leave `style` out")
        items = read_plan(photos[0], out, making, parse_style)
    else:
        items = plan(find_photos(photos, out), [parse_mix(text) for text in style or ()], out, making, name)
    paint(items, manifest or str(Path(out) / "manifest.jsonl"), workers, again, writing, cluster)


def parse_mix(text: str) -> tuple[Style, ...]:
    """`A=0.3+B=0.7` to the styles of one picture; a path that exists is a path, whatever is in its name."""
    return tuple(parse_style(part) for part in ([text] if exists(text) else text.split("+")))


def paint(items: list[Item], manifest: str, workers: int, again: bool, writing: Writing, cluster: str = "") -> None:
    """Paint items, and say of each what came of it."""
    import os

    from atelier.batch import Crew, Manifest, Segmented, hire, paint_all

    tally, skipped = Tally(len(items)), 0
    crew: Crew
    if cluster:
        from atelier.cluster import Cluster

        crew = Cluster(cluster, 0 if workers == 1 else workers, writing.limits)
    else:
        crew = hire(workers or os.cpu_count() or 1, writing.limits)
    crew = Segmented(crew) if crew.workers > 1 else crew
    try:
        with Manifest(manifest) as kept, watching(writing.quiet) as report:
            for number, outcome in enumerate(paint_all(items, crew, kept, report, again=again), 1):
                report(Progress(BATCH, number, len(items)))
                skipped += outcome.state == "skipped"
                if outcome.state == "done" and not writing.quiet:
                    shown = f"{outcome.item.output}  {outcome.size[0]}x{outcome.size[1]}, {outcome.seconds:.1f} s"
                    report(Progress("painted", note=f"{number}/{len(items)}  {shown}"))
                tally.add(outcome)
    finally:
        crew.close()
    if not writing.quiet:
        done = len(items) - skipped - len(tally.failed)
        there = f", {skipped} were there already" if skipped else ""
        typer.echo(f"{done} of {len(items)} painted{there}: {manifest}", err=True)
    tally.end()
