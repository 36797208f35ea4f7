"""Small stand-ins for ComfyUI, GIMP 3 and Krita: as much of their Python as the integrations touch, with their names and signatures.

What they were made after: ComfyUI's `comfy_api.latest`, GIMP 3.0's `Gimp` (GObject introspection), Krita's `krita` and Qt. A name that
is not here is not to be used: it raises.
"""

from __future__ import annotations

import asyncio
import importlib.util
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

INTEGRATIONS = Path(__file__).parents[2] / "integrations"


def load(name: str, path: Path, package: Path | None = None) -> Any:
    """Import a file under a name. package: the folder whose package it is."""
    spec = importlib.util.spec_from_file_location(name, path, submodule_search_locations=[str(package)] if package else None)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def module(name: str, **what: Any) -> ModuleType:
    made = ModuleType(name)
    made.__dict__.update(what)
    return made


# ComfyUI ------------------------------------------------------------------------------------------------------------------


class Port:
    """An input or output of a node's schema."""

    def __init__(self, kind: str, id: str = "", **told: Any) -> None:
        known = {
            "Image": {"display_name", "optional", "tooltip"},
            "Combo": {"options", "default", "display_name", "optional", "tooltip"},
            "Float": {"default", "min", "max", "step", "round", "display_mode", "display_name", "optional", "tooltip"},
            "Int": {"default", "min", "max", "step", "control_after_generate", "display_mode", "display_name", "optional", "tooltip"},
            "String": {"multiline", "placeholder", "default", "display_name", "optional", "tooltip"},
        }[kind]
        assert set(told) <= known, f"io.{kind} takes no {set(told) - known}"
        self.kind, self.id, self.told = kind, id, told


def kind_of(kind: str) -> Any:
    return type(
        kind,
        (),
        {"Input": staticmethod(lambda id, **told: Port(kind, id, **told)), "Output": staticmethod(lambda **told: Port(kind, **told))},
    )


class Schema:
    def __init__(
        self, node_id: str, display_name: str = "", category: str = "sd", inputs: list[Port] = [], outputs: list[Port] = [],  # noqa: B006
        description: str = "",
    ) -> None:  # fmt: skip
        self.node_id, self.display_name, self.category, self.inputs, self.outputs = node_id, display_name, category, inputs, outputs
        ids = [port.id for port in inputs]
        assert node_id and all(ids) and len(set(ids)) == len(ids)


class NodeOutput:
    def __init__(self, *args: Any) -> None:
        self.args = args


class ComfyNode:
    @classmethod
    def define_schema(cls) -> Schema:
        raise NotImplementedError


class ComfyExtension:
    async def get_node_list(self) -> list[type[ComfyNode]]:
        raise NotImplementedError


def comfyui(interrupted: threading.Event) -> dict[str, ModuleType]:
    """The modules that ComfyUI has for its nodes. interrupted: whether Cancel was pressed."""

    class InterruptProcessingException(Exception):
        pass

    def throw() -> None:
        if interrupted.is_set():
            interrupted.clear()
            raise InterruptProcessingException

    kinds = {name: kind_of(name) for name in ("Image", "Combo", "Float", "Int", "String")}
    io = SimpleNamespace(Schema=Schema, ComfyNode=ComfyNode, NodeOutput=NodeOutput, NumberDisplay=SimpleNamespace(slider="slider"), **kinds)
    management = module(
        "comfy.model_management", processing_interrupted=interrupted.is_set, throw_exception_if_processing_interrupted=throw,
        InterruptProcessingException=InterruptProcessingException,
    )  # fmt: skip
    return {
        "comfy_api": module("comfy_api"), "comfy_api.latest": module("comfy_api.latest", io=io, ComfyExtension=ComfyExtension),
        "comfy": module("comfy", model_management=management), "comfy.model_management": management,
    }  # fmt: skip


def nodes_of(pack: Any) -> list[Any]:
    """The nodes of a pack, as ComfyUI gets them: it awaits `comfy_entrypoint`, then `get_node_list`."""
    extension = asyncio.run(pack.comfy_entrypoint())
    assert isinstance(extension, ComfyExtension)
    return asyncio.run(extension.get_node_list())


def execute(node: Any, **given: Any) -> Any:
    """Run a node as ComfyUI does: with all inputs of its schema, by their ids; those not given at their defaults."""
    schema = node.define_schema()
    values = {port.id: given.get(port.id, port.told.get("default")) for port in schema.inputs}
    assert set(given) <= set(values) and all(value is not None for value in values.values())
    found = node.execute(**values)
    output = asyncio.run(found) if asyncio.iscoroutine(found) else found
    assert isinstance(output, NodeOutput) and len(output.args) == len(schema.outputs)
    return output.args[0]


