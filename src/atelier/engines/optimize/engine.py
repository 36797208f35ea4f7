"""Painting by optimisation: photo and paintings in, picture out."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from atelier.engines.engine import Frame
from atelier.engines.guide import Sample
from atelier.engines.optimize.canvas import Canvas, CanvasFactory, resized
from atelier.engines.optimize.cells import cell_side
from atelier.engines.optimize.device import choose_device, give_back
from atelier.engines.optimize.held import Held
from atelier.engines.optimize.layers import wanted
from atelier.engines.optimize.objective import Objective
from atelier.engines.optimize.plan import Stage, check_plan, due, stages, tile_side
from atelier.engines.optimize.samples import check_guide, check_samples, fit, scale
from atelier.engines.optimize.solver import PATIENCE, Solver
from atelier.engines.optimize.start import begin
from atelier.engines.optimize.style import Exemplar
from atelier.engines.optimize.view import Sight, View, opacity
from atelier.errors import Cancelled, Diverged
from atelier.image import Image
from atelier.perception.network import Network
from atelier.progress import Progress, Report, State, silent
from atelier.request import Settings

Preview = Callable[[Tensor], Image]
"""A canvas's image (1, 3, H, W), of any size, as a picture to show."""


class OptimizeEngine:
    """Built once from samples, settings, device and seed; then called per frame.

    styles: samples whose pictures are Images; none for a reconstruction (content_weight alone). device: cpu, cuda, mps or auto.
    Raises WeightsError where the network is not to be had, SettingError for what makes no sense together.
    """

    def __init__(self, styles: Sequence[Sample], settings: Settings, device: str = "auto", seed: int = 0) -> None:
        check_samples(styles)
        self.layers = wanted(settings, bool(styles))
        self.settings, self.device, self.seed = settings, choose_device(device), seed
        dtype = {"auto": None, "float32": torch.float32, "bfloat16": torch.bfloat16}[settings.precision]
        names = {settings.features, settings.warm_features} - {""}
        self.networks = {name: Network.load(name, self.device, dtype) for name in sorted(names)}
        self.samples = [(sample, self.exemplar(sample)) for sample in styles]

    def exemplar(self, sample: Sample) -> Exemplar:
        """A sample's picture in its own size."""
        assert isinstance(sample.picture, Image)
        part = None if sample.part is None else torch.tensor(sample.part, dtype=torch.float32).to(self.device)
        return Exemplar(self.tensor(sample.picture.pixels), sample.weight, sample.region or 0, sample.strokes, part)

    def tensor(self, pixels: np.ndarray[Any, Any]) -> Tensor:
        """(H, W, 3) to (1, 3, H, W) on the device."""
        return torch.tensor(pixels).permute(2, 0, 1)[None].to(self.device)

    def __call__(self, frame: Frame, report: Report = silent) -> Frame:
        """Paint a still. The result has the frame's size and, as it is, its alpha.

        Without a guide, all of the photo is painted with all samples. With one, no style's gradient leaves its region, and what is left
        to the photo comes through bit for bit, stopped or not. `frame.start` is the picture to start from where the settings say so by
        path; `frame.state` is a state of a run with the same inputs, to go on exactly. report may raise Cancelled: the answer is then
        the picture so far. Raises Diverged if there never was a picture.
        """
        check_guide([sample for sample, _ in self.samples], frame)
        regions = None if frame.guide is None else torch.tensor(frame.guide.regions, dtype=torch.float32).to(self.device)
        self.check(stages(self.settings, *frame.shape), frame.source)
        photo, exemplars = self.tensor(frame.pixels), [exemplar for _, exemplar in self.samples]
        start = None if frame.start is None else self.tensor(frame.start)
        beginning = begin(self.settings, photo, exemplars, regions, start, self.seed)
        if held := self.held(frame):
            beginning = held.start(beginning)

        def picture(image: Tensor) -> Frame:
            return self.picture(image, frame, regions)

        views = [View(photo, regions, held=held)]
        canvas = self.paint(beginning, views, lambda image: picture(image).image(), report=report, resume=frame.state)
        return picture(canvas.image().detach())

    def held(self, frame: Frame) -> Held | None:
        """What a frame of a film is held to, where anything was before."""
        before, weight = frame.before, self.settings.temporal_weight
        if before is None or before.pixels is None or before.trust is None:
            return None
        return Held(self.tensor(before.pixels), torch.tensor(before.trust).to(self.device), weight)

    def paint(
        self,
        beginning: CanvasFactory,
        views: Sequence[View],
        preview: Preview,
        *,
        size: tuple[int, int] | None = None,
        report: Report = silent,
        resume: State | None = None,
    ) -> Canvas:
        """Paint a canvas of any kind, so that what is seen of it in all views is as wanted.

        size: (height, width) of the canvas's image in the end; that of the first view unless told. The rest as for a still.
        """
        size = size or views[0].size
        plan = stages(self.settings, *size)
        if views[0].held:
            plan = Held.plan(plan)
        self.check(plan)
        run = Run(self, plan, views, preview, report, time.monotonic())
        return run.paint(beginning, resume)

    def check(self, plan: Sequence[Stage], source: tuple[int, int] | None = None) -> None:
        """Raise now the SettingError that a stage would come upon after those before it. source: size of the photo as it was."""
        check_plan(self.settings, plan, self.layers, source)
        if self.settings.match != "semantic":
            return
        for stage in plan:
            height, width = stage.size
            share = max(stage.size) / max(plan[-1].size)
            sides = [fit(exemplar, self.settings, sample, max(stage.size), share) for sample, exemplar in self.samples]
            cell_side([height * width, sum(h * w for h, w in sides)])

    def sight(self, stage: Stage, views: Sequence[View], share: float) -> Sight:
        """What is wanted of the views at the scale of a stage, which is a share of the full size."""
        objectives = []
        for view in views:
            exemplars = [scale(exemplar, self.settings, sample, view.long_side, share) for sample, exemplar in self.samples]
            network, tile = self.networks[stage.features], tile_side(self.settings, stage)
            objectives.append(Objective(network, self.settings, view.content, exemplars, tile, view.regions, share, view.seen))
            give_back()
        return Sight(views, objectives)

    def picture(self, image: Tensor, frame: Frame, regions: Tensor | None) -> Frame:
        """What a canvas's image, of any size, looks like over the photo where that is to be seen."""
        seen = resized(image, frame.shape)
        if regions is not None:
            seen = torch.lerp(self.tensor(frame.pixels), seen, opacity(regions).expand_as(seen))
        return frame.with_pixels(np.ascontiguousarray(seen[0].permute(1, 2, 0).clamp(0, 1).cpu().numpy()))


