"""Signatures of functions that take settings, out of the settings' declarations."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, TypeVar

from atelier.request import Option
from atelier.run.schema import settings_of

F = TypeVar("F", bound=Callable[..., Any])


def with_keywords(task: str) -> Callable[[F], F]:
    """Show a function's settings to `help()` and to editors that ask it: each as a keyword, in place of `**settings`."""

    def signed(function: F) -> F:
        own = [each for each in inspect.signature(function).parameters.values() if each.kind is not inspect.Parameter.VAR_KEYWORD]
        known = {each.name for each in own}
        settings = {each.name: each for each in settings_of(task)}
        more = [_parameter(each) for name, each in settings.items() if name not in known]
        function.__signature__ = inspect.Signature([*own, *more], return_annotation=inspect.signature(function).return_annotation)  # type: ignore[attr-defined]
        function.__doc__ = f"{inspect.cleandoc(function.__doc__ or '')}\n\nSettings:\n" + "\n".join(map(_line, settings.values()))
        return function

    return signed


def _parameter(each: Option) -> inspect.Parameter:
    """A keyword that need not be given: what it then is, the engine and the recipe say."""
    kind = f"{each.kind.__name__} | Mapping[str, float]" if each.layers else each.kind.__name__
    return inspect.Parameter(each.name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=kind)


def _line(each: Option) -> str:
    choices = f" [{'|'.join(each.choices)}]" if each.choices else ""
    return f"    {each.name}: {each.help}{choices}"
