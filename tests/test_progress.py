"""Progress is data: it goes to JSON and back."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from atelier.progress import Progress

words = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)
sides = st.integers(1, 10**6)
progresses = st.builds(
    Progress,
    words,
    st.integers(0, 10**9),
    st.integers(0, 10**9),
    st.dictionaries(words, st.floats(allow_nan=False), max_size=4),
    note=words,
    subject=words,
    size=st.none() | st.tuples(sides, sides),
    engine=words,
    within=words,
)


@given(progresses)
@hypothesis_settings(deadline=None)
def test_progress_survives_json(progress: Progress) -> None:
    text = progress.to_json()
    assert "\n" not in text
    assert Progress.from_json(text) == progress
    json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))


def test_what_is_no_number_is_a_word() -> None:
    again = Progress.from_json(Progress("painting", losses={"style": math.nan, "content": -math.inf}).to_json())
    assert math.isnan(again.losses["style"]) and again.losses["content"] == -math.inf


def test_functions_stay_where_they_are() -> None:
    told = Progress("painting", 1, 2, preview=lambda: None, state=dict)  # type: ignore[arg-type,return-value]
    again = Progress.from_json(told.to_json())
    assert (again.preview, again.state, again.step, again.of) == (None, None, 1, 2)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "{}", '{"stage": 1}', "[" * 100_000])
def test_garbage_is_no_progress(text: str) -> None:
    with pytest.raises(ValueError):
        Progress.from_json(text)
