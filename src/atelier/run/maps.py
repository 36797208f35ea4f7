"""What says which style goes where: maps, masks and gradients, opened."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from atelier.engines.session import Session
from atelier.errors import SettingError
from atelier.image import Image, fit, resize
from atelier.image.color_names import distinct_colors
from atelier.image.maps import KEY, read_map, specks
from atelier.image.regions import BACKGROUND, MOST, Labels, Regions
from atelier.image.segment import check_word, segment, segmenters
from atelier.image.value import Pixels
from atelier.media import STANDARD
from atelier.perception.plain import see
from atelier.perception.weights import load
from atelier.progress import Progress, Report, silent
from atelier.request import Request
from atelier.run.resolver import LOCAL, Map, Resolver

GRADIENTS = ("horizontal", "vertical", "diagonal", "radial")
"""Gradients by name: from left to right, from top to bottom, from the upper left to the lower right, from the middle outwards."""
SEEN = 1024
"""Long side, px, that regions are looked for at: whatever a photo is then painted at, they are the same."""
LOOKED, MIDDLE_AND_DEEP = 256, ("conv4_1", "conv5_1")
"""Long side, px, that the small network looks at a picture with to part it, and the layers of it that are compared."""
PROPORTIONS = 0.02
"""By how much the proportions of a map and its picture may differ before it is said."""

FLAT = 0.9
"""Share of a map of numbers whose pixels are as those below: of dark photos it is less."""
VOID = 255
"""The number that stands for no region, as programs for labelling have it."""
NEAR = 24
"""Numbers beside VOID are that near each other, some of them; colours that somebody painted (black, dark grey, white) are not."""


@dataclass(frozen=True)
class Maps:
    """What a request names that says which style goes where, opened: `regions` where they are no word, `masks`, the paintings'
    maps in the order of the styles, and the picture of a blend where it is no word."""

    regions: Map | None = None
    masks: tuple[tuple[str, Image], ...] = ()
    style_regions: tuple[Map | str | None, ...] = ()
    blend: Image | None = None


# Opening --------------------------------------------------------------------------------------------------------------


def is_word(regions: str) -> bool:
    """Whether it says how regions are made, not where a map is."""
    if regions == STANDARD or "://" in regions or _is_file(regions):
        return False
    return regions.partition(":")[0] == "auto" or regions in segmenters() or not (Path(regions).suffix or "/" in regions)


def maps_read(request: Request) -> list[str]:
    """All that a request reads to know which style goes where."""
    maps = [name for name in (request.regions, *request.style_regions) if name and not is_word(name)]
    return [*maps, *request.masks, *([request.blend] if request.blend and request.blend not in GRADIENTS else [])]


def request_finds(request: Request) -> bool:
    """Whether which style goes where is found in the picture, and not given."""
    return request.keep_flat or bool(request.regions and is_word(request.regions))


def open_maps(request: Request, resolver: Resolver = LOCAL, report: Report = silent) -> Maps:
    """Open what a request names of which style goes where. Raises SettingError, SourceError, ImageError."""
    for how in (request.regions, *request.style_regions):
        if how and is_word(how):
            check_word(how)
    regions = resolver.map(request.regions, report) if request.regions and not is_word(request.regions) else None
    masks = tuple((name, resolver.picture(mask, report)) for name, mask in zip(_called(request.masks), request.masks, strict=True))
    maps = tuple((name if is_word(name) else resolver.map(name, report)) if name else None for name in request.style_regions)
    word = request.blend and not any(part in request.blend for part in "./-") and not _is_file(request.blend)
    if word and request.blend not in GRADIENTS:
        raise SettingError("blend", f"a grey picture's file, or one of {', '.join(GRADIENTS)}", request.blend)
    blend = resolver.picture(request.blend, report) if request.blend and request.blend not in GRADIENTS else None
    return Maps(regions, masks, maps, blend)


def _called(masks: Sequence[str]) -> list[str]:
    """A name for each mask: its file's where that is one of its own."""
    stems = [Path(mask).stem.strip() for mask in masks]
    own = [stem.isprintable() and "@" not in stem and stem not in ("", BACKGROUND, STANDARD) and stems.count(stem) == 1 for stem in stems]
    return [stem if good else f"mask {at}" for at, (stem, good) in enumerate(zip(stems, own, strict=True), 1)]


