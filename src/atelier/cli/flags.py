"""Flags out of settings: one for every option that is declared, and hidden ones for the names it had before."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

import typer

from atelier.cli.base import flag, spell
from atelier.request import InstantSettings, Option, Settings, options

ENGINES: Mapping[type[Any], str] = {Settings: "--engine optimize", InstantSettings: "--engine instant"}
"""Whose settings they are, where a command has those of several engines."""


def with_settings(command: Callable[..., None], kinds: Sequence[type[Any]] = (Settings,)) -> Callable[..., None]:
    """Give a command a flag for every option of its settings; those that are used arrive as `settings`, a dict.

    kinds: of which an option that several have is declared once.
    """
    declared: dict[str, tuple[Option, type[Any]]] = {}
    for kind in kinds:
        declared = {**{name: (each, kind) for name, each in options(kind).items()}, **declared}
    former = {name: each.name for each, _ in declared.values() for name in each.former}

    def wrapped(**given: Any) -> None:
        typed = {name: given.pop(f"setting_{name}") for name in (*former, *declared)}
        used = [(declared[former.get(name, name)][0], name, value) for name, value in typed.items() if value is not None]
        command(**given, settings={each.name: each.under(name, value) for each, name, value in used})

    own = [each for each in inspect.signature(command, eval_str=True).parameters.values() if each.name != "settings"]
    flags = [_parameter(each, _engine(name, kind, kinds)) for name, (each, kind) in declared.items()]
    flags += [_hidden(name, declared[current][0]) for name, current in former.items()]
    parameters = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in own] + flags
    wrapped.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    wrapped.__annotations__ = {each.name: each.annotation for each in parameters}
    wrapped.__doc__, wrapped.__name__ = command.__doc__, command.__name__
    return wrapped


def _engine(name: str, kind: type[Any], kinds: Sequence[type[Any]]) -> str:
    """Which engine alone has a setting, of those that a command has; "" where all do, or there is but one."""
    return "" if len(kinds) == 1 or all(name in options(each) for each in kinds) else ENGINES.get(kind, "")


def _parameter(each: Option, engine: str) -> inspect.Parameter:
    """The flag of an option. The recipe says what the optimiser's settings are where they are not given."""
    name = flag(each.name)
    default = "" if each.name in options(Settings) and each is options(Settings)[each.name] else _default(name, each.default)
    bounds = "; ".join(filter(None, (default, _values(each))))
    names = [f"{name}/--no-{name[2:]}"] if each.kind is bool else [name]
    words = spell(each.help) + (f" [{bounds}]" if bounds else "") + (f" ({engine})" if engine and not each.advanced else "")
    panel = f"More for {engine or 'experts'}" if each.advanced else each.group.capitalize()
    option = typer.Option(*names, help=words, rich_help_panel=panel, show_default=False)
    return _keyword(f"setting_{each.name}", each.kind, option)


def _hidden(name: str, each: Option) -> inspect.Parameter:
    """The flag of a former name, which no help shows."""
    return _keyword(f"setting_{name}", each.kind, typer.Option(flag(name), hidden=True))


def _keyword(name: str, kind: type[Any], option: Any) -> inspect.Parameter:
    annotation: Any = Annotated[kind | None, option]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)


def _default(name: str, value: Any) -> str:
    """A setting's default in words; empty where it is empty, and where help says it."""
    if isinstance(value, bool):
        return f"default: {name if value else '--no-' + name[2:]}"
    if isinstance(value, (int, float)):
        return f"default: {value:,.10g}"
    return f"default: {value}" if isinstance(value, str) and value else ""


def _values(field: Option) -> str:
    """What a setting may be, in words."""
    low, high = field.low, field.high
    if field.choices:
        return "|".join(field.choices)
    if low is None or high is None:
        return "" if low is None else f"at least {low:,.10g}"
    return f"from {low:,.10g} to {high:,.10g}"
