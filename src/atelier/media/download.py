"""Pictures from the web, with bounds on size, time and where a redirect may lead.

Proxies of the environment are not used: they would resolve names themselves, and nobody could judge the addresses.
"""

from __future__ import annotations

import http.client
import time

from atelier.errors import SourceError
from atelier.image.limits import Limits
from atelier.media.connection import Address, deadline_of, request, too_slow

_CHUNK = 64 * 1024
_ACCEPT = {"Accept": "image/*, */*;q=0.5"}


def download(url: str, limits: Limits = Limits()) -> bytes:
    """Fetch what is at an http or https URL. Raises SourceError, also for what goes over `limits`."""
    deadline = deadline_of(limits)
    with request(url, limits, headers=_ACCEPT, deadline=deadline) as (address, answer):
        return _body(answer, address, limits, deadline)


def _body(answer: http.client.HTTPResponse, address: Address, limits: Limits, deadline: float) -> bytes:
    if answer.status != 200:
        raise SourceError(f"{address.shown}: the server answered {answer.status} {answer.reason}; check the address")
    declared = answer.length  # of the Content-Length header; None where there is none
    if declared is not None and declared > limits.url_bytes:
        raise _too_large(address, limits)
    body = bytearray()
    while chunk := answer.read1(_CHUNK):
        body += chunk
        if len(body) > limits.url_bytes:
            raise _too_large(address, limits)
    if time.monotonic() >= deadline:
        raise too_slow(address, limits)
    if declared is not None and len(body) < declared:
        raise SourceError(f"{address.shown}: the connection ended after {len(body):,} of {declared:,} bytes; try again")
    return bytes(body)


def _too_large(address: Address, limits: Limits) -> SourceError:
    return SourceError(
        f"{address.shown} is over the limit of {limits.url_bytes:,} bytes for downloads; raise it (`max_bytes`, or Limits.url_bytes)"
    )
