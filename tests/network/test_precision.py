"""The same picture from the same command, whatever arithmetic a processor has and a runtime would choose."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import atelier
from atelier.engines.network import backends
from atelier.engines.network.backends import has_openvino
from atelier.engines.network.runner import open_model
from atelier.image import Image
from atelier.media import open_still, write_still

sys.path.insert(0, str(Path(__file__).parent))
from onnx_models import conv

pytestmark = pytest.mark.skipif(not has_openvino(), reason="OpenVINO is an extra")
RNG = np.random.default_rng(0)
KERNEL = RNG.standard_normal((3, 3, 9, 9)).astype(np.float32) / 12
X = RNG.random((1, 3, 64, 64), np.float32)
LEVEL = 1 / 255


@pytest.fixture
def in_bfloat16() -> Iterator[None]:
    """OpenVINO that computes in bfloat16 wherever it is left alone, as it does by itself on a processor with AMX."""
    core = backends._core(backends.import_openvino())
    before = core.get_property("CPU", "INFERENCE_PRECISION_HINT")
    core.set_property("CPU", {"INFERENCE_PRECISION_HINT": "bf16"})
    yield
    core.set_property("CPU", {"INFERENCE_PRECISION_HINT": before})


def off() -> float:
    """How far OpenVINO is from ONNX Runtime in a convolution."""
    return float(
        np.abs(open_model(conv(KERNEL), backend="openvino")(x=X)[0] - open_model(conv(KERNEL), backend="onnxruntime")(x=X)[0]).max()
    )


def test_a_runtime_that_prefers_bfloat16_computes_in_float32(in_bfloat16: None) -> None:
    core = backends._core(backends.import_openvino())
    left_alone = core.compile_model(core.read_model(model=conv(KERNEL), weights=b""), "CPU", {})
    if str(left_alone.get_property("INFERENCE_PRECISION_HINT")) == "<Type: 'bfloat16'>":  # which some processors emulate, and some refuse
        wanted = open_model(conv(KERNEL), backend="onnxruntime")(x=X)[0]
        assert np.abs(left_alone([X])[0] - wanted).max() > 1e-3
    assert off() < 2e-5


def test_pictures_are_the_same_where_the_runtime_prefers_bfloat16(tmp_path: Path) -> None:
    """In processes of their own, where no model is open yet."""
    write_still(Image(RNG.random((48, 64, 3), np.float32)), tmp_path / "photo.png")
    paint_capped(tmp_path, "ALL", "plain.png")
    paint_capped(tmp_path, "ALL", "preferred.png", "core.set_property('CPU', {'INFERENCE_PRECISION_HINT': 'bf16'})")
    assert np.array_equal(open_still(tmp_path / "plain.png").pixels, open_still(tmp_path / "preferred.png").pixels)


@pytest.mark.parametrize("most", ["AVX512_CORE", "AVX2"])
def test_pictures_are_the_same_on_lesser_processors(most: str, tmp_path: Path) -> None:
    """As if the processor had no bfloat16, or no AVX-512: sums in another order, and no more than a level apart."""
    write_still(Image(RNG.random((48, 64, 3), np.float32)), tmp_path / "photo.png")
    paint_capped(tmp_path, "ALL", "full.png")
    paint_capped(tmp_path, most, "less.png")
    full, less = (open_still(tmp_path / name) for name in ("full.png", "less.png"))
    assert np.abs(full.pixels - less.pixels).max() <= 1.01 * LEVEL


def test_the_runtimes_paint_the_same_picture() -> None:
    photo = Image(RNG.random((48, 64, 3), np.float32))
    painted = [atelier.stylize(photo, "starry-night", backend=backend).pixels for backend in ("onnxruntime", "openvino")]
    assert np.abs(painted[0] - painted[1]).max() <= LEVEL / 2


def paint_capped(folder: Path, most: str, out: str, first: str = "") -> None:
    """Paint in a process whose OpenVINO uses no instructions beyond some. first: what to do with its core before."""
    code = (
        "import sys, atelier\nfrom atelier.engines.network import backends\n"
        f"core = backends._core(backends.import_openvino())\n{first}\n"
        f"atelier.save(atelier.stylize('photo.png', 'starry-night', backend='openvino'), {out!r})"
    )
    env = {**os.environ, "ONEDNN_MAX_CPU_ISA": most}
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-800:]
