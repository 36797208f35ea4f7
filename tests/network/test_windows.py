"""Windows over pictures of any size."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atelier.engines.network.painter import from_cells, noise_of, to_cells
from atelier.engines.network.windows import Grid, reflected, split

SIDES = st.integers(1, 70)


@given(SIDES, SIDES, st.integers(0, 12), st.sampled_from([1, 4, 8, 16]), st.integers(0, 20), st.integers(0, 48))
@settings(max_examples=150, deadline=None)
def test_windows_cover_every_pixel_once_and_see_what_the_whole_has_there(
    width: int, height: int, margin: int, multiple: int, reach: int, side: int
) -> None:
    photo = np.random.default_rng(0).random((height, width, 3), np.float32)
    grid = Grid(width, height, margin, multiple, reach, side)
    w, h = grid.padded
    assert w % multiple == h % multiple == 0 and w >= width + 2 * margin and h >= height + 2 * margin
    whole = photo[reflected(-margin, h - margin, height)][:, reflected(-margin, w - margin, width)]
    asked: list[tuple[int, int, int, int]] = []

    def read(x: int, y: int, w: int, h: int) -> np.ndarray:
        asked.append((x, y, w, h))
        assert x >= 0 and y >= 0 and w >= 1 and h >= 1 and x + w <= width and y + h <= height
        return photo[y : y + h, x : x + w]

    painted = np.full((height, width, 3), np.nan, np.float32)
    for window in grid.windows():
        left, top, right, bottom = window.seen
        seen = grid.see(window, read)
        np.testing.assert_array_equal(seen, whole[top:bottom, left:right])
        assert all(v % multiple == 0 for v in window.seen)
        rows, columns, x, y = grid.inside(window)
        part = seen[rows, columns]
        if part.size:
            assert np.isnan(painted[y : y + part.shape[0], x : x + part.shape[1]]).all()
            painted[y : y + part.shape[0], x : x + part.shape[1]] = part
    np.testing.assert_array_equal(painted, photo)


def test_a_window_sees_as_far_as_it_reaches_unless_the_picture_ends() -> None:
    grid = Grid(400, 300, 16, 8, 20, 128)
    for window in grid.windows():
        w, h = grid.padded
        left, top, right, bottom = window.seen
        assert left == 0 or window.x - left >= 20
        assert top == 0 or window.y - top >= 20
        assert right == w or right - window.x - window.width >= 20
        assert bottom == h or bottom - window.y - window.height >= 20


def test_rows_of_windows_are_of_one_height() -> None:
    """What writes them out needs that."""
    grid = Grid(500, 333, 16, 8, 8, 100)
    heights: dict[int, set[int]] = {}
    for window in grid.windows():
        rows, _, _, y = grid.inside(window)
        heights.setdefault(y, set()).add(rows.stop - rows.start)
    assert all(len(each) == 1 for each in heights.values())


@pytest.mark.parametrize("length", [1, 2, 3, 7])
def test_reflection_is_numpys(length: int) -> None:
    line = np.arange(length)
    padded = np.pad(line, (5, 9), mode="reflect") if length > 1 else np.zeros(15)
    np.testing.assert_array_equal(line[reflected(-5, length + 9, length)], padded)


@given(st.integers(1, 5000), st.integers(8, 2000))
def test_pieces_are_about_even(length: int, side: int) -> None:
    length, side = 8 * length, side // 8 * 8
    pieces = split(length, side, 8)
    assert pieces[0][0] == 0 and pieces[-1][1] == length
    assert all(a[1] == b[0] for a, b in itertools.pairwise(pieces))
    sizes = [end - start for start, end in pieces]
    assert max(sizes) <= side + 8 and max(sizes) - min(sizes) <= 16 and min(sizes) > 0


def test_a_place_has_the_same_noise_whatever_part_of_whatever_picture_it_is_in() -> None:
    whole = noise_of(3, (0, 0, 1600, 1120), 5)
    assert whole.shape == (1, 3, 140, 200)
    assert abs(float(whole.mean())) < 0.02
    assert float(whole.std()) == pytest.approx(1, abs=0.02)
    for left, top, right, bottom in ((0, 0, 8, 8), (504, 496, 528, 1120), (520, 0, 1600, 520), (8, 1016, 1032, 1032)):
        part = noise_of(3, (left, top, right, bottom), 5)
        assert np.array_equal(part, whole[:, :, top // 8 : bottom // 8, left // 8 : right // 8])
    # no two places, channels or seeds have the same
    blocks = [whole[0, c, y : y + 64, x : x + 64] for c in range(3) for y in (0, 64) for x in (0, 64, 128)]
    blocks.append(noise_of(3, (0, 0, 512, 512), 6)[0, 0])
    assert all(abs(float((a * b).mean())) < 0.08 for a, b in itertools.combinations(blocks, 2))
    assert np.array_equal(noise_of(1, (0, 0, 8, 8), -3), noise_of(1, (0, 0, 8, 8), 2**64 - 3))


def test_pixels_lie_in_cells_row_by_row() -> None:
    pixels = np.random.default_rng(0).random((8, 12, 3), np.float32)
    cells = to_cells(pixels)
    assert cells.shape == (1, 4, 5, 48)
    np.testing.assert_array_equal(cells[0, 2, 3], pixels[4:8, 8:12].ravel())
    np.testing.assert_array_equal(cells[0], np.pad(cells[0, 1:-1, 1:-1], [(1, 1), (1, 1), (0, 0)], mode="edge"))
    small = np.stack([pixels[y : y + 2, x : x + 2].ravel() for y in range(0, 8, 2) for x in range(0, 12, 2)]).reshape(1, 4, 6, 12)
    np.testing.assert_array_equal(from_cells(small), pixels)
