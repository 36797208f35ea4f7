"""Painting by optimisation: stylize, texture, reconstruct, and redo."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from atelier.cli.base import (
    Animation,
    CheckpointOption,
    Depth,
    Device,
    Every,
    Form,
    Log,
    Out,
    Quality,
    Quiet,
    RecipeOption,
    Seed,
    Size,
    StyleOption,
    app,
    with_settings,
)
from atelier.cli.watching import watching
from atelier.errors import Cancelled, OutputError, SettingError
from atelier.request import Request, Style


@app.command()
@with_settings
def stylize(
    photos: Annotated[list[str], typer.Argument(help="Photos: paths, globs, folders, URLs, or - for standard input")],
    style: StyleOption,
    out: Out,
    recipe: RecipeOption = "default",
    size: Size = None,
    seed: Seed = 0,
    device: Device = "auto",
    every: Every = 0,
    animation: Animation = None,
    log: Log = None,
    checkpoint: CheckpointOption = None,
    quality: Quality = 92,
    depth: Depth = None,
    format: Form = None,
    quiet: Quiet = False,
    *,
    settings: dict[str, Any],
) -> None:
    """Paint photos in the manner of one or more paintings."""
    from atelier.media import expand

    sources = expand(photos)
    styles = tuple(_style(text) for text in style)
    into_folder = Path(out).is_dir() or out.endswith(("/", os.sep))
    if len(sources) > 1 and not into_folder:
        raise OutputError(f"{len(sources)} photos cannot go to one file: give --out a folder that exists")
    if len(sources) > 1 and (log or checkpoint or animation):
        raise SettingError("--log, --checkpoint and --animation are of one photo: paint the photos one by one")
    targets = [str(Path(out) / f"{_stem(source)}.png") if into_folder else out for source in sources]
    if len(set(targets)) < len(targets):
        raise OutputError("two of the photos have the same name: paint them into different folders")
    for source, target in zip(sources, targets, strict=True):
        request = Request("stylize", source, styles, recipe, settings, size, None, seed, device)
        if not _make(request, target, every, animation, log, checkpoint, quality, depth, format, quiet):
            break


@app.command()
@with_settings
def texture(
    painting: Annotated[str, typer.Argument(help="Painting: path, URL, or - for standard input")],
    out: Out,
    size: Annotated[int | None, typer.Option("--size", help="Long side in px (default: the painting's own)")] = None,
    width: Annotated[int | None, typer.Option("--width", help="Width in px, together with --height")] = None,
    height: Annotated[int | None, typer.Option("--height", help="Height in px, together with --width")] = None,
    recipe: RecipeOption = "default",
    seed: Seed = 0,
    device: Device = "auto",
    every: Every = 0,
    animation: Animation = None,
    log: Log = None,
    checkpoint: CheckpointOption = None,
    quality: Quality = 92,
    depth: Depth = None,
    format: Form = None,
    quiet: Quiet = False,
    *,
    settings: dict[str, Any],
) -> None:
    """Synthesise a painting's texture, at any size: the style half of the method, alone."""
    if (width is None) != (height is None) or (width is not None and size is not None):
        raise SettingError("give --width and --height together, or --size")
    canvas = (width, height) if width is not None and height is not None else None
    request = Request("texture", None, (_style(painting),), recipe, settings, size, canvas, seed, device)
    _make(request, out, every, animation, log, checkpoint, quality, depth, format, quiet)


@app.command()
@with_settings
def reconstruct(
    photo: Annotated[str, typer.Argument(help="Photo: path, URL, or - for standard input")],
    out: Out,
    layer: Annotated[str, typer.Option("--layer", help="Layer to invert, or several with weights: conv4_2, block4_conv2")] = "conv4_2",
    size: Size = None,
    seed: Seed = 0,
    device: Device = "auto",
    every: Every = 0,
    animation: Animation = None,
    log: Log = None,
    checkpoint: CheckpointOption = None,
    quality: Quality = 92,
    depth: Depth = None,
    format: Form = None,
    quiet: Quiet = False,
    *,
    settings: dict[str, Any],
) -> None:
    """Invert a layer from noise: what the network still knows of a photo there, the content half of the method, alone."""
    if "content_layers" in settings:
        raise SettingError("--layer says which layers are inverted; --content-layers does not go with it")
    request = Request("reconstruct", photo, (), "default", {**settings, "content_layers": layer}, size, None, seed, device)
    _make(request, out, every, animation, log, checkpoint, quality, depth, format, quiet)


@app.command()
def redo(
    picture: Annotated[str, typer.Argument(help="A picture that atelier made")],
    out: Annotated[str | None, typer.Option("--out", "-o", help="File to write; its suffix says the format")] = None,
    show: Annotated[bool, typer.Option("--show", help="Print the request that is embedded in the picture, and do nothing")] = False,
    quality: Quality = 92,
    depth: Depth = None,
    quiet: Quiet = False,
) -> None:
    """Repeat the run that made a picture: same pictures, recipe, settings and seed."""
    from atelier.run import embedded

    request = embedded(picture)
    if show:
        typer.echo(request.to_json())
        return
    if out is None:
        raise OutputError("say where to with --out, or look at the request with --show")
    _make(request, out, 0, None, None, None, quality, depth, None, quiet)


def _make(
    request: Request, out: str, every: int, animation: str | None, log: str | None, checkpoint: str | None, quality: int,
    depth: int | None, form: str | None, quiet: bool,
) -> bool:  # fmt: skip
    """Make one picture and say so. False where it was stopped."""
    from atelier.run import Outputs, make

    outputs = Outputs(out, (), every, animation, log, checkpoint, quality, depth, form)
    with watching(quiet) as report:
        made = make(request, outputs, report=report)
    width, height = made.image.size
    if not quiet:
        losses = ", ".join(f"{k} {v:.4g}" for k, v in made.losses.items() if k != "total")
        word = "Painted" if made.finished else "Stopped; kept the picture so far"
        shown = "standard output" if out == "-" else out
        typer.echo(f"{word}: {shown}  {width}x{height}, {made.iterations} iterations in {made.seconds:.1f} s ({losses})", err=True)
        if not made.finished and checkpoint:
            typer.echo(f"The same command goes on from {checkpoint}.", err=True)
    if not made.finished:
        raise typer.Exit(Cancelled.exit_code)
    return made.finished


def _style(text: str) -> Style:
    """`painting.jpg` or `painting.jpg=0.3`; a path that exists is a path, whatever is in its name."""
    source, equals, weight = text.rpartition("=")
    if not equals or Path(text).exists() or "://" in weight:
        return Style(text)
    try:
        return Style(source, float(weight))
    except ValueError:
        return Style(text)


def _stem(source: str) -> str:
    from urllib.parse import urlsplit

    return Path(urlsplit(source).path if "://" in source else source).stem.strip("-") or "picture"
