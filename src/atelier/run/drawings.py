"""Drawings as files: JSON, SVG, PDF, pictures, and films of how they grow."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import math
import secrets
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from atelier.errors import OutputError, SettingError
from atelier.image import Image, Limits, fit
from atelier.image.encode import OUR_KEY
from atelier.media import (
    ANIMATIONS,
    STANDARD,
    VIDEOS,
    atomic_write,
    check_animation,
    check_place,
    check_target,
    check_video,
    to_standard_output,
    write_animation,
    write_still,
    write_video,
)
from atelier.request import VECTORS, Outputs
from atelier.run.resolver import open_drawing
from atelier.run.sizes import check_size
from atelier.run.targets import beforehand, check_outputs

if TYPE_CHECKING:
    from atelier.engines.primitives.drawing import Drawing

LARGEST = 4096
"""Long side, px, that a drawing is painted at unless a size is asked for."""
FRAMES, FRAMES_A_SECOND, FILM_SIDE = 90, 25, 640


def redraw(
    source: str,
    targets: Sequence[str],
    size: int | None = None,
    animation: str | None = None,
    *,
    quality: int = 92,
    depth: int | None = None,
    format: str | None = None,
    overwrite: bool = True,
    limits: Limits = Limits(),
) -> Drawing:
    """Write a drawing, out of its JSON, to files of any size and format. Raises SettingError, SourceError, OutputError."""
    outputs = Outputs(targets[0], tuple(targets[1:]), animation=animation, quality=quality, depth=depth, format=format, overwrite=overwrite)
    with beforehand():
        for target in targets:
            check_drawing(target, outputs)
        if animation:
            check_film(animation)
    check_outputs(outputs, [source])
    check_size(size)
    drawing = open_drawing(source)
    pixels = any(not kind(target, format) for target in targets)
    write_all(drawing, outputs, picture_size(drawing.size, size, limits) if pixels else None, kept=source != STANDARD)
    if animation:
        write_film(drawing, animation)
    return drawing


def picture_size(own: tuple[int, int], size: int | None, limits: Limits = Limits()) -> tuple[int, int]:
    """The size a drawing is painted at: its own up to LARGEST, or a long side of `size` px. Raises SettingError over the limits."""
    check_size(size)
    wanted = fit(own, size or min(max(own), LARGEST))
    if wanted[0] * wanted[1] > limits.pixels:
        what = f"`size` {size} would be {wanted[0]}x{wanted[1]} px"
        raise SettingError("size", f"{what}, over the limit of {limits.pixels:,} pixels: `max_pixels` raises it")
    return wanted


def picture_of(drawing: Drawing, size: tuple[int, int], photo: Image | None = None) -> Image:
    """The drawing in pixels, with what the photo's file said of itself and what made it."""
    from atelier.engines.primitives.render import render

    image = render(drawing, size)
    text = {**(photo.text if photo else {})}
    if request := drawing.about.get("request"):
        text[OUR_KEY] = json.dumps(request, ensure_ascii=False)
    return dataclasses.replace(image, text=text, profile=photo.profile if photo else None)


def kind(target: str | Path, format: str | None = None) -> str:
    """.svg, .pdf or .json where the target's suffix says so, or for standard output the format; "" for a picture."""
    suffix = f".{format.lower().lstrip('.')}" if str(target) == STANDARD and format else Path(target).suffix.lower()
    return suffix if suffix in VECTORS else ""


def check_drawing(target: str, outputs: Outputs) -> None:
    """Raise now what `write_drawing` would raise later."""
    if not (what := kind(target, outputs.format)):
        # where another target is a vector to standard output, the format is not meant for this one
        form = None if kind(STANDARD, outputs.format) else outputs.format
        check_target(
            target, format=form, quality=outputs.quality, depth=outputs.depth, profile=outputs.profile, overwrite=outputs.overwrite
        )
        return
    if what == ".pdf":
        from atelier.engines.primitives.vector import check_pdf

        check_pdf()
    if target != STANDARD:
        check_place(target, overwrite=outputs.overwrite)


