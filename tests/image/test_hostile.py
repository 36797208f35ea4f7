"""Whatever the bytes, the answer is a picture or an AtelierError in one line."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image as Pillow
from specimens import ADOBE, matrix_profile, noise16, photo, saved, tiff

from atelier.errors import AtelierError, MissingExtra
from atelier.image import Image, Limits, decode, encode


def corpus() -> dict[str, bytes]:
    picture = Pillow.fromarray(photo())
    profile = matrix_profile(ADOBE, 2.2)
    exif = Pillow.Exif()
    exif.update({0x010F: "Camera", 0x0112: 6})
    exif.get_ifd(0x8769)[0x9003] = "2024:05:06 07:08:09"
    more = [picture.rotate(90), picture.rotate(180)]
    tiled = np.tile(photo(), (2, 2, 1))
    files = {
        "jpeg": saved(picture, "JPEG", icc_profile=profile, exif=exif),
        "progressive": saved(picture, "JPEG", progressive=True),
        "cmyk jpeg": saved(picture.convert("CMYK"), "JPEG"),
        "png": saved(picture, "PNG", icc_profile=profile, exif=exif),
        "palette": saved(picture.quantize(16), "PNG", transparency=3),
        "png16": encode(Image.from_array(noise16(), text={"atelier": "{}"}), "png"),
        "apng": saved(picture, "PNG", save_all=True, append_images=more),
        "gif": saved(picture, "GIF", save_all=True, append_images=more),
        "bmp": saved(picture, "BMP"),
        "webp": saved(picture, "WEBP", icc_profile=profile, exif=exif),
        "lossless webp": saved(picture.convert("RGBA"), "WEBP", lossless=True),
        "animated webp": saved(picture, "WEBP", save_all=True, append_images=more),
        "avif": saved(picture, "AVIF", exif=exif),
        "tiff": tiff(photo(), photometric="rgb", iccprofile=profile),
        "tiff16": encode(Image.from_array(noise16(), text={"atelier": "{}"}, exif=exif.tobytes()), "tiff"),
        "tiff32": tiff(photo().astype(np.float32) / 255, photometric="rgb"),
        "tiled": tiff(tiled, photometric="rgb", tile=(16, 16), compression="lzw"),
        "jpeg in tiff": tiff(photo(), photometric="rgb", compression="jpeg"),
        "palette tiff": saved(picture.quantize(16), "TIFF", exif=exif),
        "fax": saved(picture.convert("1"), "TIFF", compression="group4"),
    }
    with contextlib.suppress(MissingExtra):
        files["heic"] = encode(Image.from_array(photo()), "heic")
    return files


FILES = corpus()


def check(data: bytes) -> None:
    try:
        image = decode(data, "it", Limits(pixels=1_000_000))
    except AtelierError as error:
        assert "\n" not in str(error)
        assert str(error).startswith("it ") or isinstance(error, MissingExtra)
    else:
        assert np.isfinite(image.pixels).all()


@pytest.mark.parametrize("name", FILES)
def test_the_corpus_is_good(name: str) -> None:
    assert decode(FILES[name]).size[0] > 1


@given(st.binary(max_size=200))
@settings(max_examples=150, deadline=None)
def test_any_bytes(data: bytes) -> None:
    check(data)


STARTS = sorted({data[:26] for data in FILES.values()})


@given(st.sampled_from(STARTS), st.binary(max_size=200))
@settings(max_examples=150, deadline=None)
def test_any_bytes_behind_a_good_start(start: bytes, rest: bytes) -> None:
    check(start + rest)


@given(st.sampled_from(sorted(FILES)), st.floats(0, 1))
@settings(max_examples=200, deadline=None)
def test_files_cut_anywhere(name: str, part: float) -> None:
    check(FILES[name][: int(len(FILES[name]) * part)])


@given(
    st.sampled_from(sorted(FILES)),
    st.lists(st.tuples(st.floats(0, 1), st.sampled_from([0, 1, 127, 128, 255]) | st.integers(0, 255)), min_size=1, max_size=6),
    st.booleans(),
)
@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_files_with_bytes_changed(name: str, changes: list[tuple[float, int]], in_header: bool) -> None:
    data = bytearray(FILES[name])
    reach = min(len(data), 400) if in_header else len(data)
    for where, value in changes:
        data[min(int(where * reach), reach - 1)] = value
    check(bytes(data))


@given(st.sampled_from(sorted(FILES)), st.sampled_from(sorted(FILES)), st.floats(0, 1), st.floats(0, 1))
@settings(max_examples=100, deadline=None)
def test_half_of_one_and_half_of_another(first: str, second: str, end: float, start: float) -> None:
    check(FILES[first][: int(len(FILES[first]) * end)] + FILES[second][int(len(FILES[second]) * start) :])
