"""TIFFs whose samples are luma and colour differences, and not in JPEG (TIFF 6.0, section 21)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from atelier.errors import ImageError

if TYPE_CHECKING:
    import tifffile

YCBCR = 6  # of PhotometricInterpretation
_JPEGS = (6, 7, 34892, 33007)  # compressions whose codec hands out RGB
_COEFFICIENTS, _SUBSAMPLING, _REFERENCE = 529, 530, 532  # tags
_BT601 = (0.299, 0.587, 0.114)


def is_ycbcr(page: tifffile.TiffPage) -> bool:
    """Tell whether a page's samples are luma and colour differences once they are decompressed."""
    return page.photometric == YCBCR and page.compression not in _JPEGS


def ycbcr_to_rgb(page: tifffile.TiffPage, samples: NDArray[Any]) -> NDArray[Any]:
    """Turn luma and colour differences, uint8 or uint16 (H, W, 3) over the type's whole range, into RGB of the same type."""
    top = float(np.iinfo(samples.dtype).max)
    bits = int(page.bitspersample)
    middle = float(2 ** (bits - 1))
    ends = _floats(page, _REFERENCE, 6) or (0.0, 2.0**bits - 1, middle, 2.0**bits - 1, middle, 2.0**bits - 1)
    red, green, blue = _floats(page, _COEFFICIENTS, 3) or _BT601
    black, white = np.array(ends[::2]), np.array(ends[1::2])
    values = samples * np.float32((2.0**bits - 1) / top)  # (H, W, 3), as the tags count
    reach = np.array([1.0, (middle - 1) / (2 * middle - 1), (middle - 1) / (2 * middle - 1)])
    y, cb, cr = np.moveaxis((values - black) * (reach / np.where(white == black, 1.0, white - black)), 2, 0)  # (H, W) each
    r, b = y + cr * (2 - 2 * red), y + cb * (2 - 2 * blue)
    g = (y - red * r - blue * b) / (green or 1.0)
    return np.rint(np.stack([r, g, b], axis=2).clip(0, 1) * top).astype(samples.dtype)


def read_subsampled(page: tifffile.TiffPage, data: bytes, name: str) -> NDArray[np.uint8]:
    """Read 8-bit luma and colour differences (H, W, 3) whose differences are stored once for several pixels.

    Raises ImageError for what is stored otherwise than in strips or tiles of such blocks, and for strips cut short.
    """
    import tifffile

    across, down = (int(step) for step in page.tags.valueof(_SUBSAMPLING) or (2, 2))
    if page.bitspersample != 8 or page.samplesperpixel != 3 or page.planarconfig != 1 or page.predictor != 1:
        raise ImageError(f"{name} is a TIFF of a kind not read here (YCbCr, {page.bitspersample} bits); save it as RGB")
    wide, high = (page.tilewidth, page.tilelength) if page.is_tiled else (page.imagewidth, page.rowsperstrip)
    columns = -(-page.imagewidth // wide)
    out = np.zeros((page.imagelength, page.imagewidth, 3), np.uint8)
    for index, (offset, count) in enumerate(zip(page.dataoffsets, page.databytecounts, strict=True)):
        top, left = index // columns * high, index % columns * wide
        rows = high if page.is_tiled else min(high, page.imagelength - top)
        unpacked = tifffile.TIFF.DECOMPRESSORS[page.compression](data[offset : offset + count])
        block = _expand(bytes(unpacked), rows, wide, across, down, name)
        corner = out[top : top + rows, left : left + wide]
        corner[...] = block[: corner.shape[0], : corner.shape[1]]
    return out


def _expand(data: bytes, rows: int, columns: int, across: int, down: int, name: str) -> NDArray[np.uint8]:
    """Data units (section 21: luma of across · down pixels, then Cb, Cr) to (≥ rows, ≥ columns, 3)."""
    units = (-(-rows // down), -(-columns // across))
    size = across * down + 2
    if len(data) < units[0] * units[1] * size:
        raise ImageError(f"{name} is cut short: part of its pixels is missing; get the whole file again")
    packed = np.frombuffer(data, np.uint8, units[0] * units[1] * size).reshape(*units, size)
    luma = packed[..., :-2].reshape(*units, down, across).transpose(0, 2, 1, 3).reshape(units[0] * down, units[1] * across)
    chroma = packed[..., -2:].repeat(down, axis=0).repeat(across, axis=1)
    return np.concatenate([luma[:, :, None], chroma], axis=2)


def _floats(page: tifffile.TiffPage, tag: int, count: int) -> tuple[float, ...] | None:
    """A tag's rationals, which tifffile hands out as numerators and denominators in a row."""
    found = page.tags.valueof(tag)
    if not isinstance(found, tuple) or len(found) != 2 * count or not all(found[1::2]):
        return None
    return tuple(cast(int, over) / cast(int, under) for over, under in zip(found[::2], found[1::2], strict=True))
