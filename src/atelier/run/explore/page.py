"""An exploration as a web page in one file: a table that can be sorted, and nothing fetched from anywhere."""

from __future__ import annotations

import base64
import html
import itertools
import shlex
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from atelier.errors import AtelierError
from atelier.image import Image, Limits, encode, fit, resize
from atelier.media import open_still
from atelier.run.explore.axes import Axis, short_name
from atelier.run.explore.sheet import describe
from atelier.run.explore.table import Column, tabulate
from atelier.run.explore.variant import Variant
from atelier.run.resolver import as_picture, open_style

LARGEST = 1024
"""Long side of the pictures in the page, px, at the most."""
SOURCES = 512
"""Of the photo and the paintings there."""
PAGES = (".html", ".htm")


def is_page(name: str | Path) -> bool:
    """Tell whether a file of this name is a page, and not a sheet."""
    return Path(name).suffix.lower() in PAGES


def write_page(variants: Sequence[Variant], axes: Sequence[Axis], *, limits: Limits = Limits(), quality: int = 88) -> str:
    """Write HTML of a table, a row a variant: its picture, what is varied, losses, time, judgement, and the command that makes it again.

    Pictures are JPEGs in the page. Without JavaScript it is that table; with it, it can be sorted and looked at large.
    """
    columns = tabulate(variants, axes)
    title, subtitle = describe(variants)
    heads = "".join(
        f'<th role="columnheader" scope="col" aria-sort="none" class="{"number" if column.numeric else "word"}">'
        f"{html.escape(column.heading)}</th>"
        for column in columns
    )
    rows = "\n".join(_row(i, variant, columns, limits, quality) for i, variant in enumerate(variants))
    done = sum(variant.there for variant in variants)
    count = f"{done} of {len(variants)} pictures" if done < len(variants) else f"{done} pictures"
    across = len(axes[0].values) if axes else 1
    return _part("html").format(
        title=html.escape(title), subtitle=html.escape(subtitle), count=count, heads=heads, rows=rows, across=min(across, 12),
        sources=_sources(variants, limits, quality), style=_part("css"), script=_part("js"),
    )  # fmt: skip


def _row(i: int, variant: Variant, columns: Sequence[Column], limits: Limits, quality: int) -> str:
    words = html.escape(", ".join(f"{title} {label}".replace("\n", ", ") for title, label in variant.labels.items()), quote=True)
    if variant.there:
        picture = open_still(variant.path, limits)
        width, height = picture.size
        stopped = '<p class="note">stopped on the way</p>' if variant.state == "stopped" else ""
        shown = f'<img src="{_inline(picture, quality)}" alt="{words}" width="{width}" height="{height}" loading="lazy">{stopped}'
    elif variant.state == "failed":
        shown = f'<p class="none alarm"><strong>not painted</strong><br>{html.escape(variant.error)}</p>'
    else:
        shown = '<p class="none">not yet painted</p>'
    cells = "".join(
        f'<td role="cell" data-head="{html.escape(column.heading, quote=True)}" data-value="{_sortable(column.values[i])}"'
        f' class="{"number" if column.numeric else "word"}">{html.escape(column.written[i])}</td>'
        for column in columns
    )
    return (
        f'<tr role="row" data-place="{i}"><td role="cell" class="picture">{shown}</td>{cells}'
        f'<td role="cell" class="command"><code>{_line(variant)}</code></td></tr>'
    )


def _line(variant: Variant) -> str:
    """Write the command so that lines break where an option begins."""
    words = shlex.split(variant.command)
    starts = [i for i, word in enumerate(words) if i and word.startswith("--")]
    parts = [words[i:j] for i, j in itertools.pairwise([0, *starts, len(words)])]
    return " ".join(f"<span>{html.escape(shlex.join(part))}</span>" for part in parts)


def _sources(variants: Sequence[Variant], limits: Limits, quality: int) -> str:
    """Show the photo, and the paintings if they are the same for all variants; leave out what is gone since."""
    request = variants[0].request.without_secrets()
    names = [("the photo", str(request.content))]
    if all({style.source for style in variant.request.styles} == {style.source for style in request.styles} for variant in variants):
        names += [(short_name(style.source), style.source) for style in request.styles]
    shown = []
    for called, source in dict.fromkeys(names):
        if "://" in source:  # not fetched once more for this
            continue
        try:
            picture = as_picture(open_style(source, limits)) if called != "the photo" else open_still(source, limits)
        except AtelierError:
            continue
        small = resize(picture, fit(picture.size, SOURCES)) if max(picture.size) > SOURCES else picture
        words = html.escape(called, quote=True)
        shown.append(f'<li><img src="{_inline(small, quality)}" alt="{words}"><span aria-hidden="true">{words}</span></li>')
    return f'<ul class="sources" aria-label="Made from">{"".join(shown)}</ul>' if shown else ""


def _sortable(value: float | str | None) -> str:
    return "" if value is None else html.escape(repr(value) if isinstance(value, float) else str(value), quote=True)


def _inline(picture: Image, quality: int) -> str:
    """Give a picture as a data: address. What is transparent is laid over white."""
    small = resize(picture, fit(picture.size, LARGEST)) if max(picture.size) > LARGEST else picture
    bare = Image(small.flat().pixels)  # what it says of itself is in its file
    return f"data:image/jpeg;base64,{base64.b64encode(encode(bare, 'jpg', quality=quality)).decode()}"


def _part(kind: str) -> str:
    return (files("atelier.run.explore") / f"page.{kind}").read_text(encoding="utf-8")
