"""The samples as the optimiser learns from them: pictures on its device, at the scale of a stage."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import torch.nn.functional as F

from atelier.engines.engine import Frame
from atelier.engines.guide import Sample
from atelier.engines.optimize.canvas import resized
from atelier.engines.optimize.style import Exemplar
from atelier.errors import SettingError
from atelier.image import Image
from atelier.request import Settings


def scale(exemplar: Exemplar, settings: Settings, sample: Sample, long_side: int, share: float) -> Exemplar:
    """The exemplar at the scale of a canvas of this long side, px, which is a share of the full size; never larger than it is."""
    size = fit(exemplar, settings, sample, long_side, share)
    part = exemplar.part
    if part is not None and tuple(part.shape) != size:
        part = F.interpolate(part[None, None], size=size, mode="bilinear", antialias=True)[0, 0].clamp(0, 1)
    return replace(exemplar, picture=resized(exemplar.picture, size), part=part)


def fit(exemplar: Exemplar, settings: Settings, sample: Sample, long_side: int, share: float) -> tuple[int, int]:
    """The (height, width) that `scale` brings the picture to."""
    height, width = exemplar.picture.shape[2:]
    own = share if settings.style_fit == "own" else long_side / max(height, width)
    ratio = min(1.0, settings.style_size * sample.size * own)
    return max(16, round(height * ratio)), max(16, round(width * ratio))


def check_samples(samples: Sequence[Sample]) -> None:
    """Raise SettingError for samples that cannot be learned from."""
    for sample in samples:
        if not (math.isfinite(sample.weight) and sample.weight >= 0):
            raise SettingError("weight", "a style's weight must be at least 0", sample.weight)
        if not (math.isfinite(sample.size) and sample.size > 0):
            raise SettingError("size", "the size of a style's strokes must be above 0", sample.size)
        if not isinstance(sample.picture, Image):
            raise SettingError("styles", "a style by name is for the trained networks: to paint by optimisation, give its painting")
        if sample.part is not None:
            if sample.part.shape != sample.picture.shape:
                own, shape = sample.picture.size, sample.part.shape
                raise SettingError(
                    "part", f"the part of a painting of {own[0]}x{own[1]} px to learn from is marked on {shape[1]}x{shape[0]} px"
                )
            if not (sample.part.min() >= 0 and sample.part.max() <= 1 and sample.part.any()):  # NaN neither
                raise SettingError("part", "the part of a painting to learn from must be marked in [0, 1], and not with 0 alone")


def check_guide(samples: Sequence[Sample], frame: Frame) -> None:
    """Raise SettingError for samples and a frame's guide that do not go together."""
    if frame.guide is None:
        if any(sample.region is not None for sample in samples):
            raise SettingError(
                "guide", "a style has a region, and there is no guide to say where that is: give one, or leave the region out"
            )
        return
    regions = frame.guide.regions
    if regions.ndim != 3 or not regions.size:
        raise SettingError("guide", f"a guide's regions are (regions, height, width), got {regions.shape}")
    if not (regions.min() >= 0 and regions.sum(0).max() <= 1 + 1e-3):
        raise SettingError("guide", "a guide's regions must be at least 0 everywhere and add up to at most 1")
    for sample in samples:
        if sample.region is None or not 0 <= sample.region < len(regions):
            raise SettingError("region", f"a style's region is {sample.region}: the guide has the regions 0 to {len(regions) - 1}")
    for at in range(len(regions)):
        if not any(sample.region == at and sample.weight > 0 for sample in samples):
            raise SettingError("styles", f"the guide's region {at} has no style of a weight above 0: give it one, or leave it to the photo")
    if regions.shape[1:] != frame.shape:
        raise SettingError(
            "guide", f"the guide is for photos of {regions.shape[2]}x{regions.shape[1]} px, not {frame.size[0]}x{frame.size[1]}"
        )