@dataclass
class Run:
    """One painting on its way through its stages.

    held: the solver of the stage at hand, and nothing once that is over: whoever keeps a report does not keep a solver's memory.
    """

    engine: OptimizeEngine
    plan: Sequence[Stage]
    views: Sequence[View]
    preview: Preview
    report: Report
    began: float
    done: int = 0
    moved: bool = False
    cancelled: bool = False
    sight: Sight | None = field(default=None, init=False)
    held: list[Solver] = field(default_factory=list, init=False)

    @property
    def total(self) -> int:
        return sum(stage.iterations for stage in self.plan)

    def paint(self, canvas: CanvasFactory, resume: State | None) -> Canvas:
        """All stages, or those that are left of them."""
        first = 0
        if resume:
            first, self.done, self.moved = resume["stage"], resume["done"], True
        painted: Canvas | None = None
        for index in range(first, len(self.plan)):
            until = due(self.engine.settings, index, self.plan, self.began)
            if time.monotonic() >= until:
                self.done = sum(each.iterations for each in self.plan[: index + 1])
                continue
            canvas = painted = canvas.at(self.plan[index].size)
            self.stage(index, painted, resume["solver"] if resume and index == first else None, resume, until)
            if self.cancelled:
                break
            if index < len(self.plan) - 1:
                self.held.clear()
        return painted or canvas.at(self.plan[-1].size if self.plan else self.views[0].size)

    def stage(self, index: int, canvas: Canvas, state: Any, resume: State | None, until: float) -> None:
        """The iterations of one stage, on a canvas of its size. state: of its solver, to go on from."""
        solver = self.solver(index, canvas)
        if state and resume and self.sight:
            solver.restore(state)
            for matching, known in zip(self.sight.matchings, resume["matching"], strict=True):
                matching.restore(known)
        try:
            self.iterate(index, solver, until)
        except Cancelled:
            self.cancelled = True
        self.moved = self.moved or solver.steps > 0
        if solver.stuck and not self.moved:
            raise Diverged("the loss is not finite from the start: try `precision=float32` or smaller weights")
        solver.settle()
        self.sight = None

    def solver(self, index: int, canvas: Canvas) -> Solver:
        """Everything one stage needs, at its own size."""
        give_back()
        stage, settings = self.plan[index], self.engine.settings
        share = max(stage.size) / max(self.plan[-1].size)
        views = [view.at(stage.size if view.look is None else part_of(view.size, share)) for view in self.views]
        self.sight = self.engine.sight(stage, views, share)
        parts = [canvas.under(pixels) for pixels in self.sight.parts]
        nesterov, armijo = settings.momentum == "nesterov", settings.line_search == "armijo"
        return Solver(canvas, self.sight, settings.optimizer, settings.rate, settings.average, parts, nesterov, armijo)

    def iterate(self, index: int, solver: Solver, until: float) -> None:
        """The iterations of one stage, or as many as are begun until then."""
        stage, settings, sight = self.plan[index], self.engine.settings, self.sight
        assert sight is not None
        self.held = held = [solver]
        canvas = solver.canvas

        def state() -> State | None:
            matching = [matching.state() for matching in sight.matchings]
            return {"stage": index, "done": self.done, "solver": held[0].state(), "matching": matching} if held else None

        def preview() -> Image:
            return self.preview(canvas.image().detach())

        def describe(**more: Any) -> Progress:
            size = stage.size[1], stage.size[0]
            return Progress("painting", self.done, self.total, subject=stage.features, size=size, engine="optimize", **more)

        before = self.done - solver.steps
        noted = False
        # Convergence is asked first: a run that is resumed may have been stopped just when it had converged.
        while (
            solver.steps < stage.iterations
            and not solver.stuck
            and not solver.converged(settings.tolerance)
            and time.monotonic() < until
        ):  # fmt: skip
            losses = solver.step()
            if solver.undone:
                how = "grew" if math.isfinite(losses["total"]) else "was not finite"
                note = f"the loss {how}: back to the best picture so far, with half the step (`rate`), as often as it takes"
                self.report(describe(note="" if noted else note))
                noted = True
                continue
            self.done = before + solver.steps
            self.report(describe(losses=losses, preview=preview, state=state))
        if solver.steps > PATIENCE and solver.strayed() and solver.lowest >= solver.trace[0]:
            note = "no iteration made the picture better, so it is as it was: try a smaller `rate`"
            self.report(describe(note=note))
        self.done = before + stage.iterations


def part_of(size: tuple[int, int], share: float) -> tuple[int, int]:
    """A share of a (height, width)."""
    return max(1, round(size[0] * share)), max(1, round(size[1] * share))
