"""Every recipe paints; and says where it is from."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from atelier.engines.guide import Sample
from atelier.engines.optimize.engine import OptimizeEngine
from atelier.engines.optimize.kind import KIND
from atelier.engines.optimize.recipes import RECIPES, recipe
from atelier.errors import SettingError
from atelier.image import Image
from atelier.perception.network import layer_name
from atelier.progress import Progress
from atelier.request import Request, override
from calls import called

Paint = Callable[..., Image]


def test_recipes_go_by_name() -> None:
    assert {"default", "brush", "quality", "gatys", "inetwork"} <= set(RECIPES)
    for name, found in RECIPES.items():
        assert recipe(name) is found
        assert found.name == name
        assert found.summary
        assert found.source
        assert "\n" not in found.summary


def test_other_names_are_refused_with_those_there_are() -> None:
    with pytest.raises(SettingError) as caught:
        recipe("nope")
    assert "recipe nope" in str(caught.value)
    assert all(name in str(caught.value) for name in RECIPES)


@pytest.mark.parametrize("name", RECIPES)
def test_layers_exist(name: str) -> None:
    settings = recipe(name).settings
    for layer in (*settings.style_layers, *settings.content_layers):
        assert layer_name(layer) == layer


@pytest.mark.parametrize("name", RECIPES)
def test_paints(name: str, net: str, other_net: str, picture: Paint) -> None:
    """A few iterations of everything in it, at a size where everything happens."""
    settings = recipe(name).settings
    own = {"features": net, "precision": "float32", "smallest": 16, "iterations": 2}
    own |= {"warm_features": other_net, "warm_iterations": min(settings.warm_iterations, 2)} if settings.warm_features else {}
    own |= {"coarse_iterations": min(settings.coarse_iterations, 2)}
    photo = picture(48, 36, 1)
    heard: list[Progress] = []
    out = called(OptimizeEngine([Sample(picture(40, 52, 2))], override(settings, own), "cpu", 0))(photo, report=heard.append)
    assert out.size == photo.size
    assert heard[-1].step == heard[-1].of >= 2
    assert not any(progress.note for progress in heard)
    assert np.abs(out.pixels - photo.pixels).mean() > 1e-3


def test_gatys_is_the_papers() -> None:
    settings = recipe("gatys").settings
    assert settings.features == "vgg19"
    assert settings.content_layers == {"conv4_2": 1.0}
    assert settings.style_layers == dict.fromkeys(("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1"), 0.2)
    assert (settings.normalize, settings.pooling, settings.start, settings.optimizer) == ("gatys", "average", "noise", "lbfgs")
    assert settings.coarse_iterations == settings.tv_weight == settings.histogram_weight == settings.shift == 0
    assert not settings.chained


def test_inetwork_is_novak_and_nikulins() -> None:
    settings = recipe("inetwork").settings
    style, content = list(settings.style_layers.values()), list(settings.content_layers.values())
    assert len(style) == len(content) == 13
    assert style == pytest.approx([style[0] / 2**i for i in range(13)])
    assert content == pytest.approx([content[0] * 2**i for i in range(13)])
    assert settings.shift == 1
    assert settings.chained


def test_brush_goes_by_meaning_and_leaves_out_what_kolkin_leaves_out() -> None:
    settings = recipe("brush").settings
    assert settings.match == "semantic"
    assert settings.features == "pocket"
    assert "conv5_1" not in settings.style_layers
    assert all(found.settings.match == "statistics" for name, found in RECIPES.items() if name != "brush")


def test_recipes_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        recipe("default").settings.iterations = 1  # type: ignore[misc]


@pytest.mark.parametrize("given", [{"momentum": "nesterov"}, {"line_search": "armijo", "optimizer": "adam"}])
def test_momentum_and_line_search_are_of_gradient_descent_alone(given: dict[str, Any]) -> None:
    request = Request("stylize", "photo.png", engine="optimize", settings=given)
    with pytest.raises(SettingError, match="of plain gradient descent alone: give `optimizer` sgd"):
        KIND.refuse(request, KIND.settle(request))
    KIND.refuse(request, KIND.settle(dataclasses.replace(request, settings={**given, "optimizer": "sgd", "rate": 0.1})))
