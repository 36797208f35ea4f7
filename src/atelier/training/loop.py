"""The loop that trains painters: one step after the other, by pictures that a step's number alone decides.

How much content counts is not given but found: its weight moves until the content error is the one asked for, which makes
styles, runs and ablations comparable.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from atelier.engines.network.plan import CELL, Plan
from atelier.errors import Cancelled, Diverged, SettingError
from atelier.image.moments import Moments
from atelier.losses import total_variation
from atelier.perception.network import STYLE_LAYERS, fastest
from atelier.progress import Progress, Report, silent
from atelier.training.data import Look, Pictures, stacked
from atelier.training.objective import (
    LAYER_WEIGHTS,
    SHALLOW,
    Sight,
    balance,
    colored,
    content_error,
    cut,
    grid_share,
    identity_error,
    layer_errors,
    padded,
    recolored,
    strokes,
)  # fmt: skip
from atelier.training.painter import Painter
from atelier.training.settings import TrainSettings
from atelier.training.team import Team

LOG_EVERY = 10
LOST = 20
"""Steps in a row without finite numbers after which training is given up."""
SMOOTH = 0.95
"""Of the running means of losses that are logged and shown."""
BOUNDS = math.log(1e-3), math.log(10.0)
"""What the content weight stays within, as logarithms."""
LAG_RATE, LEAST_LAG = 0.02, 0.05
"""How fast the running mean of a style's loss follows, and its least: no style is forgotten."""
OUT_OF_RANGE = 10.0
"""Weight of what a linear output has beyond black and white, squared."""

State = dict[str, Any]


@dataclass(frozen=True)
class Lessons:
    """Pictures to train with. photos: crops; wholes: photos as a whole. named: paintings by name, a row of the table each, in order.
    others: those a reader learns on as well."""

    photos: Pictures
    wholes: Pictures | None = None
    named: Pictures | None = None
    others: Pictures | None = None


