"""Painting by optimisation: photo and paintings in, picture out."""

from __future__ import annotations

import ctypes
import math
import re
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from atelier.engines.guide import Guide, Sample
from atelier.engines.optimize.canvas import PixelCanvas, laid_over, resized
from atelier.engines.optimize.matching import Matching, cell_side
from atelier.engines.optimize.objective import Exemplar, Objective, named, tiles
from atelier.engines.optimize.solver import PATIENCE, Solver
from atelier.errors import Cancelled, Diverged, SettingError
from atelier.image import Image, Limits
from atelier.image.moments import Moments, linear_map, moments
from atelier.image.spaces import SPACES
from atelier.perception.network import CONVS, Network, layer_name
from atelier.progress import Progress, Report, silent
from atelier.request import Settings

WHOLE_PIXELS = 1_200_000
"""Pictures up to this are looked at whole unless told otherwise; larger ones in tiles of TILE."""
TILE = 640

EARLY_SHARE = 0.25
"""Of the seconds that a run is given, what the stages before the last may have at the most."""

STRETCH = 3.0
"""By how much the recoloured start may stretch a direction of colour: a sky has but one, and across it there is only noise."""

OUTLIER = 3.0
"""Deviations from the mean of a place's styles, at the most, that a colour of its recoloured start may have: nearly all of a Gaussian's
have fewer. The green of a bush that a map counts as sky would be stretched to what is neither sky's nor bush's."""

State = dict[str, Any]
Keep = Callable[[Callable[[], State] | None], None]
"""Called after every iteration with what makes the state of the run, should anybody want to save it; with None between stages,
so that nobody holds on to a solver, and all its memory, while the next one is built."""


@dataclass(frozen=True)
class Stage:
    """Some iterations at one size (height, width) against one network."""

    size: tuple[int, int]
    features: str
    iterations: int


def stages(settings: Settings, height: int, width: int) -> list[Stage]:
    """The way from the coarsest scale to the full size, those without iterations left out."""
    first = settings.warm_features or settings.features
    plan: list[Stage] = []
    factor = settings.scale_step
    while settings.coarse_iterations and max(height, width) / factor >= settings.smallest * 0.99:
        size = tuple(max(1, round(side / factor)) for side in (height, width))
        plan.insert(0, Stage((size[0], size[1]), first, settings.coarse_iterations))
        factor *= settings.scale_step
    if settings.warm_features and settings.warm_features != settings.features:
        plan.append(Stage((height, width), settings.warm_features, settings.warm_iterations))
    plan.append(Stage((height, width), settings.features, settings.iterations))
    # A scale too small for the deepest layer is skipped, not an error: the next one sees as much.
    need = max((2 ** (int(layer_name(name)[4]) - 1) for name in (*settings.style_layers, *settings.content_layers)), default=1)
    return [stage for stage in plan if stage.iterations and (min(stage.size) >= need or stage.size == (height, width))]


