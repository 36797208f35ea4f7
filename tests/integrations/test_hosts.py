"""The integrations in stand-ins of their hosts."""

from __future__ import annotations

import io
import sys
import threading
import time
from pathlib import Path
from typing import Any

import hosts
import numpy as np
import pytest
from hosts import INTEGRATIONS, load
from PIL import Image as Pillow

PIXELS = np.random.default_rng(0).integers(0, 256, (6, 9, 3), np.uint8)


def png(pixels: Any) -> bytes:
    data = io.BytesIO()
    Pillow.fromarray(pixels).save(data, "png")
    return data.getvalue()


def pixels_of(data: bytes) -> Any:
    with Pillow.open(io.BytesIO(data)) as picture:
        return np.asarray(picture.convert("RGB"))


class Paint:
    """In the place of `bridge.paint`: turns colours round, and keeps what it was told."""

    def __init__(self) -> None:
        self.told: list[tuple[list[str | bytes], dict[str, Any], str]] = []
        self.error: Exception | None = None
        self.wait = threading.Event()

    def __call__(
        self, photo: bytes, styles: Any, options: Any = None, *, service: str = "", stopped: Any = lambda: False, **more: Any
    ) -> bytes:
        self.told.append((list(styles), dict(options or {}), service))
        if self.error:
            raise self.error
        while self.wait.is_set():
            if stopped():
                raise self.stopped
            time.sleep(0.005)
        stopped()
        return png(255 - pixels_of(photo))

    stopped: Exception


@pytest.fixture
def paint() -> Paint:
    return Paint()


# ComfyUI ------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def interrupted() -> threading.Event:
    return threading.Event()


@pytest.fixture
def comfy(monkeypatch: pytest.MonkeyPatch, paint: Paint, interrupted: threading.Event) -> Any:
    for name, module in hosts.comfyui(interrupted).items():
        monkeypatch.setitem(sys.modules, name, module)
    folder = INTEGRATIONS / "comfyui"
    pack = load("atelier_for_comfyui", folder / "__init__.py", folder)
    bridge = sys.modules["atelier_for_comfyui.bridge"]
    monkeypatch.setattr(bridge, "paint", paint)
    monkeypatch.setattr(bridge, "style_names", lambda: ["udnie", "great-wave"])
    paint.stopped = bridge.Stopped()
    return pack


def test_comfyui_paints_batches(comfy: Any, paint: Paint) -> None:
    torch = pytest.importorskip("torch")
    by_name, like = hosts.nodes_of(comfy)
    batch = torch.from_numpy(np.stack([PIXELS, PIXELS[::-1]]).astype(np.float32) / 255)
    found = hosts.execute(by_name, image=batch, style="great-wave")
    assert found.shape == batch.shape and found.dtype == torch.float32
    np.testing.assert_allclose(found.numpy(), 1 - batch.numpy(), atol=1e-6)
    assert paint.told == [(["great-wave"], {}, "")] * 2
    hosts.execute(like, image=batch[:1], painting=batch, engine="optimize", size=512, service="http://there")
    (styles, options, service) = paint.told[-1]
    assert [pixels_of(each).shape for each in styles] == [PIXELS.shape] * 2
    assert options == {"engine": "optimize", "size": 512} and service == "http://there"


def test_comfyui_says_what_is_wrong_and_can_be_cancelled(comfy: Any, paint: Paint, interrupted: threading.Event) -> None:
    torch = pytest.importorskip("torch")
    by_name, _ = hosts.nodes_of(comfy)
    image = torch.zeros(1, 4, 4, 3)
    paint.error = sys.modules["atelier_for_comfyui.bridge"].Failed("no style")
    with pytest.raises(RuntimeError, match="atelier: no style"):
        hosts.execute(by_name, image=image, style="udnie")
    paint.error = None
    paint.wait.set()
    interrupted.set()
    with pytest.raises(sys.modules["comfy.model_management"].InterruptProcessingException):
        hosts.execute(by_name, image=image, style="udnie")


