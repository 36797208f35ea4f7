"""Small meshes with known answers."""

from __future__ import annotations

from typing import Any

import numpy as np

from atelier.solid.model import Material, Model, Piece, Placed

trimesh: Any = __import__("trimesh")


def placed(piece: Piece, up: int = 1) -> Model:
    """A model of one piece, where it is."""
    return Model((piece,), (Placed(0, np.eye(4)),), up)


def plane(image: Any = None, cells: int = 4) -> Model:
    """A square from -1 to 1 that faces +z, whose texture it shows as it is."""
    at = np.linspace(-1, 1, cells + 1)
    y, x = np.meshgrid(at, at, indexing="ij")
    points = np.stack([x, y, np.zeros_like(x)], 2).reshape(-1, 3)
    row, column = np.meshgrid(np.arange(cells), np.arange(cells), indexing="ij")
    a = (row * (cells + 1) + column).reshape(-1)
    b, c, d = a + 1, a + cells + 2, a + cells + 1
    faces = np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)]).astype(np.int32)
    uv = np.stack([(points[:, 0] + 1) / 2, (points[:, 1] + 1) / 2], 1)
    return placed(Piece("plane", points, faces, uv, Material("plain", image)))


def sphere(subdivisions: int = 3) -> Model:
    """A ball of radius 1 without texture coordinates."""
    ball = trimesh.creation.icosphere(subdivisions=subdivisions)
    return placed(Piece("ball", np.asarray(ball.vertices), np.asarray(ball.faces, np.int32)))


def cube() -> Model:
    box = trimesh.creation.box()
    return placed(Piece("box", np.asarray(box.vertices), np.asarray(box.faces, np.int32)))
