"""The best picture a second buys."""

from atelier.engines.optimize.recipes import Recipe
from atelier.request import Settings

RECIPE = Recipe(
    name="default",
    summary="coarse to fine by L-BFGS from the recoloured photo: the best picture per second",
    source="ours; losses of Gatys et al. 2016, each relative to its target",
    settings=Settings(
        content_weight=0.05,
        coarse_iterations=40,
        iterations=40,
        # With `--features vgg19`, pocket does all but the last iterations, at a fraction of their time.
        warm_features="pocket",
        warm_iterations=40,
    ),
)
