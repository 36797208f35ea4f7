"""The networks as ONNX: what torch paints, at every size, in every form; and what comes of broken files."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import safetensors.numpy
import torch
from numpy.typing import NDArray

from atelier.cli import main
from atelier.engines.guide import Sample
from atelier.engines.network import catalogue, engine, look
from atelier.engines.network.painter import Painter as Paints
from atelier.engines.network.painter import from_cells, noise_of, to_cells
from atelier.engines.network.plan import CELL, MARGIN, MULTIPLE, Plan
from atelier.engines.network.runner import open_model
from atelier.engines.network.windows import reflected
from atelier.errors import SettingError, SourceError, WeightsError
from atelier.image import Image
from atelier.image.moments import Moments, linear_map, moments, transport
from atelier.image.spaces import SPACES
from atelier.perception.network import Network
from atelier.perception.store import find
from atelier.request import InstantSettings
from atelier.training.export import styles
from atelier.training.export.colors import as_style
from atelier.training.export.extent import OpenExtent, pattern
from atelier.training.export.graph import MANY, Graph
from atelier.training.export.painter import painter_model
from atelier.training.export.plain import plain_model
from atelier.training.export.reader import reader_model
from atelier.training.export.reading import read_painter, read_reader
from atelier.training.export.sight import GIVEN
from atelier.training.export.styles import style_model
from atelier.training.objective import halved
from atelier.training.painter import Painter, Reader
from calls import called

Array = NDArray[Any]
PLAN = Plan(fine=16, wide=16, deep=16, half=16, blocks=1, deep_blocks=1, rank=2, fine_blocks=1)
COLORS = Moments(np.array([0.55, 0.45, 0.3]), np.array([[0.05, 0.02, 0.01], [0.02, 0.04, 0.0], [0.01, 0.0, 0.03]]))


def painter(plan: Plan = PLAN, seed: int = 0) -> Painter:
    """With weights that float16 holds, so that files change nothing."""
    torch.manual_seed(seed)
    made = Painter(plan).eval()
    with torch.no_grad():
        for name, tensor in made.state_dict().items():
            tensor.copy_((torch.rand_like(tensor) + 0.5 if "variance" in name else tensor + 0.05 * torch.randn_like(tensor)).half().float())
    return made


def tensors(module: torch.nn.Module) -> dict[str, Array]:
    return {name: tensor.numpy() for name, tensor in module.state_dict().items()}


def unknown(plan: Plan) -> dict[str, Array]:
    """Statistics that are still the thumbnail's to give."""
    return {"known": np.zeros(1, np.float32), "statistics": np.zeros((1, plan.channels, 1, 2), np.float32)}


def style(plan: Plan = PLAN, seed: int = 1) -> Array:
    return (np.random.default_rng(seed).standard_normal(plan.numbers) * 0.3).astype(np.float16).astype(np.float32)


