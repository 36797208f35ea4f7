"""One picture's colours on another.

`recolor` is the door: a picture, a source of colours, a method and a space by name. The parts are there to be used
alone: moments and the linear maps between them (`moments`), curves between histograms (`histograms`), palettes (`palette`), and
what is done with colours that cannot be shown (`gamut`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from atelier.errors import ImageError, SettingError
from atelier.image.color_methods import METHODS, Method, Task
from atelier.image.gamut import GAMUTS
from atelier.image.pixels import SAMPLE, bands, check_mask, check_pixels
from atelier.image.spaces import SPACES, Space, find_space
from atelier.image.value import Pixels

T = TypeVar("T")


def recolor(
    picture: Pixels,
    source: Pixels,
    *,
    method: str = "transport",
    space: str = "",
    mask: NDArray[Any] | None = None,
    source_mask: NDArray[Any] | None = None,
    counted: NDArray[Any] | None = None,
    stretch: float = 3.0,
    gamut: str = "soft",
    seed: int = 0,
) -> Pixels:
    """Give the picture with the colours of the source.

    picture, source: float (H, W, 3) sRGB in [0, 1], of any two sizes, or of one for the luminance methods.
    method: a name in METHODS. space: a name in SPACES; empty is the one that suits the method.
    mask: (H, W) of the picture, 1 where colours change and 0 where they stay, bit for bit; soft between. Only what is
        marked counts in the picture's statistics. One that marks nothing changes nothing.
    counted: (H, W) of the picture: what counts in its statistics, where that is not what the mask marks.
    source_mask: (H, W) of the source: where the colours are taken from. Where pixel answers pixel it is the mask unless given.
    stretch: how far a difference of colour may be stretched, at least 1. A dull photo has noise where a painting has colour,
        and 3 leaves it quiet; infinity is every method as it was published.
    gamut: what becomes of colours that cannot be shown, a name in GAMUTS.
    seed: of what is drawn by chance (samples of large pictures, rotations); the same seed, the same picture.

    Returns float32 (H, W, 3) in [0, 1] (for gamut "open" anywhere). Raises SettingError for names that are not there, a
    method and a space that do not go together, a stretch under 1 and a source_mask that marks nothing, and ImageError for
    arrays that are not as stated.
    """
    way, bring = _look_up(METHODS, "method", method), _look_up(GAMUTS, "gamut", gamut)
    where = find_space(space or way.space)
    _check(way, where, stretch)
    picture, source = check_pixels(picture, "picture"), check_pixels(source, "source")
    if way.aligned and picture.shape != source.shape:
        raise ImageError(f"{method!r} needs pictures of one size, got {_size(picture)} and {_size(source)}; resize one of them")
    marked = None if mask is None else check_mask(mask, picture, "mask")
    taken = marked if way.aligned else None
    if source_mask is not None:
        taken = check_mask(source_mask, source, "source_mask")
        if not taken.any():
            raise SettingError("source_mask", "marks nothing: there is no colour to take")
    if marked is not None and not marked.any():
        return picture.copy()
    seen = marked if counted is None else check_mask(counted, picture, "counted")
    paint = way.plan(Task(picture, source, where, seen, taken, stretch, seed))
    some = slice(0, None, max(1, picture.shape[0] * picture.shape[1] // SAMPLE))  # rows to judge the whole by
    tried = paint(picture[some], some).reshape(-1, 3)
    limited = bring(tried if seen is None else tried[seen[some].reshape(-1) > 0], where)
    return _paint_bands(picture, lambda rows: limited(paint(picture[rows], rows)), marked)


def _check(way: Method, where: Space, stretch: float) -> None:
    if way.needs_luminance and not where.luminance:
        fit = ", ".join(each.name for each in SPACES.values() if each.luminance)
        raise SettingError("space", f"colour space {where.name!r} has no luminance, which {way.name!r} needs: choose from {fit}")
    if not stretch >= 1:  # NaN neither
        raise SettingError("stretch", "must be at least 1", stretch)


def _paint_bands(picture: Pixels, paint: Callable[[slice], Pixels], marked: Pixels | None) -> Pixels:
    """The picture in bands of rows, each painted, and blended by the mask."""
    out = np.empty_like(picture)  # (H, W, 3)
    for rows in bands(picture):
        band = paint(rows)
        if marked is not None:
            share = marked[rows, :, None]  # (h, W, 1)
            band = np.where(share == 0, picture[rows], (1 - share) * picture[rows] + share * band)
        out[rows] = band
    return out


def _size(pixels: Pixels) -> str:
    return f"{pixels.shape[1]} × {pixels.shape[0]}"


def _look_up(table: Mapping[str, T], option: str, name: str) -> T:
    try:
        return table[name]
    except KeyError:
        raise SettingError(option, f"choose from {', '.join(table)}", name) from None
