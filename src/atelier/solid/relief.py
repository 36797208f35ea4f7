"""How far the shape of a surface may move, and how: along its normals, smoothly, less where it is thin, hollow or sharp."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from atelier.errors import MissingExtra
from atelier.solid.model import Floats, Indices, Model, Piece, face_normals, smooth_normals, transformed, welded
from atelier.solid.surface import Surface

ENOUGH = 40_000
"""Faces that a model has at least, after each was divided into four as often as that takes: strokes need points to be made of."""
FARTHEST = 0.06
"""Of the model's radius, how far anything moves at full strength."""
FREE = 0.35
"""Of the free space within and outside a place, how far it moves at full strength, so that nothing meets what is opposite."""
SHARP, KEPT = 40.0, 0.2
"""Degrees from which an edge is a feature, and what is left of the way of its points."""
SMOOTH = 3.0
"""Of the parametrisation (I + λ L)⁻¹: λ, in squared edges."""


def finer(model: Model) -> Model:
    """The model with each face divided into four, by the middles of its edges, until there are ENOUGH."""
    while model.faces < ENOUGH:
        model = replace(model, pieces=tuple(map(_parted, model.pieces)))
    return model


def _parted(piece: Piece) -> Piece:
    edges = np.sort(np.concatenate([piece.faces[:, [0, 1]], piece.faces[:, [1, 2]], piece.faces[:, [2, 0]]]), axis=1)
    unique, place = np.unique(edges, axis=0, return_inverse=True)
    count = len(piece.points)
    ab, bc, ca = (place.reshape(3, -1) + count).astype(np.int32)
    a, b, c = piece.faces.T
    faces = np.concatenate([np.stack(each, 1) for each in ((a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca))])

    def halved(values: Any) -> Any:
        return None if values is None else np.concatenate([values, (values[unique[:, 0]] + values[unique[:, 1]]) / 2]).astype(values.dtype)

    return replace(
        piece, points=halved(piece.points), faces=np.ascontiguousarray(faces, np.int32), uv=halved(piece.uv), own_uv=halved(piece.own_uv),
        colors=halved(piece.colors), normals=None, source=None,
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class Relief:
    """A surface whose points move along their normals.

    points, normals: (W, 3), of places, which are points at the same place; faces: (F, 3) of places. weld: (V,), the place of each point.
    reach: (W,), how far each moves at the most.
    """

    points: Floats
    normals: Floats
    faces: Indices
    weld: Indices
    reach: Floats

    @classmethod
    def of(cls, surface: Surface, strength: float) -> Relief:
        """strength: in [0, 1]."""
        weld = welded(surface.points)
        count = int(weld.max()) + 1
        points = np.zeros((count, 3))
        points[weld] = surface.points
        faces = weld[surface.faces]
        faces = faces[(faces[:, 0] != faces[:, 1]) & (faces[:, 1] != faces[:, 2]) & (faces[:, 2] != faces[:, 0])]
        normals = point_normals(points, faces)
        free = np.minimum(free_space(points, normals), free_space(points, -normals))
        reach = strength * np.minimum(FARTHEST, FREE * free)
        reach[sharp_points(points, faces)] *= KEPT
        return cls(points, normals, faces, weld, reach)

    @cached_property
    def smoother(self) -> Any:
        """The factorised I + λ L, whose `solve` makes smooth what is not."""
        try:
            from scipy.sparse import coo_matrix, diags
            from scipy.sparse.linalg import splu
        except ModuleNotFoundError as error:
            raise MissingExtra("the shape of meshes", "mesh") from error
        count = len(self.points)
        edges = np.unique(np.sort(np.concatenate([self.faces[:, [0, 1]], self.faces[:, [1, 2]], self.faces[:, [2, 0]]]), 1), axis=0)
        rows, columns = np.concatenate([edges, edges[:, ::-1]]).T
        beside = coo_matrix((np.full(len(rows), 1 / 6.0), (rows, columns)), (count, count)).tocsc()  # six neighbours are the rule
        total = np.asarray(beside.sum(1)).reshape(-1)
        return splu((diags(1 + SMOOTH * total) - SMOOTH * beside).tocsc())

    def smooth(self, values: NDArray[Any]) -> Floats:
        """(I + λ L)⁻¹ values (W,); symmetric."""
        return np.asarray(self.smoother.solve(np.asarray(values, np.float64)))

    def bounded(self, moved: Floats) -> Floats:
        """How far each place (W,) moves, after all: within its reach, without a change of volume to first order, and nowhere so that a
        face turns over."""
        moved = np.clip(moved, -self.reach, self.reach)
        share = point_areas(self.points, self.faces)
        free = share * self.reach
        if free.sum() > 0:
            moved = np.clip(moved - self.reach * (share * moved).sum() / free.sum(), -self.reach, self.reach)
        before = face_normals(self.points, self.faces)
        for _ in range(20):
            after = face_normals(self.points + moved[:, None] * self.normals, self.faces)
            over = (before * after).sum(1) <= 0.1 * np.linalg.norm(before, axis=1) * np.linalg.norm(after, axis=1)
            if not over.any():
                break
            moved[np.unique(self.faces[over])] *= 0.5
        else:
            moved[np.unique(self.faces[over])] = 0.0
        return moved

    def moved(self, model: Model, surface: Surface, moved: Floats) -> Model:
        """The model with its places moved (W,) along their normals."""
        world = surface.points + (moved[:, None] * self.normals)[self.weld]
        corners = smooth_normals(world, surface.faces)  # across charts too, or shading shows where they meet
        normals = np.zeros_like(world)
        for corner in range(3):
            np.add.at(normals, surface.faces[:, corner], corners[:, corner])
        first, pieces = 0, list(model.pieces)
        done: set[int] = set()
        for each in model.placed:
            piece = pieces[each.piece]
            count = len(piece.points)
            if each.piece not in done:
                own: Floats = np.asarray(world[first : first + count] / surface.scale + surface.middle, np.float64)
                points = transformed(own, np.asarray(np.linalg.inv(each.matrix), np.float64))
                turned = normals[first : first + count] @ each.matrix[:3, :3]
                turned /= np.maximum(np.linalg.norm(turned, axis=1, keepdims=True), 1e-300)
                pieces[each.piece] = replace(piece, points=points, normals=turned)
                done.add(each.piece)
            first += count
        return replace(model, pieces=tuple(pieces))


def point_normals(points: Floats, faces: Indices) -> Floats:
    """Unit normals of points, (V, 3): of the faces around them, by their areas."""
    flat = face_normals(points, faces)
    found = np.zeros_like(points)
    for corner in range(3):
        np.add.at(found, faces[:, corner], flat)
    return found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-300)


