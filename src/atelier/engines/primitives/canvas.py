"""What a shape is worth, in closed form, from sums along rows.

The picture so far is c (premultiplied RGBA in [0, 1]), the photo t. A shape of opacity a and colour k turns each pixel it covers into
c(1-a) + ak; shapes above it, if any, let a share T of that through and add U. With e = t - U and d = Tc the squared error changes by

    2a Σ(e-d)·d + a² Σ d·d  -  2a k·Σ((e-d)T + a d T)  +  a² k·k Σ T²

which is least at k = Σ((e-d)T + a d T) / (a ΣT²), clamped. Everything in it is a sum over the covered pixels, so with running
sums along each row a run of pixels costs two look-ups however long it is. The opacity channel is an error term like a colour
whose k is 1. Pixels may have weights, which multiply their error. (fogleman/primitive visits every pixel, twice.)
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from atelier.engines.primitives.compiled import compiled

FOLDED, OPEN = 5, 9
"""Running sums kept a pixel: for one opacity known beforehand, or for any."""


class Task(NamedTuple):
    """All that a search for one shape needs to know; arrays are shared between threads and only read."""

    sums: np.ndarray  # (h, w + 1, FOLDED or OPEN) float32: running sums along each row of a window, the first of them 0
    top: int  # where the window begins; what reaches outside of it is worth nothing
    left: int
    opacities: np.ndarray  # (n,) candidates for a; one if sums are folded
    palette: np.ndarray  # (n, 3) colours that are allowed; none means all
    likely: np.ndarray  # (H, W + 1) float32: running sums of where shapes are wanted
    likely_rows: np.ndarray  # (H + 1,) float64: the same down the rows
    smallest: float  # sizes of fresh shapes, px
    largest: float
    step: float  # size of a move, px
    runs: np.ndarray  # (N, 3) int32: room for a shape's runs of pixels; each thread has its own
    color: np.ndarray  # (4,) the best colour and opacity of the shape looked at last; each thread has its own


@compiled
def running_sums(sums, target, below, through, above, weight, opacity, first, end):  # type: ignore[no-untyped-def]
    """Fill rows [first, end) of `sums`, (H, W + 1, n). target, below, above (U): (H, W, 4); through (T), weight: (H, W).

    opacity: folded into FOLDED sums; ignored for OPEN ones.
    """
    width = through.shape[1]
    folded = sums.shape[2] == FOLDED
    a = opacity
    for y in range(first, end):
        s0 = s1 = b0 = b1 = b2 = r0 = r1 = r2 = tt = 0.0
        for x in range(width):
            T, m = through[y, x], weight[y, x]
            cross = square = 0.0
            d0, d1, d2 = T * below[y, x, 0], T * below[y, x, 1], T * below[y, x, 2]
            e0 = target[y, x, 0] - above[y, x, 0] - d0
            e1 = target[y, x, 1] - above[y, x, 1] - d1
            e2 = target[y, x, 2] - above[y, x, 2] - d2
            cross = e0 * d0 + e1 * d1 + e2 * d2
            square = d0 * d0 + d1 * d1 + d2 * d2
            # the opacity channel: e - d + a(d - T), with k = 1
            q = T * below[y, x, 3]
            p = target[y, x, 3] - above[y, x, 3] - q
            cross += p * (q - T)
            square += (q - T) * (q - T)
            mt = m * T
            if folded:
                s0 += m * (2 * a * cross + a * a * square)
                b0 += mt * (e0 + a * d0)
                b1 += mt * (e1 + a * d1)
                b2 += mt * (e2 + a * d2)
                tt += mt * T
                sums[y, x + 1, 0], sums[y, x + 1, 1], sums[y, x + 1, 2], sums[y, x + 1, 3], sums[y, x + 1, 4] = s0, b0, b1, b2, tt
            else:
                s0 += m * cross
                s1 += m * square
                b0 += mt * e0
                b1 += mt * e1
                b2 += mt * e2
                r0 += mt * d0
                r1 += mt * d1
                r2 += mt * d2
                tt += mt * T
                sums[y, x + 1, 0], sums[y, x + 1, 1], sums[y, x + 1, 2], sums[y, x + 1, 3], sums[y, x + 1, 4] = s0, b0, b1, b2, tt
                sums[y, x + 1, 5], sums[y, x + 1, 6], sums[y, x + 1, 7], sums[y, x + 1, 8] = s1, r0, r1, r2


@compiled
def worth(count, task):  # type: ignore[no-untyped-def]
    """By how much a shape over the first `count` of task.runs changes the squared error (less is better).

    task.colour is filled with its best colour and opacity. Infinite where nothing is covered.
    """
    sums, runs, color = task.sums, task.runs, task.color
    high, wide = sums.shape[0], sums.shape[1]
    s0 = b0 = b1 = b2 = tt = s1 = r0 = r1 = r2 = 0.0
    folded = sums.shape[2] == FOLDED
    for i in range(count):
        y, p, q = runs[i, 0] - task.top, runs[i, 1] - task.left, runs[i, 2] - task.left
        if y < 0 or y >= high or p < 0 or q >= wide:
            return np.inf
        s0 += sums[y, q, 0] - sums[y, p, 0]
        b0 += sums[y, q, 1] - sums[y, p, 1]
        b1 += sums[y, q, 2] - sums[y, p, 2]
        b2 += sums[y, q, 3] - sums[y, p, 3]
        tt += sums[y, q, 4] - sums[y, p, 4]
        if not folded:
            s1 += sums[y, q, 5] - sums[y, p, 5]
            r0 += sums[y, q, 6] - sums[y, p, 6]
            r1 += sums[y, q, 7] - sums[y, p, 7]
            r2 += sums[y, q, 8] - sums[y, p, 8]
    if tt <= 1e-9:
        return np.inf
    best = np.inf
    for i in range(len(task.opacities)):
        a = task.opacities[i]
        g0, g1, g2 = (b0, b1, b2) if folded else (b0 + a * r0, b1 + a * r1, b2 + a * r2)
        k0, k1, k2 = g0 / (a * tt), g1 / (a * tt), g2 / (a * tt)
        if len(task.palette) == 0:
            k0, k1, k2 = min(max(k0, 0.0), 1.0), min(max(k1, 0.0), 1.0), min(max(k2, 0.0), 1.0)
        else:  # the error is a sphere around the best colour, so the nearest is the best of the palette
            nearest, chosen = np.inf, 0
            for j in range(len(task.palette)):
                away = (task.palette[j, 0] - k0) ** 2 + (task.palette[j, 1] - k1) ** 2 + (task.palette[j, 2] - k2) ** 2
                if away < nearest:
                    nearest, chosen = away, j
            k0, k1, k2 = task.palette[chosen, 0], task.palette[chosen, 1], task.palette[chosen, 2]
        base = s0 if folded else 2 * a * s0 + a * a * s1
        found = base - 2 * a * (k0 * g0 + k1 * g1 + k2 * g2) + a * a * (k0 * k0 + k1 * k1 + k2 * k2) * tt
        if found < best:
            best = found
            color[0], color[1], color[2], color[3] = k0, k1, k2, a
    return best


@njit(inline="always")
def draw_position(task):  # type: ignore[no-untyped-def]
    """Where to try a fresh shape, and how large: x, y where the error is, a size between the bounds, logarithmically."""
    height, width = task.likely.shape[0], task.likely.shape[1] - 1
    total = task.likely_rows[height]
    if total <= 0 or np.random.random() < 0.2:
        x, y = np.random.random() * width, np.random.random() * height
    else:
        row = min(np.searchsorted(task.likely_rows, np.random.random() * total, side="right"), height) - 1
        line = task.likely[row]
        column = min(np.searchsorted(line, np.random.random() * line[width], side="right"), width) - 1
        x, y = column + np.random.random(), row + np.random.random()
    return x, y, task.smallest * (task.largest / task.smallest) ** np.random.random()


@compiled
def cover(runs, count, color, canvas):  # type: ignore[no-untyped-def]
    """Paint runs over the canvas (H, W, 4), premultiplied: c(1-a) + ak. colour: r, g, b, a."""
    a = color[3]
    for i in range(count):
        for x in range(runs[i, 1], runs[i, 2]):
            pixel = canvas[runs[i, 0], x]
            pixel[0] = pixel[0] * (1 - a) + a * color[0]
            pixel[1] = pixel[1] * (1 - a) + a * color[1]
            pixel[2] = pixel[2] * (1 - a) + a * color[2]
            pixel[3] = pixel[3] * (1 - a) + a


@compiled
def under(runs, count, color, through, above):  # type: ignore[no-untyped-def]
    """Slide a shape under all that is above so far: U += T·a·(k, 1), T *= 1 - a."""
    a = color[3]
    for i in range(count):
        y = runs[i, 0]
        for x in range(runs[i, 1], runs[i, 2]):
            share = through[y, x] * a
            above[y, x, 0] += share * color[0]
            above[y, x, 1] += share * color[1]
            above[y, x, 2] += share * color[2]
            above[y, x, 3] += share
            through[y, x] -= share


@compiled
def squared_error(target, canvas, weight):  # type: ignore[no-untyped-def]
    """Σ weight·|t - c|² over all four channels."""
    total = 0.0
    for y in range(target.shape[0]):
        row = 0.0
        for x in range(target.shape[1]):
            pixel = 0.0
            for c in range(4):
                pixel += (target[y, x, c] - canvas[y, x, c]) ** 2
            row += weight[y, x] * pixel
        total += row
    return total


@compiled
def likely_sums(target, canvas, weight, likely, likely_rows, first, end):  # type: ignore[no-untyped-def]
    """Running sums of the squared error, along rows [first, end) and then down all of them."""
    height, width = weight.shape
    for y in range(first, end):
        total = 0.0
        for x in range(width):
            pixel = 0.0
            for c in range(4):
                pixel += (target[y, x, c] - canvas[y, x, c]) ** 2
            total += weight[y, x] * pixel
            likely[y, x + 1] = total
    down = 0.0
    for y in range(height):
        down += likely[y, width]
        likely_rows[y + 1] = down
