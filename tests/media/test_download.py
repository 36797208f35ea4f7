"""Downloads from real servers on this machine."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from atelier.errors import ImageError, SourceError
from atelier.image import Image, Limits, encode
from atelier.media import open_still
from atelier.media.connection import is_public

PNG = encode(Image.from_array(np.zeros((4, 6, 3), np.uint8)), "png")


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    seen: list[tuple[str, str]]

    def log_message(self, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        assert isinstance(self.server, Server)
        self.server.seen.append((self.path, self.headers["Host"]))
        path, _, query = self.path.partition("?")
        if path.startswith("/to"):
            self.head(302, {"Location": query, "Content-Length": "0"})
        elif path == "/loop":
            self.head(301, {"Location": "/loop", "Content-Length": "0"})
        elif path == "/nowhere":
            self.head(302, {"Content-Length": "0"})
        elif path == "/page":
            self.send(b"<!doctype html><html>no picture</html>")
        elif path == "/endless":
            self.head(200, {})
            self.pour()
        elif path == "/chunked":
            self.head(200, {"Transfer-Encoding": "chunked"})
            self.wfile.write(b"%x\r\n%s\r\n0\r\n\r\n" % (len(PNG), PNG))
        elif path == "/claims":
            self.head(200, {"Content-Length": "999999999"})
        elif path == "/short":
            self.head(200, {"Content-Length": str(len(PNG) + 50)})
            self.wfile.write(PNG)
        elif path == "/silent":
            self.server.over.wait(5)
        elif path == "/drip":
            self.head(200, {"Content-Length": "1000"})
            while not self.server.over.wait(0.02):
                self.wfile.write(b"x")
                self.wfile.flush()
        elif path == "/drip-header":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
            while not self.server.over.wait(0.02):
                self.wfile.write(b"x")
                self.wfile.flush()
        elif path == "/garbage":
            self.wfile.write(b"\x00\x01 what?\r\n\r\n")
        elif path in ("/picture.png", "/%C3%BC%20b.png"):
            self.send(PNG)
        else:
            self.head(404, {"Content-Length": "0"})

    def head(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.close_connection = True

    def send(self, body: bytes) -> None:
        self.head(200, {"Content-Length": str(len(body))})
        self.wfile.write(body)

    def pour(self) -> None:
        while not self.server.over.is_set():
            self.wfile.write(b"x" * 10_000)


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.seen: list[tuple[str, str]] = []
        self.over = threading.Event()

    def handle_error(self, request: object, client_address: object) -> None:
        pass  # a client that hangs up is what half of these tests are about

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.server_port}{path}"


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.over.set()
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_picture(server: Server) -> None:
    assert open_still(server.url("/picture.png")).size == (6, 4)
    assert open_still(server.url("/chunked")).size == (6, 4)
    assert server.seen[0] == ("/picture.png", f"127.0.0.1:{server.server_port}")


def test_addresses_as_people_type_them(server: Server) -> None:
    assert open_still(server.url("/ü b.png")).size == (6, 4)
    assert open_still(" " + server.url("/%C3%BC%20b.png#there")).size == (6, 4)
    assert open_still(server.url("/picture.png").replace("http", "HTTP")).size == (6, 4)


def test_answers_that_are_no_picture(server: Server) -> None:
    with pytest.raises(SourceError, match=r"/missing: the server answered 404 Not Found"):
        open_still(server.url("/missing"))
    with pytest.raises(ImageError, match="web page"):
        open_still(server.url("/page"))
    for path in ("/garbage", "/short", "/nowhere"):
        with pytest.raises(SourceError, match=path):
            open_still(server.url(path))


def test_passwords_stay_out_of_messages(server: Server) -> None:
    with pytest.raises(SourceError) as caught:
        open_still(server.url("/missing", "me:secret@127.0.0.1"))
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("path", ["/claims", "/endless", "/picture.png"])
def test_too_large(server: Server, path: str) -> None:
    with pytest.raises(SourceError, match="over the limit of 50 bytes"):
        open_still(server.url(path), Limits(url_bytes=50))


def test_too_large_is_noticed_while_it_comes(server: Server) -> None:
    with pytest.raises(SourceError, match="over the limit of 1,000,000 bytes"):
        open_still(server.url("/endless"), Limits(url_bytes=1_000_000))


def test_a_silent_server(server: Server) -> None:
    begin = time.monotonic()
    with pytest.raises(SourceError, match=r"no answer for 0.2 s"):
        open_still(server.url("/silent"), Limits(seconds=0.2))
    assert time.monotonic() - begin < 2


@pytest.mark.parametrize("path", ["/drip", "/drip-header"])
def test_a_server_that_drips(server: Server, path: str) -> None:
    begin = time.monotonic()
    with pytest.raises(SourceError, match=r"longer than 1 s"):
        open_still(server.url(path), Limits(seconds=0.1))
    assert time.monotonic() - begin < 3


def test_redirects_to_private_addresses(server: Server) -> None:
    port = server.server_port
    for target in (f"http://localhost:{port}/picture.png", "/picture.png", f"http://2130706433:{port}/picture.png"):
        url = server.url(f"/to?{target}")
        with pytest.raises(SourceError, match=r"private address 127\.0\.0\.1"):
            open_still(url)
        assert server.seen[-1][0].startswith("/to")  # it was not even asked
        assert open_still(url, Limits(private_addresses=True)).size == (6, 4)


def test_typed_private_addresses(server: Server) -> None:
    with pytest.raises(SourceError, match=r"private address 127\.0\.0\.1"):
        open_still(server.url("/picture.png"), Limits(typed_private=False))
    assert server.seen == []


def test_redirects_elsewhere_than_http(server: Server) -> None:
    for target in ("file:///etc/passwd", "ftp://example.org/a.png"):
        with pytest.raises(SourceError, match="only http and https"):
            open_still(server.url(f"/to?{target}"), Limits(private_addresses=True))


def test_endless_redirects(server: Server) -> None:
    with pytest.raises(SourceError, match="more than 3 redirects"):
        open_still(server.url("/loop"), Limits(private_addresses=True, redirects=3))
    assert len(server.seen) == 4


def test_no_server_there(server: Server) -> None:
    unused = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    url = f"http://127.0.0.1:{unused.server_port}/a.png"
    unused.server_close()
    with pytest.raises(SourceError, match="refused"):
        open_still(url)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.org/a.png",
        "file:///etc/passwd",
        "http://",
        "http:///a.png",
        "http://a:99999/",
        "http://[::1/",
        "http://a\0b/",
        "http://..x/",
    ],
)
def test_addresses_that_are_none(url: str) -> None:
    with pytest.raises(SourceError):
        open_still(url)


def test_https_needs_a_certificate(server: Server) -> None:
    with pytest.raises(SourceError):
        open_still(server.url("/picture.png").replace("http:", "https:"), Limits(seconds=2))


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1::1", "64:ff9b::5db8:d822"])
def test_public_addresses(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1%eth0",
        "fc00::1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
    ],
)
def test_private_addresses(address: str) -> None:
    assert not is_public(address)
