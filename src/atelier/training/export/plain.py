"""A painter with one style baked in: photo in, picture out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto

from atelier.engines.network.plan import Plan
from atelier.errors import SettingError, WeightsError
from atelier.image.moments import Moments
from atelier.training.export.body import Body
from atelier.training.export.colors import as_style
from atelier.training.export.extent import FixedExtent, OpenExtent
from atelier.training.export.graph import Graph, Tensors
from atelier.training.export.manner import Baked
from atelier.training.export.reading import check_weights

SMALLEST, LARGEST = 16, 8192
"""What sides may be fixed to, px."""


def plain_model(
    tensors: Tensors,
    plan: Plan,
    numbers: NDArray[Any],
    colors: Moments,
    *,
    size: tuple[int, int] | None = None,
    half: bool = False,
    half_ends: bool = False,
    seed: int = 0,
    metadata: Mapping[str, str] | None = None,
) -> bytes:
    """photo (N, 3, H, W) -> picture (N, 3, H, W), sRGB in [0, 1], painted in one style; there is nothing else to give.

    The photo's own colours are given the style's mean and covariance (`linear_map` by `transport`, stretched at most 4 times),
    and it is reflected 16 px beyond its borders and to multiples of 16, all within the model, for each of N pictures alone.

    tensors, plan: a painter, as `read_painter` gives it, whose plan has no `seen`. numbers: (N,), the style. colours: the
    style's, in sRGB. size: (width, height) from 16 to 8192 px; the model then takes one picture of that size alone, all its
    shapes are static, and its noise is what `InstantEngine` has for that size and seed. Without: any size from 1 px (not
    useful under 16), and noise that repeats every 31 thousand px. half: arithmetic in float16, but for the colours and the last step;
    half_ends: photo and picture are float16 too. metadata: written as it is.

    The same picture as InstantEngine's at strength 1, but for rounding, where the noise is the same and the long side at most
    384 px; above, InstantEngine takes statistics from the photo shrunk to that, and this from the photo itself.

    Raises WeightsError for weights or numbers that are not the plan's, SettingError for what cannot be exported this way.
    """
    numbers = np.asarray(numbers, np.float32)
    _check(tensors, plan, numbers, size, half, half_ends)
    graph = Graph(half)
    photo = graph("Cast", "photo", to=TensorProto.FLOAT) if half_ends else "photo"
    extent = FixedExtent(graph, size) if size else OpenExtent(graph, photo)
    recolored = extent.padded(as_style(graph, photo, extent, colors))
    noise = extent.noise(plan.noise, seed)
    if half:
        recolored = graph("Cast", recolored, to=TensorProto.FLOAT16)
    cells = graph("Pad", graph("SpaceToDepth", recolored, blocksize=4), graph.constant([0, 0, 1, 1, 0, 0, 1, 1]), mode="edge")
    picture = Body(graph, tensors, plan, None, Baked(graph, tensors, plan, numbers)).paint(cells, noise)
    picture = extent.cropped(graph("DepthToSpace", picture, blocksize=2, mode="DCR"))
    if half_ends:
        graph("Cast", picture, to=TensorProto.FLOAT16, name="picture")
    else:
        graph("Identity", picture, name="picture")
    shape: list[Any] = [1, 3, size[1], size[0]] if size else ["batch", 3, "height", "width"]
    contract = {"kind": "plain", "layout": "nchw", "order": "rgb", "range": "0..1", "output_range": "0..1", "multiple": "1"}
    return graph.model(
        {"photo": shape},
        {"picture": shape},
        {**(metadata or {}), **{f"atelier.{name}": value for name, value in contract.items()}},
        TensorProto.FLOAT16 if half_ends else TensorProto.FLOAT,
    )


def _check(tensors: Tensors, plan: Plan, numbers: NDArray[np.float32], size: tuple[int, int] | None, half: bool, half_ends: bool) -> None:
    """Raise WeightsError or SettingError for what cannot be exported as a plain model."""
    check_weights(tensors, plan)
    if numbers.shape != (plan.numbers,):
        raise WeightsError(f"the style is {numbers.size} numbers and the painter takes {plan.numbers}: it was trained for another")
    if plan.seen:
        raise SettingError(
            "styles", "this painter compares features of photo and painting: only one for styles by name can be exported with its style"
        )
    if size and not all(SMALLEST <= side <= LARGEST for side in size):
        raise SettingError("size", f"sides must be from {SMALLEST} to {LARGEST} px", f"{size[0]}x{size[1]}")
    if half_ends and not half:
        raise SettingError("half_ends", "`half_ends` is for `half` alone")
