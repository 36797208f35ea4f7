"""The service: `serve`, and the keys that it takes."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING, Annotated, Any

import typer

from atelier.cli.base import Commands, app
from atelier.errors import MissingExtra, SettingError

if TYPE_CHECKING:
    from atelier.service.config import Config

NEEDED = ("fastapi", "uvicorn", "sqlalchemy", "alembic", "fsspec", "prometheus_client", "multipart")
LOOPBACK = ("127.0.0.1", "localhost", "::1")
Data = Annotated[str, typer.Option("--data", help="Folder of the service: its database and files")]
Database = Annotated[str, typer.Option("--database", help="Database, as postgresql://user@host/name (default: SQLite in the folder)")]
MIB = 2**20


def need_extra() -> None:
    """Raise MissingExtra where the service's packages are not all installed."""
    if any(importlib.util.find_spec(name) is None for name in NEEDED):
        raise MissingExtra("the service", "serve")


@app.command()
def serve(
    host: Annotated[str, typer.Option("--host", help="Address to listen at; beyond this machine keys are needed")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Port to listen at")] = 8000,
    data: Data = "service",
    database: Database = "",
    files: Annotated[str, typer.Option("--files", help="Where files go: a folder, or s3://bucket/prefix (default: in the folder)")] = "",
    endpoint: Annotated[str, typer.Option("--endpoint", help="Address of an S3-compatible storage")] = "",
    workers: Annotated[int, typer.Option("--workers", min=0, max=256, help="Worker processes; 0 leaves the work to other machines")] = 1,
    keys: Annotated[
        bool | None, typer.Option("--keys/--no-keys", help="Whether requests need a key (default: yes, but on this machine alone)")
    ] = None,
    hosts: Annotated[list[str] | None, typer.Option("--allow-host", help="Name that the service is reached under")] = None,
    queue: Annotated[int, typer.Option("--queue", min=1, help="Jobs that may wait")] = 1000,
    max_megabytes: Annotated[int, typer.Option("--max-megabytes", min=1, help="Largest request, MiB")] = 32,
    max_pixels: Annotated[int, typer.Option("--max-pixels", min=1, help="Largest picture, width times height")] = 40_000_000,
    max_size: Annotated[int, typer.Option("--max-size", min=16, help="Largest size that may be asked for, px")] = 4096,
    seconds: Annotated[float, typer.Option("--seconds", min=1, help="Seconds that a job may take")] = 300,
    memory: Annotated[int, typer.Option("--memory", min=1024, help="Memory of a worker, MiB")] = 6144,
    tries: Annotated[int, typer.Option("--tries", min=1, help="How often a job is begun whose worker ends")] = 3,
    keep: Annotated[float, typer.Option("--keep", min=0.001, help="Hours that results are kept")] = 24,
    cluster: Annotated[str, typer.Option("--cluster", help="Paint on Ray: its address, auto, or local for this machine")] = "",
    grace: Annotated[float, typer.Option("--grace", min=0, help="Seconds that running jobs have to finish when it is stopped")] = 20,
) -> None:
    """Take jobs over HTTP and paint them, on this machine and others."""
    need_extra()
    from atelier.service.config import Bounds, Config
    from atelier.service.serving import run

    local = host in LOOPBACK
    if keys is False and not local:
        raise SettingError("keys", "keys can be left out on this machine alone: the service would be open to everybody")
    bounds = Bounds(
        body=max_megabytes * MIB, pixels=max_pixels, side=max_size, seconds=seconds, memory=memory * MIB, queue=queue, tries=tries,
        keep=keep * 3600,
    )  # fmt: skip
    storage: dict[str, Any] = {"client_kwargs": {"endpoint_url": endpoint}} if endpoint else {}
    needed, names = not local if keys is None else keys, tuple(hosts or ())
    run(Config(data, database, files, storage, host, port, needed, names, workers, grace, cluster, bounds))


keys_app = Commands(name="keys", help="Keys of the service: add, list, revoke.")
app.add_typer(keys_app)


@keys_app.command("add")
def add(
    name: Annotated[str, typer.Argument(help="Whose key it is")],
    scopes: Annotated[str, typer.Option("--scopes", help="What it may do: read, write, metrics, admin")] = "read,write",
    rate: Annotated[int, typer.Option("--rate", min=1, help="Requests a minute")] = 600,
    active: Annotated[int, typer.Option("--active", min=1, help="Jobs waiting or running at once")] = 100,
    data: Data = "service",
    database: Database = "",
) -> None:
    """Make a key and print it, this once."""
    from atelier.service.keys import add_key

    typer.echo(add_key(_engine(data, database), name, tuple(part.strip() for part in scopes.split(",")), rate, active))


@keys_app.command("list")
def list_keys(data: Data = "service", database: Database = "") -> None:
    """List the keys: names, scopes and limits."""
    _engine(data, database)
    from atelier.service.keys import list_keys as found

    for key in found(_engine(data, database)):
        typer.echo(f"{key.name}  {','.join(key.scopes)}  {key.rate}/min  {key.active} jobs")


@keys_app.command("revoke")
def revoke(name: Annotated[str, typer.Argument(help="Whose key it is")], data: Data = "service", database: Database = "") -> None:
    """Make a key worthless."""
    _engine(data, database)
    from atelier.service.keys import revoke_key

    revoke_key(_engine(data, database), name)


def _engine(data: str, database: str) -> Any:
    need_extra()
    from atelier.service.database import connect, migrate
    from atelier.service.serving import prepare

    config = prepare(_config(data, database))
    migrate(config.database_url)
    return connect(config.database_url)


def _config(data: str, database: str) -> Config:
    from atelier.service.config import Config

    return Config(data, database)
