"""What is written is what was meant, told by reading it back, with our own eyes and with Pillow's."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
from PIL import Image as Pillow
from specimens import noise16, photo

from atelier.errors import OutputError, SettingError
from atelier.image import FORMATS, Image, decode, encode

LONG = json.dumps({"title": 'Größe <&> "日本" ]]> \u2028 \x00\x1f\x7f\ufffe', "steps": list(range(4000))}, ensure_ascii=False)


@pytest.fixture(autouse=True)
def heif(request: pytest.FixtureRequest) -> None:
    if "heic" in request.node.name:
        pytest.importorskip("pillow_heif")


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("alpha", [False, True])
def test_text_goes_round(format: str, alpha: bool) -> None:
    assert len(LONG) > 20_000
    array = noise16()[:, :, : 4 if alpha else 3]
    text = {"atelier": LONG, "Comment": "line\r\nand\tline", "empty": ""}
    assert decode(encode(Image.from_array(array, text=text), format)).text == text


@pytest.mark.parametrize("format", FORMATS)
def test_no_text_stays_no_text(format: str) -> None:
    assert decode(encode(Image.from_array(photo()), format)).text == {}


def test_png_text_is_readable_by_others() -> None:
    data = encode(Image.from_array(photo(), text={"atelier": "größe"}), "png")
    assert Pillow.open(io.BytesIO(data)).text == {"atelier": "größe"}


def test_words_that_are_no_unicode_do_not_cost_the_picture() -> None:
    for format in ("png", "jpeg"):
        assert decode(encode(Image.from_array(photo(), text={"atelier": "a\ud800b"}), format)).text["atelier"].startswith("a")


def test_foreign_text_too_long_for_jpeg_makes_way_for_ours() -> None:
    image = Image.from_array(photo(), text={"workflow": "w" * 100_000, "atelier": "{}"})
    assert decode(encode(image, "jpeg")).text == {"atelier": "{}"}
    assert decode(encode(image, "webp")).text == image.text
    with pytest.raises(OutputError, match="too long"):
        encode(Image.from_array(photo(), text={"atelier": "w" * 100_000}), "jpeg")


@pytest.mark.parametrize("format", ["png", "tiff"])
@pytest.mark.parametrize("channels", [3, 4])
def test_sixteen_bits_go_round_exactly(format: str, channels: int) -> None:
    array = noise16()[:, :, :channels]
    image = Image.from_array(array, text={"atelier": "{}"})
    assert image.depth == 16
    again = decode(encode(image, format))
    assert again.depth == 16
    np.testing.assert_array_equal(again.to_array(16), array)


@pytest.mark.parametrize("format", ["png", "tiff"])
def test_depth_can_be_asked_for(format: str) -> None:
    image = Image.from_array(photo())
    assert decode(encode(image, format)).depth == 8
    deep = decode(encode(image, format, depth=16))
    assert deep.depth == 16
    np.testing.assert_array_equal(deep.to_array(8), photo())
    assert decode(encode(deep, format, depth=8)).depth == 8
    with pytest.raises(SettingError, match="8 or 16"):
        encode(image, format, depth=12)


@pytest.mark.parametrize("format", ["jpeg", "webp", "avif", "heic"])
def test_sixteen_bits_where_there_are_eight(format: str) -> None:
    deep = Image.from_array(noise16()[:, :, :3])
    assert decode(encode(deep, format)).depth == 8
    with pytest.raises(OutputError, match="PNG or TIFF"):
        encode(deep, format, depth=16)


@pytest.mark.parametrize("format", ["png", "tiff"])
@pytest.mark.parametrize("depth", [8, 16])
def test_pillow_reads_what_we_write(format: str, depth: int) -> None:
    rgba = np.dstack([photo(), photo()[:, :, 0]])
    picture = Pillow.open(io.BytesIO(encode(Image.from_array(rgba, text={"atelier": "x"}), format, depth=depth)))
    assert picture.size == (17, 24)
    np.testing.assert_array_equal(np.asarray(picture.convert("RGBA")), rgba)


@pytest.mark.parametrize("format", ["png", "tiff", "webp", "avif", "heic"])
def test_alpha_goes_round(format: str) -> None:
    rgba = np.dstack([photo(32, 32), photo(32, 32)[:, :, 0]])
    again = decode(encode(Image.from_array(rgba), format))
    assert again.alpha is not None
    assert np.abs(again.to_array().astype(int)[:, :, 3] - rgba[:, :, 3]).max() <= (0 if format in ("png", "tiff", "webp") else 8)


def test_alpha_is_laid_over_white_in_jpeg() -> None:
    rgba = np.zeros((16, 48, 4), np.uint8)
    rgba[:, 16:32, 3], rgba[:, 32:, 3] = 128, 255
    again = decode(encode(Image.from_array(rgba), "jpeg", quality=100))
    assert again.alpha is None
    for column, value in ((8, 255), (24, 127), (40, 0)):
        assert np.abs(again.to_array()[8, column].astype(int) - value).max() <= 2


@pytest.mark.parametrize("format", FORMATS)
def test_exif_is_carried(format: str) -> None:
    exif = Pillow.Exif()
    exif.update({0x010F: "Maker", 0x0110: "Model", 0x8298: "© somebody".encode()})
    exif.get_ifd(0x8769).update({0x9003: "2024:05:06 07:08:09", 0x829A: 0.004, 0x8827: 200, 0xA434: "50mm f/1.8"})
    again = decode(encode(Image.from_array(photo(), exif=exif.tobytes()), format)).exif
    assert again is not None
    read = Pillow.Exif()
    read.load(again)
    assert (read[0x010F], read[0x0110]) == ("Maker", "Model")
    assert "© somebody".encode() in again
    taken = read.get_ifd(0x8769)
    assert (taken[0x9003], float(taken[0x829A]), taken[0x8827], taken[0xA434]) == ("2024:05:06 07:08:09", 0.004, 200, "50mm f/1.8")


@pytest.mark.parametrize("format", FORMATS)
def test_the_same_picture_is_the_same_file(format: str) -> None:
    image = Image.from_array(photo(), text={"atelier": "{}"})
    assert encode(image, format) == encode(image, format)


@pytest.mark.parametrize("format", ["jpeg", "webp", "avif"])
def test_quality_buys_bytes(format: str) -> None:
    image = Image.from_array(photo(64, 64))
    assert len(encode(image, format, quality=98)) > len(encode(image, format, quality=30))


@pytest.mark.parametrize("quality", [0, 101, -5])
def test_quality_out_of_range(quality: int) -> None:
    with pytest.raises(SettingError, match="1 to 100"):
        encode(Image.from_array(photo()), "png", quality=quality)


def test_names_of_formats() -> None:
    image = Image.from_array(photo())
    for name in ("JPG", ".jpeg", "jpg"):
        assert encode(image, name)[:3] == b"\xff\xd8\xff"
    assert encode(image, "tif")[:4] == b"II*\0"
    for name in ("psd", "", "gif"):
        with pytest.raises(OutputError, match="png, jpeg, webp, tiff, avif, heic"):
            encode(image, name)


def test_pictures_larger_than_a_format_holds() -> None:
    image = Image.from_array(np.zeros((1, 20_000, 3), np.uint8))
    with pytest.raises(OutputError, match="16,383"):
        encode(image, "webp")
    assert decode(encode(image, "jpeg")).size == (20_000, 1)


def test_png_keys() -> None:
    for key in ("", "k" * 80, "日本", " x"):
        with pytest.raises(OutputError, match="1 to 79"):
            encode(Image.from_array(photo(), text={key: "v"}), "png")
