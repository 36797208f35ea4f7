"""What a panel says of the pictures of an exploration."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from atelier.errors import AtelierError, Cancelled
from atelier.image import Image, Limits
from atelier.progress import Progress, Report, silent
from atelier.run.explore.variant import Variant
from atelier.run.resolver import as_picture, open_style

JUDGED = {
    "strokes": "judged strokes", "held_out": "judged style", "patches": "judged patches",
    "structure": "judged content", "ssim": "judged SSIM",
}  # fmt: skip
"""What of the judging panel is shown: style, then content. Numbers that a network tells may be missing."""
JUDGED_AT = 512
"""Long side, px, that pictures are judged at, or their own where it is less."""

Panel = Callable[[str, Image, int], Callable[[Path], Any]]
"""A photo, a painting and a size to what says of a picture how close it came (`atelier.judging.Judge`)."""


def judge(variants: Sequence[Variant], panel: Panel, *, limits: Limits = Limits(), report: Report = silent) -> tuple[Variant, ...]:
    """Add what a panel says to all variants in the style of one painting that goes everywhere: the panel looks at whole pictures.

    Stopping it costs no picture.
    """
    panels: dict[tuple[str, int], Callable[[Path], Any]] = {}
    found = list(variants)
    for i, variant in enumerate(variants):
        styles = [style for style in variant.request.styles if style.weight > 0]
        if not variant.there or len(styles) != 1 or variant.request.content is None:
            continue
        try:
            if variant.request.regions or variant.request.masks:
                report(Progress("judging", note=f"{variant.path.name} is not judged: it is painted in parts, and numbers are of the whole"))
                continue
            source, size = styles[0].source, min(JUDGED_AT, variant.request.size or JUDGED_AT)
            if (source, size) not in panels:
                panels[source, size] = panel(variant.request.content, as_picture(open_style(source, limits)), size)
            verdict = panels[source, size](variant.path)
            report(Progress("judging", i + 1, len(variants)))
        except Cancelled:
            break
        except AtelierError as error:  # too small to be judged, or a style without a picture
            report(Progress("judging", note=f"{variant.path.name} is not judged: {error}"))
            continue
        numbers = {words: value for name, words in JUDGED.items() if (value := getattr(verdict, name)) is not None}
        found[i] = dataclasses.replace(variant, judged=numbers)
    return tuple(found)
