"""How a film is cut into stretches between frames that are painted."""

from __future__ import annotations

import numpy as np
import pytest

from atelier.media.films import Moment
from atelier.perception.motion import FAST
from atelier.run.film.stretches import is_torn, stretches
from filming import moving

pytest.importorskip("cv2")


def moments(frames: list[np.ndarray]) -> list[Moment]:  # type: ignore[type-arg]
    return [Moment(frame, at, at / 25) for at, frame in enumerate(frames)]


def test_what_moves_evenly_is_painted_now_and_then() -> None:
    found = list(stretches(moments(moving(13, (160, 120), (1, 0))), 6, FAST))
    assert [len(each.between) for each in found] == [0, 5, 5]
    assert [each.key.pts for each in found] == [0, 6, 12]


def test_a_stretch_that_would_be_torn_is_cut_in_two() -> None:
    frames = moving(9, (160, 120), (0, 0))
    rng = np.random.default_rng(0)
    for frame in frames:  # a part that nobody can follow
        frame[40:90, 50:110] = rng.integers(0, 255, (50, 60, 3))
    found = list(stretches(moments(frames), 8, FAST))
    assert len(found) == 9 and not any(is_torn(each) for stretch in found for each in stretch.between)
    assert [each.key.pts for each in found] == list(range(9))
