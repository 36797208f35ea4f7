"""Colours of other spaces come out as sRGB, against closed-form colour arithmetic."""

from __future__ import annotations

import io
import struct
import zlib

import imagecodecs
import numpy as np
import pytest
from PIL import Image as Pillow
from PIL import ImageCms
from specimens import (
    ADOBE,
    P3,
    SRGB,
    gray_profile,
    ink_profile,
    matrix_profile,
    noise16,
    photo,
    saved,
    srgb_curve,
    srgb_linear,
    tiff,
    to_xyz,
)

from atelier.errors import OutputError, SettingError
from atelier.image import FORMATS, Image, decode, encode
from atelier.image.profiles import srgb_profile


def expected(encoded: np.ndarray, space: str) -> np.ndarray:
    """sRGB of Display P3, Adobe RGB or linear Adobe RGB values in [0, 1]."""
    primaries = P3 if space == "p3" else ADOBE
    linear = {"p3": srgb_linear(encoded), "adobe": encoded ** (round(2.19921875 * 256) / 256), "linear": encoded}[space]
    matrix = np.linalg.inv(to_xyz(SRGB)) @ to_xyz(primaries)
    return srgb_curve(np.clip(linear @ matrix.T, 0, 1))


PROFILES = {"p3": matrix_profile(P3, None), "adobe": matrix_profile(ADOBE, 2.19921875), "linear": matrix_profile(ADOBE, 1.0)}


@pytest.mark.parametrize("space", PROFILES)
@pytest.mark.parametrize("container", ["png8", "tiff8", "tiff16", "png16", "tiff32"])
def test_wide_colors_become_srgb(space: str, container: str) -> None:
    rng = np.random.default_rng(1)
    values = np.concatenate([rng.random((20, 20, 3)), 0.1 * rng.random((20, 20, 3))])  # the shadows, too
    profile = PROFILES[space]
    if container.endswith("8"):
        stored = np.rint(values * 255).astype(np.uint8)
        top = 255
    elif container.endswith("16"):
        stored, top = np.rint(values * 65535).astype(np.uint16), 65535
    else:
        stored, top = values.astype(np.float32), 1
    if container == "png8":
        data = saved(Pillow.fromarray(stored), "PNG", icc_profile=profile)
    elif container == "png16":
        data = with_profile(bytes(imagecodecs.png_encode(stored)), profile)
    else:
        data = tiff(stored, photometric="rgb", iccprofile=profile)
    image = decode(data)
    assert image.notes == ()
    error = np.abs(image.pixels - expected(stored.astype(np.float64) / top, space)).max() * 255
    assert error < (0.6 if container.endswith("8") else 0.35)


def with_profile(png: bytes, profile: bytes) -> bytes:
    body = b"x\0\0" + zlib.compress(profile)
    return png[:33] + struct.pack(">I", len(body)) + b"iCCP" + body + struct.pack(">I", zlib.crc32(b"iCCP" + body)) + png[33:]


def test_a_profile_that_says_srgb_changes_nothing() -> None:
    for profile in (ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes(), matrix_profile(SRGB, None)):
        image = decode(tiff(noise16()[:, :, :3], photometric="rgb", iccprofile=profile))
        np.testing.assert_array_equal(image.to_array(16), noise16()[:, :, :3])


def test_gray_profile() -> None:
    gray = np.arange(256, dtype=np.uint8)[None, :]
    image = decode(saved(Pillow.fromarray(gray), "PNG", icc_profile=gray_profile(1.0)))
    np.testing.assert_allclose(image.pixels[0, :, 1], srgb_curve(gray[0] / 255), atol=0.6 / 255)
    assert np.ptp(image.pixels, axis=2).max() < 0.5 / 255


def test_color_profile_on_gray_pixels() -> None:
    gray = np.arange(256, dtype=np.uint8)[None, :]
    image = decode(saved(Pillow.fromarray(gray), "PNG", icc_profile=PROFILES["adobe"]))
    neutral = np.repeat(gray[:, :, None], 3, axis=2) / 255
    np.testing.assert_allclose(image.pixels, expected(neutral, "adobe"), atol=0.8 / 255)


