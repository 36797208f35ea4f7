"""Places: which style goes where, that none leaks, that small ones get theirs, and that what is the photo's stays so to the last bit."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from atelier.engines.guide import Guide, Sample
from atelier.engines.optimize.canvas import PixelCanvas
from atelier.engines.optimize.engine import OptimizeEngine
from atelier.engines.optimize.layers import gives
from atelier.engines.optimize.objective import Objective
from atelier.engines.optimize.solver import Solver
from atelier.engines.optimize.style import Exemplar
from atelier.engines.optimize.view import View
from atelier.engines.optimize.zones import Zones, guided
from atelier.errors import Cancelled, SettingError
from atelier.image import Image
from atelier.losses import correlation
from atelier.perception.network import CONVS, Network, pool
from atelier.progress import Progress
from atelier.request import Settings
from calls import called

Paint = Callable[..., Image]

STYLE = dict.fromkeys(("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1"), 1.0)
KINDS: dict[str, dict[str, Any]] = {
    "gram": {},
    "gatys": {"normalize": "gatys", "pooling": "average", "shift": 3.0},
    "moments": {"style_loss": "moments", "pooling": "l2"},
    "wasserstein": {"style_loss": "wasserstein"},
    "chained": {"chained": True, "style_layers": {"conv1_2": 1.0, "conv2_1": 1.0, "conv4_1": 1.0}},
    "histogram": {"histogram_weight": 1.0},
    "semantic": {"match": "semantic"},
}


@pytest.fixture(scope="module")
def network(net: str) -> Network:
    return Network.load(net, dtype=torch.float32)


@pytest.fixture(scope="module")
def student(tmp_path_factory: pytest.TempPathFactory, make_net: Callable[..., Path]) -> Network:
    path = make_net(tmp_path_factory.mktemp("net") / "student.safetensors", metrics=tuple(STYLE))
    return Network.load(str(path), dtype=torch.float32)


@pytest.fixture
def engine(plain: dict[str, Any]) -> Callable[..., OptimizeEngine]:
    """An engine over the tiny network: 3 iterations of L-BFGS unless told otherwise."""

    def build(samples: list[Sample], places: np.ndarray | None, seed: int = 0, **settings: Any) -> OptimizeEngine:
        settings = {**plain, "iterations": 3, "content_weight": 1.0, "style_layers": {"conv1_1": 1.0, "conv3_1": 1.0}, **settings}
        return called(OptimizeEngine(samples, Settings(**settings), "cpu", seed), None if places is None else Guide(places))

    return build


def pixels(width: int, height: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(1, 3, 5, 4, generator=generator)
    smooth = F.interpolate(coarse, size=(height, width), mode="bilinear")
    return (smooth * 0.8 + torch.rand(1, 3, height, width, generator=generator) * 0.2).contiguous()


def halves(width: int, height: int, at: int) -> Tensor:
    """Two places: left of a column and right of it."""
    places = torch.zeros(2, height, width)
    places[0, :, :at] = places[1, :, at:] = 1.0
    return places


def blobs(width: int, height: int, feather: int = 0) -> Tensor:
    """Two places and some of the photo, with winding borders."""
    y, x = torch.meshgrid(torch.arange(height).float(), torch.arange(width).float(), indexing="ij")
    wave = x + 9 * torch.sin(y / 7) - width / 2
    first = torch.where(wave < 0, 1.0, 0.0) if not feather else (0.5 - wave / feather).clamp(0, 1)
    left = ((x - 8) ** 2 + (y - height / 2) ** 2).sqrt() < 7
    return torch.stack([first, 1 - first]) * ~left


def ramp(width: int, height: int) -> Tensor:
    second = torch.linspace(0, 1, width).expand(height, width)
    return torch.stack([1 - second, second])


def error(a: Tensor, b: Tensor) -> float:
    return float((a - b).norm() / b.norm())


# Statistics -----------------------------------------------------------------------------------------------------------


def test_guided_sums_are_weighted_sums_over_positions() -> None:
    features, masks = torch.randn(1, 5, 12, 9), torch.rand(3, 12, 9) * (torch.rand(3, 12, 9) > 0.5)
    zones = Zones(masks / 3, levels=1)
    squares, sums = guided(features, zones.cells(0, (slice(0, 12), slice(0, 9))), 0.7)
    flat, weights = features.flatten(2)[0].double(), (masks / 3).flatten(1).double()
    assert torch.allclose(squares.double(), torch.einsum("cx,dx,rx->rcd", flat - 0.7, flat - 0.7, weights), rtol=1e-4, atol=1e-4)
    assert sums is not None
    assert torch.allclose(sums.double(), torch.einsum("cx,rx->rc", flat, weights), rtol=1e-4, atol=1e-4)


def test_a_rectangle_is_the_rectangle_cut_out(network: Network) -> None:
    """The features within it, that is: the network still sees what is around."""
    x, style = pixels(96, 80, 1), pixels(60, 70, 2)
    places = torch.zeros(1, 80, 96)
    places[0, 16:64, 32:80] = 1.0
    settings = Settings(style_layers=STYLE, content_weight=0)
    loss = Objective(network, settings, None, [Exemplar(style)], regions=places)(x)[1]["style"]
    expected = 0.0
    ours, theirs = network.see(x, STYLE), network.see(style, STYLE)
    for name in STYLE:
        k = int(name[4]) - 1
        cut = ours[name][:, :, 16 >> k : 64 >> k, 32 >> k : 80 >> k]
        a, b = (correlation(f) / f[0, 0].numel() for f in (cut, theirs[name]))
        expected += float((a - b).square().sum() / b.square().sum()) / 5
    assert loss == pytest.approx(0.3 * expected, rel=1e-4)  # 30 % of the picture, as 30 % of the weight


@pytest.mark.parametrize("kind", KINDS)
def test_one_place_everywhere_is_no_place(network: Network, kind: str) -> None:
    settings = Settings(content_weight=0.3, **KINDS[kind])
    content, style, x = pixels(53, 49, 0), pixels(60, 70, 2), pixels(53, 49, 1)
    plain, plain_losses = Objective(network, settings, content, [Exemplar(style)])(x)
    whole, losses = Objective(network, settings, content, [Exemplar(style)], regions=torch.ones(1, 49, 53))(x)
    assert losses == pytest.approx(plain_losses, rel=1e-4)
    assert error(whole, plain) < 1e-4


def test_a_part_of_a_painting_is_learned_from_alone(network: Network) -> None:
    """Where the other part is changed beyond what the network sees across the border, the targets stay."""
    settings = Settings(style_layers={"conv1_1": 1.0, "conv2_1": 1.0}, content_weight=0)
    style, x = pixels(64, 48, 2), pixels(40, 40, 1)
    part = torch.zeros(48, 64)
    part[:, :32] = 1.0
    other = style.clone()
    other[..., 48:] = 0.3

    def loss(picture: Tensor, part: Tensor | None) -> float:
        return Objective(network, settings, None, [Exemplar(picture, part=part)])(x)[1]["style"]

    assert loss(style, part) == pytest.approx(loss(other, part), rel=1e-6)
    assert loss(style, part) != pytest.approx(loss(style, None), rel=1e-3)
    assert loss(style, torch.ones_like(part)) == pytest.approx(loss(style, None), rel=1e-4)


# The gradient ---------------------------------------------------------------------------------------------------------


def seen_apart(network: Network, x: Tensor, zones: Zones, pooling: str) -> dict[str, Tensor]:
    """The features with gradients cut along borders, the slow way: every zone looks by itself and sees the others as constants."""
    out: dict[str, Tensor] = {}
    labels = F.pad(zones.labels[0][None].float(), (1, 1, 1, 1), mode="replicate")[0].long()
    seen = F.pad((x * 255.0 - network.mean).to(network.dtype), (1, 1, 1, 1), mode="replicate")
    level = 0
    for name in CONVS:
        padding = 1 if name != CONVS[0] else 0
        if int(name[4]) - 1 > level:
            level += 1
            seen = apart(seen, labels, zones.labels[level], len(zones.say), lambda f: pool(f, pooling))
            labels = zones.labels[level]
        weight, bias = network.weights[name]
        goal = zones.labels[level]

        def look(f: Tensor, weight: Tensor = weight, bias: Tensor = bias, padding: int = padding) -> Tensor:
            return F.conv2d(f, weight, bias, padding=padding).relu()

        seen = apart(seen, labels, goal, len(zones.say), look)
        labels = goal
        out[name] = seen
    return out


def apart(seen: Tensor, labels: Tensor, goal: Tensor, count: int, step: Callable[[Tensor], Tensor]) -> Tensor:
    total: Tensor | None = None
    for zone in range(count):
        mine = step(torch.where(labels == zone, seen, seen.detach())) * (goal == zone)
        total = mine if total is None else total + mine
    assert total is not None
    return total


@pytest.mark.parametrize("pooling", ["max", "average"])
@pytest.mark.parametrize("shape", ["halves", "blobs", "feathered", "ramp", "odd"])
def test_looking_within_zones_is_looking_zone_by_zone(student: Network, shape: str, pooling: str) -> None:
    places = {
        "halves": halves(64, 48, 29),
        "blobs": blobs(80, 64),
        "feathered": blobs(80, 64, feather=6),
        "ramp": ramp(96, 48) * (torch.arange(48) > 12)[:, None],
        "odd": blobs(75, 53, feather=50),
    }[shape]
    x, zones = pixels(places.shape[2], places.shape[1], 3), Zones(places)
    slopes = {}
    gradients = []
    for see in (lambda x: zones.see(student, x, STYLE, pooling), lambda x: seen_apart(student, x, zones, pooling)):
        leaf = x.clone().requires_grad_()
        seen = see(leaf)
        if not slopes:
            slopes = {name: torch.randn(seen[name].shape) for name in STYLE}
        gradients.append(torch.autograd.grad(sum((seen[name] * slopes[name]).sum() for name in STYLE), leaf)[0])
    assert error(gradients[0], gradients[1]) < 1e-5
    whole = student.see(x, STYLE, pooling)
    assert all(torch.equal(f, seen[name]) for name, f in whole.items())  # and forwards nothing is changed


def test_kernels_of_16_bits_see_within_zones_alike(student: Network) -> None:
    half = {name: (weight.half() if name not in CONVS[:2] else weight, bias) for name, (weight, bias) in student.weights.items()}
    full = {name: (weight.float(), bias) for name, (weight, bias) in half.items()}
    x, zones, found = pixels(64, 48, 3), Zones(blobs(48, 64)), []
    for weights in (half, full):
        leaf = x.clone().requires_grad_()
        seen = zones.see(dataclasses.replace(student, weights=weights), leaf, STYLE, "max")
        found.append(torch.autograd.grad(sum((seen[name].square().sum() for name in STYLE), torch.zeros(())), leaf)[0])
    assert torch.equal(found[0], found[1])


@pytest.mark.parametrize("tile", [0, 32])
@pytest.mark.parametrize("kind", KINDS)
def test_no_style_leaves_its_place(network: Network, kind: str, tile: int) -> None:
    """Another painting in one place changes nothing at all in the other, in what the photo keeps or in what is between."""
    if tile and kind == "histogram":
        pytest.skip("histograms are of the whole picture")
    places = blobs(80, 64, feather=6)
    content, x = pixels(80, 64, 0), pixels(80, 64, 1)
    settings = Settings(content_weight=0.3, **KINDS[kind])

    def gradient(one: int, other: int) -> Tensor:
        exemplars = [Exemplar(pixels(60, 50, one), region=0), Exemplar(pixels(50, 60, other), region=1)]
        return Objective(network, settings, content, exemplars, tile, places)(x)[0][0]

    first, second, third = gradient(5, 6), gradient(7, 6), gradient(5, 8)
    assert torch.equal(first[:, places[0] == 0], second[:, places[0] == 0])
    assert torch.equal(first[:, places[1] == 0], third[:, places[1] == 0])
    assert not torch.equal(first[:, places[0] == 1], second[:, places[0] == 1])
    assert not first[:, places.sum(0) == 0].any()


def test_one_style_alone_moves_nothing_outside(network: Network) -> None:
    places = blobs(80, 64)[:1]
    x, settings = pixels(80, 64, 1), Settings(content_weight=0, tv_weight=1.0)
    gradient = Objective(network, settings, None, [Exemplar(pixels(60, 50, 5))], regions=places)(x)[0][0]
    assert not gradient[:, places[0] == 0].any()
    assert gradient[:, places[0] > 0].abs().min() > 0


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "histogram"])
@pytest.mark.parametrize("feather", [0, 7, 60])
def test_tiled_is_untiled(network: Network, kind: str, feather: int) -> None:
    content, x, places = pixels(170, 145, 0), pixels(170, 145, 1), blobs(170, 145, feather)
    exemplars = [
        Exemplar(pixels(60, 50, 5), region=0),
        Exemplar(pixels(50, 60, 6), region=1, strokes="fine"),
        Exemplar(pixels(90, 60, 7), 2.0, 1),
    ]
    settings = Settings(**KINDS[kind])
    (whole, losses), (cut, cut_losses) = (Objective(network, settings, content, exemplars, tile, places)(x) for tile in (0, 48))
    assert cut_losses == pytest.approx(losses, rel=1e-3)
    assert error(cut, whole) < 2e-3


def test_what_is_shared_by_all_is_the_gradient_of_the_loss(network: Network) -> None:
    """Between two styles that go over into each other there is no border."""
    x, places = pixels(64, 48, 1), ramp(64, 48)
    styles = [pixels(60, 50, 5), pixels(50, 60, 6)]
    settings = Settings(style_layers=STYLE, content_weight=0)
    exemplars = [Exemplar(style, region=at) for at, style in enumerate(styles)]
    gradient, losses = Objective(network, settings, None, exemplars, regions=places)(x)
    leaf, total = x.clone().requires_grad_(), torch.zeros(())
    ours = network.see(leaf, STYLE)
    for style, place in zip(styles, places, strict=True):
        for name, theirs in network.see(style, STYLE).items():
            mask = F.avg_pool2d(place[None], 2 ** (int(name[4]) - 1))[0].flatten()
            flat, target = ours[name].flatten(2)[0], correlation(theirs)[0] / theirs[0, 0].numel()
            total = total + place.mean() * ((flat * mask) @ flat.T / mask.sum() - target).square().sum() / target.square().sum() / 5
    (expected,) = torch.autograd.grad(total, leaf)
    assert losses["style"] == pytest.approx(float(total.detach()), rel=1e-4)
    assert error(gradient, expected) < 1e-4


def test_a_pixel_is_drawn_to_its_style_as_if_it_were_everywhere(network: Network) -> None:
    """However small its place: of two like halves, each one's gradient is that of the whole picture."""
    half = pixels(64, 128, 1)
    x, style = torch.cat([half, half], 3), pixels(60, 50, 5)
    settings = Settings(content_weight=0, style_layers={"conv1_1": 1.0, "conv2_1": 1.0})
    plain = Objective(network, settings, None, [Exemplar(style)])(x)[0]
    places = halves(128, 128, 64)
    parted = Objective(network, settings, None, [Exemplar(style), Exemplar(style, region=1)], regions=places)(x)[0]
    away = torch.ones(128, dtype=torch.bool)
    away[56:72] = False
    assert float(parted[..., away].norm() / plain[..., away].norm()) == pytest.approx(1, rel=0.1)
    assert error(parted[..., away], plain[..., away]) < 0.25  # halves are alike but for what is seen at their edges


