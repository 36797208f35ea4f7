"""The network that paints, and the one that reads: what their numbers mean."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from atelier.training.painter import MARGIN, MULTIPLE, Painter, Plan, Reader, mixed

PLAN = Plan(fine=16, wide=16, half=16, blocks=1, rank=2)


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)
    torch.set_num_threads(1)


def given(plan: Plan = PLAN, size: int = 32, batch: int = 1) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Pictures, styles, noise."""
    return (
        torch.rand(batch, 3, size, size),
        torch.randn(batch, plan.numbers) * 0.2,
        torch.randn(batch, plan.noise, size // MULTIPLE, size // MULTIPLE),
    )


def test_a_style_is_as_many_numbers_as_its_parts() -> None:
    # stem, down, wide0a, wide0b, up, detail are all 16 wide; two places with two factors 16 x 2 each; noise for 16 channels
    assert PLAN.channels == 6 * 16
    assert PLAN.numbers == 2 * 6 * 16 + 2 * 2 * 16 * 2 + 16
    assert MARGIN % MULTIPLE == 0


@pytest.mark.parametrize("size", [(32, 32), (40, 64), (8, 16)])
def test_pictures_keep_their_size(size: tuple[int, int]) -> None:
    x, style, _ = given()
    x = torch.rand(1, 3, *size)
    out = Painter(PLAN)(x, style, torch.randn(1, 4, size[0] // 8, size[1] // 8))
    assert out.shape == x.shape


@pytest.mark.parametrize(("output", "low", "high"), [("sigmoid", 0, 1), ("tanh", -0.1, 1.1), ("linear", -29.5, 30.5)])
def test_the_output_has_its_range(output: str, low: float, high: float) -> None:
    painter = Painter(dataclasses.replace(PLAN, output=output))
    values = torch.linspace(-30, 30, 61)
    ended = painter.ended(values)
    assert float(ended[30]) == pytest.approx(0.5)
    assert bool((ended.diff() >= 0).all())
    assert (float(ended[0]), float(ended[-1])) == pytest.approx((low, high), abs=1e-4)


def test_every_part_of_a_style_has_a_say() -> None:
    painter = Painter(PLAN)
    x, style, noise = given()
    plain = painter(x, style, noise)
    parts = {
        "gammas": slice(0, PLAN.channels), "betas": slice(PLAN.channels, 2 * PLAN.channels),
        "factors": slice(2 * PLAN.channels, -PLAN.wide), "noise": slice(-PLAN.wide, None),
    }  # fmt: skip
    for name, part in parts.items():
        other = style.clone()
        other[:, part] *= 2
        assert not torch.allclose(painter(x, other, noise), plain, atol=1e-4), name
    still = style.clone()
    still[:, -PLAN.wide :] = 0
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


def test_batch_normalisation_learns_its_statistics_and_then_keeps_them() -> None:
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


def test_the_photos_features_are_taken_in() -> None:
    plan = dataclasses.replace(PLAN, seen=(6, 8))
    painter = Painter(plan)
    x, style, noise = given(plan)
    features = torch.rand(1, 6, 8, 8), torch.rand(1, 8, 4, 4)
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
    first, second = numbers[:, 2 * PLAN.channels : -PLAN.wide].unflatten(1, (2, 2, PLAN.wide, PLAN.rank)).unbind(2)
    assert float(first.abs().max()) < 0.2 < float(second.abs().max())  # so that products are about 0, and their gradients are not
    assert numbers[:, -PLAN.wide :].mean().item() == pytest.approx(0.1, abs=0.05)
    alone = reader({name: gram[:1] for name, gram in grams.items()})
    assert torch.allclose(alone, numbers[:1], atol=1e-6)
