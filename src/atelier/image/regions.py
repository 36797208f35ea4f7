"""Which part of a picture is which: labels, colour-coded maps, masks, and the weights that paint with them.

A map is a picture with a colour for each region. Maps in the wild are drawn by hand and saved by anything, so their edges are
mixtures and their areas are noisy; `read_map` finds the colours that were meant and gives every pixel one of them.

Regions are called by name, by a common colour's name, by #rrggbb, or by number. Numbers count from 1, the largest region first;
in a map that `write_map` made they keep the order it was made with.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont

from atelier.errors import ImageError, SettingError
from atelier.image.value import Image, Pixels

Colour = tuple[int, int, int]
Labels = NDArray[np.uint8]
Bools = NDArray[np.bool_]
Slices = tuple[slice, slice]

MOST = 64
"""Regions that one map may have."""

BACKGROUND = "background"
"""What the region is called that masks leave over, or that is transparent in a map."""

KEY = "atelier-regions"
"""The key of `Image.text` under which `write_map` puts the legend."""

COLOURS: Mapping[str, Colour] = MappingProxyType({
    "black": (0, 0, 0), "white": (255, 255, 255), "red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255),
    "yellow": (255, 255, 0), "grey": (128, 128, 128), "cyan": (0, 255, 255), "magenta": (255, 0, 255), "orange": (255, 128, 0),
    "purple": (128, 0, 128), "teal": (0, 128, 128), "olive": (128, 128, 0), "maroon": (128, 0, 0), "navy": (0, 0, 128),
    "darkgreen": (0, 128, 0), "silver": (192, 192, 192), "pink": (255, 128, 192), "brown": (128, 64, 0), "violet": (128, 0, 255),
    "skyblue": (128, 192, 255), "lime": (128, 255, 0), "mint": (128, 255, 192), "peach": (255, 192, 128),
})  # fmt: skip
"""Colours by name: first the palettes that published maps use, then those that go on from there."""

_OTHER_WORDS: Mapping[str, tuple[str, ...]] = {
    "gray": ("grey",), "aqua": ("cyan",), "lightblue": ("cyan", "skyblue"), "fuchsia": ("magenta",), "purple": ("purple", "magenta"),
    "lime": ("lime", "green"), "green": ("green", "darkgreen"), "lightgrey": ("silver",), "lightgray": ("silver",),
}  # fmt: skip

_ALIKE = 40  # levels by which a region's colour may miss the one it is called by
_FLAT = 16  # spread of a 3 × 3 neighbourhood, in levels, up to which it is one colour and noise
_WIDE = 8  # px from either of two regions within which a colour may come of mixing theirs
_SLACK = 24  # levels by which it may miss the line between them
_CALM = 0.25  # share of a map that is of one colour with its neighbours; of photos it is a tenth
_LEAST = 4  # px that an area's inside has at least


@dataclass(frozen=True, eq=False)
class Regions:
    """A picture's pixels parted into regions.

    labels: uint8 (H, W), the index of each pixel's region. names, colours: of the regions, each unlike the others; colours
    are 8-bit sRGB. A region may be empty. weights: float32 (R, H, W) in [0, 1] that sum to 1 over the regions, where soft masks
    said more than labels can; None elsewhere. Arrays are held read-only.

    Raises ImageError for shapes, types and labels that are not as stated, and SettingError for names or colours given twice.
    """

    labels: Labels
    names: tuple[str, ...]
    colours: tuple[Colour, ...]
    weights: Pixels | None = None

    def __post_init__(self) -> None:
        labels = np.asarray(self.labels)
        count = len(self.names)
        if labels.ndim != 2 or 0 in labels.shape or labels.dtype.kind not in "ui":
            raise ImageError(f"a picture's regions are whole numbers (H, W), got {labels.dtype} {labels.shape}")
        if not 1 <= count <= MOST:
            raise SettingError(f"a picture has 1 to {MOST} regions, got {count}")
        if len(self.colours) != count:
            raise SettingError(f"every region has a name and a colour, got {count} names and {len(self.colours)} colours")
        if int(labels.min()) < 0 or int(labels.max()) >= count:
            raise ImageError(f"labels must be in 0 to {count - 1} for {count} regions, got {labels.min()} to {labels.max()}")
        for name in self.names:
            if not name or name != name.strip() or not name.isprintable():
                raise SettingError(f"a region cannot be called {name!r}: use printable letters, without space at the ends")
            if "@" in name:  # STYLE@REGION parts there
                raise SettingError(f"a region cannot be called {name!r}: use a name without @")
            if self.names.count(name) > 1:
                raise SettingError(f"two regions are called {name!r}: give each a name of its own")
        for colour in self.colours:
            if self.colours.count(colour) > 1:
                raise SettingError(f"two regions have the colour {hexadecimal(colour)}: give each a colour of its own")
        object.__setattr__(self, "labels", _held(labels.astype(np.uint8, copy=False)))
        if self.weights is not None:
            if self.weights.shape != (count, *labels.shape):
                raise ImageError(f"weights must be {(count, *labels.shape)} like the labels, got {self.weights.shape}")
            object.__setattr__(self, "weights", _held(self.weights.astype(np.float32, copy=False)))

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        height, width = self.labels.shape
        return width, height

    @property
    def shares(self) -> dict[str, float]:
        """Name -> share of the picture's area, by weight where there are weights; they sum to 1."""
        if self.weights is not None:
            areas = self.weights.mean((1, 2), dtype=np.float64)
        else:
            areas = np.bincount(self.labels.reshape(-1), minlength=len(self.names)) / self.labels.size
        return dict(zip(self.names, areas.tolist(), strict=True))

    @property
    def legend(self) -> dict[str, str]:
        """Name -> #rrggbb, in order: what goes into a map's text or its sidecar."""
        return {name: hexadecimal(colour) for name, colour in zip(self.names, self.colours, strict=True)}

    def index(self, region: str) -> int:
        """The index of a region called by name, colour name, #rrggbb or number (from 1).

        A colour finds the nearest region within 40 levels. Raises SettingError where there is none, naming those there are.
        """
        wanted = region.strip()
        if wanted in self.names:
            return self.names.index(wanted)
        folded = [name.casefold() for name in self.names]
        if folded.count(wanted.casefold()) == 1:
            return folded.index(wanted.casefold())
        for colour in _meant(wanted):
            off = [max(abs(a - b) for a, b in zip(colour, own, strict=True)) for own in self.colours]
            if min(off) <= _ALIKE:
                return off.index(min(off))
        if wanted.isascii() and wanted.isdigit() and 1 <= int(wanted) <= len(self.names):
            return int(wanted) - 1
        known = ", ".join(f"{name} ({hexadecimal(own)})" for name, own in zip(self.names, self.colours, strict=True))
        raise SettingError(f"there is no region {region!r}: the regions are {known}, or 1 to {len(self.names)}")

    def named(self, names: Mapping[str, str]) -> Regions:
        """The same regions called otherwise: new name -> region as `index` takes it ({"sky": "#0000ff", "sea": "2"}).

        Raises SettingError for regions that are not there or are named twice.
        """
        new = list(self.names)
        seen: dict[int, str] = {}
        for name, region in names.items():
            at = self.index(region)
            if at in seen:
                raise SettingError(f"{seen[at]!r} and {name!r} both name the region {self.names[at]!r}: one name a region")
            seen[at] = name
            new[at] = name
        return replace(self, names=tuple(new))

    def mask(self, region: str, feather: float = 0.0) -> Pixels:
        """float32 (H, W) in [0, 1]: where a region is. One plane of `soft`, in the memory of a few."""
        at = self.index(region)
        if self.weights is not None:
            return cast(Pixels, self.weights[at].copy())
        if _hard(feather):
            return cast(Pixels, (self.labels == at).astype(np.float32))
        own, total, outside = self._own_and_total(feather, [at])
        return cast(Pixels, self._raw(at, feather, own, outside[at]) / total)

    def soft(self, feather: float = 0.0, only: Sequence[int] | None = None) -> Pixels:
        """float32 (R, H, W) in [0, 1], summing to 1 over the regions: how much each counts where. only: of these regions, in this
        order; what is left of 1 is then the others'.

        feather: width in px of the band over a border in which one region goes over into the next, half of it on either side;
        up to 1 px the border is hard. Beyond the band weights are exactly 0 and 1. They are smooth steps of the signed
        distance to the border, not a blur: however narrow a region, it is the one that counts most on its own pixels, and at
        least half between two. Weights that came of soft masks are their own feather and are returned as they are.

        Raises SettingError for a feather that is negative or not finite.
        """
        wanted = range(len(self.names)) if only is None else only
        if self.weights is not None:
            return self.weights[list(wanted)]
        planes = np.empty((len(wanted), *self.labels.shape), np.float32)
        if _hard(feather):
            for at, plane in zip(wanted, planes, strict=True):
                np.equal(self.labels, at, out=plane, casting="unsafe")
            return planes
        own, total, outside = self._own_and_total(feather, wanted)
        for at, plane in zip(wanted, planes, strict=True):
            np.divide(self._raw(at, feather, own, outside[at]), total, out=plane)
        return planes

    def _own_and_total(self, feather: float, wanted: Sequence[int]) -> tuple[Pixels, Pixels, dict[int, tuple[Slices, Pixels]]]:
        """(H, W) each: the step of a pixel's own region, and the sum of all regions' steps, which is what to divide by; and what
        `_outside` says of the regions wanted."""
        outside = {}
        nearest = np.full(self.labels.shape, np.inf, np.float32)
        others = np.zeros(self.labels.shape, np.float32)
        for at in range(len(self.names)):
            box, away = self._outside(at, feather)
            if at in wanted:
                outside[at] = box, away
            out = self.labels[box] != at
            np.minimum(nearest[box], away, out=nearest[box], where=out)
            np.add(others[box], _step(0.5 - away / np.float32(feather)), out=others[box], where=out)
        own = _step(0.5 + nearest / np.float32(feather))
        return own, own + others, outside

    def _raw(self, at: int, feather: float, own: Pixels, outside: tuple[Slices, Pixels]) -> Pixels:
        plane = np.zeros(self.labels.shape, np.float32)
        box, away = outside
        plane[box] = np.where(self.labels[box] == at, own[box], _step(0.5 - away / np.float32(feather)))
        return plane

    def _outside(self, at: int, feather: float) -> tuple[Slices, Pixels]:
        """A box that holds a region and its band, and in it the distance in px to the region's edge (its pixels have -0.5)."""
        inside = self.labels == at
        reach = math.ceil(feather / 2 + 0.5)
        box = _box(inside, reach)
        return box, distance(inside[box], reach) - np.float32(0.5)

    def resized(self, size: tuple[int, int]) -> Regions:
        """The regions at (width, height): each pixel goes to the region that has most of its area.

        A region too narrow to have most of any pixel would be lost by that vote; its votes are then counted double, again and
        again, until it keeps half its area, so a line stays a line. None that had a pixel is without one afterwards, as long
        as there are pixels enough. Raises SettingError for a size under 1 × 1.
        """
        width, height = size
        if width < 1 or height < 1:
            raise SettingError(f"a map's size must be at least 1 × 1, got {width} × {height}")
        if size == self.size:
            return self
        weights = None
        if self.weights is not None:
            weights = np.stack([_scaled(plane, size) for plane in self.weights]).clip(0, 1)
            weights /= weights.sum(0)
        return replace(self, labels=_voted(self.labels, len(self.names), size), weights=weights)


