"""One picture's colours on another."""

from __future__ import annotations

from typing import Annotated

import typer

from atelier.cli.base import Out, app, declared
from atelier.cli.painting import Writing, with_options
from atelier.cli.watching import watching
from atelier.request import Recoloring


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
    method: Annotated[str, declared(Recoloring, "method")] = "transport",
    space: Annotated[str, declared(Recoloring, "space")] = "",
    mask: Annotated[str, declared(Recoloring, "mask")] = "",
    like_mask: Annotated[str, declared(Recoloring, "like_mask")] = "",
    stretch: Annotated[float, declared(Recoloring, "stretch", more=", at least 1")] = 3.0,
    seed: Annotated[int, declared(Recoloring, "seed")] = 0,
    listed: Annotated[bool, typer.Option("--list", callback=_listed, is_eager=True, help="List the methods and spaces")] = False,
    *,
    writing: Writing,
) -> None:
    """Give a picture the colours of another. The photo's colours back onto a painting, say, or a painting's palette onto a photo."""
    from atelier.run import Local
    from atelier.run import recolor as make

    how = Recoloring(method, space, mask, like_mask, stretch, seed)
    with watching(writing.quiet) as report:
        image = make(picture, like, writing.outputs(out), how, Local(writing.limits), report)
    if not writing.quiet:
        typer.echo(f"Recoloured: {'standard output' if out == '-' else out}  {image.size[0]}x{image.size[1]}", err=True)
