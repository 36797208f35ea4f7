"""Which style goes where: samples and a guide for the engines, of styles, maps and masks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from atelier.engines.engine import EngineKind
from atelier.engines.guide import Guide, Sample
from atelier.engines.session import Session
from atelier.errors import SettingError
from atelier.image import Image, resize
from atelier.image.flat import find_flat
from atelier.image.masks import from_masks
from atelier.image.morphology import scale_plane
from atelier.image.regions import Regions, match_regions
from atelier.image.value import Pixels
from atelier.progress import Progress, Report, silent
from atelier.request import Request, Style
from atelier.run.maps import Maps, find_regions, resize_note
from atelier.run.resolver import Map, Painting, shown
from atelier.run.turning import turn, turn_plane

FEATHER = 0.006
"""Width of the band over a border, as a share of the long side, unless told: wide enough not to look cut out, too narrow to glow."""

Wanted = list[tuple[int, Pixels | None]]
"""The regions of the photo that a style goes to, and which part of its painting goes there; None for all of it."""


@dataclass(frozen=True, eq=False)
class Scene:
    """What styles are laid out on: the photo at its working size; `photo` as it was before it was scaled; size, (width, height), of one
    that is not held; later: whether it is not the first frame of a film, so that regions may have left it."""

    content: Image
    photo: Image | None = None
    held_size: tuple[int, int] | None = None
    later: bool = False

    @property
    def size(self) -> tuple[int, int] | None:
        """What a map of the photo measures, if it is not of the working size."""
        return self.held_size or (self.photo.size if self.photo else None)


def lay_out(
    request: Request,
    kind: EngineKind,
    scene: Scene,
    paintings: Sequence[Painting],
    maps: Maps = Maps(),
    session: Session | None = None,
    report: Report = silent,
) -> tuple[list[Sample], Guide | None]:
    """Make samples and a guide for the engine of a request's styles, opened, and a photo. No guide where the styles go everywhere.

    Raises SettingError where regions and styles do not go together, and what `find_regions` raises.
    """
    samples, guide = _lay_out(request, kind, scene, paintings, maps, session, report)
    return _spare_flat(scene, samples, guide, report) if request.keep_flat else (samples, guide)


def _spare_flat(scene: Scene, samples: list[Sample], guide: Guide | None, report: Report) -> tuple[list[Sample], Guide | None]:
    """Samples and a guide that leave the photo's flat background as it is."""
    seen = (scene.content if scene.held_size is None else scene.photo or scene.content).flat()
    flat = scale_plane(find_flat(seen.pixels), scene.content.size)  # (H, W)
    if flat.min() == 1:
        raise SettingError("keep_flat", "all of the photo is of one colour, so `keep_flat` leaves nothing to paint")
    if not flat.any():
        report(Progress("opening", note="no flat background is found: all of the photo is painted"))
        return samples, guide
    if guide is None:
        return [replace(sample, region=0) for sample in samples], Guide(1 - flat[None])
    return samples, replace(guide, regions=guide.regions * (1 - flat))


def _lay_out(
    request: Request,
    kind: EngineKind,
    scene: Scene,
    paintings: Sequence[Painting],
    maps: Maps,
    session: Session | None,
    report: Report,
) -> tuple[list[Sample], Guide | None]:
    turned = [turn(painting, style.rotate) for painting, style in zip(paintings, request.styles, strict=True)]
    samples = [
        Sample(picture, style.weight, size=style.size, strokes=style.strokes) for picture, style in zip(turned, request.styles, strict=True)
    ]
    if request.blend:
        return _blend(kind.mixtures, samples, _gradient(request, scene, maps.blend, report))
    if request.masks:
        return _spread(request, scene, samples, _masked(request, scene, maps, report), [[(at, None)] for at in range(len(samples))])
    if not request.regions:
        return samples, None
    how = request.regions if maps.regions is None else maps.regions
    called = f"the map {shown(request.regions)}"
    regions = find_regions(
        how, scene.content, called, photo=scene.photo, size=scene.size, seed=request.seed, session=session, report=report
    )
    own = maps.style_regions or (None,) * len(samples)
    wanted = [
        _wanted(style, regions, painting, map_, session, report)
        for style, painting, map_ in zip(request.styles, paintings, own, strict=True)
    ]
    return _spread(request, scene, samples, regions, wanted)


