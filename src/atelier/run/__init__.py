"""The one orchestrator: `open` a request, paint its `frames`, `write` them. Every face, every medium and every helper goes this way.

`make` is the whole of it. A `Resolver` says who may open which name, a `Session` keeps what several pictures have in common.
"""

from atelier.engines.engine import Frame
from atelier.engines.session import Session
from atelier.engines.table import ENGINES, choose, file_settings, settle
from atelier.request import Outputs
from atelier.run.again import embedded, redo
from atelier.run.drawings import picture_of, picture_size, redraw, write_drawing
from atelier.run.job import Job, Streamed, check, names_read, open
from atelier.run.made import Made
from atelier.run.make import make, preferred, refuse
from atelier.run.maps import GRADIENTS, is_word
from atelier.run.partition import check_how, make_regions, regions_of
from atelier.run.recoloring import recolor, recolored
from atelier.run.resolver import LOCAL, Local, Map, Painting, Resolver, as_picture, open_drawing, open_style
from atelier.run.schema import json_schema, schema
from atelier.run.sheet import make_sheet
from atelier.run.sinks import Sink, write
from atelier.run.solid.painting import PaintedMesh
from atelier.run.targets import beforehand, check_apart, check_derived
from atelier.run.values import Values

__all__ = [
    "ENGINES",
    "GRADIENTS",
    "LOCAL",
    "Frame",
    "Job",
    "Local",
    "Made",
    "Map",
    "Outputs",
    "PaintedMesh",
    "Painting",
    "Resolver",
    "Session",
    "Sink",
    "Streamed",
    "Values",
    "as_picture",
    "beforehand",
    "check",
    "check_apart",
    "check_derived",
    "check_how",
    "choose",
    "embedded",
    "file_settings",
    "is_word",
    "json_schema",
    "make",
    "make_regions",
    "make_sheet",
    "names_read",
    "open",
    "open_drawing",
    "open_style",
    "picture_of",
    "picture_size",
    "preferred",
    "recolor",
    "recolored",
    "redo",
    "redraw",
    "refuse",
    "regions_of",
    "schema",
    "settle",
    "write",
    "write_drawing",
]
