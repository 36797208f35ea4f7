"""Colours told without a profile (nclx, cICP, gAMA, cHRM), HDR, and samples that are no RGB."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import imagecodecs
import numpy as np
import pytest
from PIL import Image as Pillow
from specimens import ADOBE, P3, SRGB, matrix_profile, photo, saved, srgb_curve, srgb_linear, tiff, to_xyz

from atelier.image import decode
from atelier.image.coding import HLG, PQ, Coding, coding_of_codes, coding_of_png, convert_coding
from atelier.media import open_stream

BT2020 = ((0.708, 0.292), (0.17, 0.797), (0.131, 0.046))
D65 = [31270, 32900]


def soft() -> np.ndarray:
    """float (H, W, 3) sRGB, inside of every gamut here."""
    return photo(48, 64) / 255 * 0.6 + 0.2


def in_primaries(pixels: np.ndarray, primaries: tuple[tuple[float, float], ...]) -> np.ndarray:
    """sRGB to linear light of other primaries."""
    return srgb_linear(pixels) @ (np.linalg.inv(to_xyz(primaries)) @ to_xyz(SRGB)).T


def pq(light: np.ndarray) -> np.ndarray:
    """Light in cd/m² to PQ (SMPTE ST 2084)."""
    y = (light / 10000) ** (2610 / 16384)
    return ((3424 / 4096 + 2413 / 128 * y) / (1 + 2392 / 128 * y)) ** (2523 / 32)


def hlg(scene: np.ndarray) -> np.ndarray:
    """Light of the scene in [0, 1] to HLG (BT.2100)."""
    a = 0.17883277
    return np.where(scene <= 1 / 12, np.sqrt(3 * scene), a * np.log(np.maximum(12 * scene - 1 + 4 * a, 1e-9)) + 0.5 - a * np.log(4 * a))


def png(values: np.ndarray, *chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG of 16 bits with more chunks before its pixels. values: floats in [0, 1]."""
    data = bytes(imagecodecs.png_encode(np.rint(values * 65535).astype(np.uint16)))
    more = b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))  #
        for kind, body in chunks
    )
    return data[:33] + more + data[33:]


def chrm(primaries: tuple[tuple[float, float], ...]) -> bytes:
    return struct.pack(">8I", *D65, *(round(value * 100_000) for point in primaries for value in point))


def off(data: bytes, wanted: np.ndarray) -> float:
    return float(np.abs(decode(data).pixels - wanted).max())


@pytest.mark.parametrize(
    ("primaries", "code"),
    [(P3, 12), (BT2020, 9), (SRGB, 1)],
)
def test_cicp_says_which_primaries(primaries: tuple[tuple[float, float], ...], code: int) -> None:
    values = srgb_curve(in_primaries(soft(), primaries))
    assert off(png(values, (b"cICP", bytes([code, 13, 0, 1]))), soft()) < 1e-3


def test_cicp_goes_before_a_profile_and_a_profile_before_gama() -> None:
    values = srgb_curve(in_primaries(soft(), P3))
    profile = b"p\0\0" + zlib.compress(matrix_profile(ADOBE, 2.2))
    assert off(png(values, (b"iCCP", profile), (b"cICP", bytes([12, 13, 0, 1]))), soft()) < 1e-3
    values = in_primaries(soft(), ADOBE) ** (1 / 2.2)
    assert off(png(values, (b"gAMA", struct.pack(">I", 100_000)), (b"iCCP", profile)), soft()) < 4e-3


@pytest.mark.parametrize("gamma", [1.0, 1.8, 2.6])
def test_gama_and_chrm(gamma: float) -> None:
    gama = (b"gAMA", struct.pack(">I", round(100_000 / gamma)))
    assert off(png(srgb_linear(soft()) ** (1 / gamma), gama), soft()) < 1e-3
    values = in_primaries(soft(), ADOBE) ** (1 / gamma)
    assert off(png(values, gama, (b"cHRM", chrm(ADOBE))), soft()) < 1e-3
    # the chunk that says sRGB goes before them
    assert off(png(soft(), gama, (b"sRGB", b"\0")), soft()) < 1e-4


