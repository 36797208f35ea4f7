"""What there will be: a request for every combination of values, checked before any is painted."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from atelier.engines.session import Session
from atelier.engines.table import AUTO, choose, engines_of, lacking, spread_effort
from atelier.errors import SettingError, SourceError
from atelier.image import Limits
from atelier.media import STANDARD, check_place, open_still
from atelier.progress import Report, silent
from atelier.request import AnySettings, Request, options
from atelier.run.explore.axes import FIELDS, Axis, name_axis
from atelier.run.explore.fingerprint import Fingerprints, name_file
from atelier.run.explore.records import RECORDS, read_records, recall
from atelier.run.explore.variant import Variant
from atelier.run.job import check, names_read
from atelier.run.targets import beforehand, check_derived

SIZE = 512
"""Long side of the pictures, px, unless told; a smaller photo keeps its own."""
MOST = 1000
"""Pictures of one exploration."""

At = tuple[int, ...]
"""The number of a picture's value on each axis."""


def plan(
    common: Mapping[str, Any],
    axes: Sequence[Axis],
    folder: Path,
    *,
    limits: Limits = Limits(),
    session: Session | None = None,
    report: Report = silent,
) -> tuple[Variant, ...]:
    """Plan every picture, the last axis first in rank, and check all that can be checked without painting.

    common: fields of a `Request` that all have in common, content among them. A picture that an earlier call painted is known by the
    request in it, its settings in full, and the pictures it was made from. Raises SettingError, SourceError, ImageError, TargetError.
    """
    _check_axes(common, axes)
    requests = _combine({"task": pick_task(common, axes), **common}, axes)
    if any(STANDARD in names_read(request) for request in requests.values()):
        raise SourceError("pictures are opened many times here, and standard input can be read once: give a file")
    photo = open_still(common["content"], limits, report)
    prints, known = Fingerprints(photo, limits, session, report), read_records(folder)
    variants = []
    for at, request in requests.items():
        request = request if request.size is not None else dataclasses.replace(request, size=min(SIZE, max(photo.size)))
        full = check_request(request)
        labels = {name_axis(axis, axes): axis.labels[i] for axis, i in zip(axes, at, strict=True)}
        words = "_".join(axis.head(i) for axis, i in zip(axes, at, strict=True))
        path = folder / name_file(words, request, full, prints.of(request))
        variants.append(recall(Variant(at, labels, request, path), known.get(path.name)))
    with beforehand():
        check_place(folder / RECORDS if folder.is_dir() else folder)
    check_derived([str(variant.path) for variant in variants])
    return tuple(variants)


def _check_axes(common: Mapping[str, Any], axes: Sequence[Axis]) -> None:
    """Raise SettingError for axes that do not go together, or with what is given for all."""
    for one, other in itertools.combinations(axes, 2):
        if (one.name, one.of) == (other.name, other.of):
            raise SettingError("vary", "is given twice: give all its values at once", one.name)
    for axis in axes:
        _check_free(common, axis)
    if {"share", "blend"} <= {axis.name for axis in axes}:
        raise SettingError("blend", "`blend` varies how much there is of each style, and `vary` blend where each is: give one of them")
    count = math.prod(len(axis.values) for axis in axes)
    if count > MOST:
        raise SettingError("vary", f"{count} pictures are more than the {MOST} that fit a sheet: vary less")


def _check_free(common: Mapping[str, Any], axis: Axis) -> None:
    """Raise SettingError where what is varied is also given for all."""
    field = FIELDS.get(axis.name, axis.name)
    default = {each.name: each.default for each in dataclasses.fields(Request)}
    given = field in common and common[field] != default.get(field)
    if axis.name in common.get("settings", {}) or (axis.name in FIELDS and given):
        raise SettingError(axis.name, f"`vary` {axis.name} and `{axis.name}` do not go together: give one of them")


def pick_task(common: Mapping[str, Any], axes: Sequence[Axis]) -> str:
    """Pick draw where no style is given and all that is given or varied belongs to drawing; else stylize."""
    engine = common.get("engine", AUTO)
    draws = [kind.name for kind in engines_of("draw")]
    names = [*(axis.name for axis in axes), *common.get("settings", {})]
    if common.get("styles") or common.get("effort") or engine not in (AUTO, *draws) or {"share", "style", "effort"} & set(names):
        return "stylize"
    if "engine" in names:
        return "draw" if all(set(axis.values) <= set(draws) for axis in axes if axis.name == "engine") else "stylize"
    shared = ("engine", "size", "seed", "device")  # which drawing has as well
    own = [name for name in names if any(not lacking(kind, [name]) for kind in engines_of("draw"))]
    others = [name for name in names if name not in own and name not in shared]
    return "draw" if engine in draws or (own and not others) else "stylize"


def _combine(common: Mapping[str, Any], axes: Sequence[Axis]) -> dict[At, Request]:
    """Make a request for every combination of values, but for those whose shares would be more than all."""
    requests = {}
    for at in itertools.product(*(range(len(axis.values)) for axis in reversed(axes))):
        at = tuple(reversed(at))
        if (request := _request_at(common, axes, at)) is not None:
            requests[at] = request
    return requests


def _request_at(common: Mapping[str, Any], axes: Sequence[Axis], at: At) -> Request | None:
    """Make the request of one picture, with the engine that does it; None where shares would be more than all."""
    parts: dict[str, Any] = {**common, "settings": dict(common.get("settings", {}))}
    weights: dict[int, float] = {}
    for axis, i in zip(axes, at, strict=True):
        value = axis.values[i]
        if axis.name == "share":
            weights[axis.of] = value
        elif axis.name in FIELDS:
            parts[FIELDS[axis.name]] = value
        else:
            parts["settings"][axis.name] = value
    if weights:
        weights[0] = round(1 - sum(weights.values()), 6)
        if weights[0] < 0:
            return None
        parts["styles"] = tuple(dataclasses.replace(style, weight=weights[i]) for i, style in enumerate(parts["styles"]))
    if parts["task"] == "draw" or parts.get("engine") in [kind.name for kind in engines_of("draw")]:
        # drawn without a painting: a request of its own kind
        parts = {"task": "draw", **{name: parts[name] for name in ("content", "settings", "size", "seed") if name in parts}}
    request = spread_effort(Request(**parts))
    return dataclasses.replace(request, engine=choose(request).name)


def check_request(request: Request) -> AnySettings:
    """Settle a request, and refuse all that can be refused without opening its pictures. Raises SettingError, SourceError."""
    request, full = check(request)
    if request.task == "stylize" and not request.styles and not getattr(full, "model", ""):
        raise SettingError("styles", "give a `style`: a painting's file, or a name from `atelier styles`")
    _check_named(full)
    return full


def _check_named(full: AnySettings) -> None:
    """Refuse settings that name files and layers that are not there. Raises SettingError, SourceError."""
    declared = options(type(full))
    for name, option in declared.items():
        value = getattr(full, name)
        there = ", ".join(option.words)
        if option.names(value) and option.file == "network" and not Path(value).expanduser().exists():
            raise SettingError(name, f"there is {there}, or the path of a file" if there else "there is no such file", value)
        if option.names(value) and option.file == "picture" and "://" not in value and not Path(value).is_file():
            raise SourceError(f"`{name}` {value}: there is no such file{f'; without one there are {there}' if there else ''}")
    try:
        from atelier.perception.network import layer_name
    except ModuleNotFoundError:  # PyTorch, which whoever paints misses too and speaks of
        return
    for name in (name for name, option in declared.items() if option.layers):
        for layer in getattr(full, name):
            layer_name(layer)
