"""Finding a good state by trying and by small changes. Knows no images: only a task, and functions that act on a state.

A state is a vector of floats. `random(state, task)` fills it with a fresh one, `mutate(state, task, step)` changes it a little, and
`energy(state, task, stride)` says how bad it is: lower is better, and a stride above 1 may be a cheaper estimate. After
fogleman/primitive's HillClimb, whose moves are of one size; here they are of all sizes, so that the last ones are small.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

CLIMB, ANNEAL = 0, 1
SMALLEST_STEP, LARGEST_STEP = 0.05, 1.5
"""Of a move, relative to the task's own step; each move draws its size between them, logarithmically."""


@njit(inline="always")
def search(random, mutate, energy, task, how, tries, stride, age, seed, state):  # type: ignore[no-untyped-def]
    """Improve `state` in place and return its energy.

    tries: fresh states of which the best, by the estimate at `stride`, is the start (0: start from the given state).
    age: moves in a row without success after which a climb gives up; an annealing makes 8·age moves in all.
    """
    np.random.seed(seed)
    trial = np.empty_like(state)
    if tries > 0:
        best = np.inf
        for _ in range(tries):
            random(trial, task)
            found = energy(trial, task, stride)
            if found < best:
                best = found
                state[:] = trial
        if best == np.inf:
            return best
    best = energy(state, task, 1)
    if how == ANNEAL:
        return anneal(mutate, energy, task, 8 * age, best, state)
    misses = 0
    while misses < age:
        trial[:] = state
        mutate(trial, task, SMALLEST_STEP * (LARGEST_STEP / SMALLEST_STEP) ** np.random.random())
        found = energy(trial, task, 1)
        if found < best:
            best = found
            state[:] = trial
            misses = 0
        else:
            misses += 1
    return energy(state, task, 1)  # once more: a task may keep what it found out about the state looked at last


@njit(inline="always")
def anneal(mutate, energy, task, moves, began, state):  # type: ignore[no-untyped-def]
    """Simulated annealing (Kirkpatrick et al. 1983): a worse state is taken with probability exp(-worse / temperature).

    The temperature falls geometrically to a thousandth, from a twentieth of what the start is worth.
    """
    trial, now = np.empty_like(state), state.copy()
    best = current = began
    hot = 0.05 * abs(began) if math.isfinite(began) else 1.0
    for move in range(moves):
        temperature = hot * 1e-3 ** (move / moves)
        trial[:] = now
        mutate(trial, task, SMALLEST_STEP * (LARGEST_STEP / SMALLEST_STEP) ** np.random.random())
        found = energy(trial, task, 1)
        if found < current or np.random.random() < math.exp((current - found) / max(temperature, 1e-30)):
            now[:] = trial
            current = found
            if found < best:
                best = found
                state[:] = trial
    return energy(state, task, 1)
