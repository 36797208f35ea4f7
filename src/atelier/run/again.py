"""What a picture says of how it was made, and making it once more."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

from atelier.engines.network.backends import is_here
from atelier.engines.session import Session
from atelier.engines.table import choose
from atelier.errors import SourceError
from atelier.image.encode import OUR_KEY
from atelier.media import STANDARD, open_still
from atelier.progress import Report, silent
from atelier.request import Outputs, Request, options
from atelier.run.made import Made
from atelier.run.make import make
from atelier.run.resolver import LOCAL, Resolver, open_drawing
from atelier.run.targets import check_apart


def embedded(source: str) -> Request:
    """The request that made a picture, or a drawing's JSON, out of its file. Raises SourceError where it holds none."""
    return Request.from_json(_told(source))


def redo(source: str, outputs: Outputs, resolver: Resolver = LOCAL, session: Session | None = None, report: Report = silent) -> Made:
    """Repeat the run that made a picture. Its sources are looked for where they were, then in the picture's own folder.

    Raises what `make` raises; what has changed since is noted.
    """
    told = _told(source)
    request = found(Request.from_json(told), Path(source).parent)
    check_apart(outputs.named, [source] if source != STANDARD and "://" not in source else [])
    request = _as_it_ran(request, told)
    known = json.loads(told).get("inputs")
    return make(request, outputs, resolver, session, report, known=known if isinstance(known, dict) else None)


def _as_it_ran(request: Request, told: str) -> Request:
    """The request on the backend that made the picture, where that is here: another one rounds otherwise."""
    ran = json.loads(told).get("ran")
    backend = ran.get("backend") if isinstance(ran, dict) else None
    if "backend" in request.settings or "backend" not in options(choose(request).settings) or not is_here(backend):
        return request
    return dataclasses.replace(request, settings={**request.settings, "backend": backend})


def found(request: Request, folder: Path) -> Request:
    """The request with those sources that are not where they were, but in this folder, by the path they have there."""

    def place(source: str) -> str:
        try:
            if source and source != STANDARD and "://" not in source and not Path(source).exists():
                return next((str(path) for path in (folder / source, folder / Path(source).name) if path.is_file()), source)
        except (OSError, ValueError):  # no name of a file: whoever opens it says so
            pass
        return source

    named = {name for name, each in options(choose(request).settings).items() if each.file}
    settings = {name: place(value) if name in named and isinstance(value, str) else value for name, value in request.settings.items()}
    return dataclasses.replace(
        request,
        content=request.content and place(request.content),
        styles=tuple(dataclasses.replace(style, source=place(style.source)) for style in request.styles),
        settings=settings,
        regions=place(request.regions),
        masks=tuple(map(place, request.masks)),
        style_regions=tuple(map(place, request.style_regions)),
        blend=place(request.blend),
    )


def _told(source: str) -> str:
    if Path(source).suffix.lower() == ".json":
        request = open_drawing(source).about.get("request")
        text = json.dumps(request) if request else ""
    else:
        text = open_still(source).text.get(OUR_KEY, "")
    if not text:
        raise SourceError(f"{source} was not made by atelier, or another program has removed what it says about itself")
    return text
