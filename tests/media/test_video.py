"""Films, told by decoding them with FFmpeg."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from atelier.errors import MissingExtra, OutputError, SettingError
from atelier.image import Image
from atelier.media.video import check_video, write_video

av = pytest.importorskip("av")

COLORS = ((1, 0, 0), (0, 1, 0), (0, 0, 1), (0.2, 0.5, 0.7), (1, 1, 1))


def plain(size: tuple[int, int], colors: tuple[tuple[float, ...], ...] = COLORS) -> Iterator[Image]:
    for color in colors:
        yield Image(np.full((size[1], size[0], 3), color, np.float32))


@pytest.mark.parametrize(("size", "shown"), [((32, 24), (32, 24)), ((31, 21), (32, 22)), ((1, 1), (2, 2))])
def test_frames_size_rate_and_colors(tmp_path: Path, size: tuple[int, int], shown: tuple[int, int]) -> None:
    write_video(plain(size), tmp_path / "a.mp4", fps=10)
    with av.open(str(tmp_path / "a.mp4")) as film:
        track = film.streams.video[0]
        assert (track.codec_context.name, track.pix_fmt, track.average_rate) == ("h264", "yuv420p", 10)
        assert (track.width, track.height) == shown
        frames = [frame.to_ndarray(format="rgb24") for frame in film.decode(track)]
        assert film.duration == 500_000  # µs
    assert len(frames) == len(COLORS)
    for frame, color in zip(frames, COLORS, strict=True):
        assert np.abs(frame / 255 - color).max() < 0.02  # the last row and column, which may be padding, too
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]


def test_index_is_in_front(tmp_path: Path) -> None:
    """So that a browser can begin to play before it has the whole file."""
    write_video(plain((16, 16)), tmp_path / "a.mp4")
    data = (tmp_path / "a.mp4").read_bytes()
    assert 0 < data.index(b"moov") < data.index(b"mdat")


def test_transparency_is_laid_over_white(tmp_path: Path) -> None:
    write_video([Image(np.zeros((4, 4, 3), np.float32), alpha=np.zeros((4, 4), np.float32))], tmp_path / "a.mp4")
    with av.open(str(tmp_path / "a.mp4")) as film:
        assert next(film.decode(video=0)).to_ndarray(format="rgb24").min() > 250


def test_fractions_of_a_frame_a_second(tmp_path: Path) -> None:
    write_video(plain((4, 4)), tmp_path / "a.mp4", fps=0.5)
    with av.open(str(tmp_path / "a.mp4")) as film:
        assert film.duration == 10_000_000


def test_what_cannot_be(tmp_path: Path) -> None:
    target = tmp_path / "a.mp4"
    with pytest.raises(SettingError, match="at least one frame"):
        write_video([], target)
    with pytest.raises(SettingError, match="one size"):
        write_video([*plain((4, 4)), *plain((6, 4))], target)
    for fps in (0, -1, 241, float("nan"), float("inf")):
        with pytest.raises(SettingError, match="fps"):
            write_video(plain((4, 4)), target, fps=fps)
    with pytest.raises(OutputError, match=r"20002 × 2 px cannot be encoded"):
        write_video(plain((20002, 2), COLORS[:1]), target)
    (tmp_path / "no").write_bytes(b"")
    for wrong, words in ((tmp_path / "a.avi", "written as .mp4"), (tmp_path / "no" / "a.mp4", "is no folder")):
        with pytest.raises(OutputError, match=words):
            check_video(wrong)
        with pytest.raises(OutputError, match=words):
            write_video(plain((4, 4)), wrong)
    assert [each.name for each in tmp_path.iterdir()] == ["no"]


def test_an_error_among_the_frames_is_the_callers_and_leaves_the_old_film(tmp_path: Path) -> None:
    target = tmp_path / "a.mp4"
    target.write_bytes(b"old")

    def broken() -> Iterator[Image]:
        yield from plain((4, 4))
        raise ValueError("no more paint")

    with pytest.raises(ValueError, match="no more paint"):
        write_video(broken(), target)
    assert target.read_bytes() == b"old"
    with pytest.raises(OutputError, match="exists already"):
        check_video(target, overwrite=False)


def test_without_pyav(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(MissingExtra, match=r"pip install 'atelier\[video\]'"):
        write_video(plain((4, 4)), tmp_path / "a.mp4")
