"""README and docs hold what they say: links lead somewhere, names and flags exist, commands parse."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import shlex
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

import atelier
from atelier.cli import COMMANDS
from atelier.cli.base import app, flag, spell
from atelier.request import Outputs, Request, options
from atelier.run.schema import schema

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "benchmarks/README.md")]
PAGES += sorted((ROOT / "docs").rglob("*.md")) + sorted((ROOT / "src/atelier/models").glob("*.md"))
FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.M | re.S)
OTHERS = ("docs/coming-from.md",)
"""Pages that speak of other programs' flags too; the third column of their tables has ours."""
PROGRAMS = (*sorted((ROOT / "benchmarks").glob("*.py")), ROOT / "src/atelier/training/pocket/__main__.py")
"""Programs of our own with flags of their own."""
FOREIGN = {"--nproc-per-node", "--fix"}
"""Of torchrun and ruff."""


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.fixture(scope="module")
def commands() -> dict[str, Any]:
    """Every command by its name, `train style` as well."""
    for module in COMMANDS:
        importlib.import_module(f"atelier.cli.{module}")
    return dict(walked(typer.main.get_command(app)))


def walked(group: Any, before: str = "") -> Iterator[tuple[str, Any]]:
    for name, each in group.commands.items():
        if hasattr(each, "commands"):
            yield from walked(each, f"{before}{name} ")
        else:
            yield f"{before}{name}", each


# Links ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_links_lead_somewhere(page: Path) -> None:
    if page.name == "README.md" and page.parent == ROOT / "docs/gallery":
        pytest.skip("written by examples/gallery.py")
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.exists(), f"{target} is not there"
        if anchor:
            assert anchor in anchors(there), f"{target}: no such heading"


def anchors(page: Path) -> set[str]:
    """What GitHub calls the headings of a page."""
    titles = re.findall(r"^#+ (.+)$", FENCE.sub("", page.read_text(encoding="utf-8")), re.M)
    return {re.sub(r"[^\w\- ]", "", title.replace("`", "").lower()).replace(" ", "-") for title in titles}


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 120


# Python ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_python_names_exist(page: Path) -> None:
    """Blocks of Python compile, and what they import of atelier is there."""
    for language, block in FENCE.findall(page.read_text(encoding="utf-8")):
        if language != "python":
            continue
        tree = ast.parse(textwrap.dedent(block))
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("atelier."):
                module = importlib.import_module(str(node.module))
                assert all(hasattr(module, each.name) for each in node.names), ast.unparse(node)
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "atelier":
                assert hasattr(atelier, node.attr), ast.unparse(node)


# Commands -------------------------------------------------------------------------------------------------------------


def examples() -> list[tuple[str, str]]:
    """(page, command) of every `atelier ...` in a block of shell."""
    found = []
    for page in PAGES:
        for language, block in FENCE.findall(page.read_text(encoding="utf-8")):
            if language in ("", "sh", "bash"):
                lines = block.replace("\\\n", " ").splitlines()
                found += [(named(page), line.strip()) for line in lines if re.search(r"(^|\| |-m )atelier ", line.strip())]
    return found


@pytest.mark.parametrize(("page", "line"), examples())
def test_commands_parse(page: str, line: str, commands: dict[str, Any]) -> None:
    words = shlex.split(re.sub(r"\s#.*$", "", line))
    words = words[words.index("atelier") + 1 :]
    for stop in ("|", ">", "..."):
        words = words[: words.index(stop)] if stop in words else words
    name = " ".join(words[:2]) if " ".join(words[:2]) in commands else words[0]
    command = commands[name]
    assert not hidden(command) & set(words), f"{page}: {line}: a former name"
    command.make_context(name, words[len(name.split()) :], resilient_parsing=False)


EARLIER = ROOT / "tests/data/earlier/commands.txt"
"""Commands that README and docs had at earlier versions, one a line."""


@pytest.mark.parametrize("line", EARLIER.read_text(encoding="utf-8").splitlines())
def test_commands_of_earlier_versions_parse(line: str, commands: dict[str, Any]) -> None:
    words = shlex.split(line.split(" > ")[0])[1:]
    name = next(each for each in (" ".join(words[:2]), words[0]) if each in commands)
    commands[name].make_context(name, words[len(name.split()) :], resilient_parsing=False)


def hidden(command: Any) -> set[str]:
    """Flags that are understood and not shown."""
    return {flag for each in command.params if getattr(each, "hidden", False) for flag in each.opts}


def test_flags_exist(commands: dict[str, Any]) -> None:
    known = {"--help", "--version"} | FOREIGN
    for program in PROGRAMS:
        known |= set(re.findall(r'"(--[\w-]+)"', program.read_text(encoding="utf-8")))
    for command in commands.values():
        known |= {flag for each in command.params for flag in (*each.opts, *each.secondary_opts)} - hidden(command)
    missing = {named(page): unknown for page in PAGES if (unknown := sorted(flags(page) - known))}
    for command in commands.values():
        missing["CHANGELOG.md"] = sorted({*missing.get("CHANGELOG.md", ())} - hidden(command))  # it tells of former names
    assert {page: unknown for page, unknown in missing.items() if unknown} == {}


def flags(page: Path) -> set[str]:
    """The flags of ours that a page's prose and tables speak of."""
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    if named(page) in OTHERS:
        rows = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("| ")]
        text = "\n".join(cells[2] for cells in rows if len(cells) > 2)
    spans = re.findall(r"`([^`\n]+)`", text)
    return {flag for span in spans for flag in re.findall(r"(?<![\w-])--[a-z][\w-]*", span)}


def test_the_page_of_options_is_that_of_the_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "examples"))
    page = importlib.import_module("options").page()
    assert (ROOT / "docs/options.md").read_text(encoding="utf-8") == page, "run: python examples/options.py"


def test_the_keywords_that_editors_know_are_those_of_the_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "examples"))
    keywords = importlib.import_module("options").keywords()
    written = (ROOT / "src/atelier/api/settings.py").read_text(encoding="utf-8")
    assert written == keywords, "run: python examples/options.py"


FILM = {"begin", "end", "fps", "temporal", "panorama", "what", "texture_size", "views", "light", "relief"}
"""What is for films, panoramas and meshes, which these functions need not take."""
NOT_IN_PYTHON = {
    "stylize": set(), "texture": {"engine"}, "reconstruct": {"engine"},  # which one engine does
    "draw": {"engine", "size"},  # a drawing has any size
    "explore": {"keep_flat", "effort", "at_most"},
}  # fmt: skip


@pytest.mark.parametrize("task", NOT_IN_PYTHON)
def test_every_option_of_the_schema_is_a_keyword_in_python(task: str) -> None:
    asked = {each.name for each in schema({"explore": "stylize"}.get(task, task))}
    there = set(inspect.signature(getattr(atelier, task)).parameters)
    assert {"photo" if each == "content" else each for each in asked} - there <= NOT_IN_PYTHON[task] | FILM


@pytest.mark.parametrize("task", ["stylize", "texture", "reconstruct", "draw", "redraw"])
def test_help_of_flags_is_that_of_the_declaration(task: str, commands: dict[str, Any]) -> None:
    told = {flag(name): spell(each.help) for kind in (Request, Outputs) for name, each in options(kind).items()}
    for parameter in commands[task].params:
        for written in {*parameter.opts} & set(told) - ({"--out"} if "draw" in task else set()):  # takes vector formats too
            assert parameter.help.startswith(told[written]), f"{task} {written}: take the help from where it is declared"
