"""Pictures that earlier versions made can be made once more, for ever, whatever options are called by now."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from atelier import run
from atelier.media import open_still

EARLIER = Path(__file__).parent / "data" / "earlier"
SAME = {"optimised": 0.03, "gatys": 0.03, "texture": 0.01, "reconstructed": 0.03, "drawn": 1e-6}
"""How far a picture may be off in the mean, of [0, 1]: the order of sums differs from machine to machine, and a step of Adam goes by
signs."""
TRAINED = ("named", "any", "regions")
"""The trained networks ship anew now and then, and the same request then makes another picture."""
LIKE = 0.15
"""How far such a picture may be off in the mean: it is of the same photo in the same style."""


@pytest.mark.parametrize("name", [*SAME, *TRAINED])
def test_pictures_of_earlier_versions_are_made_again(name: str, tmp_path: Path) -> None:
    shutil.copytree(EARLIER, tmp_path / "earlier")
    picture = tmp_path / "earlier" / f"{name}.png"
    made = run.redo(str(picture), run.Outputs(str(tmp_path / "again.png")))
    before, again = open_still(picture), open_still(tmp_path / "again.png")
    assert made.finished and again.size == before.size
    off = np.abs(again.pixels - before.pixels)
    assert off.mean() <= (LIKE if name in TRAINED else SAME[name])


def test_a_drawing_of_an_earlier_version_too(tmp_path: Path) -> None:
    shutil.copytree(EARLIER, tmp_path / "earlier")
    run.redo(str(tmp_path / "earlier" / "drawn.json"), run.Outputs(str(tmp_path / "again.json")))
    before, again = (json.loads(path.read_text()) for path in (EARLIER / "drawn.json", tmp_path / "again.json"))
    assert again["shapes"] == before["shapes"]
