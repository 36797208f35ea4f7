"""Painting by optimisation, as a row of the table of engines. Needs no torch until it is built."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping, Sequence
from typing import Any

from atelier.engines.color import Finished, check_color
from atelier.engines.deadline import Deadline
from atelier.engines.engine import Engine, EngineKind
from atelier.engines.guide import Sample
from atelier.engines.session import Session
from atelier.engines.solid import Shaper, SolidEngine
from atelier.engines.solid_color import FinishedTexture
from atelier.errors import MissingExtra, SettingError
from atelier.image import Image
from atelier.progress import Report, silent
from atelier.request import Request, Settings, override

LARGEST = 4096
"""Long side, px, that a photo is painted at unless a size is asked for: minutes, not hours, on two cores."""

SOLID_ITERATIONS = 24
"""Iterations at the full size for meshes, unless a recipe or a number is asked for: each is one of all views."""


def settle(request: Request) -> Settings:
    """The recipe's settings with those given put in, and what the task means by itself. Raises SettingError."""
    from atelier.engines.optimize.recipes import recipe

    base = recipe(request.recipe or "default").settled(request.settings)
    if request.task == "texture":
        base = dataclasses.replace(base, content_weight=0.0, start="noise", style_fit="own")
    elif request.task == "reconstruct":
        # One scale from noise, since the point is what one layer holds; a little smoothness picks among the many
        # pictures that a deep layer cannot tell apart (Mahendran & Vedaldi 2015).
        base = dataclasses.replace(
            base, style_weight=0.0, start="noise", warm_features="", coarse_iterations=0, iterations=200, tv_weight=0.02
        )
    elif request.solid and not request.recipe:
        base = dataclasses.replace(base, iterations=SOLID_ITERATIONS)
    return check_color(override(base, request.settings))


def refuse(request: Request, settings: Settings) -> None:
    """Raise SettingError for what cannot be painted."""
    if request.content is None and not request.styles:
        raise SettingError("content", "nothing to paint: give a picture")
    for name in ("momentum", "line_search"):
        if (value := getattr(settings, name)) != "none" and settings.optimizer != "sgd":
            raise SettingError(name, "is of plain gradient descent alone: give `optimizer` sgd", value)


def build(
    samples: Sequence[Sample],
    settings: Settings,
    device: str = "auto",
    seed: int = 0,
    pictures: Mapping[str, Image] = {},
    session: Session | None = None,
    report: Report = silent,
) -> Engine:
    """The engine. Its first picture's seconds are counted from here: opening PyTorch takes one or two. Raises MissingExtra, WeightsError,
    SettingError."""
    began = time.monotonic()
    try:
        from atelier.engines.optimize.engine import OptimizeEngine
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise MissingExtra("painting by optimisation", "torch") from error
    engine = OptimizeEngine(samples, settings, device, seed)
    return Finished(Deadline(engine, settings.seconds, time.monotonic() - began), settings)


def build_solid(
    samples: Sequence[Sample],
    settings: Settings,
    device: str = "auto",
    seed: int = 0,
    session: Session | None = None,
    report: Report = silent,
) -> SolidEngine:
    """What paints surfaces. Raises as `build` does."""
    try:
        from atelier.engines.optimize.solid import TextureEngine
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise MissingExtra("painting by optimisation", "torch") from error
    return FinishedTexture(TextureEngine(samples, settings, device, seed), settings, settings.seconds)


def build_shape(samples: Sequence[Sample], settings: Settings, device: str = "auto", seed: int = 0) -> Shaper:
    """What shapes surfaces. Raises as `build` does."""
    try:
        from atelier.engines.optimize.shape import ShapeEngine
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise MissingExtra("painting by optimisation", "torch") from error
    return ShapeEngine(samples, settings, device, seed)


def networks(settings: Any) -> list[str]:
    """Digests of the networks that are looked through. Raises WeightsError."""
    from atelier.perception.weights import identity

    return [identity(name)[:16] for name in dict.fromkeys((settings.features, settings.warm_features)) if name]


KIND = EngineKind(
    "optimize", "painting by optimisation: slower, better", ("stylize", "texture", "reconstruct"), Settings, settle, build, refuse,
    extra="torch", largest=LARGEST, networks=networks, solid=build_solid, shape=build_shape,
)  # fmt: skip
