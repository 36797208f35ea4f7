"""Which style goes where in a film: what was found moves with the picture, what was given stays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from atelier.engines.guide import Guide
from atelier.errors import SettingError
from atelier.image import Image
from atelier.media import write_still
from atelier.media.films import open_film
from atelier.perception.motion import Motion
from atelier.request import Outputs, Request, Style
from atelier.run import make
from atelier.run.film.guides import Find, Guides, snapped
from filming import make_film, moving

pytest.importorskip("av")
pytest.importorskip("cv2")
LEFT = np.zeros((1, 24, 32), np.float32)
LEFT[:, :, 8:16] = 1
GREY = np.full((24, 32, 3), 0.5, np.float32)


def motion(dx: float) -> Motion:
    plane = np.ones((12, 16), np.float32)
    return Motion(np.full((12, 16, 2), (-dx, 0), np.float32), plane, plane * 0, False, (32, 24))


def test_what_was_found_moves_with_the_picture() -> None:
    guides = Guides(Guide(LEFT), Find(lambda image, time: Guide(1 - LEFT)))
    moved = guides.follow(Guide(LEFT), motion(2), GREY, 0.0).regions  # 4 px of the picture
    assert moved[0, 12, 13:19].min() > 0.99 and moved[0, 12, :11].max() < 0.01 and moved[0, 12, 21:].max() < 0.01
    assert np.array_equal(Guides(Guide(LEFT)).follow(Guide(LEFT), motion(2), GREY, 0.0).regions, LEFT)


def test_its_border_goes_to_that_of_the_picture() -> None:
    rng = np.random.default_rng(0)
    picture = (np.array([0.2, 0.3, 0.3]) + 0.02 * rng.random((96, 128, 3))).astype(np.float32)
    picture[20:76, 40:90] = np.array([0.9, 0.5, 0.1]) + 0.02 * rng.random((56, 50, 3))
    plane = np.zeros((96, 128), np.float32)
    plane[20:76, 36:86] = 1  # four px behind
    found = snapped(plane, picture)
    assert found[30:66, 87].min() > 0.7 > 0.3 > found[30:66, 38].max()


def test_a_cut_finds_it_anew_or_takes_the_first() -> None:
    image = Image(np.zeros((24, 32, 3), np.float32))

    def nothing(image: Image, time: float) -> Guide:
        raise SettingError("regions", "empty")

    assert np.array_equal(Guides(Guide(LEFT), Find(lambda image, time: Guide(1 - LEFT))).begin(image, 0.0).regions, 1 - LEFT)
    assert np.array_equal(Guides(Guide(LEFT), Find(nothing)).begin(image, 0.0).regions, LEFT)
    assert np.array_equal(Guides(Guide(LEFT), Find(lambda image, time: Guide(np.repeat(LEFT, 2, 0)))).begin(image, 0.0).regions, LEFT)


def painted_columns(source: Path, target: Path, **more: Any) -> list[Any]:
    """Of each frame, how much its columns were changed."""
    make(Request("stylize", str(source), (Style("starry-night"),), feather=1.0, **more), Outputs(str(target), quality=100))
    both = zip(open_film(str(source)).moments(), open_film(str(target)).moments(), strict=True)
    return [np.abs(a.pixels - b.pixels).mean((0, 2)) for a, b in both]


def test_a_mask_is_for_all_of_a_film_and_leaves_the_rest(tmp_path: Path) -> None:
    source = make_film(tmp_path / "in.mp4", moving(5, (96, 64), (3, 0)), options={"crf": "1"})
    mask = np.zeros((64, 96, 3), np.float32)
    mask[:, :40] = 1
    write_still(Image(mask), tmp_path / "mask.png")
    columns = painted_columns(source, tmp_path / "out.mp4", masks=(str(tmp_path / "mask.png"),))
    assert all(each[4:34].mean() > 4 * each[50:].mean() for each in columns)


@pytest.mark.parametrize("temporal", ["off", "fast"])
def test_a_mask_for_each_frame(temporal: str, tmp_path: Path) -> None:
    source = make_film(tmp_path / "in.mp4", moving(4, (96, 64), (0, 0)), options={"crf": "1"})
    for at in range(3):  # the last one counts for the frame after it as well
        mask = np.zeros((64, 96, 3), np.float32)
        mask[:, : 48 if at < 2 else 0] = 1
        write_still(Image(mask), tmp_path / f"mask{at}.png")
    columns = painted_columns(source, tmp_path / "out.mp4", masks=(str(tmp_path / "mask%d.png"),), temporal=temporal)
    assert columns[0][4:40].mean() > 4 * columns[0][56:].mean()
    assert columns[3][4:40].mean() < 0.25 * columns[0][4:40].mean()
