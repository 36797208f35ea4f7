"""Training at a tiny size: what it descends, that it goes on where it stopped, what it writes, and what it refuses."""

from __future__ import annotations

import io
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy
import safetensors.torch
import torch
from PIL import Image as PIL_Image

from atelier.engines.guide import Sample
from atelier.engines.network import catalogue
from atelier.engines.network.engine import InstantEngine
from atelier.engines.network.foreign import open_foreign
from atelier.engines.network.painter import from_cells, to_cells
from atelier.engines.network.plan import Plan
from atelier.errors import Cancelled, Diverged, MissingExtra, OutputError, SettingError, SourceError, WeightsError
from atelier.image import Image, encode
from atelier.perception.network import Network
from atelier.perception.store import find
from atelier.plot import read_log
from atelier.progress import Progress
from atelier.request import InstantSettings
from atelier.training import data, kept, loop, objective
from atelier.training.compress import compressed
from atelier.training.export.painter import painter_model
from atelier.training.export.reading import read_painter
from atelier.training.network import Trained, train_network
from atelier.training.painter import Painter
from atelier.training.settings import StyleSettings, TrainSettings
from atelier.training.styles import train_style
from calls import called

TINY: dict[str, Any] = {
    "reader": False, "fine": 16, "wide": 16, "deep": 16, "half": 16, "blocks": 1, "deep_blocks": 1, "rank": 2, "crop": 32, "batch": 2,
    "photo_crops": 6, "steps": 4, "every": 2, "warmup": 1, "style_size": 48, "style_crops": 2, "painting_looks": 4,
    "whole": 0.0, "calm": 0.0, "precision": "float32", "cross": 0.1, "fine_blocks": 0,
}  # fmt: skip
Train = Callable[..., Trained]


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory, picture: Callable[..., Image]) -> dict[str, Path]:
    """Photos as COCO has them, in a folder of a folder, and paintings in folders of painters as WikiArt has them."""
    out = {name: tmp_path_factory.mktemp(name) for name in ("photos", "styles", "paintings")}
    (out["photos"] / "train2017").mkdir()
    for seed in (1, 2, 3):
        (out["photos"] / "train2017" / f"{seed:012}.png").write_bytes(encode(picture(70 + 9 * seed, 60, seed), "png"))
    (out["photos"] / "notes.txt").write_text("no picture")
    for seed, name in ((4, "waves"), (5, "stripes")):
        (out["styles"] / f"{name}.png").write_bytes(encode(picture(48, 60, seed), "png"))
    (out["paintings"] / "Cubism").mkdir()
    for seed in (6, 7):
        (out["paintings"] / "Cubism" / f"{seed}.jpg").write_bytes(encode(picture(64, 50, seed), "jpeg"))
    return out


@pytest.fixture
def train(folders: dict[str, Path], tmp_path: Path) -> Train:
    """Trains a tiny network on a processor; settings by name, and `photos`, `paintings`, `report` and so on."""

    def trained(out: str = "out", **changed: Any) -> Trained:
        own = {name: changed.pop(name) for name in ("photos", "styles", "paintings", "seed", "report") if name in changed}
        settings = TrainSettings(**{**TINY, **changed})
        given = {"photos": folders["photos"], "styles": folders["styles"], "device": "cpu", **own}
        return train_network(out=tmp_path / out, settings=settings, **given)

    return trained


def same(a: Trained, b: Trained) -> bool:
    return a.weights.keys() == b.weights.keys() and all(torch.equal(a.weights[k], b.weights[k]) for k in a.weights)


class StopsAt:
    """A report that stops the training at a step."""

    def __init__(self, step: int) -> None:
        self.step, self.notes = step, list[str]()

    def __call__(self, progress: Progress) -> None:
        if progress.note:
            self.notes.append(progress.note)
        if progress.stage == "training" and progress.step == self.step:
            raise Cancelled("stopped")


# The objective --------------------------------------------------------------------------------------------------------


def test_looks_in_other_colors(picture: Callable[..., Image]) -> None:
    """The whole painting as it is; parts, as many as are asked for, turned and in colours that are others by more than their order."""
    painting = np.round(picture(90, 60, 3).pixels * 255).astype(np.uint8)
    looks = data.painting_looks(painting, 200, (48.0, 76.0), 0, 0, varied=0.5)
    plain = data.painting_looks(painting, 200, (48.0, 76.0), 0, 0)
    assert torch.equal(looks[0], plain[0])
    same = [a.shape == b.shape and torch.equal(a, b) for a, b in zip(looks, plain, strict=True)]
    assert 0.35 < sum(same[1:]) / 199 < 0.65
    assert all(sorted(a.shape) == sorted(b.shape) for a, b in zip(looks, plain, strict=True))
    assert 0.1 < sum(a.shape != b.shape for a, b in zip(looks, plain, strict=True)) / 199 < 0.4  # turned by a right angle, half of them
    means = torch.stack([look.float().mean((1, 2)) for look, is_same in zip(looks, same, strict=True) if not is_same])
    assert means.std(0).min() > 8
    again = data.painting_looks(painting, 200, (48.0, 76.0), 0, 0, varied=0.5)
    assert all(torch.equal(a, b) for a, b in zip(looks, again, strict=True))


