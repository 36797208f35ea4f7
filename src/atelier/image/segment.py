"""Regions made automatically: an object before its background, a picture in so many segments, and whatever is plugged in.

Everything is decided at some hundred pixels a side, where it takes a second or so, and brought to full size along the photo's own
edges. `segment` is the door for words ("auto", "auto:5", a plug-in's name); `foreground` and `segments` are for callers with more
to say. Plug-ins are entry points of the group "atelier.segmenters": a callable as `Segmenter` describes it.

Colours alone do not tell a cat from a carpet. So callers may hand in what a network saw in the photo (`features`, layers of it
from shallow to deep); how it was made is not known here.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Protocol, cast

from atelier.errors import AtelierError, SettingError
from atelier.image.foreground import object_and_background
from atelier.image.regions import Regions
from atelier.image.segments import check_count, segments
from atelier.image.superpixels import Features
from atelier.image.value import Image

GROUP = "atelier.segmenters"
"""The group of entry points that segmenters are found under."""


class Segmenter(Protocol):
    """What a plug-in is: called with a photo, it gives regions of the photo's size. seed: of what it draws by chance."""

    def __call__(self, photo: Image, *, seed: int = 0) -> Regions: ...


def segmenters() -> Mapping[str, EntryPoint]:
    """Name -> entry point of all that is plugged in; nothing is loaded. Of two of one name the first counts."""
    found: dict[str, EntryPoint] = {}
    for point in entry_points(group=GROUP):
        found.setdefault(point.name, point)
    return found


def segment(photo: Image, how: str = "auto", *, features: Features = (), seed: int = 0) -> Regions:
    """Find the photo's regions by a word: "auto" (object and background), "auto:N" (N segments), or a plug-in's name.

    features: what a network saw in the photo; "auto" and "auto:N" are much better with them. Raises SettingError for a word that
    is none of these, for a plug-in that cannot be loaded, fails or answers with something else, and as the functions behind the
    words do; MissingExtra for "auto" without `atelier[regions]`.
    """
    check_word(how)
    name, colon, argument = how.strip().partition(":")
    if name == "auto" and not colon:
        return object_and_background(photo, features=features, seed=seed)
    if name == "auto":
        return segments(photo, int(argument), features=features, seed=seed)
    return _ask_plugin(photo, how.strip(), seed)


def check_word(how: str) -> None:
    """Raise SettingError for a word that `segment` does not take, whatever the photo."""
    name, colon, argument = how.strip().partition(":")
    if name == "auto":
        if colon and not (argument.isascii() and argument.isdigit()):
            raise SettingError("regions", "write auto, or auto:5 for five segments", how)
        if colon:
            check_count(int(argument))
    elif how.strip() not in (known := segmenters()):
        choices = ", ".join(["auto", "auto:N", *sorted(known)])
        raise SettingError(
            "regions",
            f"there is no segmenter of that name: choose from {choices}, or give a map: there is no file of that name",
            how.strip(),
        )


def _ask_plugin(photo: Image, name: str, seed: int) -> Regions:
    known = segmenters()
    try:
        regions = cast(Segmenter, known[name].load())(photo, seed=seed)
    except AtelierError:
        raise
    except Exception as error:  # somebody else's code: anything may come
        reason = " ".join(str(error).split())[:160] or type(error).__name__
        raise SettingError("regions", f"the segmenter {name!r} ({known[name].value}) failed: {reason}; update it, or use auto") from error
    if not isinstance(regions, Regions) or regions.size != photo.size:
        answer = f"{regions.size} px" if isinstance(regions, Regions) else type(regions).__name__
        raise SettingError(
            "regions", f"the segmenter {name!r} must answer with Regions of {photo.size} px, and gave {answer}; use auto instead"
        )
    return regions
