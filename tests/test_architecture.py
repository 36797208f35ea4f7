"""The rooms of the house, and which may know of which: imports point down only (docs/architecture.md)."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import atelier

SOURCE = Path(atelier.__file__).parent
FACES = ("cli", "api", "studio", "service", "client", "live")
LEARNED = ("atelier.representations.networks", "atelier.representations.learned")  # which hold shapes, trained where they are compared
SIGHT = ("atelier.perception.network", "atelier.perception.bands", "atelier.perception.convolution", "atelier.perception.trace")
TOLD = ("request", "progress", "errors")  # anyone may know these
BELOW = ("perception", "losses", "solid", "image")
WITHIN = ("batch", "run", "engines", "media", "plot", "judging", "representations", "bench", "training", "viewer", "web")
MAY: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(FACES, (*WITHIN, *BELOW, *TOLD)),
    "cli": (*WITHIN, "service", "cluster", "studio", "live", *BELOW, *TOLD),  # which it starts
    "service": (*WITHIN, "cluster", *BELOW, *TOLD),
    "cluster": ("batch", "run", "image", *TOLD),
    "batch": ("run", "media", "image", *TOLD),
    "run": ("engines", "media", "judging", "plot", "training", "viewer", *BELOW, *TOLD),  # training fits styles before painting
    "engines": ("media", *BELOW, *TOLD),  # what was measured is kept in a file that is written whole
    "media": ("solid", "image", *TOLD),
    "plot": ("media", "image", *TOLD),
    "judging": ("media", *BELOW, *TOLD),
    "representations": (*BELOW, *TOLD),
    "web": ("engines", "media", "viewer", *TOLD),  # the page's files: networks that ship, and what runs them
    "bench": ("run", "engines", "media", *BELOW, *TOLD),
    "training": ("engines", "media", *BELOW, *TOLD),
    **dict.fromkeys(BELOW, TOLD),
    "solid": ("image", *TOLD),
    "perception": ("media", "image", *TOLD),  # its weights come by the house's one download
    **dict.fromkeys(TOLD, ("errors",)),
    "errors": (),
    "viewer": (),
    "": ("api", "image", *TOLD),  # atelier/__init__.py: the public names
    "__main__": ("cli",),
}
FILES = sorted(SOURCE.rglob("*.py"))


def room(module: str) -> str:
    """`engines` for `atelier.engines.optimize.solver`, "" for `atelier` itself."""
    return ([*module.split("."), ""])[1]


def module_of(path: Path) -> str:
    parts = path.relative_to(SOURCE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path: Path) -> Iterator[str]:
    """Every module of atelier that a file imports, wherever in it, but for types alone."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for_types = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if id(node) in for_types:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] == "atelier")
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are written in full"
            if node.module == "atelier":
                yield from (f"atelier.{alias.name}" for alias in node.names)
            elif node.module and node.module.startswith("atelier."):
                yield node.module


@pytest.mark.parametrize("path", FILES, ids=[str(path.relative_to(SOURCE)) for path in FILES])
def test_imports_point_down(path: Path) -> None:
    here = room(module_of(path))
    assert here in MAY, f"a new room {here!r}: say in this test what it may know"
    for module in imports(path):
        there = room(module)
        # `import atelier` is for its version, and a room knows itself
        assert there in ("", here, *MAY[here]), f"{here or 'atelier'} must not know {there} ({module})"


def test_every_room_there_is_has_been_looked_at() -> None:
    assert {room(module_of(path)) for path in FILES} >= {
        "cli",
        "api",
        "run",
        "engines",
        "media",
        "image",
        "perception",
        "losses",
        "request",
    }


def test_every_room_is_on_the_architecture_page() -> None:
    text = (SOURCE.parents[1] / "docs/architecture.md").read_text(encoding="utf-8")
    rooms = {room(module_of(path)) for path in FILES} - {"", "__main__"}
    missing = [each for each in rooms if f"`{each}/" not in text and f"`{each}.py`" not in text]
    assert not missing, f"say in docs/architecture.md what {missing[0]} holds"