def test_errors_are_relative_to_their_targets() -> None:
    eye = objective.Eye(Network.load("pocket", dtype=torch.float32))
    x = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    sight, other = eye(x), eye(x.flip(0))
    nothing = {name: torch.zeros_like(value) for name, value in sight.grams.items()}
    for errors, error in ((objective.layer_errors(nothing, sight.grams), 1.0), (objective.layer_errors(sight.grams, sight.grams), 0.0)):
        assert set(errors) == set(sight.grams)
        assert all(torch.allclose(each, torch.full((2,), error)) for each in errors.values())
    assert torch.allclose(objective.content_error(torch.zeros_like(sight.content), sight.content), torch.ones(2))
    found = objective.layer_errors(other.grams, sight.grams)
    for name, gram in sight.grams.items():
        expected = [float(((other.grams[name][i] - gram[i]) ** 2).sum() / (gram[i] ** 2).sum()) for i in range(2)]
        assert found[name].tolist() == pytest.approx(expected, rel=1e-5)
    assert objective.identity_error(x, x, sight, sight).tolist() == [0, 0]
    assert float(objective.identity_error(x.flip(0), x, other, sight).min()) > 20 * float((x.flip(0) - x).square().mean()) - 1e-3


def test_no_layer_drowns_the_others() -> None:
    errors = {"conv1_1": 0.04, "conv2_1": 0.01, "conv3_1": 0.16, "conv4_1": 1.0}
    given = {name: torch.tensor([value], requires_grad=True) for name, value in errors.items()}
    loss = objective.balance(given)
    wanted = 0.1 * 0.041**0.5 + 0.3 * 0.011**0.5 + 1.1 * 0.161**0.5 + 2.2 * 1.001**0.5
    assert float(loss.detach()) == pytest.approx(wanted, rel=1e-5)
    loss.sum().backward()
    slopes = {name: float(each.grad) * errors[name] ** 0.5 for name, each in given.items() if each.grad is not None}
    assert slopes == pytest.approx({"conv1_1": 0.05, "conv2_1": 0.15, "conv3_1": 0.55, "conv4_1": 1.1}, rel=0.06)
    assert float(objective.strokes({**given, "conv5_1": torch.tensor([9.0])}).detach()) == pytest.approx(
        (0.01 * 0.16 * 1.0) ** (1 / 3), rel=1e-5
    )


def test_whole_photos_and_calm_ones(picture: Callable[..., Image]) -> None:
    photo = np.round(picture(90, 60, 3).pixels * 255).astype(np.uint8)
    wholes = data.whole_photos(iter(enumerate([photo] * 40)), (96.0, 128.0), 0)
    assert all(max(w.shape) in (96, 112, 128) and all(n % data.STEP == 0 for n in w.shape[1:]) for w in wholes)
    assert len({tuple(w.shape) for w in wholes}) > 1
    mirrored = [float((w.float()[:, :, :8] - w.float()[:, :, -8:]).mean()) for w in wholes]
    assert 8 < sum(each > 0 for each in mirrored) < 32
    calm = dict(data.calm_photos(30, 64, 0))
    steps = [np.abs(np.diff(each.astype(float), axis=1)).mean() for each in calm.values()]
    assert np.median(steps) < 4
    assert all(np.array_equal(each, dict(data.calm_photos(30, 64, 0))[at]) for at, each in calm.items())


def test_a_grid_is_what_repeats_from_cell_to_cell() -> None:
    random = torch.Generator().manual_seed(0)
    cell, grain = torch.rand(1, 3, 8, 8, generator=random), torch.rand(1, 3, 128, 128, generator=random)
    grid, fine = cell.repeat(1, 1, 16, 16), cell[:, :, ::4, ::4].repeat(1, 1, 64, 64)
    ramp = torch.linspace(0, 1, 128).expand(1, 3, 128, 128)
    assert objective.grid_share(torch.cat([grid, fine, fine + ramp, grain, ramp, torch.full_like(grid, 0.5)])).tolist() == pytest.approx(
        [1, 1, 1, 1 / 64, 0, 0], abs=0.06
    )
    half = torch.cat([grid[..., :64], grain[..., :64]], 3)  # one of its windows out of two has a grid
    assert float(objective.grid_share(half)) == pytest.approx(0.51, abs=0.03)
    other = cell.repeat(1, 1, 16, 16).roll(3, 2)  # wherever it begins
    assert float(objective.grid_share(other)) > 0.9
    slow = grid[..., ::2].repeat_interleave(2, 3)[..., :128]  # of 8 px still
    assert float(objective.grid_share(slow)) > 0.9
    for size in ((16, 16), (40, 100), (200, 72)):  # what is over is left out
        assert 0 < float(objective.grid_share(torch.rand(1, 3, *size, generator=random))) < 0.5
    with torch.enable_grad():
        grain.requires_grad_()
        objective.grid_share(grain).sum().backward()
    assert grain.grad is not None
    assert float(grain.grad.abs().max()) > 0


def test_features_are_given_a_paintings_mean_and_covariance() -> None:
    generator = torch.Generator().manual_seed(1)
    photo, painting = (torch.randn(6, 20, 20, generator=generator) * scale + shift for scale, shift in ((1.0, 2.0), (3.0, -1.0)))
    of, to = objective.Spread.of(photo), objective.Spread.of(painting)
    white = of.whitened(photo)[None]
    result, _ = objective.colored([white, white], [[to, to]])
    flat, wanted = result[0].flatten(1), painting.flatten(1)
    assert torch.allclose(flat.mean(1), wanted.mean(1), atol=1e-3)
    assert torch.allclose(torch.cov(flat), torch.cov(wanted), rtol=0.02, atol=0.05)


# Pictures -------------------------------------------------------------------------------------------------------------


