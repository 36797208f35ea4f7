"""The Python face: pictures in, picture out. `atelier.stylize(photo, painting) -> Image`."""

from __future__ import annotations

import dataclasses
import hashlib
import math
import os
import shutil
import tempfile
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image as Pillow
from PIL import ImageOps

from atelier import run
from atelier.errors import ImageError, SettingError, SourceError, TargetError
from atelier.image import Image, Limits, encode, fit
from atelier.image.color_names import distinct_colors
from atelier.image.maps import write_map
from atelier.image.regions import BACKGROUND, MOST, Regions
from atelier.media import atomic_write, open_still, write_still
from atelier.progress import Report, silent
from atelier.request import DrawSettings, Request, Style, override
from atelier.run.again import PLACES
from atelier.run.regions import NEAR, VOID

if TYPE_CHECKING:
    from atelier.engines.primitives.drawing import Drawing
    from atelier.judging.difference import Comparison
    from atelier.run.explore import Exploration

Picture = Image | np.ndarray[Any, Any] | Pillow.Image | str | Path
"""An Image, an array (see Image.from_array), a picture of Pillow's, a path, or an http(s) URL."""
Painting = Picture | Style | tuple[Picture, float | Mapping[str, Any]]
"""A picture to learn from, perhaps with its weight, or with more of what a `Style` says."""


def load(source: str | Path, *, limits: Limits = Limits()) -> Image:
    """Open a picture. Raises SourceError or ImageError."""
    return _image(source, limits)


def save(image: Image | Drawing, target: str | Path, *, quality: int = 92, depth: int | None = None) -> None:
    """Write a picture or a drawing, whole or not at all; the suffix says the format. depth: 8 or 16 bits. Raises OutputError.

    A drawing can also be .svg, .pdf or .json; as a picture it has its photo's size (see `render` for others).
    """
    if isinstance(quality, bool) or not isinstance(quality, int):
        raise SettingError(f"quality must be a whole number from 1 to 100, not {quality!r}")
    if not isinstance(target, (str, os.PathLike)):
        raise SettingError(f"a picture is saved to a path, not to {target!r}")
    if not isinstance(image, Image) and not hasattr(image, "marks"):
        raise SettingError(f"what is saved is an Image or a drawing, not {type(image).__name__}; see Image.from_array")
    if isinstance(image, Image):
        write_still(image, target, quality=quality, depth=depth)
    else:
        run.write_drawing(image, target, outputs=run.Outputs(str(target), quality=quality, depth=depth))


