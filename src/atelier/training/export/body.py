"""The painter as a graph: the body, and what a style does within it."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto

from atelier.engines.network.plan import EPSILON, Plan
from atelier.training.export.graph import Graph, Tensors
from atelier.training.export.reading import swap_stem, turn_out


class Manner(Protocol):
    """What a style does within the body, each a node or a few: y (N, C, H, W) in, as much out."""

    def normed(self, name: str, y: str) -> str:
        """Normalised, and given the style's scale and offset."""

    def mixed(self, y: str, which: int) -> str:
        """y + U Vᵀ y over the channels, with the first or second pair of factors."""

    def grained(self, y: str, fine: bool) -> str:
        """Each channel of the noise as strong as the style wants it: of that at 1/4 of the resolution, or else at 1/8."""


class Asked:
    """A style whose numbers (1, N) are the model's input. statistics: of the normalisations, as `known` has them after a
    body was built with none given, which takes them from its own picture."""

    def __init__(self, graph: Graph, tensors: Tensors, plan: Plan, known: dict[str, tuple[str, str]] | None = None) -> None:
        self.graph, self.tensors, self.plan = graph, tensors, plan
        self.given, self.known = known is not None, known or {}

    def numbers(self, start: int, *shape: int) -> str:
        return self.graph.shaped(self.graph.slice("numbers", start, start + int(np.prod(shape)), 1), *shape)

    def normed(self, name: str, y: str) -> str:
        graph = self.graph
        if not self.given:
            self.known[name] = self.affine(name, y)
        scale, offset = self.known[name]
        return graph("Add", graph("Mul", y, scale), offset)

    def affine(self, name: str, y: str) -> tuple[str, str]:
        graph, width, start = self.graph, self.plan.norms[name], self.plan.starts[name]
        if self.plan.norm == "instance":
            mean = graph("ReduceMean", y, axes=[2, 3], keepdims=1)
            centred = graph("Sub", y, mean)
            variance = graph("ReduceMean", graph("Mul", centred, centred), axes=[2, 3], keepdims=1)
        else:
            stored = (graph.weight(f"{kind}_{name}", self.tensors[f"{kind}_{name}"]) for kind in ("mean", "variance"))
            mean, variance = (graph.shaped(each, 1, width, 1, 1) for each in stored)
        deviation = graph("Sqrt", graph("Add", variance, graph.single(EPSILON)))
        gamma, beta = self.numbers(start, 1, width, 1, 1), self.numbers(self.plan.channels + start, 1, width, 1, 1)
        scale = graph("Div", graph("Add", gamma, graph.single(1.0)), deviation)
        return scale, graph("Sub", beta, graph("Mul", mean, scale))

    def mixed(self, y: str, which: int) -> str:
        graph, deep, rank = self.graph, self.plan.deep, self.plan.rank
        start = 2 * self.plan.channels + which * 2 * deep * rank
        u, v = self.numbers(start, 1, deep, rank), self.numbers(start + deep * rank, 1, deep, rank)
        more = graph("MatMul", u, graph("MatMul", graph.transposed(v), graph.shaped(y, 1, deep, -1)))
        return graph("Add", y, graph("Reshape", more, graph("Shape", y)))

    def grained(self, y: str, fine: bool) -> str:
        plan = self.plan
        start, width = (plan.numbers - plan.fine, plan.fine) if fine else (plan.numbers - plan.fine - plan.wide, plan.wide)
        return self.graph("Mul", y, self.numbers(start, 1, width, 1, 1))


class Baked:
    """A style whose numbers (N,) are constants of the model. Statistics are each picture's own."""

    def __init__(self, graph: Graph, tensors: Tensors, plan: Plan, numbers: NDArray[Any]) -> None:
        self.graph, self.tensors, self.plan = graph, tensors, plan
        channels, fine, gains = plan.channels, plan.fine, plan.gains
        edges = np.cumsum(list(plan.norms.values()))[:-1]
        self.gammas = dict(zip(plan.norms, np.split(numbers[:channels], edges), strict=True))
        self.betas = dict(zip(plan.norms, np.split(numbers[channels : 2 * channels], edges), strict=True))
        self.factors = numbers[2 * channels : -gains].reshape(2, 2, plan.deep, plan.rank)
        self.gains = {False: numbers[-gains:-fine], True: numbers[-fine:]}

    def normed(self, name: str, y: str) -> str:
        graph, scale, offset = self.graph, 1 + self.gammas[name], self.betas[name]
        if self.plan.norm == "instance":  # one node, whose sums runtimes keep in float32 whatever the arithmetic
            return graph("InstanceNormalization", y, graph.real(scale), graph.real(offset), epsilon=EPSILON)
        mean, variance = (np.asarray(self.tensors[f"{kind}_{name}"], np.float32) for kind in ("mean", "variance"))
        scale = scale / np.sqrt(variance + EPSILON)
        shape = (1, -1, 1, 1)
        return graph("Add", graph("Mul", y, graph.real(scale.reshape(shape))), graph.real((offset - mean * scale).reshape(shape)))

    def mixed(self, y: str, which: int) -> str:
        graph, (u, v) = self.graph, self.factors[which]
        less = graph("Conv", y, graph.weight(f"factor{which}v.weight", v.T[:, :, None, None]), kernel_shape=[1, 1])
        return graph("Add", y, graph("Conv", less, graph.weight(f"factor{which}u.weight", u[:, :, None, None]), kernel_shape=[1, 1]))

    def grained(self, y: str, fine: bool) -> str:
        return self.graph("Mul", y, self.graph.real(self.gains[fine].reshape(1, -1, 1, 1)))


