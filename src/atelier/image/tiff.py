"""Reads TIFF through tifffile: any depth, bytes or floats, strips or tiles, and every compression imagecodecs knows."""

from __future__ import annotations

import io
import logging
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from atelier.errors import ImageError
from atelier.image import metadata
from atelier.image.limits import Limits, check_size
from atelier.image.samples import Samples
from atelier.image.ycbcr import YCBCR, is_ycbcr, read_subsampled, ycbcr_to_rgb

if TYPE_CHECKING:
    import tifffile  # which takes long to import, and most pictures are of other formats

# What it has to say about a damaged file, we say by raising; without this it would reach the terminal too.
logging.getLogger("tifffile").addHandler(logging.NullHandler())

ORIENTATION_TAG, XMP_TAG, ICC_TAG, DNG_TAG = 274, 700, 34675, 50706
REDUCED = 1  # a bit of NewSubfileType: a smaller version of something else in the file
MINISWHITE, MINISBLACK, RGB, PALETTE, SEPARATED = 0, 1, 2, 3, 5  # of PhotometricInterpretation
COLORS: dict[int, int] = {
    MINISWHITE: 1,
    MINISBLACK: 1,
    RGB: 3,
    PALETTE: 1,
    SEPARATED: 4,
    YCBCR: 3,  # compressed as JPEG tifffile hands it out as RGB
}
_ASSOCIATED, _STRAIGHT = 1, 2  # of ExtraSamples: alpha that colours are multiplied with, and alpha


def read_tiff(data: bytes, name: str, limits: Limits) -> Samples:
    """Read the first page. Raises ImageError where it is over the limits, cut short or of a kind not read here, and
    whatever tifffile does where the file is damaged otherwise."""
    import tifffile

    with tifffile.TiffFile(io.BytesIO(data)) as file:
        page = cast("tifffile.TiffPage", file.pages[0])
        check_size(page.imagewidth, page.imagelength, name, limits)
        _check_kind(page, data, name)
        array = read_subsampled(page, data, name) if is_ycbcr(page) and page.is_subsampled else _channels_last(page, name)
        colors, alpha, notes = interpret(page, array, name)
        profile, packet, turn = (page.tags.valueof(tag) for tag in (ICC_TAG, XMP_TAG, ORIENTATION_TAG))
        if len(file.pages) > 1:
            notes += (f"TIFF of several pages: the first of {len(file.pages)}",)
    exif, damage = _exif(data)
    return Samples(
        values=colors,
        alpha=alpha,
        profile=bytes(profile) if isinstance(profile, bytes) else None,
        orientation=turn if turn in range(1, 9) else 1,
        depth=8 if page.bitspersample <= 8 else 16,
        text=metadata.from_xmp(packet) if isinstance(packet, (bytes, str)) else {},
        notes=notes + damage,
        exif=exif,
    )


def _check_kind(page: tifffile.TiffPage, data: bytes, name: str) -> None:
    if DNG_TAG in page.tags or page.subfiletype & REDUCED or data[8:10] == b"CR":
        # the page that stands first in a raw file is a stamp-sized preview
        raise ImageError(f"{name} is a camera's raw file, which atelier does not develop; make a JPEG or TIFF of it first")
    if page.photometric not in COLORS or page.imagedepth != 1:
        kind = getattr(page.photometric, "name", page.photometric)
        raise ImageError(f"{name} is a TIFF of a kind not read here ({kind}); save it as grey, RGB or CMYK")
    ends = (offset + count for offset, count in zip(page.dataoffsets, page.databytecounts, strict=True))
    if max(ends, default=0) > len(data) or not page.dataoffsets:
        raise ImageError(f"{name} is cut short: part of its pixels is missing; get the whole file again")


