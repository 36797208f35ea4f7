"""How a canvas is looked at, and what is wanted of what is seen there: one view for a still, many for a texture on a mesh."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from atelier.engines.optimize.canvas import resized
from atelier.engines.optimize.held import Held
from atelier.engines.optimize.matching import Matching
from atelier.engines.optimize.objective import Objective

Look = Callable[[Tensor, tuple[int, int]], Tensor]
"""A canvas's image (1, 3, H, W) and a (height, width) -> what is seen in that size, (1, 3, height, width), differentiable."""


@dataclass(frozen=True, eq=False)
class View:
    """One look at a canvas.

    content: the photo of what is to be seen, (1, 3, h, w), RGB in [0, 1]. regions: (R, h, w) in [0, 1], how much of each region is where,
    adding up to at most 1; what is left of 1 is the photo itself; None for one region everywhere. look: None sees the image as it is, and
    is of its size. seen: (h, w), 1 where anything of the canvas is seen and 0 elsewhere, where the content is, and counts for nothing;
    None for everywhere. side: long side of the whole of which this is a part, by which paintings are scaled; 0 for the view's own.
    held: of a film, what it is held to.
    """

    content: Tensor
    regions: Tensor | None = None
    look: Look | None = None
    seen: Tensor | None = None
    side: int = 0
    held: Held | None = field(default=None, kw_only=True)

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of what is seen."""
        return self.content.shape[2], self.content.shape[3]

    @property
    def long_side(self) -> int:
        """By which paintings are scaled, px."""
        return self.side or max(self.size)

    def at(self, size: tuple[int, int]) -> View:
        """The same at another (height, width)."""
        regions = self.regions
        if regions is not None and tuple(regions.shape[1:]) != size:
            regions = torch.nn.functional.adaptive_avg_pool2d(regions[None], size)[0]
        return View(resized(self.content, size), regions, self.look, held=self.held and self.held.at(size))

    def show(self, image: Tensor) -> Tensor:
        """What of a canvas's image is seen: where regions leave some to the photo it shines through, so the objective sees the two as
        one, and there is no halo; where they leave all to it, it is the photo to the last bit."""
        seen = image if self.look is None else self.look(image, self.size)
        if self.seen is not None and self.regions is None:
            return torch.where(self.seen > 0, seen, self.content.to(seen.dtype))
        return seen if self.regions is None else torch.lerp(self.content, seen, opacity(self.regions).to(seen.dtype).expand_as(seen))


class Sight:
    """All views of a canvas with what is wanted of each, as one function: image (1, 3, H, W) -> its gradient, and the losses.

    Both are means over the views. objectives: one for each of the views."""

    def __init__(self, views: Sequence[View], objectives: Sequence[Objective]) -> None:
        self.views, self.objectives = views, objectives

    def __call__(self, image: Tensor) -> tuple[Tensor, dict[str, float]]:
        found = [self.one(image, view, objective) for view, objective in zip(self.views, self.objectives, strict=True)]
        if len(found) == 1:
            return found[0]
        gradients, losses = zip(*found, strict=True)
        return sum(gradients) / len(found), {name: sum(each.get(name, 0.0) for each in losses) / len(found) for name in losses[0]}

    def one(self, image: Tensor, view: View, objective: Objective) -> tuple[Tensor, dict[str, float]]:
        """Gradient and losses of one view."""
        gradient, losses = self.painted(image, view, objective)
        if view.held is None:
            return gradient, losses
        slope, loss = view.held.loss(image.detach())
        weight = view.held.weight
        return gradient + weight * slope, {**losses, "temporal": loss, "total": losses["total"] + weight * loss}

    def painted(self, image: Tensor, view: View, objective: Objective) -> tuple[Tensor, dict[str, float]]:
        """Gradient and losses of what is painted, whatever was before."""
        if view.look is None and view.regions is None:
            return objective(image)
        leaf = image.detach().requires_grad_()
        with torch.enable_grad():
            seen = view.show(leaf)
        gradient, losses = objective(seen)
        with torch.enable_grad():
            total = (seen * gradient).sum()
        return torch.autograd.grad(total, leaf)[0], losses

    @property
    def matchings(self) -> list[Matching]:
        """What is matched anew on the way, for a run that is to go on exactly."""
        return [objective.matching for objective in self.objectives if objective.matching]

    @property
    def parts(self) -> list[Tensor]:
        """The pixels (n,) of each zone of the image, where it is seen as it is and once."""
        zones = self.objectives[0].zones
        return zones.parts if zones is not None and len(self.views) == 1 and self.views[0].look is None else []


def opacity(regions: Tensor) -> Tensor:
    """How much is painted where: (R, H, W) to (H, W) in [0, 1]; what adds up to 1 but for rounding is 1."""
    total = regions.sum(0).clamp(0, 1)
    return torch.where(total > 1 - 1e-4, 1.0, total)