def body(graph: Graph, tensors: Tensors, plan: Plan, x: str, noise: str, features: tuple[str, str] | None, manner: Manner) -> str:
    """The painter over recoloured cells x (N, 48, H/4 + 2, W/4 + 2), as `to_cells` of engines/network/painter.py has them, noise, and
    features of the plan's `seen`: the picture (N, 12, H/2, W/2), float32, 2x2 px a place, places first and then colours."""

    def conv(name: str, y: str, stride: int = 1) -> str:
        weight = tensors[f"convs.{name}.weight"]
        if name == "stem":
            weight = swap_stem(weight, 3, 16)
        edge = name not in ("up", "detail")
        if edge and name != "stem":
            y = graph("Pad", y, graph.constant([0, 0, 1, 1, 0, 0, 1, 1]), mode="edge")
        pads = [0 if edge else 1] * 4
        return graph("Conv", y, graph.weight(f"{name}.weight", weight), pads=pads, strides=[stride] * 2, kernel_shape=[3, 3])

    def taken(y: str, name: str, feature: int) -> str:
        """y, and what the body takes of the features at this place, if anything."""
        if not features:
            return y
        weight = graph.weight(f"seen.{name}.weight", tensors[f"seen.{name}.weight"])
        return graph("Add", y, graph("Conv", features[feature], weight, pads=[1] * 4, kernel_shape=[3, 3]))

    def blocks(kind: str, count: int, y: str) -> str:
        for i in range(count):
            z = graph("Relu", manner.normed(f"{kind}{i}a", conv(f"{kind}{i}a", y)))
            y = graph("Add", y, manner.normed(f"{kind}{i}b", conv(f"{kind}{i}b", z)))
        return y

    def doubled(y: str) -> str:
        return graph("Resize", y, "", graph.single([1, 1, 2, 2]), mode="linear", coordinate_transformation_mode="half_pixel")

    skip = graph("Relu", manner.normed("stem", conv("stem", x)))
    half = plan.noise // 2
    coarse = graph("Conv", graph.slice(noise, 0, half, 1), graph.weight("noise.weight", tensors["noise.weight"]), kernel_shape=[1, 1])
    fine = graph("DepthToSpace", graph.slice(noise, half, 2 * half, 1), blocksize=2, mode="CRD")
    fine = graph("Conv", fine, graph.weight("grain.weight", tensors["grain.weight"]), pads=[1] * 4, kernel_shape=[3, 3])
    y = taken(graph("Add", conv("down", skip, 2), manner.grained(coarse, False)), "down", 0)
    middle = graph("Relu", manner.normed("down", y))
    y = taken(conv("below", middle, 2), "below", 1)
    y = blocks("deep", plan.deep_blocks, manner.mixed(graph("Relu", manner.normed("below", y)), 0))
    y = graph("Conv", manner.mixed(y, 1), graph.weight("rise.weight", tensors["convs.rise.weight"]), kernel_shape=[1, 1])
    y = graph("Relu", graph("Add", doubled(manner.normed("rise", y)), middle))
    y = doubled(blocks("wide", plan.blocks, y))
    y = graph("Relu", graph("Add", manner.normed("up", graph("Add", conv("up", y), manner.grained(fine, True))), skip))
    y = blocks("fine", plan.fine_blocks, y)
    y = graph("Relu", manner.normed("detail", graph("DepthToSpace", conv("detail", y), blocksize=2, mode="CRD")))
    last = (graph.weight(f"out.{each}", turn_out(tensors[f"out.{each}"], 3, 4)) for each in ("weight", "bias"))
    y = graph("Conv", y, *last, pads=[1] * 4, kernel_shape=[3, 3])
    if graph.half:  # float16 has no more than 11 bits just under 1
        y = graph("Cast", y, to=TensorProto.FLOAT)
    match plan.output:
        case "sigmoid":
            return graph("Sigmoid", y)
        case "tanh":
            y = graph("Add", graph("Mul", graph("Tanh", y), graph.single(0.6)), graph.single(0.5))
        case _:
            y = graph("Add", y, graph.single(0.5))
    return graph("Clip", y, graph.single(0.0), graph.single(1.0))
