"""What there is, and how runs went: recipes and plot."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from atelier.cli.base import app


@app.command()
def recipes(as_json: Annotated[bool, typer.Option("--json", help="With all settings, as JSON")] = False) -> None:
    """List the recipes and what each is for."""
    import dataclasses

    from atelier.engines.optimize.recipes import RECIPES

    if as_json:
        typer.echo(json.dumps([dataclasses.asdict(r) for r in RECIPES.values()], indent=2))
        return
    for recipe in RECIPES.values():
        typer.echo(f"{recipe.name:9} {recipe.summary}\n{'':9} {recipe.source}")


@app.command()
def plot(
    logs: Annotated[list[Path], typer.Argument(help="Logs written by --log")],
    out: Annotated[Path, typer.Option("--out", "-o", help="File to write: .png, .svg or .pdf")],
) -> None:
    """Draw the loss curves of one or more runs."""
    from atelier.plot import draw
    from atelier.run import check_apart

    check_apart([("out", str(out))], [str(log) for log in logs])
    draw(logs, out)
    typer.echo(f"Drawn: {out}", err=True)
