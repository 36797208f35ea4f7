"""A mesh, opened and painted."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from atelier.engines.solid import Sitting
from atelier.errors import SettingError
from atelier.image import Image
from atelier.image.value import Pixels
from atelier.progress import Progress, Report, silent
from atelier.request import Request
from atelier.solid.hidden import beside
from atelier.solid.model import Model
from atelier.solid.relief import finer
from atelier.solid.surface import Surface
from atelier.solid.unwrap import unwrapped

if TYPE_CHECKING:
    from atelier.run.job import Job

SIDE = 384
"""Side of the views, px, unless a size is asked for."""
ALONE = ("panorama", "keep_flat")
"""What is for photos, of what a request can ask for."""


@dataclass(frozen=True, eq=False)
class PaintedMesh:
    """A painted model. texture: (S, S, 3), on which all its pieces are laid out. shaded: whether light falls on it where it is shown,
    as on a shape whose texture is not painted."""

    model: Model
    texture: Pixels
    shaded: bool = False

    def picture(self) -> Image:
        """Its texture as a picture."""
        return Image(np.ascontiguousarray(self.texture, np.float32))


def seat(request: Request, model: Model, report: Report = silent) -> Sitting:
    """Lay a model's surface flat and place the views around it. Raises SettingError, MissingExtra."""
    for name in ALONE:
        if getattr(request, name):
            raise SettingError(name, f"`{name}` is for photos and films: leave it out for a mesh")
    side = request.size or SIDE
    if not 64 <= side <= 2048:
        raise SettingError("size", "the views of a mesh are from 64 to 2048 px a side", side)
    report(Progress("opening", note=f"{model.faces:,} faces"))
    size = 8 * round(request.texture_size / 8)
    model, note = unwrapped(model, size)
    if note:
        report(Progress("opening", note=note))
    surface = Surface.of(model if request.what == "texture" else finer(model))
    return Sitting.of(surface, lit(surface, size, request.light), request.views, side)


def lit(surface: Surface, size: int, strength: float) -> Pixels:
    """The texture of a surface (size, size, 3), with so much of a soft light on it."""
    texture, covered = surface.baked(size)
    raster = surface.texels(size)
    light = np.ones(size * size, np.float32)
    light[raster.hit] = surface.light(*raster.at(raster.hit))
    lit = texture * (1 - np.float32(strength) * (1 - light.reshape(size, size, 1)))
    return np.ascontiguousarray(lit.reshape(-1, 3)[beside(covered > 0)].reshape(lit.shape), np.float32)


def paint_solid(job: Job, report: Report = silent) -> PaintedMesh:
    """Shape and paint a job's mesh, as is asked for."""
    sitting, request = job.sitting, job.request
    assert sitting is not None
    if job.shape is not None:
        model = job.shape(sitting, request.relief, report)
        surface = Surface.of(model)
        if job.solid is None:
            return PaintedMesh(model, lit(surface, sitting.size, 0.0), shaded=True)
        texture = lit(surface, sitting.size, request.light)
        sitting = replace(Sitting.of(surface, texture, len(sitting.cameras), sitting.side), guide=sitting.guide)
    assert job.solid is not None
    return PaintedMesh(sitting.surface.model, job.solid(sitting, report))
