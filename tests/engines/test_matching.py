"""Semantic match: whose place takes whose features, and the loss that comes of it."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from atelier.engines.guide import Guide, Sample
from atelier.engines.optimize.cells import cell_side
from atelier.engines.optimize.engine import OptimizeEngine
from atelier.engines.optimize.matching import REFRESH, Matching, Source
from atelier.engines.optimize.nearest import AROUND, coherent, nearest, steps
from atelier.engines.optimize.objective import Objective
from atelier.engines.optimize.style import Exemplar
from atelier.engines.optimize.tiles import tiles
from atelier.engines.optimize.zones import Zones
from atelier.errors import Cancelled, SettingError
from atelier.image import Image
from atelier.perception.network import Network
from atelier.progress import Progress
from atelier.request import Settings
from calls import called

LAYERS = {"conv1_1": 1.0, "conv2_1": 0.5, "conv3_1": 1.0, "conv4_1": 2.0}
SEMANTIC: dict[str, Any] = {"match": "semantic", "style_layers": LAYERS}


@pytest.fixture(scope="module")
def network(net: str) -> Network:
    return Network.load(net, dtype=torch.float32)


@pytest.fixture(scope="module")
def student(tmp_path_factory: pytest.TempPathFactory, make_net: Callable[..., Path]) -> Network:
    path = make_net(tmp_path_factory.mktemp("net") / "student.safetensors", metrics=("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv4_2"))
    return Network.load(str(path), dtype=torch.float32)


def pixels(width: int, height: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(1, 3, 5, 4, generator=generator)
    smooth = torch.nn.functional.interpolate(coarse, size=(height, width), mode="bilinear")
    return (smooth * 0.8 + torch.rand(1, 3, height, width, generator=generator) * 0.2).contiguous()


def directions(count: int, seed: int) -> Tensor:
    x = torch.randn(count, 12, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.normalize(x, dim=1)


def matching(network: Network, content: Tensor, styles: Sequence[tuple[Tensor, float]], side: int = 0) -> Matching:
    sources = [Source(picture, weight, 0, frozenset(LAYERS)) for picture, weight in styles]
    return Matching(network, LAYERS, "max", content, sources, lambda height, width: tiles(height, width, side), network.see)


def matched(found: Matching) -> Tensor:
    """The match where there are neither places nor chosen strokes: (rows, columns)."""
    assert found.found.shape[:2] == (1, 1)
    return found.found[0, 0]


# Nearest neighbours ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("block", [1, 37 * 5, 10_000])
@pytest.mark.parametrize("weighted", [False, True])
def test_nearest_is_brute_force_in_blocks_of_any_size(block: int, weighted: bool) -> None:
    queries, keys = directions(23, 0), directions(37, 1)
    weights = torch.linspace(0.5, 2.0, 2 * 23).view(2, 23).flip(0) if weighted else None
    kinds = torch.arange(37) % 3 // 2
    found = nearest(queries, keys, weights, kinds, block)
    for q, (query, index) in enumerate(zip(queries.double().numpy(), found.tolist(), strict=True)):
        far = [
            (1.0 - float(query @ key)) / (1.0 if weights is None else float(weights[kinds[k], q]))
            for k, key in enumerate(keys.double().numpy())
        ]
        assert index == int(np.argmin(far))


def test_steps_lead_to_the_key_beside() -> None:
    grids = [(3, 4), (2, 5)]
    cells = [torch.ones(grid, dtype=torch.bool) for grid in grids]
    cells[0][1, 2] = cells[1][0, 0] = False
    beside = steps(cells)
    places = [(sheet, *at) for sheet, there in enumerate(cells) for at in there.nonzero().tolist()]
    assert beside.shape == (4, 20)
    for d, (dy, dx) in enumerate(AROUND):
        for k, (sheet, y, x) in enumerate(places):
            there = (sheet, y + dy, x + dx)
            assert int(beside[d, k]) == (places.index(there) if there in places else -1)


def cost(found: Tensor, queries: Tensor, keys: Tensor, beside: Tensor, pull: float) -> float:
    """What `coherent` lowers, with each pair of neighbours counted once, cell by cell in plain Python."""
    rows, columns = found.shape
    total = sum(1 - float(q @ keys[k]) for q, k in zip(queries, found.flatten().tolist(), strict=True))
    for y in range(rows):
        for x in range(columns):
            for d, (dy, dx) in ((1, AROUND[1]), (3, AROUND[3])):
                if y + dy < rows and x + dx < columns and int(beside[d, found[y, x]]) == int(found[y + dy, x + dx]):
                    total -= pull
    return total


def test_coherence_lowers_its_sum_and_without_pull_keeps_the_nearest() -> None:
    queries, keys, beside = directions(48, 2), directions(35, 3), steps([torch.ones(5, 7, dtype=torch.bool)])
    found = nearest(queries, keys).view(6, 8)
    assert torch.equal(coherent(found, queries, keys, beside, pull=0.0), found)
    sums = [cost(coherent(found, queries, keys, beside, pull=0.4, rounds=n), queries, keys, beside, 0.4) for n in (0, 1, 2, 6)]
    assert all(b <= a + 1e-5 for a, b in itertools.pairwise(sums))
    assert sums[-1] < sums[0] - 1


def test_coherence_goes_on_where_nothing_else_is_known() -> None:
    """Cells that are like everything take what continues the one that is sure."""
    keys = directions(35, 4)
    queries = torch.zeros(3, 12)
    queries[1] = keys[17]
    found = torch.tensor([[34, 17, 34]])
    assert coherent(found, queries, keys, steps([torch.ones(5, 7, dtype=torch.bool)]), pull=0.1).tolist() == [[16, 17, 18]]


# The match ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("which", ["network", "student"])
def test_a_painting_is_matched_to_itself(which: str, request: pytest.FixtureRequest) -> None:
    x = pixels(64, 48)
    found = matching(request.getfixturevalue(which), x, [(x, 1.0)])
    found.match(x)
    assert matched(found).flatten().tolist() == list(range(16 * 12))


def test_a_part_of_the_painting_is_found_where_it_is(network: Network) -> None:
    """A shifted window: cells away from its borders, where the network sees the same, are matched with the shift."""
    style = pixels(128, 128)
    content = style[:, :, 32:112, 16:96].contiguous()
    found = matching(network, content, [(style, 1.0)])
    found.match(content)
    ys, xs = matched(found) // 32, matched(found) % 32
    inner = slice(8, 12)
    assert torch.equal((ys - torch.arange(20)[:, None])[inner, inner], torch.full((4, 4), 8))
    assert torch.equal((xs - torch.arange(20))[inner, inner], torch.full((4, 4), 4))


def test_a_style_of_no_weight_is_not_looked_at_and_a_heavy_one_is_preferred(network: Network) -> None:
    x, other = pixels(48, 48, 0), pixels(48, 48, 1)
    alone, beside = matching(network, x, [(x, 1.0)]), matching(network, x, [(x, 1.0), (other, 0.0)])
    assert len(alone.searches[0, 0].keys) == len(beside.searches[0, 0].keys) == 144
    counts = []
    for weight in (0.2, 1.0, 5.0):
        found = matching(network, pixels(48, 48, 2), [(x, 1.0), (other, weight)])
        found.match(pixels(48, 48, 2))
        counts.append(int((matched(found) >= 144).sum()))
    assert counts[0] < counts[1] < counts[2]


# The loss -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("which", ["network", "student"])
def test_of_the_painting_itself_the_loss_is_nothing(which: str, request: pytest.FixtureRequest) -> None:
    x = pixels(64, 48)
    gradient, losses = Objective(request.getfixturevalue(which), Settings(content_weight=0.0, **SEMANTIC), x, [Exemplar(x)])(x)
    assert losses["match"] == 0
    assert losses["style"] == pytest.approx(0, abs=1e-9)
    assert float(gradient.abs().max()) < 1e-6


@pytest.mark.parametrize(("width", "height"), [(45, 39), (64, 48)])
def test_the_loss_is_the_distance_to_the_features_that_were_matched(student: Network, width: int, height: int) -> None:
    """|F - T|² / |T|² in the metric, T put together position by position."""
    content, style = pixels(width, height), pixels(57, 50, 1)
    objective = Objective(student, Settings(content_weight=0.0, **SEMANTIC), content, [Exemplar(style)])
    x = pixels(width, height, 2)
    _, losses = objective(x)
    assert objective.matching is not None
    found = matched(objective.matching).numpy()
    seen, theirs = student.see(x, LAYERS), student.see(style, LAYERS)
    error = 0.0
    for name, weight in LAYERS.items():
        k, r = 2 ** (int(name[4]) - 1), student.metric[name].double().numpy()
        f, s = seen[name][0].double().numpy(), theirs[name][0].double().numpy()
        t = np.zeros_like(f)
        for y in range(f.shape[1]):
            for x_ in range(f.shape[2]):
                cells = [(y * k // 4 + i, x_ * k // 4 + j) for i in range(max(1, k // 4)) for j in range(max(1, k // 4))]
                for cy, cx in cells:
                    sy, sx = divmod(int(found[cy, cx]), 57 // 4)
                    py, px = sy * 4 // k + (y % max(1, 4 // k)), sx * 4 // k + (x_ % max(1, 4 // k))
                    t[:, y, x_] += s[:, min(py, s.shape[1] - 1), min(px, s.shape[2] - 1)] / len(cells)
        parts = [np.einsum("kc,chw->khw", r, d) for d in (f - t, t)]
        error += weight * (parts[0] ** 2).sum() / (parts[1] ** 2).sum()
    assert losses["match"] == pytest.approx(error / sum(LAYERS.values()), rel=1e-4)


@pytest.mark.parametrize("which", ["network", "student"])
def test_gradient_is_that_of_finite_differences(which: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    network: Network = request.getfixturevalue(which)
    monkeypatch.setattr(Tensor, "float", lambda self: self)
    weights = {name: (w.double(), b.double()) for name, (w, b) in network.weights.items()}
    network = dataclasses.replace(network, weights=weights, metric={k: r.double() for k, r in network.metric.items()})
    content, style, x = (pixels(35, 38, seed).double() for seed in range(3))
    objective = Objective(network, Settings(content_weight=0.7, style_weight=1.3, **SEMANTIC), content, [Exemplar(style)])
    gradient, _ = objective(x)
    generator = torch.Generator().manual_seed(4)
    for _ in range(4):  # fewer evaluations than there are from one match to the next
        direction = torch.randn(x.shape, generator=generator, dtype=torch.float64)
        step = 1e-6
        rise = (objective(x + step * direction)[1]["total"] - objective(x - step * direction)[1]["total"]) / (2 * step)
        assert rise == pytest.approx(float((gradient * direction).sum()), rel=1e-3, abs=1e-4 * float(gradient.norm()))


@pytest.mark.parametrize(("width", "height", "side"), [(145, 159, 48), (256, 200, 96)])
def test_tiled_is_untiled(student: Network, width: int, height: int, side: int) -> None:
    content, x, style = pixels(width, height, 0), pixels(width, height, 1), pixels(210, 130, 2)
    settings = Settings(content_weight=0.2, tv_weight=0.01, **SEMANTIC)
    whole, tiled = (Objective(student, settings, content, [Exemplar(style)], tile) for tile in (0, side))
    whole(x), tiled(x)
    assert whole.matching is not None and tiled.matching is not None
    assert float((whole.matching.found == tiled.matching.found).float().mean()) > 0.99  # but for ties that rounding decides
    tiled.matching.restore(whole.matching.state())
    (gradient, losses), (tiled_gradient, tiled_losses) = whole(x), tiled(x)
    assert tiled_losses == pytest.approx(losses, rel=2e-4)
    assert float((tiled_gradient - gradient).norm() / gradient.norm()) < 1e-3


def test_cells_grow_with_the_picture_and_end_somewhere() -> None:
    assert [cell_side([side * side]) for side in (16, 512, 1024, 2048, 4096)] == [4, 4, 8, 16, 16]
    assert cell_side([100, 1024 * 1024]) == 8
    with pytest.raises(SettingError, match=r"`?match`? semantic .* 4096x4096 px: give a smaller `?size`?"):
        cell_side([4112 * 4112])


# Places ---------------------------------------------------------------------------------------------------------------


AROUND_IT = [(i, j) for i in range(-2, 3) for j in range(-2, 3)]
PLACES = {"halves": 0, "feathered": 7}


def parted(width: int, height: int, feather: int = 0) -> Tensor:
    """Two places with a slanting border, and the photo below them."""
    y, x = torch.meshgrid(torch.arange(height).float(), torch.arange(width).float(), indexing="ij")
    off = x - width / 2 + 0.4 * (y - height / 2)
    first = (0.5 - off / feather).clamp(0, 1) if feather else (off < 0).float()
    return torch.stack([first, 1 - first]) * (y < height - 14)


def half_of(width: int, height: int) -> Tensor:
    """The left of a painting, up to the middle of a cell."""
    part = torch.zeros(height, width)
    part[:, : width // 8 * 4 + 2] = 1.0
    return part


def described(network: Network, picture: Tensor, cells: list[tuple[int, int]]) -> np.ndarray[Any, Any]:
    """Cells of 4 px as directions, cell by cell in float64: (n, D)."""
    rows: dict[str, list[Any]] = {name: [] for name in LAYERS}
    for name, f in network.see(picture, LAYERS).items():
        k, r = 2 ** (int(name[4]) - 1), network.metric.get(name)
        g = f[0].double().numpy() if r is None else np.einsum("kc,chw->khw", r.double().numpy(), f[0].double().numpy())
        for y, x in cells:
            ys, xs = ([at * 4 // k + i for i in range(max(1, 4 // k))] for at in (y, x))
            ys, xs = ([min(i, n - 1) if k > 4 else i for i in at if i < n or k > 4] for at, n in ((ys, g.shape[1]), (xs, g.shape[2])))
            rows[name].append(g[:, ys][:, :, xs].mean((1, 2)))
    joined = []
    for name, weight in LAYERS.items():
        f = np.stack(rows[name])
        f = f - f.mean(0)
        joined.append(f * np.sqrt(weight) / np.sqrt((f**2).sum(1).mean()))
    out = np.concatenate(joined, 1)
    found: np.ndarray[Any, Any] = out / np.linalg.norm(out, axis=1, keepdims=True)
    return found


@pytest.mark.parametrize("which", ["network", "student"])
@pytest.mark.parametrize("places", PLACES)
def test_each_place_is_matched_among_its_own_cells(
    which: str, places: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the paintings that go there alone, and of the part of them that does; against a search cell by cell."""
    network: Network = request.getfixturevalue(which)
    monkeypatch.setattr("atelier.engines.optimize.matching.coherent", lambda found, *_: found)
    zones = Zones(parted(64, 48, PLACES[places]))
    content, styles = pixels(64, 48), [pixels(48, 40, 1), pixels(40, 56, 2), pixels(56, 48, 3)]
    part = half_of(40, 56)
    layers = frozenset(LAYERS)
    sources = [Source(styles[0], 1.0, 0, layers), Source(styles[1], 1.0, 1, layers, part), Source(styles[2], 2.0, 1, layers)]
    matching = Matching(network, LAYERS, "max", content, sources, lambda h, w: tiles(h, w, 0), network.see, zones)
    x = pixels(64, 48, 4)
    matching.match(x)
    keys, own, first = [], [], 0
    for style, columns in zip(styles, (12, 5, 14), strict=True):
        cells = [(y, x_) for y in range(style.shape[2] // 4) for x_ in range(columns)]
        keys.append(described(network, style, cells))
        own.append(range(first, first + len(cells)))
        first += len(cells)
    for place, paintings in ((0, [0]), (1, [1, 2])):
        there, sheet = zones.labels[0] == place, set(itertools.product(range(12), range(16)))
        cells = [(y, x_) for y in range(12) for x_ in range(16) if there[4 * y : 4 * y + 4, 4 * x_ : 4 * x_ + 4].any()]
        assert {(y, x_) for y, x_ in (matching.found[0, place] >= 0).nonzero().tolist()} == set(cells)
        inner = [(y, x_) for y, x_ in cells if all((y + i, x_ + j) in cells or (y + i, x_ + j) not in sheet for i, j in AROUND_IT)]
        assert 0 < len(inner) < len(cells)
        wanted = described(network, content, cells) + described(network, x, cells)
        wanted /= np.linalg.norm(wanted, axis=1, keepdims=True)
        for (y, x_), query in zip(cells, wanted, strict=True):
            far = {n: (1 - query @ key) / (2.0 if at == 2 else 1.0) for at in paintings for n, key in zip(own[at], keys[at], strict=True)}
            if place and (y, x_) in inner:  # what is within is not matched to what is along the part's border
                far = {n: distance for n, distance in far.items() if n not in own[1] or (n - own[1][0]) % 5 < 3}
            found = int(matching.found[0, place, y, x_])
            assert found in far
            assert far[found] == pytest.approx(min(far.values()), abs=1e-5)
    assert (matching.found[0, 2:] == -1).all()  # what is the photo's is matched to nothing


@pytest.mark.parametrize("tile", [0, 32])
@pytest.mark.parametrize("places", PLACES)
def test_the_loss_of_places_is_each_ones_by_its_area(student: Network, places: str, tile: int) -> None:
    """Targets put together position by position: on a border of what is matched on this side of it, for each position by its own zone."""
    planes = parted(69, 70, PLACES[places])
    planes[:, :6] *= torch.linspace(0, 1, 6)[:, None]  # and goes over into the photo
    zones = Zones(planes)
    content, styles, x = pixels(69, 70), [pixels(48, 40, 1), pixels(40, 56, 2)], pixels(69, 70, 3)
    exemplars = [Exemplar(style, region=at) for at, style in enumerate(styles)]
    objective = Objective(student, Settings(content_weight=0.0, **SEMANTIC), content, exemplars, tile, planes)
    _, losses = objective(x)
    assert objective.matching is not None
    found = objective.matching.found[0].numpy()
    seen, below, theirs = student.see(x, LAYERS), student.see(content, LAYERS), [student.see(style, LAYERS) for style in styles]
    columns, firsts = [12, 10], [0, 120]
    expected = 0.0
    for place in (0, 1):
        error = 0.0
        for name, weight in LAYERS.items():
            k, r = 2 ** (int(name[4]) - 1), student.metric[name].double().numpy()
            labels, painted = zones.labels[int(name[4]) - 1].numpy(), F.avg_pool2d(planes.sum(0)[None], k)[0].numpy()
            f, s = seen[name][0].double().numpy(), theirs[place][name][0].double().numpy()
            sums = np.zeros(2)
            for y, x_ in np.argwhere(labels == place):
                cells = [(y * k // 4 + i, x_ * k // 4 + j) for i in range(max(1, k // 4)) for j in range(max(1, k // 4))]
                cells = [cell for cell in cells if found[place, *cell] >= 0]
                through = 1 - painted[y, x_]  # of the photo
                t = through * below[name][0, :, y, x_].double().numpy()
                for cell in cells:
                    sy, sx = divmod(int(found[place, *cell]) - firsts[place], columns[place])
                    py, px = sy * 4 // k + (y % max(1, 4 // k)), sx * 4 // k + (x_ % max(1, 4 // k))
                    t += (1 - through) * s[:, py, px] / len(cells)
                sums += painted[y, x_] * np.array([((r @ (f[:, y, x_] - t)) ** 2).sum(), ((r @ t) ** 2).sum()])
            error += weight * sums[0] / sums[1]
        area = planes.sum(0)[zones.labels[0] == place].sum() / planes[0].numel()
        expected += float(area) * error / sum(LAYERS.values())
    assert losses["match"] == pytest.approx(expected, rel=1e-4)


def test_between_two_styles_that_go_over_into_each_other_either_is_taken(network: Network) -> None:
    """The more of one there is, the more often."""
    second = torch.linspace(0, 1, 96).expand(48, 96)
    exemplars = [Exemplar(pixels(48, 48, 1), region=0), Exemplar(pixels(48, 48, 2), region=1)]
    places = torch.stack([1 - second, second])
    objective = Objective(network, Settings(**SEMANTIC), pixels(96, 48), exemplars, regions=places)
    objective(pixels(96, 48, 3))
    assert objective.matching is not None
    found = objective.matching.found[0]
    found = found[(found >= 0).flatten(1).any(1)]
    assert found.shape[0] == 1  # one zone, in which both have a say
    shares = (found[0] >= 144).float().mean(0)
    assert float(shares[:4].mean()) < 0.1
    assert float(shares[-4:].mean()) > 0.9
    assert 0.2 < float(shares[10:14].mean()) < 0.8


# Strokes --------------------------------------------------------------------------------------------------------------


def test_coarse_strokes_are_matched_apart_from_fine_ones(network: Network) -> None:
    """As if each painting were alone, and each layer takes from those whose strokes it shows."""
    content, x, a, b = pixels(48, 48), pixels(48, 48, 3), pixels(40, 48, 1), pixels(48, 56, 2)
    shallow, deep = frozenset(("conv1_1", "conv2_1", "conv3_1")), frozenset(("conv4_1",))

    def made(*sources: Source) -> Matching:
        matching = Matching(network, LAYERS, "max", content, sources, lambda h, w: tiles(h, w, 0), network.see)
        matching.match(x)
        return matching

    both = made(Source(a, 1.0, 0, deep), Source(b, 1.0, 0, shallow))
    one, other = made(Source(a, 1.0, 0, frozenset(LAYERS))), made(Source(b, 1.0, 0, frozenset(LAYERS)))
    (whole,) = tiles(48, 48, 0)
    for name in LAYERS:
        assert torch.equal(both.target(name, whole), (one if name in deep else other).target(name, whole))


@pytest.mark.parametrize("strokes", ["coarse", "fine"])
def test_of_coarse_strokes_alone_fine_layers_are_not_matched(network: Network, strokes: str) -> None:
    objective = Objective(network, Settings(content_weight=0.0, **SEMANTIC), pixels(48, 48), [Exemplar(pixels(40, 48, 1), strokes=strokes)])
    assert objective.matching is not None
    assert set(objective.matching.group) == ({"conv4_1"} if strokes == "coarse" else {"conv1_1", "conv2_1", "conv3_1"})
    gradient, losses = objective(pixels(48, 48, 3))
    assert losses["match"] > 0
    assert gradient.any()


# Painting -------------------------------------------------------------------------------------------------------------


def halves(swapped: bool) -> tuple[Image, np.ndarray[Any, Any]]:
    """Stripes beside dots, and which pixels are stripes: the photo grey, the painting with the two in each other's place, the stripes
    in orange and the dots in blue."""
    y, x = np.mgrid[:64, :96]
    stripes = (y // 4) % 2 == 0
    dots = (y % 8 - 4) ** 2 + (x % 8 - 4) ** 2 < 7
    left = x < 48
    striped = ~left if swapped else left
    pattern = np.where(striped, stripes, dots).astype(np.float32)[..., None]
    orange, blue, gray = (np.array(c, np.float32) for c in ((0.9, 0.5, 0.1), (0.1, 0.3, 0.9), (0.6, 0.6, 0.6)))
    color = np.where(striped[..., None], orange, blue) if swapped else gray
    return Image((color * (0.35 + 0.65 * pattern)).astype(np.float32)), striped


def warmth(image: Image, where: np.ndarray[Any, Any]) -> float:
    """How much more red than blue there is."""
    red, _, blue = image.pixels[where].mean(0)
    return float(red - blue)


def test_each_texture_takes_the_colors_of_its_own() -> None:
    """What a match is for: the statistics of the whole cannot know which half is to be orange."""
    (photo, striped), (painting, _) = halves(False), halves(True)
    apart = {}
    for match in ("statistics", "semantic"):
        settings = Settings(match=match, iterations=12, content_weight=0.05, style_layers=LAYERS)
        out = called(OptimizeEngine([Sample(painting)], settings, "cpu", 0))(photo)
        apart[match] = warmth(out, striped) - warmth(out, ~striped)
    wanted = warmth(painting, ~striped) - warmth(painting, striped)  # swapped in place
    assert apart["semantic"] > 0.6 * wanted
    assert apart["statistics"] < 0.3 * wanted


def test_the_same_again(net: str, picture: Callable[..., Image], plain: dict[str, Any]) -> None:
    settings = Settings(**{**plain, **SEMANTIC, "coarse_iterations": 3, "iterations": REFRESH + 3})
    one, other = (called(OptimizeEngine([Sample(picture(50, 40, 2))], settings, "cpu", seed))(picture(44, 52, 1)) for seed in (0, 1))
    assert np.array_equal(one.pixels, other.pixels)


@pytest.mark.parametrize("guided", [False, True])
@pytest.mark.parametrize("stop", [2, REFRESH + 2])
def test_a_run_that_is_resumed_ends_as_one_that_was_not(
    stop: int, guided: bool, picture: Callable[..., Image], plain: dict[str, Any]
) -> None:
    settings = Settings(**{**plain, **SEMANTIC, "iterations": 2 * REFRESH + 3})
    photo, samples, guide = picture(44, 52, 1), [Sample(picture(50, 40, 2))], None
    if guided:
        samples = [Sample(picture(50, 40, 2), region=0), Sample(picture(40, 40, 5), region=1, strokes="fine")]
        guide = Guide(parted(44, 52).numpy())
    states: list[Any] = []

    def report(progress: Progress) -> None:
        states.append(progress.state and progress.state())
        if progress.step == stop:
            raise Cancelled

    engine = called(OptimizeEngine(samples, settings, "cpu", 0), guide)
    whole = engine(photo)
    engine(photo, report=report)
    resumed = called(OptimizeEngine(samples, settings, "cpu", 0), guide)(photo, state=states[-1])
    assert np.array_equal(whole.pixels, resumed.pixels)
    if guide:
        left = guide.regions.sum(0) == 0
        assert left.any()
        assert np.array_equal(whole.pixels[left], photo.pixels[left])  # bit for bit


def test_a_blank_photo_takes_the_painting_on(network: Network) -> None:
    """As for a texture: there is nothing to match but the picture itself."""
    blank, style = torch.full((1, 3, 48, 48), 0.5), pixels(64, 64)
    objective = Objective(network, Settings(content_weight=0.0, **SEMANTIC), blank, [Exemplar(style)])
    gradient, losses = objective(pixels(48, 48, 3))
    assert np.isfinite(losses["total"])
    assert torch.isfinite(gradient).all()


# Bad input ------------------------------------------------------------------------------------------------------------


def test_another_match_is_refused() -> None:
    with pytest.raises(SettingError, match=r"`?match`? nope: choose from statistics, semantic"):
        Settings(match="nope")


def test_styles_without_weight_are_refused(network: Network) -> None:
    with pytest.raises(SettingError, match="weight"):
        Objective(network, Settings(**SEMANTIC), pixels(48, 48), [Exemplar(pixels(48, 48, 1), 0.0)])


def test_a_painting_smaller_than_a_cell_is_refused(network: Network) -> None:
    settings = Settings(match="semantic", style_layers={"conv1_1": 1.0}, content_weight=0.0)
    with pytest.raises(SettingError, match="3x40 px here, less than the 4"):
        Objective(network, settings, pixels(48, 48), [Exemplar(pixels(3, 40))])


def test_too_large_a_picture_is_refused_before_the_coarse_scales(plain: dict[str, Any], picture: Callable[..., Image]) -> None:
    settings = Settings(**{**plain, **SEMANTIC, "coarse_iterations": 1, "tile": 512})
    photo = Image(np.broadcast_to(np.float32(0.5), (4112, 4112, 3)))
    told: list[Progress] = []
    with pytest.raises(SettingError, match=r"4096x4096 px: give a smaller `?size`?"):
        called(OptimizeEngine([Sample(picture(40, 40, 2))], settings, "cpu", 0))(photo, report=told.append)
    assert not told
