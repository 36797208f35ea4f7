"""Measuring the machine: bench."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from atelier.cli.base import Device, Quiet, app
from atelier.cli.watching import watching
from atelier.errors import Cancelled

if TYPE_CHECKING:
    from atelier.bench import Result


@app.command()
def bench(
    sizes: Annotated[str, typer.Option("--sizes", help="Sides of the square pictures, px, by comma", show_default="256,512,1024")] = "",
    photo: Annotated[str, typer.Option("--photo", help="Picture to paint: path or URL (default: one made up)")] = "",
    style: Annotated[str, typer.Option("--style", "-s", help="Painting, or a name from `atelier styles` (default: one made up)")] = "",
    runs: Annotated[int, typer.Option("--runs", help="Runs of the network, warm and from start to file; the optimiser runs once")] = 5,
    device: Device = "auto",
    quick: Annotated[bool, typer.Option("--quick", help="Tiny pictures, few iterations: shows that it runs, measures nothing")] = False,
    as_json: Annotated[str | None, typer.Option("--json", help="Write all numbers to this file, or - for standard output")] = None,
    quiet: Quiet = False,
) -> None:
    """Time both engines here, beside the source paper's table. Ctrl-C shows what there is by then."""
    from atelier.bench import QUICK_SIZES, SIZES, Plan, measure, parse_sizes
    from atelier.errors import SettingError
    from atelier.media import STANDARD, atomic_write, check_place
    from atelier.run import check_apart
    from atelier.run.targets import beforehand

    sides = parse_sizes(sizes) if sizes else QUICK_SIZES if quick else SIZES
    plan = Plan(sides, photo, style, min(runs, 2) if quick else runs, quick, device)
    if STANDARD in (photo, style):
        raise SettingError("photo", "pictures are measured again and again: give a file, not standard input")
    if as_json is not None and as_json != STANDARD:
        check_apart([("json", as_json)], [name for name in (photo, style) if name and "://" not in name])
        with beforehand():
            check_place(as_json)
    with watching(quiet) as report:
        result = measure(plan, report=report)
    if as_json is not None:
        text = json.dumps(result.to_dict(), ensure_ascii=False, indent=2)
        if as_json == STANDARD:
            typer.echo(text)
        else:
            atomic_write(f"{text}\n".encode(), as_json)
    if as_json != STANDARD and not quiet:
        _show(result)
    if not result.finished:
        raise typer.Exit(Cancelled.exit_code)


def _show(result: Result) -> None:
    """Print the machine, the table, and what is to be known of it."""
    from rich.console import Console

    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = 60 + 10 * len(result.rows)
    console.print(", ".join(f"{k} {v}" for k, v in result.machine.items() if v is not None), markup=False, soft_wrap=True)
    if (load := result.machine["load"]) is not None and load > 0.5:
        console.print(f"Other work was running (load {load}): trust ratios more than seconds.", markup=False, soft_wrap=True)
    console.print(_table(result))
    for line in _lines(result):
        console.print(line, markup=False, soft_wrap=True)


def _table(result: Result) -> Any:
    """A column a size, the paper's seconds beside ours."""
    from rich import box
    from rich.table import Table

    from atelier.bench import middle

    table = Table("seconds a picture", box=box.SIMPLE_HEAD, pad_edge=False)
    papers, ratios = [row.paper for row in result.rows], [row.ratios for row in result.rows]
    for row in result.rows:
        table.add_column(f"{row.size}²", justify="right")

    def add(label: str, cells: Iterable[str], end: bool = False) -> None:
        table.add_row(label, *cells, end_section=end)

    def compared(label: str, name: str, end: bool = False) -> None:
        add(label, (_times(each[name]) for each in ratios), end)

    add("traditional, the paper's", (_seconds(paper.traditional if paper else None) for paper in papers))
    add("optimize, here", (_seconds(middle(row.optimize)) for row in result.rows))
    add("  its iterations", (str(row.iterations) if row.optimize else "–" for row in result.rows))
    compared("  the paper's ÷ here", "paper_traditional_to_optimize", True)
    add("implemented, the paper's", (_seconds(paper.implemented if paper else None) for paper in papers))
    add("network, here", (_seconds(middle(row.network)) for row in result.rows))
    compared("  the paper's ÷ here", "paper_implemented_to_network")
    add("network, process start to file", (_seconds(middle(row.cold)) for row in result.rows))
    compared("  the paper's ÷ here", "paper_implemented_to_cold", True)
    compared("optimize ÷ network, here", "optimize_to_network")
    return table


def _lines(result: Result) -> list[str]:
    """What is to be known of the table."""
    lines = [
        "Medians; the paper's seconds are of its own machine. optimize: the default recipe, from the opened pictures on; its iterations "
        f"are over all scales, the plain way (recipe gatys) makes {result.plain_iterations} at full size.",
    ]
    if result.optimizer:
        lines.append(f"optimize: {', '.join(result.optimizer.values())}.")
    if result.network:
        lines.append(f"network: {', '.join(result.network.values())}; built already, from the opened photo to the painted one.")
    lines += result.notes
    if result.plan.quick:
        lines.append("A quick run: these numbers measure nothing.")
    return [*lines, *([] if result.finished else ["Stopped: this is what there is."])]


def _seconds(seconds: float | None) -> str:
    return "–" if seconds is None else f"{seconds:.3g}" if seconds < 100 else f"{seconds:.0f}"


def _times(ratio: float | None) -> str:
    return "–" if ratio is None else f"{_seconds(ratio)}×"
