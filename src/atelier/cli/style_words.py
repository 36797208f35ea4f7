"""Styles as they are typed: STYLE=WEIGHT@REGION,size=2."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from atelier.errors import SettingError
from atelier.request import Style


def parse_style(text: str) -> Style:
    """`painting.jpg[=0.3 or =30%][@sky][,size=2][,rotate=90][,strokes=coarse]`; a path that exists is a path, whatever is in its name."""
    said, how = text, dict[str, Any]()
    while not _whole(text) and (found := _OPTION.fullmatch(text)):
        text, key, value = found[1] + (found[4] or ""), found[2], found[3].strip()
        if key in how:
            raise SettingError("style", f"{key} is given twice", said)
        how[key] = value if key == "strokes" else _number(value, f"{key}={value} must be a number", said)
    if not exists(text):
        text, region = _with_region(text)
        region, weight = _with_weight(region)
        how |= ({"region": region} if region else {}) | ({} if weight is None else {"weight": weight})
    if not exists(text):
        text, weight = _with_weight(text)
        if weight is not None and "weight" in how:
            raise SettingError("style", "the weight is given twice", said)
        how |= {} if weight is None else {"weight": weight}
    stray = re.search(r",\s*([a-z]+)\s*=[^,=@/]*$", said)
    if stray and stray[1] not in how and "://" not in said and (not exists(text) or "," in how.get("region", "")):
        raise SettingError("style", f"a style has no {stray[1]}; it has size, rotate and strokes", said)
    return Style(text, **how)


_OPTION = re.compile(r"(.+),\s*(size|rotate|strokes)\s*=\s*([^,@]*)(@[^,]*)?", re.DOTALL)


def _whole(text: str) -> bool:
    """Whether all of it is a path that exists, or all but a region behind."""
    source, at, region = text.rpartition("@")
    return exists(text) or (bool(at and source) and not _OPTION.fullmatch(f"@{region}") and exists(source))


def _with_region(text: str) -> tuple[str, str]:
    """`painting.jpg@sky` in two; a URL may have @ in it, and so may a file's name."""
    source, at, region = text.rpartition("@")
    if not at or not source or not region:
        return text, ""
    if "://" in text and (re.search(r"[/?&.:]", region) or source.endswith("://") or "/" not in source.partition("://")[2]):
        return text, ""
    misspelt = re.search(r"\.(png|jpe?g|webp|tiff?|avif|heic|bmp|gif)(=[\d.]+%?)?$", region, re.IGNORECASE)
    return (text, "") if misspelt and not exists(source) else (source, region)


def _with_weight(text: str) -> tuple[str, float | None]:
    """`painting.jpg=0.3` in two."""
    source, equals, weight = text.rpartition("=")
    if not equals or not source or "://" in weight:
        return text, None
    if "://" in text and "?" in text and "=" not in re.split("[?&]", source)[-1]:
        return text, None  # the last of a query's own
    share = weight.strip().removesuffix("%")
    try:
        return source, float(share) / (100 if share != weight.strip() else 1)
    except ValueError:
        return text, None


def _number(text: str, otherwise: str, said: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise SettingError("style", otherwise, said) from None


def exists(name: str) -> bool:
    try:
        return Path(name).exists()
    except (OSError, ValueError):  # no name of a file
        return False
