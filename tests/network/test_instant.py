"""Painting with the networks that ship: any size, any strength, any mixture."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy

import atelier
from atelier.engines.guide import Guide, Sample
from atelier.engines.network import brush, catalogue
from atelier.engines.network import photo as photo_room
from atelier.engines.network.backends import has_openvino
from atelier.engines.network.engine import InstantEngine
from atelier.engines.network.painter import Painter
from atelier.engines.network.regions import middle
from atelier.engines.network.runner import Runner
from atelier.engines.table import choose
from atelier.errors import Cancelled, Diverged, InputError, SettingError, SourceError, WeightsError
from atelier.image import Image, encode
from atelier.media import open_still
from atelier.progress import Progress
from atelier.request import InstantSettings, Request
from atelier.run import Outputs, make, redo
from calls import called

pytestmark = pytest.mark.usefixtures("quick_networks")

Paint = Callable[..., Image]
SHIPPED = sorted(catalogue.shipped())


def settings(**given: object) -> InstantSettings:
    return InstantSettings(backend="onnxruntime", **given)  # type: ignore[arg-type]


@pytest.fixture
def painting(picture: Paint) -> Image:
    return picture(90, 70, seed=5)


@pytest.fixture(autouse=True)
def no_styles_of_my_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("ATELIER_STYLES", str(tmp_path / "own"))
    return tmp_path / "own"


def distance(a: Image, b: Image) -> float:
    return float(np.abs(a.pixels - b.pixels).mean())


@pytest.mark.parametrize("size", [(1, 1), (2, 9), (16, 16), (17, 23), (64, 40), (131, 77)])
@pytest.mark.parametrize("named", [True, False])
def test_any_size_comes_out_as_it_went_in(size: tuple[int, int], named: bool, picture: Paint, painting: Image) -> None:
    photo = picture(*size, seed=1)
    style = catalogue.shipped()[SHIPPED[0]] if named else painting
    painted = called(InstantEngine([Sample(style)], settings()))(photo)
    assert painted.size == size and np.isfinite(painted.pixels).all()


@pytest.mark.parametrize("named", [True, False])
def test_tiles_are_not_to_be_seen(named: bool, picture: Paint, painting: Image) -> None:
    photo = picture(330, 270, seed=1)
    style = catalogue.shipped()[SHIPPED[0]] if named else painting
    whole = called(InstantEngine([Sample(style)], settings(tile=4096)))(photo)
    tiled = called(InstantEngine([Sample(style)], settings(tile=64)))(photo)
    assert np.abs(whole.pixels - tiled.pixels).max() < 0.5 / 255


def test_a_photo_that_is_its_own_thumbnail_goes_through_the_network_once(
    picture: Paint, painting: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[tuple[int, ...]] = []
    call = Runner.__call__

    def counted(self: Runner, /, **given: np.ndarray) -> tuple[np.ndarray, ...]:
        sizes.append(given["photo"].shape[1:3] if "photo" in given else (0, 0))
        return call(self, **given)

    monkeypatch.setattr(Runner, "__call__", counted)
    photo = picture(130, 90, seed=1)
    once = called(InstantEngine([Sample(painting)], settings()))(photo)
    assert [size for size in sizes if size != (0, 0)] == [(6, 6)]
    monkeypatch.setattr(Painter, "_tells_painted", False)
    np.testing.assert_allclose(called(InstantEngine([Sample(painting)], settings()))(photo).pixels, once.pixels, atol=1e-5)


@pytest.mark.parametrize("named", [True, False])
def test_strength_goes_from_the_photo_to_the_painting_without_a_jump(named: bool, picture: Paint, painting: Image) -> None:
    photo = picture(80, 64, seed=1)
    style = catalogue.shipped()[SHIPPED[0]] if named else painting
    steps = [called(InstantEngine([Sample(style)], settings(strength=s)))(photo) for s in (0.0, 1e-4, 0.2, 0.4, 0.6, 0.8, 1.0)]
    np.testing.assert_array_equal(steps[0].pixels, photo.pixels)
    assert distance(steps[0], steps[1]) < 1e-3
    assert distance(photo, steps[2]) < distance(photo, steps[-1])
    assert distance(steps[-2], steps[-1]) < distance(photo, steps[-1])
    for before, after in itertools.pairwise(steps):
        assert distance(before, after) < 0.2


def test_painted_colors_are_taken_back_towards_the_paintings(picture: Paint, painting: Image, monkeypatch: pytest.MonkeyPatch) -> None:
    photo, wanted = picture(120, 90, seed=1), painting.pixels.mean((0, 1))

    def off() -> float:
        return float(np.abs(called(InstantEngine([Sample(painting)], settings()))(photo).pixels.mean((0, 1)) - wanted).max())

    corrected = off()
    monkeypatch.setattr(brush, "CORRECTED", 0.0)
    assert corrected < 0.8 * off()


def test_alpha_is_kept(picture: Paint, painting: Image) -> None:
    photo = replace(picture(40, 30, seed=1), alpha=np.linspace(0, 1, 1200, dtype=np.float32).reshape(30, 40))
    painted = called(InstantEngine([Sample(painting)], settings()))(photo)
    np.testing.assert_array_equal(painted.alpha, photo.alpha)


def test_the_seed_says_where_strokes_begin(picture: Paint, painting: Image) -> None:
    photo = picture(64, 64, seed=1)
    a, b, c = (called(InstantEngine([Sample(painting)], settings(), seed=seed))(photo) for seed in (1, 1, 2))
    np.testing.assert_array_equal(a.pixels, b.pixels)
    assert distance(a, c) > 1e-4


def test_a_mixture_is_between_its_parts(picture: Paint) -> None:
    photo, one, other = picture(64, 48, seed=1), picture(70, 60, seed=3), picture(70, 60, seed=4)
    alone = [called(InstantEngine([Sample(style)], settings()))(photo) for style in (one, other)]
    nearly = called(InstantEngine([Sample(one, 1.0), Sample(other, 0.0)], settings()))(photo)
    both = called(InstantEngine([Sample(one, 2.0), Sample(other, 2.0)], settings()))(photo)
    np.testing.assert_allclose(nearly.pixels, alone[0].pixels, atol=1e-5)
    assert max(distance(both, alone[0]), distance(both, alone[1])) < distance(*alone) * 1.2
    assert min(distance(both, alone[0]), distance(both, alone[1])) > 0


def test_names_and_paintings_mix(picture: Paint, painting: Image) -> None:
    photo, entry = picture(64, 48, seed=1), catalogue.shipped()[SHIPPED[0]]
    mixed = called(InstantEngine([Sample(entry, 0.5), Sample(painting, 0.5)], settings()))(photo)
    assert distance(mixed, called(InstantEngine([Sample(painting)], settings()))(photo)) > 1e-3
    with pytest.raises(SettingError, match="no picture"):
        InstantEngine([Sample(replace(entry, swatch=b""), 0.5), Sample(painting, 0.5)], settings())


def test_larger_strokes(picture: Paint, painting: Image) -> None:
    photo = picture(96, 80, seed=1)
    one, two = (called(InstantEngine([Sample(painting)], settings(style_size=s)))(photo) for s in (1.0, 2.0))
    assert two.size == photo.size
    rough = [np.abs(np.diff(image.pixels, axis=1)).mean() for image in (one, two)]
    assert rough[1] < rough[0]


def test_nothing_to_paint_with(painting: Image) -> None:
    for styles in ([], [Sample(painting, 0.0)]):
        with pytest.raises(SettingError, match="nothing to paint with"):
            InstantEngine(styles, settings())


# The catalogue --------------------------------------------------------------------------------------------------------


def test_what_ships_is_complete() -> None:
    for entry in catalogue.shipped().values():
        assert entry.title and entry.painter and (entry.year.isdigit() or not entry.year) and entry.name == entry.name.lower()
        assert min(atelier.image.decode(entry.swatch).size) >= 128


def a_style(path: Path, name: str = "mine", body: str = catalogue.BODY) -> Path:
    entry = catalogue.shipped()[SHIPPED[0]]
    colors = np.vstack([entry.colors.mean[None], entry.colors.covariance]).astype(np.float32)
    path.parent.mkdir(parents=True, exist_ok=True)
    tensors = {f"{name}.numbers": entry.code.astype(np.float16), f"{name}.colours": colors}
    safetensors.numpy.save_file(tensors, path, metadata={"body": body, "styles": json.dumps({name: {"title": "Mine"}})})
    return path


def test_styles_of_ones_own(no_styles_of_my_own: Path, tmp_path: Path) -> None:
    a_style(no_styles_of_my_own / "mine.safetensors")
    (no_styles_of_my_own / "broken.safetensors").write_bytes(b"no")
    assert [entry.name for entry in catalogue.every()] == [*SHIPPED, "mine"]
    found = catalogue.entry("mine")
    assert found and found.title == "Mine"
    elsewhere = catalogue.entry(str(a_style(tmp_path / "x.safetensors", "other")))
    assert elsewhere and elsewhere.name == "other"
    assert catalogue.entry("nobody") is None and catalogue.entry("../own/mine") is None


@pytest.mark.parametrize("damage", ["text", "empty", "cut", "body", "pickle"])
def test_files_that_hold_no_style(damage: str, tmp_path: Path) -> None:
    path = a_style(tmp_path / "x.safetensors", body="another" if damage == "body" else catalogue.BODY)
    whole = path.read_bytes()
    path.write_bytes({"text": b"hello", "empty": b"", "cut": whole[:-9], "body": whole, "pickle": b"\x80\x04cos\nsystem\n."}[damage])
    with pytest.raises(WeightsError, match=r"x\.safetensors"):
        catalogue.entry(str(path))


# From a request to a file ---------------------------------------------------------------------------------------------


@pytest.fixture
def photo_file(tmp_path: Path, picture: Paint) -> Path:
    path = tmp_path / "photo.png"
    path.write_bytes(encode(picture(72, 56, seed=1), "png"))
    return path


def test_python_paints_by_name_and_redo_repeats_it(photo_file: Path, tmp_path: Path) -> None:
    image = atelier.stylize(str(photo_file), SHIPPED[0], strength=0.8)
    request = json.loads(image.text["atelier"])
    assert request["engine"] == "instant" and request["resolved"]["strength"] == 0.8
    assert request["ran"]["backend"] in ("onnxruntime", "openvino") and request["ran"]["device"] == "cpu"
    atelier.save(image, tmp_path / "a.png")
    made = redo(str(tmp_path / "a.png"), Outputs(str(tmp_path / "b.png")))
    np.testing.assert_allclose(made.image.pixels, image.pixels, atol=1e-5)


@pytest.mark.skipif(not has_openvino(), reason="OpenVINO is an extra")
@pytest.mark.parametrize("backend", ["onnxruntime", "openvino", "of another world"])
def test_redo_runs_on_the_backend_that_made_it(backend: str, photo_file: Path, tmp_path: Path) -> None:
    """Whatever is the faster here, and where it is here."""
    image = atelier.stylize(str(photo_file), SHIPPED[0], engine="instant")
    told = json.loads(image.text["atelier"])
    told["ran"]["backend"] = backend
    atelier.save(replace(image, text={**image.text, "atelier": json.dumps(told)}), tmp_path / "a.png")
    made = redo(str(tmp_path / "a.png"), Outputs(str(tmp_path / "b.png")))
    ran = json.loads(made.image.text["atelier"])["ran"]["backend"]
    assert ran == backend or backend == "of another world"


def test_python_paints_with_a_picture(picture: Paint, painting: Image) -> None:
    image = atelier.stylize(picture(60, 50, seed=1), [(painting, 1.0), (SHIPPED[0], 0.5)], size=40)
    assert image.size == (40, 33)


@pytest.mark.parametrize(
    ("given", "engine_named"),
    [
        ({}, "instant"),
        ({"strength": 0.5}, "instant"),
        ({"style_size": 2.0}, "instant"),
        ({"seconds": 3.0}, "instant"),
        ({"iterations": 3}, "optimize"),
        ({"iterations": 3, "style_size": 2.0}, "optimize"),
    ],
)
def test_the_options_say_which_engine(given: dict[str, object], engine_named: str) -> None:
    assert choose(Request("stylize", "a.png", settings=given)).name == engine_named


def test_a_recipe_asks_for_the_optimizer() -> None:
    assert choose(Request("stylize", "a.png", recipe="gatys")).name == "optimize"
    with pytest.raises(SettingError, match=r"`?strength`? is for `engine=instant`, `?recipe`? is for `engine=optimize`"):
        _ = choose(Request("stylize", "a.png", recipe="gatys", settings={"strength": 0.5})).name
    with pytest.raises(SettingError, match=r"`?iterations`? is for `engine=optimize`"):
        atelier.stylize("a.png", SHIPPED[0], engine="instant", iterations=3)
    with pytest.raises(SettingError, match="no setting `nonsense`"):
        atelier.stylize("a.png", SHIPPED[0], nonsense=3)


def test_a_name_that_is_none(photo_file: Path, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=f"did you mean {SHIPPED[0]}"):
        make(Request("stylize", str(photo_file), (atelier.request.Style(SHIPPED[0] + "x"),)), Outputs(str(tmp_path / "o.png")))
    with pytest.raises(SourceError, match="the names are"):
        make(Request("stylize", str(photo_file), (atelier.request.Style("qqqqqq"),)), Outputs(str(tmp_path / "o.png")))
    assert not (tmp_path / "o.png").exists()


@pytest.mark.parametrize("beside", [{"every": 3}, {"log": "x.jsonl"}, {"checkpoint": "x.ckpt"}, {"animation": "x.gif"}])
def test_what_has_no_way_shows_none(beside: dict[str, object], photo_file: Path, tmp_path: Path) -> None:
    request = Request("stylize", str(photo_file), (atelier.request.Style(SHIPPED[0]),), engine="instant")
    with pytest.raises(SettingError, match="`engine=optimize`"):
        make(request, Outputs(str(tmp_path / "o.png"), **beside))  # type: ignore[arg-type]


def test_a_model_paints_alone(photo_file: Path, tmp_path: Path) -> None:
    request = Request("stylize", str(photo_file), (atelier.request.Style(SHIPPED[0]),), settings={"model": "x.onnx"})
    with pytest.raises(SettingError, match=r"no `?style`?"):
        make(request, Outputs(str(tmp_path / "o.png")))
    with pytest.raises(InputError):
        make(replace(request, styles=()), Outputs(str(tmp_path / "o.png")))
    with pytest.raises(SettingError, match=r"give a `?style`?"):
        make(Request("stylize", str(photo_file)), Outputs(str(tmp_path / "o.png")))


def test_stopping_leaves_nothing(photo_file: Path, tmp_path: Path) -> None:
    def stop(progress: Progress) -> None:
        if progress.stage == "painting":
            raise Cancelled

    with pytest.raises(Cancelled):
        make(Request("stylize", str(photo_file), (atelier.request.Style(SHIPPED[0]),)), Outputs(str(tmp_path / "o.png")), report=stop)
    assert not (tmp_path / "o.png").exists()


def test_time_left_is_the_optimizers(photo_file: Path, painting: Image, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("atelier.engines.network.followed.WORTH_BEGINNING", 0.1)
    heard: list[Progress] = []
    began = time.monotonic()
    atelier.stylize(str(photo_file), painting)
    enough = 2.0 + 2 * (time.monotonic() - began)
    atelier.stylize(str(photo_file), painting, seconds=enough, report=heard.append)
    network, optimizer = ([each for each in heard if each.of and (each.engine != "optimize") is painting] for painting in (True, False))
    assert (network[-1].step, network[-1].of) == (1, 1)
    shares = [each.step / each.of for each in optimizer]
    assert shares == sorted(shares) and shares[-1] == 1


@pytest.mark.parametrize(("most", "theirs"), [(3, True), (6, False)])
def test_a_few_iterations_do_not_count(most: int, theirs: bool, photo_file: Path, painting: Image, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("atelier.engines.network.followed.WORTH_SHOWING", 5)
    heard: list[Progress] = []

    def enough(progress: Progress) -> None:
        heard.append(progress)
        if progress.size == (72, 56) and progress.step >= most:
            raise Cancelled

    first = atelier.stylize(str(photo_file), painting, effort="fast")
    longer = atelier.stylize(str(photo_file), painting, seconds=1000, report=enough)
    assert np.array_equal(first.pixels, longer.pixels) == theirs
    assert any("the picture is the network's" in each.note for each in heard) == theirs
    assert any(each.losses for each in heard) != theirs


def test_where_the_optimizer_cannot_the_network_has(photo_file: Path, painting: Image, monkeypatch: pytest.MonkeyPatch) -> None:
    def paint(*arguments: object, **named: object) -> Image:
        raise Diverged("the loss is not finite")

    monkeypatch.setattr("atelier.engines.optimize.engine.OptimizeEngine.__call__", paint)
    heard: list[Progress] = []
    longer = atelier.stylize(str(photo_file), painting, seconds=1000, report=heard.append)
    assert np.array_equal(longer.pixels, atelier.stylize(str(photo_file), painting, effort="fast").pixels)
    assert "not finite" in heard[-1].note


def test_where_no_time_is_left_it_is_said(photo_file: Path) -> None:
    heard: list[Progress] = []
    in_vain = atelier.stylize(str(photo_file), SHIPPED[0], seconds=0.01, report=heard.append)
    (told,) = (each.note for each in heard if each.note and "no time is left" in each.note)
    assert int(told.split("`seconds=")[1].split("`")[0]) >= 2
    assert np.array_equal(in_vain.pixels, atelier.stylize(str(photo_file), SHIPPED[0], effort="fast").pixels)


@pytest.mark.parametrize("size", [(70, 50), (17, 16), (1, 40)])
@pytest.mark.parametrize("tile", [1, 16, 40, 0])
def test_every_tile_is_counted(size: tuple[int, int], tile: int, picture: Paint) -> None:
    heard: list[Progress] = []
    called(InstantEngine([Sample(catalogue.shipped()[SHIPPED[0]])], settings(tile=tile)))(picture(*size, seed=1), report=heard.append)
    assert [each.step for each in heard] == list(range(1, len(heard) + 1))
    assert {each.of for each in heard} == {len(heard)}
    if tile != 40:  # which cuts the margin too
        side = max(16, tile) if tile else 1536
        assert len(heard) == -(-size[0] // side) * -(-size[1] // side)


def test_the_tiles_of_all_places_are_counted_together(picture: Paint) -> None:
    planes = np.zeros((2, 50, 70), np.float32)
    planes[0, :, :60], planes[1, :, 60:] = 1, 1  # of which one takes many more tiles than the other
    styles = [Sample(catalogue.shipped()[name], region=at, size=1.0 + at) for at, name in enumerate(SHIPPED[:2])]
    heard: list[Progress] = []
    called(InstantEngine(styles, settings(tile=16)), Guide(planes))(picture(70, 50, seed=1), report=heard.append)
    assert [each.step for each in heard] == list(range(1, len(heard) + 1))
    assert {each.of for each in heard} == {len(heard)}


# Pictures too large to be held ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("alpha", [False, True])
def test_a_tiff_from_window_to_window(alpha: bool, picture: Paint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    photo = picture(300, 210, seed=1)
    if alpha:
        photo = replace(photo, alpha=np.linspace(0, 1, 300 * 210, dtype=np.float32).reshape(210, 300))
    (tmp_path / "photo.tif").write_bytes(encode(replace(photo, depth=16), "tiff", depth=16))
    request = Request("stylize", str(tmp_path / "photo.tif"), (atelier.request.Style(SHIPPED[0]),), settings={"tile": 96})
    whole = make(request, Outputs(str(tmp_path / "whole.tif")))
    monkeypatch.setattr("atelier.run.job.HELD_PIXELS", 1000)
    said: list[str] = []
    streamed = make(request, Outputs(str(tmp_path / "streamed.tif")), report=lambda p: said.append(p.note))
    assert any("window to window" in note for note in said)
    assert streamed.size == whole.size == (300, 210)
    one, other = open_still(str(tmp_path / "whole.tif")), open_still(str(tmp_path / "streamed.tif"))
    assert other.depth == 16 and np.abs(one.pixels - other.pixels).max() < 2e-3
    if alpha:
        assert one.alpha is not None and other.alpha is not None
        np.testing.assert_array_equal(one.alpha, other.alpha)
    assert json.loads(other.text["atelier"])["engine"] == "instant"
    assert photo_room.THUMBNAIL >= 300, "the whole was its own thumbnail, and so was the stream"


# What a stranger stumbled on -------------------------------------------------------------------------------------------


def test_any_whole_number_is_a_seed(picture: Paint, painting: Image) -> None:
    assert called(InstantEngine([Sample(painting)], settings(), seed=-5))(picture(32, 32)).size == (32, 32)


def test_strokes_too_small_are_refused_before_memory_is_asked_for(picture: Paint, painting: Image) -> None:
    with pytest.raises(SettingError, match=r"`?style_size`? 0\.05 would paint 20000x16000"):
        called(InstantEngine([Sample(painting)], settings(style_size=0.05)))(picture(1000, 800))


@pytest.mark.parametrize(
    ("given", "word"),
    [({"seconds": 3.0, "strength": 0.5}, "`strength`"), ({"model_range": "0..1"}, "give `model`"), ({"model": "x.onnx"}, "no `style`")],
)
def test_settings_that_would_do_nothing(given: dict[str, object], word: str, photo_file: Path, tmp_path: Path) -> None:
    request = Request("stylize", str(photo_file), (atelier.request.Style(SHIPPED[0]),), settings=given)
    with pytest.raises(SettingError, match=word):
        make(request, Outputs(str(tmp_path / "o.png")))


def test_names_that_can_be_no_files(photo_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SourceError):
        make(Request("stylize", str(photo_file), (atelier.request.Style("x" * 300),)), Outputs(str(tmp_path / "o.png")))
    monkeypatch.chdir(tmp_path)
    (tmp_path / SHIPPED[0]).mkdir()  # a folder that is called as a style is
    assert make(Request("stylize", str(photo_file), (atelier.request.Style(SHIPPED[0]),)), Outputs(str(tmp_path / "o.png"))).finished


def test_a_home_that_nobody_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ATELIER_STYLES")
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    monkeypatch.setattr(Path, "expanduser", lambda self: (_ for _ in ()).throw(RuntimeError("no home")))
    assert [entry.name for entry in catalogue.every()] == SHIPPED and catalogue.entry("nobody") is None


def test_a_style_that_was_trained_anew_is_told(photo_file: Path, tmp_path: Path, no_styles_of_my_own: Path) -> None:
    a_style(no_styles_of_my_own / "mine.safetensors")
    make(Request("stylize", str(photo_file), (atelier.request.Style("mine"),)), Outputs(str(tmp_path / "a.png")))
    path = no_styles_of_my_own / "mine.safetensors"
    tensors = safetensors.numpy.load_file(path)
    tensors["mine.numbers"] = tensors["mine.numbers"] + np.float16(0.1)
    safetensors.numpy.save_file(tensors, path, metadata={"body": catalogue.BODY, "styles": json.dumps({"mine": {}})})
    said: list[str] = []
    redo(str(tmp_path / "a.png"), Outputs(str(tmp_path / "b.png")), report=lambda p: said.append(p.note))
    assert any("a style by name changed" in note for note in said)


def test_recipes_are_for_the_optimizer_alone() -> None:
    with pytest.raises(SettingError, match="not for draw"):
        _ = choose(Request("draw", "a.png", recipe="gatys")).name
    with pytest.raises(SettingError, match="choose from auto, instant, optimize"):
        choose(Request("stylize", "a.png", engine="foo"))


def test_formats_without_room_are_refused_before_painting(tmp_path: Path, picture: Paint) -> None:
    (tmp_path / "wide.png").write_bytes(encode(picture(17000, 2), "png"))
    with pytest.raises(atelier.errors.TargetError):
        make(Request("stylize", str(tmp_path / "wide.png"), (atelier.request.Style(SHIPPED[0]),)), Outputs(str(tmp_path / "o.webp")))


# Places ---------------------------------------------------------------------------------------------------------------


def halves(width: int, height: int, feather: int = 8) -> np.ndarray:
    """Two places, left and right, that go over into each other, and above them a third of the photo that is kept."""
    right = np.clip((np.arange(width, dtype=np.float32) - width / 2) / feather + 0.5, 0, 1)[None].repeat(height, 0)
    planes = np.stack([1 - right, right]).astype(np.float32)
    planes[:, : height // 3] = 0
    return planes


@pytest.mark.parametrize("named", [True, False])
def test_each_place_knows_its_own_styles_alone(named: bool, picture: Paint) -> None:
    photo, planes = picture(120, 90, seed=1), halves(120, 90)
    styles = [catalogue.shipped()[name] for name in SHIPPED[:3]] if named else [picture(60, 60, seed=seed) for seed in (3, 4, 5)]
    one, other = (
        called(InstantEngine([Sample(styles[0], region=0), Sample(second, region=1)], settings()), Guide(planes))(photo).pixels
        for second in styles[1:]
    )
    kept, left, right = planes.sum(0) == 0, planes[0] == 1, planes[1] == 1
    np.testing.assert_array_equal(one[kept], photo.pixels[kept])
    np.testing.assert_array_equal(one[left], other[left])
    assert np.abs(one[right] - other[right]).mean() > 1e-3
    assert np.abs(one[left] - photo.pixels[left]).mean() > 1e-3


@pytest.mark.parametrize("named", [True, False])
def test_a_place_that_is_all_of_the_photo_is_no_place(named: bool, picture: Paint, painting: Image) -> None:
    photo = picture(100, 70, seed=1)
    style = catalogue.shipped()[SHIPPED[0]] if named else painting
    for given in ({}, {"strength": 0.2}, {"style_size": 1.5}):
        plain = called(InstantEngine([Sample(style)], settings(**given)))(photo)
        placed = called(InstantEngine([Sample(style, region=0)], settings(**given)), Guide(np.ones((1, 70, 100), np.float32)))(photo)
        np.testing.assert_allclose(placed.pixels, plain.pixels, atol=1e-3)


@pytest.mark.parametrize("names", [SHIPPED[:2], ("udnie", "starry-night"), ("composition-vii", "the-scream")], ids=str)
@pytest.mark.parametrize("shape", ["halves", "islands"])
def test_tiles_are_not_to_be_seen_in_places_either(names: Sequence[str], shape: str, picture: Paint) -> None:
    photo, planes = picture(330, 270, seed=1), halves(330, 270)
    if shape == "islands":  # of which a window has the one, or the other, or none
        planes[0] = 0
        planes[0, 20:50, 30:60] = planes[0, 200:240, 280:310] = 1
        planes[1] = 1 - planes[0]
    samples = [Sample(catalogue.shipped()[name], region=at) for at, name in enumerate(names)]
    whole, tiled = (called(InstantEngine(samples, settings(tile=tile)), Guide(planes))(photo) for tile in (4096, 64))
    assert np.abs(whole.pixels - tiled.pixels).max() < 0.5 / 255


def test_a_place_has_one_size_of_strokes(picture: Paint, painting: Image) -> None:
    photo, guide = picture(120, 90, seed=1), Guide(halves(120, 90))

    def painted(size: float) -> np.ndarray:
        samples = [Sample(painting, region=0, size=size), Sample(painting, region=1)]
        return called(InstantEngine(samples, settings()), guide)(photo).pixels

    one, two = painted(1.0), painted(2.0)
    left, right, kept = guide.regions[0] == 1, guide.regions[1] == 1, guide.regions.sum(0) == 0
    np.testing.assert_array_equal(one[right], two[right])
    np.testing.assert_array_equal(two[kept], photo.pixels[kept])
    rough = [np.abs(np.diff(pixels, axis=1))[left[:, 1:]].mean() for pixels in (one, two)]
    assert rough[1] < rough[0]
    with pytest.raises(SettingError, match=r"sizes 1 and 2: .* `engine=optimize`"):
        InstantEngine([Sample(painting), Sample(painting, size=2)], settings())
    with pytest.raises(SettingError, match=r"strokes fine: .* `engine=optimize`"):
        InstantEngine([Sample(painting, strokes="fine")], settings())


def test_a_part_of_a_painting_is_learned_from_alone(picture: Paint) -> None:
    photo, one, other = picture(80, 60, seed=1), picture(100, 100, seed=3), picture(100, 100, seed=4)
    both, twice = (Image(np.concatenate([one.pixels, each.pixels], axis=1)) for each in (other, one))
    part = np.zeros((100, 200), np.float32)
    part[:, :100] = 1
    place = np.ones((1, 60, 80), np.float32)

    def painted(sample: Sample) -> Image:
        return called(InstantEngine([replace(sample, region=0)], settings()), Guide(place))(photo)

    parted = painted(Sample(both, part=part))
    # As large as in the whole, and with nothing else beside it.
    assert distance(parted, painted(Sample(twice))) < distance(parted, painted(Sample(both))) / 4
    assert distance(parted, painted(Sample(both))) < distance(parted, painted(Sample(other)))


def test_the_box_that_a_place_fills_best() -> None:
    plane = np.zeros((100, 200), np.float32)
    plane[20:60, 50:150] = 1
    plane[90, 0] = 1  # a stray pixel
    rows, columns = middle(plane, plane.shape[::-1])
    assert abs(rows.start - 20) <= 5 and abs(rows.stop - 60) <= 5 and abs(columns.start - 50) <= 5 and abs(columns.stop - 150) <= 5
    little = np.zeros((100, 200), np.float32)
    little[0, 199] = 0.5
    rows, columns = middle(little, little.shape[::-1], 30)
    assert (rows.start, rows.stop, columns.start, columns.stop) == (0, 30, 170, 200)
    assert middle(np.ones((40, 30), np.float32), (30, 40)) == (slice(0, 40), slice(0, 30))


def test_a_guide_for_a_picture_of_another_size(picture: Paint, painting: Image) -> None:
    with pytest.raises(InputError, match="120x90"):
        called(InstantEngine([Sample(painting, region=0)], settings()), Guide(halves(120, 90)[:1]))(picture(60, 50))
