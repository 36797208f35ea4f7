"""What goes wrong is carried whole: to another process, and to a face that spells options its own way."""

from __future__ import annotations

import ast
import importlib
import inspect
import pickle
import pkgutil
import re
from pathlib import Path

import pytest

import atelier
from atelier.cli.base import explained
from atelier.errors import AtelierError, SettingError

for found in pkgutil.walk_packages(atelier.__path__, "atelier."):
    if found.name.startswith(("atelier.media", "atelier.image", "atelier.perception")):
        importlib.import_module(found.name)


def every(kind: type[AtelierError]) -> list[type[AtelierError]]:
    return [kind, *(each for child in kind.__subclasses__() for each in every(child))]


@pytest.mark.parametrize("kind", every(AtelierError), ids=lambda kind: kind.__name__)
def test_every_error_survives_pickling(kind: type[AtelierError]) -> None:
    given = [each for each in inspect.signature(kind.__init__).parameters.values() if each.default is each.empty]
    error = kind(*["a word on what to do"] * max(1, sum(each.kind is each.POSITIONAL_OR_KEYWORD for each in given) - 1))
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is kind and str(again) == str(error) and again.exit_code == error.exit_code


def test_a_setting_error_names_its_option_apart_from_the_reason() -> None:
    error = pickle.loads(pickle.dumps(SettingError("style_weight", "must be at least 0", -1.0)))
    assert (error.option, error.reason, error.value) == ("style_weight", "must be at least 0", "-1")
    assert str(error) == "style_weight -1: must be at least 0"
    assert explained(error) == ("--style-weight -1: must be at least 0", 2)


def test_the_command_line_spells_options_its_own_way() -> None:
    told = SettingError("recipe", "`recipe` is for `engine=optimize`, see `atelier recipes`; leave out `masks`")
    assert explained(told) == ("--recipe is for --engine optimize, see `atelier recipes`; leave out --mask", 2)


def test_every_setting_error_names_its_option_as_data() -> None:
    for path in sorted(Path(atelier.__file__).parent.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("SettingError"):
                where = f"{path}:{node.lineno}"
                assert len(node.args) >= 2, f"{where}: SettingError(option, reason)"
                option = node.args[0]
                if isinstance(option, ast.Constant):
                    assert isinstance(option.value, str) and re.fullmatch("[a-z0-9_]*", option.value), f"{where}: an option's name"
