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
        # With `--features vgg19`, pocket does the coarse scales and goes before, at a fraction of the time.
        warm_features="pocket",
        warm_iterations=40,
    ),
    # After 40 the loss is still above the plain way's after 300; pocket gains nothing by more.
    with_features={"vgg19": {"iterations": 80}},
)
