"""Decoded frames as pixels: the right matrix, range and shape, turned upright; high dynamic range brought down to sRGB."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from atelier.media.films.moment import Levels

if TYPE_CHECKING:
    from av import VideoFrame

PQ, HLG = 16, 18
"""Transfer curves of high dynamic range, as ITU-T H.273 numbers them."""
WHITE = 203.0
"""cd/m² of diffuse white in high dynamic range (ITU-R BT.2408)."""
PEAK = 1000.0
"""cd/m² that are shown as white: brighter is clipped."""
TO_709 = np.array([[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]], np.float32)
"""Linear BT.2020 to linear BT.709 (ITU-R BT.2087)."""
SMALLEST_HD = (1280, 576)
"""From this width, or above this height, untagged films are taken for BT.709, smaller ones for BT.601, as players do."""


def matrix_of(frame: VideoFrame) -> int:
    """The YUV matrix of a frame, by H.273; what is not tagged is guessed by the size."""
    matrix = int(frame.colorspace)
    if matrix in (1, 4, 5, 7, 9):
        return matrix
    if matrix == 6:  # the same numbers as BT.601
        return 5
    if matrix == 10:
        return 9
    large = frame.width >= SMALLEST_HD[0] or frame.height > SMALLEST_HD[1]
    return 1 if large else 5


def is_hdr(frame: VideoFrame) -> bool:
    """Whether a frame's brightness is coded as PQ or HLG."""
    return int(frame.color_trc) in (PQ, HLG)


def is_deep(frame: VideoFrame) -> bool:
    """Whether a frame has more than 8 bits a channel."""
    return any(component.bits > 8 for component in frame.format.components)


def levels_of(frame: VideoFrame, size: tuple[int, int], turned: int = 0) -> Levels:
    """A decoded frame as sRGB of (width, height) px, after it is turned by so many quarters counter-clockwise.

    8-bit films give uint8, deeper ones uint16. PQ and HLG are tone-mapped to BT.709.
    """
    from av.video.reformatter import ColorRange, Colorspace, Interpolation

    width, height = size[::-1] if turned % 2 else size
    smaller = width < frame.width
    deep = is_deep(frame)
    full = int(frame.color_range) == ColorRange.JPEG or frame.format.name.startswith("yuvj") or frame.format.is_rgb
    picture = frame.reformat(
        width=width,
        height=height,
        format="rgb48le" if deep else "rgb24",
        src_colorspace=Colorspace(matrix_of(frame)),
        src_color_range=ColorRange.JPEG if full else ColorRange.MPEG,
        dst_color_range=ColorRange.JPEG,
        interpolation=(Interpolation.AREA if smaller else Interpolation.BICUBIC) | Interpolation.ACCURATE_RND,
    )
    levels = picture.to_ndarray()
    if is_hdr(frame):
        levels = tone_map(levels, int(frame.color_trc))
    return np.ascontiguousarray(np.rot90(levels, turned)) if turned else levels


def tone_map(levels: Levels, curve: int) -> Levels:
    """uint16 (H, W, 3) of BT.2020 in PQ or HLG to uint16 sRGB: white stays white, brighter is bent down to PEAK."""
    table = _pq(np.linspace(0, 1, 4096)) if curve == PQ else _hlg(np.linspace(0, 1, 4096))
    light = table.astype(np.float32)[levels >> 4]  # (H, W, 3), 1 is diffuse white
    luminance = light @ np.array([0.2627, 0.6780, 0.0593], np.float32)
    top = PEAK / WHITE
    share = (1 + luminance / top**2) / (1 + luminance)  # Reinhard et al. 2002, equation 4
    share *= np.float32(1 + 1) / np.float32(1 + 1 / top**2) * np.float32(0.8)  # diffuse white at 0.8 of what a screen gives
    light *= share[..., None]
    linear = (light @ TO_709.T.copy()).clip(0, 1)
    return np.asarray(np.rint(_srgb()[np.rint(linear * 8191).astype(np.int32)]), np.uint16)


def _pq(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """SMPTE ST 2084, in units of diffuse white."""
    m1, m2, c1, c2, c3 = 2610 / 16384, 2523 / 32, 3424 / 4096, 2413 / 128, 2392 / 128
    power = values ** (1 / m2)
    return 10000 / WHITE * (np.maximum(power - c1, 0) / (c2 - c3 * power)) ** (1 / m1)


def _hlg(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """ARIB STD-B67 with the system gamma of a screen of 1000 cd/m², a channel at a time, in units of diffuse white."""
    a = 0.17883277
    b, c = 1 - 4 * a, 0.5 - a * np.log(4 * a)
    scene = np.where(values <= 0.5, values**2 / 3, (np.exp((values - c) / a) + b) / 12)
    return 1000 / WHITE * scene**1.2


def _srgb() -> NDArray[np.float64]:
    """Linear, in steps of 1/8191, to sRGB in 65535ths."""
    linear = np.linspace(0, 1, 8192)
    return 65535 * np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * np.maximum(linear, 1e-9) ** (1 / 2.4) - 0.055)
