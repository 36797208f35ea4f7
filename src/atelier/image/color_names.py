"""Colours that people have words for: by name, by #rrggbb, and in a legend."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import cast

import numpy as np

from atelier.errors import SettingError

Color = tuple[int, int, int]

COLORS: Mapping[str, Color] = MappingProxyType({
    "black": (0, 0, 0), "white": (255, 255, 255), "red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255),
    "yellow": (255, 255, 0), "grey": (128, 128, 128), "cyan": (0, 255, 255), "magenta": (255, 0, 255), "orange": (255, 128, 0),
    "purple": (128, 0, 128), "teal": (0, 128, 128), "olive": (128, 128, 0), "maroon": (128, 0, 0), "navy": (0, 0, 128),
    "darkgreen": (0, 128, 0), "silver": (192, 192, 192), "pink": (255, 128, 192), "brown": (128, 64, 0), "violet": (128, 0, 255),
    "skyblue": (128, 192, 255), "lime": (128, 255, 0), "mint": (128, 255, 192), "peach": (255, 192, 128),
})  # fmt: skip
"""Colours by name: first the palettes that published maps use, then those that go on from there."""

_OTHER_WORDS: Mapping[str, tuple[str, ...]] = {
    "gray": ("grey",), "aqua": ("cyan",), "lightblue": ("cyan", "skyblue"), "fuchsia": ("magenta",), "purple": ("purple", "magenta"),
    "lime": ("lime", "green"), "green": ("green", "darkgreen"), "lightgrey": ("silver",), "lightgray": ("silver",),
}  # fmt: skip

ALIKE = 40  # levels by which a region's colour may miss the one it is called by


def to_hex(color: Sequence[int]) -> str:
    """Write a colour as #rrggbb."""
    return "#" + "".join(f"{level:02x}" for level in color)


def parse_color(word: str) -> Color:
    """Give the 8-bit sRGB of a colour's name or #rrggbb (or #rgb). Raises SettingError for anything else."""
    if not (meant := colors_meant(word)):
        raise SettingError("color", f"{word!r} is no colour: write #rrggbb, or one of {', '.join(COLORS)}")
    return meant[0]


def colors_meant(word: str) -> list[Color]:
    """Give the colours that a word may mean, the likeliest first."""
    word = word.strip().lower()
    if re.fullmatch("#([0-9a-f]{3}|[0-9a-f]{6})", word):
        digits = word[1:] if len(word) == 7 else "".join(2 * digit for digit in word[1:])
        return [(int(digits[:2], 16), int(digits[2:4], 16), int(digits[4:], 16))]
    plain = re.sub("[ _-]", "", word)
    return [COLORS[name] for name in _OTHER_WORDS.get(plain, (plain,)) if name in COLORS]


def name_colors(colors: Sequence[Color]) -> list[str]:
    """Give a name for each colour: the common one where it is near and nearest to no other, else #rrggbb."""
    names = [to_hex(each) for each in colors]
    off = np.abs(np.array(colors, int)[:, None] - np.array(list(COLORS.values()), int)).max(2)
    for _ in colors:
        at, word = np.unravel_index(off.argmin(), off.shape)
        if off[at, word] > ALIKE:
            break
        names[at] = list(COLORS)[word]
        off[at], off[:, word] = 999, 999
    return names


def parse_legend(text: str) -> dict[str, str]:
    """Name -> #rrggbb, out of a sidecar's or a map's words: JSON {"sky": "#0000ff"}, or sky=#0000ff by lines or commas.

    Colours may be names ("blue"). Raises SettingError for anything else.
    """
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        parts = [part.partition("=") for part in re.split(r"[\n,;]", text) if part.strip()]
        found = {name.strip(): value.strip() for name, _, value in parts}
        if len(found) < len(parts):
            raise SettingError("legend", "a legend names a region twice: write each name once, as sky=#0000ff") from None
    if not isinstance(found, dict) or not found or not all(isinstance(value, str) for value in found.values()):
        raise SettingError("legend", 'a legend is names with colours: write {"sky": "#0000ff"} or sky=#0000ff')
    return {name: to_hex(parse_color(value)) for name, value in found.items()}


def distinct_colors(count: int) -> tuple[Color, ...]:
    """Give colours that can be told apart, for regions that have none: the common ones, then steps around the wheel of hues."""
    chosen = list(COLORS.values())[:count]
    turn = 0
    while len(chosen) < count:
        hue, light = (turn * 0.618034) % 1, (1.0, 0.75, 0.5)[turn % 3]
        wheel = [light * min(1.0, max(0.0, abs((6 * hue + shift) % 6 - 3) - 1)) for shift in (0, 4, 2)]
        fresh = cast(Color, tuple(round(255 * (0.15 + 0.85 * level)) for level in wheel))
        if min(max(abs(a - b) for a, b in zip(fresh, own, strict=True)) for own in chosen) >= 20:
            chosen.append(fresh)
        turn += 1
    return tuple(chosen)
