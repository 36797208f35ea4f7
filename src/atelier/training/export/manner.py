"""What a style does within the painter's graph: its numbers are the model's input, or constants of it."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from atelier.engines.network.plan import EPSILON, Plan
from atelier.training.export.graph import Graph, Tensors


class Manner(Protocol):
    """What a style does within the body, each a node or a few: y (N, C, H, W) in, as much out."""

    def norm(self, name: str, y: str) -> str:
        """Normalised, and given the style's scale and offset."""

    def mix(self, y: str, which: int) -> str:
        """y + U Vᵀ y over the channels, with the first or second pair of factors."""

    def grain(self, y: str, fine: bool) -> str:
        """Each channel of the noise as strong as the style wants it: of that at 1/4 of the resolution, or else at 1/8."""


class Asked:
    """A style whose numbers (1, N) are the model's input. statistics: of the normalisations, as `known` has them after a
    body was built with none given, which takes them from its own picture."""

    def __init__(self, graph: Graph, tensors: Tensors, plan: Plan, known: dict[str, tuple[str, str]] | None = None) -> None:
        self.graph, self.tensors, self.plan = graph, tensors, plan
        self.given, self.known = known is not None, known or {}

    def numbers(self, start: int, *shape: int) -> str:
        return self.graph.shaped(self.graph.slice("numbers", start, start + int(np.prod(shape)), 1), *shape)

    def norm(self, name: str, y: str) -> str:
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

    def mix(self, y: str, which: int) -> str:
        graph, deep, rank = self.graph, self.plan.deep, self.plan.rank
        start = 2 * self.plan.channels + which * 2 * deep * rank
        u, v = self.numbers(start, 1, deep, rank), self.numbers(start + deep * rank, 1, deep, rank)
        more = graph("MatMul", u, graph("MatMul", graph.transposed(v), graph.shaped(y, 1, deep, -1)))
        return graph("Add", y, graph("Reshape", more, graph("Shape", y)))

    def grain(self, y: str, fine: bool) -> str:
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

    def norm(self, name: str, y: str) -> str:
        graph, scale, offset = self.graph, 1 + self.gammas[name], self.betas[name]
        if self.plan.norm == "instance":  # one node, whose sums runtimes keep in float32 whatever the arithmetic
            return graph("InstanceNormalization", y, graph.real(scale), graph.real(offset), epsilon=EPSILON)
        mean, variance = (np.asarray(self.tensors[f"{kind}_{name}"], np.float32) for kind in ("mean", "variance"))
        scale = scale / np.sqrt(variance + EPSILON)
        shape = (1, -1, 1, 1)
        return graph("Add", graph("Mul", y, graph.real(scale.reshape(shape))), graph.real((offset - mean * scale).reshape(shape)))

    def mix(self, y: str, which: int) -> str:
        graph, (u, v) = self.graph, self.factors[which]
        less = graph("Conv", y, graph.weight(f"factor{which}v.weight", v.T[:, :, None, None]), kernel_shape=[1, 1])
        return graph("Add", y, graph("Conv", less, graph.weight(f"factor{which}u.weight", u[:, :, None, None]), kernel_shape=[1, 1]))

    def grain(self, y: str, fine: bool) -> str:
        return self.graph("Mul", y, self.graph.real(self.gains[fine].reshape(1, -1, 1, 1)))
