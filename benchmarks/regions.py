"""What painting a photo's regions in styles of their own costs, and whether each gets its style.

    python benchmarks/regions.py --size 512 --out runs/regions
    python benchmarks/regions.py --size 1024 --pairs in14,portrait --repeats 1
    python benchmarks/regions.py --engine instant --size 1024

The pairs are those of `masks` beside `photos`: photo and painting with a map each, whose regions belong together, and a portrait
with a mask, whose person and background take two paintings. Every picture is painted with regions and plainly, by turns, and the
ratio of their times is given, in seconds of the clock and of the processors: these count even where other work is going on. Style
losses are judged within each region: of the picture with regions, over that of the whole picture painted in this region's style
alone. The same goes for a region of 2 % of the picture, of a painting of its own.
"""

from __future__ import annotations

import argparse
import statistics
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import pairs
from atelier.engines.guide import Guide, Sample
from atelier.image import Image
from atelier.image.maps import read_map
from atelier.image.masks import from_masks
from atelier.image.regions import match_regions
from atelier.media import open_still, write_still
from atelier.request import InstantSettings, Settings, override

FEATHER = 0.006
"""As painting has it where none is given: a share of the long side."""
SMALL = 0.02
"""Share of the picture that the small region has."""


@dataclass(frozen=True)
class Case:
    """A photo, how much of which place is where, and a sample for each place."""

    name: str
    photo: Image
    places: np.ndarray
    samples: list[Sample]


def cases(folder: Path, size: int, names: list[str]) -> list[Case]:
    """Those of these names. Raises Absent."""
    found = []
    for name in names:
        if name in ("in14", "in17"):
            photo, maps = mapped(folder, name, "content", size)
            painting, own = mapped(folder, name, "style", None)
            belongs = match_regions(maps, own)
            # Where the map has more, the largest two, and the photo elsewhere.
            order = sorted(belongs, key=lambda pair: -maps.shares[maps.names[pair[0]]])[:2]
            samples = [Sample(painting, region=at, part=own.mask(own.names[theirs])) for at, (_, theirs) in enumerate(order)]
            found.append(Case(name, photo, maps.soft(FEATHER * size, [ours for ours, _ in order]), samples))
            continue
        paintings = [open_still(pairs.find(folder, "paintings", each)).flat() for each in ("starry_night", "great_wave")]
        samples = [Sample(painting, region=at) for at, painting in enumerate(paintings)]
        if name == "portrait":
            photo = pairs.sized(open_still(there(folder / "masks" / "portrait_00110.jpg")), size)
            mask = open_still(there(folder / "masks" / "portrait_00110_mask.png"))
            places = from_masks([("person", mask)], size=photo.size).soft(FEATHER * size)
        elif name == "small":
            photo = pairs.sized(open_still(pairs.find(folder, "photos", "kodim23")), size)
            height, width = photo.shape
            y, x = np.mgrid[:height, :width]
            radius = np.sqrt(SMALL * height * width / np.pi)
            away = np.hypot(y - 0.4 * height, x - 0.6 * width) - radius
            inside = np.clip(0.5 - away / (FEATHER * size), 0, 1).astype(np.float32)
            places = np.stack([inside, 1 - inside])
        else:
            raise pairs.Absent(f"no pair {name!r}: in14, in17, portrait, small")
        found.append(Case(name, photo, places, samples))
    return found


def mapped(folder: Path, name: str, which: str, size: int | None) -> tuple[Image, Any]:
    picture = open_still(there(folder / "masks" / f"{name}_{which}.jpg")).flat()
    picture = picture if size is None else pairs.sized(picture, size)
    return picture, read_map(open_still(there(folder / "masks" / f"{name}_{which}_regions.png"))).resize(picture.size)


def there(path: Path) -> Path:
    if not path.is_file():
        raise pairs.Absent(f"no {path}")
    return path


def painted(
    samples: list[Sample], places: np.ndarray | None, photo: Image, settings: Settings | InstantSettings
) -> tuple[Image, float, float]:
    """The picture, and the seconds of the clock and of the processors from opened pictures to it."""
    from atelier.engines.engine import Frame
    from atelier.engines.network.engine import InstantEngine
    from atelier.engines.optimize.engine import OptimizeEngine

    wall, processors = time.perf_counter(), time.process_time()
    frame = Frame.of(photo, guide=None if places is None else Guide(places))
    engine = InstantEngine(samples, settings) if isinstance(settings, InstantSettings) else OptimizeEngine(samples, settings)
    made = engine(frame)
    return made.image(), time.perf_counter() - wall, time.process_time() - processors


