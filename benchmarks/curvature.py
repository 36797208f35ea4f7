"""What L-BFGS gains by knowing beforehand that long waves hardly bend the loss, and by leaving out pixels that are held at a bound.

    python benchmarks/curvature.py [--features pocket] [--size 512] [--set content_weight=0.1]

Each pair is painted twice by the recipe `default`, the same but for that. The losses are those of the full size, where each begins
from coarse scales of its own; `sooner` is the iteration at which the loss is what it is without at the end.
"""

from __future__ import annotations

import time
from typing import Any

import pairs

NAMED = "kodim23:starry_night,kodim15:the_scream,kodim03:mondrian,kodim23:great_wave"
SHOWN = (5, 10, 20, 40, 80)


def main() -> None:
    parser = pairs.parser(__doc__)
    parser.add_argument("--pairs", default=NAMED, help="PHOTO:PAINTING, by comma")
    parser.add_argument("--features", default="pocket")
    parser.add_argument("--size", type=int, default=512, help="long side, px")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="settings of the recipe")
    arguments = parser.parse_args()
    pairs.ready(arguments)

    import machine
    from atelier.engines.guide import Sample
    from atelier.engines.optimize import solver
    from atelier.engines.optimize.engine import OptimizeEngine
    from atelier.engines.optimize.recipes import recipe
    from atelier.media import open_still
    from atelier.progress import Progress
    from atelier.request import override

    described = machine.introduce()
    folder = pairs.needed(arguments)
    given = {"features": arguments.features, **pairs.parse_settings(arguments.set)}
    if arguments.quick:
        arguments.size, given = 128, {**given, "iterations": 5, "coarse_iterations": 3}
    default = recipe("default")
    settings = override(default.settled(given), given)
    knowing = solver.LBFGS
    ways = {"knowing": knowing, "without": lambda rate, history, guess, bounds: knowing(rate, history)}
    rows: list[dict[str, Any]] = []
    warm = pairs.sized(pairs.one_pair(arguments)[0], arguments.size)
    few = OptimizeEngine([Sample(warm)], override(settings, {"iterations": 2, "coarse_iterations": 2}))
    pairs.paint(few, warm)  # what is paid once in a process
    for photo, painting in (pair.split(":") for pair in arguments.pairs.split(",")):
        content, style = (
            pairs.sized(open_still(pairs.find(folder, kind, name)), arguments.size)
            for kind, name in (("photos", photo), ("paintings", painting))
        )
        losses: dict[str, list[float]] = {}
        for way, kind in ways.items():
            found: list[float] = []

            def report(progress: Progress, found: list[float] = found) -> None:
                if progress.losses:
                    found.append(progress.losses["total"])

            solver.LBFGS = kind  # type: ignore[assignment, misc]
            engine = OptimizeEngine([Sample(style)], settings)
            began = time.perf_counter()
            pairs.paint(engine, content, report=report)
            took = time.perf_counter() - began
            losses[way] = found[-settings.iterations :]
            rows.append({"pair": f"{photo} × {painting}", "way": way, "seconds": round(took, 1), "losses": losses[way]})
        last = losses["without"][-1]
        rows[-2]["sooner"] = next((n for n, loss in enumerate(losses["knowing"], 1) if loss <= last), None)
        rows[-2]["share"] = losses["knowing"][-1] / last
    shown = [n for n in SHOWN if n <= settings.iterations]
    print(
        pairs.markdown(
            ["pair", "way", *(f"loss at {n}" for n in shown), "of the other's", "sooner", "s"],
            [
                [
                    row["pair"],
                    row["way"],
                    *(row["losses"][n - 1] for n in shown),
                    row.get("share", ""),
                    row.get("sooner", ""),
                    row["seconds"],
                ]
                for row in rows
            ],
        )
    )
    pairs.write(arguments, "curvature", described, {"settings": given, "rows": rows})


if __name__ == "__main__":
    pairs.run(main)
