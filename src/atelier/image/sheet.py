"""Contact sheets: pictures side by side, with words under them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont

from atelier.errors import SettingError
from atelier.image.resize import fit, resize
from atelier.image.value import Image

GAP, PAPER, INK = 8, 250, (40, 40, 40)


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
