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
    AtMost,
    Blend,
    CheckpointOption,
    Depth,
    Device,
    Effort,
    EngineOption,
    Every,
    Feather,
    Form,
    Html,
    KeepFlat,
    Light,
    Log,
    MaskOption,
    MaxBytes,
    MaxPixels,
    Out,
    OutOrFolder,
    Overwrite,
    Profile,
    Quality,
    Quiet,
    RecipeOption,
    RegionsOption,
    Relief,
    Seed,
    Size,
    StyleOption,
    StyleRegions,
    TextureSize,
    Turntable,
    Views,
    What,
    app,
    limits,
)
from atelier.cli.counting import Tally
from atelier.cli.filming import FilmFlags, Filming, expand_all, suffix_of
from atelier.cli.flags import with_settings
from atelier.cli.style_words import exists, parse_style
from atelier.cli.watching import ended, watching
from atelier.errors import SettingError
from atelier.request import InstantSettings, Request, Settings

if TYPE_CHECKING:
    from atelier.batch import Outcome
    from atelier.image import Limits
    from atelier.run import Made, Outputs, Session


@dataclass(frozen=True)
class Writing:
    """How a result is written, and pictures are read: the options that every command here has."""

    quality: Quality = 92
    depth: Depth = None
    profile: Profile = None
    format: Form = None
    overwrite: Overwrite = None
    max_pixels: MaxPixels = None
    max_bytes: MaxBytes = None
    allow_private: AllowPrivate = False
    quiet: Quiet = False

    def outputs(
        self, out: str, beside: Beside | None = None, filming: Filming | None = None, modelling: MeshFlags | None = None
    ) -> Outputs:
        from atelier.run import Outputs

        way = dataclasses.asdict(beside) if beside else {}
        way |= filming.written if filming else {}
        way |= modelling.written if modelling else {}
        how: dict[str, Any] = {"quality": self.quality, "depth": self.depth, "format": self.format, "profile": self.profile or "srgb"}
        return Outputs(out, **way, **how, overwrite=self.overwrite is not False)

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


@dataclass(frozen=True)
class MeshFlags:
    """What of a mesh is painted, and what is written beside it."""

    what: What = "texture"
    texture_size: TextureSize = 1024
    views: Views = 12
    light: Light = 0.5
    relief: Relief = 0.5
    turntable: Turntable = None
    html: Html = None

    @property
    def fields(self) -> dict[str, Any]:
        """As fields of a request."""
        return {name: getattr(self, name) for name in ("what", "texture_size", "views", "light", "relief")}

    @property
    def written(self) -> dict[str, Any]:
        """As fields of outputs."""
        return {"turntable": self.turntable, "html": self.html}


@dataclass(frozen=True)
class RegionFlags:
    """Which style goes to which part of a photo."""

    regions: RegionsOption = ""
    mask: MaskOption = None
    style_regions: StyleRegions = None
    feather: Feather = None
    keep_flat: KeepFlat = False

    @property
    def fields(self) -> dict[str, Any]:
        """As fields of a request."""
        masks, maps = tuple(self.mask or ()), tuple(self.style_regions or ())
        where = {"regions": self.regions, "masks": masks, "style_regions": maps}
        return {**where, "feather": self.feather, "keep_flat": self.keep_flat}


@dataclass(frozen=True)
class LayoutFlags(RegionFlags):
    """Which style goes where, and how one goes over into another."""

    blend: Blend = ""

    @property
    def fields(self) -> dict[str, Any]:
        return {**super().fields, "blend": self.blend}


FLAGS = (RegionFlags, LayoutFlags, Beside, FilmFlags, Filming, MeshFlags, Writing)
"""Options that several commands have together."""


