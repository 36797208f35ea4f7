"""Files of every kind come out as the pixels they hold."""

from __future__ import annotations

import struct
import sys
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor

import imagecodecs
import numpy as np
import pytest
from PIL import Image as Pillow
from specimens import noise16, photo, saved, tiff

from atelier.errors import ImageError, MissingExtra
from atelier.image import FORMATS, Image, Limits, decode, encode


def eight(image: Image) -> np.ndarray:
    return image.to_array(8)


@pytest.mark.parametrize("format", ["PNG", "BMP", "TIFF", "WEBP"])
def test_lossless_formats_keep_every_pixel(format: str) -> None:
    settings = {"lossless": True} if format == "WEBP" else {}
    image = decode(saved(Pillow.fromarray(photo()), format, **settings))
    assert image.size == (17, 24)
    assert image.shape == (24, 17)
    assert image.depth == 8
    assert image.alpha is None
    assert image.notes == ()
    np.testing.assert_array_equal(eight(image), photo())


@pytest.mark.parametrize("format", ["JPEG", "WEBP", "AVIF"])
def test_lossy_formats_come_close(format: str) -> None:
    image = decode(saved(Pillow.fromarray(photo(64, 48)), format, quality=95))
    assert np.abs(eight(image).astype(int) - photo(64, 48)).mean() < 3


def test_heic_comes_close() -> None:
    pytest.importorskip("pillow_heif")
    image = decode(encode(Image.from_array(photo(64, 48)), "heic", quality=95))
    assert np.abs(eight(image).astype(int) - photo(64, 48)).mean() < 3


