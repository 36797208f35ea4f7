"""Canvases and views: a still is a canvas of pixels that is seen as it is; a texture may be seen many times, each time otherwise."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from atelier.engines.guide import Sample
from atelier.engines.optimize.canvas import Beginning, PixelCanvas, resized
from atelier.engines.optimize.engine import OptimizeEngine
from atelier.engines.optimize.objective import Objective
from atelier.engines.optimize.pyramid import Guess
from atelier.engines.optimize.style import Exemplar
from atelier.engines.optimize.view import Sight, View
from atelier.errors import Cancelled
from atelier.image import Image
from atelier.perception.network import Network
from atelier.progress import Progress
from atelier.request import Settings
from calls import called

Paint = Callable[..., Image]
TURNS = (
    ((0.8, 0.3, 0.1), (-0.3, 0.8, -0.05)),
    ((-0.5, 0.2, -0.2), (0.1, 0.6, 0.3)),
)
"""Where on the texture, in [-1, 1], two views look: rows of an affine map of their own coordinates."""


class Texture:
    """A canvas whose parameters are no picture: rows of colours, (H * W, 3), and how bright all of it is, (1,)."""

    bounds = (-4.0, 4.0)

    def __init__(self, texels: Tensor, light: Tensor, size: tuple[int, int]) -> None:
        self.texels, self.light = (each.detach().clone().requires_grad_() for each in (texels, light))
        self.size = size

    def parameters(self) -> list[Tensor]:
        return [self.texels, self.light]

    def image(self) -> Tensor:
        return (self.texels * self.light).T.reshape(1, 3, *self.size)

    def at(self, size: tuple[int, int]) -> Texture:
        texels = resized(self.texels.detach().T.reshape(1, 3, *self.size), size)
        return Texture(texels.flatten(2)[0].T, self.light, size)

    def project(self) -> None:
        with torch.no_grad():
            for each in self.parameters():
                each.clamp_(*self.bounds)

    def precondition(self, part: Tensor | None = None) -> Guess | None:
        return None

    def under(self, pixels: Tensor) -> Tensor:
        return (3 * pixels + torch.arange(3)[:, None]).flatten()


def affine(turn: tuple[tuple[float, ...], ...]) -> Callable[[Tensor, tuple[int, int]], Tensor]:
    def look(image: Tensor, size: tuple[int, int]) -> Tensor:
        grid = F.affine_grid(torch.tensor([turn], dtype=image.dtype), [1, 3, *size], align_corners=False)
        return F.grid_sample(image, grid, padding_mode="border", align_corners=False)

    return look


@pytest.fixture
def network(net: str) -> Network:
    return Network.load(net, "cpu", torch.float32)


def pixels(width: int, height: int, seed: int) -> Tensor:
    small = torch.rand(1, 3, height // 4, width // 4, generator=torch.Generator().manual_seed(seed))
    return F.interpolate(small, size=(height, width), mode="bicubic").clamp(0, 1)


def texture(size: tuple[int, int] = (32, 40)) -> Texture:
    return Texture(pixels(size[1], size[0], 5).flatten(2)[0].T, torch.tensor([0.9]), size)


def views() -> list[View]:
    regions = torch.linspace(0.3, 0.9, 36).expand(1, 28, -1)
    return [View(pixels(32, 32, 1), None, affine(TURNS[0])), View(pixels(36, 28, 2), regions, affine(TURNS[1]))]


def test_the_gradient_through_two_views_is_that_of_finite_differences(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    """In double precision, statistics too."""
    monkeypatch.setattr(Tensor, "float", lambda self: self if self.dtype is torch.float64 else self.to(torch.float32))
    double = dataclasses.replace(network, weights={name: (w.double(), b.double()) for name, (w, b) in network.weights.items()})
    settings = Settings(style_layers={"conv1_1": 1.0, "conv3_1": 1.0}, content_weight=0.5)
    seen = [View(view.content.double(), view.regions, view.look) for view in views()]
    own = [Objective(double, settings, view.content, [Exemplar(pixels(30, 30, 7).double())], regions=view.regions) for view in seen]
    size = (32, 40)
    sight, canvas = Sight(seen, own), Texture(pixels(40, 32, 5).flatten(2)[0].T.double(), torch.tensor([0.9], dtype=torch.float64), size)
    image = canvas.image()
    gradient, losses = sight(image)
    each = [objective(view.show(image))[1]["total"] for objective, view in zip(own, seen, strict=True)]
    assert losses["total"] == pytest.approx(sum(each) / 2)
    slopes = torch.autograd.grad(image, canvas.parameters(), gradient)
    for values, slope in zip(canvas.parameters(), slopes, strict=True):
        way = torch.sign(slope) + 0.3 * torch.randn(values.shape, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
        totals = []
        for side in (1e-6, -1e-6):
            with torch.no_grad():
                totals.append(sight((values.add_(way, alpha=side), canvas.image())[1].detach())[1]["total"])
                values.sub_(way, alpha=side)
        assert (totals[0] - totals[1]) / 2e-6 == pytest.approx(float((way * slope).sum()), rel=1e-3)


@pytest.mark.parametrize("settings", [{}, {"optimizer": "adam", "rate": 0.02, "average": 0.5}, {"optimizer": "sgd", "rate": 1e-3}])
def test_a_texture_is_painted_through_all_its_views(plain: dict[str, Any], picture: Paint, settings: dict[str, Any]) -> None:
    own = {**plain, "iterations": 12, "coarse_iterations": 6, "content_weight": 0.3, "style_layers": {"conv1_1": 1.0, "conv2_1": 1.0}}
    engine = called(OptimizeEngine([Sample(picture(30, 34, 7))], Settings(**{**own, **settings}), "cpu"))
    seen = [View(view.content, None, view.look) for view in views()]
    heard: list[Progress] = []
    begin = texture((16, 20))

    def show(image: Tensor) -> Image:
        return Image(np.ascontiguousarray(image[0].permute(1, 2, 0).clamp(0, 1).numpy()))

    painted = engine.paint(begin, seen, show, size=(32, 40), report=heard.append)
    assert isinstance(painted, Texture)
    assert painted.size == (32, 40)
    assert not torch.equal(painted.light, begin.light)
    losses = [each.losses["total"] for each in heard if each.losses]
    assert len(losses) == 18
    assert losses[-1] < losses[6]
    assert heard[-1].preview is not None
    assert heard[-1].preview().size == (40, 32)

    def stop(progress: Progress) -> None:
        raise Cancelled

    assert engine.paint(begin, seen, show, size=(32, 40), report=stop).image().shape == (1, 3, 16, 20)


def test_each_view_moves_what_it_sees_alone(plain: dict[str, Any], picture: Paint) -> None:
    """A view of the left half leaves the right one as it was."""
    own = {
        **plain,
        "iterations": 3,
        "optimizer": "adam",
        "rate": 0.02,
        "style_layers": {"conv1_1": 1.0},
        "content_layers": {"conv1_1": 1.0},
    }
    engine = called(OptimizeEngine([Sample(picture(30, 34, 7))], Settings(**own), "cpu"))
    left = View(pixels(20, 32, 1), None, lambda image, size: resized(image[..., :20], size))
    begin = pixels(40, 32, 4)
    painted = engine.paint(Beginning(begin), [left], lambda image: Image(np.zeros((1, 1, 3), np.float32)), size=(32, 40)).image()
    assert torch.equal(painted[..., 20:], begin[..., 20:])
    assert not torch.equal(painted[..., :20], begin[..., :20])


def test_the_detail_of_the_beginning_comes_back_at_larger_sizes() -> None:
    begin = pixels(64, 48, 4)
    coarse = Beginning(begin).at((12, 16))
    assert torch.equal(coarse.image(), resized(begin, (12, 16)))
    assert torch.allclose(coarse.at((24, 32)).at((48, 64)).image(), begin, atol=1e-3)
    assert coarse.at((48, 64)).beginning is None  # a canvas's worth of memory
    bare = Beginning(begin, detailed=False).at((12, 16)).at((48, 64)).image()
    assert torch.equal(bare, resized(coarse.image(), (48, 64)))


def test_parameters_under_pixels_are_those_of_all_channels() -> None:
    canvas = PixelCanvas(pixels(8, 4, 0))
    at = torch.tensor([3, 17])
    assert torch.equal(canvas.parameters()[0].flatten()[canvas.under(at)], canvas.image().flatten(2)[0][:, at].flatten())
