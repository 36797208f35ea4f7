"""One picture: stylize, texture, reconstruct, draw, regions; load and save."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from atelier import run
from atelier.api.given import (
    Painting,
    Picture,
    name_picture,
    name_places,
    name_start,
    name_styles,
    nothing,
    values_for,
)
from atelier.api.keywords import with_keywords
from atelier.errors import SettingError
from atelier.image import Image, Limits
from atelier.image.regions import Regions
from atelier.media import write_still
from atelier.media.meshes import write_mesh
from atelier.progress import Report, silent
from atelier.request import Outputs, Recoloring, Request, is_a
from atelier.run import Session
from atelier.run.values import as_image, as_mask

if TYPE_CHECKING:
    from atelier.api.settings import DrawSettings, ReconstructSettings, StylizeSettings, TextureSettings
    from atelier.engines.primitives.drawing import Drawing


def load(source: str | Path, *, limits: Limits = Limits()) -> Image:
    """Open a picture. Raises SourceError or ImageError."""
    return as_image(source, limits)


def save(
    image: Image | Drawing | run.PaintedMesh, target: str | Path, *, quality: int = 92, depth: int | None = None, profile: str = "srgb"
) -> None:
    """Write a picture or a drawing, whole or not at all; the suffix says the format. depth: 8 or 16 bits. profile: "srgb", or "keep",
    the colour profile of the photo's file where that had one. Raises OutputError, SettingError.

    A painted mesh is written as .glb, .obj or .ply. A drawing can also be .svg, .pdf or .json; as a picture it has its photo's size (see
    `render` for others).
    """
    if isinstance(image, run.PaintedMesh):
        write_mesh(image.model, image.texture, target)
        return
    if isinstance(quality, bool) or not isinstance(quality, int):
        raise SettingError("quality", f"must be a whole number from 1 to 100, not {quality!r}")
    if not isinstance(target, (str, os.PathLike)):
        raise SettingError("target", f"a picture is saved to a path, not to {target!r}")
    if not isinstance(image, Image) and not hasattr(image, "marks"):
        raise SettingError("image", f"what is saved is an Image or a drawing, not {type(image).__name__}; see Image.from_array")
    if isinstance(image, Image):
        write_still(image, target, quality=quality, depth=depth, profile=profile)
    else:
        run.write_drawing(image, target, outputs=Outputs(str(target), quality=quality, depth=depth, profile=profile))


@with_keywords("stylize")
def stylize(
    photo: Picture,
    style: Painting | Sequence[Painting] | Mapping[str, Painting | Sequence[Painting]] = (),
    *,
    regions: Picture | Regions | None = None,
    masks: Picture | Sequence[Picture] = (),
    style_regions: Picture | Regions | Sequence[Picture | Regions | None] = (),
    feather: float | None = None,
    blend: Picture = "",
    keep_flat: bool = False,
    panorama: bool = False,
    what: str = "texture",
    texture_size: int = 1024,
    views: int = 12,
    light: float = 0.5,
    relief: float = 0.5,
    engine: str = "auto",
    recipe: str = "",
    effort: str = "",
    size: int | None = None,
    at_most: int | None = None,
    seed: int = 0,
    device: str = "auto",
    start: Picture | None = None,
    session: Session | None = None,
    limits: Limits = Limits(),
    report: Report = silent,
    **settings: Unpack[StylizeSettings],
) -> Image:
    """Paint a photo in the manner of a painting, or of several with weights: `[(a, 0.7), (b, 0.3)]`.

    style: pictures, or names of styles (see `atelier styles`); each by itself, with its weight, or with any of `weight`, `region`,
    `size` (of its strokes), `rotate` (degrees clockwise) and `strokes` (all, coarse, fine): `(a, {"size": 2, "rotate": 90})`, or an
    `atelier.request.Style`. With regions also a mapping: `{"sky": a, "sea": [(b, 0.7), (c, 0.3)]}`.
    regions: a colour-coded map of the photo, by path or as a picture; whole numbers (H, W), which are then the regions' names;
    `atelier.image.regions.Regions`; or "auto" (object and background), "auto:5", a plug-in's name. Regions without a style keep the
    photo bit for bit. masks: one for each style instead, white where it goes. style_regions: maps of the paintings, one for each
    style, whose regions go to those of the photo that are called the same. feather: width of the borders, px. blend: from the first
    style, where it is black, to the second, where it is white; a picture, or horizontal, vertical, diagonal, radial.
    photo may be a mesh, by path or as a Trimesh or Scene of trimesh's: the result is then a `PaintedMesh`, which `save` writes. what:
    its texture, shape or both are painted; texture_size: side of its texture, px; views: how many are painted at once, of `size` px;
    light: how much of a soft light is painted in; relief: how far its shape may move.
    keep_flat: leave a flat background, as behind products and logos, as it is. panorama: the photo is equirectangular, twice as wide
    as high: no seam, no pinch at the poles.
    engine: instant (trained networks), optimize, or auto: optimize, at a long side of at most 1024 px, where PyTorch is installed, unless
    an option is for the networks alone or a style is one of your own by name. recipe: see `atelier recipes`. effort: fast, good or best,
    instead of engine and recipe. size: long side in px, the photo's own if None (when optimising up to 4096); at_most: the same, but no
    photo is made larger. start: a way to start (photo, recoloured, noise, grey) or a picture; the recipe's if
    None. session: keeps models and engines for the next picture. limits: on what is opened, and how large it is painted.
    settings: any field of `atelier.request.InstantSettings` or `atelier.request.Settings`.
    The result has the photo's alpha and the size asked for, and, where all pictures were paths or URLs, the request in its text,
    for `atelier redo`. Raises AtelierError; see atelier.errors.
    """
    values = values_for(limits, report, session)
    alone = bool(settings.get("model")) and nothing(style)  # a network from elsewhere takes no style
    styles = () if alone else name_styles(values, style)
    where = name_places(values, regions, masks, style_regions, blend)
    request = Request(
        "stylize", name_picture(values, photo), styles, recipe, {**settings, **name_start(values, start)}, size, None, seed, device,
        engine, effort=effort, at_most=at_most, feather=feather, keep_flat=keep_flat, panorama=panorama, what=what,
        texture_size=texture_size, views=views, light=light, relief=relief, **where,
    )  # fmt: skip
    return _paint(run.preferred(request), values, session, report)


def regions(
    photo: Picture,
    how: Picture | Regions = "auto",
    *,
    box: tuple[int, int, int, int] | None = None,
    scribbles: Picture | None = None,
    seed: int = 0,
    limits: Limits = Limits(),
    report: Report = silent,
) -> Regions:
    """Part a photo into regions, which `stylize(regions=...)` takes: `regions(photo, "auto:5")`.

    how: "auto" (object and background), "auto:5", a plug-in's name, or a map, as for `stylize`. box, scribbles: where the object of
    "auto" is: (left, top, right, bottom) in px, right and bottom exclusive, and a picture that is white on it and black on the
    background, transparent or grey elsewhere. seed: of what is drawn by chance. What is returned has `names`, `colors`, `shares` and
    `labels` (H, W); `atelier.image.maps.write_map` makes a map of it. Raises AtelierError.
    """
    run.check_how(how, box is not None or scribbles is not None)
    if box is not None and not (isinstance(box, (tuple, list)) and len(box) == 4 and all(isinstance(each, int) for each in box)):
        raise SettingError("box", f"four whole numbers, left, top, right and bottom in px, as in (40, 30, 300, 280), not {box!r}")
    values = values_for(limits, report)
    named = values.name(how)
    opened: run.Map | str = named if named and run.is_word(named) else values.map(named, report)
    marks = None if scribbles is None else as_image(scribbles, limits)
    called = "the map" if named in values.values else f"the map {named}"
    return run.regions_of(as_image(photo, limits), opened, called, box=box, scribbles=marks, seed=seed, report=report)


@with_keywords("texture")
def texture(
    painting: Painting | Sequence[Painting],
    *,
    width: int | None = None,
    height: int | None = None,
    size: int | None = None,
    recipe: str = "",
    seed: int = 0,
    device: str = "auto",
    start: Picture | None = None,
    session: Session | None = None,
    limits: Limits = Limits(),
    report: Report = silent,
    **settings: Unpack[TextureSettings],
) -> Image:
    """Synthesise a painting's texture at any size (Gatys et al. 2015).

    width, height: px, of which one that is None is the painting's own. size: the long side instead, in the painting's proportions.
    The rest is as for `stylize`.
    """
    if size is not None and (width is not None or height is not None):
        raise SettingError("size", "give width and height, or size")
    values = values_for(limits, report, session)
    canvas = None if width is None and height is None else (width, height)
    given = {**settings, **name_start(values, start)}
    request = Request("texture", None, name_styles(values, painting), recipe, given, size, canvas, seed, device)
    return _paint(request, values, session, report)


@with_keywords("reconstruct")
def reconstruct(
    photo: Picture,
    layer: str = "conv4_2",
    *,
    features: str = "",
    recipe: str = "",
    size: int | None = None,
    seed: int = 0,
    device: str = "auto",
    start: Picture | None = None,
    session: Session | None = None,
    limits: Limits = Limits(),
    report: Report = silent,
    **settings: Unpack[ReconstructSettings],
) -> Image:
    """What a layer holds of a photo: from noise, the picture with the same features there (Mahendran & Vedaldi 2015).

    layer: one, or several with weights: "conv4_2,conv5_1=0.5". The rest is as for `stylize`.
    """
    if "content_layers" in settings:
        raise SettingError("content_layers", "layer says which layers are inverted; content_layers does not go with it")
    values = values_for(limits, report, session)
    chosen = {"content_layers": layer, **({"features": features} if features else {}), **settings, **name_start(values, start)}
    request = Request("reconstruct", name_picture(values, photo), (), recipe, chosen, size, None, seed, device)
    return _paint(request, values, session, report)


@with_keywords("draw")
def draw(
    photo: Picture,
    *,
    seed: int = 0,
    palette: Picture = "",
    density: Picture = "",
    session: Session | None = None,
    limits: Limits = Limits(),
    report: Report = silent,
    **settings: Unpack[DrawSettings],
) -> Drawing:
    """Draw a photo with geometric primitives: `draw("photo.jpg", shape="triangle,ellipse", count=200)`.

    palette: a painting whose colours are used, or "#rrggbb,#rrggbb". density: a picture, white where shapes matter most, or
    "saliency". start: a drawing to go on from, or the path of its JSON. settings: any other field of
    `atelier.request.DrawSettings`. The drawing is a value: `save` writes it as SVG, PDF, JSON or a picture, `render` paints it at
    any size. Raises AtelierError.
    """
    values = values_for(limits, report, session)
    named = {"palette": values.name(palette), "density": values.name(density), **name_start(values, settings.pop("start", None))}
    request = Request("draw", name_picture(values, photo), (), "", {**settings, **{k: v for k, v in named.items() if v}}, seed=seed)
    drawing: Drawing
    with run.open(request, values, session, report) as job:
        began = time.monotonic()
        (drawing,) = job.frames(report)  # type: ignore[assignment]
        return job.signed(drawing, time.monotonic() - began)


def recolor(
    picture: Picture,
    like: Painting,
    *,
    method: str = "transport",
    space: str = "",
    mask: Picture = "",
    like_mask: Picture = "",
    stretch: float = 3.0,
    seed: int = 0,
    limits: Limits = Limits(),
    report: Report = silent,
) -> Image:
    """Give a picture the colours of another: `recolor(painted, photo)`.

    like: a picture, or a style's name. method: transport, root, cholesky, histogram, sliced, palette, luminance or luminance-matched;
    `atelier recolor --list` says what each does. space: a colour space; empty is what suits the method. mask: white where colours
    change; elsewhere they stay bit for bit. like_mask: white where the colours are taken from. stretch: by how much differences of
    colour may grow at the most, at least 1. Raises AtelierError.
    """
    values = values_for(limits, report)
    named = name_picture(values, picture), name_picture(values, like)
    marks = values.name(as_mask(mask)), values.name(as_mask(like_mask))
    return run.recolored(*named, Recoloring(method, space, *marks, stretch, seed), values, report)


def render(drawing: Drawing, size: int | None = None) -> Image:
    """Paint a drawing anew, anti-aliased. size: long side in px, its photo's own if None. Raises SettingError."""
    if not hasattr(drawing, "marks"):
        raise SettingError("drawing", f"must be a drawing, as `draw` gives it, not {type(drawing).__name__}")
    if size is not None and not is_a(int, size):
        raise SettingError("size", "must be a whole number", repr(size))
    return run.picture_of(drawing, run.picture_size(drawing.size, size))


def _paint(request: Request, values: run.Values, session: Session | None, report: Report) -> Image:
    """The one frame of a request, with how it was made where all of it has a name."""
    with run.open(request, values, session, report) as job:
        began = time.monotonic()
        (painted,) = job.frames(report)
        if isinstance(painted, run.PaintedMesh):
            return painted  # type: ignore[return-value]  # as `stylize` says, of a mesh alone
        assert isinstance(painted, run.Frame)
        return job.picture(painted, time.monotonic() - began)
