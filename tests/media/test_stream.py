"""Windows of a file are the picture's, and a picture written in windows is the picture."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from atelier import load
from atelier.errors import Cancelled, ImageError, OutputError, SettingError, SourceError
from atelier.image import Image, Limits, encode, fit, resize
from atelier.image.profiles import srgb_profile
from atelier.media import Unstreamable, atomic_file, check_stream, open_stream, write_stream

sys.path.insert(0, str(Path(__file__).parents[1] / "image"))
from specimens import ADOBE, P3, gray_profile, ink_profile, matrix_profile

posix = pytest.mark.skipif(os.name != "posix", reason="of POSIX systems")
WIDE, NARROW = matrix_profile(P3, None), matrix_profile(ADOBE, 2.2)


def noise(height: int, width: int, channels: int, dtype: Any = np.uint8, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    shape = (height, width, channels)[: 3 if channels > 1 else 2]
    if np.dtype(dtype).kind == "f":
        return rng.uniform(0, 1, shape).astype(dtype)
    return rng.integers(0, np.iinfo(dtype).max, shape, dtype=dtype, endpoint=True)


def waves(height: int, width: int, channels: int = 3) -> np.ndarray:
    """uint8, with edges, smooth parts and a little noise."""
    y, x = np.mgrid[:height, :width]
    bands = [127 + 90 * np.sin(x / (7 + 9 * c) + y / (11 + 5 * c)) + 30 * ((x // 40 + y // 40) % 2) for c in range(channels)]
    return (np.stack(bands, axis=-1) + np.random.default_rng(1).normal(0, 4, (height, width, channels))).clip(0, 255).astype(np.uint8)


def same(path: Path, image: Image, window: tuple[int, int, int, int], cache: int = 2**20) -> None:
    x, y, w, h = window
    with open_stream(path, cache=cache) as source:
        assert source.size == image.size
        assert (source.depth, source.has_alpha) == (image.depth, image.alpha is not None)
        assert (source.text, source.exif) == (image.text, image.exif)
        pixels, alpha = source.window(x, y, w, h), source.window_alpha(x, y, w, h)
    assert pixels.dtype == np.float32
    np.testing.assert_array_equal(pixels, image.pixels[y : y + h, x : x + w])
    assert (alpha is None) == (image.alpha is None)
    if alpha is not None and image.alpha is not None:
        np.testing.assert_array_equal(alpha, image.alpha[y : y + h, x : x + w])


@st.composite
def windows(draw: st.DrawFn, width: int, height: int) -> tuple[int, int, int, int]:
    x, y = draw(st.integers(0, width - 1)), draw(st.integers(0, height - 1))
    return x, y, draw(st.integers(1, width - x)), draw(st.integers(1, height - y))


KINDS: tuple[tuple[int, dict[str, Any]], ...] = (
    (1, {"photometric": "minisblack"}),
    (1, {"photometric": "miniswhite"}),
    (2, {"photometric": "minisblack", "extrasamples": ["unassalpha"]}),
    (3, {"photometric": "rgb"}),
    (4, {"photometric": "rgb", "extrasamples": ["unassalpha"]}),
    (4, {"photometric": "rgb", "extrasamples": ["assocalpha"]}),
    (5, {"photometric": "rgb", "extrasamples": ["unspecified", "unassalpha"]}),
    (4, {"photometric": "separated"}),
)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_windows_are_those_of_the_whole(tmp_path: Path, data: st.DataObject) -> None:
    channels, kind = data.draw(st.sampled_from(KINDS))
    width, height = data.draw(st.integers(1, 70)), data.draw(st.integers(1, 70))
    dtype = data.draw(st.sampled_from([np.uint8, np.uint16, np.float32]))
    array = noise(height, width, channels, dtype, data.draw(st.integers(0, 9)))
    beside: dict[str, Any] = dict(kind)
    if data.draw(st.booleans()):
        beside["tile"] = data.draw(st.sampled_from([(16, 16), (32, 16), (16, 48)]))
    else:
        beside["rowsperstrip"] = data.draw(st.integers(1, 80))
    beside["compression"] = data.draw(st.sampled_from([None, "deflate", "lzw", "zstd"]))
    if beside["compression"] and dtype != np.float32:
        beside["predictor"] = data.draw(st.booleans())
    if channels > 1 and data.draw(st.booleans()):
        array, beside["planarconfig"] = np.moveaxis(array, -1, 0), "separate"
    elif channels > 1:
        beside["planarconfig"] = "contig"
    beside["byteorder"] = data.draw(st.sampled_from("<>"))
    beside["bigtiff"] = data.draw(st.booleans())
    if channels >= 3 and "separated" not in kind.values():
        beside["iccprofile"] = data.draw(st.sampled_from([None, WIDE, NARROW, srgb_profile(), b"broken"]))
    turn = data.draw(st.integers(1, 8))
    beside["extratags"] = [(274, "H", 1, turn, True)]
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, array, metadata=None, **beside)
    image = load(path)
    same(path, image, data.draw(windows(*image.size)), cache=data.draw(st.sampled_from([0, 3000, 2**20])))


@pytest.mark.parametrize(
    ("channels", "profile"), [(4, ink_profile(lambda c, m, y, k: 100 * (1 - (c + m + y + 3 * k) / 6))), (1, gray_profile(1.8))]
)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_ink_and_gray_by_their_profiles(tmp_path: Path, channels: int, profile: bytes, dtype: Any) -> None:
    path = tmp_path / "a.tif"
    kind = "separated" if channels == 4 else "minisblack"
    tifffile.imwrite(path, noise(40, 50, channels, dtype), photometric=kind, tile=(16, 16), iccprofile=profile, metadata=None)
    image = load(path)
    plain = tmp_path / "b.tif"
    tifffile.imwrite(plain, noise(40, 50, channels, dtype), photometric=kind, tile=(16, 16), metadata=None)
    assert np.abs(load(plain).pixels - image.pixels).max() > 0.05  # the profile matters
    same(path, image, (5, 7, 37, 30))


def test_palette_bilevel_and_jpeg(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    colors = np.random.default_rng(0).integers(0, 65536, (3, 256), dtype=np.uint16)
    tifffile.imwrite(path, noise(40, 50, 1), photometric="palette", colormap=colors, tile=(16, 16), metadata=None)
    same(path, load(path), (3, 9, 40, 20))
    tifffile.imwrite(path, noise(40, 50, 1) > 99, rowsperstrip=7, compression="deflate", metadata=None)
    same(path, load(path), (3, 9, 40, 20))
    tifffile.imwrite(path, waves(90, 70), photometric="ycbcr", tile=(32, 32), compression="jpeg", subsampling=(2, 2), metadata=None)
    same(path, load(path), (3, 9, 60, 70))


def test_what_the_house_writes_comes_back_with_its_words(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    picture = Image.from_array(noise(150, 60, 4, np.uint16), text={"atelier": "{}", "κ": "λ"}, exif=load_exif())
    path.write_bytes(encode(picture, "tiff"))
    with open_stream(path) as source:
        assert source.text == picture.text
        assert source.exif == load(path).exif is not None
    same(path, load(path), (1, 60, 40, 80))


def load_exif() -> bytes:
    from PIL import Image as Pillow

    exif = Pillow.Exif()
    exif[315] = "Ana"
    exif[33432] = "© Ana"
    return exif.tobytes()


def test_a_sparse_file_and_several_pages(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as writer:
        tiles = iter([noise(16, 16, 3), None, None, noise(16, 16, 3, seed=1)])
        writer.write(tiles, shape=(32, 32, 3), dtype=np.uint8, tile=(16, 16), photometric="rgb", compression="deflate", metadata=None)
        writer.write(noise(8, 8, 3), photometric="rgb", metadata=None)
    same(path, load(path), (0, 0, 32, 32))
    with open_stream(path) as source:
        assert source.notes == load(path).notes


def test_a_window_costs_the_segments_it_touches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, noise(160, 160, 3), photometric="rgb", tile=(16, 16), compression="deflate", metadata=None)
    decoded = []
    inner = tifffile.TiffPage.decode.func  # type: ignore[attr-defined]

    def counting(page: tifffile.TiffPage) -> Any:
        decode = inner(page)
        return lambda data, index, **rest: decoded.append(index) or decode(data, index, **rest)

    with open_stream(path) as source:
        monkeypatch.setattr(tifffile.TiffPage, "decode", property(counting))
        source.window(20, 36, 10, 10)
        assert decoded == [21]
        source.window(16, 32, 17, 16)
        assert decoded == [21, 22]
        source.window(0, 0, 160, 160)
        assert sorted(decoded) == list(range(100))  # each once: the cache has the two
    decoded.clear()
    with open_stream(path, cache=2 * 16 * 16 * 3) as source:
        for x in (0, 16, 0, 32, 0, 16):
            source.window(x, 0, 16, 16)
        assert decoded == [0, 1, 2, 1]  # what was used last is kept


@pytest.mark.parametrize("window", [(0, 0, 51, 40), (-1, 0, 5, 5), (0, 39, 5, 2), (0, 0, 0, 5), (50, 0, 1, 1)])
def test_windows_beyond_the_picture_are_refused(tmp_path: Path, window: tuple[int, int, int, int]) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, noise(40, 50, 3), photometric="rgb", metadata=None)
    with open_stream(path) as source, pytest.raises(ImageError, match="not within"):
        source.window(*window)


def test_what_cannot_be_streamed_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.tif"
    path.write_bytes(encode(Image.from_array(noise(5, 5, 3)), "png"))
    with pytest.raises(Unstreamable, match="is no TIFF"):
        open_stream(path)
    tifffile.imwrite(path, noise(5, 5, 3), photometric="cielab", metadata=None)
    with pytest.raises(Unstreamable, match="CIELAB"):
        open_stream(path)
    # one strip of 108 MB, of zeros; not compressed it can be read by rows
    for compression in ("deflate", None):
        tifffile.imwrite(path, np.broadcast_to(np.uint8(0), (6000, 6000, 3)), photometric="rgb", rowsperstrip=6000, compression=compression)
        if compression:
            with pytest.raises(Unstreamable, match="in pieces of 6000 × 6000"):
                open_stream(path)
        else:
            with open_stream(path) as source:
                assert not source.window(3000, 5900, 8, 100).any()
    with pytest.raises(ImageError, match="over the limit of 1,000"):
        open_stream(path, Limits(pixels=1000))
    with pytest.raises(SourceError, match="there is no file"):
        open_stream(tmp_path / "b.tif")
    with pytest.raises(Unstreamable, match="no ordinary file"):
        open_stream(tmp_path)


@pytest.mark.parametrize("compression", ["deflate", None])
def test_damage_is_said_and_never_anything_else(tmp_path: Path, compression: str | None) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, noise(64, 64, 3), photometric="rgb", tile=(16, 16), compression=compression, metadata=None)
    whole = path.read_bytes()
    path.write_bytes(whole[:-100])
    with pytest.raises(ImageError, match="cut short"):
        open_stream(path)
    rng = np.random.default_rng(3)
    raised = 0
    for _ in range(150):
        bytes_ = np.frombuffer(whole, np.uint8).copy()
        places = rng.integers(0, 600 if rng.random() < 0.7 else len(bytes_), 4)
        bytes_[places] = rng.integers(0, 256, 4)
        path.write_bytes(bytes_.tobytes())
        try:
            with open_stream(path, Limits(pixels=10**6)) as source:
                width, height = source.size
                source.window(0, 0, min(width, 64), min(height, 64))
        except ImageError:
            raised += 1
    assert raised


# Thumbnails


def distance(one: Image, other: Image) -> float:
    return float(np.abs(one.flat().pixels - other.flat().pixels).mean() * 255)


@pytest.mark.parametrize(
    ("width", "height", "long_side"), [(1703, 417, 97), (317, 1703, 40), (2501, 99, 600), (300, 200, 299), (701, 3, 20)]
)
@pytest.mark.parametrize("channels", [3, 4])
def test_a_thumbnail_is_the_resized_picture(tmp_path: Path, width: int, height: int, long_side: int, channels: int) -> None:
    path = tmp_path / "a.tif"
    extra = ["unassalpha"] if channels == 4 else None
    tifffile.imwrite(
        path, waves(height, width, channels), photometric="rgb", extrasamples=extra, tile=(64, 64), compression="deflate",
        metadata=None, extratags=[(274, "H", 1, 6, True)], iccprofile=WIDE,
    )  # fmt: skip
    image = load(path)
    with open_stream(path) as source:
        small = source.thumbnail(long_side)
    wanted = resize(image, fit(image.size, min(long_side, max(image.size))))
    assert small.size == wanted.size
    assert (small.alpha is None) == (channels == 3)
    assert distance(small, wanted) < 0.6
    # nothing has moved: it is nearer to the picture than to itself a third of a pixel away
    shifted = resize(Image(np.roll(image.pixels, max(1, max(image.size) // (3 * max(small.size))), axis=1)), wanted.size)
    assert min(small.size) < 9 or distance(small, wanted) < 0.6 * distance(Image(small.pixels), shifted)


def test_invisible_colors_do_not_leak_into_thumbnails(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    array = np.zeros((64, 64, 4), np.uint8)
    array[:, :, 0] = 255  # red that is not seen, and green that is
    array[:, 20:] = (0, 255, 0, 255)
    tifffile.imwrite(path, array, photometric="rgb", extrasamples=["unassalpha"], metadata=None)
    with open_stream(path) as source:
        small = source.thumbnail(8)
    assert small.alpha is not None
    seen = small.alpha > 0.05
    assert seen.any() and small.pixels[seen][:, 0].max() < 0.05


@pytest.mark.parametrize("where", ["subifd", "page"])
def test_a_thumbnail_comes_from_a_reduced_version_where_one_is_large_enough(tmp_path: Path, where: str) -> None:
    path = tmp_path / "a.tif"
    settings_ = {"photometric": "rgb", "tile": (64, 64), "compression": "deflate", "metadata": None}
    with tifffile.TiffWriter(path) as writer:
        writer.write(np.full((400, 600, 3), 200, np.uint8), subifds=2 if where == "subifd" else None, **settings_)
        for width, height, shade in ((300, 200, 100), (150, 100, 50)):  # other shades, to tell them apart
            writer.write(np.full((height, width, 3), shade, np.uint8), subfiletype=1, **settings_)
    for long_side, shade in ((600, 200), (151, 200), (150, 100), (76, 100), (75, 50), (10, 50)):
        with open_stream(path) as source:
            assert np.rint(source.thumbnail(long_side).pixels * 255).max() == shade, long_side
    with open_stream(path) as source:
        assert source.thumbnail(10**6).size == (600, 400)  # never enlarged
        with pytest.raises(SettingError):
            source.thumbnail(0)


def test_a_reduced_version_of_another_shape_or_kind_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    for other in (np.zeros((100, 100, 3), np.uint8), np.zeros((100, 150, 3), np.uint16), np.zeros((100, 150), np.uint8)):
        with tifffile.TiffWriter(path) as writer:
            writer.write(np.full((400, 600, 3), 200, np.uint8), photometric="rgb", metadata=None)
            writer.write(other, photometric="rgb" if other.ndim == 3 else "minisblack", subfiletype=1, metadata=None)
        with open_stream(path) as source:
            assert np.rint(source.thumbnail(20).pixels * 255).min() == 200


# Writing


def cut(pixels: np.ndarray, heights: list[int], widths: list[int]) -> Iterator[tuple[int, int, np.ndarray]]:
    """Windows in rows; the sizes are taken in turn."""
    height, width, _ = pixels.shape
    top, row, column = 0, 0, 0
    while top < height:
        high, left = heights[row % len(heights)], 0
        while left < width:
            wide = widths[column % len(widths)]
            yield left, top, pixels[top : top + high, left : left + wide]
            left, column = left + wide, column + 1
        top, row = top + high, row + 1


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    width=st.integers(1, 90),
    height=st.integers(1, 90),
    depth=st.sampled_from([8, 16]),
    alpha=st.booleans(),
    compression=st.sampled_from(["deflate", "zstd", "lzw", "none"]),
    tile=st.sampled_from([16, 32, 64]),
    heights=st.lists(st.integers(1, 100), min_size=1, max_size=4),
    widths=st.lists(st.integers(1, 100), min_size=1, max_size=4),
)
def test_what_is_written_comes_back(
    tmp_path: Path, width: int, height: int, depth: int, alpha: bool, compression: str, tile: int, heights: list[int], widths: list[int]
) -> None:
    dtype = np.uint8 if depth == 8 else np.uint16
    array = noise(height, width, 4 if alpha else 3, dtype)
    path = tmp_path / "a.tif"
    pixels = (array / np.float64(np.iinfo(dtype).max)).astype(np.float32)
    text = {"atelier": "{}"}
    write_stream(
        cut(pixels, heights, widths), path, (width, height), depth=depth, alpha=alpha, compression=compression, tile=tile, text=text
    )
    image = load(path)
    assert (image.depth, image.text, image.notes) == (depth, text, ())
    np.testing.assert_array_equal(image.to_array(depth), array)
    with tifffile.TiffFile(path) as file:
        page = file.pages[0]
        assert file.is_bigtiff and page.tilewidth == page.tilelength == tile
        assert page.tags.valueof(34675) == srgb_profile()
    x, y = width // 3, height // 2
    same(path, image, (x, y, width - x, height - y))
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.tif"]


def test_it_is_what_the_ordinary_writer_keeps(tmp_path: Path) -> None:
    picture = Image.from_array(noise(40, 30, 3, np.uint16), exif=load_exif(), text={"a": "b"})
    path = tmp_path / "a.tif"
    write_stream([(0, 0, picture.pixels)], path, (30, 40), depth=8, exif=picture.exif, text=picture.text)
    plain = tmp_path / "b.tif"
    plain.write_bytes(encode(picture, "tiff", depth=8))
    assert (load(path).pixels == load(plain).pixels).all()
    with tifffile.TiffFile(path) as one, tifffile.TiffFile(plain) as other:
        for tag in (270, 305, 315, 33432, 34675, 700, 339, 258):
            assert one.pages[0].tags.valueof(tag) == other.pages[0].tags.valueof(tag), tag


def test_from_one_file_to_another_and_twice_the_same_bytes(tmp_path: Path) -> None:
    path, first, second = tmp_path / "a.tif", tmp_path / "b.tif", tmp_path / "c.TIFF"
    tifffile.imwrite(path, waves(300, 333), photometric="rgb", tile=(64, 64), compression="deflate", metadata=None)
    for target in (first, second):
        with open_stream(path, cache=0) as source:
            width, height = source.size
            coming = (
                (x, y, source.window(x, y, min(70, width - x), min(80, height - y)))
                for y in range(0, height, 80)
                for x in range(0, width, 70)
            )
            write_stream(coming, target, source.size, tile=128)
    assert first.read_bytes() == second.read_bytes()
    assert (load(first).to_array() == load(path).to_array()).all()


BLACK = np.zeros((16, 20, 3), np.float32)


@pytest.mark.parametrize(
    ("coming", "words"),
    [
        ([], r"ended before .* at \(0, 0\)"),
        ([(0, 0, BLACK)], r"ended before .* at \(20, 0\)"),
        ([(0, 0, BLACK), (20, 0, BLACK)], r"ended before .* at \(0, 16\)"),
        ([(20, 0, BLACK)], r"next at \(0, 0\)"),
        ([(0, 0, BLACK), (0, 16, BLACK)], r"next at \(20, 0\), 16 px high"),
        ([(0, 0, BLACK), (20, 0, BLACK[:8])], "16 px high"),
        ([(0, 0, np.zeros((16, 41, 3), np.float32))], "within 40 × 32"),
        ([(0, 0, np.zeros((33, 20, 3), np.float32))], "within 40 × 32"),
        ([(0, 0, np.zeros((16, 20, 4), np.float32))], r"\(h, w, 3\)"),
        ([(0, 0, np.zeros((0, 20, 3), np.float32))], r"\(h, w, 3\)"),
        ([(0, 0, BLACK + np.nan)], r"in \[0, 1\]"),
        ([(0, 0, BLACK + 2)], r"in \[0, 1\]"),
        ([(0, 0, BLACK.astype(np.uint8))], "floats"),
        ([(0, 0, np.zeros((32, 40, 3), np.float32)), (0, 32, BLACK)], "another window"),
    ],
)
def test_windows_out_of_order_are_refused_and_leave_nothing(tmp_path: Path, coming: list[Any], words: str) -> None:
    (tmp_path / "a.tif").write_bytes(b"old")
    with pytest.raises(ImageError, match=words):
        write_stream(coming, tmp_path / "a.tif", (40, 32), tile=16)
    assert (tmp_path / "a.tif").read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["a.tif"]


@pytest.mark.parametrize("error", [Cancelled("stop"), KeyboardInterrupt(), ValueError("engine"), StopIteration("odd")])
def test_an_engine_that_stops_half_way_leaves_nothing(tmp_path: Path, error: BaseException) -> None:
    seen: list[list[Path]] = []

    class Engine:
        def __init__(self) -> None:
            self.top = 0

        def __iter__(self) -> Engine:
            return self

        def __next__(self) -> tuple[int, int, np.ndarray]:
            if self.top == 64:
                seen.append(list(tmp_path.iterdir()))
                raise error
            self.top += 16
            return 0, self.top - 16, BLACK

    kind = ImageError if isinstance(error, StopIteration) else type(error)  # that is the end, too early
    with pytest.raises(kind):
        write_stream(Engine(), tmp_path / "a.tif", (20, 128), tile=16)
    assert [path.suffix for path in seen[0]] == [".part"]
    assert not list(tmp_path.iterdir())


def test_targets_and_settings_are_refused_before_a_window_is_taken(tmp_path: Path) -> None:
    (tmp_path / "there.tif").write_bytes(b"old")

    def never() -> Iterator[Any]:
        raise AssertionError
        yield

    for target, words in ((tmp_path / "a.png", "suffix .tif"), (tmp_path / "there.tif" / "a.tif", "is no folder")):
        with pytest.raises(OutputError, match=words):
            check_stream(target)
        with pytest.raises(OutputError, match=words):
            write_stream(never(), target, (9, 9))
    with pytest.raises(OutputError, match="exists already"):
        write_stream(never(), tmp_path / "there.tif", (9, 9), overwrite=False)
    wrong: dict[str, Any]
    for wrong in ({"depth": 12}, {"compression": "jpeg"}, {"tile": 100}, {"tile": 0}):
        with pytest.raises(SettingError, match=next(iter(wrong)) if "tile" not in wrong else "tile"):
            write_stream(never(), tmp_path / "a.tif", (9, 9), **wrong)
    with pytest.raises(SettingError, match="at least 1 × 1"):
        write_stream(never(), tmp_path / "a.tif", (9, 0))
    assert [path.name for path in tmp_path.iterdir()] == ["there.tif"]


def run(program: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, check=False)


@posix
def test_running_out_of_room_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "a.tif").write_bytes(b"old")
    done = run(
        "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))\n"
        "import numpy as np\n"
        "from atelier.errors import OutputError\n"
        "from atelier.media import write_stream\n"
        "rng = np.random.default_rng(0)\n"
        "rows = ((0, y, rng.random((64, 512, 3), np.float32)) for y in range(0, 2048, 64))\n"
        "try: write_stream(rows, 'a.tif', (512, 2048), tile=64)\n"
        "except OutputError as error: print(error)",
        tmp_path,
    )
    assert "a.tif cannot be written: File too large" in done.stdout, done.stderr
    assert (tmp_path / "a.tif").read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["a.tif"]


def test_a_full_disk_is_said_plainly(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="no space left"), atomic_file(tmp_path / "a.tif") as file:
        file.write(b"much")
        raise OSError(errno.ENOSPC, "No space left on device")
    assert not list(tmp_path.iterdir())


@posix
def test_nothing_is_streamed_into_a_device() -> None:
    with pytest.raises(OutputError, match="no ordinary file"), atomic_file(os.devnull):
        raise AssertionError


@posix
def test_memory_is_bounded(tmp_path: Path) -> None:
    # 48 million pixels: 144 MB as bytes, 576 MB as floats; the tiles of the source are absent, so it costs no time to make
    done = run(
        "import resource, sys\n"
        "import numpy as np, tifffile\n"
        "from atelier.media import open_stream, write_stream\n"
        "tile = np.full((512, 512, 3), 9, np.uint8)\n"
        "tiles = (tile if i % 7 == 0 else None for i in range(16 * 12))\n"
        "kind = dict(tile=(512, 512), photometric='rgb', compression='zlib', metadata=None)\n"
        "tifffile.imwrite('a.tif', tiles, shape=(6000, 8000, 3), dtype='uint8', **kind)\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == 'darwin' else 1024)\n"
        "with open_stream('a.tif', cache=16 * 2**20) as source:\n"
        "    source.window(0, 0, 9, 9)\n"
        "    before = peak()\n"
        "    w, h = source.size\n"
        "    cut = ((x, y, source.window(x, y, min(512, w - x), min(512, h - y))) for y in range(0, h, 512) for x in range(0, w, 512))\n"
        "    write_stream(cut, 'b.tif', source.size, compression='zstd')\n"
        "    source.thumbnail(256)\n"
        "print(peak() - before)",
        tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 90e6
    with open_stream(tmp_path / "b.tif") as source:
        assert (source.window(0, 0, 512, 512) == np.float32(9) / np.float32(255)).all()
        assert not source.window(512, 0, 512, 512).any()
