"""A model as one surface that is painted: all pieces in the world, on one square texture."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from atelier.image.spaces import linear_from_srgb, srgb_from_linear
from atelier.image.value import Pixels
from atelier.solid.camera import Camera
from atelier.solid.model import Floats, Indices, Material, Model, face_normals, smooth_normals, transformed
from atelier.solid.raster import Raster, rasterize, rasterize_wrapped
from atelier.solid.sampling import Taps, strip, taps
from atelier.solid.shading import shade

SUN = (0.35, 0.8, 0.5)
"""Where the soft light comes from: right, up, from the front."""
DARKEST = 0.25
"""Light, of the most there is, on what faces away from it."""


@dataclass(frozen=True, eq=False)
class Surface:
    """points: (V, 3), moved and scaled so that all is within a ball of radius 1 or so. faces: (F, 3). uv: (V, 2). normals: (F, 3, 3), of
    the corners of faces. model: what it is of, laid out on one texture. middle, scale: points are (world - middle) * scale."""

    model: Model
    points: Floats
    faces: Indices
    uv: Floats
    normals: Floats
    materials: tuple[Material, ...]
    material: Indices
    own_uv: Floats
    colors: Pixels | None
    middle: Floats
    scale: float
    known: dict[tuple[int, ...], Raster] = field(default_factory=dict)

    @classmethod
    def of(cls, model: Model) -> Surface:
        """The surface of a model all of whose pieces are laid out."""
        points, faces, uv, own, colors, material, given = [], [], [], [], [], [], []
        first = 0
        for at, each in enumerate(model.placed):
            piece = model.pieces[each.piece]
            assert piece.uv is not None
            world = transformed(piece.points, each.matrix)
            points.append(world)
            faces.append(piece.faces + first)
            uv.append(piece.uv)
            own.append(piece.uv if piece.own_uv is None else piece.own_uv)
            colors.append(np.ones((len(world), 3), np.float32) if piece.colors is None else piece.colors)
            material.append(np.full(len(piece.faces), at, np.int32))
            given.append(corner_normals(piece.normals, piece.faces, world, each.matrix))
            first += len(world)
        every = np.concatenate(points)
        used = every[np.unique(np.concatenate(faces))]
        middle, span = (used.min(0) + used.max(0)) / 2, float(np.linalg.norm(np.ptp(used, axis=0))) or 1.0
        colored = any(model.pieces[each.piece].colors is not None for each in model.placed)
        return cls(
            model, (every - middle) * (2 / span), np.concatenate(faces), np.concatenate(uv), np.concatenate(given),
            tuple(model.pieces[each.piece].material for each in model.placed), np.concatenate(material), np.concatenate(own),
            np.concatenate(colors) if colored else None, middle, 2 / span,
        )  # fmt: skip

    # What is where on the texture ---------------------------------------------------------------------------------

    def texels(self, size: int) -> Raster:
        """Which triangle each texel of a square texture of this side is of."""
        if (size,) not in self.known:
            corners = self.uv[self.faces]
            corners = corners - np.floor(corners.mean(1, keepdims=True))
            self.known[(size,)], _ = rasterize_wrapped(np.stack([corners[..., 0], 1 - corners[..., 1]], 2) * size, size)
        return self.known[(size,)]

    def baked(self, size: int) -> tuple[Pixels, Pixels]:
        """The materials' colours as one texture (size, size, 3), sRGB, and where there is any of it (size, size)."""
        raster = self.texels(size)
        hit = raster.hit
        face, bary = raster.at(hit)
        out = np.full((size * size, 3), 0.5, np.float32)
        out[hit] = self.looks_of(face, bary, self.lod(self.own_uv, self.uv, size))
        covered = np.zeros(size * size, np.float32)
        covered[hit] = 1
        return out.reshape(size, size, 3), covered.reshape(size, size)

    def looks_of(self, face: Indices, bary: Pixels, finer: Floats) -> Pixels:
        """Colours (n, 3) of the materials at places of triangles. finer: (F,), texels of the new texture for the length of 1 of the old
        coordinates."""
        out = np.ones((len(face), 3), np.float32)
        uv = mixed(self.own_uv, self.faces, face, bary)
        for at, material in enumerate(self.materials):
            own = self.material[face] == at
            if not own.any():
                continue
            found = np.ones((int(own.sum()), 3), np.float32)
            if material.image is not None:
                found = looked_up(material.image, uv[own], finer[face[own]])
            if material.color != (1.0, 1.0, 1.0):
                found = srgb_from_linear(linear_from_srgb(found) * linear_from_srgb(np.asarray(material.color, np.float32)))
            out[own] = found
        if self.colors is not None:
            out = out * mixed(self.colors, self.faces, face, bary).astype(np.float32)
        return out.clip(0, 1)

    def lod(self, uv: Floats, other: Floats, size: int) -> Floats:
        """Of each face (F,), how long 1 of coordinates `uv` is in texels of a texture of this side over `other`."""
        return np.sqrt(_areas(other, self.faces) / np.maximum(_areas(uv, self.faces), 1e-20)) * size

    def places(self, face: Indices, bary: Pixels) -> Floats:
        """Points (n, 3) of triangles."""
        return mixed(self.points, self.faces, face, bary)

    # What is seen --------------------------------------------------------------------------------------------------

    def seen(self, camera: Camera, width: int, height: int) -> Raster:
        """What a camera sees."""
        return rasterize(camera.project(self.points, width, height), self.faces, width, height)

    def taps(self, raster: Raster, camera: Camera, size: int) -> Taps:
        """Which texels of a texture's strip, of a square of this side, each pixel that is hit sees."""
        height, width = raster.face.shape
        face, bary = raster.at(raster.hit)
        flat = camera.project(self.points, width, height)[:, :2]
        ratio = _areas(self.uv, self.faces) * size * size / np.maximum(_areas(flat, self.faces), 1e-9)
        lod = 0.5 * np.log2(np.maximum(ratio, 1e-9))
        return taps(mixed(self.uv, self.faces, face, bary), lod[face], size)

    def facing(self, camera: Camera, face: Indices) -> Floats:
        """How much triangles are turned to a camera, (n,): the cosine, whichever side is seen."""
        return np.abs(self.flat[face] @ camera.forwards)

    @cached_property
    def flat(self) -> Floats:
        """Unit normals of the triangles, (F, 3)."""
        found = face_normals(self.points, self.faces)
        return found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-300)

    @cached_property
    def area(self) -> float:
        """Of all triangles."""
        return float(np.linalg.norm(face_normals(self.points, self.faces), axis=1).sum() / 2)

    def light(self, face: Indices, bary: Pixels) -> Pixels:
        """How much of a soft light from above falls on places of triangles, (n,) in [0, 1]; it wraps around, as from a cloudy sky."""
        normal = (self.normals[face] * bary[..., None]).sum(1)
        normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-300)
        sun = np.array(SUN if self.model.up == 1 else (SUN[0], -SUN[2], SUN[1]))
        wrapped = 0.5 + 0.5 * normal @ (sun / np.linalg.norm(sun))
        return (DARKEST + (1 - DARKEST) * wrapped).astype(np.float32)


