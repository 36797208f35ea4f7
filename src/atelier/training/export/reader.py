"""The reader of styles that ships."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from onnx import TensorProto

from atelier.engines.network.plan import EPSILON
from atelier.training.export.graph import Graph, Tensors
from atelier.training.export.sight import GIVEN, look


def reader_model(tensors: Tensors, pocket: Tensors, metadata: Mapping[str, str]) -> bytes:
    """painting (1, 3, H, W) in [0, 1], H and W at least 16 -> numbers (1, N); and half (1, 3, h, w), at least 8 each, the same at half
    its size -> mean (1, C) and covariance (1, C, C) of what pocket sees there at conv3_1 and conv4_1. The two do not touch
    each other: who wants one of them gives something small for the other.

    tensors: the Reader's state. pocket: the tensors of its file (int8 convolutions with scales, metrics).
    """
    graph = Graph()
    layers = [name.split(".")[1] for name in tensors if name.startswith("looks.")]
    found = look(graph, pocket, "painting", layers)
    outputs: dict[str, list[Any]] = {}
    for name, x in look(graph, pocket, "half", GIVEN).items():
        channels = len(pocket[f"{name}.bias"])
        _tell_moments(graph, name, x, channels)
        outputs |= {f"mean_{name}": [1, channels], f"covariance_{name}": [1, channels, channels]}
    x = graph("Concat", *(part for name in sorted(found) for part in _read_layer(graph, tensors, pocket, name, found[name])), axis=1)
    first = (graph.weight(f"hidden.0.{n}", tensors[f"hidden.0.{n}"]) for n in ("weight", "bias"))
    x = graph("LayerNormalization", x, *first, epsilon=EPSILON)
    for layer in ("hidden.1", "hidden.3", "numbers"):
        weight, bias = (graph.weight(f"{layer}.{n}", tensors[f"{layer}.{n}"]) for n in ("weight", "bias"))
        x = graph("Gemm", x, weight, bias, transB=1, **({"name": "numbers"} if layer == "numbers" else {}))
        if layer != "numbers":
            x = graph("Relu", x)
    return graph.model(
        {"painting": [1, 3, "height", "width"], "half": [1, 3, "half_height", "half_width"]},
        {"numbers": [1, len(tensors["numbers.bias"])], **outputs},
        {**metadata, "atelier.kind": "reader", "atelier.example": json.dumps({"painting": [1, 3, 256, 256], "half": [1, 3, 128, 128]})},
    )


def _correlate(graph: Graph, x: str, channels: int) -> tuple[str, str]:
    """Features (1, C, H, W) as (1, C, H·W), and their mean product (1, C, C)."""
    flat = graph.shaped(x, 1, channels, -1)
    positions = graph("Cast", graph("Gather", graph("Shape", flat), graph.constant([2])), to=TensorProto.FLOAT)
    return flat, graph("Div", graph("MatMul", flat, graph.transposed(flat)), positions)


def _tell_moments(graph: Graph, name: str, x: str, channels: int) -> None:
    """Give mean and covariance of features as outputs."""
    flat, matrix = _correlate(graph, x, channels)
    mean = graph("ReduceMean", flat, axes=[2], keepdims=1)
    graph("Sub", matrix, graph("MatMul", mean, graph.transposed(mean)), name=f"covariance_{name}")
    graph("Reshape", mean, graph.constant([1, channels]), name=f"mean_{name}")


def _read_layer(graph: Graph, tensors: Tensors, pocket: Tensors, name: str, x: str) -> tuple[str, str]:
    """What the reader takes of a layer: roots of the entries of a small Gram matrix, relative to its power, and the power's logarithm."""
    _, matrix = _correlate(graph, x, len(pocket[f"{name}.bias"]))
    metric = pocket[f"{name}.metric"].astype(np.float32)
    looked = tensors[f"looks.{name}.weight"].astype(np.float32) @ metric  # (k, C)
    k = len(looked)
    square = graph.weight(f"{name}.square", metric.T @ metric / len(metric))
    power = graph("ReduceSum", graph("Mul", matrix, square), graph.constant([1, 2]), keepdims=0)
    power = graph.shaped(power, 1, 1)
    left = graph.weight(f"{name}.look", looked)
    small = graph("MatMul", graph("MatMul", left, matrix), graph("Transpose", left, perm=[1, 0]))
    rows, columns = np.tril_indices(k)
    entries = graph("Div", graph("Gather", graph.shaped(small, 1, k * k), graph.constant(rows * k + columns), axis=1), power)
    return graph("Mul", graph("Sign", entries), graph("Sqrt", graph("Abs", entries))), graph("Log", power)
