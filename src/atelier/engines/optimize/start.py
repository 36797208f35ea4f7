"""The picture that painting begins with."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from atelier.engines.optimize.canvas import Beginning, resized
from atelier.engines.optimize.style import Exemplar
from atelier.engines.optimize.view import opacity
from atelier.errors import SettingError
from atelier.image.moments import Moments, linear_map, moments
from atelier.image.spaces import SPACES
from atelier.request import Settings

STRETCH = 3.0
"""By how much the recoloured start may stretch a direction of colour: a sky has but one, and across it there is only noise."""

OUTLIER = 3.0
"""Deviations from the mean of a region's styles, at the most, that a colour of its recoloured start may have: nearly all of a Gaussian's
have fewer. The green of a bush that a map counts as sky would be stretched to what is neither sky's nor bush's."""


def begin(
    settings: Settings, photo: Tensor, exemplars: Sequence[Exemplar], regions: Tensor | None, picture: Tensor | None, seed: int
) -> Beginning:
    """Make the full-size picture that painting starts from; where nothing is painted, the photo.

    photo (1, 3, H, W). picture: (1, 3, h, w), where the settings name one. Raises SettingError where there is none.
    """
    start = settings.start
    generator = torch.Generator().manual_seed(seed)
    match start:
        case "photo":
            found = photo
        case "recolored":
            found = recolor_regions(photo, exemplars, regions) if exemplars else photo
        case "gray":
            found = torch.full_like(photo, 0.5)
        case "noise":
            found = torch.rand(photo.shape, generator=generator).to(photo.device)
        case _:
            if picture is None:
                raise SettingError("start", "choose photo, recolored, noise, gray, or give the path of a picture", start)
            found = resized(picture, (photo.shape[2], photo.shape[3]))
    if regions is not None:
        found = torch.where(opacity(regions) > 0, found, photo)
    return Beginning(found, start not in ("noise", "gray"))


def recolor_regions(photo: Tensor, exemplars: Sequence[Exemplar], regions: Tensor | None) -> Tensor:
    """The photo in the colours of the styles, each region in those of its own."""
    if regions is None:
        return recolor(photo, colors_from(exemplars))
    out, total = torch.zeros_like(photo), regions.sum(0).clamp_min(1e-6)
    for at, region in enumerate(regions):
        own = colors_from([each for each in exemplars if each.region == at])
        if region.any():
            out += region / total * recolor(photo, own, region)
    return out.clamp(0, 1)


def colors_from(exemplars: Sequence[Exemplar]) -> Sequence[Exemplar]:
    """Those that bring colour: fine strokes do, and coarse ones where there are no others."""
    return [each for each in exemplars if each.strokes != "coarse" and each.weight] or exemplars


def recolor(photo: Tensor, styles: Sequence[Exemplar], region: Tensor | None = None) -> Tensor:
    """The photo with the styles' mean colour and colour covariance, by the optimal-transport map between the two Gaussians (see
    `moments.transport`). (1, 3, H, W). region: (H, W), how much of what of the photo is meant; all of it is mapped, and what is no
    colour of that region, as where a map is not exact, is kept within OUTLIER of the styles'."""
    weights = [max(style.weight, 0.0) for style in styles]
    shares = [weight / max(sum(weights), 1e-12) for weight in weights]
    theirs = [_moments(style.picture, style.part) for style in styles]
    mean = sum(share * each.mean for share, each in zip(shares, theirs, strict=True))
    covariance = sum(share * each.covariance for share, each in zip(shares, theirs, strict=True))
    wanted = Moments(np.asarray(mean), np.asarray(covariance))
    matrix, offset = linear_map(_moments(photo, region), wanted, stretch=STRETCH)
    flat = photo.new_tensor(matrix) @ photo[0].flatten(1) + photo.new_tensor(offset)[:, None]
    if region is not None:
        middle, precision = photo.new_tensor(wanted.mean)[:, None], np.linalg.inv(wanted.covariance + 1e-5 * np.eye(3))
        off = flat - middle
        far = (off * (photo.new_tensor(precision) @ off)).sum(0).clamp_min(1e-12).sqrt()
        flat = middle + off * (OUTLIER / far).clamp_max(1.0)
    return flat.reshape(photo.shape).clamp(0, 1)


def _moments(picture: Tensor, weight: Tensor | None) -> Moments:
    """Of the colours of (1, 3, H, W), counted by (H, W)."""
    return moments(picture[0].permute(1, 2, 0).cpu().numpy(), SPACES["rgb"], None if weight is None else weight.cpu().numpy())
