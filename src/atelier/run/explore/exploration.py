"""The whole way of an exploration: plan, paint, judge, show."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from atelier.engines.session import Session
from atelier.image import Image, Limits
from atelier.judging import Judge
from atelier.media import atomic_write, check_place, check_target, write_still
from atelier.progress import Report, silent
from atelier.run.explore.axes import Axis
from atelier.run.explore.curves import check_curves, draw_curves
from atelier.run.explore.judge import judge
from atelier.run.explore.page import is_page, write_page
from atelier.run.explore.paint import Explain, explain, paint
from atelier.run.explore.plan import plan
from atelier.run.explore.sheet import draw_sheet
from atelier.run.explore.table import tabulate
from atelier.run.explore.variant import Variant
from atelier.run.job import names_read
from atelier.run.targets import beforehand, check_apart


@dataclass(frozen=True)
class Exploration:
    """What an exploration came to: its pictures with their figures, in the order of the last axis first in rank.

    axes: what was varied. Iterated over it gives its variants.
    """

    axes: tuple[Axis, ...]
    variants: tuple[Variant, ...]
    limits: Limits = Limits()

    def __iter__(self) -> Iterator[Variant]:
        return iter(self.variants)

    def __len__(self) -> int:
        return len(self.variants)

    @property
    def finished(self) -> bool:
        """Tell whether all that could be painted is."""
        return not any(variant.state in ("waiting", "stopped") for variant in self.variants)

    @property
    def begun(self) -> bool:
        """Tell whether there is anything to show: a picture, or why there is none."""
        return any(variant.there or variant.error for variant in self.variants)

    def figures(self) -> list[dict[str, Any]]:
        """Give a row a picture, of plain values, for a table of any library's.

        A row has what was varied (a number where it is one, else words), losses, what was judged, seconds, `state` and `path`. What there
        is not is None.
        """
        columns = tabulate(self.variants, self.axes)
        return [
            {
                **{c.heading: c.values[i] if c.numeric or c.values[i] is None else c.written[i] for c in columns},
                "state": variant.state, "path": str(variant.path),
            }
            for i, variant in enumerate(self.variants)
        ]  # fmt: skip

    def sheet(self, side: int = 256) -> Image:
        """Draw all pictures on one labelled picture. side: of each, px at the most."""
        return draw_sheet(self.variants, self.axes, side=side, limits=self.limits)

    def page(self) -> str:
        """Write all pictures on one page of HTML, with nothing beside it."""
        return write_page(self.variants, self.axes, limits=self.limits)


@dataclass(frozen=True)
class Sheets:
    """What is written of an exploration as a whole.

    out: a sheet each (a picture), or a page (.html). plot: curves against the one number that is varied. side: of a picture on a sheet,
    px at the most.
    """

    out: tuple[Path, ...] = ()
    plot: Path | None = None
    side: int = 256

    @property
    def targets(self) -> list[tuple[str, str]]:
        """List all files to write, each with the option that names it."""
        return [*(("out", str(path)) for path in self.out), *([("plot", str(self.plot))] if self.plot is not None else [])]

    def check(self, axes: Sequence[Axis]) -> None:
        """Refuse beforehand what could not be written. Raises TargetError, SettingError, MissingExtra."""
        with beforehand():
            for path in self.out:
                check_place(path) if is_page(path) else check_target(path)
        if self.plot is not None:
            check_curves(axes, self.plot)

    def write(self, explored: Exploration) -> None:
        """Write what there is to show. Raises OutputError."""
        if not explored.begun:
            return
        for path in self.out:
            if is_page(path):
                atomic_write(explored.page().encode(), path)
            else:
                write_still(explored.sheet(self.side), path)
        if self.plot is not None:
            draw_curves(explored.variants, explored.axes, self.plot)


def explore(
    common: Mapping[str, Any],
    axes: Sequence[Axis],
    folder: Path,
    sheets: Sheets = Sheets(),
    *,
    judged: bool | None = None,
    limits: Limits = Limits(),
    report: Report = silent,
    explain: Explain = explain,
) -> Exploration:
    """Paint a photo in every combination of values, and show it.

    common: fields of a `Request` that all pictures have in common. folder: where the pictures are kept, and found again. judged: whether
    style and content are judged; if None, for a page. explain: what to say of an error, see `paint`.

    A report that raises Cancelled ends the work; what is painted is shown and returned. Raises AtelierError before anything is painted
    for what makes no sense.
    """
    sheets.check(axes)
    session = Session()
    variants = plan(common, axes, folder, limits=limits, session=session, report=report)
    read = dict.fromkeys(name for variant in variants for name in names_read(variant.request) if "://" not in name)
    check_apart(sheets.targets, list(read))
    painted = paint(variants, limits=limits, session=session, report=report, explain=explain)
    explored = Exploration(tuple(axes), painted, limits)
    if explored.finished and (judged or (judged is None and any(map(is_page, sheets.out)))):
        explored = replace(explored, variants=judge(explored.variants, _panel(limits, report), limits=limits, report=report))
    sheets.write(explored)
    return explored


def _panel(limits: Limits, report: Report) -> Any:
    return lambda photo, painting, size: Judge(photo, painting, size=size, limits=limits, report=report)