class OptimizeEngine:
    """Built once from samples, settings, device, seed and guide; then called per picture.

    styles: samples whose pictures are Images; none for a reconstruction (content_weight alone). device: cpu, cuda, mps or auto.
    guide: where each sample's place is, for photos of its size; without one, all of the photo is painted with all samples. With
    one, no style's gradient leaves its place, and what is left to the photo comes through bit for bit, stopped or not.
    Raises WeightsError where the network is not to be had, SettingError for what makes no sense together.
    """

    def __init__(
        self, styles: Sequence[Sample], settings: Settings, device: str = "auto", seed: int = 0, guide: Guide | None = None
    ) -> None:
        check_samples(styles, guide)
        self.layers = wanted(settings, bool(styles))
        self.settings, self.device, self.seed = settings, chosen(device), seed
        dtype = {"auto": None, "float32": torch.float32, "bfloat16": torch.bfloat16}[settings.precision]
        names = {settings.features, settings.warm_features} - {""}
        self.networks = {name: Network.load(name, self.device, dtype) for name in sorted(names)}
        self.matching: Matching | None = None
        self.samples = [(sample, self.exemplar(sample)) for sample in styles]
        self.places = None if guide is None else torch.tensor(guide.places, dtype=torch.float32).to(self.device)

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
        """Paint. The result has the content's size and, as it is, its alpha.

        start: the picture to start from where the settings say so by path. report may raise Cancelled: the answer is then the
        picture so far. resume: a state that `keep` was given in a run with the same inputs, to go on exactly.
        Raises Diverged if there never was a picture.
        """
        height, width = content.shape
        if self.places is not None and tuple(self.places.shape[1:]) != (height, width):
            raise SettingError(f"the guide is for photos of {self.places.shape[2]}x{self.places.shape[1]} px, not {width}x{height}")
        plan = stages(self.settings, height, width)
        self.check(plan)
        total, began = sum(stage.iterations for stage in plan), time.monotonic()
        begin: Tensor | None = self.beginning(self.tensor(content.pixels), self.tensor(start.pixels) if start else None)
        assert begin is not None
        pixels, done, first = begin, 0, 0
        if resume:
            first, done = resume["stage"], resume["done"]
            pixels = resume["solver"]["parameters"][0].to(self.device)
        cancelled, moved = False, bool(resume)
        for index in range(first, len(plan)):
            stage = plan[index]
            until = self.due(index, plan, began)
            if time.monotonic() >= until:
                done = sum(each.iterations for each in plan[: index + 1])
                continue
            if not (resume and index == first):
                detail = begin if self.settings.start not in ("noise", "grey") or pixels is begin else None
                pixels = carried(pixels, detail, stage.size)
            if index == len(plan) - 1:
                begin = None  # a canvas's worth of memory, and not needed again
            solver = self.solver(stage, content, pixels)
            pixels = solver.parameters[0].detach()
            if resume and index == first:
                solver.restore(resume["solver"])
                if self.matching:
                    self.matching.restore(resume["matching"])
            try:
                done = self.run(stage, index, solver, done, total, content, report, keep, until)
            except Cancelled:
                cancelled = True
            moved = moved or solver.steps > 0
            if solver.stuck and not moved:
                raise Diverged("the loss is not finite from the start: try --precision float32 or smaller weights")
            solver.settle()
            pixels = solver.parameters[0].detach()
            self.matching = None
            del solver  # and its history, before the next one or the picture needs the memory
            if cancelled:
                break
            if keep and index < len(plan) - 1:
                keep(None)
        return self.image(pixels, content)

    def due(self, index: int, plan: Sequence[Stage], began: float) -> float:
        """The time by which a stage is to end."""
        early = len(plan) - 1
        if not self.settings.seconds or index == early:
            return math.inf
        return began + EARLY_SHARE * self.settings.seconds * (index + 1) / early

    def check(self, plan: Sequence[Stage]) -> None:
        """Raise now the SettingError that a stage would come upon after those before it."""
        for stage in plan:
            height, width = stage.size
            need = max(reach(name) for name in self.layers) if self.layers else 1
            if min(height, width) < need:
                raise SettingError(too_small(self.layers, height, width))
            if self.settings.histogram_weight and len(tiles(height, width, self.tile(stage))) > 1:
                raise SettingError(
                    f"--histogram-weight needs the whole picture at once, {width}x{height}: "
                    f"give --tile {max(height, width)}, where memory allows, or a smaller --size"
                )
            if self.settings.match == "semantic":
                share = max(stage.size) / max(plan[-1].size)
                sides = [self.fitted(sample, exemplar, max(stage.size), share) for sample, exemplar in self.samples]
                cell_side([height * width, sum(h * w for h, w in sides)])

    def tile(self, stage: Stage) -> int:
        """The side of the tiles that a stage looks through, px; 0 for none."""
        return self.settings.tile or (0 if stage.size[0] * stage.size[1] <= WHOLE_PIXELS else TILE)

    def run(
        self,
        stage: Stage,
        index: int,
        solver: Solver,
        done: int,
        total: int,
        content: Image,
        report: Report,
        keep: Keep | None,
        until: float,
    ) -> int:
        """The iterations of one stage, or as many as are begun until then. Returns how many of the whole run are done."""
        label = f"{stage.features} at {stage.size[1]}x{stage.size[0]}"

        def state() -> State:
            matching = self.matching.state() if self.matching else {}
            return {"stage": index, "done": done, "solver": solver.state(), "matching": matching}

        before = done - solver.steps
        told = False
        # Convergence is asked first: a run that is resumed may have been stopped just when it had converged.
        while (
            solver.steps < stage.iterations
            and not solver.stuck
            and not solver.converged(self.settings.tolerance)
            and time.monotonic() < until
        ):
            losses = solver.step()
            if solver.undone:
                how = "grew" if math.isfinite(losses["total"]) else "was not finite"
                note = f"the loss {how}: back to the best picture so far, with half the step (--rate), as often as it takes"
                report(Progress(label, done, total, note="" if told else note))
                told = True
                continue
            done = before + solver.steps
            if keep:
                keep(state)
            report(Progress(label, done, total, losses, preview=lambda: self.image(solver.parameters[0].detach(), content)))
        if solver.steps > PATIENCE and solver.strayed() and solver.lowest >= solver.trace[0]:
            report(Progress(label, done, total, note="no iteration made the picture better, so it is as it was: try a smaller --rate"))
        return before + stage.iterations

    def solver(self, stage: Stage, photo: Image, pixels: Tensor) -> Solver:
        """Everything one stage needs, at its own size."""
        settings = self.settings
        give_back()
        content = resized(self.tensor(photo.pixels), stage.size)
        share = max(stage.size) / max(photo.shape)
        exemplars = [self.scaled(sample, exemplar, max(stage.size), share) for sample, exemplar in self.samples]
        places = self.placed(stage.size)
        objective = Objective(self.networks[stage.features], settings, content, exemplars, self.tile(stage), places, share)
        self.matching = objective.matching
        give_back()
        canvas = PixelCanvas(pixels, *(() if places is None else (content, painted(places))))
        parts = [] if objective.zones is None else objective.zones.parts
        return Solver(canvas, objective, settings.optimiser, settings.rate, settings.average, parts)

    def placed(self, size: tuple[int, int]) -> Tensor | None:
        """The guide's places at this size, averaged over what a pixel covers."""
        if self.places is None or tuple(self.places.shape[1:]) == size:
            return self.places
        return F.adaptive_avg_pool2d(self.places[None], size)[0]

    def scaled(self, sample: Sample, exemplar: Exemplar, long_side: int, share: float) -> Exemplar:
        """The sample's picture at the scale of a canvas of this long side, which is a share of the full size; never larger than it is."""
        size = self.fitted(sample, exemplar, long_side, share)
        part = exemplar.part
        if part is not None and tuple(part.shape) != size:
            part = F.interpolate(part[None, None], size=size, mode="bilinear", antialias=True)[0, 0].clamp(0, 1)
        return replace(exemplar, picture=resized(exemplar.picture, size), part=part)

    def fitted(self, sample: Sample, exemplar: Exemplar, long_side: int, share: float) -> tuple[int, int]:
        """The (height, width) that `scaled` brings the picture to."""
        height, width = exemplar.picture.shape[2:]
        own = share if self.settings.style_fit == "own" else long_side / max(height, width)
        ratio = min(1.0, self.settings.style_size * sample.size * own)
        return max(16, round(height * ratio)), max(16, round(width * ratio))

    def beginning(self, photo: Tensor, picture: Tensor | None) -> Tensor:
        """The full-size picture that painting starts from; where nothing is painted, the photo."""
        begin = self.started(photo, picture)
        return begin if self.places is None else torch.where(painted(self.places) > 0, begin, photo)

    def started(self, photo: Tensor, picture: Tensor | None) -> Tensor:
        generator = torch.Generator().manual_seed(self.seed)
        match self.settings.start:
            case "photo":
                return photo
            case "recoloured":
                return self.coloured(photo) if self.samples else photo
            case "grey":
                return torch.full_like(photo, 0.5)
            case "noise":
                return torch.rand(photo.shape, generator=generator).to(photo.device)
            case _:
                if picture is None:
                    raise SettingError(f"--start {self.settings.start}: photo, recoloured, noise, grey, or the path of a picture")
                return resized(picture, (photo.shape[2], photo.shape[3]))

    def coloured(self, photo: Tensor) -> Tensor:
        """The photo in the colours of the styles, each place in those of its own."""
        exemplars = [exemplar for _, exemplar in self.samples]
        if self.places is None:
            return recoloured(photo, colouring(exemplars))
        out, total = torch.zeros_like(photo), self.places.sum(0).clamp_min(1e-6)
        for at, place in enumerate(self.places):
            own = colouring([each for each in exemplars if each.place == at])
            if place.any():
                out += place / total * recoloured(photo, own, place)
        return out.clamp(0, 1)

    def image(self, pixels: Tensor, content: Image) -> Image:
        """What a solver's parameters, of any size, look like: over the photo where that is to be seen."""
        size = (content.pixels.shape[0], content.pixels.shape[1])
        picture = resized(pixels, size)
        if self.places is not None:
            picture = laid_over(picture, self.tensor(content.pixels), painted(self.places))
        array = picture[0].permute(1, 2, 0).clamp(0, 1).cpu().numpy()
        return content.with_pixels(np.ascontiguousarray(array))


