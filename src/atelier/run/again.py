"""What a picture says of how it was made, and making it once more."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

from atelier.engines.session import Session
from atelier.engines.table import choose
from atelier.errors import SourceError
from atelier.image.encode import OUR_KEY
from atelier.media import STANDARD, open_still
from atelier.media.films import comment_of, is_film, is_pattern
from atelier.progress import Report, silent
from atelier.request import PROFILES, Outputs, Request, options
from atelier.run.made import Made
from atelier.run.make import make
from atelier.run.resolver import LOCAL, Resolver, open_drawing
from atelier.run.targets import check_apart


def embedded(source: str) -> Request:
    """The request that made a picture, or a drawing's JSON, out of its file. Raises SourceError where it holds none."""
    return Request.from_json(read_embedded(source))


def redo(
    source: str,
    outputs: Outputs,
    resolver: Resolver = LOCAL,
    session: Session | None = None,
    report: Report = silent,
    *,
    reprofile: bool = False,
) -> Made:
    """Repeat the run that made a picture. Its sources are looked for where they were, then in the picture's own folder.

    reprofile: whether the result is in the colour profile of `outputs`, and not in the picture's. Raises what `make` raises; what has
    changed since is noted.
    """
    text = read_embedded(source)
    embedded = json.loads(text)
    request = found(Request.from_json(text), Path(source).parent)
    check_apart(outputs.named, [source] if source != STANDARD and "://" not in source else [])
    ran, known, profile = embedded.get("ran"), embedded.get("inputs"), embedded.get("profile")
    if isinstance(ran, dict):
        request = choose(request).rerun(request, ran)
    if profile in PROFILES and not reprofile:
        outputs = dataclasses.replace(outputs, profile=profile)
    return make(request, outputs, resolver, session, report, known=known if isinstance(known, dict) else None)


def found(request: Request, folder: Path) -> Request:
    """The request with those sources that are not where they were, but in this folder, by the path they have there."""

    def find(source: str) -> str:
        try:
            if source and source != STANDARD and "://" not in source and not Path(source).exists():
                return next((str(path) for path in (folder / source, folder / Path(source).name) if path.is_file()), source)
        except (OSError, ValueError):  # no name of a file: whoever opens it says so
            pass
        return source

    named = {name for name, each in options(choose(request).settings).items() if each.file}
    settings = {name: find(value) if name in named and isinstance(value, str) else value for name, value in request.settings.items()}
    return dataclasses.replace(
        request,
        content=request.content and find(request.content),
        styles=tuple(dataclasses.replace(style, source=find(style.source)) for style in request.styles),
        settings=settings,
        regions=find(request.regions),
        masks=tuple(map(find, request.masks)),
        style_regions=tuple(map(find, request.style_regions)),
        blend=find(request.blend),
    )


def read_embedded(source: str) -> str:
    """Read what a picture, a film, or a drawing's JSON, says of how it was made, as JSON. Raises SourceError where it says nothing."""
    if Path(source).suffix.lower() == ".json":
        request = open_drawing(source).about.get("request")
        text = json.dumps(request) if request else ""
    elif is_film(source) and not is_pattern(source):
        text = comment_of(source)
    else:
        text = open_still(source).text.get(OUR_KEY, "")
    if not text.startswith("{"):
        raise SourceError(f"{source} was not made by atelier, or another program has removed what it says about itself")
    return text