def test_comfyui_pins_nothing() -> None:
    import tomllib

    told = tomllib.loads((INTEGRATIONS / "comfyui/pyproject.toml").read_text())
    assert told["project"]["dependencies"] == []


# GIMP ---------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def open_gimp(monkeypatch: pytest.MonkeyPatch, paint: Paint) -> Any:
    def opened(answer: bool = True) -> tuple[Any, Any, Any, Any]:
        modules, seen = hosts.gimp(answer)
        for name, module in modules.items():
            monkeypatch.setitem(sys.modules, name, module)
        monkeypatch.delitem(sys.modules, "bridge", raising=False)
        monkeypatch.setattr(sys, "path", list(sys.path))
        load("atelier_for_gimp", INTEGRATIONS / "gimp/atelier/atelier.py")
        monkeypatch.setattr(sys.modules["bridge"], "paint", paint)
        plugin = seen.plugin()
        (name,) = plugin.do_query_procedures()
        procedure = plugin.do_create_procedure(name)
        image = hosts.GimpImage()
        image.layers = [hosts.GimpLayer(png(PIXELS), "top", (9, 6)), hosts.GimpLayer(png(PIXELS), "photo", (9, 6), (5, -2))]
        return seen, procedure, image, sys.modules["gi.repository"].Gimp

    return opened


def call(procedure: Any, mode: str, image: Any, layers: list[Any], **set_to: Any) -> tuple[str, Any]:
    return procedure.run(procedure, mode, image, layers, hosts.Config(procedure, **set_to), procedure.data)


def test_gimp_puts_a_painted_layer_above(open_gimp: Any, paint: Paint) -> None:
    seen, procedure, image, _ = open_gimp()
    assert procedure.menu == ["<Image>/Filters/Artistic"]
    layer = image.layers[1]
    assert call(procedure, "interactive", image, [layer], style="udnie", strength=0.5) == ("success", None)
    assert [each.name for each in image.layers] == ["top", "photo, painted", "photo"]
    painted = image.layers[1]
    assert painted.offsets == (5, -2)
    np.testing.assert_array_equal(pixels_of(painted.data), 255 - PIXELS)
    assert paint.told == [(["udnie"], {"strength": 0.5, "style_size": 1.0}, "")]
    assert image.undo == ["start", "end"] and all(each.deleted for each in seen.images) and seen.flushed and seen.pulses


def test_gimp_takes_a_painting_of_ones_own(open_gimp: Any, paint: Paint, tmp_path: Path) -> None:
    _, procedure, image, _ = open_gimp()
    (tmp_path / "p.jpg").write_bytes(b"painting")
    file = hosts.GimpFile(str(tmp_path / "p.jpg"))
    assert call(procedure, "noninteractive", image, image.layers[:1], style="painting", painting=file, optimize=True)[0] == "success"
    assert paint.told[0][:2] == ([b"painting"], {"style_size": 1.0, "engine": "optimize"})


def test_gimp_is_told_what_went_wrong(open_gimp: Any, paint: Paint) -> None:
    _, procedure, image, _ = open_gimp(answer=False)
    assert call(procedure, "interactive", image, image.layers[:1]) == ("cancel", None)
    assert call(procedure, "interactive", image, image.layers)[0] == "calling error"
    status, error = call(procedure, "noninteractive", image, image.layers[:1], style="painting")
    assert status == "execution error" and error[1] == "atelier: choose a painting's file"
    paint.error = sys.modules["bridge"].Failed("no way")
    assert call(procedure, "noninteractive", image, image.layers[:1])[1][1] == "atelier: no way"
    assert len(image.layers) == 2 and image.undo == ["start", "end"] * 2


# Krita --------------------------------------------------------------------------------------------------------------------


