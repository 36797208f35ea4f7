"""The solver on problems whose answer is known."""

from __future__ import annotations

import io
import itertools
import math
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor

from atelier.engines.optimize.canvas import PixelCanvas, resized
from atelier.engines.optimize.descent import Accelerated, Adam, Plain
from atelier.engines.optimize.lbfgs import FIRST_STEP, LBFGS
from atelier.engines.optimize.pyramid import Pyramid
from atelier.engines.optimize.solver import PATIENCE, Evaluate, Solver

RATES = {"adam": 0.05, "lbfgs": 1.0, "sgd": 0.2}


def rand(seed: int, *shape: int) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


TARGET = 0.2 + 0.6 * rand(0, 1, 3, 5, 4)
STEEPNESS = 0.5 + 4 * rand(1, 1, 3, 5, 4)


def bowl(pixels: Tensor) -> tuple[Tensor, dict[str, float]]:
    """A quadratic with its minimum at TARGET."""
    difference = pixels.detach() - TARGET
    return STEEPNESS * difference, {"total": float(0.5 * (STEEPNESS * difference.square()).sum())}


def solver(optimizer: str, evaluate: Evaluate = bowl, average: float = 0.0, rate: float | None = None) -> Solver:
    return Solver(PixelCanvas(torch.full((1, 3, 5, 4), 0.5)), evaluate, optimizer, RATES[optimizer] if rate is None else rate, average)


def going_wrong(wrong: Callable[[int], bool], what: str = "loss") -> Evaluate:
    """The bowl, but not finite at those calls (counted from 1) that `wrong` picks."""
    calls = 0

    def evaluate(pixels: Tensor) -> tuple[Tensor, dict[str, float]]:
        nonlocal calls
        calls += 1
        gradient, losses = bowl(pixels)
        if wrong(calls):
            return (gradient, {"total": math.nan}) if what == "loss" else (gradient / 0, losses)
        return gradient, losses

    return evaluate


def pixels(s: Solver) -> Tensor:
    return s.canvas.image().detach()


@pytest.mark.parametrize("optimizer", RATES)
def test_the_bottom_is_found(optimizer: str) -> None:
    s = solver(optimizer)
    losses = [s.step()["total"] for _ in range(120)]
    assert losses == s.trace
    assert s.steps == 120
    assert losses[-1] < 1e-3 * losses[0]
    s.settle()
    assert torch.allclose(pixels(s), TARGET, atol=0.01)


@pytest.mark.parametrize("optimizer", RATES)
def test_a_steps_losses_are_those_of_the_picture_it_started_from(optimizer: str) -> None:
    s = solver(optimizer)
    for _ in range(3):
        _, before = bowl(pixels(s))
        assert s.step() == before


@pytest.mark.parametrize("factor", [1e-6, 1e6])
@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
def test_the_units_of_the_loss_do_not_matter(optimizer: str, factor: float) -> None:
    def scaled(pixels: Tensor) -> tuple[Tensor, dict[str, float]]:
        gradient, losses = bowl(pixels)
        return gradient * factor, {"total": losses["total"] * factor}

    a, b = solver(optimizer), solver(optimizer, scaled)
    for _ in range(15):
        a.step()
        b.step()
    assert torch.allclose(pixels(a), pixels(b), atol=1e-4)


@pytest.mark.parametrize("rate", [0.5, 1.0, 7.0])
def test_the_first_step_of_lbfgs_is_a_small_share_of_the_range(rate: float) -> None:
    s = solver("lbfgs", rate=rate)
    before = pixels(s).clone()
    s.step()
    assert float((pixels(s) - before).abs().mean()) == pytest.approx(FIRST_STEP * min(1.0, rate), rel=1e-3)


def test_pixels_stay_in_range() -> None:
    def outwards(pixels: Tensor) -> tuple[Tensor, dict[str, float]]:
        return torch.full_like(pixels, -1.0), {"total": -float(pixels.detach().sum())}

    s = solver("sgd", outwards)
    for _ in range(9):
        s.step()
        assert float(pixels(s).max()) <= 1
    assert torch.equal(pixels(s), torch.ones(1, 3, 5, 4))


