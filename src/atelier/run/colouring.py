"""Whose colours a painted picture has, and one picture's colours on another as a step of its own."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, TypeVar

import numpy as np

from atelier.errors import SettingError
from atelier.image import Image, Limits, resize
from atelier.image.color_methods import METHODS
from atelier.image.recolor import recolor as recolor_pixels
from atelier.image.value import Pixels
from atelier.media import STANDARD, check_target, open_still
from atelier.progress import Progress, Report, silent
from atelier.request import InstantSettings, Settings
from atelier.run.places import Outputs, beforehand, check_outputs

S = TypeVar("S", Settings, InstantSettings)
KEPT = {"photo": "luminance-matched", "match": "transport"}
"""How the photo's colours come back, unless told."""


def check_colours(settings: S) -> S:
    """The settings, if colours can be had as they say. Raises SettingError."""
    if settings.color == "style" and (settings.color_method or settings.color_space):
        raise SettingError("--color-method and --color-space say how the photo's colours come back: give --color photo or match")
    few = np.linspace(0, 1, 12, dtype=np.float32).reshape(2, 2, 3)
    if settings.color != "style":
        recolor_pixels(few, few, method=settings.color_method or KEPT[settings.color], space=settings.color_space)
    return settings


def coloured(painted: Image, photo: Image, settings: Settings | InstantSettings) -> Image:
    """A painted picture with the colours that the settings ask for."""
    if settings.color == "style":
        return painted
    pixels = recolor_pixels(painted.pixels, photo.pixels, method=settings.color_method or KEPT[settings.color], space=settings.color_space)
    return painted.with_pixels(pixels)


def coloured_places(painted: Image, photo: Image, settings: Settings | InstantSettings, places: Pixels) -> Image:
    """A picture painted in places (R, H, W), with the colours that the settings ask for: each place with those of the photo there.

    Every place is recoloured by itself, so that what is painted in one changes nothing in another: its colours are counted where no
    other place is, but for one that is mostly mixed with others, as in a blend.
    """
    if settings.color == "style":
        return painted
    total = places.sum(0)
    pixels = painted.pixels.copy()
    for place in places:
        if not place.any():
            continue
        down, across = np.flatnonzero(place.any(1)), np.flatnonzero(place.any(0))
        box = slice(down[0], down[-1] + 1), slice(across[0], across[-1] + 1)
        share, own, theirs = place[box], painted.pixels[box], photo.pixels[box]
        counted = np.where(total[box] == share, share, np.float32(0))
        if counted.sum() < share.sum() / 2:
            counted = share
        method = settings.color_method or KEPT[settings.color]
        moved = recolor_pixels(own, theirs, method=method, space=settings.color_space, mask=share, source_mask=counted, counted=counted)
        pixels[box] += moved - own
    return painted.with_pixels(pixels)


def recolor(
    picture: str,
    source: str,
    outputs: Outputs,
    *,
    method: str = "transport",
    space: str = "",
    mask: str = "",
    source_mask: str = "",
    stretch: float = 3.0,
    seed: int = 0,
    limits: Limits = Limits(),
    report: Report = silent,
) -> Image:
    """The picture with the colours of the source, a picture or a style by name, opened, written.

    method, space, stretch, seed: as for `image.recolor`.
    mask: a picture of any size, white where colours change; source_mask: white where they are taken from. Raises AtelierError.
    """
    from atelier.run.opening import as_picture, open_style
    from atelier.run.outputs import write_result

    with beforehand():
        check_target(outputs.picture, format=outputs.format, quality=outputs.quality, depth=outputs.depth)
    named = [picture, source, *filter(None, (mask, source_mask))]
    check_outputs(outputs, named)
    if named.count(STANDARD) > 1:
        raise SettingError("only one picture can come from standard input")
    image, colours = open_still(picture, limits, report), as_picture(open_style(source, limits, report)).flat()
    if method in METHODS and METHODS[method].aligned and colours.size != image.size:
        report(Progress("opening", note=f"{source} is brought from {_size(colours)} to {_size(image)}: {method} needs one size"))
        colours = resize(colours, image.size)
    given: dict[str, Any] = {}
    for name, file, of in (("mask", mask, image), ("source_mask", source_mask, colours)):
        if file:
            marks = open_still(file, limits, report)
            if marks.size != of.size:
                report(Progress("opening", note=f"{file} is brought from {_size(marks)} to {_size(of)}"))
                marks = resize(marks, of.size)
            given[name] = marks.pixels.mean(2) if marks.alpha is None else marks.pixels.mean(2) * marks.alpha
    pixels = recolor_pixels(image.pixels, colours.pixels, method=method, space=space, stretch=stretch, seed=seed, **given)
    out = replace(image, pixels=pixels)
    write_result(out, outputs)
    return out


def _size(image: Image) -> str:
    return f"{image.size[0]}x{image.size[1]}"
