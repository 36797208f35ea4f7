"""A style code fitted to a painting before painting."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

import atelier
from atelier.engines.engine import Frame
from atelier.engines.guide import Sample
from atelier.engines.network.engine import InstantEngine, Models, see
from atelier.errors import Cancelled
from atelier.image import Image
from atelier.progress import Progress
from atelier.request import InstantSettings
from atelier.training import tune


@pytest.fixture(autouse=True)
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    torch.set_num_threads(1)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    clock = iter(range(10**6))
    monkeypatch.setattr(tune.time, "monotonic", lambda: next(clock) * 0.05)  # so that a second is ten steps, however slow the machine


def test_a_code_comes_nearer_and_is_kept(picture: Callable[..., Image]) -> None:
    photo, painting = picture(64, 48, 1), picture(64, 64, 2)
    code = see(Sample(painting), False, Models()).code
    losses: list[float] = []

    def keep(progress: Progress) -> None:
        losses.extend([progress.losses["style"]] if progress.losses else [])

    found, finished = tune.fit_code(painting, photo, code, "painter", 2.0, "cpu", report=keep)
    assert finished
    assert found.shape == code.shape
    assert losses[-1] < losses[0]
    key = tune.key_of(painting, code, "painter", 2.0)
    tune.remember(key, found)
    notes: list[str] = []
    again = tune.tune_code(painting, photo, code, "painter", 2.0, "cpu", report=lambda progress: notes.append(progress.note))
    np.testing.assert_array_equal(again, found)
    assert "before" in notes[0]
    assert tune.key_of(painting, code, "painter", 3.0) != key != tune.key_of(photo, code, "painter", 2.0)


def test_what_is_stopped_is_used_and_not_kept(picture: Callable[..., Image]) -> None:
    photo, painting = picture(64, 48, 1), picture(64, 64, 2)
    code = see(Sample(painting), False, Models()).code

    def stop(progress: Progress) -> None:
        if progress.step:
            raise Cancelled("stopped")

    found = tune.tune_code(painting, photo, code, "painter", 1000.0, "cpu", report=stop)
    assert np.isfinite(found).all()
    assert tune.recall(tune.key_of(painting, code, "painter", 1000.0)) is None


def test_pictures_are_painted_with_it(picture: Callable[..., Image]) -> None:
    photo, painting = picture(64, 48, 1), picture(64, 64, 2)
    plain = atelier.stylize(photo, painting)
    tuned = atelier.stylize(photo, painting, tune=1.0)
    assert np.abs(tuned.pixels - plain.pixels).max() > 1e-3
    with pytest.raises(atelier.AtelierError, match="model"):
        atelier.stylize(photo, model="x.onnx", tune=1.0)


def test_colors_of_a_fitted_code_are_left_alone(picture: Callable[..., Image]) -> None:
    photo, painting = picture(64, 48, 1), picture(64, 64, 2)
    code = see(Sample(painting), False, Models()).code
    read, fitted = Sample(painting), Sample(painting, code=code)
    assert (see(read, False, Models()).read, see(fitted, False, Models()).read) == (1.0, 0.0)
    pictures = [InstantEngine([each], InstantSettings())(Frame.of(photo)).pixels for each in (read, fitted)]
    assert np.abs(pictures[0] - pictures[1]).max() > 1e-3
    half = InstantEngine([read, fitted], InstantSettings())(Frame.of(photo)).pixels
    assert np.abs(half - pictures[0]).max() > 1e-4 < np.abs(half - pictures[1]).max()
