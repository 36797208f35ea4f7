"""A narrower body cut out of a trained one, to be trained on: the channels at 1/8 that matter most are kept (after Li et al. 2017,
"Pruning filters for efficient ConvNets", whose measure is the weights' own size)."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import safetensors.torch
import torch
from torch import Tensor

from atelier.errors import SettingError, WeightsError
from atelier.media import atomic_write
from atelier.training.network import read_network
from atelier.training.painter import Plan


def compressed(network: Path, out: Path, wide: int) -> tuple[int, int]:
    """Write the network with `wide` channels at 1/8 instead of more; how many numbers it had and has. Raises SettingError,
    WeightsError, OutputError."""
    if out.suffix != ".safetensors":
        raise SettingError(f"--out {out}: a network is written as .safetensors")
    tensors, about = read_network(network)
    try:
        plan = Plan(**{**(kept := json.loads(about["plan"])), "seen": tuple(kept["seen"])})
    except (KeyError, ValueError, TypeError) as error:
        raise WeightsError(f"{network} does not say its plan: it is no network that was trained here") from error
    if not wide < plan.wide:
        raise SettingError(f"--wide {wide}: the network has {plan.wide}, and is to have fewer")
    smaller = narrowed({name: value.float() for name, value in tensors.items()}, plan, wide)
    plan_now = dataclasses.replace(plan, wide=wide)
    metadata = {**about, "plan": json.dumps(dataclasses.asdict(plan_now))}
    data = safetensors.torch.save({name: value.half().contiguous() for name, value in smaller.items()}, metadata)
    atomic_write(data, out)
    return tuple(sum(value.numel() for value in each.values()) for each in (tensors, smaller))  # type: ignore[return-value]


def narrowed(tensors: dict[str, Tensor], plan: Plan, wide: int) -> dict[str, Tensor]:
    """The tensors for a plan of fewer wide channels."""
    size = {name: value.abs() for name, value in tensors.items()}

    def kernels(name: str, axis: int) -> Tensor:
        """How large what makes (axis 0), or takes (axis 1), each channel is."""
        return size[f"painter.convs.{name}.weight"].mean([i for i in range(4) if i != axis])

    def most(importance: Tensor) -> Tensor:
        return importance.topk(wide).indices.sort().values

    blocks = range(plan.blocks)
    # One choice for the channels that go through all blocks, and within each block one of its own.
    through = most(sum((kernels(f"wide{i}b", 0) + kernels(f"wide{i}a", 1) for i in blocks), kernels("down", 0) + kernels("up", 1)))
    inner = {i: most(kernels(f"wide{i}a", 0) + kernels(f"wide{i}b", 1)) for i in blocks}
    kept: dict[str, Tensor] = {"down": through}
    out = dict(tensors)

    def take(name: str, axis: int, which: Tensor) -> None:
        out[name] = out[name].index_select(axis, which)

    take("painter.convs.down.weight", 0, through)
    take("painter.convs.up.weight", 1, through)
    take("painter.noise.weight", 0, through)
    if plan.seen:
        take("painter.seen.down.weight", 0, through)
    for i in blocks:
        kept |= {f"wide{i}a": inner[i], f"wide{i}b": through}
        for name, rows, columns in ((f"wide{i}a", inner[i], through), (f"wide{i}b", through, inner[i])):
            take(f"painter.convs.{name}.weight", 0, rows)
            take(f"painter.convs.{name}.weight", 1, columns)
    if plan.norm == "batch":
        for name, which in kept.items():
            take(f"painter.mean_{name}", 0, which)
            take(f"painter.variance_{name}", 0, which)
    numbers = style_numbers(plan, kept, through)
    for name, axis in (("table.weight", 1), ("reader.numbers.weight", 0), ("reader.numbers.bias", 0)):
        if name in out:
            take(name, axis, numbers)
    return out


def style_numbers(plan: Plan, kept: dict[str, Tensor], through: Tensor) -> Tensor:
    """Which of a style's numbers stay: see `Plan.numbers`."""
    affine, at = [], 0
    for name, channels in plan.norms.items():
        affine.append(at + kept.get(name, torch.arange(channels)))
        at += channels
    gammas = torch.cat(affine)
    factors = torch.arange(4 * plan.rank * plan.wide).view(4, plan.wide, plan.rank)[:, through].flatten() + 2 * at
    return torch.cat([gammas, gammas + at, factors, through + plan.numbers - plan.wide])
