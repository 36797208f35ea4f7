"""The objective: its gradient, its tiles, its targets."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from atelier.engines.optimize.layers import named
from atelier.engines.optimize.objective import Objective
from atelier.engines.optimize.style import Exemplar
from atelier.engines.optimize.tiles import tiles
from atelier.errors import SettingError
from atelier.perception.network import CONVS, TEACHER_CHANNELS, Network
from atelier.request import Settings

METRICS = ("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv4_2", "conv5_1")

KINDS: dict[str, dict[str, Any]] = {
    "gram": {},
    "gatys": {"normalize": "gatys", "pooling": "average"},
    "shift": {"shift": 10.0},
    "moments": {"style_loss": "moments", "pooling": "l2"},
    "wasserstein": {"style_loss": "wasserstein"},
    "chained": {"chained": True, "style_layers": dict.fromkeys(CONVS, 1.0)},
    "chained, shifted": {"chained": True, "shift": 10.0},
    "chained, blocks apart": {"chained": True, "style_layers": {"conv1_2": 1.0, "conv3_2": 1.0, "conv5_1": 1.0}},
}


@pytest.fixture(scope="module")
def network(net: str) -> Network:
    return Network.load(net, dtype=torch.float32)


@pytest.fixture(scope="module")
def student(tmp_path_factory: pytest.TempPathFactory, make_net: Callable[..., Path]) -> Network:
    path = make_net(tmp_path_factory.mktemp("net") / "student.safetensors", metrics=METRICS)
    return Network.load(str(path), dtype=torch.float32)


@pytest.fixture
def double(monkeypatch: pytest.MonkeyPatch) -> Callable[[Network], Network]:
    """Makes a network compute in double precision, its statistics too."""
    monkeypatch.setattr(Tensor, "float", lambda self: self)

    def convert(network: Network) -> Network:
        weights = {name: (w.double(), b.double()) for name, (w, b) in network.weights.items()}
        return dataclasses.replace(network, weights=weights, metric={k: r.double() for k, r in network.metric.items()})

    return convert


def pixels(width: int, height: int, seed: int = 0) -> Tensor:
    """Smooth, so that tiles differ, with noise on top."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(1, 3, 5, 4, generator=generator)
    smooth = torch.nn.functional.interpolate(coarse, size=(height, width), mode="bilinear")
    return (smooth * 0.8 + torch.rand(1, 3, height, width, generator=generator) * 0.2).contiguous()


def relative_error(a: Tensor, b: Tensor) -> float:
    return float((a - b).norm() / b.norm())


# Against finite differences -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("which", ["network", "student"])
@pytest.mark.parametrize("kind", [*KINDS, "tv", "histogram"])
def test_gradient_is_that_of_finite_differences(
    kind: str, which: str, request: pytest.FixtureRequest, double: Callable[[Network], Network]
) -> None:
    own = KINDS.get(kind) or {"tv": {"tv_weight": 3.0}, "histogram": {"histogram_weight": 0.5}}.get(kind, {})
    network = double(request.getfixturevalue(which))
    content, style, x = (pixels(19, 18, seed).double() for seed in range(3))
    objective = Objective(network, Settings(content_weight=0.7, style_weight=1.3, **own), content, [Exemplar(style)])
    gradient, _ = objective(x)
    generator = torch.Generator().manual_seed(4)
    for _ in range(4):
        direction = torch.randn(x.shape, generator=generator, dtype=torch.float64)
        step = 1e-6
        rise = (objective(x + step * direction)[1]["total"] - objective(x - step * direction)[1]["total"]) / (2 * step)
        assert rise == pytest.approx(float((gradient * direction).sum()), rel=1e-3, abs=1e-4 * float(gradient.norm()))


# Tiles ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("length", "side"), [(300, 128), (250, 128), (16, 128), (17, 16), (513, 64), (1000, 0), (47, 16), (1, 16)])
def test_tiles_cover_the_picture_once_on_multiples_of_16(length: int, side: int) -> None:
    parts = tiles(length, 40, side)
    covered = np.zeros((length, 40), int)
    for tile in parts:
        covered[tile.y0 : tile.y1, tile.x0 : tile.x1] += 1
        assert tile.y0 % 16 == tile.x0 % 16 == 0
        assert tile.y1 - tile.y0 >= min(16, length)
        if side:
            assert tile.y1 - tile.y0 < 2 * max(side, 16)
    assert (covered == 1).all()
    if not side:
        assert len(parts) == 1


