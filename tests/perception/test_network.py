"""The networks' plan, checked against a slow one in NumPy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
import torch
from numpy.lib.stride_tricks import sliding_window_view
from torch import Tensor

from atelier.errors import SettingError, WeightsError
from atelier.losses import correlation
from atelier.perception.bands import Sum
from atelier.perception.convention import LAYERS
from atelier.perception.network import CONVS, TEACHER_CHANNELS, Network, activations, fastest, layer_name, normalize, pool
from atelier.perception.weights import load


def pixels(width: int, height: int, seed: int = 0) -> Tensor:
    return torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(seed))


def by_hand(net: str, picture: np.ndarray, pooling: str) -> dict[str, np.ndarray]:
    """All features (C, H, W) of a picture (3, H, W) in [0, 1]: its border repeated once, deeper layers padded with zeros."""
    weights = load(net)
    x = picture.astype(np.float64) * 255 - np.array(weights.mean)[:, None, None]
    out, block = {}, "1"
    for layer in LAYERS:
        if layer[4] != block:
            block, (c, h, w) = layer[4], x.shape
            cells = x[:, : h // 2 * 2, : w // 2 * 2].reshape(c, h // 2, 2, w // 2, 2)
            x = {
                "max": lambda cells: cells.max((2, 4)),
                "average": lambda cells: 2 * cells.mean((2, 4)),
                "l2": lambda cells: 0.78 * np.sqrt(np.maximum((cells**2).sum((2, 4)), 1e-8)),
            }[pooling](cells)
        padded = np.pad(x, ((0, 0), (1, 1), (1, 1)), mode="edge" if layer == "conv1_1" else "constant")
        weight, bias = weights.layers[layer]
        windows = sliding_window_view(padded, (3, 3), (1, 2))
        x = np.maximum(np.einsum("oiyx,ihwyx->ohw", weight.astype(np.float64), windows) + bias[:, None, None], 0)
        out[layer] = x
    return out


@pytest.mark.parametrize("pooling", ["max", "average", "l2"])
def test_every_layer_is_what_numpy_makes_of_it(net: str, pooling: str) -> None:
    picture = pixels(37, 22)
    seen = Network.load(net, dtype=torch.float32).see(picture, CONVS, pooling)
    expected = by_hand(net, picture[0].numpy(), pooling)
    assert tuple(seen) == CONVS == LAYERS
    for layer, f in seen.items():
        assert np.allclose(f[0], expected[layer], rtol=1e-4, atol=1e-4 * expected[layer].max()), layer


@pytest.mark.parametrize(
    ("name", "canonical"),
    [
        ("conv4_2", "conv4_2"), ("block4_conv2", "conv4_2"), ("relu4_2", "conv4_2"), ("CONV1_1", "conv1_1"),
        ("Block5_Conv1", "conv5_1"), (" relu3_4 ", "conv3_4"),
    ],
)  # fmt: skip
def test_layers_go_by_the_fields_names(name: str, canonical: str) -> None:
    assert layer_name(name) == canonical


@pytest.mark.parametrize("name", ["conv5_2", "conv1_3", "conv0_1", "conv6_1", "fc7", "", "conv4", "conv4_22", "block4_2", "conv4_conv2"])
def test_other_layers_are_refused_by_name(name: str) -> None:
    with pytest.raises(SettingError, match=r"no layer .*conv1_1, .*conv5_1"):
        layer_name(name)


def test_pooling_by_hand() -> None:
    x = torch.tensor([[1.0, 2, 9], [3, 4, 9], [9, 9, 9]])[None, None]
    assert pool(x, "max").tolist() == [[[[4.0]]]]
    assert pool(x, "average").tolist() == [[[[5.0]]]]
    assert pool(x, "l2").item() == pytest.approx(0.78 * np.sqrt(30))
    with pytest.raises(SettingError, match="max, average or l2"):
        pool(x, "median")


def test_l2_pooling_of_nothing_has_a_gradient() -> None:
    x = torch.zeros(1, 1, 2, 2, requires_grad=True)
    pool(x, "l2").sum().backward()
    assert x.grad is not None
    assert bool(torch.isfinite(x.grad).all())


def test_a_picture_of_one_color_has_no_edge_in_conv1_1(net: str) -> None:
    """The border is repeated, so the frame of the picture is no feature of it; only deeper layers see zeros beyond."""
    network = Network.load(net, dtype=torch.float32)
    color = torch.tensor([0.9, 0.2, 0.5]).view(1, 3, 1, 1).expand(1, 3, 12, 12)
    seen = network.see(color, ("conv1_1", "conv1_2"))
    first, second = seen["conv1_1"][0], seen["conv1_2"][0]
    assert torch.allclose(first, first[:, :1, :1].expand_as(first), rtol=1e-5)
    inside = second[:, 1:-1, 1:-1]
    assert torch.allclose(inside, inside[:, :1, :1].expand_as(inside), rtol=1e-5)
    assert not torch.allclose(second[:, 0], second[:, 1], rtol=1e-2)
    # Zero padding, which the plan alone does, sees a frame.
    framed = activations(network.weights, normalize(color), ("conv1_1",))["conv1_1"][0]
    assert torch.allclose(framed[:, 1:-1, 1:-1], first[:, 1:-1, 1:-1], rtol=1e-4, atol=1e-3)
    assert not torch.allclose(framed[:, 0], framed[:, 1], rtol=1e-2)


def test_seeing_is_differentiable_and_leaves_the_picture_alone(net: str) -> None:
    x = pixels(16, 16).requires_grad_()
    before = x.detach().clone()
    Network.load(net, dtype=torch.float32).see(x, ("conv5_1",))["conv5_1"].sum().backward()
    assert x.grad is not None
    assert float(x.grad.abs().sum()) > 0
    assert torch.equal(x.detach(), before)


def test_only_what_is_asked_for_is_kept(net: str) -> None:
    assert set(Network.load(net).see(pixels(8, 8), ("conv2_2", "conv1_2"))) == {"conv1_2", "conv2_2"}


@pytest.mark.parametrize(("layer", "need"), [("conv1_2", 1), ("conv2_1", 2), ("conv4_4", 8), ("conv5_1", 16)])
def test_a_picture_must_have_a_cell_of_the_deepest_layer(net: str, layer: str, need: int) -> None:
    network = Network.load(net, dtype=torch.float32)
    assert network.see(pixels(need + 3, need), ("conv1_1", layer))[layer].shape[2] == 1
    if need > 1:
        with pytest.raises(SettingError, match=f"{layer} needs a picture of at least {need} px a side, not 64x{need - 1}"):
            network.see(pixels(64, need - 1), ("conv1_1", layer))


def test_types(net: str) -> None:
    network = Network.load(net, dtype=torch.bfloat16)
    assert network.dtype == torch.bfloat16
    assert network.see(pixels(8, 8), ("conv1_1",))["conv1_1"].dtype == torch.bfloat16
    assert network.mean.dtype == torch.float32  # subtracted before anything is rounded
    assert Network.load(net).dtype == fastest("cpu")
    assert fastest("cpu") in (torch.bfloat16, torch.float32)
    assert fastest("mps") == torch.float32


def test_bfloat16_sees_much_the_same(net: str) -> None:
    a, b = (Network.load(net, dtype=dtype).see(pixels(32, 32), CONVS) for dtype in (torch.float32, torch.bfloat16))
    for layer in CONVS:
        assert float((a[layer] - b[layer].float()).norm() / a[layer].norm()) < 0.03, layer


def test_channels_are_the_files_own_or_the_teachers(net: str, tmp_path: Path, make_net: Callable[..., Path]) -> None:
    plain = Network.load(net)
    assert plain.metric == {}
    assert plain.channels["conv1_1"] == 4
    student = Network.load(str(make_net(tmp_path / "student.safetensors", metrics=("conv1_1", "conv4_2"))))
    assert set(student.metric) == {"conv1_1", "conv4_2"}
    assert student.metric["conv4_2"].dtype == torch.float32
    assert student.channels == TEACHER_CHANNELS


def test_the_files_mean_is_subtracted(tmp_path: Path, make_net: Callable[..., Path]) -> None:
    a = Network.load(str(make_net(tmp_path / "a.safetensors", mean="0,0,0")), dtype=torch.float32)
    b = Network.load(str(make_net(tmp_path / "b.safetensors", mean="51,51,51")), dtype=torch.float32)
    x = pixels(8, 8) * 0.7
    assert torch.allclose(a.see(x, ("conv1_2",))["conv1_2"], b.see(x + 0.2, ("conv1_2",))["conv1_2"], rtol=1e-3, atol=1e-2)


def test_weights_that_are_not_there() -> None:
    with pytest.raises(WeightsError):
        Network.load("no/such/net.safetensors")


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("pooling", ["max", "average"])
def test_large_layers_are_pooled_alike_in_less_memory(pooling: str, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last layers of blocks, which nobody asks for, are pooled without being kept: the same values and slopes, to the last bit."""
    net = Network.load("pocket", dtype=dtype)
    x = torch.rand(1, 3, 45, 38, generator=torch.Generator().manual_seed(3))

    def seen() -> list[torch.Tensor]:
        pixels = x.clone().requires_grad_()
        found = net.see(pixels, ("conv1_1", "conv2_2", "conv4_1"), pooling)
        (slope,) = torch.autograd.grad(sum(((f * f).float().sum() for f in found.values()), torch.zeros(())), pixels)
        return [*found.values(), slope]

    plain = seen()
    for name in ("LARGE", "POOLED"):
        monkeypatch.setattr(f"atelier.perception.network.{name}", 0)
    assert all(torch.equal(a, b) for a, b in zip(plain, seen(), strict=True))


