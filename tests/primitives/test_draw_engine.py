"""Photo in, drawing out: the engine through its settings."""

from __future__ import annotations

import dataclasses
import itertools
import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atelier.engines.primitives import layers
from atelier.engines.primitives.drawing import Drawing
from atelier.engines.primitives.engine import DrawEngine
from atelier.engines.primitives.saliency import saliency
from atelier.engines.primitives.shapes import SHAPES
from atelier.engines.primitives.sketch import Sketch
from atelier.errors import Cancelled, SettingError
from atelier.image import Image
from atelier.progress import Progress
from atelier.request import DrawSettings
from calls import called

QUICK = {"work_size": 32, "climbs": 2, "tries": 10, "age": 10, "smallest": 1.0, "largest": 12.0, "refine": 1}


def photo(width: int = 48, height: int = 32, alpha: bool = False) -> Image:
    y, x = np.mgrid[:height, :width] / max(width, height)
    pixels = np.stack([x, y, np.sin(9 * x) * 0.5 + 0.5], 2).astype(np.float32)
    return Image(pixels, alpha=((x - 0.5) ** 2 + (y - 0.3) ** 2 < 0.06).astype(np.float32) if alpha else None)


def draw(picture: Image | None = None, seed: int = 0, drawing: Drawing | None = None, **given: object) -> Drawing:
    return called(DrawEngine(DrawSettings(**{**QUICK, **given}), seed))(picture or photo(), state=drawing)  # type: ignore[arg-type]


def test_a_drawing_is_of_the_working_size_and_remembers_the_photos() -> None:
    drawing = draw(count=12)
    assert (drawing.width, drawing.height) == (32, 21) and drawing.size == (48, 32)
    assert len(drawing.marks) == 12 and {m.shape for m in drawing.marks} == {"triangle"} and {m.opacity for m in drawing.marks} == {0.5}
    assert drawing.score < draw(count=2).score
    mean = (photo().pixels.mean((0, 1)) * 255).round()
    assert drawing.background is not None and np.abs(np.array(drawing.background) - mean).max() <= 2


def test_same_seed_same_drawing_whatever_the_workers() -> None:
    one, three = (draw(count=10, workers=n, shape="ellipse,rectangle") for n in (1, 3))
    assert one == three
    assert draw(seed=1, count=10, shape="ellipse,rectangle").marks != one.marks


def test_all_shapes_or_some() -> None:
    assert {m.shape for m in draw(count=40, shape="all", refine=0).marks} > {"triangle"}
    assert {m.shape for m in draw(count=12, shape="Rotated_Ellipse, circle").marks} == {"rotated-ellipse", "circle"}
    for wrong, word in (("hexagon", "hexagon"), ("", "choose"), ("triangle,square", "square")):
        with pytest.raises(SettingError, match=word):
            draw(shape=wrong)


def test_the_seconds_begin_once_all_is_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """A first drawing has shapes in it, too."""
    grow, calls = Sketch.grow, 0

    def slow_at_first(self: Sketch, *given: Any) -> int:
        nonlocal calls
        calls += 1
        time.sleep(0.6 if calls == 1 else 0)
        return grow(self, *given)

    monkeypatch.setattr(Sketch, "grow", slow_at_first)
    assert len(draw(seconds=0.5).marks) > 5


def test_it_ends_at_a_score_or_a_time() -> None:
    reached = draw(until=0.1)
    assert reached.score <= 0.1 and len(draw(until=0.12).marks) < len(reached.marks)
    began = time.monotonic()
    timed = draw(seconds=0.5)
    assert 0.3 < time.monotonic() - began < 5 and len(timed.marks) > 10
    assert len(draw(seconds=30.0, count=5, until=0.5).marks) <= 5


def test_a_flat_photo_needs_no_shapes_and_ends() -> None:
    flat = Image(np.full((8, 8, 3), 100 / 255, np.float32))
    drawing = draw(flat, count=50)
    assert drawing.score < 1e-3


def test_background() -> None:
    assert draw(count=1, background="#102030").background == (16, 32, 48)
    assert draw(count=1, background="none").background is None
    assert draw(photo(alpha=True), count=1).background is None
    for wrong in ("blue", "#12345", "#zzzzzz"):
        with pytest.raises(SettingError, match="#rrggbb"):
            draw(background=wrong)


