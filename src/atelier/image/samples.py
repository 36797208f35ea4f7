"""What the readers hand over: a file's samples as they stand in it, before they are turned into sRGB."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from atelier.image.coding import Coding


@dataclass(frozen=True)
class Samples:
    """values: uint8, uint16 or float32 in [0, 1]; (H, W, 1) grey, (H, W, 3) RGB or (H, W, 4) CMYK with 0 for no ink.

    alpha: same type as values, (H, W), values being straight; or None. profile: ICC bytes or None. coding: how colours are told
    without a profile, which goes before it; or None. orientation: the turn still to be made, 1 to 8 as EXIF counts. The rest as
    in Image.
    """

    values: NDArray[Any]
    alpha: NDArray[Any] | None = None
    profile: bytes | None = None
    coding: Coding | None = None
    orientation: int = 1
    depth: int = 8
    text: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    exif: bytes | None = None
