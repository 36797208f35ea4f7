"""Pictures too large to be held: read in windows from a TIFF, written in windows to a tiled one.

What is streamed: TIFF and BigTIFF of every kind that is read whole (grey, palette, RGB, CMYK, YCbCr in JPEG; 1 to 32 bits,
floats; alpha; planes together or apart; every compression; any orientation and ICC profile), as long as its pixels lie in
tiles or strips that fit the cache, or are not compressed at all. What is not: a TIFF that is one large compressed strip, slide
scanners' JPEG without tiles (NDPI), and every other format: PNG, JPEG and the rest are decoded whole by their codecs, so a
huge one is better made a tiled TIFF first. `open_stream` says so by raising `Unstreamable`.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, islice
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, BinaryIO, Self, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from atelier.errors import AtelierError, ImageError, OutputError, SettingError, SourceError
from atelier.image import Image, Limits, fit, metadata
from atelier.image.colour import srgb_profile, to_srgb, unit
from atelier.image.decode import quiet, turned
from atelier.image.limits import check_size
from atelier.image.resize import INVISIBLE
from atelier.image.tiff import COLOURS, DNG_TAG, ICC_TAG, ORIENTATION_TAG, REDUCED, RGB, XMP_TAG, YCBCR, decoded
from atelier.image.value import Pixels
from atelier.media.files import atomic_file, check_place

if TYPE_CHECKING:
    import tifffile  # which takes long to import, and most pictures are not streamed

CACHE = 128 * 2**20  # bytes of decoded segments: two rows of 512-pixel tiles of a picture 43,000 pixels wide, at 8 bits
COMPRESSIONS = ("deflate", "zstd", "lzw", "none")

_HEADERS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_LARGEST_SEGMENT = 64 * 2**20  # bytes decoded
_MOST_SEGMENTS = 2**22  # their places in the file are held
_RAW = 2**20  # bytes read at once of pixels that are not compressed
_MOST_LEVELS = 16
_BLOCK = 1024  # pixels a side that a thumbnail is made from at a time
_FINE = 1024  # pixels on the longer side up to which a thumbnail is made from eight times its size
_QUEUE = 16 * 2**20  # bytes of tiles that wait for their compression


class Unstreamable(ImageError):
    """A picture, perhaps a good one, that cannot be read in windows. Load it whole, or make it a tiled TIFF."""


def open_stream(path: str | Path, limits: Limits = Limits(), *, cache: int = CACHE) -> StreamSource:
    """The picture in a TIFF file, to be read in windows; a context manager. Of several pages the first.

    limits: of its `pixels`; `bytes` bounds what is held, and the file is not. cache: bytes of decoded tiles or strips that
    are kept, at least one. Memory is the cache, the window, and a few times the largest segment.

    Raises SourceError for what is not there or may not be read, ImageError for a picture over the limits or damaged,
    Unstreamable, which is one, for what must be loaded whole (see the module).
    """
    place = Path(path)
    try:
        if not place.exists():
            raise SourceError(f"there is no file {place}")
        if not place.is_file():
            raise Unstreamable(f"{place} is no ordinary file, so it cannot be read in windows; save it to one first")
        file = place.open("rb")
    except (OSError, ValueError) as error:
        if isinstance(error, AtelierError):
            raise
        raise SourceError(f"{place} cannot be read: {getattr(error, 'strerror', None) or error}") from error
    try:
        with quiet():
            return StreamSource(file, str(place), limits, cache)
    except BaseException as error:
        file.close()
        if isinstance(error, Exception) and not isinstance(error, AtelierError):
            raise _damaged(str(place), error) from error
        raise


class StreamSource:
    """A picture on disk that is read in windows, of the same pixels that loading it whole would give. See `open_stream`.

    size: (width, height) in pixels, upright. depth: 8 or 16. has_alpha, text, notes, exif: as in Image.
    It is for one thread at a time.
    """

    def __init__(self, file: BinaryIO, name: str, limits: Limits, cache: int) -> None:
        header = file.read(10)
        file.seek(0)
        if header[:4] not in _HEADERS:
            raise Unstreamable(f"{name} is no TIFF, so it cannot be read in windows; make it a tiled TIFF")
        self.name = name
        self._file = file
        self._cache = _Cache(cache)
        import tifffile

        tiff = tifffile.TiffFile(file)
        page = cast("tifffile.TiffPage", tiff.pages[0])
        check_size(page.imagewidth, page.imagelength, name, limits)
        if DNG_TAG in page.tags or page.subfiletype & REDUCED or header[8:10] == b"CR":
            raise Unstreamable(f"{name} is a camera's raw file; make a JPEG or TIFF of it first")
        self._main = _Level(page, file, name, self._cache)
        _, alpha, notes = self._main.probe()
        turn, packet, profile = (page.tags.valueof(tag) for tag in (ORIENTATION_TAG, XMP_TAG, ICC_TAG))
        self._turn: int = turn if turn in range(1, 9) else 1
        self._profile = bytes(profile) if isinstance(profile, bytes) else None
        self.has_alpha = alpha is not None
        self.depth = 8 if page.bitspersample <= 8 else 16
        self.text: Mapping[str, str] = metadata.from_xmp(packet) if isinstance(packet, (bytes, str)) else {}
        if len(tiff.pages) > 1:
            notes += (f"TIFF of several pages: the first of {len(tiff.pages)}",)
        self.exif, damage = _exif(file, header)
        self.notes = notes + damage + self._settle_profile()
        self._levels = _levels(tiff, self._main, name, file, self._cache)

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels, as the picture is looked at."""
        width, height = self._main.size
        return (height, width) if self._turn >= 5 else (width, height)

    def window(self, x: int, y: int, w: int, h: int) -> Pixels:
        """float32 (h, w, 3), sRGB in [0, 1], straight: the part of the picture whose upper left pixel is (x, y).

        It costs the tiles or strips it touches that are not in the cache; windows in raster order find most of them there.
        (A picture in strips whose orientation swaps its sides is read whole for every row of windows: slow, but right.)
        Raises ImageError for a window that is not within the picture, and for a damaged or unreadable file.
        """
        values, _ = self._samples(x, y, w, h)
        return cast(Pixels, turned(to_srgb(values, self._profile)[0], self._turn))

    def window_alpha(self, x: int, y: int, w: int, h: int) -> Pixels | None:
        """float32 (h, w) in [0, 1], 1 is opaque: the transparency of that window; None where the picture has none."""
        if not self.has_alpha:
            return None
        _, alpha = self._samples(x, y, w, h)
        return cast(Pixels, turned(unit(cast(NDArray[Any], alpha)), self._turn))

    def thumbnail(self, long_side: int) -> Image:
        """The whole picture with a longer side of long_side pixels, or in its own size where that is smaller.

        Read once, from the smallest of the file's own reduced versions that is at least twice as large, else from the
        picture; averaged over squares of whole pixels to at least twice the size (small ones to more), then Lanczos, as in
        `resize`: within an 8-bit step or so, in the mean, of resizing it whole. Memory: up to 16 long_side² pixels.
        Raises SettingError for a long_side under 1, ImageError for a damaged file.
        """
        size = fit(self._main.size, min(long_side, max(self._main.size)))
        large = [level for level in self._levels if max(level.size) >= 2 * max(size)]
        level = min(large, key=lambda level: max(level.size), default=self._main)
        step = max(1, max(level.size) // max(2 * max(size), min(8 * max(size), _FINE)))
        averaged = self._averaged(level, step)
        extent = tuple(side / step for side in level.size)
        pixels, *rest = (_resampled(array, size, extent) for array in averaged)
        alpha = None
        if rest:
            premultiplied, alpha = rest
            straight = np.clip(premultiplied / np.maximum(alpha, INVISIBLE), 0.0, 1.0)
            pixels = np.where(alpha > INVISIBLE, straight, pixels)
            alpha = turned(alpha[:, :, 0], self._turn)
        return Image(turned(pixels, self._turn), alpha, depth=self.depth, text=self.text, notes=self.notes, exif=self.exif)

    def close(self) -> None:
        """Let go of the file and the cache."""
        self._file.close()
        self._cache.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _samples(self, x: int, y: int, w: int, h: int) -> tuple[NDArray[Any], NDArray[Any] | None]:
        width, height = self.size
        if not (0 <= x < x + w <= width and 0 <= y < y + h <= height):
            raise ImageError(f"a window of {w} × {h} px at ({x}, {y}) is not within {self.name}, which has {width} × {height}")
        # where it lies in the file: what `turned` does, undone
        if self._turn in (2, 3, 6, 7):
            x = width - x - w
        if self._turn in (3, 4, 7, 8):
            y = height - y - h
        return self._main.samples(y, x, h, w) if self._turn >= 5 else self._main.samples(x, y, w, h)

    def _settle_profile(self) -> tuple[str, ...]:
        """Whether the profile is of use is a question to be answered once: not every window anew."""
        values, _, _ = self._main.probe()
        steps = np.linspace(0, 1, 5, dtype=np.float32)
        lattice = np.stack(np.meshgrid(*[steps] * values.shape[2]), axis=-1).reshape(1, -1, values.shape[2])
        if values.dtype.kind == "u":
            lattice = np.rint(lattice * np.iinfo(values.dtype).max).astype(values.dtype)
        _, note = to_srgb(lattice, self._profile)
        if note:
            self._profile = None
        return (note,) if note else ()

    def _averaged(self, level: _Level, step: int) -> list[Pixels]:
        """Means over squares of `step` pixels, those at the far edges cut off: colours; where there is alpha also
        premultiplied colours and alpha."""
        width, height = level.size
        shape = (-(-height // step), -(-width // step))
        means = [np.empty((*shape, channels), np.float32) for channels in ((3, 3, 1) if self.has_alpha else (3,))]
        side = step * max(1, _BLOCK // step)
        for y in range(0, height, side):
            for x in range(0, width, side):
                values, alpha = level.samples(x, y, min(side, width - x), min(side, height - y))
                pixels, _ = to_srgb(values, self._profile)
                parts = [pixels]
                if alpha is not None:
                    opacity = unit(alpha)[:, :, None]
                    parts += [pixels * opacity, opacity]
                for mean, part in zip(means, parts, strict=True):
                    piece = _means(part, step)
                    top, left = y // step, x // step
                    mean[top : top + piece.shape[0], left : left + piece.shape[1]] = piece
        return means


class _Cache:
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


class _Level:
    """A page of the file: its segments' grid, and how they become samples. Raises Unstreamable, ImageError."""

    def __init__(self, page: tifffile.TiffPage, file: BinaryIO, name: str, cache: _Cache) -> None:
        if page.photometric not in COLOURS or page.axes not in ("YX", "YXS", "SYX") or page.imagedepth != 1 or page.dtype is None:
            kind = getattr(page.photometric, "name", page.photometric)
            raise Unstreamable(f"{name} is a TIFF of a kind that is not read in windows ({kind}, {page.axes}); save it as tiled RGB")
        if page.jpegheader is not None or not isinstance(page.bitspersample, int):
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
        """What one pixel of zeros becomes: type, channels, alpha and notes are the whole picture's."""
        return decoded(self.page, np.zeros((1, 1, self._planes * self._together), self.page.dtype), self._name)

    def samples(self, x: int, y: int, w: int, h: int) -> tuple[NDArray[Any], NDArray[Any] | None]:
        """Colours and alpha of a window, as in Samples."""
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
            colours, alpha, _ = decoded(self.page, window, self._name)
        return colours, alpha

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
                raise _damaged(self._name, error) from error
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


def write_stream(
    windows: Iterable[tuple[int, int, NDArray[Any]]],
    target: str | Path,
    size: tuple[int, int],
    *,
    depth: int = 8,
    alpha: bool = False,
    text: Mapping[str, str] | None = None,
    exif: bytes | None = None,
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
    (maker, author, copyright, ...), not how it was taken. compression: none of them loses anything. tile: its side in pixels,
    a multiple of 16.

    Held are one row of windows as integers, what is left of the one before, and 32 MiB of tiles. Written whole or not at all.

    Raises OutputError for a suffix other than .tif or .tiff, a place that cannot be written to, a full disk; SettingError for
    depth, compression, tile or size; ImageError for windows of other values, or in another order, or too few or many.
    """
    check_stream(target, overwrite=overwrite)
    if depth not in (8, 16):
        raise SettingError(f"depth must be 8 or 16 bits a channel, got {depth}")
    if compression not in COMPRESSIONS:
        raise SettingError(f"compression must be one of {', '.join(COMPRESSIONS)}, got {compression!r}")
    if tile % 16 or not 16 <= tile <= 4096:
        raise SettingError(f"a tile's side must be a multiple of 16 from 16 to 4096, got {tile}")
    width, height = size
    if width < 1 or height < 1:
        raise SettingError(f"a picture's size must be at least 1 × 1, got {width} × {height}")
    import tifffile

    coming = iter(windows)
    channels = 4 if alpha else 3
    with atomic_file(target, overwrite=overwrite) as file, tifffile.TiffWriter(file, bigtiff=True, byteorder="<") as writer:
        writer.write(
            _tiles(_rows(coming, size, depth, channels), size, tile),
            shape=(height, width, channels),
            dtype=np.uint8 if depth == 8 else np.uint16,
            tile=(tile, tile),
            photometric="rgb",
            planarconfig="contig",
            extrasamples=("unassalpha",) if alpha else None,
            compression=None if compression == "none" else compression,
            predictor=compression != "none",
            iccprofile=srgb_profile(),
            extratags=_tags(text or {}, exif),
            metadata=None,
            software="atelier",
            buffersize=_QUEUE,
        )
        extra = next(coming, None)  # and a generator comes to its own end
        if extra is not None:
            raise ImageError(f"the picture of {width} × {height} px was complete, but another window came at {extra[:2]}")


def check_stream(target: str | Path, *, overwrite: bool = True) -> None:
    """Raise now the OutputError that `write_stream` would raise for its target later."""
    if Path(target).suffix.lower() not in (".tif", ".tiff"):
        raise OutputError(f"{target}: pictures written in windows are TIFF; choose the suffix .tif")
    check_place(target, overwrite=overwrite)


def _rows(windows: Iterator[tuple[int, int, NDArray[Any]]], size: tuple[int, int], depth: int, channels: int) -> Iterator[NDArray[Any]]:
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


def _exif(file: BinaryIO, header: bytes) -> tuple[bytes | None, tuple[str, ...]]:
    if header[2:4] in (b"+\0", b"\0+"):
        return None, ()  # as everywhere in the house: of classic TIFF only
    try:
        exif = Pillow.Exif()
        file.seek(0)
        exif.load_from_fp(file)
        return metadata.carried(exif), ()
    except Exception:  # whatever is in there, the pixels are good
        return None, ("its EXIF metadata is damaged and was left out",)


def _levels(tiff: tifffile.TiffFile, main: _Level, name: str, file: BinaryIO, cache: _Cache) -> list[_Level]:
    """The file's own reduced versions of the page, in its colours and proportions."""
    import tifffile

    levels = []
    try:
        for page in chain(islice(tiff.pages, 1, 1 + _MOST_LEVELS), islice(main.page.pages or (), _MOST_LEVELS)):
            if isinstance(page, tifffile.TiffPage) and page.subfiletype & REDUCED and _is_smaller(page, main.page):
                levels.append(_Level(page, file, name, cache))  # noqa: PERF401 (those before a bad one are kept)
    except Exception:  # a damaged or odd one is no reason to do without the picture
        return levels
    return levels


def _is_smaller(page: tifffile.TiffPage, main: tifffile.TiffPage) -> bool:
    width, height = main.imagewidth, main.imagelength
    coloured = {RGB, YCBCR}  # the latter in JPEG alone, and read as the former
    return (
        (page.photometric == main.photometric or {page.photometric, main.photometric} == coloured)
        and (page.dtype, page.bitspersample, page.samplesperpixel, page.extrasamples)
        == (main.dtype, main.bitspersample, main.samplesperpixel, main.extrasamples)
        and page.imagewidth < width
        # of one shape, give or take a pixel
        and abs(page.imagewidth * height - page.imagelength * width) <= width + height
    )


def _means(array: Pixels, step: int) -> Pixels:
    """Over squares of step pixels; (H, W, C) to (⌈H/step⌉, ⌈W/step⌉, C)."""
    if step == 1:
        return array
    for axis in (0, 1):
        length = array.shape[axis]
        starts = np.arange(0, length, step)
        counts = np.minimum(step, length - starts).astype(np.float32)
        array = np.add.reduceat(array, starts, axis=axis) / counts.reshape((-1, 1, 1) if axis == 0 else (-1, 1))
    return array


def _resampled(array: Pixels, size: tuple[int, int], extent: tuple[float, ...]) -> Pixels:
    """By Lanczos; extent: what of its (width, height) is picture, as the last squares may be cut off."""
    box = (0.0, 0.0, extent[0], extent[1])
    channels = [
        np.asarray(Pillow.fromarray(np.ascontiguousarray(array[:, :, channel])).resize(size, Pillow.Resampling.LANCZOS, box))
        for channel in range(array.shape[2])
    ]
    return cast(Pixels, np.stack(channels, axis=-1).clip(0.0, 1.0))


def _damaged(name: str, error: Exception) -> ImageError:
    if isinstance(error, MemoryError):
        return ImageError(f"{name} does not fit in memory; make it smaller")
    reason = " ".join(str(error).split())[:160] or type(error).__name__
    return ImageError(f"{name} is damaged or cut short (TIFF: {reason}); get the file again")