def stylize(
    photo: Picture,
    style: Painting | Sequence[Painting] | Mapping[str, Painting | Sequence[Painting]] = (),
    *,
    regions: Picture | Regions | None = None,
    masks: Picture | Sequence[Picture] = (),
    style_regions: Picture | Regions | Sequence[Picture | Regions | None] = (),
    feather: float | None = None,
    blend: Picture = "",
    engine: str = "auto",
    recipe: str = "",
    size: int | None = None,
    seed: int = 0,
    device: str = "auto",
    start: Picture | None = None,
    limits: Limits = Limits(),
    report: Report = silent,
    **settings: Any,
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
    engine: instant (trained networks), optimize, or auto: instant
    unless a recipe, start or setting asks for the other. recipe: see `atelier recipes`. size: long side in px, the photo's own
    if None (when optimising up to 4096). start: a way to start (photo, recoloured, noise, grey) or a picture; the recipe's if
    None. limits: on what is opened, and how large it is painted.
    settings: any field of `atelier.request.InstantSettings` or `atelier.request.Settings`.
    The result has the photo's alpha and the size asked for, and, where all pictures were paths or URLs, the request in its text,
    for `atelier redo`. Raises AtelierError; see atelier.errors.
    """
    alone = bool(settings.get("model"))  # a network from elsewhere takes no style
    if alone and not (isinstance(style, tuple) and not style):
        raise SettingError("model paints by itself: give no style with it")
    given = [] if alone else _styles(style)
    each_mask = [masks] if not isinstance(masks, (list, tuple)) else list(masks)
    maps = [style_regions] if not isinstance(style_regions, (list, tuple)) else list(style_regions)
    request = Request(
        "stylize", None, tuple(named for _, named in given), recipe, settings, size, None, seed, device, engine,
        _named(regions), tuple(map(_named, each_mask)), tuple(map(_named, maps)), feather, _named(blend),
    )  # fmt: skip
    return _paint(request, photo, given, start, limits, report, places=_Places(regions, each_mask, maps, blend))


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
    background, transparent or grey elsewhere. seed: of what is drawn by chance. What is returned has `names`, `colours`, `shares` and
    `labels` (H, W); `atelier.image.regions.write_map` makes a map of it. Raises AtelierError.
    """
    run.check_how(how, box is not None or scribbles is not None)
    if box is not None and not (isinstance(box, (tuple, list)) and len(box) == 4 and all(isinstance(each, int) for each in box)):
        raise SettingError(f"box is four whole numbers, left, top, right and bottom in px, as in (40, 30, 300, 280), not {box!r}")
    opened: run.Map | str = _map(how, limits) if _is_map(how) else str(how)
    marks = None if scribbles is None else _image(scribbles, limits)
    called = "the map" if _named(how) == "given" else f"the map {how}"
    return run.regions_of(_image(photo, limits), opened, called, box=box, scribbles=marks, seed=seed, report=report)


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
    limits: Limits = Limits(),
    report: Report = silent,
    **settings: Any,
) -> Image:
    """Synthesise a painting's texture at any size (Gatys et al. 2015).

    width, height: px, of which one that is None is the painting's own. size: the long side instead, in the painting's proportions.
    The rest is as for `stylize`.
    """
    if size is not None and (width is not None or height is not None):
        raise SettingError("give width and height, or size")
    given = _styles(painting)
    request = Request("texture", None, tuple(named for _, named in given), recipe, settings, size, None, seed, device)
    return _paint(request, None, given, start, limits, report, (width, height))


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
    limits: Limits = Limits(),
    report: Report = silent,
    **settings: Any,
) -> Image:
    """What a layer holds of a photo: from noise, the picture with the same features there (Mahendran & Vedaldi 2015).

    layer: one, or several with weights: "conv4_2,conv5_1=0.5". The rest is as for `stylize`.
    """
    if "content_layers" in settings:
        raise SettingError("layer says which layers are inverted; content_layers does not go with it")
    chosen = {"content_layers": layer, **({"features": features} if features else {}), **settings}
    request = Request("reconstruct", None, (), recipe, chosen, size, None, seed, device)
    return _paint(request, photo, [], start, limits, report)


def draw(
    photo: Picture, *, seed: int = 0, palette: Picture = "", density: Picture = "", report: Report = silent, **settings: Any
) -> Drawing:
    """Draw a photo with geometric primitives: `draw("photo.jpg", shape="triangle,ellipse", count=200)`.

    palette: a painting whose colours are used, or "#rrggbb,#rrggbb". density: a picture, white where shapes matter most, or
    "saliency". start: a drawing to go on from, or the path of its JSON. settings: any other field of
    `atelier.request.DrawSettings`. The drawing is a value: `save` writes it as SVG, PDF, JSON or a picture, `render` paints it at
    any size. Raises AtelierError.
    """
    named, start = dict(settings), settings.get("start") or None
    if not isinstance(start, (str, Path, type(None))):
        named["start"] = ""
    pictures: dict[str, Image | None] = {"palette": None, "density": None}
    for name, given in (("palette", palette), ("density", density)):
        if isinstance(given, str) and (given in ("", "saliency") or given.startswith("#")):
            named[name] = given
        else:
            pictures[name] = _image(given)
    if isinstance(start, (str, Path)):
        named["start"], start = str(start), run.open_drawing(start)
    ready = override(DrawSettings(), named)
    painting = pictures["palette"] and pictures["palette"].flat()
    return run.draw(_image(photo), ready, seed, palette=painting, density=pictures["density"], drawing=start, report=report)


def render(drawing: Drawing, size: int | None = None) -> Image:
    """Paint a drawing anew, anti-aliased. size: long side in px, its photo's own if None. Raises SettingError."""
    return run.picture_of(drawing, run.picture_size(drawing.size, size))


