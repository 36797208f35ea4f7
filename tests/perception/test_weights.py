"""Weights: found, loaded in any public convention, pulled from real (local) servers that behave and misbehave, verified."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from atelier.errors import Cancelled, OutputError, SettingError, WeightsError
from atelier.media import connection, remote
from atelier.perception import store
from atelier.perception.convention import FEATURES, LAYERS, MEAN
from atelier.perception.pull import pull
from atelier.perception.record import record, verify
from atelier.perception.store import find, known
from atelier.perception.weights import digest, load
from atelier.progress import Progress

WIDTHS = (8, 8, 16, 16, 24, 24, 24, 24, 32, 32, 32, 32, 32)
TORCH_MEAN, TORCH_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
TORCH_NAMES = {layer: f"features.{number}" for number, layer in FEATURES.items()}
KERAS_NAMES = {layer: f"block{layer[4]}_conv{layer[6]}" for layer in LAYERS}

Tensors = dict[str, np.ndarray]


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No weights, no cache and no network of the machine's own, and a vgg19 of tiny widths."""
    monkeypatch.delenv("ATELIER_WEIGHTS", raising=False)
    monkeypatch.delenv("ATELIER_WEIGHTS_URL", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(store, "shipped_folder", lambda: tmp_path / "models")
    monkeypatch.setitem(store.NETWORKS, "vgg19", dataclasses.replace(store.NETWORKS["vgg19"], widths=WIDTHS))


def net(seed: int = 0, names: dict[str, str] | None = None, dtype: Any = np.float32) -> Tensors:
    """A random network of the plan, scaled so that activations neither die nor explode."""
    rng = np.random.default_rng(seed)
    out, channels = {}, 3
    for layer, width in zip(LAYERS, WIDTHS, strict=True):
        name = names[layer] if names else layer
        out[f"{name}.weight"] = (rng.standard_normal((width, channels, 3, 3)) * np.sqrt(2 / 9 / channels)).astype(dtype)
        out[f"{name}.bias"] = (rng.standard_normal(width) * 0.1).astype(dtype)
        channels = width
    return out


def write(path: Path, tensors: Tensors, metadata: dict[str, str] | None = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    safetensors.numpy.save_file(tensors, path, metadata)
    return path


def raw(header: Any, data: bytes = b"") -> bytes:
    blob = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(blob)) + blob + data


# Find -----------------------------------------------------------------------------------------------------------------


def test_layers_are_those_of_the_plan() -> None:
    pytest.importorskip("torch")
    from atelier.perception import network

    assert network.CONVS == LAYERS
    assert network.MEAN == MEAN


def test_needs_no_torch() -> None:
    code = "import sys, atelier.perception.pull, atelier.perception.store as s; s.known(); assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_find_looks_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cached = write(store.cache_folder() / "vgg19.safetensors", net())
    assert find("vgg19") == cached
    shipped = write(tmp_path / "models" / "vgg19.safetensors", net())
    assert find("vgg19") == shipped
    folder = write(tmp_path / "own" / "vgg19.safetensors", net())
    monkeypatch.setenv("ATELIER_WEIGHTS", os.pathsep.join(["", str(tmp_path / "absent"), str(folder.parent)]))
    assert find("vgg19") == folder
    single = write(tmp_path / "single" / "vgg19.safetensors", net())
    monkeypatch.setenv("ATELIER_WEIGHTS", os.pathsep.join([str(single), str(folder.parent)]))
    assert find("vgg19") == single
    monkeypatch.setenv("ATELIER_WEIGHTS", str(tmp_path / "single" / "other.safetensors"))
    assert find("vgg19") == shipped


def test_find_takes_paths(tmp_path: Path) -> None:
    path = write(tmp_path / "mine.safetensors", net())
    assert find(path) == find(str(path)) == path
    with pytest.raises(WeightsError, match=r"no weights at .*absent\.safetensors"):
        find(tmp_path / "absent.safetensors")


def test_not_found_says_what_to_do() -> None:
    with pytest.raises(WeightsError) as error:
        find("vgg19")
    assert str(error.value) == (
        "no weights for vgg19: run `atelier weights pull vgg19` (about 50 MB), or point $ATELIER_WEIGHTS at a folder that holds "
        "vgg19.safetensors"
    )
    with pytest.raises(WeightsError, match="comes with atelier"):
        find("pocket")
    for name in ("resnet", "", ".", "~nobody/x"):
        with pytest.raises(WeightsError):
            find(name)


@pytest.mark.skipif(sys.platform in {"win32", "darwin"}, reason="the XDG place of caches")
def test_cache_follows_xdg(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert store.cache_folder() == tmp_path / "cache" / "atelier" / "weights"
    monkeypatch.setenv("HOME", "/home/somebody")
    for ignored in ("", "relative"):
        monkeypatch.setenv("XDG_CACHE_HOME", ignored)
        assert store.cache_folder() == Path("/home/somebody/.cache/atelier/weights")


def test_known_lists_what_is_there() -> None:
    path = write(store.cache_folder() / "vgg19.safetensors", net())
    states = {state.name: state for state in known()}
    assert states["vgg19"].path == path
    assert states["vgg19"].size == path.stat().st_size
    assert not states["vgg19"].shipped
    assert states["pocket"].path is None
    assert states["pocket"].shipped
    assert all(state.licence and state.description for state in states.values())


# Load -----------------------------------------------------------------------------------------------------------------


def test_load_pocket_with_metrics(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tensors = net(dtype=np.float16)
    tensors["conv4_1.metric"] = np.triu(np.ones((32, 32), np.float16))
    write(tmp_path / "pocket.safetensors", tensors, {"input": "RGB 0..255 minus mean", "mean": "123.68,116.779,103.939", "pool": "max 2x2"})
    monkeypatch.setenv("ATELIER_WEIGHTS", str(tmp_path))
    loaded = load("pocket")
    assert tuple(loaded.layers) == LAYERS
    assert loaded.mean == MEAN
    assert list(loaded.metrics) == ["conv4_1"]
    np.testing.assert_array_equal(loaded.metrics["conv4_1"], tensors["conv4_1.metric"])
    for layer, (weight, bias) in loaded.layers.items():
        assert weight.dtype == bias.dtype == np.float16
        assert weight.flags.writeable
        np.testing.assert_array_equal(weight, tensors[f"{layer}.weight"])
        np.testing.assert_array_equal(bias, tensors[f"{layer}.bias"])


def activations_of(path: Path, rgb: np.ndarray) -> dict[str, np.ndarray]:
    """Through the loader's one convention. rgb (3, H, W) in [0, 1]."""
    torch = pytest.importorskip("torch")
    from atelier.perception.network import activations

    loaded = load(path)
    torch_weights = {
        layer: (torch.from_numpy(w).double(), torch.from_numpy(b.astype(np.float64))) for layer, (w, b) in loaded.layers.items()
    }
    x = torch.from_numpy(rgb * 255 - np.array(loaded.mean)[:, None, None])[None]
    return {layer: t.numpy() for layer, t in activations(torch_weights, x, LAYERS).items()}


@pytest.mark.parametrize(
    ("names", "metadata"),
    [
        (TORCH_NAMES, None),
        (None, {"input": "(RGB / 255 - mean) / std"}),
        (KERAS_NAMES, {"input": "torchvision", "mean": "0.485,0.456,0.406", "std": "0.229,0.224,0.225"}),
        (TORCH_NAMES, {"input": "(BGR / 255 - mean) / std", "channels": "BGR", "mean": "0.406,0.456,0.485", "std": "0.225,0.224,0.229"}),
    ],
)
def test_torchvision_files_act_as_torchvision_nets(tmp_path: Path, names: dict[str, str] | None, metadata: dict[str, str] | None) -> None:
    """The loaded net on RGB 0..255 minus mean equals the file's own net on its own normalisation, borders included."""
    torch = pytest.importorskip("torch")
    from atelier.perception.network import activations

    own, rgb = net(seed=3), np.random.default_rng(1).random((3, 32, 48))
    rgb[:, :2] = 1.0
    normalized = (rgb - np.array(TORCH_MEAN)[:, None, None]) / np.array(TORCH_STD)[:, None, None]
    plain = {layer: tuple(torch.from_numpy(own[f"{layer}.{part}"]).double() for part in ("weight", "bias")) for layer in LAYERS}
    wanted = activations(plain, torch.from_numpy(normalized)[None], LAYERS)
    named = net(seed=3, names=names)
    if metadata and metadata.get("channels") == "BGR":
        first = next(iter(named))
        named[first] = np.ascontiguousarray(named[first][:, ::-1])
    got = activations_of(write(tmp_path / "a.safetensors", named, metadata), rgb)
    for layer in LAYERS:
        np.testing.assert_allclose(got[layer], wanted[layer].numpy(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("names", "metadata", "flip"),
    [
        (KERAS_NAMES, None, False),
        (None, {"input": "0..255 minus mean RGB(123.68,116.779,103.939)", "channels": "RGB"}, False),
        (None, {"input": "caffe", "channels": "BGR"}, True),
        (None, {"input": "BGR 0..255 minus mean"}, True),
        (TORCH_NAMES, {"input": "0..255 minus mean", "channels": "bgr", "mean": "103.939,116.779,123.68"}, True),
    ],
)
def test_one_net_in_every_writing_is_one_net(
    tmp_path: Path, names: dict[str, str] | None, metadata: dict[str, str] | None, flip: bool
) -> None:
    plain = load(write(tmp_path / "plain.safetensors", net(seed=5)))
    tensors = net(seed=5, names=names)
    first = next(iter(tensors))
    if flip:
        tensors[first] = np.ascontiguousarray(tensors[first][:, ::-1])
    tensors["classifier.0.weight"] = np.zeros((4, 4), np.float32)
    other = load(write(tmp_path / "other.safetensors", tensors, metadata))
    assert other.mean == plain.mean == MEAN
    for layer in LAYERS:
        for a, b in zip(plain.layers[layer], other.layers[layer], strict=True):
            np.testing.assert_array_equal(a, b)


def test_the_two_normalizations_describe_the_same_net(tmp_path: Path) -> None:
    """A net rewritten from one convention into the other gives the same activations."""
    torchvision = net(seed=7)
    caffe = dict(torchvision)
    caffe["conv1_1.weight"] = torchvision["conv1_1.weight"] / (255 * np.array(TORCH_STD, np.float32)[:, None, None])
    mean = ",".join(str(255 * m) for m in TORCH_MEAN)
    rgb = np.random.default_rng(2).random((3, 16, 16))
    a = activations_of(write(tmp_path / "a.safetensors", torchvision, {"input": "(RGB / 255 - mean) / std"}), rgb)
    b = activations_of(write(tmp_path / "b.safetensors", caffe, {"input": "RGB 0..255 minus mean", "mean": mean}), rgb)
    for layer in LAYERS:
        np.testing.assert_allclose(a[layer], b[layer], rtol=1e-5, atol=1e-6)


def test_folding_keeps_the_precision_of_float16(tmp_path: Path) -> None:
    loaded = load(write(tmp_path / "a.safetensors", net(names=TORCH_NAMES, dtype=np.float16)))
    assert {a.dtype for pair in loaded.layers.values() for a in pair} == {np.dtype(np.float32)}


def test_bfloat16_and_float64_are_read(tmp_path: Path) -> None:
    tensors = net()
    data, header = b"", {}
    for key, array in tensors.items():
        coded = (array.view(np.uint32) >> 16).astype("<u2").tobytes() if key.endswith("weight") else array.astype("<f8").tobytes()
        header[key] = {
            "dtype": "BF16" if key.endswith("weight") else "F64",
            "shape": array.shape,
            "data_offsets": [len(data), len(data) + len(coded)],
        }
        data += coded
    path = tmp_path / "a.safetensors"
    path.write_bytes(raw(header, data))
    loaded = load(path)
    for layer, (weight, bias) in loaded.layers.items():
        np.testing.assert_allclose(weight, tensors[f"{layer}.weight"], rtol=2**-7)
        np.testing.assert_array_equal(bias, tensors[f"{layer}.bias"])


def without(key: str) -> Tensors:
    return {name: tensor for name, tensor in net().items() if name != key}


@pytest.mark.parametrize(
    ("tensors", "metadata", "message"),
    [
        (without("conv3_2.bias"), None, "no weight and bias for conv3_2"),
        ({"conv0": np.zeros(1)}, None, "no VGG-19"),
        ({**net(), "conv2_1.weight": np.zeros((16, 9, 3, 3), np.float32)}, None, r"conv2_1\.weight .*\(16, 9, 3, 3\).*\(16, 8, 3, 3\)"),
        ({**net(), "conv2_1.bias": np.zeros(15, np.float32)}, None, r"conv2_1\.bias"),
        ({**net(), "conv1_1.weight": np.zeros((3, 3, 3, 8), np.float32)}, None, r"conv1_1\.weight"),
        ({**net(), "conv1_1.weight": np.zeros((), np.float32)}, None, r"conv1_1\.weight"),
        ({**net(), "conv2_1.metric": np.zeros((9, 9), np.float32)}, None, r"conv2_1\.metric"),
        ({**net(), "conv2_1.bias": np.zeros(16, np.int32)}, None, "type 'I32'"),
        ({**net(), "conv2_1.bias": np.full(16, np.nan, np.float32)}, None, r"conv2_1\.bias .* NaN or infinity"),
        ({**net(), "conv2_1.bias": np.full(16, np.inf, np.float16)}, None, "NaN or infinity"),
        ({**net(), "conv2_1.bias": np.full(16, 1e300)}, None, "NaN or infinity"),
        ({**net(), "features.0.bias": np.zeros(8, np.float32)}, None, "under two names"),
        (net(), {"input": "whatever"}, "says its input is 'whatever'"),
        (net(), {"channels": "YUV"}, "channels are 'YUV'"),
        (net(), {"mean": "1,2"}, "three numbers"),
        (net(), {"mean": "1,2,nan"}, "no sense"),
        (net(), {"input": "/255", "std": "1,0,1"}, "no sense"),
    ],
)
def test_unfit_files_are_told_from_fit(tmp_path: Path, tensors: Tensors, metadata: dict[str, str] | None, message: str) -> None:
    with pytest.raises(WeightsError, match=message) as error:
        load(write(tmp_path / "a.safetensors", tensors, metadata))
    assert "\n" not in str(error.value)


ONE = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "cut short"),
        (b"\x02\0\0", "cut short"),
        (struct.pack("<Q", 2), "cut short"),
        (struct.pack("<Q", 1 << 60) + b"{}", "would be"),
        (struct.pack("<Q", 0) + b"{}", "would be"),
        (b"PK\x03\x04" + bytes(100), "pickle"),
        (b"\x80\x02}q\x00." + bytes(100), "pickle"),
        (b"<!DOCTYPE html><html>", "no safetensors file"),
        (raw(b"\xff\xfe"), "cannot be read"),
        (raw(b"[]"), "cannot be read"),
        (raw(b"[" * 100000), "cannot be read"),
        (raw({"a": 3}), "cannot be read"),
        (raw({"__metadata__": {"a": 1}}), "not text"),
        (raw(b'{"a": 1, "a": 1}'), "a name twice"),
        (raw({"a": {**ONE, "data_offsets": [0, 8]}}, bytes(8)), "do not fit"),
        (raw({"a": {**ONE, "data_offsets": [4, 0]}}, bytes(8)), "do not fit"),
        (raw({"a": {**ONE, "shape": [-1]}}, bytes(4)), "no sense"),
        (raw({"a": {**ONE, "shape": [True]}}, bytes(4)), "no sense"),
        (raw({"a": {**ONE, "shape": [1] * 9}}, bytes(4)), "no sense"),
        (raw({"a": {**ONE, "data_offsets": [0.0, 4.0]}}, bytes(4)), "no sense"),
        (raw({"a": ONE, "b": ONE}, bytes(4)), "overlap"),
        (raw({"a": {**ONE, "data_offsets": [4, 8]}}, bytes(8)), "gaps"),
        (raw({"a": ONE}, bytes(3)), r"cut short \(\d+ of \d+ bytes\)"),
        (raw({"a": ONE}, bytes(5)), "damaged"),
        (raw({"a\n\x1b[2J": {**ONE, "shape": [2]}}, bytes(4)), "do not fit"),
    ],
)
def test_what_is_no_sound_safetensors_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=message) as error:
        load(path)
    assert str(error.value).isprintable()


