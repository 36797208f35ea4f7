"""Brushes over a photo, each in its region, blended window by window: one loop for photos that are held and for those that are not."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence

from atelier.engines.network.brush import Brush
from atelier.engines.network.hold import BrushHold
from atelier.engines.network.photo import Photo
from atelier.engines.network.plan import MULTIPLE
from atelier.engines.network.regions import frame, narrow, scale, section, spread
from atelier.engines.network.windows import Grid, Window
from atelier.image import Image, resize
from atelier.image.value import Pixels
from atelier.progress import Progress, Report, silent

Box = tuple[int, int, int, int]
"""x, y, width, height of a window of the photo."""
Part = tuple[int, int, Pixels]
"""x, y, painted pixels (h, w, 3)."""


class Layer:
    """A brush over a photo. plane: (H, W) in [0, 1], how much of it is where, perhaps coarser than the photo; None for all of it.
    tile: side of the windows, px. hold: of a film, what the frame before has counted.

    Strokes of another size are painted on the photo at another size, which has to be held for that.
    """

    def __init__(self, brush: Brush, photo: Photo, plane: Pixels | None, tile: int, hold: BrushHold | None = None) -> None:
        self.brush, self.photo, self.plane, self.hold = brush, photo, plane, hold
        work = brush.work_size(photo.size)
        self.resized = None if work == photo.size else photo.resized(work)
        around = plane
        if plane is not None and self.resized:  # more, so that nothing else is to be seen at the region's ends when it is brought back
            around = spread(scale(plane, work), MULTIPLE, -(-3 * max(1, work[0] // photo.size[0]) // MULTIPLE))
        grid = brush.painter.grid(work, tile)
        self.windows: list[Window | None] = list(grid.visible())
        if around is not None:
            seen = frame(grid, around)
            self.windows = [narrow(grid, window, around, seen) for window in grid.visible()]

    def parts(self, boxes: Sequence[Box], painted: Callable[[], None]) -> Iterator[Part | None]:
        """What the brush paints of each window of the photo, in their order; None for nothing. painted: called after each window
        that the network went through."""
        if self.resized:
            whole = self._paint_resized(self.resized, painted)
            yield from ((x, y, whole[y : y + height, x : x + width]) for x, y, width, height in boxes)
            return
        parts = self.brush.paint(self.photo, [window for window in self.windows if window], self.plane, self.hold)
        for window in self.windows:
            if window:
                part = next(parts)
                painted()
                yield part
            else:
                yield None

    def _paint_resized(self, photo: Photo, painted: Callable[[], None]) -> Pixels:
        """All that the brush paints at another size, at the photo's own: (H, W, 3)."""
        assert photo.image is not None
        canvas = photo.image.pixels.copy()
        plane = None if self.plane is None else scale(self.plane, photo.size)
        for x, y, part in self.brush.paint(photo, [window for window in self.windows if window], plane, self.hold):
            canvas[y : y + part.shape[0], x : x + part.shape[1]] = part
            painted()
        return resize(Image(canvas), self.photo.size).pixels


def paint_layers(photo: Photo, grid: Grid, layers: Sequence[Layer], report: Report = silent) -> Iterator[Part]:
    """Paint a photo window by window, row by row: x, y, painted pixels (h, w, 3).

    grid: the windows, those of the layers. Where all planes are 0 the photo comes through bit for bit.
    """
    boxes = [grid.box(window) for window in grid.visible()]
    total, step = sum(len(layer.windows) - layer.windows.count(None) for layer in layers), itertools.count(1)
    streams = [layer.parts(boxes, lambda: report(Progress("painting", next(step), total))) for layer in layers]
    for box in boxes:
        parts = [next(stream) for stream in streams]
        yield _blend(photo, box, [(layer.plane, part) for layer, part in zip(layers, parts, strict=True) if part])


def _blend(photo: Photo, box: Box, parts: Sequence[tuple[Pixels | None, Part]]) -> Part:
    """A window of the photo with all that is painted in it."""
    if len(parts) == 1 and parts[0][0] is None:
        return parts[0][1]
    x, y, width, height = box
    under = photo.read(x, y, width, height)
    out = under.copy()
    for plane, (left, top, part) in parts:
        assert plane is not None
        rows, columns = slice(top - y, top - y + part.shape[0]), slice(left - x, left - x + part.shape[1])
        share = section(plane, photo.size, left, top, part.shape[1], part.shape[0])
        out[rows, columns] += share[..., None] * (part - under[rows, columns])
    return x, y, out.clip(0, 1, out=out)