# Strokes and sizes ----------------------------------------------------------------------------------------------------


def test_coarse_strokes_are_in_deep_layers_and_fine_ones_in_shallow() -> None:
    assert [gives("coarse", layer) for layer in STYLE] == [False, False, False, True, True]
    assert [gives("fine", layer) for layer in STYLE] == [True, True, True, False, False]
    assert all(gives("all", layer, share) for layer in STYLE for share in (0.1, 1.0))
    # On a coarser scale the same layers draw larger forms.
    assert [gives("coarse", layer, 0.25) for layer in STYLE] == [False, True, True, True, True]
    assert not any(gives("fine", layer, 0.125) for layer in STYLE)


def test_coarse_strokes_of_one_go_with_fine_strokes_of_another(network: Network) -> None:
    a, b, x = pixels(40, 32, 0), pixels(64, 56, 1), pixels(32, 32, 2)

    def style(exemplars: list[Exemplar], *layers: str) -> float:
        settings = Settings(style_layers=dict.fromkeys(layers, 1.0), content_weight=0)
        return Objective(network, settings, None, exemplars)(x)[1]["style"]

    both = style([Exemplar(a, strokes="coarse"), Exemplar(b, strokes="fine")], "conv1_1", "conv4_1")
    assert both == pytest.approx((style([Exemplar(a)], "conv4_1") + style([Exemplar(b)], "conv1_1")) / 2, rel=1e-4)
    assert style([Exemplar(a, strokes="fine")], "conv1_1", "conv4_1") == pytest.approx(style([Exemplar(a)], "conv1_1"), rel=1e-4)
    # One that gives all of its strokes is mixed into either.
    mixed = style([Exemplar(a), Exemplar(b, strokes="fine")], "conv4_1")
    assert mixed == pytest.approx(style([Exemplar(a)], "conv4_1"), rel=1e-4)


