"""Painting by optimisation: stylize, texture, reconstruct, and redo."""

from __future__ import annotations

import dataclasses
import inspect
import os
import sys
import typing
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from atelier.cli.base import (
    AllowPrivate,
    Animation,
    CheckpointOption,
    Depth,
    Device,
    EngineOption,
    Every,
    Form,
    Log,
    MaxBytes,
    MaxPixels,
    Out,
    Overwrite,
    Quality,
    Quiet,
    RecipeOption,
    Seed,
    Size,
    StyleOption,
    app,
    explained,
    limits,
    say,
    with_settings,
)
from atelier.cli.watching import ended, watching
from atelier.errors import Cancelled, MissingExtra, OutputError, SettingError, WeightsError
from atelier.request import InstantSettings, Request, Settings, Style

if TYPE_CHECKING:
    from atelier.image import Limits
    from atelier.run import Made, Outputs


@dataclass(frozen=True)
class Writing:
    """How a result is written, and pictures are read: the options that every command here has."""

    quality: Quality = 92
    depth: Depth = None
    format: Form = None
    overwrite: Overwrite = None
    max_pixels: MaxPixels = None
    max_bytes: MaxBytes = None
    allow_private: AllowPrivate = False
    quiet: Quiet = False

    def outputs(self, out: str, beside: Beside | None = None) -> Outputs:
        from atelier.run import Outputs

        way = dataclasses.asdict(beside) if beside else {}
        return Outputs(out, **way, quality=self.quality, depth=self.depth, format=self.format, overwrite=self.overwrite is not False)

    @property
    def limits(self) -> Limits:
        return limits(self.max_pixels, self.max_bytes, self.allow_private)


@dataclass(frozen=True)
class Beside:
    """What a run can write beside its result."""

    every: Every = 0
    animation: Animation = None
    log: Log = None
    checkpoint: CheckpointOption = None


def with_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of those of its parameters that are Beside or Writing; they arrive as these."""
    groups: dict[str, type[Any]] = {"beside": Beside, "writing": Writing}
    own = inspect.signature(command, eval_str=True).parameters
    groups = {name: kind for name, kind in groups.items() if name in own}
    keyword = inspect.Parameter.KEYWORD_ONLY
    derived: list[inspect.Parameter] = []
    for kind in groups.values():
        hints = typing.get_type_hints(kind, include_extras=True)
        derived += [inspect.Parameter(f.name, keyword, default=f.default, annotation=hints[f.name]) for f in dataclasses.fields(kind)]

    def wrapped(**given: Any) -> None:
        for name, kind in groups.items():
            given[name] = kind(**{f.name: given.pop(f.name) for f in dataclasses.fields(kind)})
        command(**given)

    parameters = [p.replace(kind=keyword) for name, p in own.items() if name not in (*groups, "settings")] + derived
    parameters += [p for name, p in own.items() if name == "settings"]
    wrapped.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    wrapped.__annotations__ = {p.name: p.annotation for p in parameters}
    wrapped.__doc__, wrapped.__name__ = command.__doc__, command.__name__
    return wrapped


@app.command()
@partial(with_settings, kinds=(InstantSettings, Settings))
@with_options
def stylize(
    photos: Annotated[list[str], typer.Argument(help="Photos: paths, globs, folders, URLs, or - for standard input")],
    out: Out,
    style: StyleOption = None,
    engine: EngineOption = "auto",
    recipe: RecipeOption = "",
    size: Size = None,
    seed: Seed = 0,
    device: Device = "auto",
    *,
    beside: Beside,
    writing: Writing,
    settings: dict[str, Any],
) -> None:
    """Paint photos in the manner of one or more paintings."""
    from atelier.media import expand
    from atelier.run import check_apart, check_derived, settled, sources

    photos = expand(photos)
    styles = tuple(_style(text) for text in style or ())
    into_folder = Path(out).is_dir() or out.endswith(("/", os.sep))
    if len(photos) > 1 and not into_folder:
        raise SettingError(f"{len(photos)} photos cannot go to one file: give --out a folder that exists")
    if len(photos) > 1 and (beside.log or beside.checkpoint or beside.animation):
        raise SettingError("--log, --checkpoint and --animation are of one photo: paint the photos one by one")
    if len(photos) > 1 and any(each.source == "-" for each in styles):
        raise SettingError("a painting from standard input is there for one photo only: give its file")
    requests = [Request("stylize", photo, styles, recipe, settings, size, None, seed, device, engine) for photo in photos]
    targets = [str(Path(out) / f"{_stem(photo)}.png") if into_folder else out for photo in photos]
    settled(requests[0])
    if len(set(targets)) < len(targets):
        raise SettingError("two of the photos have the same name: paint them into different folders")
    if into_folder:
        check_apart([("--out", target) for target in targets], [name for request in requests for name in _files(sources(request))])
        if writing.overwrite is None:
            check_derived(targets)
    _make_all(requests, targets, beside, writing)


@app.command()
@with_settings
@with_options
def texture(
    painting: Annotated[str, typer.Argument(help="Painting: path, URL, or - for standard input")],
    out: Out,
    size: Annotated[int | None, typer.Option("--size", help="Long side in px (default: the painting's own, up to 4096)")] = None,
    width: Annotated[int | None, typer.Option("--width", help="Width in px, together with --height")] = None,
    height: Annotated[int | None, typer.Option("--height", help="Height in px, together with --width")] = None,
    recipe: RecipeOption = "",
    seed: Seed = 0,
    device: Device = "auto",
    *,
    beside: Beside,
    writing: Writing,
    settings: dict[str, Any],
) -> None:
    """Synthesise a painting's texture, at any size: the style half of the method, alone."""
    if (width is None) != (height is None) or (width is not None and size is not None):
        raise SettingError("give --width and --height together, or --size")
    canvas = (width, height) if width is not None and height is not None else None
    request = Request("texture", None, (_style(painting),), recipe, settings, size, canvas, seed, device)
    ended(_make(request, out, beside, writing))


