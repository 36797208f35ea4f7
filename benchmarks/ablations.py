"""What the options of training are worth: one small network after the other, from the same start, over the same pictures, towards the
same content error, each with one option changed; judged on photos that it never saw.

    python benchmarks/ablations.py --out runs/ablations            and draw the pictures side by side
    python benchmarks/ablations.py --out runs/ablations --steps 3000 --only "as it ships,tanh"

What is done is kept in --out, and a second call goes on from there. Photos to learn on are `photos/train`, those to judge on the Kodak
set's, paintings four of `paintings`.
"""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np

import pairs

PAINTINGS = ("starry_night", "great_wave", "the_scream", "shipwreck")
BASE: dict[str, Any] = {
    "reader": False, "content": 0.5, "crop": 128, "batch": 4, "photo_crops": 800, "style_size": 256, "every": 1000, "warmup": 50,
    "content_rate": 0.03, "decay": 0.5,
}  # fmt: skip
"""Small: half the side of what ships, and so strokes of half the size."""
VARIANTS: dict[str, dict[str, Any]] = {
    "as it ships": {},
    "tanh": {"output": "tanh"},
    "linear": {"output": "linear"},
    "no TV": {"tv": 0.0},
    "TV x 4": {"tv": 0.2},
    "batch norm": {"norm": "batch"},
    "no cross-training": {"cross": 0.0},
    "cross-training x 3": {"cross": 0.3},
    "no grid loss": {"grid": 0.0},
    "together": {"together": True},
}
COLUMNS = (
    "strokes", "style", "content", "conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1",
    "ssim", "edges", "grid_peak", "clipped_added", "seconds",
)  # fmt: skip


def main() -> None:
    parser = pairs.parser(__doc__)
    parser.add_argument("--out", type=Path, default=Path("runs/ablations"), help="folder of the trainings and of sheet.png")
    parser.add_argument("--steps", type=int, default=1000, help="of each training")
    parser.add_argument("--photos", type=int, default=8, help="to judge on")
    parser.add_argument("--picture", type=Path, help="photo for the sheet (default: the first that is judged)")
    parser.add_argument("--only", default="", help="variants, by comma (default: all)")
    arguments = parser.parse_args()
    pairs.ready(arguments)

    import machine
    from atelier.engines.network.foreign import open_foreign
    from atelier.errors import SettingError
    from atelier.image.sheet import contact_sheet
    from atelier.judging import Judge
    from atelier.media import open_still, write_still
    from atelier.request import InstantSettings, override
    from atelier.training.network import train_network
    from atelier.training.settings import TrainSettings

    described = machine.introduce()
    folder = pairs.needed(arguments)
    pairs.vgg()
    steps, size = (6, 64) if arguments.quick else (arguments.steps, 256)
    styles = arguments.out / "paintings"
    styles.mkdir(parents=True, exist_ok=True)
    paintings = {name: pairs.find(folder, "paintings", name) for name in PAINTINGS}
    for path in paintings.values():
        shutil.copy(path, styles)
    photos = sorted((folder / "photos").glob("kodim*.jpg"))[: 2 if arguments.quick else arguments.photos]
    smalls = {path.stem: pairs.sized(open_still(path), size) for path in photos}
    yardstick = machine.Judge(size)
    chosen = [name for name in VARIANTS if name in arguments.only.split(",") or not arguments.only]
    shown = arguments.picture or photos[0]
    example = pairs.sized(open_still(shown), size)
    rows, cells = [], [(shown.stem, example) for _ in PAINTINGS]
    for variant in chosen:
        out = arguments.out / variant.replace(" ", "-")
        kept = out / "row.json"
        settings = override(TrainSettings(), {**BASE, **VARIANTS[variant], "steps": steps})
        asked = {"settings": dataclasses.asdict(settings), "photos": list(smalls)}
        if kept.exists() and json.loads(kept.read_text()).get("asked", asked) != asked:
            raise SettingError(f"{out} was made with other options: take another --out")
        if not kept.exists():
            trained = train_network(folder / "photos" / "train", out, styles, settings=settings)
            found: dict[str, list[float]] = {name: [] for name in COLUMNS if name != "seconds"}
            for painting in paintings.values():
                engine = open_foreign(InstantSettings(model=str(out / "plain" / f"{painting.stem}.onnx")), "cpu")
                for photo, small in smalls.items():
                    painted = pairs.paint(engine, small)
                    verdict = Judge(small, painting, size=size, features="none")(painted)
                    values = yardstick(pairs.find(folder, "photos", photo), painting, painted).by_name()
                    values |= {k: float(getattr(verdict, k) or 0) for k in ("ssim", "edges", "grid_peak", "clipped_added")}
                    for key, value in values.items():
                        found[key].append(value)
            row = {"variant": variant, "asked": asked, "steps": trained.steps, "seconds": trained.seconds}
            row |= {name: float(np.mean(values)) for name, values in found.items()}
            kept.write_text(json.dumps(row))
        rows.append(json.loads(kept.read_text()))
        for name, painting in paintings.items():
            model = InstantSettings(model=str(out / "plain" / f"{painting.stem}.onnx"))
            cells.append((f"{variant}\n{name}", pairs.paint(open_foreign(model, "cpu"), example)))
        print(json.dumps(rows[-1]), flush=True)
    table = [[row["variant"], *(f"{row[name]:.3f}" for name in COLUMNS[:-1]), f"{row['seconds']:.0f}"] for row in rows]
    print(pairs.markdown(["variant", *COLUMNS], table))
    write_still(contact_sheet(cells, side=size, columns=len(PAINTINGS)), arguments.out / "sheet.png")
    pairs.write(arguments, "ablations", described, {"steps": steps, "base": BASE, "rows": rows})


if __name__ == "__main__":
    pairs.run(main)
