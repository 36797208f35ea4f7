"""Which pixels a shape covers, as runs of pixels in rows: [y, first, end).

A pixel is covered where its centre lies inside. Rows are visited `stride` apart, so that an estimate costs less. Every
filler writes to `runs` (int32, (N, 3)), clips to the picture, and returns how many runs there are.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit


@njit(inline="always")
def rows(top, bottom, height):  # type: ignore[no-untyped-def]
    """First row and end of the rows whose centres lie in [top, bottom], clipped."""
    return max(0, math.ceil(max(top, -1.0) - 0.5)), min(height, math.floor(min(bottom, height + 1.0) - 0.5) + 1)


@njit(inline="always")
def columns(left, right, width):  # type: ignore[no-untyped-def]
    """First column and end of the columns whose centres lie in [left, right], clipped."""
    return max(0, math.ceil(max(left, -1.0) - 0.5)), min(width, math.floor(min(right, width + 1.0) - 0.5) + 1)


@njit
def convex(corners, count, width, height, stride, runs):  # type: ignore[no-untyped-def]
    """A convex polygon. corners: (count, 2) as x, y, in either direction: one run a row."""
    top = bottom = corners[0, 1]
    for i in range(1, count):
        top, bottom = min(top, corners[i, 1]), max(bottom, corners[i, 1])
    first, end = rows(top, bottom, height)
    n = 0
    for y in range(first, end, stride):
        centre = y + 0.5
        left, right = np.inf, -np.inf
        j = count - 1
        for i in range(count):
            y0, y1 = corners[j, 1], corners[i, 1]
            if (y0 <= centre) != (y1 <= centre):
                x = corners[j, 0] + (centre - y0) * (corners[i, 0] - corners[j, 0]) / (y1 - y0)
                left, right = min(left, x), max(right, x)
            j = i
        a, b = columns(left, right, width)
        if a < b:
            runs[n, 0], runs[n, 1], runs[n, 2] = y, a, b
            n += 1
    return n


@njit
def polygon(corners, count, width, height, stride, runs):  # type: ignore[no-untyped-def]
    """Any polygon, filled where its winding number is not zero, as SVG does unless told otherwise."""
    top = bottom = corners[0, 1]
    for i in range(1, count):
        top, bottom = min(top, corners[i, 1]), max(bottom, corners[i, 1])
    first, end = rows(top, bottom, height)
    crossings = np.empty((count, 2))
    n = 0
    for y in range(first, end, stride):
        centre = y + 0.5
        found = 0
        j = count - 1
        for i in range(count):
            y0, y1 = corners[j, 1], corners[i, 1]
            if (y0 <= centre) != (y1 <= centre):
                x = corners[j, 0] + (centre - y0) * (corners[i, 0] - corners[j, 0]) / (y1 - y0)
                k = found
                while k > 0 and crossings[k - 1, 0] > x:
                    crossings[k] = crossings[k - 1]
                    k -= 1
                crossings[k, 0], crossings[k, 1] = x, 1.0 if y0 <= centre else -1.0
                found += 1
            j = i
        winding, left = 0.0, 0.0
        for k in range(found):
            before = winding
            winding += crossings[k, 1]
            if before == 0.0:
                left = crossings[k, 0]
            elif winding == 0.0:
                a, b = columns(left, crossings[k, 0], width)
                if n > 0 and runs[n - 1, 0] == y:
                    a = max(a, runs[n - 1, 2])  # two runs that meet within a pixel count it once
                if a < b and n < len(runs):
                    runs[n, 0], runs[n, 1], runs[n, 2] = y, a, b
                    n += 1
    return n


@njit
def ellipse(x, y, rx, ry, angle, width, height, stride, runs):  # type: ignore[no-untyped-def]
    """An ellipse turned by `angle` (radians, from x towards y): one run a row, in closed form."""
    c, s = math.cos(angle), math.sin(angle)
    rx, ry = max(rx, 1e-6), max(ry, 1e-6)
    # a u² + 2 b u v + d v² = 1 for u, v from the centre
    a = (c / rx) ** 2 + (s / ry) ** 2
    b = c * s * (1 / rx**2 - 1 / ry**2)
    d = (s / rx) ** 2 + (c / ry) ** 2
    half = math.sqrt((rx * s) ** 2 + (ry * c) ** 2)
    first, end = rows(y - half, y + half, height)
    n = 0
    for row in range(first, end, stride):
        v = row + 0.5 - y
        inside = (b * v) ** 2 - a * (d * v * v - 1)
        if inside <= 0:
            continue
        root = math.sqrt(inside)
        left, right = x + (-b * v - root) / a, x + (-b * v + root) / a
        p, q = columns(left, right, width)
        if p < q:
            runs[n, 0], runs[n, 1], runs[n, 2] = row, p, q
            n += 1
    return n
