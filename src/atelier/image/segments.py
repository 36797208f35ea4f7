"""A picture divided into so many segments by colour, position and what a network saw."""

from __future__ import annotations

from typing import cast

import numpy as np
from numpy.typing import NDArray

from atelier.errors import SettingError
from atelier.image.color_names import distinct_colors, name_colors
from atelier.image.guided_filter import refine
from atelier.image.morphology import Bools
from atelier.image.regions import MOST, Regions
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
from atelier.image.value import Image

_SEGMENT_SIDE = 384  # and at which segments are found
_CELLS = 500  # superpixels of a picture


def segments(photo: Image, count: int, *, features: Features = (), seed: int = 0) -> Regions:
    """Split a photo into so many regions by colour, position and, where given, features; the largest first.

    They are named and coloured by the common colours.

    features: as a network saw the photo, whatever their scale. Superpixels are merged by Ward's criterion (what adds least
    variance), first neighbours with neighbours, so that regions are compact, then any with any, so that a sky behind a tower is
    one. seed: unused, as nothing is drawn by chance; there for the sake of all segmenters being called alike.

    Fewer regions come back where the photo has no more to give. Raises SettingError for a count that is not 2 to 64, and for
    features of another shape or that are not finite.
    """
    check_count(count)
    small = resize(photo.flat(), fit(photo.size, min(_SEGMENT_SIDE, max(photo.size))))
    lab = SPACES["lab"].from_srgb(small.pixels)
    cells = superpixels(lab, max(_CELLS, 8 * count))
    cell_count = int(cells.max()) + 1
    mean = cell_means(cells, lab, cell_count)
    position = cell_positions(cells, cell_count) / max(cells.shape)
    areas = np.bincount(cells.reshape(-1), minlength=cell_count).astype(np.float64)
    # some 25 Lab units are another thing, in lightness more, as shadows fall on one thing; a picture's length is not quite one
    columns = [mean * np.array([0.6, 1, 1]) / 25, position * 0.8]
    # deep features are blurred: beside a tower the sky looks half a tower. So each cell takes the mean of what is near and of its colour
    alike = areas * np.exp(-squared_distances(mean) / (2 * 10.0**2) - squared_distances(position) / (2 * 0.12**2))
    alike /= alike.sum(1, keepdims=True)
    columns += [main_components(alike @ cell_features(layer, cells, cell_count), areas) for layer in features]
    values = np.concatenate(columns, 1)
    groups = _merge(values, areas, touching_cells(cells, cell_count), max(6 * count, 24))
    groups = _merge(values, areas, None, count, groups)
    labels = refine(photo, groups[cells].astype(np.uint8), int(groups.max()) + 1)
    sizes = np.bincount(labels.reshape(-1), minlength=int(groups.max()) + 1)
    order = np.argsort(-sizes, kind="stable")[: int((sizes > 0).sum())]
    rank = np.zeros(len(sizes), np.uint8)
    rank[order] = np.arange(len(order))
    colors = distinct_colors(len(order) + 2)[2:]  # black and white stay free for masks
    return Regions(rank[labels], tuple(name_colors(colors)), colors)


def check_count(count: int) -> None:
    if not 2 <= count <= MOST:
        raise SettingError("regions", f"a picture is divided into 2 to {MOST} segments", f"auto:{count}")


def _merge(
    values: NDArray[np.float64], areas: NDArray[np.float64], touching: Bools | None, count: int, groups: NDArray[np.intp] | None = None
) -> NDArray[np.intp]:
    """Cell -> group, by Ward's merging of the pair that adds least variance until count groups are left; touching: which may
    merge (None: all). groups: what was merged before."""
    groups = np.arange(len(values)) if groups is None else groups
    number = int(groups.max()) + 1
    weight = np.bincount(groups, areas, number)
    centre = np.stack([np.bincount(groups, areas * values[:, at], number) for at in range(values.shape[1])], 1) / weight[:, None]
    allowed = np.ones((number, number), np.bool_) if touching is None else touching.copy()
    np.fill_diagonal(allowed, False)
    parent = np.arange(number)

    def costs(at: int | slice) -> NDArray[np.float64]:
        w, c = weight[at], centre[at]
        shared = np.multiply.outer(w, weight) / np.add.outer(w, weight)
        apart = np.square(np.expand_dims(c, -2) - centre).sum(-1)
        return cast(NDArray[np.float64], shared * apart)

    cost = np.where(allowed, costs(slice(None)), np.inf)
    for _ in range(number - count):
        one, other = (int(each) for each in np.unravel_index(cost.argmin(), cost.shape))
        if not np.isfinite(cost[one, other]):
            break
        total = weight[one] + weight[other]
        centre[one] = (weight[one] * centre[one] + weight[other] * centre[other]) / total
        weight[one] = total
        parent[parent == other] = one
        allowed[one] |= allowed[other]
        allowed[:, one] |= allowed[:, other]
        allowed[other], allowed[:, other], allowed[one, one] = False, False, False
        cost[other], cost[:, other] = np.inf, np.inf
        cost[one] = np.where(allowed[one], costs(one), np.inf)
        cost[:, one] = cost[one]
    return np.unique(parent, return_inverse=True)[1].reshape(-1)[groups]
