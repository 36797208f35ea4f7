"""Loss curves out of the logs that runs write."""

from __future__ import annotations

import io
import itertools
import json
from collections.abc import Sequence
from pathlib import Path

from atelier.errors import MissingExtra, OutputError, SourceError
from atelier.media import atomic_write, check_place

FORMATS = {".png": "png", ".svg": "svg", ".pdf": "pdf"}
LOSSES = ("total", "style", "content", "tv", "histogram")


def read_log(path: Path) -> list[dict[str, float | str]]:
    """The records of a log, in order. Raises SourceError for a file that is none."""
    try:
        records = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except FileNotFoundError:
        raise SourceError(f"no log at {path}") from None
    except (OSError, ValueError) as error:
        raise SourceError(f"{path} is no log of atelier: it should hold a JSON object a line") from error
    if not records or not all(isinstance(r, dict) and {"step", "total"} <= r.keys() and _numbers(r) for r in records):
        raise SourceError(f"{path} is no log of atelier, or an empty one: write one with --log")
    return records


def _numbers(record: dict[str, object]) -> bool:
    return all(isinstance(record[name], (int, float)) for name in ("step", *LOSSES) if name in record)


def draw(logs: Sequence[Path], out: Path) -> None:
    """One panel for each loss over iterations, one line a log, written whole. Raises SourceError, OutputError, MissingExtra."""
    if out.suffix.lower() not in FORMATS:
        raise OutputError(f"{out.name}: a plot is written as {', '.join(FORMATS)}")
    check_place(out)
    runs = {path: read_log(path) for path in logs}
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        raise MissingExtra("drawing curves", "plot") from error
    names = [n for n in LOSSES if any(n in r for records in runs.values() for r in records)]
    figure = Figure(figsize=(4.2 * len(names), 3.4), layout="constrained")
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
    buffer = io.BytesIO()
    figure.savefig(buffer, format=FORMATS[out.suffix.lower()], dpi=120)
    atomic_write(buffer.getvalue(), out)
