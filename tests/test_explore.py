"""Explorations: what is varied, what is painted and kept, and the sheets and pages of it."""

from __future__ import annotations

import dataclasses
import gc
import html
import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow

import atelier
from atelier.cli.style_words import parse_style
from atelier.errors import AtelierError, Cancelled, ImageError, InputError, SettingError, TargetError
from atelier.image import Image, Limits, encode
from atelier.image.sheet import FAINT, MARGIN, Block, Cell, Letters, grid_sheet, wrapped
from atelier.media import open_still
from atelier.progress import Progress
from atelier.request import Request, Style
from atelier.run import embedded, maps
from atelier.run.explore import Axis, Exploration, blend_axes, parse_axis
from atelier.run.explore.command import spell_command, spell_style
from atelier.run.explore.judge import judge
from atelier.run.explore.paint import paint
from atelier.run.explore.plan import plan
from atelier.run.explore.sheet import arrange

pytestmark = pytest.mark.usefixtures("quick_networks")

Ended = tuple[int, str, str]
Command = Callable[..., Ended]


@pytest.fixture
def request_(photo: Path, painting: Path, plain: dict[str, Any]) -> Request:
    return Request("stylize", str(photo), (Style(str(painting)),), settings={**plain, "iterations": 1}, size=32, engine="optimize")


def stopping(at: str) -> Callable[[Progress], None]:
    def report(progress: Progress) -> None:
        if progress.within.startswith(at) and progress.losses:
            raise Cancelled("stopped")

    return report


# What is varied -------------------------------------------------------------------------------------------------------


def test_values_are_read_as_their_settings_are() -> None:
    assert parse_axis("style_weight=1,10").values == (1.0, 10.0)
    assert parse_axis("--style-weight=1, 10").name == "style_weight"
    assert parse_axis("iterations=3").values == (3,)
    assert parse_axis("chained=yes,no").values == (True, False)
    assert parse_axis("keep-flat=yes,no").values == (True, False)
    assert parse_axis("effort=fast,best").labels == ("fast", "best")
    assert parse_axis("color=style,photo").values == ("style", "photo")
    assert parse_axis("count=5,6").values == (5, 6)
    assert parse_axis("style_layers=conv1_1,conv2_1=0.5;conv3_1").values == ({"conv1_1": 1.0, "conv2_1": 0.5}, {"conv3_1": 1.0})
    assert parse_axis("style_layers=conv1_1,conv2_1;").labels == ("conv1_1, conv2_1",)
    assert parse_axis("style=a.jpg,udnie").values == ((Style("a.jpg"),), (Style("udnie"),))
    assert parse_axis("smallest=4.5").values == (4.5,)  # drawing has it as a number, painting as a whole one
    assert parse_axis("mask=a.png,b.png").values == (("a.png",), ("b.png",))
    assert parse_axis("mask=a.png + b.png;none").labels == ("a + b", "none")
    assert parse_axis("style-regions=none + b.png").values == (("", "b.png"),)
    assert parse_axis("regions=auto:3,none").values == ("auto:3", "")
    assert parse_axis("feather=0,2.5,auto").values == (0.0, 2.5, None)
    assert parse_axis("style=a.jpg@sky + b.jpg=0.5@sea", parse_style).values == (
        (Style("a.jpg", region="sky"), Style("b.jpg", 0.5, "sea")),
    )
    assert parse_axis("color_method=,luminance").labels == ("empty", "luminance")
    assert parse_axis("recipe=,gatys").labels == ("default", "gatys")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("colour=photo", "did you mean .*color"),
        ("style_weight", "write a setting and its values"),
        ("style_weight=1,,2", "a value is missing"),
        ("style_weight=1,heavy", "must be a number"),
        ("style_weight=-1", "at least 0"),
        ("iterations=1.5", "whole number"),
        ("chained=perhaps", "true or false"),
        ("color=green", "choose from style, photo, match"),
        ("effort=much", "choose from fast, good, best"),
        ("banana=1,2", "there are style, "),
        ("engine=steam", "choose from instant, optimize, primitives"),
        ("seed=1,1", "twice"),
        ("style_weight=1,", "a value is missing"),
        ("photo=a.jpg,b.jpg", "one photo"),
        ("quality=80,90", "about files"),
        ("width=10,20", "no option of stylize"),
        ("masks=a.png", "did you mean .*mask"),
        ("feather=wide", "must be a number"),
    ],
)
def test_what_makes_no_sense_is_refused(text: str, words: str) -> None:
    with pytest.raises(SettingError, match=words):
        parse_axis(text)


