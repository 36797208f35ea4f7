"""Style against content, every picture a point between the photo and the painting."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from atelier.errors import MissingExtra, OutputError, TargetError
from atelier.judging.panel import Verdict, measures
from atelier.media import atomic_write, check_place

FORMATS = {".png": "png", ".svg": "svg", ".pdf": "pdf"}
PANELS = (("held_out", "structure"), ("strokes", "content_error"), ("patches", "edges"))
"""Pairs of a style and a content measure, a panel each where there are such numbers."""


def check_chart(out: Path) -> None:
    """Raise what `draw_chart` would raise later: TargetError for a suffix or folder that will not do, MissingExtra."""
    if out.suffix.lower() not in FORMATS:
        raise TargetError(f"{out.name}: a plot is written as {', '.join(FORMATS)}")
    try:
        check_place(out)
    except OutputError as error:
        raise TargetError(str(error)) from error
    _figure()


def draw_chart(verdicts: Sequence[tuple[str, Verdict]], photo: Verdict, painting: Verdict, out: Path) -> None:
    """Draw labelled verdicts, and the photo and the painting themselves (see `Judge.extremes`), and write the file whole.

    Every axis is turned so that better is to the left and below. Raises TargetError, OutputError, MissingExtra.
    """
    check_chart(out)
    known = measures()
    panels = [pair for pair in PANELS if all(getattr(photo, name) is not None for name in pair)]
    figure = _figure()(figsize=(4.6 * len(panels), 4.2), layout="constrained")
    for axes, (style, content) in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
        ends = (("the photo", photo, "s"), ("the painting", painting, "D"))
        axes.plot(*([getattr(end, name) for _, end, _ in ends] for name in (content, style)), color="0.85", zorder=0)
        for label, verdict, marker in [*ends, *((label, verdict, "o") for label, verdict in verdicts)]:
            x, y = getattr(verdict, content), getattr(verdict, style)
            axes.scatter([x], [y], marker=marker, color="0.45" if marker != "o" else None)
            offset, align = ((-6, -11), "right") if verdict is painting else ((5, 4), "left")  # off the frame, and off its neighbours
            axes.annotate(label, (x, y), xytext=offset, ha=align, textcoords="offset points", fontsize=8)
        for name, axis, turn in ((content, "x", axes.invert_xaxis), (style, "y", axes.invert_yaxis)):
            words = f"{known[name]['group']}: {known[name]['title']}"
            axes.set(**{f"{axis}label": f"{words} ({known[name]['better']} is closer)"})
            if known[name]["better"] == "higher":
                turn()
        axes.grid(alpha=0.3)
        axes.margins(0.18)
    buffer = io.BytesIO()
    figure.savefig(buffer, format=FORMATS[out.suffix.lower()], dpi=120)
    atomic_write(buffer.getvalue(), out)


def _figure() -> Any:
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        raise MissingExtra("drawing a plot", "plot") from error
    return Figure
