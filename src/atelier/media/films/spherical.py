"""What tells players that a film goes all around: the box of Spherical Video V1 in MP4 and QuickTime, and V2's `sv3d` when it is read.

https://github.com/google/spatial-media/blob/master/docs/spherical-video-rfc.md
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

UUID = bytes.fromhex("ffcc8263f8554a938814587a02521fdd")
XML = (
    b'<?xml version="1.0"?><rdf:SphericalVideo xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" '
    b'xmlns:GSpherical="http://ns.google.com/videos/1.0/spherical/"><GSpherical:Spherical>true</GSpherical:Spherical>'
    b"<GSpherical:Stitched>true</GSpherical:Stitched><GSpherical:StitchingSoftware>atelier</GSpherical:StitchingSoftware>"
    b"<GSpherical:ProjectionType>equirectangular</GSpherical:ProjectionType></rdf:SphericalVideo>"
)
LARGEST = 256 << 20
"""Bytes of a `moov` that are looked at: what describes a film of many hours has less."""
Box = tuple[bytes, int, int, int]
"""Kind, where it begins, where what is in it begins, where it ends."""


def mark_spherical(path: Path) -> None:
    """Say in a film, MP4 or QuickTime with its description at the end, that it goes all around. Raises ValueError for other files."""
    with path.open("r+b") as file:
        kind, begin, inner, end = next((box for box in _boxes_of(file) if box[0] == b"moov"), (b"", 0, 0, 0))
        if not kind or end != path.stat().st_size:
            raise ValueError("the film's description is not at its end")
        file.seek(begin)
        moov = bytearray(file.read(end - begin))
        for track in _boxes(moov, inner - begin, len(moov)):
            if track[0] == b"trak" and b"vide" in bytes(moov[track[2] : track[3]]):
                box = struct.pack(">I4s", 24 + len(XML), b"uuid") + UUID + XML
                moov[track[3] : track[3]] = box
                for at in (track[1], 0):
                    moov[at : at + 4] = struct.pack(">I", struct.unpack(">I", moov[at : at + 4])[0] + len(box))
                file.seek(begin)
                file.write(moov)
                return
    raise ValueError("the film has no pictures")


def is_spherical(path: str) -> bool:
    """Whether a film says that it goes all around, as V1 or V2 have it. False for what is no MP4 or QuickTime."""
    try:
        with Path(path).open("rb") as file:
            for kind, begin, _, end in _boxes_of(file):
                if kind == b"moov" and end - begin <= LARGEST:
                    file.seek(begin)
                    moov = file.read(end - begin)
                    return b"sv3d" in moov or (UUID in moov and b"<GSpherical:Spherical>true" in moov)
    except (OSError, struct.error):
        return False
    return False


def _boxes_of(file: BinaryIO) -> Iterator[Box]:
    """The outermost boxes of a file."""
    size = file.seek(0, 2)
    at = 0
    while at + 8 <= size:
        file.seek(at)
        head = file.read(16)
        long, kind = struct.unpack(">I4s", head[:8])
        inner = 8
        if long == 1 and len(head) == 16:
            long, inner = struct.unpack(">Q", head[8:])[0], 16
        end = size if long == 0 else at + long
        if end <= at + 7 or end > size:
            return
        yield kind, at, at + inner, end
        at = end


def _boxes(data: bytearray, begin: int, end: int) -> Iterator[Box]:
    """The boxes in one, of those with sizes of 32 bits."""
    at = begin
    while at + 8 <= end:
        long, kind = struct.unpack(">I4s", data[at : at + 8])
        if long < 8 or at + long > end:
            return
        yield kind, at, at + 8, at + long
        at += long
