"""What is being painted. A canvas has parameters and renders pixels; the objective sees only those."""

from __future__ import annotations

from typing import ClassVar, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor


class Canvas(Protocol):
    """Something with parameters (1, 3, H, W) that renders to RGB pixels (1, 3, H, W), by and large in [0, 1]."""

    BOUNDS: ClassVar[tuple[float, float]]
    """What `project` brings the parameters back to."""

    def parameters(self) -> list[Tensor]: ...

    def render(self) -> Tensor: ...

    def project(self) -> None:
        """Bring the parameters back to where they may be, after a step."""


class PixelCanvas:
    """A picture whose parameters are its pixels. With a photo and a share (H, W) in [0, 1] they lie over it with that
    opacity, and the objective sees the two as one: what shines through of the photo is reckoned with, so it shows no halo, and where
    the share is 0 it is the photo to the last bit."""

    BOUNDS: ClassVar[tuple[float, float]] = (0.0, 1.0)

    def __init__(self, pixels: Tensor, photo: Tensor | None = None, share: Tensor | None = None) -> None:
        self.pixels = pixels.detach().float().contiguous().clone().requires_grad_()
        self.photo, self.share = photo, share

    def parameters(self) -> list[Tensor]:
        return [self.pixels]

    def render(self) -> Tensor:
        return laid_over(self.pixels, self.photo, self.share)

    def project(self) -> None:
        with torch.no_grad():
            self.pixels.clamp_(*self.BOUNDS)


def laid_over(pixels: Tensor, photo: Tensor | None, share: Tensor | None) -> Tensor:
    """pixels over photo, both (1, 3, H, W), with the opacity share (H, W); pixels as they are without. `lerp` is exact at 0 and at 1."""
    return pixels if photo is None or share is None else torch.lerp(photo, pixels, share.expand_as(photo))


def resized(pixels: Tensor, size: tuple[int, int]) -> Tensor:
    """(1, C, H, W) to (1, C, *size), size (height, width): antialiased downwards, bicubic upwards."""
    if pixels.shape[2:] == size:
        return pixels
    return F.interpolate(pixels, size=size, mode="bicubic", antialias=True).clamp(0.0, 1.0)
