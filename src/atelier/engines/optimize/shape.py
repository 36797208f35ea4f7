"""The shape of a surface as a canvas: its points move along their normals, and its views see the shading of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from atelier.engines.guide import Sample
from atelier.engines.optimize.engine import OptimizeEngine
from atelier.engines.optimize.pyramid import Guess
from atelier.engines.optimize.view import View
from atelier.engines.solid import Sitting
from atelier.errors import SettingError
from atelier.image import Image
from atelier.image.hidden import fill_hidden
from atelier.image.spaces import to_gray
from atelier.image.value import Pixels
from atelier.progress import Report, silent
from atelier.request import Settings
from atelier.solid.camera import Camera
from atelier.solid.model import Model
from atelier.solid.raster import Raster
from atelier.solid.relief import Relief
from atelier.solid.shading import AMBIENT, lamp, shade
from atelier.solid.surface import Surface

STIFF = 0.05
"""Weight of the Laplacian term: the pull of each step back towards a shape that bends as little as the one before."""


class _Smooth(torch.autograd.Function):
    """(I + λ L)⁻¹ of values (n,), which is symmetric."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, relief: Relief) -> Tensor:
        ctx.relief = relief
        return torch.from_numpy(relief.smooth(values.detach().numpy())).to(values.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor, None]:
        return torch.from_numpy(ctx.relief.smooth(slope.numpy())).to(slope.dtype), None


class ShapeCanvas:
    """How far each place of a relief moves, of its reach: parameters (n,) in [-1, 1], made smooth. Its image, (1, 3, 1, n), are the
    normals, from [-1, 1] to [0, 1]: what views shade."""

    bounds = (-1.0, 1.0)

    def __init__(self, relief: Relief, values: Tensor | None = None) -> None:
        self.relief = relief
        values = torch.zeros(len(relief.points)) if values is None else values
        self.values = values.detach().clone().requires_grad_()
        self.points, self.normals = (torch.from_numpy(each).to(values.dtype) for each in (relief.points, relief.normals))
        self.reach, self.faces = torch.from_numpy(relief.reach).to(values.dtype), torch.from_numpy(relief.faces.astype(np.int64))

    def parameters(self) -> list[Tensor]:
        return [self.values]

    def moved(self) -> Tensor:
        """How far each place moves, (n,)."""
        found: Tensor = _Smooth.apply(self.values, self.relief)
        return self.reach * found

    def image(self) -> Tensor:
        points = self.points + self.moved()[:, None] * self.normals
        return (0.5 + 0.5 * normals_of(points, self.faces)).T[None, :, None]

    def at(self, size: tuple[int, int]) -> ShapeCanvas:
        return ShapeCanvas(self.relief, self.values)

    def project(self) -> None:
        """Back to the bounds, and by the Laplacian term a little towards the shape that was."""
        with torch.no_grad():
            self.values.mul_(1 - STIFF).clamp_(*self.bounds)

    def precondition(self, part: Tensor | None = None) -> Guess | None:
        return None

    def under(self, pixels: Tensor) -> Tensor:
        return pixels


def normals_of(points: Tensor, faces: Tensor) -> Tensor:
    """Unit normals of points (n, 3): of the faces (F, 3) around them, by their areas."""
    a, b, c = (points[faces[:, at]] for at in range(3))
    flat = torch.linalg.cross(b - a, c - a)
    rows = []
    for axis in range(3):
        total = torch.zeros(len(points), dtype=points.dtype)
        for corner in range(3):
            total = total.index_add(0, faces[:, corner], flat[:, axis])
        rows.append(total)
    found = torch.stack(rows, 1)
    return found / found.norm(dim=1, keepdim=True).clamp_min(1e-20)


@dataclass(frozen=True, eq=False)
class ShapeLook:
    """Normals of places to the shading of what a raster sees."""

    surface: Surface
    relief: Relief
    camera: Camera
    raster: Raster
    known: list[Tensor] = field(default_factory=list)

    def __call__(self, image: Tensor, size: tuple[int, int]) -> Tensor:
        if not self.known:
            face, bary = self.raster.at(self.raster.hit)
            corners = self.relief.weld[self.surface.faces[face]].astype(np.int64)
            self.known.extend(torch.from_numpy(each) for each in (self.raster.hit.astype(np.int64), corners, bary))
        hit, corners_, bary_ = self.known
        rows = image[0, :, 0].T * 2 - 1  # (n, 3)
        normal = sum((rows[corners_[:, at]] * bary_[:, at : at + 1].to(rows.dtype) for at in range(3)), rows.new_zeros(()))
        normal = normal / normal.norm(dim=1, keepdim=True).clamp_min(1e-6)
        light = torch.from_numpy(lamp(self.camera.axes)).to(rows.dtype)
        gray = AMBIENT + (1 - AMBIENT) * (normal @ light).clamp_min(0)
        return image.new_zeros(size[0] * size[1]).index_copy(0, hit, gray).view(1, 1, *size).expand(1, 3, *size)


