"""Engines called with pictures, as most tests have them."""

from __future__ import annotations

from typing import Any

from atelier.engines.engine import Frame
from atelier.engines.guide import Guide
from atelier.image import Image
from atelier.progress import Report, silent


class called:  # noqa: N801 (read as a verb)
    """An engine that takes a picture, and gives one, or a drawing. guide: of all pictures it is called with."""

    def __init__(self, engine: Any, guide: Guide | None = None) -> None:
        self.engine, self.guide = engine, guide

    def __getattr__(self, name: str) -> Any:
        return getattr(self.engine, name)

    def __call__(self, content: Image, *, start: Image | None = None, report: Report = silent, state: Any = None) -> Any:
        frame = Frame.of(content, guide=self.guide, start=start and start.pixels, state=state)
        painted = self.engine(frame, report)
        return painted.image() if isinstance(painted, Frame) else painted