def test_pictures_are_found_in_folders_within_and_broken_ones_left_out_with_a_word(folders: dict[str, Path], tmp_path: Path) -> None:
    assert [path.name for path in data.find(folders["photos"], "photos")] == [f"{i:012}.png" for i in (1, 2, 3)]
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "good.png").write_bytes((folders["photos"] / "train2017" / "000000000001.png").read_bytes())
    whole = io.BytesIO()
    PIL_Image.new("RGB", (60, 50)).save(whole, "jpeg")
    (tmp_path / "a" / "cut.jpg").write_bytes(whole.getvalue()[:300])
    (tmp_path / "a" / "text.png").write_text("no picture")
    PIL_Image.new("RGB", (90, 8)).save(tmp_path / "a" / "small.png")
    notes: list[str] = []
    opening = data.Opening("photos", 512, 32, lambda progress: notes.append(progress.note))
    assert [at for at, _ in opening(data.find(tmp_path, "photos"))] == [1]
    assert opening.left_out == 3
    words = " ".join(notes)
    assert "cut.jpg" in words
    assert "text.png" in words
    assert "too small" in words


def test_large_pictures_are_made_smaller_and_turned_upright(tmp_path: Path) -> None:
    exif = PIL_Image.Exif()
    exif[0x0112] = 6
    PIL_Image.new("RGB", (400, 200)).save(tmp_path / "turned.jpg", exif=exif)
    assert data.opened(tmp_path / "turned.jpg", 100).shape == (200, 100, 3)


def test_crops_are_the_same_for_the_same_seed() -> None:
    image = np.random.default_rng(0).integers(0, 255, (80, 120, 3), np.uint8)
    first, again, other = (torch.stack(data.photo_crops(iter([(3, image)]), 4, 32, seed)) for seed in (1, 1, 2))
    assert first.shape == (4, 3, 32, 32)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert not torch.equal(first[0], first[1])


def test_free_pictures_are_there_without_any_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data, "FREE", ())  # as where scikit-image is not installed
    tiny = np.zeros((20, 20, 3), np.uint8)
    pictures = [image for _, image in data.free_photos(tiny, 0, 64)]
    assert len(pictures) == 37
    assert all(image.shape == (64, 64, 3) and image.dtype == np.uint8 for image in pictures)  # the tiny painting is none of them
    assert float(np.median([image.std() for image in pictures])) > 20
    assert not any(np.array_equal(pictures[0], other) for other in pictures[1:])


# Training -------------------------------------------------------------------------------------------------------------


def test_twenty_steps_lower_the_loss(train: Train) -> None:
    made = train(steps=20, every=20, cross=0, content_rate=0, batch=4, rate=5e-3)
    records = read_log(made.folder / "log.jsonl")
    assert [record["step"] for record in records] == [10, 20]
    totals: list[float] = []

    def keep(progress: Progress) -> None:
        if progress.stage == "training" and progress.losses:
            totals.append(progress.losses["total"])

    train("again", steps=20, every=20, cross=0, content_rate=0, batch=4, rate=5e-3, report=keep)
    assert totals[-1] < 0.9 * totals[0]
    assert made.finished
    assert made.losses["total"] == pytest.approx(totals[-1])


@pytest.mark.parametrize(
    "how",
    [{"cross": 0.5, "norm": "batch"}, {"reader": True, "seen": True, "cross": 0.3, "paintings": True}],
    ids=["table", "reader"],
)
def test_a_training_that_was_stopped_goes_on_bit_for_bit(train: Train, folders: dict[str, Path], how: dict[str, Any]) -> None:
    how = {**how, **({"paintings": folders["paintings"]} if "paintings" in how else {})}
    whole = train("whole", **how)
    stopped = train("broken", report=StopsAt(3), **how)
    assert (stopped.finished, stopped.steps) == (False, 3)
    assert not same(stopped, whole)
    report = StopsAt(-1)
    again = train("broken", report=report, **how)
    assert (again.finished, again.steps) == (True, 4)
    assert any("going on from step 3" in note for note in report.notes)
    assert same(again, whole)
    assert again.digest == whole.digest
    wholes, agains = (torch.load(each.folder / "checkpoint.pt", weights_only=True)["state"] for each in (whole, again))
    assert torch.equal(wholes["weight"], agains["weight"])
    assert wholes["running"] == agains["running"]
    assert same(train("broken", **how), whole)  # nothing is left to do


def test_the_log_has_every_step_once_although_the_training_was_killed(train: Train) -> None:
    made = train(steps=10, every=10, cross=0)
    log = made.folder / "log.jsonl"
    log.write_text(log.read_text() + '{"step": 30, "total": 1.0}\n{"step": 40, "to')
    train(steps=20, every=10, cross=0)
    assert [record["step"] for record in read_log(log)] == [10, 20]


def test_a_checkpoint_that_could_not_be_written_leaves_the_old_one(train: Train, monkeypatch: pytest.MonkeyPatch) -> None:
    made = train(steps=2)
    before = (made.folder / "checkpoint.pt").read_bytes()

    def pulled_plug(state: Any, file: Any) -> None:
        file.write(b"half of it")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(torch, "save", pulled_plug)
        with pytest.raises(KeyboardInterrupt):
            train(steps=4)
    assert (made.folder / "checkpoint.pt").read_bytes() == before
    assert not list(made.folder.glob(".*"))
    assert train(steps=4).steps == 4


def test_stopping_leaves_a_network_that_paints(train: Train, monkeypatch: pytest.MonkeyPatch, picture: Callable[..., Image]) -> None:
    made = train(report=StopsAt(1))
    assert not made.finished
    assert {path.name for path in made.folder.iterdir()} == {
        "checkpoint.pt", "network.safetensors", "plain", "samples", "styles.onnx", "styles.safetensors"
    }  # fmt: skip
    sheet = PIL_Image.open(made.folder / "samples" / "0000001.png")
    assert sheet.size == (3 * 32, 4 * 32)  # photo and two styles; four photos
    plain = InstantSettings(model=str(made.folder / "plain" / "waves.onnx"), backend="onnxruntime")
    assert called(open_foreign(plain, "cpu"))(picture(40, 30)).size == (40, 30)
    use(monkeypatch, made.folder)
    assert [entry.name for entry in catalogue.every()] == ["stripes", "waves"]
    painted = called(InstantEngine([Sample(catalogue.shipped()["waves"])], InstantSettings(backend="onnxruntime"), "cpu"))(picture(40, 30))
    assert painted.size == (40, 30)
    assert np.isfinite(painted.pixels).all()