def _hard(feather: float) -> bool:
    if not 0 <= feather < math.inf:
        raise SettingError(f"feather {feather:g}: must be a width of at least 0 px")
    return feather <= 1


def _step(x: Pixels) -> Pixels:
    """x clipped to [0, 1], then 3x² - 2x³: x and 1 - x still sum to 1, and no crease shows where the band begins."""
    x = np.clip(x, 0, 1)
    return cast(Pixels, x * x * (3 - 2 * x))


def distance(inside: Bools, reach: int) -> Pixels:
    """float32 (H, W): from each pixel's centre to the nearest one inside, px; exact up to reach, larger or infinite beyond it.

    Squares of distances are separable (Felzenszwalb and Huttenlocher, "Distance transforms of sampled functions", Theory of
    Computing 2012): along columns by counting, along rows as a minimum over parabolas, of which reach says how many matter.
    """
    rows, width = inside.shape
    down = np.where(inside, np.float32(0), np.float32(np.inf))
    for y in range(1, rows):
        np.minimum(down[y], down[y - 1] + 1, out=down[y])
    for y in range(rows - 2, -1, -1):
        np.minimum(down[y], down[y + 1] + 1, out=down[y])
    down *= down
    least = down.copy()
    for shift in range(1, min(reach, width - 1) + 1):
        parabola = np.float32(shift * shift)
        np.minimum(least[:, shift:], down[:, :-shift] + parabola, out=least[:, shift:])
        np.minimum(least[:, :-shift], down[:, shift:] + parabola, out=least[:, :-shift])
    return cast(Pixels, np.sqrt(least, out=least))


