"""The studio's page, run by Streamlit's own tester: no browser, no server."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("streamlit", reason="the studio is not installed")

from streamlit.testing.v1 import AppTest

import atelier.studio
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
