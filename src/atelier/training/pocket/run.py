"""A run of the distillation: begun, gone on with, kept."""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save as to_bytes
from torch import Tensor

from atelier.media import atomic_write
from atelier.perception.network import CONVS, activations, normalize
from atelier.perception.weights import load
from atelier.training.pocket.losses import TAPS, distillation_loss
from atelier.training.pocket.pictures import Pictures, hard_cases
from atelier.training.pocket.pool import Pool, paint
from atelier.training.pocket.student import Convs, Params, convolutions, cut_from_teacher, network_input, normalize_teacher

SIDES = (128, 256)
"""Of the crops, px, in turn. conv5_1 sees 156 px: on small crops alone it would learn the borders more than the picture."""
MADE_FROM = "VGG-19 (Oxford VGG, CC BY 4.0)"


@dataclass(frozen=True)
class Run:
    """What is asked for.

    photos, paintings: folders. teacher: VGG-19 as safetensors. out: folder of checkpoint, log and network; a run goes on with what is
    there. grow: a checkpoint or network of an earlier run, whose fitting layers are the start. decay: the last share of the steps, in
    which the rate falls to nothing. every: steps between checkpoints. threads: 0 for all cores. bf16: arithmetic of the networks.
    """

    photos: Path
    paintings: Path
    teacher: Path
    out: Path
    grow: Path | None = None
    steps: int = 20_000
    rate: float = 2e-3
    decay: float = 0.3
    every: int = 500
    seed: int = 0
    threads: int = 0
    device: str = "cpu"
    bf16: bool = True

    @property
    def dtype(self) -> torch.dtype:
        return torch.bfloat16 if self.bf16 else torch.float32

    @property
    def checkpoint(self) -> Path:
        return self.out / "checkpoint.pt"

    def rate_at(self, step: int) -> float:
        """Warm up, stay, fall."""
        decay = max(0.0, min(1.0, (self.steps - step) / (self.steps * self.decay)))
        return self.rate * min(1.0, (step + 1) / 100) * max(decay, 0.01)


def train(run: Run) -> None:
    """Distil, from the start or from the checkpoint. Prints as it goes."""
    run.out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(run.seed)
    torch.set_num_threads(run.threads or os.cpu_count() or 1)
    rng = np.random.default_rng(run.seed)
    photos, paintings = Pictures(run.photos, rng), Pictures(run.paintings, rng)
    print(f"{len(photos.images)} photos, {len(paintings.images)} paintings", flush=True)
    learner = Learner.begin(run, photos, paintings, rng)
    first, began = learner.step, time.perf_counter() - learner.seconds
    with (run.out / "log.jsonl").open("a") as log:
        while learner.step < run.steps:
            loss = learner.learn(photos, paintings)
            learner.seconds = time.perf_counter() - began
            if learner.step % 50 == 0 or learner.step == first + 1:
                record = learner.record(loss)
                log.write(json.dumps(record) + "\n")
                log.flush()
                print(record, flush=True)
            if learner.step % run.every == 0 or learner.step == run.steps:
                learner.keep()


