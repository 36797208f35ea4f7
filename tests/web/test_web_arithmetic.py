"""The page's arithmetic against the desktop's, in Node: noise, sizes, windows, colours, styles."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import atelier.web.page
from atelier.engines.network.catalogue import left_as_it_is, models_folder, shipped
from atelier.engines.network.look import RIDGE, blend_map, match, power
from atelier.engines.network.look import Look as DesktopLook
from atelier.engines.network.painter import from_cells, noise_of, to_cells
from atelier.engines.network.windows import Grid
from atelier.image import Image, fit, resize
from atelier.image.moments import Moments, linear_map, moments, transport
from atelier.image.spaces import SPACES
from pictures import paint

NODE = shutil.which("node")
pytestmark = pytest.mark.skipif(NODE is None, reason="node is not installed")
PROGRAM = """
import fs from "node:fs";
const [noise, pixels, moments, windows, look, styles] = await Promise.all(
  ["noise", "pixels", "moments", "windows", "look", "styles"].map((name) => import(`./${name}.js`)));
const folder = process.argv[2];
const given = JSON.parse(fs.readFileSync(`${folder}/given.json`));
const floats = (name) => new Float32Array(fs.readFileSync(`${folder}/${name}`).buffer.slice(0));
const told = {};
const tell = (name, data) => fs.writeFileSync(`${folder}/${name}.out`, Float32Array.from(data));
const photo = { width: 83, height: 61, data: floats("photo") };
tell("noise", noise.noiseOf(8, [-16, 500, 600, 1040].map((v) => v), 7).data);
tell("tail", noise.standardNormal([12345678901, 3], 200000));
tell("smaller", pixels.resize(photo, 31, 23).data);
tell("larger", pixels.resize(photo, 120, 70).data);
told.sizes = given.sizes.map(([w, h, side]) => pixels.fit(w, h, side));
told.windows = given.grids.map(([w, h, reach, side]) => new windows.Grid(w, h, reach, side).windows().map(
  (each) => [each.x, each.y, each.width, each.height, ...each.seen]));
const grid = new windows.Grid(83, 61, 80, 48);
const each = grid.windows()[1];
const seen = grid.see(each, photo);
tell("seen", seen.data);
const cells = pixels.toCells(seen);
tell("cells", cells.data);
const { rows, columns } = grid.inside(each);
const [h, w] = [seen.height / 2, seen.width / 2];
tell("part", pixels.fromCells({ dims: [1, h, w, 12], data: seen.data }, rows, columns).data);
const own = moments.moments(photo), other = { mean: given.mean, covariance: given.covariance };
tell("map", moments.blendMap(moments.linearMap(own, other, 4), 0.7).data);
tell("grey", moments.blendMap(moments.linearMap({ mean: [0.5, 0.5, 0.5], covariance: new Array(9).fill(0.02) }, other, 4), 1).data);
const n = given.n;
tell("features", moments.blendMap(moments.featureMap(given.of, given.to, n), 1).data);
const buffer = fs.readFileSync(given.styles);
const found = styles.readStyles(buffer.buffer.slice(buffer.byteOffset, buffer.byteOffset + buffer.length));
told.names = found.styles.map(({ name, title }) => [name, title]);
const [a, b] = [look.namedLook(found.styles[0]), look.namedLook(found.styles[3])];
const taken = look.match(look.mixLooks([a, b], [0.25, 0.75]), found.rest, own, null, 0.6);
tell("numbers", taken.numbers.data);
tell("colours", taken.colours.data);
tell("bytes", pixels.toBytes(photo));
fs.writeFileSync(`${folder}/told.json`, JSON.stringify(told));
"""
SIZES = [(4000, 3000, 1024), (451, 300, 144), (3, 2, 1), (1001, 333, 500), (7, 2000, 9)]
GRIDS = [(2000, 1400, 227, 1536), (83, 61, 80, 48), (16, 16, 227, 1536), (1505, 40, 16, 512)]
N = 64


@pytest.fixture(scope="module")
def photo() -> Image:
    return paint(83, 61)


@pytest.fixture(scope="module")
def given(photo: Image) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    other = moments(paint(40, 30, 5).pixels, SPACES["rgb"])

    def features() -> dict[str, Any]:
        x = rng.random((40, N)) @ rng.random((N, N)) / 8  # fewer than channels: singular
        return {"mean": x.mean(0).tolist(), "covariance": np.cov(x.T).ravel().tolist()}

    return {
        "sizes": SIZES, "grids": GRIDS, "n": N, "mean": other.mean.tolist(), "covariance": other.covariance.ravel().tolist(),
        "of": features(), "to": features(), "styles": str(models_folder() / "styles.safetensors"),
    }  # fmt: skip


@pytest.fixture(scope="module")
def answers(photo: Image, given: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what Node computes of all that is given."""
    folder = tmp_path_factory.mktemp("node")
    for path in (Path(atelier.web.page.__file__).parent / "static/paint").glob("*.js"):
        shutil.copy(path, folder)
    (folder / "package.json").write_text('{"type": "module"}')
    (folder / "program.js").write_text(PROGRAM)
    (folder / "photo").write_bytes(photo.pixels.tobytes())
    (folder / "given.json").write_text(json.dumps(given))
    assert NODE
    subprocess.run([NODE, "program.js", str(folder)], cwd=folder, check=True, timeout=60)
    return folder


