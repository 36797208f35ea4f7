"""Train all that ships with one command: the styles by name and the network for any painting, side by side on one device.

    python -m atelier.training.everything pack --photos DIR --paintings DIR --styles DIR --out runs/lessons
    python -m atelier.training.everything train --lessons runs/lessons --out runs/all --seconds 1500

`pack` makes a folder of at most --limit bytes out of folders of pictures, small enough to be sent to a machine that is lent for half an
hour. `train` runs two trainings at once, stops both in time, and writes what ships into OUT/models. Both go on where they stopped if it
is called again.
"""

from __future__ import annotations

import argparse
import io
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image as PIL_Image

from atelier.errors import SettingError, SourceError
from atelier.media import atomic_write
from atelier.training.data import find, opened
from atelier.training.ship import ship_any, ship_named

LIMIT = 62 * 2**20
"""Bytes of a package."""
SHORT = {"styles": 720, "photos": 288, "paintings": 360}
"""Kind of picture -> its short side, px. All styles go into a package; photos and paintings share what is left."""
QUALITY = 80
HELD_OUT = ("starry_night", "great_wave", "the_scream", "udnie", "shipwreck_minotaur")
"""What names of the paintings that the network for any painting is judged by end with: it never sees them."""
CONTENTS = {"great_wave": 0.61, "starry_night": 0.64, "udnie": 0.59, "the_scream": 0.435, "shipwreck_minotaur": 0.45}
"""Content error of styles that look best at another one than the rest, by the end of their names, in pocket's eyes."""
CONTENT = 0.6
STOP_SECONDS = 60.0
"""How long a training may take to write its files, once it is told to stop."""


def pack(sources: dict[str, Path], out: Path, limit: int = LIMIT, seed: int = 0) -> dict[str, int]:
    """Write JPEGs of the pictures in `sources` (see SHORT) into `out`, as many as fit in `limit` bytes; how many of each kind.

    Raises SourceError, OutputError."""
    made: dict[str, int] = {}
    for at, (kind, short) in enumerate(SHORT.items()):
        share = limit // (len(SHORT) - at) if kind != "styles" else limit
        (out / kind).mkdir(parents=True, exist_ok=True)
        paths, size, count = find(sources[kind], kind), 0, 0
        for path in paths if kind == "styles" else shuffled(paths, seed):
            buffer = io.BytesIO()
            PIL_Image.fromarray(opened(path, short)).save(buffer, "JPEG", quality=QUALITY, optimize=True)
            if size + buffer.tell() > share:
                break
            atomic_write(buffer.getvalue(), out / kind / f"{path.stem if kind == 'styles' else f'{count:05}'}.jpg")
            size, count = size + buffer.tell(), count + 1
        if not count or (kind == "styles" and count < len(paths)):
            raise SourceError(f"the {kind} in {sources[kind]} do not fit into a package of {limit:,} bytes")
        made[kind], limit = count, limit - size
    return made


def shuffled(paths: Sequence[Path], seed: int) -> list[Path]:
    return [paths[i] for i in np.random.default_rng((seed, 9)).permutation(len(paths))]


def commands(lessons: Path, out: Path, device: str, more: Sequence[str] = ()) -> dict[str, list[str]]:
    """The two trainings, by name, as command lines. Batches are larger where a device has room for them. more: options for both."""
    stems = [path.stem for path in find(lessons / "styles", "styles")]
    contents = ",".join(f"{stem}={value}" for stem in stems for end, value in CONTENTS.items() if stem.endswith(end))
    held = ",".join(stem for stem in stems if stem.endswith(HELD_OUT))
    large = ["--batch", "16", "--crop", "256"] if device.startswith("cuda") else []
    both = [sys.executable, "-m", "atelier", "train", "network", "--photos", str(lessons / "photos"), "--styles", str(lessons / "styles")]
    both += ["--content", str(CONTENT), "--steps", "10000000", "--decay", "0.01", "--grid", "2", "--device", device, *large]
    named = ["--no-reader", "--rank", "32", *(["--contents", contents] if contents else []), "--out", str(out / "named")]
    reader = ["--seen", "--paintings", str(lessons / "paintings"), "--varied", "0.5", "--named-share", "0.05", "--style-crops", "20"]
    reader += ["--reader-hidden", "512", "--reader-code", "192", "--painting-looks", "9000", "--out", str(out / "any")]
    reader += ["--hold-out", held] if held else []
    return {"named": [*both, *named, *more], "any": [*both, *reader, *more]}


def train(lessons: Path, out: Path, seconds: float, device: str = "auto", more: Sequence[str] = ()) -> Path:
    """Run both trainings for so many seconds, stop them, and write what ships; the folder that it is in. Raises SettingError where one
    of them failed: its log says why."""
    if device == "auto":
        import torch

        device = "cuda" if torch.cuda.is_available() else "cpu"
    (out / "models").mkdir(parents=True, exist_ok=True)
    running: dict[str, subprocess.Popen[bytes]] = {}
    for name, command in commands(lessons, out, device, more).items():
        with (out / f"{name}.log").open("ab") as log:
            running[name] = subprocess.Popen(command, stdout=log, stderr=log)
    end = time.monotonic() + seconds
    try:
        while time.monotonic() < end and any(each.poll() is None for each in running.values()):
            time.sleep(0.2)
    finally:
        for each in running.values():
            each.terminate()  # as Ctrl-C once: what there is by then is written
        for each in running.values():
            try:
                each.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                each.kill()
    for name in running:
        if not (out / name / "network.safetensors").exists():
            raise SettingError("out", f"the training {name} wrote no network: {out / name}.log says why")
    ship_named(out / "named", lessons / "styles", None, out / "models")
    ship_any(out / "any", out / "models")
    return out / "models"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    tasks = parser.add_subparsers(dest="task", required=True)
    packing, training = tasks.add_parser("pack"), tasks.add_parser("train")
    for kind in SHORT:
        packing.add_argument(f"--{kind}", type=Path, required=True)
    packing.add_argument("--out", type=Path, required=True)
    packing.add_argument("--limit", type=int, default=LIMIT)
    training.add_argument("--lessons", type=Path, required=True)
    training.add_argument("--out", type=Path, required=True)
    training.add_argument("--seconds", type=float, default=1500.0)
    training.add_argument("--minutes", type=lambda text: 60 * float(text), dest="seconds", help=argparse.SUPPRESS)  # its former name
    training.add_argument("--device", default="auto")
    training.add_argument("more", nargs="*", help="options of `atelier train network`, for both, after --")
    given = parser.parse_args(arguments)
    if given.task == "pack":
        made = pack({kind: getattr(given, kind) for kind in SHORT}, given.out, given.limit)
        print(f"{given.out}: {', '.join(f'{count} {kind}' for kind, count in made.items())}")
    else:
        print(train(given.lessons, given.out, given.seconds, given.device, given.more))


if __name__ == "__main__":
    main()
