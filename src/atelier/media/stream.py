"""Pictures too large to be held, read in windows from a TIFF.

What is streamed: TIFF and BigTIFF of every kind that is read whole (grey, palette, RGB, CMYK, YCbCr in JPEG; 1 to 32 bits,
floats; alpha; planes together or apart; every compression; any orientation and ICC profile), as long as its pixels lie in
tiles or strips that fit the cache, or are not compressed at all. What is not: a TIFF that is one large compressed strip, slide
scanners' JPEG without tiles (NDPI), and every other format: PNG, JPEG and the rest are decoded whole by their codecs, so a
huge one is better made a tiled TIFF first. `open_stream` says so by raising `Unstreamable`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, BinaryIO, Self, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from atelier.errors import AtelierError, ImageError, SourceError
from atelier.image import Image, Limits, fit, metadata
from atelier.image.decode import orient, quiet
from atelier.image.limits import check_size
from atelier.image.profiles import is_writable, to_srgb, to_unit
from atelier.image.resize import INVISIBLE
from atelier.image.tiff import DNG_TAG, ICC_TAG, ORIENTATION_TAG, REDUCED, XMP_TAG
from atelier.image.value import Pixels
from atelier.media.levels import Cache, Level, Unstreamable, damage, find_levels

if TYPE_CHECKING:
    import tifffile  # which takes long to import, and most pictures are not streamed


CACHE = 128 * 2**20  # bytes of decoded segments: two rows of 512-pixel tiles of a picture 43,000 pixels wide, at 8 bits

_HEADERS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")

_BLOCK = 1024  # pixels a side that a thumbnail is made from at a time
_FINE = 1024  # pixels on the longer side up to which a thumbnail is made from eight times its size


def open_stream(path: str | Path, limits: Limits = Limits(), *, cache: int = CACHE) -> StreamSource:
    """Open the picture in a TIFF file, to be read in windows; a context manager. Of several pages the first.

    limits: of its `pixels`; `bytes` bounds what is held, and the file is not. cache: bytes of decoded tiles or strips that
    are kept, at least one. Memory is the cache, the window, and a few times the largest segment.

    Raises SourceError for what is not there or may not be read, ImageError for a picture over the limits or damaged,
    Unstreamable, which is one, for what must be loaded whole (see the module).
    """
    position = Path(path)
    try:
        if not position.exists():
            raise SourceError(f"there is no file {position}")
        if not position.is_file():
            raise Unstreamable(f"{position} is no ordinary file, so it cannot be read in windows; save it to one first")
        file = position.open("rb")
    except (OSError, ValueError) as error:
        if isinstance(error, AtelierError):
            raise
        raise SourceError(f"{position} cannot be read: {getattr(error, 'strerror', None) or error}") from error
    try:
        with quiet():
            return StreamSource(file, str(position), limits, cache)
    except BaseException as error:
        file.close()
        if isinstance(error, Exception) and not isinstance(error, AtelierError):
            raise damage(str(position), error) from error
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
        self._cache = Cache(cache)
        import tifffile

        tiff = tifffile.TiffFile(file)
        page = cast("tifffile.TiffPage", tiff.pages[0])
        check_size(page.imagewidth, page.imagelength, name, limits)
        if DNG_TAG in page.tags or page.subfiletype & REDUCED or header[8:10] == b"CR":
            raise Unstreamable(f"{name} is a camera's raw file; make a JPEG or TIFF of it first")
        self._main = Level(page, file, name, self._cache)
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
        self._levels = find_levels(tiff, self._main, name, file, self._cache)

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels, as the picture is looked at."""
        width, height = self._main.size
        return (height, width) if self._turn >= 5 else (width, height)

    def window(self, x: int, y: int, w: int, h: int) -> Pixels:
        """Give float32 (h, w, 3), sRGB in [0, 1], straight: the part of the picture whose upper left pixel is (x, y).

        It costs the tiles or strips it touches that are not in the cache; windows in raster order find most of them there.
        (A picture in strips whose orientation swaps its sides is read whole for every row of windows: slow, but right.)
        Raises ImageError for a window that is not within the picture, and for a damaged or unreadable file.
        """
        values, _ = self._samples(x, y, w, h)
        return cast(Pixels, orient(to_srgb(values, self._profile)[0], self._turn))

    def window_alpha(self, x: int, y: int, w: int, h: int) -> Pixels | None:
        """Give float32 (h, w) in [0, 1], 1 is opaque: the transparency of that window; None where the picture has none."""
        if not self.has_alpha:
            return None
        _, alpha = self._samples(x, y, w, h)
        return cast(Pixels, orient(to_unit(cast(NDArray[Any], alpha)), self._turn))

    def thumbnail(self, long_side: int) -> Image:
        """Give the whole picture with a longer side of long_side pixels, or in its own size where that is smaller.

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
        pixels, *rest = (_resample(array, size, extent) for array in averaged)
        alpha = None
        if rest:
            premultiplied, alpha = rest
            straight = np.clip(premultiplied / np.maximum(alpha, INVISIBLE), 0.0, 1.0)
            pixels = np.where(alpha > INVISIBLE, straight, pixels)
            alpha = orient(alpha[:, :, 0], self._turn)
        beside: dict[str, Any] = {"depth": self.depth, "text": self.text, "notes": self.notes, "exif": self.exif}
        return Image(orient(pixels, self._turn), alpha, profile=self.profile, **beside)

    @property
    def profile(self) -> bytes | None:
        """As in Image: the profile of the file's RGB, where pictures can be written in it."""
        return self._profile if self._profile and is_writable(self._profile) else None

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
        # where it lies in the file: what `orient` does, undone
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

    def _averaged(self, level: Level, step: int) -> list[Pixels]:
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
                    opacity = to_unit(alpha)[:, :, None]
                    parts += [pixels * opacity, opacity]
                for mean, part in zip(means, parts, strict=True):
                    piece = _square_means(part, step)
                    top, left = y // step, x // step
                    mean[top : top + piece.shape[0], left : left + piece.shape[1]] = piece
        return means


def _exif(file: BinaryIO, header: bytes) -> tuple[bytes | None, tuple[str, ...]]:
    if header[2:4] in (b"+\0", b"\0+"):
        return None, ()  # as everywhere in the house: of classic TIFF only
    try:
        exif = Pillow.Exif()
        file.seek(0)
        exif.load_from_fp(file)
        return metadata.carry(exif), ()
    except Exception:  # whatever is in there, the pixels are good
        return None, ("its EXIF metadata is damaged and was left out",)


def _square_means(array: Pixels, step: int) -> Pixels:
    """Over squares of step pixels; (H, W, C) to (⌈H/step⌉, ⌈W/step⌉, C)."""
    if step == 1:
        return array
    for axis in (0, 1):
        length = array.shape[axis]
        starts = np.arange(0, length, step)
        counts = np.minimum(step, length - starts).astype(np.float32)
        array = np.add.reduceat(array, starts, axis=axis) / counts.reshape((-1, 1, 1) if axis == 0 else (-1, 1))
    return array


def _resample(array: Pixels, size: tuple[int, int], extent: tuple[float, ...]) -> Pixels:
    """By Lanczos; extent: what of its (width, height) is picture, as the last squares may be cut off."""
    box = (0.0, 0.0, extent[0], extent[1])
    channels = [
        np.asarray(Pillow.fromarray(np.ascontiguousarray(array[:, :, channel])).resize(size, Pillow.Resampling.LANCZOS, box))
        for channel in range(array.shape[2])
    ]
    return cast(Pixels, np.stack(channels, axis=-1).clip(0.0, 1.0))
