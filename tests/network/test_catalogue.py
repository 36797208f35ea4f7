"""Styles by name and by file: which one is meant."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy

from atelier.engines.network import catalogue
from atelier.errors import WeightsError
from atelier.run import open_style

SHIPPED = sorted(catalogue.shipped())[0]


@pytest.fixture(autouse=True)
def own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """Where one's own styles are."""
    (tmp_path / "own").mkdir()
    monkeypatch.setenv("ATELIER_STYLES", str(tmp_path / "own"))
    yield tmp_path / "own"


def write(path: Path, *names: str, body: str = catalogue.BODY) -> Path:
    """A file of styles, each of which is its place in numbers."""
    tensors = {}
    for at, name in enumerate(names):
        tensors[f"{name}.numbers"] = np.full(5, at, np.float16)
        tensors[f"{name}.colours"] = np.zeros((4, 3), np.float32)
    about = {name: {"title": name.title()} for name in names}
    safetensors.numpy.save_file(tensors or {"x": np.zeros(1)}, path, {"body": body, "styles": json.dumps(about)})
    return path


def number(name: str) -> float:
    found = catalogue.entry(name)
    assert found is not None
    return float(found.code[0])


def test_a_file_of_one_style_is_that_style(tmp_path: Path) -> None:
    path = write(tmp_path / "one.safetensors", "waves")
    for name in (str(path), f"{path}#waves"):
        found = catalogue.entry(name)
        assert found is not None and found.name == "waves" and found.source == str(path)


def test_of_several_in_a_file_one_has_to_be_named(tmp_path: Path) -> None:
    path = write(tmp_path / "three.safetensors", "waves", "stars", "dots")
    assert [number(f"{path}#{name}") for name in ("waves", "stars", "dots")] == [0, 1, 2]
    with pytest.raises(WeightsError, match=r"holds 3 styles: give .*three\.safetensors#NAME, of waves, stars, dots"):
        catalogue.entry(str(path))
    with pytest.raises(WeightsError, match=r"has no style none: .*, of waves, stars, dots"):
        catalogue.entry(f"{path}#none")
    with pytest.raises(WeightsError, match="holds no style"):
        catalogue.entry(str(write(tmp_path / "empty.safetensors")))
    found = open_style(f"{path}#stars")
    assert isinstance(found, catalogue.Entry) and found.name == "stars"


def test_a_hash_in_a_files_name_is_one(tmp_path: Path) -> None:
    (tmp_path / "a#b").mkdir()
    path = write(tmp_path / "a#b" / "c#d.safetensors", "waves", "stars")
    assert number(f"{path}#stars") == 1
    assert catalogue.entry("photo.png#waves") is None


def test_ones_own_file_is_taken_by_its_name_or_by_that_of_a_style_in_it(own: Path) -> None:
    write(own / "renamed.safetensors", "waves")
    write(own / "several.safetensors", "stars", "several")
    write(own / "others.safetensors", "dots", "lines")
    write(own / "older.safetensors", "rings", body="painter-0")
    assert number("renamed") == number("waves") == 0  # of the one in it, whatever it is called now
    assert number("several") == 1 and number("lines") == 1
    assert {each.name for each in catalogue.every()} - set(catalogue.shipped()) == {"waves", "stars", "several", "dots", "lines"}
    for entry in catalogue.every():  # what is listed can be had
        found = catalogue.entry(entry.name)
        assert found is not None and (found.name, found.source) == (entry.name, entry.source)
    with pytest.raises(WeightsError, match="holds 2 styles: give one by its own name, dots, lines"):
        catalogue.entry("others")
    with pytest.raises(WeightsError, match="train it anew"):
        catalogue.entry("older")
    for name in ("rings", "nothing", "", "..", "a/b", "../own/several", "photo.jpg"):
        assert catalogue.entry(name) is None, name


def test_what_ships_comes_before_ones_own(own: Path) -> None:
    write(own / f"{SHIPPED}.safetensors", SHIPPED)
    found = catalogue.entry(SHIPPED)
    assert found is not None and found.source != str(own / f"{SHIPPED}.safetensors")


def test_numbers_of_the_photo_itself_are_read_or_missed(tmp_path: Path) -> None:
    safetensors.numpy.save_file({"photo.numbers": np.arange(3, dtype=np.float16)}, tmp_path / "a.safetensors")
    np.testing.assert_array_equal(catalogue.read_photo(tmp_path / "a.safetensors"), [0, 1, 2])
    with pytest.raises(WeightsError, match="left as it is"):
        catalogue.read_photo(write(tmp_path / "b.safetensors", "waves"))
