"""The distillation at a tiny size: what it computes, that it goes on where it stopped, and that what it writes can be used."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch

from atelier.image import Image, encode
from atelier.perception.network import CONVS, Network, activations, normalize
from atelier.perception.record import verify
from atelier.perception.weights import load
from atelier.training.pocket import run, student
from atelier.training.pocket.losses import TAPS, distillation_loss
from atelier.training.pocket.pictures import Pictures, hard_cases
from atelier.training.pocket.pool import Pool
from atelier.training.pocket.run import Run, train
from atelier.training.pocket.student import convolutions, cut_from_teacher, normalize_teacher, pivots

TEACHER = (6, 6, 6, 6, 8, 8, 8, 8, 10, 10, 10, 10, 10)
STUDENT = dict(zip(CONVS, (3, 3, 4, 4, 4, 4, 4, 4, 5, 5, 5, 5, 5), strict=True))


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(student, "WIDTHS", STUDENT)


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory, make_net: Callable[..., Path]) -> Path:
    return make_net(tmp_path_factory.mktemp("net") / "teacher.safetensors", seed=5, widths=TEACHER)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory, picture: Callable[..., Image]) -> tuple[Path, Path]:
    out = []
    for name, seeds in (("photos", (1, 2, 3)), ("paintings", (4, 5))):
        folder = tmp_path_factory.mktemp(name)
        for seed in seeds:
            (folder / f"{seed}.png").write_bytes(encode(picture(90 + 10 * seed, 70, seed), "png"))
        (folder / "notes.txt").write_text("no picture")
        out.append(folder)
    return out[0], out[1]


@pytest.fixture
def arguments(teacher: Path, folders: tuple[Path, Path]) -> Callable[..., Run]:
    def build(out: Path, **changed: Any) -> Run:
        given = {"photos": folders[0], "paintings": folders[1], "teacher": teacher, "out": out, "grow": None, "steps": 4, "rate": 2e-3}
        given |= {"decay": 0.3, "every": 2, "seed": 0, "threads": 1, "device": "cpu", "bf16": False, **changed}
        return Run(**given)

    return build


def pictures(count: int = 3, size: int = 32) -> torch.Tensor:
    return torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(0))


def tensors(path: Path) -> dict[str, torch.Tensor]:
    return safetensors.torch.load_file(path)


# Pieces ---------------------------------------------------------------------------------------------------------------


def test_crops(folders: tuple[Path, Path]) -> None:
    photos = Pictures(folders[0], np.random.default_rng(0))
    assert len(photos.images) == 3
    x = photos.crops(5, 48)
    assert x.shape == (5, 3, 48, 48)
    assert 0 <= float(x.min()) < float(x.max()) <= 1
    assert torch.equal(x, Pictures(folders[0], np.random.default_rng(0)).crops(5, 48))
    hard = hard_cases(x, x.flip(0), np.random.default_rng(1))
    assert hard.shape == x.shape
    assert 0 <= float(hard.min()) < float(hard.max()) <= 1


def test_pivots_choose_what_the_others_do_not_explain() -> None:
    rng = np.random.default_rng(0)
    free = rng.standard_normal((3, 500))
    dependent = np.stack([free[0] * 0.5, free[0] + free[1], free[2] * 0.1, free[0] * 3, free[1] * 2])
    covariance = torch.from_numpy(dependent @ dependent.T)
    chosen = pivots(covariance, 3)
    assert chosen == sorted(chosen)
    assert np.linalg.matrix_rank(dependent[chosen]) == 3


def test_the_normalized_teacher_is_the_teacher_with_layers_of_unit_size(teacher: Path) -> None:
    x = pictures()
    network = Network.load(str(teacher), dtype=torch.float32)
    normal, scale = normalize_teacher(teacher, x, torch.float32, "cpu")
    ours = activations(normal, normalize(x) / scale, CONVS)
    for layer, f in activations(network.weights, normalize(x), CONVS).items():
        assert float(ours[layer].square().mean()) == pytest.approx(1, rel=1e-3)
        assert torch.allclose(ours[layer] * f.square().mean().sqrt(), f, rtol=1e-3, atol=1e-3 * float(f.max())), layer


def test_cutting_nothing_away_leaves_the_teacher(teacher: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(student, "WIDTHS", dict(zip(CONVS, TEACHER, strict=True)))
    x = pictures(6)
    normal, scale = normalize_teacher(teacher, x, torch.float32, "cpu")
    params = cut_from_teacher(normal, normalize(x) / scale, ridge=1e-5)
    seen = activations(convolutions(params, torch.float32), normalize(x) / scale, CONVS)
    _, numbers = distillation_loss(seen, activations(normal, normalize(x) / scale, CONVS), params)
    assert set(numbers) == set(TAPS)
    assert all(feature < 1e-2 and gram < 1e-2 for feature, gram in numbers.values())


def test_the_loss_is_that_of_the_features_it_never_forms(teacher: Path) -> None:
    """|QS - T|² / |T|² and |Gram(QS) - Gram(T)|² / |Gram(T)|², means over pictures."""
    x = pictures()
    normal, scale = normalize_teacher(teacher, x, torch.float32, "cpu")
    params = cut_from_teacher(normal, normalize(x) / scale)
    seen = activations(convolutions(params, torch.float32), normalize(x) / scale, CONVS)
    target = activations(normal, normalize(x) / scale, CONVS)
    _, numbers = distillation_loss(seen, target, params)
    for layer in TAPS:
        q = params[f"{layer}.head"].double()
        feature, gram = [], []
        for s, t in zip(seen[layer].double(), target[layer].double(), strict=True):
            qs, t = q @ s.flatten(1), t.flatten(1)
            feature.append(float((qs - t).square().sum() / t.square().sum()))
            gram.append(float((qs @ qs.T - t @ t.T).square().sum() / (t @ t.T).square().sum()))
        assert numbers[layer] == pytest.approx((np.mean(feature), np.mean(gram)), rel=1e-3, abs=1e-5)


def test_what_is_saved_is_what_was_learned(teacher: Path, tmp_path: Path) -> None:
    """But for the rounding to 8 bits; and the metric measures as the head does."""
    x = pictures()
    normal, scale = normalize_teacher(teacher, x, torch.float32, "cpu")
    params = cut_from_teacher(normal, normalize(x) / scale)
    run.save(tmp_path / "out.safetensors", params, scale, {"note": "hello"})
    network = Network.load(str(tmp_path / "out.safetensors"), dtype=torch.float32)
    ours = activations(network.weights, normalize(x), CONVS)
    for layer, f in activations(convolutions(params, torch.float32), normalize(x) / scale, CONVS).items():
        assert float((ours[layer] - f).norm() / f.norm()) < 0.06, layer
    assert set(network.metric) == set(TAPS)
    for layer, r in network.metric.items():
        q = params[f"{layer}.head"]
        assert torch.allclose(r.T @ r, q.T @ q, rtol=1e-2, atol=1e-2 * float((q.T @ q).abs().max()))
    assert load(tmp_path / "out.safetensors").metadata["note"] == "hello"
    assert verify(tmp_path / "out.safetensors").ok


# The whole ------------------------------------------------------------------------------------------------------------


def test_a_run_that_was_broken_off_goes_on_exactly(arguments: Callable[..., Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class SmallPool(Pool):
        """Of one group, so that four steps come back to what is being painted."""

        def __init__(self, groups: int, count: int, size: int) -> None:
            super().__init__(1, count, size)

    monkeypatch.setattr(run, "Pool", SmallPool)
    train(arguments(tmp_path / "whole"))
    whole = tensors(tmp_path / "whole" / "pocket.safetensors")

    save = run.save

    def pulled_plug(*given: Any) -> None:
        save(*given)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(run, "save", pulled_plug)
        with pytest.raises(KeyboardInterrupt):
            train(arguments(tmp_path / "broken"))
    assert load(tmp_path / "broken" / "pocket.safetensors").metadata["steps"] == "2"
    train(arguments(tmp_path / "broken"))

    loaded = load(tmp_path / "broken" / "pocket.safetensors")
    assert loaded.metadata["steps"] == "4"
    assert set(loaded.metrics) == set(TAPS)
    broken = tensors(tmp_path / "broken" / "pocket.safetensors")
    assert broken.keys() == whole.keys()
    for key, value in whole.items():
        assert torch.equal(broken[key], value), key

    records = [json.loads(line) for line in (tmp_path / "broken" / "log.jsonl").read_text().splitlines()]
    assert [record["step"] for record in records] == [1, 3]
    assert all(np.isfinite(record["loss"]) for record in records)
    assert not list((tmp_path / "broken").glob("*.part"))
    before = (tmp_path / "broken" / "pocket.safetensors").read_bytes()
    train(arguments(tmp_path / "broken"))  # nothing is left to do
    assert (tmp_path / "broken" / "pocket.safetensors").read_bytes() == before