@dataclass
class Learner:
    """A run on its way: everything that a checkpoint holds."""

    run: Run
    rng: np.random.Generator
    teacher: Convs
    input_scale: float
    params: Params
    average: Params
    pools: dict[int, Pool] = field(default_factory=lambda: {128: Pool(12, 3, 128), 256: Pool(8, 1, 256)})
    running: dict[str, tuple[float, float]] = field(default_factory=dict)
    step: int = 0
    seconds: float = 0.0

    def __post_init__(self) -> None:
        self.params = {k: v.clone().requires_grad_() for k, v in self.params.items()}
        dtype = self.run.dtype
        self.teacher = {n: (w.to(dtype).contiguous(memory_format=torch.channels_last), b.to(dtype)) for n, (w, b) in self.teacher.items()}
        by_muon = {k for k in self.params if k.endswith(".weight") and not k.startswith("conv1_1")}
        matrices, others = ([v for k, v in self.params.items() if (k in by_muon) == muon] for muon in (True, False))
        self.muon = torch.optim.Muon(matrices, lr=self.run.rate, weight_decay=0.0, momentum=0.95, adjust_lr_fn="match_rms_adamw")
        self.adam = torch.optim.AdamW(others, lr=self.run.rate, betas=(0.9, 0.99), weight_decay=0.0)

    @classmethod
    def begin(cls, run: Run, photos: Pictures, paintings: Pictures, rng: np.random.Generator) -> Learner:
        """Start anew, or from the checkpoint if there is one."""
        crops = [photos.crops(24, 128), paintings.crops(24, 128)]
        sample = torch.cat([*crops, hard_cases(photos.crops(16, 128), paintings.crops(16, 128), rng)]).to(run.device)
        if run.checkpoint.exists():
            return cls.restore(run, rng)
        teacher, input_scale = normalize_teacher(run.teacher, sample, torch.float32, run.device)
        learned: Params | None = None
        if run.grow and run.grow.suffix == ".safetensors":
            learned = _learned(run.grow, input_scale, run.device)
        elif run.grow:
            earlier = torch.load(run.grow, map_location=run.device, weights_only=True)
            learned, input_scale = earlier["average"], earlier["input_scale"]
            teacher = {n: (w.float(), b.float()) for n, (w, b) in earlier["teacher"].items()}
        params = cut_from_teacher(teacher, normalize(sample) / input_scale, learned)
        return cls(run, rng, teacher, input_scale, params, {k: v.clone() for k, v in params.items()})

    @classmethod
    def restore(cls, run: Run, rng: np.random.Generator) -> Learner:
        """Go on from the checkpoint."""
        state = torch.load(run.checkpoint, map_location=run.device, weights_only=True)
        teacher = {n: (w.float(), b) for n, (w, b) in state["teacher"].items()}
        rng.bit_generator.state = json.loads(state["rng"])
        learner = cls(run, rng, teacher, state["input_scale"], state["params"], state["average"])
        learner.muon.load_state_dict(state["muon"])
        learner.adam.load_state_dict(state["adam"])
        for size, pool in learner.pools.items():
            pool.groups, pool.turn = state["pools"][size], state["turns"][size]
        learner.running, learner.step, learner.seconds = state["running"], state["step"], state["seconds"]
        return learner

    def learn(self, photos: Pictures, paintings: Pictures) -> float:
        """Take one step. Returns the loss."""
        run = self.run
        for group in (*self.muon.param_groups, *self.adam.param_groups):
            group["lr"] = run.rate_at(self.step)
        size = SIDES[self.step % 2]
        optimized = self.pools[size].next(photos, paintings, self.rng, run.device)
        paint(optimized, self.params, self.input_scale, run.dtype)
        x = torch.cat([self._crops(size, photos, paintings).to(run.device), optimized["x"]])
        x = network_input(x, self.input_scale, run.dtype)
        with torch.no_grad():
            target = activations(self.teacher, x, CONVS)
        loss, numbers = distillation_loss(activations(convolutions(self.params, run.dtype), x, CONVS), target, self.params)
        self._descend(loss)
        for k, (f, g) in numbers.items():
            old = self.running.get(k, (f, g))
            self.running[k] = (old[0] * 0.98 + f * 0.02, old[1] * 0.98 + g * 0.02)
        self.step += 1
        return float(loss.detach())

    def _crops(self, size: int, photos: Pictures, paintings: Pictures) -> Tensor:
        """Cut crops of photos and paintings and make hard cases of some: (3 or 2, 3, size, size)."""
        if size == SIDES[0]:
            a, b = photos.crops(3, size), paintings.crops(3, size)
            return torch.cat([a[:2], b[:2], hard_cases(a[2:], b[2:], self.rng)])
        a, b = photos.crops(1, size), paintings.crops(1, size)
        pairs = [torch.cat([a, b]), torch.cat([a, hard_cases(a, b, self.rng)]), torch.cat([b, hard_cases(a, b, self.rng)])]
        return pairs[self.step // 2 % 3]

    def _descend(self, loss: Tensor) -> None:
        self.muon.zero_grad(set_to_none=True)
        self.adam.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.params.values(), 10.0)
        if torch.isfinite(loss):
            self.muon.step()
            self.adam.step()
        with torch.no_grad():
            keep = min(0.999, (self.step + 1) / (self.step + 20))
            for k, v in self.params.items():
                self.average[k].lerp_(v, 1 - keep)

    def record(self, loss: float) -> dict[str, Any]:
        """Say how far it is, for the log: running errors (feature, Gram) of every tap."""
        head = {"step": self.step, "loss": round(loss, 4), "rate": self.run.rate_at(self.step - 1), "seconds": round(self.seconds, 1)}
        return head | {k: [round(v, 4) for v in self.running[k]] for k in TAPS}

    def keep(self) -> None:
        """Write checkpoint and network, each whole."""
        state = {
            "params": {k: v.detach() for k, v in self.params.items()}, "average": self.average,
            "muon": self.muon.state_dict(), "adam": self.adam.state_dict(),
            "pools": {size: pool.groups for size, pool in self.pools.items()},
            "turns": {size: pool.turn for size, pool in self.pools.items()},
            "step": self.step, "input_scale": self.input_scale, "teacher": self.teacher,
            "rng": json.dumps(self.rng.bit_generator.state), "running": self.running, "seconds": self.seconds,
        }  # fmt: skip
        beside = self.run.checkpoint.with_suffix(".part")
        torch.save(state, beside)
        beside.replace(self.run.checkpoint)
        said = {"teacher": MADE_FROM, "steps": str(self.step), "seed": str(self.run.seed)}
        save(self.run.out / "pocket.safetensors", self.average, self.input_scale, said)


def _learned(path: Path, input_scale: float, device: str) -> Params:
    """Read the layers of a network as it ships, for the student's input."""
    earlier = load(path)
    learned = {f"{n}.weight": torch.from_numpy(w).float().flatten(1).to(device) for n, (w, _) in earlier.layers.items()}
    learned |= {f"{n}.bias": torch.from_numpy(b).float().to(device) for n, (_, b) in earlier.layers.items()}
    learned["conv1_1.weight"] = learned["conv1_1.weight"] * input_scale
    return learned


def save(path: Path, tensors: Params, input_scale: float, metadata: dict[str, str]) -> None:
    """Write the network as it ships: int8 convolutions (a scale a channel) that take 0..255 minus the mean, and the metric of each tap."""
    out: Params = {}
    for name in CONVS:
        weight, bias = tensors[f"{name}.weight"], tensors[f"{name}.bias"]
        kernel = weight.view(weight.shape[0], -1, 3, 3)
        if name == CONVS[0]:
            kernel = kernel / input_scale
        scale = kernel.abs().amax((1, 2, 3), keepdim=True) / 127
        out[f"{name}.weight"] = (kernel / scale).round().to(torch.int8).cpu().contiguous()
        out[f"{name}.scale"], out[f"{name}.bias"] = scale.flatten().cpu(), bias.half().cpu()
        if name in TAPS:
            out[f"{name}.metric"] = torch.linalg.qr(tensors[f"{name}.head"].double().cpu())[1].half().contiguous()
    notes = {**metadata, "input": "RGB 0..255 minus mean", "mean": "123.68,116.779,103.939", "pool": "max 2x2"}
    atomic_write(to_bytes(out, notes), path)
