"""The source paper's table of seconds, measured on this machine: its traditional method and its implemented one beside ours.

The paper times square pictures of 256, 512 and 1024 px, painted by optimisation (traditional) and by its own program
(implemented). Here the first is `optimize` with the default recipe, from opened pictures to the painted one; the second is `instant`:
warm, from an opened photo to the painted one by an engine that has been built, and cold, from the start of a process to the file.
"""

from atelier.bench.machine import machine
from atelier.bench.pictures import make_up
from atelier.bench.plan import PAPER, QUICK_SIZES, SIZES, Plan, Published, parse_sizes
from atelier.bench.result import Result, Row, middle
from atelier.bench.timing import Bench, measure

__all__ = [
    "PAPER", "QUICK_SIZES", "SIZES", "Bench", "Plan", "Published", "Result", "Row", "machine", "make_up", "measure", "middle",
    "parse_sizes",
]  # fmt: skip
