"""How good the trained networks are: style and content error, by VGG-19, of what they paint, beside the peers' own networks.

    python benchmarks/painters.py                          all photos of the Kodak set x the paintings that the peers have networks for
    python benchmarks/painters.py --photos kodim23 --show runs/painters     and keep the pictures
    python benchmarks/painters.py --paintings gauguin,monet,renoir          paintings that the body for any painting learned on

`any` is the body for any painting, which never saw the four that it is judged by unless others are asked for; `named` the body for
styles by name, which was trained on them. Peers (where their figures are known, on three photos) are MicroAST (any painting) and
fast-style-transfer (one network a style).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pairs

NAMES = {
    "starry_night": "starry-night",
    "great_wave": "great-wave",
    "the_scream": "the-scream",
    "udnie": "udnie",
    "shipwreck": "shipwreck-minotaur",
}
UNSEEN = ("starry_night", "great_wave", "the_scream", "udnie")
"""Paintings that were kept from the body for any painting."""
MICROAST = {
    "starry_night": {"kodim03": (0.239, 0.81), "kodim15": (0.225, 0.65), "kodim23": (0.243, 0.77)},
    "great_wave": {"kodim03": (0.268, 0.77), "kodim15": (0.270, 0.67), "kodim23": (0.284, 0.76)},
    "the_scream": {"kodim03": (0.227, 0.60), "kodim15": (0.251, 0.54), "kodim23": (0.235, 0.54)},
    "udnie": {"kodim03": (0.172, 0.66), "kodim15": (0.193, 0.44), "kodim23": (0.187, 0.51)},
}
FAST_STYLE_TRANSFER = {
    "great_wave": {"kodim03": (0.191, 0.77), "kodim15": (0.184, 0.65), "kodim23": (0.196, 0.77)},
    "the_scream": {"kodim03": (0.199, 0.54), "kodim15": (0.326, 0.45), "kodim23": (0.207, 0.48)},
    "udnie": {"kodim03": (0.083, 0.58), "kodim15": (0.072, 0.45), "kodim23": (0.069, 0.58)},
    "shipwreck": {"kodim03": (0.167, 0.53), "kodim15": (0.182, 0.47), "kodim23": (0.170, 0.52)},
}
"""(style, content) errors of the peers' own trained networks at 512 px, by the same yardstick."""


def told(errors: tuple[float, float] | None) -> str:
    return f"{errors[0]:.3f} / {errors[1]:.2f}" if errors else ""


def main() -> None:
    parser = pairs.parser(__doc__)
    parser.add_argument("--photos", default="", help="names, by comma (default: all kodim*)")
    parser.add_argument("--paintings", default=",".join(NAMES), help="names, by comma")
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--show", type=Path, metavar="FOLDER", help="keep the pictures there")
    arguments = parser.parse_args()
    pairs.ready(arguments)

    import machine
    from atelier.engines.guide import Sample
    from atelier.engines.network.catalogue import shipped
    from atelier.engines.network.engine import InstantEngine
    from atelier.media import open_still, write_still
    from atelier.request import InstantSettings

    described = machine.introduce()
    folder = pairs.needed(arguments)
    pairs.vgg()
    size = 128 if arguments.quick else arguments.size
    photos = [n for n in arguments.photos.split(",") if n] or sorted(path.stem for path in (folder / "photos").glob("kodim*.jpg"))
    photos = photos[:2] if arguments.quick else photos
    judge = machine.Judge(size)
    rows: list[dict[str, Any]] = []
    for painting in arguments.paintings.split(","):
        path = pairs.find(folder, "paintings", painting)
        engines = {}
        if painting in NAMES:
            engines["named"] = InstantEngine([Sample(shipped()[NAMES[painting]])], InstantSettings())
        if painting in UNSEEN or painting not in NAMES:
            engines["any"] = InstantEngine([Sample(open_still(path).flat())], InstantSettings())
        for name in photos:
            photo = pairs.find(folder, "photos", name)
            small = pairs.sized(open_still(photo), size)
            row: dict[str, Any] = {"photo": name, "painting": painting}
            for kind, engine in engines.items():
                painted = engine(small)
                row[kind] = judge(photo, path, painted)
                if arguments.show:
                    arguments.show.mkdir(parents=True, exist_ok=True)
                    write_still(painted, arguments.show / f"{name}-{NAMES.get(painting, painting)}-{kind}.png")
            for peer, known in (("microast", MICROAST), ("fast_style_transfer", FAST_STYLE_TRANSFER)):
                if found := known.get(painting, {}).get(name):
                    row[peer] = found
            rows.append(row)
    columns = ("pair", "any", "MicroAST", "named", "fast-style-transfer")
    shown = [
        (
            f"{row['photo']} × {row['painting']}",
            *(
                f"{row[kind][0]:.3f} / {row[kind][1]:.2f}" if kind in row else ""
                for kind in ("any", "microast", "named", "fast_style_transfer")
            ),
        )
        for row in rows
    ]
    print(pairs.markdown(columns, shown))
    for ours, peer in (("any", "microast"), ("named", "fast_style_transfer")):
        both = [row for row in rows if ours in row and peer in row]
        if both:
            styles, contents = zip(*((row[ours][0] / row[peer][0], row[ours][1] / row[peer][1]) for row in both), strict=True)
            print(f"{ours} / {peer}: style {machine.median(styles):.2f} times (median; {min(styles):.2f} to {max(styles):.2f}), "
                  f"content {machine.median(contents):.2f} times ({min(contents):.2f} to {max(contents):.2f})")  # fmt: skip
    for kind in ("any", "named"):
        if own := [row[kind] for row in rows if kind in row]:
            print(f"{kind}: style {sum(s for s, _ in own) / len(own):.3f}, content {sum(c for _, c in own) / len(own):.2f} (means)")
    pairs.write(arguments, "painters", described, json.loads(json.dumps(rows)))


if __name__ == "__main__":
    pairs.run(main)