def explore(
    photo: Picture,
    style: Painting | Sequence[Painting] | Mapping[str, Painting | Sequence[Painting]] = (),
    *,
    vary: Mapping[str, Sequence[Any]] | None = None,
    between: Sequence[Painting] = (),
    steps: int = 7,
    out: str | Path | Sequence[str | Path] = (),
    cells: str | Path | None = None,
    side: int = 256,
    judge: bool | None = None,
    regions: Picture | Regions | None = None,
    masks: Picture | Sequence[Picture] = (),
    style_regions: Picture | Regions | Sequence[Picture | Regions | None] = (),
    feather: float | None = None,
    blend: Picture = "",
    engine: str = "auto",
    recipe: str = "",
    size: int | None = None,
    seed: int = 0,
    device: str = "auto",
    limits: Limits = Limits(),
    report: Report = silent,
    **settings: Any,
) -> Exploration:
    """Paint a photo in every combination of what is varied: `explore(photo, painting, vary={"style_weight": [1, 10, 100]})`.

    vary: for each setting of an engine (`style_weight`, `color`, ...), or one of style, regions, mask, style_regions, feather, blend,
    engine, recipe, size, seed and device, its values, each as `stylize` takes it: of `style` a painting, or a list of those of one
    picture; of `mask` one, or a list with one for each style. None is none: no mask, no map, the feather that suits. Without a style,
    what only drawing has is drawn. between: two paintings, to paint the way from one to the other in so many `steps`, or three, to
    paint all mixtures of them.
    out: a sheet to write (a picture), a page (.html), or both. cells: folder of the pictures, each a file with its request in it, where
    those of an earlier call are found again; beside the first `out` unless told, and without one kept only as long as what is returned.
    Pictures that were not given by path are written there too, as PNG of 16 bits. side: of a picture on the sheet, px at the most.
    judge: whether style and content are judged; if None, for a page. size: long side of each picture, px; if None, 512 or a smaller
    photo's own. The rest is as for `stylize`, holds for all pictures, and is not varied besides.

    What is returned has a variant for each picture: `image`, `labels`, `losses`, `judged`, `seconds`, `command`, and `state`, which is
    "failed" with an `error` where one could not be painted: the others are painted all the same. `figures()` has the numbers as rows,
    `sheet()` and `page()` show it. A report that raises Cancelled ends the work, and what is painted is returned. Raises AtelierError
    before anything is painted for what makes no sense.
    """
    from atelier.run.explore import Sheets, blend_axes, build_axis
    from atelier.run.explore import explore as make

    targets = [Path(each) for each in ([out] if isinstance(out, (str, Path)) else out)]
    sheets = Sheets(tuple(targets), side=side)
    sheets.check(())  # before pictures are written into the folder
    kept = None if cells is not None or targets else tempfile.mkdtemp(prefix="atelier-")
    folder = Path(cells or kept or targets[0].with_name(f"{targets[0].stem}-cells"))
    try:
        filed = partial(_filed, folder=folder, limits=limits)
        if between and not (isinstance(style, tuple) and not style):
            raise SettingError("between names its styles: give no style with it")
        alone = bool(settings.get("model")) or (isinstance(style, tuple) and not style and not between)
        styles = () if alone else tuple(_filed_style(each, filed) for each in _styles(list(between) or style))
        axes = blend_axes([each.source for each in styles], steps) if between else []
        for name, values in (vary or {}).items():
            if isinstance(values, (str, Mapping)) or not isinstance(values, (Sequence, np.ndarray)):
                raise SettingError(f"vary: {name} is given a list of values, not {values!r}")
            axes.append(build_axis(name, [_varied(name, value, filed) for value in values]))
        if not axes:
            raise SettingError('say what to vary, as in vary={"style_weight": [1, 10, 100]}, or give between two paintings')
        common = {
            "content": filed(photo), "styles": styles, "recipe": recipe, "size": size, "seed": seed, "device": device, "engine": engine,
            "settings": {name: filed(value) if name in PLACES else value for name, value in settings.items()},
            "regions": filed(regions, mapped=True), "masks": _several(masks, lambda mask: filed(_marks(mask))),
            "style_regions": _several(style_regions, partial(filed, mapped=True)), "feather": feather, "blend": filed(blend),
        }  # fmt: skip
        explored = make(common, axes, folder, sheets, judged=judge, limits=limits, report=report)
    except BaseException:
        if kept is not None:
            shutil.rmtree(kept, ignore_errors=True)
        raise
    if kept is not None:
        weakref.finalize(explored, shutil.rmtree, kept, ignore_errors=True)
    return explored


