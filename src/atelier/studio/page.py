"""The page, from top to bottom. It is run anew for every change; what lasts is in the visit, and in Streamlit's session."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from atelier.request import Request
from atelier.studio import address, panel, telling, wall
from atelier.studio.parts import mount
from atelier.studio.uploads import LIMITS
from atelier.studio.visits import COOKIE, SAMPLES, VISITS, Visit, new_tab
from atelier.studio.words import LANGUAGES, Say, choose_language, words

TASKS = {"stylize": "Paint", "draw": "Draw"}
"""What a picture can be made by, as tabs."""
SECOND = 0.45
"""Seconds that the page waits for a picture before it shows itself: most are there by then."""


@dataclass(frozen=True)
class Here:
    """Whose page it is, and in which language. tab: the word by which the visit is known in addresses."""

    visit: Visit
    tab: str
    say: Say
    language: str

    def restore(self, request: Request) -> None:
        """Put a request into the controls; the next run of the page shows them."""
        if request.content in self.visit.uploads.pictures and request.content != self.visit.photo:
            self.visit.hang_photo(str(request.content))
        st.session_state["restored"] = request

    @staticmethod
    def title(style: str) -> str:
        """A style as people call it."""
        return telling.style_title(style)


def show() -> None:
    """Show the page."""
    st.set_page_config(page_title="atelier", page_icon=None, layout="wide", initial_sidebar_state="collapsed")
    here = _here()
    task = _mast(here)
    left, right = st.columns([2.6, 1], gap="large")
    with left:
        came = _door(here)
    with right, st.container(key="panel"):
        request = panel.ask(here, task)
    visit = here.visit
    if request is not None and not panel.waits(request) and request != visit.asked:
        visit.ask(request)
        if visit.work is not None:
            visit.work.wait(SECOND)
    address.write(here, request)
    with left:
        wall.show(here, request, came)


def _here() -> Here:
    tab = st.query_params.get("s", "")
    if not tab:
        tab = st.session_state.setdefault("tab", new_tab())
        st.query_params["s"] = tab
    language = choose_language(st.query_params.get("lang", ""), st.context.locale or "")
    cookie = st.context.cookies.get(COOKIE)
    visit = VISITS.of(cookie if isinstance(cookie, str) else "", tab)
    if not visit.photo:
        visit.take_sample()
    if "styles" not in st.session_state:
        address.read(visit)
    if restored := st.session_state.pop("restored", None):
        address.restore(restored)
    return Here(visit, tab, words(language), language)


def _mast(here: Here) -> str:
    """The head of the page; the task of its tab."""
    say = here.say
    with st.container(key="mast", horizontal=True, vertical_alignment="center"):
        st.html('<h1 class="mark">atelier</h1>')
        st.session_state.setdefault("task", next(iter(TASKS)))
        task = st.segmented_control(
            say("What to make"),
            list(TASKS),
            format_func=lambda each: say(TASKS[each]),
            key="task",
            required=True,
            label_visibility="collapsed",
        )
        links = " ".join(
            f'<a href="?lang={each}&s={here.tab}" target="_self" lang="{each}"'
            f"{' aria-current=true' if each == here.language else ''}>{each.upper()}</a>"
            for each in LANGUAGES
        )
        st.html(f'<nav class="languages" aria-label="{say("Language")}">{links}</nav>')
    return str(task)


def _door(here: Here) -> str:
    """Where pictures come in; the name of one that came just now."""
    say = here.say
    told = mount(
        "door",
        {
            "tab": here.tab, "limit": LIMITS.bytes // 2**20, "photo": here.visit.photo,
            "samples": [{"name": each.name, "title": say(each.stem.capitalize())} for each in sorted(SAMPLES.glob("*.jpg"))],
            "words": {
                "choose": say("Choose a photo"), "camera": say("Camera"), "paste": say("Paste"), "drop": say("Drop it anywhere"),
                "samples": say("or one of these"), "large": say("This file is over the limit of {limit} MB."),
                "reading": say("Opening…"), "failed": say("This file cannot be opened."), "take": say("Take the picture"),
                "close": say("Close"), "nothing": say("There is no picture to paste."), "nocamera": say("There is no camera to use."),
            },
        },
        "came", "sample",
    )  # fmt: skip
    if told.sample:
        here.visit.take_sample(str(told.sample))
        return str(told.sample)
    return str(told.came or "")
