"""The texture of a surface as a canvas, and views of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from atelier.engines.optimize.canvas import Beginning, PixelCanvas, resized
from atelier.engines.optimize.pyramid import Guess
from atelier.engines.optimize.view import View
from atelier.solid.camera import Camera
from atelier.solid.raster import Raster
from atelier.solid.sampling import levels_of, strip_width
from atelier.solid.surface import Surface

Sources = Callable[[int], Tensor]
"""A texture's side -> for each texel, the flat position of the one whose colour it has, (S * S,) (see `solid.hidden.sources`)."""


@dataclass(frozen=True, eq=False)
class TextureBeginning:
    """Makes canvases of a square texture. A canvas for views of a size, px, has so many texels as keep their proportion to those of the
    whole: texture, the side of that, for views of side px. guess: a texture's side to a guess at its curvature."""

    beginning: Beginning
    sources: Sources
    texture: int
    side: int
    guess: Callable[[int], Guess] | None = None

    def texels(self, size: tuple[int, int]) -> tuple[int, int]:
        side = max(16, 8 * round(self.texture * max(size) / self.side / 8))
        return side, side

    def at(self, size: tuple[int, int]) -> TextureCanvas:
        return TextureCanvas(self.beginning.at(self.texels(size)), self)


class TextureCanvas:
    """A square texture. Its image is a strip: the texture with smaller versions of itself beside it, which views look texels up in.

    Texels between charts have the colours of those beside them, hidden ones of those nearby on the surface, so what is seen while it is
    painted is what will be saved.
    """

    def __init__(self, pixels: PixelCanvas, beginning: TextureBeginning) -> None:
        self.pixels, self.beginning = pixels, beginning
        self.source = beginning.sources(pixels.pixels.shape[2])
        self.bounds = pixels.bounds
        self.project = pixels.project

    def parameters(self) -> list[Tensor]:
        return self.pixels.parameters()

    def texture(self) -> Tensor:
        """(1, 3, S, S)."""
        pixels = self.pixels.pixels
        return pixels.flatten(2).index_select(2, self.source).view_as(pixels)

    def image(self) -> Tensor:
        return strip_of(self.texture())

    def precondition(self, part: Tensor | None = None) -> Guess | None:
        guess = self.beginning.guess
        return self.pixels.precondition(part) if guess is None or part is not None else guess(self.pixels.pixels.shape[2])

    def at(self, size: tuple[int, int]) -> TextureCanvas:
        return TextureCanvas(self.pixels.at(self.beginning.texels(size)), self.beginning)

    def under(self, pixels: Tensor) -> Tensor:
        size = self.pixels.pixels.shape[2]
        rows, columns = pixels // strip_width(size), pixels % strip_width(size)
        return self.pixels.under((rows * size + columns)[columns < size])


def strip_of(texture: Tensor) -> Tensor:
    """A square texture (1, 3, S, S) with its smaller versions beside it, as `solid.sampling.strip` lays them out."""
    size, levels, level = texture.shape[2], [], texture
    for _ in range(levels_of(size)):
        level = F.avg_pool2d(level, 2)
        levels.append(F.pad(level, (0, size // 2 - level.shape[3], 0, 0)))
    if not levels:
        return texture
    beside = torch.cat(levels, 2)
    return torch.cat([texture, F.pad(beside, (0, 0, 0, size - beside.shape[2]))], 3)


def texture_in(image: Tensor) -> Tensor:
    """The texture (1, 3, S, S) of a strip."""
    return image[..., : image.shape[2]]


class _Look(torch.autograd.Function):
    """Pixels (3, n) of a strip (3, m), by eight taps each."""

    @staticmethod
    def forward(ctx: Any, flat: Tensor, index: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(index, weight)
        ctx.shape = flat.shape
        return (flat[:, index] * weight).sum(2)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor, None, None]:
        index, weight = ctx.saved_tensors
        out = slope.new_zeros(ctx.shape)
        for row, own in zip(out, slope, strict=True):  # rows by themselves: torch is many times as slow at several
            row.index_add_(0, index.flatten(), (own[:, None] * weight).flatten())
        return out, None, None


def look_up(flat: Tensor, index: Tensor, weight: Tensor) -> Tensor:
    """Pixels (3, n) of a strip (3, m); index, weight: (n, 8), see `solid.sampling.Taps`."""
    found: Tensor = _Look.apply(flat, index, weight.to(flat.dtype))
    return found


@dataclass(frozen=True, eq=False)
class SurfaceView(View):
    """A camera's view of a surface, at any size. planes: (R, S, S), regions on the texture, or None. Made by `of`."""

    surface: Surface | None = None
    camera: Camera | None = None
    planes: Tensor | None = None

    @classmethod
    def of(cls, surface: Surface, camera: Camera, content: Tensor, planes: Tensor | None, side: int) -> SurfaceView:
        """content: (1, 3, h, w), what is to be recognised, with what is behind it. side: as in `View`."""
        height, width = content.shape[2:]
        raster = surface.seen(camera, width, height)
        seen = torch.from_numpy((raster.face >= 0).astype(np.float32)).to(content.device)
        look = SurfaceLook(surface, camera, raster)
        regions = None if planes is None else look.planes(planes)
        return cls(content, regions, look, seen, side, surface, camera, planes)

    def at(self, size: tuple[int, int]) -> SurfaceView:
        if size == self.size:
            return self
        assert self.surface is not None and self.camera is not None
        side = max(1, round(self.side * size[0] / self.size[0]))
        return SurfaceView.of(self.surface, self.camera, resized(self.content, size), self.planes, side)


@dataclass(frozen=True, eq=False)
class SurfaceLook:
    """What is seen of a texture where a raster is hit."""

    surface: Surface
    camera: Camera
    raster: Raster
    known: dict[int, tuple[Tensor, Tensor, Tensor]] = field(default_factory=dict)

    def __call__(self, image: Tensor, size: tuple[int, int]) -> Tensor:
        """A strip (1, 3, S, W) to what is seen of it, (1, 3, h, w); 0 where nothing is."""
        hit, index, weight = self.taps(image.shape[2], image.device)
        out = image.new_zeros(image.shape[1], size[0] * size[1])
        return out.index_copy(1, hit, look_up(image[0].flatten(1), index, weight)).view(1, -1, *size)

    def taps(self, texture: int, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
        """Which pixels are hit (n,), and their taps (n, 8) on a texture of this side."""
        if texture not in self.known:
            found = self.surface.taps(self.raster, self.camera, texture)
            hit = torch.from_numpy(self.raster.hit.astype(np.int64)).to(device)
            self.known[texture] = hit, torch.from_numpy(found.index).to(device), torch.from_numpy(found.weight).to(device)
        return self.known[texture]

    def planes(self, planes: Tensor) -> Tensor:
        """Planes on the texture (R, S, S) as they are seen, (R, h, w)."""
        return self(strip_of(planes[None]), self.raster.face.shape)[0].clamp(0, 1)
