"""The same items on Ray: the same pictures, also when a machine is lost half-way."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from atelier.batch import Here, Making, Outcome, find_photos, paint_all, plan
from atelier.errors import ImageError, MissingExtra
from atelier.image import Image, decode, encode
from atelier.media import open_still
from atelier.request import Style


def test_without_ray_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    from atelier.cluster import Cluster

    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtra, match=r"atelier\[cluster\]"):
        Cluster()


@pytest.mark.system
def test_a_machine_that_is_lost_loses_nothing(tmp_path: Path, picture: Callable[..., Image], monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ray")
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    from ray.cluster_utils import Cluster as Machines

    from atelier.cluster import Cluster

    photos = tmp_path / "photos"
    photos.mkdir()
    for number in range(10):
        (photos / f"{number}.png").write_bytes(encode(picture(160, 120, number), "png"))
    (photos / "bad.png").write_bytes(b"no picture")
    found = find_photos([str(photos)])

    machines = Machines(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False, "object_store_memory": 10**8})
    second = machines.add_node(num_cpus=1, object_store_memory=10**8)
    crew = Cluster(machines.address)
    done: list[Outcome] = []
    try:
        assert crew.workers == 2
        lost = threading.Event()
        for outcome in paint_all(plan(found, [(Style("udnie"),)], str(tmp_path / "ray"), Making()), crew):
            done.append(outcome)
            if len(done) == 3 and not lost.is_set():
                lost.set()
                threading.Thread(target=machines.remove_node, args=(second, False)).start()
                time.sleep(0.1)
    finally:
        crew.close()
        machines.shutdown()
    assert sorted(outcome.state for outcome in done) == ["done"] * 10 + ["failed"]

    monkeypatch.setenv("ATELIER_THREADS", "1")
    for outcome in paint_all(plan(found, [(Style("udnie"),)], str(tmp_path / "here"), Making()), Here()):
        if outcome.state == "done":
            here = open_still(outcome.item.output)
            there = open_still(tmp_path / "ray" / Path(outcome.item.output).name)
            assert (here.pixels == there.pixels).all()


@pytest.mark.system
def test_jobs_of_the_service_are_painted_on_ray(tmp_path: Path, picture: Callable[..., Image], monkeypatch: pytest.MonkeyPatch) -> None:
    """As here; what is wrong with a job is told as here; an actor that is lost puts its job back."""
    pytest.importorskip("ray")
    pytest.importorskip("fastapi")
    import ray

    from atelier.image import Limits
    from atelier.service.asked import Upload, read
    from atelier.service.files import Files
    from atelier.service.painting import Here as Local
    from atelier.service.painting import Lost, OnRay

    monkeypatch.setenv("ATELIER_THREADS", "1")
    files, job = Files(str(tmp_path)), "0" * 32
    asked, uploads = read([("photo", Upload("photo", encode(picture(80, 60), "png"))), ("style", "udnie")])
    broken, _ = read([("photo", Upload("photo", b"no picture")), ("style", "udnie")])
    for name, data in uploads.items():
        files.put(f"uploads/{job}/{name}", data)
    files.put(f"uploads/{'1' * 32}/photo-1", b"no picture")
    crew = OnRay("local")
    try:
        there = crew.paint(asked, files, job, Limits(), lambda progress: None)
        here = Local().paint(asked, files, job, Limits(), lambda progress: None)
        assert (there.width, there.height) == (80, 60)
        assert (decode(there.data).pixels == decode(here.data).pixels).all()
        with pytest.raises(ImageError, match="not a picture"):
            crew.paint(broken, files, "1" * 32, Limits(), lambda progress: None)
        ray.kill(crew.actor)
        with pytest.raises(Lost):
            crew.paint(asked, files, job, Limits(), lambda progress: None)
        assert crew.paint(asked, files, job, Limits(), lambda progress: None).width == 80
    finally:
        ray.shutdown()
