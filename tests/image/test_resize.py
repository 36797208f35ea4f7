"""Pictures of another size."""

from __future__ import annotations

import importlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from specimens import photo

from atelier.errors import SettingError
from atelier.image import Image, fit, resize


def test_sizes() -> None:
    image = Image.from_array(photo(), text={"a": "b"})
    for size in ((1, 1), (5, 40), (34, 48), (1, 300)):
        assert resize(image, size).size == size
    assert resize(image, (3, 3)).text == {"a": "b"}
    assert resize(image, image.size) is image
    for size in ((0, 5), (5, -1)):
        with pytest.raises(SettingError, match="at least"):
            resize(image, size)


def test_a_plain_color_stays_plain() -> None:
    image = Image(np.full((20, 30, 3), [0.2, 0.5, 0.9], np.float32))
    for size in ((7, 5), (90, 70)):
        np.testing.assert_allclose(resize(image, size).pixels, np.broadcast_to(image.pixels[0, 0], (size[1], size[0], 3)), atol=1e-5)


def test_shrinking_averages_and_does_not_alias() -> None:
    stripes = np.zeros((64, 64, 3), np.float32)
    stripes[:, ::2] = 1
    small = resize(Image(stripes), (8, 8)).pixels
    np.testing.assert_allclose(small[2:-2, 2:-2], 0.5, atol=0.02)


def test_the_result_stays_in_range() -> None:
    edges = np.zeros((8, 8, 3), np.float32)
    edges[:, 4:] = 1  # Lanczos rings at such an edge
    big = resize(Image(edges), (40, 40)).pixels
    assert (big.min(), big.max()) == (0, 1)


def test_directions_are_not_swapped() -> None:
    image = Image.from_array(photo(40, 30))
    small = resize(image, (15, 20)).pixels
    assert small[10, 13, 0] > small[10, 1, 0] + 0.5  # red grows to the right
    assert small[18, 7, 1] > small[1, 7, 1] + 0.5  # green downwards


def test_transparent_pixels_lend_no_color() -> None:
    pixels = np.zeros((16, 16, 3), np.float32)
    pixels[:, :8], pixels[:, 8:] = (1, 0, 0), (0, 1, 0)
    alpha = np.zeros((16, 16), np.float32)
    alpha[:, :8] = 1
    small = resize(Image(pixels, alpha=alpha), (5, 5))
    assert small.alpha is not None
    visible = small.alpha > 0.05
    np.testing.assert_allclose(small.pixels[visible], np.broadcast_to([1, 0, 0], (int(visible.sum()), 3)), atol=0.02)
    assert 0.05 < small.alpha[2, 2] < 0.95


def test_fit() -> None:
    assert fit((400, 300), 200) == (200, 150)
    assert fit((300, 400), 800) == (600, 800)
    assert fit((1, 5000), 100) == (1, 100)
    with pytest.raises(SettingError, match="at least 1 px"):
        fit((10, 10), 0)


@given(st.integers(1, 10_000), st.integers(1, 10_000), st.integers(1, 10_000))
def test_fit_keeps_proportions(width: int, height: int, side: int) -> None:
    w, h = fit((width, height), side)
    assert max(w, h) == side
    assert min(w, h) >= 1
    assert abs(w * height - h * width) <= max(width, height) or min(w, h) == 1


def test_channels_in_threads_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    image = Image(rng.random((40, 50, 3), np.float32), alpha=rng.random((40, 50), np.float32))
    expected = resize(image, (23, 31))
    monkeypatch.setattr(importlib.import_module("atelier.image.resize"), "LARGE", 0)  # the name is the function's, too
    found = resize(image, (23, 31))
    np.testing.assert_array_equal(found.pixels, expected.pixels)
    np.testing.assert_array_equal(found.alpha, expected.alpha)
