"""Which style goes where in a film: what was found in the first frame of a scene moves with the picture; a cut finds it anew."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from atelier.engines.engine import EngineKind
from atelier.engines.guide import Guide
from atelier.engines.session import Session
from atelier.errors import AtelierError
from atelier.image import Image
from atelier.perception.motion import Motion, grown, warp
from atelier.request import Request
from atelier.run.layout import Scene, lay_out
from atelier.run.maps import Maps, request_finds
from atelier.run.resolver import Painting

Find = Callable[[Image], Guide | None]
"""The guide of a picture, found anew. Raises AtelierError where it cannot be."""


def finder(request: Request, kind: EngineKind, styles: Sequence[Painting], maps: Maps, session: Session) -> Find | None:
    """What finds anew which style goes where; None where that is given, and not found."""
    if not request_finds(request):
        return None
    return lambda image: lay_out(request, kind, Scene(image), styles, maps, session)[1]


@dataclass(frozen=True, eq=False)
class Guides:
    """first: the guide of the film's first frame. find: None where it is the same for all the film, as a map that was given."""

    first: Guide
    find: Find | None = None

    def begin(self, image: Image) -> Guide:
        """The guide of a scene's first frame; the film's where nothing like it is found there."""
        if self.find is not None:
            with contextlib.suppress(AtelierError):
                found = self.find(image)
                if found is not None and len(found.regions) == len(self.first.regions):
                    return found
        return self.first

    def follow(self, guide: Guide | None, motion: Motion) -> Guide:
        """The guide of a later frame. guide: of the one before; motion: since then."""
        if self.find is None or guide is None:
            return self.first
        size = guide.regions.shape[2], guide.regions.shape[1]
        flow = grown(motion.flow, size, flow=True)
        planes = np.stack([warp(plane, flow, by="cubic") for plane in guide.regions]).clip(0, 1)
        return Guide(planes / np.maximum(planes.sum(0), 1))
