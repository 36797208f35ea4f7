"""Painting: photo and paintings in, picture out. With a tiny random network, so pictures are judged by losses, not by looks."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from atelier.engines.guide import Sample
from atelier.engines.optimize import plan as plan_module
from atelier.engines.optimize.device import choose_device
from atelier.engines.optimize.engine import OptimizeEngine
from atelier.engines.optimize.plan import Stage, stages
from atelier.engines.optimize.start import recolor
from atelier.engines.optimize.style import Exemplar
from atelier.errors import Cancelled, Diverged, SettingError, WeightsError
from atelier.image import Image, resize
from atelier.progress import Progress, Report
from atelier.request import Settings
from calls import called

Paint = Callable[..., Image]


@pytest.fixture
def engine(plain: dict[str, Any], picture: Paint) -> Callable[..., OptimizeEngine]:
    """An engine over the tiny network: 3 iterations of L-BFGS unless told otherwise."""

    def build(styles: list[Sample] | None = None, seed: int = 0, **settings: Any) -> OptimizeEngine:
        settings = {**plain, "iterations": 3, "content_weight": 1.0, "style_layers": {"conv1_1": 1.0, "conv3_1": 1.0}, **settings}
        return called(OptimizeEngine([Sample(picture(30, 34, 7))] if styles is None else styles, Settings(**settings), "cpu", seed))

    return build


def flat(width: int, height: int, level: float = 0.5) -> Image:
    return Image(np.full((height, width, 3), level, np.float32))


def gray(image: Image) -> Image:
    return Image(np.repeat(image.pixels.mean(2, keepdims=True), 3, axis=2))


def told(heard: list[Progress], stop_at: int = 0) -> Report:
    """Writes down what is reported, and stops at a step."""

    def report(progress: Progress) -> None:
        heard.append(progress)
        if stop_at and progress.step >= stop_at:
            raise Cancelled("enough")

    return report


# The same and not the same --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("settings", [{"optimizer": "lbfgs"}, {"optimizer": "adam", "rate": 0.02, "average": 0.9}, {"start": "noise"}])
def test_the_same_seed_is_the_same_picture(engine: Callable[..., OptimizeEngine], picture: Paint, settings: dict[str, Any]) -> None:
    photo = picture(24, 20, 1)
    one, two = engine(**settings), engine(**settings)
    first = one(photo)
    assert np.array_equal(first.pixels, two(photo).pixels)
    one(picture(20, 20, 3))
    assert np.array_equal(first.pixels, one(photo).pixels)  # engines remember nothing


def test_another_seed_is_another_picture_from_noise(engine: Callable[..., OptimizeEngine], picture: Paint) -> None:
    photo = picture(24, 20, 1)
    a, b = (engine(start="noise", seed=seed)(photo).pixels for seed in (0, 1))
    assert np.abs(a - b).mean() > 0.05


@pytest.mark.parametrize("optimizer", ["lbfgs", "adam", "sgd"])
@pytest.mark.parametrize("style_loss", ["gram", "moments", "wasserstein"])
def test_painting_lowers_the_loss(engine: Callable[..., OptimizeEngine], picture: Paint, optimizer: str, style_loss: str) -> None:
    heard: list[Progress] = []
    rate = {"lbfgs": 1.0, "adam": 0.02, "sgd": 3e-4}[optimizer]
    engine(iterations=25, optimizer=optimizer, rate=rate, style_loss=style_loss, start="photo")(picture(24, 24, 1), report=told(heard))
    totals = [progress.losses["total"] for progress in heard]
    assert len(totals) == 25
    assert min(totals) < (0.97 if optimizer == "sgd" else 0.7) * totals[0]


# Starts ---------------------------------------------------------------------------------------------------------------


def test_starts(engine: Callable[..., OptimizeEngine], picture: Paint) -> None:
    """Without iterations the answer is the start."""
    photo, other = picture(24, 20, 1), picture(12, 10, 5)

    def start(name: str, image: Image | None = None) -> np.ndarray:
        return engine(start=name, iterations=0)(photo, start=image).pixels

    assert np.array_equal(start("photo"), photo.pixels)
    assert np.array_equal(start("gray"), flat(24, 20).pixels)
    noise = start("noise")
    assert noise.std() == pytest.approx(math.sqrt(1 / 12), rel=0.1)
    assert np.abs(start("a path", other) - resize(other, (24, 20)).pixels).mean() < 0.05
    with pytest.raises(SettingError, match=r"start a path: choose photo, recolored, noise, gray"):
        start("a path")


def test_the_recolored_start_has_the_colors_of_the_painting(engine: Callable[..., OptimizeEngine], picture: Paint) -> None:
    photo, style = picture(24, 20, 1), picture(30, 34, 7)
    begin = engine(start="recolored", iterations=0)(photo).pixels.reshape(-1, 3)
    wanted = style.pixels.reshape(-1, 3)
    assert np.allclose(begin.mean(0), wanted.mean(0), atol=0.03)
    assert np.allclose(np.cov(begin.T), np.cov(wanted.T), atol=0.01)


def test_of_a_painting_of_few_colors_the_start_has_no_others(picture: Paint) -> None:
    photo, style = (torch.tensor(image.pixels).permute(2, 0, 1)[None] for image in (picture(24, 20, 1), gray(picture(30, 34, 7))))
    begin = recolor(photo * 0.5 + 0.25, [Exemplar(style)])
    assert float((begin.amax(1) - begin.amin(1)).max()) < 0.01


def test_what_a_map_takes_for_another_place_is_not_burnt() -> None:
    """A yellow bush in a blue sky that is hardly blue in the painting: where the sky is meant, no colour is far from the painting's sky."""
    generator = torch.Generator().manual_seed(0)
    photo = torch.tensor([0.3, 0.5, 0.8])[:, None, None] + 0.02 * torch.randn(3, 40, 40, generator=generator)
    style = torch.tensor([0.6, 0.6, 0.65])[:, None, None] + 0.04 * torch.randn(3, 40, 40, generator=generator)
    photo[:, 30:33, 30:33] = torch.tensor([0.9, 0.7, 0.1])[:, None, None]
    begin = recolor(photo[None].clamp(0, 1), [Exemplar(style[None])], torch.ones(40, 40))[0]
    assert float((begin - style.mean((1, 2), keepdim=True)).square().sum(0).sqrt().max()) < 3.3 * 0.04 * 3**0.5


