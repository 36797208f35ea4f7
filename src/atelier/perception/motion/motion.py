"""What happened between one frame and the next: how things moved, where that can be trusted, and whether it is another scene."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from atelier.image.value import Pixels
from atelier.perception.motion.flow import Grey, flow_between, import_cv2
from atelier.perception.motion.warp import grown, warp


@dataclass(frozen=True)
class Accuracy:
    """How carefully motion is looked for. side: long side of the pictures it is looked for in, px. method: as `flow_between` has it."""

    side: int
    method: str


LIVE, FAST, BEST = Accuracy(256, "fast"), Accuracy(512, "fast"), Accuracy(704, "medium")

NOISE, DIFFERENT = 5.0, 16.0
"""Levels of 255 by which a pixel may differ from where it came from, and still be the same; and at which it is another."""
REST, REST_FAR = 1.5, 3.0
"""Levels of 255 by which motion must explain a place better than rest does: from a frame to the next; and added up over several, where
what is plain would wander off."""
CUT_LEVELS, CUT_SHARE, CUT_COLORS, CUT_WHOLE = 11.0, 0.42, 0.35, 0.76
"""A cut: the picture differs by so much from the one before after it was moved, in so much of its area, and its colours as
well; or twice as much in nearly all of it."""
THIRDS = np.full((1, 3), 1 / 3, np.float32)
"""The mean of three channels."""
CHEQUER = 16
"""Of the picture's sides, the part over which a change of light is averaged."""


@dataclass(frozen=True, eq=False)
class Sight:
    """A frame as motion is looked for in it. levels: uint8 (h, w, 3); size: (width, height) of the frame itself, px."""

    levels: NDArray[np.uint8]
    size: tuple[int, int]

    @cached_property
    def grey(self) -> Grey:
        cv2 = import_cv2()
        return np.asarray(cv2.cvtColor(self.levels, cv2.COLOR_RGB2GRAY))

    @cached_property
    def histogram(self) -> Pixels:
        """(512,): shares of colours."""
        cv2 = import_cv2()
        bins = cv2.calcHist([self.levels], [0, 1, 2], None, [8, 8, 8], [0, 256] * 3).ravel()
        return np.asarray(bins / bins.sum(), np.float32)


@dataclass(frozen=True, eq=False)
class Motion:
    """From one frame to the next. flow: (h, w, 2), where each pixel of now was before, px of these planes. trust: (h, w) in [0, 1].
    light: (h, w), how much lighter it is now, of 1. cut: whether it is another scene; nothing of before is then of use. size: (width,
    height) of the frames, px."""

    flow: Pixels
    trust: Pixels
    light: Pixels
    cut: bool
    size: tuple[int, int]

    def at(self, size: tuple[int, int]) -> tuple[Pixels, Pixels, Pixels]:
        """Flow, trust and light for pictures of (width, height)."""
        return grown(self.flow, size, flow=True), grown(self.trust, size), grown(self.light, size)


@dataclass(frozen=True, eq=False)
class Step:
    """Where each pixel of one frame is in another. flow: (h, w, 2), px of these planes; agrees: (h, w) in [0, 1], where the flow back
    says the same; cut: whether they are of two scenes."""

    flow: Pixels
    agrees: Pixels
    cut: bool


def look(levels: NDArray[Any], accuracy: Accuracy = FAST) -> Sight:
    """A frame, uint8 or uint16 (H, W, 3), made small enough."""
    cv2 = import_cv2()
    height, width = levels.shape[:2]
    flat = levels if levels.dtype == np.uint8 else (levels >> 8).astype(np.uint8)
    share = min(1.0, accuracy.side / max(width, height))
    if share == 1.0:
        return Sight(flat, (width, height))
    small = max(1, round(width * share)), max(1, round(height * share))
    return Sight(np.asarray(cv2.resize(flat, small, interpolation=cv2.INTER_AREA)), (width, height))


def motion_between(before: Sight, now: Sight, accuracy: Accuracy = FAST) -> Motion:
    """How things moved from one frame to the next, both of one size."""
    return motion_along(before, now, steps_between(before, now, accuracy)[0])


def steps_between(before: Sight, now: Sight, accuracy: Accuracy = FAST) -> tuple[Step, Step]:
    """Where things in a frame were in the one before; and where those in that one are in this."""
    flow = flow_between(now.grey, before.grey, accuracy.method)
    back = flow_between(before.grey, now.grey, accuracy.method)
    on = _step(before, now, flow, back, _is_cut)
    return on, _step(now, before, back, flow, lambda *_: on.cut)


def follow(step: Step, further: Step) -> Step:
    """Two steps as one: where what the first leads to is led by the second.

    Flows of frames that follow each other are added up, and not looked for anew between frames far apart: what is wrong with those
    changes from frame to frame, and strokes would tremble.
    """
    flow, agrees = (warp(each, step.flow) for each in (further.flow, further.agrees))
    return Step(step.flow + flow, np.minimum(step.agrees, agrees), step.cut or further.cut)