def test_losses_may_see_through_another_network_than_the_reader_does(train: Train, folders: dict[str, Path], tmp_path: Path) -> None:
    tensors = safetensors.torch.load_file(find("pocket"))
    with safetensors.safe_open(find("pocket"), "pt") as file:
        metadata = file.metadata()
    settings: dict[str, Any] = {"reader": True, "seen": True, "steps": 2, "paintings": folders["paintings"], "cross": 0.5}
    plain = train("plain", **settings)
    safetensors.torch.save_file(tensors, tmp_path / "same.safetensors", metadata)
    assert same(train("same", features=str(tmp_path / "same.safetensors"), **settings), plain)
    blind = {**tensors, "conv1_1.scale": tensors["conv1_1.scale"] * 1.5}
    safetensors.torch.save_file(blind, tmp_path / "other.safetensors", metadata)
    other = train("other", features=str(tmp_path / "other.safetensors"), **settings)
    assert not same(other, plain)


def test_a_reader_paints_with_any_painting(
    train: Train, folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch, picture: Callable[..., Image]
) -> None:
    made = train(reader=True, seen=True, steps=2, paintings=folders["paintings"])
    use(monkeypatch, made.folder)
    painted = called(InstantEngine([Sample(picture(40, 40, 9))], InstantSettings(backend="onnxruntime"), "cpu"))(picture(40, 30))
    assert painted.size == (40, 30)


