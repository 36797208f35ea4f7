"""A model in the making: nodes and constants.

Weights are float16 in the files, the many of a large kernel or matrix int8 with a scale for each of its outputs, and made float32
once, when a runtime loads them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

Tensors = Mapping[str, NDArray[Any]]
OPSET, IR = 17, 8
MANY = 2**16
"""Numbers from which on a kernel or matrix is int8 in the file."""


class Graph:
    """Nodes and constants of a model in the making; every call adds a node and gives the name of its result.

    half: whether `weight` and `real` are float16 for the nodes too.
    """

    def __init__(self, half: bool = False) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, onnx.TensorProto] = {}
        self.casts: dict[str, str] = {}
        self.half = half

    def __call__(self, kind: str, *inputs: str, name: str = "", **attributes: Any) -> str:
        result = name or f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [result], **attributes))
        return result

    def constant(self, value: Any, dtype: Any = np.int64) -> str:
        """A small constant, once however often it is asked for."""
        array = np.asarray(value, dtype)
        name = f"c_{array.dtype.name}_{'_'.join(map(str, array.shape))}_{array.tobytes().hex()}"
        if len(name) > 80:
            name = f"c_{len(self.constants)}"
        self.constants.setdefault(name, numpy_helper.from_array(array, name))
        return name

    def single(self, value: Any) -> str:
        """A small constant in float32."""
        return self.constant(value, np.float32)

    def double(self, value: Any) -> str:
        """A small constant in float64."""
        return self.constant(value, np.float64)

    def real(self, value: Any) -> str:
        """A small constant in the arithmetic of the network."""
        return self.constant(value, np.float16 if self.half else np.float32)

    def weight(self, name: str, array: NDArray[Any]) -> str:
        """A kernel, matrix or vector: `stored`, or int8 with a scale for each of its outputs where there are MANY."""
        if name in self.casts or array.size < MANY:
            return self.stored(name, array)
        scale = np.abs(array).max(axis=tuple(range(1, array.ndim))).astype(np.float32) / 127
        shape = (-1, *[1] * (array.ndim - 1))
        return self.packed(name, np.round(array / np.where(scale == 0, 1, scale).reshape(shape)).astype(np.int8), scale)

    def stored(self, name: str, array: NDArray[Any]) -> str:
        """float16 in the file, float32 for the nodes (but see `half`)."""
        if name not in self.casts:
            self.constants[name] = numpy_helper.from_array(np.ascontiguousarray(array, np.float16), name)
            self.casts[name] = name if self.half else self("Cast", name, to=TensorProto.FLOAT)
        return self.casts[name]

    def packed(self, name: str, array: NDArray[np.int8], scale: NDArray[Any]) -> str:
        """int8 with a scale for each of the first axis in the file, float32 for the nodes (but see `half`)."""
        if name not in self.casts:
            dtype = np.float16 if self.half else np.float32
            self.constants[name] = numpy_helper.from_array(np.ascontiguousarray(array, np.int8), name)
            shaped = np.asarray(scale, dtype).reshape(-1, *[1] * (array.ndim - 1))
            self.constants[f"{name}.scale"] = numpy_helper.from_array(shaped, f"{name}.scale")
            cast = self("Cast", name, to=TensorProto.FLOAT16 if self.half else TensorProto.FLOAT)
            self.casts[name] = self("Mul", cast, f"{name}.scale")
        return self.casts[name]

    def slice(self, x: str, start: int, end: int, axis: int) -> str:
        return self("Slice", x, self.constant([start]), self.constant([end]), self.constant([axis]))

    def shaped(self, x: str, *shape: int) -> str:
        return self("Reshape", x, self.constant(shape))

    def transposed(self, x: str) -> str:
        return self("Transpose", x, perm=[0, 2, 1])

    def model(
        self,
        inputs: dict[str, list[Any]],
        outputs: dict[str, list[Any]],
        metadata: Mapping[str, str],
        dtype: int = TensorProto.FLOAT,
    ) -> bytes:
        """The file, with those nodes that the outputs need. inputs, outputs: shapes by name, of that type."""
        needed, kept = set(outputs), []
        for node in reversed(self.nodes):
            if needed & set(node.output):
                needed.update(node.input)
                kept.append(node)
        taken, given = ([helper.make_tensor_value_info(n, dtype, shape) for n, shape in each.items()] for each in (inputs, outputs))
        constants = [each for name, each in self.constants.items() if name in needed]
        graph = helper.make_graph(kept[::-1], "atelier", taken, given, initializer=constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR, producer_name="atelier")
        helper.set_model_props(model, dict(metadata))
        onnx.checker.check_model(model)
        return bytes(model.SerializeToString())
