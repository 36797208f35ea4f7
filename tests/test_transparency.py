"""What lies under full transparency changes nothing that is seen, whatever paints."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

import atelier
from atelier import run
from atelier.errors import SettingError
from atelier.image import Image
from atelier.media import open_still, write_still
from atelier.request import Request, Style
from atelier.run import job

RNG = np.random.default_rng(0)
Y, X = np.mgrid[:72, :96].astype(np.float32)
ALPHA = (np.hypot(Y - 36, X - 48) < 30).astype(np.float32)
SEEN = np.stack([X / 96, Y / 72, 0.4 + 0.2 * np.sin(X / 5)], axis=2).astype(np.float32)
PAINTING = Image(RNG.random((80, 100, 3), dtype=np.float32))


def photo(hidden: np.ndarray) -> Image:
    return Image(np.where(ALPHA[..., None] > 0, SEEN, hidden).astype(np.float32), ALPHA)


HIDDEN = [np.zeros(3, np.float32), np.ones(3, np.float32), RNG.random((72, 96, 3), dtype=np.float32)]
WAYS: list[dict[str, Any]] = [
    {"engine": "instant"},
    {"engine": "instant", "color": "photo"},
    {"engine": "instant", "color": "gray"},
    {"engine": "optimize", "iterations": 2, "coarse_iterations": 2},
    {"engine": "optimize", "iterations": 2, "coarse_iterations": 2, "color": "match", "size": 64},
]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: " ".join(map(str, way.values())))
def test_hidden_pixels_change_nothing_that_is_seen(way: dict[str, Any]) -> None:
    if way["engine"] == "optimize":
        pytest.importorskip("torch")
    first, *others = (atelier.stylize(photo(hidden), PAINTING, **way) for hidden in HIDDEN)
    assert first.alpha is not None
    seen = first.alpha > 0.002
    for other in others:
        np.testing.assert_array_equal(other.alpha, first.alpha)
        np.testing.assert_array_equal(other.pixels[seen], first.pixels[seen])


def test_hidden_pixels_change_no_drawing() -> None:
    first, *others = (atelier.draw(photo(hidden), count=6, seed=1) for hidden in HIDDEN)
    for other in others:
        assert other.marks == first.marks


@pytest.mark.parametrize("engine", ["instant", "optimize"])
def test_a_result_may_be_gray(engine: str) -> None:
    if engine == "optimize":
        pytest.importorskip("torch")
    way: dict[str, Any] = {} if engine == "instant" else {"iterations": 2, "coarse_iterations": 2}
    made = atelier.stylize(Image(SEEN), PAINTING, engine=engine, color="gray", **way)
    assert np.ptp(made.pixels, axis=2).max() == 0
    assert made.pixels.std() > 0.01
    with pytest.raises(SettingError, match="color_method"):
        atelier.stylize(Image(SEEN), PAINTING, engine=engine, color="gray", color_method="transport", **way)


def test_hidden_pixels_change_nothing_of_a_photo_that_is_not_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job, "HELD_PIXELS", 0)
    write_still(PAINTING, tmp_path / "painting.png")
    made = []
    for at, hidden in enumerate(HIDDEN):
        source = photo(hidden).to_array()
        tifffile.imwrite(tmp_path / f"{at}.tif", source, photometric="rgb", extrasamples=["unassalpha"], tile=(32, 32))
        request = Request("stylize", str(tmp_path / f"{at}.tif"), (Style(str(tmp_path / "painting.png")),))
        assert run.make(request, run.Outputs(str(tmp_path / f"out{at}.tif"))).size == (96, 72)
        made.append(open_still(tmp_path / f"out{at}.tif").to_array().astype(int))
    seen = made[0][..., 3] > 0
    for other in made[1:]:
        np.testing.assert_array_equal(other[seen], made[0][seen])
