"""A film, painted or drawn from Python: stylize_film, draw_film."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from atelier import run
from atelier.api.given import Painting, name_styles, values_for
from atelier.api.keywords import with_keywords
from atelier.image import Limits
from atelier.progress import Report, silent
from atelier.request import Outputs, Request
from atelier.run import Made, Session

if TYPE_CHECKING:
    from atelier.api.settings import DrawSettings, StylizeSettings

FilmName = str | os.PathLike[str]
"""A film's path or URL, a folder of frames, or a pattern of them, as frames/%05d.png."""


@with_keywords("stylize")
def stylize_film(
    film: FilmName,
    style: Painting | Sequence[Painting],
    target: str | Path,
    *,
    temporal: str = "fast",
    begin: float = 0.0,
    end: float | None = None,
    fps: float | None = None,
    panorama: bool = False,
    engine: str = "auto",
    recipe: str = "",
    effort: str = "",
    size: int | None = None,
    seed: int = 0,
    device: str = "auto",
    codec: str | None = None,
    quality: int = 92,
    depth: int | None = None,
    sound: bool = True,
    session: Session | None = None,
    limits: Limits = Limits(),
    report: Report = silent,
    **settings: Unpack[StylizeSettings],
) -> Made:
    """Paint a film in the manner of a painting, into a file: `stylize_film("clip.mp4", "starry-night", "painted.mp4")`.

    style: as `stylize` takes it. target: a film, or numbered frames as frames/%05d.png. temporal: how frames are kept alike, off, fast or
    best. begin, end: s of the film; fps: frames a second, its own if None. engine: instant (trained networks) or optimize; auto takes the
    networks. size: long side in px, the film's own if None. codec, quality, depth, sound: how it is written. A report that raises
    Cancelled leaves what is done under a name that says "part"; the same call goes on from there. settings: as of `stylize`. Gives what
    came of it: frames in `iterations`, `seconds`, `finished`. Raises AtelierError.
    """
    values = values_for(limits, report, session)
    request = Request(
        "stylize", os.fspath(film), name_styles(values, style), recipe, dict(settings), size, None, seed, device, engine, effort=effort,
        panorama=panorama, begin=begin, end=end, fps=fps, temporal=temporal,
    )  # fmt: skip
    outputs = Outputs(os.fspath(target), quality=quality, depth=depth, codec=codec, sound=sound)
    return run.make(request, outputs, values, session, report)


@with_keywords("draw")
def draw_film(
    film: FilmName,
    target: str | Path,
    *,
    temporal: str = "fast",
    begin: float = 0.0,
    end: float | None = None,
    fps: float | None = None,
    size: int | None = None,
    seed: int = 0,
    codec: str | None = None,
    quality: int = 92,
    sound: bool = True,
    limits: Limits = Limits(),
    report: Report = silent,
    **settings: Unpack[DrawSettings],
) -> Made:
    """Draw a film with geometric primitives, into a file: `draw_film("clip.mp4", "drawn.mp4", shape="ellipse", count=200)`.

    Shapes are carried from frame to frame, unless temporal is off. The rest is as in `stylize_film` and `draw`. Raises AtelierError.
    """
    given: dict[str, Any] = dict(settings)
    request = Request("draw", os.fspath(film), (), "", given, size, seed=seed, begin=begin, end=end, fps=fps, temporal=temporal)
    outputs = Outputs(os.fspath(target), quality=quality, codec=codec, sound=sound)
    return run.make(request, outputs, values_for(limits, report), None, report)
