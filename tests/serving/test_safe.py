"""What strangers may not do: reach files and machines of the service's, use it up, or use it without a key."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from atelier.engines.network import catalogue
from atelier.media import connection
from atelier.request import TASKS
from atelier.run import schema
from atelier.service.asked import check_address
from atelier.service.files import Files
from atelier.service.keys import add_key
from serving.conftest import Serve

SECRET = "/etc/passwd"
PRIVATE = [
    "http://127.0.0.1/", "http://localhost:8000/v1/health", "http://LOCALHOST./", "http://[::1]/", "http://0.0.0.0/", "http://10.1.2.3/x.jpg",
    "http://172.16.0.1/", "http://192.168.1.1/", "http://169.254.169.254/latest/meta-data/", "http://[fe80::1]/", "http://[fd00:ec2::254]/",
    "http://100.64.0.1/", "http://2130706433/", "http://0x7f.1/", "http://0177.0.0.1/", "http://127.1/", "http://[::ffff:127.0.0.1]/",
    "http://[64:ff9b::7f00:1]/", "http://224.0.0.1/", "https://user:secret@127.0.0.1/",
]  # fmt: skip
SCHEMES = ["file:///etc/passwd", "ftp://example.org/a.jpg", "gopher://example.org/", "data://text", "upload://photo-1", "s3://bucket/key"]


def test_literal_private_addresses_and_other_schemes_get_422_at_once(serve: Serve) -> None:
    running = serve()
    for url in (*PRIVATE, *SCHEMES):
        told = running.post(422, photo=url, style="udnie")
        assert told["errors"][0]["field"] == "photo", url
        assert "secret" not in json.dumps(told)


@pytest.mark.parametrize("field", ["photo", "style", "mask", "regions", "blend", "style_regions"])
def test_paths_are_refused_wherever_pictures_are_taken(field: str, serve: Serve, photo_bytes: bytes) -> None:
    running = serve()
    for path in (SECRET, "../../x.png", "photo.jpg", "~/x.png", "\\\\host\\share\\x.png"):
        given: dict[str, Any] = {"photo": photo_bytes, "style": "udnie", field: path}
        told = running.post(422, **given)
        assert told["errors"][0]["field"].rstrip("s") == field.rstrip("s"), path


FILES = sorted({(task, each.name) for task in TASKS for each in schema(task) if each.file})


def test_settings_that_are_paths_are_refused(serve: Serve, photo_bytes: bytes) -> None:
    """Every option that is declared to name a file, also those to come."""
    running = serve()
    for task, name in FILES:
        field = {"content": "photo"}.get(name, name)
        given: dict[str, Any] = {"task": task, "photo": photo_bytes, "style": "udnie", field: SECRET}
        if task == "draw":
            del given["style"]
        told = running.post(422, **given)
        assert told["errors"][0]["field"].rstrip("s") == field.rstrip("s"), (task, name, told)
    assert running.get("jobs").json()["jobs"] == []


def test_no_name_of_a_client_reaches_the_file_system(
    serve: Serve, photo_bytes: bytes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Names of uploads, styles and fields are never paths: a file that is there is not looked at."""
    running = serve()
    (tmp_path / "styles").mkdir()
    monkeypatch.setattr(catalogue, "own_folder", lambda: tmp_path / "styles")
    looked: list[str] = []
    real = Path.is_file

    def is_file(path: Path) -> bool:
        looked.append(str(path))
        return real(path)

    monkeypatch.setattr(Path, "is_file", is_file)
    for style in ("../../evil", "evil.safetensors", f"{tmp_path}/evil.safetensors#x", "evil"):
        running.post(422, photo=photo_bytes, style=style)
    form = {"style": "udnie"}
    names = ("../../../evil.png", "/etc/evil", "evil\x00.png", "..\\evil")
    for name in names:
        assert running.client.post("/v1/jobs", data=form, files={"photo": (name, photo_bytes)}).status_code == 202
    assert not [path for path in looked if "evil" in path]
    stored = [path.relative_to(running.config.files_url).parts for path in Path(running.config.files_url).rglob("*") if path.is_file()]
    assert {(parts[0], len(parts[1]), parts[2]) for parts in stored} == {("uploads", 32, "photo-1")}


def test_files_have_names_of_the_services_alone(tmp_path: Path) -> None:
    files = Files(str(tmp_path))
    for name in ("../x", "uploads/../x", f"uploads/{'0' * 32}/../../x", "/etc/passwd", "uploads/short/x", f"other/{'0' * 32}"):
        with pytest.raises(ValueError, match="no name"):
            files.put(name, b"")


