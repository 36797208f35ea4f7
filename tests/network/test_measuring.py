"""The faster backend that agrees is chosen before the first answer, once, and remembered."""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper

from atelier.engines.network import backends, measuring, runner
from atelier.engines.network.backends import has_openvino
from atelier.engines.network.measuring import agrees, choices_file
from atelier.engines.network.runner import Runner, open_model
from atelier.errors import AtelierError, SettingError, WeightsError

sys.path.insert(0, str(Path(__file__).parent))
from onnx_models import affine, conv, node

needs_openvino = pytest.mark.skipif(not has_openvino(), reason="OpenVINO is an extra")
RNG = np.random.default_rng(0)
PICTURE = RNG.random((1, 3, 12, 20), np.float32)
ORT, OV32, OV16 = "onnxruntime", "openvino", "openvino-bfloat16"
KERNEL = RNG.standard_normal((3, 3, 3, 3)).astype(np.float32) / 5


def processor_can() -> list[str]:
    return list(backends._core(backends.import_openvino()).get_property("CPU", "OPTIMIZATION_CAPABILITIES")) if has_openvino() else []


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "cache"))
    return tmp_path / "cache"


def scripted(
    monkeypatch: pytest.MonkeyPatch, seconds: dict[str, float], errors: dict[str, float] | None = None, loading: float = 0.0
) -> list[str]:
    """Backends that take so long, by a clock of the test's own, and are off by so much. loading: seconds that takes. Gives the list of
    runs."""
    now, ran = [0.0], list[str]()
    monkeypatch.setattr(runner, "has_openvino", lambda: True)
    monkeypatch.setattr(measuring.time, "perf_counter", lambda: now[0])

    def load(self: Runner, backend: str) -> Any:
        if backend not in seconds:
            raise WeightsError(f"{backend} does not do that")
        now[0] += loading

        def run(arrays: Any) -> list[np.ndarray]:
            now[0] += seconds[backend]
            ran.append(backend)
            return [arrays["x"] + np.float32((errors or {}).get(backend, 0))]

        return run

    monkeypatch.setattr(Runner, "_load", load)
    return ran


