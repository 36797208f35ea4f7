"""Shapes carried from frame to frame of a film."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from atelier.engines.engine import Before, Frame
from atelier.engines.primitives.carry import carried, faded
from atelier.engines.primitives.drawing import Drawing, Mark
from atelier.engines.primitives.engine import DrawEngine
from atelier.image import Image
from atelier.request import DrawSettings

Paint = Callable[..., Image]
RED = (200, 30, 30)
STATES = {"circle": (20.0, 10.0, 4.0), "rotated-ellipse": (20.0, 10.0, 6.0, 3.0, 0.5), "triangle": (18.0, 8.0, 24.0, 9.0, 20.0, 14.0)}


def drawing(*marks: Mark) -> Drawing:
    return Drawing(40, 30, (80, 60), (9, 9, 9), marks)


def flow(dx: float, dy: float, size: tuple[int, int] = (80, 60)) -> np.ndarray:  # type: ignore[type-arg]
    """Where everything was that moved by so many px of this size."""
    return np.full((size[1], size[0], 2), (-dx, -dy), np.float32)


@pytest.mark.parametrize("shape", STATES)
def test_shapes_go_with_what_they_show_and_keep_their_form(shape: str) -> None:
    (mark,) = carried(drawing(Mark(shape, STATES[shape], RED, 0.5)), flow(6, -4))  # twice the drawing's size
    apart = np.array(mark.state) - STATES[shape]
    if shape == "triangle":
        assert apart == pytest.approx([3, -2] * 3)
    else:
        assert apart[:2] == pytest.approx([3, -2]) and not apart[2:].any()


def test_what_leaves_the_picture_is_left_out() -> None:
    both = drawing(Mark("circle", (38.0, 5.0, 2.0), RED, 1), Mark("circle", (5.0, 5.0, 2.0), RED, 1))
    assert [mark.state[0] for mark in carried(both, flow(10, 0))] == [10.0]


def test_those_fade_that_are_worth_next_to_nothing_and_few_at_a_time() -> None:
    assert faded([5.0, 0.1, 5.0, 5.0]) == [1]
    assert faded([5.0, 4.0, 6.0]) == []
    assert len(faded([1.0] * 60 + [0.0] * 40)) == 6


def test_a_drawing_goes_on_to_the_next_frame(picture: Paint) -> None:
    engine = DrawEngine(DrawSettings(count=12, work_size=32, climbs=2, tries=10, age=8, refine=1, workers=1))
    photo = picture(32, 24, 3)
    first = engine(Frame(photo.pixels))
    again = Drawing.of(first.arrays)
    assert (again.marks, again.background, again.about) == (first.marks, first.background, first.about)
    moved = Frame(np.roll(photo.pixels, 2, axis=1), before=Before(flow=flow(2, 0, (32, 24)), state=first.arrays))
    second = engine(moved)
    near = sum(any(abs(a.state[0] + 2 - b.state[0]) < 3 and a.shape == b.shape for b in second.marks) for a in first.marks)
    assert len(second.marks) == len(first.marks) and near >= 9
    assert second.score < 1.3 * first.score
    assert engine(moved).marks == second.marks
