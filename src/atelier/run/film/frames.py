"""The painted frames of a film as numbered pictures."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from atelier.engines.engine import Frame
from atelier.image import Image
from atelier.media.films import Behind
from atelier.media.films.folder import numbered
from atelier.media.stills import write_still
from atelier.progress import Report, silent
from atelier.request import Outputs
from atelier.run.film.painting import Painted
from atelier.run.made import Made
from atelier.run.watch import Watch

if TYPE_CHECKING:
    from atelier.run.job import Job


class FrameSink:
    """Numbered pictures, from 1 on, each there whole as soon as it is painted."""

    made: Made

    def __init__(self, job: Job, outputs: Outputs, report: Report = silent) -> None:
        self.job, self.outputs = job, outputs
        self.report = Watch(replace(outputs, every=0, animation=None, checkpoint=None), report, time.monotonic())
        self.state: Any = None
        self._count = 0
        self._last: Frame | None = None
        self._behind: Behind[tuple[Image, int]] = Behind(self._write)

    def put(self, painted: Painted) -> None:
        self._count, self._last = self._count + 1, painted.frame
        self._behind.put((self.job.picture(painted.frame), self._count))

    def _write(self, numbered_picture: tuple[Image, int]) -> None:
        image, number = numbered_picture
        outputs = self.outputs
        write_still(image, numbered(outputs.picture, number), quality=outputs.quality, depth=outputs.depth, overwrite=outputs.overwrite)

    def __enter__(self) -> FrameSink:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self.report.close()
        if kind is None:
            self._behind.close()
            shown = self.job.content if self._last is None else Image(self._last.pixels)
            self.made = Made(shown, not self.report.cancelled, self.report.seconds, self._count)