def corner_normals(given: Floats | None, faces: Indices, world: Floats, matrix: Floats) -> Floats:
    """Normals of the corners of faces, (F, 3, 3): the file's own where it has any."""
    if given is None:
        return smooth_normals(world, faces)
    turned = given @ np.linalg.inv(matrix[:3, :3] if abs(np.linalg.det(matrix[:3, :3])) > 1e-30 else np.eye(3))
    turned /= np.maximum(np.linalg.norm(turned, axis=1, keepdims=True), 1e-300)
    return turned[faces]


def mixed(values: Floats | Pixels, faces: Indices, face: Indices, bary: Pixels) -> Floats:
    """Values (V, C) of points, at places of triangles, (n, C)."""
    corners = faces[face]
    return np.asarray(np.einsum("nkc,nk->nc", values[corners], bary), np.float64)


def looked_up(image: Pixels, uv: Floats, finer: Floats) -> Pixels:
    """Colours (n, 3) of an image at uv (n, 2), repeated on all sides. finer: (n,), pixels of what is drawn for the length of 1."""
    height, width = image.shape[:2]
    shrunk = image
    while max(shrunk.shape[:2]) >= 2 * np.median(finer) and min(shrunk.shape[:2]) > 8:
        h, w = shrunk.shape[0] // 2, shrunk.shape[1] // 2
        shrunk = shrunk[: 2 * h, : 2 * w].reshape(h, 2, w, 2, -1).mean((1, 3))
    height, width = shrunk.shape[:2]
    x, y = uv[:, 0] * width - 0.5, (1 - uv[:, 1]) * height - 0.5
    left, top = np.floor(x), np.floor(y)
    right, down = (x - left)[:, None], (y - top)[:, None]
    c0, c1 = (left.astype(np.int64) + at for at in (0, 1))
    r0, r1 = (top.astype(np.int64) + at for at in (0, 1))
    c0, c1, r0, r1 = c0 % width, c1 % width, r0 % height, r1 % height
    upper = shrunk[r0, c0] * (1 - right) + shrunk[r0, c1] * right
    lower = shrunk[r1, c0] * (1 - right) + shrunk[r1, c1] * right
    return (upper * (1 - down) + lower * down).astype(np.float32)


def _areas(points: Floats, faces: Indices) -> Floats:
    """Areas of triangles in the plane, (F,)."""
    a, b, c = (points[faces[:, at]] for at in range(3))
    one, other = b - a, c - a
    return np.abs(one[:, 0] * other[:, 1] - one[:, 1] * other[:, 0]) / 2


def render(
    surface: Surface, texture: Pixels, camera: Camera, width: int, height: int, background: Pixels, finer: int = 2, shaded: bool = False
) -> Pixels:
    """Look at a surface with a square texture (S, S, 3), (height, width, 3), smooth at its edges: each side `finer` times as fine, and
    averaged. background: (3,). shaded: whether a light falls on it, from the upper left of the camera."""
    w, h = width * finer, height * finer
    raster = surface.seen(camera, w, h)
    out = np.empty((h * w, 3), np.float32)
    out[:] = background
    found = surface.taps(raster, camera, len(texture))
    seen = found.look(strip(texture))
    if shaded:
        face, bary = raster.at(raster.hit)
        normal = (surface.normals[face] * bary[..., None]).sum(1)
        normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-300)
        seen = seen * shade(normal, camera.axes)[:, None]
    out[raster.hit] = seen
    return out.reshape(height, finer, width, finer, 3).mean((1, 3))
