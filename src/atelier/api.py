"""The Python face: pictures in, picture out. `atelier.stylize(photo, painting) -> Image`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from atelier import run
from atelier.image import Image
from atelier.media import open_still, write_still
from atelier.progress import Report, silent
from atelier.request import DrawSettings, Request, override

if TYPE_CHECKING:
    from atelier.engines.primitives.drawing import Drawing

Picture = Image | np.ndarray[Any, Any] | str | Path
"""An Image, an array (see Image.from_array), a path, or an http(s) URL."""


def load(source: str | Path) -> Image:
    """Open a picture. Raises SourceError or ImageError."""
    return open_still(source)


def save(image: Image | Drawing, target: str | Path, *, quality: int = 92, depth: int | None = None) -> None:
    """Write a picture or a drawing, whole or not at all; the suffix says the format. depth: 8 or 16 bits. Raises OutputError.

    A drawing can also be .svg, .pdf or .json; as a picture it has its photo's size (see `render` for others).
    """
    if isinstance(image, Image):
        write_still(image, target, quality=quality, depth=depth)
    else:
        run.write_drawing(image, target, outputs=run.Outputs(str(target), quality=quality, depth=depth))


def stylize(
    photo: Picture,
    style: Picture | Sequence[Picture | tuple[Picture, float]],
    *,
    recipe: str = "default",
    size: int | None = None,
    seed: int = 0,
    device: str = "auto",
    start: Picture = "",
    report: Report = silent,
    **settings: Any,
) -> Image:
    """Paint a photo in the manner of a painting, or of several with weights: `[(a, 0.7), (b, 0.3)]`.

    recipe: see `atelier recipes`. size: long side in px, the photo's own if None (up to 4096). start: a way to start
    (photo, recoloured, noise, grey) or a picture; the recipe's if empty. settings: any field of `atelier.request.Settings`.
    The result has the photo's alpha and the size asked for. Raises AtelierError; see atelier.errors.
    """
    pairs = list(style) if isinstance(style, (list, tuple)) else [style]
    return _paint("stylize", photo, pairs, recipe, size, seed, device, start, report, settings)


def texture(
    painting: Picture | Sequence[Picture | tuple[Picture, float]],
    *,
    width: int | None = None,
    height: int | None = None,
    recipe: str = "default",
    seed: int = 0,
    device: str = "auto",
    report: Report = silent,
    **settings: Any,
) -> Image:
    """Synthesise a painting's texture at any size (Gatys et al. 2015). width, height: px, the painting's own if None."""
    pairs = [_pair(p) for p in (painting if isinstance(painting, (list, tuple)) else [painting])]
    own = pairs[0][0].size
    size = run.blank(own[0] if width is None else width, own[1] if height is None else height)
    return _paint("texture", size, pairs, recipe, None, seed, device, "", report, settings)


def reconstruct(
    photo: Picture,
    layer: str = "conv4_2",
    *,
    features: str = "",
    size: int | None = None,
    seed: int = 0,
    device: str = "auto",
    report: Report = silent,
    **settings: Any,
) -> Image:
    """What a layer holds of a photo: from noise, the picture with the same features there (Mahendran & Vedaldi 2015)."""
    chosen = {"content_layers": layer, **({"features": features} if features else {}), **settings}
    return _paint("reconstruct", photo, [], "default", size, seed, device, "", report, chosen)


def draw(
    photo: Picture, *, seed: int = 0, palette: Picture = "", density: Picture = "", report: Report = silent, **settings: Any
) -> Drawing:
    """Draw a photo with geometric primitives: `draw("photo.jpg", shape="triangle,ellipse", count=200)`.

    palette: a painting whose colours are used, or "#rrggbb,#rrggbb". density: a picture, white where shapes matter most, or
    "saliency". settings: any other field of `atelier.request.DrawSettings`. The drawing is a value: `save` writes it as SVG,
    PDF, JSON or a picture, `render` paints it at any size. Raises AtelierError.
    """
    named = dict(settings)
    pictures: dict[str, Image | None] = {"palette": None, "density": None}
    for name, given in (("palette", palette), ("density", density)):
        if isinstance(given, str) and (given in ("", "saliency") or given.startswith("#")):
            named[name] = given
        else:
            pictures[name] = _image(given)
    start = run.open_drawing(named["start"]) if named.get("start") else None
    ready = override(DrawSettings(), named)
    painting = pictures["palette"] and pictures["palette"].flat()
    return run.draw(_image(photo), ready, seed, palette=painting, density=pictures["density"], drawing=start, report=report)


def render(drawing: Drawing, size: int | None = None) -> Image:
    """Paint a drawing anew, anti-aliased. size: long side in px, its photo's own if None. Raises SettingError."""
    return run.picture_of(drawing, run.picture_size(drawing.size, size))


def _paint(
    task: str,
    photo: Picture,
    styles: Sequence[Any],
    recipe: str,
    size: int | None,
    seed: int,
    device: str,
    start: Picture,
    report: Report,
    settings: dict[str, Any],
) -> Image:
    picture: Image | None = None
    if isinstance(start, str) and start in ("", *run.STARTS):
        settings = {**settings, "start": start} if start else settings
    else:
        picture, settings = _image(start), {**settings, "start": "given"}
    request = Request(task, None, recipe=recipe, settings=settings, size=size, seed=seed, device=device)
    content = run.at_size(_image(photo), size, report)
    return run.paint(request, content, [_pair(s) for s in styles], start=picture, report=report)


def _image(picture: Picture) -> Image:
    if isinstance(picture, Image):
        return picture
    return Image.from_array(picture) if isinstance(picture, np.ndarray) else open_still(picture)


def _pair(style: Any) -> tuple[Image, float]:
    picture, weight = style if isinstance(style, tuple) else (style, 1.0)
    return _image(picture).flat(), float(weight)