def write_all(drawing: Drawing, outputs: Outputs, size: tuple[int, int] | None, photo: Image | None = None, kept: bool = False) -> Image:
    """Write a drawing to all its targets, pictures last, and return the picture. What fails does not keep the others from being
    written; if no target has the shapes then, they go to the folder of temporary files, unless they are kept elsewhere. size: of
    pictures, if there are any.

    Raises OutputError, which says what was not written and where the shapes are.
    """
    targets = sorted((outputs.picture, *outputs.also), key=lambda target: not kind(target, outputs.format))
    failed: list[OutputError] = []
    image: Image | None = None
    for target in targets:
        what = kind(target, outputs.format)
        try:
            if not what and image is None and size:
                image = picture_of(drawing, size, photo)
            write_drawing(drawing, target, image, outputs)
            kept |= what == ".json"
        except OutputError as error:
            failed.append(error)
    if failed:
        message = "; ".join(str(error) for error in failed)
        if not kept:
            refuge = Path(tempfile.gettempdir()) / f"atelier-{secrets.token_hex(4)}.json"
            with contextlib.suppress(OutputError):
                atomic_write(drawing.to_json().encode(), refuge, overwrite=False)
                message += f"; the shapes are kept as {refuge}"
        raise OutputError(message) from failed[0]
    return image or picture_of(drawing, fit(drawing.size, min(FILM_SIDE, max(drawing.size))), photo)


def write_drawing(drawing: Drawing, target: str | Path, image: Image | None = None, outputs: Outputs | None = None) -> None:
    """Write a drawing by the target's suffix: .svg, .pdf, .json, or a picture. Whole or not at all. Raises OutputError."""
    from atelier.engines.primitives.vector import to_pdf, to_svg

    outputs = outputs or Outputs(str(target))
    makers: dict[str, Callable[[], bytes]] = {
        ".svg": lambda: to_svg(drawing).encode(), ".pdf": lambda: to_pdf(drawing), ".json": lambda: drawing.to_json().encode(),
    }  # fmt: skip
    if (what := kind(target, outputs.format)) and str(target) == STANDARD:
        to_standard_output(makers[what]())
    elif what:
        atomic_write(makers[what](), target, overwrite=outputs.overwrite)
    else:
        image = image or picture_of(drawing, picture_size(drawing.size, None))
        form = None if kind(STANDARD, outputs.format) else outputs.format
        write_still(
            image, target, quality=outputs.quality, depth=outputs.depth, profile=outputs.profile, format=form, overwrite=outputs.overwrite
        )


def check_film(target: str) -> None:
    """Raise now what `write_film` would raise later."""
    suffix = Path(target).suffix.lower()
    if suffix not in (*ANIMATIONS, *VIDEOS):
        raise OutputError(f"{target}: a drawing's growth is written as {', '.join((*ANIMATIONS, *VIDEOS))}; choose one of these suffixes")
    if suffix in VIDEOS:
        check_video(target)
    else:
        check_animation(target)


def write_film(drawing: Drawing, target: str, side: int = FILM_SIDE) -> None:
    """The drawing growing, shape by shape, as an animation or a video by suffix; the last picture stays for a second."""
    from atelier.engines.primitives.render import frames

    shown = frames(drawing, fit(drawing.size, min(side, max(drawing.size))), FRAMES)
    if Path(target).suffix.lower() in VIDEOS:
        pictures = list(shown)
        write_video([*pictures, *[pictures[-1]] * FRAMES_A_SECOND], target, FRAMES_A_SECOND)
    else:
        pictures = list(shown)
        still = math.ceil(len(pictures) / 4)
        write_animation([*pictures, *[pictures[-1]] * still], target, seconds=(len(pictures) + still) / FRAMES_A_SECOND)
