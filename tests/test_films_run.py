"""Films through the one way: from a request to a film."""

from __future__ import annotations

import dataclasses
import errno
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import atelier
from atelier.errors import Cancelled, InputError, OutputError, SettingError, SourceError, TargetError
from atelier.image import Image, encode
from atelier.media.films import encoding as coding
from atelier.media.films import open_film
from atelier.media.films import writing as pieces
from atelier.progress import Progress
from atelier.request import Outputs, Request, Style
from atelier.run import embedded, make, redo
from filming import make_film, moving, times_of

av = pytest.importorskip("av")
pytest.importorskip("cv2")


def request(source: Path | str, **more: Any) -> Request:
    return Request("stylize", str(source), (Style("starry-night"),), **more)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    times = [0, 500, 1100, 1500, 2200, 2600, 3000, 3300]
    return make_film(tmp_path_factory.mktemp("clip") / "in.mp4", moving(8), times, sound=0.3)


def test_a_film_is_painted_with_its_sound_and_times(clip: Path, tmp_path: Path) -> None:
    told: list[Progress] = []
    made = make(request(clip), Outputs(str(tmp_path / "new" / "out.mp4")), report=told.append)
    out = tmp_path / "new" / "out.mp4"
    assert (made.finished, made.iterations, made.size) == (True, 8, (96, 64))
    assert times_of(out) == times_of(clip)
    with av.open(str(out)) as film:
        assert [stream.codec_context.name for stream in film.streams.audio] == ["aac"]
        assert json.loads(film.metadata["comment"])["styles"][0]["source"] == "starry-night"
    painted, source = (next(iter(open_film(str(path)).moments())).pixels for path in (out, clip))
    assert np.abs(painted - source).mean() > 0.05
    counted = [(each.step, each.of) for each in told if each.stage == "painting" and each.step]
    assert counted == [(step, 8) for step in range(1, 9)]


def test_a_run_that_was_stopped_goes_on_as_if_nothing_had_been(clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "PIECE_SECONDS", 0.0)
    make(request(clip), Outputs(str(tmp_path / "whole.mp4"), quality=100))

    def stop(progress: Progress) -> None:
        if progress.stage == "painting" and progress.step == 4:
            raise Cancelled("stopped")

    outputs = Outputs(str(tmp_path / "out.mp4"), quality=100)
    made = make(request(clip), outputs, report=stop)
    assert not made.finished and len(times_of(tmp_path / "out.part.mp4")) == 4
    notes: list[str] = []
    made = make(request(clip), outputs, report=lambda progress: notes.append(progress.note) if progress.note else None)
    assert made.finished and notes == ["going on after 4 frames that are done"]
    whole, out = (list(open_film(str(tmp_path / name)).moments()) for name in ("whole.mp4", "out.mp4"))
    assert [a.pts for a in whole] == [b.pts for b in out]
    assert all(np.abs(a.levels.astype(int) - b.levels).mean() < 1.5 for a, b in zip(whole, out, strict=True))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.mp4", "whole.mp4"]