def test_a_painting_of_the_other_strokes_alone_is_no_style_here(network: Network) -> None:
    settings = Settings(style_layers={"conv1_1": 1.0})
    gradient, losses = Objective(network, settings, pixels(32, 32), [Exemplar(pixels(32, 32, 1), strokes="coarse")])(pixels(32, 32, 2))
    assert set(losses) == {"content", "total"}
    assert gradient.any()


def test_each_sample_has_a_size_of_strokes_of_its_own(engine: Callable[..., OptimizeEngine], picture: Paint) -> None:
    """Times that of the settings."""
    photo, style, other = picture(32, 24), picture(90, 80, 7), picture(70, 80, 3)
    one, twice, halved = (
        engine([Sample(style, size=size), Sample(other)], None, style_size=base, content_weight=0.01)(photo).pixels
        for size, base in ((1.0, 1.0), (2.0, 1.0), (0.5, 2.0))
    )
    assert np.abs(one - twice).max() > 1e-3
    assert np.abs(one - halved).max() > 1e-3  # the other one's are of twice the size then
    alone = [
        engine([Sample(style, size=size)], None, style_size=base, content_weight=0.01)(photo).pixels
        for size, base in ((1.0, 1.0), (0.5, 2.0))
    ]
    assert np.array_equal(alone[0], alone[1])


