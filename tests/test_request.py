"""What is asked for: declared once, checked where it enters, the same after a round trip through a picture."""

from __future__ import annotations

import dataclasses
import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from atelier.errors import AtelierError, SettingError
from atelier.request import GROUPS, Request, Settings, Style, options, override, parse_layers
from atelier.request.options import current
from atelier.training.settings import StyleSettings

FIELDS = {each.name: each for each in dataclasses.fields(Settings)}
NUMBERS = [name for name, each in options(Settings).items() if each.kind in (int, float)]
CHOICES = [name for name, each in FIELDS.items() if each.metadata["choices"]]
LAYERS = [name for name in FIELDS if name.endswith("_layers")]

words = st.text(st.characters(exclude_categories=("Cs",)), max_size=30)
shares = st.floats(0, 1e6)
layers = st.dictionaries(st.sampled_from(["conv1_1", "conv4_2", "block3_conv1"]), st.floats(0, 100), min_size=1)
settings_given = st.fixed_dictionaries(
    {},
    optional={
        "features": words, "content_layers": layers, "style_layers": st.just("conv1_1,conv2_1=0.5"), "tv_weight": st.floats(0, 10),
        "chained": st.booleans(), "iterations": st.integers(0, 1000), "start": words, "pooling": st.sampled_from(["max", "l2"]),
    },
)  # fmt: skip
requests = st.builds(
    Request,
    st.sampled_from(["stylize", "texture", "reconstruct"]),
    st.none() | words,
    st.lists(st.builds(Style, words, shares), max_size=3).map(tuple),
    st.sampled_from(["default", "gatys"]),
    settings_given,
    st.none() | st.integers(1, 10_000),
    st.none() | st.tuples(st.integers(1, 999), st.integers(1, 999)),
    st.integers(0, 2**63),
    st.sampled_from(["auto", "cpu"]),
)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


# Options --------------------------------------------------------------------------------------------------------------


def test_every_option_is_declared_in_full() -> None:
    declared = options(Settings)
    assert set(declared) == set(FIELDS)
    for name, each in declared.items():
        kind = each.kind
        assert each.help and each.label and each.group in GROUPS, name
        assert kind in (str, int, float, bool), name
        default = getattr(Settings(), name)
        assert isinstance(default, dict if name in LAYERS else kind), name
        if kind in (int, float):
            assert each.low is not None, name
        if each.choices:
            assert default in each.choices, name


@pytest.mark.parametrize("name", NUMBERS)
def test_numbers_have_bounds(name: str) -> None:
    low, high = FIELDS[name].metadata["low"], FIELDS[name].metadata["high"]
    flag = name
    kind = options(Settings)[name].kind
    for good in (low, high):
        if good is not None:
            assert getattr(Settings(**{name: kind(good)}), name) == good
    bad = [low - 1, math.nan, math.inf, -math.inf, *([] if high is None else [high + 1])]
    for value in bad:
        with pytest.raises(SettingError, match=f"^{flag} .*: must be (at least|from|a whole number)"):
            Settings(**{name: value})


@pytest.mark.parametrize("name", CHOICES)
def test_choices_are_named(name: str) -> None:
    for choice in FIELDS[name].metadata["choices"]:
        assert getattr(Settings(**{name: choice}), name) == choice
    with pytest.raises(SettingError, match=f"{name} nonsense: choose from {FIELDS[name].metadata['choices'][0]}"):
        Settings(**{name: "nonsense"})


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("weight", [-1.0, math.nan, math.inf])
def test_layer_weights_have_bounds(name: str, weight: float) -> None:
    with pytest.raises(SettingError, match=r"layers .*: must be at least 0"):
        Settings(**{name: {"conv1_1": 1.0, "conv2_1": weight}})


@pytest.mark.parametrize("value", [None, "many", b"1", [1], {"conv1_1": "heavy"}, {"conv1_1": None}, object(), 1.5j])
def test_values_of_another_type_are_refused(value: Any) -> None:
    for name, kind in ((each.name, each.kind) for each in options(Settings).values()):
        if isinstance(value, str) and kind is str and name not in (*LAYERS, *CHOICES):
            continue  # free text
        with pytest.raises(SettingError, match=name):
            Settings(**{name: value})


def test_whole_numbers_are_whole() -> None:
    for name in (name for name in NUMBERS if options(Settings)[name].kind is int):
        with pytest.raises(SettingError, match=name):
            Settings(**{name: FIELDS[name].metadata["low"] + 0.5})
    assert Settings(content_weight=1).content_weight == 1  # but a whole number is a number


def test_defaults_are_not_shared() -> None:
    Settings().style_layers["conv1_1"] = 5  # type: ignore[index]
    assert Settings().style_layers["conv1_1"] == 1


