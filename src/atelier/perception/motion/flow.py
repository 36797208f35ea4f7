"""Optical flow by OpenCV: DIS (Kroeger et al. 2016) for painting, Farneback's for judging what was painted."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from atelier.errors import MissingExtra
from atelier.image.value import Pixels

Grey = NDArray[np.uint8]
"""(H, W)."""
PRESETS = {"ultrafast": 0, "fast": 1, "medium": 2}
SMALLEST = 32
"""Least side, px: DIS crashes on less."""


def flow_between(now: Grey, then: Grey, method: str = "fast") -> Pixels:
    """Where each pixel of one picture is in another: (H, W, 2), dx and dy in px, so that now(p) is then(p + flow(p)).

    method: ultrafast, fast or medium, of DIS; or farneback. Pictures with a side under 32 px are taken to stand still.
    """
    cv2 = import_cv2()
    if min(now.shape) < SMALLEST:
        return np.zeros((*now.shape, 2), np.float32)
    if method == "farneback":
        start = np.zeros((*now.shape, 2), np.float32)
        found = cv2.calcOpticalFlowFarneback(now, then, start, 0.5, 5, 15, 10, 5, 1.2, cv2.OPTFLOW_FARNEBACK_GAUSSIAN)
    else:
        found = cv2.DISOpticalFlow_create(PRESETS[method]).calc(now, then, None)
    return np.asarray(found, np.float32)


def import_cv2() -> Any:
    """OpenCV. Raises MissingExtra."""
    try:
        import cv2
    except ImportError as error:
        raise MissingExtra("following what moves in a film", "video") from error
    return cv2
