"""Which style goes where: maps, masks and gradients opened, paintings turned, and samples and a guide made of them for the engines."""

from __future__ import annotations

import contextlib
import hashlib
import math
from collections.abc import Hashable, Iterator, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from atelier.engines.guide import Guide, Sample
from atelier.errors import SettingError
from atelier.image import Image, Limits, fit, resize
from atelier.image.color_names import distinct_colors
from atelier.image.foreground import object_and_background
from atelier.image.maps import KEY, read_map, specks, write_map
from atelier.image.masks import from_masks
from atelier.image.preview import draw_preview
from atelier.image.regions import BACKGROUND, MOST, Labels, Regions, match_regions
from atelier.image.segment import check_word, segment, segmenters
from atelier.image.value import Pixels
from atelier.media import STANDARD, check_target, open_still, write_still
from atelier.perception.plain import see
from atelier.perception.weights import load
from atelier.progress import Progress, Report, silent
from atelier.request import InstantSettings, Request, Settings, Style
from atelier.run.colouring import coloured, coloured_places
from atelier.run.opening import Painting, as_picture
from atelier.run.outputs import digests
from atelier.run.places import Outputs, beforehand, check_outputs

FEATHER = 0.006
"""Width of the band over a border, as a share of the long side, unless told: wide enough not to look cut out, too narrow to glow."""
GRADIENTS = ("horizontal", "vertical", "diagonal", "radial")
"""Gradients by name: from left to right, from top to bottom, from the upper left to the lower right, from the middle outwards."""
SEEN = 1024
"""Long side, px, that regions are looked for at: whatever a photo is then painted at, they are the same."""
LOOKED, MIDDLE_AND_DEEP = 256, ("conv4_1", "conv5_1")
"""Long side, px, that the small network looks at a picture with to part it, and the layers of it that are compared."""
STEPS = 5
"""Mixtures that the trained networks go through from one style to another: pictures of neighbouring ones blend without showing double."""
PROPORTIONS = 0.02
"""By how much the proportions of a map and its picture may differ before it is said."""

FLAT = 0.9
"""Share of a map of numbers whose pixels are as those below: of dark photos it is less."""
VOID = 255
"""The number that stands for no region, as programs for labelling have it."""
NEAR = 24
"""Numbers beside VOID are that near each other, some of them; colours that somebody painted (black, dark grey, white) are not."""

Map = Regions | Image
"""Regions, or the colour-coded picture of them."""


@dataclass(frozen=True)
class Where:
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


def places_read(request: Request) -> list[str]:
    """All that a request reads to know which style goes where."""
    maps = [name for name in (request.regions, *request.style_regions) if name and not is_word(name)]
    return [*maps, *request.masks, *([request.blend] if request.blend and request.blend not in GRADIENTS else [])]


def open_places(request: Request, limits: Limits = Limits(), report: Report = silent) -> Where:
    """What a request names of which style goes where. Raises SourceError, ImageError."""

    def opened(name: str) -> Image:
        return open_still(name, limits, report)

    for how in (request.regions, *request.style_regions):
        if how and is_word(how):
            check_word(how)
    regions = opened(request.regions) if request.regions and not is_word(request.regions) else None
    masks = tuple((name, opened(mask)) for name, mask in zip(_called(request.masks), request.masks, strict=True))
    maps = tuple((name if is_word(name) else opened(name)) if name else None for name in request.style_regions)
    word = request.blend and not any(part in request.blend for part in "./-") and not _is_file(request.blend)
    if word and request.blend not in GRADIENTS:
        raise SettingError(f"--blend {request.blend}: a grey picture's file, or one of {', '.join(GRADIENTS)}")
    blend = opened(request.blend) if request.blend and request.blend not in GRADIENTS else None
    return Where(regions, masks, maps, blend)


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


def parted(
    how: Map | str, picture: Image, called: str, *, photo: Image | None = None, size: tuple[int, int] | None = None, seed: int = 0,
    report: Report = silent,
) -> Regions:  # fmt: skip
    """The regions of a picture, of its size: read from a map, or made as a word says.

    called: the map, for a person. photo: the picture as it was before it was scaled, whose regions these are, whatever the scale;
    a map of its size, or of `size` where the photo is not held, is as it should be. What does not fit is resized, with a word. Raises
    SettingError, ImageError, MissingExtra.
    """
    photo = photo or picture
    size = size or photo.size
    if isinstance(how, str):
        check_word(how)
        seen = resize(photo, fit(photo.size, min(SEEN, max(photo.size))))
        kept, key = _KEPT.get(), (hashlib.sha256(repr(seen.shape).encode() + seen.pixels.tobytes()).digest(), how, seed)
        if kept is None or key not in kept:
            report(Progress("opening", note=f"looking for regions: {how}"))
            found = segment(seen, how, features=_features(seen) if how.startswith("auto") else (), seed=seed)
            kept = {} if kept is None else kept
            kept[key] = found
        return kept[key].resize(picture.size)
    if how.size not in (picture.size, size):
        report(Progress("opening", note=_resized(called, how.size, size)))
    if isinstance(how, Regions):
        return how.resize(picture.size)
    if (numbers := _numbers(how)) is not None:
        report(Progress("opening", note=f"{called} is taken for numbers of {len(numbers.names)} regions: {', '.join(numbers.names)}"))
        return numbers.resize(picture.size)
    read = read_map(how)
    if stray := specks(how, read):
        report(Progress("opening", note=f"{called} has {stray} px of other colours, specks too small for regions: they go to those around"))
    return read.resize(picture.size)


