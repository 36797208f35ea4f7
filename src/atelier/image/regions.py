"""Which part of a picture is which: labels, names, and the weights that paint with them.

Regions are called by name, by a common colour's name, by #rrggbb, or by number. Numbers count from 1, the largest region first;
in a map that `write_map` made they keep the order it was made with.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from atelier.errors import ImageError, SettingError
from atelier.image.color_names import ALIKE, Color, colors_meant, to_hex
from atelier.image.morphology import Slices, bounding_box, distances, scale_plane
from atelier.image.value import Pixels

Labels = NDArray[np.uint8]

MOST = 64
"""Regions that one map may have."""

BACKGROUND = "background"
"""What the region is called that masks leave over, or that is transparent in a map."""


@dataclass(frozen=True, eq=False)
class Regions:
    """A picture's pixels divided into regions.

    labels: uint8 (H, W), the index of each pixel's region. names, colours: of the regions, each unlike the others; colours
    are 8-bit sRGB. A region may be empty. weights: float32 (R, H, W) in [0, 1] that sum to 1 over the regions, where soft masks
    said more than labels can; None elsewhere. Arrays are held read-only.

    Raises ImageError for shapes, types and labels that are not as stated, and SettingError for names or colours given twice.
    """

    labels: Labels
    names: tuple[str, ...]
    colors: tuple[Color, ...]
    weights: Pixels | None = None

    def __post_init__(self) -> None:
        labels = np.asarray(self.labels)
        count = len(self.names)
        if labels.ndim != 2 or 0 in labels.shape or labels.dtype.kind not in "ui":
            raise ImageError(f"a picture's regions are whole numbers (H, W), got {labels.dtype} {labels.shape}")
        if not 1 <= count <= MOST:
            raise SettingError("names", f"a picture has 1 to {MOST} regions, got {count}")
        if len(self.colors) != count:
            raise SettingError("names", f"every region has a name and a colour, got {count} names and {len(self.colors)} colours")
        if int(labels.min()) < 0 or int(labels.max()) >= count:
            raise ImageError(f"labels must be in 0 to {count - 1} for {count} regions, got {labels.min()} to {labels.max()}")
        for name in self.names:
            if not name or name != name.strip() or not name.isprintable():
                raise SettingError("names", f"a region cannot be called {name!r}: use printable letters, without space at the ends")
            if "@" in name:  # STYLE@REGION parts there
                raise SettingError("names", f"a region cannot be called {name!r}: use a name without @")
            if self.names.count(name) > 1:
                raise SettingError("names", f"two regions are called {name!r}: give each a name of its own")
        for color in self.colors:
            if self.colors.count(color) > 1:
                raise SettingError("colors", f"two regions have the colour {to_hex(color)}: give each a colour of its own")
        object.__setattr__(self, "labels", _freeze(labels.astype(np.uint8, copy=False)))
        if self.weights is not None:
            if self.weights.shape != (count, *labels.shape):
                raise ImageError(f"weights must be {(count, *labels.shape)} like the labels, got {self.weights.shape}")
            object.__setattr__(self, "weights", _freeze(self.weights.astype(np.float32, copy=False)))

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
        return {name: to_hex(color) for name, color in zip(self.names, self.colors, strict=True)}

    def index(self, region: str) -> int:
        """Find the index of a region called by name, colour name, #rrggbb or number (from 1).

        A colour finds the nearest region within 40 levels. Raises SettingError where there is none, naming those there are.
        """
        wanted = region.strip()
        if wanted in self.names:
            return self.names.index(wanted)
        folded = [name.casefold() for name in self.names]
        if folded.count(wanted.casefold()) == 1:
            return folded.index(wanted.casefold())
        for color in colors_meant(wanted):
            off = [max(abs(a - b) for a, b in zip(color, own, strict=True)) for own in self.colors]
            if min(off) <= ALIKE:
                return off.index(min(off))
        if wanted.isascii() and wanted.isdigit() and 1 <= int(wanted) <= len(self.names):
            return int(wanted) - 1
        known = ", ".join(f"{name} ({to_hex(own)})" for name, own in zip(self.names, self.colors, strict=True))
        raise SettingError("region", f"there is no region {region!r}: the regions are {known}, or 1 to {len(self.names)}")

    def rename(self, names: Mapping[str, str]) -> Regions:
        """Call the same regions otherwise: new name -> region as `index` takes it ({"sky": "#0000ff", "sea": "2"}).

        Raises SettingError for regions that are not there or are named twice.
        """
        new = list(self.names)
        seen: dict[int, str] = {}
        for name, region in names.items():
            at = self.index(region)
            if at in seen:
                raise SettingError("region", f"{seen[at]!r} and {name!r} both name the region {self.names[at]!r}: one name a region")
            seen[at] = name
            new[at] = name
        return replace(self, names=tuple(new))

    def mask(self, region: str, feather: float = 0.0) -> Pixels:
        """Give float32 (H, W) in [0, 1]: where a region is. One plane of `soft`, in the memory of a few."""
        at = self.index(region)
        if self.weights is not None:
            return cast(Pixels, self.weights[at].copy())
        if _hard(feather):
            return cast(Pixels, (self.labels == at).astype(np.float32))
        own, total, outside = self._own_and_total(feather, [at])
        return cast(Pixels, self._raw(at, feather, own, outside[at]) / total)

    def soft(self, feather: float = 0.0, only: Sequence[int] | None = None) -> Pixels:
        """Give float32 (R, H, W) in [0, 1], summing to 1 over the regions: how much each counts where. only: of these regions, in this
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
        box = bounding_box(inside, reach)
        return box, distances(inside[box], reach) - np.float32(0.5)

    def resize(self, size: tuple[int, int]) -> Regions:
        """Resize the regions to (width, height): each pixel goes to the region that has most of its area.

        A region too narrow to have most of any pixel would be lost by that vote; its votes are then counted double, again and
        again, until it keeps half its area, so a line stays a line. None that had a pixel is without one afterwards, as long
        as there are pixels enough. Raises SettingError for a size under 1 × 1.
        """
        width, height = size
        if width < 1 or height < 1:
            raise SettingError("size", "a map's size must be at least 1 × 1", f"{width} × {height}")
        if size == self.size:
            return self
        weights = None
        if self.weights is not None:
            weights = np.stack([scale_plane(plane, size) for plane in self.weights]).clip(0, 1)
            weights /= weights.sum(0)
        return replace(self, labels=_vote(self.labels, len(self.names), size), weights=weights)


