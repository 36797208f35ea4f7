"""The plain way, as everybody writes it: VGG-19 in float32, channels first, autograd, torch.optim.LBFGS, from the photo.

    python benchmarks/plain.py [--photo kodim23 --painting starry_night --size 512 --iterations 300 --out FILE.png]

The loss is that of Gatys et al. 2016 on the Caffe network (RGB in 0..255 minus the mean): alpha ½Σ(F-P)² at conv4_2 and
beta Σ_l 1/5 · 1/(4N²) Σ(G/M - A/M')² over conv1_1 .. conv5_1. It is what other programs here compare with.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

import machine
import pairs
from atelier.image import Image
from atelier.media import open_still, write_still
from atelier.perception.weights import load

STYLE = ("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1")
CONTENT = "conv4_2"
ALPHA = 1.0
BETA = 500.0
"""The balance at a long side of 512 px. The content term is a sum over positions and the style term a mean: for the same balance at
another size, beta goes with the area."""

Network = dict[str, tuple[Tensor, Tensor]]
Callback = Callable[[int, float, Tensor], None]
"""Called before each step with its number (from 0), the loss and the picture so far."""


def network() -> Network:
    """VGG-19's convolutions up to conv5_1, float32."""
    layers = load("vgg19").layers
    return {name: (torch.from_numpy(w).float().contiguous(), torch.from_numpy(b).float()) for name, (w, b) in layers.items()}


def features(net: Network, x: Tensor) -> dict[str, Tensor]:
    """x (1, 3, H, W), RGB in [0, 1]."""
    x = x * 255 - torch.tensor([123.68, 116.779, 103.939]).view(1, 3, 1, 1)
    seen, block = {}, "1"
    for name, (weight, bias) in net.items():
        if name[4] != block:
            x, block = F.max_pool2d(x, 2), name[4]
        x = F.relu(F.conv2d(x, weight, bias, padding=1))
        seen[name] = x
    return seen


def gram(f: Tensor) -> Tensor:
    f = f[0].flatten(1)
    return f @ f.t() / f.shape[1]


def objective(net: Network, content: Tensor, style: Tensor, alpha: float = ALPHA, beta: float = BETA) -> Callable[[Tensor], Tensor]:
    """The total loss of a picture (1, 3, H, W), differentiable."""
    with torch.no_grad():
        p = features(net, content)[CONTENT]
        seen = features(net, style)
        a = {name: gram(seen[name]) for name in STYLE}

    def total(picture: Tensor) -> Tensor:
        f = features(net, picture)
        loss = alpha * 0.5 * (f[CONTENT] - p).square().sum()
        for name in STYLE:
            n = f[name].shape[1]
            loss = loss + beta * 0.2 * (gram(f[name]) - a[name]).square().sum() / (4 * n**2)
        return loss

    return total


def plain_loss(net: Network, content: Tensor, style: Tensor, alpha: float = ALPHA, beta: float = BETA) -> Callable[[Tensor], float]:
    """The total loss of a picture as a number."""
    total = objective(net, content, style, alpha, beta)

    def loss(picture: Tensor) -> float:
        with torch.no_grad():
            return float(total(picture))

    return loss


def plain(
    content: Tensor,
    style: Tensor,
    iterations: int = 300,
    alpha: float = ALPHA,
    beta: float = BETA,
    callback: Callback | None = None,
    net: Network | None = None,
) -> Tensor:
    """The picture after so many iterations, one evaluation each. content, style (1, 3, H, W), RGB in [0, 1]."""
    total = objective(net or network(), content, style, alpha, beta)
    picture = content.clone().requires_grad_()
    optimiser = torch.optim.LBFGS([picture], max_iter=1, history_size=100, tolerance_grad=0, tolerance_change=0)
    for iteration in range(iterations):

        def closure(iteration: int = iteration) -> Tensor:
            optimiser.zero_grad()
            loss = total(picture)
            loss.backward()
            if callback:
                callback(iteration, loss.item(), picture.detach())
            return loss

        optimiser.step(closure)
    return picture.detach().clamp(0, 1)


def as_image(picture: Tensor) -> Image:
    """(1, 3, H, W) in [0, 1], and a hair outside, to an Image of 8 bits a channel: what a file would hold."""
    return Image.from_array((picture[0].permute(1, 2, 0).clamp(0, 1).numpy() * 255 + 0.5).astype(np.uint8))


def main() -> None:
    options = pairs.parser(__doc__ or "")
    options.add_argument("--photo", default="kodim23")
    options.add_argument("--painting", default="starry_night")
    options.add_argument("--size", type=int, default=512, help="long side, px")
    options.add_argument("--iterations", type=int, default=300)
    options.add_argument("--alpha", type=float, default=ALPHA, help="content weight")
    options.add_argument("--beta", type=float, default=BETA, help="style weight, for 512 px")
    options.add_argument("--out", help="write the picture there")
    arguments = options.parse_args()
    if arguments.quick:
        arguments.size, arguments.iterations = 96, 5
    pairs.ready(arguments)
    folder = pairs.needed(arguments)
    pairs.vgg()
    about = machine.introduce()
    photo, painting = pairs.find(folder, "photos", arguments.photo), pairs.find(folder, "paintings", arguments.painting)
    small, model = (pairs.sized(open_still(path), arguments.size) for path in (photo, painting))
    beta = at_size(arguments.beta, arguments.size)
    rows: list[tuple[int, float, float]] = []
    began = time.perf_counter()

    def log(iteration: int, loss: float, picture: Tensor) -> None:
        rows.append((iteration, time.perf_counter() - began, loss))

    picture = plain(pairs.tensor(small), pairs.tensor(model), arguments.iterations, arguments.alpha, beta, log)
    seconds = time.perf_counter() - began
    loss = plain_loss(network(), pairs.tensor(small), pairs.tensor(model), arguments.alpha, beta)(pairs.tensor(as_image(picture)))
    style, content = machine.judge(small, model, as_image(picture), arguments.size)
    shown = sorted({*range(0, len(rows), max(1, len(rows) // 10)), len(rows) - 1})
    pairs.table("the plain way", ("iteration", "seconds", "loss"), [*(rows[i] for i in shown), (arguments.iterations, seconds, loss)])
    steps = np.diff([second for _, second, _ in rows])
    print(f"style {style:.4f}, content {content:.4f}; a step: median {np.median(steps):.3f} s, least {steps.min():.3f} s")
    if arguments.out:
        write_still(as_image(picture), arguments.out)
    result = {"style": style, "content": content, "seconds": seconds, "loss": loss, "step_median": float(np.median(steps)), "trace": rows}
    pairs.write(arguments, "plain", about, result)


def at_size(beta: float, size: int) -> float:
    """The style weight that keeps at another long side the balance it means at 512 px."""
    return beta * (size / 512) ** 2


if __name__ == "__main__":
    pairs.run(main)
