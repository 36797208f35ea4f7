"""What is seen of a surface, against closed forms."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("trimesh", reason="needs atelier[mesh]")

from shapes import cube, placed, plane, sphere

from atelier.solid.camera import Camera, directions, framed, looking, spread, turntable
from atelier.solid.hidden import seen_texels, sources
from atelier.solid.raster import rasterize
from atelier.solid.sampling import strip, taps
from atelier.solid.surface import Surface, mixed, render
from atelier.solid.unwrap import unevenness, unfit, unwrapped

FRONT = np.array([0.0, 0.0, -1.0])


def test_a_sphere_is_a_disk_with_the_depth_and_normals_of_one() -> None:
    model, _ = unwrapped(sphere(4), 256)
    surface = Surface.of(model)
    radius = float(np.linalg.norm(surface.points, axis=1).max())
    camera = Camera(looking(FRONT), (0.0, 0.0), (2.0, 2.0))
    raster = surface.seen(camera, 200, 200)
    assert (raster.face >= 0).sum() == pytest.approx(math.pi * (100 * radius) ** 2, rel=0.01)
    face, bary = raster.at(raster.hit)
    places = surface.places(face, bary)
    assert np.linalg.norm(places, axis=1) == pytest.approx(np.full(len(places), radius), rel=0.01)
    assert (places[:, 2] > -0.05).all(), "what is behind is not seen"
    normal = (surface.normals[face] * bary[..., None]).sum(1)
    assert (normal * places).sum(1) / radius == pytest.approx(np.ones(len(places)), abs=0.01)
    depth = raster.depth.reshape(-1)[raster.hit]
    assert depth == pytest.approx(-places[:, 2], abs=1e-6)


def test_a_plane_shows_its_texture_pixel_by_pixel() -> None:
    """At one texel a pixel what is seen is the texture itself; at half of that its means over squares of four."""
    texture = np.random.default_rng(0).random((64, 64, 3)).astype(np.float32)
    surface = Surface.of(plane())
    half = float(surface.points[:, 0].max())
    camera = Camera(looking(FRONT), (0.0, 0.0), (2 * half, 2 * half))
    assert render(surface, texture, camera, 64, 64, np.zeros(3), finer=1) == pytest.approx(texture, abs=1e-4)
    means = texture.reshape(32, 2, 32, 2, 3).mean((1, 3))
    assert render(surface, texture, camera, 32, 32, np.zeros(3), finer=1) == pytest.approx(means, abs=1e-4)


def test_a_grid_of_coordinates_is_seen_where_it_is() -> None:
    surface = Surface.of(plane(cells=3))
    half = float(surface.points[:, 0].max())
    camera = Camera(looking(FRONT), (0.0, 0.0), (2 * half, 2 * half))
    raster = surface.seen(camera, 30, 20)
    uv = mixed(surface.uv, surface.faces, *raster.at(raster.hit)).reshape(20, 30, 2)
    row, column = np.mgrid[:20, :30]
    assert uv[..., 0] == pytest.approx((column + 0.5) / 30, abs=1e-6)
    assert uv[..., 1] == pytest.approx(1 - (row + 0.5) / 20, abs=1e-6)


def test_what_is_nearer_hides_what_is_behind_and_the_first_of_equals_is_seen() -> None:
    near = np.array([[0, 0, 1.0], [4, 0, 1], [0, 4, 1]])
    points = np.concatenate([near + np.array([0, 0, 1]), near, near])
    faces = np.arange(9, dtype=np.int32).reshape(3, 3)
    assert set(np.unique(rasterize(points, faces, 4, 4).face)) == {-1, 1}


def test_taps_add_up_and_repeat_across_the_sides() -> None:
    texture = np.random.default_rng(1).random((32, 32, 3)).astype(np.float32)
    found = taps(np.array([[0.0, 0.5], [1.0, 0.5], [2.25, -0.75]]), np.array([0.0, 0.0, 7.0]), 32)
    assert found.weight.sum(1) == pytest.approx(np.ones(3), abs=1e-6)
    seen = found.look(strip(texture))
    assert seen[0] == pytest.approx(seen[1], abs=1e-6)
    assert seen[0] == pytest.approx(texture[15:17, [31, 0]].mean((0, 1)), abs=1e-6)


def test_directions_are_spread_over_the_sphere() -> None:
    for up in (1, 2):
        ways = directions(12, up)
        assert np.linalg.norm(ways, axis=1) == pytest.approx(np.ones(12))
        assert np.linalg.norm(ways.mean(0)) < 0.05
        assert ((ways @ ways.T) - 2 * np.eye(12)).max() < math.cos(math.radians(40)), "none is near another"
        for camera in (*spread(np.eye(3), 7, up), *turntable(np.eye(3), 7, up)):
            assert camera.axes @ camera.axes.T == pytest.approx(np.eye(3), abs=1e-12)
            assert camera.axes[1, up] < 0.01, "what is up is up in pictures"


def test_a_part_of_a_view_shows_what_is_there_at_the_same_scale() -> None:
    points = np.array([[0, 0, 0], [1.0, 0, 0], [0, 0.2, 0]])
    (camera,) = framed(points, [looking(FRONT)])
    part, (height, width) = camera.cropped(points, 320)
    assert (height, width) == (96, 320)
    whole, seen = camera.project(points, 320, 320), part.project(points, width, height)
    assert np.ptp(seen, axis=0) == pytest.approx(np.ptp(whole, axis=0))


def test_texels_that_are_seen_are_those_in_view_and_the_rest_mirrors_them() -> None:
    model, _ = unwrapped(cube(), 64)
    surface = Surface.of(model)
    camera = framed(surface.points, [looking(FRONT)])
    seen = seen_texels(surface, camera, [(64, 64)], 64)
    raster = surface.texels(64)
    hit = raster.hit
    front = surface.flat[raster.face.reshape(-1)[hit]][:, 2] > 0.9
    assert ((seen.reshape(-1)[hit] > 0) == front).mean() > 0.97
    found = sources(surface, seen)
    assert (seen.reshape(-1)[found] > 0).all(), "all colours come from what is seen"
    own = hit[front & (seen.reshape(-1)[hit] > 0)]
    assert np.array_equal(found[own], own)


def test_coordinates_serve_unless_places_share_them() -> None:
    assert unfit(plane()) == ""
    assert "no texture coordinates" in unfit(sphere())
    assert unevenness(plane()) == pytest.approx(1)
    own = plane().pieces[0]
    assert own.uv is not None
    stretched = replace(own, uv=own.uv ** [3, 1])
    assert unevenness(placed(stretched)) > 3
    assert "as fine in some places" in unfit(placed(stretched))
    twice = plane()
    piece = twice.pieces[0]
    folded = np.where(piece.uv[:, :1] > 0.5, [[1.0, 0.0]], [[0.0, 0.0]]) + piece.uv * np.where(piece.uv[:, :1] > 0.5, [[-1, 1]], [[1, 1]])
    folded_model = replace(twice, pieces=(replace(piece, uv=folded * [1, 1]),))
    assert "share their texture" in unfit(folded_model)


def test_unwrapping_covers_the_surface_evenly_and_without_overlap() -> None:
    model, note = unwrapped(sphere(), 128)
    assert "unwrapped" in note
    assert unfit(model) == ""
    surface = Surface.of(model)
    density = surface.lod(surface.points[:, :2], surface.uv, 128)
    assert np.isfinite(density).all()
    corners = surface.uv[surface.faces]
    one, other = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    flat = np.abs(one[:, 0] * other[:, 1] - one[:, 1] * other[:, 0])
    round_ = np.linalg.norm(
        np.cross(*(surface.points[surface.faces[:, at]] - surface.points[surface.faces[:, 0]] for at in (1, 2))), axis=1
    )
    spread_ = flat / round_
    assert np.quantile(spread_, 0.95) < 2 * np.quantile(spread_, 0.05), "one scale all over"
