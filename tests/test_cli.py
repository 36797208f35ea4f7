"""The command line with real files: what is written, what is said, and how it ends."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import ExifTags
from PIL import Image as Pillow

import atelier
from atelier.cli import main, watching
from atelier.cli.helping import COMMANDS, EXAMPLES
from atelier.engines.optimize.recipes import RECIPES
from atelier.errors import OutputError
from atelier.image import Image, decode, encode
from atelier.media import open_still
from atelier.progress import Progress
from atelier.request import Settings, options
from atelier.run import watch

Ended = tuple[int, str, str]
Command = Callable[..., Ended]


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs a command in this process: its exit code, standard output and standard error."""

    def ended(*arguments: object) -> Ended:
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        code = end.value.code
        return (0 if code is None else int(code)), out, err

    return ended


@pytest.fixture
def quick(plain: dict[str, Any]) -> tuple[str, ...]:
    names = ("features", "precision", "warm_features", "coarse_iterations", "iterations", "tolerance")
    return tuple(word for name in names for word in (f"--{name.replace('_', '-')}", str(plain[name])))


def one_line(ended: Ended, code: int, *words: str) -> None:
    """An error as promised: an exit code, one line that names the program and the trouble, nothing on standard output."""
    assert ended[0] == code, ended
    assert ended[1] == ""
    lines = [line for line in ended[2].splitlines() if line.startswith("atelier: ")]
    assert len(lines) == 1
    assert ended[2].splitlines()[-1] == lines[0]
    for word in words:
        assert word in lines[0]


def subprocessed(program: str, *arguments: object, **more: Any) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([sys.executable, "-c", program, *map(str, arguments)], capture_output=True, timeout=600, **more)


MAIN = "from atelier.cli import main; main()"


# Painting -------------------------------------------------------------------------------------------------------------


def test_a_photo_becomes_a_painting(command: Command, quick: tuple[str, ...], photo: Path, painting: Path, tmp_path: Path) -> None:
    code, out, err = command("stylize", photo, "--style", painting, "--out", tmp_path / "out.jpg", *quick)
    assert (code, out) == (0, "")
    assert Pillow.open(tmp_path / "out.jpg").size == (40, 28)
    assert f"Painted: {tmp_path / 'out.jpg'}  40x28, 4 iterations in " in err
    assert "4/4  " in err
    assert "style " in err


def test_quiet_is_quiet(command: Command, quick: tuple[str, ...], photo: Path, painting: Path, tmp_path: Path) -> None:
    assert command("stylize", photo, "-s", painting, "-o", tmp_path / "out.png", "-q", *quick) == (0, "", "")


def test_everything_that_can_be_written_on_the_way(
    command: Command, quick: tuple[str, ...], photo: Path, painting: Path, tmp_path: Path
) -> None:
    out, log, way = tmp_path / "out.png", tmp_path / "log.jsonl", tmp_path / "way.gif"
    assert command("stylize", photo, "-s", painting, "-o", out, "--every", "2", "--log", log, "--animation", way, *quick)[0] == 0
    assert (tmp_path / "out-00002.png").exists()
    assert (tmp_path / "out-00004.png").exists()
    assert [json.loads(line)["step"] for line in log.read_text().splitlines()] == [1, 2, 3, 4]
    with Pillow.open(way) as moving:
        assert moving.n_frames >= 2
    code, _, err = command("plot", log, "--out", tmp_path / "curves.png")
    assert (code, err) == (0, f"Drawn: {tmp_path / 'curves.png'}\n")
    assert Pillow.open(tmp_path / "curves.png").width > 100
    one_line(command("plot", photo, "--out", tmp_path / "curves.png"), 2, "is no log of atelier")


def test_several_photos_go_into_a_folder(command: Command, quick: tuple[str, ...], photo: Path, painting: Path, tmp_path: Path) -> None:
    photos, out = tmp_path / "photos", tmp_path / "out"
    photos.mkdir()
    out.mkdir()
    for name in ("b.png", "a.jpg"):
        (photos / name).write_bytes(photo.read_bytes())
    assert command("stylize", photos, "-s", painting, "-o", out, *quick)[0] == 0
    assert sorted(path.name for path in out.iterdir()) == ["a.png", "b.png"]
    assert np.array_equal(open_still(out / "a.png").pixels, open_still(out / "b.png").pixels)
    one_line(command("stylize", photos, "-s", painting, "-o", tmp_path / "one.png", *quick), 2, "2 photos cannot go to one file")
    one_line(command("stylize", photos, "-s", painting, "-o", out, "--log", tmp_path / "log", *quick), 2, "one by one")
    assert command("stylize", photo, "-s", painting, "-o", f"{tmp_path}/new/one/", *quick)[0] == 0
    assert [path.name for path in (tmp_path / "new" / "one").iterdir()] == [f"{photo.stem}.png"]


