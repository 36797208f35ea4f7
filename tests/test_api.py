"""The Python face, used as in the documentation."""

from __future__ import annotations

import dataclasses
import inspect
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import ExifTags
from PIL import Image as Pillow

import atelier
from atelier import run
from atelier.engines import table
from atelier.errors import AtelierError, Cancelled, ImageError, SettingError, SourceError
from atelier.image import Image, Limits
from atelier.progress import Progress

Paint = Callable[..., Image]


@pytest.fixture
def quick(plain: dict[str, Any]) -> dict[str, Any]:
    return {**plain, "iterations": 2}


def test_the_public_names() -> None:
    assert set(atelier.__all__) <= set(dir(atelier))
    for name in atelier.__all__:
        assert getattr(atelier, name).__doc__, name
    with pytest.raises(AttributeError, match="nonsense"):
        atelier.nonsense  # noqa: B018


def test_importing_is_light() -> None:
    program = "import sys, atelier; print([m for m in ('numpy', 'torch', 'PIL', 'typer', 'rich') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.strip() == "[]"


def test_every_kind_of_picture_is_a_picture(photo: Path, painting: Path, quick: dict[str, Any]) -> None:
    """A path, text, an Image, an array of 8 bits or of floats: the same painting."""
    first = atelier.stylize(photo, painting, **quick)
    assert isinstance(first, Image)
    assert first.size == (40, 28)
    opened, style = atelier.load(photo), atelier.load(painting)
    eight = opened.to_array()
    for content, other in ((str(photo), str(painting)), (opened, style), (eight, style.to_array()), (eight / 255, style.pixels)):
        assert np.allclose(atelier.stylize(content, other, **quick).pixels, first.pixels, atol=1e-4)


def test_saved_and_loaded(photo: Path, tmp_path: Path) -> None:
    image = atelier.load(photo)
    atelier.save(image, tmp_path / "copy.png", depth=16)
    assert np.array_equal(atelier.load(tmp_path / "copy.png").pixels, image.pixels)
    with pytest.raises(SourceError):
        atelier.load(tmp_path / "nothing.png")


def test_several_styles(photo: Path, picture: Paint, quick: dict[str, Any]) -> None:
    a, b = picture(30, 30, 5), picture(30, 30, 6)
    one = atelier.stylize(photo, a, **quick).pixels
    assert np.allclose(atelier.stylize(photo, [a], **quick).pixels, one)
    assert np.allclose(atelier.stylize(photo, [(a, 0.4), (b, 0.0)], **quick).pixels, one, atol=1e-4)
    halves = atelier.stylize(photo, [a, b], **quick).pixels
    assert not np.allclose(halves, one, atol=1e-2)
    assert np.allclose(atelier.stylize(photo, [(a, 2), (b, 2)], **quick).pixels, halves, atol=1e-4)
    assert np.allclose(atelier.stylize(photo, ((a, 1.0), (b, 1.0)), **quick).pixels, halves, atol=1e-4)


def test_settings_are_keywords(photo: Path, painting: Path, quick: dict[str, Any]) -> None:
    heard: list[Progress] = []
    settings = {**quick, "iterations": 4, "tv_weight": 0.5, "style_layers": "conv1_1=2,conv2_1", "content_layers": {"conv2_2": 1.0}}
    atelier.stylize(photo, painting, report=heard.append, **settings)
    assert [progress.step for progress in heard if progress.losses] == [1, 2, 3, 4]
    assert set(heard[-1].losses) == {"content", "style", "tv", "total"}
    with pytest.raises(SettingError, match="no setting `brightness`"):
        atelier.stylize(photo, painting, brightness=1)
    with pytest.raises(SettingError, match="no setting `strenght`: did you mean `strength`"):
        atelier.stylize(photo, painting, strenght=0.5)
    with pytest.raises(SettingError, match="`strength` is not for texture"):
        atelier.texture(painting, strength=0.5)
    with pytest.raises(SettingError, match=r"size 64\.0: must be a whole number"):
        atelier.stylize(photo, painting, size=64.0)  # type: ignore[arg-type]
    with pytest.raises(SettingError, match=r"keep_flat 'yes': must be true or false"):
        atelier.stylize(photo, painting, keep_flat="yes")  # type: ignore[arg-type]
    with pytest.raises(SettingError, match=r"`?iterations`?"):
        atelier.stylize(photo, painting, iterations=-1)
    with pytest.raises(SettingError, match=r"`?iterations`?"):
        atelier.stylize(photo, painting, iterations="many")
    with pytest.raises(SettingError, match="no recipe"):
        atelier.stylize(photo, painting, recipe="nope")


