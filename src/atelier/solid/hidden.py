"""What of a texture is painted, and whose colours the rest takes: texels between charts those beside them, texels nobody sees those
that are seen nearby on the surface."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from atelier.image.value import Pixels
from atelier.solid.camera import Camera
from atelier.solid.sampling import levels_of
from atelier.solid.surface import Surface

GRAZING = 0.1
"""Cosine below which a place is not said to be seen."""
NEAR = 2
"""Half the width of the window of pixels in which a texel that is as near as what is seen there counts as seen, px."""


def seen_texels(surface: Surface, cameras: Sequence[Camera], sizes: Sequence[tuple[int, int]], texture: int) -> Pixels:
    """How well each texel is seen, (texture, texture): the greatest cosine among cameras with these (height, width), 0 for not at all."""
    raster = surface.texels(texture)
    hit = raster.hit
    face, bary = raster.at(hit)
    places = surface.places(face, bary)
    best = np.zeros(len(hit), np.float32)
    for camera, (height, width) in zip(cameras, sizes, strict=True):
        view = surface.seen(camera, width, height)
        at = camera.project(places, width, height)
        column, row = (np.clip(at[:, each].astype(np.int64), 0, limit - 1) for each, limit in ((0, width), (1, height)))
        facing = surface.facing(camera, face, bary).astype(np.float32)
        slope = np.sqrt(np.maximum(1 - facing**2, 0)) / np.maximum(facing, GRAZING)
        slack = 1.5 * camera.span[0] / width * (1 + slope)
        seen = (at[:, 2] <= view.depth[row, column] + slack) & (facing > GRAZING)
        best = np.where(seen, np.maximum(best, facing), best)
    out = np.zeros(texture * texture, np.float32)
    out[hit] = best
    return out.reshape(texture, texture)


def sources(surface: Surface, seen: Pixels) -> NDArray[np.int64]:
    """For each texel, the flat position of the one whose colour it has: (S * S,).

    seen: (S, S), see `seen_texels`. What is hidden mirrors the strokes across the border of what is seen, so that they go on into it.
    """
    from scipy.ndimage import distance_transform_edt
    from scipy.spatial import cKDTree

    size = len(seen)
    raster = surface.texels(size)
    covered = raster.face >= 0
    found = np.arange(size * size)
    hit = raster.hit
    shown = seen.reshape(-1)[hit] > 0
    if shown.any() and not shown.all():
        face, bary = raster.at(hit)
        places = surface.places(face, bary)
        tree = cKDTree(places[shown])
        _, nearest = tree.query(places[~shown])
        border = places[shown][nearest]
        _, mirrored = tree.query(2 * border - places[~shown])
        found[hit[~shown]] = hit[shown][mirrored]
    if covered.any() and not covered.all():
        rows, columns = _wrapped_nearest(covered, distance_transform_edt)
        beside = (rows * size + columns).reshape(-1)
        found = np.where(covered.reshape(-1), found, found[beside])
    return found.astype(np.int64)


def _wrapped_nearest(covered, transform):  # type: ignore[no-untyped-def]
    """Rows and columns of the nearest texel that is covered, across the texture's sides too."""
    size = len(covered)
    pad = min(size, 2 ** (levels_of(size) + 2))
    _, (rows, columns) = transform(~np.pad(covered, pad, mode="wrap"), return_indices=True)
    inner = slice(pad, pad + size)
    return (rows[inner, inner] - pad) % size, (columns[inner, inner] - pad) % size