# GIMP ---------------------------------------------------------------------------------------------------------------------


class GimpFile:
    def __init__(self, path: str) -> None:
        self.path = path

    def get_path(self) -> str:
        return self.path


class GimpLayer:
    def __init__(self, data: bytes, name: str, size: tuple[int, int], offsets: tuple[int, int] = (0, 0)) -> None:
        self.data, self.name, self.size, self.offsets = data, name, size, offsets

    def get_name(self) -> str:
        return self.name

    def set_name(self, name: str) -> None:
        self.name = name

    def get_width(self) -> int:
        return self.size[0]

    def get_height(self) -> int:
        return self.size[1]

    def get_offsets(self) -> tuple[bool, int, int]:
        return True, *self.offsets

    def set_offsets(self, x: int, y: int) -> None:
        self.offsets = x, y

    def get_parent(self) -> None:
        return None


class GimpImage:
    def __init__(self) -> None:
        self.layers: list[GimpLayer] = []
        self.undo: list[str] = []
        self.deleted = False

    def insert_layer(self, layer: GimpLayer, parent: None, position: int) -> None:
        self.layers.insert(position, layer)

    def get_item_position(self, layer: GimpLayer) -> int:
        return self.layers.index(layer)

    def undo_group_start(self) -> None:
        self.undo.append("start")

    def undo_group_end(self) -> None:
        self.undo.append("end")

    def delete(self) -> None:
        self.deleted = True


class Procedure:
    """An image procedure: its arguments are declared, with their signatures, before the configuration can give them."""

    def __init__(self, name: str, run: Callable[..., Any], data: Any) -> None:
        self.name, self.run, self.data = name, run, data
        self.arguments: dict[str, Any] = {}
        self.menu: list[str] = []

    def set_image_types(self, types: str) -> None: ...
    def set_sensitivity_mask(self, mask: int) -> None: ...
    def set_menu_label(self, label: str) -> None: ...
    def set_documentation(self, blurb: str, help: str, help_id: str) -> None: ...
    def set_attribution(self, authors: str, copyright: str, date: str) -> None: ...

    def add_menu_path(self, path: str) -> None:
        assert path.startswith("<Image>/")
        self.menu.append(path)

    def add_choice_argument(self, name: str, nick: str, blurb: str, choice: Any, value: str, flags: int) -> None:
        assert value in choice.values
        self.arguments[name] = value

    def add_file_argument(self, name: str, nick: str, blurb: str, action: int, none_ok: bool, default: Any, flags: int) -> None:
        self.arguments[name] = default

    def add_double_argument(self, name: str, nick: str, blurb: str, low: float, high: float, value: float, flags: int) -> None:
        assert low <= value <= high
        self.arguments[name] = value

    def add_boolean_argument(self, name: str, nick: str, blurb: str, value: bool, flags: int) -> None:
        self.arguments[name] = value

    def add_string_argument(self, name: str, nick: str, blurb: str, value: str, flags: int) -> None:
        self.arguments[name] = value

    def new_return_values(self, status: str, error: Any) -> tuple[str, Any]:
        assert error is None or isinstance(error, tuple)
        return status, error


class Choice:
    def __init__(self) -> None:
        self.values: dict[str, int] = {}

    @classmethod
    def new(cls) -> Choice:
        return cls()

    def add(self, nick: str, id: int, label: str, help: str) -> None:
        self.values[nick] = id


