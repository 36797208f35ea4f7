"""The controls beside the picture."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import streamlit as st

from atelier.errors import AtelierError
from atelier.request import Option, Request, Style, options
from atelier.run import choose, schema, settle
from atelier.studio import form, places
from atelier.studio.parts import mount

if TYPE_CHECKING:
    from atelier.studio.page import Here

FIELDS = frozenset(each.name for each in dataclasses.fields(Request))
FILM = frozenset({"temporal", "begin", "end", "fps"})
"""Options of films alone."""
MESH = frozenset({"what", "texture_size", "views", "light", "relief"})
"""Options of meshes alone."""
_AUTO = options(Request)["engine"].default
ORDER = ("look", "style", "result", "run", "input")


def ask(here: Here, tab: str, where: Any) -> Request | None:
    """Show the controls of a tab; what they ask for together, or None where that makes no sense, and is told. where: the place for what
    says which style goes where."""
    try:
        return _ask(here, tab, where)
    except AtelierError as error:
        st.error(form.plain(str(error)))
        return None


def _ask(here: Here, tab: str, where: Any) -> Request | None:
    visit, say = here.visit, here.say
    task = "draw" if tab == "draw" else "stylize"
    content = {"film": visit.film, "mesh": visit.mesh}.get(tab, visit.photo)
    if not content:
        st.markdown(say("Drop a film, or choose one.") if tab == "film" else say("Drop a mesh: .glb, .obj or .ply."))
        return None
    base = Request(task, content, _styles(here) if task == "stylize" else ())
    declared = {each.name: each for each in schema(task)}
    if "effort" in declared and not base.solid:
        effort = form.control(declared["effort"], declared["effort"].choices[1], form.key_of(task, "effort"), say)
        base = dataclasses.replace(base, effort=effort)
        base = _with_recipe(here, base)
    kind = choose(base)
    own = schema(task, kind.name)
    settled = settle(base)
    defaults = {**{each.name: each.default for each in own}, **{name: getattr(settled, name) for name in options(kind.settings)}}
    other = (FILM if tab != "film" else frozenset()) | (MESH if tab != "mesh" else frozenset())
    given = form.show_options(_in_order(own), defaults, scope_of(base), say, other)
    more = {name: value for name, value in given.items() if name in FIELDS}
    request = dataclasses.replace(base, **more, settings={name: value for name, value in given.items() if name not in FIELDS})
    if tab == "paint":
        request = places.ask(here, request, where)
    settle(request)
    return request


def scope_of(request: Request) -> str:
    """What the defaults of a request's controls belong to."""
    return f"{request.task} {choose(request).name} {request.effort}{request.recipe}"


def _with_recipe(here: Here, request: Request) -> Request:
    """The request with a recipe by name where one is chosen that is not the effort's own."""
    kind = choose(request)
    if "recipe" in kind.lacks:
        return request
    from atelier.engines.optimize.recipes import RECIPES

    key, own = form.key_of(request.task, "recipe"), ""
    if st.session_state.setdefault(key, own) not in ("", *RECIPES):
        st.session_state[key] = own
    recipe = st.selectbox(
        here.say("Recipe"),
        ["", *RECIPES],
        key=key,
        format_func=lambda name: here.say("As the effort says") if not name else f"{form.spoken(name)}: {RECIPES[name].summary}",
    )
    return dataclasses.replace(request, effort="", engine=kind.name, recipe=recipe) if recipe else request


def controlled(request: Request) -> tuple[Request, str]:
    """A request as the page's controls say it, and the effort that is chosen there: an effort in place of its engine and recipe, where
    one says the same; else the recipe by name."""
    if request.task != "stylize" or request.solid or request.effort:
        return request, request.effort
    kind, bare = choose(request), dataclasses.replace(request, settings={})
    alike = ""
    for effort in options(Request)["effort"].choices[1:]:
        same = dataclasses.replace(bare, engine=_AUTO, recipe="", effort=effort)
        if choose(same).name != kind.name:
            continue
        alike = alike or effort
        if settle(same) == settle(bare):
            return dataclasses.replace(request, engine=_AUTO, recipe="", effort=effort), effort
    return dataclasses.replace(request, engine=kind.name, recipe=request.recipe or "default"), alike


def still_of(request: Request, photo: str) -> Request:
    """What a film's or a mesh's request is on a photo: the picture that is seen before it is begun."""
    plain = Request(request.task, photo)
    return dataclasses.replace(request, content=photo, **{name: getattr(plain, name) for name in FILM | MESH})


def _in_order(own: tuple[Option, ...]) -> list[Option]:
    """The options as people look for them: how long it may take, how it is to look, which style, what comes out, how the work is done."""
    return sorted(own, key=lambda each: (each.name != "seconds", ORDER.index(each.group)))


def _styles(here: Here) -> tuple[Style, ...]:
    """The styles that are chosen; several with a control of their shares."""
    styles: tuple[Style, ...] = st.session_state["styles"]
    if len(styles) < 2 or places.chosen():
        return styles
    told = mount(
        "blend",
        {"styles": [{"name": each.source, "title": here.title(each.source), "weight": each.weight} for each in styles],
         "words": {"blend": here.say("Blend"), "share": here.say("Share of {style}")}},
        "weights",
    )  # fmt: skip
    if told.weights and len(told.weights) == len(styles):
        styles = tuple(dataclasses.replace(each, weight=float(weight)) for each, weight in zip(styles, told.weights, strict=True))
        st.session_state["styles"] = styles
    return styles
