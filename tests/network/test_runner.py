"""Models run right on every backend there is, files that are no models are refused, and what was measured is remembered."""

from __future__ import annotations

import builtins
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from atelier.engines.network import runner as room
from atelier.engines.network.runner import Port, Runner, agrees, choices_file, cores, open_model
from atelier.errors import AtelierError, MissingExtra, SettingError, SourceError, WeightsError

sys.path.insert(0, str(Path(__file__).parent))
from onnx_models import affine, build, conv, node

needs_openvino = pytest.mark.skipif(not room._has_openvino(), reason="OpenVINO is an extra")
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


@pytest.mark.parametrize("backend", BACKENDS)
def test_what_fails_while_running_is_one_line(backend: str, capfd: pytest.CaptureFixture[str]) -> None:
    model = open_model(build([node("Add", "x", "c", "y")], {"c": np.zeros((1, 3, 7, 7), np.float32)}).SerializeToString(), backend=backend)
    with pytest.raises(WeightsError) as caught:
        model(x=PICTURE)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 300
    np.testing.assert_array_equal(model(x=PICTURE[:, :, :7, :7])[0], PICTURE[:, :, :7, :7])
    assert capfd.readouterr() == ("", "")


# What there is ----------------------------------------------------------------------------------------------------------


def test_devices_that_are_not_there_say_what_to_install() -> None:
    import onnxruntime

    there = onnxruntime.get_available_providers()
    for device, (provider, _) in room.PROVIDERS.items():
        if provider not in there:
            with pytest.raises(SettingError, match=rf"--device {device}: .*pip install onnxruntime"):
                open_model(affine(1, 0), device=device)
    for device in ("tpu", "cuda:x", "cpu:1", "coreml:1"):
        with pytest.raises(SettingError, match="choose from auto"):
            open_model(affine(1, 0), device=device)
    with pytest.raises(SettingError, match="leave out --device cuda"):
        open_model(affine(1, 0), device="cuda", backend="openvino")


def test_options_that_make_no_sense() -> None:
    with pytest.raises(SettingError, match="choose from auto, onnxruntime, openvino"):
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


@needs_openvino
def test_the_libraries_come_late_say_nothing_and_report_to_nobody(tmp_path: Path) -> None:
    """OpenVINO's converter sends an event to its maker whenever it is imported."""
    (tmp_path / "m.onnx").write_bytes(affine(2, 0))
    code = (
        "import sys, numpy as np\nfrom pathlib import Path\nfrom atelier.engines.network.runner import open_model\n"
        "assert not {'onnxruntime', 'openvino', 'torch', 'onnx', 'ssl'} & set(sys.modules)\n"
        "for backend in ('openvino', 'auto'):\n"
        f"    open_model(Path({str(tmp_path / 'm.onnx')!r}), backend=backend)(x=np.zeros((1, 3, 4, 4)))\n"
        "assert 'openvino' in sys.modules and not [m for m in sys.modules if 'telemetry' in m or 'ovc' in m], 'spoke'\n"
        "assert not {'torch', 'onnx'} & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


# Files ------------------------------------------------------------------------------------------------------------------


class Trap:
    """What runs when it is unpickled."""

    def __reduce__(self) -> Any:
        return (Path.write_text, (Path("trap-was-sprung"), ""))


def test_what_is_no_model_is_refused_and_nothing_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    import pickle
    import zipfile

    monkeypatch.chdir(tmp_path)
    good = affine(1, 0)
    (tmp_path / "pickle.onnx").write_bytes(pickle.dumps(Trap()))
    (tmp_path / "protocol0.onnx").write_bytes(pickle.dumps(Trap(), 0))
    with zipfile.ZipFile(tmp_path / "torch.onnx", "w") as file:
        file.writestr("archive/data.pkl", pickle.dumps(Trap()))
    (tmp_path / "empty.onnx").write_bytes(b"")
    (tmp_path / "text.onnx").write_text("<html>not found</html>")
    (tmp_path / "xml.onnx").write_text('<?xml version="1.0"?><net name="x" version="11"><layers/></net>')
    (tmp_path / "zeros.onnx").write_bytes(bytes(4000))
    (tmp_path / "ort.onnx").write_bytes(b"\x18\x00\x00\x00ORTM" + bytes(100))
    (tmp_path / "tail.onnx").write_bytes(good + b"\x3a\xff")
    before = set(tmp_path.iterdir())
    for path in sorted(before):
        for backend in ("auto", "openvino"):
            with pytest.raises(WeightsError) as caught:
                open_model(path, backend=backend)
            assert path.name in str(caught.value) and "\n" not in str(caught.value)
    assert set(tmp_path.iterdir()) == before
    assert capfd.readouterr() == ("", "")


def test_a_model_cut_short_anywhere_is_refused() -> None:
    good = conv(KERNEL)
    for end in range(0, len(good) - 1, 7):
        with pytest.raises(WeightsError):
            open_model(good[:end], backend="onnxruntime")


def test_unknown_operations_are_no_plugins(capfd: pytest.CaptureFixture[str]) -> None:
    model = build([node("Spell", "x", "y", domain="evil.domain")])
    model.opset_import.append(helper.make_opsetid("evil.domain", 1))
    with pytest.raises(WeightsError, match="cannot be loaded"):
        open_model(model.SerializeToString())
    assert capfd.readouterr() == ("", "")


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="there is no file"):
        open_model(tmp_path / "none.onnx")
    with pytest.raises(SourceError, match="is no file"):
        open_model(tmp_path)
    (tmp_path / "m.onnx").write_bytes(affine(1, 0))
    with pytest.raises(SourceError, match="more than 100 bytes"):
        open_model(tmp_path / "m.onnx", limit=100)
    with pytest.raises(SourceError, match="more than 100 bytes"):
        open_model(affine(1, 0), limit=100)
    with pytest.raises(SourceError):
        open_model(Path("nul\0byte"))


