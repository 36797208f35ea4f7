"""What to measure, and what the source paper has for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from atelier.errors import SettingError


@dataclass(frozen=True)
class Published:
    """Seconds a picture in the source paper."""

    traditional: float
    implemented: float


PAPER: Mapping[int, Published] = {256: Published(5.4, 5.0), 512: Published(15.1, 14.7), 1024: Published(30.5, 28.6)}
"""Side of the square picture, px -> what the paper has for it."""
SIZES, QUICK_SIZES = tuple(PAPER), (32, 64)
SMALLEST, LARGEST = 16, 8192
MOST_RUNS = 1000


@dataclass(frozen=True)
class Plan:
    """What to measure. sizes: sides of the square pictures, px. photo: a picture's source, empty for one made up. style: a
    painting's source or a style's name, empty for a painting made up. runs: of the network, warm and cold; the optimiser, whose one
    run is dozens of like iterations, runs once a size. quick: few iterations, which shows that it works and measures nothing.

    Raises SettingError.
    """

    sizes: Sequence[int] = SIZES
    photo: str = ""
    style: str = ""
    runs: int = 5
    quick: bool = False
    device: str = "auto"
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.sizes:
            raise SettingError("sizes", "`sizes` is empty: write 256,512,1024")
        for size in self.sizes:
            if isinstance(size, bool) or not isinstance(size, int) or not SMALLEST <= size <= LARGEST:
                raise SettingError("sizes", f"must be whole numbers from {SMALLEST} to {LARGEST}, as 256,512,1024", str(size))
        if len(set(self.sizes)) < len(self.sizes):
            raise SettingError("sizes", "one is there twice", ",".join(map(str, self.sizes)))
        if isinstance(self.runs, bool) or not isinstance(self.runs, int) or not 1 <= self.runs <= MOST_RUNS:
            raise SettingError("runs", f"must be from 1 to {MOST_RUNS}", self.runs)


def parse_sizes(text: str) -> tuple[int, ...]:
    """`256,512` to numbers. Raises SettingError."""
    try:
        return tuple(int(part) for part in text.split(",") if part.strip())
    except ValueError:
        raise SettingError("sizes", "must be whole numbers, as 256,512,1024", text) from None
