"""Laying a surface flat: whether its own texture coordinates serve, and new ones where they do not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from atelier.errors import MissingExtra
from atelier.solid.model import Model, Piece, face_normals, transformed
from atelier.solid.raster import rasterize_wrapped

PADDING = 4
"""Texels between charts."""
OVERLAP = 0.02
"""Share of a texture that several places of a surface may want, beyond which what is painted on one would be seen on another."""
UNEVEN = 3.0
"""How many times as fine a texture may be in one place as in another: beyond it, strokes differ where its charts meet."""
CHECKED = 256
"""Side of the texture on which that is counted."""


def unwrapped(model: Model, size: int) -> tuple[Model, str]:
    """The model with coordinates on one square texture of this side for all its pieces: its own where they serve. And what to say of it.

    Raises MissingExtra.
    """
    why = unfit(model)
    if not why:
        return model, ""
    try:
        import xatlas
    except ModuleNotFoundError as error:
        raise MissingExtra("unwrapping meshes", "mesh") from error
    atlas = xatlas.Atlas()
    matrices = {each.piece: each.matrix for each in reversed(model.placed)}
    for at, piece in enumerate(model.pieces):
        points = transformed(piece.points, matrices.get(at, np.eye(4)))
        atlas.add_mesh(_scaled(points, model), piece.faces.astype(np.uint32))
    charts, pack = xatlas.ChartOptions(), xatlas.PackOptions()
    pack.padding, pack.resolution, pack.bilinear, pack.create_image = PADDING, size, True, False
    atlas.generate(charts, pack)
    side = max(atlas.width, atlas.height)
    pieces = []
    for at, piece in enumerate(model.pieces):
        source, faces, uv = atlas[at]
        uv = uv.astype(np.float64) * [atlas.width / side, atlas.height / side]
        pieces.append(rearranged(piece, source.astype(np.int64), faces.astype(np.int32), uv))
    return replace(model, pieces=tuple(pieces)), f"{why}: it is unwrapped anew, {atlas.chart_count} charts"


def _scaled(points: NDArray[Any], model: Model) -> NDArray[Any]:
    """Points of a size that single precision and the unwrapper's tolerances are made for, all pieces alike."""
    every = np.concatenate([transformed(model.pieces[each.piece].points, each.matrix) for each in model.placed])
    middle, span = (every.min(0) + every.max(0)) / 2, float(np.ptp(every, axis=0).max()) or 1.0
    return np.ascontiguousarray((points - middle) / span, np.float32)


def rearranged(piece: Piece, source: NDArray[Any], faces: NDArray[Any], uv: NDArray[Any]) -> Piece:
    """A piece whose points are those of `source` (indices of the former ones), with these faces and this uv. Its former uv, by which
    its material's image is seen, is kept as `own_uv`."""
    return replace(
        piece,
        points=piece.points[source],
        faces=faces,
        uv=uv,
        own_uv=None if piece.uv is None else piece.uv[source],
        colors=None if piece.colors is None else piece.colors[source],
        normals=None if piece.normals is None else piece.normals[source],
        source=source if piece.source is None else piece.source[source],
    )


def unfit(model: Model) -> str:
    """Why the model's own texture coordinates do not serve; empty where they do."""
    seen = [model.pieces[each.piece] for each in model.placed]
    if any(piece.uv is None for piece in seen):
        return "the mesh has no texture coordinates" if all(piece.uv is None for piece in seen) else "some of it has no texture coordinates"
    if len({id(piece.material.image) for piece in seen}) > 1:
        return "the mesh has several textures"
    if any(not np.isfinite(piece.uv).all() for piece in seen if piece.uv is not None):
        return "its texture coordinates are not numbers"
    corners = np.concatenate([piece.uv[piece.faces] for piece in seen if piece.uv is not None])
    if np.abs(corners).max() > 16:
        return "its texture is repeated"
    raster, twice = rasterize_wrapped(np.stack([corners[..., 0], 1 - corners[..., 1]], 2) * CHECKED, CHECKED)
    covered = int((raster.face >= 0).sum())
    if covered < 0.05 * CHECKED**2:
        return "its texture coordinates leave most of the texture empty"
    if twice > OVERLAP * covered:
        return "places of it share their texture"
    uneven = unevenness(model)
    return f"its texture is {uneven:.1f} times as fine in some places as in others" if uneven > UNEVEN else ""


def unevenness(model: Model) -> float:
    """How many times as fine the texture of a model is in one place as in another, of all but the finest and coarsest twentieth."""
    area, ratio = [], []
    for each in model.placed:
        piece = model.pieces[each.piece]
        assert piece.uv is not None
        own = np.linalg.norm(face_normals(transformed(piece.points, each.matrix), piece.faces), axis=1)
        flat = np.concatenate([piece.uv, np.zeros((len(piece.uv), 1))], 1)
        area.append(own)
        ratio.append(np.sqrt(np.linalg.norm(face_normals(flat, piece.faces), axis=1) / np.maximum(own, 1e-300)))
    areas, ratios = np.concatenate(area), np.concatenate(ratio)
    order = np.argsort(ratios)
    share = np.cumsum(areas[order]) / max(float(areas.sum()), 1e-300)
    low, high = (ratios[order][min(int(np.searchsorted(share, at)), len(order) - 1)] for at in (0.05, 0.95))
    return float(high / max(float(low), 1e-12))
