"""Drawing from the command line and from Python: files in, files out."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import atelier
from atelier.cli import main
from atelier.image import Image
from atelier.media import open_still, write_still
from filming import make_film, moving, times_of

QUICK = ["--count", "6", "--work-size", "32", "--climbs", "2", "--tries", "10", "--age", "8", "--refine", "1", "--quiet"]


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    y, x = np.mgrid[:40, :60] / 60
    path = tmp_path / "photo.png"
    write_still(Image(np.stack([x, y, 1 - x], 2).astype(np.float32)), path)
    return path


def run(*arguments: object) -> int:
    """The exit code of a command."""
    try:
        main([str(a) for a in arguments])
    except SystemExit as error:
        return int(error.code or 0)
    return 0


def test_one_run_writes_every_format(photo: Path, tmp_path: Path) -> None:
    names = ["a.png", "a.jpg", "a.svg", "a.json"]
    outs = [part for name in names for part in ("--out", tmp_path / name)]
    assert run("draw", photo, *outs, "--animation", tmp_path / "a.gif", "--log", tmp_path / "log", *QUICK) == 0
    assert open_still(str(tmp_path / "a.png")).size == (60, 40)
    assert (tmp_path / "a.svg").read_text().startswith("<svg") and (tmp_path / "a.gif").read_bytes()[:4] == b"GIF8"
    data = json.loads((tmp_path / "a.json").read_text())
    assert len(data["shapes"]) == 6 and data["about"]["request"]["task"] == "draw"
    lines = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert lines[-1]["step"] == 6 and lines[-1]["score"] == pytest.approx(data["score"], abs=1e-5)


def test_pdf_and_mp4(photo: Path, tmp_path: Path) -> None:
    pytest.importorskip("fpdf")
    pytest.importorskip("av")
    assert run("draw", photo, "-o", tmp_path / "a.pdf", "--animation", tmp_path / "a.mp4", *QUICK) == 0
    assert (tmp_path / "a.pdf").read_bytes()[:5] == b"%PDF-" and b"ftyp" in (tmp_path / "a.mp4").read_bytes()[:32]


def test_redraw_paints_anew_at_any_size(photo: Path, tmp_path: Path) -> None:
    shapes = tmp_path / "shapes.json"
    assert run("draw", photo, "-o", shapes, "--size", 30, *QUICK) == 0
    assert run("redraw", shapes, "-o", tmp_path / "big.png", "-o", tmp_path / "again.svg", "--size", 300, "-q") == 0
    assert open_still(str(tmp_path / "big.png")).size == (300, 200)
    assert (tmp_path / "again.svg").exists()


def test_redo_repeats_a_drawing_from_its_picture_or_its_json(photo: Path, tmp_path: Path) -> None:
    assert run("draw", photo, "-o", tmp_path / "a.png", "-o", tmp_path / "a.json", "--seed", 5, *QUICK) == 0
    for made in ("a.png", "a.json"):
        assert run("redo", tmp_path / made, "-o", tmp_path / "b.json", "-q") == 0
        first, second = (json.loads((tmp_path / n).read_text())["shapes"] for n in ("a.json", "b.json"))
        assert first == second


def test_a_drawing_goes_on_from_its_json(photo: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "first.json", tmp_path / "second.json"
    quick = [*QUICK, "--refine", "0"]
    assert run("draw", photo, "-o", first, *quick, "--count", 4) == 0
    assert run("draw", photo, "-o", second, *quick, "--count", 9, "--start", first) == 0
    a, b = (json.loads(p.read_text())["shapes"] for p in (first, second))
    assert len(b) == 9 and b[:4] == a


def test_pictures_on_the_way(photo: Path, tmp_path: Path) -> None:
    assert run("draw", photo, "-o", tmp_path / "a.svg", "--every", 2, *QUICK) == 0
    assert len(list(tmp_path.glob("a-0*.png"))) >= 2


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["draw", "PHOTO", "-o", "a.bmpx"], "bmpx"),
        (["draw", "PHOTO", "-o", "/dev/null/a.svg"], "folder"),
        (["draw", "PHOTO", "-o", "PHOTO"], "one of the pictures"),
        (["draw", "PHOTO", "-o", "a.svg", "--shape", "blob"], "blob"),
        (["draw", "PHOTO", "-o", "a.svg", "--animation", "a.avi"], "a.avi"),
        (["draw", "PHOTO", "-o", "a.svg", "--palette", "nowhere.jpg"], "nowhere.jpg"),
        (["draw", "PHOTO", "-o", "a.svg", "--start", "nowhere.json"], "nowhere.json"),
        (["draw", "PHOTO", "-o", "a.png", "--size", "0"], "at least 1"),
        (["draw", "PHOTO", "-o", "a.svg", "--size", "0"], "at least 1"),
        (["draw", "PHOTO", "-o", "."], "is a folder"),
        (["draw", "nobody.jpg", "-o", "a.svg"], "nobody.jpg"),
        (["redraw", "PHOTO", "-o", "a.svg"], "JSON"),
        (["redraw", "broken.json", "-o", "a.svg"], "broken.json"),
        (["draw", "PHOTO", "-o", "-", "-o", "-"], "standard output"),
        (["draw", "PHOTO", "-o", "a.svg", "--alpha", "0.00001"], "--alpha"),
        (["draw", "PHOTO", "-o", "a.svg", "--palette", "#ff0000", "--colours", "2"], "--palette-size"),
        (["draw", "PHOTO", "-o", "a.svg", "--palette", "#+1+2+3"], "#rrggbb"),
        (["draw", "PHOTO", "-o", "a.png", "--size", "40000"], "--max-pixels"),
    ],
)
def test_what_cannot_be_is_one_clear_line(
    arguments: list[str], word: str, photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("broken.json").write_text('{"format": "atelier drawing", "width": 3}')
    before = sorted(p.name for p in tmp_path.iterdir())
    assert run(*[str(photo) if a == "PHOTO" else a for a in arguments]) in (1, 2)
    said = capsys.readouterr().err.strip()
    assert word in said and said.startswith("atelier: ") and len(said.splitlines()) == 1
    assert sorted(p.name for p in tmp_path.iterdir()) == before


def test_from_python(photo: Path, tmp_path: Path) -> None:
    drawing = atelier.draw(photo, count=4, work_size=24, climbs=2, tries=10, age=8, shape="ellipse,circle", palette="#ff8800,#003366")
    assert isinstance(drawing, atelier.Drawing) and len(drawing.marks) == 4
    assert atelier.render(drawing, 90).size == (90, 60)
    for name in ("a.svg", "a.json", "a.png"):
        atelier.save(drawing, tmp_path / name)
        assert (tmp_path / name).stat().st_size > 0
    painting = np.full((8, 8, 3), (200, 40, 40), np.uint8)
    assert atelier.draw(open_still(str(photo)), count=2, work_size=24, tries=5, age=5, palette=painting, density="saliency").marks
    with pytest.raises(atelier.AtelierError):
        atelier.draw(photo, shape="blob")
    with pytest.raises(atelier.AtelierError):
        atelier.draw(photo, nonsense=1)


def test_ctrl_c_keeps_the_drawing_so_far(photo: Path, tmp_path: Path) -> None:
    out = [tmp_path / "a.svg", tmp_path / "a.json", tmp_path / "a.png"]
    command = [sys.executable, "-m", "atelier", "draw", str(photo), *(part for path in out for part in ("-o", str(path)))]
    command += ["--count", "100000", "--work-size", "32", "--every", "5", "--refine", "0", "--climbs", "2", "--tries", "5", "--age", "5"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob("a-0*.png")) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130 and "kept the drawing so far" in said
    assert all(path.stat().st_size > 0 for path in out)
    assert len(json.loads(out[1].read_text())["shapes"]) >= 5


def test_one_output_that_fails_does_not_cost_the_others(photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shapes, refuge = tmp_path / "shapes.json", tmp_path / "refuge"
    refuge.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(refuge))
    assert run("draw", photo, "-o", shapes, *QUICK) == 0
    gone = tmp_path / "gone.svg"
    gone.symlink_to("/dev/null/gone.svg")  # passes for a place to write to, and is none
    assert run("redraw", shapes, "-o", gone, "-o", tmp_path / "stays.svg", "-o", tmp_path / "stays.png", "-q") == 1
    assert (tmp_path / "stays.svg").exists() and (tmp_path / "stays.png").exists()
    assert not list(refuge.iterdir())  # the shapes have a file already
    assert run("draw", photo, "-o", gone, *QUICK) == 1
    assert [path.suffix for path in refuge.iterdir()] == [".json"]
    assert json.loads(next(refuge.iterdir()).read_text())["shapes"] == json.loads(shapes.read_text())["shapes"]


def test_what_exists_is_replaced_unless_told(photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shapes, out, film = tmp_path / "shapes.json", tmp_path / "a.svg", tmp_path / "a.gif"
    assert run("draw", photo, "-o", shapes, *QUICK) == 0
    for command in (["draw", photo, *QUICK], ["redraw", shapes, "-q"]):
        out.write_text("mine")
        capsys.readouterr()
        assert run(*command, "-o", tmp_path / "new.svg", "-o", out, "--no-overwrite") == 2
        assert "a.svg exists already" in capsys.readouterr().err
        assert out.read_text() == "mine" and not (tmp_path / "new.svg").exists()
        for flags in ([], ["--overwrite"]):
            out.write_text("mine")
            assert run(*command, "-o", out, *flags) == 0
            assert out.read_text().startswith("<svg")
        film.write_text("mine")
        assert run(*command, "-o", tmp_path / "b.svg", "--animation", film, "--no-overwrite") == 2
        assert film.read_text() == "mine" and not (tmp_path / "b.svg").exists()


def test_vectors_go_to_standard_output(photo: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "atelier", "draw", str(photo), "-o", "-", "--format", "svg", "-o", str(tmp_path / "b.png"), *QUICK]
    assert subprocess.run(command, capture_output=True, check=True).stdout.startswith(b"<svg")
    assert (tmp_path / "b.png").exists()
    assert run("draw", photo, "-o", tmp_path / "a.json", *QUICK) == 0
    command = [sys.executable, "-m", "atelier", "redraw", "-", "-o", "-", "--format", "json", "-q"]
    piped = subprocess.run(command, input=b"\xef\xbb\xbf" + (tmp_path / "a.json").read_bytes(), capture_output=True, check=True).stdout
    assert piped == (tmp_path / "a.json").read_bytes()


def test_vectors_have_no_size_to_be_over(photo: Path, tmp_path: Path) -> None:
    assert run("draw", photo, "-o", tmp_path / "a.svg", "--size", 40000, *QUICK) == 0


def test_without_a_place_for_a_cache_it_still_draws(photo: Path, tmp_path: Path) -> None:
    """As in a container: the package read-only, no home."""
    code = (
        "import numba.core.caching as c\nc.CacheImpl._locator_classes = []\n"
        "from atelier.cli import main\nmain(['redraw', 'a.json', '-o', 'b.png', '-q'])"
    )
    assert run("draw", photo, "-o", tmp_path / "a.json", *QUICK) == 0
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)
    assert (tmp_path / "b.png").exists()


def test_a_film_is_drawn_with_its_shapes_carried_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("av")
    pytest.importorskip("cv2")
    clip, out = make_film(tmp_path / "in.mp4", moving(4), sound=0.2), tmp_path / "out.mp4"
    assert run("draw", clip, "-o", out, "--to", "0.11", *QUICK) == 0
    assert len(times_of(out)) == 3
    for more, word in ((["-o", tmp_path / "a.svg"], "is a film"), (["-o", out, "-o", tmp_path / "a.svg"], "one file")):
        assert run("draw", clip, *more, *QUICK) == 2
        assert word in capsys.readouterr().err
