"""The painter's body as a graph."""

from __future__ import annotations

from dataclasses import dataclass

from onnx import TensorProto

from atelier.engines.network.plan import Plan
from atelier.training.export.graph import Graph, Tensors
from atelier.training.export.manner import Manner
from atelier.training.export.reading import swap_stem, turn_out


@dataclass(frozen=True)
class Body:
    """features: of the plan's `seen`, or None. manner: what the style does."""

    graph: Graph
    tensors: Tensors
    plan: Plan
    features: tuple[str, str] | None
    manner: Manner

    def paint(self, x: str, noise: str) -> str:
        """Recoloured cells x (N, 48, H/4 + 2, W/4 + 2), as `to_cells` of engines/network/painter.py has them, and noise, to the picture
        (N, 12, H/2, W/2), float32: in each cell 2x2 px, pixel by pixel and then colour by colour."""
        graph, plan, norm = self.graph, self.plan, self.manner.norm
        skip = graph("Relu", norm("stem", self._conv("stem", x)))  # (N, fine, H/4, W/4)
        coarse, fine = self._noise(noise)
        y = self._take(graph("Add", self._conv("down", skip, 2), self.manner.grain(coarse, False)), "down", 0)
        middle = graph("Relu", norm("down", y))  # (N, wide, H/8, W/8)
        y = self._take(self._conv("below", middle, 2), "below", 1)
        y = self._blocks("deep", plan.deep_blocks, self.manner.mix(graph("Relu", norm("below", y)), 0))  # (N, deep, H/16, W/16)
        y = graph("Conv", self.manner.mix(y, 1), self._weight("rise.weight", "convs.rise.weight"), kernel_shape=[1, 1])
        y = graph("Relu", graph("Add", self._double(norm("rise", y)), middle))
        y = self._double(self._blocks("wide", plan.blocks, y))
        y = graph("Relu", graph("Add", norm("up", graph("Add", self._conv("up", y), self.manner.grain(fine, True))), skip))
        y = self._blocks("fine", plan.fine_blocks, y)  # (N, fine, H/4, W/4)
        y = graph("Relu", norm("detail", graph("DepthToSpace", self._conv("detail", y), blocksize=2, mode="CRD")))
        last = (graph.weight(f"out.{each}", turn_out(self.tensors[f"out.{each}"], 3, 4)) for each in ("weight", "bias"))
        return self._end(graph("Conv", y, *last, pads=[1] * 4, kernel_shape=[3, 3]))

    def _weight(self, name: str, key: str) -> str:
        return self.graph.weight(name, self.tensors[key])

    def _conv(self, name: str, y: str, stride: int = 1) -> str:
        graph, weight = self.graph, self.tensors[f"convs.{name}.weight"]
        if name == "stem":
            weight = swap_stem(weight, 3, 16)
        edge = name not in ("up", "detail")
        if edge and name != "stem":
            y = graph("Pad", y, graph.constant([0, 0, 1, 1, 0, 0, 1, 1]), mode="edge")
        pads = [0 if edge else 1] * 4
        return graph("Conv", y, graph.weight(f"{name}.weight", weight), pads=pads, strides=[stride] * 2, kernel_shape=[3, 3])

    def _blocks(self, kind: str, count: int, y: str) -> str:
        """Residual blocks, all of a kind."""
        graph, norm = self.graph, self.manner.norm
        for i in range(count):
            z = graph("Relu", norm(f"{kind}{i}a", self._conv(f"{kind}{i}a", y)))
            y = graph("Add", y, norm(f"{kind}{i}b", self._conv(f"{kind}{i}b", z)))
        return y

    def _noise(self, noise: str) -> tuple[str, str]:
        """The noise of the wide channels, (N, wide, H/8, W/8), and of the fine ones, (N, fine, H/4, W/4)."""
        graph, half = self.graph, self.plan.noise // 2
        coarse = graph("Conv", graph.slice(noise, 0, half, 1), self._weight("noise.weight", "noise.weight"), kernel_shape=[1, 1])
        fine = graph("DepthToSpace", graph.slice(noise, half, 2 * half, 1), blocksize=2, mode="CRD")
        return coarse, graph("Conv", fine, self._weight("grain.weight", "grain.weight"), pads=[1] * 4, kernel_shape=[3, 3])

    def _take(self, y: str, name: str, feature: int) -> str:
        """y, and what the body takes of the features there, if anything."""
        if not self.features:
            return y
        weight = self._weight(f"seen.{name}.weight", f"seen.{name}.weight")
        return self.graph("Add", y, self.graph("Conv", self.features[feature], weight, pads=[1] * 4, kernel_shape=[3, 3]))

    def _double(self, y: str) -> str:
        """Twice as high and wide."""
        return self.graph("Resize", y, "", self.graph.single([1, 1, 2, 2]), mode="linear", coordinate_transformation_mode="half_pixel")

    def _end(self, y: str) -> str:
        """Values in [0, 1], float32."""
        graph = self.graph
        if graph.half:  # float16 has no more than 11 bits just under 1
            y = graph("Cast", y, to=TensorProto.FLOAT)
        if self.plan.output == "sigmoid":
            return graph("Sigmoid", y)
        if self.plan.output == "tanh":
            y = graph("Mul", graph("Tanh", y), graph.single(0.6))
        return graph("Clip", graph("Add", y, graph.single(0.5)), graph.single(0.0), graph.single(1.0))
