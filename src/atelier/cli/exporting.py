"""Styles and networks as ONNX files, for programs that are not atelier: export."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from atelier.cli.base import Overwrite, Quiet, app
from atelier.errors import SettingError, TargetError


@app.command()
def export(
    styles: Annotated[
        list[str] | None,
        typer.Argument(help="Style: a name from `atelier styles`, or a file of one; STYLE=WEIGHT, several blend", show_default=False),
    ] = None,
    out: Annotated[str, typer.Option("--out", "-o", help="File to write: .onnx  [required]")] = "",
    size: Annotated[
        str | None, typer.Option("--size", help="Fix the picture's size, for browsers and phones: 512, or 512x384 (default: any size)")
    ] = None,
    half: Annotated[bool, typer.Option("--half", help="Compute in float16; the picture goes in and out in float32")] = False,
    half_ends: Annotated[bool, typer.Option("--half-ends", help="With --half: the picture in float16 too")] = False,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of the noise that strokes begin from, which is part of the model")] = 0,
    network: Annotated[str | None, typer.Option("--network", help="Write a network as it ships instead: painter, styles or reader")] = None,
    overwrite: Overwrite = None,
    quiet: Quiet = False,
) -> None:
    """Write a style as an ONNX model for other programs. It paints by itself: photo in, picture out."""
    from atelier.media.files import atomic_write, check_place
    from atelier.run.targets import beforehand

    if not out:
        raise SettingError("out", "say where to with `out` FILE.onnx")
    if Path(out).suffix.lower() != ".onnx":
        raise TargetError(f"{out} should end in .onnx: nothing else is written")
    if network and (styles or size or half or half_ends or seed):
        raise SettingError("network", f"`network` {network} is written as it is: give no style, `size`, `half` or `seed` with it")
    sides = _sides(size) if size else None
    weighted = [_weighted(text) for text in styles or ()]
    with beforehand():
        check_place(out, overwrite=overwrite is not False)
    from atelier.training.export.styles import shipped_network, style_model

    model = shipped_network(network) if network else style_model(weighted, size=sides, half=half, half_ends=half_ends, seed=seed)
    atomic_write(model, out, overwrite=overwrite is not False)
    if not quiet:
        typer.echo(f"Exported: {out}  {len(model) / 1e6:.2f} MB", err=True)


def _sides(text: str) -> tuple[int, int]:
    """`512` or `512x384` (width x height)."""
    parts = text.lower().replace("×", "x").split("x")
    if len(parts) > 2 or not all(part.isascii() and part.isdigit() and len(part) < 6 for part in parts):
        raise SettingError("size", "give one side for a square, or width and height as in 512x384", text)
    return int(parts[0]), int(parts[-1])


def _weighted(text: str) -> tuple[str, float]:
    """`name` or `name=0.3`; a path that exists is a path, whatever is in its name."""
    name, equals, weight = text.rpartition("=")
    if not equals or Path(text).exists():
        return text, 1.0
    try:
        return name, float(weight)
    except ValueError:
        raise SettingError("style", "the weight after = must be a number", text) from None
