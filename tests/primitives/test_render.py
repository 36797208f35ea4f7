"""Pictures of drawings: areas in closed form, and an independent renderer (resvg) by way of our SVG."""

from __future__ import annotations

import dataclasses
import io
import math
import tracemalloc
from itertools import pairwise

import numpy as np
import pytest
from drawings import Array, a_drawing, a_state, one, premultiplied, psnr
from PIL import Image as Pillow

from atelier.engines.primitives import render as rendering
from atelier.engines.primitives.drawing import Drawing, Mark
from atelier.engines.primitives.render import frames, render
from atelier.engines.primitives.shapes import SHAPES
from atelier.engines.primitives.vector import to_svg
from atelier.errors import SettingError

resvg_py = pytest.importorskip("resvg_py")

ALL = list(SHAPES)


def resvg(drawing: Drawing, size: tuple[int, int]) -> Array:
    """(H, W, 4) premultiplied."""
    png = resvg_py.svg_to_bytes(svg_string=to_svg(drawing), width=size[0], height=size[1])
    pixels = np.asarray(Pillow.open(io.BytesIO(bytes(png))).convert("RGBA")) / 255
    pixels[:, :, :3] *= pixels[:, :, 3:]
    return pixels


def dark(drawing: Drawing, size: tuple[int, int]) -> Array:
    """(H, W) coverage of a black shape on white."""
    return 1 - render(drawing, size).pixels[:, :, 0].astype(np.float64)


@pytest.mark.parametrize("scale", [1, 3])
@pytest.mark.parametrize("name", [*ALL, "all"])
def test_as_another_renderer_paints_the_svg(name: str, scale: int) -> None:
    for seed in range(3):
        drawing = a_drawing(ALL if name == "all" else [name], 27, seed=seed)
        size = (64 * scale, 48 * scale)
        assert psnr(premultiplied(render(drawing, size)), resvg(drawing, size)) > 37


@pytest.mark.parametrize("scale", [1, 3])
def test_as_another_renderer_paints_the_svg_on_nothing(scale: int) -> None:
    drawing = a_drawing(ALL, 18, background=None)
    image = render(drawing, 64 * scale)
    assert image.alpha is not None
    assert 0 == image.alpha.min() < image.alpha.max()
    assert psnr(premultiplied(image), resvg(drawing, image.size)) > 39


@pytest.mark.parametrize(
    ("state", "least"),
    [
        ((10, 40, 32, -20, 54, 40, 6), 40),  # gentle
        ((10, 40, 32, -20, 54, 40, 30), 40),  # wider than its bend
        ((30, 40, 32, 5, 34, 40, 20), 40),  # a hairpin
        ((20, 24, 60, 24, 30, 26, 12), 40),  # a sharper one
        ((20, 24, 60, 24, 30, 24, 12), 40),  # there and back
        ((28, 24, 32, 10, 36, 24, 40), 40),  # shorter than wide
        ((10, 24, 32, 24, 54, 24, 8), 40),  # straight
        ((10, 24, 10, 24, 54, 30, 8), 40),  # leaning to its own beginning
        ((10, 24, 54, 30, 54, 30, 8), 40),  # and to its end
    ],
)
def test_strokes_however_they_bend(state: tuple[float, ...], least: float) -> None:
    drawing = one("stroke", *state)
    assert psnr(premultiplied(render(drawing, 256)), resvg(drawing, (256, 192))) > least


def test_a_photo_whose_proportions_are_not_quite_those_of_the_working_picture() -> None:
    drawing = a_drawing(ALL, 27, size=(200, 157))
    image = render(drawing, 200)
    assert image.size == (200, 157)
    assert psnr(premultiplied(image), resvg(drawing, image.size)) > 39


# Areas in closed form --------------------------------------------------------------------------------------------------


def shoelace(*corners: float) -> float:
    x, y = np.array(corners[::2]), np.array(corners[1::2])
    return abs(float(x @ np.roll(y, 1) - y @ np.roll(x, 1))) / 2