def test_recoloring_blends_the_colors_of_several(picture: Paint) -> None:
    def tensor(image: Image) -> torch.Tensor:
        return torch.tensor(image.pixels).permute(2, 0, 1)[None]

    photo = tensor(picture(24, 20, 1)) * 0.5 + 0.25
    a, b = tensor(flat(8, 8, 0.3)), tensor(flat(8, 8, 0.7))
    assert float(recolor(photo, [Exemplar(a), Exemplar(b, 3.0)]).mean()) == pytest.approx(0.6, abs=0.01)
    assert float(recolor(photo, [Exemplar(a), Exemplar(b, 0.0)]).mean()) == pytest.approx(0.3, abs=0.01)


@pytest.mark.parametrize("photo", ["flat", "black", "grey", "colour"])
@pytest.mark.parametrize("style", ["flat", "grey", "colour", "one pixel"])
def test_colorless_pictures_can_be_recolor(engine: Callable[..., OptimizeEngine], picture: Paint, photo: str, style: str) -> None:
    images = {"flat": flat(20, 18), "black": flat(20, 18, 0), "grey": gray(picture(20, 18)), "colour": picture(20, 18)}
    images["one pixel"] = flat(1, 1, 0.3)
    out = engine([Sample(images[style])], iterations=1, start="recolored")(images[photo])
    assert out.size == (20, 18)  # an Image holds no NaN


# Sizes and alpha ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(17, 33), (16, 16), (33, 16), (50, 19)])
def test_odd_sizes_stay_what_they_are(engine: Callable[..., OptimizeEngine], picture: Paint, size: tuple[int, int]) -> None:
    out = engine(style_layers={"conv1_1": 1.0, "conv5_1": 1.0}, coarse_iterations=1, smallest=16)(picture(*size))
    assert out.size == size
    assert not np.array_equal(out.pixels, picture(*size).pixels)


