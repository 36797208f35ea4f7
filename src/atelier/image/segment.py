"""Regions made automatically: an object before its background, a picture in so many segments, and whatever is plugged in.

Everything is decided at some hundred pixels a side, where it takes a second or so, and brought to full size along the photo's own
edges. `segment` is the door for words ("auto", "auto:5", a plug-in's name); the functions under it are for callers with more to
say. Plug-ins are entry points of the group "atelier.segmenters": a callable as `Segmenter` describes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from atelier.errors import AtelierError, MissingExtra, SettingError
from atelier.image.regions import BACKGROUND, MOST, Bools, Labels, Regions, called, palette
from atelier.image.resize import fit, resize
from atelier.image.spaces import SPACES
from atelier.image.value import Image, Pixels

GROUP = "atelier.segmenters"
"""The group of entry points that segmenters are found under."""

OBJECT = "object"

_SIDE = 512  # long side, px, at which an object is cut out
_SEGMENT_SIDE = 384  # and at which segments are found
_CELLS = 500  # superpixels of a picture
_COMPACT = 20.0  # Lab units that a superpixel's own width is worth
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


def segment(photo: Image, how: str = "auto", *, features: NDArray[Any] | None = None, seed: int = 0) -> Regions:
    """The photo's regions by a word: "auto" (object and background), "auto:N" (N segments), or a plug-in's name.

    features: as `segments` takes them, for "auto:N". Raises SettingError for a word that is none of these, for a plug-in that
    cannot be loaded, fails or answers with something else, and as the functions behind the words do; MissingExtra for
    "auto" without `atelier[regions]`.
    """
    name, colon, argument = how.strip().partition(":")
    if name == "auto" and not colon:
        return object_and_background(photo, seed=seed)
    if name == "auto":
        if not (argument.isascii() and argument.isdigit()):
            raise SettingError(f"--regions {how}: write auto, or auto:5 for five segments")
        return segments(photo, int(argument), features=features, seed=seed)
    return _plugged(photo, how.strip(), seed)


def _plugged(photo: Image, name: str, seed: int) -> Regions:
    known = segmenters()
    if name not in known:
        raise SettingError(f"there is no segmenter {name!r}: choose from {', '.join(['auto', 'auto:N', *sorted(known)])}")
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
    photo: Image, *, box: tuple[int, int, int, int] | None = None, scribbles: NDArray[Any] | None = None, seed: int = 0
) -> Regions:
    """Two regions, "object" and "background", by GrabCut (Rother, Kolmogorov and Blake, SIGGRAPH 2004).

    box: (left, top, right, bottom) in px of the photo, right and bottom exclusive: the object lies inside. scribbles:
    (H, W) of the photo, over 0 where the object surely is, under 0 where it surely is not, 0 where nothing was drawn. Without
    either it starts from what stands out (`saliency`). seed: of GrabCut's first clusters.

    Raises SettingError for a box or scribbles that do not fit the photo and where no object is found, MissingExtra without OpenCV.
    """
    try:
        import cv2
    except ImportError:
        raise MissingExtra("telling object from background", "regions") from None
    small = resize(photo.flat(), fit(photo.size, min(_SIDE, max(photo.size))))
    trimap = _start(small, photo, box, scribbles)
    if not np.isin(trimap, (cv2.GC_FGD, cv2.GC_PR_FGD)).any() or not np.isin(trimap, (cv2.GC_BGD, cv2.GC_PR_BGD)).any():
        raise SettingError(
            "no object stands out from its background: give atelier regions a --box or --scribbles, try auto:5, or paint a map"
        )
    cv2.setRNGSeed(seed % 2**31)
    empty = np.zeros((1, 65), np.float64)
    cv2.grabCut(small.to_array().astype(np.uint8), trimap, (0, 0, 1, 1), empty, empty.copy(), 5, cv2.GC_INIT_WITH_MASK)
    found = np.isin(trimap, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8)
    count, parts, about, _ = cv2.connectedComponentsWithStats(found)
    areas = about[:, cv2.CC_STAT_AREA]
    if count < 2 or not found.any() or found.all():
        raise SettingError(
            "no object could be told from its background: give atelier regions a --box or --scribbles, try auto:5, or paint a map"
        )
    kept = np.isin(parts, 1 + np.flatnonzero(areas[1:] >= 0.1 * areas[1:].max())) | (trimap == cv2.GC_FGD)
    labels = _refined(photo, np.where(kept, 0, 1).astype(np.uint8), 2)
    return Regions(labels, (OBJECT, BACKGROUND), ((255, 255, 255), (0, 0, 0)))


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
    elif scribbles is not None:
        trimap = np.full((height, width), 2, np.uint8)
    else:
        stands_out = saliency(small)
        low, high = _two_thresholds(stands_out)
        trimap = np.where(stands_out > high, np.uint8(3), np.uint8(2))
        trimap[stands_out < low] = 0
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


def _two_thresholds(values: Pixels) -> tuple[float, float]:
    """(surely not, probably so): Otsu's threshold halved, and itself."""
    counts, edges = np.histogram(values, 128, (0.0, 1.0))
    weight = np.cumsum(counts) / values.size
    mean = np.cumsum(counts * (edges[:-1] + edges[1:]) / 2) / values.size
    between = (mean[-1] * weight - mean) ** 2 / np.maximum(weight * (1 - weight), 1e-9)
    high = float(edges[1 + int(between[:-1].argmax())])
    return high / 2, high


