"""Comparing pictures: numbers against closed forms and an independent way, maps, and the command."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

import atelier
from atelier.errors import SettingError, TargetError
from atelier.image import Image, encode
from atelier.image.spaces import lab_from_srgb
from atelier.judging.difference import color_distances, difference, in_words, legend, map_of, scale_of, side_by_side

Ended = tuple[int, str, str]
Command = Callable[..., Ended]


def even(*color: float, size: tuple[int, int] = (16, 12)) -> Image:
    return Image(np.broadcast_to(np.array(color, np.float32), (size[1], size[0], 3)).copy())


# Numbers --------------------------------------------------------------------------------------------------------------


def test_psnr_of_an_even_difference() -> None:
    found = difference(even(0.5, 0.5, 0.5), even(0.4, 0.5, 0.5))
    assert found.psnr == pytest.approx(10 * math.log10(3 / 0.1**2), rel=1e-5)


def test_delta_e_of_known_colors() -> None:
    """CIELAB of sRGB red, green, black and white, D65, as colour tables have them."""
    red, green = even(1, 0, 0), even(0, 1, 0)
    expected = math.dist((53.24, 80.09, 67.20), (87.73, -86.18, 83.18))
    assert difference(red, green).color == pytest.approx(expected, abs=0.05)
    assert difference(even(0, 0, 0), even(1, 1, 1)).color == pytest.approx(100, abs=1e-3)


def test_shares_of_pixels() -> None:
    pixels = np.full((10, 40, 3), 0.5, np.float32)
    changed = pixels.copy()
    changed[:, :4] = 0.9  # a tenth
    found = difference(Image(changed), Image(pixels))
    assert found.noticed == pytest.approx(0.1)
    assert found.color_95 > 20
    changed[:, 1:] = 0.5  # a fortieth is not among the 95 %
    assert difference(Image(changed), Image(pixels)).color_95 < 1e-3
    barely = difference(Image(pixels + np.float32(0.005)), Image(pixels))
    assert barely.noticed == 0
    assert barely.color > 0


def test_the_same_picture_and_a_small_one(picture: Callable[..., Image]) -> None:
    image = picture(24, 20)
    found = difference(image, image)
    assert (found.psnr, found.color, found.noticed) == (math.inf, 0, 0)
    assert found.ssim == pytest.approx(1)
    assert json.loads(found.to_json(picture="a"))["psnr"] is None
    assert "same" in in_words(found)
    assert difference(even(0, 0, 0, size=(20, 10)), even(1, 1, 1, size=(20, 10))).ssim is None
    with pytest.raises(SettingError, match="24x20 and 24x21"):
        difference(image, picture(24, 21))


def test_ssim_falls_as_noise_grows(picture: Callable[..., Image]) -> None:
    image, rng = picture(40, 32), np.random.default_rng(0)
    noise = rng.standard_normal(image.pixels.shape).astype(np.float32)
    noisy = [Image((image.pixels + strength * noise).clip(0, 1)) for strength in (0.02, 0.1, 0.3)]
    found = [difference(each, image) for each in noisy]
    assert found[0].ssim > found[1].ssim > found[2].ssim  # type: ignore[operator]
    assert found[0].psnr > found[1].psnr > found[2].psnr


# Maps -----------------------------------------------------------------------------------------------------------------


def test_a_map_is_lighter_where_more_differs() -> None:
    ramp = map_of(np.linspace(0, 12, 60, dtype=np.float32)[None], 10.0)
    lightness = lab_from_srgb(ramp.pixels)[0, :, 0]
    assert lightness[0] < 8
    assert lightness[-1] > 95
    assert (np.diff(lightness[:50]) > 0).all()
    assert np.array_equal(ramp.pixels[0, 51], ramp.pixels[0, -1])  # beyond the scale all is alike


def test_scales_are_round_and_hold_nearly_all() -> None:
    assert scale_of([np.full((10, 10), 2.4, np.float32)]) == 3
    assert scale_of([np.full((10, 10), 0.1, np.float32), np.full((10, 10), 61.0, np.float32)]) == 70
    assert scale_of([np.zeros((10, 10), np.float32)]) == 1
    few = np.zeros((100, 100), np.float32)
    few[0, :10] = 80  # a thousandth
    assert scale_of([few]) == 1
    assert legend((10, 10), 5).size == (64, 40)


def test_distances_are_per_pixel() -> None:
    a, b = even(0.2, 0.4, 0.6).pixels.copy(), even(0.2, 0.4, 0.6).pixels.copy()
    b[3, 5] = 1.0
    apart = color_distances(a, b)
    assert np.argwhere(apart > 0.01).tolist() == [[3, 5]]


def test_a_sheet_holds_pictures_and_maps() -> None:
    first, same, other = even(1, 0, 0, size=(60, 40)), even(1, 0, 0, size=(60, 40)), even(0, 0, 1, size=(60, 40))
    sheet = side_by_side([("a", first), ("b", same), ("c", other)], [difference(same, first), difference(other, first)])
    pixels = sheet.to_array()
    assert (pixels == (255, 0, 0)).all(-1).sum() == 2 * 2400
    assert (pixels == (0, 0, 255)).all(-1).sum() == 2400
    assert (pixels == map_of(np.zeros((1, 1), np.float32), 1.0).to_array()[0, 0]).all(-1).sum() >= 2400
    many = side_by_side([("a", first)] + [("b", same)] * 7, [difference(same, first)] * 7)
    assert many.size[1] > 1.8 * sheet.size[1]  # two blocks


# The command ----------------------------------------------------------------------------------------------------------


def test_compare_by_command(ended: Command, photo: Path, painting: Path, tmp_path: Path) -> None:
    out, numbers = tmp_path / "side.png", tmp_path / "numbers.json"
    code, table, err = ended("compare", photo, painting, photo, "-o", out, "--json", numbers)
    assert code == 0
    assert "painting.png is brought from 36x44 to 40x28" in err
    assert "PSNR" in table
    assert "same" in table
    assert Pillow.open(out).width > 3 * 40
    told = json.loads(numbers.read_text())
    assert [each.get("same") for each in told["pictures"]] == [None, False, True]
    assert [each.get("resized") for each in told["pictures"]] == [None, True, False]
    assert told["pictures"][1]["color"] > 5


def test_compare_judges_between_photo_and_painting(ended: Command, photo: Path, painting: Path, tmp_path: Path) -> None:
    line = ("compare", photo, painting, "--content", photo, "--style", painting, "--features", "none", "--size", 40)
    code, text, _ = ended(*line, "--json", "-", "-q")
    told = json.loads(text)
    assert code == 0
    assert told["pictures"][0]["judged"]["ssim"] == pytest.approx(1)
    assert told["pictures"][1]["judged"]["ssim"] < 0.9
    assert {"photo", "painting"} <= told.keys()
    assert "patches" in ended(*line)[1]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "alone cannot be compared"),
        (("photo.png", "--content", "photo.png"), "go together"),
        (("photo.png", "-o", "photo.png"), "give --out another name"),
        (("photo.png", "-o", "side.txt"), "is no format"),
        (("nowhere.png",), "nowhere.png"),
    ],
)
def test_mistakes_are_one_line(
    ended: Command, photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], told: str
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = ended("compare", "photo.png", *words)
    assert (code, out) == (2, "")
    assert told in err
    assert [path.name for path in tmp_path.iterdir()] == ["photo.png"]


def test_a_picture_that_is_transparent_is_laid_over_white(tmp_path: Path, ended: Command) -> None:
    clear = Image(np.zeros((12, 16, 3), np.float32), alpha=np.zeros((12, 16), np.float32))
    for name, image in (("clear.png", clear), ("white.png", even(1, 1, 1))):
        (tmp_path / name).write_bytes(encode(image, "png"))
    code, text, _ = ended("compare", tmp_path / "white.png", tmp_path / "clear.png", "--json", "-", "-q")
    assert (code, json.loads(text)["pictures"][1]["same"]) == (0, True)


# From Python ----------------------------------------------------------------------------------------------------------


def test_compared_from_python(photo: Path, painting: Path, tmp_path: Path, picture: Callable[..., Image]) -> None:
    found = atelier.compare([photo, painting, picture(40, 28, 1).pixels], out=tmp_path / "side.png")
    assert found.labels == ("photo", "painting", "picture 3")
    assert found.resized == (False, True, False)
    assert found.differences[0].color > 5 > 0.5 > found.differences[1].color
    assert {each.size for each in found.pictures} == {(40, 28)}
    assert Pillow.open(tmp_path / "side.png").size == found.sheet().size
    judged = atelier.compare({"before": photo, "after": painting}, content=photo, style=painting, features="none", size=40)
    assert judged.labels == ("before", "after")
    assert judged.verdicts[0].ssim == pytest.approx(1)
    for given, words in (
        (([photo],), "alone cannot be compared"),
        (([],), "nothing to compare"),
    ):
        with pytest.raises(SettingError, match=words):
            atelier.compare(*given)
    with pytest.raises(SettingError, match="go together"):
        atelier.compare([photo, painting], content=photo)
    with pytest.raises(TargetError, match="another name"):
        atelier.compare([photo, painting], out=photo)
