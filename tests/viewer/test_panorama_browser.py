"""The page of a panorama in Chromium: what is ahead, and what is there after one has turned."""

from __future__ import annotations

import io
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from atelier.image import Image, encode
from atelier.viewer.panorama import panorama_page

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
pytestmark = [pytest.mark.system, pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")]


def test_one_looks_around(tmp_path: Path) -> None:
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    pixels = np.zeros((128, 256, 3), np.float32)
    pixels[:, 64:192, 0] = 1  # red ahead
    pixels[:, 192:, 1] = 1  # green to the right and behind
    pixels[:, :64, 2] = 1  # blue to the left and behind
    place = tmp_path / "around.html"
    place.write_text(panorama_page("<b>", encode(Image(pixels), "jpg", quality=95)), encoding="utf-8")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--use-gl=swiftshader", "--enable-unsafe-swiftshader"]
        )
        page = browser.new_page(viewport={"width": 320, "height": 240}, reduced_motion="reduce")
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(place.as_uri())
        page.wait_for_selector("html[data-ready]", state="attached")
        assert page.title() == "<b>"

        def middle() -> np.ndarray:
            page.wait_for_timeout(400)
            shown = np.asarray(Pillow.open(io.BytesIO(page.screenshot())).convert("RGB")).astype(int)
            return shown[110:130, 150:170].reshape(-1, 3).mean(0)

        assert np.argmax(middle()) == 0
        page.focus("#view")
        for _ in range(20):
            page.keyboard.press("ArrowRight")
        assert np.argmax(middle()) == 1
        for _ in range(40):
            page.keyboard.press("ArrowLeft")
        assert np.argmax(middle()) == 2
        assert errors == []
        browser.close()
