"""Painted meshes: how long they take, how much memory, and how well they come out.

    python benchmarks/meshes.py MESH STYLE [--what command,views,large,renderers] [--faces 100000] [--json FILE]

command: from the command to the file, with the defaults, in a process of its own, and its peak memory. views: the same from Python,
with what it comes to: how many of the texels that are seen changed (by more than 8 levels), the style error through VGG-19, a mean over
views, of those painted and of eight that never were (turned between them), and the PSNR between what is painted and the file that was
saved, on eight pictures of a turn; seams: how far colours are apart, of 1, a hundredth of the model's radius apart across the edges
of charts, and across all other edges. large: the command for a ball of so many faces. renderers: seconds for a view,
by our rasteriser, and by embree's rays where embreex is installed. What the file of --json holds already of other pieces is kept, so
that each can be measured by itself.
"""

from __future__ import annotations

import argparse
import json
import math
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

import machine
from atelier import run
from atelier.image import fit, resize
from atelier.image.hidden import fill_hidden
from atelier.media import open_still
from atelier.media.meshes import read_mesh, write_mesh
from atelier.perception.network import Network
from atelier.request import Request, Style
from atelier.run.solid.sink import BEHIND, SIDE, STRIP, opened
from atelier.solid.camera import spread, turntable
from atelier.solid.model import face_normals, welded
from atelier.solid.sampling import strip, taps
from atelier.solid.surface import Surface, render
from atelier.solid.unwrap import unwrapped

CHANGED = 8 / 255
UNSEEN = 8
LAYERS = ("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1")
STROKES = LAYERS[1:4]


def command(mesh: str, style: str, out: Path, *more: str) -> dict[str, Any]:
    """Seconds and MiB from the command to the file."""
    told = machine.measured([*machine.atelier_command(), "stylize", mesh, "--style", style, "--out", str(out), "--quiet", *more])
    return {"seconds": round(told["seconds"], 1), "peak_mib": round(told["peak_mib"])}


def painted_from_python(mesh: str, style: str, engine: str, folder: Path) -> dict[str, Any]:
    """What painting with the defaults comes to."""
    request = Request("stylize", mesh, (Style(style),), engine=engine)
    began = time.perf_counter()
    with run.open(request) as job:
        (painted,) = job.frames()
        seconds = time.perf_counter() - began
        sitting = job.sitting
    surface, size = sitting.surface, len(painted.texture)
    seen = sitting.seen(size) > 0
    changed = np.abs(painted.texture - sitting.texture).max(2) > CHANGED
    out = folder / "painted.glb"
    write_mesh(painted.model, painted.texture, out)
    judge = Judge(style, sitting.side)
    own = [judge(surface, painted.texture, camera, size) for camera, size in zip(sitting.cameras, sitting.sizes, strict=True)]
    between = spread(surface.points, UNSEEN, surface.model.up, turn=1.0)
    never = [judge(surface, painted.texture, *camera.cropped(surface.points, sitting.side)) for camera in between]
    return {
        "engine": engine, "seconds": round(seconds, 1), "changed": round(float(changed[seen].mean()), 4),
        "seen": round(float(seen.sum() / max(1, (surface.texels(size).face >= 0).sum())), 4),
        "painted_views": means(own), "unseen_views": means(never),
        "ratio": {name: round(means(never)[name] / means(own)[name], 3) for name in ("style", "strokes")},
        "psnr": round(saved_psnr(surface, painted.texture, out), 1), "seams": seams(surface, painted.texture),
    }  # fmt: skip


class Judge:
    """Style errors of what is seen of a surface, where it is seen alone, through VGG-19."""

    def __init__(self, style: str, side: int) -> None:
        self.network = Network.load("vgg19", "cpu", torch.float32)
        picture = open_still(style).flat()
        scaled = resize(picture, fit(picture.size, side))
        self.targets = self.grams(tensor(scaled.pixels), torch.ones(scaled.pixels.shape[:2]))

    def grams(self, pixels: torch.Tensor, seen: torch.Tensor) -> dict[str, torch.Tensor]:
        found = {}
        with torch.no_grad():
            for name, f in self.network.see(pixels, LAYERS, "max").items():
                cells = F.avg_pool2d(seen[None, None], 2 ** (int(name[4]) - 1))[0, 0] > 0.5
                rows = f[0].permute(1, 2, 0)[cells]
                found[name] = rows.T @ rows / max(1, len(rows))
        return found

    def __call__(self, surface: Surface, texture: Any, camera: Any, size: tuple[int, int]) -> dict[str, float]:
        height, width = size
        raster = surface.seen(camera, width, height)
        pixels = render(surface, texture, camera, width, height, np.zeros(3, np.float32), finer=1)
        alpha = (raster.face >= 0).astype(np.float32)
        grams = self.grams(tensor(fill_hidden(pixels.clip(0, 1), alpha)), torch.from_numpy(alpha))
        errors = {name: float((grams[name] - own).square().sum() / own.square().sum()) for name, own in self.targets.items()}
        return {"style": float(np.mean(list(errors.values()))), "strokes": math.exp(np.mean([math.log(errors[name]) for name in STROKES]))}


def tensor(pixels: Any) -> torch.Tensor:
    return torch.from_numpy(np.array(pixels, np.float32)).permute(2, 0, 1)[None]


def means(found: list[dict[str, float]]) -> dict[str, float]:
    return {name: round(float(np.mean([each[name] for each in found])), 4) for name in found[0]}


