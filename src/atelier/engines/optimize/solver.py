"""How a canvas is moved towards its objective: Adam, L-BFGS or plain gradient descent, one iteration at a time."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from atelier.engines.optimize.canvas import Canvas

Evaluate = Callable[[Tensor], tuple[Tensor, dict[str, float]]]

HISTORY = 20
HISTORY_BYTES = 300 * 2**20
"""L-BFGS keeps pairs of canvas-sized vectors: as many as this allows, at most HISTORY, at least 2."""
FIRST_STEP = 0.02
"""Mean absolute change of a pixel in the first step of L-BFGS, when nothing is known of the curvature."""


@dataclass
class Solver:
    """Moves one canvas. Build it, call `step()` as often as wanted, then `settle()`.

    evaluate(pixels) -> (gradient, losses with `total`). A step that makes the loss NaN or infinite is undone, the
    curvature forgotten and the rate halved; after three in a row `stuck` is true.
    """

    canvas: Canvas
    evaluate: Evaluate
    optimiser: str
    rate: float
    average: float = 0.0
    stuck: bool = False
    steps: int = 0
    trace: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.parameters = self.canvas.parameters()
        self.scale = 0.0
        self.failures = 0
        self.sound = [p.detach().clone() for p in self.parameters]
        self.mean = [torch.zeros_like(p) for p in self.parameters] if self.average else []
        self.torch_optimiser = self.fresh()

    def fresh(self) -> torch.optim.Optimizer:
        match self.optimiser:
            case "adam":
                return torch.optim.Adam(self.parameters, lr=self.rate, betas=(0.9, 0.99))
            case "sgd":
                return torch.optim.SGD(self.parameters, lr=self.rate)
            case _:
                pair = 8 * sum(p.numel() for p in self.parameters)
                history = max(2, min(HISTORY, HISTORY_BYTES // pair))
                # One evaluation a step, no line search: cheaper per unit of progress here. The tolerances are ours.
                return torch.optim.LBFGS(
                    self.parameters, lr=self.rate, max_iter=1, history_size=history, tolerance_grad=0.0, tolerance_change=0.0
                )

    def step(self) -> dict[str, float]:
        """One iteration. Returns the losses of the picture it started from."""
        losses: dict[str, float] = {}

        def closure() -> float:
            pixels = self.canvas.render()
            gradient, found = self.evaluate(pixels)
            losses.update(found)
            if not math.isfinite(found["total"]) or not bool(torch.isfinite(gradient).all()):
                losses["total"] = math.nan
                for p in self.parameters:
                    p.grad = torch.zeros_like(p)
                return 0.0
            if not self.scale:
                # Gradients of the order of one, whatever the loss's units: L-BFGS compares products of them with constants.
                self.scale = 1.0 if self.optimiser == "sgd" else 1.0 / max(float(gradient.abs().mean()), 1e-30)
            for p in self.parameters:
                p.grad = None
            pixels.backward(gradient.mul_(self.scale))
            return found["total"] * self.scale

        first = self.optimiser == "lbfgs" and not self.torch_optimiser.state
        if first:
            # torch's first step has an L1 length of lr in all; ours is FIRST_STEP a pixel.
            size = FIRST_STEP * sum(p.numel() for p in self.parameters)
            self.torch_optimiser.param_groups[0]["lr"] = size * min(1.0, self.rate)
        before = [p.detach().clone() for p in self.parameters]
        self.torch_optimiser.step(closure)
        if first:
            self.torch_optimiser.param_groups[0]["lr"] = self.rate
        if not math.isfinite(losses["total"]):
            self.recover()
            return losses
        self.sound, self.failures = before, 0
        self.canvas.project()
        self.steps += 1
        self.trace.append(losses["total"])
        with torch.no_grad():
            for mean, p in zip(self.mean, self.parameters, strict=False):
                mean.lerp_(p, 1 - self.average)
        return losses

    def recover(self) -> None:
        """Back to the last picture whose loss was finite, more carefully."""
        self.failures += 1
        self.stuck = self.failures >= 3 or not self.steps
        self.rate /= 2
        with torch.no_grad():
            for p, good in zip(self.parameters, self.sound, strict=True):
                p.copy_(good)
        self.torch_optimiser = self.fresh()

    def settle(self) -> None:
        """Put what counts as the result into the canvas: the averaged iterate, else the last one if it is sound."""
        with torch.no_grad():
            if self.mean and self.steps:
                share = 1 - self.average**self.steps
                for p, mean in zip(self.parameters, self.mean, strict=True):
                    p.copy_(mean / share)
            elif any(not bool(torch.isfinite(p).all()) for p in self.parameters) or self.stuck:
                for p, good in zip(self.parameters, self.sound, strict=True):
                    p.copy_(good)
        self.canvas.project()

    def converged(self, tolerance: float, window: int = 10) -> bool:
        """Whether the last `window` iterations improved the loss by less than this share of it."""
        if not tolerance or len(self.trace) <= 2 * window:
            return False
        then, now = min(self.trace[:-window]), min(self.trace[-window:])
        return then - now < tolerance * abs(then)

    def state(self) -> dict[str, Any]:
        """Everything that `restore` needs to go on exactly, as tensors and plain values."""
        return {
            "parameters": [p.detach().clone() for p in self.parameters], "mean": [m.clone() for m in self.mean],
            "sound": self.sound, "scale": self.scale, "rate": self.rate,
            "steps": self.steps, "failures": self.failures, "trace": list(self.trace),
            "optimiser": copy.deepcopy(self.torch_optimiser.state_dict()),
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        with torch.no_grad():
            for p, value in zip(self.parameters, state["parameters"], strict=True):
                p.copy_(value)
        self.mean = [m.clone() for m in state["mean"]]
        self.sound = list(state["sound"])
        self.scale, self.rate, self.steps, self.failures = state["scale"], state["rate"], state["steps"], state["failures"]
        self.trace = list(state["trace"])
        self.torch_optimiser = self.fresh()
        self.torch_optimiser.load_state_dict(copy.deepcopy(state["optimiser"]))