_KEPT: ContextVar[dict[Hashable, Regions] | None] = ContextVar("_KEPT", default=None)


@contextlib.contextmanager
def one_parting() -> Iterator[None]:
    """Within it a photo's regions by a word are looked for once, however often they are asked for."""
    token = _KEPT.set({})
    try:
        yield
    finally:
        _KEPT.reset(token)


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


def _resized(what: str, own: tuple[int, int], size: tuple[int, int]) -> str:
    stretched = abs(own[0] * size[1] / (own[1] * size[0]) - 1) > PROPORTIONS
    more = ", and stretched: it is of other proportions" if stretched else ""
    return f"{what} is resized from {own[0]}x{own[1]} to {size[0]}x{size[1]}{more}"


# Laying out -----------------------------------------------------------------------------------------------------------


def laid_out(
    request: Request, content: Image, paintings: Sequence[Painting], where: Where = Where(), *, photo: Image | None = None,
    size: tuple[int, int] | None = None, report: Report = silent,
) -> tuple[list[Sample], Guide | None]:  # fmt: skip
    """Samples and a guide for the engine, from a request's styles, opened, and a photo at its working size.

    photo: as it was before it was scaled; size: (width, height) of one that is not held. No guide where the styles go everywhere.
    Raises SettingError where regions and styles do not go together, and what `parted` raises.
    """
    size = size or (photo.size if photo else None)
    turned = [rotated(painting, style.rotate) for painting, style in zip(paintings, request.styles, strict=True)]
    samples = [
        Sample(picture, style.weight, size=style.size, strokes=style.strokes) for picture, style in zip(turned, request.styles, strict=True)
    ]
    if request.blend:
        return _blended(request, samples, _gradient(request, content, where.blend, size, report))
    if request.masks:
        regions = _masked(request, content, where, size, report)
        wanted: list[list[tuple[int, Pixels | None]]] = [[(at, None)] for at in range(len(samples))]
    elif request.regions:
        how = request.regions if where.regions is None else where.regions
        regions = parted(how, content, f"the map {request.regions}", photo=photo, size=size, seed=request.seed, report=report)
        maps = where.style_regions or (None,) * len(samples)
        wanted = [
            _wanted(style, regions, painting, map_, report) for style, painting, map_ in zip(request.styles, paintings, maps, strict=True)
        ]
    else:
        return samples, None
    used = sorted({at for each in wanted for at, _ in each})
    shares = list(regions.shares.items())
    for at in used:
        if not shares[at][1]:
            raise SettingError(
                f"the region {shares[at][0]!r} is empty: there is nothing of it to paint; mark it in the map, or leave its style out"
            )
        if not any(sample.weight > 0 for sample, each in zip(samples, wanted, strict=True) for other, _ in each if other == at):
            raise SettingError(
                f"the region {shares[at][0]!r} has no style of a weight above 0: give it one, or leave it out and it stays the photo"
            )
    feather = FEATHER * max(content.size) if request.feather is None else request.feather
    placed = [replace(sample, place=used.index(at), part=part) for sample, each in zip(samples, wanted, strict=True) for at, part in each]
    return placed, Guide(regions.soft(feather, used))


def _wanted(style: Style, regions: Regions, painting: Painting, map_: Map | str | None, report: Report) -> list[tuple[int, Pixels | None]]:
    """The regions of the photo that a style goes to, and which part of the painting goes there."""
    if map_ is None:
        return [(regions.index(style.region), None)]
    if not isinstance(painting, Image):
        raise SettingError(f"--style-regions parts a painting, and {style.source} is a style by name: give the painting's file")
    own = parted(map_, painting, f"the map of {style.source}", report=report)
    if style.region:
        at = regions.index(style.region)
        pairs = [(at, _partner(regions, at, own, style))]
    else:
        pairs = match_regions(regions, own)
    parts = []
    for at, other in pairs:
        part = own.mask(own.names[other])
        if not part.any():
            raise SettingError(f"the region {own.names[other]!r} of {style.source} is empty: there is nothing to learn from")
        parts.append((at, np.asarray(_turned(part, style.rotate))))
    return list(parts)


