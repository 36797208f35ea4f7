"""Pictures too large to be held, written in windows to a tiled TIFF."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from atelier.errors import ImageError, OutputError, SettingError
from atelier.image import Image, metadata
from atelier.image.profiles import from_srgb, srgb_profile
from atelier.image.tiff import XMP_TAG
from atelier.media.files import atomic_file, check_place

COMPRESSIONS = ("deflate", "zstd", "lzw", "none")

_QUEUE = 16 * 2**20  # bytes of tiles that wait for their compression


def write_stream(
    windows: Iterable[tuple[int, int, NDArray[Any]]],
    target: str | Path,
    size: tuple[int, int],
    *,
    depth: int = 8,
    alpha: bool = False,
    text: Mapping[str, str] | None = None,
    exif: bytes | None = None,
    profile: bytes | None = None,
    compression: str = "deflate",
    tile: int = 512,
    overwrite: bool = True,
) -> None:
    """Write a picture that comes in windows as a tiled BigTIFF, with the profile and text that `encode` gives a TIFF.

    windows: (x, y, pixels), taken one at a time, x and y being the place of the upper left pixel; a generator will do, and
    what it raises leaves no file. pixels: floats (h, w, 3) in [0, 1], sRGB, or (h, w, 4) with straight alpha where `alpha`.
    They come in rows: from (0, 0) on, each begins where the one before ended, in its height, until the picture's right edge;
    the next row begins below. Heights may differ from row to row and widths in a row, and need not be those of tiles; but
    rows `tile` high, or a multiple, are written without another copy.
    size: (width, height) in pixels. depth: 8 or 16. text: as in Image. exif: as in Image; of it the words about the picture
    (maker, author, copyright, ...), not how it was taken. profile: an ICC profile of RGB to write in; None for sRGB. compression:
    none of them loses anything. tile: its side in pixels, a multiple of 16.

    Held are one row of windows as integers, what is left of the one before, and 32 MiB of tiles. Written whole or not at all.

    Raises OutputError for a suffix other than .tif or .tiff, a place that cannot be written to, a full disk; SettingError for
    depth, compression, tile or size; ImageError for windows of other values, or in another order, or too few or many.
    """
    check_stream(target, overwrite=overwrite)
    _check(size, depth, compression, tile)
    import tifffile

    width, height = size
    coming = iter(windows)
    channels = 4 if alpha else 3
    with atomic_file(target, overwrite=overwrite) as file, tifffile.TiffWriter(file, bigtiff=True, byteorder="<") as writer:
        writer.write(
            _tiles(_rows(coming, size, depth, channels, profile), size, tile),
            shape=(height, width, channels),
            dtype=np.uint8 if depth == 8 else np.uint16,
            tile=(tile, tile),
            photometric="rgb",
            planarconfig="contig",
            extrasamples=("unassalpha",) if alpha else None,
            compression=None if compression == "none" else compression,
            predictor=compression != "none",
            iccprofile=profile or srgb_profile(),
            extratags=_tags(text or {}, exif),
            metadata=None,
            software="atelier",
            buffersize=_QUEUE,
        )
        extra = next(coming, None)  # and a generator comes to its own end
        if extra is not None:
            raise ImageError(f"the picture of {width} × {height} px was complete, but another window came at {extra[:2]}")


def _check(size: tuple[int, int], depth: int, compression: str, tile: int) -> None:
    if depth not in (8, 16):
        raise SettingError("depth", "must be 8 or 16 bits a channel", depth)
    if compression not in COMPRESSIONS:
        raise SettingError("compression", f"must be one of {', '.join(COMPRESSIONS)}", compression)
    if tile % 16 or not 16 <= tile <= 4096:
        raise SettingError("tile", "a tile's side must be a multiple of 16 from 16 to 4096", tile)
    if min(size) < 1:
        raise SettingError("size", "a picture's size must be at least 1 × 1", f"{size[0]} × {size[1]}")


def check_stream(target: str | Path, *, overwrite: bool = True) -> None:
    """Raise now the OutputError that `write_stream` would raise for its target later."""
    if Path(target).suffix.lower() not in (".tif", ".tiff"):
        raise OutputError(f"{target}: pictures written in windows are TIFF; choose the suffix .tif")
    check_place(target, overwrite=overwrite)


def _rows(
    windows: Iterator[tuple[int, int, NDArray[Any]]], size: tuple[int, int], depth: int, channels: int, profile: bytes | None
) -> Iterator[NDArray[Any]]:
    """Rows of windows joined, each (h, W, C), of integers."""
    width, height = size
    top = 0
    while top < height:
        row: NDArray[Any] | None = None
        left = 0
        while left < width:
            following = next(windows, None)
            if following is None:
                raise ImageError(f"the windows ended before the picture of {width} × {height} px was full: at ({left}, {top})")
            x, y, pixels = following
            if pixels.ndim != 3 or pixels.shape[2] != channels or 0 in pixels.shape:
                raise ImageError(f"a window's pixels must be (h, w, {channels}), got {pixels.shape}")
            high, wide, _ = pixels.shape
            if (x, y) != (left, top) or (row is not None and high != len(row)) or left + wide > width or top + high > height:
                tall = "" if row is None else f", {len(row)} px high"
                raise ImageError(
                    f"windows must come in rows without gaps: the next at ({left}, {top}){tall}, within {width} × {height} px; "
                    f"got one at ({x}, {y}) of {wide} × {high}"
                )
            if row is None:
                row = np.empty((high, width, channels), np.uint8 if depth == 8 else np.uint16)
            picture = Image(pixels[:, :, :3], pixels[:, :, 3] if channels == 4 else None)  # checks the values
            if profile:
                picture = picture.with_pixels(from_srgb(picture.pixels, profile))
            row[:, left : left + wide] = picture.to_array(depth)
            left += wide
        joined = cast(NDArray[Any], row)
        del row, following, pixels, picture
        top += len(joined)
        yield joined
        del joined


def _tiles(rows: Iterator[NDArray[Any]], size: tuple[int, int], side: int) -> Iterator[NDArray[Any]]:
    """Tiles in raster order, cut off at the picture's edges."""
    width, height = size
    top = 0  # of the row of tiles that is next
    held: NDArray[Any] | None = None
    filled = 0
    for row in rows:
        rest = row
        del row  # so that what was given out is let go before the next is made
        while len(rest):
            wanted = min(side, height - top)
            if held is None and len(rest) >= wanted:
                whole, rest = rest[:wanted], rest[wanted:]
            else:
                if held is None:
                    held, filled = np.empty((wanted, *rest.shape[1:]), rest.dtype), 0
                piece = rest[: wanted - filled]
                held[filled : filled + len(piece)] = piece
                filled, rest = filled + len(piece), rest[len(piece) :]
                if filled < wanted:
                    continue
                whole, held = held, None
            for left in range(0, width, side):
                yield np.ascontiguousarray(whole[:, left : left + side])
            top += wanted
            del whole
        del rest


def _tags(text: Mapping[str, str], exif: bytes | None) -> list[tuple[int, Any, int, Any, bool]]:
    tags: list[tuple[int, Any, int, Any, bool]] = []
    packet = metadata.to_xmp(text)
    if packet:
        tags.append((XMP_TAG, 1, len(packet), packet, True))
    for tag, value in (metadata.load_exif(exif) if exif else {}).items():
        if isinstance(value, str):
            words = value.encode("latin-1", "replace") + b"\0"
            tags.append((int(tag), 2, len(words), words, True))
    return tags
