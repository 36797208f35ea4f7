"""Regions made automatically: an object before its background, a picture in so many segments, and whatever is plugged in.

Everything is decided at some hundred pixels a side, where it takes a second or so, and brought to full size along the photo's own
edges. `segment` is the door for words ("auto", "auto:5", a plug-in's name); the functions under it are for callers with more to
say. Plug-ins are entry points of the group "atelier.segmenters": a callable as `Segmenter` describes it.

Colours alone do not tell a cat from a carpet. So callers may hand in what a network saw in the photo (`features`, layers of it
from shallow to deep); how it was made is not known here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from atelier.errors import AtelierError, MissingExtra, SettingError
from atelier.image.color_names import distinct_colors, name_colors
from atelier.image.morphology import Bools
from atelier.image.regions import BACKGROUND, MOST, Labels, Regions
from atelier.image.resize import fit, resize
from atelier.image.spaces import SPACES
from atelier.image.value import Image, Pixels

GROUP = "atelier.segmenters"
"""The group of entry points that segmenters are found under."""

OBJECT = "object"

Features = Sequence[NDArray[Any]]
"""A network's layers, from shallow to deep: float (H', W', C) each, over the whole photo, at any resolution."""

_SIDE = 512  # long side, px, at which an object is cut out
_OBJECT_SIDE = 256  # and at which it is looked for
_PATCHES = 300  # superpixels to look for it among
_SEGMENT_SIDE = 384  # and at which segments are found
_CELLS = 500  # superpixels of a picture
_COMPACT = 20.0  # Lab units that a superpixel's own width is worth
_DIRECTIONS = 32
_BAND = 4  # px, at the size decided at, around a border within which the photo's edges have the last word


class Segmenter(Protocol):
    """What a plug-in is: called with a photo, it gives regions of the photo's size. seed: of what it draws by chance."""

    def __call__(self, photo: Image, *, seed: int = 0) -> Regions: ...


def segmenters() -> Mapping[str, EntryPoint]:
    """Name -> entry point of all that is plugged in; nothing is loaded. Of two of one name the first counts."""
    found: dict[str, EntryPoint] = {}
    for point in entry_points(group=GROUP):
        found.setdefault(point.name, point)
    return found


def segment(photo: Image, how: str = "auto", *, features: Features = (), seed: int = 0) -> Regions:
    """The photo's regions by a word: "auto" (object and background), "auto:N" (N segments), or a plug-in's name.

    features: what a network saw in the photo; "auto" and "auto:N" are much better with them. Raises SettingError for a word that
    is none of these, for a plug-in that cannot be loaded, fails or answers with something else, and as the functions behind the
    words do; MissingExtra for "auto" without `atelier[regions]`.
    """
    check_word(how)
    name, colon, argument = how.strip().partition(":")
    if name == "auto" and not colon:
        return object_and_background(photo, features=features, seed=seed)
    if name == "auto":
        return segments(photo, int(argument), features=features, seed=seed)
    return _plugged(photo, how.strip(), seed)


def check_word(how: str) -> None:
    """Raise SettingError for a word that `segment` does not take, whatever the photo."""
    name, colon, argument = how.strip().partition(":")
    if name == "auto":
        if colon and not (argument.isascii() and argument.isdigit()):
            raise SettingError(f"--regions {how}: write auto, or auto:5 for five segments")
        if colon:
            _check_count(int(argument))
    elif how.strip() not in (known := segmenters()):
        choices = ", ".join(["auto", "auto:N", *sorted(known)])
        raise SettingError(f"there is no segmenter {how.strip()!r}: choose from {choices}, or give a map: there is no file of that name")


def _check_count(count: int) -> None:
    if not 2 <= count <= MOST:
        raise SettingError(f"--regions auto:{count}: a picture is parted into 2 to {MOST} segments")


