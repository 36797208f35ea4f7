"""What a request means and names: its settings in full, its pictures at the size to work at."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, Union

import numpy as np

from atelier.errors import ImageError, SettingError, SourceError
from atelier.image import Image, Limits, decode, fit, resize
from atelier.media import STANDARD, open_still
from atelier.progress import Progress, Report, silent
from atelier.request import ENGINES, TASKS, AnySettings, DrawSettings, InstantSettings, Request, S, Settings, options, override
from atelier.run.colouring import check_colours

if TYPE_CHECKING:
    from atelier.engines.network.catalogue import Entry

Painting: TypeAlias = Union[Image, "Entry"]
"""What a style is: a picture, or a style by name."""

LARGEST = 4096
"""Long side, px, that a photo is painted at unless a size is asked for: minutes, not hours, on two cores."""


def settled(request: Request) -> AnySettings:
    """The settings in full, of the type that the engine has. Raises SettingError."""
    match request.chosen:
        case "primitives":
            return settled_drawing(request)
        case "instant":
            return settled_instant(request)
        case _:
            return settled_painting(request)


def settled_instant(request: Request) -> InstantSettings:
    """The defaults with those given put in. Raises SettingError."""
    if request.recipe:
        raise SettingError(f"--recipe {request.recipe} is for --engine optimize")
    settings = check_colours(_override(InstantSettings(), request))
    if settings.seconds and settings.strength < 1:
        raise SettingError("--seconds is for the optimiser, which knows no --strength: give one of them")
    return settings


def _override(settings: S, request: Request) -> S:
    """As `override`; a setting that another engine of the task has is told from one that is nobody's."""
    for name in sorted(set(request.settings) - set(options(type(settings)))):
        for other in TASKS[request.task]:
            if name in options(ENGINES[other]):
                raise SettingError(f"--{name.replace('_', '-')} is for --engine {other}")
    return override(settings, request.settings)


def settled_drawing(request: Request) -> DrawSettings:
    """The defaults with those given put in. Raises SettingError."""
    return override(DrawSettings(), request.settings)


def settled_painting(request: Request) -> Settings:
    """The recipe's settings with those given put in, and what the task means by itself. Raises SettingError."""
    from atelier.engines.optimize.recipes import recipe

    base = recipe(request.recipe or "default").settled(request.settings)
    if request.task == "texture":
        base = dataclasses.replace(base, content_weight=0.0, start="noise", style_fit="own")
    elif request.task == "reconstruct":
        # One scale from noise, since the point is what one layer holds; a little smoothness picks among the many
        # pictures that a deep layer cannot tell apart (Mahendran & Vedaldi 2015).
        base = dataclasses.replace(
            base, style_weight=0.0, start="noise", warm_features="", coarse_iterations=0, iterations=200, tv_weight=0.02
        )
    return check_colours(_override(base, request))


def blank(width: int, height: int, limits: Limits = Limits()) -> Image:
    """A grey picture that only says how large a texture is to be. Raises ImageError over the limits."""
    if min(width, height) < 1 or width * height > limits.pixels:
        raise ImageError(f"a texture of {width}x{height} px: must be from 1x1 to {limits.pixels:,} pixels in all")
    return Image(np.full((height, width, 3), 0.5, np.float32))


def at_size(content: Image, size: int | None, report: Report = silent, limits: Limits = Limits(), largest: float | None = None) -> Image:
    """The picture with a long side of `size` px, or as it is where that is not over the largest there may be untold (LARGEST)."""
    if size is None:
        largest = LARGEST if largest is None else largest
        if max(content.size) <= largest:
            return content
        size = int(largest)
        report(Progress("opening", note=f"{content.size[0]}x{content.size[1]} is painted at {size} px; --size asks for more"))
    if size < 1:
        raise SettingError(f"--size {size}: must be at least 1")
    target = fit(content.size, size)
    if target[0] * target[1] > limits.pixels:
        raise ImageError(f"--size {size} would be {target[0]}x{target[1]} px, over the limit of {limits.pixels:,} pixels")
    return content if target == content.size else resize(content, target)


def open_style(source: str, limits: Limits = Limits(), report: Report = silent) -> Painting:
    """A style: a painting's file, URL or standard input; or a style by name, where there is no file of that name.

    Raises SourceError, which for what is neither file nor name says what names there are.
    """
    from atelier.engines.network.catalogue import SUFFIX, entry, every, is_file

    if source.endswith(SUFFIX) or not (source == STANDARD or "://" in source or is_file(source)):
        if found := entry(source):
            return found
        if not Path(source).suffix and "/" not in source and not (len(source) < 256 and Path(source).is_dir()):
            from difflib import get_close_matches

            names = [each.name for each in every()]
            close = get_close_matches(source, names, 1, 0.5)
            hint = f"did you mean {close[0]}?" if close else f"the names are {', '.join(names)}"
            raise SourceError(f"there is no file {source}, and no style of that name: {hint}")
    return open_still(source, limits, report).flat()


def as_picture(style: Painting) -> Image:
    """A painting to look at: of a style by name its swatch. Raises SettingError where it has none."""
    if isinstance(style, Image):
        return style
    if not style.swatch:
        raise SettingError(f"the style {style.name} has no picture in it: give the painting; by name it is for --engine instant")
    return decode(style.swatch)
