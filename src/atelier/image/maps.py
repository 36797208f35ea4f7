"""Colour-coded maps: regions out of a picture with a colour for each, and back.

Maps in the wild are drawn by hand and saved by anything, so their edges are mixtures and their areas are noisy. `read_map` finds
the colours that were meant and gives every pixel one of them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import cast

import numpy as np
from numpy.typing import NDArray

from atelier.errors import ImageError, SettingError
from atelier.image.color_names import ALIKE, COLORS, Color, name_colors, parse_color, parse_legend, to_hex
from atelier.image.morphology import Bools, bounding_box, dilate, running_extreme
from atelier.image.regions import BACKGROUND, MOST, Labels, Regions
from atelier.image.value import Image

KEY = "atelier-regions"
"""The key of `Image.text` under which `write_map` puts the legend."""

_FLAT = 16  # spread of a 3 × 3 neighbourhood, in levels, up to which it is one colour and noise
_WIDE = 8  # px from either of two regions within which a colour may come of mixing theirs
_SLACK = 24  # levels by which it may miss the line between them
_CALM = 0.25  # share of a map that is of one colour with its neighbours; of photos it is a tenth
_LEAST = 4  # px that an area's inside has at least


def read_map(image: Image, *, names: Mapping[str, str] | None = None) -> Regions:
    """Read the regions of a colour-coded map (or of a grey or black-and-white mask).

    names: name -> colour as `colour` takes it, of some or all regions; otherwise the legend in the map's text, if it has one,
    and else the colours' own names. Regions come in the order of the map's legend, the others by area, largest first.

    A colour is a region where it fills an area, or a line that no two neighbours could mix; what lies between two regions and
    has a colour between theirs is their edge, and goes pixel by pixel to the one it looks more like. Compression's noise is
    followed up to some 30 levels. Transparent pixels (alpha under half) are the region "background". Deterministic.

    Raises ImageError where there is one region only, more than 64, or nothing like a map; SettingError for names that are
    wrong or name a colour that the map does not have.
    """
    listed = _read_legend(image) if names is None else {name: parse_color(word) for name, word in names.items()}
    codes = np.ascontiguousarray(image.to_array(), np.uint8)
    if codes.shape[2] == 3:
        codes = np.concatenate([codes, np.full((*image.shape, 1), 255, np.uint8)], axis=2)
    else:
        codes = np.where(codes[..., 3:] < 128, np.uint8(0), codes | np.array([0, 0, 0, 255], np.uint8))
    if names is None and listed and (exact := _read_exactly(codes, listed)) is not None:
        return exact
    palette, labels = _snap(codes, [(*each, 255) for each in listed.values()])
    colors = [cast(Color, tuple(each[:3])) for each in palette.tolist()]
    clear = [at for at, each in enumerate(palette) if each[3] == 0]
    for at in clear:
        colors[at] = _unlike([own for other, own in enumerate(colors) if other != at])
    words = name_colors(colors)
    for at in clear:
        words[at] = BACKGROUND
    areas = np.bincount(labels.reshape(-1), minlength=len(colors))
    kept = sorted((at for at in range(len(colors)) if areas[at]), key=lambda at: (-areas[at], colors[at]))
    if len(kept) < 2:
        levels = np.unique(codes[..., :3])
        if len(levels) > 1 and int(levels.max()) < MOST:
            raise ImageError("the map's colours are all alike, as of numbers of regions: paint each region in a colour of its own")
        several = ", or of colours too near each other to be told apart" if (codes != codes[:1, :1]).any() else ""
        raise ImageError(f"the map is of one colour, {to_hex(colors[kept[0]])}{several}: paint each region in its own")
    found = _order(labels, kept, words, colors)
    if names is not None:
        return found.rename(names)
    return _with_legend(found, listed)


def write_map(regions: Regions) -> Image:
    """Draw the regions as a colour-coded picture with the legend in its text, which `read_map` turns into the same labels, names
    and colours, after any format without loss. Weights of soft masks are not in it."""
    table = np.array(regions.colors, np.uint8)
    return Image.from_array(table[regions.labels], text={KEY: json.dumps(regions.legend, ensure_ascii=False)})


def specks(image: Image, found: Regions) -> int:
    """Count the pixels of a map in colours of their own that are no region of what `read_map` found in it, as they are too few.

    Of a map with compression's noise, which has many colours, nothing can be said: 0.
    """
    codes = np.ascontiguousarray(image.flat().to_array(), np.uint8)
    values, counts = np.unique(_pack(np.dstack([codes, np.full(image.shape, 255, np.uint8)])), return_counts=True)
    if len(values) > MOST:
        return 0
    colors = [np.array(each, np.int16) for each in found.colors]
    table = values.view(np.uint8).reshape(-1, 4)[:, :3].astype(np.int16)
    stray = _nearest(table, colors, ALIKE) < 0
    # what is between two colours is their smoothed edge
    return int(sum(count for each, count in zip(table[stray], counts[stray], strict=True) if not _pairs_that_mix(each, colors, _SLACK)))


def _read_legend(image: Image) -> dict[str, Color]:
    """The legend that a map carries in its text; empty where there is none or it cannot be read."""
    try:
        return {name: parse_color(word) for name, word in parse_legend(image.text[KEY]).items()}
    except (KeyError, SettingError):
        return {}


def _read_exactly(codes: NDArray[np.uint8], listed: Mapping[str, Color]) -> Regions | None:
    """Regions of a map whose every pixel has a colour of its legend; None where one has not."""
    labels = np.full(codes.shape[:2], 255, np.uint8)
    if len(listed) > MOST or len(set(listed.values())) < len(listed):
        return None
    packed = _pack(codes)
    for at, each in enumerate(listed.values()):
        labels[packed == _pack(np.array([[[*each, 255]]], np.uint8))] = at
    return None if labels.max() == 255 else Regions(labels, tuple(listed), tuple(listed.values()))


def _order(labels: Labels, kept: Sequence[int], words: Sequence[str], colors: Sequence[Color]) -> Regions:
    table = np.zeros(len(colors), np.uint8)
    table[list(kept)] = np.arange(len(kept))
    return Regions(table[labels], tuple(words[at] for at in kept), tuple(colors[at] for at in kept))


def _with_legend(found: Regions, listed: Mapping[str, Color]) -> Regions:
    """Names and order of a legend put on what was found; of it, what the map no longer has stays as an empty region."""
    order: list[int] = []
    names, colors = list(found.names), list(found.colors)
    for name, each in listed.items():
        off = [max(abs(a - b) for a, b in zip(each, own, strict=True)) if at not in order else 999 for at, own in enumerate(colors)]
        if min(off) <= ALIKE:
            order.append(off.index(min(off)))
            names[order[-1]] = name
        elif len(names) < MOST:
            order.append(len(names))
            names.append(name)
            colors.append(each)
    order += [at for at in range(len(names)) if at not in order]
    return _order(found.labels, order, names, colors)


def _unlike(colors: Sequence[Color]) -> Color:
    """The common colour that is furthest from all of these; of those as far, the first."""
    return max(COLORS.values(), key=lambda one: min((max(abs(a - b) for a, b in zip(one, own, strict=True)) for own in colors), default=0))


def _pack(codes: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """(H, W, 4) bytes as one number a pixel."""
    return np.ascontiguousarray(codes).view(np.uint32)[..., 0]


def _snap(codes: NDArray[np.uint8], known: Sequence[tuple[int, ...]]) -> tuple[NDArray[np.uint8], Labels]:
    """The colours that a map is painted in, (R, 4), and labels (H, W). codes: (H, W, 4), alpha 0 or 255. known: colours that are
    surely meant where they occur."""
    spread = _spread_around(codes)
    flat = spread <= _FLAT
    deep = ~dilate(~flat, 2)  # away from borders, and from what smoothing and compression do to them
    noise = float(np.percentile(spread[deep], 99)) if deep.any() else 0.0
    lossy = float(spread[flat].mean()) > 0.5 if flat.any() else True
    radius = int(np.clip(2 * noise, 16 if lossy else 6, 20))
    values, inverse = np.unique(_pack(codes), return_inverse=True)
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
        (np.ones_like(flat), 56 if lossy else ALIKE, max(2 * few, round(2e-5 * flat.size)), True),
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
    colors = np.stack(palette)
    for at in range(len(colors)):
        box = bounding_box((labels == at) & ~flat, _WIDE)
        doubtful = (labels[box] == at) & ~flat[box]
        if doubtful.any():
            sure[box] &= ~_between(doubtful, labels[box], colors[at], palette, radius + _SLACK)
    return colors.astype(np.uint8), _fill(labels, sure, codes, colors)


def _spread_around(codes: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(H, W): how far the channels of a 3 × 3 neighbourhood are spread at most."""
    high, low = codes, codes
    for axis in (0, 1):
        high, low = running_extreme(np.maximum, high, axis), running_extreme(np.minimum, low, axis)
    return cast(NDArray[np.uint8], (high - low).max(2))


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
    mode: NDArray[np.int16], colors: Sequence[NDArray[np.int16]] | NDArray[np.int16], slack: float
) -> list[tuple[int, int]]:
    """Pairs of colours between which a colour lies, within so many levels of the line."""
    pairs = []
    c = np.asarray(mode, float)
    for one in range(len(colors)):
        for other in range(one):
            a = np.asarray(colors[one], float)
            way = np.asarray(colors[other], float) - a
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
        within = ~dilate(~here, 1)
        here &= dilate(within, 2)
    count, box = int(here.sum()), bounding_box(here, _WIDE)
    here = here[box]
    inside = count if lines else int(within.sum())
    if inside < _LEAST:
        return True
    if not lines and inside >= count / 4 and here.size <= 8 * (count + 16 * _WIDE):
        return False
    if (~dilate(~here, _WIDE // 2)).sum() >= count / 4:  # thicker than edges are
        return False
    labels = _nearest(table, palette, radius)[inverse[box]]
    return int(_between(here, labels, mode, palette, radius + _SLACK).sum()) >= (0.5 if lines else 0.8) * count


def _between(here: Bools, labels: NDArray[np.int16], mode: NDArray[np.int16], palette: Sequence[NDArray[np.int16]], slack: float) -> Bools:
    """Where, of here, both of two colours are near that the mode could be a mixture of."""
    met = np.unique(labels[dilate(here, _WIDE)])
    around = [int(at) for at in met if at >= 0 and not np.array_equal(palette[at], mode)]
    near: dict[int, Bools] = {}
    between = np.zeros_like(here)
    for pair in _pairs_that_mix(mode, [palette[at] for at in around], slack):
        for at in pair:
            if at not in near:
                near[at] = here & dilate(labels == around[at], _WIDE)
        between |= near[pair[0]] & near[pair[1]]
    return between


def _fill(labels: NDArray[np.int16], sure: Bools, codes: NDArray[np.uint8], colors: NDArray[np.int16]) -> Labels:
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
                    off = np.where(there >= 0, np.square(own - colors[there]).sum(1), np.inf)
                    pick[off < best] = there[off < best]
                    np.minimum(best, off, out=best)
            chosen[part] = pick
        done = chosen >= 0
        if not done.any():  # no region is sure of a single pixel
            padded[rows + 2, columns + 2] = np.square(codes[rows, columns, None].astype(np.float32) - colors).sum(2).argmin(1)
            break
        padded[rows[done] + 2, columns[done] + 2] = chosen[done]
        rows, columns = rows[~done], columns[~done]
    return padded[2:-2, 2:-2].astype(np.uint8)
