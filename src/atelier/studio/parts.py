"""Parts of the page with scripts of their own: each a module in `web/`, which gets data and gives triggers back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

SCRIPT = """const loaded = import(location.origin + "/studio/web/%s.js");
export default function (component) {
  let gone = false, leave;
  loaded.then((module) => { if (!gone) leave = module.default(component); });
  return () => { gone = true; if (leave) leave(); };
}"""


def _part(name: str) -> Callable[..., Any]:
    """A part by the name of its module. Its styles are the page's."""
    part: Callable[..., Any] = st.components.v2.component(
        f"atelier_{name}", html=f'<div class="part part-{name}"></div>', js=SCRIPT % name, isolate_styles=False
    )
    return part


def mount(name: str, data: dict[str, Any], *triggers: str) -> Any:
    """Show a part; what it told, by trigger: None where it told nothing."""
    if name not in _PARTS:
        _PARTS[name] = _part(name)
    return _PARTS[name](key=name, data=data, **{f"on_{each}_change": _nothing for each in triggers})


def _nothing() -> None:
    """A trigger needs a callback to be one."""


_PARTS: dict[str, Callable[..., Any]] = {}