def saliency(photo: Image) -> Pixels:
    """float32 (H, W) in [0, 1]: how much of an object each pixel looks like, by how little it is bound to the picture's border.

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
    steps = np.where(touching | (border[:, None] & border), np.maximum(apart - _trivial(apart, touching), 0), np.inf)
    np.fill_diagonal(steps, 0)
    for via in range(count):  # all shortest paths (Floyd and Warshall)
        np.minimum(steps, steps[:, via, None] + steps[via], out=steps)
    spanned = np.exp(-np.square(steps) / (2 * 10.0**2))
    bound = spanned[:, border].sum(1) / np.sqrt(spanned.sum(1))
    background = 1 - np.exp(-np.square(bound) / 2)
    closeness = np.exp(-np.square(place[:, None] - place).sum(2) / (2 * 0.25**2))
    contrast = (apart * closeness * background).sum(1)
    middle = np.square(place - np.array(cells.shape) / (2 * max(cells.shape))).sum(1)
    contrast *= np.exp(-middle / (2 * 0.35**2))  # people put what they photograph in the middle; the paper does without
    contrast = (contrast - contrast.min()) / max(float(np.ptp(contrast)), 1e-9)
    smooth = np.where(touching, np.exp(-np.square(apart) / (2 * 10.0**2)) + 0.1, 0)
    system = np.diag(background + contrast + smooth.sum(1) + 1e-6) - smooth
    value = np.linalg.solve(system, contrast)
    value = (value - value.min()) / max(float(np.ptp(value)), 1e-9)
    sheet = Pillow.fromarray(value[cells].astype(np.float32)).resize(photo.size, Pillow.Resampling.BILINEAR)
    return np.asarray(sheet, np.float32).clip(0, 1)


def _trivial(apart: NDArray[np.float64], touching: Bools) -> float:
    """A difference of colour so small that it is no step at all: what neighbours differ by at least, on average."""
    least = np.where(touching, apart, np.inf).min(1)
    return float(least[np.isfinite(least)].mean()) if np.isfinite(least).any() else 0.0


# Segments -------------------------------------------------------------------------------------------------------------


def segments(photo: Image, count: int, *, features: NDArray[Any] | None = None, seed: int = 0) -> Regions:
    """So many regions by colour, place and, where given, features; named and coloured by the common colours, the largest first.

    features: float (H', W', C) over the whole photo at any resolution, for example a network's; they count as much as colour
    does, whatever their scale. Superpixels are merged by Ward's criterion (what adds least variance), first neighbours with
    neighbours, so that regions are compact, then any with any, so that a sky behind a tower is one. seed: unused, as nothing is
    drawn by chance; there for the sake of all segmenters being called alike.

    Fewer regions come back where the photo has no more to give. Raises SettingError for a count that is not 2 to 64, and for
    features of another shape or that are not finite.
    """
    if not 2 <= count <= MOST:
        raise SettingError(f"--regions auto:{count}: a picture is parted into 2 to {MOST} segments")
    small = resize(photo.flat(), fit(photo.size, min(_SEGMENT_SIDE, max(photo.size))))
    lab = SPACES["lab"].from_srgb(small.pixels)
    cells = superpixels(lab, max(_CELLS, 8 * count))
    cell_count = int(cells.max()) + 1
    mean = _means(cells, lab, cell_count)
    place = _places(cells, cell_count) / max(cells.shape)
    # some 25 Lab units are another thing, in lightness more, as shadows fall on one thing; a picture's length is not quite one
    columns = [mean * np.array([0.6, 1, 1]) / 25, place * 0.8]
    if features is not None:
        columns.append(_described(features, cells, cell_count))
    values = np.concatenate(columns, 1)
    areas = np.bincount(cells.reshape(-1), minlength=cell_count).astype(np.float64)
    groups = _merged(values, areas, _touching(cells, cell_count), max(6 * count, 24))
    groups = _merged(values, areas, None, count, groups)
    labels = _refined(photo, groups[cells].astype(np.uint8), int(groups.max()) + 1)
    sizes = np.bincount(labels.reshape(-1), minlength=int(groups.max()) + 1)
    order = np.argsort(-sizes, kind="stable")[: int((sizes > 0).sum())]
    rank = np.zeros(len(sizes), np.uint8)
    rank[order] = np.arange(len(order))
    colours = palette(len(order) + 2)[2:]  # black and white stay free for masks
    return Regions(rank[labels], tuple(called(colours)), colours)


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


def _described(features: NDArray[Any], cells: NDArray[np.intp], count: int) -> NDArray[np.float64]:
    """(count, ≤ 8): the features' principal components over cells, scaled to vary as much altogether as colour does."""
    if features.ndim != 3 or 0 in features.shape or features.dtype.kind != "f" or not np.isfinite(features).all():
        raise SettingError(f"features must be finite floats (H, W, C), got {features.dtype} {features.shape}")
    height, width = cells.shape
    planes = [
        np.asarray(
            Pillow.fromarray(np.ascontiguousarray(features[..., at], np.float32)).resize((width, height), Pillow.Resampling.BILINEAR)
        )
        for at in range(features.shape[2])
    ]
    mean = _means(cells, np.stack(planes, 2), count)
    mean -= mean.mean(0)
    left, strength, _ = np.linalg.svd(mean, full_matrices=False)
    main = left[:, :8] * strength[:8]
    spread = np.sqrt(np.square(main).sum(1).mean())
    return cast(NDArray[np.float64], main / max(float(spread), 1e-9))


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
