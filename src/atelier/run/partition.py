"""A photo's regions, to see and to correct by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from atelier.errors import SettingError
from atelier.image import Image, resize
from atelier.image.foreground import object_and_background
from atelier.image.maps import write_map
from atelier.image.preview import draw_preview
from atelier.image.regions import Regions
from atelier.image.segment import check_word
from atelier.media import check_target, write_still
from atelier.progress import Report, silent
from atelier.request import Outputs
from atelier.run.maps import find_regions, is_word
from atelier.run.resolver import LOCAL, Map, Resolver
from atelier.run.targets import beforehand, check_outputs


def make_regions(
    photo: str, how: str = "auto", out: str | None = None, shown: str | None = None, *, box: str = "", scribbles: str = "",
    overwrite: bool = True, seed: int = 0, resolver: Resolver = LOCAL, report: Report = silent,
) -> Regions:  # fmt: skip
    """The regions of a photo, by a word or of a map, written as a map (out) and as a picture to look at (shown).

    box, scribbles: where the object is, "left,top,right,bottom" in px, and a picture that is white on it and black on the background.

    Raises AtelierError.
    """
    targets = [target for target in (out, shown) if target]
    with beforehand():
        for target in targets:
            check_target(target)
    if out and Path(out).suffix.lower() not in (".png", ".tif", ".tiff"):
        raise SettingError("picture", "a map is a .png or a .tiff, which keep its colours exactly", out)
    read = [photo, *([] if is_word(how) else [how]), *([scribbles] if scribbles else [])]
    check_how(how, bool(box or scribbles))
    corners = _corners(box) if box else None
    for target in targets:
        check_outputs(Outputs(target, overwrite=overwrite), read)
    picture = resolver.picture(photo, report)
    opened = how if is_word(how) else resolver.map(how, report)
    marks = resolver.picture(scribbles, report) if scribbles else None
    found = regions_of(picture, opened, f"the map {how}", box=corners, scribbles=marks, seed=seed, report=report)
    if out:
        write_still(write_map(found), out, overwrite=overwrite)
    if shown:
        write_still(draw_preview(picture, found), shown, overwrite=overwrite)
    return found


def check_how(how: object, marked: bool = False) -> None:
    """Raise SettingError for a word that says nothing of how regions are made; a map is none. told: whether it is said where the object
    is."""
    if marked and not (isinstance(how, str) and how == "auto"):
        raise SettingError("box", "`box` and `scribbles` say where the object of `regions=auto` is: leave one of them out")
    if isinstance(how, str) and how and is_word(how):
        check_word(how)


def regions_of(
    picture: Image, how: Map | str, called: str, *, box: tuple[int, int, int, int] | None = None, scribbles: Image | None = None,
    seed: int = 0, report: Report = silent,
) -> Regions:  # fmt: skip
    """The regions of a photo, opened, as `find_regions` has them; or its object, where it is said where that is. See `make_regions`."""
    if box is None and scribbles is None:
        return find_regions(how, picture, called, seed=seed, report=report)
    return object_and_background(picture, box=box, scribbles=None if scribbles is None else _marks(scribbles, picture), seed=seed)


def _corners(text: str) -> tuple[int, int, int, int]:
    try:
        left, top, right, bottom = (int(part) for part in text.split(","))
    except ValueError:
        raise SettingError("box", "write LEFT,TOP,RIGHT,BOTTOM in px of the photo, as in 40,30,300,280", text) from None
    return left, top, right, bottom


def _marks(scribbles: Image, photo: Image) -> NDArray[np.int8]:
    """(H, W): 1 where scribbles are white, -1 where they are black, 0 where they are transparent or neither."""
    drawn = resize(scribbles, photo.size)
    opaque = np.ones(photo.shape, np.bool_) if drawn.alpha is None else drawn.alpha > 0.5
    light, dark = drawn.pixels.min(2) > 0.9, drawn.pixels.max(2) < 0.1
    return np.where(opaque & light, 1, np.where(opaque & dark, -1, 0)).astype(np.int8)
