"""The solvers side by side: how far each brings the loss in so many evaluations.

    python benchmarks/solvers.py [--features pocket] [--size 256] [--iterations 80]

One scale, from the recoloured photo; losses of the recipe `default`. An evaluation is an iteration, whether its step was taken or not.
"""

from __future__ import annotations

import time
from typing import Any

import pairs

NAMED = "kodim23:starry_night,kodim15:the_scream"
SHOWN = (10, 20, 40, 80)
WAYS: dict[str, dict[str, Any]] = {
    "L-BFGS": {"optimizer": "lbfgs", "rate": 1.0},
    "Adam": {"optimizer": "adam", "rate": 0.02},
    "gradient descent": {"optimizer": "sgd"},
    "with Nesterov's step": {"optimizer": "sgd", "momentum": "nesterov"},
    "with Armijo's rule": {"optimizer": "sgd", "line_search": "armijo", "rate": 0.05},
    "with both": {"optimizer": "sgd", "momentum": "nesterov", "line_search": "armijo", "rate": 0.05},
}
RATES = (30.0, 100.0, 300.0, 1000.0)
"""Of gradient descent with steps as given, whose gradients are in the loss's own units: the best of these is shown."""


def main() -> None:
    parser = pairs.parser(__doc__)
    parser.add_argument("--pairs", default=NAMED, help="PHOTO:PAINTING, by comma")
    parser.add_argument("--features", default="pocket")
    parser.add_argument("--size", type=int, default=256, help="long side, px")
    parser.add_argument("--iterations", type=int, default=80)
    arguments = parser.parse_args()
    pairs.ready(arguments)

    import machine
    from atelier.engines.engine import Frame
    from atelier.engines.guide import Sample
    from atelier.engines.optimize.engine import OptimizeEngine
    from atelier.engines.optimize.recipes import recipe
    from atelier.media import open_still
    from atelier.progress import Progress
    from atelier.request import override

    described = machine.introduce()
    folder = pairs.needed(arguments)
    if arguments.quick:
        arguments.size, arguments.iterations = 128, 6
    one_scale = {"features": arguments.features, "warm_features": "", "coarse_iterations": 0, "iterations": arguments.iterations}
    shown = [n for n in SHOWN if n <= arguments.iterations]
    rows: list[dict[str, Any]] = []
    for photo, painting in (pair.split(":") for pair in arguments.pairs.split(",")):
        content, style = (
            pairs.sized(open_still(pairs.find(folder, kind, name)), arguments.size)
            for kind, name in (("photos", photo), ("paintings", painting))
        )
        for way, own in WAYS.items():
            tried = []
            for rate in [own["rate"]] if "rate" in own else RATES:
                losses: list[float] = []

                def report(progress: Progress, losses: list[float] = losses) -> None:
                    losses.extend([progress.losses["total"]] if progress.losses else [])

                engine = OptimizeEngine([Sample(style)], override(recipe("default").settings, {**one_scale, **own, "rate": rate}))
                began = time.process_time()
                engine(Frame.of(content), report)
                tried.append((min(losses), rate, losses, time.process_time() - began))
            _, rate, losses, seconds = min(tried)
            least = [min(losses[:n]) for n in shown]
            rows.append({"pair": f"{photo} × {painting}", "way": way, "rate": rate, "least": least, "seconds": round(seconds, 1)})
    heads = ["pair", "solver", "rate", *(f"loss by {n}" for n in shown), "s"]
    print(pairs.markdown(heads, [[row["pair"], row["way"], row["rate"], *row["least"], row["seconds"]] for row in rows]))
    pairs.write(arguments, "solvers", described, {"rows": rows})


if __name__ == "__main__":
    pairs.run(main)