# The photo ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("start", ["recolored", "photo", "noise", "gray"])
@pytest.mark.parametrize(
    "settings",
    [
        {"tv_weight": 1.0},
        {"optimizer": "adam", "rate": 0.05, "average": 0.9},
        {"optimizer": "sgd", "rate": 1e4},
        {"coarse_iterations": 2, "tile": 32},
    ],
)
@pytest.mark.parametrize("stop_at", [0, 1, 3])
def test_what_is_left_to_the_photo_is_the_photo_bit_for_bit(
    engine: Callable[..., OptimizeEngine], picture: Paint, start: str, settings: dict[str, Any], stop_at: int
) -> None:
    photo = picture(72, 48, 1)
    places = (blobs(72, 48, feather=6) * 0.999).numpy()
    places[:, :9] *= np.linspace(0, 1, 9, dtype=np.float32)[:, None]
    samples = [Sample(picture(30, 34, 7), region=0), Sample(picture(34, 30, 8), region=1)]
    kept = places.sum(0) == 0
    assert 0.02 < kept.mean() < 0.5

    def report(progress: Progress) -> None:
        if progress.preview:
            assert np.array_equal(progress.preview().pixels[kept], photo.pixels[kept])
        if stop_at and progress.step >= stop_at:
            raise Cancelled("enough")

    made = engine(samples, places, start=start, **settings)(photo, report=report).pixels
    assert np.array_equal(made[kept], photo.pixels[kept])
    if settings.get("optimizer") != "sgd":
        assert np.abs(made - photo.pixels)[places.sum(0) > 0.99].mean() > 0.01


