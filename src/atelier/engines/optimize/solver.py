"""How a canvas is moved towards its objective: L-BFGS, Adam or gradient descent, one iteration at a time."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from atelier.engines.optimize.canvas import Canvas
from atelier.engines.optimize.descent import Accelerated, Adam, Descent, PerPart, Plain
from atelier.engines.optimize.lbfgs import LBFGS

Evaluate = Callable[[Tensor], tuple[Tensor, dict[str, float]]]

HISTORY = 10
HISTORY_BYTES = 300 * 2**20
"""L-BFGS keeps pairs of canvas-sized vectors: as many as this allows, at most HISTORY, at least one."""
GROWTH, SLACK = 2.0, 0.05
"""A loss over GROWTH times the lowest plus SLACK of the first one is astray. The latter is for the end of a long way down,
where Adam goes to and fro by many times a loss that is next to nothing."""
PATIENCE = 5
"""Iterations in a row that may be astray: from a start that is nearly as wanted, the first steps of L-BFGS and Adam lead up to
thirty times higher (measured from the photo itself), and are back after four. A rate that was too large once is given none."""
WOBBLE = 0.1
"""The last picture is the result, though one before it had a loss lower by up to this share."""
SURE = 3
"""Good steps in a row after which another one is trusted without having been looked at."""
MOST_TROUBLES = 20
"""Times gone back after which the rate, halved each time, moves nothing any more."""


@dataclass
class Solver:
    """Moves one canvas. Build it, call `step()` as often as wanted, then `settle()`.

    evaluate(image) -> (gradient by the image, losses with `total`), for the canvas's image (1, 3, H, W). The parameters of the lowest
    loss are kept. Where the loss is NaN or infinite, or stays much higher than that (see PATIENCE), it is gone back to them, the
    curvature forgotten and the rate halved. `undone` says so of the step just made; after three in a row that were not finite, or
    MOST_TROUBLES of any kind, `stuck` is true.
    nesterov, armijo: of gradient descent (see `descent.Accelerated`).
    parts: flat positions (n,) in the canvas's parameters; where they are given, L-BFGS learns the curvature of each by itself: regions
    whose losses have nothing to do with each other would share its few pairs of vectors, and converge late.
    """

    canvas: Canvas
    evaluate: Evaluate
    optimizer: str
    rate: float
    average: float = 0.0
    parts: Sequence[Tensor] = ()
    nesterov: bool = False
    armijo: bool = False
    stuck: bool = False
    undone: bool = False
    steps: int = 0
    trace: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.parameters = self.canvas.parameters()
        self.scale = 0.0
        self.failures = 0
        self.troubles, self.since = 0, 0  # times gone back, and steps since then
        self.astray = 0  # losses in a row, up to now, that are astray
        self.best, self.lowest = [p.detach().clone() for p in self.parameters], math.inf
        self.mean = [torch.zeros_like(p) for p in self.parameters] if self.average else []
        self.averaged, self.pending = 0, False  # iterates in the mean; whether the present one has yet to enter it
        self.descent = self.fresh()

    def fresh(self) -> Descent:
        match self.optimizer:
            case "adam":
                return Adam(self.rate)
            case "sgd":
                return Accelerated(self.rate, self.nesterov, self.armijo) if self.nesterov or self.armijo else Plain(self.rate)
            case _:
                pair = 8 * sum(p.numel() for p in self.parameters)
                history = max(1, min(HISTORY, HISTORY_BYTES // pair))

                def of(part: Tensor | None) -> LBFGS:
                    return LBFGS(self.rate, history, self.canvas.precondition(part), self.canvas.bounds)

                return PerPart(self.parts, [of(part) for part in self.parts]) if self.parts else of(None)

    def step(self) -> dict[str, float]:
        """One iteration. Returns the losses of the image it started from."""
        image = self.canvas.image()
        gradient, losses = self.evaluate(image)
        if not math.isfinite(losses["total"]) or not math.isfinite(float(gradient.sum())):  # one that is not finite makes the sum so
            losses["total"] = math.nan
        self.astray = self.astray + 1 if self.worse(losses["total"]) else 0
        self.undone = not math.isfinite(losses["total"]) or self.astray > (0 if self.troubles else PATIENCE)
        if self.undone:
            self.recover(finite=math.isfinite(losses["total"]))
            return losses
        if not self.astray:
            self.remember(losses["total"])
        if not self.scale and bool(gradient.any()):
            # Gradients of the order of one, whatever the loss's units: L-BFGS compares products of them with constants.
            units = self.optimizer == "sgd" and not self.armijo
            self.scale = 1.0 if units else 1.0 / max(float(gradient.abs().mean()), 1e-30)
        slopes = slopes_of(image, self.parameters, gradient.mul_(self.scale))
        del image, gradient
        self.descent.step(self.parameters, slopes, losses["total"] * self.scale)
        self.failures = 0
        self.canvas.project()
        self.steps += 1
        self.since += 1
        self.pending = True
        self.trace.append(losses["total"])
        return losses

    def worse(self, total: float) -> bool:
        """Whether a loss is astray."""
        return bool(self.trace) and total > self.lowest + (GROWTH - 1) * abs(self.lowest) + SLACK * abs(self.trace[0])

    def remember(self, total: float) -> None:
        """Take in the iterate at hand, now that its loss is known to be sound: into the mean, and as the best if it is."""
        with torch.no_grad():
            if total < self.lowest:
                self.lowest = total
                for best, p in zip(self.best, self.parameters, strict=True):
                    best.copy_(p)
            if self.pending:
                for mean, p in zip(self.mean, self.parameters, strict=False):
                    mean.lerp_(p, 1 - self.average)
                self.averaged += 1
                self.pending = False

    def recover(self, finite: bool) -> None:
        """Back to the best picture, more carefully."""
        self.failures += not finite
        self.stuck = self.failures >= 3 or not self.steps or self.troubles >= MOST_TROUBLES
        self.troubles, self.since, self.astray, self.pending = self.troubles + 1, 0, 0, False
        self.rate /= 2
        self.put(self.best)
        self.descent = self.fresh()

    def put(self, values: Iterable[Tensor]) -> None:
        with torch.no_grad():
            for p, value in zip(self.parameters, values, strict=True):
                p.copy_(value)

    def settle(self) -> None:
        """Put what counts as the result into the canvas: the averaged iterate, else the last one; but the best where they may be
        clearly worse. The last one has not been looked at, so it is judged by those before it."""
        if not self.steps:
            self.put(self.best)
        elif self.mean:
            self.put(self.averages())
            # Once the loss has been above its first value, the mean may be of bad pictures; otherwise looking again is saved.
            if (self.troubles or max(self.trace) > self.trace[0]) and not self.sound():
                self.put(self.best)
        elif self.strayed():
            self.put(self.best)
        self.canvas.project()

    def strayed(self) -> bool:
        """Whether there is reason to think that the picture at hand is clearly worse than the best."""
        return self.stuck or self.trace[-1] > self.lowest + WOBBLE * abs(self.lowest) or bool(self.troubles and self.since < SURE)

    def averages(self) -> list[Tensor]:
        """The mean of the iterates, bias-corrected; those astray are left out, and the present one where it may be."""
        pending = self.pending and not self.astray and not (self.troubles and self.since < SURE)
        if not self.averaged and not pending:
            return self.best
        share = 1 - self.average ** (self.averaged + pending)
        with torch.no_grad():
            return [
                (mean.lerp(p, 1 - self.average) if pending else mean) / share for mean, p in zip(self.mean, self.parameters, strict=True)
            ]

    def sound(self) -> bool:
        """Whether what is in the canvas is no worse than what the solver began with, and not much worse than the best."""
        total = self.evaluate(self.canvas.image())[1]["total"]
        return math.isfinite(total) and total <= self.trace[0] and not self.worse(total)

    def converged(self, tolerance: float, window: int = 10) -> bool:
        """Whether the last `window` iterations improved the loss by less than this share of it."""
        if not tolerance or len(self.trace) <= 2 * window:
            return False
        then, now = min(self.trace[:-window]), min(self.trace[-window:])
        return then - now < tolerance * abs(then)

    def state(self) -> dict[str, Any]:
        """Everything that `restore` needs to go on exactly, as tensors and plain values."""
        return {
            "parameters": [p.detach().clone() for p in self.parameters],
            "best": [p.clone() for p in self.best],
            "mean": [p.clone() for p in self.mean],
            "optimizer": copy.deepcopy(self.descent.state()),
            "trace": list(self.trace),
            **{name: getattr(self, name) for name in COUNTS},
        }

    def restore(self, state: dict[str, Any]) -> None:
        self.put(state["parameters"])
        with torch.no_grad():
            for kept, given in ((self.best, state["best"]), (self.mean, state["mean"])):
                for p, value in zip(kept, given, strict=True):
                    p.copy_(value)
        for name in COUNTS:
            setattr(self, name, state[name])
        self.trace = list(state["trace"])
        self.descent = self.fresh()
        self.descent.restore(_moved(state["optimizer"], self.parameters[0].device))


def slopes_of(image: Tensor, parameters: Sequence[Tensor], gradient: Tensor) -> Sequence[Tensor]:
    """The gradient by the parameters of what has this gradient by the image, (1, 3, H, W).

    Told a gradient, `torch.autograd` loads its compiler's algebra, a second; of a sum it does not."""
    if len(parameters) == 1 and image is parameters[0]:
        return [gradient]
    return torch.autograd.grad((image * gradient).sum(), parameters)


def _moved(state: Any, device: torch.device) -> Any:
    """A copy of a state, its tensors on a device: checkpoints are read without one."""
    match state:
        case Tensor():
            return state.to(device, copy=True)
        case dict():
            return {name: _moved(value, device) for name, value in state.items()}
        case list() | tuple():
            return type(state)(_moved(value, device) for value in state)
        case _:
            return state


COUNTS = ("scale", "rate", "steps", "failures", "troubles", "since", "astray", "lowest", "averaged", "pending")
"""The solver's plain values, as they stand in its state."""