@pytest.mark.parametrize(("width", "height", "tile"), [(300, 250, 128), (256, 272, 96), (333, 40, 64), (145, 159, 48)])
@pytest.mark.parametrize("kind", KINDS)
def test_tiled_is_untiled(network: Network, kind: str, width: int, height: int, tile: int) -> None:
    settings = Settings(content_layers={"conv2_2": 0.5, "conv4_2": 1.0}, content_weight=0.2, tv_weight=0.01, **KINDS[kind])
    content, x = pixels(width, height, 0), pixels(width, height, 1)
    styles = [Exemplar(pixels(90, 70, 2)), Exemplar(pixels(280, 170, 3), 2.0)]  # of which one is cut up as well
    whole, tiled = (Objective(network, settings, content, styles, side) for side in (0, tile))
    assert len(tiles(height, width, tile)) > 1
    (gradient, losses), (tiled_gradient, tiled_losses) = whole(x), tiled(x)
    assert tiled_losses == pytest.approx(losses, rel=2e-4)
    assert relative_error(tiled_gradient, gradient) < 1e-3


def test_tiled_is_untiled_in_a_metric(student: Network) -> None:
    content, x, style = (pixels(150, 131, seed) for seed in range(3))
    for loss in ("gram", "wasserstein"):
        (gradient, losses), (tiled_gradient, tiled_losses) = (
            Objective(student, Settings(style_loss=loss), content, [Exemplar(style)], side)(x) for side in (0, 64)
        )
        assert tiled_losses == pytest.approx(losses, rel=2e-4)
        assert relative_error(tiled_gradient, gradient) < 1e-3


def test_histograms_need_the_whole_picture(network: Network) -> None:
    objective = Objective(network, Settings(histogram_weight=1.0), pixels(64, 64), [Exemplar(pixels(64, 64, 1))], 32)
    with pytest.raises(SettingError, match="histogram"):
        objective(pixels(64, 64))


# Values ---------------------------------------------------------------------------------------------------------------


def grams(network: Network, picture: Tensor, layers: Sequence[str]) -> dict[str, np.ndarray]:
    """G / M by layer, in the network's metric."""
    out = {}
    for layer, f in network.see(picture, layers).items():
        flat = f[0].flatten(1).double().numpy()
        r = network.metric[layer].double().numpy() if layer in network.metric else np.eye(len(flat))
        out[layer] = r @ flat @ flat.T @ r.T / flat.shape[1]
    return out


@pytest.mark.parametrize("which", ["network", "student"])
def test_the_total_is_the_papers(which: str, request: pytest.FixtureRequest) -> None:
    """α·½Σ(F-P)² + β·Σ w/(4N²) Σ(G/M - A/M')², N the teacher's for a student."""
    network: Network = request.getfixturevalue(which)
    layers = {"conv1_1": 0.5, "conv3_1": 2.0}
    settings = Settings(
        normalize="gatys", content_layers={"conv2_1": 1.0, "conv4_2": 0.5}, style_layers=layers, content_weight=0.3, style_weight=7.0
    )
    content, style, x = pixels(32, 48, 0), pixels(40, 33, 1), pixels(32, 48, 2)
    _, losses = Objective(network, settings, content, [Exemplar(style)])(x)
    assert set(losses) == {"content", "style", "total"}
    ours, theirs = grams(network, x, tuple(layers)), grams(network, style, tuple(layers))
    n = TEACHER_CHANNELS if which == "student" else {name: len(b) for name, (_, b) in network.weights.items()}
    expected = sum(w * ((ours[k] - theirs[k]) ** 2).sum() / (4 * n[k] ** 2) for k, w in layers.items())
    assert losses["style"] == pytest.approx(expected, rel=1e-3)
    seen, wanted = network.see(x, ("conv2_1", "conv4_2")), network.see(content, ("conv2_1", "conv4_2"))
    error = 0.0
    for layer, weight in (("conv2_1", 1.0), ("conv4_2", 0.5)):
        difference = (seen[layer] - wanted[layer])[0].flatten(1)
        r = network.metric.get(layer, torch.eye(len(difference)))
        error += weight * 0.5 * float((r @ difference).square().sum())
    assert losses["content"] == pytest.approx(error, rel=1e-3)
    assert losses["total"] == pytest.approx(0.3 * losses["content"] + 7 * losses["style"], rel=1e-5)