def test_transparent_parts_stay_so() -> None:
    from atelier.engines.primitives.render import render

    picture = photo(alpha=True)
    image = render(draw(picture, count=60, alpha=1.0), picture.size)
    assert image.alpha is not None and picture.alpha is not None
    inside = picture.alpha > 0
    assert image.alpha[inside].mean() > 0.8 and image.alpha[~inside].mean() < 0.15


def test_colors() -> None:
    few = draw(count=20, palette="#ff0000, #00ff00,#0000ff")
    assert {m.color for m in few.marks} <= {(255, 0, 0), (0, 255, 0), (0, 0, 255)}
    assert len({m.color for m in draw(count=30, palette_size=3).marks}) <= 3
    painting = Image(np.tile(np.array([[[0.9, 0.1, 0.1], [0.1, 0.1, 0.6]]], np.float32), (8, 4, 1)))
    drawing = called(DrawEngine(DrawSettings(**QUICK, count=20, palette_size=2), palette=painting))(photo())  # type: ignore[arg-type]
    for mark in drawing.marks:
        assert min(np.abs(np.array(mark.color) - c).max() for c in ((230, 26, 26), (26, 26, 153))) <= 3
    with pytest.raises(SettingError, match="#rrggbb"):
        draw(palette="#ff0000,red")


def test_density_draws_finer_where_it_is_white() -> None:
    rng = np.random.default_rng(0)
    noise = Image(rng.random((32, 48, 3), np.float32))
    mask = np.zeros((32, 48, 3), np.float32)
    mask[:, 24:] = 1
    drawing = called(DrawEngine(DrawSettings(**QUICK, count=40), density=Image(mask)))(noise)  # type: ignore[arg-type]
    x = np.array([np.mean(m.state[0::2]) for m in drawing.marks])
    assert (x > 16).mean() > 0.7


def test_saliency_finds_the_odd_one_out() -> None:
    pixels = np.full((60, 90, 3), 0.5, np.float32)
    pixels[::6] = 0.45
    pixels[20:30, 60:72] = (0.9, 0.2, 0.1)
    found = saliency(pixels)
    assert found.shape == (60, 90) and found.min() >= 0 and found.max() <= 1
    assert found[15:35, 55:77].mean() > 2 * found.mean()


def test_going_on_is_the_same_as_never_having_stopped() -> None:
    whole = draw(count=7, refine=0)

    def stop(progress: Progress) -> None:
        if progress.step >= 3:
            raise Cancelled

    half = called(DrawEngine(DrawSettings(**{**QUICK, "count": 7, "refine": 0})))(photo(), report=stop)  # type: ignore[arg-type]
    assert 3 <= len(half.marks) < 7
    resumed = draw(drawing=Drawing.from_json(half.to_json()), count=7, refine=0)
    assert resumed.marks == whole.marks
    with pytest.raises(SettingError, match="32x21"):
        draw(photo(20, 20), drawing=half)


def test_going_on_minds_what_it_goes_on_from() -> None:
    red = draw(count=5, background="#ff0000", refine=0)
    assert draw(drawing=red, count=6, refine=0).background == (255, 0, 0)
    notes: list[str] = []
    called(DrawEngine(DrawSettings(**{**QUICK, "count": 3})))(  # type: ignore[arg-type]
        Image(photo().pixels[::-1].copy()), state=red, report=lambda progress: notes.append(progress.note)
    )
    assert any("another photo" in note for note in notes) and any("already" in note for note in notes)
    for rounds in ("abc", None, -5, 1.5):
        edited = dataclasses.replace(red, about={"rounds": rounds})
        assert len(draw(drawing=edited, count=6, refine=0).marks) == 6
    with pytest.raises(SettingError, match="layers"):
        draw(drawing=red, method="layers")


def test_refining_what_was_gone_on_from_drops_the_least_useful() -> None:
    rough = draw(count=20, refine=0)
    refined = draw(drawing=rough, count=20, refine=1)
    assert refined.score < rough.score
    # the first and largest shapes are still there, though moved
    assert [m.shape for m in refined.marks[:1]] == [m.shape for m in rough.marks[:1]]
    assert np.abs(np.array(refined.marks[0].state) - np.array(rough.marks[0].state)).max() < 12


@pytest.mark.parametrize("seed", [-1, 2**70, np.int64(5)])
def test_any_whole_number_is_a_seed(seed: int) -> None:
    assert draw(seed=seed, count=2).marks == draw(seed=seed, count=2).marks
    with pytest.raises(SettingError, match="seed"):
        draw(seed="x")  # type: ignore[arg-type]