@pytest.mark.parametrize("what", ["loss", "gradient"])
@pytest.mark.parametrize("optimizer", RATES)
def test_one_bad_step_is_undone(optimizer: str, what: str) -> None:
    s = solver(optimizer, going_wrong(lambda call: call == 4, what))
    for _ in range(3):
        s.step()
    good = s.trace[-1]
    assert math.isnan(s.step()["total"])
    assert s.undone
    assert torch.equal(pixels(s), s.best[0])
    assert bowl(pixels(s))[1]["total"] == good  # the lowest there was
    assert s.rate == RATES[optimizer] / 2
    assert not s.stuck
    assert s.steps == 3
    assert s.step()["total"] == pytest.approx(good)
    for _ in range(250):
        s.step()
    assert s.trace[-1] < 0.01 * s.trace[0]


@pytest.mark.parametrize("optimizer", RATES)
def test_three_bad_steps_in_a_row_end_at_the_last_good_picture(optimizer: str) -> None:
    s = solver(optimizer, going_wrong(lambda call: call > 6))
    tried = 0
    while not s.stuck:
        s.step()
        tried += 1
    assert tried == 9
    s.settle()
    assert bowl(pixels(s))[1]["total"] == pytest.approx(s.trace[-1])


@pytest.mark.parametrize("average", [0.0, 0.8])
@pytest.mark.parametrize("optimizer", RATES)
def test_a_rate_that_is_too_large_is_halved_until_it_is_not(optimizer: str, average: float) -> None:
    s = solver(optimizer, average=average, rate=1e3)
    for _ in range(90):
        s.step()
    assert s.rate < 1e3
    s.settle()
    assert bowl(pixels(s))[1]["total"] < 0.5 * s.trace[0]


def test_a_bump_is_let_pass_and_what_stays_high_is_not() -> None:
    def raised(calls: range) -> tuple[Solver, list[bool]]:
        count = 0

        def evaluate(pixels: Tensor) -> tuple[Tensor, dict[str, float]]:
            nonlocal count
            count += 1
            gradient, losses = bowl(pixels)
            return gradient, {"total": losses["total"] + 100 * (count in calls)}

        s = solver("adam", evaluate)
        return s, [(s.step(), s.undone)[1] for _ in range(14)]

    s, undone = raised(range(3, 3 + PATIENCE))
    assert not any(undone)
    assert s.rate == RATES["adam"]
    s, undone = raised(range(3, 4 + PATIENCE))
    assert [i for i, back in enumerate(undone, 1) if back] == [3 + PATIENCE]
    assert s.rate == RATES["adam"] / 2
    s, undone = raised(range(3, 9 + PATIENCE))  # known to be too much, it is halved at once
    assert [i for i, back in enumerate(undone, 1) if back] == list(range(3 + PATIENCE, 9 + PATIENCE))


def test_the_result_is_the_best_where_the_last_was_worse() -> None:
    s = solver("sgd", rate=0.2)
    for _ in range(5):
        s.step()
    best = pixels(s).clone()
    s.step()  # looks at it
    with torch.no_grad():
        s.parameters[0].copy_(torch.rand(1, 3, 5, 4, generator=torch.Generator().manual_seed(5)))
    s.step()
    s.settle()
    assert torch.equal(pixels(s), best)


def test_bad_steps_apart_do_not_add_up() -> None:
    s = solver("adam", going_wrong(lambda call: call % 3 == 0))
    for _ in range(30):
        s.step()
    assert not s.stuck
    assert s.steps == 20


