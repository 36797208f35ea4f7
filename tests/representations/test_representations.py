"""Ways to hold a shape: each gives it back, the better the more bytes it has."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

trimesh: Any = pytest.importorskip("trimesh", reason="needs atelier[mesh]")
skimage: Any = pytest.importorskip("skimage", reason="needs atelier[mesh]")
simplification: Any = pytest.importorskip("fast_simplification", reason="needs atelier[mesh]")

from typer.testing import CliRunner

from atelier.cli import app
from atelier.cli.representing import parse_sizes
from atelier.errors import SettingError
from atelier.media.meshes.mending import volume
from atelier.representations import cloud as clouds
from atelier.representations import learned
from atelier.representations.cloud import Triangles
from atelier.representations.field import signed_grid, surface_at_zero
from atelier.representations.learned import DepthParts, Fitted, PointParts, VoxelParts
from atelier.representations.measuring import Original, apart, views
from atelier.representations.packing import fitted, normals_of, octahedral, pack, unpack
from atelier.representations.plain import Depths, Mesh, Points, Representation, Voxels


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clouds, "DENSE", 20_000)
    monkeypatch.setattr(learned, "LOOKED", 48)


def ball(level: int = 3, radius: float = 0.8) -> Triangles:
    mesh = trimesh.creation.icosphere(subdivisions=level, radius=radius)
    return Triangles(np.asarray(mesh.vertices), np.asarray(mesh.faces, np.int32))


@pytest.mark.parametrize("way", [Mesh(), Points(), Voxels(), Depths()], ids=lambda way: way.name)
def test_a_ball_comes_back_and_more_bytes_bring_it_nearer(way: Representation) -> None:
    shape, lost = ball(), []
    for budget in (700, 3000):
        data = way.encode(shape, budget)
        assert len(data) <= budget
        copy = way.decode(data)
        assert volume(copy.points, copy.faces) == pytest.approx(4 / 3 * np.pi * 0.8**3, rel=0.25), "turned outwards, and as large"
        lost.append(apart(shape.cloud(5000), copy.cloud(5000, seed=1)))
    assert lost[1][0] < lost[0][0]
    assert lost[1][0] < 25
    assert lost[1][1] < 10


def left(way: Representation, shape: Triangles) -> float:
    """How far away is what comes back."""
    data = way.encode(shape, 3000)
    assert len(data) <= 3000, way.name
    copy = way.decode(data)
    return apart(shape.cloud(5000), copy.cloud(5000, seed=1))[0]


def test_a_fitted_network_comes_nearer_to_a_ball_with_every_step() -> None:
    assert left(Fitted(300), ball()) < 0.6 * left(Fitted(10), ball())


@pytest.mark.parametrize("kind", [PointParts, VoxelParts, DepthParts], ids=lambda kind: kind.name)
def test_autoencoders_learn_to_hold_a_ball(kind: Any) -> None:
    assert left(kind([ball(3, 0.6)], 200), ball()) < 90


def test_training_again_gives_the_same_bytes() -> None:
    first, second = (VoxelParts([ball(2)], 20).encode(ball(2), 1000) for _ in range(2))
    assert first == second


def test_distances_are_those_of_a_ball() -> None:
    grid = signed_grid(ball().cloud(20_000), 24)
    line = np.linspace(-1.1, 1.1, 24)
    far = np.sqrt(sum(each**2 for each in np.meshgrid(line, line, line)))
    assert np.abs(grid - np.clip((far - 0.8) / (2.2 / 23), -2, 2)).max() < 0.25
    found = surface_at_zero(grid)
    assert np.linalg.norm(found.points, axis=1) == pytest.approx(np.full(len(found.points), 0.8), abs=0.02)


def test_what_is_lost_of_the_same_shape_is_nothing() -> None:
    original = Original(ball(3))
    same, _ = original.loss(ball(3))
    assert same["style"] == pytest.approx(0, abs=1e-9)
    assert same["content"] == pytest.approx(0, abs=1e-9)
    assert same["normals"] < 4
    other, seen = original.loss(ball(1))
    assert other["style"] > 1e-5
    assert other["chamfer"] > same["chamfer"]
    assert seen.shape == views(ball(1)).shape
    nothing, _ = original.loss(Triangles(np.zeros((0, 3)), np.zeros((0, 3), np.int32)))
    assert nothing["chamfer"] == float("inf")


def test_numbers_come_back_as_they_were() -> None:
    rng = np.random.default_rng(0)
    given = [rng.integers(-5, 5, (3, 40)).astype(kind) for kind in (np.int8, np.int16, np.int32)]
    for one, other in zip(given, unpack(pack(*given)), strict=True):
        assert one.dtype == other.dtype
        assert np.array_equal(one, other)
    normals = rng.standard_normal((500, 3))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    assert (normals * normals_of(octahedral(normals))).sum(1).min() > 0.995
    assert len(fitted(lambda size: bytes(3 * size), 100, 1, 1000)) == 99


def test_the_command_measures_and_shows(tmp_path: Path) -> None:
    mesh = tmp_path / "a.ply"
    trimesh.creation.icosphere(subdivisions=2).export(str(mesh))
    numbers, picture = tmp_path / "a.json", tmp_path / "a.png"
    asked = ["representations", str(mesh), "--learn", str(mesh), "--bytes", "600", "--steps", "3",
        "--json", str(numbers), "--out", str(picture)]  # fmt: skip
    found = CliRunner().invoke(app, [*asked, "--quiet"])
    assert found.exit_code == 0, found.output
    told = json.loads(numbers.read_text())
    assert len(told["losses"]) == 8
    assert all(0 < each["bytes"] <= 600 for each in told["losses"])
    assert picture.stat().st_size > 1000


@pytest.mark.parametrize("text", ["", "x", "12", "1024,-5", "1e9"])
def test_sizes_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(SettingError, match="bytes"):
        parse_sizes(text)
