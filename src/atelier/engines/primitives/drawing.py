"""A drawing as a value: a background and shapes over it, in order. It goes to JSON and back."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from atelier.engines.primitives.shapes import SHAPES
from atelier.engines.primitives.shapes.shape import State
from atelier.errors import SourceError

FORMAT, VERSION = "atelier drawing", 1
LEAST_OPACITY = 1e-4
"""What files hold; less is nothing."""
MOST_SHAPES = 1_000_000
FARTHEST = 10_000_000  # px from the corner; also the largest size


@dataclass(frozen=True)
class Mark:
    """One shape. state: its parameters, in pixels of the working picture. colour: red, green, blue, 0..255. opacity: 0..1."""

    shape: str
    state: tuple[float, ...]
    color: tuple[int, int, int]
    opacity: float

    @property
    def hex(self) -> str:
        return "#{:02x}{:02x}{:02x}".format(*self.color)

    @property
    def paint(self) -> State:
        """(4,) red, green, blue and opacity in [0, 1]."""
        return np.array([*(c / 255 for c in self.color), self.opacity])


@dataclass(frozen=True)
class Drawing:
    """width, height: of the working picture, px, in which shapes are told. size: the photo's own (width, height).

    background: red, green, blue, 0..255, or None for a transparent one. score: root mean square error over RGBA in [0, 1].
    """

    width: int
    height: int
    size: tuple[int, int]
    background: tuple[int, int, int] | None
    marks: tuple[Mark, ...] = ()
    score: float = math.nan
    about: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> str:
        """One line of head, then a line a shape, so that a person and a diff can read it."""
        head: dict[str, Any] = {
            "format": FORMAT, "version": VERSION, "width": self.width, "height": self.height, "size": list(self.size),
            "background": self.background and list(self.background), "score": None if math.isnan(self.score) else round(self.score, 6),
            "about": self.about,
        }  # fmt: skip
        lines = [
            json.dumps({"shape": m.shape, "at": list(m.state), "colour": m.hex, "opacity": m.opacity}, separators=(",", ":"))
            for m in self.marks
        ]
        # ASCII: names of files, which may be in `about`, need not be text that UTF-8 can say
        return json.dumps(head)[:-1] + ', "shapes": [\n' + ",\n".join(lines) + "\n]}\n"

    @property
    def arrays(self) -> dict[str, NDArray[np.uint8]]:
        """All of it, as arrays by name."""
        return {"drawing": np.frombuffer(self.to_json().encode(), np.uint8)}

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[np.uint8]]) -> Drawing:
        """What `arrays` gave."""
        return cls.from_json(arrays["drawing"].tobytes().decode())

    @classmethod
    def from_json(cls, text: str) -> Drawing:
        """Raises SourceError, saying what is wrong, where the text is not what `to_json` wrote (a person may have edited it)."""
        try:
            data = json.loads(text)
            if not isinstance(data, dict):
                raise SourceError("the file is no drawing: it is no JSON object")
            if data["format"] != FORMAT:
                raise SourceError(f"the file is no drawing: its format is {str(data['format'])[:40]!r}")
            if (version := data.get("version")) != VERSION:
                raise SourceError(f"the drawing's version is {str(version)[:20]}, this atelier reads {VERSION}")
            width, height = (_whole(data[k], k, 1, 100_000) for k in ("width", "height"))
            size = tuple(_whole(v, "size", 1, 10_000_000) for v in data["size"])
            if len(size) != 2:
                raise SourceError("the drawing's size must be two numbers")
            background = None if data["background"] is None else _color(data["background"])
            if not isinstance(data["shapes"], list):
                raise SourceError("the drawing's shapes must be a list")
            if len(data["shapes"]) > MOST_SHAPES:
                raise SourceError(f"{len(data['shapes']):,} shapes are more than {MOST_SHAPES:,}")
            marks = tuple(_mark(i, each) for i, each in enumerate(data["shapes"]))
            score = math.nan if data.get("score") is None else _finite(data["score"], "the drawing's score")
            about = data.get("about") or {}
            if not isinstance(about, dict):
                raise SourceError("'about' must be an object")
        except SourceError:
            raise
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError) as error:
            what = f"{error} is missing" if isinstance(error, KeyError) else error
            raise SourceError(f"the file is no drawing that can be read: {what}") from error
        return cls(width, height, size, background, marks, score, about)


def _mark(index: int, data: dict[str, Any]) -> Mark:
    name = data["shape"]
    if name not in SHAPES:
        raise SourceError(f"shape {index}: no kind of shape {str(name)[:40]!r}; there are {', '.join(SHAPES)}")
    shape = SHAPES[name]
    state = tuple(_finite(v, f"shape {index}: every number") for v in data["at"])
    if len(state) != shape.parameters or max(map(abs, state)) > FARTHEST:
        raise SourceError(f"shape {index}: a {name} is told by {shape.parameters} numbers within ±{FARTHEST:,}")
    if any(state[i] < 0 for i in shape.sizes):
        raise SourceError(f"shape {index}: a {name} has no size below 0")
    opacity = _finite(data["opacity"], f"shape {index}: the opacity")
    if not LEAST_OPACITY <= opacity <= 1:
        raise SourceError(f"shape {index}: the opacity {opacity:g} is not from {LEAST_OPACITY:g} to 1")
    text = data["colour"]
    if not isinstance(text, str) or not re.fullmatch("#[0-9a-fA-F]{6}", text):
        raise SourceError(f"shape {index}: the colour {str(text)[:40]!r} is not written as #rrggbb")
    return Mark(name, state, (int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)), opacity)


def _whole(value: Any, name: str, low: int, high: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise SourceError(f"the drawing's {name} must be a whole number from {low} to {high:,}")
    return value


def _finite(value: Any, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise SourceError(f"{name} must be a finite number")
    return float(value)


def _color(value: Any) -> tuple[int, int, int]:
    r, g, b = (_whole(v, "background", 0, 255) for v in value)
    return r, g, b
