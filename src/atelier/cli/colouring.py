"""One picture's colours on another."""

from __future__ import annotations

from typing import Annotated

import typer

from atelier.cli.base import Out, Seed, app
from atelier.cli.painting import Writing, with_options
from atelier.cli.watching import watching
from atelier.errors import SettingError


def _listed(value: bool) -> None:
    if not value:
        return
    from atelier.image.color_methods import METHODS
    from atelier.image.spaces import SPACES

    typer.echo("methods:")
    for method in METHODS.values():
        typer.echo(f"  {method.name:18} {method.summary} ({method.source}; {method.space} unless told)")
    typer.echo("spaces:")
    for space in SPACES.values():
        typer.echo(f"  {space.name:18} {space.summary}")
    raise typer.Exit


@app.command()
@with_options
def recolor(
    picture: Annotated[str, typer.Argument(help="Picture to recolour: path, URL, or - for standard input")],
    like: Annotated[str, typer.Option("--like", "-l", help="Picture whose colours it gets, or a style by name")],
    out: Out,
    method: Annotated[str, typer.Option("--method", help="How: see --list")] = "transport",
    space: Annotated[str, typer.Option("--space", help="Colour space (default: what suits the method): see --list")] = "",
    mask: Annotated[str, typer.Option("--mask", help="Picture, white where colours change; elsewhere they stay bit for bit")] = "",
    like_mask: Annotated[str, typer.Option("--like-mask", help="Picture, white where the colours are taken from")] = "",
    stretch: Annotated[float, typer.Option("--stretch", help="By how much differences of colour may grow at the most, at least 1")] = 3.0,
    seed: Seed = 0,
    listed: Annotated[bool, typer.Option("--list", callback=_listed, is_eager=True, help="List the methods and spaces")] = False,
    *,
    writing: Writing,
) -> None:
    """Give a picture the colours of another. The photo's colours back onto a painting, say, or a painting's palette onto a photo."""
    from atelier.run import Local
    from atelier.run import recolor as make

    if not stretch >= 1:
        raise SettingError("stretch", "must be at least 1", stretch)
    with watching(writing.quiet) as report:
        image = make(
            picture, like, writing.outputs(out), method=method, space=space, mask=mask, source_mask=like_mask, stretch=stretch, seed=seed,
            resolver=Local(writing.limits), report=report,
        )  # fmt: skip
    if not writing.quiet:
        typer.echo(f"Recoloured: {'standard output' if out == '-' else out}  {image.size[0]}x{image.size[1]}", err=True)
