"""Losses against the papers' closed forms, against finite differences and against what SciPy says."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import scipy.linalg
import torch
from torch import Tensor
from torch.autograd import gradcheck

from atelier import losses

N, H, W = 4, 3, 5
M = H * W


def features(seed: int = 0, channels: int = N, height: int = H, width: int = W, batch: int = 1) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(batch, channels, height, width, generator=generator, dtype=torch.float64)


def flat(f: Tensor) -> np.ndarray:
    """(1, C, H, W) to the paper's F, (N, M)."""
    return f[0].flatten(1).numpy()


@pytest.fixture
def double(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything in double precision: what is left out is only the rounding of statistics to float32."""
    monkeypatch.setattr(Tensor, "float", lambda self: self)


# Statistics -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shift", [0.0, 1.0, -0.7])
def test_correlation_and_gram_are_sums_and_means_over_positions(shift: float) -> None:
    f = features(batch=2)
    for b in range(2):
        centered = f[b].flatten(1).numpy() - shift
        assert np.allclose(losses.correlation(f, shift)[b], centered @ centered.T, rtol=1e-5, atol=1e-5)
        assert np.allclose(losses.gram(f, shift)[b], centered @ centered.T / M, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("shift", [0.0, 1.0])
def test_the_correlations_own_backward_is_autograds(shift: float, layout: torch.memory_format) -> None:
    ours, plain = (features(batch=2).float().contiguous(memory_format=layout).requires_grad_() for _ in range(2))
    weights = torch.randn(2, N, N, generator=torch.Generator().manual_seed(3))  # of no symmetry
    (losses.correlation(ours, shift) * weights).sum().backward()
    centered = (plain - shift).flatten(2)
    (centered @ centered.transpose(1, 2) * weights).sum().backward()
    assert torch.allclose(ours.grad, plain.grad, rtol=1e-5, atol=1e-5)


def test_the_correlation_of_bfloat16_is_float32_and_its_gradient_bfloat16() -> None:
    f = features().bfloat16().requires_grad_()
    result = losses.correlation(f)
    assert result.dtype == torch.float32
    result.sum().backward()
    assert f.grad is not None
    assert f.grad.dtype == torch.bfloat16


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last], ids=str)
def test_a_large_correlation_on_one_thread_ends_no_process(layout: torch.memory_format) -> None:
    """Of just this size oneDNN divides by zero, with channels first, where a processor has AMX."""
    program = (
        "import torch; from atelier import losses\n"
        "torch.set_num_threads(1)\n"
        f"x = torch.ones(1, 16, 256, 384, dtype=torch.bfloat16).contiguous(memory_format={layout})\n"
        "print(float(losses.gram(x).sum()))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "256.0"), done.stderr


@pytest.mark.parametrize("shift", [0.0, 1.0])
@pytest.mark.parametrize(("height", "width"), [(4, 6), (5, 7)])
def test_chained_is_the_loop_it_stands_for(shift: float, height: int, width: int) -> None:
    """Each position of the shallow layer meets the cell of the deep one that was pooled from it."""
    shallow, deep = features(0, 3, height, width), features(1, 5, height // 2, width // 2)
    expected = np.zeros((3, 5))
    for y in range(height):
        for x in range(width):
            below = deep[0, :, min(y // 2, height // 2 - 1), min(x // 2, width // 2 - 1)].numpy()
            expected += np.outer(shallow[0, :, y, x].numpy() - shift, below - shift)
    assert np.allclose(losses.chained(shallow, deep, 2, shift)[0], expected, rtol=1e-5, atol=1e-5)


def test_chained_over_two_poolings() -> None:
    shallow, deep = features(0, 3, 11, 9), features(1, 5, 2, 2)
    whole = deep.numpy()[0][:, np.minimum(np.arange(11) // 4, 1)][:, :, np.minimum(np.arange(9) // 4, 1)]
    expected = flat(shallow) @ whole.reshape(5, -1).T
    assert np.allclose(losses.chained(shallow, deep, 4)[0], expected, rtol=1e-5, atol=1e-5)


def test_chained_layers_of_one_size_meet_position_by_position() -> None:
    a, b = features(0, 3), features(1, 5)
    assert np.allclose(losses.chained(a, b, 1)[0], flat(a) @ flat(b).T, rtol=1e-5, atol=1e-5)


def test_in_metric_is_the_statistic_of_the_mapped_features() -> None:
    f, g = features(0), features(1, 6)
    generator = torch.Generator().manual_seed(5)
    left, right = (torch.randn(7, c, generator=generator, dtype=torch.float64) for c in (N, 6))
    mapped = torch.einsum("ij,bjhw->bihw", left, f)
    assert torch.allclose(losses.in_metric(losses.gram(f).double(), left, left), losses.gram(mapped).double(), rtol=1e-5, atol=1e-5)
    both = losses.in_metric(losses.chained(f, g, 1).double(), left, right)
    assert torch.allclose(both, losses.chained(mapped, torch.einsum("ij,bjhw->bihw", right, g), 1).double(), rtol=1e-5, atol=1e-4)
    assert torch.equal(losses.in_metric(losses.gram(f), None), losses.gram(f))


def test_moments_are_mean_and_covariance() -> None:
    f = features()
    mean, covariance = losses.moments(losses.correlation(f), f.sum((2, 3)), M)
    assert np.allclose(mean[0], flat(f).mean(1))
    assert np.allclose(covariance[0], np.cov(flat(f), bias=True), atol=1e-6)


def test_symmetric_root() -> None:
    f = features()
    matrix = f.flatten(2) @ f.flatten(2).transpose(1, 2)
    root = losses.symmetric_root(matrix)
    assert torch.allclose(root @ root, matrix)
    assert torch.allclose(root, root.transpose(1, 2))
    assert np.allclose(root[0], scipy.linalg.sqrtm(matrix[0].numpy()))
    # What rounding puts below zero counts as zero.
    assert torch.allclose(losses.symmetric_root(torch.diag(torch.tensor([4.0, -1e-6, 0.0]))[None])[0].diagonal(), torch.tensor([2.0, 0, 0]))


# Gatys' losses --------------------------------------------------------------------------------------------------------


def test_content_loss_and_its_gradient() -> None:
    f, p = features(0).requires_grad_(), features(1)
    loss = losses.content_loss(f, p)
    assert float(loss.detach()) == pytest.approx(0.5 * ((f.detach() - p) ** 2).sum().item(), rel=1e-6)
    loss.backward()
    assert torch.allclose(f.grad, f.detach() - p, atol=1e-6)


def test_content_loss_in_a_metric() -> None:
    f, p = features(0), features(1)
    metric = torch.randn(6, N, generator=torch.Generator().manual_seed(2))
    expected = 0.5 * ((metric.double().numpy() @ (flat(f) - flat(p))) ** 2).sum()
    assert float(losses.content_loss(f, p, metric)) == pytest.approx(expected, rel=1e-5)


def test_style_loss_and_its_gradient() -> None:
    """Gatys et al. 2016, eq. 4 and 6, with their Grams, sums over positions. Float32 holds the statistics, double the features."""
    f, target = features(0).requires_grad_(), features(1)
    loss = losses.gram_loss(losses.gram(f), losses.gram(target))
    F, P = flat(f.detach()), flat(target)
    G, A = F @ F.T, P @ P.T
    assert float(loss.detach()) == pytest.approx(((G - A) ** 2).sum() / (4 * N**2 * M**2), rel=1e-5)
    loss.backward()
    expected = (F.T @ (G - A)).T / (N**2 * M**2)
    assert np.allclose(flat(f.grad), expected, rtol=1e-4, atol=1e-6 * np.abs(expected).max())


def test_gram_loss_of_pictures_of_different_sizes_compares_means() -> None:
    small = features(0, height=2, width=2)
    large = small.repeat(1, 1, 3, 5)
    assert float(losses.gram_loss(losses.gram(small), losses.gram(large))) == pytest.approx(0, abs=1e-9)


def test_gram_loss_with_other_channels_divides_by_those() -> None:
    g, a = losses.gram(features(0)), losses.gram(features(1))
    assert float(losses.gram_loss(g, a, 64)) == pytest.approx(float(losses.gram_loss(g, a)) * N**2 / 64**2, rel=1e-6)


# Other losses ---------------------------------------------------------------------------------------------------------


def gaussian(seed: int, n: int = 5) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    root = rng.standard_normal((n, n + 2))
    return rng.standard_normal(n), root @ root.T / n


def batched(*arrays: np.ndarray) -> list[Tensor]:
    return [torch.from_numpy(np.asarray(a, np.float64))[None] for a in arrays]


def test_moments_loss() -> None:
    (m, c), (tm, tc) = gaussian(0), gaussian(1)
    expected = ((m - tm) ** 2).sum() / 5 + ((c - tc) ** 2).sum() / 25
    assert float(losses.moments_loss(*batched(m, c, tm, tc))) == pytest.approx(expected)
    assert float(losses.moments_loss(*batched(m, c, m, c))) == 0
    by_64 = ((m - tm) ** 2).sum() / 64 + ((c - tc) ** 2).sum() / 64**2
    assert float(losses.moments_loss(*batched(m, c, tm, tc), 64)) == pytest.approx(by_64)


def test_wasserstein_is_what_scipy_says() -> None:
    (m, c), (tm, tc) = gaussian(0), gaussian(1)
    root = scipy.linalg.sqrtm(tc)
    expected = ((m - tm) ** 2).sum() + np.trace(c + tc - 2 * scipy.linalg.sqrtm(root @ c @ root).real)
    mean, covariance, target_mean, target = batched(m, c, tm, tc)
    got = losses.wasserstein_loss(mean, covariance, target_mean, losses.symmetric_root(target))
    assert float(got) == pytest.approx(expected / 5, rel=1e-4)
    by_64 = losses.wasserstein_loss(mean, covariance, target_mean, losses.symmetric_root(target), 64)
    assert float(by_64) == pytest.approx(expected / 64, rel=1e-4)


def test_wasserstein_of_equals_is_zero_and_flat() -> None:
    m, c = gaussian(3)
    mean, covariance = (t.requires_grad_() for t in batched(m, c))
    loss = losses.wasserstein_loss(mean, covariance, *batched(m), losses.symmetric_root(*batched(c)))
    loss.backward()
    assert float(loss.detach()) == pytest.approx(0, abs=1e-4 * np.trace(c))
    assert covariance.grad is not None
    assert float(covariance.grad.abs().max()) < 1e-2


@pytest.mark.parametrize(("mu", "sigma", "target_mu", "target_sigma"), [(0.0, 1.0, 0.0, 3.0), (2.0, 0.5, -1.0, 0.5), (1.0, 2.0, 4.0, 0.1)])
def test_wasserstein_in_one_dimension(mu: float, sigma: float, target_mu: float, target_sigma: float) -> None:
    def column(value: float, *shape: int) -> Tensor:
        return torch.full(shape, value, dtype=torch.float64)

    got = losses.wasserstein_loss(column(mu, 1, 1), column(sigma**2, 1, 1, 1), column(target_mu, 1, 1), column(target_sigma, 1, 1, 1))
    assert float(got) == pytest.approx((mu - target_mu) ** 2 + (sigma - target_sigma) ** 2, rel=1e-3)


def test_wasserstein_of_a_flat_picture_has_a_finite_gradient() -> None:
    """Covariances without rank: eigenvalues of zero, all the same."""
    f = torch.full((1, N, H, W), 0.5, requires_grad=True)
    mean, covariance = losses.moments(losses.correlation(f), f.sum((2, 3)), M)
    target = losses.symmetric_root(torch.diag(torch.tensor([1.0, 0.0, 0.0, 2.0]))[None])
    losses.wasserstein_loss(mean, covariance, torch.zeros(1, N), target).backward()
    assert f.grad is not None
    assert bool(torch.isfinite(f.grad).all())


def test_quantiles_are_numpys() -> None:
    f = features(height=7, width=9)
    expected = np.quantile(flat(f), np.linspace(0, 1, 33), axis=1).T
    assert np.allclose(losses.quantiles(f, 33)[0], expected, atol=1e-6)


def test_histogram_of_a_shuffled_copy_is_matched() -> None:
    f = features(height=16, width=16).float()
    shuffled = f.flatten(2)[:, :, torch.randperm(256, generator=torch.Generator().manual_seed(0))].reshape(f.shape)
    assert float(losses.histogram_loss(shuffled, losses.quantiles(f))) == pytest.approx(0, abs=1e-10)


def test_histogram_loss_is_the_distance_of_the_sorted() -> None:
    f, p = features(0, height=16, width=16), features(1, height=16, width=16)
    expected = ((np.sort(flat(f), axis=1) - np.sort(flat(p), axis=1)) ** 2).mean()
    assert float(losses.histogram_loss(f, losses.quantiles(p))) == pytest.approx(expected, rel=1e-5)


def test_histogram_loss_moves_each_channel_to_its_own_target() -> None:
    """One step of size M N / 2 of gradient descent is the remapping itself."""
    f, p = features(0, height=16, width=16).float().requires_grad_(), features(1, height=16, width=16)
    losses.histogram_loss(f, losses.quantiles(p)).backward()
    moved = f.detach() - f.grad * f.numel() / 2
    assert np.allclose(np.sort(flat(moved), axis=1), np.sort(flat(p), axis=1), atol=1e-4)
    assert np.array_equal(flat(moved).argsort(axis=1), flat(f.detach()).argsort(axis=1))


def test_total_variation_by_hand() -> None:
    pixels = torch.tensor([[0.0, 1.0], [3.0, 7.0]]).reshape(1, 1, 2, 2)
    assert float(losses.total_variation(pixels)) == (9 + 36 + 1 + 16) / 4
    assert float(losses.total_variation(pixels, "squared")) == (9 + 36 + 1 + 16) / 4
    assert float(losses.total_variation(pixels, "absolute")) == (3 + 6 + 1 + 4) / 4
    assert float(losses.total_variation(pixels.repeat(1, 3, 1, 1))) == 3 * (9 + 36 + 1 + 16) / 4
    assert float(losses.total_variation(torch.ones(1, 3, 1, 1))) == 0


# Finite differences ---------------------------------------------------------------------------------------------------


def of_moments(loss: str) -> object:
    target = features(9)
    mean, covariance = losses.moments(losses.correlation(target), target.sum((2, 3)), M)
    mean, covariance = mean.double(), covariance.double()

    def through(f: Tensor) -> Tensor:
        ours = losses.moments(losses.correlation(f), f.sum((2, 3)), M)
        if loss == "moments":
            return losses.moments_loss(*ours, mean, covariance)
        return losses.wasserstein_loss(*ours, mean, losses.symmetric_root(covariance))

    return through


CHECKED = {
    "correlation": lambda f: losses.correlation(f),
    "correlation, shifted": lambda f: losses.correlation(f, 0.7),
    "gram": lambda f: losses.gram_loss(losses.gram(f), losses.gram(features(9))),
    "gram, shifted": lambda f: losses.gram_loss(losses.gram(f, 1.0), losses.gram(features(9), 1.0)),
    "gram, in a metric": lambda f: losses.in_metric(losses.gram(f), features(7, N, 6, N)[0, 0], features(7, N, 6, N)[0, 0]).square().sum(),
    "chained": lambda f: losses.chained(f, torch.nn.functional.max_pool2d(f, 2), 2).square().sum(),
    "chained, shifted": lambda f: losses.chained(f, torch.nn.functional.max_pool2d(f, 2), 2, 1.0).square().sum(),
    "content": lambda f: losses.content_loss(f, features(9)),
    "content, in a metric": lambda f: losses.content_loss(f, features(9), features(7, N, 6, N)[0, 0]),
    "moments": lambda f: of_moments("moments")(f),  # type: ignore[operator]
    "wasserstein": lambda f: of_moments("wasserstein")(f),  # type: ignore[operator]
    "histogram": lambda f: losses.histogram_loss(f, losses.quantiles(features(9))),
    "total variation, squared": lambda f: losses.total_variation(f),
    "total variation, absolute": lambda f: losses.total_variation(f, "absolute"),
}


@pytest.mark.usefixtures("double")
@pytest.mark.parametrize("name", CHECKED)
def test_gradient_is_that_of_finite_differences(name: str) -> None:
    assert gradcheck(CHECKED[name], (features(0).requires_grad_(),), eps=1e-6, atol=1e-5, rtol=1e-4)
