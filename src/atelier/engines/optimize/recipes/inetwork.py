"""Novak & Nikulin 2016, "Improving the neural algorithm of artistic style" (the paper behind the Keras "INetwork").

All convolution layers carry style, with weights 2^(D-d) falling with depth d; Grams are of activations shifted by -1;
each layer is correlated with the next instead of with itself. Content weights grow with depth, 2^d.

The popular Keras port departs from the paper in two places, and we follow the paper: it *subtracts* the losses of adjacent
layers where the paper correlates their features, and its last layer therefore enters with weight -1.
"""

from atelier.engines.optimize.recipes import Recipe
from atelier.request import Settings

LAYERS = (
    "conv1_1", "conv1_2", "conv2_1", "conv2_2", "conv3_1", "conv3_2", "conv3_3", "conv3_4",
    "conv4_1", "conv4_2", "conv4_3", "conv4_4", "conv5_1",
)  # fmt: skip
D = len(LAYERS)
STYLE = {layer: 2.0 ** (D - d) for d, layer in enumerate(LAYERS, 1)}
CONTENT = {layer: 2.0**d for d, layer in enumerate(LAYERS, 1)}

RECIPE = Recipe(
    name="inetwork",
    summary="all layers, shifted activations, chained correlations, geometric weights",
    source="Novak & Nikulin 2016, arXiv:1605.04603",
    settings=Settings(
        features="vgg19",
        content_layers={k: v / sum(CONTENT.values()) for k, v in CONTENT.items()},
        style_layers={k: v / sum(STYLE.values()) for k, v in STYLE.items()},
        content_weight=0.05,
        style_weight=1.0,
        normalize="relative",
        shift=1.0,
        chained=True,
        start="photo",
        optimizer="lbfgs",
        iterations=300,
        coarse_iterations=0,
    ),
)
