"""Judging pictures: every number against a closed form or another implementation, and the panel against what anybody would say."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skimage.data
from PIL import Image as Pillow
from skimage.metrics import structural_similarity

import atelier.cli.judging  # noqa: F401  (adds its command)
from atelier.cli import main
from atelier.errors import ImageError, SettingError, SourceError, WeightsError
from atelier.image import Image, encode, resize
from atelier.judging import Judge, Verdict, defects, flatness, judge, measures
from atelier.judging.chart import draw_chart
from atelier.judging.distances import (
    choose_positions,
    draw_directions,
    edge_correlation,
    palette_distance,
    relative_wasserstein,
    self_similarity_distance,
    sliced_wasserstein,
    split_octaves,
    ssim,
)
from atelier.judging.features import GRAM_LAYERS
from atelier.judging.panel import SEEN
from atelier.perception import weights
from pictures import Paint, WriteNet

SIDE = 160


@pytest.fixture(scope="module")
def astronaut() -> Image:
    return resize(Image.from_array(skimage.data.astronaut()), (SIDE, SIDE))


@pytest.fixture(scope="module")
def waves(picture: Paint) -> Image:
    return picture(SIDE, SIDE, 2)


@pytest.fixture(scope="module")
def painted(astronaut: Image, waves: Image) -> Image:
    """The photo's light and shade in the painting's colours and strokes."""
    shade = astronaut.pixels.mean(axis=2, keepdims=True)
    return Image((waves.pixels + 0.6 * (shade - shade.mean())).clip(0, 1))


@pytest.fixture(scope="module")
def panel(astronaut: Image, waves: Image) -> Judge:
    return Judge(astronaut, waves, size=SIDE, features="pocket")


def checks(shape: tuple[int, int], period: int) -> Any:
    """A checkerboard of ±1 that repeats every `period` px, (H, W, 1)."""
    y, x = np.indices(shape)
    return np.where((y // (period // 2) + x // (period // 2)) % 2, 1.0, -1.0)[:, :, None]


def with_checks(image: Image, period: int, levels: float) -> Image:
    return image.with_pixels(image.pixels + levels / 255 * checks(image.shape, period))


# Numbers --------------------------------------------------------------------------------------------------------------


def test_directions_are_whole_orthonormal_bases() -> None:
    for d in (3, 10, 147):
        found = draw_directions(d, 0)
        assert found.shape[1] >= 64 and found.shape[1] % d == 0
        np.testing.assert_allclose(found[:, :d].T @ found[:, :d], np.eye(d), atol=1e-5)


@pytest.mark.parametrize("d", [1, 3, 20])
def test_moving_a_cloud_counts_its_length_squared(d: int) -> None:
    rng = np.random.default_rng(0)
    cloud, shift = rng.standard_normal((500, d)).astype(np.float32), rng.standard_normal(d).astype(np.float32)
    assert sliced_wasserstein(cloud, cloud, 0) == 0
    assert sliced_wasserstein(cloud, cloud + shift, 0) == pytest.approx(float(shift @ shift), rel=1e-4)


def test_sliced_distance_of_gaussians_is_that_of_their_scales() -> None:
    """Two isotropic Gaussians: every projection has W₂ = |s - t|, so the whole is d (s - t)²."""
    rng = np.random.default_rng(1)
    a, b = (scale * rng.standard_normal((n, 4)).astype(np.float32) for scale, n in ((1.0, 20_000), (1.5, 15_000)))
    assert sliced_wasserstein(a, b, 0) == pytest.approx(4 * 0.5**2, rel=0.05)


def test_one_dimension_against_the_plain_definition() -> None:
    rng = np.random.default_rng(2)
    a, b = rng.random((300, 1)).astype(np.float32), rng.random((300, 1)).astype(np.float32) ** 2
    assert sliced_wasserstein(a, b, 0) == pytest.approx(float(np.mean((np.sort(a[:, 0]) - np.sort(b[:, 0])) ** 2)), rel=1e-4)


def test_relative_distance_is_one_for_the_mean_alone() -> None:
    cloud = np.random.default_rng(3).standard_normal((4000, 5)).astype(np.float32)
    assert relative_wasserstein(np.repeat(cloud.mean(0, keepdims=True), 4000, axis=0), cloud, 0) == pytest.approx(1, rel=1e-3)


def test_spots_are_spread_and_within() -> None:
    rng = np.random.default_rng(0)
    rows, columns = choose_positions(300, 200, 1000, rng)
    assert 900 <= len(rows) <= 1000
    assert rows.max() < 300 and columns.max() < 200
    counts = np.histogram2d(rows, columns, bins=(6, 4), range=((0, 300), (0, 200)))[0]
    assert counts.min() > 0.7 * counts.mean()
    rows, columns = choose_positions(5, 7, 1000, rng)
    assert sorted(zip(rows, columns, strict=True)) == [(y, x) for y in range(5) for x in range(7)]


def test_bands_add_up_and_tell_scales_apart() -> None:
    pixels = np.random.default_rng(0).random((64, 48, 3), dtype=np.float32)
    found = split_octaves(pixels)
    assert [band.shape[:2] for band in found] == [(64, 48), (32, 24), (16, 12)]
    stripes = np.repeat(np.where(np.arange(64) % 2, 1.0, 0.0)[:, None, None], 64, 1).repeat(3, 2).astype(np.float32)
    fine, *coarse = split_octaves(stripes)
    assert fine.std() > 0.49 and all(band.std() < 0.01 for band in coarse)


def test_palette_distance_is_a_difference_of_colors() -> None:
    lab = np.random.default_rng(0).random((5000, 3), dtype=np.float32) * 50
    assert palette_distance(lab, lab + np.array([3, 0, 4], np.float32), 0) == pytest.approx(5, rel=1e-3)


@pytest.mark.parametrize("size", [(96, 70), (17, 16), (33, 129)])
def test_ssim_is_scikit_images(size: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    x = rng.random(size)
    y = 0.6 * x + 0.4 * rng.random(size)
    theirs = structural_similarity(x, y, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=1.0)
    assert ssim(x, y) == pytest.approx(theirs, abs=1e-9)


def test_edges_correlate_with_themselves_whatever_the_contrast() -> None:
    x = np.random.default_rng(0).random((40, 50))
    assert edge_correlation(x, x) == pytest.approx(1)
    assert edge_correlation(0.3 - 0.2 * x, x) == pytest.approx(1)
    assert edge_correlation(np.full((40, 50), 0.5), x) == 0
    assert abs(edge_correlation(np.random.default_rng(1).random((40, 50)), x)) < 0.2


def test_self_similarity_against_the_papers_sums() -> None:
    rng = np.random.default_rng(0)
    a, b = (rng.random((30, 6)).astype(np.float32) for _ in range(2))

    def own(features: Any) -> Any:
        n = len(features)
        cosine = [[1 - np.dot(p, q) / np.sqrt(np.dot(p, p) * np.dot(q, q)) for q in features] for p in features]
        return np.array([[cosine[i][j] / sum(cosine[k][j] for k in range(n)) for j in range(n)] for i in range(n)])

    papers = np.abs(own(a) - own(b)).mean()  # eq. 5: 1/n² over all pairs
    assert self_similarity_distance(a, b) == pytest.approx(papers * 30 / 2, rel=1e-3)
    assert self_similarity_distance(3 * a, a) == pytest.approx(0, abs=1e-4)


@pytest.mark.parametrize("period", [2, 4, 8])
@pytest.mark.parametrize("levels", [2.0, 6.0])
def test_a_checkerboard_is_seen_with_its_period_and_strength(period: int, levels: float) -> None:
    photo = resize(Image.from_array(skimage.data.astronaut()), (384, 384))
    inner = photo.with_pixels(0.1 + 0.8 * photo.pixels)  # so that nothing clips
    found = defects.grid(with_checks(inner, period, levels).pixels, inner.pixels)
    assert found is not None and found.period == period
    assert found.peak > 9
    assert found.levels == pytest.approx(levels, rel=0.15)


def test_grids_that_a_decoder_leaves_are_seen() -> None:
    """Strength that goes with the picture's brightness, and a network's uneven overlap along one side."""
    photo = Image.from_array(skimage.data.coffee()).pixels
    x = np.arange(photo.shape[1])[None, :]
    for factor in (1 + 0.03 * checks((400, 600), 2), 1 + 0.06 * (x % 4 == 0)[:, :, None]):
        found = defects.grid((photo * factor).clip(0, 1).astype(np.float32), photo)
        assert found is not None and found.peak > 9 and found.levels > 1


@pytest.mark.parametrize("name", ["astronaut", "coffee", "rocket", "chelsea", "brick", "gravel", "grass"])
def test_a_natural_photo_is_not_accused(name: str) -> None:
    """Not even beside a content that explains nothing. The cat's camera left its mosaic (period 2), a third of a level strong."""
    photo = Image.from_array(getattr(skimage.data, name)())
    found = defects.grid(photo.pixels, np.full_like(photo.pixels, 0.5))
    assert found is not None
    assert found.peak < 6 or found.levels < 0.5
    notes = judge(photo, photo, photo, size=64, features="none").notes
    assert notes == ()


