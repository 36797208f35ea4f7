"""Colour spaces against scikit-image, published values and themselves."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from skimage import color

from atelier.errors import SettingError
from atelier.image.spaces import SPACES, Space, find_space, to_gray
from atelier.image.value import Pixels

EVERY = pytest.mark.parametrize("space", SPACES.values(), ids=list(SPACES))
COLORS = np.random.default_rng(0).random((40, 50, 3), dtype=np.float32)
CUBE = np.stack(np.meshgrid(*[np.linspace(0, 1, 9, dtype=np.float32)] * 3), axis=-1).reshape(-1, 3)


@EVERY
@given(
    arrays.arrays(
        np.float32,
        st.tuples(st.integers(1, 4), st.integers(1, 4), st.just(3)),
        elements=st.floats(-0.5, 1.5, width=32, allow_subnormal=False),
    )
)
def test_round_trips_inside_the_gamut_and_beyond(space: Space, pixels: Pixels) -> None:
    values = space.from_srgb(pixels)
    back = space.to_srgb(values)
    assert values.dtype == back.dtype == np.float32
    assert back.shape == pixels.shape
    np.testing.assert_allclose(back, pixels, atol=1e-5)


@EVERY
def test_round_trips_at_the_corners_and_edges_of_the_cube(space: Space) -> None:
    np.testing.assert_allclose(space.to_srgb(space.from_srgb(CUBE)), CUBE, atol=2e-6)


@EVERY
def test_grays_have_no_color(space: Space) -> None:
    gray = np.repeat(np.linspace(0, 1, 33, dtype=np.float32)[:, None], 3, axis=1)
    values = space.from_srgb(gray)
    if space.luminance:
        np.testing.assert_allclose(values[:, 1:], space.neutral, atol=2e-5 * space.scale)
        np.testing.assert_allclose(values[[0, -1], 0], [0, space.scale], atol=1e-5 * space.scale)
        assert (np.diff(values[:, 0]) > 0).all()
    else:
        np.testing.assert_allclose(values, values[:, :1] * np.ones(3), atol=1e-6)


def test_lab_is_scikit_images() -> None:
    # its matrix and white point have six digits and four
    np.testing.assert_allclose(SPACES["lab"].from_srgb(COLORS), color.rgb2lab(COLORS), atol=0.02)


def test_yuv_is_scikit_images() -> None:
    # whose V is rounded to three digits of 0.615 / 0.701
    np.testing.assert_allclose(SPACES["yuv"].from_srgb(COLORS), color.rgb2yuv(COLORS), atol=1e-4)


def test_ycbcr_is_scikit_images_at_full_range() -> None:
    studio = color.rgb2ycbcr(COLORS)
    full = (studio - [16, 128, 128]) / [219, 224, 224] + [0, 0.5, 0.5]
    np.testing.assert_allclose(SPACES["ycbcr"].from_srgb(COLORS), full, atol=1e-4)


@pytest.mark.parametrize(
    ("xyz", "oklab"),
    [
        # the table in Ottosson 2020, rounded there to three digits
        ((0.950, 1.000, 1.089), (1.000, 0.000, 0.000)),
        ((1.000, 0.000, 0.000), (0.450, 1.236, -0.019)),
        ((0.000, 1.000, 0.000), (0.922, -0.671, 0.263)),
        ((0.000, 0.000, 1.000), (0.153, -1.415, -0.449)),
    ],
)
def test_oklab_is_ottossons_table(xyz: tuple[float, float, float], oklab: tuple[float, float, float]) -> None:
    # far beyond sRGB, where only the odd continuation of its curve leads
    light = (color.colorconv.rgb_from_xyz @ np.array(xyz)).astype(np.float32)
    pixels = SPACES["linear"].to_srgb(light[None])
    np.testing.assert_allclose(SPACES["oklab"].from_srgb(pixels)[0], oklab, atol=2e-3)


@pytest.mark.parametrize(
    ("rgb", "oklab"),
    [
        # sRGB primaries as CSS Color 4 and colour libraries give them
        ((1, 0, 0), (0.62796, 0.22486, 0.12585)),
        ((0, 1, 0), (0.86644, -0.23389, 0.17950)),
        ((0, 0, 1), (0.45201, -0.03246, -0.31153)),
        ((1, 1, 1), (1.0, 0.0, 0.0)),
    ],
)
def test_oklab_of_the_primaries(rgb: tuple[float, float, float], oklab: tuple[float, float, float]) -> None:
    np.testing.assert_allclose(SPACES["oklab"].from_srgb(np.array([rgb], np.float32))[0], oklab, atol=2e-5)


def test_linear_light() -> None:
    gray = np.array([[0.0, 0.5, 1.0], [0.04, 0.0404, 0.0405]], np.float32)
    light = SPACES["linear"].from_srgb(gray)
    np.testing.assert_allclose(light[0], [0, 0.21404114, 1], atol=1e-6)
    np.testing.assert_allclose(light[1], [0.04 / 12.92, 0.0404 / 12.92, ((0.0405 + 0.055) / 1.055) ** 2.4], atol=1e-7)


def test_the_table() -> None:
    assert list(SPACES) == [space.name for space in SPACES.values()]
    assert find_space("lab") is SPACES["lab"]
    with pytest.raises(SettingError, match="space hsv: choose from oklab, lab"):
        find_space("hsv")
    with pytest.raises(TypeError):
        SPACES["hsv"] = SPACES["lab"]  # type: ignore[index]


def test_grays_have_the_luminance_of_the_colors() -> None:
    gray = to_gray(COLORS)
    assert gray.dtype == np.float32
    assert np.ptp(gray, axis=2).max() == 0
    light, wanted = SPACES["linear"].from_srgb(gray)[..., 0], SPACES["linear"].from_srgb(COLORS) @ [0.2126, 0.7152, 0.0722]
    np.testing.assert_allclose(light, wanted, atol=1e-5)
    same = np.repeat(COLORS[..., :1], 3, 2)
    np.testing.assert_allclose(to_gray(same), same, atol=1e-6)