def gimp(answer: bool = True) -> tuple[dict[str, ModuleType], SimpleNamespace]:
    """GIMP's modules, and what happens in them. answer: what the user does with the dialog."""
    seen = SimpleNamespace(pulses=0, images=[], plugin=None, flushed=0)

    def save(mode: str, image: GimpImage, file: GimpFile, options: None) -> bool:
        Path(file.path).write_bytes(image.layers[0].data)
        return True

    def new_image(width: int, height: int, base: str) -> GimpImage:
        seen.images.append(GimpImage())
        return seen.images[-1]

    def pulse() -> None:
        seen.pulses += 1

    def flush() -> None:
        seen.flushed += 1

    class PlugIn:
        __gtype__ = "PlugIn"

        def __init_subclass__(cls) -> None:
            seen.plugin = cls

    api = SimpleNamespace(
        PlugIn=PlugIn, Choice=Choice, main=lambda kind, arguments: None, progress_init=lambda text: True, progress_pulse=pulse,
        progress_end=lambda: True, displays_flush=flush, file_save=save,
        file_load_layer=lambda mode, image, file: GimpLayer(Path(file.path).read_bytes(), "layer.png", (0, 0)),
        ImageProcedure=SimpleNamespace(new=lambda plugin, name, kind, run, data: Procedure(name, run, data)),
        Image=SimpleNamespace(new=new_image),
        Layer=SimpleNamespace(new_from_drawable=lambda layer, image: GimpLayer(layer.data, layer.name, layer.size, layer.offsets)),
        PDBProcType=SimpleNamespace(PLUGIN=1), ProcedureSensitivityMask=SimpleNamespace(DRAWABLE=1),
        FileChooserAction=SimpleNamespace(OPEN=1),
        ImageBaseType=SimpleNamespace(RGB=0), RunMode=SimpleNamespace(INTERACTIVE="interactive", NONINTERACTIVE="noninteractive"),
        PDBStatusType=SimpleNamespace(SUCCESS="success", CANCEL="cancel", CALLING_ERROR="calling error", EXECUTION_ERROR="execution error"),
    )  # fmt: skip
    dialog = SimpleNamespace(fill=lambda names: None, run=lambda: answer, destroy=lambda: None)
    ui = SimpleNamespace(init=lambda name: None, ProcedureDialog=SimpleNamespace(new=lambda procedure, config, title: dialog))
    error = SimpleNamespace(new_literal=lambda domain, message, code: (domain, message, code))
    repository = module(
        "gi.repository", Gimp=api, GimpUi=ui, Gio=SimpleNamespace(File=SimpleNamespace(new_for_path=GimpFile)),
        GLib=SimpleNamespace(Error=error, quark_from_string=lambda text: 7),
        GObject=SimpleNamespace(ParamFlags=SimpleNamespace(READWRITE=3)),
    )  # fmt: skip
    return {"gi": module("gi", require_version=lambda name, version: None), "gi.repository": repository}, seen


class Config:
    """What the user set: the procedure's arguments, and nothing else."""

    def __init__(self, procedure: Procedure, **set_to: Any) -> None:
        assert set(set_to) <= set(procedure.arguments)
        self.values = {**procedure.arguments, **set_to}

    def get_property(self, name: str) -> Any:
        return self.values[name]


# Krita --------------------------------------------------------------------------------------------------------------------


class Signal:
    def __init__(self) -> None:
        self.called: list[Callable[..., Any]] = []

    def connect(self, call: Callable[..., Any]) -> None:
        self.called.append(call)

    def emit(self, *given: Any) -> None:
        for call in self.called:
            call(*given)


class Rect:
    def __init__(self, *box: int) -> None:
        self.box = box

    def x(self) -> int:
        return self.box[0]

    def y(self) -> int:
        return self.box[1]

    def width(self) -> int:
        return self.box[2]

    def height(self) -> int:
        return self.box[3]


class Node:
    """A layer: BGRA pixels in a box of the picture."""

    def __init__(self, name: str, pixels: bytes = b"", box: tuple[int, int, int, int] = (0, 0, 0, 0), parent: Node | None = None) -> None:
        self.called, self.pixels, self.box, self.parent, self.children = name, pixels, box, parent, list[Node]()

    def name(self) -> str:
        return self.called

    def bounds(self) -> Rect:
        return Rect(*self.box)

    def projectionPixelData(self, x: int, y: int, width: int, height: int) -> bytes:  # noqa: N802
        assert (x, y, width, height) == self.box
        return self.pixels

    def setPixelData(self, value: bytes, x: int, y: int, width: int, height: int) -> bool:  # noqa: N802
        assert len(value) == 4 * width * height
        self.pixels, self.box = bytes(value), (x, y, width, height)
        return True

    def parentNode(self) -> Node:  # noqa: N802
        assert self.parent
        return self.parent

    def addChildNode(self, child: Node, above: Node) -> bool:  # noqa: N802
        self.children.insert(self.children.index(above) + 1, child)
        return True


class Image:
    """A QImage of 8 bits, BGRA in memory as Format_ARGB32 has it on small-endian machines."""

    Format = SimpleNamespace(Format_ARGB32=5)

    def __init__(self, data: bytes, width: int, height: int, line: int, format: int) -> None:
        assert format == 5 and line == 4 * width and len(data) == line * height
        self.data, self.wide, self.high = data, width, height

    @staticmethod
    def fromData(data: bytes, format: str) -> Image:  # noqa: N802
        import io

        import numpy as np
        from PIL import Image as Pillow

        with Pillow.open(io.BytesIO(data)) as picture:
            rgba = np.asarray(picture.convert("RGBA"))
        return Image(np.ascontiguousarray(rgba[..., [2, 1, 0, 3]]).tobytes(), rgba.shape[1], rgba.shape[0], 4 * rgba.shape[1], 5)

    def save(self, buffer: Any, format: str) -> bool:
        import numpy as np
        from PIL import Image as Pillow

        assert buffer.opened
        bgra = np.frombuffer(self.data, np.uint8).reshape(self.high, self.wide, 4)
        Pillow.fromarray(np.ascontiguousarray(bgra[..., [2, 1, 0, 3]])).save(buffer.file, format)
        return True

    def convertToFormat(self, format: int) -> Image:  # noqa: N802
        return self

    def width(self) -> int:
        return self.wide

    def height(self) -> int:
        return self.high

    def bytesPerLine(self) -> int:  # noqa: N802
        return 4 * self.wide

    def constBits(self) -> Any:  # noqa: N802
        data = self.data

        class Pointer:  # sip.voidptr, which has to be told its size before it can be read
            def setsize(self, size: int) -> None:
                self.size = size

            def __bytes__(self) -> bytes:
                return data[: self.size]

        return Pointer()


