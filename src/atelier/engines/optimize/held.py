"""What holds a frame of a film to the painted frame before it (Ruder et al. 2016)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from atelier.engines.optimize.canvas import Beginning, resized
from atelier.engines.optimize.plan import Stage

WARM = 0.5
"""Of the iterations at the full size, those of a frame that begins as the one before it."""
LEAST_CONTRAST = 1e-3
"""Least variance by which the loss is counted."""


@dataclass(frozen=True, eq=False)
class Held:
    """picture: (1, 3, H, W), the painted frame before, moved to where things are. trust: (H, W) in [0, 1], where that is to be believed.
    weight: of the loss."""

    picture: Tensor
    trust: Tensor
    weight: float

    def at(self, size: tuple[int, int]) -> Held:
        """The same at another (height, width)."""
        if tuple(self.trust.shape) == size:
            return self
        return replace(self, picture=resized(self.picture, size), trust=resized(self.trust[None, None], size)[0, 0])

    def loss(self, pixels: Tensor) -> tuple[Tensor, float]:
        """Gradient (1, 3, H, W) and loss: the mean square by which pixels leave the picture where it is trusted, relative to the
        picture's own variance (equation 7, without the unit)."""
        apart = pixels - self.picture
        held = self.trust * apart
        unit = max(float(self.picture.var()), LEAST_CONTRAST) * apart.numel()
        return held * (2 / unit), float((held * apart).sum()) / unit

    def start(self, beginning: Beginning) -> Beginning:
        """A beginning, as the frame before where that is trusted."""
        size = self.picture.shape[2], self.picture.shape[3]
        return replace(beginning, picture=torch.lerp(resized(beginning.picture, size), self.picture, self.trust.expand_as(self.picture)))

    @staticmethod
    def plan(stages: list[Stage]) -> list[Stage]:
        """What is left to do: the full size alone, in fewer iterations."""
        return [replace(stage, iterations=max(1, round(WARM * stage.iterations))) for stage in stages[-1:]]
