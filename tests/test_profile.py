"""The photo's own colour profile in the result."""

from __future__ import annotations

import io
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from PIL import Image as Pillow

import atelier
from atelier.cli import main
from atelier.image import decode

PROFILE = bytes(imagecodecs.cms_profile("adobergb"))


def photo(height: int, width: int) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    return np.stack([x * 255 // width, y * 255 // height, 0 * x + 90], axis=2).astype(np.uint8)


def run(*arguments: object) -> int:
    with pytest.raises(SystemExit) as end:
        main([str(each) for each in arguments])
    return int(end.value.code or 0)


def test_profile_keep(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, painting = tmp_path / "photo.png", tmp_path / "painting.png"
    Pillow.fromarray(photo(48, 64) // 4 + 90).save(source, icc_profile=PROFILE)
    Pillow.fromarray(photo(40, 40)).save(painting)
    kept, plain = tmp_path / "kept.png", tmp_path / "plain.png"
    command = ("stylize", source, "-s", painting, "-e", "instant", "-o")
    assert run(*command, kept, "--profile", "keep", "-q") == 0
    assert run(*command, plain, "-q") == 0
    assert Pillow.open(io.BytesIO(kept.read_bytes())).info["icc_profile"] == PROFILE
    np.testing.assert_allclose(decode(kept.read_bytes()).pixels, decode(plain.read_bytes()).pixels, atol=0.03)
    assert run("stylize", painting, "-s", painting, "-o", tmp_path / "a.png", "--profile", "keep") == 0
    assert "no colour profile of its own" in capsys.readouterr().err
    assert run(*command, tmp_path / "b.jxl", "--profile", "keep") == 2
    assert run(*command, tmp_path / "b.png", "--profile", "other") == 2
    assert "profile" in capsys.readouterr().err


def test_redo_keeps_the_profile_unless_it_is_told_another(tmp_path: Path) -> None:
    Pillow.fromarray(photo(48, 64) // 4 + 90).save(tmp_path / "photo.png", icc_profile=PROFILE)
    Pillow.fromarray(photo(40, 40)).save(tmp_path / "painting.png")
    kept, again, plain = tmp_path / "kept.png", tmp_path / "again.png", tmp_path / "plain.png"
    assert run("stylize", tmp_path / "photo.png", "-s", tmp_path / "painting.png", "-o", kept, "--profile", "keep", "-q") == 0
    assert run("redo", kept, "-o", again, "-q") == 0
    assert run("redo", again, "-o", plain, "--profile", "srgb", "-q") == 0
    assert [Pillow.open(path).info["icc_profile"] == PROFILE for path in (kept, again, plain)] == [True, True, False]
    np.testing.assert_array_equal(decode(kept.read_bytes()).pixels, decode(again.read_bytes()).pixels)


def test_profile_keep_in_python(tmp_path: Path) -> None:
    Pillow.fromarray(photo(48, 64) // 4 + 90).save(tmp_path / "photo.png", icc_profile=PROFILE)
    Pillow.fromarray(photo(40, 40)).save(tmp_path / "painting.png")
    made = atelier.stylize(tmp_path / "photo.png", tmp_path / "painting.png", engine="instant")
    assert made.profile == PROFILE
    atelier.save(made, tmp_path / "kept.png", profile="keep")
    kept = atelier.load(tmp_path / "kept.png")
    assert kept.profile == PROFILE
    np.testing.assert_allclose(kept.pixels, made.pixels, atol=0.03)