AREAS = [
    ("triangle", (10.3, 5.2, 50.7, 12.9, 22.2, 40.1), shoelace(10.3, 5.2, 50.7, 12.9, 22.2, 40.1)),
    ("triangle", (22.2, 40.1, 50.7, 12.9, 10.3, 5.2), shoelace(10.3, 5.2, 50.7, 12.9, 22.2, 40.1)),  # the other way round
    ("triangle", (-20.0, 10.0, 84.0, 10.0, 32.0, 10.5), 64 * (0.5 + 0.5 * 20 / 52) / 2),  # half a px high, cut off on both sides
    ("rectangle", (40.25, 30.5, 10.5, 7.3), 29.75 * 23.2),
    ("rectangle", (-10.0, 7.25, 1000.0, 8.0), 64 * 0.75),
    ("rectangle", (12.2, 7.3, 12.9, 7.6), 0.7 * 0.3),  # inside one pixel
    ("rotated-rectangle", (32.0, 24.0, 15.3, 6.1, 0.7), 4 * 15.3 * 6.1),
    ("ellipse", (30.1, 24.7, 20.3, 11.9), math.pi * 20.3 * 11.9),
    ("rotated-ellipse", (32.0, 24.0, 18.5, 9.9, 2.1), math.pi * 18.5 * 9.9),
    ("circle", (32.3, 23.6, 14.2), math.pi * 14.2**2),
    ("circle", (32.3, 23.6, 0.2), math.pi * 0.2**2),
    ("circle", (64.0, 48.0, 20.0), math.pi * 20.0**2 / 4),
    ("polygon", (10, 10, 50, 10, 50, 40, 30, 20, 10, 40), shoelace(10, 10, 50, 10, 50, 40, 30, 20, 10, 40)),  # not convex
    ("polygon", (10, 10, 40, 40, 40, 10, 10, 40, 10, 10), 2 * 30 * 15 / 2),  # a bow tie
    ("line", (10.5, 8.25, 50.5, 38.25, 5.5), 50 * 5.5),
    ("stroke", (10.0, 8.0, 30.0, 23.0, 50.0, 38.0, 5.5), 50 * 5.5),  # straight
]


@pytest.mark.parametrize(("name", "state", "area"), AREAS)
@pytest.mark.parametrize("scale", [(1, 1), (2, 3)])
def test_area(name: str, state: tuple[float, ...], area: float, scale: tuple[int, int]) -> None:
    sx, sy = scale
    found = dark(one(name, *state), (64 * sx, 48 * sy)).sum() / (sx * sy)
    bow_tie = name == "polygon" and state[4:6] == (40, 10)  # where sides cross within a pixel, opposite areas cancel out
    assert found == pytest.approx(area, rel=2e-3 if bow_tie else 5e-4)


def test_a_curved_stroke_is_as_long_as_its_curve() -> None:
    t = np.linspace(0, 1, 10_001)[:, None]
    curve = (1 - t) ** 2 * [10, 40] + 2 * t * (1 - t) * [32, -20] + t**2 * [54, 40]
    length = np.hypot(*np.diff(curve, axis=0).T).sum()
    assert dark(one("stroke", 10, 40, 32, -20, 54, 40, 4), (256, 192)).sum() / 16 == pytest.approx(4 * length, rel=1e-3)


def test_inside_a_star_it_is_filled() -> None:
    """The winding number is 2 there."""
    star = [v for k in range(5) for v in (32 + 20 * math.cos(4 * math.pi * k / 5), 24 + 20 * math.sin(4 * math.pi * k / 5))]
    assert dark(one("polygon", *star), (64, 48))[20:28, 28:36].min() == 1


