"""Painting by trained networks, as a row of the table of engines."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from atelier.engines.color import Finished, check_color
from atelier.engines.engine import Engine, EngineKind, Fitting
from atelier.engines.guide import Sample
from atelier.engines.session import Session
from atelier.engines.solid import SolidEngine
from atelier.engines.solid_color import FinishedTexture
from atelier.errors import SettingError, SourceError, WeightsError
from atelier.image import Image
from atelier.progress import Report, silent
from atelier.request import InstantSettings, Request, override

if TYPE_CHECKING:
    from atelier.engines.network.engine import Models


def settle(request: Request) -> InstantSettings:
    """The defaults with those given put in. Raises SettingError."""
    settings = check_color(override(InstantSettings(), request.settings))
    if settings.seconds and settings.strength < 1:
        raise SettingError("seconds", "`seconds` is for the optimiser, which knows no `strength`: give one of them")
    return settings


def refuse(request: Request, settings: InstantSettings) -> None:
    """Raise SettingError for what makes no sense together."""
    if request.content is None:
        raise SettingError("content", "nothing to paint: give a photo")
    if request.solid and settings.seconds:
        raise SettingError("seconds", "`seconds` of a mesh are the optimiser's: give `engine=optimize` with it")
    if not settings.model:
        if not request.styles:
            raise SettingError("styles", "give a `style`: a painting's file, or a name from `atelier styles`")
        if stray := [name for name in request.settings if name.startswith("model_")]:
            raise SettingError(stray[0], f"`{stray[0]}` is about a network from elsewhere: give `model`")
        return
    if request.styles:
        raise SettingError("model", "`model` paints by itself: give no `style` with it")
    if settings.strength < 1 or settings.style_size != 1 or settings.seconds or settings.tune:
        raise SettingError("model", "`strength`, `style_size`, `tune` and `seconds` are for the networks that ship, not for `model`")
    where = ("regions", "masks", "blend", "style_regions", "feather", "keep_flat")
    if given := [name for name in where if (value := getattr(request, name)) not in ("", (), None) and value is not False]:
        raise SettingError("model", f"`model` paints all of a photo: `{given[0]}` is for the networks that ship and for `engine=optimize`")


def build(
    samples: Sequence[Sample],
    settings: InstantSettings,
    device: str = "auto",
    seed: int = 0,
    pictures: Mapping[str, Image] = {},
    session: Session | None = None,
    report: Report = silent,
) -> Engine:
    """The engine; with seconds to spend, one whose pictures the optimiser takes further. Raises WeightsError, SettingError."""
    if settings.model:
        return Finished(_foreign(settings, device, report), settings)
    from atelier.engines.network.engine import InstantEngine

    engine: Engine = InstantEngine(samples, settings, device, seed, models(settings, device, session or Session()))
    if settings.seconds:
        from atelier.engines.network.followed import Followed

        engine = Followed(engine, tuple(samples), settings, device, seed)
    return Finished(engine, settings)


def build_solid(
    samples: Sequence[Sample],
    settings: InstantSettings,
    device: str = "auto",
    seed: int = 0,
    session: Session | None = None,
    report: Report = silent,
) -> SolidEngine:
    """What paints surfaces. Raises WeightsError, SettingError."""
    from atelier.engines.network.solid import FusedEngine

    plain = dataclasses.replace(settings, color="style", color_method="", color_space="")  # colours are seen to on the texture
    return FinishedTexture(FusedEngine(build(samples, plain, device, seed, {}, session, report)), settings)


def _foreign(settings: InstantSettings, device: str, report: Report) -> Engine:
    from atelier.engines.network.foreign import open_foreign

    try:
        return open_foreign(settings, device, report=report)
    except WeightsError as error:  # a file that the user named
        raise SourceError(str(error)) from error


def models(settings: InstantSettings, device: str, session: Session) -> Models:
    """The models that ship, each opened when it is first asked for, and once in a session."""
    from atelier.engines.network.engine import Models

    return session.keep("models", (device, settings.backend), lambda: Models(device, settings.backend))


def prepare(request: Request, settings: InstantSettings, styles: Sequence[Any], session: Session) -> None:
    """Have the models that these styles need on their way in another thread: opening them takes as long as the photo and all that goes
    with it. What fails there fails again, and is told, when the engine asks for it."""
    if settings.model:
        return
    opened = models(settings, request.device, session)
    # a style by name that is turned is a painting
    paintings = [isinstance(each, Image) or style.rotate % 360 != 0 for each, style in zip(styles, request.styles, strict=True)]
    apart = request.regions or request.masks  # a place by names alone has the body for these
    names = ["reader", "painter"] if any(paintings) else []
    if not any(paintings) or (apart and not all(paintings)):
        names.append("styles")
    opened.begin(names)


def rerun(request: Request, ran: Mapping[str, Any]) -> Request:
    """The request on the backend that ran it, where that is here: another one rounds otherwise."""
    from atelier.engines.network.backends import is_here

    backend = ran.get("backend")
    if "backend" in request.settings or not is_here(backend):
        return request
    return dataclasses.replace(request, settings={**request.settings, "backend": backend})


def fitting(samples: Sequence[Sample], settings: InstantSettings, device: str, session: Session) -> Fitting | None:
    """The samples' codes, where the settings have seconds to fit them in."""
    if not settings.tune or settings.model:
        return None

    def codes() -> list[tuple[Any, str]]:
        from atelier.engines.network.engine import see

        opened = models(settings, device, session)
        pictured = {sample.region for sample in samples if isinstance(sample.picture, Image)}
        named = [sample.region not in pictured for sample in samples]
        return [(see(sample, alone, opened).code, "styles" if alone else "painter") for sample, alone in zip(samples, named, strict=True)]

    return Fitting(settings.tune, codes)


def streams(request: Request, settings: InstantSettings) -> bool:
    """Whether a picture can be painted from window to window as the request asks: at its own size, without a look at the whole."""
    plain = not settings.model and not settings.seconds and settings.style_size == 1 and settings.color == "style"
    return plain and request.size is None and all(style.size == 1 for style in request.styles)


KIND = EngineKind(
    "instant", "trained networks: a second or two", ("stylize",), InstantSettings, settle, build, refuse,
    lacks=("recipe", "strokes", "every", "animation", "log", "checkpoint"), largest=float("inf"), named=True, prepare=prepare, mixtures=5,
    streams=streams, rerun=rerun, fitting=fitting, solid=build_solid,
)  # fmt: skip
