"""fogleman/primitive's procedure, written anew for comparison, compiled by Numba: the yardstick of draw.py.

Each shape: 16 climbs (shared between threads), each from the best of 1000 random shapes, moved by N(0, 16) px at one corner at a
time until 100 moves in a row fail; the best of the 16 is drawn at opacity 128/255 on an 8-bit canvas. As in the Go program the
colour is computed by a visit to every pixel of the shape, the error by another, and whole numbers are used throughout.
Triangles only, at a working size of 256 px: what the published timings are of.
"""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

ALPHA, CLIMBS, TRIES, AGE = 128, 16, 1000, 100
UINT8 = npt.NDArray[np.uint8]


@njit
def valid(t: Any) -> bool:
    """No angle under 15 degrees."""
    for i in range(3):
        ax, ay = t[2 * i], t[2 * i + 1]
        ux, uy = t[(2 * i + 2) % 6] - ax, t[(2 * i + 3) % 6] - ay
        vx, vy = t[(2 * i + 4) % 6] - ax, t[(2 * i + 5) % 6] - ay
        long = math.sqrt(float((ux * ux + uy * uy) * (vx * vx + vy * vy)))
        if long == 0 or (ux * vx + uy * vy) / long > math.cos(math.radians(15)):
            return False
    return True


@njit
def mutate(t: Any, width: int, height: int) -> None:
    while True:
        i = np.random.randint(3)
        t[2 * i] = min(max(t[2 * i] + int(np.random.normal() * 16), -16), width + 15)
        t[2 * i + 1] = min(max(t[2 * i + 1] + int(np.random.normal() * 16), -16), height + 15)
        if valid(t):
            return


@njit
def random(t: Any, width: int, height: int) -> None:
    t[0], t[1] = np.random.randint(width), np.random.randint(height)
    for i in (2, 4):
        t[i], t[i + 1] = t[0] + np.random.randint(31) - 15, t[1] + np.random.randint(31) - 15
    mutate(t, width, height)


@njit
def lines(t: Any, width: int, height: int, out: Any) -> int:
    """The rows of a triangle as [y, first, last], clipped."""
    top, bottom = min(t[1], t[3], t[5]), max(t[1], t[3], t[5])
    n = 0
    for y in range(max(top, 0), min(bottom + 1, height)):
        left, right = 1e9, -1e9
        for i in range(3):
            x0, y0, x1, y1 = t[2 * i], t[2 * i + 1], t[(2 * i + 2) % 6], t[(2 * i + 3) % 6]
            if min(y0, y1) <= y <= max(y0, y1):
                if y0 == y1:
                    left, right = min(left, x0, x1), max(right, x0, x1)
                else:
                    x = x0 + (y - y0) * (x1 - x0) / (y1 - y0)
                    left, right = min(left, x), max(right, x)
        a, b = max(int(left), 0), min(int(right), width - 1)
        if a <= b:
            out[n, 0], out[n, 1], out[n, 2] = y, a, b
            n += 1
    return n


