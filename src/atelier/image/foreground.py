"""An object told from its background."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from atelier.errors import MissingExtra, SettingError
from atelier.image.guided_filter import box_means, refine
from atelier.image.morphology import Bools
from atelier.image.regions import BACKGROUND, Labels, Regions
from atelier.image.resize import fit, resize
from atelier.image.saliency import Patches, saliency, standardize
from atelier.image.superpixels import Features, cell_means
from atelier.image.value import Image

OBJECT = "object"

_SIDE = 512  # long side, px, at which an object is cut out
_OBJECT_SIDE = 256  # and at which it is looked for

_DOUBT = 0.7  # standard deviations around a threshold within which GrabCut decides


def object_and_background(
    photo: Image,
    *,
    box: tuple[int, int, int, int] | None = None,
    scribbles: NDArray[Any] | None = None,
    features: Features = (),
    seed: int = 0,
) -> Regions:
    """Split a photo into two regions, "object" and "background", by GrabCut (Rother, Kolmogorov and Blake, SIGGRAPH 2004).

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
        trimap = _widen(_find_object(photo, features, seed), small.shape)
    else:
        trimap = _mark(small, photo, box, scribbles)
    if not np.isin(trimap, (cv2.GC_FGD, cv2.GC_PR_FGD)).any() or not np.isin(trimap, (cv2.GC_BGD, cv2.GC_PR_BGD)).any():
        raise SettingError("regions", f"no object stands out from its background: {instead}")
    object_ = _cut_out(small, trimap, seed, rounds=5 if box or scribbles is not None else 2)
    if object_ is None:
        raise SettingError("regions", f"no object could be told from its background: {instead}")
    labels = refine(photo, np.where(object_, 0, 1).astype(np.uint8), 2)
    return Regions(labels, (OBJECT, BACKGROUND), ((255, 255, 255), (0, 0, 0)))


_INSTEAD = "give atelier regions a `box` or `scribbles`, try auto:5, or paint a map"
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
    _, pieces, about, _ = cv2.connectedComponentsWithStats(found.astype(np.uint8))
    areas = about[1:, cv2.CC_STAT_AREA]
    found = np.isin(pieces, 1 + np.flatnonzero(areas >= 0.1 * areas.max())) | (found & (trimap == cv2.GC_FGD))
    _, pieces, about, _ = cv2.connectedComponentsWithStats((~found).astype(np.uint8))
    holes = np.flatnonzero(about[:, cv2.CC_STAT_AREA] < 0.005 * found.size)
    found |= np.isin(pieces, holes[holes > 0]) & (trimap != cv2.GC_BGD)
    return None if found.all() else found


def _mark(small: Image, photo: Image, box: tuple[int, int, int, int] | None, scribbles: NDArray[Any] | None) -> Labels:
    """What GrabCut starts from: 0 surely background, 1 surely object, 2 probably background, 3 probably object."""
    height, width = small.shape
    if box is not None:
        left, top, right, bottom = box
        if not (0 <= left < right <= photo.size[0] and 0 <= top < bottom <= photo.size[1]):
            raise SettingError("box", f"must be inside the photo of {photo.size[0]} × {photo.size[1]}: left,top,right,bottom in px", box)
        across, down = width / photo.size[0], height / photo.size[1]
        trimap = np.zeros((height, width), np.uint8)
        trimap[int(top * down) : max(int(top * down) + 1, round(bottom * down)), int(left * across) : max(1, round(right * across))] = 3
    else:
        trimap = np.full((height, width), 2, np.uint8)
    if scribbles is not None:
        if scribbles.shape != photo.shape:
            raise SettingError("scribbles", f"must be {photo.shape} like the photo, got {scribbles.shape}")
        for mark, drawn in ((0, scribbles < 0), (1, scribbles > 0)):
            # a stroke of one pixel must not be lost on the way down
            share = np.asarray(Pillow.fromarray(drawn.astype(np.float32)).resize((width, height), Pillow.Resampling.BOX))
            trimap[share > 0] = mark
        if not (scribbles > 0).any() and box is None:
            raise SettingError("scribbles", "`scribbles` mark no object: draw over it, too")
        if box is None and not (scribbles < 0).any():
            edge = np.ones_like(trimap, np.bool_)
            edge[2:-2, 2:-2] = False
            trimap[edge & (trimap == 2)] = 0
    return trimap


def _widen(found: Bools, shape: tuple[int, int]) -> Labels:
    """What a larger GrabCut starts from: as found but for a narrow band along the border, where it may decide afresh."""
    sheet = Pillow.fromarray(found.astype(np.float32)).resize(shape[::-1], Pillow.Resampling.BILINEAR)
    level = box_means(np.asarray(sheet, np.float64)[..., None], max(2, round(max(shape) / 100)))[..., 0]
    return np.select([level < 1e-6, level < 0.5, level < 1 - 1e-6], [0, 2, 3], 1).astype(np.uint8)


def _find_object(photo: Image, features: Features, seed: int) -> Bools:
    """(H, W) at `_OBJECT_SIDE`: the object that stands out best.

    GrabCut is started from what stands out in general at three thresholds, and from what stands out by contrast to all around it
    (`saliency`), which finds small bright things. Of the answers that one is taken that parts the deepest features best, in
    Otsu's sense: whose two means differ most, weighted by both shares of the area.
    """
    small = resize(photo.flat(), fit(photo.size, min(_OBJECT_SIDE, max(photo.size))))
    patches = Patches(small, features)
    if max(np.ptp(patches.colors, 0)) < 3:  # Lab units: noise
        raise SettingError("regions", f"no object stands out from its background: {_INSTEAD}")
    in_general = patches.standing_out()
    contrast = standardize(cell_means(patches.cells, saliency(small)[..., None].astype(np.float64), patches.count)[:, 0], patches.areas)
    best, most = None, -1.0
    for values, more in ((in_general, 0.0), (in_general, 0.35), (in_general, 0.7), (contrast, 0.0)):
        over = (values - _otsu_threshold(values, patches.areas) - more)[patches.cells]
        start = np.select([over < -_DOUBT, over <= 0, over <= _DOUBT], [0, 2, 3], 1).astype(np.uint8)
        if not (over > 0).any() or not (over <= 0).any() or (found := _cut_out(small, start, seed, rounds=2)) is None:
            continue
        inside = np.bincount(patches.cells.reshape(-1), found.reshape(-1), patches.count)
        share = inside.sum() / found.size
        apart = inside @ patches.deepest / inside.sum() - (patches.areas - inside) @ patches.deepest / (found.size - inside.sum())
        if (apartness := float(np.square(apart).sum()) * share * (1 - share)) > most:
            best, most = found, apartness
    if best is None:
        raise SettingError("regions", f"no object stands out from its background: {_INSTEAD}")
    return best


def _otsu_threshold(values: NDArray[np.float64], areas: NDArray[np.float64]) -> float:
    """Otsu's: the one whose two sides have means that are furthest apart, weighted by both shares."""
    order = np.argsort(values, kind="stable")
    share = np.cumsum(areas[order]) / areas.sum()
    mean = np.cumsum(areas[order] * values[order]) / areas.sum()
    between = np.square(mean[-1] * share - mean) / np.maximum(share * (1 - share), 1e-9)
    return float(values[order][between[:-1].argmax()]) if len(values) > 1 else 0.0
