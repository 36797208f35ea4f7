"""Models small enough to be known in closed form, made node by node."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

DYNAMIC = [1, 3, "height", "width"]


def node(kind: str, *names: str, **attributes: Any) -> onnx.NodeProto:
    """names: the inputs, and the output last."""
    return helper.make_node(kind, list(names[:-1]), [names[-1]], **attributes)


def build(
    nodes: Sequence[onnx.NodeProto],
    constants: Mapping[str, Any] | None = None,
    shape: Sequence[Any] | None = DYNAMIC,
    out_shape: Sequence[Any] | None = None,
    kind: int = TensorProto.FLOAT,
    out_kind: int | None = None,
    metadata: Mapping[str, str] | None = None,
) -> onnx.ModelProto:
    """x -> y. Sides of y are free unless out_shape says otherwise."""
    tensors = [numpy_helper.from_array(np.asarray(value), name) for name, value in (constants or {}).items()]
    free = out_shape if out_shape is not None else [None] * 4
    graph = helper.make_graph(
        list(nodes),
        "graph",
        [helper.make_tensor_value_info("x", kind, shape)],
        [helper.make_tensor_value_info("y", out_kind or kind, free)],
        tensors,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, dict(metadata or {}))
    return model


def affine(scale: float, offset: float, **more: Any) -> bytes:
    """y = scale x + offset."""
    constants = {"scale": np.float32(scale), "offset": np.float32(offset)}
    return build([node("Mul", "x", "scale", "m"), node("Add", "m", "offset", "y")], constants, **more).SerializeToString()


def conv(weight: np.ndarray, bias: Sequence[float] = (0, 0, 0), **more: Any) -> bytes:
    """y = weight * x + bias, with zeros around the picture."""
    pads = [weight.shape[-1] // 2] * 4
    constants = {"w": weight.astype(np.float32), "b": np.array(bias, np.float32)}
    return build([node("Conv", "x", "w", "b", "y", pads=pads)], constants, **more).SerializeToString()
