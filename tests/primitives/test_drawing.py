"""Drawings as JSON: there and back exactly, and nothing but SourceError for what is no drawing."""

from __future__ import annotations

import json
import math
import re
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from drawings import a_drawing
from hypothesis import given, settings
from hypothesis import strategies as st

from atelier.engines.primitives.drawing import FORMAT, LEAST_OPACITY, Drawing, Mark
from atelier.engines.primitives.render import render
from atelier.engines.primitives.shapes import SHAPES
from atelier.engines.primitives.vector import to_svg
from atelier.errors import SourceError

ALL = list(SHAPES)
GOOD = json.loads(a_drawing(ALL, 9, score=0.0625, about={"seed": 3}).to_json())


def changed(**fields: Any) -> str:
    return json.dumps({**GOOD, **fields})


def shape(**fields: Any) -> str:
    return changed(shapes=[{"shape": "circle", "at": [1, 2, 3], "colour": "#a0b1c2", "opacity": 0.5, **fields}])


# There and back --------------------------------------------------------------------------------------------------------


def test_there_and_back() -> None:
    for background in (None, (0, 0, 0), (255, 9, 12)):
        drawing = a_drawing(ALL, 30, background=background, size=(1234, 987), score=0.061, about={"name": "été \udcff", "n": [1, {}]})
        assert Drawing.from_json(drawing.to_json()) == drawing
    empty = Drawing(1, 1, (1, 1), None)
    assert Drawing.from_json(empty.to_json()) == empty
    assert math.isnan(Drawing.from_json(empty.to_json()).score)


lengths = st.floats(-1e7, 1e7)
sizes = st.floats(0, 1e7)


@st.composite
def marks(draw: st.DrawFn) -> Mark:
    name = draw(st.sampled_from(ALL))
    kind = SHAPES[name]
    state = tuple(draw(sizes if i in kind.sizes else lengths) for i in range(kind.parameters))
    color = draw(st.tuples(*[st.integers(0, 255)] * 3))
    return Mark(name, state, color, draw(st.floats(LEAST_OPACITY, 1)))


drawings = st.builds(
    Drawing,
    st.integers(1, 100_000),
    st.integers(1, 100_000),
    st.tuples(st.integers(1, 10_000_000), st.integers(1, 10_000_000)),
    st.none() | st.tuples(*[st.integers(0, 255)] * 3),
    st.lists(marks(), max_size=4).map(tuple),
)


@settings(deadline=None, max_examples=100)
@given(drawings)
def test_any_drawing_there_and_back_and_painted(drawing: Drawing) -> None:
    assert Drawing.from_json(drawing.to_json()) == drawing
    ElementTree.fromstring(to_svg(drawing))
    assert render(drawing, (9, 7)).size == (9, 7)


def test_a_line_a_shape_in_plain_ascii() -> None:
    lines = a_drawing(ALL, 9, about={"photo": "h\udcf6hle.jpg"}).to_json().splitlines()
    assert len(lines) == 11
    assert "".join(lines).isascii()
    assert json.loads(lines[1].rstrip(","))["shape"] == ALL[0]


# What is no drawing ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("text", "words"), [
    ("", "can be read"), ("[]", "no JSON object"), ("{}", "'format' is missing"), ("null", "no JSON object"),
    ('{"format": 1}', "its format is '1'"),
    (changed(format="svg"), "its format is 'svg'"), (changed(width=0), "width must be a whole number from 1"),
    (changed(height=2.5), "height must"), (changed(height=True), "height must"), (changed(width=10**9), "width must"),
    (changed(size=[1]), "two numbers"), (changed(size=[1, 2, 3]), "two numbers"), (changed(size=None), "can be read"),
    (changed(background=0), "can be read"), (changed(background=""), "can be read"), (changed(background=[1, 2]), "can be read"),
    (changed(background=[0, 0, 256]), "background must"), (changed(background=False), "can be read"), (changed(score="good"), "score must"),
    (changed(score=math.inf), "score must"), (changed(about=[1]), "'about'"), (changed(shapes=None), "must be a list"),
    (changed(version=2), "version is 2"),
    (changed(shapes={"a": 1}), "must be a list"), (changed(shapes="abc"), "must be a list"), (shape(opacity=1e-6), "opacity 1e-06"),
    (shape(shape="heart"), "no kind of shape 'heart'"),
    (shape(shape=["circle"]), "can be read"), (shape(at=[1, 2]), "told by 3 numbers"), (shape(at=[1, 2, 3, 4]), "told by 3 numbers"),
    (shape(at=[]), "told by 3 numbers"), (shape(at=[math.nan, 2, 3]), "finite"), (shape(at=[math.inf, 2, 3]), "finite"),
    (shape(at=[1e8, 2, 3]), "within ±10,000,000"), (shape(at=["1", 2, 3]), "finite"), (shape(at="123"), "finite"),
    (shape(at=7), "can be read"),
    (shape(at=[10**400, 2, 3]), "can be read"), (shape(at=[1, 2, -3]), "no size below 0"), (shape(opacity=0), "opacity 0 is not"),
    (shape(opacity=1.01), "opacity 1.01 is not"), (shape(opacity=math.nan), "finite"), (shape(opacity=True), "finite"),
    (shape(colour="#+1+2+3"), "#rrggbb"), (shape(colour="red"), "#rrggbb"), (shape(colour="#a0b1c2\n"), "#rrggbb"),
    (shape(colour=[1, 2, 3]), "#rrggbb"), (shape(colour="#١٢٣٤٥٦"), "#rrggbb"), ("[" * 100_000, "can be read"), ("9" * 5000, "can be read"),
])  # fmt: skip
def test_what_is_wrong_is_said(text: str, words: str) -> None:
    with pytest.raises(SourceError, match=re.escape(words)) as raised:
        Drawing.from_json(text)
    assert len(str(raised.value)) < 300
    assert "\n" not in str(raised.value)


def test_too_many_shapes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("atelier.engines.primitives.drawing.MOST_SHAPES", 8)
    with pytest.raises(SourceError, match="9 shapes are more than 8"):
        Drawing.from_json(json.dumps(GOOD))


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from([FORMAT, *ALL, "#000000"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from([*GOOD, *GOOD["shapes"][0], "x"]), inner, max_size=4),
    max_leaves=8,
)


def read(text: str) -> None:
    """Either it is a drawing in every respect, or SourceError."""
    try:
        drawing = Drawing.from_json(text)
    except SourceError:
        return
    assert Drawing.from_json(drawing.to_json()).marks == drawing.marks
    ElementTree.fromstring(to_svg(drawing))
    assert np.isfinite(render(drawing, (3, 2)).pixels).all()


@settings(deadline=None)
@given(st.text() | values.map(json.dumps))
def test_anything(text: str) -> None:
    read(text)


@settings(deadline=None, max_examples=300)
@given(st.sampled_from(list(GOOD)), values)
def test_anything_for_a_field(name: str, value: Any) -> None:
    read(changed(**{name: value}))


@settings(deadline=None, max_examples=300)
@given(st.sampled_from(list(GOOD["shapes"][0])), values, st.integers(0, 8))
def test_anything_for_a_field_of_a_shape(name: str, value: Any, index: int) -> None:
    read(changed(shapes=[{**GOOD["shapes"][index], name: value}]))


@settings(deadline=None, max_examples=100)
@given(st.integers(0, len(json.dumps(GOOD))), st.text(max_size=3))
def test_a_damaged_file(place: int, text: str) -> None:
    whole = json.dumps(GOOD)
    read(whole[:place])
    read(whole[:place] + text + whole[place + 1 :])