def _box(inside: Bools, margin: int = 0) -> Slices:
    """The smallest box around what is inside, and a margin; an empty one where nothing is."""
    sides = []
    for axis in (1, 0):
        found = np.flatnonzero(inside.any(axis))
        sides.append(slice(max(0, int(found[0]) - margin), int(found[-1]) + 1 + margin) if len(found) else slice(0, 0))
    return sides[0], sides[1]


def _scaled(plane: Pixels, size: tuple[int, int]) -> Pixels:
    """Means over pixels going down, straight lines between them going up."""
    height, width = plane.shape
    way = Pillow.Resampling.BOX if size[0] <= width and size[1] <= height else Pillow.Resampling.BILINEAR
    return np.asarray(Pillow.fromarray(np.ascontiguousarray(plane, np.float32)).resize(size, way), np.float32)


def _voted(labels: Labels, count: int, size: tuple[int, int]) -> Labels:
    areas = np.bincount(labels.reshape(-1), minlength=count) / labels.size
    boost = np.ones(count, np.float32)
    voted = np.zeros((size[1], size[0]), np.uint8)
    for _ in range(8):
        most = np.full(voted.shape, -1, np.float32)
        for at in np.flatnonzero(areas):
            share = _scaled((labels == at).astype(np.float32), size) * boost[at]
            voted[share > most] = at
            np.maximum(most, share, out=most)
        lost = np.bincount(voted.reshape(-1), minlength=count) / voted.size < areas / 2
        if not lost.any():
            break
        boost[lost] *= 2
    taken: set[int] = set()
    for at in np.flatnonzero(areas):
        if not (voted == at).any() and len(taken) < voted.size:
            share = _scaled((labels == at).astype(np.float32), size).reshape(-1)
            share[list(taken)] = -1
            taken.add(int(share.argmax()))
            voted.reshape(-1)[share.argmax()] = at
    return voted


def _held(array: NDArray[Any]) -> NDArray[Any]:
    held = np.ascontiguousarray(array).view()
    held.flags.writeable = False
    return held


# Colours and names ----------------------------------------------------------------------------------------------------


def hexadecimal(colour: Sequence[int]) -> str:
    """#rrggbb."""
    return "#" + "".join(f"{level:02x}" for level in colour)


def colour(word: str) -> Colour:
    """8-bit sRGB of a colour's name or #rrggbb (or #rgb). Raises SettingError for anything else."""
    if not (meant := _meant(word)):
        raise SettingError(f"{word!r} is no colour: write #rrggbb, or one of {', '.join(COLOURS)}")
    return meant[0]