# Layers ---------------------------------------------------------------------------------------------------------------


def test_layers_as_text() -> None:
    assert parse_layers("conv1_1,conv4_1=0.5") == {"conv1_1": 1.0, "conv4_1": 0.5}
    assert parse_layers(" conv1_1 = 2e-1 , block4_conv2 ,") == {"conv1_1": 0.2, "block4_conv2": 1.0}
    assert parse_layers({"conv1_1": 1}) == {"conv1_1": 1.0}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no layers given"), (" , ", "no layers given"), ("conv1_1=heavy", "'heavy' is not a number"),
        ("conv1_1,conv1_1=2", "conv1_1 is given twice"), ("conv1_1=1=2", "'1=2' is not a number"),
        ({"conv1_1": "heavy"}, "not a number"), ({"conv1_1": None}, "not a number"), (5, "layers"), (None, "layers"),
    ],
)  # fmt: skip
def test_layers_that_are_none(text: Any, why: str) -> None:
    with pytest.raises(SettingError, match=why):
        parse_layers(text)


def test_override() -> None:
    base = Settings()
    changed = override(base, {"iterations": 5, "style_layers": "conv1_1=2", "content_layers": {"conv2_1": 1}})
    assert (changed.iterations, changed.style_layers, changed.content_layers) == (5, {"conv1_1": 2.0}, {"conv2_1": 1.0})
    assert base == Settings()
    assert override(base, {}) == base
    with pytest.raises(SettingError) as caught:
        override(base, {"brightness": 1})
    assert "'brightness'" in str(caught.value)
    assert all(name in str(caught.value) for name in FIELDS)
    with pytest.raises(SettingError, match=r"`?iterations`? -1"):
        override(base, {"iterations": -1})


# Round trip -----------------------------------------------------------------------------------------------------------


@given(requests)
@hypothesis_settings(deadline=None, max_examples=150)
def test_a_request_survives_json(request: Request) -> None:
    text = request.to_json(version="1.2.3", seconds=4.5)
    assert "\n" not in text
    assert Request.from_json(text) == request
    assert json.loads(text)["version"] == "1.2.3"


@pytest.mark.parametrize(
    "text",
    [
        "", "{", "nonsense", "[]", "null", "5", '"text"', "{}", '{"task": "stylize"}', "[" * 100_000, '{"a":' * 100_000,
        '{"task": "stylize", "content": null, "styles": 5}', '{"task": "stylize", "content": null, "styles": [5]}',
        '{"task": "stylize", "content": null, "styles": [{"weight": 1}]}', '{"task": "stylize", "content": null, "canvas": 5}',
        '{"task": "stylize", "content": null, "styles": [{"source": "a", "colour": 1}]}', "9" * 10_000,
    ],
)  # fmt: skip
def test_garbage_is_no_request(text: str) -> None:
    with pytest.raises(SettingError, match="request"):
        Request.from_json(text)


@pytest.mark.parametrize(
    "change",
    [
        {"task": "wash"}, {"task": 1}, {"task": None}, {"content": 2}, {"content": ["a"]}, {"styles": "ab"}, {"styles": {"source": "a"}},
        {"styles": [{"source": 1}]}, {"styles": [{"source": "a", "weight": "x"}]}, {"styles": [{"source": "a", "weight": None}]},
        {"recipe": ["default"]}, {"recipe": None}, {"settings": []}, {"settings": None}, {"settings": "x"}, {"size": "big"}, {"size": 1.5},
        {"canvas": "ab"}, {"canvas": [1]}, {"canvas": [1, 2, 3]}, {"canvas": ["a", "b"]}, {"seed": "x"}, {"seed": None}, {"seed": 1.5},
        {"device": 1}, {"device": None},
    ],
)  # fmt: skip
def test_a_request_of_the_wrong_types_is_refused(change: dict[str, Any]) -> None:
    good = json.loads(Request("stylize", "a.png", (Style("b.png"),)).to_json())
    Request.from_json(json.dumps(good))
    with pytest.raises(SettingError, match="request"):
        Request.from_json(json.dumps({**good, **change}))


@given(st.sampled_from([each.name for each in dataclasses.fields(Request)]), anything)
@example("settings", {"iterations": "x"})
@example("settings", {"content_layers": 5})
@hypothesis_settings(deadline=None, max_examples=200)
def test_whatever_is_in_the_text_only_the_promised_error_comes(name: str, value: Any) -> None:
    """From the text to the settings: what a picture from a stranger goes through."""
    from atelier.run import settle

    good = json.loads(Request("stylize", "a.png", (Style("b.png"),)).to_json())
    try:
        settle(Request.from_json(json.dumps({**good, name: value})))
    except AtelierError as error:
        assert isinstance(error, SettingError)


