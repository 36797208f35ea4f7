"""Options: what can be set, declared once, for every face.

A setting is a field of a dataclass, made by `option`; `options` gives it as an `Option`, out of which flags, keyword arguments, form
fields and schemas are made.
"""

from __future__ import annotations

import dataclasses
import math
import numbers
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from atelier.errors import SettingError

LayerWeights = Mapping[str, float]
"""Layer name to weight, e.g. {"conv1_1": 1.0, "conv4_1": 0.5}."""
WORDS = {str: "text", bool: "true or false", int: "a whole number", float: "a number"}
REQUIRED: Any = dataclasses.MISSING
"""The default of an option that has none."""
GROUPS = ("input", "style", "look", "result", "run")
"""Where a person looks for an option: what goes in, which style, how it is to look, what comes out, how the work is done."""


@dataclass(frozen=True)
class Option:
    """One declared setting.

    kind: its type as users type it, str, int, float or bool; layers are typed as str. low, high: bounds, inclusive. choices: all that a
    text may be, if it is not free. label: a name for people; unit: px, s, °, or "". group: one of GROUPS. advanced: whether few need it.
    file: what a value names that is no word: a picture, a network, a drawing; "" where values name nothing. words: values that are
    words, not names of files. many: whether there may be several values; none: whether None is one. former: names that it had before.
    rescaled: of former names that counted in another unit, what one of those is now. renamed: former values, and those of now.
    """

    name: str
    kind: type[Any]
    default: Any
    help: str
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    label: str = ""
    unit: str = ""
    group: str = "look"
    advanced: bool = False
    file: str = ""
    words: tuple[str, ...] = ()
    many: bool = False
    none: bool = False
    former: tuple[str, ...] = ()
    rescaled: Mapping[str, float] = field(default_factory=dict)
    renamed: Mapping[str, str] = field(default_factory=dict)

    @property
    def layers(self) -> bool:
        """Whether values are layers with weights."""
        return self.name.endswith("_layers")

    def names(self, value: Any) -> bool:
        """Whether a value names something to be opened: a file, not a word or a colour."""
        return bool(self.file and isinstance(value, str) and value and value not in self.words and not value.startswith("#"))

    def now(self, value: Any) -> Any:
        """A value as it is written now; former ways of writing it are known."""
        if self.many and isinstance(value, list):
            return tuple(value)
        return self.renamed.get(value, value) if isinstance(value, str) else value

    def under(self, name: str, value: Any) -> Any:
        """A value that was given under some name, this one or a former one, in the unit of now."""
        return value * self.rescaled[name] if name in self.rescaled and is_a(float, value) else value

    def check(self, value: Any) -> None:
        """Raise SettingError unless a value fits."""
        if value is None and self.none:
            return
        if self.many:
            if not (isinstance(value, tuple) and all(isinstance(each, str) for each in value)):
                raise SettingError(self.name, "must be a tuple of names", value)
            return
        if self.layers:
            if not isinstance(value, Mapping) or not all(isinstance(k, str) and is_a(float, weight) for k, weight in value.items()):
                raise SettingError(self.name, "must be layers with weights, as conv1_1,conv4_1=0.5", repr(value))
        elif not is_a(self.kind, value):
            raise SettingError(self.name, f"must be {WORDS[self.kind]}", repr(value))
        if self.choices and value not in self.choices:
            raise SettingError(self.name, f"choose from {', '.join(filter(None, self.choices))}", value)
        if isinstance(value, (bool, str)):
            return
        low, high = (0.0, None) if isinstance(value, Mapping) else (self.low, self.high)
        for number in value.values() if isinstance(value, Mapping) else [value]:
            if not math.isfinite(number) or (low is not None and number < low) or (high is not None and number > high):
                span = f"at least {low:,.10g}" if high is None else f"from {low:,.10g} to {high:,.10g}"
                raise SettingError(self.name, f"must be {span}", f"{number:g}")


def option(
    default: Any,
    help: str,
    *,
    low: float | None = None,
    high: float | None = None,
    choices: tuple[str, ...] = (),
    **more: Any,
) -> Any:
    """Declare an option, as a field of a dataclass. more: any other field of `Option`."""
    metadata = {"help": help, "low": low, "high": high, "choices": choices, **more}
    if isinstance(default, Mapping):
        return field(default_factory=lambda: dict(default), metadata=metadata)
    return field(default=default, metadata=metadata)


