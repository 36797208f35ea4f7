"""Labels decided at a small size, brought to a photo's own along its edges."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from atelier.image.regions import Labels
from atelier.image.resize import resize
from atelier.image.value import Image, Pixels

_BAND = 4  # px, at the size decided at, around a border within which the photo's edges have the last word


def refine(photo: Image, labels: Labels, count: int) -> Labels:
    """Bring labels decided at a smaller size to the photo's: near borders each pixel goes to the region whose guided filter is highest.

    He, Sun and Tang, "Guided image filtering", PAMI 2013, with colour as guide, in the fast form (He and Sun 2015): what the
    filter is made of is reckoned at the small size, and applied at the full one.
    """
    height, width = labels.shape
    guide = resize(photo.flat(), (width, height)).pixels.astype(np.float64)
    pixels = photo.flat().pixels
    radius, ridge = max(2, round(max(height, width) / 100)), 1e-3
    mean = box_means(guide, radius)
    products = guide[..., :, None] * guide[..., None, :]
    spread = box_means(products.reshape(height, width, 9), radius).reshape(products.shape) - mean[..., :, None] * mean[..., None, :]
    inverse = np.linalg.inv(spread + ridge * np.eye(3))
    edge = np.zeros(labels.shape, np.bool_)
    edge[:, 1:] |= labels[:, 1:] != labels[:, :-1]
    edge[1:] |= labels[1:] != labels[:-1]
    band = box_means(edge[..., None].astype(np.float64), _BAND)[..., 0] > 1e-9
    most = np.full(photo.shape, -np.inf, np.float32)
    out = np.zeros(photo.shape, np.uint8)
    for at in range(count):
        own = (labels == at).astype(np.float64)
        level = box_means(own[..., None], radius)
        slope = np.einsum("hwij,hwj->hwi", inverse, box_means(guide * own[..., None], radius) - mean * level)
        offset = level[..., 0] - (slope * mean).sum(2)
        a, b = box_means(slope, radius), box_means(offset[..., None], radius)[..., 0]
        # away from borders there is nothing to ask
        a[~band], b[~band] = 0, own[~band]
        value = enlarge(b, photo.size)
        for channel in range(3):
            value += enlarge(a[..., channel], photo.size) * pixels[..., channel]
        out[value > most] = at
        np.maximum(most, value, out=most)
    return out


def box_means(values: NDArray[np.float64], radius: int) -> NDArray[np.float64]:
    """Give means over (2·radius + 1)² px of each channel, of what lies inside at the edges."""
    for axis in (0, 1):
        length = values.shape[axis]
        sums = np.cumsum(values, axis)
        sums = np.concatenate([np.zeros_like(sums.take([0], axis)), sums], axis)
        first, last = np.maximum(np.arange(length) - radius, 0), np.minimum(np.arange(length) + radius + 1, length)
        shape = [1, 1, 1]
        shape[axis] = length
        values = (sums.take(last, axis) - sums.take(first, axis)) / (last - first).reshape(shape)
    return values


def enlarge(plane: NDArray[np.float64], size: tuple[int, int]) -> Pixels:
    return np.array(Pillow.fromarray(plane.astype(np.float32)).resize(size, Pillow.Resampling.BILINEAR), np.float32)