def test_what_shines_through_of_the_photo_is_reckoned_with() -> None:
    """Half opaque, the canvas goes to where the two together are what is wanted."""
    photo = torch.full((1, 3, 8, 8), 0.5)
    canvas, view = PixelCanvas(photo), View(photo, torch.full((1, 8, 8), 0.5))

    def towards(image: torch.Tensor) -> tuple[torch.Tensor, dict[str, float]]:
        x = view.show(image.detach())
        return 0.5 * 2 * (x - 0.7), {"total": float((x - 0.7).square().sum())}

    solver = Solver(canvas, towards, "lbfgs", 1.0)
    for _ in range(10):
        solver.step()
    assert torch.allclose(view.show(canvas.image()), torch.full_like(photo, 0.7), atol=1e-3)
    assert torch.allclose(canvas.pixels, torch.full_like(photo, 0.9), atol=1e-3)


def test_the_recolored_start_gives_each_place_the_colors_of_its_own(engine: Callable[..., OptimizeEngine], picture: Paint) -> None:
    photo = picture(64, 48, 1)
    places = halves(64, 48, 24).numpy()
    blue, gold = (Image(picture(30, 30, 4).pixels * np.float32(0.4) + np.float32(tint)) for tint in ((0.0, 0.1, 0.5), (0.5, 0.4, 0.0)))
    begin = engine([Sample(blue, region=0), Sample(gold, region=1)], places, start="recolored", iterations=0)(photo).pixels
    for style, part in ((blue, begin[:, :24]), (gold, begin[:, 24:])):
        wanted, got = style.pixels.reshape(-1, 3), part.reshape(-1, 3)
        assert np.allclose(got.mean(0), wanted.mean(0), atol=0.01)
        assert np.allclose(np.cov(got.T), np.cov(wanted.T), atol=0.005)


