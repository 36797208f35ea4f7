"""The best picture a second buys."""

from atelier.engines.optimize.recipes import Recipe
from atelier.request import Settings

RECIPE = Recipe(
    name="default",
    summary="coarse to fine by L-BFGS from the recoloured photo: the best picture per second",
    source="ours; losses of Gatys et al. 2016, each relative to its target",
    settings=Settings(),
)