@pytest.mark.parametrize("start", ["recolored", "photo", "noise"])
@pytest.mark.parametrize("size", [(1, 1), (300, 1), (15, 15)])
def test_too_small_for_the_layers_is_said_so(
    engine: Callable[..., OptimizeEngine], picture: Paint, start: str, size: tuple[int, int]
) -> None:
    with pytest.raises(SettingError, match=rf"conv5_1 needs a picture of at least 16 px a side, not {size[0]}x{size[1]}: give `?size`?"):
        engine(style_layers={"conv5_1": 1.0}, content_layers={"conv5_1": 1.0}, start=start)(picture(*size))


def test_what_is_too_small_names_all_that_mends_it(engine: Callable[..., OptimizeEngine], picture: Paint) -> None:
    layers = {"style_layers": {"conv1_1": 1.0, "conv5_1": 1.0}, "content_layers": {"conv4_2": 1.0}}
    with pytest.raises(SettingError, match=r"not 50x3: give `?size`? 267 or more, or layers up to conv2_2 alone in both `?style_layers`?"):
        engine(**layers)(picture(50, 3))
    with pytest.raises(SettingError, match=r"not 5000x1: give `?size`? 80000 or more, or layers up to conv1_2 alone"):
        engine(**layers)(Image(np.zeros((1, 5000, 3), np.float32)))
    small = {"style_layers": {"conv2_2": 1.0}, "content_layers": {"conv2_1": 1.0}}
    assert engine(**small)(picture(50, 3)).size == (50, 3)


def test_shallow_layers_paint_the_smallest_pictures(engine: Callable[..., OptimizeEngine], picture: Paint) -> None:
    for size in ((1, 1), (3, 2)):
        out = engine(style_layers={"conv1_1": 1.0}, content_layers={"conv1_2": 1.0}, start="photo")(picture(*size))
        assert out.size == size


@pytest.mark.parametrize("size", [(5, 9), (1, 1), (200, 3)])
def test_small_paintings_do(engine: Callable[..., OptimizeEngine], picture: Paint, size: tuple[int, int]) -> None:
    for fit in ("photo", "own"):
        settings = {"style_layers": {"conv1_1": 1.0, "conv5_1": 1.0}, "style_fit": fit, "start": "photo"}
        assert engine([Sample(picture(*size))], **settings)(picture(32, 24)).size == (32, 24)


def test_long_thin_pictures_skip_scales_too_small_for_their_layers(engine: Callable[..., OptimizeEngine], picture: Paint) -> None:
    """Whatever name the deepest layer goes by."""
    for layer in ("conv5_1", "block5_conv1", "CONV5_1"):
        out = engine(style_layers={"conv1_1": 1.0}, content_layers={layer: 1.0}, coarse_iterations=1, smallest=32)(picture(128, 20))
        assert out.size == (128, 20)


def test_alpha_is_carried(engine: Callable[..., OptimizeEngine], picture: Paint) -> None:
    alpha = np.linspace(0, 1, 24 * 20, dtype=np.float32).reshape(20, 24)
    photo = Image(picture(24, 20).pixels, alpha=alpha)
    out = engine()(photo)
    assert out.alpha is not None
    assert np.array_equal(out.alpha, alpha)


def test_tiles_are_the_whole(engine: Callable[..., OptimizeEngine], picture: Paint) -> None:
    photo = picture(70, 53)
    a, b = (engine(tile=tile, optimizer="adam", rate=0.02)(photo).pixels for tile in (0, 32))
    assert np.abs(a - b).max() < 5e-3


def test_style_size_and_fit_change_the_picture(engine: Callable[..., OptimizeEngine], picture: Paint) -> None:
    style = [Sample(picture(90, 80, 7))]
    plain, smaller, own = (
        engine(style, start="photo", **settings)(picture(32, 24)).pixels for settings in ({}, {"style_size": 0.5}, {"style_fit": "own"})
    )
    assert np.abs(plain - smaller).max() > 1e-3
    assert np.abs(plain - own).max() > 1e-3


# Stages ---------------------------------------------------------------------------------------------------------------


def test_stages_go_from_coarse_to_fine() -> None:
    settings = Settings(features="a", coarse_iterations=7, iterations=9, smallest=64, scale_step=2.0)
    assert stages(settings, 300, 400) == [
        Stage((75, 100), "a", 7),
        Stage((150, 200), "a", 7),
        Stage((300, 400), "a", 9),
    ]
    assert stages(Settings(features="a", coarse_iterations=0, iterations=9), 300, 400) == [Stage((300, 400), "a", 9)]
    assert stages(Settings(features="a", coarse_iterations=5, iterations=0, smallest=200), 300, 400) == [Stage((150, 200), "a", 5)]
    assert stages(Settings(iterations=0), 300, 400) == []


