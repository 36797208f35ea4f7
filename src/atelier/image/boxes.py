"""What an AVIF or HEIC file says of its picture outside the codec's data: ISO/IEC 14496-12 boxes, 23008-12 properties."""

from __future__ import annotations

import struct
from collections.abc import Iterator


def read_properties(data: bytes) -> dict[bytes, bytes]:
    """Give type -> contents of the primary item's properties; of a type that comes twice the first (nclx before an ICC profile's
    `colr`). Empty where there are none or the boxes make no sense."""
    try:
        meta = _find(data, b"meta")[4:]
        primary = _primary(_find(meta, b"pitm"))
        items = _find(meta, b"iprp")
        kinds = list(_boxes(_find(items, b"ipco")))
        found: dict[bytes, bytes] = {}
        for index in _associated(_find(items, b"ipma"), primary):
            kind, body = kinds[index - 1]
            if kind not in found or (kind == b"colr" and body[:4] == b"nclx"):
                found[kind] = body
    except (struct.error, IndexError, StopIteration):
        return {}
    return found


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    while at + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        start = at + 8
        if length == 1:
            (length,) = struct.unpack_from(">Q", data, start)
            start += 8
        end = len(data) if length == 0 else at + length
        if end < start:
            return
        yield kind, data[start:end]
        at = end


def _find(data: bytes, wanted: bytes) -> bytes:
    return next(body for kind, body in _boxes(data) if kind == wanted)


def _primary(pitm: bytes) -> int:
    return int.from_bytes(pitm[4:6] if pitm[0] == 0 else pitm[4:8], "big")


def _associated(ipma: bytes, item: int) -> Iterator[int]:
    """Indices of an item's properties, from 1 on."""
    wide_item, wide_index = ipma[0] >= 1, ipma[3] & 1
    (count,) = struct.unpack_from(">I", ipma, 4)
    at = 8
    for _ in range(count):
        own = int.from_bytes(ipma[at : at + (4 if wide_item else 2)], "big")
        at += 4 if wide_item else 2
        several = ipma[at]
        at += 1
        for _ in range(several):
            index = struct.unpack_from(">H", ipma, at)[0] & 0x7FFF if wide_index else ipma[at] & 0x7F
            at += 2 if wide_index else 1
            if own == item and index:
                yield index
