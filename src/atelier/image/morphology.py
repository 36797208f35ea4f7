"""Shapes of areas in a plane: distances, boxes, neighbourhoods, and areas at another size."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from atelier.image.value import Pixels

Bools = NDArray[np.bool_]
Slices = tuple[slice, slice]


def distances(inside: Bools, reach: int) -> Pixels:
    """Give float32 (H, W): from each pixel's centre to the nearest one inside, px; exact up to reach, larger or infinite beyond it.

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


def bounding_box(inside: Bools, margin: int = 0) -> Slices:
    """Give the smallest box around what is inside, and a margin; an empty one where nothing is."""
    sides = []
    for axis in (1, 0):
        found = np.flatnonzero(inside.any(axis))
        sides.append(slice(max(0, int(found[0]) - margin), int(found[-1]) + 1 + margin) if len(found) else slice(0, 0))
    return sides[0], sides[1]


def running_extreme(reduce: np.ufunc, array: NDArray[Any], axis: int, reach: int = 1) -> NDArray[Any]:
    """Give the running extreme over 2·reach + 1 along an axis, by reach steps to either side."""
    out = array.copy()
    source, target = np.moveaxis(array, axis, 0), np.moveaxis(out, axis, 0)
    for shift in range(1, min(reach, len(source) - 1) + 1):
        reduce(target[shift:], source[:-shift], out=target[shift:])
        reduce(target[:-shift], source[shift:], out=target[:-shift])
    return out


def dilate(inside: Bools, reach: int) -> Bools:
    return running_extreme(np.logical_or, running_extreme(np.logical_or, inside, 0, reach), 1, reach)


def scale_plane(plane: Pixels, size: tuple[int, int]) -> Pixels:
    """Scale a plane: means over pixels going down, straight lines between them going up."""
    height, width = plane.shape
    way = Pillow.Resampling.BOX if size[0] <= width and size[1] <= height else Pillow.Resampling.BILINEAR
    return np.asarray(Pillow.fromarray(np.ascontiguousarray(plane, np.float32)).resize(size, way), np.float32)
