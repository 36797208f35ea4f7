"""How near the trained networks come to their paintings, seen by VGG-19 layer by layer, beside the peers' own networks.

    python benchmarks/painters.py                                 kodim03, 15, 23 x the paintings that the peers have networks for
    python benchmarks/painters.py --models runs/mine --show runs/painters     networks in the making, and the pictures side by side
    python benchmarks/painters.py --photos all --paintings gauguin,monet,renoir       other pairs
    python benchmarks/painters.py --tune 10,60 --photos kodim15,kodim23      what `--tune` brings; it takes those seconds a pair
    python benchmarks/painters.py --only flat                     weave and border of a painted flat photo

`any` is the painter for any painting, which never saw the paintings in UNSEEN; `named` the painter of styles by name. MicroAST
(any painting) and fast-style-transfer (one network a style) are their authors' trained networks; what they make is in peers/ of the
shared folder, measured alike. Look at `strokes` first: the geometric mean at conv2_1, conv3_1, conv4_1. `style` is the arithmetic
mean over five layers, which for trained networks is nearly all conv5_1.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import atelier
import machine
import pairs
from atelier.image import Image
from atelier.image.sheet import contact_sheet
from atelier.judging import flatness
from atelier.media import open_still, write_still

NAMES = {
    "starry_night": "starry-night",
    "great_wave": "great-wave",
    "the_scream": "the-scream",
    "udnie": "udnie",
    "shipwreck": "shipwreck-minotaur",
}
"""Paintings, and the styles by name that are theirs."""
UNSEEN = ("starry_night", "great_wave", "the_scream", "udnie")
"""Paintings that were kept from the painter of any painting."""
PHOTOS = "kodim03,kodim15,kodim23"
RIVALS = {"any": "MicroAST", "named": "fst"}
"""Ours, and who does the same."""
TUNED = "tuned "
"""What the name of the painter for any painting begins with where the style code was tuned for so many seconds."""
PARTS = ("pairs", "flat")
FLAT = (120, 40, 200)
"""Colour of the flat photo, of 255."""

Row = dict[str, Any]


def main() -> None:
    arguments = parse_arguments()
    described = machine.introduce()
    folder = pairs.needed(arguments)
    results: dict[str, Any] = {}
    if "pairs" in arguments.only:
        pairs.vgg()
        results["pairs"] = rows = judge_pairs(folder, arguments)
        show(rows)
        results["ratios"] = compare_all(rows)
    if "flat" in arguments.only:
        results["flat"] = paint_flat(folder, arguments)
    pairs.write(arguments, "painters", described, json.loads(json.dumps(results)))


def parse_arguments() -> argparse.Namespace:
    parser = pairs.parser(__doc__ or "")
    parser.add_argument("--photos", default=PHOTOS, help="names, by comma, or all: every kodim*")
    parser.add_argument("--paintings", default=",".join(NAMES), help="names, by comma")
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--tune", default="", metavar="SECONDS", help="tune the style code too, for these numbers of seconds, by comma")
    parser.add_argument("--models", type=Path, metavar="FOLDER", help="of the networks and styles, before they ship (default: what ships)")
    parser.add_argument("--show", type=Path, metavar="FOLDER", help="keep the pictures there, and a sheet of each pair at full size")
    parser.add_argument("--only", default=",".join(PARTS), help=f"of {', '.join(PARTS)}")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.size, arguments.photos = 128, "kodim23"
    pairs.ready(arguments)
    return arguments


# Pairs ----------------------------------------------------------------------------------------------------------------


def judge_pairs(folder: Path, arguments: argparse.Namespace) -> list[Row]:
    """A row for each pair and each who painted it: photo, painting, who, and the errors by name."""
    judge, peers = machine.Judge(arguments.size), read_peers(folder)
    names = [path.stem for path in sorted((folder / "photos").glob("kodim*.jpg"))]
    names = names if arguments.photos == "all" else arguments.photos.split(",")
    rows: list[Row] = []
    for painting in arguments.paintings.split(","):
        path = pairs.find(folder, "paintings", painting)
        for name in names:
            photo = find_photo(folder, name)
            small = pairs.sized(open_still(photo), arguments.size)
            cells = [(name, small)]
            for who, style in find_styles(painting, path, arguments.tune).items():
                seconds = float(who.removeprefix(TUNED)) if who.startswith(TUNED) else 0.0
                painted = atelier.stylize(small, style, engine="instant", tune=seconds)
                errors = judge(photo, path, painted)
                rows.append({"photo": name, "painting": painting, "who": who, **errors.by_name()})
                cells.append((f"{who}: strokes {errors.strokes:.3f}, content {errors.content:.2f}", painted))
                peer = RIVALS.get(who, "")
                if known := peers.get((peer, name, NAMES.get(painting, ""))):
                    rows.append({"photo": name, "painting": painting, "who": peer, **known})
                    cells += [(peer, open_still(each)) for each in find_pictures(folder, peer, name, path.stem, painting)]
            if arguments.show:
                keep(cells, arguments.show, f"{name}-{NAMES.get(painting, painting)}", arguments.size)
    return rows


def find_styles(painting: str, path: Path, tune: str = "") -> dict[str, Path | str]:
    """Who of ours paints this painting, and the style to give. tune: seconds, by comma."""
    found: dict[str, Path | str] = {}
    if painting in UNSEEN or painting not in NAMES:
        found["any"] = path
        found |= {f"{TUNED}{seconds}": path for seconds in tune.split(",") if seconds}
    if painting in NAMES:
        found["named"] = NAMES[painting]
    return found


def read_peers(folder: Path) -> dict[tuple[str, str, str], dict[str, float]]:
    """(who, photo, style by name) -> errors by name, of what the peers painted; none where there is no table."""
    table = folder / "peers" / "table.json"
    if not table.is_file():
        print(f"note: no {table}, so no peers")
        return {}
    rows = {}
    for line in json.loads(table.read_text(encoding="utf-8")):
        style = next((name for part, name in NAMES.items() if part in line["painting"].replace("-", "_")), line["painting"])
        rows[line["who"], line["photo"], style] = machine.Errors(tuple(line["errors"]), line["content"]).by_name()
    return rows


def find_photo(folder: Path, name: str) -> Path:
    peer = folder / "peers" / f"{name}.jpg"
    return peer if peer.is_file() else pairs.find(folder, "photos", name)


def find_pictures(folder: Path, who: str, photo: str, stem: str, painting: str) -> list[Path]:
    """The peer's picture of a pair, or nothing."""
    short = {"the_scream": "scream", "great_wave": "wave", "shipwreck": "wreck"}.get(painting, painting)
    path = folder / "peers" / ("microast" if who == "MicroAST" else who) / f"{photo}-{stem if who == 'MicroAST' else short}.jpg"
    return [path] if path.is_file() else []


