"""Flat backgrounds are found, and nothing else."""

from __future__ import annotations

import numpy as np
from specimens import photo

from atelier.image.flat import find_flat


def scene(noise: float = 0.0, background: tuple[float, float, float] = (1.0, 1.0, 1.0)) -> tuple[np.ndarray, np.ndarray]:
    """A textured disc before a plain background, and where that is."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:160, :200]
    disc = np.hypot(y - 80, x - 100) < 60
    texture = rng.random((160, 200, 3)) * 0.5 + 0.2
    picture = np.where(disc[..., None], texture, background) + rng.normal(0, noise, (160, 200, 3))
    return picture.clip(0, 1).astype(np.float32), ~disc


def test_a_background_is_found_to_its_edge() -> None:
    for noise, color in ((0.0, (1.0, 1.0, 1.0)), (0.003, (0.9, 0.85, 0.8)), (0.0, (0.1, 0.3, 0.6))):
        picture, wanted = scene(noise, color)
        found = find_flat(picture)
        assert found[~wanted].max() == 0
        assert (found[wanted] > 0.5).mean() > 0.9
        assert found[2, 2] == 1


def test_textures_and_gradients_are_no_background() -> None:
    rng = np.random.default_rng(1)
    assert find_flat(rng.random((64, 64, 3), dtype=np.float32)).max() == 0
    assert find_flat((photo(200, 300) / 255).astype(np.float32)).max() == 0


def test_small_patches_and_thin_lines_are_no_background() -> None:
    picture = np.random.default_rng(2).random((100, 100, 3)).astype(np.float32)
    picture[10:25, 10:25] = 0.5
    picture[40:43] = 0.9
    assert find_flat(picture).max() == 0


def test_a_picture_of_one_color_is_all_background() -> None:
    assert find_flat(np.full((40, 50, 3), 0.4, np.float32)).min() == 1


def test_a_shape_within_is_no_background() -> None:
    picture = np.ones((100, 120, 3), np.float32)
    picture[30:70, 40:80] = (0.8, 0.1, 0.1)
    found = find_flat(picture)
    assert found[32:68, 42:78].max() == 0
    assert found[5:20].min() == 1