def within(image: Image, sample: Sample, place: np.ndarray, settings: Settings) -> float:
    """The style loss of what is in one place, relative to its target."""
    import torch

    from atelier.engines.optimize.engine import OptimizeEngine
    from atelier.engines.optimize.objective import Objective
    from atelier.engines.optimize.samples import scale

    alone = override(settings, {"content_weight": 0.0, "warm_features": "", "warm_iterations": 0})
    engine = OptimizeEngine([Sample(sample.picture, region=0, part=sample.part)], alone, "auto", 0)
    exemplars = [scale(exemplar, alone, sample, max(image.size), 1.0) for sample, exemplar in engine.samples]
    hard = torch.tensor((place > 0.5).astype(np.float32))[None].to(engine.device)
    network = engine.networks[settings.features]
    objective = Objective(network, alone, None, exemplars, 0, hard)
    return objective(engine.tensor(image.pixels))[1]["style"] / objective.areas[0]


def measure(case: Case, settings: Settings | InstantSettings, judging: Settings, repeats: int, out: Path | None) -> dict[str, Any]:
    """judging: the optimiser's settings, by whose style loss pictures are judged."""
    plain_sample = Sample(case.samples[0].picture)
    clocks: list[tuple[float, float]] = []
    for _ in range(repeats):
        _, *plain = painted([plain_sample], None, case.photo, settings)
        made, *parted = painted(case.samples, case.places, case.photo, settings)
        clocks.append((parted[0] / plain[0], parted[1] / plain[1]))
    ratios = []
    for at, sample in enumerate(case.samples):
        place = case.places[at]
        # Alone: with what is learned from as it is, and everywhere.
        whole = np.ones_like(place)[None]
        alone, _, _ = painted([Sample(sample.picture, region=0, part=sample.part)], whole, case.photo, settings)
        ratios.append(within(made, sample, place, judging) / within(alone, sample, place, judging))
        if out:
            write_still(alone, str(out / f"{case.name}-alone{at}.png"))
    left = case.places.sum(0) == 0
    if out:
        write_still(made, str(out / f"{case.name}.png"))
    return {
        "pair": case.name,
        "areas": " ".join(f"{100 * share:.0f} %" for share in case.places.mean((1, 2))),
        "time": statistics.median(ratio for ratio, _ in clocks),
        "processors": statistics.median(ratio for _, ratio in clocks),
        "style": [float(ratio) for ratio in ratios],
        "left as it was": bool((made.pixels[left] == case.photo.pixels[left]).all()),
    }


def main() -> None:
    options = pairs.parser(__doc__ or "")
    options.formatter_class = argparse.RawDescriptionHelpFormatter
    options.add_argument("--size", type=int, default=512, help="long side, px")
    options.add_argument("--pairs", default="in14,in17,portrait,small")
    options.add_argument("--engine", default="optimize", choices=("instant", "optimize"))
    options.add_argument("--features", default="pocket", help="what the optimiser paints by, and all is judged by")
    options.add_argument("--repeats", type=int, default=3, help="of the timed runs, by turns")
    options.add_argument("--set", action="append", default=[], metavar="NAME=VALUE,...", help="the optimiser's settings")
    options.add_argument("--out", type=Path, help="folder of the pictures")
    arguments = options.parse_args()
    given = {**pairs.parse_settings(arguments.set), "features": arguments.features}
    if arguments.quick:
        arguments.size, arguments.repeats, given = 128, 1, {**given, "iterations": 4, "coarse_iterations": 4}
    pairs.ready(arguments)

    import machine
    from atelier.engines.optimize.recipes import recipe

    described = machine.introduce()
    folder = pairs.needed(arguments)
    settings = override(recipe("default").settings, given)
    if arguments.out:
        arguments.out.mkdir(parents=True, exist_ok=True)
    rows = []
    for case in cases(folder, arguments.size, arguments.pairs.split(",")):
        paint = InstantSettings() if arguments.engine == "instant" else settings
        rows.append(measure(case, paint, settings, arguments.repeats, arguments.out))
        print(f"{case.name}: {rows[-1]}", flush=True)
    columns = ("pair", "areas", "time", "processors", "style within, to alone", "left as it was")
    shown = [
        (*(row[name] for name in columns[:4]), " ".join(f"{ratio:.2f}" for ratio in row["style"]), "yes" if row["left as it was"] else "no")
        for row in rows
    ]
    pairs.table(f"Regions against plain, {arguments.size} px, {arguments.engine}, {arguments.features}: ratios", columns, shown)
    pairs.write(arguments, "regions", described, rows)


if __name__ == "__main__":
    pairs.run(main)
