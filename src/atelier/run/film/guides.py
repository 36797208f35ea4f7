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
from atelier.image.value import Pixels
from atelier.perception.motion import Motion, grown, import_cv2, warp
from atelier.request import Request
from atelier.run.layout import Scene, lay_out
from atelier.run.maps import Maps, request_finds
from atelier.run.resolver import Painting

Find = Callable[[Image], Guide | None]
"""The guide of a picture, found anew. Raises AtelierError where it cannot be."""
SEEN, BAND = 256, 11
"""Long side at which borders are looked for, px, and how wide the band is in which they are."""
ROUNDS = 2
"""Of the search for a border."""


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

    def follow(self, guide: Guide | None, motion: Motion, pixels: Pixels) -> Guide:
        """The guide of a later frame, pixels (H, W, 3). guide: of the one before; motion: since then."""
        if self.find is None or guide is None:
            return self.first
        size = guide.regions.shape[2], guide.regions.shape[1]
        flow = grown(motion.flow, size, flow=True)
        moved = [warp(plane, flow, by="cubic").clip(0, 1) for plane in guide.regions]
        planes = np.stack([snapped(plane, pixels) for plane in moved])
        return Guide(planes / np.maximum(planes.sum(0), 1))


def snapped(plane: Pixels, pixels: Pixels) -> Pixels:
    """A region (H, W) with its border where the picture (H, W, 3) has one near by (GrabCut, Rother et al. 2004). Flow alone leaves it
    behind what goes over something else."""
    cv2 = import_cv2()
    height, width = plane.shape
    share = min(1.0, SEEN / max(width, height))
    size = max(1, round(width * share)), max(1, round(height * share))
    small = cv2.resize(plane, size, interpolation=cv2.INTER_AREA)
    inside = (small > 0.5).astype(np.uint8)
    kernel = np.ones((BAND, BAND), np.uint8)
    sure, near = cv2.erode(inside, kernel), cv2.dilate(inside, kernel)
    if not sure.any() or near.all():
        return plane
    labels = np.where(sure, cv2.GC_FGD, np.where(near, np.where(inside, cv2.GC_PR_FGD, cv2.GC_PR_BGD), cv2.GC_BGD)).astype(np.uint8)
    picture = (cv2.resize(pixels, size, interpolation=cv2.INTER_AREA) * 255).clip(0, 255).astype(np.uint8)
    cv2.setRNGSeed(0)
    cv2.grabCut(picture, labels, None, np.zeros((1, 65)), np.zeros((1, 65)), ROUNDS, cv2.GC_INIT_WITH_MASK)
    found = (labels & 1).astype(np.float32) * float(plane.max())
    soft = cv2.resize(cv2.GaussianBlur(found, (0, 0), 1.0), (width, height), interpolation=cv2.INTER_LINEAR)
    band = grown((near - sure).astype(np.float32), (width, height))
    return np.asarray(plane + band * (soft - plane))