def test_total_variation_is_in_the_features_units(network: Network) -> None:
    """Gatys' way sums squares of 0..255 levels; the relative one is the same for a picture of any size."""
    x, content = pixels(24, 20), pixels(24, 20, 1)
    levels = x[0].numpy().astype(np.float64) * 255
    squares = (np.diff(levels, axis=1) ** 2).sum() + (np.diff(levels, axis=2) ** 2).sum()
    _, losses = Objective(network, Settings(content_weight=1, normalize="gatys", tv_weight=0.5), content, [Exemplar(content)])(x)
    assert losses["tv"] == pytest.approx(squares, rel=1e-5)
    assert losses["total"] == pytest.approx(losses["content"] + losses["style"] + 0.5 * squares, rel=1e-5)
    _, losses = Objective(network, Settings(tv_weight=0.5), content, [Exemplar(content)])(x)
    assert losses["tv"] == pytest.approx(squares / 255**2 / (24 * 20), rel=1e-5)


@pytest.mark.parametrize("kind", [*KINDS, "histogram"])
@pytest.mark.parametrize("which", ["network", "student"])
def test_a_picture_is_its_own_target(kind: str, which: str, request: pytest.FixtureRequest) -> None:
    network: Network = request.getfixturevalue(which)
    x = pixels(64, 64)
    own = KINDS.get(kind, {"histogram_weight": 1.0, "style_layers": {"conv3_1": 1.0}})  # conv3_1 has 16² = 256 positions
    relative = {**own, "normalize": "relative"}
    _, losses = Objective(network, Settings(**relative), x, [Exemplar(x)])(x)
    # The ridge under wasserstein's square roots costs up to 2·√1e-5 of the variance where features have no rank.
    for name, value in losses.items():
        assert value == pytest.approx(0, abs=7e-3 if kind == "wasserstein" else 2e-4), name


def test_relative_losses_are_one_for_a_picture_that_shows_nothing(network: Network) -> None:
    """Content: |F - P|² over |P|². Style: |G - A|² over |A|², the mean over the layers' weights."""
    settings = Settings(style_layers={"conv1_1": 1.0, "conv2_1": 3.0})
    content, style, x = (pixels(32, 32, seed) for seed in range(3))
    _, losses = Objective(network, settings, content, [Exemplar(style, 5.0)])(x)
    f, p = (network.see(image, ("conv4_2",))["conv4_2"].double() for image in (x, content))
    assert losses["content"] == pytest.approx(float((f - p).square().sum() / p.square().sum()), rel=1e-4)
    g, a = (grams(network, image, ("conv1_1", "conv2_1")) for image in (x, style))
    each = {k: ((g[k] - a[k]) ** 2).sum() / (a[k] ** 2).sum() for k in g}
    assert losses["style"] == pytest.approx((each["conv1_1"] + 3 * each["conv2_1"]) / 4, rel=1e-3)


@pytest.mark.parametrize("own", [{}, {"style_loss": "moments"}, {"style_loss": "wasserstein"}, {"chained": True}])
def test_relative_losses_are_means_over_layers(network: Network, own: dict[str, Any]) -> None:
    """So that twice the layers, or weights of another scale, do not shift the balance of content and style."""
    content, style, x = (pixels(32, 32, seed) for seed in range(3))

    def losses(factor: float) -> dict[str, float]:
        layers = {"conv1_1": 0.5 * factor, "conv2_1": 2.0 * factor, "conv3_1": factor}
        settings = Settings(style_layers=layers, content_layers=layers, histogram_weight=1.0, **own)
        return Objective(network, settings, content, [Exemplar(style)])(x)[1]

    assert losses(7.0) == pytest.approx(losses(1.0), rel=1e-4)


def test_styles_blend_as_the_weighted_mean_of_their_statistics(network: Network) -> None:
    a, b, x = pixels(40, 32, 0), pixels(64, 56, 1), pixels(32, 32, 2)
    layers = ("conv1_1", "conv4_1")
    settings = Settings(style_layers=dict.fromkeys(layers, 1.0), normalize="gatys", content_weight=0)
    _, losses = Objective(network, settings, None, [Exemplar(a), Exemplar(b, 3.0)])(x)
    ours, first, second = (grams(network, image, layers) for image in (x, a, b))
    n = {name: len(bias) for name, (_, bias) in network.weights.items()}
    expected = sum(((ours[k] - (0.25 * first[k] + 0.75 * second[k])) ** 2).sum() / (4 * n[k] ** 2) for k in layers)
    assert losses["style"] == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("loss", ["gram", "moments", "wasserstein"])