@pytest.fixture(scope="module")
def sound() -> bytes:
    return safetensors.numpy.save(net())


@settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cut=st.integers(0, 5000), region=st.integers(0, 5000), what=st.binary(max_size=12))
def test_damage_never_gets_past_as_another_error(tmp_path: Path, sound: bytes, cut: int, region: int, what: bytes) -> None:
    """Bytes replaced near the header, and bytes cut from the end: loaded all the same, or a WeightsError."""
    path = tmp_path / "a.safetensors"
    damaged = bytearray(sound[: len(sound) - cut])
    damaged[region : region + len(what)] = what
    path.write_bytes(damaged)
    try:
        load(path)
        assert cut == 0
    except WeightsError:
        pass


def test_a_pickle_is_never_opened(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")

    class Trap:
        def __reduce__(self) -> tuple[Any, tuple[str]]:
            return (os.mkdir, (str(tmp_path / "sprung"),))

    path = tmp_path / "vgg19.pth"
    torch.save({"features.0.weight": Trap()}, path)
    with pytest.raises(WeightsError, match=r"pickle.*convert it to \.safetensors"):
        load(path)
    assert not (tmp_path / "sprung").exists()


# Verify ---------------------------------------------------------------------------------------------------------------


def test_verify_with_and_without_a_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "vgg19.safetensors", net())
    monkeypatch.setenv("ATELIER_WEIGHTS", str(tmp_path))
    state = verify("vgg19")
    assert state.ok
    assert state.expected is None
    assert "no digest on record" in state.detail

    beside = record(path, source="here")
    assert beside == tmp_path / "vgg19.json"
    assert json.loads(beside.read_text())["source"] == "here"
    state = verify("vgg19")
    assert state.ok
    assert state.digest == state.expected == digest(path)

    write(path, net(seed=1))
    state = verify("vgg19")
    assert not state.ok
    assert "not what it was" in state.detail
    assert state.digest != state.expected

    path.write_bytes(path.read_bytes()[:-1])
    state = verify("vgg19")
    assert not state.ok
    assert state.digest == ""
    assert "cut short" in state.detail

    beside.write_text("[")
    assert "cannot be read" in verify("vgg19").detail
    with pytest.raises(WeightsError, match="pocket"):
        verify("pocket")


