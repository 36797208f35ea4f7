"""The studio in a real browser, as a visitor uses it."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow

pytestmark = pytest.mark.system
pytest.importorskip("streamlit", reason="the studio is not installed")
sync_playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed").sync_playwright
PlaywrightError = pytest.importorskip("playwright.sync_api").Error

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
ARGUMENTS = ["--no-sandbox", "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"]
DUE = "document.querySelectorAll('.card').length > 3 && !document.querySelectorAll('.card.due').length"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A studio that is served."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = tmp_path_factory.mktemp("studio") / "log"
    with log.open("w") as written:
        served = subprocess.Popen(
            [sys.executable, "-m", "atelier", "studio", "--headless", "--port", str(port)], stdout=written, stderr=written,
            env={**os.environ, "HTTPS_PROXY": "http://127.0.0.1:9"},
        )  # fmt: skip
    url = f"http://127.0.0.1:{port}/"
    for _ in range(300):
        with contextlib.suppress(OSError):
            urllib.request.urlopen(url, timeout=2).read()
            break
        assert served.poll() is None, log.read_text()
        time.sleep(0.1)
    yield url
    served.terminate()
    served.wait(30)
    assert "Traceback" not in log.read_text()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("no chromium here")
    with sync_playwright() as playwright:
        try:
            opened = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        except Exception as error:
            pytest.skip(f"chromium does not run here: {str(error).splitlines()[0]}")
        yield opened
        opened.close()


@pytest.fixture
def page(browser: Any, address: str) -> Iterator[Any]:
    """A page of a visitor of its own, which speaks to nobody but the studio."""
    context = browser.new_context(viewport={"width": 1280, "height": 860}, accept_downloads=True, permissions=["camera"], locale="en-US")
    page = context.new_page()
    foreign: list[str] = []
    page.on("request", lambda request: foreign.append(request.url) if not request.url.startswith((address, "data:", "blob:")) else None)
    page.goto(address)
    page.wait_for_selector(".stage .files a", timeout=30_000)
    yield page
    assert not [each for each in foreign if not each.startswith(address.replace("http", "ws"))]
    context.close()


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """A photo of a visitor's own."""
    rows, columns = np.mgrid[0:360, 0:480]
    pixels = np.stack([columns / 480, rows / 360, 0.5 + 0.5 * np.sin(columns / 30)], -1)
    path = tmp_path / "mine.jpg"
    Pillow.fromarray((pixels * 255).astype(np.uint8)).save(path, quality=95)
    return path


def upload(page: Any, path: Path) -> None:
    page.locator(".door input[type=file]").set_input_files(path)


def settled(page: Any, title: str, seconds: float = 30) -> None:
    """Wait for a finished picture whose label says so."""
    page.wait_for_function(
        "(title) => document.querySelector('.stage .title')?.textContent.includes(title) && document.querySelector('.stage .files a')"
        " && document.querySelector('.stage .after').src.includes('/hung/')",
        arg=title,
        timeout=1000 * seconds,
    )


def taken(page: Any, name: str) -> bytes:
    """What a download brings."""
    with page.expect_download() as download:
        page.locator(name).first.click()
    return Path(download.value.path()).read_bytes()


def test_a_photo_is_painted_compared_and_kept(page: Any, photo: Path) -> None:
    upload(page, photo)
    settled(page, "Mine")
    page.wait_for_function(DUE, timeout=30_000)
    page.locator(".card .pick").nth(3).click()
    settled(page, page.locator(".card .title").nth(3).inner_text())
    page.get_by_label("Before and after").focus()
    page.keyboard.press("End")
    assert page.locator(".sheet").evaluate("each => each.style.getPropertyValue('--at')") == "100%"
    data = taken(page, ".stage .files a")
    with Pillow.open(io.BytesIO(data)) as picture:
        assert picture.size == (480, 360)
        shown = page.locator(".stage .after").evaluate("async (each) => [...new Uint8Array(await (await fetch(each.src)).arrayBuffer())]")
        with Pillow.open(io.BytesIO(bytes(shown))) as seen:
            apart = np.abs(np.asarray(seen.convert("RGB"), float) - np.asarray(picture.convert("RGB"), float))
            assert apart.mean() < 6  # what was seen is a JPEG of the file
    # dropped into another visit it brings its settings
    page.get_by_title("Rocket").click()
    page.locator(".card .pick").nth(0).click()
    settled(page, "Rocket")
    kept = photo.with_name("painted.png")
    kept.write_bytes(data)
    upload(page, kept)
    settled(page, "Mine")
    page.wait_for_function("document.querySelectorAll('.card')[3].classList.contains('chosen')")


