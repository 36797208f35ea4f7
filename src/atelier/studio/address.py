"""Settings in the page's address, so that a link brings them along."""

from __future__ import annotations

import contextlib
import dataclasses
import json
from typing import TYPE_CHECKING

import streamlit as st

from atelier.engines.network.catalogue import every
from atelier.errors import AtelierError
from atelier.request import Request, Style
from atelier.studio import form, panel, places

if TYPE_CHECKING:
    from atelier.studio.page import Here
    from atelier.studio.visits import Visit

LOVED = "starry-night"
"""The style that a visit begins with, where it is here."""
KEPT = ("size", "seed", "keep_flat", "feather")
"""Options of a request, beside its settings, that the page has controls of."""


def read(visit: Visit) -> None:
    """Put what the visit asked for last, else what the address says, into the page's controls."""
    st.session_state["styles"] = _first()
    if visit.asked is not None:
        restore(visit, visit.asked)
    elif "set" in st.query_params:
        with contextlib.suppress(AtelierError):  # somebody's own writing: the page begins as it does
            restore(visit, Request.from_json(st.query_params["set"]))


def restore(visit: Visit, request: Request) -> None:
    """Put a request into the page's controls, those of its settings that the page has. Raises SettingError."""
    request = dataclasses.replace(request, content=request.content or visit.photo)
    request, effort = panel.controlled(request)
    scope = panel.scope_of(request)
    for key in [key for key in st.session_state if str(key).startswith("option ")]:
        del st.session_state[key]
    tab = "film" if request.content in visit.uploads.films else "mesh" if request.content in visit.uploads.meshes else "paint"
    st.session_state["tab of page"] = "draw" if request.task == "draw" else tab
    st.session_state["styles"] = tuple(dataclasses.replace(each, region="") for each in request.styles)[:3] or _first()
    places.restore(request, visit.photo, visit.uploads.maps)
    if effort:
        st.session_state[form.key_of(request.task, "effort")] = effort
        st.session_state[form.key_of(request.task, "recipe")] = "" if request.effort else request.recipe
    for name, value in {**request.settings, **{name: getattr(request, name) for name in KEPT}}.items():
        st.session_state[form.key_of(scope, name)] = value


def write(here: Here, tab: str, request: Request | None) -> None:
    """Say in the address what the page asks for."""
    if request is None:
        return
    told = json.loads(request.to_json())
    short = {name: value for name, value in told.items() if name == "task" or value != _PLAIN[name]}
    short |= {"content": None, "styles": [{n: v for n, v in style.items() if v != _PLAIN["styles"][0].get(n)} for style in told["styles"]]}
    text = json.dumps(short, separators=(",", ":"), ensure_ascii=False)
    if st.query_params.get("set") != text:
        st.query_params["set"] = text


def _first() -> tuple[Style, ...]:
    """The style that a visit begins with."""
    names = [each.name for each in every()]
    return tuple(Style(name) for name in ([LOVED] if LOVED in names else names[:1]))


_PLAIN = json.loads(Request("stylize", None, (Style(""),)).to_json())
