"""The perceptual networks' weights: list, pull, verify, path."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from atelier.cli.base import Commands, Quiet, app
from atelier.cli.watching import watching

weights_app = Commands(help="The perceptual networks' weights: list, pull, verify, path.")
app.add_typer(weights_app, name="weights")


@weights_app.command("list")
def weights_list(as_json: Annotated[bool, typer.Option("--json", help="As JSON")] = False) -> None:
    """List the networks atelier knows, and where their weights are."""
    import dataclasses

    from atelier.perception.store import known

    statuses = known()
    if as_json:
        typer.echo(json.dumps([dataclasses.asdict(s) for s in statuses], default=str, indent=2))
        return
    for status in statuses:
        where = f"{status.path} ({status.size / 1e6:.1f} MB)" if status.path else f"not here: atelier weights pull {status.name}"
        typer.echo(f"{status.name:8} {status.description}\n{'':8} {status.licence}\n{'':8} {where}")


@weights_app.command("pull")
def weights_pull(
    name: Annotated[str, typer.Argument(help="The network: vgg19")],
    url: Annotated[str | None, typer.Option("--url", help="Another safetensors file of the network")] = None,
    sha256: Annotated[
        str | None, typer.Option("--sha256", help="Digest the tensors must have, as `atelier weights verify` prints it")
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Fetch a network. Only the tensors that are used; resumable, and checked."""
    from atelier.perception.pull import pull

    with watching(quiet) as report:
        path = pull(name, url=url, sha256=sha256, report=report)
    typer.echo(str(path))


@weights_app.command("verify")
def weights_verify(
    names: Annotated[list[str] | None, typer.Argument(help="Networks or files (default: all that are here)")] = None,
) -> None:
    """Check that weights are whole and what they were."""
    from atelier.perception.record import verify
    from atelier.perception.store import known

    failed = False
    for name in names or [s.name for s in known() if s.path]:
        result = verify(name)
        failed |= not result.ok
        typer.echo(f"{name}: {'ok' if result.ok else 'DAMAGED'}  {result.digest}  {result.detail}")
    if failed:
        raise typer.Exit(1)


@weights_app.command("path")
def weights_path(name: Annotated[str, typer.Argument(help="A network's name, or a file")]) -> None:
    """Print where a network's weights are."""
    from atelier.perception.store import find

    typer.echo(str(find(name)))
