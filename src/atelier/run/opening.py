"""What a request means and names: its settings in full, its pictures at the size to work at."""

from __future__ import annotations

import dataclasses

import numpy as np

from atelier.errors import ImageError, SettingError
from atelier.image import Image, Limits, fit, resize
from atelier.progress import Progress, Report, silent
from atelier.request import AnySettings, DrawSettings, Request, Settings, override

LARGEST = 4096
"""Long side, px, that a photo is painted at unless a size is asked for: minutes, not hours, on two cores."""


def settled(request: Request) -> AnySettings:
    """The settings in full, of the type that the task has. Raises SettingError."""
    return settled_drawing(request) if request.task == "draw" else settled_painting(request)


def settled_drawing(request: Request) -> DrawSettings:
    """The defaults with those given put in. Raises SettingError."""
    return override(DrawSettings(), request.settings)


def settled_painting(request: Request) -> Settings:
    """The recipe's settings with those given put in, and what the task means by itself. Raises SettingError."""
    from atelier.engines.optimize.recipes import recipe

    base = recipe(request.recipe).settled(request.settings)
    if request.task == "texture":
        base = dataclasses.replace(base, content_weight=0.0, start="noise", style_fit="own")
    elif request.task == "reconstruct":
        # One scale from noise, since the point is what one layer holds; a little smoothness picks among the many
        # pictures that a deep layer cannot tell apart (Mahendran & Vedaldi 2015).
        base = dataclasses.replace(
            base, style_weight=0.0, start="noise", warm_features="", coarse_iterations=0, iterations=200, tv_weight=0.02
        )
    return override(base, request.settings)


def blank(width: int, height: int, limits: Limits = Limits()) -> Image:
    """A grey picture that only says how large a texture is to be. Raises ImageError over the limits."""
    if min(width, height) < 1 or width * height > limits.pixels:
        raise ImageError(f"a texture of {width}x{height} px: must be from 1x1 to {limits.pixels:,} pixels in all")
    return Image(np.full((height, width, 3), 0.5, np.float32))


def at_size(content: Image, size: int | None, report: Report = silent, limits: Limits = Limits()) -> Image:
    """The picture with a long side of `size` px, or as it is where that is within the limit."""
    if size is None:
        if max(content.size) <= LARGEST:
            return content
        size = LARGEST
        report(Progress("opening", note=f"{content.size[0]}x{content.size[1]} is painted at {LARGEST} px; --size asks for more"))
    if size < 1:
        raise SettingError(f"--size {size}: must be at least 1")
    target = fit(content.size, size)
    if target[0] * target[1] > limits.pixels:
        raise ImageError(f"--size {size} would be {target[0]}x{target[1]} px, over the limit of {limits.pixels:,} pixels")
    return content if target == content.size else resize(content, target)
