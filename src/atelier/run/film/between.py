"""Frames between two that are painted: both are moved to where things are, and one goes over into the other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from atelier.engines.steady import MOST, power
from atelier.image.value import Pixels
from atelier.perception.motion import Motion, grown, import_cv2, warp
from atelier.run.film.stretches import Between, Stretch

UNKNOWN = 0.02
"""What nothing is known of is as much trusted as this."""
COARSE = 15
"""Side, px, of the mean beyond which contrast is given back."""


def moved(pixels: Pixels, motion: Motion, *, again: bool = False) -> Pixels:
    """A painted frame (H, W, 3) where things are now; it may leave [0, 1] a little. again: whether what comes of it is moved on."""
    return np.asarray(warp(pixels, grown(motion.flow, (pixels.shape[1], pixels.shape[0]), flow=True), by="lanczos" if again else "cubic"))


@dataclass(frozen=True, eq=False)
class Fade:
    """How one painted frame goes over into the next. powers: (h, w, 3), small: of fine contrast in the former, moved to the later;
    in the later; and in both alike."""

    former: Pixels
    later: Pixels
    powers: Pixels

    @classmethod
    def of(cls, former: Pixels, later: Pixels, stretch: Stretch) -> Fade:
        """former, later: (H, W, 3), the painted ends of a stretch."""
        assert stretch.motion is not None
        one, other = fine(moved(former, stretch.motion)), fine(later)
        parts = [power(one), power(other), power(one + other)]
        common = (parts[2] - parts[0] - parts[1]) / 2
        return cls(former, later, np.stack([parts[0], parts[1], common], -1))

    def at(self, between: Between, share: float) -> Pixels:
        """A frame between the two, (H, W, 3) in [0, 1]. share: how far it is from the former to the later.

        A mean of strokes that lie askew has less contrast than each of them: what is lost is given back, by how alike the two are.
        That changes slowly, so nothing boils.
        """
        size = self.former.shape[1], self.former.shape[0]
        first = np.float32(1 - share) * (between.back.trust + np.float32(UNKNOWN))
        part = np.float32(share) * (between.on.trust + np.float32(UNKNOWN))
        part = np.asarray(part / (first + part), np.float32)  # of the later, (h, w)
        cv2, whole = import_cv2(), grown(part, size)
        out = cv2.blendLinear(moved(self.former, between.back), moved(self.later, between.on), 1 - whole, whole)
        gain = grown(self._lost(between, part), size)
        out = cv2.blendLinear(out, cv2.blur(out, (COARSE, COARSE)), gain, 1 - gain)
        return np.asarray(out.clip(0, 1, out=out))

    def _lost(self, between: Between, part: Pixels) -> Pixels:
        """By how much contrast is to be raised: (h, w), small."""
        size = self.powers.shape[1], self.powers.shape[0]
        one, other, common = np.moveaxis(warp(self.powers, grown(between.on.flow, size, flow=True)), -1, 0)
        part = grown(part, size)
        rest = 1 - part
        mixed = rest * rest * one + part * part * other + 2 * part * rest * common
        return np.asarray(np.sqrt((rest * one + part * other + 1e-6) / (mixed.clip(0) + 1e-6)).clip(1, MOST), np.float32)


def fine(pixels: Pixels) -> Pixels:
    """What a picture has that is finer than a few px."""
    return np.asarray(pixels - import_cv2().blur(pixels, (COARSE, COARSE)))
