"""The service, as clients meet it: how long a job takes, what load does to it, and what kill -9 does.

    python benchmarks/service.py latency [--clients 2] [--seconds 30]
    python benchmarks/service.py load [--clients 50] [--seconds 300]
    python benchmarks/service.py chaos [--kills 100] [--clients 4] [--database postgresql://...]

Each starts `atelier serve` with its workers on a free port of this machine, with a folder of its own. `latency`: request to result of
instant jobs, in turns of as many clients, after a warm-up. `load`: clients that ask for one picture after the other, each with a key of its
own; answers by status, how evenly they were served, the memory of server and workers, and how long `GET /v1/health` took
meanwhile. `chaos`: the server, a worker or all of them are killed at random while jobs are asked for; every accepted job must end with one
result, whole and of the size that was asked, and whatever was running must be free again within 10 s: of the kill or, where the
server was killed, of its being up again.
"""

from __future__ import annotations

import os
import random
import secrets
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx

import machine
import pairs
from atelier.image import Image, decode, encode, fit, resize
from atelier.media import open_still
from atelier.service.config import Config
from atelier.service.database import migrate
from atelier.service.keys import add_key
from atelier.service.store import Store

RECOVERED = 10.0
"""Seconds within which what was running must be free to be taken again."""


class Served:
    """`atelier serve` as a process that can be killed and started again. options: more of the command's."""

    def __init__(self, folder: Path, database: str = "", *options: str) -> None:
        self.folder, self.options = folder, options
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.address = f"http://127.0.0.1:{self.port}"
        self.config = Config(str(folder), database)
        self.process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)
        migrate(self.config.database_url)
        self.store = Store(self.config.database_url)

    def start(self) -> None:
        command = [sys.executable, "-m", "atelier", "serve", "--port", str(self.port), "--data", str(self.folder), *self.options]
        command += ["--database", self.config.database] if self.config.database else []
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(command, stderr=log, stdout=log)
        until = time.monotonic() + 60
        while time.monotonic() < until:
            try:
                if httpx.get(f"{self.address}/v1/health", timeout=1).status_code == 200:
                    return
            except httpx.TransportError:
                time.sleep(0.05)
        raise SystemExit(f"the service did not start: {(self.folder / 'log').read_text()[-2000:]}")

    @property
    def workers(self) -> list[int]:
        """Process ids of the workers."""
        return [] if self.process is None else children(self.process.pid)

    def kill(self, pids: Sequence[int]) -> None:
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        if self.process is not None and self.process.pid in pids:
            self.process.wait()

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(60)

    def __enter__(self) -> Served:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def children(pid: int) -> list[int]:
    """The processes that a process has started."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid and fields[0] != "Z":
            found.append(int(stat.parent.name))
    return found


def memory(pids: Sequence[int]) -> float:
    """MiB that processes hold."""
    total = 0
    for pid in pids:
        try:
            total += int(next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS")).split()[1])
        except (OSError, StopIteration):
            continue
    return total / 1024


def photo_of(arguments: Any, side: int) -> bytes:
    """A photo's file: of the shared ones if there are any, else waves of colour."""
    folder = pairs.shared(arguments)
    found = sorted((folder / "photos").glob("*.jpg")) if folder else []
    if found:
        photo = open_still(found[0])
    else:
        import numpy as np

        y, x = np.mgrid[:384, :512].astype(np.float32)
        photo = Image(
            np.stack([0.5 + 0.4 * np.sin(x * f + y * g) for f, g in ((0.05, 0.02), (0.3, 0.1), (0.02, 0.2))], -1).astype(np.float32)
        )
    return encode(resize(photo, fit(photo.size, side)), "jpeg")


def percentile(values: Sequence[float], share: float) -> float:
    """The value that so many of them do not go over."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


class Client:
    """Asks for one picture after the other, and counts what it gets."""

    def __init__(self, address: str, photo: bytes, size: int, key: str = "", statuses: Counter[int] | None = None) -> None:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self.http = httpx.Client(base_url=f"{address}/v1/", headers=headers, timeout=90)
        self.photo, self.size, self.statuses = photo, size, statuses if statuses is not None else Counter()
        self.seconds: list[float] = []

    def once(self) -> None:
        """From the request to the picture's bytes."""
        began = time.perf_counter()
        form = {"style": "starry-night", "size": str(self.size)}
        job = self.ask("POST", "jobs", data=form, files={"photo": ("photo.jpg", self.photo)})
        while job.status_code == 429:
            time.sleep(float(job.headers["Retry-After"]))
            job = self.ask("POST", "jobs", data=form, files={"photo": ("photo.jpg", self.photo)})
        id = job.json()["id"]
        while (answer := self.ask("GET", f"jobs/{id}/result", params={"wait": 25})).status_code == 409:
            continue
        answer.raise_for_status()
        self.seconds.append(time.perf_counter() - began)

    def ask(self, *what: Any, **more: Any) -> httpx.Response:
        answer = self.http.request(*what, **more)
        self.statuses[answer.status_code] += 1
        return answer


