"""One picture's colours on another, as a step of its own."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from atelier.errors import SettingError
from atelier.image import Image, resize
from atelier.image.color_methods import METHODS
from atelier.image.recolor import recolor as recolor_pixels
from atelier.media import STANDARD, check_target
from atelier.progress import Progress, Report, silent
from atelier.request import Outputs, Recoloring
from atelier.run.resolver import LOCAL, Resolver, as_picture, shown
from atelier.run.signing import unsigned
from atelier.run.sinks import write_result
from atelier.run.targets import beforehand, check_outputs


def recolor(
    picture: str,
    like: str,
    outputs: Outputs,
    how: Recoloring = Recoloring(),
    resolver: Resolver = LOCAL,
    report: Report = silent,
) -> Image:
    """Write the picture with the colours of another, which is a picture or a style by name. Raises AtelierError."""
    with beforehand():
        check_target(outputs.picture, format=outputs.format, quality=outputs.quality, depth=outputs.depth, profile=outputs.profile)
    check_outputs(outputs, names_of(picture, like, how))
    image = recolored(picture, like, how, resolver, report)
    write_result(image, outputs)
    return image


def recolored(
    picture: str, like: str, how: Recoloring = Recoloring(), resolver: Resolver = LOCAL, report: Report = silent
) -> Image:  # fmt: skip
    """The picture with the colours of another. Masks may be of any size. Raises AtelierError."""
    if names_of(picture, like, how).count(STANDARD) > 1:
        raise SettingError("picture", "only one picture can come from standard input")
    image, colors = resolver.picture(picture, report), as_picture(resolver.style(like, report)).flat()
    if how.method in METHODS and METHODS[how.method].aligned and colors.size != image.size:
        note = f"{shown(like)} is brought from {_size(colors)} to {_size(image)}: {how.method} needs one size"
        report(Progress("opening", note=note))
        colors = resize(colors, image.size)
    masks: dict[str, Any] = {}
    for name, file, of in (("mask", how.mask, image), ("source_mask", how.like_mask, colors)):
        if file:
            masks[name] = _mask(file, of, resolver, report)
    pixels = recolor_pixels(
        image.pixels, colors.pixels, method=how.method, space=how.space, stretch=how.stretch, seed=how.seed, **masks
    )  # fmt: skip
    return replace(unsigned(image), pixels=pixels)


def names_of(picture: str, like: str, how: Recoloring) -> list[str]:
    """All that is read by name."""
    return [picture, like, *filter(None, (how.mask, how.like_mask))]


def _mask(name: str, of: Image, resolver: Resolver, report: Report) -> Any:
    """A mask (H, W) in the size of a picture."""
    marks = resolver.picture(name, report)
    if marks.size != of.size:
        report(Progress("opening", note=f"{shown(name)} is brought from {_size(marks)} to {_size(of)}"))
        marks = resize(marks, of.size)
    return marks.pixels.mean(2) if marks.alpha is None else marks.pixels.mean(2) * marks.alpha


def _size(image: Image) -> str:
    return f"{image.size[0]}x{image.size[1]}"
