"""Pictures side by side: compare."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from atelier.cli.base import AllowPrivate, MaxBytes, MaxPixels, Quiet, app, declared, limits
from atelier.cli.judging import show_table
from atelier.cli.telling import labels_of, write_json
from atelier.cli.watching import watching
from atelier.errors import SettingError
from atelier.request import Judging

if TYPE_CHECKING:
    from atelier.cli.judging import Named
    from atelier.judging.difference import Comparison, Difference


@app.command()
def compare(
    pictures: Annotated[list[str], typer.Argument(help="Two pictures or more, the first one being what others are compared with")],
    out: Annotated[str | None, typer.Option("--out", "-o", help="Write them side by side, with maps of where they differ")] = None,
    content: Annotated[str | None, declared(Judging, "content", "-c", more=": judges them, with --style")] = None,
    style: Annotated[str | None, declared(Judging, "style", "-s", more=", with --content")] = None,
    as_json: Annotated[str | None, typer.Option("--json", help="Write all numbers to this file, or - for standard output, as JSON")] = None,
    side: Annotated[int, declared(Judging, "side", min=48, max=4096)] = 320,
    size: Annotated[int, declared(Judging, "size")] = 512,
    features: Annotated[str, declared(Judging, "features")] = "auto",
    seed: Annotated[int, declared(Judging, "seed")] = 0,
    max_pixels: MaxPixels = None,
    max_bytes: MaxBytes = None,
    allow_private: AllowPrivate = False,
    quiet: Quiet = False,
) -> None:
    """Put pictures side by side, and say how and where they differ."""
    from atelier.judging import Judge
    from atelier.judging.difference import compared
    from atelier.media import STANDARD, expand, open_still, write_still

    sources = expand(pictures)
    _check(sources, content, style, out, as_json)
    most, labels, judge = limits(max_pixels, max_bytes, allow_private), labels_of(sources), None
    with watching(quiet) as report:
        opened = [(source, open_still(source, most, report)) for source in sources]
        if content is not None and style is not None:
            judge = Judge(content, style, size=size, features=features, seed=seed, limits=most, report=report)
        found = dataclasses.replace(compared(opened, judge, report=report), labels=tuple(labels))
        ends = [] if judge is None else list(zip(("the photo", "the painting"), judge.extremes(), strict=True))
    named = list(zip(labels, found.verdicts, strict=False))
    if out is not None:
        write_still(found.sheet(side), out)
    if as_json is not None:
        numbers = {"first": sources[0], "content": content, "style": style, "pictures": _numbers(sources, found, named)}
        numbers |= {name: json.loads(verdict.to_json()) for name, (_, verdict) in zip(("photo", "painting"), ends, strict=False)}
        write_json(numbers, as_json)
    if not quiet and STANDARD not in (as_json, out):
        _differences(labels, found.differences)
        if named:
            typer.echo("")
            show_table(named, ends)
    if not quiet and out is not None:
        typer.echo(f"Compared: {'standard output' if out == STANDARD else out}", err=True)


def _check(sources: Sequence[str], content: str | None, style: str | None, out: str | None, as_json: str | None) -> None:
    """Refuse what cannot be compared, or written. Raises SettingError, TargetError."""
    from atelier.media import STANDARD, check_place, check_target
    from atelier.run import check_apart
    from atelier.run.targets import beforehand

    if len(sources) < 2:
        raise SettingError("pictures", f"{sources[0]} alone cannot be compared: give two pictures or more")
    if (content is None) != (style is None):
        raise SettingError("content", "`content` and `style` go together: pictures are judged between the two")
    read = [*sources, *filter(None, (content, style))]
    if read.count(STANDARD) > 1:
        raise SettingError("pictures", "only one picture can come from standard input")
    written = [(option, name) for option, name in (("out", out), ("json", as_json)) if name is not None]
    check_apart(written, [name for name in read if name != STANDARD and "://" not in name])
    with beforehand():
        if out is not None:
            check_target(out)
        if as_json is not None and as_json != STANDARD:
            check_place(as_json)


def _numbers(sources: Sequence[str], found: Comparison, named: Named) -> list[dict[str, object]]:
    """All numbers, picture by picture, as JSON has them."""
    entries: list[dict[str, object]] = [{"picture": sources[0]}]
    entries += [
        json.loads(each.to_json(picture=source, same=math.isinf(each.psnr), resized=changed))
        for source, each, changed in zip(sources[1:], found.differences, found.resized[1:], strict=True)
    ]
    for entry, (_, verdict) in zip(entries, named, strict=False):
        entry["judged"] = json.loads(verdict.to_json())
    return entries


def _differences(labels: Sequence[str], found: Sequence[Difference]) -> None:
    """A row a picture."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    table.add_column(Text(f"compared with {labels[0]}"), overflow="fold")
    for heading in ("PSNR, dB", "SSIM", "colour, ΔE", "95 % under", "noticed"):
        table.add_column(heading, justify="right")
    for label, each in zip(labels[1:], found, strict=True):
        psnr = "same" if math.isinf(each.psnr) else f"{each.psnr:.2f}"
        likeness = "-" if each.ssim is None else f"{each.ssim:.4f}"
        table.add_row(Text(label), psnr, likeness, f"{each.color:.2f}", f"{each.color_95:.2f}", f"{each.noticed:.1%}")
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = 70 + max(len(label) for label in labels)
    console.print(table)
