"""How far the student is from its teacher: relative errors of features and of Gram matrices."""

from __future__ import annotations

import torch
from torch import Tensor

from atelier.perception.network import STYLE_LAYERS
from atelier.training.pocket.student import Params

TAPS = (*STYLE_LAYERS, "conv3_2", "conv4_2")
"""Layers whose metric ships: the style layers and two content layers."""
HINT_WEIGHT = 0.3
"""Of the feature error at the other layers from block 3 on, which guide the deep ones; their heads are then thrown away."""


def second_moments(a: Tensor, b: Tensor) -> Tensor:
    """Average A Bᵀ over positions: (B, C, H, W), (B, D, H, W) -> (B, C, D).

    Accumulated in float32 whatever the inputs' type; bfloat16 rounds only the result, by 0.4 % an entry at the most.
    """
    return torch.bmm(a.flatten(2), b.flatten(2).transpose(1, 2)).float() / (a.shape[2] * a.shape[3])


def distillation_loss(
    student: dict[str, Tensor], target: dict[str, Tensor], heads: Params
) -> tuple[Tensor, dict[str, tuple[float, float]]]:
    """Add up relative feature and Gram errors over all layers; give both as numbers (feature, Gram) a layer, too."""
    total, numbers = torch.zeros((), device=next(iter(student.values())).device), {}
    for name, s in student.items():
        t, q = target[name], heads[f"{name}.head"]
        if name not in TAPS and name[4] in "12":
            continue
        tt = second_moments(t, t)
        power = tt.diagonal(dim1=1, dim2=2).sum(1)  # (B,)
        ss, ts = second_moments(s, s), second_moments(t, s)
        metric = q.T @ q
        feature = ((ss * metric).sum((1, 2)) - 2 * (ts * q).sum((1, 2)) + power) / power
        if name not in TAPS:
            total = total + HINT_WEIGHT * feature.clamp_min(1e-6).mean()
            continue
        # |Q SS Qᵀ - TT|² without forming Q SS Qᵀ (B, C, C): M = QᵀQ and QᵀTT Q are k x k.
        inner, crossed = ss @ metric, ss * (q.T @ (tt @ q))
        squared = tt.square().sum((1, 2))
        gram = ((inner * inner.transpose(1, 2)).sum((1, 2)) - 2 * crossed.sum((1, 2)) + squared) / squared
        # Bounded above, so that the few pictures that the student knows least do not drown the rest.
        gram = gram.clamp_min(0)
        total = total + feature.clamp_min(1e-6).mean() + 0.25 * (gram + 1e-4).sqrt().mean() + 0.75 * (gram / (1 + 0.5 * gram)).mean()
        numbers[name] = (float(feature.detach().mean()), float(gram.detach().mean()))
    return total, numbers
