"""Write docs/options.md anew: every setting of every engine and of training, as it is declared.

python examples/options.py
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from atelier.request import DrawSettings, InstantSettings, Option, Settings, options
from atelier.training.settings import StyleSettings, TrainSettings

PAGE = Path(__file__).resolve().parents[1] / "docs" / "options.md"
TABLES: dict[str, tuple[str, type[Any]]] = {
    "stylize with trained networks": (
        "`atelier stylize --engine instant`. More: [painting with trained networks](instant.md).",
        InstantSettings,
    ),
    "stylize by optimisation": (
        "`atelier stylize --engine optimize`. A recipe has defaults of its own. More: [recipes](recipes.md).",
        Settings,
    ),
    "draw": ("`atelier draw`. More: [drawing](draw.md).", DrawSettings),
    "train style": ("More: [training](training.md#one-painting).", StyleSettings),
    "train network": ("More: [training](training.md#a-network-of-your-own).", TrainSettings),
}
INTRODUCTION = """# All settings

Written by `python examples/options.py` from where they are declared. In Python they are keyword arguments, with `_` for `-`. Options about
files, sizes and hardware are in `atelier COMMAND --help`.
"""


def main() -> None:
    PAGE.write_text(page(), encoding="utf-8")


def page() -> str:
    """The page, in Markdown."""
    parts = [INTRODUCTION]
    for title, (words, kind) in TABLES.items():
        parts.append(f"## {title}\n\n{words}\n\n" + table(kind) + "\n")
    return "\n".join(parts)


def table(kind: type[Any]) -> str:
    """The options of a dataclass of settings, a row each."""
    rows = ["| option | default | may be | does |", "|---|---|---|---|"]
    for name, each in options(kind).items():
        cells = (
            flag(name, each.kind),
            written(each.default),
            bounds(each),
            re.sub(r"`([a-z_]+)`", lambda found: flag(found[1], str).strip("`"), each.help),
        )
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(rows)


def flag(name: str, type_: type[Any]) -> str:
    words = name.replace("_", "-")
    return f"`--{words}`, `--no-{words}`" if type_ is bool else f"`--{words}`"


def written(value: Any) -> str:
    """A default as one types it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return ",".join(layer if weight == 1 else f"{layer}={weight:g}" for layer, weight in value.items())
    return f"{value:,.10g}" if isinstance(value, (int, float)) else value


def bounds(each: Option) -> str:
    low, high = each.low, each.high
    if each.choices:
        return ", ".join(f"`{choice}`" for choice in each.choices)
    if low is None:
        return ""
    return f"at least {low:g}" if high is None else f"{low:g} to {high:,.10g}"


if __name__ == "__main__":
    main()
