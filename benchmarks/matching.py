"""Matching each place with its like (`--recipe brush`) beside matching statistics (`--recipe default`): seconds, judged, and whose
region paints whose.

    python benchmarks/matching.py --out FOLDER [--size 512] [--pairs in14,in17,portrait] [--features pocket] [--set NAME=VALUE,...]

Of the pairs in masks/ of the shared folder, in14 and in17 come with maps of their regions. Both recipes paint each pair in turns
in one process, from opened pictures to pixels. Style and content are judged as by `atelier evaluate` (docs/judging.md); neither recipe
paints towards `patches`, `palette`, `ssim` and `edges`. Own region: patches of 7 x 7 px of RGB are taken from every region of the picture,
brought to 256 px, and the most similar one (least squares) of as many patches of each of the painting's regions is looked up. The
number is the share whose most similar patch lies in the region that goes with theirs, mean over regions; of R regions, 1/R is chance.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

import machine
import pairs
from atelier.engines.guide import Sample
from atelier.engines.optimize.engine import OptimizeEngine
from atelier.engines.optimize.recipes import recipe
from atelier.errors import SettingError
from atelier.image import Image, resize
from atelier.image.maps import read_map
from atelier.image.regions import Regions, match_regions
from atelier.judging import Judge
from atelier.judging.features import GRAM_LAYERS
from atelier.media import open_still, write_still
from atelier.request import override

RECIPES = ("default", "brush")
PAIRS = ("in14", "in17", "portrait")
SIDE, PATCH, SAMPLES = 256, 7, 600
LEAST = 200
"""Patches that a region of either side must have to be counted."""
MEASURES = ("strokes", "style_error", *GRAM_LAYERS, "content_error", "patches", "palette", "held_out", "structure", "ssim", "edges")

Floats = NDArray[np.float32]


def found(folder: Path, name: str) -> tuple[Path, Path, tuple[Path, Path] | None]:
    """Photo, painting, and both maps where there are any. Raises Absent."""
    masks = folder / "masks"
    if name == "portrait":
        return pairs.find(folder, "masks", "portrait_00110.jpg"), pairs.find(folder, "paintings", "self_portrait"), None
    paths = [masks / f"{name}_{end}" for end in ("content.jpg", "style.jpg", "content_regions.png", "style_regions.png")]
    if missing := next((path for path in paths if not path.is_file()), None):
        raise pairs.Absent(f"no {missing}")
    return paths[0], paths[1], (paths[2], paths[3])


def patches(image: Image, regions: Regions, region: int, rng: np.random.Generator) -> Floats:
    """Up to SAMPLES of a region's patches, (n, PATCH · PATCH · 3): those whose middle is its own."""
    small = pairs.sized(image, SIDE)
    height, width = small.shape
    ys, xs = (np.arange(n) * m // n for n, m in zip((height, width), regions.labels.shape, strict=True))
    half = PATCH // 2
    own = (regions.labels[np.ix_(ys, xs)] == region)[half : height - half, half : width - half]
    windows = sliding_window_view(small.pixels, (PATCH, PATCH), axis=(0, 1))
    places = np.argwhere(own)
    places = places[rng.permutation(len(places))[:SAMPLES]]
    chosen: Floats = windows[places[:, 0], places[:, 1]].reshape(len(places), -1)
    return chosen


def own_region(picture: Image, painting: Image, maps: tuple[Regions, Regions], seed: int = 0) -> float | None:
    """The share of the picture's patches whose most similar patch of the painting is in their own region; None where fewer than two regions
    are large enough on both sides."""
    rng = np.random.default_rng(seed)
    theirs = {s: patches(painting, maps[1], s, rng) for _, s in match_regions(*maps)}
    ours = {s: patches(picture, maps[0], c, rng) for c, s in match_regions(*maps)}
    large = [s for s in theirs if min(len(theirs[s]), len(ours[s])) >= LEAST]
    if len(large) < 2:
        return None
    even = min(len(theirs[s]) for s in large)
    shares = []
    for s in large:
        nearest = np.stack([_least_squares(ours[s], theirs[other][:even]) for other in large])
        shares.append(float((nearest.argmin(0) == large.index(s)).mean()))
    return float(np.mean(shares))


def _least_squares(queries: Floats, keys: Floats) -> Floats:
    """The least squared distance of each query to any key, (n,)."""
    distances: Floats = (queries**2).sum(1)[:, None] + (keys**2).sum(1)[None] - 2 * queries @ keys.T
    least: Floats = distances.min(1)
    return least


def compare(name: str, folder: Path, size: int, given: Mapping[str, Any], out: Path) -> list[dict[str, Any]]:
    """One pair by every recipe, a row each; the photo itself before them."""
    content_path, style_path, map_paths = found(folder, name)
    photo, painting = pairs.sized(open_still(content_path), size), open_still(style_path).flat()
    maps = (read_map(open_still(map_paths[0])), read_map(open_still(map_paths[1]))) if map_paths else None
    judge = Judge(photo, painting, size=size)

    def row(what: str, picture: Image, seconds: float | None) -> dict[str, Any]:
        verdict = judge(picture)
        own = own_region(picture, painting, maps) if maps else None
        return {"pair": name, "recipe": what, "seconds": seconds, "own region": own, **{m: getattr(verdict, m) for m in MEASURES}}

    rows = [row("the photo", photo, None), row("the painting", resize(painting, photo.size), None)]
    rows[1]["own region"] = None  # its regions lie elsewhere
    for each in RECIPES:
        engine = OptimizeEngine([Sample(painting)], override(recipe(each).settings, given), "auto", 0)
        began = time.perf_counter()
        picture = pairs.paint(engine, photo)
        rows.append(row(each, picture, time.perf_counter() - began))
        write_still(picture, str(out / f"{name}-{each}.png"))
        print(f"{name} by {each}: {rows[-1]['seconds']:.1f} s", flush=True)
    return rows


def main() -> None:
    options = pairs.parser(__doc__ or "")
    options.add_argument("--out", type=Path, default=Path("runs/matching"), help="folder of the pictures")
    options.add_argument("--size", type=int, default=512, help="long side, px")
    options.add_argument("--pairs", default=",".join(PAIRS))
    options.add_argument("--features", default="pocket")
    options.add_argument("--set", action="append", default=[], metavar="NAME=VALUE,...", help="settings, for both recipes")
    arguments = options.parse_args()
    given = {**pairs.parse_settings(arguments.set), "features": arguments.features}
    if arguments.quick:
        arguments.size, given = 96, {**given, "iterations": 2, "coarse_iterations": 2}
    pairs.ready(arguments)
    folder = pairs.needed(arguments)
    if unknown := [name for name in arguments.pairs.split(",") if name not in PAIRS]:
        raise SettingError(f"--pairs {unknown[0]}: choose from {', '.join(PAIRS)}")
    about = machine.introduce()
    arguments.out.mkdir(parents=True, exist_ok=True)
    rows = [row for name in arguments.pairs.split(",") for row in compare(name, folder, arguments.size, given, arguments.out)]
    pairs.table(f"{arguments.size} px", list(rows[0]), [list(row.values()) for row in rows])
    ratios = [
        brush["seconds"] / default["seconds"]
        for default, brush in zip(*([r for r in rows if r["recipe"] == name] for name in RECIPES), strict=True)
    ]
    print(f"time of brush / default: {', '.join(f'{ratio:.2f}' for ratio in ratios)}")
    pairs.write(arguments, "matching", about, rows)


if __name__ == "__main__":
    pairs.run(main)
