"""Light on a surface, for pictures of its shape."""

from __future__ import annotations

import numpy as np

from atelier.image.value import Pixels
from atelier.solid.model import Floats

AMBIENT = 0.15
"""What of light falls on what faces away from the lamp."""


def shade(normals: Pixels | Floats, axes: Floats) -> Pixels:
    """Grey (n,) of unit normals (n, 3), lit from the upper left of a camera with these axes."""
    return np.asarray(AMBIENT + (1 - AMBIENT) * np.maximum(normals @ lamp(axes), 0), np.float32)


def lamp(axes: Floats) -> Floats:
    """Where that light comes from."""
    found = -0.55 * axes[0] - 0.6 * axes[1] - 0.6 * axes[2]
    return np.asarray(found / np.linalg.norm(found), np.float64)