_KNOWN: dict[type[Any], dict[str, Option]] = {}


def options(kind: type[Any]) -> Mapping[str, Option]:
    """The options that a dataclass declares, by name."""
    if kind not in _KNOWN:
        _KNOWN[kind] = _options(kind)
    return _KNOWN[kind]


def _options(kind: type[Any]) -> dict[str, Option]:
    hints = typing.get_type_hints(kind)
    return {each.name: _declared(each, hints[each.name]) for each in dataclasses.fields(kind) if "help" in each.metadata}


def _declared(each: dataclasses.Field[Any], hint: Any) -> Option:
    parts = typing.get_args(hint)
    types = [part for part in (parts or (hint,)) if part in WORDS]
    default = each.default if each.default_factory is dataclasses.MISSING else each.default_factory()
    declaration = {"label": each.name.replace("_", " ").capitalize(), **each.metadata}
    many = typing.get_origin(hint) is tuple and parts[-1:] == (...,)
    return Option(each.name, types[0] if types else str, default, many=many, none=type(None) in parts, **declaration)


def check_all(settings: Any) -> None:
    """Raise SettingError unless every option of the settings fits its declaration."""
    for each in options(type(settings)).values():
        each.check(getattr(settings, each.name))


def is_a(kind: type[Any], value: Any) -> bool:
    """Whether a value is of an option's type; NumPy's numbers are numbers, truth is none."""
    if kind in (str, bool):
        return isinstance(value, kind)
    return isinstance(value, numbers.Integral if kind is int else numbers.Real) and not isinstance(value, bool)


# Values ---------------------------------------------------------------------------------------------------------------


def parse_layers(text: str | LayerWeights, option: str = "style_layers") -> dict[str, float]:
    """`conv1_1,conv4_1=0.5` to {"conv1_1": 1.0, "conv4_1": 0.5}. Names are checked by the network.

    option: whose value it is. Raises SettingError for anything else, an empty list and a layer named twice included.
    """
    if isinstance(text, Mapping):
        for layer, given in text.items():
            if not is_a(float, given):
                raise SettingError(option, f"layer {layer} has the weight {given!r}, which is not a number")
        return {str(k): float(v) for k, v in text.items()}
    if not isinstance(text, str):
        raise SettingError(option, f"layers are given as conv1_1,conv4_1=0.5 or as a mapping, not as {text!r}")
    layers: dict[str, float] = {}
    for part in filter(None, (p.strip() for p in text.split(","))):
        name, _, weight = (p.strip() for p in part.partition("="))
        try:
            number = float(weight) if weight else 1.0
        except ValueError:
            raise SettingError(option, f"layer weight {weight!r} is not a number: write conv1_1,conv4_1=0.5") from None
        if name in layers:
            raise SettingError(option, f"layer {name} is given twice")
        layers[name] = number
    if not layers:
        raise SettingError(option, "no layers given: write conv1_1,conv4_1=0.5")
    return layers


S = TypeVar("S")


def current(kind: type[Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Settings given by name, under the names and in the values of now. Those that nobody knows stay as they are."""
    known = options(kind)
    former = {name: each.name for each in known.values() for name in each.former}
    now: dict[str, Any] = {}
    for name, value in given.items():
        each = known.get(former.get(name, name))
        now[each.name if each else name] = each.now(each.under(name, value)) if each else value
    return now


def override(settings: S, given: Mapping[str, Any]) -> S:
    """The settings with those given (by name; layers as text or mapping) put in. Raises SettingError for unknown names."""
    known = options(type(settings))
    given = current(type(settings), given)
    if unknown := sorted(set(given) - set(known)):
        raise SettingError(unknown[0], f"no setting {unknown[0]!r}: the settings are {', '.join(sorted(known))}")
    ready = {name: parse_layers(value, name) if known[name].layers else value for name, value in given.items()}
    return dataclasses.replace(settings, **ready)  # type: ignore[type-var]