def compare(
    pictures: Sequence[Picture] | Mapping[str, Picture],
    *,
    content: Picture | None = None,
    style: Picture | None = None,
    out: str | Path | None = None,
    side: int = 320,
    size: int = 512,
    features: str = "auto",
    seed: int = 0,
    limits: Limits = Limits(),
    report: Report = silent,
) -> Comparison:
    """How and where pictures differ from the first of them: `compare([a, b]).differences[0].colour`.

    pictures: two or more, or by name; those of another size are brought to that of the first. content, style: photo and painting that
    they are judged between, in `verdicts`, at a long side of `size` px by the network `features` (see `atelier.judging.Judge`). out: a
    sheet to write, which `sheet(side)` gives as an Image: all side by side, and under each where it differs, each `side` px at the most.
    Raises AtelierError.
    """
    from atelier.judging import Judge
    from atelier.judging.difference import compared
    from atelier.media import check_target
    from atelier.run.places import beforehand

    if (content is None) != (style is None):
        raise SettingError("content and style go together: pictures are judged between the two")
    given = list(pictures.values()) if isinstance(pictures, Mapping) else list(pictures)
    if out is not None:
        with beforehand():
            check_target(out)
        read = [path for each in (*given, content, style) if (path := _path(each)) and "://" not in path]
        run.check_apart([("out", str(out))], read)
    if isinstance(pictures, Mapping):
        labels = list(map(str, pictures))
    else:
        labels = [Path(path).stem if (path := _path(each)) else f"picture {at}" for at, each in enumerate(given, 1)]
        labels = [label if labels.count(label) == 1 else f"{label} {at}" for at, label in enumerate(labels, 1)]
    opened = [(label, _image(each, limits)) for label, each in zip(labels, given, strict=True)]
    judge = None
    if content is not None and style is not None:
        ends = _image(content, limits), _image(style, limits)
        judge = Judge(*ends, size=size, features=features, seed=seed, limits=limits, report=report)
    found = compared(opened, judge, report=report)
    if out is not None:
        write_still(found.sheet(side), out)
    return found


def _filed(given: Any, *, folder: Path, limits: Limits, mapped: bool = False) -> str:
    """The path or word given, or that of the picture in the folder, written unless it is there; "" for none. mapped: whether whole
    numbers are a map's."""
    if given is None or isinstance(given, (str, Path)):
        return _named(given)
    opened = _map(given, limits) if mapped else _image(given, limits)
    depth = 16 if isinstance(opened, Image) else 8
    picture = write_map(opened) if isinstance(opened, Regions) else Image(opened.pixels, alpha=opened.alpha)
    held = encode(picture, "png", depth=depth)
    path = folder / f"given-{hashlib.sha256(held).hexdigest()[:12]}.png"
    if not path.exists():
        try:
            folder.mkdir(exist_ok=True)
        except OSError as error:
            raise TargetError(f"{folder} cannot be made: {error.strerror or error}") from error
        atomic_write(held, path)
    return str(path)


def _several(given: Any, file: Callable[[Any], str]) -> tuple[str, ...]:
    return tuple(map(file, given if isinstance(given, (list, tuple)) else [given] if _named(given) else []))


def _filed_style(given: tuple[Any, Style], file: Callable[[Any], str]) -> Style:
    picture, style = given
    return style if _path(picture) else dataclasses.replace(style, source=file(picture))


def _varied(name: str, value: Any, file: Callable[..., str]) -> Any:
    """A value to vary, as a request has it."""
    match name.replace("-", "_"):
        case "style":
            return tuple(_filed_style(each, file) for each in _styles(value))
        case "mask":
            return _several(value, lambda mask: file(_marks(mask)))
        case "style_regions":
            return _several(value, partial(file, mapped=True))
        case "regions":
            return file(value, mapped=True)
        case "blend":
            return file(value)
        case setting if setting in PLACES:
            return file(value)
        case _:
            return value


@dataclasses.dataclass(frozen=True)
class _Places:
    """What says which style goes where, as it was given."""

    regions: Any = None
    masks: Sequence[Any] = ()
    style_regions: Sequence[Any] = ()
    blend: Any = ""

    @property
    def given(self) -> list[Any]:
        """All that are not left out and no words."""
        maps = [each for each in (self.regions, *self.style_regions) if _is_map(each)]
        return [*maps, *self.masks, *([self.blend] if _named(self.blend) not in ("", *run.GRADIENTS) else [])]

    def opened(self, limits: Limits) -> run.Where:
        masks = tuple((f"mask {at}", _image(_marks(mask), limits)) for at, mask in enumerate(self.masks, 1))
        maps = tuple(_map(each, limits) if _is_map(each) else each or None for each in self.style_regions)
        regions = _map(self.regions, limits) if _is_map(self.regions) else None
        return run.Where(regions, masks, maps, _image(self.blend, limits) if _named(self.blend) not in ("", *run.GRADIENTS) else None)


