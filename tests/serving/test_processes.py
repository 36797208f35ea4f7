"""The service as processes: killed, stopped, out of time; and files in object storage."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from atelier.image import Image, decode, encode
from atelier.service.app import sweep
from serving.conftest import Serve
from serving.servers import object_storage, postgresql

pytestmark = pytest.mark.system


@pytest.fixture(autouse=True)
def _on_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).resolve().parents[2] / "benchmarks"))


@pytest.fixture
def database(request: pytest.FixtureRequest) -> Iterator[str]:
    if request.param == "sqlite":
        yield ""
        return
    with postgresql() as url:
        yield url


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_no_accepted_job_is_lost_or_done_twice_after_kill_9(database: str, tmp_path: Path, picture: Callable[..., Image]) -> None:
    import service as benchmark

    with benchmark.Served(tmp_path, database, "--workers", "2", "--tries", "1000", "--queue", "12") as served:
        found = benchmark.Chaos(served, encode(picture(300, 200), "jpeg"), 3, 0).run(3)
    assert found["accepted"] == found["done"] > 0, found
    assert not any(found[name] for name in ("failed", "lost", "not ended", "wrong", "two results")), found
    assert found["longest"] < benchmark.RECOVERED


def test_time_runs_out_workers_die_and_the_service_stops(tmp_path: Path, picture: Callable[..., Image]) -> None:
    """Each is its job's failure with its reason, or puts the job back."""
    import service as benchmark

    photo = encode(picture(300, 200), "jpeg")
    slow = {"style": "udnie", "engine": "optimize", "size": "256", "iterations": "2000"}
    served = benchmark.Served(tmp_path, "", "--seconds", "6", "--tries", "1", "--grace", "0")

    def ask(**form: str) -> str:
        answer = httpx.post(f"{served.address}/v1/jobs", data=form, files={"photo": photo})
        return str(answer.json()["id"])

    def wait(id: str, *states: str) -> dict[str, Any]:
        until = time.monotonic() + 40
        while time.monotonic() < until:
            job: dict[str, Any] = httpx.get(f"{served.address}/v1/jobs/{id}", params={"wait": 0.5}).json()
            if job["state"] in states:
                return job
        raise AssertionError(job)

    with served:
        late = wait(ask(**slow), "failed")
        assert late["error"]["title"] == "the job took too long"
        id = ask(**slow)
        wait(id, "running")
        served.kill(served.workers)
        assert "killed" in wait(id, "failed")["error"]["detail"]
        id = ask(**slow)
        wait(id, "running")
        assert httpx.delete(f"{served.address}/v1/jobs/{id}").status_code == 200
        wait(id, "cancelled")
        id = ask(**slow)
        wait(id, "running")
    job = served.store.get(id)
    assert job is not None and (job.state, job.attempt) == ("queued", 0)


def test_files_may_lie_in_object_storage(serve: Serve, photo_bytes: bytes, quick_networks: None) -> None:
    with object_storage() as address:
        running = serve(files="s3://atelier/pictures", storage={"client_kwargs": {"endpoint_url": address}}, keep=0.5)
        job = running.paint(photo=photo_bytes, style="udnie", size=32)
        whole = running.get(f"jobs/{job['id']}/result").content
        assert decode(whole).size == (32, 22)
        assert running.get(f"jobs/{job['id']}/result", headers={"Range": "bytes=2-5"}).content == whole[2:6]
        files = running.worker.files
        assert files.system.find("atelier/pictures")
        time.sleep(0.5)
        sweep(running.worker.store, files)
        files.system.invalidate_cache()
        assert not files.system.find("atelier/pictures")


def test_memory_is_bounded_by_the_system() -> None:
    program = "from atelier.service.worker import bound_memory\nimport numpy as np\nbound_memory(2**30)\nnp.ones(2**28)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert "MemoryError" in done.stderr
