"""An exploration as a web page in one file: a table that can be sorted, and nothing fetched from anywhere."""

from __future__ import annotations

import base64
import html
import itertools
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import Any

from atelier.errors import AtelierError
from atelier.image import Image, Limits, encode, fit, resize
from atelier.media import open_still
from atelier.run.explore import Axis, Variant, described, named, sheet_of
from atelier.run.opening import as_picture, open_style

LARGEST = 1024
"""Long side of the pictures in the page, px, at the most."""
SOURCES = 512
"""Of the photo and the paintings there."""
PAGES = (".html", ".htm")


def is_page(name: str | Path) -> bool:
    """Whether a file of this name is a page, and not a sheet."""
    return Path(name).suffix.lower() in PAGES


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
        """Whether all that could be painted is."""
        return not any(variant.state in ("waiting", "stopped") for variant in self.variants)

    def figures(self) -> list[dict[str, Any]]:
        """A row a picture, of plain values: what was varied (a number where it is one, else words), losses, what was judged, seconds,
        `state`, and `path`; what there is not, None. For a table of any library's."""
        columns = columns_of(self.variants, self.axes)
        return [
            {
                **{c.heading: c.values[i] if c.numeric or c.values[i] is None else c.written[i] for c in columns},
                "state": variant.state, "path": str(variant.path),
            }
            for i, variant in enumerate(self.variants)
        ]  # fmt: skip

    def sheet(self, side: int = 256) -> Image:
        """All pictures on one labelled picture. side: of each, px at the most."""
        return sheet_of(self.variants, self.axes, side=side, limits=self.limits)

    def page(self) -> str:
        """All pictures on one page of HTML, with nothing beside it."""
        return page_of(self.variants, self.axes, limits=self.limits)


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
    varied = set(variants[0].labels)  # which may be called as a figure is: style loss, seconds
    given = len(varied)
    return [replace(c, heading=f"{c.heading}, measured") if i >= given and c.heading in varied else c for i, c in enumerate(columns)]


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
    """The command, to be broken where an option begins."""
    words = shlex.split(variant.command)
    starts = [i for i, word in enumerate(words) if i and word.startswith("--")]
    parts = [words[i:j] for i, j in itertools.pairwise([0, *starts, len(words)])]
    return " ".join(f"<span>{html.escape(shlex.join(part))}</span>" for part in parts)


def _sources(variants: Sequence[Variant], limits: Limits, quality: int) -> str:
    """The photo, and the paintings where all are painted in the manner of the same ones, to look at; without what is gone since."""
    request = variants[0].request.without_secrets()
    names = [("the photo", str(request.content))]
    if all({style.source for style in variant.request.styles} == {style.source for style in request.styles} for variant in variants):
        names += [(named(style.source), style.source) for style in request.styles]
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
    """As a data: address. What is transparent is laid over white."""
    small = resize(picture, fit(picture.size, LARGEST)) if max(picture.size) > LARGEST else picture
    bare = Image(small.flat().pixels)  # what it says of itself is in its file
    return f"data:image/jpeg;base64,{base64.b64encode(encode(bare, 'jpg', quality=quality)).decode()}"


def _part(kind: str) -> str:
    return (files("atelier.run") / f"page.{kind}").read_text(encoding="utf-8")
