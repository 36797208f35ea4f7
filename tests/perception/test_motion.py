"""Motion between frames, on motion that is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from atelier.perception.motion import flow_between, look, motion_between, warp
from filming import moving

pytest.importorskip("cv2")
SHARED = Path(__import__("os").environ.get("ATELIER_SHARED", "shared"))
WIDE = (192, 128)


@pytest.mark.parametrize("method", ["fast", "medium", "farneback"])
def test_flow_finds_a_shift(method: str) -> None:
    one, two = (frame.mean(2).astype(np.uint8) for frame in moving(2, WIDE, (3, 2)))
    found = flow_between(two, one, method)  # what is now at p was at p + (3, 2)
    assert np.abs(np.median(found[16:-16, 16:-16], axis=(0, 1)) - (3, 2)).max() < 0.3


def test_warping_along_the_truth_gives_the_frame() -> None:
    one, two = moving(2, WIDE, (3, 2))
    flow = np.broadcast_to(np.array([3, 2], np.float32), (*two.shape[:2], 2))
    moved = warp(one.astype(np.float32), flow)
    assert np.abs(moved[:-4, :-4] - two[:-4, :-4]).max() < 1


def test_a_shift_is_trusted_but_for_what_comes_in() -> None:
    one, two = moving(2, WIDE, (6, 0))
    motion = motion_between(look(one), look(two))
    assert not motion.cut
    assert motion.trust[20:-20, 20:-20].mean() > 0.8
    assert motion.trust[20:-20, -3:].mean() < 0.3


def test_grain_on_what_stands_still_is_no_motion() -> None:
    rng = np.random.default_rng(0)
    gray = np.full((96, 128, 3), 110.0)
    one, two = (np.rint(gray + rng.normal(0, 2, gray.shape)).clip(0, 255).astype(np.uint8) for _ in range(2))
    motion = motion_between(look(one), look(two))
    assert np.abs(motion.flow).max() < 0.01 and motion.trust.mean() > 0.9


def test_light_that_changes_is_told_and_no_cut() -> None:
    one = (moving(1, WIDE)[0] * 0.6).astype(np.uint8)
    two = (one.astype(int) + 20).astype(np.uint8)
    motion = motion_between(look(one), look(two))
    assert not motion.cut and np.median(motion.light) == pytest.approx(20 / 255, abs=0.02)


def test_another_scene_is_a_cut() -> None:
    one = moving(1, WIDE)[0]
    two = np.zeros_like(one)
    two[::2, :, 2], two[40:90, 30:100, 0] = 200, 240
    motion = motion_between(look(one), look(two))
    assert motion.cut and motion.trust.max() == 0


def test_very_small_frames_are_taken_to_stand_still() -> None:
    one, two = moving(2, (20, 12))
    assert not motion_between(look(one), look(two)).flow.any()


def test_cuts_of_a_real_film() -> None:
    from atelier.media.films import open_film

    pytest.importorskip("av")
    if not (SHARED / "video/bikes_cuts.mp4").is_file():
        pytest.skip("the shared films are not here")
    cuts, seen = [], None
    for moment in open_film(str(SHARED / "video/bikes_cuts.mp4")).moments((320, 136)):
        now = look(moment.levels)
        if seen is not None and motion_between(seen, now).cut:
            cuts.append(round(moment.time, 2))
        seen = now
    assert cuts == [1.2, 3.04, 5.48, 7.48, 9.68]