@pytest.mark.parametrize("optimizer", RATES)
def test_bad_from_the_start_is_stuck_at_once_and_moves_nothing(optimizer: str) -> None:
    s = solver(optimizer, going_wrong(lambda call: True))
    s.step()
    assert s.stuck
    assert s.steps == 0
    s.settle()
    assert torch.equal(pixels(s), torch.full((1, 3, 5, 4), 0.5))


def test_the_average_is_the_bias_corrected_one() -> None:
    s, decay = solver("adam", average=0.8), 0.8
    visited = []
    for _ in range(7):
        s.step()
        visited.append(pixels(s).clone())
    s.settle()
    weights = [(1 - decay) * decay ** (7 - 1 - i) / (1 - decay**7) for i in range(7)]
    assert sum(weights) == pytest.approx(1)
    assert torch.allclose(pixels(s), sum(w * p for w, p in zip(weights, visited, strict=True)), atol=1e-6)


def test_the_average_of_no_steps_is_the_beginning() -> None:
    s = solver("adam", average=0.9)
    s.settle()
    assert torch.equal(pixels(s), torch.full((1, 3, 5, 4), 0.5))


def test_converged() -> None:
    s = solver("sgd")
    for _ in range(20):
        s.step()
    assert not s.converged(1.0)  # too early to say
    s.step()
    assert s.converged(1.0)
    assert not s.converged(0.0)
    s.trace = [1.0] * 30
    assert s.converged(1e-6)
    s.trace = [2.0**-i for i in range(30)]
    assert not s.converged(0.9)
    s.trace = [1.0] * 20 + [1.5] * 10  # it got worse
    assert s.converged(0.01)
    s.trace = [-1.0] * 15 + [-1.2] * 15
    assert s.converged(0.01) is True
    s.trace = [-1.0] * 20 + [-1.2] * 10
    assert s.converged(0.1) is False


# Going on -------------------------------------------------------------------------------------------------------------


def through_a_file(state: object) -> dict[str, object]:
    buffer = io.BytesIO()
    torch.save(state, buffer)
    buffer.seek(0)
    return torch.load(buffer, weights_only=True)  # type: ignore[no-any-return]


@pytest.mark.parametrize("average", [0.0, 0.9])
@pytest.mark.parametrize("optimizer", RATES)
@pytest.mark.parametrize("wrong", [0, 3, 9])
def test_a_restored_solver_goes_on_bit_for_bit(optimizer: str, average: float, wrong: int) -> None:
    """With a bad step before the state is taken, after it, or never."""
    straight = solver(optimizer, going_wrong(lambda call: call == wrong), average)
    for _ in range(15):
        straight.step()
    first = solver(optimizer, going_wrong(lambda call: call == wrong), average)
    for _ in range(6):
        first.step()
    second = solver(optimizer, going_wrong(lambda call: call == wrong - 6), average)
    second.restore(through_a_file(first.state()))
    for _ in range(9):
        second.step()
    assert second.trace == straight.trace
    assert second.rate == straight.rate
    for s in (straight, second):
        s.settle()
    assert torch.equal(pixels(second), pixels(straight))
    assert all(torch.equal(a, b) for a, b in zip(second.best, straight.best, strict=True))


@pytest.mark.parametrize("optimizer", RATES)
@pytest.mark.parametrize("average", [0.0, 0.9])
def test_a_solver_gone_astray_is_restored_bit_for_bit(optimizer: str, average: float) -> None:
    straight = solver(optimizer, average=average, rate=300.0)
    states = []
    for _ in range(25):
        states.append(through_a_file(straight.state()))
        straight.step()
    assert straight.troubles
    straight.settle()
    for done in range(0, 25, 3):
        second = solver(optimizer, average=average, rate=300.0)
        second.restore(states[done])
        for _ in range(25 - done):
            second.step()
        assert second.trace == straight.trace
        second.settle()
        assert torch.equal(pixels(second), pixels(straight))


