"""What is wrong with a request or a job, in the form of RFC 9457 (application/problem+json)."""

from __future__ import annotations

import json
from typing import Any

from atelier.errors import AtelierError, Cancelled, ImageError, InputError, OutputError, SettingError

MEDIA = "application/problem+json"


class Problem(Exception):
    """A status of HTTP with a title and one line of detail. field: what of the request it is about. retry: seconds to wait."""

    def __init__(self, status: int, title: str, detail: str = "", field: str = "", retry: float | None = None) -> None:
        super().__init__(status, title, detail, field, retry)
        self.status, self.title, self.detail, self.field, self.retry = status, title, detail, field, retry

    def body(self) -> dict[str, Any]:
        """As JSON has it."""
        fields: dict[str, Any] = {"type": "about:blank", "status": self.status, "title": self.title, "detail": self.detail or self.title}
        return fields | ({"errors": [{"field": self.field, "message": self.detail}]} if self.field else {})

    def to_json(self) -> str:
        return json.dumps(self.body(), ensure_ascii=False)

    @property
    def headers(self) -> dict[str, str]:
        return {} if self.retry is None else {"Retry-After": str(max(1, round(self.retry)))}

    @classmethod
    def of(cls, error: Exception) -> Problem:
        """What to answer for an error of the library's. Faults of the program say nothing of the inside."""
        match error:
            case Problem():
                return error
            case SettingError():
                field = {"content": "photo", "styles": "style", "masks": "mask"}.get(error.option, error.option)
                return cls(422, "this cannot be painted", error.message(f"`{field}`" if field else ""), field)
            case ImageError():
                large = "over the limit" in str(error)
                return cls(413 if large else 422, "the picture is too large" if large else "the picture cannot be read", str(error))
            case InputError():
                return cls(422, "this cannot be painted", str(error))
            case Cancelled():
                return cls(422, "the job took too long", str(error))
            case MemoryError():
                return cls(413, "the picture is too large", "there is not the memory for it: ask for a smaller size")
            case AtelierError() if not isinstance(error, OutputError):
                return cls(422, "this cannot be painted", str(error))
        return cls(500, "a fault of the service", "it is in the log of the service")
