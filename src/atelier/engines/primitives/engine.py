"""Draws a photo with geometric primitives: settings in, then photo in and drawing out."""

from __future__ import annotations

import math
import operator
import os
import re
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import numpy as np
import numpy.typing as npt

from atelier.engines.engine import Before, Frame
from atelier.engines.primitives import climb, layers
from atelier.engines.primitives.carry import carried, faded
from atelier.engines.primitives.drawing import Drawing, Mark
from atelier.engines.primitives.render import render
from atelier.engines.primitives.saliency import saliency
from atelier.engines.primitives.shapes import SHAPES
from atelier.engines.primitives.sketch import Effort, Sketch
from atelier.errors import Cancelled, SettingError
from atelier.image import Image, fit, resize
from atelier.progress import Progress, Report, silent
from atelier.request import DrawSettings

COUNT = 100
"""Shapes drawn where nothing else says when to stop."""
LEAST_WEIGHT = 0.15
"""Of the pixels that a density leaves black, where the whitest have 1: they are drawn coarsely, but they are drawn."""
GROWTH_SHARE = 0.7
"""Of the time given, for adding shapes; the rest is for refining them all together."""
FIRST_SWEEP, SWEEP_GROWTH = 8, 1.2
"""All shapes are refined together whenever there are this many times as many as the last time: later ones then fit better."""
REPLACED_SHARE = 0.1
"""Of the shapes, those worth least, that are drawn anew in each round of refinement."""
PREVIEW_SIDE = 1024
ADJUSTED = 6
"""Shapes that are carried on from the frame before are adjusted by this part of a search: more, and they tremble."""
FUTILE_ROUNDS = 20
"""Rounds without a shape that helps, after which the drawing is as good as it gets."""


class _TimeIsUp(Exception):
    pass


