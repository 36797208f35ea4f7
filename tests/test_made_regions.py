"""Regions made for the user: what a network sees takes part, and maps that hold numbers are read."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

import atelier
from atelier.engines.session import Session
from atelier.errors import ImageError, SettingError
from atelier.image import Image, resize
from atelier.image.regions import Regions
from atelier.media import open_still, write_still
from atelier.run import make_regions, maps


@pytest.fixture(autouse=True)
def _there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    y, x = np.mgrid[:60, :80]
    pixels = np.stack([x / 80, y / 60, (x + y) % 7 / 7], 2).astype(np.float32)
    write_still(Image.from_array(pixels), "photo.png")


def test_a_network_looks_at_what_is_parted(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[list[tuple[int, ...]]] = []

    def watched(photo: Image, how: str, *, features: list[np.ndarray], seed: int) -> Regions:
        given.append([layer.shape for layer in features])
        return Regions(np.zeros(photo.shape, np.uint8), ("all",), ((255, 0, 0),))

    monkeypatch.setattr(maps, "segment", watched)
    monkeypatch.setattr(maps, "check_word", lambda how: None)
    photo = open_still("photo.png")
    maps.find_regions("auto:3", photo, "")
    maps.find_regions("auto", Image.from_array(photo.pixels[:15]), "")
    maps.find_regions("someone's", photo, "")
    assert given == [[(7, 10, 128), (3, 5, 256)], [], []]


def test_a_word_is_refused_before_anything_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    for how, why in (("autto", "no file of that name"), ("auto:1", "2 to 64"), ("auto:x", "auto:5")):
        with pytest.raises(SettingError, match=why):
            make_regions("nowhere.png", how)
        with pytest.raises(SettingError, match=why):
            atelier.stylize("nowhere.png", {"1": "starry-night"}, regions=how)
        with pytest.raises(SettingError, match=why):
            monkeypatch.setattr(maps, "see", None)
            maps.find_regions(how, open_still("photo.png"), "")


def test_regions_are_looked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, int]] = []
    real = maps.segment
    monkeypatch.setattr(maps, "segment", lambda seen, how, **more: asked.append((how, more["seed"])) or real(seen, how, **more))
    photo = open_still("photo.png")
    session = Session()
    first = maps.find_regions("auto:3", photo, "", session=session)
    again = maps.find_regions("auto:3", resize(photo, (40, 30)), "", photo=photo, session=session)
    maps.find_regions("auto:3", photo, "", seed=1, session=session)
    maps.find_regions("auto:3", photo.with_pixels(photo.pixels[::-1]), "", session=session)
    assert again.size == (40, 30) and again.names == first.names
    maps.find_regions("auto:3", photo, "")
    assert asked == [("auto:3", 0), ("auto:3", 1), ("auto:3", 0), ("auto:3", 0)]


def test_regions_from_python() -> None:
    made = atelier.regions("photo.png", "auto:3")
    same = make_regions("photo.png", "auto:3")
    assert made.names == same.names
    np.testing.assert_array_equal(made.labels, same.labels)
    assert atelier.regions("photo.png", labels()).names == ("0", "1", "2", "3")
    for more in ({"how": "auto:3", "box": (1, 2, 30, 40)}, {"box": (1, 2, 3)}, {"box": "1,2,30,40"}):
        with pytest.raises(SettingError):
            atelier.regions("photo.png", **more)


def test_the_object_from_python() -> None:
    pytest.importorskip("cv2")
    pixels = np.full((60, 80, 3), 0.3, np.float32) + np.random.default_rng(0).normal(0, 0.01, (60, 80, 3)).astype(np.float32)
    pixels[15:45, 10:30] = (0.9, 0.4, 0.1)
    marks = np.full((60, 80), 128, np.uint8)
    marks[28:32, 15:25], marks[:, 45:] = 255, 0
    photo = Image.from_array(pixels.clip(0, 1))
    for more in ({"box": (5, 10, 35, 50)}, {"scribbles": marks}):
        assert atelier.regions(photo, **more).shares["object"] == pytest.approx(30 * 20 / 4800, rel=0.3)
    with pytest.raises(SettingError, match="draw the box close") as error:
        atelier.regions(photo, box=(0, 0, 80, 60))
    assert "--box" not in str(error.value)


def labels() -> np.ndarray:
    y, x = np.mgrid[:60, :80]
    return (np.where(y > 30, 2, 0) + (np.square(y - 30) + np.square(x - 40) < 15**2)).astype(np.uint8)


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_a_map_of_numbers_is_read_as_one(mode: str) -> None:
    Pillow.fromarray(labels()).convert(mode).save("numbers.png")
    said: list[str] = []
    found = make_regions("photo.png", "numbers.png", report=lambda progress: said.append(progress.note))
    assert found.names == ("label 0", "label 1", "label 2", "label 3")
    np.testing.assert_array_equal(found.labels, labels())
    assert "the map numbers.png is taken for numbers of 4 regions: label 0, label 1, label 2, label 3" in said


@pytest.mark.parametrize("deep", [False, True])
def test_numbers_as_programs_for_labelling_write_them(deep: bool) -> None:
    """Two of them alone in 16 bits; and 255 for what is no region."""
    two, void = (labels() > 1).astype(np.uint8), labels()
    void[:, :5] = 255
    Pillow.fromarray(two.astype(np.uint16) if deep else two).save("two.png")
    Pillow.fromarray(void.astype(np.uint16) if deep else void).save("void.png")
    assert make_regions("photo.png", "two.png").names == ("label 0", "label 1")
    found = make_regions("photo.png", "void.png")
    assert found.names == ("label 0", "label 1", "label 2", "label 3", "background")
    np.testing.assert_array_equal(found.labels, np.where(void == 255, 4, void))
    assert atelier.regions("photo.png", void.astype(np.int64)).names == ("0", "1", "2", "3", "background")
    assert atelier.regions("photo.png", void).names == ("0", "1", "2", "3", "background")


def test_black_dark_gray_and_white_are_colors() -> None:
    codes = np.where(labels() > 1, 255, np.where(labels() == 1, 48, 0)).astype(np.uint8)
    Pillow.fromarray(codes).save("three.png")
    for found in (make_regions("photo.png", "three.png"), atelier.regions("photo.png", codes)):
        assert {"black", "white"} < set(found.names)


def test_arrays_of_numbers_that_are_none() -> None:
    for wrong in (labels().astype(int) - 1, labels().astype(int) * 30):
        with pytest.raises(SettingError, match="numbers from 0 to 63"):
            atelier.regions("photo.png", wrong)


def test_specks_that_are_no_regions_are_said() -> None:
    codes = np.zeros((60, 80, 3), np.uint8)
    codes[:, 40:] = (0, 0, 255)
    codes[20, 20] = (255, 255, 0)
    said: list[str] = []
    for _ in range(2):
        Pillow.fromarray(codes).save("map.png")
        assert len(make_regions("photo.png", "map.png", report=lambda progress: said.append(progress.note)).names) == 2
        codes[20, 20] = 0
    assert [note for note in said if "specks" in note] == [
        "the map map.png has 1 px of other colours, specks too small for regions: they go to those around"
    ]


def test_what_follows_can_be_pasted_into_a_shell(capsys: pytest.CaptureFixture[str]) -> None:
    from atelier.cli import main

    Path("photo.png").rename("my photo's.png")
    with pytest.raises(SystemExit):
        main(["regions", "my photo's.png", "--regions", "auto:2"])
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("Go on with: ")]
    assert shlex.split(line)[3:8] == ["atelier", "stylize", "my photo's.png", "--regions", "my photo's-regions.png"]


def test_a_dark_photo_is_no_map_of_numbers() -> None:
    dark = np.random.default_rng(0).integers(0, 40, (60, 80), np.uint8)
    Pillow.fromarray(dark).save("dark.png")
    with pytest.raises(ImageError, match=r"no map of regions|all alike"):
        make_regions("photo.png", "dark.png")


def test_a_black_and_white_map_stays_one() -> None:
    Pillow.fromarray(np.where(labels() > 1, 255, 0).astype(np.uint8)).save("mask.png")
    assert set(make_regions("photo.png", "mask.png").names) == {"black", "white"}


def test_the_map_of_numbers_that_is_written_is_in_colors(capsys: pytest.CaptureFixture[str]) -> None:
    from atelier.cli import main

    Pillow.fromarray(labels()).save("numbers.png")
    with pytest.raises(SystemExit) as exit_:
        main(["regions", "photo.png", "--regions", "numbers.png", "-o", "map.png", "--json", "--quiet"])
    assert exit_.value.code in (0, None)
    listed = json.loads(capsys.readouterr().out)["regions"]
    assert [row["name"] for row in listed] == ["label 0", "label 1", "label 2", "label 3"]
    np.testing.assert_array_equal(maps.find_regions(open_still("map.png"), open_still("photo.png"), "").labels, labels())
