"""The table of engines, and which of them does what a request asks for."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from importlib.util import find_spec

from atelier.engines.engine import EngineKind
from atelier.engines.network.catalogue import is_own_style
from atelier.engines.network.kind import KIND as NETWORK
from atelier.engines.optimize.kind import KIND as OPTIMIZE
from atelier.engines.primitives.kind import KIND as PRIMITIVES
from atelier.errors import SettingError
from atelier.request import AnySettings, Outputs, Request, options
from atelier.request.near import near

ENGINES: dict[str, EngineKind] = {kind.name: kind for kind in (NETWORK, OPTIMIZE, PRIMITIVES)}
"""A new engine is a package with such a kind, and its name in this line. Of those that do a task the first is asked first."""
AUTO = "auto"
EFFORTS = {"fast": (NETWORK, ""), "good": (OPTIMIZE, ""), "best": (OPTIMIZE, "quality")}
"""What paints for how much work, and by which recipe."""
PREFERRED_SIDE = 1024
"""Long side, px, up to which a photo is painted by optimisation where nobody asked for that: some twenty seconds on two cores."""
SOLID = (OPTIMIZE, NETWORK)
"""What paints meshes: the first sees all views at once, the second paints each by itself."""
WAY = ("every", "animation", "log", "checkpoint")
"""What can be written on the way."""


def engines_of(task: str) -> list[EngineKind]:
    """Those that do a task, in the order they are asked in."""
    return [kind for kind in ENGINES.values() if task in kind.tasks]


def able_for(request: Request) -> list[EngineKind]:
    """Those that can do what is asked for, in the order they are asked in."""
    if not request.solid:
        return engines_of(request.task)
    return [kind for kind in SOLID if request.what == "texture" or kind.shape is not None]


def choose(request: Request, outputs: Outputs | None = None) -> EngineKind:
    """The engine that was asked for, else the first of the task's that has all the options given. Raises SettingError where none has."""
    request, able = spread_effort(request), able_for(request)
    if request.engine != AUTO:
        for kind in able:
            if kind.name == request.engine:
                return kind
        raise SettingError("engine", f"choose from {', '.join([AUTO, *(kind.name for kind in able)])}", request.engine)
    given = _given(request, outputs)
    for kind in able:
        if not lacking(kind, given):
            return kind
    for name in given:
        if all(lacking(kind, [name]) for kind in able):
            raise _unknown(name, request, able[-1])
    parts = []
    for kind in able:
        others = [other for other in able if other is not kind]
        alone = [name for name in given if not lacking(kind, [name]) and all(lacking(other, [name]) for other in others)]
        if alone:
            parts.append(f"{_spelled(alone[0])} is for `engine={kind.name}`")
    raise SettingError("engine", f"{', '.join(parts)}: they do not go together")


def prefer(request: Request, outputs: Outputs | None = None) -> Request:
    """The request of one photo, by the engine that paints the better picture, where it says nothing of that: by optimisation, at a long
    side of at most PREFERRED_SIDE unless a size is asked for. Many photos, films, the camera and previews are for `choose`, which takes
    the networks.

    It comes back as it is where PyTorch is not installed, where an option is for the networks alone, for a panorama, where a style is
    one of the user's own by name (they were trained to be painted by a network), and with `seconds`: the networks hand over to the
    optimiser where there is time for that.
    """
    asked = request.engine != AUTO or request.effort or request.recipe or request.panorama or "seconds" in request.settings
    if asked or request.task != "stylize" or request.solid or not request.styles or find_spec("torch") is None:
        return request
    if lacking(OPTIMIZE, _given(request, outputs)) or any(is_own_style(style.source) for style in request.styles):
        return request
    most = PREFERRED_SIDE if request.size is None and request.at_most is None else request.at_most
    return dataclasses.replace(request, engine=OPTIMIZE.name, at_most=most)


def settle(request: Request, outputs: Outputs | None = None) -> AnySettings:
    """The settings in full, of the type that the engine has. Raises SettingError."""
    request = spread_effort(request)
    kind = choose(request, outputs)
    for name in lacking(kind, _given(request, outputs)):
        raise _unknown(name, request, kind)
    return kind.settle(request)


def spread_effort(request: Request) -> Request:
    """The request with engine and recipe in place of its effort."""
    if not request.effort:
        return request
    kind, recipe = EFFORTS[request.effort]
    return dataclasses.replace(request, effort="", engine=kind.name, recipe=recipe)


def lacking(kind: EngineKind, names: Iterable[str]) -> list[str]:
    """Those options that an engine does not have."""
    known = options(kind.settings)
    own = {*known, *(name for each in known.values() for name in each.former)}
    return [name for name in names if name not in own and (name not in OTHERS or name in kind.lacks)]


OTHERS = ("recipe", "strokes", *WAY)
"""Options besides settings that some engines have, and others lack."""


def _given(request: Request, outputs: Outputs | None) -> list[str]:
    given = list(request.settings)
    given += ["recipe"] if request.recipe else []
    given += ["strokes"] if any(style.strokes != "all" for style in request.styles) else []
    return given + [name for name in WAY if outputs is not None and getattr(outputs, name)]


def _unknown(name: str, request: Request, kind: EngineKind) -> SettingError:
    """What to say of an option that an engine lacks."""
    for other in engines_of(request.task):
        if not lacking(other, [name]):
            value = f" {request.recipe}" if name == "recipe" else ""
            return SettingError(name, f"{_spelled(name)}{value} is for `engine={other.name}`")
    if name in OTHERS or any(name in options(other.settings) for other in ENGINES.values()):
        return SettingError(name, f"{_spelled(name)} is not for {request.task}")
    known = sorted({each for other in engines_of(request.task) for each in options(other.settings)})
    meant = " or ".join(f"`{each}`" for each in near(name, known, 2))
    hint = f"did you mean {meant}?" if meant else f"the settings are {', '.join(known)}"
    return SettingError(name, f"no setting `{name}`: {hint}")


def _spelled(name: str) -> str:
    return "`style` of coarse or fine strokes" if name == "strokes" else f"`{name}`"


def file_settings() -> frozenset[str]:
    """Settings, of any engine, that may name something to be opened."""
    return frozenset(name for kind in ENGINES.values() for name, each in options(kind.settings).items() if each.file)
