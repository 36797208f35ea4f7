"""Which painting goes where: what every engine is given besides the photo."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from atelier.errors import SettingError
from atelier.image import Image
from atelier.image.value import Pixels
from atelier.request import STROKES

if TYPE_CHECKING:
    from atelier.engines.network.catalogue import Entry


@dataclass(frozen=True, eq=False)
class Sample:
    """A painting to learn from, or a style by name.

    weight: its share among those of its region. region: the index of the guide's region that it is painted in; None for all of the
    photo, where there is no guide. size: of its strokes; 2 paints with strokes twice as large. strokes: which of its strokes
    are taken, `all`, the `coarse` ones or the `fine` ones alone. part: float32 (H, W) in [0, 1] over its picture, how much of
    what is seen where is learned from; None for all of it. code: (N,), the style code that was fitted to it, for the networks; None where
    they are to find it.

    Raises SettingError.
    """

    picture: Image | Entry
    weight: float = 1.0
    region: int | None = None
    size: float = 1.0
    strokes: str = "all"
    part: Pixels | None = None
    code: NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        if self.strokes not in STROKES:
            raise SettingError("strokes", f"choose from {', '.join(STROKES)}", self.strokes)


@dataclass(frozen=True, eq=False)
class Guide:
    """Where each style goes. regions: float32 (R, H, W) in [0, 1] over the photo, one plane a region, that add up to at most 1;
    what is left of 1 is the photo itself, and where all of it is, its pixels come through bit for bit."""

    regions: Pixels