def wanted(settings: Settings, styled: bool) -> list[str]:
    """The layers that the losses look at, by canonical names. Raises SettingError where there is no loss at all."""
    asked = []
    for name, layers, on in (
        ("content", settings.content_layers, settings.content_weight > 0),
        ("style", settings.style_layers, styled and (settings.style_weight > 0 or settings.histogram_weight > 0)),
    ):
        if on and not (used := list(named(layers))):
            raise SettingError(f"--{name}-layers: all have the weight 0; to leave the {name} out, give --{name}-weight 0")
        asked += used if on else []
    if not asked and not settings.tv_weight:
        raise SettingError("nothing to paint towards: give a style, or a content weight above 0, and not all weights as 0")
    return asked


def reach(layer: str) -> int:
    """The least side, px, of a picture that a layer can see: one position is left of it."""
    return int(2 ** (int(layer[4]) - 1))


def too_small(layers: Sequence[str], height: int, width: int) -> str:
    """What to say of a picture too small for some layers, with all that mends it."""
    deepest, side = max(layers, key=reach), min(height, width)
    need = reach(deepest)
    enlarged = math.ceil(max(height, width) * need / side)
    last = max((name for name in CONVS if reach(name) <= side), key=CONVS.index)
    size = f"--size {enlarged} or more, or " if enlarged * need <= Limits().pixels else ""
    return (
        f"{deepest} needs a picture of at least {need} px a side, not {width}x{height}: give {size}layers up to {last} alone in both "
        "--style-layers and --content-layers"
    )