def test_heic_without_its_extra_names_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(MissingExtra, match=r"pip install 'atelier\[heif\]'"):
        decode(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")


# What each EXIF orientation asks to be done to the stored pixels, in NumPy's words.
UPRIGHT = {
    1: lambda a: a,
    2: np.fliplr,
    3: lambda a: np.rot90(a, 2),
    4: np.flipud,
    5: lambda a: np.fliplr(np.rot90(a, -1)),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: np.fliplr(np.rot90(a)),
    8: np.rot90,
}


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format", ["PNG", "WEBP", "TIFF"])
def test_orientation_is_applied(format: str, orientation: int) -> None:
    exif = Pillow.Exif()
    exif[0x0112] = orientation
    settings = {"lossless": True} if format == "WEBP" else {}
    image = decode(saved(Pillow.fromarray(photo()), format, exif=exif, **settings))
    np.testing.assert_array_equal(eight(image), UPRIGHT[orientation](photo()))


def test_orientation_turns_alpha_along_and_is_not_carried() -> None:
    exif = Pillow.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "Camera"
    rgba = np.dstack([photo(), photo()[:, :, 0]])
    image = decode(saved(Pillow.fromarray(rgba), "PNG", exif=exif))
    np.testing.assert_array_equal(eight(image), np.rot90(rgba, -1))
    again = decode(encode(image, "png"))
    assert again.size == image.size
    assert again.exif is not None and b"Camera" in again.exif


@pytest.mark.parametrize("orientation", [0, 9, 4000])
def test_orientation_that_makes_no_sense_is_none(orientation: int) -> None:
    exif = Pillow.Exif()
    exif[0x0112] = orientation
    assert decode(saved(Pillow.fromarray(photo()), "PNG", exif=exif)).size == (17, 24)


def test_sixteen_bits_of_png_are_all_kept() -> None:
    rgba = noise16()
    for channels in (rgba[:, :, 0], rgba[:, :, :2], rgba[:, :, :3], rgba):
        image = decode(imagecodecs.png_encode(np.ascontiguousarray(channels)))
        assert image.depth == 16
        np.testing.assert_array_equal(image.to_array(16), Image.from_array(channels).to_array(16))
        colors = channels[:, :, None] if channels.ndim == 2 else channels
        np.testing.assert_array_equal(image.to_array(16)[:, :, 0], colors[:, :, 0])
        assert (image.alpha is not None) == (colors.shape[2] in (2, 4))


@pytest.mark.parametrize(
    "settings",
    [{}, {"compression": "lzw", "predictor": True}, {"byteorder": ">"}, {"bigtiff": True}, {"tile": (16, 16)}],
)
def test_sixteen_bits_of_tiff_are_all_kept(settings: dict[str, object]) -> None:
    image = decode(tiff(noise16()[:, :, :3], photometric="rgb", **settings))
    assert image.depth == 16
    np.testing.assert_array_equal(image.to_array(16), noise16()[:, :, :3])


def test_tiff_by_planes_with_alpha() -> None:
    planes = np.ascontiguousarray(noise16().transpose(2, 0, 1))
    image = decode(tiff(planes, photometric="rgb", planarconfig="separate", extrasamples=["unassalpha"]))
    np.testing.assert_array_equal(image.to_array(16), noise16())


def test_tiff_with_premultiplied_alpha_is_made_straight() -> None:
    straight = np.array([[[200, 100, 50, 128], [10, 20, 30, 255], [9, 9, 9, 0]]], np.uint8)
    stored = straight.copy()
    stored[:, :, :3] = np.rint(straight[:, :, :3] * (straight[:, :, 3:] / 255.0))
    image = decode(tiff(stored, photometric="rgb", extrasamples=["assocalpha"]))
    assert np.abs(eight(image).astype(int) - straight)[:, :2].max() <= 1
    assert eight(image)[0, 2, 3] == 0


def test_tiff_of_floats_is_clipped_and_said_so() -> None:
    values = np.array([[[-0.5, 0.25, 1.0], [0.5, 2.0, np.nan]]], np.float32)
    image = decode(tiff(values, photometric="rgb"))
    np.testing.assert_array_equal(image.pixels, np.array([[[0, 0.25, 1], [0.5, 1, 0]]], np.float32))
    assert "clipped" in image.notes[0]
    assert decode(tiff(np.clip(values[:, :1], 0, 1), photometric="rgb")).notes == ()


def test_tiff_where_zero_is_white() -> None:
    image = decode(tiff(np.array([[0, 255, 100]], np.uint8), photometric="miniswhite"))
    assert eight(image)[0, :, 0].tolist() == [255, 0, 155]


def test_tiff_of_several_pages_gives_the_first_and_says_so() -> None:
    pages = np.stack([photo(), 255 - photo()])
    image = decode(tiff(pages, photometric="rgb"))
    np.testing.assert_array_equal(eight(image), photo())
    assert "first of 2" in image.notes[0]


@pytest.mark.parametrize("mode", ["1", "L", "P", "CMYK", "RGBA"])
def test_tiff_of_every_mode_pillow_writes(mode: str) -> None:
    picture = Pillow.fromarray(photo()).convert(mode)
    image = decode(saved(picture, "TIFF"))
    expected = np.asarray(picture.convert("RGBA" if mode == "RGBA" else "RGB")).astype(int)
    assert np.abs(eight(image).astype(int) - expected).max() <= (1 if mode == "CMYK" else 0)


def test_twelve_bits_span_the_whole_range() -> None:
    data = tiff(np.array([[0, 2048, 4095]], np.uint16), bitspersample=12, photometric="minisblack")
    assert decode(data).to_array(16)[0, :, 0].tolist() == [0, round(2048 / 4095 * 65535), 65535]


def test_camera_raw_is_refused_by_name() -> None:
    with pytest.raises(ImageError, match="raw"):
        decode(tiff(photo(), photometric="rgb", subfiletype=1), "shot.nef")


def test_gray_and_bilevel_png() -> None:
    gray = photo()[:, :, 0]
    assert (eight(decode(saved(Pillow.fromarray(gray), "PNG"))) == gray[:, :, None]).all()
    bits = Pillow.fromarray(gray > 100)
    assert (eight(decode(saved(bits, "PNG")))[:, :, 1] == np.where(gray > 100, 255, 0)).all()


def test_gray_with_alpha() -> None:
    stored = photo()[:, :, :2].copy()
    image = decode(saved(Pillow.fromarray(stored, "LA"), "PNG"))
    np.testing.assert_array_equal(eight(image)[:, :, [0, 3]], stored)


def test_palette_with_transparency() -> None:
    picture = Pillow.new("P", (2, 1))
    picture.putpalette([10, 20, 30, 200, 100, 0])
    picture.putpixel((1, 0), 1)
    data = saved(picture, "PNG", transparency=bytes([64, 255]))
    assert eight(decode(data)).tolist() == [[[10, 20, 30, 64], [200, 100, 0, 255]]]
    plain = eight(decode(saved(picture, "PNG")))
    assert plain.tolist() == [[[10, 20, 30], [200, 100, 0]]]


def test_gif_with_a_transparent_color() -> None:
    picture = Pillow.new("P", (2, 1))
    picture.putpalette([10, 20, 30, 200, 100, 0])
    picture.putpixel((1, 0), 1)
    assert eight(decode(saved(picture, "GIF", transparency=0)))[0, :, 3].tolist() == [0, 255]


def test_a_transparent_color_in_rgb_png() -> None:
    data = saved(Pillow.fromarray(photo()), "PNG", transparency=tuple(int(v) for v in photo()[3, 4]))
    alpha = eight(decode(data))[:, :, 3]
    assert alpha[3, 4] == 0
    assert (alpha == 0).sum() == 1


def test_cmyk_jpeg_has_the_right_inks() -> None:
    inks = np.zeros((16, 64, 4), np.uint8)
    inks[:, :16, 0], inks[:, 16:32, 1], inks[:, 32:48, 2], inks[:, 48:, 3] = 255, 255, 255, 255
    image = eight(decode(saved(Pillow.fromarray(inks, "CMYK"), "JPEG", quality=100)))
    for column, color in ((8, (0, 255, 255)), (24, (255, 0, 255)), (40, (255, 255, 0)), (56, (0, 0, 0))):
        assert np.abs(image[8, column].astype(int) - color).max() <= 3


@pytest.mark.parametrize(("format", "what"), [("GIF", "GIF"), ("PNG", "PNG"), ("WEBP", "WebP"), ("AVIF", "AVIF")])
def test_animations_give_their_first_frame_and_say_so(format: str, what: str) -> None:
    frames = [Pillow.new("RGB", (16, 16), color) for color in ("red", "lime", "blue")]
    image = decode(saved(frames[0], format, save_all=True, append_images=frames[1:], duration=100))
    assert np.abs(eight(image)[8, 8].astype(int) - (255, 0, 0)).max() < 12
    assert image.notes == (f"animated {what}: the first of 3 frames",)


@pytest.mark.parametrize("size", [(1, 1), (1, 5000), (5000, 1)])
@pytest.mark.parametrize("format", FORMATS)
def test_thin_pictures(format: str, size: tuple[int, int]) -> None:
    if format == "heic":
        pytest.importorskip("pillow_heif")
        size = (min(size[0], 2000), min(size[1], 2000))  # its encoder takes none longer and so thin
    image = Image.from_array(np.full((size[1], size[0], 3), 128, np.uint8))
    again = decode(encode(image, format))
    assert again.size == size
    assert np.abs(again.pixels - image.pixels).max() < 0.02


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def bomb(width: int, height: int, depth: int = 8) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, 2, 0, 0, 0)
    pixels = zlib.compress(b"\0" * 100_000)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