def _spread(
    request: Request, scene: Scene, samples: Sequence[Sample], regions: Regions, wanted: Sequence[Wanted]
) -> tuple[list[Sample], Guide]:
    """Samples with their places, and the guide of those regions that are used."""
    used = sorted({at for each in wanted for at, _ in each})
    shares = list(regions.shares.items())
    for at in used:
        if not shares[at][1] and not scene.later:
            raise SettingError(
                "regions",
                f"the region {shares[at][0]!r} is empty: there is nothing of it to paint; mark it in the map, or leave its style out",
            )
        if not any(sample.weight > 0 for sample, each in zip(samples, wanted, strict=True) for other, _ in each if other == at):
            raise SettingError(
                "styles",
                f"the region {shares[at][0]!r} has no style of a weight above 0: give it one, or leave it out and it stays the photo",
            )
    feather = FEATHER * max(scene.content.size) if request.feather is None else request.feather
    placed = [replace(sample, region=used.index(at), part=part) for sample, each in zip(samples, wanted, strict=True) for at, part in each]
    return placed, Guide(regions.soft(feather, used))


def _wanted(style: Style, regions: Regions, painting: Painting, map_: Map | str | None, session: Session | None, report: Report) -> Wanted:
    """The regions of the photo that a style goes to, and which part of the painting goes there."""
    if map_ is None:
        return [(regions.index(style.region), None)]
    if not isinstance(painting, Image):
        raise SettingError(
            "style_regions", f"`style_regions` parts a painting, and {style.source} is a style by name: give the painting's file"
        )
    own = find_regions(map_, painting, f"the map of {shown(style.source)}", session=session, report=report)
    if style.region:
        at = regions.index(style.region)
        pairs = [(at, _partner(regions, at, own, style))]
    else:
        pairs = match_regions(regions, own)
    parts = []
    for at, other in pairs:
        part = own.mask(own.names[other])
        if not part.any():
            raise SettingError(
                "style_regions", f"the region {own.names[other]!r} of {style.source} is empty: there is nothing to learn from"
            )
        parts.append((at, np.asarray(turn_plane(part, style.rotate))))
    return list(parts)


def _partner(regions: Regions, at: int, own: Regions, style: Style) -> int:
    """Which region of a painting goes to one of the photo: that of the same name, else of the same colour."""
    name, color = list(regions.legend.items())[at]
    if name in own.names:
        return own.names.index(name)
    try:
        return own.index(color)
    except SettingError as error:
        raise SettingError("style_regions", f"the map of {style.source} has no region for {name!r} ({color}): {error}") from error


def _masked(request: Request, scene: Scene, maps: Maps, report: Report) -> Regions:
    content, size = scene.content, scene.size
    for path, (_, mask) in zip(request.masks, maps.masks, strict=True):
        if mask.size not in (content.size, size):
            report(Progress("opening", note=resize_note(f"the mask {shown(path)}", mask.size, size or content.size)))
    found = from_masks(maps.masks, size=content.size)
    if found.weights is not None and request.feather is not None:
        # masks that are soft are their own feather, unless one is asked for
        found = replace(found, weights=None)
    return found


def _gradient(request: Request, scene: Scene, picture: Image | None, report: Report) -> Pixels:
    """(H, W) in [0, 1]: how much of the second style is where."""
    content, size = scene.content, scene.size
    if picture is not None:
        if picture.size not in (content.size, size):
            report(Progress("opening", note=resize_note(f"the map {shown(request.blend)}", picture.size, size or content.size)))
        return np.asarray(resize(picture.flat((0.0, 0.0, 0.0)), content.size).pixels.mean(2), np.float32)
    height, width = content.shape
    y, x = np.meshgrid(np.linspace(0, 1, height, dtype=np.float32), np.linspace(0, 1, width, dtype=np.float32), indexing="ij")
    match request.blend:
        case "horizontal":
            return x
        case "vertical":
            return y
        case "diagonal":
            return (x * width + y * height) / np.float32(width + height)
        case _:
            out = np.hypot((x - 0.5) * width, (y - 0.5) * height)
            return np.asarray(out / max(float(out.max()), 1e-6), np.float32)


def _blend(mixtures: int, samples: Sequence[Sample], second: Pixels) -> tuple[list[Sample], Guide]:
    """Two styles that go over into each other, through so many mixtures where their strokes are alike."""
    steps = mixtures if samples[0].size == samples[1].size else 2
    planes = np.stack([(1 - np.abs(second * (steps - 1) - at)).clip(0, 1) for at in range(steps)])
    kept = [at for at in range(steps) if planes[at].any()]
    placed = []
    for region, at in enumerate(kept):
        for sample, share in zip(samples, (1 - at / (steps - 1), at / (steps - 1)), strict=True):
            if share:
                placed.append(replace(sample, weight=share, region=region))
    return placed, Guide(planes[kept])