def _is_file(name: str) -> bool:
    try:
        return Path(name).is_file()
    except (OSError, ValueError):
        return False


def find_regions(
    how: Map | str,
    picture: Image,
    called: str,
    *,
    photo: Image | None = None,
    size: tuple[int, int] | None = None,
    seed: int = 0,
    session: Session | None = None,
    report: Report = silent,
) -> Regions:
    """Find the regions of a picture, of its size: read them from a map, or make them as a word says.

    called: the map, for a person. photo: the picture as it was before it was scaled, whose regions these are, whatever the scale;
    a map of its size, or of `size` where the photo is not held, is as it should be. What does not fit is resized, with a word. Raises
    SettingError, ImageError, MissingExtra.
    """
    photo = photo or picture
    size = size or photo.size
    if isinstance(how, str):
        return _made_regions(how, photo, seed, session or Session(), report).resize(picture.size)
    if how.size not in (picture.size, size):
        report(Progress("opening", note=resize_note(called, how.size, size)))
    if isinstance(how, Regions):
        return how.resize(picture.size)
    if (numbers := _numbers(how)) is not None:
        report(Progress("opening", note=f"{called} is taken for numbers of {len(numbers.names)} regions: {', '.join(numbers.names)}"))
        return numbers.resize(picture.size)
    read = read_map(how)
    if stray := specks(how, read):
        report(Progress("opening", note=f"{called} has {stray} px of other colours, specks too small for regions: they go to those around"))
    return read.resize(picture.size)


def _made_regions(how: str, photo: Image, seed: int, session: Session, report: Report) -> Regions:
    """Regions by a word, found once in a session for the same photo."""
    check_word(how)
    seen = resize(photo, fit(photo.size, min(SEEN, max(photo.size))))

    def look() -> Regions:
        report(Progress("opening", note=f"looking for regions: {how}"))
        return segment(seen, how, features=_features(seen) if how.startswith("auto") else (), seed=seed)

    digest = hashlib.sha256(repr(seen.shape).encode() + seen.pixels.tobytes()).digest()
    return session.keep("regions", (digest, how, seed), look)


def _numbers(map_: Image) -> Regions | None:
    """The regions of a grey map that holds their numbers, 0, 1, 2 and so on, which to the eye is black; None for any other map.

    It is taken for one where no value but VOID is beyond the most regions there may be and areas are flat, as no dark photo is.
    Regions are called by their numbers, and VOID is the background. Of 16 bits a map may hold numbers of 16.
    """
    if map_.alpha is not None or map_.text.get(KEY):
        return None
    for depth in (16, 8) if map_.depth == 16 else (8,):
        codes = map_.to_array(depth)
        if (codes == codes[..., :1]).all() and (found := _numbered(codes[..., 0])) is not None:
            return found
    return None


def _numbered(codes: NDArray[Any]) -> Regions | None:
    if codes[codes != VOID].max(initial=0) >= MOST:
        return None
    values, inverse = np.unique(codes, return_inverse=True)
    numbers = values[values != VOID]
    labels: Labels = np.asarray(inverse, np.uint8).reshape(codes.shape)
    same = (labels[1:] == labels[:-1]).mean() if len(labels) > 1 else 1.0
    if len(numbers) < 2 or len(values) > MOST or same < FLAT:
        return None
    void = [BACKGROUND] if len(values) > len(numbers) else []
    if void and np.diff(numbers.astype(int)).min() > NEAR:
        return None
    return Regions(labels, (*(f"label {number}" for number in numbers), *void), distinct_colors(len(values) + 2)[2:])


def _features(picture: Image) -> list[Pixels]:
    """What `pocket` sees in a picture, middle and deep; nothing in one too narrow for that."""
    small = resize(picture.flat(), fit(picture.size, min(LOOKED, max(picture.size))))
    if min(small.size) < 16:
        return []
    seen = see(load("pocket"), small.pixels, MIDDLE_AND_DEEP)
    return [seen[layer] for layer in MIDDLE_AND_DEEP]


def resize_note(what: str, own: tuple[int, int], size: tuple[int, int]) -> str:
    stretched = abs(own[0] * size[1] / (own[1] * size[0]) - 1) > PROPORTIONS
    more = ", and stretched: it is of other proportions" if stretched else ""
    return f"{what} is resized from {own[0]}x{own[1]} to {size[0]}x{size[1]}{more}"
