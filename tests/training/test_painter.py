"""The network that paints, and the one that reads: what their numbers mean."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from atelier.engines.network.plan import CELL, EPSILON, MARGIN, MULTIPLE, Plan
from atelier.perception.network import CONVS, activations
from atelier.training.painter import Normed, Painter, Reader, mixed

PLAN = Plan(fine=16, wide=16, deep=24, half=16, blocks=1, deep_blocks=1, rank=2)


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)
    torch.set_num_threads(1)


def given(plan: Plan = PLAN, size: int = 32, batch: int = 1) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Pictures, styles, noise."""
    return (
        torch.rand(batch, 3, size, size),
        torch.randn(batch, plan.numbers) * 0.2,
        torch.randn(batch, plan.noise, size // CELL, size // CELL),
    )


def test_a_style_is_as_many_numbers_as_its_parts() -> None:
    # stem, down, rise, wide0a, wide0b, up, detail are 16 wide, below, deep0a and deep0b 24; two places with two factors 24 x 2 each;
    # noise for 16 wide channels and 16 fine ones
    assert PLAN.channels == 7 * 16 + 3 * 24
    assert PLAN.numbers == 2 * PLAN.channels + 2 * 2 * 24 * 2 + 16 + 16
    assert MARGIN % MULTIPLE == MULTIPLE % CELL == 0


@pytest.mark.parametrize("size", [(32, 32), (48, 64), (16, 32)])
def test_pictures_keep_their_size(size: tuple[int, int]) -> None:
    x, style, _ = given()
    x = torch.rand(1, 3, *size)
    out = Painter(PLAN)(x, style, torch.randn(1, PLAN.noise, size[0] // 8, size[1] // 8))
    assert out.shape == x.shape


@pytest.mark.parametrize(("output", "low", "high"), [("sigmoid", 0, 1), ("tanh", -0.1, 1.1), ("linear", -29.5, 30.5)])
def test_the_output_has_its_range(output: str, low: float, high: float) -> None:
    painter = Painter(dataclasses.replace(PLAN, output=output))
    values = torch.linspace(-30, 30, 61)
    ended = painter.end(values)
    assert float(ended[30]) == pytest.approx(0.5)
    assert bool((ended.diff() >= 0).all())
    assert (float(ended[0]), float(ended[-1])) == pytest.approx((low, high), abs=1e-4)


def test_every_part_of_a_style_has_a_say() -> None:
    painter = Painter(PLAN)
    x, style, noise = given()
    plain = painter(x, style, noise)
    parts = {
        "gammas": slice(0, PLAN.channels), "betas": slice(PLAN.channels, 2 * PLAN.channels),
        "factors": slice(2 * PLAN.channels, -PLAN.gains), "noise": slice(-PLAN.gains, -PLAN.fine), "grain": slice(-PLAN.fine, None),
    }  # fmt: skip
    for name, part in parts.items():
        other = style.clone()
        other[:, part] *= 2
        assert not torch.allclose(painter(x, other, noise), plain, atol=1e-4), name
    still = style.clone()
    still[:, -PLAN.gains :] = 0
    assert torch.equal(painter(x, still, noise), painter(x, still, noise * 3))


def test_the_styles_of_a_batch_do_not_touch_each_other() -> None:
    painter = Painter(PLAN)
    x, style, noise = given(batch=3)
    together = painter(x, style, noise)
    for i in range(3):
        assert torch.allclose(together[i : i + 1], painter(x[i : i + 1], style[i : i + 1], noise[i : i + 1]), atol=1e-5)


def test_channels_are_mixed_by_identity_and_a_product() -> None:
    x, factors = torch.randn(2, 5, 3, 4), torch.randn(2, 2, 5, 2)
    for i in range(2):
        matrix = torch.eye(5) + factors[i, 0] @ factors[i, 1].T
        assert torch.allclose(mixed(x, factors)[i], torch.einsum("cd,dhw->chw", matrix, x[i]), atol=1e-5)


def test_scales_and_offsets_can_be_known_from_elsewhere() -> None:
    painter = Painter(PLAN)
    x, style, noise = given()
    seen: list[torch.Tensor] = []
    plain = painter(x, style, noise, seen=seen)
    affine = torch.cat(seen, 2)
    assert affine.shape == (1, 2, PLAN.channels)
    assert torch.allclose(painter(x, style, noise, affine=affine), plain, atol=1e-6)
    assert not torch.allclose(painter(x, style, noise, affine=affine * 1.2), plain, atol=1e-3)
    # the first layer's, by hand: gamma over the standard deviation, beta less the mean times that
    y = painter.convs["stem"](F.pixel_unshuffle(x, 4))
    scale = (1 + style[0, :16]) / (y.var((2, 3), correction=0)[0] + 1e-5).sqrt()
    assert torch.allclose(affine[0, 0, :16], scale, rtol=1e-4)
    assert torch.allclose(affine[0, 1, :16], style[0, PLAN.channels : PLAN.channels + 16] - y.mean((2, 3))[0] * scale, atol=1e-4)


def test_batch_normalization_learns_its_statistics_and_then_keeps_them() -> None:
    plan = dataclasses.replace(PLAN, norm="batch")
    painter = Painter(plan)
    x, style, noise = given(plan, batch=2)
    before = painter.get_buffer("mean_stem").clone()
    painter(x, style, noise)
    y = painter.convs["stem"](F.pixel_unshuffle(x, 4))
    assert torch.allclose(painter.get_buffer("mean_stem"), before + 0.01 * (y.mean((0, 2, 3)) - before), atol=1e-6)
    painter.eval()
    kept = {name: value.clone() for name, value in painter.named_buffers()}
    alone = painter(x[:1], style[:1], noise[:1])
    assert torch.allclose(painter(x, style, noise)[:1], alone, atol=1e-5)
    assert all(torch.equal(kept[name], value) for name, value in painter.named_buffers())


def by_hand(painter: Painter, x: torch.Tensor, style: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
    """The body as the page on it draws it, one picture, from functions of torch alone."""
    plan, state, at = painter.plan, painter.state_dict(), iter(range(10**6))
    gammas, betas, tail = style[0].split([plan.channels, plan.channels, plan.numbers - 2 * plan.channels])
    factors = tail[: -plan.gains].reshape(2, 2, plan.deep, plan.rank)
    coarse, fine = tail[-plan.gains :, None, None].split([plan.wide, plan.fine])
    half = plan.noise // 2

    def normal(y: torch.Tensor) -> torch.Tensor:
        own = [next(at) for _ in range(y.shape[1])]
        return F.instance_norm(y, weight=1 + gammas[own], bias=betas[own])

    def conv(name: str, y: torch.Tensor, edge: str = "constant", stride: int = 1) -> torch.Tensor:
        return F.conv2d(F.pad(y, (1, 1, 1, 1), mode=edge), state[f"convs.{name}.weight"], stride=stride)

    def matrix(i: int, y: torch.Tensor) -> torch.Tensor:
        return torch.einsum("cd,bdhw->bchw", torch.eye(plan.deep) + factors[i, 0] @ factors[i, 1].T, y)

    def twice(y: torch.Tensor) -> torch.Tensor:
        for axis in (2, 3):
            at = torch.arange(y.shape[axis])
            before, after = (y.index_select(axis, (at + step).clamp(0, len(at) - 1)) for step in (-1, 1))
            y = torch.stack((0.75 * y + 0.25 * before, 0.75 * y + 0.25 * after), axis + 1).flatten(axis, axis + 1)
        return y

    quarter = F.relu(normal(conv("stem", F.pixel_unshuffle(x, 4), "replicate")))
    y = conv("down", quarter, "replicate", 2) + coarse * F.conv2d(noise[:, :half], state["noise.weight"])
    eighth = F.relu(normal(y))
    y = matrix(0, F.relu(normal(conv("below", eighth, "replicate", 2))))
    for i in range(plan.deep_blocks):
        z = F.relu(normal(conv(f"deep{i}a", y, "replicate")))
        y = y + normal(conv(f"deep{i}b", z, "replicate"))
    y = F.relu(twice(normal(F.conv2d(matrix(1, y), state["convs.rise.weight"]))) + eighth)
    for i in range(plan.blocks):
        z = F.relu(normal(conv(f"wide{i}a", y, "replicate")))
        y = y + normal(conv(f"wide{i}b", z, "replicate"))
    grain = F.conv2d(F.pixel_shuffle(noise[:, half:], 2), state["grain.weight"], padding=1)
    y = F.relu(normal(conv("up", twice(y)) + fine * grain) + quarter)
    y = F.relu(normal(F.pixel_shuffle(conv("detail", y), 2)))
    out = F.conv2d(F.pad(y, (1, 1, 1, 1)), state["out.weight"], state["out.bias"])
    return torch.sigmoid(F.pixel_shuffle(out, 2))


def test_the_body_is_what_is_drawn_of_it() -> None:
    plan = dataclasses.replace(PLAN, blocks=2, deep_blocks=2)
    painter = Painter(plan)
    x, style, noise = given(plan, 64)
    with torch.no_grad():
        assert torch.allclose(painter(x, style, noise), by_hand(painter, x, style, noise), atol=1e-5)


def test_a_flat_photo_is_not_framed() -> None:
    """What is painted has the period of the coarsest cells, up to where the margin begins: borders are repeated, and the zeros of the last
    three convolutions fall on the margin."""
    painter = Painter(dataclasses.replace(PLAN, blocks=2, deep_blocks=3))
    style, side = 0.05 * torch.randn(1, painter.plan.numbers), 160
    noise = torch.zeros(1, painter.plan.noise, side // CELL, side // CELL)
    statistics: list[torch.Tensor] = []
    painter(torch.rand(1, 3, side, side), style, noise, seen=statistics)  # a flat photo's own would make much of rounding
    affine = torch.cat(statistics, 2)

    def framed(name: str, padding: str) -> float:
        conv = painter.convs[name]
        assert isinstance(conv, torch.nn.Conv2d)
        conv.padding_mode, conv._reversed_padding_repeated_twice = padding, [1, 1, 1, 1]  # type: ignore[assignment]
        flat = torch.tensor([0.6, 0.5, 0.4]).view(1, 3, 1, 1).expand(1, 3, side, side)
        with torch.no_grad():
            inside = painter(flat, style, noise, affine=affine)[:, :, MARGIN:-MARGIN, MARGIN:-MARGIN]
        cells = inside.unfold(2, MULTIPLE, MULTIPLE).unfold(3, MULTIPLE, MULTIPLE)
        return float((cells - cells[:, :, 4:5, 4:5]).abs().max())

    for name in ("stem", "down", "below", "deep1a", "wide0a"):
        assert framed(name, "zeros") > 1e-3, name
        assert framed(name, "replicate") < 1e-6, name


@pytest.mark.parametrize("changed", [{}, {"blocks": 2, "deep_blocks": 2}, {"blocks": 0, "deep_blocks": 0}, {"seen": (5, 6)}], ids=str)
def test_a_window_depends_on_what_it_sees_and_on_no_less(changed: dict[str, Any]) -> None:
    """Weights over 0 throughout, and average pooling, so that nothing hides what a pixel depends on."""
    plan = dataclasses.replace(PLAN, output="linear", **changed)
    painter = Painter(plan).double()
    for weight in painter.parameters():
        weight.data.abs_()
    reach = plan.reach
    left, right = MULTIPLE * (reach // MULTIPLE + 2), MULTIPLE * (reach // MULTIPLE + 4)
    x = torch.rand(1, 3, 32, left + right, dtype=torch.float64, requires_grad=True)
    features = None
    if plan.seen:
        widths = (3, 4, 4, 4, 4, 5, 5, 5, 5, 6)
        eye = {
            name: (torch.rand(c, b, 3, 3).double(), torch.zeros(c).double()) for name, b, c in zip(CONVS, widths, widths[1:], strict=False)
        }
        found = activations(eye, F.avg_pool2d(x, 2), ("conv3_1", "conv4_1"), "average")
        features = found["conv3_1"], found["conv4_1"]
    noise = torch.zeros(1, plan.noise, 32 // CELL, x.shape[3] // CELL).double()
    affine = torch.stack((torch.ones(1, plan.channels), torch.zeros(1, plan.channels)), 1).double()
    style = torch.zeros(1, plan.numbers).double()
    torch.autograd.backward(painter(x, style, noise, features, affine=affine)[..., left:right].sum())
    assert x.grad is not None
    columns = x.grad.abs().sum((0, 1, 2)).nonzero().flatten()
    assert left - int(columns[0]) == reach
    assert reach - MULTIPLE < int(columns[-1]) + 1 - right <= reach


def test_the_photos_features_are_taken_in() -> None:
    plan = dataclasses.replace(PLAN, seen=(6, 8))
    painter = Painter(plan)
    x, style, noise = given(plan)
    features = torch.rand(1, 6, 4, 4), torch.rand(1, 8, 2, 2)
    plain = painter(x, style, noise, features)
    for i in range(2):
        other = tuple(f * (2 if at == i else 1) for at, f in enumerate(features))
        assert not torch.allclose(painter(x, style, noise, other), plain, atol=1e-4)


def test_a_reader_starts_near_no_style_and_knows_what_it_reads() -> None:
    channels = {"conv1_1": 4, "conv2_1": 40}
    reader = Reader(PLAN, channels)
    rng = np.random.default_rng(0)
    features = {name: torch.from_numpy(rng.standard_normal((2, c, 50), np.float32)) for name, c in channels.items()}
    grams = {name: f @ f.transpose(1, 2) / 50 for name, f in features.items()}
    numbers = reader(grams).detach()
    assert numbers.shape == (2, PLAN.numbers)
    assert not torch.allclose(numbers[0], numbers[1], atol=1e-4)
    assert float(numbers[:, : 2 * PLAN.channels].abs().max()) < 0.2
    first, second = numbers[:, 2 * PLAN.channels : -PLAN.gains].unflatten(1, (2, 2, PLAN.deep, PLAN.rank)).unbind(2)
    assert float(first.abs().max()) < 0.2 < float(second.abs().max())  # so that products are about 0, and their gradients are not
    assert numbers[:, -PLAN.gains :].mean().item() == pytest.approx(0.1, abs=0.05)
    alone = reader({name: gram[:1] for name, gram in grams.items()})
    assert torch.allclose(alone, numbers[:1], atol=1e-6)


def test_a_larger_reader_begins_by_reading_as_a_smaller_one_and_learns_with_all_of_it() -> None:
    channels = {"conv1_1": 4, "conv2_1": 40}
    torch.manual_seed(0)
    small, large, other = (Reader(PLAN, channels, hidden=h, code=c) for h, c in ((12, 6), (20, 10), (20, 4)))
    for parameter in small.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    grams = {name: torch.eye(c).expand(2, c, c) * torch.rand(2, 1, c) for name, c in channels.items()}
    before = other(grams).detach()
    assert large.begin(small.state_dict())
    assert torch.allclose(large(grams), small(grams), atol=1e-5)
    assert not small.begin(large.state_dict())
    assert not other.begin(small.state_dict())  # its code is shorter
    assert torch.equal(other(grams), before)
    large(grams).square().sum().backward()
    assert float(large.numbers.weight.grad[:, 6:].abs().max()) > 0  # type: ignore[index]
    assert float(large.hidden[3].weight.grad[:6, 12:].abs().max()) > 0  # type: ignore[index, union-attr]


@pytest.mark.parametrize("relu", [False, True])
def test_the_normalization_by_hand_is_the_plain_one(relu: bool) -> None:
    x = torch.randn(2, 5, 6, 7).contiguous(memory_format=torch.channels_last).requires_grad_()
    gamma, beta, weight = torch.randn(2, 5, requires_grad=True), torch.randn(2, 5, requires_grad=True), torch.randn(2, 5, 6, 7)
    variance, mean = torch.var_mean(x, (2, 3), correction=0, keepdim=True)
    plain = (x - mean) * (variance + EPSILON).rsqrt() * gamma[..., None, None] + beta[..., None, None]
    plain = plain.relu() if relu else plain
    made = Normed.apply(x, gamma, beta, relu)
    torch.testing.assert_close(made, plain, atol=1e-5, rtol=1e-5)
    wanted = torch.autograd.grad((plain * weight).sum(), (x, gamma, beta))
    torch.testing.assert_close(torch.autograd.grad((made * weight).sum(), (x, gamma, beta)), wanted, atol=1e-5, rtol=1e-4)