def test_verify_knows_the_registry_too(monkeypatch: pytest.MonkeyPatch) -> None:
    write(store.cache_folder() / "vgg19.safetensors", net())
    monkeypatch.setitem(store.NETWORKS, "vgg19", dataclasses.replace(store.NETWORKS["vgg19"], digest="0" * 64))
    assert not verify("vgg19").ok


def test_the_digest_is_of_the_net_and_not_of_the_file(tmp_path: Path) -> None:
    plain = digest(write(tmp_path / "a.safetensors", net()))
    more = {**net(names=TORCH_NAMES), "classifier.0.weight": np.zeros((3, 3), np.float32)}
    assert digest(write(tmp_path / "b.safetensors", dict(reversed(more.items())), {"a": "b"})) == plain
    assert digest(write(tmp_path / "c.safetensors", net(dtype=np.float16))) != plain
    assert digest(write(tmp_path / "d.safetensors", net(seed=1))) != plain


# Pull -----------------------------------------------------------------------------------------------------------------

CLASSIFIER = 4 << 20
"""Bytes of the part of the file that nobody wants."""


@dataclass
class Site:
    """What a local server holds and how it behaves; how many bytes of body it sent, and for which requests."""

    content: bytes = b""
    etag: str = '"one"'
    ranges: bool = True
    chunked: bool = False
    drop_after: list[int] = field(default_factory=list)  # bytes of body, one for each connection to be cut
    stall: bool = False
    answers: list[int] = field(default_factory=list)  # status codes to give first
    redirect: str = ""
    content_range: str = ""
    extra: dict[str, str] = field(default_factory=dict)
    after_drop: dict[str, Any] = field(default_factory=dict)  # what changes once a connection has been cut
    url: str = ""
    sent: int = 0
    requests: list[dict[str, str]] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        asked = {key.lower(): value for key, value in handler.headers.items()}
        self.requests.append({**asked, ":path": handler.path})
        if handler.path.startswith("/moved"):
            handler.send_response(302)
            handler.send_header("Location", self.redirect)
            handler.send_header("Content-Length", "0")
            handler.end_headers()
            return
        if self.answers:
            handler.send_error(self.answers.pop(0))
            return
        start, stop, total = 0, len(self.content), len(self.content)
        partial = self.ranges and "range" in asked and asked.get("if-range", self.etag) == self.etag
        if partial:
            first, last = asked["range"].removeprefix("bytes=").split("-")
            start, stop = int(first), min(int(last) + 1, total)
            if start >= total:
                handler.send_error(416)
                return
        handler.send_response(206 if partial else 200)
        if partial:
            handler.send_header("Content-Range", self.content_range or f"bytes {start}-{stop - 1}/{total}")
        if self.etag:
            handler.send_header("ETag", self.etag)
        for key, value in self.extra.items():
            handler.send_header(key, value)
        if not self.chunked:
            handler.send_header("Content-Length", str(stop - start))
        handler.end_headers()
        allowed = self.drop_after.pop(0) if self.drop_after and stop - start > 10_000 else None
        body = self.content[start:stop] if allowed is None else self.content[start : min(stop, start + allowed)]
        for at in range(0, len(body), 16 << 10):
            handler.wfile.write(body[at : at + (16 << 10)])
            self.sent += len(body[at : at + (16 << 10)])
        if allowed is not None:
            for key, value in self.after_drop.items():
                setattr(self, key, value)
        if self.stall:
            self.released.wait(20)