class Buffer:
    def __init__(self) -> None:
        import io

        self.file, self.opened = io.BytesIO(), False

    def open(self, mode: int) -> bool:
        self.opened = True
        return True

    def data(self) -> bytes:
        return self.file.getvalue()


class Timer:
    """A QTimer that a test steps."""

    running: list[Timer] = []  # noqa: RUF012

    def __init__(self) -> None:
        self.timeout = Signal()

    def start(self, milliseconds: int) -> None:
        Timer.running.append(self)

    def stop(self) -> None:
        Timer.running.remove(self)


class Widget:
    """Any widget: fields give what `answers` says by their order of making."""

    def __init__(self, *given: Any) -> None:
        self.text_ = given[0] if given and isinstance(given[0], str) else ""
        self.value_ = 0.0
        self.accepted, self.rejected, self.canceled = Signal(), Signal(), Signal()

    def __getattr__(self, name: str) -> Any:
        if name in ("setWindowTitle", "setPlaceholderText", "addRow", "setRange", "setSingleStep", "setWindowModality", "show", "close",
                    "accept", "reject", "addItems"):  # fmt: skip
            return lambda *given: None
        raise AttributeError(name)

    def setValue(self, value: float) -> None:  # noqa: N802
        self.value_ = value

    def value(self) -> float:
        return self.value_

    def text(self) -> str:
        return self.text_

    def setCurrentText(self, text: str) -> None:  # noqa: N802
        self.text_ = text

    def currentText(self) -> str:  # noqa: N802
        return self.text_

    def exec(self) -> int:
        return 1


def krita(qt: str, document: Any) -> tuple[dict[str, ModuleType], SimpleNamespace]:
    """Krita's modules and Qt's. qt: PyQt5 or PyQt6."""
    seen = SimpleNamespace(told=[], extensions=[], settings={}, dialogs=[])
    window = SimpleNamespace(qwindow=lambda: None)
    instance = SimpleNamespace(
        activeDocument=lambda: document, activeWindow=lambda: window, addExtension=seen.extensions.append,
        readSetting=lambda group, name, default: seen.settings.get((group, name), default),
        writeSetting=lambda group, name, value: seen.settings.__setitem__((group, name), value),
    )  # fmt: skip

    class Extension:
        def __init__(self, parent: Any) -> None:
            self.parent = parent

    class Progress(Widget):
        def __init__(self, *given: Any) -> None:
            super().__init__(*given)
            seen.dialogs.append(self)

    dialog = type("QDialog", (Widget,), {"DialogCode": SimpleNamespace(Accepted=1)})
    buttons = type("QDialogButtonBox", (Widget,), {"StandardButton": SimpleNamespace(Ok=1, Cancel=2)})
    widgets = dict.fromkeys(("QComboBox", "QDoubleSpinBox", "QFormLayout", "QLineEdit"), Widget)
    box = SimpleNamespace(information=lambda parent, title, text: seen.told.append(text))
    core = {
        "QBuffer": Buffer, "QByteArray": bytes, "QTimer": Timer, "QIODevice": SimpleNamespace(OpenModeFlag=SimpleNamespace(WriteOnly=2)),
        "Qt": SimpleNamespace(WindowModality=SimpleNamespace(NonModal=0)),
    }  # fmt: skip
    modules = {
        "krita": module("krita", Krita=SimpleNamespace(instance=lambda: instance), Extension=Extension),
        qt: module(qt), f"{qt}.QtCore": module(f"{qt}.QtCore", **core), f"{qt}.QtGui": module(f"{qt}.QtGui", QImage=Image),
        f"{qt}.QtWidgets": module(
            f"{qt}.QtWidgets", QDialog=dialog, QDialogButtonBox=buttons, QFileDialog=SimpleNamespace(), QMessageBox=box,
            QProgressDialog=Progress, **widgets,
        ),
    }  # fmt: skip
    return modules, seen