def test_shares_of_two_and_of_three() -> None:
    (strip,) = blend_axes(["udnie", "a/wave.jpg"], 5)
    assert strip.values == (0, 0.25, 0.5, 0.75, 1)
    assert strip.labels[1] == "75% udnie\n25% wave"
    assert [each.of for each in blend_axes(["a", "b", "c"], 3)] == [1, 2]
    with pytest.raises(SettingError, match="not of 4"):
        blend_axes(["a", "b", "c", "d"], 3)
    with pytest.raises(SettingError, match="from 2 to 101"):
        blend_axes(["a", "b"], 1)


def test_every_combination_is_planned_and_checked_before_any_is_painted(request_: Request, tmp_path: Path) -> None:
    axes = [parse_axis("style_weight=1,10"), parse_axis("seed=0,1,2"), parse_axis("shift=0,-1")]
    variants = plan(vars(request_), axes, tmp_path / "cells")
    assert [variant.at for variant in variants[:3]] == [(0, 0, 0), (1, 0, 0), (0, 1, 0)]
    assert len({variant.path for variant in variants}) == 12
    last = variants[-1].request
    assert (last.settings["style_weight"], last.seed, last.settings["shift"]) == (10, 2, -1)
    assert not (tmp_path / "cells").exists()
    blocks = arrange(variants, axes, lambda variant: Cell(note=str(variant.at)))
    assert [block.heading for block in blocks] == ["shift 0", "shift -1"]
    assert blocks[1].rows[2][0] == "seed 2"
    assert blocks[1].rows[2][1][0] == Cell(note="(0, 2, 1)")
    for bad, words in (
        ("features=vgg99", "vgg99"), ("content_layers=conv9_9", "conv9_9"), ("strength=.5", "is for `engine=instant`"),
        ("start=nowhere.png", "no such file"), ("size=0", "at least 1"), ("recipe=secret", "no recipe"),
        ("iterations=1", "do not go together"),
    ):  # fmt: skip
        given = {**request_.settings} if "=1" in bad else {}
        with pytest.raises(InputError, match=words):
            plan(vars(dataclasses.replace(request_, settings=given, size=None)), [parse_axis(bad)], tmp_path / "cells")


def test_mixtures_of_three_are_a_triangle(photo: Path, tmp_path: Path) -> None:
    request = Request("stylize", str(photo), (Style("udnie"), Style("great-wave"), Style("the-scream")))
    variants = plan(vars(request), blend_axes(["udnie", "great-wave", "the-scream"], 3), tmp_path / "cells")
    weights = [tuple(style.weight for style in variant.request.styles) for variant in variants]
    assert weights == [(1, 0, 0), (0.5, 0.5, 0), (0, 1, 0), (0.5, 0, 0.5), (0, 0.5, 0.5), (0, 0, 1)]


def test_commands_are_quoted_and_have_no_secrets() -> None:
    settings = {"style_weight": 10.0, "chained": False, "style_layers": {"conv1_1": 1.0, "conv2_1": 0.5}}
    request = Request("stylize", "https://me:secret@h.org/a b.jpg?token=1", (Style("it's.jpg", 0.5),), "gatys", settings, 64, seed=3)
    assert shlex.split(spell_command(request, "out.png")) == [
        "atelier", "stylize", "https://h.org/a b.jpg", "--style", "it's.jpg=0.5", "--engine", "optimize", "--recipe", "gatys",
        "--size", "64", "--seed", "3",
        "--style-weight", "10", "--no-chained", "--style-layers", "conv1_1=1,conv2_1=0.5", "--out", "out.png",
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["a.jpg", "udnie=0.25", "a.jpg@sky,size=2,rotate=90,strokes=coarse", "a.jpg=0.5@sky"])
def test_styles_are_written_as_they_are_read(text: str) -> None:
    assert spell_style(parse_style(text), alone=True) == text