def test_gama_of_gray_and_of_sense() -> None:
    gray = soft()[:, :, 0]
    linear = np.rint(srgb_linear(gray) * 65535).astype(np.uint16)
    data = bytes(imagecodecs.png_encode(linear))
    body = b"gAMA" + struct.pack(">I", 100_000)
    data = data[:33] + struct.pack(">I", 4) + body + struct.pack(">I", zlib.crc32(body)) + data[33:]
    assert off(data, np.repeat(gray[:, :, None], 3, 2)) < 1e-3
    for value in (0, 45_455, 2**31):
        assert off(png(soft(), (b"gAMA", struct.pack(">I", value))), soft()) < 1e-4
    assert coding_of_png(png(soft(), (b"cHRM", bytes(32)))) == (None, False)
    flat = (b"cHRM", struct.pack(">8I", *D65, *[30_000, 30_000] * 3))
    assert "primaries" in decode(png(soft(), flat)).notes[0]


@pytest.mark.parametrize("level", [8, 10])
def test_nclx_of_avif(level: int) -> None:
    values = srgb_curve(in_primaries(soft(), P3))
    top = 2**level - 1
    array = np.rint(values * top).astype(np.uint8 if level == 8 else np.uint16)
    data = bytes(imagecodecs.avif_encode(array, level=100, bitspersample=level, primaries=12, transfer=13, matrix=6))
    assert np.abs(decode(data).pixels - soft()).mean() < 2 / 255


def heic(values: np.ndarray, **codes: int) -> bytes:
    pillow_heif = pytest.importorskip("pillow_heif")
    deep = np.rint(values * 65535).astype(np.uint16)
    picture = pillow_heif.from_bytes(mode="RGB;16", size=deep.shape[1::-1], data=deep.tobytes())
    stream = io.BytesIO()
    picture.save(stream, quality=100, chroma=444, save_nclx_profile=True, full_range_flag=1, **codes)
    return stream.getvalue()


def test_nclx_of_heic() -> None:
    values = srgb_curve(in_primaries(soft(), P3))
    data = heic(values, color_primaries=12, transfer_characteristics=13, matrix_coefficients=6)
    assert np.abs(decode(data).pixels - soft()).mean() < 2 / 255


def test_a_profile_goes_before_nclx() -> None:
    values = np.rint(255 * in_primaries(soft(), ADOBE) ** (1 / 2.2)).astype(np.uint8)
    data = saved(Pillow.fromarray(values), "AVIF", quality=100, subsampling="4:4:4", icc_profile=matrix_profile(ADOBE, 2.2))
    assert np.abs(decode(data).pixels - soft()).mean() < 2 / 255


def test_hdr_under_diffuse_white_stays_as_it_is() -> None:
    light = in_primaries(soft(), BT2020) * 203
    image = decode(png(pq(light), (b"cICP", bytes([9, 16, 0, 1]))))
    assert np.abs(image.pixels - soft()).max() < 3e-3
    assert image.notes == ("HDR (PQ): its tones were brought into the range of a screen",)
    assert image.depth == 16


def test_hdr_of_hlg() -> None:
    light = in_primaries(soft(), BT2020) * 203 / 1000
    luma = light @ [0.2627, 0.678, 0.0593]
    scene = light * (luma ** (1 / 1.2 - 1))[..., None]
    image = decode(png(hlg(scene), (b"cICP", bytes([9, 18, 0, 1]))))
    assert np.abs(image.pixels - soft()).max() < 3e-3
    assert "HLG" in image.notes[0]


@pytest.mark.parametrize("kind", [PQ, HLG])
def test_highlights_are_rolled_off_and_keep_their_order(kind: int) -> None:
    ramp = np.linspace(0.01, 1, 512, dtype=np.float32)
    pixels, note = convert_coding(np.tile(ramp[None, :, None], (4, 1, 3)), coding_of_codes(9, kind))
    tones = pixels[0, :, 1]
    assert note
    assert (np.diff(tones) >= 0).all()
    assert (np.diff(tones[:-8]) > 0).all()  # no flat white
    assert tones[-1] > 0.99


def test_hdr_in_more_than_8_bits_is_read_so() -> None:
    light = np.repeat(np.linspace(0.05, 60, 256)[None, :, None], 3, 2).repeat(64, 0)  # the shadows
    image = decode(heic(pq(light), color_primaries=9, transfer_characteristics=16, matrix_coefficients=9))
    assert image.depth == 16
    assert len(np.unique(np.rint(image.pixels * 65535))) > 180  # 8 bits would have some 130
    array = np.rint(pq(light) * 1023).astype(np.uint16)
    data = imagecodecs.avif_encode(array, level=100, bitspersample=10, primaries=9, transfer=16, matrix=9)
    again = decode(bytes(data))
    assert again.depth == 16
    assert np.abs(again.pixels - image.pixels).mean() < 4e-3