@pytest.mark.parametrize("optimizer", RATES)
def test_a_state_is_a_snapshot(optimizer: str) -> None:
    """What the solver does after its state was taken does not change it, nor what one restored from it does."""
    first = solver(optimizer, average=0.5)
    for _ in range(4):
        first.step()
    state = first.state()
    for _ in range(5):
        first.step()
    for _ in range(2):
        second = solver(optimizer, average=0.5)
        second.restore(state)
        for _ in range(5):
            second.step()
        assert torch.equal(pixels(second), pixels(first))
        assert second.trace == first.trace


# Canvas ---------------------------------------------------------------------------------------------------------------


def test_a_pixel_canvas_has_pixels_of_its_own() -> None:
    given = rand(3, 1, 3, 4, 4)
    before = given.clone()
    canvas = PixelCanvas(given)
    with torch.no_grad():
        canvas.parameters()[0].add_(5)
    canvas.project()
    assert torch.equal(given, before)
    assert torch.equal(canvas.image().detach(), torch.ones_like(given))


def test_resized_keeps_the_range_and_means() -> None:
    x = (rand(2, 1, 3, 40, 30) > 0.5).float()
    assert resized(x, (40, 30)) is x
    for size in ((20, 15), (80, 61), (7, 5)):
        y = resized(x, size)
        assert y.shape == (1, 3, *size)
        assert float(y.min()) >= 0
        assert float(y.max()) <= 1
        assert float(y.mean()) == pytest.approx(float(x.mean()), abs=0.03)


@pytest.mark.parametrize("optimizer", RATES)
def test_steps_are_those_of_torch(optimizer: str) -> None:
    """On a valley with a bend, whose curvature changes on the way."""

    def slope(x: Tensor) -> Tensor:
        a, b = x[::2], x[1::2]
        return torch.stack([-2 * (1 - a) - 4 * a * (b - a * a), 2 * (b - a * a)], 1).flatten()

    ours, theirs = rand(5, 40), rand(5, 40).requires_grad_()
    rate = {"adam": 0.05, "lbfgs": 0.9, "sgd": 0.02}[optimizer]
    match optimizer:
        case "adam":
            own, other = Adam(rate), torch.optim.Adam([theirs], lr=rate, betas=(0.9, 0.99))
        case "sgd":
            own, other = Plain(rate), torch.optim.SGD([theirs], lr=rate)
        case _:
            own = LBFGS(rate, 4)
            other = torch.optim.LBFGS([theirs], lr=FIRST_STEP * 40 * rate, max_iter=1, history_size=4, tolerance_grad=0, tolerance_change=0)
    for _ in range(25):
        own.step([ours], [slope(ours)])
        theirs.grad = slope(theirs.detach())
        other.step(lambda: 0.0)
        other.param_groups[0]["lr"] = rate
        torch.testing.assert_close(ours, theirs.detach(), rtol=1e-4, atol=1e-5)


# Gradient descent in closed form --------------------------------------------------------------------------------------


def steep(x: Tensor, bends: Tensor) -> tuple[Tensor, float]:
    """Gradient and value of ½ Σ bends x²."""
    return bends * x, float(0.5 * (bends * x.square()).sum())


def test_plain_descent_shrinks_each_value_by_its_own_factor() -> None:
    bends, x = torch.tensor([1.0, 3.0, 10.0], dtype=torch.float64), torch.tensor([5.0, -2.0, 1.0], dtype=torch.float64)
    start, descent = x.clone(), Plain(0.15)
    for _ in range(9):
        descent.step([x], [steep(x, bends)[0]])
    torch.testing.assert_close(x, start * (1 - 0.15 * bends) ** 9)