@pytest.mark.parametrize("container", ["JPEG", "TIFF"])
def test_cmyk_profile_is_used(container: str) -> None:
    # cyan at full is a grey of L* 50 to this printer; without the profile it would be cyan
    profile = ink_profile(lambda c, m, y, k: 0 if k else (50 if c else 100))
    inks = np.zeros((16, 16, 4), np.uint8)
    inks[:, :, 0] = 255
    settings = {"quality": 100} if container == "JPEG" else {}
    image = decode(saved(Pillow.fromarray(inks, "CMYK"), container, icc_profile=profile, **settings))
    assert image.notes == ()
    middle = image.to_array()[8, 8].astype(int)
    assert np.abs(middle - 119).max() <= 4  # L* 50 is sRGB 119


@pytest.mark.parametrize(
    "profile",
    [b"not a profile", b"\0" * 500, PROFILES["p3"][:200], gray_profile(2.2), PROFILES["p3"][:128] + b"\xff" * 300],
)
def test_profiles_that_are_damaged_or_do_not_fit_are_left_out_with_a_note(profile: bytes) -> None:
    image = decode(saved(Pillow.fromarray(photo()), "PNG", icc_profile=profile))
    np.testing.assert_array_equal(image.to_array(), photo())
    assert len(image.notes) == 1
    assert "profile" in image.notes[0]


@pytest.mark.parametrize("format", ["png", "jpeg", "webp", "tiff", "avif"])
def test_every_file_says_srgb(format: str) -> None:
    data = encode(Image.from_array(photo()), format)
    profile = Pillow.open(io.BytesIO(data)).info["icc_profile"]
    described = ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(io.BytesIO(profile)))
    assert "srgb" in described.lower()


def test_alpha_is_no_color() -> None:
    rgba = np.dstack([photo(), photo()[:, :, 1]])
    image = decode(saved(Pillow.fromarray(rgba), "PNG", icc_profile=PROFILES["p3"]))
    np.testing.assert_array_equal(image.to_array()[:, :, 3], rgba[:, :, 3])


# The photo's own profile in the result --------------------------------------------------------------------------------


@pytest.mark.parametrize("format", [name for name in FORMATS if name != "jxl"])
def test_a_picture_can_be_written_in_the_photos_own_profile(format: str) -> None:
    if format == "heic":
        pytest.importorskip("pillow_heif")
    profile = matrix_profile(ADOBE, 2.2)
    values = (photo(40, 56) // 4 + 90).astype(np.uint8)
    source = saved(Pillow.fromarray(values), "PNG", icc_profile=profile)
    image = decode(source)
    assert image.profile == profile
    kept = decode(encode(image, format, profile="keep", quality=100))
    assert kept.profile == profile
    off = np.abs(kept.pixels - image.pixels) * 255
    assert off.mean() < (0.5 if format in ("png", "tiff") else 3)
    assert decode(encode(image, format)).profile is None  # sRGB, as ever
    if format == "png":
        np.testing.assert_array_equal(np.asarray(Pillow.open(io.BytesIO(encode(image, "png", profile="keep")))), values)


def test_colors_told_without_a_profile_are_kept_by_one() -> None:
    values = np.rint(photo(24, 32) / 255 * 40_000 + 9_000).astype(np.uint16)
    body = b"cICP" + bytes([12, 13, 0, 1])
    data = bytes(imagecodecs.png_encode(values))
    image = decode(data[:33] + struct.pack(">I", 4) + body + struct.pack(">I", zlib.crc32(body)) + data[33:])
    assert image.profile
    kept = decode(encode(image, "png", profile="keep"))
    assert kept.profile == image.profile
    np.testing.assert_allclose(kept.pixels, image.pixels, atol=2e-3)


def test_what_is_no_profile_to_write_in_is_not_kept() -> None:
    ink = saved(Pillow.fromarray(photo()).convert("CMYK"), "TIFF", icc_profile=ink_profile(lambda c, m, y, k: 100 - 25 * (c + m + y + k)))
    gray = saved(Pillow.fromarray(photo()).convert("L"), "PNG", icc_profile=gray_profile(1.8))
    srgb = saved(Pillow.fromarray(photo()), "PNG", icc_profile=srgb_profile())
    for data in (ink, gray, srgb, saved(Pillow.fromarray(photo()), "PNG", icc_profile=b"nonsense" * 40)):
        image = decode(data)
        assert image.profile is None
        assert encode(image, "png", profile="keep") == encode(image, "png")
    with pytest.raises(OutputError, match="sRGB"):
        encode(image, "jxl", profile="keep")
    with pytest.raises(SettingError, match="profile adobe: must be"):
        encode(image, "png", profile="adobe")
