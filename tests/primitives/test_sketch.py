"""What a shape is worth, against visiting every pixel; and drawing step by step."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atelier.engines.primitives.canvas import FOLDED, OPEN, Task, running_sums, squared_error, worth
from atelier.engines.primitives.climb import ANNEAL
from atelier.engines.primitives.drawing import Mark
from atelier.engines.primitives.shapes import SHAPES
from atelier.engines.primitives.sketch import Effort, Sketch, clear

QUICK = Effort(climbs=3, tries=20, age=15)


@pytest.fixture(scope="module")
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as threads:
        yield threads


def picture(height: int = 24, width: int = 32, seed: int = 0, opaque: bool = True) -> np.ndarray:
    """Premultiplied RGBA: a soft random picture."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width] / max(height, width)
    color = np.stack([np.sin(3 * x + i) * np.cos(2 * y - i) * 0.5 + 0.5 for i in range(3)], 2) + rng.normal(0, 0.05, (height, width, 3))
    alpha = np.ones((height, width)) if opaque else (x + y < 0.9).astype(float)
    return np.dstack([np.clip(color, 0, 1) * alpha[..., None], alpha]).astype(np.float32)


def sketch(pool: ThreadPoolExecutor, target: np.ndarray | None = None, alpha: float = 0.5, **more: object) -> Sketch:
    target = picture() if target is None else target
    told = {
        "weight": np.ones(target.shape[:2], np.float32), "background": (90, 120, 150), "alpha": alpha,
        "palette": np.zeros((0, 3), np.float32), "kinds": ["triangle"], "sizes": (2.0, 12.0), "seed": 3, **more,
    }  # fmt: skip
    return Sketch(target, pool=pool, **told)  # type: ignore[arg-type]


def brute(target: np.ndarray, below: np.ndarray, through: np.ndarray, above: np.ndarray, weight: np.ndarray, mask: np.ndarray,
          alpha: float) -> tuple[float, np.ndarray]:  # fmt: skip
    """The best colour by least squares over the covered pixels, and by how much the error changes with it: pixel by pixel."""
    t, c, u = (a[mask].astype(np.float64) for a in (target, below, above))
    T, w = through[mask].astype(np.float64), weight[mask].astype(np.float64)
    wanted = t[:, :3] - u[:, :3] - (T * (1 - alpha))[:, None] * c[:, :3]
    color = (w * T) @ wanted / (alpha * (w * T * T).sum())
    color = np.clip(color, 0, 1)
    ink = np.append(color, 1.0)
    before = t - u - T[:, None] * c
    after = t - u - T[:, None] * (c * (1 - alpha) + alpha * ink)
    return float((w[:, None] * (after**2 - before**2)).sum()), color


@given(seed=st.integers(0, 10_000), alpha=st.sampled_from([0.1, 0.5, 1.0]), open_=st.booleans())
@settings(max_examples=40, deadline=None)
def test_a_shape_is_worth_what_visiting_every_pixel_says(seed: int, alpha: float, open_: bool) -> None:
    rng = np.random.default_rng(seed)
    height, width = (int(n) for n in rng.integers(3, 20, 2))
    target, below = picture(height, width, seed, opaque=bool(seed % 2)), picture(height, width, seed + 1)
    through = rng.random((height, width)).astype(np.float32)
    above = picture(height, width, seed + 2) * (1 - through[..., None])
    weight = rng.random((height, width)).astype(np.float32) + 0.1
    sums = np.zeros((height, width + 1, OPEN if open_ else FOLDED), np.float32)
    running_sums(sums, target, below, through, above, weight, alpha, 0, height)
    rows = sorted(rng.choice(height, rng.integers(1, height + 1), replace=False))
    runs = np.array([(y, *sorted(rng.choice(width + 1, 2, replace=False))) for y in rows], np.int32)
    mask = np.zeros((height, width), bool)
    for y, a, b in runs:
        mask[y, a:b] = True
    task = Task(
        sums, 0, 0, np.array([alpha]), np.zeros((0, 3)), np.zeros((height, width + 1), np.float32), np.zeros(height + 1), 1.0, 2.0, 1.0,
        runs, np.empty(4),
    )  # fmt: skip
    found = worth(len(runs), task)
    wanted, color = brute(target, below, through, above, weight, mask, alpha)
    assert found == pytest.approx(wanted, abs=2e-4)
    assert np.allclose(task.color, [*color, alpha], atol=2e-3)