def photo(height: int, width: int, seed: int = 0, count: int = 1) -> Array:
    """(N, 3, H, W) with some structure."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width] / 20
    mixing = rng.standard_normal((count, 3, 3, 1, 1)) * 0.15
    waves = np.stack([np.sin(x + y), np.cos(2 * x - y), np.sin(3 * y)])
    noisy = 0.5 + (mixing * waves).sum(2) + rng.standard_normal((count, 3, height, width)) * 0.05
    return noisy.clip(0, 1).astype(np.float32)


def celled(pictures: Array) -> Array:
    """(1, 3, H, W) as a painter takes it."""
    return to_cells(pictures[0].transpose(1, 2, 0))


def picture_of(painted: Array) -> Array:
    """What a painter gives as (1, 3, H, W)."""
    return from_cells(painted).transpose(2, 0, 1)[None]


def run(model: bytes, **arrays: Array) -> list[Array]:
    onnx.checker.check_model(onnx.load_model_from_string(model), full_check=True)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"]).run(None, arrays)  # type: ignore[no-any-return]


def recolored(x: Array, colors: Moments) -> Array:
    """As the runtime does it: (1, 3, H, W)."""
    pixels = np.ascontiguousarray(x[0].transpose(1, 2, 0))
    matrix, offset = linear_map(moments(pixels, SPACES["rgb"]), colors, transport, stretch=look.STRETCH)
    return (pixels @ matrix.T + offset).clip(0, 1).astype(np.float32).transpose(2, 0, 1)[None]


def by_torch(made: Painter, x: Array, numbers: Array, noise: Array) -> Array:
    """One picture (1, 3, H, W) by the network itself, with padding by NumPy."""
    height, width = x.shape[2:]
    ends = [-(-(n + 2 * MARGIN) // MULTIPLE) * MULTIPLE - n - MARGIN for n in (height, width)]
    padded = np.pad(recolored(x, COLORS), [(0, 0), (0, 0), (MARGIN, ends[0]), (MARGIN, ends[1])], mode="reflect")
    with torch.no_grad():
        picture = made(torch.from_numpy(padded), torch.from_numpy(numbers[None]), torch.from_numpy(noise)).numpy()
    return picture[:, :, MARGIN : MARGIN + height, MARGIN : MARGIN + width].clip(0, 1)


def cells(height: int, width: int) -> tuple[int, int]:
    """Of the noise for a picture."""
    rows, columns = (-(-(n + 2 * MARGIN) // MULTIPLE) * (MULTIPLE // CELL) for n in (height, width))
    return rows, columns


def plain(made: Painter, numbers: Array, **options: Any) -> bytes:
    return plain_model(tensors(made), made.plan, numbers, COLORS, **options)


# The general forms ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pocket() -> dict[str, Array]:
    return safetensors.numpy.load_file(find("pocket"))


@pytest.mark.parametrize("changed", [{}, {"norm": "batch", "output": "tanh"}, {"seen": (64, 128), "output": "linear"}])
def test_a_painter_paints_as_it_does_in_torch(changed: dict[str, Any], pocket: dict[str, Array]) -> None:
    plan = dataclasses.replace(PLAN, **changed)
    made, rng = painter(plan, 1), np.random.default_rng(3)
    x, small = photo(48, 64), photo(32, 48, 5)
    noise, small_noise = (rng.standard_normal((1, PLAN.noise, n.shape[2] // 8, n.shape[3] // 8), np.float32) for n in (x, small))
    colors = np.array([[[0.8, 0.1, 0, 0.02], [0, 0.9, 0.1, 0.05], [0.1, 0, 0.7, 0.1]]], np.float32)
    given = {
        "photo": celled(x),
        "noise": noise,
        "thumbnail": celled(small),
        "thumbnail_noise": small_noise,
        **unknown(plan),
        "numbers": style(plan)[None],
        "colours": colors,
    }
    maps = {}
    for layer, channels in zip(GIVEN, plan.seen, strict=False):
        maps[layer] = (np.eye(channels, channels + 1) + rng.standard_normal((channels, channels + 1)) * 0.02).astype(np.float32)
        given[f"map_{layer}"] = maps[layer][None]
    model = painter_model(tensors(made), plan, pocket, {"licence": "none"})
    found, statistics, *small_painted = run(model, **given)
    assert len(small_painted) == 1
    # what is known is taken, and the thumbnail then is nobody's
    again = {
        **given,
        "known": np.ones(1, np.float32),
        "statistics": statistics,
        "thumbnail": celled(x[:, :, :16, :16]),
        "thumbnail_noise": noise[:, :, :2, :2],
    }
    np.testing.assert_allclose(run(model, **again)[0], found, atol=1e-6)
    assert abs(run(model, **{**again, "statistics": statistics * 1.1})[0] - found).max() > 0.01

    eye = Network.load("pocket", dtype=torch.float32)

    def features(pictures: Array) -> tuple[torch.Tensor, torch.Tensor] | None:
        if not plan.seen:
            return None
        seen = eye.see(halved(torch.from_numpy(pictures)), GIVEN)
        of = [
            torch.einsum("ij,bjhw->bihw", torch.from_numpy(m[:, :-1]), seen[n]) + torch.from_numpy(m[:, -1:, None]) for n, m in maps.items()
        ]
        return of[0], of[1]

    def colored(pictures: Array) -> torch.Tensor:
        return torch.from_numpy((np.einsum("ij,bjhw->bihw", colors[0, :, :3], pictures) + colors[0, :, 3:, None]).clip(0, 1))

    def given_to(pictures: Array, noise: Array) -> tuple[Any, ...]:
        """In double precision, so that the differences are the model's alone."""
        seen = features(pictures)
        doubled = colored(pictures).double(), torch.from_numpy(style(plan)[None]).double(), torch.from_numpy(noise).double()
        return *doubled, seen and (seen[0].double(), seen[1].double())

    affine = list[torch.Tensor]()
    with torch.no_grad():
        made.double()(*given_to(small, small_noise), seen=affine)
        expected = made(*given_to(x, noise), affine=torch.cat(affine, 2)).clamp(0, 1).numpy()
    np.testing.assert_allclose(statistics[0, :, 0].T, torch.cat(affine, 2)[0].numpy(), rtol=2e-3, atol=2e-3)
    assert expected.std() > 0.02
    np.testing.assert_allclose(picture_of(found), expected, atol=2e-4 if plan.seen else 5e-5)
    for each in small_painted:
        with torch.no_grad():
            expected = made(*given_to(small, small_noise)).clamp(0, 1).numpy()
        np.testing.assert_allclose(picture_of(each), expected, atol=2e-4)