def test_the_reader_of_imports_reads_them(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(
        "import atelier.run, os\nfrom atelier import media\nfrom atelier.image import Image\n"
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import atelier.cli\ndef f():\n    from atelier.engines.x import y\n"
    )
    assert set(imports(tmp_path / "a.py")) == {"atelier.run", "atelier.media", "atelier.image", "atelier.engines.x"}


def test_faces_know_no_engine_but_the_recipes_names() -> None:
    for face in FACES:
        for path in [SOURCE / f"{face}.py", *(SOURCE / face).rglob("*.py")]:
            if path.exists():
                engines = [module for module in imports(path) if room(module) == "engines"]
                assert set(engines) <= {"atelier.engines.optimize.recipes", "atelier.engines.network.catalogue"}, path


def test_torch_is_for_painting_and_training_alone() -> None:
    """So that the rest is light, and works without it."""
    for path in FILES:
        if module_of(path).startswith(("atelier.engines.optimize", "atelier.training", "atelier.losses", *SIGHT, *LEARNED)):
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        inside = {id(inner) for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) for inner in ast.walk(node)}
        for node in ast.walk(tree):
            names = (
                [a.name for a in node.names]
                if isinstance(node, ast.Import)
                else [node.module or ""]
                if isinstance(node, ast.ImportFrom)
                else []
            )
            if any(name.split(".")[0] == "torch" for name in names):
                assert id(node) in inside, f"{path} imports torch before it is needed"


def test_only_faces_speak() -> None:
    """No print and no sys.exit in the library. Training is a program of its own."""
    for path in FILES:
        if room(module_of(path)) in (*FACES, "training", "__main__"):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                assert ast.unparse(node.func) not in ("print", "exit", "sys.exit", "quit"), f"{path}:{node.lineno}"


ENGINE_NAMES = ("instant", "optimize", "primitives")


def strings(path: Path) -> Iterator[tuple[int, str]]:
    """Every text in a file that is no docstring, with its line."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    told = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in told:
            yield node.lineno, node.value


def test_engines_are_named_in_one_table() -> None:
    """Nothing outside the engines asks for one by its name."""
    for path in FILES:
        if room(module_of(path)) not in ("engines", "bench"):  # whose columns are called so
            for line, text in strings(path):
                assert text not in ENGINE_NAMES, f"{path}:{line} asks for the engine {text}: give EngineKind what it is about"


ENGINE_SETTINGS = {"Settings", "InstantSettings", "DrawSettings"}
OPENED = {"atelier.engines.network.catalogue", "atelier.engines.primitives.drawing", "atelier.engines.primitives.render",
          "atelier.engines.primitives.vector"}  # fmt: skip
"""Values that engines take and give, opened and written like pictures: styles by name, drawings."""


def test_nothing_outside_the_engines_asks_for_one_by_its_settings_or_modules() -> None:
    """What `run` and what is beside it need of one engine is in its row of the table."""
    rooms = {"run", "media", "image", "judging", "plot"}
    for path in FILES:
        if room(module_of(path)) not in rooms:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = {alias.name for alias in node.names} if isinstance(node, ast.ImportFrom) else set()
            assert not names & ENGINE_SETTINGS, f"{path}:{node.lineno} goes by the settings of one engine: give EngineKind what it is about"
            module = node.module or "" if isinstance(node, ast.ImportFrom) else ""
            inner = re.match(r"atelier\.engines\.(network|optimize|primitives)\.(\w+)", module)
            assert not inner or inner[0] in OPENED, f"{path}:{node.lineno} imports {module}: give EngineKind what it is about"


PROGRAMS = ("training/everything", "training/ship", "training/pocket", "bench", "run/explore/command")
"""What starts or writes commands has flags in them."""


def test_only_the_command_line_spells_flags() -> None:
    """Libraries write `style_weight`; the command line makes --style-weight of it."""
    for path in FILES:
        name = path.relative_to(SOURCE).with_suffix("").as_posix()
        if name.startswith(("cli/", *PROGRAMS)):
            continue
        for line, text in strings(path):
            flags = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", text)) - {"--upgrade", "--list", "--json"}
            assert not flags, f"{path}:{line} writes {flags.pop()}: options stand in backticks"


def circle(edges: dict[str, set[str]]) -> list[str]:
    """A circle in a graph, or nothing."""
    done: set[str] = set()

    def visit(node: str, way: list[str]) -> list[str]:
        if node in way:
            return [*way[way.index(node) :], node]
        if node in done:
            return []
        for other in sorted(edges.get(node, ())):
            if found := visit(other, [*way, node]):
                return found
        done.add(node)
        return []

    return next((found for node in sorted(edges) if (found := visit(node, []))), [])


def test_no_circle_of_imports_inside_a_room() -> None:
    """What a package's __init__ gathers is for others: its own files import each other."""
    known = {module_of(path): path for path in FILES}
    edges: dict[str, set[str]] = {}
    for module, path in known.items():
        if path.name == "__init__.py":
            continue
        targets = {each if each in known else each.rpartition(".")[0] for each in imports(path)}
        edges[module] = {each for each in targets if each in known and room(each) == room(module) and known[each].name != "__init__.py"}
    assert not circle(edges)