class DrawEngine:
    """Built once from the settings, then called per frame.

    palette: a painting whose colours are to be used, or None. density: a picture whose luminance says where shapes matter
    most, or None. Raises SettingError.
    """

    def __init__(self, settings: DrawSettings, seed: int = 0, *, palette: Image | None = None, density: Image | None = None) -> None:
        try:
            self.seed = operator.index(seed) % 2**64
        except TypeError:
            raise SettingError("seed", "must be a whole number", repr(seed)) from None
        self.settings, self.painting, self.density = settings, palette, density
        self.kinds = kinds(settings.shape)
        if settings.method == "layers":
            layers.check(self.kinds)
        if settings.palette_size and settings.palette.startswith("#"):
            raise SettingError(
                "palette_size", "`palette_size` does not go with colours that are listed: leave some out of `palette` instead"
            )
        self.colors = None if palette is not None else listed(settings.palette)
        self.background = None if settings.background in ("auto", "none") else hexadecimal(settings.background, "background")

    def __call__(self, frame: Frame, report: Report = silent) -> Drawing:
        """The drawing of a photo. `frame.state` is a drawing to go on from, which must be of the same photo and settings. Of a film the
        shapes of `frame.before.state` (`Drawing.arrays`) go on where they have moved to.

        Reports the number of shapes and the score; a report that raises Cancelled ends it with what is drawn by then.
        """
        s, content = self.settings, frame.image()
        drawing: Drawing | None = frame.state
        former = self._former(frame.before)
        size = fit(content.size, s.work_size) if max(content.size) > s.work_size else content.size
        photo = resize(content, size) if size != content.size else content
        pixels = photo.pixels
        if self.painting is not None:
            from atelier.image.recolor import recolor

            pixels = recolor(pixels, self.painting.pixels)
        alpha = np.ones(pixels.shape[:2], np.float32) if photo.alpha is None else photo.alpha
        target = np.dstack([pixels * alpha[..., None], alpha])
        with ThreadPoolExecutor(s.workers or os.cpu_count() or 1) as pool:
            if s.seconds and s.method != "layers":
                self._compile(report, pool)
            began = time.monotonic()
            background = self._background(pixels, alpha)
            if s.background == "auto" and (known := drawing or former):
                background = known.background
            sketch = Sketch(
                target, self._weight(photo), background, s.alpha, self._palette(pixels), self.kinds,
                (s.smallest, s.largest), self.seed, pool,
            )  # fmt: skip
            if drawing is not None:
                self._resume(sketch, drawing, report)
            with suppress(Cancelled):
                if former is not None and frame.before is not None:
                    self._follow(sketch, former, carried(former, frame.before.flow))
                    return self._drawing(sketch, content.size)
                (self._layers if s.method == "layers" else self._climb)(sketch, content.size, began, report)
            return self._drawing(sketch, content.size)

    # A film -----------------------------------------------------------------------------------------------------------

    def _former(self, before: Before | None) -> Drawing | None:
        """The drawing of the frame before, where shapes are carried on."""
        if before is None or not before.state or self.settings.method == "layers":
            return None
        return Drawing.of(before.state)

    def _follow(self, sketch: Sketch, former: Drawing, marks: Sequence[Mark]) -> None:
        """Go on with the shapes of the frame before: they are adjusted, those that are worth nothing any more die, and as many are born."""
        s = self.settings
        sketch.rounds = int(former.about.get("rounds", 0))
        sketch.become(marks, [0.0] * len(marks))
        sketch.refine(max(1, s.age // ADJUSTED))
        dead = set(faded(sketch.worths))
        kept = [at for at in range(len(sketch.marks)) if at not in dead]
        sketch.become([sketch.marks[at] for at in kept], [sketch.worths[at] for at in kept])
        effort = Effort(climb.ANNEAL if s.search == "anneal" else climb.CLIMB, s.climbs, s.tries, age=s.age)
        futile = 0
        while len(sketch.marks) < len(former.marks) and futile < FUTILE_ROUNDS:
            futile = 0 if sketch.grow(effort, len(former.marks) - len(sketch.marks)) else futile + 1

    # The two methods --------------------------------------------------------------------------------------------------

    def _climb(self, sketch: Sketch, size: tuple[int, int], began: float, report: Report) -> None:
        s = self.settings
        endless = bool(s.until or s.seconds) and not s.count
        most = s.count or (10**6 if endless else COUNT)
        how = climb.ANNEAL if s.search == "anneal" else climb.CLIMB
        effort = Effort(how, s.climbs, s.tries, age=s.age)
        tell = self._teller(sketch, size, 0 if endless else most, report)

        def grow(stage: str, to: int, deadline: float) -> None:
            futile = 0
            while len(sketch.marks) < to and futile < FUTILE_ROUNDS and sketch.score > s.until:
                if time.monotonic() - began > deadline:
                    raise _TimeIsUp
                futile = 0 if sketch.grow(effort, to - len(sketch.marks)) else futile + 1
                tell(stage)

        def refine(stage: str, deadline: float) -> None:
            def step(done: int) -> None:
                if time.monotonic() - began > deadline:
                    raise _TimeIsUp
                tell(stage)

            sketch.refine(s.age // 2 + 1, step)

        swept = 0
        tell("drawing")
        with suppress(_TimeIsUp):
            growing = s.seconds * (GROWTH_SHARE if s.refine and endless else 1.0) or math.inf
            while len(sketch.marks) < most and sketch.score > s.until:
                before = len(sketch.marks)
                target = max(FIRST_SWEEP, before + 1, math.ceil(SWEEP_GROWTH * before)) if s.refine else most
                grow("drawing", min(target, most), growing)
                if len(sketch.marks) < min(target, most):
                    break  # nothing helps any more, or the score is reached
                if s.refine:
                    refine("drawing", growing)
                    swept = len(sketch.marks)
            if s.refine and swept != len(sketch.marks):  # so that it is known what each shape is worth
                refine("refining", s.seconds or math.inf)
        rounds = 0
        # a time that is left over is used, where it was asked for
        with suppress(_TimeIsUp):
            while len(sketch.marks) > 1 and s.refine and (rounds < s.refine or s.seconds) and sketch.score > s.until:
                rounds += 1
                count, best = len(sketch.marks), (sketch.score, list(sketch.marks), list(sketch.worths))
                better = False
                try:
                    sketch.drop(REPLACED_SHARE)
                    grow("refining", count, s.seconds or math.inf)
                    refine("refining", s.seconds or math.inf)
                    better = sketch.score < best[0]
                finally:
                    if not better:
                        sketch.become(*best[1:])
        tell("refining", True)

    def _layers(self, sketch: Sketch, size: tuple[int, int], began: float, report: Report) -> None:
        s = self.settings
        tell = self._teller(sketch, size, s.count, report)
        for _ in layers.passes(sketch, s.smallest, s.largest, s.alpha or 1.0, s.count or math.inf):
            tell("drawing")
            out_of_time = s.seconds and time.monotonic() - began >= s.seconds
            if out_of_time or (s.count and len(sketch.marks) >= s.count) or sketch.score <= s.until:
                break
        tell("drawing", True)

    def _teller(self, sketch: Sketch, size: tuple[int, int], total: int, report: Report) -> Callable[..., None]:
        """What tells the stage, and whether all is done: there may be fewer shapes then than were asked for."""
        done = 0

        def tell(stage: str, whole: bool = False) -> None:
            nonlocal done
            done = max(done, len(sketch.marks))  # some are taken away to be drawn better
            shown = fit(size, min(PREVIEW_SIDE, max(size)))
            score = {"score": sketch.score}
            report(Progress(stage, done, done if whole else total, score, preview=lambda: render(self._drawing(sketch, size), shown)))

        return tell

    # What is prepared -------------------------------------------------------------------------------------------------

    def _compile(self, report: Report, pool: ThreadPoolExecutor) -> None:
        """Draw a few shapes that nobody sees: what a first drawing compiles is not to take the seconds that were asked for."""
        report(Progress("opening"))
        blank, free = np.ones((16, 16, 4), np.float32), np.zeros((0, 3), np.float32)
        for kind in self.kinds:
            sketch = Sketch(blank, blank[..., 0], (0, 0, 0), self.settings.alpha, free, [kind], (1.0, 8.0), 0, pool)
            sketch.grow(Effort(climb.CLIMB, 1, 20, age=1), 1)
            sketch.refine(1)

    def _background(self, pixels: npt.NDArray[np.float32], alpha: npt.NDArray[np.float32]) -> tuple[int, int, int] | None:
        if self.settings.background != "auto":
            return self.background
        if alpha.min() < 1:
            return None
        r, g, b = (round(float(c) * 255) for c in pixels.mean((0, 1)))
        return r, g, b

    def _palette(self, pixels: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        s = self.settings
        if self.colors is not None:
            return self.colors
        if self.painting is None and not s.palette_size:
            return np.zeros((0, 3), np.float32)
        from atelier.image.palette import main_colors

        source = pixels if self.painting is None else self.painting.pixels
        colors = main_colors(source, s.palette_size or 16, self.seed).colors
        return (np.round(colors * 255) / 255).astype(np.float32)

    def _weight(self, photo: Image) -> npt.NDArray[np.float32]:
        shape = photo.pixels.shape[:2]
        if self.density is not None:
            mask = resize(self.density.flat((0.0, 0.0, 0.0)), photo.size).pixels.mean(2)
        elif self.settings.density == "saliency":
            mask = saliency(photo.pixels)
        else:
            return np.ones(shape, np.float32)
        weight = LEAST_WEIGHT + (1 - LEAST_WEIGHT) * mask / max(float(mask.max()), 1e-6)
        return (weight / weight.mean()).astype(np.float32)

    def _resume(self, sketch: Sketch, drawing: Drawing, report: Report) -> None:
        if self.settings.method == "layers":
            raise SettingError("start", "`start` does not go with `method` layers, whose passes follow one from another")
        if (drawing.width, drawing.height) != (sketch.width, sketch.height):
            raise SettingError(
                "start",
                f"the drawing to go on from is of a picture of {drawing.width}x{drawing.height} px, "
                f"this one is {sketch.width}x{sketch.height}",
            )
        for mark in drawing.marks:
            sketch.draw(mark)
        rounds = drawing.about.get("rounds")  # which a person may have edited
        sketch.rounds = rounds if isinstance(rounds, int) and 0 <= rounds < 2**63 else len(drawing.marks)
        if abs(sketch.score - drawing.score) > 1e-4:
            report(Progress("opening", note="the drawing to go on from was made of another photo, or with other settings"))
        if 0 < self.settings.count < len(drawing.marks):
            report(Progress("opening", note=f"the drawing to go on from has {len(drawing.marks)} shapes already, and keeps them"))

    def _drawing(self, sketch: Sketch, size: tuple[int, int]) -> Drawing:
        background = None
        if sketch.empty[0, 0, 3]:
            r, g, b = (round(float(c) * 255) for c in sketch.empty[0, 0, :3])
            background = r, g, b
        about = {"rounds": sketch.rounds, "seed": self.seed}
        return Drawing(sketch.width, sketch.height, size, background, tuple(sketch.marks), sketch.score, about)


def kinds(text: str) -> list[str]:
    """The shapes a text names. Raises SettingError."""
    if text == "all":
        return list(SHAPES)
    names = [name.strip().lower().replace("_", "-") for name in text.split(",") if name.strip()]
    if not names or (unknown := [name for name in names if name not in SHAPES]):
        wrong = f"{unknown[0]}: no such shape; " if names else ""
        raise SettingError("shape", f"{wrong}choose from {', '.join(SHAPES)}, or all")
    return list(dict.fromkeys(names))


def listed(text: str) -> npt.NDArray[np.float32] | None:
    """(n, 3) colours written as #rrggbb,#rrggbb; None where the text is something else."""
    if not text.startswith("#"):
        return None
    colors = [hexadecimal(part.strip(), "palette") for part in text.split(",")]
    return np.array(colors, np.float32) / np.float32(255)


def hexadecimal(text: str, option: str) -> tuple[int, int, int]:
    """#rrggbb as 0..255. Raises SettingError."""
    if re.fullmatch("#[0-9a-fA-F]{6}", text):
        return int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)
    raise SettingError(option, "write a colour as #rrggbb", text)