def test_half_covered_pixels_by_hand() -> None:
    assert dark(one("triangle", 0, 0, 2, 0, 0, 2, width=2, height=2), (2, 2)) == pytest.approx(np.array([[1, 0.5], [0.5, 0]]), abs=1e-6)
    assert dark(one("rectangle", 0.25, 0.5, 1.5, 2, width=2, height=2), (2, 2)) == pytest.approx(
        np.array([[0.375, 0.25], [0.75, 0.5]]), abs=1e-6
    )


# Degenerate ------------------------------------------------------------------------------------------------------------

NOTHING = [
    ("triangle", (5, 5, 20, 20, 40, 40)), ("triangle", (7, 7, 7, 7, 7, 7)), ("rectangle", (5, 5, 30, 5)), ("circle", (30, 20, 0)),
    ("ellipse", (30, 20, 0, 10)), ("rotated-ellipse", (30, 20, 10, 0, 1)), ("rotated-rectangle", (30, 20, 0, 10, 1)),
    ("line", (5, 5, 5, 5, 10)), ("line", (5, 5, 30, 30, 0)), ("stroke", (5, 5, 5, 5, 5, 5, 10)), ("stroke", (5, 5, 20, 9, 40, 5, 0)),
    ("polygon", (3,) * 10), ("triangle", (100, 100, 120, 100, 110, 130)), ("circle", (-50, 20, 49)), ("circle", (1e7, 1e7, 9e6)),
    ("line", (-9, -9, 80, -9, 8)), ("stroke", (70, 0, 90, 20, 70, 40, 9)), ("rectangle", (64, 0, 1e7, 1e7)),
]  # fmt: skip


@pytest.mark.parametrize(("name", "state"), NOTHING)
def test_nothing_of_it_is_seen(name: str, state: tuple[float, ...]) -> None:
    drawing = one(name, *map(float, state))
    assert dark(drawing, (64, 48)).max() < 1e-6
    assert resvg(drawing, (64, 48)).min() == 1


@pytest.mark.parametrize(
    ("name", "state"),
    [
        ("triangle", (-1e7, -1e7, 1e7, -1e7, 0, 1e7)), ("rectangle", (-1e7, -1e7, 1e7, 1e7)), ("circle", (0, 0, 1e7)),
        ("ellipse", (0, 0, 1e7, 1e6)), ("rotated-ellipse", (0, 0, 1e7, 1e6, 1)), ("rotated-rectangle", (0, 0, 1e7, 1e6, 1)),
        ("polygon", (-1e7, -1e7, 0, -1e7, 1e7, -1e7, 1e7, 1e7, -1e7, 1e7)), ("line", (-1e7, 0, 1e7, 0, 1e6)),
        ("stroke", (-1e7, 0, 0, 1, 1e7, 0, 1e6)),
    ],
)  # fmt: skip
def test_all_is_covered(name: str, state: tuple[float, ...]) -> None:
    assert dark(one(name, *map(float, state)), (64, 48)).min() > 1 - 1e-4


@pytest.mark.parametrize("name", ALL)
def test_a_drawing_of_one_pixel(name: str) -> None:
    drawing = a_drawing([name], 5, width=1, height=1)
    assert render(drawing, 1).size == (1, 1)
    assert render(drawing, (7, 3)).size == (7, 3)
    assert psnr(premultiplied(render(drawing, (16, 16))), resvg(drawing, (16, 16))) > 30


# Sizes, parts and frames -----------------------------------------------------------------------------------------------


def test_sizes_that_cannot_be() -> None:
    drawing = a_drawing(ALL, 3)
    for size in (0, (0, 5), (5, -1)):
        with pytest.raises(SettingError, match="at least"):
            render(drawing, size)
        with pytest.raises(SettingError, match="at least"):
            frames(drawing, size, 3)
    with pytest.raises(SettingError, match="at least one frame"):
        frames(drawing, 10, 0)


