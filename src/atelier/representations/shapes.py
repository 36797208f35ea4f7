"""Shapes to learn from where no meshes are given."""

from __future__ import annotations

from typing import Any

import numpy as np

from atelier.errors import MissingExtra
from atelier.representations.cloud import Triangles, tidy


def simple_shapes() -> list[Triangles]:
    """A ball with bumps, a ring, a box, a capsule, a cone. Raises MissingExtra."""
    try:
        from trimesh import creation
    except ModuleNotFoundError as error:
        raise MissingExtra("meshes", "mesh") from error
    bumpy = creation.icosphere(subdivisions=5)
    bumpy.vertices *= 1 + 0.12 * np.sin(6 * bumpy.vertices).prod(1, keepdims=True)
    made = (bumpy, creation.torus(0.7, 0.25), creation.box((1.2, 0.9, 0.7)), creation.capsule(1.0, 0.35), creation.cone(0.6, 1.4))
    return [_within(each) for each in made]


def _within(mesh: Any) -> Triangles:
    points = np.asarray(mesh.vertices, np.float64)
    points = points - (points.min(0) + points.max(0)) / 2
    return tidy(points / np.linalg.norm(points, axis=1).max(), np.asarray(mesh.faces))