def test_the_colors_are_those_of_the_part_learned_from(engine: Callable[..., OptimizeEngine], picture: Paint) -> None:
    photo, two = picture(64, 48, 1), np.concatenate([np.full((20, 20, 3), 0.2), np.full((20, 20, 3), 0.8)], 1).astype(np.float32)
    part = np.zeros((20, 40), np.float32)
    part[:, 20:] = 1
    begin = engine([Sample(Image(two), region=0, part=part)], np.ones((1, 48, 64), np.float32), start="recolored", iterations=0)(photo)
    assert np.allclose(begin.pixels, 0.8, atol=0.05)


def test_between_two_styles_the_start_goes_over_smoothly(engine: Callable[..., OptimizeEngine], picture: Paint) -> None:
    gray = Image(np.full((48, 64, 3), 0.5, np.float32))
    dark, light = (Image(np.full((20, 20, 3), level, np.float32)) for level in (0.2, 0.8))
    begin = engine([Sample(dark, region=0), Sample(light, region=1)], ramp(64, 48).numpy(), start="recolored", iterations=0)(gray)
    assert np.allclose(begin.pixels[..., 0], np.linspace(0.2, 0.8, 64), atol=0.02)


# Painting -------------------------------------------------------------------------------------------------------------


def test_a_small_place_gets_its_style(engine: Callable[..., OptimizeEngine], picture: Paint) -> None:
    """2 % of the picture: judged within, its style loss is within 1.5 of that of a picture that is all in this style."""
    photo, style, other = picture(96, 96, 1), picture(60, 60, 7), picture(60, 60, 8)
    places = np.zeros((2, 96, 96), np.float32)
    places[0, 40:54, 50:64] = 1
    places[1] = 1 - places[0]
    layers = dict.fromkeys(("conv1_1", "conv2_1", "conv3_1"), 1.0)
    settings = {"iterations": 40, "content_weight": 0.05, "style_layers": layers, "start": "photo"}
    both = engine([Sample(style, region=0), Sample(other, region=1)], places, **settings)(photo)
    alone = engine([Sample(style)], None, **settings)(photo)

    def within(image: Image) -> float:
        judged = engine([Sample(style, region=0)], places[:1], style_layers=layers, content_weight=0.0, start="a", iterations=1)
        heard: list[Progress] = []
        judged(photo, start=image, report=heard.append)
        return heard[0].losses["style"]

    assert within(both) < 1.5 * within(alone)
    assert within(both) < 0.3 * within(photo)


@pytest.mark.parametrize("optimizer", ["lbfgs", "adam", "sgd"])
@pytest.mark.parametrize("kind", KINDS)
def test_painting_lowers_the_loss(engine: Callable[..., OptimizeEngine], picture: Paint, kind: str, optimizer: str) -> None:
    heard: list[Progress] = []
    rate = {"lbfgs": 1.0, "adam": 0.02, "sgd": 3e-4}[optimizer]
    settings = {"style_layers": STYLE, **KINDS[kind], "iterations": 30 if kind == "semantic" else 12, "start": "photo"}
    if optimizer == "sgd" and kind == "gatys":
        settings |= {"normalize": "relative"}  # what suits the rate
    samples = [Sample(picture(30, 34, 7), region=0), Sample(picture(34, 30, 8), region=1)]
    engine(samples, blobs(64, 48, feather=5).numpy(), optimizer=optimizer, rate=rate, **settings)(picture(64, 48, 1), report=heard.append)
    totals = [progress.losses["total"] for progress in heard if progress.losses]
    assert min(totals) < (1.0 if optimizer == "sgd" else 0.9) * totals[0]