@pytest.mark.parametrize("seen", [(), (64, 128)])
def test_tiles_are_the_whole_as_far_as_a_window_sees(seen: tuple[int, ...], pocket: dict[str, Array]) -> None:
    plan = dataclasses.replace(PLAN, seen=seen)
    painting = Paints(open_model(painter_model(tensors(painter(plan)), plan, pocket, {}), backend="onnxruntime"))
    given = {"numbers": style(plan)[None], "colours": np.eye(3, 4, dtype=np.float32)[None]}
    given |= {f"map_{layer}": np.eye(c, c + 1, dtype=np.float32)[None] for layer, c in zip(GIVEN, seen, strict=False)}
    pixels = np.ascontiguousarray(photo(50, 500)[0].transpose(1, 2, 0))

    def painted(tile: int, reach: int) -> Array:
        out = np.zeros_like(pixels)
        grid = dataclasses.replace(painting.grid((500, 50), tile), reach=reach)
        windows = list(grid.windows())
        for x, y, part in painting.windows(lambda x, y, w, h: pixels[y : y + h, x : x + w], grid, windows, pixels[:, :90], given):
            out[y : y + part.shape[0], x : x + part.shape[1]] = part
        return out

    whole = painted(0, plan.reach)
    np.testing.assert_allclose(painted(64, plan.reach), whole, atol=1e-5)
    assert np.abs(painted(64, plan.reach // 2) - whole).max() > 1e-3


def reading(pocket: dict[str, Array], plan: Plan = PLAN, **shape: int) -> Reader:
    torch.manual_seed(0)
    return Reader(plan, {name: len(pocket[f"{name}.bias"]) for name in ("conv1_1", "conv2_1", "conv3_1", "conv4_1")}, **shape).eval()


def test_a_reader_reads_as_it_does_in_torch(pocket: dict[str, Array]) -> None:
    made, layers = reading(pocket), ("conv1_1", "conv2_1", "conv3_1", "conv4_1")
    x = photo(40, 56, 7)
    model = reader_model(tensors(made), pocket, {})
    names = [each.name for each in onnx.load_model_from_string(model).graph.output]
    half = halved(torch.from_numpy(x)).numpy()
    found = dict(zip(names, run(model, painting=x, half=half), strict=True))
    whole, part = run(model, painting=x, half=half[:, :, :8, :8]), run(model, painting=x[:, :, :16, :16], half=half)
    for name, one, other in zip(names, whole, part, strict=True):  # each depends on one of the two alone
        assert np.array_equal(found[name], one) == (name == "numbers")
        assert np.array_equal(found[name], other) == (name != "numbers")
    eye = Network.load("pocket", dtype=torch.float32)
    seen, given = eye.see(torch.from_numpy(x), layers), eye.see(halved(torch.from_numpy(x)), GIVEN)
    for name in GIVEN:
        flat = given[name].flatten(2)
        np.testing.assert_allclose(found[f"mean_{name}"], flat.mean(2), rtol=1e-3, atol=1e-2)
        np.testing.assert_allclose(found[f"covariance_{name}"][0], np.cov(flat[0].numpy(), bias=True), rtol=1e-2, atol=1e-1)
    grams = {}
    for name in layers:
        metric, flat = torch.from_numpy(pocket[f"{name}.metric"].astype(np.float32)), seen[name].flatten(2)
        grams[name] = metric @ (flat @ flat.transpose(1, 2) / flat.shape[2]) @ metric.T
    with torch.no_grad():
        expected = made(grams).numpy()
    np.testing.assert_allclose(found["numbers"], expected, atol=2e-3)


@pytest.mark.parametrize("plan", [PLAN, dataclasses.replace(PLAN, norm="batch", seen=(64, 128), blocks=2, deep_blocks=2)])
def test_weights_come_back_by_their_names(plan: Plan, pocket: dict[str, Array]) -> None:
    made = painter(plan)
    found, told = read_painter(painter_model(tensors(made), plan, pocket, {}))
    assert told == plan
    assert set(found) == set(made.state_dict())
    for name, tensor in made.state_dict().items():
        assert found[name].dtype == np.float32
        np.testing.assert_array_equal(found[name], tensor.numpy(), err_msg=name)


def test_large_kernels_are_bytes_and_no_further_off_than_half_of_one(pocket: dict[str, Array]) -> None:
    plan = dataclasses.replace(PLAN, deep=96)
    made = painter(plan)
    with torch.no_grad():
        made.convs["deep0a"].weight[5] = 0  # type: ignore[index]  # a channel that nothing is left of
    model = painter_model(tensors(made), plan, pocket, {})
    types = {each.name: each.data_type for each in onnx.load_model_from_string(model).graph.initializer}
    large = [name for name, tensor in made.state_dict().items() if tensor.numel() >= MANY]
    assert large == ["convs.deep0a.weight", "convs.deep0b.weight"]
    found, _ = read_painter(model)
    for name, tensor in tensors(made).items():
        kept = types[name.removeprefix("convs.")]
        assert (kept == onnx.TensorProto.INT8) == (name in large), name
        step = np.abs(tensor).max((1, 2, 3), keepdims=True) / 127 if name in large else np.zeros(1)
        off = np.abs(found[name] - tensor)
        assert (off <= 0.5 * step + 1e-7).all(), name
        assert off.max() > 0.4 * step.max() or name not in large
        if name in large:  # the largest of each channel is there to the last bit but one, and read again it is the same file's
            np.testing.assert_allclose(np.abs(found[name]).max((1, 2, 3)), np.abs(tensor).max((1, 2, 3)), rtol=1e-6)
    again, _ = read_painter(painter_model(found, plan, pocket, {}))
    assert all(np.allclose(again[name], value, rtol=1e-6, atol=0) for name, value in found.items())
    # and the network paints with what is read
    read, noise = Painter(plan).eval(), np.random.default_rng(2).standard_normal((1, PLAN.noise, 6, 8), np.float32)
    read.load_state_dict({name: torch.from_numpy(value) for name, value in found.items()})
    x, numbers = photo(48, 64), style(plan)[None]
    given = {"photo": celled(x), "noise": noise, "thumbnail": celled(x), "thumbnail_noise": noise, "numbers": numbers, **unknown(plan)}
    painted, *_ = run(model, **given, colours=np.eye(3, 4, dtype=np.float32)[None])
    picture = picture_of(painted)
    with torch.no_grad():
        expected, before = (net(*map(torch.from_numpy, (x, numbers, noise))).numpy() for net in (read, made))
    np.testing.assert_allclose(picture, expected, atol=5e-5)
    assert 1e-4 < np.abs(expected - before).mean() < 0.01


def test_a_painter_of_another_version_is_refused(pocket: dict[str, Array]) -> None:
    model = onnx.load_model_from_string(painter_model(tensors(painter()), PLAN, pocket, {}))
    last = next(node for node in model.graph.node if node.output[0] == "painted")
    last.output[0] = model.graph.output[0].name = "picture"  # whose channels lay otherwise
    other = model.SerializeToString()
    with pytest.raises(WeightsError, match="version"):
        read_painter(other)
    painting, pixels = Paints(open_model(other, backend="onnxruntime")), np.zeros((32, 32, 3), np.float32)
    grid = painting.grid((32, 32))
    with pytest.raises(WeightsError, match="version"):
        list(painting.windows(lambda x, y, w, h: pixels[y : y + h, x : x + w], grid, list(grid.windows()), pixels, {}))


def test_the_readers_weights_come_back(pocket: dict[str, Array]) -> None:
    made = reading(pocket, hidden=64, code=24)
    found = read_reader(reader_model(tensors(made), pocket, {}), pocket)
    assert set(found) == set(made.state_dict())
    for name, tensor in tensors(made).items():
        assert found[name].dtype == np.float32
        np.testing.assert_allclose(found[name], tensor, atol=3e-3 if name.startswith("looks") else 1e-3, err_msg=name)
    again = read_reader(reader_model(found, pocket, {}), pocket)
    assert all(np.allclose(again[name], value, atol=1e-3) for name, value in found.items())
    grams = {name: torch.eye(len(pocket[f"{name}.bias"]))[None] for name in ("conv1_1", "conv2_1", "conv3_1", "conv4_1")}
    read = reading(pocket, hidden=64, code=24)
    read.load_state_dict({name: torch.from_numpy(value) for name, value in found.items()})
    with torch.no_grad():
        assert torch.allclose(read(grams), made(grams), atol=5e-3)


def test_broken_readers_are_refused(pocket: dict[str, Array]) -> None:
    good = reader_model(tensors(reading(pocket, hidden=16, code=8)), pocket, {})
    painting = painter_model(tensors(painter()), PLAN, pocket, {})
    for bad in (b"", b"no model", good[: len(good) // 2], painting):
        with pytest.raises(WeightsError, match="reader"):
            read_reader(bad, pocket)
    for name in ("conv2_1.look", "hidden.0.bias", "hidden.1.weight", "hidden.3.bias", "numbers.weight"):
        model = onnx.load_model_from_string(good)
        next(each for each in model.graph.initializer if each.name == name).name = "other"
        with pytest.raises(WeightsError, match="reader"):
            read_reader(model.SerializeToString(), pocket)
    with pytest.raises(WeightsError, match=r"conv3_1\.look"):
        read_reader(good, {name: value for name, value in pocket.items() if name != "conv3_1.metric"})


def test_nothing_is_computed_in_vain(pocket: dict[str, Array]) -> None:
    graph = onnx.load_model_from_string(painter_model(tensors(painter()), PLAN, pocket, {})).graph
    used = {name for node in graph.node for name in node.input} | {each.name for each in graph.output}
    assert all(set(node.output) & used for node in graph.node)
    assert sum(node.op_type == "Sigmoid" for node in graph.node) == 2  # the thumbnail is painted to the end: it may be the photo


def test_broken_painters_are_refused(pocket: dict[str, Array]) -> None:
    good = painter_model(tensors(painter()), PLAN, pocket, {})
    for bad in (b"", b"no model", good[: len(good) // 2], plain(painter(), style())):
        with pytest.raises(WeightsError):
            read_painter(bad)

    def changed(edit: Any) -> bytes:
        model = onnx.load_model_from_string(good)
        edit(model)
        return model.SerializeToString()  # type: ignore[no-any-return]

    def plan_of(text: str) -> Any:
        return lambda model: onnx.helper.set_model_props(model, {"atelier.kind": "painter", "atelier.plan": text})

    known = dataclasses.asdict(PLAN)
    wrong = [{"wide": 10**9}, {"output": "loud"}, {"wide": 24}, {"seen": 3}, {"more": 1}]
    for text in ("", "{", "[]", "null", "{}", *(json.dumps({**known, **each}) for each in wrong)):
        with pytest.raises(WeightsError, match="painter's model"):
            read_painter(changed(plan_of(text)))

    def elsewhere(model: onnx.ModelProto) -> None:
        stem = next(each for each in model.graph.initializer if each.name == "stem.weight")
        stem.ClearField("raw_data")
        stem.data_location = onnx.TensorProto.EXTERNAL
        stem.external_data.add(key="location", value="/etc/passwd")

    def short(model: onnx.ModelProto) -> None:
        stem = next(each for each in model.graph.initializer if each.name == "stem.weight")
        stem.raw_data = stem.raw_data[:-2]

    for edit in (elsewhere, short):
        with pytest.raises(WeightsError, match=r"stem\.weight"):
            read_painter(changed(edit))


# The plain form -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("changed", [{}, {"norm": "batch", "output": "tanh"}, {"output": "linear"}])
def test_any_size_is_painted_as_torch_does(changed: dict[str, Any]) -> None:
    plan = dataclasses.replace(PLAN, **changed)
    made, numbers = painter(plan), style(plan)
    session = onnxruntime.InferenceSession(plain(made, numbers))
    for height, width in ((24, 24), (33, 47), (25, 90), (48, 64), (530, 29)):  # the last one is more than a pattern of noise high
        x = photo(height, width, height)
        expected = by_torch(made, x, numbers, pattern(PLAN.noise, *cells(height, width)))
        assert expected.std() > 0.02
        np.testing.assert_allclose(session.run(None, {"photo": x})[0], expected, atol=1e-4)


def test_the_smallest_pictures_are_painted_too() -> None:
    session = onnxruntime.InferenceSession(plain(painter(), style()))
    for height, width in ((16, 16), (16, 19), (17, 23), (3, 40), (1, 1)):
        x = photo(height, width)
        found = session.run(None, {"photo": x})[0]
        assert found.shape == x.shape and np.isfinite(found).all()
        # reflected back and forth, where once is not enough
        rows, columns = (reflected(-MARGIN, CELL * n - MARGIN, side) for n, side in zip(cells(height, width), (height, width), strict=True))
        padded = recolored(x, COLORS)[:, :, rows][:, :, :, columns]
        noise = torch.from_numpy(pattern(PLAN.noise, *cells(height, width)))
        with torch.no_grad():
            expected = painter()(torch.from_numpy(padded), torch.from_numpy(style()[None]), noise).numpy()
        np.testing.assert_allclose(found, expected[:, :, MARGIN : MARGIN + height, MARGIN : MARGIN + width], atol=1e-4)


def test_pictures_of_a_batch_do_not_know_of_each_other() -> None:
    session = onnxruntime.InferenceSession(plain(painter(), style()))
    several = np.concatenate([photo(40, 33, 1), photo(40, 33, 2) * 0.3, np.full((1, 3, 40, 33), 0.5, np.float32)])
    together = session.run(None, {"photo": several})[0]
    for one, picture in zip(several, together, strict=True):
        np.testing.assert_allclose(session.run(None, {"photo": one[None]})[0][0], picture, atol=1e-5)


@pytest.mark.parametrize("dull", ["grey", "nearly grey", "one colour"])
def test_dull_photos_get_the_colors_that_linear_map_gives(dull: str) -> None:
    x = photo(32, 40)
    gray = np.repeat(x.mean(1, keepdims=True), 3, 1)
    x = {"grey": gray, "nearly grey": gray + 0.01 * (x - gray), "one colour": np.full_like(x, 0.3)}[dull]
    graph = Graph()
    frame = OpenExtent(graph, "photo")
    graph("Identity", as_style(graph, "photo", frame, COLORS), name="picture")
    shape = ["n", 3, "h", "w"]
    (found,) = run(graph.model({"photo": shape}, {"picture": shape}, {}), photo=x)
    np.testing.assert_allclose(found, recolored(x, COLORS), atol=2e-3)


def test_a_fixed_size_is_static_throughout_and_has_the_engines_noise() -> None:
    made, numbers = painter(), style()
    large = {each.name: each for each in onnx.load_model_from_string(plain(made, numbers, size=(1024, 1024))).graph.initializer}["noise"]
    assert large.data_type == onnx.TensorProto.FLOAT16 and np.prod(large.dims) > MANY
    model = plain(made, numbers, size=(61, 44), seed=7)
    x = photo(44, 61)
    rows, columns = cells(44, 61)
    noise = noise_of(PLAN.noise, (0, 0, columns * CELL, rows * CELL), 7)
    np.testing.assert_allclose(run(model, photo=x)[0], by_torch(made, x, numbers, noise), atol=2e-3)  # of noise in float16
    opened = onnx.shape_inference.infer_shapes(onnx.load_model_from_string(model), strict_mode=True, data_prop=True)
    assert not {node.op_type for node in opened.graph.node} & {"Shape", "Range", "Mod", "Tile"}
    values = [*opened.graph.value_info, *opened.graph.input, *opened.graph.output]
    assert all(dim.dim_value > 0 for value in values for dim in value.type.tensor_type.shape.dim)
    with pytest.raises(Exception, match="photo"):
        run(model, photo=photo(44, 60))


@pytest.mark.parametrize("size", [None, (40, 48)])
@pytest.mark.parametrize("ends", [False, True])
def test_half_precision_is_close(size: tuple[int, int] | None, ends: bool) -> None:
    made, numbers, x = painter(), style(), photo(48, 40)
    whole, half = plain(made, numbers, size=size), plain(made, numbers, size=size, half=True, half_ends=ends)
    (expected,) = run(whole, photo=x)
    (found,) = run(half, photo=x.astype(np.float16) if ends else x)
    assert found.dtype == (np.float16 if ends else np.float32)
    assert abs(found - expected).max() < 0.03 and abs(found - expected).mean() < 3e-3
    convs = [node for node in onnx.load_model_from_string(half).graph.node if node.op_type == "Conv"]
    types = {each.name: each.data_type for each in onnx.load_model_from_string(half).graph.initializer}
    assert {types[node.input[1]] for node in convs} == {onnx.TensorProto.FLOAT16}


def test_half_precision_is_close_with_kernels_of_bytes_too() -> None:
    plan = dataclasses.replace(PLAN, deep=96)
    made, numbers, x = painter(plan), style(plan), photo(48, 40)
    (expected,), (found,) = (run(plain(made, numbers, half=half), photo=x) for half in (False, True))
    assert 0 < abs(found - expected).max() < 0.03 and abs(found - expected).mean() < 3e-3


def test_what_cannot_be_exported_says_so() -> None:
    made, numbers = painter(), style()
    with pytest.raises(WeightsError, match="numbers"):
        plain(made, numbers[:-1])
    with pytest.raises(WeightsError, match="wide0a"):
        plain_model({**tensors(made), "convs.wide0a.weight": np.zeros((16, 16, 1, 1))}, PLAN, numbers, COLORS)
    with pytest.raises(WeightsError, match="noise"):
        plain_model({k: v for k, v in tensors(made).items() if k != "noise.weight"}, PLAN, numbers, COLORS)
    with pytest.raises(SettingError, match="16 to 8192"):
        plain(made, numbers, size=(15, 100))
    with pytest.raises(SettingError, match=r"`?half`?"):
        plain(made, numbers, half_ends=True)
    seeing = dataclasses.replace(PLAN, seen=(64, 128))
    with pytest.raises(SettingError, match="features"):
        plain(painter(seeing), style(seeing))


# By name, and by the command ------------------------------------------------------------------------------------------


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of tiny models as those that ship."""
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / "styles.onnx").write_bytes(painter_model(tensors(painter()), PLAN, {}, {"licence": "MIT", "trained": "not much"}))
    found: dict[str, Array] = {"photo.numbers": np.zeros(PLAN.numbers, np.float16)}
    about = {}
    for seed, name in enumerate(("waves", "stars"), 1):
        found[f"{name}.numbers"] = style(seed=seed).astype(np.float16)
        found[f"{name}.colours"] = np.concatenate([COLORS.mean[None] / seed, COLORS.covariance / seed]).astype(np.float32)
        about[name] = {"title": name.title(), "painter": "Nobody", "year": 1900 + seed}
    safetensors.numpy.save_file(found, folder / "styles.safetensors", {"styles": json.dumps(about), "body": catalogue.BODY})
    for module in (catalogue, engine, styles):
        monkeypatch.setattr(module, "models_folder", lambda: folder)
    monkeypatch.setenv("ATELIER_STYLES", str(tmp_path / "own"))
    catalogue.shipped.cache_clear()
    catalogue.left_as_it_is.cache_clear()
    yield folder  # type: ignore[misc]
    catalogue.shipped.cache_clear()
    catalogue.left_as_it_is.cache_clear()


def test_a_style_is_painted_as_the_engine_paints_it(models: Path) -> None:
    x = photo(60, 83)
    pixels = np.ascontiguousarray(x[0].transpose(1, 2, 0))
    styles = [("waves", 0.7), ("stars", 0.3)]
    samples = [Sample(catalogue.entry(name), weight) for name, weight in styles]  # type: ignore[arg-type]
    painted = called(engine.InstantEngine(samples, InstantSettings(backend="onnxruntime"), "cpu", seed=5))(Image(pixels)).pixels
    model = style_model(styles, size=(83, 60), seed=5)
    (found,) = run(model, photo=x)
    assert painted.std() > 0.02
    np.testing.assert_allclose(found[0].transpose(1, 2, 0), painted, atol=3e-3)
    said = {each.key: each.value for each in onnx.load_model_from_string(model).metadata_props}
    assert json.loads(said.pop("atelier.styles")) == {"waves": 0.7, "stars": 0.3}
    assert said == {
        "licence": "MIT", "trained": "not much", "title": "Waves; Stars", "painter": "Nobody", "year": "1901; 1902",
        "atelier.kind": "plain", "atelier.layout": "nchw", "atelier.order": "rgb", "atelier.range": "0..1",
        "atelier.output_range": "0..1", "atelier.multiple": "1",
    }  # fmt: skip


def test_the_exported_file_can_be_given_back_as_a_model(models: Path, tmp_path: Path) -> None:
    from atelier.engines.network.foreign import open_foreign

    path, x = tmp_path / "waves.onnx", photo(70, 83)
    path.write_bytes(style_model([("waves", 1.0)]))
    pixels = np.ascontiguousarray(x[0].transpose(1, 2, 0))
    painted = called(open_foreign(InstantSettings(model=str(path), backend="onnxruntime"), "cpu"))(Image(pixels)).pixels
    np.testing.assert_allclose(painted.transpose(2, 0, 1)[None], run(path.read_bytes(), photo=x)[0], atol=1e-5)


def test_the_command_writes_a_model(models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import atelier.cli.exporting  # noqa: F401  (adds its command)

    out = tmp_path / "style.onnx"
    with pytest.raises(SystemExit) as end:
        main(["export", "waves=0.7", "stars=0.3", "--out", str(out), "--size", "40x32", "--half"])
    assert end.value.code == 0
    assert out.read_bytes() == style_model([("waves", 0.7), ("stars", 0.3)], size=(40, 32), half=True)
    assert "Exported" in capsys.readouterr().err
    with pytest.raises(SystemExit) as end:
        main(["export", "--network", "styles", "--out", str(out), "-q"])
    assert end.value.code == 0 and out.read_bytes() == (models / "styles.onnx").read_bytes()


@pytest.mark.parametrize(
    ("arguments", "code", "word"),
    [
        (["wavs"], 2, "did you mean waves"),
        ([], 2, "name a style"),
        (["waves=x"], 2, "must be a number"),
        (["waves=-1"], 2, "weight over 0"),
        (["waves", "--size", "4x5x6"], 2, "512x384"),
        (["waves", "--size", "8"], 2, "from 16 to 8192"),
        (["waves", "--network", "styles"], 2, "no style"),
        (["--network", "vgg"], 2, "choose from"),
        (["--network", "reader"], 1, "reader.onnx"),
    ],
)
def test_the_command_refuses_and_writes_nothing(
    models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, word: str
) -> None:
    import atelier.cli.exporting  # noqa: F401

    out = tmp_path / "style.onnx"
    out.write_bytes(b"before")
    with pytest.raises(SystemExit) as end:
        main(["export", *arguments, "--out", str(out)])
    assert end.value.code == code
    told = capsys.readouterr().err
    assert word in told and len(told.strip().splitlines()) == 1
    assert out.read_bytes() == b"before" and sorted(p.name for p in tmp_path.iterdir()) == ["models", "style.onnx"]


def test_names_that_are_none_are_source_errors(models: Path) -> None:
    with pytest.raises(SourceError, match="atelier train"):
        style_model([("nowhere", 1.0)])


def test_exporting_needs_no_torch() -> None:
    code = "import sys, atelier.training.export.styles; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_without_onnx_one_line_says_what_to_install() -> None:
    code = (
        "import sys; sys.modules['onnx'] = None\n"
        "from atelier.errors import MissingExtra\n"
        "try: import atelier.training.export.styles\n"
        "except MissingExtra as error: assert 'atelier[train]' in str(error)\n"
        "else: raise SystemExit('imported')"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
