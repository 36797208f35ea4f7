"""Animations, told by reading them back with Pillow."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from atelier.errors import OutputError, SettingError
from atelier.image import Image
from atelier.media import check_animation, write_animation

FRAMES = [Image(np.full((10, 14, 3), color, np.float32)) for color in ((1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 1), (0.5, 0.5, 0))]


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".png", ".GIF", ".apng"])
def test_frames_and_duration(tmp_path: Path, suffix: str) -> None:
    target = tmp_path / f"a{suffix}"
    assert check_animation(target)
    write_animation(FRAMES, target, seconds=2)
    with Pillow.open(target) as picture:
        assert picture.n_frames == len(FRAMES)
        assert picture.info["loop"] == 0
        total = 0.0
        for number, frame in enumerate(FRAMES):
            picture.seek(number)
            picture.load()
            total += picture.info["duration"]
            shown = np.asarray(picture.convert("RGB"))[5, 7].astype(int)
            assert np.abs(shown - frame.to_array()[5, 7]).max() <= 12
    assert total == pytest.approx(2000, abs=1)
    assert [path.name for path in tmp_path.iterdir()] == [target.name]


def test_transparency_is_laid_over_white(tmp_path: Path) -> None:
    clear = Image(np.zeros((4, 4, 3), np.float32), alpha=np.zeros((4, 4), np.float32))
    write_animation([clear, *[Image(np.zeros((4, 4, 3), np.float32))]], tmp_path / "a.png")
    with Pillow.open(tmp_path / "a.png") as picture:
        assert picture.convert("RGB").getpixel((1, 1)) == (255, 255, 255)


def test_one_frame_is_a_still(tmp_path: Path) -> None:
    for suffix in (".gif", ".webp", ".png"):
        write_animation(FRAMES[:1], tmp_path / f"a{suffix}")
        with Pillow.open(tmp_path / f"a{suffix}") as picture:
            assert getattr(picture, "n_frames", 1) == 1


def test_what_cannot_be(tmp_path: Path) -> None:
    target = tmp_path / "a.gif"
    with pytest.raises(SettingError, match="at least one frame"):
        write_animation([], target)
    with pytest.raises(SettingError, match="one size"):
        write_animation([FRAMES[0], Image(np.zeros((3, 3, 3), np.float32))], target)
    for seconds in (0, -1, float("nan"), float("inf")):
        with pytest.raises(SettingError, match="above 0"):
            write_animation(FRAMES, target, seconds=seconds)
    (tmp_path / "no").write_bytes(b"")
    for wrong, words in ((tmp_path / "a.mp4", "gif, .webp, .png"), (tmp_path / "no" / "a.gif", "is no folder")):
        with pytest.raises(OutputError, match=words):
            check_animation(wrong)
        with pytest.raises(OutputError, match=words):
            write_animation(FRAMES, wrong)
    assert [each.name for each in tmp_path.iterdir()] == ["no"]
