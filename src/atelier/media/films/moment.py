"""A frame with its time, and which part of a film is wanted: plain values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from atelier.errors import SettingError
from atelier.image.value import Pixels

Levels = NDArray[Any]
"""(H, W, 3), uint8 or uint16: sRGB."""


@dataclass(frozen=True)
class Span:
    """Which part of a film, and how many frames of it. begin, end: seconds; end is left out. fps: None for those it has."""

    begin: float = 0.0
    end: float | None = None
    fps: float | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.begin < float("inf"):
            raise SettingError("begin", "must be a time of at least 0 s", self.begin)
        if self.end is not None and not self.end > self.begin:
            raise SettingError("end", f"must be later than where it begins, {self.begin:g} s", self.end)
        if self.fps is not None and not 0.01 <= self.fps <= 1000:
            raise SettingError("fps", "must be from 0.01 to 1000 frames a second", self.fps)


@dataclass(frozen=True, eq=False)
class Moment:
    """One frame of a film. levels: (H, W, 3), uint8 or uint16, sRGB. pts: its time in the film's `time_base`, from 0 on. time: in s."""

    levels: Levels
    pts: int
    time: float

    @property
    def pixels(self) -> Pixels:
        """float32 (H, W, 3) in [0, 1]."""
        return self.levels.astype(np.float32) / np.float32(np.iinfo(self.levels.dtype).max)


def to_levels(pixels: Pixels, deep: bool = False) -> Levels:
    """float32 (H, W, 3) in [0, 1] to uint8, or uint16 where deep."""
    most, kind = (65535, np.uint16) if deep else (255, np.uint8)
    return (pixels * np.float32(most) + np.float32(0.5)).astype(kind)
