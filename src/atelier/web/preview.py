"""A look at a page from this machine alone."""

from __future__ import annotations

import functools
import http.server
from pathlib import Path
from typing import Any

from atelier.errors import SettingError

KINDS = {".js": "text/javascript", ".mjs": "text/javascript", ".wasm": "application/wasm", ".webmanifest": "application/manifest+json"}


def open_preview(folder: str | Path, port: int = 0) -> http.server.ThreadingHTTPServer:
    """Give a server of a folder on the loopback address: the caller lets it serve, and closes it.

    port: 0 for a free one. Raises SettingError for one that is taken.
    """
    try:
        return http.server.ThreadingHTTPServer(("127.0.0.1", port), functools.partial(Files, directory=str(folder)))
    except (OSError, OverflowError) as error:
        raise SettingError("port", f"cannot be listened at: {getattr(error, 'strerror', None) or error}", port) from error


class Files(http.server.SimpleHTTPRequestHandler):
    """Files with the media types that modules and WebAssembly need, fresh every time. The page's own service worker isolates it."""

    extensions_map = {**http.server.SimpleHTTPRequestHandler.extensions_map, **KINDS}  # noqa: RUF012  (the base class has it so)

    def end_headers(self) -> None:
        self.send_header("Cache-Control", "no-cache")
        super().end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""
