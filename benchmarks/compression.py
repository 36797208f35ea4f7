"""What a narrower body costs and saves: channels cut out of a trained network (`atelier train compress`), then trained on; size,
time and loss before and after, beside the whole network trained on as long.

    python benchmarks/compression.py --network runs/mine           a folder that `atelier train network --no-reader` made
    python benchmarks/compression.py                               a small network is trained first

The network's styles are looked for among the shared paintings, and have the four that are judged among them. All are trained on with one
content weight.
Judged by VGG-19 on photos that it never saw; the time is that of one picture of --side px by ONNX Runtime, in turn. What is done is kept
in --out, and a second call goes on from there.
"""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import pairs
from ablations import BASE, PAINTINGS
from atelier.errors import SettingError

CUTS: dict[str, dict[str, float]] = {
    "whole": {},
    "3/4 as wide": {"wide": 0.75, "deep": 0.75},
    "half as wide": {"wide": 0.5, "deep": 0.5},
    "1/16 half as wide": {"deep": 0.5},
}
"""Shares of the channels that are kept."""
KIB = 2**10


def main() -> None:
    parser = pairs.parser(__doc__)
    parser.add_argument("--network", type=Path, help="a training's folder")
    parser.add_argument("--out", type=Path, default=Path("runs/compression"), help="folder of the trainings and of sheet.png")
    parser.add_argument("--steps", type=int, default=200, help="that each is trained on")
    parser.add_argument("--features", default="pocket", help="what is seen through while training on")
    parser.add_argument("--photos", type=int, default=4, help="to judge on")
    parser.add_argument("--side", type=int, default=1024, help="of the picture that is timed, px")
    arguments = parser.parse_args()
    pairs.ready(arguments)

    import machine
    from atelier.engines.network.foreign import open_foreign
    from atelier.image.sheet import contact_sheet
    from atelier.media import open_still, write_still
    from atelier.request import InstantSettings, override
    from atelier.training.compress import compressed
    from atelier.training.network import plan_of, read_network, train_network
    from atelier.training.settings import TrainSettings

    described = machine.introduce()
    folder = pairs.needed(arguments)
    pairs.vgg()
    steps, size, side = (4, 64, 128) if arguments.quick else (arguments.steps, 512, arguments.side)
    paintings = {name: pairs.find(folder, "paintings", name) for name in PAINTINGS}
    arguments.out.mkdir(parents=True, exist_ok=True)
    small: dict[str, Any] = {**BASE, "steps": 10 * steps}
    network = arguments.network
    if network is None:
        network = arguments.out / "network"
        styles = kept(paintings.values(), arguments.out / "paintings")
        train_network(folder / "photos" / "train", network, styles, settings=override(TrainSettings(), small))
    else:
        small = {}
        names = json.loads(read_network(network)[1]["styles"])
        styles = kept([pairs.find(folder, "paintings", name) for name in names], arguments.out / "paintings")
    plan = plan_of(network, read_network(network)[1])
    shape = {name: getattr(plan, name) for name in ("fine", "half", "blocks", "deep_blocks", "rank", "output", "norm")}
    photos = sorted((folder / "photos").glob("kodim*.jpg"))[: 1 if arguments.quick else arguments.photos]
    pictures = {path.stem: pairs.sized(open_still(path), size) for path in photos}
    yardstick = machine.Judge(size)

    def judged(out: Path) -> dict[str, float]:
        errors = []
        for name, painting in paintings.items():
            engine = open_foreign(InstantSettings(model=str(out / "plain" / f"{painting.stem}.onnx")), "cpu")
            for at, (photo, picture) in enumerate(pictures.items()):
                painted = pairs.paint(engine, picture)
                if at == 0:
                    write_still(painted, out / f"{name}.png")
                errors.append(yardstick(pairs.find(folder, "photos", photo), painting, painted))
        return machine.mean_errors(errors)

    rows = []
    asked = {"network": str(arguments.network), "steps": steps, "features": arguments.features, "photos": list(pictures)}
    for name, shares in CUTS.items():
        cut = {key: max(4, round(getattr(plan, key) * share)) for key, share in shares.items()}
        out = arguments.out / name.replace(" ", "-").replace("/", "-")
        if not done(out / "row.json", asked):
            start = network
            if cut:
                out.mkdir(exist_ok=True)
                compressed(network, start := out / "cut.safetensors", **cut)
            widths = {"wide": plan.wide, "deep": plan.deep, **cut}
            base = {"reader": False, "photo_crops": 240, "every": 1000, "warmup": 10, "decay": 0.7, "cross": 0.0, "batch": 2, **small}
            base |= {**shape, **widths, "start": str(start), "content_rate": 0.0, "features": arguments.features}
            row: dict[str, Any] = {"variant": name, "asked": asked, **widths}
            for when, more in (("cut", {"steps": 1, "rate": 1e-8}), ("trained", {"steps": steps})):  # one step of no size: as it is
                trained = train_network(
                    folder / "photos" / "train", out / when, styles, settings=override(TrainSettings(), {**base, **more})
                )
                row |= {f"{name} {when}": value for name, value in judged(out / when).items()}
            row["seconds trained"] = trained.seconds
            row["numbers"] = sum(value.numel() for key, value in trained.weights.items() if key.startswith("painter."))
            row["style numbers"] = dataclasses.replace(plan, **widths).numbers
            row["model KiB"] = (out / "trained" / "styles.onnx").stat().st_size / KIB
            (out / "row.json").write_text(json.dumps(row))
        rows.append(json.loads((out / "row.json").read_text()))
        print(json.dumps(rows[-1]), flush=True)

    big = pairs.sized(open_still(photos[0]), side)
    folders = {row["variant"]: arguments.out / row["variant"].replace(" ", "-").replace("/", "-") / "trained" for row in rows}
    painting = paintings[PAINTINGS[0]]
    engines = {
        name: open_foreign(InstantSettings(model=str(out / "plain" / f"{painting.stem}.onnx")), "cpu") for name, out in folders.items()
    }
    timed = machine.in_turn(
        {name: lambda engine=engine: pairs.paint(engine, big) for name, engine in engines.items()}, 1 if arguments.quick else 7
    )
    shown = []
    for row in rows:
        row["seconds"] = machine.median(timed[row["variant"]])
        sizes = [f"{row['numbers'] / 1000:.0f}", f"{row['numbers'] * 4 / KIB:.0f}", f"{row['model KiB']:.0f}"]
        shown.append([row["variant"], f"{row['wide']} / {row['deep']}", *sizes, f"{row['seconds']:.3f}"])
    columns = ["variant", "channels at 1/8, 1/16", "thousand numbers", "float32 KiB", "model KiB", f"s at {side} px"]
    print(pairs.markdown(columns, shown))
    judged_rows = [
        [row["variant"], when, *(f"{row[f'{name} {when}']:.3f}" for name in machine.COLUMNS)] for row in rows for when in ("cut", "trained")
    ]
    print("\n" + pairs.markdown(["variant", "when", *machine.COLUMNS], judged_rows))
    cells = [(f"{name}\n{style}", open_still(out / f"{style}.png")) for name, out in folders.items() for style in PAINTINGS]
    write_still(contact_sheet(cells, side=size, columns=len(PAINTINGS)), arguments.out / "sheet.png")
    pairs.write(arguments, "compression", described, {"steps": steps, "rows": rows})


def done(path: Path, asked: dict[str, Any]) -> bool:
    """Whether a row is there, and of what is asked now; what was made for another question is in the way. Raises SettingError."""
    if not path.exists():
        return False
    if json.loads(path.read_text())["asked"] != asked:
        raise SettingError(f"{path.parent} was made with other options: take another --out")
    return True


def kept(paintings: Any, folder: Path) -> Path:
    """The paintings by themselves in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in paintings:
        shutil.copy(path, folder)
    return folder


if __name__ == "__main__":
    pairs.run(main)
