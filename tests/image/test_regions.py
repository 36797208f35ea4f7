"""Regions: weights against closed forms, maps as they come, masks, partners, and what is refused."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image as Pillow
from PIL import ImageFilter

from atelier.errors import ImageError, SettingError
from atelier.image import Image, decode, encode
from atelier.image.color_names import distinct_colors, parse_legend
from atelier.image.maps import read_map, write_map
from atelier.image.masks import blend, from_masks
from atelier.image.morphology import distances
from atelier.image.preview import draw_preview
from atelier.image.regions import BACKGROUND, Regions, match_regions

RGB = ((255, 0, 0), (0, 255, 0), (0, 0, 255))


def regions(labels: np.ndarray, names: str = "abc") -> Regions:
    count = int(labels.max()) + 1
    return Regions(labels.astype(np.uint8), tuple(names[:count]), distinct_colors(count))


def patches(count: int, height: int = 120, width: int = 160) -> np.ndarray:
    """Voronoi cells of points drawn by chance."""
    points = np.random.default_rng(count).random((count, 2)) * [height, width]
    y, x = np.mgrid[:height, :width]
    return (np.square(y - points[:, 0, None, None]) + np.square(x - points[:, 1, None, None])).argmin(0).astype(np.uint8)


def painted(labels: np.ndarray, colors: tuple[tuple[int, int, int], ...]) -> Pillow.Image:
    return Pillow.fromarray(np.array(colors, np.uint8)[labels])


def read(picture: Pillow.Image, **options: object) -> Regions:
    return read_map(Image.from_array(np.asarray(picture)), **options)  # type: ignore[arg-type]


def agrees(found: Regions, labels: np.ndarray, colors: tuple[tuple[int, int, int], ...]) -> float:
    """Share of pixels that are in the region of the colour they were painted in."""
    off = np.abs(np.array(found.colors)[:, None] - np.array(colors)).max(2)
    return float((off.argmin(1)[found.labels] == labels).mean())


# Weights --------------------------------------------------------------------------------------------------------------


def test_distance_is_that_of_all_pairs() -> None:
    inside = np.random.default_rng(0).random((17, 23)) < 0.05
    y, x = np.mgrid[:17, :23]
    spots = np.argwhere(inside)
    wanted = np.sqrt((np.square(y - spots[:, 0, None, None]) + np.square(x - spots[:, 1, None, None])).min(0))
    np.testing.assert_allclose(distances(inside, 40), wanted, rtol=1e-6)
    near = wanted <= 3
    np.testing.assert_allclose(distances(inside, 3)[near], wanted[near], rtol=1e-6)
    assert (distances(inside, 3)[~near] > 3).all()


def test_a_straight_border_is_a_smooth_step() -> None:
    labels = np.zeros((5, 40), np.uint8)
    labels[:, 20:] = 1
    feather = 8.0
    across = np.clip(0.5 + (np.arange(40) + 0.5 - 20) / feather, 0, 1)
    wanted = across**2 * (3 - 2 * across)
    soft = regions(labels).soft(feather)
    np.testing.assert_allclose(soft[1], np.tile(wanted, (5, 1)), atol=1e-6)
    assert (soft[1, :, :16] == 0).all()
    assert (soft[1, :, 24:] == 1).all()


@settings(max_examples=25, deadline=None)
@given(
    labels=arrays.arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9)), elements=st.integers(0, 2)),
    feather=st.floats(0, 30),
)
def test_weights_sum_to_one_and_nothing_vanishes(labels: np.ndarray, feather: float) -> None:
    three = Regions(labels, ("a", "b", "c"), RGB)
    soft = three.soft(feather)
    np.testing.assert_allclose(soft.sum(0), 1, atol=1e-6)
    own = np.take_along_axis(soft, labels[None].astype(int), 0)[0]
    assert (own >= soft.max(0) - 1e-6).all()
    for at, name in enumerate(three.names):
        np.testing.assert_array_equal(three.mask(name, feather), soft[at])


def test_a_line_counts_most_where_it_is() -> None:
    labels = np.zeros((30, 30), np.uint8)
    labels[:, 15] = 1
    assert (regions(labels).mask("b", 20)[:, 15] > 0.5).all()
    assert set(np.unique(regions(labels).mask("b", 1))) == {0.0, 1.0}


@pytest.mark.parametrize("feather", [-1.0, float("nan"), float("inf")])
def test_a_feather_is_a_width(feather: float) -> None:
    with pytest.raises(SettingError, match="feather"):
        regions(patches(2)).soft(feather)


# Sizes ----------------------------------------------------------------------------------------------------------------


def test_resizing_votes() -> None:
    labels = np.kron(np.array([[0, 1], [2, 0]], np.uint8), np.ones((4, 4), np.uint8))
    labels[0, 0] = 1
    small = regions(labels).resize((2, 2))
    np.testing.assert_array_equal(small.labels, [[0, 1], [2, 0]])
    assert small.resize((2, 2)) is small
    assert regions(patches(3)).resize((37, 300)).labels.shape == (300, 37)


def test_thin_regions_survive() -> None:
    labels = np.zeros((96, 96), np.uint8)
    labels[:, 41] = 1
    labels[70, 70] = 2
    small = regions(labels).resize((12, 12)).labels
    assert (small == 1).any(1).all()  # a line still, not dashes
    assert (small == 2).sum() == 1


# Maps -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [2, 5, 16, 64])
def test_a_clean_map_is_read_exactly(count: int) -> None:
    labels = patches(count, 240, 320)
    found = read(painted(labels, distinct_colors(count)))
    assert len(found.names) == len(np.unique(labels))
    assert agrees(found, labels, distinct_colors(count)) == 1
    assert list(found.shares.values()) == sorted(found.shares.values(), reverse=True)


@pytest.mark.parametrize("count", [2, 5, 9])
@pytest.mark.parametrize("harm", ["smoothed", "enlarged", "jpeg"])
def test_edges_are_no_regions(count: int, harm: str) -> None:
    colors = distinct_colors(count)
    labels = patches(count, 240, 320)
    picture = painted(labels, colors)
    if harm == "smoothed":
        picture = painted(np.kron(labels, np.ones((3, 3), np.uint8)), colors).filter(ImageFilter.GaussianBlur(3)).resize((320, 240))
    elif harm == "enlarged":
        labels = np.kron(labels, np.ones((4, 4), np.uint8))
        picture = picture.resize((1280, 960), Pillow.Resampling.BILINEAR)
    else:
        stream = io.BytesIO()
        picture.save(stream, "JPEG", quality=85)
        picture = Pillow.open(stream).convert("RGB")
    found = read(picture)
    assert len(found.names) == count
    assert agrees(found, labels, colors) > 0.998


def test_gray_between_black_and_white_is_an_edge_and_a_gray_spot_is_none() -> None:
    labels = np.zeros((120, 160), np.uint8)
    labels[:, 80:] = 1
    bare = np.array([0, 255], np.uint8)[labels]
    bare[:, 80] = 128
    assert read(Pillow.fromarray(bare)).names == ("black", "white")
    spot = bare.copy()
    spot[40:48, 76:84] = 128
    found = read(Pillow.fromarray(spot))
    assert found.names == ("black", "white", "grey")
    assert (found.labels == 2)[40:48, 76:84].all()
    assert (found.labels == 2).sum() < 80  # and the edge did not join it
    line = np.array([0, 255], np.uint8)[labels]
    line[20:100, 30] = 128  # grey with nothing white about
    assert (read(Pillow.fromarray(line)).labels[20:100, 30] == 2).all()


def test_transparent_is_background() -> None:
    codes = np.zeros((40, 60, 4), np.uint8)
    codes[..., :3] = np.random.default_rng(0).integers(0, 255, (40, 60, 3))  # what is under nothing says nothing
    codes[10:30, 10:30] = (255, 0, 0, 255)
    found = read_map(Image.from_array(codes))
    assert found.names == (BACKGROUND, "red")
    assert (found.labels == 1).sum() == 400


def test_names_come_from_the_caller_or_the_colors() -> None:
    labels = patches(3)
    found = read(painted(labels, RGB), names={"sky": "#0000ff", "sea": "green"})
    assert {"sky", "sea", "red"} == set(found.names)
    assert found.index("blue") == found.index("#00f") == found.index("SKY") == found.index("sky")
    assert [found.index(str(at)) for at in (1, 2, 3)] == [0, 1, 2]
    with pytest.raises(SettingError, match=r"no region '#ffff00': the regions are .*#0000ff"):
        read(painted(labels, RGB), names={"sun": "#ffff00"})
    with pytest.raises(SettingError, match="both name"):
        read(painted(labels, RGB), names={"sky": "#0000ff", "lake": "blue"})
    for number in ("0", "4", "four"):
        with pytest.raises(SettingError, match="there is no region"):
            found.index(number)


def test_legends() -> None:
    known = {"sky": "#0000ff", "sea": "#00ff00"}
    assert parse_legend('{"sky": "#0000ff", "sea": "green"}') == parse_legend("sky=#00f\nsea = green") == known
    for wrong in ("", "sky", "sky=#12345", "[1]", '{"sky": 3}', "a=red,a=blue", "[" * 100_000):
        with pytest.raises(SettingError):
            parse_legend(wrong)


@settings(max_examples=25, deadline=None)
@given(labels=arrays.arrays(np.uint8, st.tuples(st.integers(1, 8), st.integers(1, 8)), elements=st.integers(0, 4)))
def test_what_is_written_is_read(labels: np.ndarray) -> None:
    five = Regions(labels, ("Himmel", "océan", "3", "red", "e"), distinct_colors(5))
    again = read_map(decode(encode(write_map(five), "png")))
    np.testing.assert_array_equal(again.labels, five.labels)
    assert (again.names, again.colors) == (five.names, five.colors)


def test_a_corrected_map_keeps_its_names_and_order() -> None:
    labels = patches(3)
    map_ = write_map(Regions(labels, ("sky", "sea", "sand"), RGB))
    codes = map_.to_array().copy()
    codes[:, :30] = (255, 255, 0)
    found = read_map(Image.from_array(codes, text=map_.text))
    assert found.names == ("sky", "sea", "sand", "yellow")
    assert (found.labels[:, :30] == 3).all()
    np.testing.assert_array_equal(found.labels[:, 30:], labels[:, 30:])
    codes[labels == 1] = (255, 0, 0)
    emptied = read_map(Image.from_array(codes, text=map_.text))
    assert emptied.shares["sea"] == 0
    with pytest.raises(SettingError, match="'sea' of the photo's map is empty"):
        match_regions(emptied, emptied)
    broken = read_map(Image.from_array(map_.to_array(), text={"atelier-regions": json.dumps([1])}))
    assert set(broken.names) == {"red", "green", "blue"}


def test_what_is_no_map() -> None:
    with pytest.raises(ImageError, match="one colour, #ff0000: paint"):
        read(Pillow.new("RGB", (30, 20), "red"))
    alike = np.full((40, 40, 3), 100, np.uint8)
    alike[20:] = 104
    with pytest.raises(ImageError, match=r"one colour, #646464, or of colours too near each other"):
        read(Pillow.fromarray(alike))
    noise = np.random.default_rng(0).integers(0, 256, (60, 60, 3), dtype=np.uint8)
    with pytest.raises(ImageError, match="no map"):
        read(Pillow.fromarray(noise))
    many = np.arange(100, dtype=np.uint8).reshape(10, 10)
    tiles = np.kron(np.stack([many * 2, (many * 37) % 251, (many * 101) % 241], 2), np.ones((8, 8, 1), np.uint8))
    with pytest.raises(ImageError, match="at most 64"):
        read(Pillow.fromarray(tiles))


def test_values_that_are_no_regions() -> None:
    labels = np.zeros((4, 4), np.uint8)
    for wrong, words in (
        (lambda: Regions(labels, (), ()), "1 to 64"),
        (lambda: Regions(labels, ("a",), ()), "a name and a colour"),
        (lambda: Regions(labels + 2, ("a", "b"), RGB[:2]), "labels must be in 0 to 1"),
        (lambda: Regions(labels, ("a", "a"), RGB[:2]), "two regions are called 'a'"),
        (lambda: Regions(labels, ("a", "b"), (RGB[0], RGB[0])), "the colour #ff0000"),
        (lambda: Regions(labels, ("a ", "b"), RGB[:2]), "cannot be called"),
        (lambda: Regions(labels, ("a", "b@x"), RGB[:2]), "cannot be called 'b@x': use a name without @"),
        (lambda: Regions(labels.astype(float), ("a",), RGB[:1]), "whole numbers"),  # type: ignore[arg-type]
    ):
        with pytest.raises((ImageError, SettingError), match=words):
            wrong()


# Masks ----------------------------------------------------------------------------------------------------------------


def mask(columns: slice, value: float = 1.0) -> Image:
    gray = np.zeros((20, 40), np.float32)
    gray[:, columns] = value
    return Image.from_array(gray)


def test_masks_and_what_they_leave() -> None:
    found = from_masks([("sky", mask(slice(0, 10))), ("sea", mask(slice(10, 30)))])
    assert found.shares == {"sky": 0.25, "sea": 0.5, BACKGROUND: 0.25}
    assert found.weights is None
    np.testing.assert_array_equal(found.soft(), np.eye(3, dtype=np.float32)[found.labels].transpose(2, 0, 1))
    assert from_masks([("all", mask(slice(None)))]).names == ("all",)


def test_soft_masks_keep_their_weights() -> None:
    ramp = np.tile(np.linspace(0, 1, 40, dtype=np.float32), (20, 1))
    found = from_masks([("sky", Image.from_array(ramp)), ("sea", Image.from_array(1 - ramp))])
    np.testing.assert_allclose(found.mask("sky"), ramp, atol=4.1 / 255)
    np.testing.assert_allclose(found.soft(9).sum(0), 1, atol=1e-6)
    half = found.resize((20, 10))
    np.testing.assert_allclose(half.mask("sky"), found.mask("sky").reshape(10, 2, 20, 2).mean((1, 3)), atol=1e-5)


def test_masks_that_overlap() -> None:
    pair = [("sky", mask(slice(0, 20))), ("sea", mask(slice(10, 40)))]
    with pytest.raises(SettingError, match=r"'sky' and 'sea' overlap in 25\.0 %"):
        from_masks(pair)
    shared = from_masks(pair, normalize=True)
    np.testing.assert_allclose(shared.mask("sky")[:, 10:20], 0.5)
    np.testing.assert_allclose(shared.soft().sum(0), 1, atol=1e-6)


def test_masks_that_will_not_do() -> None:
    for masks, words in (
        ([], "1 to 63 masks"),
        ([("sky", mask(slice(0, 0)))], "'sky' marks nothing"),
        ([(BACKGROUND, mask(slice(0, 9)))], "call the mask something else"),
        ([("a", mask(slice(0, 9))), ("a", mask(slice(9, 12)))], "two regions are called"),
    ):
        with pytest.raises(SettingError, match=words):
            from_masks(masks)
    assert from_masks([("a", mask(slice(0, 20)))], size=(80, 40)).size == (80, 40)


# Use ------------------------------------------------------------------------------------------------------------------


def test_partners_by_name_color_and_number() -> None:
    labels = patches(3)
    photo = Regions(labels, ("sky", "sea", "sand"), RGB)
    swapped = Regions(labels, ("sea", "sky", "beach"), ((9, 9, 9), (99, 99, 99), (20, 0, 230)))
    assert match_regions(photo, swapped) == [(0, 1), (1, 0), (2, 2)]
    assert match_regions(photo, swapped, by="number") == [(0, 0), (1, 1), (2, 2)]
    two = Regions(np.minimum(labels, 1), ("sky", "rock"), ((255, 0, 0), (9, 9, 9)))
    with pytest.raises(SettingError, match="the photo's has sea, sand; the painting's has rock"):
        match_regions(photo, two)
    with pytest.raises(SettingError, match=r"3 regions .* 2"):
        match_regions(photo, two, by="number")
    with pytest.raises(SettingError, match="by name or number"):
        match_regions(photo, two, by="size")


def test_what_is_kept_is_kept_bit_for_bit() -> None:
    rng = np.random.default_rng(0)
    photo, paint = rng.random((2, 8, 30, 3), dtype=np.float32)
    weight = np.tile(np.linspace(-1, 2, 30, dtype=np.float32).clip(0, 1), (8, 1))
    out = blend(photo, paint, weight)
    np.testing.assert_array_equal(out[weight == 0], photo[weight == 0])
    np.testing.assert_array_equal(out[weight == 1], paint[weight == 1])
    np.testing.assert_allclose(out, photo + weight[..., None] * (paint - photo), atol=1e-6)
    with pytest.raises(ImageError, match="one size"):
        blend(photo, paint, weight[:4])
    with pytest.raises(ImageError, match=r"\[0, 1\]"):
        blend(photo, paint, weight * np.float32("nan"))


def test_a_preview_shows_the_regions() -> None:
    labels = np.zeros((200, 300), np.uint8)
    labels[:, 150:] = 1
    photo = Image.from_array(np.full((200, 300, 3), 0.5, np.float32))
    shown = draw_preview(photo, Regions(labels, ("sky", "sea"), RGB[:2])).pixels
    np.testing.assert_allclose(shown[5, 5], [0.7, 0.3, 0.3], atol=0.01)
    np.testing.assert_allclose(shown[5, -5], [0.3, 0.7, 0.3], atol=0.01)
    assert shown[5, 145:155].max() == 1  # the outline
    assert shown[:, :100].max() == 1  # the words
    assert draw_preview(photo, Regions(labels, ("sky", "sea"), RGB[:2]).resize((30, 20))).size == (300, 200)