def test_sums_come_in_place_of_layers_and_lead_back_to_the_same_slopes() -> None:
    net = Network.load("pocket", dtype=torch.float32)
    x = torch.rand(1, 3, 45, 38, generator=torch.Generator().manual_seed(3))
    names = ("conv1_1", "conv2_1", "conv3_2", "conv5_1")
    sums = {name: Sum(correlation, slice(1, None), slice(None)) for name in names if name != "conv3_2"}

    def seen(sums: dict[str, Sum]) -> list[torch.Tensor]:
        pixels = x.clone().requires_grad_()
        found = net.see(pixels, names, sums=sums)
        values = [found[name] if name in sums or name == "conv3_2" else correlation(found[name][:, :, 1:]) for name in names]
        (slope,) = torch.autograd.grad(sum(((v / v.detach().norm()).square().sum() for v in values), torch.zeros(())), pixels)
        return [*values, slope]

    for one, other in zip(seen(sums), seen({}), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5 * float(other.detach().abs().max()))


@pytest.mark.parametrize("given", ["AVX2", "avx512_core", "AVX512_CORE_VNNI", "SSE41"])
@pytest.mark.parametrize("name", ["ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA"])
def test_where_convolutions_may_not_use_bfloat16_nothing_does(name: str, given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, given)
    assert fastest("cpu") == torch.float32


