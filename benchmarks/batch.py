"""Many pictures: how near a batch comes to what its networks could do, what a second worker and Ray are worth, and memory over time.

    python benchmarks/batch.py [--photos 200] [--side 512] [--cluster] [--json batch.json]
    python benchmarks/batch.py --memory 2000

`networks alone`: processes with a thread each call the painter on photos that are opened already. `batch`: the same photos from
files to files, through a manifest, by as many workers with a thread each, and by one more. The first pictures of every worker, in
which models are opened, do not count. `ray`: the same by actors of `--cluster local`. `--memory`: one worker over many pictures of
different sizes; its memory after a tenth of them and at the end.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import machine
import pairs
from atelier.batch import Crew, Found, Here, Item, Making, Manifest, Processes, paint_all, plan
from atelier.batch.crew import share_cores
from atelier.image import encode, fit, resize
from atelier.media import open_still
from atelier.request import Style
from atelier.run import Session
from atelier.run import open as open_job

STYLE = "starry-night"
WARM = 6
"""Pictures a worker that do not count."""


def photos(arguments: Any, folder: Path, count: int, sides: tuple[int, ...] = (768,)) -> list[Found]:
    """So many files, of the shared photos in turn."""
    known = sorted((pairs.needed(arguments) / "photos").glob("*.jpg"))
    opened: dict[tuple[Path, int], bytes] = {}
    found = []
    for number in range(count):
        path, side = known[number % len(known)], sides[number % len(sides)]
        if (path, side) not in opened:
            photo = open_still(path)
            opened[path, side] = encode(resize(photo, fit(photo.size, side)), "jpeg")
        target = folder / f"{number:05d}.jpg"
        target.write_bytes(opened[path, side])
        found.append(Found(str(target)))
    return found


def engine_alone(names: list[str], size: int | None, of: int) -> tuple[float, float]:
    """Begin and end of painting photos that are open, on one thread."""
    share_cores(of, 1)
    session = Session()
    making = Making({"size": size})
    jobs = [open_job(making.item(name, (Style(STYLE),), "x.png").request, session=session) for name in names[: WARM + 4]]
    for job in jobs[:WARM]:
        next(iter(job.frames()))
    began = time.time()
    for at in range(len(names)):
        next(iter(jobs[at % len(jobs)].frames()))
    return began, time.time()


def alone(found: list[Found], size: int | None, workers: int) -> float:
    """Pictures a second of the networks, nothing else."""
    names = [photo.name for photo in found]
    parts = [names[at::workers] for at in range(workers)]
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        spans = list(pool.map(engine_alone, parts, [size] * workers, [workers] * workers))
    return len(names) / (max(end for _, end in spans) - min(begin for begin, _ in spans))


def timed(items: list[Item], crew: Crew, manifest: Path) -> float:
    """Pictures a second of a crew, from the first that counts."""
    warm, began, done = WARM * crew.workers, 0.0, 0
    try:
        with Manifest(manifest) as kept:
            for outcome in paint_all(items, crew, kept):
                assert outcome.error is None, outcome
                done += 1
                if done == warm:
                    began = time.perf_counter()
        return (done - warm) / (time.perf_counter() - began)
    finally:
        crew.close()


def rows(arguments: Any, folder: Path) -> Iterator[tuple[str, int, str, float, float]]:
    found = photos(arguments, folder, arguments.photos, (arguments.side,))
    own = {workers: alone(found, arguments.size, workers) for workers in (1, arguments.workers)}
    for workers, rate in own.items():
        yield "networks alone", workers, "", rate, 1.0

    def batch(name: str, crew: Crew, workers: int, suffix: str) -> tuple[str, int, str, float, float]:
        out = folder / f"{name}-{workers}{suffix}"
        items = plan(found, [(Style(STYLE),)], str(out), Making({"size": arguments.size}, suffix=suffix))
        rate = timed(items, crew, out / "manifest.jsonl")
        return name, workers, suffix, rate, rate / own.get(workers, own[arguments.workers])

    for workers, suffix in ((1, ".jpg"), (arguments.workers, ".jpg"), (arguments.workers + 1, ".jpg"), (arguments.workers, ".png")):
        yield batch("batch", Processes(workers, threads=1), workers, suffix)
    if arguments.cluster:
        from atelier.cluster import Cluster

        yield batch("ray", Cluster(workers=arguments.workers), arguments.workers, ".jpg")


def memory(arguments: Any, folder: Path) -> dict[str, Any]:
    """MiB that one worker holds on its way."""
    found = photos(arguments, folder, arguments.memory, (320, 288, 256, 224))
    items = plan(found, [(Style(STYLE),), (Style("udnie"),)][:1], str(folder / "out"), Making())
    held: list[float] = []
    with Manifest(folder / "manifest.jsonl") as kept:
        for outcome in paint_all(items, Here(), kept):
            assert outcome.error is None
            held.append(resident())
    tenth = held[len(held) // 10]
    return {"pictures": len(held), "MiB after a tenth": tenth, "MiB at the end": held[-1], "most": max(held)}


def resident() -> float:
    """MiB of this process in memory."""
    status = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in status if line.startswith("VmRSS")).split()[1]) / 1024


COLUMNS = ("what", "workers", "to", "pictures/s", "of the networks alone")


def main() -> None:
    options = pairs.parser(__doc__ or "")
    options.add_argument("--photos", type=int, default=200)
    options.add_argument("--side", type=int, default=512, help="long side of the photos, px")
    options.add_argument("--size", type=int, help="long side of results, px (default: the photo's own)")
    options.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    options.add_argument("--cluster", action="store_true", help="also on Ray")
    options.add_argument("--memory", type=int, metavar="PICTURES", help="memory over so many pictures, and nothing else")
    arguments = options.parse_args()
    if arguments.quick:
        arguments.photos, arguments.side = 30, 128
        arguments.memory = arguments.memory and 40
    pairs.ready(arguments)
    about = machine.introduce()
    with tempfile.TemporaryDirectory() as name:
        if arguments.memory:
            told = memory(arguments, Path(name))
            pairs.table("memory", tuple(told), [tuple(told.values())])
            pairs.write(arguments, "batch", about, told)
            return
        found = []
        for row in rows(arguments, Path(name)):
            print(*row, file=sys.stderr)
            found.append(row)
    pairs.table(f"{arguments.photos} photos of {arguments.side} px", COLUMNS, found)
    by = {(what, workers, to): rate for what, workers, to, rate, _ in found}
    print(f"{arguments.workers} workers: {by['batch', arguments.workers, '.jpg'] / by['batch', 1, '.jpg']:.2f} x one")
    if arguments.cluster:
        print(f"ray: {100 * (by['batch', arguments.workers, '.jpg'] / by['ray', arguments.workers, '.jpg'] - 1):.1f} % longer")
    pairs.write(arguments, "batch", about, [dict(zip(COLUMNS, row, strict=True)) for row in found])


if __name__ == "__main__":
    pairs.run(main)