def test_nesterovs_step_is_its_recurrence_and_bends_the_rate_of_convergence() -> None:
    """On a quadratic each value has the recurrence x' = (1 - t b) y, y = x' + (k - 1)/(k + 2) (x' - x)."""
    bends = torch.logspace(-3, 0, 8, dtype=torch.float64)
    x, plain = torch.ones(8, dtype=torch.float64), torch.ones(8, dtype=torch.float64)
    one, other, y, before = Accelerated(1.0, nesterov=True, armijo=False), Plain(1.0), [1.0] * 8, [1.0] * 8
    for k in range(1, 200):
        one.step([x], [steep(x, bends)[0]])
        other.step([plain], [steep(plain, bends)[0]])
        for i, bend in enumerate(bends.tolist()):
            arrived = (1 - bend) * y[i]
            y[i], before[i] = arrived + (k - 1) / (k + 2) * (arrived - (before[i] if k > 1 else arrived)), arrived
    torch.testing.assert_close(x, torch.tensor(y, dtype=torch.float64))
    assert steep(torch.tensor(before), bends)[1] < 2 * float(bends.new_ones(8).square().sum()) / 200**2  # Nesterov's bound
    assert steep(plain, bends)[1] > 10 * steep(x, bends)[1]


@pytest.mark.parametrize("nesterov", [False, True])
@pytest.mark.parametrize("rate", [1e-3, 0.1, 1e3])
def test_armijos_rule_finds_a_length_from_any_and_every_step_it_takes_is_short_enough(rate: float, nesterov: bool) -> None:
    bends, x = torch.tensor([1.0, 4.0, 20.0], dtype=torch.float64), torch.tensor([5.0, -2.0, 1.0], dtype=torch.float64)
    descent, taken = Accelerated(rate, nesterov, armijo=True), 0
    known: tuple[Tensor, Tensor, float, bool] | None = None
    for _ in range(400):
        gradient, loss = steep(x, bends)
        at, tried = x.clone(), descent.tried
        descent.step([x], [gradient], loss)
        if tried is not None and descent.tried is not tried and (descent.tried is None or descent.tried[3]):
            taken += 1
            length = float((tried[0] - at).norm() / tried[1].norm())
            assert loss <= tried[2] - 1e-4 * length * float(tried[1].square().sum()) + 1e-12
            assert length < 2 / 1.0  # beyond it even the flattest direction would rise
        known = descent.tried
    assert taken > 50
    assert known is None or known[2] < 1e-6
    assert steep(x, bends)[1] < 1e-6


def test_a_step_that_was_too_long_goes_to_the_bottom_of_the_parabola() -> None:
    """Of one value that is exact: half the curvature's inverse and more is left of a step, never under a tenth."""
    x, descent = torch.tensor([1.0], dtype=torch.float64), Accelerated(0.8 * 4, False, armijo=True)
    for _ in range(2):
        descent.step([x], [x.clone()], float(0.5 * x.square()))
    torch.testing.assert_close(x, torch.zeros_like(x), atol=1e-12, rtol=0)


@pytest.mark.parametrize(("nesterov", "armijo"), [(True, False), (False, True), (True, True)])
def test_descent_with_momentum_or_search_is_restored_bit_for_bit(nesterov: bool, armijo: bool) -> None:
    def build() -> Solver:
        return Solver(PixelCanvas(torch.full((1, 3, 5, 4), 0.5)), bowl, "sgd", 0.1, nesterov=nesterov, armijo=armijo)

    straight, first, second = build(), build(), build()
    for _ in range(20):
        straight.step()
    for _ in range(7):
        first.step()
    second.restore(through_a_file(first.state()))
    for _ in range(13):
        second.step()
    assert second.trace == straight.trace
    assert torch.equal(pixels(second), pixels(straight))
    assert straight.trace[-1] < 0.05 * straight.trace[0]


def dense(pyramid: Pyramid, count: int) -> Tensor:
    """Its matrix (count, count)."""
    rows = torch.eye(count)
    for row in rows:
        pyramid.apply(row)
    return rows


