"""A file behind a URL of which only some bytes are wanted."""

from __future__ import annotations

import http.client
import re
from collections.abc import Iterator
from contextlib import ExitStack

from atelier.errors import SourceError
from atelier.image.limits import Limits
from atelier.media.connection import Address, Dropped, failure, is_local, request

PIECE = 64 << 10
"""Bytes that are read at most at once."""

_AGAIN = frozenset({408, 425, 429})
"""Answers, beside those from 500 on, after which another try may help."""


class Changed(SourceError):
    """The file at the source is no longer the one that was read before."""


class Refused(SourceError):
    """The server gives the file to nobody who asks like this."""


class RemoteFile:
    """A file read by ranges: from a server that honours them, or out of the stream of one that does not.

    identity: the ETag or date of the file ("" where the server gives neither), total: its bytes (None where not said); both
    are known from the first read on. The environment's proxies are used. A redirect may lead to an address of the local network
    where the URL itself does, and never from https down to http.

    Reads raise Dropped where another try may help, Changed, Refused, and SourceError, which all of these are.
    """

    def __init__(self, url: str, seconds: float) -> None:
        """url: http or https. seconds: of silence that are waited for."""
        self.url = url
        self.identity = ""
        self.total: int | None = None
        self._limits = Limits(seconds=seconds)
        self._held = ExitStack()
        self._address: Address | None = None
        self._response: http.client.HTTPResponse | None = None
        self._local: bool | None = None
        self._seen = False
        self._position = 0
        self._whole = False

    def read(self, start: int, stop: int) -> Iterator[bytes]:
        """Give bytes start..stop of the file, in pieces of up to PIECE."""
        if not (self._response and self._whole and self._position <= start):
            self._open(start, stop)
        while self._position < stop:
            skipping = self._position < start
            piece = self._take(min((start if skipping else stop) - self._position, PIECE))
            if not skipping:
                yield piece

    def close(self) -> None:
        """Let go of the connection; another read makes a new one."""
        self._response = None
        self._held.close()

    def _take(self, count: int) -> bytes:
        assert self._response is not None
        assert self._address is not None
        try:
            piece = self._response.read1(count)
        except (OSError, http.client.HTTPException) as error:
            raise failure(error, self._address, self._limits) from error
        if not piece:
            raise Dropped(self._address.shown, "the connection closed early")
        self._position += len(piece)
        return piece

    def _open(self, start: int, stop: int) -> None:
        self.close()
        headers = {"Range": f"bytes={start}-{stop - 1}"}
        if self.identity and not self.identity.startswith("W/"):
            headers["If-Range"] = self.identity
        if self._local is None:
            self._local = is_local(self.url)
        limits = Limits(seconds=self._limits.seconds, private_addresses=self._local)
        asked = request(self.url, limits, headers=headers, proxies=True, downgrade=False)
        self._address, self._response = self._held.enter_context(asked)
        self._check(self._response, self._address, start, stop)

    def _check(self, response: http.client.HTTPResponse, address: Address, start: int, stop: int) -> None:
        """Refuse what is no answer to this range of this file, and note what is said of the file."""
        self._check_status(response, address)
        if response.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise SourceError(f"{address.shown} comes compressed although that was not asked for; try another source")
        self._whole = response.status == 200
        if self._whole:
            # No ranges here, or the file is not the one that If-Range named, which the next lines find out.
            self._position = 0
            length = response.headers.get("Content-Length", "")
            total = int(length) if length.isdecimal() else None
        else:
            match = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+|\*)", response.headers.get("Content-Range", "").strip())
            if response.status != 206 or not match or int(match[1]) != start or int(match[2]) >= stop:
                raise SourceError(f"{address.shown} answers a range with something else; try another source")
            self._position = start
            total = int(match[3]) if match[3] != "*" else None
        identity = response.headers.get("ETag") or response.headers.get("Last-Modified") or ""
        if self._seen and (identity != self.identity or (total is not None and self.total is not None and total != self.total)):
            raise Changed(f"{address.shown} has changed while it was read; try again")
        self.identity, self._seen = identity, True
        self.total = self.total if total is None else total
        if self.total is not None and self.total < stop:
            raise SourceError(f"{address.shown} is only {self.total} bytes long: it is cut short, or another file")

    def _check_status(self, response: http.client.HTTPResponse, address: Address) -> None:
        status = response.status
        if status in (200, 206):
            return
        answer = f"the server answers {status} {http.client.responses.get(status, '')}".strip()
        if status == 416 and self._seen:
            raise Changed(f"{address.shown} has changed while it was read; try again")
        if status == 416:
            raise SourceError(f"{address.shown} is cut short, or another file")
        if status in _AGAIN or status >= 500:
            raise Dropped(address.shown, answer)
        raise Refused(answer)
