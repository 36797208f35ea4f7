"""A photo's colours given a style's, as a graph."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from onnx import TensorProto

from atelier.engines.network.look import STRETCH
from atelier.image.moments import Moments
from atelier.training.export.extent import Extent
from atelier.training.export.graph import Graph

RIDGE = 1e-8
"""As linear_map's."""
OPPONENT = np.array([[1.0, 1, 1], [1, -1, 0], [0, 1, -1]])
"""Of red, green and blue: their sum, and two differences."""
SWEEPS = 4
"""Through the three planes of a 3x3 matrix: as many leave nothing to turn."""


def as_style(graph: Graph, photo: str, extent: Extent, colors: Moments) -> str:
    """The photo's colours with the style's mean and covariance, cut to [0, 1], as `linear_map` has it.

    Of the same map another form, which asks for one decomposition of what is not known beforehand, and one more for the
    limit: A = S (S Σ S)^{-1/2} S with S = Σ_style^{1/2}. A is symmetric, so its eigenvalues are what the limit is for. These
    few numbers are float64: a grey photo's covariance is all but singular, and float32 loses what the ridge adds to it. For
    the same reason sums are over OPPONENT, in which its colours are exactly 0.
    """
    values, vectors = np.linalg.eigh(colors.covariance + RIDGE * np.eye(3))
    root = graph.double(((vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T)[None])
    flat = graph("MatMul", graph.single(OPPONENT[None]), extent.flat(photo))
    mean = graph("ReduceMean", flat, axes=[2], keepdims=1)  # (N, 3, 1)
    centred = graph("Sub", flat, mean)
    covariance = graph("Div", graph("MatMul", centred, graph.transposed(centred)), extent.pixels)
    back = np.linalg.inv(OPPONENT)
    covariance = graph("MatMul", graph.double(back[None]), graph("Cast", covariance, to=TensorProto.DOUBLE))
    covariance = graph("MatMul", covariance, graph.double(back.T[None]))
    covariance = graph("Add", covariance, graph.double(RIDGE * np.eye(3)[None]))
    middle = graph("MatMul", graph("MatMul", root, covariance), root)
    # What rounding may leave of nothing: of a grey photo, or a style that is.
    inverse = of_eigenvalues(graph, middle, lambda v: graph("Reciprocal", graph("Sqrt", graph("Max", v, graph.double(1e-14)))))
    matrix = graph("MatMul", graph("MatMul", root, inverse), root)
    matrix = of_eigenvalues(graph, matrix, lambda v: graph("Min", v, graph.double(STRETCH)))
    matrix = graph("Cast", graph("MatMul", matrix, graph.double(back[None])), to=TensorProto.FLOAT)
    moved = graph("Add", graph("MatMul", matrix, centred), graph.single(colors.mean.reshape(1, 3, 1)))
    return extent.raised(graph("Clip", moved, graph.single(0.0), graph.single(1.0)))


def of_eigenvalues(graph: Graph, matrix: str, function: Callable[[str], str]) -> str:
    """V f(Λ) Vᵀ of symmetric matrices V Λ Vᵀ (N, 3, 3), by Jacobi's rotations (Golub & Van Loan, "Matrix Computations", 8.5),
    written out, for all it takes is products, sums and roots; float64.

    function: of the eigenvalues (N, 1, 3). Each rotation is in the plane of the first two axes; then the axes go round by one.
    """
    round_ = np.eye(3)[:, [1, 2, 0]]
    turning = graph.double((np.diag([1.0, 1, 0]) @ round_)[None])
    across = graph.double((np.array([[0.0, 1, 0], [-1, 0, 0], [0, 0, 0]]) @ round_)[None])
    staying = graph.double((np.diag([0.0, 0, 1]) @ round_)[None])
    apart, twice = graph.double([[[-1, 0, 0], [0, 1, 0], [0, 0, 0]]]), graph.double([[[0, 2, 0], [0, 0, 0], [0, 0, 0]]])
    tiny, half, one, both = graph.double(1e-30), graph.double(0.5), graph.double(1.0), graph.constant([1, 2])
    vectors = ""
    for _ in range(3 * SWEEPS):
        d, a = (graph("ReduceSum", graph("Mul", matrix, of), both, keepdims=1) for of in (apart, twice))  # a22 - a11, 2 a12
        length = graph("Sqrt", graph("Add", graph("Mul", d, d), graph("Mul", a, a)))
        sign = graph("Sign", graph("Add", graph("Sign", d), half))  # of 0 it is 1
        tangent = graph("Div", graph("Mul", a, sign), graph("Add", graph("Add", graph("Abs", d), length), tiny))
        cosine = graph("Reciprocal", graph("Sqrt", graph("Add", graph("Mul", tangent, tangent), one)))
        sine = graph("Mul", tangent, cosine)
        rotation = graph("Add", graph("Add", graph("Mul", cosine, turning), graph("Mul", sine, across)), staying)
        matrix = graph("MatMul", graph("MatMul", graph.transposed(rotation), matrix), rotation)
        vectors = graph("MatMul", vectors, rotation) if vectors else rotation
    diagonal = graph("ReduceSum", graph("Mul", matrix, graph.double(np.eye(3)[None])), graph.constant([1]), keepdims=1)
    return graph("MatMul", graph("Mul", vectors, function(diagonal)), graph.transposed(vectors))
