"""The studio's page, run by Streamlit's own tester: no browser, no server."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("streamlit", reason="the studio is not installed")

from streamlit.testing.v1 import AppTest

import atelier.studio
from atelier.request import Request, Style
from atelier.studio import panel
from atelier.studio.visits import VISITS, Visit

APP = Path(atelier.studio.__file__).parent / "app.py"


@pytest.fixture
def page() -> Any:
    """The page of a visitor of its own."""
    tester = AppTest.from_file(APP, default_timeout=30)
    tester.query_params["s"] = f"test-{time.monotonic_ns()}"
    return tester.run()


def visit_of(page: Any) -> Visit:
    tab = page.query_params["s"]
    return VISITS.of("", tab if isinstance(tab, str) else tab[0])


def finished(visit: Visit) -> Visit:
    for _ in range(600):
        if not visit.busy:
            return visit
        time.sleep(0.05)
    raise AssertionError("the work does not end")


def test_a_picture_hangs_at_once(page: Any) -> None:
    assert not page.exception
    visit = finished(visit_of(page))
    assert visit.shown is not None and visit.shown.request.task == "stylize"
    assert visit.hung == [visit.shown]


def test_a_control_is_an_option_and_repaints(page: Any) -> None:
    visit = finished(visit_of(page))
    strength = next(each for each in page.slider if each.label == "Strength")
    strength.set_value(0.5).run()
    assert not page.exception
    finished(visit)
    assert visit.shown is not None and visit.shown.request.settings == {"strength": 0.5}
    assert len(visit.hung) == 2
    strength = next(each for each in page.slider if each.label == "Strength")
    strength.set_value(1.0).run()  # was made: it hangs at once
    assert visit.shown is visit.hung[0]


def test_every_tab_shows_its_options_and_no_fault(page: Any) -> None:
    finished(visit_of(page))
    for tab in ("draw", "film", "mesh", "paint"):
        page.session_state["tab of page"] = tab
        page.run()
        assert not page.exception and not page.error, tab
    page.session_state["tab of page"] = "draw"
    page.run()
    assert {"Count"} <= {each.label for each in page.number_input}


def test_an_address_brings_its_settings() -> None:
    asked = Request("stylize", None, (Style("starry-night", 0.5), Style("udnie", 0.5)), settings={"strength": 0.25, "color": "photo"})
    tester = AppTest.from_file(APP, default_timeout=30)
    tester.query_params["s"] = f"test-{time.monotonic_ns()}"
    tester.query_params["set"] = asked.to_json()
    page = tester.run()
    assert not page.exception
    visit = finished(visit_of(page))
    assert visit.shown is not None
    made = visit.shown.request
    assert made.styles == asked.styles and made.settings == asked.settings


def test_an_address_that_nobody_understands_is_left_aside() -> None:
    tester = AppTest.from_file(APP, default_timeout=30)
    tester.query_params["set"] = '{"task": "stylize", "settings": {"strength": "x"}'
    assert not tester.run().exception


def test_a_page_in_german() -> None:
    tester = AppTest.from_file(APP, default_timeout=30)
    tester.query_params["lang"] = "de"
    page = tester.run()
    assert not page.exception
    assert "Stärke" in {each.label for each in page.slider}


@pytest.mark.parametrize(("engine", "recipe", "effort"), [("auto", "", "fast"), ("optimize", "", "good"), ("optimize", "quality", "best")])
def test_pictures_come_back_into_the_controls_that_made_them(engine: str, recipe: str, effort: str) -> None:
    request = Request("stylize", "a.png", (Style("starry-night"),), engine=engine, recipe=recipe)
    assert panel.controlled(request)[1] == effort
    other = Request("stylize", "a.png", (Style("starry-night"),), recipe="brush")
    assert panel.controlled(other)[0].recipe == "brush"
