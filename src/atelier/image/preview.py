"""A photo with its regions drawn over it, for people."""

from __future__ import annotations

import numpy as np
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont

from atelier.image.morphology import dilate, distances
from atelier.image.regions import Regions
from atelier.image.value import Image


def draw_preview(photo: Image, regions: Regions, *, strength: float = 0.4) -> Image:
    """Draw the photo with every region tinted in its colour, outlined, and called by number, name and share of the area.

    strength: of the tint, 0 to 1. Regions of another size are resized to the photo's.
    """
    regions = regions.resize(photo.size)
    labels = regions.labels
    pixels = photo.flat().pixels
    tint = (np.array(regions.colors, np.float32) / 255)[labels]
    mixed = (1 - strength) * pixels + strength * tint
    edge = np.zeros(labels.shape, np.bool_)
    edge[:, 1:] |= labels[:, 1:] != labels[:, :-1]
    edge[1:] |= labels[1:] != labels[:-1]
    thick = max(1, round(max(photo.size) / 800))
    mixed[dilate(edge, thick) & ~dilate(edge, thick - 1)] = 1.0
    mixed[dilate(edge, thick - 1)] = 0.0
    sheet = Pillow.fromarray((mixed.clip(0, 1) * 255 + 0.5).astype(np.uint8))
    _write_names(sheet, regions)
    return Image.from_array(np.asarray(sheet))


def _write_names(sheet: Pillow.Image, regions: Regions) -> None:
    draw = ImageDraw.Draw(sheet)
    side = max(11, round(max(sheet.size) / 42))
    font = ImageFont.load_default(side)
    reduced = max(1, round(max(sheet.size) / 256))
    small = np.pad(regions.labels[reduced // 2 :: reduced, reduced // 2 :: reduced], 1, constant_values=255)
    for at, (name, share) in enumerate(regions.shares.items()):
        inside = small == at
        if not inside.any():
            small_at = np.argwhere(regions.labels == at)
            if not len(small_at):
                continue
            y, x = (int(each) for each in small_at[len(small_at) // 2])
        else:  # the middle of its widest part
            deep = distances(~inside, max(small.shape))
            y, x = ((int(each) - 1) * reduced for each in np.unravel_index(deep.argmax(), deep.shape))
        words = f"{at + 1} {name} {100 * share:.1f} %"
        half = draw.textlength(words, font) / 2
        x = int(min(max(x, half + 4), max(sheet.width - half - 4, half + 4)))
        y = min(max(y, side), max(sheet.height - side, side))
        draw.text((x, y), words, (255, 255, 255), font, anchor="mm", stroke_width=max(2, side // 8), stroke_fill=(0, 0, 0))