@pytest.mark.parametrize("depth", [8, 16])
def test_a_bomb_is_refused_from_its_header(depth: int) -> None:
    with pytest.raises(ImageError, match=r"photo.png is 50000 × 40000 = 2,000,000,000 pixels.*200,000,000.*Limits.pixels"):
        decode(bomb(50_000, 40_000, depth), "photo.png")


@pytest.mark.parametrize("format", [*(name for name in FORMATS if name not in ("heic", "jxl")), "gif", "bmp"])
def test_the_pixel_limit_holds_for_every_format(format: str) -> None:
    data = saved(Pillow.fromarray(photo()), format.upper())
    assert decode(data, limits=Limits(pixels=17 * 24)).size == (17, 24)
    with pytest.raises(ImageError, match="17 × 24"):
        decode(data, limits=Limits(pixels=17 * 24 - 1))


@pytest.mark.parametrize(("settings", "mark"), [({"lossless": True}, b"VP8L"), ({}, b"VP8 "), ({"icc_profile": b"x" * 200}, b"VP8X")])
def test_the_pixel_limit_reads_all_three_headers_of_webp(settings: dict[str, object], mark: bytes) -> None:
    data = saved(Pillow.fromarray(photo()), "WEBP", **settings)
    assert data[12:16] == mark
    with pytest.raises(ImageError, match="17 × 24"):
        decode(data, limits=Limits(pixels=100))


@pytest.mark.parametrize("format", ["PNG", "JPEG", "TIFF", "BMP", "GIF", "AVIF"])
def test_our_limit_counts_and_not_pillows_own(format: str, monkeypatch: pytest.MonkeyPatch) -> None:
    data = saved(Pillow.fromarray(photo()), format)
    monkeypatch.setattr(Pillow, "MAX_IMAGE_PIXELS", 10)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert decode(data).size == (17, 24)


