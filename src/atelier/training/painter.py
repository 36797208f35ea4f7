"""The network that paints, and the one that reads a painting's style off its statistics. Both in torch, for training and export.

`Painter` is one body for all styles: conditional instance normalisation (Dumoulin et al. 2017) after every convolution, and in
two places a matrix of the style's own over the channels (after the linear transformation of Li et al. 2019, here of low rank). It is made
for CPUs: the picture is folded 4x4 into channels before the first convolution, there is no convolution at full resolution
and none larger than 3x3, and widths are multiples of 16.

`Reader` makes the style's numbers out of what `pocket` sees in a painting: the Gram matrices at conv1_1..conv5_1.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from atelier.engines.network.plan import BLOCKS, EPSILON, Plan


class Painter(nn.Module):
    """Pictures (B, 3, H, W) in [0, 1], H and W multiples of 16, and styles (B, plan.numbers) to pictures of the same shape.

    The last layer's result goes through the plan's output: sigmoid; tanh, (1 + 1.2 tanh)/2, its range
    widened so that black and white are within reach (Johnson et al. 2016 scale theirs by 150); or linear, clamped.
    """

    def __init__(self, plan: Plan = Plan()) -> None:
        super().__init__()
        self.plan = plan
        convs: dict[str, nn.Module] = {"stem": conv(48, plan.fine, edge=True), "down": conv(plan.fine, plan.wide, stride=2, edge=True)}
        convs["below"] = conv(plan.wide, plan.deep, stride=2, edge=True)
        for name, channels in plan.norms.items():
            if name.startswith(BLOCKS):
                convs[name] = conv(channels, channels, edge=True)
        convs["rise"] = nn.Conv2d(plan.deep, plan.wide, 1, bias=False)
        convs["up"] = conv(plan.wide, plan.fine)
        convs["detail"] = conv(plan.fine, 4 * plan.half)
        self.convs = nn.ModuleDict(convs)
        self.noise = nn.Conv2d(plan.noise // 2, plan.wide, 1, bias=False)
        self.grain = conv(plan.noise // 8, plan.fine)
        if plan.seen:
            self.seen = nn.ModuleDict({"down": conv(plan.seen[0], plan.wide), "below": conv(plan.seen[1], plan.deep)})
            for each, channels in zip(self.seen.values(), plan.seen, strict=True):
                nn.init.normal_(each.weight, std=0.1 * (2 / (9 * channels)) ** 0.5)  # type: ignore[arg-type]
        self.out = nn.Conv2d(plan.half, 12, 3, padding=1)
        if plan.norm == "batch":
            for name, channels in plan.norms.items():
                self.register_buffer(f"mean_{name}", torch.zeros(channels))
                self.register_buffer(f"variance_{name}", torch.ones(channels))
        for name in plan.norms:
            if name.endswith("b") and name.startswith(BLOCKS):
                nn.init.normal_(self.convs[name].weight, std=0.3 * (2 / (9 * plan.norms[name])) ** 0.5)  # type: ignore[arg-type]

    def forward(
        self, x: Tensor, style: Tensor, noise: Tensor, features: tuple[Tensor, Tensor] | None = None,
        affine: Tensor | None = None, seen: list[Tensor] | None = None,
    ) -> Tensor:  # fmt: skip
        """noise (B, plan.noise, H/8, W/8), standard normal: what strokes begin from where the photo has nothing; its second half
        folded, 2x2 numbers for each place. features
        (B, plan.seen[0], H/8, W/8) and (B, plan.seen[1], H/16, W/16): see `Plan.seen`. affine (B, 2, plan.channels): scale and
        offset of every normalisation, known from elsewhere; else they are taken from x itself, and appended to `seen`, if
        given, as (B, 2, C) each. Computed in x's type, statistics in float32; the result is float32."""
        plan = self.plan
        gammas, betas = style[:, : plan.channels], style[:, plan.channels : 2 * plan.channels]
        mixes = style[:, 2 * plan.channels : -plan.gains].unflatten(1, (2, 2, plan.deep, plan.rank))
        coarse, fine = noise.to(x.dtype).chunk(2, 1)
        coarse = convolve(self.noise, coarse) * style[:, -plan.gains : -plan.fine, None, None].to(x.dtype)
        fine = convolve(self.grain, F.pixel_shuffle(fine, 2)) * style[:, -plan.fine :, None, None].to(x.dtype)
        slices = {}
        at = 0
        for name, channels in plan.norms.items():
            slices[name] = slice(at, at + channels)
            at += channels

        def normed(name: str, y: Tensor, relu: bool = False) -> Tensor:
            if affine is None and seen is None and plan.norm == "instance":
                return Normed.apply(y, 1 + gammas[:, slices[name]], betas[:, slices[name]], relu)
            if affine is not None:
                scale, offset = affine[:, 0, slices[name]], affine[:, 1, slices[name]]
            else:
                scale, offset = self.affine(name, y, gammas[:, slices[name]], betas[:, slices[name]])
                if seen is not None:
                    seen.append(torch.stack((scale, offset), 1))
            y = y * scale[:, :, None, None] + offset[:, :, None, None]
            return F.relu(y) if relu else y

        def convolved(name: str, y: Tensor) -> Tensor:
            return convolve(self.convs[name], y)

        def blocks(kind: str, count: int, y: Tensor) -> Tensor:
            for i in range(count):
                z = normed(f"{kind}{i}a", convolved(f"{kind}{i}a", y), relu=True)
                y = y + normed(f"{kind}{i}b", convolved(f"{kind}{i}b", z))
            return y

        x = F.pixel_unshuffle(x, 4).contiguous(memory_format=torch.channels_last)  # (B, 48, H/4, W/4)
        skip = normed("stem", convolved("stem", x), relu=True)
        y = convolved("down", skip) + coarse
        if features is not None:
            y = y + convolve(self.seen["down"], features[0].to(x.dtype))
        middle = normed("down", y, relu=True)  # (B, wide, H/8, W/8)
        y = convolved("below", middle)
        if features is not None:
            y = y + convolve(self.seen["below"], features[1].to(x.dtype))
        y = blocks("deep", plan.deep_blocks, mixed(normed("below", y, relu=True), mixes[:, 0]))  # (B, deep, H/16, W/16)
        y = normed("rise", convolved("rise", mixed(y, mixes[:, 1])))
        y = blocks("wide", plan.blocks, F.relu(doubled(y) + middle))
        y = F.relu(normed("up", convolved("up", doubled(y)) + fine) + skip)  # (B, fine, H/4, W/4)
        y = blocks("fine", plan.fine_blocks, y)
        y = normed("detail", F.pixel_shuffle(convolved("detail", y), 2), relu=True)  # (B, half, H/2, W/2)
        return self.end(F.pixel_shuffle(convolve(self.out, y), 2))

    def affine(self, name: str, y: Tensor, gamma: Tensor, beta: Tensor) -> tuple[Tensor, Tensor]:
        """Scale and offset (B, C) of a normalisation, from y's own statistics or the batch's."""
        if self.plan.norm == "instance":
            variance, mean = torch.var_mean(y, (2, 3), correction=0)
        elif self.training:
            variance, mean = torch.var_mean(y, (0, 2, 3), correction=0)
            with torch.no_grad():
                self.get_buffer(f"mean_{name}").lerp_(mean, 0.01)
                self.get_buffer(f"variance_{name}").lerp_(variance, 0.01)
            mean, variance = mean[None], variance[None]
        else:
            mean, variance = self.get_buffer(f"mean_{name}")[None], self.get_buffer(f"variance_{name}")[None]
        scale = (1 + gamma) * (variance + EPSILON).rsqrt()
        return scale, beta - mean * scale

    def end(self, y: Tensor) -> Tensor:
        y = y.float()
        match self.plan.output:
            case "sigmoid":
                return torch.sigmoid(y)
            case "tanh":
                return 0.5 + 0.6 * torch.tanh(y)
            case _:
                return y + 0.5


