"""An exploration as curves: losses, times and judgements against the one number that was varied."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from atelier.errors import SettingError
from atelier.plot import check_plot, draw_against
from atelier.run.explore.axes import Axis
from atelier.run.explore.variant import Variant


def check_curves(axes: Sequence[Axis], out: Path) -> None:
    """Refuse beforehand what could not be drawn. Raises SettingError, TargetError, MissingExtra."""
    check_plot(out)
    if sum(axis.numbers is not None for axis in axes) != 1:
        raise SettingError("plot", "`plot` draws against a number: vary just one thing that is a number")


def draw_curves(variants: Sequence[Variant], axes: Sequence[Axis], out: Path) -> None:
    """Draw a line for every combination of the rest, if anything is painted. Raises OutputError."""
    (at,) = [k for k, axis in enumerate(axes) if axis.numbers is not None]
    numbers = axes[at].numbers or ()
    lines: dict[str, list[tuple[float, dict[str, float]]]] = {}
    for variant in variants:
        if variant.state == "painted":
            name = ", ".join(axis.head(i) for k, (axis, i) in enumerate(zip(axes, variant.at, strict=True)) if k != at)
            losses = {f"{loss} loss" if loss != "score" else loss: value for loss, value in variant.losses.items() if loss != "total"}
            lines.setdefault(name, []).append((numbers[variant.at[at]], {**losses, **variant.judged, "seconds": variant.seconds}))
    if lines:
        draw_against(axes[at].title, lines, out)