def out(answers: Path, name: str) -> np.ndarray[Any, np.dtype[np.float32]]:
    return np.fromfile(answers / f"{name}.out", np.float32)


def moments_of(given: dict[str, Any], name: str) -> Moments:
    return Moments(np.array(given[name]["mean"]), np.array(given[name]["covariance"]).reshape(N, N))


def test_noise_is_numpys(answers: Path) -> None:
    wanted = noise_of(8, (-16, 500, 600, 1040), 7)
    np.testing.assert_allclose(out(answers, "noise"), wanted.ravel(), atol=1e-6)
    tail = np.random.default_rng((12345678901, 3)).standard_normal(200_000, np.float32)
    assert tail.max() > 3.7  # the ziggurat's tail too
    np.testing.assert_allclose(out(answers, "tail"), tail, atol=1e-6)


def test_pictures_are_resized_as_by_pillow(answers: Path, photo: Image) -> None:
    for name, size in (("smaller", (31, 23)), ("larger", (120, 70))):
        np.testing.assert_allclose(out(answers, name), resize(photo, size).pixels.ravel(), atol=2e-6)
    told = json.loads((answers / "told.json").read_text())
    assert told["sizes"] == [list(fit((w, h), side)) for w, h, side in SIZES]
    np.testing.assert_array_equal(out(answers, "bytes").reshape(61, 83, 4)[..., :3], photo.to_array())


def test_windows_and_cells_are_the_same(answers: Path, photo: Image) -> None:
    told = json.loads((answers / "told.json").read_text())["windows"]
    for (w, h, reach, side), found in zip(GRIDS, told, strict=True):
        wanted = [[each.x, each.y, each.width, each.height, *each.seen] for each in Grid(w, h, 16, 16, reach, side).visible()]
        assert found == wanted
    grid = Grid(83, 61, 16, 16, 80, 48)
    window = grid.visible()[1]
    seen = grid.see(window, lambda x, y, w, h: photo.pixels[y : y + h, x : x + w])
    np.testing.assert_array_equal(out(answers, "seen"), seen.ravel())
    np.testing.assert_array_equal(out(answers, "cells"), to_cells(seen).ravel())
    rows, columns, *_ = grid.inside(window)
    part = from_cells(seen.reshape(1, seen.shape[0] // 2, seen.shape[1] // 2, 12))[rows, columns]
    np.testing.assert_array_equal(out(answers, "part"), part.ravel())


def test_maps_of_colours_and_features_are_the_same(answers: Path, photo: Image, given: dict[str, Any]) -> None:
    other = Moments(np.array(given["mean"]), np.array(given["covariance"]).reshape(3, 3))
    wanted = blend_map(*linear_map(moments(photo.pixels, SPACES["rgb"]), other, transport, stretch=4), 0.7)
    np.testing.assert_allclose(out(answers, "map"), wanted.ravel(), atol=1e-5)
    grey = blend_map(*linear_map(Moments(np.full(3, 0.5), np.full((3, 3), 0.02)), other, transport, stretch=4), 1)
    np.testing.assert_allclose(out(answers, "grey"), grey.ravel(), atol=1e-3)
    of, to = moments_of(given, "of"), moments_of(given, "to")
    matrix = power(to.covariance) @ power(of.covariance, -0.5)
    assert RIDGE == 1e-3
    np.testing.assert_allclose(out(answers, "features"), blend_map(matrix, to.mean - matrix @ of.mean, 1).ravel(), atol=1e-3)


def test_styles_are_read_and_mixed_as_on_the_desktop(answers: Path, photo: Image) -> None:
    entries = list(shipped().values())
    assert json.loads((answers / "told.json").read_text())["names"] == [[each.name, each.title] for each in entries]
    look = DesktopLook.mean([DesktopLook(each.code, each.colors) for each in (entries[0], entries[3])], [0.25, 0.75])
    wanted = match(look, left_as_it_is(), moments(photo.pixels, SPACES["rgb"]), None, 0.6)
    np.testing.assert_allclose(out(answers, "numbers"), wanted["numbers"].ravel(), atol=1e-5)
    np.testing.assert_allclose(out(answers, "colours"), wanted["colours"].ravel(), atol=1e-4)