def _meant(word: str) -> list[Colour]:
    """The colours that a word may mean, the likeliest first."""
    word = word.strip().lower()
    if re.fullmatch("#([0-9a-f]{3}|[0-9a-f]{6})", word):
        digits = word[1:] if len(word) == 7 else "".join(2 * digit for digit in word[1:])
        return [(int(digits[:2], 16), int(digits[2:4], 16), int(digits[4:], 16))]
    plain = re.sub("[ _-]", "", word)
    return [COLOURS[name] for name in _OTHER_WORDS.get(plain, (plain,)) if name in COLOURS]


def called(colours: Sequence[Colour]) -> list[str]:
    """A name for each colour: the common one where it is near and nearest to no other, else #rrggbb."""
    names = [hexadecimal(each) for each in colours]
    off = np.abs(np.array(colours, int)[:, None] - np.array(list(COLOURS.values()), int)).max(2)
    for _ in colours:
        at, word = np.unravel_index(off.argmin(), off.shape)
        if off[at, word] > _ALIKE:
            break
        names[at] = list(COLOURS)[word]
        off[at], off[:, word] = 999, 999
    return names


def legend(text: str) -> dict[str, str]:
    """Name -> #rrggbb, out of a sidecar's or a map's words: JSON {"sky": "#0000ff"}, or sky=#0000ff by lines or commas.

    Colours may be names ("blue"). Raises SettingError for anything else.
    """
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        parts = [part.partition("=") for part in re.split(r"[\n,;]", text) if part.strip()]
        found = {name.strip(): value.strip() for name, _, value in parts}
        if len(found) < len(parts):
            raise SettingError("a legend names a region twice: write each name once, as sky=#0000ff") from None
    if not isinstance(found, dict) or not found or not all(isinstance(value, str) for value in found.values()):
        raise SettingError('a legend is names with colours: write {"sky": "#0000ff"} or sky=#0000ff')
    return {name: hexadecimal(colour(value)) for name, value in found.items()}


# Maps -----------------------------------------------------------------------------------------------------------------


def read_map(image: Image, *, names: Mapping[str, str] | None = None) -> Regions:
    """The regions of a colour-coded map (or of a grey or black-and-white mask).

    names: name -> colour as `colour` takes it, of some or all regions; otherwise the legend in the map's text, if it has one,
    and else the colours' own names. Regions come in the order of the map's legend, the others by area, largest first.

    A colour is a region where it fills an area, or a line that no two neighbours could mix; what lies between two regions and
    has a colour between theirs is their edge, and goes pixel by pixel to the one it looks more like. Compression's noise is
    followed up to some 30 levels. Transparent pixels (alpha under half) are the region "background". Deterministic.

    Raises ImageError where there is one region only, more than 64, or nothing like a map; SettingError for names that are
    wrong or name a colour that the map does not have.
    """
    listed = _listed(image) if names is None else {name: colour(word) for name, word in names.items()}
    codes = np.ascontiguousarray(image.to_array(), np.uint8)
    if codes.shape[2] == 3:
        codes = np.concatenate([codes, np.full((*image.shape, 1), 255, np.uint8)], axis=2)
    else:
        codes = np.where(codes[..., 3:] < 128, np.uint8(0), codes | np.array([0, 0, 0, 255], np.uint8))
    if names is None and listed and (exact := _as_written(codes, listed)) is not None:
        return exact
    palette, labels = _snapped(codes, [(*each, 255) for each in listed.values()])
    colours = [cast(Colour, tuple(each[:3])) for each in palette.tolist()]
    clear = [at for at, each in enumerate(palette) if each[3] == 0]
    for at in clear:
        colours[at] = _unlike([own for other, own in enumerate(colours) if other != at])
    words = called(colours)
    for at in clear:
        words[at] = BACKGROUND
    areas = np.bincount(labels.reshape(-1), minlength=len(colours))
    kept = sorted((at for at in range(len(colours)) if areas[at]), key=lambda at: (-areas[at], colours[at]))
    if len(kept) < 2:
        levels = np.unique(codes[..., :3])
        if len(levels) > 1 and int(levels.max()) < MOST:
            raise ImageError("the map's colours are all alike, as of numbers of regions: paint each region in a colour of its own")
        several = ", or of colours too near each other to be told apart" if (codes != codes[:1, :1]).any() else ""
        raise ImageError(f"the map is of one colour, {hexadecimal(colours[kept[0]])}{several}: paint each region in its own")
    found = _ordered(labels, kept, words, colours)
    if names is not None:
        return found.named(names)
    return _with_legend(found, listed)


def specks(image: Image, found: Regions) -> int:
    """Pixels of a map in colours of their own that are no region of what `read_map` found in it, as they are too few.

    Of a map with compression's noise, which has many colours, nothing can be said: 0.
    """
    codes = np.ascontiguousarray(image.flat().to_array(), np.uint8)
    values, counts = np.unique(_packed(np.dstack([codes, np.full(image.shape, 255, np.uint8)])), return_counts=True)
    if len(values) > MOST:
        return 0
    colours = [np.array(each, np.int16) for each in found.colours]
    table = values.view(np.uint8).reshape(-1, 4)[:, :3].astype(np.int16)
    stray = _nearest(table, colours, _ALIKE) < 0
    # what is between two colours is their smoothed edge
    return int(sum(count for each, count in zip(table[stray], counts[stray], strict=True) if not _pairs_that_mix(each, colours, _SLACK)))


