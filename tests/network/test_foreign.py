"""Networks from elsewhere: what they take is found out, and what they give is the photo's size, right to the level."""

from __future__ import annotations

import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper

from atelier.engines.network.contract import Contract
from atelier.engines.network.foreign import ForeignEngine, open_foreign
from atelier.engines.network.inspection import read_contract
from atelier.engines.network.runner import Runner, open_model
from atelier.errors import SettingError, WeightsError
from atelier.image import Image, resize
from atelier.image.hidden import fill_hidden
from atelier.progress import Progress
from atelier.request import InstantSettings
from calls import called

sys.path.insert(0, str(Path(__file__).parent))
from onnx_models import affine, build, conv, node

NHWC = [1, "height", "width", 3]
UNIT, BYTES, TANH = (0.0, 1.0), (0.0, 255.0), (-1.0, 1.0)


def loaded(model: bytes) -> Runner:
    return open_model(model, backend="onnxruntime", threads=1)


def ranges(contract: Contract) -> tuple[tuple[float, float], tuple[float, float]]:
    return (contract.low, contract.high), (contract.out_low, contract.out_high)


def photo(width: int = 45, height: int = 31, seed: int = 0, alpha: bool = False) -> Image:
    rng = np.random.default_rng(seed)
    return Image(rng.random((height, width, 3), np.float32), rng.random((height, width), np.float32) if alpha else None)


def smooth(width: int = 300, height: int = 200) -> Image:
    """What survives resizing."""
    y, x = np.mgrid[:height, :width] / 40
    return Image(np.stack([0.5 + 0.4 * np.sin(x), 0.5 + 0.4 * np.cos(y), 0.5 + 0.4 * np.sin(x + y)], axis=-1).astype(np.float32))


def painted(model: bytes, content: Image, **told: Any) -> np.ndarray:
    runner = loaded(model)
    return np.asarray(called(ForeignEngine(runner, read_contract(runner, **told)))(content).pixels)


def normalized(scale: float, offset: float, end: str = "") -> bytes:
    """Each channel to mean 0 and deviation 1, then scale and offset: how the zoo's nets begin, blind to the range they get."""
    constants = {"one": np.ones(3, np.float32), "zero": np.zeros(3, np.float32), "s": np.float32(scale), "o": np.float32(offset)}
    nodes = [node("InstanceNormalization", "x", "one", "zero", "n"), node("Mul", "n", "s", "m"), node("Add", "m", "o", "y")]
    if end:
        nodes[-1] = node("Add", "m", "o", "a")
        nodes.append(node(end, "a", "y"))
    return build(nodes, constants).SerializeToString()


# The range of values ----------------------------------------------------------------------------------------------------


def test_a_net_that_gives_back_what_it_gets_takes_any_range() -> None:
    content = photo()
    np.testing.assert_allclose(painted(affine(1, 0), content), content.pixels, atol=1e-6)


@pytest.mark.parametrize("top, span", [(1.0, UNIT), (255.0, BYTES), (0.0, TANH)])
def test_negatives_tell_their_range(top: float, span: tuple[float, float]) -> None:
    """top - x is a picture for one range alone."""
    runner = loaded(affine(-1, top))
    contract = read_contract(runner)
    assert ranges(contract) == (span, span)
    content = photo()
    np.testing.assert_allclose(called(ForeignEngine(runner, contract))(content).pixels, 1 - content.pixels, atol=1e-5)


def test_a_tanh_is_of_minus_one_to_one() -> None:
    model = build([node("Mul", "x", "s", "m"), node("Tanh", "m", "y")], {"s": np.float32(1.5)}).SerializeToString()
    runner = loaded(model)
    contract = read_contract(runner)
    assert ranges(contract) == (TANH, TANH)
    content = photo()
    expected = (np.tanh(1.5 * (2 * content.pixels.astype(np.float64) - 1)) + 1) / 2
    np.testing.assert_allclose(called(ForeignEngine(runner, contract))(content).pixels, expected, atol=1e-5)


def test_clipped_outputs_end_where_they_are_clipped() -> None:
    for low, high, span in [(0, 1, UNIT), (-1, 1, TANH), (0, 255, BYTES)]:
        constants = {"low": np.float32(low), "high": np.float32(high)}
        contract = read_contract(loaded(build([node("Clip", "x", "low", "high", "y")], constants).SerializeToString()))
        assert ranges(contract)[1] == span, span
        assert ranges(contract)[0] == span, span


