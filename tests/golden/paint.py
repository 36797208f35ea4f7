"""Paint the cases: `python tests/golden/paint.py [FOLDER]`, by default over the expected pictures.

With a folder of its own it serves to compare two versions bit for bit on one machine: paint with both, then `diff -r` the folders.
Over the expected pictures only for a change that is meant to move them; say in the commit which moved and why.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

HERE = Path(__file__).parent
EXPECTED = HERE / "pictures"


@contextmanager
def frozen() -> Iterator[None]:
    """The frozen networks in place of those that ship, and no styles of one's own."""
    from atelier.engines.network import catalogue

    def forget() -> None:
        catalogue.shipped.cache_clear()
        catalogue.left_as_it_is.cache_clear()

    given = {"ATELIER_MODELS": str(HERE / "networks"), "ATELIER_STYLES": str(HERE / "none")}
    with mock.patch.dict(os.environ, given):
        forget()
        try:
            yield
        finally:
            forget()


def main(folder: Path) -> None:
    from cases import CASES

    import atelier

    folder.mkdir(exist_ok=True)
    with frozen():
        for name, paint in CASES.items():
            picture = atelier.Image(paint().pixels)  # without the words in it, which hold paths
            atelier.save(picture, folder / f"{name}.png", depth=16)
            print(name)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else EXPECTED)