def _plugged(photo: Image, name: str, seed: int) -> Regions:
    known = segmenters()
    try:
        regions = cast(Segmenter, known[name].load())(photo, seed=seed)
    except AtelierError:
        raise
    except Exception as error:  # somebody else's code: anything may come
        reason = " ".join(str(error).split())[:160] or type(error).__name__
        raise SettingError(f"the segmenter {name!r} ({known[name].value}) failed: {reason}; update it, or use auto") from error
    if not isinstance(regions, Regions) or regions.size != photo.size:
        answer = f"{regions.size} px" if isinstance(regions, Regions) else type(regions).__name__
        raise SettingError(f"the segmenter {name!r} must answer with Regions of {photo.size} px, and gave {answer}; use auto instead")
    return regions


# Object and background ------------------------------------------------------------------------------------------------


def object_and_background(
    photo: Image,
    *,
    box: tuple[int, int, int, int] | None = None,
    scribbles: NDArray[Any] | None = None,
    features: Features = (),
    seed: int = 0,
) -> Regions:
    """Two regions, "object" and "background", by GrabCut (Rother, Kolmogorov and Blake, SIGGRAPH 2004).

    box: (left, top, right, bottom) in px of the photo, right and bottom exclusive: the object lies inside. scribbles:
    (H, W) of the photo, over 0 where the object surely is, under 0 where it surely is not, 0 where nothing was drawn. Without
    either the object is what stands out, in features where they are given. seed: of GrabCut's first clusters.

    Raises SettingError for a box, scribbles or features that do not fit the photo and where no object is found, MissingExtra
    without OpenCV.
    """
    try:
        import cv2
    except ImportError:
        raise MissingExtra("telling object from background", "regions") from None
    small = resize(photo.flat(), fit(photo.size, min(_SIDE, max(photo.size))))
    instead = _INSTEAD if box is None and scribbles is None else _CLOSER
    if box is None and scribbles is None:
        trimap = _around(_found(photo, features, seed), small.shape)
    else:
        trimap = _start(small, photo, box, scribbles)
    if not np.isin(trimap, (cv2.GC_FGD, cv2.GC_PR_FGD)).any() or not np.isin(trimap, (cv2.GC_BGD, cv2.GC_PR_BGD)).any():
        raise SettingError(f"no object stands out from its background: {instead}")
    object_ = _cut_out(small, trimap, seed, rounds=5 if box or scribbles is not None else 2)
    if object_ is None:
        raise SettingError(f"no object could be told from its background: {instead}")
    labels = _refined(photo, np.where(object_, 0, 1).astype(np.uint8), 2)
    return Regions(labels, (OBJECT, BACKGROUND), ((255, 255, 255), (0, 0, 0)))


_INSTEAD = "give atelier regions a --box or --scribbles, try auto:5, or paint a map"
_CLOSER = "draw the box close around it, with something of the background left outside, scribble on both, or paint a map"


def _cut_out(small: Image, trimap: Labels, seed: int, rounds: int) -> Bools | None:
    """(H, W): the object, without specks and pinholes, by GrabCut from a start as `_start` gives it; None where there is none, or
    nothing but it."""
    import cv2

    cv2.setRNGSeed(seed % 2**31)
    trimap, empty = trimap.copy(), np.zeros((1, 65), np.float64)
    cv2.grabCut(small.to_array().astype(np.uint8), trimap, (0, 0, 1, 1), empty, empty.copy(), rounds, cv2.GC_INIT_WITH_MASK)
    found = np.isin(trimap, (cv2.GC_FGD, cv2.GC_PR_FGD))
    if not found.any() or found.all():
        return None
    _, parts, about, _ = cv2.connectedComponentsWithStats(found.astype(np.uint8))
    areas = about[1:, cv2.CC_STAT_AREA]
    found = np.isin(parts, 1 + np.flatnonzero(areas >= 0.1 * areas.max())) | (found & (trimap == cv2.GC_FGD))
    _, parts, about, _ = cv2.connectedComponentsWithStats((~found).astype(np.uint8))
    holes = np.flatnonzero(about[:, cv2.CC_STAT_AREA] < 0.005 * found.size)
    found |= np.isin(parts, holes[holes > 0]) & (trimap != cv2.GC_BGD)
    return None if found.all() else found