# Painting -------------------------------------------------------------------------------------------------------------


def test_what_is_painted_is_kept_and_not_painted_again(request_: Request, tmp_path: Path, photo: Path) -> None:
    folder, axes = tmp_path / "cells", [parse_axis("style_weight=1,100")]
    done = paint(plan(vars(request_), axes, folder))
    assert [variant.state for variant in done] == ["painted", "painted"]
    assert all(embedded(str(variant.path)) == variant.request for variant in done)
    assert all(variant.losses["style"] > 0 and variant.iterations == 1 and variant.seconds > 0 for variant in done)
    assert not np.array_equal(open_still(done[0].path).pixels, open_still(done[1].path).pixels)
    stamps = [variant.path.stat().st_mtime_ns for variant in done]
    more = paint(plan(vars(request_), [parse_axis("style_weight=1,10,100")], folder))
    assert [variant.before for variant in more] == [True, False, True]
    assert [more[0].path.stat().st_mtime_ns, more[2].path.stat().st_mtime_ns] == stamps
    assert more[0].losses == pytest.approx(dict(done[0].losses))
    photo.write_bytes(encode(Image(open_still(photo).pixels[::-1].copy()), "png"))  # another photo of the same name
    assert not any(variant.before for variant in plan(vars(request_), axes, folder))


