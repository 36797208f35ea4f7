"""The student: its parameters, and how it is cut out of its teacher."""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from atelier.errors import WeightsError
from atelier.perception.network import CONVS, MEAN, activations, normalize
from atelier.perception.weights import load

WIDTHS = dict(zip(CONVS, (16, 16, 32, 32, 64, 64, 64, 64, 128, 128, 192, 192, 256), strict=True))
"""Wider where positions are few: the deep layers cost little time and are the hardest to imitate."""

Convs = dict[str, tuple[Tensor, Tensor]]
"""Kernel (out, in, 3, 3) and bias (out,) of every layer."""
Params = dict[str, Tensor]
"""`{layer}.weight` (out, in*9), `{layer}.bias` (out,), `{layer}.head` (teacher's channels, out); all float32."""


def convolutions(params: Params, dtype: torch.dtype) -> Convs:
    """Give the parameters as convolutions, in the type and layout that run fastest."""
    out = {}
    for name in CONVS:
        weight, bias = params[f"{name}.weight"], params[f"{name}.bias"]
        kernel = weight.view(weight.shape[0], -1, 3, 3).to(dtype)
        out[name] = (kernel.contiguous(memory_format=torch.channels_last), bias.to(dtype))
    return out


def normalize_teacher(path: Path, pictures: Tensor, dtype: torch.dtype, device: str) -> tuple[Convs, float]:
    """Scale every layer of VGG-19 to unit root mean square over `pictures`: exact, since ReLU and max pooling are homogeneous.

    Also returns what the normalised input is divided by. Raises WeightsError.
    """
    loaded = load(path)
    if max(abs(a - b) for a, b in zip(loaded.mean, MEAN, strict=True)) > 0.5:
        raise WeightsError(f"{path} subtracts other means than the student is to: {loaded.mean}")
    weights = {n: (torch.from_numpy(w).float().to(device), torch.from_numpy(b).float().to(device)) for n, (w, b) in loaded.layers.items()}
    x = normalize(pictures)
    before = input_scale = float(x.square().mean().sqrt())
    with torch.inference_mode():
        scales = {n: float(t.square().mean().sqrt()) for n, t in activations(weights, x, CONVS).items()}
    out = {}
    for name in CONVS:
        weight, bias = weights[name]
        kernel = (weight * (before / scales[name])).to(dtype).contiguous(memory_format=torch.channels_last)
        out[name] = (kernel, (bias / scales[name]).to(dtype))
        before = scales[name]
    return out, input_scale


def cut_from_teacher(teacher: Convs, x: Tensor, learned: Params | None = None, ridge: float = 1e-3) -> Params:
    """Start the student: chosen channels of the teacher, refitted by least squares on the pictures x (B, 3, H, W), normalised.

    learned: layers of a narrower run, kept as they are where their shapes fit. ridge: share of the mean diagonal.
    """
    learned = learned or {}
    teacher = {n: (w.float(), b.float()) for n, (w, b) in teacher.items()}
    params: Params = {}
    with torch.inference_mode():
        target = activations(teacher, x.float(), CONVS)
        source = student = x.float()  # what the teacher's layer takes, and what the student's does
        for at, name in enumerate(CONVS):
            if at and name[4] != CONVS[at - 1][4]:
                source, student = F.max_pool2d(source, 2), F.max_pool2d(student, 2)
            kept = learned.get(f"{name}.weight")
            if kept is not None and kept.shape == (WIDTHS[name], student.shape[1] * 9):
                weight, bias, head = kept, learned[f"{name}.bias"], learned.get(f"{name}.head")
            else:
                chosen, head = pivots(_gram(target[name]), WIDTHS[name]), None
                kernel, offset = teacher[name]
                wanted = F.conv2d(source, kernel[chosen], offset[chosen], padding=1)  # (B, k, H, W)
                weight, bias = _fit(student, wanted, ridge)
            params[f"{name}.weight"], params[f"{name}.bias"] = weight, bias
            student = F.relu(F.conv2d(student, weight.reshape(len(weight), -1, 3, 3), bias, padding=1))
            source = target[name]
            params[f"{name}.head"] = _head(student, source, ridge) if head is None else head
    return {k: v.clone() for k, v in params.items()}


def _fit(student: Tensor, wanted: Tensor, ridge: float) -> tuple[Tensor, Tensor]:
    """Fit by least squares the convolution that makes wanted (B, k, H, W) of student (B, C, H, W): (k, 9 C) and (k,)."""
    fan = student.shape[1] * 9
    moment = torch.zeros(fan + 1, fan + 1, device=student.device)
    cross = torch.zeros(wanted.shape[1], fan + 1, device=student.device)
    for picture, z in zip(student, wanted, strict=True):
        patches = F.unfold(picture[None], 3, padding=1)[0]  # (fan, H·W)
        patches = torch.cat([patches, patches.new_ones(1, patches.shape[1])])
        moment += patches @ patches.T
        cross += z.flatten(1) @ patches.T
    moment += torch.eye(fan + 1, device=student.device) * ridge * moment.diagonal().mean()
    solved = torch.linalg.solve(moment, cross.T).T
    return solved[:, :-1].contiguous(), solved[:, -1].contiguous()


def _head(student: Tensor, target: Tensor, ridge: float) -> Tensor:
    """Fit by least squares the matrix (C, k) that takes the student's channels to the teacher's."""
    s, t = (each.transpose(0, 1).flatten(1) for each in (student, target))
    gram = s @ s.T
    gram += torch.eye(len(gram), device=gram.device) * ridge * gram.diagonal().mean()
    return torch.linalg.solve(gram, s @ t.T).T.contiguous()


def _gram(x: Tensor) -> Tensor:
    """(B, C, H, W) -> (C, C), summed over pictures and positions."""
    flat = x.transpose(0, 1).flatten(1)
    return flat @ flat.T


def pivots(covariance: Tensor, count: int) -> list[int]:
    """Choose channels one by one, each the one least explained by those before it (pivoted Cholesky)."""
    residual = covariance.double().clone()
    chosen: list[int] = []
    for _ in range(count):
        i = int(residual.diagonal().argmax())
        chosen.append(i)
        column = residual[:, i] / residual[i, i].clamp_min(1e-12).sqrt()
        residual -= torch.outer(column, column)
    return sorted(chosen)


def network_input(x: Tensor, input_scale: float, dtype: torch.dtype) -> Tensor:
    """Make pictures (B, 3, H, W) in [0, 1] what teacher and student take."""
    return (normalize(x) / input_scale).to(dtype).contiguous(memory_format=torch.channels_last)