def motion_along(there: Sight, here: Sight, step: Step) -> Motion:
    """What is known of one frame by another, earlier or later, along a flow. step: from here to there."""
    if step.cut:
        empty = np.zeros(here.grey.shape, np.float32)
        return Motion(np.zeros_like(step.flow), empty, empty, True, here.size)
    moved = warp(there.levels, step.flow)
    flow, moved, at_rest = _rested(there, here, step.flow, moved, REST_FAR)
    light, bright = _light(here, moved, _difference(here.levels, moved))
    trust = np.maximum(step.agrees, at_rest) * np.exp(-np.square(np.maximum(bright - np.float32(NOISE), 0) / np.float32(DIFFERENT)))
    return Motion(flow, _softened(trust), light, False, here.size)


def _step(there: Sight, here: Sight, flow: Pixels, back: Pixels, is_cut: Callable[[Sight, Sight, NDArray[Any]], bool]) -> Step:
    """A flow from here to there, at rest where standing still tells what is to be seen as well as it does: flow drifts on grain and on
    what is plain. back: the flow from there to here. is_cut: asked of both, and of the one there, moved here."""
    still, moved, at_rest = _rested(there, here, flow, warp(there.levels, flow), REST)
    return Step(still, np.maximum(trusted(flow, back), at_rest), is_cut(there, here, moved))


def _rested(there: Sight, here: Sight, flow: Pixels, moved: NDArray[Any], least: float) -> tuple[Pixels, NDArray[Any], Any]:
    """A flow, and what is moved along it, at rest where standing still is not worse by `least` levels of 255; and where, (h, w) of 0, 1."""
    cv2 = import_cv2()
    at_rest = (_difference(here.levels, there.levels) <= _difference(here.levels, moved) + np.float32(least)).view(np.uint8)
    flow, moved = flow.copy(), moved.copy()
    cv2.copyTo(there.levels, at_rest, moved)
    cv2.copyTo(np.zeros_like(flow), at_rest, flow)
    return flow, moved, at_rest


def trusted(flow: Pixels, back: Pixels) -> Pixels:
    """(H, W) in [0, 1]: where a flow agrees with the one back, is no edge of motion, and does not leave the picture (Ruder et al. 2016).
    The test of agreement is made gradual."""
    cv2 = import_cv2()
    u, v = cv2.split(flow)  # planes: sums over the last of three axes take ten times as long
    back_u, back_v = cv2.split(warp(back, flow))
    length = u * u + v * v
    error = np.square(u + back_u) + np.square(v + back_v)
    agrees = (2 - error / (np.float32(0.01) * (length + back_u * back_u + back_v * back_v) + np.float32(0.5)) * 2).clip(0, 1)
    slopes = (cv2.Sobel(plane, -1, across, 1 - across, ksize=1, scale=0.5) for plane in (u, v) for across in (0, 1))
    change = sum(slope * slope for slope in slopes)
    agrees[change > np.float32(0.01) * length + np.float32(0.06)] = 0
    height, width = length.shape
    x, y = u + np.arange(width, dtype=np.float32), v + np.arange(height, dtype=np.float32)[:, None]
    agrees[(x < -0.5) | (y < -0.5) | (x > width - 0.5) | (y > height - 0.5)] = 0
    return np.asarray(agrees, np.float32)


def _difference(one: NDArray[Any], other: NDArray[Any]) -> Pixels:
    """(H, W): levels of 255, the mean over channels, smoothed over 5 px."""
    cv2 = import_cv2()
    return np.asarray(cv2.blur(cv2.transform(cv2.absdiff(one, other).astype(np.float32), THIRDS), (5, 5)))


def _is_cut(before: Sight, now: Sight, moved: NDArray[Any]) -> bool:
    """Whether two frames show different things, whatever light is on them."""
    cv2 = import_cv2()
    change = cv2.subtract(now.levels, moved, dtype=cv2.CV_32F)
    change = cv2.absdiff(change, cv2.mean(change))
    differs = cv2.blur(cv2.transform(change, THIRDS), (5, 5))
    common = float(np.minimum(before.histogram, now.histogram).sum())
    large = float((differs > CUT_LEVELS).mean())
    return (large > CUT_SHARE and 1 - common > CUT_COLORS) or (large > CUT_WHOLE and float(differs.mean()) > 2 * CUT_LEVELS)


def _light(now: Sight, moved: NDArray[Any], differs: Pixels) -> tuple[Pixels, Pixels]:
    """How much lighter it became, in [-1, 1], over large areas; and what differs beside that, levels of 255."""
    cv2 = import_cv2()
    change = cv2.transform(cv2.subtract(now.levels, moved, dtype=cv2.CV_32F), THIRDS)
    sure = (differs < np.float32(3 * DIFFERENT)).astype(np.float32)
    sides = [max(3, side // CHEQUER * 2 + 1) for side in change.shape[::-1]]
    light = cv2.blur(change * sure, sides) / (cv2.blur(sure, sides) + np.float32(1e-3))
    beside = cv2.blur(cv2.absdiff(change, light), (5, 5)) + np.maximum(differs - np.abs(light), 0)
    return np.asarray(light / np.float32(255)), np.asarray(beside * np.float32(0.5))


def _softened(trust: Pixels) -> Pixels:
    """A little less around what is not to be trusted, and no hard border."""
    cv2 = import_cv2()
    return np.asarray(cv2.blur(cv2.erode(trust.astype(np.float32), np.ones((3, 3), np.uint8)), (3, 3)))
