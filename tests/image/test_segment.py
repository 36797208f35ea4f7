"""Regions made automatically, on pictures whose regions are known."""

from __future__ import annotations

import sys
from importlib.metadata import EntryPoint
from typing import Any

import numpy as np
import pytest

from atelier.errors import MissingExtra, SettingError
from atelier.image import Image, foreground, saliency, segment, segments
from atelier.image.regions import Regions

HEIGHT, WIDTH = 150, 200
Y, X = np.mgrid[:HEIGHT, :WIDTH]
DISC = np.square(Y - 80) + np.square(X - 105) < 40**2


def noisy(clean: np.ndarray, seed: int = 0) -> Image:
    rough = clean + np.random.default_rng(seed).normal(0, 0.03, clean.shape)
    return Image.from_array(rough.clip(0, 1).astype(np.float32))


SCENE = noisy(np.where(DISC[..., None], [0.85, 0.4, 0.1], [0.2, 0.4, 0.6]))


def share_of(found: np.ndarray, wanted: np.ndarray) -> float:
    """Intersection over union."""
    return float((found & wanted).sum() / (found | wanted).sum())


# Object and background ------------------------------------------------------------------------------------------------


def test_an_object_is_found() -> None:
    pytest.importorskip("cv2")
    found = segment.segment(SCENE)
    assert found.names == ("object", "background")
    assert share_of(found.labels == 0, DISC) > 0.97
    np.testing.assert_array_equal(found.labels, foreground.object_and_background(SCENE).labels)


def test_features_tell_the_object_from_what_is_merely_bright() -> None:
    pytest.importorskip("cv2")
    lamp = np.square(Y - 30) + np.square(X - 40) < 15**2
    colors = np.array([[0.35, 0.4, 0.45], [0.4, 0.5, 0.35], [0.95, 0.9, 0.2]])
    photo = noisy(colors[DISC + 2 * (lamp & ~DISC)])
    layer = np.full((19, 25, 4), 0.1, np.float32)
    layer[..., 0] += ~DISC[4::8, 4::8]
    layer[..., 1] += 2 * DISC[4::8, 4::8]
    found = segment.segment(photo, features=[layer, layer])
    assert share_of(found.labels == 0, DISC) > 0.95
    np.testing.assert_array_equal(found.labels, segment.segment(photo, features=[layer, layer]).labels)


def test_specks_and_pinholes_are_taken_away() -> None:
    pytest.importorskip("cv2")
    inside = DISC & ~((abs(Y - 80) < 2) & (abs(X - 105) < 2)) | ((abs(Y - 20) < 2) & (abs(X - 30) < 2))
    found = segment.segment(noisy(np.where(inside[..., None], [0.85, 0.4, 0.1], [0.2, 0.4, 0.6])))
    assert (found.labels[76:85, 101:110] == 0).all()
    assert (found.labels[10:30, 20:40] == 1).all()


def test_full_size_follows_the_photos_edges() -> None:
    pytest.importorskip("cv2")
    y, x = np.mgrid[:900, :1200]
    large = np.square(y - 450) + np.square(x - 600) < 230**2
    found = foreground.object_and_background(noisy(np.where(large[..., None], [0.85, 0.4, 0.1], [0.2, 0.4, 0.6])))
    assert found.size == (1200, 900)
    off = (found.labels == 0) != large
    assert off.sum() < 0.5 * 2 * np.pi * 230  # less than half a pixel along the border


def test_a_box_and_scribbles_say_which() -> None:
    pytest.importorskip("cv2")
    left, right = (np.square(Y - 75) + np.square(X - at) < 25**2 for at in (55, 145))
    two = noisy(np.where((left | right)[..., None], [0.85, 0.4, 0.1], [0.2, 0.4, 0.6]))
    boxed = foreground.object_and_background(two, box=(20, 40, 90, 110))
    assert share_of(boxed.labels == 0, left) > 0.95
    colors = np.array([[0.2, 0.4, 0.6], [0.85, 0.4, 0.1], [0.3, 0.8, 0.2]])
    unlike = noisy(colors[left + 2 * right])
    scribbles = np.zeros((HEIGHT, WIDTH), np.int8)
    scribbles[75, 130:160] = 1
    scribbles[75, 40:70] = -1
    scribbles[40:110, 100] = -1
    assert share_of(foreground.object_and_background(unlike, scribbles=scribbles).labels == 0, right) > 0.95


