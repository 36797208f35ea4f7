"""A client of the service: pictures over HTTP, from Python.

    from atelier.client import Client

    with Client("http://127.0.0.1:8000") as atelier:
        atelier.paint("photo.jpg", "starry-night", size=1024).save("painted.png")

Needs httpx (`pip install 'atelier[serve]'`), and nothing else of the service.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from atelier.errors import AtelierError, MissingExtra, SourceError
from atelier.media.files import atomic_write

try:
    import httpx
except ImportError as error:
    raise MissingExtra("the client of the service", "serve") from error

Picture: TypeAlias = str | Path | bytes
"""A file's path or bytes, or an http(s) address, which the service fetches. A style may also be a name."""
FINAL = ("done", "failed", "cancelled")
LONGEST = 25.0
"""Seconds that one request waits for a job."""
TRIES = 4
"""How often a request is tried that the service was too busy for, or that did not reach it."""


class Refused(AtelierError):
    """The service refused a request, or could not do a job. status: of HTTP; field: what of the request it is about."""

    def __init__(self, status: int, detail: str, field: str = "") -> None:
        super().__init__(status, detail, field)
        self.status, self.detail, self.field = status, detail, field

    def __str__(self) -> str:
        return self.detail


@dataclass(frozen=True)
class Result:
    """A finished picture. data: its file's bytes. width, height: px. seconds: of work."""

    data: bytes = field(repr=False)
    media_type: str
    width: int
    height: int
    seconds: float

    def save(self, path: str | Path) -> None:
        """Write the file, whole or not at all. Raises OutputError."""
        atomic_write(self.data, path)


@dataclass(frozen=True)
class Job:
    """A job as it was when it was asked for. progress: steps done and in all; (0, 0) where that is not known."""

    id: str
    state: str
    progress: tuple[int, int] = (0, 0)
    error: str = ""
    width: int = 0
    height: int = 0
    media_type: str = ""
    seconds: float = 0.0
    status: int = 0

    @property
    def ended(self) -> bool:
        return self.state in FINAL

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Job:
        """Out of what the service says."""
        progress, error = told.get("progress") or {}, told.get("error") or {}
        return cls(
            told["id"], told["state"], (progress.get("step", 0), progress.get("of", 0)), error.get("detail", ""), told.get("width") or 0,
            told.get("height") or 0, told.get("media_type") or "", told.get("seconds") or 0.0, error.get("status", 0),
        )  # fmt: skip


class Client:
    """Speaks with a service. address: as http://127.0.0.1:8000. key: one that the service made. seconds: longest silence."""

    def __init__(self, address: str, key: str = "", seconds: float = 60.0, transport: Any = None) -> None:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._http = httpx.Client(base_url=f"{address.rstrip('/')}/v1/", headers=headers, timeout=seconds, transport=transport)

    def paint(self, photo: Picture, style: Picture | Sequence[Picture], *, timeout: float = 600.0, **options: Any) -> Result:
        """Paint a picture and wait for it. options: any setting by its name, `format`, `quality`. Raises Refused, SourceError."""
        return self.result(self.wait(self.submit(photo, style, **options), timeout))

    def submit(self, photo: Picture, style: Picture | Sequence[Picture] = (), *, key: str = "", **options: Any) -> Job:
        """Ask for a picture. key: of idempotency; by default one of its own, so that it is safe to try again. Raises Refused."""
        styles = [style] if isinstance(style, (str, Path, bytes)) else list(style)
        files = [("photo", _part(photo)), *(("style", _part(each, word=True)) for each in styles)]
        for name, value in options.items():
            files += [(name, _field(each)) for each in (value if isinstance(value, (list, tuple)) else [value])]
        return Job.of(self._ask("POST", "jobs", files=files, headers={"Idempotency-Key": key or secrets.token_hex(16)}).json())

    def job(self, id: str) -> Job:
        """A job as it is now."""
        return Job.of(self._ask("GET", f"jobs/{id}").json())

    def jobs(self, state: str = "") -> Iterator[Job]:
        """All jobs of this key, the newest first."""
        path: str | None = f"jobs?state={state}" if state else "jobs"
        while path:
            told = self._ask("GET", path).json()
            yield from map(Job.of, told["jobs"])
            path = (told["next"] or "").removeprefix("/v1/") or None

    def wait(self, job: Job, timeout: float = 600.0) -> Job:
        """The job once it has ended. Raises Refused (408) where that takes longer."""
        until = time.monotonic() + timeout
        while not job.ended:
            left = until - time.monotonic()
            if left <= 0:
                raise Refused(408, f"the job {job.id} has not ended after {timeout:g} s")
            job = Job.of(self._ask("GET", f"jobs/{job.id}", params={"wait": max(0.1, min(LONGEST, left))}).json())
        return job

    def events(self, job: Job) -> Iterator[Job]:
        """The job each time that something changes, until it ends."""
        with self._http.stream("GET", f"jobs/{job.id}/events") as stream:
            if stream.status_code != 200:
                stream.read()
                raise _refusal(stream)
            for line in stream.iter_lines():
                if line.startswith("data: "):
                    yield Job.of(json.loads(line.removeprefix("data: ")))

    def result(self, job: Job) -> Result:
        """The picture of a job that is done. Raises Refused, with the reason where it failed."""
        answer = self._ask("GET", f"jobs/{job.id}/result")
        return Result(answer.content, answer.headers["content-type"], job.width, job.height, job.seconds)

    def cancel(self, job: Job) -> Job:
        """Cancel a job: at once where it waits, soon where it runs."""
        return Job.of(self._ask("DELETE", f"jobs/{job.id}").json())

    def styles(self) -> list[str]:
        """The styles by name."""
        return [each["name"] for each in self._ask("GET", "styles").json()]

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        """Ask, again where the service is too busy or away: every request here may be repeated."""
        for attempt in range(1, TRIES + 1):
            try:
                answer = self._http.request(method, path, **more)
            except httpx.TransportError as error:
                if attempt == TRIES:
                    raise SourceError(f"{self._http.base_url}: {error}") from error
                time.sleep(0.2 * 2**attempt)
                continue
            if answer.is_success:
                return answer
            wait = answer.headers.get("Retry-After", "")
            if attempt == TRIES or answer.status_code not in (429, 503) or not wait.isdecimal():
                break
            time.sleep(min(10, int(wait)))
        raise _refusal(answer)


def _refusal(answer: httpx.Response) -> Refused:
    try:
        told = answer.json()
        return Refused(answer.status_code, told["detail"], (told.get("errors") or [{"field": ""}])[0]["field"])
    except (ValueError, KeyError, TypeError, IndexError):
        return Refused(answer.status_code, f"the service answered {answer.status_code}")


def _part(picture: Picture, word: bool = False) -> tuple[str | None, bytes]:
    """A picture as a part of a form: a file, or the text of an address or name."""
    if isinstance(picture, bytes):
        return "picture", picture
    path = Path(picture)
    if isinstance(picture, str) and ("://" in picture or (word and not path.suffix and not path.exists())):
        return None, picture.encode()
    try:
        return "picture", path.read_bytes()
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror or error}") from error


def _field(value: Any) -> tuple[str | None, bytes]:
    """An option as a part of a form."""
    if isinstance(value, (bytes, Path)):
        return _part(value)
    return None, (value if isinstance(value, str) else json.dumps(value)).encode()
