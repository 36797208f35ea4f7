"""Colours told without an ICC profile: by nclx (AVIF, HEIC), cICP, gAMA and cHRM (PNG); and the way from them to sRGB.

Codes are those of ITU-T H.273. HDR (PQ and HLG of ITU-R BT.2100) is brought into the range of a screen: what is darker than
most of diffuse white stays as it is, and what is brighter is rolled off.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from atelier.image.profiles import dated, to_unit
from atelier.image.spaces import linear_from_srgb, srgb_from_linear
from atelier.image.value import Pixels

Chromaticities = tuple[tuple[float, float], tuple[float, float], tuple[float, float], tuple[float, float]]
"""CIE xy of red, green, blue and white."""

_D65, _C, _DCI = (0.3127, 0.329), (0.31, 0.316), (0.314, 0.351)
BT709: Chromaticities = ((0.64, 0.33), (0.3, 0.6), (0.15, 0.06), _D65)
_P3 = ((0.68, 0.32), (0.265, 0.69), (0.15, 0.06))
_NTSC = ((0.63, 0.34), (0.31, 0.595), (0.155, 0.07))
PRIMARIES: dict[int, Chromaticities] = {
    4: ((0.67, 0.33), (0.21, 0.71), (0.14, 0.08), _C),
    5: ((0.64, 0.33), (0.29, 0.6), (0.15, 0.06), _D65),
    6: (*_NTSC, _D65),
    7: (*_NTSC, _D65),
    8: ((0.681, 0.319), (0.243, 0.692), (0.145, 0.049), _C),
    9: ((0.708, 0.292), (0.17, 0.797), (0.131, 0.046), _D65),
    11: (*_P3, _DCI),
    12: (*_P3, _D65),
    22: ((0.63, 0.34), (0.295, 0.605), (0.155, 0.077), _D65),
}
"""Of H.273's codes those that are not sRGB's (table 2)."""

_GAMMAS = {4: 2.2, 5: 2.8, 8: 1.0, 17: 2.6}
PQ, HLG = 16, 18
_WHITE = 203.0  # cd/m² of diffuse white in HDR (ITU-R BT.2408)
_KNEE = 0.7  # of diffuse white, in light: below it tones stay
_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
_BAND = 1 << 18  # pixels worked on at once


@dataclass(frozen=True)
class Coding:
    """How samples stand for colours. primaries: their chromaticities. gamma: light is the sample to this power; 0 for the curve
    of sRGB. hdr: PQ or HLG instead of a gamma; or 0."""

    primaries: Chromaticities = BT709
    gamma: float = 0.0
    hdr: int = 0

    @property
    def is_srgb(self) -> bool:
        """Whether there is nothing to convert."""
        off = max(abs(a - b) for one, other in zip(self.primaries, BT709, strict=True) for a, b in zip(one, other, strict=True))
        return off < 2e-3 and not self.gamma and not self.hdr


SRGB = Coding()


def coding_of_codes(primaries: int, transfer: int) -> Coding:
    """Give the coding of H.273's codes. Those of television (BT.709, BT.601) are shown with sRGB's curve, as every viewer does."""
    hdr = transfer if transfer in (PQ, HLG) else 0
    return Coding(PRIMARIES.get(primaries, BT709), _GAMMAS.get(transfer, 0.0), hdr)


def coding_of_nclx(colr: bytes) -> Coding | None:
    """Give what a `colr` box says; None where it holds a profile, or nothing."""
    if colr[:4] != b"nclx" or len(colr) < 10:
        return None
    primaries, transfer = struct.unpack_from(">HH", colr, 4)
    return coding_of_codes(primaries, transfer)


def coding_of_png(data: bytes) -> tuple[Coding | None, bool]:
    """Give what a PNG's chunks say, in the order of PNG's third edition: cICP, a profile, sRGB, gAMA and cHRM; and whether it
    goes before the profile."""
    chunks = dict(_chunks(data))
    if len(cicp := chunks.get(b"cICP", b"")) == 4:
        return coding_of_codes(cicp[0], cicp[1]), True
    if b"sRGB" in chunks:
        return SRGB, False
    primaries, gamma = BT709, 0.0
    if len(chrm := chunks.get(b"cHRM", b"")) == 32:
        wx, wy, rx, ry, gx, gy, bx, by = (value / 100_000 for value in struct.unpack(">8I", chrm))
        if min(wy, ry, gy, by) > 0:
            primaries = ((rx, ry), (gx, gy), (bx, by), (wx, wy))
    if len(gama := chunks.get(b"gAMA", b"")) == 4:
        (value,) = struct.unpack(">I", gama)
        # 1/2.2 is what every writer of sRGB puts there
        gamma = 0.0 if abs(value - 45_455) < 500 or not 1_000 <= value <= 1_000_000 else 100_000 / value
    coding = Coding(primaries, gamma)
    return (None if coding == SRGB else coding), False


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """A PNG's chunks before its pixels."""
    at = 8
    while at + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        if kind in (b"IDAT", b"IEND"):
            return
        yield kind, data[at + 8 : at + 8 + length]
        at += 12 + length


