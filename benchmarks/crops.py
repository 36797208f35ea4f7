"""How far a part of a painting is from the whole of it, by the style error that networks are trained with: what a loss over small crops
asks for beyond what is there to be had.

    python benchmarks/crops.py [--crop 240] [--draws 6]

Of each painting at 512 px, crops at random positions are compared with the whole, layer by layer; and so are the mean Gram matrices of
some of them together (`atelier train network --together`).
"""

from __future__ import annotations

from typing import Any

import numpy as np

import pairs

PAINTINGS = ("starry_night", "great_wave", "the_scream", "udnie", "shipwreck")


def main() -> None:
    parser = pairs.parser(__doc__)
    parser.add_argument("--crop", type=int, default=240, help="side, px")
    parser.add_argument("--together", type=int, default=3, help="crops whose matrices are averaged")
    parser.add_argument("--draws", type=int, default=6, help="of so many crops each")
    parser.add_argument("--features", default="vgg19")
    arguments = parser.parse_args()
    pairs.ready(arguments)

    import torch

    import machine
    from atelier.media import open_still
    from atelier.perception.network import STYLE_LAYERS, Network
    from atelier.training.objective import Eye

    described = machine.introduce()
    folder = pairs.needed(arguments)
    side, count = (64, 128) if arguments.quick else (arguments.crop, 512)
    eye = Eye(Network.load(arguments.features))
    rng = np.random.default_rng(0)
    rows: list[dict[str, Any]] = []
    for name in PAINTINGS:
        painting = pairs.sized(open_still(pairs.find(folder, "paintings", name)), count).pixels
        x = torch.from_numpy(np.ascontiguousarray(painting.transpose(2, 0, 1)))[None]

        @torch.no_grad()
        def grams(x: torch.Tensor) -> dict[str, torch.Tensor]:
            return eye(x).grams

        whole = grams(x)

        def error(found: dict[str, torch.Tensor], whole: dict[str, torch.Tensor] = whole) -> list[float]:
            return [float((found[n] - whole[n]).square().sum() / whole[n].square().sum()) for n in STYLE_LAYERS]

        single, several = [], []
        for _ in range(2 if arguments.quick else arguments.draws):
            parts = []
            for _ in range(arguments.together):
                top, left = (int(rng.integers(0, n - side + 1)) for n in x.shape[2:])
                parts.append(grams(x[:, :, top : top + side, left : left + side]))
            single += [error(part) for part in parts]
            several.append(error({n: torch.stack([part[n] for part in parts]).mean(0) for n in STYLE_LAYERS}))
        for crops, found in ((1, single), (arguments.together, several)):
            errors = machine.Errors(tuple(float(error) for error in np.mean(found, 0)), 0.0)
            numbers = {key: value for key, value in errors.by_name().items() if key != "content"}
            rows.append({"painting": name, "crops": crops, **numbers})
    shown = [[f"{value:.2f}" if isinstance(value, float) else str(value) for value in row.values()] for row in rows]
    print(pairs.markdown(list(rows[0]), shown))
    pairs.write(arguments, "crops", described, {"side": side, "rows": rows})


if __name__ == "__main__":
    pairs.run(main)
