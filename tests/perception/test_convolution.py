"""Convolutions by tiles, against PyTorch's own in double precision."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from atelier.perception.convolution import CHUNK, conv3x3, gains, slope3x3
from atelier.perception.network import activations


def made(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).contiguous(memory_format=torch.channels_last)


def apart(found: Tensor, expected: Tensor) -> float:
    return float(((found.double() - expected).norm() / expected.norm()).detach())


SHAPES = [
    (1, 64, 128, 40, 40, 1),
    (1, 128, 64, 40, 41, 1),
    (2, 128, 128, 33, 30, 1),
    (1, 128, 160, 42, 47, 0),
    (1, 128, 128, 39, 38, 2),
    (3, 128, 128, 3, 190, 1),
    (1, 256, 128, 190, 80, 1),
    (1, 256, 512, 38, 43, 1),
    (1, 520, 258, 37, 44, 1),
]


@pytest.mark.parametrize(("batch", "inputs", "outputs", "height", "width", "padding"), SHAPES)
def test_values_and_gradients_are_a_plain_convolution_s(
    batch: int, inputs: int, outputs: int, height: int, width: int, padding: int
) -> None:
    x, weight, bias = made(batch, inputs, height, width).requires_grad_(), made(outputs, inputs, 3, 3, seed=1), torch.arange(outputs) / 9.0
    assert gains(x, weight, padding)
    plain = x.detach().double().requires_grad_()
    expected = F.conv2d(plain, weight.double(), bias.double(), padding=padding)
    y = conv3x3(x, weight, bias, padding)
    assert y.shape == expected.shape
    assert y.is_contiguous(memory_format=torch.channels_last)
    assert apart(y, expected) < 3e-6

    slope = made(*y.shape, seed=2)
    (wanted,) = torch.autograd.grad(expected, plain, slope.double())
    (found,) = torch.autograd.grad(y, x, slope)
    assert apart(found, wanted) < 5e-6
    assert apart(slope3x3(slope, x.detach(), weight, padding), wanted) < 5e-6


@pytest.mark.parametrize("layout", ["rows", "every other", "one for all"])
def test_however_the_numbers_lie(layout: str) -> None:
    weight, bias = made(128, 128, 3, 3, seed=1), torch.zeros(128)
    x, slope = (torch.randn(2, 128, 40, 84, generator=torch.Generator().manual_seed(seed)) for seed in (0, 2))
    if layout == "every other":
        x, slope = x[..., ::2], slope[..., ::2]
    if layout == "one for all":
        x, slope = (each[:1, :, :, :1].expand(2, 128, 40, 42) for each in (x, slope))
    double = x.double().requires_grad_()
    expected = F.conv2d(double, weight.double(), padding=1)
    (wanted,) = torch.autograd.grad(expected, double, slope.double())
    assert gains(x, weight, 1)
    assert apart(conv3x3(x, weight, bias), expected) < 3e-6
    assert apart(slope3x3(slope, x, weight), wanted) < 5e-6


def test_one_row_of_tiles_at_a_time_is_enough() -> None:
    wide = CHUNK // (36 * 128) * 4 + 8  # a row of tiles is more than a chunk
    x, weight, bias = made(1, 128, 8, wide), made(128, 128, 3, 3, seed=1), torch.zeros(128)
    assert apart(conv3x3(x, weight, bias), F.conv2d(x.double(), weight.double(), padding=1)) < 3e-6


def test_far_from_the_border_only_what_is_near_matters() -> None:
    x, weight, bias = made(1, 128, 48, 48), made(128, 128, 3, 3, seed=1), torch.zeros(128)
    other = x.clone()
    other[:, :, 20:22, 20:22] += 5
    changed = (conv3x3(x, weight, bias) - conv3x3(other, weight, bias)).abs().amax((0, 1)) > 1e-2
    rows, columns = changed.nonzero().T
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (19, 22, 19, 22)


@pytest.mark.parametrize(
    ("shape", "channels", "kind"),
    [
        ((1, 64, 80, 80), 64, torch.float32),
        ((1, 128, 16, 16), 128, torch.float32),
        ((1, 128, 48, 48), 128, torch.bfloat16),
        ((1, 128, 48, 48), 128, torch.float64),
    ],
)
def test_where_nothing_is_gained_it_is_the_plain_one(shape: tuple[int, ...], channels: int, kind: torch.dtype) -> None:
    x, weight, bias = made(*shape).to(kind), made(channels, shape[1], 3, 3, seed=1).to(kind), torch.zeros(channels, dtype=kind)
    assert not gains(x, weight, 1)
    plain = F.conv2d(x, weight, bias, padding=1)
    assert torch.equal(conv3x3(x, weight, bias), plain)
    (wanted,) = torch.autograd.grad(F.conv2d(y := x.clone().requires_grad_(), weight, bias, padding=1), y, plain)
    assert torch.allclose(slope3x3(plain, x, weight), wanted)


@pytest.mark.parametrize("learned", ["weight", "bias", "both"])
def test_weights_that_learn_get_their_gradient(learned: str) -> None:
    x, weight, bias = made(1, 128, 48, 48), made(128, 128, 3, 3, seed=1), torch.zeros(128)
    asked = {"weight": [weight], "bias": [bias], "both": [weight, bias]}[learned]
    for each in asked:
        each.requires_grad_()
    conv3x3(x, weight, bias).square().sum().backward()  # type: ignore[no-untyped-call]
    for each in asked:
        assert each.grad is not None
        assert each.grad.abs().sum() > 0


def test_half_precision_by_autocast_is_left_to_the_plain_one() -> None:
    x, weight, bias = made(1, 128, 48, 48), made(128, 128, 3, 3, seed=1), torch.zeros(128)
    with torch.autocast("cpu", torch.bfloat16):
        assert conv3x3(x, weight, bias).dtype is torch.bfloat16


def test_a_wide_network_sees_what_it_would_see_layer_by_layer() -> None:
    widths = {"conv1_1": (3, 64), "conv1_2": (64, 64), "conv2_1": (64, 128), "conv2_2": (128, 128)}
    weights = {name: (made(b, a, 3, 3, seed=i) / (3 * a**0.5), torch.zeros(b)) for i, (name, (a, b)) in enumerate(widths.items())}
    double = {name: (weight.double(), bias.double()) for name, (weight, bias) in weights.items()}
    x = made(1, 3, 96, 100, seed=9)
    slopes = []
    for net, picture in ((weights, x.clone()), (double, x.double())):
        seen = activations(net, picture.requires_grad_(), ["conv2_1", "conv2_2"])
        seen["conv2_2"].square().mean().backward()  # type: ignore[no-untyped-call]
        assert picture.grad is not None
        slopes.append((seen, picture.grad))
    for name in ("conv2_1", "conv2_2"):
        assert apart(slopes[0][0][name].detach(), slopes[1][0][name].detach()) < 3e-6
    assert apart(slopes[0][1], slopes[1][1]) < 1e-4


def test_in_any_mode_and_from_any_thread() -> None:
    """What a thread keeps for the next convolution serves it in another mode, at another size; and no other thread."""
    weight, bias = made(128, 128, 3, 3, seed=1), torch.zeros(128)
    pictures = [made(1, 128, side, side + 3, seed=side) for side in (48, 64, 40)]
    expected = [F.conv2d(x.double(), weight.double(), padding=1) for x in pictures]

    def right(turn: int) -> bool:
        with torch.inference_mode(turn % 2 == 0):
            found = [conv3x3(x, weight, bias) for x in pictures]
        return all(apart(a.clone(), b) < 3e-6 for a, b in zip(found, expected, strict=True))

    with ThreadPoolExecutor(3) as pool:
        assert all(pool.map(right, range(6)))
