"""From a command or a call to a painted mesh."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

trimesh: Any = pytest.importorskip("trimesh", reason="needs atelier[mesh]")

import atelier
from atelier.errors import SettingError, TargetError
from atelier.image import Image
from atelier.media import open_still
from atelier.request import Request, Style
from atelier.run import Outputs, make, open, refuse
from atelier.run.solid.sink import SIDE, STRIP, turned
from atelier.solid.camera import turntable
from atelier.solid.surface import Surface, render

Ended = Callable[..., tuple[int, str, str]]


@pytest.fixture
def ball(tmp_path: Path) -> Path:
    path = tmp_path / "ball.obj"
    trimesh.creation.icosphere(subdivisions=2).export(str(path))
    return path


@pytest.fixture
def few(net: str) -> dict[str, Any]:
    return {"features": net, "warm_features": "", "iterations": 2, "coarse_iterations": 0, "precision": "float32"}


def psnr(one: Any, other: Any) -> float:
    return float(-10 * np.log10(np.mean((one - other) ** 2)))


@pytest.mark.parametrize("suffix", [".glb", ".obj", ".ply"])
def test_the_file_shows_what_was_painted(ball: Path, painting: Path, tmp_path: Path, few: dict[str, Any], suffix: str) -> None:
    request = Request("stylize", str(ball), (Style(str(painting)),), settings=few, size=64, texture_size=64, views=3)
    out = tmp_path / f"painted{suffix}"
    with open(request) as job:
        (painted,) = job.frames()
        surface = job.sitting.surface
        seen = render(surface, painted.texture, turntable(surface.points, STRIP, surface.model.up)[1], SIDE, SIDE, np.full(3, 0.94))
    made = make(request, Outputs(str(out), turntable=str(tmp_path / "strip.png")))
    assert made.finished
    assert made.size == (64, 64)
    strip = open_still(tmp_path / "strip.png").pixels
    assert strip.shape == (SIDE, STRIP * SIDE, 3)
    if suffix != ".ply":  # which is taken to be upright along z
        assert psnr(strip[:, SIDE : 2 * SIDE], seen) > 35
    assert len(turned(str(out), 2, 32)) == 2


def test_a_command_paints_a_mesh(ball: Path, painting: Path, tmp_path: Path, net: str, ended: Ended) -> None:
    out = tmp_path / "painted.glb"
    more = ("--features", net, "--warm-features", "", "--iterations", 1, "--coarse-iterations", 0, "--size", 64, "--texture-size", 64)
    code, _, err = ended("stylize", ball, "--style", painting, "--out", out, "--views", 2, "--html", tmp_path / "p.html", *more)
    assert code == 0, err
    assert "unwrapped" in err
    assert "Painted" in err
    tree = out.read_bytes()
    length = int.from_bytes(tree[12:16], "little")
    told = json.loads(tree[20 : 20 + length])
    assert told["materials"][0]["extensions"] == {"KHR_materials_unlit": {}}
    assert told["asset"]["extras"]["atelier"]["content"] == str(ball)
    assert "GLTFLoader" in (tmp_path / "p.html").read_text()


def test_python_paints_a_mesh_that_trimesh_holds(painting: Path, tmp_path: Path, few: dict[str, Any]) -> None:
    mesh = trimesh.creation.icosphere(subdivisions=1)
    painted: Any = atelier.stylize(mesh, painting, size=64, texture_size=64, views=2, **few)
    assert painted.texture.shape == (64, 64, 3)
    assert isinstance(painted.picture(), Image)
    atelier.save(painted, tmp_path / "a.glb")
    assert (tmp_path / "a.glb").stat().st_size > 1000


def test_colours_of_the_mesh_are_kept(ball: Path, painting: Path, few: dict[str, Any]) -> None:
    request = Request("stylize", str(ball), (Style(str(painting)),), settings={**few, "color": "gray"}, size=64, texture_size=64, views=2)
    with open(request) as job:
        (painted,) = job.frames()
    assert np.ptp(painted.texture, axis=2).max() < 0.02


def test_light_falls_from_above(ball: Path, painting: Path, few: dict[str, Any]) -> None:
    def texture(light: float) -> Any:
        request = Request("stylize", str(ball), (Style(str(painting)),), settings=few, size=64, texture_size=64, views=2, light=light)
        with open(request) as job:
            surface: Surface = job.sitting.surface
            raster = surface.texels(64)
            return job.sitting.texture.reshape(-1, 3)[raster.hit], surface.places(*raster.at(raster.hit))[:, 1]

    bare, _ = texture(0.0)
    assert bare == pytest.approx(np.ones_like(bare))
    lit, height = texture(1.0)
    assert lit[height > 0.4].mean() > 1.5 * lit[height < -0.4].mean()


@pytest.mark.parametrize(
    ("request_more", "outputs", "option"),
    [
        ({}, {"picture": "a.png"}, "a.png"),
        ({}, {"picture": "a.glb", "every": 2}, "every"),
        ({}, {"picture": "a.glb", "turntable": "a.bmp"}, "turntable"),
        ({"panorama": True}, {"picture": "a.glb"}, "panorama"),
        ({"keep_flat": True}, {"picture": "a.glb"}, "keep_flat"),
        ({"size": 20}, {"picture": "a.glb"}, "size"),
    ],
)
def test_what_makes_no_sense_is_refused(
    ball: Path, painting: Path, tmp_path: Path, request_more: dict[str, Any], outputs: dict[str, Any], option: str, few: dict[str, Any]
) -> None:
    request = Request("stylize", str(ball), (Style(str(painting)),), settings=few, texture_size=64, views=2, **request_more)
    named = {name: str(tmp_path / value) if isinstance(value, str) else value for name, value in outputs.items()}
    with pytest.raises((SettingError, TargetError), match=option):
        refuse(request, Outputs(**named))
        open(request)


@pytest.mark.usefixtures("quick_networks")
def test_the_networks_paint_a_mesh_view_by_view(ball: Path, painting: Path) -> None:
    request = Request("stylize", str(ball), (Style(str(painting)),), engine="instant", size=64, texture_size=64, views=3)
    with open(request) as job:
        before = job.sitting.texture
        (painted,) = job.frames()
        sources = job.sitting.sources(64)
    assert np.abs(painted.texture - before).mean() > 0.05
    flat = painted.texture.reshape(-1, 3)
    assert np.array_equal(flat, flat[sources])
    with pytest.raises(SettingError, match="seconds"):
        open(Request("stylize", str(ball), (Style(str(painting)),), engine="instant", settings={"seconds": 3.0}))
