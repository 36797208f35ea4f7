"""Paint one of scikit-image's free photos with one of the paintings beside this file: what `make demo` runs.

python examples/demo.py                     # the cat, as The Starry Night
python examples/demo.py coffee great-wave
python examples/demo.py rocket composition --size 512
"""

from __future__ import annotations

import argparse
import shlex
from importlib.util import find_spec
from pathlib import Path

from atelier.cli import main as atelier

PHOTOS = {"cat": "chelsea.png", "astronaut": "astronaut.png", "coffee": "coffee.png", "rocket": "rocket.jpg"}
"""Files that come inside scikit-image's wheel, so nothing is downloaded for them."""
STYLES = Path(__file__).parent / "styles"


def photo_path(name: str) -> Path:
    """Where the installed scikit-image keeps a photo. The package is only located, not imported."""
    spec = find_spec("skimage")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit("the demo's photos come with scikit-image: pip install 'atelier[demo]', or use `make demo`")
    return Path(spec.submodule_search_locations[0]) / "data" / PHOTOS[name]


def main() -> None:
    styles = sorted(path.stem for path in STYLES.glob("*.jpg"))
    parser = argparse.ArgumentParser(description="Paint a free photo with a painting that ships.")
    parser.add_argument("photo", nargs="?", default="cat", choices=PHOTOS)
    parser.add_argument("style", nargs="?", default="starry-night", choices=styles or None)
    parser.add_argument("--size", help="long side in px (default: the photo's own)")
    given = parser.parse_args()

    made = []
    for engine in ("instant", "optimize"):
        target = Path("demo") / f"{given.photo}-{given.style}{'-at-once' if engine == 'instant' else ''}.jpg"
        target.parent.mkdir(exist_ok=True)
        command = ["stylize", str(photo_path(given.photo)), "--style", str(STYLES / f"{given.style}.jpg"), "--out", str(target)]
        command += ["--engine", engine, *(["--size", given.size] if given.size else [])]
        print("\natelier", shlex.join(command), flush=True)
        atelier_finished(command)
        made.append(target.resolve())
    print(f"\nYour picture, painted at once by a trained network: {made[0]}\nand by optimisation: {made[1]}")


def atelier_finished(command: list[str]) -> None:
    """Run a command of the command line; it exits by itself only where something went wrong or was stopped."""
    try:
        atelier(command)
    except SystemExit as exit:
        if exit.code:
            raise


if __name__ == "__main__":
    main()