def conv(inputs: int, outputs: int, stride: int = 1, edge: bool = False) -> nn.Conv2d:
    """edge: whether it repeats the border, not zeros, around what it is given."""
    return nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False, padding_mode="replicate" if edge else "zeros")


def convolve(layer: nn.Module, x: Tensor) -> Tensor:
    """Apply a convolution in x's type. Its weights stay in float32, so that small steps are not lost."""
    assert isinstance(layer, nn.Conv2d)
    if layer.padding_mode == "replicate":
        x = F.pad(x, (1, 1, 1, 1), mode="replicate")
    padding = 0 if layer.padding_mode == "replicate" else layer.padding
    bias = None if layer.bias is None else layer.bias.to(x.dtype)
    return F.conv2d(x, layer.weight.to(x.dtype), bias, layer.stride, padding)


class Normed(torch.autograd.Function):
    """Normalise every channel over its positions, scale, offset, and leave out what is below 0 if asked to (Ulyanov et al. 2016;
    Dumoulin et al. 2017). x (B, C, H, W), channels last, of any type; gamma, beta (B, C) float32.

    Written by hand: torch's backward of a normalisation is scalar code on a processor, and took half of a painter's step. Here it is
    sums over rows of a matrix (positions, channels), in float32, and two passes.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, gamma: Tensor, beta: Tensor, relu: bool) -> Tensor:
        b, c, h, w = x.shape
        flat = x.permute(0, 2, 3, 1).reshape(b, h * w, c)
        mean = flat.sum(1, dtype=torch.float32) / (h * w)
        square = (flat * flat).sum(1, dtype=torch.float32) / (h * w)
        inverse = ((square - mean * mean).clamp_min(0) + EPSILON).rsqrt()  # (B, C)
        scale = gamma * inverse
        out = torch.addcmul((beta - mean * scale).to(x.dtype)[:, None], flat, scale.to(x.dtype)[:, None])
        if relu:
            out = out.relu_()
        ctx.save_for_backward(flat, gamma, mean, inverse, out if relu else torch.empty(0))
        return out.view(b, h, w, c).permute(0, 3, 1, 2)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        flat, gamma, mean, inverse, out = ctx.saved_tensors
        b, c, h, w = gradient.shape
        g = gradient.permute(0, 2, 3, 1).reshape(b, h * w, c)
        if out.numel():
            g = torch.ops.aten.threshold_backward(g, out, 0)
        total = g.sum(1, dtype=torch.float32)
        along = inverse * ((g * flat).sum(1, dtype=torch.float32) - mean * total)  # the gradient of gamma
        scale = gamma * inverse
        slope = -scale * inverse * along / (h * w)
        offset = -scale * total / (h * w) - slope * mean
        made = torch.addcmul(offset.to(g.dtype)[:, None], flat, slope.to(g.dtype)[:, None])
        made.addcmul_(g, scale.to(g.dtype)[:, None])
        return made.view(b, h, w, c).permute(0, 3, 1, 2), along, total, None


def doubled(x: Tensor) -> Tensor:
    """Twice as high and wide, bilinearly: repeated pixels would be seen as a grid."""
    return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


def mixed(x: Tensor, factors: Tensor) -> Tensor:
    """x + U Vᵀ x, a matrix over its channels; factors (B, 2, C, rank) are U and V."""
    b, c, h, w = x.shape
    flat = x.permute(0, 2, 3, 1).reshape(b, h * w, c)
    u, v = factors.to(x.dtype).unbind(1)
    more = torch.bmm(torch.bmm(flat, v), u.transpose(1, 2))
    return x + more.reshape(b, h, w, c).permute(0, 3, 1, 2)


class Reader(nn.Module):
    """What pocket sees of a painting, to a style: Gram matrices in the teacher's metric (B, C, C) a layer -> (B, plan.numbers).

    width: rows of each matrix that are looked at; hidden, code: of the two layers between them and the numbers."""

    def __init__(self, plan: Plan, channels: dict[str, int], width: int = 32, hidden: int = 256, code: int = 96) -> None:
        super().__init__()
        self.looks = nn.ModuleDict({name: nn.Linear(c, min(c, width), bias=False) for name, c in channels.items()})
        inputs = 0
        for name, c in channels.items():
            k = min(c, width)
            nn.init.orthogonal_(self.looks[name].weight)  # type: ignore[arg-type]
            self.register_buffer(f"triangle_{name}", torch.tril_indices(k, k), persistent=False)
            inputs += k * (k + 1) // 2 + 1
        self.hidden = nn.Sequential(nn.LayerNorm(inputs), nn.Linear(inputs, hidden), nn.ReLU(), nn.Linear(hidden, code), nn.ReLU())
        self.numbers = nn.Linear(code, plan.numbers)
        nn.init.normal_(self.numbers.weight, std=0.01)
        nn.init.zeros_(self.numbers.bias)
        with torch.no_grad():  # of each pair of factors one starts at random and one at 0: the product is 0, its gradient is not
            factors = self.numbers.bias[2 * plan.channels : -plan.gains].view(2, 2, plan.deep, plan.rank)
            nn.init.normal_(factors[:, 1], std=plan.deep**-0.5)
            self.numbers.bias[-plan.gains :] = 0.1

    def forward(self, grams: dict[str, Tensor]) -> Tensor:
        parts = []
        for name, look in self.looks.items():
            gram = grams[name]
            power = gram.diagonal(dim1=1, dim2=2).mean(1)[:, None]
            small = look.weight @ gram @ look.weight.T  # type: ignore[operator]
            rows, columns = self.get_buffer(f"triangle_{name}")
            entries = small[:, rows, columns] / power
            parts += [entries.sign() * entries.abs().sqrt(), power.log()]
        return self.numbers(self.hidden(torch.cat(parts, 1)))

    @torch.no_grad()
    def begin(self, state: dict[str, Tensor]) -> bool:
        """Take over the weights of a reader that has as many hidden units, or fewer, and with them what it reads: units beyond those are
        not listened to at first, but learn. state: its own. False, with nothing changed, where it does not fit."""
        own = self.state_dict()
        layers = ("hidden.1", "hidden.3", "numbers")
        inner = {"hidden.1.weight", "hidden.1.bias", "hidden.3.weight", "hidden.3.bias", "numbers.weight"}
        if set(state) != set(own) or any(state[name].ndim != own[name].ndim for name in own):
            return False
        shapes = {name: (state[name].shape, value.shape) for name, value in own.items()}
        if any(few != many for name, (few, many) in shapes.items() if name not in inner):
            return False
        if any(few > many for each in shapes.values() for few, many in zip(*each, strict=True)):
            return False
        for layer in layers:
            given = state[f"{layer}.weight"]
            own[f"{layer}.weight"][: len(given), given.shape[1] :] = 0
        for name, value in own.items():
            value[tuple(slice(n) for n in state[name].shape)] = state[name]
        return True
