"""The state of a long run in a file, to go on from exactly."""

from __future__ import annotations

import hashlib
import io
import json
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from atelier.errors import MissingExtra, OutputError, SourceError
from atelier.image import Image
from atelier.media import atomic_write
from atelier.progress import State
from atelier.request import plain
from atelier.run.job import Job
from atelier.run.resolver import as_picture

CHECKPOINT_SECONDS = 20.0
"""How often a state is saved."""
STATE = 4
"""What the engine's states are like: another number where those of before cannot be gone on from."""


def fingerprint(job: Job) -> str:
    """What a checkpoint belongs to: the settings, the very pixels and weights (digests of networks), and what a state is like."""
    request, networks = job.request, job.inputs.get("networks", [])
    parts = [STATE, asdict(job.settings), request.seed, request.task, networks]
    digest = hashlib.sha256(json.dumps(parts, default=plain).encode())
    styles = [(as_picture(sample.picture), sample.weight) for sample in job.samples]
    start: list[tuple[Image, float]] = [(job.start, 1.0)] if job.start else []
    for image, weight in [(job.content, 1.0), *styles, *start]:
        digest.update(np.float64(weight).tobytes())
        digest.update(repr(image.pixels.shape).encode())
        digest.update(image.pixels.tobytes())
    return digest.hexdigest() + str(job.inputs["places"])


class Checkpoint:
    """The state of a run in a file, written whole every so often and when the run is stopped."""

    def __init__(self, path: Path, fingerprint: str) -> None:
        self.path, self.fingerprint = path, fingerprint
        self.state: Callable[[], State | None] | None = None
        self.saved = time.monotonic()
        self.seconds = 0.0
        """Of work before, once it is loaded."""

    def save(self, seconds: float) -> None:
        """Raises OutputError."""
        state = self.state() if self.state else None
        if state is None:
            return
        import torch

        buffer = io.BytesIO()
        torch.save({"fingerprint": self.fingerprint, "seconds": seconds, "state": state}, buffer)
        atomic_write(buffer.getvalue(), self.path)
        self.saved = time.monotonic()

    def load(self) -> dict[str, Any] | None:
        if not self.path.exists():
            return None
        try:
            import torch
        except ModuleNotFoundError as error:
            raise MissingExtra("painting by optimisation", "torch") from error
        try:
            found = torch.load(self.path, map_location="cpu", weights_only=True)
            fingerprint, state = found["fingerprint"], found["state"]
            self.seconds = float(found.get("seconds", 0.0))
        except Exception as error:
            raise SourceError(f"{self.path} is no checkpoint of atelier, or is damaged: name another file") from error
        if fingerprint != self.fingerprint:
            raise SourceError(f"{self.path} is of another run (other pictures, settings, weights or version): name another file")
        return state  # type: ignore[no-any-return]

    def delete(self) -> None:
        """Raises OutputError."""
        try:
            self.path.unlink(missing_ok=True)
        except OSError as error:
            raise OutputError(f"{self.path} cannot be deleted: {error.strerror or error}") from error
