"""The Image value keeps its word."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from atelier.errors import ImageError
from atelier.image import Image


def gray(value: float = 0.5) -> np.ndarray:
    return np.full((2, 3, 3), value, np.float32)


def test_what_it_says_about_itself() -> None:
    image = Image(gray())
    assert (image.size, image.shape, image.depth) == ((3, 2), (2, 3), 8)
    assert image.pixels.dtype == np.float32


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((2, 3), np.float32),
        np.zeros((2, 3, 4), np.float32),
        np.zeros((0, 3, 3), np.float32),
        np.zeros((2, 3, 3), np.uint8),
        gray(1.001),
        gray(-0.001),
        gray(float("nan")),
        gray(float("inf")),
    ],
)
def test_pixels_that_break_the_contract(pixels: np.ndarray) -> None:
    with pytest.raises(ImageError, match="pixels must be"):
        Image(pixels)


def test_alpha_and_depth_that_break_the_contract() -> None:
    with pytest.raises(ImageError, match="alpha must be"):
        Image(gray(), alpha=np.zeros((3, 2), np.float32))
    with pytest.raises(ImageError, match="alpha must be in"):
        Image(gray(), alpha=np.full((2, 3), 2, np.float32))
    with pytest.raises(ImageError, match="depth"):
        Image(gray(), depth=12)


def test_it_cannot_be_painted_over_and_leaves_the_callers_array_alone() -> None:
    mine = gray()
    image = Image(mine, text={"a": "b"})
    with pytest.raises(ValueError, match="read-only"):
        image.pixels[0, 0, 0] = 1
    mine[0, 0, 0] = 0.25
    assert Image(gray().transpose(1, 0, 2)).pixels.flags.c_contiguous


def test_it_can_be_copied_and_sent() -> None:
    image = Image(gray(), alpha=gray()[:, :, 0], text={"a": "b"}, notes=("n",), exif=b"Exif\0\0")
    for again in (copy.deepcopy(image), pickle.loads(pickle.dumps(image))):
        np.testing.assert_array_equal(again.pixels, image.pixels)
        assert (again.text, again.notes, again.exif) == (image.text, image.notes, image.exif)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("shape", [(2, 3), (2, 3, 1), (2, 3, 2), (2, 3, 3), (2, 3, 4)])
def test_arrays_of_every_shape(dtype: type, shape: tuple[int, ...]) -> None:
    array = np.random.default_rng(3).integers(0, np.iinfo(dtype).max, shape, dtype=dtype, endpoint=True)
    image = Image.from_array(array)
    depth = 8 * np.dtype(dtype).itemsize
    assert image.depth == depth
    out = image.to_array(depth)
    channels = array.reshape(2, 3, -1)
    transparent = channels.shape[2] in (2, 4)
    assert out.shape == (2, 3, 4 if transparent else 3)
    np.testing.assert_array_equal(out[:, :, 0], channels[:, :, 0])
    np.testing.assert_array_equal(out[:, :, 2], channels[:, :, 2 if channels.shape[2] > 2 else 0])
    if transparent:
        np.testing.assert_array_equal(out[:, :, 3], channels[:, :, -1])


def test_arrays_of_other_types() -> None:
    assert Image.from_array(np.array([[True, False]])).to_array()[0, :, 0].tolist() == [255, 0]
    assert Image.from_array(np.full((1, 1, 3), 1 + 1e-6)).pixels.max() == 1
    for wrong in (np.full((1, 1, 3), 128.0), np.full((1, 1, 3), np.nan), np.zeros((1, 1, 3), np.int32), np.zeros((1, 1, 5)), np.zeros(3)):
        with pytest.raises(ImageError):
            Image.from_array(wrong)


def test_every_level_goes_round() -> None:
    for depth, dtype in ((8, np.uint8), (16, np.uint16)):
        levels = np.arange(2**depth, dtype=dtype)[None, :]
        np.testing.assert_array_equal(Image.from_array(levels).to_array(depth)[:, :, 1], levels)


@given(st.floats(0, 1, width=32))
def test_rounding_is_to_the_nearest_level(value: float) -> None:
    image = Image(gray(value))
    for depth in (8, 16):
        top = 2**depth - 1
        assert abs(int(image.to_array(depth)[0, 0, 0]) - value * top) <= 0.5 + 0.01


def test_with_pixels_keeps_the_rest() -> None:
    image = Image(gray(), alpha=gray()[:, :, 0], depth=16, text={"a": "b"}, exif=b"Exif\0\0")
    painted = image.with_pixels(np.full((2, 3, 3), 1.5))
    assert painted.pixels.min() == 1
    assert (painted.alpha is not None, painted.depth, painted.text, painted.exif) == (True, 16, {"a": "b"}, b"Exif\0\0")
    with pytest.raises(ImageError):
        image.with_pixels(np.full((2, 3, 3), np.nan))
    with pytest.raises(ImageError, match="alpha"):
        image.with_pixels(np.zeros((4, 6, 3)))


def test_flat() -> None:
    image = Image(gray(0.0), alpha=np.full((2, 3), 0.25, np.float32))
    assert image.flat().alpha is None
    np.testing.assert_allclose(image.flat().pixels, 0.75)
    np.testing.assert_allclose(image.flat((1, 0, 0)).pixels[0, 0], [0.75, 0, 0])
    opaque = Image(gray())
    assert opaque.flat() is opaque
