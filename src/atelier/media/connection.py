"""Connections to the web, to hosts whose addresses were judged first.

Plain `http.client`: each hop's host is resolved here, its addresses are judged, and the connection goes to the very
address that was judged, so that a name cannot answer differently the second time it is asked (DNS rebinding).
Everything the house reads from the web comes through `request`.
"""

from __future__ import annotations

import contextlib
import http.client
import ipaddress
import socket
import ssl
import threading
import time
import urllib.request
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import quote, unquote, urljoin, urlsplit, urlunsplit

from atelier.errors import SourceError
from atelier.image.limits import Limits

_WHOLE = 10  # a whole download may take so many times the longest silence
_REDIRECTS = (301, 302, 303, 307, 308)
_HEADERS = {"User-Agent": "atelier", "Accept": "*/*", "Accept-Encoding": "identity", "Connection": "close"}
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class Dropped(SourceError):
    """A connection failed in a way that another try may mend. reason: how, without the address and without advice."""

    def __init__(self, shown: str, reason: str, advice: str = "") -> None:
        super().__init__(shown, reason, advice)
        self.reason = reason

    def __str__(self) -> str:
        shown, reason, advice = self.args
        return f"{shown}: {reason}; {advice}" if advice else f"{shown}: {reason}"


@dataclass(frozen=True)
class Address:
    """A URL taken apart. request: path and query, quoted. header: the host as the Host header has it. shown: the URL for
    messages, without what may be secret: a user name, a password, a signed query."""

    secure: bool
    host: str
    port: int
    request: str
    header: str
    shown: str


@contextmanager
def request(
    url: str,
    limits: Limits = Limits(),
    *,
    headers: Mapping[str, str] = _HEADERS,
    deadline: float | None = None,
    proxies: bool = False,
    downgrade: bool = True,
) -> Iterator[tuple[Address, http.client.HTTPResponse]]:
    """Ask for what is at an http or https URL; give the final address and its answer, headers read, whatever its status.

    Up to `limits.redirects` redirects are followed, each judged anew; headers go along. headers: more of them, or others than
    usual. deadline: on the clock of `time.monotonic`; the connection is cut then, however it drips. proxies: go through
    the environment's proxies, which then resolve names themselves, so that no address is judged. downgrade: follow redirects
    from https to http, too.

    Raises SourceError, also for every failure within the block; Dropped, which is one, where another try may help.
    """
    first = parse_address(url)
    allowed = limits.private_addresses or limits.typed_private
    for _ in range(limits.redirects + 1):
        address = parse_address(url)
        if first.secure and not address.secure and not downgrade:
            raise SourceError(f"{first.shown} redirects to {address.shown}, which is not safe to follow; give another address")
        with _answer(address, allowed, limits, {**_HEADERS, **headers}, deadline, proxies) as answer:
            if answer.status not in _REDIRECTS:
                yield address, answer
                return
            location = answer.getheader("Location")
        if not location:
            raise SourceError(f"{address.shown} redirects to nowhere; give the file's own address")
        url = _join(url, location)
        allowed = limits.private_addresses
    raise SourceError(f"{parse_address(url).shown}: more than {limits.redirects} redirects; give the file's own address")


def parse_address(url: str) -> Address:
    """Take an http or https URL apart. Raises SourceError for any other."""
    try:
        parts = urlsplit(url.strip())
        host, port = parts.hostname, parts.port
        ascii_host = (host or "").encode("idna").decode() if ":" not in (host or "") else host
    except ValueError as error:  # UnicodeError is one
        raise SourceError(f"{url!r} is malformed: {error}") from error
    if parts.scheme not in ("http", "https"):
        raise SourceError(f"{url.partition('?')[0]!r}: only http and https addresses are read; download it and give the file")
    if not ascii_host:
        raise SourceError(f"{url!r} names no host")
    if not ascii_host.isprintable() or " " in ascii_host:
        raise SourceError(f"{url!r} is malformed: its host has signs that no name has")
    secure = parts.scheme == "https"
    bracketed = f"[{ascii_host}]" if ":" in ascii_host else ascii_host
    header = f"{bracketed}:{port}" if port else bracketed
    path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._")
    query = quote(parts.query, safe="/%:@!$&'()*+,;=~-._?[]")
    shown = urlunsplit((parts.scheme, header, parts.path, "", ""))
    return Address(secure, ascii_host, port or (443 if secure else 80), f"{path}?{query}" if query else path, header, shown)


def is_public(address: str) -> bool:
    """Tell whether an IP address is one of the open internet: not loopback, private, link-local, reserved or multicast, nor
    an IPv6 address that stands for such an IPv4 one."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if ip in _NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
    return ip.is_global and not (ip.is_multicast or ip.is_reserved or ip.is_unspecified)


def is_local(url: str) -> bool:
    """Tell whether a URL's host has an address that is not public. Raises SourceError for what is no URL."""
    with contextlib.suppress(Dropped):
        return not all(is_public(ip) for ip in _resolve(parse_address(url), private_allowed=True))
    return False


