"""Several processes that train one network, as torchrun starts them: each draws its own pictures, and gradients are averaged."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor

from atelier.errors import SettingError


@dataclass(frozen=True)
class Team:
    """rank: which process this is; the first, 0, is the one that writes. size: how many there are."""

    rank: int = 0
    size: int = 1
    device: str = "cpu"

    def average(self, tensors: Sequence[Tensor]) -> None:
        """Every tensor becomes the mean over processes, in one message."""
        if self.size == 1 or not tensors:
            return
        flat = torch.cat([t.detach().flatten() for t in tensors])
        dist.all_reduce(flat)
        flat /= self.size
        at = 0
        with torch.no_grad():
            for tensor in tensors:
                tensor.copy_(flat[at : at + tensor.numel()].view_as(tensor))
                at += tensor.numel()

    def total(self, numbers: Sequence[float]) -> list[float]:
        """Sums over processes."""
        if self.size == 1:
            return list(numbers)
        shared = torch.tensor(numbers, dtype=torch.float64, device=self.device)
        dist.all_reduce(shared)
        return [float(value) for value in shared]

    def together(self) -> None:
        """Wait for the others."""
        if self.size > 1:
            dist.barrier()


@contextmanager
def team(device: str) -> Iterator[Team]:
    """The processes that torchrun started, this one alone without it. Raises SettingError for a device that is not there."""
    size, rank, local = (int(os.environ.get(name, default)) for name, default in (("WORLD_SIZE", "1"), ("RANK", "0"), ("LOCAL_RANK", "0")))
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise SettingError("device", "torch finds no CUDA here; train on cpu", device)
    if device == "cuda" and size > 1:
        device = f"cuda:{local}"
        torch.cuda.set_device(device)
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise SettingError("device", f"{str(error).splitlines()[0]}", device) from error
    if size == 1:
        yield Team(device=device)
        return
    dist.init_process_group("nccl" if device.startswith("cuda") else "gloo")
    try:
        yield Team(rank, size, device)
    finally:
        dist.destroy_process_group()
