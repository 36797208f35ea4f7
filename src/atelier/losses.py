"""What is wanted of a picture, as pure functions of features. A few lines each, checked against closed forms.

Features F are (B, C, H, W) as the networks give them; N is a layer's number of channels C, M its number of positions HW.
Statistics are means over positions, so that pictures of different sizes can be compared; where both pictures have the
same M, every formula is the paper's own. Results are float32 whatever the features' type.

With a metric R (k, k) (see perception.network.Network), a loss is that of R F, at the cost of a product of small matrices.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F_
from torch import Tensor
from torch.autograd.function import once_differentiable

# Statistics -----------------------------------------------------------------------------------------------------------


class _Correlation(torch.autograd.Function):
    """Σ over positions of (F - s)(F - s)ᵀ with a backward of one product instead of autograd's two.

    The products stay in the features' type (bfloat16 multiplies at four times float32's rate and accumulates in
    float32); only the small result becomes float32. Positions come first, whatever the memory format: with channels first, oneDNN
    3.12 divides by zero on processors with AMX for some sizes (one thread, 16 channels, 98,304 positions), and ends the process.
    """

    @staticmethod
    def forward(ctx: Any, features: Tensor, shift: float) -> Tensor:
        flat = _positions(features)
        centred = flat - shift if shift else flat
        ctx.save_for_backward(features)
        ctx.shift = shift
        return torch.bmm(centred.transpose(1, 2), centred).float()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (features,) = ctx.saved_tensors
        b, c, h, w = features.shape
        flat = _positions(features)
        if ctx.shift:
            flat = flat - ctx.shift
        both = (gradient + gradient.transpose(1, 2)).to(flat.dtype)
        return torch.bmm(flat, both).reshape(b, h, w, c).permute(0, 3, 1, 2), None


def _positions(features: Tensor) -> Tensor:
    """(B, C, H, W) -> (B, H W, C), channels beside each other in memory; what is channels-last is not copied."""
    return features.permute(0, 2, 3, 1).flatten(1, 2).contiguous()


def correlation(features: Tensor, shift: float = 0.0) -> Tensor:
    """Σ_x (F_x - shift)(F_x - shift)ᵀ, (B, C, H, W) -> (B, C, C): Gatys' G, a sum over positions.

    shift is Novak & Nikulin 2016's activation shift (they subtract 1).
    """
    return _Correlation.apply(features, shift)


def gram(features: Tensor, shift: float = 0.0) -> Tensor:
    """The Gram matrix averaged over positions, G / M: (B, C, H, W) -> (B, C, C)."""
    return correlation(features, shift) / (features.shape[2] * features.shape[3])


def chained(shallow: Tensor, deep: Tensor, factor: int, shift: float = 0.0, weight: Tensor | None = None) -> Tensor:
    """Σ_x (F^l_x - s)(up(F^{l+1})_x - s)ᵀ: correlations of a layer with the next, brought to its size by nearest neighbour.

    (B, C, H, W), (B, D, H // factor, W // factor) -> (B, C, D), a sum over the positions of the shallower layer (Novak &
    Nikulin 2016, "chained inter-layer correlations"). factor: 2 for each pooling between them; every cell of the deeper
    layer stands for the factor x factor cells it was pooled from, the last ones also for what pooling left over.
    weight: (H, W), how much each position counts; None for 1 everywhere.
    """
    if factor > 1:
        deep = deep.repeat_interleave(factor, 2).repeat_interleave(factor, 3)
        deep = F_.pad(deep, (0, shallow.shape[3] - deep.shape[3], 0, shallow.shape[2] - deep.shape[2]), mode="replicate")
    centred = shallow - shift if weight is None else (shallow - shift) * weight.to(shallow.dtype)
    return torch.bmm(_positions(centred).transpose(1, 2), _positions(deep - shift)).float()


def in_metric(matrix: Tensor, left: Tensor | None, right: Tensor | None = None) -> Tensor:
    """R G Rᵀ (or L G Rᵀ), the statistics of R F from those of F: (B, C, D) -> (B, C', D')."""
    if left is not None:
        matrix = left @ matrix
    if right is not None:
        matrix = matrix @ right.T
    return matrix


# Losses ---------------------------------------------------------------------------------------------------------------


def content_loss(features: Tensor, target: Tensor, metric: Tensor | None = None) -> Tensor:
    """½ Σ (F - P)², Gatys et al. 2016 eq. 1. ∂/∂F = F - P."""
    difference = features.float() - target.float()
    if metric is not None:
        difference = F_.conv2d(difference, metric[:, :, None, None])
    return 0.5 * difference.square().sum()


def gram_loss(matrix: Tensor, target: Tensor, channels: float | None = None) -> Tensor:
    """1/(4 N²) Σ (G/M - A/M')², Gatys et al. 2016 eq. 4: for M = M' it is their 1/(4 N² M²) Σ (G - A)².

    matrix and target (B, N, N) are averaged over positions. channels: N, where it is not the matrices' own size.
    """
    n = channels or matrix.shape[1]
    return (matrix - target).square().sum() / (4.0 * n * n)


def moments(sums: Tensor, total: Tensor, positions: float) -> tuple[Tensor, Tensor]:
    """Mean (B, C) and covariance (B, C, C) of features from ΣFFᵀ (B, C, C) and ΣF (B, C) over a number of positions."""
    mean = total / positions
    return mean, sums / positions - mean[:, :, None] * mean[:, None, :]


def moments_loss(mean: Tensor, covariance: Tensor, target_mean: Tensor, target_covariance: Tensor, channels: float | None = None) -> Tensor:
    """|μ - μ'|²/N + |Σ - Σ'|²_F/N²: mean and covariance matched entry by entry. channels: N, where it is not the vectors' own size."""
    n = channels or mean.shape[1]
    return (mean - target_mean).square().sum() / n + (covariance - target_covariance).square().sum() / (n * n)


def symmetric_root(matrix: Tensor) -> Tensor:
    """The positive semi-definite square root of (B, C, C), eigenvalues below zero taken as zero."""
    values, vectors = torch.linalg.eigh(matrix)
    return (vectors * values.clamp_min(0).sqrt()[:, None, :]) @ vectors.transpose(1, 2)


def wasserstein_loss(mean: Tensor, covariance: Tensor, target_mean: Tensor, target_root: Tensor, channels: float | None = None) -> Tensor:
    """Squared 2-Wasserstein distance between Gaussians, averaged over channels (as in style-transfer-pytorch):
    |μ - μ'|² + tr(Σ + Σ' - 2 (Σ'^½ Σ Σ'^½)^½). target_root is Σ'^½ (see `symmetric_root`).
    channels: N, where it is not the vectors' own size.

    Only eigenvalues enter, so the gradient has no differences of eigenvalues to divide by; a small multiple of the
    identity keeps their square roots differentiable.
    """
    n = mean.shape[1]
    scale = target_root.square().sum((1, 2)).mean() / n
    inner = target_root @ covariance @ target_root
    ridge = torch.eye(n, dtype=inner.dtype, device=inner.device) * (1e-5 * scale.square() + 1e-20)
    values = torch.linalg.eigvalsh(inner + ridge)
    traces = covariance.diagonal(dim1=1, dim2=2).sum() + target_root.square().sum() - 2.0 * values.clamp_min(1e-20).sqrt().sum()
    return ((mean - target_mean).square().sum() + traces) / (channels or n)


def quantiles(features: Tensor, count: int = 256) -> Tensor:
    """`count` evenly spaced quantiles of each channel, (B, C, H, W) -> (B, C, count): a histogram told by its inverse."""
    ordered = features.float().flatten(2).sort(dim=2).values
    return F_.interpolate(ordered, size=count, mode="linear", align_corners=True)


def histogram_loss(features: Tensor, target: Tensor) -> Tensor:
    """Mean squared distance of features to themselves remapped to the target's histogram, channel by channel (Risser et al. 2017, eq. 7).

    features (B, C, H, W); target (B, C, K) from `quantiles`. The remapped features count as constants, as in the paper.
    """
    flat = features.float().flatten(2)
    with torch.no_grad():
        rank = flat.argsort(dim=2).argsort(dim=2)
        wanted = F_.interpolate(target, size=flat.shape[2], mode="linear", align_corners=True)
        matched = wanted.gather(2, rank)
    return (flat - matched).square().mean()


def total_variation(pixels: Tensor, form: str = "squared") -> Tensor:
    """Differences between neighbours, summed and divided by the number of pixels. pixels (B, C, H, W).

    `squared`: Σ (x_{i+1,j} - x_ij)² + (x_{i,j+1} - x_ij)², the field's usual form, smooth everywhere.
    `absolute`: Σ |x_{i+1,j} - x_ij| + |x_{i,j+1} - x_ij| (Rudin, Osher & Fatemi 1992, anisotropic), which keeps edges.
    """
    dy, dx = pixels[:, :, 1:] - pixels[:, :, :-1], pixels[:, :, :, 1:] - pixels[:, :, :, :-1]
    terms = (dy.square().sum() + dx.square().sum()) if form == "squared" else (dy.abs().sum() + dx.abs().sum())
    return terms / (pixels.shape[2] * pixels.shape[3])
