"""JPEGs that others read: without an end marker, of 12 bits, lossless. And frames of GIF smaller than their canvas."""

from __future__ import annotations

import io

import imagecodecs
import numpy as np
import pytest
from PIL import Image as Pillow
from specimens import P3, matrix_profile, noise16, photo, saved

from atelier.errors import ImageError
from atelier.image import Limits, decode

PICTURE = photo(72, 90)


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_without_its_end_marker_it_is_read_and_said(progressive: bool, mode: str) -> None:
    data = saved(Pillow.fromarray(PICTURE).convert(mode), "JPEG", progressive=progressive, quality=90)
    whole = decode(data)
    for cut in (1, 2):
        image = decode(data[:-cut])
        np.testing.assert_array_equal(image.pixels, whole.pixels)
        assert image.notes == ("its end marker is missing, but all pixels are there",)


@pytest.mark.parametrize("progressive", [False, True])
def test_without_some_of_its_pixels_it_is_refused(progressive: bool) -> None:
    noisy = (PICTURE + np.random.default_rng(1).integers(0, 60, PICTURE.shape)).clip(0, 255).astype(np.uint8)
    data = saved(Pillow.fromarray(noisy), "JPEG", progressive=progressive, quality=90)
    for cut in (12, 40, 200, len(data) // 2):
        with pytest.raises(ImageError, match="cut short"):
            decode(data[:-cut])


def test_twelve_bits() -> None:
    values = PICTURE.astype(np.uint16) * 16 + 7
    data = bytes(imagecodecs.jpeg8_encode(values, level=98, bitspersample=12))
    image = decode(data)
    assert image.depth == 16
    np.testing.assert_allclose(image.pixels * 4095, values, atol=60)
    assert np.abs(image.pixels * 4095 - values).mean() < 12  # under an 8-bit step, which is 16
    with pytest.raises(ImageError, match="over the limit"):
        decode(data, limits=Limits(pixels=100))
    # what stands beside the pixels counts as ever
    icc = b"ICC_PROFILE\0\1\1" + matrix_profile(P3, None)
    with_profile = data[:2] + b"\xff\xe2" + (len(icc) + 2).to_bytes(2, "big") + icc + data[2:]
    assert np.abs(decode(with_profile).pixels - image.pixels).mean() > 0.01


def test_lossless() -> None:
    gray = noise16()[:, :, 0]
    image = decode(bytes(imagecodecs.ljpeg_encode(gray)))
    np.testing.assert_array_equal(np.rint(image.pixels[:, :, 0] * 65535), gray)


def test_a_kind_that_is_not_read_is_called_by_its_name() -> None:
    data = bytearray(saved(Pillow.fromarray(PICTURE), "JPEG"))
    at = data.find(b"\xff\xc0")
    data[at + 1] = 0xC5
    with pytest.raises(ImageError, match="differential JPEG, which is not read here"):
        decode(bytes(data))


def test_a_sixteen_bit_png_without_its_end() -> None:
    data = bytes(imagecodecs.png_encode(noise16()))
    np.testing.assert_array_equal(decode(data[:-12]).pixels, decode(data).pixels)


def test_a_gif_frame_smaller_than_its_canvas_is_transparent_around() -> None:
    small = Pillow.fromarray(PICTURE[:20, :30]).quantize(16)
    data = bytearray(saved(small, "GIF"))
    at = data.find(b",\0\0\0\0")  # the image descriptor, which says where the frame lies
    data[6:10] = (60).to_bytes(2, "little") + (50).to_bytes(2, "little")
    data[at + 1 : at + 5] = (7).to_bytes(2, "little") + (9).to_bytes(2, "little")
    image = decode(bytes(data))
    assert image.size == (60, 50)
    assert image.alpha is not None
    inside = np.zeros((50, 60), bool)
    inside[9:29, 7:37] = True
    np.testing.assert_array_equal(image.alpha, inside)
    np.testing.assert_array_equal(np.rint(image.pixels[9:29, 7:37] * 255), np.asarray(small.convert("RGB")))
    whole = decode(saved(Pillow.open(io.BytesIO(saved(small, "GIF"))), "GIF"))
    assert whole.alpha is None
