"""One picture of an exploration: what is asked for, where its file is, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from atelier.image import Image
from atelier.media import open_still
from atelier.request import Request
from atelier.run.explore.command import spell_command


@dataclass(frozen=True)
class Variant:
    """One picture of an exploration.

    at: the number of its value on each axis. labels: these values in words, by the axis's title. path: its file, once it is painted.
    state: `waiting`, `painted`, `stopped` (the file is the picture so far) or `failed`; `error` then says why, and exit_code is that of
    the error. seconds: what painting took. before: it was painted by an earlier call. judged: what the judging panel says, by name.
    """

    at: tuple[int, ...]
    labels: Mapping[str, str]
    request: Request
    path: Path
    state: str = "waiting"
    seconds: float = 0.0
    iterations: int = 0
    losses: Mapping[str, float] = field(default_factory=dict)
    error: str = ""
    exit_code: int = 0
    before: bool = False
    judged: Mapping[str, float] = field(default_factory=dict)

    @property
    def there(self) -> bool:
        """Tell whether there is a picture."""
        return self.state in ("painted", "stopped")

    @property
    def image(self) -> Image:
        """Open the picture. Raises SourceError where there is none."""
        return open_still(self.path)

    @property
    def command(self) -> str:
        """Write the line that makes it again."""
        return spell_command(self.request, self.path.name)
