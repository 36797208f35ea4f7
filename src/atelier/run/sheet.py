"""A sheet of all styles side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from atelier.engines.engine import Frame
from atelier.engines.session import Session
from atelier.errors import SettingError
from atelier.image import Image, decode, fit, resize
from atelier.image.sheet import contact_sheet
from atelier.media import check_target, write_still
from atelier.progress import Progress, Report, silent
from atelier.request import Request, Style
from atelier.run.job import open
from atelier.run.resolver import LOCAL, Resolver
from atelier.run.targets import beforehand, check_apart
from atelier.run.values import Values

if TYPE_CHECKING:
    from atelier.engines.network.catalogue import Entry

SIDE = 320


def make_sheet(entries: Sequence[Entry], photo: str | None, target: str, *, resolver: Resolver = LOCAL, report: Report = silent) -> Image:
    """Paint a photo in every style, or without one show the styles' textures, on one labelled picture."""
    with beforehand():
        check_target(target)
    if not entries:
        raise SettingError("styles", "there are no styles")
    cells: list[tuple[str, Image]] = []
    small: Image | None = None
    if photo is not None:
        check_apart([("sheet", target)], [photo] if "://" not in photo and photo != "-" else [])
        opened = resolver.picture(photo, report).flat()
        small = resize(opened, fit(opened.size, min(2 * SIDE, max(opened.size))))
        cells.append(("the photo", small))
    session = Session()
    for i, entry in enumerate(entries):
        report(Progress("painting", i + 1, len(entries), subject=entry.name))
        label = f"{entry.name}\n{', '.join(filter(None, (entry.painter, entry.year)))}"
        if small is not None:
            cells.append((label, _painted(small, entry, session)))
        elif entry.swatch:
            cells.append((label, decode(entry.swatch)))
    sheet = contact_sheet(cells, side=SIDE)
    write_still(sheet, target)
    return sheet


def _painted(photo: Image, entry: Entry, session: Session) -> Image:
    values = Values()
    request = Request("stylize", values.name(photo), (Style(values.name(entry)),))
    (painted,) = open(request, values, session).frames()
    assert isinstance(painted, Frame)
    return painted.image()
