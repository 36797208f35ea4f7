"""Whose colours a painted picture has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar

import numpy as np

from atelier.engines.engine import Engine, Frame, Large, WindowEngine, Windows
from atelier.errors import SettingError
from atelier.image.recolor import recolor
from atelier.image.spaces import to_gray
from atelier.image.value import Pixels
from atelier.progress import Report, silent

KEPT = {"photo": "luminance-matched", "match": "transport"}
"""How the photo's colours come back, unless told."""


class Colors(Protocol):
    """Settings that say whose colours the picture has."""

    @property
    def color(self) -> str: ...
    @property
    def color_method(self) -> str: ...
    @property
    def color_space(self) -> str: ...


S = TypeVar("S", bound=Colors)


def check_color(settings: S) -> S:
    """The settings, if colours can be had as they say. Raises SettingError."""
    if settings.color not in KEPT:
        for name in ("color_method", "color_space"):
            if getattr(settings, name):
                raise SettingError(
                    name, "`color_method` and `color_space` say how the photo's colours come back: give `color` photo or match"
                )
        return settings
    few = np.linspace(0, 1, 12, dtype=np.float32).reshape(2, 2, 3)
    recolor(few, few, method=settings.color_method or KEPT[settings.color], space=settings.color_space)
    return settings


@dataclass(frozen=True)
class Finished:
    """An engine whose pictures get the colours that the settings ask for, and the photo, bit for bit, where nothing is painted."""

    engine: Engine
    settings: Any

    def __call__(self, frame: Frame, report: Report = silent) -> Frame:
        painted = self.engine(frame, report)
        assert isinstance(painted, Frame)
        if frame.guide is None:
            return replace(painted, pixels=colored(painted.pixels, frame.pixels, self.settings, frame.alpha))
        pixels = color_regions(painted.pixels, frame.pixels, self.settings, frame.guide.regions)
        return replace(painted, pixels=np.where(frame.guide.regions.sum(0)[..., None] > 0, pixels, frame.pixels))

    @property
    def about(self) -> Mapping[str, str]:
        """What paints, in words, where the engine says it."""
        return getattr(self.engine, "about", {})

    def paint_windows(self, large: Large, report: Report = silent) -> Windows:
        """Paint from window to window, where the colours are the style's."""
        engine: WindowEngine = self.engine  # type: ignore[assignment]
        return engine.paint_windows(large, report)


def colored(painted: Pixels, photo: Pixels, settings: Colors, seen: Pixels | None = None) -> Pixels:
    """Give painted pixels (H, W, 3) the colours that the settings ask for. seen: (H, W), how much each counts; None for all alike."""
    if settings.color == "style":
        return painted
    if settings.color == "gray":
        return to_gray(painted)
    seen = seen if seen is not None and seen.any() else None
    how = settings.color_method or KEPT[settings.color]
    pixels = recolor(painted, photo, method=how, space=settings.color_space, source_mask=seen, counted=seen)
    return np.asarray(np.clip(pixels, 0.0, 1.0), np.float32)


def color_regions(painted: Pixels, photo: Pixels, settings: Colors, regions: Pixels) -> Pixels:
    """Pixels painted in places (R, H, W), with the colours that the settings ask for: each place with those of the photo there.

    Every place is recoloured by itself, so that what is painted in one changes nothing in another: its colours are counted where no
    other place is, but for one that is mostly mixed with others, as in a blend.
    """
    if settings.color not in KEPT:
        return colored(painted, photo, settings)
    total = regions.sum(0)
    pixels = painted.copy()
    for region in regions:
        if not region.any():
            continue
        down, across = np.flatnonzero(region.any(1)), np.flatnonzero(region.any(0))
        box = slice(down[0], down[-1] + 1), slice(across[0], across[-1] + 1)
        share, own, theirs = region[box], painted[box], photo[box]
        counted = np.where(total[box] == share, share, np.float32(0))
        if counted.sum() < share.sum() / 2:
            counted = share
        method = settings.color_method or KEPT[settings.color]
        moved = recolor(own, theirs, method=method, space=settings.color_space, mask=share, source_mask=counted, counted=counted)
        pixels[box] += moved - own
    return np.asarray(np.clip(pixels, 0.0, 1.0), np.float32)
