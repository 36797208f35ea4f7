"""Drawing with geometric primitives, as a row of the table of engines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from atelier.engines.engine import Engine, EngineKind
from atelier.engines.guide import Sample
from atelier.engines.session import Session
from atelier.errors import SettingError
from atelier.image import Image
from atelier.progress import Report, silent
from atelier.request import DrawSettings, Request, override


def settle(request: Request) -> DrawSettings:
    """The defaults with those given put in. Raises SettingError."""
    return override(DrawSettings(), request.settings)


def refuse(request: Request, settings: DrawSettings) -> None:
    """Raise SettingError for what cannot be drawn."""
    if request.content is None:
        raise SettingError("content", "nothing to draw: give a photo")


def build(
    samples: Sequence[Sample],
    settings: DrawSettings,
    device: str = "auto",
    seed: int = 0,
    pictures: Mapping[str, Image] = {},
    session: Session | None = None,
    report: Report = silent,
) -> Engine:
    """The engine. pictures: those of `palette` and `density`. Raises SettingError."""
    from atelier.engines.primitives.engine import DrawEngine

    palette = pictures.get("palette")
    return DrawEngine(settings, seed, palette=palette and palette.flat(), density=pictures.get("density"))


KIND = EngineKind(
    "primitives", "geometric shapes: no network", ("draw",), DrawSettings, settle, build, refuse,
    lacks=("recipe", "strokes", "checkpoint"), draws=True,
)  # fmt: skip