def beside(location: str, **more: str) -> onnx.ModelProto:
    """y = x + c, with c in another file."""
    model = build([node("Add", "x", "c", "y")], {"c": np.arange(3, dtype=np.float32).reshape(1, 3, 1, 1)})
    point(model.graph.initializer[0], location, **more)
    return model


def point(tensor: onnx.TensorProto, location: str, **more: str) -> None:
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in {"location": location, "offset": "0", "length": "12", **more}.items():
        tensor.external_data.add(key=key, value=value)


@pytest.mark.parametrize("backend", BACKENDS)
def test_numbers_in_a_file_beside_the_model(backend: str, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "c.bin").write_bytes(np.float32([1, 2, 3]).tobytes())
    (tmp_path / "m.onnx").write_bytes(beside("data/c.bin").SerializeToString())
    (y,) = open_model(tmp_path / "m.onnx", backend=backend)(x=PICTURE)
    np.testing.assert_allclose(y, PICTURE + np.float32([1, 2, 3]).reshape(1, 3, 1, 1), rtol=1e-6)
    with pytest.raises(SourceError, match="the limit for models"):
        open_model(tmp_path / "m.onnx", limit=(tmp_path / "m.onnx").stat().st_size + 11)
    with pytest.raises(WeightsError, match="open it by its path"):
        open_model((tmp_path / "m.onnx").read_bytes())


LOCATIONS = [
    "../secret",
    "sub/../../secret",
    "{absolute}",
    "link",
    "*/_ORT_MEM_ADDR_/*",
    "C:\\secret",
    "..\\secret",
    "",
    "a\0b",
    "sub",
    "absent",
]


