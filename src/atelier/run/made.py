"""What came of a request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from atelier.image import Image


@dataclass(frozen=True)
class Made:
    """What came of a request. finished is False where it was stopped on the way; the picture is then the best so far. seconds:
    of work, that before a checkpoint included. missed: what could not be written beside the picture, and why. size: (width,
    height) of what was written, where that is more than the image here, which then is a small one of it."""

    image: Image
    finished: bool
    seconds: float
    iterations: int
    losses: Mapping[str, float] = field(default_factory=dict)
    missed: tuple[str, ...] = ()
    size: tuple[int, int] = (0, 0)

    def __post_init__(self) -> None:
        if self.size == (0, 0):
            object.__setattr__(self, "size", self.image.size)
