"""What an engine needs to paint a surface: how it is looked at, and what its texture is before."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from atelier.engines.guide import Guide
from atelier.image import Image
from atelier.image.hidden import fill_hidden
from atelier.image.value import Pixels
from atelier.progress import Report, silent
from atelier.solid.camera import Camera, spread
from atelier.solid.hidden import seen_texels, sources
from atelier.solid.model import Model
from atelier.solid.sampling import strip
from atelier.solid.surface import Surface


@dataclass(frozen=True, eq=False)
class Sitting:
    """A surface that sits for its painting.

    texture: (S, S, 3), its colours before, light on it included. cameras with the (height, width) of what each sees; side: of the whole
    views of which these are parts, px. guide: which style goes where, on the texture. known: what was found out before.
    """

    surface: Surface
    texture: Pixels
    cameras: tuple[Camera, ...]
    sizes: tuple[tuple[int, int], ...]
    side: int
    guide: Guide | None = None
    known: dict[Any, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, surface: Surface, texture: Pixels, views: int, side: int) -> Sitting:
        """With so many views of side px all around."""
        parts = [camera.cropped(surface.points, side) for camera in spread(surface.points, views, surface.model.up)]
        return cls(surface, texture, tuple(camera for camera, _ in parts), tuple(size for _, size in parts), side)

    @property
    def size(self) -> int:
        """Side of the texture, px."""
        return len(self.texture)

    def seen(self, size: int) -> Pixels:
        """How well each texel of a texture of this side is seen, (size, size); see `seen_texels`."""
        return self._keep(("seen", size), lambda: seen_texels(self.surface, self.cameras, self.sizes, size))

    def sources(self, size: int) -> NDArray[np.int64]:
        """Whose colour each texel has; see `solid.hidden.sources`."""
        return self._keep(("sources", size), lambda: sources(self.surface, self.seen(size)))

    @cached_property
    def counted(self) -> Pixels:
        """How much each texel counts in statistics of colour, (S, S): those that are seen."""
        seen = self.seen(self.size)
        return (seen > 0).astype(np.float32) if (seen > 0).any() else np.ones_like(seen)

    def view(self, texture: Pixels, at: int, behind: Pixels | None = None) -> tuple[Pixels, Pixels]:
        """What the camera `at` sees of the surface with a texture (S, S, 3): (h, w, 3), and where it is, (h, w). Around it the colours
        of its edge go on, or those of another texture's, behind."""
        found, alpha = self._shown(texture, at)
        filled = fill_hidden(found, alpha)
        if behind is None:
            return filled, alpha
        return np.where(alpha[..., None] > 0, found, fill_hidden(self._shown(behind, at)[0], alpha)), alpha

    def guide_at(self, at: int) -> Guide | None:
        """Which style goes where in what the camera `at` sees; beside the surface none does."""
        if self.guide is None:
            return None
        found, _ = self._shown(np.moveaxis(self.guide.regions, 0, 2), at)
        return Guide(np.ascontiguousarray(np.moveaxis(found, 2, 0)))

    def _shown(self, texture: Pixels, at: int) -> tuple[Pixels, Pixels]:
        """What is seen of values (S, S, C) in [0, 1], 0 beside the surface, (h, w, C), and where the surface is, (h, w)."""
        camera, (height, width) = self.cameras[at], self.sizes[at]
        raster = self._keep(("raster", at), lambda: self.surface.seen(camera, width, height))
        taps = self._keep(("taps", at, len(texture)), lambda: self.surface.taps(raster, camera, len(texture)))
        out = np.zeros((height * width, texture.shape[2]), np.float32)
        out[raster.hit] = taps.look(strip(texture))
        return out.reshape(height, width, -1).clip(0, 1), (raster.face >= 0).astype(np.float32)

    def _keep(self, key: Any, make: Any) -> Any:
        if key not in self.known:
            self.known[key] = make()
        return self.known[key]


class SolidEngine(Protocol):
    """Built once from samples, settings, device and seed; then called per sitting."""

    def __call__(self, sitting: Sitting, /, report: Report = silent) -> Pixels:
        """Paint a surface's texture, (S, S, 3). A report that raises Cancelled ends it with the texture so far. Raises AtelierError."""
        ...


class Shaper(Protocol):
    """Built once from samples, settings, device and seed; then called per sitting."""

    def __call__(self, sitting: Sitting, strength: float, /, report: Report = silent) -> Model:
        """Shape a surface: its model with points that have moved, the further the greater the strength, in [0, 1]. Raises AtelierError."""
        ...


def picture_of(texture: Pixels) -> Image:
    """A texture as a picture."""
    return Image(np.ascontiguousarray(texture.clip(0, 1), np.float32))