def test_values_of_0_to_255_in_and_0_to_1_out() -> None:
    contract = read_contract(loaded(affine(1 / 255, 0, metadata={"atelier.range": "0..255"})))
    assert ranges(contract) == (BYTES, UNIT)
    constants = {"s": np.float32(8 / 255), "o": np.float32(-4)}
    model = build([node("Mul", "x", "s", "m"), node("Add", "m", "o", "a"), node("Sigmoid", "a", "y")], constants)
    assert ranges(read_contract(loaded(model.SerializeToString()))) == (BYTES, UNIT)


def test_nets_blind_to_their_range_take_what_they_give() -> None:
    assert ranges(read_contract(loaded(normalized(50, 120)))) == (BYTES, BYTES)
    assert ranges(read_contract(loaded(normalized(0.8, 0, "Tanh")))) == (TANH, TANH)
    assert ranges(read_contract(loaded(normalized(1, 0, "Sigmoid")))) == (UNIT, UNIT)


def test_likely_ranges_are_not_guessed_between() -> None:
    """x / 2 + 1/4 is a pale picture of any range, each a little different."""
    runner = loaded(affine(0.5, 0.25))
    with pytest.raises(SettingError, match=r"makes different pictures .* give `?model_range`?"):
        read_contract(runner)
    assert ranges(read_contract(runner, values="0..1")) == (UNIT, UNIT)
    assert ranges(read_contract(runner, values="-1..1")) == (TANH, TANH)
    content = photo()
    np.testing.assert_allclose(painted(affine(0.5, 0.25), content, values="0..1"), content.pixels / 2 + 0.25, atol=1e-5)


def test_what_makes_no_picture_is_said() -> None:
    flat = build([node("Mul", "x", "zero", "y")], {"zero": np.float32(0)}).SerializeToString()
    with pytest.raises(SettingError, match="makes no picture of a photo"):
        read_contract(loaded(flat))
    with pytest.raises(SettingError, match=r"`?model_range`?"):
        read_contract(loaded(affine(1, 1e4)))


def test_told_is_told() -> None:
    contract = read_contract(loaded(affine(-1, 1)), values="0..1", order="bgr", layout="nchw", multiple=8)
    assert contract == Contract("nchw", "bgr", 0, 1, 0, 1, 8)


def test_the_file_may_tell() -> None:
    said = {"range": "-1..1", "output_range": "0..1", "order": "BGR", "layout": "NHWC", "multiple": "32"}
    model = affine(0.5, 0.5, shape=[1, None, None, None], metadata={f"atelier.{key}": value for key, value in said.items()})
    contract = read_contract(loaded(model))
    assert contract == Contract("nhwc", "bgr", -1, 1, 0, 1, 32)
    notes: list[str] = []
    read_contract(loaded(model), report=lambda progress: notes.append(progress.note))
    assert notes == []  # nothing was tried
    with pytest.raises(SettingError, match="says its range is 'lab'"):
        read_contract(loaded(affine(1, 0, metadata={"atelier.range": "lab"})))
    with pytest.raises(SettingError, match=r"`?model_range`? 7: choose from"):
        read_contract(loaded(model), values="7")
    with pytest.raises(SettingError, match="multiple"):
        read_contract(loaded(affine(1, 0, metadata={"atelier.multiple": "-3"})))


def test_what_was_tried_is_said_once() -> None:
    notes: list[str] = []
    read_contract(loaded(affine(-1, 255)), report=lambda progress: notes.append(progress.note))
    assert len(notes) == 1 and "0..255 in and 0..255 out" in notes[0] and "`model_range`" in notes[0]


# Layout, colours, types -------------------------------------------------------------------------------------------------


def test_channels_last() -> None:
    runner = loaded(affine(-1, 0, shape=NHWC))
    contract = read_contract(runner)
    assert (contract.layout, ranges(contract)) == ("nhwc", (TANH, TANH))
    content = photo()
    np.testing.assert_allclose(called(ForeignEngine(runner, contract))(content).pixels, 1 - content.pixels, atol=1e-5)


def test_layouts_that_the_shape_does_not_tell() -> None:
    kernel = np.zeros((3, 3, 1, 1))
    kernel[[0, 1, 2], [0, 1, 2]] = 1
    free = [None, None, None, None]
    assert read_contract(loaded(conv(kernel, shape=free))).layout == "nchw"  # by trying: a convolution has 3 channels
    with pytest.raises(SettingError, match=r"`?model_layout`? nchw or nhwc"):
        read_contract(loaded(affine(1, 0, shape=free)))
    assert read_contract(loaded(affine(1, 0, shape=free)), layout="nhwc").layout == "nhwc"
    with pytest.raises(WeightsError, match="in nhwc"):
        read_contract(loaded(affine(1, 0)), layout="nhwc")


