"""What a network keeps from frame to frame."""

from __future__ import annotations

import numpy as np
import pytest

from atelier.engines.engine import Before, Frame
from atelier.engines.network.hold import Hold, carry, cells, noise_at
from atelier.engines.network.painter import Known, noise_of
from atelier.engines.steady import contrast, steady, with_contrast

SIZE, PADDED = (64, 48), (96, 80)


def test_noise_that_did_not_move_is_that_of_a_still() -> None:
    assert np.array_equal(noise_at(cells(PADDED), 8, 3), noise_of(8, (0, 0, *PADDED), 3))


def test_noise_moves_with_the_picture() -> None:
    pytest.importorskip("cv2")
    here = cells(PADDED)
    flow = np.broadcast_to(np.array([-16, 8], np.float32), (48, 64, 2))  # what is at p now was at p + (-16, 8)
    moved = noise_at(carry(here, here, flow, SIZE), 8, 0)
    still = noise_of(8, (-16, 8, PADDED[0] - 16, PADDED[1] + 8), 0)
    assert np.array_equal(moved, still)


def test_the_finer_half_of_the_noise_moves_by_half_cells() -> None:
    moved = noise_at(cells(PADDED) + np.array([0.5, 0], np.float32), 8, 0)
    still = noise_of(8, (0, 0, *PADDED), 0)
    assert np.array_equal(moved[0, 4, :, :], still[0, 5, :, :])  # the right one of a cell's upper two is now the left
    assert np.array_equal(moved[0, 5, :, :-1], still[0, 4, :, 1:])


def test_statistics_are_held_where_that_is_asked_for() -> None:
    known = Known({"numbers": np.ones(2, np.float32)}, np.full(3, 0.5, np.float32))
    first = Hold()
    assert first.of(0).known is None
    first.of(0).keep(known)
    assert Hold(first.after).of(0).known is None
    held = Hold(first.after, held=True).of(0).known
    assert held is not None and np.array_equal(held.statistics, known.statistics) and list(held.style) == ["numbers"]


def test_what_is_trusted_shows_through() -> None:
    pytest.importorskip("cv2")
    rng = np.random.default_rng(0)
    before, now = (rng.random((40, 60, 3)).astype(np.float32) for _ in range(2))
    trust = np.zeros((40, 60), np.float32)
    trust[:, 30:] = 1
    mixed = steady(Frame(now, before=Before(before, trust)), 0.75).pixels
    left, right = slice(0, 8), slice(45, 60)
    assert np.abs(mixed[:, left] - now[:, left]).max() < 1e-3

    def like(other: np.ndarray) -> float:
        return float(np.corrcoef(mixed[:, right].ravel(), other[:, right].ravel())[0, 1])

    assert like(before) > 0.8 > 0.5 > like(now)
    assert mixed[:, right].std() > 0.75 * now[:, right].std()  # a plain mean has 0.79 of its variance less than that


def test_contrast_is_given_back_not_added() -> None:
    pytest.importorskip("cv2")
    rng = np.random.default_rng(0)
    picture = rng.random((40, 60, 3)).astype(np.float32)
    assert np.abs(with_contrast(picture, contrast(picture)) - picture).max() < 1e-4
    assert np.abs(with_contrast(picture, contrast(picture * 0.5 + 0.25)) - picture).max() < 1e-5
    assert with_contrast(picture * 0.7 + 0.15, contrast(picture)).std() == pytest.approx(picture.std(), rel=0.06)


def test_the_first_frame_has_nothing_before_it() -> None:
    frame = Frame(np.zeros((8, 8, 3), np.float32), before=Before())
    assert steady(frame, 0.75) is frame
