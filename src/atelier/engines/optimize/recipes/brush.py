"""The painting's own brush strokes, where they make sense."""

from atelier.engines.optimize.recipes import Recipe
from atelier.request import Settings

RECIPE = Recipe(
    name="brush",
    summary="every place painted after its like in the painting: sky as its sky, faces as its faces, stroke by stroke",
    source="ours; matching after Kolkin et al. 2022, arXiv:2203.13215, and Hertzmann et al. 2001",
    settings=Settings(
        match="semantic",
        style_layers={"conv1_1": 1.0, "conv2_1": 1.0, "conv3_1": 1.0, "conv4_1": 1.0},
        content_weight=0.16,
        coarse_iterations=40,
        iterations=40,
    ),
)