def match_regions(content: Regions, style: Regions, *, by: str = "name") -> list[tuple[int, int]]:
    """Match regions: give pairs of indices, (the photo's region, the painting's), one for each region, in the photo's order.

    by: "name", where regions of the same name belong together, and those whose name the other side does not have go by
    colour; or "number", the first with the first.

    Raises SettingError where a region of either has no partner, or is empty; the message names it.
    """
    if by not in ("name", "number"):
        raise SettingError("by", "regions are matched by name or number", by)
    for regions, whose in ((content, "photo"), (style, "painting")):
        for name, share in regions.shares.items():
            if not share:
                raise SettingError(
                    "regions", f"the region {name!r} of the {whose}'s map is empty: paint it in, or take it out of the legend"
                )
    if by == "number":
        if len(content.names) != len(style.names):
            raise SettingError(
                "style_regions",
                f"the photo's map has {len(content.names)} regions ({', '.join(content.names)}) and the painting's "
                f"{len(style.names)} ({', '.join(style.names)}): make them as many",
            )
        return [(at, at) for at in range(len(content.names))]
    pairs = {at: style.names.index(name) for at, name in enumerate(content.names) if name in style.names}
    for at, own in enumerate(content.colors):
        free = [other for other in range(len(style.names)) if other not in pairs.values()]
        if at in pairs or not free:
            continue
        off, other = min((max(abs(a - b) for a, b in zip(own, style.colors[other], strict=True)), other) for other in free)
        if off <= ALIKE:
            pairs[at] = other
    alone = [name for at, name in enumerate(content.names) if at not in pairs]
    spare = [name for at, name in enumerate(style.names) if at not in pairs.values()]
    if alone or spare:
        said = [f"{whose} has {', '.join(names)}" for names, whose in ((alone, "the photo's"), (spare, "the painting's")) if names]
        raise SettingError(
            "style_regions", f"regions without a partner on the other map: {'; '.join(said)}. Use the same names or colours on both"
        )
    return sorted(pairs.items())


def _hard(feather: float) -> bool:
    if not 0 <= feather < math.inf:
        raise SettingError("feather", "must be a width of at least 0 px", feather)
    return feather <= 1


def _step(x: Pixels) -> Pixels:
    """x clipped to [0, 1], then 3x² - 2x³: x and 1 - x still sum to 1, and no crease shows where the band begins."""
    x = np.clip(x, 0, 1)
    return cast(Pixels, x * x * (3 - 2 * x))


def _vote(labels: Labels, count: int, size: tuple[int, int]) -> Labels:
    areas = np.bincount(labels.reshape(-1), minlength=count) / labels.size
    boost = np.ones(count, np.float32)
    voted = np.zeros((size[1], size[0]), np.uint8)
    for _ in range(8):
        most = np.full(voted.shape, -1, np.float32)
        for at in np.flatnonzero(areas):
            share = scale_plane((labels == at).astype(np.float32), size) * boost[at]
            voted[share > most] = at
            np.maximum(most, share, out=most)
        lost = np.bincount(voted.reshape(-1), minlength=count) / voted.size < areas / 2
        if not lost.any():
            break
        boost[lost] *= 2
    taken: set[int] = set()
    for at in np.flatnonzero(areas):
        if not (voted == at).any() and len(taken) < voted.size:
            share = scale_plane((labels == at).astype(np.float32), size).reshape(-1)
            share[list(taken)] = -1
            taken.add(int(share.argmax()))
            voted.reshape(-1)[share.argmax()] = at
    return voted


def _freeze(array: NDArray[Any]) -> NDArray[Any]:
    held = np.ascontiguousarray(array).view()
    held.flags.writeable = False
    return held