def test_the_warm_network_goes_first() -> None:
    settings = Settings(features="a", warm_features="b", warm_iterations=5, coarse_iterations=7, iterations=9, smallest=100)
    assert stages(settings, 200, 200) == [Stage((100, 100), "b", 7), Stage((200, 200), "b", 5), Stage((200, 200), "a", 9)]
    same = Settings(features="a", warm_features="a", warm_iterations=5, coarse_iterations=7, iterations=9, smallest=100)
    assert stages(same, 200, 200) == [Stage((100, 100), "a", 7), Stage((200, 200), "a", 9)]


def test_the_report_counts_through_all_stages(engine: Callable[..., OptimizeEngine], picture: Paint, net: str, other_net: str) -> None:
    heard: list[Progress] = []
    settings = {
        "warm_features": other_net,
        "warm_iterations": 2,
        "coarse_iterations": 3,
        "smallest": 16,
        "iterations": 4,
        "optimizer": "adam",
        "rate": 0.01,
    }
    engine(**settings)(picture(40, 32), report=told(heard))
    assert [progress.step for progress in heard] == list(range(1, 10))
    assert {progress.of for progress in heard} == {9}
    assert [(progress.subject, progress.size) for progress in heard] == [(other_net, (20, 16))] * 3 + [(other_net, (40, 32))] * 2 + [
        (net, (40, 32))
    ] * 4
    assert all({"content", "style", "total"} <= set(progress.losses) for progress in heard)
    for progress in heard:
        assert progress.preview is not None
        assert progress.preview().size == (40, 32)


def test_tolerance_ends_a_scale_early(engine: Callable[..., OptimizeEngine], picture: Paint) -> None:
    heard: list[Progress] = []
    engine(iterations=60, coarse_iterations=60, smallest=16, tolerance=1.0)(picture(32, 32), report=told(heard))
    assert len(heard) == 42  # the first 21 steps of each are needed to tell
    assert heard[-1].step <= heard[-1].of


# What is wanted -------------------------------------------------------------------------------------------------------


def test_content_alone_and_style_alone(engine: Callable[..., OptimizeEngine], picture: Paint) -> None:
    photo = picture(24, 24, 1)
    for settings, names in (({"style_weight": 0.0}, {"content", "total"}), ({"content_weight": 0.0}, {"style", "total"})):
        heard: list[Progress] = []
        engine(start="noise", iterations=30, **settings)(photo, report=told(heard))
        assert set(heard[0].losses) == names
        assert heard[-1].losses["total"] < 0.5 * heard[0].losses["total"]


def test_a_reconstruction_needs_no_painting(engine: Callable[..., OptimizeEngine], picture: Paint) -> None:
    photo = picture(24, 24, 1)
    heard: list[Progress] = []
    out = engine([], start="noise", content_layers={"conv1_2": 1.0}, iterations=40)(photo, report=told(heard))
    assert out.size == photo.size
    assert heard[-1].losses["content"] < 0.05 * heard[0].losses["content"]
    with pytest.raises(SettingError, match="give a `style`"):
        engine([], content_weight=0.0)


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"content_weight": 0.0, "style_weight": 0.0}, "nothing to paint towards"),
        ({"style_layers": {"conv1_1": 0.0}}, "style_layers: all have the weight 0"),
        ({"content_layers": {"conv1_1": 0.0}}, "content_layers: all have the weight 0"),
    ],
)
def test_nothing_wanted_is_refused(engine: Callable[..., OptimizeEngine], settings: dict[str, Any], why: str) -> None:
    with pytest.raises(SettingError, match=why):
        engine(**settings)


def test_smoothing_alone_is_something(engine: Callable[..., OptimizeEngine], picture: Paint) -> None:
    heard: list[Progress] = []
    engine(content_weight=0.0, style_weight=0.0, tv_weight=1.0, start="photo", iterations=9)(picture(20, 20), report=told(heard))
    assert heard[-1].losses["total"] < heard[0].losses["total"]


