"""Models run right on every backend there is, files that are no models are refused, and what was measured is remembered."""

from __future__ import annotations

import builtins
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper

from atelier.engines.network.backends import PROVIDERS, cores, has_openvino
from atelier.engines.network.onnx_file import Port
from atelier.engines.network.runner import open_model
from atelier.errors import MissingExtra, SettingError, WeightsError

sys.path.insert(0, str(Path(__file__).parent))
from onnx_models import affine, build, conv, node

needs_openvino = pytest.mark.skipif(not has_openvino(), reason="OpenVINO is an extra")
BACKENDS = ["onnxruntime", pytest.param("openvino", marks=needs_openvino)]
RNG = np.random.default_rng(0)
PICTURE = RNG.random((1, 3, 12, 20), np.float32)
KERNEL = RNG.standard_normal((3, 3, 3, 3)).astype(np.float32) / 5


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "cache"))
    return tmp_path / "cache"


def convolved(x: np.ndarray, weight: np.ndarray, bias: Any = (0, 0, 0)) -> np.ndarray:
    """The convolution's definition, one offset of the kernel after the other."""
    around = weight.shape[-1] // 2
    padded = np.pad(x, ((0, 0), (0, 0), (around, around), (around, around))).astype(np.float64)
    height, width = x.shape[2:]
    out = np.zeros((1, len(weight), height, width)) + np.reshape(bias, (1, -1, 1, 1))
    for i in range(weight.shape[2]):
        for j in range(weight.shape[3]):
            out += np.einsum("oc,bchw->bohw", weight[:, :, i, j], padded[:, :, i : i + height, j : j + width])
    return out


# Running --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_convolution_is_the_convolution(backend: str) -> None:
    (y,) = open_model(conv(KERNEL, (0.1, 0.2, 0.3)), backend=backend)(x=PICTURE)
    assert y.dtype == np.float32
    np.testing.assert_allclose(y, convolved(PICTURE, KERNEL, (0.1, 0.2, 0.3)), atol=2e-5)


@pytest.mark.parametrize("backend", BACKENDS)
def test_sizes_change_from_call_to_call(backend: str) -> None:
    model = open_model(conv(KERNEL), backend=backend)
    for i in range(40):
        x = RNG.random((1, 3, 5 + 7 * i % 31, 6 + 11 * i % 37), np.float32)
        (y,) = model(x=x)
        np.testing.assert_allclose(y, convolved(x, KERNEL), atol=2e-5)


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_answer_does_not_depend_on_what_was_asked_before(backend: str) -> None:
    """To the bit: from call to call, with other sizes in between, and from one process to the next."""
    model = open_model(conv(KERNEL), backend=backend)
    pictures = [RNG.random((1, 3, 20 + 13 * i, 31 + 7 * i), np.float32) for i in range(4)]
    answers = [model(x=x)[0] for x in pictures]
    for x, answer in zip(pictures[::-1], answers[::-1], strict=True):
        np.testing.assert_array_equal(model(x=x)[0], answer)
        np.testing.assert_array_equal(open_model(conv(KERNEL), backend=backend)(x=x)[0], answer)


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_answer_is_not_overwritten_by_the_next(backend: str) -> None:
    model = open_model(affine(2, 0), backend=backend)
    (first,) = model(x=PICTURE)
    model(x=PICTURE * 0)
    np.testing.assert_array_equal(first, PICTURE * 2)


@pytest.mark.parametrize("backend", BACKENDS)
def test_several_inputs_and_outputs_by_name_and_order(backend: str) -> None:
    value = lambda name, shape: helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)  # noqa: E731
    graph = helper.make_graph(
        [node("Sub", "self", "b:0", "difference"), node("Add", "self", "b:0", "sum")],
        "graph",
        [value("self", [1, "n"]), value("b:0", [1, "n"])],
        [value("sum", [1, "n"]), value("difference", [1, "n"])],
    )
    model = open_model(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString(), backend=backend
    )
    a, b = np.array([[5, 6]], np.float32), np.array([[1, 2]], np.float32)
    added, subtracted = model(**{"self": a, "b:0": b})
    np.testing.assert_array_equal(added, [[6, 8]])
    np.testing.assert_array_equal(subtracted, [[4, 4]])


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("kind, dtype", [(TensorProto.FLOAT16, "float16"), (TensorProto.UINT8, "uint8")])
def test_types_are_the_models(backend: str, kind: int, dtype: str) -> None:
    model = open_model(build([node("Identity", "x", "y")], kind=kind).SerializeToString(), backend=backend)
    values = np.arange(12).reshape(1, 3, 2, 2)
    (y,) = model(x=values)
    assert y.dtype == dtype and model.inputs[0].dtype == dtype
    np.testing.assert_array_equal(y, values)


