"""Make docs/gallery anew: every picture and the page that says how each was made.

    python examples/gallery.py                  # all of it
    python examples/gallery.py coffee-strokes   # some

All of it takes VGG-19's weights (`atelier weights pull vgg19`) and half an hour. The photos are scikit-image's, the styles those
beside this file, so all of it may be published.
"""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import tempfile
from pathlib import Path

from demo import PHOTOS, STYLES, atelier_finished, photo_path

GALLERY = Path(__file__).resolve().parents[1] / "docs" / "gallery"
COMMANDS = {
    "cat-starry-night": "stylize cat.png --style starry-night.jpg --engine optimize",
    "cat-starry-night-quality": "stylize cat.png --style starry-night.jpg --recipe quality --size 512",
    "coffee-great-wave": "stylize coffee.png --style great-wave.jpg --size 480 --engine optimize",
    "astronaut-the-scream": "stylize astronaut.png --style the-scream.jpg --size 480 --engine optimize",
    "rocket-composition": "stylize rocket.jpg --style composition.jpg --size 480 --engine optimize",
    "cat-starry-night-instant": "stylize cat.png --style starry-night --effort fast",
    "astronaut-the-scream-instant": "stylize astronaut.png --style the-scream.jpg --effort fast",
    "cat-composition-instant": "stylize cat.png --style composition-vii --style-size 2 --effort fast",
    "rocket-from-one-to-another": "stylize rocket.jpg --style the-scream --style starry-night"
    " --blend horizontal --style-size 2 --effort fast",
    "coffee-strokes": "draw coffee.png --shape stroke --count 600 --alpha 0 --size 480",
    "cat-ellipses": "draw cat.png --shape rotated-ellipse --count 300",
    "rocket-triangles": "draw rocket.jpg --count 250 --density saliency --size 480",
    "astronaut-palette": "draw astronaut.png --shape polygon --count 400 --alpha 0 --palette the-scream.jpg --size 480",
}
PAGE = """# Gallery

Made by `python examples/gallery.py` from photos that come with scikit-image (`cat.png` is its `chelsea.png`) and the styles in
`examples/styles`, which `atelier texture` made of public-domain paintings.
"""


def main() -> None:
    chosen = sys.argv[1:] or list(COMMANDS)
    with tempfile.TemporaryDirectory() as folder:
        for name, file in PHOTOS.items():
            shutil.copy(photo_path(name), Path(folder) / f"{name}{Path(file).suffix}")
        for style in STYLES.glob("*.jpg"):
            shutil.copy(style, folder)
        os.chdir(folder)  # so that the commands are those of the page, and the pictures say so
        for name in chosen:
            atelier_finished([*shlex.split(COMMANDS[name]), "--out", f"{name}-out.jpg", "--quality", "88"])
            shutil.move(f"{name}-out.jpg", GALLERY / f"{name}.jpg")
    parts = [f"\n![{name}]({name}.jpg)\n\n```sh\natelier {command} --out {name}.jpg\n```\n" for name, command in COMMANDS.items()]
    (GALLERY / "README.md").write_text(PAGE + "".join(parts), encoding="utf-8")


if __name__ == "__main__":
    main()