def test_a_film_is_made_again_by_what_it_says(clip: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "first.mp4", tmp_path / "second.mp4"
    make(request(clip, end=0.15, temporal="off"), Outputs(str(first)))
    assert embedded(str(first)) == dataclasses.replace(request(clip, end=0.15, temporal="off"), engine="instant")
    notes: list[str] = []
    made = redo(str(first), Outputs(str(second)), report=lambda progress: notes.append(progress.note))
    assert made.iterations == 4 and not any(notes)
    assert all(
        np.array_equal(a.levels, b.levels) for a, b in zip(*(open_film(str(path)).moments() for path in (first, second)), strict=True)
    )
    with pytest.raises(SourceError, match="was not made by atelier"):
        redo(str(clip), Outputs(str(second)))


def test_from_python(clip: Path, tmp_path: Path) -> None:
    painted = atelier.stylize_film(clip, "starry-night", tmp_path / "out.mp4", end=0.1, sound=False, strength=0.5)
    assert (painted.finished, painted.iterations, painted.size) == (True, 3, (96, 64))
    drawn = atelier.draw_film(clip, tmp_path / "out" / "%02d.png", begin=0.1, end=0.2, size=48, count=4, work_size=24, climbs=1, tries=5)
    assert drawn.iterations == 2 and drawn.size == (48, 32)
    assert len(list((tmp_path / "out").iterdir())) == 2


def test_numbered_frames_both_ways(clip: Path, tmp_path: Path) -> None:
    make(request(clip, end=0.15), Outputs(str(tmp_path / "f" / "%03d.png")))
    assert sorted(path.name for path in (tmp_path / "f").iterdir()) == ["001.png", "002.png", "003.png", "004.png"]
    made = make(request(tmp_path / "f" / "%03d.png", fps=5, temporal="off"), Outputs(str(tmp_path / "out.mp4")))
    assert made.iterations == 4 and [float(at) for at in times_of(tmp_path / "out.mp4")] == pytest.approx([0, 0.2, 0.4, 0.6])


def test_a_disk_that_fills_leaves_what_is_done(clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "PIECE_SECONDS", 0.0)
    count, put = [0], coding.Piece.put

    def filling(piece: coding.Piece, *given: Any) -> None:
        count[0] += 1
        if count[0] > 5:
            raise OSError(errno.ENOSPC, "No space left on device")
        put(piece, *given)

    monkeypatch.setattr(coding.Piece, "put", lambda piece, *given: _refused(piece, lambda: filling(piece, *given)))
    notes: list[str] = []
    with pytest.raises(OutputError, match=r"out\.mp4.* no space left on its disk"):
        make(request(clip), Outputs(str(tmp_path / "out.mp4")), report=lambda progress: notes.append(progress.note))
    assert f"what is done so far is {tmp_path / 'out.part.mp4'}" in notes
    assert len(times_of(tmp_path / "out.part.mp4")) == 5 and not (tmp_path / "out.mp4").exists()


def _refused(piece: coding.Piece, work: Callable[[], None]) -> None:
    with coding.refused(piece.path, piece.size, piece.writing):
        work()


def test_one_frame(tmp_path: Path) -> None:
    made = make(request(make_film(tmp_path / "in.mp4", moving(1))), Outputs(str(tmp_path / "out.mp4")))
    assert made.iterations == 1 and len(times_of(tmp_path / "out.mp4")) == 1


def test_what_is_refused(clip: Path, tmp_path: Path) -> None:
    with pytest.raises(TargetError, match="is a film"):
        make(request(clip), Outputs(str(tmp_path / "out.png")))
    with pytest.raises(InputError, match=r"later|makes no sense"):
        make(request(clip, begin=2.0, end=1.0), Outputs(str(tmp_path / "out.mp4")))
    with pytest.raises(SourceError, match="not one frame"):
        make(request(clip, begin=50.0), Outputs(str(tmp_path / "out.mp4")))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("given", [{"begin": 2.0}, {"end": 3.0}, {"fps": 5.0}])
def test_a_picture_has_no_length(given: dict[str, float], photo: Path, tmp_path: Path) -> None:
    request = Request("stylize", str(photo), (Style("starry-night"),), **given)  # type: ignore[arg-type]
    with pytest.raises(SettingError, match="of a film"):
        make(request, Outputs(str(tmp_path / "out.png")))


def test_a_picture_makes_no_film(photo: Path, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"name the result as one, painted\.png"):
        make(Request("stylize", str(photo), (Style("starry-night"),)), Outputs(str(tmp_path / "out.mp4")))


@pytest.fixture
def photo(tmp_path: Path, picture: Callable[..., Image]) -> Path:
    path = tmp_path / "photo.png"
    path.write_bytes(encode(picture(40, 32, 1), "png"))
    return path
