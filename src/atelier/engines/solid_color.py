"""Whose colours a painted texture has, and for how long it is painted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from atelier.engines.color import color_regions, colored
from atelier.engines.deadline import Until
from atelier.engines.solid import Sitting, SolidEngine
from atelier.image.value import Pixels
from atelier.progress import Report, silent


@dataclass(frozen=True)
class FinishedTexture:
    """An engine whose textures get the colours that the settings ask for, counted over what is seen; seconds: see `Deadline`."""

    engine: SolidEngine
    settings: Any
    seconds: float = 0.0

    def __call__(self, sitting: Sitting, report: Report = silent) -> Pixels:
        timed = Until(report, self.seconds)
        painted = self.engine(sitting, timed)
        timed.close()
        if sitting.guide is None:
            return colored(painted, sitting.texture, self.settings, sitting.counted)
        regions = sitting.guide.regions
        pixels = color_regions(painted, sitting.texture, self.settings, regions * sitting.counted)
        return np.where(regions.sum(0)[..., None] > 0, pixels, sitting.texture)
