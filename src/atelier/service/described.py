"""The service's own description (OpenAPI 3.1), with the options of the library as the fields of a job."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from atelier.image.encode import FORMATS
from atelier.request import TASKS
from atelier.run import json_schema
from atelier.service.asked import DRAWN, REFUSED

PROBLEM = "#/components/schemas/Problem"
FILE: dict[str, Any] = {"type": "string", "format": "binary"}
OPEN = ("/v1/health",)
"""Paths that need no key."""
EXAMPLE = {"photo": "https://example.org/photo.jpg", "style": "starry-night", "size": 1024, "strength": 0.8}


def describe(app: FastAPI) -> dict[str, Any]:
    """The description, made once."""
    if app.openapi_schema is None:
        spec = get_openapi(title=app.title, version=app.version, summary=app.summary, routes=app.routes)
        spec["components"].setdefault("securitySchemes", {})["key"] = {"type": "http", "scheme": "bearer"}
        spec["components"]["schemas"]["Problem"] = _problem()
        for path, operations in spec["paths"].items():
            for operation in operations.values():
                _answers(path, operation)
        spec["paths"]["/v1/jobs"]["post"]["requestBody"] = _body()
        app.openapi_schema = spec
    return app.openapi_schema


def _answers(path: str, operation: dict[str, Any]) -> None:
    """Say of an operation how it can go wrong."""
    problem = {"content": {"application/problem+json": {"schema": {"$ref": PROBLEM}}}}
    retry = {"headers": {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds to wait"}}}
    answers = operation["responses"]
    answers["422"] = {"description": "Something in the request, or in the job, cannot be used", **problem}
    for status, words in {"400": "No proper request", "403": "Not for this key", "421": "Not a host of this service"}.items():
        answers[status] = {"description": words, **problem}
    if path not in OPEN:
        operation["security"] = [{"key": []}]
        answers["401"] = {"description": "A key is needed", **problem}
        answers["429"] = {"description": "Too much at once", **problem, **retry}
    if "{" in path:
        answers["404"] = {"description": "There is none", **problem}
    if path.endswith(("/result", "/preview")):
        answers |= {
            "409": {"description": "The job has not ended", **problem, **retry}, "410": {"description": "It is gone", **problem},
            "413": {"description": "The picture is too large", **problem}, "416": {"description": "No such bytes", **problem},
            "500": {"description": "The work failed", **problem},
        }  # fmt: skip
    if path == "/v1/jobs" and "202" in answers:
        answers["200"] = {**answers["202"], "description": "The job that this Idempotency-Key made"}
        answers["202"]["description"] = "The job, which waits"
        answers["413"] = {"description": "Over the limits", **problem}
        answers["415"] = {"description": "No such kind of request", **problem}


def _body() -> dict[str, Any]:
    """The body of `POST /v1/jobs`: a form, with files, or an object in JSON, with addresses."""
    options: dict[str, Any] = {}
    for task in reversed(TASKS):
        options |= json_schema(task)["properties"]
    for name in ("content", "task", "styles", "masks", "style_regions", *REFUSED):
        options.pop(name, None)
    options |= {
        "task": {"type": "string", "enum": list(TASKS), "default": "stylize"},
        "format": {"type": "string", "enum": [*FORMATS, *DRAWN], "default": "png"},
        "quality": {"type": "integer", "minimum": 1, "maximum": 100, "default": 92},
        "depth": {"type": "integer", "enum": [8, 16]},
    }
    style = {key: value for key, value in json_schema("stylize")["properties"]["styles"].items() if key == "items"}["items"]
    files: dict[str, Any] = {
        "photo": {**FILE, "description": "The photo: a file, or its address"},
        "style": {"type": "array", "items": FILE, "description": "Paintings: files, addresses or names of `GET /v1/styles`"},
        "mask": {"type": "array", "items": FILE, "description": "Where each style goes, white"},
    }
    address = {"type": "string", "format": "uri", "pattern": "^https?://"}
    named: dict[str, Any] = {
        "photo": address,
        "style": {"anyOf": [{"type": "string"}, style, {"type": "array", "items": {"anyOf": [{"type": "string"}, style]}, "maxItems": 16}]},
        "mask": {"type": "array", "items": address, "maxItems": 16},
    }
    return {
        "required": True,
        "content": {
            "multipart/form-data": {"schema": {"type": "object", "properties": {**options, **files}, "required": ["photo"]}},
            "application/json": {"schema": {"type": "object", "properties": {**options, **named}}, "example": EXAMPLE},
        },
    }


def _problem() -> dict[str, Any]:
    text = {"type": "string"}
    error = {"type": "object", "properties": {"field": text, "message": text}, "required": ["field", "message"]}
    properties = {"type": text, "status": {"type": "integer"}, "title": text, "detail": text, "errors": {"type": "array", "items": error}}
    return {"type": "object", "title": "What is wrong (RFC 9457)", "required": ["status", "title", "detail"], "properties": properties}
