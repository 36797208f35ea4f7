"""The controls beside the picture."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import streamlit as st

from atelier.errors import AtelierError
from atelier.request import Option, Request, Style, options
from atelier.run import choose, schema, settle
from atelier.studio import form, making
from atelier.studio.parts import mount

if TYPE_CHECKING:
    from atelier.studio.page import Here

FIELDS = frozenset(each.name for each in dataclasses.fields(Request))


def ask(here: Here, task: str) -> Request | None:
    """Show the controls of a task; what they ask for together, or None where that makes no sense, and is told."""
    try:
        return _ask(here, task)
    except AtelierError as error:
        st.error(form.plain(str(error)))
        return None


def _ask(here: Here, task: str) -> Request:
    say = here.say
    declared = {each.name: each for each in schema(task)}
    base = Request(task, here.visit.photo, _styles(here) if task == "stylize" else ())
    if "effort" in declared:
        effort = form.control(declared["effort"], declared["effort"].choices[1], form.key_of(task, "effort"), say)
        base = dataclasses.replace(base, effort=effort)
    kind = choose(base)
    own = schema(task, kind.name)
    settled = settle(base)
    defaults = {**{each.name: each.default for each in own}, **{name: getattr(settled, name) for name in options(kind.settings)}}
    given = form.show_options(_in_order(own), defaults, f"{task} {kind.name} {base.effort}", say)
    more = {name: value for name, value in given.items() if name in FIELDS}
    request = dataclasses.replace(base, **more, settings={name: value for name, value in given.items() if name not in FIELDS})
    settle(request)
    return request


def _in_order(own: tuple[Option, ...]) -> list[Option]:
    """The options as people look for them: how long it may take, how it is to look, which style, what comes out, how the work is done."""
    order = ("look", "style", "result", "run", "input")
    return sorted(own, key=lambda each: (each.name != "seconds", order.index(each.group)))


def _styles(here: Here) -> tuple[Style, ...]:
    """The styles that are chosen; several with a control of their shares."""
    styles: tuple[Style, ...] = st.session_state["styles"]
    if len(styles) < 2:
        return styles
    told = mount(
        "blend",
        {"styles": [{"name": each.source, "title": here.title(each.source), "weight": each.weight} for each in styles],
         "words": {"blend": here.say("Blend"), "share": here.say("Share of {style}"), "less": here.say("Leave out {style}")}},
        "weights", "less",
    )  # fmt: skip
    if told.weights and len(told.weights) == len(styles):
        styles = tuple(dataclasses.replace(each, weight=float(weight)) for each, weight in zip(styles, told.weights, strict=True))
        st.session_state["styles"] = styles
    return styles


def waits(request: Request) -> bool:
    """Whether a picture is begun only when somebody says so."""
    return making.is_gradual(request) and not st.session_state.pop("begin", False)
