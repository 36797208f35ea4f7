"""The first block in bands, against the same layers whole and in double precision."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from atelier.engines.optimize.objective import Objective
from atelier.engines.optimize.style import Exemplar
from atelier.losses import correlation
from atelier.perception import bands, network
from atelier.perception.bands import Sum, block
from atelier.perception.network import Network, pool
from atelier.request import Settings


def made(*shape: int, seed: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def layers(first: int, second: int) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    return (made(first, 3, 3, 3, seed=1), made(first, seed=2)), (made(second, first, 3, 3, seed=3), made(second, seed=4))


def whole(x: Tensor, first: tuple[Tensor, Tensor], second: tuple[Tensor, Tensor], kind: str = "max") -> tuple[Tensor, Tensor]:
    """conv1_1 and what the block ends with, in double precision."""
    f = F.relu(F.conv2d(x, first[0].double(), first[1].double()))
    return f, pool(F.relu(F.conv2d(f, second[0].double(), second[1].double(), padding=1)), kind)


def apart(found: Tensor, expected: Tensor) -> float:
    return float(((found.double() - expected).norm() / expected.norm()).detach())


@pytest.mark.parametrize(("kind", "shift"), [("max", 0.0), ("average", 1.0)])
@pytest.mark.parametrize(
    ("height", "width", "rows", "columns"),
    [
        (40, 24, slice(0, None), slice(0, None)),  # whole bands
        (37, 23, slice(0, None), slice(0, None)),  # a row and a column that no window has
        (33, 22, slice(5, 30), slice(3, 20)),  # a last band of one row; what counts begins and ends within a band
        (34, 22, slice(18, 22), slice(0, 22)),  # bands where nothing counts
        (2, 2, slice(0, None), slice(0, None)),
        (3, 9, slice(0, 2), slice(1, None)),
    ],
)
def test_values_and_gradients_are_those_of_the_layers(
    height: int, width: int, rows: slice, columns: slice, kind: str, shift: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bands, "BAND", 8)
    first, second = layers(5, 7)
    x = made(2, 3, height + 2, width + 2, seed=0).requires_grad_()
    found, total = block(x, first, second, Sum(lambda f: correlation(f, shift), rows, columns), kind)
    exact = x.detach().double().requires_grad_()
    f, expected = whole(exact, first, second, kind)
    inner = f[:, :, rows, columns].flatten(2) - shift
    counted = inner @ inner.transpose(1, 2)
    assert apart(found, expected) < 1e-6
    assert total is not None
    assert apart(total, counted) < 1e-6
    slopes = made(*expected.shape, seed=5), made(*counted.shape, seed=6)
    (wanted,) = torch.autograd.grad([expected, counted], exact, [each.double() for each in slopes], retain_graph=True)
    (slope,) = torch.autograd.grad([found, total], x, list(slopes), retain_graph=True)
    assert apart(slope, wanted) < 2e-6
    (wanted,) = torch.autograd.grad(expected, exact, slopes[0].double())
    (slope,) = torch.autograd.grad(found, x, slopes[0])  # nobody asks for the sum
    assert apart(slope, wanted) < 2e-6


def test_without_a_sum(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bands, "BAND", 4)
    first, second = layers(4, 4)
    x = made(1, 3, 23, 16, seed=0).requires_grad_()
    found, total = block(x, first, second, None)
    exact = x.detach().double().requires_grad_()
    _, expected = whole(exact, first, second)
    assert total is None
    assert apart(found, expected) < 1e-6
    down = made(*expected.shape, seed=5)
    (wanted,) = torch.autograd.grad(expected, exact, down.double())
    (slope,) = torch.autograd.grad(found, x, down)
    assert apart(slope, wanted) < 2e-6


@pytest.mark.parametrize(("tile", "pooling"), [(0, "max"), (48, "max"), (0, "average")])
def test_painting_goes_by_bands_without_a_difference(tile: int, pooling: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pocket = Network.load("pocket", dtype=torch.float32)
    photo, painting, pixels = (torch.rand(1, 3, 101, 97, generator=torch.Generator().manual_seed(seed)) for seed in range(3))

    def looked() -> tuple[Tensor, dict[str, float]]:
        return Objective(pocket, Settings(tv_weight=0.0, pooling=pooling), photo, [Exemplar(painting)], tile)(pixels)

    expected, losses = looked()
    used = []
    monkeypatch.setattr(network, "LARGE", 1)
    monkeypatch.setattr(network, "block", lambda *given: used.append(given) or block(*given))
    found, same = looked()
    assert used
    assert same == pytest.approx(losses, rel=1e-5)
    assert apart(found, expected.double()) < 1e-4