def test_what_the_photo_has_itself_is_no_defect(astronaut: Image) -> None:
    checked = with_checks(astronaut, 4, 8)
    found = defects.grid(checked.pixels, checked.pixels)
    assert found is not None and found.peak < 0.1 and found.levels < 0.1


def test_noise_is_no_grid(astronaut: Image) -> None:
    noisy = astronaut.pixels + 0.08 * np.random.default_rng(0).standard_normal(astronaut.pixels.shape)
    found = defects.grid(noisy.clip(0, 1).astype(np.float32), astronaut.pixels)
    assert found is not None and found.peak < 6


def test_clipped_flat_and_gray_places_are_counted() -> None:
    pixels = np.random.default_rng(0).uniform(0.2, 0.8, (64, 64, 3)).astype(np.float32)
    before = pixels.copy()
    pixels[:16] = (0.9, 0.3, 0.1)
    pixels[16:24, :, 1] = 1.0
    pixels[32:64, :32] = 0.5
    assert defects.shares(defects.flat(pixels), defects.flat(before)) == (0.5, 0.5)
    assert defects.shares(defects.clipped(pixels), defects.clipped(before)) == (0.125, 0.125)
    assert defects.shares(defects.grey(pixels), defects.grey(before)) == (0.25, 0.25)
    assert defects.shares(defects.grey(pixels), defects.grey(pixels)) == (0.25, 0)


