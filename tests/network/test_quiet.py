"""The runtimes keep to themselves: no look-up, no file of theirs in the user's folders, and no abort when a command is refused."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from atelier.engines.network.backends import has_openvino
from atelier.image import Image, encode

sys.path.insert(0, str(Path(__file__).parent))
from onnx_models import affine

Paint = Callable[..., Image]

OFFLINE = """
import ctypes, struct, sys

def forbid_internet():
    # Linux: whatever makes a socket for the Internet, in Python or not, ends the process (SIGSYS, which is -31).
    # On x86-64 socket() is call 41, its first argument 2 (IPv4) or 10 (IPv6).
    step = lambda code, yes, no, value: struct.pack("HBBI", code, yes, no, value)
    steps = [step(0x20, 0, 0, 0), step(0x15, 0, 4, 41), step(0x20, 0, 0, 16), step(0x15, 1, 0, 2), step(0x15, 0, 1, 10),
             step(0x06, 0, 0, 0x80000000), step(0x06, 0, 0, 0x7FFF0000)]
    held = ctypes.create_string_buffer(b"".join(steps))

    class Program(ctypes.Structure):
        _fields_ = [("count", ctypes.c_ushort), ("steps", ctypes.c_void_p)]

    libc = ctypes.CDLL(None)
    assert libc.prctl(38, 1, 0, 0, 0) == 0
    program = Program(len(steps), ctypes.addressof(held))
    assert libc.prctl(22, 2, ctypes.byref(program), 0, 0) == 0

def record_look_ups():
    looked_up = []
    sys.addaudithook(lambda event, given: looked_up.append((event, given)) if event.startswith(("socket.get", "socket.conn")) else None)
    return looked_up
"""

needs_openvino = pytest.mark.skipif(not has_openvino(), reason="OpenVINO is an extra")
needs_seccomp = pytest.mark.skipif(sys.platform != "linux" or platform.machine() != "x86_64", reason="system calls by number")


def python(code: str, home: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run a program. home: what it takes for the user's home, with no other folder told by the environment."""
    environment = dict(os.environ)
    if home:
        for name in ("XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "ATELIER_WEIGHTS"):
            environment.pop(name, None)
        environment["HOME"] = str(home)
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env=environment)


def photo_in(folder: Path, picture: Paint) -> Path:
    path = folder / "photo.png"
    path.write_bytes(encode(picture(64, 48, seed=1), "png"))
    return path


@needs_seccomp
def test_the_internet_is_forbidden_where_it_is_forbidden() -> None:
    done = python(f"{OFFLINE}\nforbid_internet()\nimport socket\nsocket.socket(socket.AF_INET)")
    assert done.returncode == -31
    done = python(
        f"{OFFLINE}\nheard = record_look_ups()\nimport socket\ntry:\n    socket.getaddrinfo('localhost', 80)\nfinally:\n    print(heard)"
    )
    assert "socket.getaddrinfo" in done.stdout


@needs_seccomp
@pytest.mark.parametrize("backend", ["onnxruntime", pytest.param("openvino", marks=needs_openvino), "auto"])
def test_painting_looks_nothing_up_and_leaves_nothing_behind(backend: str, picture: Paint, tmp_path: Path) -> None:
    photo, home = photo_in(tmp_path, picture), tmp_path / "home"
    home.mkdir()
    code = (
        f"{OFFLINE}\nforbid_internet()\nheard = record_look_ups()\nimport time, atelier\n"
        f"picture = atelier.stylize({str(photo)!r}, 'starry-night', engine='instant', backend={backend!r})\n"
        f"picture = atelier.stylize({str(photo)!r}, {str(photo)!r}, engine='instant', backend={backend!r})\n"
        "time.sleep(1)\nassert not heard, heard\nassert picture.size == (64, 48)\n"
    )
    done = python(code, home)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    left = [path for path in home.rglob("*") if path.is_file()]
    assert [path.name for path in left] == (["backends.json"] if backend == "auto" and has_openvino() else [])
    for path in left:
        assert all(len(key) == 40 for key in json.loads(path.read_text()))


@needs_seccomp
def test_nor_does_the_optimizer(picture: Paint, net: str, tmp_path: Path) -> None:
    photo, home = photo_in(tmp_path, picture), tmp_path / "home"
    home.mkdir()
    code = (
        f"{OFFLINE}\nforbid_internet()\nheard = record_look_ups()\nimport atelier\n"
        f"atelier.stylize({str(photo)!r}, {str(photo)!r}, engine='optimize', features={net!r}, iterations=2)\n"
        "assert not heard, heard\n"
    )
    done = python(code, home)
    assert (done.returncode, done.stderr) == (0, "")
    assert not [path for path in home.rglob("*") if path.is_file() and "atelier" not in str(path)]


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
    done = python(code)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("style", ["starry-night@white", "starry-night@nowhere", "photo.png@nowhere"])
def test_a_refused_command_ends_with_2_and_no_abort(style: str, picture: Paint, tmp_path: Path) -> None:
    """The networks are being opened in another thread when it is refused."""
    photo, mask = photo_in(tmp_path, picture), tmp_path / "mask.png"
    mask.write_bytes(encode(Image(np.ones((48, 64, 3), np.float32)), "png"))
    style = style.replace("photo.png", str(photo))
    words = ["stylize", str(photo), "-s", style, "--regions", str(mask), "-o", str(tmp_path / "o.png")]
    done = python(f"from atelier.cli import main\nmain({words})")
    assert done.returncode == 2 and done.stderr.startswith("atelier: ") and done.stderr.count("\n") == 1


@pytest.mark.parametrize("wait", [0, 0.01, 0.03])
def test_python_may_end_while_a_network_is_being_opened(wait: float) -> None:
    code = f"import time\nfrom atelier.engines.network.engine import Models\nModels().begin(['styles', 'reader'])\ntime.sleep({wait})"
    done = python(code)
    assert (done.returncode, done.stderr) == (0, "")
