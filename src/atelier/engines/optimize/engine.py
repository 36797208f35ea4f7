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

from atelier.engines.guide import Guide, Sample
from atelier.engines.optimize.canvas import Canvas, CanvasFactory, resized
from atelier.engines.optimize.device import choose_device, give_back
from atelier.engines.optimize.layers import wanted
from atelier.engines.optimize.matching import cell_side
from atelier.engines.optimize.objective import Objective
from atelier.engines.optimize.plan import Stage, check_plan, due, stages, tile_side
from atelier.engines.optimize.samples import check_samples, fit, scale
from atelier.engines.optimize.solver import PATIENCE, Solver
from atelier.engines.optimize.start import begin
from atelier.engines.optimize.style import Exemplar
from atelier.engines.optimize.view import Sight, View, opacity
from atelier.errors import Cancelled, Diverged, SettingError
from atelier.image import Image
from atelier.perception.network import Network
from atelier.progress import Progress, Report, silent
from atelier.request import Settings

State = dict[str, Any]
Keep = Callable[[Callable[[], State] | None], None]
"""Called after every iteration with what makes the state of the run, should anybody want to save it; with None between stages,
so that nobody holds on to a solver, and all its memory, while the next one is built."""
Preview = Callable[[Tensor], Image]
"""A canvas's image (1, 3, H, W), of any size, as a picture to show."""


class OptimizeEngine:
    """Built once from samples, settings, device, seed and guide; then called per picture.

    styles: samples whose pictures are Images; none for a reconstruction (content_weight alone). device: cpu, cuda, mps or auto.
    guide: where each sample's region is, for photos of its size; without one, all of the photo is painted with all samples. With
    one, no style's gradient leaves its region, and what is left to the photo comes through bit for bit, stopped or not.
    Raises WeightsError where the network is not to be had, SettingError for what makes no sense together.
    """

    def __init__(
        self, styles: Sequence[Sample], settings: Settings, device: str = "auto", seed: int = 0, guide: Guide | None = None
    ) -> None:
        check_samples(styles, guide)
        self.layers = wanted(settings, bool(styles))
        self.settings, self.device, self.seed = settings, choose_device(device), seed
        dtype = {"auto": None, "float32": torch.float32, "bfloat16": torch.bfloat16}[settings.precision]
        names = {settings.features, settings.warm_features} - {""}
        self.networks = {name: Network.load(name, self.device, dtype) for name in sorted(names)}
        self.samples = [(sample, self.exemplar(sample)) for sample in styles]
        self.regions = None if guide is None else torch.tensor(guide.places, dtype=torch.float32).to(self.device)

    def exemplar(self, sample: Sample) -> Exemplar:
        """A sample's picture in its own size."""
        assert isinstance(sample.picture, Image)
        part = None if sample.part is None else torch.tensor(sample.part, dtype=torch.float32).to(self.device)
        return Exemplar(self.tensor(sample.picture.pixels), sample.weight, sample.place or 0, sample.strokes, part)

    def tensor(self, pixels: np.ndarray[Any, Any]) -> Tensor:
        """(H, W, 3) to (1, 3, H, W) on the device."""
        return torch.tensor(pixels).permute(2, 0, 1)[None].to(self.device)

    def __call__(
        self, content: Image, *, start: Image | None = None, report: Report = silent, resume: State | None = None, keep: Keep | None = None
    ) -> Image:
        """Paint a still. The result has the content's size and, as it is, its alpha.

        start: the picture to start from where the settings say so by path. report may raise Cancelled: the answer is then the
        picture so far. resume: a state that `keep` was given in a run with the same inputs, to go on exactly.
        Raises Diverged if there never was a picture.
        """
        if self.regions is not None and tuple(self.regions.shape[1:]) != content.shape:
            height, width = content.shape
            raise SettingError(f"the guide is for photos of {self.regions.shape[2]}x{self.regions.shape[1]} px, not {width}x{height}")
        self.check(stages(self.settings, *content.shape))
        photo, exemplars = self.tensor(content.pixels), [exemplar for _, exemplar in self.samples]
        beginning = begin(self.settings, photo, exemplars, self.regions, self.tensor(start.pixels) if start else None, self.seed)

        def picture(image: Tensor) -> Image:
            return self.picture(image, content)

        canvas = self.paint(beginning, [View(photo, self.regions)], picture, report=report, resume=resume, keep=keep)
        return picture(canvas.image().detach())

    def paint(
        self,
        beginning: CanvasFactory,
        views: Sequence[View],
        preview: Preview,
        *,
        size: tuple[int, int] | None = None,
        report: Report = silent,
        resume: State | None = None,
        keep: Keep | None = None,
    ) -> Canvas:
        """Paint a canvas of any kind, so that what is seen of it in all views is as wanted.

        size: (height, width) of the canvas's image in the end; that of the first view unless told. The rest as for a still.
        """
        size = size or views[0].size
        plan = stages(self.settings, *size)
        self.check(plan)
        run = Run(self, plan, views, preview, report, keep, time.monotonic())
        return run.paint(beginning, resume)

    def check(self, plan: Sequence[Stage]) -> None:
        """Raise now the SettingError that a stage would come upon after those before it."""
        check_plan(self.settings, plan, self.layers)
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
            exemplars = [scale(exemplar, self.settings, sample, max(view.size), share) for sample, exemplar in self.samples]
            network, tile = self.networks[stage.features], tile_side(self.settings, stage)
            objectives.append(Objective(network, self.settings, view.content, exemplars, tile, view.regions, share))
            give_back()
        return Sight(views, objectives)

    def picture(self, image: Tensor, content: Image) -> Image:
        """What a canvas's image, of any size, looks like over the photo where that is to be seen."""
        seen = resized(image, content.shape)
        if self.regions is not None:
            seen = torch.lerp(self.tensor(content.pixels), seen, opacity(self.regions).expand_as(seen))
        return content.with_pixels(np.ascontiguousarray(seen[0].permute(1, 2, 0).clamp(0, 1).cpu().numpy()))