def with_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of those of its parameters that are of a kind in FLAGS; they arrive as these."""
    own = inspect.signature(command, eval_str=True).parameters
    groups: dict[str, Any] = {name: p.annotation for name, p in own.items() if p.annotation in FLAGS}
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
    out: OutOrFolder,
    style: StyleOption = None,
    engine: EngineOption = "auto",
    effort: Effort = "",
    recipe: RecipeOption = "",
    size: Size = None,
    at_most: AtMost = None,
    seed: Seed = 0,
    device: Device = "auto",
    *,
    layout: LayoutFlags,
    beside: Beside,
    filming: Filming,
    modelling: MeshFlags,
    writing: Writing,
    settings: dict[str, Any],
) -> None:
    """Paint photos or films in the manner of one or more paintings."""
    from atelier.media import name_results
    from atelier.run import Session, check_apart, check_derived, names_read, settle

    if not out:
        raise SettingError("out", "`out` is empty: name a file, or a folder")
    photos = expand_all(photos, out)
    styles = tuple(parse_style(text) for text in style or ())
    into_folder = _is_folder(out) or out.endswith(("/", os.sep))
    if len(photos) > 1 and not into_folder:
        raise SettingError("out", f"{len(photos)} photos cannot go to one file: give `out` a folder, a name that ends in /")
    if len(photos) > 1 and (beside.log or beside.checkpoint or beside.animation):
        raise SettingError("log", "`log`, `checkpoint` and `animation` are of one photo: paint the photos one by one")
    if len(photos) > 1 and any(each.source == "-" for each in styles):
        raise SettingError("styles", "a painting from standard input is there for one photo only: give its file")
    if len(photos) > 1 and "-" in (layout.regions, layout.blend, *layout.fields["masks"], *layout.fields["style_regions"]):
        raise SettingError("regions", "a map from standard input is there for one photo only: give its file")
    requests = [
        Request(
            "stylize", photo, styles, recipe, settings, size, None, seed, device, engine, effort=effort, at_most=at_most, **layout.fields,
            **filming.fields, **modelling.fields,
        )
        for photo in photos
    ]  # fmt: skip
    targets = (
        [str(Path(out) / f"{name}{suffix_of(photo)}") for name, photo in zip(name_results(photos), photos, strict=True)]
        if into_folder
        else [out]
    )
    settle(requests[0])
    if into_folder:
        check_apart([("out", target) for target in targets], [name for request in requests for name in _files(names_read(request))])
        if writing.overwrite is None:
            check_derived(targets)
    _make_all(requests, targets, beside, writing, Session(), filming, modelling)


@app.command()
@with_settings
@with_options
def texture(
    painting: Annotated[str, typer.Argument(help="Painting: path, URL, or - for standard input")],
    out: Out,
    size: Size = None,
    width: Annotated[int | None, typer.Option("--width", help="Width in px (default: the painting's own)")] = None,
    height: Annotated[int | None, typer.Option("--height", help="Height in px (default: the painting's own)")] = None,
    recipe: RecipeOption = "",
    seed: Seed = 0,
    device: Device = "auto",
    *,
    beside: Beside,
    writing: Writing,
    settings: dict[str, Any],
) -> None:
    """Synthesise a painting's texture, at any size. The style half of the method, alone."""
    if size is not None and (width is not None or height is not None):
        raise SettingError("size", "give `width` and `height`, or `size`")
    canvas = None if width is None and height is None else (width, height)
    request = Request("texture", None, (parse_style(painting),), recipe, settings, size, canvas, seed, device)
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
    """Show what a layer of the network still knows of a photo. It is inverted from noise: the content half of the method, alone."""
    if "content_layers" in settings:
        raise SettingError("layer", "`layer` says which layers are inverted; `content_layers` does not go with it")
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
    """Repeat the run that made a picture.

    With the same pictures, recipe, settings and seed. Its photo and paintings are looked for where they were, and in the picture's
    own folder.
    """
    from atelier.run import Local, check_derived, embedded
    from atelier.run import redo as make

    request = embedded(picture)
    if show:
        typer.echo(request.to_json())
        return
    if out is None:
        if picture == "-" or "://" in picture:
            raise SettingError("out", "say where to with `out`")
        out = str(Path(picture).with_name(f"{Path(picture).stem}-redo{Path(picture).suffix or '.png'}"))
        if writing.overwrite is None:
            check_derived([out])
    maps = (request.regions, request.blend, *request.masks, *request.style_regions)
    piped = "-" in (request.content, *(style.source for style in request.styles), *maps, request.settings.get("start"))
    if piped and sys.stdin.isatty():
        raise SettingError(
            "content", f"{picture} was made from standard input: pipe the same picture in again, as in atelier redo {picture} < photo.jpg"
        )
    outputs = writing.outputs(out)
    with watching(writing.quiet) as report:
        made = make(picture, outputs, Local(writing.limits), report=report, reprofile=writing.profile is not None)
    _tell(made, out, None, writing.quiet)
    ended(made)


# Making and telling ---------------------------------------------------------------------------------------------------


def _make_all(
    requests: list[Request], targets: list[str], beside: Beside, writing: Writing, session: Session, filming: Filming, modelling: MeshFlags
) -> None:
    """Make one picture after the other. One that fails is said, and the rest made all the same; the exit code is the worst."""
    if len(requests) == 1:
        ended(_make(requests[0], targets[0], beside, writing, session, filming, modelling))
        return
    from atelier.batch import Here, Item, paint_all
    from atelier.run import Local

    items = [Item(request, writing.outputs(target, beside, filming, modelling)) for request, target in zip(requests, targets, strict=True)]
    tally = Tally(len(items))
    with watching(writing.quiet) as report:
        for outcome in paint_all(items, Here(Local(writing.limits), session), report=report):
            if outcome.error is None:
                _tell(outcome, outcome.item.output, beside.checkpoint, writing.quiet)
            tally.add(outcome)
    tally.end()


def _make(
    request: Request, out: str, beside: Beside, writing: Writing, session: Session | None = None, filming: Filming | None = None,
    modelling: MeshFlags | None = None,
) -> Made:  # fmt: skip
    """Make one picture and say so."""
    from atelier.run import Local, make, preferred

    outputs = writing.outputs(out, beside, filming, modelling)
    resolver = Local(writing.limits)
    with watching(writing.quiet) as report:
        made = make(preferred(request, outputs, resolver), outputs, resolver, session, report)
    _tell(made, out, beside.checkpoint, writing.quiet)
    return made


def _tell(made: Made | Outcome, out: str, checkpoint: str | None, quiet: bool) -> None:
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


def _is_folder(name: str) -> bool:
    return exists(name) and Path(name).is_dir()
