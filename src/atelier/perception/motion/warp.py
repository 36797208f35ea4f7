"""Pictures moved along a flow."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from atelier.image.value import Pixels
from atelier.perception.motion.flow import import_cv2

LUMINANCE = np.array([0.2126, 0.7152, 0.0722], np.float32)
"""Of sRGB's channels, as they are coded."""


def warp(picture: NDArray[Any], flow: Pixels, *, by: str = "linear") -> NDArray[Any]:
    """A picture (H, W) or (H, W, C) moved: the result at p is the picture at p + flow(p). flow: (H, W, 2), px.

    by: "lanczos", over 8 px a side, which keeps detail when it is done again and again and takes four times as long as "cubic", over 4;
    or "linear".
    """
    cv2 = import_cv2()
    where = cv2.add(flow, _grid(flow.shape[0], flow.shape[1]))
    how = {"lanczos": cv2.INTER_LANCZOS4, "cubic": cv2.INTER_CUBIC, "linear": cv2.INTER_LINEAR}[by]
    return np.asarray(cv2.remap(picture, where, None, how, borderMode=cv2.BORDER_REPLICATE))


def grown(plane: Pixels, size: tuple[int, int], *, flow: bool = False) -> Pixels:
    """A plane (h, w) or (h, w, C) at another size (width, height); of a flow its lengths too."""
    cv2 = import_cv2()
    if plane.shape[1::-1] == size:
        return plane
    smaller = size[0] < plane.shape[1]
    found = np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR))
    return np.asarray(cv2.multiply(found, (size[0] / plane.shape[1], size[1] / plane.shape[0], 1, 1))) if flow else found


def luminance(pixels: Pixels) -> Pixels:
    """(H, W, 3) to (H, W)."""
    return pixels @ LUMINANCE


@lru_cache(maxsize=8)
def _grid(height: int, width: int) -> Pixels:
    """(H, W, 2): x and y of each pixel."""
    xs, ys = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    return np.stack([xs, ys], -1)
