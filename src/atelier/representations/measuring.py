"""How much of a shape is left: how far away it is, how its normals differ, and what its pictures still have of content and style."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from atelier.errors import MissingExtra
from atelier.image import Image
from atelier.image.value import Pixels
from atelier.progress import Progress, Report, silent
from atelier.representations.cloud import REACH, Cloud, Triangles
from atelier.representations.plain import Depths, Mesh, Points, Representation, Voxels
from atelier.solid.camera import Camera, directions, looking
from atelier.solid.model import smooth_normals
from atelier.solid.raster import rasterize
from atelier.solid.shading import shade

SEEN, SIDE = 6, 256
"""Pictures of a shape, in which content and style are measured, and their side, px."""
STYLE, CONTENT = ("conv1_1", "conv2_1", "conv3_1", "conv4_1"), "conv4_2"
BACKGROUND = np.float32(0.94)


@dataclass(frozen=True)
class Loss:
    """What a shape lost. budget: bytes that were allowed; bytes: that were used; shared: of a network's decoder, the same for every shape.
    chamfer: mean distance to the nearest, both ways, in thousandths of the shape's radius; normals: mean angle between normals there,
    degrees. style, content: errors of shaded pictures, of the original's own (Gram matrices; features). encoding, decoding: seconds."""

    name: str
    budget: int
    bytes: int
    shared: int
    chamfer: float
    normals: float
    style: float
    content: float
    encoding: float
    decoding: float

    def numbers(self) -> dict[str, Any]:
        """As JSON has them: what could not be measured is None."""
        return {name: None if isinstance(value, float) and not np.isfinite(value) else value for name, value in asdict(self).items()}


@dataclass(frozen=True, eq=False)
class Comparison:
    """losses: one for each way to hold the shape and budget. pictures: their views, by name and budget, and those of the original, of
    budget 0. training: seconds of each network that was trained for all budgets."""

    losses: tuple[Loss, ...]
    pictures: Mapping[tuple[str, int], Pixels]
    training: Mapping[str, float]


class Original:
    """A shape with everything that copies are measured by."""

    def __init__(self, shape: Triangles) -> None:
        self.shape, self.cloud = shape, shape.cloud(30_000, seed=1)
        self.views = views(shape)
        self.eye = Eye()
        self.grams, self.content = self.eye(self.views)

    def loss(self, other: Triangles) -> tuple[dict[str, float], Pixels]:
        """What is lost in a copy, and pictures of the copy."""
        seen = views(other)
        chamfer, normals = apart(self.cloud, other.cloud(30_000, seed=2))
        grams, content = self.eye(seen)
        style = float(np.mean([np.square(grams[name] - own).sum() / np.square(own).sum() for name, own in self.grams.items()]))
        away = float(np.square(content - self.content).sum() / np.square(self.content).sum())
        return {"chamfer": chamfer, "normals": normals, "style": style, "content": away}, seen


def compare(
    shape: Triangles, budgets: Sequence[int], others: Sequence[Triangles], steps: int = 1200, report: Report = silent
) -> Comparison:
    """Hold a shape in each way within each budget, bytes, and measure what is left. others: shapes that autoencoders are trained on;
    steps: of training each network. Raises MissingExtra."""
    ways, training = representations(others, steps, report)
    original = Original(shape)
    losses, pictures = [], {("original", 0): original.views}
    for budget in budgets:
        for at, way in enumerate(ways):
            report(Progress("judging", at + 1, len(ways), subject=f"{way.name} in {budget:,} bytes"))
            began = time.perf_counter()
            data = way.encode(shape, budget, report)
            half = time.perf_counter()
            copy = way.decode(data)
            done = time.perf_counter()
            found, seen = original.loss(copy)
            losses.append(Loss(way.name, budget, len(data), way.shared, **found, encoding=half - began, decoding=done - half))
            pictures[way.name, budget] = seen
    return Comparison(tuple(losses), pictures, training)