def use(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Have the engine paint with the networks of a folder."""
    monkeypatch.setattr(catalogue, "models_folder", lambda: folder)
    monkeypatch.setattr("atelier.engines.network.engine.models_folder", lambda: folder)
    monkeypatch.setattr("atelier.training.styles.models_folder", lambda: folder)
    monkeypatch.setattr("atelier.training.network.models_folder", lambda: folder)
    monkeypatch.setenv("ATELIER_STYLES", str(folder / "own"))
    catalogue.shipped.cache_clear()
    catalogue.left_as_it_is.cache_clear()


@pytest.fixture(autouse=True)
def forget() -> Any:
    yield
    catalogue.shipped.cache_clear()
    catalogue.left_as_it_is.cache_clear()


def test_the_content_weight_moves_until_the_content_error_is_the_one_asked_for(train: Train) -> None:
    low, high = (train(str(goal), content=goal, content_rate=0.2, cross=0, steps=6, every=6) for goal in (0.05, 2.0))
    assert low.losses["weight"] > TrainSettings().content_weight > high.losses["weight"]
    still = train("still", content_rate=0, cross=0, steps=6, every=6)
    assert still.losses["weight"] == pytest.approx(TrainSettings().content_weight)
    both = {"content": 2.0, "content_rate": 0.2, "cross": 0, "steps": 6, "every": 6}
    assert high.losses["weight"] < train("one", contents="waves=0.05", **both).losses["weight"] < low.losses["weight"]


@pytest.mark.parametrize("reader", [False, True])
def test_a_batch_may_be_one_large_picture_of_one_style(train: Train, monkeypatch: pytest.MonkeyPatch, reader: bool) -> None:
    seen: dict[str, list[int]] = {}
    rows: list[list[int]] = []
    photos: list[list[int]] = []
    blocks: list[list[set[int]]] = []
    each = 5  # crops of each of the three photos
    real = loop.Trainer.paint

    def paint(self: loop.Trainer, painter: Any, x: torch.Tensor, looks: Any, wanted: Any, *rest: Any) -> torch.Tensor:
        rows.append([id(look) for look in wanted])
        photos.append([id(look) for look in looks])
        blocks.append([{id(self.lessons.photos.look(i + j)) for j in range(each)} for i in range(0, len(self.lessons.photos), each)])
        return real(self, painter, x, looks, wanted, *rest)

    def error(grams: dict[str, torch.Tensor], targets: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        for name in grams:
            seen.setdefault(name, []).append(len(grams[name]))
            assert grams[name].shape == targets[name].shape
        return objective.layer_errors(grams, targets)

    monkeypatch.setattr(loop.Trainer, "paint", paint)
    monkeypatch.setattr(loop, "layer_errors", error)
    train(together=True, reader=reader, batch=3, photo_crops=3 * each, cross=0, steps=6, every=6)
    painted = rows[:6]
    assert all(len(set(row)) == 1 for row in painted)
    assert len({row[0] for row in painted}) > 1
    assert all(count == [1] * 6 for count in seen.values())
    for crops, block in zip(photos[:6], blocks, strict=False):
        assert len(set(crops)) == 3
        assert any(set(crops) <= one for one in block)
    assert len({crop for crops in photos[:6] for crop in crops}) > 9  # all of a photo's crops are used, not its first three alone


@pytest.mark.parametrize("changed", [
    {"contents": "waves"}, {"contents": "waves=much"}, {"contents": "waves=3"}, {"contents": "sand=0.5"},
    {"contents": "waves=0.5", "reader": True},
])  # fmt: skip
def test_content_of_one_style_is_a_style_and_a_number(train: Train, changed: dict[str, Any]) -> None:
    with pytest.raises(SettingError, match=r"`?contents`?"):
        train(**changed)


@pytest.mark.parametrize(
    "changed",
    [
        {"output": "tanh"}, {"output": "linear"}, {"norm": "batch"}, {"tv": 5.0}, {"cross": 0.9}, {"content_weight": 3.0}, {"rate": 1e-3},
        {"table_rate": 0.0}, {"warmup": 50}, {"decay": 1.0}, {"style_size": 96}, {"precision": "bfloat16"}, {"seed": 1},
        {"hold_out": "waves"}, {"together": True}, {"whole": 1.0}, {"calm": 1.0}, {"fine_blocks": 1},
    ],
    ids=lambda changed: "-".join(map(str, *changed.items())),
)  # fmt: skip
def test_each_option_changes_what_is_learned(train: Train, changed: dict[str, Any]) -> None:
    plain = train("plain", steps=3, every=3)
    other = train("other", steps=3, every=3, **changed)
    assert not same(plain, other)
    if changed == {"table_rate": 0.0}:
        assert torch.equal(other.weights["table.weight"], train("none", steps=1, table_rate=0.0).weights["table.weight"])
    if changed == {"norm": "batch"}:
        assert float((other.weights["painter.variance_stem"] - 1).abs().max()) > 1e-4
    if changed == {"hold_out": "waves"}:
        assert len(other.weights["table.weight"]) == len(plain.weights["table.weight"]) - 1


def test_a_body_can_be_kept_as_it_is(train: Train) -> None:
    first = train("first", steps=2)
    second = train("second", steps=2, start=str(first.folder), freeze_body=True, seed=5)
    for name, value in second.weights.items():
        if name.startswith("painter."):
            assert torch.equal(value, first.weights[name].half().float()), name
    assert not torch.equal(second.weights["table.weight"], first.weights["table.weight"].half().float())


def test_a_table_begins_with_what_the_reader_reads(train: Train) -> None:
    first = train("first", reader=True, steps=1)
    second = train("second", steps=1, start=str(first.folder), rate=1e-8)
    rows = second.weights["table.weight"]
    assert torch.allclose(rows[-1], rows[:-1].mean(0), atol=1e-5)
    assert not torch.allclose(rows[0], rows[1])


def test_time_that_is_given_settles_the_steps(train: Train, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(10**6))
    monkeypatch.setattr(loop.time, "perf_counter", lambda: float(next(clock)))  # a second a step
    made = train(steps=1000, every=1000, seconds=60.0, cross=0)
    assert (made.steps, made.finished) == (60, True)


def test_one_color_and_a_tiny_painting_are_learned_from(train: Train, tmp_path: Path) -> None:
    for name in ("flat", "dots"):
        (tmp_path / name).mkdir()
    PIL_Image.new("RGB", (64, 64), (200, 30, 30)).save(tmp_path / "flat" / "red.png")
    PIL_Image.new("RGB", (40, 40)).save(tmp_path / "flat" / "black.png")
    PIL_Image.effect_noise((20, 20), 80).convert("RGB").save(tmp_path / "dots" / "dots.png")
    for how in ({"photos": tmp_path / "flat"}, {"styles": tmp_path / "flat"}, {"styles": tmp_path / "dots"}):
        for reader in ({}, {"reader": True, "seen": True}):
            made = train(f"{next(iter(how))}{len(reader)}{next(iter(how.values())).name}", steps=3, **how, **reader)
            assert made.finished
            assert all(torch.isfinite(value).all() for value in made.weights.values())


def test_numbers_that_go_wrong_are_left_out_and_in_the_end_said(train: Train, monkeypatch: pytest.MonkeyPatch) -> None:
    real = loop.balance
    calls: list[int] = []

    def sometimes(*given: Any) -> torch.Tensor:
        calls.append(1)
        return real(*given) * (float("nan") if len(calls) == 2 else 1.0)

    monkeypatch.setattr(loop, "balance", sometimes)
    made = train(steps=4, cross=0)
    assert all(torch.isfinite(value).all() for value in made.weights.values())
    monkeypatch.setattr(loop, "balance", lambda *given: real(*given) * float("nan"))
    with pytest.raises(Diverged, match=r"`?rate`?"):
        train("lost", steps=100, cross=0)


def test_what_makes_no_sense_is_refused(train: Train, folders: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no folder"):
        train(photos=tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(SourceError, match="no pictures"):
        train(photos=tmp_path / "empty")
    (tmp_path / "empty" / "text.png").write_text("no picture")
    with pytest.raises(SourceError, match="not one of the 1 photos"):
        train(photos=tmp_path / "empty")
    with pytest.raises(SettingError, match=r"give `?styles`?"):
        train(styles=None)
    with pytest.raises(SettingError, match="nothing to learn from"):
        train(styles=None, reader=True)
    with pytest.raises(SettingError, match=r"`?paintings`?"):
        train(paintings=folders["paintings"])
    with pytest.raises(SettingError, match="multiple of 16"):
        train(crop=40)
    with pytest.raises(SettingError, match=r"`?start`?"):
        train(freeze_body=True)
    with pytest.raises(SettingError, match=r"`?hold_out`? nobody"):
        train(hold_out="nobody")
    with pytest.raises(SettingError, match=r"`?device`?"):
        train_network(folders["photos"], tmp_path / "x", folders["styles"], settings=TrainSettings(**TINY), device="cuda")
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be a folder"):
        train("file")
    with pytest.raises(WeightsError, match="cannot be read"):
        train(start=str(tmp_path / "empty" / "text.png"))


def test_a_training_goes_on_as_it_was_begun_or_not_at_all(train: Train, folders: dict[str, Path]) -> None:
    made = train(steps=1)
    with pytest.raises(SettingError, match=r"`?tv`? 2\.0, not 1"):
        train(steps=2, tv=1.0)
    with pytest.raises(SettingError, match=r"`?seed`? 0, not 3"):
        train(steps=2, seed=3)
    report = StopsAt(-1)
    train(steps=2, photos=folders["paintings"], report=report)
    assert any("not exactly" in note for note in report.notes)
    (made.folder / "checkpoint.pt").write_bytes(b"nothing")
    with pytest.raises(WeightsError, match="move it away"):
        train(steps=2)


# Several processes ----------------------------------------------------------------------------------------------------

RANK = """
import sys
from pathlib import Path
import torch
torch.set_num_threads(1)
from atelier.training.network import train_network
from atelier.training.settings import TrainSettings
made = train_network(Path(sys.argv[1]), Path(sys.argv[3]), Path(sys.argv[2]), settings=TrainSettings(**eval(sys.argv[4])), device="cpu")
print(made.digest, made.steps)
"""


def test_two_processes_train_one_network(folders: dict[str, Path], tmp_path: Path, train: Train) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    arguments = [str(folders["photos"]), str(folders["styles"]), str(tmp_path / "two"), repr({**TINY, "norm": "batch", "cross": 0.3})]
    common = {**os.environ, "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    running = [
        subprocess.Popen(
            [sys.executable, "-c", RANK, *arguments], env={**common, "RANK": str(i), "LOCAL_RANK": str(i)},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for i in range(2)
    ]  # fmt: skip
    said = [process.communicate(timeout=240) for process in running]
    assert [process.returncode for process in running] == [0, 0], said
    (first, second) = (out.split() for out, _ in said)
    assert first == second
    assert first[1] == "4"
    assert (tmp_path / "two" / "styles.onnx").exists()
    alone = train("alone", norm="batch", cross=0.3)
    assert alone.digest != first[0]  # the second process drew other pictures


# Files ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [{"output": "sigmoid"}, {"output": "tanh", "norm": "batch"}, {"output": "linear"}], ids=str)
def test_the_exported_network_paints_as_the_trained_one(train: Train, shape: dict[str, Any]) -> None:
    import onnxruntime

    made = train(**shape)
    tensors, about = kept.read_network(made.folder)
    plan = kept.plan_of(made.folder, about)
    painter = Painter(plan).eval()
    painter.load_state_dict({k.removeprefix("painter."): v.float() for k, v in tensors.items() if k.startswith("painter.")})
    rng = np.random.default_rng(0)
    photo, noise = rng.random((1, 3, 64, 48), np.float32), rng.standard_normal((1, plan.noise, 8, 6), np.float32)
    numbers = tensors["table.weight"][:1].float()
    with torch.no_grad():
        expected = painter(torch.from_numpy(photo), numbers, torch.from_numpy(noise)).clamp(0, 1).numpy()
    colors = np.eye(3, 4, dtype=np.float32)[None]
    session = onnxruntime.InferenceSession((made.folder / "styles.onnx").read_bytes(), providers=["CPUExecutionProvider"])
    cells = to_cells(photo[0].transpose(1, 2, 0))
    given = {"photo": cells, "noise": noise, "thumbnail": cells, "thumbnail_noise": noise, "numbers": numbers.numpy(), "colours": colors}
    unknown = {"known": np.zeros(1, np.float32), "statistics": np.zeros((1, plan.channels, 1, 2), np.float32)}
    painted, *_ = session.run(None, given | unknown)
    assert np.abs(from_cells(painted).transpose(2, 0, 1) - expected[0]).max() < 2e-3
    assert expected.std() > 0.01


@pytest.mark.parametrize("how", [{"wide": 8}, {"deep": 8}, {"wide": 8, "deep": 12}], ids=str)
def test_a_narrower_network_is_cut_out(train: Train, folders: dict[str, Path], tmp_path: Path, how: dict[str, int]) -> None:
    shape = {"norm": "batch", "blocks": 2, "deep_blocks": 2, "reader": True, "seen": True, "paintings": folders["paintings"], "steps": 1}
    made = train(**shape)
    before, after = compressed(made.folder, tmp_path / "small.safetensors", **how)
    assert after < before - 3000
    again = train("small", **{**shape, **how}, start=str(tmp_path / "small.safetensors"), rate=1e-8)
    cut, about = kept.read_network(tmp_path / "small.safetensors")
    assert json.loads(about["plan"]) == {**json.loads(kept.read_network(made.folder)[1]["plan"]), **how}
    for name, value in cut.items():
        if "mean_" not in name and "variance_" not in name:
            assert torch.allclose(again.weights[name], value.float(), atol=1e-6), name


def test_what_is_to_be_cut_must_be_less_than_there_is(train: Train, tmp_path: Path) -> None:
    made = train(steps=1)
    for how, words in (({"wide": 16}, "wide 16: the network has 16"), ({"wide": 8, "deep": 20}, "deep 20"), ({}, "`wide`, `deep` or")):
        with pytest.raises(SettingError, match=words):
            compressed(made.folder, tmp_path / "small.safetensors", **how)
    tensors, about = kept.read_network(made.folder)
    for plan in ("", "{}", json.dumps({**json.loads(about["plan"]), "more": 1})):
        safetensors.torch.save_file(tensors, tmp_path / "other.safetensors", {"plan": plan})
        with pytest.raises(WeightsError, match="does not say its plan"):
            compressed(tmp_path / "other.safetensors", tmp_path / "small.safetensors", 8)
    assert not (tmp_path / "small.safetensors").exists()


@pytest.mark.parametrize("how", [{"wide": 8}, {"deep": 8}, {"wide": 8, "deep": 8}], ids=str)
def test_cutting_away_channels_that_do_nothing_changes_nothing(train: Train, tmp_path: Path, how: dict[str, int]) -> None:
    """Half of the channels are made dead: nothing goes in or out of them, and no style has a number for them."""
    made = train(steps=3)
    tensors, about = kept.read_network(made.folder)
    plan = kept.plan_of(made.folder, about)
    dead, style = torch.arange(1, 16, 2), tensors["table.weight"]
    ends = {
        "wide": ({"down", "rise", "wide0a", "wide0b"}, {"below", "wide0a", "wide0b", "up"}),
        "deep": ({"below", "deep0a", "deep0b"}, {"rise", "deep0a", "deep0b"}),
    }
    for kind in how:
        for axis, names in enumerate(ends[kind]):
            for name in names:
                tensors[f"painter.convs.{name}.weight"].index_fill_(axis, dead, 0)
        at = 0
        for name, channels in plan.norms.items():
            if name in ends[kind][0]:
                style[:, plan.channels + at + dead] = 0
            at += channels
    if "wide" in how:
        tensors["painter.noise.weight"][dead] = 0
    else:
        style[:, 2 * plan.channels : -plan.gains].view(len(style), 4, plan.deep, plan.rank).normal_(
            generator=torch.Generator().manual_seed(0)
        )
    if "deep" in how:
        style[:, 2 * plan.channels : -plan.gains].view(len(style), 4, plan.deep, plan.rank)[:, :, dead] = 0
    safetensors.torch.save_file(tensors, tmp_path / "whole.safetensors", about)
    compressed(tmp_path / "whole.safetensors", tmp_path / "half.safetensors", **how)
    rng = np.random.default_rng(0)
    x, noise = (
        torch.from_numpy(rng.random((1, 3, 64, 64), np.float32)),
        torch.from_numpy(rng.standard_normal((1, Plan().noise, 8, 8), np.float32)),
    )
    pictures = []
    for file in ("whole", "half"):
        found, known = kept.read_network(tmp_path / f"{file}.safetensors")
        painter = Painter(kept.plan_of(tmp_path, known))
        painter.load_state_dict({k.removeprefix("painter."): v.float() for k, v in found.items() if k.startswith("painter.")})
        with torch.no_grad():
            pictures.append(painter(x, found["table.weight"][:1].float(), noise))
    assert pictures[0].std() > 0.01
    assert torch.allclose(*pictures, atol=2e-5)


# Beginning with what ships --------------------------------------------------------------------------------------------


def test_a_training_begins_with_the_pair_that_ships(train: Train, folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    how = {"reader": True, "seen": True, "paintings": folders["paintings"]}
    first = train("first", steps=2, **how)
    (first.folder / "network.safetensors").rename(first.folder / "elsewhere.safetensors")
    whole, _ = kept.read_network(first.folder / "elsewhere.safetensors")
    use(monkeypatch, first.folder)
    for start in ("shipped", str(first.folder)):
        second = train(f"from {Path(start).name}", steps=1, rate=1e-8, seed=3, start=start, **how)
        for name, value in second.weights.items():
            assert torch.allclose(value, whole[name].float(), atol=4e-3 if "looks" in name or value.numel() >= 2**16 else 1e-5), name
    (first.folder / "reader.onnx").unlink()
    with pytest.raises(WeightsError, match=r"reader\.onnx"):
        train("none", start="shipped", **how)


def test_a_table_begins_with_the_styles_that_ship(body: Path, train: Train, folders: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "styles").mkdir()
    for name in ("waves", "other"):
        (tmp_path / "styles" / f"{name}.png").write_bytes((folders["styles"] / "stripes.png").read_bytes())
    made = train(start="shipped", steps=1, rate=1e-8, table_rate=0.0, styles=tmp_path / "styles")
    known = catalogue.shipped()
    expected = [(known["waves"].code + known["stripes"].code) / 2, known["waves"].code, np.zeros_like(known["waves"].code)]
    np.testing.assert_allclose(made.weights["table.weight"].numpy(), np.stack(expected), atol=1e-5)
    weights, _ = read_painter((body / "styles.onnx").read_bytes())
    for name, value in weights.items():
        np.testing.assert_allclose(made.weights[f"painter.{name}"].numpy(), value, atol=1e-5, err_msg=name)
    with pytest.raises(WeightsError, match="none of its weights fit"):
        train("other", start="shipped", fine=8, wide=8, half=8, deep=8, blocks=0, deep_blocks=0)


# A style for the body that ships --------------------------------------------------------------------------------------


@pytest.fixture
def body(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, picture: Callable[..., Image]) -> Path:
    """A tiny random body that ships, with two styles."""
    folder = tmp_path / "models"
    folder.mkdir()
    plan = Plan(fine=16, wide=16, deep=16, half=16, blocks=1, deep_blocks=1, rank=2)
    torch.manual_seed(0)
    painter = Painter(plan)

    arrays = {name: value.numpy() for name, value in painter.state_dict().items()}
    (folder / "styles.onnx").write_bytes(painter_model(arrays, plan, {}, {}))
    rng = np.random.default_rng(0)
    tensors: dict[str, Any] = {"photo.numbers": np.zeros(plan.numbers, np.float16)}
    for seed, name in ((4, "waves"), (5, "stripes")):
        tensors[f"{name}.numbers"] = (rng.standard_normal(plan.numbers) * 0.1).astype(np.float16)
        tensors[f"{name}.colours"] = np.concatenate([np.full((1, 3), 0.5), np.eye(3) * 0.05]).astype(np.float32)
        tensors[f"{name}.swatch"] = np.frombuffer(encode(picture(48, 60, seed), "jpeg", quality=95), np.uint8)
    styles = json.dumps({name: {"title": name} for name in ("waves", "stripes")})
    safetensors.numpy.save_file(tensors, folder / "styles.safetensors", {"body": catalogue.BODY, "styles": styles})
    use(monkeypatch, folder)
    return folder


SHORT = StyleSettings(steps=6, seconds=0, crop=32, photo_crops=4, style_size=48)


def test_a_style_is_learned_and_found_by_name(
    body: Path, folders: dict[str, Path], tmp_path: Path, picture: Callable[..., Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "My Stripes.png"
    path.write_bytes(encode(picture(48, 60, 5), "png"))
    made = train_style(str(path), photos=folders["photos"], settings=SHORT, device="cpu")
    assert (made.name, made.began, made.finished, made.steps) == ("my-stripes", "stripes", True, 6)
    assert made.path == body / "own" / "my-stripes.safetensors"
    entry = catalogue.entry("my-stripes")
    assert entry is not None
    assert np.allclose(entry.colors.mean, picture(48, 60, 5).pixels.mean((0, 1)), atol=0.02)
    start = catalogue.shipped()["stripes"].code
    assert 0 < np.abs(entry.code - start).max() < 0.5
    painted = called(InstantEngine([Sample(entry)], InstantSettings(backend="onnxruntime"), "cpu"))(picture(40, 30))
    assert painted.size == (40, 30)
    again = train_style(str(path), out=tmp_path / "again.safetensors", photos=folders["photos"], settings=SHORT, device="cpu")
    first, second = (safetensors.numpy.load_file(each.path) for each in (made, again))
    assert all(np.array_equal(first[key], second[key]) for key in first)
    other = train_style(str(path), out=tmp_path / "other.safetensors", photos=folders["photos"], settings=SHORT, seed=1, device="cpu")
    assert not np.array_equal(safetensors.numpy.load_file(other.path)["my-stripes.numbers"], first["my-stripes.numbers"])


def test_a_style_needs_no_photos_and_is_kept_when_stopped(body: Path, tmp_path: Path, painting: Path) -> None:
    report = StopsAt(2)
    made = train_style(str(painting), "mine", tmp_path / "mine.safetensors", settings=SHORT, device="cpu", report=report)
    assert (made.finished, made.steps) == (False, 2)
    assert any("free photos" in note for note in report.notes)
    entry = catalogue.entry(str(tmp_path / "mine.safetensors"))
    assert entry is not None
    assert entry.name == "mine"
    assert PIL_Image.open(io.BytesIO(entry.swatch)).size == (36, 44)


def test_learning_a_style_comes_nearer_to_it(body: Path, folders: dict[str, Path], tmp_path: Path, painting: Path) -> None:
    losses: list[float] = []

    def keep(progress: Progress) -> None:
        if progress.losses:
            losses.append(progress.losses["style"])

    settings = StyleSettings(steps=70, seconds=0, crop=32, photo_crops=4, style_size=48, batch=4, rate=0.03, content=2.0, tv=0.05)
    train_style(str(painting), "near", tmp_path / "near.safetensors", folders["photos"], settings, 0, "cpu", keep)
    assert losses[-1] < 0.93 * losses[0]  # of a sum of square roots


def test_styles_that_cannot_be_are_refused(body: Path, folders: dict[str, Path], tmp_path: Path, painting: Path) -> None:
    for name, words in (("waves", "ships"), ("photo", "the photo itself"), ("a/b", "letters"), ("..", "letters")):
        with pytest.raises(SettingError, match=words):
            train_style(str(painting), name, settings=SHORT)
    with pytest.raises(SettingError, match="safetensors"):
        train_style(str(painting), out=tmp_path / "style.png", settings=SHORT)
    with pytest.raises(OutputError, match="no folder"):
        train_style(str(painting), out=painting / "style.safetensors", settings=SHORT)
    with pytest.raises(SourceError):
        train_style(str(tmp_path / "nothing.png"), settings=SHORT)
    (body / "styles.onnx").unlink()
    with pytest.raises(WeightsError, match="no body"):
        train_style(str(painting), settings=SHORT)


def test_the_command_trains_and_says_so(
    body: Path,
    folders: dict[str, Path],
    tmp_path: Path,
    painting: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import atelier.cli.training as face
    from atelier.cli import main

    small = [word for name, value in TINY.items() if name != "reader" for word in (f"--{name.replace('_', '-')}", str(value))]
    with pytest.raises(SystemExit) as end:
        words = ["--photos", str(folders["photos"]), "--styles", str(folders["styles"]), "--no-reader", "--device", "cpu"]
        main(["train", "network", *words, "-o", str(tmp_path / "net"), *small])
    assert not end.value.code
    assert "Trained: " in capsys.readouterr().err
    words = ["--steps", "2", "--seconds", "0", "--crop", "32", "--photo-crops", "4", "--style-size", "48", "--device", "cpu"]
    with pytest.raises(SystemExit) as end:
        main(["train", "style", str(painting), "--name", "mine", *words])
    assert not end.value.code
    assert "--style mine" in capsys.readouterr().err
    with pytest.raises(SystemExit) as end:
        main(["train", "compress", str(tmp_path / "net"), "--wide", "8", "-o", str(tmp_path / "small.safetensors")])
    assert not end.value.code
    assert "train network --start" in capsys.readouterr().err
    with pytest.raises(SystemExit) as end:
        main(["train", "network", "--photos", str(tmp_path / "nowhere"), "-o", str(tmp_path / "net2"), "--styles", str(folders["styles"])])
    assert end.value.code == 2
    assert "atelier: there is no folder" in capsys.readouterr().err
    monkeypatch.setattr(face.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"atelier\[train\]"):
        face.ready()


def test_live_curves_show_the_way() -> None:
    from rich.console import Console

    from atelier.cli.curves import POINTS, Curves, sparkline

    assert sparkline([0, 1, 2, 3, 4, 5, 6, 7]) == "▁▂▃▄▅▆▇█"
    assert sparkline([3.0, 3.0]) == "▁▁"
    curves = Curves()
    for step in range(1, 500):
        table = curves(Progress("training", step, 1000, {"total": 1 / step, "style": float(step)}))
    assert POINTS // 2 <= len(curves.points["style"].values) <= POINTS
    console = Console(width=120, record=True, file=io.StringIO())
    console.print(table)
    text = console.export_text()
    assert "499/1000" in text
    assert "style" in text
    assert "█" in text