def test_one_that_fails_says_why_and_the_rest_goes_on(request_: Request, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATELIER_WEIGHTS", str(tmp_path))  # where there is no vgg19
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    settings = {name: value for name, value in request_.settings.items() if name != "features"}
    request = dataclasses.replace(request_, settings=settings)
    done = paint(plan(vars(request), [parse_axis("features=vgg19,pocket")], tmp_path / "cells"))
    assert [variant.state for variant in done] == ["failed", "painted"]
    assert "vgg19" in done[0].error
    assert done[0].exit_code == 1


def test_stopped_and_gone_on(request_: Request, tmp_path: Path) -> None:
    axes, folder = [parse_axis("style_weight=1,10,100")], tmp_path / "cells"
    done = paint(plan(vars(request_), axes, folder), report=stopping("2 of 3 (10)"))
    assert [variant.state for variant in done] == ["painted", "stopped", "waiting"]
    assert done[1].path.is_file()
    again = plan(vars(request_), axes, folder)
    assert [variant.before for variant in again] == [True, False, False]
    whole = paint(again)
    assert [variant.state for variant in whole] == ["painted"] * 3
    assert sorted(path.suffix for path in folder.iterdir()) == [".json", ".png", ".png", ".png"]


def test_a_file_in_the_folders_place_is_said_at_once(request_: Request, tmp_path: Path) -> None:
    (tmp_path / "cells").write_text("not a folder")
    with pytest.raises(TargetError, match="cells cannot be made"):
        paint(plan(vars(request_), [parse_axis("seed=1")], tmp_path / "cells"))


# Sheets and pages -----------------------------------------------------------------------------------------------------


def test_words_are_wrapped_and_none_is_lost() -> None:
    letters = Letters(14)
    for message in ("a few plain words in a row", "van_gogh_d1890_starry_night_over_the_rhone", "w" * 60, "two\nlines"):
        lines = wrapped(message, letters, 90)
        assert all(letters.length(line) <= 90 for line in lines)
        assert "".join(lines).replace(" ", "") == message.replace(" ", "").replace("\n", "")
    assert wrapped("starry_night", letters, letters.length("starry_nig")) == ["starry_", "night"]


def test_a_grid_has_even_margins_and_all_its_pictures(picture: Callable[..., Image]) -> None:
    red, blue = (Image(np.full((20, 30, 3), color, np.float32)) for color in ((1, 0, 0), (0, 0, 1)))
    sheet = grid_sheet([Block(["one", "two"], [("first", [Cell(red), None]), ("second", [Cell(blue), Cell(note="no")])])], side=64)
    pixels = sheet.to_array()
    assert (pixels == (255, 0, 0)).all(-1).sum() == 600
    assert (pixels == (0, 0, 255)).all(-1).sum() == 600
    drawn = np.argwhere((pixels != 250).any(-1))
    assert drawn.min() >= MARGIN
    assert abs(sheet.size[1] - 1 - drawn[:, 0].max() - MARGIN) <= 1
    assert abs(sheet.size[0] - 1 - drawn[:, 1].max() - MARGIN) <= 1
    taller = grid_sheet([Block([""], [("", [Cell(red, "a caption that is so long that it needs several lines")])])], side=64)
    assert taller.size[1] > grid_sheet([Block([""], [("", [Cell(red, "short")])])], side=64).size[1] + 20
    assert FAINT != (250, 250, 250)
    with pytest.raises(ImageError, match="over the limit"):
        grid_sheet([Block([""], [("", [Cell(red)])])], limits=Limits(pixels=100))
    with pytest.raises(SettingError, match="at least one"):
        grid_sheet([])


class Page(HTMLParser):
    """What a page holds: tags with their attributes, and the words of every row."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attributes)))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def test_a_sheet_and_a_page_by_command(ended: Command, photo: Path, tmp_path: Path) -> None:
    sheet = tmp_path / "sheet.png"
    line = ("explore", photo, "--style", "udnie", "--vary", "strength=.5,1", "--vary", "seed=0,1", "-o", sheet, "--html")
    code, out, err = ended(*line, "--size", 40, "--plot", tmp_path / "plot.svg")
    assert (code, out) == (2, "")
    assert "vary just one thing that is a number" in err
    code, out, err = ended(*line, "--size", 40)
    assert (code, out) == (0, "")
    assert "4 of 4 pictures, in" in err
    assert Pillow.open(sheet).width > 200
    text = (tmp_path / "sheet.html").read_text()
    page = Page(text)
    pictures = page.all("img")[:-1]  # the last one is the empty frame of enlargements
    assert [each["alt"] for each in pictures] == [
        "the photo", "udnie", "strength 0.5, seed 0", "strength 1, seed 0", "strength 0.5, seed 1", "strength 1, seed 1",
    ]  # fmt: skip
    assert all(str(each["src"]).startswith("data:image/jpeg;base64,/9j/") for each in pictures)
    assert not [v for _, attributes in page.tags for k, v in attributes.items() if k in ("src", "href") and not str(v).startswith("data:")]
    assert page.all("meta")[2]["content"].startswith("default-src 'none'")  # type: ignore[union-attr]
    cells = [each for each in page.all("td") if each.get("data-head") == "strength"]
    assert [each["data-value"] for each in cells] == ["0.5", "1.0", "0.5", "1.0"]
    assert {each["data-head"] for each in page.all("td") if "data-head" in each} >= {"seed", "seconds", "judged SSIM", "judged patches"}
    # a cell's command makes that cell again
    words = cells_of(tmp_path / "sheet.html")[0]
    assert ended(*words[1:-1], tmp_path / "again.png")[0] == 0
    cell = tmp_path / "sheet-cells" / words[-1]
    assert np.array_equal(open_still(tmp_path / "again.png").pixels, open_still(cell).pixels)
    assert ended("redo", cell, "-o", tmp_path / "redone.png")[0] == 0
    code, _, err = ended(*line, "--size", 40, "--no-judge")
    assert "4 of them from before" in err


def test_what_is_varied_and_what_is_measured_are_told_apart(photo: Path, tmp_path: Path) -> None:
    axes = [parse_axis("style_loss=gram,moments"), parse_axis("seconds=1,2")]
    variants = plan({"content": str(photo), "styles": (Style(str(photo)),)}, axes, tmp_path / "cells")
    done = [dataclasses.replace(variant, losses={"style": 0.5}, state="painted", seconds=3.0) for variant in variants]
    row = Exploration(tuple(axes), tuple(done)).figures()[1]
    assert (row["style loss"], row["seconds"], row["style loss, measured"], row["seconds, measured"]) == ("moments", 1.0, 0.5, 3.0)


@pytest.mark.system
def test_a_page_in_a_browser(photo: Path, tmp_path: Path) -> None:
    """Sorted by what its address says, wherever it lies, with nothing but itself."""
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if browser is None:
        pytest.skip("no chromium here")
    variants = plan({"content": str(photo), "styles": (Style("udnie"),)}, [parse_axis("strength=.2,.4,.6,.8")], tmp_path / "cells")
    seconds = (3.0, 20.0, None, 1.0)
    done = tuple(
        dataclasses.replace(variant, path=photo, seconds=took or 0.0, state="waiting" if took is None else "painted")
        for variant, took in zip(variants, seconds, strict=True)
    )
    page = tmp_path / "elsewhere" / "a page.html"
    page.parent.mkdir()
    page.write_text(Exploration((parse_axis("strength=.2,.4,.6,.8"),), done).page(), encoding="utf-8")
    line = [browser, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom"]
    told = subprocess.run([*line, f"{page.as_uri()}#down=seconds&view=grid"], capture_output=True, timeout=120)
    if told.returncode or not told.stdout.strip():
        pytest.skip("chromium does not run here")
    shown = Page(told.stdout.decode())
    assert [row["data-place"] for row in shown.all("tr") if "data-place" in row] == ["1", "0", "3", "2"]
    assert [head["aria-sort"] for head in shown.all("th") if "aria-sort" in head] == ["none", "descending"]
    assert shown.all("body")[0]["class"] == "scripted grid"
    assert "hidden" not in shown.all("nav")[0]
    assert [each.get("aria-pressed") for each in shown.all("button") if "data-view" in each] == ["false", "true"]
    assert sum(each.get("role") == "button" for each in shown.all("img")) == 5  # three pictures, the photo and the style


def test_a_strip_from_one_style_to_another(ended: Command, photo: Path, tmp_path: Path) -> None:
    out = tmp_path / "strip.png"
    assert ended("explore", photo, "--blend", "udnie", "great-wave", "--steps", 3, "--size", 40, "-o", out, "-q") == (0, "", "")
    kept = json.loads((tmp_path / "strip-cells" / "cells.json").read_text())
    assert [each["varied"]["share"] for each in kept.values()] == [
        "100% udnie\n0% great-wave", "50% udnie\n50% great-wave", "0% udnie\n100% great-wave",
    ]  # fmt: skip
    ends = [open_still(tmp_path / "strip-cells" / name).pixels for name in kept]
    assert ended("stylize", photo, "--style", "great-wave", "--effort", "fast", "--size", 40, "-o", tmp_path / "wave.png", "-q")[0] == 0
    assert np.abs(ends[2] - open_still(tmp_path / "wave.png").pixels).max() < 2 / 255
    assert np.abs(ends[1] - ends[0]).mean() < np.abs(ends[2] - ends[0]).mean()


def test_a_failing_cell_ends_with_its_exit_code(
    ended: Command, photo: Path, painting: Path, plain: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ATELIER_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    line = ("explore", photo, "-s", painting, "--iterations", 1, "--coarse-iterations", 0, "--warm-features", "", "--size", 32)
    code, _, err = ended(*line, "--vary", f"features=vgg19,{plain['features']}", "-o", tmp_path / "s.html")
    assert code == 1
    assert "1 of 2 pictures were not painted (vgg19)" in err
    text = (tmp_path / "s.html").read_text()
    assert "<strong>not painted</strong>" in text
    assert text.count("<img src=") == 3  # the photo, the painting, and the picture that was painted


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--vary", "strength=2"), "from 0 to 1"),
        (("--vary", "style=nobody-knows"), "no style of that name"),
        (("--vary", "strength=.5", "--style", "udnie", "--strength", "1"), "do not go together"),
        (("--style", "udnie"), "say what to vary"),
        (("--blend", "udnie", "great-wave", "--style", "udnie"), "leave --style out"),
        (("--third", "udnie"), "give --blend two"),
        (("--vary", "strength=.5,1"), "give a --style"),
        (("--vary", "seed=1", "--vary", "seed=2", "--style", "udnie"), "given twice"),
    ],
)
def test_mistakes_are_one_line_before_the_work(ended: Command, photo: Path, tmp_path: Path, words: tuple[str, ...], told: str) -> None:
    code, out, err = ended("explore", photo, *words, "-o", tmp_path / "sheet.png")
    assert (code, out) == (2, "")
    assert told in err.splitlines()[-1]
    assert sum(line.startswith("atelier: ") for line in err.splitlines()) == 1
    assert sorted(path.name for path in tmp_path.iterdir() if path.name != "painting.png") == ["photo.png"]


def cells_of(page: Path) -> list[list[str]]:
    """The command of every row of a page, in words."""
    return [shlex.split(html.unescape(part.split("</code>")[0])) for part in re.sub("</?span>", "", page.read_text()).split("<code>")[1:]]


@pytest.mark.parametrize(
    "words",
    [
        ("--style", "udnie", "--vary", "mask={left},none"),
        ("--vary", "style=udnie + great-wave;great-wave + udnie", "--vary", "mask={left} + {right};"),
        ("--style", "udnie@red", "--style", "great-wave@blue", "--vary", "regions={map}", "--vary", "feather=2,auto"),
        ("--style", "udnie", "--style", "great-wave", "--vary", "blend=horizontal,{left}"),
        ("--style", "{painting}", "--vary", "match=statistics,semantic", "--vary", "style-regions=none"),
        ("--style", "udnie", "--keep-flat", "--vary", "strength=.5,1"),
        ("--style", "udnie", "--effort", "fast", "--vary", "strength=.5,1"),
        ("--vary", "style={painting},strokes=fine;{painting},size=2,rotate=90", "--vary", "device=cpu"),
    ],
)  # fmt: skip
def test_whatever_is_varied_its_command_makes_the_cell_again(
    ended: Command, photo: Path, painting: Path, net: str, tmp_path: Path, words: tuple[str, ...]
) -> None:
    left, right, colored = tmp_path / "left.png", tmp_path / "right.png", tmp_path / "map.png"
    half = np.zeros((28, 40, 3), np.float32)
    half[:, :20] = 1
    for path, pixels in ((left, half), (right, 1 - half), (colored, half * [1, 0, 0] + (1 - half) * [0, 0, 1])):
        path.write_bytes(encode(Image(pixels.astype(np.float32)), "png"))
    given = [word.format(left=left, right=right, map=colored, painting=painting) for word in words]
    if "{painting}" in " ".join(words):
        given += ["--features", net, "--warm-features", "", "--coarse-iterations", "0", "--iterations", "1"]
    out = tmp_path / "page.html"
    code, _, err = ended("explore", photo, *given, "--size", 40, "-o", out, "--no-judge", "-q")
    assert (code, err) == (0, "")
    cells = cells_of(out)
    found = []
    for command_ in cells:
        assert ended(*command_[1:-1], tmp_path / "again.png", "-q")[0] == 0
        found.append(open_still(tmp_path / "again.png").pixels)
        assert np.array_equal(found[-1], open_still(tmp_path / "page-cells" / command_[-1]).pixels)
    assert len({pixels.tobytes() for pixels in found}) == len(found) > 0
    assert [each["command"].split(" --out ")[0] for each in json.loads((tmp_path / "page-cells" / "cells.json").read_text()).values()] == [
        shlex.join(command_[:-2]) for command_ in cells
    ]


def test_maps_and_masks_are_varied_by_what_is_in_them(photo: Path, tmp_path: Path) -> None:
    mask, axes = tmp_path / "mask.png", [parse_axis("mask=" + str(tmp_path / "mask.png"))]
    common = {"content": str(photo), "styles": (Style("udnie"),)}
    names = []
    for shade in (1.0, 0.5):
        mask.write_bytes(encode(Image(np.full((28, 40, 3), shade, np.float32)), "png"))
        names.append(plan(common, axes, tmp_path / "cells")[0].path.name)
    halves = np.zeros((28, 40, 3), np.float32)
    halves[:14, :, 0], halves[14:, :, 2] = 1, 1
    mask.write_bytes(encode(Image(halves), "png"))
    assert names[0] != names[1]
    with pytest.raises(InputError, match=r"nowhere\.png"):
        plan(common, [parse_axis("mask=nowhere.png")], tmp_path / "cells")
    with pytest.raises(SettingError, match="no region 'sky'"):
        plan({**common, "styles": (Style("udnie", region="sky"),)}, [parse_axis(f"regions={mask}")], tmp_path / "cells")
    with pytest.raises(SettingError, match="give one of them"):
        plan(
            {**common, "styles": (Style("udnie"),) * 2},
            [*blend_axes(["udnie", "udnie"], 2), parse_axis("blend=radial")],
            tmp_path / "cells",
        )


def test_maps_are_told_apart_by_alpha_and_names(photo: Path, tmp_path: Path) -> None:
    """In a map what is transparent is the background, and its text names the regions."""
    map_ = tmp_path / "map.png"
    codes = np.zeros((*open_still(photo).shape, 4), np.uint8)
    codes[:10], codes[10:, :, 2], codes[..., 3] = (255, 0, 0, 255), 255, 255
    clear = codes.copy()
    clear[10:, :20, 3] = 0
    paths = []
    for pixels, text in ((codes, ""), (clear, ""), (codes, '{"roof": "#ff0000"}')):
        map_.write_bytes(encode(Image.from_array(pixels, text={"atelier-regions": text} if text else {}), "png"))
        common = {"content": str(photo), "styles": (Style("udnie", region="1"),), "regions": str(map_), "engine": "instant"}
        paths.append(plan(common, [parse_axis("seed=0")], tmp_path / "cells")[0].path)
    assert len(set(paths)) == 3


def test_what_is_the_photo_in_parts_is_not_judged(photo: Path, tmp_path: Path) -> None:
    write = Pillow.fromarray(np.repeat(np.uint8([[255], [0]]), [20, 20], 0).repeat(40, 1))
    write.save(tmp_path / "half.png")
    common = {"content": str(photo), "styles": (Style("udnie"),), "engine": "instant", "size": 32}
    said: list[str] = []
    variants = paint(plan(common, [parse_axis(f"mask={tmp_path / 'half.png'},none")], tmp_path / "cells"))
    numbers = {"strokes": 1.0, "held_out": 1.0, "patches": 1.0, "structure": 1.0, "ssim": 1.0}
    told = judge(variants, lambda *of: lambda path: SimpleNamespace(**numbers),
                  report=lambda progress: said.append(progress.note))  # fmt: skip
    assert [bool(each.judged) for each in told] == [False, True]
    assert [note for note in said if note] == [
        f"{variants[0].path.name} is not judged: it is painted in parts, and numbers are of the whole"
    ]


def test_regions_are_looked_for_once_for_all_pictures(photo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    real = maps.segment
    monkeypatch.setattr(maps, "segment", lambda seen, how, **more: asked.append(how) or real(seen, how, **more))
    more = {"regions": "auto:2", "engine": "instant", "size": 32, "vary": {"strength": [0.3, 1.0]}}
    assert all(each.there for each in atelier.explore(photo, {"1": "udnie"}, **more))
    assert asked == ["auto:2"]


def test_models_are_opened_once(photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from atelier.engines.network import engine

    opened: list[str] = []
    real = engine.open_model
    monkeypatch.setattr(engine, "open_model", lambda path, **more: opened.append(path.stem) or real(path, **more))
    common = {"content": str(photo), "styles": (Style("udnie"),), "settings": {"backend": "onnxruntime"}, "engine": "instant", "size": 32}
    assert all(each.there for each in paint(plan(common, [parse_axis("strength=.3,.6,1")], tmp_path / "cells")))
    assert len(opened) == 1


def test_drawings_are_explored_too(ended: Command, photo: Path, tmp_path: Path) -> None:
    out = tmp_path / "drawn.png"
    line = ("explore", photo, "--vary", "shape=triangle,circle", "--vary", "count=2", "--vary", "refine=0", "--vary", "climbs=1", "-o", out)
    assert ended(*line, "-q") == (0, "", "")
    code, _, err = ended(
        "explore", photo, "--vary", "count=1,2", "--vary", "shape=circle,line", "-o", out, "--plot", tmp_path / "curve.svg"
    )
    assert code == 0
    assert "curve.svg" in err
    assert "<svg" in (tmp_path / "curve.svg").read_text()
    kept = json.loads((tmp_path / "drawn-cells" / "cells.json").read_text())
    assert all(0 < each["losses"]["score"] < 1 for each in kept.values())
    assert all(each["command"].startswith("atelier draw ") for each in kept.values())


def test_axes_know_their_numbers() -> None:
    assert parse_axis("seed=3,4").numbers == (3.0, 4.0)
    assert parse_axis("color=style,photo").numbers is None
    assert parse_axis("chained=yes,no").numbers is None
    assert Axis("seed", (1,), ("1",)).head(0) == "seed 1"


# From Python ----------------------------------------------------------------------------------------------------------


def test_explored_from_python(photo: Path, tmp_path: Path) -> None:
    targets = (tmp_path / "sheet.png", tmp_path / "page.html")
    vary: dict[str, list[Any]] = {"strength": [0.5, 1], "color": ["style", "photo"]}
    explored = atelier.explore(photo, "udnie", vary=vary, out=targets, size=40, judge=False)
    assert [variant.labels for variant in explored][1] == {"strength": "1", "color": "style"}
    assert explored.finished
    rows = explored.figures()
    assert [(row["strength"], row["color"], row["state"]) for row in rows] == [
        (0.5, "style", "painted"), (1.0, "style", "painted"), (0.5, "photo", "painted"), (1.0, "photo", "painted"),
    ]  # fmt: skip
    assert all(row["seconds"] > 0 and Path(row["path"]).parent == tmp_path / "sheet-cells" for row in rows)
    direct = atelier.stylize(photo, "udnie", strength=0.5, color="photo", size=40)
    assert np.abs(explored.variants[2].image.pixels - direct.pixels).max() < 1 / 255
    assert Pillow.open(targets[0]).size == explored.sheet().size
    assert targets[1].read_text() == explored.page()
    again = atelier.explore(photo, "udnie", vary=vary, cells=tmp_path / "sheet-cells", size=40)
    assert all(variant.before for variant in again)


def test_pictures_in_memory_are_explored_too(picture: Callable[..., Image], plain: dict[str, Any]) -> None:
    photo, painting = picture(40, 28, 1), picture(36, 44, 2)
    half = np.zeros((28, 40), np.uint8)
    half[:, :20] = 1
    settings = {**plain, "iterations": 1}
    explored = atelier.explore(photo.pixels, painting, vary={"mask": [None, half * np.uint8(255)]}, **settings)
    whole, part = explored
    assert (whole.labels, part.losses["style"] > 0) == ({"mask": "none"}, True)
    assert np.abs(part.image.pixels[:, 30:] - photo.pixels[:, 30:]).max() <= 0.5 / 255 + 1e-6
    assert np.abs(whole.image.pixels[:, 30:] - photo.pixels[:, 30:]).max() > 2 / 255
    regions = atelier.explore(photo, {"1": painting}, vary={"regions": [half, 1 - half]}, **settings)
    assert np.abs(regions.variants[0].image.pixels[:, :10] - photo.pixels[:, :10]).max() > 2 / 255
    assert np.abs(regions.variants[1].image.pixels[:, :10] - photo.pixels[:, :10]).max() < 1e-4
    folder = whole.path.parent
    assert folder.is_dir()
    del explored, whole, part
    gc.collect()
    assert not folder.exists()


def test_the_way_between_paintings_and_what_is_refused(photo: Path, tmp_path: Path) -> None:
    strip = atelier.explore(photo, between=["udnie", ("great-wave", {"size": 2})], steps=2, size=32)
    assert [[style.weight for style in variant.request.styles] for variant in strip] == [[1, 0], [0, 1]]
    assert strip.variants[0].request.styles[1].size == 2
    for given, words in (
        ({}, "say what to vary"),
        ({"vary": {"strength": "0.5"}}, "a list of values"),
        ({"vary": {"strength": []}}, "a value is missing"),
        ({"vary": {"strength": [2]}}, "from 0 to 1"),
        ({"vary": {"strenght": [1]}}, "did you mean strength"),
        ({"vary": {"strength": [1]}, "strength": 0.5}, "do not go together"),
        ({"vary": {"strength": [1]}, "out": photo}, "give `out` another name"),
        ({"between": ["udnie", "great-wave"]}, "give no `style`"),
    ):
        with pytest.raises(AtelierError, match=words):
            atelier.explore(photo, "udnie", **given)
    assert [path.name for path in tmp_path.iterdir()] == [photo.name]
