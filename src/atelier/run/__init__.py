"""The one orchestrator: opens what a request names, builds one engine, moves pictures through it, writes.

The type of a request's settings picks the engine: `painting` by optimisation, or `drawing` with geometric primitives.
"""

from __future__ import annotations

from atelier.image import Limits
from atelier.progress import Report, silent
from atelier.request import DrawSettings, Request
from atelier.run.again import embedded, redo
from atelier.run.drawing import draw, make_drawing, open_drawing, picture_of, picture_size, redraw, write_drawing
from atelier.run.opening import LARGEST, at_size, blank, settled
from atelier.run.outputs import Made, digests, signed
from atelier.run.painting import STARTS, make_painting, open_all, paint, sources
from atelier.run.places import Outputs, check_apart, check_derived


def make(request: Request, outputs: Outputs, *, limits: Limits = Limits(), report: Report = silent) -> Made:
    """The whole way: open, make, write. What can be refused is refused before the work begins.

    Raises AtelierError; a report that raises Cancelled ends the run with the best picture so far written.
    """
    way = make_drawing if isinstance(settled(request), DrawSettings) else make_painting
    return way(request, outputs, limits=limits, report=report)


__all__ = [
    "LARGEST",
    "STARTS",
    "Made",
    "Outputs",
    "at_size",
    "blank",
    "check_apart",
    "check_derived",
    "digests",
    "draw",
    "embedded",
    "make",
    "make_drawing",
    "open_all",
    "open_drawing",
    "paint",
    "picture_of",
    "picture_size",
    "redo",
    "redraw",
    "settled",
    "signed",
    "sources",
    "write_drawing",
]
