"""Write docs/options.md and src/atelier/api/settings.py anew: every option of every task and of training, as it is declared.

python examples/options.py
"""

from __future__ import annotations

import dataclasses
import re
import textwrap
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from atelier.api import exploring, painting
from atelier.request import Option, options
from atelier.run.schema import outputs_schema, schema, settings_of, style_schema
from atelier.training.settings import StyleSettings, TrainSettings

ROOT = Path(__file__).resolve().parents[1]
PAGE, KEYWORDS = ROOT / "docs/options.md", ROOT / "src/atelier/api/settings.py"
GROUPS = {
    "input": "What goes in", "style": "Which style", "look": "How it looks", "result": "What comes out", "run": "How the work is done",
}  # fmt: skip
SINGULAR = {"begin": "from", "end": "to", "masks": "mask"}
"""Options whose flag has another name: one given once for each value, and words that Python keeps for itself."""
INTRODUCTION = """# All options

Written by `python examples/options.py` from where they are declared. In Python they are keyword arguments, with `_` for
`-`. `atelier COMMAND --help` has the flags that are about files and the terminal alone.
"""


def main() -> None:
    PAGE.write_text(page(), encoding="utf-8")
    KEYWORDS.write_text(keywords(), encoding="utf-8")


def page() -> str:
    """The page, in Markdown."""
    shared = {
        each.name: each
        for each in schema("stylize")
        if each.name in names("stylize", "instant") & names("stylize", "optimize") - {"content"}
    }
    parts = [
        INTRODUCTION,
        section("stylize", "Options of both engines. Pages: [control](control.md), [photos and files](formats.md).", shared.values()),
        section("stylize with trained networks", "`--engine instant`. Page: [painting with trained networks](instant.md).",
                [each for each in schema("stylize", "instant") if each.name not in {*shared, "content"}]),
        section("stylize by optimisation", "`--engine optimize`. A recipe has defaults of its own. Page: [recipes](recipes.md).",
                [each for each in schema("stylize", "optimize") if each.name not in {*shared, "content"}]),
        section("A style", "`--style PAINTING=WEIGHT@REGION,size=2,rotate=90,strokes=coarse`. Page: [control](control.md#strokes).",
                style_schema(), flags=False),
        section("draw", "Page: [drawing](draw.md).", [each for each in schema("draw") if each.name not in {"content", "engine"}]),
        section("What is written", "Pages: [long runs](long-runs.md), [photos and files](formats.md).",
                [each for each in outputs_schema() if each.name not in {"picture", "also"}]),
        section("train style", "Page: [training](training.md#one-painting).", options(StyleSettings).values()),
        section("train network", "Page: [training](training.md#a-network-of-your-own).", options(TrainSettings).values()),
    ]  # fmt: skip
    return "\n".join(parts)


FUNCTIONS = {
    "stylize": painting.stylize, "texture": painting.texture, "reconstruct": painting.reconstruct, "draw": painting.draw,
    "explore": exploring.explore,
}  # fmt: skip
"""The Python functions that take settings as keywords."""


def keywords() -> str:
    """The settings that each function takes, as typed dictionaries: what editors and type checkers go by."""
    parts = [
        '"""The settings that functions take as keywords, for editors and type checkers.\n\n'
        'Written by `python examples/options.py` from where they are declared.\n"""\n\n'
        "from __future__ import annotations\n\nfrom collections.abc import Mapping\nfrom typing import Any, TypedDict\n"
    ]
    for name, function in FUNCTIONS.items():
        own = function.__code__.co_varnames[: function.__code__.co_argcount + function.__code__.co_kwonlyargcount]
        parts.append(f'\nclass {name.capitalize()}Settings(TypedDict, total=False):\n    """Of `{name}`."""\n')
        for each in settings_of({"explore": "stylize"}.get(name, name)):
            if each.name not in own:
                parts += [*(f"    # {line}" for line in textwrap.wrap(each.help, 130)), f"    {each.name}: {typed(each)}"]
        parts.append("")
    return "\n".join(parts)


def typed(option: Option) -> str:
    """The type of an option's values in Python."""
    if option.file in ("picture", "drawing"):
        return "Any"
    kind = f"{option.kind.__name__} | Mapping[str, float]" if option.layers else option.kind.__name__
    return f"{kind} | None" if option.none else kind


def names(task: str, engine: str) -> set[str]:
    return {each.name for each in schema(task, engine)}


def section(title: str, words: str, found: Iterable[Option], flags: bool = True) -> str:
    """A heading, a line and a table; where options are in several groups, those few need last in each."""
    rows = ["| option | default | may be | does |", "|---|---|---|---|"]
    ordered = sorted(found, key=lambda each: (list(GROUPS).index(each.group), each.advanced))
    several = len({each.group for each in ordered}) > 1
    group = ""
    for each in ordered:
        if several and each.group != group:
            group = each.group
            rows.append(f"| **{GROUPS[group]}** | | | |")
        cells = (flag(each) if flags else f"`{each.name}`", written(each.default), bounds(each), spell(each.help))
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return f"## {title}\n\n{words}\n\n" + "\n".join(rows) + "\n"


def spell(help: str) -> str:
    """Write the options that a help speaks of, as `style_weight`, as flags."""
    return re.sub(r"`([a-z_]+)`", lambda found: f"`--{found[1].replace('_', '-')}`", help)


def flag(option: Option) -> str:
    words = SINGULAR.get(option.name, option.name).replace("_", "-")
    return f"`--{words}`, `--no-{words}`" if option.default is True else f"`--{words}`"


def written(value: Any) -> str:
    """A default as one types it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None or value == () or value is dataclasses.MISSING:
        return ""
    if isinstance(value, Mapping):
        return ",".join(layer if weight == 1 else f"{layer}={weight:g}" for layer, weight in value.items())
    return f"{value:,.10g}" if isinstance(value, (int, float)) else str(value)


def bounds(option: Option) -> str:
    """What a value may be, with its unit."""
    unit = f" {option.unit}" if option.unit else ""
    if option.choices:
        return ", ".join(f"`{choice}`" for choice in option.choices if choice)
    if option.low is None:
        return option.unit
    return f"at least {option.low:g}{unit}" if option.high is None else f"{option.low:g} to {option.high:,.10g}{unit}"


if __name__ == "__main__":
    main()
