"""The line that makes a picture again, and styles as a line has them."""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Mapping
from typing import Any

from atelier.engines.table import choose
from atelier.request import Request, Style

PLAIN = Style("")


def spell_command(request: Request, out: str) -> str:
    """Write the line that makes the picture of a request to stylize or to draw, quoted for a shell, without secrets of URLs."""
    request = request.without_secrets()
    words = ["atelier", request.task, _as_argument(str(request.content))]
    for style in request.styles:
        words += ["--style", spell_style(style, alone=len(request.styles) == 1)]
    if request.task == "stylize":
        words += ["--engine", choose(request).name]
    default = {each.name: each.default for each in dataclasses.fields(Request)}
    for name in ("recipe", "size", "seed", "device", "regions", "feather", "blend"):
        if (value := getattr(request, name)) != default[name]:
            words += [f"--{name}", _spell(value)]
    words += ["--keep-flat"] if request.keep_flat else []
    for flag, maps in (("--mask", request.masks), ("--style-regions", request.style_regions)):
        for name in maps:
            words += [flag, name]
    for name, value in request.settings.items():
        flag = f"--{name.replace('_', '-')}"
        if isinstance(value, bool):
            words.append(flag if value else f"--no-{flag[2:]}")
        elif isinstance(value, Mapping):
            words += [flag, ",".join(f"{layer}={_spell(weight)}" for layer, weight in value.items())]
        else:
            words += [flag, _spell(value)]
    return shlex.join([*words, "--out", _as_argument(out)])


def spell_style(style: Style, alone: bool = False) -> str:
    """Write a style as `--style` takes it. alone: it is the only one, so a weight of 1 is left out."""
    how = [f"{name}={_spell(value)}" for name in ("size", "rotate", "strokes") if (value := getattr(style, name)) != getattr(PLAIN, name)]
    weight = f"={_spell(style.weight)}" if style.weight != 1 or not alone else ""
    words = f"{style.source}{weight}{f'@{style.region}' if style.region else ''}"
    return ",".join([words, *how])


def _as_argument(name: str) -> str:
    """Write a name so that no command takes it for an option."""
    return f"./{name}" if name.startswith("-") else name


def _spell(value: Any) -> str:
    return repr(float(value)).removesuffix(".0") if isinstance(value, float) else str(value)