@pytest.mark.parametrize("location", LOCATIONS)
@pytest.mark.parametrize("place", ["initializer", "constant node", "subgraph", "sparse", "function"])
def test_numbers_outside_the_models_folder_are_refused(location: str, place: str, tmp_path: Path) -> None:
    secret, folder = tmp_path / "secret", tmp_path / "model"
    secret.write_bytes(bytes(12))
    (folder / "sub").mkdir(parents=True)
    (folder / "link").symlink_to(secret)
    location = location.replace("{absolute}", str(secret))
    model = beside("unused")
    tensor = model.graph.initializer.pop()
    del tensor.external_data[:]
    point(tensor, location)
    if place == "initializer":
        model.graph.initializer.append(tensor)
    elif place == "sparse":
        model.graph.sparse_initializer.add().values.CopyFrom(tensor)
    elif place == "function":
        model.functions.add(name="f", domain="d").node.append(helper.make_node("Constant", [], ["c"], value=tensor))
    else:
        inner = helper.make_node("Constant", [], ["c"], value=tensor)
        if place == "subgraph":
            inner = helper.make_node("If", ["x"], ["c"], then_branch=helper.make_graph([inner], "then", [], []))
        model.graph.node.insert(0, inner)
    (folder / "m.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(WeightsError, match=r"refused|not there"):
        open_model(folder / "m.onnx")


def test_graphs_nested_without_end_are_refused() -> None:
    graph = b""
    for _ in range(400):  # graph > node > attribute > graph
        for field in (0x32, 0x2A, 0x0A):
            length = len(graph)
            size = bytes([length & 127 | 128, length >> 7]) if length > 127 else bytes([length])
            graph = bytes([field]) + size + graph
    length = len(graph)
    head = bytes([0x08, 8, 0x42, 0, 0x3A, length & 127 | 128, length >> 7])
    with pytest.raises(WeightsError, match="deeper than"):
        open_model(head + graph)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_looking_through_bytes_never_fails_otherwise(data: st.DataObject) -> None:
    """Bytes changed, put in and taken out of a model, and bytes of nothing at all: an outline, or a WeightsError."""
    good = beside("c.bin", checksum="x").SerializeToString()
    if data.draw(st.booleans()):
        bad = data.draw(st.binary(max_size=200))
    else:
        at, more = data.draw(st.integers(0, len(good))), data.draw(st.binary(max_size=6))
        bad = good[:at] + more + good[at + data.draw(st.integers(0, 8)) :]
    try:
        outline = room._looked_through(bad, "it")
    except WeightsError:
        return
    assert all(isinstance(port.name, str) for port in outline.inputs + outline.outputs)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 5000), st.one_of(st.integers(0, 2**64 - 1), st.binary(max_size=50)))))
def test_the_wire_format_is_read_as_it_is_written(fields: list[tuple[int, int | bytes]]) -> None:
    def varint(value: int) -> bytes:
        return bytes([value & 127 | 128]) + varint(value >> 7) if value > 127 else bytes([value])

    message = b"".join(
        varint(number << 3) + varint(value) if isinstance(value, int) else varint(number << 3 | 2) + varint(len(value)) + value
        for number, value in fields
    )
    found = [(number, value if isinstance(value, int) else bytes(value)) for number, value in room._fields(memoryview(message))]
    assert found == fields


def test_the_outline_is_what_onnx_reads() -> None:
    model = build(
        [node("Mul", "x", "scale", "y")],
        {"scale": np.float32(3)},
        [1, "h", 7, 3],
        [1, 2, None, 3],
        TensorProto.FLOAT16,
        metadata={"k": "v"},
    )
    outline = room._looked_through(model.SerializeToString(), "it")
    assert outline.inputs == [Port("x", "float16", (1, None, 7, 3))]
    assert outline.outputs == [Port("y", "float16", (1, 2, None, 3))]
    assert (outline.constants, outline.metadata, outline.external) == ({"scale"}, {"k": "v"}, set())
    assert numpy_helper.to_array(model.graph.initializer[0]) == 3


# Measuring ----------------------------------------------------------------------------------------------------------------


def scripted(monkeypatch: pytest.MonkeyPatch, seconds: dict[str, float], errors: dict[str, float] | None = None) -> list[str]:
    """Backends that take so long, by a clock of the test's own, and are off by so much. Gives the list of runs."""
    now, ran = [0.0], list[str]()
    monkeypatch.setattr(room, "_has_openvino", lambda: True)
    monkeypatch.setattr(room.time, "perf_counter", lambda: now[0])

    def opened(self: Runner, backend: str) -> Any:
        if backend not in seconds:
            raise WeightsError(f"{backend} does not do that")

        def run(arrays: Any) -> list[np.ndarray]:
            now[0] += seconds[backend]
            ran.append(backend)
            return [arrays["x"] + np.float32((errors or {}).get(backend, 0))]

        return run

    monkeypatch.setattr(Runner, "_opened", opened)
    return ran


