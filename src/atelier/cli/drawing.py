"""Drawing with geometric primitives: draw, and redraw what was drawn."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from atelier.cli.base import (
    AllowPrivate,
    Depth,
    Every,
    Form,
    Log,
    MaxBytes,
    MaxPixels,
    Overwrite,
    Quality,
    Quiet,
    Seed,
    Size,
    app,
    declared,
    limits,
)
from atelier.cli.filming import FilmFlags
from atelier.cli.flags import with_settings
from atelier.cli.painting import with_options
from atelier.cli.watching import ended, watching
from atelier.request import DrawSettings, Outputs, Request

Outs = Annotated[
    list[str],
    declared(Outputs, "picture", "-o", more="; of a drawing also .svg .pdf .json; repeat it for several"),
]
Film = Annotated[str | None, declared(Outputs, "animation", more=", .apng or .mp4")]


def draw(
    photo: Annotated[str, typer.Argument(help="Photo or film: path, URL, or - for standard input")],
    out: Outs,
    size: Size = None,
    seed: Seed = 0,
    every: Every = 0,
    animation: Film = None,
    log: Log = None,
    quality: Quality = 92,
    depth: Depth = None,
    format: Form = None,
    overwrite: Overwrite = None,
    max_pixels: MaxPixels = None,
    max_bytes: MaxBytes = None,
    allow_private: AllowPrivate = False,
    quiet: Quiet = False,
    *,
    filming: FilmFlags,
    settings: dict[str, Any],
) -> None:
    """Draw a photo or a film with geometric shapes. With triangles, ellipses, strokes and others; no network is needed."""
    from atelier.run import Local, make

    request = Request("draw", photo, settings=settings, size=size, seed=seed, **filming.fields)
    how = {"overwrite": overwrite is not False, **filming.written}
    outputs = Outputs(out[0], tuple(out[1:]), every, animation, log, None, quality, depth, format, **how)
    with watching(quiet) as report:
        made = make(request, outputs, Local(limits(max_pixels, max_bytes, allow_private)), report=report)
    if not quiet:
        word = "Drawn" if made.finished else "Stopped; kept the drawing so far"
        shown = ", ".join("standard output" if name == "-" else name for name in out)
        what = f"{made.iterations} shapes" if made.losses else f"{made.iterations} frames"
        score = f" (score {made.losses['score']:.4f})" if made.losses else ""
        typer.echo(f"{word}: {shown}  {what} in {made.seconds:.1f} s{score}", err=True)
    ended(made)


app.command()(with_settings(with_options(draw), (DrawSettings,)))


@app.command()
def redraw(
    drawing: Annotated[
        str, typer.Argument(help="JSON of a drawing, as `atelier draw --out shapes.json` writes it, or - for standard input")
    ],
    out: Outs,
    size: Size = None,
    animation: Film = None,
    quality: Quality = 92,
    depth: Depth = None,
    format: Form = None,
    overwrite: Overwrite = None,
    max_pixels: MaxPixels = None,
    quiet: Quiet = False,
) -> None:
    """Paint a drawing anew, at any size and in any format. From its shapes, which `atelier draw --out shapes.json` writes."""
    from atelier.run import redraw as make

    opened = limits(max_pixels, None, False)
    make(drawing, tuple(out), size, animation, quality=quality, depth=depth, format=format, overwrite=overwrite is not False, limits=opened)
    if not quiet:
        typer.echo(f"Drawn: {', '.join(out)}", err=True)