def failure(error: Exception, address: Address, limits: Limits, deadline: float | None = None) -> SourceError:
    """Give the SourceError that says what an exception met while reading from an address means."""
    if isinstance(error, SourceError):
        return error
    if isinstance(error, ssl.SSLError):
        return SourceError(f"{address.shown}: the connection is not secure ({error.reason or error}); check the address")
    if deadline is not None and time.monotonic() >= deadline:
        return too_slow(address, limits)
    if isinstance(error, TimeoutError):
        return Dropped(address.shown, f"no answer for {limits.seconds:g} s", "try again later, or raise the limit (Limits.seconds)")
    if isinstance(error, http.client.IncompleteRead | http.client.RemoteDisconnected):
        return Dropped(address.shown, "the connection closed early", "try again")
    return Dropped(address.shown, (getattr(error, "strerror", None) or str(error) or type(error).__name__).lower(), "try again")


def deadline_of(limits: Limits) -> float:
    """Tell when a whole download that begins now is over, on the clock of `time.monotonic`."""
    return time.monotonic() + limits.seconds * _WHOLE


def too_slow(address: Address, limits: Limits) -> SourceError:
    return SourceError(f"{address.shown} took longer than {limits.seconds * _WHOLE:g} s; download it and give the file")


@contextmanager
def _answer(
    address: Address, private_allowed: bool, limits: Limits, headers: Mapping[str, str], deadline: float | None, proxies: bool
) -> Iterator[http.client.HTTPResponse]:
    """The server's answer, its headers read; every failure while it is in use is a SourceError."""
    proxy = _proxy(address) if proxies else None
    connection = http.client.HTTPConnection(address.host, address.port, timeout=limits.seconds)
    watchdog: threading.Timer | None = None
    try:
        target, more = address.request, {"Host": address.header}
        if proxy:
            connection.sock = _connect_through(address, proxy, limits.seconds)
            if not address.secure:
                target = f"http://{address.header}{address.request}"
                more |= _authorization(proxy)
        else:
            connection.sock = _connect(address, _resolve(address, private_allowed), limits.seconds)
        if deadline is not None:
            # A read's time-out begins again with every byte; a server that drips them is cut off here.
            watchdog = threading.Timer(max(0.0, deadline - time.monotonic()), _cut, [connection.sock])
            watchdog.daemon = True
            watchdog.start()
        connection.request("GET", target, headers={**more, **headers})
        with connection.getresponse() as answer:
            yield answer
    except (OSError, http.client.HTTPException, ValueError) as error:
        met = failure(error, address, limits, deadline)
        if met is error:
            raise
        raise met from error
    finally:
        if watchdog:
            watchdog.cancel()
        connection.close()


def _resolve(address: Address, private_allowed: bool) -> list[str]:
    try:
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    except (OSError, ValueError) as error:
        raise Dropped(address.shown, f"the host {address.host} is not found", "check the address and the connection") from error
    addresses = [str(each[4][0]) for each in found]
    if not private_allowed:
        for each in addresses:
            if not is_public(each):
                raise SourceError(
                    f"{address.shown} leads to the private address {each}, which is not allowed; download it yourself, or `allow_private`"
                )
    return addresses


def _connect(address: Address, addresses: list[str], seconds: float) -> socket.socket:
    reason: OSError = OSError("no address")
    for each in addresses:
        try:
            plain = socket.create_connection((each, address.port), timeout=seconds)
        except OSError as error:
            reason = error
            continue
        return _secured(plain, address) if address.secure else plain
    raise reason


def _secured(plain: socket.socket, address: Address) -> socket.socket:
    try:
        return ssl.create_default_context().wrap_socket(plain, server_hostname=address.host)
    except BaseException:
        plain.close()
        raise


def _proxy(address: Address) -> str | None:
    """The environment's proxy for an address, as a URL."""
    if urllib.request.proxy_bypass(address.header):
        return None
    proxy = urllib.request.getproxies().get("https" if address.secure else "http")
    return (proxy if "://" in proxy else f"http://{proxy}") if proxy else None


def _authorization(proxy: str) -> dict[str, str]:
    parts = urlsplit(proxy)
    if parts.username is None:
        return {}
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return {"Proxy-Authorization": "Basic " + b64encode(pair.encode()).decode()}


def _connect_through(address: Address, proxy: str, seconds: float) -> socket.socket:
    """A socket to the proxy that speaks with the address: through a tunnel, where it is secure."""
    parts = urlsplit(proxy)
    plain = socket.create_connection((parts.hostname or "", parts.port or 80), timeout=seconds)
    if not address.secure:
        return plain
    bracketed = f"[{address.host}]" if ":" in address.host else address.host
    lines = [f"CONNECT {bracketed}:{address.port} HTTP/1.1", f"Host: {bracketed}:{address.port}"]
    lines += [f"{key}: {value}" for key, value in _authorization(proxy).items()]
    try:
        plain.sendall("\r\n".join([*lines, "", ""]).encode())
        answer = http.client.HTTPResponse(plain, method="CONNECT")
        answer.begin()
        if answer.status != 200:
            raise SourceError(f"{address.shown}: the proxy answered {answer.status} {answer.reason}; check $https_proxy")
    except BaseException:
        plain.close()
        raise
    return _secured(plain, address)


def _join(url: str, location: str) -> str:
    try:
        return urljoin(url, location.encode("latin-1").decode("utf-8", "replace"))  # http.client takes headers for Latin-1
    except ValueError as error:
        raise SourceError(f"{parse_address(url).shown} redirects to {location!r}, which is no proper URL") from error


def _cut(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