def convert_coding(samples: NDArray[Any], coding: Coding) -> tuple[Pixels, str]:
    """Bring samples to sRGB; give pixels and a note ("" where there is nothing to say).

    samples: uint8, uint16 or float32 in [0, 1], (H, W, 1) grey or (H, W, 3) RGB. Returns float32 (H, W, 3) in [0, 1]; colours
    that sRGB has not are clipped, as by profiles.
    """
    values = to_unit(samples)  # (H, W, 1 or 3)
    if values.shape[2] == 1:
        values = np.repeat(values, 3, axis=2)  # (H, W, 3)
    if coding.is_srgb:
        return values, ""
    try:
        matrix = _matrix(coding.primaries)
    except np.linalg.LinAlgError:
        return values, "its primaries make no sense and were left out"
    peak = _peak(values, coding)
    out = np.empty_like(values)
    step = max(1, _BAND // values.shape[1])
    for top in range(0, len(values), step):
        band = slice(top, top + step)
        light = _roll_off(_light(values[band], coding), peak)
        out[band] = srgb_from_linear((light @ matrix.T).astype(np.float32)).clip(0.0, 1.0)
    name = {PQ: "PQ", HLG: "HLG"}.get(coding.hdr)
    return out, f"HDR ({name}): its tones were brought into the range of a screen" if name else ""


@lru_cache(maxsize=32)
def profile_of_coding(coding: Coding) -> bytes | None:
    """Give an ICC profile of the same colours; None for sRGB, HDR and what makes no sense."""
    if coding.is_srgb or coding.hdr:
        return None
    steps = np.linspace(0, 1, 1024)
    curve = steps**coding.gamma if coding.gamma else linear_from_srgb(steps.astype(np.float32))
    *points, white = coding.primaries
    try:
        made = imagecodecs.cms_profile(
            "rgb",
            whitepoint=[*white, 1.0],
            primaries=[value for point in points for value in (*point, 1.0)],
            transferfunction=np.rint(curve * 65535).astype(np.uint16),
        )
    except (imagecodecs.CmsError, ValueError, RuntimeError):
        return None
    return dated(bytes(made))


def _light(values: Pixels, coding: Coding) -> NDArray[np.float32]:
    """Linear light of the coding's primaries; diffuse white is 1."""
    if coding.hdr == PQ:
        return (_pq(values) * np.float32(10_000 / _WHITE)).astype(np.float32, copy=False)
    if coding.hdr == HLG:
        scene = _hlg(values)
        luma = scene @ np.array([0.2627, 0.678, 0.0593], np.float32)  # (h, W)
        return scene * (np.maximum(luma, 1e-6)[..., None] ** np.float32(0.2) * np.float32(1_000 / _WHITE))
    if coding.gamma:
        return values ** np.float32(coding.gamma)
    return linear_from_srgb(values)


def _pq(values: Pixels) -> NDArray[np.float32]:
    """SMPTE ST 2084, equation 4.1: [0, 1] to light, 1 for 10 000 cd/m²."""
    m1, m2, c1, c2, c3 = 2610 / 16384, 2523 / 4096 * 128, 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
    root = values.astype(np.float64) ** (1 / m2)
    return cast(NDArray[np.float32], ((np.maximum(root - c1, 0) / (c2 - c3 * root)) ** (1 / m1)).astype(np.float32))


def _hlg(values: Pixels) -> NDArray[np.float32]:
    """ITU-R BT.2100, table 5, inverse: [0, 1] to the light of the scene, [0, 1]."""
    a = 0.17883277
    b, c = 1 - 4 * a, 0.5 - a * np.log(4 * a)
    bright = (np.exp((np.maximum(values, 0.5) - c) / a) + b) / 12
    return cast(NDArray[np.float32], np.where(values <= 0.5, values * values / 3, bright).astype(np.float32))


def _peak(values: Pixels, coding: Coding) -> float:
    """The light that is brought to the screen's white: the picture's brightest, but for one pixel in a thousand."""
    if not coding.hdr:
        return 1.0
    step = max(1, int((values.shape[0] * values.shape[1] / 1_000_000) ** 0.5))
    light = _light(values[::step, ::step], coding).max(2)
    return max(1.0, float(np.quantile(light, 0.999)))


def _roll_off(light: NDArray[np.float32], peak: float) -> NDArray[np.float32]:
    """Light beyond a knee bent in so that peak becomes 1, at slope 1 at the knee; all three channels by one factor, which keeps hues."""
    if peak <= 1:
        return light
    top = light.max(2, keepdims=True)  # (h, W, 1)
    room, reach = 1 - _KNEE, peak - _KNEE
    bend = 1 / room - 1 / reach
    over = np.maximum(top - np.float32(_KNEE), 0)
    bent = np.float32(_KNEE) + over / (1 + np.float32(bend) * over)
    return cast(NDArray[np.float32], np.where(over > 0, light * (bent / np.maximum(top, 1e-6)), light))


def _matrix(primaries: Chromaticities) -> NDArray[np.float32]:
    """(3, 3): linear light of these primaries to sRGB's, white to white (Bradford)."""
    to_xyz, white = _to_xyz(primaries)
    from_xyz, screen = _to_xyz(BT709)
    cones = np.diag((_BRADFORD @ screen) / (_BRADFORD @ white))
    adapted = np.linalg.inv(_BRADFORD) @ cones @ _BRADFORD
    return cast(NDArray[np.float32], (np.linalg.inv(from_xyz) @ adapted @ to_xyz).astype(np.float32))


def _to_xyz(primaries: Chromaticities) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The matrix (3, 3) from linear light to CIE XYZ, and white (3,)."""
    xyz = np.array([[x / y, 1.0, (1 - x - y) / y] for x, y in primaries]).T  # (3, 4)
    columns, white = xyz[:, :3], xyz[:, 3]
    return columns * np.linalg.solve(columns, white), white