@pytest.mark.parametrize("size", [(16, 24), (13, 9), (3, 40), (1, 1)])
def test_the_guess_is_symmetric_and_positive(size: tuple[int, int]) -> None:
    """Else L-BFGS has no direction downhill."""
    pyramid, count = Pyramid(size), size[0] * size[1]
    matrix = dense(pyramid, count)
    torch.testing.assert_close(matrix, matrix.T)
    assert float(torch.linalg.eigvalsh(matrix).min()) > 0.999
    x = rand(8, 3 * count)
    moved = x.clone()
    pyramid.apply(moved)
    torch.testing.assert_close(moved.view(3, -1), x.view(3, -1) @ matrix)


def test_the_guess_moves_long_waves_further() -> None:
    x = (torch.arange(256) + 0.5) / 256 * math.pi
    gains = []
    for halves in (2, 8, 32, 240):
        wave = torch.cos(halves * x)[None] * torch.ones(256, 1)
        moved = wave.flatten().clone()
        Pyramid((256, 256)).apply(moved)
        gains.append(float(moved.dot(wave.flatten()) / wave.square().sum()))
    assert all(longer > 1.5 * shorter for longer, shorter in itertools.pairwise(gains[:3]))
    assert gains[0] > 10
    assert gains[-1] == pytest.approx(1, abs=0.02)


def test_the_guess_of_a_part_is_that_of_the_whole_there() -> None:
    part = torch.arange(12 * 10)[::3]
    matrix = dense(Pyramid((12, 10)), 120)
    torch.testing.assert_close(dense(Pyramid((12, 10), part), len(part)), matrix[part][:, part])


@pytest.mark.parametrize("rows", [32, 16])
def test_edges_are_solved_for_sooner_with_the_guess(rows: int) -> None:
    """The loss feels differences of neighbours, so that a picture's large forms come last. Of its rows the first are free."""
    target, part = resized(rand(9, 1, 3, 4, 4), (32, 32)), torch.arange(32 * rows)

    def edges(x: Tensor) -> tuple[Tensor, float]:
        d = (x - target).requires_grad_()
        loss = d.diff(dim=2).square().sum() + d.diff(dim=3).square().sum() + 1e-3 * d.square().sum()
        return torch.autograd.grad(loss, d)[0].view(3, -1)[:, part], float(loss.detach())

    def steps(guess: Pyramid | None) -> int:
        """Until a thousandth of the first loss is left of what can go."""
        x, descent, losses = torch.zeros(1, 3, 32, 32), LBFGS(1.0, 10, guess), []
        for _ in range(400):
            held = x.view(3, -1)[:, part]
            gradient, loss = edges(x)
            losses.append(loss)
            descent.step([held], [gradient])
            x.view(3, -1)[:, part] = held
        return next(n for n, loss in enumerate(losses) if loss - min(losses) < 1e-3 * (losses[0] - min(losses)))

    assert steps(Pyramid((32, 32), part if rows < 32 else None)) < 0.6 * steps(None)


@pytest.mark.parametrize("reach", [0.3, 1.0])
def test_the_bottom_is_found_where_it_is_out_of_bounds(reach: float) -> None:
    """A quadratic whose minimum is, for many of the pixels, under black or over white: the best there is has those at their bounds."""
    target = rand(7, 1, 3, 16, 16) * (1 + 2 * reach) - reach
    steepness = torch.linspace(0.01, 5, target.numel()).view_as(target)

    def bounded(pixels: Tensor) -> tuple[Tensor, dict[str, float]]:
        difference = pixels.detach() - target
        return steepness * difference, {"total": float(0.5 * (steepness * difference.square()).sum())}

    least = bounded(target.clamp(0, 1))[1]["total"]
    s = Solver(PixelCanvas(torch.full((1, 3, 16, 16), 0.5)), bounded, "lbfgs", 1.0)
    for _ in range(80):
        s.step()
    assert s.troubles == 0
    assert s.lowest - least < 1e-3 * (s.trace[0] - least)


