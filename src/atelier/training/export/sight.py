"""What pocket sees, as a graph."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from atelier.training.export.graph import Graph, Tensors

GIVEN = ("conv3_1", "conv4_1")


def halve(graph: Graph, cells: str) -> str:
    """Cells (1, h + 2, w + 2, 48), without those around, at half the size, as `seen` is seen of it: (1, 3, 2h, 2w)."""
    mean = np.kron(np.eye(2), np.full((2, 1), 0.5))  # (4, 2): of four rows two
    mean = np.einsum("yr,xc,pq->yxprcq", mean, mean, np.eye(3)).reshape(48, 12)
    fewer = graph(
        "Slice", graph("MatMul", cells, graph.single(mean)), graph.constant([1, 1]), graph.constant([-1, -1]), graph.constant([1, 2])
    )
    return graph("DepthToSpace", graph("Transpose", fewer, perm=[0, 3, 1, 2]), blocksize=2, mode="DCR")


def look(graph: Graph, pocket: Tensors, x: str, layers: Sequence[str]) -> dict[str, str]:
    """What pocket sees at these layers of x (1, 3, H, W) in [0, 1], up to the deepest of them."""
    from atelier.perception.convention import LAYERS, MEAN

    x = graph("Mul", x, graph.single(255.0))
    x = graph("Sub", x, graph.constant(np.reshape(MEAN, (1, 3, 1, 1)), np.float32))
    x = graph("Pad", x, graph.constant([0, 0, 1, 1, 0, 0, 1, 1]), mode="edge")
    found: dict[str, str] = {}
    previous = LAYERS[0]
    for name in LAYERS:
        if name[4] != previous[4]:
            x = graph("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2])
        kernel = graph.packed(f"{name}.weight", pocket[f"{name}.weight"], pocket[f"{name}.scale"])
        bias = graph.weight(f"{name}.bias", pocket[f"{name}.bias"])
        x = graph("Relu", graph("Conv", x, kernel, bias, pads=[0 if name == LAYERS[0] else 1] * 4, kernel_shape=[3, 3]))
        previous = name
        if name in layers:
            found[name] = x
            if len(found) == len(layers):
                break
    return found
