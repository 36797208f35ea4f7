"""Names of many photos' results."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atelier.media import name_results


@pytest.mark.parametrize(
    ("sources", "names"),
    [
        (["x/a.jpg", "x/b.png"], ["a", "b"]),
        (["x/a.jpg", "x/a.png", "x/b.png"], ["a-jpg", "a-png", "b"]),
        (["2023/a.jpg", "2024/a.jpg"], ["2023-a", "2024-a"]),
        (["A.jpg", "a.JPG"], ["A", "a-2"]),
        (["-", "https://x.org/a%20b.jpg?size=2"], ["picture", "a b"]),
        (["a.jpg", "a.png", "a-jpg.png"], ["a", "a-png", "a-jpg"]),
        (["a.jpg", "a.jpg", "a-2.jpg"], ["a", "a-3", "a-2"]),
        (["x/a", "y/a"], ["x-a", "y-a"]),
    ],
)
def test_names(sources: list[str], names: list[str]) -> None:
    assert name_results(sources) == names


@given(st.lists(st.from_regex(r"([ab]/)?[abA]{0,2}(-2)?(\.(jpg|png))?", fullmatch=True), max_size=12))
def test_no_two_are_alike(sources: list[str]) -> None:
    names = name_results(sources)
    assert len({name.casefold() for name in names}) == len(sources)
    assert all(names)
