"""Curves: losses out of the logs that runs write, and whatever was measured against what was varied."""

from __future__ import annotations

import io
import itertools
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from atelier.errors import MissingExtra, OutputError, SourceError, TargetError
from atelier.media import atomic_write, check_place

FORMATS = {".png": "png", ".svg": "svg", ".pdf": "pdf"}
LOSSES = ("total", "style", "content", "tv", "histogram")
APART = 20
"""Values that are so many times apart are drawn on a logarithmic axis."""


def read_log(path: Path) -> list[dict[str, float | str]]:
    """The records of a log, in order. Raises SourceError for a file that is none."""
    try:
        records = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except FileNotFoundError:
        raise SourceError(f"no log at {path}") from None
    except (OSError, ValueError) as error:
        raise SourceError(f"{path} is no log of atelier: it should hold a JSON object a line") from error
    if not records or not all(isinstance(r, dict) and {"step", "total"} <= r.keys() and _numbers(r) for r in records):
        raise SourceError(f"{path} is no log of atelier, or an empty one: write one with `log`")
    return records


def _numbers(record: dict[str, object]) -> bool:
    return all(isinstance(record[name], (int, float)) for name in ("step", *LOSSES) if name in record)


def draw(logs: Sequence[Path], out: Path) -> None:
    """One panel for each loss over iterations, one line a log, written whole. Raises SourceError, TargetError, OutputError,
    MissingExtra."""
    check_plot(out)
    runs = {path: read_log(path) for path in logs}
    names = [n for n in LOSSES if any(n in r for records in runs.values() for r in records)]
    figure = _figure()(figsize=(4.2 * len(names), 3.4), layout="constrained")
    for panel, name in zip(figure.subplots(1, len(names), squeeze=False)[0], names, strict=True):
        for path, records in runs.items():
            points = [(float(r["step"]), float(r[name])) for r in records if name in r]
            panel.plot(*zip(*points, strict=True), label=path.stem, linewidth=1.4)
            for before, after in itertools.pairwise(records):
                if before.get("stage") != after.get("stage"):
                    panel.axvline(float(after["step"]), color="0.85", linewidth=0.8, zorder=0)
        panel.set(title=name, xlabel="iteration", yscale="log")
        panel.grid(alpha=0.3)
    if len(runs) > 1:
        figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    _write(figure, out)


def draw_against(what: str, lines: Mapping[str, Sequence[tuple[float, Mapping[str, float]]]], out: Path) -> None:
    """One panel for each thing measured, over what was varied, one line a name, written whole.

    what: the name of what was varied. lines: name -> (value of it, what was measured there by name). An axis is logarithmic where its
    values are over 0 and twenty times apart. Raises TargetError, OutputError, MissingExtra, and SourceError where nothing was measured.
    """
    check_plot(out)
    names = list(dict.fromkeys(name for points in lines.values() for _, measured in points for name in measured))
    if not names:
        raise SourceError("there is nothing to draw: nothing was measured")
    figure = _figure()(figsize=(max(4.2 * len(names), 5.0), 3.4), layout="constrained")
    for panel, name in zip(figure.subplots(1, len(names), squeeze=False)[0], names, strict=True):
        for label, points in lines.items():
            known = sorted((value, measured[name]) for value, measured in points if name in measured)
            if known:
                panel.plot(*zip(*known, strict=True), label=label, linewidth=1.4, marker="o", markersize=4)
        panel.set(title=name, xlabel=what)
        for axis, scale in ((0, panel.set_xscale), (1, panel.set_yscale)):
            values = [point[axis] for line in panel.lines for point in line.get_xydata()]
            if values and min(values) > 0 and max(values) >= APART * min(values):
                scale("log")
        panel.grid(alpha=0.3)
    if len(lines) > 1:
        figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    _write(figure, out)


def check_plot(out: Path) -> None:
    """Raise what drawing to this file would raise later: TargetError for a suffix or place that will not do, MissingExtra."""
    if out.suffix.lower() not in FORMATS:
        raise TargetError(f"{out.name}: a plot is written as {', '.join(FORMATS)}")
    try:
        check_place(out)
    except OutputError as error:
        raise TargetError(str(error)) from error
    _figure()


def _figure() -> Any:
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        raise MissingExtra("drawing curves", "plot") from error
    return Figure


def _write(figure: Any, out: Path) -> None:
    buffer = io.BytesIO()
    figure.savefig(buffer, format=FORMATS[out.suffix.lower()], dpi=120)
    atomic_write(buffer.getvalue(), out)