@pytest.mark.parametrize(
    "settings", [{"style_layers": {"conv7_1": 1.0}}, {"content_layers": {"fc6": 1.0}}, {"chained": True, "style_loss": "moments"}]
)
def test_settings_that_make_no_sense_together(engine: Callable[..., OptimizeEngine], picture: Paint, settings: dict[str, Any]) -> None:
    with pytest.raises(SettingError):
        engine(**settings)(picture(24, 24))


def test_networks_that_are_not_there(engine: Callable[..., OptimizeEngine]) -> None:
    with pytest.raises(WeightsError):
        engine(features="no/such/net.safetensors")


@pytest.mark.parametrize("device", ["tpu", "gpu", "", "CPU", "cuda:foo", "cuda:", "cuda0", "cuda:9999", "cuda:999"])
def test_devices_that_do_not_exist(device: str) -> None:
    with pytest.raises(SettingError, match=r"`?device`?"):
        choose_device(device)


def test_devices() -> None:
    assert choose_device("cpu") == "cpu"
    assert choose_device("auto") in ("cpu", "cuda", "mps")


# Stopping, and things going wrong -------------------------------------------------------------------------------------


@pytest.mark.parametrize("stop_at", [1, 4, 7])
def test_stopping_answers_with_the_picture_so_far(engine: Callable[..., OptimizeEngine], picture: Paint, stop_at: int) -> None:
    heard: list[Progress] = []
    photo = picture(40, 32)
    out = engine(coarse_iterations=3, smallest=16, iterations=5, optimizer="adam", rate=0.01)(photo, report=told(heard, stop_at))
    assert len(heard) == stop_at
    assert out.size == photo.size
    assert heard[-1].preview is not None
    assert np.array_equal(out.pixels, heard[-1].preview().pixels)