def test_colors_in_the_other_order() -> None:
    """The model keeps all of its first channel, half of its second, a quarter of its third; for it, the first is blue."""
    kernel = np.diag([1, 0.5, 0.25]).reshape(3, 3, 1, 1)
    content = photo()
    told = {"order": "bgr", "values": "0..1"}
    np.testing.assert_allclose(painted(conv(kernel), content, **told), content.pixels * [0.25, 0.5, 1], atol=1e-5)
    np.testing.assert_allclose(painted(conv(kernel), content, values="0..1"), content.pixels * [1, 0.5, 0.25], atol=1e-5)


def test_a_net_that_swaps_colors_swaps_them() -> None:
    swap = build([node("Gather", "x", "i", "y", axis=1)], {"i": np.array([2, 1, 0])}).SerializeToString()
    content = photo()
    np.testing.assert_allclose(painted(swap, content), content.pixels[:, :, ::-1], atol=1e-5)


def test_a_convolution_of_known_weights() -> None:
    """A mean over 3 × 3, the border by what the model does there: zeros."""
    kernel = np.zeros((3, 3, 3, 3))
    kernel[[0, 1, 2], [0, 1, 2]] = 1 / 9
    content = photo(70, 66)
    padded = np.pad(content.pixels, ((1, 1), (1, 1), (0, 0)))
    expected = sum(padded[i : i + 66, j : j + 70] for i in range(3) for j in range(3)) / 9
    np.testing.assert_allclose(painted(conv(kernel), content, values="0..1"), expected, atol=1e-5)


def test_whole_numbers_in_and_out() -> None:
    model = build([node("Sub", "c", "x", "y")], {"c": np.uint8(255)}, NHWC, kind=TensorProto.UINT8).SerializeToString()
    runner = loaded(model)
    contract = read_contract(runner)
    assert contract == Contract("nhwc", "rgb", 0, 255, 0, 255, 1, None, "uint8")
    content = Image.from_array(np.random.default_rng(0).integers(0, 256, (70, 80, 3), np.uint8))
    np.testing.assert_array_equal(called(ForeignEngine(runner, contract))(content).to_array(), 255 - content.to_array())
    with pytest.raises(SettingError, match="whole numbers from 0 to 255"):
        read_contract(runner, values="0..1")


def test_whole_numbers_in_and_floats_out() -> None:
    nodes = [node("Cast", "x", "f", to=TensorProto.FLOAT), node("Div", "f", "c", "y")]
    model = build(nodes, {"c": np.float32(255)}, kind=TensorProto.UINT8, out_kind=TensorProto.FLOAT).SerializeToString()
    assert ranges(read_contract(loaded(model))) == (BYTES, UNIT)


def test_half_precision() -> None:
    constants = {"c": np.float16(1)}
    model = build([node("Sub", "c", "x", "y")], constants, kind=TensorProto.FLOAT16).SerializeToString()
    runner = loaded(model)
    contract = read_contract(runner)
    assert (contract.dtype, ranges(contract)) == ("float16", (UNIT, UNIT))
    content = photo()
    np.testing.assert_allclose(called(ForeignEngine(runner, contract))(content).pixels, 1 - content.pixels, atol=1e-3)


# Sizes ------------------------------------------------------------------------------------------------------------------


def halved(times: int) -> bytes:
    """Shrunk so many times by a convolution of stride 2 (its upper left pixel of four), then enlarged again."""
    kernel = np.zeros((3, 3, 2, 2), np.float32)
    kernel[[0, 1, 2], [0, 1, 2], 0, 0] = 1
    names = ["x", *(f"down{i}" for i in range(times))]
    nodes = [node("Conv", a, "w", b, strides=[2, 2], auto_pad="SAME_UPPER") for a, b in pairwise(names)]
    nodes.append(node("Resize", names[-1], "", "s", "y", mode="nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor"))
    return build(nodes, {"w": kernel, "s": np.array([1, 1, 2**times, 2**times], np.float32)}).SerializeToString()