def test_size_and_seed(photo: Path, painting: Path, quick: dict[str, Any]) -> None:
    assert atelier.stylize(photo, painting, size=20, **{**quick, "style_layers": "conv1_1"}).size == (20, 14)
    assert atelier.stylize(photo, painting, size=60, **quick).size == (60, 42)
    with pytest.raises(SettingError, match=r"`?size`? 0"):
        atelier.stylize(photo, painting, size=0, **quick)
    a, b, c = (atelier.stylize(photo, painting, seed=seed, start="noise", **quick).pixels for seed in (1, 1, 2))
    assert np.array_equal(a, b)
    assert not np.allclose(a, c, atol=0.05)


@pytest.mark.parametrize("seed", [-1, 0, 2**32, 2**63 - 1, 2**64, -(2**80), 2**80])
def test_any_whole_number_is_a_seed_or_is_refused(photo: Path, painting: Path, quick: dict[str, Any], seed: int) -> None:
    try:
        assert atelier.stylize(photo, painting, seed=seed, start="noise", **quick).size == (40, 28)
    except SettingError as error:
        assert "seed" in str(error)


def test_starts(photo: Path, painting: Path, picture: Paint, quick: dict[str, Any], tmp_path: Path) -> None:
    """A way by name, or a picture of any kind."""
    still = {**quick, "iterations": 0}
    own = atelier.load(photo)
    assert np.array_equal(atelier.stylize(photo, painting, start="photo", **still).pixels, own.pixels)
    other = picture(40, 28, 9)
    assert np.array_equal(atelier.stylize(photo, painting, start=other, **still).pixels, other.pixels)
    assert np.array_equal(atelier.stylize(photo, painting, start=other.pixels, **still).pixels, other.pixels)
    atelier.save(other, tmp_path / "start.png", depth=16)
    assert np.allclose(atelier.stylize(photo, painting, start=tmp_path / "start.png", **still).pixels, other.pixels, atol=1e-4)
    assert np.allclose(atelier.stylize(photo, painting, start=str(tmp_path / "start.png"), **still).pixels, other.pixels, atol=1e-4)
    with pytest.raises(SourceError):
        atelier.stylize(photo, painting, start="nonsense", **still)


def test_alpha_is_kept(painting: Path, picture: Paint, quick: dict[str, Any]) -> None:
    rgba = np.dstack([picture(24, 20).to_array(), np.arange(480, dtype=np.uint16).reshape(20, 24).astype(np.uint8)])
    out = atelier.stylize(rgba, painting, **quick)
    assert out.alpha is not None
    assert np.array_equal(out.to_array()[:, :, 3], rgba[:, :, 3])


def test_a_painting_with_alpha_lies_on_white(photo: Path, picture: Paint, quick: dict[str, Any]) -> None:
    painting = picture(30, 30, 5)
    alpha = np.zeros((30, 30), np.float32)
    alpha[:, :15] = 1
    white = np.where(alpha[:, :, None] > 0, painting.pixels, 1).astype(np.float32)
    through, flat = (atelier.stylize(photo, style, **quick).pixels for style in (Image(painting.pixels, alpha=alpha), Image(white)))
    assert np.array_equal(through, flat)


def test_cancelling_answers_with_the_picture_so_far(photo: Path, painting: Path, quick: dict[str, Any]) -> None:
    heard: list[Progress] = []

    def stop(progress: Progress) -> None:
        heard.append(progress)
        if progress.step == 3:
            raise atelier.Cancelled("enough")

    out = atelier.stylize(photo, painting, report=stop, **{**quick, "iterations": 50})
    assert out.size == (40, 28)
    assert heard[-1].step == 3
    assert Cancelled is atelier.Cancelled


