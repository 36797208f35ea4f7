"""The painter that ships: it takes any style beside the photo."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from atelier.engines.network.plan import Plan
from atelier.training.export.body import Body
from atelier.training.export.graph import Graph, Tensors
from atelier.training.export.manner import Asked, Manner
from atelier.training.export.reading import check_weights
from atelier.training.export.sight import GIVEN, halve, look


def painter_model(tensors: Tensors, plan: Plan, pocket: Tensors, metadata: Mapping[str, str]) -> bytes:
    """photo (1, H/4 + 2, W/4 + 2, 48) -> painted (1, H/2, W/2, 12), values in [0, 1], H and W multiples of 16. A photo comes in cells of
    4x4 px, with one more around it that repeats its neighbour, and the picture leaves in cells of 2x2; in each are red, green and
    blue place by place. So pixels, as they lie in memory, are laid out once on either side. Beside the photo:

    noise (1, C, H/8, W/8), standard normal; thumbnail (1, h/4 + 2, w/4 + 2, 48) and thumbnail_noise, likewise; known (1,), more
    than .5 where statistics (1, channels, 1, 2) are, scale and offset of every normalisation; numbers (1, N), the style;
    colours (1, 3, 4), matrix and offset that the photo's colours go through first; where the plan has `seen`, for pocket's
    conv3_1 and conv4_1 the matrix and offset that its features go through, map_conv3_1 (1, C, C + 1) and map_conv4_1.

    The normalisations' statistics are the thumbnail's, so that windows of one photo fit together without a seam. They are a second
    result, thumbnail_statistics: whoever gives it back, as known, needs no thumbnail from then on but one of 16 x 16 px, of anything.
    A third is thumbnail_painted (1, h/2, w/2, 12): what the picture's colours come to, and the picture of a photo that is its own
    thumbnail.
    tensors: the Painter's state. pocket: the tensors of pocket's file. Raises WeightsError for weights that are not the plan's.
    """
    check_weights(tensors, plan)
    graph = Graph()
    recolor = _color_map(graph)

    def painted(x: str, noise: str, manner: Manner) -> str:
        features = None
        if plan.seen:
            found = look(graph, pocket, halve(graph, x), GIVEN)
            first, second = (apply_map(graph, found[layer], f"map_{layer}", n) for layer, n in zip(GIVEN, plan.seen, strict=True))
            features = first, second
        recolored = graph("Clip", graph("Add", graph("MatMul", x, recolor[0]), recolor[1]), graph.single(0.0), graph.single(1.0))
        planes = graph("Transpose", recolored, perm=[0, 3, 1, 2])
        return Body(graph, tensors, plan, features, manner).paint(planes, noise)

    whole = Asked(graph, tensors, plan)
    small = painted("thumbnail", "thumbnail_noise", whole)
    picture = painted("photo", "noise", Asked(graph, tensors, plan, _statistics(graph, plan, whole)))
    graph("Transpose", picture, perm=[0, 2, 3, 1], name="painted")
    outputs: dict[str, list[Any]] = {
        "painted": [1, "painted_rows", "painted_columns", 12],
        "thumbnail_statistics": [1, plan.channels, 1, 2],
    }
    graph("Transpose", small, perm=[0, 2, 3, 1], name="thumbnail_painted")
    outputs["thumbnail_painted"] = [1, "small_rows", "small_columns", 12]
    # What the speed of whatever runs it is measured on: 256 px.
    example = _inputs(plan, [66, 66], [32, 32], [66, 66], [32, 32])
    names = ("rows", "columns"), ("noise_height", "noise_width"), ("thumbnail_rows", "thumbnail_columns")
    inputs = _inputs(plan, *names, ("thumbnail_noise_height", "thumbnail_noise_width"))
    notes = {"atelier.plan": plan.to_json(), "atelier.kind": "painter", "atelier.example": json.dumps(example)}
    return graph.model(inputs, outputs, {**metadata, **notes})


def _color_map(graph: Graph) -> tuple[str, str]:
    """Matrix (48, 48) and offset (48,) that bring the colours of a cell's 16 pixels where `colours` says."""
    same = graph("Transpose", graph.slice("colours", 0, 3, 2), perm=[0, 2, 1])  # (1, 3, 3)
    same = graph("Mul", graph.single(np.eye(16).reshape(16, 1, 16, 1)), graph.shaped(same, 1, 3, 1, 3))
    same = graph.shaped(same, 48, 48)
    return same, graph("Tile", graph.shaped(graph.slice("colours", 3, 4, 2), 3), graph.constant([16]))


def _statistics(graph: Graph, plan: Plan, whole: Asked) -> dict[str, tuple[str, str]]:
    """Scale and offset of every normalisation, (1, C, 1, 1) each: those given, where they are known, else the thumbnail's."""
    both = (graph("Concat", *(whole.known[name][which] for name in plan.norms), axis=1) for which in (0, 1))
    found = graph("Concat", *both, axis=3, name="thumbnail_statistics")
    taken = graph("Where", graph("Greater", "known", graph.single([0.5])), "statistics", found)
    statistics = {}
    for name, start in plan.starts.items():
        own = graph.slice(taken, start, start + plan.norms[name], 1)
        statistics[name] = graph.slice(own, 0, 1, 3), graph.slice(own, 1, 2, 3)
    return statistics


def _inputs(
    plan: Plan, photo: Sequence[Any], noise: Sequence[Any], thumbnail: Sequence[Any], thumbnail_noise: Sequence[Any]
) -> dict[str, list[Any]]:
    """Shapes of all inputs, where the sides of four of them are these."""
    maps = {f"map_{layer}": [1, channels, channels + 1] for layer, channels in zip(GIVEN, plan.seen, strict=False)}
    return {
        "photo": [1, *photo, 48], "noise": [1, plan.noise, *noise],
        "thumbnail": [1, *thumbnail, 48], "thumbnail_noise": [1, plan.noise, *thumbnail_noise],
        "known": [1], "statistics": [1, plan.channels, 1, 2], "numbers": [1, plan.numbers], "colours": [1, 3, 4], **maps,
    }  # fmt: skip


def apply_map(graph: Graph, x: str, matrix: str, channels: int) -> str:
    """A (1, C, C + 1) times the channels of x (1, C, H, W) and 1."""
    flat = graph.shaped(x, 1, channels, -1)
    product = graph("MatMul", graph.slice(matrix, 0, channels, 2), flat)
    return graph("Reshape", graph("Add", product, graph.slice(matrix, channels, channels + 1, 2)), graph("Shape", x))