@pytest.mark.parametrize("times", [0, 1, 3, 5])
def test_multiples_are_found_and_filled_up_by_reflection(times: int) -> None:
    side = 2**times
    runner = loaded(halved(times) if times else affine(1, 0))
    contract = read_contract(runner)
    assert contract.multiple == side
    content = photo(101, 75, alpha=True)
    seen = fill_hidden(content.pixels, content.alpha)  # what engines get
    expected = seen[np.arange(75) // side * side][:, np.arange(101) // side * side]
    result = called(ForeignEngine(runner, contract))(content)
    np.testing.assert_allclose(result.pixels, expected, atol=1e-5)
    assert result.size == (101, 75) and result.alpha is not None
    np.testing.assert_array_equal(result.alpha, content.alpha)


def test_what_is_filled_up_is_a_reflection() -> None:
    """The model shifts its picture two to the left, so that what lies beyond the border is seen."""
    kernel = np.zeros((3, 3, 5, 5))
    kernel[[0, 1, 2], [0, 1, 2], 2, 4] = 1
    content = photo(66, 65)
    result = painted(conv(kernel), content, values="0..1", multiple=8)
    expected = content.pixels[:, [*range(2, 66), 64, 63]]
    np.testing.assert_allclose(result, expected, atol=1e-5)


@pytest.mark.parametrize("size", [(1, 1), (1, 200), (2, 3), (63, 64), (65, 1)])
def test_any_size_comes_back_as_it_was(size: tuple[int, int]) -> None:
    runner = loaded(halved(3))
    result = called(ForeignEngine(runner, read_contract(runner)))(photo(*size))
    assert result.size == size


@pytest.mark.parametrize("scale", [2, 4])
def test_nets_that_enlarge_give_the_photos_size(scale: int) -> None:
    constants = {"s": np.array([1, 1, scale, scale], np.float32)}
    model = build([node("Resize", "x", "", "s", "y", mode="nearest")], constants).SerializeToString()
    content = smooth()
    assert painted(model, content).shape == content.pixels.shape
    np.testing.assert_allclose(painted(model, content), content.pixels, atol=0.02)


def test_nets_of_a_fixed_size_get_the_whole_photo_and_it_is_said() -> None:
    model = affine(-1, 255, shape=[1, 3, 160, 224])
    runner = loaded(model)
    contract = read_contract(runner)
    assert contract == Contract("nchw", "rgb", 0, 255, 0, 255, 1, (224, 160))
    content = smooth(300, 200)
    said: list[Progress] = []
    result = called(ForeignEngine(runner, contract))(content, report=said.append)
    expected = resize(Image(1 - resize(content, (224, 160)).pixels), (300, 200)).pixels
    np.testing.assert_allclose(result.pixels, expected, atol=1e-5)
    np.testing.assert_allclose(result.pixels, 1 - content.pixels, atol=0.02)
    assert said[0].note == "painted at 224 × 160 and brought to 300 × 200: the model paints at that size alone"
    assert (said[-1].step, said[-1].of) == (1, 1)
    said.clear()
    called(ForeignEngine(runner, contract))(smooth(224, 160), report=said.append)
    assert not any(progress.note for progress in said)


def test_large_photos_are_painted_smaller_and_it_is_said() -> None:
    runner = loaded(affine(1, 0))
    notes: list[str] = []
    content = smooth(300, 200)
    result = called(ForeignEngine(runner, Contract(), largest=150))(content, report=lambda progress: notes.append(progress.note))
    np.testing.assert_allclose(result.pixels, resize(resize(content, (150, 100)), (300, 200)).pixels, atol=1e-5)
    assert notes[0].startswith("painted at 150 × 100")
    np.testing.assert_allclose(called(ForeignEngine(runner, Contract(), largest=0))(content).pixels, content.pixels, atol=1e-6)


def test_one_side_fixed_is_refused() -> None:
    with pytest.raises(WeightsError, match="one side"):
        read_contract(loaded(affine(1, 0, shape=[1, 3, 224, "width"])))


def test_a_size_that_no_memory_holds_is_refused() -> None:
    with pytest.raises(WeightsError, match="over the limit"):
        read_contract(loaded(affine(1, 0, shape=[1, 3, 100_000, 100_000])))


# What cannot be used ----------------------------------------------------------------------------------------------------


def test_models_of_something_else() -> None:
    for shape in ([1, 1, None, None], [1, 3], [2, 3, None, None], [1, 4, 64, 64]):
        with pytest.raises(WeightsError, match="picture in colour"):
            read_contract(loaded(affine(1, 0, shape=shape, out_shape=[None] * len(shape))))
    with pytest.raises(WeightsError, match="int64"):
        read_contract(loaded(build([node("Identity", "x", "y")], kind=TensorProto.INT64).SerializeToString()))
    classes = build([node("ReduceMean", "x", "y", axes=[2, 3], keepdims=0)], out_shape=[1, 3]).SerializeToString()
    with pytest.raises(WeightsError, match="no picture in colour"):
        read_contract(loaded(classes))


def test_nan_is_no_picture() -> None:
    runner = loaded(build([node("Sqrt", "x", "y")]).SerializeToString())
    with pytest.raises(WeightsError, match=r"`?model_range`?"):
        called(ForeignEngine(runner, Contract(low=-1, high=1)))(photo())


def test_from_settings_to_picture(tmp_path: Path) -> None:
    (tmp_path / "net.onnx").write_bytes(affine(-1, 255))
    content = photo(70, 70)
    engine = called(open_foreign(InstantSettings(model=str(tmp_path / "net.onnx"), backend="onnxruntime"), "cpu"))
    np.testing.assert_allclose(engine(content).pixels, 1 - content.pixels, atol=1e-5)
    engine = called(
        open_foreign(InstantSettings(model=str(tmp_path / "net.onnx"), backend="onnxruntime", model_order="bgr", model_multiple=16))
    )
    assert (engine.contract.order, engine.contract.multiple) == ("bgr", 16)


# Several inputs and outputs ---------------------------------------------------------------------------------------------


MIX = np.array([[0.2, 0.6, 0.2], [0.1, 0.2, 0.7], [0.8, 0.1, 0.1]], np.float32)


def with_outputs(outputs: dict[str, tuple[np.ndarray, list[Any]]]) -> bytes:
    """x -> for each output a 1x1 convolution by its weights (out, 3), of a shape as it is told."""
    model = build([], {name + "_w": weights[:, :, None, None] for name, (weights, _) in outputs.items()})
    del model.graph.output[:]
    for name, (_, shape) in outputs.items():
        model.graph.node.append(node("Conv", "x", name + "_w", name))
        model.graph.output.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))
    return model.SerializeToString()


