"""A service in this process, on SQLite and a folder, and a worker that works when it is told to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi")
import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from fastapi.testclient import TestClient

from atelier.image import Image, encode
from atelier.service.app import create_app
from atelier.service.config import Bounds, Config
from atelier.service.worker import Worker

HERE = "http://127.0.0.1"


@dataclass
class Running:
    """A service, the client that speaks with it, and its one worker."""

    config: Config
    client: TestClient
    worker: Worker

    def post(self, status: int = 202, headers: dict[str, str] | None = None, **fields: Any) -> dict[str, Any]:
        """Ask for a picture by a form; bytes are files."""
        files = [(name, (name, value)) for name, each in fields.items() for value in _listed(each) if isinstance(value, bytes)]
        data = {name: [str(v) for v in _listed(each) if not isinstance(v, bytes)] for name, each in fields.items()}
        answer = self.client.post("/v1/jobs", data={k: v for k, v in data.items() if v}, files=files or None, headers=headers)
        assert answer.status_code == status, answer.text
        return answer.json()  # type: ignore[no-any-return]

    def get(self, path: str, **more: Any) -> Any:
        return self.client.get(f"/v1/{path}", **more)

    def paint(self, **fields: Any) -> dict[str, Any]:
        """Ask for a picture and have it painted; the job afterwards."""
        job = self.post(**fields)
        assert self.worker.step()
        return self.get(f"jobs/{job['id']}").json()  # type: ignore[no-any-return]


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


Serve = Callable[..., Running]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Starts services; bounds and other options by name."""
    open_: list[TestClient] = []

    def start(**given: Any) -> Running:
        names = set(Bounds.__dataclass_fields__)
        bounds = Bounds(**{name: value for name, value in given.items() if name in names})
        more = {name: value for name, value in given.items() if name not in names}
        config = Config(**{"data": str(tmp_path / "service"), "workers": 0, **more}, bounds=bounds)
        Path(config.data).mkdir(exist_ok=True)
        client = TestClient(create_app(config), base_url=HERE, raise_server_exceptions=False)
        client.__enter__()
        open_.append(client)
        return Running(config, client, Worker(config, "worker"))

    yield start
    for client in open_:
        client.__exit__(None, None, None)


@pytest.fixture
def running(serve: Serve, quick_networks: None) -> Running:
    return serve()


@pytest.fixture
def photo_bytes(picture: Callable[..., Image]) -> bytes:
    """A photo's file, 40 x 28 px."""
    return encode(picture(40, 28, 1), "png")


@pytest.fixture
def painting_bytes(picture: Callable[..., Image]) -> bytes:
    """A painting's file, 36 x 44 px."""
    return encode(picture(36, 44, 2), "jpeg")