ORT, OV32, OV16 = "onnxruntime", "openvino-float32", "openvino-bfloat16"
CASES: list[tuple[dict[str, float], dict[str, float], str]] = [
    ({ORT: 0.02, OV32: 0.01}, {}, OV32),
    ({ORT: 0.01, OV32: 0.02}, {}, ORT),
    ({ORT: 0.01, OV32: 0.0098}, {}, ORT),  # less than noise
    ({ORT: 0.02, OV32: 0.01, OV16: 0.005}, {}, OV16),
    ({ORT: 0.02, OV32: 0.01, OV16: 0.015}, {}, OV32),
    ({ORT: 0.02, OV32: 0.01, OV16: 0.005}, {OV16: 0.005}, OV16),  # half a hundredth off: rounding
    ({ORT: 0.02, OV32: 0.01, OV16: 0.005}, {OV16: 0.05}, OV32),
    ({ORT: 0.02, OV32: 0.01}, {OV32: 0.005}, ORT),  # too far off for float32
    ({ORT: 0.02, OV32: 0.01}, {OV32: np.nan}, ORT),
    ({ORT: 0.02}, {}, ORT),
]


@pytest.mark.parametrize("seconds, errors, chosen", CASES)
def test_the_faster_that_agrees_is_chosen_and_remembered(
    seconds: dict[str, float], errors: dict[str, float], chosen: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = scripted(monkeypatch, seconds, errors)
    model = open_model(affine(1, 0))
    assert (model.backend, ran) == (ORT, [])
    model(x=PICTURE)
    assert ran[0] == ORT and model.backend == chosen
    assert ran.count(ORT) < 12  # and it is over soon
    ran.clear()
    model(x=PICTURE)
    assert ran == [chosen]
    assert open_model(affine(1, 0)).backend == chosen
    assert open_model(affine(1, 0.5)).backend == ORT  # another model
    assert open_model(affine(1, 0), threads=7).backend == ORT  # another number of threads


def test_measuring_stays_within_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    ran = scripted(monkeypatch, {ORT: 0.3, OV32: 0.1})
    model = open_model(affine(1, 0))
    model(x=PICTURE)
    assert ran == [ORT, ORT] and model.backend == ORT  # too slow to be measured
    assert not open_model(affine(1, 0)).settled
    ran = scripted(monkeypatch, {ORT: 0.2, OV32: 0.1})
    model = open_model(affine(1, 0))
    model(x=PICTURE)
    assert model.backend == OV32 and sum({ORT: 0.2, OV32: 0.1}[name] for name in ran[1:]) < 1.25 * room.BUDGET
    assert open_model(affine(1, 0)).settled


@pytest.mark.parametrize("seconds, chosen", [({ORT: 0.5, OV32: 0.3}, OV32), ({ORT: 5.0, OV32: 0.1}, ORT), ({OV32: 0.1}, ORT)])
def test_a_machine_too_busy_to_measure_on_is_asked_so_often_and_no_more(
    seconds: dict[str, float], chosen: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = scripted(monkeypatch, {ORT: 0.0, **seconds})
    for _ in range(room.TRIES):
        model = open_model(affine(1, 0))
        assert not model.settled and model.backend == ORT
        if ORT not in seconds:  # a model that fails on what it says it can be measured with
            monkeypatch.setattr(model, "_example", lambda: (_ for _ in ()).throw(WeightsError("no")))
        model(x=PICTURE)
    assert model.backend == chosen
    ran.clear()
    settled = open_model(affine(1, 0))
    assert settled.settled and settled.backend == chosen
    settled(x=PICTURE)
    assert ran == [chosen]


def test_memory_that_runs_out_is_no_fault_of_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """README: exit code 1. Nor is it the model's, and it is no use to try another backend."""
    real = room._onnxruntime()
    for error in (
        MemoryError("std::bad_alloc"),
        RuntimeError("[ONNXRuntimeError] : 6 : bad allocation"),
        RuntimeError("Failed to allocate memory"),
    ):

        class Session:
            def __init__(self, *given: Any, error: Exception = error, **options: Any) -> None:
                self.error = error

            def disable_fallback(self) -> None: ...

            def get_providers(self) -> list[str]:
                return ["CPUExecutionProvider"]

            def run(self, *given: Any) -> Any:
                raise self.error

        monkeypatch.setattr(real, "InferenceSession", Session)
        with pytest.raises(AtelierError, match=r"not enough memory.*--tile") as caught:
            open_model(affine(1, 0), backend="onnxruntime")(x=PICTURE)
        assert caught.value.exit_code == 1 and not isinstance(caught.value, (SettingError, WeightsError))


def test_a_model_of_many_inputs_says_what_to_measure_with(monkeypatch: pytest.MonkeyPatch) -> None:
    ran = scripted(monkeypatch, {ORT: 0.02, OV32: 0.01})
    value = lambda name: helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, "n"])  # noqa: E731
    graph = helper.make_graph([node("Add", "x", "z", "y")], "graph", [value("x"), value("z")], [value("y")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    row = np.zeros((1, 3), np.float32)
    for example, chosen in [("", ORT), ('{"x": [1, 9], "z": [1, 9]}', OV32), ('{"x": [1, 9]}', ORT), ("[[[", ORT), ('{"x": "y"}', ORT)]:
        helper.set_model_props(model, {"atelier.example": example} if example else {})
        opened = open_model(model.SerializeToString())
        opened(x=row, z=row)
        assert opened.backend == chosen, example
    assert OV32 in ran


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '"x"', "\x00\xff", '{"key": ["openvino-float32"], "b": 7, "c": -1}', "[" * 100_000]
)
def test_a_damaged_cache_is_none(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    scripted(monkeypatch, {ORT: 0.02, OV32: 0.01})
    choices_file().parent.mkdir(parents=True)
    choices_file().write_text(text, encoding="latin-1")
    open_model(affine(1, 0))(x=PICTURE)
    assert open_model(affine(1, 0)).backend == OV32
    assert list(json.loads(choices_file().read_text()).values()) == [OV32]
    assert [path.name for path in choices_file().parent.iterdir()] == [choices_file().name]


def test_a_cache_that_cannot_be_written_is_none(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scripted(monkeypatch, {ORT: 0.02, OV32: 0.01})
    cache.write_text("a file where the folder should be")
    model = open_model(affine(1, 0))
    np.testing.assert_array_equal(model(x=PICTURE)[0], PICTURE)
    assert model.backend == OV32


def test_the_cache_does_not_grow_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    for i in range(room.REMEMBERED + 5):
        room._remember(f"key {i}", ORT)
    kept = list(json.loads(choices_file().read_text()))
    assert len(kept) == room.REMEMBERED and kept[-1] == f"key {room.REMEMBERED + 4}"


def test_a_backend_that_fails_gives_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """OpenVINO was the faster, and then meets a size that it cannot do; or it is gone."""
    scripted(monkeypatch, {ORT: 0.02, OV32: 0.01})
    open_model(affine(1, 0))(x=PICTURE)
    scripted(monkeypatch, {ORT: 0.02})
    assert open_model(affine(1, 0)).backend == ORT
    scripted(monkeypatch, {ORT: 0.02, OV32: 0.01})
    model = open_model(affine(1, 0))
    assert model.backend == OV32

    def fails(arrays: Any) -> list[np.ndarray]:
        raise WeightsError("not at this size")

    model._run = fails
    np.testing.assert_array_equal(model(x=PICTURE)[0], PICTURE)
    assert model.backend == ORT


def test_openvino_alone_measures_its_precisions(monkeypatch: pytest.MonkeyPatch) -> None:
    scripted(monkeypatch, {OV32: 0.02, OV16: 0.01})
    model = open_model(affine(1, 0), backend="openvino")
    assert model.backend == OV32
    model(x=PICTURE)
    assert model.backend == OV16
    assert open_model(affine(1, 0), backend="openvino").backend == OV16


@needs_openvino
def test_measured_in_earnest() -> None:
    model = open_model(conv(KERNEL))
    (first,) = model(x=PICTURE)
    assert (set(model.seconds) >= {ORT, OV32} and model.seconds[model.backend] == min(model.seconds.values())) or model.backend == ORT
    np.testing.assert_allclose(model(x=PICTURE)[0], first, atol=1e-5)
    again = open_model(conv(KERNEL))
    assert again.backend == model.backend
    again(x=PICTURE)
    assert again.seconds == {}


def test_agreement_is_of_values_to_their_span() -> None:
    wanted = [np.linspace(0, 255, 1000, dtype=np.float32)]
    off = [wanted[0] + np.float32(2)]  # 0.8 % of the span
    assert agrees(off, wanted, (0.01, 0.1)) and not agrees(off, wanted, (0.005, 0.1))
    spike = [wanted[0].copy()]
    spike[0][5] += 40
    assert not agrees(spike, wanted, (0.01, 0.1))
    assert not agrees([], wanted, (1, 1)) and not agrees([wanted[0][:5]], wanted, (1, 1))
    assert agrees([np.full(3, 7.0)], [np.full(3, 7.001)], (1e-3, 1e-3))  # flat
