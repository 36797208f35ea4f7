"""How long the studio takes, in Chromium: to its first page, from a phone's photo to its picture and to the whole gallery, from a slider to
the picture painted anew.

python benchmarks/studio.py [--repeats 3]

Needs Debian's chromium and the Python package playwright.
"""

from __future__ import annotations

import contextlib
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as Pillow
from playwright.sync_api import Page, sync_playwright

import pairs

PHONE = (4032, 3024)
SEEN = """(marks) => document.querySelector('.stage .after')?.complete && document.querySelector('.stage .after').src.match(/now|hung/)
  && document.querySelector('.stage .after').src !== marks"""
ALL = "document.querySelectorAll('.card').length > 3 && !document.querySelectorAll('.card.due').length"
SETTLED = "document.querySelector('.stage .files a') && document.querySelector('.stage .after').src.includes('/hung/')"


def phone_photo(folder: Path) -> Path:
    """A photo of 12 megapixels with the detail and the noise of one."""
    rows, columns = np.mgrid[0 : PHONE[1] : 4, 0 : PHONE[0] : 4].astype(np.float32)
    waves = [np.sin(columns / (40 + 9 * each) + rows / (31 - 5 * each)) for each in range(3)]
    small = np.stack([127 + 90 * wave for wave in waves], -1).clip(0, 255).astype(np.uint8)
    large = np.asarray(Pillow.fromarray(small).resize(PHONE, Pillow.Resampling.BICUBIC), np.int16)
    noise = np.random.default_rng(0).integers(-7, 8, large.shape, np.int16)
    path = folder / "phone.jpg"
    Pillow.fromarray((large + noise).clip(0, 255).astype(np.uint8)).save(path, quality=90)
    return path


@contextlib.contextmanager
def serving() -> Any:
    """A studio; its address, and when it was started."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    began = time.perf_counter()
    command = [sys.executable, "-m", "atelier", "studio", "--headless", "--port", str(port)]
    served = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield port, began
    finally:
        served.terminate()
        served.wait(30)


def open_page(page: Page, port: int) -> None:
    """Go to the first page as soon as there is one."""
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.2):
            break
        time.sleep(0.005)
    page.goto(f"http://127.0.0.1:{port}/", wait_until="commit")


def measure(page: Page, photo: Path) -> dict[str, float]:
    """Seconds of one start, and of what follows."""
    found = {}
    with serving() as (port, began):
        open_page(page, port)
        page.wait_for_function("document.querySelector('.gallery img')?.complete && document.querySelectorAll('.gallery img').length > 3")
        found["start to gallery visible"] = time.perf_counter() - began
        page.wait_for_selector(".part-gallery .card")
        found["start to gallery that answers"] = time.perf_counter() - began
        page.wait_for_function(SETTLED)
        page.wait_for_function(ALL)
        before, now = page.locator(".stage .after").get_attribute("src"), time.perf_counter()
        page.locator(".door input[type=file]").set_input_files(photo)
        page.wait_for_function(SEEN, arg=page.evaluate("(src) => new URL(src, location).href", before))
        found["drop of 12 megapixels to picture"] = time.perf_counter() - now
        page.wait_for_function(ALL)
        found["drop to the whole gallery"] = time.perf_counter() - now
        page.wait_for_function(SETTLED)
        slider = page.get_by_role("slider", name="Strength")
        slider.focus()
        moves = []
        for _ in range(5):
            before, now = page.evaluate("document.querySelector('.stage .after').src"), time.perf_counter()
            page.keyboard.press("ArrowLeft")
            page.wait_for_function(SEEN, arg=before)
            moves.append(time.perf_counter() - now)
            page.wait_for_function(SETTLED)
        found["slider to picture"] = statistics.median(moves)
    return found


def main() -> None:
    options = pairs.parser(__doc__ or "")
    options.add_argument("--repeats", type=int, default=3)
    arguments = options.parse_args()
    repeats = 1 if arguments.quick else arguments.repeats
    rows = []
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        photo = phone_photo(Path(folder))
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for _ in range(repeats):
            context = browser.new_context(viewport={"width": 1280, "height": 860}, locale="en-US")
            page = context.new_page()
            page.goto("about:blank")
            rows.append(measure(page, photo))
            context.close()
        browser.close()
    print(f"| studio, {repeats} starts | median s | least s |\n|---|---|---|")
    for name in rows[0]:
        values = [row[name] for row in rows]
        print(f"| {name} | {statistics.median(values):.2f} | {min(values):.2f} |")


if __name__ == "__main__":
    main()
