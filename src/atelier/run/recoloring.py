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
from atelier.request import Outputs
from atelier.run.resolver import LOCAL, Resolver, as_picture
from atelier.run.sinks import write_result
from atelier.run.targets import beforehand, check_outputs


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
    resolver: Resolver = LOCAL,
    report: Report = silent,
) -> Image:
    """The picture with the colours of the source, a picture or a style by name, opened, written.

    method, space, stretch, seed: as for `image.recolor`.
    mask: a picture of any size, white where colours change; source_mask: white where they are taken from. Raises AtelierError.
    """
    with beforehand():
        check_target(outputs.picture, format=outputs.format, quality=outputs.quality, depth=outputs.depth, profile=outputs.profile)
    named = [picture, source, *filter(None, (mask, source_mask))]
    check_outputs(outputs, named)
    if named.count(STANDARD) > 1:
        raise SettingError("picture", "only one picture can come from standard input")
    image, colors = resolver.picture(picture, report), as_picture(resolver.style(source, report)).flat()
    if method in METHODS and METHODS[method].aligned and colors.size != image.size:
        report(Progress("opening", note=f"{source} is brought from {_size(colors)} to {_size(image)}: {method} needs one size"))
        colors = resize(colors, image.size)
    given: dict[str, Any] = {}
    for name, file, of in (("mask", mask, image), ("source_mask", source_mask, colors)):
        if file:
            marks = resolver.picture(file, report)
            if marks.size != of.size:
                report(Progress("opening", note=f"{file} is brought from {_size(marks)} to {_size(of)}"))
                marks = resize(marks, of.size)
            given[name] = marks.pixels.mean(2) if marks.alpha is None else marks.pixels.mean(2) * marks.alpha
    pixels = recolor_pixels(image.pixels, colors.pixels, method=method, space=space, stretch=stretch, seed=seed, **given)
    out = replace(image, pixels=pixels)
    write_result(out, outputs)
    return out


def _size(image: Image) -> str:
    return f"{image.size[0]}x{image.size[1]}"
