"""The key that comes with a request."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import Request
from fastapi.params import Depends
from fastapi.security import HTTPBearer

from atelier.service.keys import Key

bearer = HTTPBearer(auto_error=False, description="A key that `atelier keys add` made")


def may(scope: str) -> Callable[..., Key]:
    """A dependency: the request's key, which has the scope. Raises Problem."""

    def find(request: Request) -> Key:
        given = request.headers.get("authorization", "")
        kind, _, secret = given.partition(" ")
        return request.app.state.service.keys.find(secret.strip() if kind.lower() == "bearer" else None, scope)  # type: ignore[no-any-return]

    return find


SECURITY = Depends(bearer)
