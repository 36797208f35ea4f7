"""Controls out of declared options. Nothing is declared here: names, bounds, choices and words are the options' own."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

import streamlit as st

from atelier.request import Option
from atelier.studio.words import Say

ELSEWHERE = frozenset({"content", "engine", "effort", "recipe", "regions", "masks", "style_regions", "blend", "device", "panorama"})
"""Options that other parts of the page are for, or the machine."""
FEW = 5
"""Up to so many choices stand side by side."""
DIAL = (0.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0)
SIZES = (384, 512, 768, 1024, 1600, 2048, 3072, 4096)
STEPS = (0.05, 0.1, 0.25, 0.35, 0.5, 0.7, 1.0, 1.4, 2.0, 2.8, 4.0, 8.0)


def key_of(scope: str, name: str) -> str:
    """Under which a control's value is kept."""
    return f"option {scope} {name}"


def show_options(
    options: Iterable[Option], defaults: Mapping[str, Any], scope: str, say: Say, taken: frozenset[str] = frozenset()
) -> dict[str, Any]:
    """Show controls, those that few need behind a lid; the values that are not the defaults, by name.

    defaults: what holds where nobody says otherwise. scope: what the defaults belong to. taken: options shown elsewhere.
    """
    shown = [
        each for each in options if each.name not in ELSEWHERE | taken and not each.layers and not each.many and not _names_files(each)
    ]
    given: dict[str, Any] = {}

    def ask(each: Option) -> None:
        default = defaults.get(each.name, each.default)
        value = control(each, default, key_of(scope, each.name), say)
        if value != default and not (value is None and default is None):
            given[each.name] = value

    for each in shown:
        if not each.advanced:
            ask(each)
    if rare := [each for each in shown if each.advanced]:
        with st.expander(say("More")):
            for each in rare:
                ask(each)
    return given


def control(each: Option, default: Any, key: str, say: Say) -> Any:
    """One control; its value."""
    label, help_ = say(each.label), plain(say(each.help))
    how: dict[str, Any] = {"label": f"{label} ({each.unit})" if each.unit and each.name != "seconds" else label, "key": key, "help": help_}
    if key not in st.session_state:
        st.session_state[key] = default
    if each.kind is bool:
        return st.toggle(**how)
    if each.choices:
        return _choice(each, how, say)
    if each.kind is str and each.words and not each.file:
        return _several(each, how, say)
    if each.kind is str:
        return st.text_input(**how)
    if each.name == "size":
        return _steps(how, [None, *SIZES], say)
    if each.unit == "s":
        return _steps(how, DIAL, say)
    low, high = each.low, each.high
    if each.kind is float and low is not None and high is not None and high - low <= 1:
        return st.slider(**how, min_value=float(low), max_value=float(high), step=0.01)
    if each.kind is float and low and high and high / low > 50:
        return _steps(how, [step for step in STEPS if low <= step <= high], say)
    return _number(each, how)


def _choice(each: Option, how: dict[str, Any], say: Say) -> Any:
    choices = [choice for choice in each.choices if choice or st.session_state[how["key"]] == ""]
    if st.session_state[how["key"]] not in choices:
        st.session_state[how["key"]] = choices[0]
    how["format_func"] = lambda choice: say(spoken(choice))
    return st.segmented_control(options=choices, required=True, **how) if len(choices) <= FEW else st.selectbox(options=choices, **how)


def _several(each: Option, how: dict[str, Any], say: Say) -> str:
    """Words of which several go together, by comma."""
    now = [word for word in str(st.session_state[how["key"]]).split(",") if word in each.words]
    words = st.pills(
        how["label"],
        each.words,
        default=now,
        selection_mode="multi",
        format_func=lambda word: say(spoken(word)),
        key=f"{how['key']} words",
        help=how["help"],
    )
    return ",".join(words) or each.words[0]


def _steps(how: dict[str, Any], steps: Iterable[Any], say: Say) -> Any:
    """A slider over values that grow by shares."""
    now = st.session_state[how["key"]]
    values = sorted({*(step for step in steps if step is not None), *([now] if now is not None else [])})
    options = [None, *values] if None in [*steps] or now is None else values
    return st.select_slider(options=options, format_func=lambda value: say("auto") if value is None else f"{value:g}", **how)


def _number(each: Option, how: dict[str, Any]) -> Any:
    kind = each.kind
    low = None if each.low is None else kind(each.low)
    high = None if each.high is None or not math.isfinite(each.high) else kind(min(each.high, 2**53 - 1))
    value = st.session_state[how["key"]]
    if value is not None:
        st.session_state[how["key"]] = kind(value)
    more: dict[str, Any] = {"step": 1} if kind is int else {"step": 0.01 if value and abs(value) < 1 else 0.1, "format": "%g"}
    return st.number_input(min_value=low, max_value=high, **more, **how)


def _names_files(each: Option) -> bool:
    """Whether nothing but files can be said."""
    return bool(each.file) and not each.choices


def spoken(word: str) -> str:
    """A choice as people read it."""
    return word.replace("-", " ").replace("_", " ").capitalize() if word else "Auto"


def plain(text: str) -> str:
    """Help without marks of the command line's."""
    return re.sub(r"`", "", text)