def _start(small: Image, photo: Image, box: tuple[int, int, int, int] | None, scribbles: NDArray[Any] | None) -> Labels:
    """What GrabCut starts from: 0 surely background, 1 surely object, 2 probably background, 3 probably object."""
    height, width = small.shape
    if box is not None:
        left, top, right, bottom = box
        if not (0 <= left < right <= photo.size[0] and 0 <= top < bottom <= photo.size[1]):
            raise SettingError(f"the box {box} is not inside the photo of {photo.size[0]} × {photo.size[1]}: left,top,right,bottom in px")
        across, down = width / photo.size[0], height / photo.size[1]
        trimap = np.zeros((height, width), np.uint8)
        trimap[int(top * down) : max(int(top * down) + 1, round(bottom * down)), int(left * across) : max(1, round(right * across))] = 3
    else:
        trimap = np.full((height, width), 2, np.uint8)
    if scribbles is not None:
        if scribbles.shape != photo.shape:
            raise SettingError(f"scribbles must be {photo.shape} like the photo, got {scribbles.shape}")
        for mark, drawn in ((0, scribbles < 0), (1, scribbles > 0)):
            # a stroke of one pixel must not be lost on the way down
            share = np.asarray(Pillow.fromarray(drawn.astype(np.float32)).resize((width, height), Pillow.Resampling.BOX))
            trimap[share > 0] = mark
        if not (scribbles > 0).any() and box is None:
            raise SettingError("the scribbles mark no object: draw over it, too")
        if box is None and not (scribbles < 0).any():
            edge = np.ones_like(trimap, np.bool_)
            edge[2:-2, 2:-2] = False
            trimap[edge & (trimap == 2)] = 0
    return trimap


def _around(found: Bools, shape: tuple[int, int]) -> Labels:
    """What a larger GrabCut starts from: as found but for a narrow band along the border, where it may decide afresh."""
    sheet = Pillow.fromarray(found.astype(np.float32)).resize(shape[::-1], Pillow.Resampling.BILINEAR)
    level = _boxed(np.asarray(sheet, np.float64)[..., None], max(2, round(max(shape) / 100)))[..., 0]
    return np.select([level < 1e-6, level < 0.5, level < 1 - 1e-6], [0, 2, 3], 1).astype(np.uint8)


def _found(photo: Image, features: Features, seed: int) -> Bools:
    """(H, W) at `_OBJECT_SIDE`: the object that stands out best.

    GrabCut is started from what stands out in general at three thresholds, and from what stands out by contrast to all around it
    (`saliency`), which finds small bright things. Of the answers that one is taken that parts the deepest features best, in
    Otsu's sense: whose two means differ most, weighted by both shares of the area.
    """
    small = resize(photo.flat(), fit(photo.size, min(_OBJECT_SIDE, max(photo.size))))
    patches = _Patches(small, features)
    if max(np.ptp(patches.colours, 0)) < 3:  # Lab units: noise
        raise SettingError(f"no object stands out from its background: {_INSTEAD}")
    in_general = patches.standing_out()
    contrast = _standard(_means(patches.cells, saliency(small)[..., None].astype(np.float64), patches.count)[:, 0], patches.areas)
    best, most = None, -1.0
    for values, more in ((in_general, 0.0), (in_general, 0.35), (in_general, 0.7), (contrast, 0.0)):
        over = (values - _threshold(values, patches.areas) - more)[patches.cells]
        start = np.select([over < -_DOUBT, over <= 0, over <= _DOUBT], [0, 2, 3], 1).astype(np.uint8)
        if not (over > 0).any() or not (over <= 0).any() or (found := _cut_out(small, start, seed, rounds=2)) is None:
            continue
        inside = np.bincount(patches.cells.reshape(-1), found.reshape(-1), patches.count)
        share = inside.sum() / found.size
        apart = inside @ patches.deepest / inside.sum() - (patches.areas - inside) @ patches.deepest / (found.size - inside.sum())
        if (parted := float(np.square(apart).sum()) * share * (1 - share)) > most:
            best, most = found, parted
    if best is None:
        raise SettingError(f"no object stands out from its background: {_INSTEAD}")
    return best


