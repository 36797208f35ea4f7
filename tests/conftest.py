"""What many tests need: a perceptual network small enough to be instant, and pictures with something in them."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

# Each of several processes has a core to itself, and whatever asks how many there are learns of one: threads of all for the cores of all
# would wait for each other.
if (worker := re.search(r"\d+", os.environ.get("PYTEST_XDIST_WORKER", ""))) and hasattr(os, "sched_setaffinity"):
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[int(worker[0]) % len(cores)]})
# One thread, so that sums are added in the same order every time; read when NumPy and PyTorch are first imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MPLBACKEND", "agg")

import hypothesis
import pytest

from atelier.image import encode
from pictures import Paint, WriteNet, paint, write_net

hypothesis.settings.register_profile("atelier", deadline=None)  # a busy machine is no fault
hypothesis.settings.load_profile("atelier")


@pytest.fixture(scope="session")
def net(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The path of a tiny random network."""
    return str(write_net(tmp_path_factory.mktemp("net") / "tiny.safetensors"))


@pytest.fixture(scope="session")
def other_net(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The path of another one."""
    return str(write_net(tmp_path_factory.mktemp("net") / "other.safetensors", seed=1))


@pytest.fixture
def plain(net: str) -> dict[str, Any]:
    """Settings that undo whatever a recipe may be tuned to: a few steps of L-BFGS at one scale through the tiny network."""
    return {
        "features": net, "precision": "float32", "warm_features": "", "coarse_iterations": 0, "smallest": 16, "iterations": 4,
        "optimizer": "lbfgs", "rate": 1.0, "average": 0.0, "tolerance": 0.0,
        "tv_weight": 0.0, "histogram_weight": 0.0, "normalize": "relative", "style_loss": "gram",
    }  # fmt: skip


@pytest.fixture(scope="session")
def make_net() -> WriteNet:
    return write_net


@pytest.fixture(scope="session")
def picture() -> Paint:
    return paint


OPENED: dict[tuple[Any, ...], Any] = {}


@pytest.fixture
def quick_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The networks that ship, each opened once for all tests. Paintings are read at 128 px: at 512, reading is most of the time."""
    from atelier.engines.network import engine

    open_model = engine.open_model

    def open_once(source: Path, **more: Any) -> Any:
        if not source.exists():
            return open_model(source, **more)
        key = source, source.stat().st_mtime_ns, *sorted(more.items())
        if key not in OPENED:
            OPENED[key] = open_model(source, **more)
        return OPENED[key]

    monkeypatch.setattr(engine, "open_model", open_once)
    monkeypatch.setattr(engine, "STYLE_SIDE", 128)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """A photo's file, 40 x 28 px."""
    path = tmp_path / "photo.png"
    path.write_bytes(encode(paint(40, 28, 1), "png"))
    return path


@pytest.fixture
def painting(tmp_path: Path) -> Path:
    """A painting's file, 36 x 44 px."""
    path = tmp_path / "painting.png"
    path.write_bytes(encode(paint(36, 44, 2), "png"))
    return path


@pytest.fixture
def ended(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Runs a command in this process: its exit code, standard output and standard error."""

    from atelier.cli import main

    def run(*arguments: object) -> tuple[int, str, str]:
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return (0 if end.value.code is None else int(end.value.code)), out, err

    return run
