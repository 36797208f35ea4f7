"""A TIFF's page in pieces: its tiles or strips, decoded one at a time and kept in a cache."""

from __future__ import annotations

from collections import OrderedDict
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from atelier.errors import ImageError
from atelier.image.tiff import COLORS, REDUCED, RGB, interpret
from atelier.image.ycbcr import YCBCR, is_ycbcr

if TYPE_CHECKING:
    import tifffile  # which takes long to import, and most pictures are not streamed


_LARGEST_SEGMENT = 64 * 2**20  # bytes decoded
_MOST_SEGMENTS = 2**22  # their places in the file are held
_RAW = 2**20  # bytes read at once of pixels that are not compressed
_MOST_LEVELS = 16


class Unstreamable(ImageError):
    """A picture, perhaps a good one, that cannot be read in windows. Load it whole, or make it a tiled TIFF."""


class Cache:
    """Decoded segments, those last used, up to a number of bytes; the newest is kept whatever its size."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._held = 0
        self._segments: OrderedDict[tuple[int, int, int], NDArray[Any]] = OrderedDict()

    def get(self, key: tuple[int, int, int]) -> NDArray[Any] | None:
        found = self._segments.get(key)
        if found is not None:
            self._segments.move_to_end(key)
        return found

    def put(self, key: tuple[int, int, int], segment: NDArray[Any]) -> None:
        while self._segments and self._held + segment.nbytes > self._most:
            _, oldest = self._segments.popitem(last=False)
            self._held -= oldest.nbytes
        self._segments[key] = segment
        self._held += segment.nbytes

    def clear(self) -> None:
        self._segments.clear()
        self._held = 0


class Level:
    """A page of the file: its segments' grid, and how they become samples. Raises Unstreamable, ImageError."""

    def __init__(self, page: tifffile.TiffPage, file: BinaryIO, name: str, cache: Cache) -> None:
        if page.photometric not in COLORS or page.axes not in ("YX", "YXS", "SYX") or page.imagedepth != 1 or page.dtype is None:
            kind = getattr(page.photometric, "name", page.photometric)
            raise Unstreamable(f"{name} is a TIFF of a kind that is not read in windows ({kind}, {page.axes}); save it as tiled RGB")
        split = is_ycbcr(page) and page.is_subsampled
        if page.jpegheader is not None or not isinstance(page.bitspersample, int) or split:
            raise Unstreamable(f"{name} is a TIFF of a kind that is not read in windows; save it as tiled RGB")
        self.page, self._file, self._name, self._cache = page, file, name, cache
        self._planes, _, self._height, self._width, self._together = page.shaped
        # not compressed and in one piece, whatever its strips: any rows of it can be read
        self._raw = page.is_contiguous and page.fillorder == 1 and page.predictor == 1 and not page.is_subsampled
        channels = self._planes * self._together
        if self._raw:
            line = self._width * channels * page.dtype.itemsize
            self._segment = (max(1, min(self._height, _RAW // line)), self._width)
        elif page.is_tiled:
            self._segment = (page.tilelength, page.tilewidth)
        else:
            self._segment = (min(page.rowsperstrip, self._height), self._width)
        self._rows, self._columns = -(-self._height // self._segment[0]), -(-self._width // self._segment[1])
        rows, columns = self._segment
        if rows * columns * channels * page.dtype.itemsize > _LARGEST_SEGMENT:
            raise Unstreamable(f"{name} is stored in pieces of {columns} × {rows} px, too large to be read in windows; save it in tiles")
        self._check_segments()

    @property
    def size(self) -> tuple[int, int]:
        return self._width, self._height

    def probe(self) -> tuple[NDArray[Any], NDArray[Any] | None, tuple[str, ...]]:
        """Give what one pixel of zeros becomes: type, channels, alpha and notes are the whole picture's."""
        return interpret(self.page, np.zeros((1, 1, self._planes * self._together), self.page.dtype), self._name)

    def samples(self, x: int, y: int, w: int, h: int) -> tuple[NDArray[Any], NDArray[Any] | None]:
        """Read colours and alpha of a window, as in Samples."""
        high, wide = self._segment
        window = np.empty((h, w, self._planes * self._together), self.page.dtype)
        for row in range(y // high, (y + h - 1) // high + 1):
            for column in range(x // wide, (x + w - 1) // wide + 1):
                segment = self._cached(row, column)
                top, left = row * high, column * wide
                upper, lower = max(y, top), min(y + h, top + segment.shape[0])
                first, last = max(x, left), min(x + w, left + segment.shape[1])
                window[upper - y : lower - y, first - x : last - x] = segment[upper - top : lower - top, first - left : last - left]
        with np.errstate(all="ignore"):  # NaN and division by almost nothing come out clipped
            colors, alpha, _ = interpret(self.page, window, self._name)
        return colors, alpha

    def _check_segments(self) -> None:
        offsets, counts = self.page.dataoffsets, self.page.databytecounts
        if self._rows * self._columns * self._planes > _MOST_SEGMENTS:
            raise Unstreamable(f"{self._name} is stored in too many pieces to be read in windows; save it in larger tiles")
        end = self._file.seek(0, 2)
        if self._raw:
            short = not offsets or offsets[0] + self.page.nbytes > end
        else:
            short = len(offsets) < self._rows * self._columns * self._planes or any(
                offset + count > end for offset, count in zip(offsets, counts, strict=True)
            )
        if short:
            raise ImageError(f"{self._name} is cut short: part of its pixels is missing; get the whole file again")
        if not self._raw and max(counts) > 2 * _LARGEST_SEGMENT:
            raise ImageError(f"{self._name} is damaged: a piece of it has {max(counts):,} bytes; get the file again")

    def _cached(self, row: int, column: int) -> NDArray[Any]:
        key = (self.page.offset, row, column)
        segment = self._cache.get(key)
        if segment is None:
            try:
                segment = self._read(row, column)
            except Exception as error:  # codecs raise anything on damage
                raise damage(self._name, error) from error
            self._cache.put(key, segment)
        return segment

    def _read(self, row: int, column: int) -> NDArray[Any]:
        """(h, w, C), cut off at the picture's edges."""
        page = self.page
        top, left = row * self._segment[0], column * self._segment[1]
        height, width = min(self._segment[0], self._height - top), min(self._segment[1], self._width - left)
        segment = np.empty((height, width, self._planes * self._together), page.dtype)
        for plane in range(self._planes):
            part = self._raw_rows(plane, top, height) if self._raw else self._decode((plane * self._rows + row) * self._columns + column)
            into = segment[:, :, plane * self._together : (plane + 1) * self._together]
            into[...] = page.nodata if part is None else part[:height, :width]
        return segment

    def _raw_rows(self, plane: int, top: int, rows: int) -> NDArray[Any]:
        dtype = cast("np.dtype[Any]", self.page.dtype).newbyteorder(cast(Any, self.page.parent.byteorder))
        line = self._width * self._together * dtype.itemsize
        self._file.seek(self.page.dataoffsets[0] + (plane * self._height + top) * line)
        return np.frombuffer(self._file.read(rows * line), dtype).reshape(rows, self._width, self._together)

    def _decode(self, index: int) -> NDArray[Any] | None:
        offset, count = self.page.dataoffsets[index], self.page.databytecounts[index]
        data = None
        if offset and count:
            self._file.seek(offset)
            data = self._file.read(count)
        tables = {"jpegtables": self.page.jpegtables} if self.page.jpegtables else {}
        part, _, _ = self.page.decode(data, index, **tables)
        return None if part is None else part[0]


def find_levels(tiff: tifffile.TiffFile, main: Level, name: str, file: BinaryIO, cache: Cache) -> list[Level]:
    """Find the file's own reduced versions of the page, in its colours and proportions."""
    import tifffile

    levels = []
    try:
        for page in chain(islice(tiff.pages, 1, 1 + _MOST_LEVELS), islice(main.page.pages or (), _MOST_LEVELS)):
            if isinstance(page, tifffile.TiffPage) and page.subfiletype & REDUCED and _is_smaller(page, main.page):
                levels.append(Level(page, file, name, cache))  # noqa: PERF401 (those before a bad one are kept)
    except Exception:  # a damaged or odd one is no reason to do without the picture
        return levels
    return levels


def _is_smaller(page: tifffile.TiffPage, main: tifffile.TiffPage) -> bool:
    width, height = main.imagewidth, main.imagelength
    colored = {RGB, YCBCR}  # the latter in JPEG alone, and read as the former
    return (
        (page.photometric == main.photometric or {page.photometric, main.photometric} == colored)
        and (page.dtype, page.bitspersample, page.samplesperpixel, page.extrasamples)
        == (main.dtype, main.bitspersample, main.samplesperpixel, main.extrasamples)
        and page.imagewidth < width
        # of one shape, give or take a pixel
        and abs(page.imagewidth * height - page.imagelength * width) <= width + height
    )


def damage(name: str, error: Exception) -> ImageError:
    if isinstance(error, MemoryError):
        return ImageError(f"{name} does not fit in memory; make it smaller")
    reason = " ".join(str(error).split())[:160] or type(error).__name__
    return ImageError(f"{name} is damaged or cut short (TIFF: {reason}); get the file again")
