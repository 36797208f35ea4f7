"""Pictures that are being optimised against the student while it learns."""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from atelier.perception.network import STYLE_LAYERS, activations
from atelier.training.pocket.losses import second_moments
from atelier.training.pocket.pictures import Pictures
from atelier.training.pocket.student import Params, convolutions, network_input

Group = dict[str, Tensor]
"""Pictures `x` (B, 3, H, W) on their way from content to style, with Adam's state and each picture's own weights."""


class Pool:
    """Groups of pictures in the middle of being painted by Adam against the student's own style and content losses."""

    def __init__(self, groups: int, count: int, size: int) -> None:
        self.groups: list[Group | None] = [None] * groups
        self.count, self.size, self.turn = count, size, 0

    def next(self, photos: Pictures, paintings: Pictures, rng: np.random.Generator, device: str) -> Group:
        """Give the group whose turn it is; a fresh one where the last has lived its life."""
        self.turn = (self.turn + 1) % len(self.groups)
        group = self.groups[self.turn]
        if group is None or group["step"] >= group["life"]:
            group = {k: v.to(device) for k, v in self._fresh(photos, paintings, rng).items()}
            if self.groups[self.turn] is None:  # the first groups are at all ages
                group["life"] = group["life"] * (self.turn + 1) / len(self.groups)
            self.groups[self.turn] = group
        return group

    def _fresh(self, photos: Pictures, paintings: Pictures, rng: np.random.Generator) -> Group:
        content, style = photos.crops(self.count, self.size), paintings.crops(self.count, self.size)
        if rng.random() < 0.3:
            content = paintings.crops(self.count, self.size)
        x = torch.stack([_start(c, s, rng) for c, s in zip(content, style, strict=True)])
        n = self.count
        return {
            "x": x, "content": content, "style": style, "m": torch.zeros_like(x), "v": torch.zeros_like(x),
            "step": torch.zeros(()), "life": torch.tensor(float(rng.integers(20, 250))),
            "rate": torch.from_numpy(np.exp(rng.uniform(math.log(0.01), math.log(0.06), (n, 1, 1, 1))).astype(np.float32)),
            "style_weights": torch.from_numpy(rng.dirichlet(np.ones(5), n).astype(np.float32)) * 5,
            "content_weight": torch.from_numpy(rng.choice([0.0, 0.05, 0.2, 0.5], n).astype(np.float32)),
        }  # fmt: skip


def _start(content: Tensor, style: Tensor, rng: np.random.Generator) -> Tensor:
    """Pick what a picture (3, H, W) is painted from: the photo, recoloured, recoloured and blurred, or noise."""
    match rng.choice(4, p=[0.35, 0.35, 0.2, 0.1]):
        case 0:
            x = content
        case 1:
            x = recolor(content, style)
        case 2:
            x = torch.from_numpy(rng.random(content.shape).astype(np.float32))
        case _:
            x = F.interpolate(F.avg_pool2d(recolor(content, style)[None], 4), scale_factor=4, mode="bilinear")[0]
    return x.clamp(0, 1)


def recolor(content: Tensor, style: Tensor) -> Tensor:
    """Give the content (3, H, W) the style's mean and standard deviation a channel."""

    def moments(x: Tensor) -> tuple[Tensor, Tensor]:
        return x.mean((1, 2), keepdim=True), x.std((1, 2), keepdim=True) + 1e-3

    (cm, cs), (sm, ss) = moments(content), moments(style)
    return (content - cm) / cs * ss + sm


def paint(group: Group, params: Params, input_scale: float, dtype: torch.dtype) -> None:
    """Move every picture of the group by one step of Adam against the student as it is now."""
    x = group["x"].clone().requires_grad_()
    (gradient,) = torch.autograd.grad(_loss(x, group, params, input_scale, dtype), x)
    with torch.no_grad():
        group["step"] += 1
        k = float(group["step"])
        group["m"].lerp_(gradient, 0.1)
        group["v"].lerp_(gradient.square(), 0.01)
        move = (group["m"] / (1 - 0.9**k)) / ((group["v"] / (1 - 0.99**k)).sqrt() + 1e-12)
        group["x"] = (group["x"] - group["rate"] * move).clamp(0, 1)


def _loss(x: Tensor, group: Group, params: Params, input_scale: float, dtype: torch.dtype) -> Tensor:
    """Add up style and content losses of x (B, 3, H, W), each picture's with its own weights."""
    convs = {n: (w.detach(), b.detach()) for n, (w, b) in convolutions(params, dtype).items()}

    def see(x: Tensor) -> dict[str, Tensor]:
        return activations(convs, network_input(x, input_scale, dtype), (*STYLE_LAYERS, "conv4_2"))

    with torch.no_grad():
        style, content = see(group["style"]), see(group["content"])
    seen = see(x)
    loss = x.new_zeros(())
    for i, name in enumerate(STYLE_LAYERS):
        q = params[f"{name}.head"].detach()
        metric = q.T @ q
        a, g = second_moments(style[name], style[name]), second_moments(seen[name], seen[name])
        d = g - a
        error = ((metric @ d) * (d @ metric)).sum((1, 2)) / ((metric @ a) * (a @ metric)).sum((1, 2)).clamp_min(1e-6)
        loss = loss + (error * group["style_weights"][:, i]).sum()
    f, p = seen["conv4_2"].float(), content["conv4_2"].float()
    power = p.square().mean((1, 2, 3)).clamp_min(1e-6)
    return loss + (group["content_weight"] * (f - p).square().mean((1, 2, 3)) / power).sum()
