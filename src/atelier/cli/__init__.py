"""The command line: one command a task. Nothing heavy is imported before a command needs it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated

import typer

import atelier
from atelier.cli import drawing, looking, painting, weights  # noqa: F401  (each adds its commands to the app)
from atelier.cli.base import app
from atelier.errors import AtelierError, Cancelled


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
    except AtelierError as error:
        _fail(str(error), error.exit_code)
    except KeyboardInterrupt:
        _fail("stopped", Cancelled.exit_code)
    except BrokenPipeError:
        sys.stderr.close()
        raise SystemExit(1) from None
    except MemoryError:
        _fail("not enough memory: try a smaller --size or --tile", 1)
    except RuntimeError as error:
        if "memory" not in str(error).lower():
            raise
        _fail(f"not enough memory: try a smaller --size or --tile ({str(error).splitlines()[0][:120]})", 1)


def _fail(message: str, code: int) -> None:
    typer.echo(f"atelier: {' '.join(message.split())}", err=True)
    raise SystemExit(code)


if __name__ == "__main__":
    main()
