"""What Python callers give, as requests have it: pictures under names, paintings as styles."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as Pillow

from atelier import run
from atelier.errors import SettingError, SourceError
from atelier.image import Image, Limits
from atelier.request import Style
from atelier.run.values import as_mask

Picture = Image | np.ndarray[Any, Any] | Pillow.Image | str | Path
"""An Image, an array (see Image.from_array), a picture of Pillow's, a path, or an http(s) URL."""
Painting = Picture | Style | tuple[Picture, float | Mapping[str, Any]]
"""A picture to learn from, perhaps with its weight, or with more of what a `Style` says."""


def values_for(limits: Any, report: Any, session: Any = None) -> run.Values:
    """The resolver of one call. Raises SettingError for limits, reports and sessions that are none."""
    if session is not None and not isinstance(session, run.Session):
        raise SettingError("session", f"must be an atelier.run.Session, not {session!r}")
    if not callable(report):
        raise SettingError("report", f"must be a function of a Progress, not {report!r}")
    if not isinstance(limits, Limits):
        raise SettingError("limits", f"must be atelier.image.Limits, not {limits!r}")
    return run.Values(limits)


def name_picture(values: run.Values, picture: Any) -> str:
    """The name of a picture that must be there. Raises SourceError."""
    if name := values.name(picture):
        return name
    raise SourceError(f"a picture is an Image, an array, a path or a URL, not {picture!r}")


def name_styles(values: run.Values, given: Any) -> tuple[Style, ...]:
    """Styles under names."""
    return tuple(dataclasses.replace(style, source=name_picture(values, picture)) for picture, style in read_styles(given))


def name_places(values: run.Values, regions: Any, masks: Any, style_regions: Any, blend: Any) -> dict[str, Any]:
    """What says which style goes where, as fields of a request."""
    return {
        "regions": values.name(regions),
        "masks": tuple(values.name(as_mask(mask)) for mask in as_list(masks)),
        "style_regions": tuple(values.name(each) for each in as_list(style_regions)),
        "blend": values.name(blend),
    }


def name_start(values: run.Values, start: Any) -> dict[str, Any]:
    """A start that is given, as a setting."""
    return {} if start is None or (isinstance(start, str) and not start) else {"start": values.name(start)}


def as_list(given: Any) -> list[Any]:
    """One or several, as a list."""
    return list(given) if isinstance(given, (list, tuple)) else [given]


def nothing(given: Any) -> bool:
    """Whether styles were left out."""
    return isinstance(given, tuple) and not given


def read_styles(given: Any) -> list[tuple[Any, Style]]:
    """One painting, several, or those of each region: each with how it is painted. Raises SettingError."""
    if isinstance(given, Mapping):
        found = []
        for region, styles in given.items():
            for picture, style in read_styles(styles):
                if style.region:
                    raise SettingError(
                        "styles", f"the style {style.source} of the region {region} names {style.region} itself: leave one out"
                    )
                found.append((picture, dataclasses.replace(style, region=str(region))))
        if not found:
            raise SettingError("styles", "give at least one painting")
        return found
    single = not isinstance(given, (list, tuple)) or (len(given) == 2 and (_is_number(given[1]) or isinstance(given[1], Mapping)))
    each = [given] if single else list(given)
    if not each:
        raise SettingError("styles", "give at least one painting")
    return [_styled(one) for one in each]


def _styled(given: Any) -> tuple[Any, Style]:
    if isinstance(given, Style):
        return given.source, given
    picture, how = given if isinstance(given, tuple) and len(given) == 2 else (given, 1.0)
    weighed = isinstance(how, Mapping) or (_is_number(how) and 0 <= how < math.inf)
    if not weighed or (isinstance(given, tuple) and len(given) != 2):
        raise SettingError(
            "styles", f"a painting's weight must be a finite number of at least 0, as in [(a, 0.7), (b, 0.3)], not {given[1:]!r}"
        )
    details: dict[str, Any] = dict(how) if isinstance(how, Mapping) else {"weight": float(how)}
    if unknown := sorted(set(details) - {each.name for each in dataclasses.fields(Style)} | ({"source"} & set(details))):
        raise SettingError("styles", f"a style has no {unknown[0]!r}: it has weight, region, size, rotate and strokes")
    return picture, Style(path_of(picture) or "given", **details)


def path_of(picture: Any) -> str:
    """Where a picture is, if that is what was given; standard input is nowhere the next time."""
    return str(picture) if isinstance(picture, (str, Path)) and str(picture) != "-" else ""


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