FREE: list[Any] = [None] * 4
FEATURES = np.random.default_rng(0).standard_normal((8, 3)).astype(np.float32)
BLIND = np.zeros((3, 3), np.float32)


@pytest.mark.parametrize("shapes", [([1, 8, None, None], [1, 3, None, None]), (FREE, FREE)])
def test_the_output_that_is_a_picture_is_taken(shapes: tuple[list[Any], list[Any]]) -> None:
    content = photo()
    model = with_outputs({"features": (FEATURES, shapes[0]), "picture": (MIX, shapes[1])})
    assert read_contract(loaded(model)).output == "picture"
    np.testing.assert_allclose(painted(model, content), content.pixels @ MIX.T, atol=1e-5)


def test_outputs_of_a_picture_s_shape_are_tried() -> None:
    assert read_contract(loaded(with_outputs({"mask": (BLIND, FREE), "picture": (MIX, FREE)}))).output == "picture"


def test_of_several_pictures_one_is_told() -> None:
    content, swapped = photo(), np.eye(3, dtype=np.float32)[::-1]
    model = with_outputs({"a": (MIX, FREE), "b": (np.ascontiguousarray(swapped), FREE)})
    with pytest.raises(SettingError, match=r"gives 2 pictures: give `?model_output`? a or b"):
        read_contract(loaded(model))
    np.testing.assert_allclose(painted(model, content, output="b"), content.pixels[:, :, ::-1], atol=1e-5)
    with pytest.raises(SettingError, match=r"`?model_output`? c: .* gives a, b"):
        read_contract(loaded(model), output="c")


def test_single_numbers_beside_the_picture_are_told() -> None:
    model = build([node("Mul", "x", "strength", "y")])
    model.graph.input.append(helper.make_tensor_value_info("strength", TensorProto.FLOAT, [1]))
    data, content = model.SerializeToString(), photo()
    np.testing.assert_allclose(painted(data, content, further="strength=0.5", values="0..1"), content.pixels * 0.5, atol=1e-6)
    for further, words in (("", "give `model_inputs` strength=1"), ("strength=1,b=2", "model_inputs b"), ("strength", "name=number")):
        with pytest.raises(SettingError, match=words):
            read_contract(loaded(data), further=further)


def test_two_pictures_in_are_refused() -> None:
    model = build([node("Add", "x", "style", "y")])
    model.graph.input.append(helper.make_tensor_value_info("style", TensorProto.FLOAT, [1, 3, None, None]))
    with pytest.raises(WeightsError, match="takes 2 inputs"):
        read_contract(loaded(model.SerializeToString()))