@pytest.mark.parametrize("stretch", [2.0, 4.0])
def test_the_bottom_is_found_where_neighbors_are_bound(stretch: float) -> None:
    """Differences of neighbours, of a picture far out of bounds: what a pixel at its bound cannot do must not be asked of others."""
    target = (rand(11, 1, 3, 24, 24) - 0.5) * stretch + 0.5

    def coupled(pixels: Tensor) -> tuple[Tensor, dict[str, float]]:
        d = (pixels.detach() - target).requires_grad_()
        with torch.enable_grad():
            loss = d.diff(dim=2).square().sum() + d.diff(dim=3).square().sum() + 0.1 * d.square().sum()
        return torch.autograd.grad(loss, d)[0], {"total": float(loss.detach())}

    x = torch.full((1, 3, 24, 24), 0.5)
    for _ in range(3000):  # the least there is, by the projected gradient
        x = (x - 0.05 * coupled(x)[0]).clamp(0, 1)
    least = coupled(x)[1]["total"]
    s = Solver(PixelCanvas(torch.full((1, 3, 24, 24), 0.5)), coupled, "lbfgs", 1.0)
    for _ in range(60):
        s.step()
    assert s.trace[-1] - least < 1e-3 * (s.trace[0] - least)


@pytest.mark.parametrize("parts", [0, 2])
def test_where_all_is_at_its_bound_nothing_moves(parts: int) -> None:
    def brighter(pixels: Tensor) -> tuple[Tensor, dict[str, float]]:
        x = pixels.detach()
        return torch.full_like(x, -1.0), {"total": float(-x.sum()) + 100}

    canvas = PixelCanvas(torch.ones(1, 3, 5, 4))
    at = [canvas.under(pixels) for pixels in (torch.arange(10), torch.arange(10, 20))][:parts]
    s = Solver(canvas, brighter, "lbfgs", 1.0, 0.0, at)
    for _ in range(3):
        s.step()
    assert float(s.canvas.image().detach().min()) == 1.0


@pytest.mark.parametrize("share", [0.5, 0.95])
def test_the_first_step_is_as_long_for_what_may_move(share: float) -> None:
    start = torch.where(rand(12, 1, 1, 32, 32) < share, 1.0, 0.5).expand(1, 3, 32, 32)
    s = Solver(PixelCanvas(start), lambda x: (-torch.ones_like(x), {"total": 1.0}), "lbfgs", 1.0)
    s.step()
    moved = (s.canvas.image().detach() - start)[start < 1]
    assert float(moved.mean()) == pytest.approx(FIRST_STEP, rel=1e-3)


@pytest.mark.parametrize("optimizer", RATES)
def test_a_state_goes_to_the_device_of_the_canvas(optimizer: str) -> None:
    """Checkpoints are read onto the processor, whatever painted. The device without memory stands for the others."""
    known = solver(optimizer)
    for _ in range(3):
        known.step()
    away = Solver(PixelCanvas(torch.full((1, 3, 5, 4), 0.5, device="meta")), bowl, optimizer, RATES[optimizer])
    away.restore(known.state())
    found = list(tensors(away.descent.state()))
    assert [each.shape for each in found] == [each.shape for each in tensors(known.descent.state())]
    assert all(each.device.type == "meta" for each in found)
    assert bool(found) == (optimizer != "sgd")


def tensors(state: Any) -> Iterator[Tensor]:
    """All there are within a state."""
    if isinstance(state, Tensor):
        yield state
    elif isinstance(state, (dict, list, tuple)):
        for each in state.values() if isinstance(state, dict) else state:
            yield from tensors(each)


def test_painting_does_without_the_compiler() -> None:
    """Which building one of torch's optimisers loads."""
    code = """
import sys, torch
from atelier.engines.optimize.canvas import PixelCanvas
from atelier.engines.optimize.solver import Solver
for name in ("lbfgs", "adam", "sgd"):
    solver = Solver(PixelCanvas(torch.full((1, 3, 5, 4), 0.5)), lambda x: (x.detach(), {"total": float(x.square().sum()) / 2}), name, 0.1)
    for _ in range(3):
        solver.step()
print("torch._dynamo" in sys.modules or "sympy" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "False"
