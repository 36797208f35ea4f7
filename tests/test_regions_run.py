"""Which style goes where, from a request, a command or a call to the picture."""

from __future__ import annotations

import dataclasses
import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow

import atelier
from atelier import run
from atelier.cli import main
from atelier.engines.color import color_regions
from atelier.engines.network.photo import shrink
from atelier.engines.table import choose
from atelier.errors import InputError, SettingError, SourceError
from atelier.image import Image, encode
from atelier.image.color_names import COLORS
from atelier.image.maps import read_map, write_map
from atelier.image.recolor import recolor
from atelier.image.regions import Regions
from atelier.media import open_still
from atelier.progress import silent
from atelier.request import InstantSettings, Request, Style
from atelier.run.layout import Scene, lay_out
from atelier.run.maps import open_maps
from atelier.run.turning import turn

pytestmark = pytest.mark.usefixtures("quick_networks")

Paint = Callable[..., Image]
SIZE = (72, 48)


@pytest.fixture(autouse=True)
def one_backend(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """That which is not tried for speed first; and no styles of one's own."""
    monkeypatch.setenv("ATELIER_STYLES", str(tmp_path / "own"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def names() -> list[str]:
    from atelier.engines.network import catalogue

    return sorted(catalogue.shipped())[:2]


@pytest.fixture
def regions() -> Regions:
    """Sky above sea, and a strip of shore that nobody paints."""
    labels = np.zeros((SIZE[1], SIZE[0]), np.uint8)
    labels[20:], labels[40:] = 1, 2
    return Regions(labels, ("sky", "sea", "shore"), (COLORS["blue"], COLORS["green"], COLORS["yellow"]))


@pytest.fixture
def photo(tmp_path: Path, picture: Paint) -> str:
    (tmp_path / "photo.png").write_bytes(encode(picture(*SIZE, seed=1), "png"))
    return "photo.png"


@pytest.fixture
def painting(tmp_path: Path, picture: Paint) -> str:
    (tmp_path / "painting.png").write_bytes(encode(picture(64, 64, seed=2), "png"))
    return "painting.png"


@pytest.fixture
def map_(tmp_path: Path, regions: Regions) -> str:
    (tmp_path / "map.png").write_bytes(encode(write_map(regions), "png"))
    return "map.png"


def codes(path: str | Path) -> np.ndarray:
    return open_still(str(path)).to_array()


def instant(*styles: Style, **more: Any) -> Request:
    return Request("stylize", "photo.png", styles, settings={"backend": "onnxruntime"}, **more)


def laid(request: Request, content: Image, *paintings: Image, **more: Any) -> tuple[Any, Any]:
    kind, report = choose(request), more.pop("report", silent)
    return lay_out(request, kind, Scene(content, **more), paintings, open_maps(request), report=report)


# Said on the command line ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "style"),
    [
        ("a.jpg", Style("a.jpg")),
        ("a.jpg=0.3", Style("a.jpg", 0.3)),
        ("a.jpg@sky", Style("a.jpg", region="sky")),
        ("a.jpg=0.3@sky", Style("a.jpg", 0.3, "sky")),
        ("a.jpg@sky=0.3", Style("a.jpg", 0.3, "sky")),
        ("a.jpg@#0000ff,size=2", Style("a.jpg", region="#0000ff", size=2)),
        ("a.jpg=2@1,size=0.5,rotate=-90,strokes=coarse", Style("a.jpg", 2, "1", 0.5, -90, "coarse")),
        ("a.jpg,size=2@sky", Style("a.jpg", region="sky", size=2)),
        ("-@sky", Style("-", region="sky")),
        ("me@home.jpg", Style("me@home.jpg")),
        ("a,b.jpg", Style("a,b.jpg")),
        ("https://x.org/a.jpg?w=3", Style("https://x.org/a.jpg?w=3")),
        ("https://x.org/a.jpg?w=3=0.5", Style("https://x.org/a.jpg?w=3", 0.5)),
        ("https://x.org/a.jpg=0.5", Style("https://x.org/a.jpg", 0.5)),
        ("https://x.org/a.jpg?size=2&t=a@b.c", Style("https://x.org/a.jpg?size=2&t=a@b.c")),
        ("https://me@x.org/a.jpg", Style("https://me@x.org/a.jpg")),
        ("https://x.org/a.jpg?w=3@sky,size=2", Style("https://x.org/a.jpg?w=3", region="sky", size=2)),
        ("there@sky.png", Style("there@sky.png")),
        ("odd@x,size=2", Style("odd@x,size=2")),
        ("odd@x,size=2@sky", Style("odd@x,size=2", region="sky")),
        ("odd=3", Style("odd=3")),
        ("here.jpg,size=2", Style("here.jpg", size=2)),
        ("here.jpg@sky,size=2", Style("here.jpg", region="sky", size=2)),
        ("here.jpg,rotate=45,strokes=fine", Style("here.jpg", rotate=45, strokes="fine")),
        ("here.jpg=0.5@sky,size=2,strokes=coarse", Style("here.jpg", 0.5, "sky", 2, 0, "coarse")),
        ("udnie,size=2", Style("udnie", size=2)),
    ],
)
def test_styles_in_words(text: str, style: Style, photo: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("there@sky.png", "odd@x,size=2", "odd=3", "here.jpg"):
        (tmp_path / name).touch()
    asked: list[Request] = []

    class Stop(Exception):
        pass

    def make(request: Request, *_: Any, **__: Any) -> None:
        asked.append(request)
        raise Stop

    monkeypatch.setattr("atelier.run.make", make)
    regions = ["--regions", "auto"] if style.region else []
    with pytest.raises(Stop):
        main(["stylize", photo, "--style", text, "-o", "o.png", *regions])
    assert asked[0].styles == (style,)


@pytest.mark.parametrize("text", ["a.jpg,size=large", "a.jpg,size=2,size=3", "a.jpg=1@sky=2", "a.jpg,strokes=thick", "a.jpg,size=0"])
def test_words_that_make_no_style(text: str, photo: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["stylize", photo, "--style", text, "--regions", "auto", "-o", "o.png"])
    assert end.value.code == 2 and capsys.readouterr().err.count("\n") == 1


# Refused before anything is opened ------------------------------------------------------------------------------------

SKY, PLAIN = Style("a.jpg", region="sky"), Style("a.jpg")


@pytest.mark.parametrize(
    ("styles", "given", "words"),
    [
        ((SKY,), {}, "`style` a.jpg@sky names a region: give `regions`"),
        ((PLAIN,), {"regions": "m.png"}, "the style a.jpg is without a region"),
        ((SKY, PLAIN), {"regions": "m.png"}, "the style a.jpg is without a region"),
        ((PLAIN,), {"regions": "m.png", "masks": ("x.png",)}, "`regions` and `masks` both say"),
        ((PLAIN, PLAIN), {"masks": ("x.png",), "blend": "radial"}, "`masks` and `blend` both say"),
        ((PLAIN, PLAIN), {"masks": ("x.png",)}, "1 `masks` and 2 `style`"),
        ((PLAIN, PLAIN), {"regions": "m.png", "style_regions": ("x.png",)}, "1 `style_regions` and 2 `style`"),
        ((PLAIN,), {"style_regions": ("x.png",)}, "give `regions` with it"),
        ((SKY,), {"masks": ("x.png",)}, "leave @sky out"),
        ((PLAIN,), {"feather": 3.0}, "`feather` is how wide"),
        ((PLAIN,), {"blend": "radial"}, "`blend` goes over from one style to another: give two, not 1"),
        ((PLAIN,), {"feather": -1.0, "regions": "auto"}, "feather -1"),
        ((), {"regions": "auto", "settings": {"model": "m.onnx"}}, "`model` paints all of a photo"),
        ((PLAIN,), {"task": "texture", "regions": "auto"}, "texture has no styles on one"),
        ((SKY,), {"task": "texture"}, "@sky parts a photo"),
    ],
)
def test_what_does_not_go_together(styles: tuple[Style, ...], given: dict[str, Any], words: str) -> None:
    task = given.pop("task", "stylize")
    with pytest.raises(SettingError, match=words) as error:
        run.check(Request(task, "photo.jpg", styles, **given))
    assert "\n" not in str(error.value)


def test_strokes_ask_for_the_optimizer() -> None:
    coarse = Style("a.jpg", strokes="coarse")
    assert choose(Request("stylize", "p.jpg", (PLAIN, coarse))).name == "optimize"
    with pytest.raises(
        SettingError, match="`strength` is for `engine=instant`, `style` of coarse or fine strokes is for `engine=optimize`"
    ):
        _ = choose(Request("stylize", "p.jpg", (coarse,), settings={"strength": 0.5})).name


def test_a_request_with_places_goes_to_json_and_back() -> None:
    url = "https://me:secret@x.org/m.png?token=1"
    styles = (Style("a.jpg", 0.3, "sky", 2.0, 90.0, "fine"), Style("b.jpg", region="sea"))
    request = Request("stylize", "p.jpg", styles, regions=url, style_regions=("x.png", ""), feather=3.0)
    assert Request.from_json(request.to_json()) == request
    assert request.without_secrets().regions == "https://x.org/m.png"
    masked = Request("stylize", "p.jpg", (PLAIN,), masks=(url,))
    assert Request.from_json(masked.to_json()) == masked
    assert masked.without_secrets().masks == ("https://x.org/m.png",)
    old = json.loads(Request("stylize", "p.jpg", (PLAIN,)).to_json())
    for name in ("regions", "masks", "style_regions", "feather", "blend"):
        del old[name]
    old["styles"] = [{"source": "a.jpg", "weight": 1.0}]
    assert Request.from_json(json.dumps(old)) == Request("stylize", "p.jpg", (PLAIN,))


# Laid out -------------------------------------------------------------------------------------------------------------


def test_regions_become_places(photo: str, map_: str, picture: Paint, regions: Regions) -> None:
    content, a, b = open_still(photo), picture(20, 20, 3), picture(20, 20, 4)
    request = instant(Style("a", 0.5, "sea"), Style("b", 2.0, "blue", size=2.0), Style("b", 1.0, "2"), regions=map_, feather=0.0)
    samples, guide = laid(request, content, a, b, b)
    assert [(each.region, each.weight, each.size) for each in samples] == [(1, 0.5, 1.0), (0, 2.0, 2.0), (1, 1.0, 1.0)]
    np.testing.assert_array_equal(guide.regions, [regions.labels == 0, regions.labels == 1])
    soft = laid(dataclasses.replace(request, feather=6.0), content, a, b, b)[1].regions
    assert ((soft > 0) & (soft < 1)).any() and soft.sum(0).max() <= 1 + 1e-6 and not soft[:, 44:].any()
    assert laid(instant(Style("a")), content, a)[1] is None


def test_a_map_of_another_size_is_resized_with_a_word(photo: str, map_: str, picture: Paint, regions: Regions) -> None:
    def notes(drawn: tuple[int, int], **more: Any) -> list[str]:
        (Path("m.png")).write_bytes(encode(write_map(regions.resize(drawn)), "png"))
        said: list[str] = []
        _, guide = laid(
            instant(Style("a", region="sky"), regions="m.png"),
            open_still(photo),
            picture(9, 9),
            report=lambda p: said.append(p.note),
            **more,
        )
        assert guide.regions.shape == (1, SIZE[1], SIZE[0])
        return list(filter(None, said))

    assert notes(SIZE) == []
    assert notes((144, 96), photo=picture(144, 96)) == []  # the photo's own
    assert notes((144, 96)) == ["the map m.png is resized from 144x96 to 72x48"]
    assert "stretched" in notes((60, 60))[0]


@pytest.mark.parametrize(
    ("region", "words"), [("moon", "no region 'moon': the regions are sky"), ("5", "no region '5'"), ("shoal", "'shoal' is empty")]
)
def test_regions_that_are_not_to_be_had(region: str, words: str, photo: str, picture: Paint, regions: Regions) -> None:
    drawn = write_map(regions)
    legend = {**regions.legend, "shoal": "#ff00ff"}
    Path("m.png").write_bytes(encode(dataclasses.replace(drawn, text={"atelier-regions": json.dumps(legend)}), "png"))
    with pytest.raises(SettingError, match=words):
        laid(instant(Style("a", region=region), regions="m.png"), open_still(photo), picture(9, 9))


def test_names_that_are_no_map(photo: str, picture: Paint) -> None:
    with pytest.raises(SourceError, match=r"nothing\.png"):
        laid(instant(Style("a", region="sky"), regions="nothing.png"), open_still(photo), picture(9, 9))
    with pytest.raises(SettingError, match="regions automatic: there is no segmenter of that name: choose from auto"):
        laid(instant(Style("a", region="sky"), regions="automatic"), open_still(photo), picture(9, 9))


def a_mask(name: str, rows: slice, level: int = 255) -> str:
    gray = np.zeros((SIZE[1], SIZE[0]), np.uint8)
    gray[rows] = level
    Pillow.fromarray(gray).save(name)
    return name


def test_a_mask_for_each_style(photo: str, picture: Paint) -> None:
    masks = (a_mask("one.png", slice(0, 20)), a_mask("two.png", slice(20, 40)))
    samples, guide = laid(instant(Style("a"), Style("b"), masks=masks, feather=0.0), open_still(photo), picture(9, 9), picture(9, 9))
    assert [each.region for each in samples] == [0, 1]
    assert guide.regions[0, :20].all() and guide.regions[1, 20:40].all() and not guide.regions[:, 40:].any()
    overlapping = (masks[0], a_mask("two.png", slice(10, 40)))
    with pytest.raises(SettingError, match=r"masks of 'one' and 'two' overlap in 20\.8 %"):
        laid(instant(Style("a"), Style("b"), masks=overlapping), open_still(photo), picture(9, 9), picture(9, 9))
    with pytest.raises(SettingError, match="the mask of 'none' marks nothing"):
        laid(instant(Style("a"), masks=(a_mask("none.png", slice(0, 0)),)), open_still(photo), picture(9, 9))


def test_a_region_takes_that_of_the_painting(photo: str, map_: str, picture: Paint, regions: Regions) -> None:
    turned = Regions(np.ascontiguousarray(regions.labels.T), regions.names, regions.colors)
    Path("style.png").write_bytes(encode(write_map(turned), "png"))
    content, painting = open_still(photo), picture(SIZE[1], SIZE[0], 5)
    samples, guide = laid(instant(Style("a"), regions=map_, style_regions=("style.png",)), content, painting)
    assert len(guide.regions) == 3 and [each.region for each in samples] == [0, 1, 2]
    for at, sample in enumerate(samples):
        np.testing.assert_array_equal(sample.part, turned.labels == at)
    (one,), guide = laid(instant(Style("a", region="sea", rotate=90), regions=map_, style_regions=("style.png",)), content, painting)
    assert len(guide.regions) == 1
    np.testing.assert_array_equal(one.part, np.rot90(turned.labels == 1, -1))
    assert one.part.shape == one.picture.shape
    fewer = Regions(np.minimum(turned.labels, 1), regions.names[:2], regions.colors[:2])
    Path("style.png").write_bytes(encode(write_map(fewer), "png"))
    with pytest.raises(SettingError, match="the photo's has shore"):
        laid(instant(Style("a"), regions=map_, style_regions=("style.png",)), content, painting)
    with pytest.raises(SettingError, match="no region for 'shore'"):
        laid(instant(Style("a", region="shore"), regions=map_, style_regions=("style.png",)), content, painting)


@pytest.mark.parametrize("blend", [*run.GRADIENTS, "grey.png"])
@pytest.mark.parametrize("engine", ["instant", "optimize"])
def test_from_one_style_to_the_other(blend: str, engine: str, photo: str, picture: Paint) -> None:
    Pillow.fromarray(np.linspace(0, 255, SIZE[0]).astype(np.uint8)[None].repeat(SIZE[1], 0)).save("grey.png")
    request = Request("stylize", photo, (Style("a"), Style("b", size=1.0)), blend=blend, engine=engine)
    samples, guide = laid(request, open_still(photo), picture(9, 9, 1), picture(9, 9, 2))
    np.testing.assert_allclose(guide.regions.sum(0), 1, atol=1e-6)
    second = sum(s.weight * guide.regions[s.region] for s in samples if s.picture is samples[-1].picture)
    ways = {"horizontal": second[5], "grey.png": second[5], "vertical": second[:, 5], "diagonal": np.diagonal(second)}
    line = ways.get(blend, second[SIZE[1] // 2, SIZE[0] // 2 :])
    assert (np.diff(line) > -1e-6).all() and line[0] < 0.05 and line[-1] > 0.6
    assert len(guide.regions) == (5 if engine == "instant" else 2)


# Turned ---------------------------------------------------------------------------------------------------------------


def test_paintings_are_turned_clockwise(picture: Paint) -> None:
    image = picture(30, 20, 1)
    for quarters in (-1, 0, 1, 2, 5):
        np.testing.assert_array_equal(turn(image, 90 * quarters).pixels, np.rot90(image.pixels, -quarters))
    ramp = np.linspace(0, 1, 200, dtype=np.float32)[None].repeat(120, 0)
    turned = turn(Image(np.stack([ramp] * 3, axis=-1)), 30)
    down, across = np.gradient(turned.pixels[..., 0])
    slope = 1 / 199
    np.testing.assert_allclose(across, slope * np.cos(np.pi / 6), atol=1.2e-3)
    np.testing.assert_allclose(down, slope * np.sin(np.pi / 6), atol=1.2e-3)  # clockwise: what was right is lower
    assert across.mean() == pytest.approx(slope * np.cos(np.pi / 6), rel=1e-2)
    assert down.mean() == pytest.approx(slope * np.sin(np.pi / 6), rel=1e-2)
    assert turned.size[0] * turned.size[1] > 0.3 * ramp.size


@pytest.mark.parametrize("degrees", [1, 17, 45, 60, 89.5, 135, -20, 355])
@pytest.mark.parametrize("size", [(40, 40), (90, 20), (20, 90), (64, 48)])
def test_nothing_but_the_painting_is_in_what_was_turned(degrees: float, size: tuple[int, int]) -> None:
    white = Image(np.ones((size[1], size[0], 3), np.float32))
    turned = turn(white, degrees)
    assert turned.pixels.min() > 0.999
    assert turned.size[0] * turned.size[1] > 0.05 * size[0] * size[1]


# Painted --------------------------------------------------------------------------------------------------------------


def test_what_no_style_names_stays_the_photo_bit_for_bit(photo: str, map_: str, names: list[str], regions: Regions) -> None:
    styles = (Style(names[0], region="sky"), Style(names[1], region="sea"))
    for settings in ({}, {"color": "match"}, {"style_size": 2.0}):
        request = Request("stylize", photo, styles, settings={"backend": "onnxruntime", **settings}, regions=map_, feather=4.0)
        run.make(request, run.Outputs("out.png"))
        changed = (codes("out.png") != codes(photo)).any(2)
        assert not changed[43:].any() and changed[:40].mean() > 0.5
    again = run.redo("out.png", run.Outputs("again.png"))
    np.testing.assert_array_equal(codes("again.png"), codes("out.png"))
    assert again.finished and json.loads(open_still("out.png").text["atelier"])["regions"] == map_
    said: list[str] = []
    Path(map_).write_bytes(encode(write_map(dataclasses.replace(regions, labels=np.flipud(regions.labels))), "png"))
    run.redo("out.png", run.Outputs("again.png"), report=lambda p: said.append(p.note))
    assert any("what goes where changed since then" in note for note in said)


def test_python_takes_maps_in_every_form(photo: str, map_: str, names: list[str], regions: Regions) -> None:
    given = {"sky": names[0], "sea": [(names[0], 0.5), (names[1], {"weight": 0.5, "size": 1})]}
    settings = {"backend": "onnxruntime", "feather": 4}
    first = atelier.stylize(photo, given, regions=map_, **settings)
    assert json.loads(first.text["atelier"])["styles"][2]["region"] == "sea"
    drawn = atelier.load(map_)
    for form in (Path(map_), drawn, regions):
        np.testing.assert_array_equal(atelier.stylize(photo, given, regions=form, **settings).pixels, first.pixels)
    numbers = {"0": given["sky"], "1": given["sea"]}
    unsigned = atelier.stylize(photo, numbers, regions=regions.labels, **settings)
    np.testing.assert_array_equal(unsigned.pixels, first.pixels)
    assert "atelier" not in unsigned.text
    listed = [Style(names[0], region="sky"), Style(names[0], 0.5, "sea"), (names[1], {"region": "sea", "weight": 0.5})]
    np.testing.assert_array_equal(atelier.stylize(photo, listed, regions=map_, **settings).pixels, first.pixels)
    with pytest.raises(SettingError, match="a style has no 'colour'"):
        atelier.stylize(photo, (names[0], {"colour": "red"}))
    with pytest.raises(SettingError, match="give at least one painting"):
        atelier.stylize(photo, {}, regions=map_)


@pytest.mark.parametrize("how", ["regions", "masks", "blend", "regions by a painting"])
def test_a_large_tiff_is_painted_in_regions_from_window_to_window(
    how: str, names: list[str], painting: str, picture: Paint, monkeypatch: pytest.MonkeyPatch
) -> None:
    how, _, by = how.partition(" by a ")
    names = [painting, names[1]] if by else names
    photo = picture(180, 120, seed=1)
    Path("photo.tif").write_bytes(encode(dataclasses.replace(photo, depth=16), "tiff", depth=16))
    labels = np.zeros((120, 180), np.uint8)
    labels[:, 80:], labels[90:] = 1, 2
    Path("map.png").write_bytes(encode(write_map(Regions(labels, ("a", "b", "c"), tuple(COLORS.values())[:3])), "png"))
    for at, name in enumerate(("one.png", "other.png")):
        Path(name).write_bytes(encode(Image.from_array(np.where(labels == at, np.uint8(255), np.uint8(0))), "png"))
    given: dict[str, Any] = {
        "regions": {"regions": "map.png", "feather": 6.0}, "masks": {"masks": ("one.png", "other.png")}, "blend": {"blend": "horizontal"},
    }[how]  # fmt: skip
    styles = (Style(name, region=region if how == "regions" else "") for name, region in zip(names, ("a", "b"), strict=True))
    request = Request("stylize", "photo.tif", tuple(styles), settings={"backend": "onnxruntime", "tile": 96}, **given)
    run.make(request, run.Outputs("whole.tif"))
    monkeypatch.setattr("atelier.run.job.HELD_PIXELS", 1000)
    said: list[str] = []
    made = run.make(request, run.Outputs("streamed.tif"), report=lambda p: said.append(p.note))
    assert made.size == (180, 120) and any("window to window" in note for note in said)
    assert not any("resized" in note for note in said)
    whole, streamed = open_still("whole.tif").pixels, open_still("streamed.tif").pixels
    assert np.abs(whole - streamed).max() < 1 / 255 and np.abs(whole - photo.pixels).mean() > 20 / 255
    if how == "blend":
        return
    kept = slice(96, None)
    np.testing.assert_array_equal(streamed[kept], open_still("photo.tif").pixels[kept])
    # what goes where held at a coarser size: the borders are less sharp, and statistics are taken from a little more or less
    monkeypatch.setattr("atelier.run.job.MAPPED_PIXELS", 6000)
    run.make(request, run.Outputs("coarse.tif"))
    coarse = open_still("coarse.tif").pixels
    np.testing.assert_array_equal(coarse[kept], streamed[kept])
    assert np.abs(coarse - streamed).mean() < 0.5 * np.abs(streamed - photo.pixels).mean()


def test_a_large_tiff_is_copied_where_nothing_is_to_be_painted(names: list[str], picture: Paint, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("photo.tif").write_bytes(encode(picture(80, 60, 1), "tiff"))
    monkeypatch.setattr("atelier.run.job.HELD_PIXELS", 1000)
    monkeypatch.setattr("atelier.engines.network.photo.UNPAINTED", 32)
    monkeypatch.setattr("atelier.engines.network.painter.Painter.windows", None)
    run.make(Request("stylize", "photo.tif", (Style(names[0]),), settings={"strength": 0.0}), run.Outputs("out.tif"))
    np.testing.assert_array_equal(codes("out.tif"), codes("photo.tif"))


def test_a_folder_has_one_engine(names: list[str], photo: str, painting: str, map_: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Built anew where it would be another; what is painted is what it would be otherwise."""
    from atelier.engines.network import engine

    opened: list[str] = []
    real = engine.open_model
    monkeypatch.setattr(engine, "open_model", lambda path, **more: opened.append(path.stem) or real(path, **more))
    plain = instant(Style(names[0]))
    requests = [
        plain, plain, instant(Style(painting)), instant(Style(painting)), dataclasses.replace(plain, seed=1),
        instant(Style(names[0], region="sky"), Style(names[1], region="sea"), regions=map_),
        instant(Style(names[0], region="sky"), Style(names[1], region="sea"), regions=map_, feather=9.0),
    ]  # fmt: skip
    counts = []
    session = run.Session()
    for at, request in enumerate(requests):
        run.make(request, run.Outputs(f"kept{at}.png"), session=session)
        counts.append(len(opened))
    assert counts == [1, 1, 3, 3, 3, 3, 3]  # models are kept where the engine is another
    for at, request in enumerate(requests):
        run.make(request, run.Outputs(f"own{at}.png"))
        np.testing.assert_array_equal(codes(f"kept{at}.png"), codes(f"own{at}.png"))
    assert len(opened) > counts[-1] + 6, "without it every photo has its own"


def test_colors_that_come_back_leak_nothing(picture: Paint, names: list[str], regions: Regions) -> None:
    """What is painted in the sea changes nothing of the sky beyond the border, whichever way the photo's colours come back."""
    photo, flat = picture(*SIZE, seed=1), Image(np.full((32, 32, 3), (0.9, 0.1, 0.1), np.float32))
    for more in ({"color": "match"}, {"color": "photo"}, {"color": "match", "color_method": "histogram"}):
        one, other = (
            atelier.stylize(photo, {"sky": names[0], "sea": sea}, regions=regions, feather=4, engine="instant", **more)
            for sea in (names[1], flat)
        )
        np.testing.assert_array_equal(one.pixels[:16], other.pixels[:16])
        np.testing.assert_array_equal(one.pixels[44:], photo.pixels[44:])
        assert (one.pixels != other.pixels)[24:36].any()


def test_a_place_has_the_colors_of_the_photo_there(picture: Paint) -> None:
    """Recoloured by itself, each by its own part of the photo, with a mixture over the border."""
    settings = InstantSettings(color="match")
    photo, painted = picture(40, 40, 1), picture(40, 40, 2)
    top = np.zeros((40, 40), np.float32)
    top[:18] = 1
    top[18:22] = 0.5
    result = color_regions(painted.pixels, photo.pixels, settings, np.stack([top, 1 - top]))
    upper = recolor(painted.pixels[:18], photo.pixels[:18])
    lower = recolor(painted.pixels[22:], photo.pixels[22:])
    np.testing.assert_allclose(result[:18], upper, atol=1e-5)
    np.testing.assert_allclose(result[22:], lower, atol=1e-5)
    blend = color_regions(painted.pixels, photo.pixels, settings, np.full((2, 40, 40), 0.5, np.float32))
    np.testing.assert_allclose(blend, recolor(painted.pixels, photo.pixels), atol=1e-3)


def test_a_region_of_weight_0_is_named(picture: Paint, names: list[str], regions: Regions) -> None:
    for engine in ("instant", "optimize"):
        with pytest.raises(SettingError, match="the region 'sea' has no style of a weight above 0"):
            atelier.stylize(picture(*SIZE), {"sky": names[0], "sea": (names[1], 0)}, regions=regions, engine=engine)


def test_masks_of_0_and_1(picture: Paint, names: list[str], regions: Regions) -> None:
    photo, sky = picture(*SIZE), regions.labels == 0
    expected = atelier.stylize(photo, names[0], masks=sky).pixels
    np.testing.assert_array_equal(atelier.stylize(photo, names[0], masks=sky.astype(np.int64)).pixels, expected)
    Pillow.fromarray(sky.astype(np.uint8)).save("mask.png")
    with pytest.raises(SettingError, match="brightest value is 1; paint its region white, 255"):
        atelier.stylize(photo, names[0], masks="mask.png")


def test_what_is_long_and_narrow_is_shrunk() -> None:
    line = np.linspace(0, 1, 12000, dtype=np.float32)[None, :, None].repeat(3, 0).repeat(3, 2)

    def read(x: int, y: int, width: int, height: int) -> np.ndarray:
        return line[y : y + height, x : x + width]

    found = shrink(read, slice(0, 3), slice(0, 12000), 2)
    assert found.shape == (1, 2, 3) and found[0, 0, 0] < 0.4 and found[0, 1, 0] > 0.6


def test_masks_are_called_by_what_can_be_asked_for() -> None:
    masks = (a_mask("left@2x.png", slice(0, 20)), a_mask("right.png", slice(20, 40)))
    opened = open_maps(instant(Style("a"), Style("b"), masks=masks))
    assert [name for name, _ in opened.masks] == ["mask 1", "right"]


def test_models_on_their_way_hold_nobody_up(
    picture: Paint, names: list[str], monkeypatch: pytest.MonkeyPatch, recwarn: pytest.WarningsRecorder
) -> None:
    """They are those that will be needed: a style by name that is turned is a painting. What fails there is nobody's business."""
    from atelier.engines.network import engine, kind

    asked: list[str] = []
    threads: list[threading.Thread] = []

    def broken(_: Any, name: str) -> None:
        asked.append(name)
        raise RuntimeError("no such thing")

    class Watched(threading.Thread):
        def start(self) -> None:
            threads.append(self)
            super().start()

    monkeypatch.setattr(engine.Models, "__call__", broken)
    monkeypatch.setattr(engine.threading, "Thread", Watched)
    for style, needed in ((Style(names[0]), "styles"), (Style(names[0], rotate=30), "reader")):
        request = instant(style)
        kind.prepare(request, InstantSettings(), [run.open_style(names[0])], run.Session())
        threads[-1].join()
        assert asked[-1] == needed
    assert not [each for each in recwarn if "no such thing" in str(each.message)]


def test_the_optimizer_keeps_the_photo_too(photo: str, map_: str, painting: str, plain: dict[str, Any]) -> None:
    styles = (Style(painting, region="sky", rotate=90), Style(painting, region="sea", size=2.0))
    request = Request("stylize", photo, styles, "", {**plain, "iterations": 2, "smallest": 16}, regions=map_, feather=4.0)
    run.make(request, run.Outputs("out.png"))
    changed = (codes("out.png") != codes(photo)).any(2)
    assert not changed[43:].any() and changed[:40].mean() > 0.5


# A map to correct -----------------------------------------------------------------------------------------------------


def test_a_map_to_correct_by_hand(photo: str, map_: str, capsys: pytest.CaptureFixture[str]) -> None:
    def command(*words: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as end:
            main(["regions", photo, *words])
        out, err = capsys.readouterr()
        return int(end.value.code or 0), out, err

    code, out, err = command("--regions", map_, "-o", "mine.png")
    assert code == 0 and out.splitlines()[0].split() == ["1", "sky", "#0000ff", "41.7", "%"]
    assert "--regions mine.png --style PAINTING@sky -o" in err
    assert read_map(open_still("mine.png")).names == ("sky", "sea", "shore")
    assert open_still("mine-shown.png").size == SIZE
    code, out, err = command("--regions", "auto:2", "--json")
    told = json.loads(out)
    assert code == 0 and told["map"] == "photo-regions.png" and [each["number"] for each in told["regions"]] == [1, 2]
    assert sum(each["share"] for each in told["regions"]) == pytest.approx(1, abs=1e-3)
    for words, why in (
        (["--regions", "auto:2"], "exists already"),  # it may have been corrected since
        (["-o", "m.jpg"], ".png or a .tiff"),
        (["-o", "-"], "give it a name"),
        (["--regions", "auto:900", "-o", "m.png"], "auto:900"),
        (["--regions", map_, "-o", map_], "give --out another name"),
    ):
        code, out, err = command(*words)
        assert code == 2 and why in err.splitlines()[-1], err


def test_settings_of_a_place_are_checked(photo: str, map_: str, names: list[str]) -> None:
    styles = (Style(names[0], region="sky"), Style(names[1], region="sky", size=2))
    with pytest.raises(InputError, match="`engine=optimize`"):
        run.make(Request("stylize", photo, styles, regions=map_), run.Outputs("out.png"))
    assert InstantSettings().style_size == 1


def test_what_a_style_does_not_have_is_said(photo: str, painting: str, capsys: pytest.CaptureFixture[str]) -> None:
    for word in (f"{painting},colour=2", f"{painting}@sky,szie=2"):
        with pytest.raises(SystemExit) as stop:
            main(["stylize", photo, "-s", word, "--regions", "auto", "-o", "out.png"])
        assert stop.value.code == 2
        assert "size, rotate and strokes" in capsys.readouterr().err


def test_regions_are_the_same_at_every_size(picture: Paint, names: list[str]) -> None:
    """Found in the photo, not in what it is painted at: kept pixels tell where the regions are."""
    labels = np.zeros((120, 160), np.int64)
    labels[:, 70:] = 1
    ground = np.where(labels[..., None] == 0, [0.9, 0.2, 0.1], [0.1, 0.3, 0.9]).astype(np.float32)
    whole = Image((ground + 0.05 * picture(160, 120, 3).pixels).clip(0, 1).astype(np.float32))
    for size in (160, 64):
        painted = atelier.stylize(whole, {"2": names[0]}, regions="auto:2", size=size, feather=0).pixels
        small = atelier.stylize(whole, names[0], size=size, strength=0).pixels
        kept = (painted == small).all(2)
        edge = round(70 / 160 * size)
        sides = kept[:, : edge - 3].mean(), kept[:, edge + 3 :].mean()
        assert max(sides) == 1
        assert min(sides) < 0.5


def test_numbers_are_paired_by_what_they_are(picture: Paint) -> None:
    labels = np.zeros((48, 48), np.uint8)
    labels[:, 16:], labels[:, 32:] = 3, 7
    other = np.where(labels == 3, 4, labels)
    with pytest.raises(SettingError, match=r"4|3"):
        atelier.stylize(picture(48, 48), picture(48, 48, 2), regions=labels, style_regions=other)


def test_the_object_is_where_it_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("cv2")
    pixels = np.full((60, 80, 3), 0.3, np.float32)
    pixels[15:45, 10:30] = (0.9, 0.4, 0.1)
    pixels[15:45, 50:70] = (0.9, 0.4, 0.1)
    pixels += np.random.default_rng(0).normal(0, 0.01, pixels.shape).astype(np.float32)
    (tmp_path / "two.png").write_bytes(encode(Image(pixels.clip(0, 1)), "png"))
    for more in (["--box", "5,10,35,50"], ["--scribbles", "drawn.png"]):
        marks = np.full((60, 80, 3), 0.5, np.float32)
        marks[28:32, 15:25], marks[:, 45:] = 1, 0
        (tmp_path / "drawn.png").write_bytes(encode(Image(marks), "png"))
        with pytest.raises(SystemExit) as done:
            main(["regions", "two.png", "-o", "map.png", "--json", *more])
        assert done.value.code == 0
        found = {each["name"]: each["share"] for each in json.loads(capsys.readouterr().out)["regions"]}
        assert found["object"] == pytest.approx(30 * 20 / 4800, rel=0.3)
    for wrong in (["--box", "1,2"], ["--box", "5,10,35,50", "--regions", "auto:3"]):
        with pytest.raises(SystemExit) as stop:
            main(["regions", "two.png", "-o", "map.png", *wrong])
        assert stop.value.code == 2