def representations(others: Sequence[Triangles], steps: int, report: Report = silent) -> tuple[list[Representation], dict[str, float]]:
    """All ways to hold a shape, those that are learned trained on others, and how long that took."""
    try:
        from atelier.representations.learned import DepthParts, Fitted, PointParts, VoxelParts
    except ModuleNotFoundError as error:
        raise MissingExtra("networks that hold shapes", "torch") from error
    found: list[Representation] = [Mesh(), Points(), Voxels(), Depths(), Fitted(steps)]
    training = {}
    for kind in (PointParts, VoxelParts, DepthParts):
        began = time.perf_counter()
        found.append(kind(others, steps, report))
        training[kind.name] = time.perf_counter() - began
    return found, training


def apart(one: Cloud, other: Cloud) -> tuple[float, float]:
    """How far two surfaces are apart: Chamfer distance, thousandths, and the mean angle of normals, degrees. Infinite for none."""
    if not len(other.points):
        return float("inf"), 90.0
    distances, angles = [], []
    for here, there in ((one, other), (other, one)):
        distance, index = there.tree.query(here.points)
        distances.append(distance.mean())
        cosine = (here.normals * there.normals[index]).sum(1).clip(-1, 1)
        angles.append(np.degrees(np.arccos(cosine)).mean())
    return 1000 * float(np.mean(distances)), float(np.mean(angles))


def views(shape: Triangles, count: int = SEEN, side: int = SIDE) -> Pixels:
    """Shaded pictures of a shape from all around, (count, side, side)."""
    out = np.full((count, side, side), BACKGROUND, np.float32)
    if not len(shape.faces):
        return out
    normals = smooth_normals(shape.points, shape.faces)
    for picture, way in zip(out, directions(count, turn=0.5), strict=True):
        camera = Camera(looking(way), (0.0, 0.0), (2 * REACH, 2 * REACH))
        raster = rasterize(camera.project(shape.points, side, side), shape.faces, side, side)
        face, bary = raster.at(raster.hit)
        normal = (normals[face] * bary[..., None]).sum(1)
        normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-12)
        picture.reshape(-1)[raster.hit] = shade(normal, camera.axes)
    return out


class Eye:
    """What the small perceptual network sees in pictures (n, h, w): Gram matrices by layer, and features of content."""

    def __init__(self) -> None:
        try:
            import torch

            from atelier.perception.network import Network
        except ModuleNotFoundError as error:
            raise MissingExtra("pictures' content and style", "torch") from error
        self.torch, self.network = torch, Network.load("pocket", "cpu", torch.float32)

    def __call__(self, pictures: Pixels) -> tuple[dict[str, Pixels], Pixels]:
        torch, grams = self.torch, {}
        with torch.no_grad():
            pixels = torch.from_numpy(pictures)[:, None].expand(-1, 3, -1, -1).contiguous()
            seen = self.network.see(pixels, (*STYLE, CONTENT))
            for name, found in seen.items():
                metric = self.network.metric.get(name)
                flat = found.float().permute(0, 2, 3, 1).flatten(0, 2)
                seen[name] = flat if metric is None else flat @ metric.T
                if name != CONTENT:
                    grams[name] = (seen[name].T @ seen[name] / len(flat)).numpy()
        return grams, seen[CONTENT].numpy()


def sheet(found: Comparison, view: int = 1) -> Image:
    """One view of every copy: a row for each budget, the original first."""
    names = list(dict.fromkeys(each.name for each in found.losses))
    budgets = sorted({each.budget for each in found.losses})
    rows = [
        np.concatenate([found.pictures["original", 0][view], *(found.pictures[name, each][view] for name in names)], 1) for each in budgets
    ]
    gray = np.concatenate(rows)
    return Image(np.ascontiguousarray(np.repeat(gray[..., None], 3, 2).clip(0, 1), np.float32))


def turned_shapes(shapes: Sequence[Triangles], seed: int = 0) -> list[Triangles]:
    """Each shape as it is, and turned at random."""
    random, found = np.random.default_rng(seed), list(shapes)
    for each in shapes:
        turn, _ = np.linalg.qr(random.standard_normal((3, 3)))
        turn *= np.sign(np.linalg.det(turn))
        found.append(replace(each, points=each.points @ turn))
    return found