def _partner(regions: Regions, at: int, own: Regions, style: Style) -> int:
    """Which region of a painting goes to one of the photo: that of the same name, else of the same colour."""
    name, colour = list(regions.legend.items())[at]
    if name in own.names:
        return own.names.index(name)
    try:
        return own.index(colour)
    except SettingError as error:
        raise SettingError(f"the map of {style.source} has no region for {name!r} ({colour}): {error}") from error


def _masked(request: Request, content: Image, where: Where, size: tuple[int, int] | None, report: Report) -> Regions:
    for path, (_, mask) in zip(request.masks, where.masks, strict=True):
        if mask.size not in (content.size, size):
            report(Progress("opening", note=_resized(f"the mask {path}", mask.size, size or content.size)))
    found = from_masks(where.masks, size=content.size)
    if found.weights is not None and request.feather is not None:
        # masks that are soft are their own feather, unless one is asked for
        found = replace(found, weights=None)
    return found


def _gradient(request: Request, content: Image, picture: Image | None, size: tuple[int, int] | None, report: Report) -> Pixels:
    """(H, W) in [0, 1]: how much of the second style is where."""
    if picture is not None:
        if picture.size not in (content.size, size):
            report(Progress("opening", note=_resized(f"the map {request.blend}", picture.size, size or content.size)))
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


def _blended(request: Request, samples: Sequence[Sample], second: Pixels) -> tuple[list[Sample], Guide]:
    """Two styles that go over into each other. The networks paint mixtures on the way; the optimiser's statistics mix by themselves."""
    alike = samples[0].size == samples[1].size
    steps = STEPS if request.chosen == "instant" and alike else 2
    planes = np.stack([(1 - np.abs(second * (steps - 1) - at)).clip(0, 1) for at in range(steps)])
    kept = [at for at in range(steps) if planes[at].any()]
    placed = []
    for place, at in enumerate(kept):
        for sample, share in zip(samples, (1 - at / (steps - 1), at / (steps - 1)), strict=True):
            if share:
                placed.append(replace(sample, weight=share, place=place))
    return placed, Guide(planes[kept])


def laid_digest(samples: Sequence[Sample], guide: Guide | None) -> str:
    """What tells whether styles still go where they went; empty where they go everywhere, as they are."""
    plain = guide is None and all(sample.size == 1 and sample.strokes == "all" for sample in samples)
    if plain:
        return ""
    told = hashlib.sha256(b"" if guide is None else repr(guide.places.shape).encode() + guide.places.tobytes())
    for sample in samples:
        told.update(repr((sample.weight, sample.place, sample.size, sample.strokes)).encode())
        told.update(b"" if sample.part is None else sample.part.tobytes())
    return told.hexdigest()[:16]


def made_from(content: Image, samples: Sequence[Sample], guide: Guide | None = None, start: Image | None = None) -> dict[str, Any]:
    """Digests of a photo, of paintings, of what styles by name are by now, of the picture painting starts from, and of what goes
    where."""
    named: list[str] = []
    paintings: list[tuple[Image, float]] = []
    for sample in samples:
        style = sample.picture
        if isinstance(style, Image):
            paintings.append((style, sample.weight))
        else:
            named.append(hashlib.sha256(style.numbers.tobytes() + style.colours.mean.tobytes()).hexdigest()[:16])
    return {**digests(content, paintings, start), "named": named, "places": laid_digest(samples, guide)}


# Turning --------------------------------------------------------------------------------------------------------------


def rotated(painting: Painting, degrees: float) -> Painting:
    """A painting turned clockwise: by right angles exactly, else bicubic and cut to the largest upright rectangle inside.

    A style by name is turned as the picture of its texture, and is a painting from then on. Raises SettingError where it has none.
    """
    if degrees % 360 == 0:
        return painting
    picture = as_picture(painting)
    channels = [_turned(picture.pixels[..., channel], degrees) for channel in range(3)]
    return Image(np.stack(channels, axis=-1).clip(0, 1), depth=picture.depth)


def _turned(plane: Pixels, degrees: float) -> Pixels:
    """(H, W) in [0, 1], turned clockwise and cut."""
    quarters = degrees % 360 / 90
    if quarters == int(quarters):
        return np.ascontiguousarray(np.rot90(plane, -int(quarters)))
    height, width = plane.shape
    sheet = Pillow.fromarray(np.ascontiguousarray(plane, np.float32)).rotate(-degrees, Pillow.Resampling.BICUBIC, expand=True)
    inner = _upright(width, height, math.radians(degrees))
    left, top = (sheet.width - inner[0]) // 2, (sheet.height - inner[1]) // 2
    return np.asarray(sheet.crop((left, top, left + inner[0], top + inner[1])), np.float32).clip(0, 1)


