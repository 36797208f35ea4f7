"""Panoramas: an equirectangular picture is painted on the faces of a cube, which overlap, and blended back.

So nothing ends where left meets right, and nothing is drawn together at the poles.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from atelier.engines.engine import Before, Engine, Frame
from atelier.errors import ImageError
from atelier.image.value import Pixels
from atelier.progress import Report, silent

REACH = 1.35
"""How far a face goes, where 1 is the edge of the cube: 107° across."""
INNER = 1 / REACH
"""Up to here a face is painted on alone: there the next one ends."""
MULTIPLE = 16
"""The sides of faces are multiples of this, px."""
COUNTED = 768
"""Width, px, of the panorama in which statistics are counted."""
FACES = (
    ((0, 0, 1), (1, 0, 0)), ((1, 0, 0), (0, 0, -1)), ((0, 0, -1), (-1, 0, 0)), ((-1, 0, 0), (0, 0, 1)),
    ((0, 1, 0), (1, 0, 0)), ((0, -1, 0), (1, 0, 0)),
)  # fmt: skip
"""Where each face looks, and what is to its right: x to the right of the picture's middle, y down, z ahead."""


@dataclass(frozen=True)
class Panorama:
    """An engine that paints around. engine: paints the faces; a trained network with statistics of all of the panorama."""

    engine: Engine

    def __call__(self, frame: Frame, report: Report = silent) -> Frame:
        """Paint an equirectangular frame, twice as wide as high. Raises ImageError for another shape, or with a guide."""
        width, height = frame.size
        if abs(width / height - 2) > 0.02:
            raise ImageError(f"a panorama is twice as wide as high, this picture is {width}x{height} px")
        state = frame.before.state if frame.before else None
        counted = self._paint(Frame(made_small(frame.pixels), before=Before(state=state)), report)
        out, total = np.zeros_like(frame.pixels), np.zeros(frame.shape, np.float32)
        for face in range(len(FACES)):
            view = Frame(look_at(frame.pixels, face), before=Before(state=counted.state, held=True), time=frame.time)
            painted = self._paint(view, report)
            for rows, weight, seen in put_back(painted.pixels, face, frame.shape):
                out[rows] += weight[..., None] * seen
                total[rows] += weight
        return replace(frame, pixels=(out / total[..., None]).clip(0, 1), state=counted.state)

    def _paint(self, frame: Frame, report: Report) -> Frame:
        painted = self.engine(frame, report)
        assert isinstance(painted, Frame)
        return painted


def made_small(pixels: Pixels) -> Pixels:
    """A panorama small enough to be counted in quickly."""
    from atelier.perception.motion import grown

    height, width = pixels.shape[:2]
    share = min(1.0, COUNTED / width)
    return grown(pixels, (max(1, round(width * share)), max(1, round(height * share))))


def side_of(width: int) -> int:
    """The side of a face, px: as sharp in its middle as a panorama of that width."""
    return max(MULTIPLE, round(REACH * width / math.pi / MULTIPLE) * MULTIPLE)


def look_at(pixels: Pixels, face: int) -> Pixels:
    """What is on a face of an equirectangular picture (H, W, 3): (S, S, 3)."""
    from atelier.perception.motion import import_cv2

    cv2 = import_cv2()
    height, width = pixels.shape[:2]
    side = side_of(width)
    ahead, right = (np.array(axis, np.float32) for axis in FACES[face])
    line = ((np.arange(side, dtype=np.float32) + 0.5) / side * 2 - 1) * REACH
    ray = ahead + line[None, :, None] * right + line[:, None, None] * np.cross(ahead, right).astype(np.float32)  # (S, S, 3)
    longitude = np.arctan2(ray[..., 0], ray[..., 2])
    latitude = np.arctan2(ray[..., 1], np.hypot(ray[..., 0], ray[..., 2]))
    xs = (longitude / (2 * np.pi) + 0.5) * width - 0.5
    ys = ((latitude / np.pi + 0.5) * height - 0.5).clip(0, height - 1)
    wrapped = np.concatenate([pixels[:, -2:], pixels, pixels[:, :2]], 1)
    seen = cv2.remap(wrapped, (xs + 2).astype(np.float32), ys.astype(np.float32), cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(seen.clip(0, 1), np.float32)


def put_back(painted: Pixels, face: int, shape: tuple[int, int]) -> Iterator[tuple[slice, Pixels, Pixels]]:
    """A painted face (S, S, 3) on an equirectangular picture of (height, width), strip by strip: rows, how much it counts there
    (h, W), and what it shows there (h, W, 3)."""
    from atelier.perception.motion import import_cv2

    cv2 = import_cv2()
    height, width = shape
    side = painted.shape[0]
    ahead, right = (np.array(axis, np.float32) for axis in FACES[face])
    down = np.cross(ahead, right).astype(np.float32)
    longitude = (((np.arange(width) + 0.5) / width - 0.5) * 2 * np.pi).astype(np.float32)
    for top in range(0, height, 256):
        rows = slice(top, min(top + 256, height))
        latitude = (((np.arange(rows.start, rows.stop) + 0.5) / height - 0.5) * np.pi).astype(np.float32)[:, None]
        ray = np.stack(
            np.broadcast_arrays(np.cos(latitude) * np.sin(longitude), np.sin(latitude), np.cos(latitude) * np.cos(longitude)), -1
        )
        depth = ray @ ahead
        u, v = (ray @ axis / np.where(depth > 1e-3, depth, np.inf) for axis in (right, down))
        far = np.where(depth > 1e-3, np.maximum(np.abs(u), np.abs(v)), np.inf)
        weight = ((REACH - far) / (REACH - INNER)).clip(0, 1).astype(np.float32)
        if weight.any():
            xs, ys = (((each / REACH + 1) / 2 * side) - 0.5 for each in (u, v))
            seen = cv2.remap(painted, xs.astype(np.float32), ys.astype(np.float32), cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
            yield rows, weight, np.asarray(seen, np.float32)
