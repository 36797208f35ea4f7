"""An exploration as a web page in one file: a table that can be sorted, and nothing fetched from anywhere."""

from __future__ import annotations

import base64
import html
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files

from atelier.image import Image, Limits, encode, fit, resize
from atelier.media import open_still
from atelier.run.explore import Axis, Variant, command, described

LARGEST = 1024
"""Long side of the pictures in the page, px, at the most."""


@dataclass(frozen=True)
class Column:
    """heading, and for every variant what is written and what it is sorted by (None sorts last)."""

    heading: str
    written: Sequence[str]
    values: Sequence[float | str | None]
    numeric: bool = True


def page_of(variants: Sequence[Variant], axes: Sequence[Axis], *, limits: Limits = Limits(), quality: int = 88) -> str:
    """HTML of a table, a row a variant: its picture (as JPEG, in the page), what is varied, losses, time, what was judged, and the
    command that makes it again. Without JavaScript it is that table; with it, it can be sorted and looked at large."""
    columns = columns_of(variants, axes)
    title, subtitle = described(variants)
    heads = "".join(
        f'<th scope="col" aria-sort="none" class="{"number" if column.numeric else "word"}">{html.escape(column.heading)}</th>'
        for column in columns
    )
    rows = "\n".join(_row(i, variant, columns, limits, quality) for i, variant in enumerate(variants))
    done = sum(variant.there for variant in variants)
    count = f"{done} of {len(variants)} pictures" if done < len(variants) else f"{done} pictures"
    across = len(axes[0].values) if axes else 1
    return _part("html").format(
        title=html.escape(title), subtitle=html.escape(subtitle), count=count, heads=heads, rows=rows, across=min(across, 12),
        style=_part("css"), script=_part("js"),
    )  # fmt: skip


def columns_of(variants: Sequence[Variant], axes: Sequence[Axis]) -> list[Column]:
    """What there is to say of the variants, and to sort them by."""
    columns = []
    for k, (axis, title) in enumerate(zip(axes, variants[0].labels, strict=True)):
        places = [variant.place[k] for variant in variants]
        numbers = axis.numbers
        values = [numbers[i] if numbers else i for i in places]  # words in the order they were given in
        written = [axis.labels[i].replace("\n", ", ") for i in places]
        columns.append(Column(title, written, values, numbers is not None and axis.name != "share"))
    for kind in ("losses", "judged"):
        for name in dict.fromkeys(name for variant in variants for name in getattr(variant, kind)):
            values = [getattr(variant, kind).get(name) for variant in variants]
            heading = f"{name} loss" if kind == "losses" and name != "score" else name
            columns.append(Column(heading, ["–" if value is None else f"{value:.4g}" for value in values], values))
    seconds = [variant.seconds if variant.there else None for variant in variants]
    columns.append(Column("seconds", ["–" if value is None else f"{value:.2f}" for value in seconds], seconds))
    return columns


def _row(i: int, variant: Variant, columns: Sequence[Column], limits: Limits, quality: int) -> str:
    words = html.escape(", ".join(label.replace("\n", ", ") for label in variant.labels.values()), quote=True)
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
        f'<td data-head="{html.escape(column.heading, quote=True)}" data-value="{_sortable(column.values[i])}"'
        f' class="{"number" if column.numeric else "word"}">{html.escape(column.written[i])}</td>'
        for column in columns
    )
    line = html.escape(command(variant.request, variant.path.name))
    return f'<tr data-place="{i}"><td class="picture">{shown}</td>{cells}<td class="command"><code>{line}</code></td></tr>'


def _sortable(value: float | str | None) -> str:
    return "" if value is None else html.escape(repr(value) if isinstance(value, float) else str(value), quote=True)


def _inline(picture: Image, quality: int) -> str:
    """As a data: address. What is transparent is laid over white."""
    small = resize(picture, fit(picture.size, LARGEST)) if max(picture.size) > LARGEST else picture
    bare = Image(small.flat().pixels)  # what it says of itself is in its file
    return f"data:image/jpeg;base64,{base64.b64encode(encode(bare, 'jpg', quality=quality)).decode()}"


def _part(kind: str) -> str:
    return (files("atelier.run") / f"page.{kind}").read_text(encoding="utf-8")
