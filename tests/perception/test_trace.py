"""The gradient that is written out is that of automatic differentiation."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from atelier.engines.optimize.objective import Objective
from atelier.engines.optimize.style import Exemplar
from atelier.engines.optimize.tiles import tiles
from atelier.perception.network import CONVS, Network
from atelier.perception.trace import Trace, fits, unframe
from atelier.request import Settings


@pytest.fixture(scope="module")
def student(tmp_path_factory: pytest.TempPathFactory, make_net: Callable[..., Path]) -> Network:
    metrics = ("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv4_2", "conv5_1")
    return Network.load(str(make_net(tmp_path_factory.mktemp("net") / "student.safetensors", metrics=metrics)), dtype=torch.float32)


def pixels(width: int, height: int, seed: int = 0) -> Tensor:
    return torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("pooling", ["max", "average"])
@pytest.mark.parametrize("wanted", [CONVS, ("conv1_1", "conv4_2"), ("conv1_2",), ("conv2_2", "conv3_1"), ("conv5_1",)])
@pytest.mark.parametrize(("width", "height"), [(33, 27), (16, 16), (48, 17)])
def test_features_and_gradient_are_those_of_the_network(
    student: Network, wanted: tuple[str, ...], pooling: str, width: int, height: int
) -> None:
    x = pixels(width, height).requires_grad_()
    seen = student.see(x, wanted, pooling)
    trace = Trace(student, x, set(wanted), pooling)
    slopes = {name: torch.randn(f.shape, generator=torch.Generator().manual_seed(2)) for name, f in seen.items()}
    for name, f in seen.items():
        assert torch.equal(trace.features[name], f)
    (expected,) = torch.autograd.grad(sum(((f * slopes[name]).sum() for name, f in seen.items()), torch.zeros(())), x)

    def slope(name: str, f: Tensor, g: Tensor | None) -> Tensor:
        return slopes[name].clone() if g is None else g + slopes[name]

    torch.testing.assert_close(trace.back(slope), expected, rtol=1e-4, atol=1e-5 * float(expected.abs().max()))


def test_no_slope_is_no_gradient(student: Network) -> None:
    assert not Trace(student, pixels(20, 18), {"conv3_1"}, "max").back(lambda name, f, g: g).any()


@pytest.mark.parametrize("size", [(1, 1), (1, 4), (5, 3)])
def test_a_repeated_border_gives_its_gradient_to_what_it_repeats(size: tuple[int, int]) -> None:
    x = torch.rand(1, 2, *size, requires_grad=True)
    slope = torch.rand(1, 2, size[0] + 2, size[1] + 2)
    (expected,) = torch.autograd.grad((torch.nn.functional.pad(x, (1, 1, 1, 1), mode="replicate") * slope).sum(), x)
    torch.testing.assert_close(unframe(slope.clone()), expected)


@pytest.mark.parametrize("normalize", ["relative", "gatys"])
@pytest.mark.parametrize("weights", [(1.0, 0.05), (2.0, 0.0), (0.0, 1.0)])
def test_gram_and_content_losses_are_those_of_the_objective(student: Network, normalize: str, weights: tuple[float, float]) -> None:
    settings = Settings(style_weight=weights[0], content_weight=weights[1], normalize=normalize)
    styles = [Exemplar(pixels(40, 32, 1), 0.3), Exemplar(pixels(32, 40, 2), 0.7, strokes="coarse")]
    x = pixels(48, 36, 4)
    objective = Objective(student, settings, pixels(48, 36, 3), styles)
    assert objective.grams is not None and objective.grams.fits(x)
    gradient, losses = objective(x)
    expected, known = objective.whole(x, tiles(36, 48, 0)[0])
    assert losses == pytest.approx(known, rel=1e-4)
    assert list(losses) == list(known)
    assert float((gradient - expected).norm() / expected.norm()) < 1e-4


def test_large_pictures_go_by_bands(student: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    x = pixels(48, 36)
    assert fits(student, x, "max")
    assert not fits(student, x, "l2")
    monkeypatch.setattr("atelier.perception.trace.LARGE", 48 * 36 * 4)
    assert not fits(student, x, "max")