@pytest.fixture(params=["PyQt5", "PyQt6"])
def open_krita(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, paint: Paint) -> Any:
    def opened(depth: str = "U8") -> tuple[Any, Any, Any]:
        bgra = np.dstack([PIXELS[..., ::-1], np.full(PIXELS.shape[:2], 255, np.uint8)])
        root = hosts.Node("root")
        node = hosts.Node("photo", bgra.tobytes(), (3, 4, 9, 6), root)
        root.children = [node, hosts.Node("top", parent=root)]
        document = type("Document", (), {
            "activeNode": lambda self: node, "colorModel": lambda self: "RGBA", "colorDepth": lambda self: depth,
            "createNode": lambda self, name, kind: hosts.Node(name, parent=root), "refreshProjection": lambda self: refreshed.append(1),
        })()  # fmt: skip
        refreshed: list[int] = []
        modules, seen = hosts.krita(request.param, document)
        other = {"PyQt5": "PyQt6", "PyQt6": "PyQt5"}[request.param]
        for name in (other, f"{other}.QtCore", f"{other}.QtGui", f"{other}.QtWidgets"):
            monkeypatch.setitem(sys.modules, name, None)  # importing it fails
        for name, module in modules.items():
            monkeypatch.setitem(sys.modules, name, module)
        for name in [each for each in sys.modules if each.startswith("atelier_for_krita")]:
            monkeypatch.delitem(sys.modules, name)
        folder = INTEGRATIONS / "krita/atelier"
        load("atelier_for_krita", folder / "__init__.py", folder)
        bridge = sys.modules["atelier_for_krita.bridge"]
        monkeypatch.setattr(bridge, "paint", paint)
        paint.stopped = bridge.Stopped()
        (extension,) = seen.extensions
        extension.setup()
        actions: list[Any] = []
        window = type(
            "Window",
            (),
            {"createAction": lambda self, name, text, menu: actions.append(type("A", (), {"triggered": hosts.Signal()})()) or actions[-1]},
        )()
        extension.createActions(window)
        seen.refreshed, seen.bridge = refreshed, bridge
        return seen, root, actions[0].triggered

    return opened


def run_timers() -> None:
    until = time.monotonic() + 5
    while hosts.Timer.running and time.monotonic() < until:
        hosts.Timer.running[0].timeout.emit()
        time.sleep(0.005)
    assert not hosts.Timer.running


def test_krita_puts_a_painted_layer_above(open_krita: Any, paint: Paint) -> None:
    seen, root, trigger = open_krita()
    trigger.emit(False)
    run_timers()
    assert not seen.told
    assert [each.called for each in root.children] == ["photo", "photo, painted", "top"]
    painted = root.children[1]
    assert painted.box == (3, 4, 9, 6) and seen.refreshed == [1]
    found = np.frombuffer(painted.pixels, np.uint8).reshape(6, 9, 4)
    np.testing.assert_array_equal(found[..., 2::-1], 255 - PIXELS)
    assert paint.told == [(["starry-night"], {"strength": 1.0, "style_size": 1.0}, "")]


def test_krita_can_be_stopped_and_tells_what_went_wrong(open_krita: Any, paint: Paint) -> None:
    seen, root, trigger = open_krita()
    paint.wait.set()
    trigger.emit(False)
    trigger.emit(False)
    assert "already" in seen.told.pop()
    seen.dialogs[0].canceled.emit()
    run_timers()
    assert len(root.children) == 2 and not seen.told
    paint.wait.clear()
    paint.error = seen.bridge.Failed("no way")
    trigger.emit(False)
    run_timers()
    assert seen.told == ["no way"] and len(root.children) == 2


def test_krita_refuses_pictures_of_other_depths(open_krita: Any, paint: Paint) -> None:
    seen, _, trigger = open_krita("F32")
    trigger.emit(False)
    assert "8 bits" in seen.told[0] and not paint.told


def test_krita_finds_the_plugin() -> None:
    told = (INTEGRATIONS / "krita/atelier.desktop").read_text()
    library = next(line.partition("=")[2] for line in told.splitlines() if line.startswith("X-KDE-Library"))
    assert (INTEGRATIONS / "krita" / library / "__init__.py").is_file() and (INTEGRATIONS / "krita" / library / "Manual.html").is_file()