def repeat(work: Callable[[], None], until: float) -> None:
    while time.monotonic() < until:
        work()


# Programs -------------------------------------------------------------------------------------------------------------


def latency(arguments: Any) -> dict[str, Any]:
    photo = photo_of(arguments, 512)
    with tempfile.TemporaryDirectory() as folder, Served(Path(folder), "", "--workers", str(arguments.workers)) as served:
        clients = [Client(served.address, photo, arguments.size) for _ in range(arguments.clients)]
        with ThreadPoolExecutor(len(clients)) as pool:
            list(pool.map(lambda client: [client.once() for _ in range(8)], clients))  # warm-up
            for client in clients:
                client.seconds.clear()
            list(pool.map(lambda client: repeat(client.once, time.monotonic() + arguments.seconds), clients))
        seconds = [each for client in clients for each in client.seconds]
    return {
            "clients": len(clients), "jobs": len(seconds), "median s": statistics.median(seconds), "p99 s": percentile(seconds, 0.99),
            "longest s": max(seconds), "jobs/s": len(seconds) / arguments.seconds,
    }  # fmt: skip


def load(arguments: Any) -> dict[str, Any]:
    photo, statuses = photo_of(arguments, 512), Counter[int]()
    with tempfile.TemporaryDirectory() as folder:
        served = Served(Path(folder), "", "--workers", str(arguments.workers), "--keys")
        keys = [add_key(served.store.engine, f"client {number}", rate=100_000) for number in range(arguments.clients)]
        with served:
            clients = [Client(served.address, photo, arguments.size, key, statuses) for key in keys]
            until = time.monotonic() + arguments.seconds
            health: list[float] = []
            held: list[tuple[float, float]] = []

            def watch() -> None:
                probe = httpx.Client(timeout=10)
                assert served.process is not None
                while time.monotonic() < until:
                    began = time.perf_counter()
                    probe.get(f"{served.address}/v1/health").raise_for_status()
                    health.append(time.perf_counter() - began)
                    if len(health) % 10 == 0:
                        held.append((memory([served.process.pid]), memory(served.workers)))
                    time.sleep(0.1)

            with ThreadPoolExecutor(len(clients) + 1) as pool:
                watching = pool.submit(watch)
                list(pool.map(lambda client: repeat(client.once, until), clients))
                watching.result()
    done = [len(client.seconds) for client in clients]
    early, late = held[len(held) // 3], held[-1]
    return {
            "clients": len(clients), "jobs": sum(done), "least": min(done), "most": max(done),
            "5xx": sum(number for status, number in statuses.items() if status >= 500),
            "429": statuses[429], "health p50 ms": 1000 * statistics.median(health), "health p99 ms": 1000 * percentile(health, 0.99),
            "server MiB": early[0], "at the end": late[0], "workers MiB": early[1], "at end": late[1],
    }  # fmt: skip


class Chaos:
    """Clients that ask, a hand that kills, and what must hold afterwards."""

    def __init__(self, served: Served, photo: bytes, kills: int, seed: int) -> None:
        self.served, self.photo, self.kills = served, photo, kills
        self.random = random.Random(seed)
        self.accepted: dict[str, int] = {}
        self.recovered: list[float] = []
        self.over = threading.Event()

    def ask(self, number: int) -> None:
        """Ask for pictures of random sizes, each until it is accepted."""
        own, http = random.Random(number), httpx.Client(base_url=self.served.address, timeout=30)
        while not self.over.is_set():
            size, once = own.randrange(64, 360), secrets.token_hex(8)
            while not self.over.is_set():
                try:
                    form = {"style": "udnie", "size": str(size)}
                    answer = http.post("/v1/jobs", data=form, files={"photo": self.photo}, headers={"Idempotency-Key": once})
                except httpx.TransportError:
                    time.sleep(0.1)
                    continue
                if answer.status_code in (200, 202):
                    self.accepted[answer.json()["id"]] = size
                    break
                time.sleep(0.5)
            time.sleep(own.random() * 0.05)

    def kill(self) -> None:
        """Kill something at random, and see how long what was running is nobody's."""
        served = self.served
        assert served.process is not None
        workers = served.workers
        what = self.random.choice(("worker", "worker", "server", "all"))
        running = {job.id: job.attempt for job in served.store.page(None, "running", None, 100)}
        killed = time.monotonic()
        served.kill({"worker": workers[:1] or [], "server": [served.process.pid], "all": [served.process.pid, *workers]}[what])
        if what != "worker":
            served.start()
            killed = time.monotonic()
        for id, attempt in running.items():
            while (job := served.store.get(id)) is not None and job.state in ("running", "queued") and job.attempt == attempt:
                if job.state == "queued" or time.monotonic() - killed > 3 * RECOVERED:
                    break
                time.sleep(0.02)
            self.recovered.append(time.monotonic() - killed)

    def run(self, clients: int) -> dict[str, Any]:
        with ThreadPoolExecutor(clients) as pool:
            for number in range(clients):
                pool.submit(self.ask, number)
            for _ in range(self.kills):
                until = time.monotonic() + 15
                while time.monotonic() < until and not self.served.store.page(None, "running", None, 1):
                    time.sleep(0.01)
                time.sleep(self.random.uniform(0, 0.5))
                self.kill()
            self.over.set()
        return self.judge()

    def judge(self, seconds: float = 120) -> dict[str, Any]:
        """Wait for all jobs, then look at every one."""
        http, until = httpx.Client(timeout=60), time.monotonic() + seconds
        while time.monotonic() < until and any(self.served.store.counts()[state] for state in ("queued", "running")):
            time.sleep(0.2)
        states, wrong = Counter[str](), 0
        for id, size in self.accepted.items():
            job = self.served.store.get(id)
            states["lost" if job is None else job.state] += 1
            if job is not None and job.state == "done":
                picture = decode(http.get(f"{self.served.address}/v1/jobs/{id}/result").content)
                wrong += max(picture.size) != size
        results = Counter(path.name[:32] for path in (self.served.folder / "files/results").iterdir() if not path.name.startswith("."))
        return {
            "kills": self.kills, "accepted": len(self.accepted), "done": states["done"], "failed": states["failed"], "lost": states["lost"],
            "not ended": states["queued"] + states["running"], "wrong": wrong, "two results": sum(n > 1 for n in results.values()),
            "recovered in s, median": statistics.median(self.recovered or [0]), "longest": max(self.recovered or [0]),
        }  # fmt: skip


def chaos(arguments: Any) -> dict[str, Any]:
    photo = photo_of(arguments, 360)
    options = ("--workers", str(arguments.workers), "--tries", "1000", "--queue", "16")
    with tempfile.TemporaryDirectory() as folder, Served(Path(folder), arguments.database, *options) as served:
        found = Chaos(served, photo, arguments.kills, arguments.seed).run(arguments.clients)
        served.store.engine.dispose()
    return found


PROGRAMS: dict[str, Callable[[Any], dict[str, Any]]] = {"latency": latency, "load": load, "chaos": chaos}
"""And what each is measured by."""
CLIENTS, SECONDS = {"latency": 2, "load": 50, "chaos": 4}, {"latency": 30.0, "load": 300.0, "chaos": 0.0}


def main() -> None:
    options = pairs.parser(__doc__ or "")
    options.add_argument("program", choices=PROGRAMS)
    options.add_argument("--clients", type=int)
    options.add_argument("--seconds", type=float)
    options.add_argument("--workers", type=int, default=os.cpu_count())
    options.add_argument("--size", type=int, default=512, help="long side of results, px")
    options.add_argument("--kills", type=int, default=100)
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--database", default="", help="a PostgreSQL instead of SQLite")
    arguments = options.parse_args()
    if arguments.quick:
        arguments.kills, arguments.seconds, arguments.size = min(arguments.kills, 4), 3.0, 128
    arguments.clients = arguments.clients or CLIENTS[arguments.program]
    arguments.seconds = arguments.seconds if arguments.seconds is not None else SECONDS[arguments.program]
    pairs.ready(arguments)
    found = PROGRAMS[arguments.program](arguments)
    about = machine.describe()
    pairs.table(arguments.program, tuple(found), [tuple(found.values())])
    pairs.write(arguments, f"service {arguments.program}", about, found)


if __name__ == "__main__":
    pairs.run(main)
