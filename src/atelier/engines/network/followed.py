"""A network's picture first, then what the optimiser makes of the time that is left."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

from atelier.engines.engine import Engine, Frame
from atelier.engines.guide import Sample
from atelier.engines.optimize import kind as optimize
from atelier.errors import Diverged, MissingExtra
from atelier.image import Image, decode
from atelier.progress import Progress, Report, silent
from atelier.request import InstantSettings, Request

WORTH_BEGINNING = 1.5
"""Seconds that must be left for the optimiser to be called: it takes about one to begin."""
WORTH_SHOWING = 8
"""Iterations at the full size from which on the optimiser's picture is the better one: after about as many it had half the network's
error on the two pairs that were looked at."""


@dataclass(frozen=True, eq=False)
class Followed:
    """A network that the optimiser follows, as long as `settings.seconds` last."""

    network: Engine
    samples: tuple[Sample, ...]
    settings: InstantSettings
    device: str
    seed: int

    @property
    def about(self) -> Mapping[str, str]:
        """What paints the network's picture."""
        return getattr(self.network, "about", {})

    def __call__(self, frame: Frame, report: Report = silent) -> Frame:
        began = time.monotonic()
        painted = self.network(frame, report)
        assert isinstance(painted, Frame)
        left = self.settings.seconds - (time.monotonic() - began)
        if left < WORTH_BEGINNING:
            least = math.ceil(self.settings.seconds - left + WORTH_BEGINNING)
            report(Progress("painting", note=f"no time is left for the optimiser, which follows from about `seconds={least}` on"))
            return painted
        return self.optimized(frame, painted, left, report)

    def optimized(self, frame: Frame, painted: Frame, seconds: float, report: Report) -> Frame:
        """What the optimiser makes of so many seconds, or the network's picture where it did not come far.

        It begins from the recoloured photo, coarse to fine: from the network's picture on it is ahead in no second, since that one's
        grain and large forms are far from where it goes.
        """
        made, picture = 0, painted

        def counted(progress: Progress) -> None:
            nonlocal made
            made += bool(progress.losses) and progress.size == frame.size
            report(progress if made >= WORTH_SHOWING else replace(progress, losses={}))

        try:
            found = self.optimizer(seconds)(frame, counted)
            assert isinstance(found, Frame)
            picture, why = found, f"the time was up after {made} iterations of the optimiser at the full size"
        except (MissingExtra, Diverged) as error:
            why = str(error)
        if made >= WORTH_SHOWING:
            return picture
        report(Progress("painting", note=f"the picture is the network's: {why}"))
        return painted

    def optimizer(self, seconds: float) -> Engine:
        given = {"style_size": self.settings.style_size, "tile": self.settings.tile, "seconds": seconds, "iterations": 100_000}
        settings = optimize.settle(Request("stylize", None, settings=given))
        samples = [replace(sample, picture=_picture(sample)) for sample in self.samples]
        return optimize.build(samples, settings, self.device, self.seed)


def _picture(sample: Sample) -> Image:
    """A sample's painting; of a style by name its swatch."""
    return sample.picture if isinstance(sample.picture, Image) else decode(sample.picture.swatch)