@pytest.mark.parametrize("weight", [math.nan, math.inf, -math.inf, -0.5])
def test_styles_have_weights_that_are_numbers(weight: float) -> None:
    with pytest.raises(SettingError, match="weight"):
        Style("a.png", weight)


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("https://user:pass@host.org:8080/a.png?token=1#x", "https://host.org:8080/a.png"), ("http://host/a@b.png", "http://host/a@b.png"),
        ("https://token@host", "https://host"), ("https://host?key=1", "https://host"), ("HTTPS://u:p@ss@Host/x", "HTTPS://Host/x"),
        ("a?b=c@d.png", "a?b=c@d.png"), ("-", "-"), ("", ""), ("https://[::1]/x?y", "https://[::1]/x"),
    ],
)  # fmt: skip
def test_secrets_of_urls(source: str, shown: str) -> None:
    request = Request("stylize", source, (Style(source, 2.0),), settings={"start": source, "iterations": 3}).without_secrets()
    assert (request.content, request.styles) == (shown, (Style(shown, 2.0),))
    assert request.settings == {"start": shown, "iterations": 3}
    assert request.without_secrets() == request


def test_numbers_of_numpy_go_to_json() -> None:
    request = Request("texture", None, settings={"tv_weight": np.float32(0.5), "iterations": np.int64(7)}, size=np.int32(9))  # type: ignore[arg-type]
    again = Request.from_json(request.to_json())
    assert (again.settings, again.size) == ({"tv_weight": 0.5, "iterations": 7}, 9)


# Former names ---------------------------------------------------------------------------------------------------------


def test_former_names_and_values_are_known_for_ever() -> None:
    from atelier.run import settle

    old = {"optimiser": "adam", "normalise": "gatys", "start": "grey"}
    request = Request.from_json(json.dumps({"task": "stylize", "content": "a.png", "engine": "optimize", "settings": old}))
    assert dict(request.settings) == {"optimizer": "adam", "normalize": "gatys", "start": "grey"}
    full = settle(request)
    assert isinstance(full, Settings)
    assert (full.optimizer, full.normalize, full.start) == ("adam", "gatys", "gray")
    drawn = settle(Request("draw", "a.png", settings={"time": 2.0, "colours": 5}))
    assert (drawn.seconds, drawn.palette_size) == (2.0, 5)  # type: ignore[union-attr]
    assert current(StyleSettings, {"minutes": 2.0, "steps": 9}) == {"seconds": 120.0, "steps": 9}


def test_options_are_declared_for_requests_styles_and_outputs_too() -> None:
    from atelier.request import Outputs

    for kind in (Request, Style, Outputs):
        for name, each in options(kind).items():
            assert each.help and each.label and each.group in GROUPS, name


def test_schemas_hold_every_option() -> None:
    from atelier.run import json_schema, schema

    assert {"strength", "style_weight", "seed", "regions"} <= {each.name for each in schema("stylize")}
    assert "style_weight" not in {each.name for each in schema("stylize", "instant")}
    assert "temporal" in {each.name for each in schema("stylize")}
    for task in ("texture", "reconstruct", "draw"):
        assert not {"begin", "end", "fps", "temporal", "panorama", "regions", "effort"} & {each.name for each in schema(task)}
    for task in ("stylize", "texture", "reconstruct", "draw"):
        told = json.loads(json.dumps(json_schema(task)))
        assert told["properties"]["seed"]["type"] == "integer"
        assert all(each["description"] for name, each in told["properties"].items() if name != "styles")
    assert json_schema("stylize")["properties"]["engine"]["enum"] == ["auto", "instant", "optimize"]


@pytest.mark.parametrize(
    ("effort", "engine", "features"), [("fast", "instant", None), ("good", "optimize", "pocket"), ("best", "optimize", "vgg19")]
)
def test_effort_is_an_engine_and_a_recipe(effort: str, engine: str, features: str | None) -> None:
    from atelier.engines.table import choose, settle

    request = Request("stylize", "a.png", (Style("b.png"),), effort=effort)
    assert choose(request).name == engine
    assert getattr(settle(request), "features", None) == features
    assert Request.from_json(request.to_json()).effort == effort


@pytest.mark.parametrize("given", [{"engine": "optimize"}, {"recipe": "brush"}])
def test_effort_stands_alone(given: dict[str, str]) -> None:
    with pytest.raises(SettingError, match="effort"):
        Request("stylize", "a.png", (Style("b.png"),), effort="good", **given)
    with pytest.raises(SettingError, match="effort"):
        Request("stylize", "a.png", (Style("b.png"),), effort="much")
    with pytest.raises(SettingError, match="effort"):
        Request("draw", "a.png", effort="good")
