"""Many pictures: what is planned, what is skipped, what happens to those that fail, and to a run that is killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from atelier.batch import Found, Here, Item, Making, Manifest, Outcome, Processes, find_photos, paint_all, plan, read_plan
from atelier.cli.batching import parse_mix
from atelier.errors import Cancelled, OutputError, SettingError, TargetError, WeightsError
from atelier.image import Image, encode
from atelier.media import atomic_file, open_still
from atelier.progress import Progress
from atelier.request import Outputs, Request, Style

Ended = Callable[..., tuple[int, str, str]]
UDNIE, NIGHT = (Style("udnie"),), (Style("starry-night"),)


@pytest.fixture
def photos(tmp_path: Path, picture: Callable[..., Image]) -> Path:
    """a.png, sub/a.png, sub/b.jpg and a file that is no picture, 32 x 24 px."""
    folder = tmp_path / "photos"
    (folder / "sub" / ".hidden").mkdir(parents=True)
    for number, name in enumerate(("a.png", "sub/a.png", "sub/b.jpg", "sub/.hidden/c.png")):
        (folder / name).write_bytes(encode(picture(32, 24, number), Path(name).suffix))
    (folder / "bad.png").write_bytes(b"no picture")
    return folder


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


# Plans ----------------------------------------------------------------------------------------------------------------


def test_folders_are_mirrored_and_every_photo_meets_every_style(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    found = find_photos([str(photos)])
    assert [(Path(each.name).name, each.folder) for each in found] == [("a.png", ""), ("bad.png", ""), ("a.png", "sub"), ("b.jpg", "sub")]
    items = plan(found, [UDNIE, NIGHT], str(out), Making(suffix=".jpg"))
    targets = [Path(item.output).relative_to(out).as_posix() for item in items]
    assert len(targets) == 8
    assert {"udnie/a.jpg", "starry-night/a.jpg", "udnie/sub/a.jpg", "starry-night/sub/b.jpg"} <= set(targets)
    assert [Path(item.output).name for item in plan(found, [UDNIE], str(out), Making())] == ["a.png", "bad.png", "a.png", "b.png"]


def test_results_inside_the_folder_of_photos_are_no_photos(photos: Path) -> None:
    (photos / "out").mkdir()
    (photos / "out/a.png").write_bytes((photos / "a.png").read_bytes())
    assert len(find_photos([str(photos)])) == 5
    assert len(find_photos([str(photos)], str(photos / "out"))) == 4


def test_names_follow_a_pattern() -> None:
    found = [Found("x/a.png", "x"), Found("b.png")]
    items = plan(found, [UDNIE], "out", Making(), "{number}-{style}/{stem}")
    assert [item.output for item in items] == ["out/1-udnie/a.png", "out/2-udnie/b.png"]
    for name in ("{photo}", "{", "{stem.x}", "../{stem}", "/tmp/{stem}"):
        with pytest.raises(SettingError, match="name"):
            plan(found, [UDNIE], "out", Making(), name)
    with pytest.raises(TargetError, match="as well"):
        plan(found, [UDNIE], "out", Making(), "{style}")


def test_a_list_says_what_is_made(photos: Path, tmp_path: Path) -> None:
    plan_file = photos / "list.jsonl"
    plan_file.write_text(
        '{"input": "a.png", "style": "udnie", "size": 20, "strength": 0.5}\n\n{"input": "sub/b.jpg", "output": "x/y.webp"}\n'
    )
    first, second = read_plan(str(plan_file), str(tmp_path), Making({"seed": 3}))
    assert (first.input, first.output) == (str(photos / "a.png"), str(tmp_path / "a.png"))
    assert (first.request.size, first.request.seed, first.request.settings) == (20, 3, {"strength": 0.5})
    assert first.request.styles == UDNIE
    assert second.output == str(tmp_path / "x/y.webp")
    table = photos / "list.csv"
    table.write_text("input,style,size,output\na.png,udnie,20,one.png\nsub/b.jpg,starry-night,,two.png\n")
    first, second = read_plan(str(table), str(tmp_path), Making())
    assert (first.request.size, second.request.size) == (20, None)
    assert second.request.styles == NIGHT
    plan_file.write_text('{"output": "a.png"}\n')
    with pytest.raises(SettingError, match=r"item 1: .*no `input`"):
        read_plan(str(plan_file), str(tmp_path), Making())


def test_films_become_films(tmp_path: Path) -> None:
    for name in ("a.mp4", "b.avi", "c.gif", "d.jpg"):
        (tmp_path / name).write_bytes(b"")
    items = plan(find_photos([str(tmp_path)]), [UDNIE], "out", Making(suffix=".webp"))
    assert [Path(item.output).name for item in items] == ["a.mp4", "b.mp4", "c.webp", "d.webp"]


def test_styles_are_mixed_by_plus(tmp_path: Path) -> None:
    assert parse_mix("udnie=0.3+starry-night=0.7") == (Style("udnie", 0.3), Style("starry-night", 0.7))
    path = tmp_path / "a+b.png"
    path.write_bytes(b"")
    assert parse_mix(str(path)) == (Style(str(path)),)


# Painting -------------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("quick_networks")
def test_a_bad_photo_stops_nothing_and_what_is_there_is_skipped(photos: Path, tmp_path: Path, ended: Ended) -> None:
    out = tmp_path / "out"
    command = ("batch", photos, "--style", "udnie", "--out", out)
    code, _, told = ended(*command)
    assert code == 2
    assert "3 of 4 painted" in told and "1 of 4 photos were not painted" in told
    found = {Path(str(line["output"])).relative_to(out).as_posix(): line for line in lines(out / "manifest.jsonl")}
    assert {name: line["state"] for name, line in found.items()} == {
        "a.png": "done", "bad.png": "failed", "sub/a.png": "done", "sub/b.png": "done",
    }  # fmt: skip
    assert found["bad.png"]["error"]["kind"] == "ImageError"  # type: ignore[index]
    assert found["a.png"]["size"] == [32, 24]
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*.png")}
    assert "3 were there already" in ended(*command)[2]
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*.png")} == before

    (out / "a.png").unlink()
    (out / "sub/a.png").write_bytes(b"changed")
    assert "2 of 4 painted, 1 were there already" in ended(*command)[2]
    assert "3 of 4 painted:" in ended(*command, "--seed", 1)[2]  # another request
    assert "3 of 4 painted:" in ended(*command, "--seed", 1, "--again")[2]
    (photos / "a.png").write_bytes((photos / "sub/a.png").read_bytes())
    assert "1 of 4 painted, 2 were there already" in ended(*command, "--seed", 1)[2]


class Scripted:
    """A crew that paints nothing, and answers as it is told."""

    workers = 1

    def __init__(self, error: Exception | None = None) -> None:
        self.error, self.asked = error, list[str]()

    def paint(self, items: Iterator[Item], report: object = None) -> Iterator[Outcome]:
        for item in items:
            self.asked.append(item.input)
            yield Outcome(item, "failed" if self.error else "done", error=self.error)

    def close(self) -> None: ...


@pytest.mark.parametrize(("error", "asked"), [(WeightsError("none"), 1), (OutputError("full"), 1), (TargetError("taken"), 2)])
def test_what_ails_all_ends_all(error: Exception, asked: int, tmp_path: Path) -> None:
    items = [Item(Request("stylize", name, UDNIE), Outputs(str(tmp_path / f"{name}.png"))) for name in ("a", "b")]
    crew, got = Scripted(error), list[Outcome]()
    with Manifest(tmp_path / "m.jsonl") as manifest:
        if asked == 1:
            with pytest.raises(type(error)):
                got.extend(paint_all(items, crew, manifest))
        else:
            got.extend(paint_all(items, crew, manifest))
    assert len(crew.asked) == asked
    assert [line["state"] for line in lines(tmp_path / "m.jsonl")] == ["failed"] * asked


def test_a_run_that_was_killed_knows_what_it_has(tmp_path: Path) -> None:
    """A target that changed after its item was begun is whole."""
    item = Item(Request("stylize", "a", UDNIE), Outputs(str(tmp_path / "a.png")), "digest")
    first = Manifest(tmp_path / "m.jsonl")
    first.begin(item)
    assert not first.made(item)
    (tmp_path / "a.png").write_bytes(b"painted")
    first._file.write('{"output": "half a li')
    first._file.close()
    with Manifest(tmp_path / "m.jsonl") as second:
        assert second.made(item)
        second.keep(item)
        with pytest.raises(TargetError, match="another batch"):
            Manifest(tmp_path / "m.jsonl")
    (line,) = lines(tmp_path / "m.jsonl")
    assert line["state"] == "done"


@pytest.mark.usefixtures("quick_networks")
def test_a_call_to_stop_ends_the_run_here(photos: Path, tmp_path: Path) -> None:
    def stop(progress: Progress) -> None:
        raise Cancelled("stopped")

    items = plan(find_photos([str(photos / "sub")]), [UDNIE], str(tmp_path / "out"), Making())
    with pytest.raises(Cancelled):
        list(paint_all(items, Here(), report=stop))


# Worker processes -----------------------------------------------------------------------------------------------------


def test_workers_paint_what_one_process_paints_and_outlive_each_other(photos: Path, tmp_path: Path) -> None:
    items = plan(find_photos([str(photos)]), [UDNIE], str(tmp_path / "two"), Making())
    crew, killed = Processes(2), list[int]()

    def kill(progress: Progress) -> None:
        if not killed and progress.stage != "finishing":
            busy = next(worker for worker in crew._hired if worker.item is not None)
            killed.append(busy.process.pid)
            os.kill(busy.process.pid, signal.SIGKILL)

    outcomes = list(paint_all(items, crew, report=kill))
    crew.close()
    assert killed
    assert sorted(outcome.state for outcome in outcomes) == ["done", "done", "done", "failed"]
    for outcome in paint_all(plan(find_photos([str(photos)]), [UDNIE], str(tmp_path / "one"), Making()), Here()):
        if outcome.state == "done":
            other = tmp_path / "two" / Path(outcome.item.output).relative_to(tmp_path / "one")
            difference = abs(open_still(other).pixels - open_still(outcome.item.output).pixels)
            assert difference.max() < 0.01


def wait_for_workers(group: int) -> None:
    """Wait until the last process of a session is gone: workers end what they have, though nobody is there to hear of it."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    raise AssertionError("workers outlive the run that was killed")


