"""Published settings and our own, by name. A new recipe is one file here and one line below."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from atelier.errors import SettingError
from atelier.request import Settings, override


@dataclass(frozen=True)
class Recipe:
    """A name, one line for `atelier recipes`, where it is from, and the settings it stands for."""

    name: str
    summary: str
    source: str
    settings: Settings
    with_features: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """What else changes when it is used with another network, by the network's name; options that are given go before."""

    def settled(self, given: Mapping[str, Any]) -> Settings:
        """The settings for this choice of network."""
        return override(self.settings, self.with_features.get(str(given.get("features")), {}))


from atelier.engines.optimize.recipes import brush, default, gatys, inetwork, quality  # noqa: E402

RECIPES: dict[str, Recipe] = {module.RECIPE.name: module.RECIPE for module in (default, brush, quality, gatys, inetwork)}


def recipe(name: str) -> Recipe:
    """By name. Raises SettingError for one that does not exist."""
    if name not in RECIPES:
        raise SettingError("recipe", f"no recipe of that name: the recipes are {', '.join(RECIPES)}", name)
    return RECIPES[name]
