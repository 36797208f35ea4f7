"""What tells one picture of an exploration from another: a digest of all that it comes of, in the name of its file."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import re
from collections.abc import Hashable, Sequence
from pathlib import Path

import atelier
from atelier.engines.session import Session
from atelier.engines.table import choose
from atelier.image import Image, Limits
from atelier.image.maps import KEY
from atelier.progress import Report
from atelier.request import AnySettings, Request, options, plain
from atelier.run.layout import Scene, lay_out
from atelier.run.maps import open_maps
from atelier.run.resolver import Local, Painting, as_picture, open_style
from atelier.run.sizes import at_size


def name_file(words: str, request: Request, full: AnySettings, inputs: Sequence[str]) -> str:
    """Name a picture's file: words, then a digest of its request, its settings in full, what it is made from, and the version."""
    declared = options(type(full))
    files = [_digest_file(str(value)) for name, value in request.settings.items() if name in declared and declared[name].file]
    whole = [request.to_json(), dataclasses.asdict(full), inputs, files, atelier.__version__]
    digest = hashlib.sha256(json.dumps(whole, default=plain, sort_keys=True).encode()).hexdigest()[:10]
    return f"{re.sub(r'[^0-9A-Za-z.=+-]+', '-', words).strip('-.')[:100]}-{digest}.png"


class Fingerprints:
    """Digests of what requests about one photo are made from. Each picture is opened once."""

    def __init__(self, photo: Image, limits: Limits, session: Session | None, report: Report) -> None:
        self.photo, self.limits, self.session, self.report = photo, limits, session, report
        self.first = _digest(photo)
        self.known: dict[Hashable, str] = {}

    def of(self, request: Request) -> list[str]:
        """Digest the photo, the styles, and what says where they go. Raises SettingError, SourceError, ImageError."""
        return [self.first, *(self._style(style.source) for style in request.styles), *self._regions(request)]

    def _style(self, source: str) -> str:
        if source not in self.known:
            self.known[source] = _digest(open_style(source, self.limits, self.report))
        return self.known[source]

    def _regions(self, request: Request) -> list[str]:
        if not (request.regions or request.masks or request.blend):
            return []
        key = (
            request.styles, request.regions, request.masks, request.style_regions, request.blend, request.size, request.seed,
        )  # fmt: skip
        if key not in self.known:
            self.known[key] = self._lay_out(request)
        return [self.known[key]]

    def _lay_out(self, request: Request) -> str:
        """Digest the maps, masks and gradients of a request, once they are found to go with its photo and styles."""
        paintings = [open_style(style.source, self.limits) for style in request.styles]
        kind = choose(request)
        if not kind.named:
            paintings = [as_picture(painting) for painting in paintings]
        where = open_maps(request, Local(self.limits))
        content = at_size(self.photo, request.size, math.inf, self.limits)
        lay_out(request, kind, Scene(content, self.photo), paintings, where, self.session, self.report)
        maps = [where.regions, where.blend, *(mask for _, mask in where.masks), *where.style_regions]
        return " ".join(_digest(each) if isinstance(each, Image) else str(each) for each in maps)


def _digest(painting: Painting) -> str:
    """Digest a picture, or a style by name. In a map what is transparent is the background, and its text has names."""
    if isinstance(painting, Image):
        whole = hashlib.sha256(repr((painting.shape, painting.text.get(KEY))).encode() + painting.pixels.tobytes())
        whole.update(b"" if painting.alpha is None else painting.alpha.tobytes())
        return whole.hexdigest()
    return hashlib.sha256(painting.code.tobytes() + painting.colors.mean.tobytes() + painting.swatch).hexdigest()


def _digest_file(path: str) -> str:
    """Digest a file's bytes; "" where there is no file."""
    try:
        return hashlib.sha256(Path(path).read_bytes()).hexdigest()[:16] if path and Path(path).is_file() else ""
    except (OSError, ValueError):
        return ""