@pytest.mark.parametrize("solver", [{"optimizer": "lbfgs"}, {"optimizer": "adam", "rate": 0.02, "average": 0.9}])
def test_a_run_with_places_goes_on_bit_for_bit(
    engine: Callable[..., OptimizeEngine], picture: Paint, tmp_path: Path, solver: dict[str, Any]
) -> None:
    photo, places = picture(64, 48, 1), blobs(64, 48, feather=6).numpy()
    samples = [Sample(picture(30, 34, 7), region=0), Sample(picture(34, 30, 8), region=1, strokes="coarse", size=1.5)]
    settings = {**solver, "coarse_iterations": 2, "smallest": 32, "iterations": 2}
    kept: list[Any] = []

    def keep(progress: Progress) -> None:
        assert progress.state
        torch.save(progress.state(), tmp_path / "state.pt")
        kept.append(torch.load(tmp_path / "state.pt", weights_only=True))

    whole = engine(samples, places, **settings)(photo, report=keep)
    assert len(kept) == 4
    for state in kept:
        assert np.array_equal(engine(samples, places, **settings)(photo, state=state).pixels, whole.pixels)


def test_another_painting_elsewhere_is_the_same_picture_here(engine: Callable[..., OptimizeEngine], picture: Paint) -> None:
    """But for what is seen across the border: each place's curvature is its own as well."""
    photo, places = picture(128, 32, 1), halves(128, 32, 64).numpy()
    settings = {"style_layers": {"conv1_1": 1.0, "conv2_1": 1.0}, "content_layers": {"conv2_1": 1.0}, "iterations": 4, "start": "photo"}
    one, other = (
        engine([Sample(picture(30, 34, 7), region=0), Sample(picture(34, 30, seed), region=1)], places, **settings)(photo).pixels
        for seed in (8, 9)
    )
    assert np.abs(one[:, 72:] - other[:, 72:]).mean() > 0.003
    assert np.abs(one[:, :24] - other[:, :24]).max() < 1e-2


# What makes no sense --------------------------------------------------------------------------------------------------


def test_places_and_samples_that_do_not_go_together(engine: Callable[..., OptimizeEngine], picture: Paint) -> None:
    style, places = picture(30, 34, 7), halves(32, 24, 16).numpy()
    one, two = Sample(style, region=0), Sample(style, region=1)
    for samples, guide, why in (
        ([one], places, "the guide's region 1 has no style"),
        ([one, Sample(style, 0.0, region=1)], places, "the guide's region 1 has no style of a weight above 0"),
        ([one, two, Sample(style)], places, "a style's region is None: the guide has the regions 0 to 1"),
        ([one, two, Sample(style, region=2)], places, "a style's region is 2"),
        ([one], None, "there is no guide"),
        ([one, two], places * 2, "add up to at most 1"),
        ([one, two], places - 1, "at least 0"),
        ([one, two], places * np.nan, "at least 0"),
        ([one, two], places[0], r"\(regions, height, width\)"),
        ([Sample(style, region=0, part=np.ones((3, 4), np.float32)), two], places, "a painting of 30x34 px .* marked on 4x3 px"),
        ([Sample(style, region=0, part=np.zeros((34, 30), np.float32)), two], places, "not with 0 alone"),
        ([Sample(style, region=0, size=0.0), two], places, "must be above 0"),
        ([Sample(style, float("nan"), region=0), two], places, "weight nan: a style's weight must be"),
    ):
        with pytest.raises(SettingError, match=why):
            engine(samples, guide)(picture(32, 24))
    with pytest.raises(SettingError, match="the guide is for photos of 32x24 px, not 40x24"):
        engine([one, two], places)(picture(40, 24))