def _paint(
    request: Request,
    photo: Picture | None,
    given: Sequence[tuple[Any, Style]],
    start: Picture | None,
    limits: Limits,
    report: Report,
    canvas: tuple[int | None, int | None] = (None, None),
    places: _Places = _Places(),
) -> Image:
    """Open what was given, paint, and say in the result how it was made."""
    if not callable(report):
        raise SettingError(f"report must be a function of a Progress, not {report!r}")
    if not isinstance(limits, Limits):
        raise SettingError(f"limits must be atelier.image.Limits, not {limits!r}")
    begin: Image | None = None
    if isinstance(start, str) and start in run.STARTS:
        request = dataclasses.replace(request, settings={**request.settings, "start": start})
    elif start is not None and not (isinstance(start, str) and not start):
        begin = _image(start, limits)
        request = dataclasses.replace(request, settings={**request.settings, "start": _path(start) or "given"})
    run.settled(request)  # refused before anything is opened
    for how in (places.regions, *places.style_regions):
        run.check_how(how)
    request = dataclasses.replace(request, engine=request.chosen)
    instant = request.engine == "instant"
    opened = [_style(picture, limits) for picture, _ in given]
    if not instant:
        opened = [run.as_picture(picture) for picture in opened]
    whole = None
    if request.task == "texture":
        own = run.as_picture(run.rotated(opened[0], request.styles[0].rotate)).size
        if canvas != (None, None):
            sides = (own[0] if canvas[0] is None else canvas[0], own[1] if canvas[1] is None else canvas[1])
            request = dataclasses.replace(request, canvas=sides)
            content = run.blank(*sides, limits)
        else:
            content = run.blank(*(own if request.size is None else fit(own, max(1, request.size))), limits)
            content = run.at_size(content, request.size, report, limits)
    else:
        whole = _image(photo, limits)
        content = run.at_size(whole, request.size, report, limits, math.inf if instant else None)
    samples, guide = run.laid_out(request, content, opened, places.opened(limits), photo=whole, report=report)
    networks = [] if instant else run.seen_through(request)
    began = time.monotonic()
    if instant:
        image = run.paint_instant(request, content, samples, guide, report=report)
    else:
        image = run.paint(request, content, samples, guide, start=begin, report=report)
    # What the photo's file may say of itself is how the photo was made.
    image = dataclasses.replace(image, text={k: v for k, v in image.text.items() if k != "atelier"})
    read = [*(picture for picture, _ in given), *places.given, *([photo] if request.task != "texture" else [])]
    if not all(map(_path, read)) or (begin is not None and not _path(start)):
        return image
    request = dataclasses.replace(request, content=_path(photo) or None)
    inputs = run.made_from(content, samples, guide, begin)
    if not instant:
        inputs["networks"] = networks
    return run.signed(image, request, time.monotonic() - began, inputs)


def _image(picture: Any, limits: Limits = Limits()) -> Image:
    """Any kind of Picture, opened. Raises SourceError for what is none, and ImageError."""
    if isinstance(picture, Image):
        return picture
    if isinstance(picture, Pillow.Image):
        upright = ImageOps.exif_transpose(picture)
        plain = upright.mode in ("1", "L", "LA", "RGB", "RGBA", "I;16")
        clear = "transparency" in upright.info or "A" in upright.getbands()
        picture = np.asarray(upright if plain else upright.convert("RGBA" if clear else "RGB"))
    if isinstance(picture, np.ndarray):
        try:
            return Image.from_array(picture)
        except (TypeError, ValueError) as error:
            if isinstance(error, ImageError):
                raise
            raise ImageError(f"an array of {picture.dtype} is no picture: {error}") from error
    if not isinstance(picture, (str, Path)) or not str(picture):
        raise SourceError(f"a picture is an Image, an array, a path or a URL, not {picture!r}")
    return open_still(picture, limits)


