"""The page on this machine alone: pictures as one endless answer (MJPEG), and what is to be painted with by POST."""

from __future__ import annotations

import json
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from typing import Any

from atelier.errors import OutputError
from atelier.live.show import Show, Wanted

HOST = "127.0.0.1"
BOUNDARY = "frame"
LONGEST = 4096
"""Bytes that may be posted."""


class Server(ThreadingHTTPServer):
    """Serves a show. styles: names that may be chosen."""

    daemon_threads = True

    def __init__(self, show: Show, styles: tuple[str, ...], port: int) -> None:
        super().__init__((HOST, port), Handler)
        self.show, self.styles = show, styles


def open_server(show: Show, styles: tuple[str, ...], port: int = 0) -> Server:
    """port: 0 for a free one. Raises OutputError where it is taken."""
    try:
        return Server(show, styles, port)
    except OSError as error:
        raise OutputError(f"port {port} cannot be served on ({error.strerror}): give another `port`, or 0 for a free one") from error


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        if not self._is_ours():
            return
        if self.path == "/":
            self._answer((resources.files("atelier.live") / "page.html").read_bytes(), "text/html; charset=utf-8")
        elif self.path == "/state":
            told = {**self.server.show.state(), "styles": self.server.styles}
            self._answer(json.dumps(told).encode(), "application/json")
        elif self.path == "/live.mjpg":
            self._stream()
        else:
            self.send_error(HTTPStatus.NOT_FOUND)

    def do_POST(self) -> None:
        """Change style or strength: JSON, from the page itself alone."""
        if not self._is_ours():
            return
        try:
            length = int(self.headers.get("Content-Length", "0"))
            if self.path != "/wanted" or not 0 < length <= LONGEST or self.headers.get_content_type() != "application/json":
                raise ValueError
            self.server.show.wanted = self._wanted(json.loads(self.rfile.read(length)))
        except (ValueError, TypeError, KeyError):
            self.send_error(HTTPStatus.BAD_REQUEST)
            return
        self._answer(b"{}", "application/json")

    def _wanted(self, told: dict[str, Any]) -> Wanted:
        """What is wanted, of what was posted. Raises ValueError."""
        now = self.server.show.wanted
        style, strength = str(told.get("style", now.style)), float(told.get("strength", now.strength))
        if style not in self.server.styles or not 0 <= strength <= 1:
            raise ValueError
        return Wanted(style, strength)

    def _stream(self) -> None:
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", f"multipart/x-mixed-replace; boundary={BOUNDARY}")
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        number, show = 0, self.server.show
        try:
            while True:
                number, frame = show.after(number)
                if frame:
                    head = f"--{BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(frame)}\r\n\r\n"
                    self.wfile.write(head.encode() + frame + b"\r\n")
                if show.ended:
                    return
        except OSError:  # the page was closed
            return

    def _answer(self, body: bytes, kind: str) -> None:
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(body)

    def _is_ours(self) -> bool:
        """Whether this machine was asked by its own name: a page from elsewhere may have a name that leads here."""
        port = self.server.server_port
        hosts = (f"{HOST}:{port}", f"localhost:{port}")
        origin = self.headers.get("Origin")
        if self.headers.get("Host") in hosts and (origin is None or origin in [f"http://{host}" for host in hosts]):
            return True
        self.send_error(HTTPStatus.FORBIDDEN)
        return False

    def log_message(self, *_: Any) -> None:
        """Say nothing."""
