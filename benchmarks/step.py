"""One step of the optimiser, value and gradient: how much arithmetic it is, and how much of the machine it gets out.

    python benchmarks/step.py [--size 512] [--repeats 10] [--profile]

Recipe `gatys` on VGG-19 beside the plain way (plain.py) and the pocket network, in turn in one process; the arithmetic is counted
from the shapes of the convolutions, the machine's rate is that of its bfloat16 matrix products, before and after. Memory is
measured in a process for each.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F

import machine
import pairs
import plain
from atelier.engines.optimize.objective import Objective
from atelier.engines.optimize.recipes import recipe
from atelier.engines.optimize.style import Exemplar
from atelier.perception.network import CONVS, Network, layer_name
from atelier.request import Settings, override

WAYS = {
    "gatys vgg19": {"features": "vgg19"},
    "gatys vgg19 float32": {"features": "vgg19", "precision": "float32"},
    "gatys pocket": {"features": "pocket"},
}
PLAIN = "plain"
PAINTING = 0.83
"""Height of the made-up painting as a share of its width; what is painted is square."""


def settings_of(way: str) -> Settings:
    return override(recipe("gatys").settings, WAYS[way])


def network_of(settings: Settings) -> Network:
    kind = {"auto": None, "float32": torch.float32, "bfloat16": torch.bfloat16}[settings.precision]
    return Network.load(settings.features, "cpu", kind)


def pictures(size: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Something like a photo, size x size, and something like a painting: smooth noise. Only their shapes matter here."""
    generator = torch.Generator().manual_seed(0)
    made = []
    for shape in ((size, size), (round(size * PAINTING), size)):
        small = torch.rand(1, 3, shape[0] // 8 + 1, shape[1] // 8 + 1, generator=generator)
        made.append(F.interpolate(small, size=shape, mode="bicubic").clamp(0, 1))
    return made[0], made[1]


def evaluation(way: str, size: int) -> Callable[[], Any]:
    """A call of this evaluates value and gradient once."""
    content, style = pictures(size)
    picture = (content + 0.05 * torch.randn(content.shape, generator=torch.Generator().manual_seed(1))).clamp(0, 1)
    if way == PLAIN:
        total = plain.objective(plain.network(), content, style, 1.0, 10.0)

        def once() -> torch.Tensor:
            x = picture.clone().requires_grad_()
            (gradient,) = torch.autograd.grad(total(x), x)
            return gradient

        return once
    settings = settings_of(way)
    objective = Objective(network_of(settings), settings, content, [Exemplar(style)], settings.tile)
    return lambda: objective(picture)


def work(way: str, size: int) -> dict[str, float]:
    """GFLOP of one step: forward and backward to the input of every convolution that is needed (2 x 2 x multiplications and
    additions; the weights have no gradient), and the Gram products forward and backward."""
    settings = settings_of(next(iter(WAYS)) if way == PLAIN else way)
    weights = network_of(settings).weights
    style, content = ({layer_name(name) for name in layers} for layers in (settings.style_layers, settings.content_layers))
    deepest = max(CONVS.index(name) for name in style | content)
    convolutions = grams = 0.0
    for name in CONVS[: deepest + 1]:
        positions = (size >> (int(name[4]) - 1)) ** 2
        out, into, height, width = weights[name][0].shape
        convolutions += 2 * 2.0 * positions * out * into * height * width
        grams += 2 * 2.0 * positions * out * out if name in style else 0.0
    return {"convolutions": convolutions / 1e9, "grams": grams / 1e9, "total": (convolutions + grams) / 1e9}


def some(way: str, size: int, count: int, threads: int | None = None) -> int:
    """A few steps and no more, for the memory they take. count 0: the network and the targets alone."""
    if threads:
        torch.set_num_threads(threads)
    once = evaluation(way, size)
    for _ in range(count):
        once()
    return count


def profile(once: Callable[[], Any], rows: int = 14) -> list[dict[str, Any]]:
    """What one step spends its time in, by operation."""
    once()
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as watch:
        once()
    events = sorted(watch.key_averages(), key=lambda event: -event.self_cpu_time_total)
    whole = sum(event.self_cpu_time_total for event in events)
    return [
        {"op": e.key, "calls": e.count, "ms": e.self_cpu_time_total / 1e3, "share": e.self_cpu_time_total / whole} for e in events[:rows]
    ]


def main() -> None:
    options = pairs.parser(__doc__ or "")
    options.add_argument("--size", type=int, default=512, help="side of the square picture, px")
    options.add_argument("--repeats", type=int, default=10)
    options.add_argument("--profile", action="store_true", help="also break a step down by operation")
    options.add_argument("--no-memory", action="store_true", help="leave out the memory")
    arguments = options.parse_args()
    side = 4096
    if arguments.quick:
        arguments.size, arguments.repeats, side = 96, 2, 1024
    pairs.ready(arguments)
    pairs.vgg()
    about = machine.introduce()
    ways = [*WAYS, PLAIN]

    def rate() -> float:
        return machine.gemm_rate(torch.bfloat16 if about["bf16"] else torch.float32, side, 3) / 1e9  # emulated, it would take hours

    before = rate()
    steps = {way: evaluation(way, arguments.size) for way in ways}
    seconds = machine.in_turn(steps, arguments.repeats, warm=2)
    after, gemm32 = rate(), machine.gemm_rate(torch.float32, side, 3) / 1e9
    gemm = max(before, after)
    results: dict[str, Any] = {"gemm_bf16_gflops": gemm, "gemm_float32_gflops": gemm32, "size": arguments.size, "ways": {}}
    for way in ways:
        count, least, middle = work(way, arguments.size), min(seconds[way]), machine.median(seconds[way])
        results["ways"][way] = {
            "gflop": count, "least": least, "median": middle, "gflops": count["total"] / least, "share": count["total"] / least / gemm,
            "times_faster_than_plain": machine.median(seconds[PLAIN]) / middle,
        }  # fmt: skip
        if not arguments.no_memory:
            given = {"way": way, "size": arguments.size, "threads": arguments.threads}
            peak, bare = (machine.fresh("step", "some", **given, count=n)["peak_mib"] for n in (2, 0))
            results["ways"][way] |= {"peak_mib": peak, "targets_peak_mib": bare}
    columns = ("way", "GFLOP", "least s", "median s", "GFLOP/s", "of bf16 GEMM", "plain / this", "peak MiB")
    rows = [
        (w, r["gflop"]["total"], r["least"], r["median"], r["gflops"], f"{r['share']:.0%}", r["times_faster_than_plain"], r.get("peak_mib"))
        for w, r in results["ways"].items()
    ]
    pairs.table(f"one step at {arguments.size} x {arguments.size}", columns, rows)
    counted = results["ways"]["gatys vgg19"]["gflop"]
    print(f"Of the GFLOP of VGG-19: convolutions {counted['convolutions']:.1f}, Gram products {counted['grams']:.1f}.")
    print(f"Matrix products of {side}: bfloat16 {gemm:.0f} GFLOP/s, float32 {gemm32:.0f} GFLOP/s.")
    if arguments.profile:
        for way in ("gatys vgg19", "gatys pocket", PLAIN):
            ops = profile(steps[way])
            results["ways"][way]["ops"] = ops
            shown = [(o["op"], o["calls"], o["ms"], f"{o['share']:.1%}") for o in ops]
            pairs.table(f"{way}: one step by operation", ("operation", "calls", "ms", "share"), shown)
    pairs.write(arguments, "step", about, results)


if __name__ == "__main__":
    pairs.run(main)
