"""What a perceptual network sees of pictures. torch is imported when somebody looks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from atelier.image.value import Pixels
from atelier.judging.distances import SAMPLES, choose_positions, relative_wasserstein, self_similarity_distance

GRAM_LAYERS = ("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1")
STROKE_LAYERS = GRAM_LAYERS[1:4]
"""Layers that see strokes, facets and curls."""
CONTENT_LAYER = "conv4_2"
HELD_OUT = ("conv1_2", "conv2_2", "conv3_3", "conv4_4")
"""Layers that no engine paints towards unless it is told to (the recipe inetwork paints towards all there are)."""
STRUCTURE_LAYERS = HELD_OUT[1:]
GRID = 32
"""Positions a side whose relations to each other are the structure of a picture."""

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Seen:
    """Of one picture. grams: layer -> (1, C, C), averaged over positions, in the metric. content: (1, C, h, w) at conv4_2.
    samples: held-out layer -> (n, C) at spread positions. columns: layer -> (GRID², C) on a regular grid."""

    grams: Mapping[str, Any]
    content: Any
    samples: Mapping[str, Floats]
    columns: Mapping[str, Floats]


class Eyes:
    """A network that looks at pictures, in float32 on the CPU, so that every machine says the same."""

    def __init__(self, name: str) -> None:
        """Load the network. Raises WeightsError where its weights are not to be had; ModuleNotFoundError without torch."""
        import torch

        from atelier.perception.network import Network

        self._network = Network.load(name, "cpu", torch.float32)

    def look(self, pixels: Pixels, seed: int) -> Seen:
        """Look at pixels (H, W, 3), at least 16 px a side."""
        import torch

        from atelier.losses import gram, in_metric
        from atelier.perception.network import activations

        with torch.inference_mode():
            batch = torch.tensor(pixels).permute(2, 0, 1)[None]
            # Zeros beyond the border, as the networks were trained and as everybody measures. `Network.see` repeats the border, which
            # paints better; measured so, errors come out a few per cent off.
            layers = (*GRAM_LAYERS, CONTENT_LAYER, *HELD_OUT)
            seen = activations(self._network.weights, batch * 255.0 - self._network.mean, layers)
            metric = self._network.metric
            grams = {name: in_metric(gram(seen[name]), metric.get(name), metric.get(name)) for name in GRAM_LAYERS}
            rng = np.random.default_rng(seed)
            samples, columns = {}, {}
            for name in HELD_OUT:
                maps = seen[name][0]
                height, width = maps.shape[1:]
                rows, across = choose_positions(height, width, SAMPLES, rng)
                samples[name] = maps[:, rows, across].T.contiguous().numpy()
                if name in STRUCTURE_LAYERS:
                    y, x = ((np.arange(GRID) + 0.5) * side // GRID for side in (height, width))
                    grid = maps[:, torch.tensor(y, dtype=torch.long)[:, None], torch.tensor(x, dtype=torch.long)]
                    columns[name] = grid.flatten(1).T.contiguous().numpy()
            return Seen(grams, seen[CONTENT_LAYER], samples, columns)

    def content_error(self, picture: Seen, content: Seen) -> float:
        """|R(F - P)|² / |RP|² at conv4_2, for pictures of one size."""
        import torch

        from atelier.losses import content_loss

        with torch.inference_mode():
            metric = self._network.metric.get(CONTENT_LAYER)
            whole = content_loss(content.content, torch.zeros_like(content.content), metric)
            return float(content_loss(picture.content, content.content, metric) / whole.clamp_min(1e-30))


def style_errors(picture: Seen, painting: Seen) -> dict[str, float]:
    """Layer -> |G - A|² / |A|² of Gram matrices G, A: what Gatys et al. 2016 minimise, relative to the painting."""
    errors = {}
    for name, wanted in painting.grams.items():
        difference = (picture.grams[name] - wanted).square().sum()
        errors[name] = float(difference / wanted.square().sum().clamp_min(1e-30))
    return errors


def strokes(errors: Mapping[str, float]) -> float:
    """Geometric mean of the errors at conv2_1, conv3_1, conv4_1. No layer drowns the others, as conv5_1 does in the arithmetic mean."""
    return float(np.exp(np.mean([np.log(max(errors[name], 1e-30)) for name in STROKE_LAYERS])))


def held_out_distance(picture: Seen, painting: Seen, seed: int) -> float:
    """Mean over the held-out layers of the `relative_wasserstein` distance of features."""
    return float(np.mean([relative_wasserstein(picture.samples[name], painting.samples[name], seed) for name in HELD_OUT]))


def structure_distance(picture: Seen, content: Seen) -> float:
    """`self_similarity_distance` of the columns through all structure layers, each first divided by its size in the content (which
    Kolkin et al. do not do), so that none outvotes the others."""
    sizes = {name: max(float(np.sqrt(np.mean(np.square(content.columns[name])))), 1e-12) for name in STRUCTURE_LAYERS}
    both = [np.concatenate([seen.columns[name] / sizes[name] for name in STRUCTURE_LAYERS], axis=1) for seen in (picture, content)]
    return self_similarity_distance(both[0], both[1])
