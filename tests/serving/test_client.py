"""The client, against the service in this process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from atelier.client import Client, Refused
from atelier.errors import SourceError
from atelier.media import open_still
from serving.conftest import HERE, Running


class Here(httpx.BaseTransport):
    """Requests to the service in this process; its worker works before each that waits."""

    def __init__(self, running: Running) -> None:
        self.running = running

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.params.get("wait"):
            self.running.worker.step()
        answer = self.running.client.request(request.method, str(request.url), content=request.read(), headers=dict(request.headers))
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)


@pytest.fixture
def client(running: Running) -> Any:
    with Client(HERE, transport=Here(running)) as opened:
        yield opened


def test_a_picture_by_the_client(client: Client, photo: Path, tmp_path: Path) -> None:
    result = client.paint(photo, "udnie", size=32, strength=0.5, format="jpeg", quality=80)
    assert (result.width, result.height, result.media_type) == (32, 22, "image/jpeg")
    result.save(tmp_path / "painted.jpg")
    assert open_still(tmp_path / "painted.jpg").size == (32, 22)
    (job,) = client.jobs("done")
    assert [each.state for each in client.events(job)] == ["done"]
    assert "udnie" in client.styles()


def test_what_is_wrong_is_raised(client: Client, photo: Path, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="strength") as refused:
        client.submit(photo, "udnie", strength=7)
    assert (refused.value.status, refused.value.field) == (422, "strength")
    with pytest.raises(SourceError):
        client.submit(tmp_path / "none.jpg", "udnie")
    with pytest.raises(Refused, match="not a picture"):
        client.paint(b"no picture", "udnie")
    job = client.submit(photo, "udnie", key="once")
    assert client.submit(photo, "udnie", key="once").id == job.id
    assert client.cancel(job).state == "cancelled"
    with pytest.raises(Refused, match="cancelled"):
        client.result(job)
