"""Serving the studio: Streamlit's server, with a first page, pictures and uploads of our own beside it. Nothing else is spoken to."""

from __future__ import annotations

import threading
import webbrowser
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from atelier.errors import MissingExtra, SettingError

HERE = Path(__file__).parent
LIGHT = {
    "primaryColor": "#8a4b2a", "backgroundColor": "#f5f2ec", "secondaryBackgroundColor": "#ebe6dc", "textColor": "#23201b",
    "linkColor": "#8a4b2a", "borderColor": "#d8d1c3",
}  # fmt: skip
DARK = {
    "primaryColor": "#e0a27e", "backgroundColor": "#171613", "secondaryBackgroundColor": "#23211d", "textColor": "#ece7dd",
    "linkColor": "#e0a27e", "borderColor": "#3a362f",
}  # fmt: skip


def serve(port: int = 8501, address: str = "127.0.0.1", *, headless: bool = False) -> None:
    """Serve the studio until it is stopped. headless: open no browser. Raises MissingExtra, SettingError."""
    if find_spec("streamlit") is None:
        raise MissingExtra("The studio", "studio")
    check_port(port, address)
    from streamlit.starlette import App

    from atelier.studio.routes import routes

    if not headless:
        threading.Timer(1.0, webbrowser.open, [f"http://{'localhost' if address in ('', '0.0.0.0') else address}:{port}/"]).start()
    _look_for_no_components()
    App(HERE / "app.py", routes=routes()).run(config=configuration(port, address))


def _look_for_no_components() -> None:
    """Spare Streamlit half a second at its start: it reads of every package that is installed whether it brings components. Ours are
    registered by `parts`."""
    from streamlit.components.v2.component_manager import BidiComponentManager

    BidiComponentManager.discover_and_register_components = lambda *_, **__: None  # type: ignore[method-assign]


def check_port(port: int, address: str) -> None:
    """Raise SettingError where nothing can be served."""
    import socket

    try:
        with socket.socket() as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            tried.bind((address, port))
    except (OSError, OverflowError) as error:
        raise SettingError("port", f"nothing can be served on {address}: {getattr(error, 'strerror', None) or error}", port) from error


def configuration(port: int, address: str) -> dict[str, Any]:
    """How Streamlit is to serve: quietly, to this machine, without telemetry, as we look."""
    theme: dict[str, Any] = {
        "font": "Figtree, sans-serif", "headingFont": "'Instrument Serif', serif", "headingFontWeights": [400] * 6, "baseRadius": "3px",
        "buttonRadius": "3px", "showWidgetBorder": False, "baseFontSize": 15,
    }  # fmt: skip
    told = {f"theme.{name}": value for name, value in theme.items()}
    for mode, colors in (("light", LIGHT), ("dark", DARK)):
        told |= {f"theme.{mode}.{name}": value for name, value in colors.items()}
    return told | {
        "server.port": port, "server.address": address, "server.headless": True, "server.fileWatcherType": "none",
        "server.maxUploadSize": 64, "browser.gatherUsageStats": False, "client.toolbarMode": "minimal",
        "client.showErrorDetails": "none", "global.developmentMode": False, "logger.level": "error", "server.showEmailPrompt": False,
    }  # fmt: skip