def test_options_of_the_operators_are_refused(serve: Serve, photo_bytes: bytes) -> None:
    for name, value in {"device": "cuda", "backend": "openvino", "fps": 3}.items():
        assert serve().post(422, photo=photo_bytes, style="udnie", **{name: value})["errors"][0]["field"] == name


# Addresses that are seen only when they are connected to --------------------------------------------------------------


class Answers(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path.startswith("/to/"):
            self.send_response(302)
            self.send_header("Location", "http://" + self.path.removeprefix("/to/"))
            self.end_headers()
            return
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"secret")

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def inside() -> Iterator[int]:
    """The port of a server on this machine that nobody outside may be shown."""
    server = HTTPServer(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.server_port
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.7", "169.254.169.254", "100.64.0.1", "::1", "fd00:ec2::254"])
def test_names_of_private_addresses_are_refused_when_connected_to(
    address: str, serve: Serve, monkeypatch: pytest.MonkeyPatch, inside: int
) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    monkeypatch.setattr(connection.socket, "getaddrinfo", lambda *_, **__: [(family, socket.SOCK_STREAM, 6, "", (address, inside))])
    job = serve().paint(photo=f"http://pictures.example.org:{inside}/a.jpg", style="udnie")
    assert (job["state"], job["error"]["status"]) == ("failed", 422)
    assert "private address" in job["error"]["detail"]


def test_a_name_that_answers_otherwise_the_second_time_is_asked_once(serve: Serve, monkeypatch: pytest.MonkeyPatch, inside: int) -> None:
    """DNS rebinding: the address that was judged is the one that is connected to."""
    asked: list[str] = []
    real = socket.create_connection
    connected: list[str] = []

    def getaddrinfo(host: str, port: int, *_: Any, **__: Any) -> list[Any]:
        asked.append(host)
        address = "93.184.216.34" if len(asked) == 1 else "127.0.0.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    def create_connection(address: Any, *more: Any, **how: Any) -> socket.socket:
        connected.append(address[0])
        raise ConnectionRefusedError("nobody there")

    monkeypatch.setattr(connection.socket, "getaddrinfo", getaddrinfo)
    monkeypatch.setattr(connection.socket, "create_connection", create_connection)
    job = serve().paint(photo=f"http://rebinding.example.org:{inside}/a.jpg", style="udnie")
    monkeypatch.setattr(connection.socket, "create_connection", real)
    assert job["state"] == "failed"
    assert asked == ["rebinding.example.org"]
    assert connected == ["93.184.216.34"]


def test_redirects_are_judged_like_the_first_address(serve: Serve, monkeypatch: pytest.MonkeyPatch, inside: int) -> None:
    """The first server counts as public here; where it leads to does not."""
    real = socket.getaddrinfo
    public = connection.is_public
    monkeypatch.setattr(connection.socket, "getaddrinfo", lambda host, *a, **k: real("127.0.0.1" if "example" in host else host, *a, **k))
    first = [True]

    def is_public(address: str) -> bool:
        return first.pop() if first else public(address)

    monkeypatch.setattr(connection, "is_public", is_public)
    job = serve().paint(photo=f"http://example.org:{inside}/to/127.0.0.1:{inside}/secret", style="udnie")
    assert "private address 127.0.0.1" in job["error"]["detail"]


def test_addresses_of_the_open_internet_are_taken() -> None:
    for url in ("https://example.org/a.jpg?x=1", "http://93.184.216.34/a.jpg", "http://[2606:2800:220:1::1]/a.jpg", "http://cafe.example/"):
        assert check_address("photo", url) == url


# Use, and too much of it ----------------------------------------------------------------------------------------------


def test_requests_over_the_bound_get_413_while_they_arrive(serve: Serve) -> None:
    running = serve(body=10_000)
    assert running.post(413, photo=b"x" * 20_000, style="udnie")["status"] == 413

    def pieces() -> Iterator[bytes]:  # no Content-Length
        for _ in range(20):
            yield b"x" * 1000

    headers = {"Content-Type": "application/json"}
    assert running.client.post("/v1/jobs", content=pieces(), headers=headers).status_code == 413


def test_sizes_and_times_over_the_bound_get_413(serve: Serve, photo_bytes: bytes) -> None:
    running = serve(side=512, seconds=60)
    assert running.post(413, photo=photo_bytes, style="udnie", size=513)["errors"][0]["field"] == "size"
    assert running.post(413, photo=photo_bytes, style="udnie", seconds=61)["errors"][0]["field"] == "seconds"


def test_a_full_queue_gets_429_with_a_time_to_come_again(serve: Serve, photo_bytes: bytes) -> None:
    running = serve(queue=2)
    running.post(photo=photo_bytes, style="udnie")
    running.post(photo=photo_bytes, style="udnie")
    answer = running.client.post("/v1/jobs", data={"style": "udnie"}, files={"photo": photo_bytes})
    assert answer.status_code == 429 and int(answer.headers["Retry-After"]) >= 1
    assert len([path for path in Path(running.config.files_url).rglob("photo*") if path.is_file()]) == 2


def test_keys_are_needed_and_see_their_own_jobs_alone(serve: Serve, photo_bytes: bytes) -> None:
    running = serve(keys=True)
    engine = running.worker.store.engine
    one, other = add_key(engine, "one", active=1), add_key(engine, "other", ("read",))
    admin, meter = add_key(engine, "admin", ("admin",)), add_key(engine, "meter", ("metrics",))

    def asked(path: str, key: str) -> int:
        return int(running.get(path, headers={"Authorization": f"Bearer {key}"}).status_code)

    unknown = running.get("jobs")
    assert (unknown.status_code, unknown.headers["www-authenticate"]) == (401, "Bearer")
    assert running.get("health").status_code == 200
    job = running.post(photo=photo_bytes, style="udnie", headers={"Authorization": f"Bearer {one}"})
    assert (
        running.post(429, photo=photo_bytes, style="udnie", headers={"Authorization": f"Bearer {one}"})["title"] == "too many jobs at once"
    )
    running.post(403, photo=photo_bytes, style="udnie", headers={"Authorization": f"Bearer {other}"})
    assert [asked(f"jobs/{job['id']}", key) for key in (one, other, admin, meter)] == [200, 404, 200, 403]
    assert [asked("metrics", key) for key in (one, admin, meter)] == [403, 200, 200]
    assert running.client.delete(f"/v1/jobs/{job['id']}", headers={"Authorization": f"Bearer {other}"}).status_code == 403


def test_pages_of_others_may_ask_for_nothing(serve: Serve, photo_bytes: bytes) -> None:
    running = serve()
    assert running.get("health", headers={"Host": "evil.example"}).status_code == 421
    assert running.post(403, photo=photo_bytes, style="udnie", headers={"Origin": "http://evil.example"})
    assert running.post(photo=photo_bytes, style="udnie", headers={"Origin": "http://127.0.0.1"})


def test_every_answer_has_headers_that_keep_browsers_safe(serve: Serve) -> None:
    running = serve()
    for path in ("health", "jobs", "none", f"jobs/{'0' * 32}/result"):
        answer = running.get(path)
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["cache-control"] == "no-store"
    running.client.app.state.service.store.page = None  # type: ignore[attr-defined]
    broken = running.get("jobs")
    assert (broken.status_code, broken.headers["x-content-type-options"]) == (500, "nosniff")


def test_a_fault_says_nothing_of_the_inside(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    running = serve()

    def broken(*_: object) -> None:
        raise RuntimeError("secret of the inside")

    monkeypatch.setattr(running.client.app.state.service.store, "page", broken)  # type: ignore[attr-defined]
    answer = running.get("jobs")
    assert answer.status_code == 500
    assert "inside" not in answer.text
    assert answer.headers["content-type"] == "application/problem+json"


BROKEN = [
    b"", b"\x89PNG\r\n\x1a\n", b"GIF89a" + b"\xff" * 100, b"\xff\xd8\xff\xe0" + b"\x00" * 64, b"RIFF\xff\xff\xff\xffWEBPVP8 ",
    b"II*\x00\xff\xff\xff\xff", b"BM" + b"\xff" * 60, b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"%PDF-1.4",
    b"PK\x03\x04" + b"\x00" * 40, b"\x00\x00\x00\x0cJXL \r\n\x87\n", b"\x00\x00\x00 ftypavif" + b"\x00" * 40,
]  # fmt: skip


def test_broken_pictures_fail_their_job_and_nothing_else(serve: Serve, photo_bytes: bytes) -> None:
    running = serve(pixels=1_000_000)
    bomb = photo_bytes[:16] + b"\x00\x00\xff\xff\x00\x00\xff\xff" + photo_bytes[24:]  # its header says 65535 x 65535
    for data in (*BROKEN, bomb, photo_bytes[: len(photo_bytes) // 2]):
        job = running.paint(photo=data, style="udnie")
        assert job["state"] == "failed", data[:20]
        assert job["error"]["status"] in (413, 422), job["error"]
    assert running.get("health").status_code == 200
