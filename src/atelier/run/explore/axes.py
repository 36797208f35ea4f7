"""What is varied: an axis of values, and the words it is written in.

style_weight=1,10,100
style_layers=conv1_1,conv2_1;conv3_1        ; between values that have commas
mask=left.png + right.png;none              + joins what one picture has several of
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from atelier.engines.table import AUTO as ANY
from atelier.engines.table import EFFORTS, ENGINES
from atelier.errors import SettingError
from atelier.request import FORMER, Option, Style, options, parse_layers, public
from atelier.request.near import did_you_mean

FIELDS = {
    "style": "styles", "engine": "engine", "recipe": "recipe", "size": "size", "seed": "seed", "device": "device", "regions": "regions",
    "mask": "masks", "style_regions": "style_regions", "feather": "feather", "blend": "blend", "effort": "effort", "keep_flat": "keep_flat",
}  # fmt: skip
"""What can be varied beside settings, by its option, and the field of a request that it is."""
ONE_PHOTO = "an exploration is of one photo: explore each photo by itself"
OF_FILES = "it is about files, and what is varied has to make another picture"
ELSEWHERE = "it is no option of stylize or draw, which are what is explored"
UNVARIED = {
    **dict.fromkeys(("photo", "photos", "content"), ONE_PHOTO),
    **dict.fromkeys(
        ("out", "quality", "depth", "format", "overwrite", "every", "animation", "log", "checkpoint", "max_pixels", "max_bytes",
         "allow_private", "quiet"), OF_FILES,
    ),
    **dict.fromkeys(("task", "canvas", "width", "height", "layer"), ELSEWHERE),
}  # fmt: skip
"""Options of commands that cannot be varied, and why not."""
TOGETHER = " + "
"""Between the parts of one value: the paintings of one picture, or a mask for each of them."""
NONE, AUTO = "none", "auto"
"""Values that mean that there is no mask, map or gradient; and a feather by the picture's size."""
STEPS = (2, 101)
"""Fewest and most pictures from one style to another."""


@dataclass(frozen=True)
class Axis:
    """What is varied: a setting of an engine, one of `FIELDS`, or the `share` of a style in a blend.

    values: as a `Request` has them. Styles and masks are tuples of them; shares are numbers from 0 to 1. labels: a few words for each
    value. of: the style that `share` is about, 1 or 2. Style 0 gets what is left of 1.
    """

    name: str
    values: tuple[Any, ...]
    labels: tuple[str, ...]
    of: int = 0

    @property
    def title(self) -> str:
        return self.name.replace("_", " ")

    @property
    def numbers(self) -> tuple[float, ...] | None:
        """The values where they are numbers, else None."""
        if all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in self.values):
            return tuple(float(value) for value in self.values)
        return None

    def head(self, i: int) -> str:
        """Say what to write over a picture that has value i."""
        return self.labels[i] if self.name in ("style", "share") else f"{self.title} {self.labels[i]}"


def parse_axis(text: str, style: Callable[[str], Style] = Style) -> Axis:
    """Read an axis: `style_weight=1,10,100`. style: reads a style.

    Where values have commas in them, `;` goes between: `style_layers=conv1_1,conv2_1;conv3_1`. What one picture has several of is
    joined by ` + `: `mask=left.png + right.png;all.png + none.png`. Raises SettingError for an unknown name, and for values that make
    no sense for it.
    """
    name, equals, rest = text.partition("=")
    name = _clean_name(name)
    if not equals or not name:
        raise SettingError("vary", "write a setting and its values, as in style_weight=1,10,100", text)
    parts = [part.strip() for part in (rest.split(";") if ";" in rest else rest.split(","))]
    if ";" in rest and len(parts) > 1 and not parts[-1]:
        parts.pop()  # `a,b;` is one value with a comma in it
    if not all(parts) and not _may_be_empty(name):
        raise SettingError("vary", "a value is missing", text)
    return build_axis(name, [_parse_value(name, part, style) for part in parts], parts)


def build_axis(name: str, values: Sequence[Any], written: Sequence[str] = ()) -> Axis:
    """Make an axis of values as a `Request` has them. written: how they were typed, to tell apart those with the same label.

    Raises SettingError.
    """
    name = _clean_name(name)
    if not values:
        raise SettingError("vary", "a value is missing", name)
    values = tuple(values if name in FIELDS else (_fit(name, value) for value in values))
    labels = tuple(label_value(name, value) for value in values)
    for label in labels:
        if labels.count(label) > 1 and values.count(values[labels.index(label)]) > 1:
            raise SettingError("vary", f"{label} is there twice", name)
    if len(set(labels)) < len(labels):  # paintings of one name in several folders
        labels = tuple(written) or tuple(f"{label} ({i})" for i, label in enumerate(labels, 1))
    return Axis(name, values, labels)


