"""Films in and out: times, colours, sound, pieces, and what is said of bad ones."""

from __future__ import annotations

import dataclasses
import errno
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from atelier.errors import AtelierError, ImageError, OutputError, SettingError, SourceError
from atelier.image import Image
from atelier.media import write_still
from atelier.media.films import Ahead, Behind, Film, FilmWriter, FrameFolder, Span, check_film, check_frames, open_film, writing_of
from atelier.media.films import encoding as coding
from atelier.media.films import writing as pieces
from atelier.media.films.joining import Beside
from atelier.media.films.writing import Shape
from atelier.progress import Progress
from filming import make_film, moving, times_of

av = pytest.importorskip("av")
ODD_TIMES = [0, 40, 75, 190, 230, 271, 400, 433]


def write(film: Film | FrameFolder, target: Path, fingerprint: str = "a", sound: bool = True, **how: Any) -> tuple[str, ...]:
    """Copy a film, uncoloured, through the writer."""
    known = film.at_rate()
    beside = Beside(film if isinstance(film, Film) else None, sound)
    writer = FilmWriter(
        target, writing_of(str(target), **how), Shape(film.size, known.time_base, known.rate, film.colors), fingerprint, beside
    )
    for moment in film.moments():
        writer.put(moment.levels, moment.pts, dict)
    return writer.finish()


@pytest.fixture
def noted() -> tuple[list[str], Callable[[Progress], None]]:
    notes: list[str] = []
    return notes, lambda progress: notes.append(progress.note) if progress.note else None


# Times ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_times_of_a_variable_rate_are_kept(tmp_path: Path, suffix: str) -> None:
    times = [at * 16 for at in ODD_TIMES]
    source = make_film(tmp_path / "in.mp4", moving(8), times, time_base=Fraction(1, 16000))
    write(open_film(str(source)), tmp_path / f"out{suffix}")
    found = times_of(tmp_path / f"out{suffix}")
    assert [float(at) for at in found] == pytest.approx([pts / 16000 for pts in times], abs=0 if suffix == ".mp4" else 0.0006)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.mp4", f"out{suffix}"]


def test_a_span_begins_at_nothing_and_leaves_its_end_out(tmp_path: Path) -> None:
    source = make_film(tmp_path / "in.mp4", moving(20))
    film = open_film(str(source), Span(0.2, 0.6))
    found = list(film.moments())
    assert [round(moment.time, 3) for moment in found] == [round(0.04 * at, 3) for at in range(10)]
    whole = list(open_film(str(source)).moments())
    assert np.array_equal(found[0].levels, whole[5].levels)
    assert film.count == 10


@pytest.mark.parametrize(("fps", "count"), [(10, 8), (50, 39)])
def test_another_rate(tmp_path: Path, fps: float, count: int) -> None:
    film = open_film(str(make_film(tmp_path / "in.mp4", moving(20))), Span(fps=fps))
    found = list(film.moments())
    assert len(found) == pytest.approx(count, abs=1)
    write(film, tmp_path / "out.mp4")
    assert [float(at) for at in times_of(tmp_path / "out.mp4")][:5] == pytest.approx([at / fps for at in range(5)])


def test_frames_after_a_time(tmp_path: Path) -> None:
    film = open_film(str(make_film(tmp_path / "in.mp4", moving(6))))
    whole = [moment.pts for moment in film.moments()]
    assert [moment.pts for moment in film.moments(after=whole[2])] == whole[3:]


@pytest.mark.parametrize(
    "span", [{"begin": -1.0}, {"begin": 2.0, "end": 1.0}, {"fps": 0.0}, {"fps": float("nan")}, {"begin": float("inf")}]
)
def test_spans_that_make_no_sense(span: dict[str, float]) -> None:
    with pytest.raises(SettingError):
        Span(**span)


# Colours and shapes ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("matrix", "full"), [(1, False), (5, False), (1, True), (9, False)])
def test_colors_by_matrix_and_range(tmp_path: Path, matrix: int, full: bool) -> None:
    frame = np.zeros((32, 64, 3), np.uint8)
    frame[:, :32], frame[:, 32:] = (200, 40, 30), (20, 90, 180)
    film = open_film(str(make_film(tmp_path / "in.mp4", [frame, frame], matrix=matrix, full=full)))
    found = next(film.moments()).levels
    assert np.abs(found[16, 8].astype(int) - (200, 40, 30)).max() <= 4
    assert np.abs(found[16, 56].astype(int) - (20, 90, 180)).max() <= 4
    write(film, tmp_path / "out.mp4")
    again = next(open_film(str(tmp_path / "out.mp4")).moments()).levels
    assert np.abs(again[16, 8].astype(int) - (200, 40, 30)).max() <= 5