def keep(cells: Sequence[tuple[str, Image]], folder: Path, name: str, size: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for label, picture in cells[1:]:
        write_still(picture, folder / f"{name}-{label.partition(':')[0]}.png")
    write_still(contact_sheet(cells, columns=3, side=size), folder / f"{name}.png")


def show(rows: Sequence[Row]) -> None:
    """Print every pair, then the median of each painting."""
    pair = [(f"{row['photo']} × {row['painting']}", row["who"], *(f"{row[name]:.3f}" for name in machine.COLUMNS)) for row in rows]
    print(pairs.markdown(("pair", "who", *machine.COLUMNS), pair))
    medians = []
    for painting, who in dict.fromkeys((row["painting"], row["who"]) for row in rows):
        own = [row for row in rows if (row["painting"], row["who"]) == (painting, who)]
        medians.append((painting, who, *(f"{machine.median([row[name] for row in own]):.3f}" for name in machine.COLUMNS)))
    print("\n" + pairs.markdown(("median of", "who", *machine.COLUMNS), medians))


def compare_all(rows: Sequence[Row]) -> list[Row]:
    """Ours over the rival's, over the pairs that both painted: printed by style and over all, and given back."""
    by_pair = {(row["photo"], row["painting"], row["who"]): row for row in rows}
    found, shown = [], []
    tuned = [who for who in dict.fromkeys(row["who"] for row in rows) if who.startswith(TUNED)]
    for who, rival in [*RIVALS.items(), *((who, other) for who in tuned for other in ("any", "named", "MicroAST"))]:
        both = [(row, by_pair[*at[:2], rival]) for at, row in by_pair.items() if at[2] == who and (*at[:2], rival) in by_pair]
        groups = {
            name: [pair for pair in both if pair[0]["painting"] == name] for name in dict.fromkeys(row["painting"] for row, _ in both)
        }
        for name, chosen in [*groups.items(), ("all", both)]:
            if chosen:
                line = {"ours": who, "rival": rival, "painting": name, "pairs": len(chosen), **compare(chosen)}
                found.append(line)
                shown.append((f"{who} / {rival}", name, len(chosen), *(f"{line[key]:.2f}" for key in line if " " in key)))
    if found:
        print("\n" + pairs.markdown(("ratio", "painting", "pairs", *(key for key in found[0] if " " in key)), shown))
    return found


def compare(both: Sequence[tuple[Mapping[str, float], Mapping[str, float]]]) -> dict[str, float]:
    """Ratios of strokes, style and content, median and worst."""
    out = {}
    for name in ("strokes", "style", "content"):
        values = [mine[name] / other[name] for mine, other in both]
        out |= {f"{name} median": machine.median(values), f"{name} worst": max(values)}
    return out


# A flat photo ---------------------------------------------------------------------------------------------------------


def paint_flat(folder: Path, arguments: argparse.Namespace) -> list[Row]:
    """Weave and border of a photo of one colour, painted after each painting by each of ours."""
    photo = Image.from_array(np.full((arguments.size * 3 // 4, arguments.size, 3), FLAT, np.uint8))
    rows = []
    for painting in arguments.paintings.split(","):
        path = pairs.find(folder, "paintings", painting)
        for who, style in ({"any": path} | find_styles(painting, path)).items():
            painted = atelier.stylize(photo, style, engine="instant")
            found = flatness(painted)
            rows.append({"painting": painting, "who": who, "weave": found.weave, "border": found.border})
            if arguments.show:
                keep([("", photo), (who, painted)], arguments.show, f"flat-{NAMES.get(painting, painting)}", arguments.size)
    print(
        "\n" + pairs.markdown(("a flat photo as", "who", "weave", "border"), [tuple(pairs.figure(v) for v in row.values()) for row in rows])
    )
    for who in dict.fromkeys(row["who"] for row in rows):
        own = [row for row in rows if row["who"] == who]
        print(f"{who}: weave at most {max(row['weave'] for row in own):.2f}, border at most {max(row['border'] for row in own):.0f} levels")
    return rows


if __name__ == "__main__":
    pairs.run(main)
