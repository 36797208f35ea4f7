"""The way to atelier with the standard library alone: by the command line and by a service."""

from __future__ import annotations

import ast
import email
import email.policy
import http.server
import json
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hosts import INTEGRATIONS, load

COPIES = ("comfyui/bridge.py", "gimp/atelier/bridge.py", "krita/atelier/bridge.py")
bridge = load("atelier_bridge", INTEGRATIONS / COPIES[0])


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (bridge.COMMAND, bridge.SERVICE, bridge.KEY):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def program(tmp_path: Path) -> str:
    """A program that does as atelier does, and writes what it was told beside the photo's bytes."""
    path = tmp_path / "atelier"
    path.write_text(
        f"#!{sys.executable}\nimport json, sys, time\nfrom pathlib import Path\nwords = sys.argv[1:]\n"
        "if words[0] == 'styles': print(json.dumps([{'name': 'one'}, {'name': 'two'}])); sys.exit()\n"
        "if 'slow' in words: time.sleep(60)\n"
        "if 'bad' in words: print('working'); print('atelier: no style bad', file=sys.stderr); sys.exit(2)\n"
        "painting = [Path(word).read_bytes().decode() for word in words if 'style-' in word and Path(word).exists()]\n"
        "told = {'photo': Path(words[1]).read_bytes().decode(), 'paintings': painting, 'words': words[4:]}\n"
        "Path(words[words.index('--out') + 1]).write_text(json.dumps(told))\n"
    )
    path.chmod(0o755)
    return str(path)