def test_a_phone_held_upright(tmp_path: Path) -> None:
    frame = np.zeros((32, 64, 3), np.uint8)
    frame[:16] = 255  # what is up in the file
    film = open_film(str(make_film(tmp_path / "in.mp4", [frame, frame], rotation=90)))
    levels = next(film.moments()).levels
    assert film.size == (32, 64)
    assert levels.shape == (64, 32, 3)
    assert levels[:, 4].mean() > 240 > 20 > levels[:, 28].mean()  # turned counter-clockwise, it is left


def test_odd_sizes_get_their_last_pixels_twice(tmp_path: Path) -> None:
    folder = tmp_path / "frames"
    folder.mkdir()
    for at, frame in enumerate(moving(3, (33, 21))):
        write_still(Image.from_array(frame), folder / f"{at}.png")
    write(open_film(str(folder)), tmp_path / "out.mp4")
    assert open_film(str(tmp_path / "out.mp4")).size == (34, 22)


def test_high_dynamic_range_is_brought_down_and_said(tmp_path: Path, noted: Any) -> None:
    notes, report = noted
    white = 0.5806  # PQ of 203 cd/m²
    frame = np.full((64, 96, 3), round(white * 65535), np.uint16)
    frame[:, 32:] = 45000  # far brighter
    source = make_film(
        tmp_path / "in.mkv", [frame, frame], codec="libx265", pixels="yuv420p10le", matrix=9, tags=(9, 16),
        options={"x265-params": "log-level=none", "crf": "5"},
    )  # fmt: skip
    film = open_film(str(source), report=report)
    levels = next(film.moments()).pixels
    assert film.hdr and film.colors == (1, 1)
    assert len(notes) == 1 and "dynamic range" in notes[0]
    assert 0.75 < levels[16, 8].mean() < 0.95 <= levels[16, 56].mean() <= 1


def test_more_than_8_bits_stay(tmp_path: Path) -> None:
    ramp = np.repeat(np.linspace(20000, 24000, 64).astype(np.uint16)[None, :, None], 32, 0).repeat(3, 2)
    film = open_film(str(make_film(tmp_path / "in.mov", [ramp, ramp], codec="prores_ks", pixels="yuv422p10le", options={"profile": "3"})))
    assert film.deep
    write(film, tmp_path / "out.mov", codec="prores", depth=16)
    assert open_film(str(tmp_path / "out.mov")).deep
    levels = next(film.moments()).levels
    assert len(np.unique(levels[16, :, 0])) > 20  # of 8 bits there would be 17


# Sound ----------------------------------------------------------------------------------------------------------------


def sounds(path: Path) -> list[tuple[str, int]]:
    with av.open(str(path)) as film:
        tracks = [(stream.index, stream.codec_context.name) for stream in film.streams.audio]
        counts = dict.fromkeys(dict(tracks), 0)
        for packet in film.demux(*film.streams.audio) if tracks else ():
            counts[packet.stream.index] += packet.size > 0
        return [(name, counts[index]) for index, name in tracks]


def test_sound_is_copied(tmp_path: Path) -> None:
    source = make_film(tmp_path / "in.mp4", moving(25), sound=1.0)
    assert write(open_film(str(source)), tmp_path / "out.mp4") == ()
    (name, count), (_, before) = sounds(tmp_path / "out.mp4")[0], sounds(source)[0]
    assert name == "aac" and abs(count - before) <= 2
    write(open_film(str(source)), tmp_path / "silent.mp4", sound=False)
    assert sounds(tmp_path / "silent.mp4") == []


def test_sound_of_a_span(tmp_path: Path) -> None:
    source = make_film(tmp_path / "in.mp4", moving(25), sound=1.0)
    write(open_film(str(source), Span(0.4, 0.8)), tmp_path / "out.mp4")
    assert sounds(tmp_path / "out.mp4")[0][1] == pytest.approx(0.4 * 48000 / 1024, abs=3)


def test_sound_that_does_not_fit_is_coded_anew(tmp_path: Path) -> None:
    source = make_film(tmp_path / "in.mp4", moving(6), sound=0.3)
    (note,) = write(open_film(str(source)), tmp_path / "out.webm")
    assert "aac to opus" in note
    assert sounds(tmp_path / "out.webm")[0][0] == "opus"