def test_texture(painting: Path, quick: dict[str, Any]) -> None:
    assert atelier.texture(painting, **quick).size == (36, 44)
    assert atelier.texture(painting, width=50, height=20, **quick).size == (50, 20)
    heard: list[Progress] = []
    a, b = (atelier.texture(painting, width=24, height=24, seed=seed, report=heard.append, **quick) for seed in (0, 1))
    assert not np.allclose(a.pixels, b.pixels, atol=0.05)
    assert set(heard[-1].losses) == {"style", "total"}
    with pytest.raises(atelier.AtelierError, match="texture"):
        atelier.texture(painting, width=-3, height=5, **quick)


def test_texture_of_no_width_is_refused(painting: Path, quick: dict[str, Any]) -> None:
    with pytest.raises(atelier.AtelierError):
        atelier.texture(painting, width=0, height=0, **quick)


def test_reconstruct(photo: Path, quick: dict[str, Any]) -> None:
    heard: list[Progress] = []
    out = atelier.reconstruct(photo, "conv1_2", report=heard.append, **{**quick, "iterations": 20, "tv_weight": 0.0})
    assert out.size == (40, 28)
    assert set(heard[-1].losses) == {"content", "total"}
    assert heard[-1].losses["content"] < 0.3 * next(each.losses for each in heard if each.losses)["content"]
    with pytest.raises(SettingError, match="no layer 'conv9_9'"):
        atelier.reconstruct(photo, "conv9_9", **quick)


def test_the_content_is_not_changed(picture: Paint, quick: dict[str, Any]) -> None:
    content, style = picture(24, 20, 1).to_array(), picture(24, 20, 2).to_array()
    before = content.copy(), style.copy()
    atelier.stylize(content, style, **quick)
    assert np.array_equal(content, before[0])
    assert np.array_equal(style, before[1])


# What is wrong is said in our own words -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "style", [[], (), None, [None], 5, "", ("a.png", "heavy"), [("a.png", -1)], [("a.png", float("nan"))], [("a", 1, 2)]]
)
def test_paintings_that_are_none(photo: Path, style: Any, quick: dict[str, Any]) -> None:
    with pytest.raises((SettingError, SourceError)):
        atelier.stylize(photo, style, **quick)


@pytest.mark.parametrize(
    "wrong", [None, 5, b"", "", object(), np.array(["a"]), np.array([[None]]), np.zeros((2, 2, 9)), np.full((3, 3), 7.5)]
)
def test_photos_that_are_none(painting: Path, wrong: Any, quick: dict[str, Any]) -> None:
    for call in (lambda: atelier.stylize(wrong, painting, **quick), lambda: atelier.reconstruct(wrong, **quick)):
        with pytest.raises(atelier.AtelierError):
            call()
    if not isinstance(wrong, np.ndarray):
        with pytest.raises(SourceError):
            atelier.load(wrong)


@pytest.mark.parametrize(
    "given",
    [
        {"size": 64.5}, {"size": "large"}, {"seed": "x"}, {"device": 5}, {"device": "cuda:foo"}, {"recipe": ["default"]}, {"recipe": None},
        {"report": None}, {"limits": 5}, {"start": 5}, {"iterations": None}, {"style_layers": 5},
    ],
)  # fmt: skip
def test_options_of_the_wrong_type(photo: Path, painting: Path, quick: dict[str, Any], given: dict[str, Any]) -> None:
    with pytest.raises((SettingError, SourceError)):
        atelier.stylize(photo, painting, **{**quick, **given})


@pytest.mark.parametrize("given", [{"width": 64.5}, {"width": "x"}, {"height": True}, {"width": 5, "size": 9}, {"size": 0}, {"size": -5}])
def test_textures_of_the_wrong_size(painting: Path, quick: dict[str, Any], given: dict[str, Any]) -> None:
    with pytest.raises(SettingError):
        atelier.texture(painting, **{**quick, **given})


