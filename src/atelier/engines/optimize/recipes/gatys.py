"""Gatys, Ecker & Bethge 2016, "Image style transfer using convolutional neural networks", as published.

L_total = α·content + β·style + γ·TV at one scale, average pooling, L-BFGS from white noise (`--start photo` is the paper's
other start). The style layers weigh 1/5 each; α/β is 1e-3 in the paper, on a VGG-19 rescaled to unit mean activations, and TV
is the addition of its many reimplementations.
"""

from atelier.engines.optimize.recipes import Recipe
from atelier.request import STYLE_LAYERS, Settings

RECIPE = Recipe(
    name="gatys",
    summary="the paper's: VGG-19, one scale, average pooling, L-BFGS from white noise",
    source="Gatys, Ecker & Bethge, CVPR 2016",
    settings=Settings(
        features="vgg19",
        content_layers={"conv4_2": 1.0},
        style_layers=dict.fromkeys(STYLE_LAYERS, 0.2),
        content_weight=1.0,
        style_weight=1000.0,
        tv_weight=0.0,
        normalize="gatys",
        pooling="average",
        start="noise",
        optimizer="lbfgs",
        iterations=500,
        coarse_iterations=0,
    ),
)
