"""JPEG XL, in and out."""

from __future__ import annotations

from typing import Any

import imagecodecs
import numpy as np
import pytest
from PIL import Image as Pillow
from specimens import noise16, photo, saved, srgb_curve

from atelier.errors import ImageError
from atelier.image import Image, Limits, decode, encode
from atelier.image.coding import PQ
from atelier.image.jxl import _read_header


@pytest.mark.parametrize("size", [(1, 1), (8, 8), (17, 24), (256, 256), (300, 200), (640, 360), (700, 3), (1024, 768)])
@pytest.mark.parametrize("container", [False, True])
def test_sizes(size: tuple[int, int], container: bool) -> None:
    pixels = photo(size[1], size[0])
    image = decode(bytes(imagecodecs.jpegxl_encode(pixels, lossless=True, usecontainer=container)))
    np.testing.assert_array_equal(np.rint(image.pixels * 255), pixels)
    assert image.depth == 8
    assert not image.notes


@pytest.mark.parametrize("bits", [10, 12, 16])
@pytest.mark.parametrize("lossless", [True, False])
def test_bits(bits: int, lossless: bool) -> None:
    values = photo(40, 60).astype(np.uint16) * ((2**bits - 1) // 255)
    how: dict[str, Any] = {"lossless": True} if lossless else {"distance": 0.1}
    image = decode(bytes(imagecodecs.jpegxl_encode(values, bitspersample=bits, **how)))
    assert image.depth == 16
    # imagecodecs calls 16 bits and floats linear light
    np.testing.assert_allclose(image.pixels, srgb_curve(values / (2**bits - 1)), atol=1e-4 if lossless else 0.05)


def test_gray_alpha_and_floats() -> None:
    gray = photo()[:, :, 0]
    assert np.ptp(decode(bytes(imagecodecs.jpegxl_encode(gray, lossless=True))).pixels, axis=2).max() == 0
    sixteen = noise16()
    image = decode(bytes(imagecodecs.jpegxl_encode(sixteen, lossless=True)))
    np.testing.assert_allclose(image.pixels, srgb_curve(sixteen[:, :, :3] / 65535), atol=1e-4)
    np.testing.assert_array_equal(image.to_array(16)[:, :, 3], sixteen[:, :, 3])
    floats = photo() / np.float32(255)
    np.testing.assert_allclose(decode(bytes(imagecodecs.jpegxl_encode(floats, lossless=True))).pixels, srgb_curve(floats), atol=1e-5)


def with_exif() -> bytes:
    exif = Pillow.Exif()
    exif[315] = "Jan"
    return saved(Pillow.fromarray(photo()), "JPEG", exif=exif)


def test_a_picture_comes_back_with_all_that_is_beside_it() -> None:
    eight = (noise16() >> 8).astype(np.uint8)
    image = Image.from_array(eight, text={"atelier": '{"é": 1}'}, exif=decode(with_exif()).exif)
    again = decode(encode(image, "jxl", quality=100))
    np.testing.assert_array_equal(again.to_array(), eight)
    assert image.exif
    assert again.exif == image.exif
    assert again.text == image.text
    close = decode(encode(Image.from_array(photo(64, 80)), ".JXL", quality=90))
    np.testing.assert_allclose(close.pixels * 255, photo(64, 80), atol=20)
    assert close.depth == 8
    sizes = [len(encode(Image.from_array(photo(200, 200)), "jxl", quality=quality)) for quality in (10, 60, 95)]
    assert sizes == sorted(sizes)


def test_limits_and_damage() -> None:
    data = encode(Image.from_array(photo(64, 80)), "jxl")
    with pytest.raises(ImageError, match="over the limit"):
        decode(data, limits=Limits(pixels=5000))
    for part in (20, 60, len(data) // 2):
        with pytest.raises(ImageError, match=r"x\.jxl"):
            decode(data[:part], "x.jxl")


class Bits:
    """Writes a header by hand."""

    def __init__(self) -> None:
        self.written: list[int] = []

    def put(self, value: int, count: int) -> Bits:
        self.written += [value >> at & 1 for at in range(count)]
        return self

    def enum(self, value: int) -> Bits:
        return (
            self.put(2, 2).put(value - 2, 4)
            if 2 <= value < 18
            else self.put(3, 2).put(value - 18, 6)
            if value >= 18
            else self.put(value, 2)
        )

    def data(self) -> bytes:
        number = sum(bit << at for at, bit in enumerate(self.written))
        return b"\xff\x0a" + number.to_bytes(200, "little")


def header() -> Bits:
    """400 x 300, not all as usual, turned by 90°, 10 bits, no further channel, not XYB."""
    bits = Bits().put(0, 1).put(0, 2).put(299, 9).put(3, 3)
    bits.put(0, 1).put(1, 1).put(5, 3).put(0, 3)  # orientation 6; no other size, preview, animation
    return bits.put(0, 1).put(1, 2).put(0, 1).put(0, 2).put(0, 1)


def test_the_header_says_how_colors_are_coded() -> None:
    found = _read_header(header().put(1, 1).data())
    assert (found.size, found.bits) == ((300, 400), 10)
    assert found.coding is not None and found.coding.is_srgb
    own = header().put(0, 1).put(0, 1).enum(0)  # numbers, no profile, RGB
    p3 = _read_header(own.enum(1).enum(11).put(0, 1).enum(PQ).data()).coding
    assert p3 is not None
    assert p3.hdr == PQ
    np.testing.assert_allclose(p3.primaries, [(0.68, 0.32), (0.265, 0.69), (0.15, 0.06), (0.3127, 0.329)])
    gamma = _read_header(header().put(0, 1).put(0, 1).enum(0).enum(1).enum(1).put(1, 1).put(4_545_455, 24).data()).coding
    assert gamma is not None
    assert gamma.gamma == pytest.approx(2.2, abs=1e-4)
    assert _read_header(header().put(0, 1).put(1, 1).data()).coding is None  # a profile