def blend_axes(styles: Sequence[str], steps: int) -> list[Axis]:
    """Make the axes that lead from one style to another, or through all mixtures of three. Each varies the share of a style.

    steps: pictures from one style alone to another alone. Raises SettingError for other than 2 or 3 styles, and for steps out of STEPS.
    """
    if len(styles) not in (2, 3):
        raise SettingError("blend", f"a blend is of two styles, or of three: not of {len(styles)}")
    if not STEPS[0] <= steps <= STEPS[1]:
        raise SettingError("steps", f"must be from {STEPS[0]} to {STEPS[1]}", steps)
    values = tuple(round(i / (steps - 1), 6) for i in range(steps))
    names = [short_name(name) for name in styles]
    if len(styles) == 2:
        return [Axis("share", values, tuple(f"{1 - v:.0%} {names[0]}\n{v:.0%} {names[1]}" for v in values), 1)]
    return [Axis("share", values, tuple(f"{v:.0%} {names[i]}" for v in values), i) for i in (1, 2)]


def _clean_name(option: str) -> str:
    name = option.strip().lstrip("-").replace("-", "_")
    return FORMER.get(name, name)


def _parse_value(name: str, text: str, style: Callable[[str], Style]) -> Any:
    """Read a value, as a request has it. Raises SettingError."""
    parts = [part.strip() for part in text.split(TOGETHER)]
    match name:
        case "style":
            return tuple(style(part) for part in parts)
        case "mask" | "style_regions":
            return () if parts == [NONE] else tuple("" if part == NONE and name == "style_regions" else part for part in parts)
        case "regions" | "blend":
            return "" if text == NONE else text
        case "feather":
            return None if text == AUTO else _parse_number(name, float, text)
        case "seed" | "size":
            return _parse_number(name, int, text)
        case "effort" if text not in EFFORTS:
            raise SettingError("vary", f"choose from {', '.join(EFFORTS)}", f"effort={text}")
        case "keep_flat":
            return _parse_number(name, bool, text)
        case "engine" if text not in (ANY, *ENGINES):
            raise SettingError("vary", f"choose from {', '.join(ENGINES)}", f"engine={text}")
        case "recipe" | "device" | "engine" | "effort":
            return text
    return _fit(name, text, lambda type_: text if type_ is str else _parse_number(name, type_, text))


def _fit(name: str, value: Any, typed: Callable[[type[Any]], Any] | None = None) -> Any:
    """Give a setting's value if some engine takes it. typed: reads it as a type. Raises SettingError."""
    first: SettingError | None = None
    for option in _find_options(name):  # of one name, engines may have different bounds and types
        try:
            fitting = parse_layers(value, name) if option.layers else option.now(typed(option.kind) if typed else value)
            option.check(fitting)
            return fitting
        except SettingError as error:
            first = first or error
    assert first is not None
    raise first


def _find_options(name: str) -> list[Option]:
    """Find the declarations of a setting, one or more. Raises SettingError for what is none."""
    if name in UNVARIED:
        raise SettingError("vary", UNVARIED[name], name)
    known = [options(kind.settings) for kind in ENGINES.values()]
    found = [declared[name] for declared in known if name in declared]
    if not found:
        there = [*FIELDS, *dict.fromkeys(each for declared in known for each in declared)]
        hint = did_you_mean(name, there, 3) or f"there are {', '.join(there)}"
        raise SettingError("vary", f"there is no such setting: {hint}", name)
    return found


def _may_be_empty(name: str) -> bool:
    """Tell whether nothing is a value too, as for a recipe."""
    return name == "recipe" or (name not in FIELDS and any(option.default == "" for option in _find_options(name)))


def _parse_number(name: str, kind: type[Any], text: str) -> Any:
    if kind is bool:
        known = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
        if text.lower() not in known:
            raise SettingError("vary", "write true or false", f"{name}={text}")
        return known[text.lower()]
    try:
        return kind(text)
    except ValueError:
        what = "a whole number" if kind is int else "a number"
        raise SettingError("vary", f"must be {what}", f"{name}={text}") from None


def label_value(name: str, value: Any) -> str:
    """Say a value in a few words."""
    if name == "style":
        return TOGETHER.join(short_name(style.source) + (f" @{style.region}" if style.region else "") for style in value)
    if name in ("mask", "style_regions"):
        return TOGETHER.join(short_name(each) if each else NONE for each in value) or NONE
    if name in ("regions", "blend"):
        return short_name(value) if value else NONE
    if value is None:
        return AUTO
    if isinstance(value, Mapping):
        return ", ".join(layer if weight == 1 else f"{layer}={weight:g}" for layer, weight in value.items())
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if value == "":
        return "default" if name == "recipe" else "empty"
    return Path(value).stem if isinstance(value, str) and "/" in value else str(value)


def short_name(source: str) -> str:
    """Name a style or a map in a few words: its file without folder and suffix."""
    source = public(source)
    return Path(source).stem if "/" in source or Path(source).suffix else source


def name_axis(axis: Axis, axes: Sequence[Axis]) -> str:
    """Name an axis so that no other of these is called the same."""
    return axis.title if axis.name != "share" or sum(each.name == "share" for each in axes) == 1 else f"share {axis.of}"