def test_what_a_killed_run_was_writing_is_swept_and_what_others_write_is_not(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    program = (
        "import os, signal, sys\n"
        "from atelier.media.files import atomic_file, atomic_path\n"
        "with atomic_file(sys.argv[1]) as file, atomic_path(sys.argv[2]) as path:\n"
        "    path.write_bytes(b'half')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", program, str(out / "a.png"), str(out / "sub" / "b.mp4")], check=False)
    assert len(list(out.rglob(".atelier-*"))) == 2
    items = plan(find_photos([str(photos)]), [UDNIE], str(out), Making())
    with atomic_file(out / "c.png") as file, Manifest(out / "manifest.jsonl") as manifest:
        list(paint_all(items, Scripted(), manifest))
        file.write(b"whole")
    assert not list(out.rglob(".atelier-*"))
    assert (out / "c.png").read_bytes() == b"whole"


@pytest.mark.system
def test_nothing_is_redone_or_half_written_after_kill_9(tmp_path: Path, picture: Callable[..., Image]) -> None:
    photos, out = tmp_path / "photos", tmp_path / "out"
    photos.mkdir()
    for number in range(12):
        (photos / f"{number}.png").write_bytes(encode(picture(96, 64, number), "png"))
    command = [sys.executable, "-m", "atelier", "batch", str(photos), "-s", "udnie", "-o", str(out), "-q", "--workers", "2"]
    kept: dict[Path, int] = {}
    for _ in range(4):
        running = subprocess.Popen(command, start_new_session=True)
        until = time.monotonic() + 60
        while time.monotonic() < until and running.poll() is None and len(list(out.glob("*.png"))) < len(kept) + 3:
            time.sleep(0.01)
        running.kill()
        running.wait()
        wait_for_workers(running.pid)
        for path in out.glob("*.png"):
            assert open_still(path).size == (96, 64)
            assert kept.setdefault(path, path.stat().st_mtime_ns) == path.stat().st_mtime_ns
    assert subprocess.run(command, timeout=60, check=False).returncode == 0
    assert len(list(out.glob("*.png"))) == 12
    assert all(path.stat().st_mtime_ns == time_ for path, time_ in kept.items())
    assert {line["state"] for line in lines(out / "manifest.jsonl")} == {"done"}
    assert not list(out.glob(".*part*"))