def test_each_integration_has_the_same_copy_and_only_the_standard_library() -> None:
    texts = {(INTEGRATIONS / name).read_text(encoding="utf-8") for name in COPIES}
    assert len(texts) == 1
    for node in ast.walk(ast.parse(texts.pop())):
        names = (
            [a.name for a in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
        assert all(name.split(".")[0] in sys.stdlib_module_names for name in names)


def test_styles_offered_are_those_that_ship() -> None:
    from atelier.engines.network.catalogue import shipped

    assert set(bridge.STYLES) == set(shipped())


def test_the_command_line_paints(program: str) -> None:
    found = json.loads(bridge.paint(b"photo", ["udnie", b"painting"], {"strength": 0.5, "style_size": 2.0, "recipe": ""}, command=program))
    assert found["photo"] == "photo" and found["paintings"] == ["painting"]
    words = found["words"]
    assert words[:3] == ["--quiet", "--style", "udnie"] and words[3] == "--style"
    assert words[5:] == ["--strength", "0.5", "--style-size", "2", "--engine", "instant"]
    assert bridge.style_names(command=program) == ["one", "two"]


def test_what_is_said_to_the_command_line_is_understood(tmp_path: Path, photo: Path, quick_networks: None, monkeypatch: Any) -> None:
    """The real command line, in this process."""
    from atelier.cli import main

    class Here:
        def __init__(self, line: list[str], **more: Any) -> None:
            self.returncode = 0
            try:
                main(line[1:])
            except SystemExit as ended:
                self.returncode = ended.code or 0

        def poll(self) -> int:
            return self.returncode

    monkeypatch.setattr(bridge.subprocess, "Popen", Here)
    options = {"strength": 0.5, "style_size": 1.5, "size": 32, "seed": 3, "color": "photo", "engine": "instant"}
    assert bridge.paint(photo.read_bytes(), ["udnie"], options, command=sys.executable).startswith(b"\x89PNG")


def test_what_goes_wrong_is_one_line(program: str, tmp_path: Path) -> None:
    with pytest.raises(bridge.Failed, match=r"^atelier: no style bad$"):
        bridge.paint(b"photo", ["bad"], command=program)
    with pytest.raises(bridge.Failed, match="pip install atelier"):
        bridge.paint(b"photo", ["udnie"], command=str(tmp_path / "nowhere"))
    assert bridge.style_names(command=str(tmp_path / "nowhere")) == list(bridge.STYLES)


def test_the_program_is_ended_where_the_user_stops(program: str) -> None:
    with pytest.raises(bridge.Stopped):
        bridge.paint(b"photo", ["slow"], command=program, stopped=lambda: True)


class Service(http.server.BaseHTTPRequestHandler):
    """As much of the service as is needed, with its paths, states and errors. The second look at a job finds it done."""

    asked: list[tuple[str, str, dict[str, str], bytes]] = []  # noqa: RUF012

    def answer(self, told: Any, status: int = 200) -> None:
        data = told if isinstance(told, bytes) else json.dumps(told).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.asked.append((self.command, self.path, dict(self.headers), body))
        if self.headers.get("Authorization") != "Bearer key":
            return self.answer({"title": "no key", "detail": "a key is needed", "status": 401}, 401)
        if self.path == "/v1/styles":
            return self.answer([{"name": "udnie"}])
        if self.path.endswith("/result"):
            return self.answer(b"painted")
        looks = sum(method == "GET" and "wait=" in path for method, path, *_ in self.asked)
        failed = b"failing" in self.asked[0][3]
        state = ("queued", "running", "failed" if failed else "done")[min(looks, 2)] if self.command != "DELETE" else "cancelled"
        return self.answer({"id": "a1", "state": state, "error": {"detail": "the photo is damaged"} if state == "failed" else None})

    do_GET = do_POST = do_DELETE = do_any  # noqa: N815

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def service() -> Iterator[str]:
    Service.asked.clear()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Service) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


def fields_of(headers: dict[str, str], body: bytes) -> list[tuple[str, str | bytes]]:
    """The fields of a form, by another reader than the service's own."""
    message = email.message_from_bytes(b"Content-Type: " + headers["Content-Type"].encode() + b"\r\n\r\n" + body, policy=email.policy.HTTP)
    found: list[tuple[str, str | bytes]] = []
    for part in message.iter_parts():
        data = part.get_payload(decode=True)
        name = str(part.get_param("name", header="content-disposition"))
        found.append((name, data if part.get_filename() else data.decode()))
    return found


def test_a_service_paints_and_understands_the_form(service: str) -> None:
    options = {"strength": 0.5, "size": 300, "engine": "instant"}
    assert bridge.paint(b"\x89PNG photo", ["udnie", b"\xff\xd8 painting"], options, service=service, key="key") == b"painted"
    assert [(method, path) for method, path, *_ in Service.asked] == [
        ("POST", "/v1/jobs"), ("GET", "/v1/jobs/a1?wait=1"), ("GET", "/v1/jobs/a1?wait=1"), ("GET", "/v1/jobs/a1/result"),
    ]  # fmt: skip
    _, _, headers, body = Service.asked[0]
    fields = fields_of(headers, body)
    assert fields[:3] == [("photo", b"\x89PNG photo"), ("style", "udnie"), ("style", b"\xff\xd8 painting")]
    asked = pytest.importorskip("atelier.service.asked")
    told, uploads = asked.read([(name, asked.Upload(name, value) if isinstance(value, bytes) else value) for name, value in fields])
    assert told.request.settings == {"strength": 0.5} and told.request.size == 300 and told.format == "png" and len(uploads) == 2
    assert bridge.style_names(service=service, key="key") == ["udnie"]


def test_what_a_service_refuses_is_told(service: str) -> None:
    with pytest.raises(bridge.Failed, match=r"^a key is needed$"):
        bridge.paint(b"photo", ["udnie"], service=service)
    Service.asked.clear()
    with pytest.raises(bridge.Failed, match=r"^the photo is damaged$"):
        bridge.paint(b"failing", ["udnie"], service=service, key="key")
    with pytest.raises(bridge.Failed, match="cannot be reached"):
        bridge.paint(b"photo", ["udnie"], service="http://127.0.0.1:9", key="key")
    with pytest.raises(bridge.Failed, match="begins with http"):
        bridge.paint(b"photo", ["udnie"], service="file:///etc")


def test_a_job_is_cancelled_where_the_user_stops(service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(bridge.SERVICE, service)
    monkeypatch.setenv(bridge.KEY, "key")
    with pytest.raises(bridge.Stopped):
        bridge.paint(b"photo", ["udnie"], stopped=lambda: True)
    assert Service.asked[-1][:2] == ("DELETE", "/v1/jobs/a1")