def test_what_object_and_background_refuse(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("cv2")
    for options, words in (
        ({"box": (50, 50, 40, 60)}, "must be inside the photo of 200 × 150"),
        ({"box": (0, 0, 500, 60)}, "must be inside"),
        ({"scribbles": np.zeros((3, 3))}, "scribbles: must be"),
        ({"scribbles": np.zeros((HEIGHT, WIDTH))}, "mark no object"),
    ):
        with pytest.raises(SettingError, match=words):
            foreground.object_and_background(SCENE, **options)  # type: ignore[arg-type]
    with pytest.raises(SettingError, match="no object"):
        foreground.object_and_background(Image.from_array(np.full((40, 40, 3), 0.5, np.float32)))
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(MissingExtra, match=r"atelier\[regions\]"):
        foreground.object_and_background(SCENE)


def test_what_stands_out_is_salient() -> None:
    map_ = saliency.saliency(SCENE)
    assert map_.shape == (HEIGHT, WIDTH)
    assert map_[DISC].mean() > 0.8
    assert map_[~DISC].mean() < 0.2


# Segments -------------------------------------------------------------------------------------------------------------


def test_segments_are_the_areas_of_color() -> None:
    wanted = (Y > 75).astype(int) + 2 * (X > 120)
    photo = noisy(np.array([[0.8, 0.3, 0.2], [0.2, 0.6, 0.3], [0.2, 0.3, 0.8], [0.8, 0.8, 0.3]])[wanted])
    found = segment.segment(photo, "auto:4")
    assert found.size == (WIDTH, HEIGHT)
    for at in range(4):
        assert max(share_of(found.labels == own, wanted == at) for own in range(4)) > 0.96
    assert list(found.shares.values()) == sorted(found.shares.values(), reverse=True)
    np.testing.assert_array_equal(found.labels, segments.segments(photo, 4, seed=5).labels)


def test_a_sky_behind_a_tower_is_one() -> None:
    tower = abs(X - 90) < 12
    photo = noisy(np.where(tower[..., None], [0.5, 0.25, 0.1], [0.4, 0.6, 0.9]))
    found = segments.segments(photo, 2)
    assert found.labels[75, 10] == found.labels[75, 190] != found.labels[75, 90]


def test_features_part_what_color_does_not() -> None:
    plain = noisy(np.full((HEIGHT, WIDTH, 3), 0.5))
    features = np.zeros((15, 20, 3), np.float32)
    features[:9, :, 1] = 1000.0
    found = segments.segments(plain, 2, features=[features])
    assert max(share_of(found.labels == own, Y < 90) for own in (0, 1)) > 0.9


@pytest.mark.parametrize("size", [(1, 1), (2, 7), (9, 3)])
def test_tiny_pictures(size: tuple[int, int]) -> None:
    tiny = Image.from_array(np.random.default_rng(0).random((*size, 3), dtype=np.float32))
    found = segments.segments(tiny, 3)
    assert found.labels.shape == size
    assert 1 <= len(found.names) <= 3


def test_what_segments_refuse() -> None:
    for how in ("auto:1", "auto:65", "auto:", "auto:x", "auto:-2", "auto:²"):
        with pytest.raises(SettingError, match="auto"):
            segment.segment(SCENE, how)
    for features in (np.zeros((4, 4)), np.full((4, 4, 2), np.nan), np.zeros((4, 4, 2), int), np.zeros((0, 4, 2))):
        with pytest.raises(SettingError, match="features: must be finite floats"):
            segments.segments(SCENE, 3, features=[features])


# Plug-ins -------------------------------------------------------------------------------------------------------------


def halves(photo: Image, *, seed: int = 0) -> Regions:
    labels = np.zeros(photo.shape, np.uint8)
    labels[:, photo.size[0] // 2 :] = 1
    return Regions(labels, ("left", "right"), ((255, 0, 0), (0, 0, 255)))


def small(photo: Image, *, seed: int = 0) -> Regions:
    return halves(photo).resize((4, 3))


def nothing(photo: Image, *, seed: int = 0) -> None:
    return None


def broken(photo: Image, *, seed: int = 0) -> Regions:
    raise RuntimeError("no model\nfound")


def sad(photo: Image, *, seed: int = 0) -> Regions:
    raise SettingError("regions", "no object stands out")


@pytest.fixture
def plugged(monkeypatch: pytest.MonkeyPatch) -> None:
    points = [EntryPoint(each, f"{__name__}:{each}", segment.GROUP) for each in ("halves", "small", "nothing", "broken", "sad")]
    points.append(EntryPoint("missing", "no_such_module_anywhere:segment", segment.GROUP))
    points.append(EntryPoint("halves", "another:one", segment.GROUP))
    monkeypatch.setitem(sys.modules, __name__, sys.modules[halves.__module__])

    def entry_points(**wanted: Any) -> list[EntryPoint]:
        assert wanted == {"group": "atelier.segmenters"}
        return points

    monkeypatch.setattr(segment, "entry_points", entry_points)


@pytest.mark.usefixtures("plugged")
def test_a_plug_in_is_called() -> None:
    assert segment.segment(SCENE, "halves").names == ("left", "right")
    assert segment.segmenters()["halves"].value.endswith(":halves")  # the first of two


@pytest.mark.usefixtures("plugged")
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("other", "regions other: there is no segmenter of that name: choose from auto, auto:N, broken, halves"),
        ("missing", "'missing' .* failed: No module named"),
        ("broken", "failed: no model found; update it"),
        ("small", r"gave \(4, 3\) px"),
        ("nothing", "gave NoneType"),
        ("sad", "^regions: no object stands out$"),
    ],
)
def test_a_plug_in_that_fails(name: str, words: str) -> None:
    with pytest.raises(SettingError, match=words):
        segment.segment(SCENE, name)
