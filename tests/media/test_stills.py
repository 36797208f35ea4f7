"""Pictures come from where they are said to be, and failures say what to do."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from atelier.errors import Cancelled, ImageError, MissingExtra, OutputError, SettingError, SourceError
from atelier.image import Image, Limits, decode, encode
from atelier.media import check_target, expand, open_still, write_still
from atelier.progress import Progress

PICTURE = Image.from_array(np.random.default_rng(5).integers(0, 256, (6, 9, 3), dtype=np.uint8), text={"atelier": "{}"})
PNG = encode(PICTURE, "png")
root = pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may do anything")


def same(image: Image) -> bool:
    return bool((image.to_array() == PICTURE.to_array()).all())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("shot2.png", "shot10.png", "shot1.JPG", "notes.txt", ".hidden.png", "[a] b*.png"):
        (tmp_path / name).write_bytes(PNG)
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "shot3.webp").write_bytes(PNG)
    (tmp_path / "empty").mkdir()
    return tmp_path


def test_open_from_a_path_bytes_and_an_open_file(folder: Path) -> None:
    path = folder / "shot2.png"
    assert same(open_still(path))
    assert same(open_still(str(path)))
    assert same(open_still(PNG))
    assert same(open_still(io.BytesIO(PNG)))
    with path.open("rb") as file:
        assert same(open_still(file))


def test_a_lying_suffix_does_not_matter(folder: Path) -> None:
    assert same(open_still(folder / "shot1.JPG"))
    (folder / "text.jpg").write_text("hello")
    with pytest.raises(ImageError, match=r"text\.jpg is not a picture atelier can read \(looks like text\)"):
        open_still(folder / "text.jpg")


def test_a_missing_file_suggests_its_neighbors(folder: Path) -> None:
    with pytest.raises(SourceError, match=r"there is no file .*nope\.png$"):
        open_still(folder / "nope.png")
    with pytest.raises(SourceError, match=r"there is no file .*shot3\.png; did you mean .*shot(2|10)\.png"):
        open_still(folder / "shot3.png")
    with pytest.raises(SourceError, match=r"SHOT2\.PNG; did you mean .*shot2\.png"):
        open_still(folder / "SHOT2.PNG")
    with pytest.raises(SourceError, match=r"there is no file .*zzzzzz$"):
        open_still(folder / "zzzzzz")
    with pytest.raises(SourceError, match="there is no folder"):
        open_still(folder / "nowhere" / "a.png")


@pytest.mark.parametrize("name", ["x" * 5000, "a\0b", "shot2.png/inside"])
def test_impossible_paths(folder: Path, name: str) -> None:
    with pytest.raises(SourceError):
        open_still(folder / name)


def test_a_folder_is_no_picture(folder: Path) -> None:
    with pytest.raises(SourceError, match="is a folder"):
        open_still(folder)


@root
def test_no_permission(folder: Path) -> None:
    (folder / "shot2.png").chmod(0)
    with pytest.raises(SourceError, match="permission"):
        open_still(folder / "shot2.png")


def test_the_size_limit_holds_for_files_and_for_what_has_no_size(folder: Path) -> None:
    assert same(open_still(folder / "shot2.png", Limits(bytes=len(PNG))))
    with pytest.raises(SourceError, match="over the limit"):
        open_still(folder / "shot2.png", Limits(bytes=len(PNG) - 1))
    if Path("/dev/zero").exists():
        with pytest.raises(SourceError, match="over the limit"):
            open_still("/dev/zero", Limits(bytes=100_000))


def test_the_report_hears_what_is_opened_and_what_was_met() -> None:
    heard: list[Progress] = []
    animation = io.BytesIO()
    Pillow.new("L", (4, 4)).save(animation, "GIF", save_all=True, append_images=[Pillow.new("L", (4, 4), 9)])
    open_still(animation.getvalue(), report=heard.append)
    assert [(progress.stage, progress.subject) for progress in heard] == [("opening", "picture")] * 2
    assert [progress.note for progress in heard] == ["", "picture: animated GIF: the first of 2 frames"]

    def stop(progress: Progress) -> None:
        raise Cancelled("stop")

    with pytest.raises(Cancelled):
        open_still(PNG, report=stop)


def test_from_standard_input_to_standard_output() -> None:
    program = "from atelier.media import *; write_still(open_still('-'), '-', format='tiff', depth=16)"
    done = subprocess.run([sys.executable, "-c", program], input=PNG, capture_output=True, check=True)
    assert done.stdout[:4] == b"II*\0"
    assert same(decode(done.stdout))
    assert decode(done.stdout).depth == 16


def names(found: list[str]) -> list[str]:
    return [Path(name).name for name in found]


def test_expand(folder: Path) -> None:
    assert names(expand([folder])) == ["[a] b*.png", "shot1.JPG", "shot2.png", "shot10.png"]
    assert names(expand([str(folder / "shot*.png")])) == ["shot2.png", "shot10.png"]
    assert names(expand([str(folder / "**" / "shot*")])) == ["shot3.webp", "shot1.JPG", "shot2.png", "shot10.png"]
    assert expand(["-", "https://example.org/*.jpg?x=[1]"]) == ["-", "https://example.org/*.jpg?x=[1]"]
    assert expand([folder / "[a] b*.png"]) == [str(folder / "[a] b*.png")]
    assert names(expand([folder / "shot10.png", folder / "shot2.png", folder / "shot10.png"])) == ["shot10.png", "shot2.png", "shot10.png"]


def test_expand_finds_nothing(folder: Path) -> None:
    with pytest.raises(SourceError, match=r"no file matches .*\*\.bmp"):
        expand([str(folder / "*.bmp")])
    with pytest.raises(SourceError, match="no pictures in the folder"):
        expand([folder / "empty"])
    with pytest.raises(SourceError, match="did you mean"):
        expand([folder / "shot3.png"])


@pytest.mark.parametrize("name", ["a.png", "a.PNG", "a.jpg", "a.jpeg", "a.webp", "a.tif", "a.tiff", "a.avif"])
def test_write_by_suffix(tmp_path: Path, name: str) -> None:
    check_target(tmp_path / name)
    write_still(PICTURE, tmp_path / name)
    assert open_still(tmp_path / name).size == (9, 6)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_write_settings_reach_the_encoder(tmp_path: Path) -> None:
    write_still(PICTURE, tmp_path / "odd name", format="tiff", depth=16)
    assert open_still(tmp_path / "odd name").depth == 16
    write_still(PICTURE, tmp_path / "low.jpg", quality=5)
    write_still(PICTURE, tmp_path / "high.jpg", quality=100)
    assert (tmp_path / "low.jpg").stat().st_size < (tmp_path / "high.jpg").stat().st_size


def test_targets_refused_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "there.png").write_bytes(b"old")
    for target, words in (
        (tmp_path / "a.psd", "png, jpeg"),
        (tmp_path / "a", "suffix"),
        (tmp_path / "there.png" / "a.png", "is no folder to write a.png in"),
        (tmp_path / "folder.png", "is a folder"),
        (tmp_path / ("x" * 300 + ".png"), "cannot be written"),
    ):
        with pytest.raises(OutputError, match=words):
            check_target(target)
        with pytest.raises(OutputError, match=words):
            write_still(PICTURE, target)
    with pytest.raises(OutputError, match="exists already"):
        check_target(tmp_path / "there.png", overwrite=False)
    with pytest.raises(OutputError, match="exists already"):
        write_still(PICTURE, tmp_path / "there.png", overwrite=False)
    assert (tmp_path / "there.png").read_bytes() == b"old"
    check_target("-")
    check_target(tmp_path / "there.png")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder.png", "there.png"]


def test_settings_refused_before_the_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(OutputError, match="8 bits"):
        check_target(tmp_path / "a.jpg", depth=16)
    with pytest.raises(SettingError, match="quality"):
        check_target(tmp_path / "a.jpg", quality=200)
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(MissingExtra, match="heif"):
        check_target(tmp_path / "a.heic")


@root
def test_targets_without_permission(tmp_path: Path) -> None:
    locked = tmp_path / "locked"
    locked.mkdir()
    (tmp_path / "file.png").write_bytes(b"old")
    (tmp_path / "file.png").chmod(0o400)
    locked.chmod(0o500)
    for target in (locked / "a.png", tmp_path / "file.png"):
        with pytest.raises(OutputError, match="permission"):
            check_target(target)
