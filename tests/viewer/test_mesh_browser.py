"""The page of a painted mesh in Chromium: it is seen as it was painted, and turns by hand."""

from __future__ import annotations

import io
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow

trimesh: Any = pytest.importorskip("trimesh", reason="needs atelier[mesh]")

from atelier.run.solid.painting import PaintedMesh
from atelier.run.solid.sink import write_page
from atelier.solid.model import Model, Piece, Placed

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
pytestmark = [pytest.mark.system, pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")]
RED, BLUE = (0.9, 0.1, 0.1), (0.1, 0.1, 0.9)


def half_and_half() -> PaintedMesh:
    """A ball that is red in front (+z) and blue behind."""
    ball = trimesh.creation.icosphere(subdivisions=3)
    points, faces = np.asarray(ball.vertices), np.asarray(ball.faces, np.int32)
    corners = points[faces].reshape(-1, 3)
    front = np.repeat(points[faces].mean(1)[:, 2] > 0, 3)
    uv = np.stack([np.where(front, 0.25, 0.75), np.full(len(front), 0.5)], 1)
    piece = Piece("ball", corners, np.arange(len(corners), dtype=np.int32).reshape(-1, 3), uv)
    texture = np.zeros((64, 64, 3), np.float32)
    texture[:, :32], texture[:, 32:] = RED, BLUE
    return PaintedMesh(Model((piece,), (Placed(0, np.eye(4)),)), texture)


def test_a_mesh_is_seen_as_it_was_painted_and_turns(tmp_path: Path) -> None:
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    place = tmp_path / "look.html"
    write_page(half_and_half(), str(place), "<b>.glb")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--use-gl=swiftshader", "--enable-unsafe-swiftshader"]
        )
        page = browser.new_page(viewport={"width": 320, "height": 240}, reduced_motion="reduce")
        errors: list[str] = []
        asked: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(place.as_uri())
        page.wait_for_selector("html[data-ready]", state="attached", timeout=120_000)
        assert page.title() == "<b>.glb"

        def middle() -> Any:
            shown = np.asarray(Pillow.open(io.BytesIO(page.screenshot(timeout=120_000))).convert("RGB"))
            return shown[110:130, 150:170].reshape(-1, 3).mean(0) / 255

        def wait_for(color: tuple[float, float, float]) -> None:
            for _ in range(100):
                if np.abs(middle() - color).max() < 0.03:
                    return
                page.wait_for_timeout(100)
            assert middle() == pytest.approx(color, abs=0.03)

        wait_for(RED)  # no light falls on it: the very colour of the texture
        # half a turn is as far across the canvas as half of its height
        page.mouse.move(280, 120)
        page.mouse.down()
        page.mouse.move(160, 120, steps=6)
        page.mouse.up()
        wait_for(BLUE)
        assert errors == []
        assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []
        browser.close()
