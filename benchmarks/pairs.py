"""What the programs here share: their common options, photos and paintings by name, tables, and results as JSON."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich import box
from rich.console import Console
from rich.table import Table

from atelier.engines.engine import Frame
from atelier.errors import AtelierError, SettingError, WeightsError
from atelier.image import Image, fit, resize
from atelier.media import open_still
from atelier.request import Settings
from atelier.request import options as settings_options

HERE = Path(__file__).resolve().parent
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")
PHOTOS = ("kodim03", "kodim07", "kodim13", "kodim15", "kodim18", "kodim21", "kodim23")
PAINTINGS = ("starry_night", "great_wave", "the_scream", "udnie")


class Absent(Exception):
    """Something the program needs is not here."""


# Options --------------------------------------------------------------------------------------------------------------


def parser(doc: str) -> argparse.ArgumentParser:
    """A parser with the options that every program has."""
    options = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--shared", type=Path, help="folder with photos/, paintings/ and weights/ (default: $ATELIER_SHARED or ../shared)")
    options.add_argument("--json", type=Path, metavar="FILE", help="write the results there as well")
    options.add_argument("--quick", action="store_true", help="small sizes and few repeats: shows that it runs, measures nothing")
    options.add_argument("--threads", type=int, help="threads of the arithmetic, here and in subprocesses (default: PyTorch's own choice)")
    return options


def ready(arguments: argparse.Namespace) -> None:
    """Put the common options into effect: where weights are found, how many threads there are."""
    if getattr(arguments, "models", None) is not None:
        if not arguments.models.is_dir():
            raise SettingError(f"--models {arguments.models}: no such folder")
        os.environ["ATELIER_MODELS"] = str(arguments.models.resolve())
    if arguments.threads:
        os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = str(arguments.threads)
    folder = shared(arguments)
    if folder is not None and (folder / "weights").is_dir():
        known = [os.environ["ATELIER_WEIGHTS"]] if os.environ.get("ATELIER_WEIGHTS") else []
        os.environ["ATELIER_WEIGHTS"] = os.pathsep.join([*known, str(folder / "weights")])
    if arguments.threads and "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(arguments.threads)


def run(main: Any) -> None:
    """Run a program's main; what is absent is one line and no failure, what is asked for wrongly one line and a failure."""
    try:
        main()
    except Absent as reason:
        print(f"skipped: {reason}")
    except AtelierError as error:
        print(error, file=sys.stderr)
        raise SystemExit(error.exit_code) from error


def parse_settings(pairs: Iterable[str]) -> dict[str, Any]:
    """`content_weight=0.5,iterations=80` (or several such) to fields of Settings, typed. Layers: `style_layers=conv1_1+conv2_1`."""
    kinds = {name: each.kind for name, each in settings_options(Settings).items()}
    found: dict[str, Any] = {}
    for text in (part for pair in pairs for part in pair.split(",") if part.strip()):
        name, _, value = (part.strip() for part in text.partition("="))
        name = name.replace("-", "_")
        if name not in kinds:
            raise SettingError(f"no setting {name!r}: the settings are {', '.join(sorted(kinds))}")
        value = value.replace("+", ",") if name.endswith("_layers") else value
        try:
            found[name] = value.lower() in ("1", "true", "yes") if kinds[name] is bool else kinds[name](value)
        except ValueError:
            raise SettingError(f"{name}={value}: must be a number") from None
    return found


def flags(settings: Mapping[str, Any]) -> list[str]:
    """Settings as `atelier`'s command line takes them."""
    out: list[str] = []
    for name, value in settings.items():
        flag = name.replace("_", "-")
        out += [f"--{flag}" if value else f"--no-{flag}"] if isinstance(value, bool) else [f"--{flag}", str(value)]
    return out


# Pictures -------------------------------------------------------------------------------------------------------------


