"""What is being painted. A canvas has parameters and renders pixels; the objective sees only those."""

from __future__ import annotations

from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor


class Canvas(Protocol):
    """Something with parameters that renders to (1, 3, H, W) RGB pixels, by and large in [0, 1]."""

    def parameters(self) -> list[Tensor]: ...

    def render(self) -> Tensor: ...

    def project(self) -> None:
        """Bring the parameters back to where they may be, after a step."""


class PixelCanvas:
    """A picture whose parameters are its pixels."""

    def __init__(self, pixels: Tensor) -> None:
        self.pixels = pixels.detach().float().contiguous().clone().requires_grad_()

    def parameters(self) -> list[Tensor]:
        return [self.pixels]

    def render(self) -> Tensor:
        return self.pixels

    def project(self) -> None:
        with torch.no_grad():
            self.pixels.clamp_(0.0, 1.0)


def resized(pixels: Tensor, size: tuple[int, int]) -> Tensor:
    """(1, C, H, W) to (1, C, *size), size (height, width): antialiased downwards, bicubic upwards."""
    if pixels.shape[2:] == size:
        return pixels
    return F.interpolate(pixels, size=size, mode="bicubic", antialias=True).clamp(0.0, 1.0)
