"""The command line: one command a task. Nothing heavy is imported before a command needs it, of the commands none but the one asked
for: what declares their many options takes as long as reading a photo."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

import atelier
from atelier.cli.base import app, explained, say
from atelier.errors import Cancelled

COMMANDS = {
    "painting": ("stylize", "texture", "reconstruct", "redo"), "regions": ("regions",), "colouring": ("recolor",),
    "batching": ("batch",), "serving": ("serve", "keys"), "drawing": ("draw", "redraw"),
    "styles": ("styles",), "exploring": ("explore",), "comparing": ("compare",), "judging": ("evaluate",),
    "training": ("train",), "exporting": ("export",), "benching": ("bench",), "looking": ("recipes", "plot"), "weights": ("weights",),
    "web_page": ("web",), "representing": ("representations",),
    "showing": ("studio",), "living": ("live",),
}  # fmt: skip
"""The commands of each module here, which adds them to the app when it is imported."""


def _version(value: bool) -> None:
    if value:
        typer.echo(f"atelier {atelier.__version__}")
        raise typer.Exit


@app.callback()
def _root(version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version")] = False) -> None:
    pass


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command. Errors are one line on standard error; exit code 2 for bad input, 130 for stopped, 1 for the rest."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    asked = next((word for word in given if not word.startswith("-")), "")
    try:
        for module in [name for name, commands in COMMANDS.items() if asked in commands] or COMMANDS:
            importlib.import_module(f"atelier.cli.{module}")
        app(args=given)
    except KeyboardInterrupt:
        _fail("stopped", Cancelled.exit_code)
    except BrokenPipeError:
        sys.stderr.close()
        raise SystemExit(1) from None
    except Exception as error:
        if answer := explained(error):
            _fail(*answer)
        raise


def _fail(message: str, code: int) -> None:
    say(message)
    raise SystemExit(code)
