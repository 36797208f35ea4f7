"""A mesh as a style: pictures of it from all around."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from atelier.engines.guide import Sample
from atelier.engines.solid import Sitting, picture_of
from atelier.image import Image
from atelier.media.meshes import is_mesh
from atelier.progress import Report, silent
from atelier.request import Request
from atelier.run.solid.painting import seat

if TYPE_CHECKING:
    from atelier.run.resolver import Painting

VIEWS = 6
"""Pictures of a mesh that is a style."""


@dataclass(frozen=True)
class Meshes:
    """A resolver to which a mesh is a style too: a grey picture stands for it until `spread_views` has its views."""

    resolver: Any

    def style(self, name: str, report: Report = silent) -> Painting:
        if is_mesh(name):
            return Image(np.full((16, 16, 3), 0.5, np.float32))
        found: Painting = self.resolver.style(name, report)
        return found

    def stamp(self, name: str) -> Hashable | None:
        found: Hashable | None = None if is_mesh(name) else self.resolver.stamp(name)
        return found

    def __getattr__(self, name: str) -> Any:
        return getattr(self.resolver, name)


def spread_views(samples: Sequence[Sample], request: Request, resolver: Any, side: int, report: Report = silent) -> list[Sample]:
    """The samples, those of meshes as several: views of side px, each with the part of it where the mesh is. Its texture is seen in a
    light from above, and where shapes alone are asked for, its shape, in white."""
    found: list[Sample] = []
    for at, sample in enumerate(samples):
        source = request.styles[at].source if len(samples) == len(request.styles) else ""
        if not is_mesh(source):
            found.append(sample)
            continue
        asked = replace(request, what="texture", views=VIEWS, light=1.0, size=side, texture_size=512)
        sitting = seat(asked, resolver.mesh(source, report), report)
        found += [
            replace(sample, picture=picture, part=part, weight=sample.weight / VIEWS) for picture, part in pictures(sitting, request.what)
        ]
    return found


def pictures(sitting: Sitting, what: str) -> list[tuple[Image, Any]]:
    """What its cameras see of a mesh, and where it is."""
    texture = sitting.texture
    if what == "shape":
        raster = sitting.surface.texels(sitting.size)
        light = np.ones(sitting.size**2, np.float32)
        light[raster.hit] = sitting.surface.light(*raster.at(raster.hit))
        texture = np.repeat(light.reshape(sitting.size, sitting.size, 1), 3, 2)
    found = []
    for at in range(len(sitting.cameras)):
        pixels, alpha = sitting.view(texture, at)
        found.append((picture_of(pixels), alpha))
    return found
