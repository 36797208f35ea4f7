"""What painting with the pocket network costs in quality and saves in time, against VGG-19, at 512 px.

    python benchmarks/pocket.py --out FOLDER [--photos ...] [--paintings ...] [--set NAME=VALUE,...]
    python benchmarks/pocket.py --out FOLDER --report          the table of what is there, nothing painted

Each photo is painted after each painting by `atelier stylize`, a process from start to file: once with pocket, and with VGG-19 at
content weights that bracket the content error that pocket lands at (machine.Judge; weights are tried outwards from the recipe's
own). VGG-19's `strokes` at equal content are interpolated between the two, their logarithm linear in the content error. The ratio
of strokes is the price of the small network. What is painted is a picture and a line in FOLDER/paintings.jsonl; what has a line
(same pictures, settings and weights) is not painted again, so this can be run in pieces.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import machine
import pairs
from atelier.engines.optimize.recipes import recipe
from atelier.perception.weights import digest
from atelier.request import override

Line = dict[str, Any]


@dataclass(frozen=True)
class Book:
    """Paintings in a folder, and what is known of them, a JSON line each."""

    folder: Path

    @property
    def file(self) -> Path:
        return self.folder / "paintings.jsonl"

    def lines(self) -> list[Line]:
        return [json.loads(line) for line in self.file.read_text().splitlines() if line.strip()] if self.file.exists() else []

    def find(self, key: Mapping[str, Any]) -> Line | None:
        return next((line for line in self.lines() if line["key"] == key and "strokes" in line), None)

    def add(self, line: Line) -> None:
        with self.file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")


@dataclass(frozen=True)
class Workshop:
    """Everything that is the same for all pairs."""

    book: Book
    folder: Path | None
    look: machine.Judge | None
    size: int
    recipe: str
    settings: Mapping[str, Any]
    digests: Mapping[str, str]

    def painted(self, photo: str, painting: str, features: str, factor: float) -> Line | None:
        """The line of a painting, made now if there is none; None where only what is there is wanted."""
        base = override(recipe(self.recipe).settings, self.settings)
        given = {**self.settings, "features": features, **({"content_weight": base.content_weight * factor} if factor != 1 else {})}
        key = {
            "photo": photo, "painting": painting, "size": self.size, "recipe": self.recipe, "settings": given,
            "weights": self.digests[features],
        }  # fmt: skip
        if (line := self.book.find(key)) is not None or self.look is None:
            return line
        sources = pairs.find(self.folder, "photos", photo), pairs.find(self.folder, "paintings", painting)
        target = self.book.folder / f"{photo}-{painting}-{features}{'' if factor == 1 else f'-content{factor:g}'}.png"
        command = [*machine.atelier_command(), "stylize", str(sources[0]), "--style", str(sources[1]), "--out", str(target), "--quiet"]
        command += ["--size", str(self.size), "--recipe", self.recipe, *pairs.flags(given)]
        done = machine.measured(command)
        errors = self.look(*sources, target)
        line = {
            "key": key, "features": features, "factor": factor, **errors.by_name(), "seconds": done["seconds"],
            "peak_mib": done["peak_mib"], "picture": target.name,
        }  # fmt: skip
        self.book.add(line)
        print(f"{target.name}: {errors}, {done['seconds']:.1f} s", flush=True)
        return line


def at_content(lines: Sequence[Line], content: float) -> tuple[float, bool]:
    """The strokes of these paintings at a content error, and whether it lies between two of them; else it is the nearest's.

    log(strokes) is taken as linear in content between neighbours.
    """
    ordered = sorted(lines, key=lambda line: line["content"])
    for a, b in itertools.pairwise(ordered):
        if a["content"] <= content <= b["content"]:
            t = (content - a["content"]) / max(b["content"] - a["content"], 1e-12)
            return math.exp((1 - t) * math.log(a["strokes"]) + t * math.log(b["strokes"])), True
    return min(ordered, key=lambda line: abs(line["content"] - content))["strokes"], False


def compare(shop: Workshop, photo: str, painting: str, factors: Sequence[float]) -> Line | None:
    """One pair's row: pocket, and VGG-19 at its content error. None where a painting is wanting."""
    small = shop.painted(photo, painting, "pocket", 1.0)
    base = shop.painted(photo, painting, "vgg19", 1.0)
    if small is None or base is None:
        return None
    tried = [base]
    # More content weight is less content error, so the side to look on is known.
    side = [f for f in factors if f > 1] if base["content"] > small["content"] else sorted((f for f in factors if f < 1), reverse=True)
    for factor in side:
        if at_content(tried, small["content"])[1]:
            break
        if (line := shop.painted(photo, painting, "vgg19", factor)) is None:
            break
        tried.append(line)
    strokes, between = at_content(tried, small["content"])
    numbers = (*machine.COLUMNS, "seconds", "peak_mib")
    return {
        "pair": f"{photo} x {painting}", "pocket": {k: small[k] for k in numbers}, "vgg": {k: base[k] for k in numbers},
        "vgg_strokes_at_equal_content": strokes, "between": between, "ratio": small["strokes"] / strokes,
        "strokes_ratio": small["strokes"] / base["strokes"], "content_ratio": small["content"] / base["content"],
        "tried": [{k: line[k] for k in ("factor", *numbers)} for line in tried],
    }  # fmt: skip