def _upright(width: int, height: int, angle: float) -> tuple[int, int]:
    """(width, height) of the largest upright rectangle in one that is turned: its corners lie on all four sides or, in a
    long one, on the two long sides alone, halfway along."""
    sine, cosine = abs(math.sin(angle)), abs(math.cos(angle))
    long, short = max(width, height), min(width, height)
    if short <= 2 * sine * cosine * long or abs(sine - cosine) < 1e-9:
        half = short / 2
        across, up = (half / sine, half / cosine) if width >= height else (half / cosine, half / sine)
    else:
        double = cosine**2 - sine**2
        across, up = (width * cosine - height * sine) / double, (height * cosine - width * sine) / double
    # bicubic looks two pixels beyond, where there is nothing
    return max(1, int(across) - 2), max(1, int(up) - 2)


# What is kept ---------------------------------------------------------------------------------------------------------


def finished(painted: Image, photo: Image, settings: Settings | InstantSettings, guide: Guide | None) -> Image:
    """A painted picture with the colours that the settings ask for, and with the photo, bit for bit, where nothing is painted."""
    if guide is None:
        return coloured(painted, photo, settings)
    pixels = coloured_places(painted, photo, settings, guide.places).pixels
    return replace(painted, pixels=np.where(guide.places.sum(0)[..., None] > 0, pixels, photo.pixels))


# A map to correct by hand ---------------------------------------------------------------------------------------------


def make_regions(
    photo: str, how: str = "auto", out: str | None = None, shown: str | None = None, *, box: str = "", scribbles: str = "",
    overwrite: bool = True, seed: int = 0, limits: Limits = Limits(), report: Report = silent,
) -> Regions:  # fmt: skip
    """The regions of a photo, by a word or of a map, written as a map (out) and as a picture to look at (shown).

    box, scribbles: where the object is, "left,top,right,bottom" in px, and a picture that is white on it and black on the background.

    Raises AtelierError.
    """
    targets = [target for target in (out, shown) if target]
    with beforehand():
        for target in targets:
            check_target(target)
    if out and Path(out).suffix.lower() not in (".png", ".tif", ".tiff"):
        raise SettingError(f"--out {out}: a map is a .png or a .tiff, which keep its colours exactly")
    read = [photo, *([] if is_word(how) else [how]), *([scribbles] if scribbles else [])]
    check_how(how, bool(box or scribbles))
    corners = _corners(box) if box else None
    for target in targets:
        check_outputs(Outputs(target, overwrite=overwrite), read)
    picture = open_still(photo, limits, report)
    opened = how if is_word(how) else open_still(how, limits, report)
    marks = open_still(scribbles, limits, report) if scribbles else None
    found = regions_of(picture, opened, f"the map {how}", box=corners, scribbles=marks, seed=seed, report=report)
    if out:
        write_still(write_map(found), out, overwrite=overwrite)
    if shown:
        write_still(draw_preview(picture, found), shown, overwrite=overwrite)
    return found


def check_how(how: object, told: bool = False) -> None:
    """Raise SettingError for a word that says nothing of how regions are made; a map is none. told: whether it is said where the object
    is."""
    if told and not (isinstance(how, str) and how == "auto"):
        raise SettingError("--box and --scribbles say where the object of --regions auto is: leave one of them out")
    if isinstance(how, str) and how and is_word(how):
        check_word(how)


def regions_of(
    picture: Image, how: Map | str, called: str, *, box: tuple[int, int, int, int] | None = None, scribbles: Image | None = None,
    seed: int = 0, report: Report = silent,
) -> Regions:  # fmt: skip
    """The regions of a photo, opened, as `parted` has them; or its object, where it is said where that is. See `make_regions`."""
    if box is None and scribbles is None:
        return parted(how, picture, called, seed=seed, report=report)
    return object_and_background(picture, box=box, scribbles=None if scribbles is None else _marks(scribbles, picture), seed=seed)


def _corners(text: str) -> tuple[int, int, int, int]:
    try:
        left, top, right, bottom = (int(part) for part in text.split(","))
    except ValueError:
        raise SettingError(f"--box {text}: write LEFT,TOP,RIGHT,BOTTOM in px of the photo, as in 40,30,300,280") from None
    return left, top, right, bottom


def _marks(scribbles: Image, photo: Image) -> NDArray[np.int8]:
    """(H, W): 1 where scribbles are white, -1 where they are black, 0 where they are transparent or neither."""
    drawn = resize(scribbles, photo.size)
    opaque = np.ones(photo.shape, np.bool_) if drawn.alpha is None else drawn.alpha > 0.5
    light, dark = drawn.pixels.min(2) > 0.9, drawn.pixels.max(2) < 0.1
    return np.where(opaque & light, 1, np.where(opaque & dark, -1, 0)).astype(np.int8)
