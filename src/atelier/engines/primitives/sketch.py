"""A drawing in the making: the picture so far, what it is to become, and the steps that bring it closer."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from atelier.engines.primitives.canvas import FOLDED, OPEN, Task, cover, likely_sums, running_sums, squared_error, under
from atelier.engines.primitives.climb import CLIMB
from atelier.engines.primitives.drawing import Mark
from atelier.engines.primitives.shapes import SHAPES
from atelier.engines.primitives.shapes.shape import State

Floats = npt.NDArray[np.float32]
Window = tuple[slice, slice]
"""Rows and columns."""
GROWING_STEP, REFINING_STEP = 16.0, 6.0
"""Size of a move on a picture of 256 px (the first is fogleman/primitive's)."""
OPACITIES = np.array([0.15, 0.3, 0.5, 0.75, 1.0])
"""Those tried where each shape chooses its own; the sums make them nearly free."""


@dataclass(frozen=True)
class Found:
    """What one search came to. gain: by how much the squared error falls."""

    gain: float
    mark: Mark
    runs: npt.NDArray[np.int32]


@dataclass(frozen=True)
class Effort:
    """How hard to search for a shape. how: climb.CLIMB or climb.ANNEAL."""

    how: int = CLIMB
    climbs: int = 8
    tries: int = 100
    stride: int = 2
    age: int = 60
    together: float = 0.8
    """Of the climbs of a round, those that keep clear of the better ones and gain at least this share of the best one are all drawn."""


class Sketch:
    """target: (H, W, 4) premultiplied RGBA in [0, 1]; weight: (H, W) of the error at each pixel, 1 on average.

    alpha: every shape's opacity, 0 for each its own. palette: (n, 3) colours allowed, none for all.
    """

    def __init__(
        self, target: Floats, weight: Floats, background: tuple[int, int, int] | None, alpha: float, palette: Floats,
        kinds: Sequence[str], sizes: tuple[float, float], seed: int, pool: ThreadPoolExecutor,
    ) -> None:  # fmt: skip
        self.height, self.width = target.shape[:2]
        self.target, self.weight = np.ascontiguousarray(target, np.float32), np.ascontiguousarray(weight, np.float32)
        self.alpha, self.palette, self.kinds, self.seed, self.pool = round(alpha, 4), palette.astype(np.float64), list(kinds), seed, pool
        self.smallest, self.largest = sizes
        self.empty = np.zeros_like(self.target)
        if background is not None:
            self.empty[:] = [*(c / 255 for c in background), 1.0]
        self.marks: list[Mark] = []
        self.worths: list[float] = []  # of each, as it was told last: by how much the error would rise without it
        self.canvas = self.empty.copy()
        self.through, self.above = np.ones((self.height, self.width), np.float32), np.zeros_like(self.target)
        self.sums = np.zeros((self.height, self.width + 1, FOLDED if alpha else OPEN), np.float32)
        self.likely = np.zeros((self.height, self.width + 1), np.float32)
        self.likely_rows = np.zeros(self.height + 1)
        self.rounds = 0
        self._score = math.nan
        self._renew(0, self.height)

    # What there is ----------------------------------------------------------------------------------------------------

    @property
    def score(self) -> float:
        """Root mean square error over the four channels (fogleman/primitive's score), as of the last time the canvas changed."""
        if math.isnan(self._score):  # it is asked for more often than shapes are drawn
            self._score = math.sqrt(squared_error(self.target, self.canvas, np.ones_like(self.weight)) / self.target.size)
        return self._score

    def runs(self, mark: Mark) -> npt.NDArray[np.int32]:
        """(N, 3): the pixels a shape covers."""
        room = self._room()
        count = SHAPES[mark.shape].cover(np.array(mark.state), self.width, self.height, 1, room)
        return room[:count].copy()

    def draw(self, mark: Mark, runs: npt.NDArray[np.int32] | None = None, worth: float = 0.0) -> None:
        """Put a shape on top."""
        runs = self.runs(mark) if runs is None else runs
        cover(runs, len(runs), mark.paint, self.canvas)
        self.marks.append(mark)
        self.worths.append(worth)
        if len(runs):
            self._renew(int(runs[:, 0].min()), int(runs[:, 0].max()) + 1)

    # One shape more ---------------------------------------------------------------------------------------------------

    def grow(self, effort: Effort, most: int) -> int:
        """Search for a shape, or for several that keep clear of each other, at most `most`, and draw them. How many were."""
        task = self.task()
        found = list(self.pool.map(lambda climb: self._search(task, effort, climb), range(effort.climbs)))
        self.rounds += 1
        better = sorted((f for f in found if f is not None and f.gain > 0), key=lambda f: -f.gain)
        taken: list[Found] = []
        for each in better[:1] + [f for f in better[1:] if f.gain >= effort.together * better[0].gain]:
            if len(taken) < most and all(clear(each.runs, other.runs) for other in taken):
                taken.append(each)
        for each in taken:
            self.draw(each.mark, each.runs, each.gain)
        return len(taken)

    # All shapes together ----------------------------------------------------------------------------------------------

    def refine(self, age: int, report: Callable[[int], None] = lambda done: None) -> None:
        """Move and colour every shape once more, each as is best among all the others as they are.

        What lies above a shape acts on it as a share that comes through and a picture that is added, so its error is still in
        closed form, and only a window around the shape matters. Shapes in a row whose windows keep clear of each other
        are looked at side by side. The windows are kept for one block of shapes at a time, as many as there are blocks.
        report: told the number of shapes that are done; may raise, and leaves the sketch whole.
        """
        try:
            self.canvas = self._sweep(age, report)
            self._renew(0, self.height)
        except BaseException:
            self.become(self.marks, self.worths)
            raise
        finally:
            self.rounds += 1

    def drop(self, share: float) -> None:
        """Take away the shapes that are worth least: this share of them, one at least."""
        count = max(1, round(share * len(self.marks)))
        least = set(np.argsort(self.worths, kind="stable")[:count].tolist())
        kept = [i for i in range(len(self.marks)) if i not in least]
        self.become([self.marks[i] for i in kept], [self.worths[i] for i in kept])

    def become(self, marks: Sequence[Mark], worths: Sequence[float]) -> None:
        """Draw these shapes and no others."""
        self.marks, self.worths = list(marks), list(worths)
        self.canvas = self.empty.copy()
        for mark in self.marks:
            runs = self.runs(mark)
            cover(runs, len(runs), mark.paint, self.canvas)
        self._renew(0, self.height)

    def _sweep(self, age: int, report: Callable[[int], None]) -> Floats:
        """Refine the shapes; returns the picture of them."""
        count = len(self.marks)
        runs = [self.runs(mark) for mark in self.marks]
        block = max(1, math.isqrt(count))
        starts = range(0, count, block)
        tops: list[tuple[Floats, Floats]] = []
        through, above = np.ones((self.height, self.width), np.float32), np.zeros_like(self.target)
        for begin in reversed(starts):
            tops.append((through.copy(), above.copy()))
            for i in reversed(range(begin, min(begin + block, count))):
                under(runs[i], len(runs[i]), self.marks[i].paint, through, above)
        below = self.empty.copy()
        for begin in starts:
            through, above = tops.pop()
            members = range(begin, min(begin + block, count))
            overhead: dict[int, tuple[Window, Floats, Floats]] = {}
            for i in reversed(members):
                window = self._window(runs[i])
                overhead[i] = window, through[window].copy(), above[window].copy()
                under(runs[i], len(runs[i]), self.marks[i].paint, through, above)
            waiting = list(members)
            while waiting:
                batch = [waiting.pop(0)]
                while waiting and len(batch) < 8 and all(apart(overhead[waiting[0]][0], overhead[i][0]) for i in batch):
                    batch.append(waiting.pop(0))
                # each has its own window, so `below` may be read by all of them
                for i, (better, worth) in zip(
                    batch,
                    self.pool.map(self._refined, batch, [age] * len(batch), [below] * len(batch), [overhead[i] for i in batch]),
                    strict=True,
                ):
                    self.worths[i] = worth
                    if better is not None:
                        self.marks[i], runs[i] = better, self.runs(better)
                for i in batch:
                    cover(runs[i], len(runs[i]), self.marks[i].paint, below)
                report(batch[-1] + 1)
        return below

    def _refined(self, index: int, age: int, below: Floats, overhead: tuple[Window, Floats, Floats]) -> tuple[Mark | None, float]:
        window, through, above = overhead
        mark, shape = self.marks[index], SHAPES[self.marks[index].shape]
        alpha = mark.opacity if self.alpha else 0.0
        height, width = through.shape
        sums = np.zeros((height, width + 1, self.sums.shape[2]), np.float32)
        target, weight = np.ascontiguousarray(self.target[window]), np.ascontiguousarray(self.weight[window])
        running_sums(sums, target, np.ascontiguousarray(below[window]), through, above, weight, alpha, 0, height)
        task = self.task(REFINING_STEP)._replace(sums=sums, top=window[0].start, left=window[1].start)
        if self.alpha:
            task = task._replace(opacities=np.array([alpha]))
        state = np.array(mark.state)
        seed = int(np.random.SeedSequence((self.seed, self.rounds, index)).generate_state(1)[0])
        energy = shape.search(task, CLIMB, 0, 1, age, seed, state)
        return (settled(mark.shape, state, task.color), -energy) if energy < np.inf else (None, 0.0)

    def _window(self, runs: npt.NDArray[np.int32]) -> Window:
        """The pixels around a shape that it may move over."""
        if not len(runs):
            return slice(0, 1), slice(0, 1)
        margin = math.ceil(2 * REFINING_STEP * max(self.width, self.height) / 256)
        low, high = runs.min(0), runs.max(0)
        rows = slice(max(0, int(low[0]) - margin), min(self.height, int(high[0]) + 1 + margin))
        return rows, slice(max(0, int(low[1]) - margin), min(self.width, int(high[2]) + margin))

    def _search(self, task: Task, effort: Effort, climb: int) -> Found | None:
        seed = np.random.SeedSequence((self.seed, self.rounds, climb)).generate_state(2)
        shape = SHAPES[self.kinds[int(seed[1]) % len(self.kinds)]]
        mine = task._replace(runs=self._room(), color=np.empty(4))
        state = np.empty(shape.parameters)
        energy = shape.search(mine, effort.how, effort.tries, effort.stride, effort.age, int(seed[0]), state)
        if not energy < 0:
            return None
        mark = settled(shape.name, state, mine.color)
        return Found(-energy, mark, self.runs(mark))

    def task(self, step: float = GROWING_STEP) -> Task:
        """What a search for one more shape needs to know. step: size of a move on a picture of 256 px."""
        scale = max(self.width, self.height) / 256
        opacities = np.array([self.alpha]) if self.alpha else OPACITIES
        return Task(
            self.sums, 0, 0, opacities, self.palette, self.likely, self.likely_rows, self.smallest, self.largest, step * scale,
            self._room(), np.empty(4),
        )  # fmt: skip

    def _room(self) -> npt.NDArray[np.int32]:
        return np.empty((8 * self.height, 3), np.int32)

    def _renew(self, first: int, end: int) -> None:
        """Bring the running sums up to date where the canvas changed."""
        running_sums(self.sums, self.target, self.canvas, self.through, self.above, self.weight, self.alpha, first, end)
        likely_sums(self.target, self.canvas, self.weight, self.likely, self.likely_rows, first, end)
        self._score = math.nan


def apart(a: Window, b: Window) -> bool:
    """Whether two windows share no pixel."""
    return any(x.stop <= y.start or y.stop <= x.start for x, y in zip(a, b, strict=True))


def clear(a: npt.NDArray[np.int32], b: npt.NDArray[np.int32]) -> bool:
    """Whether two shapes' bounding boxes share no pixel: then neither changes what the other is worth."""
    if not len(a) or not len(b):
        return True
    return bool(
        a[:, 0].max() < b[:, 0].min() or b[:, 0].max() < a[:, 0].min() or a[:, 2].max() <= b[:, 1].min() or b[:, 2].max() <= a[:, 1].min()
    )


def settled(name: str, state: State, color: State) -> Mark:
    """A shape with its numbers as they are written to files: hundredths of a pixel, 8-bit colours."""
    digits = [4 if i == SHAPES[name].angle else 2 for i in range(len(state))]
    r, g, b = (round(float(c) * 255) for c in color[:3])
    return Mark(name, tuple(round(float(v), d) for v, d in zip(state, digits, strict=True)), (r, g, b), round(float(color[3]), 4))
