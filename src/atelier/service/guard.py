"""What every request passes: names of the host, origins, size, and the headers of every answer."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import urlsplit

from starlette.responses import JSONResponse

from atelier.service.config import LOOPBACK, Config
from atelier.service.problem import MEDIA, Problem

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]

HEADERS = {
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
    "referrer-policy": "no-referrer",
    "x-frame-options": "DENY",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}
"""Of every answer. The service has no pages: nothing in an answer is to run, to load or to be framed."""


class Guard:
    """Refuses bodies over the bound while they arrive, hosts that are not ours, and pages of others."""

    def __init__(self, app: Asgi, config: Config) -> None:
        self.app, self.config = app, config
        local = LOOPBACK if config.host in LOOPBACK and not config.hosts else ()
        self.hosts = {host.lower() for host in (*config.hosts, *local)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        began, status = time.perf_counter(), [500]

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                status[0] = message["status"]
                own = {name for name, _ in message["headers"]}
                more = [(name.encode(), value.encode()) for name, value in HEADERS.items() if name.encode() not in own]
                more += [] if b"cache-control" in own else [(b"cache-control", b"no-store")]
                message["headers"] = [*message["headers"], *more]
            await send(message)

        try:
            self._check(scope, headers)
            await self.app(scope, self._counted(receive), answer)
        except Problem as problem:
            response = JSONResponse(problem.body(), problem.status, {**problem.headers, "connection": "close"}, MEDIA)
            await response(scope, receive, answer)
            await _drop(receive)
        finally:
            if service := getattr(scope["app"].state, "service", None):
                route = getattr(scope.get("route"), "path", "other")  # below /v1
                service.meters.request(scope["method"], route, status[0], time.perf_counter() - began)

    def _check(self, scope: Scope, headers: dict[str, str]) -> None:
        host = _name(headers.get("host", ""))
        if self.hosts and host not in self.hosts:
            raise Problem(421, "not a host of this service", "the Host header names another")
        origin = headers.get("origin")
        if (
            origin is not None
            and scope["method"] not in ("GET", "HEAD")
            and urlsplit(origin).netloc.lower() != headers.get("host", "").lower()
        ):
            raise Problem(403, "pages of others may not do this", "the Origin header names another host")
        length = headers.get("content-length", "0")
        if not length.isdecimal():
            raise Problem(400, "no proper request", "Content-Length is no number")
        if int(length) > self.config.bounds.body:
            raise self._too_large()

    def _counted(self, receive: Receive) -> Receive:
        left = [self.config.bounds.body]

        async def counted() -> Message:
            message = await receive()
            left[0] -= len(message.get("body", b""))
            if left[0] < 0:
                raise self._too_large()
            return message

        return counted

    def _too_large(self) -> Problem:
        return Problem(413, "the request is too large", f"a request may have {self.config.bounds.body:,} bytes")


async def _drop(receive: Receive, most: int = 64) -> None:
    """Read a little of what still arrives, so that the answer is read before the connection is cut."""
    for _ in range(most):
        message = await receive()
        if message["type"] == "http.disconnect" or not message.get("more_body"):
            return


def _name(host: str) -> str:
    """The name in a Host header, without its port."""
    return host.lower().rpartition("]")[0].lstrip("[") if host.startswith("[") else host.lower().partition(":")[0]
