"""The command line: one command a task. Nothing heavy is imported before a command needs it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated

import typer

import atelier
from atelier.cli import (  # noqa: F401  (each adds its commands to the app)
    benching,
    colouring,
    comparing,
    drawing,
    exploring,
    exporting,
    judging,
    looking,
    painting,
    regions,
    styles,
    training,
    weights,
)
from atelier.cli.base import app, explained, say
from atelier.errors import Cancelled


def _version(value: bool) -> None:
    if value:
        typer.echo(f"atelier {atelier.__version__}")
        raise typer.Exit


@app.callback()
def _root(version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version")] = False) -> None:
    pass


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command. Errors are one line on standard error; exit code 2 for bad input, 130 for stopped, 1 for the rest."""
    try:
        app(args=list(arguments) if arguments is not None else None)
    except KeyboardInterrupt:
        _fail("stopped", Cancelled.exit_code)
    except BrokenPipeError:
        sys.stderr.close()
        raise SystemExit(1) from None
    except Exception as error:
        if told := explained(error):
            _fail(*told)
        raise


def _fail(message: str, code: int) -> None:
    say(message)
    raise SystemExit(code)
