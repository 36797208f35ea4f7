"""All options of a task, for faces that are made of them: flags, keyword arguments, forms, JSON Schema, tables of the docs."""

from __future__ import annotations

import dataclasses
from typing import Any

from atelier.engines.table import AUTO, ENGINES, engines_of
from atelier.request import Option, Outputs, Request, Style, options

TYPES = {str: "string", bool: "boolean", int: "integer", float: "number"}
WHERE = ("regions", "masks", "style_regions", "feather", "blend", "keep_flat")
PAINTED = (*WHERE, "at_most", "effort", "panorama", "begin", "end", "fps", "temporal", "what", "texture_size", "views", "light", "relief")
"""Options of a request that only photos, films and meshes that are painted have."""
ALONE = {"stylize": (), "texture": (*PAINTED, "content"), "reconstruct": PAINTED, "draw": (*PAINTED, "recipe", "device")}
"""Options of a request that a task does not have."""


def schema(task: str, engine: str = AUTO) -> tuple[Option, ...]:
    """The options of a task: of the request, then the settings of its engine, or of all that do it; one of several engines once."""
    kinds = engines_of(task) if engine == AUTO else [ENGINES[engine]]
    own = [each for name, each in options(Request).items() if name != "task" and name not in ALONE[task]]
    choices = (AUTO, *(kind.name for kind in engines_of(task)))
    own = [dataclasses.replace(each, choices=choices) if each.name == "engine" else each for each in own]
    found = {each.name: each for each in own}
    for kind in kinds:
        for name, each in options(kind.settings).items():
            found.setdefault(name, each)
    return tuple(found.values())


def settings_of(task: str) -> tuple[Option, ...]:
    """The settings of all engines that do a task; one of several engines once."""
    found: dict[str, Option] = {}
    for kind in engines_of(task):
        found = {**options(kind.settings), **found}
    return tuple(found.values())


def style_schema() -> tuple[Option, ...]:
    """The options of each style."""
    return tuple(options(Style).values())


def outputs_schema() -> tuple[Option, ...]:
    """The options of what is written."""
    return tuple(options(Outputs).values())


def json_schema(task: str, engine: str = AUTO) -> dict[str, Any]:
    """The same as JSON Schema (draft 2020-12), for services and forms; `x-` keys hold what that has no word for."""
    properties = {each.name: _property(each) for each in schema(task, engine)}
    properties["styles"] = {
        "type": "array",
        "items": {"type": "object", "properties": {each.name: _property(each) for each in style_schema()}, "required": ["source"]},
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema", "title": task, "type": "object", "properties": properties,
        "additionalProperties": False,
    }  # fmt: skip


def _property(each: Option) -> dict[str, Any]:
    kind: dict[str, Any] = {"type": TYPES[each.kind]}
    if each.layers:
        kind = {"type": "object", "additionalProperties": {"type": "number", "minimum": 0}}
    if each.choices:
        kind["enum"] = list(each.choices)
    kind |= {} if each.low is None else {"minimum": each.low}
    kind |= {} if each.high is None else {"maximum": each.high}
    if each.many:
        kind = {"type": "array", "items": kind}
    if each.none:
        kind["type"] = [kind["type"], "null"]
    found: dict[str, Any] = {**kind, "title": each.label, "description": each.help, "x-group": each.group, "x-advanced": each.advanced}
    if each.default is not dataclasses.MISSING:
        found["default"] = list(each.default) if isinstance(each.default, tuple) else each.default
    return found | ({"x-unit": each.unit} if each.unit else {}) | ({"x-file": each.file} if each.file else {})
