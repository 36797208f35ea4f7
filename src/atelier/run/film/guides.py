"""Which style goes where in a film: what was found in the first frame of a scene moves with the picture; a cut finds it anew."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from atelier.engines.engine import EngineKind
from atelier.engines.guide import Guide
from atelier.engines.session import Session
from atelier.errors import AtelierError
from atelier.image import Image, Limits
from atelier.image.value import Pixels
from atelier.media.films import FrameFolder, is_pattern
from atelier.perception.motion import Motion, grown, import_cv2, warp
from atelier.request import Request
from atelier.run.layout import Scene, lay_out
from atelier.run.maps import Maps, open_maps, request_finds
from atelier.run.resolver import Painting, Resolver

if TYPE_CHECKING:
    from atelier.run.job import Job

SEEN, BAND = 256, 11
"""Long side at which borders are looked for, px, and how wide the band is in which they are."""
T = TypeVar("T")
ROUNDS = 2
"""Of the search for a border."""


@dataclass(frozen=True)
class Find:
    """The guide of a later frame, found anew. Called with its picture and its time, s; raises AtelierError where there is none. each:
    whether there is one for each frame, and not for each scene."""

    work: Callable[[Image, float], Guide | None]
    each: bool = False

    def __call__(self, image: Image, time: float) -> Guide | None:
        return self.work(image, time)


def finder(request: Request, kind: EngineKind, styles: Sequence[Painting], maps: Maps, session: Session) -> Find | None:
    """What finds anew which style goes where; None where that is given, and not found."""
    if not request_finds(request):
        return None
    return Find(lambda image, time: lay_out(request, kind, Scene(image, later=True), styles, maps, session)[1])


@dataclass(frozen=True)
class MapFrames:
    """Maps and masks of which there is one for each frame, as masks/%05d.png. files: of each such name, in their order. rate: frames a
    second."""

    request: Request
    files: Mapping[str, tuple[str, ...]]
    rate: float

    @classmethod
    def of(cls, request: Request, rate: float, limits: Limits) -> MapFrames | None:
        """What a request names of that kind; None for nothing. Raises SourceError, ImageError."""
        names = [name for name in (request.regions, *request.masks) if name and is_pattern(name)]
        files = {name: FrameFolder.open(name, 0.0, None, None, limits).paths for name in names}
        return cls(request, files, rate) if files else None

    def at(self, time: float) -> Request:
        """The request with the maps of a time, s of the film; after the last ones those stay."""
        number = round(time * self.rate)

        def named(name: str) -> str:
            paths = self.files.get(name)
            return paths[min(number, len(paths) - 1)] if paths else name

        return replace(self.request, regions=named(self.request.regions), masks=tuple(map(named, self.request.masks)))

    def follow(self, job: Job, styles: Sequence[Painting], resolver: Resolver, session: Session) -> Job:
        """The job of the first maps, with those of each frame."""
        kind = job.kind

        def find(image: Image, time: float) -> Guide | None:
            request, scene = self.at(self.request.begin + time), Scene(image, later=True)
            marked = [at for at, name in enumerate(request.masks) if resolver.picture(name).flat((0.0, 0.0, 0.0)).pixels.any()]
            if len(marked) == len(request.masks):
                return lay_out(request, kind, scene, styles, open_maps(request, resolver), session)[1]
            # what a mask marks has left the picture
            planes = np.zeros((len(request.masks), *image.pixels.shape[:2]), np.float32)
            if marked:
                own = replace(request, masks=_of(request.masks, marked), styles=_of(request.styles, marked))
                found = lay_out(own, kind, scene, _of(styles, marked), open_maps(own, resolver), session)[1]
                planes[marked] = 0 if found is None else found.regions
            return Guide(planes)

        named = replace(job.request, regions=self.request.regions, masks=self.request.masks)
        return replace(job, request=named, find=Find(find, each=True))


def _of(values: Sequence[T], numbers: Sequence[int]) -> tuple[T, ...]:
    return tuple(values[at] for at in numbers)


@dataclass(frozen=True, eq=False)
class Guides:
    """first: the guide of the film's first frame. find: None where it is the same for all the film, as a map that was given."""

    first: Guide
    find: Find | None = None

    def begin(self, image: Image, time: float) -> Guide:
        """The guide of a scene's first frame; the film's where nothing like it is found there."""
        if self.find is not None:
            with contextlib.suppress(AtelierError):
                found = self.find(image, time)
                if found is not None and len(found.regions) == len(self.first.regions):
                    return found
        return self.first

    def follow(self, guide: Guide | None, motion: Motion, pixels: Pixels, time: float) -> Guide:
        """The guide of a later frame, pixels (H, W, 3). guide: of the one before; motion: since then."""
        if self.find is None or guide is None:
            return self.first
        if self.find.each:
            return self.begin(Image(pixels), time)
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