# The panel ------------------------------------------------------------------------------------------------------------

STYLE = ("strokes", "style_error", "held_out", "patches", "palette")
CONTENT = ("content_error", "structure", "ssim", "edges")


def towards(verdicts: list[Verdict], name: str) -> list[float]:
    """The measure over verdicts, turned so that lower is better."""
    sign = -1 if measures()[name]["better"] == "higher" else 1
    return [sign * getattr(verdict, name) for verdict in verdicts]


def test_photo_and_painting_are_the_extremes(panel: Judge, painted: Image) -> None:
    photo, painting = panel.extremes()
    ordered = [photo, panel(painted), painting]
    for name in CONTENT:
        assert towards(ordered, name) == sorted(towards(ordered, name)), name
    for name in STYLE:
        assert towards(ordered, name) == sorted(towards(ordered, name), reverse=True), name
    assert photo.ssim == pytest.approx(1) and photo.edges == pytest.approx(1)
    assert photo.content_error == photo.structure == 0
    assert painting.style_error == painting.held_out == painting.patches == painting.palette == 0


def test_strength_moves_every_measure_one_way(panel: Judge, astronaut: Image, painted: Image) -> None:
    blends = [Image(((1 - t) * astronaut.pixels + t * painted.pixels).clip(0, 1)) for t in (0.0, 0.25, 0.5, 0.75, 1.0)]
    verdicts = [panel(blend) for blend in blends]
    for name in STYLE:
        assert np.all(np.diff(towards(verdicts, name)) < 0), name
    for name in CONTENT:
        assert np.all(np.diff(towards(verdicts, name)) > 0), name


def test_same_seed_same_numbers(astronaut: Image, waves: Image, painted: Image) -> None:
    one, again, other = (judge(painted, astronaut, waves, size=96, features="none", seed=seed) for seed in (5, 5, -6))
    assert one == again
    assert other.patches != one.patches
    assert other.patches == pytest.approx(one.patches, rel=0.1)


def test_defects_come_into_the_verdict(panel: Judge, painted: Image, astronaut: Image) -> None:
    checked = panel(with_checks(painted, 2, 10))
    assert checked.grid_peak is not None and checked.grid_peak > 20 and checked.grid_period == 2
    assert any("grid of 2 px" in note for note in checked.notes)
    flat = panel(Image(np.full((SIDE, SIDE, 3), 0.5, np.float32)))
    assert flat.flat == flat.grey == 1 and flat.flat_added > 0.5
    assert flat.edges == 0
    harsh = panel(astronaut.with_pixels(3 * astronaut.pixels - 1))
    assert harsh.clipped_added > 0.3
    clean = panel(astronaut)
    assert clean.clipped_added == clean.flat_added == clean.grey_added == 0
    assert clean.grid_peak == 0 and clean.notes == ()


