"""The page in Chromium: its pictures are the desktop's, with the network cut off too."""

from __future__ import annotations

import io
import re
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow

import atelier
from atelier.image import encode
from atelier.web import open_preview, write_page
from pictures import paint

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
pytestmark = [pytest.mark.system, pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")]

WITHIN = 3
"""Steps of 8 bits that a pixel of the page's picture may be off the desktop's at the most."""
MEAN = 0.05
"""And all of them in the mean."""

Open = Callable[..., Any]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A server of the page."""
    with open_preview(write_page(tmp_path_factory.mktemp("web") / "page")) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    film = tmp_path_factory.mktemp("film") / "camera.mjpeg"
    film.write_bytes(b"".join(jpeg(frame(at)) for at in range(12)))
    fake = ["--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream", f"--use-file-for-fake-video-capture={film}"]
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", *fake])
        yield browser
        browser.close()


@contextmanager
def visit(browser: Any, site: Any, query: str = "", first: tuple[str, ...] = (), **context: Any) -> Iterator[Any]:
    """The page, begun. first: scripts that run before its own. No error may be told meanwhile."""
    own = browser.new_context(**context)
    own.set_default_timeout(40_000)
    page = own.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    for script in first:
        page.add_init_script(script)
    page.goto(f"http://localhost:{site.server_port}/{query}")
    page.wait_for_selector("body[data-ready]", state="attached")
    yield page
    assert not errors
    own.close()


def frame(at: int) -> np.ndarray[Any, Any]:
    """A frame of the camera's film: (96, 128, 3)."""
    return np.roll(paint(128, 96, 3).to_array(), 4 * at, axis=1)


def jpeg(pixels: np.ndarray[Any, Any]) -> bytes:
    data = io.BytesIO()
    Pillow.fromarray(pixels).save(data, "jpeg", quality=90)
    return data.getvalue()


def finish(page: Any) -> None:
    page.wait_for_function("document.body.dataset.finished > 0 || document.querySelector('#status.bad')")
    assert not page.query_selector("#status.bad"), page.inner_text("#status")


def saved(page: Any) -> np.ndarray[Any, Any]:
    """The picture as it is saved."""
    with page.expect_download() as download:
        page.click("#save")
    with Pillow.open(download.value.path()) as picture:
        return np.asarray(picture.convert("RGB"))


def give(page: Any, path: Path, to: str = "#file") -> None:
    page.evaluate("delete document.body.dataset.finished")
    page.set_input_files(to, str(path))
    finish(page)


def close(found: np.ndarray[Any, Any], wanted: atelier.Image) -> None:
    other = wanted.to_array()
    assert found.shape == other.shape
    off = np.abs(found.astype(int) - other)
    assert off.max() <= WITHIN and off.mean() <= MEAN, f"{off.max()} at the most, {off.mean():.3f} in the mean"


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("photo") / "photo.png"
    path.write_bytes(encode(paint(150, 110, 1), "png"))
    return path


def test_a_photo_is_painted_as_on_the_desktop_and_offline_too(browser: Any, site: Any, photo: Path) -> None:
    with visit(browser, site, "#style=great-wave&strength=0.7") as page:
        assert page.evaluate("crossOriginIsolated"), "the service worker isolates the page"
        assert page.get_attribute("body", "data-backend") == "wasm"
        give(page, photo)
        close(saved(page), atelier.stylize(photo, "great-wave", strength=0.7))
        page.wait_for_selector("body[data-kept]")
        page.context.set_offline(True)
        page.reload()
        page.wait_for_selector("body[data-ready]", state="attached")
        give(page, photo)
        close(saved(page), atelier.stylize(photo, "great-wave", strength=0.7))


def test_any_painting(browser: Any, site: Any, photo: Path, tmp_path: Path) -> None:
    painting = tmp_path / "painting.png"
    painting.write_bytes(encode(paint(90, 120, 2), "png"))
    with visit(browser, site, "?plain") as page:  # the runtime without WebGPU
        give(page, photo)
        page.evaluate("delete document.body.dataset.finished")
        page.set_input_files("#file-painting", str(painting))
        finish(page)
        close(saved(page), atelier.stylize(photo, painting, effort="fast"))


def test_a_photo_held_upright_is_upright_and_smaller_at_a_size(browser: Any, site: Any, tmp_path: Path) -> None:
    path = tmp_path / "turned.jpg"
    turned = Pillow.fromarray(paint(150, 700, 4).to_array())
    exif = Pillow.Exif()
    exif[0x0112] = 6
    turned.save(path, quality=95, subsampling=0, exif=exif)
    with visit(browser, site, "#style=udnie&size=512") as page:
        give(page, path)
        close(saved(page), atelier.stylize(path, "udnie", size=512, effort="fast"))


def test_two_styles_are_blended_and_strokes_made_larger(browser: Any, site: Any, photo: Path) -> None:
    with visit(browser, site, "#style=udnie:0.4,the-scream:0.6&strokes=0.5") as page:
        give(page, photo)
        wanted = atelier.stylize(photo, [("udnie", 0.4), ("the-scream", 0.6)], style_size=2**0.5, effort="fast")
        close(saved(page), wanted)


def test_the_gallery_is_painted_on_the_photo_by_keyboard_alone(browser: Any, site: Any, photo: Path) -> None:
    with visit(browser, site, viewport={"width": 390, "height": 844}) as page:
        give(page, photo)
        page.wait_for_selector("body[data-gallery]")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        page.focus("input[name=style]:checked")
        before = page.evaluate("document.querySelector('input[name=style]:checked').value")
        page.keyboard.press("ArrowRight")
        after = page.evaluate("document.querySelector('input[name=style]:checked').value")
        assert before != after and re.search(rf"style={after}\b", page.url)
        finish(page)


def test_what_is_no_picture_is_told(browser: Any, site: Any, tmp_path: Path) -> None:
    path = tmp_path / "no.png"
    path.write_text("not a picture")
    with visit(browser, site) as page:
        page.set_input_files("#file", str(path))
        page.wait_for_selector("#status.bad")
        assert "no picture" in page.inner_text("#status")


def test_the_camera_is_painted(browser: Any, site: Any) -> None:
    with visit(browser, site, permissions=["camera"]) as page:
        page.click("#camera")
        page.wait_for_function("document.getElementById('status').textContent.includes('frames a second')")
        first = saved(page)
        assert max(first.shape) == 128 and first.std() > 20
        moved = 0.0
        for _ in range(60):  # on a busy machine a frame takes its time
            page.wait_for_timeout(400)
            if (moved := float(np.abs(saved(page).astype(int) - first).mean())) > 1:
                break
        assert moved > 1
        page.click("#camera")
        page.wait_for_selector("#stage[data-state=empty]")
        assert page.evaluate("document.getElementById('video').srcObject") is None


def test_a_thing_stands_before_the_painted_camera(browser: Any, site: Any) -> None:
    with visit(browser, site, "ar.html#style=udnie", permissions=["camera"], viewport={"width": 300, "height": 400}) as page:
        page.click("#begin")
        page.wait_for_function("document.getElementById('painted').width === 128")
        before = page.evaluate("atelier.place.position.toArray()")
        page.focus("#scene")
        page.keyboard.press("ArrowRight")
        page.keyboard.press("+")
        assert page.evaluate("atelier.place.position.x") > before[0] and page.evaluate("atelier.place.scale.x") > 1
        page.wait_for_timeout(300)
        page.screenshot()  # what is drawn has been drawn
        assert page.evaluate("atelier.renderer.info.render.triangles") > 1000
        assert not page.is_visible("#enter")


IWER = Path(__file__).parent / "iwer/iwer.min.js"
DEVICE = "window.device = new IWER.XRDevice(IWER.metaQuest3); device.installRuntime({ forceInstall: true });"


def test_a_thing_is_placed_in_a_room(browser: Any, site: Any) -> None:
    """With iwer, which plays a headset."""
    with visit(browser, site, "ar.html", (IWER.read_text(encoding="utf-8"), DEVICE), viewport={"width": 300, "height": 200}) as page:
        page.evaluate("document.getElementById('enter').click()")  # it is drawn without a rest, and never stable
        page.wait_for_function("document.body.dataset.room === 'in' && atelier.room.pose")
        assert page.evaluate("atelier.renderer.xr.isPresenting")
        page.evaluate("atelier.room.put()")
        eyes, thing = page.evaluate("[[device.position.x, device.position.y, device.position.z], atelier.place.position.toArray()]")
        assert thing[2] < eyes[2] - 0.5, "it stands in front of the viewer"
        page.evaluate("device.position.set(0.5, 1.6, 0)")
        page.wait_for_function("atelier.room.pose.transform.position.x > 0.4")
        assert page.evaluate("atelier.place.position.toArray()") == thing, "and stays where it was put"
        page.evaluate("atelier.room.session.end()")
        page.wait_for_function("!document.body.dataset.room")
