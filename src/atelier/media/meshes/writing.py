"""A painted model to a file: GLB, OBJ with its material and picture, or PLY with its picture."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as Pillow

from atelier.errors import MissingExtra, OutputError
from atelier.image.value import Pixels
from atelier.media.files import atomic_write, check_place
from atelier.solid.model import Floats, Indices, Model, Piece, transformed

WRITTEN = (".glb", ".obj", ".ply")


def check_mesh(target: str | Path, *, overwrite: bool = True) -> None:
    """Refuse a place or format beforehand. Raises OutputError."""
    suffix = Path(target).suffix.lower()
    if suffix not in WRITTEN:
        raise OutputError(f"{target}: a mesh is written as {', '.join(WRITTEN)}")
    for each in companions(target):
        check_place(each, overwrite=overwrite)


def companions(target: str | Path) -> list[Path]:
    """All files that a mesh of this name is."""
    path = Path(target)
    beside = {".obj": (".mtl", ".png"), ".ply": (".png",)}.get(path.suffix.lower(), ())
    return [path, *(path.with_suffix(each) for each in beside)]


def write_mesh(
    model: Model, texture: Pixels, target: str | Path, *, about: Mapping[str, Any] = {}, overwrite: bool = True, shaded: bool = False
) -> None:
    """Write a model whose pieces are laid out on one square texture (S, S, 3). about: what made it, kept in a GLB and a picture. shaded:
    whether light falls on it; else its texture is what is seen.

    Raises OutputError, MissingExtra.
    """
    path = Path(target)
    check_mesh(path, overwrite=overwrite)
    picture = png(texture, about)
    match path.suffix.lower():
        case ".glb":
            atomic_write(glb(model, picture, about, shaded), path)
        case ".obj":
            atomic_write(picture, path.with_suffix(".png"))
            atomic_write(_mtl(path, shaded).encode(), path.with_suffix(".mtl"))
            atomic_write(_obj(model, path).encode(), path)
        case _:
            atomic_write(picture, path.with_suffix(".png"))
            atomic_write(_ply(model, texture, path), path)


def png(texture: Pixels, about: Mapping[str, Any] = {}) -> bytes:
    """A texture's file."""
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    for name, text in about.items():
        info.add_itxt(name, text if isinstance(text, str) else json.dumps(text))
    held = io.BytesIO()
    levels = (texture * 255 + 0.5).clip(0, 255).astype(np.uint8)
    Pillow.fromarray(levels).save(held, "PNG", pnginfo=info, compress_level=6)
    return held.getvalue()


# GLB --------------------------------------------------------------------------------------------------------------------


def glb(model: Model, picture: bytes, about: Mapping[str, Any], shaded: bool = False) -> bytes:
    """Write the tree of the model's file, with its names, transforms and units, around the painted pieces. Unless shaded, no light falls
    on the material (KHR_materials_unlit): the picture is what is seen."""
    try:
        import trimesh
        from trimesh.exchange.gltf import export_glb
        from trimesh.visual import TextureVisuals
        from trimesh.visual.material import PBRMaterial
    except ModuleNotFoundError as error:
        raise MissingExtra("meshes", "mesh") from error

    material = PBRMaterial(
        name="painted", baseColorTexture=Pillow.open(io.BytesIO(picture)), metallicFactor=0.0, roughnessFactor=1.0, doubleSided=True
    )
    scene = trimesh.Scene()
    for piece in model.pieces:
        held = trimesh.Trimesh(piece.points, piece.faces, process=False, visual=TextureVisuals(piece.uv, material))
        if piece.normals is not None:
            held.vertex_normals = piece.normals  # type: ignore[method-assign]
        _keep(held, piece, model.origin)
        scene.geometry[piece.name] = held
    _place(scene, model)

    def finish(tree: dict[str, Any]) -> None:
        if not shaded:
            for each in tree.get("materials", []):
                each["extensions"] = {"KHR_materials_unlit": {}}
            tree.setdefault("extensionsUsed", []).append("KHR_materials_unlit")
        tree["asset"].setdefault("extras", {}).update(about)

    try:
        return bytes(export_glb(scene, include_normals=True, tree_postprocessor=finish))
    except (ValueError, KeyError, TypeError) as error:
        raise OutputError(f"the mesh cannot be written as GLB: {error}") from error


