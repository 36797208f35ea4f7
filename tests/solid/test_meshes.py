"""Meshes in files: in, out, and what is wrong with them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

trimesh: Any = pytest.importorskip("trimesh", reason="needs atelier[mesh]")

from PIL import Image as Pillow
from shapes import cube, plane, sphere

from atelier.errors import MeshError, OutputError, SourceError
from atelier.image import Limits
from atelier.media.meshes import mending, model_of, read_mesh, write_mesh
from atelier.progress import Progress
from atelier.solid.model import Model
from atelier.solid.surface import Surface
from atelier.solid.unwrap import unwrapped


def ball() -> Any:
    return trimesh.creation.icosphere(subdivisions=1)


def texture(size: int = 64) -> Any:
    return np.random.default_rng(0).random((size, size, 3)).astype(np.float32)


def laid_out(model: Model, size: int = 64) -> Model:
    return unwrapped(model, size)[0]


@pytest.mark.parametrize("suffix", [".glb", ".obj", ".ply"])
def test_what_is_written_is_read_again(tmp_path: Path, suffix: str) -> None:
    model, painted = laid_out(cube()), texture()
    write_mesh(model, painted, tmp_path / f"box{suffix}", about={"atelier": "{}"})
    found = read_mesh(str(tmp_path / f"box{suffix}"))
    own, theirs = Surface.of(model), Surface.of(found)
    assert np.sort(own.points[own.faces].reshape(-1)) == pytest.approx(np.sort(theirs.points[theirs.faces].reshape(-1)), abs=1e-6)
    assert own.uv[own.faces] == pytest.approx(theirs.uv[theirs.faces], abs=1e-6)
    image = theirs.materials[0].image
    assert image is not None
    assert np.abs(image - painted).max() < 1 / 255


def test_names_transforms_units_and_attributes_are_kept(tmp_path: Path) -> None:
    box, other = trimesh.creation.box(), ball()
    box.vertex_attributes["_heat"] = np.arange(len(box.vertices), dtype=np.float32)
    scene = trimesh.Scene()
    scene.add_geometry(box, node_name="hull", geom_name="Box")
    turn = trimesh.transformations.rotation_matrix(0.5, [0, 1, 0])
    turn[:3, 3] = [3, 0, 0]
    scene.add_geometry(other, node_name="lamp", geom_name="Ball", parent_node_name="hull", transform=turn)
    scene.units = "millimeters"
    scene.export(str(tmp_path / "two.glb"))
    model = laid_out(read_mesh(str(tmp_path / "two.glb")))
    write_mesh(model, texture(), tmp_path / "painted.glb")
    found = trimesh.load_scene(str(tmp_path / "painted.glb"), process=False)
    assert set(found.geometry) == {"Box", "Ball"}
    assert {"hull", "lamp"} <= set(found.graph.nodes)
    assert found.graph.transforms.parents["lamp"] == "hull"
    assert found.graph["lamp"][0] == pytest.approx(scene.graph["lamp"][0])
    assert found.units == "millimeters"
    heat = found.geometry["Box"].vertex_attributes["_heat"]
    corners = {tuple(np.round(p, 4)) for p in np.column_stack([box.vertices, box.vertex_attributes["_heat"]])}
    assert {tuple(np.round(p, 4)) for p in np.column_stack([found.geometry["Box"].vertices, heat])} == corners


def test_several_materials_and_textures_become_one_texture_with_the_colours_of_each(tmp_path: Path) -> None:
    red, green = (np.zeros((8, 8, 3), np.uint8) for _ in range(2))
    red[..., 0], green[..., 1] = 255, 255
    scene = trimesh.Scene()
    for at, image in enumerate((red, green)):
        box = trimesh.creation.box()
        uv = np.random.default_rng(0).random((len(box.vertices), 2))
        box.visual = trimesh.visual.TextureVisuals(uv, trimesh.visual.material.PBRMaterial(baseColorTexture=Pillow.fromarray(image)))
        box.apply_translation([2 * at, 0, 0])
        scene.add_geometry(box, geom_name=f"box{at}")
    plainly = trimesh.creation.box()
    plainly.visual = trimesh.visual.TextureVisuals(None, trimesh.visual.material.PBRMaterial(baseColorFactor=[0, 0, 255, 255]))
    plainly.apply_translation([4, 0, 0])
    scene.add_geometry(plainly, geom_name="box2")
    scene.export(str(tmp_path / "three.glb"))
    model, note = unwrapped(read_mesh(str(tmp_path / "three.glb")), 64)
    assert "unwrapped" in note
    baked, covered = Surface.of(model).baked(64)
    surface = Surface.of(model)
    raster = surface.texels(64)
    face, bary = raster.at(raster.hit)
    x = surface.places(face, bary)[:, 0]
    x = (x - x.min()) / np.ptp(x)
    colors = baked.reshape(-1, 3)[raster.hit]
    for low, high, channel in ((0, 0.19, 0), (0.41, 0.59, 1), (0.81, 1, 2)):
        own = colors[(x > low) & (x < high)]
        assert (own.argmax(1) == channel).all()
        assert own[:, channel].min() > 0.95
    assert covered.mean() > 0.2


def test_an_obj_without_material_is_plain(tmp_path: Path) -> None:
    """A picture beside it may be anything."""
    model = plane()
    lines = [f"v {x} {y} {z}" for x, y, z in model.pieces[0].points] + [f"vt {u} {v}" for u, v in model.pieces[0].uv]
    lines += [f"f {a}/{a} {b}/{b} {c}/{c}" for a, b, c in model.pieces[0].faces + 1]
    (tmp_path / "a.obj").write_text("\n".join(lines))
    Pillow.fromarray((texture() * 255).astype(np.uint8)).save(tmp_path / "a.png")
    (piece,) = read_mesh(str(tmp_path / "a.obj")).pieces
    assert piece.material.image is None
    assert piece.material.color == (1.0, 1.0, 1.0)
    assert piece.uv is not None


# What is wrong --------------------------------------------------------------------------------------------------------


def notes_of(mesh: Any) -> str:
    return "; ".join(model_of(mesh).notes)


def test_points_that_are_not_numbers_lose_their_faces() -> None:
    mesh = ball()
    mesh.vertices[0] = np.nan
    broken = trimesh.Trimesh(mesh.vertices, mesh.faces, process=False)
    model = model_of(broken)
    assert "not numbers" in "; ".join(model.notes)
    assert 0 < len(model.pieces[0].faces) < 80
    assert np.isfinite(model.pieces[0].points).all()
    with pytest.raises(MeshError, match="not numbers"):
        model_of(trimesh.Trimesh(np.full((3, 3), np.nan), [[0, 1, 2]], process=False))


def test_degenerate_faces_are_left_out() -> None:
    mesh = ball()
    broken = trimesh.Trimesh(mesh.vertices, np.concatenate([mesh.faces, [[0, 0, 1], [2, 2, 2]]]), process=False)
    assert "2 degenerate faces" in notes_of(broken)
    with pytest.raises(MeshError, match=r"area|but a point"):
        model_of(trimesh.Trimesh([[0, 0, 0], [1, 0, 0], [2, 0, 0]], [[0, 1, 2]], process=False))


def test_what_is_not_manifold_is_said_and_painted() -> None:
    fan = trimesh.Trimesh([[0, 0, 0], [0, 0, 1], [1, 0, 0], [0, 1, 0], [-1, 0, 0]], [[0, 1, 2], [0, 1, 3], [0, 1, 4]], process=False)
    assert "not manifold" in notes_of(fan)


def test_faces_turned_inwards_are_turned_around_where_that_is_sure() -> None:
    mesh = ball()
    flipped = trimesh.Trimesh(mesh.vertices, mesh.faces[:, ::-1], process=False)
    model = model_of(flipped)
    assert "turned inwards" in "; ".join(model.notes)
    assert mending.volume(model.pieces[0].points, model.pieces[0].faces) > 0
    assert "inwards" not in notes_of(mesh)
    opened = trimesh.Trimesh(mesh.vertices, mesh.faces[3:, ::-1], process=False)
    assert "inwards" not in notes_of(opened), "which way is out of what is open is not known"


@pytest.mark.parametrize(("scale", "offset", "word"), [(1e9, 0, "units large"), (1e-7, 0, "units large"), (1, 1e7, "away from the origin")])
def test_huge_tiny_and_far_units_are_kept_and_said(scale: float, offset: float, word: str) -> None:
    mesh = ball()
    model = model_of(trimesh.Trimesh(mesh.vertices * scale + offset, mesh.faces, process=False))
    assert word in "; ".join(model.notes)
    surface = Surface.of(laid_out(model))
    assert np.abs(surface.points).max() <= 1.001
    assert (surface.texels(64).face >= 0).mean() > 0.2


def test_no_faces_are_refused(tmp_path: Path) -> None:
    trimesh.PointCloud(np.random.default_rng(0).random((20, 3))).export(str(tmp_path / "cloud.ply"))
    with pytest.raises(MeshError, match="points without faces"):
        read_mesh(str(tmp_path / "cloud.ply"))
    (tmp_path / "empty.obj").write_text("v 0 0 0\n")
    with pytest.raises(MeshError):
        read_mesh(str(tmp_path / "empty.obj"))


def test_too_many_faces_are_refused_before_they_are_parsed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.ply").write_bytes(b"ply\nformat binary_little_endian 1.0\nelement vertex 3\nelement face 6000000\nend_header\n")
    with pytest.raises(MeshError, match="6,000,000 faces"):
        read_mesh(str(tmp_path / "a.ply"))
    (tmp_path / "a.stl").write_bytes(bytes(80) + (5_000_001).to_bytes(4, "little"))
    with (tmp_path / "a.stl").open("r+b") as file:
        file.truncate(84 + 50 * 5_000_001)
    with pytest.raises(MeshError, match="5,000,001 faces"):
        read_mesh(str(tmp_path / "a.stl"))
    monkeypatch.setattr(mending, "MOST_FACES", 10)
    ball().export(str(tmp_path / "b.obj"))
    ball().export(str(tmp_path / "b.glb"))
    for name in ("b.obj", "b.glb"):
        with pytest.raises(MeshError, match="faces"):
            read_mesh(str(tmp_path / name))


def test_missing_textures_are_named(tmp_path: Path) -> None:
    write_mesh(laid_out(cube()), texture(), tmp_path / "box.obj")
    (tmp_path / "box.png").unlink()
    heard: list[Progress] = []
    assert read_mesh(str(tmp_path / "box.obj"), report=heard.append).pieces[0].material.image is None
    assert any("box.png is not there" in each.note for each in heard)
    (tmp_path / "box.mtl").unlink()
    heard.clear()
    read_mesh(str(tmp_path / "box.obj"), report=heard.append)
    assert any("box.mtl is not there" in each.note for each in heard)


def test_what_is_no_mesh_is_refused(tmp_path: Path) -> None:
    for name in ("a.glb", "a.ply", "a.stl"):
        (tmp_path / name).write_bytes(b"no mesh")
        with pytest.raises(MeshError, match=r"no mesh|faces"):
            read_mesh(str(tmp_path / name))
    with pytest.raises(SourceError, match="no file"):
        read_mesh(str(tmp_path / "none.obj"))
    sphere_ = ball()
    sphere_.export(str(tmp_path / "b.stl"))
    with pytest.raises(MeshError, match="limit"):
        read_mesh(str(tmp_path / "b.stl"), Limits(bytes=100))
    with pytest.raises(OutputError, match=r"\.glb"):
        write_mesh(laid_out(sphere(1)), texture(), tmp_path / "a.fbx")
