"""What a network from elsewhere takes and gives, as a value; and a made photo to try it with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from atelier.engines.network.runner import Runner
from atelier.errors import WeightsError
from atelier.image.value import Pixels

RANGES = {"0..1": (0.0, 1.0), "-1..1": (-1.0, 1.0), "0..255": (0.0, 255.0)}
"""The numbers that black and white go in or come out as."""
SMALLEST = 64
"""Sides are extended to this, px, by reflection: nets that reflect or shrink fail on less."""

Array = NDArray[Any]


@dataclass(frozen=True)
class Contract:
    """What a model takes and gives.

    layout: order of the axes after the first, which is 1: nchw or nhwc. order: of the channels: rgb or bgr, in and out. low,
    high: what black and white go in as. out_low, out_high: what they come out as. multiple: of which both sides must be
    multiples. size: (width, height) where that is fixed. dtype: NumPy's name of the input's type. input, output: their names.
    further: single numbers that the model takes beside the picture, by name.
    """

    layout: str = "nchw"
    order: str = "rgb"
    low: float = 0.0
    high: float = 1.0
    out_low: float = 0.0
    out_high: float = 1.0
    multiple: int = 1
    size: tuple[int, int] | None = None
    dtype: str = "float32"
    input: str = "x"
    output: str = "y"
    further: Mapping[str, float] = field(default_factory=dict)

    def run(self, runner: Runner, values: Array) -> Array:
        """What a model makes of values, as `into` gives them."""
        shapes = {port.name: port.shape or () for port in runner.inputs}
        further = {name: np.full([side or 1 for side in shapes[name]], value) for name, value in self.further.items()}
        answers = runner(**{self.input: values}, **further)
        return answers[[port.name for port in runner.outputs].index(self.output)]

    def into(self, pixels: Pixels) -> Array:
        """(H, W, 3) in [0, 1] to what the model takes."""
        values = pixels[:, :, ::-1] if self.order == "bgr" else pixels
        values = values * np.float32(self.high - self.low) + np.float32(self.low)
        if np.dtype(self.dtype).kind in "iu":
            values = np.rint(values)
        return self.arranged(values).astype(self.dtype)

    def arranged(self, values: Array) -> Array:
        """(H, W, 3) to (1, 3, H, W) or (1, H, W, 3)."""
        return np.ascontiguousarray(values.transpose(2, 0, 1) if self.layout == "nchw" else values)[None]

    def out_of(self, answer: Array) -> Pixels:
        """What the model gave to (H, W, 3), of which [0, 1] can be seen. Raises WeightsError for what is no picture."""
        values = answer[0] if answer.ndim == 4 and len(answer) == 1 else answer
        if values.ndim != 3 or 3 not in (values.shape[0], values.shape[2]) or 0 in values.shape:
            raise WeightsError(f"the model gives {' × '.join(map(str, answer.shape))} numbers, which is no picture in colour")
        first = values.shape[0] == 3 and (self.layout == "nchw" or values.shape[2] != 3)
        values = (values.transpose(1, 2, 0) if first else values).astype(np.float32)
        values = values[:, :, ::-1] if self.order == "bgr" else values
        return np.ascontiguousarray((values - np.float32(self.out_low)) / np.float32(self.out_high - self.out_low))


def try_photo(runner: Runner, contract: Contract, size: tuple[int, int]) -> Pixels | None:
    """What a model makes of a made photo of (width, height); None where it fails."""
    try:
        return contract.out_of(contract.run(runner, contract.into(made_photo(*size))))
    except WeightsError:
        return None


def made_photo(width: int, height: int) -> Pixels:
    """(H, W, 3) in [0, 1], always the same: a sky that fades, hills, black and white, and grain. Colours differ throughout."""
    y, x = np.mgrid[:height, :width] / np.array([height, width]).reshape(2, 1, 1)
    sky = np.stack([0.35 + 0.4 * y, 0.55 + 0.3 * y, 0.95 - 0.2 * y], axis=-1)
    ridge: Callable[[float, float], Array] = lambda at, waves: at + 0.08 * np.sin(waves * x) + 0.04 * np.sin(2.7 * waves * x + 1)  # noqa: E731
    picture = np.where((y > ridge(0.45, 9))[..., None], np.array([0.25, 0.35, 0.3]), sky)
    picture = np.where((y > ridge(0.7, 6))[..., None], np.array([0.75, 0.5, 0.2]) * (1.3 - 0.6 * x)[..., None], picture)
    picture = np.where(((x - 0.75) ** 2 + (y - 0.22) ** 2 < 0.012)[..., None], 1.0, picture)
    picture = np.where(((abs(x - 0.2) < 0.06) & (y > 0.4))[..., None], 0.0, picture)
    grain = np.random.default_rng(0).standard_normal((height, width, 3)) * 0.03
    return (picture + grain).clip(0, 1).astype(np.float32)


def round_up(length: int, multiple: int) -> int:
    """The least multiple that is at least `length` and SMALLEST."""
    return -(-max(length, SMALLEST) // multiple) * multiple
