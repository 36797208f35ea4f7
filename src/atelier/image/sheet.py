"""Contact sheets: pictures side by side, with words under them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont

from atelier.errors import ImageError, SettingError
from atelier.image.limits import Limits
from atelier.image.resize import fit, resize
from atelier.image.value import Image

GAP, PAPER, INK = 8, 250, (40, 40, 40)
FAINT, ALARM, EMPTY = (112, 112, 112), (158, 42, 32), (236, 236, 236)
MARGIN, GUTTER, NARROWEST = 24, 14, 116
"""Of a grid, px: around it all, between its cells, and the width that a column has at the least, for its words."""

FINER = 4
"""Letters are drawn so many times as large and made smaller, which sets them evenly: at their own size, spaces are whole pixels."""


def contact_sheet(cells: Sequence[tuple[str, Image]], *, columns: int = 0, side: int = 256, text: int = 14) -> Image:
    """Lay pictures in rows, each at most `side` px wide and high, over its label.

    cells: (label, picture); a label may have several lines. columns: 0 for about as many as rows. text: height of the
    letters, px. Raises SettingError for no cells.
    """
    if not cells:
        raise SettingError("pictures", "a sheet of no pictures: give at least one")
    columns = columns or max(1, round((len(cells) * 1.3) ** 0.5))
    columns = min(columns, len(cells))
    small = [resize(picture.flat(), fit(picture.size, side)) if max(picture.size) > side else picture.flat() for _, picture in cells]
    lines = max(label.count("\n") + 1 if label else 0 for label, _ in cells)
    font = ImageFont.load_default(text)
    caption = lines * round(text * 1.3) + (GAP // 2 if lines else 0)
    cell_w, cell_h = max(each.size[0] for each in small), max(each.size[1] for each in small)
    rows = -(-len(cells) // columns)
    page = Pillow.new("RGB", (columns * (cell_w + GAP) + GAP, rows * (cell_h + caption + GAP) + GAP), (PAPER,) * 3)
    draw = ImageDraw.Draw(page)
    for i, ((label, _), each) in enumerate(zip(cells, small, strict=True)):
        x, y = GAP + i % columns * (cell_w + GAP), GAP + i // columns * (cell_h + caption + GAP)
        page.paste(Pillow.fromarray(each.to_array()), (x + (cell_w - each.size[0]) // 2, y + (cell_h - each.size[1]) // 2))
        for j, line in enumerate(label.split("\n")):
            width = draw.textlength(line, font=font)
            while line and width > cell_w:
                line = line[:-2].rstrip() + "…" if len(line) > 2 else ""
                width = draw.textlength(line, font=font)
            draw.text((x + (cell_w - width) / 2, y + cell_h + GAP // 2 + j * round(text * 1.3)), line, INK, font=font)
    return Image.from_array(np.asarray(page))


Ink = tuple[int, int, int]


class Letters:
    """A face of letters of one height, px."""

    def __init__(self, size: int) -> None:
        self.face = ImageFont.load_default(size * FINER)
        self.line = round(size * 1.35)

    def length(self, words: str) -> float:
        """Give the width of a line of words, px."""
        return self.face.getlength(words) / FINER

    def put(self, page: Pillow.Image, x: int, y: int, words: str, ink: Ink) -> None:
        """Draw a line of words, its upper left corner at (x, y)."""
        if not words:
            return
        size = -int(-self.length(words) // 1) + 2, self.line
        mask = Pillow.new("L", (size[0] * FINER, size[1] * FINER))
        ImageDraw.Draw(mask).text((0, 0), words, 255, font=self.face)
        page.paste(ink, (x, y), mask.resize(size, Pillow.Resampling.BOX))


@dataclass(frozen=True)
class Cell:
    """A place in a grid. picture: None where there is none. caption: words under it. note: a few words in the place of a picture.
    alarm: whether the words are about something that went wrong."""

    picture: Image | None = None
    caption: str = ""
    note: str = ""
    alarm: bool = False


@dataclass(frozen=True)
class Block:
    """A table of pictures. heads: words over the columns. rows: (words beside the row, its cells); None leaves a place empty."""

    heads: Sequence[str]
    rows: Sequence[tuple[str, Sequence[Cell | None]]]
    heading: str = ""


def grid_sheet(
    blocks: Sequence[Block], *, title: str = "", subtitle: str = "", side: int = 256, text: int = 0, limits: Limits = Limits()
) -> Image:
    """Lay out tables of pictures one below the other, each picture at most `side` px wide and high, all words wrapped and none cut off.

    text: height of the letters, px (0: by the side). Raises SettingError where there is no cell, ImageError where the sheet would be over
    the limits.
    """
    columns = max((len(cells) for block in blocks for _, cells in block.rows), default=0)
    if not columns:
        raise SettingError("pictures", "a sheet of no pictures: give at least one")
    layout = _Layout(blocks, columns, side, text)
    layout.titles(title, subtitle)
    for number, block in enumerate(blocks):
        layout.table(block, first=not number)
    return layout.draw(limits)


class _Layout:
    """A sheet as it is laid out from above: what is to be drawn comes first, so that the page is as high as its words and pictures are.

    y: where the next thing goes, px.
    """

    def __init__(self, blocks: Sequence[Block], columns: int, side: int, text: int) -> None:
        pictures = [cell.picture for block in blocks for _, cells in block.rows for cell in cells if cell and cell.picture]
        sizes = [fit(each.size, side) if max(each.size) > side else each.size for each in pictures] or [(side, round(side * 0.75))]
        self.side, self.text = side, text or max(13, round(max(w for w, _ in sizes) / 19))
        self.width, self.height = max(NARROWEST, *(w for w, _ in sizes)), max(h for _, h in sizes)
        self.words, self.small, self.large = Letters(self.text), Letters(max(12, round(self.text * 0.88))), Letters(round(self.text * 1.35))
        beside = [label for block in blocks for label, _ in block.rows if label]
        self.left = min(round(self.text * 9.5), max((_widest(label, self.words) for label in beside), default=-GUTTER)) + GUTTER
        self.page_width = 2 * MARGIN + self.left + columns * self.width + (columns - 1) * GUTTER
        self.columns = [MARGIN + self.left + column * (self.width + GUTTER) for column in range(columns)]
        self.items: list[tuple[int, int, str | Image, Letters, Ink]] = []
        self.boxes: list[tuple[int, int, int, int]] = []
        self.y = MARGIN

    def say(self, message: str, x: int, y: int, across: int, font: Letters, ink: Ink, share: float = 0.0) -> int:
        """Write words at a place, wrapped; share: 0 puts them left, .5 in the middle. Return the height they take."""
        lines = wrapped(message, font, across)
        for i, line in enumerate(lines):
            self.items.append((x + round((across - font.length(line)) * share), y + i * font.line, line, font, ink))
        return len(lines) * font.line

    def titles(self, title: str, subtitle: str) -> None:
        """Write what is over all."""
        for message, font, ink in ((title, self.large, INK), (subtitle, self.small, FAINT)):
            if message:
                self.y += self.say(message, MARGIN, self.y, self.page_width - 2 * MARGIN, font, ink) + self.text // 3
        self.y += self.text // 2 if title or subtitle else 0

    def table(self, block: Block, *, first: bool) -> None:
        """Lay out a table of pictures with its heads."""
        self.y += 0 if first else self.text
        if block.heading:
            self.y += self.say(block.heading, MARGIN, self.y, self.page_width - 2 * MARGIN, self.words, INK) + self.text // 2
        tall = max((len(wrapped(head, self.words, self.width)) for head in block.heads if head), default=0) * self.words.line
        for x, head in zip(self.columns, block.heads, strict=False):
            low = self.y + tall - len(wrapped(head, self.words, self.width)) * self.words.line
            self.say(head, x, low, self.width, self.words, INK, 0.5)
        self.y += tall + (self.text // 3 if tall else 0)
        for label, cells in block.rows:
            lines = wrapped(label, self.words, self.left - GUTTER) if label else []
            middle = self.y + max(0, (self.height - len(lines) * self.words.line) // 2)
            self.say(label, MARGIN, middle, max(1, self.left - GUTTER), self.words, INK)
            below = [self.cell(cell, x) for x, cell in zip(self.columns, cells, strict=False) if cell is not None]
            self.y += max(self.height, len(lines) * self.words.line, *below, 0) + GUTTER

    def cell(self, cell: Cell, x: int) -> int:
        """Lay out one picture, or the note in its place, and what is under it. Return the height it takes."""
        width, height, y = self.width, self.height, self.y
        ink = ALARM if cell.alarm else FAINT
        if cell.picture is not None:
            shown = cell.picture.flat()
            shown = resize(shown, fit(shown.size, self.side)) if max(shown.size) > self.side else shown
            self.items.append((x + (width - shown.size[0]) // 2, y + (height - shown.size[1]) // 2, shown, self.words, INK))
        else:
            self.boxes.append((x, y, x + width - 1, y + height - 1))
            top = y + (height - len(wrapped(cell.note, self.small, width - 2 * GAP)) * self.small.line) // 2
            self.say(cell.note, x + GAP, top, width - 2 * GAP, self.small, ink, 0.5)
        if not cell.caption:
            return 0
        top = height + self.text // 3
        return top + self.say(cell.caption, x, y + top, width, self.small, ink, 0.5)

    def draw(self, limits: Limits) -> Image:
        """Draw the page. Raises ImageError where it would be over the limits."""
        width, height = self.page_width, self.y - GUTTER + MARGIN
        if width * height > limits.pixels:
            raise ImageError(
                f"a sheet of {width}x{height} px is over the limit of {limits.pixels:,} pixels: show fewer pictures, or smaller"
            )
        canvas = Pillow.new("RGB", (width, height), (PAPER,) * 3)
        draw = ImageDraw.Draw(canvas)
        for box in self.boxes:
            draw.rectangle(box, fill=EMPTY)
        for x, y, what, font, ink in self.items:
            if isinstance(what, Image):
                canvas.paste(Pillow.fromarray(what.to_array()), (x, y))
            else:
                font.put(canvas, x, y, what, ink)
        return Image.from_array(np.asarray(canvas))


def wrapped(message: str, font: Letters, width: float) -> list[str]:
    """Break words into lines that are at most so many px wide: broken at spaces, in longer words behind - _ / = , and else anywhere."""
    lines: list[str] = []
    for paragraph in message.split("\n"):
        line = ""
        for piece in re.findall(r"\s+|[^\s\-_/=,]*[\-_/=,]?", paragraph):
            if font.length((line + piece).rstrip()) > width and line.strip():
                lines.append(line.rstrip())
                line = ""
            line = (line + piece).lstrip() if not line else line + piece
            while len(line) > 1 and font.length(line.rstrip()) > width:
                cut = max(1, next(i for i in range(1, len(line) + 1) if font.length(line[:i]) > width) - 1)
                lines.append(line[:cut])
                line = line[cut:]
        lines.append(line.rstrip())
    return lines if message else []


def _widest(message: str, font: Letters) -> int:
    return max(-int(-font.length(line) // 1) for line in message.split("\n"))
