"""Colours of any profile to sRGB.

Everything goes through LittleCMS (from imagecodecs, which, unlike Pillow's, takes 16 bits and floats), relative
colorimetric with black point compensation, as photo editors do. 8-bit RGB and CMYK take its optimised path to 16 bits
(for RGB within half an 8-bit step of exact); for grey, 16 bits and floats the optimisation is turned off, because the
table it builds is wrong by up to 20/255 in the shadows.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, cast

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from atelier.errors import OutputError
from atelier.image.value import Pixels

_RELATIVE_COLORIMETRIC = 1
_BLACK_POINT_COMPENSATION = 0x2000
_NO_OPTIMISATION = 0x0100

_SPACES = {b"GRAY": ("gray", 1), b"RGB ": ("rgb", 3), b"CMYK": ("cmyk", 4)}
_DEVICES = (b"scnr", b"mntr", b"prtr", b"spac")

# Half an 8-bit step: a profile that moves no colour further says sRGB in other words, and is left alone.
_SAME = 0.5 / 255
_NEAR = 4 / 255  # how far from where it came from a colour may end


@lru_cache(maxsize=1)
def srgb_profile() -> bytes:
    """Give the ICC profile of sRGB, the same bytes every time."""
    return dated(bytes(imagecodecs.cms_profile("srgb")))


def dated(profile: bytes) -> bytes:
    """Give a profile the date of 2000-01-01: same picture, same file."""
    return profile[:24] + b"\x07\xd0\0\x01\0\x01\0\0\0\0\0\0" + profile[36:]


def to_srgb(samples: NDArray[Any], profile: bytes | None) -> tuple[Pixels, str]:
    """Bring samples to sRGB pixels, and give a note for the user ("" where there is nothing to say).

    samples: uint8, uint16 or float32 in [0, 1], (H, W, 1) grey, (H, W, 3) RGB or (H, W, 4) CMYK with 0 for no ink.
    profile: the file's ICC profile. One that is damaged or speaks of other channels is left out, and noted.
    Returns float32 (H, W, 3) in [0, 1].
    """
    if not profile:
        return _plain(samples), ""
    space, channels = _SPACES.get(profile[16:20], ("", 0))
    if channels == 3 and samples.shape[2] == 1:
        samples = np.repeat(samples, 3, axis=2)
    if channels != samples.shape[2] or profile[12:16] not in _DEVICES:
        return _plain(samples), "its colour profile does not fit its pixels and was left out"
    try:
        if channels != 4 and _says_srgb(profile, space):
            return _plain(samples), ""
        return _transform(samples, profile, space), ""
    except (imagecodecs.CmsError, ValueError, RuntimeError):
        return _plain(samples), "its colour profile is damaged and was left out"


def from_srgb(pixels: Pixels, profile: bytes) -> Pixels:
    """Give the samples (H, W, 3) in [0, 1] that an RGB profile has for sRGB pixels. Raises OutputError where it has none."""
    try:
        out = imagecodecs.cms_transform(
            np.ascontiguousarray(pixels, np.float32),
            srgb_profile(),
            profile,
            colorspace="rgb",
            outcolorspace="rgb",
            outdtype=np.float32,
            intent=_RELATIVE_COLORIMETRIC,
            flags=_BLACK_POINT_COMPENSATION | _NO_OPTIMISATION,
        )
    except (imagecodecs.CmsError, ValueError, RuntimeError) as error:
        raise OutputError("the picture cannot be written in the photo's own colour profile; write it in sRGB") from error
    return to_unit(np.nan_to_num(out))


@lru_cache(maxsize=32)
def is_writable(profile: bytes) -> bool:
    """Tell whether pictures can be written in a profile: one of RGB, other than sRGB, that leads from sRGB and back."""
    space, channels = _SPACES.get(profile[16:20], ("", 0))
    if channels != 3 or profile[12:16] not in _DEVICES:
        return False
    steps = np.linspace(0, 1, 5, dtype=np.float32)
    lattice = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(1, -1, 3) * np.float32(0.5) + np.float32(0.25)
    try:
        if _says_srgb(profile, space):
            return False
        return bool(np.abs(_transform(from_srgb(lattice, profile), profile, space) - lattice).max() < _NEAR)
    except (OutputError, imagecodecs.CmsError, ValueError, RuntimeError):
        return False


def to_unit(samples: NDArray[Any]) -> Pixels:
    """Scale uint8, uint16 or floats to float32 in [0, 1]."""
    if samples.dtype.kind == "f":
        return cast(Pixels, np.clip(samples, 0.0, 1.0).astype(np.float32, copy=False))
    return cast(Pixels, samples.astype(np.float32) / np.float32(np.iinfo(samples.dtype).max))


def _plain(samples: NDArray[Any]) -> Pixels:
    values = to_unit(samples)
    if values.shape[2] == 1:
        return np.repeat(values, 3, axis=2)
    if values.shape[2] == 4:
        # no profile says what these inks look like: perfect ones
        return (1 - values[:, :, :3]) * (1 - values[:, :, 3:])
    return values


def _transform(samples: NDArray[Any], profile: bytes, space: str) -> Pixels:
    precise = samples.dtype != np.uint8 or space == "gray"
    if space == "cmyk":
        # LittleCMS counts floating-point ink in percent
        samples = samples * np.float32(100) if samples.dtype.kind == "f" else samples
    out = imagecodecs.cms_transform(
        np.ascontiguousarray(samples if samples.shape[2] > 1 else samples[:, :, 0]),
        profile,
        srgb_profile(),
        colorspace=space,
        outcolorspace="rgb",
        outdtype=np.float32 if precise else np.uint16,
        intent=_RELATIVE_COLORIMETRIC,
        flags=_BLACK_POINT_COMPENSATION | (_NO_OPTIMISATION if precise else 0),
    )
    if not np.isfinite(out).all():
        raise ValueError("the profile leads to no colour")
    return to_unit(out)


@lru_cache(maxsize=32)
def _says_srgb(profile: bytes, space: str) -> bool:
    steps = np.linspace(0, 1, 9, dtype=np.float32)
    if space == "gray":
        lattice = np.linspace(0, 1, 256, dtype=np.float32)[None, :, None]
    else:
        lattice = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(1, -1, 3)
    return bool(np.abs(_transform(lattice, profile, space) - _plain(lattice)).max() < _SAME)
