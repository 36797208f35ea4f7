"""Transfer of colour: closed forms, identities, masks, and pictures that ask for trouble."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from atelier.errors import ImageError, SettingError
from atelier.image.color_methods import METHODS
from atelier.image.gamut import GAMUTS, reduce_chroma
from atelier.image.histograms import fit_curve
from atelier.image.moments import cholesky, linear_map, luminance_line, moments, symmetric_root, transport
from atelier.image.palette import main_colors
from atelier.image.recolor import recolor
from atelier.image.spaces import SPACES
from atelier.image.value import Pixels

ROOTS = {"transport": transport, "root": symmetric_root, "cholesky": cholesky}
LUMINOUS = [name for name, space in SPACES.items() if space.luminance]
EXACT: dict[str, Any] = {"stretch": np.inf, "gamut": "open"}


def colored(seed: int, height: int = 40, width: int = 56, spread: float = 0.08) -> Pixels:
    """Correlated colours well inside the gamut."""
    rng = np.random.default_rng(seed)
    mixed = rng.standard_normal((height, width, 3)) @ (np.eye(3) + rng.uniform(-0.6, 0.6, (3, 3))) * spread + rng.uniform(0.4, 0.6, 3)
    return np.clip(mixed, 0.02, 0.98).astype(np.float32)


def plain(*color: float, height: int = 5, width: int = 4) -> Pixels:
    return np.full((height, width, 3), color, np.float32)


PHOTO, PAINTING = colored(1), colored(2)
SAME = pytest.mark.parametrize(
    ("method", "space"), [(m, s) for m in METHODS for s in SPACES if s in LUMINOUS or not METHODS[m].needs_luminance]
)


# Mean and covariance --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ROOTS)
@pytest.mark.parametrize("space", SPACES)
def test_mean_and_covariance_agree(method: str, space: str) -> None:
    source = colored(2, 31, 70)  # of another size
    result = recolor(PHOTO, source, method=method, space=space, **EXACT)
    scale = SPACES[space].scale
    got, wanted, before = (moments(each, SPACES[space]) for each in (result, source, PHOTO))
    assert np.abs(before.covariance - wanted.covariance).max() > 1e-3 * scale**2
    np.testing.assert_allclose(got.mean, wanted.mean, atol=1e-4 * scale)
    np.testing.assert_allclose(got.covariance, wanted.covariance, atol=1e-4 * scale**2)


def test_moments_are_numpys() -> None:
    weights = np.random.default_rng(0).random(PHOTO.shape[:2], dtype=np.float32)
    weights[:3] = 0
    for given_weights in (None, weights):
        got = moments(PHOTO, SPACES["rgb"], given_weights)
        flat = PHOTO.reshape(-1, 3).astype(np.float64)
        aweights = None if given_weights is None else given_weights.ravel()
        np.testing.assert_allclose(got.mean, np.average(flat, axis=0, weights=aweights), atol=1e-7)
        np.testing.assert_allclose(got.covariance, np.cov(flat.T, aweights=aweights, ddof=0), atol=1e-7)


def test_moments_do_not_depend_on_the_bands() -> None:
    wide = colored(3, 3, 30_000)  # wider than a band
    once, turned = moments(wide, SPACES["lab"]), moments(np.ascontiguousarray(wide.transpose(1, 0, 2)), SPACES["lab"])
    np.testing.assert_allclose(once.covariance, turned.covariance, rtol=1e-9)


def test_transport_is_symmetric_and_moves_least() -> None:
    of, to = moments(PHOTO, SPACES["rgb"]).covariance, moments(PAINTING, SPACES["rgb"]).covariance
    maps = {name: root(of, to) for name, root in ROOTS.items()}
    moved = {name: np.trace((a - np.eye(3)) @ of @ (a - np.eye(3)).T) for name, a in maps.items()}
    np.testing.assert_allclose(maps["transport"], maps["transport"].T, atol=1e-9)
    assert moved["transport"] < min(moved["root"], moved["cholesky"]) - 1e-6
    np.testing.assert_allclose(np.triu(maps["cholesky"], 1), 0, atol=1e-12)
    for a in maps.values():
        np.testing.assert_allclose(a @ of @ a.T, to, atol=1e-9)


def test_what_does_not_vary_is_not_stretched() -> None:
    gray = np.repeat(PHOTO[..., :1], 3, axis=2)
    noisy = np.clip(gray + np.random.default_rng(0).normal(0, 0.002, gray.shape), 0, 1).astype(np.float32)
    for picture in (gray, noisy):
        for root in ROOTS.values():
            matrix, _ = linear_map(moments(picture, SPACES["rgb"]), moments(PAINTING, SPACES["rgb"]), root, stretch=3)
            assert np.linalg.svd(matrix, compute_uv=False).max() <= 3 + 1e-9
    assert np.linalg.svd(linear_map(moments(noisy, SPACES["rgb"]), moments(PAINTING, SPACES["rgb"]))[0], compute_uv=False).max() > 5


@pytest.mark.parametrize("method", ROOTS)
def test_singular_covariances(method: str) -> None:
    one = recolor(plain(0.2, 0.4, 0.6), PAINTING, method=method, space="rgb")
    np.testing.assert_allclose(one, np.broadcast_to(PAINTING.mean((0, 1)), one.shape), atol=1e-3)
    to_one = recolor(PAINTING, plain(0.2, 0.4, 0.6), method=method)
    np.testing.assert_allclose(to_one, np.broadcast_to(np.float32([0.2, 0.4, 0.6]), to_one.shape), atol=0.02)
    gray = np.repeat(PHOTO[..., :1], 3, axis=2)
    result = recolor(PAINTING, gray, method=method, space="oklab")
    assert np.ptp(result, axis=2).max() < 0.03  # the colour is gone


# Luminance ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("space", LUMINOUS)
def test_luminance_is_the_paintings_and_color_the_photos(space: str) -> None:
    result = recolor(PAINTING, PHOTO, method="luminance", space=space, gamut="open")
    values, painting, photo = (SPACES[space].from_srgb(each) for each in (result, PAINTING, PHOTO))
    scale = SPACES[space].scale
    np.testing.assert_allclose(values[..., 0], painting[..., 0], atol=2e-5 * scale)
    np.testing.assert_allclose(values[..., 1:], photo[..., 1:], atol=2e-5 * scale)


@pytest.mark.parametrize("space", LUMINOUS)
def test_luminance_survives_the_gamut(space: str) -> None:
    rng = np.random.default_rng(0)
    painting, photo = rng.random((2, 50, 60, 3), dtype=np.float32)
    wild = recolor(painting, photo, method="luminance", space=space, gamut="open")
    assert ((wild < 0) | (wild > 1)).any(-1).mean() > 0.1
    result = recolor(painting, photo, method="luminance", space=space)
    convert, scale = SPACES[space].from_srgb, SPACES[space].scale
    off = np.abs(convert(result) - convert(painting))[..., 0].max()
    assert off < 2e-3 * scale
    assert np.abs(convert(np.clip(wild, 0, 1)) - convert(painting))[..., 0].max() > 5 * off


@pytest.mark.parametrize("space", LUMINOUS)
def test_matched_luminance_has_the_photos_statistics(space: str) -> None:
    result = recolor(PAINTING, PHOTO, method="luminance-matched", space=space, **EXACT)
    got, wanted = (SPACES[space].from_srgb(each)[..., 0] / SPACES[space].scale for each in (result, PHOTO))
    assert got.mean() == pytest.approx(wanted.mean(), abs=1e-4)
    assert got.std() == pytest.approx(wanted.std(), abs=1e-4)


def test_luminance_line_is_gatys() -> None:
    of, to = moments(PAINTING, SPACES["yuv"]), moments(PHOTO, SPACES["yuv"])
    gain, offset = luminance_line(of, to, SPACES["yuv"])
    style, photo = (SPACES["yuv"].from_srgb(each)[..., 0] for each in (PAINTING, PHOTO))
    np.testing.assert_allclose(gain * style + offset, photo.std() / style.std() * (style - style.mean()) + photo.mean(), atol=1e-3)
    assert luminance_line(moments(plain(0.5, 0.5, 0.5), SPACES["yuv"]), to, SPACES["yuv"], 3.0)[0] == 3.0


# Histograms and distributions -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("space", SPACES)
def test_histograms_agree(space: str) -> None:
    result = recolor(PHOTO, PAINTING, method="histogram", space=space, **EXACT)
    got, wanted, before = (np.sort(SPACES[space].from_srgb(each).reshape(-1, 3), axis=0) for each in (result, PAINTING, PHOTO))
    scale = SPACES[space].scale
    assert np.abs(before - wanted).mean() > 0.01 * scale
    np.testing.assert_allclose(got, wanted, atol=2e-3 * scale)


def test_a_curve_by_hand() -> None:
    ones = np.ones(4)
    rising = fit_curve(np.array([0.1, 0.2, 0.2, 0.4]), ones, np.array([0.5, 0.6, 0.7, 0.8]), ones)
    np.testing.assert_allclose(rising(np.array([0.1, 0.2, 0.4])), [0.5, 0.65, 0.8])
    np.testing.assert_allclose(rising(np.array([0.0, 0.5])), [0.4, 0.9])  # on at slope 1
    heavy = fit_curve(np.array([0.0, 1.0]), np.array([3.0, 1.0]), np.array([0.0, 1.0]), np.array([1.0, 1.0]))
    np.testing.assert_allclose(heavy(np.array([0.0, 1.0])), [0.25, 1.0])  # rank 3/8 between 1/4 and 3/4
    gentle = fit_curve(np.array([0.0, 0.1]), ones[:2], np.array([0.0, 1.0]), ones[:2], stretch=2)
    np.testing.assert_allclose(gentle(np.array([0.0, 0.1])), [0.4, 0.6])


def test_many_levels_are_thinned_and_still_agree() -> None:
    rng = np.random.default_rng(0)
    values, to = rng.random(20_000), rng.beta(2, 5, 20_000)
    made = fit_curve(values, np.ones(20_000), to, np.ones(20_000), knots=256)
    assert len(made.x) == 256
    off = np.abs(np.sort(made(values)) - np.sort(to))
    assert off.mean() < 1e-3
    assert off.max() < 0.03


def distance(one: Pixels, other: Pixels, directions: int = 30) -> float:
    """Sliced Wasserstein between two pictures of one size."""
    ways = np.random.default_rng(9).standard_normal((3, directions))
    ways /= np.linalg.norm(ways, axis=0)
    return float(np.abs(np.sort(one.reshape(-1, 3) @ ways, axis=0) - np.sort(other.reshape(-1, 3) @ ways, axis=0)).mean())


def test_sliced_transfer_carries_the_whole_distribution() -> None:
    rng = np.random.default_rng(0)
    # two clusters on a diagonal: no line, and no curves of the channels, lead there
    centers = np.array([[0.3, 0.7, 0.5], [0.7, 0.3, 0.5]])
    target = np.clip(centers[rng.integers(0, 2, (60, 60))] + rng.normal(0, 0.03, (60, 60, 3)), 0, 1).astype(np.float32)
    picture = rng.uniform(0.2, 0.8, (60, 60, 3)).astype(np.float32)
    sliced = distance(recolor(picture, target, method="sliced", space="rgb", **EXACT), target)
    others = [distance(recolor(picture, target, method=other, space="rgb", **EXACT), target) for other in ("transport", "histogram")]
    assert sliced < 0.01
    assert sliced < 0.5 * min(others)


# Palettes -------------------------------------------------------------------------------------------------------------


def test_a_palette_by_hand() -> None:
    flag = np.concatenate([plain(1, 0, 0, height=6), plain(0, 0, 1, height=3), plain(1, 1, 1, height=1)])
    found = main_colors(flag, 3)
    np.testing.assert_allclose(found.colors, [[1, 0, 0], [0, 0, 1], [1, 1, 1]], atol=1e-3)
    np.testing.assert_allclose(found.shares, [0.6, 0.3, 0.1], atol=1e-6)
    assert found.colors.dtype == found.shares.dtype == np.float32
    assert len(main_colors(flag, 12).colors) == 3
    mask = np.zeros(flag.shape[:2], bool)
    mask[6:9] = True
    np.testing.assert_allclose(main_colors(flag, 3, mask=mask).colors, [[0, 0, 1]], atol=1e-3)
    with pytest.raises(SettingError, match="at least 1 colour"):
        main_colors(flag, 0)
    with pytest.raises(SettingError, match="marks nothing"):
        main_colors(flag, 2, mask=~np.ones(flag.shape[:2], bool))


def test_a_palette_is_the_same_every_time() -> None:
    large = colored(4, 150, 160)  # more than is looked at
    np.testing.assert_array_equal(main_colors(large, 5, seed=3).colors, main_colors(large, 5, seed=3).colors)
    shares = main_colors(large, 5).shares
    assert (np.diff(shares) <= 0).all()
    assert shares.sum() == pytest.approx(1, abs=1e-6)


def test_palettes_are_carried_over() -> None:
    picture = np.concatenate([plain(0.2, 0.3, 0.2, height=6), plain(0.8, 0.7, 0.7, height=6)])
    source = np.concatenate([plain(0.9, 0.9, 0.5, height=6), plain(0.1, 0.1, 0.4, height=6)])
    result = recolor(picture, source, method="palette")
    np.testing.assert_allclose(result[0, 0], [0.1, 0.1, 0.4], atol=0.2)  # dark to dark; the neighbour pulls a little
    np.testing.assert_allclose(result[-1, 0], [0.9, 0.9, 0.5], atol=0.2)
    assert len(np.unique(result.reshape(-1, 3), axis=0)) == 2


# The door -------------------------------------------------------------------------------------------------------------


@SAME
def test_a_picture_on_itself_is_left_alone(method: str, space: str) -> None:
    result = recolor(PHOTO, PHOTO, method=method, space=space)
    assert result.dtype == np.float32
    # the palette's flow is blurred by entropy: near colours are drawn together a little
    np.testing.assert_allclose(result, PHOTO, atol=0.05 if method == "palette" else 1e-4)


@SAME
@settings(max_examples=10)
@given(data=st.data())
def test_any_picture_gives_a_picture(method: str, space: str, data: st.DataObject) -> None:
    shape = st.tuples(st.integers(1, 5), st.integers(1, 5), st.just(3))
    values = st.one_of(st.sampled_from([0.0, 1.0, 0.5]), st.floats(0, 1, width=32))
    picture = data.draw(arrays.arrays(np.float32, shape, elements=values))
    same = METHODS[method].aligned
    source = data.draw(arrays.arrays(np.float32, st.just(picture.shape) if same else shape, elements=values))
    mask = data.draw(st.none() | arrays.arrays(np.float32, picture.shape[:2], elements=st.floats(0, 1, width=32)))
    before = picture.copy()
    result = recolor(picture, source, method=method, space=space, mask=mask, stretch=data.draw(st.sampled_from([1.0, 3.0, np.inf])))
    assert result.shape == picture.shape
    assert result.dtype == np.float32
    assert result.min() >= 0
    assert result.max() <= 1
    np.testing.assert_array_equal(picture, before)


@pytest.mark.parametrize("method", METHODS)
def test_a_mask_keeps_bit_for_bit_and_blends(method: str) -> None:
    mask = np.linspace(-1, 2, PHOTO.shape[1], dtype=np.float32).clip(0, 1) * np.ones((PHOTO.shape[0], 1), np.float32)
    result = recolor(PHOTO, PAINTING, method=method, mask=mask)
    np.testing.assert_array_equal(result[mask == 0], PHOTO[mask == 0])
    assert np.abs(result[mask == 1] - PHOTO[mask == 1]).mean() > 0.01
    half = np.full(PHOTO.shape[:2], 0.5, np.float32)
    whole = recolor(PHOTO, PAINTING, method=method)
    np.testing.assert_allclose(recolor(PHOTO, PAINTING, method=method, mask=half), (PHOTO + whole) / 2, atol=1e-4)


@pytest.mark.parametrize("method", METHODS)
def test_only_what_is_marked_counts(method: str) -> None:
    mask = np.zeros(PHOTO.shape[:2], bool)
    mask[5:35, 8:50] = True
    other_photo, other_painting = PHOTO.copy(), PAINTING.copy()
    other_photo[~mask], other_painting[~mask] = (1, 0, 1), (0, 1, 0)
    result = recolor(PHOTO, PAINTING, method=method, mask=mask, source_mask=mask)
    other = recolor(other_photo, other_painting, method=method, mask=mask, source_mask=mask)
    np.testing.assert_array_equal(result[mask], other[mask])
    without = recolor(other_photo, other_painting, method=method, mask=mask)
    if not METHODS[method].aligned:  # for these the mask is the source's as well
        assert np.abs(result[mask] - without[mask]).max() > 0.01
    else:
        np.testing.assert_array_equal(result[mask], without[mask])


def test_a_mask_that_marks_nothing() -> None:
    nothing = np.zeros(PHOTO.shape[:2], bool)
    untouched = recolor(PHOTO, PAINTING, mask=nothing)
    np.testing.assert_array_equal(untouched, PHOTO)
    assert not np.shares_memory(untouched, PHOTO)
    with pytest.raises(SettingError, match="source_mask: marks nothing"):
        recolor(PHOTO, PAINTING, source_mask=nothing)


def test_bands_leave_no_seams() -> None:
    tall = np.tile(PHOTO, (12, 9, 1))  # some fourteen bands
    for method in METHODS:
        source = np.tile(PAINTING, (12, 9, 1)) if METHODS[method].aligned else PAINTING
        result = recolor(tall, source, method=method)
        np.testing.assert_allclose(result[:40, :56], result[-40:, -56:], atol=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_the_same_seed_gives_the_same_picture(method: str) -> None:
    large, source = colored(5, 370, 360), colored(6, 370, 360)  # more than is sampled
    first = recolor(large, source, method=method, seed=4)
    np.testing.assert_array_equal(first, recolor(large, source, method=method, seed=4))
    assert (first == recolor(large, source, method=method, seed=5)).all() == (method not in ("histogram", "sliced", "palette"))


def test_what_is_refused() -> None:
    for wrong, words in (
        ({"method": "magic"}, "method magic: choose from transport, root"),
        ({"space": "hsv"}, "space hsv"),
        ({"gamut": "wide"}, "gamut wide: choose from soft"),
        ({"method": "luminance", "space": "rgb"}, "no luminance.*oklab, lab, yuv, ycbcr$"),
        ({"stretch": 0.5}, "stretch 0.5: must be at least 1"),
        ({"stretch": float("nan")}, "at least 1"),
    ):
        with pytest.raises(SettingError, match=words):
            recolor(PHOTO, PAINTING, **wrong)  # type: ignore[arg-type]
    with pytest.raises(ImageError, match=r"'luminance' needs pictures of one size, got 56 × 40 and 4 × 5"):
        recolor(PHOTO, plain(0, 0, 0), method="luminance")


@pytest.mark.parametrize("bad", [np.nan, np.inf, -0.1, 1.5])
def test_values_that_are_no_colors(bad: float) -> None:
    hurt = PHOTO.copy()
    hurt[3, 4, 1] = bad
    for pair in ((hurt, PAINTING), (PAINTING, hurt)):
        with pytest.raises(ImageError, match=r"must be in \[0, 1\]"):
            recolor(*pair)
    with pytest.raises(ImageError, match=r"mask must be in \[0, 1\]"):
        recolor(PHOTO, PAINTING, mask=hurt[..., 1])


@pytest.mark.parametrize("shape", [(0, 4, 3), (4, 4), (4, 4, 4), (3,)])
def test_shapes_that_are_no_pictures(shape: tuple[int, ...]) -> None:
    with pytest.raises(ImageError, match=r"floats \(H, W, 3\)"):
        recolor(np.zeros(shape, np.float32), PAINTING)
    with pytest.raises(ImageError, match="like its picture"):
        recolor(PHOTO, PAINTING, mask=np.zeros(shape, np.float32))
    with pytest.raises(ImageError, match="uint8"):
        recolor(np.zeros((4, 4, 3), np.uint8), PAINTING)  # type: ignore[arg-type]


# Gamut ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("space", LUMINOUS)
def test_less_chroma_keeps_luminance_and_hue(space: str) -> None:
    wild = np.random.default_rng(0).uniform(-0.3, 1.3, (2000, 3)).astype(np.float32)
    way = SPACES[space]
    before = way.from_srgb(wild)
    tame = reduce_chroma(wild, way)
    after = way.from_srgb(tame)
    assert (tame >= 0).all()
    assert (tame <= 1).all()
    inside = ((wild >= 0) & (wild <= 1)).all(1)
    np.testing.assert_array_equal(tame[inside], wild[inside])
    np.testing.assert_allclose(after[:, 0], before[:, 0].clip(0, way.scale), atol=2e-3 * way.scale)
    chroma, chroma_before = after[:, 1:] - way.neutral, before[:, 1:] - way.neutral
    across = chroma[:, 0] * chroma_before[:, 1] - chroma[:, 1] * chroma_before[:, 0]
    np.testing.assert_allclose(across / way.scale**2, 0, atol=2e-3)
    # and no more than it must: the colour lies on the face of the cube
    assert (np.minimum(tame, 1 - tame).min(1)[~inside] < 5e-3).mean() > 0.9


def test_the_shoulder_keeps_drawing_where_clipping_would_be_white() -> None:
    ramp = np.repeat(np.linspace(0.3, 1, 200, dtype=np.float32)[None, :, None], 3, axis=2)
    bright = np.repeat(np.linspace(0.6, 1, 7, dtype=np.float32)[None, :, None], 3, axis=2)
    soft, clip = (recolor(ramp, bright, space="rgb", gamut=gamut)[0, :, 0] for gamut in ("soft", "clip"))
    wild = recolor(ramp, bright, space="rgb", gamut="open")[0, :, 0]
    assert wild.max() > 1.005
    assert (clip == 1).sum() > 3
    assert (soft == 1).sum() <= 1
    assert (np.diff(soft) >= 0).all()
    np.testing.assert_allclose(soft[wild < 0.6], wild[wild < 0.6], atol=1e-5)


def test_what_can_be_shown_is_left_alone() -> None:
    wild = recolor(PHOTO, PAINTING, gamut="open")
    assert 0 < wild.min() < wild.max() < 1
    for gamut in GAMUTS:
        np.testing.assert_array_equal(recolor(PHOTO, PAINTING, gamut=gamut), wild)


def test_the_tables_are_frozen_and_named() -> None:
    for table in (METHODS, GAMUTS):
        with pytest.raises(TypeError):
            table["new"] = None  # type: ignore[index]
    for name, method in METHODS.items():
        assert method.name == name
        assert method.space in SPACES
        assert method.summary
        assert method.source
        assert not method.needs_luminance or SPACES[method.space].luminance