def test_a_circle_is_found() -> None:
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]
    assert not circle({"a": {"b", "c"}, "b": {"c"}, "c": set()})


LONG_FILES: set[str] = set()
LONG_FUNCTIONS = {
    "engines/optimize/matching.py:learn", "engines/primitives/engine.py:_climb",
    "training/compress.py:narrowed", "training/network.py:gathered", "training/painter.py:forward",
    "training/styles.py:train_style",
}  # fmt: skip
"""What may be longer than the house's rule; docs/architecture.md says why."""


def body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function below its signature and docstring."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    return (function.end_lineno or 0) - body[0].lineno + 1 if body else 0


def test_files_and_functions_are_short_but_for_those_that_are_listed() -> None:
    """Files have at most 400 lines and functions at most 40, of which signatures and docstrings are none."""
    files, functions = set(), set()
    for path in FILES:
        name, text = path.relative_to(SOURCE).as_posix(), path.read_text(encoding="utf-8")
        if len(text.splitlines()) > 400:
            files.add(name)
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and body_lines(node) > 40:
                functions.add(f"{name}:{node.name}")
    assert files == LONG_FILES
    assert functions == LONG_FUNCTIONS
    told = (SOURCE.parents[1] / "docs/architecture.md").read_text(encoding="utf-8")
    missing = [each for each in LONG_FILES | LONG_FUNCTIONS if f"`{each.replace(':', ' ')}`" not in told]
    assert not missing, "say in docs/architecture.md why it is long"


def test_tests_are_found_under_names_of_their_own() -> None:
    """Folders of tests are no packages: two files of one name, or something taken from one of several conftest.py, break the whole run."""
    files = [path for path in Path(__file__).parent.rglob("*.py") if path.name != "conftest.py"]
    names = [path.name for path in files]
    assert not {name for name in names if names.count(name) > 1}
    assert not [path for path in files if re.search(r"^(from conftest |import conftest)", path.read_text(encoding="utf-8"), re.MULTILINE)]


CORE = {"api", "bench", "cli", "engines", "errors", "image", "judging", "media", "perception", "progress", "request", "run", "training"}
VAGUE = {"told", "laid", "laid_out", "parted", "place", "places"}
"""Names that do not say what a value is, or what a function does; see the glossary."""


def test_names_say_what_they_are() -> None:
    for path in FILES:
        if room(module_of(path)) not in CORE or {"solid", "meshes"} & set(path.parts) or path.stem == "nearby":
            continue  # a place on a surface is a point
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            name = ""
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                name = node.name
            elif isinstance(node, ast.arg):
                name = node.arg
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                name = node.id
            assert name.strip("_").lower() not in VAGUE, f"{path}:{getattr(node, 'lineno', 0)} calls something {name}"