# Formats --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "codec", "found"),
    [("a.mp4", "hevc", "hevc"), ("a.webm", None, "vp9"), ("a.mov", "prores", "prores"), ("a.mkv", "h264", "h264")],
)
def test_codecs(tmp_path: Path, name: str, codec: str | None, found: str) -> None:
    film = open_film(str(make_film(tmp_path / "in.mp4", moving(4))))
    write(film, tmp_path / name, codec=codec)
    with av.open(str(tmp_path / name)) as out:
        assert out.streams.video[0].codec_context.name == found
        assert sum(1 for _ in out.decode(video=0)) == 4


def test_an_encoder_that_is_missing_and_a_picture_too_small_for_one(tmp_path: Path) -> None:
    writing = writing_of("a.mp4")
    missing = dataclasses.replace(writing, codec=dataclasses.replace(writing.codec, encoder="libnothing"))
    with pytest.raises(OutputError, match=r"cannot write H\.264 \(libnothing\); choose another `codec`"):
        check_film(str(tmp_path / "a.mp4"), missing)
    film = open_film(str(make_film(tmp_path / "in.mp4", moving(2, (34, 22)))))
    with pytest.raises(OutputError, match="34x22 px is too small for HEVC, which needs 32 a side"):
        write(film, tmp_path / "a.mp4", codec="hevc")
    assert [path.name for path in tmp_path.iterdir()] == ["in.mp4"]


def test_av1(tmp_path: Path) -> None:
    check_film(str(tmp_path / "a.mp4"), writing_of("a.mp4", "av1"))
    film = open_film(str(make_film(tmp_path / "in.mp4", moving(4))))
    write(film, tmp_path / "a.mp4", codec="av1")
    with av.open(str(tmp_path / "a.mp4")) as out:
        assert out.streams.video[0].codec_context.codec.canonical_name == "av1" if hasattr(out, "codec") else True
    assert len(times_of(tmp_path / "a.mp4")) == 4


@pytest.mark.parametrize("suffix", [".gif", ".webp"])
def test_moving_pictures(tmp_path: Path, suffix: str) -> None:
    from PIL import Image as Pillow

    write(open_film(str(make_film(tmp_path / "in.mp4", moving(4), rate=10))), tmp_path / f"a{suffix}")
    with Pillow.open(tmp_path / f"a{suffix}") as found:
        assert found.n_frames == 4 and found.size == (96, 64)  # type: ignore[attr-defined]
        found.seek(1)
        found.load()
        assert found.info["duration"] == 100


def test_numbered_frames(tmp_path: Path) -> None:
    frames = moving(3)
    for at, frame in zip((2, 10, 9), frames, strict=True):
        write_still(Image.from_array(frame), tmp_path / f"f{at:02}.png")
    for name in (str(tmp_path / "f%02d.png"), str(tmp_path)):
        film = open_film(name, Span(fps=5))
        found = list(film.moments())
        assert [moment.time for moment in found] == [0, 0.2, 0.4]
        assert all(np.array_equal(a.levels, frames[b]) for a, b in zip(found, (0, 2, 1), strict=True))
    write_still(Image.from_array(frames[0][:32]), tmp_path / "f11.png")
    with pytest.raises(ImageError, match=r"f11\.png is 96x32 px"):
        list(open_film(str(tmp_path)).moments())
    with pytest.raises(SourceError, match="no file is called like that"):
        open_film(str(tmp_path / "g%02d.png"))
    check_frames(str(tmp_path / "new" / "%05d.png"))
    with pytest.raises(OutputError):
        check_frames(str(tmp_path / "f02.png" / "%05d.png"))


def test_names_and_codecs_that_do_not_go_together() -> None:
    with pytest.raises(OutputError, match="films are written as"):
        writing_of("a.xyz")
    with pytest.raises(SettingError, match="h264"):
        writing_of("a.mp4", "prores")
    with pytest.raises(SettingError, match="8 bits"):
        writing_of("a.gif", depth=16)


# Pieces ---------------------------------------------------------------------------------------------------------------


def writer_of(film: Film, target: Path, fingerprint: str = "a") -> FilmWriter:
    return FilmWriter(target, writing_of(str(target)), Shape(film.size, film.time_base, film.rate), fingerprint, Beside(film))


