"""Paint a layer in the manner of a painting: Tools > Scripts > Paint like a Painting. Krita 5 has PyQt5, Krita 6 PyQt6."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from krita import Extension, Krita

try:
    from PyQt6.QtCore import QBuffer, QByteArray, QIODevice, Qt, QTimer
    from PyQt6.QtGui import QImage
    from PyQt6.QtWidgets import (
        QComboBox,
        QDialog,
        QDialogButtonBox,
        QDoubleSpinBox,
        QFileDialog,
        QFormLayout,
        QLineEdit,
        QMessageBox,
        QProgressDialog,
    )  # fmt: skip
except ImportError:
    from PyQt5.QtCore import QBuffer, QByteArray, QIODevice, Qt, QTimer
    from PyQt5.QtGui import QImage
    from PyQt5.QtWidgets import (
        QComboBox,
        QDialog,
        QDialogButtonBox,
        QDoubleSpinBox,
        QFileDialog,
        QFormLayout,
        QLineEdit,
        QMessageBox,
        QProgressDialog,
    )  # fmt: skip

from . import bridge

GROUP = "atelier"
"""Under which Krita keeps what was chosen last."""
PAINTING = "A painting of mine …"
EVERY = 80
"""Milliseconds between two looks at what a painting thread has done."""


class Atelier(Extension):
    def __init__(self, parent: Any) -> None:
        super().__init__(parent)
        self.busy = False

    def setup(self) -> None:
        """Krita calls this once; there is nothing to set up."""

    def createActions(self, window: Any) -> None:  # noqa: N802  (Krita's name)
        action = window.createAction("atelier_paint", "Paint like a Painting…", "tools/scripts")
        action.triggered.connect(self.begin)

    def begin(self, *_: Any) -> None:
        """Ask how, and paint the layer that is chosen."""
        document = Krita.instance().activeDocument()
        node = document.activeNode() if document else None
        if node is None or self.busy:
            return tell("Choose a layer first." if not self.busy else "A layer is being painted already.")
        if (document.colorModel(), document.colorDepth()) != ("RGBA", "U8"):
            return tell("This works on pictures of 8 bits in RGB: Image > Convert Image Color Space.")
        asked = ask()
        if asked is None:
            return None
        wanted, options, service = asked
        box = node.bounds()
        x, y, width, height = box.x(), box.y(), box.width(), box.height()
        if width < 1 or height < 1:
            return tell("The layer is empty.")
        photo = png_of(node.projectionPixelData(x, y, width, height), width, height)
        work = Work(lambda stopped: bridge.paint(photo, [wanted], options, service=service, stopped=stopped))
        self.busy = True
        work.start(lambda data: self.done(document, node, (x, y), data))
        return None

    def done(self, document: Any, node: Any, at: tuple[int, int], data: bytes | Exception | None) -> None:
        """Put what was painted above the layer; or say why there is nothing. data: None where the user stopped it."""
        self.busy = False
        if isinstance(data, Exception):
            return tell(str(data))
        if data is None:
            return None
        image = QImage.fromData(data, "PNG").convertToFormat(QImage.Format.Format_ARGB32)
        layer = document.createNode(f"{node.name()}, painted", "paintlayer")
        node.parentNode().addChildNode(layer, node)
        bits = image.constBits()
        bits.setsize(image.height() * image.bytesPerLine())
        layer.setPixelData(QByteArray(bytes(bits)), *at, image.width(), image.height())
        document.refreshProjection()
        return None


class Work:
    """Work in a thread, while a dialog shows that it goes on. Krita itself is only touched from its own thread."""

    def __init__(self, work: Any) -> None:
        self.work, self.result, self.stopped = work, None, threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)

    def run(self) -> None:
        try:
            self.result = self.work(self.stopped.is_set)
        except bridge.Stopped:
            self.result = None
        except Exception as error:  # whatever it is, the user is told, in Krita's own thread
            self.result = error

    def start(self, done: Any) -> None:
        self.done = done
        self.shown = QProgressDialog("Painting …", "Stop", 0, 0, Krita.instance().activeWindow().qwindow())
        self.shown.setWindowModality(Qt.WindowModality.NonModal)
        self.shown.canceled.connect(self.stopped.set)
        self.shown.show()
        self.timer = QTimer()
        self.timer.timeout.connect(self.look)
        self.timer.start(EVERY)
        self.thread.start()

    def look(self) -> None:
        if self.thread.is_alive():
            return
        self.timer.stop()
        self.shown.close()
        self.done(self.result)


def png_of(pixels: Any, width: int, height: int) -> bytes:
    """Krita's pixels, BGRA of 8 bits, as a PNG's bytes."""
    image = QImage(bytes(pixels), width, height, 4 * width, QImage.Format.Format_ARGB32)
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    image.save(buffer, "PNG")
    return bytes(buffer.data())


def ask() -> tuple[str | bytes, dict[str, Any], str] | None:
    """The style, options and service; None where the user thought better of it."""
    krita = Krita.instance()
    dialog = QDialog(krita.activeWindow().qwindow())
    dialog.setWindowTitle("Paint like a Painting")
    layout, style = QFormLayout(dialog), QComboBox()
    style.addItems([*bridge.STYLES, PAINTING])
    style.setCurrentText(krita.readSetting(GROUP, "style", bridge.STYLES[0]))
    strength, strokes = number(0.0, 1.0), number(0.25, 4.0)
    service = QLineEdit(krita.readSetting(GROUP, "service", ""))
    service.setPlaceholderText("empty: the program atelier on this machine")
    for label, field in (("&Style", style), ("S&trength", strength), ("Stroke si&ze", strokes), ("Ser&vice", service)):
        layout.addRow(label, field)
    buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel)
    buttons.accepted.connect(dialog.accept)
    buttons.rejected.connect(dialog.reject)
    layout.addRow(buttons)
    if not dialog.exec():
        return None
    krita.writeSetting(GROUP, "service", service.text())
    options = {"strength": strength.value(), "style_size": strokes.value()}
    if style.currentText() != PAINTING:
        krita.writeSetting(GROUP, "style", style.currentText())
        return style.currentText(), options, service.text()
    path, _ = QFileDialog.getOpenFileName(dialog, "A painting", "", "Pictures (*.png *.jpg *.jpeg *.webp *.tif *.tiff *.avif)")
    return (Path(path).read_bytes(), options, service.text()) if path else None


def number(low: float, high: float) -> Any:
    field = QDoubleSpinBox()
    field.setRange(low, high)
    field.setSingleStep(0.05)
    field.setValue(1.0)
    return field


def tell(text: str) -> None:
    QMessageBox.information(Krita.instance().activeWindow().qwindow(), "atelier", text)
