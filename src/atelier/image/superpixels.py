"""Compact patches of a picture, each of one colour as far as can be, and what is known of each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from atelier.errors import SettingError
from atelier.image.guided_filter import enlarge
from atelier.image.morphology import Bools
from atelier.image.value import Pixels

Features = Sequence[NDArray[Any]]
"""A network's layers, from shallow to deep: float (H', W', C) each, over the whole photo, at any resolution."""

_COMPACT = 20.0  # Lab units that a superpixel's own width is worth
_DIRECTIONS = 32


def superpixels(lab: Pixels, count: int, rounds: int = 6) -> NDArray[np.intp]:
    """Split Lab pixels (H, W, 3) into (H, W) indices of about so many compact patches, each of one colour as far as can be.

    SLIC (Achanta et al., PAMI 2012): k-means over colour and place in which a pixel chooses among the centres of its own and
    the eight cells around. Indices are without gaps.
    """
    height, width = lab.shape[:2]
    side = max(1.0, (height * width / count) ** 0.5)
    rows, columns = max(1, round(height / side)), max(1, round(width / side))
    y, x = np.mgrid[:height, :width].astype(np.float32)
    home_row = np.minimum((y * rows / height).astype(np.intp), rows - 1)
    home_column = np.minimum((x * columns / width).astype(np.intp), columns - 1)
    points = np.concatenate([lab, y[..., None] * (_COMPACT / side), x[..., None] * (_COMPACT / side)], 2).astype(np.float32)
    label = home_row * columns + home_column
    for _ in range(rounds):
        centres = cell_means(label, points, rows * columns).astype(np.float32)
        best = np.full((height, width), np.inf, np.float32)
        fresh = label
        for dy in (-1, 0, 1):
            for dx in (-1, 0, 1):
                row, column = home_row + dy, home_column + dx
                there = row.clip(0, rows - 1) * columns + column.clip(0, columns - 1)
                off = np.square(points - centres[there]).sum(2)
                fresh = np.where(off < best, there, fresh)
                np.minimum(best, off, out=best)
        label = fresh
    return np.unique(label, return_inverse=True)[1].reshape(label.shape)


def cell_means(cells: NDArray[np.intp], values: NDArray[Any], count: int) -> NDArray[np.float64]:
    """Give (count, C): means of values (H, W, C) over cells; of an empty cell far from everything."""
    flat, sums = cells.reshape(-1), np.empty((count, values.shape[2]))
    areas = np.bincount(flat, minlength=count)
    for channel in range(values.shape[2]):
        sums[:, channel] = np.bincount(flat, values[..., channel].reshape(-1), count)
    return np.where(areas[:, None] > 0, sums / np.maximum(areas, 1)[:, None], 1e6)


def cell_positions(cells: NDArray[np.intp], count: int) -> NDArray[np.float64]:
    return cell_means(cells, np.stack(list(np.mgrid[: cells.shape[0], : cells.shape[1]]), 2).astype(np.float64), count)


def touching_cells(cells: NDArray[np.intp], count: int) -> Bools:
    """Give (count, count): which cells have an edge in common."""
    touching = np.zeros((count, count), np.bool_)
    touching[cells[1:], cells[:-1]] = True
    touching[cells[:, 1:], cells[:, :-1]] = True
    touching |= touching.T
    np.fill_diagonal(touching, False)
    return touching


def cell_features(layer: NDArray[Any], cells: NDArray[np.intp], count: int, *, rooted: bool = True) -> NDArray[np.float64]:
    """Give (count, ≤ 32): a layer's features over cells, along the directions in which there is most of them.

    rooted: of activations, many small numbers and few large ones, the roots, which compare better (Hellinger's distance).
    Raises SettingError for what is no layer of features.
    """
    if layer.ndim != 3 or 0 in layer.shape or layer.dtype.kind != "f" or not np.isfinite(layer).all():
        raise SettingError("features", f"must be finite floats (H, W, C), got {layer.dtype} {layer.shape}")
    flat = layer.reshape(-1, layer.shape[2]).astype(np.float64)
    if rooted:
        flat = np.sign(flat) * np.sqrt(np.abs(flat))
    *_, ways = np.linalg.eigh(flat.T @ flat)  # a few directions hold nearly all, and enlarging is what takes time
    main = (flat @ ways[:, : -1 - _DIRECTIONS : -1]).reshape(*layer.shape[:2], -1)
    planes = [enlarge(main[..., at], (cells.shape[1], cells.shape[0])) for at in range(main.shape[2])]
    return cell_means(cells, np.stack(planes, 2), count)


def main_components(values: NDArray[np.float64], areas: NDArray[np.float64]) -> NDArray[np.float64]:
    """Project (n, C) to (n, ≤ 12): principal components over the picture, scaled to a variance of 1 altogether."""
    off = values - np.average(values, axis=0, weights=areas)
    weights = np.sqrt(areas / areas.sum())[:, None]
    *_, ways = np.linalg.svd(off * weights, full_matrices=False)
    main = off @ ways[:12].T
    return cast(NDArray[np.float64], main / max(float(np.sqrt(np.square(main * weights).sum())), 1e-9))


def squared_distances(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give squared distances (n, n) between points (n, C)."""
    norms = np.square(points).sum(1)
    return cast(NDArray[np.float64], np.maximum(norms[:, None] + norms - 2 * points @ points.T, 0))