def point_areas(points: Floats, faces: Indices) -> Floats:
    """Of each point (V,), a third of the areas of its faces."""
    own = np.linalg.norm(face_normals(points, faces), axis=1) / 6
    return np.asarray(np.bincount(faces.reshape(-1), np.repeat(own, 3), len(points)), np.float64)


def free_space(points: Floats, normals: Floats, rounds: int = 12) -> Floats:
    """How large a ball may be that touches each point from the side its normal shows to, (V,): its radius, up to 1.

    Balls shrink until nothing is in them (Ma, Bae & Choi 2012, "3D medial axis point approximation using nearest neighbors and the normal
    field").
    """
    from scipy.spatial import cKDTree

    tree, radius = cKDTree(points), np.ones(len(points))
    live = np.arange(len(points))
    for _ in range(rounds):
        middle = points[live] + radius[live, None] * normals[live]
        distance, nearest = tree.query(middle)
        inside = (distance < radius[live] * 0.999) & (nearest != live)
        live, nearest = live[inside], nearest[inside]
        if not len(live):
            break
        way = points[nearest] - points[live]
        along = (way * normals[live]).sum(1)
        smaller = np.where(along > 1e-9, (way**2).sum(1) / np.maximum(2 * along, 1e-12), radius[live])
        radius[live] = np.minimum(radius[live], smaller)
    return radius


def sharp_points(points: Floats, faces: Indices) -> NDArray[np.bool_]:
    """Which points (V,) are on an edge where the surface bends by SHARP degrees or more, or ends."""
    flat = face_normals(points, faces)
    unit = flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-300)
    edges = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1)
    face = np.tile(np.arange(len(faces)), 3)
    order = np.lexsort(edges.T)
    edges, face = edges[order], face[order]
    same = (edges[1:] == edges[:-1]).all(1)
    bent = (unit[face[1:]] * unit[face[:-1]]).sum(1) < np.cos(np.radians(SHARP))
    pairs = np.concatenate([[False], same]) | np.concatenate([same, [False]])
    found = np.zeros(len(points), bool)
    found[edges[1:][same & bent].reshape(-1)] = True
    found[edges[~pairs].reshape(-1)] = True
    return found