@dataclass(frozen=True, eq=False)
class ShapeView(View):
    """A camera's view of the shading of a surface, at any size. Made by `of`."""

    surface: Surface | None = None
    relief: Relief | None = None
    camera: Camera | None = None

    @classmethod
    def of(cls, surface: Surface, relief: Relief, camera: Camera, size: tuple[int, int], side: int) -> ShapeView:
        height, width = size
        raster = surface.seen(camera, width, height)
        seen = (raster.face >= 0).astype(np.float32)
        content = torch.from_numpy(shading(surface, relief, camera, raster)).permute(2, 0, 1)[None].contiguous()
        look = ShapeLook(surface, relief, camera, raster)
        return cls(content, None, look, torch.from_numpy(seen), side, surface, relief, camera)

    def at(self, size: tuple[int, int]) -> ShapeView:
        if size == self.size:
            return self
        assert self.surface is not None and self.relief is not None and self.camera is not None
        return ShapeView.of(self.surface, self.relief, self.camera, size, max(1, round(self.side * size[0] / self.size[0])))


def shading(surface: Surface, relief: Relief, camera: Camera, raster: Raster) -> Pixels:
    """The shading of a surface as it is, (h, w, 3), which goes on around it."""
    face, bary = raster.at(raster.hit)
    corners = relief.weld[surface.faces[face]]
    normal = np.einsum("nkc,nk->nc", relief.normals[corners], bary)
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-12)
    out = np.zeros((raster.face.size, 3), np.float32)
    out[raster.hit] = shade(normal, camera.axes)[:, None]
    return fill_hidden(out.reshape(*raster.face.shape, 3), (raster.face >= 0).astype(np.float32))


class ShapeEngine:
    """The optimiser, whose canvas is a shape. samples: paintings, or pictures of other meshes' shading; their light and dark counts."""

    def __init__(self, styles: Sequence[Sample], settings: Settings, device: str = "auto", seed: int = 0) -> None:
        if any(sample.region for sample in styles):
            raise SettingError("regions", "a shape is of one piece: `what=texture` takes regions")
        self.styles, self.settings, self.seed = styles, settings, seed

    def __call__(self, sitting: Sitting, strength: float, report: Report = silent) -> Model:
        """Shape. See `engines.solid.Shaper`."""
        surface = sitting.surface
        relief = Relief.of(surface, strength)
        views = [
            ShapeView.of(surface, relief, camera, size, sitting.side)
            for camera, size in zip(sitting.cameras, sitting.sizes, strict=True)
        ]  # fmt: skip
        lights = np.concatenate([view.content[0, 0][view.seen > 0].numpy() for view in views if view.seen is not None])
        engine = OptimizeEngine([matched(sample, lights) for sample in self.styles], self.settings, "cpu", self.seed)

        def preview(image: Tensor) -> Image:
            seen = views[0].show(image).detach()[0].permute(1, 2, 0).clamp(0, 1).numpy()
            return Image(np.ascontiguousarray(seen, np.float32))

        canvas = engine.paint(ShapeCanvas(relief), views, preview, size=(sitting.side, sitting.side), report=report)
        assert isinstance(canvas, ShapeCanvas)
        return relief.moved(surface.model, surface, relief.bounded(canvas.moved().detach().double().numpy()))


def matched(sample: Sample, lights: Pixels) -> Sample:
    """A sample in grey, as light and dark on the whole, and as contrasty, as these lights (n,)."""
    assert isinstance(sample.picture, Image)
    gray = to_gray(sample.picture.pixels)
    pixels = (gray - gray.mean()) * (lights.std() / max(float(gray.std()), 1e-6)) + lights.mean()
    return replace(sample, picture=Image(np.ascontiguousarray(pixels.clip(0, 1), np.float32)), region=None)
