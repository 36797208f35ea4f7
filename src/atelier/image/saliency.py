"""How much of an object each part of a photo looks like."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from atelier.image.morphology import Bools
from atelier.image.resize import fit, resize
from atelier.image.spaces import SPACES
from atelier.image.superpixels import (
    Features,
    cell_features,
    cell_means,
    cell_positions,
    main_components,
    squared_distances,
    superpixels,
    touching_cells,
)
from atelier.image.value import Image, Pixels

_PATCHES = 300  # superpixels to look for it among

_STANDING_OUT = (0.57, 0.71, 0.22, 0.33)
"""What signs of an object weigh: unlike the border, not bound to it, in the middle, and of another hue. Fitted (logistic
regression) to fifteen photos with the object outlined; docs/control.md says how far that can be trusted."""


class Patches:
    """A small picture in superpixels, and what is known of each: colours (n, 3) in Lab, places (n, 2) in [0, 1], areas (n,) in px, and
    features: shallow and deepest, (n, ≤ 12) each, and directions of the deepest, of unit length."""

    def __init__(self, small: Image, features: Features) -> None:
        lab = SPACES["lab"].from_srgb(small.pixels)
        self.cells = superpixels(lab, _PATCHES)
        self.count = int(self.cells.max()) + 1
        self.areas = np.bincount(self.cells.reshape(-1), minlength=self.count).astype(np.float64)
        self.colors = cell_means(self.cells, lab, self.count)
        self.positions = (cell_positions(self.cells, self.count) + 0.5) / np.array(self.cells.shape)
        self.touching = touching_cells(self.cells, self.count)
        if features:
            shallow, deepest = (cell_features(layer, self.cells, self.count) for layer in (features[0], features[-1]))
            raw = cell_features(features[-1], self.cells, self.count, rooted=False)
        else:
            shallow = deepest = raw = self.colors
        self.shallow, self.deepest = main_components(shallow, self.areas), main_components(deepest, self.areas)
        self.directions = raw / np.maximum(np.linalg.norm(raw, axis=1, keepdims=True), 1e-6)

    def standing_out(self) -> NDArray[np.float64]:
        """Give (n,), of mean 0 and variance 1: how much of an object each patch looks like.

        Four signs are added up. What the picture itself teaches of object and background that way is then asked of each patch
        again (Tong et al., "Salient object detection via bootstrap learning", CVPR 2015; here by kernel ridge regression on
        colour and features).
        """
        signs = (self._unlike_border(), self._unbound(), self._central(), self._other_hue())
        first = standardize(sum(w * standardize(sign, self.areas) for w, sign in zip(_STANDING_OUT, signs, strict=True)), self.areas)
        known = np.concatenate([main_components(self.colors, self.areas), self.shallow, self.deepest], 1)
        off = squared_distances(known)
        alike = np.exp(-off / max(float(np.median(off)), 1e-9))
        said = np.tanh(first)
        trust = np.square(said) * self.areas / self.areas.mean()
        second = alike @ np.linalg.solve(alike + np.diag(1 / np.maximum(trust, 1e-3)), said)
        return standardize(standardize(second, self.areas) + 0.5 * first, self.areas)

    def _border(self, *, bottom: bool) -> NDArray[np.intp]:
        """Patches at the border. People stand on the lower one, so it tells less of the background."""
        sides = [self.cells[0], self.cells[:, 0], self.cells[:, -1], *([self.cells[-1]] if bottom else [])]
        return np.unique(np.concatenate(sides))

    def _unlike_border(self) -> NDArray[np.float64]:
        """How far the deepest features' directions are from those at the border, on average."""
        apart = np.sqrt(squared_distances(self.directions))
        return cast(NDArray[np.float64], apart[:, self._border(bottom=True)].mean(1))

    def _unbound(self) -> NDArray[np.float64]:
        """How little of the border belongs to a patch's smooth surroundings (Zhu et al. 2014, equations 2 to 4), the steps between
        patches being those of shallow features."""
        apart = np.sqrt(squared_distances(self.shallow))
        apart /= max(float(np.median(apart)), 1e-9)
        spanned = np.exp(-np.square(shortest_paths(apart, self.touching)) / (2 * 0.35**2))
        bound = spanned[:, self._border(bottom=False)].sum(1) / np.sqrt(spanned.sum(1))
        return cast(NDArray[np.float64], -np.log(bound + 0.05))

    def _central(self) -> NDArray[np.float64]:
        """People put what they photograph in the middle, or a little under it."""
        y, x = self.positions.T
        return cast(NDArray[np.float64], np.exp(-np.square((y - 0.55) / 0.28) / 2 - np.square((x - 0.5) / 0.25) / 2))

    def _other_hue(self) -> NDArray[np.float64]:
        """How far its hue and chroma are from the nearest eighth of the border's."""
        border = self._border(bottom=False)
        apart = np.sqrt(np.square(self.colors[:, None, 1:] - self.colors[border, 1:]).sum(2))
        return cast(NDArray[np.float64], np.sort(apart, 1)[:, : max(3, len(border) // 8)].mean(1))


def standardize(values: Any, areas: NDArray[np.float64]) -> NDArray[np.float64]:
    """Shift and scale values to mean 0 and variance 1 over the picture; to 0 where all are alike."""
    off = values - np.average(values, weights=areas)
    return cast(NDArray[np.float64], off / max(float(np.sqrt(np.average(np.square(off), weights=areas))), 1e-9))


def saliency(photo: Image) -> Pixels:
    """Give float32 (H, W) in [0, 1]: how much of an object each pixel looks like, by its contrast to what is bound to the picture's border.

    Zhu, Liang, Wei and Sun, "Saliency optimization from robust background detection", CVPR 2014: superpixels; how much of the
    border belongs to each one's smooth surroundings (equations 2 to 6); contrast to what is bound to it (8 and 9); a quadratic
    cost that reconciles these with smoothness, solved in closed form (10).
    """
    small = resize(photo.flat(), fit(photo.size, min(256, max(photo.size))))
    lab = SPACES["lab"].from_srgb(small.pixels)
    cells = superpixels(lab, 220)
    count = int(cells.max()) + 1
    height, width = cells.shape
    mean, position = cell_means(cells, lab, count), cell_positions(cells, count) / max(height, width)
    apart = np.sqrt(np.square(mean[:, None] - mean).sum(2))
    touching = touching_cells(cells, count)
    border = np.zeros(count, np.bool_)
    border[np.concatenate([cells[0], cells[-1], cells[:, 0], cells[:, -1]])] = True
    spanned = np.exp(-np.square(shortest_paths(apart, touching, border[:, None] & border)) / (2 * 10.0**2))
    bound = spanned[:, border].sum(1) / np.sqrt(spanned.sum(1))
    background = 1 - np.exp(-np.square(bound) / 2)
    closeness = np.exp(-np.square(position[:, None] - position).sum(2) / (2 * 0.25**2))
    contrast = (apart * closeness * background).sum(1)
    middle = np.square(position - np.array(cells.shape) / (2 * max(cells.shape))).sum(1)
    contrast *= np.exp(-middle / (2 * 0.35**2))  # the paper does without
    contrast = (contrast - contrast.min()) / max(float(np.ptp(contrast)), 1e-9)
    smooth = np.where(touching, np.exp(-np.square(apart) / (2 * 10.0**2)) + 0.1, 0)
    system = np.diag(background + contrast + smooth.sum(1) + 1e-6) - smooth
    value = np.linalg.solve(system, contrast)
    value = (value - value.min()) / max(float(np.ptp(value)), 1e-9)
    sheet = Pillow.fromarray(value[cells].astype(np.float32)).resize(photo.size, Pillow.Resampling.BILINEAR)
    return np.asarray(sheet, np.float32).clip(0, 1)


def shortest_paths(apart: NDArray[np.float64], touching: Bools, joined: Bools | None = None) -> NDArray[np.float64]:
    """Give (n, n): lengths of shortest paths over patches that touch, or are joined. Differences so small that they are no step at all,
    what neighbours differ by at least, on average, count nothing (Zhu et al.)."""
    least = np.where(touching, apart, np.inf).min(1)
    trivial = float(least[np.isfinite(least)].mean()) if np.isfinite(least).any() else 0.0
    steps = np.where(touching if joined is None else touching | joined, np.maximum(apart - trivial, 0), np.inf)
    np.fill_diagonal(steps, 0)
    for via in range(len(steps)):  # all of them (Floyd and Warshall)
        np.minimum(steps, steps[:, via, None] + steps[via], out=steps)
    return steps
