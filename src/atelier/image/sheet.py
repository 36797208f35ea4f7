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
    """Pictures in rows, each at most `side` px wide and high, over its label.

    cells: (label, picture); a label may have several lines. columns: 0 for about as many as rows. text: height of the
    letters, px. Raises SettingError for no cells.
    """
    if not cells:
        raise SettingError("a sheet of no pictures: give at least one")
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
        """Width of a line of words, px."""
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
    """Tables of pictures one below the other, each picture at most `side` px wide and high, all words wrapped and none cut off.

    text: height of the letters, px (0: by the side). Raises SettingError where there is no cell, ImageError where the sheet would be over
    the limits.
    """
    pictures = [cell.picture for block in blocks for _, cells in block.rows for cell in cells if cell and cell.picture]
    columns = max((len(cells) for block in blocks for _, cells in block.rows), default=0)
    if not columns:
        raise SettingError("a sheet of no pictures: give at least one")
    sizes = [fit(each.size, side) if max(each.size) > side else each.size for each in pictures] or [(side, round(side * 0.75))]
    text = text or max(13, round(max(w for w, _ in sizes) / 19))
    width, height = max(NARROWEST, *(w for w, _ in sizes)), max(h for _, h in sizes)
    words, small, large = Letters(text), Letters(max(12, round(text * 0.88))), Letters(round(text * 1.35))
    beside = [label for block in blocks for label, _ in block.rows if label]
    left = min(round(text * 9.5), max((_widest(label, words) for label in beside), default=-GUTTER)) + GUTTER
    page_w = 2 * MARGIN + left + columns * width + (columns - 1) * GUTTER

    # What is to be drawn is laid out first, so that the page is as high as its words and pictures are.
    page: list[tuple[int, int, str | Image, Letters, Ink]] = []
    boxes: list[tuple[int, int, int, int]] = []
    y = MARGIN

    def say(message: str, x: int, y: int, across: int, font: Letters, ink: Ink, share: float = 0.0) -> int:
        """Words at a place, wrapped; share: 0 puts them left, .5 in the middle. The height they take."""
        lines = wrapped(message, font, across)
        for i, line in enumerate(lines):
            page.append((x + round((across - font.length(line)) * share), y + i * font.line, line, font, ink))
        return len(lines) * font.line

    for message, font, ink in ((title, large, INK), (subtitle, small, FAINT)):
        if message:
            y += say(message, MARGIN, y, page_w - 2 * MARGIN, font, ink) + text // 3
    y += text // 2 if title or subtitle else 0
    for i, block in enumerate(blocks):
        y += text if i else 0
        if block.heading:
            y += say(block.heading, MARGIN, y, page_w - 2 * MARGIN, words, INK) + text // 2
        places = [MARGIN + left + column * (width + GUTTER) for column in range(columns)]
        tall = max((len(wrapped(head, words, width)) for head in block.heads if head), default=0) * words.line
        for x, head in zip(places, block.heads, strict=False):
            low = y + tall - len(wrapped(head, words, width)) * words.line
            say(head, x, low, width, words, INK, 0.5)
        y += tall + (text // 3 if tall else 0)
        for label, cells in block.rows:
            lines = wrapped(label, words, left - GUTTER) if label else []
            say(label, MARGIN, y + max(0, (height - len(lines) * words.line) // 2), max(1, left - GUTTER), words, INK)
            lowest = max(height, len(lines) * words.line)
            for x, cell in zip(places, cells, strict=False):
                if cell is None:
                    continue
                if cell.picture is not None:
                    shown = cell.picture.flat()
                    shown = resize(shown, fit(shown.size, side)) if max(shown.size) > side else shown
                    page.append((x + (width - shown.size[0]) // 2, y + (height - shown.size[1]) // 2, shown, words, INK))
                else:
                    boxes.append((x, y, x + width - 1, y + height - 1))
                    top = y + (height - len(wrapped(cell.note, small, width - 2 * GAP)) * small.line) // 2
                    say(cell.note, x + GAP, top, width - 2 * GAP, small, ALARM if cell.alarm else FAINT, 0.5)
                if cell.caption:
                    ink, top = ALARM if cell.alarm else FAINT, height + text // 3
                    lowest = max(lowest, top + say(cell.caption, x, y + top, width, small, ink, 0.5))
            y += lowest + GUTTER
    page_h = y - GUTTER + MARGIN
    if page_w * page_h > limits.pixels:
        raise ImageError(f"a sheet of {page_w}x{page_h} px is over the limit of {limits.pixels:,} pixels: show fewer pictures, or smaller")
    canvas = Pillow.new("RGB", (page_w, page_h), (PAPER,) * 3)
    draw = ImageDraw.Draw(canvas)
    for box in boxes:
        draw.rectangle(box, fill=EMPTY)
    for x, y, what, font, ink in page:
        if isinstance(what, Image):
            canvas.paste(Pillow.fromarray(what.to_array()), (x, y))
        else:
            font.put(canvas, x, y, what, ink)
    return Image.from_array(np.asarray(canvas))


def wrapped(message: str, font: Letters, width: float) -> list[str]:
    """Words in lines that are at most so many px wide: broken at spaces, in longer words behind - _ / = , and else anywhere."""
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
