"""The one orchestrator: opens what a request names, builds one engine, moves pictures through it, writes.

A request's engine picks the way: `instant` by a trained network, `painting` by optimisation, or `drawing` with geometric primitives.
"""

from __future__ import annotations

import dataclasses

from atelier.image import Limits
from atelier.progress import Report, silent
from atelier.request import Request
from atelier.run.again import embedded, redo
from atelier.run.colouring import recolor
from atelier.run.drawing import draw, make_drawing, open_drawing, picture_of, picture_size, redraw, write_drawing
from atelier.run.instant import make_instant, one_engine, paint_instant, sources_instant
from atelier.run.opening import LARGEST, Painting, as_picture, at_size, blank, open_style, settled
from atelier.run.outputs import Made, signed
from atelier.run.painting import STARTS, Opened, make_painting, open_all, paint, seen_through, sources_painting
from atelier.run.places import Outputs, check_apart, check_derived
from atelier.run.regions import (
    GRADIENTS,
    Map,
    Where,
    check_how,
    is_word,
    laid_out,
    made_from,
    make_regions,
    one_parting,
    open_places,
    regions_of,
    rotated,
)
from atelier.run.sheet import make_sheet


def make(request: Request, outputs: Outputs, *, limits: Limits = Limits(), report: Report = silent) -> Made:
    """The whole way: open, make, write. What can be refused is refused before the work begins.

    Raises AtelierError; a report that raises Cancelled ends the run with the best picture so far written.
    """
    on_the_way = outputs.every or outputs.animation or outputs.log or outputs.checkpoint
    if request.engine == "auto" and request.task == "stylize" and on_the_way:
        request = dataclasses.replace(request, engine="optimize")  # the one that has a way
    settled(request)
    request = dataclasses.replace(request, engine=request.chosen)
    ways = {"primitives": make_drawing, "instant": make_instant, "optimize": make_painting}
    return ways[request.chosen](request, outputs, limits=limits, report=report)


def sources(request: Request) -> list[str]:
    """All that a request to paint reads: its pictures, and weights that are files."""
    return sources_instant(request) if request.chosen == "instant" else sources_painting(request)


__all__ = [
    "GRADIENTS",
    "LARGEST",
    "STARTS",
    "Made",
    "Map",
    "Opened",
    "Outputs",
    "Painting",
    "Where",
    "as_picture",
    "at_size",
    "blank",
    "check_apart",
    "check_derived",
    "check_how",
    "draw",
    "embedded",
    "is_word",
    "laid_out",
    "made_from",
    "make",
    "make_drawing",
    "make_instant",
    "make_regions",
    "make_sheet",
    "one_engine",
    "one_parting",
    "open_all",
    "open_drawing",
    "open_places",
    "open_style",
    "paint",
    "paint_instant",
    "picture_of",
    "picture_size",
    "recolor",
    "redo",
    "redraw",
    "regions_of",
    "rotated",
    "seen_through",
    "settled",
    "signed",
    "sources",
    "write_drawing",
]
