"""Panoramas: around the world and back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from atelier.engines.engine import Frame
from atelier.engines.panorama import FACES, Panorama, look_at, put_back, side_of
from atelier.errors import ImageError, SettingError
from atelier.image import Image
from atelier.media import write_still
from atelier.request import Outputs, Request, Style
from atelier.run import make

pytest.importorskip("cv2")


def world(width: int = 256) -> np.ndarray:
    """(W / 2, W, 3): a smooth function of the direction, so that it has no seam and no pole."""
    longitude = ((np.arange(width) + 0.5) / width - 0.5) * 2 * np.pi
    latitude = ((np.arange(width // 2) + 0.5) / (width // 2) - 0.5)[:, None] * np.pi
    x, y, z = np.cos(latitude) * np.sin(longitude), np.sin(latitude) + 0 * longitude, np.cos(latitude) * np.cos(longitude)
    return np.stack([0.5 + 0.4 * np.sin(3 * x + y), 0.5 + 0.4 * np.cos(2 * y - z), 0.5 + 0.4 * x * z], -1).astype(np.float32)


def test_the_faces_show_all_and_come_back_as_they_were() -> None:
    pixels = world()
    total = np.zeros(pixels.shape[:2])
    out = np.zeros_like(pixels)
    for face in range(len(FACES)):
        for rows, weight, seen in put_back(look_at(pixels, face), face, pixels.shape[:2]):
            total[rows] += weight
            out[rows] += weight[..., None] * seen
    assert total.min() > 0.5
    assert np.abs(out / total[..., None] - pixels).max() < 0.01


def test_ahead_is_the_middle_and_up_is_up() -> None:
    pixels = np.zeros((64, 128, 3), np.float32)
    pixels[:32, :, 0], pixels[:, 60:68, 1] = 1, 1
    view = look_at(pixels, 0)
    side = view.shape[0]
    assert side == side_of(128)
    assert view[: side // 2 - 2, :, 0].mean() > 0.9 > 0.1 > view[side // 2 + 2 :, :, 0].mean()
    assert view[side // 2, side // 2, 1] > 0.9 and view[side // 2, 2, 1] < 0.1
    assert look_at(pixels, 5)[..., 0].mean() > 0.95 > 0.05 > look_at(pixels, 4)[..., 0].mean()


def test_what_is_turned_is_painted_turned() -> None:
    """An engine whose strokes lie where they lie on a face: after a quarter turn they lie there again."""

    def hatch(frame: Frame, report: object = None) -> Frame:
        _, width = frame.shape
        lines = (np.arange(width) % 5 < 2).astype(np.float32)[None, :, None] * 0.3
        return replace(frame, pixels=(frame.pixels * 0.7 + lines).astype(np.float32))

    pixels = world()
    painted = Panorama(hatch)(Frame(pixels)).pixels  # type: ignore[arg-type]
    turned = Panorama(hatch)(Frame(np.roll(pixels, 64, 1))).pixels  # type: ignore[arg-type]
    belt = slice(46, 82)  # above and below are the faces of the poles, whose strokes do not turn
    assert np.abs(np.roll(painted, 64, 1) - turned)[belt].max() < 0.02
    step = np.abs(painted[:, 0] - painted[:, -1]).mean()
    assert step < 2 * np.abs(np.diff(painted, axis=1)).mean()


def test_viewers_are_told(tmp_path: Path) -> None:
    from atelier.image import encode
    from atelier.image.metadata import SPHERICAL

    picture = Image(world(64), text={SPHERICAL: "equirectangular"})
    assert b"<GPano:ProjectionType>equirectangular" in encode(picture, "jpeg")
    assert b"GPano" not in encode(Image(world(64), text={"a": "b"}), "jpeg")


def test_a_panorama_from_the_command_line(tmp_path: Path) -> None:
    write_still(Image(world(128)), tmp_path / "in.png")
    request = Request("stylize", str(tmp_path / "in.png"), (Style("starry-night"),), panorama=True)
    make(request, Outputs(str(tmp_path / "out.jpg")))
    assert b"GPano" in (tmp_path / "out.jpg").read_bytes()
    with pytest.raises(SettingError, match="panorama"):
        Request("stylize", "in.png", (Style("starry-night"),), regions="auto", panorama=True)


def test_another_shape_is_no_panorama() -> None:
    with pytest.raises(ImageError, match="twice as wide"):
        Panorama(lambda frame, report: frame)(Frame(np.zeros((64, 96, 3), np.float32)))


def test_a_photo_that_says_so_is_painted_around_and_one_of_that_shape_is_told_of(tmp_path: Path) -> None:
    pixels = np.repeat(np.repeat(world(128), 8, 0), 8, 1)
    said, shaped = tmp_path / "said.jpg", tmp_path / "shaped.jpg"
    write_still(Image(pixels, text={"panorama": "equirectangular"}), said)
    write_still(Image(pixels), shaped)

    def paint(name: Path, **more: object) -> tuple[Image, list[str]]:
        notes: list[str] = []
        request = Request("stylize", str(name), (Style("starry-night"),), size=128, **more)  # type: ignore[arg-type]
        made = make(request, Outputs(str(tmp_path / "out.jpg")), report=lambda each: notes.append(each.note) if each.note else None)
        return made.image, notes

    around, notes = paint(said)
    assert notes == [f"{said} says that it is a panorama, and is painted as one"]
    assert np.array_equal(around.pixels, paint(said, panorama=True)[0].pixels)
    _, notes = paint(shaped)
    assert notes == [f"{shaped} is twice as wide as high: if it goes all around, give `panorama`"]


def test_what_cameras_write_is_read() -> None:
    from atelier.image.metadata import from_xmp

    for told in ('GPano:ProjectionType="equirectangular"', "<GPano:ProjectionType>equirectangular</GPano:ProjectionType>"):
        assert from_xmp(f"<x:xmpmeta>{told}</x:xmpmeta>") == {"panorama": "equirectangular"}
    assert from_xmp("<GPano:ProjectionType>cylindrical</GPano:ProjectionType>") == {}
