"""What a shape is to the rest of the program."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

State = npt.NDArray[np.float64]
"""A shape's parameters, in pixels of the working picture; angles in radians."""
Corners = npt.NDArray[np.float64]
"""(N, 2) x, y of a closed polygon, filled where its winding number is not zero."""


@dataclass(frozen=True)
class Shape:
    """One kind of shape. `search` and `cover` are compiled; the others are plain Python, for output.

    search(task, how, tries, stride, age, seed, state) -> energy: fills `state` and, in task.colour, its colour and opacity.
    cover(state, width, height, stride, runs) -> count: the pixels it covers (see spans).
    outline(state, detail) -> Corners: curves as `detail` or so chords.
    svg(state, colour, opacity): an element; numbers in pixels of the working picture.
    """

    name: str
    parameters: int
    search: Callable[..., float]
    cover: Callable[..., int]
    outline: Callable[[State, int], Corners]
    svg: Callable[[State, str, str], str]
    angle: int | None = None
    """Index of the parameter that is an angle; all others are lengths."""
    sizes: tuple[int, ...] = ()
    """Indices of radii, half sides and widths, which are not below 0; other lengths are coordinates."""

    def scaled(self, state: State, by: float) -> State:
        """The same shape on a picture `by` times as large."""
        out = state * by
        if self.angle is not None:
            out[self.angle] = state[self.angle]
        return out


def number(value: Any) -> str:
    """Two decimals at most, as short as can be: a hundredth of a working pixel is finer than anybody sees."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def fill(color: str, opacity: str) -> str:
    """The attributes of a filled element."""
    return f'fill="{color}"' + (f' fill-opacity="{opacity}"' if opacity != "1" else "")


def stroke(color: str, opacity: str, width: str) -> str:
    """The attributes of a stroked path."""
    return f'fill="none" stroke="{color}" stroke-width="{width}"' + (f' stroke-opacity="{opacity}"' if opacity != "1" else "")


def degrees(radians: float) -> str:
    return number(math.degrees(math.remainder(radians, 2 * math.pi)))


def around(x: float, y: float, rx: float, ry: float, angle: float, detail: int) -> Corners:
    """The outline of an ellipse as a polygon of the same area."""
    n = max(12, detail)
    t = np.arange(n) * (2 * math.pi / n)
    grow = math.sqrt((2 * math.pi / n) / math.sin(2 * math.pi / n))
    u, v = rx * grow * np.cos(t), ry * grow * np.sin(t)
    c, s = math.cos(angle), math.sin(angle)
    return np.stack([x + c * u - s * v, y + s * u + c * v], axis=1)
