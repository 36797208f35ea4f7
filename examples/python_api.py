"""The Python face in a few calls.

    python examples/python_api.py photo.jpg painting.jpg other-painting.jpg

Sizes are small, so that the whole file runs in well under a minute or two on a laptop; leave `size` out for the photo's own.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np

import atelier


def main(photo: str, painting: str, other: str) -> None:
    out = Path("demo")
    out.mkdir(exist_ok=True)

    # A photo and a painting, by path or URL.
    atelier.save(atelier.stylize(photo, painting, size=256), out / "simple.png")

    # Any setting of `atelier recipes --json` by name: here larger strokes, and more of the photo kept.
    atelier.save(atelier.stylize(photo, painting, size=256, style_size=1.5, content_weight=3.0), out / "calmer.png")

    # Several paintings, with weights.
    atelier.save(atelier.stylize(photo, [(painting, 0.7), (other, 0.3)], size=256), out / "blend.png")

    # Arrays in, arrays out: uint8, uint16, or floats in [0, 1]; grey, RGB or RGBA.
    ramp = np.linspace(0, 1, 128 * 128 * 3, dtype=np.float32).reshape(128, 128, 3)
    painted = atelier.stylize(ramp, painting, iterations=20)
    print("float32", painted.pixels.shape, "and as bytes", painted.to_array().dtype)

    # The two halves of the method, alone.
    atelier.save(atelier.texture(painting, width=192, height=128), out / "texture.png")
    atelier.save(atelier.reconstruct(photo, "conv3_1", size=192, iterations=50), out / "inside.png")

    # A report hears how it goes. One that raises Cancelled stops the work, and the picture so far is the answer.
    deadline = time.monotonic() + 10

    def report(progress: atelier.Progress) -> None:
        if progress.step % 10 == 0:
            print(progress.stage, f"{progress.step}/{progress.of}", {k: round(v, 3) for k, v in progress.losses.items()})
        if time.monotonic() > deadline:
            raise atelier.Cancelled("ten seconds are enough")

    atelier.save(atelier.stylize(photo, painting, size=256, iterations=1000, report=report), out / "ten-seconds.png")

    # Everything that can go wrong on purpose is an AtelierError, whose message says what to do.
    try:
        atelier.stylize(photo, painting, style_layers="conv6_1")
    except atelier.AtelierError as error:
        print("as expected:", error)


if __name__ == "__main__":
    if len(sys.argv) != 4:
        raise SystemExit(__doc__)
    main(*sys.argv[1:])
