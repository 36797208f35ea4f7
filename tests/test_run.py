"""From a request to files: what is written, what is refused before any work, and going on after a stop."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow

from atelier.engines import deadline
from atelier.engines import table as engines
from atelier.engines.engine import Frame
from atelier.engines.guide import Sample
from atelier.engines.network import catalogue
from atelier.engines.optimize import kind as optimize
from atelier.errors import Cancelled, ImageError, OutputError, SettingError, SourceError, TargetError
from atelier.image import Image, Limits, encode
from atelier.media import open_still
from atelier.perception.store import find
from atelier.progress import Progress, Report
from atelier.request import Request, Settings, Style
from atelier.run import Local, Made, Outputs, embedded, make, preferred, redo, redraw, settle
from atelier.run import checkpoint as run_checkpoint
from atelier.run import open as open_job
from atelier.run import resolver as run_resolver
from atelier.run import sinks as run_sinks
from atelier.run import watch as run_watch
from atelier.run.sizes import at_size, blank

Ask = Callable[..., Request]


@pytest.fixture
def ask(photo: Path, painting: Path, plain: dict[str, Any]) -> Ask:
    """A request for 6 quick iterations."""

    def build(task: str = "stylize", **changed: Any) -> Request:
        settings = {**plain, "iterations": 6, **changed.pop("settings", {})}
        given = {"content": str(photo), "styles": (Style(str(painting)),), "settings": settings, **changed}
        return Request(task, **given)

    return build


def stopping_at(step: int, heard: list[Progress] | None = None) -> Report:
    def report(progress: Progress) -> None:
        if heard is not None:
            heard.append(progress)
        if progress.losses and progress.step >= step:
            raise Cancelled("enough")

    return report


def pixels(path: Path) -> np.ndarray:
    return open_still(path).to_array(16)


def steps(log: Path) -> list[int]:
    return [json.loads(line)["step"] for line in log.read_text().splitlines()]


# Settings -------------------------------------------------------------------------------------------------------------


def test_settled_is_recipe_then_task_then_what_was_given() -> None:
    assert settle(Request("stylize", "a", recipe="gatys")).normalize == "gatys"
    assert settle(Request("stylize", "a", recipe="gatys", settings={"normalize": "relative"})).normalize == "relative"
    texture = settle(Request("texture", None))
    assert (texture.content_weight, texture.start, texture.style_fit) == (0, "noise", "own")
    reconstruct = settle(Request("reconstruct", "a", settings={"content_layers": "conv1_1"}))
    assert (reconstruct.style_weight, reconstruct.start, reconstruct.content_layers) == (0, "noise", {"conv1_1": 1.0})
    assert settle(Request("texture", None, settings={"start": "gray"})).start == "gray"
    with pytest.raises(SettingError, match="recipe nope: no recipe of that name"):
        settle(Request("stylize", "a", recipe="nope"))


# Opening --------------------------------------------------------------------------------------------------------------


def test_open_job(ask: Ask, photo: Path, painting: Path, tmp_path: Path) -> None:
    opened = open_job(ask(size=20, styles=(Style(str(painting), 0.3), Style(str(photo), 0.7))))
    assert opened.content.size == (20, 14)
    assert [(sample.picture.size, sample.weight) for sample in opened.samples] == [((36, 44), 0.3), ((40, 28), 0.7)]
    assert opened.start is None and opened.guide is None
    start = open_job(ask(settings={"start": str(painting)})).start
    assert start is not None
    assert start.size == (36, 44)
    with pytest.raises(SourceError):
        open_job(ask(settings={"start": str(tmp_path / "nothing.png")}))


def test_the_size_of_a_texture(ask: Ask) -> None:
    assert open_job(ask("texture", content=None)).content.size == (36, 44)
    assert open_job(ask("texture", content=None, size=22)).content.size == (18, 22)
    assert open_job(ask("texture", content=None, canvas=(50, 30))).content.size == (50, 30)
    for size in ((0, 5), (5, -1), (10**6, 10**6)):
        with pytest.raises(ImageError, match="a texture of"):
            blank(*size, Limits().pixels)
    with pytest.raises(SettingError, match="give a picture"):
        open_job(ask(content=None, styles=()))


def test_standard_input_is_one_picture(ask: Ask) -> None:
    for asked in (
        ask(content="-", styles=(Style("-"),)),
        ask(styles=(Style("-"), Style("-"))),
        ask(content="-", settings={"start": "-"}),
    ):
        with pytest.raises(SourceError, match="only one picture can come from standard input"):
            open_job(asked)


def test_sizes(picture: Callable[..., Image], monkeypatch: pytest.MonkeyPatch) -> None:
    image = picture(30, 20)
    assert at_size(image, None, 4096) is image
    assert at_size(image, 30, 4096) is image
    assert at_size(image, 15, 4096).size == (15, 10)
    assert at_size(image, 60, 4096).size == (60, 40)
    for size in (0, -5):
        with pytest.raises(SettingError, match=rf"`?size`? {size}: must be at least 1"):
            at_size(image, size, 4096)
    with pytest.raises(ImageError, match="over the limit"):
        at_size(image, 10**6, 4096)
    heard: list[Progress] = []
    assert at_size(image, None, 24, report=heard.append).size == (24, 16)
    assert "30x20 is painted at 24 px; `size` asks for more" in heard[0].note
    assert at_size(image, 30, 24) is image


def shares(heard: list[Progress]) -> list[float]:
    return [progress.step / progress.of for progress in heard if progress.of]


def test_a_run_for_so_many_seconds_has_all_its_steps_at_the_end(ask: Ask, tmp_path: Path) -> None:
    heard: list[Progress] = []
    made = make(ask(settings={"iterations": 100_000, "seconds": 1.0}), Outputs(str(tmp_path / "out.png")), report=heard.append)
    assert made.finished and 1 <= made.iterations < 100_000
    assert shares(heard) == sorted(shares(heard)) and shares(heard)[-1] == 1
    assert heard[-1].step == made.iterations


def test_the_total_is_what_the_time_is_enough_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """At a pace that varies, after 100 iterations of another run, a stage that converged, and words between."""
    heard: list[Progress] = []
    now = iter([0.0, 2.0, 2.5, 3.0, 3.1, 8.0, 10.0])
    monkeypatch.setattr(deadline.time, "monotonic", now.__next__)
    report = deadline.Until(heard.append, 10.0)
    for step in (101, 102, 140, 140, 141):
        report(Progress("a", step, 1000, {"total": 1.0} if step != 140 or len(heard) == 2 else {}))
    with pytest.raises(Cancelled):
        report(Progress("a", 142, 1000, {"total": 1.0}))
    assert [progress.of for progress in heard] == [105, 106, 145, 145, 146, 142]
    assert shares(heard) == sorted(shares(heard))
    report.close()
    assert len(heard) == 6


def test_opening_counts_as_time_of_the_first_picture() -> None:
    """PyTorch takes a second or two to open, which `seconds=3` has to hold."""
    frame = Frame(np.zeros((4, 4, 3), np.float32))

    def engine(frame: Frame, report: Report) -> Frame:
        heard.append(0)
        with suppress(Cancelled):
            while True:
                heard[-1] += 1
                report(Progress("painting", heard[-1], 1000, {"total": 1.0}))
        return frame

    heard: list[int] = []
    timed = deadline.Deadline(engine, 0.05, spent=0.05)
    assert timed(frame) is frame and heard == [1]
    timed(frame)
    assert heard[1] > 1


def test_an_engine_knows_how_long_it_took_to_open(monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter([10.0, 12.5])
    monkeypatch.setattr(optimize, "time", SimpleNamespace(monotonic=now.__next__))
    sample = Sample(Image(np.full((64, 64, 3), 0.5, np.float32)))
    built = optimize.build([sample], Settings(seconds=3.0))
    assert built.engine.spent == 2.5


def test_a_run_that_converged_has_all_its_steps_at_the_end(ask: Ask, tmp_path: Path) -> None:
    heard: list[Progress] = []
    made = make(ask(settings={"iterations": 60, "tolerance": 0.9}), Outputs(str(tmp_path / "out.png")), report=heard.append)
    assert made.finished and made.iterations < 60
    assert (heard[-1].step, heard[-1].of) == (60, 60)
    stopped: list[Progress] = []
    assert not make(ask(), Outputs(str(tmp_path / "out.png")), report=stopping_at(2, stopped)).finished
    assert stopped[-1].step == 2


def test_each_note_is_told_once(ask: Ask, tmp_path: Path) -> None:
    frames = [Pillow.new("RGB", (20, 20), color) for color in ("red", "blue")]
    frames[0].save(tmp_path / "moving.gif", save_all=True, append_images=frames[1:])
    heard: list[Progress] = []
    open_job(ask(content=str(tmp_path / "moving.gif")), report=heard.append)
    notes = [progress.note for progress in heard if progress.note]
    assert len(notes) == 1
    assert "animated GIF" in notes[0]


# Making ---------------------------------------------------------------------------------------------------------------


def test_make_writes_the_picture_and_says_what_came_of_it(ask: Ask, tmp_path: Path) -> None:
    made = make(ask(), Outputs(str(tmp_path / "out.png"), depth=16))
    assert isinstance(made, Made)
    assert (made.finished, made.iterations) == (True, 6)
    assert {"content", "style", "total"} == set(made.losses)
    assert np.array_equal(pixels(tmp_path / "out.png"), made.image.to_array(16))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.png", "painting.png", "photo.png"]


def test_what_was_made_says_how(ask: Ask, tmp_path: Path) -> None:
    request = ask(seed=5, size=24, settings={"style_layers": "conv1_1,conv2_1=0.5"})
    make(request, Outputs(str(tmp_path / "out.png")))
    assert embedded(str(tmp_path / "out.png")) == dataclasses.replace(request, engine="optimize")
    data = json.loads(open_still(tmp_path / "out.png").text["atelier"])
    assert data["resolved"]["style_layers"] == {"conv1_1": 1.0, "conv2_1": 0.5}
    assert data["resolved"]["optimizer"] == settle(request).optimizer
    assert data["version"]


def test_pictures_of_others_say_nothing(photo: Path, picture: Callable[..., Image], tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="was not made by atelier"):
        embedded(str(photo))
    (tmp_path / "odd.png").write_bytes(encode(dataclasses.replace(picture(5, 5), text={"atelier": "{}"}), "png"))
    with pytest.raises(SettingError):
        embedded(str(tmp_path / "odd.png"))


def test_pictures_on_the_way(ask: Ask, tmp_path: Path) -> None:
    previews: dict[int, Image] = {}

    def report(progress: Progress) -> None:
        if progress.preview:
            previews[progress.step] = progress.preview()

    make(ask(), Outputs(str(tmp_path / "out.png"), every=2, depth=8), report=report)
    assert sorted(path.name for path in tmp_path.glob("out-*.png")) == ["out-00002.png", "out-00004.png", "out-00006.png"]
    for step in (2, 4, 6):
        assert np.array_equal(open_still(tmp_path / f"out-{step:05d}.png").to_array(), previews[step].to_array())
    assert np.array_equal(open_still(tmp_path / "out.png").to_array(), previews[6].to_array())


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".png"])
def test_an_animation(ask: Ask, tmp_path: Path, suffix: str) -> None:
    make(ask(), Outputs(str(tmp_path / "out.png"), every=2, animation=str(tmp_path / f"way{suffix}")))
    with Pillow.open(tmp_path / f"way{suffix}") as moving:
        assert moving.size == (40, 28)
        assert 2 <= moving.n_frames <= 4  # the last one may be the result itself, and formats merge what is alike


def test_an_animation_of_a_large_picture_is_smaller(ask: Ask, picture: Callable[..., Image], tmp_path: Path) -> None:
    (tmp_path / "wide.png").write_bytes(encode(picture(700, 16), "png"))
    settings = {"iterations": 2, "style_layers": "conv1_1", "content_layers": "conv1_1", "coarse_iterations": 0}
    request = ask(content=str(tmp_path / "wide.png"), settings=settings)
    make(request, Outputs(str(tmp_path / "out.png"), every=1, animation=str(tmp_path / "way.gif")))
    assert open_still(tmp_path / "out.png").size == (700, 16)
    with Pillow.open(tmp_path / "way.gif") as moving:
        assert moving.width <= 640


def test_a_log(ask: Ask, tmp_path: Path) -> None:
    made = make(ask(), Outputs(str(tmp_path / "out.png"), log=str(tmp_path / "log.jsonl")))
    records = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [record["step"] for record in records] == [1, 2, 3, 4, 5, 6]
    assert set(records[0]) == {"step", "stage", "seconds", "content", "style", "total"}
    assert records[-1]["total"] == made.losses["total"]
    assert records[-1]["seconds"] >= records[0]["seconds"] >= 0
    make(ask(), Outputs(str(tmp_path / "out.png"), log=str(tmp_path / "log.jsonl")))
    assert steps(tmp_path / "log.jsonl") == [1, 2, 3, 4, 5, 6]  # of the last run alone


def test_stopping_writes_the_picture_so_far(ask: Ask, tmp_path: Path) -> None:
    heard: list[Progress] = []
    log = tmp_path / "log.jsonl"
    made = make(ask(), Outputs(str(tmp_path / "out.png"), log=str(log), depth=16), report=stopping_at(2, heard))
    assert (made.finished, made.iterations) == (False, 2)
    assert heard[-1].preview is not None
    assert np.array_equal(pixels(tmp_path / "out.png"), heard[-1].preview().to_array(16))
    assert steps(log) == [1, 2]


def test_stopping_before_there_is_a_picture(ask: Ask, tmp_path: Path) -> None:
    def stop(progress: Progress) -> None:
        raise Cancelled("at once")

    with pytest.raises(Cancelled):
        make(ask(), Outputs(str(tmp_path / "out.png")), report=stop)
    assert not (tmp_path / "out.png").exists()


@pytest.mark.parametrize(
    ("outputs", "error"),
    [
        ({"picture": "out"}, OutputError), ({"picture": "out.xyz"}, OutputError), ({"picture": "photo.png/out.png"}, OutputError),
        ({"picture": "out.png", "quality": 0}, SettingError), ({"picture": "out.png", "depth": 12}, SettingError),
        ({"picture": "out.png", "animation": "a.mp4"}, OutputError), ({"picture": "out.png", "animation": "photo.png/a.gif"}, OutputError),
        ({"picture": "out.png", "log": "photo.png/log.jsonl"}, OutputError),
        ({"picture": "out.png", "checkpoint": "photo.png/c"}, OutputError),
        ({"picture": "out.png", "every": -1}, SettingError), ({"picture": "-", "every": 5}, SettingError),
        ({"picture": "photo.png", "overwrite": False}, OutputError),
    ],
)  # fmt: skip
def test_what_cannot_be_written_is_refused_first(ask: Ask, tmp_path: Path, outputs: dict[str, Any], error: type[Exception]) -> None:
    placed = {k: str(tmp_path / v) if isinstance(v, str) and v != "-" else v for k, v in outputs.items()}

    def never(progress: Progress) -> None:
        assert not progress.losses

    with pytest.raises(error):
        make(ask(), Outputs(**placed), report=never)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["painting.png", "photo.png"]


def test_pictures_over_the_limits(ask: Ask, tmp_path: Path) -> None:
    with pytest.raises(ImageError):
        make(ask(), Outputs(str(tmp_path / "out.png")), Local(Limits(pixels=100)))


# Going on -------------------------------------------------------------------------------------------------------------

MANNERS: dict[str, dict[str, Any]] = {
    "lbfgs": {"iterations": 7},
    "adam, averaged": {"optimizer": "adam", "rate": 0.02, "average": 0.9, "iterations": 7},
    "coarse to fine": {"coarse_iterations": 3, "smallest": 16, "iterations": 4, "style_layers": "conv1_1,conv2_1", "average": 0.5},
}


@pytest.mark.parametrize("stop", [1, 3, 4, 6, 7])
@pytest.mark.parametrize("manner", MANNERS)
def test_a_run_that_was_stopped_goes_on_exactly(ask: Ask, tmp_path: Path, manner: str, stop: int) -> None:
    request = ask(settings=MANNERS[manner])
    whole = make(request, Outputs(str(tmp_path / "whole.png"), depth=16))
    assert whole.iterations == 7
    outputs = Outputs(str(tmp_path / "out.png"), depth=16, checkpoint=str(tmp_path / "state"), log=str(tmp_path / "log.jsonl"))
    first = make(request, outputs, report=stopping_at(stop))
    assert not first.finished
    assert (tmp_path / "state").exists()
    heard: list[Progress] = []
    second = make(request, outputs, report=heard.append)
    assert f"going on from iteration {stop} " in next(progress.note for progress in heard if progress.note)
    assert [progress.step for progress in heard if progress.losses] == list(range(stop + 1, 8))
    assert second.finished
    assert np.array_equal(second.image.pixels, whole.image.pixels)
    assert steps(tmp_path / "log.jsonl") == list(range(1, 8))
    assert not (tmp_path / "state").exists()


def test_a_run_stopped_again_and_again_goes_on_exactly(ask: Ask, tmp_path: Path) -> None:
    request = ask(settings=MANNERS["coarse to fine"])
    whole = make(request, Outputs(str(tmp_path / "whole.png")))
    outputs = Outputs(str(tmp_path / "out.png"), checkpoint=str(tmp_path / "state"))
    for stop in range(1, 8):
        assert not make(request, outputs, report=stopping_at(stop)).finished
    assert np.array_equal(make(request, outputs).image.pixels, whole.image.pixels)


def test_going_on_stops_where_it_would_have(ask: Ask, tmp_path: Path) -> None:
    """A scale that had converged at the very step where it was stopped has still converged afterwards."""
    request = ask(settings={"iterations": 60, "tolerance": 1.0, "coarse_iterations": 0})
    whole = make(request, Outputs(str(tmp_path / "whole.png")))
    assert whole.iterations == 21
    outputs = Outputs(str(tmp_path / "out.png"), checkpoint=str(tmp_path / "state"))
    make(request, outputs, report=stopping_at(21))
    assert np.array_equal(make(request, outputs).image.pixels, whole.image.pixels)


def test_a_crash_goes_on_from_the_last_time_the_state_was_saved(ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_watch, "CHECKPOINT_SECONDS", -1.0)
    request = ask(settings=MANNERS["adam, averaged"])
    whole = make(request, Outputs(str(tmp_path / "whole.png")))

    def crash(progress: Progress) -> None:
        if progress.step == 5:
            raise KeyboardInterrupt

    outputs = Outputs(str(tmp_path / "out.png"), checkpoint=str(tmp_path / "state"))
    with pytest.raises(KeyboardInterrupt):
        make(request, outputs, report=crash)
    heard: list[Progress] = []
    second = make(request, outputs, report=heard.append)
    assert [progress.step for progress in heard if progress.losses] == [6, 7]
    assert np.array_equal(second.image.pixels, whole.image.pixels)


@pytest.mark.parametrize("change", [{"seed": 1}, {"settings": {"iterations": 9}}, {"size": 30}, {"styles": "photo"}])
def test_a_checkpoint_of_another_run_is_refused(ask: Ask, photo: Path, tmp_path: Path, change: dict[str, Any]) -> None:
    outputs = Outputs(str(tmp_path / "out.png"), checkpoint=str(tmp_path / "state"))
    make(ask(), outputs, report=stopping_at(2))
    change = {**change, **({"styles": (Style(str(photo)),)} if "styles" in change else {})}
    with pytest.raises(SourceError, match="is of another run"):
        make(ask(**change), outputs)
    assert (tmp_path / "state").exists()
    assert make(ask(), outputs).finished


def test_other_weights_make_another_run(ask: Ask, tmp_path: Path) -> None:
    """A file of the same name whose weights are not those of before: a checkpoint would go on towards something else."""
    from safetensors.numpy import load_file, save_file

    weights = tmp_path / "mine.safetensors"
    shutil.copyfile(find("pocket"), weights)
    request = ask(settings={"features": str(weights)})
    make(request, Outputs(str(tmp_path / "out.png")))
    outputs = Outputs(str(tmp_path / "stopped.png"), checkpoint=str(tmp_path / "state"))
    make(request, outputs, report=stopping_at(2))
    tensors = load_file(weights)
    save_file({**tensors, "conv1_1.bias": tensors["conv1_1.bias"] + 1}, weights)
    with pytest.raises(SourceError, match="is of another run"):
        make(request, outputs)
    heard: list[Progress] = []
    redo(str(tmp_path / "out.png"), Outputs(str(tmp_path / "again.png")), report=heard.append)
    assert "the weights of a network changed since then: the result will be another" in [progress.note for progress in heard]


def test_the_same_numbers_for_another_input_are_another_network(ask: Ask, tmp_path: Path) -> None:
    from safetensors.numpy import load_file, save_file

    weights, outputs = tmp_path / "mine.safetensors", Outputs(str(tmp_path / "out.png"), checkpoint=str(tmp_path / "state"))
    save_file(load_file(find("pocket")), weights)
    make(ask(settings={"features": str(weights)}), outputs, report=stopping_at(2))
    save_file(load_file(find("pocket")), weights, {"mean": "0,0,0"})
    with pytest.raises(SourceError, match=r"is of another run .*weights"):
        make(ask(settings={"features": str(weights)}), outputs)


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04", b"\x80\x02}q\x00."])
def test_a_damaged_checkpoint_is_refused(ask: Ask, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "state").write_bytes(content)
    with pytest.raises(SourceError, match="is no checkpoint of atelier, or is damaged"):
        make(ask(), Outputs(str(tmp_path / "out.png"), checkpoint=str(tmp_path / "state")))
    assert (tmp_path / "state").read_bytes() == content


def test_a_checkpoint_that_is_refused_is_never_to_be_deleted(ask: Ask, photo: Path, tmp_path: Path) -> None:
    (tmp_path / "holiday.jpg").write_bytes(photo.read_bytes())
    with pytest.raises(SourceError) as caught:
        make(ask(), Outputs(str(tmp_path / "out.png"), checkpoint=str(tmp_path / "holiday.jpg")))
    assert "delete" not in str(caught.value)
    assert "name another file" in str(caught.value)


def test_time_goes_on_too(ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outputs = Outputs(str(tmp_path / "out.png"), checkpoint=str(tmp_path / "state"), log=str(tmp_path / "log"))
    monkeypatch.setattr(run_watch.time, "monotonic", iter(range(0, 100_000, 10)).__next__)
    first = make(ask(), outputs, report=stopping_at(3))
    second = make(ask(), outputs)
    seconds = [json.loads(line)["seconds"] for line in (tmp_path / "log").read_text().splitlines()]
    assert seconds == sorted(seconds)
    assert seconds[3] > seconds[2] >= 30
    assert second.seconds > first.seconds
    assert json.loads(open_still(tmp_path / "out.png").text["atelier"])["seconds"] > first.seconds


# One file, one thing --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("outputs", "settings"),
    [
        ({"picture": "out.png", "checkpoint": "out.png"}, {}), ({"picture": "out.png", "log": "./sub/../out.png"}, {}),
        ({"picture": "out.gif.png", "animation": "out.gif.png"}, {}), ({"picture": "out.png", "log": "l", "checkpoint": "l"}, {}),
        ({"picture": "out.png", "log": "photo.png"}, {}), ({"picture": "out.png", "checkpoint": "painting.png"}, {}),
        ({"picture": "out.png", "animation": "photo.png"}, {}), ({"picture": "painting.png"}, {}),
        ({"picture": "start.png"}, {"start": "start.png"}), ({"picture": "out.png", "log": "start.png"}, {"start": "start.png"}),
        ({"picture": "link.png"}, {}), ({"picture": "hard.png"}, {}), ({"picture": "out.png", "log": "net"}, {"features": "net"}),
        ({"picture": "photo.png", "overwrite": True}, {}), ({"picture": "frame.png", "every": 2}, {"start": "frame-00002.png"}),
        ({"picture": "frame.png", "every": 2, "animation": "frame-00004.png"}, {}),
    ],
)  # fmt: skip
def test_no_file_is_two_things(
    ask: Ask, photo: Path, net: str, tmp_path: Path, outputs: dict[str, Any], settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sub").mkdir()
    for name in ("start.png", "frame-00002.png"):
        (tmp_path / name).write_bytes(photo.read_bytes())
    (tmp_path / "net").write_bytes(Path(net).read_bytes())
    (tmp_path / "link.png").symlink_to(photo)
    (tmp_path / "hard.png").hardlink_to(photo)
    before = {path: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    with pytest.raises(TargetError, match="another name") as caught:
        make(ask(settings=settings), Outputs(**outputs))
    assert caught.value.exit_code == 2
    assert {path: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()} == before


def test_no_file_of_a_drawing_is_two_things(photo: Path, tmp_path: Path) -> None:
    start, out = tmp_path / "start.json", tmp_path / "out.svg"
    start.write_text("{}")
    for settings, outputs in (
        ({"start": str(start)}, Outputs(str(start))), ({"palette": str(start)}, Outputs(str(out), log=str(start))),
        ({"density": str(start)}, Outputs(str(out), (str(start),))), ({}, Outputs(str(out), (str(tmp_path / "." / "out.svg"),))),
        ({}, Outputs(str(out), (str(tmp_path / "a.gif.png"),), animation=str(tmp_path / "a.gif.png"))),
    ):  # fmt: skip
        with pytest.raises(TargetError, match="another name"):
            make(Request("draw", str(photo), settings=settings), outputs)
    with pytest.raises(TargetError, match="another name"):
        redraw(str(start), [str(tmp_path / "a.png")], animation=str(tmp_path / "a.png"))
    assert start.read_text() == "{}"


def test_devices_may_be_many_things(ask: Ask) -> None:
    assert make(ask(), Outputs("/dev/null", format="png", log="/dev/null")).finished


def test_what_is_there_is_replaced_only_where_it_may(ask: Ask, tmp_path: Path) -> None:
    for name, outputs in (
        ("out.png", {}), ("way.gif", {"animation": str(tmp_path / "way.gif")}), ("log", {"log": str(tmp_path / "log")}),
        ("out-00004.png", {"every": 2}),
    ):  # fmt: skip
        (tmp_path / name).write_text("mine")
        with pytest.raises(TargetError, match=name):
            make(ask(), Outputs(str(tmp_path / "out.png"), overwrite=False, **outputs))
        assert (tmp_path / name).read_text() == "mine"
        (tmp_path / name).unlink()
    outputs = Outputs(str(tmp_path / "out.png"), every=2, log=str(tmp_path / "log"), checkpoint=str(tmp_path / "state"), overwrite=False)
    make(ask(), outputs, report=stopping_at(4))
    (tmp_path / "out.png").unlink()
    assert make(ask(), outputs).finished  # what is there is its own


@pytest.mark.parametrize(
    ("outputs", "why"),
    [
        ({"picture": "out.png", "format": "jpeg"}, "`format` jpeg does not go with the name"),
        ({"picture": "out.jpg", "format": "png"}, "`format` png does not go with the name"),
    ],
)
def test_a_name_and_a_format_that_say_different_things(ask: Ask, tmp_path: Path, outputs: dict[str, Any], why: str) -> None:
    with pytest.raises(SettingError, match=why):
        make(ask(), Outputs(str(tmp_path / outputs["picture"]), format=outputs["format"]))
    assert make(ask(), Outputs(str(tmp_path / "out.jpg"), format="JPEG")).finished


def test_pictures_on_the_way_are_like_the_result(ask: Ask, tmp_path: Path) -> None:
    make(ask(), Outputs(str(tmp_path / "nosuffix"), every=3, format="png", depth=16))
    assert {path.name for path in tmp_path.glob("nosuffix*")} == {"nosuffix", "nosuffix-00003.png", "nosuffix-00006.png"}
    assert open_still(tmp_path / "nosuffix-00003.png").depth == 16
    make(ask(), Outputs(str(tmp_path / "pic.2024"), every=6, format="jpeg"))
    assert (tmp_path / "pic-00006.2024").read_bytes().startswith(b"\xff\xd8")


def test_a_format_with_no_room_is_refused_first(ask: Ask, picture: Callable[..., Image], tmp_path: Path) -> None:
    (tmp_path / "wide.png").write_bytes(encode(Image(np.zeros((4, 16_400, 3), np.float32)), "png"))

    def never(progress: Progress) -> None:
        assert not progress.losses

    request = ask(content=str(tmp_path / "wide.png"), size=16_400, settings={"style_layers": "conv1_1", "content_layers": "conv1_1"})
    with pytest.raises(TargetError, match="WEBP holds at most"):
        make(request, Outputs(str(tmp_path / "out.webp")), report=never)


def test_tiles_and_histograms_are_refused_first(ask: Ask, tmp_path: Path) -> None:
    def never(progress: Progress) -> None:
        assert not progress.losses

    request = ask(size=64, settings={"histogram_weight": 1.0, "tile": 32, "coarse_iterations": 2, "style_layers": "conv1_1"})
    with pytest.raises(SettingError, match=r"`?histogram_weight`? needs the whole picture"):
        make(request, Outputs(str(tmp_path / "out.png")), report=never)


# What goes wrong beside the picture -----------------------------------------------------------------------------------


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """A disk on which files of these names cannot be written."""
    names: set[str] = set()

    def failing(write: Callable[..., None], position: int) -> Callable[..., None]:
        def wrapped(*arguments: Any, **more: Any) -> None:
            if Path(arguments[position]).name in names:
                raise OutputError(f"{arguments[position]} was not written: no space left on its disk")
            write(*arguments, **more)

        return wrapped

    writers = ((run_watch, "atomic_write"), (run_checkpoint, "atomic_write"), (run_watch, "write_still"), (run_sinks, "write_still"))
    for module, name in (*writers, (run_sinks, "write_animation")):
        monkeypatch.setattr(module, name, failing(getattr(module, name), 1))
    return names


@pytest.mark.parametrize(
    ("name", "option"), [("log", "log"), ("out-00002.png", "every"), ("state", "checkpoint"), ("way.gif", "animation")]
)
def test_what_fails_beside_the_picture_does_not_cost_it(
    ask: Ask, tmp_path: Path, full: set[str], name: str, option: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_watch, "CHECKPOINT_SECONDS", -1.0)
    whole = make(ask(), Outputs(str(tmp_path / "whole.png")))
    full.add(name)
    heard: list[Progress] = []
    outputs = Outputs(
        str(tmp_path / "out.png"),
        every=2,
        animation=str(tmp_path / "way.gif"),
        log=str(tmp_path / "log"),
        checkpoint=str(tmp_path / "state"),
    )
    made = make(ask(), outputs, report=heard.append)
    assert made.finished
    assert np.array_equal(pixels(tmp_path / "out.png"), pixels(tmp_path / "whole.png"))
    assert np.array_equal(made.image.pixels, whole.image.pixels)
    assert len(made.missed) == 1
    assert made.missed[0].startswith(f"`{option}`: ")
    assert "no space left" in made.missed[0]
    assert sum(f"`{option}`" in progress.note for progress in heard) == (option in ("every", "checkpoint"))
    there = {path.name for path in tmp_path.iterdir()}
    assert {"out.png", "log", "way.gif", "out-00004.png"} - {name, "out-00004.png" if option == "every" else ""} <= there
    assert name not in there


def test_a_stop_on_a_full_disk_still_gives_the_picture(ask: Ask, tmp_path: Path, full: set[str]) -> None:
    full |= {"state", "log"}
    made = make(
        ask(), Outputs(str(tmp_path / "out.png"), log=str(tmp_path / "log"), checkpoint=str(tmp_path / "state")), report=stopping_at(3)
    )
    assert not made.finished
    assert len(made.missed) == 2
    assert (tmp_path / "out.png").exists()


def test_a_picture_that_cannot_be_written_after_all_is_kept(
    ask: Ask, tmp_path: Path, full: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    refuge = tmp_path / "refuge"
    refuge.mkdir()
    monkeypatch.setattr(run_sinks.tempfile, "tempdir", str(refuge))
    whole = make(ask(), Outputs(str(tmp_path / "whole.png")))
    full.add("out.png")
    outputs = Outputs(str(tmp_path / "out.png"), checkpoint=str(tmp_path / "state"), log=str(tmp_path / "log"))
    with pytest.raises(OutputError, match="no space left on its disk; the picture is kept as") as caught:
        make(ask(), outputs)
    (kept,) = refuge.iterdir()
    assert str(kept) in str(caught.value)
    assert np.array_equal(pixels(kept), pixels(tmp_path / "whole.png"))
    assert steps(tmp_path / "log") == [1, 2, 3, 4, 5, 6]
    full.clear()
    heard: list[Progress] = []
    again = make(ask(), outputs, report=heard.append)  # with nothing left to do
    assert not any(progress.losses for progress in heard)
    assert np.array_equal(again.image.pixels, whole.image.pixels)


# Sizes ----------------------------------------------------------------------------------------------------------------


def test_a_canvas_that_is_asked_for_is_of_that_size(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(engines.ENGINES, "optimize", dataclasses.replace(engines.ENGINES["optimize"], largest=24))
    assert open_job(ask("texture", content=None, canvas=(60, 17))).content.size == (60, 17)
    assert open_job(ask("texture", content=None)).content.size == (20, 24)
    assert open_job(ask("texture", content=None, size=44)).content.size == (36, 44)
    with pytest.raises(ImageError, match="a texture of 90x20 px"):
        open_job(ask("texture", content=None, canvas=(90, 20)), Local(Limits(pixels=1600)))


def test_limits_hold_for_what_is_painted_too(ask: Ask) -> None:
    with pytest.raises(ImageError, match="over the limit of 3,000 pixels"):
        open_job(ask(size=80), Local(Limits(pixels=3000)))
    assert open_job(ask(size=64), Local(Limits(pixels=3000))).content.size == (64, 45)


# Once more ------------------------------------------------------------------------------------------------------------


def test_secrets_stay_out_of_the_picture(ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = "https://user:pass@example.org/a/b.png?token=s3cret&x=1#part"
    opened = run_resolver.open_still
    monkeypatch.setattr(
        run_resolver, "open_still", lambda name, *more: opened(str(tmp_path / "photo.png") if "://" in name else name, *more)
    )
    request = ask(content=secret, styles=(Style(secret, 0.5),), settings={"start": secret})
    make(request, Outputs(str(tmp_path / "out.png")))
    written = (tmp_path / "out.png").read_bytes()
    for word in (b"user", b"pass", b"s3cret", b"token"):
        assert word not in written
    told = embedded(str(tmp_path / "out.png"))
    assert told.content == told.styles[0].source == told.settings["start"] == "https://example.org/a/b.png"


def test_sources_that_moved_with_the_picture_are_found(ask: Ask, photo: Path, painting: Path, tmp_path: Path) -> None:
    first = make(ask(), Outputs(str(tmp_path / "out.png"), depth=16))
    away = tmp_path / "away"
    away.mkdir()
    for path in (photo, painting, tmp_path / "out.png"):
        path.rename(away / path.name)
    heard: list[Progress] = []
    again = redo(str(away / "out.png"), Outputs(str(tmp_path / "again.png"), depth=16), report=heard.append)
    assert np.array_equal(again.image.pixels, first.image.pixels)
    assert not any("changed" in progress.note for progress in heard)
    (away / photo.name).unlink()
    with pytest.raises(SourceError, match=photo.name):
        redo(str(away / "out.png"), Outputs(str(tmp_path / "again.png")))


def test_what_changed_since_is_noted(ask: Ask, photo: Path, picture: Callable[..., Image], tmp_path: Path) -> None:
    make(ask(settings={"start": str(photo)}), Outputs(str(tmp_path / "out.png")))
    photo.write_bytes(encode(picture(40, 28, 77), "png"))
    heard: list[Progress] = []
    assert redo(str(tmp_path / "out.png"), Outputs(str(tmp_path / "again.png")), report=heard.append).finished
    notes = [progress.note for progress in heard if progress.note]
    assert notes == ["the photo and the picture it starts from changed since then: the result will be another"]
    with pytest.raises(TargetError, match="another name"):
        redo(str(tmp_path / "out.png"), Outputs(str(tmp_path / "out.png")))


# What one photo is painted by -------------------------------------------------------------------------------------------


def test_one_photo_is_painted_by_optimisation_where_nobody_says_how() -> None:
    plain = Request("stylize", "a.jpg", (Style("udnie"),))
    assert (preferred(plain).engine, preferred(plain).at_most) == ("optimize", engines.PREFERRED_SIDE)
    assert preferred(dataclasses.replace(plain, size=300)).at_most is None
    assert preferred(dataclasses.replace(plain, at_most=300)).at_most == 300
    assert preferred(dataclasses.replace(plain, settings={"color": "photo"})).engine == "optimize"


@pytest.mark.parametrize(
    "changes",
    [
        {"engine": "instant"}, {"effort": "fast"}, {"recipe": "brush"}, {"settings": {"strength": 0.5}}, {"content": "a.mp4"},
        {"settings": {"seconds": 3}},
        {"content": "a.obj"}, {"styles": (Style("mine.safetensors"),)}, {"styles": (Style("own"),)},
        {"task": "draw", "styles": ()},
    ],
    ids=str,
)  # fmt: skip
def test_what_is_said_stands_and_the_rest_is_for_the_networks(changes: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue, "entry", lambda name: object() if name == "own" else None)
    request = dataclasses.replace(Request("stylize", "a.jpg", (Style("udnie"),)), **changes)
    assert preferred(request) == request


def test_without_pytorch_the_networks_paint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "find_spec", lambda name: None)
    request = Request("stylize", "a.jpg", (Style("udnie"),))
    assert preferred(request) == request


def test_at_most_makes_no_photo_larger(tmp_path: Path, picture: Callable[..., Image]) -> None:
    (tmp_path / "a.png").write_bytes(encode(picture(60, 40), "png"))
    for most, size in ((30, (30, 20)), (90, (60, 40))):
        for engine in ("instant", "optimize"):
            settings = {"iterations": 1, "coarse_iterations": 0} if engine == "optimize" else {}
            request = Request("stylize", str(tmp_path / "a.png"), (Style("udnie"),), engine=engine, at_most=most, settings=settings)
            made = make(request, Outputs(str(tmp_path / "out.png")))
            assert made.size == size
            assert embedded(str(tmp_path / "out.png")).at_most == most
    with pytest.raises(SettingError, match="at_most"):
        dataclasses.replace(request, at_most=0)