@cache
def _trim() -> Callable[[int], int] | None:
    """What makes the C library give memory back that it holds for later, where that library is GNU's."""
    try:
        trim = ctypes.CDLL(None).malloc_trim if sys.platform == "linux" else None
    except (OSError, AttributeError):  # linked into Python itself, or another library
        return None
    if trim:
        trim.argtypes, trim.restype = [ctypes.c_size_t], ctypes.c_int
    return trim


def give_back() -> None:
    """Between stages: what was read, or painted at another size, has left holes that what comes would not fit in."""
    if trim := _trim():
        trim(0)


def carried(pixels: Tensor, begin: Tensor | None, size: tuple[int, int]) -> Tensor:
    """A coarser scale's picture at the next size, with the fine detail of the beginning that the coarse scale could not hold
    (none where painting began with noise: it would have to be painted over again)."""
    if begin is None or pixels is begin or tuple(pixels.shape[2:]) == size:
        return resized(pixels, size)
    target = resized(begin, size)
    detail = target - resized(resized(begin, (pixels.shape[2], pixels.shape[3])), size)
    return (resized(pixels, size) + detail).clamp(0, 1)


def painted(places: Tensor) -> Tensor:
    """How much is painted where, (H, W) in [0, 1]; what adds up to 1 but for rounding is 1."""
    total = places.sum(0).clamp(0, 1)
    return torch.where(total > 1 - 1e-4, 1.0, total)


