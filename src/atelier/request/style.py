"""A style as it is given: a painting, a shipped style, or one of a mix; and how it is used."""

from __future__ import annotations

import math
from dataclasses import dataclass

from atelier.errors import SettingError
from atelier.request.options import REQUIRED, is_a, option

STROKES = ("all", "coarse", "fine")
"""Which of a painting's strokes can be taken."""


@dataclass(frozen=True)
class Style:
    """A painting to learn from: a path, URL, `-`, or a style's name; and how. Raises SettingError."""

    source: str = option(REQUIRED, "Painting: path, URL, or a style's name", group="style", file="picture")
    weight: float = option(1.0, "Its share where there are several, in its region", low=0, group="style")
    region: str = option("", "Part of the photo it paints: the map's name, colour or number (empty: all)", group="style")
    size: float = option(1.0, "Size of its strokes: 2 paints with strokes twice as large", low=0.05, high=20, group="style")
    rotate: float = option(0.0, "Degrees clockwise that the painting is turned by", unit="°", group="style")
    strokes: str = option("all", "Which of its strokes are taken", choices=STROKES, group="style")

    def __post_init__(self) -> None:
        if not isinstance(self.source, str):
            raise SettingError("styles", f"a style is a path, URL or -, not {self.source!r}")
        if not is_a(float, self.weight) or not 0 <= self.weight < math.inf:
            raise SettingError("styles", f"the weight of {self.source} must be a finite number of at least 0, not {self.weight!r}")
        if not isinstance(self.region, str):
            raise SettingError("styles", f"the region of {self.source} is a name, a colour or a number as text, not {self.region!r}")
        if not is_a(float, self.size) or not 0.05 <= self.size <= 20:
            raise SettingError("styles", f"the size of {self.source}'s strokes must be a number from 0.05 to 20, not {self.size!r}")
        if not is_a(float, self.rotate) or not math.isfinite(self.rotate):
            raise SettingError("styles", f"{self.source} is turned by a number of degrees, not by {self.rotate!r}")
        if self.strokes not in STROKES:
            raise SettingError("styles", f"the strokes of {self.source}: choose from {', '.join(STROKES)}, not {self.strokes!r}")
