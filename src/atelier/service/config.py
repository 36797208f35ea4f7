"""How a service runs, as plain values: they travel to its workers as JSON."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from atelier.image import Limits

LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True)
class Bounds:
    """What the service accepts, and for how long.

    body: bytes of a request. pixels: of a picture that is opened, or painted. side: largest `size`, px. url_bytes: of a download.
    seconds: a job may take. memory: bytes of a worker. queue: jobs waiting, of all. tries: how often a job is begun whose worker ends.
    lease: seconds without a sign of life after which a job is somebody else's. keep: seconds that results are kept.
    """

    body: int = 32 * 2**20
    pixels: int = 40_000_000
    side: int = 4096
    url_bytes: int = 24 * 2**20
    seconds: float = 300.0
    memory: int = 6 * 2**30
    queue: int = 1000
    tries: int = 3
    lease: float = 6.0
    keep: float = 24 * 3600.0

    @property
    def pictures(self) -> Limits:
        """On pictures that strangers name: no address that is not public, at first or after a redirect."""
        return Limits(
            pixels=self.pixels, bytes=self.body, url_bytes=self.url_bytes, seconds=10.0, redirects=3, private_addresses=False,
            typed_private=False,
        )  # fmt: skip


@dataclass(frozen=True)
class Config:
    """Where a service keeps what, and who may use it.

    data: its folder. database: a URL of SQLAlchemy's; "" for SQLite in the folder. files: a URL of fsspec's; "" for the folder.
    storage: options of that storage. keys: whether requests need a key. hosts: names it answers to; none for any. workers: processes, 0 to
    leave the work to other machines. grace: seconds that running jobs have when it is stopped. cluster: a Ray address, or "".
    """

    data: str
    database: str = ""
    files: str = ""
    storage: dict[str, Any] = field(default_factory=dict)
    host: str = "127.0.0.1"
    port: int = 8000
    keys: bool = False
    hosts: tuple[str, ...] = ()
    workers: int = 1
    grace: float = 20.0
    cluster: str = ""
    bounds: Bounds = Bounds()

    @property
    def database_url(self) -> str:
        if not self.database:
            return f"sqlite:///{Path(self.data).resolve() / 'jobs.sqlite'}"
        if self.database.startswith(("postgres://", "postgresql://")):
            return "postgresql+psycopg://" + self.database.partition("://")[2]
        return self.database

    @property
    def files_url(self) -> str:
        return self.files or str(Path(self.data).resolve() / "files")

    def to_json(self) -> str:
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Config:
        fields = json.loads(text)
        fields["bounds"], fields["hosts"] = Bounds(**fields["bounds"]), tuple(fields["hosts"])
        return cls(**fields)