CASES: list[tuple[dict[str, float], dict[str, float], str]] = [
    ({ORT: 0.02, OV32: 0.01}, {}, OV32),
    ({ORT: 0.01, OV32: 0.02}, {}, ORT),
    ({ORT: 0.01, OV32: 0.0098}, {}, ORT),  # less than noise
    ({ORT: 0.02, OV32: 0.01, OV16: 0.001}, {}, OV32),  # nobody asked for bfloat16
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


@pytest.mark.parametrize("loading, chosen", [(0.1, OV32), (0.6, ORT)])
def test_what_is_slow_to_load_must_make_up_for_it(loading: float, chosen: str, monkeypatch: pytest.MonkeyPatch) -> None:
    scripted(monkeypatch, {ORT: 0.02, OV32: 0.01}, loading=loading)
    model = open_model(affine(1, 0))
    model(x=PICTURE)
    assert model.backend == chosen


def test_the_first_answer_is_as_all_that_follow(monkeypatch: pytest.MonkeyPatch) -> None:
    scripted(monkeypatch, {ORT: 0.02, OV32: 0.01}, {OV32: 1e-5})
    model = open_model(affine(1, 0))
    answers = [model(x=PICTURE)[0], model(x=PICTURE)[0], open_model(affine(1, 0))(x=PICTURE)[0]]
    for answer in answers:
        np.testing.assert_array_equal(answer, PICTURE + np.float32(1e-5))


def test_threads_that_ask_at_once_have_the_same_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    scripted(monkeypatch, {ORT: 0.02, OV32: 0.01}, {OV32: 1e-5})
    model = open_model(affine(1, 0))
    with ThreadPoolExecutor(8) as pool:
        for (answer,) in pool.map(lambda _: model(x=PICTURE), range(16)):
            np.testing.assert_array_equal(answer, PICTURE + np.float32(1e-5))


@pytest.mark.parametrize("first, chosen", [(0.3, OV32), (5.0, ORT)])
def test_measuring_stays_within_its_time(first: float, chosen: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ran = scripted(monkeypatch, {ORT: first, OV32: 0.1})
    model = open_model(affine(1, 0))
    model(x=PICTURE)
    assert model.backend == ran[-1] == chosen
    assert sum({ORT: first, OV32: 0.1}[name] for name in ran) < max(measuring.PATIENCE, 2.1 * first)
    ran.clear()
    again = open_model(affine(1, 0))
    again(x=PICTURE)
    assert ran == [chosen]  # and it is not tried again


def test_what_another_process_chose_meanwhile_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    scripted(monkeypatch, {ORT: 0.02, OV32: 0.01})
    model = open_model(affine(1, 0))
    fastest = measuring.fastest

    def slow(*given: Any) -> Any:
        measuring.remember(model._key, ORT)
        return fastest(*given)

    monkeypatch.setattr(measuring, "fastest", slow)
    model(x=PICTURE)
    assert model.backend == ORT == open_model(affine(1, 0)).backend


def test_memory_that_runs_out_is_no_fault_of_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """README: exit code 1. Nor is it the model's, and it is no use to try another backend."""
    real = backends.import_onnxruntime()
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
        with pytest.raises(AtelierError, match=r"not enough memory.*`?tile`?") as caught:
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


def test_without_a_cache_nothing_is_measured(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be remembered might be decided otherwise the next time."""
    ran = scripted(monkeypatch, {ORT: 0.02, OV32: 0.01})
    cache.write_text("a file where the folder should be")
    model = open_model(affine(1, 0))
    np.testing.assert_array_equal(model(x=PICTURE)[0], PICTURE)
    assert model.backend == ORT and ran == [ORT]


def test_the_cache_does_not_grow_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    for i in range(measuring.REMEMBERED + 5):
        measuring.remember(f"key {i}", ORT)
    kept = list(json.loads(choices_file().read_text()))
    assert len(kept) == measuring.REMEMBERED and kept[-1] == f"key {measuring.REMEMBERED + 4}"


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


def test_what_is_asked_for_is_not_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    ran = scripted(monkeypatch, {ORT: 0.001, OV32: 0.02, OV16: 0.01})
    for backend in (ORT, OV32, OV16):
        ran.clear()
        model = open_model(affine(1, 0), backend=backend)
        model(x=PICTURE)
        assert (model.backend, ran) == (backend, [backend])
    assert not choices_file().exists()


@needs_openvino
def test_measured_in_earnest() -> None:
    model = open_model(conv(KERNEL))
    (first,) = model(x=PICTURE)
    assert (set(model.seconds) == {ORT, OV32} and model.seconds[model.backend] < 1.06 * min(model.seconds.values())) or model.backend == ORT
    again = open_model(conv(KERNEL))
    assert again.backend == model.backend
    np.testing.assert_array_equal(again(x=PICTURE)[0], first)
    assert again.seconds == {}


# Precision ------------------------------------------------------------------------------------------------------------


def in_bfloat16(x: np.ndarray) -> np.ndarray:
    """Rounded to 8 bits of mantissa."""
    bits = x.astype(np.float32).view(np.uint32).astype(np.uint64)
    return ((bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF0000).astype(np.uint32).view(np.float32)


@needs_openvino
@pytest.mark.skipif("BF16" not in processor_can(), reason="this processor has no bfloat16")
def test_bfloat16_where_the_hardware_has_it_and_only_when_asked() -> None:
    x = RNG.random((1, 3, 96, 96), np.float32)
    (exact,) = open_model(conv(KERNEL), backend=ORT)(x=x)
    off = {backend: float(abs(open_model(conv(KERNEL), backend=backend)(x=x)[0] - exact).max()) for backend in (OV32, OV16)}
    assert off[OV32] < 2e-5 and 1e-4 < off[OV16] < 2e-2
    (rounded,) = open_model(conv(in_bfloat16(KERNEL)), backend=ORT)(x=in_bfloat16(x))
    np.testing.assert_allclose(open_model(conv(KERNEL), backend=OV16)(x=x)[0], rounded, atol=1e-2)  # the answer is rounded too


@needs_openvino
def test_bfloat16_where_the_hardware_has_none_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    core = backends._core(backends.import_openvino())
    can = [ability for ability in processor_can() if ability != "BF16"]

    class Lesser:
        def get_property(self, *names: str) -> list[str]:
            return can

        def __getattr__(self, name: str) -> Any:
            return getattr(core, name)

    monkeypatch.setattr(backends, "_core", lambda ov: Lesser())
    with pytest.raises(SettingError, match="openvino-bfloat16: this processor has no arithmetic in bfloat16"):
        open_model(affine(1, 0), backend=OV16)
    np.testing.assert_array_equal(open_model(affine(1, 0), backend=OV32)(x=PICTURE)[0], PICTURE)


@needs_openvino
@pytest.mark.parametrize("backend, precision", [(OV32, "f32"), (OV16, "bf16")])
def test_the_runtime_is_told_its_precision(backend: str, precision: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Left to itself it follows the processor."""
    core, told = backends._core(backends.import_openvino()), []

    class Heard:
        def compile_model(self, model: Any, device: str, settings: dict[str, str]) -> Any:
            told.append(settings["INFERENCE_PRECISION_HINT"])
            return core.compile_model(model, device, {**settings, "INFERENCE_PRECISION_HINT": "f32"})

        def get_property(self, *names: str) -> list[str]:
            return ["BF16"]

        def __getattr__(self, name: str) -> Any:
            return getattr(core, name)

    monkeypatch.setattr(backends, "_core", lambda ov: Heard())
    open_model(affine(1, 0), backend=backend)(x=PICTURE)
    assert told == [precision]


def test_agreement_is_of_values_to_their_span() -> None:
    wanted = [np.linspace(0, 255, 1000, dtype=np.float32)]
    off = [wanted[0] + np.float32(2)]  # 0.8 % of the span
    assert agrees(off, wanted, (0.01, 0.1)) and not agrees(off, wanted, (0.005, 0.1))
    spike = [wanted[0].copy()]
    spike[0][5] += 40
    assert not agrees(spike, wanted, (0.01, 0.1))
    assert not agrees([], wanted, (1, 1)) and not agrees([wanted[0][:5]], wanted, (1, 1))
    assert agrees([np.full(3, 7.0)], [np.full(3, 7.001)], (1e-3, 1e-3))  # flat
