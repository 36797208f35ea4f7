"""The plain way, as everybody writes it: VGG-19 in float32, channels first, autograd, torch.optim.LBFGS, from the photo.

    python benchmarks/plain.py [--photo kodim23 --painting starry_night --size 512 --iterations 300 --out FILE.png]

The loss is alpha · content + beta · style on the Caffe network (RGB in 0..255 minus the mean): content ½Σ(F-P)² at conv4_2, style
Σ_l 1/5 · 1/(4N²) Σ(G/M - A/M')² over conv1_1 .. conv5_1. --loss gatys: as that stands; of the style, conv4_1 is then nearly all, since
the layers' Gram matrices differ by a factor of 1e5. --loss relative: each of these sums divided by what it is for a picture that
shows nothing, so that all layers count alike. It is what other programs here compare with.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

import machine
import pairs
from atelier.errors import Diverged
from atelier.image import Image
from atelier.media import open_still, write_still
from atelier.perception.weights import load

STYLE = ("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1")
CONTENT = "conv4_2"
LOSSES = ("relative", "gatys")
BALANCE = {"relative": (1.0, 10.0), "gatys": (1e-11, 1e-8)}
"""alpha and beta, at a long side of 512 px. Their size matters as well as their ratio: where L-BFGS meets a negative curvature before
it has a positive one, torch takes the gradient itself as the step, so it has to be of the order of a pixel (for alpha 1 and
Gatys' sums it is 1e9)."""

Network = dict[str, tuple[Tensor, Tensor]]
Objective = Callable[[Tensor], Tensor]
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


def objective(net: Network, content: Tensor, style: Tensor, alpha: float, beta: float, loss: str = "relative") -> Objective:
    """The total loss of a picture (1, 3, H, W), differentiable."""
    with torch.no_grad():
        p = features(net, content)[CONTENT]
        seen = features(net, style)
        a = {name: gram(seen[name]) for name in STYLE}
    divisor = dict.fromkeys((*STYLE, CONTENT), 1.0)
    if loss == "relative":
        divisor = {name: float(a[name].square().sum() / (4 * len(a[name]) ** 2)) for name in STYLE}
        divisor[CONTENT] = float(0.5 * p.square().sum())

    def total(picture: Tensor) -> Tensor:
        f = features(net, picture)
        value = alpha * 0.5 * (f[CONTENT] - p).square().sum() / divisor[CONTENT]
        for name in STYLE:
            n = f[name].shape[1]
            value = value + beta * 0.2 * (gram(f[name]) - a[name]).square().sum() / (4 * n**2) / divisor[name]
        return value

    return total


def plain_loss(
    net: Network, content: Tensor, style: Tensor, alpha: float, beta: float, loss: str = "relative"
) -> Callable[[Tensor], float]:
    """The total loss of a picture as a number."""
    total = objective(net, content, style, alpha, beta, loss)

    def value(picture: Tensor) -> float:
        with torch.no_grad():
            return float(total(picture))

    return value


def plain(
    content: Tensor,
    style: Tensor,
    iterations: int = 300,
    alpha: float = BALANCE["relative"][0],
    beta: float = BALANCE["relative"][1],
    callback: Callback | None = None,
    net: Network | None = None,
    loss: str = "relative",
) -> Tensor:
    """The picture after so many iterations, one evaluation each. content, style (1, 3, H, W), RGB in [0, 1]."""
    total = objective(net or network(), content, style, alpha, beta, loss)
    picture = content.clone().requires_grad_()
    optimiser = torch.optim.LBFGS([picture], max_iter=1, history_size=100, tolerance_grad=0, tolerance_change=0)
    for iteration in range(iterations):

        def closure(iteration: int = iteration) -> Tensor:
            optimiser.zero_grad()
            value = total(picture)
            value.backward()  # type: ignore[no-untyped-call]
            if callback:
                callback(iteration, value.item(), picture.detach())
            return value

        optimiser.step(closure)  # type: ignore[no-untyped-call]
    if not bool(torch.isfinite(picture).all()):
        raise Diverged("the plain way diverged: there is no line search to stop it; try other values of alpha and beta")
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
    add_balance(options)
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
    alpha, beta = balance(arguments)
    rows: list[tuple[int, float, float]] = []
    began = time.perf_counter()

    def log(iteration: int, loss: float, picture: Tensor) -> None:
        rows.append((iteration, time.perf_counter() - began, loss))

    picture = plain(pairs.tensor(small), pairs.tensor(model), arguments.iterations, alpha, beta, log, loss=arguments.loss)
    seconds = time.perf_counter() - began
    loss = plain_loss(network(), pairs.tensor(small), pairs.tensor(model), alpha, beta, arguments.loss)(pairs.tensor(as_image(picture)))
    errors = machine.judge(small, model, as_image(picture), arguments.size)
    shown = sorted({*range(0, len(rows), max(1, len(rows) // 10)), len(rows) - 1})
    pairs.table("the plain way", ("iteration", "seconds", "loss"), [*(rows[i] for i in shown), (arguments.iterations, seconds, loss)])
    steps = np.diff([second for _, second, _ in rows])
    print(f"{errors}; a step: median {np.median(steps):.3f} s, least {steps.min():.3f} s")
    if arguments.out:
        write_still(as_image(picture), arguments.out)
    result = {**errors.by_name(), "seconds": seconds, "loss": loss, "step_median": float(np.median(steps)), "trace": rows}
    result |= {"alpha": alpha, "beta": beta}
    pairs.write(arguments, "plain", about, result)


def add_balance(options: argparse.ArgumentParser) -> None:
    """The options that say what the plain way aims at."""
    options.add_argument("--loss", choices=LOSSES, default="relative", help="the plain way's loss: see plain.py")
    options.add_argument("--alpha", type=float, help="the plain way's content weight")
    options.add_argument("--beta", type=float, help="the plain way's style weight; with --loss gatys, for 512 px")


def balance(arguments: argparse.Namespace) -> tuple[float, float]:
    """(alpha, beta) at the size that is painted. Gatys' content is a sum over positions and his style a mean, so that the same balance
    at another size takes a beta that goes with the area."""
    alpha, beta = (
        usual if given is None else given for given, usual in zip((arguments.alpha, arguments.beta), BALANCE[arguments.loss], strict=True)
    )
    return alpha, beta * ((arguments.size / 512) ** 2 if arguments.loss == "gatys" else 1.0)


if __name__ == "__main__":
    pairs.run(main)