def test_outside_of_its_window_a_shape_is_worth_nothing() -> None:
    target = picture(8, 8)
    sums = np.zeros((4, 5, FOLDED), np.float32)
    ones = np.ones((4, 4), np.float32)
    running_sums(sums, target[2:6, 2:6].copy(), np.zeros((4, 4, 4), np.float32), ones, np.zeros((4, 4, 4), np.float32), ones, 0.5, 0, 4)

    def at(y: int, a: int, b: int) -> float:
        runs = np.array([(y, a, b)], np.int32)
        task = Task(
            sums, 2, 2, np.array([0.5]), np.zeros((0, 3)), np.zeros((8, 9), np.float32), np.zeros(9), 1.0, 2.0, 1.0, runs, np.empty(4)
        )
        return float(worth(1, task))

    assert at(2, 2, 6) < 0
    assert at(1, 2, 6) == at(6, 2, 6) == at(2, 1, 6) == at(2, 2, 7) == np.inf


def test_the_score_is_that_of_the_picture(pool: ThreadPoolExecutor) -> None:
    """Root mean square over RGBA of what is really there, drawn over by hand."""
    target = picture()
    one = sketch(pool, target)
    mark = Mark("rectangle", (4.0, 5.0, 20.0, 11.0), (200, 30, 60), 0.5)
    one.draw(mark)
    canvas = np.broadcast_to(np.array([90 / 255, 120 / 255, 150 / 255, 1.0]), target.shape).copy()
    canvas[5:11, 4:20] = canvas[5:11, 4:20] * 0.5 + 0.5 * np.array([200 / 255, 30 / 255, 60 / 255, 1.0])
    assert np.abs(one.canvas - canvas).max() < 1e-6
    assert one.score == pytest.approx(np.sqrt(((target - canvas) ** 2).mean()), rel=1e-5)


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_brings_the_picture_closer(pool: ThreadPoolExecutor, shape: str) -> None:
    one = sketch(pool, kinds=[shape])
    scores = [one.score]
    for _ in range(4):
        assert one.grow(QUICK, 1) == 1
        scores.append(one.score)
    assert scores == sorted(scores, reverse=True) and scores[-1] < 0.97 * scores[0]
    before = squared_error(one.target, one.canvas, one.weight)
    one.refine(15)
    # colours and corners are rounded for the file, which may cost a trifle
    assert squared_error(one.target, one.canvas, one.weight) <= before * 1.002


def test_what_is_kept_of_a_drawing_gives_the_same_picture(pool: ThreadPoolExecutor) -> None:
    one = sketch(pool)
    for _ in range(5):
        one.grow(QUICK, 1)
    one.refine(10)
    again = sketch(pool)
    for mark in one.marks:
        again.draw(mark)
    assert np.array_equal(one.canvas, again.canvas)


def test_the_same_drawing_with_any_number_of_workers() -> None:
    found = []
    for workers in (1, 3):
        with ThreadPoolExecutor(workers) as pool:
            one = sketch(pool, kinds=["triangle", "ellipse"])
            for _ in range(4):
                one.grow(QUICK, 4)
            one.refine(10)
            found.append(tuple(one.marks))
    assert found[0] == found[1]
    with ThreadPoolExecutor(2) as pool:
        other = sketch(pool, kinds=["triangle", "ellipse"], seed=4)
        other.grow(QUICK, 4)
        assert other.marks[0] != found[0][0]


