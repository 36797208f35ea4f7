"""Weights and plan out of the files that were written here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, numpy_helper

from atelier.engines.network.plan import Plan
from atelier.errors import WeightsError
from atelier.training.export.graph import Tensors


def read_painter(model: bytes) -> tuple[dict[str, NDArray[np.float32]], Plan]:
    """Of a model as `painter_model` writes it: the weights, by the names of a Painter's state, and the plan.

    Raises WeightsError for what is no such model, or is damaged.
    """
    opened = open_network(model, "painter")
    if [each.name for each in opened.graph.output][:1] != ["painted"]:
        raise WeightsError("this painter was written by another version of atelier: train it, or get it, anew")
    plan = Plan.from_json({each.key: each.value for each in opened.metadata_props}.get("atelier.plan", ""))
    stored = {each.name: each for each in opened.graph.initializer}
    tensors = {name: read_weight("painter", stored, name.removeprefix("convs."), shape) for name, shape in plan.shapes.items()}
    tensors["convs.stem.weight"] = swap_stem(tensors["convs.stem.weight"], 16, 3)
    tensors |= {name: turn_out(tensors[name], 4, 3) for name in ("out.weight", "out.bias")}
    return tensors, plan


def read_reader(model: bytes, pocket: Tensors) -> dict[str, NDArray[np.float32]]:
    """Of a model as `reader_model` writes it: the weights, by the names of a Reader's state.

    pocket: the tensors of its file, as the model was made with: it holds products with pocket's metrics, and the factor that is given
    back is one that has the same product. Raises WeightsError for what is no such model, or is damaged, or does not fit pocket.
    """
    stored = {each.name: each for each in open_network(model, "reader").graph.initializer}
    tensors: dict[str, NDArray[np.float32]] = {}
    inputs = 0
    for name in sorted(name.removesuffix(".look") for name in stored if name.endswith(".look")):
        metric = pocket[f"{name}.metric"].astype(np.float64) if f"{name}.metric" in pocket else np.zeros((0, 0))
        looked = read_weight("reader", stored, f"{name}.look", (*stored[f"{name}.look"].dims[:1], metric.shape[1]))
        tensors[f"looks.{name}.weight"] = (looked @ np.linalg.pinv(metric)).astype(np.float32)
        inputs += len(looked) * (len(looked) + 1) // 2 + 1
    tensors |= {f"hidden.0.{each}": read_weight("reader", stored, f"hidden.0.{each}", (inputs,)) for each in ("weight", "bias")}
    for layer in ("hidden.1", "hidden.3", "numbers"):
        bias = stored.get(f"{layer}.bias")
        outputs = bias.dims[0] if bias is not None and bias.dims else 0
        tensors[f"{layer}.weight"] = read_weight("reader", stored, f"{layer}.weight", (outputs, inputs))
        tensors[f"{layer}.bias"] = read_weight("reader", stored, f"{layer}.bias", (outputs,))
        inputs = outputs
    return tensors


def read_weight(kind: str, stored: Mapping[str, onnx.TensorProto], name: str, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """A tensor of a network's file, however `Graph.weight` put it there. Raises WeightsError."""
    kept = stored.get(name)
    if kept is None or tuple(kept.dims) != shape or kept.data_location == TensorProto.EXTERNAL:
        raise WeightsError(f"the {kind}'s model lacks {name} of {' x '.join(map(str, shape))}: get the file anew")
    try:
        tensor = numpy_helper.to_array(kept).astype(np.float32)
        if kept.data_type == TensorProto.INT8:
            tensor *= numpy_helper.to_array(stored[f"{name}.scale"]).astype(np.float32).reshape(-1, *[1] * (len(shape) - 1))
    except (ValueError, TypeError, KeyError) as error:
        raise WeightsError(f"the {kind}'s model has {name} damaged: get the file anew") from error
    return tensor


def open_network(model: bytes, kind: str) -> onnx.ModelProto:
    """A painter's or a reader's file. Raises WeightsError for what is none of that kind."""
    try:
        opened = onnx.load_model_from_string(model)
    except Exception as error:  # protobuf's own, which is no part of its interface
        raise WeightsError(f"the {kind}'s model is no ONNX file, or is damaged or cut short: get it anew") from error
    if {"key": "atelier.kind", "value": kind} not in [{"key": each.key, "value": each.value} for each in opened.metadata_props]:
        raise WeightsError(f"this ONNX file is no {kind} of atelier's: there are no weights to take from it")
    return opened


def check_weights(tensors: Tensors, plan: Plan) -> None:
    """Raise WeightsError for tensors that are not what the plan says."""
    for name, shape in plan.shapes.items():
        if name not in tensors or tensors[name].shape != shape:
            has = " x ".join(map(str, tensors[name].shape)) if name in tensors else "none"
            raise WeightsError(f"weights and plan do not go together: {name} should be {' x '.join(map(str, shape))}, is {has}")


def swap_stem(stem: NDArray[Any], first: int, second: int) -> NDArray[Any]:
    """The first convolution for the other way of folding 4x4 pixels into channels: torch's pixel_unshuffle counts colours
    first (3, 16), SpaceToDepth places first (16, 3)."""
    count = len(stem)
    return stem.reshape(count, first, second, 3, 3).transpose(0, 2, 1, 3, 4).reshape(count, first * second, 3, 3)


def turn_out(last: NDArray[Any], first: int, second: int) -> NDArray[Any]:
    """The last convolution's weight or bias for the other way of laying its channels out as 2x2 pixels: torch's pixel_shuffle counts
    colours first (3, 4), here come places first (4, 3)."""
    return last.reshape(first, second, *last.shape[1:]).swapaxes(0, 1).reshape(last.shape)