def _listed(image: Image) -> dict[str, Colour]:
    """The legend that a map carries in its text; empty where there is none or it cannot be read."""
    try:
        return {name: colour(word) for name, word in legend(image.text[KEY]).items()}
    except (KeyError, SettingError):
        return {}


def _as_written(codes: NDArray[np.uint8], listed: Mapping[str, Colour]) -> Regions | None:
    """Regions of a map whose every pixel has a colour of its legend; None where one has not."""
    labels = np.full(codes.shape[:2], 255, np.uint8)
    if len(listed) > MOST or len(set(listed.values())) < len(listed):
        return None
    packed = _packed(codes)
    for at, each in enumerate(listed.values()):
        labels[packed == _packed(np.array([[[*each, 255]]], np.uint8))] = at
    return None if labels.max() == 255 else Regions(labels, tuple(listed), tuple(listed.values()))


def _ordered(labels: Labels, kept: Sequence[int], words: Sequence[str], colours: Sequence[Colour]) -> Regions:
    table = np.zeros(len(colours), np.uint8)
    table[list(kept)] = np.arange(len(kept))
    return Regions(table[labels], tuple(words[at] for at in kept), tuple(colours[at] for at in kept))


def _with_legend(found: Regions, listed: Mapping[str, Colour]) -> Regions:
    """Names and order of a legend put on what was found; of it, what the map no longer has stays as an empty region."""
    order: list[int] = []
    names, colours = list(found.names), list(found.colours)
    for name, each in listed.items():
        off = [max(abs(a - b) for a, b in zip(each, own, strict=True)) if at not in order else 999 for at, own in enumerate(colours)]
        if min(off) <= _ALIKE:
            order.append(off.index(min(off)))
            names[order[-1]] = name
        elif len(names) < MOST:
            order.append(len(names))
            names.append(name)
            colours.append(each)
    order += [at for at in range(len(names)) if at not in order]
    return _ordered(found.labels, order, names, colours)


def _unlike(colours: Sequence[Colour]) -> Colour:
    """The common colour that is furthest from all of these; of those as far, the first."""
    return max(
        COLOURS.values(), key=lambda one: min((max(abs(a - b) for a, b in zip(one, own, strict=True)) for own in colours), default=0)
    )