def test_only_the_first_shapes() -> None:
    drawing = a_drawing(ALL, 9)
    fewer = dataclasses.replace(drawing, marks=drawing.marks[:4])
    assert np.array_equal(render(drawing, 64, marks=4).pixels, render(fewer, 64).pixels)
    assert np.allclose(render(drawing, 64, marks=0).pixels, np.array([40, 80, 120]) / 255)
    assert not np.array_equal(render(drawing, 64, marks=4).pixels, render(drawing, 64).pixels)


def test_opacity_is_blended_as_svg_does() -> None:
    drawing = Drawing(4, 4, (4, 4), (0, 100, 200), (Mark("rectangle", (0, 0, 4, 4), (200, 100, 0), 0.25),) * 2)
    left = 0.75**2
    wanted = (left * np.array([0, 100, 200]) + (1 - left) * np.array([200, 100, 0])) / 255
    assert np.allclose(render(drawing, 4).pixels, wanted, atol=1e-6)
    clear = render(dataclasses.replace(drawing, background=None), 4)
    assert clear.alpha is not None
    assert np.allclose(clear.alpha, 1 - left, atol=1e-6)
    assert np.allclose(clear.pixels, np.array([200, 100, 0]) / 255, atol=1e-6)


@pytest.mark.parametrize("background", [(9, 9, 9), None])
def test_the_picture_does_not_depend_on_the_number_of_threads(
    background: tuple[int, int, int] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawing = a_drawing(ALL, 27, background=background)
    pictures = []
    for cores in (1, 2, 7):
        monkeypatch.setattr(rendering.os, "cpu_count", lambda cores=cores: cores)
        pictures.append(premultiplied(render(drawing, (50, 700))))
    assert np.array_equal(pictures[0], pictures[1])
    assert np.array_equal(pictures[0], pictures[2])


@pytest.mark.parametrize("background", [(9, 9, 9), None])
def test_frames_grow_to_the_whole(background: tuple[int, int, int] | None) -> None:
    drawing = a_drawing(ALL, 30, background=background)
    shown = list(frames(drawing, 40, 6))
    assert len(shown) == 6
    assert np.array_equal(premultiplied(shown[0]), premultiplied(render(drawing, 40, marks=0)))
    assert np.array_equal(premultiplied(shown[2]), premultiplied(render(drawing, 40, marks=round(30 * (2 / 5) ** 2))))
    assert np.array_equal(premultiplied(shown[-1]), premultiplied(render(drawing, 40)))


@pytest.mark.parametrize(("marks", "count", "ends"), [
    (100, 5, [0, 6, 25, 56, 100]), (3, 4, [0, 1, 2, 3]), (3, 100, [0, 1, 2, 3]), (0, 10, [0]), (7, 1, [7]), (5, 2, [0, 5]),
])  # fmt: skip
def test_more_frames_at_the_beginning(marks: int, count: int, ends: list[int]) -> None:
    assert rendering._schedule(marks, count) == ends


def test_no_two_frames_show_the_same_shapes() -> None:
    for marks in range(1, 40):
        for count in range(1, 45):
            ends = rendering._schedule(marks, count)
            assert len(ends) == min(count, marks + 1)
            assert ends[-1] == marks
            assert all(a < b for a, b in pairwise(ends))


def test_memory_is_the_pictures_own() -> None:
    drawing = a_drawing(ALL, 40)
    render(drawing, 8)  # compiled
    tracemalloc.start()
    render(drawing, (1500, 1000))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1.1 * 1500 * 1000 * 12


@pytest.mark.parametrize("name", ["ellipse", "circle", "stroke"])
def test_curves_are_as_fine_as_the_picture(name: str) -> None:
    """Drawn large and averaged down, a curve is what it is drawn small: chords are not to be seen."""
    state = a_state(name, np.random.default_rng(3), 64, 48, 10)
    large = dark(one(name, *state), (64 * 32, 48 * 32)).reshape(48, 32, 64, 32).mean(axis=(1, 3))
    assert np.abs(large - dark(one(name, *state), (64, 48))).max() < 0.06
