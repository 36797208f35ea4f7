"""The page, from top to bottom. It is run anew for every change; what lasts is in the visit, and in Streamlit's session."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec

import streamlit as st

from atelier.request import Request
from atelier.studio import address, making, panel, telling, wall
from atelier.studio.parts import mount
from atelier.studio.routes import COOKIE
from atelier.studio.uploads import LIMITS
from atelier.studio.visits import SAMPLES, VISITS, Visit, new_tab
from atelier.studio.words import LANGUAGES, Say, choose_language, words

TABS = {"paint": "Paint", "draw": "Draw", "film": "Film", "mesh": "3D"}
NEEDS = {"film": "av", "mesh": "trimesh"}
"""What a picture can be made by, and what has to be installed for it."""
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
    tab = _mast(here)
    left, right = st.columns([2.6, 1], gap="large")
    with left:
        _door(here)
        stage, where, rest = st.container(), st.container(), st.container()
    with right, st.container(key="panel"):
        request = panel.ask(here, tab, where)
    _begin(here, request)
    address.write(here, tab, request)
    with stage:
        wall.show_stage(here, tab, request)
    with rest:
        wall.show_rest(here, request)


def _begin(here: Here, request: Request | None) -> None:
    """Have made what is asked for: pictures that are quick at once, others when somebody says so."""
    visit, begin = here.visit, st.session_state.pop("begin", False)
    if request is None or (request == visit.asked and not begin):
        return
    if begin or not making.waits(visit.uploads, request):
        visit.ask(request, anew=begin)
    else:
        still = panel.still_of(request, visit.photo)
        if still == visit.asked or making.is_gradual(still):
            return
        visit.ask(still)
    if visit.work is not None and not making.waits(visit.uploads, request):
        visit.work.wait(SECOND)


def _here() -> Here:
    tab = st.query_params.get("s", "")
    if not tab:
        tab = st.session_state.setdefault("tab", new_tab())
        st.query_params["s"] = tab
    language = choose_language(st.query_params.get("lang", ""), st.context.locale or "")
    cookie = st.context.cookies.get(COOKIE)
    visit = VISITS.of(cookie if isinstance(cookie, str) else "", tab)
    if visit.photo not in visit.uploads.pictures:
        visit.take_sample()
    if "styles" not in st.session_state:
        address.read(visit)
    if visit.brought is not None:
        st.session_state["restored"], visit.brought = visit.brought, None
    if restored := st.session_state.pop("restored", None):
        address.restore(visit, restored)
    return Here(visit, tab, words(language), language)


def _mast(here: Here) -> str:
    """The head of the page; its tab."""
    say = here.say
    with st.container(key="mast", horizontal=True, vertical_alignment="center"):
        st.html('<h1 class="mark">atelier</h1>')
        if "next tab" in st.session_state:
            st.session_state["tab of page"] = st.session_state.pop("next tab")
        tabs = [each for each in TABS if each not in NEEDS or find_spec(NEEDS[each])]
        if st.session_state.get("tab of page") not in tabs:
            st.session_state["tab of page"] = tabs[0]
        tab = st.segmented_control(
            say("What to make"),
            tabs,
            format_func=lambda each: say(TABS[each]),
            key="tab of page",
            required=True,
            label_visibility="collapsed",
        )
        links = " ".join(
            f'<a href="?lang={each}&s={here.tab}" target="_self" lang="{each}"'
            f"{' aria-current=true' if each == here.language else ''}>{each.upper()}</a>"
            for each in LANGUAGES
        )
        st.html(f'<nav class="languages" aria-label="{say("Language")}">{links}</nav>')
    return str(tab)


def _door(here: Here) -> None:
    """Where pictures come in."""
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
    if told.came in here.visit.uploads.films:
        st.session_state["next tab"] = "film"
    elif told.came in here.visit.uploads.meshes:
        st.session_state["next tab"] = "mesh"
    if "next tab" in st.session_state:
        st.rerun()