def _style(picture: Any, limits: Limits = Limits()) -> run.Painting:
    """A painting, opened and laid over white; or a style by name."""
    return run.open_style(picture, limits) if isinstance(picture, str) and picture else _image(picture, limits).flat()


def _path(picture: Any) -> str:
    """Where a picture is, if that is what was given; standard input is nowhere the next time."""
    return str(picture) if isinstance(picture, (str, Path)) and str(picture) != "-" else ""


def _named(given: Any) -> str:
    """What a request calls a map or another picture: its path or word, or "given"; "" where there is none."""
    if given is None or (isinstance(given, str) and not given):
        return ""
    return str(given) if isinstance(given, (str, Path)) else "given"


def _is_map(given: Any) -> bool:
    """Whether it is a map and not a word that says how to make one, or nothing."""
    return bool(_named(given)) and not (isinstance(given, str) and run.is_word(given))


def _map(given: Any, limits: Limits) -> run.Map:
    """Regions, or the picture of them. Raises SettingError for whole numbers that are none."""
    if isinstance(given, Regions):
        return given
    if isinstance(given, np.ndarray) and given.ndim == 2 and given.size and given.dtype.kind in "ui":
        numbers = given[given != VOID]
        if numbers.size and 0 <= numbers.min() < numbers.max() < MOST and (numbers.size == given.size or _near(numbers)):
            values, labels = np.unique(given, return_inverse=True)
            if len(values) <= MOST:
                colours = distinct_colors(MOST + 1)  # a number has the same one in every map
                named = tuple(BACKGROUND if value == VOID else str(value) for value in values.tolist())
                own = tuple(colours[min(value, MOST)] for value in values.tolist())
                return Regions(labels.reshape(given.shape).astype(np.uint8), named, own)
        if given.dtype not in (np.uint8, np.uint16):  # which may be pictures
            raise SettingError(
                f"a map of whole numbers has two regions or more, with numbers from 0 to {MOST - 1} ({VOID} for no region): "
                f"this one has {given.min()} to {given.max()}"
            )
    return _image(given, limits)


def _near(numbers: np.ndarray[Any, Any]) -> bool:
    """Whether these are numbers beside VOID, and not levels of grey beside white."""
    return int(np.diff(np.unique(numbers).astype(int)).min()) <= NEAR


def _marks(mask: Any) -> Any:
    """A mask of whole numbers that are 0 and 1 as one of black and white; anything else as it is."""
    whole = isinstance(mask, np.ndarray) and mask.ndim == 2 and mask.size > 0 and mask.dtype.kind in "ui"
    return mask.astype(np.bool_) if whole and 0 <= mask.min() <= mask.max() <= 1 else mask


def _styles(given: Any) -> list[tuple[Any, Style]]:
    """One painting, several, or those of each region: each with how it is painted. Raises SettingError."""
    if isinstance(given, Mapping):
        found = []
        for region, styles in given.items():
            for picture, style in _styles(styles):
                if style.region:
                    raise SettingError(f"the style {style.source} of the region {region} names {style.region} itself: leave one out")
                found.append((picture, dataclasses.replace(style, region=str(region))))
        if not found:
            raise SettingError("give at least one painting")
        return found
    single = not isinstance(given, (list, tuple)) or (len(given) == 2 and (_is_number(given[1]) or isinstance(given[1], Mapping)))
    each = [given] if single else list(given)
    if not each:
        raise SettingError("give at least one painting")
    return [_styled(one) for one in each]


def _styled(given: Any) -> tuple[Any, Style]:
    if isinstance(given, Style):
        return given.source, given
    picture, how = given if isinstance(given, tuple) and len(given) == 2 else (given, 1.0)
    weighed = isinstance(how, Mapping) or (_is_number(how) and 0 <= how < math.inf)
    if not weighed or (isinstance(given, tuple) and len(given) != 2):
        raise SettingError(f"a painting's weight must be a finite number of at least 0, as in [(a, 0.7), (b, 0.3)], not {given[1:]!r}")
    told: dict[str, Any] = dict(how) if isinstance(how, Mapping) else {"weight": float(how)}
    if unknown := sorted(set(told) - {each.name for each in dataclasses.fields(Style)} | ({"source"} & set(told))):
        raise SettingError(f"a style has no {unknown[0]!r}: it has weight, region, size, rotate and strokes")
    return picture, Style(_path(picture) or "given", **told)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