def saved_psnr(surface: Surface, texture: Any, file: Path) -> float:
    """Between what is painted and what its file shows, dB, over pictures of a turn."""
    theirs, picture = opened(str(file))
    errors = []
    for one, other in zip(
        turntable(surface.points, STRIP, surface.model.up), turntable(theirs.points, STRIP, theirs.model.up), strict=True
    ):
        shown = render(surface, texture, one, SIDE, SIDE, BEHIND), render(theirs, picture, other, SIDE, SIDE, BEHIND)
        errors.append(float(np.mean((shown[0] - shown[1]) ** 2)))
    return -10 * math.log10(max(1e-12, float(np.mean(errors))))


def seams(surface: Surface, texture: Any, step: float = 0.005) -> dict[str, float]:
    """How far colours are apart on both sides of edges where charts meet, and of all others; each `step` away from the edge."""
    corners = welded(surface.points)[surface.faces]
    edges = edge_rows(corners)
    key = np.sort(edges[:, 2:], 1)
    order = np.lexsort(key.T)
    edges, key = edges[order], key[order]
    pairs = np.flatnonzero((key[1:] == key[:-1]).all(1))
    (one, ends, length), (other, theirs, _) = (beside_edges(surface, texture, edges[each], step) for each in (pairs, pairs + 1))
    split = np.minimum(np.abs(ends - theirs[:, ::-1]).max((1, 2)), np.abs(ends - theirs).max((1, 2))) > 1e-4
    apart = np.abs(one - other).mean(1) * length
    return {name: round(float(apart[own].sum() / max(length[own].sum(), 1e-9)), 4) for name, own in (("across", split), ("within", ~split))}


def edge_rows(corners: Any) -> Any:
    """Face, corner and both points of each edge, (3 F, 4)."""
    faces = np.arange(len(corners))
    return np.concatenate([np.stack([faces, np.full_like(faces, at), corners[:, at], corners[:, (at + 1) % 3]], 1) for at in range(3)])


def beside_edges(surface: Surface, texture: Any, edges: Any, step: float) -> tuple[Any, Any, Any]:
    """Colours beside the middles of edges, `step` into their faces, the uv of both their ends, and how long they are."""
    face, corner = edges[:, 0], edges[:, 1]
    rows, points = np.arange(len(face)), surface.points[surface.faces[face]]
    length = np.linalg.norm(points[rows, (corner + 1) % 3] - points[rows, corner], axis=1)
    height = np.linalg.norm(face_normals(surface.points, surface.faces[face]), axis=1) / np.maximum(length, 1e-9)
    inwards = np.clip(step / np.maximum(height, 1e-9), 0, 1 / 3)
    bary = np.zeros((len(face), 3))
    bary[rows, corner] = bary[rows, (corner + 1) % 3] = (1 - inwards) / 2
    bary[rows, (corner + 2) % 3] = inwards
    uv = surface.uv[surface.faces[face]]
    colors = taps((uv * bary[..., None]).sum(1), np.zeros(len(face)), len(texture)).look(strip(texture))
    return colors, np.stack([uv[rows, corner], uv[rows, (corner + 1) % 3]], 1), length


def ball(faces: int, folder: Path) -> str:
    """A bumpy ball of at least so many faces, without texture coordinates."""
    import trimesh

    mesh = trimesh.creation.icosphere(subdivisions=max(1, math.ceil(math.log(faces / 20, 4))))
    points = np.asarray(mesh.vertices)
    mesh.vertices = points * (1 + 0.1 * np.sin(5 * points[:, :1]) * np.sin(4 * points[:, 1:2]) * np.sin(6 * points[:, 2:]))
    if len(mesh.faces) > faces:  # the first so many of them: a ball with a hole
        mesh.update_faces(np.arange(len(mesh.faces)) < faces)
    path = folder / "ball.ply"
    mesh.export(str(path))
    return str(path)


def renderers(mesh: str, side: int = 384) -> dict[str, float]:
    """Seconds for what is seen in a view, a mean over twelve."""
    surface = Surface.of(unwrapped(read_mesh(mesh), 1024)[0])
    cameras = spread(surface.points, 12, surface.model.up)
    found = {"ours": min(machine.times(lambda: [surface.seen(each, side, side) for each in cameras], 3)) / 12}
    try:
        from trimesh import Trimesh
        from trimesh.ray.ray_pyembree import RayMeshIntersector
    except ImportError:
        return found
    rays = RayMeshIntersector(Trimesh(surface.points, surface.faces, process=False))
    across = (np.stack(np.meshgrid(np.arange(side), np.arange(side)), 2).reshape(-1, 2) + 0.5) / side - 0.5

    def look(camera: Any) -> Any:
        places = (across * camera.span + camera.middle) @ camera.axes[:2] - 4 * camera.forwards
        return rays.intersects_first(places, np.broadcast_to(camera.forwards, places.shape))

    return {**found, "embreex": min(machine.times(lambda: [look(each) for each in cameras], 3)) / 12}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mesh")
    parser.add_argument("style")
    parser.add_argument("--what", default="command,views")
    parser.add_argument("--engine", default="optimize,instant")
    parser.add_argument("--faces", type=int, default=100_000)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    asked = options.what.split(",")
    found: dict[str, Any] = json.loads(options.json.read_text()) if options.json and options.json.exists() else {}
    found["machine"] = machine.introduce()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if "command" in asked:
            found["command"] = command(options.mesh, options.style, folder / "a.glb")
        if "views" in asked:
            found["views"] = [painted_from_python(options.mesh, options.style, engine, folder) for engine in options.engine.split(",")]
        if "large" in asked:
            found["large"] = {"faces": options.faces, **command(ball(options.faces, folder), options.style, folder / "b.glb")}
        if "renderers" in asked:
            found["renderers"] = renderers(options.mesh)
    print(json.dumps(found, indent=1))
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
