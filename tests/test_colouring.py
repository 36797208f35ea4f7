"""Whose colours a picture has: `--color` of both engines, and `recolor` alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import atelier
from atelier.engines.network import catalogue
from atelier.errors import SettingError, SourceError, TargetError
from atelier.image import Image, encode
from atelier.image.moments import moments
from atelier.image.spaces import SPACES
from atelier.media import open_still
from atelier.progress import Progress
from atelier.request import Recoloring
from atelier.run import Outputs, recolor

pytestmark = pytest.mark.usefixtures("quick_networks")

Paint = Callable[..., Image]
NAME = sorted(catalogue.shipped())[0]


@pytest.fixture
def engines(plain: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {"instant": {"engine": "instant"}, "optimize": {"engine": "optimize", **plain}}


@pytest.mark.parametrize("engine", ["instant", "optimize"])
def test_the_photos_own_colors(engine: str, engines: dict[str, dict[str, Any]], picture: Paint) -> None:
    photo, painting = picture(48, 40, seed=1), picture(48, 40, seed=2)
    plain = atelier.stylize(photo, painting, **engines[engine])
    kept = atelier.stylize(photo, painting, color="photo", color_method="luminance", color_space="yuv", **engines[engine])
    yuv = SPACES["yuv"].from_srgb
    inside = ((kept.pixels > 0.02) & (kept.pixels < 0.98)).all(2)  # beyond, colours had to give way
    assert inside.mean() > 0.5
    np.testing.assert_allclose(yuv(kept.pixels)[inside][:, 1:], yuv(photo.pixels)[inside][:, 1:], atol=1e-3)
    np.testing.assert_allclose(yuv(kept.pixels)[inside][:, 0], yuv(plain.pixels)[inside][:, 0], atol=1e-3)


@pytest.mark.parametrize("engine", ["instant", "optimize"])
def test_colors_matched_to_the_photos(engine: str, engines: dict[str, dict[str, Any]], picture: Paint) -> None:
    photo, painting = picture(48, 40, seed=1), picture(48, 40, seed=2)
    matched = atelier.stylize(photo, painting, color="match", **engines[engine])
    of, to = moments(matched.pixels, SPACES["rgb"]), moments(photo.pixels, SPACES["rgb"])
    plain = moments(atelier.stylize(photo, painting, **engines[engine]).pixels, SPACES["rgb"])
    assert np.abs(of.mean - to.mean).max() < 0.02 < np.abs(plain.mean - to.mean).max()
    assert np.abs(of.covariance - to.covariance).max() < np.abs(plain.covariance - to.covariance).max()


def test_what_cannot_be_is_refused_beforehand(picture: Paint) -> None:
    photo = picture(32, 32)
    for given, word in (
        ({"color": "blue"}, "choose from"),
        ({"color_method": "transport"}, "give `color`"),
        ({"color": "photo", "color_method": "nonsense"}, "nonsense"),
        ({"color": "photo", "color_method": "luminance", "color_space": "rgb"}, "no luminance"),
        ({"color": "match", "color_space": "nonsense"}, "nonsense"),
    ):
        for engine in ("instant", "optimize"):
            with pytest.raises(SettingError, match=word):
                atelier.stylize(photo, "nowhere.png", engine=engine, **given)


@pytest.fixture
def files(tmp_path: Path, picture: Paint) -> tuple[Path, Path]:
    for name, size, seed in (("a.png", (40, 30), 1), ("b.png", (60, 20), 2)):
        (tmp_path / name).write_bytes(encode(picture(*size, seed=seed), "png"))
    return tmp_path / "a.png", tmp_path / "b.png"


def test_recolor_alone(files: tuple[Path, Path], tmp_path: Path) -> None:
    one, other = files
    out = recolor(str(one), str(other), Outputs(str(tmp_path / "o.png")))
    want = moments(open_still(str(other)).pixels, SPACES["rgb"])
    assert np.abs(moments(out.pixels, SPACES["rgb"]).mean - want.mean).max() < 0.02
    np.testing.assert_allclose(open_still(str(tmp_path / "o.png")).pixels, out.pixels, atol=0.51 / 255)


def test_recolor_within_a_mask(files: tuple[Path, Path], tmp_path: Path) -> None:
    one, other = files
    mask = np.zeros((15, 20), np.uint8)
    mask[:, 10:] = 255
    (tmp_path / "m.png").write_bytes(encode(Image.from_array(mask), "png"))
    said: list[str] = []
    target = Outputs(str(tmp_path / "o.png"))
    out = recolor(str(one), str(other), target, Recoloring(mask=str(tmp_path / "m.png")), report=lambda p: said.append(p.note))
    assert any("m.png is brought from 20x15 to 40x30" in note for note in said)
    photo = open_still(str(one)).pixels
    np.testing.assert_array_equal(out.pixels[:, :12], photo[:, :12])
    assert np.abs(out.pixels[:, 25:] - photo[:, 25:]).mean() > 0.01


def test_recolor_by_luminance_brings_the_sizes_together(files: tuple[Path, Path], tmp_path: Path) -> None:
    said: list[Progress] = []
    out = recolor(str(files[0]), str(files[1]), Outputs(str(tmp_path / "o.png")), Recoloring("luminance"), report=said.append)
    assert out.size == (40, 30) and any("one size" in progress.note for progress in said)


def test_recolor_refuses(files: tuple[Path, Path], tmp_path: Path) -> None:
    one, other = map(str, files)
    with pytest.raises(TargetError):
        recolor(one, other, Outputs(one))
    with pytest.raises(SettingError, match="nonsense"):
        recolor(one, other, Outputs(str(tmp_path / "o.png")), Recoloring("nonsense"))
    with pytest.raises(SourceError):
        recolor(one, str(tmp_path / "nowhere.png"), Outputs(str(tmp_path / "o.png")))
    with pytest.raises(SettingError, match="standard input"):
        recolor("-", "-", Outputs(str(tmp_path / "o.png")))
    assert not (tmp_path / "o.png").exists()


def test_recolor_from_python_is_that_of_the_command_line(files: tuple[Path, Path], tmp_path: Path) -> None:
    one, other = files
    said: list[Progress] = []
    wanted = recolor(str(one), str(other), Outputs(str(tmp_path / "o.png")), Recoloring("cholesky"))
    mask = np.zeros((15, 20), np.uint8)
    mask[:, 10:] = 1
    found = atelier.recolor(one, open_still(str(other)).pixels, method="cholesky")
    np.testing.assert_array_equal(found.pixels, wanted.pixels)
    parted = atelier.recolor(atelier.load(one), other, mask=mask, report=said.append)
    np.testing.assert_array_equal(parted.pixels[:, :12], open_still(str(one)).pixels[:, :12])
    assert any("the given picture" in progress.note or "given is brought" in progress.note for progress in said)
    for given, words in (({"stretch": 0.5}, "at least 1"), ({"method": "nonsense"}, "nonsense"), ({"seed": "a"}, "whole number")):
        with pytest.raises(SettingError, match=words):
            atelier.recolor(one, other, **given)


def test_a_recolored_picture_does_not_say_that_it_was_painted_so(picture: Paint) -> None:
    painted = Image(picture(24, 20, seed=3).pixels, text={"atelier": "{}", "Title": "a photo"})
    assert dict(atelier.recolor(painted, picture(20, 20, seed=4)).text) == {"Title": "a photo"}


def test_the_command(files: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from atelier.cli import main

    with pytest.raises(SystemExit) as ended:
        main(["recolor", str(files[0]), "--like", str(files[1]), "-o", str(tmp_path / "o.png"), "--method", "cholesky", "--space", "lab"])
    assert ended.value.code == 0 and "Recoloured" in capsys.readouterr().err and (tmp_path / "o.png").exists()
    with pytest.raises(SystemExit):
        main(["recolor", "--list"])
    assert "luminance-matched" in capsys.readouterr().out


def test_a_style_by_name_gives_its_colors(picture: Paint, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import atelier.cli.colouring  # noqa: F401  (adds its command)
    from atelier.cli import main
    from atelier.image import decode

    (tmp_path / "photo.png").write_bytes(encode(picture(48, 40, seed=1), "png"))
    with pytest.raises(SystemExit) as end:
        main(["recolor", str(tmp_path / "photo.png"), "--like", NAME, "-o", str(tmp_path / "out.png"), "--stretch", "20"])
    assert end.value.code == 0
    of = moments(open_still(str(tmp_path / "out.png")).pixels, SPACES["rgb"])
    wanted = moments(decode(catalogue.shipped()[NAME].swatch).pixels, SPACES["rgb"])
    assert np.abs(of.mean - wanted.mean).max() < 0.03
    with pytest.raises(SystemExit) as end:
        main(["recolor", str(tmp_path / "photo.png"), "--like", NAME[:-1], "-o", str(tmp_path / "other.png")])
    assert end.value.code == 2 and f"did you mean {NAME}?" in capsys.readouterr().err
    assert not (tmp_path / "other.png").exists()
