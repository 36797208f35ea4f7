"""A texture as a canvas of the optimiser."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

pytest.importorskip("trimesh", reason="needs atelier[mesh]")

from shapes import plane, sphere

from atelier.engines.guide import Guide, Sample
from atelier.engines.optimize.canvas import Beginning
from atelier.engines.optimize.grams import Grams
from atelier.engines.optimize.nearby import Nearby
from atelier.engines.optimize.objective import Objective
from atelier.engines.optimize.solid import TextureEngine
from atelier.engines.optimize.style import Exemplar
from atelier.engines.optimize.texture import SurfaceView, TextureBeginning, look_up, strip_of, texture_in
from atelier.engines.solid import Sitting
from atelier.image import Image
from atelier.perception.network import Network
from atelier.request import Settings
from atelier.solid.sampling import strip, strip_width
from atelier.solid.surface import Surface
from atelier.solid.unwrap import unwrapped

Paint = Callable[..., Image]


def sitting(size: int = 64, views: int = 4, side: int = 64) -> Sitting:
    surface = Surface.of(unwrapped(sphere(2), size)[0])
    rng = np.random.default_rng(0)
    return Sitting.of(surface, rng.random((size, size, 3)).astype(np.float32), views, side)


def test_strips_are_alike_in_numpy_and_torch() -> None:
    texture = np.random.default_rng(0).random((40, 40, 3)).astype(np.float32)
    found = strip_of(torch.from_numpy(texture).permute(2, 0, 1)[None])
    assert found.shape[3] == strip_width(40)
    assert found[0].permute(1, 2, 0).numpy() == pytest.approx(strip(texture), abs=1e-6)
    assert torch.equal(texture_in(found), torch.from_numpy(texture).permute(2, 0, 1)[None])


def test_gradients_through_a_view_are_those_of_finite_differences() -> None:
    """In double precision, from the pixels of the texture over its sources, its smaller versions and the taps to what is seen."""
    seated = sitting(size=32, side=64)
    first = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    start = TextureBeginning(Beginning(first), lambda size: torch.from_numpy(seated.sources(size)), 32, 64)
    canvas = start.at((64, 64))
    canvas.pixels.pixels = first.double().requires_grad_()
    height, width = seated.sizes[0]
    view = SurfaceView.of(seated.surface, seated.cameras[0], torch.zeros(1, 3, height, width, dtype=torch.float64), None, 64)
    weights = torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    (slope,) = torch.autograd.grad((view.show(canvas.image()) * weights).sum(), canvas.parameters())
    way = torch.randn(slope.shape, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    sums = []
    for side in (1e-5, -1e-5):
        canvas.pixels.pixels = (first.double() + side * way).requires_grad_()
        sums.append(float((view.show(canvas.image()) * weights).sum().detach()))
    assert (sums[0] - sums[1]) / 2e-5 == pytest.approx(float((way * slope).sum()), rel=1e-4)
    assert torch.autograd.gradcheck(
        lambda flat: look_up(flat, torch.tensor([[0, 1, 2, 3, 0, 1, 2, 3]]), torch.full((1, 8), 0.125)),
        torch.rand(3, 4, dtype=torch.float64, requires_grad=True),
    )


def test_what_is_beside_a_surface_counts_for_nothing(net: str, picture: Paint) -> None:
    """Neither for its losses nor for its gradient, whichever way they are found."""
    network = Network.load(net, "cpu", torch.float32)
    seen = torch.zeros(64, 64)
    seen[:, :32] = 1
    content, paint = (torch.tensor(picture(64, 64, seed).pixels).permute(2, 0, 1)[None] for seed in (1, 2))
    settings = Settings(style_layers={"conv1_1": 1.0, "conv2_1": 1.0}, content_layers={"conv2_1": 1.0})
    objective = Objective(network, settings, content, [Exemplar(paint)], seen=seen)
    assert isinstance(objective.grams, Grams)
    one = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    other = one.clone()
    other[..., 44:] = 0.5
    (slope, losses), (_, beside) = objective(one), objective(other)
    assert losses["total"] == pytest.approx(beside["total"], rel=1e-5)
    assert not slope[..., 44:].any()
    zoned = Objective(network, Settings(**{**vars(settings), "style_loss": "moments"}), content, [Exemplar(paint)], seen=seen)
    assert zoned.zones is not None
    assert not zoned(one)[0][..., 44:].any()


def test_a_texture_is_painted_from_all_sides_alike(plain: dict[str, Any], picture: Paint) -> None:
    seated = sitting()
    settings = Settings(**{**plain, "iterations": 5, "style_layers": {"conv1_1": 1.0, "conv2_1": 1.0}, "content_weight": 0.1})
    engine = TextureEngine([Sample(picture(48, 48, 7))], settings, "cpu", 0)
    heard: list[float] = []
    painted = engine(seated, lambda progress: heard.append(progress.losses["total"]) if progress.losses else None)
    assert painted.shape == (64, 64, 3)
    assert heard[-1] < heard[0]
    assert np.array_equal(painted, engine(seated)), "the same picture from the same seed"
    changed = np.abs(painted - seated.texture).max(2) > 0.02
    assert changed[seated.seen(64) > 0].mean() > 0.9
    flat = painted.reshape(-1, 3)
    assert np.array_equal(flat, flat[seated.sources(64)]), "what is not seen has colours of what is"


def test_a_region_of_the_texture_keeps_its_colours(plain: dict[str, Any], picture: Paint) -> None:
    seated = sitting()
    planes = np.zeros((1, 64, 64), np.float32)
    planes[:, :, :32] = 1
    guided = Sitting(seated.surface, seated.texture, seated.cameras, seated.sizes, seated.side, Guide(planes))
    engine = TextureEngine([Sample(picture(48, 48, 7), region=0)], Settings(**{**plain, "style_layers": {"conv1_1": 1.0}}), "cpu", 0)
    painted = engine(guided)
    assert np.array_equal(painted[:, 40:], seated.texture[:, 40:])
    assert not np.allclose(painted[:, :24], seated.texture[:, :24], atol=0.02)


def test_what_no_view_sees_stays_as_it_is() -> None:
    texture = np.random.default_rng(3).random((64, 64, 3)).astype(np.float32)
    seated = Sitting.of(Surface.of(plane()), texture, 1, 64)  # from the side
    _, alpha = seated.view(texture, 0)
    assert not alpha.any()
    assert np.array_equal(seated.sources(64), np.arange(64 * 64))


def test_the_guess_at_the_curvature_is_symmetric_and_knows_no_seams() -> None:
    surface = Surface.of(unwrapped(sphere(2), 64)[0])
    guess = Nearby.of(surface, 64)
    one, other = (torch.randn(3 * 64 * 64, generator=torch.Generator().manual_seed(seed)) for seed in (1, 2))
    moved, back = one.clone(), other.clone()
    guess.apply(moved)
    guess.apply(back)
    assert float(moved @ other) == pytest.approx(float(one @ back), rel=1e-3)
    assert float(moved @ one) > 0
    hit = torch.from_numpy(surface.texels(64).hit.astype(np.int64))
    spot = torch.zeros(3, 64 * 64)
    spot[0, hit[0]] = 1
    guess.apply(flat := spot.flatten())
    places = surface.places(*surface.texels(64).at(surface.texels(64).hit))
    far = np.linalg.norm(places - places[0], axis=1)
    moved_there = flat.view(3, -1)[0, hit].numpy()
    near, away = moved_there[(far > 0) & (far < 0.1)], moved_there[far > 1.0]
    assert near.min() > 0, "all that is near on the surface is moved, on whichever chart it is"
    assert near.mean() > 5 * np.abs(away).mean()
