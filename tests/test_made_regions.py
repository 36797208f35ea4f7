"""Regions made for the user: what a network sees takes part, and maps that hold numbers are read."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from atelier.errors import ImageError
from atelier.image import Image
from atelier.image.regions import Regions
from atelier.media import open_still, write_still
from atelier.run import make_regions, regions


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

    monkeypatch.setattr(regions, "segment", watched)
    photo = open_still("photo.png")
    regions.parted("auto:3", photo, "")
    regions.parted("auto", Image.from_array(photo.pixels[:15]), "")
    regions.parted("someone's", photo, "")
    assert given == [[(7, 10, 128), (3, 5, 256)], [], []]


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


def test_a_dark_photo_is_no_map_of_numbers() -> None:
    dark = np.random.default_rng(0).integers(0, 40, (60, 80), np.uint8)
    Pillow.fromarray(dark).save("dark.png")
    with pytest.raises(ImageError, match=r"no map of regions|all alike"):
        make_regions("photo.png", "dark.png")


def test_a_black_and_white_map_stays_one() -> None:
    Pillow.fromarray(np.where(labels() > 1, 255, 0).astype(np.uint8)).save("mask.png")
    assert set(make_regions("photo.png", "mask.png").names) == {"black", "white"}


def test_the_map_of_numbers_that_is_written_is_in_colours(capsys: pytest.CaptureFixture[str]) -> None:
    from atelier.cli import main

    Pillow.fromarray(labels()).save("numbers.png")
    with pytest.raises(SystemExit) as exit_:
        main(["regions", "photo.png", "--regions", "numbers.png", "-o", "map.png", "--json", "--quiet"])
    assert exit_.value.code in (0, None)
    listed = json.loads(capsys.readouterr().out)["regions"]
    assert [row["name"] for row in listed] == ["label 0", "label 1", "label 2", "label 3"]
    np.testing.assert_array_equal(regions.parted(open_still("map.png"), open_still("photo.png"), "").labels, labels())