@app.command()
@with_settings
@with_options
def reconstruct(
    photo: Annotated[str, typer.Argument(help="Photo: path, URL, or - for standard input")],
    out: Out,
    layer: Annotated[str, typer.Option("--layer", help="Layer to invert, or several with weights: conv4_2, block4_conv2")] = "conv4_2",
    recipe: RecipeOption = "",
    size: Size = None,
    seed: Seed = 0,
    device: Device = "auto",
    *,
    beside: Beside,
    writing: Writing,
    settings: dict[str, Any],
) -> None:
    """Invert a layer from noise: what the network still knows of a photo there, the content half of the method, alone."""
    if "content_layers" in settings:
        raise SettingError("--layer says which layers are inverted; --content-layers does not go with it")
    request = Request("reconstruct", photo, (), recipe, {**settings, "content_layers": layer}, size, None, seed, device)
    ended(_make(request, out, beside, writing))


@app.command()
@with_options
def redo(
    picture: Annotated[str, typer.Argument(help="A picture that atelier made")],
    out: Annotated[str | None, typer.Option("--out", "-o", help="File to write (default: NAME-redo beside the picture)")] = None,
    show: Annotated[bool, typer.Option("--show", help="Print the request that is embedded in the picture, and do nothing")] = False,
    *,
    writing: Writing,
) -> None:
    """Repeat the run that made a picture: same pictures, recipe, settings and seed.

    Its photo and paintings are looked for where they were, and in the picture's own folder.
    """
    from atelier.run import check_derived, embedded
    from atelier.run import redo as make

    request = embedded(picture)
    if show:
        typer.echo(request.to_json())
        return
    if out is None:
        if picture == "-" or "://" in picture:
            raise SettingError("say where to with --out")
        out = str(Path(picture).with_name(f"{Path(picture).stem}-redo{Path(picture).suffix or '.png'}"))
        if writing.overwrite is None:
            check_derived([out])
    piped = "-" in (request.content, *(style.source for style in request.styles), request.settings.get("start"))
    if piped and sys.stdin.isatty():
        raise SettingError(
            f"{picture} was made from standard input: pipe the same picture in again, as in atelier redo {picture} < photo.jpg"
        )
    outputs = writing.outputs(out)
    with watching(writing.quiet) as report:
        made = make(picture, outputs, limits=writing.limits, report=report)
    _told(made, out, None, writing.quiet)
    ended(made)


# Making and telling ---------------------------------------------------------------------------------------------------


def _make_all(requests: list[Request], targets: list[str], beside: Beside, writing: Writing) -> None:
    """Make one picture after the other. One that fails is said, and the rest made all the same; the exit code is the worst."""
    if len(requests) == 1:
        ended(_make(requests[0], targets[0], beside, writing))
        return
    failed, worst, before = 0, 0, ""
    for request, target in zip(requests, targets, strict=True):
        try:
            ended(_make(request, target, beside, writing))
        except typer.Exit as end:
            if end.exit_code == Cancelled.exit_code:
                raise
            worst = max(worst, end.exit_code)
        except Exception as error:
            told = explained(error)
            # Weights that are not there or a disk that is full: the next photo would fare no better.
            if told is None or isinstance(error, (WeightsError, MissingExtra, Cancelled)) or type(error) is OutputError:
                raise
            failed, worst = failed + 1, max(worst, told[1])
            if told[0] != before:  # what ails all photos alike is said once
                say(told[0] if str(request.content) in told[0] else f"{request.content}: {told[0]}")
            before = told[0]
    if failed:
        say(f"{failed} of {len(requests)} photos were not painted")
    if worst:
        raise typer.Exit(worst)


def _make(request: Request, out: str, beside: Beside, writing: Writing) -> Made:
    """Make one picture and say so."""
    from atelier.run import make

    outputs = writing.outputs(out, beside)
    with watching(writing.quiet) as report:
        made = make(request, outputs, limits=writing.limits, report=report)
    _told(made, out, beside.checkpoint, writing.quiet)
    return made


def _told(made: Made, out: str, checkpoint: str | None, quiet: bool) -> None:
    if quiet:
        return
    width, height = made.size
    losses = ", ".join(f"{k} {v:.4g}" for k, v in made.losses.items() if k != "total")
    how = f"{made.iterations} iterations in {made.seconds:.1f} s ({losses})" if losses else f"{made.seconds:.1f} s"
    word = "Painted" if made.finished else "Stopped; kept the picture so far"
    shown = "standard output" if out == "-" else out
    typer.echo(f"{word}: {shown}  {width}x{height}, {how}", err=True)
    if not made.finished and checkpoint and Path(checkpoint).exists():
        typer.echo(f"The same command goes on from {checkpoint}.", err=True)


def _files(sources: list[str]) -> list[str]:
    return [name for name in sources if name != "-" and "://" not in name]


def _style(text: str) -> Style:
    """`painting.jpg` or `painting.jpg=0.3`; a path that exists is a path, whatever is in its name."""
    source, equals, weight = text.rpartition("=")
    if not equals or Path(text).exists() or "://" in weight:
        return Style(text)
    try:
        share = float(weight)
    except ValueError:
        return Style(text)
    return Style(source, share)


def _stem(source: str) -> str:
    from urllib.parse import urlsplit

    return Path(urlsplit(source).path if "://" in source else source).stem.strip("-") or "picture"