def test_what_cannot_be_saved(photo: Path, tmp_path: Path) -> None:
    image = atelier.load(photo)
    for given in ({"quality": "x"}, {"quality": None}, {"quality": 5.5}, {"depth": "x"}):
        with pytest.raises(SettingError):
            atelier.save(image, tmp_path / "out.png", **given)
    for arguments in ((None, tmp_path / "out.png"), (image.pixels, tmp_path / "out.png"), (image, None)):
        with pytest.raises(SettingError):
            atelier.save(*arguments)  # type: ignore[arg-type]


def test_a_painting_with_its_weight(photo: Path, painting: Path, quick: dict[str, Any]) -> None:
    alone = atelier.stylize(photo, painting, **quick).pixels
    for pair in ((painting, 0.5), (str(painting), 2), [(painting, 1)]):
        assert np.array_equal(atelier.stylize(photo, pair, **quick).pixels, alone)


def test_start_none_is_the_recipes(photo: Path, painting: Path, quick: dict[str, Any]) -> None:
    assert np.array_equal(atelier.stylize(photo, painting, start=None, **quick).pixels, atelier.stylize(photo, painting, **quick).pixels)


@pytest.mark.parametrize("mode", ["RGB", "L", "P", "RGBA", "CMYK", "1"])
def test_pictures_of_pillow(photo: Path, painting: Path, quick: dict[str, Any], mode: str) -> None:
    with Pillow.open(photo) as opened:
        given = opened.convert(mode)
    out = atelier.stylize(given, Pillow.open(painting), **quick)
    assert out.size == (40, 28)
    assert (out.alpha is not None) == (mode == "RGBA")
    if mode == "RGB":
        assert np.allclose(out.pixels, atelier.stylize(photo, painting, **quick).pixels, atol=1e-3)


def test_a_picture_of_pillow_turned_by_its_camera(painting: Path, quick: dict[str, Any]) -> None:
    turned = Pillow.new("RGB", (40, 24), "teal")
    turned.getexif()[ExifTags.Base.Orientation] = 6
    assert atelier.stylize(turned, painting, **quick).size == (24, 40)


def test_textures_and_reconstructions_start_where_they_are_told(photo: Path, painting: Path, quick: dict[str, Any]) -> None:
    still = {**quick, "iterations": 0}
    assert np.allclose(atelier.reconstruct(photo, start="gray", **still).pixels, 0.5)
    assert np.array_equal(atelier.reconstruct(photo, start=photo, **still).pixels, atelier.load(photo).pixels)
    assert np.array_equal(atelier.texture(painting, start=painting, **still).pixels, atelier.load(painting).pixels)
    with pytest.raises(SettingError, match="layer says which"):
        atelier.reconstruct(photo, "conv1_1", content_layers="conv2_1", **quick)


