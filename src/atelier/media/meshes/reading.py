"""A mesh's file to a model. trimesh parses; what it found is checked, mended where that is sure, and said."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from atelier.errors import AtelierError, MeshError, MissingExtra, SourceError
from atelier.image import Limits
from atelier.image.spaces import srgb_from_linear
from atelier.image.value import Pixels
from atelier.media.meshes.mending import MOST_FACES, check_faces, mend, too_many
from atelier.progress import Progress, Report, silent
from atelier.request.request import MESHES as MESHES
from atelier.solid.model import Material, Model, Piece, Placed

UPRIGHT = {".stl": 2, ".ply": 2}
"""The axis that points up where a format does not say: z in what comes from scanners and for printers, else y."""


def is_mesh(name: str) -> bool:
    """Whether a name is a mesh's."""
    return Path(name.split("?")[0]).suffix.lower() in MESHES


def read_mesh(name: str, limits: Limits = Limits(), report: Report = silent) -> Model:
    """Open a mesh. Notes on what was mended are in the model. Raises SourceError, MeshError, MissingExtra."""
    trimesh = _trimesh()
    path = Path(name)
    if not path.is_file():
        raise SourceError(f"there is no file {name}" if "://" not in name else f"{name}: a mesh is opened from a file, not a URL")
    size = path.stat().st_size
    if size > limits.bytes:
        raise MeshError(f"{name} has {size:,} bytes, over the limit of {limits.bytes:,}; raise it (Limits.bytes)")
    check_faces(path)
    try:
        scene = trimesh.load_scene(str(path), process=False)
    except AtelierError:
        raise
    except MemoryError as error:
        raise MeshError(f"{name} does not fit in memory") from error
    except Exception as error:  # parsers raise anything on damage
        reason = " ".join(str(error).split())[:160] or type(error).__name__
        raise MeshError(f"{name} is no mesh, damaged or cut short ({path.suffix.lower().lstrip('.').upper()}: {reason})") from error
    bare = path.suffix.lower() == ".obj" and b"mtllib" not in path.read_bytes()
    model = model_of(scene, name, UPRIGHT.get(path.suffix.lower(), 1), bare)
    missing = tuple(f"the texture {each} is not there: its material is painted as a plain colour" for each in _missing(path))
    for note in (*missing, *model.notes):
        report(Progress("opening", note=f"{path.name}: {note}"))
    return model


def model_of(scene: Any, name: str = "the mesh", up: int = 1, bare: bool = False) -> Model:
    """The model of what trimesh has, a Trimesh or a Scene. bare: whether its materials are trimesh's own, which are grey.

    Raises MeshError.
    """
    trimesh = _trimesh()
    scene = trimesh.Scene(scene) if not isinstance(scene, trimesh.Scene) else scene
    if too_many(sum(len(getattr(each, "faces", ())) for each in scene.geometry.values())):
        raise MeshError(f"{name} has more than the {MOST_FACES:,} faces that are painted: simplify it first")
    indices: dict[str, int] = {}
    pieces: list[Piece] = []
    images: dict[int, Pixels] = {}
    placed = []
    for node in scene.graph.nodes_geometry:
        matrix, called = scene.graph[node]
        geometry = scene.geometry[called]
        if not isinstance(geometry, trimesh.Trimesh):
            continue
        if called not in indices:
            indices[called] = len(pieces)
            piece = _piece(called, geometry, images)
            pieces.append(replace(piece, material=Material()) if bare else piece)
        placed.append(Placed(indices[called], np.asarray(matrix, np.float64)))
    if not pieces:
        kinds = {type(each).__name__ for each in scene.geometry.values()}
        cloud = "points without faces" if "PointCloud" in kinds else "no faces"
        raise MeshError(f"{name} has {cloud}: there is no surface to paint")
    return mend(Model(tuple(pieces), tuple(placed), up, origin=scene), name)


def _piece(name: str, geometry: Any, images: dict[int, Pixels]) -> Piece:
    visual = geometry.visual
    uv = getattr(visual, "uv", None)
    uv = None if uv is None or len(uv) != len(geometry.vertices) else np.asarray(uv, np.float64)[:, :2]
    material = _material(getattr(visual, "material", None), images)
    colors: Pixels | None = None
    if getattr(visual, "kind", None) in ("vertex", "face"):
        colors = np.asarray(visual.vertex_colors, np.float32)[:, :3] / np.float32(255)
    given = "vertex_normals" in geometry._cache.cache
    normals = np.asarray(geometry.vertex_normals, np.float64) if given else None
    points, faces = np.asarray(geometry.vertices, np.float64), np.asarray(geometry.faces, np.int32)
    return Piece(name, points, faces.reshape(-1, 3), uv, material, colors, normals)


def _material(given: Any, images: dict[int, Pixels]) -> Material:
    """A material of trimesh's: its colour image and factor."""
    if given is None:
        return Material()
    picture: Any = getattr(given, "baseColorTexture", None)
    picture = picture if picture is not None else getattr(given, "image", None)
    color = (1.0, 1.0, 1.0)
    factor = getattr(given, "baseColorFactor", None)
    if factor is not None:
        linear = np.asarray(factor, np.float32)[:3]
        linear = linear / np.float32(255) if np.asarray(factor).dtype.kind in "ui" else linear
        color = tuple(float(each) for each in srgb_from_linear(linear.clip(0, 1)))  # type: ignore[assignment]
    elif hasattr(given, "diffuse") and picture is None:
        color = tuple(float(each) / 255 for each in np.asarray(given.diffuse)[:3])  # type: ignore[assignment]
    image = None
    if picture is not None:
        if id(picture) not in images:
            images[id(picture)] = np.asarray(picture.convert("RGB"), np.float32) / np.float32(255)
        image = images[id(picture)]
    return Material(str(getattr(given, "name", "") or ""), image, color)


def _missing(path: Path) -> list[str]:
    """Pictures and materials that an OBJ names and that are not there."""
    if path.suffix.lower() != ".obj":
        return []
    found = []
    for name in re.findall(r"^\s*mtllib\s+(.+?)\s*$", path.read_text(errors="replace"), re.MULTILINE):
        file = path.parent / name
        if not file.is_file():
            found.append(name)
            continue
        named = re.findall(r"^\s*map_Kd\s+(.+?)\s*$", file.read_text(errors="replace"), re.MULTILINE)
        found += [each for each in named if not any((path.parent / way).is_file() for way in (each, each.split()[-1]))]
    return found


def _trimesh() -> Any:
    try:
        import trimesh
    except ModuleNotFoundError as error:
        raise MissingExtra("meshes", "mesh") from error
    return trimesh