def test_what_says_srgb_is_left_alone() -> None:
    values = photo()
    assert coding_of_codes(1, 13) == coding_of_codes(2, 2) == coding_of_codes(1, 1) == Coding()
    pixels, note = convert_coding(values, Coding())
    assert not note
    np.testing.assert_array_equal(pixels, values.astype(np.float32) / np.float32(255))


# TIFF of luma and colour differences ----------------------------------------------------------------------------------


FULL = (530, 3, 2, (1, 1), True)
"""The tag that says there are as many differences as luma."""


def ycbcr(pixels: np.ndarray) -> np.ndarray:
    return np.asarray(Pillow.fromarray(pixels).convert("YCbCr"))


def with_tags(data: bytes, **tags: int) -> bytes:
    """A little-endian TIFF whose short tags of these numbers say something else."""
    (start,) = struct.unpack_from("<I", data, 4)
    out = bytearray(data)
    for entry in range(struct.unpack_from("<H", data, start)[0]):
        at = start + 2 + 12 * entry
        tag = str(struct.unpack_from("<H", data, at)[0])
        if f"_{tag}" in tags:
            struct.pack_into("<HIH", out, at + 2, 3, 1, tags[f"_{tag}"])
    return bytes(out)


def test_tiff_of_luma_and_differences(tmp_path: Any) -> None:
    pixels = photo(40, 56)
    data = with_tags(tiff(ycbcr(pixels), photometric="rgb", byteorder="<", extratags=[FULL]), _262=6)
    np.testing.assert_allclose(decode(data).pixels * 255, pixels, atol=3.5)
    (tmp_path / "a.tif").write_bytes(data)
    with open_stream(tmp_path / "a.tif") as source:
        np.testing.assert_allclose(source.window(8, 4, 20, 30), decode(data).pixels[4:34, 8:28], atol=1e-6)


def test_tiff_of_luma_and_differences_in_the_studios_range() -> None:
    pixels = photo(40, 56)
    full = ycbcr(pixels).astype(float)
    studio = np.stack([16 + full[..., 0] * 219 / 255, *(128 + (full[..., at] - 128) * 112 / 127 for at in (1, 2))], axis=2)
    reference = (16, 1, 235, 1, 128, 1, 240, 1, 128, 1, 240, 1)
    data = tiff(np.rint(studio).astype(np.uint8), photometric="rgb", byteorder="<", extratags=[FULL, (532, 5, 6, reference, True)])
    np.testing.assert_allclose(decode(with_tags(data, _262=6)).pixels * 255, pixels, atol=4)


@pytest.mark.parametrize("step", [(2, 2), (2, 1)])
def test_tiff_of_fewer_differences_than_luma(step: tuple[int, int]) -> None:
    across, down = step
    y, x = np.mgrid[:42, :58]
    pixels = np.stack([x * 4, y * 5, x + y], axis=2).astype(np.uint8)  # smooth, so that little is lost
    full = ycbcr(np.pad(pixels, ((0, -42 % down), (0, -58 % across), (0, 0)), "edge"))
    rows, columns = full.shape[0] // down, full.shape[1] // across
    blocks = full.reshape(rows, down, columns, across, 3).transpose(0, 2, 1, 3, 4)  # (rows, columns, down, across, 3)
    luma = blocks[..., 0].reshape(rows, columns, -1)
    chroma = np.rint(blocks[..., 1:].mean((2, 3))).astype(np.uint8)
    packed = np.concatenate([luma, chroma], axis=2).tobytes()
    tags = [
        (256, 4, 58),
        (257, 4, 42),
        (258, 3, 8),
        (259, 3, 1),
        (262, 3, 6),
        (273, 4, 200),
        (277, 3, 3),
        (278, 4, 42),
        (279, 4, len(packed)),
    ]
    table = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in tags)
    table += struct.pack("<HHIHH", 530, 3, 2, *step)
    data = (b"II*\0" + struct.pack("<IH", 8, len(tags) + 1) + table + b"\0\0\0\0").ljust(200, b"\0") + packed
    np.testing.assert_allclose(decode(data).pixels * 255, pixels, atol=9)
