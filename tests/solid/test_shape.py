"""The shape of a surface: moved along its normals, and bounded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

trimesh: Any = pytest.importorskip("trimesh", reason="needs atelier[mesh]")

from shapes import cube, plane, sphere

from atelier.engines.guide import Sample
from atelier.engines.optimize.shape import ShapeCanvas, ShapeEngine, ShapeView
from atelier.engines.solid import Sitting
from atelier.errors import SettingError
from atelier.image import Image
from atelier.media.meshes.mending import volume
from atelier.request import Request, Settings, Style
from atelier.run import open
from atelier.solid import relief as reliefs
from atelier.solid.relief import Relief, finer, free_space, point_normals, sharp_points
from atelier.solid.surface import Surface
from atelier.solid.unwrap import unwrapped

Paint = Callable[..., Image]


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reliefs, "ENOUGH", 1000)


def surface_of(model: Any, size: int = 64) -> Surface:
    return Surface.of(finer(unwrapped(model, size)[0]))


def test_faces_are_parted_and_keep_their_places() -> None:
    model = finer(plane(cells=2))
    piece = model.pieces[0]
    assert model.faces == 2048
    assert piece.uv is not None
    assert piece.uv == pytest.approx((piece.points[:, :2] + 1) / 2)
    assert volume(finer(cube()).pieces[0].points, finer(cube()).pieces[0].faces) == pytest.approx(1.0)


def test_free_space_is_that_of_the_largest_ball() -> None:
    ball = trimesh.creation.icosphere(subdivisions=3)
    normals = point_normals(ball.vertices, ball.faces)
    assert free_space(np.asarray(ball.vertices), -normals) == pytest.approx(np.ones(len(normals)), rel=0.15)
    slab = trimesh.creation.box(extents=(2, 2, 0.2)).subdivide().subdivide().subdivide()
    inner = free_space(np.asarray(slab.vertices), -point_normals(slab.vertices, slab.faces))
    middle = np.abs(slab.vertices[:, :2]).max(1) < 0.5
    assert inner[middle] == pytest.approx(np.full(middle.sum(), 0.1), rel=0.2)


def test_edges_of_a_box_are_sharp_and_a_ball_has_none() -> None:
    box = surface_of(cube())
    relief = Relief.of(box, 1.0)
    on_edge = (np.isclose(np.abs(relief.points), np.abs(relief.points).max(), atol=1e-6)).sum(1) >= 2
    assert np.array_equal(sharp_points(relief.points, relief.faces), on_edge)
    ball = surface_of(sphere(2))
    assert not sharp_points(Relief.of(ball, 1.0).points, Relief.of(ball, 1.0).faces).any()


def test_what_moves_is_smooth_and_bounded() -> None:
    relief = Relief.of(surface_of(sphere(2)), 1.0)
    rng = np.random.default_rng(0)
    one, other = rng.standard_normal((2, len(relief.points)))
    assert relief.smooth(one) @ other == pytest.approx(one @ relief.smooth(other))
    assert relief.smooth(np.ones(len(one))) == pytest.approx(np.ones(len(one)))
    moved = relief.bounded(3 * relief.reach * one)
    assert (np.abs(moved) <= relief.reach + 1e-12).all()
    after = relief.points + moved[:, None] * relief.normals
    assert volume(after, relief.faces) == pytest.approx(volume(relief.points, relief.faces), rel=0.05)
    before, now = (np.cross(p[relief.faces[:, 1]] - p[relief.faces[:, 0]], p[relief.faces[:, 2]] - p[relief.faces[:, 0]])
                   for p in (relief.points, after))  # fmt: skip
    assert ((before * now).sum(1) > 0).all(), "no face turns over"
    assert not Relief.of(surface_of(sphere(2)), 0.0).reach.any()


def test_gradients_of_shading_are_those_of_finite_differences() -> None:
    surface = surface_of(sphere(1))
    seated = Sitting.of(surface, np.full((64, 64, 3), 0.5, np.float32), 2, 64)
    relief = Relief.of(surface, 1.0)
    view = ShapeView.of(surface, relief, seated.cameras[0], seated.sizes[0], 64)
    view = replace(view, content=view.content.double())
    canvas = ShapeCanvas(relief, torch.randn(len(relief.points), generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 0.3)
    still = view.show(ShapeCanvas(relief).image()).detach()[0, 0]
    assert still.numpy() == pytest.approx(view.content[0, 0].numpy(), abs=1e-4)
    weights = torch.rand(view.content.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    (slope,) = torch.autograd.grad((view.show(canvas.image()) * weights).sum(), canvas.parameters())
    way = torch.randn(slope.shape, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    sums = []
    for side in (1e-6, -1e-6):
        moved = ShapeCanvas(relief, canvas.values + side * way)
        sums.append(float((view.show(moved.image()) * weights).sum().detach()))
    assert (sums[0] - sums[1]) / 2e-6 == pytest.approx(float((way * slope).sum()), rel=1e-3)


def test_a_shape_takes_the_strokes_of_a_painting(plain: dict[str, Any], picture: Paint) -> None:
    surface = surface_of(sphere(2))
    seated = Sitting.of(surface, np.full((64, 64, 3), 0.5, np.float32), 3, 64)
    engine = ShapeEngine([Sample(picture(48, 48, 7))], Settings(**{**plain, "style_layers": {"conv1_1": 1.0}, "iterations": 6}))
    heard: list[float] = []
    model = engine(seated, 1.0, lambda progress: heard.append(progress.losses["style"]) if progress.losses else None)
    assert heard[-1] < heard[0]
    before, after = surface.model.pieces[0].points, model.pieces[0].points
    moved = np.linalg.norm(after - before, axis=1)
    assert 0 < moved.max() < 2 * reliefs.FARTHEST
    with pytest.raises(SettingError, match="regions"):
        ShapeEngine([Sample(picture(48, 48, 7), region=1)], Settings(**plain))


def test_both_and_another_mesh_as_style(tmp_path: Path, net: str, painting: Path) -> None:
    for name, mesh in (("ball", trimesh.creation.icosphere(subdivisions=1)), ("box", trimesh.creation.box().subdivide())):
        mesh.export(str(tmp_path / f"{name}.obj"))
    settings = {"features": net, "warm_features": "", "iterations": 2, "coarse_iterations": 0, "precision": "float32"}
    ball, box = (str(tmp_path / f"{name}.obj") for name in ("ball", "box"))
    for what, style in (("shape", box), ("both", str(painting))):
        request = Request("stylize", ball, (Style(style),), settings=settings, size=64, texture_size=64, views=2, what=what)
        with open(request) as job:
            (painted,) = job.frames()
            assert len(job.samples) == (6 if what == "shape" else 1)
            before = job.sitting.surface.model
        assert painted.shaded == (what == "shape")
        assert not np.allclose(painted.model.pieces[0].points, before.pieces[0].points, atol=1e-5)
    with pytest.raises(SettingError, match="engine"):
        open(Request("stylize", ball, (Style(box),), engine="instant", what="shape"))


def test_shading_goes_on_where_charts_meet() -> None:
    surface = surface_of(sphere(2))
    relief = Relief.of(surface, 1.0)
    moved = relief.moved(surface.model, surface, 0.3 * relief.reach * np.sin(5 * relief.points[:, 0]))
    normals = moved.pieces[0].normals
    assert normals is not None
    used = np.unique(moved.pieces[0].faces)
    mean = np.zeros((len(relief.points), 3))
    np.add.at(mean, relief.weld[used], normals[used])
    mean /= np.maximum(np.linalg.norm(mean, axis=1, keepdims=True), 1e-12)
    assert (mean[relief.weld[used]] * normals[used]).sum(1).min() > 0.99, "points at one place have one normal"