@njit
def colour(target: Any, current: Any, runs: Any, count: int, out: Any) -> None:
    f = 0x101 * 255 // ALPHA
    r = g = b = n = 0
    for i in range(count):
        y = runs[i, 0]
        for x in range(runs[i, 1], runs[i, 2] + 1):
            r += (int(target[y, x, 0]) - int(current[y, x, 0])) * f + int(current[y, x, 0]) * 0x101
            g += (int(target[y, x, 1]) - int(current[y, x, 1])) * f + int(current[y, x, 1]) * 0x101
            b += (int(target[y, x, 2]) - int(current[y, x, 2])) * f + int(current[y, x, 2]) * 0x101
        n += runs[i, 2] - runs[i, 1] + 1
    if n:
        out[0], out[1], out[2] = min(max(r // n >> 8, 0), 255), min(max(g // n >> 8, 0), 255), min(max(b // n >> 8, 0), 255)


@njit
def drawn(before: Any, ink: Any) -> int:
    return (int(before) * (255 - ALPHA) + int(ink) * ALPHA + 127) // 255


@njit
def energy(target: Any, current: Any, error: int, runs: Any, count: int, ink: Any) -> float:
    """The score that the canvas would have: the change of error, visited pixel by pixel."""
    colour(target, current, runs, count, ink)
    total = error
    for i in range(count):
        y = runs[i, 0]
        for x in range(runs[i, 1], runs[i, 2] + 1):
            for c in range(3):
                t, now = int(target[y, x, c]), int(current[y, x, c])
                then = drawn(now, ink[c])
                total += (t - then) * (t - then) - (t - now) * (t - now)
    return math.sqrt(total / (target.shape[0] * target.shape[1] * 4)) / 255


@njit(nogil=True, cache=True)
def worker(target: Any, current: Any, error: int, climbs: int, tries: int, age: int, seed: int, best: Any) -> float:
    """The best of some climbs; `best` is filled with the triangle."""
    np.random.seed(seed)
    height, width = target.shape[:2]
    runs, ink = np.empty((height, 3), np.int64), np.empty(3, np.int64)
    trial, state = np.empty(6, np.int64), np.empty(6, np.int64)
    found = np.inf
    for _ in range(climbs):
        score = np.inf
        for _ in range(tries):
            random(trial, width, height)
            e = energy(target, current, error, runs, lines(trial, width, height, runs), ink)
            if e < score:
                score = e
                state[:] = trial
        misses = 0
        while misses < age:
            trial[:] = state
            mutate(trial, width, height)
            e = energy(target, current, error, runs, lines(trial, width, height, runs), ink)
            if e < score:
                score = e
                state[:] = trial
                misses = 0
            else:
                misses += 1
        if score < found:
            found = score
            best[:] = state
    return found


@njit(nogil=True, cache=True)
def add(target: Any, current: Any, triangle: Any) -> int:
    """Draw a triangle; the canvas's error after it."""
    height, width = target.shape[:2]
    runs, ink = np.empty((height, 3), np.int64), np.empty(3, np.int64)
    count = lines(triangle, width, height, runs)
    colour(target, current, runs, count, ink)
    for i in range(count):
        for x in range(runs[i, 1], runs[i, 2] + 1):
            for c in range(3):
                current[runs[i, 0], x, c] = drawn(current[runs[i, 0], x, c], ink[c])
    return squared(target, current)


@njit(nogil=True, cache=True)
def squared(target: Any, current: Any) -> int:
    total = 0
    for y in range(target.shape[0]):
        for x in range(target.shape[1]):
            for c in range(3):
                d = int(target[y, x, c]) - int(current[y, x, c])
                total += d * d
    return total


class Primitive:
    """The Go program's model: a photo (H, W, 3) uint8 of the working size, and triangles one by one."""

    def __init__(self, target: UINT8, threads: int, seed: int = 0, climbs: int = CLIMBS, tries: int = TRIES, age: int = AGE) -> None:
        self.target, self.threads, self.seed = target, threads, seed
        self.effort = -(-climbs // threads), tries, age
        mean = target.reshape(-1, 3).mean(0).astype(np.uint8)
        self.current = np.broadcast_to(mean, target.shape).copy()
        self.error = squared(target, self.current)
        self.count = 0

    @property
    def score(self) -> float:
        return math.sqrt(self.error / (self.target.shape[0] * self.target.shape[1] * 4)) / 255

    def step(self, pool: ThreadPoolExecutor) -> None:
        """One shape more."""
        states = [np.empty(6, np.int64) for _ in range(self.threads)]

        def search(i: int) -> float:
            return float(worker(self.target, self.current, self.error, *self.effort, self.seed + 7919 * (self.count * 64 + i), states[i]))

        scores = list(pool.map(search, range(self.threads)))
        self.error = add(self.target, self.current, states[int(np.argmin(scores))])
        self.count += 1