def test_a_grid_is_looked_for_at_the_pictures_own_pixels(painted: Image, astronaut: Image, waves: Image) -> None:
    """At the judged size it would be resized away."""
    verdict = judge(with_checks(painted, 2, 10), astronaut, waves, size=64, features="none")
    assert verdict.width == 64 and verdict.grid_period == 2 and verdict.grid_peak is not None and verdict.grid_peak > 20


@pytest.mark.parametrize(("width", "height"), [(16, 16), (17, 31), (101, 63), (64, 16)])
def test_odd_and_tiny_pictures_are_judged(picture: Paint, width: int, height: int) -> None:
    pictures = picture(width, height, 1), picture(width, height, 2), picture(41, 41, 3)
    verdict = judge(*pictures, size=max(width, height), features="pocket")
    assert (verdict.width, verdict.height) == (width, height)
    numbers = [getattr(verdict, name) for name in measures() if not name.startswith("grid")]
    assert np.all(np.isfinite(numbers))
    assert verdict.grid_peak is None and any("64 px" in note for note in verdict.notes)


def test_what_is_too_small_is_refused(picture: Paint) -> None:
    with pytest.raises(SettingError, match=r"give `?size`? 32 or more"):
        judge(picture(40, 20), picture(40, 20), picture(30, 30), size=20, features="none")
    with pytest.raises(SettingError, match="too small to judge"):
        judge(picture(40, 12), picture(40, 20), picture(30, 30), size=40, features="none")
    for size in (15, 5000, 99.5, True):
        with pytest.raises(SettingError, match=r"`?size`?"):
            judge(picture(40, 20), picture(40, 20), picture(30, 30), size=size, features="none")  # type: ignore[arg-type]
    with pytest.raises(SettingError, match=r"`?seed`?"):
        judge(picture(40, 20), picture(40, 20), picture(30, 30), size=40, features="none", seed="x")  # type: ignore[arg-type]


def test_other_proportions_are_resized_with_a_word(picture: Paint) -> None:
    panel = Judge(picture(80, 60, 1), picture(50, 50, 2), size=80, features="none")
    assert any("60x60 is of other proportions" in note for note in panel(picture(60, 60, 3)).notes)
    assert not any("proportions" in note for note in panel(picture(107, 80, 3)).notes)  # a rounding is none


def test_files_and_images_are_judged_alike(photo: Path, painting: Path, tmp_path: Path) -> None:
    from atelier.media import open_still

    by_name = judge(photo, str(photo), painting, size=32, features="none")
    assert by_name == judge(open_still(photo), open_still(photo), open_still(painting), size=32, features="none")
    with pytest.raises(SourceError):
        judge(tmp_path / "none.png", photo, painting)
    (tmp_path / "text.png").write_text("hello")
    with pytest.raises(ImageError):
        judge(tmp_path / "text.png", photo, painting, features="none")


def test_transparent_places_are_white(picture: Paint) -> None:
    image = picture(40, 40, 1)
    hidden = dataclasses.replace(image, alpha=np.zeros((40, 40), np.float32))
    white = Image(np.ones((40, 40, 3), np.float32))
    verdicts = [judge(each, image, picture(40, 40, 2), size=40, features="none") for each in (hidden, white)]
    assert verdicts[0] == verdicts[1]


def test_json_holds_everything_and_nothing_but_numbers(panel: Judge, painted: Image) -> None:
    verdict = panel(painted)
    data = json.loads(verdict.to_json(picture="a.png"))
    assert data.pop("picture") == "a.png"
    assert data == {**dataclasses.asdict(verdict), "notes": []}