def test_what_the_file_says_of_itself() -> None:
    model = open_model(affine(1, 0, shape=[1, 3, 224, "width"], metadata={"atelier.kind": "painter", "é": "ü"}))
    assert model.inputs == (Port("x", "float32", (1, 3, 224, None)),)
    assert model.outputs == (Port("y", "float32", (None, None, None, None)),)
    assert model.metadata == {"atelier.kind": "painter", "é": "ü"}
    assert (model.device, model.backend) == ("cpu", "onnxruntime")


def test_constants_among_the_inputs_are_no_inputs() -> None:
    """Files of before 2019 list them there."""
    model = build([node("Mul", "x", "scale", "y")], {"scale": np.float32(3)})
    model.graph.input.append(helper.make_tensor_value_info("scale", TensorProto.FLOAT, []))
    opened = open_model(model.SerializeToString())
    assert [port.name for port in opened.inputs] == ["x"]
    np.testing.assert_array_equal(opened(x=PICTURE)[0], PICTURE * 3)


def test_inputs_that_do_not_fit_are_refused_in_words() -> None:
    model = open_model(affine(1, 0, shape=[1, 3, 8, "width"]))
    with pytest.raises(SettingError, match="takes x, not photo"):
        model(photo=PICTURE)
    with pytest.raises(SettingError, match="1 × 3 × 8 × any, not 1 × 3 × 12 × 20"):
        model(x=PICTURE)
    with pytest.raises(SettingError):
        model(x=PICTURE[0])


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("backend", BACKENDS)
def test_what_fails_while_running_is_one_line(backend: str, threads: int, capfd: pytest.CaptureFixture[str]) -> None:
    adding = build([node("Add", "x", "c", "y")], {"c": np.zeros((1, 3, 7, 7), np.float32)}).SerializeToString()
    model = open_model(adding, backend=backend, threads=threads)
    with pytest.raises(WeightsError) as caught:
        model(x=PICTURE)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 300
    np.testing.assert_array_equal(model(x=PICTURE[:, :, :7, :7])[0], PICTURE[:, :, :7, :7])
    assert capfd.readouterr() == ("", "")


# What there is ----------------------------------------------------------------------------------------------------------


def test_devices_that_are_not_there_say_what_to_install() -> None:
    import onnxruntime

    there = onnxruntime.get_available_providers()
    for device, (provider, _) in PROVIDERS.items():
        if provider not in there:
            with pytest.raises(SettingError, match=rf"`?device`? {device}: .*pip install onnxruntime"):
                open_model(affine(1, 0), device=device)
    for device in ("tpu", "cuda:x", "cpu:1", "coreml:1"):
        with pytest.raises(SettingError, match="choose from auto"):
            open_model(affine(1, 0), device=device)
    with pytest.raises(SettingError, match=r"leave out `?device`? cuda"):
        open_model(affine(1, 0), device="cuda", backend="openvino")


def test_options_that_make_no_sense() -> None:
    with pytest.raises(SettingError, match="choose from auto, onnxruntime, openvino, openvino-bfloat16"):
        open_model(affine(1, 0), backend="tensorflow")
    with pytest.raises(SettingError, match="threads"):
        open_model(affine(1, 0), threads=-1)
    assert 1 <= cores() <= (os.cpu_count() or 1)


def without(monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    real = builtins.__import__

    def missing(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.split(".")[0] == package:
            raise ImportError(f"no {package}")
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", missing)


def test_missing_libraries_name_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    without(monkeypatch, "openvino")
    with pytest.raises(MissingExtra, match=r"pip install 'atelier\[fast\]'"):
        open_model(affine(1, 0), backend="openvino")
    monkeypatch.undo()
    without(monkeypatch, "onnxruntime")
    with pytest.raises(WeightsError, match="pip install onnxruntime"):
        open_model(affine(1, 0), backend="onnxruntime")
