"""How long `atelier --help` takes, and what is imported on the way.

python benchmarks/startup.py [--repeats 10]
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Sequence

import machine
import pairs

IMPORTED = re.compile(r"import time:\s*(\d+) \|\s*(\d+) \|( *)(\S+)")
CODE = {
    "an empty Python": "pass",
    "import numpy": "import numpy",
    "import atelier": "import atelier",
    "import atelier.cli": "import atelier.cli",
    "from atelier import stylize": "from atelier import stylize",
    "import torch": "import torch",
    "the engine": "import atelier.engines.optimize.engine",
}


def seconds(command: Sequence[str], repeats: int) -> list[float]:
    """Wall time of a command, each time it is run; the first run, which warms the file cache, does not count."""

    def once() -> None:
        subprocess.run(command, capture_output=True, check=True)

    return machine.times(once, repeats)


def slowest(statement: str, rows: int = 10) -> list[tuple[str, float, float]]:
    """(module, its own ms, with what it imports) of the modules that a statement imports, the largest own time first."""
    done = subprocess.run([sys.executable, "-X", "importtime", "-c", statement], capture_output=True, text=True, check=True)
    found = [(m[4], int(m[1]) / 1e3, int(m[2]) / 1e3) for m in map(IMPORTED.match, done.stderr.splitlines()) if m]
    return sorted(found, key=lambda row: -row[1])[:rows]


def heavy_modules() -> list[str]:
    """Those of the heavy packages that `atelier --help` imports; there should be none."""
    code = (
        "import sys\nfrom atelier.cli import main\nsys.argv = ['atelier', '--help']\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print('imported:', *(m for m in ('torch', 'scipy', 'matplotlib', 'imagecodecs', 'numpy', 'PIL') if m in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()[-1].split()[1:]


def main() -> None:
    options = pairs.parser(__doc__ or "")
    options.add_argument("--repeats", type=int, default=10)
    arguments = options.parse_args()
    if arguments.quick:
        arguments.repeats = 2
    pairs.ready(arguments)
    about = machine.introduce()
    taken = {"atelier --help": seconds([*machine.atelier_command(), "--help"], arguments.repeats)}
    taken["atelier stylize --help"] = seconds([*machine.atelier_command(), "stylize", "--help"], arguments.repeats)
    taken |= {name: seconds([sys.executable, "-c", code], max(2, arguments.repeats // 2)) for name, code in CODE.items()}
    rows = [(name, min(each) * 1e3, machine.median(each) * 1e3, len(each)) for name, each in taken.items()]
    pairs.table("wall time, process start to end", ("what", "least ms", "median ms", "runs"), rows)
    imports = slowest("import atelier.cli")
    pairs.table("what importing atelier.cli spends its time in", ("module", "own ms", "with its imports"), imports)
    heavy = heavy_modules()
    print(f"Heavy packages that atelier --help imports: {', '.join(heavy) or 'none'}")
    results = {"seconds": {name: {"least": min(e), "median": machine.median(e), "all": e} for name, e in taken.items()}}
    pairs.write(arguments, "startup", about, {**results, "imports": imports, "heavy": heavy})


if __name__ == "__main__":
    pairs.run(main)
