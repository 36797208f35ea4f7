"""What of a texture is painted, and whose colours the rest takes: texels between charts those beside them, texels nobody sees those
that are seen nearby on the surface."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from atelier.image.value import Pixels
from atelier.solid.camera import Camera
from atelier.solid.model import Floats
from atelier.solid.sampling import levels_of
from atelier.solid.surface import Surface

GRAZING = 0.1
"""Cosine below which a place is not said to be seen."""


@dataclass(frozen=True, eq=False)
class Sight:
    """What a camera sees of n texels. at: (n, 2), where in its picture, px. facing: (n,), the cosine, 0 where it does not see them."""

    at: Floats
    facing: Pixels


def sights(surface: Surface, cameras: Sequence[Camera], sizes: Sequence[tuple[int, int]], texture: int) -> Iterator[Sight]:
    """What each camera, with pictures of these (height, width), sees of the texels of a texture that are of the surface, in the order of
    `Raster.hit`."""
    raster = surface.texels(texture)
    face, bary = raster.at(raster.hit)
    places = surface.places(face, bary)
    for camera, (height, width) in zip(cameras, sizes, strict=True):
        view = surface.seen(camera, width, height)
        at = camera.project(places, width, height)
        column, row = (np.clip(at[:, each].astype(np.int64), 0, limit - 1) for each, limit in ((0, width), (1, height)))
        facing = surface.facing(camera, face).astype(np.float32)
        slope = np.sqrt(np.maximum(1 - facing**2, 0)) / np.maximum(facing, GRAZING)
        slack = 1.5 * camera.span[0] / width * (1 + slope)
        seen = (at[:, 2] <= view.depth[row, column] + slack) & (facing > GRAZING)
        yield Sight(at[:, :2], np.where(seen, facing, np.float32(0)))


def seen_texels(surface: Surface, cameras: Sequence[Camera], sizes: Sequence[tuple[int, int]], texture: int) -> Pixels:
    """How well each texel is seen, (texture, texture): the greatest cosine among cameras with these (height, width), 0 for not at all."""
    hit = surface.texels(texture).hit
    out = np.zeros(texture * texture, np.float32)
    for sight in sights(surface, cameras, sizes, texture):
        out[hit] = np.maximum(out[hit], sight.facing)
    return out.reshape(texture, texture)


def sources(surface: Surface, seen: Pixels) -> NDArray[np.int64]:
    """For each texel, the flat position of the one whose colour it has: (S * S,).

    seen: (S, S), see `seen_texels`. What is hidden mirrors the strokes across the border of what is seen, so that they go on into it.
    """
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
    return np.where(covered.reshape(-1), found, found[beside(covered)]).astype(np.int64)


def beside(covered: NDArray[np.bool_]) -> NDArray[np.int64]:
    """For each texel of (S, S) the flat position of the nearest that is covered, across the texture's sides too, (S * S,)."""
    from scipy.ndimage import distance_transform_edt

    size = len(covered)
    if covered.all() or not covered.any():
        return np.arange(size * size)
    pad = min(size, 2 ** (levels_of(size) + 2))
    _, (rows, columns) = distance_transform_edt(~np.pad(covered, pad, mode="wrap"), return_indices=True)
    inner = slice(pad, pad + size)
    found = (rows[inner, inner] - pad) % size * size + (columns[inner, inner] - pad) % size
    return np.asarray(found.reshape(-1), np.int64)
