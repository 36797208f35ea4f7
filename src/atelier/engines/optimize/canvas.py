"""What is being painted. A canvas has parameters, of any shapes, and shows them as an image; views look at that (see `view`)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from atelier.engines.optimize.pyramid import Guess, Pyramid


class Canvas(Protocol):
    """Something with parameters that shows an image.

    The solver moves the parameters and never asks for their shapes; views and the objective see the image alone.
    """

    @property
    def bounds(self) -> tuple[float, float]:
        """What `project` brings the parameters back to."""

    def parameters(self) -> list[Tensor]:
        """Leaves that require a gradient, of any shapes."""

    def image(self) -> Tensor:
        """Show the parameters, (1, 3, H, W), RGB by and large in [0, 1], differentiable by them."""

    def at(self, size: tuple[int, int]) -> Canvas:
        """Give the same painting with parameters of its own for another (height, width)."""

    def project(self) -> None:
        """Bring the parameters back to where they may be, after a step."""

    def precondition(self, part: Tensor | None = None) -> Guess | None:
        """Guess the inverse of the curvature of the parameters, or of some, as flat positions (n,) from `under`. None: the identity."""

    def under(self, pixels: Tensor) -> Tensor:
        """Find the parameters that show as these pixels (n,) of the image, both as flat positions, row by row."""


class CanvasFactory(Protocol):
    """What painting begins with. A canvas is one as well."""

    def at(self, size: tuple[int, int]) -> Canvas:
        """Make a canvas of this (height, width) with parameters of its own."""


@dataclass(frozen=True, eq=False)
class Beginning:
    """Makes canvases of pixels from a picture (1, 3, H, W). detailed: whether its detail is worth keeping (see `PixelCanvas`)."""

    picture: Tensor
    detailed: bool = True

    def at(self, size: tuple[int, int]) -> PixelCanvas:
        keep = self.detailed and tuple(self.picture.shape[2:]) != size
        return PixelCanvas(resized(self.picture, size), self.picture if keep else None)


class PixelCanvas:
    """A picture whose parameters are its pixels, (1, 3, H, W).

    beginning: the full-size picture that painting began with, whose fine detail comes back at larger sizes, which a coarse scale cannot
    hold; None where there is none to keep, as in noise: it would have to be painted over again.
    """

    bounds = (0.0, 1.0)

    def __init__(self, pixels: Tensor, beginning: Tensor | None = None) -> None:
        self.pixels = pixels.detach().float().contiguous().clone().requires_grad_()
        self.beginning = beginning

    def parameters(self) -> list[Tensor]:
        return [self.pixels]

    def image(self) -> Tensor:
        return self.pixels

    def at(self, size: tuple[int, int]) -> PixelCanvas:
        begin = self.beginning
        full = begin is not None and tuple(begin.shape[2:]) == size  # where it is not needed again, and a canvas's worth of memory
        return PixelCanvas(carry(self.pixels.detach(), begin, size), None if full else begin)

    def project(self) -> None:
        with torch.no_grad():
            self.pixels.clamp_(*self.bounds)

    def precondition(self, part: Tensor | None = None) -> Guess:
        height, width = self.pixels.shape[2:]
        return Pyramid.of((height, width), None if part is None else part[: len(part) // 3])  # the same pixels in each channel

    def under(self, pixels: Tensor) -> Tensor:
        return (pixels + math.prod(self.pixels.shape[2:]) * torch.arange(3, device=pixels.device)[:, None]).flatten()


def resized(pixels: Tensor, size: tuple[int, int]) -> Tensor:
    """(1, C, H, W) to (1, C, *size), size (height, width): antialiased downwards, bicubic upwards."""
    if pixels.shape[2:] == size:
        return pixels
    return F.interpolate(pixels, size=size, mode="bicubic", antialias=True).clamp(0.0, 1.0)


def carry(pixels: Tensor, beginning: Tensor | None, size: tuple[int, int]) -> Tensor:
    """Bring a scale's picture to the next size, with the detail of the beginning that the former could not hold."""
    if beginning is None or tuple(pixels.shape[2:]) == size:
        return resized(pixels, size)
    target = resized(beginning, size)
    detail = target - resized(resized(beginning, (pixels.shape[2], pixels.shape[3])), size)
    return (resized(pixels, size) + detail).clamp(0, 1)
