"""A flat background stays as it is, with any engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import atelier
from atelier.cli import main
from atelier.errors import SettingError
from atelier.image import Image
from atelier.media import open_still, write_still
from atelier.progress import Progress
from atelier.request import Request, Style

RNG = np.random.default_rng(0)
Y, X = np.mgrid[:72, :96]
THING = np.hypot(Y - 36, X - 48) < 26
PHOTO = Image(np.where(THING[..., None], RNG.random((72, 96, 3)) * 0.6 + 0.2, 0.95).astype(np.float32))
PAINTING = Image(RNG.random((60, 80, 3), dtype=np.float32))
AROUND = np.hypot(Y - 36, X - 48) > 32


@pytest.mark.parametrize("engine", ["instant", "optimize"])
@pytest.mark.parametrize("more", [{}, {"masks": [Image(np.ones((72, 96, 3), np.float32))]}], ids=["all", "masks"])
def test_a_flat_background_stays(engine: str, more: dict[str, Any]) -> None:
    if engine == "optimize":
        pytest.importorskip("torch")
    way: dict[str, Any] = {} if engine == "instant" else {"iterations": 2, "coarse_iterations": 2}
    made = atelier.stylize(PHOTO, PAINTING, engine=engine, keep_flat=True, **way, **more)
    np.testing.assert_array_equal(made.pixels[AROUND], PHOTO.pixels[AROUND])
    assert np.abs(made.pixels - PHOTO.pixels)[THING].mean() > 0.02


def test_without_one_all_is_painted_and_that_is_said() -> None:
    notes: list[str] = []

    def report(progress: Progress) -> None:
        notes.append(progress.note)

    busy = Image(RNG.random((40, 50, 3), dtype=np.float32))
    made = atelier.stylize(busy, PAINTING, keep_flat=True, report=report)
    np.testing.assert_array_equal(made.pixels, atelier.stylize(busy, PAINTING).pixels)
    assert any("no flat background" in note for note in notes)
    with pytest.raises(SettingError, match="nothing to paint"):
        atelier.stylize(Image(np.full((40, 50, 3), 0.5, np.float32)), PAINTING, keep_flat=True)


def test_the_flag_and_its_request(tmp_path: Path) -> None:
    write_still(PHOTO, tmp_path / "photo.png")
    write_still(PAINTING, tmp_path / "painting.png")
    with pytest.raises(SystemExit) as end:
        main(["stylize", f"{tmp_path}/photo.png", "-s", f"{tmp_path}/painting.png", "-o", f"{tmp_path}/out.png", "--keep-flat", "-q"])
    assert not end.value.code
    out = open_still(tmp_path / "out.png")
    np.testing.assert_array_equal(out.to_array()[AROUND], open_still(tmp_path / "photo.png").to_array()[AROUND])
    assert '"keep_flat": true' in out.text["atelier"]
    request = Request("stylize", "a.png", (Style("b.png"),), keep_flat=True)
    assert Request.from_json(request.to_json()) == request
    with pytest.raises(SettingError, match="keep_flat"):
        Request("texture", None, (Style("b.png"),), keep_flat=True)
    with pytest.raises(SettingError, match="regions"):
        Request("stylize", "a.png", (Style("b.png", region="sky"),), keep_flat=True)