def _channels_last(page: tifffile.TiffPage, name: str) -> NDArray[Any]:
    """(H, W, C) in the machine's byte order."""
    array = page.asarray()
    axes = page.axes
    if axes == "YX":
        array = array[:, :, None]
    elif axes == "SYX":
        array = np.moveaxis(array, 0, -1)
    elif axes != "YXS":
        raise ImageError(f"{name} is a TIFF with axes {axes}, not a flat picture; save one plane of it")
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def interpret(page: tifffile.TiffPage, array: NDArray[Any], name: str) -> tuple[NDArray[Any], NDArray[Any] | None, tuple[str, ...]]:
    """Split samples into colours (H, W, 1, 3 or 4), straight alpha and notes."""
    if page.photometric == PALETTE:
        if page.colormap is None:
            raise ImageError(f"{name} is damaged: its palette is missing")
        # (N, 3); some writers stretch 8 bits to 16 by 256, some by 257, and the upper byte is right for both
        entries = (np.asarray(page.colormap).T >> 8).astype(np.uint8)
        return entries[np.minimum(array[:, :, 0], len(entries) - 1)], None, ()
    wanted = COLORS[page.photometric]
    if array.shape[2] < wanted:
        raise ImageError(f"{name} is damaged: {array.shape[2]} channels where there should be {wanted}")
    array, notes = _scaled(array, page.bitspersample, name)
    colors, rest = array[:, :, :wanted], array[:, :, wanted:]
    if page.photometric == MINISWHITE:
        colors = (1 if colors.dtype.kind == "f" else np.iinfo(colors.dtype).max) - colors
    if is_ycbcr(page) and colors.dtype.kind == "u":
        colors = ycbcr_to_rgb(page, colors)
    kinds = page.extrasamples[: rest.shape[2]]
    if _STRAIGHT in kinds:
        return colors, rest[:, :, kinds.index(_STRAIGHT)], notes
    if _ASSOCIATED in kinds:
        straight, alpha = _straight(colors, rest[:, :, kinds.index(_ASSOCIATED)])
        return straight, alpha, notes
    if rest.shape[2]:
        notes += (f"{rest.shape[2]} extra channel(s) without a meaning were left out",)
    return colors, None, notes


def _scaled(array: NDArray[Any], bits: int, name: str) -> tuple[NDArray[Any], tuple[str, ...]]:
    """As uint8, uint16 or float32 in [0, 1], and notes."""
    if array.dtype.kind == "f":
        fits = bool(np.all((array >= 0) & (array <= 1)))
        notes = () if fits else ("floating-point TIFF with values outside 0 to 1, which were clipped",)
        return np.clip(np.nan_to_num(array.astype(np.float32)), 0, 1), notes
    if array.dtype == np.bool_:
        return array.astype(np.uint8) * np.uint8(255), ()
    if array.dtype.kind != "u":
        raise ImageError(f"{name} is a TIFF of {array.dtype} numbers; save it with 8 or 16 bits a channel")
    if array.dtype in (np.uint8, np.uint16) and bits == array.dtype.itemsize * 8:
        return array, ()
    # 1, 2, 4, 10, 12, 14, 32, ... bits: spread over the whole range of the type that holds them
    dtype = np.uint8 if bits <= 8 else np.uint16
    return np.rint(array * (np.iinfo(dtype).max / (2.0**bits - 1))).clip(0, np.iinfo(dtype).max).astype(dtype), ()


def _straight(colors: NDArray[Any], alpha: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Premultiplied samples made straight; black where nothing is left to divide by."""
    if colors.dtype.kind == "f":
        top, kind = 1.0, np.dtype(np.float32)
    else:
        top, kind = float(np.iinfo(colors.dtype).max), colors.dtype
    divided = colors / np.maximum(alpha, np.finfo(np.float32).tiny)[:, :, None] * top
    divided = np.where(alpha[:, :, None] > 0, divided, 0)
    if kind.kind != "f":
        divided = np.rint(divided)
    return np.clip(divided, 0, top).astype(kind), alpha


def _exif(data: bytes) -> tuple[bytes | None, tuple[str, ...]]:
    if data[2:4] in (b"+\0", b"\0+"):
        return None, ()  # Pillow reads EXIF of classic TIFF only, and who writes BigTIFF is no camera
    try:
        return metadata.carry(metadata.load_exif(data)), ()
    except Exception:  # whatever is in there, the pixels are good
        return None, ("its EXIF metadata is damaged and was left out",)