def test_a_style_of_weight_nothing_and_one_in_halves_change_nothing(network: Network, loss: str) -> None:
    a, b, x = (pixels(40, 32, seed) for seed in range(3))
    settings = Settings(style_loss=loss, content_weight=0)
    alone = Objective(network, settings, None, [Exemplar(a)])(x)[1]["total"]
    assert Objective(network, settings, None, [Exemplar(a, 2.0), Exemplar(b, 0.0)])(x)[1]["total"] == pytest.approx(alone, rel=1e-4)
    assert Objective(network, settings, None, [Exemplar(a, 0.5), Exemplar(a, 0.5)])(x)[1]["total"] == pytest.approx(alone, rel=1e-4)


@pytest.mark.parametrize("weights", [(0.0, 0.0), (1.0, -1.0), (float("nan"), 1.0), (float("inf"), 1.0)])
def test_weights_of_styles_that_make_no_sense(network: Network, weights: tuple[float, float]) -> None:
    with pytest.raises(SettingError, match="weight"):
        Objective(network, Settings(), pixels(32, 32), [Exemplar(pixels(32, 32, at + 1), weight) for at, weight in enumerate(weights)])


# Layers and weights ---------------------------------------------------------------------------------------------------


def test_layers_under_any_name_but_once(network: Network) -> None:
    assert named({"block4_conv2": 2.0, "RELU1_1": 1, "conv3_1": 0.0}, "style_layers") == {"conv4_2": 2.0, "conv1_1": 1.0}
    with pytest.raises(SettingError, match="conv1_1 is given twice"):
        Objective(network, Settings(style_layers={"conv1_1": 1.0, "block1_conv1": 1.0}), None, [Exemplar(pixels(32, 32))])
    with pytest.raises(SettingError, match="no layer 'conv9_1'"):
        Objective(network, Settings(content_layers={"conv9_1": 1.0}), pixels(32, 32), [])


def test_a_weight_of_nothing_leaves_the_loss_out(network: Network) -> None:
    x, other = pixels(32, 32), pixels(32, 32, 1)
    assert set(Objective(network, Settings(style_weight=0), other, [Exemplar(other)])(x)[1]) == {"content", "total"}
    assert set(Objective(network, Settings(content_weight=0), other, [Exemplar(other)])(x)[1]) == {"style", "total"}
    assert set(Objective(network, Settings(content_layers={"conv4_2": 0.0}), other, [Exemplar(other)])(x)[1]) == {"style", "total"}
    assert set(Objective(network, Settings(), None, [Exemplar(other)])(x)[1]) == {"style", "total"}


@pytest.mark.parametrize("tile", [0, 32])
@pytest.mark.parametrize("size", [(64, 64), (6, 5)])
def test_nothing_wanted_is_no_movement(network: Network, tile: int, size: tuple[int, int]) -> None:
    """Smoothing alone needs no network, so it has no smallest size either."""
    x, other = pixels(*size), pixels(*size, 1)
    gradient, losses = Objective(network, Settings(content_weight=0, style_weight=0), other, [Exemplar(other)], tile)(x)
    assert losses == {"total": 0}
    assert not bool(gradient.any())
    gradient, losses = Objective(network, Settings(content_weight=0, style_weight=0, tv_weight=2.0), other, [Exemplar(other)], tile)(x)
    assert losses["total"] == pytest.approx(2 * losses["tv"])
    assert bool(gradient.any())


@pytest.mark.parametrize(
    "settings",
    [
        {"chained": True, "style_loss": "moments"},
        {"shift": 1.0, "style_loss": "wasserstein"},
        {"chained": True, "style_layers": {"conv1_1": 1.0, "conv2_1": 0.0}},
    ],
)
def test_chains_and_shifts_are_of_grams_of_layers(network: Network, settings: dict[str, Any]) -> None:
    with pytest.raises(SettingError, match=r"`?chained`?"):
        Objective(network, Settings(**settings), None, [Exemplar(pixels(32, 32))])


def test_the_picture_is_left_alone(network: Network) -> None:
    x = pixels(32, 32)
    before = x.clone()
    gradient, _ = Objective(network, Settings(tv_weight=0.1), pixels(32, 32, 1), [Exemplar(pixels(32, 32, 2))])(x)
    assert torch.equal(x, before)
    assert not x.requires_grad
    assert gradient.shape == x.shape
    assert not gradient.requires_grad