def shared(arguments: argparse.Namespace) -> Path | None:
    """The folder of photos, paintings and weights, or None."""
    folder = arguments.shared or Path(os.environ.get("ATELIER_SHARED") or HERE.parent.parent / "shared")
    return folder.resolve() if folder.is_dir() else None


def needed(arguments: argparse.Namespace) -> Path:
    """The same, for programs that cannot do without. Raises Absent."""
    if (folder := shared(arguments)) is None:
        raise Absent("no folder of photos, paintings and weights: give --shared DIR or set $ATELIER_SHARED")
    return folder


def vgg(required: bool = True) -> bool:
    """Whether VGG-19's weights are here. Raises Absent where they are required and are not."""
    from atelier.perception.store import find

    try:
        find("vgg19")
    except WeightsError as error:
        if required:
            raise Absent(str(error)) from error
        return False
    return True


def find(folder: Path | None, kind: str, name: str) -> Path:
    """`kodim23` or `starry_night` in folder/photos or folder/paintings, or a path as it is. Raises Absent."""
    if Path(name).is_file():
        return Path(name)
    if folder is not None:
        found = sorted(p for p in (folder / kind).glob(f"*{name}*") if p.suffix.lower() in SUFFIXES)
        exact = [p for p in found if p.stem == name or p.stem.endswith(f"_{name}")]
        if found:
            return (exact or found)[0]
    raise Absent(f"no {kind[:-1]} {name!r} in {folder}/{kind}")


def one_pair(arguments: argparse.Namespace, photo: str = "kodim23", painting: str = "starry_night") -> tuple[Image, Image]:
    """A photo and a painting: the named ones, or scikit-image's where there is no folder. Raises Absent without either."""
    folder = shared(arguments)
    try:
        return open_still(find(folder, "photos", photo)), open_still(find(folder, "paintings", painting))
    except Absent as missing:
        try:
            from skimage import data
        except ModuleNotFoundError:
            raise missing from None
        return Image.from_array(data.astronaut()), Image.from_array(data.coffee())


def sized(image: Image, long_side: int) -> Image:
    """Opaque, with this long side."""
    return resize(image.flat(), fit(image.size, long_side))


def paint(engine: Any, image: Image, **more: Any) -> Image:
    """What an engine makes of a picture. more: `report`."""
    painted: Image = engine(Frame.of(image), **more).image()
    return painted


def tensor(image: Image) -> Any:
    """(1, 3, H, W), RGB in [0, 1], NCHW."""
    import torch

    return torch.tensor(np.ascontiguousarray(image.pixels.transpose(2, 0, 1)))[None]


# Results --------------------------------------------------------------------------------------------------------------


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print rows; numbers to the right, floats to four figures."""
    drawn = Table(box=box.SIMPLE_HEAD)
    rows = [list(row) for row in rows]
    for index, column in enumerate(columns):
        words = any(isinstance(row[index], str) and not row[index][:1].isdigit() for row in rows)
        drawn.add_column(column, justify="left" if words else "right", no_wrap=index == 0)
    for row in rows:
        drawn.add_row(*(figure(cell) for cell in row))
    console = Console(width=None if sys.stdout.isatty() else 220)
    console.print(f"\n{title}", markup=False, highlight=False)
    console.print(drawn)


def markdown(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """The same as a Markdown table."""
    lines = [columns, ["---"] * len(columns), *([figure(cell) for cell in row] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def figure(cell: Any) -> str:
    if cell is None:
        return "–"
    if isinstance(cell, float):
        return f"{cell:,.0f}" if abs(cell) >= 1000 else f"{cell:.4g}"
    return str(cell)


def write(arguments: argparse.Namespace, program: str, machine: Mapping[str, Any], results: Any) -> None:
    """The results with the machine they are of, as JSON, where that was asked for."""
    if arguments.json:
        given = {k: str(v) if isinstance(v, Path) else v for k, v in vars(arguments).items() if k not in ("json", "shared")}
        record = {"program": program, "when": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "machine": machine, "arguments": given}
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(json.dumps({**record, "results": results}, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