def test_a_film_goes_on_where_it_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As after a power cut: pieces that were finished count, the rest is swept away."""
    film = open_film(str(make_film(tmp_path / "in.mp4", moving(12), sound=0.4)))
    assert isinstance(film, Film)
    monkeypatch.setattr(pieces, "PIECE_SECONDS", 0.0)
    first = writer_of(film, tmp_path / "out.mp4")
    for moment in list(film.moments())[:5]:
        first.put(moment.levels, moment.pts, lambda pts=moment.pts: {"at": np.array(pts)})
    first._behind.flush()
    monkeypatch.setattr(pieces, "PIECE_SECONDS", 100.0)
    extra = list(film.moments())[5]
    first.put(extra.levels, extra.pts, dict)  # never finished
    first._behind.flush()
    second = writer_of(film, tmp_path / "out.mp4")
    assert second.parts.done == list(film.moments())[4].pts
    assert second.parts.state is not None and second.parts.state["at"] == second.parts.done
    for moment in film.moments(after=second.parts.done):
        second.put(moment.levels, moment.pts, dict)
    second.finish()
    assert [float(at) for at in times_of(tmp_path / "out.mp4")] == pytest.approx([0.04 * at for at in range(12)])
    assert sounds(tmp_path / "out.mp4")[0][1] > 10
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.mp4", "out.mp4"]


def test_pieces_of_another_film_are_begun_anew(tmp_path: Path) -> None:
    film = open_film(str(make_film(tmp_path / "in.mp4", moving(4))))
    assert isinstance(film, Film)
    first = writer_of(film, tmp_path / "out.mp4")
    for moment in film.moments():
        first.put(moment.levels, moment.pts, dict)
    part = first.stop({})
    assert part == tmp_path / "out.part.mp4" and len(times_of(part)) == 4
    again = writer_of(film, tmp_path / "out.mp4", "b")
    assert again.parts.done is None and again.parts.changed


def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    film = open_film(str(make_film(tmp_path / "in.mp4", moving(4))))

    def full(*_: Any) -> Any:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(coding, "padded", lambda size, writing: full() if not hasattr(film, "n") else size)
    with pytest.raises(OutputError, match="no space left"):
        write(film, tmp_path / "out.mp4")
    assert not (tmp_path / "out.mp4").exists()


# Bad films ------------------------------------------------------------------------------------------------------------


def test_a_film_cut_short_is_read_as_far_as_it_goes(tmp_path: Path, noted: Any) -> None:
    notes, report = noted
    whole = make_film(tmp_path / "in.mkv", moving(60, (160, 120)))
    data = whole.read_bytes()
    (tmp_path / "cut.mkv").write_bytes(data[: len(data) // 2])
    film = open_film(str(tmp_path / "cut.mkv"))
    found = list(film.moments(report=report))
    assert 10 < len(found) < 50
    assert len(notes) == 1 and ("cut short" in notes[0] or "damaged" in notes[0])


def test_one_clear_line_each(tmp_path: Path) -> None:
    write_still(Image.from_array(moving(1)[0]), tmp_path / "still.png")
    (tmp_path / "still.png").rename(tmp_path / "still.mp4")
    (tmp_path / "noise.mp4").write_bytes(bytes(range(256)) * 40)
    (tmp_path / "empty.mp4").write_bytes(b"")
    with av.open(str(tmp_path / "sound.mp4"), "w") as film:
        tone = film.add_stream("aac", rate=48000)
        block = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        block.sample_rate = 48000
        film.mux(tone.encode(block))
        film.mux(tone.encode(None))
    said = {"still": "single picture", "noise": "damaged", "empty": "damaged", "sound": "sound alone", "none": "there is no file"}
    for name, words in said.items():
        with pytest.raises(SourceError, match=words) as told:
            open_film(str(tmp_path / f"{name}.mp4"))
        assert "\n" not in str(told.value) and name in str(told.value)


# Threads --------------------------------------------------------------------------------------------------------------


def test_ahead_hands_on_values_errors_and_the_end() -> None:
    assert list(Ahead(range(10))) == list(range(10))

    def broken() -> Any:
        yield 1
        raise SourceError("no more")

    coming = iter(Ahead(broken()))
    assert next(coming) == 1
    with pytest.raises(SourceError, match="no more"):
        next(coming)


def test_ahead_stops_when_it_is_closed() -> None:
    closed = []

    def endless() -> Any:
        try:
            while True:
                yield 0
        finally:
            closed.append(True)

    ahead = Ahead(endless())
    assert next(iter(ahead)) == 0
    ahead.close()
    assert closed == [True]


def test_behind_raises_at_the_next_put_and_drops_the_rest() -> None:
    done: list[int] = []

    def work(value: int) -> None:
        if value == 2:
            raise AtelierError("two")
        done.append(value)

    behind: Behind[int] = Behind(work)
    behind.put(1)
    behind.put(2)
    with pytest.raises(AtelierError, match="two"):
        behind.flush()
    with pytest.raises(AtelierError):
        behind.put(3)
    with pytest.raises(AtelierError):
        behind.close()
    assert done == [1]
