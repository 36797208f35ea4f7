"""The shapes a picture can be drawn with: one file each, one line here."""

from __future__ import annotations

from atelier.engines.primitives.shapes import (
    circle,
    ellipse,
    line,
    polygon,
    rectangle,
    rotated_ellipse,
    rotated_rectangle,
    stroke,
    triangle,
)
from atelier.engines.primitives.shapes.shape import Shape

MODULES = (triangle, rectangle, rotated_rectangle, ellipse, rotated_ellipse, circle, polygon, stroke, line)
SHAPES: dict[str, Shape] = {module.SHAPE.name: module.SHAPE for module in MODULES}
