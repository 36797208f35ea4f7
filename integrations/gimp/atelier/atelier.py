#!/usr/bin/env python3
"""atelier for GIMP 3: paint a layer in the manner of a painting. Filters > Artistic > Paint like a Painting."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import gi

gi.require_version("Gimp", "3.0")
gi.require_version("GimpUi", "3.0")
from gi.repository import Gimp, GimpUi, Gio, GLib, GObject  # noqa: E402

sys.path.insert(0, str(Path(__file__).resolve().parent))
import bridge  # noqa: E402

NAME = "plug-in-atelier-paint"
PAINTING = "a painting of mine"
"""The style that is a file."""
WRITE = GObject.ParamFlags.READWRITE


class Atelier(Gimp.PlugIn):
    def do_query_procedures(self) -> list[str]:
        return [NAME]

    def do_set_i18n(self, name: str) -> bool:
        return False

    def do_create_procedure(self, name: str) -> Any:
        procedure = Gimp.ImageProcedure.new(self, name, Gimp.PDBProcType.PLUGIN, run, None)
        procedure.set_image_types("RGB*, GRAY*")
        procedure.set_sensitivity_mask(Gimp.ProcedureSensitivityMask.DRAWABLE)
        procedure.set_menu_label("Paint like a _Painting…")
        procedure.add_menu_path("<Image>/Filters/Artistic")
        procedure.set_documentation("Paint the layer in the manner of a painting", "Puts a painted copy above the layer.", name)
        procedure.set_attribution("atelier", "atelier, MIT licence", "2026")
        choice = Gimp.Choice.new()
        for at, (style, label) in enumerate(styles()):
            choice.add(style, at, label, "")
        procedure.add_choice_argument("style", "_Style", "A style by name, or a painting of yours", choice, styles()[0][0], WRITE)
        procedure.add_file_argument(
            "painting", "_Painting", "Its file, where the style is that", Gimp.FileChooserAction.OPEN, True, None, WRITE
        )
        procedure.add_double_argument("strength", "S_trength", "From 0, the photo, to 1, the painting", 0.0, 1.0, 1.0, WRITE)
        procedure.add_double_argument("style-size", "Stroke si_ze", "2: strokes twice as large", 0.25, 4.0, 1.0, WRITE)
        procedure.add_boolean_argument("optimize", "_Optimise", "Minutes instead of seconds, and the better picture", False, WRITE)
        procedure.add_string_argument("service", "Ser_vice", "Address of `atelier serve`; empty: the command line", "", WRITE)
        return procedure


def styles() -> list[tuple[str, str]]:
    """Names and labels. GIMP asks at its start, so these are those that ship, and nothing is run for them."""
    return [*((name, name.replace("-", " ").title()) for name in bridge.STYLES), ("painting", PAINTING.capitalize())]


def run(procedure: Any, mode: Any, image: Any, drawables: list[Any], config: Any, data: Any) -> Any:
    if len(drawables) != 1:
        return failed(procedure, Gimp.PDBStatusType.CALLING_ERROR, "choose one layer")
    if mode == Gimp.RunMode.INTERACTIVE:
        GimpUi.init(NAME)
        dialog = GimpUi.ProcedureDialog.new(procedure, config, "Paint like a Painting")
        dialog.fill(None)
        agreed = dialog.run()
        dialog.destroy()
        if not agreed:
            return procedure.new_return_values(Gimp.PDBStatusType.CANCEL, None)
    image.undo_group_start()
    Gimp.progress_init("Painting")
    try:
        paint_layer(image, drawables[0], config)
    except (bridge.Failed, OSError) as error:
        return failed(procedure, Gimp.PDBStatusType.EXECUTION_ERROR, str(error))
    finally:
        Gimp.progress_end()
        image.undo_group_end()
        Gimp.displays_flush()
    return procedure.new_return_values(Gimp.PDBStatusType.SUCCESS, None)


def paint_layer(image: Any, drawable: Any, config: Any) -> None:
    """Put a painted copy above a layer. Raises Failed, OSError."""
    style, painting = config.get_property("style"), config.get_property("painting")
    if style == "painting" and painting is None:
        raise bridge.Failed("choose a painting's file")
    wanted: str | bytes = Path(painting.get_path()).read_bytes() if style == "painting" else style
    options: dict[str, Any] = {"style_size": config.get_property("style-size")}
    if config.get_property("optimize"):
        options["engine"] = "optimize"
    else:
        options["strength"] = config.get_property("strength")
    with tempfile.TemporaryDirectory(prefix="atelier-") as folder:
        path = Path(folder) / "layer.png"
        write_layer(drawable, path)
        path.write_bytes(bridge.paint(path.read_bytes(), [wanted], options, service=config.get_property("service") or "", stopped=pulse))
        layer = Gimp.file_load_layer(Gimp.RunMode.NONINTERACTIVE, image, Gio.File.new_for_path(str(path)))
    layer.set_name(f"{drawable.get_name()}, painted")
    image.insert_layer(layer, drawable.get_parent(), image.get_item_position(drawable))
    _, x, y = drawable.get_offsets()
    layer.set_offsets(x, y)


def write_layer(drawable: Any, path: Path) -> None:
    """Write a layer by itself as a PNG."""
    copy = Gimp.Image.new(drawable.get_width(), drawable.get_height(), Gimp.ImageBaseType.RGB)
    try:
        layer = Gimp.Layer.new_from_drawable(drawable, copy)
        copy.insert_layer(layer, None, 0)
        layer.set_offsets(0, 0)
        Gimp.file_save(Gimp.RunMode.NONINTERACTIVE, copy, Gio.File.new_for_path(str(path)), None)
    finally:
        copy.delete()


def pulse() -> bool:
    """Show that it goes on. GIMP ends the plug-in itself where the user cancels."""
    Gimp.progress_pulse()
    return False


def failed(procedure: Any, status: Any, reason: str) -> Any:
    return procedure.new_return_values(status, GLib.Error.new_literal(GLib.quark_from_string(NAME), f"atelier: {reason}", 0))


Gimp.main(Atelier.__gtype__, sys.argv)