@pytest.mark.parametrize("given", ["", "DEFAULT", "ALL", "AVX512_CORE_BF16", "AVX512_CORE_AMX"])
def test_bfloat16_is_for_processors_that_have_it(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", given)
    monkeypatch.setattr("torch.cpu._is_avx512_bf16_supported", lambda: True, raising=False)
    assert fastest("cpu") == torch.bfloat16


@pytest.mark.parametrize("bands", [False, True])
def test_kernels_of_a_file_of_16_bits_are_kept_so_and_see_alike(bands: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng, tensors, inputs = np.random.default_rng(0), {}, 3
    for name, width in TEACHER_CHANNELS.items():
        width = min(width, 96)
        tensors[f"{name}.weight"] = (rng.standard_normal((width, inputs, 3, 3)) * (2 / (9 * inputs)) ** 0.5).astype(np.float16)
        tensors[f"{name}.bias"], inputs = np.zeros(width, np.float16), width
    safetensors.numpy.save_file(tensors, tmp_path / "half.safetensors")
    safetensors.numpy.save_file({name: each.astype(np.float32) for name, each in tensors.items()}, tmp_path / "full.safetensors")
    monkeypatch.setattr("atelier.perception.network.HALVED", 96 * 96 * 9)
    half, full = (Network.load(str(tmp_path / f"{name}.safetensors"), dtype=torch.float32) for name in ("half", "full"))
    assert {half.weights[name][0].dtype for name in ("conv1_2", "conv5_1")} == {torch.float32, torch.float16}
    assert half.dtype == torch.float32

    if bands:
        for name in ("LARGE", "POOLED"):
            monkeypatch.setattr(f"atelier.perception.network.{name}", 0)

    def seen(net: Network) -> tuple[torch.Tensor, torch.Tensor]:
        pixels = torch.rand(1, 3, 96, 80, generator=torch.Generator().manual_seed(0)).requires_grad_()
        found = net.see(pixels, ("conv5_1",))["conv5_1"]
        return found, torch.autograd.grad(found.square().sum(), pixels)[0]

    for one, other in zip(seen(half), seen(full), strict=True):
        assert torch.equal(one, other)
