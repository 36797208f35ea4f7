"""A frame of a film is painted from the painted frame before it, and held to that where it can be trusted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from atelier.engines.engine import Before, Frame
from atelier.engines.guide import Sample
from atelier.engines.optimize.engine import OptimizeEngine
from atelier.image import Image
from atelier.progress import Progress
from atelier.request import Settings

Paint = Callable[..., Image]
BUILD = {"content_weight": 1.0, "style_layers": {"conv1_1": 1.0, "conv3_1": 1.0}, "iterations": 6}


@pytest.fixture
def engine(plain: dict[str, Any], picture: Paint) -> Callable[..., OptimizeEngine]:
    return lambda **more: OptimizeEngine([Sample(picture(30, 34, 7))], Settings(**{**plain, **BUILD, **more}), "cpu", 0)


@pytest.fixture
def frame(picture: Paint) -> Callable[..., Frame]:
    """The next frame, with what was painted before; trusted so much on its left half, and not on its right."""

    def build(trust: float = 1.0) -> Frame:
        photo, before = picture(40, 32, 1), picture(40, 32, 5)
        plane = np.zeros((32, 40), np.float32)
        plane[:, :20] = trust
        return Frame(photo.pixels, before=Before(before.pixels, plane))

    return build


def moved(painted: Frame, frame: Frame, columns: slice) -> float:
    """How far what is painted is from the frame before."""
    assert frame.before is not None and frame.before.pixels is not None
    return float(np.abs(painted.pixels - frame.before.pixels)[:, columns].mean())


def test_it_begins_as_the_frame_before_where_that_is_trusted(engine: Callable[..., Any], frame: Callable[..., Frame]) -> None:
    at = frame()
    painted = engine(iterations=0, start="photo")(at)
    assert moved(painted, at, slice(0, 19)) < 1e-6
    assert np.abs(painted.pixels - at.pixels)[:, 20:].max() < 1e-6


def test_weight_holds_it_there_and_nowhere_else(engine: Callable[..., Any], frame: Callable[..., Frame]) -> None:
    at, distrusted = frame(), frame(0.0)
    free, held = engine(temporal_weight=0.0)(at), engine(temporal_weight=1e3)(at)
    assert moved(held, at, slice(0, 18)) < 0.3 * moved(free, at, slice(0, 18))
    assert np.array_equal(engine(temporal_weight=1e3)(distrusted).pixels, engine(temporal_weight=0.0)(distrusted).pixels)


def test_it_is_painted_at_the_full_size_alone_and_in_fewer_iterations(engine: Callable[..., Any], frame: Callable[..., Frame]) -> None:
    told: list[Progress] = []
    at = frame()
    engine(coarse_iterations=6)(at, told.append)
    assert {each.size for each in told} == {(40, 32)} and told[-1].of == 3
    assert all("temporal" in each.losses for each in told)
    told.clear()
    engine(coarse_iterations=6)(Frame(at.pixels, before=Before()), told.append)
    assert told[-1].of == 12 and not any("temporal" in each.losses for each in told)