@dataclass
class Run:
    """One painting on its way through its stages."""

    engine: OptimizeEngine
    plan: Sequence[Stage]
    views: Sequence[View]
    preview: Preview
    report: Report
    keep: Keep | None
    began: float
    done: int = 0
    moved: bool = False
    cancelled: bool = False
    sight: Sight | None = field(default=None, init=False)

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
            if self.keep and index < len(self.plan) - 1:
                self.keep(None)
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
            raise Diverged("the loss is not finite from the start: try --precision float32 or smaller weights")
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
        return Solver(canvas, self.sight, settings.optimiser, settings.rate, settings.average, parts)

    def iterate(self, index: int, solver: Solver, until: float) -> None:
        """The iterations of one stage, or as many as are begun until then."""
        stage, settings, sight = self.plan[index], self.engine.settings, self.sight
        assert sight is not None
        label = f"{stage.features} at {stage.size[1]}x{stage.size[0]}"

        def state() -> State:
            matching = [matching.state() for matching in sight.matchings]
            return {"stage": index, "done": self.done, "solver": solver.state(), "matching": matching}

        before = self.done - solver.steps
        told = False
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
                note = f"the loss {how}: back to the best picture so far, with half the step (--rate), as often as it takes"
                self.report(Progress(label, self.done, self.total, note="" if told else note))
                told = True
                continue
            self.done = before + solver.steps
            if self.keep:
                self.keep(state)
            self.report(Progress(label, self.done, self.total, losses, preview=lambda: self.preview(solver.canvas.image().detach())))
        if solver.steps > PATIENCE and solver.strayed() and solver.lowest >= solver.trace[0]:
            note = "no iteration made the picture better, so it is as it was: try a smaller --rate"
            self.report(Progress(label, self.done, self.total, note=note))
        self.done = before + stage.iterations


def part_of(size: tuple[int, int], share: float) -> tuple[int, int]:
    """A share of a (height, width)."""
    return max(1, round(size[0] * share)), max(1, round(size[1] * share))
