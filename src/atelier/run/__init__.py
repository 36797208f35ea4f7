"""The one orchestrator: opens what a request names, builds one engine, moves pictures through it, writes.

The type of a request's settings picks the engine: `painting` by optimisation, or `drawing` with geometric primitives.
"""

from __future__ import annotations

import json
from pathlib import Path

from atelier.errors import SourceError
from atelier.image import Limits
from atelier.media import open_still
from atelier.progress import Report, silent
from atelier.request import DrawSettings, Request
from atelier.run.drawing import draw, make_drawing, open_drawing, picture_of, picture_size, redraw, write_drawing
from atelier.run.opening import LARGEST, at_size, blank, settled
from atelier.run.outputs import Made, Outputs
from atelier.run.painting import STARTS, make_painting, open_all, paint


def make(request: Request, outputs: Outputs, *, limits: Limits = Limits(), report: Report = silent) -> Made:
    """The whole way: open, make, write. What can be refused is refused before the work begins.

    Raises AtelierError; a report that raises Cancelled ends the run with the best picture so far written.
    """
    way = make_drawing if isinstance(settled(request), DrawSettings) else make_painting
    return way(request, outputs, limits=limits, report=report)


def embedded(source: str) -> Request:
    """The request that made a picture, or a drawing's JSON, out of its file. Raises SourceError where it holds none."""
    if Path(source).suffix.lower() == ".json":
        text = json.dumps(open_drawing(source).about.get("request", ""))
    else:
        text = open_still(source).text.get("atelier", '""')
    if text == '""':
        raise SourceError(f"{source} was not made by atelier, or another program has removed what it says about itself")
    return Request.from_json(text)


__all__ = [
    "LARGEST",
    "STARTS",
    "Made",
    "Outputs",
    "at_size",
    "blank",
    "draw",
    "embedded",
    "make",
    "make_drawing",
    "open_all",
    "open_drawing",
    "paint",
    "picture_of",
    "picture_size",
    "redraw",
    "settled",
    "write_drawing",
]
