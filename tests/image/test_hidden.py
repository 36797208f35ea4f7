"""Colours under full transparency."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atelier.image.hidden import fill_hidden


@settings(max_examples=40, deadline=None, derandomize=True)
@given(height=st.integers(1, 40), width=st.integers(1, 40), seed=st.integers(0, 1000), share=st.floats(0, 1))
def test_the_visible_stays_and_the_hidden_goes_by_it_alone(height: int, width: int, seed: int, share: float) -> None:
    rng = np.random.default_rng(seed)
    pixels, other = rng.random((2, height, width, 3), dtype=np.float32)
    alpha = np.where(rng.random((height, width)) < share, 0, rng.uniform(0.01, 1, (height, width))).astype(np.float32)
    hidden = alpha == 0
    out = fill_hidden(pixels, alpha)
    np.testing.assert_array_equal(out[~hidden], pixels[~hidden])
    np.testing.assert_array_equal(out, fill_hidden(np.where(hidden[..., None], other, pixels), alpha))
    assert out.dtype == np.float32
    if not hidden.all():
        assert (out.min((0, 1)) >= pixels[~hidden].min(0) - 1e-6).all()
        assert (out.max((0, 1)) <= pixels[~hidden].max(0) + 1e-6).all()
    else:
        np.testing.assert_array_equal(out, np.float32(0.5))


def test_there_is_no_step_at_the_edge() -> None:
    y, x = np.mgrid[:64, :80].astype(np.float32)
    pixels = np.stack([x / 80, y / 64, 0 * x + 0.3], axis=2)
    alpha = (np.hypot(y - 32, x - 40) < 20).astype(np.float32)
    out = fill_hidden(np.where(alpha[..., None] > 0, pixels, np.float32(1)), alpha)
    steps = max(float(np.abs(np.diff(out, axis=axis)).max()) for axis in (0, 1))
    assert steps < 0.12
    np.testing.assert_allclose(out[0, 0], [0.4, 0.4, 0.3], atol=0.15)


def test_an_opaque_picture_is_itself() -> None:
    pixels = np.zeros((3, 4, 3), np.float32)
    assert fill_hidden(pixels, None) is pixels
    assert fill_hidden(pixels, np.ones((3, 4), np.float32)) is pixels


@pytest.mark.parametrize("faint", [0.002, 0.5])
def test_what_is_barely_visible_is_visible(faint: float) -> None:
    pixels = np.random.default_rng(0).random((8, 8, 3), dtype=np.float32)
    np.testing.assert_array_equal(fill_hidden(pixels, np.full((8, 8), faint, np.float32)), pixels)