def write_tables(rows: Sequence[Line]) -> str:
    """The tables and what they come to, in Markdown."""
    columns = ("pair", "network", *machine.COLUMNS, "s")
    cells = [
        (r["pair"], name, *(f"{r[key][k]:.3f}" for k in machine.COLUMNS), f"{r[key]['seconds']:.1f}")
        for r in rows
        for name, key in (("pocket", "pocket"), ("vgg19", "vgg"))
    ]
    columns_equal = ("pair", "vgg19 strokes at equal content", "ratio", "strokes ratio", "content ratio", "time ratio")
    equal = [
        (r["pair"], f"{'' if r['between'] else '~'}{r['vgg_strokes_at_equal_content']:.4f}", f"{r['ratio']:.2f}",
         f"{r['strokes_ratio']:.2f}", f"{r['content_ratio']:.2f}", f"{r['vgg']['seconds'] / r['pocket']['seconds']:.1f}")
        for r in rows
    ]  # fmt: skip
    parts = [pairs.markdown(columns, cells), "", pairs.markdown(columns_equal, equal), ""]
    parts += ["~: no two weights bracket pocket's content; the strokes are those of the nearest.", ""]
    for name, chosen in (("all pairs", rows), ("bracketed pairs", [r for r in rows if r["between"]])):
        if chosen:
            ratios = [r["ratio"] for r in chosen]
            parts.append(
                f"strokes ratio at equal content, {name} ({len(ratios)}): median {statistics.median(ratios):.2f}, "
                f"mean {statistics.mean(ratios):.2f}, most {max(ratios):.2f}  "
            )
    for name in ("strokes", "content"):
        ratios = [r[f"{name}_ratio"] for r in rows]
        parts.append(f"{name}, pocket / vgg19, same recipe: median {statistics.median(ratios):.2f}, most {max(ratios):.2f}  ")
    for name in ("pocket", "vgg"):
        seconds = [r[name]["seconds"] for r in rows]
        parts.append(
            f"{name}, process start to file: median {statistics.median(seconds):.1f} s, least {min(seconds):.1f} s, "
            f"most {max(seconds):.1f} s; peak {max(r[name]['peak_mib'] for r in rows):.0f} MiB  "
        )
    return "\n".join(parts)


def main() -> None:
    options = pairs.parser(__doc__ or "")
    options.add_argument("--out", type=Path, default=Path("runs/pocket"), help="folder of the pictures, their lines and the table")
    options.add_argument("--photos", default=",".join(pairs.PHOTOS))
    options.add_argument("--paintings", default=",".join(pairs.PAINTINGS))
    options.add_argument("--size", type=int, default=512, help="long side, px, to paint and to judge at")
    options.add_argument("--recipe", default="default")
    options.add_argument("--set", action="append", default=[], metavar="NAME=VALUE,...", help="settings of the recipe, for both networks")
    options.add_argument(
        "--factors", default="0.5,0.25,0.125,0.0625,2,4,8,16", help="of VGG-19's content weight, tried in turn, outwards from 1"
    )
    options.add_argument("--report", action="store_true", help="paint nothing: the table of what is there")
    arguments = options.parse_args()
    if arguments.quick:
        arguments.photos, arguments.paintings, arguments.size = "kodim23", "starry_night,udnie", 96
        arguments.set = [*arguments.set, "iterations=4"]
    pairs.ready(arguments)
    pairs.vgg()
    folder = pairs.needed(arguments)
    about = machine.introduce()
    arguments.out.mkdir(parents=True, exist_ok=True)
    shop = workshop(arguments, folder)
    factors = sorted({float(f) for f in arguments.factors.split(",")} | {1.0})
    rows: list[Line] = []
    both = list(itertools.product(arguments.photos.split(","), arguments.paintings.split(",")))
    for photo, painting in both:  # the quick ones first, one after another
        shop.painted(photo, painting, "pocket", 1.0)
    for photo, painting in both:
        if (row := compare(shop, photo, painting, factors)) is not None:
            rows.append(row)
            pairs.write(arguments, "pocket", about, rows)
    if not rows:
        print("nothing painted yet")
        return
    text = write_tables(rows)
    print(f"\n{text}")
    (arguments.out / "table.md").write_text(text + "\n", encoding="utf-8")


def workshop(arguments: argparse.Namespace, folder: Path) -> Workshop:
    look = None if arguments.report else machine.Judge(arguments.size)
    digests = {name: digest(name) for name in ("pocket", "vgg19")}
    return Workshop(Book(arguments.out), folder, look, arguments.size, arguments.recipe, pairs.parse_settings(arguments.set), digests)


if __name__ == "__main__":
    pairs.run(main)