def test_the_byte_limit() -> None:
    data = saved(Pillow.fromarray(photo()), "PNG")
    with pytest.raises(ImageError, match="over the limit"):
        decode(data, limits=Limits(bytes=len(data) - 1))


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF", "BMP", "AVIF"])
@pytest.mark.parametrize("part", [0.3, 0.6, 0.9])
def test_cut_short(format: str, part: float) -> None:
    data = saved(Pillow.fromarray(photo(64, 64)), format)
    with pytest.raises(ImageError, match=r"x\.bin"):
        decode(data[: int(len(data) * part)], "x.bin")


def test_sixteen_bit_png_cut_short() -> None:
    data = imagecodecs.png_encode(noise16())
    with pytest.raises(ImageError, match="cut short"):
        decode(bytes(data)[:-200])


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty"),
        (b"dear diary,\ntoday", r"looks like text"),
        ("Schöne Grüße".encode(), r"looks like text"),
        (b"BMW is a car", r"looks like text"),
        (bytes(range(7, 200)), r"not a picture atelier can read; give JPEG"),
        (b"%PDF-1.7", "PDF"),
        (b"<?xml version='1.0'?>\n<!-- a --><svg xmlns='x'>", "SVG"),
        (b"<SVG>", "SVG"),
        (b"<!-- --><!-- -->" * 60, "looks like text"),
        (b"\n<!DOCTYPE html><html>", "web page"),
        (b"8BPS\0\1", "Photoshop"),
        (b"\0\0\0\x20ftypisom\0\0\2\0isomiso2mp41", "video"),
        (b"\x1a\x45\xdf\xa3abc", "video"),
        (b"PK\3\4abc", "ZIP"),
        (b"\0\0\1\0\1\0", "icon"),
    ],
)
def test_what_is_no_picture_is_named(data: bytes, words: str) -> None:
    with pytest.raises(ImageError, match=words) as caught:
        decode(data, "thing.jpg")
    assert str(caught.value).startswith("thing.jpg is ")


def test_no_warning_of_a_codec_leaks() -> None:
    exif = b"Exif\0\0II*\0\x08\0\0\0\xff\0" + b"\x0f\x01\x02\0\xff\xff\0\0\xff\xff\xff\x7f" * 3
    data = saved(Pillow.fromarray(photo()), "JPEG", exif=exif)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert decode(data).size == (17, 24)
    before = list(warnings.filters)
    decode(data)
    assert warnings.filters == before


def test_warnings_are_as_before_after_decoding_in_many_threads() -> None:
    data = saved(Pillow.fromarray(photo(200, 200)), "PNG")
    before = list(warnings.filters)
    with ThreadPoolExecutor(4) as pool:
        assert all(image.size == (200, 200) for image in pool.map(decode, [data] * 40))
    assert warnings.filters == before


def test_privacy_of_exif() -> None:
    exif = Pillow.Exif()
    exif[0x010F], exif[0x8298] = "Camera", "© somebody".encode()
    exif.get_ifd(0x8769).update({0x9003: "2024:05:06 07:08:09", 0xA431: "SERIAL-1234", 0x927C: b"MAKERNOTE" * 5})
    exif.get_ifd(0x8825).update({1: "N", 2: (52.0, 31.0, 12.0)})
    data = saved(Pillow.fromarray(photo()), "JPEG", exif=exif)
    assert b"SERIAL-1234" in data and b"MAKERNOTE" in data
    kept = decode(data).exif
    assert kept is not None and kept.startswith(b"Exif\0\0")
    again = Pillow.Exif()
    again.load(kept)
    assert again[0x010F] == "Camera"
    assert "© somebody".encode() in kept
    assert again.get_ifd(0x8769)[0x9003] == "2024:05:06 07:08:09"
    assert not again.get_ifd(0x8825)
    assert b"SERIAL" not in kept and b"MAKERNOTE" not in kept


def test_damaged_exif_does_not_cost_the_picture() -> None:
    image = decode(saved(Pillow.fromarray(photo()), "PNG", exif=b"Exif\0\0nonsense, all of it"))
    assert image.exif is None
    np.testing.assert_array_equal(eight(image), photo())
    assert "EXIF" in image.notes[0]


def test_text_of_other_programs_is_kept_from_png() -> None:
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_text("Title", "Sea")
    info.add_itxt("parameters", "größe")
    info.add_text("Software", "z" * 5000, zip=True)
    image = decode(saved(Pillow.fromarray(photo()), "PNG", pnginfo=info))
    assert image.text == {"Title": "Sea", "parameters": "größe", "Software": "z" * 5000}