def test_shapes_of_one_round_keep_clear_of_each_other(pool: ThreadPoolExecutor) -> None:
    target = np.full((24, 32, 4), 0.2, np.float32)
    target[..., 3] = 1
    for y in (3, 19):
        for x in (3, 15, 27):
            target[y - 2 : y + 3, x - 2 : x + 3, :3] = 0.9
    one = sketch(pool, target, kinds=["circle"], sizes=(1.0, 2.0), background=(51, 51, 51))
    many = one.grow(Effort(climbs=12, tries=10, age=10, together=0.0), 12)
    assert many > 1
    runs = [one.runs(mark) for mark in one.marks]
    for i, a in enumerate(runs):
        for b in runs[i + 1 :]:
            assert clear(a, b)
    assert len(one.marks) == many <= 12
    assert one.grow(Effort(climbs=12, tries=10, age=10, together=0.0), 1) <= 1


def test_a_palette_is_kept_to(pool: ThreadPoolExecutor) -> None:
    palette = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 1]], np.float32)
    one = sketch(pool, palette=palette)
    for _ in range(6):
        one.grow(QUICK, 1)
    one.refine(10)
    assert {mark.color for mark in one.marks} <= {(0, 0, 0), (255, 0, 0), (255, 255, 255)}


def test_each_shape_may_choose_its_own_opacity(pool: ThreadPoolExecutor) -> None:
    one = sketch(pool, alpha=0.0)
    for _ in range(8):
        one.grow(QUICK, 1)
    assert len({mark.opacity for mark in one.marks}) > 1
    assert one.score < sketch(pool).score


def test_weights_say_where_the_error_counts(pool: ThreadPoolExecutor) -> None:
    weight = np.full((24, 32), 0.01, np.float32)
    weight[:, 16:] = 2.0
    one = sketch(pool, weight=weight, sizes=(1.0, 4.0))
    for _ in range(10):
        one.grow(QUICK, 1)
    error = ((one.target - one.canvas) ** 2).sum(2)
    start = ((one.target - one.empty) ** 2).sum(2)
    assert error[:, 16:].sum() / start[:, 16:].sum() < error[:, :16].sum() / start[:, :16].sum()


def test_a_transparent_background_is_left_where_the_photo_is(pool: ThreadPoolExecutor) -> None:
    target = picture(opaque=False)
    one = sketch(pool, target, background=None, alpha=1.0)
    assert one.canvas.max() == 0
    for _ in range(10):
        one.grow(QUICK, 2)
    one.refine(20)
    outside = target[..., 3] == 0
    assert one.canvas[..., 3][~outside].mean() > 0.6
    assert one.canvas[..., 3][outside].mean() < 0.2


def test_annealing_finds_shapes_too(pool: ThreadPoolExecutor) -> None:
    one = sketch(pool)
    before = one.score
    assert one.grow(Effort(how=ANNEAL, climbs=2, tries=10, age=20), 1) == 1
    assert one.score < before


def test_a_sweep_that_is_stopped_leaves_a_whole_picture(pool: ThreadPoolExecutor) -> None:
    one = sketch(pool)
    for _ in range(6):
        one.grow(QUICK, 1)

    def stop(done: int) -> None:
        if done >= 3:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        one.refine(10, stop)
    again = sketch(pool)
    for mark in one.marks:
        again.draw(mark)
    assert np.array_equal(one.canvas, again.canvas)


def test_the_least_useful_shapes_are_dropped(pool: ThreadPoolExecutor) -> None:
    one = sketch(pool)
    for _ in range(9):
        one.grow(QUICK, 1)
    useless = Mark("circle", (3.0, 3.0, 1.0), tuple(round(float(c) * 255) for c in one.canvas[3, 3, :3]), 0.5)  # type: ignore[arg-type]
    one.draw(useless)
    one.refine(1)
    score = one.score
    marks = list(one.marks)
    one.drop(0.2)
    assert len(one.marks) == 8 and set(one.marks) < set(marks)
    assert score < one.score < score * 1.5
    one.become(marks, [0.0] * len(marks))
    assert one.score == score
