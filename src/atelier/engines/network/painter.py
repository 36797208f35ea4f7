"""The painter that ships: photo and style code in, picture out, at any size."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from atelier.engines.network.photo import Read
from atelier.engines.network.plan import CELL, MARGIN, MULTIPLE, Plan
from atelier.engines.network.runner import Runner
from atelier.engines.network.windows import Grid, Window
from atelier.errors import WeightsError
from atelier.image.value import Pixels

StyleCode = NDArray[np.float32]
"""(N,): what a style is to a painter."""

Correct = Callable[[Pixels], Pixels]

TILE = 1536
"""Side of the windows, px, unless the caller says otherwise."""
BLOCK = 64
"""Cells a side of what is drawn of the noise at once."""


@dataclass(frozen=True, eq=False)
class Known:
    """What is counted over a photo as a whole. style: what the model takes beside the photo, by name. statistics: of its normalisations.
    line: (3, 4), matrix and offset that painted colours go through; None for nothing."""

    style: Mapping[str, Pixels]
    statistics: Pixels
    line: Pixels | None = None

    @property
    def arrays(self) -> dict[str, Pixels]:
        """All of it, by name."""
        own = {"statistics": self.statistics} | ({} if self.line is None else {"line": self.line})
        return {**own, **{f"style.{name}": each for name, each in self.style.items()}}

    @classmethod
    def of(cls, arrays: Mapping[str, Pixels]) -> Known:
        """What `arrays` gave."""
        style = {name.removeprefix("style."): each for name, each in arrays.items() if name.startswith("style.")}
        return cls(style, arrays["statistics"], arrays.get("line"))


@dataclass(frozen=True)
class Painter:
    """A body as `atelier.training.export.painter` writes it. runner: the model, called with arrays by name."""

    runner: Runner

    @cached_property
    def plan(self) -> Plan:
        return Plan.from_json(self.runner.metadata.get("atelier.plan", ""))

    def grid(self, size: tuple[int, int], tile: int = TILE) -> Grid:
        """How a photo of `size` (width, height) is cut into windows. tile: side of the windows, px; 0 for the whole at once."""
        return Grid(*size, MARGIN, MULTIPLE, self.plan.reach, tile)

    def windows(
        self, read: Read, grid: Grid, windows: Sequence[Window], thumbnail: Pixels, style: Mapping[str, Pixels], seed: int = 0,
        correct: Correct | None = None, noise: Pixels | None = None, keep: Callable[[Known], None] | None = None,
    ) -> Iterator[tuple[int, int, Pixels]]:  # fmt: skip
        """Paint windows of a photo, one after the other: x, y and painted pixels (h, w, 3) in [0, 1].

        windows: the grid's own, or others on it. thumbnail: (h, w, 3), THUMBNAIL px or less, what statistics are taken
        from: the whole photo. style: what else the model takes, by name. correct: of the thumbnail as it is painted, where the model
        tells, makes the matrix and offset (3, 4) that all painted colours go through. noise: (1, C, H/8, W/8), of all of the padded
        photo; None for that of the seed. keep: is told what was counted. Raises WeightsError for a model of another version.
        """
        small = Grid(thumbnail.shape[1], thumbnail.shape[0], MARGIN, MULTIPLE, 0)
        (all_of_it,) = small.windows()
        around = self._thumbnail(small.see(all_of_it, lambda x, y, w, h: thumbnail[y : y + h, x : x + w]), seed)
        if noise is not None and small.size == grid.size:
            around["thumbnail_noise"] = noise
        line: Pixels | None = None
        for window in windows:
            known = bool(around["known"])
            # A photo that is its own thumbnail is painted as that.
            alone = not known and self._tells_painted and small.size == grid.size and window.seen == all_of_it.seen
            photo = _blank(self.plan) if alone else (to_cells(grid.see(window, read)), self._noise(window, noise, seed))
            painted, statistics, *small_painted = self.runner(photo=photo[0], noise=photo[1], **around, **style)
            if not known:
                if correct and small_painted:
                    rows, columns, *_ = small.inside(all_of_it)
                    line = correct(from_cells(small_painted[0])[rows, columns])
                around = self._known(statistics)  # the thumbnail has done its work
                if keep:
                    keep(Known(style, statistics, line))
            rows, columns, x, y = grid.inside(window)
            part = _along(from_cells(small_painted[0] if alone else painted), line)[rows, columns]
            if part.size:
                yield x, y, part

    def known_windows(
        self, read: Read, grid: Grid, windows: Sequence[Window], known: Known, noise: Pixels
    ) -> Iterator[tuple[int, int, Pixels]]:
        """The same with what was counted before. noise: (1, C, H/8, W/8), of all of the padded photo."""
        around = self._known(known.statistics)
        for window in windows:
            seen = to_cells(grid.see(window, read)), self._noise(window, noise, 0)
            painted, *_ = self.runner(photo=seen[0], noise=seen[1], **around, **known.style)
            rows, columns, x, y = grid.inside(window)
            part = _along(from_cells(painted), known.line)[rows, columns]
            if part.size:
                yield x, y, part

    def _noise(self, window: Window, noise: Pixels | None, seed: int) -> Pixels:
        """The noise of what a window sees."""
        if noise is None:
            return noise_of(self.plan.noise, window.seen, seed)
        left, top, right, bottom = (side // CELL for side in window.seen)
        return np.ascontiguousarray(noise[:, :, top:bottom, left:right])

    def _known(self, statistics: Pixels) -> dict[str, Pixels]:
        """What the model takes of the whole photo once that is counted."""
        cells, noise = _blank(self.plan)
        return {"thumbnail": cells, "thumbnail_noise": noise, "known": np.ones(1, np.float32), "statistics": statistics}

    def _thumbnail(self, padded: Pixels, seed: int) -> dict[str, Pixels]:
        """What the model takes to find statistics by. padded: the thumbnail with its margins. Raises WeightsError."""
        if [port.name for port in self.runner.outputs][:2] != ["painted", "thumbnail_statistics"]:
            raise WeightsError(f"{self.runner.label} is a painter of another version of atelier: export it, or train it, anew")
        return {
            "thumbnail": to_cells(padded),
            "thumbnail_noise": noise_of(self.plan.noise, (0, 0, padded.shape[1], padded.shape[0]), seed),
            "known": np.zeros(1, np.float32),
            "statistics": np.zeros((1, self.plan.channels, 1, 2), np.float32),
        }

    @property
    def _tells_painted(self) -> bool:
        """Whether the model gives the painted thumbnail as well."""
        return any(port.name == "thumbnail_painted" for port in self.runner.outputs)


def _blank(plan: Plan) -> tuple[Pixels, Pixels]:
    """The least that the model takes for a picture, in cells, and noise for that."""
    cells, noise = MULTIPLE // 4 + 2, MULTIPLE // CELL
    return np.zeros((1, cells, cells, 48), np.float32), np.zeros((1, plan.noise, noise, noise), np.float32)


def _along(pixels: Pixels, line: Pixels | None) -> Pixels:
    """Colours (h, w, 3) through a matrix and an offset (3, 4), if there is one."""
    if line is None:
        return pixels
    out = (pixels.reshape(-1, 3) @ line[:, :3].T.copy()).reshape(pixels.shape)
    out += line[:, 3]
    return out.clip(0, 1, out=out)


def noise_of(channels: int, box: tuple[int, int, int, int], seed: int) -> Pixels:
    """(1, C, height/8, width/8), standard normal: what strokes begin from where the photo has nothing. box: left, top, right and bottom
    of a part of a picture, px, multiples of 8. The same place has the same noise whatever the part, and the picture's size."""
    left, top, right, bottom = (v // CELL for v in box)
    out = np.empty((channels, bottom - top, right - left), np.float32)
    for row in range(top // BLOCK, -(-bottom // BLOCK)):
        for column in range(left // BLOCK, -(-right // BLOCK)):
            block = _noise_block(channels, seed % 2**64, row % 2**32, column % 2**32)
            y, x = row * BLOCK, column * BLOCK
            rows, columns = slice(max(top, y), min(bottom, y + BLOCK)), slice(max(left, x), min(right, x + BLOCK))
            part = block[:, rows.start - y : rows.stop - y, columns.start - x : columns.stop - x]
            out[:, rows.start - top : rows.stop - top, columns.start - left : columns.stop - left] = part
    return out[None]


@lru_cache(maxsize=16)
def _noise_block(channels: int, *where: int) -> Pixels:
    """(C, BLOCK, BLOCK), standard normal. Frames of a film ask for the same ones again and again."""
    block = np.random.default_rng(where).standard_normal((channels, BLOCK, BLOCK), np.float32)
    block.flags.writeable = False
    return block


def to_cells(pixels: Pixels) -> Pixels:
    """(H, W, 3), sides multiples of 4, to (1, H/4 + 2, W/4 + 2, 48): in each cell 4x4 px, row by row; those around repeat their
    neighbours."""
    height, width = pixels.shape[0] // 4, pixels.shape[1] // 4
    out = np.empty((1, height + 2, width + 2, 48), np.float32)
    inner = out.reshape(height + 2, width + 2, 4, 4, 3)[1:-1, 1:-1]
    inner[...] = pixels.reshape(height, 4, width, 4, 3).transpose(0, 2, 1, 3, 4)
    out[0, 1:-1, 0], out[0, 1:-1, -1] = out[0, 1:-1, 1], out[0, 1:-1, -2]
    out[0, 0], out[0, -1] = out[0, 1], out[0, -2]
    return out


def from_cells(cells: Pixels) -> Pixels:
    """(1, h, w, 12), in each cell 2x2 px, row by row, to (2h, 2w, 3)."""
    _, height, width, _ = cells.shape
    return cells.reshape(height, width, 2, 2, 3).transpose(0, 2, 1, 3, 4).reshape(2 * height, 2 * width, 3)


def planes(pixels: Pixels) -> Pixels:
    """(H, W, 3) to (1, 3, H, W)."""
    return np.ascontiguousarray(pixels.transpose(2, 0, 1))[None]