def test_styles_with_weights(command: Command, quick: tuple[str, ...], photo: Path, painting: Path, tmp_path: Path) -> None:
    def made(*styles: str) -> np.ndarray:
        flags = [word for style in styles for word in ("--style", style)]
        code, _, err = command("stylize", photo, *flags, "-o", tmp_path / "out.png", *quick)
        assert code == 0, err
        return open_still(tmp_path / "out.png").to_array().astype(int)

    alone, halves = made(str(painting)), made(str(painting), str(photo))
    assert np.abs(made(f"{painting}=3", f"{photo}=0") - alone).max() <= 1
    assert np.abs(made(f"{painting}=0.3", f"{photo}=0.3") - halves).max() <= 1
    assert np.abs(alone - halves).max() > 5
    odd = tmp_path / "a=0.5"  # a path that is there is a path
    odd.write_bytes(painting.read_bytes())
    assert np.abs(made(str(odd)) - alone).max() <= 1
    for weight in ("nan", "inf", "-1", "0"):
        one_line(command("stylize", photo, "-s", f"{painting}={weight}", "-o", tmp_path / "out.png", *quick), 2, "weight")


def test_textures(command: Command, quick: tuple[str, ...], painting: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.png"
    assert command("texture", painting, "-o", out, "--width", "40", "--height", "24", *quick)[0] == 0
    assert open_still(out).size == (40, 24)
    assert command("texture", painting, "-o", out, "--size", "22", *quick)[0] == 0
    assert open_still(out).size == (18, 22)
    assert command("texture", painting, "-o", out, "--width", "40", *quick)[0] == 0
    assert open_still(out).size == (40, 44)
    one_line(command("texture", painting, "-o", out, "--width", "40", "--height", "40", "--size", "9", *quick), 2, "or --size")
    one_line(command("texture", painting, "-o", out, "--width", "0", "--height", "40", *quick), 2, "a texture of 0x40 px")


def test_reconstructions(command: Command, quick: tuple[str, ...], photo: Path, tmp_path: Path) -> None:
    code, _, err = command("reconstruct", photo, "-o", tmp_path / "out.png", "--layer", "block1_conv2", *quick)
    assert code == 0
    assert "content " in err
    assert "style " not in err
    ended = command("reconstruct", photo, "-o", tmp_path / "out.png", "--content-layers", "conv1_1", *quick)
    one_line(ended, 2, "--layer says which")


def test_a_photo_turned_by_its_camera_is_painted_upright(command: Command, quick: tuple[str, ...], painting: Path, tmp_path: Path) -> None:
    exif = Pillow.Exif()
    exif[ExifTags.Base.Orientation] = 6
    exif[ExifTags.Base.Artist] = "A. Painter"
    Pillow.new("RGB", (40, 24), "teal").save(tmp_path / "turned.jpg", exif=exif)
    assert command("stylize", tmp_path / "turned.jpg", "-s", painting, "-o", tmp_path / "out.jpg", *quick)[0] == 0
    with Pillow.open(tmp_path / "out.jpg") as made:
        assert made.size == (24, 40)
        assert made.getexif().get(ExifTags.Base.Orientation, 1) == 1
        assert made.getexif()[ExifTags.Base.Artist] == "A. Painter"


def test_transparency_and_depth_are_kept(
    command: Command, quick: tuple[str, ...], painting: Path, picture: Callable[..., Image], tmp_path: Path
) -> None:
    alpha = np.linspace(0, 1, 24 * 20, dtype=np.float32).reshape(20, 24)
    source = Image(picture(24, 20).pixels, alpha=alpha, depth=16)
    (tmp_path / "clear.png").write_bytes(encode(source, "png"))
    assert command("stylize", tmp_path / "clear.png", "-s", painting, "-o", tmp_path / "out.png", *quick)[0] == 0
    made = open_still(tmp_path / "out.png")
    assert made.depth == 16
    assert made.alpha is not None
    assert np.array_equal(made.to_array(16)[:, :, 3], source.to_array(16)[:, :, 3])
    assert command("stylize", tmp_path / "clear.png", "-s", painting, "-o", tmp_path / "out.png", "--depth", "8", *quick)[0] == 0
    assert open_still(tmp_path / "out.png").depth == 8


def test_redo_makes_the_same_picture_again(command: Command, quick: tuple[str, ...], photo: Path, painting: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "first.png", tmp_path / "second.png"
    flags = ("--seed", "7", "--start", "noise", "--size", "32", "--style-layers", "conv1_1,conv3_1=0.5")
    assert command("stylize", photo, "-s", f"{painting}=0.3", "-o", first, *flags, *quick)[0] == 0
    assert command("redo", first, "--out", second)[0] == 0
    assert np.array_equal(open_still(first).to_array(), open_still(second).to_array())
    code, out, err = command("redo", first, "--out", tmp_path / "third.png", "--show")
    shown = json.loads(out)
    assert (code, err, shown["seed"], shown["size"]) == (0, "", 7, 32)
    assert [(style["source"], style["weight"]) for style in shown["styles"]] == [(str(painting), 0.3)]
    assert shown["settings"]["style_layers"] == "conv1_1,conv3_1=0.5"
    assert not (tmp_path / "third.png").exists()
    assert command("redo", first, "--show")[1] == out
    one_line(command("redo", photo, "--out", second), 2, "was not made by atelier")
    assert command("redo", first)[0] == 0
    assert np.array_equal(open_still(first).to_array(), open_still(tmp_path / "first-redo.png").to_array())


@pytest.mark.parametrize("suffix", [".jpg", ".webp", ".tiff", ".avif"])
def test_redo_of_other_formats(command: Command, quick: tuple[str, ...], photo: Path, painting: Path, tmp_path: Path, suffix: str) -> None:
    assert command("stylize", photo, "-s", painting, "-o", tmp_path / f"first{suffix}", *quick)[0] == 0
    assert command("redo", tmp_path / f"first{suffix}", "-o", tmp_path / f"second{suffix}")[0] == 0
    assert np.array_equal(open_still(tmp_path / f"first{suffix}").pixels, open_still(tmp_path / f"second{suffix}").pixels)


def test_checkpoints(command: Command, quick: tuple[str, ...], photo: Path, painting: Path, tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.write_text("nonsense")
    ended = command("stylize", photo, "-s", painting, "-o", tmp_path / "out.png", "--checkpoint", state, *quick)
    one_line(ended, 2, "is no checkpoint of atelier", "name another file")


def test_every_setting_is_a_flag(command: Command) -> None:
    code, out, _ = command("stylize", "--help")
    assert code == 0
    for name in options(Settings):
        assert f"--{name.replace('_', '-')}" in out


def test_flags_reach_the_engine(command: Command, quick: tuple[str, ...], photo: Path, painting: Path, tmp_path: Path) -> None:
    flags = (
        "--chained",
        "--tv-weight",
        "0.5",
        "--optimiser",
        "adam",
        "--rate",
        "0.02",
        "--pooling",
        "l2",
        "--style-layers",
        "conv1_1,conv2_1",
    )
    code, _, err = command("stylize", photo, "-s", painting, "-o", tmp_path / "out.png", *flags, *quick)
    assert code == 0
    assert "tv " in err
    resolved = json.loads(open_still(tmp_path / "out.png").text["atelier"])["resolved"]
    assert (resolved["chained"], resolved["optimizer"], resolved["pooling"], resolved["rate"]) == (True, "adam", "l2", 0.02)
    command("stylize", photo, "-s", painting, "-o", tmp_path / "out.png", "--recipe", "inetwork", "--no-chained", *quick)
    assert json.loads(open_still(tmp_path / "out.png").text["atelier"])["resolved"]["chained"] is False


# Mistakes -------------------------------------------------------------------------------------------------------------


def test_wrong_input_is_one_line(command: Command, quick: tuple[str, ...], photo: Path, painting: Path, tmp_path: Path) -> None:
    def stylize(*arguments: object, photo: object = photo) -> Ended:
        return command("stylize", photo, "-s", painting, "-o", tmp_path / "out.png", *arguments)

    (tmp_path / "text.jpg").write_text("I am no picture")
    (tmp_path / "cut.png").write_bytes(painting.read_bytes()[:200])
    one_line(stylize(*quick, photo=tmp_path / "phoot.png"), 2, "there is no file", "did you mean", "photo.png")
    one_line(stylize(*quick, photo=tmp_path / "text.jpg"), 2, "text.jpg is not a picture")
    one_line(stylize(*quick, photo=tmp_path / "cut.png"), 2, "cut.png")
    one_line(stylize(*quick, photo=tmp_path / "*.bmp"), 2, "no file matches")
    one_line(stylize(*quick, "-s", tmp_path / "nothing.jpg"), 2, "nothing.jpg")
    one_line(stylize(*quick, "--size", "0"), 2, "--size 0")
    one_line(stylize(*quick, "--size", "8"), 2, "needs a picture of at least")
    one_line(stylize(*quick, "--size", "1000000"), 2, "over the limit")
    one_line(stylize(*quick, "--iterations", "-3"), 2, "--iterations -3")
    one_line(stylize(*quick, "--rate", "nan"), 2, "--rate nan")
    one_line(stylize(*quick, "--pooling", "median"), 2, "max, average, l2")
    one_line(stylize(*quick, "--recipe", "nope"), 2, "--recipe nope: no recipe of that name", *RECIPES)
    one_line(stylize(*quick, "--style-layers", "conv9_9"), 2, "no layer 'conv9_9'", "conv5_1")
    one_line(stylize(*quick, "--style-layers", "conv1_1=x"), 2, "'x' is not a number")
    one_line(stylize(*quick, "--start", tmp_path / "nothing.png"), 2, "nothing.png")
    one_line(stylize(*quick, "--device", "tpu"), 2, "--device tpu")
    one_line(stylize(*quick, "--seed", str(2**80)), 2, "seed")
    one_line(stylize("--features", tmp_path / "nothing.safetensors"), 1, "no weights at")
    one_line(stylize("--features", photo), 1, "photo.png")
    one_line(stylize(*quick, "--depth", "12"), 2, "depth")
    one_line(stylize(*quick, "--quality", "0"), 2, "quality")
    one_line(stylize(*quick, "--every", "-1"), 2, "--every")
    assert not (tmp_path / "out.png").exists()


def test_wrong_output_is_one_line(command: Command, quick: tuple[str, ...], photo: Path, painting: Path, tmp_path: Path) -> None:
    def stylize(out: object, *arguments: object) -> Ended:
        return command("stylize", photo, "-s", painting, "-o", out, *arguments, *quick)

    before = sorted(tmp_path.iterdir())
    one_line(stylize(photo / "out.png"), 2, "is no folder")
    one_line(stylize(tmp_path / "out"), 2, "no suffix")
    one_line(stylize(tmp_path / "out.xyz"), 2, "no format")
    one_line(stylize(tmp_path / "out.png", "--animation", tmp_path / "a.mp4"), 2, ".gif")
    one_line(stylize(tmp_path / "out.png", "--log", photo / "log"), 2, "is no folder")
    one_line(stylize("-", "--every", "2"), 2, "--every")
    assert sorted(tmp_path.iterdir()) == before


def test_usage_errors_end_with_2(command: Command, photo: Path, tmp_path: Path) -> None:
    for arguments in (
        ("stylize", photo),
        ("stylize",),
        ("paint",),
        ("stylize", photo, "-s", photo, "-o", tmp_path / "a.png", "--speed", "9"),
    ):
        code, out, err = command(*arguments)
        assert (code, out) == (2, "")
        assert err
    code, _, err = command("stylize", photo, "-s", photo, "-o", tmp_path / "a.png", "--iterations", "many")
    assert code == 2
    assert "--iterations" in err


def test_a_loss_that_is_not_finite_is_one_line(
    command: Command, quick: tuple[str, ...], photo: Path, painting: Path, tmp_path: Path
) -> None:
    flags = ("--normalise", "gatys", "--style-weight", "1e308", "--start", "noise")
    one_line(command("stylize", photo, "-s", painting, "-o", tmp_path / "out.png", *quick, *flags), 1, "not finite")
    assert not (tmp_path / "out.png").exists()


def test_what_is_not_understood_is_one_line(command: Command, photo: Path, tmp_path: Path) -> None:
    out = ("-o", tmp_path / "out.png")
    one_line(command("stylize", photo, "-s", photo, *out, "--size", "big"), 2, "--size", "stylize --help")
    one_line(command("stylize", photo, "-s", photo, *out, "--sise", "4"), 2, "no such option: --sise", "--size")
    one_line(command("stylize", photo, "-s", photo), 2, "missing option '--out'")
    one_line(command("train", "style"), 2, "missing argument 'painting'", "train style --help")
    one_line(command("stylise", photo), 2, "no such command 'stylise'", "stylize")
    one_line(command("weights", "pul"), 2, "no such command 'pul'", "pull")
    for words in (("paint",), ("banana", photo), ("stylize", photo, "--banana", "3"), ("stylize", photo, "--paint", "3")):
        code, _, err = command(*words)
        assert code == 2 and "did you mean" not in err and "--help shows what there is" in err, err
    one_line(command("--nothing"), 2, "no such option: --nothing", "--help")
    one_line(command("stylize", photo, "-s", photo, *out, "--effort", "much"), 2, "--effort much", "fast, good, best")


@pytest.mark.parametrize("effort", ["fast", "good"])
def test_effort_paints(command: Command, photo: Path, painting: Path, tmp_path: Path, effort: str) -> None:
    out, again = tmp_path / "out.png", tmp_path / "again.png"
    few = ("--iterations", "2", "--coarse-iterations", "0") if effort == "good" else ()
    code, _, err = command("stylize", photo, "-s", painting, "-o", out, "--size", "48", "--effort", effort, *few)
    assert (code, command("redo", out, "-o", again)[0]) == (0, 0), err
    assert np.array_equal(np.asarray(Pillow.open(out)), np.asarray(Pillow.open(again)))


def test_an_empty_name_is_not_the_folder_one_is_in(
    command: Command, quick: tuple[str, ...], photo: Path, painting: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.iterdir())
    one_line(command("stylize", "", "-s", painting, "-o", "out.png", *quick), 2, "name is empty")
    one_line(command("stylize", photo, "-s", painting, "-o", "", *quick), 2, "--out is empty")
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("name", ["a" * 300 + ".png", "a" * 300 + "/", "a" * 300 + "/a.png"])
def test_names_that_no_file_can_have(command: Command, quick: tuple[str, ...], photo: Path, painting: Path, name: str) -> None:
    one_line(command("stylize", photo, "-s", painting, "-o", photo.parent / name, *quick), 2, "aaa")
    one_line(command("stylize", photo.parent / name, "-s", painting, "-o", photo.parent / "out.png", *quick), 2, "aaa")


@pytest.mark.parametrize(
    "task",
    [
        ("stylize", "PHOTO", "-s", "PHOTO", "-o", "x.png"), ("texture", "PHOTO", "-o", "x.png"), ("reconstruct", "PHOTO", "-o", "x.png"),
        ("recolor", "PHOTO", "--like", "PHOTO", "-o", "x.png"), ("draw", "PHOTO", "-o", "x.svg"), ("plot", "LOG", "-o", "x.png"),
        ("styles", "--sheet", "x.png"), ("export", "starry-night", "-o", "x.onnx"), ("train", "style", "PHOTO", "-o", "x.safetensors"),
        ("train", "compress", "LOG", "-o", "x.safetensors"), ("evaluate", "PHOTO", "-c", "PHOTO", "-s", "PHOTO", "--json", "x.json"),
        ("evaluate", "PHOTO", "-c", "PHOTO", "-s", "PHOTO", "--plot", "x.png"),
    ],
    ids=lambda task: " ".join(task[:2]) if task[0] == "train" else task[0],
)  # fmt: skip
def test_places_that_cannot_be_are_refused_beforehand(command: Command, photo: Path, tmp_path: Path, task: tuple[str, ...]) -> None:
    log = tmp_path / "log"
    log.write_text('{"step": 1, "total": 1.0}\n')
    known = {"PHOTO": photo, "LOG": log}
    before = sorted(tmp_path.rglob("*"))
    arguments = [*(known.get(part, part) for part in task[:-1]), log / task[-1]]
    one_line(command(*arguments), 2, "is no folder", task[-1])
    assert sorted(tmp_path.rglob("*")) == before


def test_a_recolored_picture_is_kept_where_it_cannot_be_written(
    command: Command, photo: Path, painting: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuge, gone = tmp_path / "refuge", tmp_path / "gone.png"
    refuge.mkdir()
    (tmp_path / "file").write_bytes(b"")
    gone.symlink_to(tmp_path / "file" / "gone.png")  # passes for a place to write to, and is none
    monkeypatch.setattr("tempfile.tempdir", str(refuge))
    one_line(command("recolor", photo, "--like", painting, "-o", gone), 1, "the picture is kept as")
    (kept,) = refuge.iterdir()
    assert open_still(kept).size == (40, 28)


# What there is --------------------------------------------------------------------------------------------------------


def test_recipes_are_listed(command: Command) -> None:
    code, out, err = command("recipes")
    assert (code, err) == (0, "")
    for recipe in RECIPES.values():
        assert recipe.name in out
        assert recipe.summary in out
        assert recipe.source in out
    code, out, _ = command("recipes", "--json")
    assert [recipe["name"] for recipe in json.loads(out)] == list(RECIPES)


def test_weights_are_listed_verified_and_found(command: Command, net: str, tmp_path: Path) -> None:
    code, out, _ = command("weights", "list")
    assert code == 0
    assert "pocket" in out
    assert "vgg19" in out
    code, out, _ = command("weights", "list", "--json")
    assert {status["name"] for status in json.loads(out)} == {"pocket", "vgg19"}
    code, out, _ = command("weights", "verify", net)
    assert code == 0
    assert ": ok  " in out
    (tmp_path / "cut.safetensors").write_bytes(Path(net).read_bytes()[:-10])
    code, out, err = command("weights", "verify", tmp_path / "cut.safetensors")
    assert code == 1
    assert "DAMAGED" in out or "cut short" in err
    code, out, _ = command("weights", "path", net)
    assert (code, out) == (0, f"{net}\n")
    one_line(command("weights", "path", "nope"), 1, "'nope'", "pocket")


def test_version_and_help(command: Command) -> None:
    assert command("--version") == (0, f"atelier {atelier.__version__}\n", "")
    code, out, _ = command("--help")
    assert code == 0
    for name in ("stylize", "texture", "reconstruct", "redo", "recipes", "plot", "weights"):
        assert name in out


def test_help_tells_options_by_what_they_are_for(command: Command) -> None:
    code, out, _ = command("stylize", "--help")
    assert code == 0
    headings = [line for line in out.splitlines() if line.endswith(":") and not line.startswith(" ")]
    assert headings[:5] == ["Input:", "Style:", "Look:", "Result:", "Run:"]
    assert set(headings[5:]) == {
        "More for films:",
        "More for meshes:",
        "More for --engine instant:",
        "More for --engine optimize:",
        "More for experts:",
        "Example:",
    }
    parts = dict(zip(headings, re.split("|".join(map(re.escape, headings)), out)[1:], strict=True))
    assert "--blend" in parts["Style:"] and "--style-size" in parts["Style:"] and "photos..." in parts["Input:"]
    assert "--out" in parts["Result:"] and "--iterations" in parts["Run:"] and "--optimizer" in parts["More for --engine optimize:"]
    assert re.search(r"--strength .*\[default: 1;\s+from 0 to 1\]", parts["Look:"], re.DOTALL)
    assert "atelier stylize photo.jpg" in parts["Example:"]
    told = " ".join(command("draw", "--help")[1].split())
    assert "[default: triangle]" in told and "[default: 256; from 1 to 4,096]" in told
    code, out, _ = command("--help")
    assert "Draw:\n  draw         Draw a photo or a film with geometric shapes.\n" in out
    for name in (name for names in COMMANDS.values() for name in names):
        assert f"\n  {name} " in out


def test_every_command_has_an_example_and_a_place(command: Command) -> None:
    for names in COMMANDS.values():
        for name in names:
            for line in [tuple(each.split()) for each in EXAMPLES if each.split()[0] == name]:
                code, out, _ = command(*line, "--help")
                assert code == 0 and f"Example:\n  {EXAMPLES[' '.join(line)].split(' --')[0]}" in out, line
    assert {name for names in COMMANDS.values() for name in names} == {each.split()[0] for each in EXAMPLES}


def test_former_flags_go_on_working_and_no_help_shows_them(
    command: Command, quick: tuple[str, ...], photo: Path, painting: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.png"
    flags = ("--optimiser", "adam", "--rate", "0.02", "--normalise", "gatys", "--start", "grey")
    assert command("stylize", photo, "-s", painting, "-o", out, *quick, *flags)[0] == 0
    told = json.loads(open_still(out).text["atelier"])
    assert {"optimizer": "adam", "normalize": "gatys"}.items() <= told["settings"].items()
    assert told["resolved"]["start"] == "gray"
    line = ("draw", photo, "-o", tmp_path / "a.json", "--count", "2", "--colours", "3", "--time", "5", "--refine", "0")
    assert command(*line, "--climbs", "1", "--tries", "5")[0] == 0
    for name in ("stylize", "draw"):
        shown = command(name, "--help")[1]
        assert not any(flag in shown for flag in ("--optimiser", "--normalise", "--colours ", "--time "))


def test_help_needs_neither_torch_nor_numpy() -> None:
    """Of no command, so that it is there at once."""
    asked = [[*each.split(), "--help"] for each in EXAMPLES]
    code = "import sys\nfrom atelier.cli import main\n"
    code += f"for words in {[['--help'], *asked]}:\n    try:\n        main(words)\n    except SystemExit:\n        pass\n"
    code += "print([name for name in ('torch', 'numpy', 'PIL', 'rich', 'onnxruntime') if name in sys.modules], file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"


def test_ctrl_c_is_one_line_everywhere(command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    (tmp_path / "log").write_text('{"step": 1, "total": 1.0}\n')
    monkeypatch.setattr("atelier.plot.draw", interrupted)
    one_line(command("plot", tmp_path / "log", "-o", tmp_path / "out.png"), 130, "stopped")


def test_what_needs_no_torch_imports_none() -> None:
    program = """
import sys
from atelier.cli import main, watching
for arguments in (["--help"], ["stylize", "--help"], ["recipes"], ["weights", "list"]):
    try:
        main(arguments)
    except SystemExit as end:
        assert not end.code, end.code
print("torch" in sys.modules, file=sys.stderr)
"""
    done = subprocessed(program)
    assert (done.returncode, done.stderr.decode().strip()) == (0, "False")


def test_painting_by_the_networks_imports_nothing_that_it_does_not_use(photo: Path, tmp_path: Path) -> None:
    program = f"""
import sys
from atelier.cli import main
try:
    main(["stylize", {str(photo)!r}, "-s", "starry-night", "-e", "instant", "-o", {str(tmp_path / "o.png")!r}, "-q"])
except SystemExit as end:
    assert not end.code
print([heavy for heavy in ("torch", "numba", "scipy", "av", "trimesh", "xatlas", "matplotlib", "rich") if heavy in sys.modules])
"""
    done = subprocessed(program)
    assert (done.returncode, done.stdout.decode().strip()) == (0, "[]"), done.stderr


def test_help_is_light() -> None:
    program = """
import sys
from atelier.cli import main
try:
    main(["stylize", "--help"])
except SystemExit:
    print([heavy for heavy in ("numpy", "PIL", "torch", "rich.progress") if heavy in sys.modules], file=sys.stderr)
"""
    assert subprocessed(program).stderr.decode().strip() == "[]"


def test_without_torch_the_extra_is_named(photo: Path, painting: Path, tmp_path: Path) -> None:
    program = """
import sys

class NotInstalled:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "torch":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, NotInstalled())
from atelier.cli import main, watching
main()
"""
    for task in (("stylize", photo, "-s", painting, "-e", "optimize"), ("texture", painting), ("reconstruct", photo)):
        done = subprocessed(program, *task, "-o", tmp_path / "out.png")
        ended = done.returncode, done.stdout.decode(), done.stderr.decode()
        one_line(ended, 1, "pip install 'atelier[torch]'")
        assert "Traceback" not in ended[2]
        assert not (tmp_path / "out.png").exists()


# Pipes and signals ----------------------------------------------------------------------------------------------------


def test_from_standard_input_to_standard_output(quick: tuple[str, ...], photo: Path, painting: Path) -> None:
    done = subprocessed(MAIN, "stylize", "-", "-s", painting, "-o", "-", *quick, input=photo.read_bytes())
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(b"\x89PNG")
    assert done.stdout.endswith(b"IEND\xaeB`\x82")  # and not a byte more
    assert decode(done.stdout).size == (40, 28)
    assert b"Painted: standard output" in done.stderr


def test_standard_output_in_another_format(
    quick: tuple[str, ...], photo: Path, painting: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Standard:
        buffer = io.BytesIO()

        def flush(self) -> None: ...

    monkeypatch.setattr(sys, "stdout", Standard())
    with pytest.raises(SystemExit) as end:
        main(["stylize", str(photo), "-s", str(painting), "-o", "-", "--format", "webp", *quick, "-q"])
    assert end.value.code == 0
    assert Standard.buffer.getvalue()[8:12] == b"WEBP"


@pytest.mark.skipif(os.name == "nt", reason="Windows has other signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_in_the_middle_the_picture_so_far_is_kept(net: str, photo: Path, painting: Path, tmp_path: Path, number: int) -> None:
    out, state = tmp_path / "out.png", tmp_path / "state"
    flags = ("--features", net, "--iterations", "1000000", "--coarse-iterations", "0", "--warm-features", "", "--tolerance", "0")
    arguments = ("stylize", photo, "-s", painting, "-o", out, "--checkpoint", state, *flags)
    running = subprocess.Popen([sys.executable, "-c", MAIN, *map(str, arguments)], stderr=subprocess.PIPE, text=True)
    try:
        assert running.stderr is not None
        assert "/1000000" in running.stderr.readline()  # it paints
        time.sleep(0.2)
        running.send_signal(number)
        _, err = running.communicate(timeout=600)
    finally:
        running.kill()
        running.wait()
    assert running.returncode == 130
    assert f"Stopped; kept the picture so far: {out}  40x28" in err
    assert f"The same command goes on from {state}." in err
    assert "Traceback" not in err
    assert Pillow.open(out).size == (40, 28)
    assert state.exists()
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_a_photo_is_never_painted_over(command: Command, photo: Path, painting: Path) -> None:
    before = photo.read_bytes()
    one_line(command("stylize", photo, "--style", painting, "--out", photo), 2, "another name")
    assert photo.read_bytes() == before


# Files that are dear ---------------------------------------------------------------------------------------------------


def test_no_output_is_another_or_a_source(command: Command, quick: tuple[str, ...], photo: Path, painting: Path, tmp_path: Path) -> None:
    before = {path: path.read_bytes() for path in (photo, painting)}
    out = tmp_path / "out.png"
    for flags in (("--checkpoint", out), ("--log", photo), ("--animation", painting.with_suffix(".png"))):
        one_line(command("stylize", photo, "-s", painting, "-o", out, *flags, *quick), 2, "another name")
    assert not out.exists()
    assert {path: path.read_bytes() for path in before} == before


def test_names_that_nobody_typed_replace_nothing_of_others(
    command: Command, quick: tuple[str, ...], photo: Path, painting: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ("a.jpg", "b.jpg"):
        (folder / name).write_bytes(photo.read_bytes())
    (folder / "b.png").write_bytes(painting.read_bytes())
    paint = ("stylize", f"{folder}/*.jpg", "-s", painting, "-o", f"{folder}/", *quick)
    one_line(command(*paint), 2, "b.png exists already, and atelier did not make it", "--overwrite")
    assert (folder / "b.png").read_bytes() == painting.read_bytes()
    assert not (folder / "a.png").exists()
    assert command(*paint, "--overwrite")[0] == 0
    assert (folder / "b.png").read_bytes() != painting.read_bytes()
    assert command(*paint)[0] == 0  # its own pictures it may replace
    ended = command(*paint, "--no-overwrite")
    assert ended[0] == 2
    assert "b.png exists already" in ended[2]
    one_line(command("stylize", folder / "b.png", "-s", painting, "-o", folder, "--overwrite", *quick), 2, "another name")


def test_one_bad_photo_does_not_stop_the_others(
    command: Command, quick: tuple[str, ...], photo: Path, painting: Path, tmp_path: Path
) -> None:
    folder, out = tmp_path / "photos", tmp_path / "out"
    folder.mkdir()
    out.mkdir()
    (folder / "a.jpg").write_text("no picture")
    for name in ("b.png", "d.png"):
        (folder / name).write_bytes(photo.read_bytes())
    Pillow.new("RGB", (5, 3)).save(folder / "c.png")
    code, _, err = command("stylize", folder, "-s", painting, "-o", out, *quick, "-q")
    assert code == 2
    assert sorted(path.name for path in out.iterdir()) == ["b.png", "d.png"]
    lines = err.splitlines()
    assert len(lines) == 5
    assert "a.jpg is not a picture" in lines[0]
    assert "c.png: conv5_1 needs a picture of at least 16 px" in lines[1]
    assert lines[2] == "atelier: 2 of 4 photos were not painted:"
    assert lines[3:] == [f"atelier: not painted: {folder / name}" for name in ("a.jpg", "c.png")]


def test_what_ails_all_photos_is_said_once(command: Command, quick: tuple[str, ...], photo: Path, painting: Path, tmp_path: Path) -> None:
    folder, out = tmp_path / "photos", tmp_path / "out"
    folder.mkdir()
    out.mkdir()
    for name in ("a.png", "b.png", "c.png"):
        (folder / name).write_bytes(photo.read_bytes())
    code, _, err = command("stylize", folder, "-s", tmp_path / "none.png", "-o", out, *quick, "-q")
    assert (code, len(err.splitlines())) == (2, 2)
    one_line(command("stylize", folder, "-s", "-", "-o", out, *quick), 2, "a painting from standard input")
    one_line(command("stylize", folder, "-s", painting, "-o", out, *quick, "--rate", "nan"), 2, "--rate nan")
    one_line(command("stylize", folder, "-s", painting, "-o", out, "--features", tmp_path / "no.safetensors"), 1, "no weights at")


def test_what_is_missed_is_said_and_ends_with_1(
    command: Command, quick: tuple[str, ...], photo: Path, painting: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OutputError("the log was not written: no space left on its disk")

    monkeypatch.setattr(watch, "atomic_write", full)
    ended = command("stylize", photo, "-s", painting, "-o", tmp_path / "out.png", "--log", tmp_path / "log", *quick)
    one_line(ended, 1, "the picture is written, but not all beside it: --log: the log was not written")
    assert (tmp_path / "out.png").exists()


def test_redo_beside_the_picture(command: Command, quick: tuple[str, ...], photo: Path, painting: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "first.jpg", tmp_path / "first-redo.jpg"
    assert command("stylize", photo, "-s", painting, "-o", first, *quick)[0] == 0
    second.write_bytes(photo.read_bytes())
    one_line(command("redo", first), 2, "first-redo.jpg exists already")
    assert command("redo", first, "--overwrite")[0] == 0
    assert np.array_equal(open_still(first).to_array(), open_still(second).to_array())
    assert command("redo", first)[0] == 0
    one_line(command("redo", first, "-o", first), 2, "another name")


def test_redo_of_what_came_from_standard_input(
    command: Command, quick: tuple[str, ...], photo: Path, painting: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Piped(io.BytesIO):
        terminal = False

        @property
        def buffer(self) -> io.BytesIO:
            return io.BytesIO(photo.read_bytes())

        def isatty(self) -> bool:
            return self.terminal

    monkeypatch.setattr(sys, "stdin", Piped())
    assert command("stylize", "-", "-s", painting, "-o", tmp_path / "out.png", *quick)[0] == 0
    assert command("redo", tmp_path / "out.png")[0] == 0
    assert np.array_equal(open_still(tmp_path / "out.png").to_array(), open_still(tmp_path / "out-redo.png").to_array())
    monkeypatch.setattr(Piped, "terminal", True)
    one_line(command("redo", tmp_path / "out.png"), 2, "was made from standard input", "< photo.jpg")


# Small things ---------------------------------------------------------------------------------------------------------


def test_mistakes_are_named_as_what_they_are(command: Command, quick: tuple[str, ...], photo: Path, painting: Path, tmp_path: Path) -> None:
    def stylize(*arguments: object, style: object = painting) -> Ended:
        return command("stylize", photo, "-s", style, "-o", tmp_path / "out.png", *quick, *arguments)

    one_line(stylize(style=f"{painting}=-1"), 2, f"the weight of {painting}", "at least 0")
    one_line(stylize("--format", "jpeg"), 2, "--format jpeg does not go with the name")
    one_line(stylize("--style-weight", "0", "--content-weight", "0"), 2, "nothing to paint towards")
    one_line(stylize("--style-layers", "conv1_1=0"), 2, "--style-layers: all have the weight 0")
    one_line(stylize("--device", "cuda:foo"), 2, "--device cuda:foo")
    one_line(stylize("--style-layers", "conv5_3"), 2, "conv5_3", "ends with conv5_1")
    one_line(stylize("--max-pixels", "1000"), 2, "over the limit of 1,000")
    one_line(stylize("--max-bytes", "100"), 2, "over the limit of 100 bytes")
    one_line(stylize("--max-pixels", "1800", "--size", "60"), 2, "over the limit of 1,800")
    assert stylize("--max-pixels", "1800", "--size", "50", "--allow-private")[0] == 0


def test_a_reconstruction_has_a_recipe(command: Command, quick: tuple[str, ...], photo: Path, tmp_path: Path) -> None:
    assert command("reconstruct", photo, "-o", tmp_path / "out.png", "--layer", "conv1_2", "--recipe", "gatys", *quick)[0] == 0
    resolved = json.loads(open_still(tmp_path / "out.png").text["atelier"])["resolved"]
    assert (resolved["pooling"], resolved["style_weight"], resolved["content_layers"]) == ("average", 0.0, {"conv1_2": 1.0})


def test_lines_have_rate_and_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """By what was done here: the 100 steps before a checkpoint do not count."""
    now = iter([10.0, 12.0, 14.0, 7210.0])
    monkeypatch.setattr(watching.time, "monotonic", now.__next__)
    pace = watching.Pace()
    said = [pace(Progress("painting", step, 1000)) for step in (100, 104, 140, 200)]
    assert said == [("", ""), ("2.0/s", "7:28 left"), ("10.0/s", "1:26 left"), ("0.0/s", "16:00:00 left")]


def test_what_begins_after_something_else_has_a_pace_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter([0.0, 8.0, 10.0, 11.0, 13.0])
    monkeypatch.setattr(watching.time, "monotonic", now.__next__)
    pace = watching.Pace()
    stages = [("painting", 1, 2), ("painting", 2, 2), ("pocket at 40x28", 2, 60), ("pocket at 40x28", 4, 60), ("pocket at 80x56", 8, 60)]
    said = [pace(Progress(stage, step, total)) for stage, step, total in stages]
    assert said == [("", ""), ("0.1/s", "0:00 left"), ("", ""), ("2.0/s", "0:28 left"), ("2.0/s", "0:26 left")]


def test_progress_in_a_pipe(command: Command, quick: tuple[str, ...], photo: Path, painting: Path, tmp_path: Path) -> None:
    _, _, err = command("stylize", photo, "-s", painting, "-o", tmp_path / "out.png", *quick)
    assert re.search(r": 2/4  [\d.]+/s  \d+:\d\d left  .*style ", err)
