"""A narrower body cut out of a trained one, to be trained on: the channels at 1/8 and at 1/16 that matter most are kept (after Li et al.
2017, "Pruning filters for efficient ConvNets", whose measure is the weights' own size)."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import safetensors.torch
import torch
from torch import Tensor

from atelier.engines.network.plan import Plan
from atelier.errors import SettingError
from atelier.media import atomic_write
from atelier.training.kept import plan_of, read_network


def compressed(network: Path, out: Path, wide: int = 0, deep: int = 0) -> tuple[int, int]:
    """Write the network with `wide` channels at 1/8 and `deep` at 1/16 instead of more (0: as many as it has); how many numbers it had
    and has. Raises SettingError, WeightsError, OutputError."""
    if out.suffix != ".safetensors":
        raise SettingError("out", "a network is written as .safetensors", str(out))
    if not wide and not deep:
        raise SettingError("wide", "nothing to cut: give `wide`, `deep` or both")
    tensors, about = read_network(network)
    plan = plan_of(network, about)
    for option, asked, has in (("wide", wide, plan.wide), ("deep", deep, plan.deep)):
        if asked and not asked < has:
            raise SettingError(option, f"the network has {has}, and is to have fewer", asked)
    smaller_plan = dataclasses.replace(plan, wide=wide or plan.wide, deep=deep or plan.deep)
    smaller = narrowed({name: value.float() for name, value in tensors.items()}, plan, smaller_plan)
    metadata = {**about, "plan": smaller_plan.to_json()}
    data = safetensors.torch.save({name: value.half().contiguous() for name, value in smaller.items()}, metadata)
    atomic_write(data, out)
    return tuple(sum(value.numel() for value in each.values()) for each in (tensors, smaller))  # type: ignore[return-value]


def narrowed(tensors: dict[str, Tensor], plan: Plan, smaller: Plan) -> dict[str, Tensor]:
    """The tensors for a plan of fewer wide channels, fewer deep ones, or both."""
    size = {name: value.abs() for name, value in tensors.items()}

    def kernels(name: str, axis: int) -> Tensor:
        """How large what makes (axis 0), or takes (axis 1), each channel is."""
        return size[f"painter.convs.{name}.weight"].mean([i for i in range(4) if i != axis])

    def chosen(kind: str, count: int, first: Tensor, blocks: int) -> tuple[Tensor, dict[str, Tensor]]:
        """Which channels stay of those that go through all blocks of a kind, one choice for all, and within each block, of its own."""
        within = {}
        for i in range(blocks):
            first = first + kernels(f"{kind}{i}b", 0) + kernels(f"{kind}{i}a", 1)
            within[f"{kind}{i}a"] = most(kernels(f"{kind}{i}a", 0) + kernels(f"{kind}{i}b", 1), count)
        return most(first, count), within

    wide, kept = chosen("wide", smaller.wide, kernels("down", 0) + kernels("below", 1) + kernels("rise", 0) + kernels("up", 1), plan.blocks)
    deep, more = chosen("deep", smaller.deep, kernels("below", 0) + kernels("rise", 1), plan.deep_blocks)
    kept |= {**more, "down": wide, "below": deep, "rise": wide}
    kept |= {f"wide{i}b": wide for i in range(plan.blocks)} | {f"deep{i}b": deep for i in range(plan.deep_blocks)}
    taken = {"below": wide, "rise": deep, "up": wide}
    taken |= {name: wide if name.startswith("wide") else deep for name in kept if name.endswith("a")}
    taken |= {name: kept[f"{name[:-1]}a"] for name in kept if name.endswith("b")}
    out = dict(tensors)

    def take(name: str, axis: int, which: Tensor) -> None:
        out[name] = out[name].index_select(axis, which)

    for axis, every in enumerate((kept, taken)):
        for name, which in every.items():
            take(f"painter.convs.{name}.weight", axis, which)
    take("painter.noise.weight", 0, wide)
    if plan.seen:
        take("painter.seen.down.weight", 0, wide)
        take("painter.seen.below.weight", 0, deep)
    if plan.norm == "batch":
        for name, which in kept.items():
            take(f"painter.mean_{name}", 0, which)
            take(f"painter.variance_{name}", 0, which)
    numbers = style_numbers(plan, kept, wide, deep)
    for name, axis in (("table.weight", 1), ("reader.numbers.weight", 0), ("reader.numbers.bias", 0)):
        if name in out:
            take(name, axis, numbers)
    return out


def most(importance: Tensor, count: int) -> Tensor:
    """Which so many are the largest, in order."""
    return importance.topk(count).indices.sort().values


def style_numbers(plan: Plan, kept: dict[str, Tensor], wide: Tensor, deep: Tensor) -> Tensor:
    """Which of a style's numbers stay: see `Plan.numbers`."""
    affine, at = [], 0
    for name, channels in plan.norms.items():
        affine.append(at + kept.get(name, torch.arange(channels)))
        at += channels
    gammas = torch.cat(affine)
    factors = torch.arange(4 * plan.rank * plan.deep).view(4, plan.deep, plan.rank)[:, deep].flatten() + 2 * at
    return torch.cat([gammas, gammas + at, factors, wide + plan.numbers - plan.gains, torch.arange(plan.numbers - plan.fine, plan.numbers)])
