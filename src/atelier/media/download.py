"""Pictures from the web, with bounds on size, time and where a redirect may lead.

Plain `http.client`: each hop's host is resolved here, its addresses are judged, and the connection goes to the very
address that was judged, so that a name cannot answer differently the second time it is asked (DNS rebinding).
Proxies of the environment are not used, for the same reason.
"""

from __future__ import annotations

import contextlib
import http.client
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import quote, urljoin, urlsplit, urlunsplit

from atelier.errors import SourceError
from atelier.image import Limits

_CHUNK = 64 * 1024
_WHOLE = 10  # a whole download may take so many times the longest silence
_REDIRECTS = (301, 302, 303, 307, 308)
_HEADERS = {"User-Agent": "atelier", "Accept": "image/*, */*;q=0.5", "Accept-Encoding": "identity", "Connection": "close"}
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


def download(url: str, limits: Limits = Limits()) -> bytes:
    """What is at an http or https URL. Raises SourceError, also for what goes over `limits`."""
    deadline = time.monotonic() + limits.seconds * _WHOLE
    allowed = limits.private_addresses or limits.typed_private
    for _ in range(limits.redirects + 1):
        hop = _parse(url)
        addresses = _resolved(hop, allowed)
        with _answer(hop, addresses, limits, deadline) as answer:
            if answer.status not in _REDIRECTS:
                return _body(answer, hop, limits, deadline)
            location = answer.getheader("Location")
        if not location:
            raise SourceError(f"{hop.shown} redirects to nowhere; give the picture's own address")
        url = urljoin(url, location.encode("latin-1").decode("utf-8", "replace"))  # http.client takes headers for Latin-1
        allowed = limits.private_addresses
    raise SourceError(f"{_parse(url).shown}: more than {limits.redirects} redirects; give the picture's own address")


@dataclass(frozen=True)
class _Hop:
    secure: bool
    host: str
    port: int
    request: str  # path and query, quoted
    header: str  # the host as the Host header has it
    shown: str  # the URL for messages: no user name, no password


def _parse(url: str) -> _Hop:
    try:
        parts = urlsplit(url.strip())
        host, port = parts.hostname, parts.port
        ascii_host = (host or "").encode("idna").decode() if ":" not in (host or "") else host
    except ValueError as error:  # UnicodeError is one
        raise SourceError(f"{url!r} is not a proper URL: {error}") from error
    if parts.scheme not in ("http", "https"):
        raise SourceError(f"{url!r}: only http and https addresses are read; download it and give the file")
    if not ascii_host:
        raise SourceError(f"{url!r} names no host")
    secure = parts.scheme == "https"
    bracketed = f"[{ascii_host}]" if ":" in ascii_host else ascii_host
    header = f"{bracketed}:{port}" if port else bracketed
    path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._")
    query = quote(parts.query, safe="/%:@!$&'()*+,;=~-._?[]")
    shown = urlunsplit((parts.scheme, header, parts.path, parts.query, ""))
    return _Hop(secure, ascii_host, port or (443 if secure else 80), f"{path}?{query}" if query else path, header, shown)


def _resolved(hop: _Hop, private_allowed: bool) -> list[str]:
    try:
        found = socket.getaddrinfo(hop.host, hop.port, type=socket.SOCK_STREAM)
    except (OSError, ValueError) as error:
        raise SourceError(f"{hop.shown}: the host {hop.host} is not found; check the address and the connection") from error
    addresses = [str(address[4][0]) for address in found]
    if not private_allowed:
        for address in addresses:
            if not is_public(address):
                raise SourceError(
                    f"{hop.shown} leads to the private address {address}, which is not allowed; download it yourself, or --allow-private"
                )
    return addresses


def is_public(address: str) -> bool:
    """Whether an IP address is one of the open internet: not loopback, private, link-local, reserved or multicast, nor
    an IPv6 address that stands for such an IPv4 one."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if ip in _NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
    return ip.is_global and not (ip.is_multicast or ip.is_reserved or ip.is_unspecified)


@contextmanager
def _answer(hop: _Hop, addresses: list[str], limits: Limits, deadline: float) -> Iterator[http.client.HTTPResponse]:
    """The server's answer, its headers read; every failure while it is in use is a SourceError."""
    connection = http.client.HTTPConnection(hop.host, hop.port, timeout=limits.seconds)
    watchdog: threading.Timer | None = None
    try:
        connection.sock = _connected(hop, addresses, limits.seconds)
        # A read's time-out begins again with every byte; a server that drips them is cut off here.
        watchdog = threading.Timer(max(0.0, deadline - time.monotonic()), _cut, [connection.sock])
        watchdog.daemon = True
        watchdog.start()
        connection.request("GET", hop.request, headers={"Host": hop.header, **_HEADERS})
        with connection.getresponse() as answer:
            yield answer
    except TimeoutError as error:
        silence = f"no answer for {limits.seconds:g} s"
        raise SourceError(f"{hop.shown}: {silence}; try again later, or raise the limit (Limits.seconds)") from error
    except ssl.SSLError as error:
        raise SourceError(f"{hop.shown}: the connection is not secure ({error.reason or error}); check the address") from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        if isinstance(error, SourceError):
            raise
        if time.monotonic() >= deadline:
            raise _too_slow(hop, limits) from error
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise SourceError(f"{hop.shown} cannot be fetched: {reason}") from error
    finally:
        if watchdog:
            watchdog.cancel()
        connection.close()


def _connected(hop: _Hop, addresses: list[str], seconds: float) -> socket.socket:
    failure: OSError = OSError("no address")
    for address in addresses:
        try:
            plain = socket.create_connection((address, hop.port), timeout=seconds)
        except OSError as error:
            failure = error
            continue
        if not hop.secure:
            return plain
        try:
            return ssl.create_default_context().wrap_socket(plain, server_hostname=hop.host)
        except BaseException:
            plain.close()
            raise
    raise failure


def _cut(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


def _body(answer: http.client.HTTPResponse, hop: _Hop, limits: Limits, deadline: float) -> bytes:
    if answer.status != 200:
        raise SourceError(f"{hop.shown}: the server answered {answer.status} {answer.reason}; check the address")
    declared = answer.length  # of the Content-Length header; None where there is none
    if declared is not None and declared > limits.url_bytes:
        raise _too_large(hop, limits)
    body = bytearray()
    while chunk := answer.read1(_CHUNK):
        body += chunk
        if len(body) > limits.url_bytes:
            raise _too_large(hop, limits)
    if time.monotonic() >= deadline:
        raise _too_slow(hop, limits)
    if declared is not None and len(body) < declared:
        raise SourceError(f"{hop.shown}: the connection ended after {len(body):,} of {declared:,} bytes; try again")
    return bytes(body)


def _too_large(hop: _Hop, limits: Limits) -> SourceError:
    return SourceError(
        f"{hop.shown} is over the limit of {limits.url_bytes:,} bytes for downloads; raise it (--max-bytes, or Limits.url_bytes)"
    )


def _too_slow(hop: _Hop, limits: Limits) -> SourceError:
    return SourceError(f"{hop.shown} took longer than {limits.seconds * _WHOLE:g} s; download it and give the file")
