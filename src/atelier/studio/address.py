"""Settings in the page's address, so that a link brings them along."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import streamlit as st

from atelier.engines.network.catalogue import every
from atelier.errors import SettingError
from atelier.request import Request, Style
from atelier.studio import form

if TYPE_CHECKING:
    from atelier.studio.page import Here
    from atelier.studio.visits import Visit

KEPT = ("s", "lang")
"""What else stands in the address: the tab's word, the language."""


def read(visit: Visit) -> None:
    """Put what the address says, else what the visit asked for last, into the page's controls."""
    told = st.query_params
    if "set" in told:
        try:
            restore(Request.from_json(told["set"]))
            return
        except SettingError:
            pass
    if visit.asked is not None:
        restore(visit.asked)
        return
    st.session_state["styles"] = (Style(every()[0].name),) if every() else ()


def restore(request: Request) -> None:
    """Put a request into the page's controls, those of its settings that the page has."""
    from atelier.run import choose

    st.session_state["task"] = request.task
    st.session_state["styles"] = request.styles or st.session_state.get("styles") or (Style(every()[0].name),)
    effort = request.effort
    if effort:
        st.session_state[form.key_of(request.task, "effort")] = effort
    for key in [key for key in st.session_state if str(key).startswith("option ") and not str(key).endswith(" effort")]:
        del st.session_state[key]
    scope = f"{request.task} {choose(request).name} {effort}"
    told = {**request.settings, **{name: getattr(request, name) for name in ("size", "seed", "keep_flat")}}
    for name, value in told.items():
        st.session_state[form.key_of(scope, name)] = value


def write(here: Here, request: Request | None) -> None:
    """Say in the address what the page asks for."""
    if request is None:
        return
    told = json.loads(request.to_json())
    plain = json.loads(Request(request.task, None).to_json())
    short = {name: value for name, value in told.items() if name == "task" or value != plain[name]}
    short["content"] = None
    short["styles"] = [{name: value for name, value in style.items() if value != _PLAIN.get(name)} for style in told["styles"]]
    text = json.dumps(short, separators=(",", ":"), ensure_ascii=False)
    if st.query_params.get("set") != text:
        st.query_params["set"] = text


_PLAIN = json.loads(Request("stylize", None, (Style(""),)).to_json())["styles"][0]
