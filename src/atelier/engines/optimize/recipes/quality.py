"""The best picture we can make, whatever it takes."""

from atelier.engines.optimize.recipes import Recipe
from atelier.request import Settings

RECIPE = Recipe(
    name="quality",
    summary="VGG-19, many scales, many iterations, averaged: slow, and the best picture",
    source="ours; the schedule of scales after style-transfer-pytorch",
    settings=Settings(
        features="vgg19",
        optimizer="adam",
        rate=0.02,
        average=0.98,
        scale_step=1.41421356,
        smallest=128,
        coarse_iterations=120,
        iterations=200,
        tv_weight=0.0,
    ),
)