def _keep(held: Any, piece: Piece, origin: Any) -> None:
    """Take what the file's geometry had beside what is painted."""
    if origin is None or piece.name not in origin.geometry:
        return
    former = origin.geometry[piece.name]
    held.metadata.update(former.metadata)
    for key, values in getattr(former, "vertex_attributes", {}).items():
        if len(values) == len(former.vertices):
            held.vertex_attributes[key] = values if piece.source is None else values[piece.source]


def _place(scene: Any, model: Model) -> None:
    """Put the pieces where they stand: in the file's own tree, where there is one."""
    if model.origin is None:
        for each in model.placed:
            name = model.pieces[each.piece].name
            scene.graph.update(frame_to=name, matrix=each.matrix, geometry=name)
        return
    scene.graph = model.origin.graph.copy()
    if model.origin.units:
        scene.units = model.origin.units
    scene.metadata.update(model.origin.metadata)


# OBJ and PLY ------------------------------------------------------------------------------------------------------------


def _mtl(path: Path, shaded: bool) -> str:
    return f"newmtl painted\nKa 1 1 1\nKd 1 1 1\nKs 0 0 0\nillum {int(shaded)}\nmap_Kd {path.with_suffix('.png').name}\n"


def _obj(model: Model, path: Path) -> str:
    lines = [f"mtllib {path.with_suffix('.mtl').name}"]
    first, first_normal = 1, 1
    for each in model.placed:
        piece = model.pieces[each.piece]
        assert piece.uv is not None
        lines += [f"o {piece.name}", "usemtl painted"]
        lines += [f"v {x:.9g} {y:.9g} {z:.9g}" for x, y, z in transformed(piece.points, each.matrix).tolist()]
        lines += [f"vt {u:.7f} {v:.7f}" for u, v in piece.uv.tolist()]
        numbers = piece.faces + first
        if piece.normals is None:
            lines += [f"f {a}/{a} {b}/{b} {c}/{c}" for a, b, c in numbers.tolist()]
        else:
            lines += [f"vn {x:.6f} {y:.6f} {z:.6f}" for x, y, z in _turned(piece, each.matrix).tolist()]
            offset = first_normal - first
            lines += [f"f {a}/{a}/{a + offset} {b}/{b}/{b + offset} {c}/{c}/{c + offset}" for a, b, c in numbers.tolist()]
            first_normal += len(piece.points)
        first += len(piece.points)
    return "\n".join(lines) + "\n"


def _turned(piece: Piece, matrix: Floats) -> Floats:
    assert piece.normals is not None
    turned = piece.normals @ np.linalg.inv(matrix[:3, :3])
    return turned / np.maximum(np.linalg.norm(turned, axis=1, keepdims=True), 1e-300)


def _ply(model: Model, texture: Pixels, path: Path) -> bytes:
    """All pieces as one, each point with its place on the picture (s, t), which the header names, and its colour."""
    points, uv, faces, first = [], [], [], 0
    for each in model.placed:
        piece = model.pieces[each.piece]
        assert piece.uv is not None
        points.append(transformed(piece.points, each.matrix))
        uv.append(piece.uv)
        faces.append(piece.faces + first)
        first += len(piece.points)
    every: Floats = np.concatenate(points)
    places: Floats = np.concatenate(uv)
    triangles: Indices = np.concatenate(faces)
    size = len(texture)
    column, row = (places[:, 0] * size).astype(int) % size, ((1 - places[:, 1]) * size).astype(int) % size
    vertex = np.zeros(len(every), [(each, "<f4") for each in ("x", "y", "z", "s", "t")] + [(each, "u1") for each in ("r", "g", "b")])
    for at, name in enumerate("xyz"):
        vertex[name] = every[:, at]
    vertex["s"], vertex["t"] = places[:, 0], places[:, 1]
    levels = (texture[row, column] * 255 + 0.5).astype(np.uint8)
    for at, name in enumerate("rgb"):
        vertex[name] = levels[:, at]
    face = np.zeros(len(triangles), [("n", "u1"), ("i", "<i4", 3)])
    face["n"], face["i"] = 3, triangles
    header = (
        f"ply\nformat binary_little_endian 1.0\ncomment TextureFile {path.with_suffix('.png').name}\nelement vertex {len(every)}\n"
        "property float x\nproperty float y\nproperty float z\nproperty float s\nproperty float t\n"
        "property uchar red\nproperty uchar green\nproperty uchar blue\n"
        f"element face {len(triangles)}\nproperty list uchar int vertex_indices\nend_header\n"
    )
    return header.encode() + vertex.tobytes() + face.tobytes()
