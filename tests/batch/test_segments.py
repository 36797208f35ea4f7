"""Films cut at scene cuts: joined again they are what painting the whole makes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("av")
pytest.importorskip("cv2")
from atelier.batch import Here, Item, paint_all
from atelier.batch.segments import Segmented
from atelier.media.films import Span, open_film
from atelier.request import Outputs, Request, Style
from atelier.run.film.scenes import can_be_cut, find_segments
from filming import make_film, moving


def frames(path: Path) -> tuple[list[np.ndarray], list[int]]:
    film = open_film(str(path), Span())
    found = list(film.moments(film.size))  # type: ignore[union-attr]
    return [each.levels for each in found], [round(each.time * 1000) for each in found]


def test_segments_joined_are_the_film(tmp_path: Path, quick_networks: None) -> None:
    """Three scenes of 2.4 s at 5 frames a second, with sound."""
    first, third = moving(12), [255 - frame for frame in moving(12)]
    second = [np.roll(frame[::-1, :, ::-1], 1, 2) for frame in moving(12)]
    source = tmp_path / "clip.mp4"
    make_film(source, [*first, *second, *third], rate=5, sound=7.2)
    request = Request("stylize", str(source), (Style("udnie"),))
    segments = find_segments(request, 3)
    assert [round(each.begin, 2) for each in segments] == [0.0, 2.4, 4.8]
    assert len(find_segments(request, 1)) == 1
    assert not can_be_cut(Request("stylize", str(source), (Style("udnie", region="1"),), regions="auto"))

    item = Item(request, Outputs(str(tmp_path / "cut.mov"), codec="prores"), "digest")
    (outcome,) = paint_all([item], Segmented(Here(), 3))
    assert outcome.error is None and outcome.state == "done"
    (whole,) = paint_all([Item(request, Outputs(str(tmp_path / "whole.mov"), codec="prores"))], Here())
    assert whole.error is None
    cut, times = frames(tmp_path / "cut.mov")
    other, expected = frames(tmp_path / "whole.mov")
    assert times == expected and len(times) == 36
    differences = [np.abs(a.astype(int) - b.astype(int)).mean() for a, b in zip(cut, other, strict=True)]

    assert max(differences) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["clip.mp4", "cut.mov", "whole.mov"]
    import av

    with av.open(str(tmp_path / "cut.mov")) as container:
        assert len(container.streams.audio) == 1
