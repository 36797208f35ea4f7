"""A file's bytes to a picture."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from atelier.errors import AtelierError, ImageError
from atelier.image.coding import convert_coding, profile_of_coding
from atelier.image.jxl import read_jxl
from atelier.image.limits import Limits
from atelier.image.profiles import is_writable, to_srgb, to_unit
from atelier.image.rasters import read_raster
from atelier.image.samples import Samples
from atelier.image.sniff import sniff
from atelier.image.tiff import read_tiff
from atelier.image.value import Image


def decode(data: bytes, name: str = "picture", limits: Limits = Limits()) -> Image:
    """Decode the picture in a file's bytes: JPEG, PNG, WebP, TIFF, BMP, GIF, AVIF, JPEG XL, or HEIC (with
    `atelier[heif]`).

    Pixels come out as sRGB: colour profiles are applied, EXIF orientation too; 16-bit PNG and TIFF keep every bit; an
    animation gives its first frame. What was met on the way is in the image's notes. name: what messages call it.

    Raises ImageError for what is no picture, damaged, or over `limits` (pixels are counted before decoding), MissingExtra
    for HEIC where it cannot be read; never anything but an AtelierError, whatever the bytes.
    """
    if len(data) > limits.bytes:
        raise ImageError(f"{name} has {len(data):,} bytes, over the limit of {limits.bytes:,}; raise it (Limits.bytes)")
    kind = sniff(data, name)
    try:
        with quiet():
            return _develop(_read(data, kind, name, limits))
    except AtelierError:
        raise
    except MemoryError as error:
        raise ImageError(f"{name} does not fit in memory; make it smaller") from error
    except Exception as error:  # codecs raise anything on damage: SyntaxError, struct.error, TypeError, ...
        reason = " ".join(str(error).split())[:160] or type(error).__name__
        raise ImageError(f"{name} is damaged or cut short ({kind.upper()}: {reason}); get the file again") from error


def _read(data: bytes, kind: str, name: str, limits: Limits) -> Samples:
    if kind == "tiff":
        return read_tiff(data, name, limits)
    if kind == "jxl":
        return read_jxl(data, name, limits)
    return read_raster(data, kind, name, limits)


def _develop(samples: Samples) -> Image:
    if samples.coding and samples.values.shape[2] != 4:
        pixels, note = convert_coding(samples.values, samples.coding)
        profile = profile_of_coding(samples.coding)
    else:
        pixels, note = to_srgb(samples.values, samples.profile)
        profile = samples.profile
    alpha = None if samples.alpha is None else orient(to_unit(samples.alpha), samples.orientation)
    return Image(
        pixels=orient(pixels, samples.orientation),
        alpha=alpha,
        depth=samples.depth,
        text=samples.text,
        notes=(*samples.notes, note) if note else samples.notes,
        exif=samples.exif,
        profile=profile if profile and is_writable(profile) else None,
    )


def orient(array: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Undo what the camera was held like; orientations 5 to 8 swap width and height."""
    if orientation >= 5:
        array = array.swapaxes(0, 1)
    rows, columns = {2: (1, -1), 3: (-1, -1), 4: (-1, 1), 6: (1, -1), 7: (-1, -1), 8: (-1, 1)}.get(orientation, (1, 1))
    return np.ascontiguousarray(array[::rows, ::columns])


_quiet_lock = threading.Lock()
_quiet_count = 0
_quiet_stack = ExitStack()


@contextmanager
def quiet() -> Iterator[None]:
    """Let no warning through meanwhile.

    The filters of `warnings` are the process's, and `catch_warnings` in two threads at once can restore them in the
    wrong order and for good; so the first in sets them and the last out restores them.
    """
    global _quiet_count
    with _quiet_lock:
        if _quiet_count == 0:
            _quiet_stack.enter_context(warnings.catch_warnings())
            warnings.simplefilter("ignore")
        _quiet_count += 1
    try:
        yield
    finally:
        with _quiet_lock:
            _quiet_count -= 1
            if _quiet_count == 0:
                _quiet_stack.close()