def test_of_the_seconds_the_coarse_scales_have_a_quarter(
    engine: Callable[..., OptimizeEngine], picture: Paint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a clock that goes on by a second an iteration."""
    heard: list[Progress] = []
    report = told(heard)
    monkeypatch.setattr("atelier.engines.optimize.engine.time", SimpleNamespace(monotonic=lambda: sum(bool(each.losses) for each in heard)))

    def iterations(seconds: float, coarse: int = 6) -> list[int]:
        heard.clear()
        engine(seconds=seconds, coarse_iterations=coarse, smallest=16)(picture(64, 48, 1), report=report)
        stages = [each.size for each in heard if each.losses]
        assert heard[-1].step == heard[-1].of == 2 * coarse + 3
        return [stages.count(size) for size in ((16, 12), (32, 24), (64, 48))]

    assert iterations(0) == iterations(1000) == [6, 6, 3]
    assert iterations(32) == [4, 4, 3]
    assert iterations(32, 3) == [3, 3, 3]
    assert iterations(40, 4) == [4, 4, 3]
    assert iterations(1e-9) == [1, 0, 3]


@pytest.mark.parametrize("settings", [{"style_weight": 1e308, "normalize": "gatys"}, {"content_weight": 1e308, "normalize": "gatys"}])
def test_a_loss_that_is_infinite_from_the_start_diverges(
    engine: Callable[..., OptimizeEngine], picture: Paint, settings: dict[str, Any]
) -> None:
    with pytest.raises(Diverged, match="not finite"):
        engine(start="noise", **settings)(picture(24, 24))


@pytest.mark.parametrize("iterations", [6, 30])
@pytest.mark.parametrize("average", [0.0, 0.9])
@pytest.mark.parametrize(("optimizer", "rate"), [("lbfgs", 1e4), ("lbfgs", 100.0), ("adam", 1e4), ("sgd", 1e4)])
def test_mad_rates_never_make_it_worse(
    engine: Callable[..., OptimizeEngine], picture: Paint, optimizer: str, rate: float, average: float, iterations: int
) -> None:
    photo = picture(24, 24, 1)

    def loss(image: Image) -> float:
        heard: list[Progress] = []
        engine(iterations=1, start="a picture")(photo, start=image, report=told(heard))
        return heard[0].losses["total"]

    made = engine(optimizer=optimizer, rate=rate, average=average, iterations=iterations, start="photo")(photo)
    assert loss(made) <= loss(photo) * 1.001
    if iterations == 30:
        assert loss(made) < 0.9 * loss(photo)  # it even finds a rate that works


def test_stopping_keeps_the_best_picture(engine: Callable[..., OptimizeEngine], picture: Paint) -> None:
    photo, heard = picture(24, 24, 1), list[Progress]()
    made = engine(optimizer="sgd", rate=1e4, iterations=20, start="photo")(photo, report=told(heard, 3))
    assert heard[-1].losses["total"] > heard[0].losses["total"]
    assert np.array_equal(made.pixels, photo.pixels)


def test_it_is_said_once_that_the_rate_is_too_large(engine: Callable[..., OptimizeEngine], picture: Paint) -> None:
    heard: list[Progress] = []
    engine(optimizer="sgd", rate=1e4, iterations=9, start="photo")(picture(24, 24, 1), report=told(heard))
    notes = [progress.note for progress in heard if progress.note]
    assert len(notes) == 2
    assert "the loss grew: back to the best picture so far" in notes[0]
    assert "try a smaller `rate`" in notes[1]


def test_what_no_later_stage_could_do_is_refused_first(
    engine: Callable[..., OptimizeEngine], picture: Paint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Coarse scales are seen whole, the last one in tiles."""

    def never(progress: Progress) -> None:
        assert not progress.losses

    for settings in ({"tile": 32}, {"tile": 0}):
        monkeypatch.setattr(plan_module, "WHOLE_PIXELS", 40 * 40)
        monkeypatch.setattr(plan_module, "TILE", 32)
        with pytest.raises(SettingError, match=r"`?histogram_weight`? needs the whole picture at once, 72x64: give `?tile`? 72"):
            engine(histogram_weight=1.0, coarse_iterations=2, smallest=16, **settings)(picture(72, 64), report=never)
    made = engine(histogram_weight=1.0, coarse_iterations=1, smallest=16, iterations=1, tile=72)(picture(72, 64))
    assert made.size == (72, 64)


def test_no_solver_is_kept_while_the_next_is_built(engine: Callable[..., OptimizeEngine], picture: Paint) -> None:
    kept: list[Callable[[], Any]] = []
    held: list[bool] = []

    def keep(progress: Progress) -> None:
        assert progress.state
        kept.append(progress.state)
        held.append(kept[0]() is not None)

    engine(coarse_iterations=1, smallest=16, iterations=2)(picture(32, 32), report=keep)
    assert held == [True, False, False]


def test_an_engine_keeps_what_it_takes_to_go_on(engine: Callable[..., OptimizeEngine], picture: Paint, tmp_path: Path) -> None:
    """Stopped at any step, whatever comes after it, and gone on from there: bit for bit the run without a stop."""
    photo = picture(40, 32)
    settings = {"optimizer": "adam", "rate": 0.02, "average": 0.9, "coarse_iterations": 3, "smallest": 16, "iterations": 4}
    kept: list[Any] = []

    def keep(progress: Progress) -> None:
        assert progress.state
        torch.save(progress.state(), tmp_path / "state.pt")
        kept.append(torch.load(tmp_path / "state.pt", weights_only=True))

    whole = engine(**settings)(photo, report=keep)
    assert [state["done"] for state in kept] == list(range(1, 8))
    for state in kept:
        assert np.array_equal(engine(**settings)(photo, state=state).pixels, whole.pixels), state["done"]


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
def test_memory_is_flat_over_photos_of_many_sizes() -> None:
    """Kept for each size without end, what convolutions compile is 10 MB a photo here."""
    code = (
        "import numpy as np, atelier\nfrom pathlib import Path\nfrom atelier.image import Image\nrng = np.random.default_rng(0)\n"
        "memory = lambda: int(Path('/proc/self/statm').read_text().split()[1]) * 4096 / 2**20\n"
        "painting, held = Image(rng.random((48, 64, 3), np.float32)), []\n"
        "for i in range(16):\n"
        "    photo = Image(rng.random((60 + 5 * (7 * i % 16), 64 + 7 * (5 * i % 16), 3), np.float32))\n"
        "    atelier.stylize(photo, painting, engine='optimize', iterations=2, coarse_iterations=0, features='pocket')\n"
        "    held.append(memory())\n"
        "print(held[-1] - held[5])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 40
