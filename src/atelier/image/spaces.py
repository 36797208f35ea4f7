"""Colour spaces, each to and from sRGB.

All functions take and give float32 (..., 3) and are defined beyond the gamut too: the curves go on as odd functions, so
that a colour outside sRGB comes back from a space as it went in. CIELAB and OKLab are computed in float64 between their
float32 ends: their cubes are steep where one channel is dark and the others are not, and float32 would be off by 2e-5.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from atelier.errors import SettingError
from atelier.image.value import Pixels

Convert = Callable[[Pixels], Pixels]
Floats = NDArray[Any]
Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class Space:
    """A colour space.

    name: what users call it.
    from_srgb, to_srgb: float32 (..., 3) to float32 (..., 3); sRGB is encoded and in [0, 1] where it can be shown.
    luminance: whether channel 0 is lightness, black 0 and white `scale`, and channels 1 and 2 are colour, `neutral` for grey.
    scale: the extent of channel 0, or of every channel where there is no luminance.
    neutral: what channels 1 and 2 of a grey are.
    summary: a few words for a list of spaces.
    """

    name: str
    from_srgb: Convert
    to_srgb: Convert
    luminance: bool
    summary: str
    scale: float = 1.0
    neutral: float = 0.0


def find_space(name: str) -> Space:
    """Give the space of that name. Raises SettingError with the names there are."""
    try:
        return SPACES[name]
    except KeyError:
        raise SettingError("space", f"choose from {', '.join(SPACES)}", name) from None


# Linear light (IEC 61966-2-1) ----------------------------------------------------------------------------------------


def linear_from_srgb(pixels: Pixels) -> Pixels:
    return _light(pixels).astype(np.float32, copy=False)


def srgb_from_linear(light: Pixels) -> Pixels:
    return _encoded(light).astype(np.float32, copy=False)


def _light(pixels: Floats) -> Floats:
    """In the precision given."""
    size = np.abs(pixels)
    return np.copysign(np.where(size <= 0.04045, size / 12.92, ((size + 0.055) / 1.055) ** 2.4), pixels)


def _encoded(light: Floats) -> Floats:
    """In the precision given."""
    size = np.abs(light)
    return np.copysign(np.where(size <= 0.0031308, size * 12.92, 1.055 * size ** (1 / 2.4) - 0.055), light)


def to_gray(pixels: Pixels) -> Pixels:
    """Give greys (..., 3) of the same luminance. pixels: float32 (..., 3), sRGB."""
    luminance = _light(pixels) @ np.array([0.2126, 0.7152, 0.0722], np.float32)  # (...,)
    return np.repeat(srgb_from_linear(luminance)[..., None], 3, axis=-1)


# CIELAB (CIE 15) of D65, 2° observer: L* in [0, 100], a* and b* within about ±128 -------------------------------------

# Linear sRGB to XYZ, each row divided by its sum, which is the white point: so greys have a* = b* = 0 without rounding.
_XYZ = np.array([[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]])
_WHITE_XYZ = _XYZ / _XYZ.sum(1, keepdims=True)
_LAB = np.array([[0.0, 116.0, 0.0], [500.0, -500.0, 0.0], [0.0, 200.0, -200.0]])
_LAB_OFFSET = np.array([-16.0, 0.0, 0.0])
_DELTA = 6 / 29


def lab_from_srgb(pixels: Pixels) -> Pixels:
    xyz = _times(_light(pixels.astype(np.float64)), _WHITE_XYZ)
    curved = np.where(xyz > _DELTA**3, np.cbrt(xyz), xyz / (3 * _DELTA**2) + 4 / 29)
    return _times(curved, _LAB, _LAB_OFFSET).astype(np.float32)


def srgb_from_lab(lab: Pixels) -> Pixels:
    curved = _times(lab.astype(np.float64) - _LAB_OFFSET, np.linalg.inv(_LAB))
    xyz = np.where(curved > _DELTA, curved * curved * curved, 3 * _DELTA**2 * (curved - 4 / 29))
    return _encoded(_times(xyz, np.linalg.inv(_WHITE_XYZ))).astype(np.float32)


# OKLab (Ottosson 2020, "A perceptual color space for image processing", matrices of 2021-01-25): L in [0, 1], a, b ±0.4

_CONES = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_OKLAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)


def oklab_from_srgb(pixels: Pixels) -> Pixels:
    return _times(np.cbrt(_times(_light(pixels.astype(np.float64)), _CONES)), _OKLAB).astype(np.float32)


def srgb_from_oklab(oklab: Pixels) -> Pixels:
    cones = _times(oklab.astype(np.float64), np.linalg.inv(_OKLAB))
    return _encoded(_times(cones * cones * cones, np.linalg.inv(_CONES))).astype(np.float32)


# BT.601 luma of the encoded values, with its two ways of writing colour differences -----------------------------------

_KR, _KB = 0.299, 0.114
_LUMA = np.array([_KR, 1 - _KR - _KB, _KB])
_BLUE, _RED = np.array([0.0, 0.0, 1.0]) - _LUMA, np.array([1.0, 0.0, 0.0]) - _LUMA
# Analogue PAL: U in ±0.436, V in ±0.615.
_YUV = np.stack([_LUMA, _BLUE * 0.436 / (1 - _KB), _RED * 0.615 / (1 - _KR)])
# As in JPEG files: all three channels fill [0, 1].
_YCBCR = np.stack([_LUMA, _BLUE * 0.5 / (1 - _KB), _RED * 0.5 / (1 - _KR)])
_YCBCR_OFFSET = np.array([0.0, 0.5, 0.5])


def yuv_from_srgb(pixels: Pixels) -> Pixels:
    return _times(pixels, _YUV)


def srgb_from_yuv(yuv: Pixels) -> Pixels:
    return _times(yuv, np.linalg.inv(_YUV))


def ycbcr_from_srgb(pixels: Pixels) -> Pixels:
    return _times(pixels, _YCBCR, _YCBCR_OFFSET)


def srgb_from_ycbcr(ycbcr: Pixels) -> Pixels:
    return _times(ycbcr - _YCBCR_OFFSET.astype(ycbcr.dtype), np.linalg.inv(_YCBCR))


def _itself(pixels: Pixels) -> Pixels:
    return pixels


def _times(colors: Floats, matrix: Matrix, offset: Matrix | None = None) -> Floats:
    """matrix @ colour + offset for every colour (..., 3), in the precision of the colours."""
    out = colors.reshape(-1, 3) @ matrix.T.astype(colors.dtype)  # one product instead of one a row
    if offset is not None:
        out += offset.astype(colors.dtype)
    times: Floats = out.reshape(colors.shape)
    return times


SPACES: Mapping[str, Space] = MappingProxyType(
    {
        space.name: space
        for space in (
            Space("oklab", oklab_from_srgb, srgb_from_oklab, True, "perceptual, even in hue (Ottosson 2020)"),
            Space("lab", lab_from_srgb, srgb_from_lab, True, "CIELAB of D65: perceptual, the classic", scale=100.0),
            Space("yuv", yuv_from_srgb, srgb_from_yuv, True, "luma and colour differences of BT.601, as in television"),
            Space("ycbcr", ycbcr_from_srgb, srgb_from_ycbcr, True, "luma and colour differences of BT.601, as in JPEG", neutral=0.5),
            Space("rgb", _itself, _itself, False, "sRGB as it is encoded"),
            Space("linear", linear_from_srgb, srgb_from_linear, False, "red, green and blue light"),
        )
    }
)
"""Every space by name."""
