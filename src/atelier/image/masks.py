"""Regions out of black-and-white pictures, one for each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np

from atelier.errors import ImageError, SettingError
from atelier.image.color_names import distinct_colors
from atelier.image.morphology import scale_plane
from atelier.image.regions import BACKGROUND, MOST, Regions
from atelier.image.value import Image, Pixels


def from_masks(
    masks: Sequence[tuple[str, Image]], *, size: tuple[int, int] | None = None, normalize: bool = False, tolerance: float = 0.005
) -> Regions:
    """Make regions out of one mask each: (name, picture), white where the region is, black or transparent where it is not.

    size: (width, height) that masks are brought to; the first one's unless given. What no mask covers is the last region,
    "background". Masks that are black and white alone give labels; where one is soft, weights are kept. normalize: where masks
    overlap, share the pixels out in proportion. tolerance: share of the picture that two masks may overlap by without that.

    Raises SettingError where there is no mask, more than 63, a mask that marks nothing, a name that is given twice or is
    "background", or masks overlap.
    """
    if not 1 <= len(masks) < MOST:
        raise SettingError("masks", f"give 1 to {MOST - 1} masks, got {len(masks)}")
    names = [name for name, _ in masks]
    if BACKGROUND in names:
        raise SettingError("masks", f"{BACKGROUND!r} is what the masks leave over: call the mask something else")
    size = size or masks[0][1].size
    weights = np.stack([_read_mask(name, mask, size) for name, mask in masks])
    if not normalize:
        _check_overlap(names, weights, tolerance)
    total = weights.sum(0)
    weights /= np.maximum(total, 1)
    left = np.clip(1 - total, 0, 1)
    if left.max() > 0.5 / 255:
        names.append(BACKGROUND)
        weights = np.concatenate([weights, left[None]])
    labels = weights.argmax(0).astype(np.uint8)
    soft = bool(((weights > 0) & (weights < 1)).any())
    return Regions(labels, tuple(names), distinct_colors(len(names)), weights if soft else None)


def _read_mask(name: str, mask: Image, size: tuple[int, int]) -> Pixels:
    gray = mask.pixels.mean(2, dtype=np.float32)
    if mask.alpha is not None:
        gray = gray * mask.alpha
    if mask.size != size:
        gray = scale_plane(gray, size)
    brightest = 255 * float(gray.max())
    # compression leaves a little of everything: what is nearly black or white was meant to be
    gray = ((gray - 4 / 255) / (1 - 8 / 255)).clip(0, 1)
    if not (gray >= 0.5).any():
        raise SettingError(
            "masks", f"the mask of {name!r} marks nothing: its brightest value is {brightest:.0f}; paint its region white, 255"
        )
    return cast(Pixels, gray.astype(np.float32))


def _check_overlap(names: Sequence[str], weights: Pixels, tolerance: float) -> None:
    for one in range(len(names)):
        for other in range(one):
            share = float(np.clip(weights[one] + weights[other] - 1, 0, 1).mean(dtype=np.float64))
            if share > tolerance:
                raise SettingError(
                    "masks",
                    f"the masks of {names[other]!r} and {names[one]!r} overlap in {100 * share:.1f} % of the picture: "
                    "take it out of one of them",
                )


def blend(photo: Pixels, painted: Pixels, weight: Pixels) -> Pixels:
    """Give the painted picture where weight is 1, the photo where it is 0, both bit for bit, and a blend between.

    photo, painted: float32 (H, W, 3) sRGB in [0, 1]. weight: (H, W) in [0, 1]. Raises ImageError where sizes differ or weights
    are out of range.
    """
    if photo.shape != painted.shape or weight.shape != photo.shape[:2]:
        raise ImageError(f"photo, painted and weight must be of one size, got {photo.shape}, {painted.shape} and {weight.shape}")
    if not (weight.min() >= 0 and weight.max() <= 1):  # NaN neither
        raise ImageError(f"weights must be in [0, 1], got {weight.min():g} to {weight.max():g}")
    share = weight[..., None].astype(np.float32, copy=False)  # (H, W, 1)
    mixed = photo + share * (painted - photo)  # (H, W, 3)
    return cast(Pixels, np.where(share == 0, photo, np.where(share == 1, painted, mixed)))
