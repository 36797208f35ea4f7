"""What is wrong with a mesh: mended where it is sure how, said where it does not matter, refused where nothing can be done."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from atelier.errors import MeshError
from atelier.solid.model import Floats, Indices, Model, Piece, face_normals, transformed, welded

Flags = NDArray[np.bool_]
MOST_FACES = 5_000_000
FAR = 1e5
"""How many times its own size a mesh may be away from the origin before what is written in single precision is coarse."""


def too_many(faces: int) -> bool:
    """Whether so many faces are over the limit."""
    return faces > MOST_FACES


def check_faces(path: Path) -> None:
    """Refuse a file with too many faces before it is parsed, where that can be seen. Raises MeshError."""
    suffix, count = path.suffix.lower(), 0
    with path.open("rb") as file:
        head = file.read(4096)
        if suffix == ".ply" and (found := re.search(rb"element face (\d+)", head)):
            count = int(found[1])
        elif suffix == ".stl" and len(head) >= 84:
            told = int.from_bytes(head[80:84], "little")
            count = told if path.stat().st_size == 84 + 50 * told else 0
        elif suffix == ".obj":
            file.seek(0)
            while block := file.read(1 << 24):
                count += block.count(b"\nf ")
    if too_many(count):
        raise MeshError(f"{path} has {count:,} faces, over the limit of {MOST_FACES:,}: simplify it first")


def mend(model: Model, name: str) -> Model:
    """The model without what is no surface, with notes. Raises MeshError where nothing is left."""
    notes: list[str] = []
    pieces = [_finite(piece, notes) for piece in model.pieces]
    placed = tuple(each for each in model.placed if np.isfinite(each.matrix).all())
    if not any(len(pieces[each.piece].faces) for each in placed):
        why = "points that are not numbers" if notes else "no faces"
        raise MeshError(f"{name} has {why}: there is no surface to paint")
    every = np.concatenate([transformed(pieces[each.piece].points[np.unique(pieces[each.piece].faces)], each.matrix) for each in placed])
    span = float(np.ptp(every, axis=0).max())
    if not span > 0 or not np.isfinite(span):
        raise MeshError(f"{name} is but a point: there is no surface to paint")
    pieces = [_with_area(piece, notes) for piece in pieces]
    kept = tuple(each for each in placed if len(pieces[each.piece].faces))
    if not kept:
        raise MeshError(f"{name} has no face with an area: there is no surface to paint")
    if np.abs(every).max() > FAR * span:
        notes.append(
            f"it is {np.abs(every).max() / span:,.0f} times its own size away from the origin: files in single precision are coarse"
        )
    if span > 1e6 or span < 1e-4:
        notes.append(f"it is {span:.3g} units large, which is kept: are its units as meant?")
    pieces = [_outwards(piece, notes) for piece in pieces]
    _say_manifold(pieces, notes)
    return replace(model, pieces=tuple(pieces), placed=kept, notes=tuple(notes))


def _finite(piece: Piece, notes: list[str]) -> Piece:
    """Without faces of points that are not numbers, or of none that there are; where uv are none, without those."""
    good: Flags = np.asarray(np.isfinite(piece.points).all(1))
    faces = piece.faces
    inside: Flags = np.asarray(((faces >= 0) & (faces < len(piece.points))).all(1))
    keep: Flags = inside.copy()
    keep[inside] = good[faces[inside]].all(1)
    if not keep.all():
        notes.append(f"{int((~keep).sum())} faces with points that are not numbers, or not there, are left out of {piece.name}")
    points = np.where(good[:, None], piece.points, 0.0)
    uv = piece.uv
    if uv is not None and not np.isfinite(uv).all():
        uv = None
        notes.append(f"the texture coordinates of {piece.name} are not numbers: they are left out")
    return replace(piece, points=points, faces=faces[keep], uv=uv)


def _with_area(piece: Piece, notes: list[str]) -> Piece:
    """Without faces that are lines or points."""
    if not len(piece.faces):
        return piece
    span = float(np.ptp(piece.points[np.unique(piece.faces)], axis=0).max())
    keep = np.linalg.norm(face_normals(piece.points, piece.faces), axis=1) > 1e-14 * span * span
    if not keep.all():
        notes.append(f"{int((~keep).sum())} degenerate faces, lines or points, are left out of {piece.name}")
    return replace(piece, faces=piece.faces[keep])


def _outwards(piece: Piece, notes: list[str]) -> Piece:
    """With faces turned outwards, where the mesh is closed and all of them are turned inwards."""
    if not len(piece.faces) or not closed(piece.points, piece.faces) or volume(piece.points, piece.faces) >= 0:
        return piece
    notes.append(f"the faces of {piece.name} were turned inwards: they are turned around")
    normals = None if piece.normals is None else -piece.normals
    return replace(piece, faces=np.ascontiguousarray(piece.faces[:, ::-1]), normals=normals)


def _say_manifold(pieces: list[Piece], notes: list[str]) -> None:
    """Say how many edges more than two faces share: that is painted all the same."""
    count = sum(int((_edge_counts(piece)[1] > 2).sum()) for piece in pieces if len(piece.faces))
    if count:
        notes.append(f"it is not manifold ({count} edges of more than two faces): it is painted as it is")


def _edge_counts(piece: Piece) -> tuple[Indices, Indices]:
    """Edges (E, 2) without direction, and how many faces have them."""
    edges = np.sort(directed_edges(piece.points, piece.faces), axis=1)
    found, counts = np.unique(edges, axis=0, return_counts=True)
    return found, counts.astype(np.int32)


def directed_edges(points: Floats, faces: Indices) -> Indices:
    """Edges of faces, (3 F, 2), between points that are the same where they are at the same place."""
    weld = welded(points)[faces]
    return np.concatenate([weld[:, [0, 1]], weld[:, [1, 2]], weld[:, [2, 0]]])


def closed(points: Floats, faces: Indices) -> bool:
    """Whether each edge is gone along once in each direction."""
    edges = directed_edges(points, faces).astype(np.int64)
    base = int(edges.max()) + 1
    there, back = edges[:, 0] * base + edges[:, 1], edges[:, 1] * base + edges[:, 0]
    return len(np.unique(there)) == len(there) and np.array_equal(np.sort(there), np.sort(back))


def volume(points: Floats, faces: Indices) -> float:
    """What closed faces enclose; below 0 where they are turned inwards."""
    centred = points - points[np.unique(faces)].mean(0)
    a, b, c = (centred[faces[:, at]] for at in range(3))
    return float((a * np.cross(b, c)).sum() / 6)
