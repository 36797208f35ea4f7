"""Painted films, judged by motion that is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from atelier.errors import SettingError
from atelier.judging.clip import fineness, judge_clip, spectrum, warping_error
from filming import make_film, moving

pytest.importorskip("av")
pytest.importorskip("cv2")


def test_what_moves_with_the_film_has_its_error_and_what_flickers_more(tmp_path: Path) -> None:
    frames = moving(14, (128, 96), (1, 0))
    source = make_film(tmp_path / "in.mp4", frames)
    rng = np.random.default_rng(0)
    noisy = [np.clip(frame + rng.normal(0, 25, frame.shape), 0, 255).astype(np.uint8) for frame in frames]
    same = judge_clip(str(make_film(tmp_path / "same.mp4", frames)), str(source))
    boils = judge_clip(str(make_film(tmp_path / "boils.mp4", noisy)), str(source))
    assert same.frames == 14 and same.warping_10 is not None and boils.warping_10 is not None
    assert same.warping_1 == pytest.approx(same.input_1, rel=0.05)
    assert boils.warping_1 > 5 * same.warping_1 and boils.warping_10 > same.warping_10
    assert boils.flicker[-1] > 5 * same.flicker[-1] and boils.detail > 5 * same.detail


def test_the_error_along_the_truth_is_nothing() -> None:
    one, two = (frame.astype(np.float32) / 255 for frame in moving(2, (96, 64), (3, 1)))
    flow = np.broadcast_to(np.array([-3, -1], np.float32), (64, 96, 2))
    inner = np.zeros((64, 96), bool)
    inner[4:, 4:] = True
    assert warping_error(one, two, flow, inner) < 1e-8
    assert warping_error(one, two, np.zeros_like(flow), inner) > 1e-4


def test_the_spectrum_finds_what_flickers() -> None:
    times = np.arange(64)
    slow, fast = (np.sin(2 * np.pi * rate * times)[:, None].repeat(3, 1).astype(np.float32) for rate in (0.05, 0.48))
    assert np.argmax(spectrum(slow)) <= 1 and np.argmax(spectrum(fast)) == 7


def test_fine_detail() -> None:
    rng = np.random.default_rng(0)
    noise = rng.random((32, 32, 3)).astype(np.float32)
    assert fineness(noise) > 20 * fineness(np.full((32, 32, 3), 0.5, np.float32) + noise * 0.1)


def test_one_frame_and_other_shapes(tmp_path: Path) -> None:
    frames = moving(3, (64, 48))
    source = str(make_film(tmp_path / "in.mp4", frames))
    with pytest.raises(SettingError, match="one frame"):
        judge_clip(str(make_film(tmp_path / "one.mp4", frames[:1])), source)
    with pytest.raises(SettingError, match="give what it was painted from"):
        judge_clip(str(make_film(tmp_path / "wide.mp4", moving(3, (96, 48)))), source)
