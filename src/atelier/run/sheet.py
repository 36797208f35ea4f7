"""A sheet of all styles side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from atelier.engines.guide import Sample
from atelier.errors import SettingError
from atelier.image import Image, Limits, decode, fit, resize
from atelier.image.sheet import contact_sheet
from atelier.media import check_target, open_still, write_still
from atelier.progress import Progress, Report, silent
from atelier.request import InstantSettings
from atelier.run.places import beforehand, check_apart

if TYPE_CHECKING:
    from atelier.engines.network.catalogue import Entry

SIDE = 320


def make_sheet(entries: Sequence[Entry], photo: str | None, target: str, *, limits: Limits = Limits(), report: Report = silent) -> Image:
    """A photo painted in every style, or without one the styles' textures, onto one labelled picture."""
    from atelier.engines.network.engine import InstantEngine

    with beforehand():
        check_target(target)
    if not entries:
        raise SettingError("there are no styles")
    cells: list[tuple[str, Image]] = []
    if photo is not None:
        check_apart([("--sheet", target)], [photo] if "://" not in photo and photo != "-" else [])
        opened = open_still(photo, limits, report).flat()
        small = resize(opened, fit(opened.size, min(2 * SIDE, max(opened.size))))
        cells.append(("the photo", small))
    for i, entry in enumerate(entries):
        report(Progress("painting", i + 1, len(entries)))
        label = f"{entry.name}\n{', '.join(filter(None, (entry.painter, entry.year)))}"
        if photo is not None:
            cells.append((label, InstantEngine([Sample(entry)], InstantSettings())(small)))
        elif entry.swatch:
            cells.append((label, decode(entry.swatch)))
    sheet = contact_sheet(cells, side=SIDE)
    write_still(sheet, target)
    return sheet
