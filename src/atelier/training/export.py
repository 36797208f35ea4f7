"""The trained networks as ONNX, written node by node. Needs `onnx`, but not torch.

`painter_model` and `reader_model` are what atelier itself runs: a painter that takes any style, and the reader of styles.
`plain_model` is for everybody else: one style baked in, photo in, picture out, and nothing else to know. `read_painter` and
`read_reader` get the weights back out of the files of the first two.

Weights are float16 in the files, the many of a large kernel or matrix int8 with a scale for each of its outputs, and made float32
once, when a runtime loads them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from atelier.engines.network.catalogue import Entry, entry, every, models_folder
from atelier.engines.network.look import Look
from atelier.engines.network.painter import noise_of
from atelier.engines.network.windows import reflected
from atelier.errors import MissingExtra, SettingError, SourceError, WeightsError
from atelier.image.moments import Moments

try:
    import onnx
    from onnx import TensorProto, helper, numpy_helper
except ImportError as error:
    raise MissingExtra("exporting", "train") from error

Tensors = Mapping[str, NDArray[Any]]
OPSET, IR = 17, 8
EPSILON = 1e-5
MANY = 2**16
"""Numbers from which on a kernel or matrix is int8 in the file."""
MARGIN, MULTIPLE, CELL = 16, 16, 8
"""As in training/painter.py: pixels of reflection around what is painted, what the sides must then be multiples of, and pixels from
one number of the noise to the next."""


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


# The painter's weights ------------------------------------------------------------------------------------------------


def norms(plan: Mapping[str, Any]) -> dict[str, int]:
    """As Plan.norms, which needs torch to be imported."""
    wide = {f"wide{i}{half}": plan["wide"] for i in range(plan["blocks"]) for half in "ab"}
    deep = {f"deep{i}{half}": plan["deep"] for i in range(plan["deep_blocks"]) for half in "ab"}
    fine = {f"fine{i}{half}": plan["fine"] for i in range(plan.get("fine_blocks", 0)) for half in "ab"}
    first = {"stem": plan["fine"], "down": plan["wide"], "below": plan["deep"]}
    return {**first, **deep, "rise": plan["wide"], **wide, "up": plan["fine"], **fine, "detail": plan["half"]}


def count(plan: Mapping[str, Any]) -> int:
    """As Plan.numbers."""
    return int(2 * sum(norms(plan).values()) + 4 * plan["rank"] * plan["deep"] + plan["wide"] + plan["fine"])


def swapped(stem: NDArray[Any], first: int, second: int) -> NDArray[Any]:
    """The first convolution for the other way of folding 4x4 pixels into channels: torch's pixel_unshuffle counts colours
    first (3, 16), SpaceToDepth places first (16, 3)."""
    count = len(stem)
    return stem.reshape(count, first, second, 3, 3).transpose(0, 2, 1, 3, 4).reshape(count, first * second, 3, 3)


def turned(last: NDArray[Any], first: int, second: int) -> NDArray[Any]:
    """The last convolution's weight or bias for the other way of laying its channels out as 2x2 pixels: torch's pixel_shuffle counts
    colours first (3, 4), here come places first (4, 3)."""
    return last.reshape(first, second, *last.shape[1:]).swapaxes(0, 1).reshape(last.shape)


def shapes(plan: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    """What a Painter's state holds by its plan."""
    fine, wide, deep, half = plan["fine"], plan["wide"], plan["deep"], plan["half"]
    found: dict[str, tuple[int, ...]] = {"convs.stem.weight": (fine, 48, 3, 3), "convs.down.weight": (wide, fine, 3, 3)}
    found |= {"convs.below.weight": (deep, wide, 3, 3), "convs.rise.weight": (wide, deep, 1, 1)}
    for name, channels in norms(plan).items():
        if name.startswith(("wide", "deep", "fine")):
            found[f"convs.{name}.weight"] = (channels, channels, 3, 3)
    found |= {"convs.up.weight": (fine, wide, 3, 3), "convs.detail.weight": (4 * half, fine, 3, 3)}
    found |= {"noise.weight": (wide, plan["noise"] // 2, 1, 1), "grain.weight": (fine, plan["noise"] // 8, 3, 3)}
    if plan["seen"]:
        found |= {"seen.down.weight": (wide, plan["seen"][0], 3, 3), "seen.below.weight": (deep, plan["seen"][1], 3, 3)}
    found |= {"out.weight": (12, half, 3, 3), "out.bias": (12,)}
    if plan["norm"] == "batch":
        found |= {f"{kind}_{name}": (channels,) for kind in ("mean", "variance") for name, channels in norms(plan).items()}
    return found


def read_painter(model: bytes) -> tuple[dict[str, NDArray[np.float32]], dict[str, Any]]:
    """Of a model as `painter_model` writes it: the weights, by the names of a Painter's state, and the plan.

    Raises WeightsError for what is no such model, or is damaged.
    """
    opened = open_network(model, "painter")
    if [each.name for each in opened.graph.output][:1] != ["painted"]:
        raise WeightsError("this painter was written by another version of atelier: train it, or get it, anew")
    plan = read_plan({each.key: each.value for each in opened.metadata_props}.get("atelier.plan", ""))
    stored = {each.name: each for each in opened.graph.initializer}
    tensors = {name: read_weight("painter", stored, name.removeprefix("convs."), shape) for name, shape in shapes(plan).items()}
    tensors["convs.stem.weight"] = swapped(tensors["convs.stem.weight"], 16, 3)
    tensors |= {name: turned(tensors[name], 4, 3) for name in ("out.weight", "out.bias")}
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


WIDEST = 4096
"""Channels that a plan may have: what says more is no plan."""


def read_plan(text: str) -> dict[str, Any]:
    """A plan out of its JSON. Raises WeightsError for one that makes no sense."""
    try:
        plan = json.loads(text)
        counts = [plan[name] for name in ("fine", "wide", "deep", "half", "rank", "noise")]
        fits = all(type(n) is int and 1 <= n <= WIDEST for n in [*counts, *plan["seen"]]) and len(plan["seen"]) in (0, 2)
        fits = fits and all(type(plan[name]) is int and 0 <= plan[name] <= 64 for name in ("blocks", "deep_blocks"))
        fits = fits and type(plan.setdefault("fine_blocks", 0)) is int and 0 <= plan["fine_blocks"] <= 64
        fits = fits and plan["noise"] % 8 == 0
        fits = fits and plan["output"] in ("sigmoid", "tanh", "linear") and plan["norm"] in ("instance", "batch")
    except (ValueError, KeyError, TypeError) as error:
        raise WeightsError("the painter's model does not say its plan: it is damaged, or of another version of atelier") from error
    if not fits:
        raise WeightsError("the painter's model has a plan that makes no sense: it is damaged, or of another version of atelier")
    return dict(plan)


def checked(tensors: Tensors, plan: Mapping[str, Any]) -> None:
    """Raise WeightsError for tensors that are not what the plan says."""
    for name, shape in shapes(plan).items():
        if name not in tensors or tensors[name].shape != shape:
            has = " x ".join(map(str, tensors[name].shape)) if name in tensors else "none"
            raise WeightsError(f"weights and plan do not go together: {name} should be {' x '.join(map(str, shape))}, is {has}")


# The painter's graph --------------------------------------------------------------------------------------------------


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

    def __init__(self, graph: Graph, tensors: Tensors, plan: Mapping[str, Any], known: dict[str, tuple[str, str]] | None = None) -> None:
        self.graph, self.tensors, self.plan = graph, tensors, plan
        self.given, self.known = known is not None, known or {}
        self.channels = sum(norms(plan).values())
        self.starts, at = {}, 0
        for name, width in norms(plan).items():
            self.starts[name], at = at, at + width

    def numbers(self, start: int, *shape: int) -> str:
        return self.graph.shaped(self.graph.slice("numbers", start, start + int(np.prod(shape)), 1), *shape)

    def normed(self, name: str, y: str) -> str:
        graph = self.graph
        if not self.given:
            self.known[name] = self.affine(name, y)
        scale, offset = self.known[name]
        return graph("Add", graph("Mul", y, scale), offset)

    def affine(self, name: str, y: str) -> tuple[str, str]:
        graph, width, start = self.graph, norms(self.plan)[name], self.starts[name]
        if self.plan["norm"] == "instance":
            mean = graph("ReduceMean", y, axes=[2, 3], keepdims=1)
            centred = graph("Sub", y, mean)
            variance = graph("ReduceMean", graph("Mul", centred, centred), axes=[2, 3], keepdims=1)
        else:
            stored = (graph.weight(f"{kind}_{name}", self.tensors[f"{kind}_{name}"]) for kind in ("mean", "variance"))
            mean, variance = (graph.shaped(each, 1, width, 1, 1) for each in stored)
        deviation = graph("Sqrt", graph("Add", variance, graph.single(EPSILON)))
        gamma, beta = self.numbers(start, 1, width, 1, 1), self.numbers(self.channels + start, 1, width, 1, 1)
        scale = graph("Div", graph("Add", gamma, graph.single(1.0)), deviation)
        return scale, graph("Sub", beta, graph("Mul", mean, scale))

    def mixed(self, y: str, which: int) -> str:
        graph, deep, rank = self.graph, self.plan["deep"], self.plan["rank"]
        start = 2 * self.channels + which * 2 * deep * rank
        u, v = self.numbers(start, 1, deep, rank), self.numbers(start + deep * rank, 1, deep, rank)
        more = graph("MatMul", u, graph("MatMul", graph.transposed(v), graph.shaped(y, 1, deep, -1)))
        return graph("Add", y, graph("Reshape", more, graph("Shape", y)))

    def grained(self, y: str, fine: bool) -> str:
        plan = self.plan
        start, width = (count(plan) - plan["fine"], plan["fine"]) if fine else (count(plan) - plan["fine"] - plan["wide"], plan["wide"])
        return self.graph("Mul", y, self.numbers(start, 1, width, 1, 1))


class Baked:
    """A style whose numbers (N,) are constants of the model. Statistics are each picture's own."""

    def __init__(self, graph: Graph, tensors: Tensors, plan: Mapping[str, Any], numbers: NDArray[Any]) -> None:
        self.graph, self.tensors, self.plan = graph, tensors, plan
        channels, fine = sum(norms(plan).values()), plan["fine"]
        gains = fine + plan["wide"]
        edges = np.cumsum(list(norms(plan).values()))[:-1]
        self.gammas = dict(zip(norms(plan), np.split(numbers[:channels], edges), strict=True))
        self.betas = dict(zip(norms(plan), np.split(numbers[channels : 2 * channels], edges), strict=True))
        self.factors = numbers[2 * channels : -gains].reshape(2, 2, plan["deep"], plan["rank"])
        self.gains = {False: numbers[-gains:-fine], True: numbers[-fine:]}

    def normed(self, name: str, y: str) -> str:
        graph, scale, offset = self.graph, 1 + self.gammas[name], self.betas[name]
        if self.plan["norm"] == "instance":  # one node, whose sums runtimes keep in float32 whatever the arithmetic
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


def body(
    graph: Graph, tensors: Tensors, plan: Mapping[str, Any], x: str, noise: str, features: tuple[str, str] | None, manner: Manner
) -> str:
    """The painter over recoloured cells x (N, 48, H/4 + 2, W/4 + 2), as `to_cells` of engines/network/painter.py has them, noise, and
    features of the plan's `seen`: the picture (N, 12, H/2, W/2), float32, 2x2 px a place, places first and then colours."""

    def conv(name: str, y: str, stride: int = 1) -> str:
        weight = tensors[f"convs.{name}.weight"]
        if name == "stem":
            weight = swapped(weight, 3, 16)
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
    half = plan["noise"] // 2
    coarse = graph("Conv", graph.slice(noise, 0, half, 1), graph.weight("noise.weight", tensors["noise.weight"]), kernel_shape=[1, 1])
    fine = graph("DepthToSpace", graph.slice(noise, half, 2 * half, 1), blocksize=2, mode="CRD")
    fine = graph("Conv", fine, graph.weight("grain.weight", tensors["grain.weight"]), pads=[1] * 4, kernel_shape=[3, 3])
    y = taken(graph("Add", conv("down", skip, 2), manner.grained(coarse, False)), "down", 0)
    middle = graph("Relu", manner.normed("down", y))
    y = taken(conv("below", middle, 2), "below", 1)
    y = blocks("deep", plan["deep_blocks"], manner.mixed(graph("Relu", manner.normed("below", y)), 0))
    y = graph("Conv", manner.mixed(y, 1), graph.weight("rise.weight", tensors["convs.rise.weight"]), kernel_shape=[1, 1])
    y = graph("Relu", graph("Add", doubled(manner.normed("rise", y)), middle))
    y = doubled(blocks("wide", plan["blocks"], y))
    y = graph("Relu", graph("Add", manner.normed("up", graph("Add", conv("up", y), manner.grained(fine, True))), skip))
    y = blocks("fine", plan.get("fine_blocks", 0), y)
    y = graph("Relu", manner.normed("detail", graph("DepthToSpace", conv("detail", y), blocksize=2, mode="CRD")))
    last = (graph.weight(f"out.{each}", turned(tensors[f"out.{each}"], 3, 4)) for each in ("weight", "bias"))
    y = graph("Conv", y, *last, pads=[1] * 4, kernel_shape=[3, 3])
    if graph.half:  # float16 has no more than 11 bits just under 1
        y = graph("Cast", y, to=TensorProto.FLOAT)
    match plan["output"]:
        case "sigmoid":
            return graph("Sigmoid", y)
        case "tanh":
            y = graph("Add", graph("Mul", graph("Tanh", y), graph.single(0.6)), graph.single(0.5))
        case _:
            y = graph("Add", y, graph.single(0.5))
    return graph("Clip", y, graph.single(0.0), graph.single(1.0))


def painter_model(tensors: Tensors, plan: Mapping[str, Any], pocket: Tensors, metadata: Mapping[str, str]) -> bytes:
    """photo (1, H/4 + 2, W/4 + 2, 48) -> painted (1, H/2, W/2, 12), values in [0, 1], H and W multiples of 16. A photo comes in cells of
    4x4 px, with one more around it that repeats its neighbour, and the picture leaves in cells of 2x2; in each are red, green and
    blue place by place. So pixels, as they lie in memory, are laid out once on either side. Beside the photo:

    noise (1, C, H/8, W/8), standard normal; thumbnail (1, h/4 + 2, w/4 + 2, 48) and thumbnail_noise, likewise; known (1,), more
    than .5 where statistics (1, channels, 1, 2) are, scale and offset of every normalisation; numbers (1, N), the style;
    colours (1, 3, 4), matrix and offset that the photo's colours go through first; where the plan has `seen`, for pocket's
    conv3_1 and conv4_1 the matrix and offset that its features go through, map_conv3_1 (1, C, C + 1) and map_conv4_1.

    The normalisations' statistics are the thumbnail's, so that tiles of one photo fit together without a seam. They are a second
    result, thumbnail_statistics: whoever gives it back, as known, needs no thumbnail from then on but one of 16 x 16 px, of anything.
    Where the plan has `seen` there is a third, thumbnail_painted (1, h/2, w/2, 12): what the picture's colours come to.
    tensors: the Painter's state. pocket: the tensors of pocket's file. Raises WeightsError for weights that are not the plan's.
    """
    checked(tensors, plan)
    graph = Graph()
    # The same map for each of a cell's 16 places: of its 48 numbers one matrix.
    same = graph("Transpose", graph.slice("colours", 0, 3, 2), perm=[0, 2, 1])  # (1, 3, 3)
    same = graph("Mul", graph.single(np.eye(16).reshape(16, 1, 16, 1)), graph.shaped(same, 1, 3, 1, 3))
    same = graph.shaped(same, 48, 48)
    more = graph("Tile", graph.shaped(graph.slice("colours", 3, 4, 2), 3), graph.constant([16]))

    def painted(x: str, noise: str, manner: Manner) -> str:
        features = None
        if plan["seen"]:
            found = look(graph, pocket, halved(graph, x), GIVEN)
            first, second = (mapped(graph, found[layer], f"map_{layer}", n) for layer, n in zip(GIVEN, plan["seen"], strict=True))
            features = first, second
        recoloured = graph("Clip", graph("Add", graph("MatMul", x, same), more), graph.single(0.0), graph.single(1.0))
        planes = graph("Transpose", recoloured, perm=[0, 3, 1, 2])
        return body(graph, tensors, plan, planes, noise, features, manner)

    whole = Asked(graph, tensors, plan)
    small = painted("thumbnail", "thumbnail_noise", whole)
    both = (graph("Concat", *(whole.known[name][which] for name in norms(plan)), axis=1) for which in (0, 1))
    found = graph("Concat", *both, axis=3, name="thumbnail_statistics")
    taken = graph("Where", graph("Greater", "known", graph.single([0.5])), "statistics", found)
    statistics = {}
    for name, start in whole.starts.items():
        own = graph.slice(taken, start, start + norms(plan)[name], 1)
        statistics[name] = graph.slice(own, 0, 1, 3), graph.slice(own, 1, 2, 3)
    picture = painted("photo", "noise", Asked(graph, tensors, plan, statistics))
    graph("Transpose", picture, perm=[0, 2, 3, 1], name="painted")
    outputs: dict[str, list[Any]] = {
        "painted": [1, "painted_rows", "painted_columns", 12],
        "thumbnail_statistics": [1, whole.channels, 1, 2],
    }
    if plan["seen"]:
        graph("Transpose", small, perm=[0, 2, 3, 1], name="thumbnail_painted")
        outputs["thumbnail_painted"] = [1, "small_rows", "small_columns", 12]
    sizes = [f"map_{layer}" for layer in GIVEN] if plan["seen"] else []
    cells, noise = [1, 66, 66, 48], [1, plan["noise"], 32, 32]
    beside = {"known": [1], "statistics": [1, whole.channels, 1, 2], "numbers": [1, count(plan)], "colours": [1, 3, 4]}
    example = {  # what the speed of whatever runs it is measured on
        "photo": cells, "noise": noise, "thumbnail": cells, "thumbnail_noise": noise, **beside,
        **{name: [1, c, c + 1] for name, c in zip(sizes, plan["seen"], strict=False)},
    }  # fmt: skip
    return graph.model(
        {
            "photo": [1, "rows", "columns", 48],
            "noise": [1, plan["noise"], "noise_height", "noise_width"],
            "thumbnail": [1, "thumbnail_rows", "thumbnail_columns", 48],
            "thumbnail_noise": [1, plan["noise"], "thumbnail_noise_height", "thumbnail_noise_width"],
            **beside,
            **{name: [1, c, c + 1] for name, c in zip(sizes, plan["seen"], strict=False)},
        },
        outputs,
        {**metadata, "atelier.plan": json.dumps(dict(plan)), "atelier.kind": "painter", "atelier.example": json.dumps(example)},
    )


def mapped(graph: Graph, x: str, matrix: str, channels: int) -> str:
    """A (1, C, C + 1) times the channels of x (1, C, H, W) and 1."""
    flat = graph.shaped(x, 1, channels, -1)
    product = graph("MatMul", graph.slice(matrix, 0, channels, 2), flat)
    return graph("Reshape", graph("Add", product, graph.slice(matrix, channels, channels + 1, 2)), graph("Shape", x))


GIVEN = ("conv3_1", "conv4_1")


def halved(graph: Graph, cells: str) -> str:
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


def reader_model(tensors: Tensors, pocket: Tensors, metadata: Mapping[str, str]) -> bytes:
    """painting (1, 3, H, W) in [0, 1], H and W at least 16 -> numbers (1, N); and half (1, 3, h, w), at least 8 each, the same at half
    its size -> mean (1, C) and covariance (1, C, C) of what pocket sees there at conv3_1 and conv4_1. The two do not touch
    each other: who wants one of them gives something small for the other.

    tensors: the Reader's state. pocket: the tensors of its file (int8 convolutions with scales, metrics).
    """
    graph = Graph()
    layers = [name.split(".")[1] for name in tensors if name.startswith("looks.")]
    found = look(graph, pocket, "painting", layers)
    parts: list[str] = []
    outputs: dict[str, list[Any]] = {}

    def correlated(name: str, x: str) -> tuple[str, str]:
        """Features (1, C, H, W) as (1, C, H·W), and their mean product (1, C, C)."""
        flat = graph.shaped(x, 1, len(pocket[f"{name}.bias"]), -1)
        positions = graph("Cast", graph("Gather", graph("Shape", flat), graph.constant([2])), to=TensorProto.FLOAT)
        return flat, graph("Div", graph("MatMul", flat, graph.transposed(flat)), positions)

    for name, x in look(graph, pocket, "half", GIVEN).items():
        flat, matrix = correlated(name, x)
        channels = len(pocket[f"{name}.bias"])
        mean = graph("ReduceMean", flat, axes=[2], keepdims=1)
        graph("Sub", matrix, graph("MatMul", mean, graph.transposed(mean)), name=f"covariance_{name}")
        graph("Reshape", mean, graph.constant([1, channels]), name=f"mean_{name}")
        outputs |= {f"mean_{name}": [1, channels], f"covariance_{name}": [1, channels, channels]}
    for name in sorted(found):
        _, matrix = correlated(name, found[name])
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
        parts += [graph("Mul", graph("Sign", entries), graph("Sqrt", graph("Abs", entries))), graph("Log", power)]
    x = graph("Concat", *parts, axis=1)
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


# One style, baked in --------------------------------------------------------------------------------------------------

PERIODS = (61, 64)
"""Sides of the two patterns that noise for pictures of any size is the sum of: together they repeat after 3904 cells of 8 px."""
STRETCH = 4.0
"""As in engines/network/engine.py."""
RIDGE = 1e-8
"""As linear_map's."""
SMALLEST, LARGEST = 16, 8192
"""What sides may be fixed to, px."""
OPPONENT = np.array([[1.0, 1, 1], [1, -1, 0], [0, 1, -1]])
"""Of red, green and blue: their sum, and two differences."""
SWEEPS = 4
"""Through the three planes of a 3x3 matrix: as many leave nothing to turn."""


def plain_model(
    tensors: Tensors,
    plan: Mapping[str, Any],
    numbers: NDArray[Any],
    colours: Moments,
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
    checked(tensors, plan)
    numbers = np.asarray(numbers, np.float32)
    if numbers.shape != (count(plan),):
        raise WeightsError(f"the style is {numbers.size} numbers and the painter takes {count(plan)}: it was trained for another")
    if plan["seen"]:
        raise SettingError(
            "this painter compares features of photo and painting: only one for styles by name can be exported with its style"
        )
    if size and not all(SMALLEST <= side <= LARGEST for side in size):
        raise SettingError(f"--size {size[0]}x{size[1]}: sides must be from {SMALLEST} to {LARGEST} px")
    if half_ends and not half:
        raise SettingError("--half-ends is for --half alone")
    graph = Graph(half)
    photo = graph("Cast", "photo", to=TensorProto.FLOAT) if half_ends else "photo"
    frame = Fixed(graph, size) if size else Open(graph, photo)
    recoloured = frame.padded(as_style(graph, photo, frame, colours))
    noise = frame.noise(plan["noise"], seed)
    if half:
        recoloured = graph("Cast", recoloured, to=TensorProto.FLOAT16)
    cells = graph("Pad", graph("SpaceToDepth", recoloured, blocksize=4), graph.constant([0, 0, 1, 1, 0, 0, 1, 1]), mode="edge")
    picture = body(graph, tensors, plan, cells, noise, None, Baked(graph, tensors, plan, numbers))
    picture = frame.cropped(graph("DepthToSpace", picture, blocksize=2, mode="DCR"))
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


class Frame(Protocol):
    """What depends on the size: all of it arithmetic of the model where that is open, constants where it is fixed."""

    @property
    def pixels(self) -> str:
        """How many there are, float32 ()."""

    def flat(self, x: str) -> str:
        """(N, 3, H, W) to (N, 3, H·W)."""

    def raised(self, x: str) -> str:
        """And back."""

    def padded(self, x: str) -> str:
        """With MARGIN px of reflection before, and after as many and those up to a multiple of MULTIPLE."""

    def noise(self, channels: int, seed: int) -> str:
        """(1, C, h, w) for the padded picture."""

    def cropped(self, x: str) -> str:
        """The padded picture without its padding."""


def beside(graph: Graph, x: str, before: str, after: str, axis: int) -> str:
    """x between copies of those of its rows or columns that are named: less to move than picking all of them anew."""
    return graph("Concat", graph("Gather", x, before, axis=axis), x, graph("Gather", x, after, axis=axis), axis=axis)


class Fixed:
    def __init__(self, graph: Graph, size: tuple[int, int]) -> None:
        self.graph, self.sides = graph, size[::-1]

    @property
    def pixels(self) -> str:
        return self.graph.single(self.sides[0] * self.sides[1])

    def flat(self, x: str) -> str:
        return self.graph.shaped(x, 1, 3, self.sides[0] * self.sides[1])

    def raised(self, x: str) -> str:
        return self.graph.shaped(x, 1, 3, *self.sides)

    def padded(self, x: str) -> str:
        for axis, (side, end) in enumerate(zip(self.sides, self.ends(), strict=True), 2):
            before, after = (self.graph.constant(reflected(*part, side)) for part in ((-MARGIN, 0), (side, end - MARGIN)))
            x = beside(self.graph, x, before, after, axis)
        return x

    def ends(self) -> list[int]:
        return [-(-(side + 2 * MARGIN) // MULTIPLE) * MULTIPLE for side in self.sides]

    def noise(self, channels: int, seed: int) -> str:
        height, width = self.ends()
        return self.graph.stored("noise", noise_of(channels, (0, 0, width, height), seed))

    def cropped(self, x: str) -> str:
        for axis, side in enumerate(self.sides, 2):
            x = self.graph.slice(x, MARGIN, MARGIN + side, axis)
        return x


class Open:
    def __init__(self, graph: Graph, photo: str) -> None:
        self.graph = graph
        self.shape = graph("Shape", photo)
        self.sides = [graph.slice(self.shape, axis, axis + 1, 0) for axis in (2, 3)]  # (1,) each, as are all numbers here
        enough, multiple = graph.constant([2 * MARGIN + MULTIPLE - 1]), graph.constant([MULTIPLE])
        self.blocks = [graph("Div", graph("Add", side, enough), multiple) for side in self.sides]
        self.cells = [graph("Mul", count, graph.constant([MULTIPLE // CELL])) for count in self.blocks]

    @property
    def pixels(self) -> str:
        return self.graph("Cast", self.graph("Mul", *self.sides), to=TensorProto.FLOAT)

    def flat(self, x: str) -> str:
        return self.graph.shaped(x, 0, 3, -1)

    def raised(self, x: str) -> str:
        return self.graph("Reshape", x, self.shape)

    def padded(self, x: str) -> str:
        graph = self.graph
        one = graph.constant(1)
        for axis, (side, count) in enumerate(zip(self.sides, self.blocks, strict=True), 2):
            start = graph("Squeeze", side)
            end = graph("Squeeze", graph("Sub", graph("Mul", count, graph.constant([MULTIPLE])), graph.constant([MARGIN])))
            period = graph("Max", graph("Mul", graph("Sub", start, one), graph.constant(2)), one)
            parts = []
            for places in (graph.constant(np.arange(-MARGIN, 0)), graph("Range", start, end, one)):
                at = graph("Mod", places, period)  # never negative, as in Python
                parts.append(graph("Min", at, graph("Sub", period, at)))
            x = beside(graph, x, parts[0], parts[1], axis)
        return x

    def noise(self, channels: int, seed: int) -> str:
        graph = self.graph
        parts = []
        for side, cell in zip(PERIODS, cells_of_noise(channels, seed), strict=True):
            last, period = graph.constant([side - 1]), graph.constant([side])
            repeats = [graph("Div", graph("Add", cells, last), period) for cells in self.cells]
            tiled = graph("Tile", graph.stored(f"noise{side}", cell), graph("Concat", graph.constant([1, 1]), *repeats, axis=0))
            ends = graph("Concat", *self.cells, axis=0)
            parts.append(graph("Slice", tiled, graph.constant([0, 0]), ends, graph.constant([2, 3])))
        return graph("Add", *parts)

    def cropped(self, x: str) -> str:
        for axis, side in enumerate(self.sides, 2):
            end = self.graph("Add", side, self.graph.constant([MARGIN]))
            x = self.graph("Slice", x, self.graph.constant([MARGIN]), end, self.graph.constant([axis]))
        return x


def cells_of_noise(channels: int, seed: int) -> list[NDArray[np.float32]]:
    """The patterns whose tilings add up to standard normal noise: (1, C, n, n) for each n of PERIODS, of variance 1/2."""
    rng = np.random.default_rng(seed)
    return [rng.standard_normal((1, channels, side, side), np.float32) * np.float32(0.5**0.5) for side in PERIODS]


def pattern(channels: int, rows: int, columns: int, seed: int = 0) -> NDArray[np.float32]:
    """The noise (1, C, rows, columns) that a model for pictures of any size paints from."""
    total = np.zeros((1, channels, rows, columns), np.float32)
    for side, cell in zip(PERIODS, cells_of_noise(channels, seed), strict=True):
        repeated = np.tile(cell, (1, 1, -(-rows // side), -(-columns // side)))
        total += repeated[:, :, :rows, :columns].astype(np.float16)  # as it is in the file
    return total


def as_style(graph: Graph, photo: str, frame: Frame, colours: Moments) -> str:
    """The photo's colours with the style's mean and covariance, cut to [0, 1], as `linear_map` has it.

    Of the same map another form, which asks for one decomposition of what is not known beforehand, and one more for the
    limit: A = S (S Σ S)^{-1/2} S with S = Σ_style^{1/2}. A is symmetric, so its eigenvalues are what the limit is for. These
    few numbers are float64: a grey photo's covariance is all but singular, and float32 loses what the ridge adds to it. For
    the same reason sums are over OPPONENT, in which its colours are exactly 0.
    """
    values, vectors = np.linalg.eigh(colours.covariance + RIDGE * np.eye(3))
    root = graph.double(((vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T)[None])
    flat = graph("MatMul", graph.single(OPPONENT[None]), frame.flat(photo))
    mean = graph("ReduceMean", flat, axes=[2], keepdims=1)  # (N, 3, 1)
    centred = graph("Sub", flat, mean)
    covariance = graph("Div", graph("MatMul", centred, graph.transposed(centred)), frame.pixels)
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
    moved = graph("Add", graph("MatMul", matrix, centred), graph.single(colours.mean.reshape(1, 3, 1)))
    return frame.raised(graph("Clip", moved, graph.single(0.0), graph.single(1.0)))


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


# What the command writes ----------------------------------------------------------------------------------------------

NETWORKS = ("painter", "styles", "reader")


def shipped_network(name: str) -> bytes:
    """A model that ships, as it is. Raises SettingError for another name, WeightsError where it is not there."""
    if name not in NETWORKS:
        raise SettingError(f"--network {name}: choose from {', '.join(NETWORKS)}")
    path = models_folder() / f"{name}.onnx"
    try:
        return path.read_bytes()
    except OSError as error:
        raise WeightsError(f"{path} cannot be read ({error.strerror}): install atelier anew") from error


def style_model(
    styles: Sequence[tuple[str, float]], *, size: tuple[int, int] | None = None, half: bool = False, half_ends: bool = False, seed: int = 0
) -> bytes:
    """`plain_model` of styles by name, or files of styles, with their weights, and the painter that ships.

    Metadata: `title`, `painter` and `year` of the styles, `atelier.styles` (JSON, name -> share), and what the painter's
    file says of itself, such as its licence and how it was trained.

    Raises SourceError for a name that is none, SettingError for weights and options that make no sense, WeightsError.
    """
    total = sum(weight for _, weight in styles)
    if not styles or not total > 0 or any(not 0 <= weight < np.inf for _, weight in styles):
        raise SettingError("nothing to export: name a style with a weight over 0; see atelier styles")
    entries = [found(name) for name, _ in styles]
    shares = [weight / total for _, weight in styles]
    look = Look.mean([Look(entry.numbers, entry.colours) for entry in entries], shares)
    painter = shipped_network("styles")
    tensors, plan = read_painter(painter)
    said = {
        each.key: each.value
        for each in open_network(painter, "painter").metadata_props
        if each.key not in ("atelier.kind", "atelier.plan", "atelier.example")
    }
    told = {name: "; ".join(dict.fromkeys(filter(None, (getattr(e, name) for e in entries)))) for name in ("title", "painter", "year")}
    blend = json.dumps({entry.name: round(share, 6) for entry, share in zip(entries, shares, strict=True)})
    metadata = {**said, **{name: value for name, value in told.items() if value}, "atelier.styles": blend}
    return plain_model(tensors, plan, look.numbers, look.colours, size=size, half=half, half_ends=half_ends, seed=seed, metadata=metadata)


def found(name: str) -> Entry:
    if style := entry(name):
        return style
    names = [each.name for each in every()]
    close = get_close_matches(name, names, 1, 0.5)
    hint = f"did you mean {close[0]}?" if close else f"the names are {', '.join(names)}"
    raise SourceError(f"there is no style {name}: {hint}. Of a painting of your own, make a style with atelier train")
