"""Files that are no models are refused, and models are read as ONNX reads them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from atelier.engines.network import onnx_file
from atelier.engines.network.backends import has_openvino
from atelier.engines.network.onnx_file import Port
from atelier.engines.network.runner import open_model
from atelier.errors import SourceError, WeightsError

sys.path.insert(0, str(Path(__file__).parent))
from onnx_models import affine, build, conv, node

needs_openvino = pytest.mark.skipif(not has_openvino(), reason="OpenVINO is an extra")
BACKENDS = ["onnxruntime", pytest.param("openvino", marks=needs_openvino)]
RNG = np.random.default_rng(0)
PICTURE = RNG.random((1, 3, 12, 20), np.float32)
KERNEL = RNG.standard_normal((3, 3, 3, 3)).astype(np.float32) / 5


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
        outline = onnx_file.read_outline(bad, "it")
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
    found = [(number, value if isinstance(value, int) else bytes(value)) for number, value in onnx_file._fields(memoryview(message))]
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
    outline = onnx_file.read_outline(model.SerializeToString(), "it")
    assert outline.inputs == [Port("x", "float16", (1, None, 7, 3))]
    assert outline.outputs == [Port("y", "float16", (1, 2, None, 3))]
    assert (outline.constants, outline.metadata, outline.external) == ({"scale"}, {"k": "v"}, set())
    assert numpy_helper.to_array(model.graph.initializer[0]) == 3