def _packed(codes: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """(H, W, 4) bytes as one number a pixel."""
    return np.ascontiguousarray(codes).view(np.uint32)[..., 0]


def _snapped(codes: NDArray[np.uint8], known: Sequence[tuple[int, ...]]) -> tuple[NDArray[np.uint8], Labels]:
    """The colours that a map is painted in, (R, 4), and labels (H, W). codes: (H, W, 4), alpha 0 or 255. known: colours that are
    surely meant where they occur."""
    spread = _spread(codes)
    flat = spread <= _FLAT
    deep = ~_near(~flat, 2)  # away from borders, and from what smoothing and compression do to them
    noise = float(np.percentile(spread[deep], 99)) if deep.any() else 0.0
    lossy = float(spread[flat].mean()) > 0.5 if flat.any() else True
    radius = int(np.clip(2 * noise, 16 if lossy else 6, 20))
    values, inverse = np.unique(_packed(codes), return_inverse=True)
    if len(values) > MOST and (spread <= 2).mean() < _CALM:
        raise ImageError("this is no map of regions: it is not painted in areas of one colour; paint each region in its own, or try auto")
    inverse = inverse.reshape(codes.shape[:2])
    table = values.view(np.uint8).reshape(-1, 4).astype(np.int16)
    palette = [np.array(each, np.int16) for each in known if (table == np.array(each)).all(1).any()]
    few = max(16, round(5e-5 * flat.size)) if lossy else _LEAST
    # areas; then areas too small to be away from borders, and lines too narrow to have an inside, if unlike all that is there
    for where, apart, least, lines in (
        (deep, radius, few, False),
        (flat, 40 if lossy else 24, few, False),
        (np.ones_like(flat), 56 if lossy else _ALIKE, max(2 * few, round(2e-5 * flat.size)), True),
    ):
        counts = np.bincount(inverse[where], minlength=len(table))
        for mode in _modes(table, counts, radius, least, apart, palette):
            if not _is_edge(mode, palette, table, inverse, radius, lines=lines):
                palette.append(mode)
    labels = _nearest(table, palette, radius)[inverse]
    sure = labels >= 0
    if not palette or (labels >= 0).mean() < 0.5:
        raise ImageError("this is no map of regions: it is not painted in areas of one colour; paint each region in its own, or try auto")
    if len(palette) > MOST:
        raise ImageError(f"the map has {len(palette)} colours, and at most {MOST} regions can be told apart: use fewer")
    colours = np.stack(palette)
    for at in range(len(colours)):
        box = _box((labels == at) & ~flat, _WIDE)
        doubtful = (labels[box] == at) & ~flat[box]
        if doubtful.any():
            sure[box] &= ~_between(doubtful, labels[box], colours[at], palette, radius + _SLACK)
    return colours.astype(np.uint8), _filled(labels, sure, codes, colours)


def _spread(codes: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(H, W): how far the channels of a 3 × 3 neighbourhood are spread at most."""
    high, low = codes, codes
    for axis in (0, 1):
        high, low = _window(np.maximum, high, axis), _window(np.minimum, low, axis)
    return cast(NDArray[np.uint8], (high - low).max(2))


def _window(reduce: np.ufunc, array: NDArray[Any], axis: int, reach: int = 1) -> NDArray[Any]:
    """The running extreme over 2·reach + 1 along an axis, by reach steps to either side."""
    out = array.copy()
    source, target = np.moveaxis(array, axis, 0), np.moveaxis(out, axis, 0)
    for shift in range(1, min(reach, len(source) - 1) + 1):
        reduce(target[shift:], source[:-shift], out=target[shift:])
        reduce(target[:-shift], source[shift:], out=target[:-shift])
    return out


def _near(inside: Bools, reach: int) -> Bools:
    return _window(np.logical_or, _window(np.logical_or, inside, 0, reach), 1, reach)


def _modes(
    table: NDArray[np.int16], counts: NDArray[np.intp], radius: int, least: int, apart: int, palette: Sequence[NDArray[np.int16]]
) -> Iterator[NDArray[np.int16]]:
    """Colours that stand out among those apart from the palette, commonest first; the palette may grow meanwhile. A ramp between
    two colours has every colour a little, so a colour stands out only if half of what is near it is nearer still."""
    left = np.where(_nearest(table, palette, apart) >= 0, 0, counts)
    for _ in range(4 * MOST):
        top = int(left.argmax())
        if left[top] <= 0:
            return
        off = np.abs(table - table[top]).max(1)
        about, close = int(left[off <= radius].sum()), int(left[off <= max(2, radius // 3)].sum())
        known = len(palette)
        if close >= max(least, about / 2):
            yield table[top]
        left[off <= (apart if len(palette) > known else radius)] = 0


def _nearest(table: NDArray[np.int16], palette: Sequence[NDArray[np.int16]], radius: int) -> NDArray[np.int16]:
    """For each colour of the table, the palette's nearest within a radius (the largest channel's); -1 where there is none."""
    best, label = np.full(len(table), radius + 1, np.int16), np.full(len(table), -1, np.int16)
    for at, own in enumerate(palette):
        off = np.abs(table - own).max(1)
        label[off < best] = at
        np.minimum(best, off, out=best)
    return label


def _pairs_that_mix(
    mode: NDArray[np.int16], colours: Sequence[NDArray[np.int16]] | NDArray[np.int16], slack: float
) -> list[tuple[int, int]]:
    """Pairs of colours between which a colour lies, within so many levels of the line."""
    pairs = []
    c = np.asarray(mode, float)
    for one in range(len(colours)):
        for other in range(one):
            a = np.asarray(colours[one], float)
            way = np.asarray(colours[other], float) - a
            along = float((c - a) @ way) / max(float(way @ way), 1e-9)
            if 0.04 < along < 0.96 and np.linalg.norm(a + along * way - c) <= slack:
                pairs.append((one, other))
    return pairs


def _is_edge(
    mode: NDArray[np.int16],
    palette: Sequence[NDArray[np.int16]],
    table: NDArray[np.int16],
    inverse: NDArray[np.intp],
    radius: int,
    *,
    lines: bool = False,
) -> bool:
    """Whether a colour is but the edge of others: an area's that has no inside, or lies along the borders of two colours that it
    could be a mixture of and is not one compact spot; a line's that lies along such borders."""
    here = (np.abs(table - mode).max(1) <= radius)[inverse]
    if not lines:  # an edge elsewhere that has the colour by chance is no part of the area
        within = ~_near(~here, 1)
        here &= _near(within, 2)
    count, box = int(here.sum()), _box(here, _WIDE)
    here = here[box]
    inside = count if lines else int(within.sum())
    if inside < _LEAST:
        return True
    if not lines and inside >= count / 4 and here.size <= 8 * (count + 16 * _WIDE):
        return False
    if (~_near(~here, _WIDE // 2)).sum() >= count / 4:  # thicker than edges are
        return False
    labels = _nearest(table, palette, radius)[inverse[box]]
    return int(_between(here, labels, mode, palette, radius + _SLACK).sum()) >= (0.5 if lines else 0.8) * count


def _between(here: Bools, labels: NDArray[np.int16], mode: NDArray[np.int16], palette: Sequence[NDArray[np.int16]], slack: float) -> Bools:
    """Where, of here, both of two colours are near that the mode could be a mixture of."""
    met = np.unique(labels[_near(here, _WIDE)])
    around = [int(at) for at in met if at >= 0 and not np.array_equal(palette[at], mode)]
    near: dict[int, Bools] = {}
    between = np.zeros_like(here)
    for pair in _pairs_that_mix(mode, [palette[at] for at in around], slack):
        for at in pair:
            if at not in near:
                near[at] = here & _near(labels == around[at], _WIDE)
        between |= near[pair[0]] & near[pair[1]]
    return between


def _filled(labels: NDArray[np.int16], sure: Bools, codes: NDArray[np.uint8], colours: NDArray[np.int16]) -> Labels:
    """Labels for all: what is not sure takes, of the regions within 2 px, the one whose colour is nearest; then what is next to that."""
    height, width = labels.shape
    padded = np.full((height + 4, width + 4), -1, np.int16)
    padded[2:-2, 2:-2] = np.where(sure, labels, -1)
    rows, columns = np.nonzero(~sure)
    while len(rows):
        chosen = np.empty(len(rows), np.int16)
        for part in (slice(begin, begin + (1 << 16)) for begin in range(0, len(rows), 1 << 16)):
            y, x = rows[part], columns[part]
            best, pick = np.full(len(y), np.inf, np.float32), np.full(len(y), -1, np.int16)
            own = codes[y, x].astype(np.float32)
            for dy in range(5):
                for dx in range(5):
                    there = padded[y + dy, x + dx]
                    off = np.where(there >= 0, np.square(own - colours[there]).sum(1), np.inf)
                    pick[off < best] = there[off < best]
                    np.minimum(best, off, out=best)
            chosen[part] = pick
        done = chosen >= 0
        if not done.any():  # no region is sure of a single pixel
            padded[rows + 2, columns + 2] = np.square(codes[rows, columns, None].astype(np.float32) - colours).sum(2).argmin(1)
            break
        padded[rows[done] + 2, columns[done] + 2] = chosen[done]
        rows, columns = rows[~done], columns[~done]
    return padded[2:-2, 2:-2].astype(np.uint8)


def write_map(regions: Regions) -> Image:
    """The regions as a colour-coded picture with the legend in its text, which `read_map` turns into the same labels, names
    and colours, after any format without loss. Weights of soft masks are not in it."""
    table = np.array(regions.colours, np.uint8)
    return Image.from_array(table[regions.labels], text={KEY: json.dumps(regions.legend, ensure_ascii=False)})


# Masks ----------------------------------------------------------------------------------------------------------------


def from_masks(
    masks: Sequence[tuple[str, Image]], *, size: tuple[int, int] | None = None, normalise: bool = False, tolerance: float = 0.005
) -> Regions:
    """Regions out of one mask each: (name, picture), white where the region is, black or transparent where it is not.

    size: (width, height) that masks are brought to; the first one's unless given. What no mask covers is the last region,
    "background". Masks that are black and white alone give labels; where one is soft, weights are kept. normalise: where masks
    overlap, share the pixels out in proportion. tolerance: share of the picture that two masks may overlap by without that.

    Raises SettingError where there is no mask, more than 63, a mask that marks nothing, a name that is given twice or is
    "background", or masks overlap.
    """
    if not 1 <= len(masks) < MOST:
        raise SettingError(f"give 1 to {MOST - 1} masks, got {len(masks)}")
    names = [name for name, _ in masks]
    if BACKGROUND in names:
        raise SettingError(f"{BACKGROUND!r} is what the masks leave over: call the mask something else")
    size = size or masks[0][1].size
    weights = np.stack([_marked(name, mask, size) for name, mask in masks])
    if not normalise:
        _check_overlap(names, weights, tolerance)
    total = weights.sum(0)
    weights /= np.maximum(total, 1)
    left = np.clip(1 - total, 0, 1)
    if left.max() > 0.5 / 255:
        names.append(BACKGROUND)
        weights = np.concatenate([weights, left[None]])
    labels = weights.argmax(0).astype(np.uint8)
    soft = bool(((weights > 0) & (weights < 1)).any())
    return Regions(labels, tuple(names), tuple(COLOURS.values())[: len(names)] if len(names) <= len(COLOURS) else palette(len(names)),
                   weights if soft else None)  # fmt: skip


def _marked(name: str, mask: Image, size: tuple[int, int]) -> Pixels:
    grey = mask.pixels.mean(2, dtype=np.float32)
    if mask.alpha is not None:
        grey = grey * mask.alpha
    if mask.size != size:
        grey = _scaled(grey, size)
    brightest = 255 * float(grey.max())
    # compression leaves a little of everything: what is nearly black or white was meant to be
    grey = ((grey - 4 / 255) / (1 - 8 / 255)).clip(0, 1)
    if not (grey >= 0.5).any():
        raise SettingError(f"the mask of {name!r} marks nothing: its brightest value is {brightest:.0f}; paint its region white, 255")
    return cast(Pixels, grey.astype(np.float32))


def _check_overlap(names: Sequence[str], weights: Pixels, tolerance: float) -> None:
    for one in range(len(names)):
        for other in range(one):
            share = float(np.clip(weights[one] + weights[other] - 1, 0, 1).mean(dtype=np.float64))
            if share > tolerance:
                raise SettingError(
                    f"the masks of {names[other]!r} and {names[one]!r} overlap in {100 * share:.1f} % of the picture: "
                    "take it out of one of them"
                )


def palette(count: int) -> tuple[Colour, ...]:
    """Colours that can be told apart, for regions that have none: the common ones, then steps around the wheel of hues."""
    chosen = list(COLOURS.values())[:count]
    turn = 0
    while len(chosen) < count:
        hue, light = (turn * 0.618034) % 1, (1.0, 0.75, 0.5)[turn % 3]
        wheel = [light * min(1.0, max(0.0, abs((6 * hue + shift) % 6 - 3) - 1)) for shift in (0, 4, 2)]
        fresh = cast(Colour, tuple(round(255 * (0.15 + 0.85 * level)) for level in wheel))
        if min(max(abs(a - b) for a, b in zip(fresh, own, strict=True)) for own in chosen) >= 20:
            chosen.append(fresh)
        turn += 1
    return tuple(chosen)


# Use ------------------------------------------------------------------------------------------------------------------


def matched(content: Regions, style: Regions, *, by: str = "name") -> list[tuple[int, int]]:
    """Pairs of indices, (the photo's region, the painting's), one for each region, in the photo's order.

    by: "name", where regions of the same name belong together, and those whose name the other side does not have go by
    colour; or "number", the first with the first.

    Raises SettingError where a region of either has no partner, or is empty; the message names it.
    """
    if by not in ("name", "number"):
        raise SettingError(f"regions are matched by name or number, not by {by!r}")
    for regions, whose in ((content, "photo"), (style, "painting")):
        for name, share in regions.shares.items():
            if not share:
                raise SettingError(f"the region {name!r} of the {whose}'s map is empty: paint it in, or take it out of the legend")
    if by == "number":
        if len(content.names) != len(style.names):
            raise SettingError(
                f"the photo's map has {len(content.names)} regions ({', '.join(content.names)}) and the painting's "
                f"{len(style.names)} ({', '.join(style.names)}): make them as many"
            )
        return [(at, at) for at in range(len(content.names))]
    pairs = {at: style.names.index(name) for at, name in enumerate(content.names) if name in style.names}
    for at, own in enumerate(content.colours):
        free = [other for other in range(len(style.names)) if other not in pairs.values()]
        if at in pairs or not free:
            continue
        off, other = min((max(abs(a - b) for a, b in zip(own, style.colours[other], strict=True)), other) for other in free)
        if off <= _ALIKE:
            pairs[at] = other
    alone = [name for at, name in enumerate(content.names) if at not in pairs]
    spare = [name for at, name in enumerate(style.names) if at not in pairs.values()]
    if alone or spare:
        said = [f"{whose} has {', '.join(names)}" for names, whose in ((alone, "the photo's"), (spare, "the painting's")) if names]
        raise SettingError(f"regions without a partner on the other map: {'; '.join(said)}. Use the same names or colours on both")
    return sorted(pairs.items())


def keep(photo: Pixels, painted: Pixels, weight: Pixels) -> Pixels:
    """The painted picture where weight is 1, the photo where it is 0, both bit for bit, and a blend between.

    photo, painted: float32 (H, W, 3) sRGB in [0, 1]. weight: (H, W) in [0, 1]. Raises ImageError where sizes differ or weights
    are out of range.
    """
    if photo.shape != painted.shape or weight.shape != photo.shape[:2]:
        raise ImageError(f"photo, painted and weight must be of one size, got {photo.shape}, {painted.shape} and {weight.shape}")
    if not (weight.min() >= 0 and weight.max() <= 1):  # NaN neither
        raise ImageError(f"weights must be in [0, 1], got {weight.min():g} to {weight.max():g}")
    share = weight[..., None].astype(np.float32, copy=False)
    blend = photo + share * (painted - photo)
    return cast(Pixels, np.where(share == 0, photo, np.where(share == 1, painted, blend)))


def preview(photo: Image, regions: Regions, *, strength: float = 0.4) -> Image:
    """The photo with every region tinted in its colour, outlined, and called by number, name and share of the area.

    strength: of the tint, 0 to 1. Regions of another size are resized to the photo's.
    """
    regions = regions.resized(photo.size)
    labels = regions.labels
    pixels = photo.flat().pixels
    tint = (np.array(regions.colours, np.float32) / 255)[labels]
    mixed = (1 - strength) * pixels + strength * tint
    edge = np.zeros(labels.shape, np.bool_)
    edge[:, 1:] |= labels[:, 1:] != labels[:, :-1]
    edge[1:] |= labels[1:] != labels[:-1]
    thick = max(1, round(max(photo.size) / 800))
    mixed[_near(edge, thick) & ~_near(edge, thick - 1)] = 1.0
    mixed[_near(edge, thick - 1)] = 0.0
    sheet = Pillow.fromarray((mixed.clip(0, 1) * 255 + 0.5).astype(np.uint8))
    _write_names(sheet, regions)
    return Image.from_array(np.asarray(sheet))


def _write_names(sheet: Pillow.Image, regions: Regions) -> None:
    draw = ImageDraw.Draw(sheet)
    side = max(11, round(max(sheet.size) / 42))
    font = ImageFont.load_default(side)
    reduced = max(1, round(max(sheet.size) / 256))
    small = np.pad(regions.labels[reduced // 2 :: reduced, reduced // 2 :: reduced], 1, constant_values=255)
    for at, (name, share) in enumerate(regions.shares.items()):
        inside = small == at
        if not inside.any():
            small_at = np.argwhere(regions.labels == at)
            if not len(small_at):
                continue
            y, x = (int(each) for each in small_at[len(small_at) // 2])
        else:  # the middle of its widest part
            deep = distance(~inside, max(small.shape))
            y, x = ((int(each) - 1) * reduced for each in np.unravel_index(deep.argmax(), deep.shape))
        words = f"{at + 1} {name} {100 * share:.1f} %"
        half = draw.textlength(words, font) / 2
        x = int(min(max(x, half + 4), max(sheet.width - half - 4, half + 4)))
        y = min(max(y, side), max(sheet.height - side, side))
        draw.text((x, y), words, (255, 255, 255), font, anchor="mm", stroke_width=max(2, side // 8), stroke_fill=(0, 0, 0))