def test_progress_tells_shapes_and_score_and_shows_the_picture() -> None:
    seen: list[Progress] = []
    called(DrawEngine(DrawSettings(**QUICK, count=9)))(photo(), report=seen.append)  # type: ignore[arg-type]
    steps = [p.step for p in seen]
    assert steps == sorted(steps) and steps[-1] == seen[-1].of == 9
    assert seen[-1].losses["score"] < seen[0].losses["score"]
    assert seen[-1].preview is not None and seen[-1].preview().size == (48, 32)


@pytest.mark.parametrize("given", [{"until": 0.15}, {"until": 0.15, "count": 500}, {"method": "layers", "count": 500, "until": 0.2}])
def test_what_ends_before_its_count_has_all_its_steps(given: dict[str, Any]) -> None:
    seen: list[Progress] = []
    drawing = called(DrawEngine(DrawSettings(**{**QUICK, "count": 0, **given})))(photo(), report=seen.append)
    assert 0 < len(drawing.marks) < 500
    assert seen[-1].step == seen[-1].of > 0
    assert all(before.step <= after.step for before, after in itertools.pairwise(seen))


class TestLayers:
    """The source paper's way."""

    def test_the_maximum_falls_by_two_every_thirty_passes(self, monkeypatch: pytest.MonkeyPatch) -> None:
        asked: list[float] = []
        monkeypatch.setattr(layers, "attempt", lambda sketch, rng, smallest, maximum, alpha: asked.append(maximum) or False)
        draw(method="layers", smallest=4.0, largest=9.0)
        # 32 px wide: as many shapes a pass as fit side by side; 9, 7, 5, then the minimum itself
        assert asked == [9.0] * 3 * 30 + [7.0] * 4 * 30 + [5.0] * 6 * 30 + [4.0] * 8 * 30

    @pytest.mark.parametrize("shape", layers.KINDS)
    def test_shapes_are_kept_that_help(self, shape: str) -> None:
        scores: list[float] = []

        def watch(progress: Progress) -> None:
            scores.append(progress.losses["score"])

        drawing = called(DrawEngine(DrawSettings(**{**QUICK, "method": "layers", "shape": shape, "smallest": 3.0, "largest": 8.0})))(  # type: ignore[arg-type]
            photo(), report=watch
        )
        assert scores == sorted(scores, reverse=True) and scores[-1] < 0.8 * scores[0]
        assert {m.shape for m in drawing.marks} == {shape}

    def test_sizes_and_colors_are_the_papers(self) -> None:
        rng = np.random.default_rng(0)
        for _ in range(50):
            x, y, w, h = layers.placed("ellipse", 10.0, 12.0, rng, 3.0, 8.0)
            assert (x, y) == (10, 12) and 3 <= 2 * w <= 8 and 3 <= 2 * h <= 8
        drawing = draw(method="layers", shape="rectangle", smallest=2.0, largest=4.0, count=20, alpha=1.0)
        assert len(drawing.marks) == 20 and {m.opacity for m in drawing.marks} == {1.0}

    def test_other_shapes_are_refused(self) -> None:
        with pytest.raises(SettingError, match="circle"):
            draw(method="layers", shape="circle")


@given(width=st.integers(1, 9), height=st.integers(1, 9), gray=st.booleans(), alpha=st.booleans(), kind=st.sampled_from(sorted(SHAPES)))
@settings(max_examples=25, deadline=None)
def test_tiny_pictures_of_all_kinds(width: int, height: int, gray: bool, alpha: bool, kind: str) -> None:
    rng = np.random.default_rng(width * 10 + height)
    pixels = rng.random((height, width, 1 if gray else 3), np.float32)
    picture = Image(np.repeat(pixels, 3, 2) if gray else pixels, alpha=rng.random((height, width), np.float32) if alpha else None)
    drawing = draw(picture, count=3, shape=kind)
    assert (drawing.width, drawing.height) == (width, height) and np.isfinite(drawing.score)
    assert Drawing.from_json(drawing.to_json()).marks == drawing.marks


@pytest.mark.parametrize("given", [{"alpha": 1.5}, {"count": -1}, {"work_size": 0}, {"smallest": 9.0, "largest": 8.0}, {"method": "magic"}])
def test_settings_have_bounds(given: dict[str, object]) -> None:
    with pytest.raises(SettingError):
        DrawSettings(**given)  # type: ignore[arg-type]
