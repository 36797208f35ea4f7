"""A photo's regions, to see and to correct by hand."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Annotated

import typer

from atelier.cli.base import AllowPrivate, MaxBytes, MaxPixels, Overwrite, Quiet, Seed, app, declared, limits
from atelier.cli.watching import watching
from atelier.errors import SettingError
from atelier.request import Parting


@app.command()
def regions(
    photo: Annotated[str, typer.Argument(help="Photo: path, URL, or - for standard input")],
    how: Annotated[str, declared(Parting, "regions")] = "auto",
    out: Annotated[
        str | None, typer.Option("--out", "-o", help="Map to write, .png or .tiff (default: NAME-regions.png beside the photo)")
    ] = None,
    box: Annotated[str, declared(Parting, "box", show_default=False)] = "",
    scribbles: Annotated[str, declared(Parting, "scribbles", show_default=False)] = "",
    as_json: Annotated[bool, typer.Option("--json", help="List the regions as JSON on standard output")] = False,
    seed: Seed = 0,
    overwrite: Overwrite = None,
    max_pixels: MaxPixels = None,
    max_bytes: MaxBytes = None,
    allow_private: AllowPrivate = False,
    quiet: Quiet = False,
) -> None:
    """Part a photo into regions.

    A map to correct by hand, a picture to look at (MAP-shown.png), and a list.
    """
    from atelier.run import Local, make_regions

    if out is None:
        if photo == "-" or "://" in photo:
            raise SettingError("out", "say where to with `out`")
        out = str(Path(photo).with_name(f"{Path(photo).stem}-regions.png"))
        overwrite = bool(overwrite)  # a map may have been corrected since
    if out == "-":
        raise SettingError("out", "a map is written beside the picture that shows it, so give it a name", "-")
    shown = str(Path(out).with_name(f"{Path(out).stem}-shown.png"))
    opened = limits(max_pixels, max_bytes, allow_private)
    with watching(quiet) as report:
        found = make_regions(
            photo,
            how,
            out,
            shown,
            box=box,
            scribbles=scribbles,
            overwrite=overwrite is not False,
            seed=seed,
            resolver=Local(opened),
            report=report,
        )
    rows = [(name, color, found.shares[name]) for name, color in found.legend.items()]
    if as_json:
        listed = [{"number": at, "name": n, "colour": c, "share": round(share, 5)} for at, (n, c, share) in enumerate(rows, 1)]
        typer.echo(json.dumps({"map": out, "shown": shown, "regions": listed}, ensure_ascii=False, indent=2))
        return
    for at, (name, color, share) in enumerate(rows, 1):
        typer.echo(f"{at:3} {name:14} {color} {100 * share:5.1f} %")
    if not quiet:
        typer.echo(f"Written: {out}, to correct by hand in its own colours, and {shown} to look at", err=True)
        words = ["atelier", "stylize", photo, "--regions", out, "--style", f"PAINTING@{rows[0][0]}", "-o", "painted.png"]
        typer.echo(f"Go on with: {shlex.join(words)}", err=True)