def test_a_drawing_appears_is_stopped_and_kept(page: Any) -> None:
    page.get_by_text("Draw", exact=True).click()
    count = page.get_by_role("spinbutton", name="Count")
    count.fill("5000")
    count.press("Enter")
    page.get_by_role("button", name="Begin", exact=True).click()
    # Where nothing was drawn before, what draws is compiled first; beside another test that may take minutes.
    page.wait_for_function("document.querySelector('.stage .after').src.includes('/now/')", timeout=300_000)
    stop = page.get_by_role("button", name="Stop", exact=True)
    for _ in range(120):  # a click may fall on the instant in which the page puts another button in this one's place
        if not stop.is_visible():
            break
        with contextlib.suppress(PlaywrightError):
            stop.click(timeout=2_000)
        page.wait_for_timeout(1_000)
    settled(page, "Drawn", 120)
    assert taken(page, ".take a:has-text('SVG')").startswith((b"<svg", b"<?xml"))


def test_two_visitors_do_not_see_each_other(page: Any, browser: Any, address: str, photo: Path) -> None:
    upload(page, photo)
    settled(page, "Mine")
    source = page.locator(".stage .after").get_attribute("src")
    other = browser.new_context()
    stranger = other.new_page()
    stranger.goto(address)
    stranger.wait_for_selector(".stage .files a", timeout=30_000)
    assert "Coffee" in stranger.locator(".stage .title").inner_text()
    assert stranger.evaluate("async (url) => (await fetch(url)).status", source) == 404
    other.close()


def test_a_reload_half_way_loses_nothing(page: Any, photo: Path) -> None:
    upload(page, photo)
    settled(page, "Mine")
    page.locator(".card .pick").nth(5).click()
    page.wait_for_function("document.querySelectorAll('.card')[5].classList.contains('chosen')")
    page.reload()
    settled(page, "Mine")
    page.wait_for_function("document.querySelectorAll('.card')[5].classList.contains('chosen')")


def test_what_cannot_be_opened_is_one_message(page: Any, tmp_path: Path) -> None:
    """A file that is no picture, and one that is too large: refused with the limit."""
    bad, large = tmp_path / "bad.jpg", tmp_path / "large.jpg"
    bad.write_bytes(b"\xff\xd8\xff\xe0 not a picture")
    with large.open("wb") as file:
        file.truncate(65 * 2**20)
    for path, said in ((bad, "bad.jpg"), (large, "64 MB")):
        upload(page, path)
        page.wait_for_function("(said) => document.querySelector('.part-door .error').textContent.includes(said)", arg=said)
    assert page.locator(".stage .files a").count()


def test_regions_are_painted_by_hand(page: Any) -> None:
    page.get_by_text("A style for each region").click()
    canvas = page.locator(".places canvas")
    canvas.wait_for(timeout=10_000)
    canvas.scroll_into_view_if_needed()
    page.locator(".regions select").nth(1).select_option("starry-night")
    canvas.focus()
    for _ in range(4):
        page.keyboard.press("ArrowRight")
        page.keyboard.press("Space")
    page.get_by_role("button", name="Apply").click()
    page.wait_for_function("document.querySelector('.take pre')?.textContent.includes('regions-')", timeout=30_000)


def test_the_camera_photographs(page: Any) -> None:
    page.get_by_role("button", name="Camera").click()
    page.wait_for_function("document.querySelector('dialog video')?.videoWidth > 0", timeout=10_000)
    page.get_by_role("button", name="Take the picture").click()
    settled(page, "Camera")


def test_it_is_usable_without_sight(page: Any) -> None:
    """axe finds nothing, in the light and in the dark, with all of the page's own parts open."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed").Axe()
    page.locator(".card .mix").nth(2).click()
    page.locator(".blend").wait_for()
    page.get_by_text("A style for each region").click()
    page.locator(".places canvas").wait_for()
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.wait_for_timeout(500)  # colours fade over
        found = axe.run(page).response["violations"]
        assert not [(each["id"], [node["target"] for node in each["nodes"]]) for each in found], scheme


def test_by_keyboard_alone(page: Any) -> None:
    reach(page, ".card .pick")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")  # over the first one's blend
    chosen = page.evaluate("document.activeElement.closest('.card').querySelector('.title').textContent")
    page.keyboard.press("Enter")
    settled(page, chosen)
    reach(page, ".stage .compare", back=True)
    page.keyboard.press("End")
    assert page.locator(".sheet").evaluate("each => each.style.getPropertyValue('--at')") == "100%"


def reach(page: Any, selector: str, back: bool = False) -> None:
    """Press Tab until the focus is there."""
    for _ in range(60):
        page.keyboard.press("Shift+Tab" if back else "Tab")
        if page.evaluate("(selector) => document.activeElement.matches(selector)", selector):
            return
    raise AssertionError(f"Tab does not lead to {selector}")


def test_on_a_phone_nothing_sticks_out(browser: Any, address: str) -> None:
    context = browser.new_context(viewport={"width": 375, "height": 720}, is_mobile=True, has_touch=True, locale="de-DE")
    page = context.new_page()
    page.goto(address)
    page.wait_for_selector(".stage .files a", timeout=30_000)
    assert page.get_by_role("button", name="Foto wählen").is_visible()
    main = page.locator("[data-testid=stMain]")
    assert main.evaluate("each => each.scrollWidth <= each.clientWidth")
    assert page.locator(".sheet").bounding_box()["width"] <= 375
    context.close()
