"""The page in the browser, measured in Chromium: start-up, frames a second, a photo, the gallery.

python benchmarks/web.py                     # all of it, about a minute
python benchmarks/web.py --quick             # fewer frames
python benchmarks/web.py --threads 1 --plain # the runtime without WebGPU, on one thread

Needs Debian's `chromium` and `pip install playwright`. The camera is Chromium's fake device, fed from a photo. Threads are WebAssembly's.
"""

from __future__ import annotations

import argparse
import io
import itertools
import shutil
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image as Pillow

from atelier.web import open_preview, write_page

PHOTO = Path(__file__).resolve().parents[1] / "src/atelier/web/static/cat.jpg"
SIDES = (256, 320, 384)
WARM = 8
"""Frames before those that are counted."""

FRAMES = """async ([style, width, height, count]) => {
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const bitmap = await createImageBitmap(await (await fetch("cat.jpg")).blob());
  const { Client } = await import("./client.js");
  const client = new Client();
  const { threads, backend } = await client.ask("settle", %s);
  const wanted = [{ style, weight: 1 }];
  const times = [];
  for (let at = 0; at < count; at++) {
    context.drawImage(bitmap, -at, 0, width + 40, height);
    const image = context.getImageData(0, 0, width, height);
    await client.ask("frame", { image, wanted, strength: 1, key: "film" });
    times.push(performance.now());
  }
  client.worker.terminate();
  return { times, threads, backend };
}"""


@contextmanager
def opened(folder: Path) -> Iterator[tuple[Any, str]]:
    """Chromium, and the page's address."""
    from playwright.sync_api import sync_playwright

    data = io.BytesIO()
    with Pillow.open(PHOTO) as photo:
        photo.resize((640, 426)).save(data, "jpeg")
    film = folder / "camera.mjpeg"
    film.write_bytes(data.getvalue())
    fake = ["--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream", f"--use-file-for-fake-video-capture={film}"]
    with open_preview(write_page(folder / "page")) as server, sync_playwright() as playwright:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox", *fake])
        yield browser, f"http://localhost:{server.server_port}/"
        browser.close()
        server.shutdown()


def start_up(context: Any, address: str) -> tuple[float, float, float]:
    """Seconds to the page (gallery shown), to the first painted preview of a photo, and to the gallery painted."""
    page = context.new_page()
    began = time.perf_counter()
    page.goto(address)
    page.wait_for_function("document.querySelectorAll('.tile canvas').length > 8 && document.body.dataset.ready")
    shown = time.perf_counter() - began
    began = time.perf_counter()
    page.set_input_files("#file", str(PHOTO))
    page.wait_for_function("document.body.dataset.finished > 0")
    painted = time.perf_counter() - began
    page.wait_for_function("document.body.dataset.gallery")
    gallery = time.perf_counter() - began
    page.wait_for_function("document.body.dataset.kept")
    page.close()
    return shown, painted, gallery


def frames(context: Any, address: str, style: str, side: int, count: int, settings: str) -> str:
    """Frames a second of a camera's picture of 4:3 with this long side, in the worker as the page has it."""
    page = context.new_page()
    page.goto(address)
    page.wait_for_selector("body[data-ready]", state="attached")
    page.wait_for_timeout(1500)  # what it opens beforehand has been opened
    found = page.evaluate(FRAMES % settings, [style, side, side * 3 // 4, WARM + count])
    page.close()
    times = found["times"][WARM:]
    gaps = [later - before for before, later in itertools.pairwise(times)]
    rate = 1000 * len(gaps) / (times[-1] - times[0])
    return f"{rate:5.1f} frames/s, median {statistics.median(gaps):4.0f} ms, {found['threads']} threads, {found['backend']}"


def camera(context: Any, address: str) -> str:
    """What the page itself says of its camera."""
    page = context.new_page()
    page.goto(address)
    page.wait_for_selector("body[data-ready]", state="attached")
    page.click("#camera")
    page.wait_for_function("document.getElementById('status').textContent.includes('frames a second')")
    page.wait_for_timeout(4000)
    said = str(page.inner_text("#status"))
    page.close()
    return said


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--quick", action="store_true", help="fewer frames")
    parser.add_argument("--threads", type=int, default=2, help="WebAssembly's threads (default: 2)")
    parser.add_argument("--plain", action="store_true", help="the runtime without WebGPU")
    parser.add_argument("--style", default="starry-night")
    given = parser.parse_args()
    settings = f"{{ backend: 'wasm', threads: {given.threads}, plain: {str(given.plain).lower()} }}"
    query = f"?backend=wasm&threads={given.threads}{'&plain' if given.plain else ''}"
    with tempfile.TemporaryDirectory() as name, opened(Path(name)) as (browser, address):
        context = browser.new_context(permissions=["camera"])
        context.set_default_timeout(120_000)
        for visit in ("first visit", "from then on"):
            shown, painted, gallery = start_up(context, address + query)
            print(
                f"{visit:14} page {shown:5.2f} s   photo of 451x300 {painted:5.2f} s   gallery of 16 {gallery:5.2f} s",
                flush=True,
            )
        for side in SIDES[:1] if given.quick else SIDES:
            told = frames(context, address + query, given.style, side, 10 if given.quick else 40, settings)
            print(f"{side:4} x {side * 3 // 4} px     {told}", flush=True)
        print(f"camera, 256 px  {camera(context, address + query)}")


if __name__ == "__main__":
    main()