def test_a_metric_is_the_features_in_it(make_net: WriteNet, tmp_path: Path, picture: Paint) -> None:
    """The Gram and content errors with R, against features that R was applied to."""
    import torch

    from atelier.perception.network import Network, activations

    layers = ("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1", "conv4_2")
    path = str(make_net(tmp_path / "net.safetensors", metrics=layers[1:]))
    pictures = [picture(48, 32, seed) for seed in (1, 2, 3)]
    network = Network.load(path, dtype=torch.float32)
    seen = []
    for image in pictures:
        raw = activations(network.weights, torch.tensor(image.pixels).permute(2, 0, 1)[None] * 255 - network.mean, layers)
        seen.append({k: (network.metric[k] @ f[0].flatten(1) if k in network.metric else f[0].flatten(1)).double() for k, f in raw.items()})
    x, c, s = seen
    errors = []
    for name in layers[:5]:
        g, a = (f[name] @ f[name].T / f[name].shape[1] for f in (x, s))
        errors.append(float((g - a).square().sum() / a.square().sum()))
    verdict = judge(*pictures, size=48, features=path)
    assert verdict.style_error == pytest.approx(np.mean(errors), rel=1e-4)
    expected = float((x["conv4_2"] - c["conv4_2"]).square().sum() / c["conv4_2"].square().sum())
    assert verdict.content_error == pytest.approx(expected, rel=1e-4)


def test_with_vgg19_it_is_the_fields_yardstick(astronaut: Image, waves: Image, painted: Image) -> None:
    """Against the plain way of writing it."""
    try:
        loaded = weights.load("vgg19")
    except WeightsError:
        pytest.skip("needs VGG-19's weights")
    import torch
    import torch.nn.functional as F

    mean = torch.tensor(loaded.mean).view(1, 3, 1, 1)

    def features(image: Image) -> dict[str, Any]:
        x, found = torch.tensor(image.pixels).permute(2, 0, 1)[None] * 255 - mean, {}
        for name, (weight, bias) in loaded.layers.items():
            if name.endswith("_1") and name != "conv1_1":
                x = F.max_pool2d(x, 2)
            x = F.relu(F.conv2d(x, torch.tensor(weight).float(), torch.tensor(bias).float(), padding=1))
            found[name] = x[0].flatten(1)
        return found

    x, c, s = (features(image) for image in (painted, astronaut, waves))
    errors = []
    for name in GRAM_LAYERS:
        g, a = (f[name] @ f[name].T / f[name].shape[1] for f in (x, s))
        errors.append(float((g - a).square().sum() / a.square().sum()))
    verdict = judge(painted, astronaut, waves, size=SIDE, features="vgg19")
    assert verdict.style_error == pytest.approx(np.mean(errors), rel=1e-3)
    assert verdict.strokes == pytest.approx(np.exp(np.log(errors[1:4]).mean()), rel=1e-3)
    assert [getattr(verdict, name) for name in GRAM_LAYERS] == pytest.approx(errors, rel=1e-3)
    expected = float((x["conv4_2"] - c["conv4_2"]).square().sum() / c["conv4_2"].square().sum())
    assert verdict.content_error == pytest.approx(expected, rel=1e-3)


