"""The styles there are by name."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from atelier.cli.base import AllowPrivate, MaxBytes, MaxPixels, Quiet, app, limits
from atelier.cli.watching import watching
from atelier.errors import SettingError

if TYPE_CHECKING:
    from atelier.engines.network.catalogue import Entry
    from atelier.image import Image


@app.command()
def styles(
    photo: Annotated[str | None, typer.Argument(help="A photo to paint in every style, for --sheet")] = None,
    sheet: Annotated[
        str | None, typer.Option("--sheet", help="Write all styles side by side as a picture: of PHOTO, or their textures")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON")] = False,
    pictures: Annotated[
        bool | None, typer.Option("--pictures/--no-pictures", help="Show their textures too (default: in a terminal)", show_default=False)
    ] = None,
    max_pixels: MaxPixels = None,
    max_bytes: MaxBytes = None,
    allow_private: AllowPrivate = False,
    quiet: Quiet = False,
) -> None:
    """List the styles that `stylize --style NAME` takes. Those that ship, and your own."""
    from atelier.engines.network.catalogue import every, own_folder

    entries = every()
    if photo and not sheet:
        raise SettingError("sheet", "a photo is painted in every style onto a sheet: say where to with `sheet` FILE")
    if sheet:
        from atelier.run import Local, make_sheet

        with watching(quiet) as report:
            make_sheet(entries, photo, sheet, resolver=Local(limits(max_pixels, max_bytes, allow_private)), report=report)
        if not quiet:
            typer.echo(f"Sheet: {sheet}", err=True)
        return
    if as_json:
        known = [{"name": e.name, "title": e.title, "painter": e.painter, "year": e.year, "source": e.source} for e in entries]
        typer.echo(json.dumps(known, ensure_ascii=False, indent=2))
        return
    show = sys.stdout.isatty() if pictures is None else pictures
    _table(entries, show)
    if not quiet:
        typer.echo(f"\natelier stylize photo.jpg --style {entries[0].name if entries else 'painting.jpg'} --out out.png", err=True)
        typer.echo(f"Your own are in {own_folder()}; `atelier train style` makes one.", err=True)


def _table(entries: list[Entry], pictures: bool) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, show_header=True, header_style="bold")
    for column in ([""] if pictures else []) + ["name", "title", "painter", "year"]:
        table.add_column(column, no_wrap=column == "name")
    for entry in entries:
        shown = [_blocks(entry)] if pictures else []
        table.add_row(*shown, entry.name, entry.title, entry.painter, entry.year)
        if pictures:
            table.add_row(*[""] * (len(shown) + 4))
    console = Console()
    if not console.is_terminal:
        console.width = 200  # a line a style, for whatever reads them
    console.print(table)


def _blocks(entry: Entry, width: int = 16, height: int = 4) -> str:
    """A style's texture in half blocks, two pixels a letter, as rich's markup."""
    if not entry.swatch:
        return ""
    from atelier.image import decode, resize

    small: Image = resize(decode(entry.swatch), (width, 2 * height))
    pixels = small.to_array()
    lines = []
    for y in range(0, 2 * height, 2):
        pairs = zip(pixels[y], pixels[y + 1], strict=True)
        lines.append("".join(f"[rgb({a[0]},{a[1]},{a[2]}) on rgb({b[0]},{b[1]},{b[2]})]▀[/]" for a, b in pairs))
    return "\n".join(lines)
