"""The page in Chromium."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

import pytest

from atelier.live import Show, open_server
from atelier.media.films.camera import open_camera
from filming import make_film, moving

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
pytestmark = [pytest.mark.system, pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")]


def test_the_page_shows_what_is_painted_and_keys_change_it(tmp_path: Path) -> None:
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    clip = make_film(tmp_path / "in.mp4", moving(12, (96, 64)), rate=12)
    show = Show.of(open_camera(str(clip), again=True), "starry-night")
    with open_server(show, ("starry-night", "udnie")) as server, sync_api.sync_playwright() as playwright:
        show.start()
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page()
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(f"http://localhost:{server.server_port}/", wait_until="commit")
        page.wait_for_function("document.querySelector('img').naturalWidth === 96")
        page.wait_for_function("document.querySelector('#style').options.length === 2")
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowDown")
        page.wait_for_function("document.querySelector('#told').textContent.includes('frames a second')")
        number = show.painted
        assert show.after(number + 1, 20)[0] > number
        assert show.wanted.style == "udnie" and show.wanted.strength == pytest.approx(0.95)
        assert errors == []
        browser.close()
        server.shutdown()
        show.close()
        thread.join()