_DOUBT = 0.7  # standard deviations around a threshold within which GrabCut decides
_STANDING_OUT = (0.57, 0.71, 0.22, 0.33)
"""What signs of an object weigh: unlike the border, not bound to it, in the middle, and of another hue. Fitted (logistic
regression) to fifteen photos with the object outlined; docs/control.md says how far that can be trusted."""


class _Patches:
    """A small picture in superpixels, and what is known of each: colours (n, 3) in Lab, places (n, 2) in [0, 1], areas (n,) in px, and
    features: shallow and deepest, (n, ≤ 12) each, and directions of the deepest, of unit length."""

    def __init__(self, small: Image, features: Features) -> None:
        lab = SPACES["lab"].from_srgb(small.pixels)
        self.cells = superpixels(lab, _PATCHES)
        self.count = int(self.cells.max()) + 1
        self.areas = np.bincount(self.cells.reshape(-1), minlength=self.count).astype(np.float64)
        self.colours = _means(self.cells, lab, self.count)
        self.places = (_places(self.cells, self.count) + 0.5) / np.array(self.cells.shape)
        self.touching = _touching(self.cells, self.count)
        if features:
            shallow, deepest = (_averaged(layer, self.cells, self.count) for layer in (features[0], features[-1]))
            raw = _averaged(features[-1], self.cells, self.count, rooted=False)
        else:
            shallow = deepest = raw = self.colours
        self.shallow, self.deepest = _main(shallow, self.areas), _main(deepest, self.areas)
        self.directions = raw / np.maximum(np.linalg.norm(raw, axis=1, keepdims=True), 1e-6)

    def standing_out(self) -> NDArray[np.float64]:
        """(n,), of mean 0 and variance 1: how much of an object each patch looks like.

        Four signs are added up. What the picture itself teaches of object and background that way is then asked of each patch
        again (Tong et al., "Salient object detection via bootstrap learning", CVPR 2015; here by kernel ridge regression on
        colour and features).
        """
        signs = (self._unlike_border(), self._unbound(), self._central(), self._other_hue())
        first = _standard(sum(w * _standard(sign, self.areas) for w, sign in zip(_STANDING_OUT, signs, strict=True)), self.areas)
        known = np.concatenate([_main(self.colours, self.areas), self.shallow, self.deepest], 1)
        off = _squares(known)
        alike = np.exp(-off / max(float(np.median(off)), 1e-9))
        said = np.tanh(first)
        trust = np.square(said) * self.areas / self.areas.mean()
        second = alike @ np.linalg.solve(alike + np.diag(1 / np.maximum(trust, 1e-3)), said)
        return _standard(_standard(second, self.areas) + 0.5 * first, self.areas)

    def _border(self, *, bottom: bool) -> NDArray[np.intp]:
        """Patches at the border. People stand on the lower one, so it tells less of the background."""
        sides = [self.cells[0], self.cells[:, 0], self.cells[:, -1], *([self.cells[-1]] if bottom else [])]
        return np.unique(np.concatenate(sides))

    def _unlike_border(self) -> NDArray[np.float64]:
        """How far the deepest features' directions are from those at the border, on average."""
        apart = np.sqrt(_squares(self.directions))
        return cast(NDArray[np.float64], apart[:, self._border(bottom=True)].mean(1))

    def _unbound(self) -> NDArray[np.float64]:
        """How little of the border belongs to a patch's smooth surroundings (Zhu et al. 2014, equations 2 to 4), the steps between
        patches being those of shallow features."""
        apart = np.sqrt(_squares(self.shallow))
        apart /= max(float(np.median(apart)), 1e-9)
        spanned = np.exp(-np.square(_paths(apart, self.touching)) / (2 * 0.35**2))
        bound = spanned[:, self._border(bottom=False)].sum(1) / np.sqrt(spanned.sum(1))
        return cast(NDArray[np.float64], -np.log(bound + 0.05))

    def _central(self) -> NDArray[np.float64]:
        """People put what they photograph in the middle, or a little under it."""
        y, x = self.places.T
        return cast(NDArray[np.float64], np.exp(-np.square((y - 0.55) / 0.28) / 2 - np.square((x - 0.5) / 0.25) / 2))

    def _other_hue(self) -> NDArray[np.float64]:
        """How far its hue and chroma are from the nearest eighth of the border's."""
        border = self._border(bottom=False)
        apart = np.sqrt(np.square(self.colours[:, None, 1:] - self.colours[border, 1:]).sum(2))
        return cast(NDArray[np.float64], np.sort(apart, 1)[:, : max(3, len(border) // 8)].mean(1))


def _standard(values: Any, areas: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of mean 0 and variance 1 over the picture; 0 where all are alike."""
    off = values - np.average(values, weights=areas)
    return cast(NDArray[np.float64], off / max(float(np.sqrt(np.average(np.square(off), weights=areas))), 1e-9))


def _squares(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, C) -> (n, n): squared distances."""
    norms = np.square(points).sum(1)
    return cast(NDArray[np.float64], np.maximum(norms[:, None] + norms - 2 * points @ points.T, 0))


def _threshold(values: NDArray[np.float64], areas: NDArray[np.float64]) -> float:
    """Otsu's: the one whose two sides have means that are furthest apart, weighted by both shares."""
    order = np.argsort(values, kind="stable")
    share = np.cumsum(areas[order]) / areas.sum()
    mean = np.cumsum(areas[order] * values[order]) / areas.sum()
    between = np.square(mean[-1] * share - mean) / np.maximum(share * (1 - share), 1e-9)
    return float(values[order][between[:-1].argmax()]) if len(values) > 1 else 0.0


def saliency(photo: Image) -> Pixels:
    """float32 (H, W) in [0, 1]: how much of an object each pixel looks like, by its contrast to what is bound to the picture's border.

    Zhu, Liang, Wei and Sun, "Saliency optimization from robust background detection", CVPR 2014: superpixels; how much of the
    border belongs to each one's smooth surroundings (equations 2 to 6); contrast to what is bound to it (8 and 9); a quadratic
    cost that reconciles these with smoothness, solved in closed form (10).
    """
    small = resize(photo.flat(), fit(photo.size, min(256, max(photo.size))))
    lab = SPACES["lab"].from_srgb(small.pixels)
    cells = superpixels(lab, 220)
    count = int(cells.max()) + 1
    height, width = cells.shape
    mean, place = _means(cells, lab, count), _places(cells, count) / max(height, width)
    apart = np.sqrt(np.square(mean[:, None] - mean).sum(2))
    touching = _touching(cells, count)
    border = np.zeros(count, np.bool_)
    border[np.concatenate([cells[0], cells[-1], cells[:, 0], cells[:, -1]])] = True
    spanned = np.exp(-np.square(_paths(apart, touching, border[:, None] & border)) / (2 * 10.0**2))
    bound = spanned[:, border].sum(1) / np.sqrt(spanned.sum(1))
    background = 1 - np.exp(-np.square(bound) / 2)
    closeness = np.exp(-np.square(place[:, None] - place).sum(2) / (2 * 0.25**2))
    contrast = (apart * closeness * background).sum(1)
    middle = np.square(place - np.array(cells.shape) / (2 * max(cells.shape))).sum(1)
    contrast *= np.exp(-middle / (2 * 0.35**2))  # the paper does without
    contrast = (contrast - contrast.min()) / max(float(np.ptp(contrast)), 1e-9)
    smooth = np.where(touching, np.exp(-np.square(apart) / (2 * 10.0**2)) + 0.1, 0)
    system = np.diag(background + contrast + smooth.sum(1) + 1e-6) - smooth
    value = np.linalg.solve(system, contrast)
    value = (value - value.min()) / max(float(np.ptp(value)), 1e-9)
    sheet = Pillow.fromarray(value[cells].astype(np.float32)).resize(photo.size, Pillow.Resampling.BILINEAR)
    return np.asarray(sheet, np.float32).clip(0, 1)


def _paths(apart: NDArray[np.float64], touching: Bools, joined: Bools | None = None) -> NDArray[np.float64]:
    """(n, n): lengths of shortest paths over patches that touch, or are joined. Differences so small that they are no step at all,
    what neighbours differ by at least, on average, count nothing (Zhu et al.)."""
    least = np.where(touching, apart, np.inf).min(1)
    trivial = float(least[np.isfinite(least)].mean()) if np.isfinite(least).any() else 0.0
    steps = np.where(touching if joined is None else touching | joined, np.maximum(apart - trivial, 0), np.inf)
    np.fill_diagonal(steps, 0)
    for via in range(len(steps)):  # all of them (Floyd and Warshall)
        np.minimum(steps, steps[:, via, None] + steps[via], out=steps)
    return steps


# Segments -------------------------------------------------------------------------------------------------------------


def segments(photo: Image, count: int, *, features: Features = (), seed: int = 0) -> Regions:
    """So many regions by colour, place and, where given, features; named and coloured by the common colours, the largest first.

    features: as a network saw the photo, whatever their scale. Superpixels are merged by Ward's criterion (what adds least
    variance), first neighbours with neighbours, so that regions are compact, then any with any, so that a sky behind a tower is
    one. seed: unused, as nothing is drawn by chance; there for the sake of all segmenters being called alike.

    Fewer regions come back where the photo has no more to give. Raises SettingError for a count that is not 2 to 64, and for
    features of another shape or that are not finite.
    """
    _check_count(count)
    small = resize(photo.flat(), fit(photo.size, min(_SEGMENT_SIDE, max(photo.size))))
    lab = SPACES["lab"].from_srgb(small.pixels)
    cells = superpixels(lab, max(_CELLS, 8 * count))
    cell_count = int(cells.max()) + 1
    mean = _means(cells, lab, cell_count)
    place = _places(cells, cell_count) / max(cells.shape)
    areas = np.bincount(cells.reshape(-1), minlength=cell_count).astype(np.float64)
    # some 25 Lab units are another thing, in lightness more, as shadows fall on one thing; a picture's length is not quite one
    columns = [mean * np.array([0.6, 1, 1]) / 25, place * 0.8]
    # deep features are blurred: beside a tower the sky looks half a tower. So each cell takes the mean of what is near and of its colour
    alike = areas * np.exp(-_squares(mean) / (2 * 10.0**2) - _squares(place) / (2 * 0.12**2))
    alike /= alike.sum(1, keepdims=True)
    columns += [_main(alike @ _averaged(layer, cells, cell_count), areas) for layer in features]
    values = np.concatenate(columns, 1)
    groups = _merged(values, areas, _touching(cells, cell_count), max(6 * count, 24))
    groups = _merged(values, areas, None, count, groups)
    labels = _refined(photo, groups[cells].astype(np.uint8), int(groups.max()) + 1)
    sizes = np.bincount(labels.reshape(-1), minlength=int(groups.max()) + 1)
    order = np.argsort(-sizes, kind="stable")[: int((sizes > 0).sum())]
    rank = np.zeros(len(sizes), np.uint8)
    rank[order] = np.arange(len(order))
    colours = distinct_colors(len(order) + 2)[2:]  # black and white stay free for masks
    return Regions(rank[labels], tuple(name_colors(colours)), colours)


def superpixels(lab: Pixels, count: int, rounds: int = 6) -> NDArray[np.intp]:
    """(H, W, 3) -> (H, W) indices of about so many compact patches, each of one colour as far as can be.

    SLIC (Achanta et al., PAMI 2012): k-means over colour and place in which a pixel chooses among the centres of its own and
    the eight cells around. Indices are without gaps.
    """
    height, width = lab.shape[:2]
    side = max(1.0, (height * width / count) ** 0.5)
    rows, columns = max(1, round(height / side)), max(1, round(width / side))
    y, x = np.mgrid[:height, :width].astype(np.float32)
    home_row = np.minimum((y * rows / height).astype(np.intp), rows - 1)
    home_column = np.minimum((x * columns / width).astype(np.intp), columns - 1)
    points = np.concatenate([lab, y[..., None] * (_COMPACT / side), x[..., None] * (_COMPACT / side)], 2).astype(np.float32)
    label = home_row * columns + home_column
    for _ in range(rounds):
        centres = _means(label, points, rows * columns).astype(np.float32)
        best = np.full((height, width), np.inf, np.float32)
        fresh = label
        for dy in (-1, 0, 1):
            for dx in (-1, 0, 1):
                row, column = home_row + dy, home_column + dx
                there = row.clip(0, rows - 1) * columns + column.clip(0, columns - 1)
                off = np.square(points - centres[there]).sum(2)
                fresh = np.where(off < best, there, fresh)
                np.minimum(best, off, out=best)
        label = fresh
    return np.unique(label, return_inverse=True)[1].reshape(label.shape)


def _means(cells: NDArray[np.intp], values: NDArray[Any], count: int) -> NDArray[np.float64]:
    """(count, C): means of values (H, W, C) over cells; of an empty cell far from everything."""
    flat, sums = cells.reshape(-1), np.empty((count, values.shape[2]))
    areas = np.bincount(flat, minlength=count)
    for channel in range(values.shape[2]):
        sums[:, channel] = np.bincount(flat, values[..., channel].reshape(-1), count)
    return np.where(areas[:, None] > 0, sums / np.maximum(areas, 1)[:, None], 1e6)


def _places(cells: NDArray[np.intp], count: int) -> NDArray[np.float64]:
    return _means(cells, np.stack(list(np.mgrid[: cells.shape[0], : cells.shape[1]]), 2).astype(np.float64), count)


def _touching(cells: NDArray[np.intp], count: int) -> Bools:
    """(count, count): which cells have an edge in common."""
    touching = np.zeros((count, count), np.bool_)
    touching[cells[1:], cells[:-1]] = True
    touching[cells[:, 1:], cells[:, :-1]] = True
    touching |= touching.T
    np.fill_diagonal(touching, False)
    return touching


def _averaged(layer: NDArray[Any], cells: NDArray[np.intp], count: int, *, rooted: bool = True) -> NDArray[np.float64]:
    """(count, ≤ 32): a layer's features over cells, along the directions in which there is most of them.

    rooted: of activations, many small numbers and few large ones, the roots, which compare better (Hellinger's distance).
    Raises SettingError for what is no layer of features.
    """
    if layer.ndim != 3 or 0 in layer.shape or layer.dtype.kind != "f" or not np.isfinite(layer).all():
        raise SettingError(f"features must be finite floats (H, W, C), got {layer.dtype} {layer.shape}")
    flat = layer.reshape(-1, layer.shape[2]).astype(np.float64)
    if rooted:
        flat = np.sign(flat) * np.sqrt(np.abs(flat))
    *_, ways = np.linalg.eigh(flat.T @ flat)  # a few directions hold nearly all, and enlarging is what takes time
    main = (flat @ ways[:, : -1 - _DIRECTIONS : -1]).reshape(*layer.shape[:2], -1)
    planes = [_enlarged(main[..., at], (cells.shape[1], cells.shape[0])) for at in range(main.shape[2])]
    return _means(cells, np.stack(planes, 2), count)


def _main(values: NDArray[np.float64], areas: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, C) -> (n, ≤ 12): principal components over the picture, scaled to a variance of 1 altogether."""
    off = values - np.average(values, axis=0, weights=areas)
    weights = np.sqrt(areas / areas.sum())[:, None]
    *_, ways = np.linalg.svd(off * weights, full_matrices=False)
    main = off @ ways[:12].T
    return cast(NDArray[np.float64], main / max(float(np.sqrt(np.square(main * weights).sum())), 1e-9))


def _merged(
    values: NDArray[np.float64], areas: NDArray[np.float64], touching: Bools | None, count: int, groups: NDArray[np.intp] | None = None
) -> NDArray[np.intp]:
    """Cell -> group, by Ward's merging of the pair that adds least variance until count groups are left; touching: which may
    merge (None: all). groups: what was merged before."""
    groups = np.arange(len(values)) if groups is None else groups
    number = int(groups.max()) + 1
    weight = np.bincount(groups, areas, number)
    centre = np.stack([np.bincount(groups, areas * values[:, at], number) for at in range(values.shape[1])], 1) / weight[:, None]
    allowed = np.ones((number, number), np.bool_) if touching is None else touching.copy()
    np.fill_diagonal(allowed, False)
    parent = np.arange(number)

    def costs(at: int | slice) -> NDArray[np.float64]:
        w, c = weight[at], centre[at]
        shared = np.multiply.outer(w, weight) / np.add.outer(w, weight)
        apart = np.square(np.expand_dims(c, -2) - centre).sum(-1)
        return cast(NDArray[np.float64], shared * apart)

    cost = np.where(allowed, costs(slice(None)), np.inf)
    for _ in range(number - count):
        one, other = (int(each) for each in np.unravel_index(cost.argmin(), cost.shape))
        if not np.isfinite(cost[one, other]):
            break
        total = weight[one] + weight[other]
        centre[one] = (weight[one] * centre[one] + weight[other] * centre[other]) / total
        weight[one] = total
        parent[parent == other] = one
        allowed[one] |= allowed[other]
        allowed[:, one] |= allowed[:, other]
        allowed[other], allowed[:, other], allowed[one, one] = False, False, False
        cost[other], cost[:, other] = np.inf, np.inf
        cost[one] = np.where(allowed[one], costs(one), np.inf)
        cost[:, one] = cost[one]
    return np.unique(parent, return_inverse=True)[1].reshape(-1)[groups]


# To full size ---------------------------------------------------------------------------------------------------------


def _refined(photo: Image, labels: Labels, count: int) -> Labels:
    """Labels decided at a smaller size, at the photo's: near borders each pixel goes to the region whose guided filter is highest.

    He, Sun and Tang, "Guided image filtering", PAMI 2013, with colour as guide, in the fast form (He and Sun 2015): what the
    filter is made of is reckoned at the small size, and applied at the full one.
    """
    height, width = labels.shape
    guide = resize(photo.flat(), (width, height)).pixels.astype(np.float64)
    pixels = photo.flat().pixels
    radius, ridge = max(2, round(max(height, width) / 100)), 1e-3
    mean = _boxed(guide, radius)
    products = guide[..., :, None] * guide[..., None, :]
    spread = _boxed(products.reshape(height, width, 9), radius).reshape(products.shape) - mean[..., :, None] * mean[..., None, :]
    inverse = np.linalg.inv(spread + ridge * np.eye(3))
    edge = np.zeros(labels.shape, np.bool_)
    edge[:, 1:] |= labels[:, 1:] != labels[:, :-1]
    edge[1:] |= labels[1:] != labels[:-1]
    band = _boxed(edge[..., None].astype(np.float64), _BAND)[..., 0] > 1e-9
    most = np.full(photo.shape, -np.inf, np.float32)
    out = np.zeros(photo.shape, np.uint8)
    for at in range(count):
        own = (labels == at).astype(np.float64)
        level = _boxed(own[..., None], radius)
        slope = np.einsum("hwij,hwj->hwi", inverse, _boxed(guide * own[..., None], radius) - mean * level)
        offset = level[..., 0] - (slope * mean).sum(2)
        a, b = _boxed(slope, radius), _boxed(offset[..., None], radius)[..., 0]
        # away from borders there is nothing to ask
        a[~band], b[~band] = 0, own[~band]
        value = _enlarged(b, photo.size)
        for channel in range(3):
            value += _enlarged(a[..., channel], photo.size) * pixels[..., channel]
        out[value > most] = at
        np.maximum(most, value, out=most)
    return out


def _boxed(values: NDArray[np.float64], radius: int) -> NDArray[np.float64]:
    """Means over (2·radius + 1)² px of each channel, of what lies inside at the edges."""
    for axis in (0, 1):
        length = values.shape[axis]
        sums = np.cumsum(values, axis)
        sums = np.concatenate([np.zeros_like(sums.take([0], axis)), sums], axis)
        first, last = np.maximum(np.arange(length) - radius, 0), np.minimum(np.arange(length) + radius + 1, length)
        shape = [1, 1, 1]
        shape[axis] = length
        values = (sums.take(last, axis) - sums.take(first, axis)) / (last - first).reshape(shape)
    return values


def _enlarged(plane: NDArray[np.float64], size: tuple[int, int]) -> Pixels:
    return np.array(Pillow.fromarray(plane.astype(np.float32)).resize(size, Pillow.Resampling.BILINEAR), np.float32)