def check_samples(samples: Sequence[Sample], guide: Guide | None) -> None:
    """Raise SettingError for samples and places that do not go together."""
    for sample in samples:
        if not (math.isfinite(sample.weight) and sample.weight >= 0):
            raise SettingError(f"a style's weight is {sample.weight:g}: must be at least 0")
        if not (math.isfinite(sample.size) and sample.size > 0):
            raise SettingError(f"the size of a style's strokes is {sample.size:g}: must be above 0")
        if not isinstance(sample.picture, Image):
            raise SettingError("a style by name is for the trained networks: to paint by optimisation, give its painting")
        if sample.part is not None:
            if sample.part.shape != sample.picture.shape:
                own, shape = sample.picture.size, sample.part.shape
                raise SettingError(f"the part of a painting of {own[0]}x{own[1]} px to learn from is marked on {shape[1]}x{shape[0]} px")
            if not (sample.part.min() >= 0 and sample.part.max() <= 1 and sample.part.any()):  # NaN neither
                raise SettingError("the part of a painting to learn from must be marked in [0, 1], and not with 0 alone")
    if guide is None:
        if any(sample.place is not None for sample in samples):
            raise SettingError("a style has a place, and there is no guide to say where that is: give one, or leave the place out")
        return
    places = guide.places
    if places.ndim != 3 or not places.size:
        raise SettingError(f"a guide's places are (places, height, width), got {places.shape}")
    if not (places.min() >= 0 and places.sum(0).max() <= 1 + 1e-3):
        raise SettingError("a guide's places must be at least 0 everywhere and add up to at most 1")
    for sample in samples:
        if sample.place is None or not 0 <= sample.place < len(places):
            raise SettingError(f"a style's place is {sample.place}: the guide has the places 0 to {len(places) - 1}")
    for at in range(len(places)):
        if not any(sample.place == at and sample.weight > 0 for sample in samples):
            raise SettingError(f"the guide's place {at} has no style of a weight above 0: give it one, or leave it to the photo")


def colouring(exemplars: Sequence[Exemplar]) -> Sequence[Exemplar]:
    """Those that bring colour: fine strokes do, and coarse ones where there are no others."""
    return [each for each in exemplars if each.strokes != "coarse" and each.weight] or exemplars


def recoloured(photo: Tensor, styles: Sequence[Exemplar], place: Tensor | None = None) -> Tensor:
    """The photo with the styles' mean colour and colour covariance, by the optimal-transport map between the two Gaussians (see
    `moments.transport`). (1, 3, H, W). place: (H, W), how much of what of the photo is meant; all of it is mapped, and what is no
    colour of that place, as where a map is not exact, is kept within OUTLIER of the styles'."""
    weights = [max(style.weight, 0.0) for style in styles]
    shares = [weight / max(sum(weights), 1e-12) for weight in weights]
    theirs = [_moments(style.picture, style.part) for style in styles]
    mean = sum(share * each.mean for share, each in zip(shares, theirs, strict=True))
    covariance = sum(share * each.covariance for share, each in zip(shares, theirs, strict=True))
    wanted = Moments(np.asarray(mean), np.asarray(covariance))
    matrix, offset = linear_map(_moments(photo, place), wanted, stretch=STRETCH)
    flat = photo.new_tensor(matrix) @ photo[0].flatten(1) + photo.new_tensor(offset)[:, None]
    if place is not None:
        middle, precision = photo.new_tensor(wanted.mean)[:, None], np.linalg.inv(wanted.covariance + 1e-5 * np.eye(3))
        off = flat - middle
        far = (off * (photo.new_tensor(precision) @ off)).sum(0).clamp_min(1e-12).sqrt()
        flat = middle + off * (OUTLIER / far).clamp_max(1.0)
    return flat.reshape(photo.shape).clamp(0, 1)


def _moments(picture: Tensor, weight: Tensor | None) -> Moments:
    """Of the colours of (1, 3, H, W), counted by (H, W)."""
    return moments(picture[0].permute(1, 2, 0).cpu().numpy(), SPACES["rgb"], None if weight is None else weight.cpu().numpy())


def chosen(device: str) -> str:
    """`auto` to the fastest device there is; raises SettingError for one that is not there."""
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    if not re.fullmatch(r"cpu|mps|cuda(:\d{1,3})?", device):
        raise SettingError(f"--device {device}: choose from auto, cpu, cuda, cuda:1 (or another number), mps")
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise SettingError("--device cuda: PyTorch finds no CUDA device here; use cpu or auto")
    if device == "mps" and not torch.backends.mps.is_available():
        raise SettingError("--device mps: PyTorch finds no Apple GPU here; use cpu or auto")
    if device.startswith("cuda:") and int(device[5:]) >= (count := torch.cuda.device_count()):
        raise SettingError(f"--device {device}: PyTorch finds {count} CUDA device(s) here, counted from 0")
    return device