@contextmanager
def serving(site: Site) -> Iterator[Site]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            with suppress(OSError):  # the client goes away when it likes
                site.answer(self)
            self.close_connection = True

        def log_message(self, *args: object) -> None: ...

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False

        def handle_error(self, *args: object) -> None: ...

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        site.url = f"http://127.0.0.1:{server.server_port}/model.safetensors"
        try:
            yield site
        finally:
            site.released.set()
            server.shutdown()
            thread.join()


def public_file(seed: int = 0, classifier: int = CLASSIFIER) -> bytes:
    """As the public file is: torchvision's names, sorted, with what nobody wants in the middle and at the end."""
    tensors = net(seed, names=TORCH_NAMES)
    for key in ("features.30.weight", "head.fc.weight"):
        tensors[key] = np.zeros(classifier // 8, np.float32)
    return safetensors.numpy.save(tensors, {"format": "pt"})


PUBLIC = public_file()
WANTED = sum(tensor.nbytes for tensor in net().values())
QUICK = {"timeout": 5.0, "pause": 0.01}


def leftovers(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def assert_installed(path: Path, seed: int = 0) -> None:
    """The net is there whole, under canonical names, readable by the reference library, and nothing else is left."""
    assert leftovers(path.parent) == ["vgg19.json", "vgg19.safetensors"]
    tensors = safetensors.numpy.load_file(path)
    assert tensors.keys() == net().keys()
    for key, value in net(seed).items():
        np.testing.assert_array_equal(tensors[key], value)
    loaded = load(path)
    assert loaded.mean == tuple(255 * m for m in TORCH_MEAN)
    state = verify(path)
    assert state.ok
    assert state.expected == state.digest == digest(path)


def test_pull_fetches_only_the_convolutions(tmp_path: Path) -> None:
    told: list[Progress] = []
    with serving(Site(PUBLIC)) as site:
        path = pull("vgg19", url=site.url, report=told.append, **QUICK)
        assert site.sent < WANTED + 10_000 < len(PUBLIC) / 2
    assert path == store.cache_folder() / "vgg19.safetensors" == find("vgg19")
    assert_installed(path)
    assert (told[0].step, told[-1].step) == (0, WANTED >> 10)
    assert all(p.of == WANTED >> 10 and p.subject == "vgg19" for p in told)
    assert [p.step for p in told] == sorted(p.step for p in told)
    facts = json.loads(path.with_suffix(".json").read_text())
    assert facts["url"] == site.url
    assert facts["source_identity"] == '"one"'
    assert facts["source_bytes"] == len(PUBLIC)


def test_what_is_there_is_not_pulled_again(tmp_path: Path) -> None:
    with serving(Site(PUBLIC)) as site:
        path = pull("vgg19", url=site.url, **QUICK)
        before = len(site.requests)
        assert pull("vgg19", url=site.url, sha256=digest(path).upper(), **QUICK) == path
        assert len(site.requests) == before
        other = site.url + ".other"
        pull("vgg19", url=other, **QUICK)
        assert len(site.requests) > before
        path.write_bytes(path.read_bytes()[:-5])
        assert_installed(pull("vgg19", url=other, **QUICK))


def test_the_source_may_come_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(Site(PUBLIC)) as site:
        monkeypatch.setenv("ATELIER_WEIGHTS_URL", site.url.removesuffix("model.safetensors") + "mirror/")
        assert_installed(pull("vgg19", folder=tmp_path / "here", **QUICK))
        assert {request[":path"] for request in site.requests} == {"/mirror/vgg19.safetensors"}


@pytest.mark.parametrize("chunked", [False, True])
def test_a_server_without_ranges_is_read_up_to_the_last_wanted_byte(chunked: bool) -> None:
    with serving(Site(PUBLIC, ranges=False, chunked=chunked)) as site:
        assert_installed(pull("vgg19", url=site.url, **QUICK))
        assert len(site.requests) == 1


def test_a_server_without_ranges_may_drop_too() -> None:
    with serving(Site(PUBLIC, ranges=False, drop_after=[60_000, CLASSIFIER // 2 + 100_000])) as site:
        assert_installed(pull("vgg19", url=site.url, **QUICK))
        assert len(site.requests) == 3


def test_a_dropped_connection_is_resumed() -> None:
    notes: list[str] = []
    with serving(Site(PUBLIC, drop_after=[50_000, 20_000, 30_000])) as site:
        path = pull("vgg19", url=site.url, retries=1, report=lambda p: notes.append(p.note), **QUICK)
        assert site.sent < WANTED + 10_000
        assert all(request.get("if-range", '"one"') == '"one"' for request in site.requests)
    assert_installed(path)
    assert sum("trying again" in note for note in notes) == 3


def test_a_later_run_goes_on_where_the_first_stopped() -> None:
    with serving(Site(PUBLIC, drop_after=[90_000])) as site:
        with pytest.raises(WeightsError, match=r"what has come is kept, so run this again"):
            pull("vgg19", url=site.url, retries=0, **QUICK)
        (part,) = leftovers(store.cache_folder())
        assert part.endswith(".part")
        assert (store.cache_folder() / part).stat().st_size == 90_000
        before = site.sent
        assert_installed(pull("vgg19", url=site.url, **QUICK))
        assert site.sent - before < WANTED - 90_000 + 10_000


@pytest.mark.parametrize("again", [False, True])
@pytest.mark.parametrize("ranges", [True, False])
def test_a_file_that_changes_is_started_over(again: bool, ranges: bool) -> None:
    """Between two runs, and within one."""
    after = {"content": public_file(seed=9), "etag": '"two"'}
    with serving(Site(PUBLIC, ranges=ranges, drop_after=[90_000], after_drop=after)) as site:
        if again:
            with pytest.raises(WeightsError, match="closed early"):
                pull("vgg19", url=site.url, retries=0, **QUICK)
        assert_installed(pull("vgg19", url=site.url, **QUICK), seed=9)


def test_a_server_that_tells_no_version_is_not_resumed_in_a_later_run() -> None:
    after = {"content": public_file(seed=9)}
    with serving(Site(PUBLIC, etag="", drop_after=[90_000], after_drop=after)) as site:
        with pytest.raises(WeightsError, match="closed early"):
            pull("vgg19", url=site.url, retries=0, **QUICK)
        assert_installed(pull("vgg19", url=site.url, **QUICK), seed=9)


def test_a_file_that_keeps_changing_is_given_up() -> None:
    site = Site(PUBLIC)
    count = iter(range(1000))
    with serving(site):
        with pytest.raises(WeightsError, match="keeps changing"):
            pull("vgg19", url=site.url, report=lambda _: setattr(site, "etag", f'"{next(count)}"'), retries=2, **QUICK)
        assert not find_or_none()


def find_or_none() -> Path | None:
    try:
        return find("vgg19")
    except WeightsError:
        return None


def test_another_content_than_the_digest_says_is_thrown_away() -> None:
    with serving(Site(PUBLIC)) as site:
        with pytest.raises(WeightsError, match="nothing was installed"):
            pull("vgg19", url=site.url, sha256="0" * 64, **QUICK)
        assert leftovers(store.cache_folder()) == []
        right = hashlib.sha256()
        for key, array in net().items():
            right.update(f"{key} F32 {','.join(map(str, array.shape))}\n".encode() + array.tobytes())
        assert_installed(pull("vgg19", url=site.url, sha256=right.hexdigest(), **QUICK))


def test_numbers_that_are_none_are_not_installed() -> None:
    tensors = net(names=TORCH_NAMES)
    tensors["features.5.bias"][3] = np.nan
    with serving(Site(safetensors.numpy.save(tensors))) as site:
        with pytest.raises(WeightsError, match="NaN or infinity"):
            pull("vgg19", url=site.url, **QUICK)
        assert leftovers(store.cache_folder()) == []


def test_redirects_are_followed_with_the_range() -> None:
    with serving(Site(PUBLIC)) as site:
        site.redirect = site.url + "?signature=secret"
        path = pull("vgg19", url=site.url.replace("model", "moved"), **QUICK)
        assert site.sent < WANTED + 10_000
        assert any(request[":path"].endswith("secret") and "range" in request for request in site.requests)
        assert_installed(path)
        assert "secret" not in path.with_suffix(".json").read_text()


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://127.0.0.1/x", "/moved", "data:text/plain,x", "http://["])
def test_redirects_to_elsewhere_are_not_followed(target: str) -> None:
    with serving(Site(PUBLIC, redirect=target)) as site, pytest.raises(WeightsError):
        pull("vgg19", url=site.url.replace("model", "moved"), retries=0, **QUICK)


def test_no_redirect_from_https_down_to_http(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server at https is one that speaks http behind the door, so that no certificate is needed."""
    monkeypatch.setattr(connection, "_secured", lambda plain, address: plain)
    with serving(Site(PUBLIC)) as site:
        site.redirect = site.url + "?key=secret"
        with pytest.raises(WeightsError, match="not safe to follow") as error:
            pull("vgg19", url=site.url.replace("model", "moved").replace("http:", "https:") + "?key=secret", **QUICK)
        assert "secret" not in str(error.value)
        assert len(site.requests) == 1


def test_a_public_source_may_not_lead_inside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "is_local", lambda url: False)
    with serving(Site(PUBLIC)) as site:
        site.redirect = site.url
        with pytest.raises(WeightsError, match="private address"):
            pull("vgg19", url=site.url.replace("model", "moved"), **QUICK)


def test_the_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(Site(PUBLIC)) as site:
        monkeypatch.setenv("no_proxy", "")
        monkeypatch.setenv("http_proxy", site.url.replace("//", "//me:secret@").removesuffix("/model.safetensors"))
        assert_installed(pull("vgg19", url="http://mirror.invalid/model.safetensors", **QUICK))
        assert {request[":path"] for request in site.requests} == {"http://mirror.invalid/model.safetensors"}
        assert {request["host"] for request in site.requests} == {"mirror.invalid"}
        assert {request["proxy-authorization"] for request in site.requests} == {"Basic bWU6c2VjcmV0"}


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_a_refusal_is_final(status: int) -> None:
    with serving(Site(PUBLIC, answers=[status] * 9)) as site:
        with pytest.raises(WeightsError, match=rf"server answers {status} .*`?url`?"):
            pull("vgg19", url=site.url, **QUICK)
        assert len(site.requests) == 1


def test_a_busy_server_is_asked_again() -> None:
    with serving(Site(PUBLIC, answers=[503, 429])) as site:
        assert_installed(pull("vgg19", url=site.url, **QUICK))
    with serving(Site(PUBLIC, answers=[500] * 9)) as site:
        with pytest.raises(WeightsError, match=r"500 Internal Server Error$"):
            pull("vgg19", url=site.url, retries=2, folder=Path(store.cache_folder() / "b"), **QUICK)
        assert len(site.requests) == 3


def test_a_server_that_falls_silent_is_given_up() -> None:
    with serving(Site(PUBLIC, drop_after=[70_000] * 9, stall=True, chunked=True)) as site:
        with pytest.raises(WeightsError, match=r"no answer for 0\.2 s"):
            pull("vgg19", url=site.url, retries=0, timeout=0.2, pause=0.01)
        site.drop_after.clear()
        assert_installed(pull("vgg19", url=site.url, **QUICK))


def test_nobody_there() -> None:
    with serving(Site(PUBLIC)) as site:
        pass
    with pytest.raises(WeightsError, match="cannot fetch http://127"):
        pull("vgg19", url=site.url, retries=1, **QUICK)


@pytest.mark.parametrize(
    ("site", "message"),
    [
        (Site(PUBLIC, content_range="bytes 5-12/100"), "answers a range with something else"),
        (Site(PUBLIC, content_range="items"), "answers a range with something else"),
        (Site(PUBLIC, content_range="bytes 0-7/5"), "only 5 bytes long"),
        (Site(PUBLIC, content_range=f"bytes 0-7/{1 << 70}"), "something else|damaged"),
        (Site(PUBLIC, extra={"Content-Encoding": "gzip"}), "compressed"),
        (Site(PUBLIC[:5]), "cut short"),
        (Site(b""), "cut short"),
        (Site(PUBLIC[:100]), "cut short"),
        (Site(PUBLIC[:-1]), "damaged"),
        (Site(PUBLIC + b"x"), "damaged"),
        (Site(PUBLIC[:-1], ranges=False), "damaged"),
        (Site(PUBLIC[:-1], ranges=False, chunked=True), ""),
        (Site(struct.pack("<Q", 17 << 20) + bytes(100)), "no safetensors"),
        (Site(b"<!DOCTYPE html><title>Log in"), "no safetensors"),
        (Site(b"PK\x03\x04" + bytes(100)), "pickle"),
        (Site(raw({"a": ONE, "b": ONE}, bytes(4))), "overlap"),
        (Site(raw({"a": {**ONE, "data_offsets": [0, 1 << 60], "shape": [1 << 58]}}, bytes(4))), "damaged"),
        (Site(safetensors.numpy.save({"classifier.0.weight": np.zeros(3)})), "no VGG-19"),
        (Site(safetensors.numpy.save(net(), {"input": "whatever"})), "says its input is"),
        (Site(safetensors.numpy.save({**net(), "conv5_1.bias": np.zeros(31, np.float32)})), r"conv5_1\.bias"),
    ],
)
def test_lies_and_other_files_are_told(site: Site, message: str) -> None:
    with serving(site):
        if not message:  # the end that is missing is not of what is wanted
            assert_installed(pull("vgg19", url=site.url, **QUICK))
            return
        with pytest.raises(WeightsError, match=message):
            pull("vgg19", url=site.url, retries=1, **QUICK)
    assert leftovers(store.cache_folder()) == []


def test_a_net_of_other_widths_is_not_vgg19(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.setenv("no_proxy", "*")
    with serving(Site(PUBLIC)) as site, pytest.raises(WeightsError, match=r"conv1_1\.weight .*\(8, 3, 3, 3\).*\(64, 3, 3, 3\)"):
        pull("vgg19", url=site.url, folder=tmp_path, **QUICK)
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize("stop", [Cancelled, KeyboardInterrupt])
def test_an_interrupted_pull_can_be_resumed(stop: type[BaseException]) -> None:
    def report(progress: Progress) -> None:
        if progress.step > 120:
            raise stop("enough")

    with serving(Site(PUBLIC)) as site:
        with pytest.raises(stop):
            pull("vgg19", url=site.url, report=report, **QUICK)
        (part,) = leftovers(store.cache_folder())
        kept = (store.cache_folder() / part).stat().st_size
        assert kept > 120 << 10
        told: list[Progress] = []
        assert_installed(pull("vgg19", url=site.url, report=told.append, **QUICK))
        assert told[0].step == kept >> 10


def test_two_pulls_at_once_end_well() -> None:
    with serving(Site(PUBLIC)) as site:
        paths: list[Path] = []
        gate = threading.Barrier(2)

        def report(progress: Progress) -> None:
            if progress.step == 0 and progress.of > 1:
                gate.wait(5)

        threads = [threading.Thread(target=lambda: paths.append(pull("vgg19", url=site.url, report=report, **QUICK))) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(paths) == 2
        assert_installed(paths[0])


def test_the_converted_file_keeps_its_convention(tmp_path: Path) -> None:
    """From a file in Caffe's order of channels with metadata; its own type is kept."""
    tensors = net(dtype=np.float16)
    metadata = {"input": "BGR 0..255 minus mean", "channels": "BGR", "mean": "103.939,116.779,123.68"}
    source = write(tmp_path / "source.safetensors", tensors, metadata)
    with serving(Site(source.read_bytes())) as site:
        pulled = load(pull("vgg19", url=site.url, **QUICK))
    wanted = load(source)
    assert pulled.mean == wanted.mean == MEAN
    np.testing.assert_array_equal(pulled.layers["conv1_1"][0], wanted.layers["conv1_1"][0])
    assert pulled.layers["conv1_1"][0].dtype == np.float16
    assert digest(pulled.path) == digest(source)


def test_pull_checks_what_it_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for url in ("file:///etc/passwd", "ftp://a/b", "nonsense", "http://", "http://[/x"):
        with pytest.raises(SettingError, match="http or https"):
            pull("vgg19", url=url)
    with pytest.raises(WeightsError, match="malformed"):
        pull("vgg19", url="http://127.0.0.1:99999999/a b", retries=0)
    with pytest.raises(SettingError, match="64 hexadecimal"):
        pull("vgg19", sha256="abc")
    with pytest.raises(WeightsError, match="no network called 'resnet' to pull"):
        pull("resnet")
    with pytest.raises(WeightsError, match="comes with atelier"):
        pull("pocket")
    shipped = write(tmp_path / "models" / "pocket.safetensors", net())
    assert pull("pocket") == shipped
    (tmp_path / "taken").write_text("a file where a folder should be")
    with pytest.raises(OutputError, match="cannot write to"):
        pull("vgg19", url="http://127.0.0.1:9/x", folder=tmp_path / "taken")


# The real thing -------------------------------------------------------------------------------------------------------

SHARED = Path(os.environ.get("ATELIER_SHARED", Path(__file__).parents[3] / "shared")) / "weights"


@pytest.mark.skipif(not (SHARED / "vgg19.safetensors").is_file(), reason="no real VGG-19 in $ATELIER_SHARED or beside the repository")
def test_the_real_vgg19_sees_what_it_should() -> None:
    """Statistics of every layer on a photo, as another implementation measured them from the same file."""
    torch = pytest.importorskip("torch")
    from PIL import Image

    from atelier.perception.network import activations

    loaded = load(SHARED / "vgg19.safetensors")
    assert loaded.mean == MEAN
    with Image.open(SHARED / "fixture_kodim23_crop256.png") as picture:
        rgb = np.asarray(picture.convert("RGB"), np.float32).transpose(2, 0, 1)
    x = torch.from_numpy(rgb - np.array(loaded.mean, np.float32)[:, None, None])[None]
    convs = {layer: (torch.from_numpy(w).float(), torch.from_numpy(b).float()) for layer, (w, b) in loaded.layers.items()}
    with torch.inference_mode():
        seen = activations(convs, x, LAYERS)
    measured = json.loads((SHARED / "fixture_activations.json").read_text())["acts"]["fp16"]
    for layer in LAYERS:
        wanted = measured[layer.replace("conv", "relu")]
        got = {"mean": float(seen[layer].mean()), "std": float(seen[layer].std()), "max": float(seen[layer].max())}
        assert got == pytest.approx(wanted, rel=2e-3), layer