@dataclass
class Trainer:
    """What is being trained, and how far. parts: painter, and reader or table, whose last row is the photo left as it is.

    Everything that `state` gives and `restore` takes decides what comes; with the same lessons and settings, nothing else does.
    """

    parts: dict[str, nn.Module]
    plan: Plan
    lessons: Lessons
    settings: TrainSettings
    seed: int
    team: Team = field(default_factory=Team)
    frozen: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        settings = self.settings
        for name, module in self.parts.items():
            module.requires_grad_(name not in self.frozen)
            module.train(name not in self.frozen)
        trained = {name: module for name, module in self.parts.items() if name not in self.frozen}
        rates = {name: settings.rate * (settings.table_rate if name == "table" else 1.0) for name in trained}
        groups = [{"params": list(module.parameters()), "lr": rates[name]} for name, module in trained.items()]
        self.rates = list(rates.values())
        self.optimizer = torch.optim.Adam(groups, lr=settings.rate, betas=(0.9, 0.99))
        self.parameters = [p for group in groups for p in group["params"]]  # type: ignore[attr-defined]
        self.buffers = [b for module in trained.values() for name, b in module.named_buffers() if not name.startswith("triangle")]
        self.average = {f"{part}.{k}": v.detach().clone() for part, module in self.parts.items() for k, v in module.state_dict().items()}
        self.rows = len(self.lessons.named.names) if self.lessons.named and "table" in self.parts else 1
        self.contents = [settings.content] * self.rows
        for name, content in settings.single_contents.items():
            named = self.lessons.named.names if self.lessons.named else ()
            if name not in named:
                raise SettingError("contents", f"the styles are {', '.join(named)}", name)
            self.contents[named.index(name)] = content
        self.weight = torch.full((self.rows,), math.log(settings.content_weight), dtype=torch.float64)
        self.lag = torch.ones(self.rows, dtype=torch.float64)  # running means of each style's loss: what lags behind is drawn more often
        self.step, self.seconds, self.total = 0, 0.0, 0 if settings.seconds else settings.steps
        self.running: dict[str, float] = {}
        self.lost = 0
        self.half = settings.precision == "bfloat16" or (settings.precision == "auto" and fastest(str(self.device)) is torch.bfloat16)

    @property
    def device(self) -> torch.device:
        return self.lessons.photos.eye.device

    # One step ---------------------------------------------------------------------------------------------------------

    def advance(self) -> None:
        """Take a step. Raises Diverged after LOST steps in a row that went nowhere."""
        settings, team = self.settings, self.team
        shared = np.random.default_rng((self.seed, 3, self.step))
        itself = settings.cross > 0 and shared.random() < settings.cross
        rng = np.random.default_rng((self.seed, 4, self.step, team.rank))
        for group, full in zip(self.optimizer.param_groups, self.rates, strict=True):
            group["lr"] = full * self.pace()
        loss, losses, errors = self.loss(rng, itself)
        self.optimizer.zero_grad(set_to_none=False)
        torch.autograd.backward(loss)
        for parameter in self.parameters:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
        team.average([p.grad for p in self.parameters if p.grad is not None])
        team.average(self.buffers)
        norm = float(nn.utils.clip_grad_norm_(self.parameters, 1.0))
        self.step += 1
        if not math.isfinite(norm):
            self.lost += 1
            if self.lost >= LOST:
                raise Diverged(f"the training has lost its way at step {self.step}: try a smaller `rate`, or `precision=float32`")
            return
        self.lost = 0
        self.optimizer.step()
        with torch.no_grad():
            keep = min(0.998, self.step / (self.step + 10))
            for part, module in self.parts.items():
                for k, v in module.state_dict().items():
                    self.average[f"{part}.{k}"].lerp_(v, 1 - keep)
        self.weigh(errors)
        for name, value in zip(losses, team.total(list(losses.values())), strict=True):
            self.running[name] = self.running.get(name, value / team.size) * SMOOTH + value / team.size * (1 - SMOOTH)

    def pace(self) -> float:
        """What the step size is multiplied by now."""
        rising = min(1.0, (self.step + 1) / max(1, self.settings.warmup))
        if not self.total:
            return rising
        return rising * min(1.0, max(0.02, (self.total - self.step) / (self.total * self.settings.decay)))

    def loss(self, rng: np.random.Generator, itself: bool) -> tuple[Tensor, dict[str, float], list[tuple[int, float, float]]]:
        """What the step descends; losses to log; and of each row that was painted its content error and its style loss."""
        settings, device = self.settings, self.device
        photos, crops = self.crops(rng, itself)
        looks = [photos.look(i) for i in crops]
        x = photos.batch(crops)
        rows, wanted = self.drawn(rng, len(crops))
        if itself:
            rows, wanted = [self.rows] * settings.batch, looks
        if "reader" in self.parts:
            numbers = self.parts["reader"]({n: stacked(wanted, lambda look, n=n: look.read[n], device) for n in STYLE_LAYERS})  # type: ignore[misc]
        else:
            numbers = self.parts["table"](torch.tensor(rows, device=device))
        painted = self.paint(self.parts["painter"], x, looks, wanted, numbers, rng)
        sight = photos.eye(painted.clamp(0, 1) if self.plan.output == "linear" else painted, SHALLOW if itself else tuple(LAYER_WEIGHTS))
        errors: list[tuple[int, float, float]] = []
        if itself:
            with torch.no_grad():
                own: Sight = photos.eye(x, SHALLOW)
            loss = identity_error(painted, x, sight, own).mean()
            losses = {"identity": float(loss.detach())}
        else:
            loss, losses, errors = self.judged(painted, sight, looks, wanted, rows)
        if self.plan.output == "linear":
            loss = loss + (painted - painted.clamp(0, 1)).square().mean() * OUT_OF_RANGE
        return loss, losses, errors

    def crops(self, rng: np.random.Generator, itself: bool) -> tuple[Pictures, list[int]]:
        """Draw the step's photos: one whole one, crops of one photo, or crops of any."""
        settings, photos = self.settings, self.lessons.photos
        if self.lessons.wholes is not None and not itself and rng.random() < settings.whole:
            return self.lessons.wholes, [int(rng.integers(0, len(self.lessons.wholes)))]
        if settings.together:
            first, start = (int(rng.integers(0, n)) for n in (len(photos) // photos.each, photos.each))
            return photos, [first * photos.each + (start + i) % photos.each for i in range(settings.batch)]
        return photos, [int(i) for i in rng.integers(0, len(photos), settings.batch)]

    def judged(
        self, painted: Tensor, sight: Sight, looks: list[Look], wanted: list[Look], rows: list[int]
    ) -> tuple[Tensor, dict[str, float], list[tuple[int, float, float]]]:
        """The loss of painted crops (B, 3, H, W): content and style, and what smooths. The rest as `loss` gives it."""
        settings, device = self.settings, self.device
        content = content_error(sight.content, stacked(looks, lambda look: look.content, device))
        target = {n: stacked(wanted, lambda look, n=n: look.grams[n], device) for n in LAYER_WEIGHTS}  # type: ignore[misc]
        grams: Mapping[str, Tensor] = sight.grams
        if settings.together:  # the target is the same for all; one row of it, and of what was painted
            grams = {n: gram.mean(0, keepdim=True) for n, gram in grams.items()}
            target = {n: each[:1] for n, each in target.items()}
        by_layer = layer_errors(grams, target)
        style = balance(by_layer)
        weights = self.weight[rows].exp().to(content)
        varied, grid = total_variation(painted) / len(painted), grid_share(painted).mean()
        loss = (style + weights * content).mean() + settings.tv * varied + settings.grid * grid
        errors = list(zip(rows, content.tolist(), style.expand(len(rows)).tolist(), strict=True))
        losses = {"total": float(loss.detach()), "style": float(style.detach().mean()), "content": float(content.detach().mean())}
        losses |= {"tv": float(varied.detach()), "grid": float(grid.detach()), "weight": float(weights.mean())}
        losses |= {"strokes": float(strokes(by_layer).detach().mean())} | {n: float(e.detach().mean()) for n, e in by_layer.items()}
        return loss, losses, errors

    def drawn(self, rng: np.random.Generator, times: int) -> tuple[list[int], list[Look]]:
        """Styles for so many pictures: their rows of the table, and looks at them. A table sees each painting as a whole; a reader, any
        part."""
        lessons, batch = self.lessons, 1 if self.settings.together else times
        if "table" in self.parts:
            assert lessons.named is not None
            every = len(lessons.named.names)
            chance = (self.lag / self.lag.sum()).numpy()
            rows = [int(i) for i in rng.choice(every, batch, replace=every < batch, p=chance)]
            return self.spread(rows, [lessons.named.look(i * lessons.named.each) for i in rows], times)
        source = lessons.named
        if source is None or (lessons.others is not None and rng.random() >= self.settings.named_share):
            source = lessons.others
        assert source is not None
        return self.spread([0] * batch, [source.look(int(i)) for i in rng.integers(0, len(source), batch)], times)

    def spread(self, rows: list[int], looks: list[Look], times: int) -> tuple[list[int], list[Look]]:
        """One for each of so many pictures."""
        return rows * (times // len(rows)), looks * (times // len(rows))

    def paint(
        self, painter: nn.Module, x: Tensor, looks: list[Look], wanted: list[Look], numbers: Tensor, rng: np.random.Generator
    ) -> Tensor:
        """Photos (B, 3, H, W) in styles (B, N), as the engine would: recoloured, with a margin, with noise."""
        hues: tuple[list[Moments], list[Moments]] = [look.colors for look in looks], [look.colors for look in wanted]
        given = padded(recolored(x, *hues))
        size = (len(x), self.plan.noise, given.shape[2] // CELL, given.shape[3] // CELL)
        noise = torch.from_numpy(rng.standard_normal(size, np.float32)).to(self.device)
        features = None
        if self.plan.seen:
            white = [stacked(looks, lambda look, i=i: look.white[i], self.device) for i in range(2)]  # type: ignore[misc]
            features = colored(white, [look.spreads for look in wanted])
        painted: Tensor = painter(given.to(torch.bfloat16) if self.half else given, numbers, noise, features)
        return cut(painted)

    def weigh(self, errors: list[tuple[int, float, float]]) -> None:
        """Move the content weights towards those that give the content error asked for, and learn which styles lag behind."""
        change, behind = [0.0] * self.rows, [0.0] * self.rows
        for row, error, style in errors:
            change[row] += self.settings.content_rate * math.log(max(error, 1e-3) / self.contents[row])
            behind[row] += LAG_RATE * (style - float(self.lag[row]))
        moves = torch.tensor(self.team.total(change + behind), dtype=torch.float64).view(2, -1) / self.team.size
        self.weight += moves[0]
        self.weight.clamp_(*BOUNDS)
        self.lag += moves[1]
        self.lag.clamp_(min=LEAST_LAG)

    # State ------------------------------------------------------------------------------------------------------------

    def state(self) -> State:
        return {name: module.state_dict() for name, module in self.parts.items()} | {
            "average": self.average, "weight": self.weight, "lag": self.lag, "step": self.step, "seconds": self.seconds,
            "total": self.total, "running": self.running, "lost": self.lost, "optimiser": self.optimizer.state_dict(),
        }  # fmt: skip

    def restore(self, state: State) -> None:
        for name, module in self.parts.items():
            module.load_state_dict(state[name])
        for name, value in state["average"].items():
            self.average[name].copy_(value)
        self.weight.copy_(state["weight"])
        self.lag.copy_(state.get("lag", self.lag))  # checkpoints of earlier versions have none
        self.step, self.seconds, self.running, self.lost = state["step"], state["seconds"], dict(state["running"]), state["lost"]
        # A limit of time has settled the steps once; one of steps is the one given now.
        self.total = state["total"] if self.settings.seconds else self.settings.steps
        self.optimizer.load_state_dict(state["optimiser"])

    def averaged(self) -> tuple[Painter, nn.Module]:
        """The painter and the reader or table with the running averages of their weights, which is what is kept."""
        out = []
        for part, module in self.parts.items():
            made = copy.deepcopy(module).eval().requires_grad_(False)
            made.load_state_dict({k.removeprefix(f"{part}."): v for k, v in self.average.items() if k.startswith(f"{part}.")})
            out.append(made)
        painter, style = out
        assert isinstance(painter, Painter)
        return painter, style


def run(
    trainer: Trainer,
    report: Report = silent,
    log: Callable[[Mapping[str, float]], None] = lambda record: None,
    save: Callable[[], None] = lambda: None,
) -> bool:
    """Train to the end, or until the report raises Cancelled on any of the processes: whether it is finished.

    log: given a record every LOG_EVERY steps. save: called every `every` steps and at the end.
    """
    settings = trainer.settings
    began, before, saved = time.perf_counter(), trainer.seconds, -1
    stop = False
    while (not trainer.total or trainer.step < trainer.total) and not stop:
        trainer.advance()
        trainer.seconds = before + time.perf_counter() - began
        if not trainer.total:
            seconds = trainer.team.total([trainer.seconds])[0] / trainer.team.size  # the same number on all
            if trainer.step >= settings.steps or (seconds >= settings.seconds / 10 and trainer.step >= min(10, settings.steps)):
                # the tenth by which the pace is told
                trainer.total = max(trainer.step, min(settings.steps, round(trainer.step * settings.seconds / seconds)))
        if trainer.step % LOG_EVERY == 0 or trainer.step == trainer.total:
            log({"step": trainer.step, **trainer.running, "seconds": round(trainer.seconds, 1)})
        try:
            report(Progress("training", trainer.step, trainer.total or settings.steps, dict(trainer.running)))
        except Cancelled:
            stop = True
        stop = trainer.team.total([float(stop)])[0] > 0
        if trainer.step % settings.every == 0:
            save()
            saved = trainer.step
    if saved != trainer.step:
        save()
    return bool(trainer.total) and trainer.step >= trainer.total