def test_without_vgg19_pocket_looks_and_a_note_says_so(
    astronaut: Image, waves: Image, painted: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nowhere(name: str) -> Path:
        raise WeightsError(f"no weights for {name}")

    monkeypatch.setattr("atelier.judging.panel.find", nowhere)
    verdict, asked = judge(painted, astronaut, waves, size=64), judge(painted, astronaut, waves, size=64, features="pocket")
    assert verdict.features == asked.features == "pocket"
    assert verdict.strokes == asked.strokes and asked.notes == ()
    assert len(verdict.notes) == 1 and "weights pull vgg19" in verdict.notes[0]


def test_strokes_are_not_drowned_by_one_layer(panel: Judge, painted: Image) -> None:
    verdict = panel(painted)
    layers = [getattr(verdict, name) for name in GRAM_LAYERS]
    assert verdict.style_error == pytest.approx(np.mean(layers))
    assert verdict.strokes == pytest.approx(np.prod(layers[1:4]) ** (1 / 3))


def test_a_weave_repeats_and_noise_does_not() -> None:
    rng = np.random.default_rng(0)
    y, x = np.indices((160, 200))
    noise = rng.standard_normal((160, 200, 1))
    woven, calm = 0.05 * np.sin(x * 2 * np.pi / 8) * np.sin(y * 2 * np.pi / 8), np.full((160, 200), 0.5)
    assert flatness(gray(calm)) == flatness(gray(calm + 0.2)) != flatness(gray(calm + woven))
    assert flatness(gray(calm)).weave == flatness(gray(calm)).border == 0
    assert flatness(gray(calm + woven)).weave > 0.95
    assert flatness(gray(calm + 0.05 * noise[:, :, 0])).weave < 0.05


@pytest.mark.parametrize("side", ["top", "bottom", "left", "right"])
def test_a_frame_is_how_far_a_side_is_from_the_middle(side: str) -> None:
    plane = np.full((120, 144), 0.2)
    plane[{"top": np.s_[:8], "bottom": np.s_[-8:], "left": np.s_[:, :8], "right": np.s_[:, -8:]}[side]] = 0.6
    assert flatness(gray(plane)).border == pytest.approx(0.4 * 255)


def test_what_is_too_small_for_a_weave_is_refused() -> None:
    with pytest.raises(SettingError, match="96 px"):
        flatness(gray(np.zeros((95, 200))))


def gray(plane: Any) -> Image:
    """(H, W) in [0, 1] as a picture without colour."""
    return Image(np.repeat(np.clip(plane, 0, 1)[:, :, None], 3, axis=2).astype(np.float32))


def test_without_a_network_its_entries_are_none(panel: Judge, painted: Image, astronaut: Image, waves: Image) -> None:
    whole, bare = panel(painted), judge(painted, astronaut, waves, size=SIDE, features="none")
    assert bare.features is None and bare.notes == ()
    for name in measures():
        assert getattr(bare, name) == (None if name in SEEN else getattr(whole, name))


def test_weights_that_are_not_there_are_said(astronaut: Image, waves: Image) -> None:
    with pytest.raises(WeightsError):
        judge(astronaut, astronaut, waves, features="nowhere.safetensors")


# The command ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def out(tmp_path: Path, picture: Paint) -> Path:
    path = tmp_path / "out.png"
    path.write_bytes(encode(picture(40, 28, 3), "png"))
    return path


def test_the_table_has_a_column_a_picture(out: Path, photo: Path, painting: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main_ends(["evaluate", str(out), str(photo), "-c", str(photo), "-s", str(painting), "--size", "40", "--features", "none"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["better", "out", "photo", "the", "photo", "the", "painting"]
    row = next(line for line in lines if " SSIM" in line).split()
    assert row[-5] == "↑" and row[-3:-1] == ["1.000", "1.000"]
    assert next(line for line in lines if "strokes" in line).split()[-4:] == ["-"] * 4
    assert lines.count("too small to look for grids, which takes 64 px a side") == 1


def test_json_to_a_file_and_to_standard_output(
    out: Path, photo: Path, painting: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["evaluate", str(out), "-c", str(photo), "-s", str(painting), "--size", "40", "--features", "none", "--json"]
    main_ends([*command, "-"])
    said = json.loads(capsys.readouterr().out)
    main_ends([*command, str(tmp_path / "all.json"), "-q"])
    assert capsys.readouterr().out == ""
    assert json.loads((tmp_path / "all.json").read_text(encoding="utf-8")) == said
    assert said["pictures"][0]["picture"] == str(out)
    assert said["photo"]["ssim"] == pytest.approx(1)
    alone = judge(out, photo, painting, size=40, features="none")
    assert said["pictures"][0]["patches"] == alone.patches


def test_flat_photos_need_no_painting(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "flat.png"
    path.write_bytes(encode(gray(np.full((100, 100), 0.5)), "png"))
    main_ends(["evaluate", "--flat", str(path)])
    assert capsys.readouterr().out == "flat: weave 0.000, border 0.0 levels of 255\n"
    main_ends(["evaluate", "--flat", str(path), "--json", "-"])
    assert json.loads(capsys.readouterr().out)["pictures"] == [{"weave": 0.0, "border": 0.0, "picture": str(path)}]
    for more in (["--flat", "-c", str(path)], ["-c", str(path)], []):
        with pytest.raises(SystemExit) as end:
            main(["evaluate", str(path), *more])
        assert end.value.code == 2 and "--content" in capsys.readouterr().err


@pytest.mark.parametrize("suffix", [".png", ".svg", ".pdf"])
def test_the_plot_is_drawn_in_the_suffixs_format(out: Path, photo: Path, painting: Path, tmp_path: Path, suffix: str) -> None:
    target = tmp_path / f"plot{suffix}"
    main_ends(["evaluate", str(out), "-c", str(photo), "-s", str(painting), "--size", "40", "--plot", str(target), "-q"])
    assert {".png": b"\x89PNG", ".svg": b"<svg", ".pdf": b"%PDF"}[suffix] in target.read_bytes()[:2000]


def test_the_plot_labels_every_picture_and_the_extremes(panel: Judge, painted: Image, tmp_path: Path) -> None:
    import matplotlib

    photo, painting = panel.extremes()
    with matplotlib.rc_context({"svg.fonttype": "none"}):
        draw_chart([("mine", panel(painted))], photo, painting, tmp_path / "plot.svg")
    text = (tmp_path / "plot.svg").read_text(encoding="utf-8")
    for label in ("mine", "the photo", "the painting"):
        assert text.count(f">{label}<") == 3
    draw_chart([], *(dataclasses.replace(end, held_out=None, strokes=None) for end in (photo, painting)), tmp_path / "one.png")
    assert Pillow.open(tmp_path / "one.png").width < 700


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (["--plot", "plot.txt"], "a plot is written as"),
        (["--plot", "out.png/plot.png"], "no folder"),
        (["--json", "out.png/a.json"], "no folder"),
        (["--json", "out.png"], "is one of the pictures"),
        (["--json", "same.png", "--plot", "same.png"], "names as well"),
        (["--size", "5"], "--size 5"),
    ],
)
def test_what_cannot_be_is_refused_before_the_work(
    more: list[str], says: str, out: Path, photo: Path, painting: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(out.parent)
    with pytest.raises(SystemExit) as end:
        main(["evaluate", "out.png", "-c", str(photo), "-s", str(painting), "--features", "none", *more])
    assert end.value.code == 2
    assert says in capsys.readouterr().err


def test_pictures_of_one_name_are_told_apart(tmp_path: Path, photo: Path, painting: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "x.png").write_bytes(photo.read_bytes())
    names = [str(tmp_path / folder / "x.png") for folder in ("a", "b")]
    main_ends(["evaluate", *names, "-c", str(photo), "-s", str(painting), "--size", "40", "--features", "none"])
    assert all(name in capsys.readouterr().out.replace("\n", "") for name in names[:1])


def test_without_torch_the_table_says_so(out: Path, photo: Path, painting: Path) -> None:
    done = run_without("torch", ["evaluate", str(out), "-c", str(photo), "-s", str(painting), "--size", "40"])
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("PyTorch is not installed, so no network looked: pip install 'atelier[torch]'") == 1


def test_without_matplotlib_the_extra_is_named(out: Path, photo: Path, painting: Path, tmp_path: Path) -> None:
    plot = str(tmp_path / "plot.png")
    done = run_without("matplotlib", ["evaluate", str(out), "-c", str(photo), "-s", str(painting), "--plot", plot])
    assert done.returncode == 1
    assert "pip install 'atelier[plot]'" in done.stderr and "Traceback" not in done.stderr


def run_without(module: str, command: list[str]) -> subprocess.CompletedProcess[str]:
    program = f"import sys; sys.modules[{module!r}] = None\nimport atelier.cli.judging\nfrom atelier.cli import main\nmain({command!r})"
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)


def main_ends(command: list[str]) -> None:
    """Run a command that goes well."""
    with pytest.raises(SystemExit) as end:
        main(command)
    assert end.value.code in (0, None)


def test_a_style_by_name_is_judged_by_its_swatch(astronaut: Image, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from atelier.engines.network import catalogue
    from atelier.image import decode

    name, entry = next(iter(catalogue.shipped().items()))
    (tmp_path / "photo.png").write_bytes(encode(astronaut, "png"))
    command = [
        "evaluate",
        str(tmp_path / "photo.png"),
        "-c",
        str(tmp_path / "photo.png"),
        "--features",
        "none",
        "--size",
        "96",
        "--json",
        "-",
    ]
    with pytest.raises(SystemExit) as end:
        main([*command, "-s", name])
    assert end.value.code == 0
    told = json.loads(capsys.readouterr().out)
    assert told["style"] == name
    expected = Judge(astronaut, decode(entry.swatch), size=96, features="none")(tmp_path / "photo.png")
    assert told["pictures"][0]["palette"] == pytest.approx(expected.palette)
    with pytest.raises(SystemExit) as end:
        main([*command, "-s", "no-such-style"])
    assert end.value.code == 2 and "no style of that name" in capsys.readouterr().err