def test_textures_of_a_size(painting: Path, quick: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(table.ENGINES, "optimize", dataclasses.replace(table.ENGINES["optimize"], largest=40))
    assert atelier.texture(painting, size=22, **quick).size == (18, 22)
    assert atelier.texture(painting, size=66, **quick).size == (54, 66)
    assert atelier.texture(painting, width=70, height=16, **quick).size == (70, 16)
    assert atelier.texture(painting, **quick).size == (33, 40)


def test_limits(photo: Path, painting: Path, quick: dict[str, Any]) -> None:
    with pytest.raises(ImageError, match="over the limit"):
        atelier.stylize(photo, painting, limits=Limits(pixels=100), **quick)
    with pytest.raises(ImageError, match="over the limit"):
        atelier.load(photo, limits=Limits(pixels=100))
    assert atelier.stylize(photo, painting, size=50, limits=Limits(pixels=1800), **quick).size == (50, 35)


# What was made says how -----------------------------------------------------------------------------------------------


def test_what_is_made_of_files_can_be_made_again(photo: Path, painting: Path, quick: dict[str, Any], tmp_path: Path) -> None:
    for name, made in (
        ("a.png", atelier.stylize(photo, (painting, 0.5), seed=3, start="noise", size=32, **quick)),
        ("b.png", atelier.stylize(str(photo), [painting, str(photo)], start=painting, **quick)),
        ("c.png", atelier.texture(painting, width=40, height=20, **quick)),
        ("d.png", atelier.texture(painting, size=20, **quick)),
        ("e.png", atelier.reconstruct(photo, "conv1_2", tv_weight=np.float32(0.5), **{k: v for k, v in quick.items() if k != "tv_weight"})),
    ):
        atelier.save(made, tmp_path / name, depth=16)
        heard: list[Progress] = []
        again = run.redo(str(tmp_path / name), run.Outputs(str(tmp_path / "again.png")), report=heard.append)
        assert np.array_equal(again.image.pixels, made.pixels), name
        assert not any(progress.note for progress in heard)


def test_what_is_made_of_pixels_says_nothing(photo: Path, painting: Path, quick: dict[str, Any]) -> None:
    """Not what it would say of the photo either, which may have been made here before."""
    made = atelier.stylize(photo, painting, **quick)
    assert "atelier" in made.text
    for content, style, start in ((made, painting, None), (photo, made, None), (photo, painting, made), (made.pixels, painting, None)):
        assert "atelier" not in atelier.stylize(content, style, start=start, **quick).text


# One way for both faces -----------------------------------------------------------------------------------------------


def test_what_the_command_line_refuses_python_refuses(photo: Path, painting: Path) -> None:
    for given, words in (({"model": "x.onnx", "strength": 0.3}, "`strength`"), ({"seconds": 3.0, "strength": 0.3}, "`strength`")):
        with pytest.raises(SettingError, match=words):
            atelier.stylize(photo, **{**({} if "model" in given else {"style": painting}), **given})


def test_a_texture_of_a_width_alone(painting: Path, quick: dict[str, Any]) -> None:
    assert atelier.texture(painting, width=20, **quick).size == (20, 44)
    assert atelier.texture(painting, height=20, **quick).size == (36, 20)


def test_functions_show_their_settings() -> None:
    shown = inspect.signature(atelier.stylize).parameters
    assert {"photo", "style", "strength", "style_weight", "iterations"} <= set(shown)
    assert "content_layers" not in inspect.signature(atelier.draw).parameters
    assert "strength: How far to go" in (atelier.stylize.__doc__ or "")


def test_values_of_the_wrong_kind_are_said(picture: Paint) -> None:
    photo = picture(24, 20)
    for call, option in (
        (lambda: atelier.compare(3), "pictures"),  # type: ignore[arg-type]
        (lambda: atelier.render(5), "drawing"),  # type: ignore[arg-type]
        (lambda: atelier.render(atelier.draw(photo, count=1), size="x"), "size"),  # type: ignore[arg-type]
    ):
        with pytest.raises(SettingError) as found:
            call()
        assert found.value.option == option
    with pytest.raises(SourceError, match="a drawing is what"):
        atelier.draw(photo, count=1, start=5)


@pytest.mark.parametrize("name", ["stylize", "texture", "reconstruct", "draw"])
def test_what_is_no_session_is_said(photo: Path, name: str) -> None:
    given = (photo, photo) if name == "stylize" else (photo,)
    with pytest.raises(SettingError, match="session") as found:
        getattr(atelier, name)(*given, session=5)
    assert found.value.option == "session"


def test_a_session_keeps_the_engine(photo: Path, painting: Path, quick: dict[str, Any]) -> None:
    session = run.Session()
    one, two = (atelier.stylize(photo, painting, session=session, **quick) for _ in range(2))
    assert np.array_equal(one.pixels, two.pixels)
    assert session.keep("engine", None, lambda: "another") == "another"


def test_panoramas_from_python(painting: Path) -> None:
    wide = np.linspace(0, 1, 32 * 64 * 3, dtype=np.float32).reshape(32, 64, 3)
    assert atelier.stylize(wide, "udnie", panorama=True).size == (64, 32)
    with pytest.raises(AtelierError, match="twice as wide as high"):
        atelier.stylize(wide[:20], "udnie", panorama=True)
    with pytest.raises(SettingError, match="panorama"):
        atelier.stylize(wide, panorama=True, regions="auto", style={"object": painting})
